/* SPDX-License-Identifier: Apache-2.0 */
/* model: what is a flow, when it ends, and which way it faces.
 *
 * Theory of operation: flowtap has rules of its own, which its options set. A profile that is named
 * for a tool has that tool's, for its columns mean nothing about flows that were cut otherwise. All
 * profiles of a run keep to one set of rules; those that have none keep to any. */
#ifndef FT_MODEL_RULES_H
#define FT_MODEL_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* When the packets of a TCP connection are over. */
enum ft_tcp_end {
    FT_TCP_END_OWN, /* a RST, or FINs both ways and their acknowledgments; or another one's SYN */
    /* CICFlowMeter: after the first packet the responder's FIN is the last one, or a RST that is no
     * FIN; what comes then is another flow's */
    FT_TCP_END_AT_ONCE,
    /* its corrected form: FINs both ways and an ACK, or a RST, are an end, and what comes still
     * belongs to it up to the next SYN. The first packet's flags count for nothing but the FIN. */
    FT_TCP_END_AT_SYN,
    /* PcapSplitter: all belongs to it up to a SYN without ACK that comes after anything but such
     * SYNs */
    FT_TCP_END_BEFORE_SYN
};

/* Which flows go on from the one that their active timeout ended: they face its way, whatever their
 * first packet. */
enum ft_follows { FT_FOLLOWS_NONE, FT_FOLLOWS_TCP_UDP, FT_FOLLOWS_ALL };

struct ft_flow_rules {
    const char *name;      /* of the profile that they are named for; NULL: flowtap's own */
    int64_t idle_ns;       /* a gap of this or more ends the flow, in either direction of time */
    int64_t idle_else_ns;  /* the same for what is not TCP; 0: idle_ns */
    int64_t active_ns;     /* since the first packet; INT64_MAX: never */
    int64_t login_idle_ns; /* the same for connections to ports at which people sit (21, 22, 23,
                              513), once both sides have opened; 0: idle_ns */
    int64_t attempt_ns;    /* TCP: since the first packet, while nothing but the initiator's SYN was
                              seen; 0: no such limit */
    int64_t names_every_ns, names_quiet_ns; /* UDP of a port of DNS or its kin (53, 137, 5353,
                              5355): looked at so often since the first packet, and over when
                              nothing came for so long then; 0: as others */
    bool active_ends;  /* then the flow is over, and its next packet another's: else its record is
                          an interim one */
    bool past_tcp_end; /* neither the end of a connection ends the flow nor the SYN of another */
    bool fins_end;     /* TCP: it is over with the FINs of both sides, acknowledged or not, and with
                          that of one which nobody ever answered */
    bool linger_fixed; /* what comes after a connection is over does not make it longer; active_ns
                          is INT64_MAX then */
    bool syn_begins; /* a SYN that is not the first one sent again always begins another, and after
                        a FIN or RST every one */
    bool five_tuple; /* neither VLANs nor ids of tunnels tell flows apart */
    bool active_at_packet; /* active_ends: only where a packet of the flow comes after it; a flow
                              that has had its last ends by the idle timeout */
    bool first_is_fwd;     /* forward is the first packet's direction, whatever that packet is */
    bool few_ports;  /* keys have ports of TCP and UDP only: all that two hosts say to each other in
                        another protocol, whatever its ports or ICMP types, is one flow */
    int64_t tick_ns; /* times are cut to multiples of this before they are compared; 0: they are
                        not */
    uint8_t tcp_end; /* enum ft_tcp_end; not OWN: with past_tcp_end */
    uint8_t follows; /* enum ft_follows; not NONE: with active_at_packet */
};

#endif
