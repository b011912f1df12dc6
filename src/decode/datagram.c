/* SPDX-License-Identifier: Apache-2.0 */
/* decode: UDP datagrams out of captured packets, see datagram.h. */
#include "decode/datagram.h"

#include <string.h>

#include "base/mem.h"
#include "codec/net/ip.h"
#include "codec/net/link.h"

enum { BUFFER = 65536, PIECES = 64, UDP_HEADER = 8, IP6_HEADER = 40 };

static const int64_t hold_ns = (int64_t)30 * 1000000000;
static const int64_t done_ns = (int64_t)50 * 1000000; /* copies of a frame come within this */

/* What a fragment says of itself. */
struct piece {
    uint32_t id, start, len;
    bool more;
};

enum state {
    FREE,
    OPEN, /* not whole yet */
    DONE  /* was handed out: data is kept for done_ns, to know copies of its fragments */
};

struct held {
    enum state state;
    uint8_t version;
    uint8_t src[16], dst[16];
    uint32_t id;
    int64_t first_ns; /* DONE: when it became whole */
    uint32_t total;   /* bytes of the whole, 0 while unknown */
    uint32_t have;    /* bytes that came, each counted once */
    uint32_t n;
    struct {
        uint32_t start, end;
    } range[PIECES]; /* in order, apart from each other */
    uint8_t *data;   /* BUFFER bytes, allocated when first used */
};

struct ft_datagrams {
    struct held held[FT_DATAGRAM_HELD];
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

/* True when two times are further apart than most_ns, either way; they come from captures and may
 * be any. */
static bool too_far(int64_t a_ns, int64_t b_ns, int64_t most_ns)
{
    uint64_t apart =
        a_ns > b_ns ? (uint64_t)a_ns - (uint64_t)b_ns : (uint64_t)b_ns - (uint64_t)a_ns;

    return apart > (uint64_t)most_ns;
}

/* The place to give up for a new datagram: a free one, else one that is done, else the oldest. */
static bool worse(const struct held *a, const struct held *b)
{
    static const uint8_t rank[] = {[FREE] = 2, [DONE] = 1, [OPEN] = 0};

    return rank[a->state] != rank[b->state] ? rank[a->state] > rank[b->state]
                                            : a->first_ns < b->first_ns;
}

static void begin(struct held *h, const struct ft_net *n, const struct piece *p, int64_t now_ns)
{
    size_t len = n->version == 4 ? 4 : 16;

    *h = (struct held){
        .state = OPEN, .version = n->version, .id = p->id, .first_ns = now_ns, .data = h->data};
    memcpy(h->src, n->src, len);
    memcpy(h->dst, n->dst, len);
}

static struct held *find_held(struct ft_datagrams *d, const struct ft_net *n, const struct piece *p,
                              int64_t now_ns)
{
    size_t len = n->version == 4 ? 4 : 16;
    struct held *place = &d->held[0], *h;

    for (uint32_t i = 0; i < FT_DATAGRAM_HELD; i++) {
        h = &d->held[i];
        if (h->state != FREE &&
            too_far(now_ns, h->first_ns, h->state == DONE ? done_ns : hold_ns)) {
            h->state = FREE;
        }
        if (h->state != FREE && h->version == n->version && h->id == p->id &&
            memcmp(h->src, n->src, len) == 0 && memcmp(h->dst, n->dst, len) == 0) {
            return h;
        }
        if (worse(h, place)) {
            place = h;
        }
    }
    if (place->data == NULL) {
        place->data = ft_mem_alloc(1, BUFFER);
        if (place->data == NULL) {
            return NULL;
        }
    }
    begin(place, n, p, now_ns);
    return place;
}

/* True when what the piece shares with what came before is the same there: bytes and end. */
static bool agrees(const struct held *h, const struct piece *p, const uint8_t *data)
{
    uint32_t end = p->start + p->len;

    if (h->total != 0 && (end > h->total || (!p->more && end != h->total))) {
        return false;
    }
    if (!p->more && h->n > 0 && h->range[h->n - 1].end > end) {
        return false;
    }
    for (uint32_t i = 0; i < h->n; i++) {
        uint32_t from = p->start > h->range[i].start ? p->start : h->range[i].start;
        uint32_t to = end < h->range[i].end ? end : h->range[i].end;

        if (from < to && memcmp(h->data + from, data + (from - p->start), to - from) != 0) {
            return false;
        }
    }
    return true;
}

/* Notes the bytes from start to end. False: there is no room for so many holes. */
static bool note_range(struct held *h, uint32_t start, uint32_t end)
{
    uint32_t first = 0, n;

    while (first < h->n && h->range[first].end < start) {
        first++;
    }
    n = first;
    while (n < h->n && h->range[n].start <= end) { /* these become one with it */
        start = h->range[n].start < start ? h->range[n].start : start;
        end = h->range[n].end > end ? h->range[n].end : end;
        h->have -= h->range[n].end - h->range[n].start;
        n++;
    }
    if (n == first && h->n == PIECES) {
        return false;
    }
    memmove(&h->range[first + 1], &h->range[n], (h->n - n) * sizeof h->range[0]);
    h->n = h->n + 1 - (n - first);
    h->range[first].start = start;
    h->range[first].end = end;
    h->have += end - start;
    return true;
}

/* Adds a piece that agrees. False: it cannot be. */
static bool add(struct held *h, const struct piece *p, const uint8_t *data)
{
    uint32_t end = p->start + p->len;

    if (end > BUFFER || p->len == 0 || !note_range(h, p->start, end)) {
        return false;
    }
    if (!p->more) {
        h->total = end;
    }
    memcpy(h->data + p->start, data, p->len);
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
    if (h == NULL) {
        return FT_V_EXPORT_SHORT;
    }
    if (!agrees(h, &p, n->rd.p)) { /* of another datagram, whose number is used again */
        begin(h, n, &p, now_ns);
    }
    if (h->state == DONE) {
        return FT_V_FRAGMENT; /* a copy */
    }
    if (!add(h, &p, n->rd.p)) {
        h->state = FREE;
        return FT_V_EXPORT_SHORT;
    }
    if (h->total == 0 || h->have < h->total) {
        return FT_V_FRAGMENT;
    }
    h->state = DONE;
    h->first_ns = now_ns;
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
