/* SPDX-License-Identifier: Apache-2.0 */
/* store: batches, as an output hands them over, as columns of a block.
 *
 * Theory of operation: chunks of one table are held as they came (format/store.h), one behind the
 * other, until there are rows enough for a block; then each column is put together from all of
 * them. What was handed over is checked once, when it comes. */
#ifndef FT_STORE_GATHER_H
#define FT_STORE_GATHER_H

#include "store/slice.h"

/* The columns of a table, and where they are in a batch. */
struct ft_gather {
    uint32_t n, n_nodes, n_buffers;
    uint32_t buffer[FT_COLUMNS_MAX], node[FT_COLUMNS_MAX]; /* of each column: its first ones */
    struct ft_store_column column[FT_COLUMNS_MAX];
    struct ft_store_buf held; /* chunks */
    uint32_t rows;            /* in them */
};

/* Of these columns. FT_E_CORRUPT: there can be none of such. */
FT_NODISCARD int ft_gather_init(struct ft_gather *g, const struct ft_store_column *columns,
                                uint32_t n);
void ft_gather_fini(struct ft_gather *g);

/* Is a chunk of len bytes, at a multiple of eight, one of these columns? */
bool ft_gather_valid(const struct ft_gather *g, const uint8_t *chunk, size_t len);

/* The number of a column, or -1. */
int ft_gather_find(const struct ft_gather *g, const char *name);

/* The values of a column of all rows that are held: an ft_slice_fill_fn, whose cookie is it. */
FT_NODISCARD int ft_gather_fill(void *gather, uint32_t column, struct ft_store_values *out);

/* Holds nothing any more. */
void ft_gather_clear(struct ft_gather *g);

#endif
