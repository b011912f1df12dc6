/* SPDX-License-Identifier: Apache-2.0 */
/* window: packets to flows to folds, see window.h. */
#include "window/worker.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "codec/app/known.h"
#include "model/failed.h"
#include "model/field.h"

enum {
    PROTO_TCP = 6,
    ENTRIES_A_TURN = 192, /* more than a batch adds to lists */
    STEPS_A_TURN = 2048,  /* of a span: three for each entity, of which a batch makes 256 at most
                             by packets, and the ends of as many flows, later, as many again */
    AHEAD = 8,
};

static const int64_t slack_ns = 1000000000;             /* timers of flows tick this coarsely */
static const uint64_t gap_most_us = UINT64_C(1) << 28;  /* of one in a delta: squares fit */
static const uint32_t bytes_most = UINT32_MAX / 2;      /* likewise: a frame more fits */
static const uint64_t squares_most = UINT64_C(1) << 63; /* likewise */

/* Is it where time ends: windows of some span would begin or end beyond it? */
static bool is_extreme(const struct ft_window_worker *w, int64_t index)
{
    int64_t most = w->t->cfg.span_s[w->t->cfg.n_spans - 1] / w->t->cfg.span_s[0];
    int64_t span = (int64_t)w->t->cfg.span_s[0] * 1000000000;

    return index >= INT64_MAX / span - most || index <= INT64_MIN / span + most;
}

static int64_t span_ns(const struct ft_window_worker *w)
{
    return (int64_t)w->t->cfg.span_s[0] * 1000000000;
}

/* ---- life ---- */

size_t ft_window_worker_budget(uint32_t entries)
{
    return sizeof(struct ft_window_worker) +
           (sizeof(struct ft__delta) + sizeof(struct ft__flow) + sizeof(uint32_t) * FT__LISTS) *
               entries;
}

void ft_window_worker_free(struct ft_window_worker *w)
{
    if (w == NULL) {
        return;
    }
    for (int i = 0; i < FT__LISTS; i++) {
        if (w->lists[i].entries != NULL) {
            ft_map_free(w->lists[i].entries, sizeof(uint32_t) * w->entries);
        }
    }
    if (w->deltas != NULL) {
        ft_map_free(w->deltas, sizeof *w->deltas * w->entries);
    }
    if (w->flows != NULL) {
        ft_map_free(w->flows, sizeof *w->flows * w->entries);
    }
    ft_map_free(w, sizeof *w);
}

int ft_window_worker_new(struct ft_windows *t, uint32_t i, uint32_t entries,
                         struct ft_window_worker **out)
{
    struct ft_window_worker *w = ft_map_alloc(sizeof *w);
    bool whole;

    if (w == NULL) {
        return FT_E_NOMEM;
    }
    w->t = t;
    w->number = i;
    w->entries = entries;
    w->clock.now_ns = INT64_MIN;
    w->late_before_ns = INT64_MIN;
    w->said.index = INT64_MIN;
    for (uint32_t k = 0; k < FT__LISTS; k++) {
        w->lists[k].turn = ++w->turn; /* of no entry */
    }
    w->deltas = ft_map_alloc(sizeof *w->deltas * entries);
    w->flows = ft_map_alloc(sizeof *w->flows * entries);
    whole = w->deltas != NULL && w->flows != NULL;
    for (int k = 0; k < FT__LISTS; k++) {
        w->lists[k].entries = ft_map_alloc_sparse(sizeof(uint32_t) * entries);
        whole = whole && w->lists[k].entries != NULL;
    }
    if (!whole) {
        ft_window_worker_free(w);
        return FT_E_NOMEM;
    }
    *out = w;
    return FT_OK;
}

/* ---- folds ---- */

static void apply_folds(struct ft_window_worker *w)
{
    if (w->n_folds == 0 && w->n_told == 0 && w->late == 0) {
        return;
    }
    for (uint32_t i = 0; i < w->n_folds; i++) {
        ft__entry_name(w->t, &w->folds[i].entry);
    }
    pthread_mutex_lock(&w->t->lock);
    ft__fold_apply(w->t, w->folds, w->n_folds);
    ft__told_apply(w->t, w->told, w->told_index, w->n_told, w->clock.epoch);
    ft_count_add(&w->t->late, w->late);
    pthread_mutex_unlock(&w->t->lock);
    w->n_folds = w->n_told = 0;
    w->late = 0;
}

static struct ft__fold *next_fold(struct ft_window_worker *w)
{
    if (w->n_folds == FT__FOLDS) {
        apply_folds(w);
    }
    return &w->folds[w->n_folds++];
}

static bool holds(const struct ft__delta *d)
{
    return (d->few.packets[0] | d->few.packets[1]) != 0;
}

static uint8_t app_of(const struct ft_window_worker *w, uint32_t entry)
{
    uint8_t app = w->app_of != NULL ? w->app_of(w->app_state, entry) : FT_APP_UNKNOWN;

    if (app == FT_APP_UNKNOWN) {
        app = w->flows[entry].app;
    }
    return (uint8_t)(FT__APP_FIRST + app);
}

/* What a flow did so far; it goes on. */
static void fold(struct ft_window_worker *w, uint32_t entry)
{
    struct ft__delta *d = &w->deltas[entry];
    struct ft__fold *f = next_fold(w);

    f->entry.flow = w->flows[entry];
    f->entry.few = d->few;
    f->entry.few.app = app_of(w, entry);
    f->index = w->lists[d->list].index;
    f->epoch = w->clock.epoch;
    memset(&d->few, 0, sizeof d->few);
}

/* Some of a list whose window is over; true: that was all. */
static bool drain(struct ft_window_worker *w, struct ft__list *l, uint32_t *budget)
{
    for (; l->done<l->n && * budget> 0; l->done++, (*budget)--) {
        uint32_t entry = l->entries[l->done];

        if (l->done + AHEAD < l->n) {
            __builtin_prefetch(&w->deltas[l->entries[l->done + AHEAD]], 1);
            __builtin_prefetch(&w->flows[l->entries[l->done + AHEAD]]);
        }
        if (holds(&w->deltas[entry]) && &w->lists[w->deltas[entry].list] == l) {
            fold(w, entry);
        }
    }
    if (l->done < l->n) {
        return false;
    }
    l->n = l->done = 0;
    l->turn = ++w->turn;
    return true;
}

static void drain_whole(struct ft_window_worker *w, struct ft__list *l)
{
    uint32_t all = UINT32_MAX;

    ft_ignore(drain(w, l, &all));
}

/* Folds all that there is. */
static void drain_all(struct ft_window_worker *w)
{
    for (int i = 0; i < FT__LISTS; i++) {
        drain_whole(w, &w->lists[i]);
    }
    apply_folds(w);
}

/* ---- time ---- */

/* An epoch of the clock begins: what was counted is of the one before. */
static void begin_epoch(struct ft_window_worker *w, uint32_t epoch)
{
    uint32_t there = atomic_load_explicit(&w->t->epoch, memory_order_relaxed);

    drain_all(w);
    w->clock.epoch = epoch;
    w->from_ns = w->until_ns = 0;
    w->late_before_ns = INT64_MIN;
    while (there < epoch && !atomic_compare_exchange_weak(&w->t->epoch, &there, epoch)) {
    }
}

FT_INLINE void set_clock(struct ft_window_worker *w, const struct ft_window_clock *c)
{
    if (FT_UNLIKELY(c->epoch != w->clock.epoch)) {
        begin_epoch(w, c->epoch);
        w->clock.now_ns = c->now_ns;
    } else if (c->now_ns > w->clock.now_ns) {
        w->clock.now_ns = c->now_ns;
    } else {
        return;
    }
    w->late_before_ns = ft_time_sub(w->clock.now_ns, FT_WINDOW_GRACE_NS);
}

/* The worker's own clock sees a packet. */
FT_INLINE void see(struct ft_window_worker *w, int64_t ts_ns)
{
    struct ft_window_clock c = w->clock;

    if (FT_LIKELY(ts_ns == c.now_ns)) {
        return;
    }
    ft_window_clock_see(&c, ts_ns, w->t->cfg.step_ns);
    set_clock(w, &c);
}

void ft_window_apps(struct ft_window_worker *w, uint8_t (*app_of_entry)(const void *, uint32_t),
                    const void *state)
{
    w->app_of = app_of_entry;
    w->app_state = state;
}

void ft_window_given(struct ft_window_worker *w, const struct ft_window_clock *clocks)
{
    w->given = clocks;
}

uint32_t ft_window_run(const struct ft_window_worker *w, const struct ft_packet *pkts, uint32_t n,
                       bool *out_steps)
{
    struct ft_window_clock c = w->clock;
    uint32_t epoch = c.epoch, k;

    for (k = 0; k < n; k++) {
        if (w->given != NULL) {
            c.epoch = w->given[k].epoch;
        } else {
            ft_window_clock_see(&c, pkts[k].ts_ns, w->t->cfg.step_ns);
        }
        if (k == 0) {
            *out_steps = c.epoch != epoch;
            epoch = c.epoch;
        } else if (c.epoch != epoch) {
            break;
        }
    }
    return k;
}

void ft_window_advance(struct ft_window_worker *w, const struct ft_window_clock *clock)
{
    if (clock->now_ns != INT64_MIN) {
        set_clock(w, clock);
    }
}

struct ft_window_clock ft_window_now(const struct ft_window_worker *w)
{
    return w->clock;
}

/* ---- packets ---- */

static void begin_flow(struct ft_window_worker *w, const struct ft_packet *p,
                       const struct ft_counted *at)
{
    struct ft__flow *f = &w->flows[at->entry];
    int from = at->dir == FT_DIR_FWD ? p->swap : !p->swap; /* the initiator's side of the key */

    memset(f, 0, sizeof *f);
    f->proto = p->key.proto;
    f->port = ft_proto_has_ports(p->key.proto) ? p->key.port[!from] : 0;
    f->version = (p->key.bits & FT_KEY_V6) != 0 ? 6 : 4;
    f->app = (uint8_t)ft_known_port(f->proto, f->port);
    for (int i = 0; i < 2; i++) {
        int side = i == 0 ? from : !from;

        if (f->version == 6) {
            memcpy(f->addr[i], p->addr6 + 16 * side, 16);
        } else {
            memcpy(f->addr[i], &p->key.addr[side], 4);
        }
    }
}

/* The list of a window, made ready for it. */
FT_INLINE struct ft__list *list_of(struct ft_window_worker *w, int64_t index)
{
    struct ft__list *l = &w->lists[(uint64_t)index % FT__LISTS];

    if (FT_UNLIKELY(l->index != index)) { /* the clock went on by several windows at once */
        drain_whole(w, l);
        l->index = index;
    }
    return l;
}

/* The entry has packets in a window in whose list it is not. */
static void enlist(struct ft_window_worker *w, struct ft__list *l, uint32_t entry)
{
    if (l->n == w->entries) { /* flows came and went between windows */
        drain_whole(w, l);
    }
    l->entries[l->n++] = entry;
    w->deltas[entry].listed = l->turn;
}

static uint32_t size_class(uint32_t len)
{
    uint32_t over = len > 64 ? 32 - (uint32_t)__builtin_clz((len - 1) / 64) : 0;

    return over < FT_WINDOW_SIZES - 1 ? over : FT_WINDOW_SIZES - 1;
}

/* True: there is no room for this packet. */
static bool is_full(const struct ft__few *f, int dir, uint32_t len, uint64_t gap_us)
{
    return f->packets[0] + f->packets[1] >= FT__FEW || f->bytes[dir] > bytes_most ||
           len > bytes_most || gap_us >= gap_most_us || f->squares >= squares_most;
}

static void count(struct ft_window_worker *w, const struct ft_packet *p,
                  const struct ft_counted *at, int64_t index)
{
    struct ft__delta *d = &w->deltas[at->entry];
    struct ft__few *f = &d->few;
    uint64_t ns = ft_counted_gap(at, p->ts_ns), gap_us = ns / 1000;
    struct ft__list *l = list_of(w, index);
    bool gap = (at->bits & FT_AT_NEW) == 0 && gap_us <= UINT32_MAX, big;
    int dir = at->dir;

    if (&w->lists[d->list] != l) {
        if (holds(d)) {
            fold(w, at->entry);
        }
        d->list = (uint8_t)(l - w->lists);
    }
    if (d->listed != l->turn) {
        enlist(w, l, at->entry);
    }
    big = is_full(f, dir, p->frame_len, gap ? gap_us : 0);
    if (FT_UNLIKELY(big && holds(d))) {
        fold(w, at->entry);
    }
    f->packets[dir]++;
    f->bytes[dir] += p->frame_len;
    if (__builtin_add_overflow(f->squares, (uint64_t)p->frame_len * p->frame_len, &f->squares)) {
        f->squares = UINT64_MAX;
    }
    f->sizes[size_class(p->frame_len)]++;
    f->flows[0] += (at->bits & FT_AT_NEW) != 0;
    if (gap) {
        f->gaps++;
        f->gap_us += gap_us;
        f->gap_squares += gap_us * gap_us;
    }
    if (p->key.proto == PROTO_TCP) {
        uint8_t syn = p->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK);

        f->syn[dir] += syn == FT_TCP_SYN;
        f->syn_ack[dir] += syn == (FT_TCP_SYN | FT_TCP_ACK);
        f->rst[dir] += (p->tcp_flags & FT_TCP_RST) != 0;
    }
    if (FT_UNLIKELY(big)) { /* a gap of minutes, frames of gigabytes: alone */
        fold(w, at->entry);
    }
}

void ft_window_packets(struct ft_window_worker *w, const struct ft_packet *pkts,
                       const struct ft_counted *at, uint32_t n)
{
    int64_t span = span_ns(w);

    for (uint32_t i = 0; i < n; i++) {
        __builtin_prefetch(&w->deltas[at[i].entry], 1);
    }
    for (uint32_t i = 0; i < n; i++) { /* those that will be folded */
        const struct ft__delta *d = &w->deltas[at[i].entry];

        if (holds(d) && w->lists[d->list].index != w->index) {
            __builtin_prefetch(&w->flows[at[i].entry]);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        int64_t ts = pkts[i].ts_ns;

        if (w->given != NULL) {
            set_clock(w, w->given++);
        } else {
            see(w, ts);
        }
        if (FT_UNLIKELY((at[i].bits & FT_AT_NEW) != 0)) {
            begin_flow(w, &pkts[i], &at[i]);
        }
        if (FT_UNLIKELY(ts < w->from_ns || ts >= w->until_ns)) {
            int64_t index = ft_time_floor(ts, span);

            if (is_extreme(w, index)) {
                w->late++;
                continue;
            }
            w->index = index;
            w->from_ns = w->index * span;
            w->until_ns = w->from_ns + span;
        }
        if (FT_UNLIKELY(w->until_ns <= w->late_before_ns)) {
            w->late++;
            continue;
        }
        count(w, &pkts[i], &at[i], w->index);
    }
}

/* ---- records of collect ---- */

void ft_window_tell(struct ft_window_worker *w, const struct ft_window_told *told)
{
    int64_t index = ft_time_floor(told->at_ns, span_ns(w));

    see(w, told->at_ns);
    if (is_extreme(w, index) || (index + 1) * span_ns(w) <= w->late_before_ns) {
        w->late++;
        return;
    }
    if (w->n_told == FT__FOLDS) {
        apply_folds(w);
    }
    w->told_index[w->n_told] = index;
    w->told[w->n_told++] = *told;
}

/* ---- ends ---- */

/* When a flow whose final record this is ended. Behind the end of a file there is silence, as there
 * may be live: what was open ends when its last packet is an idle timeout ago. */
static int64_t end_of(const struct ft_window_worker *w, const struct ft_flow_record *core,
                      int64_t at_ns)
{
    if (core->reason == FT_REASON_EOF) {
        return ft_time_add(core->last_ns, w->t->cfg.step_ns);
    }
    return at_ns > w->clock.now_ns ? w->clock.now_ns : at_ns;
}

/* The window in which it ended. False: there is none. */
static bool ended_in(const struct ft_window_worker *w, int64_t at_ns, int64_t *out_index)
{
    int64_t least = w->said.epoch == w->clock.epoch ? w->said.index : INT64_MIN;
    int64_t index = ft_time_floor(at_ns, span_ns(w));

    *out_index = index < least ? least : index; /* a timer that ticks in minutes */
    return !is_extreme(w, index);
}

void ft_window_ended(struct ft_window_worker *w, uint32_t entry, const struct ft_flow_record *core,
                     int64_t at_ns)
{
    struct ft__few end = {.ended = 1, .failed = {ft_flow_failed(core)}};
    struct ft__delta *d = &w->deltas[entry];
    int64_t index;
    bool counts = core->reason == FT_REASON_EOF ||
                  (core->reason != FT_REASON_SHUTDOWN && w->clock.now_ns != INT64_MIN);
    bool known = counts && ended_in(w, end_of(w, core, at_ns), &index);

    if (holds(d)) {
        bool here = known && w->lists[d->list].index == index && ft__few_add(&d->few, &end);

        fold(w, entry);
        if (here) {
            return;
        }
    }
    if (known) {
        struct ft__fold *f = next_fold(w);

        f->entry.flow = w->flows[entry];
        f->entry.few = end;
        f->index = index;
        f->epoch = w->clock.epoch;
    }
}

/* ---- turns ---- */

/* With the lock: it counts nothing before this any more. */
static void say(struct ft_window_worker *w, uint32_t epoch, int64_t index)
{
    w->said = (struct ft__passed){epoch, index};
    w->t->passed[w->number] = w->said;
}

/* Windows up to `index` are over: folds a slice of what they have. True: that was all. */
static bool fold_before(struct ft_window_worker *w, int64_t index)
{
    uint32_t budget = ENTRIES_A_TURN;
    bool all = true;

    for (int i = 0; i < FT__LISTS; i++) {
        struct ft__list *l = &w->lists[i];

        all = (l->n == 0 || l->index >= index || drain(w, l, &budget)) && all;
    }
    return all;
}

/* About so many steps of what is over. Outputs may take their time: nobody waits for them with the
 * lock. */
static void close_some(struct ft_window_worker *w, uint32_t budget, ft_window_emit_fn emit,
                       void *cookie)
{
    struct ft_windows *t = w->t;
    bool more = true;
    uint32_t n;

    while (more && budget > 0) {
        pthread_mutex_lock(&t->lock);
        more = ft__close_slice(t, &budget, w->rows, FT__ROWS, &n);
        ft_count_set(&t->to_write, more);
        pthread_mutex_unlock(&t->lock);
        for (uint32_t i = 0; i < n; i++) {
            emit(cookie, &w->rows[i]);
        }
    }
}

void ft_window_turn(struct ft_window_worker *w, int64_t looked_ns, ft_window_emit_fn emit,
                    void *cookie)
{
    struct ft_windows *t = w->t;
    int64_t index = INT64_MIN;
    bool all = false;

    if (w->clock.now_ns != INT64_MIN) {
        looked_ns = looked_ns < w->late_before_ns ? looked_ns : w->late_before_ns;
        index = ft_time_floor(ft_time_sub(looked_ns, slack_ns), span_ns(w));
        all = (index > w->said.index || w->clock.epoch != w->said.epoch) && fold_before(w, index);
    }
    apply_folds(w);
    if (all) {
        pthread_mutex_lock(&t->lock);
        say(w, w->clock.epoch, index);
        ft_count_set(&t->to_write, 1);
        pthread_mutex_unlock(&t->lock);
    }
    if (w->number == 0 && ft_count_get(&t->to_write) != 0) {
        close_some(w, STEPS_A_TURN * t->cfg.n_spans * t->cfg.n_workers, emit, cookie);
    }
    /* another worker's packets came after a step of the clock: so do this one's */
    uint32_t epoch = atomic_load_explicit(&t->epoch, memory_order_relaxed);

    if (FT_UNLIKELY(w->given == NULL && epoch > w->clock.epoch)) {
        begin_epoch(w, epoch);
        w->clock.now_ns = INT64_MIN;
    }
}

void ft_window_finish(struct ft_window_worker *w, ft_window_emit_fn emit, void *cookie)
{
    struct ft_windows *t = w->t;

    drain_all(w);
    pthread_mutex_lock(&t->lock);
    say(w, UINT32_MAX, INT64_MAX);
    t->n_ended++;
    pthread_cond_broadcast(&t->ended);
    while (w->number == 0 && t->n_ended < t->cfg.n_workers) {
        pthread_cond_wait(&t->ended, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
    do {
        close_some(w, w->number == 0 ? UINT32_MAX : 0, emit, cookie);
    } while (w->number == 0 && ft_count_get(&t->to_write) != 0);
}
