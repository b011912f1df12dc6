/* SPDX-License-Identifier: Apache-2.0 */
/* flow: how the packets of one direction are distributed, in size and in time.
 *
 * Theory of operation: sizes and gaps are whole numbers, so their sums and sums of squares are kept
 * exactly, without a division and without an order; mean and standard deviation are worked out when
 * a record is written, and rounded once. Both directions share one cache line; what does not fit
 * its narrow fields (gaps above 4.2 s, packets above 65534 bytes) goes to a part of its own, which
 * few flows touch. A direction of one packet needs none of it. The sum of the sizes stands in the
 * counters; that of the gaps is the time from the packet that came first to the newest. */
#ifndef FT_FLOW_STAT_H
#define FT_FLOW_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/record.h"

/* owner: the table's thread. One direction. */
struct ft__stat_side {
    uint64_t gap_squares;        /* of gaps in ns, low 64 bits */
    uint64_t size_squares;       /* of IP bytes */
    uint32_t gap_min, gap_max;   /* ns; UINT32_MAX: in the wide part */
    uint16_t size_min, size_max; /* IP bytes; UINT16_MAX: in the wide part */
    uint32_t rtt_us; /* not of this: TCP keeps the handshake's round trip to this side here */
};

struct ft__stat {
    struct ft__stat_side side[2];
} FT_ALIGNED(64);

/* One direction of a flow that needs it. */
struct ft__stat_wide_side {
    uint64_t gap_squares; /* units of 2^64 */
    uint64_t gap_min, gap_max;
    uint32_t size_min, size_max;
    int64_t came_first; /* time of the packet that came first, when an earlier one came later */
};

struct ft__stat_wide {
    struct ft__stat_wide_side side[2];
};

_Static_assert(sizeof(struct ft__stat) == 64, "one cache line");

/* Of a direction's second packet: the first one had this size, below UINT16_MAX. */
FT_INLINE void ft__stat_begin(struct ft__stat_side *s, uint32_t first_size)
{
    s->gap_squares = 0;
    s->gap_max = 0;
    s->gap_min = UINT32_MAX;
    s->size_squares = (uint64_t)first_size * first_size;
    s->size_min = s->size_max = (uint16_t)first_size;
}

/* True when a packet fits the narrow part, which then holds it: size IP bytes, gap ns after the
 * newest of its direction (0 when it came late). */
FT_INLINE bool ft__stat_add(struct ft__stat_side *s, uint32_t size, uint64_t gap)
{
    uint64_t squares = s->gap_squares + gap * gap;

    if (FT_UNLIKELY(gap >= UINT32_MAX || size >= UINT16_MAX || squares < s->gap_squares)) {
        return false;
    }
    s->gap_squares = squares;
    s->gap_min = (uint32_t)gap < s->gap_min ? (uint32_t)gap : s->gap_min;
    s->gap_max = (uint32_t)gap > s->gap_max ? (uint32_t)gap : s->gap_max;
    s->size_squares += (uint64_t)size * size;
    s->size_min = size < s->size_min ? (uint16_t)size : s->size_min;
    s->size_max = size > s->size_max ? (uint16_t)size : s->size_max;
    return true;
}

/* An empty wide part. */
void ft__stat_wide_begin(struct ft__stat_wide *w);

/* The packet that ft__stat_add() refused. */
void ft__stat_add_wide(struct ft__stat_side *s, struct ft__stat_wide_side *w, uint32_t size,
                       uint64_t gap);

/* The distributions of a direction of n packets, ip_bytes together, gap_sum ns from the one that
 * came first to the newest. w: NULL when the flow has no wide part. s may be anything while n is
 * below 2. */
void ft__stat_record(const struct ft__stat_side *s, const struct ft__stat_wide_side *w, uint64_t n,
                     uint64_t ip_bytes, uint64_t gap_sum, struct ft_distribution *size,
                     struct ft_distribution *gap);

#endif
