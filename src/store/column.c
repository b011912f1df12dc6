/* SPDX-License-Identifier: Apache-2.0 */
/* store: columns, see column.h. */
#include "store/column.h"

#include <zstd.h>

#include "base/hash.h"
#include "base/wr.h"
#include "store/ints.h"

enum { NULLS_NONE, NULLS_ALL, NULLS_SOME };
enum { PLAIN = 0, DICTIONARY = 1, HEX = 2 };
enum { LEVEL = 1, LEVEL_FAST = -10, ADDRESS = 16, HEX_LEN = 16, TRY = 256, NEAR = 256 };
enum { TABLE_MOST = 1 << 18 };

struct ft_store_coder {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    struct ft_hash_seed seed;
    struct ft_store_buf raw;   /* a column before it is packed, or behind */
    struct ft_store_buf work;  /* uint64_t: ordered numbers, lengths, numbers in a dictionary */
    struct ft_store_buf words; /* likewise, of a dictionary */
    struct ft_store_buf table; /* uint32_t: slots of a dictionary */
    struct ft_store_buf first; /* uint32_t: the row of each of its words */
};

struct ft_store_coder *ft_store_coder_new(void)
{
    struct ft_store_coder *k = ft_mem_alloc(1, sizeof *k);

    if (k == NULL) {
        return NULL;
    }
    k->pack = ZSTD_createCCtx();
    k->unpack = ZSTD_createDCtx();
    ft_hash_seed_random(&k->seed);
    if (k->pack == NULL || k->unpack == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(k->pack, ZSTD_c_checksumFlag, 1))) {
        ft_store_coder_free(k);
        return NULL;
    }
    return k;
}

void ft_store_coder_free(struct ft_store_coder *k)
{
    if (k == NULL) {
        return;
    }
    ZSTD_freeCCtx(k->pack);
    ZSTD_freeDCtx(k->unpack);
    ft_store_buf_fini(&k->raw);
    ft_store_buf_fini(&k->work);
    ft_store_buf_fini(&k->words);
    ft_store_buf_fini(&k->table);
    ft_store_buf_fini(&k->first);
    ft_mem_free(k);
}

void ft_store_values_fini(struct ft_store_values *v)
{
    ft_store_buf_fini(&v->valid);
    ft_store_buf_fini(&v->num);
    ft_store_buf_fini(&v->bytes);
    ft_store_buf_fini(&v->end);
    ft_store_buf_fini(&v->inner);
}

bool ft_store_column_valid(const struct ft_store_column *c)
{
    static const uint8_t widths[] = {1, 1, 2, 4, 8, 8, 8, 8}; /* FT_T_BOOL to FT_T_TIME */
    uint8_t kind = c->cell >= FT__CELL_LIST ? c->item : c->type;
    bool number = kind < sizeof widths && c->width == widths[kind];

    if (memchr(c->name, '\0', sizeof c->name) == NULL || c->name[0] == '\0' ||
        c->type >= FT_T__COUNT || c->cell > FT__CELL_VECTOR) {
        return false;
    }
    switch (c->cell) {
    case FT__CELL_BOOL:
        return c->type == FT_T_BOOL;
    case FT__CELL_FIXED:
        return ft_store_is_address(c)
                   ? c->width == ADDRESS
                   : (number && kind != FT_T_BOOL) || (c->type == FT_T_BYTES && c->width > 8);
    case FT__CELL_TEXT:
        return c->type >= FT_T_STRING && c->type <= FT_T_JSON;
    case FT__CELL_VECTOR:
        return c->type == FT_T_VECTOR && c->width > 0 && c->width % sizeof(float) == 0;
    case FT__CELL_LIST:
        return c->type == FT_T_LIST && number;
    default:
        return c->type == FT_T_LISTS && number;
    }
}

/* ---- frames ---- */

static int pack(struct ft_store_coder *k, int level, const uint8_t *raw, size_t len,
                struct ft_store_buf *out)
{
    size_t room = ZSTD_compressBound(len);

    if (!ft_store_buf_room(out, room) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(k->pack, ZSTD_c_compressionLevel, level))) {
        return FT_E_NOMEM;
    }
    size_t n = ZSTD_compress2(k->pack, out->p + out->len, room, raw, len);

    if (ZSTD_isError(n)) {
        return FT_E_NOMEM;
    }
    out->len += n;
    return FT_OK;
}

int ft_store_pack(struct ft_store_coder *k, const uint8_t *raw, size_t len,
                  struct ft_store_buf *out)
{
    return pack(k, LEVEL, raw, len, out);
}

int ft_store_unpack(struct ft_store_coder *k, const uint8_t *data, size_t len, size_t raw_len,
                    struct ft_store_buf *out)
{
    if (raw_len > FT_STORE_RAW_MOST || !ft_store_buf_set(out, raw_len + 1)) {
        return raw_len > FT_STORE_RAW_MOST ? FT_E_CORRUPT : FT_E_NOMEM;
    }
    out->len = raw_len;
    return ZSTD_decompressDCtx(k->unpack, out->p, raw_len, data, len) == raw_len ? FT_OK
                                                                                 : FT_E_CORRUPT;
}

/* ---- bounds ---- */

static void bound_number(struct ft_store_extent *ext, uint64_t least, uint64_t most)
{
    memset(ext->min, 0, sizeof ext->min);
    memset(ext->max, 0, sizeof ext->max);
    ft_store_be64(ext->min, least);
    ft_store_be64(ext->max, most);
}

/* What is longer begins with it. */
static void bound_bytes(struct ft_store_extent *ext, const uint8_t *p, size_t len)
{
    uint8_t head[FT_STORE_BOUND] = {0};

    if (len > 0) {
        memcpy(head, p, len < sizeof head ? len : sizeof head);
    }
    if (memcmp(head, ext->min, sizeof head) < 0) {
        memcpy(ext->min, head, sizeof head);
    }
    if (memcmp(head, ext->max, sizeof head) > 0) {
        memcpy(ext->max, head, sizeof head);
    }
}

/* ---- dictionaries ---- */

/* Finds the number of each row's bytes among those that occur: into k->work; their first rows into
 * k->first. False: too many to pay, or no memory. */
static bool find_words(struct ft_store_coder *k, const struct ft_store_values *v, uint32_t width)
{
    uint32_t most = v->n / 4 + 16, size = 1024, n = 0;
    const uint32_t *end = ft_store_buf_u32(&v->end);

    while (size < most * 2 && size < TABLE_MOST) {
        size *= 2;
    }
    most = most < size / 2 ? most : size / 2;
    if (!ft_store_buf_set(&k->table, size * sizeof(uint32_t)) ||
        !ft_store_buf_set(&k->first, (most + 1) * sizeof(uint32_t)) ||
        !ft_store_buf_set(&k->work, (size_t)v->n * sizeof(uint64_t))) {
        return false;
    }
    uint32_t *table = ft_store_buf_u32(&k->table), *first = ft_store_buf_u32(&k->first);
    uint64_t *code = ft_store_buf_u64(&k->work);

    memset(table, 0xff, k->table.len);
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t at = width > 0 ? i * width : end[i], len = width > 0 ? width : end[i + 1] - at;
        const uint8_t *p = v->bytes.p + at;
        uint64_t h = k->seed.s[0] ^ len;
        uint32_t left = len;

        for (; left >= 8; left -= 8) {
            h = ft_hash_fold(h ^ ft_load_u64(p + len - left), k->seed.s[1]);
        }
        for (; left > 0; left--) {
            h = ft_hash_fold(h ^ p[len - left], k->seed.s[2]);
        }
        for (uint32_t s = (uint32_t)(h >> 32) & (size - 1);; s = (s + 1) & (size - 1)) {
            if (table[s] == UINT32_MAX) {
                if (n == most || (i == TRY && n > TRY - TRY / 8)) {
                    return false;
                }
                first[n] = i;
                table[s] = n;
                code[i] = n++;
                break;
            }
            uint32_t row = first[table[s]], from = width > 0 ? row * width : end[row];

            if ((width > 0 || end[row + 1] - from == len) &&
                memcmp(v->bytes.p + from, p, len) == 0) {
                code[i] = table[s];
                break;
            }
        }
    }
    k->first.len = n * sizeof(uint32_t);
    return true;
}

/* n things of so many bytes, all first bytes first; rows: which, NULL: all. */
static bool put_planes(struct ft_store_buf *out, const uint8_t *p, size_t n, size_t width,
                       const uint32_t *rows)
{
    if (!ft_store_buf_room(out, n * width)) {
        return false;
    }
    for (size_t k = 0; k < width; k++) {
        uint8_t *to = out->p + out->len;

        for (size_t i = 0; i < n; i++) {
            to[i] = p[(rows != NULL ? rows[i] : i) * width + k];
        }
        out->len += n;
    }
    return true;
}

static bool put_address_column(struct ft_store_coder *k, const struct ft_store_values *v,
                               struct ft_store_extent *ext)
{
    uint8_t how = v->n > TRY && find_words(k, v, ADDRESS) ? DICTIONARY : PLAIN;
    uint32_t n = (uint32_t)(k->first.len / sizeof(uint32_t));
    uint64_t words = n;

    for (uint32_t i = 0; i < v->n; i++) {
        if (!ft_store_value_null(v, i)) {
            const uint8_t *a = v->bytes.p + (size_t)i * ADDRESS;

            if (memcmp(a, ext->min, ADDRESS) < 0) {
                memcpy(ext->min, a, ADDRESS);
            }
            if (memcmp(a, ext->max, ADDRESS) > 0) {
                memcpy(ext->max, a, ADDRESS);
            }
        }
    }
    if (!ft_store_buf_add(&k->raw, &how, 1)) {
        return false;
    }
    if (how == PLAIN) {
        return put_planes(&k->raw, v->bytes.p, v->n, ADDRESS, NULL);
    }
    return ft_store_buf_add(&k->raw, &words, sizeof words) &&
           put_planes(&k->raw, v->bytes.p, n, ADDRESS, ft_store_buf_u32(&k->first)) &&
           ft_store_ints_put(&k->raw, ft_store_buf_u64(&k->work), v->n);
}

/* ---- text ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* All of them are hex of 16 digits: into k->work. */
static bool as_hex(struct ft_store_coder *k, const struct ft_store_values *v)
{
    const uint32_t *end = ft_store_buf_u32(&v->end);

    if (v->nulls > 0 || v->n == 0 || end[v->n] - end[0] != (uint64_t)v->n * HEX_LEN ||
        !ft_store_buf_set(&k->work, (size_t)v->n * sizeof(uint64_t))) {
        return false;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        const uint8_t *p = v->bytes.p + end[i];
        uint64_t x = 0;
        int bad = 0;

        if (end[i + 1] - end[i] != HEX_LEN) {
            return false;
        }
        for (int c = 0; c < HEX_LEN; c++) {
            int d = hex_digit(p[c]);

            bad |= d;
            x = x << 4 | (uint64_t)(d & 15);
        }
        if (bad < 0) {
            return false;
        }
        ft_store_buf_u64(&k->work)[i] = x;
    }
    return true;
}

/* Lengths and bytes of texts; rows: which n of them, NULL: all. */
static bool put_texts(struct ft_store_coder *k, const struct ft_store_values *v, uint32_t n,
                      const uint32_t *rows)
{
    const uint32_t *end = ft_store_buf_u32(&v->end);

    if (!ft_store_buf_set(&k->words, (size_t)n * sizeof(uint64_t))) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows != NULL ? rows[i] : i;

        ft_store_buf_u64(&k->words)[i] = end[row + 1] - end[row];
    }
    bool good = ft_store_ints_put(&k->raw, ft_store_buf_u64(&k->words), n);

    if (rows == NULL) {
        return good && ft_store_buf_add(&k->raw, v->bytes.p + end[0], end[n] - end[0]);
    }
    for (uint32_t i = 0; i < n && good; i++) {
        good =
            ft_store_buf_add(&k->raw, v->bytes.p + end[rows[i]], end[rows[i] + 1] - end[rows[i]]);
    }
    return good;
}

static bool put_text_column(struct ft_store_coder *k, const struct ft_store_values *v,
                            struct ft_store_extent *ext)
{
    const uint32_t *end = ft_store_buf_u32(&v->end);
    uint8_t how = as_hex(k, v) ? HEX : PLAIN;

    if (how == PLAIN && find_words(k, v, 0)) {
        how = DICTIONARY;
    }
    uint32_t n = (uint32_t)(k->first.len / sizeof(uint32_t));
    uint64_t words = n;

    for (uint32_t i = 0; i < (how == DICTIONARY ? n : v->n); i++) {
        uint32_t row = how == DICTIONARY ? ft_store_buf_u32(&k->first)[i] : i;

        if (!ft_store_value_null(v, row)) {
            bound_bytes(ext, v->bytes.p + end[row], end[row + 1] - end[row]);
        }
    }
    if (!ft_store_buf_add(&k->raw, &how, 1)) {
        return false;
    }
    if (how == DICTIONARY) {
        return ft_store_buf_add(&k->raw, &words, sizeof words) &&
               put_texts(k, v, n, ft_store_buf_u32(&k->first)) &&
               ft_store_ints_put(&k->raw, ft_store_buf_u64(&k->work), v->n);
    }
    return how == HEX ? ft_store_ints_put(&k->raw, ft_store_buf_u64(&k->work), v->n)
                      : put_texts(k, v, v->n, NULL);
}

/* ---- numbers and lists ---- */

static bool put_numbers(struct ft_store_coder *k, uint8_t type, const struct ft_store_buf *from)
{
    size_t n = from->len / sizeof(uint64_t);

    if (!ft_store_buf_set(&k->work, from->len)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ft_store_buf_u64(&k->work)[i] = ft_store_ordered(type, ft_store_buf_u64(from)[i]);
    }
    return ft_store_ints_put(&k->raw, ft_store_buf_u64(&k->work), n);
}

static bool put_number_column(struct ft_store_coder *k, const struct ft_store_column *c,
                              const struct ft_store_values *v, struct ft_store_extent *ext)
{
    uint64_t least = UINT64_MAX, most = 0;

    if (!ft_store_buf_set(&k->work, (size_t)v->n * sizeof(uint64_t))) {
        return false;
    }
    uint64_t *w = ft_store_buf_u64(&k->work);
    const uint64_t *num = ft_store_buf_u64(&v->num);

    for (uint32_t i = 0; i < v->n; i++) {
        w[i] = ft_store_ordered(c->type, num[i]);
        if (!ft_store_value_null(v, i)) {
            least = w[i] < least ? w[i] : least;
            most = w[i] > most ? w[i] : most;
        }
    }
    for (uint32_t i = 0; v->nulls > 0 && i < v->n; i++) { /* what stands for null costs nothing */
        w[i] = ft_store_value_null(v, i) ? least : w[i];
    }
    bound_number(ext, least, most);
    return ft_store_ints_put(&k->raw, w, v->n);
}

static bool put_counts(struct ft_store_coder *k, const struct ft_store_buf *end)
{
    size_t n = end->len / sizeof(uint32_t) - 1;
    const uint32_t *e = ft_store_buf_u32(end);

    if (!ft_store_buf_set(&k->words, n * sizeof(uint64_t))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ft_store_buf_u64(&k->words)[i] = e[i + 1] - e[i];
    }
    return ft_store_ints_put(&k->raw, ft_store_buf_u64(&k->words), n);
}

static bool put_nulls(struct ft_store_coder *k, const struct ft_store_values *v)
{
    uint8_t how = v->nulls == 0 ? NULLS_NONE : v->nulls == v->n ? NULLS_ALL : NULLS_SOME;
    size_t len = how == NULLS_SOME ? ((size_t)v->n + 7) / 8 : 0;

    if (!ft_store_buf_add(&k->raw, &how, 1) || !ft_store_buf_room(&k->raw, len)) {
        return false;
    }
    uint8_t *to = k->raw.p + k->raw.len;

    memset(to, 0, len);
    for (uint32_t i = 0; len > 0 && i < v->n; i++) {
        to[i / 8] |= (uint8_t)((v->valid.p[i] != 0) << (i % 8));
    }
    k->raw.len += len;
    return true;
}

static bool put_values(struct ft_store_coder *k, const struct ft_store_column *c,
                       const struct ft_store_values *v, struct ft_store_extent *ext)
{
    if (v->nulls == v->n) {
        return true;
    }
    if (ft_store_is_number(c)) {
        return put_number_column(k, c, v, ext);
    }
    if (ft_store_is_address(c)) {
        return put_address_column(k, v, ext);
    }
    if (c->cell == FT__CELL_TEXT) {
        return put_text_column(k, v, ext);
    }
    if (c->cell == FT__CELL_FIXED) {
        return ft_store_buf_add(&k->raw, v->bytes.p, (size_t)v->n * c->width);
    }
    return put_counts(k, &v->end) && (c->cell == FT__CELL_LIST || put_counts(k, &v->inner)) &&
           put_numbers(k, c->item, &v->num);
}

int ft_store_column_put(struct ft_store_coder *k, const struct ft_store_column *c,
                        const struct ft_store_values *v, struct ft_store_buf *out,
                        struct ft_store_extent *ext)
{
    size_t before = out->len;

    *ext = (struct ft_store_extent){.nulls = v->nulls};
    memset(ext->min, 0xff, sizeof ext->min);
    k->raw.len = k->first.len = 0;
    bool rows = c->cell == FT__CELL_VECTOR && v->nulls < v->n;

    ext->layout = rows ? FT_STORE_LAYOUT_ROWS : FT_STORE_LAYOUT_PLANES;
    if (rows && !ft_store_buf_add(&k->raw, v->bytes.p, (size_t)v->n * c->width)) {
        return FT_E_NOMEM;
    }
    if (!put_nulls(k, v) || (!rows && !put_values(k, c, v, ext))) {
        return FT_E_NOMEM;
    }
    int rc = pack(k, rows ? LEVEL_FAST : LEVEL, k->raw.p, k->raw.len, out);

    ext->raw_len = (uint32_t)k->raw.len;
    ext->len = (uint32_t)(out->len - before);
    return rc;
}

/* ---- and back ---- */

/* The rows of n that are wanted; row NULL: all. What stands for others is whatever. */
struct wanted {
    const uint32_t *row; /* ascending */
    uint32_t n;
};

static const struct wanted all_rows = {NULL, 0};

static uint32_t n_wanted(const struct wanted *w, uint32_t n)
{
    return w->row != NULL ? w->n : n;
}

static uint32_t wanted_row(const struct wanted *w, uint32_t i)
{
    return w->row != NULL ? w->row[i] : i;
}

static bool get_ints_of(struct ft_rd *rd, size_t n, const struct wanted *w,
                        struct ft_store_buf *buf)
{
    return n <= FT_STORE_BUF_MOST / sizeof(uint64_t) &&
           ft_store_buf_set(buf, n * sizeof(uint64_t)) &&
           ft_store_ints_get_rows(rd, ft_store_buf_u64(buf), n, w->row, w->n);
}

/* n numbers into buf as uint64_t. */
static bool get_ints(struct ft_rd *rd, size_t n, struct ft_store_buf *buf)
{
    return get_ints_of(rd, n, &all_rows, buf);
}

/* A number, and whether it can be one. */
FT_INLINE bool turn_number(uint8_t type, uint64_t *v)
{
    *v = ft_store_unordered(type, *v);
    if (type == FT_T_F64) {
        return (*v >> 52 & 0x7ff) != 0x7ff; /* finite */
    }
    return type != FT_T_TIME || ((int64_t)*v <= INT64_MAX / 1000 &&
                                 (int64_t)*v >= INT64_MIN / 1000); /* µs; ns are as wide */
}

static bool turn_numbers(uint8_t type, uint64_t *v, size_t n, const struct wanted *w)
{
    bool good = true;

    if (w->row != NULL) {
        for (uint32_t i = 0; i < w->n; i++) {
            good &= turn_number(type, &v[w->row[i]]);
        }
    } else if (type == FT_T_F64) {
        for (size_t i = 0; i < n; i++) {
            good &= turn_number(FT_T_F64, &v[i]);
        }
    } else if (type == FT_T_TIME) {
        for (size_t i = 0; i < n; i++) {
            good &= turn_number(FT_T_TIME, &v[i]);
        }
    } else if (type == FT_T_I64) {
        for (size_t i = 0; i < n; i++) {
            good &= turn_number(FT_T_I64, &v[i]);
        }
    }
    return good;
}

static bool get_numbers(struct ft_rd *rd, size_t n, uint8_t type, const struct wanted *w,
                        struct ft_store_buf *to)
{
    return get_ints_of(rd, n, w, to) && turn_numbers(type, ft_store_buf_u64(to), n, w);
}

/* Lengths of n things, as where each ends. Their sum is at most `most`. */
static bool get_ends(struct ft_store_coder *k, struct ft_rd *rd, size_t n, uint64_t most,
                     struct ft_store_buf *to)
{
    uint64_t at = 0;

    if (!get_ints(rd, n, &k->words) || !ft_store_buf_set(to, (n + 1) * sizeof(uint32_t))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t len = ft_store_buf_u64(&k->words)[i];

        ft_store_buf_u32(to)[i] = (uint32_t)at;
        if (len > most - at) {
            return false;
        }
        at += len;
    }
    ft_store_buf_u32(to)[n] = (uint32_t)at;
    return true;
}

static bool all_same(const uint8_t *p, size_t n)
{
    return memcmp(p, p + 1, n - 1) == 0;
}

/* n things of so many bytes; planes of one byte are written once, and the others as they are, some
 * things at a time, which stay near while their bytes come together. */
static bool get_planes(struct ft_rd *rd, size_t n, size_t width, struct ft_store_buf *to)
{
    const uint8_t *p = ft_rd_view(rd, n * width);
    uint8_t first[ADDRESS];
    bool same[ADDRESS] = {false};

    if (p == NULL || !ft_store_buf_set(to, n * width)) {
        return false;
    }
    for (size_t k = 0; width == ADDRESS && n > 0 && k < ADDRESS; k++) {
        first[k] = p[k * n];
        same[k] = all_same(p + k * n, n);
    }
    for (size_t at = 0; at < n; at += NEAR) {
        size_t end = n - at < NEAR ? n : at + NEAR;

        for (size_t i = at; width == ADDRESS && i < end; i++) {
            memcpy(to->p + i * ADDRESS, first, ADDRESS);
        }
        for (size_t k = 0; k < width; k++) {
            for (size_t i = at; i < end && !(width == ADDRESS && same[k]); i++) {
                to->p[i * width + k] = p[k * n + i];
            }
        }
    }
    return true;
}

/* Addresses of some rows. */
static bool get_addresses(struct ft_rd *rd, uint32_t n, const struct wanted *w,
                          struct ft_store_buf *to)
{
    if (w->row == NULL) {
        return get_planes(rd, n, ADDRESS, to);
    }
    const uint8_t *p = ft_rd_view(rd, (size_t)n * ADDRESS);

    if (p == NULL || !ft_store_buf_set(to, (size_t)n * ADDRESS)) {
        return false;
    }
    for (uint32_t i = 0; i < w->n; i++) {
        size_t row = w->row[i];

        for (size_t k = 0; k < ADDRESS; k++) {
            to->p[row * ADDRESS + k] = p[k * n + row];
        }
    }
    return true;
}

/* Of floats. An exponent of all ones and one more is the sign. */
static bool all_finite(const struct ft_store_buf *b)
{
    const uint32_t *v = ft_store_buf_u32(b), one = UINT32_C(1) << 23;
    uint32_t any = 0;

    for (size_t i = 0; i < b->len / sizeof(uint32_t); i++) {
        any |= (v[i] & ~(UINT32_C(1) << 31)) + one;
    }
    return any >> 31 == 0;
}

/* How many words a dictionary has; they are followed by n numbers of them. */
static bool get_words_head(struct ft_rd *rd, uint32_t n, uint64_t *out)
{
    const uint8_t *p = ft_rd_view(rd, sizeof *out);

    *out = p != NULL ? ft_load_u64(p) : 0;
    return p != NULL && *out <= n;
}

/* The numbers of words; each is one of those. */
static bool get_codes(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n, uint64_t words,
                      const struct wanted *w)
{
    if (!get_ints_of(rd, n, w, &k->work)) {
        return false;
    }
    for (uint32_t i = 0; i < n_wanted(w, n); i++) {
        if (ft_store_buf_u64(&k->work)[wanted_row(w, i)] >= words) {
            return false;
        }
    }
    return true;
}

static bool get_address_column(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n,
                               const struct wanted *w, struct ft_store_values *out)
{
    uint8_t how = ft_rd_u8(rd);
    uint64_t words;

    if (how == PLAIN) {
        return get_addresses(rd, n, w, &out->bytes);
    }
    if (how != DICTIONARY || !get_words_head(rd, n, &words) ||
        !get_planes(rd, words, ADDRESS, &k->first) || !get_codes(k, rd, n, words, w) ||
        !ft_store_buf_set(&out->bytes, (size_t)n * ADDRESS)) {
        return false;
    }
    for (uint32_t i = 0; i < n_wanted(w, n); i++) {
        uint32_t row = wanted_row(w, i);

        memcpy(out->bytes.p + (size_t)row * ADDRESS,
               k->first.p + ft_store_buf_u64(&k->work)[row] * ADDRESS, ADDRESS);
    }
    return true;
}

static bool get_hex(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n, const struct wanted *w,
                    struct ft_store_values *out)
{
    static const char digits[] = "0123456789abcdef";

    if (!get_ints_of(rd, n, w, &k->work) || !ft_store_buf_set(&out->bytes, (size_t)n * HEX_LEN) ||
        !ft_store_buf_set(&out->end, ((size_t)n + 1) * sizeof(uint32_t))) {
        return false;
    }
    for (uint32_t i = 0; i < n_wanted(w, n); i++) {
        uint32_t row = wanted_row(w, i);
        uint64_t x = ft_store_buf_u64(&k->work)[row];

        for (int c = HEX_LEN; c-- > 0; x >>= 4) {
            out->bytes.p[(size_t)row * HEX_LEN + (size_t)c] = (uint8_t)digits[x & 15];
        }
    }
    for (uint32_t i = 0; i <= n; i++) {
        ft_store_buf_u32(&out->end)[i] = i * HEX_LEN;
    }
    return true;
}

/* Where the texts of words end; those of rows that are not wanted are empty. False: too long. */
static bool end_words(const struct ft_store_coder *k, const uint32_t *word_end, uint32_t n,
                      const struct wanted *w, struct ft_store_buf *to, uint64_t *out_all)
{
    uint64_t all = 0;

    for (uint32_t i = 0, at = 0; i < n; i++) {
        bool is = w->row == NULL || (at < w->n && w->row[at] == i);
        uint64_t code = is ? ft_store_buf_u64(&k->work)[i] : 0;

        ft_store_buf_u32(to)[i] = (uint32_t)all;
        all += is ? word_end[code + 1] - word_end[code] : 0;
        at += is;
        if (all > FT_STORE_RAW_MOST) {
            return false;
        }
    }
    ft_store_buf_u32(to)[n] = (uint32_t)all;
    *out_all = all;
    return true;
}

static bool get_words(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n,
                      const struct wanted *w, struct ft_store_values *out)
{
    uint64_t words, all = 0;
    struct ft_store_buf *ends = &k->first;

    if (!get_words_head(rd, n, &words) || !get_ends(k, rd, words, ft_rd_left(rd), ends)) {
        return false;
    }
    const uint32_t *end = ft_store_buf_u32(ends);
    const uint8_t *p = ft_rd_view(rd, end[words]);

    if (p == NULL || !get_codes(k, rd, n, words, w) ||
        !ft_store_buf_set(&out->end, ((size_t)n + 1) * sizeof(uint32_t)) ||
        !end_words(k, end, n, w, &out->end, &all) || !ft_store_buf_set(&out->bytes, all)) {
        return false;
    }
    for (uint32_t i = 0; i < n_wanted(w, n); i++) {
        uint32_t row = wanted_row(w, i);
        uint64_t code = ft_store_buf_u64(&k->work)[row];
        size_t len = end[code + 1] - end[code];

        if (len > 0) {
            memcpy(out->bytes.p + ft_store_buf_u32(&out->end)[row], p + end[code], len);
        }
    }
    return true;
}

static bool get_text_column(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n,
                            const struct wanted *w, struct ft_store_values *out)
{
    uint8_t how = ft_rd_u8(rd);

    if (how == HEX) {
        return get_hex(k, rd, n, w, out);
    }
    if (how == DICTIONARY) {
        return get_words(k, rd, n, w, out);
    }
    if (how != PLAIN || !get_ends(k, rd, n, ft_rd_left(rd), &out->end)) {
        return false;
    }
    size_t len = ft_store_buf_u32(&out->end)[n];
    const uint8_t *p = ft_rd_view(rd, len);

    out->bytes.len = 0;
    return p != NULL && ft_store_buf_add(&out->bytes, p, len);
}

static bool get_nulls(struct ft_rd *rd, uint32_t n, uint32_t nulls, struct ft_store_values *out)
{
    uint8_t how = ft_rd_u8(rd);
    uint32_t found = how == NULLS_ALL ? n : 0;

    out->n = n;
    out->nulls = nulls;
    if (how == NULLS_SOME) {
        const uint8_t *p = ft_rd_view(rd, ((size_t)n + 7) / 8);

        if (p == NULL || !ft_store_buf_set(&out->valid, n)) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            out->valid.p[i] = p[i / 8] >> (i % 8) & 1;
            found += out->valid.p[i] == 0;
        }
        return found == nulls && found > 0 && found < n;
    }
    return how <= NULLS_ALL && found == nulls;
}

static bool get_values(struct ft_store_coder *k, const struct ft_store_column *c, uint32_t n,
                       struct ft_rd *rd, const struct wanted *w, struct ft_store_values *out)
{
    if (out->nulls == n) {
        return true;
    }
    if (ft_store_is_number(c)) {
        return get_numbers(rd, n, c->type, w, &out->num);
    }
    if (ft_store_is_address(c)) {
        return get_address_column(k, rd, n, w, out);
    }
    if (c->cell == FT__CELL_TEXT) {
        return get_text_column(k, rd, n, w, out);
    }
    if (c->cell == FT__CELL_FIXED) {
        const uint8_t *p = ft_rd_view(rd, (size_t)n * c->width);

        out->bytes.len = 0;
        return p != NULL && ft_store_buf_add(&out->bytes, p, (size_t)n * c->width);
    }
    if (c->cell == FT__CELL_VECTOR) {
        return get_planes(rd, n, c->width, &out->bytes) && all_finite(&out->bytes);
    }
    uint64_t most = FT_STORE_RAW_MOST / sizeof(uint64_t);

    if (!get_ends(k, rd, n, most, &out->end)) {
        return false;
    }
    uint32_t items = ft_store_buf_u32(&out->end)[n];

    if (c->cell == FT__CELL_LISTS) {
        if (!get_ends(k, rd, items, most, &out->inner)) {
            return false;
        }
        items = ft_store_buf_u32(&out->inner)[items];
    }
    return get_numbers(rd, items, c->item, &all_rows, &out->num);
}

/* Vectors row by row are in place when they are unpacked. */
static int get_in_place(struct ft_store_coder *k, const struct ft_store_column *c, uint32_t n,
                        const struct ft_store_extent *ext, const uint8_t *data,
                        struct ft_store_values *out)
{
    size_t len = (size_t)n * c->width;
    int rc = ft_store_unpack(k, data, ext->len, ext->raw_len, &out->bytes);

    if (rc != FT_OK || out->bytes.len < len) {
        return rc != FT_OK ? rc : FT_E_CORRUPT;
    }
    struct ft_rd rd = ft_rd_make(out->bytes.p + len, out->bytes.len - len);
    bool good = get_nulls(&rd, n, ext->nulls, out) && ft_rd_left(&rd) == 0;

    out->bytes.len = len;
    return good && out->nulls < n && all_finite(&out->bytes) ? FT_OK : FT_E_CORRUPT;
}

int ft_store_column_get(struct ft_store_coder *k, const struct ft_store_column *c, uint32_t n,
                        const struct ft_store_extent *ext, const uint8_t *data,
                        struct ft_store_values *out)
{
    return ft_store_column_get_rows(k, c, n, ext, data, NULL, 0, out);
}

int ft_store_column_get_rows(struct ft_store_coder *k, const struct ft_store_column *c, uint32_t n,
                             const struct ft_store_extent *ext, const uint8_t *data,
                             const uint32_t *rows, uint32_t n_rows, struct ft_store_values *out)
{
    struct wanted w = {rows, n_rows};

    if (ext->layout == FT_STORE_LAYOUT_ROWS) {
        return get_in_place(k, c, n, ext, data, out);
    }
    int rc = ft_store_unpack(k, data, ext->len, ext->raw_len, &k->raw);

    if (rc != FT_OK) {
        return rc;
    }
    struct ft_rd rd = ft_rd_make(k->raw.p, k->raw.len);

    return get_nulls(&rd, n, ext->nulls, out) && get_values(k, c, n, &rd, &w, out) &&
                   ft_rd_left(&rd) == 0
               ? FT_OK
               : FT_E_CORRUPT;
}

/* ---- rows of one value ---- */

/* Of n things of so many planes those that have the bytes, which stand as planes do; probe: the
 * plane that tells most of them apart. */
static uint32_t find_planes(const uint8_t *p, size_t n, size_t width, const uint8_t *key,
                            size_t probe, uint32_t *rows)
{
    const uint8_t *plane = p + probe * n, *at = plane;
    uint32_t found = 0;

    while ((at = memchr(at, key[probe], (size_t)(plane + n - at))) != NULL) {
        size_t row = (size_t)(at - plane), same = 0;

        while (same < width && p[same * n + row] == key[same]) {
            same++;
        }
        if (same == width) {
            rows[found++] = (uint32_t)row;
        }
        if (++at == plane + n) {
            break;
        }
    }
    return found;
}

/* Of numbers of words those of one; words: it is none of them. */
static bool find_code(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n, uint64_t words,
                      uint64_t word, uint32_t *rows, uint32_t *out_n)
{
    if (!get_codes(k, rd, n, words, &all_rows)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        rows[*out_n] = i;
        *out_n += ft_store_buf_u64(&k->work)[i] == word;
    }
    return true;
}

static bool find_address(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n, const uint8_t *key,
                         uint32_t *rows, uint32_t *out_n)
{
    uint8_t how = ft_rd_u8(rd);
    uint64_t words, word = 0;

    if (how == PLAIN) {
        const uint8_t *p = ft_rd_view(rd, (size_t)n * ADDRESS);

        *out_n = p != NULL ? find_planes(p, n, ADDRESS, key, ADDRESS - 1, rows) : 0;
        return p != NULL;
    }
    if (how != DICTIONARY || !get_words_head(rd, n, &words) ||
        !get_planes(rd, words, ADDRESS, &k->first)) {
        return false;
    }
    while (word < words && memcmp(k->first.p + word * ADDRESS, key, ADDRESS) != 0) {
        word++;
    }
    return find_code(k, rd, n, words, word, rows, out_n);
}

static bool find_hex(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n, const uint8_t *key,
                     size_t len, uint32_t *rows, uint32_t *out_n)
{
    uint64_t x = 0;
    int bad = len != HEX_LEN ? -1 : 0;

    if (!get_ints(rd, n, &k->work)) {
        return false;
    }
    for (size_t i = 0; i < len && bad >= 0; i++) {
        bad = hex_digit(key[i]);
        x = x << 4 | (uint64_t)(bad & 15);
    }
    for (uint32_t i = 0; i < n && bad >= 0; i++) {
        rows[*out_n] = i;
        *out_n += ft_store_buf_u64(&k->work)[i] == x;
    }
    return true;
}

static bool find_text(struct ft_store_coder *k, struct ft_rd *rd, uint32_t n, const uint8_t *key,
                      size_t len, uint32_t *rows, uint32_t *out_n)
{
    uint8_t how = ft_rd_u8(rd);
    uint64_t words = n, word = 0;

    if (how == HEX) {
        return find_hex(k, rd, n, key, len, rows, out_n);
    }
    if (how > DICTIONARY || (how == DICTIONARY && !get_words_head(rd, n, &words)) ||
        !get_ends(k, rd, words, ft_rd_left(rd), &k->first)) {
        return false;
    }
    const uint32_t *end = ft_store_buf_u32(&k->first);
    const uint8_t *p = ft_rd_view(rd, end[words]);

    for (; p != NULL && word < words; word++) {
        bool same =
            end[word + 1] - end[word] == len && (len == 0 || memcmp(p + end[word], key, len) == 0);

        if (same && how == DICTIONARY) {
            break;
        }
        rows[*out_n] = (uint32_t)word;
        *out_n += same;
    }
    return p != NULL && (how == PLAIN || find_code(k, rd, n, words, word, rows, out_n));
}

int ft_store_column_find(struct ft_store_coder *k, const struct ft_store_column *c, uint32_t n,
                         const struct ft_store_extent *ext, const uint8_t *data,
                         const struct ft_store_key *key, struct ft_store_values *nulls,
                         uint32_t *rows, uint32_t *out_n)
{
    int rc = ft_store_unpack(k, data, ext->len, ext->raw_len, &k->raw);
    uint32_t found = 0, kept = 0;

    if (rc != FT_OK) {
        return rc;
    }
    struct ft_rd rd = ft_rd_make(k->raw.p, k->raw.len);
    bool good = get_nulls(&rd, n, ext->nulls, nulls);

    if (good && nulls->nulls < n) {
        good = ft_store_is_address(c) ? find_address(k, &rd, n, key->p, rows, &found)
                                      : find_text(k, &rd, n, key->p, key->len, rows, &found);
    }
    if (!good || ft_rd_left(&rd) != 0) {
        return FT_E_CORRUPT;
    }
    for (uint32_t i = 0; i < found; i++) {
        rows[kept] = rows[i];
        kept += !ft_store_value_null(nulls, rows[i]);
    }
    *out_n = kept;
    return FT_OK;
}
