/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: samples of packets and counters for sFlow, see samples.h. */
#include "pipeline/samples.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "base/units.h"
#include "decode/decode.h"
#include "format/sflow.h"
#include "pipeline/internal.h"
#include "source/if_watch.h"

enum { COUNTERS_S = 20 };

static const int64_t second_ns = 1000000000;

/* ---- packets ---- */

static uint32_t ifindex_of(const struct ft_sampler *s, uint32_t source)
{
    return s->watch != NULL ? ft_if_watch_index(s->watch, source) : 0;
}

static void say_unfit(struct ft_sampler *s, uint16_t linktype)
{
    if (!atomic_exchange(&s->said, true)) {
        ft_log(s->log, FT_LOG_WARN,
               "%s: sFlow has no protocol for frames of link type %s (%u) as they came: they are "
               "not sent, and counted (unfit: link)",
               s->name, ft_linktype_name(linktype), linktype);
    }
}

static void take(struct ft_sampler *s, struct ft_sampled_source *at, struct ft_writer *w,
                 const struct ft_view *v, uint32_t source, uint32_t every)
{
    struct ft_sflow_row head = {
        .source = source, .pool = at->pool, .drops = at->drops, .rate = every};
    uint32_t kept = v->caplen + 8 < s->header ? v->caplen + 8 : s->header; /* a tag, padding */
    uint8_t *p = ft_writer_begin(w, FT_EVENT_SAMPLE, FT_SFLOW_ROW_MOST + ((kept + 3) & ~3u));

    if (FT_UNLIKELY(p == NULL)) {
        at->drops++;
        return;
    }
    size_t len = ft_sflow_put_packet(p, v, head, ifindex_of(s, source), s->header);

    if (FT_UNLIKELY(len == 0)) {
        say_unfit(s, v->linktype);
        ft_writer_unfit(w, FT_UNFIT_LINK);
        return;
    }
    at->pool = at->drops = 0;
    ft_writer_end(w, FT_EVENT_SAMPLE, len);
}

/* Whatever is in the batch. */
static void sample_each(struct ft_sampler *s, struct ft_sampler_lane *lane, struct ft_writer *w,
                        const struct ft_view *views, uint32_t n, uint32_t every)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct ft_view *v = &views[i];
        uint32_t source = v->iface < s->n_sources ? v->iface : 0;
        struct ft_sampled_source *at = &lane->source[source];

        if ((v->flags & FT_VIEW_LEFT_OUT) != 0) {
            continue;
        }
        at->pool++;
        if (at->left > 0 && at->left < every) { /* every may have become less */
            at->left--;
            continue;
        }
        at->left = every - 1;
        take(s, at, w, v, source, every);
    }
}

/* The same of one source that has all of them: what is not taken is not looked at. */
static void sample_run(struct ft_sampler *s, struct ft_sampled_source *at, struct ft_writer *w,
                       const struct ft_view *views, uint32_t n, uint32_t every)
{
    uint64_t i = at->left < every ? at->left : 0;
    uint32_t seen = 0;

    for (; i < n; i += every) {
        at->pool += (uint32_t)i + 1 - seen;
        seen = (uint32_t)i + 1;
        take(s, at, w, &views[i], 0, every);
    }
    at->pool += n - seen;
    at->left = (uint32_t)(i - n);
}

void ft_sampler_packets(struct ft_sampler *s, struct ft_sampler_lane *lane, struct ft_writer *w,
                        const struct ft_view *views, uint32_t n, uint32_t every)
{
    unsigned flags = 0;

    for (uint32_t i = 0; i < n; i++) {
        flags |= views[i].flags;
    }
    if (FT_LIKELY(s->n_sources == 1 && (flags & FT_VIEW_LEFT_OUT) == 0)) {
        sample_run(s, &lane->source[0], w, views, n, every);
    } else {
        sample_each(s, lane, w, views, n, every);
    }
}

/* ---- counters ---- */

static void write_counters(struct ft_writer *w, struct ft_if_watch *watch)
{
    for (uint32_t i = 0; i < ft_if_watch_n(watch); i++) {
        struct ft_sflow_row head = {.source = i};
        struct ft_if_counters c;
        uint8_t *p;

        if (!ft_if_watch_read(watch, i, &c)) {
            continue;
        }
        p = ft_writer_begin(w, FT_EVENT_COUNTER, FT_SFLOW_ROW_COUNTERS);
        if (p != NULL) {
            ft_writer_end(w, FT_EVENT_COUNTER, ft_sflow_put_interface(p, &c, head));
        }
    }
    ft_writer_flush(w);
}

int64_t ft_emit_counters(struct ft_emitter *e, struct ft_if_watch *watch, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;

    for (uint32_t k = 0; k < e->n && watch != NULL; k++) {
        struct ft_sampler *s = e->to[k].sampler;

        if (s == NULL || s->every_ns == 0) {
            continue;
        }
        if (now_ns >= s->due_ns) {
            write_counters(e->to[k].writer, watch);
            s->due_ns = now_ns + s->every_ns;
        }
        next_ns = s->due_ns < next_ns ? s->due_ns : next_ns;
    }
    return next_ns;
}

/* ---- life ---- */

static size_t size_of(uint32_t n_lanes)
{
    return sizeof(struct ft_sampler) + sizeof(struct ft_sampler_lane) * n_lanes;
}

static uint64_t number_of(const struct ft_output_url *url, const char *key, uint64_t usual)
{
    const char *value = ft_output_url_get(url, key), *rest;
    uint64_t n = usual;

    return value != NULL && ft_parse_number(value, &n, &rest) ? n : usual; /* it was checked */
}

static void set_agent(struct ft_pipeline *p, const struct ft_output_url *url, struct ft_sampler *s)
{
    struct ft_sflow_agent *a = &s->agent;
    const char *text = ft_output_url_get(url, "agent");

    a->sub_agent = (uint32_t)number_of(url, "domain", p->plan.observer.domain);
    a->by_clock = p->plan.live;
    if (text != NULL) {
        a->version = inet_pton(AF_INET, text, a->address) == 1    ? 4
                     : inet_pton(AF_INET6, text, a->address) == 1 ? 6
                                                                  : 0;
    }
    if (p->plan.live && s->n_sources == 1) {
        a->packets_lost = ft__stats_kernel_lost;
        a->packets_cookie = p;
    }
}

int ft_sampler_new(struct ft_pipeline *p, const struct ft_output_url *url, uint32_t n_writers,
                   struct ft_sampler **out, struct ft_err *err)
{
    uint64_t header = number_of(url, "header", FT_SFLOW_HEADER_USUAL);
    uint64_t mtu = number_of(url, "mtu", FT_OUTPUT_MTU);
    uint32_t most = FT_SFLOW_PUT_DATAGRAM_MOST + FT_SFLOW_PUT_FLOW_MOST;
    struct ft_sampler *s;

    if (p->plan.collect) {
        return ft_err_set(err, FT_E_USAGE, "%s: sflow is for live and read", url->text);
    }
    if (!p->plan.live && ft_output_url_get(url, "counters") != NULL) {
        return ft_err_set(err, FT_E_USAGE, "%s: counters= is for live: a file has none", url->text);
    }
    if (((header + 3) & ~UINT64_C(3)) + most > mtu) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: header=%llu: a sample of so many bytes is longer than a datagram "
                          "(mtu=%llu)",
                          url->text, (unsigned long long)header, (unsigned long long)mtu);
    }
    s = ft_map_alloc(size_of(n_writers));
    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->watch = p->watch;
    s->n_sources = p->watch != NULL ? ft_if_watch_n(p->watch) : 1;
    s->header = (uint32_t)header;
    s->every_ns = (int64_t)number_of(url, "counters", COUNTERS_S) * second_ns;
    s->log = &p->log;
    s->n_lanes = n_writers;
    set_agent(p, url, s);
    *out = s;
    return FT_OK;
}

void ft_sampler_free(struct ft_sampler *s)
{
    if (s != NULL) {
        ft_map_free(s, size_of(s->n_lanes));
    }
}

uint32_t ft_sampler_row_most(const struct ft_sampler *s)
{
    return FT_SFLOW_ROW_MOST + s->header + 4;
}
