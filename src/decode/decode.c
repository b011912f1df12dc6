/* SPDX-License-Identifier: Apache-2.0 */
/* decode: batches of views to packets: the fast path, and the account; see decode.h.
 *
 * The fast path takes a frame only when every rule of the general path is met at once, and leaves
 * all others, the malformed ones too, to it. Whatever it takes comes out the same from both
 * (tests/unit/decode/test_paths.c, tests/fuzz/fuzz_packet.c). */
#include "decode/decode.h"

#include "codec/net/link.h"
#include "codec/net/tcp_options.h"
#include "codec/net/tunnel.h"
#include "decode/general.h"
#include "decode/key.h"

enum { ETHERNET_LEN = 14, VLAN_LEN = 4, IP4_LEN = 20, IP6_LEN = 40, TCP_LEN = 20, UDP_LEN = 8 };

/* How many views ahead the headers are asked for: their first and their last byte, since two frames
 * of three lie across two cache lines. Measured on a mapped file of 500-byte frames: 28 ns a packet
 * without, 15 ns with; 1 ns more where everything is in the cache. */
enum { PREFETCH_AHEAD = 12, PREFETCH_LAST = 53 };

void ft_decoder_init(struct ft_decoder *d, const struct ft_hash_seed *seed)
{
    memset(d, 0, sizeof *d);
    d->seed = *seed;
    d->ports = &ft_tunnel_ports_known;
}

/* Of the decoder, what the fast path needs. */
struct ways {
    struct ft_hash_seed seed;
    const uint8_t *tunnels; /* ft_tunnel_port() */
    uint16_t scopes;        /* bits of a scope that are part of keys */
    bool heads;             /* of struct ft_decoder */
};

/* What the fast path knows of a frame when it has read the IP header. */
struct fast {
    const uint8_t *l4; /* transport header; at least its fixed part was captured */
    uint32_t l4_len;   /* bytes of the IP packet from there on */
    uint32_t cap;      /* of them, captured */
    uint32_t ip_len;
    uint16_t scope;
    uint16_t ip_id;
    uint8_t proto; /* TCP or UDP */
    uint8_t ttl;
    uint8_t tos;
};

/* The transport header of f: false when its lengths are not plain. Sets what depends on it. */
FT_INLINE bool fast_l4(const struct ways *ways, const struct fast *f, bool payloads,
                       struct ft_packet *out, struct ft__ends *ends)
{
    const uint8_t *p = f->l4;
    uint32_t header, end = f->l4_len;

    if (f->proto == FT_IP_TCP) {
        header = (p[12] >> 4) * 4u;
        if (header < TCP_LEN || header > f->l4_len) {
            return false;
        }
        out->tcp_seq = ft_load_be32(p + 4);
        out->tcp_ack = ft_load_be32(p + 8);
        out->tcp_flags = p[13];
        out->tcp_window = ft_load_be16(p + 14);
        out->tcp_sum = ft_load_be16(p + 16);
        out->tcp_opts = ft_tcp_options(p, header, f->cap, p[13], &out->tcp_mss);
        out->mark = p[12] & FT_MARK_OFFSET;
    } else {
        uint32_t udp_len = ft_load_be16(p + 4);

        header = UDP_LEN;
        if (udp_len < UDP_LEN || udp_len > f->l4_len ||
            FT_UNLIKELY(ft_tunnel_port(ways->tunnels, ft_load_be16(p), ft_load_be16(p + 2)))) {
            return false;
        }
        out->tcp_seq = 0;
        out->tcp_ack = 0;
        out->tcp_flags = 0;
        out->tcp_window = 0;
        out->tcp_sum = 0;
        out->tcp_opts = 0;
        out->mark = 0;
        end = udp_len;
    }
    out->payload_len = end - header;
    if (payloads) {
        uint32_t cap = f->cap < end ? f->cap : end, head = cap < header ? cap : header;

        cap -= head;
        out->payload = p + head;
        out->payload_cap = (uint16_t)(cap < FT_PAYLOAD_MAX ? cap : FT_PAYLOAD_MAX);
        out->head_len = ways->heads ? (uint16_t)(f->ip_len - f->l4_len + head) : 0;
    }
    *ends = (struct ft__ends){.sport = ft_load_be16(p),
                              .dport = ft_load_be16(p + 2),
                              .scope = f->scope & ways->scopes,
                              .proto = f->proto};
    return true;
}

FT_INLINE void fast_rest(const struct fast *f, const struct ft_view *v, bool swap,
                         struct ft_packet *out)
{
    out->ts_ns = v->ts_ns;
    out->frame_len = ft__frame_len(v);
    out->ip_len = f->ip_len;
    out->swap = swap;
    out->frag = FT_FRAG_NONE;
    out->ttl = f->ttl;
    out->mark |= v->caplen < v->len ? FT_MARK_TRUNCATED : 0;
    out->tos = f->tos;
    out->ip_id = f->ip_id;
    out->tunnel = FT_TUNNEL_NONE;
}

/* Bytes of a transport header that must have been captured; above any frame for other protocols. */
FT_INLINE uint32_t fast_l4_min(uint8_t proto)
{
    return proto == FT_IP_TCP ? TCP_LEN : proto == FT_IP_UDP ? UDP_LEN : UINT32_MAX / 2;
}

/* IPv4 without options or fragments at offset off, which is below caplen <= len. */
FT_INLINE bool fast_ip4(const struct ways *ways, const struct ft_view *v, uint32_t off,
                        uint16_t scope, bool payloads, struct ft_packet *out)
{
    const uint8_t *p = v->data + off;
    uint32_t cap = v->caplen - off;
    struct ft__ends ends;
    struct fast f;
    uint64_t w;

    if (cap < IP4_LEN + UDP_LEN) {
        return false;
    }
    w = ft_load_be64(p); /* version, IHL, TOS, total length, id, flags, fragment offset */
    if (w >> 56 != 0x45 || (w & 0x3fff) != 0) {
        return false;
    }
    f.proto = p[9];
    f.ip_len = (uint32_t)(w >> 32) & 0xffff;

    uint32_t need = IP4_LEN + fast_l4_min(f.proto);

    if (cap < need || f.ip_len < need || f.ip_len > v->len - off) {
        return false;
    }
    f.l4 = p + IP4_LEN;
    f.l4_len = f.ip_len - IP4_LEN;
    f.cap = cap - IP4_LEN < f.l4_len ? cap - IP4_LEN : f.l4_len;
    f.scope = scope;
    f.ttl = p[8];
    f.tos = (uint8_t)(w >> 48);
    f.ip_id = (uint16_t)(w >> 16);
    if (!fast_l4(ways, &f, payloads, out, &ends)) {
        return false;
    }
    fast_rest(&f, v, ft__key_ip4(out, &ways->seed, p + 12, p + 16, ends), out);
    return true;
}

/* IPv6 without extension headers, likewise. */
FT_INLINE bool fast_ip6(const struct ways *ways, const struct ft_view *v, uint32_t off,
                        uint16_t scope, bool payloads, struct ft_packet *out)
{
    const uint8_t *p = v->data + off;
    uint32_t cap = v->caplen - off;
    struct ft__ends ends;
    struct fast f;
    uint64_t w;

    if (cap < IP6_LEN + UDP_LEN) {
        return false;
    }
    w = ft_load_be64(p); /* version, class, flow label, payload length, next header, hop limit */
    if (w >> 60 != 6) {
        return false;
    }
    f.proto = (uint8_t)(w >> 8);
    f.l4_len = (uint32_t)(w >> 16) & 0xffff;
    f.ip_len = IP6_LEN + f.l4_len;

    uint32_t need = IP6_LEN + fast_l4_min(f.proto);

    if (cap < need || f.ip_len < need || f.ip_len > v->len - off) {
        return false;
    }
    f.l4 = p + IP6_LEN;
    f.cap = cap - IP6_LEN < f.l4_len ? cap - IP6_LEN : f.l4_len;
    f.scope = scope;
    f.ttl = (uint8_t)w;
    f.ip_id = 0;
    f.tos = (uint8_t)(w >> 52);
    if (!fast_l4(ways, &f, payloads, out, &ends)) {
        return false;
    }
    fast_rest(&f, v, ft__key_ip6(out, &ways->seed, p + 8, p + 24, ends), out);
    return true;
}

/* Ethernet with at most one 802.1Q tag in the frame. True: *out is written; false: undecided, *out
 * is undefined. */
FT_INLINE bool fast_path(const struct ways *ways, const struct ft_view *v, bool payloads,
                         struct ft_packet *out)
{
    uint32_t off = ETHERNET_LEN;
    uint16_t scope = 0;
    uint16_t type;

    if (v->linktype != FT_LINK_ETHERNET || v->caplen < ETHERNET_LEN + VLAN_LEN ||
        v->caplen > v->len) {
        return false;
    }
    if (v->flags & FT_VIEW_VLAN) {
        scope = ft_link_scope(0, v->vlan_tci);
    }
    type = ft_load_be16(v->data + 12);
    if (type == FT_ETH_VLAN) {
        scope = ft_link_scope(scope, ft_load_be16(v->data + 14));
        type = ft_load_be16(v->data + 16);
        off += VLAN_LEN;
    }
    if (FT_LIKELY(type == FT_ETH_IPV4)) {
        return fast_ip4(ways, v, off, scope, payloads, out);
    }
    return type == FT_ETH_IPV6 && fast_ip6(ways, v, off, scope, payloads, out);
}

FT_INLINE enum ft_verdict decode_one(struct ft_decoder *d, const struct ways *ways,
                                     const struct ft_view *v, bool payloads, struct ft_packet *out)
{
    if (FT_UNLIKELY(v->flags & FT_VIEW_LEFT_OUT)) {
        return v->flags & FT_VIEW_FILTERED ? FT_V_FILTERED : FT_V_DIRECTION;
    }
    if (FT_LIKELY(fast_path(ways, v, payloads, out))) {
        return FT_V_DECODED;
    }
    return ft__decode_general(d, v, out);
}

/* As a number: the last byte may lie beyond the frame, where a pointer must not go. */
FT_INLINE void prefetch_headers(const struct ft_view *v)
{
    __builtin_prefetch(v->data);
    __builtin_prefetch((const void *)((uintptr_t)v->data + PREFETCH_LAST));
}

/* The addresses of a frame, and the label of IPv6 straight behind its header and tags. */
static void decode_link(const struct ft_view *v, struct ft_packet *out)
{
    uint32_t off = ETHERNET_LEN - 2; /* of the type */
    uint16_t type;

    if (v->linktype != FT_LINK_ETHERNET || v->caplen < ETHERNET_LEN ||
        out->tunnel != FT_TUNNEL_NONE) {
        return;
    }
    memcpy(out->mac[1], v->data, sizeof out->mac[1]);
    memcpy(out->mac[0], v->data + sizeof out->mac[1], sizeof out->mac[0]);
    out->mark |= FT_MARK_LINK;
    out->flow_label = UINT32_MAX;
    type = ft_load_be16(v->data + off);
    while ((type == FT_ETH_VLAN || type == FT_ETH_QINQ) && v->caplen >= off + VLAN_LEN + 2) {
        off += VLAN_LEN;
        type = ft_load_be16(v->data + off);
    }
    if (type == FT_ETH_IPV6 && v->caplen >= off + 2 + IP6_LEN) {
        out->flow_label = ft_load_be32(v->data + off + 2) & 0xfffff;
    }
}

FT_INLINE void decode_batch(struct ft_decoder *d, const struct ft_view *views, uint32_t n,
                            bool payloads, bool links, struct ft_packet *out, uint32_t *out_n)
{
    const struct ways ways = {.seed = d->seed,
                              .tunnels = d->ports->maybe,
                              .scopes = d->five_tuple ? 0 : UINT16_MAX,
                              .heads = d->heads};
    const uint8_t *lookup = d->lookup;
    const uint32_t lookup_n = d->lookup_n;
    uint64_t decoded = 0, bytes = 0, decoded_bytes = 0;
    uint8_t fragments = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct ft_view *v = &views[i];
        uint32_t len = ft__frame_len(v);
        enum ft_verdict verdict;

        if (i + PREFETCH_AHEAD < n) {
            prefetch_headers(&views[i + PREFETCH_AHEAD]);
        }
        verdict = decode_one(d, &ways, v, payloads, &out[decoded]);
        bytes += len;
        if (FT_LIKELY(verdict == FT_V_DECODED)) {
            fragments |= out[decoded].frag;
            if (links) {
                decode_link(v, &out[decoded]);
            }
            if (lookup_n != 0) {
                __builtin_prefetch(lookup +
                                   (((out[decoded].hash & UINT32_MAX) * lookup_n) >> 32) * 64);
            }
            decoded_bytes += len;
            decoded++;
        } else {
            d->verdict[verdict]++;
        }
    }
    d->verdict[FT_V_DECODED] += decoded;
    d->decoded_bytes += decoded_bytes;
    d->bytes += bytes;
    d->fragments = fragments != 0;
    *out_n = (uint32_t)decoded;
}

void ft_decode_batch(struct ft_decoder *d, const struct ft_view *views, uint32_t n,
                     struct ft_packet *out, uint32_t *out_n)
{
    if (d->links) {
        decode_batch(d, views, n, d->payloads, true, out, out_n);
    } else if (d->payloads) {
        decode_batch(d, views, n, true, false, out, out_n);
    } else {
        decode_batch(d, views, n, false, false, out, out_n);
    }
}
