/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: making and freeing a pipeline, see build.h and flowtap/pipeline.h. */
#include "pipeline/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "base/whole.h"
#include "codec/app/digest.h"
#include "config/url.h"
#include "feature/app/app.h"
#include "format/pcap.h"
#include "guard/opener.h"
#include "model/labels.h"
#include "output/sink/hive.h"
#include "pipeline/app.h"
#include "pipeline/collect.h"
#include "pipeline/columns.h"
#include "pipeline/enrich.h"
#include "pipeline/frames.h"
#include "pipeline/lanes.h"
#include "pipeline/packets.h"
#include "pipeline/samples.h"
#include "pipeline/scrub.h"
#include "pipeline/store.h"
#include "pipeline/vectors.h"
#include "pipeline/windows.h"
#include "source/if_watch.h"

static const char *join_inputs(const struct ft_config *cfg, char *buf, size_t cap)
{
    const char *defaults[FT_COLLECT_DEFAULTS];
    const char *const *names = (const char *const *)cfg->inputs;
    uint32_t count = cfg->n_inputs;
    size_t at = 0;

    if (cfg->command == FT_CMD_COLLECT && count == 0) {
        ft__collect_targets(cfg, defaults, &count);
        names = defaults;
    }
    for (uint32_t i = 0; i < count && at < cap; i++) {
        int n = snprintf(buf + at, cap - at, "%s%s", i > 0 ? ", " : "", names[i]);

        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

/* Events of collect only; read and live make the others. */
static const unsigned collect_only = 1u << FT_EVENT_TEMPLATE | 1u << FT_EVENT_COUNTER |
                                     1u << FT_EVENT_DISCARD | 1u << FT_EVENT_EXPORTER;

static const unsigned packets_only = 1u << FT_EVENT_AFTERIMAGE;

/* Events that cost something, and are not made, unless they were asked for at the start. */
static int check_made(const struct ft_pipeline *p, const struct ft_output_url *url, unsigned events,
                      struct ft_err *err)
{
    if ((events == 1u << FT_EVENT_WINDOW && !p->plan.windows) ||
        (events == 1u << FT_EVENT_ALERT && !p->plan.alerts)) {
        return ft_err_set(err, FT_E_STATE, "%s: no -o output had %ss at the start", url->text,
                          ft_output_url_get(url, "event")); /* added behind the plan */
    }
    if (events == 1u << FT_EVENT_AFTERIMAGE && !p->plan.afterimage) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: event=afterimage is what --profile afterimage makes", url->text);
    }
    return FT_OK;
}

/* ?event=WORD. */
static int route_named(const struct ft_pipeline *p, const struct ft_output_url *url,
                       const char *word, unsigned has, unsigned *out, struct ft_err *err)
{
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        if (strcmp(word, ft_event_word(e)) == 0 &&
            (p->plan.collect ? (packets_only >> e & 1) == 0 : (collect_only >> e & 1) == 0)) {
            *out = 1u << e;
            if ((has >> e & 1) == 0) {
                return ft_err_set(err, FT_E_USAGE, "%s: event=%s: %s has no such event", url->text,
                                  word, url->format);
            }
            return FT_OK;
        }
    }
    return ft_err_set(err, FT_E_USAGE, "%s: event=%s: allowed are the words of --events", url->text,
                      word);
}

/* Events that one output takes: those asked for. A file that holds one kind takes the flow records
 * of them, else the samples; which of two others is meant nobody can know. */
static int route_events(const struct ft_pipeline *p, const struct ft_output_url *url,
                        const struct ft_format_ops *format, unsigned *out, struct ft_err *err)
{
    static const enum ft_event preferred[] = {FT_EVENT_FLOW, FT_EVENT_SAMPLE};
    const char *word = ft_output_url_get(url, "event");
    bool flows = format->prefers_flows || ft_output_url_get(url, "where") != NULL;
    unsigned has = format->samples_of_collect && !p->plan.collect
                       ? format->events & ~(1u << FT_EVENT_SAMPLE)
                       : format->events;
    unsigned events = (flows && !p->plan.events_given ? 1u << FT_EVENT_FLOW : p->events) & has;
    int rc;

    if (format->keeps_accounts) { /* besides what it is for */
        has &= ~(1u << FT_EVENT_STATS);
        events &= has;
    }
    if (word != NULL) {
        rc = route_named(p, url, word, has, out, err);
        return rc == FT_OK ? check_made(p, url, *out, err) : rc;
    }
    for (size_t i = 0; i < 2 && format->single_event && (events & (events - 1)) != 0; i++) {
        if ((events >> preferred[i] & 1) != 0) {
            events = 1u << preferred[i];
            ft_log(&p->log, FT_LOG_INFO, "%s: one kind of event in a file: %s (others: ?event=)",
                   url->text, ft_event_word(preferred[i]));
        }
    }
    if (format->single_event && (events == 0 || (events & (events - 1)) != 0)) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: %s holds one kind of event: name it with ?event=WORD, a word of "
                          "--events",
                          url->text, format->name);
    }
    *out = events;
    return FT_OK;
}

int ft__build_check_raw(bool anonymize, const char *name, const struct ft_format_ops *format,
                        struct ft_err *err)
{
    if (anonymize && format->carries_raw) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: carries bytes of packets: not with --anonymize or --no-identity",
                          name);
    }
    return FT_OK;
}

/* Events by their time, for folders of hours or days. */
static int route_folders(const struct ft_pipeline *p, const struct ft_output_url *url,
                         const struct ft_format_ops *ops, struct ft_output_config *cfg,
                         struct ft_route *r, struct ft_err *err)
{
    int64_t span_ns = cfg->count_only ? 0 : ft_hive_span_ns(url);

    if (span_ns == 0) {
        return FT_OK;
    }
    if (p->plan.no_identity) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: hive=: the folders tell of times: not with --no-identity",
                          url->text);
    }
    if (ops->sidecar != NULL || ops->events == 1u << FT_EVENT_PACKET) {
        return ft_err_set(err, FT_E_USAGE, "%s: hive= is not for %s", url->text, url->format);
    }
    cfg->split_ns = span_ns;
    r->split = true;
    return FT_OK;
}

/* An output that gets samples of packets. */
static int route_samples(struct ft_pipeline *p, const struct ft_output_url *url,
                         struct ft_output_config *cfg, struct ft_output_env *env,
                         struct ft_route *r, struct ft_err *err)
{
    int rc = ft_sampler_new(p, url, cfg->n_writers, &r->sampler, err);

    if (rc == FT_OK) {
        cfg->binary = true;
        cfg->event_most = ft_sampler_row_most(r->sampler);
        env->sflow = &r->sampler->agent;
    }
    return rc;
}

/* An output that holds packets as they are. */
static int route_packets(struct ft_pipeline *p, const struct ft_output_url *url,
                         const struct ft_format_ops *ops, struct ft_output_config *cfg,
                         struct ft_output_env *env, struct ft_route *r, struct ft_err *err)
{
    int rc = ft__build_check_raw(p->plan.anonymize || p->plan.no_identity, url->text, ops, err);

    rc = rc == FT_OK ? route_folders(p, url, ops, cfg, r, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    bool bare = strcmp(ops->name, "datagram") == 0;

    if (bare && (!p->plan.collect || strcmp(url->transport, "kafka") != 0)) {
        return ft_err_set(err, FT_E_USAGE, "%s: datagram is for collect, to kafka://", url->text);
    }
    if (ft_output_url_get(url, "event") != NULL) {
        return ft_err_set(err, FT_E_USAGE, "%s: event=: %s holds packets", url->text, url->format);
    }
    if (ft_output_url_get(url, "columns") != NULL || ft_output_url_get(url, "profile") != NULL ||
        ft_output_url_get(url, "where") != NULL) {
        return ft_err_set(err, FT_E_USAGE, "%s: columns=, profile= and where=: %s holds packets",
                          url->text, url->format);
    }
    if (strcmp(ops->name, "sflow") == 0) {
        return route_samples(p, url, cfg, env, r, err);
    }
    const char *append = ft_output_url_get(url, "append");

    if (append != NULL && strcmp(append, "true") == 0) {
        return ft_err_set(err, FT_E_USAGE, "%s: append=: a capture file is not added to",
                          url->text);
    }
    r->packets = ft_mem_alloc(1, sizeof *r->packets);
    if (r->packets == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    ft_packet_file_init(r->packets, url, &p->log);
    cfg->binary = true;
    r->packets->bare = bare;
    if (p->plan.collect) {
        ft_packet_file_collect(r->packets, cfg);
    } else {
        cfg->event_most = r->packets->snap + FT_PCAP_ROOM;
    }
    if (!bare) {
        env->late_header = ft_packet_file_header;
        env->header_cookie = r->packets;
    }
    r->events = ops->events;
    return FT_OK;
}

/* What an output of flow export asks of its format. */
static void route_export(const struct ft_pipeline *p, const struct ft_output_url *url,
                         struct ft_format_config *cfg)
{
    const char *biflow = ft_output_url_get(url, "biflow");
    const char *options = ft_output_url_get(url, "options");

    cfg->no_options = options != NULL && strcmp(options, "false") == 0;
    cfg->sampling = ft_output_url_get(url, "sampling");
    cfg->spoof = ft_output_url_get(url, "spoof");
    cfg->interfaces = p->interfaces;
    cfg->n_interfaces = cfg->hidden ? 0 : p->n_interfaces;

    cfg->domain = ft_output_url_get(url, "domain");
    cfg->times = ft_output_url_get(url, "times");
    cfg->pen = ft_output_url_get(url, "pen");
    cfg->picked = ft_output_url_get(url, "columns") != NULL;
    cfg->uniflow = biflow != NULL && strcmp(biflow, "false") == 0;
}

/* What an output asks of its format, which has these parameters (config/url.h). */
static int route_options(const struct ft_pipeline *p, const struct ft_output_url *url,
                         struct ft_format_config *cfg, struct ft_err *err)
{
    bool chosen = ft_output_url_get(url, "columns") != NULL ||
                  ft_output_url_get(url, "profile") != NULL ||
                  ft_output_url_get(url, "dialect") != NULL;
    bool asks = chosen || ft_output_url_get(url, "where") != NULL;
    bool of_windows = cfg->window_columns != NULL && ft_output_url_get(url, "where") == NULL &&
                      (cfg->window_columns->flat || ft_output_url_get(url, "columns") == NULL);

    const char *addresses = ft_output_url_get(url, "addresses");
    const char *id = ft_output_url_get(url, "schema_id");

    cfg->target = url->target;
    cfg->schema = ft_output_url_get(url, "schema");
    cfg->dialect = ft_output_url_get(url, "dialect");
    cfg->vector = ft_output_url_get(url, "vector");
    cfg->safe = ft_output_url_get(url, "spreadsheet") != NULL;
    cfg->omit_null = ft_output_url_get(url, "null") != NULL;
    cfg->aligned = p->plan.aligned;
    cfg->hidden = p->plan.anonymize || p->plan.no_identity;
    cfg->options = &p->plan.options;
    cfg->codec = ft_output_url_get(url, "codec");
    cfg->framed = id != NULL;
    cfg->schema_id = id != NULL ? (uint32_t)strtoul(id, NULL, 10) : 0;
    cfg->observer = &p->plan.observer;
    route_export(p, url, cfg);
    cfg->binary_addresses = addresses != NULL && strcmp(addresses, "binary") == 0;
    if (cfg->schema != NULL && !p->plan.collect) {
        return ft_err_set(err, FT_E_USAGE, "%s: schema= is for ndjson outputs of collect",
                          url->text);
    }
    if (cfg->schema != NULL && (chosen || cfg->omit_null)) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: schema= says what is written; columns=, profile= "
                          "and null= are for flowtap's own",
                          url->text);
    }
    if (asks && cfg->sample_columns == NULL && !of_windows &&
        (cfg->events >> FT_EVENT_FLOW & 1) == 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: %s for flow records, and none go there: add -e flow or event=flow",
                          url->text, chosen ? "columns=, profile= and dialect= are" : "where= is");
    }
    return FT_OK;
}

/* --no-identity: events that are about hosts go nowhere. */
static int check_identity(const struct ft_plan *plan, const struct ft_output_url *url,
                          unsigned events, struct ft_err *err)
{
    if (plan->no_identity && (events & ~(1u << FT_EVENT_FLOW | 1u << FT_EVENT_STATS)) != 0) {
        return ft_err_set(
            err, FT_E_USAGE,
            "%s: --no-identity: samples are addresses and times; ask for flow records "
            "(-e flow)",
            url->text);
    }
    return FT_OK;
}

/* Makes the route's instance of its format. */
static int open_format(struct ft_pipeline *p, const struct ft_output_url *url,
                       const struct ft_format_ops *ops, bool count_only, struct ft_route *r,
                       struct ft_err *err)
{
    struct ft_columns columns, of_samples, of_windows;
    struct ft_format_config cfg = {
        .columns = &columns, .events = r->events, .collect = p->plan.collect};
    struct ft_err why = {0};
    int rc = ft__columns_of(&p->plan, url, &columns, err);

    if (ft__columns_of_samples(&p->plan, url, r->events, &of_samples)) {
        cfg.sample_columns = &of_samples;
    }
    if (rc == FT_OK && ft__columns_of_windows(&p->plan, url, r->events, &columns, &of_windows)) {
        cfg.window_columns = &of_windows;
    }
    rc = rc == FT_OK ? route_options(p, url, &cfg, err) : rc;
    rc = rc == FT_OK ? check_identity(&p->plan, url, r->events, err) : rc;
    rc = rc == FT_OK ? ft__build_check_raw(p->plan.anonymize, url->text, ops, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (p->plan.collect && ops->export_flow == NULL && !count_only) {
        return ft_err_set(err, FT_E_USAGE, "%s: format %s has no events of collect", url->text,
                          url->format);
    }
    if (!p->plan.collect && (ft_columns_parts(&columns) & ~p->plan.parts) != 0 &&
        (r->events >> FT_EVENT_FLOW & 1) != 0) { /* added behind the plan */
        return ft_err_set(err, FT_E_STATE, "%s: no -o output has the columns of -p", url->text);
    }
    r->parts = p->plan.collect ? 0 : ft_columns_parts(&columns);
    rc = ft__columns_where(&p->plan, url, &r->where, err);
    if (rc != FT_OK) {
        return rc;
    }
    rc = ops->open(&cfg, &r->format, &why);
    return rc == FT_OK ? rc : ft_err_set(err, rc, "%s: %s", url->text, why.what);
}

static size_t seal_batch(const void *cookie, enum ft_event e, const uint8_t *rows, uint32_t n,
                         const struct ft_loss *lost, uint8_t *out)
{
    const struct ft_format *f = cookie;

    return f->ops->seal(f, e, rows, n, lost, out);
}

static size_t end_file(const void *cookie, struct ft_trailer *t, uint8_t *out, size_t room)
{
    const struct ft_format *f = cookie;

    return f->ops->trailer(f, t, out, room);
}

static int pack_rows(void *cookie, const uint8_t *held, size_t len, uint64_t at,
                     const uint8_t **out, size_t *out_len)
{
    struct ft_format *f = cookie;

    return f->ops->pack(f, held, len, at, out, out_len);
}

/* Events are rows, and files have an end. */
static int route_batches(struct ft_pipeline *p, const struct ft_output_url *url,
                         struct ft_format *f, struct ft_output_config *cfg,
                         struct ft_output_env *env, struct ft_err *err)
{
    const char *append = ft_output_url_get(url, "append");

    if (append != NULL && strcmp(append, "true") == 0) {
        return ft_err_set(err, FT_E_USAGE, "%s: append=: %s files are not added to", url->text,
                          url->format);
    }
    if (ft_output_url_get(url, "compress") != NULL) {
        return ft_err_set(err, FT_E_USAGE, "%s: compress=: %s files are not packed as a whole",
                          url->text, url->format);
    }
    if (f->ops->sidecar != NULL) {
        env->sidecar = f->ops->sidecar(f);
    }
    env->needs_file = f->needs_file;
    cfg->binary = true;
    cfg->seal = seal_batch;
    cfg->seal_cookie = f;
    cfg->packets_lost = ft__stats_packets_lost;
    cfg->packets_cookie = p;
    cfg->seal_room = (uint32_t)f->seal_room;
    if (f->ops->trailer != NULL) {
        env->trailer = end_file;
        env->trailer_cookie = f;
        env->trailer_room = f->trailer_room;
        env->trailer_each = f->trailer_each;
        env->trailer_head = f->trailer_head;
        env->trailer_tail = f->trailer_tail;
    }
    if (f->ops->pack != NULL) {
        env->pack = pack_rows;
        env->pack_cookie = f;
        env->pack_ms = f->pack_ms;
    }
    return FT_OK;
}

/* Lines that have an end: not where others may come behind it, nor in what is packed. */
static int route_end(const struct ft_output_url *url, const struct ft_format *f,
                     struct ft_output_env *env, struct ft_err *err)
{
    const char *append = ft_output_url_get(url, "append");

    if (f->trailer_room == 0) {
        return FT_OK;
    }
    if (append != NULL && strcmp(append, "true") == 0) {
        return ft_err_set(err, FT_E_USAGE, "%s: append=: a table with an end is not added to",
                          url->text);
    }
    if (ft_output_url_get(url, "compress") == NULL) {
        env->trailer = end_file;
        env->trailer_cookie = f;
        env->trailer_room = f->trailer_room;
    }
    return FT_OK;
}

/* What an output of events needs besides its target. */
static int route_records(struct ft_pipeline *p, const struct ft_output_url *url,
                         const struct ft_format_ops *ops, struct ft_output_config *cfg,
                         struct ft_output_env *env, uint8_t *header, struct ft_route *r,
                         struct ft_err *err)
{
    int rc = route_events(p, url, ops, &r->events, err);

    if (ops->keeps_accounts) {
        r->events |= 1u << FT_EVENT_STATS;
        cfg->by_kind = true;
    }
    rc = rc == FT_OK ? route_folders(p, url, ops, cfg, r, err) : rc;
    rc = rc == FT_OK ? open_format(p, url, ops, cfg->count_only, r, err) : rc;
    if (rc == FT_OK) {
        ops = r->format->ops;
        cfg->binary = ops->binary;
    }
    if (rc == FT_OK && ops->header != NULL && r->events != 0) {
        env->header_len = ops->header(r->format, header);
        env->header = header;
    }
    if (rc == FT_OK && ops->table != NULL) {
        env->table = ops->table(r->format);
    }
    if (rc == FT_OK && r->format->templates != NULL) {
        env->templates = r->format->templates;
        cfg->binary = true;
    }
    if (rc != FT_OK || ops->seal != NULL) {
        return rc != FT_OK ? rc : route_batches(p, url, r->format, cfg, env, err);
    }
    return route_end(url, r->format, env, err);
}

void ft__build_close_route(struct ft_route *r)
{
    ft_output_free(r->output);
    if (r->format != NULL) {
        r->format->ops->end(r->format);
    }
    ft_mem_free(r->packets);
    ft_sampler_free(r->sampler);
    ft_where_free(r->where);
}

static int open_route(struct ft_pipeline *p, const struct ft_output_url *url,
                      struct ft_output_config *cfg, struct ft_route *out, struct ft_err *err)
{
    uint8_t *header = ft_mem_alloc(1, FT_FORMAT_HEADER_MAX);
    const struct ft_format_ops *ops = ft_format_find(url->format);
    struct ft_route r = {0};
    struct ft_output_env env = {.log = &p->log,
                                .name = ft__build_name(p, url->text),
                                .files = p->files,
                                .store = {ft_store_start_keeper, &p->confines},
                                .keep_earlier = p->plan.live || p->plan.collect,
                                .by_clock = p->plan.live,
                                .user = p->plan.user,
                                .no_identity = p->plan.no_identity,
                                .collect = p->plan.collect,
                                .plain_events = ft_output_url_get(url, "schema") == NULL,
                                .on_failed = ft__pipeline_wake,
                                .failed_cookie = p};
    int rc;

    if (header == NULL || env.name == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    } else if (ops == NULL) {
        rc = ft_err_set(err, FT_E_USAGE, "%s: there is no format '%s'", url->text, url->format);
    } else if (ops->events == 1u << FT_EVENT_PACKET) {
        rc = route_packets(p, url, ops, cfg, &env, &r, err);
    } else {
        rc = route_records(p, url, ops, cfg, &env, header, &r, err);
    }
    cfg->count_only |= p->dry;
    if (rc == FT_OK) {
        rc = ft_output_open(url, cfg, &env, &r.output, err);
    } else if (cfg->sink_instance != NULL) { /* nobody has taken it */
        cfg->sink_instance->ops->close(cfg->sink_instance);
    }
    ft_mem_free(header); /* the sink has its own */
    if (rc != FT_OK) {
        ft__build_close_route(&r);
        return rc;
    }
    if (r.packets != NULL) {
        r.packets->name = ft_output_name(r.output);
    }
    if (r.sampler != NULL) {
        r.sampler->name = ft_output_name(r.output);
    }
    r.number = p->n_routes_made;
    p->n_routes_made += !p->dry;
    r.named = ft_output_url_digest(url, &p->seed);
    *out = r;
    return FT_OK;
}

/* What every output of this pipeline has: writers of its workers, of the control thread, and of the
 * reader, if there is one. */
static struct ft_output_config output_config(const struct ft_pipeline *p)
{
    return (struct ft_output_config){
        .overflow =
            p->plan.drop || (p->plan.live && !p->plan.again) ? FT_OVERFLOW_DROP : FT_OVERFLOW_BLOCK,
        .n_writers = p->plan.n_workers + (p->plan.mode == FT_MODE_HANDOFF ? 2 : 1),
    };
}

int ft__build_route(struct ft_pipeline *p, const struct ft_output_url *url, struct ft_route *out,
                    struct ft_err *err)
{
    struct ft_output_config cfg = output_config(p);

    cfg.count_only = strcmp(url->format, "null") == 0;
    return open_route(p, url, &cfg, out, err);
}

int ft__build_output(struct ft_pipeline *p, const char *text, struct ft_err *err)
{
    struct ft_output_url url;

    if (p->n_routes == FT_MAX_OUTPUTS) {
        return ft_err_set(err, FT_E_USAGE, "output: at most %d are possible", FT_MAX_OUTPUTS);
    }
    int rc = ft_output_url_parse(text, &url, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = ft__build_route(p, &url, &p->routes[p->n_routes], err);
    p->n_routes += rc == FT_OK;
    ft_output_url_fini(&url);
    return rc;
}

/* What the pipeline returns goes to stderr as its messages do. */
void ft__build_error(const struct ft_pipeline *p, struct ft_err *err)
{
    char shown[sizeof err->what];

    if (p->scrub != NULL && err != NULL) {
        err->what[sizeof err->what - 1] = '\0'; /* not every failure has words */
        ft_scrub_text(p->scrub, err->what, shown, sizeof shown);
        memcpy(err->what, shown, sizeof shown);
    }
}

static int add_callback(struct ft_pipeline *p, const char *name, ft_output_fn fn, void *cookie,
                        struct ft_err *err)
{
    struct ft_output_config cfg = output_config(p);
    struct ft_output_url url = {.text = (char *)(uintptr_t)name,
                                .format = (char *)(uintptr_t) "ndjson",
                                .transport = (char *)(uintptr_t) "callback",
                                .target = (char *)(uintptr_t) ""};

    if (p->started || p->n_routes == FT_MAX_OUTPUTS) {
        return ft_err_set(err, FT_E_STATE, "outputs are added before the start, at most %d",
                          FT_MAX_OUTPUTS);
    }
    int rc = ft_sink_callback_new(fn, cookie, &cfg.sink_instance);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s: %s", name, ft_strerror(rc));
    }
    cfg.sink = cfg.sink_instance->ops;
    rc = open_route(p, &url, &cfg, &p->routes[p->n_routes], err);
    p->n_routes += rc == FT_OK;
    return rc;
}

int ft_pipeline_add_callback(struct ft_pipeline *p, const char *name, ft_output_fn fn, void *cookie,
                             struct ft_err *err)
{
    int rc = add_callback(p, name, fn, cookie, err);

    if (rc != FT_OK) {
        ft__build_error(p, err);
    }
    return rc;
}

int ft__build_key(const char *path, uint8_t key[FT_CRYPTOPAN_KEY], struct ft_err *err)
{
    uint8_t data[256];
    int rc = FT_OK, fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, data, sizeof data) : -1;

    if (n < 0) {
        rc = ft_err_set(err, FT_E_IO, "anonymize: %s: %s", path, strerror(errno));
    } else if (ft_cryptopan_key(data, (size_t)n, key) != FT_OK) {
        rc = ft_err_set(err, FT_E_USAGE, "anonymize: %s: a key is 32 bytes or 64 hex digits", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    explicit_bzero(data, sizeof data);
    return rc;
}

int ft__build_labels(struct ft_pipeline *p, const char *path, struct ft_err *err)
{
    enum { MOST = 16 << 20 };
    struct ft_err why = {0};
    size_t len = 0;
    char *text = ft_whole_read(path, MOST, &len);

    if (text == NULL) {
        return ft_err_set(err, errno == EFBIG ? FT_E_USAGE : FT_E_IO, "labels: %s: %s", path,
                          errno == EFBIG ? "is larger than 16 MiB" : strerror(errno));
    }
    int rc = ft_labels_parse(text, len, &p->labels, &why);

    ft_mem_free(text);
    return rc == FT_OK ? rc : ft_err_set(err, FT_E_USAGE, "labels: %s: %s", path, why.what);
}

static int anonymize_failed(int rc, struct ft_err *err)
{
    return ft_err_set(err, rc, "anonymize: %s",
                      rc == FT_E_UNSUPPORTED ? "this build has no OpenSSL" : ft_strerror(rc));
}

/* A name of hosts like any other, but one that joins go on working by: a pseudonym. */
static int hide_observer(struct ft_observer *o, const uint8_t key[FT_CRYPTOPAN_KEY],
                         struct ft_err *err)
{
    static const char word[] = "observer-";
    struct ft_cryptopan *map = NULL;
    char id[sizeof word + FT_CRYPTOPAN_NAME];
    int rc = ft_cryptopan_new(key, &map);

    if (rc != FT_OK) {
        return anonymize_failed(rc, err);
    }
    memcpy(id, word, sizeof word);
    ft_cryptopan_name(map, (const uint8_t *)o->id, strlen(o->id), (uint8_t *)id + sizeof word - 1,
                      FT_CRYPTOPAN_NAME);
    id[sizeof id - 1] = '\0';
    memcpy(o->id, id, sizeof id);
    ft_cryptopan_free(map);
    return FT_OK;
}

/* From here on no message holds a true address. */
static int build_scrub(struct ft_pipeline *p, const uint8_t key[FT_CRYPTOPAN_KEY],
                       struct ft_err *err)
{
    int rc = ft_scrub_new(key, &p->log, &p->scrub);

    if (rc != FT_OK) {
        return anonymize_failed(rc, err);
    }
    p->log = ft_scrub_log(p->scrub);
    return FT_OK;
}

/* The table of fragments of one that decodes in order. */
static int build_fragments(const struct ft_pipeline *p, struct ft_worker *w)
{
    if (p->plan.payloads) {
        w->joined = ft_map_alloc((size_t)FT_BATCH * FT_FRAGMENTS_KEPT);
        if (w->joined == NULL) {
            return FT_E_NOMEM;
        }
    }
    return ft_fragments_new(&p->seed, &w->fragments);
}

static int build_worker(struct ft_pipeline *p, uint32_t i, struct ft_err *err)
{
    struct ft_worker *w = &p->workers[i];
    int rc = FT_OK;

    w->p = p;
    w->index = i;
    w->source = p->plan.mode == FT_MODE_DIRECT ? p->source[i] : NULL;
    atomic_store_explicit(&w->now_ns, INT64_MIN, memory_order_relaxed);
    w->emit.where = p->where;
    w->emit.enriches = p->plan.collect && (p->plan.parts >> FT_PART_ENRICH & 1) != 0;
    w->emit.enrich = p->enrich;
    if (w->emit.enriches) {
        w->emit.answers = ft_map_alloc_sparse(sizeof *w->emit.answers);
        rc = w->emit.answers != NULL ? FT_OK : FT_E_NOMEM;
    }
    ft__decoder_start(p, &w->dec);
    if (rc == FT_OK && p->plan.mode == FT_MODE_HANDOFF) {
        rc = ft_ring_init(&w->ring, p->plan.queue, sizeof(struct ft_packet));
    }
    if (rc == FT_OK && p->plan.payloads && p->plan.mode == FT_MODE_HANDOFF) {
        rc = ft__app_new(w);
    }
    if (rc == FT_OK && p->plan.mode == FT_MODE_DIRECT && !p->plan.collect) {
        rc = build_fragments(p, w);
    }
    if (rc == FT_OK && !p->plan.collect) {
        rc = ft_meter_open(&w->meter, &p->plan.table, p->plan.parts, &p->plan.options);
        w->meter.emit = ft_emit_flow;
        w->meter.cookie = &w->emit;
    }
    if (rc == FT_OK && (p->windows != NULL || p->detect != NULL)) {
        rc = ft__build_timed(p, w);
    }
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc, "the flow table and queue of worker %u: %s", i,
                                    ft_strerror(rc));
}

/* key: NULL without --anonymize. */
static int build_workers(struct ft_pipeline *p, const struct ft_config *cfg, const uint8_t *key,
                         struct ft_err *err)
{
    enum ft_names names = cfg->hash_names ? FT_NAMES_HASH : FT_NAMES_DROP;

    p->workers = ft_map_alloc(sizeof *p->workers * (p->plan.n_workers + 1));
    if (p->workers == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for %u workers", p->plan.n_workers);
    }
    for (uint32_t i = 0; i < p->plan.n_workers; i++) {
        int rc = build_worker(p, i, err);

        if (rc == FT_OK && key != NULL) {
            rc = ft_anonymizer_new(key, names, &p->workers[i].emit.anon);
            rc = rc == FT_OK ? rc : anonymize_failed(rc, err);
        }
        rc = rc == FT_OK && p->plan.collect ? ft__collect_build(&p->workers[i], cfg, err) : rc;
        if (rc != FT_OK) {
            return rc;
        }
    }
    if (p->plan.mode == FT_MODE_HANDOFF) {
        p->reader = &p->workers[p->plan.n_workers];
        p->reader->p = p;
        p->reader->source = p->source[0];
        ft__decoder_start(p, &p->reader->dec);
        if (build_fragments(p, p->reader) != FT_OK) {
            return ft_err_set(err, FT_E_NOMEM, "no memory for the table of fragments");
        }
    }
    if (p->plan.mode == FT_MODE_LANES && ft_lanes_new(p, p->plan.n_workers, &p->lanes) != FT_OK) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the workers' slots");
    }
    return FT_OK;
}

/* The inputs' names as the account shows them; messages that hold them have been made. */
static int scrub_name(struct ft_pipeline *p, struct ft_err *err)
{
    char shown[1024];

    if (p->scrub == NULL) {
        return FT_OK;
    }
    ft_scrub_text(p->scrub, p->input_name, shown, sizeof shown);
    ft_mem_free(p->input_name);
    p->input_name = ft_mem_strdup(shown);
    return p->input_name != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "out of memory");
}

int ft__build_plan(struct ft_pipeline *p, const struct ft_config *cfg, struct ft_err *err)
{
    int rc = FT_OK;

    if (cfg->where != NULL) {
        rc = ft_where_flow(cfg->where, cfg->command == FT_CMD_COLLECT, &p->where, err);
    }
    rc = rc == FT_OK ? ft__plan_make(cfg, p->where, &p->plan, err) : rc;
    p->plan.options.labels = p->labels;
    p->plan.options.vectors = ft__vectors_of(cfg, p->vectors);
    p->plan.options.enrich = p->enrich;
    ft_where_observe(p->where, &p->plan.observer);
    return rc;
}

/* Who may speak to a collector: one list for each worker and its source. */
static int build_allow(struct ft_pipeline *p, const struct ft_config *cfg, struct ft_err *err)
{
    int rc = ft_prefixes_parse(cfg->allow, &p->allowed, err);

    if (rc != FT_OK || !p->plan.collect) {
        return rc;
    }
    p->allow = ft_map_alloc(sizeof *p->allow * p->plan.n_workers);
    for (uint32_t i = 0; p->allow != NULL && i < p->plan.n_workers; i++) {
        p->allow[i] = p->allowed;
    }
    return p->allow != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "no memory for --allow");
}

/* What takes a privilege that is not there is said before anything is opened. */
static int check_permitted(const struct ft_config *cfg, struct ft_err *err)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < cfg->n_outputs && rc == FT_OK && cfg->command == FT_CMD_COLLECT; i++) {
        struct ft_output_url url;

        rc = ft_output_url_parse(cfg->outputs[i], &url, err);
        if (rc == FT_OK) {
            rc = ft_output_permitted(&url, err);
            ft_output_url_fini(&url);
        }
    }
    return rc;
}

/* key: NULL without --anonymize. */
static int build_parts(struct ft_pipeline *p, const struct ft_config *cfg, const uint8_t *key,
                       struct ft_err *err)
{
    char inputs[512] = "";
    int rc = key != NULL ? build_scrub(p, key, err) : FT_OK;

    if (rc == FT_OK && cfg->labels != NULL) {
        rc = ft__build_labels(p, cfg->labels, err);
    }
    rc = rc == FT_OK ? ft__vectors_load(cfg, &p->vectors, err) : rc;
    rc = rc == FT_OK ? ft__enrich_load(cfg, &p->enrich, err) : rc;
    rc = rc == FT_OK ? ft__build_plan(p, cfg, err) : rc;
    rc = rc == FT_OK && key != NULL ? hide_observer(&p->plan.observer, key, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if ((p->plan.parts >> FT_PART_APP & 1) && !ft_digest_available()) {
        ft_log(&p->log, FT_LOG_WARN,
               "--app: this build has no OpenSSL: JA3, JA4, HASSH and QUIC stay null");
    }
    p->confines = !cfg->no_sandbox;
    p->queue_limit = p->plan.queue;
    p->input_name = ft_mem_strdup(join_inputs(cfg, inputs, sizeof inputs));
    p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->state_path = cfg->state != NULL ? ft_mem_strdup(cfg->state) : NULL;
    if (p->input_name == NULL || p->stop_fd < 0 || (cfg->state != NULL && p->state_path == NULL)) {
        return ft_err_set(err, FT_E_NOMEM, "no memory or file descriptor for the pipeline");
    }
    rc = check_permitted(cfg, err);
    rc = rc == FT_OK && p->state_path != NULL ? ft__collect_try_state(p, err) : rc;
    rc = rc == FT_OK ? build_allow(p, cfg, err) : rc;
    rc = rc == FT_OK ? ft__plan_open_sources(p, cfg, err) : rc;
    for (uint32_t i = 0; i < cfg->n_outputs && rc == FT_OK; i++) {
        rc = ft__build_output(p, cfg->outputs[i], err);
    }
    rc = rc == FT_OK ? ft__windows_build(p, err) : rc;
    rc = rc == FT_OK ? ft__build_detect(p, cfg, err) : rc;
    rc = rc == FT_OK ? ft__frames_build(p, err) : rc;
    rc = rc == FT_OK ? build_workers(p, cfg, key, err) : rc;
    return rc == FT_OK ? scrub_name(p, err) : rc;
}

static int build(struct ft_pipeline *p, const struct ft_config *cfg, struct ft_err *err)
{
    uint8_t key[FT_CRYPTOPAN_KEY];
    int rc;

    if (cfg->anonymize == NULL) {
        return build_parts(p, cfg, NULL, err);
    }
    rc = ft__build_key(cfg->anonymize, key, err);
    rc = rc == FT_OK ? build_parts(p, cfg, key, err) : rc;
    explicit_bzero(key, sizeof key);
    return rc;
}

/* Files are opened by the opener, or by this process. */
static int build_files(struct ft_pipeline *p, struct ft_opener *opener, struct ft_err *err)
{
    if (opener != NULL) {
        p->files = ft__opener_files(opener);
        return FT_OK;
    }
    p->places = ft_places_new();
    p->files = (struct ft_files){.call = ft_places_call, .cookie = p->places};
    return p->places != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "no memory for the pipeline");
}

unsigned ft_pipeline_needs(const struct ft_pipeline *p)
{
    unsigned source =
        p->plan.collect ? FT_SANDBOX_SOCKETS | FT_SANDBOX_REPLIES : FT_SANDBOX_CAPTURE;
    unsigned needs = p->plan.again  ? FT_SANDBOX_NETWORK | FT_SANDBOX_BROKERS
                     : p->plan.live ? source
                                    : 0;

    for (uint32_t i = 0; i < p->n_routes; i++) {
        needs |= ft_output_needs(p->routes[i].output);
    }
    return p->state_path != NULL ? needs | FT_SANDBOX_FILES : needs;
}

struct ft_pipeline *ft__build_empty(const struct ft_config *cfg, const struct ft_log *log)
{
    struct ft_pipeline *p = ft_mem_alloc(1, sizeof *p);

    if (p == NULL) {
        return NULL;
    }
    p->stop_fd = -1;
    p->end_ns = INT64_MIN;
    atomic_init(&p->handed_ns, INT64_MIN);
    p->events = cfg->events;
    pthread_mutex_init(&p->lock, NULL);
    ft_cond_init(&p->meet);
    ft_cond_init(&p->ended);
    ft_cond_init(&p->pushed);
    pthread_mutex_init(&p->fanout.lock, NULL);
    if (log != NULL) {
        p->log = *log;
    }
    ft_hash_seed_random(&p->seed);
    return p;
}

int ft_pipeline_new(const struct ft_config *cfg, const struct ft_log *log, struct ft_opener *opener,
                    struct ft_pipeline **out, struct ft_err *err)
{
    int rc = ft_config_check(cfg, err);

    if (rc != FT_OK) {
        return rc;
    }
    struct ft_pipeline *p = ft__build_empty(cfg, log);

    if (p == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the pipeline");
    }
    rc = build_files(p, opener, err);
    rc = rc == FT_OK ? build(p, cfg, err) : rc;
    if (rc != FT_OK) {
        ft__build_error(p, err);
        ft__build_free(p);
        return rc;
    }
    *out = p;
    return FT_OK;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / 1048576;
}

/* What some runs have besides. */
struct room {
    const char *name;
    uint64_t bytes;
};
enum { ROOMS = 3 };

static void say_budget(const struct ft_pipeline *p, uint64_t tables, uint32_t flow,
                       const struct room *rooms, uint64_t queues, uint64_t outputs)
{
    const struct ft_plan *plan = &p->plan;
    unsigned long long flows = (unsigned long long)plan->table.max_flows * plan->n_workers;
    char what[96], more[96] = "";
    size_t at = 0;

    for (int i = 0; i < ROOMS; i++) {
        if (rooms[i].bytes > 0) {
            at += (size_t)snprintf(more + at, sizeof more - at, "%s %.1f, ", rooms[i].name,
                                   mib(rooms[i].bytes));
        }
    }
    if (plan->collect) {
        snprintf(what, sizeof what, "exporters and counts %.1f (%llu tuples)", mib(tables), flows);
    } else {
        snprintf(what, sizeof what, "flow table %.1f (%llu flows of %u bytes; few take more)",
                 mib(tables), flows, flow);
    }
    ft_log(&p->log, FT_LOG_INFO, "memory budget %.1f MiB: %s, %squeues %.1f, outputs %.1f",
           mib(p->budget), what, more, mib(queues), mib(outputs));
}

void ft__build_budget(struct ft_pipeline *p)
{
    const struct ft_plan *plan = &p->plan;
    uint32_t flow;
    uint64_t tables = (uint64_t)ft_meter_budget(&plan->table, plan->parts, &plan->options, &flow) *
                      plan->n_workers;
    uint64_t outputs = 0, queues = 0;
    const struct room rooms[ROOMS] = {
        {"windows", ft__windows_budget(plan)},
        {"detectors", plan->alerts ? ft_detect_budget(&plan->detect) : 0},
        {"afterimage", plan->afterimage ? ft_afterimage_budget(&plan->image) : 0}};

    for (uint32_t i = 0; i < p->n_routes; i++) {
        outputs += ft_output_budget(p->routes[i].output);
    }
    if (plan->mode == FT_MODE_HANDOFF) {
        queues = (uint64_t)plan->queue * sizeof(struct ft_packet) * plan->n_workers;
    } else if (plan->mode == FT_MODE_LANES) {
        queues = ft_lanes_budget(plan->n_workers) + ft_lanes_payloads(p->lanes);
    } else if (plan->live) {
        queues = (uint64_t)plan->queue * FT_RING_BYTES * plan->n_workers;
    }
    for (uint32_t i = 0; plan->collect && i < plan->n_workers; i++) {
        tables += ft__collect_budget(&p->workers[i]);
    }
    if (plan->payloads && plan->mode == FT_MODE_HANDOFF) {
        tables += ft__app_budget(p) * plan->n_workers;
    }
    if (!plan->collect) {
        tables += ft_fragments_budget() * (plan->mode == FT_MODE_DIRECT ? plan->n_workers : 1);
    }
    p->budget = tables + outputs + queues;
    for (int i = 0; i < ROOMS; i++) {
        p->budget += rooms[i].bytes;
    }
    say_budget(p, tables, flow, rooms, queues, outputs);
}

int ft__build_patience(struct ft_pipeline *p, uint32_t i)
{
    bool stopping = atomic_load_explicit(&p->stopping, memory_order_acquire);

    return ft_output_blocks(p->routes[i].output) && !stopping ? -1 : p->plan.rates.drain_ms;
}

static void free_names(struct ft_pipeline *p)
{
    while (p->names != NULL) {
        struct ft_output_name *n = p->names;

        p->names = n->next;
        ft_mem_free(n);
    }
}

static void free_meter(struct ft_worker *w)
{
    ft_meter_close(&w->meter);
    ft_window_worker_free(w->told);
    if (w->clocks != NULL) {
        ft_map_free(w->clocks, sizeof *w->clocks * FT_BATCH);
    }
}

void ft__build_free(struct ft_pipeline *p)
{
    for (uint32_t i = 0; i < p->n_routes; i++) {
        ft__build_close_route(&p->routes[i]);
    }
    for (uint32_t i = 0; p->workers != NULL && i <= p->plan.n_workers; i++) { /* and the reader */
        ft_fragments_free(p->workers[i].fragments);
        if (p->workers[i].joined != NULL) {
            ft_map_free(p->workers[i].joined, (size_t)FT_BATCH * FT_FRAGMENTS_KEPT);
        }
    }
    for (uint32_t i = 0; p->workers != NULL && i < p->plan.n_workers; i++) {
        free_meter(&p->workers[i]);
        ft__collect_free(&p->workers[i]); /* borrows the emitter's map */
        ft__app_free(&p->workers[i]);
        if (p->workers[i].ring.slots != NULL) {
            ft_ring_fini(&p->workers[i].ring);
        }
    }
    for (uint32_t i = 0; p->workers != NULL && i <= p->plan.n_workers; i++) {
        ft_emitter_fini(&p->workers[i].emit);
    }
    ft_emitter_fini(&p->control_emit);
    ft_windows_free(p->windows);
    ft_detect_free(p->detect);
    ft_afterimage_free(p->afterimage);
    ft_lanes_free(p->lanes);
    for (uint32_t i = 0; i < p->plan.n_sources; i++) {
        if (p->source[i] != NULL) {
            p->source[i]->ops->close(p->source[i]);
        }
    }
    for (uint32_t i = 0; p->workers != NULL && i <= p->plan.n_workers; i++) {
        ft_mem_free(p->workers[i].spare_keys);
        ft__worker_drop_files(&p->workers[i]);
    }
    ft_map_free(p->workers, sizeof *p->workers * (p->plan.n_workers + 1));
    free_names(p);
    ft_map_free(p->allow, sizeof *p->allow * p->plan.n_workers);
    if (p->stop_fd >= 0) {
        close(p->stop_fd);
    }
    ft_if_watch_free(p->watch);
    ft_places_free(p->places);
    ft_scrub_free(p->scrub);
    ft_where_free(p->where);
    ft_labels_free(p->labels);
    ft_mem_free(p->vectors);
    ft_enrich_free(p->enrich);
    ft__enrich_free_retired(p->retired);
    ft_mem_free(p->interfaces);
    ft_interfaces_free(p->interface_list);
    ft_mem_free(p->input_name);
    ft_mem_free(p->state_path);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->fanout.lock);
    pthread_cond_destroy(&p->meet);
    pthread_cond_destroy(&p->ended);
    pthread_cond_destroy(&p->pushed);
    ft_mem_free(p);
}
