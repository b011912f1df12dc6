/* SPDX-License-Identifier: Apache-2.0 */
/* format: events as rows of one table, and rows as columns: what Arrow, Parquet and npy share.
 *
 * Theory of operation: a worker writes each event as a compact row into its open chunk; when the
 * chunk is to be handed on, the rows are laid out as columns, 64 rows at a time, so that a word of
 * validity bits is made at once. Nothing is allocated for either.
 *
 *     row      length (4) | a bit a column: it has a value | slots | texts and lists
 *     columns  of each column: validity, [offsets,] data; lists: validity, offsets, items; lists of
 *              lists: validity, offsets, offsets of the inner ones, items
 *
 * A slot is as wide as the column's type; that of a text or list is its length, that of lists of
 * lists how many there are and how many items. Their bytes stand behind the slots, in the order of
 * the columns, those of lists of lists behind where each one ends. Slots are written with stores of
 * eight bytes, from left to right; so there are eight bytes of nothing behind the last. */
#ifndef FT_FORMAT_BATCH_H
#define FT_FORMAT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "model/columns.h"

/* What a column is in memory. */
enum ft__cell {
    FT__CELL_BOOL,  /* a bit */
    FT__CELL_FIXED, /* width bytes: numbers, times (int64 µs since 1970), addresses (16 bytes),
                       bytes of which there are always as many */
    FT__CELL_TEXT,  /* UTF-8 */
    FT__CELL_LIST,  /* items of width bytes, truths of a bit */
    FT__CELL_LISTS, /* likewise */
    FT__CELL_VECTOR /* always as many items, width bytes in all */
};

struct ft__batch_column {
    struct ft_column of;
    uint32_t slot;   /* where it stands in a row */
    uint16_t buffer; /* the number of its first one */
    uint16_t width;
    uint8_t cell; /* enum ft__cell */
    bool plain;   /* an unsigned number or time that lies at its place, and is never null */
};

/* Where a column's bytes lie: validity (of no length: all are valid), then offsets and data, or
 * data. A list's items are two more: their validity, of no length, and their data; of lists of
 * lists the inner ones have validity, of no length, and offsets before that. A vector has no
 * offsets. */
struct ft__batch_buffer {
    uint64_t offset, len;
};

/* Of a column, or of a list's items. */
struct ft__batch_node {
    uint64_t n, nulls;
};

struct ft__batch {
    uint32_t n;         /* columns */
    uint32_t n_buffers; /* of a batch, in order; likewise the next */
    uint32_t n_nodes;
    uint32_t words;   /* of eight bytes that the bits of a row take */
    uint32_t row_min; /* bytes of a row without texts and lists */
    uint32_t n_long;
    uint16_t long_col[FT_COLUMNS_MAX]; /* texts and lists among the columns */
    struct ft__batch_column col[];
};

struct ft__batch_options {
    bool binary_addresses;               /* 16 bytes, IPv4 mapped into IPv6; else text */
    const struct ft_set_options *owners; /* while it is made; NULL: bytes are of any length */
};

/* Nodes of a column: its own, and those of what it has lists of. */
FT_INLINE uint32_t ft__batch_nodes(const struct ft__batch_column *c)
{
    return c->cell == FT__CELL_LISTS                                ? 3
           : c->cell == FT__CELL_LIST || c->cell == FT__CELL_VECTOR ? 2
                                                                    : 1;
}

/* Are its items bits? */
FT_INLINE bool ft__batch_bits(const struct ft__batch_column *c)
{
    return ft__batch_nodes(c) > 1 && c->of.field->item == FT_T_BOOL;
}

/* The rows of these columns. NULL: out of memory. */
struct ft__batch *ft__batch_new(const struct ft_columns *columns,
                                const struct ft__batch_options *options);
void ft__batch_free(struct ft__batch *b); /* NULL is a no-op */

/* Most bytes of a row of flow records. */
size_t ft__batch_row_max(const struct ft__batch *b);

/* Writes an event of these parts as a row. Returns its length. */
FT_HOT size_t ft__batch_put(const struct ft__batch *b, const void *const *parts, uint8_t *row);

/* Bytes that the columns of any rows take at most beyond what those rows take. */
size_t ft__batch_room(const struct ft__batch *b);

/* Lays n >= 1 rows of len bytes out as columns at out, each buffer at a multiple of eight; fills
 * nodes[n_nodes] and buffers[n_buffers], with places counted from out. Returns the bytes. */
FT_HOT size_t ft__batch_lay(const struct ft__batch *b, const uint8_t *rows, uint32_t n,
                            uint8_t *out, struct ft__batch_node *nodes,
                            struct ft__batch_buffer *buffers);

#endif
