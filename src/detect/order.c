/* SPDX-License-Identifier: Apache-2.0 */
/* detect: notes of all workers in one order, see detect.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "detect/state.h"

static const int64_t step_ns = 1000000000; /* of packet time, between looks at what is pending */

static const ft__detector_fn detectors[] = {ft__detect_policy, ft__detect_scan, ft__detect_beacon};

/* ---- life ---- */

static uint32_t notes_for(const struct ft_detect_config *cfg)
{
    return cfg->max_flows + 65536;
}

static uint32_t scanners_for(const struct ft_detect_config *cfg)
{
    return cfg->max_hosts < 64 ? 16 : cfg->max_hosts / 4;
}

size_t ft_detect_budget(const struct ft_detect_config *cfg)
{
    return (sizeof(struct ft_note) + 3 * sizeof(uint32_t)) * notes_for(cfg) +
           2 * ft__hosts_budget(scanners_for(cfg), ft__scan_entity()) +
           ft__hosts_budget(cfg->max_hosts, ft__beacon_entity()) +
           ft__hosts_budget(cfg->max_hosts, ft__limit_entity());
}

void ft_detect_free(struct ft_detect *d)
{
    if (d == NULL) {
        return;
    }
    size_t words = sizeof(uint32_t) * d->pool.cap;
    uint32_t *const lists[] = {d->pool.free, d->pool.pending, d->order};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i] != NULL) {
            ft_map_free(lists[i], words);
        }
    }
    if (d->pool.notes != NULL) {
        ft_map_free(d->pool.notes, sizeof *d->pool.notes * d->pool.cap);
    }
    ft__hosts_fini(&d->limits);
    ft__hosts_fini(&d->address_scans);
    ft__hosts_fini(&d->port_scans);
    ft__hosts_fini(&d->beacons);
    ft_rules_free(d->rules);
    ft_rules_free(d->next);
    pthread_cond_destroy(&d->ended);
    pthread_mutex_destroy(&d->lock);
    ft_map_free(d, sizeof *d);
}

static bool make_pool(struct ft_detect *d)
{
    struct ft__pool *p = &d->pool;

    p->cap = notes_for(&d->cfg);
    p->notes = ft_map_alloc_sparse(sizeof *p->notes * p->cap);
    p->free = ft_map_alloc_sparse(sizeof *p->free * p->cap);
    p->pending = ft_map_alloc_sparse(sizeof *p->pending * p->cap);
    d->order = ft_map_alloc_sparse(sizeof *d->order * p->cap);
    return p->notes != NULL && p->free != NULL && p->pending != NULL && d->order != NULL;
}

static bool make_tables(struct ft_detect *d)
{
    const struct ft_detect_config *c = &d->cfg;

    return ft__hosts_init(&d->limits, c->max_hosts, ft__limit_entity(), &c->seed) &&
           ft__hosts_init(&d->address_scans, scanners_for(c), ft__scan_entity(), &c->seed) &&
           ft__hosts_init(&d->port_scans, scanners_for(c), ft__scan_entity(), &c->seed) &&
           ft__hosts_init(&d->beacons, c->max_hosts, ft__beacon_entity(), &c->seed);
}

/* Other rules hold: what they say of spans. */
static void adopt(struct ft_detect *d, struct ft_rules *rules)
{
    ft_rules_free(d->rules);
    d->rules = rules;
    d->limits.span_ns = (int64_t)(rules->entity_s * 1e9);
    d->address_scans.span_ns = ft__span_ns(d, FT_RULE_ADDRESS_SCAN, 1);
    d->port_scans.span_ns = ft__span_ns(d, FT_RULE_PORT_SCAN, 1);
    d->beacons.span_ns = INT64_C(86400) * 1000000000;
}

int ft_detect_new(const struct ft_detect_config *cfg, struct ft_rules *rules,
                  struct ft_detect **out)
{
    struct ft_detect *d = ft_map_alloc(sizeof *d);

    if (d == NULL) {
        ft_rules_free(rules);
        return FT_E_NOMEM;
    }
    d->cfg = *cfg;
    d->begun_ns = INT64_MIN;
    d->second = INT64_MIN;
    d->until.ns = INT64_MIN;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->ended, NULL);
    for (uint32_t i = 0; i < FT_DETECT_WORKERS; i++) {
        d->pool.passed[i].ns = INT64_MIN;
    }
    adopt(d, rules);
    if (!make_pool(d) || !make_tables(d)) {
        ft_detect_free(d);
        return FT_E_NOMEM;
    }
    *out = d;
    return FT_OK;
}

int ft_detect_worker_new(struct ft_detect *d, uint32_t i, struct ft_detect_worker **out)
{
    struct ft_detect_worker *w = ft_map_alloc(sizeof *w);

    if (w == NULL) {
        return FT_E_NOMEM;
    }
    w->d = d;
    w->number = i;
    w->said.ns = INT64_MIN;
    *out = w;
    return FT_OK;
}

void ft_detect_worker_free(struct ft_detect_worker *w)
{
    if (w != NULL) {
        ft_map_free(w, sizeof *w);
    }
}

void ft_detect_get_stats(const struct ft_detect *d, struct ft_detect_stats *out)
{
    out->alerts = ft_count_get(&d->alerts);
    out->suppressed = ft_count_get(&d->suppressed);
    out->no_room = ft_count_get(&d->no_room);
}

void ft_detect_use(struct ft_detect *d, struct ft_rules *rules)
{
    pthread_mutex_lock(&d->lock);
    ft_rules_free(d->next);
    d->next = rules;
    atomic_store_explicit(&d->changed, true, memory_order_relaxed);
    pthread_mutex_unlock(&d->lock);
}

/* ---- notes come in ---- */

/* With the lock. */
static uint32_t take_free(struct ft__pool *p)
{
    if (p->n_free > 0) {
        return p->free[--p->n_free];
    }
    return UINT32_MAX;
}

static void hand_over(struct ft_detect_worker *w)
{
    struct ft_detect *d = w->d;
    struct ft__pool *p = &d->pool;

    if (w->n == 0) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t at = p->used < p->cap ? p->used++ : take_free(p);

        if (at == UINT32_MAX) {
            ft_count_add(&d->no_room, 1);
            continue;
        }
        p->notes[at] = w->notes[i];
        p->pending[p->n_pending++] = at;
    }
    pthread_mutex_unlock(&d->lock);
    w->n = 0;
}

void ft_detect_note(struct ft_detect_worker *w, const struct ft_note *note)
{
    struct ft_note *n = &w->notes[w->n++];

    *n = *note;
    n->epoch = w->epoch;
    if (n->epoch == w->said.epoch && n->at_ns < w->said.ns) {
        n->at_ns = w->said.ns; /* a timer that ticks in minutes */
    }
    if (w->n == FT__NOTES) {
        hand_over(w);
    }
}

uint32_t ft_detect_epoch(const struct ft_detect_worker *w)
{
    return atomic_load_explicit(&w->d->epoch, memory_order_relaxed);
}

/* ---- and are shown in order ---- */

static bool is_before(const struct ft_note *n, const struct ft__passed *p)
{
    return n->epoch < p->epoch || (n->epoch == p->epoch && n->at_ns < p->ns);
}

static int compare(const void *a, const void *b, void *notes)
{
    const struct ft_note *x = (const struct ft_note *)notes + *(const uint32_t *)a;
    const struct ft_note *y = (const struct ft_note *)notes + *(const uint32_t *)b;

    if (x->epoch != y->epoch) {
        return x->epoch < y->epoch ? -1 : 1;
    }
    if (x->at_ns != y->at_ns) {
        return x->at_ns < y->at_ns ? -1 : 1;
    }
    if (x->flow_id != y->flow_id) {
        return x->flow_id < y->flow_id ? -1 : 1;
    }
    return x->first_ns == y->first_ns ? 0 : x->first_ns < y->first_ns ? -1 : 1;
}

/* With the lock: up to where all have passed. */
static struct ft__passed all_passed(const struct ft_detect *d)
{
    struct ft__passed least = d->pool.passed[0];

    for (uint32_t i = 1; i < d->cfg.n_workers; i++) {
        const struct ft__passed *p = &d->pool.passed[i];

        if (p->epoch < least.epoch || (p->epoch == least.epoch && p->ns < least.ns)) {
            least = *p;
        }
    }
    return least;
}

/* With the lock: what all have passed leaves what is pending. */
static void select_notes(struct ft_detect *d)
{
    struct ft__pool *p = &d->pool;
    struct ft__passed to = all_passed(d);
    uint32_t kept = 0;

    if (to.epoch == d->until.epoch && to.ns < ft_time_add(d->until.ns, step_ns)) {
        return;
    }
    d->until = to;
    for (uint32_t i = 0; i < p->n_pending; i++) {
        uint32_t at = p->pending[i];

        if (is_before(&p->notes[at], &to)) {
            d->order[d->n_order++] = at;
        } else {
            p->pending[kept++] = at;
        }
    }
    p->n_pending = kept;
}

static void show(struct ft_detect *d, const struct ft_note *note)
{
    if (d->begun_ns == INT64_MIN || note->first_ns < d->begun_ns) {
        d->begun_ns = note->first_ns;
    }
    for (size_t i = 0; i < sizeof detectors / sizeof detectors[0]; i++) {
        detectors[i](d, note);
    }
}

/* A slice of what is in order. False: there is no more. */
static bool show_slice(struct ft_detect *d, uint32_t most)
{
    uint32_t from = d->shown;

    for (; d->shown < d->n_order && d->shown - from < most; d->shown++) {
        show(d, &d->pool.notes[d->order[d->shown]]);
    }
    if (d->shown == from) {
        return false;
    }
    pthread_mutex_lock(&d->lock);
    for (uint32_t i = from; i < d->shown; i++) {
        d->pool.free[d->pool.n_free++] = d->order[i];
    }
    pthread_mutex_unlock(&d->lock);
    return true;
}

/* Number 0: the next notes that all have passed, or none. */
static void next_notes(struct ft_detect *d)
{
    struct ft_rules *rules;

    d->n_order = d->shown = 0;
    pthread_mutex_lock(&d->lock);
    atomic_store_explicit(&d->changed, false, memory_order_relaxed);
    rules = d->next;
    d->next = NULL;
    select_notes(d);
    pthread_mutex_unlock(&d->lock);
    if (rules != NULL) {
        adopt(d, rules);
    }
    qsort_r(d->order, d->n_order, sizeof *d->order, compare, d->pool.notes);
}

static void say(struct ft_detect_worker *w, struct ft__passed passed)
{
    struct ft_detect *d = w->d;

    pthread_mutex_lock(&d->lock);
    d->pool.passed[w->number] = w->said = passed;
    atomic_store_explicit(&d->changed, true, memory_order_relaxed);
    pthread_mutex_unlock(&d->lock);
}

static void begin_epoch(struct ft_detect_worker *w, uint32_t epoch)
{
    uint32_t there = ft_detect_epoch(w);

    w->epoch = epoch;
    while (there < epoch && !atomic_compare_exchange_weak(&w->d->epoch, &there, epoch)) {
    }
}

void ft_detect_turn(struct ft_detect_worker *w, uint32_t epoch, int64_t passed_ns,
                    ft_alert_emit_fn emit, void *cookie)
{
    struct ft_detect *d = w->d;
    bool steps = epoch != w->said.epoch;

    if (steps || passed_ns >= ft_time_add(w->said.ns, step_ns)) {
        hand_over(w);
        begin_epoch(w, epoch);
        say(w, (struct ft__passed){epoch, passed_ns});
    }
    if (w->number != 0) {
        return;
    }
    d->emit = emit;
    d->cookie = cookie;
    if (d->shown < d->n_order) {
        ft_ignore(show_slice(d, FT__SLICE * d->cfg.n_workers));
    } else if (atomic_load_explicit(&d->changed, memory_order_relaxed)) {
        next_notes(d);
    }
}

void ft_detect_finish(struct ft_detect_worker *w, ft_alert_emit_fn emit, void *cookie)
{
    struct ft_detect *d = w->d;

    hand_over(w);
    say(w, (struct ft__passed){UINT32_MAX, INT64_MAX});
    pthread_mutex_lock(&d->lock);
    d->pool.n_ended++;
    pthread_cond_broadcast(&d->ended);
    while (w->number == 0 && d->pool.n_ended < d->cfg.n_workers) {
        pthread_cond_wait(&d->ended, &d->lock);
    }
    pthread_mutex_unlock(&d->lock);
    if (w->number == 0) {
        d->emit = emit;
        d->cookie = cookie;
        while (show_slice(d, UINT32_MAX)) { /* what was in order already */
        }
        next_notes(d);
        while (show_slice(d, UINT32_MAX)) {
        }
    }
}
