/* SPDX-License-Identifier: Apache-2.0 */
/* detect: notes of all workers in one order, see detect.h. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "detect/state.h"

enum { DAY_S = 86400, MONTH_S = 30 * DAY_S, SEEN_A_HOST = 8 /* keys */ };
enum { FARTHEST = 16, FAR = 8, NEAR = 4 };

static const int64_t step_ns = 1000000000; /* of packet time, between looks at what is pending */
static const int64_t day_ns = INT64_C(1000000000) * DAY_S;

/* Of flows; those of bursts and names are told by the note's bits. */
static const ft__detector_fn detectors[] = {
    ft__detect_policy, ft__detect_scan,    ft__detect_walk,   ft__detect_amplified,
    ft__detect_beacon, ft__detect_lasting, ft__detect_upload, ft__detect_first};

static const struct {
    size_t (*each)(size_t *out_clear);
    uint32_t share;  /* of --max-hosts: a part in so many */
    int rule, param; /* whose threshold is the time after which an entity is forgotten; -1: s */
    int seconds;
} tables[FT__TABLES] = {
    [FT__LIMITS] = {ft__limit_entity, 1, -1, 0, 2 * DAY_S},
    [FT__ADDRESS_SCANS] = {ft__scan_entity, 4, FT_RULE_ADDRESS_SCAN, 1, 0},
    [FT__PORT_SCANS] = {ft__scan_entity, 4, FT_RULE_PORT_SCAN, 1, 0},
    [FT__WALKS] = {ft__walk_entity, 1, FT_RULE_TRW_SCAN, 4, 0},
    [FT__AMPLIFIED] = {ft__amplified_entity, 4, FT_RULE_AMPLIFICATION, 2, 0},
    [FT__BEACONS] = {ft__beacon_entity, 1, -1, 0, DAY_S},
    [FT__SERVERS] = {ft__server_entity, 4, -1, 0, MONTH_S},
    [FT__LASTING] = {ft__lasting_entity, 4, -1, 0, DAY_S},
    [FT__SENDERS] = {ft__sender_entity, 1, -1, 0, DAY_S},
    [FT__RECEIVERS] = {ft__receiver_entity, 4, FT_RULE_EXFILTRATION, 4, 0},
    [FT__TUNNELS] = {ft__tunnel_entity, 8, -1, 0, DAY_S},
    [FT__ASKERS] = {ft__asker_entity, 8, FT_RULE_DGA, 1, 0},
};

/* ---- life ---- */

static uint32_t notes_for(const struct ft_detect_config *cfg)
{
    return cfg->max_flows + 65536;
}

static uint32_t room_of(const struct ft_detect_config *cfg, int table)
{
    uint32_t n = cfg->max_hosts / tables[table].share;

    return n < FT__WAYS ? FT__WAYS : n;
}

size_t ft_detect_budget(const struct ft_detect_config *cfg)
{
    size_t clear;
    size_t sum = (sizeof(struct ft_note) + 2 * sizeof(uint32_t) + 2 * sizeof(struct ft__turn)) *
                     notes_for(cfg) +
                 (sizeof(struct ft_note_name) + sizeof(uint32_t)) * FT__NAMES +
                 3 * ft__seen_budget(cfg->max_hosts * SEEN_A_HOST) +
                 sizeof(struct ft_detect_worker) * cfg->n_workers;

    for (int i = 0; i < FT__TABLES; i++) {
        sum += ft__hosts_budget(room_of(cfg, i), tables[i].each(&clear));
    }
    return sum;
}

void ft_detect_free(struct ft_detect *d)
{
    if (d == NULL) {
        return;
    }
    size_t words = sizeof(uint32_t) * d->pool.cap;
    uint32_t *const lists[] = {d->pool.free, d->pool.pending};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i] != NULL) {
            ft_map_free(lists[i], words);
        }
    }
    if (d->order != NULL) {
        ft_map_free(d->order, sizeof *d->order * d->pool.cap);
    }
    if (d->aside != NULL) {
        ft_map_free(d->aside, sizeof *d->aside * d->pool.cap);
    }
    if (d->pool.notes != NULL) {
        ft_map_free(d->pool.notes, sizeof *d->pool.notes * d->pool.cap);
    }
    if (d->pool.names != NULL) {
        ft_map_free(d->pool.names, sizeof *d->pool.names * FT__NAMES);
    }
    if (d->pool.free_names != NULL) {
        ft_map_free(d->pool.free_names, sizeof *d->pool.free_names * FT__NAMES);
    }
    for (int i = 0; i < FT__TABLES; i++) {
        ft__hosts_fini(&d->tables[i]);
    }
    ft__seen_fini(&d->contacts);
    ft__seen_fini(&d->known);
    ft__seen_fini(&d->met);
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
    d->aside = ft_map_alloc_sparse(sizeof *d->aside * p->cap);
    p->names = ft_map_alloc_sparse(sizeof *p->names * FT__NAMES);
    p->free_names = ft_map_alloc_sparse(sizeof *p->free_names * FT__NAMES);
    return p->notes != NULL && p->free != NULL && p->pending != NULL && d->order != NULL &&
           d->aside != NULL && p->names != NULL && p->free_names != NULL;
}

static bool make_tables(struct ft_detect *d)
{
    uint32_t keys = d->cfg.max_hosts * SEEN_A_HOST;

    for (int i = 0; i < FT__TABLES; i++) {
        size_t clear, each = tables[i].each(&clear);

        if (!ft__hosts_init(&d->tables[i], room_of(&d->cfg, i), each, clear)) {
            return false;
        }
    }
    return ft__seen_init(&d->contacts, keys) && ft__seen_init(&d->known, keys) &&
           ft__seen_init(&d->met, keys);
}

/* The least that is anything to a rule that is on. */
static void set_least(struct ft_detect *d)
{
    const struct ft_rule_set *syn = &d->rules->rule[FT_RULE_SYN_FLOOD];
    const struct ft_rule_set *volume = &d->rules->rule[FT_RULE_VOLUME_FLOOD];
    const struct ft_rule_set *lasting = &d->rules->rule[FT_RULE_LONG_CONNECTION];
    double packets = syn->on ? syn->value[0] : 1e18, bytes = 1e18, s = lasting->on ? 1e9 : 9e18;

    if (volume->on) { /* each flow has a packet */
        packets = fmin(packets, fmin(volume->value[0], volume->value[2]));
        bytes = volume->value[1] * 1e6 / 8;
    }
    for (int i = 0; lasting->on && i < FT_SEVERITY__COUNT; i++) {
        s = i == 0 ? lasting->value[i] : fmin(s, lasting->value[i]);
    }
    s = d->rules->n_deny > 0 ? 0 : s;
    atomic_store_explicit(&d->least_packets, (uint64_t)fmin(packets * FT__BURST_S, 1e18),
                          memory_order_relaxed);
    atomic_store_explicit(&d->least_bytes, (uint64_t)fmin(bytes * FT__BURST_S, 1e18),
                          memory_order_relaxed);
    atomic_store_explicit(&d->least_lasting_ns, (int64_t)fmin(s * 1e9, 9e18), memory_order_relaxed);
}

bool ft_detect_wants(const struct ft_detect_worker *w, int64_t lasted_ns)
{
    return lasted_ns >= atomic_load_explicit(&w->d->least_lasting_ns, memory_order_relaxed);
}

/* Other rules hold: what they say of spans. */
static void adopt(struct ft_detect *d, struct ft_rules *rules)
{
    ft_rules_free(d->rules);
    d->rules = rules;
    for (int i = 0; i < FT__TABLES; i++) {
        d->tables[i].span_ns =
            tables[i].rule >= 0 ? ft__span_ns(d, (enum ft_rule_id)tables[i].rule, tables[i].param)
                                : INT64_C(1000000000) * tables[i].seconds;
    }
    d->entity_ns = (int64_t)(rules->entity_s * 1e9);
    set_least(d);
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

/* With the lock, as the next two: is there room for a note, and for its name? */
static bool has_room(const struct ft__pool *p, bool named)
{
    bool note = p->n_free > 0 || p->used < p->cap;

    return note && (!named || p->n_free_names > 0 || p->used_names < FT__NAMES);
}

/* There is room. */
static uint32_t take_name(struct ft__pool *p)
{
    return p->n_free_names > 0 ? p->free_names[--p->n_free_names] : p->used_names++;
}

static uint32_t take_note(struct ft__pool *p)
{
    return p->n_free > 0 ? p->free[--p->n_free] : p->used++;
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
        bool named = (w->notes[i].bits & FT_NOTE_NAME) != 0;
        uint32_t at;

        if (!has_room(p, named)) {
            ft_count_add(&d->no_room, 1);
            continue;
        }
        at = take_note(p);
        p->notes[at] = w->notes[i];
        if (named) {
            p->notes[at].name = &p->names[take_name(p)];
            *p->notes[at].name = *w->notes[i].name;
        }
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

void ft__note_name(struct ft_detect_worker *w, const struct ft_note *note,
                   const struct ft_note_name *name)
{
    struct ft_note n = *note;

    n.name = &w->names[w->n];
    *n.name = *name;
    ft_detect_note(w, &n);
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
            d->order[d->n_order++] =
                (struct ft__turn){p->notes[at].at_ns, p->notes[at].flow_id, at, p->notes[at].epoch};
        } else {
            p->pending[kept++] = at;
        }
    }
    p->n_pending = kept;
}

/* Is the pair a new one? Flows that go on are of one that was told, or will be. */
static bool is_first_contact(struct ft_detect *d, const struct ft_note *note)
{
    if ((note->bits & (FT_NOTE_GROUP | FT_NOTE_ANSWER)) != 0 ||
        ((note->bits & FT_NOTE_ON) != 0 && (note->bits & FT_NOTE_EXPORTED) == 0)) {
        return false;
    }
    return !ft__seen_see(&d->contacts, d->coming->pair);
}

/* Since when is anything known? A record of collect may be of long before; a flow whose first
 * packet is of a clock that was wrong says nothing of that, and what is said of a time after a day
 * of silence, or a step, begins anew. */
static void watch(struct ft_detect *d, const struct ft_note *note)
{
    bool told = (note->bits & FT_NOTE_EXPORTED) != 0;
    int64_t since_ns = note->first_ns;

    if (told || ft_time_sub(note->at_ns, since_ns) > day_ns) {
        since_ns = note->at_ns;
    }
    if (d->begun_ns == INT64_MIN || since_ns < d->begun_ns ||
        ft_time_sub(note->at_ns, d->shown_ns) > day_ns) {
        d->begun_ns = since_ns;
    }
    d->shown_ns = note->at_ns;
}

static void show(struct ft_detect *d, const struct ft_note *note)
{
    if ((note->bits & FT_NOTE_BURST) != 0) {
        ft__detect_flood(d, note);
        return;
    }
    ft__bursts_end(d);
    if ((note->bits & FT_NOTE_NAME) != 0) {
        ft__detect_asked(d, note);
        return;
    }
    watch(d, note);
    d->first_contact = is_first_contact(d, note);
    for (size_t i = 0; i < sizeof detectors / sizeof detectors[0]; i++) {
        detectors[i](d, note);
    }
}

/* Entities that others took the place of are in the account. */
static void count_evicted(struct ft_detect *d)
{
    uint64_t sum = 0;

    for (int i = 0; i < FT__TABLES; i++) {
        sum += d->tables[i].evicted;
    }
    ft_count_add(&d->no_room, sum - d->evicted);
    d->evicted = sum;
}

/* Notes lie where there was room: each waits for memory while others are looked at. */
static void ask(struct ft_detect *d, uint32_t i)
{
    if (i + FARTHEST < d->n_order) {
        const struct ft_note *n = &d->pool.notes[d->order[i + FARTHEST].note];

        __builtin_prefetch(n);
        __builtin_prefetch((const uint8_t *)n + 64);
    }
    if (i + FAR < d->n_order) {
        ft__coming_plan(d, i + FAR);
    }
    if (i + NEAR < d->n_order) {
        ft__coming_go_on(d, i + NEAR);
    }
}

/* A slice of what is in order. False: there is no more. */
static bool show_slice(struct ft_detect *d, uint32_t most)
{
    uint32_t from = d->shown;

    for (; d->shown < d->n_order && d->shown - from < most; d->shown++) {
        ask(d, d->shown);
        d->coming = &d->ring[d->shown % FT__COMING];
        show(d, &d->pool.notes[d->order[d->shown].note]);
    }
    if (d->shown == from) {
        return false;
    }
    pthread_mutex_lock(&d->lock);
    for (uint32_t i = from; i < d->shown; i++) {
        const struct ft_note *n = &d->pool.notes[d->order[i].note];

        if ((n->bits & FT_NOTE_NAME) != 0) {
            d->pool.free_names[d->pool.n_free_names++] = (uint32_t)(n->name - d->pool.names);
        }
        d->pool.free[d->pool.n_free++] = d->order[i].note;
    }
    count_evicted(d);
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
    ft__notes_sort(d);
    for (uint32_t i = 0; i < FAR && i < d->n_order; i++) {
        ft__coming_plan(d, i);
    }
}

static void say(struct ft_detect_worker *w, struct ft__passed passed)
{
    struct ft_detect *d = w->d;

    pthread_mutex_lock(&d->lock);
    d->pool.passed[w->number] = w->said = passed;
    atomic_store_explicit(&d->changed, true, memory_order_relaxed);
    pthread_mutex_unlock(&d->lock);
}

void ft_detect_epoch_begins(struct ft_detect_worker *w, uint32_t epoch)
{
    uint32_t there = ft_detect_epoch(w);

    if (FT_LIKELY(epoch == w->epoch)) {
        return;
    }
    ft__bursts_until(w, INT64_MAX); /* they are of the one before */
    w->epoch = epoch;
    while (there < epoch && !atomic_compare_exchange_weak(&w->d->epoch, &there, epoch)) {
    }
}

void ft_detect_turn(struct ft_detect_worker *w, uint32_t epoch, int64_t passed_ns,
                    ft_alert_emit_fn emit, void *cookie)
{
    struct ft_detect *d = w->d;
    ft_detect_epoch_begins(w, epoch);
    if (epoch != w->said.epoch || passed_ns >= ft_time_add(w->said.ns, step_ns)) {
        ft__bursts_until(w, passed_ns);
        hand_over(w);
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

    ft__bursts_until(w, INT64_MAX);
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
        ft__bursts_end(d);
    }
}
