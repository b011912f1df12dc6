/* SPDX-License-Identifier: Apache-2.0 */
/* flow: birth, records, timers and end of flows; everything that is not "count a packet". */
#include <string.h>

#include "flow/internal.h"

enum {
    EVICT_TRIES = 8,
    HINT_SHIFT = 24,
    FLUSH_AHEAD = 16, /* entries */
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_ICMPV6 = 58
};

_Static_assert(EVICT_TRIES + 6 <= FT__DUES_OF_A_PACKET, "its own flow, tries, two ends");

/* Timers run this far behind the packets, so that one that comes late still finds its flow; whether
 * it belongs to it is decided by the timestamps, not by who looked first. */
static const int64_t reorder_ns = (int64_t)2 * 1000000000;

/* The hint compares 32 wrapping bits; a deadline further than this is looked at earlier. */
static const int64_t hint_max_ns = (int64_t)300 * 86400 * 1000000000;

int64_t ft__flow_first(const struct ft_table *t, uint32_t i)
{
    const struct ft__hot *h = &t->hot[i];
    const struct ft__cold *c = &t->cold[i];

    if (h->last_ns[0] == FT__NEVER || h->last_ns[1] == FT__NEVER) {
        return c->first_ns[h->last_ns[0] == FT__NEVER];
    }
    return c->first_ns[0] < c->first_ns[1] ? c->first_ns[0] : c->first_ns[1];
}

/* A connection at whose other end somebody may sit and think. */
static bool is_login(const struct ft__hot *h)
{
    uint16_t port = h->key.port[!h->fwd];
    bool open = (h->tcp_flags[0] & h->tcp_flags[1] & FT_TCP_SYN) != 0;

    return open && (port == 21 || port == 22 || port == 23 || port == 513);
}

/* A time as the rules see it. */
static int64_t cut(const struct ft_table *t, int64_t ns)
{
    int64_t tick_ns = t->cfg.rules.tick_ns, over = tick_ns != 0 ? ns % tick_ns : 0;

    return over < 0 ? ft_time_sub(ns, over + tick_ns) : ns - over;
}

static int64_t idle_of(const struct ft_table *t, const struct ft__hot *h)
{
    const struct ft_flow_rules *r = &t->cfg.rules;

    if (r->login_idle_ns != 0 && h->key.proto == PROTO_TCP && is_login(h)) {
        return r->login_idle_ns;
    }
    return h->key.proto == PROTO_TCP || r->idle_else_ns == 0 ? r->idle_ns : r->idle_else_ns;
}

/* Is the initiator's SYN all that was seen? */
static bool is_attempt(const struct ft__hot *h, const struct ft__cold *c)
{
    return h->key.proto == PROTO_TCP && (h->state & FT__S_SYN) &&
           c->tcp_state[FT_DIR_REV] == FT_TCP_INACTIVE &&
           (c->tcp_state[FT_DIR_FWD] == FT_TCP_INACTIVE ||
            c->tcp_state[FT_DIR_FWD] == FT_TCP_SYN_SENT);
}

/* When such a connection is given up; INT64_MAX: it is not. */
static int64_t attempt_until(const struct ft_table *t, uint32_t i)
{
    if (t->cfg.rules.attempt_ns == 0 || !is_attempt(&t->hot[i], &t->cold[i])) {
        return INT64_MAX;
    }
    return ft_time_add(ft__flow_first(t, i), t->cfg.rules.attempt_ns);
}

/* DNS, NetBIOS names, mDNS, LLMNR. */
static bool is_names_port(uint16_t port)
{
    return port == 53 || port == 137 || port == 5353 || port == 5355;
}

static bool is_names(const struct ft__hot *h)
{
    uint16_t src = h->key.port[h->fwd], dst = h->key.port[!h->fwd];

    return h->key.proto == PROTO_UDP && (is_names_port(src) || is_names_port(dst));
}

/* When such a flow is found quiet; INT64_MAX: it is none. */
static int64_t names_until(const struct ft_table *t, uint32_t i)
{
    const struct ft_flow_rules *r = &t->cfg.rules;
    const struct ft__hot *h = &t->hot[i];

    if (r->names_every_ns == 0 || !is_names(h)) {
        return INT64_MAX;
    }
    int64_t first = ft__flow_first(t, i);
    int64_t quiet = ft_time_sub(ft_time_add(ft__hot_last(h), r->names_quiet_ns), first);
    int64_t looks = quiet / r->names_every_ns + (quiet % r->names_every_ns != 0), after;

    return __builtin_mul_overflow(looks, r->names_every_ns, &after) ? INT64_MAX
                                                                    : ft_time_add(first, after);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t over_ns(const struct ft_table *t, uint32_t i)
{
    return ft_time_add(ft__flow_first(t, i), (int64_t)t->cold[i].active_k << FT__OVER_SHIFT);
}

struct ft__deadlines ft__flow_deadlines(const struct ft_table *t, uint32_t i)
{
    const struct ft__hot *h = &t->hot[i];
    bool closed = (h->state & FT__S_CLOSED) != 0 && !t->cfg.rules.past_tcp_end;
    int64_t last = closed && t->cfg.rules.linger_fixed ? over_ns(t, i) : cut(t, ft__hot_last(h));
    int64_t idle = ft_time_add(last, closed ? t->cfg.linger_ns : idle_of(t, h));
    int64_t after;

    if (t->cfg.rules.linger_fixed ||
        __builtin_mul_overflow((int64_t)t->cold[i].active_k + 1, t->cfg.rules.active_ns, &after)) {
        after = INT64_MAX;
    }
    return (struct ft__deadlines){
        .end_ns = sooner(idle, sooner(attempt_until(t, i), names_until(t, i))),
        .active_ns = ft_time_add(cut(t, ft__flow_first(t, i)), after),
    };
}

void ft__flow_hint(struct ft_table *t, uint32_t i, int64_t now_ns)
{
    int64_t at = sooner(ft__flow_deadlines(t, i).active_ns, attempt_until(t, i));
    int64_t most = ft_time_add(now_ns, hint_max_ns);

    t->hot[i].active_at = (uint32_t)((at < most ? at : most) >> HINT_SHIFT);
}

static int wheel_of(const struct ft_table *t, uint32_t i)
{
    return (t->hot[i].state & FT__S_ESTABLISHED) != 0;
}

static void schedule(struct ft_table *t, uint32_t i)
{
    struct ft__deadlines d = ft__flow_deadlines(t, i);
    bool fresh = (t->hot[i].state & FT__S_FRESH) != 0 && !t->cfg.rules.active_at_packet;
    int64_t at = fresh && d.active_ns < d.end_ns ? d.active_ns : d.end_ns;

    ft__timers_insert(&t->timers, wheel_of(t, i), i, at);
}

void ft__flow_reschedule(struct ft_table *t, uint32_t i)
{
    ft__timers_remove(&t->timers, i);
    schedule(t, i);
}

/* ---- records that are due ---- */

static void due(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns, bool final)
{
    t->due[t->due_end++] =
        (struct ft_due){.at_ns = at_ns, .entry = i, .reason = (uint8_t)reason, .is_final = final};
    t->hot[i].state &= (uint8_t)~FT__S_FRESH;
}

void ft__flow_interim(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns)
{
    due(t, i, reason, at_ns, false);
    t->stats.updates++;
    t->stop = true;
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
    return ft_packet_to_itself(pkt) && pkt->key.port[0] == pkt->key.port[1];
}

/* What few flows have from the beginning. */
static void fill_more(struct ft_table *t, uint32_t i, const struct ft_packet *pkt)
{
    struct ft__hot *h = &t->hot[i];

    if (is_icmp(pkt->key.proto) && pkt->frag != FT_FRAG_LATER) {
        t->cold[i].icmp_code = (uint8_t)pkt->icmp;
        t->cold[i].icmp_known = true;
    }
    if (pkt->key.bits & FT_KEY_TUNNEL) {
        t->tunnel[i] = (struct ft__tunnel){.id = pkt->tunnel_id, .type = pkt->tunnel, .has = true};
        h->seen |= FT__SEEN_TUNNEL;
    }
    if (pkt->key.bits & FT_KEY_V6) {
        memcpy(t->addr6[i], pkt->addr6, 32);
    }
}

static void fill(struct ft_table *t, uint32_t i, const struct ft_packet *pkt, uint64_t salt)
{
    struct ft__hot *h = &t->hot[i];
    uint8_t syn = pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK);
    bool reply = syn == (FT_TCP_SYN | FT_TCP_ACK) && !t->cfg.rules.first_is_fwd && !same_ends(pkt);

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
    fill_more(t, i, pkt);
    h->last_ns[reply] = pkt->ts_ns; /* the first packet's direction; it is counted by the caller */
    t->cold[i].first_ns[reply] = pkt->ts_ns;
    if (pkt->key.bits & FT_KEY_TUNNEL) {
        salt ^= (uint64_t)pkt->tunnel << 56 ^ (uint64_t)pkt->tunnel_id << 8;
    }
    t->cold[i].flow_id = flow_id(t, i, pkt->ts_ns, salt);
    ft__flow_hint(t, i, pkt->ts_ns);
}

/* The entries that the timers will look at next, while this one is looked at. */
FT_INLINE void prefetch_timers(const struct ft_table *t, uint32_t i)
{
    uint32_t next = t->cold[i].next, after;

    __builtin_prefetch(&t->index.buckets[ft__index_home(&t->index, t->cold[i].tag)], 1);
    if (next == FT__NONE) {
        return;
    }
    __builtin_prefetch(&t->index.buckets[ft__index_home(&t->index, t->cold[next].tag)], 1);
    after = t->cold[next].next;
    if (after != FT__NONE) {
        __builtin_prefetch(&t->hot[after], 1);
        __builtin_prefetch(&t->cold[after], 1);
    }
}

/* Makes room: the flow on probation with the nearest deadline, else the established one. Entries
 * whose deadline has moved on since they were listed are put back first, a few of them. */
static void evict(struct ft_table *t, int64_t ts_ns)
{
    int wheel = ft__timers_nearest(&t->timers, 0) != FT__NONE ? 0 : 1;

    for (int tries = 0;; tries++) {
        uint32_t i = ft__timers_nearest(&t->timers, wheel);
        int64_t end_ns = ft__flow_deadlines(t, i).end_ns;

        prefetch_timers(t, i);
        if (ft__flow_settle(t, i, ts_ns)) {
            return;
        }
        if (tries == EVICT_TRIES || end_ns >> t->timers.shift <= t->timers.pos) {
            ft__flow_end(t, i, FT_REASON_EVICTED, ts_ns);
            return;
        }
        uint32_t before = t->cold[i].prev;

        ft__flow_reschedule(t, i);
        if (t->cold[i].prev == before) { /* it is the nearest */
            ft__flow_end(t, i, FT_REASON_EVICTED, ts_ns);
            return;
        }
    }
}

static uint32_t take_entry(struct ft_table *t, int64_t ts_ns)
{
    uint32_t i = t->free;

    if (FT_UNLIKELY(t->stats.active == t->cfg.max_flows)) {
        evict(t, ts_ns);
    }
    if (i != FT__NONE) {
        t->free = t->cold[i].next;
        return i;
    }
    return t->fresh++; /* there are as many more than flows as records may be due */
}

uint32_t ft__flow_create(struct ft_table *t, const struct ft_packet *pkt, uint64_t salt)
{
    uint32_t i = take_entry(t, pkt->ts_ns), tag = ft__index_tag(pkt->hash);

    if (FT_UNLIKELY(ft__index_is_small(&t->index, t->stats.active + 1))) {
        ft__index_grow(&t->index);
    }
    if (!ft__index_insert(&t->index, tag, i)) { /* keys of one hash fill all buckets in reach */
        ft__flow_end(t, ft__index_victim(&t->index, tag), FT_REASON_EVICTED, pkt->ts_ns);
        ft_ignore(ft__index_insert(&t->index, tag, i)); /* there is room for one now */
    }
    fill(t, i, pkt, salt);
    t->cold[i].tag = tag;
    t->stats.created++;
    t->stats.active++;
    schedule(t, i);
    return i;
}

void ft__flow_face(struct ft_table *t, uint32_t i, uint32_t before, const struct ft_packet *pkt)
{
    struct ft__hot *h = &t->hot[i];
    int d = pkt->swap ^ t->hot[before].fwd;

    h->fwd = t->hot[before].fwd;
    h->seen =
        (uint8_t)((h->seen & ~FT__SEEN_FLIPPED) | (t->hot[before].seen & FT__SEEN_FLIPPED)) & 0x7f;
    h->last_ns[!d] = FT__NEVER;
    h->last_ns[d] = t->cold[i].first_ns[d] = pkt->ts_ns;
    if (d == FT_DIR_REV) {
        h->state &= (uint8_t)~FT__S_SYN; /* that is the initiator's */
    }
}

void ft__flow_end(struct ft_table *t, uint32_t i, enum ft_reason reason, int64_t at_ns)
{
    struct ft__hot *h = &t->hot[i];
    uint8_t both = h->tcp_flags[0] & h->tcp_flags[1];

    if ((h->state & FT__S_CLOSED) || ((both & FT_TCP_FIN) && !t->cfg.rules.past_tcp_end)) {
        reason = FT_REASON_END; /* whatever cut its linger short, or lost the last ACK */
    }
    due(t, i, reason, at_ns, true);
    t->stats.ended[reason]++;
    t->stats.active--;
    ft__timers_remove(&t->timers, i);
    ft__index_remove(&t->index, t->cold[i].tag, i);
    h->state &= (uint8_t)~FT__S_LIVE;
}

bool ft__flow_settle(struct ft_table *t, uint32_t i, int64_t now_ns)
{
    struct ft__deadlines d = ft__flow_deadlines(t, i);
    struct ft__cold *c = &t->cold[i];
    bool active = d.active_ns <= now_ns && d.active_ns < d.end_ns, stopped = t->stop;

    if (active && t->cfg.rules.active_ends && !t->cfg.rules.active_at_packet) {
        ft__flow_end(t, i, FT_REASON_ACTIVE, d.active_ns);
        return true;
    }
    if (active && !t->cfg.rules.active_ends) {
        int64_t until = now_ns < d.end_ns ? now_ns : d.end_ns - 1;
        int64_t passed = ft_time_sub(until, ft__flow_first(t, i)) / t->cfg.rules.active_ns;

        if (t->hot[i].state & FT__S_FRESH) {
            ft__flow_interim(t, i, FT_REASON_ACTIVE, d.active_ns);
        }
        c->active_k = passed > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)passed;
        ft__flow_hint(t, i, now_ns);
    }
    if (d.end_ns > now_ns || d.end_ns == INT64_MAX) { /* beyond the end of time nothing is over */
        if (t->cfg.rules.attempt_ns != 0) {
            ft__flow_hint(t, i, now_ns); /* that of an attempt has passed */
        }
        return false;
    }
    ft__flow_end(t, i, FT_REASON_IDLE, d.end_ns);
    t->stop = stopped; /* what comes next goes to other flows */
    return true;
}

bool ft__flow_settle_active(struct ft_table *t, uint32_t i, int64_t ts_ns)
{
    int64_t active_ns = ft__flow_deadlines(t, i).active_ns;

    if (!t->cfg.rules.active_at_packet || active_ns > ts_ns) {
        return false;
    }
    ft__flow_end(t, i, FT_REASON_ACTIVE, active_ns);
    return true;
}

bool ft__flow_settle_before(struct ft_table *t, uint32_t i, int64_t ts_ns)
{
    int64_t end_ns = ft__flow_deadlines(t, i).end_ns;

    if (ft_time_sub(ft__flow_first(t, i), ts_ns) < idle_of(t, &t->hot[i])) {
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
    ft__timers_insert(&t->timers, wheel_of(t, i), i, ft_time_add(now_ns, t->idle_least_ns));
    return false;
}

static bool tick(struct ft_table *t, int64_t now_ns, uint32_t *budget)
{
    ft__timers_set_now(&t->timers, now_ns);
    while (ft__dues_left(t, 2)) {
        uint32_t i = ft__timers_due(&t->timers, now_ns);

        if (i == FT__NONE || *budget == 0) {
            return false;
        }
        (*budget)--;
        prefetch_timers(t, i);
        int64_t ahead = ft_time_sub(ft__hot_last(&t->hot[i]), t->now_ns);

        if (ahead > t->idle_least_ns && !t->cfg.replay) {
            visit_future(t, i, now_ns);
        } else if (!ft__flow_settle(t, i, now_ns)) {
            ft__flow_reschedule(t, i);
        }
    }
    return true;
}

bool ft_table_tick(struct ft_table *t, int64_t now_ns, uint32_t *budget)
{
    if (t->now_ns == FT__NEVER) {
        return false;
    }
    if (now_ns == FT_PACKET_TIME) {
        return tick(t, ft_time_sub(t->now_ns, reorder_ns), budget);
    }
    int64_t packets_ns = ft_time_sub(t->now_ns, reorder_ns);

    t->now_ns = now_ns > t->now_ns ? now_ns : t->now_ns;
    return tick(t, now_ns > packets_ns ? now_ns : packets_ns, budget);
}

bool ft_table_flush(struct ft_table *t, int64_t end_ns, enum ft_reason reason)
{
    for (; t->flushed < t->fresh; t->flushed++) {
        uint32_t i = t->flushed;

        if (!ft__dues_left(t, 2)) {
            return true;
        }
        if (i + FLUSH_AHEAD < t->fresh) { /* the index is hit anywhere: a store that waits for its
                                             line holds up all that come after it */
            uint32_t tag = t->cold[i + FLUSH_AHEAD].tag;

            __builtin_prefetch(&t->index.buckets[ft__index_home(&t->index, tag)], 1);
        }
        if ((t->hot[i].state & FT__S_LIVE) && !ft__flow_settle(t, i, end_ns)) {
            ft__flow_end(t, i, reason, end_ns);
        }
    }
    t->flushed = 0;
    return false;
}
