/* SPDX-License-Identifier: Apache-2.0 */
/* store: a column of a block, in memory and on disk.
 *
 * Theory of operation: on disk it is one zstd frame with a checksum; unpacked:
 *
 *     which rows have no value (0: none; 1: all; 2: a bit a row) | values
 *     numbers    ints.h; signed ones and doubles so that they are ordered as they are unsigned
 *     addresses  0: the 16 bytes of all, all first bytes first; 1: those that occur, in the order
 *                of their first row, likewise, and the number of each row's
 *     text       0: lengths, bytes; 1: the texts that occur, and numbers; 2: hex of 16 digits, as
 *                numbers
 *     bytes      as they are
 *     vectors    their bytes, all first ones first; of slices of version 2 row by row, before
 *                all else, packed for speed: unpacked they are in place
 *     lists      how many items each row has, items; of lists: how many each has, how many items
 *                each of those, items
 *
 * What has no value has 0, or nothing, in its place. */
#ifndef FT_STORE_COLUMN_H
#define FT_STORE_COLUMN_H

#include "flowtap/errors.h"
#include "format/store.h"
#include "store/buf.h"

enum { FT_STORE_BOUND = 16, FT_STORE_RAW_MOST = 192 << 20 };
enum { FT_STORE_LAYOUT_PLANES = 0, FT_STORE_LAYOUT_ROWS = 1 /* vectors, see above */ };

/* A column in memory. */
struct ft_store_values {
    uint32_t n;                /* rows */
    uint32_t nulls;            /* of them without a value */
    struct ft_store_buf valid; /* a byte a row, when 0 < nulls < n */
    struct ft_store_buf num;   /* uint64_t a row, of lists an item; doubles by their bits */
    struct ft_store_buf bytes; /* of text; of addresses, bytes and vectors: width each */
    struct ft_store_buf end;   /* uint32_t, of text and lists: [n + 1], where each row ends */
    struct ft_store_buf inner; /* likewise, of the lists of lists */
};

void ft_store_values_fini(struct ft_store_values *v);

FT_INLINE bool ft_store_value_null(const struct ft_store_values *v, uint32_t row)
{
    return v->nulls > 0 && (v->nulls == v->n || v->valid.p[row] == 0);
}

/* A number of a column as one that orders as it does; and back. */
FT_INLINE uint64_t ft_store_ordered(uint8_t type, uint64_t v)
{
    if (type == FT_T_I64 || type == FT_T_TIME) {
        return v ^ UINT64_C(1) << 63;
    }
    if (type == FT_T_F64) {
        return v >> 63 != 0 ? ~v : v | UINT64_C(1) << 63;
    }
    return v;
}

FT_INLINE uint64_t ft_store_unordered(uint8_t type, uint64_t v)
{
    if (type == FT_T_F64) {
        return v >> 63 != 0 ? v & ~(UINT64_C(1) << 63) : ~v;
    }
    return ft_store_ordered(type, v);
}

/* What a slice says of a column of a block. */
struct ft_store_extent {
    uint64_t at;      /* in the file */
    uint32_t len;     /* bytes there, */
    uint32_t raw_len; /* and unpacked */
    uint32_t nulls;
    uint32_t layout; /* FT_STORE_LAYOUT_...: of what is packed */
    /* of what has a value: numbers as ft_store_ordered(), in network order, in the first 8 bytes;
     * addresses; the beginnings of texts, but maybe not of empty ones when there are nulls. max <
     * min: nothing has one, or none that is told */
    uint8_t min[FT_STORE_BOUND], max[FT_STORE_BOUND];
};

/* Is it a column of 16-byte addresses; of numbers? */
FT_INLINE bool ft_store_is_address(const struct ft_store_column *c)
{
    return c->type == FT_T_ADDR && c->cell == FT__CELL_FIXED;
}

FT_INLINE bool ft_store_is_number(const struct ft_store_column *c)
{
    return c->cell == FT__CELL_BOOL || (c->cell == FT__CELL_FIXED && c->width <= 8);
}

/* Can there be such a column? */
bool ft_store_column_valid(const struct ft_store_column *c);

/* The place for the work; one thread. */
struct ft_store_coder;
struct ft_store_coder *ft_store_coder_new(void); /* NULL: no memory */
void ft_store_coder_free(struct ft_store_coder *k);

/* Adds a column, packed, to out; *ext but for at. FT_E_NOMEM. */
FT_NODISCARD int ft_store_column_put(struct ft_store_coder *k, const struct ft_store_column *c,
                                     const struct ft_store_values *v, struct ft_store_buf *out,
                                     struct ft_store_extent *ext);

/* Takes n rows of a column from the bytes of its extent. FT_E_CORRUPT, FT_E_NOMEM. */
FT_NODISCARD int ft_store_column_get(struct ft_store_coder *k, const struct ft_store_column *c,
                                     uint32_t n, const struct ft_store_extent *ext,
                                     const uint8_t *data, struct ft_store_values *out);

/* Likewise of n_rows of them, ascending: what stands for others is whatever. rows NULL: all. */
FT_NODISCARD int ft_store_column_get_rows(struct ft_store_coder *k, const struct ft_store_column *c,
                                          uint32_t n, const struct ft_store_extent *ext,
                                          const uint8_t *data, const uint32_t *rows,
                                          uint32_t n_rows, struct ft_store_values *out);

/* Can a column be of this layout? */
FT_INLINE bool ft_store_layout_valid(const struct ft_store_column *c, uint32_t layout)
{
    return layout == FT_STORE_LAYOUT_PLANES ||
           (layout == FT_STORE_LAYOUT_ROWS && c->cell == FT__CELL_VECTOR);
}

/* Bytes that a row can have: an address's 16, or a text. */
struct ft_store_key {
    const uint8_t *p;
    size_t len;
};

/* The rows that have a value, without the others: of n rows, n room, ascending. The column is one
 * of addresses or of texts (no bytes); nulls: room for which rows have none. FT_E_CORRUPT: where
 * ft_store_column_get() says so, but for what it looks at in values that are not taken apart;
 * FT_E_NOMEM. */
FT_NODISCARD int ft_store_column_find(struct ft_store_coder *k, const struct ft_store_column *c,
                                      uint32_t n, const struct ft_store_extent *ext,
                                      const uint8_t *data, const struct ft_store_key *key,
                                      struct ft_store_values *nulls, uint32_t *rows,
                                      uint32_t *out_n);

/* A whole frame, packed with a checksum, added to out; and back, raw_len bytes. FT_E_CORRUPT,
 * FT_E_NOMEM. */
FT_NODISCARD int ft_store_pack(struct ft_store_coder *k, const uint8_t *raw, size_t len,
                               struct ft_store_buf *out);
FT_NODISCARD int ft_store_unpack(struct ft_store_coder *k, const uint8_t *data, size_t len,
                                 size_t raw_len, struct ft_store_buf *out);

#endif
