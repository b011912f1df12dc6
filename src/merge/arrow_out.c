/* SPDX-License-Identifier: Apache-2.0 */
/* merge: flow records as Arrow, see arrow_out.h. */
#include "merge/arrow_out.h"

#include <string.h>

#include "base/mem.h"
#include "merge/arrow.h"
#include "merge/arrow_cells.h"
#include "model/columns.h"

enum {
    ROWS = 2048,
    MAPS = 16,
    NONE = UINT16_MAX,
    OBJECT = 64,
    MAGIC = 6,
    MAGIC_ROOM = 8,
    TEXT = 32 << 20 /* bytes of lines in a batch: readers have bounds, this one FT_ARROW_BODY */
};

/* Which column each value of a shape goes to. */
struct map {
    const struct ft__shape *shape;
    uint64_t id;      /* by which it is the same still */
    uint32_t missing; /* values that have no column */
    uint16_t column[FT__SHAPE_STEPS];
};

struct ft__arrow_out {
    bool is_file, begun;
    int (*write)(void *cookie, const char *data, size_t len);
    void *cookie;
    struct ft__scan *scan; /* owned */
    struct ft__record record;
    struct ft_columns exported;
    struct ft__cells *cells; /* [n], owned */
    uint32_t n;
    uint64_t rows, events, values; /* rows: of the batch; the others are left out */
    uint64_t text;                 /* bytes of the lines in the batch */
    uint64_t at;                   /* bytes written */
    struct ft__cell_bytes out, blocks;
    struct map map[MAPS];
    uint32_t next_map;
};

struct ft__arrow_out *ft__arrow_out_new(bool is_file,
                                        int (*write)(void *cookie, const char *data, size_t len),
                                        void *cookie)
{
    struct ft__arrow_out *o = ft_mem_alloc(1, sizeof *o);

    if (o == NULL) {
        return NULL;
    }
    o->is_file = is_file;
    o->write = write;
    o->cookie = cookie;
    o->scan = ft__scan_new();
    o->cells = ft_mem_alloc(FT__CELLS_MAX, sizeof *o->cells);
    ft_columns_exported(true, &o->exported);
    if (o->scan == NULL || o->cells == NULL) {
        ft__arrow_out_free(o);
        return NULL;
    }
    return o;
}

void ft__arrow_out_free(struct ft__arrow_out *o)
{
    if (o == NULL) {
        return;
    }
    for (uint32_t i = 0; i < o->n; i++) {
        ft__cells_free(&o->cells[i]);
    }
    ft__scan_free(o->scan);
    ft_mem_free(o->cells);
    ft_mem_free(o->out.at);
    ft_mem_free(o->blocks.at);
    ft_mem_free(o);
}

void ft__arrow_out_counts(const struct ft__arrow_out *o, uint64_t *events, uint64_t *values)
{
    *events = o->events;
    *values = o->values;
}

/* ---- columns ---- */

/* The key of a value, and the object that it is in. */
struct path {
    char object[OBJECT], key[FT__CELL_NAME];
};

/* Walks over what stands before a value: a key that is followed by a brace is an object. */
static void walk_path(struct path *path, const char *at, size_t len)
{
    const char *end = at + len;

    while (at < end) {
        if (*at == '}') {
            path->object[0] = '\0';
        } else if (*at == '{' && path->key[0] != '\0') {
            memcpy(path->object, path->key, OBJECT - 1);
            path->object[OBJECT - 1] = '\0';
        } else if (*at == '"') {
            const char *from = ++at;

            while (at < end && *at != '"') {
                at += 1 + (*at == '\\');
            }
            size_t n = at < end ? (size_t)(at - from) : 0;

            n = n < FT__CELL_NAME ? n : 0;
            memcpy(path->key, from, n);
            memset(path->key + n, 0, FT__CELL_NAME - n);
        }
        at++;
    }
}

/* What merge itself says, and how. */
static bool own_column(const struct path *path, struct ft__cells *c)
{
    static const struct {
        const char *name;
        uint8_t kind, lists;
    } own[] = {{"observers", FT__CELL_TEXT, 1},
               {"merged", FT__CELL_UNSIGNED, 0},
               {"estimated_packets", FT__CELL_FLOAT, 0},
               {"estimated_bytes", FT__CELL_FLOAT, 0},
               {"estimated_packets_sigma", FT__CELL_FLOAT, 0}};

    for (size_t i = 0; path->object[0] == '\0' && i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(own[i].name, path->key) == 0) {
            c->kind = own[i].kind;
            c->lists = own[i].lists;
            c->width = 8;
            return true;
        }
    }
    return false;
}

static void type_of(enum ft_type type, struct ft__cells *c)
{
    static const struct {
        uint8_t kind, width;
    } types[FT_T__COUNT] = {
        [FT_T_BOOL] = {FT__CELL_BOOL, 1},    [FT_T_U8] = {FT__CELL_UNSIGNED, 1},
        [FT_T_U16] = {FT__CELL_UNSIGNED, 2}, [FT_T_U32] = {FT__CELL_UNSIGNED, 4},
        [FT_T_U64] = {FT__CELL_UNSIGNED, 8}, [FT_T_I64] = {FT__CELL_SIGNED, 8},
        [FT_T_F64] = {FT__CELL_FLOAT, 8},    [FT_T_F32] = {FT__CELL_FLOAT, 4},
        [FT_T_TIME] = {FT__CELL_TIME, 8},    [FT_T_STRING] = {FT__CELL_TEXT, 1},
        [FT_T_TEXT] = {FT__CELL_TEXT, 1},    [FT_T_BYTES] = {FT__CELL_BYTES, 1},
        [FT_T_ID] = {FT__CELL_TEXT, 1},      [FT_T_ADDR] = {FT__CELL_TEXT, 1},
        [FT_T_JSON] = {FT__CELL_TEXT, 1},
    };

    c->kind = types[type].kind;
    c->width = types[type].width;
}

/* The column that has a value; NULL: there is no room for another one. */
static struct ft__cells *column_of(struct ft__arrow_out *o, const struct path *path, bool may_add)
{
    bool raw = path->object[0] == '\0' && strcmp(path->key, "features") == 0;
    const char *name = raw ? "other" : path->key;

    for (uint32_t i = 0; i < o->n; i++) {
        if (strcmp(o->cells[i].name, name) == 0) {
            return &o->cells[i];
        }
    }
    if (!may_add || o->n == FT__CELLS_MAX || name[0] == '\0') {
        return NULL;
    }
    struct ft__cells *c = &o->cells[o->n++];
    const struct ft_field *f = ft__arrow_known(&o->exported, path->object, path->key);

    memset(c, 0, sizeof *c);
    memcpy(c->name, name, strlen(name) + 1);
    c->kind = FT__CELL_TEXT;
    if (!own_column(path, c) && f != NULL) {
        c->lists = f->type == FT_T_LISTS ? 2 : f->type == FT_T_LIST || f->type == FT_T_VECTOR;
        c->fixed = f->type == FT_T_VECTOR ? f->most : 0;
        type_of(c->lists > 0 ? (enum ft_type)f->item : (enum ft_type)f->type, c);
    }
    return c;
}

static void fill_map(struct ft__arrow_out *o, struct map *map, bool may_add)
{
    const struct ft__shape *s = map->shape;
    struct path path = {{0}, {0}};

    map->missing = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        walk_path(&path, s->text + s->step[i].at, s->step[i].len);
        map->column[i] = NONE;
        if (path.object[0] == '\0' && strcmp(path.key, "event_type") == 0) {
            continue;
        }
        const struct ft__cells *c = column_of(o, &path, may_add);
        uint16_t k = c != NULL ? (uint16_t)(c - o->cells) : (uint16_t)NONE;

        for (uint32_t before = 0; c != NULL && before < i; before++) {
            if (map->column[before] == k) { /* of one name the last one */
                map->column[before] = NONE;
            }
        }
        map->missing += c == NULL;
        map->column[i] = k;
    }
}

static const struct map *map_of(struct ft__arrow_out *o, const struct ft__shape *s, bool may_add)
{
    for (uint32_t i = 0; i < MAPS && !may_add; i++) {
        if (o->map[i].shape == s && o->map[i].id == s->id) {
            return &o->map[i];
        }
    }
    struct map *map = &o->map[o->next_map++ % MAPS];

    map->shape = s;
    map->id = s->id;
    fill_map(o, map, may_add);
    return map;
}

/* ---- rows ---- */

static bool is_flow(const struct ft__record *r)
{
    static const char name[] = "network_flow_record";
    const struct ft__span *e = &r->of[FT__MERGE_EVENT];

    return e->len == sizeof name - 1 && memcmp(e->at, name, e->len) == 0;
}

static int put_row(struct ft__arrow_out *o, const struct map *map)
{
    const struct ft__record *r = &o->record;
    uint32_t begin = 0;
    int rc = FT_OK;

    o->rows++;
    o->text += r->len;
    o->values += map->missing;
    for (uint32_t i = 0; i < r->shape->n; i++) {
        const char *value = r->line + begin + r->shape->step[i].len;
        uint32_t len = r->end[i] - begin - r->shape->step[i].len;

        begin = r->end[i];
        if (map->column[i] != NONE) {
            rc = ft__cells_put(&o->cells[map->column[i]], value, len);
            o->values += rc == FT_E_RANGE;
            if (rc == FT_E_NOMEM) {
                return rc;
            }
        }
    }
    for (uint32_t i = 0; i < o->n; i++) {
        if (o->cells[i].n < o->rows && ft__cells_put(&o->cells[i], NULL, 0) != FT_OK) {
            return FT_E_NOMEM;
        }
    }
    return FT_OK;
}

static int send(struct ft__arrow_out *o)
{
    int rc = o->out.len > 0 ? o->write(o->cookie, (const char *)o->out.at, o->out.len) : 0;

    o->at += o->out.len;
    o->out.len = 0;
    return rc;
}

static int send_batch(struct ft__arrow_out *o)
{
    struct ft__cells_block block = {.at = o->at};
    uint64_t meta = 0;

    if (o->rows == 0) {
        return 0;
    }
    int rc = ft__cells_batch(o->cells, o->n, o->rows, &o->out, &meta);

    if (rc != FT_OK) {
        return rc;
    }
    block.meta = (uint32_t)meta;
    block.body = o->out.len - meta;
    if (o->is_file && ft__cell_bytes_add(&o->blocks, &block, sizeof block) != FT_OK) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < o->n; i++) {
        ft__cells_clear(&o->cells[i]);
    }
    o->rows = 0;
    o->text = 0;
    return send(o);
}

/* ---- lines ---- */

/* The next line; NULL: there is none. */
static const char *next_line(const char *at, const char *end, size_t *out_len)
{
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;

    *out_len = newline != NULL ? (size_t)(newline - at) : 0;
    return newline;
}

/* The columns of the first lines that come. */
static int begin(struct ft__arrow_out *o, const char *text, size_t len)
{
    static const char magic[MAGIC_ROOM] = "ARROW1";
    static const char own[] = "\"observers\":\"merged\":\"estimated_packets\":\"estimated_bytes\":"
                              "\"estimated_packets_sigma\":";
    struct path path = {{0}, {0}};
    size_t n;

    for (const char *at = text, *next; (next = next_line(at, text + len, &n)) != NULL;
         at = next + 1) {
        if (ft__scan_line(o->scan, at, n, &o->record) && is_flow(&o->record) &&
            o->record.shape != NULL) {
            map_of(o, o->record.shape, true);
        }
    }
    for (const char *at = own; *at != '\0'; at = strchr(at, ':') + 1) {
        walk_path(&path, at, (size_t)(strchr(at, ':') - at));
        column_of(o, &path, true);
    }
    o->begun = true;
    if (o->is_file && ft__cell_bytes_add(&o->out, magic, sizeof magic) != FT_OK) {
        return FT_E_NOMEM;
    }
    int rc = ft__cells_schema(o->cells, o->n, &o->out);

    return rc == FT_OK ? send(o) : rc;
}

int ft__arrow_out_lines(struct ft__arrow_out *o, const char *text, size_t len, bool soon)
{
    int rc = o->begun ? 0 : begin(o, text, len);
    size_t n;

    for (const char *at = text, *next; rc == 0 && (next = next_line(at, text + len, &n)) != NULL;
         at = next + 1) {
        if (!ft__scan_line(o->scan, at, n, &o->record) || !is_flow(&o->record) ||
            o->record.shape == NULL) {
            o->events++;
            continue;
        }
        rc = put_row(o, map_of(o, o->record.shape, false));
        rc = rc == FT_OK && (o->rows == ROWS || o->text >= TEXT) ? send_batch(o) : rc;
    }
    return rc == 0 && !soon ? send_batch(o) : rc;
}

int ft__arrow_out_end(struct ft__arrow_out *o)
{
    static const uint8_t end_of_stream[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    int rc = o->begun ? send_batch(o) : begin(o, "", 0);
    uint32_t footer;

    if (rc != 0 || ft__cell_bytes_add(&o->out, end_of_stream, sizeof end_of_stream) != FT_OK) {
        return rc != 0 ? rc : FT_E_NOMEM;
    }
    if (o->is_file) {
        size_t before = o->out.len;
        const void *blocks = o->blocks.at;

        rc = ft__cells_footer(o->cells, o->n, blocks,
                              (uint32_t)(o->blocks.len / sizeof(struct ft__cells_block)), &o->out);
        footer = (uint32_t)(o->out.len - before);
        rc = rc == FT_OK ? ft__cell_bytes_add(&o->out, &footer, sizeof footer) : rc;
        rc = rc == FT_OK ? ft__cell_bytes_add(&o->out, "ARROW1", MAGIC) : rc;
    }
    return rc == FT_OK ? send(o) : rc;
}
