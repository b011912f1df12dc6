/* SPDX-License-Identifier: Apache-2.0 */
/* store: the k nearest of many, of each flow or host the nearest record.
 *
 * Theory of operation: they stand in their order, which no two records share but those of one flow
 * or host and one time. What is further away than the last of k is not looked at; of one that
 * is there already the nearer record stays. So the result is that of sorting all of them. */
#ifndef FT_STORE_NEAREST_H
#define FT_STORE_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

enum { FT_STORE_NEAR_ID = 64 };

struct ft_store_near {
    float score;
    int64_t at_us;  /* what is later stands first of what is as near, */
    uint64_t place; /* then what has the lower number, then the lower id */
    uint8_t id[FT_STORE_NEAR_ID];
    uint32_t id_len;
    uint32_t file, block, row; /* where it is */
};

struct ft_store_nearest {
    struct ft_store_near *v; /* [k], borrowed; n are there, the nearest first */
    uint32_t n, k;
};

/* Nothing below it can be among them. */
float ft_store_nearest_floor(const struct ft_store_nearest *t);
void ft_store_nearest_add(struct ft_store_nearest *t, const struct ft_store_near *c);

#endif
