/* SPDX-License-Identifier: Apache-2.0 */
/* collect: NetFlow and IPFIX messages to records, see collect.h. */
#include "collect/collect.h"

#include <string.h>

#include "base/mem.h"
#include "collect/internal.h"
#include "collect/protocol.h"
#include "collect/records.h"

enum { ROOM_TRIES = 16 };

int ft_collector_new(const struct ft_collect_limits *limits, const struct ft_hash_seed *seed,
                     const struct ft_collect_ops *ops, void *cookie, struct ft_collector **out)
{
    struct ft_collector *c = ft_mem_alloc(1, sizeof *c);
    int rc;

    if (c == NULL) {
        return FT_E_NOMEM;
    }
    c->limits = *limits;
    c->ops = *ops;
    c->cookie = cookie;
    ft_decoder_init(&c->packets, seed);
    c->packets.keep_tunnels = limits->keep_tunnels;
    if (limits->ports != NULL) {
        c->packets.ports = limits->ports;
    }
    ft__lists_init(c);
    c->values = ft_mem_alloc(FT__VALUES_MAX, sizeof *c->values);
    rc = c->values != NULL ? ft__template_plans_init(&c->plans, seed, FT__PLAN_BYTES) : FT_E_NOMEM;
    c->plans.no_names = limits->hide != NULL;
    c->plans.outermost = limits->keep_tunnels;
    if (rc == FT_OK) {
        rc = ft__exporters_init(&c->exporters, seed, limits->exporters, &c->plans);
    }
    if (rc != FT_OK) {
        ft_collector_free(c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

size_t ft_collector_budget(const struct ft_collect_limits *limits)
{
    size_t exporter = sizeof(struct ft__exporter) + sizeof(struct ft__waitings) +
                      2 * FT__RATES_MAX * sizeof(struct ft__rate) + sizeof(struct ft__origin) +
                      4 * sizeof(void *) + sizeof(struct ft__list); /* buckets and ranks */

    return (size_t)limits->exporters * exporter + FT__PLAN_BYTES +
           (size_t)FT__TEMPLATES_ALL * (sizeof(struct ft__template) + sizeof(uint16_t)) +
           FT__WAITING_ALL + (size_t)FT__NAMES_ALL * 4 * 96 + (size_t)FT__POOLS_ALL * 64 +
           (size_t)FT__TYPES_MAX * sizeof(struct ft__type);
}

void ft_collector_free(struct ft_collector *c)
{
    if (c != NULL) {
        ft__exporters_fini(&c->exporters);
        ft__template_plans_fini(&c->plans);
        ft_mem_free(c->values);
        ft_mem_free(c);
    }
}

void ft_collector_read(struct ft_collector *c, bool records)
{
    c->counts = !records;
}

void ft__collect_fault(struct ft_collector *c, enum ft_verdict v)
{
    if (c->exporter != NULL) {
        c->exporter->h.malformed++;
    }
    if (c->fault == FT_V_DECODED) {
        c->fault = v;
    }
}

void ft__collect_fits(struct ft_collector *c, struct ft__exporter *e, uint16_t port, bool fits)
{
    uint16_t before = e->last_port;

    if (ft__sequence_clash(e, port, fits)) {
        c->clash = (struct ft_collect_clash){e->info, {before, port}};
        c->has_clash = true;
    }
}

bool ft_collector_clash(struct ft_collector *c, struct ft_collect_clash *out)
{
    bool some = c->has_clash;

    if (some) {
        *out = c->clash;
        c->has_clash = false;
    }
    return some;
}

/* A record that its set does not hold whole: a fault, unless that is because the set is cut. */
void ft__collect_record_fault(struct ft_collector *c)
{
    if (!c->set_cut) {
        ft__collect_fault(c, FT_V_EXPORT_RECORD);
    }
}

/* ---- data ---- */

static void take_options(struct ft_collector *c, const struct ft__template_plan *plan,
                         struct ft_rd *body)
{
    while (ft_rd_left(body) >= plan->record_len) {
        const uint8_t *p = body->p;
        const struct ft_xvalue *values = plan->values;
        uint32_t len = plan->record_len;

        if (!plan->fixed) {
            len = ft__template_plan_measure(plan, p, ft_rd_left(body), c->values);
            values = c->values;
        }
        if (len == 0) {
            ft__collect_record_fault(c);
            return;
        }
        ft__options_take(c, plan, values, p);
        body->p += len;
        c->ordinal++;
        c->options++;
        c->stats.options_records++;
        c->exporter->h.options_records++;
    }
}

/* Bytes that a set of len takes while it waits: empty ones are not free. */
static uint32_t waiting_cost(size_t len)
{
    return (uint32_t)(sizeof(struct ft__waiting) + len);
}

/* No source gets more than a share, and when there is no more, those on probation that have some of
 * it go for one that is not. Nobody goes for what is refused all the same. */
bool ft__collect_room(struct ft_collector *c, const struct ft__common *of, uint64_t n)
{
    if (of->own + n > of->share) {
        return false;
    }
    for (int tries = 0; tries<ROOM_TRIES && * of->all + n> of->most; tries++) {
        if (!c->exporter->proven ||
            !ft__exporters_drop_holder(&c->exporters, of->what, c->exporter)) {
            break;
        }
    }
    return *of->all + n <= of->most;
}

/* Holds a set back until its template comes, or gives it up. */
static void hold_back(struct ft_collector *c, const struct ft_nf_message *m,
                      const struct ft_nf_set *set)
{
    struct ft__exporter *e = c->exporter;
    size_t len = ft_rd_left(&set->body);
    struct ft__waiting *w = NULL;
    uint32_t cost = waiting_cost(len), share = FT__WAITING_ALL / FT__SHARE_PARTS;
    const struct ft__common of = {FT__IN_HOLDS_WAITING, &c->exporters.waiting, FT__WAITING_ALL,
                                  e->origin->waiting,
                                  share > c->limits.waiting ? share : c->limits.waiting};

    c->records_known = false;
    if (e->waiting_bytes + cost <= c->limits.waiting && len > 0 && ft__collect_room(c, &of, cost)) {
        w = ft_mem_alloc(1, sizeof *w + len);
    }
    if (w != NULL) {
        w->m = *m;
        w->template_id = set->id;
        w->cut = set->cut;
        w->len = (uint32_t)len;
        memcpy(w + 1, set->body.p, len);
    }
    if (w == NULL || ft__exporter_hold(&c->exporters, e, w, cost) != FT_OK) {
        ft_mem_free(w);
        e->h.no_template++;
        c->stats.no_template++;
    }
}

static void take_data(struct ft_collector *c, const struct ft_nf_message *m,
                      const struct ft__template_plan *plan, uint16_t template_id,
                      struct ft_rd *body)
{
    if (plan->options) {
        take_options(c, plan, body);
    } else {
        ft__records_take(c, m, plan, template_id, body);
    }
}

void ft__waiting_take(struct ft_collector *c, uint16_t id)
{
    struct ft__exporter *e = c->exporter;
    uint32_t ordinal = c->ordinal, options = c->options;
    bool cut = c->set_cut;
    struct ft__waiting *w;
    struct ft__template *t;

    while ((t = ft__exporter_template(e, id)) != NULL &&
           (w = ft__exporter_release(&c->exporters, e, id)) != NULL) {
        struct ft_rd body = ft_rd_make(w + 1, w->len);

        c->ordinal = 0;
        c->set_cut = w->cut;
        c->may_give += (uint64_t)w->len * c->limits.amplification;
        take_data(c, &w->m, t->plan, id, &body);
        ft_mem_free(w);
    }
    c->set_cut = cut;
    c->options = options;
    c->ordinal = ordinal; /* they are not of this message: its sequence does not count them */
}

static void take_set(struct ft_collector *c, struct ft_nf_message *m, struct ft_nf_set *set)
{
    if (set->id >= FT_NF_DATA_MIN) {
        struct ft__template *t = ft__exporter_template(c->exporter, set->id);

        if (t == NULL || ft__restart_stale(c->exporter, t)) {
            hold_back(c, m, set);
        } else {
            take_data(c, m, t->plan, set->id, &set->body);
        }
    } else if (ft__protocol_templates(&ft__protocols[m->protocol], set->id)) {
        ft__templates_take(c, m, set);
    } else if (set->id < 4) {
        ft__collect_fault(c, FT_V_EXPORT_SET); /* the other protocol's; 4 to 255 are reserved */
    }
}

void ft__sets_take(struct ft_collector *c, struct ft_nf_message *m)
{
    struct ft_nf_set set;
    enum ft_verdict v;

    while ((v = ft_nf_next_set(m, &set)) == FT_V_DECODED) {
        c->set_cut = set.cut;
        if (set.cut && set.id >= FT_NF_DATA_MIN) {
            c->records_known = false;
        }
        if (set.cut && !c->cut) {
            ft__collect_fault(c, FT_V_EXPORT_SET);
        }
        take_set(c, m, &set);
    }
    c->set_cut = false;
    if (m->grown) {
        ft__collect_fault(c, FT_V_EXPORT_LENGTH);
    }
    if (v != FT_V__COUNT) {
        ft__collect_fault(c, v);
    }
}

/* ---- messages ---- */

static struct ft__exporter *find_exporter(struct ft_collector *c, const struct ft_peer *peer,
                                          const struct ft_nf_message *m)
{
    struct ft_exporter_info key = {.ip_version = peer->ip_version,
                                   .protocol = m->protocol,
                                   .stream = c->stream,
                                   .domain_id = m->domain_id};
    struct ft__exporter *e;

    memcpy(key.addr, peer->addr, sizeof key.addr);
    if (c->limits.by_port || c->stream) {
        key.port = peer->port;
    }
    e = ft__exporter_find(&c->exporters, &key, c->stream, c->now_ns);
    if (e != NULL && c->stream) {
        ft__exporter_of_session(&c->exporters, e, peer->session);
    }
    return e;
}

void ft__old_records_take(struct ft_collector *c, struct ft_nf_message *m)
{
    const struct ft__template_plan *plan = c->plans.builtin[m->protocol];
    struct ft_rd body = m->body;

    body.end = body.p + (size_t)m->count * plan->record_len;
    ft__rates_tell_domain(&c->exporter->rates, m->sampling_rate); /* 0, too: it samples no more */
    ft__records_take(c, m, plan, 0, &body);
}

static void take_message(struct ft_collector *c, const struct ft_peer *peer,
                         struct ft_nf_message *m, enum ft_verdict v)
{
    struct ft__exporter *e = find_exporter(c, peer, m);
    uint64_t templates = c->stats.templates;
    struct ft__counted n = {.records = 0};

    c->exporter = e;
    if (e == NULL) {
        c->fault = FT_V_EXPORTER;
        return;
    }
    if (v != FT_V_DECODED) {
        ft__collect_fault(c, v);
    }
    e->touched = true;
    c->cut = v == FT_V_EXPORT_LENGTH;
    c->ordinal = c->options = 0;
    c->records_known = true;
    ft__restart_note(c, m);
    ft__sequence_sets(m, &n);
    ft__protocols[m->protocol].body(c, m);
    n.records = c->ordinal;
    n.options = c->options;
    n.templates = (uint32_t)(c->stats.templates - templates);
    n.records_known = c->records_known;
    ft__collect_fits(c, e, peer->port, ft__sequence_take(e, m->sequence, &n));
    ft__exporter_account(&c->exporters, e);
    e->h.messages++;
    e->h.bytes += m->len;
    e->h.export_ns = m->export_ns;
    c->stats.messages[m->protocol]++;
}

/* Times of captures may be any; none before 1970 is believed, so that two never are more than an
 * int64_t apart. */
static int64_t believed(int64_t ns)
{
    return ns > 0 ? ns : 0;
}

enum ft_verdict ft__messages_take(struct ft_collector *c, const struct ft_peer *peer,
                                  const uint8_t *data, size_t len)
{
    for (;;) {
        const struct ft__protocol *p = ft__protocol_of(data, len);
        bool begins = p != NULL && p->begin != NULL;
        struct ft_nf_message m;
        enum ft_verdict v = begins ? ft_nf_begin(p->begin, data, len, &m) : FT_V_EXPORT_SHORT;

        if (v == FT_V_EXPORT_SHORT) {
            if (c->exporter == NULL) {
                return v;
            }
            ft__collect_fault(c, FT_V_EXPORT_LENGTH); /* bytes behind the message */
            return c->fault;
        }
        take_message(c, peer, &m, v);
        if (!p->several || len - m.len == 0 || c->exporter == NULL) {
            return c->fault;
        }
        data += m.len; /* several messages in a datagram: not allowed, but sent */
        len -= m.len;
    }
}

static enum ft_verdict take(struct ft_collector *c, const struct ft_peer *peer, const uint8_t *data,
                            size_t len, int64_t ts_ns)
{
    const struct ft__protocol *p = ft__protocol_of(data, len);

    c->exporter = NULL;
    c->now_ns = believed(ts_ns);
    c->fault = FT_V_DECODED;
    c->given = 0;
    c->may_give = (uint64_t)len * c->limits.amplification;
    if (p == NULL) {
        return len < 2 ? FT_V_EXPORT_SHORT : FT_V_EXPORT_VERSION;
    }
    return p->take(c, peer, data, len);
}

void ft_collector_amplify(struct ft_collector *c, uint32_t most)
{
    c->limits.amplification = most;
}

enum ft_verdict ft_collector_take(struct ft_collector *c, const struct ft_peer *peer,
                                  const uint8_t *data, size_t len, int64_t ts_ns)
{
    c->stream = false;
    return take(c, peer, data, len, ts_ns);
}

enum ft_verdict ft_collector_take_stream(struct ft_collector *c, const struct ft_peer *peer,
                                         const uint8_t *data, size_t len, int64_t ts_ns)
{
    c->stream = true;
    return take(c, peer, data, len, ts_ns);
}

static void tell_health(struct ft_collector *c, struct ft__exporter *e)
{
    e->h.timestamp_ns = c->now_ns;
    e->h.sampling_rate = e->rates.usual;
    e->h.unit = e->seq.unit;
    c->ops.health(c->cookie, &e->h);
}

void ft_collector_end_stream(struct ft_collector *c, const struct ft_peer *peer)
{
    struct ft__exporter *e = c->exporters.session[peer->session % FT__SESSIONS].newest, *older;

    for (; e != NULL; e = older) {
        older = e->link[FT__IN_SESSION].older;
        if (e->session != peer->session || e->info.port != peer->port ||
            memcmp(e->info.addr, peer->addr, sizeof peer->addr) != 0) {
            continue;
        }
        c->exporter = e;
        ft__exporter_give_up(&c->exporters, e); /* no template can come any more */
        while (e->n_templates > 0) {
            ft__template_remove(c, &e->templates[e->n_templates - 1], FT_TEMPLATE_WITHDRAWN);
        }
        tell_health(c, e); /* the last word on it */
        ft__exporter_end(&c->exporters, e);
    }
    c->exporter = NULL;
}

void ft_collector_finish(struct ft_collector *c)
{
    for (int list = 0; list < 2; list++) {
        struct ft__exporter *e = c->exporters.all[list].newest;

        for (; e != NULL; e = e->link[FT__IN_ALL].older) {
            ft__exporter_give_up(&c->exporters, e);
        }
    }
}

/* ---- reports ---- */

static void expire_templates(struct ft_collector *c, struct ft__exporter *e)
{
    c->exporter = e;
    if (c->limits.template_life_ns == 0 || e->info.stream) {
        return; /* those of a stream live as long as it does */
    }
    for (uint32_t i = e->n_templates; i-- > 0;) { /* the last one takes the place */
        if (c->now_ns - e->templates[i].seen_ns > c->limits.template_life_ns) {
            ft__template_remove(c, &e->templates[i], FT_TEMPLATE_EXPIRED);
        }
    }
}

void ft_collector_report(struct ft_collector *c, int64_t now_ns)
{
    c->now_ns = believed(now_ns);
    for (int list = 1; list >= 0; list--) {
        struct ft__exporter *e = c->exporters.all[list].oldest;

        for (; e != NULL; e = e->link[FT__IN_ALL].newer) {
            expire_templates(c, e);
            if (e->touched) {
                tell_health(c, e);
            }
        }
    }
}

void ft_collector_get_stats(const struct ft_collector *c, struct ft_collect_stats *out)
{
    *out = c->stats;
    out->exporters = c->exporters.n;
    out->exporters_evicted = c->exporters.evicted;
    out->no_template += c->exporters.given_up;
    out->lost = c->exporters.sum.lost;
    out->reordered = c->exporters.sum.reordered;
    out->duplicates = c->exporters.sum.duplicates;
    out->resets = c->exporters.sum.resets;
}
