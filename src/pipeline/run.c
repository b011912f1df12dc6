/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: starting, running and ending; flowtap/pipeline.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "pipeline/build.h"
#include "pipeline/collect.h"
#include "pipeline/internal.h"
#include "pipeline/lanes.h"
#include "pipeline/samples.h"

enum { STOPPING_TICK_MS = 50 };

void ft__pipeline_fail(struct ft_pipeline *p, const struct ft_err *err)
{
    pthread_mutex_lock(&p->lock);
    if (p->error.code == FT_OK) {
        p->error = *err;
    }
    pthread_mutex_unlock(&p->lock);
}

/* The same for what went wrong with the outputs; the log has it, too, unless something else went
 * wrong before. */
static void fail_output(struct ft_pipeline *p, int code, const char *what)
{
    struct ft_err err;

    ft_err_set(&err, code, "%s", what);
    pthread_mutex_lock(&p->lock);
    bool first = p->error.code == FT_OK;

    if (first) {
        p->error = err;
    }
    pthread_mutex_unlock(&p->lock);
    if (first) {
        ft_log(&p->log, FT_LOG_ERROR, "%s", err.what);
    }
}

static bool is_set(const _Atomic bool *flag)
{
    return atomic_load_explicit(flag, memory_order_acquire);
}

void ft__pipeline_wake(void *pipeline)
{
    struct ft_pipeline *p = pipeline;
    uint64_t one = 1;
    int saved = errno;

    if (write(p->stop_fd, &one, sizeof one) < 0) {
        /* the counter is full: it is awake */
    }
    errno = saved;
}

void ft_pipeline_stop(struct ft_pipeline *p)
{
    atomic_store_explicit(&p->stopping, true, memory_order_release); /* pairs with is_set */
    ft__pipeline_wake(p);
}

void ft_pipeline_reopen(struct ft_pipeline *p)
{
    atomic_store_explicit(&p->reopening, true, memory_order_release);
    ft__pipeline_wake(p);
}

static bool tell_if_all_gone(struct ft_pipeline *p)
{
    bool gone = true;

    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_routes && gone; i++) {
        gone = p->routes[i].leaving || ft_output_failed(p->routes[i].output);
    }
    pthread_mutex_unlock(&p->lock);
    if (gone) {
        fail_output(p, FT_E_CLOSED, "the last output is gone");
    }
    return gone;
}

static void stop_sources(struct ft_pipeline *p)
{
    for (uint32_t i = 0; i < p->plan.n_sources; i++) {
        p->source[i]->ops->stop(p->source[i]);
    }
    if (p->lanes != NULL) {
        ft_lanes_stop(p->lanes);
    }
}

/* --duration, live. */
static bool duration_over(const struct ft_pipeline *p)
{
    return p->plan.duration_ns > 0 && ft__clock_mono_ns() - p->started_ns >= p->plan.duration_ns;
}

static void reopen_outputs(struct ft_pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_routes; i++) {
        ft_output_reopen(p->routes[i].output);
    }
    p->nudged = true; /* a program may want to load its configuration again */
    pthread_cond_broadcast(&p->ended);
    pthread_mutex_unlock(&p->lock);
}

/* What was asked for since the last look: reopen, stop; and whether anybody still listens. */
static void control_requests(struct ft_pipeline *p, bool *stopped)
{
    if (atomic_exchange_explicit(&p->reopening, false, memory_order_acq_rel)) {
        reopen_outputs(p);
    }
    if (!*stopped) {
        ft__control_adopt(p);
    }
    if (!*stopped && tell_if_all_gone(p)) {
        atomic_store_explicit(&p->stopping, true, memory_order_release);
    }
    if (!*stopped && duration_over(p)) {
        atomic_store_explicit(&p->stopping, true, memory_order_release);
    }
    if (!*stopped && is_set(&p->stopping)) {
        stop_sources(p);
        *stopped = true;
    }
}

/* After a stop: an output that makes workers wait and takes nothing any more must not hold up the
 * end; the others go on. */
static void control_patience(struct ft_pipeline *p, struct ft_output_drain patience[])
{
    pthread_mutex_lock(&p->lock); /* what was loaded again meanwhile stands behind the others */
    for (uint32_t i = 0; i < p->n_routes; i++) {
        ft_output_lose_patience(p->routes[i].output, &patience[i], p->control_rates.drain_ms);
    }
    pthread_mutex_unlock(&p->lock);
}

/* How long nothing is due: everything else wakes the control thread. */
static int control_wait_ms(struct ft_pipeline *p, bool stopped, int64_t next_ns,
                           int64_t counters_ns)
{
    bool ended = is_set(&p->all_done);

    if (!ended && (stopped || ft__control_closes(p))) {
        return STOPPING_TICK_MS;
    }
    int64_t end_ns = p->started_ns + p->plan.duration_ns;

    next_ns = p->control_rates.stats_ns > 0 ? next_ns : INT64_MAX;
    next_ns = counters_ns < next_ns ? counters_ns : next_ns;
    if (p->plan.duration_ns > 0 && !stopped && end_ns < next_ns) {
        next_ns = end_ns;
    }
    if (next_ns == INT64_MAX || ended) {
        return -1;
    }
    int64_t ms = (next_ns - ft__clock_mono_ns()) / 1000000 + 1;

    return ms < 1 ? 1 : ms < 60000 ? (int)ms : 60000;
}

static void *control_run(void *arg)
{
    struct ft_pipeline *p = arg;
    int64_t every = p->control_rates.stats_ns, next = p->started_ns + every, counters = 0;
    bool stopped = false;
    struct ft_output_drain patience[FT_MAX_OUTPUTS] = {0};
    struct ft_stats stats;

    while (!is_set(&p->over)) {
        struct pollfd fd = {.fd = p->stop_fd, .events = POLLIN};
        uint64_t n;

        if (poll(&fd, 1, control_wait_ms(p, stopped, next, counters)) > 0 &&
            read(p->stop_fd, &n, sizeof n) < 0) {
            continue;
        }
        control_requests(p, &stopped);
        if (p->plan.collect) {
            ft__collect_save(p);
        }
        if (stopped && !is_set(&p->all_done)) {
            control_patience(p, patience);
        }
        if (every != p->control_rates.stats_ns) {
            every = p->control_rates.stats_ns;
            next = ft__clock_mono_ns() + every;
        }
        counters =
            stopped ? INT64_MAX : ft_emit_counters(&p->control_emit, p->watch, ft__clock_mono_ns());
        if (every > 0 && !is_set(&p->all_done) && ft__clock_mono_ns() >= next) {
            next += every;
            if ((p->control_emit.events >> FT_EVENT_STATS) & 1) {
                ft__stats_collect(p, false, &stats);
                ft_emit_stats(&p->control_emit, &stats);
                ft_emitter_flush(&p->control_emit);
            }
        }
    }
    return NULL;
}

static int start_thread(pthread_t *out, void *(*body)(void *), void *arg, struct ft_err *err)
{
    int rc = pthread_create(out, NULL, body, arg);

    if (rc != 0) {
        return ft_err_set(err, FT_E_NOMEM, "a thread could not be started: %s", strerror(rc));
    }
    return FT_OK;
}

/* Not every thread could be started: those that run must not wait for those that do not. */
static void give_up_start(struct ft_pipeline *p)
{
    uint32_t missing = 0;

    for (uint32_t i = 0; i < p->plan.n_workers; i++) {
        missing += !p->workers[i].started;
    }
    pthread_mutex_lock(&p->lock);
    p->met += missing;
    p->running -= missing;
    if (p->running == 0) {
        atomic_store_explicit(&p->all_done, true, memory_order_release);
    }
    pthread_cond_broadcast(&p->meet);
    pthread_mutex_unlock(&p->lock);
    /* the first writes the windows of all; where it does not run, nobody waits */
    for (uint32_t i = 1; p->windows != NULL && i < p->plan.n_workers; i++) {
        if (!p->workers[i].started) {
            ft_window_finish(ft__worker_window(&p->workers[i]), NULL, NULL);
        }
    }
    for (uint32_t i = 1; p->detect != NULL && i < p->plan.n_workers; i++) {
        if (!p->workers[i].started) {
            ft_detect_finish(p->workers[i].meter.detect, NULL, NULL);
        }
    }
    if (p->reader != NULL && !p->reader->started) {
        pthread_mutex_lock(&p->lock);
        atomic_store_explicit(&p->input_done, true, memory_order_release);
        pthread_cond_broadcast(&p->pushed);
        pthread_mutex_unlock(&p->lock);
    }
    stop_sources(p);
}

static int start_threads(struct ft_pipeline *p, struct ft_err *err)
{
    static void *(*const body[])(void *) = {
        [FT_MODE_DIRECT] = ft__worker_direct,
        [FT_MODE_HANDOFF] = ft__worker_handoff,
        [FT_MODE_LANES] = ft__worker_lanes,
    };
    void *(*run)(void *) = p->plan.collect ? ft__worker_collect : body[p->plan.mode];
    int rc = FT_OK;

    p->running = p->plan.n_workers;
    for (uint32_t i = 0; i < p->plan.n_workers && rc == FT_OK; i++) {
        struct ft_worker *w = &p->workers[i];

        rc = start_thread(&w->thread, run, w, err);
        w->started = rc == FT_OK;
    }
    if (rc == FT_OK && p->reader != NULL) {
        rc = start_thread(&p->reader->thread, ft__reader_run, p->reader, err);
        p->reader->started = rc == FT_OK;
    }
    if (rc == FT_OK) {
        rc = start_thread(&p->control, control_run, p, err);
        p->control_started = rc == FT_OK;
    }
    if (rc != FT_OK) {
        give_up_start(p);
    }
    return rc;
}

static int init_emitters(struct ft_pipeline *p)
{
    int rc = ft_emitter_init(&p->control_emit, p->routes, p->n_routes, p->plan.n_workers);

    p->control_rates = p->plan.rates;
    for (uint32_t i = 0; i < p->plan.n_workers && rc == FT_OK; i++) {
        rc = ft_emitter_init(&p->workers[i].emit, p->routes, p->n_routes, i);
        p->workers[i].rates = p->plan.rates;
        p->workers[i].meter.counts_only = !p->workers[i].emit.makes_flows;
    }
    if (p->reader != NULL && rc == FT_OK) {
        rc = ft_emitter_init(&p->reader->emit, p->routes, p->n_routes, p->plan.n_workers + 1);
        p->reader->rates = p->plan.rates;
    }
    return rc;
}

static int start_outputs(struct ft_pipeline *p, struct ft_err *err)
{
    if (p->n_routes == 0) {
        int rc = ft__build_output(p, "ndjson:-", err);

        if (rc != FT_OK) {
            return rc;
        }
    }
    int rc = init_emitters(p);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "no memory for the keys of messages");
    }
    for (uint32_t i = 0; i < p->n_routes; i++) {
        rc = ft_output_start(p->routes[i].output);
        if (rc != FT_OK) {
            return ft_err_set(err, rc, "an output's thread could not be started");
        }
    }
    return FT_OK;
}

int ft_pipeline_start(struct ft_pipeline *p, struct ft_err *err)
{
    sigset_t all, before;

    if (p->started) {
        return ft_err_set(err, FT_E_STATE, "the pipeline was started before");
    }
    p->started_ns = ft__clock_mono_ns();
    sigfillset(&all); /* signals belong to the embedder's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = start_outputs(p, err);

    if (rc == FT_OK) {
        ft__build_budget(p);
        p->started = true;
        rc = start_threads(p, err);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != FT_OK) {
        ft__build_error(p, err);
    }
    return rc;
}

int ft_pipeline_wait(struct ft_pipeline *p, int timeout_ms)
{
    struct timespec until = ft_wait_until(timeout_ms);

    pthread_mutex_lock(&p->lock);
    while (p->running > 0 && !p->nudged &&
           pthread_cond_timedwait(&p->ended, &p->lock, &until) == 0) {
    }
    int rc = p->running > 0 ? FT_E_AGAIN : FT_OK;

    p->nudged = false;

    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* Waits for the threads. The workers end by themselves once the sources have been stopped. */
static void join_threads(struct ft_pipeline *p)
{
    if (p->reader != NULL && p->reader->started) {
        pthread_join(p->reader->thread, NULL);
        p->reader->started = false;
    }
    for (uint32_t i = 0; i < p->plan.n_workers; i++) {
        if (p->workers[i].started) {
            pthread_join(p->workers[i].thread, NULL);
            p->workers[i].started = false;
        }
    }
    atomic_store_explicit(&p->over, true, memory_order_release);
    if (p->control_started) {
        ft__pipeline_wake(p);
        pthread_join(p->control, NULL);
        p->control_started = false;
    }
}

/* An output did not keep what it was to keep. */
void ft__tell_lost(struct ft_pipeline *p, struct ft_output *o, int rc)
{
    struct ft_output_stats s;
    uint64_t lost = 0;
    char what[200];

    ft_output_get_stats(o, &s);
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        lost += s.lost[e];
    }
    if (lost > 0) {
        snprintf(what, sizeof what, "%.150s: lost %llu events", s.name, (unsigned long long)lost);
    } else {
        snprintf(what, sizeof what, "%.150s: %s", s.name,
                 rc == FT_E_CLOSED ? "the reader went away" : "was not closed well");
    }
    fail_output(p, rc, what);
}

/* Waits for output i; a stop meanwhile changes how long. */
static void drain(struct ft_pipeline *p, uint32_t i)
{
    struct ft_output_drain d = {0};

    while (!ft_output_drain_step(p->routes[i].output, &d, ft__build_patience(p, i))) {
    }
}

/* All events are made: writes out what is queued, then the last stats event, then closes. */
static void finish_outputs(struct ft_pipeline *p)
{
    struct ft_stats stats;

    for (uint32_t i = 0; i < p->n_routes; i++) {
        drain(p, i);
    }
    if ((p->control_emit.events >> FT_EVENT_STATS) & 1) {
        ft__stats_collect(p, true, &stats);
        ft_emit_stats(&p->control_emit, &stats);
        ft_emitter_flush(&p->control_emit);
    }
    for (uint32_t i = 0; i < p->n_routes; i++) {
        drain(p, i);
    }
    tell_if_all_gone(p); /* before what each of them lost by it */
    for (uint32_t i = 0; i < p->n_routes; i++) {
        int rc = ft_output_close(p->routes[i].output);

        if (rc != FT_OK) {
            ft__tell_lost(p, p->routes[i].output, rc);
        }
    }
    tell_if_all_gone(p);
}

int ft_pipeline_finish(struct ft_pipeline *p, struct ft_err *err)
{
    if (!p->started || p->finished) {
        return ft_err_set(err, FT_E_STATE, "the pipeline does not run");
    }
    if (!is_set(&p->all_done)) {
        ft_pipeline_stop(p);
    }
    join_threads(p);
    ft__collect_save(p);
    finish_outputs(p);
    p->finished = true;
    if (p->error.code != FT_OK && err != NULL) {
        *err = p->error;
        ft__build_error(p, err);
    }
    return p->error.code;
}

void ft_pipeline_get_stats(struct ft_pipeline *p, struct ft_stats *out)
{
    ft__stats_collect(p, p->finished, out);
}

const char *ft_pipeline_input_name(const struct ft_pipeline *p)
{
    return p->input_name;
}

void ft_pipeline_free(struct ft_pipeline *p)
{
    if (p == NULL) {
        return;
    }
    if (p->started && !p->finished) {
        ft_ignore(ft_pipeline_finish(p, NULL)); /* best effort: the account goes with it */
    }
    ft__build_free(p);
}
