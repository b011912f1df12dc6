/* SPDX-License-Identifier: Apache-2.0 */
/* flow: how the packets of one direction are distributed, in size and in time.
 *
 * Theory of operation: sizes and gaps are whole numbers, so their sums and sums of squares are kept
 * exactly, without a division and without an order; mean and standard deviation are worked out when
 * a record is written, and rounded once. A direction of one packet needs none of it: the line is
 * not touched before the second. */
#ifndef FT_FLOW_STAT_H
#define FT_FLOW_STAT_H

#include <stdint.h>

#include "model/record.h"

/* owner: the table's thread. One direction; the number of packets and the sum of their sizes stand
 * in the counters. */
struct ft__stat_side {
    unsigned __int128 gap_squares; /* of gaps in ns */
    uint64_t gap_sum, gap_min, gap_max;
    uint64_t size_squares; /* of IP bytes */
    uint32_t size_min, size_max;
} FT_ALIGNED(64);

struct ft__stat {
    struct ft__stat_side side[2];
};

/* Of a direction's second packet: the first one had this size. */
FT_INLINE void ft__stat_begin(struct ft__stat_side *s, uint32_t first_size)
{
    s->gap_squares = 0;
    s->gap_sum = s->gap_max = 0;
    s->gap_min = UINT64_MAX;
    s->size_squares = (uint64_t)first_size * first_size;
    s->size_min = s->size_max = first_size;
}

/* A packet of size IP bytes, gap ns after the newest of its direction (0 when it came late). */
FT_INLINE void ft__stat_add(struct ft__stat_side *s, uint32_t size, uint64_t gap)
{
    s->gap_squares += (unsigned __int128)gap * gap;
    s->gap_sum += gap;
    s->gap_min = gap < s->gap_min ? gap : s->gap_min;
    s->gap_max = gap > s->gap_max ? gap : s->gap_max;
    s->size_squares += (uint64_t)size * size;
    s->size_min = size < s->size_min ? size : s->size_min;
    s->size_max = size > s->size_max ? size : s->size_max;
}

/* The distributions of a direction of n packets with ip_bytes together. s may be anything while n
 * is below 2. */
void ft__stat_record(const struct ft__stat_side *s, uint64_t n, uint64_t ip_bytes,
                     struct ft_distribution *size, struct ft_distribution *gap);

#endif
