/* SPDX-License-Identifier: Apache-2.0 */
/* format: packets as samples of sFlow, see sflow.h. */
#include "format/sflow.h"

#include <string.h>

#include "base/rd.h"
#include "format/format.h"
#include "format/frame.h"

extern const struct ft_format_ops ft_format_sflow;

enum {
    FCS = 4,
    PROTOCOL_ETHERNET = 1, /* sflow_version_5.txt §5.3, header_protocol */
    PROTOCOL_IPV4 = 11,
    PROTOCOL_IPV6 = 12,
    ETHERTYPE_IP4 = 0x0800,
    ETHERTYPE_IP6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    SLL_LEN = 16,
    SLL_TYPE = 14,
    SLL2_LEN = 20,
    FAMILY_LEN = 4 /* of NULL and LOOP */
};

static const uint32_t len_most = UINT32_MAX - FT_FRAME_TAG - FCS;

/* Protocols that a frame has as it is. */
static uint32_t protocol_of_frame(uint16_t linktype)
{
    switch (linktype) {
    case FT_LINK_TOKEN_RING:
        return 3;
    case FT_LINK_FDDI:
        return 4;
    case FT_LINK_FRELAY:
        return 5;
    case FT_LINK_PPP:
        return 7;
    case FT_LINK_MPLS:
        return 13;
    case FT_LINK_PPP_HDLC:
        return 14;
    case FT_LINK_IEEE802_11:
        return 15;
    default:
        return 0;
    }
}

/* That of an IP packet, which begins at offset at; 0: none does. */
static uint32_t protocol_of_ip(const struct ft_view *v, uint32_t at)
{
    uint8_t version = v->caplen > at ? v->data[at] >> 4 : 0;

    return version == 4 ? PROTOCOL_IPV4 : version == 6 ? PROTOCOL_IPV6 : 0;
}

/* Where a type says that IP begins behind it. */
static uint32_t protocol_of_cooked(const struct ft_view *v, uint32_t type_at, uint32_t len)
{
    uint16_t type = v->caplen > len ? ft_load_be16(v->data + type_at) : 0;

    return type == ETHERTYPE_IP4 || type == ETHERTYPE_IP6 ? protocol_of_ip(v, len) : 0;
}

/* 0: there is none. *skip: bytes at the beginning that were never on a wire. */
static uint32_t protocol_of(const struct ft_view *v, uint32_t *skip)
{
    switch (v->linktype) {
    case FT_LINK_RAW:
    case FT_LINK_RAW_BSD:
    case FT_LINK_RAW_OPENBSD:
    case FT_LINK_IPV4:
    case FT_LINK_IPV6:
        return protocol_of_ip(v, 0);
    case FT_LINK_NULL:
    case FT_LINK_LOOP:
        *skip = FAMILY_LEN;
        return protocol_of_ip(v, FAMILY_LEN);
    case FT_LINK_LINUX_SLL:
        *skip = SLL_LEN;
        return protocol_of_cooked(v, SLL_TYPE, SLL_LEN);
    case FT_LINK_LINUX_SLL2:
        *skip = SLL2_LEN;
        return protocol_of_cooked(v, 0, SLL2_LEN);
    default:
        return protocol_of_frame(v->linktype);
    }
}

/* The outermost tag of an Ethernet frame. */
static void find_tag(const struct ft_view *v, struct ft_sflow_put_flow *f)
{
    uint16_t type;

    if ((v->flags & FT_VIEW_VLAN) != 0) {
        f->tagged = true;
        f->vlan_tci = v->vlan_tci;
        return;
    }
    if (v->caplen < FT_FRAME_MACS + FT_FRAME_TAG) {
        return;
    }
    type = ft_load_be16(v->data + FT_FRAME_MACS);
    if (FT_UNLIKELY(type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ)) {
        f->tagged = true;
        f->vlan_tci = ft_load_be16(v->data + FT_FRAME_MACS + 2);
    }
}

static size_t finish(uint8_t *row, struct ft_sflow_row *head, size_t sample)
{
    head->len = (uint32_t)(sizeof *head + sample);
    memcpy(row, head, sizeof *head);
    return head->len;
}

size_t ft_sflow_put_packet(uint8_t *p, const struct ft_view *v, struct ft_sflow_row head,
                           uint32_t ifindex, uint32_t header)
{
    bool out = (v->flags & FT_VIEW_OUT) != 0, untagged = ft_frame_untagged(v);
    struct ft_sflow_put_flow f = {.source = ifindex,
                                  .rate = head.rate,
                                  .input = out ? 0 : ifindex,
                                  .output = out ? ifindex : 0};
    uint32_t skip = 0, all = v->caplen;
    uint8_t *to;

    head.ts_ns = v->ts_ns;
    f.frame_len = v->len < len_most ? v->len : len_most; /* a file may say anything */
    if (FT_LIKELY(v->linktype == FT_LINK_ETHERNET)) {
        f.protocol = PROTOCOL_ETHERNET;
        all += untagged ? FT_FRAME_TAG : 0;
        f.frame_len += (untagged ? FT_FRAME_TAG : 0) + FCS;
        f.stripped = FCS;
        find_tag(v, &f);
    } else {
        f.protocol = protocol_of(v, &skip);
        if (f.protocol == 0) {
            return 0;
        }
        all -= skip;
        f.frame_len -= skip;
    }
    f.header_len = all < header ? all : header;
    size_t len = ft_sflow_put_flow(p + sizeof head, &f, &to);

    if (FT_LIKELY(!untagged)) {
        memcpy(to, v->data + skip, f.header_len);
    } else {
        ft_frame_copy_tagged(to, v, f.header_len);
    }
    return finish(p, &head, len);
}

size_t ft_sflow_put_interface(uint8_t *p, const struct ft_if_counters *c, struct ft_sflow_row head)
{
    return finish(p, &head, ft_sflow_put_counters(p + sizeof head, c));
}

/* No instance is made: its packets are those of pipeline/samples.h. */
const struct ft_format_ops ft_format_sflow = {
    .name = "sflow",
    .help = "sampled packets and counters of the interfaces, as sFlow v5 over UDP",
    .suffix = "",
    .events = 1u << FT_EVENT_PACKET,
    .single_event = true,
    .carries_raw = true,
};
