/* SPDX-License-Identifier: Apache-2.0 */
/* decode: NetFlow and IPFIX messages to records, see collect.h. */
#include "decode/collect.h"

#include <string.h>

#include "base/mem.h"
#include "decode/collect_internal.h"
#include "decode/collect_record.h"

enum { ROOM_TRIES = 16, ROOM_TEMPLATES = 128 };

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
    ft__lists_init(c);
    c->values = ft_mem_alloc(FT__VALUES_MAX, sizeof *c->values);
    rc = c->values != NULL ? ft__xplans_init(&c->plans, seed, FT__PLAN_BYTES) : FT_E_NOMEM;
    c->plans.no_names = limits->hide != NULL;
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
           FT__WAITING_ALL + (size_t)FT__NAMES_ALL * 4 * 80 + (size_t)FT__POOLS_ALL * 64 +
           (size_t)FT__TYPES_MAX * sizeof(struct ft__type);
}

void ft_collector_free(struct ft_collector *c)
{
    if (c != NULL) {
        ft__exporters_fini(&c->exporters);
        ft__xplans_fini(&c->plans);
        ft_mem_free(c->values);
        ft_mem_free(c);
    }
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

/* ---- templates ---- */

static void tell_change(struct ft_collector *c, uint16_t id, enum ft_template_change_kind kind,
                        const struct ft__xplan *now, const struct ft__xplan *before)
{
    const struct ft__xplan *plan = now != NULL ? now : before;
    struct ft_template_change t = {
        .exporter = &c->exporter->info,
        .timestamp_ns = c->now_ns,
        .template_id = id,
        .kind = (uint8_t)kind,
        .options = plan->options,
        .n_scope = plan->n_scope,
        .n_fields = plan->n_fields,
        .fields = plan->fields,
    };

    if (kind == FT_TEMPLATE_CHANGED) {
        t.before = before->fields;
        t.n_before = before->n_fields;
    }
    c->ops.template_change(c->cookie, &t);
}

static void remove_template(struct ft_collector *c, struct ft__template *t,
                            enum ft_template_change_kind kind)
{
    uint16_t id = t->id;
    struct ft__xplan *plan = ft__exporter_unset(&c->exporters, c->exporter, t);

    tell_change(c, id, kind, NULL, plan);
    ft__xplan_put(&c->plans, plan);
}

/* All templates of a kind; a walk only when there are some. */
static void withdraw_all(struct ft_collector *c, bool options)
{
    struct ft__exporter *e = c->exporter;

    if ((options ? e->n_options : e->n_templates - e->n_options) == 0) {
        return;
    }
    for (uint32_t i = e->n_templates; i-- > 0;) { /* the last one takes the place */
        if (e->templates[i].plan->options == options) {
            remove_template(c, &e->templates[i], FT_TEMPLATE_WITHDRAWN);
        }
    }
}

/* RFC 7011 §8.1: over UDP a withdrawal is not to be sent and is not followed. id 2 and 3 mean all.
 */
static void withdraw(struct ft_collector *c, const struct ft_nf_template *t)
{
    struct ft__template *known;

    if (!c->stream) {
        ft__collect_fault(c, FT_V_EXPORT_TEMPLATE);
        return;
    }
    if (t->id < FT_NF_DATA_MIN) {
        withdraw_all(c, t->options);
        return;
    }
    known = ft__exporter_template(c->exporter, t->id);
    if (known != NULL) {
        remove_template(c, known, FT_TEMPLATE_WITHDRAWN);
    }
}

/* Makes room when an exporter has as many templates as it may: the one not sent longest goes. */
static void drop_oldest_template(struct ft_collector *c)
{
    struct ft__template *t = ft__exporter_oldest_template(c->exporter);

    if (t != NULL) {
        remove_template(c, t, FT_TEMPLATE_EXPIRED);
    }
}

/* The source gives up templates: of the exporter that sent none for longest, those that it has not
 * sent longest. False: it has none. */
static bool drop_templates_of(struct ft_collector *c, struct ft__origin *s)
{
    struct ft__exporter *e = c->exporter;
    bool some = s->with_templates.n > 0;

    for (uint32_t i = 0; i < ROOM_TEMPLATES && s->with_templates.n > 0; i++) {
        c->exporter = s->with_templates.oldest;
        drop_oldest_template(c);
    }
    c->exporter = e;
    return some;
}

/* Makes room when all exporters have as many templates as they may together, in the order in which
 * exporters give way (exporter.h); hard: templates go, not only exporters, which may have none.
 * False: nobody has any. */
static bool make_room(struct ft_collector *c, bool hard)
{
    struct ft__exporters *t = &c->exporters;
    struct ft__origin *most = ft__origins_most(&t->origins, FT__SHARE_TEMPLATES);
    struct ft__origin *own = c->exporter->origin;
    bool over = most != NULL && most->held[FT__SHARE_TEMPLATES] > FT__TEMPLATES_SHARE;

    if (own->held[FT__SHARE_TEMPLATES] > FT__TEMPLATES_SHARE) { /* nobody else goes for it */
        return (!hard && ft__exporters_drop_new(t, own, c->exporter)) || drop_templates_of(c, own);
    }
    if (!hard && over && ft__exporters_drop_new(t, most, c->exporter)) {
        return true;
    }
    if (!hard && t->all[0].n > t->few &&
        ft__exporters_drop_holder(t, FT__IN_HOLDS_TEMPLATES, c->exporter)) {
        return true;
    }
    if (over) {
        return drop_templates_of(c, most);
    }
    return ft__exporters_drop_holder(t, FT__IN_HOLDS_TEMPLATES, c->exporter) ||
           (most != NULL && drop_templates_of(c, most));
}

static int get_plan(struct ft_collector *c, const struct ft_nf_message *m,
                    const struct ft_nf_template *t, struct ft__xplan **out)
{
    int rc = FT_E_FULL;

    for (int tries = 0; tries < ROOM_TRIES && rc == FT_E_FULL; tries++) {
        struct ft_nf_template copy = *t;

        rc = ft__xplan_get(&c->plans, &c->exporter->origin->types, m, &copy, out);
        if (rc == FT_E_FULL && !make_room(c, tries >= ROOM_TRIES / 2)) {
            return rc;
        }
    }
    return rc;
}

static void take_waiting(struct ft_collector *c, uint16_t id);

/* A use of plan is taken over. */
static void set_template(struct ft_collector *c, uint16_t id, struct ft__xplan *plan)
{
    struct ft__exporter *e = c->exporter;
    bool known = ft__exporter_template(e, id) != NULL;
    struct ft__xplan *before;

    if (!known && e->n_templates >= c->limits.templates) {
        drop_oldest_template(c);
    }
    for (int tries = 0; !known && tries < ROOM_TRIES && c->exporters.templates >= FT__TEMPLATES_ALL;
         tries++) {
        if (!make_room(c, tries >= ROOM_TRIES / 2)) {
            break;
        }
    }
    if ((!known && c->exporters.templates >= FT__TEMPLATES_ALL) ||
        ft__exporter_set(&c->exporters, e, id, plan, c->now_ns, c->limits.templates, &before) !=
            FT_OK) {
        ft__xplan_put(&c->plans, plan);
        ft__collect_fault(c, FT_V_EXPORT_TEMPLATE);
        return;
    }
    c->stats.templates++;
    if (before == NULL) {
        tell_change(c, id, FT_TEMPLATE_LEARNT, plan, NULL);
    } else if (!ft__xplan_equal(before, plan)) { /* the plan may be new for other reasons */
        tell_change(c, id, FT_TEMPLATE_CHANGED, plan, before);
    }
    ft__xplan_put(&c->plans, before);
    take_waiting(c, id);
}

static void take_templates(struct ft_collector *c, struct ft_nf_message *m, struct ft_nf_set *set)
{
    struct ft_nf_template t;
    struct ft__xplan *plan;
    enum ft_verdict v;

    while ((v = ft_nf_next_template(m, set, &t)) == FT_V_DECODED) {
        if (t.n_fields == 0) {
            withdraw(c, &t);
        } else if (get_plan(c, m, &t, &plan) != FT_OK) {
            ft__collect_fault(c, FT_V_EXPORT_TEMPLATE);
        } else {
            set_template(c, t.id, plan);
        }
    }
    if (v != FT_V__COUNT) {
        ft__collect_fault(c, v);
    }
}

/* ---- data ---- */

static void take_options(struct ft_collector *c, const struct ft__xplan *plan, struct ft_rd *body)
{
    while (ft_rd_left(body) >= plan->record_len) {
        const uint8_t *p = body->p;
        const struct ft_xvalue *values = plan->values;
        uint32_t len = plan->record_len;

        if (!plan->fixed) {
            len = ft__xplan_measure(plan, p, ft_rd_left(body), c->values);
            values = c->values;
        }
        if (len == 0) {
            ft__collect_fault(c, FT_V_EXPORT_RECORD);
            return;
        }
        ft__options_take(c, plan, values, p);
        body->p += len;
        c->ordinal++;
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
                      const struct ft__xplan *plan, uint16_t template_id, struct ft_rd *body)
{
    if (plan->options) {
        take_options(c, plan, body);
    } else {
        ft__records_take(c, m, plan, template_id, body);
    }
}

/* What waited for this template, in the order in which it came. */
static void take_waiting(struct ft_collector *c, uint16_t id)
{
    struct ft__exporter *e = c->exporter;
    uint32_t ordinal = c->ordinal;
    struct ft__waiting *w;
    struct ft__template *t;

    while ((t = ft__exporter_template(e, id)) != NULL &&
           (w = ft__exporter_release(&c->exporters, e, id)) != NULL) {
        struct ft_rd body = ft_rd_make(w + 1, w->len);

        c->ordinal = 0;
        c->may_give += (uint64_t)w->len * c->limits.amplification;
        take_data(c, &w->m, t->plan, id, &body);
        ft_mem_free(w);
    }
    c->ordinal = ordinal; /* they are not of this message: its sequence does not count them */
}

static void take_set(struct ft_collector *c, struct ft_nf_message *m, struct ft_nf_set *set)
{
    bool v9 = m->protocol == FT_XP_NETFLOW_V9;

    if (set->id >= FT_NF_DATA_MIN) {
        struct ft__template *t = ft__exporter_template(c->exporter, set->id);

        if (t == NULL) {
            hold_back(c, m, set);
        } else {
            take_data(c, m, t->plan, set->id, &set->body);
        }
    } else if (set->id == (v9 ? FT_NF_V9_TEMPLATES : FT_NF_IPFIX_TEMPLATES) ||
               set->id == (v9 ? FT_NF_V9_OPTIONS : FT_NF_IPFIX_OPTIONS)) {
        take_templates(c, m, set);
    } else if (set->id < 4) {
        ft__collect_fault(c, FT_V_EXPORT_SET); /* the other protocol's; 4 to 255 are reserved */
    }
}

static void take_sets(struct ft_collector *c, struct ft_nf_message *m)
{
    struct ft_nf_set set;
    enum ft_verdict v;

    while ((v = ft_nf_next_set(m, &set)) == FT_V_DECODED) {
        take_set(c, m, &set);
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

static void take_old(struct ft_collector *c, struct ft_nf_message *m)
{
    struct ft_rd body = m->body;

    body.end = body.p + (size_t)m->count * ft_nf_record_len(m->protocol);
    ft__rates_tell_domain(&c->exporter->rates, m->sampling_rate); /* 0, too: it samples no more */
    ft__records_take(c, m, c->plans.builtin[m->protocol], 0, &body);
}

/* The exporter restarted when its clock since then steps back, other than by its wrap after 49.7
 * days: its sequence starts again, too. */
static void note_uptime(struct ft_collector *c, const struct ft_nf_message *m)
{
    struct ft__exporter *e = c->exporter;

    if (m->protocol != FT_XP_IPFIX) {
        uint32_t step = e->uptime_ms - m->uptime_ms;

        if (e->h.messages > 0 && step < UINT32_MAX / 2 && step > 60000 && e->seq.known) {
            e->seq.known = false;
            e->h.resets++;
        }
        e->uptime_ms = m->uptime_ms;
    }
}

static void take_message(struct ft_collector *c, const struct ft_peer *peer,
                         struct ft_nf_message *m, enum ft_verdict v)
{
    struct ft__exporter *e = find_exporter(c, peer, m);
    uint64_t options = c->stats.options_records, templates = c->stats.templates;
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
    c->ordinal = 0;
    c->records_known = true;
    note_uptime(c, m);
    ft__sequence_sets(m, &n);
    if (m->protocol == FT_XP_NETFLOW_V9 || m->protocol == FT_XP_IPFIX) {
        take_sets(c, m);
    } else {
        take_old(c, m);
    }
    n.records = c->ordinal;
    n.options = (uint32_t)(c->stats.options_records - options);
    n.options = n.options < n.records ? n.options : n.records; /* some may have waited */
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

static enum ft_verdict take(struct ft_collector *c, const struct ft_peer *peer, const uint8_t *data,
                            size_t len, int64_t ts_ns)
{
    struct ft_nf_message m;

    c->exporter = NULL;
    c->now_ns = believed(ts_ns);
    c->fault = FT_V_DECODED;
    c->given = 0;
    c->may_give = (uint64_t)len * c->limits.amplification;
    if (len >= 8 && ft_load_be32(data) == 5) {
        return ft__sflow_take(c, peer, data, len);
    }
    for (;;) {
        enum ft_verdict v = ft_nf_begin(data, len, &m);

        if (v == FT_V_EXPORT_VERSION || v == FT_V_EXPORT_SHORT) {
            if (c->exporter == NULL) {
                return v;
            }
            ft__collect_fault(c, FT_V_EXPORT_LENGTH); /* bytes behind the message */
            return c->fault;
        }
        take_message(c, peer, &m, v);
        if (m.protocol != FT_XP_IPFIX || len - m.len == 0 || c->exporter == NULL) {
            return c->fault;
        }
        data += m.len; /* several messages in a datagram: not allowed, but sent */
        len -= m.len;
    }
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
            remove_template(c, &e->templates[e->n_templates - 1], FT_TEMPLATE_WITHDRAWN);
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
            remove_template(c, &e->templates[i], FT_TEMPLATE_EXPIRED);
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
