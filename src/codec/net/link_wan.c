/* SPDX-License-Identifier: Apache-2.0 */
/* codec: link layers of wide-area lines, firewalls and capture programs, see link_parts.h. Shapes
 * as tcpdump.org/linktypes.html and the documents named there have them.
 *
 *   C-HDLC         address 1 | control 1 | EtherType 2
 *   Frame Relay    address 2 to 4, the last byte odd | control 3 | [0] | NLPID 1 (RFC 2427)
 *   Juniper        "MGC" 3 | flags 1 | with extensions: length 2, extensions | cookie | frame
 *   PFLOG          length 1 | family 1 | ... up to the length, rounded to 4
 *   ENC            family 4 | SPI 4 | flags 4
 *   NFLOG          family 1 | version 1 | resource 2 | (length 2, type 2, value) in host order
 *   ERF            time 8 | type 1 | flags 1 | record 2 | lost 2 | wire 2 | [extensions 8 each]
 *   PKTAP          length 4 | next 4 | DLT 4 | ..., in host order
 *   SLIP           direction 1, then of 15 bytes how the packet was compressed */
#include "codec/net/link_parts.h"

enum { NLPID_SNAP = 0x80, NLPID_IPV6 = 0x8e, NLPID_IPV4 = 0xcc, NLPID_PPP = 0xcf, UI = 0x03 };
enum { CISCO_UNICAST = 0x0f, CISCO_MULTICAST = 0x8f };
enum { JUNIPER_EXTENSIONS = 0x80, JUNIPER_COOKIE_MAX = 24 };
enum { NFLOG_PAYLOAD = 9 };
enum { SLIP_LEN = 16 };
enum { ERF_HDLC = 1, ERF_ETHERNET = 2, ERF_MORE = 0x80 };

static uint16_t load_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t load_le32(const uint8_t *p)
{
    return load_le16(p) | (uint32_t)load_le16(p + 2) << 16;
}

static bool skip(struct ft_net *n, uint32_t len)
{
    return len <= n->wire && ft_net_take(n, len) != NULL;
}

static enum ft_verdict after_skip(struct ft_net *n, uint32_t len,
                                  enum ft_verdict (*next)(struct ft_net *n))
{
    return skip(n, len) ? next(n) : FT_V_LINK_SHORT;
}

static enum ft_verdict take_c_hdlc(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 4);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    return p[0] == CISCO_UNICAST || p[0] == CISCO_MULTICAST
               ? ft__link_ethertype(n, ft_load_be16(p + 2))
               : FT_V_NOT_IP;
}

/* Synchronous PPP, or C-HDLC on the same line: the address tells. */
static enum ft_verdict take_hdlc(struct ft_net *n)
{
    bool cisco =
        ft_rd_left(&n->rd) > 0 && (n->rd.p[0] == CISCO_UNICAST || n->rd.p[0] == CISCO_MULTICAST);

    return cisco ? take_c_hdlc(n) : ft__link_ppp(n);
}

/* A direction byte that stands where the address of PPP was. */
static enum ft_verdict take_pppd(struct ft_net *n)
{
    bool control = ft_rd_left(&n->rd) > 1 && n->rd.p[1] == UI;

    return after_skip(n, control ? 2 : 1, ft__link_ppp);
}

static enum ft_verdict take_nlpid(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 1);

    if (p != NULL && *p == 0) { /* padding */
        p = ft_net_take(n, 1);
    }
    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    switch (*p) {
    case NLPID_IPV4:
        return ft__link_found(n, 4);
    case NLPID_IPV6:
        return ft__link_found(n, 6);
    case NLPID_PPP:
        return ft__link_ppp(n);
    case NLPID_SNAP:
        p = ft_net_take(n, 5);
        if (p == NULL) {
            return FT_V_LINK_SHORT;
        }
        if (p[0] == 0 && p[1] == 0x80 && p[2] == 0xc2) { /* bridged Ethernet, RFC 2427 §4.2 */
            return p[4] == 7 ? ft__link_ethernet(n) : FT_V_NOT_IP;
        }
        return (p[0] | p[1] | p[2]) == 0 ? ft__link_ethertype(n, ft_load_be16(p + 3)) : FT_V_NOT_IP;
    default:
        return FT_V_NOT_IP;
    }
}

static enum ft_verdict take_frame_relay(struct ft_net *n)
{
    for (int i = 0; i < 4; i++) { /* an address has two to four bytes, RFC 2427 §3 */
        const uint8_t *p = ft_net_take(n, 1);

        if (p == NULL) {
            return FT_V_LINK_SHORT;
        }
        if ((*p & 1) == 0) {
            continue;
        }
        if (ft_rd_left(&n->rd) < 2) {
            return FT_V_LINK_SHORT;
        }
        if (n->rd.p[0] != UI) { /* Cisco's own encapsulation: an EtherType */
            uint16_t type = ft_load_be16(n->rd.p);

            return type >= FT_ETH_TYPE_MIN && skip(n, 2) ? ft__link_ethertype(n, type)
                                                         : FT_V_NOT_IP;
        }
        return after_skip(n, 1, take_nlpid);
    }
    return FT_V_NOT_IP;
}

/* The cookies of Juniper's services differ by card: the IP header behind them is found by what it
 * is. */
static enum ft_verdict find_ip(struct ft_net *n)
{
    for (int i = 0; i <= JUNIPER_COOKIE_MAX; i += 2) {
        if (ft__link_plausible_ip(n)) {
            return ft__link_found(n, n->rd.p[0] >> 4);
        }
        if (!skip(n, 2)) {
            break;
        }
    }
    return FT_V_NOT_IP;
}

static enum ft_verdict take_juniper(struct ft_net *n, uint16_t linktype)
{
    const uint8_t *p = ft_net_take(n, 4);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    if (p[0] != 'M' || p[1] != 'G' || p[2] != 'C') {
        return FT_V_NOT_IP;
    }
    if (p[3] & JUNIPER_EXTENSIONS) {
        p = ft_net_take(n, 2);
        if (p == NULL || !skip(n, ft_load_be16(p))) {
            return FT_V_LINK_SHORT;
        }
    }
    switch (linktype) {
    case FT_LINK_JUNIPER_ETHER:
    case FT_LINK_JUNIPER_PPPOE: {
        struct ft_net copy = *n;

        if (ft__link_ethernet(n) == FT_V_DECODED) {
            return FT_V_DECODED;
        }
        *n = copy;
        return find_ip(n);
    }
    case FT_LINK_JUNIPER_PPP:
        return ft__link_ppp(n);
    case FT_LINK_JUNIPER_CHDLC:
        return take_c_hdlc(n);
    case FT_LINK_JUNIPER_FRELAY:
        return take_frame_relay(n);
    default:
        return find_ip(n);
    }
}

static enum ft_verdict by_bsd_family(struct ft_net *n, uint32_t family)
{
    switch (family) {
    case 2:
        return ft__link_found(n, 4);
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 26: /* Solaris */
    case 28: /* FreeBSD */
    case 30: /* macOS */
        return ft__link_found(n, 6);
    default:
        return FT_V_NOT_IP;
    }
}

static enum ft_verdict take_pflog(struct ft_net *n)
{
    if (ft_rd_left(&n->rd) < 2) {
        return FT_V_LINK_SHORT;
    }
    uint8_t family = n->rd.p[1];

    return skip(n, (n->rd.p[0] + 3u) & ~3u) ? by_bsd_family(n, family) : FT_V_LINK_SHORT;
}

static enum ft_verdict take_enc(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 12);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    return by_bsd_family(n, ft_load_be32(p) < 256 ? ft_load_be32(p) : load_le32(p));
}

static enum ft_verdict take_nflog(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 4);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    uint8_t family = p[0];

    while (ft_rd_left(&n->rd) >= 4) { /* 4 bytes less each time at least */
        uint16_t len = load_le16(n->rd.p), type = load_le16(n->rd.p + 2);

        if (len < 4) {
            return FT_V_LINK_SHORT;
        }
        if (type == NFLOG_PAYLOAD) {
            return skip(n, 4) ? by_bsd_family(n, family) : FT_V_LINK_SHORT;
        }
        if (!skip(n, (len + 3u) & ~3u)) {
            return FT_V_LINK_SHORT;
        }
    }
    return FT_V_NOT_IP;
}

static enum ft_verdict take_erf(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 16);
    uint8_t type;

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    type = p[8];
    for (uint8_t more = type; more & ERF_MORE;) { /* 8 bytes less each time */
        p = ft_net_take(n, 8);
        if (p == NULL) {
            return FT_V_LINK_SHORT;
        }
        more = p[0];
    }
    switch (type & ~ERF_MORE) {
    case ERF_ETHERNET:
        return after_skip(n, 2, ft__link_ethernet);
    case ERF_HDLC:
        return take_hdlc(n);
    default:
        return FT_V_NOT_IP;
    }
}

/* Packet data of DOCSIS (MAC frame header, DOCSIS MULPI §6.2): an Ethernet frame. */
static enum ft_verdict take_docsis(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 6);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    if (p[0] >> 6 != 0) {
        return FT_V_NOT_IP;
    }
    return after_skip(n, p[0] & 1 ? p[1] : 0, ft__link_ethernet);
}

static enum ft_verdict take_token_ring(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 14);

    if (p == NULL || (p[8] & 0x80 && ft_rd_left(&n->rd) < 2)) {
        return FT_V_LINK_SHORT;
    }
    return after_skip(n, p[8] & 0x80 ? n->rd.p[0] & 0x1fu : 0, ft__link_llc);
}

static enum ft_verdict take_sunatm(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 4);

    if (p == NULL) {
        return FT_V_LINK_SHORT;
    }
    return (p[0] & 0x0f) == 2 ? ft__link_llc(n) : FT_V_NOT_IP;
}

static enum ft_verdict take_pktap(struct ft_net *n)
{
    uint32_t dlt;

    if (ft_rd_left(&n->rd) < 12) {
        return FT_V_LINK_SHORT;
    }
    dlt = load_le32(n->rd.p + 8);
    if (dlt == FT_LINK_PKTAP || dlt == FT_LINK_PPI || dlt > UINT16_MAX) {
        return FT_V_LINK_TYPE;
    }
    return skip(n, load_le32(n->rd.p)) ? ft_link_decode(n, (uint16_t)dlt) : FT_V_LINK_SHORT;
}

static enum ft_verdict by_type_at(struct ft_net *n, uint32_t header, uint32_t at)
{
    const uint8_t *p = ft_net_take(n, header);

    return p != NULL ? ft__link_ethertype(n, ft_load_be16(p + at)) : FT_V_LINK_SHORT;
}

static enum ft_verdict take_ipnet(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, 24);

    return p != NULL ? by_bsd_family(n, p[1]) : FT_V_LINK_SHORT;
}

/* The header stands there or, where a driver had none to give, does not. */
static enum ft_verdict take_slip(struct ft_net *n)
{
    const uint8_t *p = n->rd.p;
    size_t left = ft_rd_left(&n->rd);

    if (left > 0 && p[0] > 1) {
        return ft__link_by_version(n, FT_V_LINK_SHORT, FT_V_NOT_IP);
    }
    return skip(n, SLIP_LEN) ? ft__link_by_version(n, FT_V_LINK_SHORT, FT_V_NOT_IP)
                             : FT_V_LINK_SHORT;
}

/* Lines: PPP, HDLC, Frame Relay, with a byte of direction before them or without. */
static enum ft_verdict take_line(struct ft_net *n, uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_SLIP:
        return take_slip(n);
    case FT_LINK_PPP:
        return ft__link_ppp(n);
    case FT_LINK_PPP_HDLC:
        return take_hdlc(n);
    case FT_LINK_PPP_WITH_DIR:
        return after_skip(n, 1, ft__link_ppp);
    case FT_LINK_PPP_PPPD:
        return take_pppd(n);
    case FT_LINK_PPP_ETHER:
        return ft__link_pppoe(n);
    case FT_LINK_C_HDLC:
        return take_c_hdlc(n);
    case FT_LINK_C_HDLC_WITH_DIR:
        return after_skip(n, 1, take_c_hdlc);
    case FT_LINK_FRELAY:
        return take_frame_relay(n);
    case FT_LINK_FRELAY_WITH_DIR:
        return after_skip(n, 1, take_frame_relay);
    case FT_LINK_MPLS:
        return ft__link_mpls(n);
    case FT_LINK_DOCSIS:
        return take_docsis(n);
    case FT_LINK_EPON:
        return after_skip(n, 8, ft__link_ethernet);
    default:
        return FT_V_LINK_TYPE;
    }
}

/* Local networks other than Ethernet. */
static enum ft_verdict take_lan(struct ft_net *n, uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_FDDI:
        return after_skip(n, 13, ft__link_llc);
    case FT_LINK_TOKEN_RING:
        return take_token_ring(n);
    case FT_LINK_ATM_RFC1483:
        return ft__link_llc(n);
    case FT_LINK_SUNATM:
        return take_sunatm(n);
    case FT_LINK_IP_OVER_FC:
        return after_skip(n, 16, ft__link_llc);
    case FT_LINK_IEEE1394:
        return by_type_at(n, 18, 16);
    case FT_LINK_IPOIB:
        return by_type_at(n, 44, 40);
    default:
        return ft__link_wlan(n, linktype);
    }
}

/* Headers that firewalls and capture programs write. */
static enum ft_verdict take_logged(struct ft_net *n, uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_PFLOG:
        return take_pflog(n);
    case FT_LINK_ENC:
        return take_enc(n);
    case FT_LINK_NFLOG:
        return take_nflog(n);
    case FT_LINK_ERF:
        return take_erf(n);
    case FT_LINK_IPNET:
        return take_ipnet(n);
    case FT_LINK_NETANALYZER:
        return after_skip(n, 4, ft__link_ethernet);
    case FT_LINK_PKTAP:
        return take_pktap(n);
    default:
        return FT_V_LINK_TYPE;
    }
}

static bool is_juniper(uint16_t linktype)
{
    return (linktype >= FT_LINK_JUNIPER_MLPPP && linktype <= FT_LINK_JUNIPER_ATM1) ||
           linktype == FT_LINK_JUNIPER_MONITOR || linktype == FT_LINK_JUNIPER_PPPOE ||
           linktype == FT_LINK_JUNIPER_PPPOE_ATM ||
           (linktype >= FT_LINK_JUNIPER_ETHER && linktype <= FT_LINK_JUNIPER_CHDLC) ||
           linktype == FT_LINK_JUNIPER_VP || linktype == FT_LINK_JUNIPER_ISM ||
           linktype == FT_LINK_JUNIPER_ST || linktype == FT_LINK_JUNIPER_VS ||
           linktype == FT_LINK_JUNIPER_SRX_E2E;
}

enum ft_verdict ft__link_others(struct ft_net *n, uint16_t linktype)
{
    enum ft_verdict v = take_line(n, linktype);

    if (v == FT_V_LINK_TYPE) { /* nothing was taken */
        v = is_juniper(linktype) ? take_juniper(n, linktype) : take_logged(n, linktype);
    }
    if (v == FT_V_LINK_TYPE) {
        v = take_lan(n, linktype);
    }
    return v == FT_V_LINK_TYPE ? ft__link_switch(n, linktype) : v;
}
