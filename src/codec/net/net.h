/* SPDX-License-Identifier: Apache-2.0 */
/* codec: network headers, from the link layer to the transport ports.
 *
 * Theory of operation: one struct ft_net walks through a frame. Each step takes its header off the
 * front; an IP header also narrows the rest to its length:
 *
 *      |<------------------------- len (wire) ------------------------->|
 *      |<---------------- caplen (captured) ------------->|
 *      [ link | tags | IP | extensions | TCP ... payload ... | padding ]
 *                     ^rd.p                           rd.end^
 *                     |<------------ wire ----------->|
 *
 * rd holds what may be read, wire what the sender sent: a frame cut by the snap length decodes to
 * the same lengths as the whole one. Bytes that the IP length does not cover (Ethernet padding,
 * trailers) leave both when the IP header is read. Every step keeps
 *
 *      ft_rd_left(&n->rd) <= n->wire
 *
 * Steps return FT_V_DECODED ("go on") or the verdict that ends the packet. They are pure and keep
 * no state besides the ft_net; a tunnel is a step that sets the frame's next layer and starts over.
 *
 * The order is link (link.h), ip (ip.h), transport (l4.h): each reads the fields of its name that
 * the one before has set. */
#ifndef FT_CODEC_NET_NET_H
#define FT_CODEC_NET_NET_H

#include "base/rd.h"
#include "flowtap/errors.h"
#include "model/packet.h"

/* IEEE 802 numbers, the ones that matter here */
enum ft_ethertype {
    FT_ETH_LLC_MAX = 1500,    /* up to here the field is an 802.3 length */
    FT_ETH_TYPE_MIN = 0x0600, /* from here on it is a type */
    FT_ETH_IPV4 = 0x0800,
    FT_ETH_LLC = 0x0004,  /* as n->ethertype: 802.2 without a type */
    FT_ETH_VLAN = 0x8100, /* 802.1Q */
    FT_ETH_IPV6 = 0x86dd,
    FT_ETH_MPLS = 0x8847, /* RFC 5332 */
    FT_ETH_MPLS_MCAST = 0x8848,
    FT_ETH_PPPOE = 0x8864,    /* session stage, RFC 2516 */
    FT_ETH_QINQ = 0x88a8,     /* 802.1ad */
    FT_ETH_QINQ_OLD = 0x9100, /* as older switches tag the outer VLAN */
    FT_ETH_NSH = 0x894f,      /* RFC 8300 */
};

/* IANA protocol numbers, the ones that have a rule of their own */
enum ft_ipproto {
    FT_IP_HOPOPTS = 0,
    FT_IP_ICMP = 1,
    FT_IP_TCP = 6,
    FT_IP_UDP = 17,
    FT_IP_DCCP = 33,
    FT_IP_ROUTING = 43,
    FT_IP_FRAGMENT = 44,
    FT_IP_ESP = 50,
    FT_IP_AH = 51,
    FT_IP_ICMPV6 = 58,
    FT_IP_NONE = 59,
    FT_IP_DSTOPTS = 60,
    FT_IP_SCTP = 132,
    FT_IP_MOBILITY = 135,
    FT_IP_UDPLITE = 136,
    FT_IP_HIP = 139,
    FT_IP_SHIM6 = 140,
};

/* Most headers of a kind in one frame; one more ends the packet with a verdict. */
enum {
    FT_NET_MAX_TAGS = 8,    /* VLAN and other tags, the one that the kernel took off not counted */
    FT_NET_MAX_LABELS = 16, /* MPLS */
    FT_NET_MAX_EXT = 16,    /* IPv6 extension headers */
    FT_NET_MAX_TUNNELS = 8, /* a packet behind more is counted in the flow of the eighth */
};

/* The tunnel whose header stood directly before the innermost packet. */
struct ft_net_tunnel {
    uint8_t type;    /* enum ft_tunnel_type */
    uint8_t depth;   /* tunnels that were opened, 0..FT_NET_MAX_TUNNELS */
    uint8_t version; /* 4 or 6: the IP version of src and dst; 0: there are none */
    uint8_t flags;   /* FT_TUNNEL_* of model/packet.h */
    uint32_t id;     /* with FT_TUNNEL_ID */
    const uint8_t *src, *dst;
};

/* A walk through one frame. Caller's memory; src and dst borrow the frame's. */
struct ft_net {
    struct ft_rd rd; /* captured bytes from here to the end of the innermost length */
    uint32_t wire;   /* bytes on the wire from here to the end of the innermost length */

    uint16_t scope;     /* link: as ft_key.scope */
    uint8_t version;    /* link: 4 or 6, the IP version that comes next */
    uint16_t ethertype; /* link: the last one that was read, FT_ETH_LLC, or 0: none */

    uint8_t proto;      /* ip: protocol after the extension headers */
    uint8_t frag;       /* ip: FT_FRAG_* */
    uint8_t ttl;        /* ip: TTL or hop limit */
    uint8_t tos;        /* ip: DSCP and ECN */
    uint32_t ip_len;    /* ip: bytes of the IP packet on the wire */
    const uint8_t *src; /* ip: 4 or 16 bytes, by version */
    const uint8_t *dst; /* ip: likewise */

    uint8_t key_bits;       /* l4: FT_KEY_ONE_WAY or 0 */
    uint8_t tcp_flags;      /* l4: 0 unless captured; likewise seq and window */
    uint16_t port[2];       /* l4: source, destination, host order; 0 for protocols without */
    uint16_t tcp_window;    /* l4 */
    uint16_t tcp_sum;       /* l4: with FT_TCPO_WHOLE */
    uint32_t tcp_seq;       /* l4 */
    uint32_t payload_len;   /* l4: bytes on the wire after the transport header */
    const uint8_t *payload; /* l4: TCP and UDP, whole packets: what was captured of it, or NULL */
    size_t payload_cap;     /* l4: bytes there */
    uint32_t tcp_ack;       /* l4: likewise as tcp_seq */
    uint16_t tcp_mss;       /* l4: as in ft_packet, likewise icmp */
    uint16_t icmp;
    uint8_t tcp_opts;   /* l4: as in ft_packet */
    uint8_t tcp_offset; /* l4: as FT_MARK_OFFSET */
    uint16_t ip_id;     /* ip: as in ft_packet */
    uint8_t frag_more;  /* ip: as in ft_packet, likewise frag_off and frag_id */
    uint16_t frag_off;
    uint16_t frag_len;
    uint32_t frag_id;
    const uint8_t *frag_data; /* ip: frag: the first byte at frag_off, up to rd.end */
    bool has_bth;             /* l4: a RoCEv2 base transport header was read */
    uint32_t roce_bth;        /* l4: as in ft_packet */
    struct ft_net_tunnel tunnel;
};

/* Takes the next len bytes off the front: the bytes, or NULL when they were not captured. */
FT_INLINE const uint8_t *ft_net_take(struct ft_net *n, uint32_t len)
{
    const uint8_t *p = ft_rd_view(&n->rd, len);

    if (p != NULL) {
        n->wire -= len;
    }
    return p;
}

/* Ends the frame len bytes from here; what comes after is no part of it. len <= n->wire. */
FT_INLINE void ft_net_narrow(struct ft_net *n, uint32_t len)
{
    n->wire = len;
    if (ft_rd_left(&n->rd) > len) {
        n->rd.end = n->rd.p + len;
    }
}

#endif
