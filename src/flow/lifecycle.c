/* SPDX-License-Identifier: Apache-2.0 */
/* flow: birth, records, timers and end of flows; everything that is not "count a packet". */
#include <string.h>

#include "flow/internal.h"

enum { EVICT_TRIES = 8, HINT_SHIFT = 24, PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_ICMPV6 = 58 };

/* The hint compares 32 wrapping bits; a deadline further than this is looked at earlier. */
static const int64_t hint_max_ns = (int64_t)300 * 86400 * 1000000000;

uint64_t ft__flow_packets(const struct ft_table *t, uint32_t i)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__cold *c = &t->cold[i];

    return ((uint64_t)c->pkts[0] << 16) + h->pkts[0] + ((uint64_t)c->pkts[1] << 16) + h->pkts[1];
}

static int64_t first_of(const struct ft_table *t, uint32_t i)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__cold *c = &t->cold[i];

    if (h->last_ns[0] == FT__NEVER || h->last_ns[1] == FT__NEVER) {
        return c->first_ns[h->last_ns[0] == FT__NEVER];
    }
    return c->first_ns[0] < c->first_ns[1] ? c->first_ns[0] : c->first_ns[1];
}

struct ft__deadlines ft__flow_deadlines(const struct ft_table *t, uint32_t i)
{
    const struct ft__hot *h = &t->hot[i];
    bool closed = (h->state & FT__S_CLOSED) != 0;
    int64_t after;

    if (__builtin_mul_overflow((int64_t)t->cold[i].active_k + 1, t->cfg.active_ns, &after)) {
        after = INT64_MAX;
    }
    return (struct ft__deadlines){
        .end_ns = ft__time_add(ft__hot_last(h), closed ? t->cfg.linger_ns : t->cfg.idle_ns),
        .active_ns = ft__time_add(first_of(t, i), after),
    };
}

void ft__flow_hint(struct ft_table *t, uint32_t i, int64_t now_ns)
{
    int64_t at = ft__flow_deadlines(t, i).active_ns;
    int64_t most = ft__time_add(now_ns, hint_max_ns);

    t->hot[i].active_at = (uint32_t)((at < most ? at : most) >> HINT_SHIFT);
}

static int wheel_of(const struct ft_table *t, uint32_t i)
{
    return (t->hot[i].state & FT__S_ESTABLISHED) != 0;
}

void ft__flow_schedule(struct ft_table *t, uint32_t i)
{
    struct ft__deadlines d = ft__flow_deadlines(t, i);
    bool fresh = (t->hot[i].state & FT__S_FRESH) != 0;
    int64_t at = fresh && d.active_ns < d.end_ns ? d.active_ns : d.end_ns;

    ft__timers_insert(&t->timers, wheel_of(t, i), i, at);
}

void ft__flow_reschedule(struct ft_table *t, uint32_t i)
{
    ft__timers_remove(&t->timers, i);
    ft__flow_schedule(t, i);
}

/* ---- records ---- */

static void orient(const struct ft_table *t, uint32_t i, struct ft_flow_record *r)
{
    const struct ft__hot *h = &t->hot[i];
    uint8_t fwd = h->fwd;

    r->ip_version = (h->key.bits & FT_KEY_V6) ? 6 : 4;
    if (r->ip_version == 6) {
        memcpy(r->src, t->addr6[i] + 16 * fwd, 16);
        memcpy(r->dst, t->addr6[i] + 16 * !fwd, 16);
    } else {
        memcpy(r->src, &h->key.addr[fwd], 4);
        memcpy(r->dst, &h->key.addr[!fwd], 4);
    }
    r->src_port = h->key.port[fwd];
    r->dst_port = h->key.port[!fwd];
    r->scope = h->key.scope;
    r->proto = h->key.proto;
    r->one_way = (h->key.bits & FT_KEY_ONE_WAY) != 0;
}

static void totals(const struct ft_table *t, uint32_t i, struct ft_flow_record *r)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__cold *c = &t->cold[i];

    for (int d = 0; d < 2; d++) {
        uint64_t over =
            ((uint64_t)c->over_high[d] << 48) + ((uint64_t)c->over[d] << 16) + h->over[d];
        uint64_t hdr = ((uint64_t)c->hdr[d] << 16) + h->hdr[d];

        r->packets[d] = ((uint64_t)c->pkts[d] << 16) + h->pkts[d];
        r->bytes[d] = ((uint64_t)c->bytes[d] << 32) + h->bytes[d];
        r->ip_bytes[d] = r->bytes[d] - over;
        r->payload_bytes[d] = r->ip_bytes[d] - hdr;
        r->tcp_flags[d] = h->tcp_flags[d];
    }
}

/* What has come since the record before; the totals are kept when another record will follow. */
static void deltas(struct ft_table *t, uint32_t i, bool final, struct ft_flow_record *r)
{
    static const struct ft__prev none;
    const struct ft__prev *before = t->cold[i].segment > 0 ? &t->prev[i] : &none;

    for (int d = 0; d < 2; d++) {
        r->packets_delta[d] = r->packets[d] - before->packets[d];
        r->bytes_delta[d] = r->bytes[d] - before->bytes[d];
    }
    if (!final) {
        memcpy(t->prev[i].packets, r->packets, sizeof r->packets);
        memcpy(t->prev[i].bytes, r->bytes, sizeof r->bytes);
    }
}

/* The parts of a record while it is emitted. */
struct parts {
    struct ft_sizes_record sizes;
    struct ft_tcp_record tcp;
    struct ft_tunnel_record tunnel;
};

static void extras(const struct ft_table *t, uint32_t i, struct ft_flow_record *r,
                   struct ft_tunnel_record *out)
{
    const struct ft__extra *x = &t->extra[i];

    r->tunnel = FT_TUNNEL_NONE;
    r->tunnel_id = 0;
    r->has_tunnel_id = false;
    r->part[FT_PART_TUNNEL] = &ft_tunnel_nothing;
    if ((t->hot[i].seen & FT__SEEN_EXTRA) == 0) {
        return;
    }
    r->tunnel = x->tunnel;
    r->has_tunnel_id = (x->bits & (FT__X_ID << FT_DIR_FWD)) != 0;
    r->tunnel_id = x->tunnel_id[FT_DIR_FWD];
    *out = (struct ft_tunnel_record){
        .rev_id = x->tunnel_id[FT_DIR_REV],
        .roce_bth = x->roce_bth,
        .version = x->tunnel != FT_TUNNEL_NONE ? x->tunnel_version : 0,
        .depth = x->tunnel_depth,
        .has_rev_id = (x->bits & (FT__X_ID << FT_DIR_REV)) != 0,
        .has_roce = (x->bits & FT__X_ROCE) != 0,
    };
    memcpy(out->src, x->outer[FT_DIR_FWD], sizeof out->src);
    memcpy(out->dst, x->outer[FT_DIR_REV], sizeof out->dst);
    for (int d = 0; d < 2; d++) {
        out->fragments[d] = x->fragments[d];
        out->ecn_ce[d] = x->ecn_ce[d];
    }
    r->part[FT_PART_TUNNEL] = out;
}

struct ft__stat_wide *ft__flow_wide(struct ft_table *t, uint32_t i)
{
    if ((t->hot[i].seen & FT__SEEN_WIDE) == 0) {
        ft__stat_wide_begin(&t->wide[i]);
        t->hot[i].seen |= FT__SEEN_WIDE;
    }
    return &t->wide[i];
}

static void distributions(const struct ft_table *t, uint32_t i, struct ft_flow_record *r,
                          struct ft_sizes_record *out)
{
    const struct ft__hot *h = &t->hot[i];

    for (int d = 0; d < 2; d++) {
        const struct ft__stat_wide_side *w = h->seen & FT__SEEN_WIDE ? &t->wide[i].side[d] : NULL;
        int64_t first =
            w != NULL && w->came_first != FT__NEVER ? w->came_first : t->cold[i].first_ns[d];

        ft__stat_record(&t->more[i].stat.side[d], w, r->packets[d], r->ip_bytes[d],
                        (uint64_t)ft__time_sub(h->last_ns[d], first), &out->size[d], &out->gap[d]);
    }
    r->part[FT_PART_SIZES] = out;
}

/* S, then R, and nothing of a handshake, data or end in between. */
static bool syn_then_reset(const char *history)
{
    const char *p = history + (history[0] == '^');

    if (*p != 'S') {
        return false;
    }
    p += 1 + strcspn(p + 1, "HAFGIQR");
    return *p == 'R';
}

static void connection(const struct ft_table *t, uint32_t i, struct ft_flow_record *r,
                       struct ft_tcp_record *out)
{
    const struct ft__hot *h = &t->hot[i];
    bool flipped = (h->seen & FT__SEEN_FLIPPED) != 0;
    struct ft__tcp tcp;

    r->part[FT_PART_TCP] = NULL;
    r->tcp_state[FT_DIR_FWD] = r->tcp_state[FT_DIR_REV] = FT_TCP_INACTIVE;
    r->syn_then_reset = false;
    if (r->proto != PROTO_TCP) {
        return;
    }
    tcp = ft__flow_tcp(t, i, 0);
    ft__tcp_record(&tcp, out);
    out->midstream = (h->state & FT__S_SYN) == 0 && !flipped;
    r->tcp_state[FT_DIR_FWD] = tcp.hot->side[FT_DIR_FWD].state;
    r->tcp_state[FT_DIR_REV] = tcp.hot->side[FT_DIR_REV].state;
    r->syn_then_reset = syn_then_reset(out->history);
    r->part[FT_PART_TCP] = out;
}

/* Everything that takes more than the counters. */
static void details(const struct ft_table *t, uint32_t i, struct ft_flow_record *r,
                    struct parts *parts)
{
    memset(r->part, 0, sizeof r->part);
    r->part[FT_PART_CORE] = r;
    r->entry = i;
    r->truncated = (t->hot[i].seen & FT__SEEN_TRUNCATED) != 0;
    distributions(t, i, r, &parts->sizes);
    connection(t, i, r, &parts->tcp);
    r->has_icmp_code = t->cold[i].icmp_known;
    r->icmp_code = t->cold[i].icmp_code;
    extras(t, i, r, &parts->tunnel);
}

/* Hands a record to the table's user and counts it. */
static void emit(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns, bool final)
{
    struct ft_flow_record r;

    totals(t, i, &r);
    if (final) {
        t->stats.ended[reason]++;
        t->stats.packets_final += r.packets[0] + r.packets[1];
        t->stats.bytes_final += r.bytes[0] + r.bytes[1];
    } else {
        t->stats.updates++;
    }
    if (t->emit != NULL) {
        struct parts parts;

        orient(t, i, &r);
        r.flow_id = t->link[i].flow_id;
        r.timestamp_ns = at_ns;
        r.first_ns = first_of(t, i);
        r.last_ns = ft__hot_last(&t->hot[i]);
        r.segment = t->cold[i].segment;
        r.reason = (uint8_t)reason;
        r.is_final = final;
        details(t, i, &r, &parts);
        deltas(t, i, final, &r);
        t->emit(t->cookie, &r);
    }
    t->cold[i].segment++;
    t->hot[i].state &= (uint8_t)~FT__S_FRESH;
}

void ft__flow_interim(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns)
{
    emit(t, i, reason, at_ns, false);
}

/* ---- birth and end ---- */

/* A fixed mix, no secret in it: the same flow of the same capture has the same id everywhere. */
static uint64_t flow_id(const struct ft_table *t, uint32_t i, int64_t first_ns, uint64_t salt)
{
    static const struct ft_hash_seed fixed = {
        {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u, 0x27d4eb2f165667c5u}};
    const struct ft__hot *h = &t->hot[i];
    uint64_t addr = (h->key.bits & FT_KEY_V6) ? ft_hash_32(&fixed, t->addr6[i])
                                              : (uint64_t)h->key.addr[1] << 32 | h->key.addr[0];
    uint64_t rest = (uint64_t)h->key.port[0] << 48 | (uint64_t)h->key.port[1] << 32 |
                    (uint64_t)h->key.scope << 16 | (uint64_t)h->key.proto << 8 | h->key.bits;
    uint64_t id = ft_hash_16(&fixed, ft_hash_16(&fixed, addr, rest), (uint64_t)first_ns ^ salt);

    return id != 0 ? id : 1;
}

static bool is_icmp(uint8_t proto)
{
    return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

static bool same_ends(const struct ft_packet *pkt)
{
    bool addr = (pkt->key.bits & FT_KEY_V6) ? memcmp(pkt->addr6, pkt->addr6 + 16, 16) == 0
                                            : pkt->key.addr[0] == pkt->key.addr[1];

    return addr && pkt->key.port[0] == pkt->key.port[1];
}

static void fill(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, uint64_t salt)
{
    struct ft__hot *h = &t->hot[i];
    uint8_t syn = pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK);
    bool reply = syn == (FT_TCP_SYN | FT_TCP_ACK) && !same_ends(pkt);

    memset(h, 0, sizeof *h);
    memset(&t->cold[i], 0, sizeof t->cold[i]);
    h->key = pkt->key;
    h->last_ns[0] = h->last_ns[1] = FT__NEVER;
    h->fwd = pkt->swap ^ reply;
    h->state = FT__S_LIVE | FT__S_FRESH;
    if (syn == FT_TCP_SYN) {
        h->state |= FT__S_SYN;
        h->isn = pkt->tcp_seq;
    }
    if (reply) {
        h->seen |= FT__SEEN_FLIPPED;
    }
    if (t->cfg.n_snapshots > 0) {
        h->state |= FT__S_SNAPSHOTS;
    }
    if (t->cfg.watch != NULL) {
        h->state |= FT__S_WATCHED;
    }
    if (pkt->key.proto == PROTO_TCP) {
        ft__tcp_begin(&t->more[i].tcp, reply);
    }
    if (is_icmp(pkt->key.proto) && pkt->frag != FT_FRAG_LATER) {
        t->cold[i].icmp_code = (uint8_t)pkt->icmp;
        t->cold[i].icmp_known = true;
    }
    if (pkt->key.bits & FT_KEY_TUNNEL) {
        memset(&t->extra[i], 0, sizeof t->extra[i]);
        t->extra[i].tunnel_id[0] = t->extra[i].tunnel_id[1] = pkt->tunnel_id;
        t->extra[i].bits = FT__X_ID << FT_DIR_FWD | FT__X_ID << FT_DIR_REV;
        h->seen |= FT__SEEN_EXTRA;
    }
    if (pkt->key.bits & FT_KEY_V6) {
        memcpy(t->addr6[i], pkt->addr6, 32);
    }
    h->last_ns[reply] = pkt->ts_ns; /* the first packet's direction; it is counted by the caller */
    t->cold[i].first_ns[reply] = pkt->ts_ns;
    if (pkt->key.bits & FT_KEY_TUNNEL) {
        salt ^= (uint64_t)pkt->tunnel << 56 ^ (uint64_t)pkt->tunnel_id << 8;
    }
    t->link[i].flow_id = flow_id(t, i, pkt->ts_ns, salt);
    ft__flow_hint(t, i, pkt->ts_ns);
}

/* Makes room: the flow on probation with the nearest deadline, else the established one. Entries
 * whose deadline has moved on since they were listed are put back first, a few of them. */
static void evict(struct ft_table *t, int64_t ts_ns)
{
    int wheel = ft__timers_nearest(&t->timers, 0) != FT__NONE ? 0 : 1;

    for (int tries = 0;; tries++) {
        uint32_t i = ft__timers_nearest(&t->timers, wheel);
        int64_t end_ns = ft__flow_deadlines(t, i).end_ns;

        if (ft__flow_settle(t, i, ts_ns)) {
            return;
        }
        if (tries == EVICT_TRIES || end_ns >> t->timers.shift <= t->timers.pos) {
            ft__flow_end(t, i, FT_REASON_EVICTED, ts_ns);
            return;
        }
        uint32_t before = t->link[i].prev;

        ft__flow_reschedule(t, i);
        if (t->link[i].prev == before) { /* it is the nearest */
            ft__flow_end(t, i, FT_REASON_EVICTED, ts_ns);
            return;
        }
    }
}

static uint32_t take_entry(struct ft_table *t, int64_t ts_ns)
{
    uint32_t i;

    if (t->free == FT__NONE && t->fresh == t->cfg.max_flows) {
        evict(t, ts_ns);
    }
    if (t->free != FT__NONE) {
        i = t->free;
        t->free = t->link[i].next;
    } else {
        i = t->fresh++;
    }
    return i;
}

uint32_t ft__flow_create(struct ft_table *t, const struct ft_packet *pkt, uint64_t salt)
{
    uint32_t i = take_entry(t, pkt->ts_ns);
    uint32_t place = ft__index_insert(&t->index, pkt->hash, i);

    if (place == FT__NONE) { /* keys of one hash fill all buckets in reach: one of them goes */
        ft__flow_end(t, ft__index_victim(&t->index, pkt->hash), FT_REASON_EVICTED, pkt->ts_ns);
        place = ft__index_insert(&t->index, pkt->hash, i);
    }
    fill(t, i, pkt, salt);
    t->cold[i].place = place;
    t->stats.created++;
    t->stats.active++;
    ft__flow_schedule(t, i);
    return i;
}

void ft__flow_end(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns)
{
    const struct ft__hot *h = &t->hot[i];
    uint8_t both = h->tcp_flags[0] & h->tcp_flags[1];

    if ((h->state & FT__S_CLOSED) || (both & FT_TCP_FIN)) {
        reason = FT_REASON_END; /* whatever cut its linger short, or lost the last ACK */
    }
    emit(t, i, reason, at_ns, true);
    if (t->cfg.watch != NULL) {
        t->cfg.watch->end(t->cfg.watch->cookie, i);
    }
    ft__timers_remove(&t->timers, i);
    ft__index_remove(&t->index, t->cold[i].place);
    t->hot[i].state = 0;
    t->link[i].next = t->free;
    t->free = i;
    t->stats.active--;
}

bool ft__flow_settle(struct ft_table *t, uint32_t i, int64_t now_ns)
{
    struct ft__deadlines d = ft__flow_deadlines(t, i);
    struct ft__cold *c = &t->cold[i];

    if (d.active_ns <= now_ns && d.active_ns < d.end_ns) {
        int64_t until = now_ns < d.end_ns ? now_ns : d.end_ns - 1;
        int64_t passed = ft__time_sub(until, first_of(t, i)) / t->cfg.active_ns;

        if (t->hot[i].state & FT__S_FRESH) {
            ft__flow_interim(t, i, FT_REASON_ACTIVE, d.active_ns);
        }
        c->active_k = passed > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)passed;
        ft__flow_hint(t, i, now_ns);
    }
    if (d.end_ns > now_ns || d.end_ns == INT64_MAX) { /* beyond the end of time nothing is over */
        return false;
    }
    ft__flow_end(t, i, FT_REASON_IDLE, d.end_ns);
    return true;
}

bool ft__flow_settle_before(struct ft_table *t, uint32_t i, int64_t ts_ns)
{
    int64_t end_ns = ft__flow_deadlines(t, i).end_ns;

    if (ft__time_sub(first_of(t, i), ts_ns) < t->cfg.idle_ns) {
        return false;
    }
    if (!ft__flow_settle(t, i, end_ns)) {
        ft__flow_end(t, i, FT_REASON_IDLE, end_ns);
    }
    return true;
}

/* ---- time ---- */

/* Live, the clock stepped back and the flow's packets lie far in the future of now: it gets one
 * idle timeout to show itself. True when it is gone. Files that follow each other backwards need no
 * such haste, and a flow has to end the same whether its worker saw the step or not. */
static bool visit_future(struct ft_table *t, uint32_t i, int64_t now_ns)
{
    if (t->hot[i].state & FT__S_STALE) {
        ft__flow_end(t, i, FT_REASON_IDLE, ft__flow_deadlines(t, i).end_ns);
        return true;
    }
    t->hot[i].state |= FT__S_STALE;
    ft__timers_remove(&t->timers, i);
    ft__timers_insert(&t->timers, wheel_of(t, i), i, ft__time_add(now_ns, t->cfg.idle_ns));
    return false;
}

bool ft__table_tick(struct ft_table *t, int64_t now_ns, uint32_t budget)
{
    ft__timers_set_now(&t->timers, now_ns);
    for (;;) {
        uint32_t i = ft__timers_due(&t->timers, now_ns);

        if (i == FT__NONE) {
            return false;
        }
        if (budget-- == 0) {
            return true;
        }
        int64_t ahead = ft__time_sub(ft__hot_last(&t->hot[i]), t->now_ns);

        if (ahead > t->cfg.idle_ns && !t->cfg.replay) {
            visit_future(t, i, now_ns);
        } else if (!ft__flow_settle(t, i, now_ns)) {
            ft__flow_reschedule(t, i);
        }
    }
}

bool ft_table_advance(struct ft_table *t, int64_t now_ns, uint32_t budget)
{
    if (t->now_ns == FT__NEVER) {
        return false;
    }
    t->now_ns = now_ns > t->now_ns ? now_ns : t->now_ns;
    return ft__table_tick(t, t->now_ns, budget);
}

void ft_table_flush(struct ft_table *t, int64_t end_ns, enum ft_reason reason)
{
    for (uint32_t i = 0; i < t->fresh; i++) {
        if (i + 8 < t->fresh) {
            __builtin_prefetch(&t->cold[i + 8]);
        }
        if ((t->hot[i].state & FT__S_LIVE) && !ft__flow_settle(t, i, end_ns)) {
            ft__flow_end(t, i, reason, end_ns);
        }
    }
}
