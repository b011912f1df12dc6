/* SPDX-License-Identifier: Apache-2.0 */
/* format: Parquet, one kind of event in a file.
 *
 * Theory of operation: workers write rows and lay them out as columns (batch.h); these chunks are
 * held by the file sink until there are enough for a row group, which pack() makes of them on the
 * output's thread, column by column. What the footer has to say of a group stands behind it in the
 * file, in bytes that no reader looks at:
 *
 *     PAR1 | group: head, pages of each column, RowGroup | group ... | footer, its length, PAR1
 *
 * so that the footer is a walk over the file, nothing of it is kept in memory however long the file
 * becomes, and of a file that was never ended nothing is lost. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/range.h"
#include "flowtap/version.h"
#include "format/format.h"
#include "format/parquet_column.h"
#include "format/row.h"
#include "format/table.h"

extern const struct ft_format_ops ft_format_parquet;

enum {
    VERSION = 2,
    MAGIC = 4,
    COLUMN_META = 384,  /* bytes that a row group says of a column at most, besides its name */
    SCHEMA_META = 256,  /* likewise the schema */
    FOOTER_MORE = 2048, /* besides columns */
    ZSTD_LEVEL = 1,     /* measured: level 3 takes twice the time for 6 % */
    MILLIS_MOST = 60000 /* rows wait no longer for their group */
};

/* What a group begins with in the file. */
struct group_head {
    uint8_t magic[8];
    uint64_t pages, meta; /* bytes of each */
    uint64_t rows;
    struct ft_loss lost;
};

static const uint8_t magic[MAGIC] = "PAR1", group_magic[8] = "FTgroup";

struct parquet {
    struct ft__table table;
    struct ft__parquet_work *work; /* owner: the output's thread, like the next ones */
    uint8_t *out;                  /* [out_cap]: a group */
    size_t out_cap, meta_cap;
};

static const struct parquet *self(const struct ft_format *f)
{
    return (const struct parquet *)f;
}

/* ---- rows ---- */

/* The entries of a column at most: its rows, and of lists all lists and items. */
static uint64_t most_entries(const struct ft__batch *b, const struct ft__batch_node *node)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < b->n; i++) {
        uint64_t entries = 0;

        for (uint32_t k = ft__batch_nodes(&b->col[i]); k > 0; k--, node++) {
            entries += node->n;
        }
        ft_most(&most, entries);
    }
    return most;
}

/* Bytes of rows, laid out: as many entries as bytes is what a column's work has room for. Rows that
 * are not laid out have no fewer. */
static size_t padded(size_t body, uint64_t entries)
{
    return ((body > entries ? body : entries) + 7) / 8 * 8;
}

/* As columns, while the rows are in the cache of the core that wrote them. */
static size_t parquet_seal(const struct ft_format *f, enum ft_event e, const uint8_t *rows,
                           uint32_t n, const struct ft_loss *lost, uint8_t *out)
{
    const struct ft__batch *b = self(f)->table.batch;
    struct ft__parquet_rows head = {.n = n, .lost = *lost};
    uint8_t *nodes = out + sizeof head,
            *buffers = nodes + b->n_nodes * sizeof(struct ft__batch_node);
    size_t at = ft__parquet_body_at(b), body;

    (void)e;
    body = ft__batch_lay(b, rows, n, out + at, (struct ft__batch_node *)(void *)nodes,
                         (struct ft__batch_buffer *)(void *)buffers);
    head.len = at + padded(body, most_entries(b, (const struct ft__batch_node *)(void *)nodes));
    memset(out + at + body, 0, head.len - at - body);
    memcpy(out, &head, sizeof head);
    return head.len;
}

/* ---- row groups ---- */

/* What all of the held rows are. */
static struct ft__parquet_rows all_rows(const uint8_t *held, size_t len)
{
    struct ft__parquet_rows all = {.len = len}, one;

    for (size_t at = 0; at < len; at += one.len) {
        memcpy(&one, held + at, sizeof one);
        all.n += one.n;
        ft_most(&all.lost.events, one.lost.events);
        ft_most(&all.lost.packets, one.lost.packets);
    }
    return all;
}

/* The nulls of a column, whose node has that number. */
static uint64_t nulls_of(const uint8_t *held, size_t len, uint32_t node)
{
    struct ft__parquet_rows one;
    struct ft__batch_node n;
    uint64_t nulls = 0;

    for (size_t at = 0; at < len; at += one.len) {
        memcpy(&one, held + at, sizeof one);
        memcpy(&n, held + at + sizeof one + node * sizeof n, sizeof n);
        nulls += n.nulls;
    }
    return nulls;
}

/* The pages of all columns at p->out + sizeof head, whose RowGroup goes to t. Returns the bytes. */
static size_t put_columns(struct parquet *p, const uint8_t *held,
                          const struct ft__parquet_rows *rows, uint64_t at, struct ft_thrift *t)
{
    const struct ft__batch *b = p->table.batch;
    size_t len = sizeof(struct group_head);
    uint32_t node = 0;
    uint64_t raw = 0;

    ft_thrift_list(t, 1, FT_THRIFT_STRUCT, b->n);
    for (uint32_t i = 0; i < b->n; i++) {
        struct ft__parquet_in in = {.batch = b,
                                    .column = &b->col[i],
                                    .rows = rows->n,
                                    .nulls = nulls_of(held, rows->len, node),
                                    .held = held,
                                    .len = rows->len};

        len += ft__parquet_put_column(p->work, &in, at + len, p->out + len, t, &raw);
        node += ft__batch_nodes(&b->col[i]);
    }
    len -= sizeof(struct group_head);
    ft_thrift_i64(t, 2, (int64_t)raw);
    ft_thrift_i64(t, 3, (int64_t)rows->n);
    ft_thrift_i64(t, 5, (int64_t)(at + sizeof(struct group_head)));
    ft_thrift_i64(t, 6, (int64_t)len);
    ft_thrift_end(t);
    return len;
}

static int parquet_pack(struct ft_format *f, const uint8_t *held, size_t len, uint64_t at,
                        const uint8_t **out, size_t *out_len)
{
    struct parquet *p = (struct parquet *)f;
    struct ft__parquet_rows rows = all_rows(held, len);
    struct group_head head = {.rows = rows.n, .lost = rows.lost};
    uint8_t *meta = p->out + p->out_cap - p->meta_cap;
    struct ft_thrift t = {.data = meta, .cap = p->meta_cap};

    head.pages = put_columns(p, held, &rows, at, &t);
    head.meta = t.len;
    memcpy(head.magic, group_magic, sizeof head.magic);
    memcpy(p->out, &head, sizeof head);
    memmove(p->out + sizeof head + head.pages, meta, t.len);
    *out = p->out;
    *out_len = sizeof head + head.pages + t.len;
    if (ft__parquet_work_failed(p->work)) {
        return FT_E_NOMEM;
    }
    return t.full ? FT_E_RANGE : FT_OK;
}

/* ---- files ---- */

static size_t parquet_header(const struct ft_format *f, uint8_t *p)
{
    (void)f;
    memcpy(p, magic, sizeof magic);
    return sizeof magic;
}

/* The group at an offset of the file. False: there is none. */
static bool group_at(const struct ft_trailer *t, uint64_t at, struct group_head *out)
{
    return at + sizeof *out <= t->size &&
           pread(t->fd, out, sizeof *out, (off_t)at) == (ssize_t)sizeof *out &&
           memcmp(out->magic, group_magic, sizeof out->magic) == 0 &&
           out->pages <= t->size - at - sizeof *out &&
           out->meta <= t->size - at - sizeof *out - out->pages;
}

static uint64_t behind(const struct group_head *g)
{
    return sizeof *g + g->pages + g->meta;
}

static void put_schema(const struct parquet *p, struct ft_thrift *t)
{
    const struct ft__batch *b = p->table.batch;
    uint32_t elements = 1;

    for (uint32_t i = 0; i < b->n; i++) {
        elements += ft__parquet_elements(&b->col[i]);
    }
    ft_thrift_list(t, 2, FT_THRIFT_STRUCT, elements);
    ft_thrift_item_begin(t);
    ft_thrift_text(t, 4, "schema");
    ft_thrift_i32(t, 5, (int32_t)b->n);
    ft_thrift_end(t);
    for (uint32_t i = 0; i < b->n; i++) {
        ft__parquet_put_elements(t, &b->col[i]);
    }
}

enum { TRAILER_BEGIN, TRAILER_GROUPS, TRAILER_OVER };

/* Up to the row groups. t->n: bytes of the footer so far; t->left: groups to come. */
static size_t trailer_begin(const struct parquet *p, struct ft_trailer *t, uint8_t *out,
                            size_t room)
{
    struct ft_thrift meta = {.data = out, .cap = room};
    struct group_head g;
    uint64_t rows = 0;

    for (uint64_t at = MAGIC; group_at(t, at, &g); at += behind(&g)) {
        rows += g.rows;
        t->left++;
        ft_most(&t->lost.events, g.lost.events);
        ft_most(&t->lost.packets, g.lost.packets);
    }
    ft_thrift_i32(&meta, 1, VERSION);
    put_schema(p, &meta);
    ft_thrift_i64(&meta, 3, (int64_t)rows);
    ft_thrift_list(&meta, 4, FT_THRIFT_STRUCT, (uint32_t)t->left);
    t->at = MAGIC;
    t->state = TRAILER_GROUPS;
    t->n = meta.len;
    return meta.len;
}

/* What a group says of itself. */
static size_t trailer_group(struct ft_trailer *t, uint8_t *out, size_t room)
{
    struct group_head g;

    if (!group_at(t, t->at, &g) || g.meta > room ||
        pread(t->fd, out, g.meta, (off_t)(t->at + sizeof g + g.pages)) != (ssize_t)g.meta) {
        return 0;
    }
    t->at += behind(&g);
    t->left--;
    t->n += g.meta;
    return g.meta;
}

static void put_pair(struct ft_thrift *t, const char *key, const char *value)
{
    ft_thrift_item_begin(t);
    ft_thrift_text(t, 1, key);
    ft_thrift_text(t, 2, value);
    ft_thrift_end(t);
}

/* What is behind the groups, the length, the magic. */
static size_t trailer_end(const struct parquet *p, struct ft_trailer *t, uint8_t *out, size_t room)
{
    struct ft_thrift meta = {.data = out, .cap = room, .last = {4}};
    char created[64], events[24], packets[24];
    uint32_t len;

    snprintf(created, sizeof created, "flowtap version %s", ft_version());
    snprintf(events, sizeof events, "%llu", (unsigned long long)t->lost.events);
    snprintf(packets, sizeof packets, "%llu", (unsigned long long)t->lost.packets);
    ft_thrift_list(&meta, 5, FT_THRIFT_STRUCT, p->table.n_pairs + 2);
    for (uint32_t i = 0; i < p->table.n_pairs; i++) {
        put_pair(&meta, p->table.pairs[i].key, p->table.pairs[i].value);
    }
    put_pair(&meta, "flowtap.events_lost", events);
    put_pair(&meta, "flowtap.packets_lost", packets);
    ft_thrift_text(&meta, 6, created);
    ft_thrift_list(&meta, 7, FT_THRIFT_STRUCT,
                   p->table.batch->n); /* orders as the types have them */
    for (uint32_t i = 0; i < p->table.batch->n; i++) {
        ft_thrift_item_begin(&meta);
        ft_thrift_begin(&meta, 1);
        ft_thrift_end(&meta);
        ft_thrift_end(&meta);
    }
    ft_thrift_end(&meta);
    len = (uint32_t)(t->n + meta.len);
    memcpy(out + meta.len, &len, sizeof len);
    memcpy(out + meta.len + sizeof len, magic, sizeof magic);
    t->state = TRAILER_OVER;
    return meta.len + sizeof len + sizeof magic;
}

static size_t parquet_trailer(const struct ft_format *f, struct ft_trailer *t, uint8_t *out,
                              size_t room)
{
    const struct parquet *p = self(f);

    switch (t->state) {
    case TRAILER_BEGIN:
        return trailer_begin(p, t, out, room);
    case TRAILER_GROUPS:
        return t->left > 0 ? trailer_group(t, out, room) : trailer_end(p, t, out, room);
    default:
        return 0;
    }
}

/* ---- life ---- */

static void parquet_end(struct ft_format *f)
{
    struct parquet *p = (struct parquet *)f;

    if (p == NULL) {
        return;
    }
    ft__table_fini(&p->table);
    ft__parquet_work_free(p->work);
    ft_map_free(p->out, p->out_cap);
    ft_mem_free(p);
}

static size_t names_of(const struct ft__batch *b)
{
    size_t len = 0;

    for (uint32_t i = 0; i < b->n; i++) {
        len += strlen(b->col[i].of.field->name);
    }
    return len;
}

static int make_room(struct parquet *p)
{
    const struct ft__batch *b = p->table.batch;

    p->meta_cap = (size_t)b->n * COLUMN_META + names_of(b) + FOOTER_MORE;
    p->out_cap = ft__parquet_room(FT_PACK_MOST, b->n) + p->meta_cap;
    p->work = ft__parquet_work_new(FT_PACK_MOST, ZSTD_LEVEL);
    p->out = ft_map_alloc_sparse(p->out_cap);
    p->table.format.seal_room = ft__parquet_body_at(b) + ft__batch_room(b) + 8;
    p->table.format.pack_ms = MILLIS_MOST;
    p->table.format.needs_file = true;
    p->table.format.trailer_each = p->meta_cap;
    p->table.format.trailer_head = sizeof(struct group_head);
    p->table.format.trailer_tail = p->meta_cap;
    p->table.format.trailer_room = (size_t)b->n * SCHEMA_META + names_of(b) + FOOTER_MORE;
    if (p->meta_cap > FT_FORMAT_TRAILER_ROOM ||
        p->table.format.trailer_room > FT_FORMAT_TRAILER_ROOM) {
        return FT_E_RANGE;
    }
    return p->work != NULL && p->out != NULL ? FT_OK : FT_E_NOMEM;
}

static int parquet_open(const struct ft_format_config *cfg, struct ft_format **out,
                        struct ft_err *err)
{
    struct parquet *p = ft_mem_alloc(1, sizeof *p);
    int rc = FT_E_NOMEM;

    if (p != NULL) {
        p->table.format.ops = &ft_format_parquet;
        rc = ft__table_init(&p->table, cfg);
        rc = rc == FT_OK ? make_room(p) : rc;
    }
    if (rc != FT_OK) {
        parquet_end((struct ft_format *)p);
        return ft_err_set(err, rc, "the columns of an output: %s", ft_strerror(rc));
    }
    *out = &p->table.format;
    return FT_OK;
}

const struct ft_format_ops ft_format_parquet = {
    .name = "parquet",
    .help = "Parquet, packed by zstd; one kind of event (?event=), flow records without --events",
    .suffix = ".parquet",
    .events = FT_FORMAT_EVENTS,
    .single_event = true,
    .prefers_flows = true,
    .open = parquet_open,
    .end = parquet_end,
    .header = parquet_header,
    .row = ft__table_row,
    .sample = ft__row_sample,
    .flow = ft__row_flow,
    .stats = ft__row_stats,
    .export_flow = ft__row_export_flow,
    .export_event = ft__row_export_event,
    .seal = parquet_seal,
    .pack = parquet_pack,
    .trailer = parquet_trailer,
};
