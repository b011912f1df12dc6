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
    n->ethertype = 0;
    n->scope = v->flags & FT_VIEW_VLAN ? ft_link_scope(0, v->vlan_tci) : 0;
}

static void finish_tunnel(const struct ft_net_tunnel *t, const struct ft_hash_seed *seed,
                          bool keyed, struct ft_packet *out)
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
    if (keyed) {
        out->hash = ft_hash_16(seed, out->hash, (uint64_t)t->type << 32 | t->id);
    }
}

static uint64_t fold_16(const struct ft_hash_seed *seed, uint64_t h, const uint8_t *p)
{
    return ft_hash_fold(ft_load_u64(p) ^ h ^ seed->s[0], ft_load_u64(p + 8) ^ seed->s[1]);
}

/* Two fragments whose data were captured alike have the same sum. Two lanes, since a step waits for
 * the one before. */
static uint32_t data_sum(const struct ft_hash_seed *seed, const uint8_t *p, size_t len)
{
    uint64_t h = len, g = ~h;
    uint8_t last[32] = {0};

    for (; len >= 32; p += 32, len -= 32) {
        h = fold_16(seed, h, p);
        g = fold_16(seed, g, p + 16);
    }
    memcpy(last, p, len);
    return (uint32_t)ft_hash_16(seed, fold_16(seed, h, last), fold_16(seed, g, last + 16));
}

static void finish_fragment(const struct ft_net *n, const struct ft_hash_seed *seed,
                            struct ft_packet *out)
{
    size_t cap = (size_t)(n->rd.end - n->frag_data);

    out->frag_off = n->frag_off;
    out->frag_more = n->frag_more;
    out->frag_id = n->frag_id;
    out->frag_len = n->frag_len;
    out->frag_l4 = (uint16_t)(n->rd.p - n->frag_data);
    out->frag_sum = data_sum(seed, n->frag_data, cap);
    out->payload = n->frag_data;
    out->payload_cap = (uint16_t)(cap < FT_PAYLOAD_MAX ? cap : FT_PAYLOAD_MAX);
}

enum { IP4_SRC = 12, IP6_SRC = 8 }; /* where the source stands in its header */

/* Where the headers lie; of others than TCP and UDP all that was captured counts as header. */
static void finish_head(const struct ft_net *n, struct ft_packet *out)
{
    const uint8_t *ip = n->src - (n->version == 4 ? IP4_SRC : IP6_SRC);
    size_t len = (size_t)((n->payload_cap > 0 ? n->payload : n->rd.end) - ip);

    if (n->payload_cap == 0) {
        len = len < FT_HEAD_MAX ? len : FT_HEAD_MAX;
        out->payload = ip + len;
    }
    out->head_len = (uint16_t)(len <= FT_HEAD_MAX ? len : 0);
}

static struct ft__ends ends_of(const struct ft_decoder *d, const struct ft_net *n)
{
    bool keyed = (n->tunnel.flags & FT_TUNNEL_KEYED) && !d->five_tuple;
    struct ft__ends e = {.sport = n->port[0],
                         .dport = n->port[1],
                         .scope = d->five_tuple ? 0 : n->scope,
                         .proto = n->proto,
                         .bits = n->key_bits | (keyed ? FT_KEY_TUNNEL : 0)};

    if (d->few_ports && n->proto != FT_IP_TCP && n->proto != FT_IP_UDP) {
        e.sport = e.dport = 0;
        e.bits &= (uint8_t)~FT_KEY_ONE_WAY;
    }
    return e;
}

static void finish(const struct ft_decoder *d, const struct ft_net *n, const struct ft_view *v,
                   struct ft_packet *out)
{
    const struct ft_hash_seed *seed = &d->seed;
    struct ft__ends e = ends_of(d, n);

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
    out->tcp_sum = n->tcp_sum;
    out->mark = n->tcp_offset | (v->caplen < v->len ? FT_MARK_TRUNCATED : 0);
    out->tos = n->tos;
    out->ip_id = n->ip_id;
    out->tcp_ack = n->tcp_ack;
    out->tcp_mss = n->tcp_mss;
    if (n->proto == FT_IP_ICMP || n->proto == FT_IP_ICMPV6) {
        out->icmp = n->icmp;
    }
    out->tcp_opts = n->tcp_opts;
    out->tunnel = n->tunnel.type;
    if (n->has_bth) {
        out->mark |= FT_MARK_ROCE;
        out->roce_bth = n->roce_bth;
    }
    out->payload = n->payload;
    out->payload_cap =
        (uint16_t)(n->payload_cap < FT_PAYLOAD_MAX ? n->payload_cap : FT_PAYLOAD_MAX);
    out->head_len = 0;
    if (n->frag != FT_FRAG_NONE) {
        finish_fragment(n, seed, out);
    }
    if (n->tunnel.type != FT_TUNNEL_NONE) {
        finish_tunnel(&n->tunnel, seed, (e.bits & FT_KEY_TUNNEL) != 0, out);
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
static void follow_tunnels(struct ft_net *n, const struct ft_tunnel_ports *ports)
{
    for (;;) {
        struct ft_net inner = *n;

        if (!ft_tunnel_open(&inner, ports) || decode_packet(&inner) != FT_V_DECODED) {
            return;
        }
        *n = inner;
    }
}

enum ft_verdict ft__decode_general(struct ft_decoder *d, const struct ft_view *v,
                                   struct ft_packet *out)
{
    struct ft__l4_place l4;

    return ft__decode_general_to(d, d->keep_tunnels, v, out, &l4);
}

enum ft_verdict ft__decode_general_to(struct ft_decoder *d, bool keep_tunnels,
                                      const struct ft_view *v, struct ft_packet *out,
                                      struct ft__l4_place *out_l4)
{
    struct ft_net n;
    enum ft_verdict verdict;

    start(&n, v);
    verdict = ft_link_decode(&n, v->linktype);
    if (verdict != FT_V_DECODED) {
        if (verdict == FT_V_NOT_IP) {
            ft_ethertypes_add(&d->types, n.ethertype, 1);
        }
        return verdict;
    }
    verdict = decode_packet(&n);
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    if (!keep_tunnels) {
        follow_tunnels(&n, d->ports);
    }
    finish(d, &n, v, out);
    if (d->heads && n.frag == FT_FRAG_NONE) {
        finish_head(&n, out);
    }
    *out_l4 = (struct ft__l4_place){n.rd.p, (uint32_t)ft_rd_left(&n.rd), n.wire};
    return FT_V_DECODED;
}

bool ft__may_carry(const struct ft_decoder *d, uint8_t proto, const uint16_t *ports)
{
    if (ft_tunnel_by_port(proto)) {
        return ports == NULL || ft_tunnel_port(d->ports->maybe, ports[0], ports[1]);
    }
    return ft_tunnel_maybe(proto);
}

/* The walk through a whole datagram, as it stands at its transport header. */
static void start_joined(struct ft_net *n, const struct ft__joined *j)
{
    const struct ft_packet *p = j->first;
    bool v6 = (p->key.bits & FT_KEY_V6) != 0;
    const uint8_t *end[2] = {v6 ? p->addr6 : (const uint8_t *)&p->key.addr[0],
                             v6 ? p->addr6 + 16 : (const uint8_t *)&p->key.addr[1]};

    *n = (struct ft_net){.rd = ft_rd_make(j->data, j->cap),
                         .wire = j->len,
                         .scope = p->key.scope,
                         .version = v6 ? 6 : 4,
                         .proto = p->key.proto,
                         .src = end[p->swap],
                         .dst = end[!p->swap]};
    if (p->tunnel != FT_TUNNEL_NONE) {
        n->tunnel = (struct ft_net_tunnel){.type = p->tunnel,
                                           .depth = p->tunnel_depth,
                                           .version = p->tunnel_version,
                                           .flags = p->tunnel_flags,
                                           .id = p->tunnel_id,
                                           .src = p->outer[0],
                                           .dst = p->outer[1]};
    }
}

bool ft__decode_joined(const struct ft_decoder *d, const struct ft__joined *j,
                       struct ft_packet *out)
{
    struct ft_view v = {.ts_ns = j->ts_ns, .len = j->frame_len, .caplen = j->frame_len};
    struct ft_net n;

    start_joined(&n, j);

    uint8_t depth = n.tunnel.depth;

    if (ft_l4_decode(&n) != FT_V_DECODED) {
        return false;
    }
    follow_tunnels(&n, d->ports);
    if (n.tunnel.depth == depth) {
        return false;
    }
    v.caplen -= j->truncated;
    finish(d, &n, &v, out);
    return true;
}
