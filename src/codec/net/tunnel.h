/* SPDX-License-Identifier: Apache-2.0 */
/* codec: tunnels that an IP packet carries.
 *
 * Theory of operation: after the transport header was read, ft_tunnel_open() looks whether the
 * packet is a tunnel: by its protocol, or by a UDP port that IANA gave to one. Every field that the
 * tunnel's document fixes is checked, since anybody may use these ports. The walk then stands at
 * the inner IP header. Whether that is one shows only when it is decoded: the caller keeps a copy
 * of the walk and, when the inner packet is none, counts the outer one. */
#ifndef FT_CODEC_NET_TUNNEL_H
#define FT_CODEC_NET_TUNNEL_H

#include <stdbool.h>

#include "codec/net/net.h"

/* True: n stands at the inner IP header, n->version is set, n->tunnel tells of what was opened.
 * False: no tunnel; n is undefined. n as ft_l4_decode() left it; fragments open nothing. */
bool ft_tunnel_open(struct ft_net *n);

/* False: no packet of this IP protocol, UDP apart, is a tunnel. */
bool ft_tunnel_proto(uint8_t proto);

/* The UDP ports 1701, 2152, 3544, 4789, 4790, 4791, 5072, 6081 and 6635, by their low 12 bits. */
extern const uint8_t ft__tunnel_ports[512];

/* False: no packet with these UDP ports is a tunnel, nor RoCE. May say true of one that is neither.
 * The fast path asks. */
FT_INLINE bool ft_tunnel_port(uint16_t sport, uint16_t dport)
{
    return ((ft__tunnel_ports[(sport & 4095) >> 3] >> (sport & 7) |
             ft__tunnel_ports[(dport & 4095) >> 3] >> (dport & 7)) &
            1) != 0;
}

#endif
