/* SPDX-License-Identifier: Apache-2.0 */
/* decode: what becomes of fragments, see fragment.h. */
#include "decode/fragment.h"

#include <string.h>

#include "codec/net/net.h"
#include "decode/fragment_table.h"
#include "decode/general.h"
#include "decode/key.h"

/* How long one stays in its list, and a carrier in all. */
static const int64_t life_ns[FT__G__COUNT] = {
    [FT__G_FIRST] = (int64_t)30 * 1000000000,
    [FT__G_REST] = (int64_t)60 * 1000000000,   /* RFC 8200 §4.5 */
    [FT__G_CARRIER] = (int64_t)2 * 1000000000, /* what waits is not later than flows wait for it */
    [FT__G_DONE] = (int64_t)50 * 1000000,
};

/* One call: packets come out at out[n], which never overtakes what is still to be read. */
struct run {
    struct ft_fragments *f;
    struct ft_decoder *d;
    struct ft_packet *out;
    uint32_t n;
};

/* a - b, saturating: captures may say any time. */
static int64_t since(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_sub_overflow(a, b, &r) ? (a < b ? INT64_MIN : INT64_MAX) : r;
}

/* ---- what comes out ---- */

static void ignore(struct ft_decoder *d, enum ft_verdict verdict, uint32_t frame_len)
{
    d->verdict[FT_V_DECODED]--;
    d->verdict[verdict]++;
    d->decoded_bytes -= frame_len;
}

/* Gives a later fragment the ports of its datagram. */
static void take_ports(const struct ft_fragments *f, const struct ft__datagram *g,
                       struct ft_packet *p)
{
    struct ft__ends e = {
        .sport = g->port[0],
        .dport = g->port[1],
        .scope = g->tag.scope,
        .proto = g->proto,
        .bits = (uint8_t)(g->key_bits | (p->key.bits & FT_KEY_TUNNEL)),
    };

    p->swap = g->tag.version == 4 ? ft__key_ip4(p, &f->seed, g->tag.src, g->tag.dst, e)
                                  : ft__key_ip6(p, &f->seed, g->tag.src, g->tag.dst, e);
    if (p->key.bits & FT_KEY_TUNNEL) {
        p->hash = ft_hash_16(&f->seed, p->hash, (uint64_t)p->tunnel << 32 | p->tunnel_id);
    }
}

static void pass(struct run *r, const struct ft__datagram *g, const struct ft_packet *p)
{
    struct ft_packet *out = &r->out[r->n++];

    *out = *p;
    out->payload_cap = 0; /* nobody looks into fragments */
    if (out->frag == FT_FRAG_LATER) {
        take_ports(r->f, g, out);
    }
}

/* What one holds comes out with its ports, the first fragment before the later ones. */
static void release(struct run *r, struct ft__datagram *g)
{
    for (int later = 0; later < 2; later++) {
        for (uint32_t i = g->held; i != FT__NO_DATAGRAM; i = r->f->held[i].next) {
            const struct ft_packet *p = &r->f->held[i].pkt;

            if ((p->frag == FT_FRAG_LATER) == later) {
                pass(r, g, p);
            }
        }
    }
    ft__datagram_empty(r->f, g);
}

/* A carrier that will not be put together. */
static void give_up(struct run *r, struct ft__datagram *g)
{
    r->d->fragment.unassembled += g->n_held;
    g->given_up = true;
    release(r, g);
    ft__datagram_move(r->f, g, FT__G_REST);
}

static void drop(struct run *r, struct ft__datagram *g)
{
    struct ft_fragments *f = r->f;

    if (g->list == FT__G_CARRIER) {
        give_up(r, g);
    }
    for (uint32_t i = g->held; i != FT__NO_DATAGRAM; i = f->held[i].next) {
        ignore(r->d, FT_V_FRAGMENT_ORPHAN, f->held[i].pkt.frame_len);
    }
    ft__datagram_remove(f, g);
}

/* ---- time and room ---- */

/* Carriers that have waited too long at ts_ns, which is any packet's time. */
static void end_waits(struct run *r, int64_t ts_ns)
{
    struct ft__datagram *g;

    while ((g = ft__datagram_oldest(r->f, FT__G_CARRIER)) != NULL) {
        int64_t waited = since(ts_ns, g->at_ns);

        if (waited <= life_ns[FT__G_CARRIER] && waited >= -life_ns[FT__G_FIRST]) {
            return;
        }
        give_up(r, g);
    }
}

static void drop_all(struct run *r)
{
    struct ft__datagram *g;

    for (int list = 0; list < FT__G__COUNT; list++) {
        while ((g = ft__datagram_oldest(r->f, list)) != NULL) {
            drop(r, g);
        }
    }
}

/* A fragment of ts_ns came. A step back by more than the longest wait is believed. */
static void tell_time(struct run *r, int64_t ts_ns)
{
    struct ft_fragments *f = r->f;
    struct ft__datagram *g;

    if (f->now_ns != INT64_MIN && since(f->now_ns, ts_ns) > life_ns[FT__G_FIRST]) {
        drop_all(r);
        f->now_ns = ts_ns;
    }
    f->now_ns = ts_ns > f->now_ns ? ts_ns : f->now_ns;
    for (int list = 0; list < FT__G__COUNT; list++) {
        while (list != FT__G_CARRIER /* end_waits() */ &&
               (g = ft__datagram_oldest(f, list)) != NULL &&
               since(f->now_ns, g->at_ns) > life_ns[list]) {
            drop(r, g);
        }
    }
}

/* A place for a datagram: the least that is lost. */
static struct ft__datagram *add(struct run *r, const struct ft__tag *t, uint64_t hash)
{
    static const uint8_t order[] = {FT__G_DONE, FT__G_REST, FT__G_FIRST, FT__G_CARRIER};
    struct ft__datagram *g = ft__datagram_add(r->f, t, hash);

    for (int k = 0; g == NULL; k++) {
        struct ft__datagram *old = ft__datagram_oldest(r->f, order[k]);

        if (old != NULL) {
            r->d->fragment.evicted += old->list != FT__G_DONE;
            drop(r, old);
            g = ft__datagram_add(r->f, t, hash);
        }
    }
    return g;
}

/* Holds p. When all room is taken, the oldest of the others gives way: first those that may be
 * orphans. */
static bool hold(struct run *r, struct ft__datagram *g, const struct ft_packet *p, bool copy)
{
    static const uint8_t order[] = {FT__G_FIRST, FT__G_CARRIER};

    if (ft__datagram_hold(r->f, g, p, copy)) {
        return true;
    }
    for (int k = 0; k < 2 && g->n_held < FT__HELD_EACH; k++) {
        struct ft__datagram *old = ft__datagram_oldest(r->f, order[k]);

        if (old != NULL && old != g) {
            drop(r, old);
            return ft__datagram_hold(r->f, g, p, copy);
        }
    }
    return false;
}

/* ---- what came ---- */

static struct ft__piece describe(const struct ft_packet *p)
{
    return (struct ft__piece){.start = p->frag_off,
                              .len = p->frag_len,
                              .sum = p->frag_sum ^ (p->frag_more ? 0x9e3779b9u : 0)};
}

/* The piece of the same range that came before, or NULL. */
static struct ft__piece *same_range(struct ft__datagram *g, const struct ft__piece *p)
{
    for (uint8_t i = 0; i < g->n_pieces; i++) {
        if (g->piece[i].start == p->start && g->piece[i].len == p->len) {
            return &g->piece[i];
        }
    }
    return NULL;
}

static bool known(const struct ft__datagram *g)
{
    return g->list != FT__G_FIRST;
}

/* A fragment that is no copy: is it of another datagram, under the same number? Not so one that
 * says otherwise what came before the first fragment: that was the stranger. */
static bool is_another(const struct ft__datagram *g, const struct ft_packet *p,
                       const struct ft__piece *same)
{
    bool early = known(g) && same != NULL && same < &g->piece[g->n_early];

    return !early &&
           (g->list == FT__G_DONE || (p->frag == FT_FRAG_FIRST && known(g)) || same != NULL);
}

/* Notes the bytes of a fragment. False: they contradict what came before. */
static bool note(struct run *r, struct ft__datagram *g, const struct ft_packet *p,
                 struct ft__piece *same, struct ft__piece piece)
{
    uint32_t end = (uint32_t)piece.start + piece.len;
    bool fits = same == NULL && end <= UINT16_MAX && (g->end == 0 || end <= g->end);

    if (same != NULL) {
        *same = piece;
    } else if (g->n_pieces < FT__PIECES) {
        g->piece[g->n_pieces++] = piece;
    }
    if (end > UINT16_MAX) { /* longer than a datagram can be */
        return false;
    }
    if (!p->frag_more) {
        fits = fits && (g->end == 0 || g->end == end);
        g->end = end;
    }
    if (piece.len == 0) {
        return fits;
    }
    switch (ft__ranges_add(&g->came, piece.start, end)) {
    case FT__ALL_CAME:
        r->d->fragment.duplicates++;
        break;
    case FT__PARTLY:
        r->d->fragment.overlaps++;
        break;
    default:
        break;
    }
    return fits;
}

/* A first fragment: the ports are known now. */
static void know(struct run *r, struct ft__datagram *g, const struct ft_packet *p)
{
    bool deep = p->tunnel != FT_TUNNEL_NONE && p->tunnel_depth >= FT_NET_MAX_TUNNELS;

    g->port[0] = p->key.port[p->swap];
    g->port[1] = p->key.port[!p->swap];
    g->key_bits = p->key.bits & FT_KEY_ONE_WAY;
    g->proto = p->key.proto;
    g->l4 = p->frag_l4;
    g->n_early = g->n_pieces;
    if (!r->d->keep_tunnels && !deep && ft__may_carry(r->d, g->proto, g->port)) {
        ft__datagram_move(r->f, g, FT__G_CARRIER);
    } else {
        ft__datagram_move(r->f, g, FT__G_REST);
    }
}

/* ---- putting together ---- */

static const struct ft_packet *first_of(const struct ft_fragments *f, const struct ft__datagram *g)
{
    uint32_t i = g->held;

    while (f->held[i].pkt.frag != FT_FRAG_FIRST) {
        i = f->held[i].next;
    }
    return &f->held[i].pkt;
}

/* What all frames of g were like; false when their length has no 32 bits. */
static bool sum_up(const struct ft_fragments *f, const struct ft__datagram *g,
                   struct ft__joined *out, uint64_t *out_copies)
{
    uint64_t len = 0, copies = 0;

    for (uint32_t i = g->held; i != FT__NO_DATAGRAM; i = f->held[i].next) {
        const struct ft__held *h = &f->held[i];

        len += h->copy ? 0 : h->pkt.frame_len;
        copies += h->copy ? h->pkt.frame_len : 0;
        out->truncated |= (h->pkt.mark & FT_MARK_TRUNCATED) != 0;
    }
    out->frame_len = (uint32_t)len;
    *out_copies = copies;
    return len <= UINT32_MAX;
}

/* g is whole, its last fragment is p. True: *p is what it carried, with its payload in *join, which
 * is the caller's. False: it is no tunnel. */
static bool join(struct run *r, struct ft__datagram *g, struct ft_packet *p, uint32_t *join)
{
    struct ft_fragments *f = r->f;
    const struct ft__join *j = g->join != FT__NO_DATAGRAM ? &f->join[g->join] : NULL;
    struct ft__joined whole = {.ts_ns = p->ts_ns};
    struct ft_packet carried;
    uint32_t cap = j != NULL ? ft__ranges_first(&j->got) : 0;
    uint64_t copies;

    if (cap < g->l4 || g->end < g->l4 || !sum_up(f, g, &whole, &copies) || j == NULL) {
        return false;
    }
    whole.first = first_of(f, g);
    whole.data = j->data + g->l4;
    whole.cap = cap - g->l4;
    whole.len = g->end - g->l4;
    if (!ft__decode_joined(r->d, &whole, &carried)) {
        return false;
    }
    *p = carried;
    r->d->verdict[FT_V_DECODED] -= g->n_held - 1u;
    r->d->verdict[FT_V_REASSEMBLED] += g->n_held - 1u;
    r->d->decoded_bytes -= copies;
    *join = g->join;
    g->join = FT__NO_DATAGRAM;
    return true;
}

/* ---- fragments ---- */

/* A fragment of a carrier, held until it is whole. True: *p is what the carrier carried. */
static bool take_carried(struct run *r, struct ft__datagram *g, struct ft_packet *p, bool copy,
                         bool fits, uint32_t *out_join)
{
    struct ft_fragments *f = r->f;

    if (!hold(r, g, p, copy)) {
        bool first = p->frag == FT_FRAG_FIRST; /* comes out before the later ones */

        r->d->fragment.unassembled++;
        if (first) {
            pass(r, g, p);
        }
        give_up(r, g);
        if (!first) {
            pass(r, g, p);
        }
        return false;
    }
    if (!fits || (!copy && !ft__datagram_keep(f, g, p)) ||
        since(f->now_ns, g->since_ns) > life_ns[FT__G_FIRST]) {
        give_up(r, g);
        return false;
    }
    if (!ft__ranges_whole(&g->came, g->end)) {
        ft__datagram_move(f, g, FT__G_CARRIER); /* it waits anew */
        return false;
    }
    g->joined = join(r, g, p, out_join);
    if (g->joined) {
        ft__datagram_empty(f, g);
    } else {
        release(r, g);
    }
    ft__datagram_move(f, g, FT__G_DONE);
    return g->joined;
}

/* One whose first fragment has not come. */
static void take_early(struct run *r, struct ft__datagram *g, const struct ft_packet *p, bool copy)
{
    if (!hold(r, g, p, copy)) {
        ignore(r->d, FT_V_FRAGMENT_ORPHAN, p->frame_len);
        return;
    }
    r->d->fragment.held++;
    if (!copy && !r->d->keep_tunnels && !g->given_up &&
        (g->tag.version == 6 || ft__may_carry(r->d, p->key.proto, NULL)) &&
        !ft__datagram_keep(r->f, g, p)) {
        g->given_up = true;
    }
}

static void take_known(struct run *r, struct ft__datagram *g, const struct ft_packet *p)
{
    pass(r, g, p);
    release(r, g);
    if (ft__ranges_whole(&g->came, g->end)) {
        ft__datagram_move(r->f, g, FT__G_DONE);
    }
}

/* One fragment: it comes out or is held. True: *p is what its datagram carried, with its payload in
 * *out_join; it may be a fragment itself. */
static bool take(struct run *r, struct ft_packet *p, uint32_t *out_join)
{
    struct ft__piece piece = describe(p), *same = NULL;
    struct ft__tag tag;
    uint64_t hash;
    bool copy = false, fits = true;

    ft__tag_make(p, &tag);
    struct ft__datagram *g = ft__datagram_find(r->f, &tag, &hash);

    if (g != NULL) {
        same = same_range(g, &piece);
        copy = same != NULL && same->sum == piece.sum;
        if (!copy && is_another(g, p, same)) {
            drop(r, g);
            g = NULL;
            same = NULL;
        }
    }
    g = g != NULL ? g : add(r, &tag, hash);
    if (copy) {
        r->d->fragment.duplicates++;
    } else {
        if (p->frag == FT_FRAG_FIRST) {
            know(r, g, p);
        }
        fits = note(r, g, p, same, piece);
    }
    switch (g->list) {
    case FT__G_FIRST:
        g->given_up |= !fits;
        take_early(r, g, p, copy);
        return false;
    case FT__G_CARRIER:
        return take_carried(r, g, p, copy, fits && !g->given_up, out_join);
    case FT__G_DONE:
        if (g->joined) {
            ignore(r->d, FT_V_REASSEMBLED, p->frame_len);
        } else {
            pass(r, g, p);
        }
        return false;
    default:
        take_known(r, g, p);
        return false;
    }
}

/* A fragment, and what it completes, down to the innermost. */
static void take_all(struct run *r, struct ft_packet *p, uint8_t *room)
{
    uint32_t join = FT__NO_DATAGRAM; /* where p's payload lies */

    while (p->frag != FT_FRAG_NONE) { /* each time one tunnel more, of FT_NET_MAX_TUNNELS */
        uint32_t next = FT__NO_DATAGRAM;
        bool carried = take(r, p, &next);

        ft__join_free(r->f, join);
        if (!carried) {
            return;
        }
        join = next;
    }
    p->head_len = 0; /* its headers lay in its first fragment alone */
    if (room == NULL) {
        p->payload_cap = 0;
    } else if (p->payload_cap > 0) {
        memcpy(room, p->payload, p->payload_cap);
        p->payload = room;
    }
    ft__join_free(r->f, join);
    r->out[r->n++] = *p;
}

bool ft_fragments_waiting(const struct ft_fragments *f)
{
    return f->head[FT__G_CARRIER] != FT__NO_DATAGRAM;
}

uint32_t ft_fragments_run(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts,
                          uint32_t n, uint8_t *room)
{
    struct run r = {.f = f, .d = d, .out = pkts};
    struct ft_packet *in = pkts + FT_FRAGMENTS_HELD; /* at most so many come out more than go in */

    memmove(in, pkts, n * sizeof *pkts);
    for (uint32_t i = 0; i < n; i++) {
        struct ft_packet *p = &in[i];

        if (ft_fragments_waiting(f)) {
            end_waits(&r, p->ts_ns);
        }
        if (p->frag == FT_FRAG_NONE) {
            r.out[r.n++] = *p;
            continue;
        }
        tell_time(&r, p->ts_ns);
        take_all(&r, p, room != NULL ? room + (size_t)i * FT_FRAGMENTS_KEPT : NULL);
    }
    return r.n;
}

uint32_t ft_fragments_idle(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts,
                           int64_t now_ns)
{
    struct run r = {.f = f, .d = d, .out = pkts};

    end_waits(&r, now_ns);
    return r.n;
}

uint32_t ft_fragments_end(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts)
{
    struct run r = {.f = f, .d = d, .out = pkts};

    drop_all(&r);
    return r.n;
}
