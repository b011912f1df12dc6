/* SPDX-License-Identifier: Apache-2.0 */
/* store: how alike vectors are: dot products of one with many, the same bits on every processor.
 *
 * Theory of operation: eight lanes; lane l adds up the products of places l, 8 + l, 16 + l, 24 + l
 * in this order, each product rounded before it is added (no fused operations). Then b[i] = lane[i]
 * + lane[i + 4], and the result is (b[0] + b[2]) + (b[1] + b[3]). */
#ifndef FT_STORE_DOT_H
#define FT_STORE_DOT_H

#include <stddef.h>
#include <stdint.h>

enum { FT_STORE_VECTOR = 32 /* floats of a vector */ };

/* n rows of FT_STORE_VECTOR floats one after the other: out[i] is that of row i and q. */
typedef void (*ft_store_dot_fn)(const float q[FT_STORE_VECTOR], const float *rows, size_t n,
                                float *out);

void ft_store_dot_plain(const float q[FT_STORE_VECTOR], const float *rows, size_t n, float *out);
/* The fastest that this processor has. */
ft_store_dot_fn ft_store_dot(void);

#endif
