/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the bodies of the worker and reader threads, see internal.h. */
#include <time.h>

#include "base/time.h"
#include "base/wait.h"
#include "feature/app/app.h"
#include "feature/label/label.h"
#include "pipeline/app.h"
#include "pipeline/frames.h"
#include "pipeline/internal.h"
#include "pipeline/lanes.h"
#include "pipeline/packets.h"
#include "pipeline/vectors.h"

enum { READ_TIMEOUT_MS = 20, TIMER_BUDGET = 4096, NAP_MIN_NS = 20000, NAP_MAX_NS = 1000000 };

static const int64_t slack_ns = 1000000000; /* timers of flows tick this coarsely */
static const int64_t breath_ns = 100000000; /* an open chunk is handed on after 100 ms */

int64_t ft__clock_mono_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t ft__clock_real_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void ft__decoder_start(const struct ft_pipeline *p, struct ft_decoder *d)
{
    ft_decoder_init(d, &p->seed);
    d->five_tuple = p->plan.rules.five_tuple;
    d->keep_tunnels = p->plan.keep_tunnels;
    d->few_ports = p->plan.rules.few_ports;
    d->ports = &p->plan.tunnel_ports;
    d->payloads = p->plan.payloads;
    d->heads = p->plan.heads;
    d->links = p->plan.links;
}

/* Waits without work: longer each time, at most a millisecond. */
static void nap(int64_t *ns)
{
    struct timespec ts = {.tv_nsec = *ns};

    nanosleep(&ts, NULL);
    *ns = *ns * 2 < NAP_MAX_NS ? *ns * 2 : NAP_MAX_NS;
}

static void emit_marked(struct ft_worker *w, const struct ft_packet *pkts,
                        const struct ft_tuple_counts *counts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (pkts[i].mark & FT_MARK_SAMPLE) {
            ft_emit_samples(&w->emit, &pkts[i], &counts[i], 1);
        }
    }
}

/* Of hosts with their vectors, when somebody has asked for those. */
void ft__worker_row(void *worker, const struct ft_window_row *row)
{
    struct ft_worker *w = worker;
    struct ft_window_row with;
    float vector[FT_VECTOR];

    if (w->p->plan.window_vectors && row->entity == FT_ENTITY_HOST) {
        with = *row;
        ft__vectors_window(&w->p->plan, &with, vector);
        row = &with;
    }
    ft_emit_export_event(&w->emit, FT_EVENT_WINDOW, row);
}

void ft__worker_alert(void *emitter, const struct ft_alert *a)
{
    ft_emit_export_event(emitter, FT_EVENT_ALERT, a);
}

/* Does somebody go by the time of all workers' packets: windows, or detectors? */
static bool is_timed(const struct ft_worker *w)
{
    return w->meter.window != NULL || w->meter.detect != NULL;
}

static void turn_detect(struct ft_worker *w, const struct ft_window_clock *c)
{
    int64_t grace_ns = ft_time_sub(c->now_ns, FT_WINDOW_GRACE_NS); /* packets come out of order */
    int64_t passed_ns = ft_time_sub(w->looked_ns < grace_ns ? w->looked_ns : grace_ns, slack_ns);

    ft_detect_turn(w->meter.detect, c->epoch, passed_ns, ft__worker_alert, &w->emit);
    uint32_t epoch = ft_detect_epoch(w->meter.detect);

    /* another worker's packets came after a step of the clock: so do this one's */
    if (FT_UNLIKELY(w->meter.window == NULL && w->clocks == NULL && epoch > w->meter.clock.epoch)) {
        w->meter.clock = (struct ft_window_clock){INT64_MIN, epoch};
    }
}

/* Behind a batch, or when time passed without one: what is over is written. */
static void turn_windows(struct ft_worker *w)
{
    struct ft_window_clock c = ft_meter_clock(&w->meter);
    int64_t looked_ns = ft_time_sub(ft_table_now(w->meter.table), FT_WINDOW_GRACE_NS);

    if (w->clocks != NULL && c.now_ns != INT64_MIN) { /* others' packets went on */
        looked_ns = ft_time_sub(c.now_ns, FT_WINDOW_GRACE_NS);
        ft_meter_idle(&w->meter, looked_ns, TIMER_BUDGET);
    }
    if (c.epoch != w->looked_epoch) {
        w->looked_epoch = c.epoch;
        w->looked_ns = INT64_MIN;
    }
    if (w->meter.caught_up && looked_ns > w->looked_ns) {
        w->looked_ns = looked_ns;
    }
    if (w->meter.window != NULL) {
        ft_window_turn(w->meter.window, w->looked_ns, ft__worker_row, w);
    }
    if (w->meter.detect != NULL) {
        turn_detect(w, &c);
    }
}

static void count_packets(struct ft_worker *w, const struct ft_packet *pkts, uint32_t n)
{
    struct ft_tuple_counts counts[FT_BATCH];
    struct ft_counted at[FT_BATCH];
    bool samples = (w->emit.events >> FT_EVENT_SAMPLE) & 1;

    ft_meter_count(&w->meter, pkts, n, at, w->emit.makes_samples ? counts : NULL);
    if (is_timed(w)) {
        turn_windows(w);
    }
    if (!samples) {
        return;
    }
    if (w->rates.sample_n == 1) {
        ft_emit_samples(&w->emit, pkts, counts, n);
    } else {
        emit_marked(w, pkts, counts, n);
    }
}

void ft__worker_packets(struct ft_worker *w, const struct ft_packet *pkts, uint32_t n)
{
    for (; n > FT_BATCH; pkts += FT_BATCH, n -= FT_BATCH) { /* fragments were released */
        count_packets(w, pkts, FT_BATCH);
    }
    count_packets(w, pkts, n);
}

/* Fragments get their ports; what that holds back or releases changes n. */
static void settle_fragments(struct ft_worker *w, struct ft_packet *pkts, uint32_t *n)
{
    if (FT_UNLIKELY(w->dec.fragments || ft_fragments_waiting(w->fragments))) {
        *n = ft_fragments_run(w->fragments, &w->dec, pkts, *n, w->joined);
    }
}

/* Live, and caught up with the kernel: nothing newer than this comes before what is older. */
static int64_t caught_up_ns(void)
{
    return ft__clock_real_ns() - (int64_t)2 * READ_TIMEOUT_MS * 1000000;
}

static void publish_table(struct ft_worker *w)
{
    struct ft_table_stats s;

    ft_table_get_stats(w->meter.table, &s);
    ft_count_set(&w->created, s.created);
    ft_count_set(&w->active, s.active);
    ft_count_set(&w->updates, s.updates);
    ft_count_set(&w->packets, s.packets);
    ft_count_set(&w->table_bytes, s.bytes);
    ft_count_set(&w->packets_final, s.packets_final);
    ft_count_set(&w->bytes_final, s.bytes_final);
    ft_count_set(&w->late, s.late_packets);
    ft_count_set(&w->steps, s.clock_steps);
    for (int i = 0; i < FT_REASON__COUNT; i++) {
        ft_count_set(&w->ended[i], s.ended[i]);
    }
    if (!w->p->plan.collect) { /* there, the time is that of the datagrams: collect.c */
        atomic_store_explicit(&w->now_ns, ft_table_now(w->meter.table), memory_order_relaxed);
    }
}

/* A place, once taken, keeps its type; a reader that sees it before its count counts 0. */
static void publish_types(struct ft_worker *w)
{
    const struct ft_ethertypes *t = &w->dec.types;

    for (uint32_t i = 0; i < t->used; i++) {
        ft_count_set(&w->types.n[i], t->n[i]);
        ft_count_set(&w->types.type[i], t->type[i]);
    }
    ft_count_set(&w->types.other, t->other);
}

static void publish_labels(struct ft_worker *w)
{
    const void *label = ft_meter_state(&w->meter, FT_PART_LABEL);
    struct ft_label_stats s;

    if (label != NULL) {
        ft_label_stats(label, &s);
        ft_count_set(&w->labelled, s.labelled);
        ft_count_set(&w->unlabelled, s.unlabelled);
        ft_count_set(&w->labels_unclear, s.unclear);
    }
}

void ft__worker_publish(struct ft_worker *w)
{
    ft_count_add(&w->turns, 1);
    if (ft_count_get(&w->verdict[FT_V_NOT_IP]) != w->dec.verdict[FT_V_NOT_IP]) {
        publish_types(w);
    }
    for (int i = 0; i < FT_V__COUNT; i++) {
        ft_count_set(&w->verdict[i], w->dec.verdict[i]);
    }
    ft_count_set(&w->where_left_out, w->emit.left_out);
    ft_count_set(&w->profile_skipped, w->emit.profile_skipped);
    ft_count_set(&w->fragments_held, w->dec.fragment.held);
    ft_count_set(&w->fragments_duplicate, w->dec.fragment.duplicates);
    ft_count_set(&w->fragments_overlap, w->dec.fragment.overlaps);
    ft_count_set(&w->fragments_unassembled, w->dec.fragment.unassembled);
    ft_count_set(&w->bytes, w->dec.bytes);
    ft_count_set(&w->decoded_bytes, w->dec.decoded_bytes);
    if (w->meter.table != NULL) {
        publish_table(w);
    }
    const void *app = ft_meter_state(&w->meter, FT_PART_APP);

    if (app != NULL) {
        struct ft_apps_stats a;

        ft_app_stats(app, &a);
        ft_count_set(&w->app_packets, a.inspected);
        ft_count_set(&w->app_no_buffer, a.no_buffer);
    }
    publish_labels(w);
}

void ft__worker_breathe(struct ft_worker *w, bool idle)
{
    int64_t now = ft__clock_mono_ns();

    if (idle || now - w->flushed_ns >= breath_ns) {
        ft_emitter_breathe(&w->emit, now);
        w->flushed_ns = now;
        ft__worker_publish(w);
    }
    ft__worker_adopt(w);
}

/* Waits until every worker's input has ended; the newest packet time of all is known then. */
static int64_t meet_others(struct ft_worker *w)
{
    struct ft_pipeline *p = w->p;
    int64_t now = ft_table_now(w->meter.table);

    pthread_mutex_lock(&p->lock);
    if (now > p->end_ns) {
        p->end_ns = now;
    }
    p->met++;
    pthread_cond_broadcast(&p->meet);
    while (p->met < p->plan.n_workers) {
        pthread_cond_wait(&p->meet, &p->lock);
    }
    now = p->end_ns;
    pthread_mutex_unlock(&p->lock);
    return now;
}

void *ft__worker_end(struct ft_worker *w)
{
    struct ft_pipeline *p = w->p;

    atomic_store_explicit(&w->ended_input, true, memory_order_relaxed);
    int64_t end_ns = meet_others(w);
    bool stopped = atomic_load_explicit(&p->stopping, memory_order_relaxed);

    if (p->plan.live) {
        int64_t now = ft__clock_real_ns();

        end_ns = now > end_ns ? now : end_ns;
    }
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_routes; i++) {
        ft_output_ending(p->routes[i].output, p->plan.rates.drain_ms);
    }
    pthread_mutex_unlock(&p->lock);
    ft_meter_flush(&w->meter, end_ns, stopped || p->plan.live ? FT_REASON_SHUTDOWN : FT_REASON_EOF);
    if (p->windows != NULL) {
        ft_window_finish(ft__worker_window(w), ft__worker_row, w);
    }
    if (w->meter.detect != NULL) {
        ft_detect_finish(w->meter.detect, ft__worker_alert, &w->emit);
    }
    ft_emitter_flush(&w->emit);
    ft__worker_breathe(w, true);
    pthread_mutex_lock(&p->lock);
    p->running--;
    if (p->running == 0) {
        atomic_store_explicit(&p->all_done, true, memory_order_release);
        pthread_cond_broadcast(&p->ended);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Marks every n-th packet of the stream, the first one included. */
static void mark_samples(struct ft_packet *pkts, uint32_t n, uint32_t every, uint32_t *countdown)
{
    if (every == 1) {
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        pkts[i].mark |= *countdown == 0 ? FT_MARK_SAMPLE : 0;
        *countdown = *countdown == 0 ? every - 1 : *countdown - 1;
    }
}

bool ft__source_over(struct ft_pipeline *p, int rc, struct ft_err *err)
{
    if (rc == FT_E_EOF) {
        return true;
    }
    if (rc == FT_OK || rc == FT_E_AGAIN) {
        return false;
    }
    ft_log(&p->log, FT_LOG_ERROR, "%s", err->what);
    ft__pipeline_fail(p, err);
    /* damage, or no capture at all: the next file may be whole */
    return rc != FT_E_TRUNCATED && rc != FT_E_CORRUPT && rc != FT_E_FORMAT &&
           rc != FT_E_UNSUPPORTED;
}

/* Without packets: timers were looked at up to here, unless there are more that are due. */
static void look_up_to(struct ft_worker *w, uint32_t epoch, int64_t looked_ns)
{
    if (w->meter.caught_up && epoch == w->looked_epoch && looked_ns > w->looked_ns) {
        w->looked_ns = looked_ns;
    }
}

/* Live, so windows of a silent link are over, too. */
static void idle_windows(struct ft_worker *w, int64_t now_ns)
{
    struct ft_window_clock c = ft_meter_clock(&w->meter);

    if (now_ns > c.now_ns) {
        c.now_ns = now_ns;
        ft_meter_advance(&w->meter, &c);
    }
    look_up_to(w, c.epoch, now_ns);
    turn_windows(w);
}

/* The reader: what was pushed is as new as this. */
static void tell_handed(struct ft_pipeline *p, const struct ft_packet *pkts, uint32_t n)
{
    struct ft_window_clock c = {.now_ns = atomic_load_explicit(&p->handed_ns, memory_order_relaxed),
                                .epoch =
                                    atomic_load_explicit(&p->handed_epoch, memory_order_relaxed)};
    uint32_t before = c.epoch;

    for (uint32_t i = 0; i < n; i++) {
        ft_window_clock_see(&c, pkts[i].ts_ns, p->plan.window.step_ns);
    }
    if (c.epoch != before) {
        atomic_store_explicit(&p->handed_ns, INT64_MIN, memory_order_release);
        atomic_store_explicit(&p->handed_epoch, c.epoch, memory_order_release);
    }
    atomic_store_explicit(&p->handed_ns, c.now_ns, memory_order_release);
}

/* A worker: INT64_MIN while it changes. */
static struct ft_window_clock see_handed(struct ft_pipeline *p)
{
    uint32_t epoch = atomic_load_explicit(&p->handed_epoch, memory_order_acquire);
    struct ft_window_clock c = {.now_ns = atomic_load_explicit(&p->handed_ns, memory_order_acquire),
                                .epoch =
                                    atomic_load_explicit(&p->handed_epoch, memory_order_acquire)};

    c.now_ns = epoch == c.epoch ? c.now_ns : INT64_MIN;
    return c;
}

/* Hand-off from a file, and no packets up to this clock: the others' time goes on here, too. */
static void handed_idle(struct ft_worker *w, const struct ft_window_clock *c)
{
    int64_t looked_ns = ft_time_sub(c->now_ns, FT_WINDOW_GRACE_NS);

    if (!is_timed(w) || w->p->plan.live || c->now_ns == INT64_MIN ||
        c->epoch != ft_meter_clock(&w->meter).epoch) {
        return;
    }
    ft_meter_advance(&w->meter, c);
    ft_meter_idle(&w->meter, looked_ns, TIMER_BUDGET);
    look_up_to(w, c->epoch, looked_ns);
}

/* Live, and caught up with the kernel: time passes by the clock, so silent flows end too. */
static void direct_idle(struct ft_worker *w)
{
    if (w->p->plan.live) {
        int64_t now_ns = caught_up_ns();

        ft_meter_idle(&w->meter, now_ns, TIMER_BUDGET);
        if (is_timed(w)) {
            idle_windows(w, now_ns);
        }
    } else if (is_timed(w)) { /* others' packets may have made something over */
        turn_windows(w);
    }
    ft__worker_breathe(w, true);
}

/* Counts what came of a batch, or of time. */
static void direct_packets(struct ft_worker *w, struct ft_packet *pkts, uint32_t n)
{
    mark_samples(pkts, n, w->rates.sample_n, &w->countdown);
    ft__worker_packets(w, pkts, n);
}

void *ft__worker_direct(void *arg)
{
    struct ft_worker *w = arg;
    struct ft_view views[FT_BATCH];
    FT_ALIGNED(64) struct ft_packet pkts[FT_BATCH_FRAGMENTS];
    struct ft_batch batch = {.views = views, .cap = FT_BATCH};
    struct ft_err err;
    uint32_t n, rounds = 0;
    int wait_ms = READ_TIMEOUT_MS; /* longer once all is handed on */

    for (;;) {
        int rc = w->source->ops->read(w->source, &batch, wait_ms, &err);

        if (ft__source_over(w->p, rc, &err)) {
            break;
        }
        if (rc != FT_OK || batch.n == 0) {
            if (w->p->plan.live && ft_fragments_waiting(w->fragments)) {
                n = ft_fragments_idle(w->fragments, &w->dec, pkts, caught_up_ns());
                direct_packets(w, pkts, n);
            }
            direct_idle(w);
            wait_ms = w->p->plan.read_ms;
            continue;
        }
        wait_ms = READ_TIMEOUT_MS;
        w->dec.lookup = ft_table_lookup(w->meter.table, &w->dec.lookup_n);
        ft__frames_see(w, views, batch.n);
        ft_decode_batch(&w->dec, views, batch.n, pkts, &n);
        settle_fragments(w, pkts, &n);
        direct_packets(w, pkts, n);
        w->source->ops->release(w->source, batch.token); /* payloads were looked at */
        if ((++rounds & 15) == 0) {                      /* the clock: once in 1024 packets */
            ft__worker_breathe(w, false);
        }
    }
    n = ft_fragments_end(w->fragments, &w->dec, pkts);
    direct_packets(w, pkts, n);
    return ft__worker_end(w);
}

/* Hand-off, and nothing came for a while: sleeps until the reader pushes or ends, or timers are to
 * be looked at. */
static void sleep_until_pushed(struct ft_worker *w)
{
    struct ft_pipeline *p = w->p;
    struct timespec until = ft_wait_until(p->plan.read_ms);

    pthread_mutex_lock(&p->lock);
    ft_ignore(
        atomic_exchange_explicit(&w->sleeping, true, memory_order_acq_rel)); /* wake_worker() */
    if (ft_ring_fill(&w->ring) == 0 &&
        !atomic_load_explicit(&p->input_done, memory_order_acquire)) {
        pthread_cond_timedwait(&p->pushed, &p->lock, &until);
    }
    atomic_store_explicit(&w->sleeping, false, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
}

void *ft__worker_handoff(void *arg)
{
    struct ft_worker *w = arg;
    FT_ALIGNED(64) struct ft_packet pkts[FT_BATCH];
    int64_t nap_ns = NAP_MIN_NS;
    uint32_t rounds = 0;

    for (;;) {
        /* asked before the pop: what was pushed before "done" is still popped; pairs with reader */
        bool done = atomic_load_explicit(&w->p->input_done, memory_order_acquire);
        struct ft_window_clock handed = see_handed(w->p);
        uint32_t n = ft_ring_pop(&w->ring, pkts, FT_BATCH);

        if (n == 0 && done) {
            break;
        }
        if (n == 0) {
            if (nap_ns == NAP_MAX_NS) {
                handed_idle(w, &handed);
                direct_idle(w);
                sleep_until_pushed(w);
            } else {
                nap(&nap_ns);
            }
            continue;
        }
        nap_ns = NAP_MIN_NS;
        ft__worker_packets(w, pkts, n);
        if ((++rounds & 15) == 0) {
            ft__worker_breathe(w, false);
        }
    }
    return ft__worker_end(w);
}

/* Something was pushed, or nothing more will be: a worker that sleeps goes on. */
static void wake_worker(struct ft_worker *to)
{
    /* pairs with sleep_until_pushed(): of the two exchanges one comes first. If it is this one, the
     * worker sees what was pushed; else this one sees that it sleeps. */
    if (FT_UNLIKELY(atomic_exchange_explicit(&to->sleeping, false, memory_order_acq_rel))) {
        pthread_mutex_lock(&to->p->lock);
        pthread_cond_broadcast(&to->p->pushed);
        pthread_mutex_unlock(&to->p->lock);
    }
}

static uint32_t push(struct ft_worker *to, const struct ft_packet *pkts, uint32_t n)
{
    uint32_t done =
        to->payloads != NULL ? ft__app_push(to, pkts, n) : ft_ring_push(&to->ring, pkts, n);

    wake_worker(to);
    return done;
}

/* Pushes n packets to a worker; waits for room, or drops what does not fit and counts it. */
static void reader_push(struct ft_worker *to, const struct ft_packet *pkts, uint32_t n)
{
    uint32_t done = push(to, pkts, n);
    int64_t nap_ns = NAP_MIN_NS;

    while (done < n && !to->p->plan.drop) {
        nap(&nap_ns);
        done += push(to, pkts + done, n - done);
    }
    if (done < n) {
        uint64_t bytes = 0;

        for (uint32_t i = done; i < n; i++) {
            bytes += pkts[i].frame_len;
        }
        ft_count_add(&to->ring_dropped, n - done);
        ft_count_add(&to->ring_dropped_bytes, bytes);
    }
}

/* Sorts a decoded batch by the owner of the flow and hands each its part, in order. */
static void reader_share(struct ft_pipeline *p, const struct ft_packet *pkts, uint32_t n)
{
    FT_ALIGNED(64) struct ft_packet part[FT_BATCH];

    if (p->plan.n_workers == 1) {
        reader_push(&p->workers[0], pkts, n);
        return;
    }
    for (uint32_t k = 0; k < p->plan.n_workers; k++) {
        uint32_t m = 0;

        for (uint32_t i = 0; i < n; i++) {
            if (ft__owner(pkts[i].hash, p->plan.n_workers) == k) {
                part[m++] = pkts[i];
            }
        }
        if (m > 0) {
            reader_push(&p->workers[k], part, m);
        }
    }
}

/* Hands on what came of a batch, or of time. */
static void reader_packets(struct ft_worker *r, struct ft_packet *pkts, uint32_t n)
{
    mark_samples(pkts, n, r->rates.sample_n, &r->countdown);
    for (uint32_t at = 0; at < n; at += FT_BATCH) {
        reader_share(r->p, pkts + at, n - at < FT_BATCH ? n - at : FT_BATCH);
    }
    if (r->p->windows != NULL || r->p->detect != NULL) {
        tell_handed(r->p, pkts, n);
    }
}

void *ft__reader_run(void *arg)
{
    struct ft_worker *r = arg;
    struct ft_source *source = r->source;
    struct ft_view views[FT_BATCH];
    FT_ALIGNED(64) struct ft_packet pkts[FT_BATCH_FRAGMENTS];
    struct ft_batch batch = {.views = views, .cap = FT_BATCH};
    struct ft_err err;
    uint32_t n, rounds = 0;

    for (;;) {
        int rc = source->ops->read(source, &batch, r->p->plan.read_ms, &err);

        if (ft__source_over(r->p, rc, &err)) {
            break;
        }
        if (rc != FT_OK || batch.n == 0) {
            if (r->p->plan.live && ft_fragments_waiting(r->fragments)) {
                n = ft_fragments_idle(r->fragments, &r->dec, pkts, caught_up_ns());
                reader_packets(r, pkts, n);
            }
            ft__worker_breathe(r, true);
            continue;
        }
        ft__frames_see(r, views, batch.n);
        ft_decode_batch(&r->dec, views, batch.n, pkts, &n);
        settle_fragments(r, pkts, &n);
        reader_packets(r, pkts, n);
        source->ops->release(source, batch.token);
        ft__worker_publish(r);
        if ((++rounds & 15) == 0) {
            ft__worker_breathe(r, false);
        }
    }
    n = ft_fragments_end(r->fragments, &r->dec, pkts);
    reader_packets(r, pkts, n);
    ft__worker_breathe(r, true);
    atomic_store_explicit(&r->p->input_done, true, memory_order_release); /* pairs with workers */
    for (uint32_t i = 0; i < r->p->plan.n_workers; i++) {
        wake_worker(&r->p->workers[i]);
    }
    return NULL;
}

/* The clock of the input steps back, maybe between packets of others. */
static void lane_step(struct ft_worker *w)
{
    ft_meter_advance(&w->meter, &w->lane_before);
    ft_meter_step(&w->meter);
    ft_meter_advance(&w->meter, &w->lane_clock);
    w->lane_steps = false;
}

/* Packets of a slot; windows go by the time of the input. */
static void lane_packets(struct ft_worker *w, const struct ft_packet *pkts, uint32_t n)
{
    if (w->clocks == NULL) {
        ft__worker_packets(w, pkts, n);
        return;
    }
    if (FT_UNLIKELY(w->lane_steps)) {
        lane_step(w);
        return;
    }
    if (w->meter.window != NULL) {
        ft_window_given(w->meter.window, w->clocks);
    } else {
        w->meter.given = w->clocks;
    }
    ft__worker_packets(w, pkts, n);
    if (w->lane_pos == 0) { /* the slot is over: so is the time of others' packets in it */
        ft_meter_advance(&w->meter, &w->lane_clock);
        turn_windows(w);
    }
}

void *ft__worker_lanes(void *arg)
{
    struct ft_worker *w = arg;
    FT_ALIGNED(64) struct ft_packet pkts[FT_BATCH];
    int64_t nap_ns = NAP_MIN_NS;
    uint32_t n, rounds = 0;

    for (;;) {
        int rc = ft_lanes_take(w->p->lanes, w, pkts, &n);

        if (rc == FT_E_EOF) {
            break;
        }
        if (rc == FT_OK) {
            lane_packets(w, pkts, n);
            nap_ns = NAP_MIN_NS;
            if ((++rounds & 15) == 0) {
                ft__worker_breathe(w, false);
            }
            continue;
        }
        if (ft_lanes_decode(w->p->lanes, w) == FT_OK) {
            nap_ns = NAP_MIN_NS;
            continue;
        }
        if (nap_ns == NAP_MAX_NS) {
            ft__worker_breathe(w, true);
        }
        nap(&nap_ns);
    }
    return ft__worker_end(w);
}
