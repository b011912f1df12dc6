/* SPDX-License-Identifier: Apache-2.0 */
/* flow: how an entry lies in memory.
 *
 * Theory of operation: entry i is spread over arrays, so that a packet touches what it needs:
 *
 *     hot[i]      64  every packet. Counters are low halves; a carry goes to high.
 *     cold[i]     64  first packet of a direction, timers, records; how a TCP connection begins
 *                     and ends
 *     addr6[i]    32  IPv6 addresses in canonical order
 *     high[i]     40  carries of the counters: 64 KiB of headers, 65536 packets, 4 GiB
 *     prev[i]     48  totals at the last record: flows that had an interim one
 *     tunnel[i]    8  type and id of a tunnel
 *
 *     wire bytes = bytes   IP bytes = bytes - over   payload bytes = bytes - over - hdr
 *
 * A flow of IPv4 is the first two, 128 bytes, and at most 16 of the index. What is not touched
 * takes address space only. */
#ifndef FT_FLOW_ENTRY_H
#define FT_FLOW_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "model/packet.h"

enum {
    FT__S_LIVE = 1,        /* the entry is in use, and its flow is not over */
    FT__S_ESTABLISHED = 2, /* a reply was seen, or 8 packets: on the second timer wheel */
    FT__S_CLOSED = 4,      /* RST, or FIN both ways: lingers, or waits for a SYN */
    FT__S_SYN = 8,         /* began with a SYN: isn is its sequence number */
    FT__S_FRESH = 16,      /* packets were counted since the last record */
    FT__S_STALE = 32,      /* the clock stepped back and no packet came since the last look */
    FT__S_SNAPSHOTS = 64,  /* snapshots are still to come */
    FT__S_FINS = 128,      /* FT_TCP_END_AT_SYN: FINs both ways: an ACK closes it */
};

/* Bits of hot.seen: what some packet of the flow was. */
enum {
    FT__SEEN_TRUNCATED = 1, /* captured shorter than it was */
    FT__SEEN_FLIPPED = 2,   /* the first packet was the responder's SYN-ACK */
    FT__SEEN_HIGH = 4,      /* high[i] holds */
    FT__SEEN_TUNNEL = 8,    /* tunnel[i] holds */
    FT__SEEN_STATE = 16,    /* TCP: side 0 has a state; 32: side 1 */
    FT__SEEN_TURN = 64,     /* TCP: it begins or ends: cold looks at every segment */
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
    int64_t first_ns[2]; /* earliest packet by direction */
    uint64_t flow_id;
    uint32_t prev;          /* in its timer list: entry, or FT__HEAD | list when first */
    uint32_t next;          /* entry or FT__NONE; of a free entry: the next free one */
    uint32_t tag;           /* in the index */
    uint32_t active_k;      /* active deadlines that have passed; with rules.linger_fixed: when the
                               connection was over, since first, in units of 2^20 ns */
    uint32_t segment;       /* number of the next record */
    uint32_t fin_end[2];    /* TCP: after the last FIN of a side that sent one; see conn.h */
    uint32_t opened;        /* TCP: what the initiator sent, while it only opens */
    uint8_t tcp_state[2];   /* enum ft_tcp_state */
    uint8_t tcp_bits;       /* FT__C_* */
    uint8_t snapshot : 7;   /* the next one */
    uint8_t icmp_known : 1; /* ICMP: icmp_code holds */
    union {
        uint8_t icmp_code; /* of the first packet */
        struct {
            bool fin_later : 1;  /* TCP, FT_TCP_END_AT_SYN: a packet after the first was a FIN */
            bool beyond_syn : 1; /* TCP: a packet was no SYN, or had an ACK */
        };
    };
} FT_ALIGNED(64);

/* Carries of the counters, by direction. */
struct ft__high {
    uint64_t over[2];  /* units of 2^16: a capture may claim 4 GiB for a packet of a few bytes */
    uint32_t pkts[2];  /* units of 2^16 */
    uint32_t bytes[2]; /* units of 2^32 */
    uint32_t hdr[2];   /* units of 2^16 */
};

struct ft__tunnel {
    uint32_t id;  /* of the forward direction; of the key both have it */
    uint8_t type; /* enum ft_tunnel_type */
    bool has;     /* id holds */
};

/* Of a flow that has segments: totals at the last record, and the first packet after it. */
struct ft__prev {
    uint64_t packets[2], bytes[2], ip_bytes[2];
    int64_t first_ns; /* either direction; holds when packets were counted since */
};

_Static_assert(sizeof(struct ft__hot) == 64, "one cache line");
_Static_assert(sizeof(struct ft__cold) == 64, "one cache line");
_Static_assert(sizeof(struct ft__high) == 40, "as listed above");
_Static_assert(sizeof(struct ft__prev) == 56, "as listed above");
_Static_assert(sizeof(struct ft__tunnel) == 8, "as listed above");

#define FT__NEVER INT64_MIN
#define FT__NONE  UINT32_MAX
#define FT__HEAD  0x80000000u

FT_INLINE int64_t ft__hot_last(const struct ft__hot *h)
{
    return h->last_ns[0] > h->last_ns[1] ? h->last_ns[0] : h->last_ns[1];
}

#endif
