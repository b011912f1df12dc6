/* SPDX-License-Identifier: Apache-2.0 */
/* codec: tunnels that an IP packet carries.
 *
 * Theory of operation: after the transport header was read, ft_tunnel_open() looks whether the
 * packet is a tunnel: by its protocol, or by a UDP port that IANA gave to one or that was added.
 * Every field that the tunnel's document fixes is checked, since anybody may use these ports. The
 * walk then stands at the inner IP header. Whether that is one shows only when it is decoded: the
 * caller keeps a copy of the walk and, when the inner packet is none, counts the outer one.
 *
 * The fast path of the decoder asks a map of ports, which has one bit for each by its low 12 bits,
 * and leaves to this code what has its bit set. */
#ifndef FT_CODEC_NET_TUNNEL_H
#define FT_CODEC_NET_TUNNEL_H

#include <stdbool.h>

#include "codec/net/net.h"

enum { FT_TUNNEL_PORTS_MAX = 64 };

/* What a UDP datagram may be opened as, in the order in which ports are looked up. */
enum ft_tunnel_udp {
    FT_TUNNEL_UDP_VXLAN,
    FT_TUNNEL_UDP_VXLAN_GPE,
    FT_TUNNEL_UDP_GENEVE,
    FT_TUNNEL_UDP_GTPU,
    FT_TUNNEL_UDP_GUE,
    FT_TUNNEL_UDP_FOU, /* has no port of its own */
    FT_TUNNEL_UDP_GRE,
    FT_TUNNEL_UDP_MPLS,
    FT_TUNNEL_UDP_L2TP,
    FT_TUNNEL_UDP_TEREDO,
    FT_TUNNEL_UDP_AYIYA,
    FT_TUNNEL_UDP_CAPWAP,
    FT_TUNNEL_UDP_LISP,
    FT_TUNNEL_UDP_TZSP, /* has no port of its own */
    FT_TUNNEL_UDP__COUNT
};

/* Ports besides those of IANA. Caller's memory; does not change while packets are decoded. */
struct ft_tunnel_ports {
    uint8_t maybe[512]; /* bit per port, by its low 12 bits: IANA's, RoCE's and the rows' */
    uint32_t n;
    struct {
        uint16_t port;
        uint8_t how; /* enum ft_tunnel_udp */
    } row[FT_TUNNEL_PORTS_MAX];
};

/* IANA's only. */
extern const struct ft_tunnel_ports ft_tunnel_ports_known;

/* Its name, "vxlan"; NULL from FT_TUNNEL_UDP__COUNT on. Any thread. */
const char *ft_tunnel_udp_name(enum ft_tunnel_udp how);

/* Adds a row, which comes before IANA's meaning of that port; one that is there is left alone.
 * port: 1..65535. *out_other: on FT_E_USAGE, what the port is already for, or FT_TUNNEL_UDP__COUNT
 * when there is no room. */
FT_NODISCARD int ft_tunnel_ports_add(struct ft_tunnel_ports *t, enum ft_tunnel_udp how,
                                     uint16_t port, enum ft_tunnel_udp *out_other);

/* True: n stands at the inner IP header, n->version is set, n->tunnel tells of what was opened.
 * False: no tunnel; n is undefined. n as ft_l4_decode() left it; fragments open nothing. */
bool ft_tunnel_open(struct ft_net *n, const struct ft_tunnel_ports *ports);

/* False: no packet of this IP protocol is a tunnel, but for those where ports tell. */
bool ft_tunnel_maybe(uint8_t proto);

/* Ports tell, by struct ft_tunnel_ports: UDP, and UDP-Lite, over which CAPWAP goes in IPv6 (RFC
 * 5415 §3). */
FT_INLINE bool ft_tunnel_by_port(uint8_t proto)
{
    return proto == FT_IP_UDP || proto == FT_IP_UDPLITE;
}

/* False: no packet with these UDP ports is a tunnel, nor RoCE. May say true of one that is neither.
 * maybe: of struct ft_tunnel_ports. The fast path asks. */
FT_INLINE bool ft_tunnel_port(const uint8_t maybe[512], uint16_t sport, uint16_t dport)
{
    return ((maybe[(sport & 4095) >> 3] >> (sport & 7) |
             maybe[(dport & 4095) >> 3] >> (dport & 7)) &
            1) != 0;
}

#endif
