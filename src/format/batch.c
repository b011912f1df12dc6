/* SPDX-License-Identifier: Apache-2.0 */
/* format: rows and columns, see batch.h. */
#include "format/batch.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "format/format.h"

enum {
    BLOCK = 64,
    BUFFER_ALIGN = 8,
    ROW_HEAD = 4,
    SLOT_SLACK = 8,
    ADDR_LEN = 16,
    ID_LEN = 16,
    ADDR_TEXT = 48
};

/* ---- rows ---- */

static void put_length(uint8_t *slot, size_t len)
{
    uint32_t l = (uint32_t)len;

    memcpy(slot, &l, sizeof l);
}

static void put_addr(uint8_t *slot, const struct ft_value *v)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (v->ip_version == 4) {
        memcpy(slot, mapped, sizeof mapped);
        memcpy(slot + sizeof mapped, v->addr, 4);
    } else {
        memcpy(slot, v->addr, ADDR_LEN);
    }
}

/* What a text column holds, at p; returns the place behind. */
static uint8_t *put_text(uint8_t *p, enum ft_type type, const struct ft_value *v)
{
    size_t len;

    switch (type) {
    case FT_T_TEXT:
        return ft_put_utf8(p, v->text, v->text_len);
    case FT_T_BYTES:
        memcpy(p, v->text, v->text_len);
        return p + v->text_len;
    case FT_T_ID:
        return ft_put_hex64(p, v->u);
    case FT_T_ADDR:
        return v->ip_version == 4 ? ft_put_ip4(p, v->addr) : ft_put_ip6(p, v->addr);
    default:
        len = strlen(v->s);
        memcpy(p, v->s, len);
        return p + len;
    }
}

static uint8_t *put_lists(const struct ft__batch_column *c, const struct ft_value *v, uint8_t *slot,
                          uint8_t *p)
{
    uint32_t items = v->n_items > 0 ? v->ends[v->n_items - 1] : 0;

    put_length(slot, v->n_items);
    put_length(slot + sizeof items, items);
    memcpy(p, v->ends, v->n_items * sizeof *v->ends);
    p += v->n_items * sizeof *v->ends;
    memcpy(p, v->items, (size_t)items * c->width);
    return p + (size_t)items * c->width;
}

/* A value that is there: into its slot, and behind the row at p. */
static uint8_t *put_value(const struct ft__batch_column *c, const struct ft_value *v, uint8_t *slot,
                          uint8_t *p)
{
    enum ft_type type = (enum ft_type)c->of.field->type;
    uint8_t *end = p;

    switch ((enum ft__cell)c->cell) {
    case FT__CELL_TEXT:
        end = put_text(p, type, v);
        put_length(slot, (size_t)(end - p));
        break;
    case FT__CELL_LIST:
        memcpy(p, v->items, (size_t)v->n_items * c->width);
        put_length(slot, v->n_items);
        end = p + (size_t)v->n_items * c->width;
        break;
    case FT__CELL_LISTS:
        end = put_lists(c, v, slot, p);
        break;
    case FT__CELL_VECTOR:
        memcpy(slot, v->items, c->width);
        break;
    default:
        if (type == FT_T_ADDR) {
            put_addr(slot, v);
        } else if (type == FT_T_BYTES) {
            memcpy(slot, v->text, c->width);
        } else if (type == FT_T_TIME) {
            int64_t us = ft_time_floor(v->i, 1000);

            memcpy(slot, &us, sizeof us);
        } else {
            memcpy(slot, &v->u, sizeof v->u);
        }
    }
    return end;
}

/* Of a column whose value lies at its place. */
static void put_plain(const struct ft__batch_column *c, const uint8_t *part, uint8_t *slot)
{
    const struct ft_field *f = c->of.field;
    uint64_t v = 0;

    switch (f->width) {
    case 1:
        v = part[f->at];
        break;
    case 2:
        memcpy(&v, part + f->at, 2);
        break;
    case 4:
        memcpy(&v, part + f->at, 4);
        break;
    default:
        memcpy(&v, part + f->at, 8);
    }
    if (f->type == FT_T_TIME) {
        v = (uint64_t)ft_time_floor((int64_t)v, 1000);
    }
    memcpy(slot, &v, sizeof v);
}

static uint8_t *put_null(const struct ft__batch_column *c, uint8_t *slot, uint8_t *p)
{
    memset(slot, 0, 8);
    if ((c->cell == FT__CELL_FIXED || c->cell == FT__CELL_VECTOR) && c->width > 8) {
        memset(slot + 8, 0, c->width - 8u);
    }
    return p;
}

static uint8_t *put_cell(const struct ft__batch_column *c, const void *part, uint8_t *slot,
                         uint8_t *p, bool *out_valid)
{
    struct ft_value v;

    *out_valid = part != NULL;
    if (part == NULL) {
        return put_null(c, slot, p);
    }
    if (c->of.field->type == FT_T_JSON) {
        uint8_t *end = c->of.field->json(part, p);

        *out_valid = end - p != 4 || memcmp(p, "null", 4) != 0;
        put_length(slot, *out_valid ? (size_t)(end - p) : 0);
        return *out_valid ? end : p;
    }
    ft_field_get(c->of.field, part, &v);
    *out_valid = !v.null;
    return v.null ? put_null(c, slot, p) : put_value(c, &v, slot, p);
}

size_t ft__batch_put(const struct ft__batch *b, const void *const *parts, uint8_t *row)
{
    uint8_t *p = row + b->row_min;
    uint64_t bits = 0;

    for (uint32_t i = 0; i < b->n; i++) {
        const struct ft__batch_column *c = &b->col[i];
        const void *part = c->of.fixed != NULL ? c->of.fixed : parts[c->of.part];
        bool valid = true;

        if (c->plain && part != NULL) {
            put_plain(c, part, row + c->slot);
        } else {
            p = put_cell(c, part, row + c->slot, p, &valid);
        }
        bits |= (uint64_t)valid << (i % 64);
        if (i % 64 == 63 || i + 1 == b->n) {
            memcpy(row + ROW_HEAD + i / 64 * sizeof bits, &bits, sizeof bits);
            bits = 0;
        }
    }
    put_length(row, (size_t)(p - row));
    return (size_t)(p - row);
}

/* ---- columns ---- */

static uint32_t word32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t word64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static bool is_long(const struct ft__batch_column *c)
{
    return c->cell == FT__CELL_TEXT || c->cell == FT__CELL_LIST || c->cell == FT__CELL_LISTS;
}

/* Bytes of a column's items. */
static uint64_t data_len(const struct ft__batch_column *c, uint64_t n)
{
    return ft__batch_bits(c) ? (n + 7) / 8 : n * c->width;
}

/* How many bytes, items or inner lists the long columns hold, into the third of each one's buffers,
 * how many items the latter have, into the fifth; and which columns have no null, a bit for each.
 */
static void count(const struct ft__batch *b, const uint8_t *rows, uint32_t n, uint64_t *full,
                  struct ft__batch_buffer *buffers)
{
    memset(full, 0xff, b->words * sizeof *full);
    for (uint32_t i = 0; i < b->n_buffers; i++) {
        buffers[i] = (struct ft__batch_buffer){0, 0};
    }
    for (; n > 0; n--, rows += word32(rows)) {
        for (uint32_t k = 0; k < b->words; k++) {
            full[k] &= word64(rows + ROW_HEAD + k * sizeof *full);
        }
        for (uint32_t i = 0; i < b->n_long; i++) {
            const struct ft__batch_column *c = &b->col[b->long_col[i]];

            buffers[c->buffer + 2].len += word32(rows + c->slot);
            if (c->cell == FT__CELL_LISTS) {
                buffers[c->buffer + 4].len += word32(rows + c->slot + sizeof(uint32_t));
            }
        }
    }
}

static void place(struct ft__batch_buffer *buffer, uint64_t len, uint64_t *at)
{
    buffer->offset = *at;
    buffer->len = len;
    *at += (len + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN;
}

/* What a long column has behind its validity; its nodes but for the first. */
static struct ft__batch_node *place_long(const struct ft__batch_column *c, uint32_t n,
                                         struct ft__batch_buffer *to, struct ft__batch_node *node,
                                         uint64_t *at)
{
    uint64_t total = to[2].len, items = c->cell == FT__CELL_LISTS ? to[4].len : total;

    place(&to[1], (n + 1) * sizeof(uint32_t), at);
    if (c->cell == FT__CELL_LISTS) {
        *node++ = (struct ft__batch_node){total, 0};
        place(&to[2], 0, at);
        place(&to[3], (total + 1) * sizeof(uint32_t), at);
        to += 2;
    }
    if (c->cell != FT__CELL_TEXT) {
        *node++ = (struct ft__batch_node){items, 0};
        place(&to[2], 0, at);
        to++;
    }
    place(&to[2], data_len(c, items), at);
    return node;
}

/* Where everything goes, nodes without their nulls. Returns the bytes. */
static uint64_t place_all(const struct ft__batch *b, uint32_t n, const uint64_t *full,
                          struct ft__batch_node *node, struct ft__batch_buffer *buffers)
{
    uint64_t at = 0, bits = (n + 7u) / 8;

    for (uint32_t i = 0; i < b->n; i++) {
        const struct ft__batch_column *c = &b->col[i];
        struct ft__batch_buffer *to = &buffers[c->buffer];

        *node++ = (struct ft__batch_node){n, 0};
        place(&to[0], (full[i / 64] >> (i % 64) & 1) != 0 ? 0 : bits, &at);
        if (c->cell == FT__CELL_BOOL) {
            place(&to[1], bits, &at);
        } else if (c->cell == FT__CELL_FIXED) {
            place(&to[1], (uint64_t)n * c->width, &at);
        } else if (c->cell == FT__CELL_VECTOR) {
            *node++ = (struct ft__batch_node){(uint64_t)n * c->of.field->most, 0};
            place(&to[1], 0, &at);
            place(&to[2], (uint64_t)n * c->width, &at);
        } else {
            node = place_long(c, n, to, node, &at);
        }
    }
    return at;
}

/* Up to 64 rows, and how far their texts and lists have been taken. */
struct block {
    const uint8_t *row[BLOCK], *rest[BLOCK];
    uint32_t first, n;
};

#define SPREAD(type)                                                                               \
    for (uint32_t r = 0; r < k->n; r++) {                                                          \
        memcpy(to + r * sizeof(type), k->row[r] + slot, sizeof(type));                             \
    }

static void lay_fixed(const struct block *k, uint32_t slot, uint32_t width, uint8_t *data)
{
    uint8_t *to = data + (size_t)k->first * width;

    switch (width) {
    case 1:
        SPREAD(uint8_t)
        break;
    case 2:
        SPREAD(uint16_t)
        break;
    case 4:
        SPREAD(uint32_t)
        break;
    case 8:
        SPREAD(uint64_t)
        break;
    default:
        for (uint32_t r = 0; r < k->n; r++) {
            memcpy(to + (size_t)r * width, k->row[r] + slot, width);
        }
    }
}

static void lay_bits(uint64_t bits, const struct block *k, uint8_t *to)
{
    memcpy(to + k->first / 8, &bits, sizeof bits); /* buffers are whole words */
}

static void lay_bools(const struct block *k, uint32_t slot, uint8_t *to)
{
    uint64_t bits = 0;

    for (uint32_t r = 0; r < BLOCK && r < k->n; r++) {
        bits |= (uint64_t)(k->row[r][slot] & 1) << r;
    }
    lay_bits(bits, k, to);
}

/* Truths of a byte as bits from number at on; what is behind them is 0. */
static void lay_truths(const uint8_t *from, uint32_t n, uint32_t at, uint8_t *data)
{
    for (uint32_t i = 0; i < n; i++, at++) {
        data[at / 8] = at % 8 == 0 ? 0 : data[at / 8];
        data[at / 8] |= (uint8_t)((from[i] & 1) << (at % 8));
    }
}

/* n items of a row as those from number at on. */
static void lay_items(struct block *k, uint32_t r, const struct ft__batch_column *c, uint32_t n,
                      uint32_t at, uint8_t *data)
{
    if (ft__batch_bits(c)) {
        lay_truths(k->rest[r], n, at, data);
    } else {
        memcpy(data + (size_t)at * c->width, k->rest[r], (size_t)n * c->width);
    }
    k->rest[r] += (size_t)n * c->width;
}

static void lay_long(struct block *k, const struct ft__batch_column *c, uint8_t *offsets,
                     uint8_t *data)
{
    uint32_t at = k->first > 0 ? word32(offsets + k->first * sizeof at) : 0;

    memcpy(offsets + k->first * sizeof at, &at, sizeof at);
    for (uint32_t r = 0; r < k->n; r++) {
        uint32_t n = word32(k->row[r] + c->slot);

        lay_items(k, r, c, n, at, data);
        at += n;
        memcpy(offsets + (k->first + r + 1) * sizeof at, &at, sizeof at);
    }
}

static void lay_lists(struct block *k, const struct ft__batch_column *c, uint8_t *offsets,
                      uint8_t *inner, uint8_t *data)
{
    uint32_t at = k->first > 0 ? word32(offsets + k->first * sizeof at) : 0;
    uint32_t item = at > 0 ? word32(inner + at * sizeof at) : 0;

    memcpy(offsets + k->first * sizeof at, &at, sizeof at);
    memcpy(inner + at * sizeof at, &item, sizeof item);
    for (uint32_t r = 0; r < k->n; r++) {
        uint32_t n = word32(k->row[r] + c->slot), items = word32(k->row[r] + c->slot + sizeof at);

        for (uint32_t i = 0; i < n; i++, k->rest[r] += sizeof at) {
            uint32_t end = item + word32(k->rest[r]);

            at++;
            memcpy(inner + at * sizeof at, &end, sizeof end);
        }
        lay_items(k, r, c, items, item, data);
        item += items;
        memcpy(offsets + (k->first + r + 1) * sizeof at, &at, sizeof at);
    }
}

/* The validity of column i of the block; returns how many are null. */
static uint32_t lay_validity(const struct block *k, uint32_t i, uint8_t *to)
{
    uint32_t at = ROW_HEAD + i / 8, shift = i % 8;
    uint64_t bits = 0;

    for (uint32_t r = 0; r < k->n; r++) {
        bits |= (uint64_t)(k->row[r][at] >> shift & 1) << r;
    }
    lay_bits(bits, k, to);
    return k->n - (uint32_t)__builtin_popcountll(bits);
}

static void lay_block(const struct ft__batch *b, struct block *k, uint8_t *out,
                      struct ft__batch_node *node, const struct ft__batch_buffer *buffers)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct ft__batch_column *c = &b->col[i];
        const struct ft__batch_buffer *to = &buffers[c->buffer];

        if (to[0].len > 0) {
            node->nulls += lay_validity(k, i, out + to[0].offset);
        }
        node += ft__batch_nodes(c);
        switch ((enum ft__cell)c->cell) {
        case FT__CELL_BOOL:
            lay_bools(k, c->slot, out + to[1].offset);
            break;
        case FT__CELL_FIXED:
            lay_fixed(k, c->slot, c->width, out + to[1].offset);
            break;
        case FT__CELL_TEXT:
            lay_long(k, c, out + to[1].offset, out + to[2].offset);
            break;
        case FT__CELL_LIST:
            lay_long(k, c, out + to[1].offset, out + to[3].offset);
            break;
        case FT__CELL_LISTS:
            lay_lists(k, c, out + to[1].offset, out + to[3].offset, out + to[5].offset);
            break;
        case FT__CELL_VECTOR:
            lay_fixed(k, c->slot, c->width, out + to[2].offset);
        }
    }
}

/* Between the end of a buffer and the next there are zeros. */
static void clear_gaps(const struct ft__batch *b, uint8_t *out,
                       const struct ft__batch_buffer *buffers)
{
    for (uint32_t i = 0; i < b->n_buffers; i++) {
        uint64_t end = buffers[i].offset + buffers[i].len;

        memset(out + end, 0, (BUFFER_ALIGN - end % BUFFER_ALIGN) % BUFFER_ALIGN);
    }
}

size_t ft__batch_lay(const struct ft__batch *b, const uint8_t *rows, uint32_t n, uint8_t *out,
                     struct ft__batch_node *nodes, struct ft__batch_buffer *buffers)
{
    uint64_t full[FT_COLUMNS_MAX / 64];

    count(b, rows, n, full, buffers);
    uint64_t len = place_all(b, n, full, nodes, buffers);

    for (uint32_t first = 0; first < n; first += BLOCK) {
        struct block k = {.first = first, .n = n - first < BLOCK ? n - first : BLOCK};

        for (uint32_t r = 0; r < k.n; r++, rows += word32(rows)) {
            k.row[r] = rows;
            k.rest[r] = rows + b->row_min;
        }
        lay_block(b, &k, out, nodes, buffers);
    }
    clear_gaps(b, out, buffers);
    return len;
}

/* ---- life ---- */

static const uint8_t widths[FT_T__COUNT] = {
    [FT_T_BOOL] = 1, [FT_T_U8] = 1,  [FT_T_U16] = 2, [FT_T_U32] = 4,
    [FT_T_U64] = 8,  [FT_T_I64] = 8, [FT_T_F64] = 8, [FT_T_TIME] = 8,
};

static void make_column(struct ft__batch_column *c, const struct ft_column *of,
                        const struct ft__batch_options *options)
{
    const struct ft_field *f = of->field;

    c->of = *of;
    c->width = widths[f->type];
    c->cell = f->type == FT_T_BOOL ? FT__CELL_BOOL : FT__CELL_FIXED;
    if (f->type == FT_T_ADDR && options->binary_addresses) {
        c->width = ADDR_LEN;
    } else if (f->type == FT_T_BYTES && f->asked != NULL && options->owners != NULL) {
        c->width = (uint16_t)f->asked(options->owners->of[of->part]);
    } else if (f->type == FT_T_LIST || f->type == FT_T_LISTS) {
        c->cell = f->type == FT_T_LIST ? FT__CELL_LIST : FT__CELL_LISTS;
        c->width = widths[f->item];
    } else if (f->type == FT_T_VECTOR) {
        c->cell = FT__CELL_VECTOR;
        c->width = (uint16_t)(f->most * sizeof(float));
    } else if (c->width == 0) {
        c->cell = FT__CELL_TEXT;
        c->width = 1;
    }
    c->plain = c->cell == FT__CELL_FIXED && f->width > 0 && f->absent == FT_ABSENT_NEVER;
}

static uint32_t slot_width(const struct ft__batch_column *c)
{
    if (c->cell == FT__CELL_LISTS) {
        return 2 * sizeof(uint32_t);
    }
    return is_long(c) ? (uint32_t)sizeof(uint32_t) : c->width;
}

struct ft__batch *ft__batch_new(const struct ft_columns *columns,
                                const struct ft__batch_options *options)
{
    struct ft__batch *b = ft_mem_alloc(1, sizeof *b + columns->n * sizeof b->col[0]);
    uint32_t slot;

    if (b == NULL) {
        return NULL;
    }
    b->n = columns->n;
    b->words = (b->n + 63) / 64;
    slot = ROW_HEAD + b->words * (uint32_t)sizeof(uint64_t);
    for (uint32_t i = 0; i < b->n; i++) {
        struct ft__batch_column *c = &b->col[i];

        make_column(c, &columns->col[i], options);
        c->slot = slot;
        c->buffer = (uint16_t)b->n_buffers;
        slot += slot_width(c);
        if (is_long(c)) {
            b->long_col[b->n_long++] = (uint16_t)i;
        }
        b->n_buffers += 2 * ft__batch_nodes(c) + (c->cell == FT__CELL_TEXT);
        b->n_buffers -= c->cell == FT__CELL_VECTOR;
        b->n_nodes += ft__batch_nodes(c);
    }
    b->row_min = slot + SLOT_SLACK;
    return b;
}

void ft__batch_free(struct ft__batch *b)
{
    ft_mem_free(b);
}

size_t ft__batch_row_max(const struct ft__batch *b)
{
    size_t max = b->row_min + FT_FORMAT_FLOW_MIN;

    for (uint32_t i = 0; i < b->n; i++) {
        const struct ft__batch_column *c = &b->col[i];

        if (c->cell == FT__CELL_LIST || c->cell == FT__CELL_LISTS) {
            max += (size_t)c->of.field->most * c->width;
            max += c->of.field->most_lists * sizeof(uint32_t);
        }
        max += c->of.field->type == FT_T_BYTES ? c->of.field->most : 0;
        max += c->of.field->type == FT_T_ADDR ? ADDR_TEXT : 0;
    }
    return max;
}

size_t ft__batch_room(const struct ft__batch *b)
{
    /* each buffer is padded, and bits are whole words; offsets are one more than rows or lists */
    return (size_t)b->n_buffers * BUFFER_ALIGN * 2 + (size_t)b->n_nodes * sizeof(uint32_t);
}
