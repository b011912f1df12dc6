/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* codec: tunnels over IP, see tunnel.h; those over UDP stand in tunnel_udp.c.
 *
 *   GRE (RFC 2784, 2890)   C R K S 4 bits, reserved 9, version 3 | type 2
 *                          | [checksum 2, reserved 2] | [key 4] | [sequence 4]
 *   PPTP (RFC 2637 §4.1)   the same with version 1, the key being length 2, call ID 2
 *                          | [sequence 4] | [acknowledgment 4] | PPP
 *   ERSPAN II              version 4 bits, VLAN 12, COS 3, encapsulation 2, T 1, session 10 | index 4
 *   ERSPAN III             the same | time 4 | SGT 2, P 1, frame type 5, ..., O 1 | [platform 8]
 *   EtherIP (RFC 3378)     version 3 in 4 bits, reserved 12
 *   L2TPv3 (RFC 3931)      session 4 | [cookie 4 or 8] | [sublayer 4] */
/* clang-format on */
#include "codec/net/tunnel.h"

#include "codec/net/link_parts.h"
#include "codec/net/tunnel_parts.h"

enum {
    IP_IPIP = 4,
    IP_IPV6 = 41,
    IP_GRE = 47,
    IP_ETHERIP = 97,
    IP_L2TP = 115,
    IP_MPLS = 137,
    IP_ETHERNET = 143 /* RFC 8986: Ethernet after SRv6 */
};
enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_RESERVED = 0x0c00, /* those that are not to be ignored */
    GRE_ACK = 0x0080,
    GRE_VERSION = 0x0007
};
enum {
    ETH_WCCP = 0x883e,
    ETH_PPP = 0x880b,
    ETH_BRIDGED = 0x6558,
    ETH_ERSPAN = 0x88be,
    ETH_ERSPAN3 = 0x22eb
};

bool ft__tunnel_enter(struct ft_net *n, enum ft_tunnel_type type, uint8_t flags, uint32_t id)
{
    struct ft_net_tunnel t = {.type = (uint8_t)type,
                              .flags = flags,
                              .id = id,
                              .version = n->version,
                              .src = n->src,
                              .dst = n->dst};

    n->scope = 0; /* the tags so far were the carrier's */
    return ft__link_enter(n, &t);
}

bool ft__tunnel_skip(struct ft_net *n, uint32_t len)
{
    return len <= n->wire && ft_net_take(n, len) != NULL;
}

bool ft__tunnel_ip(struct ft_net *n)
{
    return ft__link_by_version(n, FT_V_NOT_IP, FT_V_NOT_IP) == FT_V_DECODED;
}

static bool open_ip(struct ft_net *n, uint8_t inner)
{
    static const uint8_t types[2][2] = {{FT_TUNNEL_IPIP, FT_TUNNEL_SIXIN4},
                                        {FT_TUNNEL_IP4IN6, FT_TUNNEL_IP6IN6}};
    enum ft_tunnel_type type = types[n->version == 6][inner == 6];

    if (!ft__tunnel_enter(n, type, 0, 0) || ft_rd_left(&n->rd) == 0 || n->rd.p[0] >> 4 != inner) {
        return false;
    }
    n->version = inner;
    return true;
}

/* ---- GRE ---- */

static bool open_erspan(struct ft_net *n, bool sequence)
{
    const uint8_t *p;

    if (!sequence) { /* type I has no header of its own */
        return ft__tunnel_enter(n, FT_TUNNEL_ERSPAN, 0, 0) && ft__link_ethernet(n) == 0;
    }
    p = ft_net_take(n, 8);
    return p != NULL && p[0] >> 4 == 1 &&
           ft__tunnel_enter(n, FT_TUNNEL_ERSPAN, FT_TUNNEL_ID | FT_TUNNEL_KEYED,
                            ft_load_be16(p + 2) & 0x3ffu) &&
           ft__link_ethernet(n) == 0;
}

static bool open_erspan3(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 12);

    if (p == NULL || p[0] >> 4 != 2 ||
        !ft__tunnel_enter(n, FT_TUNNEL_ERSPAN, FT_TUNNEL_ID | FT_TUNNEL_KEYED,
                          ft_load_be16(p + 2) & 0x3ffu)) {
        return false;
    }
    if ((p[11] & 1) && !ft__tunnel_skip(n, 8)) {
        return false;
    }
    return (p[10] >> 2 & 0x1f) == 0 ? ft__link_ethernet(n) == 0 /* frame type: Ethernet */
                                    : ft__tunnel_ip(n);
}

/* Reads what the flags say is there. */
static bool take_gre_fields(struct ft_net *n, uint16_t flags, uint32_t *key)
{
    if (flags & (GRE_ROUTING | GRE_RESERVED)) {
        return false;
    }
    if ((flags & GRE_CHECKSUM) && !ft__tunnel_skip(n, 4)) {
        return false;
    }
    if (flags & GRE_KEY) {
        const uint8_t *p = ft_net_take(n, 4);

        if (p == NULL) {
            return false;
        }
        *key = ft_load_be32(p);
    }
    return (flags & GRE_SEQUENCE) == 0 || ft__tunnel_skip(n, 4);
}

static bool open_pptp(struct ft_net *n, uint16_t flags)
{
    const uint8_t *p;

    if ((flags & (GRE_CHECKSUM | GRE_ROUTING | GRE_KEY)) != GRE_KEY ||
        (flags & GRE_SEQUENCE) == 0) { /* without a sequence number it carries nothing */
        return false;
    }
    p = ft_net_take(n, 8);
    if (p == NULL || (flags & GRE_ACK && !ft__tunnel_skip(n, 4)) || ft_load_be16(p) > n->wire) {
        return false;
    }
    return ft__tunnel_enter(n, FT_TUNNEL_PPTP, FT_TUNNEL_ID, ft_load_be16(p + 2)) &&
           ft__link_ppp(n) == FT_V_DECODED;
}

/* Ethernet in GRE with a key and nothing else is how NVGRE looks (RFC 7637 §3.2); so does plain
 * GRE, and the key stays the same 32 bits of the packet either way: of NVGRE 24 of them are the
 * VSID. */
static bool open_bridged(struct ft_net *n, uint16_t flags, uint32_t key)
{
    bool nvgre = (flags & (GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE)) == GRE_KEY && key >> 8 >= 0x1000;
    bool keyed = (flags & GRE_KEY) != 0;

    return ft__tunnel_enter(n, nvgre ? FT_TUNNEL_NVGRE : FT_TUNNEL_GRE,
                            keyed ? FT_TUNNEL_ID | FT_TUNNEL_KEYED : 0, nvgre ? key >> 8 : key) &&
           ft__link_ethernet(n) == FT_V_DECODED;
}

bool ft__tunnel_gre(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 4);
    uint16_t flags, type;
    uint32_t key = 0;
    uint8_t id;

    if (p == NULL) {
        return false;
    }
    flags = ft_load_be16(p);
    type = ft_load_be16(p + 2);
    if ((flags & GRE_VERSION) == 1 && type == ETH_PPP) {
        return open_pptp(n, flags);
    }
    if ((flags & GRE_VERSION) != 0 || !take_gre_fields(n, flags, &key)) {
        return false;
    }
    id = flags & GRE_KEY ? FT_TUNNEL_ID | FT_TUNNEL_KEYED : 0;
    switch (type) {
    case ETH_BRIDGED:
        return open_bridged(n, flags, key);
    case ETH_ERSPAN:
        return open_erspan(n, (flags & GRE_SEQUENCE) != 0);
    case ETH_ERSPAN3:
        return open_erspan3(n);
    case ETH_WCCP: /* version 2 puts four bytes before the packet, whose first nibble is 0 */
        return ft__tunnel_enter(n, FT_TUNNEL_GRE, id, key) && ft_rd_left(&n->rd) > 0 &&
               (n->rd.p[0] >> 4 == 4 || ft__tunnel_skip(n, 4)) && ft__tunnel_ip(n);
    default:
        return ft__tunnel_enter(n, FT_TUNNEL_GRE, id, key) && type >= FT_ETH_TYPE_MIN &&
               ft__link_ethertype(n, type) == FT_V_DECODED;
    }
}

/* ---- others ---- */

bool ft__tunnel_mpls(struct ft_net *n)
{
    n->scope = 0;
    n->tunnel.version = n->version; /* the labels enter, between these */
    n->tunnel.src = n->src;
    n->tunnel.dst = n->dst;
    return ft__link_mpls(n) == FT_V_DECODED;
}

bool ft__tunnel_l2tp3(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 4);
    uint32_t session;

    if (p == NULL) {
        return false;
    }
    session = ft_load_be32(p);
    if (session == 0 || !ft__tunnel_enter(n, FT_TUNNEL_L2TP, FT_TUNNEL_ID, session)) {
        return false; /* a control message */
    }
    /* the lengths of cookie and sublayer were agreed on elsewhere: the frame is found by what it
     * holds */
    for (int skip = 0; skip <= 12; skip += 4) {
        struct ft_net copy = *n;

        if ((ft__link_ethernet(&copy) == FT_V_DECODED && ft__link_plausible_ip(&copy)) ||
            (copy = *n, ft__link_ppp(&copy) == FT_V_DECODED && ft__link_plausible_ip(&copy))) {
            *n = copy;
            return true;
        }
        if (!ft__tunnel_skip(n, 4)) {
            return false;
        }
    }
    return false;
}

static bool open_etherip(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 2);

    return p != NULL && ft_load_be16(p) == 0x3000 && ft__tunnel_enter(n, FT_TUNNEL_ETHERIP, 0, 0) &&
           ft__link_ethernet(n) == FT_V_DECODED;
}

bool ft_tunnel_maybe(uint8_t proto)
{
    return proto == IP_IPIP || proto == IP_IPV6 || proto == IP_GRE || proto == IP_ETHERIP ||
           proto == IP_ETHERNET || proto == IP_L2TP || proto == IP_MPLS;
}

bool ft__tunnel_proto(struct ft_net *n, uint8_t proto)
{
    switch (proto) {
    case IP_IPIP:
        return open_ip(n, 4);
    case IP_IPV6:
        return open_ip(n, 6);
    case IP_GRE:
        return ft__tunnel_gre(n);
    case IP_ETHERIP:
        return open_etherip(n);
    case IP_ETHERNET:
        return ft__tunnel_enter(n, FT_TUNNEL_IP6IN6, 0, 0) && ft__link_ethernet(n) == FT_V_DECODED;
    case IP_L2TP:
        return ft__tunnel_l2tp3(n);
    case IP_MPLS:
        return ft__tunnel_mpls(n);
    default:
        return false;
    }
}

bool ft_tunnel_open(struct ft_net *n, const struct ft_tunnel_ports *ports)
{
    if (n->frag != FT_FRAG_NONE || n->tunnel.depth == FT_NET_MAX_TUNNELS) {
        return false;
    }
    return ft_tunnel_by_port(n->proto) ? ft__tunnel_udp(n, ports) : ft__tunnel_proto(n, n->proto);
}
