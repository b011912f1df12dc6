/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what hosts receive in spans, see burst.h. */
#include "detect/burst.h"

#include <string.h>

#include "base/time.h"
#include "detect/state.h"
#include "model/failed.h"
#include "model/field.h"

enum { PROTO_TCP = 6 };

static const int64_t span_ns = INT64_C(1000000000) * FT__BURST_S;

/* ---- a worker counts ---- */

/* Who a packet is for. */
struct receiver {
    uint64_t addr[2];
    uint32_t class;
    uint8_t version;
};

FT_INLINE void receiver_of(const struct ft_hash_seed *seed, const struct ft_packet *p,
                           struct receiver *out)
{
    uint64_t h;

    if (FT_UNLIKELY((p->key.bits & FT_KEY_V6) != 0)) {
        const uint8_t *to = p->addr6 + 16 * !p->swap;

        out->addr[0] = ft_load_u64(to);
        out->addr[1] = ft_load_u64(to + 8);
        out->version = 6;
        h = ft_hash_16(seed, out->addr[0], out->addr[1]);
    } else {
        uint32_t to = p->key.addr[!p->swap];
        uint8_t bytes[8] = {0};

        memcpy(bytes, &to, sizeof to);
        out->addr[0] = ft_load_u64(bytes);
        out->addr[1] = 0;
        out->version = 4;
        h = ft_hash_fold(to ^ seed->s[0], seed->s[1]);
    }
    out->class = (uint32_t)h % FT__CLASSES;
}

/* Without branches by the vote, which nobody can guess where a class has many hosts. */
FT_INLINE void vote(struct ft__class *c, const struct receiver *to, uint16_t port, uint8_t proto)
{
    bool same =
        (c->addr[0] == to->addr[0]) & (c->addr[1] == to->addr[1]) & (c->version == to->version);
    bool elected = !same & (c->votes == 0);
    bool other = (c->port != port) | (c->proto != proto);
    uint64_t mask = 0 - (uint64_t)elected;

    c->addr[0] ^= (c->addr[0] ^ to->addr[0]) & mask;
    c->addr[1] ^= (c->addr[1] ^ to->addr[1]) & mask;
    c->version ^= (uint8_t)((c->version ^ to->version) & mask);
    c->proto ^= (uint8_t)((c->proto ^ proto) & mask);
    c->port &= (uint16_t)((same & other) - 1);
    c->port ^= (uint16_t)((c->port ^ port) & mask);
    c->votes += 2 * (uint32_t)(same | elected) - 1;
}

FT_INLINE void count(struct ft__burst *b, const struct receiver *to, const struct ft_packet *p,
                     const struct ft_counted *at)
{
    struct ft__class *c = &b->of[to->class];

    if (FT_UNLIKELY(c->packets == 0)) {
        b->touched[b->n++] = (uint16_t)to->class;
    }
    c->packets++;
    c->bytes += p->frame_len;
    c->flows += (at->bits & FT_AT_NEW) != 0;
    c->tcp += p->key.proto == PROTO_TCP;
    c->syns += (p->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) == FT_TCP_SYN;
    vote(c, to, p->key.port[!p->swap], p->key.proto);
}

/* Might it be a flood? What all workers have of a class is not known here, but of one that is
 * alone. */
static bool may_matter(const struct ft_detect *d, const struct ft__class *c)
{
    return d->cfg.n_workers > 1 ||
           c->packets >= atomic_load_explicit(&d->least_packets, memory_order_relaxed) ||
           c->bytes >= atomic_load_explicit(&d->least_bytes, memory_order_relaxed);
}

/* The span is over: its classes become notes. */
static void close_span(struct ft_detect_worker *w, struct ft__burst *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        struct ft__class *c = &b->of[b->touched[i]];
        struct ft_note n = {.at_ns = b->until_ns,
                            .flow_id = b->touched[i],
                            .burst = {.packets = c->packets,
                                      .bytes = c->bytes,
                                      .votes = c->votes,
                                      .flows = c->flows,
                                      .syns = c->syns,
                                      .tcp = c->tcp},
                            .port = {0, ft_proto_has_ports(c->proto) ? c->port : 0},
                            .proto = c->proto,
                            .ip_version = c->version,
                            .bits = FT_NOTE_BURST};

        memcpy(n.addr[1], c->addr, sizeof c->addr);
        if (may_matter(w->d, c)) {
            ft_detect_note(w, &n);
        }
        memset(c, 0, sizeof *c);
    }
    b->n = 0;
}

void ft__bursts_until(struct ft_detect_worker *w, int64_t passed_ns)
{
    for (int i = 0; i < 2; i++) {
        if (w->bursts[i].n > 0 && w->bursts[i].until_ns <= passed_ns) {
            close_span(w, &w->bursts[i]);
        }
    }
}

/* It is over, and was told: what comes for it came too late. */
static bool is_told(const struct ft_detect_worker *w, const struct ft__burst *b)
{
    return w->epoch == w->said.epoch && b->until_ns <= w->said.ns;
}

/* The span of a packet, made ready for it; NULL: it came too late. */
static struct ft__burst *span_of(struct ft_detect_worker *w, int64_t ts_ns)
{
    int64_t index = ft_time_floor(ts_ns, span_ns);
    struct ft__burst *b = &w->bursts[(uint64_t)index % 2];
    bool holds = b->from_ns < b->until_ns && ts_ns >= b->from_ns && ts_ns < b->until_ns;

    if (!holds) {
        int64_t ago = ft_time_sub(b->from_ns, ts_ns);

        if (b->n > 0 && ago > 0 && ago <= 2 * span_ns) {
            return NULL;
        }
        close_span(w, b); /* time went on by more than that, or stepped back */
        b->from_ns = index > INT64_MIN / span_ns ? index * span_ns : INT64_MIN;
        b->until_ns = ft_time_add(b->from_ns, span_ns);
    }
    return is_told(w, b) ? NULL : b;
}

void ft_detect_packets(struct ft_detect_worker *w, const struct ft_packet *pkts,
                       const struct ft_counted *at, uint32_t n)
{
    const struct ft_hash_seed seed = w->d->cfg.seed;
    struct ft__burst *b = &w->bursts[w->newest];
    struct receiver to[FT__MOST_PACKETS];

    for (uint32_t i = 0; i < n; i++) {
        receiver_of(&seed, &pkts[i], &to[i]);
        __builtin_prefetch(&b->of[to[i].class], 1);
    }
    b = is_told(w, b) ? NULL : b;
    for (uint32_t i = 0; i < n; i++) {
        int64_t ts = pkts[i].ts_ns;

        if (FT_UNLIKELY(b == NULL || ts < b->from_ns || ts >= b->until_ns)) {
            b = span_of(w, ts);
            if (b == NULL) {
                continue;
            }
            w->newest = (uint32_t)(b - w->bursts);
        }
        count(b, &to[i], &pkts[i], &at[i]);
    }
}

/* ---- all of them together ---- */

/* Adds what another worker says of the same class and span. */
static void add(struct ft_note *to, const struct ft_note *n)
{
    bool same = to->ip_version == n->ip_version && memcmp(to->addr[1], n->addr[1], 16) == 0;
    uint32_t votes = to->burst.votes;

    to->burst.packets += n->burst.packets;
    to->burst.bytes += n->burst.bytes;
    to->burst.flows += n->burst.flows;
    to->burst.syns += n->burst.syns;
    to->burst.tcp += n->burst.tcp;
    if (same) {
        to->burst.votes += n->burst.votes;
        to->port[1] = to->port[1] == n->port[1] && to->proto == n->proto ? to->port[1] : 0;
    } else if (n->burst.votes > votes) {
        memcpy(to->addr[1], n->addr[1], 16);
        to->ip_version = n->ip_version;
        to->proto = n->proto;
        to->port[1] = n->port[1];
        to->burst.votes = n->burst.votes - votes;
    } else {
        to->burst.votes -= n->burst.votes;
    }
}

/* About its victim. */
static void raise_flood(struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *n,
                        double value, double threshold)
{
    struct ft_alert a;

    ft__alert_begin(d, rule, n, 1, &a);
    a.first_ns = ft_time_sub(n->at_ns, span_ns);
    a.last_ns = n->at_ns;
    a.has_port = n->port[1] != 0;
    a.has_proto = n->port[1] != 0;
    a.value = value;
    a.threshold = threshold;
    a.packets = n->burst.packets;
    a.bytes_in = n->burst.bytes;
    a.flows = n->burst.flows;
    a.packets_rate = (double)n->burst.packets / FT__BURST_S;
    a.bits_rate = (double)n->burst.bytes * 8 / FT__BURST_S;
    a.flows_rate = (double)n->burst.flows / FT__BURST_S;
    if (rule == FT_RULE_SYN_FLOOD) {
        a.ratio = (double)n->burst.syns / n->burst.tcp;
    }
    ft__raise(d, rule, &a);
}

static void look_syn(struct ft_detect *d, const struct ft_note *n)
{
    double rate = (double)n->burst.syns / FT__BURST_S, most = ft__value(d, FT_RULE_SYN_FLOOD, 0);

    if (rate >= most && n->burst.syns >= ft__value(d, FT_RULE_SYN_FLOOD, 1) * n->burst.tcp &&
        ft__is_watched(d, FT_RULE_SYN_FLOOD, n, 1)) {
        raise_flood(d, FT_RULE_SYN_FLOOD, n, rate, most);
    }
}

static void look_volume(struct ft_detect *d, const struct ft_note *n)
{
    const double rates[3] = {(double)n->burst.packets / FT__BURST_S,
                             (double)n->burst.bytes * 8 / FT__BURST_S / 1e6,
                             (double)n->burst.flows / FT__BURST_S};

    for (int i = 0; i < 3; i++) {
        double most = ft__value(d, FT_RULE_VOLUME_FLOOD, i);

        if (rates[i] >= most && ft__is_watched(d, FT_RULE_VOLUME_FLOOD, n, 1)) {
            raise_flood(d, FT_RULE_VOLUME_FLOOD, n, rates[i], most);
            return;
        }
    }
}

/* Of a class all of whose notes were added up: is most of it for one host? */
static void look(struct ft_detect *d, const struct ft_note *n)
{
    if ((uint64_t)n->burst.votes * 2 < n->burst.packets ||
        !ft_is_one_host(n->addr[1], n->ip_version)) {
        return;
    }
    look_syn(d, n);
    look_volume(d, n);
}

void ft__bursts_end(struct ft_detect *d)
{
    if (d->burst.bits != 0) {
        look(d, &d->burst);
        d->burst.bits = 0;
    }
}

void ft__detect_flood(struct ft_detect *d, const struct ft_note *note)
{
    struct ft_note *sum = &d->burst;

    if (sum->bits != 0 && sum->epoch == note->epoch && sum->at_ns == note->at_ns &&
        sum->flow_id == note->flow_id) {
        add(sum, note);
        return;
    }
    ft__bursts_end(d);
    *sum = *note;
}
