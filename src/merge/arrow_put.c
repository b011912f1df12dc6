/* SPDX-License-Identifier: Apache-2.0 */
/* merge: messages of Arrow IPC of columns of cells (format/Message.fbs, File.fbs). */
#include <string.h>

#include "base/mem.h"
#include "codec/columnar/flatbuffer.h"
#include "flowtap/event.h"
#include "flowtap/version.h"
#include "merge/arrow_cells.h"

enum {
    VERSION_5 = 4,
    HEADER_SCHEMA = 1,
    HEADER_BATCH = 3,
    TYPE_INT = 2,
    TYPE_FLOAT = 3,
    TYPE_BINARY = 4,
    TYPE_UTF8 = 5,
    TYPE_BOOL = 6,
    TYPE_TIMESTAMP = 10,
    TYPE_LIST = 12,
    TYPE_FIXED_LIST = 16,
    FLOAT_SINGLE = 1,
    FLOAT_DOUBLE = 2,
    UNIT_US = 2,
    PAIR = 16,   /* bytes of a node, and of a buffer */
    PREFIX = 8,  /* before a message */
    ALIGN = 8,   /* of buffers */
    ROOM = 4096, /* of a message without columns, and of a column */
    ROOM_COLUMN = 1024,
    BUFFERS_MOST = 8, /* of a column */
    NODES_MOST = 3,
    BLOCK = 24 /* bytes of one in a footer */
};

/* ---- schema ---- */

static uint8_t type_of(const struct ft__cells *c)
{
    static const uint8_t types[] = {
        [FT__CELL_BOOL] = TYPE_BOOL,      [FT__CELL_UNSIGNED] = TYPE_INT,
        [FT__CELL_SIGNED] = TYPE_INT,     [FT__CELL_FLOAT] = TYPE_FLOAT,
        [FT__CELL_TIME] = TYPE_TIMESTAMP, [FT__CELL_TEXT] = TYPE_UTF8,
        [FT__CELL_BYTES] = TYPE_BINARY,
    };

    return types[c->kind];
}

static uint32_t put_type(struct ft_flat *b, const struct ft__cells *c, bool is_list)
{
    uint32_t at[FT_FLAT_SLOTS_MAX], table;
    struct ft_flat_slot integer[] = {{4, 8u * c->width}, {1, c->kind == FT__CELL_SIGNED}};
    struct ft_flat_slot real[] = {{2, c->width == sizeof(float) ? FLOAT_SINGLE : FLOAT_DOUBLE}};
    struct ft_flat_slot time[] = {{2, UNIT_US}, FT_FLAT_OFFSET}, fixed[] = {{4, c->fixed}};

    if (is_list) {
        return ft_flat_table(b, fixed, c->fixed > 0, at);
    }
    switch (type_of(c)) {
    case TYPE_INT:
        return ft_flat_table(b, integer, 2, at);
    case TYPE_FLOAT:
        return ft_flat_table(b, real, 1, at);
    case TYPE_TIMESTAMP:
        table = ft_flat_table(b, time, 2, at);
        ft_flat_point(b, at[1], ft_flat_string(b, "UTC"));
        return table;
    default:
        return ft_flat_table(b, NULL, 0, at);
    }
}

/* A field, or the item of one in so many lists; `from` points to it. */
static void put_field(struct ft_flat *b, const struct ft__cells *c, uint32_t depth, uint32_t from)
{
    bool is_list = depth < c->lists;
    uint8_t list = c->fixed > 0 ? TYPE_FIXED_LIST : TYPE_LIST;
    struct ft_flat_slot slots[] = {FT_FLAT_OFFSET, {1, true},    {1, is_list ? list : type_of(c)},
                                   FT_FLAT_OFFSET, FT_FLAT_NONE, FT_FLAT_OFFSET};
    uint32_t at[FT_FLAT_SLOTS_MAX];

    ft_flat_point(b, from, ft_flat_table(b, slots, 6, at));
    ft_flat_point(b, at[3], put_type(b, c, is_list));
    ft_flat_point(b, at[0], ft_flat_string(b, depth == 0 ? c->name : "item"));
    uint32_t children = ft_flat_offsets(b, is_list);

    ft_flat_point(b, at[5], children);
    if (is_list) {
        put_field(b, c, depth + 1, children + 4);
    }
}

static uint32_t put_schema(struct ft_flat *b, const struct ft__cells *c, uint32_t n)
{
    static const struct ft_flat_slot slots[] = {{2, 0}, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    static const struct ft_flat_slot pair[] = {FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    const char *const pairs[][2] = {{"flowtap.event", ft_event_type(FT_EVENT_FLOW)},
                                    {"flowtap.schema", ft_schema_version()},
                                    {"flowtap.version", ft_version()}};
    enum { PAIRS = sizeof pairs / sizeof pairs[0] };
    uint32_t at[FT_FLAT_SLOTS_MAX], table = ft_flat_table(b, slots, 3, at);
    uint32_t fields = ft_flat_offsets(b, n);

    ft_flat_point(b, at[1], fields);
    for (uint32_t i = 0; i < n; i++) {
        put_field(b, &c[i], 0, fields + 4 + 4 * i);
    }
    uint32_t vector = ft_flat_offsets(b, PAIRS);

    ft_flat_point(b, at[2], vector);
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t in[FT_FLAT_SLOTS_MAX];

        ft_flat_point(b, vector + 4 + 4 * i, ft_flat_table(b, pair, 2, in));
        ft_flat_point(b, in[0], ft_flat_string(b, pairs[i][0]));
        ft_flat_point(b, in[1], ft_flat_string(b, pairs[i][1]));
    }
    return table;
}

/* ---- messages ---- */

/* A message whose header is at *out_header to be pointed to, in `room` bytes behind what is there.
 * Its prefix is put by end_message(). */
static int begin_message(struct ft__cell_bytes *out, size_t room, uint8_t kind, uint64_t body,
                         struct ft_flat *b, uint32_t *out_header)
{
    struct ft_flat_slot slots[] = {{2, VERSION_5}, {1, kind}, FT_FLAT_OFFSET, {8, body}};
    uint32_t at[FT_FLAT_SLOTS_MAX];
    size_t len = out->len;

    if (room > UINT32_MAX / 2) {
        return FT_E_NOMEM;
    }
    if (out->cap - len < room) {
        void *zeros = ft_mem_alloc(1, room);
        int rc = zeros != NULL ? ft__cell_bytes_add(out, zeros, room) : FT_E_NOMEM;

        ft_mem_free(zeros);
        out->len = len;
        if (rc != FT_OK) {
            return rc;
        }
    }
    ft_flat_begin(b, out->at + len + PREFIX, (uint32_t)(room - PREFIX));
    ft_flat_point(b, 0, ft_flat_table(b, slots, 4, at));
    *out_header = at[2];
    return FT_OK;
}

static int end_message(struct ft__cell_bytes *out, struct ft_flat *b)
{
    uint32_t words[2] = {UINT32_MAX};

    ft_flat_pad(b);
    if (b->full) {
        return FT_E_NOMEM;
    }
    words[1] = b->len;
    memcpy(out->at + out->len, words, sizeof words);
    out->len += PREFIX + b->len;
    return FT_OK;
}

int ft__cells_schema(const struct ft__cells *c, uint32_t n, struct ft__cell_bytes *out)
{
    struct ft_flat b;
    uint32_t header;
    int rc = begin_message(out, ROOM + (size_t)n * ROOM_COLUMN, HEADER_SCHEMA, 0, &b, &header);

    if (rc != FT_OK) {
        return rc;
    }
    ft_flat_point(&b, header, put_schema(&b, c, n));
    return end_message(out, &b);
}

/* ---- batches ---- */

/* Where a batch's parts go. */
struct laying {
    uint64_t *node, *buffer; /* two numbers each */
    uint32_t nodes, buffers;
    uint64_t at; /* in the body */
};

static void lay(struct laying *l, uint64_t len)
{
    l->buffer[2 * l->buffers] = l->at;
    l->buffer[2 * l->buffers++ + 1] = len;
    l->at += (len + ALIGN - 1) / ALIGN * ALIGN;
}

static void lay_node(struct laying *l, uint64_t n, uint64_t nulls)
{
    l->node[2 * l->nodes] = n;
    l->node[2 * l->nodes++ + 1] = nulls;
}

/* Offsets have a 0 before the ends. */
static uint64_t offsets_len(const struct ft__cell_bytes *ends)
{
    return ends->len + sizeof(uint32_t);
}

static void lay_column(struct laying *l, const struct ft__cells *c)
{
    lay_node(l, c->n, c->nulls);
    lay(l, c->nulls > 0 ? c->valid.len : 0);
    for (uint32_t i = 0; i < c->lists; i++) {
        if (c->fixed == 0) {
            lay(l, offsets_len(&c->list[i]));
        }
        lay_node(l, i + 1 < c->lists ? c->inner : c->items, 0);
        lay(l, 0);
    }
    if (c->kind == FT__CELL_TEXT || c->kind == FT__CELL_BYTES) {
        lay(l, offsets_len(&c->ends));
    }
    lay(l, c->data.len);
}

static int add_padded(struct ft__cell_bytes *out, uint32_t zeros_before, const void *from,
                      size_t len)
{
    static const uint8_t zeros[ALIGN] = {0};
    size_t pad = (ALIGN - (zeros_before + len) % ALIGN) % ALIGN;
    int rc = ft__cell_bytes_add(out, zeros, zeros_before);

    rc = rc == FT_OK ? ft__cell_bytes_add(out, from, len) : rc;
    return rc == FT_OK ? ft__cell_bytes_add(out, zeros, pad) : rc;
}

static int add_column(struct ft__cell_bytes *out, const struct ft__cells *c)
{
    enum { OFFSET = sizeof(uint32_t) };
    int rc = c->nulls > 0 ? add_padded(out, 0, c->valid.at, c->valid.len) : FT_OK;

    for (uint32_t i = 0; c->fixed == 0 && i < c->lists && rc == FT_OK; i++) {
        rc = add_padded(out, OFFSET, c->list[i].at, c->list[i].len);
    }
    if (rc == FT_OK && (c->kind == FT__CELL_TEXT || c->kind == FT__CELL_BYTES)) {
        rc = add_padded(out, OFFSET, c->ends.at, c->ends.len);
    }
    return rc == FT_OK ? add_padded(out, 0, c->data.at, c->data.len) : rc;
}

static void put_pairs(struct ft_flat *b, uint32_t from, const uint64_t *pairs, uint32_t n)
{
    uint32_t vector = ft_flat_structs(b, n, PAIR, true);

    ft_flat_point(b, from, vector);
    if (!b->full) {
        memcpy(b->data + vector + 4, pairs, (size_t)n * PAIR);
    }
}

int ft__cells_batch(const struct ft__cells *c, uint32_t n, uint64_t rows,
                    struct ft__cell_bytes *out, uint64_t *out_meta)
{
    struct ft_flat_slot slots[] = {{8, rows}, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    uint64_t node[2 * NODES_MOST * FT__CELLS_MAX], buffer[2 * BUFFERS_MOST * FT__CELLS_MAX];
    struct laying l = {.node = node, .buffer = buffer};
    uint32_t header, at[FT_FLAT_SLOTS_MAX];
    struct ft_flat b;
    size_t before = out->len;

    for (uint32_t i = 0; i < n; i++) {
        lay_column(&l, &c[i]);
    }
    int rc = begin_message(out, ROOM + (size_t)n * ROOM_COLUMN, HEADER_BATCH, l.at, &b, &header);

    if (rc != FT_OK) {
        return rc;
    }
    ft_flat_point(&b, header, ft_flat_table(&b, slots, 3, at));
    put_pairs(&b, at[1], node, l.nodes);
    put_pairs(&b, at[2], buffer, l.buffers);
    rc = end_message(out, &b);
    *out_meta = out->len - before;
    for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
        rc = add_column(out, &c[i]);
    }
    return rc;
}

int ft__cells_footer(const struct ft__cells *c, uint32_t n, const struct ft__cells_block *blocks,
                     uint32_t n_blocks, struct ft__cell_bytes *out)
{
    static const struct ft_flat_slot slots[] = {
        {2, VERSION_5}, FT_FLAT_OFFSET, FT_FLAT_OFFSET, FT_FLAT_OFFSET};
    size_t room = ROOM + (size_t)n * ROOM_COLUMN + (size_t)n_blocks * BLOCK;
    uint8_t *data = room < UINT32_MAX ? ft_mem_alloc(1, room) : NULL;
    uint32_t at[FT_FLAT_SLOTS_MAX], vector;
    struct ft_flat b;

    if (data == NULL) {
        return FT_E_NOMEM;
    }
    ft_flat_begin(&b, data, (uint32_t)room);
    ft_flat_point(&b, 0, ft_flat_table(&b, slots, 4, at));
    ft_flat_point(&b, at[1], put_schema(&b, c, n));
    ft_flat_point(&b, at[2], ft_flat_structs(&b, 0, BLOCK, true));
    vector = ft_flat_structs(&b, n_blocks, BLOCK, true);
    ft_flat_point(&b, at[3], vector);
    if (!b.full && n_blocks > 0) {
        memcpy(data + vector + 4, blocks, (size_t)n_blocks * BLOCK);
    }
    int rc = b.full ? FT_E_NOMEM : ft__cell_bytes_add(out, data, b.len);

    ft_mem_free(data);
    return rc;
}
