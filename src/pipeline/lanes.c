/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: lanes, see lanes.h. */
#include "pipeline/lanes.h"

#include "pipeline/app.h"

#include <string.h>

#include "base/mem.h"
#include "pipeline/lanes_parts.h"

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t slot_len(uint32_t n_workers)
{
    return round64(sizeof(struct ft_packet) * SLOT_PACKETS) +
           round64(sizeof(uint16_t) * SLOT_PACKETS) + round64(sizeof(uint32_t) * (n_workers + 1));
}

static uint32_t slots_for(uint32_t n_workers)
{
    return 2 * n_workers + 2;
}

size_t ft_lanes_budget(uint32_t n_workers)
{
    uint32_t n = slots_for(n_workers);

    return round64(sizeof(struct ft__slot) * n) + slot_len(n_workers) * n +
           sizeof(struct ft_view) * FT_LANE_PACKETS * n_workers;
}

static void lay_out(struct ft_lanes *l)
{
    uint8_t *at = l->map;

    l->slots = (struct ft__slot *)(void *)at;
    at += round64(sizeof(struct ft__slot) * l->n_slots);
    for (uint32_t i = 0; i < l->n_slots; i++) {
        struct ft__slot *s = &l->slots[i];

        s->pkts = (struct ft_packet *)(void *)at;
        at += round64(sizeof(struct ft_packet) * SLOT_PACKETS);
        s->order = (uint16_t *)(void *)at;
        at += round64(sizeof(uint16_t) * SLOT_PACKETS);
        s->first = (uint32_t *)(void *)at;
        at += round64(sizeof(uint32_t) * (l->n_workers + 1));
    }
    l->views = (struct ft_view *)(void *)at;
}

enum {
    CLOCKS_LEN = SLOT_PACKETS * sizeof(struct ft_window_clock),
    KEPT_LEN = FT_LANE_PACKETS * FT_FRAGMENTS_KEPT,
    PAYLOADS_LEN = FT_LANE_PACKETS * (FT_PAYLOAD_MAX + FT_HEAD_MAX)
};

/* Room for what is copied of each slot's packets. The memory of a mapped file stays where it is. */
static bool make_payloads(struct ft_lanes *l)
{
    bool app = l->p->plan.payloads, goes = l->split == NULL;

    for (uint32_t i = 0; i < l->n_slots; i++) {
        struct ft__slot *s = &l->slots[i];

        s->kept = app || goes ? ft_map_alloc(KEPT_LEN) : NULL;
        s->payloads = app && goes ? ft_map_alloc(PAYLOADS_LEN) : NULL;
        if ((s->kept == NULL && (app || goes)) || (s->payloads == NULL && app && goes)) {
            return false;
        }
    }
    return true;
}

/* Of each slot's packets, when somebody asks for the clock. */
static bool make_clocks(struct ft_lanes *l)
{
    for (uint32_t i = 0; (l->p->plan.windows || l->p->plan.alerts) && i < l->n_slots; i++) {
        l->slots[i].clocks = ft_map_alloc(CLOCKS_LEN);
        if (l->slots[i].clocks == NULL) {
            return false;
        }
    }
    return true;
}

int ft_lanes_new(struct ft_pipeline *p, uint32_t n_workers, struct ft_lanes **out)
{
    struct ft_lanes *l = ft_mem_alloc(1, sizeof *l);

    if (l == NULL) {
        return FT_E_NOMEM;
    }
    l->p = p;
    l->source = p->source[0];
    l->n_workers = n_workers;
    l->n_slots = slots_for(n_workers);
    l->map_len = ft_lanes_budget(n_workers);
    l->map = ft_map_alloc(l->map_len);
    if (l->map == NULL) {
        ft_mem_free(l);
        return FT_E_NOMEM;
    }
    if (ft_fragments_new(&p->seed, &l->fragments) != FT_OK) {
        ft_map_free(l->map, l->map_len);
        ft_mem_free(l);
        return FT_E_NOMEM;
    }
    pthread_mutex_init(&l->claim, NULL);
    atomic_store_explicit(&l->total, UINT64_MAX, memory_order_relaxed);
    l->clock.now_ns = INT64_MIN;
    lay_out(l);
    ft__lanes_split(l);
    if (!make_payloads(l) || !make_clocks(l)) {
        ft_lanes_free(l);
        return FT_E_NOMEM;
    }
    *out = l;
    return FT_OK;
}

void ft_lanes_free(struct ft_lanes *l)
{
    if (l == NULL) {
        return;
    }
    pthread_mutex_destroy(&l->claim);
    ft_file_split_close(l->split);
    ft_fragments_free(l->fragments);
    for (uint32_t i = 0; i < l->n_slots; i++) {
        if (l->slots[i].clocks != NULL) {
            ft_map_free(l->slots[i].clocks, CLOCKS_LEN);
        }
        if (l->slots[i].kept != NULL) {
            ft_map_free(l->slots[i].kept, KEPT_LEN);
        }
        if (l->slots[i].payloads != NULL) {
            ft_map_free(l->slots[i].payloads, PAYLOADS_LEN);
        }
    }
    ft_map_free(l->map, l->map_len);
    ft_mem_free(l);
}

void ft_lanes_work(const struct ft_lanes *l, struct ft_lanes_work *out)
{
    *out = l->work;
}

size_t ft_lanes_payloads(const struct ft_lanes *l)
{
    const struct ft__slot *s = &l->slots[0];

    return ((s->kept != NULL ? (size_t)KEPT_LEN : 0) + (s->clocks != NULL ? CLOCKS_LEN : 0) +
            (s->payloads != NULL ? (size_t)PAYLOADS_LEN : 0)) *
           l->n_slots;
}

void ft_lanes_stop(struct ft_lanes *l)
{
    atomic_store_explicit(&l->stopped, true, memory_order_relaxed);
}

/* Sorts the packet numbers of a slot by owner, keeping their order (a counting sort). */
void ft__slot_sort(struct ft__slot *s, uint32_t n_workers)
{
    uint32_t at[FT_MAX_WORKERS + 1] = {0};

    for (uint32_t i = 0; i < s->n; i++) {
        at[ft__owner(s->pkts[i].hash, n_workers) + 1]++;
    }
    for (uint32_t k = 0; k < n_workers; k++) {
        at[k + 1] += at[k];
    }
    memcpy(s->first, at, sizeof(uint32_t) * (n_workers + 1));
    for (uint32_t i = 0; i < s->n; i++) {
        s->order[at[ft__owner(s->pkts[i].hash, n_workers)]++] = (uint16_t)i;
    }
}

/* With the claim lock, in the order of the input: a slot's packets are final. w counts them. */
void ft__slot_publish(struct ft_lanes *l, struct ft_worker *w, struct ft__slot *s, uint64_t chunk)
{
    if (FT_UNLIKELY(s->fragments || ft_fragments_waiting(l->fragments))) {
        s->n = ft_fragments_run(l->fragments, &w->dec, s->pkts, s->n,
                                l->p->plan.payloads ? s->kept : NULL);
        ft__slot_sort(s, l->n_workers);
    }

    if (s->clocks != NULL) {
        for (uint32_t i = 0; i < s->n; i++) {
            ft_window_clock_see(&l->clock, s->pkts[i].ts_ns, l->p->plan.window.step_ns);
            s->clocks[i] = l->clock;
        }
    }
    atomic_store_explicit(&s->users, l->n_workers, memory_order_relaxed);
    atomic_store_explicit(&s->published, chunk + 1, memory_order_release); /* pairs with take */
}

void ft__lanes_forget(struct ft_lanes *l)
{
    for (uint32_t i = 0; i < l->n_slots; i++) {
        if (l->slots[i].done) {
            l->slots[i].done = false;
            l->work.thrown += l->slots[i].walked;
            atomic_store_explicit(&l->slots[i].users, 0, memory_order_release);
        }
    }
}

void ft__lanes_end(struct ft_lanes *l, struct ft_worker *w)
{
    uint64_t chunk = l->n_whole;
    struct ft__slot *s = &l->slots[chunk % l->n_slots];

    if (!l->ending || atomic_load_explicit(&s->users, memory_order_acquire) != 0) {
        return;
    }
    l->ending = false;
    s->n = ft_fragments_end(l->fragments, &w->dec, s->pkts);
    if (s->n > 0) {
        s->fragments = false;
        ft__slot_sort(s, l->n_workers);
        ft__slot_publish(l, w, s, chunk++);
    }
    atomic_store_explicit(&l->total, chunk, memory_order_release); /* pairs with take */
}

void ft__lanes_end_at(struct ft_lanes *l, struct ft_worker *w, uint64_t chunks)
{
    if (!l->ended) {
        l->ended = l->ending = true;
        l->n_whole = chunks;
        ft__lanes_forget(l);
    }
    l->eof = true;
    ft__lanes_end(l, w);
}

/* With the claim lock: the next batch of the source. FT_OK: chunk *out_chunk is claimed. */
static int claim_read(struct ft_lanes *l, struct ft_worker *w, struct ft_batch *batch,
                      uint64_t *out_chunk)
{
    struct ft__slot *s = &l->slots[l->next % l->n_slots];
    struct ft_err err;

    if (l->eof) {
        return FT_E_EOF;
    }
    if (l->walking > 0 || /* they read what the source may change: its filter */
        atomic_load_explicit(&s->users, memory_order_acquire) != 0) { /* pairs with take */
        return FT_E_AGAIN;
    }
    int rc = atomic_load_explicit(&l->stopped, memory_order_relaxed)
                 ? FT_E_EOF
                 : l->source->ops->read(l->source, batch, 10, &err);

    if (ft__source_over(l->p, rc, &err)) {
        l->eof = true;
        if (l->verified == l->next) {
            ft__lanes_end_at(l, w, l->next);
        }
        return FT_E_EOF;
    }
    if (rc != FT_OK || batch->n == 0) {
        return FT_E_AGAIN;
    }
    atomic_store_explicit(&s->users, SLOT_CLAIMED, memory_order_relaxed);
    *out_chunk = l->next++;
    return FT_OK;
}

/* With the lock: publishes what is decoded, as far as nothing is missing in between. */
static void publish_in_order(struct ft_lanes *l, struct ft_worker *w)
{
    for (;;) {
        struct ft__slot *s = &l->slots[l->verified % l->n_slots];

        if (!s->done || s->chunk != l->verified) {
            break;
        }
        s->done = false;
        l->verified++;
        ft__slot_publish(l, w, s, s->chunk);
    }
    if (l->eof && l->verified == l->next) {
        ft__lanes_end_at(l, w, l->next);
    }
}

/* What fragments hold is read when the slot's turn comes. */
static void copy_fragments(struct ft__slot *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct ft_packet *p = &s->pkts[i];

        if (p->frag != FT_FRAG_NONE && p->payload_cap > 0) {
            p->payload_cap =
                p->payload_cap < FT_FRAGMENTS_KEPT ? p->payload_cap : FT_FRAGMENTS_KEPT;
            p->payload =
                memcpy(s->kept + (size_t)i * FT_FRAGMENTS_KEPT, p->payload, p->payload_cap);
        }
    }
}

int ft_lanes_decode(struct ft_lanes *l, struct ft_worker *w)
{
    if (l->split != NULL && !atomic_load_explicit(&l->left, memory_order_relaxed)) {
        return ft__lanes_split_decode(l, w);
    }
    struct ft_batch batch = {.views = l->views + (size_t)w->index * FT_LANE_PACKETS,
                             .cap = FT_LANE_PACKETS};
    uint64_t chunk = 0;

    if (pthread_mutex_trylock(&l->claim) != 0) {
        return FT_E_AGAIN;
    }
    ft__lanes_end(l, w);
    int rc = claim_read(l, w, &batch, &chunk);

    pthread_mutex_unlock(&l->claim);
    if (rc != FT_OK) {
        return rc;
    }
    struct ft__slot *s = &l->slots[chunk % l->n_slots];

    ft_decode_batch(&w->dec, batch.views, batch.n, s->pkts, &s->n);
    if (s->payloads != NULL) {
        ft__app_copy(s->pkts, s->n, s->pkts, s->payloads);
    } else if (FT_UNLIKELY(w->dec.fragments && l->split == NULL)) {
        copy_fragments(s);
    }
    l->source->ops->release(l->source, batch.token);
    ft__slot_sort(s, l->n_workers);
    pthread_mutex_lock(&l->claim);
    l->work.apart += batch.n;
    s->fragments = w->dec.fragments;
    s->chunk = chunk;
    s->done = true;
    publish_in_order(l, w);
    pthread_mutex_unlock(&l->claim);
    return FT_OK;
}

/* Copies packets order[at .. at+n) of a slot. */
static void gather(const struct ft__slot *s, uint32_t at, uint32_t n, struct ft_packet *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = s->pkts[s->order[at + i]];
    }
}

/* The clock goes on up to packet `to` of the slot. True: it steps on the way, which is to be dealt
 * with before what comes behind. */
static bool go_to(const struct ft__slot *s, struct ft_worker *w, uint32_t to)
{
    if (FT_LIKELY(to == 0 || w->lane_seen >= to)) {
        return false;
    }
    if (FT_LIKELY(s->clocks[to - 1].epoch == w->lane_clock.epoch)) {
        w->lane_clock = s->clocks[to - 1];
        w->lane_seen = to;
        return false;
    }
    while (s->clocks[w->lane_seen].epoch == w->lane_clock.epoch) {
        w->lane_clock = s->clocks[w->lane_seen++];
    }
    w->lane_before = w->lane_clock;
    w->lane_clock = s->clocks[w->lane_seen++];
    w->lane_steps = true;
    return true;
}

/* The clocks of n packets, as far as they are of the epoch that it is. Returns how many. */
static uint32_t gather_clocks(const struct ft__slot *s, uint32_t at, uint32_t n,
                              const struct ft_worker *w)
{
    for (uint32_t i = 0; i < n; i++) {
        w->clocks[i] = s->clocks[s->order[at + i]];
        if (FT_UNLIKELY(w->clocks[i].epoch != w->lane_clock.epoch)) {
            return i;
        }
    }
    return n;
}

static void mark(const struct ft__slot *s, uint32_t at, uint32_t n, uint64_t base, uint32_t every,
                 struct ft_packet *out)
{
    for (uint32_t i = 0; every > 1 && i < n; i++) {
        out[i].mark |= (base + s->order[at + i]) % every == 0 ? FT_MARK_SAMPLE : 0;
    }
}

/* This worker needs nothing of the slot any more; pairs with claim's acquire. */
static void leave(struct ft__slot *s)
{
    atomic_fetch_sub_explicit(&s->users, 1, memory_order_release);
}

/* No step is behind this worker's last packet of the slot. */
static bool all_seen(const struct ft__slot *s, struct ft_worker *w)
{
    if (s->n > 0 && s->clocks[s->n - 1].epoch != w->lane_clock.epoch) {
        return false;
    }
    w->lane_clock = s->n > 0 ? s->clocks[s->n - 1] : w->lane_clock;
    return true;
}

/* Done with this slot, but for the payloads that lie in it. */
static void next_slot(struct ft_lanes *l, struct ft_worker *w, struct ft__slot *s)
{
    w->lane_pos = 0;
    w->lane_seen = 0;
    w->ordinal += s->n;
    w->next_chunk++;
    if (!l->p->plan.payloads) {
        leave(s);
    } else {
        w->lane_held = (uint32_t)(s - l->slots) + 1;
    }
}

int ft_lanes_take(struct ft_lanes *l, struct ft_worker *w, struct ft_packet *out, uint32_t *out_n)
{
    uint64_t chunk = w->next_chunk;
    struct ft__slot *s = &l->slots[chunk % l->n_slots];

    if (w->lane_held != 0) { /* its last payloads were looked at */
        leave(&l->slots[w->lane_held - 1]);
        w->lane_held = 0;
    }
    if (atomic_load_explicit(&s->published, memory_order_acquire) != chunk + 1) {
        bool over = chunk >= atomic_load_explicit(&l->total, memory_order_acquire);

        return over ? FT_E_EOF : FT_E_AGAIN;
    }
    uint32_t at = s->first[w->index] + w->lane_pos;
    uint32_t left = s->first[w->index + 1] - at;
    uint32_t n = left < FT_BATCH ? left : FT_BATCH;

    bool steps = s->clocks != NULL && go_to(s, w, n > 0 ? s->order[at] + 1u : s->n);

    n = steps ? 0 : n;
    n = s->clocks != NULL ? gather_clocks(s, at, n, w) : n;
    gather(s, at, n, out);
    mark(s, at, n, w->ordinal, l->p->plan.rates.sample_n, out);
    w->lane_pos += n;
    if (n == left && !steps && (s->clocks == NULL || all_seen(s, w))) {
        next_slot(l, w, s);
    }
    *out_n = n;
    return FT_OK;
}
