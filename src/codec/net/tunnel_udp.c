/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* codec: tunnels over UDP, see tunnel.h.
 *
 *   VXLAN (RFC 7348)    flags 1, reserved 3 | VNI 3, reserved 1
 *                       GPE: the last reserved byte of the first three is the next protocol
 *   GENEVE (RFC 8926)   version 2 bits, options 6 bits * 4 | flags 1 | type 2 | VNI 3, reserved 1
 *                       | options
 *   GTP-U (TS 29.281)   version 3 bits, PT 1, 0 1, E 1, S 1, PN 1 | type 1 | length 2 | TEID 4
 *                       | [sequence 2, N-PDU 1, next extension 1]
 *                       | extensions: length 1 * 4 ... next 1
 *   L2TPv2 (RFC 2661)   T L 0 0 S 0 O P, 0 4, version 4 | [length 2] | tunnel 2 | session 2
 *                       | [Ns 2, Nr 2] | [offset 2, padding] | PPP
 *   Teredo (RFC 4380)   [0001, id length 1, auth length 1, both, nonce 8, confirmation 1]
 *                       | [0000, port 2, address 4] | IPv6
 *   AYIYA               id length 4 bits, type 4 | signature length 4 bits, hash 4
 *                       | auth 4 bits, opcode 4 | next header 1 | epoch 4
 *                       | identity 2^n | signature 4 * n */
/* clang-format on */
#include "codec/net/link_parts.h"
#include "codec/net/tunnel.h"
#include "codec/net/tunnel_parts.h"

enum { UDP_LEN = 8 };
enum {
    PORT_L2TP = 1701,
    PORT_GTPU = 2152,
    PORT_TEREDO = 3544,
    PORT_VXLAN = 4789,
    PORT_VXLAN_GPE = 4790,
    PORT_AYIYA = 5072,
    PORT_GENEVE = 6081,
    PORT_MPLS = 6635
};
enum { KEYED = FT_TUNNEL_ID | FT_TUNNEL_KEYED };

static uint32_t load_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | ft_load_be16(p + 1);
}

static bool open_vxlan(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    /* I is set; G (group policy) may be */
    return p != NULL && (p[0] & 0x7f) == 0x08 && p[7] == 0 &&
           ft__tunnel_enter(n, FT_TUNNEL_VXLAN, KEYED, load_be24(p + 4)) &&
           ft__link_ethernet(n) == FT_V_DECODED;
}

static bool open_vxlan_gpe(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    if (p == NULL || (p[0] & 0xf8) != 0x08 || p[1] != 0 || p[2] != 0 || p[7] != 0 ||
        !ft__tunnel_enter(n, FT_TUNNEL_VXLAN, KEYED, load_be24(p + 4))) {
        return false;
    }
    if ((p[0] & 0x04) == 0) {
        return ft__link_ethernet(n) == FT_V_DECODED;
    }
    switch (p[3]) {
    case 1:
    case 2:
        return ft__tunnel_ip(n);
    case 3:
        return ft__link_ethernet(n) == FT_V_DECODED;
    case 5:
        return ft__link_mpls(n) == FT_V_DECODED;
    default:
        return false;
    }
}

static bool open_geneve(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);
    uint16_t type;

    if (p == NULL || p[0] >> 6 != 0 || (p[1] & 0x3f) != 0 || p[7] != 0 || (p[1] & 0x80) ||
        !ft__tunnel_skip(n, (p[0] & 0x3fu) * 4)) {
        return false;
    }
    type = ft_load_be16(p + 2);
    if (!ft__tunnel_enter(n, FT_TUNNEL_GENEVE, KEYED, load_be24(p + 4))) {
        return false;
    }
    return type == 0x6558 ? ft__link_ethernet(n) == FT_V_DECODED
                          : type >= FT_ETH_TYPE_MIN && ft__link_ethertype(n, type) == FT_V_DECODED;
}

/* Each extension takes four bytes at least. */
static bool skip_gtp_extensions(struct ft_net *n, uint8_t next)
{
    while (next != 0) {
        uint32_t len = ft_rd_left(&n->rd) > 0 ? n->rd.p[0] * 4u : 0;
        const uint8_t *p = len > 0 && len <= n->wire ? ft_net_take(n, len) : NULL;

        if (p == NULL) {
            return false;
        }
        next = p[len - 1];
    }
    return true;
}

static bool open_gtpu(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    /* version 1, GTP, a G-PDU that is as long as it says */
    if (p == NULL || (p[0] & 0xf8) != 0x30 || p[1] != 255 || ft_load_be16(p + 2) != n->wire) {
        return false;
    }
    if (p[0] & 0x07) {
        const uint8_t *more = ft_net_take(n, 4);

        if (more == NULL || (p[0] & 0x04 && !skip_gtp_extensions(n, more[3]))) {
            return false;
        }
    }
    return ft__tunnel_enter(n, FT_TUNNEL_GTPU, FT_TUNNEL_ID, ft_load_be32(p + 4)) &&
           ft__tunnel_ip(n);
}

static bool open_l2tp(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 2);
    uint16_t flags, session;

    if (p == NULL) {
        return false;
    }
    flags = ft_load_be16(p);
    if (flags == 0x0003) {
        return ft__tunnel_skip(n, 2) && ft__tunnel_l2tp3(n);
    }
    /* version 2, data, reserved bits 0 */
    if ((flags & 0x000f) != 2 || (flags & 0x8000) || (flags & 0x34f0)) {
        return false;
    }
    if (flags & 0x4000) {
        p = ft_net_take(n, 2);
        if (p == NULL || ft_load_be16(p) > n->wire + 4 || ft_load_be16(p) < 8) {
            return false;
        }
    }
    p = ft_net_take(n, 4);
    if (p == NULL || (flags & 0x0800 && !ft__tunnel_skip(n, 4))) {
        return false;
    }
    session = ft_load_be16(p + 2);
    if (flags & 0x0200) {
        p = ft_net_take(n, 2);
        if (p == NULL || !ft__tunnel_skip(n, ft_load_be16(p))) {
            return false;
        }
    }
    return ft__tunnel_enter(n, FT_TUNNEL_L2TP, FT_TUNNEL_ID, session) &&
           ft__link_ppp(n) == FT_V_DECODED;
}

static bool is_teredo_address(const uint8_t *p)
{
    return ft_load_be32(p) == 0x20010000 || ft_load_be16(p) == 0xfe80; /* or a solicitation's */
}

static bool open_teredo(struct ft_net *n)
{
    if (ft_rd_left(&n->rd) >= 4 && ft_load_be16(n->rd.p) == 0x0001 &&
        !ft__tunnel_skip(n, 4u + n->rd.p[2] + n->rd.p[3] + 9)) {
        return false;
    }
    if (ft_rd_left(&n->rd) >= 2 && ft_load_be16(n->rd.p) == 0x0000 && !ft__tunnel_skip(n, 8)) {
        return false;
    }
    if (ft_rd_left(&n->rd) < 40 || n->rd.p[0] >> 4 != 6 ||
        (!is_teredo_address(n->rd.p + 8) && !is_teredo_address(n->rd.p + 24))) {
        return false;
    }
    return ft__tunnel_enter(n, FT_TUNNEL_TEREDO, 0, 0) && ft__tunnel_ip(n);
}

static bool open_ayiya(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    /* opcode 1: forward; the packet is IPv6 or IPv4 */
    if (p == NULL || (p[2] & 0x0f) != 1 || (p[3] != 41 && p[3] != 4)) {
        return false;
    }
    return ft__tunnel_skip(n, (1u << (p[0] >> 4)) + (p[1] >> 4) * 4u) &&
           ft__tunnel_enter(n, FT_TUNNEL_AYIYA, 0, 0) && ft_rd_left(&n->rd) > 0 &&
           n->rd.p[0] >> 4 == (p[3] == 41 ? 6 : 4) && ft__tunnel_ip(n);
}

bool ft__tunnel_udp(struct ft_net *n)
{
    uint16_t sport = n->port[0], dport = n->port[1];

    if (!ft_tunnel_port(sport, dport) || !ft__tunnel_skip(n, UDP_LEN)) {
        return false;
    }
    switch (dport) {
    case PORT_VXLAN:
        return open_vxlan(n);
    case PORT_VXLAN_GPE:
        return open_vxlan_gpe(n);
    case PORT_GENEVE:
        return open_geneve(n);
    case PORT_GTPU:
        return open_gtpu(n);
    case PORT_MPLS:
        return ft__tunnel_enter(n, FT_TUNNEL_MPLS, 0, 0) && ft__link_mpls(n) == FT_V_DECODED;
    default:
        break;
    }
    if (dport == PORT_TEREDO || sport == PORT_TEREDO) {
        return open_teredo(n);
    }
    if (dport == PORT_AYIYA || sport == PORT_AYIYA) {
        return open_ayiya(n);
    }
    return (dport == PORT_L2TP || sport == PORT_L2TP) && open_l2tp(n);
}
