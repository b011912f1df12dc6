/* SPDX-License-Identifier: Apache-2.0 */
/* codec: headers between the Ethernet addresses and the EtherType of what is carried, other than
 * VLAN tags; see link_parts.h. Shapes behind the EtherType that announces them:
 *
 *   VN-Tag, Cisco           8926  interfaces 4 | type
 *   E-tag, 802.1BR          893f  E-CID, GRP 6 | type
 *   R-TAG, 802.1CB          f1c1  reserved 2, sequence 2 | type
 *   HSR, IEC 62439-3        892f  path 4 bits, size 12, sequence 2 | type
 *   MetaData, Cisco         8909  version 1, length 1 * 4 | options | type
 *   MACsec, 802.1AE         88e5  V ES SC SCB E C AN 2 | length 1 | packet 4 | [SCI 8] | type
 *   NSH, RFC 8300           894f  V 2 bits O U TTL 6 length 6 * 4 | kind 1 | next 1 | path 4 | ...
 *   I-tag, 802.1ah          88e7  priority 8 bits, I-SID 24 | dst 6, src 6 | type
 *   FabricPath, Cisco       8903  tree 10 bits, TTL 6 | dst 6, src 6 | type
 *   TRILL, RFC 6325         22f3  V 2 bits R M options 5 * 4 hops 6, nicknames 4 | options | frame
 *   timestamp, Arista       d28b  subtype 2 = 1, version 2 | 8 or 6, as the version says | type
 *   EDSA, Marvell           dada  0 2 | DSA tag 4 | type
 *   legacy tag, Broadcom    8874  tag 4 | type
 *
 *   DSA tag, Marvell        command 2 bits, tagged 1, device 5 | port ... | VID, the last 12 bits
 *
 * A frame whose DSA tag says "tagged" has its VLAN there, and no other tag for it. */
#include "codec/net/link_parts.h"

enum {
    TYPE_FABRICPATH = 0x8903,
    TYPE_METADATA = 0x8909,
    TYPE_VNTAG = 0x8926,
    TYPE_HSR = 0x892f,
    TYPE_ETAG = 0x893f,
    TYPE_BRCM = 0x8874,
    TYPE_MACSEC = 0x88e5,
    TYPE_ITAG = 0x88e7,
    TYPE_ARISTA = 0xd28b,
    TYPE_EDSA = 0xdada,
    TYPE_RTAG = 0xf1c1,
    TYPE_TRILL = 0x22f3,
};
enum { ADDRESSES = 12, DSA_LEN = 4, DSA_TAGGED = 0x20 };
enum { MACSEC_VERSION = 0x80, MACSEC_SCI = 0x20, MACSEC_CHANGED = 0x0c /* E or C */ };
enum { NSH_IP4 = 1, NSH_IP6 = 2, NSH_ETHERNET = 3, NSH_NSH = 4, NSH_MPLS = 5 };
enum { ARISTA_TIMESTAMP = 1, ARISTA_64 = 1, ARISTA_48 = 2 };

/* Takes len bytes whose last two are the next type. */
static enum ft_verdict take_typed(struct ft_net *n, uint32_t len, uint16_t *type)
{
    const uint8_t *p = len <= n->wire ? ft_net_take(n, len) : NULL;

    if (p == NULL) {
        return FT_V_TAG_SHORT;
    }
    *type = ft_load_be16(p + len - 2);
    return FT_V_DECODED;
}

static enum ft_verdict take_metadata(struct ft_net *n, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < 2) {
        return FT_V_TAG_SHORT;
    }
    return n->rd.p[0] == 1 ? take_typed(n, 2 + n->rd.p[1] * 4u + 2, type) : FT_V_NOT_IP;
}

/* What is integrity protected only is as readable as without; the check value at the end is a
 * trailer. */
static enum ft_verdict take_macsec(struct ft_net *n, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < 1) {
        return FT_V_TAG_SHORT;
    }
    uint8_t tci = n->rd.p[0];

    if (tci & MACSEC_VERSION) {
        return FT_V_NOT_IP;
    }
    if (tci & MACSEC_CHANGED) {
        return FT_V_ENCRYPTED;
    }
    return take_typed(n, (tci & MACSEC_SCI ? 14 : 6) + 2, type);
}

static enum ft_verdict take_nsh(struct ft_net *n, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < 8) {
        return FT_V_TAG_SHORT;
    }
    const uint8_t *p = n->rd.p;
    uint32_t len = (p[1] & 0x3fu) * 4;

    if (p[0] >> 6 != 0 || len < 8) {
        return FT_V_NOT_IP;
    }
    switch (p[3]) {
    case NSH_IP4:
        *type = FT_ETH_IPV4;
        break;
    case NSH_IP6:
        *type = FT_ETH_IPV6;
        break;
    case NSH_MPLS:
        *type = FT_ETH_MPLS;
        break;
    case NSH_NSH:
        *type = FT_ETH_NSH;
        break;
    case NSH_ETHERNET:
        return take_typed(n, len + ADDRESSES + 2, type);
    default:
        return FT_V_NOT_IP;
    }
    return len <= n->wire && ft_net_take(n, len) != NULL ? FT_V_DECODED : FT_V_TAG_SHORT;
}

/* The I-SID is the customer, the same both ways; the backbone's VLAN is not the customer's. */
static enum ft_verdict take_itag(struct ft_net *n, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < 4) {
        return FT_V_TAG_SHORT;
    }
    struct ft_net_tunnel t = {.type = FT_TUNNEL_PBB,
                              .flags = FT_TUNNEL_ID | FT_TUNNEL_KEYED,
                              .id = ft_load_be32(n->rd.p) & 0xffffff};

    n->scope = 0;
    return ft__link_enter(n, &t) ? take_typed(n, 4 + ADDRESSES + 2, type) : FT_V_TAG_DEPTH;
}

static enum ft_verdict take_trill(struct ft_net *n, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < 6) {
        return FT_V_TAG_SHORT;
    }
    uint16_t head = ft_load_be16(n->rd.p);

    return head >> 14 == 0 ? take_typed(n, 6 + (head >> 6 & 0x1fu) * 4 + ADDRESSES + 2, type)
                           : FT_V_NOT_IP;
}

static enum ft_verdict take_arista(struct ft_net *n, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < 4) {
        return FT_V_TAG_SHORT;
    }
    uint8_t format = n->rd.p[3] >> 4;

    if (ft_load_be16(n->rd.p) != ARISTA_TIMESTAMP || (format != ARISTA_64 && format != ARISTA_48)) {
        return FT_V_NOT_IP;
    }
    return take_typed(n, 4 + (format == ARISTA_64 ? 8 : 6) + 2, type);
}

/* before: bytes that stand before the tag. */
static enum ft_verdict take_dsa(struct ft_net *n, uint32_t before, uint16_t *type)
{
    if (ft_rd_left(&n->rd) < before + DSA_LEN) {
        return FT_V_TAG_SHORT;
    }
    const uint8_t *p = n->rd.p + before;

    if (p[0] & DSA_TAGGED) {
        n->scope = ft_link_scope(n->scope, ft_load_be16(p + 2));
    }
    return take_typed(n, before + DSA_LEN + 2, type);
}

static enum ft_verdict take_tag(struct ft_net *n, uint16_t *type)
{
    switch (*type) {
    case TYPE_VNTAG:
    case TYPE_RTAG:
    case TYPE_HSR:
    case TYPE_BRCM:
        return take_typed(n, 6, type);
    case TYPE_ETAG:
        return take_typed(n, 8, type);
    case TYPE_METADATA:
        return take_metadata(n, type);
    case TYPE_MACSEC:
        return take_macsec(n, type);
    case FT_ETH_NSH:
        return take_nsh(n, type);
    case TYPE_ITAG:
        return take_itag(n, type);
    case TYPE_FABRICPATH:
        return take_typed(n, 2 + ADDRESSES + 2, type);
    case TYPE_TRILL:
        return take_trill(n, type);
    case TYPE_ARISTA:
        return take_arista(n, type);
    case TYPE_EDSA:
        return take_dsa(n, 2, type);
    default:
        return FT_V_NOT_IP;
    }
}

enum ft_verdict ft__link_tag(struct ft_net *n, uint16_t *type, int *tags)
{
    enum ft_verdict v = take_tag(n, type);

    return v == FT_V_DECODED && ++*tags > FT_NET_MAX_TAGS ? FT_V_TAG_DEPTH : v;
}

/* Frames as a switch chip hands them to its processor, under link types of their own. */
enum ft_verdict ft__link_switch(struct ft_net *n, uint16_t linktype)
{
    enum ft_verdict v;
    uint16_t type = 0;

    switch (linktype) {
    case FT_LINK_DSA_BRCM:
        v = take_typed(n, ADDRESSES + 4 + 2, &type);
        break;
    case FT_LINK_DSA_BRCM_PREPEND:
        v = take_typed(n, 4 + ADDRESSES + 2, &type);
        break;
    case FT_LINK_DSA:
        v = take_dsa(n, ADDRESSES, &type);
        break;
    case FT_LINK_EDSA:
        v = take_typed(n, ADDRESSES + 2, &type); /* its EtherType can be set */
        v = v == FT_V_DECODED ? take_dsa(n, 2, &type) : v;
        break;
    default:
        return FT_V_LINK_TYPE;
    }
    return v == FT_V_DECODED     ? ft__link_ethertype(n, type)
           : v == FT_V_TAG_SHORT ? FT_V_LINK_SHORT
                                 : v;
}
