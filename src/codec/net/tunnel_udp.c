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
 *   GUE (intarea-gue)   version 2 bits, C 1, length 5 bits * 4 | protocol 1 | flags 2 | fields
 *                       version 1: an IP header stands there instead
 *   CAPWAP (RFC 5415)   version 4 bits, type 4, length 5 bits * 4, radio 5, binding 5,
 *                       T F L W M K 6, 0 3 | fragment 2, offset 2 | [radio address]
 *                       | [wireless information] | frame
 *   L2TPv2 (RFC 2661)   T L 0 0 S 0 O P, 0 4, version 4 | [length 2] | tunnel 2 | session 2
 *                       | [Ns 2, Nr 2] | [offset 2, padding] | PPP
 *   Teredo (RFC 4380)   [0001, id length 1, auth length 1, both, nonce 8, confirmation 1]
 *                       | [0000, port 2, address 4] | IPv6
 *   AYIYA               id length 4 bits, type 4 | signature length 4 bits, hash 4
 *                       | auth 4 bits, opcode 4 | next header 1 | epoch 4
 *                       | identity 2^n | signature 4 * n
 *   LISP (RFC 9300)     N L E V I P KK | 0 or nonce 2, nonce or next protocol 1 | instance ID 3, 1
 *                       | packet; with P (RFC 9305) what the next protocol says
 *   TZSP                version 1 = 1 | type 1 | encapsulation 2
 *                       | tags: 0, or 1 as the last, or type 1, length 1, ... | frame */
/* clang-format on */
#include "codec/net/link_parts.h"
#include "codec/net/tunnel.h"
#include "codec/net/tunnel_parts.h"

enum { UDP_LEN = 8, ROCE_PORT = 4791 };
enum { IP_IPIP = 4, IP_IPV6 = 41 };
enum { CAPWAP_LEN = 8, CAPWAP_80211 = 1 };
enum { LISP_I = 0x08, LISP_P = 0x04, LISP_KK = 0x03 };
enum { TZSP_ETHERNET = 1, TZSP_PPP = 4, TZSP_80211 = 18 };
enum { KEYED = FT_TUNNEL_ID | FT_TUNNEL_KEYED };

static uint32_t load_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | ft_load_be16(p + 1);
}

/* What a sender must leave 0 and a receiver ignore. Where it is not, the packet inside has to be
 * one by its lengths and its checksum, too. */
static bool beyond_doubt(const struct ft_net *n, bool reserved)
{
    return !reserved || ft__link_plausible_ip(n);
}

static bool open_vxlan(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    /* I is set; G (group policy) may be */
    return p != NULL && (p[0] & 0x08) &&
           ft__tunnel_enter(n, FT_TUNNEL_VXLAN, KEYED, load_be24(p + 4)) &&
           ft__link_ethernet(n) == FT_V_DECODED && beyond_doubt(n, (p[0] & 0x77) != 0 || p[7] != 0);
}

/* What the next protocol of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) and of LISP-GPE says. */
static bool open_gpe(struct ft_net *n, uint8_t next)
{
    switch (next) {
    case 1:
    case 2:
        return ft__tunnel_ip(n);
    case 3:
        return ft__link_ethernet(n) == FT_V_DECODED;
    case 4:
        return ft__link_ethertype(n, FT_ETH_NSH) == FT_V_DECODED;
    case 5:
        return ft__link_mpls(n) == FT_V_DECODED;
    default:
        return false;
    }
}

static bool open_vxlan_gpe(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    if (p == NULL || (p[0] & 0xf8) != 0x08 || p[1] != 0 || p[2] != 0 ||
        !ft__tunnel_enter(n, FT_TUNNEL_VXLAN, KEYED, load_be24(p + 4))) {
        return false;
    }
    return open_gpe(n, p[0] & 0x04 ? p[3] : 3) && beyond_doubt(n, p[7] != 0);
}

static bool open_geneve(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);
    uint16_t type;

    if (p == NULL || p[0] >> 6 != 0 || (p[1] & 0x80) || !ft__tunnel_skip(n, (p[0] & 0x3fu) * 4)) {
        return false;
    }
    type = ft_load_be16(p + 2);
    if (!ft__tunnel_enter(n, FT_TUNNEL_GENEVE, KEYED, load_be24(p + 4))) {
        return false;
    }
    return (type == 0x6558
                ? ft__link_ethernet(n) == FT_V_DECODED
                : type >= FT_ETH_TYPE_MIN && ft__link_ethertype(n, type) == FT_V_DECODED) &&
           beyond_doubt(n, (p[1] & 0x3f) != 0 || p[7] != 0);
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

/* No header, or one of two bits, says that IP comes: it has to look like it. */
static bool open_bare_ip(struct ft_net *n, enum ft_tunnel_type type)
{
    return ft__link_plausible_ip(n) && ft__tunnel_enter(n, type, 0, 0) && ft__tunnel_ip(n);
}

static bool open_inside(struct ft_net *n, uint8_t proto)
{
    if (proto != IP_IPIP && proto != IP_IPV6) {
        return ft__tunnel_proto(n, proto); /* a tunnel in the tunnel */
    }
    return ft_rd_left(&n->rd) > 0 && n->rd.p[0] >> 4 == (proto == IP_IPIP ? 4 : 6) &&
           ft__tunnel_ip(n);
}

static bool open_gue(struct ft_net *n)
{
    if (ft_rd_left(&n->rd) > 0 && n->rd.p[0] >> 6 == 1) {
        return open_bare_ip(n, FT_TUNNEL_GUE);
    }
    const uint8_t *p = ft_net_take(n, 4);

    /* version 0, no control message */
    return p != NULL && (p[0] & 0xe0) == 0 && ft__tunnel_skip(n, (p[0] & 0x1fu) * 4) &&
           ft__tunnel_enter(n, FT_TUNNEL_GUE, 0, 0) && open_inside(n, p[1]);
}

/* Linux's foo-over-udp: what stands there was agreed on elsewhere. No GRE begins with 4 or 6. */
static bool open_fou(struct ft_net *n)
{
    uint8_t nibble = ft_rd_left(&n->rd) > 0 ? n->rd.p[0] >> 4 : 0;

    return nibble == 4 || nibble == 6 ? open_bare_ip(n, FT_TUNNEL_FOU) : ft__tunnel_gre(n);
}

/* An 802.11 frame whose frame control may have changed places: some controllers send it so. */
static bool open_wlan(struct ft_net *n)
{
    struct ft_net copy = *n;

    if (ft__link_wlan_tunnelled(n, false) == FT_V_DECODED && ft__link_plausible_ip(n)) {
        return true;
    }
    *n = copy;
    return ft__link_wlan_tunnelled(n, true) == FT_V_DECODED && ft__link_plausible_ip(n);
}

static bool open_capwap(struct ft_net *n)
{
    if (ft_rd_left(&n->rd) < CAPWAP_LEN) {
        return false;
    }
    uint32_t head = ft_load_be32(n->rd.p), len = (head >> 19 & 0x1f) * 4;
    bool native = (head & 0x100) != 0;

    /* version 0, not DTLS; no fragment, no keep-alive, reserved bits 0 */
    if (head >> 24 != 0 || (head & 0x8f) != 0 || len < CAPWAP_LEN || !ft__tunnel_skip(n, len) ||
        !ft__tunnel_enter(n, FT_TUNNEL_CAPWAP, 0, 0)) {
        return false;
    }
    return native ? (head >> 9 & 0x1f) == CAPWAP_80211 && open_wlan(n)
                  : ft__link_ethernet(n) == FT_V_DECODED;
}

/* Nothing but KK, which encrypts, is fixed: IP has to look like it. */
static bool open_lisp(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 8);

    if (p == NULL || p[0] & LISP_KK ||
        !ft__tunnel_enter(n, FT_TUNNEL_LISP, p[0] & LISP_I ? KEYED : 0,
                          p[0] & LISP_I ? load_be24(p + 4) : 0)) {
        return false;
    }
    return p[0] & LISP_P ? open_gpe(n, p[3]) : ft__link_plausible_ip(n) && ft__tunnel_ip(n);
}

/* Each takes a byte at least. */
static bool skip_tzsp_tags(struct ft_net *n)
{
    for (;;) {
        const uint8_t *p = ft_net_take(n, 1);

        if (p == NULL || *p == 1) {
            return p != NULL;
        }
        if (*p != 0) {
            p = ft_net_take(n, 1);
            if (p == NULL || !ft__tunnel_skip(n, *p)) {
                return false;
            }
        }
    }
}

static bool open_tzsp(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 4);

    /* a packet that was received, or is to be sent */
    if (p == NULL || p[0] != 1 || p[1] > 1 || !skip_tzsp_tags(n) ||
        !ft__tunnel_enter(n, FT_TUNNEL_TZSP, 0, 0)) {
        return false;
    }
    switch (ft_load_be16(p + 2)) {
    case TZSP_ETHERNET:
        return ft__link_ethernet(n) == FT_V_DECODED;
    case TZSP_PPP:
        return ft__link_ppp(n) == FT_V_DECODED;
    case TZSP_80211:
        return ft__link_wlan_tunnelled(n, false) == FT_V_DECODED;
    default:
        return false;
    }
}

/* ---- which of them ---- */

static const struct kind {
    const char *name;
    uint16_t port; /* IANA's, or 0 */
    bool both;     /* the sender's port tells as well */
    bool (*open)(struct ft_net *n);
} kinds[] = {
    [FT_TUNNEL_UDP_VXLAN] = {"vxlan", 4789, false, open_vxlan},
    [FT_TUNNEL_UDP_VXLAN_GPE] = {"vxlan-gpe", 4790, false, open_vxlan_gpe},
    [FT_TUNNEL_UDP_GENEVE] = {"geneve", 6081, false, open_geneve},
    [FT_TUNNEL_UDP_GTPU] = {"gtpu", 2152, false, open_gtpu},
    [FT_TUNNEL_UDP_GUE] = {"gue", 6080, false, open_gue},
    [FT_TUNNEL_UDP_FOU] = {"fou", 0, false, open_fou},
    [FT_TUNNEL_UDP_GRE] = {"gre", 4754, false, ft__tunnel_gre},
    [FT_TUNNEL_UDP_MPLS] = {"mpls", 6635, false, ft__tunnel_mpls},
    [FT_TUNNEL_UDP_L2TP] = {"l2tp", 1701, true, open_l2tp},
    [FT_TUNNEL_UDP_TEREDO] = {"teredo", 3544, true, open_teredo},
    [FT_TUNNEL_UDP_AYIYA] = {"ayiya", 5072, true, open_ayiya},
    [FT_TUNNEL_UDP_CAPWAP] = {"capwap", 5247, true, open_capwap},
    [FT_TUNNEL_UDP_LISP] = {"lisp", 4341, false, open_lisp},
    [FT_TUNNEL_UDP_TZSP] = {"tzsp", 0, false, open_tzsp},
};

_Static_assert(sizeof kinds / sizeof kinds[0] == FT_TUNNEL_UDP__COUNT, "a row for each");

#define BYTE(port) ((port)&4095) >> 3
#define BIT(port)  1 << ((port)&7)

const struct ft_tunnel_ports ft_tunnel_ports_known = {
    .maybe =
        {
            [BYTE(1701)] = BIT(1701),
            [BYTE(2152)] = BIT(2152),
            [BYTE(3544)] = BIT(3544),
            [BYTE(4341)] = BIT(4341),
            [BYTE(4754)] = BIT(4754),
            [BYTE(4789)] = BIT(4789) | BIT(4790) | BIT(ROCE_PORT),
            [BYTE(5072)] = BIT(5072),
            [BYTE(5247)] = BIT(5247),
            [BYTE(6080)] = BIT(6080) | BIT(6081),
            [BYTE(6635)] = BIT(6635),
        },
};

const char *ft_tunnel_udp_name(enum ft_tunnel_udp how)
{
    return how < FT_TUNNEL_UDP__COUNT ? kinds[how].name : NULL;
}

int ft_tunnel_ports_add(struct ft_tunnel_ports *t, enum ft_tunnel_udp how, uint16_t port,
                        enum ft_tunnel_udp *out_other)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->row[i].port == port) {
            *out_other = t->row[i].how;
            return t->row[i].how == how ? FT_OK : FT_E_USAGE;
        }
    }
    if (t->n == FT_TUNNEL_PORTS_MAX) {
        *out_other = FT_TUNNEL_UDP__COUNT;
        return FT_E_USAGE;
    }
    t->row[t->n].port = port;
    t->row[t->n++].how = (uint8_t)how;
    t->maybe[BYTE(port)] |= (uint8_t)(BIT(port));
    return FT_OK;
}

/* What a port is for; the sender's port tells of some kinds only. NULL: nothing. */
static const struct kind *find(const struct ft_tunnel_ports *t, uint16_t port, bool sender)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->row[i].port == port && (!sender || kinds[t->row[i].how].both)) {
            return &kinds[t->row[i].how];
        }
    }
    for (int i = 0; i < FT_TUNNEL_UDP__COUNT; i++) {
        if (kinds[i].port == port && (!sender || kinds[i].both)) {
            return port != 0 ? &kinds[i] : NULL;
        }
    }
    return NULL;
}

bool ft__tunnel_udp(struct ft_net *n, const struct ft_tunnel_ports *ports)
{
    const struct kind *k;

    if (!ft_tunnel_port(ports->maybe, n->port[0], n->port[1]) || !ft__tunnel_skip(n, UDP_LEN)) {
        return false;
    }
    k = find(ports, n->port[1], false);
    k = k != NULL ? k : find(ports, n->port[0], true);
    return k != NULL && k->open(n);
}
