/* SPDX-License-Identifier: Apache-2.0 */
/* store: numbers as few bytes.
 *
 * Theory of operation: of all numbers the least is taken away (frame of reference), or of the
 * differences of each to the one before; what takes fewer bytes. What is left is written in as many
 * bytes each as the largest needs, all lowest bytes first, then all second ones: bytes of one kind
 * stand together, which is what the compressor behind it lives on.
 *
 *     how (1) | width, bytes (1) | base (8) | first (8) | width times n bytes */
#ifndef FT_STORE_INTS_H
#define FT_STORE_INTS_H

#include "base/rd.h"
#include "store/buf.h"

/* Adds n numbers. False: no memory. */
FT_NODISCARD bool ft_store_ints_put(struct ft_store_buf *out, const uint64_t *v, size_t n);

/* Takes n numbers into v, which has room for them. False: they are damaged. */
FT_NODISCARD bool ft_store_ints_get(struct ft_rd *rd, uint64_t *v, size_t n);
/* Likewise, but for numbers that are none of n_rows ascending ones: what stands for those is
 * whatever. rows NULL: all. */
FT_NODISCARD bool ft_store_ints_get_rows(struct ft_rd *rd, uint64_t *v, size_t n,
                                         const uint32_t *rows, uint32_t n_rows);

#endif
