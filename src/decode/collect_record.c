/* SPDX-License-Identifier: Apache-2.0 */
/* decode: data records: a plan's steps fill the canonical part, the callback gets it. */
#include "decode/collect_record.h"

#include <string.h>

#include "model/xjson.h"

/* Bytes that a record takes as text besides its values, at most. */
enum { RECORD_TEXT = 900 };

/* What the steps of one record leave behind for its end. */
struct scratch {
    int64_t init_ns;
    struct ft__sampling sampling; /* its own words */
    struct ft__rate_of rate_of;
    bool has_names;
    const uint8_t *src6, *dst6, *section;
    uint32_t section_len;
    uint16_t section_link;
    struct ft_export_names names;
};

/* A time by the clock that its element uses; INT64_MIN: it cannot be known. */
static int64_t time_of(const struct ft_nf_message *m, const struct scratch *s, uint8_t clock,
                       uint64_t v)
{
    switch ((enum ft__clock)clock) {
    case FT__CLOCK_UPTIME_MS: {
        if (m->protocol == FT_XP_IPFIX) {
            return s->init_ns != INT64_MIN ? s->init_ns + (int64_t)(uint32_t)v * 1000000
                                           : INT64_MIN;
        }
        /* modular: the uptime wraps after 49.7 days; a time after the export is near it */
        int32_t before = (int32_t)(m->uptime_ms - (uint32_t)v);

        return m->export_ns - (int64_t)before * 1000000;
    }
    case FT__CLOCK_S:
        return (int64_t)v * 1000000000;
    case FT__CLOCK_MS:
        return v < INT64_MAX / 1000000 ? (int64_t)v * 1000000 : INT64_MIN;
    case FT__CLOCK_NTP_US: /* 0: not known (RFC 5905 §6) */
        return v != 0 ? ft_ntp_to_ns(v, true) : INT64_MIN;
    case FT__CLOCK_NTP_NS:
        return v != 0 ? ft_ntp_to_ns(v, false) : INT64_MIN;
    case FT__CLOCK_BEFORE_US:
        return m->export_ns - (int64_t)(uint32_t)v * 1000;
    }
    return INT64_MIN;
}

/* What the record says of how its packets were selected. */
static void selection_step(const struct ft__step *t, const uint8_t *p, uint32_t len,
                           struct scratch *s)
{
    uint32_t i = (uint32_t)t->slot - FT__SLOT_SELECT;

    if (i < FT__SELECT__COUNT) {
        s->sampling.v[i] =
            i == FT__SELECT_PROBABILITY ? ft__sampling_probability(p, len) : ft__load_uint(p, len);
        s->sampling.has |= (uint8_t)(1 << i);
    }
}

/* Steps that few templates have. */
static void rare_step(struct ft_collector *c, const struct ft__step *t, const uint8_t *p,
                      uint32_t len, struct scratch *s, struct ft_export_record *r)
{
    const struct ft__names *names = c->exporter->names;
    uint64_t v = len <= 8 ? ft__load_uint(p, len) : 0;

    switch ((enum ft__slot)t->slot) {
    case FT__SLOT_INIT:
        s->init_ns = ft__init_time(v);
        break;
    case FT__SLOT_END:
        r->end_reason = v <= 5 ? (uint8_t)v : 0;
        break;
    case FT__SLOT_SAMPLER:
        s->rate_of.sampler = v;
        s->rate_of.has_sampler = true;
        break;
    case FT__SLOT_VRF_IN:
        s->names.vrf_in = ft__names_get(names, FT__NAME_VRF, v);
        s->has_names |= s->names.vrf_in != NULL;
        break;
    case FT__SLOT_VRF_OUT:
        s->names.vrf_out = ft__names_get(names, FT__NAME_VRF, v);
        s->has_names |= s->names.vrf_out != NULL;
        break;
    case FT__SLOT_APP:
        s->names.application = ft__names_get(names, FT__NAME_APPLICATION, v);
        s->has_names |= s->names.application != NULL;
        break;
    case FT__SLOT_FRAME:
    case FT__SLOT_IP:
        s->section = p;
        s->section_len = len;
        s->section_link = t->slot == FT__SLOT_FRAME ? FT_LINK_ETHERNET : FT_LINK_RAW;
        break;
    default:
        selection_step(t, p, len, s);
        break;
    }
}

static void interface_step(struct ft_collector *c, const struct ft__step *t, uint64_t index,
                           struct scratch *s)
{
    const char *name = ft__names_get(c->exporter->names, FT__NAME_INTERFACE, index);

    if (t->slot == FT__SLOT_IF_IN) {
        s->names.if_in = name;
        s->rate_of.interface = (uint32_t)index;
        s->rate_of.has_interface = true;
    } else {
        s->names.if_out = name;
        s->rate_of.other = (uint32_t)index;
        s->rate_of.has_other = true;
    }
    s->has_names |= name != NULL;
}

/* Its names or rates are by interface: records are looked at for more than the canonical part. */
FT_INLINE bool looks_at_interfaces(const struct ft__exporter *e)
{
    return e->names != NULL || ft__rates_by_record(&e->rates);
}

/* One step; len is that of the field. */
FT_INLINE void run_step(struct ft_collector *c, const struct ft_nf_message *m,
                        const struct ft__step *t, const uint8_t *p, uint32_t len, struct scratch *s,
                        struct ft_export_record *r)
{
    switch ((enum ft__slot)t->slot) {
    case FT__SLOT_SRC4:
        memcpy(r->src, p, 4);
        return;
    case FT__SLOT_DST4:
        memcpy(r->dst, p, 4);
        return;
    case FT__SLOT_SRC6:
        s->src6 = p;
        return;
    case FT__SLOT_DST6:
        s->dst6 = p;
        return;
    case FT__SLOT_SPORT:
        r->src_port = (uint16_t)ft__load_uint(p, len);
        return;
    case FT__SLOT_DPORT:
        r->dst_port = (uint16_t)ft__load_uint(p, len);
        return;
    case FT__SLOT_PROTO:
        r->proto = (uint8_t)ft__load_uint(p, len);
        return;
    case FT__SLOT_FLAGS:
        r->tcp_flags = (uint16_t)ft__load_uint(p, len);
        return;
    case FT__SLOT_PACKETS:
        r->packets = ft__load_uint(p, len);
        return;
    case FT__SLOT_BYTES:
        r->bytes = ft__load_uint(p, len);
        return;
    case FT__SLOT_REV_PACKETS:
        r->rev_packets = ft__load_uint(p, len);
        return;
    case FT__SLOT_REV_BYTES:
        r->rev_bytes = ft__load_uint(p, len);
        return;
    case FT__SLOT_FIRST:
        r->first_ns = time_of(m, s, t->clock, ft__load_uint(p, len));
        return;
    case FT__SLOT_LAST:
        r->last_ns = time_of(m, s, t->clock, ft__load_uint(p, len));
        return;
    case FT__SLOT_IF_IN:
    case FT__SLOT_IF_OUT:
        if (FT_UNLIKELY(looks_at_interfaces(c->exporter))) {
            interface_step(c, t, ft__load_uint(p, len), s);
        }
        return;
    case FT__SLOT_DIRECTION:
        if (FT_UNLIKELY(looks_at_interfaces(c->exporter))) {
            s->rate_of.direction = (uint8_t)ft__load_uint(p, len);
            s->rate_of.has_direction = s->rate_of.direction <= 1;
        }
        return;
    default:
        rare_step(c, t, p, len, s, r);
    }
}

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Addresses: a template may have both families, of which one is zero (Cisco's mixed templates). */
static void end_addresses(const struct scratch *s, bool has4, struct ft_export_record *r)
{
    bool four = has4 && !(s->src6 != NULL && is_zero(r->src, 4) && is_zero(r->dst, 4) &&
                          !(is_zero(s->src6, 16) && (s->dst6 == NULL || is_zero(s->dst6, 16))));

    r->ip_version = four ? 4 : 6;
    if (!four) {
        memset(r->src, 0, sizeof r->src);
        memset(r->dst, 0, sizeof r->dst);
        if (s->src6 != NULL) {
            memcpy(r->src, s->src6, 16);
        }
        if (s->dst6 != NULL) {
            memcpy(r->dst, s->dst6, 16);
        }
    }
}

static void end_rare(struct ft_collector *c, struct scratch *s, struct ft_export_record *r)
{
    uint32_t rate = s->sampling.has != 0 ? ft__sampling_rate(&s->sampling) : 0;

    s->rate_of.template_id = r->template_id;
    r->sampling_rate = rate != 0 ? rate : ft__rates_of(&c->exporter->rates, &s->rate_of);
    if (s->section != NULL) {
        ft__section_take(c, s->section, s->section_len, s->section_link, r);
    }
    r->names = s->has_names ? &s->names : NULL;
}

static bool find_list(void *cookie, uint16_t id, struct ft_list_template *out)
{
    const struct ft_collector *c = cookie;
    const struct ft__template *t = ft__exporter_template(c->exporter, id);

    if (t == NULL || t->plan->options) {
        return false;
    }
    *out = (struct ft_list_template){t->plan, t->plan->n_values, t->plan->record_len};
    return true;
}

static uint32_t measure_list(const void *plan, const uint8_t *record, size_t left,
                             struct ft_xvalue *values)
{
    return ft__xplan_measure(plan, record, left, values);
}

void ft__lists_init(struct ft_collector *c)
{
    c->lists = (struct ft_export_lists){c, find_list, measure_list};
}

static void begin_record(struct ft_collector *c, const struct ft_nf_message *m,
                         const struct ft__xplan *plan, uint16_t template_id,
                         struct ft_export_record *r)
{
    *r = (struct ft_export_record){
        .exporter = &c->exporter->info,
        .lists = plan->lists ? &c->lists : NULL,
        .values = plan->values,
        .n_values = plan->n_values,
        .text_max = plan->text_max,
        .sequence = m->sequence,
        .template_id = template_id,
        .has = plan->has,
        .sampling_rate = c->exporter->rates.usual,
        .timestamp_ns = m->export_ns,
        .first_ns = INT64_MIN,
        .last_ns = INT64_MIN,
    };
}

/* The record at r->base, whose values are r->values; rare: it may have steps that few have. */
FT_INLINE void take_record(struct ft_collector *c, const struct ft_nf_message *m,
                           const struct ft__xplan *plan, bool rare, struct ft_export_record *r)
{
    struct scratch s;

    if (FT_UNLIKELY(rare)) {
        memset(&s, 0, sizeof s);
    }
    s.init_ns = c->exporter->init_ns;
    s.src6 = s.dst6 = NULL;
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct ft__step *t = &plan->steps[i];

        if (FT_LIKELY(plan->fixed)) {
            run_step(c, m, t, r->base + t->offset, t->len, &s, r);
        } else {
            const struct ft_xvalue *v = &r->values[t->offset];

            run_step(c, m, t, r->base + v->offset, v->len, &s, r);
        }
    }
    if (plan->v6) {
        end_addresses(&s, plan->v4, r);
    } else if (plan->v4) {
        r->ip_version = 4;
    }
    if (FT_UNLIKELY(rare)) {
        end_rare(c, &s, r);
    }
    r->ordinal = c->ordinal++;
    c->ops.record(c->cookie, r);
}

/* Whether a datagram may give another record, of est bytes as text: what comes out is bounded by a
 * multiple of what came in, so that a template of one byte does not make a flood. The first one
 * always comes. */
static bool may_give(struct ft_collector *c, uint64_t est)
{
    if (c->given + est > c->may_give && c->given > 0) {
        ft__collect_fault(c, FT_V_EXPORT_COUNT);
        c->records_known = false; /* its sequence counts those that are left out */
        return false;
    }
    c->given += est;
    return true;
}

static void take_variable(struct ft_collector *c, const struct ft_nf_message *m,
                          const struct ft__xplan *plan, uint16_t template_id, struct ft_rd *body)
{
    bool rare = plan->rare || looks_at_interfaces(c->exporter);

    while (ft_rd_left(body) >= plan->record_len) {
        struct ft_export_record r;
        uint32_t len = ft__xplan_measure(plan, body->p, ft_rd_left(body), c->values);

        if (len == 0) {
            ft__collect_fault(c, FT_V_EXPORT_RECORD);
            return;
        }
        begin_record(c, m, plan, template_id, &r);
        r.base = body->p;
        r.values = c->values;
        r.text_max = ft_xvalues_room(c->values, plan->n_values);
        if (!may_give(c, RECORD_TEXT + r.text_max)) {
            return;
        }
        take_record(c, m, plan, rare, &r);
        body->p += len;
    }
}

static void take_fixed(struct ft_collector *c, const struct ft_nf_message *m,
                       const struct ft__xplan *plan, uint16_t template_id, struct ft_rd *body)
{
    bool rare = plan->rare || looks_at_interfaces(c->exporter);
    struct ft_export_record r;

    begin_record(c, m, plan, template_id, &r);
    while (ft_rd_left(body) >= plan->record_len) {
        if (FT_UNLIKELY(rare)) {
            begin_record(c, m, plan, template_id, &r);
        }
        if (FT_UNLIKELY(!may_give(c, RECORD_TEXT + plan->text_max))) {
            return;
        }
        r.base = body->p;
        take_record(c, m, plan, rare, &r);
        body->p += plan->record_len;
    }
}

void ft__records_take(struct ft_collector *c, const struct ft_nf_message *m,
                      const struct ft__xplan *plan, uint16_t template_id, struct ft_rd *body)
{
    uint32_t before = c->ordinal, n;

    if (plan->fixed) {
        take_fixed(c, m, plan, template_id, body);
    } else {
        take_variable(c, m, plan, template_id, body);
    }
    n = c->ordinal - before;
    c->exporter->h.records += n;
    c->exporter->h.wrong_values += (uint64_t)n * plan->n_wrong;
    c->stats.records += n;
}
