/* SPDX-License-Identifier: Apache-2.0 */
/* collect: packets of sFlow samples, see sflow_packet.h (sflow_version_5.txt §5: sampled_header,
 * sampled_ethernet, sampled_ipv4, sampled_ipv6). */
#include "collect/sflow_packet.h"

#include <string.h>

#include "decode/general.h"
#include "decode/key.h"

enum {
    WIRE_ANY = 1 << 17,  /* more than any IP length field, with the link layer */
    STRIPPED_USUAL = 64, /* bytes that may be taken off a frame: FCS, tags */
    ETHERNET_MACS = 12,
    TCP_FLAGS_END = 14 /* bytes of a TCP header up to the flags */
};
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58, PROTO_SCTP = 132 };

/* A header that ends where more is to come, rather than one that is wrong. */
static bool ends_early(enum ft_verdict v)
{
    return v == FT_V_L4_SHORT || v == FT_V_IP4_SHORT || v == FT_V_IP6_SHORT ||
           v == FT_V_LINK_SHORT || v == FT_V_TAG_SHORT || v == FT_V_IP6_EXT;
}

/* Some length is beyond the frame, which may be the frame's fault. */
static bool beyond_frame(enum ft_verdict v)
{
    return v == FT_V_IP4_LENGTH || v == FT_V_IP6_LENGTH || v == FT_V_IP4_IHL ||
           v == FT_V_PPPOE_LENGTH;
}

/* Writes *s->pkt only when it decodes. */
static enum ft_verdict decode(const struct ft__sampled *s, const struct ft_sflow_header *h,
                              uint32_t wire, bool keep_tunnels, struct ft__l4_place *l4)
{
    struct ft_view view = {.data = h->data,
                           .caplen = h->len,
                           .len = wire > h->len ? wire : h->len,
                           .linktype = h->linktype,
                           .ts_ns = s->out->timestamp_ns};

    return ft__decode_general_to(s->decoder, keep_tunnels, &view, s->pkt, l4);
}

/* The agent's frame length is below that of the packet in it: the frame is at least the packet with
 * what stands before it. */
static enum ft_verdict decode_longer(struct ft__sampled *s, const struct ft_sflow_header *h,
                                     struct ft__l4_place *l4)
{
    enum ft_verdict v = decode(s, h, WIRE_ANY, true, l4); /* the outermost packet */

    if (v == FT_V_DECODED) {
        uint32_t need = (uint32_t)(l4->p - h->data) + l4->wire;

        if (need > h->frame_len) {
            s->too_short = true;
            s->out->frame_len = need + (h->stripped <= STRIPPED_USUAL ? h->stripped : 0);
        }
        v = s->decoder->keep_tunnels ? v : decode(s, h, WIRE_ANY, false, l4);
    }
    return v;
}

/* What columns beside the key tell of the header. */
static void note_header(struct ft__sampled *s, const struct ft__l4_place *l4)
{
    struct ft_export_sample *out = s->out;
    const struct ft_packet *pkt = s->pkt;
    bool first = pkt->frag != FT_FRAG_LATER; /* the transport header is there */

    out->seen |= FT_XS_TOS | FT_XS_TTL;
    if (first && pkt->key.proto == PROTO_TCP && l4->cap >= TCP_FLAGS_END) {
        out->seen |= FT_XS_TCP_FLAGS;
    }
    if (first && (pkt->key.proto == PROTO_ICMP || pkt->key.proto == PROTO_ICMPV6) && l4->cap >= 2) {
        out->seen |= FT_XS_ICMP;
        out->icmp_type = l4->p[0];
        out->icmp_code = l4->p[1];
    }
}

void ft__sampled_header(struct ft__sampled *s, const struct ft_sflow_header *h)
{
    uint32_t wire = h->frame_len;
    struct ft__l4_place l4 = {.p = NULL};
    enum ft_verdict v = FT_V_LINK_TYPE;

    if (h->frame_len != 0) {
        s->out->frame_len = h->frame_len;
        s->has_frame_len = true;
    }
    if (wire >=
        (uint64_t)h->stripped + h->len) { /* the FCS and what else was taken off is not in data */
        wire -= h->stripped;
    }
    if (h->linktype == FT_LINK_ETHERNET && h->len >= ETHERNET_MACS) {
        s->out->seen |= FT_XS_MACS;
        memcpy(s->out->dst_mac, h->data, 6);
        memcpy(s->out->src_mac, h->data + 6, 6);
    }
    if (h->linktype != FT_SFLOW_LINK_NONE) {
        v = decode(s, h, wire, s->decoder->keep_tunnels, &l4);
        if (beyond_frame(v) || (v == FT_V_DECODED && h->frame_len < h->len)) {
            v = decode_longer(s, h, &l4);
        }
    }
    s->out->truncated = ends_early(v);
    s->bad_header = ft_verdict_class(v) == FT_CLASS_MALFORMED; /* not: of another kind */
    s->malformed = s->bad_header && !ends_early(v);
    if (v == FT_V_DECODED) {
        s->have = s->from_header = true;
        note_header(s, &l4);
    }
}

void ft__sampled_ip(struct ft__sampled *s, const struct ft_sflow_ip *ip)
{
    bool ports =
        ip->protocol == PROTO_TCP || ip->protocol == PROTO_UDP || ip->protocol == PROTO_SCTP;
    struct ft__ends ends = {.sport = ports ? (uint16_t)ip->src_port : 0,
                            .dport = ports ? (uint16_t)ip->dst_port : 0,
                            .proto = (uint8_t)ip->protocol};
    struct ft_packet *pkt = s->pkt;

    if (s->from_header) {
        return; /* the packet itself tells more */
    }
    memset(pkt, 0, sizeof *pkt);
    pkt->swap = ip->version == 4 ? ft__key_ip4(pkt, &s->decoder->seed, ip->src, ip->dst, ends)
                                 : ft__key_ip6(pkt, &s->decoder->seed, ip->src, ip->dst, ends);
    pkt->ts_ns = s->out->timestamp_ns;
    pkt->ip_len = ip->length;
    pkt->frame_len = ip->length;
    pkt->tcp_flags = (uint8_t)ip->tcp_flags;
    pkt->tos = (uint8_t)ip->tos;
    s->have = true;
    s->out->seen |= FT_XS_TOS | (ip->protocol == PROTO_TCP ? FT_XS_TCP_FLAGS : 0);
    s->out->frame_len = s->out->frame_len != 0 ? s->out->frame_len : ip->length;
}

void ft__sampled_ethernet(struct ft__sampled *s, const struct ft_sflow_ethernet *eth)
{
    if (!s->from_header && !s->has_frame_len && eth->length != 0) {
        s->out->frame_len = eth->length;
    }
    if ((s->out->seen & FT_XS_MACS) == 0) {
        s->out->seen |= FT_XS_MACS;
        memcpy(s->out->src_mac, eth->src, 6);
        memcpy(s->out->dst_mac, eth->dst, 6);
    }
}

bool ft__sampled_end(struct ft__sampled *s)
{
    if (s->have && !s->from_header && s->out->frame_len < s->pkt->ip_len) {
        s->out->frame_len = s->pkt->ip_len;
        s->too_short = true;
    }
    if (s->have) {
        s->pkt->frame_len = s->out->frame_len;
        s->out->pkt = s->pkt;
    }
    return s->too_short || s->malformed || (s->have && s->bad_header);
}
