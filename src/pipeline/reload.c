/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: another configuration is taken up while it runs; flowtap/pipeline.h.
 *
 *     reload()  opens what is new, marks what leaves, counts up the generation
 *     workers   each, between two batches: hand on what they have open, look at the routes again
 *     control   likewise; when all have, an output that leaves is written out, closed, taken away
 *
 * Theory of operation: nothing changes until everything that is new is open, so a configuration
 * that is wrong leaves things as they were. Routes keep their order, what is new stands behind
 * them; an output that leaves is in the account until it is closed. A worker that waits for room in
 * an output that leaves waits no longer than the drain timeout. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/url.h"
#include "model/rules.h"
#include "pipeline/build.h"
#include "pipeline/collect.h"
#include "pipeline/columns.h"
#include "pipeline/enrich.h"

/* ---- what runs takes it up ---- */

/* The emitter of writer slot i follows the routes; the lock is held. */
static void turn(struct ft_pipeline *p, struct ft_emitter *e, uint32_t i,
                 struct ft_key_cache **keys)
{
    if (ft_emitter_turn(e, p->routes, p->n_routes, i) && e->keys == NULL) {
        e->keys = *keys;
        *keys = NULL;
    }
}

static uint32_t generation_of(struct ft_pipeline *p)
{
    return atomic_load_explicit(&p->generation, memory_order_acquire); /* pairs with publish() */
}

void ft__worker_adopt(struct ft_worker *w)
{
    struct ft_pipeline *p = w->p;
    struct ft_source_files *files;

    if (FT_LIKELY(generation_of(p) == w->generation)) {
        return;
    }
    ft_emitter_flush(&w->emit);
    pthread_mutex_lock(&p->lock);
    w->generation = generation_of(p);
    w->countdown = p->plan.rates.sample_n == w->rates.sample_n ? w->countdown : 0;
    w->rates = p->plan.rates;
    w->emit.enrich = p->enrich;
    if (w->emit.answers != NULL) {
        w->emit.answers->of = NULL; /* other tables may lie where those did */
    }
    ft_meter_enrich(&w->meter, p->enrich);
    turn(p, &w->emit, w == p->reader ? p->plan.n_workers + 1 : w->index, &w->spare_keys);
    if (p->allow != NULL) {
        p->allow[w->index] = p->allowed;
    }
    files = w->files;
    w->files = NULL;
    pthread_mutex_unlock(&p->lock);
    if (files != NULL) {
        w->source->ops->take_files(w->source, files);
    }
    w->meter.counts_only = !w->emit.makes_flows;
    if (w->collect != NULL) {
        ft__collect_adopt(w);
    }
    atomic_store_explicit(&w->adopted, w->generation, memory_order_release); /* all_adopted() */
    ft__pipeline_wake(p);
}

void ft__worker_drop_files(struct ft_worker *w)
{
    if (w->files != NULL) {
        w->p->plan.source->free_files(w->files);
        w->files = NULL;
    }
}

/* Does nobody write to what leaves any more? */
static bool all_adopted(const struct ft_pipeline *p)
{
    uint32_t now = p->control_generation;
    bool all =
        p->reader == NULL ||
        atomic_load_explicit(&p->reader->adopted, memory_order_acquire) == now; /* ..adopt() */

    for (uint32_t i = 0; i < p->plan.n_workers && all; i++) {
        all = atomic_load_explicit(&p->workers[i].adopted, memory_order_acquire) == now;
    }
    return all;
}

static void say_closed(struct ft_pipeline *p, struct ft_output *o)
{
    struct ft_output_stats s;
    uint64_t written = 0, dropped = 0, lost = 0, spooled = 0;

    ft_output_get_stats(o, &s);
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        written += s.written[e];
        dropped += s.dropped[e];
        lost += s.lost[e];
        spooled += s.spooled[e];
    }
    ft_log(&p->log, FT_LOG_INFO,
           "%.200s: taken out: %llu events written, %llu dropped, %llu lost, %llu spooled", s.name,
           (unsigned long long)written, (unsigned long long)dropped, (unsigned long long)lost,
           (unsigned long long)spooled);
}

/* Route i is written out: it is closed, and the routes behind it move up. */
static void close_leaving(struct ft_pipeline *p, uint32_t i)
{
    struct ft_route gone;
    int rc = ft_output_close(p->routes[i].output);

    say_closed(p, p->routes[i].output);
    if (rc != FT_OK) {
        ft__tell_lost(p, p->routes[i].output, rc);
    }
    pthread_mutex_lock(&p->lock);
    gone = p->routes[i];
    p->n_routes--;
    memmove(&p->routes[i], &p->routes[i + 1], (p->n_routes - i) * sizeof p->routes[0]);
    pthread_mutex_unlock(&p->lock);
    ft__build_close_route(&gone);
}

/* The first route from this one on that leaves, or FT_MAX_OUTPUTS. Only this thread takes routes
 * away, so it stays where it is. */
static uint32_t leaving_at(struct ft_pipeline *p, uint32_t from)
{
    uint32_t i = from;

    pthread_mutex_lock(&p->lock);
    while (i < p->n_routes && !p->routes[i].leaving) {
        i++;
    }
    i = i < p->n_routes ? i : FT_MAX_OUTPUTS;
    pthread_mutex_unlock(&p->lock);
    return i;
}

bool ft__control_closes(struct ft_pipeline *p)
{
    return leaving_at(p, 0) < FT_MAX_OUTPUTS;
}

/* Tables that left with this generation, or before, are asked by nobody any more. */
static void free_retired(struct ft_pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    struct ft_enrich *gone = ft__enrich_take_retired(&p->retired, p->control_generation);

    pthread_mutex_unlock(&p->lock);
    ft__enrich_free_retired(gone);
}

void ft__control_adopt(struct ft_pipeline *p)
{
    struct ft_key_cache *none = NULL; /* it makes no events that have keys */

    if (generation_of(p) != p->control_generation) {
        ft_emitter_flush(&p->control_emit);
        pthread_mutex_lock(&p->lock);
        p->control_generation = generation_of(p);
        p->control_rates = p->plan.rates;
        turn(p, &p->control_emit, p->plan.n_workers, &none);
        pthread_mutex_unlock(&p->lock);
    }
    bool ready = all_adopted(p);

    if (ready) {
        free_retired(p);
    }
    for (uint32_t i = leaving_at(p, 0); i < FT_MAX_OUTPUTS;) {
        struct ft_route *r = &p->routes[i];
        int patience_ms = p->control_rates.drain_ms;

        if (!ready) {
            ft_output_lose_patience(r->output, &r->drain, patience_ms);
            i = leaving_at(p, i + 1);
        } else if (ft_output_drain_step(r->output, &r->drain, patience_ms)) {
            close_leaving(p, i);
            i = leaving_at(p, i);
        } else {
            i = leaving_at(p, i + 1);
        }
    }
}

/* ---- another configuration ---- */

/* What is to be opened, and what stays. */
struct change {
    struct ft_pipeline *p;
    const struct ft_config *now, *next;
    struct ft_plan plan; /* of next */
    struct ft_prefixes allow;
    struct ft_route fresh[FT_MAX_OUTPUTS];
    uint32_t n_fresh;
    const struct ft_output *stays[FT_MAX_OUTPUTS];
    uint32_t n_stays;
    struct ft_enrich *enrich;                      /* of next; owned until it is published */
    struct ft_rules *rules;                        /* likewise; NULL: there are no detectors */
    struct ft_source_files *files[FT_MAX_WORKERS]; /* of each source; likewise; NULL: none */
    bool goes_on[FT_MAX_OUTPUTS]; /* of next's outputs: it is one of those that stay */
};

/* Something is wrong with an option of next; output: its number, of --output. */
static int wrong(const struct change *c, const char *option, uint32_t output, int code,
                 const char *what, struct ft_err *err)
{
    char place[FT_PLACE_LEN];

    ft_config_place(c->next, option, output, place);
    return ft_err_set(err, code, "%s%.200s", place, what);
}

static int check_running(const struct ft_pipeline *p, struct ft_err *err)
{
    if (!p->plan.live) {
        return ft_err_set(err, FT_E_USAGE,
                          "files are read with the configuration that they were begun with");
    }
    if (!p->started || p->finished || atomic_load_explicit(&p->stopping, memory_order_acquire)) {
        return ft_err_set(err, FT_E_STATE, "it does not run, or is about to end");
    }
    return FT_OK;
}

/* Do flows end by the same rules? */
static bool same_rules(const struct ft_plan *a, const struct ft_plan *b)
{
    return a->profile_rules == b->profile_rules && a->aligned == b->aligned;
}

/* The whole of it has to make a run as this one is. */
static int check_plan(struct change *c, struct ft_err *err)
{
    const struct ft_plan *now = &c->p->plan;
    const char *fixed = ft_config_fixed_change(c->now, c->next);
    struct ft_where *where = NULL;

    if (fixed != NULL) {
        char what[96];

        snprintf(what, sizeof what, "%s changes with a restart only", fixed);
        return wrong(c, fixed, 0, FT_E_USAGE, what, err);
    }
    int rc = ft_config_check(c->next, err);

    rc = rc == FT_OK ? ft_prefixes_parse(c->next->allow, &c->allow, err) : rc;
    if (rc == FT_OK && c->next->where != NULL) {
        rc = ft_where_flow(c->next->where, now->collect, &where, err);
    }
    rc = rc == FT_OK ? ft__plan_make(c->next, where, &c->plan, err) : rc;
    ft_where_free(where);
    if (rc != FT_OK) {
        return rc;
    }
    if ((c->plan.parts & ~now->parts) != 0 || (c->plan.packets && !now->packets)) {
        return ft_err_set(err, FT_E_USAGE,
                          "outputs ask for columns, or packets, that this run does not keep: they "
                          "come with a restart");
    }
    return same_rules(&c->plan, now)
               ? FT_OK
               : ft_err_set(err, FT_E_USAGE,
                            "its profiles end flows by other rules: they come with a restart");
}

static bool stays(const struct change *c, const struct ft_output *o)
{
    for (uint32_t i = 0; i < c->n_stays; i++) {
        if (c->stays[i] == o) {
            return true;
        }
    }
    return false;
}

/* Notes the output that writes to this URL already. False: there is none. */
static bool keep(struct change *c, const struct ft_output_url *url)
{
    struct ft_pipeline *p = c->p;
    uint64_t named = ft_output_url_digest(url, &p->seed);
    uint32_t before = c->n_stays;

    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_routes && c->n_stays == before; i++) {
        const struct ft_route *r = &p->routes[i];

        if (!r->leaving && !stays(c, r->output) && r->named == named &&
            strcmp(ft_output_name(r->output), url->text) == 0 && !ft_output_failed(r->output)) {
            c->stays[c->n_stays++] = r->output;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return c->n_stays > before;
}

/* What the process has given up cannot be opened any more. */
static int check_reach(const struct change *c, uint32_t i, const struct ft_output_url *url,
                       struct ft_err *err)
{
    unsigned missing = ft_output_url_needs(url) & ~c->p->needs;

    if (!c->p->confined) {
        return FT_OK;
    }
    if (missing != 0) {
        return wrong(
            c, "output", i, FT_E_USAGE,
            "needs what this run has given up (system calls, for hosts or files): it comes "
            "with a restart",
            err);
    }
    const char *overflow = ft_output_url_get(url, "overflow");

    if (overflow != NULL && strcmp(overflow, "spool") == 0) {
        return wrong(c, "output", i, FT_E_USAGE,
                     "the folder of its spool is out of reach by now: it comes with a restart",
                     err);
    }
    return FT_OK;
}

static uint32_t count_routes(struct ft_pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    uint32_t n = p->n_routes;

    pthread_mutex_unlock(&p->lock);
    return n;
}

static int open_fresh(struct change *c, uint32_t i, const struct ft_output_url *url,
                      struct ft_err *err)
{
    struct ft_route *r = &c->fresh[c->n_fresh];
    struct ft_err why = {0};
    int rc;

    if (count_routes(c->p) + c->n_fresh == FT_MAX_OUTPUTS) {
        return wrong(c, "output", i, FT_E_USAGE,
                     "at most 16 are possible at a time, with those that leave and are not closed "
                     "yet: take those out first",
                     err);
    }
    rc = ft__build_route(c->p, url, r, &why);
    if (rc != FT_OK) {
        return wrong(c, "output", i, rc, why.what, err);
    }
    c->n_fresh++;
    return ft_output_start(r->output) == FT_OK
               ? FT_OK
               : ft_err_set(err, FT_E_NOMEM, "an output's thread could not be started");
}

/* Its columns, conditions and parameters make an output, as far as that is seen without opening it:
 * what is wrong with one is not to leave files of another. */
static int try_output(struct change *c, uint32_t i, const struct ft_output_url *url,
                      struct ft_err *err)
{
    struct ft_route r;
    struct ft_err why = {0};
    int rc = ft_output_permitted(url, &why);

    if (rc != FT_OK) {
        return wrong(c, "output", i, rc, why.what, err);
    }
    rc = check_reach(c, i, url, err);
    if (rc != FT_OK) {
        return rc;
    }
    c->p->dry = true;
    rc = ft__build_route(c->p, url, &r, &why);
    c->p->dry = false;
    if (rc != FT_OK) {
        return wrong(c, "output", i, rc, why.what, err);
    }
    ft__build_close_route(&r);
    return FT_OK;
}

static int look_for(struct change *c, uint32_t i, const struct ft_output_url *url,
                    struct ft_err *err)
{
    (void)err;
    c->goes_on[i] = keep(c, url);
    return FT_OK;
}

/* Each output that is not there yet; all: of every one. */
static int each_output(struct change *c, bool all,
                       int (*what)(struct change *c, uint32_t i, const struct ft_output_url *url,
                                   struct ft_err *err),
                       struct ft_err *err)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < c->next->n_outputs && rc == FT_OK; i++) {
        struct ft_output_url url;

        if (!all && c->goes_on[i]) {
            continue;
        }
        rc = ft_output_url_parse(c->next->outputs[i], &url, err);
        if (rc == FT_OK) {
            rc = what(c, i, &url, err);
            ft_output_url_fini(&url);
        }
    }
    return rc;
}

static int open_outputs(struct change *c, struct ft_err *err)
{
    int rc = each_output(c, true, look_for, err);

    rc = rc == FT_OK ? each_output(c, false, try_output, err) : rc;
    return rc == FT_OK ? each_output(c, false, open_fresh, err) : rc;
}

/* Certificates and keys of the addresses that are listened on. */
static int read_files(struct change *c, struct ft_err *err)
{
    const char *names[FT_MAX_INPUTS];
    struct ft_pipeline *p = c->p;
    struct ft_source_config sc = {.targets = names, .fanout_n = p->plan.n_sources};
    int rc = FT_OK;

    if (!p->plan.collect || p->plan.source->read_files == NULL) {
        return FT_OK;
    }
    ft__collect_targets(c->next, names, &sc.n_targets);
    for (; sc.fanout_i < p->plan.n_sources && rc == FT_OK; sc.fanout_i++) {
        rc = p->plan.source->read_files(&sc, &c->files[sc.fanout_i], err);
    }
    return rc;
}

static void free_files(struct change *c)
{
    for (uint32_t i = 0; i < c->p->plan.n_sources; i++) {
        if (c->files[i] != NULL) {
            c->p->plan.source->free_files(c->files[i]);
        }
    }
}

/* The lock is held. What a worker has not taken yet, it does not take any more. */
static void hand_files(struct change *c, struct ft_reload *out)
{
    for (uint32_t i = 0; i < c->p->plan.n_sources; i++) {
        if (c->files[i] != NULL) {
            ft__worker_drop_files(&c->p->workers[i]);
            c->p->workers[i].files = c->files[i];
            c->files[i] = NULL;
            out->certificates = true;
        }
    }
}

/* Workers whose events had no keys until now are to have where to keep them. */
static int make_keys(struct ft_pipeline *p, const struct change *c, struct ft_err *err)
{
    bool keyed = false;

    for (uint32_t i = 0; i < c->n_fresh; i++) {
        keyed |= ft_output_keys(c->fresh[i].output) != FT_KEYS_NONE;
    }
    for (uint32_t i = 0; keyed && i < p->plan.n_workers + (p->reader != NULL); i++) {
        struct ft_key_cache *made = ft_key_cache_new();

        if (made == NULL) {
            return ft_err_set(err, FT_E_NOMEM, "no memory for the keys of messages");
        }
        pthread_mutex_lock(&p->lock);
        struct ft_key_cache *before = p->workers[i].spare_keys;

        p->workers[i].spare_keys = made;
        pthread_mutex_unlock(&p->lock);
        ft_mem_free(before);
    }
    return FT_OK;
}

/* The lock is held. */
static void swap_enrich(struct change *c)
{
    struct ft_pipeline *p = c->p;

    if (p->enrich != NULL) {
        p->enrich->retired =
            atomic_load_explicit(&p->generation, memory_order_relaxed) + 1; /* only we count */
        p->enrich->next = p->retired;
        p->retired = p->enrich;
    }
    p->enrich = c->enrich;
    c->enrich = NULL;
}

/* Now it holds. */
static void publish(struct change *c, struct ft_reload *out)
{
    struct ft_pipeline *p = c->p;
    struct ft_rates rates = ft__plan_rates(c->next), *was = &p->plan.rates;

    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_routes; i++) {
        bool leaves = !stays(c, p->routes[i].output);

        out->outputs_removed += leaves && !p->routes[i].leaving;
        p->routes[i].leaving |= leaves;
    }
    for (uint32_t i = 0; i < c->n_fresh; i++) {
        p->routes[p->n_routes++] = c->fresh[i];
    }
    out->outputs_kept = c->n_stays;
    out->outputs_added = c->n_fresh;
    out->rates = rates.sample_n != was->sample_n || rates.amplification != was->amplification ||
                 rates.stats_ns != was->stats_ns || rates.drain_ms != was->drain_ms;
    out->allow = memcmp(&c->allow, &p->allowed, sizeof c->allow) != 0;
    p->plan.rates = rates;
    p->allowed = c->allow;
    swap_enrich(c);
    if (c->rules != NULL) {
        ft_detect_use(p->detect, c->rules);
    }
    hand_files(c, out);
    atomic_fetch_add_explicit(&p->generation, 1, memory_order_release); /* generation_of() */
    pthread_mutex_unlock(&p->lock);
    ft__pipeline_wake(p);
}

static int reload(struct change *c, struct ft_reload *out, struct ft_err *err)
{
    int rc = check_running(c->p, err);

    rc = rc == FT_OK ? check_plan(c, err) : rc;
    rc = rc == FT_OK ? ft__enrich_load(c->next, &c->enrich, err) : rc;
    if (rc == FT_OK && c->p->detect != NULL) {
        rc = ft__build_rules(c->next->rules, &c->rules, err);
    }
    rc = rc == FT_OK ? read_files(c, err) : rc;
    c->p->plan.user = c->next->user;
    rc = rc == FT_OK ? open_outputs(c, err) : rc;
    c->p->plan.user = NULL; /* borrowed */
    rc = rc == FT_OK ? make_keys(c->p, c, err) : rc;
    if (rc != FT_OK) {
        for (uint32_t i = 0; i < c->n_fresh; i++) {
            ft__build_close_route(&c->fresh[i]);
        }
        ft_enrich_free(c->enrich);
        ft_rules_free(c->rules);
        free_files(c);
        return rc;
    }
    publish(c, out);
    return FT_OK;
}

int ft_pipeline_reload(struct ft_pipeline *p, const struct ft_config *now,
                       const struct ft_config *next, struct ft_reload *out, struct ft_err *err)
{
    struct change *c = ft_mem_alloc(1, sizeof *c);

    if (c == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "no memory for another configuration");
    }
    c->p = p;
    c->now = now;
    c->next = next;
    *out = (struct ft_reload){0};
    int rc =
        next != NULL ? reload(c, out, err) : ft_err_set(err, FT_E_USAGE, "it could not be read");

    ft_mem_free(c);
    ft_count_add(rc == FT_OK ? &p->reloads : &p->reloads_refused, 1);
    if (rc != FT_OK) {
        ft__build_error(p, err);
    }
    return rc;
}

void ft_pipeline_confined(struct ft_pipeline *p)
{
    p->needs = ft_pipeline_needs(p);
    p->confined = true;
}
