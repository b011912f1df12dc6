/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: lanes, see lanes.h. */
#include "pipeline/lanes.h"

#include <string.h>

#include "base/mem.h"

/* In `users` of a slot that is being filled, so that nobody claims it a second time. */
#define SLOT_CLAIMED UINT32_MAX

/* owner: the worker that claimed it until published; then read by all until users is 0. */
struct slot {
    struct ft_packet *pkts;     /* [FT_LANE_PACKETS] */
    uint16_t *order;            /* packet numbers, sorted by owner */
    uint32_t *first;            /* [n_workers + 1] where each owner's part of order begins */
    uint32_t n;                 /* packets */
    _Atomic uint32_t users;     /* workers that have still to consume it; 0: free */
    _Atomic uint64_t published; /* chunk number + 1 */
};

struct ft_lanes {
    struct ft_pipeline *p;
    struct ft_source *source;
    uint32_t n_workers, n_slots;
    struct slot *slots;
    struct ft_view *views; /* [n_workers][FT_LANE_PACKETS] scratch */
    void *map;             /* all of the above lie in it */
    size_t map_len;
    pthread_mutex_t claim; /* guards next, eof and the source's read() */
    uint64_t next;         /* chunk to be claimed */
    bool eof;
    _Atomic uint64_t total; /* chunks of the input, UINT64_MAX while unknown */
    _Atomic bool stopped;   /* claim no more */
};

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static size_t slot_len(uint32_t n_workers)
{
    return round64(sizeof(struct ft_packet) * FT_LANE_PACKETS) +
           round64(sizeof(uint16_t) * FT_LANE_PACKETS) +
           round64(sizeof(uint32_t) * (n_workers + 1));
}

static uint32_t slots_for(uint32_t n_workers)
{
    return 2 * n_workers + 2;
}

size_t ft_lanes_budget(uint32_t n_workers)
{
    uint32_t n = slots_for(n_workers);

    return round64(sizeof(struct slot) * n) + slot_len(n_workers) * n +
           sizeof(struct ft_view) * FT_LANE_PACKETS * n_workers;
}

static void lay_out(struct ft_lanes *l)
{
    uint8_t *at = l->map;

    l->slots = (struct slot *)(void *)at;
    at += round64(sizeof(struct slot) * l->n_slots);
    for (uint32_t i = 0; i < l->n_slots; i++) {
        struct slot *s = &l->slots[i];

        s->pkts = (struct ft_packet *)(void *)at;
        at += round64(sizeof(struct ft_packet) * FT_LANE_PACKETS);
        s->order = (uint16_t *)(void *)at;
        at += round64(sizeof(uint16_t) * FT_LANE_PACKETS);
        s->first = (uint32_t *)(void *)at;
        at += round64(sizeof(uint32_t) * (l->n_workers + 1));
    }
    l->views = (struct ft_view *)(void *)at;
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
    pthread_mutex_init(&l->claim, NULL);
    atomic_store_explicit(&l->total, UINT64_MAX, memory_order_relaxed);
    lay_out(l);
    *out = l;
    return FT_OK;
}

void ft_lanes_free(struct ft_lanes *l)
{
    if (l == NULL) {
        return;
    }
    pthread_mutex_destroy(&l->claim);
    ft_map_free(l->map, l->map_len);
    ft_mem_free(l);
}

void ft_lanes_stop(struct ft_lanes *l)
{
    atomic_store_explicit(&l->stopped, true, memory_order_relaxed);
}

/* Sorts the packet numbers of a slot by owner, keeping their order (a counting sort). */
static void slot_sort(struct slot *s, uint32_t n_workers)
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

static void slot_publish(struct ft_lanes *l, struct slot *s, uint64_t chunk)
{
    slot_sort(s, l->n_workers);
    atomic_store_explicit(&s->users, l->n_workers, memory_order_relaxed);
    atomic_store_explicit(&s->published, chunk + 1, memory_order_release); /* pairs with take */
}

/* With the claim lock: the next batch of the source. FT_OK: chunk *out_chunk is claimed. */
static int claim_read(struct ft_lanes *l, struct ft_batch *batch, uint64_t *out_chunk)
{
    struct slot *s = &l->slots[l->next % l->n_slots];
    struct ft_err err;

    if (l->eof) {
        return FT_E_EOF;
    }
    if (atomic_load_explicit(&s->users, memory_order_acquire) != 0) { /* pairs with take */
        return FT_E_AGAIN;
    }
    int rc = atomic_load_explicit(&l->stopped, memory_order_relaxed)
                 ? FT_E_EOF
                 : l->source->ops->read(l->source, batch, 10, &err);

    if (ft__source_over(l->p, rc, &err)) {
        l->eof = true;
        atomic_store_explicit(&l->total, l->next, memory_order_release);
        return FT_E_EOF;
    }
    if (rc != FT_OK || batch->n == 0) {
        return FT_E_AGAIN;
    }
    atomic_store_explicit(&s->users, SLOT_CLAIMED, memory_order_relaxed);
    *out_chunk = l->next++;
    return FT_OK;
}

int ft_lanes_decode(struct ft_lanes *l, struct ft_worker *w)
{
    struct ft_batch batch = {.views = l->views + (size_t)w->index * FT_LANE_PACKETS,
                             .cap = FT_LANE_PACKETS};
    uint64_t chunk = 0;

    if (pthread_mutex_trylock(&l->claim) != 0) {
        return FT_E_AGAIN;
    }
    int rc = claim_read(l, &batch, &chunk);

    pthread_mutex_unlock(&l->claim);
    if (rc != FT_OK) {
        return rc;
    }
    struct slot *s = &l->slots[chunk % l->n_slots];

    ft_decode_batch(&w->dec, batch.views, batch.n, s->pkts, &s->n);
    l->source->ops->release(l->source, batch.token);
    slot_publish(l, s, chunk);
    return FT_OK;
}

/* Copies packets order[at .. at+n) of a slot. */
static void gather(const struct slot *s, uint32_t at, uint32_t n, struct ft_packet *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[i] = s->pkts[s->order[at + i]];
    }
}

static void mark(const struct slot *s, uint32_t at, uint32_t n, uint64_t base, uint32_t every,
                 struct ft_packet *out)
{
    for (uint32_t i = 0; every > 1 && i < n; i++) {
        out[i].mark = (base + s->order[at + i]) % every == 0 ? FT_MARK_SAMPLE : 0;
    }
}

int ft_lanes_take(struct ft_lanes *l, struct ft_worker *w, struct ft_packet *out, uint32_t *out_n)
{
    uint64_t chunk = w->next_chunk;
    struct slot *s = &l->slots[chunk % l->n_slots];

    if (atomic_load_explicit(&s->published, memory_order_acquire) != chunk + 1) {
        bool over = chunk >= atomic_load_explicit(&l->total, memory_order_acquire);

        return over ? FT_E_EOF : FT_E_AGAIN;
    }
    uint32_t at = s->first[w->index] + w->lane_pos;
    uint32_t left = s->first[w->index + 1] - at;
    uint32_t n = left < FT_BATCH ? left : FT_BATCH;

    gather(s, at, n, out);
    mark(s, at, n, w->ordinal, l->p->plan.sample_n, out);
    w->lane_pos += n;
    if (n == left) { /* done with this slot; pairs with claim's acquire */
        w->lane_pos = 0;
        w->ordinal += s->n;
        w->next_chunk++;
        atomic_fetch_sub_explicit(&s->users, 1, memory_order_release);
    }
    *out_n = n;
    return FT_OK;
}
