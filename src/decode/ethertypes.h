/* SPDX-License-Identifier: Apache-2.0 */
/* decode: what the frames were that are not IP, by EtherType.
 *
 * Theory of operation: a handful of types make up all of a network's frames; a table of 64 places
 * keeps the first that come. Who sends frames of ever new types fills it, and what comes then is
 * counted together, as are frames without a type. So the table is bounded, and its sum is the count
 * of the verdict NOT_IP. A type is found by its hash: what a frame costs does not depend on how
 * many types there are. Every number in it is exact; of several tables taken together that holds
 * unless one of them was full: what it counted together may be of a type that has a place. */
#ifndef FT_DECODE_ETHERTYPES_H
#define FT_DECODE_ETHERTYPES_H

#include <stdint.h>

#include "flowtap/macros.h"
#include "flowtap/stats.h"

enum { FT_ETHERTYPES_MAX = 64, FT_ETHERTYPES_HASHED = 256 };

/* owner: one thread */
struct ft_ethertypes {
    uint16_t type[FT_ETHERTYPES_MAX]; /* in the order in which they came */
    uint64_t n[FT_ETHERTYPES_MAX];    /* frames of each */
    uint64_t other;                   /* frames of all others, and of none */
    uint32_t used;
    uint8_t at[FT_ETHERTYPES_HASHED]; /* by hash, then the next free: a place in type, plus one */
};

/* Counts n frames. type: an EtherType, FT_ETH_LLC for 802.2 without one, or 0: neither. */
FT_COLD void ft_ethertypes_add(struct ft_ethertypes *t, uint16_t type, uint64_t n);

/* Adds what another has counted. */
void ft_ethertypes_merge(struct ft_ethertypes *t, const struct ft_ethertypes *more);

/* The most frequent ones, most first, equal ones by number; what is left in other. */
void ft_ethertypes_top(const struct ft_ethertypes *t, struct ft_not_ip_stats *out);

#endif
