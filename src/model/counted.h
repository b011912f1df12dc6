/* SPDX-License-Identifier: Apache-2.0 */
/* model: where the flow table counted a packet: all that features know of the table. */
#ifndef FT_MODEL_COUNTED_H
#define FT_MODEL_COUNTED_H

#include <stdint.h>

#include "flowtap/macros.h"

enum {
    FT_AT_NEW = 1,    /* the first packet of its flow: what lies at this entry is another's */
    FT_AT_FIRST = 2,  /* the first of its direction */
    FT_AT_SECOND = 4, /* the second of its direction */
    FT_AT_CLOSES = 8, /* TCP: the connection is over with it */
    FT_AT_ISN = 16,   /* the initiator's SYN was seen, this packet included */
};

struct ft_counted {
    int64_t since_ns;   /* from the newest packet of its direction before to this one, wrapping;
                           below 0: late; with FT_AT_FIRST it means nothing */
    int64_t other_ns;   /* the newest packet of the other direction; INT64_MIN: none yet */
    uint32_t entry;     /* of the flow in its table */
    uint32_t isn;       /* FT_AT_ISN: sequence number of that SYN */
    uint32_t first_len; /* FT_AT_SECOND: IP bytes of the direction's first packet */
    uint8_t dir;        /* FT_DIR_* */
    uint8_t bits;       /* FT_AT_* */
};

_Static_assert(sizeof(struct ft_counted) == 32, "two in a cache line");

#endif
