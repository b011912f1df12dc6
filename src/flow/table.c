/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the packet path of the table: find, check, count. See table.h. */
#include "flow/table.h"

#include <string.h>

#include "base/mem.h"
#include "flow/internal.h"

enum {
    BATCH_MAX = 64,
    PREFETCH_FROM = 8192, /* flows in the table: with fewer, everything is in the cache anyway */
    PROBATION_PACKETS = 8,
    ENTRIES_AHEAD = 12,   /* packets whose entries are asked for before they are needed */
    FLOWS_PER_BUCKET = 4, /* of 7 slots: 16 bytes a flow */
    FLOWS_MAX = 1 << 27,
    TIMER_VISITS = 2, /* for each packet */
    HINT_SHIFT = 24,
    PROTO_TCP = 6,
    ECN_CE = 3, /* RFC 3168 §5 */
};

/* Timers run this far behind the packets, so that one that comes late still finds its flow; whether
 * it belongs to it is decided by the timestamps, not by who looked first. */
static const int64_t reorder_ns = (int64_t)2 * 1000000000;

static const int64_t horizon_max_ns = (int64_t)600 * 1000000000;

static uint32_t buckets_for(uint32_t max_flows)
{
    return (max_flows + FLOWS_PER_BUCKET - 1) / FLOWS_PER_BUCKET;
}

/* The arrays of a table, one item a flow: where the pointer stands, and the size of an item. */
static const struct {
    size_t at, size;
} arrays[] = {
    {offsetof(struct ft_table, hot), sizeof(struct ft__hot)},
    {offsetof(struct ft_table, cold), sizeof(struct ft__cold)},
    {offsetof(struct ft_table, link), sizeof(struct ft__link)},
    {offsetof(struct ft_table, addr6), 32},
    {offsetof(struct ft_table, more), sizeof(struct ft__more)},
    {offsetof(struct ft_table, tcp_cold), sizeof(struct ft__tcp_cold)},
    {offsetof(struct ft_table, copies), 2 * sizeof(struct ft__tcp_copies)},
    {offsetof(struct ft_table, wide), sizeof(struct ft__stat_wide)},
    {offsetof(struct ft_table, extra), sizeof(struct ft__extra)},
    {offsetof(struct ft_table, prev), sizeof(struct ft__prev)},
};

enum { N_ARRAYS = sizeof arrays / sizeof *arrays };

static void *array_get(const struct ft_table *t, int k)
{
    void *p;

    memcpy(&p, (const uint8_t *)t + arrays[k].at, sizeof p);
    return p;
}

size_t ft_table_budget(const struct ft_table_config *cfg)
{
    size_t flow = 0;

    for (int k = 0; k < N_ARRAYS; k++) {
        flow += arrays[k].size;
    }
    return flow * cfg->max_flows + sizeof(struct ft__bucket) * buckets_for(cfg->max_flows) +
           sizeof(struct ft_table);
}

static bool make_arrays(struct ft_table *t)
{
    for (int k = 0; k < N_ARRAYS; k++) {
        void *p = ft_map_alloc(arrays[k].size * t->cfg.max_flows);

        if (p == NULL) {
            return false;
        }
        memcpy((uint8_t *)t + arrays[k].at, &p, sizeof p);
    }
    t->index.buckets = ft_map_alloc(sizeof *t->index.buckets * t->index.n);
    return t->index.buckets != NULL;
}

int ft_table_new(const struct ft_table_config *cfg, ft_flow_emit_fn emit, void *cookie,
                 struct ft_table **out)
{
    uint32_t n = cfg->max_flows;

    if (n < 1 || n > FLOWS_MAX || cfg->idle_ns < 1 || cfg->active_ns < 1 || cfg->linger_ns < 1 ||
        cfg->n_snapshots > FT_MAX_SNAPSHOTS) {
        return FT_E_RANGE;
    }
    struct ft_table *t = ft_mem_alloc(1, sizeof *t);

    if (t == NULL) {
        return FT_E_NOMEM;
    }
    t->cfg = *cfg;
    t->emit = emit;
    t->cookie = cookie;
    t->free = FT__NONE;
    t->now_ns = t->newest_ns = FT__NEVER;
    t->index.n = buckets_for(n);
    if (!make_arrays(t)) {
        ft_table_free(t);
        return FT_E_NOMEM;
    }
    int64_t horizon = cfg->idle_ns > cfg->linger_ns ? cfg->idle_ns : cfg->linger_ns;

    ft__timers_init(&t->timers, t->link, horizon < horizon_max_ns ? horizon : horizon_max_ns);
    *out = t;
    return FT_OK;
}

void ft_table_free(struct ft_table *t)
{
    if (t == NULL) {
        return;
    }
    for (int k = 0; k < N_ARRAYS; k++) {
        ft_map_free(array_get(t, k), arrays[k].size * t->cfg.max_flows);
    }
    ft_map_free(t->index.buckets, sizeof *t->index.buckets * t->index.n);
    ft_mem_free(t);
}

int64_t ft_table_now(const struct ft_table *t)
{
    return t->newest_ns;
}

const uint8_t *ft_table_lookup(const struct ft_table *t, uint32_t *out_n)
{
    *out_n = t->stats.active >= PREFETCH_FROM ? t->index.n : 0;
    return (const uint8_t *)t->index.buckets;
}

uint32_t ft_table_last(const struct ft_table *t, int *out_dir)
{
    *out_dir = t->last_dir;
    return t->last;
}

bool ft_table_isn(const struct ft_table *t, uint32_t entry, uint32_t *out_start)
{
    *out_start = t->hot[entry].isn + 1;
    return (t->hot[entry].state & FT__S_SYN) != 0;
}

void ft_table_get_stats(const struct ft_table *t, struct ft_table_stats *out)
{
    *out = t->stats;
}

/* ---- finding ---- */

/* The parts of a key that are not in its 16 bytes. */
static bool wide_equal(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    if ((pkt->key.bits & FT_KEY_V6) && memcmp(t->addr6[i], pkt->addr6, 32) != 0) {
        return false;
    }
    return (pkt->key.bits & FT_KEY_TUNNEL) == 0 ||
           (t->extra[i].tunnel == pkt->tunnel && t->extra[i].tunnel_id[0] == pkt->tunnel_id);
}

FT_INLINE bool key_equal(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    const struct ft__hot *h = &t->hot[i];

    if (ft_load_u64(&h->key) != ft_load_u64(&pkt->key) ||
        ft_load_u64((const uint8_t *)&h->key + 8) != ft_load_u64((const uint8_t *)&pkt->key + 8)) {
        return false;
    }
    if (FT_LIKELY((pkt->key.bits & (FT_KEY_V6 | FT_KEY_TUNNEL)) == 0)) {
        return true;
    }
    return wide_equal(t, i, pkt);
}

FT_INLINE uint32_t find(const struct ft_table *t, const struct ft_packet *pkt)
{
    uint32_t b = ft__index_home(&t->index, pkt->hash);
    uint32_t tag = ft__index_tag(pkt->hash);

    for (uint32_t probes = 0; probes < FT__PROBES; probes++) {
        const struct ft__bucket *bucket = &t->index.buckets[b];

        for (uint32_t m = ft__bucket_match(bucket, tag); m != 0; m &= m - 1) {
            uint32_t i = bucket->entry[__builtin_ctz(m)];

            if (FT_LIKELY(key_equal(t, i, pkt))) {
                return i;
            }
        }
        if (FT_LIKELY(bucket->over == 0)) {
            break;
        }
        b = ft__index_next(&t->index, b);
    }
    return FT__NONE;
}

/* Asks for the entry that the tags of a packet's bucket point to: its lines that every packet
 * touches. Has to be inlined: gcc takes a function that only prefetches for one without effect. */
FT_INLINE void prefetch_entry(const struct ft_table *t, const struct ft_packet *pkt, bool cold)
{
    const struct ft__bucket *b = &t->index.buckets[ft__index_home(&t->index, pkt->hash)];
    uint32_t m = ft__bucket_match(b, ft__index_tag(pkt->hash));

    if (m == 0) {
        return;
    }
    uint32_t i = b->entry[__builtin_ctz(m)];

    __builtin_prefetch(&t->hot[i], 1);
    __builtin_prefetch(&t->more[i].stat, 1);
    if (pkt->key.proto == PROTO_TCP) {
        __builtin_prefetch(&t->more[i].tcp, 1);
    }
    if (pkt->key.bits & FT_KEY_V6) {
        __builtin_prefetch(&t->addr6[i]);
    }
    if (cold || (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST)) != 0) {
        __builtin_prefetch(&t->cold[i], 1);
        __builtin_prefetch(&t->link[i], 1); /* it will most likely change its timer list */
    }
}

/* Before a batch: all its buckets, and the entries of the first packets. */
FT_INLINE void prefetch_batch(const struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                              bool cold)
{
    for (uint32_t k = 0; k < n; k++) {
        __builtin_prefetch(&t->index.buckets[ft__index_home(&t->index, pkts[k].hash)]);
    }
    for (uint32_t k = 0; k < n && k < ENTRIES_AHEAD; k++) {
        prefetch_entry(t, &pkts[k], cold);
    }
}

/* ---- checks before counting ---- */

static bool is_syn(const struct ft_packet *pkt)
{
    return (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN;
}

/* A SYN on an entry that is there: does it open another connection? A SYN sent again does not, nor
 * does the other side's SYN of a simultaneous or split open, nor a SYN with another number before
 * anybody went beyond SYN. */
static bool syn_restarts(const struct ft__hot *h, const struct ft_packet *pkt)
{
    bool forward = (pkt->swap ^ h->fwd) == 0;

    if (forward && (h->state & FT__S_SYN) && pkt->tcp_seq == h->isn) {
        return false;
    }
    if (h->state & FT__S_CLOSED) {
        return true;
    }
    bool fwd_ack = (h->tcp_flags[0] & FT_TCP_ACK) != 0, rev = h->tcp_flags[1] != 0;

    return forward ? fwd_ack || rev : fwd_ack && rev;
}

/* The initiator's SYN that comes after the answer to it: packets changed places on the way. */
static bool syn_is_late(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    const struct ft__hot *h = &t->hot[i];
    bool answered = (h->tcp_flags[1] & FT_TCP_SYN) != 0 && (h->tcp_flags[0] & FT_TCP_SYN) == 0;

    return answered && pkt->swap == h->fwd && (h->state & FT__S_CLOSED) == 0 &&
           ft__time_sub(pkt->ts_ns, t->cold[i].first_ns[1]) < reorder_ns;
}

/* The entry that pkt is to be counted in: i, or a new one when i has timed out or was restarted. */
FT_COLD static uint32_t check(struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    uint64_t salt = 0;

    if (!ft__flow_settle_before(t, i, pkt->ts_ns) && !ft__flow_settle(t, i, pkt->ts_ns)) {
        if (!is_syn(pkt) || !syn_restarts(&t->hot[i], pkt)) {
            return i;
        }
        if (syn_is_late(t, i, pkt)) {
            t->hot[i].state |= FT__S_SYN;
            t->hot[i].isn = pkt->tcp_seq;
            return i;
        }
        salt = t->link[i].flow_id;
        ft__flow_end(t, i, FT_REASON_REUSE, pkt->ts_ns);
    }
    return ft__flow_create(t, pkt, salt);
}

/* True when pkt has to be looked at by check(): time, a closed flow, a SYN. */
FT_INLINE bool needs_check(const struct ft_table *t, const struct ft__hot *h,
                           const struct ft_packet *pkt)
{
    int64_t gap = ft__time_sub(pkt->ts_ns, ft__hot_last(h));
    int32_t late = (int32_t)((uint32_t)(pkt->ts_ns >> HINT_SHIFT) - h->active_at);
    bool known_syn = (h->state & FT__S_SYN) && pkt->tcp_seq == h->isn && pkt->swap == h->fwd;

    return gap >= t->cfg.idle_ns || gap <= -t->cfg.idle_ns || late >= 0 ||
           (h->state & FT__S_CLOSED) != 0 || (is_syn(pkt) && !known_syn);
}

/* ---- counting ---- */

FT_COLD static void carry(struct ft__cold *c, int d, bool bytes, uint32_t hdr, uint32_t pkts,
                          uint64_t over)
{
    uint64_t units = c->over[d] + (over >> 16);

    c->bytes[d] += bytes;
    c->hdr[d] += hdr >> 16;
    c->pkts[d] += pkts >> 16;
    c->over[d] = (uint32_t)units;
    c->over_high[d] += (uint8_t)(units >> 32);
}

/* A packet that is not newer than the newest of its direction, or the first of it. */
FT_COLD static void odd_time(struct ft_table *t, uint32_t i, int d, int64_t ts_ns)
{
    struct ft__hot *h = &t->hot[i];
    struct ft__cold *c = &t->cold[i];

    if (ts_ns < ft__hot_last(h)) {
        t->stats.late_packets++;
    }
    if (h->last_ns[d] != FT__NEVER && ts_ns < c->first_ns[d]) {
        struct ft__stat_wide_side *w = &ft__flow_wide(t, i)->side[d];

        w->came_first = w->came_first == FT__NEVER ? c->first_ns[d] : w->came_first;
    }
    if (h->last_ns[d] == FT__NEVER || ts_ns < c->first_ns[d]) {
        c->first_ns[d] = ts_ns;
    }
    if (ts_ns > h->last_ns[d]) {
        h->last_ns[d] = ts_ns;
    }
    ft__flow_hint(t, i, ts_ns); /* the flow may begin earlier now */
}

/* A segment whose sequence numbers were not captured: its flags have to do. */
static bool closes_by_flags(const struct ft__hot *h, const struct ft_packet *pkt)
{
    return (pkt->tcp_opts & FT_TCPO_WHOLE) == 0 &&
           ((pkt->tcp_flags & FT_TCP_RST) ||
            (h->tcp_flags[0] & h->tcp_flags[1] & pkt->tcp_flags & FT_TCP_FIN));
}

/* What may follow a counted packet: established, closed, a snapshot. */
FT_COLD static void after(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, bool closed)
{
    struct ft__hot *h = &t->hot[i];
    uint8_t before = h->state;

    if (h->pkts[0] >= PROBATION_PACKETS || h->last_ns[1] != FT__NEVER) {
        h->state |= FT__S_ESTABLISHED;
    }
    if (closed || closes_by_flags(h, pkt)) {
        h->state |= FT__S_CLOSED;
    }
    if ((before ^ h->state) & (FT__S_ESTABLISHED | FT__S_CLOSED)) {
        ft__flow_reschedule(t, i);
    }
    while ((h->state & FT__S_SNAPSHOTS) &&
           ft__flow_packets(t, i) >= t->cfg.snapshots[t->cold[i].snapshot]) {
        ft__flow_interim(t, i, FT_REASON_SNAPSHOT, pkt->ts_ns);
        if (++t->cold[i].snapshot == t->cfg.n_snapshots) {
            h->state &= (uint8_t)~FT__S_SNAPSHOTS;
        }
    }
}

FT_INLINE bool needs_after(const struct ft__hot *h, const struct ft_packet *pkt, int d)
{
    bool grows = !(h->state & FT__S_ESTABLISHED) && (d == 1 || h->pkts[0] >= PROBATION_PACKETS);

    return grows || (pkt->tcp_flags & (FT_TCP_FIN | FT_TCP_RST)) != 0 ||
           (h->state & FT__S_SNAPSHOTS) != 0;
}

/* What few packets are. */
FT_COLD static void count_extra(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, int d)
{
    struct ft__extra *x = &t->extra[i];

    if ((t->hot[i].seen & FT__SEEN_EXTRA) == 0) {
        memset(x, 0, sizeof *x);
        t->hot[i].seen |= FT__SEEN_EXTRA;
    }
    x->fragments[d] += pkt->frag != FT_FRAG_NONE;
    x->ecn_ce[d] += (pkt->tos & ECN_CE) == ECN_CE;
    if ((pkt->mark & FT_MARK_ROCE) && (x->bits & FT__X_ROCE) == 0) {
        x->roce_bth = pkt->roce_bth;
        x->bits |= FT__X_ROCE;
    }
    if (pkt->tunnel != FT_TUNNEL_NONE && x->tunnel == FT_TUNNEL_NONE) {
        x->tunnel = pkt->tunnel;
        x->tunnel_version = pkt->tunnel_version;
        x->tunnel_depth = pkt->tunnel_depth;
        memcpy(x->outer[d], pkt->outer[0], sizeof x->outer[0]);
        memcpy(x->outer[!d], pkt->outer[1], sizeof x->outer[1]);
    }
    if (pkt->tunnel == x->tunnel && (pkt->tunnel_flags & FT_TUNNEL_ID) &&
        pkt->tunnel != FT_TUNNEL_NONE && (x->bits & (FT__X_ID << d)) == 0) {
        x->tunnel_id[d] = pkt->tunnel_id;
        x->bits |= (uint8_t)(FT__X_ID << d);
    }
}

FT_INLINE bool has_extra(const struct ft_packet *pkt)
{
    return (pkt->tunnel | pkt->frag | (pkt->mark & FT_MARK_ROCE)) != 0 ||
           (pkt->tos & ECN_CE) == ECN_CE;
}

/* The second packet of a direction: until now its counters told all of the first. */
FT_COLD static void second(struct ft_table *t, uint32_t i, int d)
{
    struct ft__hot *h = &t->hot[i];
    uint32_t over = h->over[d];

    if (h->bytes[d] > UINT16_MAX) { /* only then may there be a carry */
        over += t->cold[i].over[d] << 16;
    }
    uint32_t size = h->bytes[d] - over;

    ft__stat_begin(&t->more[i].stat.side[d], size);
    if (size >= UINT16_MAX) {
        struct ft__stat_side *s = &t->more[i].stat.side[d];
        struct ft__stat_wide_side *w = &ft__flow_wide(t, i)->side[d];

        s->size_min = s->size_max = UINT16_MAX;
        w->size_min = w->size_max = size;
    }
    h->seen |= (uint8_t)(FT__SEEN_TWO << d);
}

FT_COLD static void measure_wide(struct ft_table *t, uint32_t i, int d, uint32_t size, uint64_t gap)
{
    ft__stat_add_wide(&t->more[i].stat.side[d], &ft__flow_wide(t, i)->side[d], size, gap);
}

FT_INLINE void measure(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, int d)
{
    const struct ft__hot *h = &t->hot[i];
    int64_t since = ft__time_sub(pkt->ts_ns, h->last_ns[d]);
    uint64_t gap = since > 0 ? (uint64_t)since : 0;

    if (FT_UNLIKELY((h->seen & (FT__SEEN_TWO << d)) == 0)) {
        if (h->pkts[d] == 0) {
            return;
        }
        second(t, i, d);
    }
    if (FT_UNLIKELY(!ft__stat_add(&t->more[i].stat.side[d], pkt->ip_len, gap))) {
        measure_wide(t, i, d, pkt->ip_len, gap);
    }
}

FT_INLINE void count(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, int d)
{
    struct ft__hot *h = &t->hot[i];
    uint32_t bytes = h->bytes[d] + pkt->frame_len;
    uint32_t hdr = h->hdr[d] + (pkt->ip_len - pkt->payload_len);
    uint64_t over = h->over[d] + (uint64_t)(pkt->frame_len - pkt->ip_len); /* captures claim 2^32 */
    uint32_t pkts = h->pkts[d] + 1u;

    measure(t, i, pkt, d);
    h->seen |= (pkt->mark & FT_MARK_TRUNCATED) != 0 ? FT__SEEN_TRUNCATED : 0;
    if (FT_UNLIKELY(has_extra(pkt))) {
        count_extra(t, i, pkt, d);
    }
    if (FT_UNLIKELY(bytes < pkt->frame_len || (hdr | over | pkts) >> 16 != 0)) {
        carry(&t->cold[i], d, bytes < pkt->frame_len, hdr, pkts, over);
    }
    h->bytes[d] = bytes;
    h->hdr[d] = (uint16_t)hdr;
    h->over[d] = (uint16_t)over;
    h->pkts[d] = (uint16_t)pkts;
    h->tcp_flags[d] |= pkt->tcp_flags;
    h->state = (uint8_t)((h->state | FT__S_FRESH) & ~FT__S_STALE);
    if (FT_UNLIKELY(pkt->ts_ns < ft__hot_last(h) || h->last_ns[d] == FT__NEVER)) {
        odd_time(t, i, d, pkt->ts_ns);
    } else {
        h->last_ns[d] = pkt->ts_ns;
    }
    t->stats.packets++;
    t->stats.bytes += pkt->frame_len;
}

FT_INLINE void read_counts(const struct ft_table *t, uint32_t i, int d, struct ft_tuple_counts *out)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__cold *c = &t->cold[i];

    out->packets = ((uint64_t)c->pkts[d] << 16) + h->pkts[d];
    out->bytes = ((uint64_t)c->bytes[d] << 32) + h->bytes[d];
    out->first_ns = c->first_ns[d];
}

static void watch(struct ft_table *t, uint32_t i, int d, const struct ft_packet *pkt)
{
    const struct ft_flow_watch *w = t->cfg.watch;

    if (!w->see(w->cookie, i, d, pkt)) {
        t->hot[i].state &= (uint8_t)~FT__S_WATCHED;
    }
}

/* A segment that is not plain; true when the connection is over now. Not inlined: what it needs is
 * not worked out for every packet. */
__attribute__((noinline)) static bool slow_tcp(const struct ft_table *t, uint32_t i,
                                               const struct ft_packet *pkt, int d, int64_t since_ns)
{
    struct ft__tcp tcp = ft__flow_tcp(t, i, since_ns);

    return ft__tcp_slow(&tcp, pkt, d);
}

/* The packet clock follows the packets; a step back by more than the idle timeout is believed. */
FT_INLINE void tell_time(struct ft_table *t, int64_t ts_ns)
{
    if (FT_LIKELY(ts_ns >= t->now_ns)) {
        t->now_ns = ts_ns;
    } else if (FT_UNLIKELY(ft__time_sub(t->now_ns, ts_ns) > t->cfg.idle_ns)) {
        t->now_ns = ts_ns;
        t->stats.clock_steps++;
    }
    t->newest_ns = ts_ns > t->newest_ns ? ts_ns : t->newest_ns;
}

void ft_table_update(struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                     struct ft_tuple_counts *out_counts)
{
    if (n == 0) {
        return;
    }
    bool ahead = t->stats.active >= PREFETCH_FROM;

    if (ahead) {
        prefetch_batch(t, pkts, n, out_counts != NULL);
    }
    if (FT_UNLIKELY(!t->timers.started)) {
        ft__timers_set_now(&t->timers, pkts[0].ts_ns);
    }
    for (uint32_t k = 0; k < n; k++) {
        const struct ft_packet *pkt = &pkts[k];

        if (ahead && k + ENTRIES_AHEAD < n) {
            prefetch_entry(t, &pkts[k + ENTRIES_AHEAD], out_counts != NULL);
        }
        uint32_t i = find(t, pkt);

        tell_time(t, pkt->ts_ns);
        if (i == FT__NONE) {
            i = ft__flow_create(t, pkt, 0);
        } else if (FT_UNLIKELY(needs_check(t, &t->hot[i], pkt))) {
            i = check(t, i, pkt);
        }
        int d = pkt->swap ^ t->hot[i].fwd;
        int64_t since_ns = (int64_t)((uint64_t)pkt->ts_ns - (uint64_t)t->hot[i].last_ns[d]);
        bool closed = false;

        count(t, i, pkt, d);
        if (pkt->key.proto == PROTO_TCP &&
            FT_UNLIKELY(!ft__tcp_plain(&t->more[i].tcp, pkt, d, since_ns))) {
            closed = slow_tcp(t, i, pkt, d, since_ns);
        }
        if (FT_UNLIKELY(t->hot[i].state & FT__S_WATCHED) && pkt->payload_cap > 0 &&
            pkt->frag == FT_FRAG_NONE) {
            watch(t, i, d, pkt);
        }
        if (FT_UNLIKELY(closed || needs_after(&t->hot[i], pkt, d))) {
            after(t, i, pkt, closed);
        }
        if (out_counts != NULL) {
            read_counts(t, i, d, &out_counts[k]);
        }
        if (k + 1 == n) {
            t->last = i;
            t->last_dir = (uint8_t)d;
        }
    }
    ft__table_tick(t, ft__time_sub(t->now_ns, reorder_ns), n * TIMER_VISITS);
}
