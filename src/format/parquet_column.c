/* SPDX-License-Identifier: Apache-2.0 */
/* format: pages of Parquet, see parquet_column.h. */
#include "format/parquet_column.h"

#include <string.h>
#ifdef FT_HAVE_ZSTD
#include <zstd.h>
#endif

#include "base/mem.h"
#include "format/columnar.h"
#include "format/parquet_values.h"

enum {
    REQUIRED = 0,
    OPTIONAL = 1,
    REPEATED = 2,
    LOGICAL_STRING = 1,
    LOGICAL_LIST = 3,
    LOGICAL_TIMESTAMP = 8,
    LOGICAL_INTEGER = 10,
    UNIT_MICROS = 2,
    DATA_PAGE = 0,
    DICTIONARY_PAGE = 2,
    PAGE_HEADER = 128, /* at most */
    PAGE_TIMES = 5,    /* a byte may become four, and has levels */
    PAGE_MORE = 4096,
    STAT_MOST = 64, /* bytes of a text that stands in statistics */
    EIGHT = 8
};

/* Parquet's numbers. */
enum physical {
    PQ_BOOLEAN = 0,
    PQ_INT32 = 1,
    PQ_INT64 = 2,
    PQ_FLOAT = 4,
    PQ_DOUBLE = 5,
    PQ_BYTE_ARRAY = 6,
    PQ_FIXED = 7
};
enum { PQ_PLAIN = 0, PQ_RLE = 3, PQ_RLE_DICTIONARY = 8 };
enum { PQ_UNCOMPRESSED = 0, PQ_ZSTD = 6 };

/* ---- types ---- */

/* An item's, or a value's. */
static enum ft_type kind_of(const struct ft__batch_column *c)
{
    const struct ft_field *f = c->of.field;

    return (enum ft_type)(ft__batch_nodes(c) > 1 ? f->item : f->type);
}

static enum physical physical_of(const struct ft__batch_column *c)
{
    switch (kind_of(c)) {
    case FT_T_BOOL:
        return PQ_BOOLEAN;
    case FT_T_U8:
    case FT_T_U16:
    case FT_T_U32:
        return PQ_INT32;
    case FT_T_U64:
    case FT_T_I64:
    case FT_T_TIME:
        return PQ_INT64;
    case FT_T_F64:
        return PQ_DOUBLE;
    case FT_T_F32:
        return PQ_FLOAT;
    default:
        return c->cell == FT__CELL_TEXT ? PQ_BYTE_ARRAY : PQ_FIXED;
    }
}

/* Bytes of a value in a page; 0: a bit, or its length and its bytes. */
static uint32_t plain_width(const struct ft__batch_column *c)
{
    switch (physical_of(c)) {
    case PQ_INT32:
    case PQ_FLOAT:
        return 4;
    case PQ_INT64:
    case PQ_DOUBLE:
        return 8;
    case PQ_FIXED:
        return c->width;
    case PQ_BOOLEAN:
    case PQ_BYTE_ARRAY:
        break;
    }
    return 0;
}

/* ---- schema ---- */

static void put_integer(struct ft_thrift *t, int8_t bits, bool is_signed)
{
    ft_thrift_begin(t, 10);
    ft_thrift_begin(t, LOGICAL_INTEGER);
    ft_thrift_byte(t, 1, bits);
    ft_thrift_bool(t, 2, is_signed);
    ft_thrift_end(t);
    ft_thrift_end(t);
}

/* The old numbers of these types come before the logical ones: older readers know only them. */
static void put_logical(struct ft_thrift *t, const struct ft__batch_column *c)
{
    enum { UTF8 = 0, TIMESTAMP_MICROS = 10, UINT_8 = 11, UINT_16, UINT_32, UINT_64 };

    switch (kind_of(c)) {
    case FT_T_U8:
    case FT_T_U16:
    case FT_T_U32:
    case FT_T_U64:
        ft_thrift_i32(t, 6, UINT_8 + (int32_t)(kind_of(c) - FT_T_U8));
        put_integer(t, (int8_t)(8 << (kind_of(c) - FT_T_U8)), false);
        break;
    case FT_T_TIME:
        ft_thrift_i32(t, 6, TIMESTAMP_MICROS);
        ft_thrift_begin(t, 10);
        ft_thrift_begin(t, LOGICAL_TIMESTAMP);
        ft_thrift_bool(t, 1, true); /* UTC */
        ft_thrift_begin(t, 2);
        ft_thrift_begin(t, UNIT_MICROS);
        ft_thrift_end(t);
        ft_thrift_end(t);
        ft_thrift_end(t);
        ft_thrift_end(t);
        break;
    default:
        if (physical_of(c) == PQ_BYTE_ARRAY && kind_of(c) != FT_T_BYTES) {
            ft_thrift_i32(t, 6, UTF8);
            ft_thrift_begin(t, 10);
            ft_thrift_begin(t, LOGICAL_STRING);
            ft_thrift_end(t);
            ft_thrift_end(t);
        }
    }
}

static void put_leaf(struct ft_thrift *t, const struct ft__batch_column *c, const char *name,
                     int32_t repetition)
{
    ft_thrift_item_begin(t);
    ft_thrift_i32(t, 1, physical_of(c));
    if (physical_of(c) == PQ_FIXED) {
        ft_thrift_i32(t, 2, c->width);
    }
    ft_thrift_i32(t, 3, repetition);
    ft_thrift_text(t, 4, name);
    put_logical(t, c);
    ft_thrift_end(t);
}

static void put_group(struct ft_thrift *t, const char *name, int32_t repetition, bool list)
{
    enum { CONVERTED_LIST = 3 };

    ft_thrift_item_begin(t);
    ft_thrift_i32(t, 3, repetition);
    ft_thrift_text(t, 4, name);
    ft_thrift_i32(t, 5, 1);
    if (list) {
        ft_thrift_i32(t, 6, CONVERTED_LIST);
        ft_thrift_begin(t, 10);
        ft_thrift_begin(t, LOGICAL_LIST);
        ft_thrift_end(t);
        ft_thrift_end(t);
    }
    ft_thrift_end(t);
}

uint32_t ft__parquet_elements(const struct ft__batch_column *c)
{
    return 2 * ft__batch_nodes(c) - 1;
}

void ft__parquet_put_elements(struct ft_thrift *t, const struct ft__batch_column *c)
{
    const char *name = ft_field_flat_name(c->of.field);

    uint32_t lists = ft__batch_nodes(c) - 1;

    for (uint32_t i = 0; i < lists; i++) {
        put_group(t, i == 0 ? name : "element", i == 0 ? OPTIONAL : REQUIRED, true);
        put_group(t, "list", REPEATED, false);
    }
    put_leaf(t, c, lists > 0 ? "element" : name, lists > 0 ? REQUIRED : OPTIONAL);
}

/* ---- work ---- */

struct ft__parquet_work {
    size_t raw;         /* most bytes of a group's rows */
    uint8_t *page;      /* [PAGE_TIMES * raw + PAGE_MORE]: levels and values of a page */
    uint16_t *level[2]; /* [raw + 1] each: repetition, definition of a list's entries */
    struct ft__dictionary dictionary; /* its arrays have room for raw bytes */
#ifdef FT_HAVE_ZSTD
    ZSTD_CCtx *zstd;
#endif
    bool failed; /* since it was asked */
};

size_t ft__parquet_body_at(const struct ft__batch *b)
{
    return sizeof(struct ft__parquet_rows) + b->n_nodes * sizeof(struct ft__batch_node) +
           b->n_buffers * sizeof(struct ft__batch_buffer);
}

size_t ft__parquet_room(size_t raw, uint32_t n)
{
    return 8 * raw + (size_t)n * 4096;
}

struct ft__parquet_work *ft__parquet_work_new(size_t raw, int level)
{
    struct ft__parquet_work *w = ft_mem_alloc(1, sizeof *w);
    bool zstd = true;

    if (w == NULL) {
        return NULL;
    }
    w->raw = raw;
    w->page = ft_map_alloc_sparse(PAGE_TIMES * raw + PAGE_MORE);
    w->level[0] = ft_map_alloc_sparse((raw + 1) * sizeof *w->level[0]);
    w->level[1] = ft_map_alloc_sparse((raw + 1) * sizeof *w->level[1]);
    w->dictionary.data = ft_map_alloc_sparse(raw + PAGE_MORE);
    w->dictionary.number = ft_map_alloc_sparse((raw + 1) * sizeof *w->dictionary.number);
#ifdef FT_HAVE_ZSTD
    w->zstd = ZSTD_createCCtx();
    zstd = w->zstd != NULL;
    if (zstd) {
        ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
    }
#endif
    (void)level;
    if (!zstd || w->page == NULL || w->level[0] == NULL || w->level[1] == NULL ||
        w->dictionary.data == NULL || w->dictionary.number == NULL) {
        ft__parquet_work_free(w);
        return NULL;
    }
    return w;
}

void ft__parquet_work_free(struct ft__parquet_work *w)
{
    if (w == NULL) {
        return;
    }
#ifdef FT_HAVE_ZSTD
    ZSTD_freeCCtx(w->zstd);
#endif
    ft_map_free(w->page, PAGE_TIMES * w->raw + PAGE_MORE);
    ft_map_free(w->level[0], (w->raw + 1) * sizeof *w->level[0]);
    ft_map_free(w->level[1], (w->raw + 1) * sizeof *w->level[1]);
    ft_map_free(w->dictionary.data, w->raw + PAGE_MORE);
    ft_map_free(w->dictionary.number, (w->raw + 1) * sizeof *w->dictionary.number);
    ft_mem_free(w);
}

bool ft__parquet_work_failed(struct ft__parquet_work *w)
{
    bool failed = w->failed;

    w->failed = false;
    return failed;
}

/* ---- numbers of few bits ---- */

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        *p++ = (uint8_t)(v | 0x80);
    }
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

/* How many numbers from i on are equal. */
static uint64_t run_of(const uint16_t *v, uint64_t n, uint64_t i)
{
    uint64_t k = i + 1;

    while (k < n && v[k] == v[i]) {
        k++;
    }
    return k - i;
}

/* Eight numbers of width bits; what is behind the last is 0. */
static uint8_t *put_eight(uint8_t *p, const uint16_t *v, uint64_t n, uint32_t width)
{
    unsigned __int128 bits = 0;

    for (uint32_t k = 0; k < EIGHT && k < n; k++) {
        bits |= (unsigned __int128)v[k] << (k * width);
    }
    memcpy(p, &bits, width);
    return p + width;
}

/* The RLE and bit-packing hybrid: runs of eight and more as such, the rest packed by eights. */
static uint8_t *put_hybrid(uint8_t *p, const uint16_t *v, uint64_t n, uint32_t width)
{
    for (uint64_t i = 0; i < n;) {
        uint64_t run = run_of(v, n, i), from = i;

        if (run >= EIGHT) {
            p = put_varint(p, run << 1);
            memcpy(p, &v[i], (width + 7) / 8);
            p += (width + 7) / 8;
            i += run;
            continue;
        }
        for (; i < n && run < EIGHT; run = i < n ? run_of(v, n, i) : 0) {
            i = n - i < EIGHT ? n : i + EIGHT;
        }
        p = put_varint(p, (i - from + EIGHT - 1) / EIGHT << 1 | 1);
        for (uint64_t k = from; k < i; k += EIGHT) {
            p = put_eight(p, &v[k], i - k, width);
        }
    }
    return p;
}

/* n times the same level, of one or two bits, behind its length. */
static uint8_t *put_same(uint8_t *p, uint64_t n, uint8_t level)
{
    uint8_t *end = put_varint(p + sizeof(uint32_t), n << 1);

    *end++ = level;
    put_u32(p, (uint32_t)(end - p - sizeof(uint32_t)));
    return end;
}

/* ---- pieces ---- */

/* A column of some rows that were laid out together. */
struct piece {
    uint64_t rows;
    const uint8_t *validity; /* NULL: all are valid */
    /* behind validity: data; offsets and data; of a list, its items; of lists of lists, offsets of
     * the inner ones and items */
    const uint8_t *buffer[3];
    uint64_t items; /* of lists */
};

/* The piece of a column in the rows at *at, which goes on behind them. False: these are all. */
static bool next_piece(const struct ft__parquet_in *in, size_t *at, struct piece *out)
{
    const uint8_t *p = in->held + *at, *body;
    const struct ft__batch_buffer *b;
    struct ft__parquet_rows head;
    uint32_t n;

    if (*at >= in->len) {
        return false;
    }
    memcpy(&head, p, sizeof head);
    *at += head.len;
    body = p + ft__parquet_body_at(in->batch);
    /* rows lie at multiples of eight */
    b = (const struct ft__batch_buffer *)(const void *)(p + sizeof head +
                                                        in->batch->n_nodes *
                                                            sizeof(struct ft__batch_node)) +
        in->column->buffer;
    out->rows = head.n;
    out->validity = b[0].len > 0 ? body + b[0].offset : NULL;
    out->items = 0;
    if (in->column->cell == FT__CELL_TEXT) {
        out->buffer[0] = body + b[1].offset;
        out->buffer[1] = body + b[2].offset;
        return true;
    }
    if (in->column->cell == FT__CELL_VECTOR) {
        out->buffer[0] = body + b[2].offset;
        return true;
    }
    for (uint32_t k = 0; k < ft__batch_nodes(in->column); k++) {
        out->buffer[k] = body + b[2 * k + 1].offset;
        if (k > 0) { /* the last offset */
            memcpy(&n, out->buffer[k - 1] + b[2 * k - 1].len - sizeof n, sizeof n);
            out->items = n;
        }
    }
    return true;
}

/* ---- levels ---- */

static bool is_set(const uint8_t *bits, uint64_t i)
{
    return (bits[i / 8] >> (i % 8) & 1) != 0;
}

/* n bits to the place of bit number at, behind which all is overwritten, up to nine bytes beyond
 * the last one. NULL: ones. from has whole words of eight bytes. */
static void put_bits(uint8_t *to, uint64_t at, const uint8_t *from, uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 64, at += 64) {
        uint8_t *p = to + at / 8;
        uint64_t word = UINT64_MAX, low;
        unsigned shift = at % 8;

        if (from != NULL) {
            memcpy(&word, from + i / 8, sizeof word);
        }
        word &= n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : UINT64_MAX;
        low = word << shift | (shift > 0 ? *p & ((1u << shift) - 1) : 0);
        memcpy(p, &low, sizeof low);
        p[8] = shift > 0 ? (uint8_t)(word >> (64 - shift)) : 0;
    }
}

/* Definition levels of a column that is no list: its validity, as it is. */
static uint8_t *put_flat_levels(uint8_t *p, const struct ft__parquet_in *in)
{
    size_t len = (size_t)(in->rows + 7) / 8, at = 0;
    struct piece c;

    if (in->nulls == 0 || in->nulls == in->rows) {
        return put_same(p, in->rows, in->nulls == 0);
    }
    uint8_t *end = put_varint(p + sizeof(uint32_t), len << 1 | 1);

    for (uint64_t n = 0; next_piece(in, &at, &c); n += c.rows) {
        put_bits(end, n, c.validity, c.rows);
    }
    put_u32(p, (uint32_t)(end + len - p - sizeof(uint32_t)));
    return end + len;
}

/* Where list i begins and ends. */
static void list_at(const uint8_t *offsets, uint64_t i, uint32_t *from, uint32_t *to)
{
    memcpy(from, offsets + i * sizeof *from, sizeof *from);
    memcpy(to, offsets + (i + 1) * sizeof *to, sizeof *to);
}

/* The items of a list, as entries from n on; the first one's repetition is `first`, an item's
 * definition `most`. Returns the number behind the last. */
static uint64_t level_items(struct ft__parquet_work *w, uint64_t n, uint32_t items, uint16_t first,
                            uint16_t most)
{
    w->level[0][n] = first;
    w->level[1][n] = items > 0 ? most : most - 1u;
    for (uint32_t i = 1; i < items; i++) {
        w->level[0][n + i] = most - 1u;
        w->level[1][n + i] = most;
    }
    return n + (items > 0 ? items : 1);
}

/* Levels of the entries of some rows, from number n on. Returns how many there are then. */
static uint64_t list_levels(struct ft__parquet_work *w, const struct piece *c, uint32_t lists,
                            uint64_t n)
{
    uint32_t from, to, begin, end;

    for (uint64_t r = 0; r < c->rows; r++) {
        list_at(c->buffer[0], r, &from, &to);
        if (from == to) {
            w->level[0][n] = 0;
            w->level[1][n++] = c->validity == NULL || is_set(c->validity, r);
        } else if (lists == 1) {
            n = level_items(w, n, to - from, 0, 2);
        }
        for (uint32_t i = from; lists == 2 && i < to; i++) {
            list_at(c->buffer[1], i, &begin, &end);
            n = level_items(w, n, end - begin, i > from, 3);
        }
    }
    return n;
}

/* Likewise of vectors, which have `items` each. */
static uint64_t vector_levels(struct ft__parquet_work *w, const struct piece *c, uint32_t items,
                              uint64_t n)
{
    for (uint64_t r = 0; r < c->rows; r++) {
        if (c->validity == NULL || is_set(c->validity, r)) {
            n = level_items(w, n, items, 0, 2);
        } else {
            w->level[0][n] = w->level[1][n] = 0;
            n++;
        }
    }
    return n;
}

/* Repetition and definition levels of a list; *out_entries: items, and rows or inner lists without
 * any. */
static uint8_t *put_list_levels(struct ft__parquet_work *w, uint8_t *p,
                                const struct ft__parquet_in *in, uint64_t *out_entries)
{
    uint32_t lists = ft__batch_nodes(in->column) - 1;
    struct piece c;
    uint64_t n = 0;

    for (size_t at = 0; next_piece(in, &at, &c);) {
        n = in->column->cell == FT__CELL_VECTOR
                ? vector_levels(w, &c, in->column->of.field->most, n)
                : list_levels(w, &c, lists, n);
    }
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t width = k == 1 || lists == 2 ? 2 : 1;
        uint8_t *end = put_hybrid(p + sizeof(uint32_t), w->level[k], n, width);

        put_u32(p, (uint32_t)(end - p - sizeof(uint32_t)));
        p = end;
    }
    *out_entries = n;
    return p;
}

/* ---- values ---- */

/* Numbers of fewer than 32 bits are 32 bits wide. A null's slot is written, and overwritten. */
#define PUT(type, wide)                                                                            \
    for (uint64_t i = 0; i < n; i++) {                                                             \
        type v;                                                                                    \
        wide w;                                                                                    \
                                                                                                   \
        memcpy(&v, data + i * sizeof v, sizeof v);                                                 \
        w = v;                                                                                     \
        memcpy(p, &w, sizeof w);                                                                   \
        p += validity == NULL || is_set(validity, i) ? sizeof w : 0;                               \
    }

static uint8_t *put_numbers(uint8_t *p, uint32_t width, const uint8_t *data, uint64_t n,
                            const uint8_t *validity)
{
    if (validity == NULL && width >= 4) {
        memcpy(p, data, n * width);
        return p + n * width;
    }
    switch (width) {
    case 1:
        PUT(uint8_t, uint32_t)
        break;
    case 2:
        PUT(uint16_t, uint32_t)
        break;
    case 4:
        PUT(uint32_t, uint32_t)
        break;
    case 8:
        PUT(uint64_t, uint64_t)
        break;
    default:
        for (uint64_t i = 0; i < n; i++) {
            memcpy(p, data + i * width, width);
            p += validity == NULL || is_set(validity, i) ? width : 0;
        }
    }
    return p;
}

static uint8_t *put_texts(uint8_t *p, const struct piece *c)
{
    uint32_t from, to;

    for (uint64_t i = 0; i < c->rows; i++) {
        if (c->validity == NULL || is_set(c->validity, i)) {
            memcpy(&from, c->buffer[0] + i * sizeof from, sizeof from);
            memcpy(&to, c->buffer[0] + (i + 1) * sizeof to, sizeof to);
            p = put_u32(p, to - from);
            memcpy(p, c->buffer[1] + from, to - from);
            p += to - from;
        }
    }
    return p;
}

/* Truth values from number n on; returns how many there are then. */
static uint64_t put_truths(uint8_t *p, const struct piece *c, uint64_t n)
{
    if (c->validity == NULL) {
        put_bits(p, n, c->buffer[0], c->rows);
        return n + c->rows;
    }
    for (uint64_t i = 0; i < c->rows; i++) {
        if (is_set(c->validity, i)) {
            if (n % 8 == 0) {
                p[n / 8] = 0;
            }
            p[n / 8] |= (uint8_t)(is_set(c->buffer[0], i) << (n % 8));
            n++;
        }
    }
    return n;
}

static struct ft__plain put_values(uint8_t *p, const struct ft__parquet_in *in)
{
    const struct ft__batch_column *c = in->column;
    struct ft__plain v = {.at = p, .n = in->rows - in->nulls, .width = plain_width(c)};
    uint32_t lists = ft__batch_nodes(c) - 1;
    uint64_t truths = 0, items = 0;
    struct piece k;

    for (size_t at = 0; next_piece(in, &at, &k); items += k.items) {
        switch ((enum ft__cell)c->cell) {
        case FT__CELL_LIST:
        case FT__CELL_LISTS:
            if (ft__batch_bits(c)) {
                put_bits(p, items, k.buffer[lists], k.items);
            } else {
                p = put_numbers(p, c->width, k.buffer[lists], k.items, NULL);
            }
            break;
        case FT__CELL_TEXT:
            p = put_texts(p, &k);
            break;
        case FT__CELL_BOOL:
            truths = put_truths(p, &k, truths);
            break;
        default:
            p = put_numbers(p, c->width, k.buffer[0], k.rows, k.validity);
        }
    }
    truths = ft__batch_bits(c) ? items : truths;
    v.n = c->cell == FT__CELL_VECTOR ? v.n * c->of.field->most : lists > 0 ? items : v.n;
    v.len = (size_t)(p - v.at) + (truths + 7) / 8;
    return v;
}

/* ---- statistics ---- */

static enum ft__order order_of(const struct ft__batch_column *c)
{
    switch (kind_of(c)) {
    case FT_T_F64:
        return FT__ORDER_REAL;
    case FT_T_I64:
    case FT_T_TIME:
        return FT__ORDER_SIGNED;
    default:
        return physical_of(c) == PQ_BYTE_ARRAY || physical_of(c) == PQ_FIXED ? FT__ORDER_BYTES
                                                                             : FT__ORDER_UNSIGNED;
    }
}

static void put_statistics(struct ft_thrift *t, const struct ft__parquet_in *in,
                           const struct ft__plain *v)
{
    bool ranged = v->n > 0 && physical_of(in->column) != PQ_BOOLEAN &&
                  in->column->cell != FT__CELL_VECTOR; /* nobody asks for a range of those */
    struct ft__range r = {0};

    if (ranged) {
        ft__plain_range(v, order_of(in->column), &r);
        ranged = r.least_len <= STAT_MOST && r.most_len <= STAT_MOST;
    }
    ft_thrift_begin(t, 12);
    if (ft__batch_nodes(in->column) == 1) {
        ft_thrift_i64(t, 3, (int64_t)in->nulls);
    }
    if (ranged) {
        ft_thrift_binary(t, 5, r.most, r.most_len);
        ft_thrift_binary(t, 6, r.least, r.least_len);
    }
    ft_thrift_end(t);
}

/* ---- pages ---- */

static int32_t codec(void)
{
#ifdef FT_HAVE_ZSTD
    return PQ_ZSTD;
#else
    return PQ_UNCOMPRESSED;
#endif
}

/* Returns the bytes at out; w->failed: there are none, zstd had no memory. */
static size_t pack(struct ft__parquet_work *w, const uint8_t *page, size_t len, uint8_t *out)
{
#ifdef FT_HAVE_ZSTD
    size_t packed = ZSTD_compress2(w->zstd, out, ZSTD_compressBound(len), page, len);

    w->failed = w->failed || ZSTD_isError(packed);
    return ZSTD_isError(packed) ? 0 : packed;
#else
    (void)w;
    memcpy(out, page, len);
    return len;
#endif
}

struct page {
    const uint8_t *at;
    size_t len;
    uint64_t n; /* values, nulls too; of a list, entries */
    int32_t encoding;
    bool dictionary;
};

/* A page with its header. Returns the bytes; *raw: they unpacked. */
static size_t put_page(struct ft__parquet_work *w, const struct page *page, uint8_t *out,
                       uint64_t *raw)
{
    uint8_t header[PAGE_HEADER];
    struct ft_thrift t = {.data = header, .cap = sizeof header};
    size_t len = pack(w, page->at, page->len, out + PAGE_HEADER);

    ft_thrift_i32(&t, 1, page->dictionary ? DICTIONARY_PAGE : DATA_PAGE);
    ft_thrift_i32(&t, 2, (int32_t)page->len);
    ft_thrift_i32(&t, 3, (int32_t)len);
    ft_thrift_begin(&t, page->dictionary ? 7 : 5);
    ft_thrift_i32(&t, 1, (int32_t)page->n);
    ft_thrift_i32(&t, 2, page->encoding);
    if (!page->dictionary) {
        ft_thrift_i32(&t, 3, PQ_RLE);
        ft_thrift_i32(&t, 4, PQ_RLE);
    }
    ft_thrift_end(&t);
    ft_thrift_end(&t);
    memcpy(out, header, t.len);
    memmove(out + t.len, out + PAGE_HEADER, len);
    *raw += t.len + page->len;
    return t.len + len;
}

/* What the footer says of a column chunk. */
struct chunk {
    uint64_t entries, raw, packed;
    uint64_t dictionary_at, data_at; /* of the file; dictionary_at 0: there is none */
};

static void put_chunk(struct ft_thrift *t, const struct ft__parquet_in *in, const struct chunk *k,
                      const struct ft__plain *stat)
{
    uint32_t lists = ft__batch_nodes(in->column) - 1;
    bool dictionary = k->dictionary_at != 0;

    ft_thrift_item_begin(t);
    ft_thrift_i64(t, 2, 0);
    ft_thrift_begin(t, 3);
    ft_thrift_i32(t, 1, physical_of(in->column));
    ft_thrift_list(t, 2, FT_THRIFT_I32, dictionary ? 3 : 2);
    ft_thrift_item_i32(t, PQ_RLE);
    ft_thrift_item_i32(t, PQ_PLAIN);
    if (dictionary) {
        ft_thrift_item_i32(t, PQ_RLE_DICTIONARY);
    }
    ft_thrift_list(t, 3, FT_THRIFT_BINARY, 2 * lists + 1);
    ft_thrift_item_text(t, ft_field_flat_name(in->column->of.field));
    for (; lists > 0; lists--) {
        ft_thrift_item_text(t, "list");
        ft_thrift_item_text(t, "element");
    }
    ft_thrift_i32(t, 4, codec());
    ft_thrift_i64(t, 5, (int64_t)k->entries);
    ft_thrift_i64(t, 6, (int64_t)k->raw);
    ft_thrift_i64(t, 7, (int64_t)k->packed);
    ft_thrift_i64(t, 9, (int64_t)k->data_at);
    if (dictionary) {
        ft_thrift_i64(t, 11, (int64_t)k->dictionary_at);
    }
    put_statistics(t, in, stat);
    ft_thrift_end(t);
    ft_thrift_end(t);
}

static uint32_t bits_of(uint64_t n)
{
    uint32_t bits = 1;

    while ((n - 1) >> bits != 0) {
        bits++;
    }
    return bits;
}

/* Numbers in the dictionary instead of values, at p. */
static uint8_t *put_numbers_of(const struct ft__parquet_work *w, uint8_t *p,
                               const struct ft__plain *v, const struct ft__plain *dictionary)
{
    uint32_t bits = bits_of(dictionary->n);

    *p++ = (uint8_t)bits;
    return put_hybrid(p, w->dictionary.number, v->n, bits);
}

size_t ft__parquet_put_column(struct ft__parquet_work *w, const struct ft__parquet_in *in,
                              uint64_t at, uint8_t *out, struct ft_thrift *meta, uint64_t *raw)
{
    bool list = ft__batch_nodes(in->column) > 1;
    struct chunk k = {.entries = in->rows};
    uint8_t *p = list ? put_list_levels(w, w->page, in, &k.entries) : put_flat_levels(w->page, in);
    struct ft__plain v = put_values(p, in), dictionary, stat = v;
    struct page page = {.at = w->page, .n = k.entries, .encoding = PQ_PLAIN};
    uint8_t *end = p + v.len;
    size_t len = 0;

    if (physical_of(in->column) != PQ_BOOLEAN &&
        ft__dictionary_make(&w->dictionary, &v, &dictionary)) {
        struct page first = {.at = dictionary.at,
                             .len = dictionary.len,
                             .n = dictionary.n,
                             .encoding = PQ_PLAIN,
                             .dictionary = true};

        k.dictionary_at = at;
        len = put_page(w, &first, out, &k.raw);
        end = put_numbers_of(w, p, &v, &dictionary);
        page.encoding = PQ_RLE_DICTIONARY;
        stat = dictionary;
    }
    page.len = (size_t)(end - w->page);
    k.data_at = at + len;
    len += put_page(w, &page, out + len, &k.raw);
    k.packed = len;
    put_chunk(meta, in, &k, &stat);
    *raw += k.raw;
    return len;
}
