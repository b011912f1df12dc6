/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what is read of a store. The first byte says what the rest is: 0: a file; else a column
 * as it is when its frame is unpacked, so that what lies behind the checksum is reached:
 *
 *     1 + layout | type 1, item 1, cell 1, width 2, rows 2, nulls 2 (little-endian) | the column
 *
 * Properties: nothing beyond the input is read; a column that is taken has a value, or none, for
 * each of its rows, and is the same when it is written and read again; what a condition chooses of
 * numbers is what a comparison of each says, and what is found of a text has it. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/rd.h"
#include "must.h"
#include "store/read.h"
#include "store/slice.h"
#include "store/value.h"

enum { HEAD = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef FT_HAVE_STORE

static struct ft_store_coder *coder;
static struct ft_store_values values, again;
static struct ft_store_buf packed, scratch, text, text_again;

/* All of a column as text. */
static void show(const struct ft_store_column *c, const struct ft_store_values *v, uint32_t n,
                 struct ft_store_buf *out)
{
    uint32_t nulls = 0;

    MUST(v->n == n);
    out->len = 0;
    for (uint32_t i = 0; i < n; i++) {
        nulls += ft_store_value_null(v, i);
        if (out->len < 1 << 20) {
            MUST(ft_store_put_json(c, v, i, &scratch, out));
        }
    }
    MUST(nulls == v->nulls);
}

/* Written from memory and read again. */
static void round_trip(const struct ft_store_column *c, uint32_t n)
{
    struct ft_store_extent ext;

    show(c, &values, n, &text);
    packed.len = 0;
    MUST(ft_store_column_put(coder, c, &values, &packed, &ext) == FT_OK);
    MUST(ext.nulls == values.nulls);
    MUST(ft_store_column_get(coder, c, n, &ext, packed.p, &again) == FT_OK);
    show(c, &again, n, &text_again);
    MUST(text.len == text_again.len && memcmp(text.p, text_again.p, text.len) == 0);
}

/* ---- conditions ---- */

static uint32_t rows[65536];

/* A number as SQLite has it; these hold 64 bits. */
static long double number(const struct ft_store_column *c, uint64_t v)
{
    double f;

    memcpy(&f, &v, sizeof f);
    if (c->type == FT_T_F64 || c->type == FT_T_TIME) {
        return c->type == FT_T_F64 ? f : (double)(int64_t)v / 1e6;
    }
    if (c->type != FT_T_I64 && v > INT64_MAX) {
        return (double)v;
    }
    return (int64_t)v;
}

static bool keeps(int op, long double a, long double b)
{
    return op == SQLITE_INDEX_CONSTRAINT_EQ   ? a == b
           : op == SQLITE_INDEX_CONSTRAINT_LT ? a < b
           : op == SQLITE_INDEX_CONSTRAINT_LE ? a <= b
           : op == SQLITE_INDEX_CONSTRAINT_GT ? a > b
                                              : a >= b;
}

/* Against the value of a row, or near it, as a whole number and as a real one. */
static void try_numbers(const struct ft_store_column *c, uint32_t n, uint32_t row)
{
    static const int ops[] = {SQLITE_INDEX_CONSTRAINT_EQ, SQLITE_INDEX_CONSTRAINT_LT,
                              SQLITE_INDEX_CONSTRAINT_LE, SQLITE_INDEX_CONSTRAINT_GT,
                              SQLITE_INDEX_CONSTRAINT_GE};
    const uint64_t *num = ft_store_buf_u64(&values.num);
    long double near = number(c, num[row]) + (row % 3 - 1.0L);

    for (size_t k = 0; k < 10; k++) {
        bool whole = k % 2 != 0 && near > -0x1p62L && near < 0x1p62L;
        struct ft__want w = {.kind = whole ? FT__WANT_INTEGER : FT__WANT_REAL,
                             .i = whole ? (int64_t)near : 0,
                             .f = (double)near};
        struct ft__bound b = {.op = ops[k / 2]};
        uint32_t at = 0;

        for (uint32_t i = 0; i < n; i++) {
            rows[i] = i;
        }
        MUST(ft__bound_add(&b, &w) == FT_OK && ft__bound_ready(&b, c) == FT_OK);
        uint32_t found = ft__bound_select(&b, c, &values, rows, n);

        for (uint32_t i = 0; i < n; i++) {
            bool is = !ft_store_value_null(&values, i) &&
                      keeps(b.op, number(c, num[i]), whole ? w.i : (long double)w.f);

            MUST(!is || (at < found && rows[at] == i));
            at += is;
        }
        MUST(at == found);
        ft__bound_fini(&b);
    }
}

static void try_bytes(const struct ft_store_column *c, uint32_t n, uint32_t row,
                      const struct ft_store_extent *ext)
{
    const uint32_t *end = ft_store_buf_u32(&values.end);
    bool address = ft_store_is_address(c);
    struct ft_store_key key = {values.bytes.p + (address ? row * 16u : end[row]),
                               address ? 16 : end[row + 1] - end[row]};
    uint32_t found, at = 0;

    MUST(ft_store_column_find(coder, c, n, ext, packed.p, &key, &again, rows, &found) == FT_OK);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = values.bytes.p + (address ? i * 16u : end[i]);
        bool is = !ft_store_value_null(&values, i) && (address || end[i + 1] - end[i] == key.len) &&
                  (key.len == 0 || memcmp(p, key.p, key.len) == 0);

        MUST(!is || (at < found && rows[at] == i));
        at += is;
    }
    MUST(at == found);
}

/* Every third row alone is what it is among all. */
static void try_rows(const struct ft_store_column *c, uint32_t n, const struct ft_store_extent *ext)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < n; i += 3) {
        rows[k++] = i;
    }
    MUST(ft_store_column_get_rows(coder, c, n, ext, packed.p, rows, k, &again) == FT_OK);
    text.len = text_again.len = 0;
    for (uint32_t i = 0; i < k && text.len < 1 << 20; i++) {
        MUST(ft_store_put_json(c, &values, rows[i], &scratch, &text));
        MUST(ft_store_put_json(c, &again, rows[i], &scratch, &text_again));
    }
    MUST(text.len == text_again.len && memcmp(text.p, text_again.p, text.len) == 0);
}

static void try_conditions(const struct ft_store_column *c, uint32_t n,
                           const struct ft_store_extent *ext)
{
    try_rows(c, n, ext);
    if (values.nulls == n) {
        return;
    }
    for (uint32_t row = 0; row < n; row += n / 2 + 1) {
        if (ft_store_is_number(c)) {
            try_numbers(c, n, row);
        } else if (ft_store_is_address(c) || (c->cell == FT__CELL_TEXT && c->type != FT_T_BYTES)) {
            try_bytes(c, n, row, ext);
        }
    }
}

static void try_column(const uint8_t *p, size_t size)
{
    struct ft_store_column c = {.name = "x", .type = p[1], .item = p[2], .cell = p[3]};
    struct ft_store_extent ext = {.nulls = ft_load_u16(p + 8), .layout = p[0] - 1u};
    uint32_t n = ft_load_u16(p + 6);

    c.width = ft_load_u16(p + 4);
    if (!ft_store_column_valid(&c) || !ft_store_layout_valid(&c, ext.layout) || n == 0 ||
        size - HEAD > 1 << 20) {
        return;
    }
    packed.len = 0;
    MUST(ft_store_pack(coder, p + HEAD, size - HEAD, &packed) == FT_OK);
    ext.len = (uint32_t)packed.len;
    ext.raw_len = (uint32_t)(size - HEAD);
    if (ft_store_column_get(coder, &c, n, &ext, packed.p, &values) == FT_OK) {
        try_conditions(&c, n, &ext);
        round_trip(&c, n);
    }
}

static void try_file(const uint8_t *p, size_t size)
{
    int fd = memfd_create("slice", MFD_CLOEXEC);
    struct ft_slice s;
    struct ft_err err;

    MUST(fd >= 0 && write(fd, p, size) == (ssize_t)size);
    if (ft_slice_take(fd, "slice", coder, &s, &err) != FT_OK) {
        return;
    }
    for (uint32_t b = 0; b < s.n_blocks && b < 4; b++) {
        for (uint32_t i = 0; i < s.n; i++) {
            if (ft_slice_column(&s, coder, b, i, &packed, &values) == FT_OK) {
                show(&s.columns[i], &values, ft_slice_rows(&s, b), &text);
            }
        }
    }
    ft_slice_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (coder == NULL) {
        coder = ft_store_coder_new();
        MUST(coder != NULL);
    }
    if (size >= HEAD && data[0] != 0) {
        try_column(data, size);
    } else if (size > 0 && data[0] == 0) {
        try_file(data + 1, size - 1);
    }
    return 0;
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}

#endif
