/* SPDX-License-Identifier: Apache-2.0 */
/* store: a number for a text, under a key: an order of texts that tells nothing of them. */
#ifndef FT_STORE_MIXED_H
#define FT_STORE_MIXED_H

#include <stddef.h>
#include <stdint.h>

/* The same for the same bytes and key, 0 to 2^63 - 1. */
uint64_t ft_store_mixed(const uint8_t *p, size_t len, uint64_t key);

#endif
