/* SPDX-License-Identifier: Apache-2.0 */
/* flow: how an entry lies in memory, and saturating packet time.
 *
 * Theory of operation: entry i is spread over arrays, so that a packet touches what it needs:
 *
 *     hot[i]       64  every packet. Counters are low halves; a carry goes to cold.
 *     cold[i]      64  first packet of a direction, carries, records, removal
 *     link[i]      16  place in a timer list; flow_id
 *     addr6[i]     32  IPv6 addresses in canonical order
 *     more[i]     128  TCP: state of both sides; sizes and gaps, from a direction's 2nd packet on
 *     tcp_cold[i] 192  TCP that went wrong, or ended
 *     copies[i]   128  TCP of which something came again
 *     wide[i]      80  sizes and gaps that are beyond the narrow fields
 *     extra[i]     64  tunnels, fragments, marks: flows that have them
 *     prev[i]      32  totals at the last record: flows that had an interim one
 *
 *     wire bytes = bytes   IP bytes = bytes - over   payload bytes = bytes - over - hdr
 *
 * The first four and the index (16 bytes a flow) are 192 bytes; the first packet of a TCP flow
 * writes 64 of more. All of it is 816. What is not touched takes address space only. */
#ifndef FT_FLOW_ENTRY_H
#define FT_FLOW_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/packet.h"

enum {
    FT__S_LIVE = 1,        /* the entry is in use */
    FT__S_ESTABLISHED = 2, /* a reply was seen, or 8 packets: on the second timer wheel */
    FT__S_CLOSED = 4,      /* RST, or FIN both ways: lingers */
    FT__S_SYN = 8,         /* began with a SYN: isn is its sequence number */
    FT__S_FRESH = 16,      /* packets were counted since the last record */
    FT__S_STALE = 32,      /* the clock stepped back and no packet came since the last look */
    FT__S_SNAPSHOTS = 64,  /* snapshots are still to come */
    FT__S_WATCHED = 128,   /* the watcher wants to see more packets */
};

/* Bits of hot.seen: what some packet of the flow was. */
enum {
    FT__SEEN_TRUNCATED = 1, /* captured shorter than it was */
    FT__SEEN_EXTRA = 2,     /* extra[i] holds */
    FT__SEEN_FLIPPED = 4,   /* the first packet was the responder's SYN-ACK */
    FT__SEEN_TWO = 8,       /* of direction 0, 16: of direction 1: the side of its stat holds */
    FT__SEEN_WIDE = 32,     /* wide[i] holds */
};

/* owner: the table's thread */
struct ft__hot {
    struct ft_key key;
    int64_t last_ns[2];   /* newest packet by direction; FT__NEVER: none yet */
    uint32_t bytes[2];    /* wire bytes, low 32 bits */
    uint32_t isn;         /* of the forward SYN */
    uint16_t hdr[2];      /* IP bytes that are not payload, low 16 bits */
    uint16_t pkts[2];     /* low 16 bits */
    uint16_t over[2];     /* bytes that are not IP: link header, padding; low 16 bits */
    uint8_t tcp_flags[2]; /* OR of all packets */
    uint8_t state;        /* FT__S_* */
    uint8_t fwd : 1;      /* canonical side (0 lo, 1 hi) of the initiator */
    uint8_t seen : 7;     /* FT__SEEN_* */
    uint32_t active_at;   /* next active deadline in 2^24 ns, wrapping; a hint */
} FT_ALIGNED(64);

struct ft__cold {
    int64_t first_ns[2];  /* earliest packet by direction */
    uint32_t pkts[2];     /* units of 2^16 */
    uint32_t bytes[2];    /* units of 2^32 */
    uint32_t over[2];     /* units of 2^16 */
    uint32_t hdr[2];      /* units of 2^16 */
    uint32_t active_k;    /* active deadlines that have passed */
    uint32_t segment;     /* number of the next record */
    uint32_t place;       /* in the index: bucket << 7 | probes << 3 | slot */
    uint8_t over_high[2]; /* units of 2^48: a capture may claim 4 GiB for a packet of a few bytes */
    uint8_t snapshot : 7; /* the next one */
    uint8_t icmp_known : 1; /* ICMP: icmp_code holds */
    uint8_t icmp_code;      /* of the first packet */
} FT_ALIGNED(64);

/* What few flows have. */
struct ft__extra {
    uint8_t outer[2][16]; /* of the tunnel, as the forward direction has it */
    uint32_t tunnel_id[2];
    uint32_t fragments[2];
    uint32_t ecn_ce[2];
    uint32_t roce_bth;
    uint8_t tunnel;         /* enum ft_tunnel_type */
    uint8_t tunnel_version; /* of outer, 4 or 6, or 0 */
    uint8_t tunnel_depth;
    uint8_t bits; /* FT__X_* */
} FT_ALIGNED(64);

enum { FT__X_ID = 1 /* of direction 0; 2: of direction 1 */, FT__X_ROCE = 4 };

/* Totals at the last record of a flow that has segments. */
struct ft__prev {
    uint64_t packets[2], bytes[2];
};

struct ft__link {
    uint32_t prev; /* entry, or FT__HEAD | list when first */
    uint32_t next; /* entry or FT__NONE; of a free entry: the next free one */
    uint64_t flow_id;
};

_Static_assert(sizeof(struct ft__hot) == 64, "one cache line");
_Static_assert(sizeof(struct ft__cold) == 64, "one cache line");
_Static_assert(sizeof(struct ft__prev) == 32, "as listed above");
_Static_assert(sizeof(struct ft__extra) == 64, "one cache line");
_Static_assert(sizeof(struct ft__link) == 16, "part of the 192 bytes a flow");

#define FT__NEVER INT64_MIN
#define FT__NONE  UINT32_MAX
#define FT__HEAD  0x80000000u

/* a - b, a + b, saturating: a capture may say any time. */
FT_INLINE int64_t ft__time_sub(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_sub_overflow(a, b, &r) ? (a < b ? INT64_MIN : INT64_MAX) : r;
}

FT_INLINE int64_t ft__time_add(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_add_overflow(a, b, &r) ? (b < 0 ? INT64_MIN : INT64_MAX) : r;
}

FT_INLINE int64_t ft__hot_last(const struct ft__hot *h)
{
    return h->last_ns[0] > h->last_ns[1] ? h->last_ns[0] : h->last_ns[1];
}

#endif
