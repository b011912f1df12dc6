/* SPDX-License-Identifier: Apache-2.0 */
/* collect: sFlow datagrams to samples, counters and discards. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec/export/sflow.h"
#include "collect/internal.h"
#include "collect/sflow_packet.h"

enum { SFLOW_VALUES = 1024, POOLS_MAX = 4096, NAMES_KEPT = 32, LATE_MS = 1000 };
enum { NAMES_MADE = 24, NAME_MADE = 80 };

/* The sample pool of one source of an agent: how often it really sampled. */
struct ft__source_pool {
    uint32_t class, index;
    uint32_t last_pool;
    uint64_t pool, samples; /* since it was first seen, or started again */
};

static struct ft__source_pool *find_pool(struct ft_collector *c, const struct ft_sflow_sample *s)
{
    struct ft__exporter *e = c->agent, *sender = c->exporter;
    uint32_t lo = 0, hi = e->n_pools;
    bool room;
    uint64_t key = (uint64_t)s->source_class << 32 | s->source_index;
    const struct ft__common of = {FT__IN_HOLDS_POOLS, &c->exporters.pools, FT__POOLS_ALL,
                                  e->origin->pools, FT__POOLS_ALL / FT__SHARE_PARTS};

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        uint64_t k = (uint64_t)e->pools[mid].class << 32 | e->pools[mid].index;

        if (k == key) {
            return &e->pools[mid];
        }
        if (k < key) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    c->exporter = e; /* who is not to go for it; its sender has no pools */
    room = e->n_pools < POOLS_MAX && ft__collect_room(c, &of, 1);
    c->exporter = sender;
    if (!room) {
        return NULL;
    }
    if ((e->n_pools & (e->n_pools - 1)) == 0) { /* grows by doubling */
        struct ft__source_pool *more =
            ft_mem_alloc(e->n_pools == 0 ? 1 : e->n_pools * 2, sizeof *more);

        if (more == NULL) {
            return NULL;
        }
        if (e->n_pools > 0) {
            memcpy(more, e->pools, e->n_pools * sizeof *more);
        }
        ft_mem_free(e->pools);
        e->pools = more;
    }
    memmove(&e->pools[lo + 1], &e->pools[lo], (e->n_pools - lo) * sizeof *e->pools);
    e->n_pools++;
    c->exporters.pools++;
    e->origin->pools++;
    ft__exporter_holds(&c->exporters, e);
    e->pools[lo] = (struct ft__source_pool){.class = s->source_class, .index = s->source_index};
    return &e->pools[lo];
}

/* Packets of the pool for each sample that came: where samples are lost on the way, this is more
 * than the nominal rate. 0: not known yet. */
static double effective_rate(struct ft_collector *c, const struct ft_sflow_sample *s)
{
    struct ft__source_pool *p = find_pool(c, s);
    uint32_t step;

    if (p == NULL) {
        return 0;
    }
    step = s->sample_pool - p->last_pool;
    if (p->samples == 0 || step > UINT32_MAX / 2) { /* the first, or it started again */
        p->pool = 0;
        p->samples = 1;
        p->last_pool = s->sample_pool;
        return 0;
    }
    p->pool += step;
    p->last_pool = s->sample_pool;
    return (double)p->pool / (double)p->samples++;
}

/* Where the values of a sample are gathered. */
struct gathered {
    struct ft_xvalue *values;
    uint32_t n;
    struct ft_sflow_record kept[NAMES_KEPT]; /* keys of unknown structures lie in them */
    uint32_t n_kept;
    uint32_t seen[64]; /* tags: a structure that comes twice is taken once */
    uint32_t n_seen;
    char names[NAMES_MADE][NAME_MADE]; /* keys that two structures of the sample have */
    uint32_t n_names;
};

static void gather_begin(struct gathered *g, struct ft_xvalue *values)
{
    g->values = values;
    g->n = g->n_kept = g->n_seen = g->n_names = 0;
}

static bool first_time(struct gathered *g, uint32_t tag)
{
    for (uint32_t i = 0; i < g->n_seen; i++) {
        if (g->seen[i] == tag) {
            return false;
        }
    }
    if (g->n_seen == sizeof g->seen / sizeof g->seen[0]) {
        return false;
    }
    g->seen[g->n_seen++] = tag;
    return true;
}

/* True when a key stands in the values already: names are unique in a structure only. */
static bool key_known(const struct gathered *g, uint32_t until, const struct ft_xvalue *v)
{
    for (uint32_t i = 0; i < until; i++) {
        if (g->values[i].key_len == v->key_len &&
            memcmp(g->values[i].key, v->key, v->key_len) == 0) {
            return true;
        }
    }
    return false;
}

/* The second of two values with one key is told by its structure: "vni_ingress_vni". False: there
 * is no room for its name. */
static bool name_by_structure(struct gathered *g, const struct ft_sflow_record *rec,
                              struct ft_xvalue *v)
{
    const char *structure = ft_sflow_struct_name(FT_SFLOW_FLOW, rec->tag);
    const char *of =
        structure != NULL && strncmp(structure, "extended_", 9) == 0 ? structure + 9 : structure;
    int n;

    if (of == NULL || g->n_names == NAMES_MADE) {
        return false;
    }
    n = snprintf(g->names[g->n_names], NAME_MADE, "%s_%.*s", of, (int)v->key_len, v->key);
    v->key = g->names[g->n_names++];
    v->key_len = (uint16_t)(n < NAME_MADE ? n : NAME_MADE - 1);
    return true;
}

/* Keeps, of the values from before on, those that a flat object can have: keys are unique within a
 * structure only. */
static void flatten(struct gathered *g, const struct ft_sflow_record *rec, uint32_t before)
{
    uint32_t n = before;
    bool kept = false;

    for (uint32_t i = before; i < g->n; i++) {
        struct ft_xvalue v = g->values[i];

        if (!key_known(g, before, &v)) {
            kept = true;
        } else if (v.flags & FT_XV_MORE) { /* of the array that began before */
            v.key = kept ? g->values[n - 1].key : v.key;
            v.key_len = kept ? g->values[n - 1].key_len : v.key_len;
        } else {
            kept = name_by_structure(g, rec, &v);
        }
        if (kept) {
            g->values[n++] = v;
        }
    }
    g->n = n;
}

static void gather(struct ft_collector *c, struct gathered *g, enum ft_sflow_kind kind,
                   const struct ft_sflow_record *rec, const uint8_t *base, bool flat)
{
    struct ft_sflow_record *keep;
    uint32_t before = g->n;

    if (g->n_kept == NAMES_KEPT || !first_time(g, rec->tag)) {
        return;
    }
    keep = &g->kept[g->n_kept++];
    *keep = *rec;
    int rc = ft_sflow_values(kind, keep, base, g->values, SFLOW_VALUES, &g->n);

    if (rc != FT_OK && !rec->cut) { /* a record that was cut has been counted */
        ft__collect_fault(c, FT_V_EXPORT_SAMPLE);
    }
    if (flat) {
        flatten(g, rec, before);
    }
}

/* ---- samples ---- */

/* What the head of a sample says. */
static void begin_sample(struct ft_collector *c, const struct ft_sflow_datagram *d,
                         const struct ft_sflow_sample *s, const uint8_t *base,
                         struct ft_export_sample *out)
{
    bool discard = s->kind == FT_SFLOW_DISCARD;

    *out = (struct ft_export_sample){
        .exporter = &c->exporter->info,
        .base = base,
        .values = c->values,
        .timestamp_ns = c->now_ns,
        .sequence = d->sequence,
        .sample_sequence = s->sequence,
        .source_class = s->source_class,
        .source_index = s->source_index,
        .sampling_rate = discard ? 1 : s->sampling_rate,
        .sample_pool = s->sample_pool,
        .drops = s->drops,
        .input_format = s->input.format,
        .input = s->input.value,
        .output_format = s->output.format,
        .output = s->output.value,
        .reason = s->reason,
        .reason_name = discard ? ft_sflow_drop_reason_name(s->reason) : NULL,
    };
}

/* The records of a sample: its packet, and what else the agent tells. */
static void take_records(struct ft_collector *c, struct ft_sflow_sample *s, struct gathered *g,
                         struct ft__sampled *sampled)
{
    struct ft_sflow_record rec;
    struct ft_sflow_header h;
    struct ft_sflow_ip ip;
    struct ft_sflow_ethernet eth;
    int rc;

    while ((rc = ft_sflow_record(s, &rec)) != FT_E_EOF) {
        if (rc != FT_OK) {
            ft__collect_fault(c, FT_V_EXPORT_SAMPLE);
        } else if (rec.tag == FT_SFLOW_HEADER && ft_sflow_header(&rec, &h) == FT_OK) {
            ft__sampled_header(sampled, &h);
            if (h.cut && !rec.cut) {
                ft__collect_fault(c, FT_V_EXPORT_SAMPLE);
            }
        } else if ((rec.tag == FT_SFLOW_IPV4 || rec.tag == FT_SFLOW_IPV6) &&
                   !sampled->from_header && ft_sflow_ip(&rec, &ip) == FT_OK) {
            ft__sampled_ip(sampled, &ip);
        } else {
            if (rec.tag == FT_SFLOW_ETHERNET && ft_sflow_ethernet(&rec, &eth) == FT_OK) {
                ft__sampled_ethernet(sampled, &eth);
            }
            gather(c, g, FT_SFLOW_FLOW, &rec, sampled->out->base, true);
        }
    }
    if (ft__sampled_end(sampled)) {
        ft__collect_fault(c, FT_V_EXPORT_SAMPLE);
    }
}

static void take_flow(struct ft_collector *c, const struct ft_sflow_datagram *d,
                      struct ft_sflow_sample *s, const uint8_t *base)
{
    struct gathered g;
    FT_ALIGNED(32) struct ft_packet pkt;
    struct ft_export_sample out;
    struct ft__sampled sampled = {.decoder = &c->packets, .pkt = &pkt, .out = &out};

    gather_begin(&g, c->values);
    begin_sample(c, d, s, base, &out);
    take_records(c, s, &g, &sampled);
    out.n_values = g.n;
    out.text_max = g.n == 0 ? 0 : ft_xvalues_room(g.values, g.n);
    if (s->kind == FT_SFLOW_DISCARD) {
        c->stats.discards++;
        c->exporter->h.discards++;
        c->ops.discard(c->cookie, &out);
        return;
    }
    c->stats.samples++;
    c->exporter->h.samples++;
    c->exporter->rates.usual = s->sampling_rate;
    out.source = ft_hash_16(&c->packets.seed, c->agent->salt,
                            (uint64_t)s->source_class << 32 | s->source_index);
    out.est_packets = s->sampling_rate;
    out.est_bytes = (uint64_t)out.frame_len * s->sampling_rate;
    out.effective_rate = effective_rate(c, s);
    c->ops.sample(c->cookie, &out);
}

static void take_counters(struct ft_collector *c, const struct ft_sflow_datagram *d,
                          struct ft_sflow_sample *s, const uint8_t *base)
{
    struct gathered g;
    struct ft_sflow_record rec;
    struct ft_export_counters out = {
        .exporter = &c->exporter->info,
        .timestamp_ns = c->now_ns,
        .sequence = d->sequence,
        .sample_sequence = s->sequence,
        .source_class = s->source_class,
        .source_index = s->source_index,
        .base = base,
        .values = c->values,
    };
    uint32_t most = sizeof out.groups / sizeof out.groups[0];
    int rc;

    gather_begin(&g, c->values);
    while ((rc = ft_sflow_record(s, &rec)) != FT_E_EOF) {
        uint32_t before = g.n;
        const char *name;

        if (rc != FT_OK) {
            ft__collect_fault(c, FT_V_EXPORT_SAMPLE);
            continue;
        }
        gather(c, &g, FT_SFLOW_COUNTERS, &rec, base, false);
        if (g.n > before && out.n_groups < most) {
            name = ft_sflow_struct_name(FT_SFLOW_COUNTERS, rec.tag);
            out.groups[out.n_groups++] = (struct ft_export_group){
                name != NULL ? name : g.values[before].key, before, g.n - before};
        }
    }
    out.n_values = g.n;
    out.text_max = ft_xvalues_room(g.values, g.n);
    c->stats.counters++;
    c->exporter->h.counters++;
    c->ops.counters(c->cookie, &out);
}

static struct ft__exporter *find_agent(struct ft_collector *c, const struct ft_peer *peer,
                                       const struct ft_sflow_datagram *d)
{
    struct ft_exporter_info key = {.ip_version = peer->ip_version,
                                   .protocol = FT_XP_SFLOW_V5,
                                   .domain_id = d->sub_agent,
                                   .agent_version = d->agent_version};

    memcpy(key.addr, peer->addr, sizeof key.addr);
    memcpy(key.agent, d->agent, sizeof key.agent);
    key.port = c->limits.by_port ? peer->port : 0;
    return ft__exporter_find(&c->exporters, &key, c->stream, c->now_ns);
}

/* An uptime that steps back is a restart: its numbers start again. */
static void note_restart(struct ft__exporter *e, const struct ft_sflow_datagram *d, int64_t now_ns)
{
    if (e->h.messages > 0 && ft__restart_stepped_back(e, d->uptime_ms, now_ns, LATE_MS)) {
        e->seq.known = false;
        e->h.resets++;
        for (uint32_t i = 0; i < e->n_pools; i++) {
            e->pools[i].samples = 0;
        }
    }
    e->uptime_ms = d->uptime_ms;
    e->heard_ns = now_ns;
}

/* Sequence and uptime, which are the agent's, by whatever address the datagram left. */
static void take_numbers(struct ft_collector *c, const struct ft_peer *peer,
                         const struct ft_sflow_datagram *d)
{
    static const struct ft__counted one = {.records = 1, .sets = 1, .records_known = true};
    struct ft__exporter *e = c->exporter;
    struct ft__exporter *a = ft__agent_of(&c->exporters, e, d->sequence, d->uptime_ms, c->now_ns);

    if (ft__agent_doubt(a, e, d->sequence, d->uptime_ms)) {
        a = e;
    }
    note_restart(a, d, c->now_ns);
    ft__collect_fits(c, e, peer->port, ft__sequence_take(a, d->sequence, &one));
    ft__exporter_account(&c->exporters, a);
    c->agent = a;
}

static enum ft_verdict fault_of(const struct ft_sflow_datagram *d)
{
    switch (d->fault) {
    case FT_SFLOW_F_VERSION:
        return FT_V_EXPORT_VERSION;
    case FT_SFLOW_F_AGENT_ADDRESS:
        return FT_V_EXPORT_ADDRESS;
    case FT_SFLOW_F_DATAGRAM_SHORT:
        return FT_V_EXPORT_SHORT;
    case FT_SFLOW_F_SAMPLES_MISSING:
    case FT_SFLOW_F_TRAILING:
        return FT_V_EXPORT_COUNT;
    default:
        return FT_V_EXPORT_SAMPLE;
    }
}

enum ft_verdict ft__sflow_take(struct ft_collector *c, const struct ft_peer *peer,
                               const uint8_t *data, size_t len)
{
    struct ft_sflow_datagram d;
    struct ft_sflow_sample s;
    int rc;

    if (ft_sflow_begin(data, len, &d) != FT_OK) {
        return fault_of(&d);
    }
    c->exporter = find_agent(c, peer, &d);
    if (c->exporter == NULL) {
        return FT_V_EXPORTER;
    }
    c->exporter->touched = true;
    take_numbers(c, peer, &d);
    while ((rc = ft_sflow_next(&d, &s)) != FT_E_EOF) {
        if (rc != FT_OK) {
            ft__collect_fault(c, fault_of(&d));
        } else if (s.kind == FT_SFLOW_FLOW || s.kind == FT_SFLOW_DISCARD) {
            take_flow(c, &d, &s, data);
        } else if (s.kind == FT_SFLOW_COUNTERS) {
            take_counters(c, &d, &s, data);
        }
    }
    ft__exporter_account(&c->exporters, c->exporter);
    c->exporter->h.messages++;
    c->exporter->h.bytes += len;
    c->stats.messages[FT_XP_SFLOW_V5]++;
    return c->fault;
}
