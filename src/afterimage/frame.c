/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: names of streams, see frame.h. */
#include "afterimage/frame.h"

#include <string.h>

#include "codec/net/ip.h"
#include "codec/net/l4.h"
#include "codec/net/link.h"
#include "codec/text/digits.h"

/* ARP over Ethernet, RFC 826:
 *
 *     hardware type 2 | protocol type 2 | lengths 1, 1 | operation 2
 *     sender MAC 6 | sender address 4 | target MAC 6 | target address 4
 */
enum {
    ETH_ARP = 0x0806,
    ETH_RARP = 0x8035,
    ARP_HEAD = 8,
    ARP_LEN = 28,
    ARP_SENDER = 14,
    ARP_TARGET = 24,
    IP4_LEN = 20,
    IP4_SOURCE = 12,
    IP6_LEN = 40,
    IP6_SOURCE = 8,
    MAC_LEN = 6,
    MACS = 12,
    TAG_LEN = 4
};

static void append(struct ft__name *to, const struct ft__name *more)
{
    memcpy(to->text + to->len, more->text, more->len);
    to->len += more->len;
}

static void append_text(struct ft__name *to, const char *text)
{
    to->len = (uint32_t)(ft_put_str(to->text + to->len, text) - to->text);
}

static void append_number(struct ft__name *to, uint16_t n)
{
    to->len = (uint32_t)(ft_put_u64(to->text + to->len, n) - to->text);
}

static void set_address(struct ft__name *name, const uint8_t *addr, uint8_t version)
{
    const uint8_t *end = version == 6 ? ft_put_ip6(name->text, addr) : ft_put_ip4(name->text, addr);

    name->len = (uint32_t)(end - name->text);
}

static void set_mac(struct ft__name *name, const uint8_t *mac)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *p = name->text;

    for (int i = 0; i < MAC_LEN; i++) {
        *p++ = (uint8_t)hex[mac[i] >> 4];
        *p++ = (uint8_t)hex[mac[i] & 15];
        *p++ = ':';
    }
    name->len = MAC_LEN * 3 - 1;
}

/* Ports of an IP packet, or what stands for them. n stands at the transport header. */
static void append_ports(struct ft_net *n, struct ft__name end[2])
{
    uint8_t proto = n->proto;
    bool later = n->frag == FT_FRAG_LATER;

    if ((proto == FT_IP_TCP || proto == FT_IP_UDP) && !later && ft_rd_left(&n->rd) >= 4) {
        append_number(&end[0], ft_load_be16(n->rd.p));
        append_number(&end[1], ft_load_be16(n->rd.p + 2));
    } else if (proto == FT_IP_ICMP && n->version == 4 && !later && ft_rd_left(&n->rd) > 0) {
        append_text(&end[0], "icmp");
        append_text(&end[1], "icmp");
    }
}

/* Where the addresses of an IP header are, of `left` bytes; NULL: there is none. */
static const uint8_t *addresses_of(const uint8_t *p, size_t left, uint8_t version)
{
    bool there = left > 0 && p[0] >> 4 == version && left >= (version == 6 ? IP6_LEN : IP4_LEN);

    return there ? p + (version == 6 ? IP6_SOURCE : IP4_SOURCE) : NULL;
}

/* False: it is no IP packet. Of one whose lengths are wrong it is the addresses alone. */
static bool read_ip(struct ft_net *n, struct ft__frame *out)
{
    const uint8_t *addr = addresses_of(n->rd.p, ft_rd_left(&n->rd), n->version);

    if (addr == NULL) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        set_address(&out->host[i], addr + (n->version == 6 ? 16 : 4) * i, n->version);
        out->end[i] = out->host[i];
    }
    if (ft_ip_decode(n) == FT_V_DECODED) {
        append_ports(n, out->end);
    }
    return true;
}

/* Of ARP for other protocols than IPv4 the addresses are empty, as there. */
static bool read_arp(const struct ft_net *n, const struct ft__name mac[2], struct ft__frame *out)
{
    const uint8_t *p = n->rd.p;
    size_t left = ft_rd_left(&n->rd);

    if ((n->ethertype != ETH_ARP && n->ethertype != ETH_RARP) || left < ARP_HEAD) {
        return false;
    }
    if (left >= ARP_LEN && ft_load_be16(p + 2) == FT_ETH_IPV4 && p[4] == MAC_LEN && p[5] == 4) {
        set_address(&out->host[0], p + ARP_SENDER, 4);
        set_address(&out->host[1], p + ARP_TARGET, 4);
    }
    out->end[0] = mac[0];
    out->end[1] = mac[1];
    return true;
}

static bool read_net(const struct ft_view *v, const struct ft__name mac[2], struct ft__frame *out)
{
    uint32_t cap = v->caplen < v->len ? v->caplen : v->len;
    struct ft_net n;
    enum ft_verdict verdict;

    memset(&n, 0, sizeof n);
    n.rd = ft_rd_make(cap > 0 ? (const void *)v->data : "", cap);
    n.wire = v->len;
    verdict = ft_link_decode(&n, v->linktype);
    return verdict == FT_V_DECODED ? read_ip(&n, out)
                                   : verdict == FT_V_NOT_IP && read_arp(&n, mac, out);
}

void ft__image_read(const struct ft_view *v, struct ft__frame *out)
{
    struct ft__name mac[2];

    mac[0].len = mac[1].len = 0;
    out->host[0].len = out->host[1].len = 0;
    if (v->linktype == FT_LINK_ETHERNET && v->caplen >= MACS) {
        set_mac(&mac[0], v->data + MAC_LEN);
        set_mac(&mac[1], v->data);
    }
    if (!read_net(v, mac, out)) {
        for (int i = 0; i < 2; i++) {
            out->host[i] = out->end[i] = mac[i];
        }
    }
    out->mac_host = mac[0];
    append(&out->mac_host, &out->host[0]);
    out->channel = out->host[0];
    append(&out->channel, &out->host[1]);
    out->len = v->len + ((v->flags & FT_VIEW_VLAN) != 0 ? TAG_LEN : 0);
}
