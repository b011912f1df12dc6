/* SPDX-License-Identifier: Apache-2.0 */
/* codec: link-layer headers, see link.h.
 *
 *   Ethernet (802.3)   dst 6 | src 6 | type or length 2
 *   VLAN (802.1Q)      PCP 3 bits, DEI 1, VID 12 | type 2
 *   MPLS (RFC 3032)    label 20 bits, TC 3, S 1, TTL 8
 *   PPPoE (RFC 2516)   version 4 bits, type 4 | code 1 | session 2 | length 2, then PPP
 *   PPP (RFC 1661)     protocol 2, or 1 when its low bit is set
 *   LLC/SNAP (802.2)   DSAP 1 | SSAP 1 | control 1 | OUI 3 | type 2
 *   SLL                packet type 2 | ARPHRD 2 | address length 2 | address 8 | protocol 2
 *   SLL2               protocol 2 | 0 2 | interface 4 | ARPHRD 2 | packet type 1 | length 1 | 8
 *   NULL, LOOP         address family 4 */
#include "codec/net/link_parts.h"

enum { MPLS_BOTTOM = 0x100, MPLS_LABEL_SHIFT = 12, PSEUDOWIRES_MAX = 3 };
enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, PPP_MPLS = 0x0281, PPP_MPLS_MCAST = 0x0283 };
enum { PPP_ADDRESS = 0xff, PPP_CONTROL = 0x03 }; /* RFC 1662 §3.1 */
enum { IP4_MIN = 20, IP6_LEN = 40 };
enum { SLL_P_802_2 = 4, ARPHRD_NETLINK_ = 824 };
enum { SNAP_LEN = 8, SAP_IP = 0x06, LLC_UI = 0x03 };

/* Address families as the BSDs, macOS, Linux and Windows number them. */
enum {
    FAMILY_INET = 2,
    FAMILY_INET6_LINUX = 10,
    FAMILY_INET6_WINDOWS = 23,
    FAMILY_INET6_BSD = 24,
    FAMILY_INET6_FREEBSD = 28,
    FAMILY_INET6_DARWIN = 30,
};

bool ft__link_enter(struct ft_net *n, const struct ft_net_tunnel *t)
{
    uint8_t depth = n->tunnel.depth;

    if (depth == FT_NET_MAX_TUNNELS) {
        return false;
    }
    n->tunnel = *t;
    n->tunnel.depth = (uint8_t)(depth + 1);
    return true;
}

/* What comes next is known only from the version field of the IP header itself. */
enum ft_verdict ft__link_by_version(struct ft_net *n, enum ft_verdict empty,
                                    enum ft_verdict neither)
{
    if (ft_rd_left(&n->rd) == 0) {
        return empty;
    }

    uint8_t version = n->rd.p[0] >> 4;

    if (version != 4 && version != 6) {
        return neither;
    }
    return ft__link_found(n, version);
}

static enum ft_verdict take_vlan(struct ft_net *n, uint16_t *out_type)
{
    const uint8_t *p = ft_net_take(n, 4);

    if (p == NULL) {
        return FT_V_TAG_SHORT;
    }
    n->scope = ft_link_scope(n->scope, ft_load_be16(p));
    *out_type = ft_load_be16(p + 2);
    return FT_V_DECODED;
}

/* An IP header that is more than its first nibble: what comes without a type in front of it. */
bool ft__link_plausible_ip(const struct ft_net *n)
{
    const uint8_t *p = n->rd.p;
    size_t left = ft_rd_left(&n->rd);
    uint32_t ihl, total, sum = 0;

    if (left >= IP6_LEN && p[0] >> 4 == 6) {
        return ft_load_be16(p + 4) <= n->wire - IP6_LEN && p[6] != 255;
    }
    if (left < IP4_MIN || p[0] >> 4 != 4) {
        return false;
    }
    ihl = (p[0] & 0x0fu) * 4;
    total = ft_load_be16(p + 2);
    if (ihl < IP4_MIN || total < ihl || total > n->wire || left < ihl) {
        return false;
    }
    for (uint32_t i = 0; i < ihl; i += 2) {
        sum += ft_load_be16(p + i);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return ((sum & 0xffff) + (sum >> 16)) == 0xffff || ft_load_be16(p + 10) == 0;
}

/* An Ethernet frame without a type in front of it: it has to hold IP. */
static bool ethernet_with_ip(struct ft_net *n)
{
    return ft__link_ethernet(n) == FT_V_DECODED && ft__link_plausible_ip(n);
}

/* What an Ethernet pseudowire carries (RFC 4448), with a control word or without. */
static enum ft_verdict take_pseudowire(struct ft_net *n)
{
    struct ft_net before = *n;

    if (n->tunnel.depth > PSEUDOWIRES_MAX) { /* each level is tried in two ways */
        return FT_V_NOT_IP;
    }
    if (ft_rd_left(&n->rd) > 4 && n->rd.p[0] >> 4 == 0) {
        ft_ignore(ft_net_take(n, 4) == NULL);
        if (ethernet_with_ip(n)) {
            return FT_V_DECODED;
        }
        *n = before;
    }
    if (ethernet_with_ip(n)) {
        return FT_V_DECODED;
    }
    *n = before;
    return FT_V_NOT_IP;
}

/* Bytes behind the IP packet that plausibly stands here: padding, or a sign that it does not. */
static uint32_t bytes_behind(const struct ft_net *n)
{
    const uint8_t *p = n->rd.p;

    return n->wire -
           (p[0] >> 4 == 6 ? (uint32_t)IP6_LEN + ft_load_be16(p + 4) : ft_load_be16(p + 2));
}

/* It is one beyond doubt: its checksum says so, or its end. */
static bool surely_ip(const struct ft_net *n)
{
    return n->rd.p[0] >> 4 == 4 ? ft_load_be16(n->rd.p + 10) != 0 : bytes_behind(n) == 0;
}

/* The label alone would tell what it carries; the first nibble nearly always does (RFC 4928:
 * pseudowires put a 0 there). Where it says IP it may yet be that of a pseudowire's Ethernet
 * address: so it is when the frame fits better. */
static enum ft_verdict after_labels(struct ft_net *n)
{
    struct ft_net copy = *n;
    uint8_t nibble;
    bool plausible;

    if (ft_rd_left(&n->rd) == 0) {
        return FT_V_TAG_SHORT;
    }
    nibble = n->rd.p[0] >> 4;
    if (nibble != 4 && nibble != 6) {
        return take_pseudowire(n);
    }
    plausible = ft__link_plausible_ip(n);
    if ((!plausible || !surely_ip(n)) && take_pseudowire(&copy) == FT_V_DECODED &&
        (!plausible || surely_ip(&copy) || bytes_behind(&copy) < bytes_behind(n))) {
        *n = copy;
        return FT_V_DECODED;
    }
    return ft__link_found(n, nibble);
}

enum ft_verdict ft__link_mpls(struct ft_net *n)
{
    for (int i = 0; i < FT_NET_MAX_LABELS; i++) {
        const uint8_t *p = ft_net_take(n, 4);
        uint32_t label;

        if (p == NULL) {
            return FT_V_TAG_SHORT;
        }
        label = ft_load_be32(p);
        if (label & MPLS_BOTTOM) {
            struct ft_net_tunnel t = {.type = FT_TUNNEL_MPLS,
                                      .flags = FT_TUNNEL_ID,
                                      .id = label >> MPLS_LABEL_SHIFT,
                                      .version = n->tunnel.version,
                                      .src = n->tunnel.src,
                                      .dst = n->tunnel.dst};

            return ft__link_enter(n, &t) ? after_labels(n) : FT_V_TAG_DEPTH;
        }
    }
    return FT_V_TAG_DEPTH;
}

enum ft_verdict ft__link_ppp(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 1);
    uint16_t proto;

    if (p == NULL) {
        return FT_V_TAG_SHORT;
    }
    proto = p[0];
    if (proto == PPP_ADDRESS && ft_rd_left(&n->rd) >= 2 && n->rd.p[0] == PPP_CONTROL) {
        ft_ignore(ft_net_take(n, 1) == NULL);
        p = ft_net_take(n, 1);
        proto = p[0];
    }
    if ((proto & 1) == 0) {
        p = ft_net_take(n, 1);
        if (p == NULL) {
            return FT_V_TAG_SHORT;
        }
        proto = (uint16_t)(proto << 8 | p[0]);
    }
    switch (proto) {
    case PPP_IPV4:
        return ft__link_found(n, 4);
    case PPP_IPV6:
        return ft__link_found(n, 6);
    case PPP_MPLS:
    case PPP_MPLS_MCAST:
        return ft__link_mpls(n);
    default:
        return FT_V_NOT_IP;
    }
}

enum ft_verdict ft__link_pppoe(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 6);
    uint16_t len;

    if (p == NULL) {
        return FT_V_TAG_SHORT;
    }
    if (p[0] != 0x11 || p[1] != 0) {
        return FT_V_NOT_IP; /* only code 0 is session data */
    }
    len = ft_load_be16(p + 4);
    if (len > n->wire) {
        return FT_V_PPPOE_LENGTH;
    }
    struct ft_net_tunnel t = {.type = FT_TUNNEL_PPPOE,
                              .flags = FT_TUNNEL_ID | FT_TUNNEL_KEYED,
                              .id = ft_load_be16(p + 2)};

    return ft__link_enter(n, &t) ? ft__link_ppp(n) : FT_V_TAG_DEPTH;
}

static enum ft_verdict take_llc(struct ft_net *n, uint16_t *out_type)
{
    static const uint8_t snap_ethertype[6] = {0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00}; /* RFC 1042 */
    static const uint8_t snap_tunnel[6] = {0xaa, 0xaa, 0x03, 0x00, 0x00, 0xf8};    /* 802.1H */
    static const uint8_t snap_bridged[8] = {0xaa, 0xaa, 0x03, 0x00, 0x80, 0xc2, 0x00, 0x07};
    size_t left = ft_rd_left(&n->rd);
    const uint8_t *p;

    n->ethertype = FT_ETH_LLC;
    if (left < 3) {
        return FT_V_LINK_SHORT;
    }
    if (n->rd.p[0] == SAP_IP && n->rd.p[1] == SAP_IP && n->rd.p[2] == LLC_UI) {
        *out_type = FT_ETH_IPV4;
        return ft_net_take(n, 3) != NULL ? FT_V_DECODED : FT_V_LINK_SHORT;
    }
    if (memcmp(n->rd.p, snap_bridged, left < 8 ? 3 : 8) == 0 && left > 8) {
        ft_ignore(ft_net_take(n, 8) == NULL);
        p = ft_net_take(n, 14);
        *out_type = p != NULL ? ft_load_be16(p + 12) : 0;
        return p == NULL                      ? FT_V_LINK_SHORT
               : *out_type >= FT_ETH_TYPE_MIN ? FT_V_DECODED
                                              : FT_V_NOT_IP;
    }
    if (memcmp(n->rd.p, snap_ethertype, left < 6 ? 3 : 6) != 0 &&
        memcmp(n->rd.p, snap_tunnel, left < 6 ? 3 : 6) != 0) {
        return FT_V_NOT_IP;
    }
    p = ft_net_take(n, SNAP_LEN);
    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    *out_type = ft_load_be16(p + 6);
    return *out_type >= FT_ETH_TYPE_MIN ? FT_V_DECODED : FT_V_NOT_IP;
}

enum ft_verdict ft__link_llc(struct ft_net *n)
{
    uint16_t type = 0;
    enum ft_verdict v = take_llc(n, &type);

    return v == FT_V_DECODED ? ft__link_ethertype(n, type) : v;
}

/* Follows EtherTypes. The loop ends: tags of all kinds are counted, and LLC cannot follow LLC. */
enum ft_verdict ft__link_ethertype(struct ft_net *n, uint16_t type)
{
    for (int tags = 0;;) {
        enum ft_verdict v;

        n->ethertype = type;
        switch (type) {
        case FT_ETH_IPV4:
            return ft__link_found(n, 4);
        case FT_ETH_IPV6:
            return ft__link_found(n, 6);
        case FT_ETH_MPLS:
        case FT_ETH_MPLS_MCAST:
            return ft__link_mpls(n);
        case FT_ETH_PPPOE:
            return ft__link_pppoe(n);
        case FT_ETH_VLAN:
        case FT_ETH_QINQ:
        case FT_ETH_QINQ_OLD:
            if (++tags > FT_NET_MAX_TAGS) {
                return FT_V_TAG_DEPTH;
            }
            v = take_vlan(n, &type);
            break;
        default:
            if (type > FT_ETH_LLC_MAX) {
                v = ft__link_tag(n, &type, &tags);
                break;
            }
            v = take_llc(n, &type);
            break;
        }
        if (v != FT_V_DECODED) {
            return v;
        }
    }
}

enum ft_verdict ft__link_ethernet(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 14);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    return ft__link_ethertype(n, ft_load_be16(p + 12));
}

/* The protocol field of the Linux cooked headers: an EtherType, or one of the kernel's own small
 * numbers, of which 4 is 802.2. On a netlink device it is a netlink family. */
static enum ft_verdict follow_sll(struct ft_net *n, uint16_t arphrd, uint16_t proto)
{
    if (arphrd == ARPHRD_NETLINK_) {
        return FT_V_NOT_IP;
    }
    if (proto == SLL_P_802_2) {
        enum ft_verdict v = take_llc(n, &proto);

        if (v != FT_V_DECODED) {
            return v;
        }
    }
    return proto >= FT_ETH_TYPE_MIN ? ft__link_cooked(n, proto) : FT_V_NOT_IP;
}

static enum ft_verdict decode_sll(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 16);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    return follow_sll(n, ft_load_be16(p + 2), ft_load_be16(p + 14));
}

static enum ft_verdict decode_sll2(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 20);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    return follow_sll(n, ft_load_be16(p + 8), ft_load_be16(p));
}

/* LOOP has the family in network order. NULL has it in the order of the machine that captured:
 * families are small, so the order in which the number is small is the right one. When neither is,
 * the last two bytes may be an EtherType, as some loopback drivers write it. */
static enum ft_verdict decode_family(struct ft_net *n, bool any_order)
{
    const uint8_t *p = ft_net_take(n, 4);
    uint32_t family;

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    family = ft_load_be32(p);
    if (any_order && family > 0xffff) {
        family = __builtin_bswap32(family);
    }
    if (any_order && family > 0xffff && ft_load_be16(p + 2) >= FT_ETH_TYPE_MIN) {
        return ft__link_ethertype(n, ft_load_be16(p + 2));
    }
    switch (family) {
    case FAMILY_INET:
        return ft__link_found(n, 4);
    case FAMILY_INET6_LINUX:
    case FAMILY_INET6_WINDOWS:
    case FAMILY_INET6_BSD:
    case FAMILY_INET6_FREEBSD:
    case FAMILY_INET6_DARWIN:
        return ft__link_found(n, 6);
    default:
        return FT_V_NOT_IP;
    }
}

enum ft_verdict ft_link_decode(struct ft_net *n, uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_ETHERNET:
        return ft__link_ethernet(n);
    case FT_LINK_NULL:
        return decode_family(n, true);
    case FT_LINK_LOOP:
        return decode_family(n, false);
    case FT_LINK_RAW:
    case FT_LINK_RAW_BSD:
    case FT_LINK_RAW_OPENBSD:
        return ft__link_by_version(n, FT_V_LINK_SHORT, FT_V_IP_VERSION);
    case FT_LINK_IPV4:
        return ft__link_found(n, 4);
    case FT_LINK_IPV6:
        return ft__link_found(n, 6);
    case FT_LINK_LINUX_SLL:
        return decode_sll(n);
    case FT_LINK_LINUX_SLL2:
        return decode_sll2(n);
    default:
        return ft__link_others(n, linktype);
    }
}
