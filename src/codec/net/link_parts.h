/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the steps that link layers and tunnels share (internal to codec/net).
 *
 * Each takes its header off the front of n and goes on to the IP header; verdicts as
 * ft_link_decode(). */
#ifndef FT_CODEC_NET_LINK_PARTS_H
#define FT_CODEC_NET_LINK_PARTS_H

#include <stdbool.h>

#include "codec/net/link.h"

/* An IP header comes next. */
FT_INLINE enum ft_verdict ft__link_found(struct ft_net *n, uint8_t version)
{
    n->version = version;
    return FT_V_DECODED;
}

/* An IP header comes next, of the version that it says itself: empty when nothing is left, neither
 * when it is no version of IP. */
enum ft_verdict ft__link_by_version(struct ft_net *n, enum ft_verdict empty,
                                    enum ft_verdict neither);

enum ft_verdict ft__link_ethernet(struct ft_net *n);
enum ft_verdict ft__link_ethertype(struct ft_net *n, uint16_t type);
/* As ft__link_ethertype(), in a cooked capture: also through tags that the type does not tell. */
enum ft_verdict ft__link_cooked(struct ft_net *n, uint16_t type);
enum ft_verdict ft__link_llc(struct ft_net *n); /* 802.2, with SNAP or IP's own SAP */
enum ft_verdict ft__link_ppp(struct ft_net *n); /* RFC 1661, with address and control or without */
enum ft_verdict ft__link_pppoe(struct ft_net *n); /* RFC 2516, from the PPPoE header on */
enum ft_verdict ft__link_mpls(struct ft_net *n);  /* RFC 3032, from the first label on */

/* Everything but the link types that ft_link_decode() knows itself (link_wan.c, link_wlan.c,
 * link_tags.c). */
enum ft_verdict ft__link_others(struct ft_net *n, uint16_t linktype);
enum ft_verdict ft__link_wlan(struct ft_net *n, uint16_t linktype);
enum ft_verdict ft__link_switch(struct ft_net *n, uint16_t linktype);

/* 802.11 behind a tunnel's header; swapped: the bytes of the frame control have changed places. */
enum ft_verdict ft__link_wlan_tunnelled(struct ft_net *n, bool swapped);

/* Takes the header that *type announces and sets *type to what comes next; *tags counts. NOT_IP,
 * and nothing taken: no such header is known (link_tags.c). */
enum ft_verdict ft__link_tag(struct ft_net *n, uint16_t *type, int *tags);

/* Goes into a tunnel: n->tunnel becomes t, one deeper. False when that would be too deep. */
bool ft__link_enter(struct ft_net *n, const struct ft_net_tunnel *t);

/* True when an IP header that was captured stands at n: version, lengths and, of IPv4, checksum. */
bool ft__link_plausible_ip(const struct ft_net *n);

#endif
