/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: from the configuration to a plan, and the plan's sources. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/url.h"
#include "flowtap/interfaces.h"
#include "format/format.h"
#include "pipeline/collect.h"
#include "pipeline/columns.h"
#include "source/if_watch.h"

enum { FT_LIVE_INPUTS = FT_SOURCE_INTERFACES, READ_MS_LEAST = 20, READ_MS_MOST = 1000 };

static const int64_t linger_ns = (int64_t)5 * 1000000000;

/* The CPUs that this process may use. */
static uint32_t cpus_allowed(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int n = CPU_COUNT(&set);

        return n < 1 ? 1 : n > FT_MAX_WORKERS ? FT_MAX_WORKERS : (uint32_t)n;
    }
    return 1;
}

static void plan_table(const struct ft_config *cfg, struct ft_plan *plan)
{
    struct ft_table_config *t = &plan->table;

    t->max_flows = cfg->max_flows / plan->n_workers;
    t->replay = !plan->live;
    t->rules = plan->rules;
    t->linger_ns = linger_ns < t->rules.idle_ns ? linger_ns : t->rules.idle_ns;
    t->n_snapshots = cfg->n_snapshots;
    memcpy(t->snapshots, cfg->snapshots, sizeof cfg->snapshots);
}

/* What the decoder has to say besides. */
static void plan_decoder(struct ft_plan *plan)
{
    for (uint32_t p = 0; p < FT_PARTS_MAX; p++) {
        const struct ft_feature *f = plan->parts >> p & 1 ? ft_feature_at(p) : NULL;

        plan->payloads |= f != NULL && f->payload;
        plan->heads |= f != NULL && f->heads;
        plan->links |= f != NULL && f->link;
    }
}

static void plan_mode(const struct ft_config *cfg, struct ft_plan *plan)
{
    bool shared = (plan->source->flags & FT_SOURCE_FANOUT) != 0;

    if (shared || (plan->n_workers == 1 && (plan->live || !plan->drop))) {
        plan->mode = FT_MODE_DIRECT;
    } else if (plan->drop || plan->live || plan->packets) { /* packets: in the input's order */
        plan->mode = FT_MODE_HANDOFF;
    } else {
        plan->mode = FT_MODE_LANES;
    }
    plan->n_sources = plan->mode == FT_MODE_DIRECT ? plan->n_workers : 1;
    (void)cfg;
}

/* A worker without packets looks at its timers this often: idle, nobody waits for it. */
static int read_patience_ms(const struct ft_flow_rules *rules, uint32_t n_workers)
{
    int64_t shortest = rules->idle_ns < rules->active_ns ? rules->idle_ns : rules->active_ns;
    int64_t ms = shortest / 4000000; /* of the shortest timeout, a quarter */
    int64_t most = (int64_t)READ_MS_MOST * (n_workers < 10 ? (n_workers + 1) / 2 : 5);

    ms = ms < READ_MS_LEAST ? READ_MS_LEAST : ms;
    return (int)(ms < most ? ms : most);
}

static bool names(const struct ft_output_url *url, enum ft_event event)
{
    const char *word = ft_output_url_get(url, "event");

    return word != NULL && strcmp(word, ft_event_word(event)) == 0;
}

/* What hosts do in spans of time. */
static void plan_windows(const struct ft_config *cfg, struct ft_plan *plan)
{
    plan->windows |= (cfg->events >> FT_EVENT_WINDOW & 1) != 0;
    plan->window = (struct ft_windows_config){.n_spans = cfg->n_windows,
                                              .max_hosts = cfg->max_hosts,
                                              .n_workers = plan->n_workers,
                                              .apps = (plan->parts >> FT_PART_APP & 1) != 0,
                                              .told = plan->collect,
                                              .step_ns = plan->rules.idle_ns > FT_WINDOW_GRACE_NS
                                                             ? plan->rules.idle_ns
                                                             : FT_WINDOW_GRACE_NS};
    memcpy(plan->window.span_s, cfg->window_s, sizeof cfg->window_s);
}

/* Kitsune's features: the order of packets is part of what they are made of. */
static int plan_afterimage(const struct ft_config *cfg, struct ft_plan *plan, struct ft_err *err)
{
    plan->afterimage = (cfg->profiles >> FT_PROFILE_AFTERIMAGE & 1) != 0;
    plan->image =
        (struct ft_afterimage_config){.max_hosts = cfg->max_hosts, .max_flows = cfg->max_flows};
    if (plan->afterimage && cfg->workers > 1) {
        return ft_err_set(
            err, FT_E_USAGE,
            "--workers: '%u': one worker makes what --profile afterimage asks for, of "
            "all packets in their order: 1",
            cfg->workers);
    }
    plan->n_workers = plan->afterimage ? 1 : plan->n_workers;
    return FT_OK;
}

/* What is unusual of them. */
static void plan_alerts(const struct ft_config *cfg, struct ft_plan *plan)
{
    plan->alerts |= (cfg->events >> FT_EVENT_ALERT & 1) != 0;
    if (plan->alerts && !plan->collect && (plan->profiles & ft_column_set_bit(&ft_columns_app))) {
        plan->parts |= 1u << FT_PART_APP; /* names that are asked for */
    }
    plan->detect = (struct ft_detect_config){
        .max_hosts = cfg->max_hosts, .max_flows = cfg->max_flows, .n_workers = plan->n_workers};
}

/* Does an output hold packets? And does one ask for windows, or alerts? False: an output's URL is
 * wrong. */
static bool look_at_outputs(const struct ft_config *cfg, struct ft_plan *out, struct ft_err *err)
{
    for (uint32_t i = 0; i < cfg->n_outputs; i++) {
        struct ft_output_url url;

        if (ft_output_url_parse(cfg->outputs[i], &url, err) != FT_OK) {
            return false;
        }
        out->packets |= ft_format_find(url.format)->events == 1u << FT_EVENT_PACKET;
        out->windows |= names(&url, FT_EVENT_WINDOW);
        out->alerts |= names(&url, FT_EVENT_ALERT);
        ft_output_url_fini(&url);
    }
    return true;
}

struct ft_rates ft__plan_rates(const struct ft_config *cfg)
{
    return (struct ft_rates){.sample_n = cfg->sample_n,
                             .amplification = cfg->max_amplification,
                             .stats_ns = cfg->stats_ns,
                             .drain_ms = (int)(cfg->drain_ns / 1000000)};
}

static void plan_observer(const struct ft_config *cfg, struct ft_observer *out)
{
    out->domain = cfg->observation_domain;
    if (cfg->observer != NULL) {
        snprintf(out->id, sizeof out->id, "%s", cfg->observer);
    } else {
        ft_observer_host(out->id);
    }
}

int ft__plan_make(const struct ft_config *cfg, const struct ft_where *where, struct ft_plan *out,
                  struct ft_err *err)
{
    struct ft_plan plan = {.live = cfg->command == FT_CMD_LIVE, .user = cfg->user};
    int rc = FT_OK;
    const char *source = plan.live ? "afpacket" : "file";

    plan.source = ft_source_find(cfg->source != NULL ? cfg->source : source);
    if (plan.source == NULL) {
        source = plan.live ? "pcap" : source; /* no AF_PACKET on this system */
        plan.source = ft_source_find(source);
    }
    if (plan.source == NULL) {
        return ft_err_set(err, FT_E_UNSUPPORTED,
                          "this build cannot capture: it was made without libpcap");
    }
    plan.n_workers = cfg->workers != 0 ? cfg->workers : cpus_allowed();
    if (plan.n_workers > cfg->max_flows) {
        plan.n_workers = cfg->max_flows;
    }
    rc = plan_afterimage(cfg, &plan, err);
    if (rc != FT_OK) {
        return rc;
    }
    plan.keep_tunnels = cfg->keep_tunnels;
    plan.tunnel_ports = cfg->tunnel_ports;
    plan.anonymize = cfg->anonymize != NULL;
    plan.queue = cfg->queue;
    plan.drop =
        cfg->overflow == FT_OVERFLOW_AUTO ? plan.live : cfg->overflow == FT_OVERFLOW_SET_DROP;
    plan.options = cfg->options;
    plan_observer(cfg, &plan.observer);
    plan.rates = ft__plan_rates(cfg);
    if (!look_at_outputs(cfg, &plan, err)) {
        return err->code;
    }
    plan_mode(cfg, &plan);
    if (cfg->command == FT_CMD_COLLECT) {
        rc = ft__collect_plan(cfg, &plan, err);
    }
    rc = rc == FT_OK ? ft__columns_plan(cfg, &plan, err) : rc;
    plan_alerts(cfg, &plan);
    plan.parts = ft_features_needed(plan.parts | ft__columns_parts_asked(where));
    plan.read_ms = read_patience_ms(&plan.rules, plan.n_workers);
    plan_decoder(&plan);
    plan_table(cfg, &plan);
    plan_windows(cfg, &plan);
    *out = plan;
    return rc;
}

static void close_sources(struct ft_pipeline *p)
{
    for (uint32_t i = 0; i < FT_MAX_WORKERS; i++) {
        if (p->source[i] != NULL) {
            p->source[i]->ops->close(p->source[i]);
            p->source[i] = NULL;
        }
    }
}

/* One of several sources has taken the last packet of --count: the others are not to wait for more.
 */
static void on_limit(void *pipeline)
{
    ft_pipeline_stop(pipeline);
}

/* Live, the clock of the wall ends --duration: in the control thread. A stop is how live ends; a
 * file ends by itself, where the bound cuts it off. */
static void plan_limit(struct ft_pipeline *p, const struct ft_config *cfg)
{
    p->limit.packets = cfg->count;
    p->limit.span_ns = p->plan.live ? 0 : cfg->duration_ns;
    p->limit.on_end = p->plan.live ? on_limit : NULL;
    p->limit.cookie = p;
    p->plan.duration_ns = p->plan.live ? cfg->duration_ns : 0;
}

static int open_one(struct ft_pipeline *p, const struct ft_source_config *sc, uint32_t i,
                    struct ft_err *err)
{
    int rc = p->plan.source->open(sc, &p->source[i], err);

    if (rc == FT_OK && ft_limit_wrap(&p->limit, &p->source[i]) != FT_OK) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the sources");
    }
    return rc;
}

static int open_all(struct ft_pipeline *p, struct ft_source_config *sc, struct ft_err *err)
{
    sc->fanout_n = p->plan.n_sources;
    for (uint32_t i = 0; i < p->plan.n_sources; i++) {
        sc->fanout_i = i;
        sc->allow = p->allow != NULL ? &p->allow[i] : NULL;
        int rc = open_one(p, sc, i, err);

        if (rc != FT_OK) {
            close_sources(p);
            return rc;
        }
        if (p->source[i]->left_out != NULL) {
            ft__pipeline_fail(p, p->source[i]->left_out); /* the rest is read; the status tells */
        }
    }
    return FT_OK;
}

static bool is_named(const char *const *names, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0 || strcmp(names[i], "any") == 0) {
            return true;
        }
    }
    return false;
}

/* The interfaces that are captured from, as they are called. */
static int note_interfaces(struct ft_pipeline *p, const char *const *names, uint32_t n,
                           struct ft_err *err)
{
    size_t n_all = 0;
    int rc = ft_interfaces_list(&p->interface_list, &n_all, err);

    if (rc != FT_OK) {
        return rc;
    }
    p->interfaces = ft_mem_alloc(n_all > 0 ? n_all : 1, sizeof *p->interfaces);
    if (p->interfaces == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for the names of interfaces");
    }
    for (size_t i = 0; i < n_all; i++) {
        const struct ft_interface *f = &p->interface_list[i];

        if (is_named(names, n, f->name)) {
            p->interfaces[p->n_interfaces++] = (struct ft_flow_interface){
                .number = f->index, .name = f->name, .description = f->description};
        }
    }
    return FT_OK;
}

/* The targets' names: files as they are, interfaces by name, index or default. */
static int name_inputs(struct ft_pipeline *p, const struct ft_config *cfg, const char **names,
                       char resolved[][FT_IFACE_NAME], struct ft_err *err)
{
    const char *why;
    bool live = cfg->command == FT_CMD_LIVE && cfg->source == NULL;
    int rc = FT_OK;

    if (live && cfg->n_inputs > FT_LIVE_INPUTS) {
        return ft_err_set(err, FT_E_USAGE, "--interface: at most %d are possible", FT_LIVE_INPUTS);
    }
    if (p->plan.collect) {
        uint32_t n;

        ft__collect_targets(cfg, names, &n);
        return FT_OK;
    }
    for (uint32_t i = 0; i < cfg->n_inputs && rc == FT_OK; i++) {
        names[i] = cfg->inputs[i];
        if (live) {
            rc = ft_interface_resolve(cfg->inputs[i], resolved[i], err);
            names[i] = resolved[i];
        }
    }
    if (live && cfg->n_inputs == 0) {
        rc = ft_interface_default(resolved[0], &why, err);
        names[0] = resolved[0];
        if (rc == FT_OK) {
            ft_log(&p->log, FT_LOG_INFO, "capturing on %s: %s", names[0], why);
            ft_mem_free(p->input_name);
            p->input_name = ft_mem_strdup(names[0]);
        }
    }
    if (rc == FT_OK && live && cfg->n_inputs <= 1 && strcmp(resolved[0], "any") != 0) {
        memcpy(p->interface, resolved[0], sizeof p->interface);
        p->plan.options.interface = p->interface;
    }
    if (rc == FT_OK && live) {
        rc = note_interfaces(p, names, cfg->n_inputs > 0 ? cfg->n_inputs : 1, err);
    }
    if (rc == FT_OK && live && p->plan.packets) {
        rc = ft_if_watch_new(names, cfg->n_inputs > 0 ? cfg->n_inputs : 1, &p->watch);
    }
    return rc == FT_OK && p->input_name == NULL ? FT_E_NOMEM : rc;
}

int ft__plan_open_sources(struct ft_pipeline *p, const struct ft_config *cfg, struct ft_err *err)
{
    const char *names[FT_MAX_INPUTS];
    char resolved[FT_LIVE_INPUTS][FT_IFACE_NAME];
    struct ft_source_config sc = {
        .targets = names,
        .n_targets = cfg->n_inputs,
        .filter = cfg->filter,
        .queue = cfg->queue,
        .snaplen = cfg->snaplen,
        .fanout = &p->fanout,
        .direction = cfg->direction,
        .promiscuous = !cfg->no_promiscuous,
        .tcp_idle_ns = cfg->tcp_idle_ns,
        .linktype_ok = p->plan.collect ? ft__collect_linktype : ft_linktype_supported,
        .linktype_name = ft_linktype_name,
        .log = &p->log,
    };

    int rc = name_inputs(p, cfg, names, resolved, err);

    if (rc != FT_OK) {
        return rc;
    }
    sc.n_targets = cfg->n_inputs > 0 ? cfg->n_inputs
                   : p->plan.collect ? (uint32_t)FT_COLLECT_DEFAULTS
                                     : 1;
    plan_limit(p, cfg);
    rc = open_all(p, &sc, err);
    if (rc == FT_OK && p->plan.collect && p->plan.live) {
        ft_log(&p->log, FT_LOG_INFO, "listening on %s", p->input_name);
    }

    if (rc == FT_E_UNSUPPORTED && p->plan.live && !p->plan.collect &&
        ft_source_find("pcap") != NULL && p->plan.source != ft_source_find("pcap")) {
        ft_log(&p->log, FT_LOG_INFO, "%s; libpcap captures instead", err->what);
        p->plan.source = ft_source_find("pcap");
        plan_mode(cfg, &p->plan);
        rc = open_all(p, &sc, err);
    }
    return rc;
}
