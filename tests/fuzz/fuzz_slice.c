/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what is read of a store. The first byte says what the rest is: 0: a file; else a column
 * as it is when its frame is unpacked, so that what lies behind the checksum is reached:
 *
 *     1 + layout | type 1, item 1, cell 1, width 2, rows 2, nulls 2 (little-endian) | the column
 *
 * Properties: nothing beyond the input is read; a column that is taken has a value, or none, for
 * each of its rows, and is the same when it is written and read again. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/rd.h"
#include "must.h"
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

static void try_column(const uint8_t *p, size_t size)
{
    struct ft_store_column c = {.name = "x", .type = p[1], .item = p[2], .cell = p[3]};
    struct ft_store_extent ext = {.nulls = ft_load_u16(p + 8), .layout = p[0] - 1u};
    uint32_t rows = ft_load_u16(p + 6);

    c.width = ft_load_u16(p + 4);
    if (!ft_store_column_valid(&c) || !ft_store_layout_valid(&c, ext.layout) || rows == 0 || size - HEAD > 1 << 20) {
        return;
    }
    packed.len = 0;
    MUST(ft_store_pack(coder, p + HEAD, size - HEAD, &packed) == FT_OK);
    ext.len = (uint32_t)packed.len;
    ext.raw_len = (uint32_t)(size - HEAD);
    if (ft_store_column_get(coder, &c, rows, &ext, packed.p, &values) == FT_OK) {
        round_trip(&c, rows);
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
