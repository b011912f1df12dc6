/* SPDX-License-Identifier: Apache-2.0 */
/* decode: UDP datagrams out of captured packets, see datagram.h. */
#include "decode/datagram.h"

#include <string.h>

#include "base/mem.h"
#include "codec/net/ip.h"
#include "codec/net/link.h"

enum { BUFFER = 65536, PIECES = 64, UDP_HEADER = 8, IP6_HEADER = 40 };

static const int64_t hold_ns = (int64_t)30 * 1000000000;

/* What a fragment says of itself. */
struct piece {
    uint32_t id, start, len;
    bool more;
};

struct held {
    bool used;
    uint8_t version;
    uint8_t src[16], dst[16];
    uint32_t id;
    int64_t first_ns;
    uint32_t total; /* bytes of the whole, 0 while unknown */
    uint32_t have;
    uint32_t n;
    struct {
        uint32_t start, end;
    } range[PIECES];
    uint8_t *data; /* BUFFER bytes, allocated when first used */
};

struct ft_datagrams {
    struct held held[FT_DATAGRAM_HELD];
    struct held *given; /* handed out: free at the next call */
    uint16_t ethertype; /* of the last view */
};

int ft_datagrams_new(struct ft_datagrams **out)
{
    *out = ft_mem_alloc(1, sizeof **out);
    return *out != NULL ? FT_OK : FT_E_NOMEM;
}

void ft_datagrams_free(struct ft_datagrams *d)
{
    for (uint32_t i = 0; d != NULL && i < FT_DATAGRAM_HELD; i++) {
        ft_mem_free(d->held[i].data);
    }
    ft_mem_free(d);
}

/* The fragment header of an IPv6 packet whose addresses lie at src; false: none before end. */
static bool find_fragment(const uint8_t *src, const uint8_t *end, struct piece *out)
{
    const uint8_t *header = src - 8;
    struct ft_rd rd = ft_rd_make(header + IP6_HEADER, (size_t)(end - header) - IP6_HEADER);
    uint8_t next = header[6];

    for (int i = 0; i < FT_NET_MAX_EXT; i++) {
        const uint8_t *p = ft_rd_view(&rd, 8);

        if (p == NULL) {
            return false;
        }
        if (next == FT_IP_FRAGMENT) {
            uint16_t field = ft_load_be16(p + 2);

            out->start = field & 0xfff8;
            out->more = (field & 1) != 0;
            out->id = ft_load_be32(p + 4);
            return true;
        }
        next = p[0];
        if (ft_rd_view(&rd, (size_t)p[1] * 8) == NULL) {
            return false;
        }
    }
    return false;
}

static bool describe(const struct ft_net *n, struct piece *out)
{
    out->len = n->wire;
    if (n->version == 4) {
        uint16_t field = ft_load_be16(n->src - 12 + 6);

        out->id = ft_load_be16(n->src - 12 + 4);
        out->start = (uint32_t)(field & 0x1fff) * 8;
        out->more = (field & 0x2000) != 0;
        return true;
    }
    return find_fragment(n->src, n->rd.p, out);
}

/* True when two times are too far apart, either way; they come from captures and may be any. */
static bool too_far(int64_t a_ns, int64_t b_ns)
{
    uint64_t apart =
        a_ns > b_ns ? (uint64_t)a_ns - (uint64_t)b_ns : (uint64_t)b_ns - (uint64_t)a_ns;

    return apart > (uint64_t)hold_ns;
}

static struct held *find_held(struct ft_datagrams *d, const struct ft_net *n, const struct piece *p,
                              int64_t now_ns)
{
    size_t len = n->version == 4 ? 4 : 16;
    struct held *oldest = &d->held[0], *h;

    for (uint32_t i = 0; i < FT_DATAGRAM_HELD; i++) {
        h = &d->held[i];
        if (h->used && too_far(now_ns, h->first_ns)) {
            h->used = false;
        }
        if (h->used && h->version == n->version && h->id == p->id &&
            memcmp(h->src, n->src, len) == 0 && memcmp(h->dst, n->dst, len) == 0) {
            return h;
        }
        if (!h->used || (oldest->used && h->first_ns < oldest->first_ns)) {
            oldest = h;
        }
    }
    uint8_t *data = oldest->data != NULL ? oldest->data : ft_mem_alloc(1, BUFFER);

    if (data == NULL) {
        return NULL;
    }
    *oldest = (struct held){
        .used = true, .version = n->version, .id = p->id, .first_ns = now_ns, .data = data};
    memcpy(oldest->src, n->src, len);
    memcpy(oldest->dst, n->dst, len);
    return oldest;
}

/* Adds a fragment. False: it cannot be, and its datagram is given up. */
static bool add(struct held *h, const struct piece *p, const uint8_t *data)
{
    uint32_t end = p->start + p->len;

    if (end > BUFFER || h->n == PIECES || p->len == 0 || (h->total != 0 && end > h->total)) {
        return false;
    }
    for (uint32_t i = 0; i < h->n; i++) {
        if (p->start < h->range[i].end && h->range[i].start < end) {
            return false;
        }
    }
    if (!p->more) {
        if (h->total != 0) {
            return false;
        }
        h->total = end;
    }
    memcpy(h->data + p->start, data, p->len);
    h->range[h->n].start = p->start;
    h->range[h->n++].end = end;
    h->have += p->len;
    return true;
}

static enum ft_verdict payload(const uint8_t *udp, uint32_t len, struct ft_peer *peer,
                               const uint8_t **out_data, uint32_t *out_len)
{
    uint32_t said;

    if (len < UDP_HEADER) {
        return FT_V_L4_SHORT;
    }
    said = ft_load_be16(udp + 4);
    if (said < UDP_HEADER || said > len) {
        return FT_V_UDP_LENGTH;
    }
    peer->port = ft_load_be16(udp);
    *out_data = udp + UDP_HEADER;
    *out_len = said - UDP_HEADER;
    return FT_V_DECODED;
}

static enum ft_verdict take_fragment(struct ft_datagrams *d, struct ft_net *n, int64_t now_ns,
                                     struct ft_peer *peer, const uint8_t **out_data,
                                     uint32_t *out_len)
{
    struct piece p;
    struct held *h;

    if (!describe(n, &p) || ft_rd_left(&n->rd) < n->wire) {
        return FT_V_EXPORT_SHORT; /* cut by the snap length */
    }
    h = find_held(d, n, &p, now_ns);
    if (h == NULL || !add(h, &p, n->rd.p)) {
        if (h != NULL) {
            h->used = false;
        }
        return FT_V_EXPORT_SHORT;
    }
    if (h->total == 0 || h->have < h->total) {
        return FT_V_FRAGMENT;
    }
    h->used = false;
    d->given = h;
    return payload(h->data, h->total, peer, out_data, out_len);
}

enum ft_verdict ft_datagram_take(struct ft_datagrams *d, const struct ft_view *v,
                                 struct ft_peer *peer, const uint8_t **out_data, uint32_t *out_len)
{
    struct ft_net n = {0};
    uint32_t cap = v->caplen < v->len ? v->caplen : v->len;
    enum ft_verdict verdict;

    n.rd = ft_rd_make(cap > 0 ? (const void *)v->data : "", cap);
    n.wire = v->len;
    n.scope = 0;
    verdict = ft_link_decode(&n, v->linktype);
    d->ethertype = n.ethertype;
    if (verdict == FT_V_DECODED) {
        verdict = ft_ip_decode(&n);
    }
    if (verdict != FT_V_DECODED) {
        return verdict;
    }
    if (n.proto != FT_IP_UDP) {
        return FT_V_NOT_UDP;
    }
    memset(peer, 0, sizeof *peer);
    peer->ip_version = n.version;
    memcpy(peer->addr, n.src, n.version == 4 ? 4 : 16);
    if (n.frag != FT_FRAG_NONE) {
        return take_fragment(d, &n, v->ts_ns, peer, out_data, out_len);
    }
    if (ft_rd_left(&n.rd) < n.wire) {
        verdict = payload(n.rd.p, (uint32_t)ft_rd_left(&n.rd), peer, out_data, out_len);
        if (verdict == FT_V_UDP_LENGTH) { /* cut by the snap length: what is there is used */
            *out_data = n.rd.p + UDP_HEADER;
            *out_len = (uint32_t)ft_rd_left(&n.rd) - UDP_HEADER;
            peer->port = ft_load_be16(n.rd.p);
            return FT_V_DECODED;
        }
        return verdict;
    }
    return payload(n.rd.p, n.wire, peer, out_data, out_len);
}

uint16_t ft_datagram_ethertype(const struct ft_datagrams *d)
{
    return d->ethertype;
}
