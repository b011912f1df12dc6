/* SPDX-License-Identifier: Apache-2.0 */
/* collect: data records: a plan's steps fill the canonical part, the callback gets it. */
#include "collect/records.h"

#include <string.h>

/* Bytes that a record takes as text besides its values, at most. */
enum { RECORD_TEXT = 900 };

/* What the steps of one record leave behind for its end. */
struct scratch {
    int64_t init_ns, duration_ns;
    uint32_t last_ms;             /* FT__CLOCK_SPAN_MS: LAST as sent */
    struct ft__sampling sampling; /* its own words */
    struct ft__rate_of rate_of;
    bool has_names;
    const uint8_t *src6, *dst6, *section;
    uint32_t section_len;
    uint16_t section_link;
    struct ft_export_names names;
};

/* A time this much after the export, or the end of its flow, is that; later ones are those of a
 * flow that began before the uptime wrapped. */
enum { AHEAD_MS = 3600000 };

/* How long before `at` (ms) was `v`, by a clock that wraps after 49.7 days? */
static int64_t ms_before(uint32_t at, uint32_t v, uint32_t ahead)
{
    uint32_t before = at - v;

    return before > UINT32_MAX - ahead ? -(int64_t)(v - at) : (int64_t)before;
}

/* A time by uptime, which wraps after 49.7 days. An end is near the export, before or after it; a
 * start is as long before it as can be, or shortly after it; one that is later than the uptime is
 * of before its wrap, or of a record whose times are all late: as long before its end. */
static int64_t uptime_time(const struct ft_nf_message *m, const struct scratch *s, bool first,
                           bool span, uint32_t v, int64_t last_ns)
{
    uint32_t now = m->uptime_ms;

    if (m->protocol == FT_XP_IPFIX && s->init_ns == INT64_MIN) {
        return INT64_MIN;
    }
    if (m->protocol == FT_XP_IPFIX) {
        int64_t up_ms = (m->export_ns - s->init_ns) / 1000000;

        if (up_ms < (int64_t)v) { /* it has not wrapped yet */
            return s->init_ns + (int64_t)v * 1000000;
        }
        now = (uint32_t)up_ms;
    }
    if (first && span && v > now) {
        return last_ns - ms_before(s->last_ms, v, AHEAD_MS) * 1000000;
    }
    return m->export_ns - ms_before(now, v, first ? AHEAD_MS : INT32_MAX) * 1000000;
}

/* A time by the clock that its element uses; INT64_MIN: it cannot be known. 0 is what exporters
 * send for that (RFC 5905 §6 says so of NTP's), and nobody's flow began in 1970. */
static int64_t time_of(const struct ft_nf_message *m, uint8_t clock, uint64_t v)
{
    switch ((enum ft__clock)clock) {
    case FT__CLOCK_S:
        return v != 0 ? (int64_t)v * 1000000000 : INT64_MIN;
    case FT__CLOCK_MS:
        return v != 0 && v < INT64_MAX / 1000000 ? (int64_t)v * 1000000 : INT64_MIN;
    case FT__CLOCK_NTP_US:
    case FT__CLOCK_NTP_NS: {
        int64_t ns = v != 0 ? ft_ntp_to_ns(v, clock == FT__CLOCK_NTP_US) : 0;

        return ns != 0 ? ns : INT64_MIN;
    }
    case FT__CLOCK_BEFORE_US:
        return m->export_ns - (int64_t)(uint32_t)v * 1000;
    default:
        return INT64_MIN;
    }
}

static void last_step(const struct ft_nf_message *m, const struct ft__step *t, uint64_t v,
                      struct scratch *s, struct ft_export_record *r)
{
    if (t->clock == FT__CLOCK_UPTIME_MS) {
        s->last_ms = (uint32_t)v;
        r->last_ns = uptime_time(m, s, false, false, (uint32_t)v, 0);
    } else {
        r->last_ns = time_of(m, t->clock, v);
    }
}

static void first_step(const struct ft_nf_message *m, const struct ft__step *t, uint64_t v,
                       const struct scratch *s, struct ft_export_record *r)
{
    if (t->clock == FT__CLOCK_UPTIME_MS || t->clock == FT__CLOCK_SPAN_MS) {
        r->first_ns =
            uptime_time(m, s, true, t->clock == FT__CLOCK_SPAN_MS, (uint32_t)v, r->last_ns);
    } else {
        r->first_ns = time_of(m, t->clock, v);
    }
}

/* A duration in ns; INT64_MIN: none that can be. */
static int64_t duration_of(uint8_t clock, uint64_t v)
{
    uint64_t unit = clock == FT__CLOCK_US ? 1000 : 1000000;

    return v < INT64_MAX / 4 / unit ? (int64_t)(v * unit) : INT64_MIN;
}

/* Fills the end by the start and the duration, or the start by the end. */
static void end_times(int64_t duration_ns, struct ft_export_record *r)
{
    if (r->last_ns == INT64_MIN && r->first_ns != INT64_MIN) {
        r->last_ns = r->first_ns < INT64_MAX / 2 ? r->first_ns + duration_ns : INT64_MIN;
    } else if (r->first_ns == INT64_MIN && r->last_ns != INT64_MIN) {
        r->first_ns = r->last_ns > INT64_MIN / 2 ? r->last_ns - duration_ns : INT64_MIN;
    }
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
        s->init_ns = v != 0 ? ft__init_time(v) : s->init_ns; /* what the options say, else */
        break;
    case FT__SLOT_END:
        r->end_reason = v <= 5 ? (uint8_t)v : 0;
        break;
    case FT__SLOT_FIREWALL:
        r->firewall_event = v <= FT_FIREWALL_UPDATE ? (uint8_t)v : 0;
        break;
    case FT__SLOT_DURATION:
        s->duration_ns = duration_of(t->clock, v);
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
        s->names.application = ft__names_application(names, p, len);
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
        first_step(m, t, ft__load_uint(p, len), s, r);
        return;
    case FT__SLOT_LAST:
        last_step(m, t, ft__load_uint(p, len), s, r);
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

static bool is_told(const uint8_t *address, size_t len)
{
    return address != NULL && !is_zero(address, len);
}

/* Addresses: a template may have both families, of which one is zero (Cisco's mixed templates), and
 * of each both addresses or one. */
static void end_addresses(const struct scratch *s, const struct ft__template_plan *plan,
                          struct ft_export_record *r)
{
    bool src4 = (plan->v4 & FT_XR_SRC_ADDR) != 0, dst4 = (plan->v4 & FT_XR_DST_ADDR) != 0;
    bool four = plan->v4 != 0 && ((src4 && is_told(r->src, 4)) || (dst4 && is_told(r->dst, 4)) ||
                                  !(is_told(s->src6, 16) || is_told(s->dst6, 16)));

    r->ip_version = four ? 4 : 6;
    r->has = (uint16_t)((r->has & ~FT_XR_ADDRESSES) | (four ? plan->v4 : plan->v6));
    if (!four || !src4) {
        memset(r->src, 0, sizeof r->src);
    }
    if (!four || !dst4) {
        memset(r->dst, 0, sizeof r->dst);
    }
    if (!four && s->src6 != NULL) {
        memcpy(r->src, s->src6, 16);
    }
    if (!four && s->dst6 != NULL) {
        memcpy(r->dst, s->dst6, 16);
    }
}

static void end_rare(struct ft_collector *c, struct scratch *s, struct ft_export_record *r)
{
    uint32_t rate = s->sampling.has != 0 ? ft__sampling_rate(&s->sampling) : 0;

    s->rate_of.template_id = r->template_id;
    r->sampling_rate = rate != 0 ? rate : ft__rates_of(&c->exporter->rates, &s->rate_of);
    if (s->duration_ns != INT64_MIN) {
        end_times(s->duration_ns, r);
    }
    if (s->section != NULL) {
        ft__section_take(c, s->section, s->section_len, s->section_link, r);
    }
    r->names = s->has_names ? &s->names : NULL;
}

static bool find_list(void *cookie, uint16_t id, struct ft_list_template *out)
{
    const struct ft_collector *c = cookie;
    const struct ft__template *t = ft__exporter_template(c->exporter, id);

    if (t == NULL || t->plan->options || ft__restart_stale(c->exporter, t)) {
        return false;
    }
    *out = (struct ft_list_template){t->plan, t->plan->n_values, t->plan->record_len};
    return true;
}

static uint32_t measure_list(const void *plan, const uint8_t *record, size_t left,
                             struct ft_xvalue *values)
{
    return ft__template_plan_measure(plan, record, left, values);
}

void ft__lists_init(struct ft_collector *c)
{
    c->lists = (struct ft_export_lists){c, find_list, measure_list};
}

static void begin_record(struct ft_collector *c, const struct ft_nf_message *m,
                         const struct ft__template_plan *plan, uint16_t template_id,
                         struct ft_export_record *r)
{
    *r = (struct ft_export_record){
        .exporter = &c->exporter->info,
        .lists = plan->lists ? &c->lists : NULL,
        .values = plan->values,
        .keys = plan->keys,
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
                           const struct ft__template_plan *plan, bool rare,
                           struct ft_export_record *r)
{
    struct scratch s;

    if (FT_UNLIKELY(rare)) {
        memset(&s, 0, sizeof s);
        s.duration_ns = INT64_MIN;
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
    if (plan->v6 != 0) {
        end_addresses(&s, plan, r);
    } else if (plan->v4 != 0) {
        r->ip_version = 4;
    }
    if (FT_UNLIKELY(rare)) {
        end_rare(c, &s, r);
    }
    r->ordinal = c->ordinal++;
    c->ops.record(c->cookie, r);
}

/* How many of n more records, of est bytes as text each, a datagram may give: what comes out is
 * bounded by a multiple of what came in, so that a template of one byte does not make a flood. The
 * first one always comes. */
static uint32_t may_give(struct ft_collector *c, uint64_t est, uint32_t n)
{
    uint64_t fit = c->given < c->may_give ? (c->may_give - c->given) / est : 0;

    fit = fit == 0 && c->given == 0 ? 1 : fit;
    n = fit < n ? (uint32_t)fit : n;
    c->given += n * est;
    return n;
}

static void left_out(struct ft_collector *c)
{
    ft__collect_fault(c, FT_V_EXPORT_COUNT);
    c->records_known = false; /* its sequence counts those that are left out */
}

static void take_variable(struct ft_collector *c, const struct ft_nf_message *m,
                          const struct ft__template_plan *plan, uint16_t template_id,
                          struct ft_rd *body)
{
    bool rare = plan->rare || looks_at_interfaces(c->exporter);

    while (ft_rd_left(body) >= plan->record_len) {
        struct ft_export_record r;
        uint32_t len = ft__template_plan_measure(plan, body->p, ft_rd_left(body), c->values);
        uint32_t text_max = ft_xvalues_room(c->values, plan->n_values);

        if (len == 0) {
            ft__collect_record_fault(c);
            return;
        }
        if (may_give(c, RECORD_TEXT + text_max, 1) == 0) {
            left_out(c);
            return;
        }
        if (c->counts) {
            c->ordinal++;
        } else {
            begin_record(c, m, plan, template_id, &r);
            r.base = body->p;
            r.values = c->values;
            r.text_max = text_max;
            take_record(c, m, plan, rare, &r);
        }
        body->p += len;
    }
}

static void take_fixed(struct ft_collector *c, const struct ft_nf_message *m,
                       const struct ft__template_plan *plan, uint16_t template_id,
                       const struct ft_rd *body)
{
    bool rare = plan->rare || looks_at_interfaces(c->exporter);
    uint32_t all = (uint32_t)(ft_rd_left(body) / plan->record_len);
    uint32_t n = may_give(c, RECORD_TEXT + plan->text_max, all);

    if (c->counts) {
        c->ordinal += n;
    } else {
        struct ft_export_record r;

        begin_record(c, m, plan, template_id, &r);
        for (uint32_t i = 0; i < n; i++) {
            if (FT_UNLIKELY(rare)) {
                begin_record(c, m, plan, template_id, &r);
            }
            r.base = body->p + (size_t)i * plan->record_len;
            take_record(c, m, plan, rare, &r);
        }
    }
    if (n < all) {
        left_out(c);
    }
}

void ft__records_take(struct ft_collector *c, const struct ft_nf_message *m,
                      const struct ft__template_plan *plan, uint16_t template_id,
                      struct ft_rd *body)
{
    uint32_t before = c->ordinal, n;

    if (plan->fixed) {
        take_fixed(c, m, plan, template_id, body);
    } else {
        take_variable(c, m, plan, template_id, body);
    }
    n = c->ordinal - before;
    if (c->counts && n > 0) {
        c->ops.count(c->cookie, n);
    }
    c->exporter->h.records += n;
    c->exporter->h.wrong_values += (uint64_t)n * plan->n_wrong;
    c->stats.records += n;
}
