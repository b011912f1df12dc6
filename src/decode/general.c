/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the general path, see general.h: link, IP and transport steps in turn. */
#include "decode/general.h"

#include "codec/net/ip.h"
#include "codec/net/l4.h"
#include "codec/net/link.h"
#include "codec/net/tunnel.h"
#include "decode/key.h"

static void start(struct ft_net *n, const struct ft_view *v)
{
    uint32_t cap = v->caplen < v->len ? v->caplen : v->len;

    n->rd = ft_rd_make(cap > 0 ? (const void *)v->data : "", cap);
    n->wire = v->len;
    n->tunnel = (struct ft_net_tunnel){0};
    n->scope = v->flags & FT_VIEW_VLAN ? ft_link_scope(0, v->vlan_tci) : 0;
}

static void finish_tunnel(const struct ft_net_tunnel *t, const struct ft_hash_seed *seed,
                          struct ft_packet *out)
{
    uint32_t len = t->version == 4 ? 4 : t->version == 6 ? 16 : 0;

    out->tunnel_id = t->id;
    out->tunnel_depth = t->depth;
    out->tunnel_version = t->version;
    out->tunnel_flags = t->flags;
    memset(out->outer, 0, sizeof out->outer);
    if (len > 0) {
        memcpy(out->outer[0], t->src, len);
        memcpy(out->outer[1], t->dst, len);
    }
    if (t->flags & FT_TUNNEL_KEYED) {
        out->hash = ft_hash_16(seed, out->hash, (uint64_t)t->type << 32 | t->id);
    }
}

static void finish(const struct ft_net *n, const struct ft_hash_seed *seed, const struct ft_view *v,
                   struct ft_packet *out)
{
    struct ft__ends e = {.sport = n->port[0],
                         .dport = n->port[1],
                         .scope = n->scope,
                         .proto = n->proto,
                         .bits =
                             n->key_bits | (n->tunnel.flags & FT_TUNNEL_KEYED ? FT_KEY_TUNNEL : 0)};

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
    out->tunnel = n->tunnel.type;
    if (n->has_bth) {
        out->mark |= FT_MARK_ROCE;
        out->roce_bth = n->roce_bth;
    }
    out->frag_off = n->frag_off;
    out->frag_more = n->frag_more;
    out->frag_id = n->frag_id;
    out->frag_len = n->frag_len;
    out->payload = n->payload;
    out->payload_cap =
        (uint16_t)(n->payload_cap < FT_PAYLOAD_MAX ? n->payload_cap : FT_PAYLOAD_MAX);
    if (n->tunnel.type != FT_TUNNEL_NONE) {
        finish_tunnel(&n->tunnel, seed, out);
    }
}

/* IP and transport header. */
static enum ft_verdict decode_packet(struct ft_net *n)
{
    enum ft_verdict verdict = ft_ip_decode(n);

    return verdict == FT_V_DECODED ? ft_l4_decode(n) : verdict;
}

/* Goes through the tunnels to the innermost packet that decodes. Ends: each opens one more of
 * FT_NET_MAX_TUNNELS. */
static void follow_tunnels(struct ft_net *n)
{
    for (;;) {
        struct ft_net inner = *n;

        if (!ft_tunnel_open(&inner) || decode_packet(&inner) != FT_V_DECODED) {
            return;
        }
        *n = inner;
    }
}

enum ft_verdict ft__decode_general(const struct ft_hash_seed *seed, bool keep_tunnels,
                                   const struct ft_view *v, struct ft_packet *out)
{
    struct ft__l4_place l4;

    return ft__decode_general_to(seed, keep_tunnels, v, out, &l4);
}

enum ft_verdict ft__decode_general_to(const struct ft_hash_seed *seed, bool keep_tunnels,
                                      const struct ft_view *v, struct ft_packet *out,
                                      struct ft__l4_place *out_l4)
{
    struct ft_net n;
    enum ft_verdict verdict;

    start(&n, v);
    verdict = ft_link_decode(&n, v->linktype);
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    verdict = decode_packet(&n);
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    if (!keep_tunnels) {
        follow_tunnels(&n);
    }
    finish(&n, seed, v, out);
    *out_l4 = (struct ft__l4_place){n.rd.p, (uint32_t)ft_rd_left(&n.rd), n.wire};
    return FT_V_DECODED;
}
