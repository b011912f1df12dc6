/* SPDX-License-Identifier: Apache-2.0 */
/* codec: VLAN tags in Linux cooked captures (SLL and SLL2), see link_parts.h.
 *
 * The kernel takes the outermost tag off; what stands behind the cooked header then is
 *
 *   protocol 0x8100   TCI 2 | type 2 | packet      a tag that was left: as in any frame
 *   protocol 0x0800   TCI 2 | type 2 | packet      since Linux 6.11: the protocol is that of the
 *                                                  packet, behind all tags, but they are there
 *
 * The second looks like a packet with a tag for a header. That it is one is known: where the packet
 * should begin is none, the type behind the TCI is the protocol, and behind that the packet begins.
 * The outermost tag itself is lost in SLL2, and in front of all this in SLL. */
#include "codec/net/link_parts.h"

enum { TAG_LEN = 4, IP4_MIN = 20, IP6_MIN = 40, PPPOE_FIRST = 0x11 };

static bool is_tag(uint16_t type)
{
    return type == FT_ETH_VLAN || type == FT_ETH_QINQ || type == FT_ETH_QINQ_OLD;
}

static bool checksum_ok(const uint8_t *p, uint32_t len)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < len; i += 2) {
        sum += ft_load_be16(p + i);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff || sum == 0x1fffe;
}

static bool is_ip4(const uint8_t *p, size_t left, uint32_t wire)
{
    uint32_t header = (p[0] & 0xfu) * 4, total = ft_load_be16(p + 2);

    if (p[0] >> 4 != 4 || header < IP4_MIN || (total != 0 && total < header) || total > wire) {
        return false;
    }
    /* the length may be a tag's type: 0x0800 */
    return total != FT_ETH_IPV4 || left < header || checksum_ok(p, header);
}

/* Could a header of this type begin here? At least TAG_LEN bytes are there. */
static bool begins(const uint8_t *p, size_t left, uint32_t wire, uint16_t type)
{
    switch (type) {
    case FT_ETH_IPV4:
        return is_ip4(p, left, wire);
    case FT_ETH_IPV6:
        return p[0] >> 4 == 6 && (left < 6 || IP6_MIN + (uint32_t)ft_load_be16(p + 4) <= wire);
    case FT_ETH_PPPOE:
        return p[0] == PPPOE_FIRST;
    default: /* labels: any bytes but, likely enough, these */
        return ft_load_be16(p + 2) != type && !is_tag(ft_load_be16(p + 2));
    }
}

/* Bytes of tags that stand before a packet of this type without being announced; 0: none. */
static uint32_t hidden(const struct ft_net *n, uint16_t type)
{
    const uint8_t *p = n->rd.p;
    size_t left = ft_rd_left(&n->rd);

    if (left < TAG_LEN || begins(p, left, n->wire, type)) {
        return 0;
    }
    for (uint32_t len = TAG_LEN; len <= FT_NET_MAX_TAGS * TAG_LEN && len + TAG_LEN <= left;
         len += TAG_LEN) {
        uint16_t next = ft_load_be16(p + len - 2);

        if (next == type) {
            return begins(p + len, left - len, n->wire - len, type) ? len : 0;
        }
        if (!is_tag(next)) {
            return 0;
        }
    }
    return 0;
}

enum ft_verdict ft__link_cooked(struct ft_net *n, uint16_t type)
{
    for (int tags = 0; is_tag(type); tags++) {
        const uint8_t *p = ft_net_take(n, TAG_LEN);

        if (tags == FT_NET_MAX_TAGS || p == NULL) {
            return p == NULL ? FT_V_TAG_SHORT : FT_V_TAG_DEPTH;
        }
        n->scope = ft_link_scope(n->scope, ft_load_be16(p));
        type = ft_load_be16(p + 2);
    }
    if (type == FT_ETH_IPV4 || type == FT_ETH_IPV6 || type == FT_ETH_PPPOE || type == FT_ETH_MPLS ||
        type == FT_ETH_MPLS_MCAST) {
        for (uint32_t len = hidden(n, type); len > 0; len -= TAG_LEN) {
            const uint8_t *p = ft_net_take(n, TAG_LEN);

            n->scope = p != NULL ? ft_link_scope(n->scope, ft_load_be16(p)) : n->scope;
        }
    }
    return ft__link_ethertype(n, type);
}
