/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the steps that tunnels share (internal to codec/net). */
#ifndef FT_CODEC_NET_TUNNEL_PARTS_H
#define FT_CODEC_NET_TUNNEL_PARTS_H

#include <stdbool.h>

#include "codec/net/tunnel.h"

/* n->tunnel becomes one of this type, between the addresses of n; the VLAN tags are forgotten.
 * False when that is too deep. */
bool ft__tunnel_enter(struct ft_net *n, enum ft_tunnel_type type, uint8_t flags, uint32_t id);

bool ft__tunnel_skip(struct ft_net *n, uint32_t len);

/* An IP header comes next, of the version that it says. */
bool ft__tunnel_ip(struct ft_net *n);

/* As ft_tunnel_open(): L2TPv3 from its session ID on; GRE from its flags on; MPLS from its labels
 * on; any UDP or UDP-Lite datagram. */
bool ft__tunnel_l2tp3(struct ft_net *n);
bool ft__tunnel_gre(struct ft_net *n);
bool ft__tunnel_mpls(struct ft_net *n);
bool ft__tunnel_udp(struct ft_net *n, const struct ft_tunnel_ports *ports);

/* What has a protocol number of its own. */
bool ft__tunnel_proto(struct ft_net *n, uint8_t proto);

#endif
