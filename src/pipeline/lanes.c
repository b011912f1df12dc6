/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: lanes, see lanes.h. */
#include "pipeline/lanes.h"

#include "pipeline/app.h"

#include <string.h>

#include "base/mem.h"
#include "source/file.h"

enum { SPLIT_MIN = 64 << 10, SPLIT_MAX = 4 << 20 };

/* A slot has room for the fragments that its packets may release. */
enum { SLOT_PACKETS = FT_LANE_PACKETS + FT_FRAGMENTS_HELD };

/* In `users` of a slot that is being filled, so that nobody claims it a second time. */
#define SLOT_CLAIMED UINT32_MAX

/* owner: the worker that claimed it until published; then read by all until users is 0. */
struct slot {
    struct ft_packet *pkts; /* [SLOT_PACKETS] */
    uint8_t *payloads; /* [FT_LANE_PACKETS] where the source's memory goes: copies of what fragments
                          hold and, with --app, of payloads; with --app, of what fragments became */
    uint16_t *order;   /* [SLOT_PACKETS] packet numbers, sorted by owner */
    uint32_t *first;   /* [n_workers + 1] where each owner's part of order begins */
    uint32_t n;        /* packets */
    _Atomic uint32_t users;     /* workers that have still to consume it; 0: free */
    _Atomic uint64_t published; /* chunk number + 1 */
    /* until it is published; guarded by the claim lock once done is set: */
    bool done;      /* decoded, but not yet all before it */
    bool fragments; /* there are some among the packets */
    uint64_t chunk; /* its number */
    /* of a split file: */
    uint64_t start, next; /* where the walk began, and where it ended */
    uint64_t limit;       /* where it should have ended at least */
    int rc;               /* FT_E_EOF: all walked; FT_OK: the slot is full; else damage, err */
    struct ft_err err;
    uint64_t verdict[FT_V__COUNT], bytes, decoded_bytes; /* what decoding it counted */
};

struct ft_lanes {
    struct ft_pipeline *p;
    struct ft_source *source;
    uint32_t n_workers, n_slots;
    struct slot *slots;
    struct ft_view *views; /* [n_workers][FT_LANE_PACKETS] scratch */
    void *map;             /* all of the above lie in it */
    size_t map_len;
    struct ft_file_split *split; /* NULL: batches are read from the source */
    uint64_t n_chunks;           /* of the split file */
    uint64_t verified;           /* chunks that are known to be right; guarded by claim */
    uint64_t expect;             /* where the next one truly begins; guarded by claim */
    bool serial;                 /* guessing was given up: chunks are walked one after the other */
    pthread_mutex_t claim;       /* guards next, eof and the source's read() */
    uint64_t next;               /* chunk to be claimed */
    bool eof;
    bool ended;  /* all chunks of the input are published, n_whole; guarded by claim */
    bool ending; /* but for what fragments still hold; guarded by claim */
    uint64_t n_whole;
    struct ft_fragments *fragments; /* guarded by claim: it sees the chunks in order */
    _Atomic uint64_t total;         /* chunks of the input, UINT64_MAX while unknown */
    _Atomic bool stopped;           /* claim no more */
};

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
        at += round64(sizeof(struct ft_packet) * SLOT_PACKETS);
        s->order = (uint16_t *)(void *)at;
        at += round64(sizeof(uint16_t) * SLOT_PACKETS);
        s->first = (uint32_t *)(void *)at;
        at += round64(sizeof(uint32_t) * (l->n_workers + 1));
    }
    l->views = (struct ft_view *)(void *)at;
}

/* Splits the input, if it is one mapped pcap, into chunks that fill a slot about half. */
static void split_file(struct ft_lanes *l)
{
    struct ft_err err;
    uint64_t start, next = 0, len;
    uint32_t n = 0;

    if (ft_file_split_open(l->source, SPLIT_MIN, &l->split) != FT_OK) {
        return;
    }
    if (ft_file_split_guess(l->split, 0, &start) == FT_OK &&
        ft_file_split_walk(l->split, start, UINT64_MAX, l->views, 1024, &n, &next, &err) == FT_OK) {
        len = (next - start) / n * (FT_LANE_PACKETS / 2);
        ft_file_split_close(l->split);
        l->split = NULL;
        len = len < SPLIT_MAX ? len : SPLIT_MAX;
        if (ft_file_split_open(l->source, len, &l->split) != FT_OK) {
            l->split = NULL;
            return;
        }
        l->n_chunks = ft_file_split_count(l->split);
        l->expect = start;
        return;
    }
    ft_file_split_close(l->split); /* empty or damaged at once: the source's own reader says so */
    l->split = NULL;
}

/* Room for the payloads of each slot's packets. */
static bool make_payloads(struct ft_lanes *l)
{
    for (uint32_t i = 0; i < l->n_slots; i++) {
        l->slots[i].payloads = ft_map_alloc((size_t)FT_LANE_PACKETS * FT_PAYLOAD_MAX);
        if (l->slots[i].payloads == NULL) {
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
    lay_out(l);
    split_file(l);
    if ((p->plan.app || l->split == NULL) && !make_payloads(l)) {
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
        if (l->slots[i].payloads != NULL) {
            ft_map_free(l->slots[i].payloads, (size_t)FT_LANE_PACKETS * FT_PAYLOAD_MAX);
        }
    }
    ft_map_free(l->map, l->map_len);
    ft_mem_free(l);
}

size_t ft_lanes_payloads(const struct ft_lanes *l)
{
    return l->slots[0].payloads != NULL ? (size_t)FT_LANE_PACKETS * FT_PAYLOAD_MAX * l->n_slots : 0;
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

/* With the claim lock, in the order of the input: a slot's packets are final. w counts them. */
static void slot_publish(struct ft_lanes *l, struct ft_worker *w, struct slot *s, uint64_t chunk)
{
    if (FT_UNLIKELY(s->fragments || ft_fragments_waiting(l->fragments))) {
        s->n = ft_fragments_run(l->fragments, &w->dec, s->pkts, s->n,
                                l->p->plan.app ? s->payloads : NULL);
        slot_sort(s, l->n_workers);
    }

    atomic_store_explicit(&s->users, l->n_workers, memory_order_relaxed);
    atomic_store_explicit(&s->published, chunk + 1, memory_order_release); /* pairs with take */
}

/* With the claim lock: what was decoded ahead is thrown away. */
static void forget_guesses(struct ft_lanes *l)
{
    for (uint32_t i = 0; i < l->n_slots; i++) {
        if (l->slots[i].done) {
            l->slots[i].done = false;
            atomic_store_explicit(&l->slots[i].users, 0, memory_order_release);
        }
    }
}

/* With the claim lock, when all of the input's chunks are published: what fragments still hold
 * comes out in a slot of its own, as soon as one is free. */
static void end_lanes(struct ft_lanes *l, struct ft_worker *w)
{
    uint64_t chunk = l->n_whole;
    struct slot *s = &l->slots[chunk % l->n_slots];

    if (!l->ending || atomic_load_explicit(&s->users, memory_order_acquire) != 0) {
        return;
    }
    l->ending = false;
    s->n = ft_fragments_end(l->fragments, &w->dec, s->pkts);
    if (s->n > 0) {
        s->fragments = false;
        slot_sort(s, l->n_workers);
        slot_publish(l, w, s, chunk++);
    }
    atomic_store_explicit(&l->total, chunk, memory_order_release); /* pairs with take */
}

static void end_at(struct ft_lanes *l, struct ft_worker *w, uint64_t chunks)
{
    if (!l->ended) {
        l->ended = l->ending = true;
        l->n_whole = chunks;
        forget_guesses(l);
    }
    l->eof = true;
    end_lanes(l, w);
}

/* With the claim lock: the next batch of the source. FT_OK: chunk *out_chunk is claimed. */
static int claim_read(struct ft_lanes *l, struct ft_worker *w, struct ft_batch *batch,
                      uint64_t *out_chunk)
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
        if (l->verified == l->next) {
            end_at(l, w, l->next);
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

/* ---- a split file ---- */

/* Walks a slot's chunk from start and decodes it, a batch at a time while its headers are in the
 * cache; what that counts is kept in the slot. */
static void walk_chunk(struct ft_lanes *l, struct slot *s, uint64_t start)
{
    struct ft_view views[FT_BATCH];
    struct ft_decoder dec;
    uint32_t walked = 0;

    s->start = s->next = start;
    s->n = 0;
    s->rc = start == UINT64_MAX ? FT_E_EOF : FT_OK;
    s->fragments = false;
    ft__decoder_start(l->p, &dec);
    while (s->rc == FT_OK && walked < FT_LANE_PACKETS) {
        uint32_t room = FT_LANE_PACKETS - walked, n = 0, decoded = 0;

        s->rc = ft_file_split_walk(l->split, s->next, s->limit, views,
                                   room < FT_BATCH ? room : FT_BATCH, &n, &s->next, &s->err);
        if (s->rc == FT_OK) {
            ft_decode_batch(&dec, views, n, s->pkts + s->n, &decoded);
            s->n += decoded;
            s->fragments |= dec.fragments;
            walked += n;
        }
    }
    if (s->rc == FT_OK && s->next >= s->limit) {
        s->rc = FT_E_EOF;
    }
    slot_sort(s, l->n_workers);
    memcpy(s->verdict, dec.verdict, sizeof s->verdict);
    s->bytes = dec.bytes;
    s->decoded_bytes = dec.decoded_bytes;
}

/* With the lock: a slot's chunk is right. It is counted and can be taken. */
static void accept_chunk(struct ft_lanes *l, struct ft_worker *w, struct slot *s)
{
    for (int v = 0; v < FT_V__COUNT; v++) {
        w->dec.verdict[v] += s->verdict[v];
    }
    w->dec.bytes += s->bytes;
    w->dec.decoded_bytes += s->decoded_bytes;
    s->done = false;
    l->expect = s->next;
    l->verified++;
    slot_publish(l, w, s, s->chunk);
}

/* With the lock: a chunk held more packets than a slot. From here on chunks are whatever fits, one
 * after the other; what others have guessed beyond is thrown away. */
static void go_serial(struct ft_lanes *l)
{
    l->serial = true;
    l->next = l->verified;
    forget_guesses(l);
}

/* With the lock: checks what is decoded, in order, as far as it goes. */
static void verify_chunks(struct ft_lanes *l, struct ft_worker *w)
{
    while (!l->serial && !l->eof && l->verified < l->n_chunks) {
        struct slot *s = &l->slots[l->verified % l->n_slots];

        if (!s->done || s->chunk != l->verified) {
            return;
        }
        if (s->start != l->expect) {
            walk_chunk(l, s, l->expect); /* the guess was wrong */
        }
        int rc = s->rc;
        struct ft_err err = s->err;

        accept_chunk(l, w, s);
        if (rc == FT_OK) {
            go_serial(l);
            return;
        }
        if (rc != FT_E_EOF) {
            ft_ignore(ft__source_over(l->p, rc, &err)); /* said and kept; there is no next file */
            end_at(l, w, l->verified);
        } else if (l->verified == l->n_chunks) {
            end_at(l, w, l->verified);
        }
    }
}

/* With the lock, serial: the next stretch. The walk is under the lock, the decoding could be
 * outside, but files that come here are made to. */
static int serial_chunk(struct ft_lanes *l, struct ft_worker *w)
{
    struct slot *s = &l->slots[l->next % l->n_slots];

    if (l->eof || atomic_load_explicit(&l->stopped, memory_order_relaxed)) {
        end_at(l, w, l->next);
        return FT_E_EOF;
    }
    if (atomic_load_explicit(&s->users, memory_order_acquire) != 0) {
        return FT_E_AGAIN;
    }
    s->limit = UINT64_MAX;
    s->chunk = l->next;
    walk_chunk(l, s, l->expect);
    int rc = s->rc;
    struct ft_err err = s->err;

    l->next++;
    accept_chunk(l, w, s);
    if (rc != FT_OK && rc != FT_E_EOF) {
        ft_ignore(ft__source_over(l->p, rc, &err)); /* said and kept */
    }
    if (rc != FT_OK) {
        end_at(l, w, l->next);
    }
    return FT_OK;
}

/* With the lock: a chunk to guess at, marked as taken. */
static struct slot *claim_chunk(struct ft_lanes *l, struct ft_worker *w)
{
    struct slot *s = &l->slots[l->next % l->n_slots];

    if (atomic_load_explicit(&l->stopped, memory_order_relaxed) && l->next < l->n_chunks) {
        l->n_chunks = l->next; /* what is claimed is still finished */
        if (l->verified == l->n_chunks) {
            end_at(l, w, l->verified);
        }
    }
    if (l->eof || l->next >= l->n_chunks ||
        atomic_load_explicit(&s->users, memory_order_acquire) != 0) {
        return NULL;
    }
    atomic_store_explicit(&s->users, SLOT_CLAIMED, memory_order_relaxed);
    s->chunk = l->next++;
    s->done = false;
    s->limit = ft_file_split_limit(l->split, s->chunk);
    return s;
}

static int split_decode(struct ft_lanes *l, struct ft_worker *w)
{
    uint64_t start = UINT64_MAX;

    pthread_mutex_lock(&l->claim);
    end_lanes(l, w);
    if (l->serial) {
        int rc = serial_chunk(l, w);

        pthread_mutex_unlock(&l->claim);
        return rc;
    }
    struct slot *s = claim_chunk(l, w);

    pthread_mutex_unlock(&l->claim);
    if (s == NULL) {
        return FT_E_AGAIN;
    }
    uint64_t chunk = s->chunk;

    if (ft_file_split_guess(l->split, s->chunk, &start) != FT_OK) {
        start = UINT64_MAX;
    }
    walk_chunk(l, s, start);
    pthread_mutex_lock(&l->claim);
    if (l->serial || l->ended) { /* meanwhile guessing was given up, or this is beyond the end */
        atomic_store_explicit(&s->users, 0, memory_order_release);
    } else {
        s->done = true;
        verify_chunks(l, w);
    }
    pthread_mutex_unlock(&l->claim);
    ft_file_split_done(l->split, chunk);
    return FT_OK;
}

/* With the lock: publishes what is decoded, as far as nothing is missing in between. */
static void publish_in_order(struct ft_lanes *l, struct ft_worker *w)
{
    for (;;) {
        struct slot *s = &l->slots[l->verified % l->n_slots];

        if (!s->done || s->chunk != l->verified) {
            break;
        }
        s->done = false;
        l->verified++;
        slot_publish(l, w, s, s->chunk);
    }
    if (l->eof && l->verified == l->next) {
        end_at(l, w, l->next);
    }
}

/* What fragments hold is read when the slot's turn comes. */
static void copy_fragments(struct slot *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct ft_packet *p = &s->pkts[i];

        if (p->frag != FT_FRAG_NONE) {
            ft__app_copy(p, 1, p, s->payloads + (size_t)i * FT_PAYLOAD_MAX);
        }
    }
}

int ft_lanes_decode(struct ft_lanes *l, struct ft_worker *w)
{
    if (l->split != NULL) {
        return split_decode(l, w);
    }
    struct ft_batch batch = {.views = l->views + (size_t)w->index * FT_LANE_PACKETS,
                             .cap = FT_LANE_PACKETS};
    uint64_t chunk = 0;

    if (pthread_mutex_trylock(&l->claim) != 0) {
        return FT_E_AGAIN;
    }
    end_lanes(l, w);
    int rc = claim_read(l, w, &batch, &chunk);

    pthread_mutex_unlock(&l->claim);
    if (rc != FT_OK) {
        return rc;
    }
    struct slot *s = &l->slots[chunk % l->n_slots];

    ft_decode_batch(&w->dec, batch.views, batch.n, s->pkts, &s->n);
    if (l->p->plan.app) {
        ft__app_copy(s->pkts, s->n, s->pkts, s->payloads);
    } else if (FT_UNLIKELY(w->dec.fragments)) {
        copy_fragments(s);
    }
    l->source->ops->release(l->source, batch.token);
    slot_sort(s, l->n_workers);
    pthread_mutex_lock(&l->claim);
    s->fragments = w->dec.fragments;
    s->chunk = chunk;
    s->done = true;
    publish_in_order(l, w);
    pthread_mutex_unlock(&l->claim);
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
        out[i].mark |= (base + s->order[at + i]) % every == 0 ? FT_MARK_SAMPLE : 0;
    }
}

/* This worker needs nothing of the slot any more; pairs with claim's acquire. */
static void leave(struct slot *s)
{
    atomic_fetch_sub_explicit(&s->users, 1, memory_order_release);
}

int ft_lanes_take(struct ft_lanes *l, struct ft_worker *w, struct ft_packet *out, uint32_t *out_n)
{
    uint64_t chunk = w->next_chunk;
    struct slot *s = &l->slots[chunk % l->n_slots];

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

    gather(s, at, n, out);
    mark(s, at, n, w->ordinal, l->p->plan.sample_n, out);
    w->lane_pos += n;
    if (n == left) { /* done with this slot, but for the payloads that lie in it */
        w->lane_pos = 0;
        w->ordinal += s->n;
        w->next_chunk++;
        if (!l->p->plan.app) {
            leave(s);
        } else {
            w->lane_held = (uint32_t)(s - l->slots) + 1;
        }
    }
    *out_n = n;
    return FT_OK;
}
