/* SPDX-License-Identifier: Apache-2.0 */
/* model: what the flow stage says and the format stage writes: flow records and samples. */
#ifndef FT_MODEL_RECORD_H
#define FT_MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/event.h"
#include "model/packet.h"

enum { FT_DIR_FWD = 0, FT_DIR_REV = 1 };

/* One flow record: all values, oriented forward (src is the initiator). Borrowed during the call.
 */
struct ft_flow_record {
    uint64_t flow_id;     /* stable over the life of the flow; deterministic for a capture */
    int64_t timestamp_ns; /* when the reason came true, packet time */
    int64_t first_ns;     /* earliest packet of the flow */
    int64_t last_ns;      /* latest packet so far */
    uint64_t packets[2];  /* [FT_DIR_*], cumulative over the flow_id; likewise below */
    uint64_t bytes[2];    /* wire bytes */
    uint64_t ip_bytes[2]; /* IP total length */
    uint64_t payload_bytes[2];
    uint32_t segment;            /* 0 for the first record of a flow_id, then 1, 2, ... */
    uint16_t src_port, dst_port; /* key ports; ICMP holds the Community ID mapping, printed as 0 */
    uint16_t scope;              /* as ft_key.scope */
    uint8_t proto;
    uint8_t ip_version;   /* 4 or 6 */
    uint8_t tcp_flags[2]; /* OR of all packets of the direction */
    uint8_t reason;       /* enum ft_reason */
    bool is_final;
    bool one_way;             /* ICMP type without a counterpart: the key has one direction */
    uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4 bytes */
};

/* The running counts of a packet's own 5-tuple in its own direction, that packet included. */
struct ft_tuple_counts {
    uint64_t packets;
    uint64_t bytes;   /* wire bytes */
    int64_t first_ns; /* earliest packet of this direction */
};

#endif
