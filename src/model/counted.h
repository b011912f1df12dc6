/* SPDX-License-Identifier: Apache-2.0 */
/* model: where the flow table counted a packet: all that features know of the table. */
#ifndef FT_MODEL_COUNTED_H
#define FT_MODEL_COUNTED_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum {
    FT_AT_NEW = 1,      /* the first packet of its flow: what lies at this entry is another's */
    FT_AT_FIRST = 2,    /* the first of its direction */
    FT_AT_SECOND = 4,   /* the second of its direction */
    FT_AT_CLOSES = 8,   /* TCP: the connection is over with it */
    FT_AT_ISN = 16,     /* the initiator's SYN was seen, this packet included */
    FT_AT_FOLLOWS = 32, /* with FT_AT_NEW: the flow goes on from that at `before` (model/rules.h) */
};

struct ft_counted {
    int64_t since_ns; /* from the newest packet of its direction before to this one, wrapping;
                         below 0: late; with FT_AT_FIRST it means nothing */
    int64_t other_ns; /* the newest packet of the other direction; INT64_MIN: none yet */
    uint32_t entry;   /* of the flow in its table */
    uint32_t isn;     /* FT_AT_ISN: sequence number of that SYN */
    union {
        uint32_t first_len; /* FT_AT_SECOND: IP bytes of the direction's first packet */
        uint32_t before;    /* FT_AT_FOLLOWS: an entry that is over, and holds until its record */
    };
    uint8_t dir;  /* FT_DIR_* */
    uint8_t bits; /* FT_AT_* */
};

/* From the newest packet of the flow before, whatever its direction, to this one of ts_ns; 0 for
 * one that came late, and for the flow's first. */
FT_INLINE uint64_t ft_counted_gap(const struct ft_counted *at, int64_t ts_ns)
{
    bool first = (at->bits & FT_AT_FIRST) != 0, other = at->other_ns != INT64_MIN;
    /* times may be as far apart as they like: what wraps is late */
    int64_t ns = (int64_t)((uint64_t)ts_ns - (uint64_t)at->other_ns);

    if (first && !other) {
        return 0;
    }
    if (!other || (!first && at->since_ns < ns)) {
        ns = at->since_ns;
    }
    return ns > 0 ? (uint64_t)ns : 0;
}

_Static_assert(sizeof(struct ft_counted) == 32, "two in a cache line");

#endif
