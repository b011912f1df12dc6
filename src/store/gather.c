/* SPDX-License-Identifier: Apache-2.0 */
/* store: batches as columns, see gather.h. */
#include "store/gather.h"

/* One chunk. */
struct chunk {
    struct ft_store_rows head;
    const struct ft__batch_node *node;
    const struct ft__batch_buffer *buffer;
    const uint8_t *body;
};

static uint32_t nodes_of(const struct ft_store_column *c)
{
    return c->cell == FT__CELL_LISTS                                ? 3
           : c->cell == FT__CELL_LIST || c->cell == FT__CELL_VECTOR ? 2
                                                                    : 1;
}

int ft_gather_init(struct ft_gather *g, const struct ft_store_column *columns, uint32_t n)
{
    if (n == 0 || n > FT_COLUMNS_MAX) {
        return FT_E_CORRUPT;
    }
    g->n = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!ft_store_column_valid(&columns[i])) {
            return FT_E_CORRUPT;
        }
        g->column[i] = columns[i];
        g->buffer[i] = g->n_buffers;
        g->node[i] = g->n_nodes;
        g->n_buffers += 2 * nodes_of(&columns[i]) + (columns[i].cell == FT__CELL_TEXT);
        g->n_buffers -= columns[i].cell == FT__CELL_VECTOR;
        g->n_nodes += nodes_of(&columns[i]);
    }
    return FT_OK;
}

void ft_gather_fini(struct ft_gather *g)
{
    ft_store_buf_fini(&g->held);
}

void ft_gather_clear(struct ft_gather *g)
{
    g->held.len = 0;
    g->rows = 0;
}

int ft_gather_find(const struct ft_gather *g, const char *name)
{
    for (uint32_t i = 0; i < g->n; i++) {
        if (strcmp(g->column[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static struct chunk view(const struct ft_gather *g, const uint8_t *p)
{
    struct chunk c = {.node = (const void *)(p + sizeof c.head),
                      .buffer = (const void *)(p + sizeof c.head + g->n_nodes * sizeof *c.node),
                      .body = p + ft_store_body_at(g->n_nodes, g->n_buffers)};

    memcpy(&c.head, p, sizeof c.head);
    return c;
}

/* ---- is it one? ---- */

/* n offsets and where the last one ends: *out. They ascend. */
static bool offsets_valid(const struct chunk *c, uint32_t buffer, uint64_t n, uint64_t *out)
{
    const struct ft__batch_buffer *b = &c->buffer[buffer];

    if (b->len != (n + 1) * sizeof(uint32_t)) {
        return false;
    }
    const uint32_t *at = (const void *)(c->body + b->offset);

    for (uint64_t i = 0; i < n; i++) {
        if (at[i + 1] < at[i]) {
            return false;
        }
    }
    *out = at[n];
    return at[0] == 0;
}

static bool column_valid(const struct chunk *c, const struct ft_store_column *col, uint32_t buffer,
                         uint64_t n)
{
    uint64_t bits = (n + 7) / 8, items = n;

    if (c->buffer[buffer].len != 0 && c->buffer[buffer].len != bits) {
        return false;
    }
    if (col->cell == FT__CELL_BOOL) {
        return c->buffer[buffer + 1].len == bits;
    }
    if (col->cell == FT__CELL_FIXED) {
        return c->buffer[buffer + 1].len == n * col->width;
    }
    if (col->cell == FT__CELL_VECTOR) {
        return c->buffer[buffer + 2].len == n * col->width;
    }
    if (!offsets_valid(c, buffer + 1, n, &items)) {
        return false;
    }
    if (col->cell == FT__CELL_TEXT) {
        return c->buffer[buffer + 2].len == items;
    }
    if (col->cell == FT__CELL_LISTS) {
        if (!offsets_valid(c, buffer + 3, items, &items)) {
            return false;
        }
        buffer += 2;
    }
    return c->buffer[buffer + 3].len ==
           (col->item == FT_T_BOOL ? (items + 7) / 8 : items * col->width);
}

bool ft_gather_valid(const struct ft_gather *g, const uint8_t *chunk, size_t len)
{
    size_t at = ft_store_body_at(g->n_nodes, g->n_buffers);

    if (len < at) {
        return false;
    }
    struct chunk c = view(g, chunk);

    if (c.head.len != len || c.head.n == 0 || c.head.n > FT_STORE_BLOCK) {
        return false;
    }
    for (uint32_t i = 0; i < g->n_buffers; i++) {
        const struct ft__batch_buffer *b = &c.buffer[i];

        if (b->offset > len - at || b->len > len - at - b->offset || b->offset % 8 != 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < g->n; i++) {
        if (!column_valid(&c, &g->column[i], g->buffer[i], c.head.n)) {
            return false;
        }
    }
    return true;
}

/* ---- columns ---- */

/* Which rows have a value: of those that are held before, too. */
static void add_valid(const struct chunk *c, const struct ft__batch_buffer *b,
                      struct ft_store_values *v)
{
    const uint8_t *bits = c->body + b->offset;
    uint8_t *to = v->valid.p + v->n;

    if (b->len == 0) {
        memset(to, 1, c->head.n);
        return;
    }
    for (uint32_t i = 0; i < c->head.n; i++) {
        to[i] = bits[i / 8] >> (i % 8) & 1;
        v->nulls += to[i] == 0;
    }
}

#define WIDEN(type)                                                                                \
    for (uint64_t i = 0; i < n; i++) {                                                             \
        type x;                                                                                    \
                                                                                                   \
        memcpy(&x, p + i * sizeof x, sizeof x);                                                    \
        to[i] = x;                                                                                 \
    }

/* n numbers of a width, or bits, behind those that are there. */
static bool add_numbers(struct ft_store_values *v, const uint8_t *p, uint64_t n, uint16_t width,
                        bool bits)
{
    if (!ft_store_buf_room(&v->num, n * sizeof(uint64_t))) {
        return false;
    }
    uint64_t *to = (uint64_t *)(void *)(v->num.p + v->num.len);

    v->num.len += n * sizeof(uint64_t);
    if (bits) {
        for (uint64_t i = 0; i < n; i++) {
            to[i] = p[i / 8] >> (i % 8) & 1;
        }
        return true;
    }
    switch (width) {
    case 1:
        WIDEN(uint8_t)
        break;
    case 2:
        WIDEN(uint16_t)
        break;
    case 4:
        WIDEN(uint32_t)
        break;
    default:
        WIDEN(uint64_t)
    }
    return true;
}

/* n ends, behind the one that is there, which they go on from. */
static bool add_ends(struct ft_store_buf *to, const uint8_t *p, uint64_t n)
{
    uint32_t before = ft_store_buf_u32(to)[to->len / sizeof before - 1];
    const uint32_t *at = (const void *)p;

    if (!ft_store_buf_room(to, n * sizeof before)) {
        return false;
    }
    uint32_t *out = (uint32_t *)(void *)(to->p + to->len);

    for (uint64_t i = 0; i < n; i++) {
        out[i] = before + at[i + 1];
    }
    to->len += n * sizeof before;
    return true;
}

static uint64_t last_of(const struct chunk *c, uint32_t buffer, uint64_t n)
{
    return ((const uint32_t *)(const void *)(c->body + c->buffer[buffer].offset))[n];
}

static bool add_chunk(const struct chunk *c, const struct ft_store_column *col, uint32_t buffer,
                      struct ft_store_values *v)
{
    const struct ft__batch_buffer *b = &c->buffer[buffer];
    const uint8_t *first = c->body + b[1].offset;
    uint64_t items = c->head.n;

    if (ft_store_is_number(col)) {
        return add_numbers(v, first, items, col->width, col->cell == FT__CELL_BOOL);
    }
    if (col->cell == FT__CELL_FIXED) {
        return ft_store_buf_add(&v->bytes, first, items * col->width);
    }
    if (col->cell == FT__CELL_VECTOR) {
        return ft_store_buf_add(&v->bytes, c->body + b[2].offset, items * col->width);
    }
    if (!add_ends(&v->end, first, items)) {
        return false;
    }
    items = last_of(c, buffer + 1, items);
    if (col->cell == FT__CELL_TEXT) {
        return ft_store_buf_add(&v->bytes, c->body + b[2].offset, items);
    }
    if (col->cell == FT__CELL_LISTS) {
        if (!add_ends(&v->inner, c->body + b[3].offset, items)) {
            return false;
        }
        items = last_of(c, buffer + 3, items);
        b += 2;
    }
    return add_numbers(v, c->body + b[3].offset, items, col->width, col->item == FT_T_BOOL);
}

int ft_gather_fill(void *gather, uint32_t column, struct ft_store_values *out)
{
    const struct ft_gather *g = gather;
    uint32_t zero = 0;

    out->n = out->nulls = 0;
    out->num.len = out->bytes.len = out->end.len = out->inner.len = 0;
    if (!ft_store_buf_set(&out->valid, g->rows) ||
        !ft_store_buf_add(&out->end, &zero, sizeof zero) ||
        !ft_store_buf_add(&out->inner, &zero, sizeof zero)) {
        return FT_E_NOMEM;
    }
    for (size_t at = 0; at < g->held.len;) {
        struct chunk c = view(g, g->held.p + at);

        add_valid(&c, &c.buffer[g->buffer[column]], out);
        if (!add_chunk(&c, &g->column[column], g->buffer[column], out)) {
            return FT_E_NOMEM;
        }
        out->n += c.head.n;
        at += c.head.len;
    }
    return FT_OK;
}
