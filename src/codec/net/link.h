/* SPDX-License-Identifier: Apache-2.0 */
/* codec: link-layer headers up to the IP header.
 *
 * Theory of operation: by link type, one header is taken off, then EtherTypes are followed through
 * VLAN and other tags, MPLS labels, PPPoE and LLC/SNAP until one says IP. The lengths of 802.3 and
 * PPPoE do not narrow the frame: where they are less than what the IP header says, it is they that
 * are wrong (captures have such PPPoE frames), and padding is known from the IP length as well.
 * MPLS and PPPoE are tunnels below IP: they are noted in n->tunnel. */
#ifndef FT_CODEC_NET_LINK_H
#define FT_CODEC_NET_LINK_H

#include "codec/net/net.h"

/* Takes the link layer off a frame that starts at n->rd. n->scope is what is known before (a tag
 * that the kernel took off) and becomes that of the innermost tag with a VID. linktype is a
 * LINKTYPE_* value. After FT_V_DECODED n stands at an IP header and n->version is set (for
 * LINKTYPE_RAW from the header itself, else unchecked). Else: LINK_TYPE, NOT_IP, LINK_SHORT,
 * TAG_SHORT, TAG_DEPTH, PPPOE_LENGTH, ENCRYPTED or, for LINKTYPE_RAW, IP_VERSION; with NOT_IP
 * n->ethertype says of which type what is there is. */
enum ft_verdict ft_link_decode(struct ft_net *n, uint16_t linktype);

/* The scope of a tag: FT_SCOPE_VLAN | VID, or what it was when the tag carries only a priority. */
FT_INLINE uint16_t ft_link_scope(uint16_t scope, uint16_t tci)
{
    uint16_t vid = tci & 0x0fff;

    return vid != 0 ? (uint16_t)(FT_SCOPE_VLAN | vid) : scope;
}

#endif
