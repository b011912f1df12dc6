/* SPDX-License-Identifier: Apache-2.0 */
/* codec: IPv4 and IPv6 headers, see ip.h.
 *
 *   IPv4, RFC 791 §3.1                              IPv6, RFC 8200 §3
 *    0 version, IHL  1 TOS     2 total length        0 version, class, flow label
 *    4 id            6 flags 3 bits, offset 13       4 payload length  6 next header  7 hop limit
 *    8 TTL           9 proto  10 checksum            8 source 16
 *   12 source 4     16 destination 4                24 destination 16
 *
 *   extension header, RFC 8200 §4      0 next header   1 length in 8 bytes, the first not counted
 *   AH, RFC 4302 §2                    0 next header   1 length in 4 bytes, minus 2
 *   fragment, RFC 8200 §4.5            0 next header   1 reserved   2 offset 13 bits, 0 2, M 1 */
#include "codec/net/ip.h"

enum { IP4_MIN = 20, IP4_MF = 0x2000, IP4_OFFSET = 0x1fff };
enum { IP6_HEADER = 40, FRAGMENT_LEN = 8, IP6_MF = 1, IP6_OFFSET = 0xfff8 };
enum { OPT_PAD1 = 0, OPT_JUMBO = 0xc2 };

/* What a fragment carries begins here. */
static void note_data(struct ft_net *n)
{
    n->frag_data = n->rd.p;
    n->frag_len = (uint16_t)(n->wire < UINT16_MAX ? n->wire : UINT16_MAX);
}

static enum ft_verdict decode_ip4(struct ft_net *n)
{
    uint32_t frame = n->wire;
    const uint8_t *p = ft_net_take(n, IP4_MIN);
    uint32_t ihl, total;
    uint16_t flags;

    if (p == NULL) {
        return FT_V_IP4_SHORT;
    }
    if (p[0] >> 4 != 4) {
        return FT_V_IP_VERSION;
    }
    ihl = (p[0] & 0x0fu) * 4;
    if (ihl < IP4_MIN || ihl > frame) {
        return FT_V_IP4_IHL;
    }
    total = ft_load_be16(p + 2);
    if (total == 0) {
        total = frame;
    }
    if (total < ihl || total > frame) {
        return FT_V_IP4_LENGTH;
    }
    ft_net_narrow(n, total - IP4_MIN);
    if (ft_net_take(n, ihl - IP4_MIN) == NULL) {
        return FT_V_IP4_SHORT;
    }
    flags = ft_load_be16(p + 6);
    n->frag = flags & IP4_OFFSET ? FT_FRAG_LATER : flags & IP4_MF ? FT_FRAG_FIRST : FT_FRAG_NONE;
    n->frag_off = (uint16_t)((flags & IP4_OFFSET) * 8);
    n->frag_more = (flags & IP4_MF) != 0;
    n->ip_id = ft_load_be16(p + 4);
    n->frag_id = n->ip_id;
    note_data(n);
    n->ip_len = total;
    n->tos = p[1];
    n->ttl = p[8];
    n->proto = p[9];
    n->src = p + 12;
    n->dst = p + 16;
    return FT_V_DECODED;
}

/* The jumbo payload length in the hop-by-hop header that comes next. */
static bool find_jumbo(struct ft_rd rd, uint32_t *out_len)
{
    struct ft_rd opts;
    const uint8_t *p = ft_rd_view(&rd, 2);

    if (p == NULL || !ft_rd_sub(&rd, p[1] * 8u + 6, &opts)) {
        return false;
    }
    while (ft_rd_left(&opts) > 0) { /* at least one byte less each time, 2046 at most */
        uint8_t type = ft_rd_u8(&opts);
        struct ft_rd value;

        if (type == OPT_PAD1) {
            continue;
        }
        if (!ft_rd_sub(&opts, ft_rd_u8(&opts), &value)) {
            return false;
        }
        if (type == OPT_JUMBO && ft_rd_left(&value) == 4) {
            *out_len = ft_rd_u32(&value);
            return true;
        }
    }
    return false;
}

/* The payload length that a length field of 0 stands for. */
static uint32_t zero_length(const struct ft_net *n, uint8_t next)
{
    uint32_t jumbo;

    if (next == FT_IP_NONE) {
        return 0;
    }
    if (next == FT_IP_HOPOPTS && find_jumbo(n->rd, &jumbo)) {
        return jumbo;
    }
    return n->wire;
}

/* Takes one extension header off; *next becomes the type of the one after it. */
static enum ft_verdict take_extension(struct ft_net *n, uint8_t *next)
{
    uint32_t len;

    if (ft_rd_left(&n->rd) < 2) {
        return FT_V_IP6_EXT;
    }
    len = *next == FT_IP_AH ? (n->rd.p[1] + 2u) * 4 : (n->rd.p[1] + 1u) * 8;
    *next = n->rd.p[0];
    return ft_net_take(n, len) != NULL ? FT_V_DECODED : FT_V_IP6_EXT;
}

/* An atomic fragment (RFC 6946: offset 0, nothing follows) is a whole packet. */
static enum ft_verdict take_fragment(struct ft_net *n, uint8_t *next)
{
    const uint8_t *p = ft_net_take(n, FRAGMENT_LEN);
    uint16_t flags;

    if (p == NULL) {
        return FT_V_IP6_EXT;
    }
    *next = p[0];
    if (n->frag != FT_FRAG_NONE) { /* within a fragment: the outer one is what travels */
        return FT_V_DECODED;
    }
    flags = ft_load_be16(p + 2);
    if (flags & IP6_OFFSET) {
        n->frag = FT_FRAG_LATER;
    } else if (flags & IP6_MF) {
        n->frag = FT_FRAG_FIRST;
    }
    note_data(n);
    n->frag_off = flags & IP6_OFFSET;
    n->frag_more = flags & IP6_MF;
    n->frag_id = ft_load_be32(p + 4);
    return FT_V_DECODED;
}

static enum ft_verdict take_extensions(struct ft_net *n, uint8_t next)
{
    n->frag = FT_FRAG_NONE;
    for (int i = 0; n->frag != FT_FRAG_LATER; i++) {
        bool fragment = next == FT_IP_FRAGMENT;
        enum ft_verdict v;

        switch (next) {
        case FT_IP_HOPOPTS:
        case FT_IP_ROUTING:
        case FT_IP_FRAGMENT:
        case FT_IP_AH:
        case FT_IP_DSTOPTS:
        case FT_IP_SHIM6:
            break;
        default:
            n->proto = next;
            return FT_V_DECODED;
        }
        if (i == FT_NET_MAX_EXT) {
            return FT_V_IP6_EXT_DEPTH;
        }
        v = fragment ? take_fragment(n, &next) : take_extension(n, &next);
        if (v != FT_V_DECODED) {
            return v;
        }
    }
    n->proto = next;
    return FT_V_DECODED;
}

static enum ft_verdict decode_ip6(struct ft_net *n)
{
    const uint8_t *p = ft_net_take(n, IP6_HEADER);
    uint32_t len;

    if (p == NULL) {
        return FT_V_IP6_SHORT;
    }
    if (p[0] >> 4 != 6) {
        return FT_V_IP_VERSION;
    }
    len = ft_load_be16(p + 4);
    if (len == 0) {
        len = zero_length(n, p[6]);
    }
    if (len > n->wire) {
        return FT_V_IP6_LENGTH;
    }
    ft_net_narrow(n, len);
    n->ip_id = 0;
    n->ip_len = IP6_HEADER + len;
    n->tos = (uint8_t)(ft_load_be16(p) >> 4);
    n->ttl = p[7];
    n->src = p + 8;
    n->dst = p + 24;
    return take_extensions(n, p[6]);
}

enum ft_verdict ft_ip_decode(struct ft_net *n)
{
    return n->version == 4 ? decode_ip4(n) : decode_ip6(n);
}
