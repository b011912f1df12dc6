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

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
    FT_VIEW_FILTERED = 2,  /* did not match the filter: to be counted, not decoded */
    FT_VIEW_OTHER_WAY = 4, /* did not go the way of --direction: likewise */
    FT_VIEW_LEFT_OUT = FT_VIEW_FILTERED | FT_VIEW_OTHER_WAY,
    FT_VIEW_IN = 8,  /* the kernel, or the file where it was asked, says that it came in */
    FT_VIEW_OUT = 16 /* or went out; neither: nobody says */
};

/* Of a packet, as the machine that captured it sees it. */
enum ft_direction { FT_DIRECTION_ANY, FT_DIRECTION_IN, FT_DIRECTION_OUT };

enum { FT_KEY_V6 = 1, FT_KEY_ONE_WAY = 2, FT_KEY_TUNNEL = 4 /* has a keyed tunnel id */ };
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

/* One decoded IP packet, the innermost of its frame: values only, but for payload. 160 bytes, of
 * which plain IPv4 touches the first 64 and IPv6 96; what comes after is written only where the
 * field that announces it says so. */
struct ft_packet {
    struct ft_key key;
    uint64_t hash;      /* keyed hash of key, addr6 and tunnel id; equal in both directions */
    int64_t ts_ns;      /* capture time, ns since 1970 */
    uint32_t frame_len; /* bytes on the wire, link layer and tunnels included */
    uint32_t ip_len;    /* IP total length (v4), 40 + payload length (v6); from frame_len when 0 */
    uint32_t payload_len; /* bytes after the transport header */
    uint32_t tcp_seq;     /* TCP sequence number; like the next three 0 for others */
    uint32_t tcp_ack;     /* acknowledgment number as on the wire, whatever the ACK flag */
    uint16_t tcp_window;  /* as on the wire, unscaled */
    uint16_t ip_id;       /* identification of IPv4, host order; 0 of IPv6 */
    union {
        uint16_t tcp_sum; /* TCP checksum as on the wire; with FT_TCPO_WHOLE */
        uint16_t icmp;    /* ICMP and ICMPv6, not FT_FRAG_LATER: type << 8 | code */
    };
    uint8_t swap : 1;   /* 1: the sender is "hi" of the key */
    uint8_t frag : 2;   /* FT_FRAG_* */
    uint8_t tunnel : 5; /* enum ft_tunnel_type; not 0: the tunnel fields hold */
    uint8_t tcp_flags;  /* TCP flags byte, 0 for others */
    uint8_t ttl;        /* TTL or hop limit */
    uint8_t mark;       /* FT_MARK_* */
    uint8_t tos;        /* DSCP and ECN byte */
    uint8_t tcp_opts;   /* FT_TCPO_* */
    uint8_t addr6[32];  /* IPv6 only: lo, hi */
    /* when the decoder was asked for payloads, and of fragments; else both hold nothing */
    const uint8_t *payload; /* first captured bytes after the transport header, of a fragment those
                               at frag_off; borrowed as told */
    uint16_t payload_cap;   /* how many of them, 0..FT_PAYLOAD_MAX; 0: payload is not to be used */
    union {
        uint16_t frag_off; /* frag: offset of the data in bytes */
        uint16_t head_len; /* else, when the decoder was asked for headers: how many bytes before
                              payload are the captured ones from the IP header on, whatever
                              payload_cap; 0..FT_HEAD_MAX */
    };
    uint32_t frag_id;     /* frag: identification */
    uint32_t tunnel_id;   /* tunnel: with FT_TUNNEL_ID */
    uint8_t tunnel_depth; /* tunnel: how many around this packet, 1.. */
    uint8_t
        tunnel_version; /* tunnel: IP version of outer, 4 or 6; 0: below IP, outer holds nothing */
    uint8_t tunnel_flags; /* tunnel: FT_TUNNEL_* */
    uint8_t frag_more;    /* frag: 1: not the last fragment */
    union {
        uint32_t roce_bth; /* FT_MARK_ROCE: BTH opcode << 24 | destination QP */
        uint32_t frag_sum; /* frag: keyed hash of what was captured of its data */
    };
    union {
        uint16_t tcp_mss; /* FT_TCPO_MSS: the maximum segment size option */
        uint16_t frag_l4; /* FT_FRAG_FIRST: where in its data the transport header begins */
    };
    uint16_t frag_len; /* frag: bytes of data of this fragment */
    union {
        uint8_t outer[2][16]; /* tunnel: its source and destination as the sender wrote them; IPv4
                                 in 4 */
        struct {
            uint8_t mac[2][6];   /* FT_MARK_LINK: source and destination of the frame */
            uint32_t flow_label; /* FT_MARK_LINK: of IPv6; UINT32_MAX: not known */
        };
    };
} FT_ALIGNED(32);

/* From an address to itself? */
FT_INLINE bool ft_packet_to_itself(const struct ft_packet *pkt)
{
    return (pkt->key.bits & FT_KEY_V6) ? memcmp(pkt->addr6, pkt->addr6 + 16, 16) == 0
                                       : pkt->key.addr[0] == pkt->key.addr[1];
}

enum {
    FT_MARK_SAMPLE = 1,    /* set by the pipeline */
    FT_MARK_ROCE = 2,      /* roce_bth holds */
    FT_MARK_TRUNCATED = 4, /* fewer bytes were captured than there were */
    FT_MARK_LINK = 8,      /* when the decoder was asked for links, of Ethernet without a tunnel */
    FT_MARK_OFFSET = 0xf0  /* TCP: the data offset as on the wire, 32-bit words of the header; 0
                              when it was not captured, and of others */
};
enum { FT_FRAG_NONE = 0, FT_FRAG_FIRST = 1, FT_FRAG_LATER = 2 };
/* What is looked at of one packet, wherever it comes from: a hello of 16 KiB and what is around. */
enum { FT_PAYLOAD_MAX = 20480 };
/* And before it: IP and transport header with what is between. */
enum { FT_HEAD_MAX = 512 };

/* tcp_opts: the low four bits are the shift of the window scale option of a SYN (RFC 7323 §2.2), or
 * FT_TCPO_NO_SCALE. */
enum {
    FT_TCPO_SCALE = 0x0f,
    FT_TCPO_NO_SCALE = 0x0f,
    FT_TCPO_SACK_OK = 0x10, /* SACK permitted, RFC 2018 §2 */
    FT_TCPO_SACK = 0x20,    /* carries SACK blocks, RFC 2018 §3 */
    FT_TCPO_MSS = 0x40,     /* a SYN with a maximum segment size, RFC 9293 §3.7.1 */
    FT_TCPO_WHOLE = 0x80,   /* the fixed header was captured: seq, ack and window hold */
};

/* What wraps the innermost packet. The names are those of the column tunnel_type. */
enum ft_tunnel_type {
    FT_TUNNEL_NONE,
    FT_TUNNEL_IPIP,    /* IPv4 in IPv4, RFC 2003 */
    FT_TUNNEL_SIXIN4,  /* IPv6 in IPv4, RFC 4213 */
    FT_TUNNEL_IP4IN6,  /* IPv4 in IPv6, RFC 2473 */
    FT_TUNNEL_IP6IN6,  /* IPv6 in IPv6, RFC 2473 */
    FT_TUNNEL_GRE,     /* RFC 2784, 2890; id: key */
    FT_TUNNEL_PPTP,    /* GRE version 1, RFC 2637; id: call ID */
    FT_TUNNEL_NVGRE,   /* RFC 7637; id: VSID */
    FT_TUNNEL_ERSPAN,  /* types I, II and III; id: session ID */
    FT_TUNNEL_VXLAN,   /* RFC 7348, with GPE; id: VNI */
    FT_TUNNEL_GENEVE,  /* RFC 8926; id: VNI */
    FT_TUNNEL_GTPU,    /* 3GPP TS 29.281; id: TEID */
    FT_TUNNEL_MPLS,    /* RFC 3032, over Ethernet, IP, GRE or UDP; id: bottom label */
    FT_TUNNEL_PPPOE,   /* RFC 2516; id: session ID */
    FT_TUNNEL_L2TP,    /* versions 2 and 3, RFC 2661, 3931; id: session ID */
    FT_TUNNEL_TEREDO,  /* RFC 4380 */
    FT_TUNNEL_AYIYA,   /* draft-massar-v6ops-ayiya */
    FT_TUNNEL_ETHERIP, /* RFC 3378 */
    FT_TUNNEL_PBB,     /* 802.1ah, Ethernet in Ethernet; id: I-SID */
    FT_TUNNEL_GUE,     /* draft-ietf-intarea-gue */
    FT_TUNNEL_FOU,     /* IP in UDP, nothing between */
    FT_TUNNEL_CAPWAP,  /* data of wireless access points, RFC 5415 */
    FT_TUNNEL_LISP,    /* RFC 9300, 9305; id: instance ID */
    FT_TUNNEL_TZSP,    /* frames that a sniffer sends on */
    FT_TUNNEL__COUNT
};

enum {
    FT_TUNNEL_ID = 1,   /* there is an id */
    FT_TUNNEL_KEYED = 2 /* both directions carry the same id: it is part of the flow key */
};

_Static_assert(sizeof(struct ft_key) == 16, "a key is compared as 16 bytes");
_Static_assert(sizeof(struct ft_packet) == 160, "two and a half cache lines");
_Static_assert(FT_TUNNEL__COUNT <= 32, "five bits of a packet");

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
    FT_LINK_TOKEN_RING = 6,
    FT_LINK_SLIP = 8,
    FT_LINK_PPP = 9,
    FT_LINK_FDDI = 10,
    FT_LINK_RAW_BSD = 12, /* DLT_RAW as some systems write it into files */
    FT_LINK_RAW_OPENBSD = 14,
    FT_LINK_PPP_HDLC = 50,
    FT_LINK_PPP_ETHER = 51,
    FT_LINK_ATM_RFC1483 = 100,
    FT_LINK_RAW = 101,
    FT_LINK_C_HDLC = 104,
    FT_LINK_IEEE802_11 = 105,
    FT_LINK_FRELAY = 107,
    FT_LINK_LOOP = 108,
    FT_LINK_ENC = 109,
    FT_LINK_LINUX_SLL = 113,
    FT_LINK_PFLOG = 117,
    FT_LINK_PRISM = 119,
    FT_LINK_IP_OVER_FC = 122,
    FT_LINK_SUNATM = 123,
    FT_LINK_RADIOTAP = 127,
    FT_LINK_JUNIPER_MLPPP = 130,
    FT_LINK_JUNIPER_MLFR = 131,
    FT_LINK_JUNIPER_ES = 132,
    FT_LINK_JUNIPER_GGSN = 133,
    FT_LINK_JUNIPER_MFR = 134,
    FT_LINK_JUNIPER_ATM2 = 135,
    FT_LINK_JUNIPER_SERVICES = 136,
    FT_LINK_JUNIPER_ATM1 = 137,
    FT_LINK_IEEE1394 = 138,
    FT_LINK_DOCSIS = 143,
    FT_LINK_AVS = 163,
    FT_LINK_JUNIPER_MONITOR = 164,
    FT_LINK_PPP_PPPD = 166,
    FT_LINK_JUNIPER_PPPOE = 167,
    FT_LINK_JUNIPER_PPPOE_ATM = 168,
    FT_LINK_JUNIPER_ETHER = 178,
    FT_LINK_JUNIPER_PPP = 179,
    FT_LINK_JUNIPER_FRELAY = 180,
    FT_LINK_JUNIPER_CHDLC = 181,
    FT_LINK_JUNIPER_VP = 183,
    FT_LINK_PPI = 192,
    FT_LINK_JUNIPER_ISM = 194,
    FT_LINK_ERF = 197,
    FT_LINK_JUNIPER_ST = 200,
    FT_LINK_PPP_WITH_DIR = 204,
    FT_LINK_C_HDLC_WITH_DIR = 205,
    FT_LINK_FRELAY_WITH_DIR = 206,
    FT_LINK_MPLS = 219,
    FT_LINK_IPNET = 226,
    FT_LINK_IPV4 = 228,
    FT_LINK_IPV6 = 229,
    FT_LINK_JUNIPER_VS = 232,
    FT_LINK_JUNIPER_SRX_E2E = 233,
    FT_LINK_NFLOG = 239,
    FT_LINK_NETANALYZER = 240,
    FT_LINK_IPOIB = 242,
    FT_LINK_PKTAP = 258,
    FT_LINK_EPON = 259,
    FT_LINK_LINUX_SLL2 = 276,
    FT_LINK_DSA_BRCM = 281,
    FT_LINK_DSA_BRCM_PREPEND = 282,
    FT_LINK_DSA = 284,
    FT_LINK_EDSA = 285,
};

#endif
