/* SPDX-License-Identifier: Apache-2.0 */
/* store: which values a condition is true of, see read.h.
 *
 * Theory of operation: what SQLite makes of a number of a column grows as its ordered form does, so
 * a condition on numbers is a range of ordered ones, or several. Where it begins and ends is found
 * by halving with SQLite's own comparison, once for a type; rows and blocks are compared as whole
 * numbers then, exactly. Addresses and texts are compared by their bytes, and SQLite looks again.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rd.h"
#include "model/prefix.h"
#include "store/read.h"
#include "store/value.h"

enum { WANTS_MOST = 1 << 22 };

/* ---- values ---- */

/* The first and the last address of a prefix. False: it is none. */
static bool ends_of(const char *text, uint8_t first[16], uint8_t last[16])
{
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    struct ft_prefix p;

    if (ft_prefix_parse(text, &p) != FT_OK) {
        return false;
    }
    unsigned skip = p.ip_version == 4 ? 12 : 0, bits = p.bits + skip * 8;

    memcpy(first, mapped, 16);
    memcpy(first + skip, p.addr, 16 - skip);
    for (unsigned i = 0; i < 16; i++) {
        unsigned have = bits > i * 8 ? bits - i * 8 : 0; /* of this byte */
        uint8_t rest = have < 8 ? (uint8_t)(0xff >> have) : 0;

        first[i] &= (uint8_t)~rest;
        last[i] = first[i] | rest;
    }
    return true;
}

int ft__bound_add(struct ft__bound *b, const struct ft__want *want)
{
    if (b->n == b->cap) {
        uint32_t cap = b->cap > 0 ? b->cap * 2 : 1;
        struct ft__want *more = cap <= WANTS_MOST ? ft_mem_alloc(cap, sizeof *more) : NULL;

        if (more == NULL) {
            return FT_E_NOMEM;
        }
        if (b->n > 0) {
            memcpy(more, b->want, b->n * sizeof *more);
        }
        ft_mem_free(b->want);
        b->want = more;
        b->cap = cap;
    }
    struct ft__want w = *want;

    if (w.text != NULL) {
        w.text = ft_mem_alloc(w.len + 1, 1);
        if (w.text == NULL) {
            return FT_E_NOMEM;
        }
        memcpy(w.text, want->text, w.len);
        w.is_address = strlen(w.text) == w.len &&
                       (b->op == FT__BOUND_PREFIX ? ends_of(w.text, w.address, w.last)
                                                  : ft_store_parse_address(w.text, w.address));
    }
    b->want[b->n++] = w;
    return FT_OK;
}

void ft__bound_fini(struct ft__bound *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        ft_mem_free(b->want[i].text);
    }
    ft_mem_free(b->want);
    ft_mem_free(b->ranges);
    *b = (struct ft__bound){0};
}

/* ---- numbers ---- */

/* -1, 0, 1, exactly. */
static int compare_mixed(int64_t i, double f)
{
    if (f < -0x1p63) {
        return 1;
    }
    if (f >= 0x1p63) {
        return -1;
    }
    int64_t whole = (int64_t)f;

    if (i != whole) {
        return i < whole ? -1 : 1;
    }
    return (double)i < f ? -1 : (double)i > f;
}

/* A number of a column, which SQLite has as a whole or a real one, against a value. */
static int compare(uint8_t type, uint64_t v, const struct ft__want *w)
{
    double f;

    if (w->kind == FT__WANT_TEXT || w->kind == FT__WANT_BLOB) {
        return -1; /* which are more than all numbers */
    }
    if (type == FT_T_F64) {
        memcpy(&f, &v, sizeof f);
    } else if (type == FT_T_TIME) {
        f = (double)(int64_t)v / 1e6;
    } else if (type != FT_T_I64 && v > INT64_MAX) {
        f = (double)v;
    } else {
        int64_t i = (int64_t)v;

        return w->kind == FT__WANT_REAL ? compare_mixed(i, w->f) : i < w->i ? -1 : i > w->i;
    }
    return w->kind == FT__WANT_INTEGER ? -compare_mixed(w->i, f) : f < w->f ? -1 : f > w->f;
}

/* The ordered numbers of a type, without those that are none. */
static struct ft__range all_of(uint8_t type)
{
    static const double ends[2] = {-INFINITY, INFINITY};
    struct ft__range r = {0, UINT64_MAX};
    uint64_t bits[2];

    if (type == FT_T_F64) {
        memcpy(bits, ends, sizeof bits);
        r.least = ft_store_ordered(type, bits[0]);
        r.most = ft_store_ordered(type, bits[1]);
    }
    return r;
}

/* The first that is not less than a value, or more than it. False: there is none. */
static bool first_of(uint8_t type, const struct ft__want *w, bool more, uint64_t *out)
{
    struct ft__range r = all_of(type);

    if (compare(type, ft_store_unordered(type, r.most), w) < more) {
        return false;
    }
    while (r.least < r.most) {
        uint64_t middle = r.least + (r.most - r.least) / 2;

        if (compare(type, ft_store_unordered(type, middle), w) < more) {
            r.least = middle + 1;
        } else {
            r.most = middle;
        }
    }
    *out = r.least;
    return true;
}

/* False: nothing has it. */
static bool range_of(uint8_t type, int op, const struct ft__want *w, struct ft__range *out)
{
    uint64_t at = 0;
    bool least = op != SQLITE_INDEX_CONSTRAINT_LT && op != SQLITE_INDEX_CONSTRAINT_LE;
    bool most = op != SQLITE_INDEX_CONSTRAINT_GT && op != SQLITE_INDEX_CONSTRAINT_GE;

    *out = all_of(type);
    if (w->kind == FT__WANT_NULL ||
        (least && !first_of(type, w, op == SQLITE_INDEX_CONSTRAINT_GT, &out->least))) {
        return false;
    }
    if (most && first_of(type, w, op != SQLITE_INDEX_CONSTRAINT_LT, &at)) {
        if (at <= out->least) {
            return false;
        }
        out->most = at - 1;
    }
    return true;
}

static int by_least(const void *a, const void *b)
{
    const struct ft__range *x = a, *y = b;

    return x->least < y->least ? -1 : x->least > y->least;
}

/* ---- what it is for a column ---- */

static bool is_null_test(const struct ft__bound *b)
{
    return b->op == SQLITE_INDEX_CONSTRAINT_ISNULL || b->op == SQLITE_INDEX_CONSTRAINT_ISNOTNULL;
}

/* Is it a prefix of a column of addresses? */
static bool is_prefix(const struct ft__bound *b, const struct ft_store_column *c)
{
    return b->op == FT__BOUND_PREFIX && ft_store_is_address(c) && b->n == 1 &&
           b->want[0].is_address;
}

/* Is it known by bytes? */
static bool by_bytes(const struct ft__bound *b, const struct ft_store_column *c)
{
    if (b->op != SQLITE_INDEX_CONSTRAINT_EQ ||
        !(ft_store_is_address(c) || (c->cell == FT__CELL_TEXT && c->type != FT_T_BYTES))) {
        return false;
    }
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->want[i].kind == FT__WANT_INTEGER || b->want[i].kind == FT__WANT_REAL) {
            return false;
        }
    }
    return true;
}

/* The bytes that a value has in a column. NULL: none has it. */
static const uint8_t *bytes_of(const struct ft__want *w, const struct ft_store_column *c,
                               size_t *out_len)
{
    bool address = ft_store_is_address(c);

    *out_len = address ? sizeof w->address : w->len;
    return w->kind != FT__WANT_TEXT || (address && !w->is_address) ? NULL
           : address                                               ? w->address
                                                                   : (const uint8_t *)w->text;
}

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len != b_len ? (a_len < b_len ? -1 : 1) : a_len > 0 ? memcmp(a, b, a_len) : 0;
}

static int by_address(const void *a, const void *b)
{
    const struct ft__want *x = a, *y = b;

    return memcmp(x->address, y->address, sizeof x->address);
}

static int by_text(const void *a, const void *b)
{
    const struct ft__want *x = a, *y = b;

    return compare_bytes((const uint8_t *)x->text, x->len, (const uint8_t *)y->text, y->len);
}

/* Those that a column can have come first, in their order. */
static void sort_wants(struct ft__bound *b, const struct ft_store_column *c)
{
    size_t len;

    b->n_known = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (bytes_of(&b->want[i], c, &len) != NULL) {
            struct ft__want w = b->want[i];

            b->want[i] = b->want[b->n_known];
            b->want[b->n_known++] = w;
        }
    }
    qsort(b->want, b->n_known, sizeof *b->want, ft_store_is_address(c) ? by_address : by_text);
}

static int make_ranges(struct ft__bound *b, uint8_t type)
{
    if (b->ranges == NULL) {
        b->ranges = ft_mem_alloc(b->n + 1, sizeof *b->ranges);
        if (b->ranges == NULL) {
            return FT_E_NOMEM;
        }
    }
    b->n_known = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        b->n_known += range_of(type, b->op, &b->want[i], &b->ranges[b->n_known]);
    }
    qsort(b->ranges, b->n_known, sizeof *b->ranges, by_least);
    return FT_OK;
}

int ft__bound_ready(struct ft__bound *b, const struct ft_store_column *c)
{
    if (c == NULL || is_null_test(b) || (b->is_ready && b->type == c->type)) {
        return FT_OK;
    }
    b->is_ready = true;
    b->type = c->type;
    if (ft_store_is_number(c)) {
        return make_ranges(b, c->type);
    }
    if (by_bytes(b, c)) {
        sort_wants(b, c);
    }
    return FT_OK;
}

bool ft__bound_between(const struct ft__bound *b, uint64_t least, uint64_t most)
{
    for (uint32_t i = 0; i < b->n_known; i++) {
        if (b->ranges[i].least <= most && b->ranges[i].most >= least) {
            return true;
        }
    }
    return false;
}

bool ft__bound_block(const struct ft__bound *b, const struct ft_store_column *c, uint32_t rows,
                     const struct ft_store_extent *ext)
{
    if (is_null_test(b)) {
        uint32_t nulls = c == NULL ? rows : ext->nulls;

        return b->op == SQLITE_INDEX_CONSTRAINT_ISNULL ? nulls > 0 : nulls < rows;
    }
    if (c == NULL || ext->nulls == rows) {
        return false; /* all are null */
    }
    if (ft_store_is_number(c)) {
        return ft__bound_between(b, ft_load_be64(ext->min), ft_load_be64(ext->max));
    }
    if (is_prefix(b, c)) {
        return memcmp(b->want[0].address, ext->max, 16) <= 0 &&
               memcmp(b->want[0].last, ext->min, 16) >= 0;
    }
    if (!by_bytes(b, c)) {
        return true;
    }
    for (uint32_t i = 0; i < b->n_known; i++) {
        uint8_t head[FT_STORE_BOUND] = {0};
        size_t len;
        const uint8_t *p = bytes_of(&b->want[i], c, &len);

        if (len == 0 && ext->nulls > 0) { /* the bounds may be without it */
            return true;
        }
        memcpy(head, p, len < sizeof head ? len : sizeof head);
        if (memcmp(head, ext->min, sizeof head) >= 0 && memcmp(head, ext->max, sizeof head) <= 0) {
            return true;
        }
    }
    return false;
}

/* ---- rows ---- */

static uint32_t select_nulls(const struct ft_store_values *v, bool null, uint32_t *rows, uint32_t n)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < n; i++) {
        rows[k] = rows[i];
        k += ft_store_value_null(v, rows[i]) == null;
    }
    return k;
}

static uint32_t select_range(const struct ft__range *r, uint8_t type,
                             const struct ft_store_values *v, uint32_t *rows, uint32_t n)
{
    const uint64_t *num = ft_store_buf_u64(&v->num);
    uint64_t span = r->most - r->least, flip = ft_store_ordered(type, 0);
    uint32_t k = 0;

    if (type == FT_T_F64) {
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = rows[i];

            rows[k] = row;
            k += ft_store_ordered(FT_T_F64, num[row]) - r->least <= span;
        }
        return k;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];

        rows[k] = row;
        k += (num[row] ^ flip) - r->least <= span;
    }
    return k;
}

static uint32_t select_ranges(const struct ft__bound *b, const struct ft_store_values *v,
                              uint32_t *rows, uint32_t n)
{
    const uint64_t *num = ft_store_buf_u64(&v->num);
    uint32_t k = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = ft_store_ordered(b->type, num[rows[i]]);
        uint32_t low = 0, high = b->n_known; /* the ranges are of one value each */

        while (low < high) {
            uint32_t middle = low + (high - low) / 2;

            if (b->ranges[middle].most < x) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        rows[k] = rows[i];
        k += low < b->n_known && b->ranges[low].least <= x;
    }
    return k;
}

static bool has_bytes(const struct ft__bound *b, const struct ft_store_column *c, const uint8_t *p,
                      size_t len)
{
    uint32_t low = 0, high = b->n_known;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t want_len;
        const uint8_t *want = bytes_of(&b->want[middle], c, &want_len);
        int is = compare_bytes(want, want_len, p, len);

        if (is == 0) {
            return true;
        }
        if (is < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static uint32_t select_bytes(const struct ft__bound *b, const struct ft_store_column *c,
                             const struct ft_store_values *v, uint32_t *rows, uint32_t n)
{
    bool address = ft_store_is_address(c);
    const uint32_t *end = ft_store_buf_u32(&v->end);
    uint32_t k = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t row = rows[i];
        size_t at = address ? (size_t)row * 16 : end[row];

        rows[k] = row;
        k += has_bytes(b, c, v->bytes.p + at, address ? 16 : end[row + 1] - at);
    }
    return k;
}

static uint32_t select_prefix(const struct ft__want *w, const struct ft_store_values *v,
                              uint32_t *rows, uint32_t n)
{
    uint64_t first[2], mask[2], last[2];
    uint32_t k = 0;

    memcpy(first, w->address, sizeof first);
    memcpy(last, w->last, sizeof last);
    mask[0] = ~(first[0] ^ last[0]); /* what a prefix leaves open is all ones at its end */
    mask[1] = ~(first[1] ^ last[1]);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = v->bytes.p + (size_t)rows[i] * 16;
        uint64_t differs =
            ((ft_load_u64(p) ^ first[0]) & mask[0]) | ((ft_load_u64(p + 8) ^ first[1]) & mask[1]);

        rows[k] = rows[i];
        k += differs == 0;
    }
    return k;
}

bool ft__bound_key(const struct ft__bound *b, const struct ft_store_column *c,
                   struct ft_store_key *out)
{
    if (c == NULL || is_null_test(b) || !by_bytes(b, c) || b->n_known != 1) {
        return false;
    }
    out->p = bytes_of(&b->want[0], c, &out->len);
    return true;
}

uint32_t ft__bound_select(const struct ft__bound *b, const struct ft_store_column *c,
                          const struct ft_store_values *v, uint32_t *rows, uint32_t n)
{
    bool null = b->op == SQLITE_INDEX_CONSTRAINT_ISNULL;

    if (v == NULL) {
        return null ? n : 0;
    }
    if (null || v->nulls > 0) {
        n = select_nulls(v, null, rows, n);
    }
    if (n == 0 || is_null_test(b)) {
        return n;
    }
    if (ft_store_is_number(c)) {
        return b->n_known == 0   ? 0
               : b->n_known == 1 ? select_range(&b->ranges[0], c->type, v, rows, n)
                                 : select_ranges(b, v, rows, n);
    }
    return is_prefix(b, c)  ? select_prefix(&b->want[0], v, rows, n)
           : by_bytes(b, c) ? select_bytes(b, c, v, rows, n)
                            : n;
}
