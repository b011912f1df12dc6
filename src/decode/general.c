/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the general path, see general.h: link, IP and transport steps in turn. */
#include "decode/general.h"

#include "codec/net/ip.h"
#include "codec/net/l4.h"
#include "codec/net/link.h"
#include "decode/key.h"

static void start(struct ft_net *n, const struct ft_view *v)
{
    uint32_t cap = v->caplen < v->len ? v->caplen : v->len;

    n->rd = ft_rd_make(cap > 0 ? (const void *)v->data : "", cap);
    n->wire = v->len;
    n->scope = v->flags & FT_VIEW_VLAN ? ft_link_scope(0, v->vlan_tci) : 0;
}

static void finish(const struct ft_net *n, const struct ft_hash_seed *seed, const struct ft_view *v,
                   struct ft_packet *out)
{
    struct ft__ends e = {.sport = n->port[0],
                         .dport = n->port[1],
                         .scope = n->scope,
                         .proto = n->proto,
                         .bits = n->key_bits};

    out->swap = n->version == 4 ? ft__key_ip4(out, seed, n->src, n->dst, e)
                                : ft__key_ip6(out, seed, n->src, n->dst, e);
    out->ts_ns = v->ts_ns;
    out->frame_len = ft__frame_len(v);
    out->ip_len = n->ip_len;
    out->payload_len = n->payload_len;
    out->tcp_seq = n->tcp_seq;
    out->tcp_flags = n->tcp_flags;
    out->frag = n->frag;
    out->ttl = n->ttl;
    out->tcp_window = n->tcp_window;
    out->mark = v->caplen < v->len ? FT_MARK_TRUNCATED : 0;
    out->tos = n->tos;
    out->ip_id = n->ip_id;
    out->tcp_ack = n->tcp_ack;
    out->tcp_mss = n->tcp_mss;
    out->tcp_opts = n->tcp_opts;
    out->tunnel = FT_TUNNEL_NONE;
    out->frag_off = n->frag_off;
    out->frag_more = n->frag_more;
    out->frag_id = n->frag_id;
    out->payload = n->payload;
    out->payload_cap =
        (uint16_t)(n->payload_cap < FT_PAYLOAD_MAX ? n->payload_cap : FT_PAYLOAD_MAX);
}

enum ft_verdict ft__decode_general(const struct ft_hash_seed *seed, const struct ft_view *v,
                                   struct ft_packet *out)
{
    struct ft_net n;
    enum ft_verdict verdict;

    start(&n, v);
    verdict = ft_link_decode(&n, v->linktype);
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    verdict = ft_ip_decode(&n);
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    verdict = ft_l4_decode(&n);
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    finish(&n, seed, v, out);
    return FT_V_DECODED;
}
