/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the packet path of the table: find, check, count. See table.h. */
#include "flow/table.h"

#include <string.h>

#include "base/mem.h"
#include "flow/conn.h"
#include "flow/internal.h"

enum {
    PREFETCH_FROM = 8192, /* flows in the table: with fewer, everything is in the cache anyway */
    PROBATION_PACKETS = 8,
    ENTRIES_AHEAD = 12, /* packets whose entries are asked for before they are needed */
    MORE_AHEAD = 4,
    BATCH_MAX = 64,
    FLOWS_MAX = 1 << 27,
    HINT_SHIFT = 24,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
};

/* A SYN that comes later than this after its answer is another one. */
static const int64_t reorder_ns = (int64_t)2 * 1000000000;

static const int64_t horizon_max_ns = (int64_t)600 * 1000000000;

/* The arrays of a table, one item an entry: where the pointer stands, and the size of an item. */
static const struct {
    size_t at, size;
    bool few; /* flows touch it */
} arrays[] = {
    {offsetof(struct ft_table, hot), sizeof(struct ft__hot), false},
    {offsetof(struct ft_table, cold), sizeof(struct ft__cold), false},
    {offsetof(struct ft_table, addr6), 32, false},
    {offsetof(struct ft_table, high), sizeof(struct ft__high), true},
    {offsetof(struct ft_table, tunnel), sizeof(struct ft__tunnel), true},
    {offsetof(struct ft_table, prev), sizeof(struct ft__prev), true},
};

enum { N_ARRAYS = sizeof arrays / sizeof *arrays };

static void *array_get(const struct ft_table *t, int k)
{
    void *p;

    memcpy(&p, (const uint8_t *)t + arrays[k].at, sizeof p);
    return p;
}

uint32_t ft_table_entries(uint32_t max_flows)
{
    return max_flows + FT__DUES;
}

size_t ft_table_budget(const struct ft_table_config *cfg)
{
    size_t flow = 0;

    for (int k = 0; k < N_ARRAYS; k++) {
        flow += arrays[k].size;
    }
    return flow * ft_table_entries(cfg->max_flows) + ft__index_budget(cfg->max_flows) +
           sizeof(struct ft_table);
}

static bool make_arrays(struct ft_table *t)
{
    for (int k = 0; k < N_ARRAYS; k++) {
        size_t size = arrays[k].size * ft_table_entries(t->cfg.max_flows);
        void *p = arrays[k].few ? ft_map_alloc_sparse(size) : ft_map_alloc(size);

        if (p == NULL) {
            return false;
        }
        memcpy((uint8_t *)t + arrays[k].at, &p, sizeof p);
    }
    return ft__index_init(&t->index, t->cfg.max_flows);
}

int ft_table_new(const struct ft_table_config *cfg, struct ft_table **out)
{
    const struct ft_flow_rules *rules = &cfg->rules;
    int64_t idle_else = rules->idle_else_ns != 0 ? rules->idle_else_ns : rules->idle_ns;

    if (cfg->max_flows < 1 || cfg->max_flows > FLOWS_MAX || rules->idle_ns < 1 ||
        rules->idle_else_ns < 0 || rules->login_idle_ns < 0 || rules->names_every_ns < 0 ||
        rules->names_quiet_ns < 0 || rules->attempt_ns < 0 ||
        (rules->linger_fixed && rules->active_ns != INT64_MAX) || rules->active_ns < 1 ||
        rules->tick_ns < 0 || cfg->linger_ns < 1 || cfg->n_snapshots > FT_MAX_SNAPSHOTS) {
        return FT_E_RANGE;
    }
    struct ft_table *t = ft_mem_alloc(1, sizeof *t);

    if (t == NULL) {
        return FT_E_NOMEM;
    }
    t->cfg = *cfg;
    t->idle_least_ns = rules->idle_ns < idle_else ? rules->idle_ns : idle_else;
    if (rules->names_every_ns != 0 && rules->names_quiet_ns < t->idle_least_ns) {
        t->idle_least_ns = rules->names_quiet_ns;
    }
    t->idle_least_ns -= rules->tick_ns < t->idle_least_ns ? rules->tick_ns : t->idle_least_ns - 1;
    t->free = FT__NONE;
    t->now_ns = t->newest_ns = FT__NEVER;
    if (!make_arrays(t)) {
        ft_table_free(t);
        return FT_E_NOMEM;
    }
    int64_t most = rules->idle_ns > idle_else ? rules->idle_ns : idle_else;

    most = most > rules->login_idle_ns ? most : rules->login_idle_ns;
    int64_t horizon = most > cfg->linger_ns ? most : cfg->linger_ns;

    ft__timers_init(&t->timers, t->cold, horizon < horizon_max_ns ? horizon : horizon_max_ns);
    *out = t;
    return FT_OK;
}

void ft_table_free(struct ft_table *t)
{
    if (t == NULL) {
        return;
    }
    for (int k = 0; k < N_ARRAYS; k++) {
        ft_map_free(array_get(t, k), arrays[k].size * ft_table_entries(t->cfg.max_flows));
    }
    ft__index_fini(&t->index);
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
           (t->tunnel[i].type == pkt->tunnel && t->tunnel[i].id == pkt->tunnel_id);
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
    uint32_t tag = ft__index_tag(pkt->hash);
    uint32_t b = ft__index_home(&t->index, tag);

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

/* Asks for the entry that the tags of a packet's bucket point to: its line that every packet
 * touches. Returns it, or FT__NONE. Has to be inlined: gcc takes a function that only prefetches
 * for one without effect. */
FT_INLINE uint32_t prefetch_entry(const struct ft_table *t, const struct ft_packet *pkt, bool cold)
{
    uint32_t tag = ft__index_tag(pkt->hash);
    const struct ft__bucket *b = &t->index.buckets[ft__index_home(&t->index, tag)];
    uint32_t m = ft__bucket_match(b, tag);

    if (m == 0) {
        return FT__NONE;
    }
    uint32_t i = b->entry[__builtin_ctz(m)];

    __builtin_prefetch(&t->hot[i], 1);
    if (pkt->key.bits & FT_KEY_V6) {
        __builtin_prefetch(&t->addr6[i]);
    }
    if (cold || (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_FIN | FT_TCP_RST)) != 0) {
        __builtin_prefetch(&t->cold[i], 1);
    }
    return i;
}

/* The second look, when hot has come: the first packet of a direction touches cold. */
FT_INLINE void prefetch_more(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    if (i != FT__NONE && t->hot[i].last_ns[pkt->swap ^ t->hot[i].fwd] == FT__NEVER) {
        __builtin_prefetch(&t->cold[i], 1);
    }
}

/* Packets that were asked for. */
struct ahead {
    uint32_t entry[BATCH_MAX];
};

/* Before a batch: all its buckets, and the entries of the first packets. */
FT_INLINE void prefetch_batch(const struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                              bool cold, struct ahead *a)
{
    for (uint32_t k = 0; k < n; k++) {
        __builtin_prefetch(
            &t->index.buckets[ft__index_home(&t->index, ft__index_tag(pkts[k].hash))]);
    }
    for (uint32_t k = 0; k < n && k < ENTRIES_AHEAD; k++) {
        a->entry[k] = prefetch_entry(t, &pkts[k], cold);
    }
}

/* With packet k of a batch. */
FT_INLINE void prefetch_next(const struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                             uint32_t k, bool cold, struct ahead *a)
{
    if (k + ENTRIES_AHEAD < n) {
        a->entry[k + ENTRIES_AHEAD] = prefetch_entry(t, &pkts[k + ENTRIES_AHEAD], cold);
    }
    if (k + MORE_AHEAD < n) {
        prefetch_more(t, a->entry[k + MORE_AHEAD], &pkts[k + MORE_AHEAD]);
    }
}

/* ---- checks before counting ---- */

FT_INLINE bool is_syn(const struct ft_packet *pkt)
{
    return (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN;
}

/* A SYN on an entry that is there: does it open another connection? A SYN sent again does not, nor
 * does the other side's SYN of a simultaneous or split open, nor a SYN with another number before
 * anybody went beyond SYN. */
static bool syn_restarts(const struct ft__hot *h, const struct ft_packet *pkt, bool always)
{
    bool forward = (pkt->swap ^ h->fwd) == 0;
    bool again = forward && (h->state & FT__S_SYN) && pkt->tcp_seq == h->isn;
    bool over = (h->state & FT__S_CLOSED) != 0;

    if (again || over || always) {
        return !again || (over && always);
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
           ft_time_sub(pkt->ts_ns, t->cold[i].first_ns[1]) < reorder_ns;
}

/* A packet on an entry that is there: does it open another connection? */
static bool restarts(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    const struct ft_flow_rules *rules = &t->cfg.rules;
    const struct ft__hot *h = &t->hot[i];

    if (rules->tcp_end == FT_TCP_END_BEFORE_SYN) {
        return is_syn(pkt) && t->cold[i].beyond_syn;
    }
    if (rules->past_tcp_end) {
        return rules->tcp_end == FT_TCP_END_AT_SYN && (h->state & FT__S_CLOSED) &&
               (pkt->tcp_flags & FT_TCP_SYN);
    }
    return is_syn(pkt) && syn_restarts(h, pkt, rules->syn_begins);
}

/* Does a flow that begins with pkt, behind the active timeout of this one, go on from it? */
static bool follows(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    bool ports = pkt->key.proto == PROTO_TCP || pkt->key.proto == PROTO_UDP;

    return t->cfg.rules.follows >= (ports ? FT_FOLLOWS_TCP_UDP : FT_FOLLOWS_ALL) &&
           !restarts(t, i, pkt);
}

/* The entry that pkt is to be counted in: i, or a new one when i has timed out or was restarted;
 * *before is i when the new one goes on from it. FT__NONE: a record of i comes first. */
FT_COLD static uint32_t check(struct ft_table *t, uint32_t i, const struct ft_packet *pkt,
                              uint32_t *before)
{
    uint64_t salt;

    if (ft__flow_settle_before(t, i, pkt->ts_ns) || ft__flow_settle(t, i, pkt->ts_ns)) {
        return ft__flow_create(t, pkt, 0);
    }
    if (t->stop) {
        return FT__NONE;
    }
    if (ft__flow_settle_active(t, i, pkt->ts_ns)) {
        uint32_t entry = ft__flow_create(t, pkt, 0);

        if (follows(t, i, pkt)) {
            ft__flow_face(t, entry, i, pkt);
            *before = i;
        }
        return entry;
    }
    if (!restarts(t, i, pkt)) {
        return i;
    }
    if (t->cfg.rules.tcp_end != FT_TCP_END_BEFORE_SYN && syn_is_late(t, i, pkt)) {
        t->hot[i].state |= FT__S_SYN;
        t->hot[i].isn = pkt->tcp_seq;
        return i;
    }
    salt = t->cold[i].flow_id;
    ft__flow_end(t, i, FT_REASON_REUSE, pkt->ts_ns);
    return ft__flow_create(t, pkt, salt);
}

/* The initiator's SYN once more. */
FT_INLINE bool is_known_syn(const struct ft__hot *h, const struct ft_packet *pkt)
{
    return (h->state & FT__S_SYN) && pkt->tcp_seq == h->isn && pkt->swap == h->fwd && is_syn(pkt);
}

/* True when pkt has to be looked at by check(): time, a closed flow, a SYN. */
FT_INLINE bool needs_check(const struct ft_table *t, const struct ft__hot *h,
                           const struct ft_packet *pkt)
{
    int64_t gap = ft_time_sub(pkt->ts_ns, ft__hot_last(h));
    int32_t late = (int32_t)((uint32_t)(pkt->ts_ns >> HINT_SHIFT) - h->active_at);

    return gap >= t->idle_least_ns || gap <= -t->idle_least_ns || late >= 0 ||
           (h->state & FT__S_CLOSED) != 0 ||
           (is_syn(pkt) &&
            (t->cfg.rules.tcp_end == FT_TCP_END_BEFORE_SYN || !is_known_syn(h, pkt)));
}

/* ---- counting ---- */

FT_COLD static void carry(struct ft_table *t, uint32_t i, int d, bool bytes, uint32_t hdr,
                          uint32_t pkts, uint64_t over)
{
    struct ft__high *c = &t->high[i];

    if ((t->hot[i].seen & FT__SEEN_HIGH) == 0) {
        memset(c, 0, sizeof *c);
        t->hot[i].seen |= FT__SEEN_HIGH;
    }
    c->bytes[d] += bytes;
    c->hdr[d] += hdr >> 16;
    c->pkts[d] += pkts >> 16;
    c->over[d] += over >> 16;
}

/* A packet that is not newer than the newest of its direction, or the first of it. */
FT_COLD static void odd_time(struct ft_table *t, uint32_t i, int d, int64_t ts_ns)
{
    struct ft__hot *h = &t->hot[i];
    struct ft__cold *c = &t->cold[i];
    bool late = ts_ns < ft__hot_last(h);

    t->stats.late_packets += late;
    if (h->last_ns[d] == FT__NEVER || ts_ns < c->first_ns[d]) {
        c->first_ns[d] = ts_ns;
    }
    if (ts_ns > h->last_ns[d]) {
        h->last_ns[d] = ts_ns;
    }
    if (late) {
        ft__flow_hint(t, i, ts_ns); /* the flow may begin earlier now */
    }
}

/* A segment whose sequence numbers were not captured: its flags have to do. */
static bool closes_by_flags(const struct ft__hot *h, const struct ft_packet *pkt)
{
    return (pkt->tcp_opts & FT_TCPO_WHOLE) == 0 &&
           ((pkt->tcp_flags & FT_TCP_RST) ||
            (h->tcp_flags[0] & h->tcp_flags[1] & pkt->tcp_flags & FT_TCP_FIN));
}

/* FT_TCP_END_AT_SYN: a packet after the flow's first. */
static void approach_end(struct ft__hot *h, struct ft__cold *c, const struct ft_packet *pkt)
{
    uint8_t fins = h->tcp_flags[0] & h->tcp_flags[1] & FT_TCP_FIN;
    bool closed = (h->state & FT__S_CLOSED) != 0;

    if (pkt->tcp_flags & FT_TCP_FIN) {
        h->state |= c->fin_later && fins != 0 && !closed ? FT__S_FINS : 0;
        c->fin_later = true;
    } else if ((pkt->tcp_flags & FT_TCP_RST) ||
               ((h->state & FT__S_FINS) && (pkt->tcp_flags & FT_TCP_ACK))) {
        h->state = (uint8_t)((h->state | FT__S_CLOSED) & ~FT__S_FINS);
    }
}

/* FT_TCP_END_AT_ONCE: is a packet after the flow's first its last? Who sent it is told by the
 * addresses, so of a host that talks to itself all is forward. */
static bool ends_at_once(const struct ft_packet *pkt, int d)
{
    if (pkt->tcp_flags & FT_TCP_FIN) {
        return d == FT_DIR_REV && !ft_packet_to_itself(pkt);
    }
    return (pkt->tcp_flags & FT_TCP_RST) != 0;
}

/* Is it over with FINs, whatever was acknowledged? */
static bool closes_by_fins(const struct ft_table *t, uint32_t i)
{
    const struct ft__cold *c = &t->cold[i];
    uint8_t fins = c->tcp_bits & (FT__C_FIN | FT__C_FIN << 1);
    bool lonely = c->tcp_state[!(fins >> 1)] == FT_TCP_INACTIVE; /* of one FIN */

    return t->cfg.rules.fins_end && fins != 0 && (fins == (FT__C_FIN | FT__C_FIN << 1) || lonely);
}

/* The connection is over with a packet of ts_ns. */
static void note_over(struct ft_table *t, uint32_t i, int64_t ts_ns)
{
    int64_t since = ft_time_sub(ts_ns, ft__flow_first(t, i)) >> FT__OVER_SHIFT;

    if (t->cfg.rules.linger_fixed && (t->hot[i].state & FT__S_CLOSED) == 0) {
        t->cold[i].active_k = since < UINT32_MAX ? (uint32_t)since : UINT32_MAX;
    }
}

/* What may follow a counted packet: established, closed, a snapshot. */
FT_COLD static void after(struct ft_table *t, uint32_t i, const struct ft_packet *pkt,
                          const struct ft_counted *at)
{
    struct ft__hot *h = &t->hot[i];
    uint8_t before = h->state, tcp_end = t->cfg.rules.tcp_end;
    bool closed = (at->bits & FT_AT_CLOSES) != 0;
    bool looks = pkt->key.proto == PROTO_TCP && (at->bits & FT_AT_NEW) == 0;

    if (h->pkts[0] >= PROBATION_PACKETS || h->last_ns[1] != FT__NEVER) {
        h->state |= FT__S_ESTABLISHED;
    }
    if ((closed || closes_by_flags(h, pkt) || closes_by_fins(t, i)) && !t->cfg.rules.past_tcp_end) {
        note_over(t, i, pkt->ts_ns);
        h->state |= FT__S_CLOSED;
    }
    if (tcp_end == FT_TCP_END_AT_SYN && looks) {
        approach_end(h, &t->cold[i], pkt);
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
    if (tcp_end == FT_TCP_END_AT_ONCE && looks && ends_at_once(pkt, at->dir)) {
        ft__flow_end(t, i, FT_REASON_END, pkt->ts_ns);
    }
}

FT_INLINE bool needs_after(const struct ft__hot *h, const struct ft_packet *pkt, int d)
{
    bool grows = !(h->state & FT__S_ESTABLISHED) && (d == 1 || h->pkts[0] >= PROBATION_PACKETS);

    return grows || (pkt->tcp_flags & (FT_TCP_FIN | FT_TCP_RST)) != 0 ||
           (h->state & (FT__S_SNAPSHOTS | FT__S_FINS)) != 0;
}

/* A packet out of a tunnel. */
FT_COLD static void note_tunnel(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, int d)
{
    struct ft__tunnel *x = &t->tunnel[i];

    if ((t->hot[i].seen & FT__SEEN_TUNNEL) == 0) {
        *x = (struct ft__tunnel){.type = pkt->tunnel};
        t->hot[i].seen |= FT__SEEN_TUNNEL;
    }
    if (d == FT_DIR_FWD && pkt->tunnel == x->type && (pkt->tunnel_flags & FT_TUNNEL_ID) &&
        !x->has) {
        x->id = pkt->tunnel_id;
        x->has = true;
    }
}

/* IP bytes of the only packet of direction d. */
FT_COLD static uint32_t only_len(const struct ft_table *t, uint32_t i, int d)
{
    const struct ft__hot *h = &t->hot[i];

    return h->bytes[d] - (uint32_t)(ft__flow_high(t, i)->over[d] << 16) - h->over[d];
}

/* Where the packet is about to be counted. */
FT_INLINE void place(const struct ft_table *t, uint32_t i, const struct ft_packet *pkt, int d,
                     bool is_new, struct ft_counted *at)
{
    const struct ft__hot *h = &t->hot[i];
    bool first = is_new || h->last_ns[d] == FT__NEVER;

    at->since_ns = (int64_t)((uint64_t)pkt->ts_ns - (uint64_t)h->last_ns[d]);
    at->other_ns = h->last_ns[!d];
    at->entry = i;
    at->isn = h->isn;
    at->dir = (uint8_t)d;
    at->bits = (uint8_t)((is_new ? FT_AT_NEW : 0) | (first ? FT_AT_FIRST : 0) |
                         (h->state & FT__S_SYN ? FT_AT_ISN : 0));
    if (FT_UNLIKELY(h->pkts[d] == 1) && ft__flow_high(t, i)->pkts[d] == 0) {
        at->first_len = only_len(t, i, d);
        at->bits |= FT_AT_SECOND;
    }
}

FT_INLINE void count(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, int d)
{
    struct ft__hot *h = &t->hot[i];
    uint32_t bytes = h->bytes[d] + pkt->frame_len;
    uint32_t hdr = h->hdr[d] + (pkt->ip_len - pkt->payload_len);
    uint64_t over = h->over[d] + (uint64_t)(pkt->frame_len - pkt->ip_len); /* captures claim 2^32 */
    uint32_t pkts = h->pkts[d] + 1u;

    h->seen |= (pkt->mark & FT_MARK_TRUNCATED) != 0 ? FT__SEEN_TRUNCATED : 0;
    if (FT_UNLIKELY(pkt->tunnel != FT_TUNNEL_NONE)) {
        note_tunnel(t, i, pkt, d);
    }
    if (FT_UNLIKELY(bytes < pkt->frame_len || (hdr | over | pkts) >> 16 != 0)) {
        carry(t, i, d, bytes < pkt->frame_len, hdr, pkts, over);
    }
    h->bytes[d] = bytes;
    h->hdr[d] = (uint16_t)hdr;
    h->over[d] = (uint16_t)over;
    h->pkts[d] = (uint16_t)pkts;
    h->tcp_flags[d] |= pkt->tcp_flags;
    if (FT_UNLIKELY((h->state & FT__S_FRESH) == 0)) {
        t->prev[i].first_ns = pkt->ts_ns;
    }
    h->state = (uint8_t)((h->state | FT__S_FRESH) & ~FT__S_STALE);
    if (FT_UNLIKELY(pkt->ts_ns < ft__hot_last(h) || h->last_ns[d] == FT__NEVER)) {
        odd_time(t, i, d, pkt->ts_ns);
    } else {
        h->last_ns[d] = pkt->ts_ns;
    }
    t->stats.packets++;
    t->stats.bytes += pkt->frame_len;
}

FT_INLINE void read_counts(const struct ft_table *t, const struct ft_counted *at,
                           struct ft_tuple_counts *out)
{
    const struct ft__hot *h = &t->hot[at->entry];
    const struct ft__high *c = ft__flow_high(t, at->entry);
    int d = at->dir;

    out->packets = ((uint64_t)c->pkts[d] << 16) + h->pkts[d];
    out->bytes = ((uint64_t)c->bytes[d] << 32) + h->bytes[d];
    out->first_ns = t->cold[at->entry].first_ns[d];
}

/* The packet clock follows the packets; a step back by more than the idle timeout is believed. */
FT_INLINE void tell_time(struct ft_table *t, int64_t ts_ns)
{
    if (FT_LIKELY(ts_ns >= t->now_ns)) {
        t->now_ns = ts_ns;
    } else if (FT_UNLIKELY(ft_time_sub(t->now_ns, ts_ns) > t->idle_least_ns)) {
        t->now_ns = ts_ns;
        t->stats.clock_steps++;
    }
    t->newest_ns = ts_ns > t->newest_ns ? ts_ns : t->newest_ns;
}

/* Counts one packet. False: a record of its flow comes first. */
FT_INLINE bool update(struct ft_table *t, const struct ft_packet *pkt, struct ft_counted *at)
{
    uint32_t i = find(t, pkt), found = i, before = FT__NONE;
    bool closes = false;

    tell_time(t, pkt->ts_ns);
    if (i == FT__NONE) {
        i = ft__flow_create(t, pkt, 0);
    } else if (FT_UNLIKELY(needs_check(t, &t->hot[i], pkt))) {
        i = check(t, i, pkt, &before);
        if (i == FT__NONE) {
            return false;
        }
    }
    struct ft__hot *h = &t->hot[i];
    int d = pkt->swap ^ h->fwd;

    place(t, i, pkt, d, i != found, at);
    if (FT_UNLIKELY(before != FT__NONE)) {
        at->before = before;
        at->bits |= FT_AT_FOLLOWS;
    }
    count(t, i, pkt, d);
    if (pkt->key.proto == PROTO_TCP &&
        FT_UNLIKELY(ft__conn_looks(h, pkt, d, is_known_syn(h, pkt)))) {
        closes = ft__conn_segment(h, &t->cold[i], pkt, d);
    }
    if (FT_UNLIKELY(closes || needs_after(h, pkt, d))) {
        at->bits |= closes ? FT_AT_CLOSES : 0;
        after(t, i, pkt, at);
    }
    return true;
}

uint32_t ft_table_update(struct ft_table *t, const struct ft_packet *pkts, uint32_t n,
                         struct ft_counted *at, struct ft_tuple_counts *out_counts)
{
    bool ahead = t->stats.active >= PREFETCH_FROM;
    struct ahead a;
    uint32_t k;

    if (n == 0) {
        return 0;
    }
    if (ahead) {
        prefetch_batch(t, pkts, n, out_counts != NULL, &a);
    }
    if (FT_UNLIKELY(!t->timers.started)) {
        ft__timers_set_now(&t->timers, pkts[0].ts_ns);
    }
    for (k = 0; k < n && !t->stop && ft__dues_left(t, FT__DUES_OF_A_PACKET); k++) {
        if (ahead) {
            prefetch_next(t, pkts, n, k, out_counts != NULL, &a);
        }
        if (!update(t, &pkts[k], &at[k])) {
            break;
        }
        if (out_counts != NULL) {
            read_counts(t, &at[k], &out_counts[k]);
        }
    }
    return k;
}
