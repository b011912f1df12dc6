/* SPDX-License-Identifier: Apache-2.0 */
/* model: a packet, as bytes of its source (ft_view) and as decoded values (ft_packet).
 *
 * Theory of operation: a source hands out batches of ft_view, which point into memory that it owns.
 * The decode stage turns each into an ft_packet, which holds values only and so may cross to
 * another thread when the view is long gone. The key is canonical (equal in both directions), 16
 * bytes, and compared in one load; for IPv6 its addr word is a keyed hash and the addresses
 * themselves, which are compared too, stand in addr6. */
#ifndef FT_MODEL_PACKET_H
#define FT_MODEL_PACKET_H

#include <stdint.h>

#include "flowtap/macros.h"

/* One captured frame. Valid until its batch is released. */
struct ft_view {
    const uint8_t *data; /* caplen bytes; owned by the source */
    int64_t ts_ns;       /* capture time, ns since 1970; never INT64_MIN */
    uint32_t caplen;     /* bytes there */
    uint32_t len;        /* bytes on the wire; >= caplen */
    uint16_t linktype;   /* LINKTYPE_* (tcpdump.org registry), host order */
    uint16_t vlan_tci;   /* the tag that the kernel took off, when FT_VIEW_VLAN */
    uint16_t flags;      /* FT_VIEW_* */
    uint16_t iface;      /* index of the source's interface, 0.. */
};

enum {
    FT_VIEW_VLAN = 1, /* vlan_tci holds a stripped outermost tag; len and caplen do not count it */
    FT_VIEW_FILTERED = 2 /* did not match the filter: to be counted, not decoded */
};

enum { FT_KEY_V6 = 1, FT_KEY_ONE_WAY = 2 };
enum { FT_SCOPE_VLAN = 0x1000 };

/* Flow key in canonical order: (address, port) "lo" <= (address, port) "hi" as big-endian numbers.
 * Keys with FT_KEY_ONE_WAY (ICMP types without a counterpart) keep source first. 16 bytes, compared
 * whole. */
struct ft_key {
    uint32_t addr[2]; /* IPv4: lo, hi in network byte order; IPv6: 64-bit keyed hash of addr6 */
    uint16_t port[2]; /* lo, hi in host order; ICMP: Community ID type/code mapping; else 0 */
    uint16_t scope;   /* innermost VLAN: FT_SCOPE_VLAN | VID, or 0 without a tag (or VID 0) */
    uint8_t proto;    /* IP protocol */
    uint8_t bits;     /* FT_KEY_* */
} FT_ALIGNED(16);

/* One decoded IP packet: values only. 96 bytes. */
struct ft_packet {
    struct ft_key key;
    uint64_t hash;      /* keyed hash of key and addr6; equal in both directions */
    int64_t ts_ns;      /* capture time, ns since 1970 */
    uint32_t frame_len; /* bytes on the wire, link layer included */
    uint32_t ip_len;    /* IP total length (v4), 40 + payload length (v6); from frame_len when 0 */
    uint32_t payload_len; /* bytes after the transport header */
    uint32_t tcp_seq;     /* TCP sequence number, 0 for others */
    uint8_t swap;         /* 1: the sender is "hi" of the key */
    uint8_t tcp_flags;    /* TCP flags byte, 0 for others */
    uint8_t frag;         /* FT_FRAG_* */
    uint8_t ttl;          /* TTL or hop limit */
    uint16_t tcp_window;  /* as on the wire, unscaled */
    uint8_t mark;         /* FT_MARK_*, set by the pipeline */
    uint8_t tos;          /* DSCP and ECN byte */
    uint8_t addr6[32];    /* IPv6 only: lo, hi */
} FT_ALIGNED(32);

enum { FT_MARK_SAMPLE = 1 };
enum { FT_FRAG_NONE = 0, FT_FRAG_FIRST = 1, FT_FRAG_LATER = 2 };

_Static_assert(sizeof(struct ft_key) == 16, "a key is compared as 16 bytes");
_Static_assert(sizeof(struct ft_packet) == 96, "a packet is one and a half cache lines");

/* TCP flags, RFC 9293 §3.1 */
enum {
    FT_TCP_FIN = 0x01,
    FT_TCP_SYN = 0x02,
    FT_TCP_RST = 0x04,
    FT_TCP_PSH = 0x08,
    FT_TCP_ACK = 0x10,
    FT_TCP_URG = 0x20,
};

/* LINKTYPE_* values that are decoded (tcpdump.org/linktypes.html) */
enum ft_linktype {
    FT_LINK_NULL = 0,
    FT_LINK_ETHERNET = 1,
    FT_LINK_RAW_BSD = 12, /* DLT_RAW as some systems write it into files */
    FT_LINK_RAW_OPENBSD = 14,
    FT_LINK_RAW = 101,
    FT_LINK_LOOP = 108,
    FT_LINK_LINUX_SLL = 113,
    FT_LINK_IPV4 = 228,
    FT_LINK_IPV6 = 229,
    FT_LINK_LINUX_SLL2 = 276,
};

#endif
