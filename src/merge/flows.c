/* SPDX-License-Identifier: Apache-2.0 */
/* merge: the flows that are held, see flows.h. */
#include "merge/flows.h"

#include <string.h>

#include "base/mem.h"

enum { MEMBERS_EACH = 4, TEXT_EACH = 4096, TEXT_KEPT = 8192 };

int ft__flows_init(struct ft__flows *f, uint32_t max, int64_t tolerance_us)
{
    *f = (struct ft__flows){.max = max, .n_buckets = 64, .tolerance_us = tolerance_us};
    while (f->n_buckets < max) {
        f->n_buckets *= 2;
    }
    f->max_members = (uint64_t)max * MEMBERS_EACH + UINT16_MAX;
    f->max_text = (uint64_t)max * TEXT_EACH + FT__SCAN_LINE;
    ft_hash_seed_random(&f->seed);
    f->flow = ft_map_alloc((size_t)max * sizeof *f->flow);
    f->bucket = ft_map_alloc(f->n_buckets * sizeof *f->bucket);
    f->grave = ft_map_alloc(f->n_buckets * sizeof *f->grave);
    if (f->flow == NULL || f->bucket == NULL || f->grave == NULL) {
        ft__flows_fini(f);
        return FT_E_NOMEM;
    }
    return FT_OK;
}

static void free_members(struct ft__flow *w)
{
    if (w->m != w->few) {
        ft_mem_free(w->m);
    }
}

void ft__flows_fini(struct ft__flows *f)
{
    for (uint32_t i = 0; f->flow != NULL && i < f->used; i++) {
        f->flow[i].text.shape = NULL; /* whose owner may be gone */
        ft__kept_drop(&f->flow[i].text, 0);
        free_members(&f->flow[i]);
    }
    ft_map_free(f->flow, (size_t)f->max * sizeof *f->flow);
    ft_map_free(f->bucket, f->n_buckets * sizeof *f->bucket);
    ft_map_free(f->grave, f->n_buckets * sizeof *f->grave);
    f->flow = NULL;
    f->bucket = NULL;
    f->grave = NULL;
}

bool ft__flows_full(const struct ft__flows *f)
{
    return f->n == f->max || f->members >= f->max_members || f->text >= f->max_text;
}

/* ---- places ---- */

static uint64_t hash_of(const struct ft__flows *f, uint32_t group, const char *key)
{
    return ft_hash_32(&f->seed, (const uint8_t *)key) ^ (group * UINT64_C(0x9e3779b97f4a7c15));
}

static struct ft__flow **bucket_of(struct ft__flows *f, uint64_t hash)
{
    return &f->bucket[hash & (f->n_buckets - 1)];
}

void ft__flows_ahead(struct ft__flows *f, uint32_t group, struct ft__said *said)
{
    said->hash = hash_of(f, group, said->key);
    __builtin_prefetch(bucket_of(f, said->hash));
    __builtin_prefetch(&f->grave[said->hash & (f->n_buckets - 1)]);
}

void ft__flows_near(const struct ft__flows *f, const struct ft__said *said)
{
    const struct ft__flow *w = f->bucket[said->hash & (f->n_buckets - 1)];

    if (w != NULL) {
        __builtin_prefetch(w);
        __builtin_prefetch((const char *)w + 64);
        __builtin_prefetch(w->few);
        __builtin_prefetch((const char *)w->few + 64);
    }
}

static void unlist(struct ft__flows *f, struct ft__flow *w)
{
    *(w->older != NULL ? &w->older->younger : &f->oldest) = w->younger;
    *(w->younger != NULL ? &w->younger->older : &f->youngest) = w->older;
}

static void list(struct ft__flows *f, struct ft__flow *w)
{
    w->older = f->youngest;
    w->younger = NULL;
    *(f->youngest != NULL ? &f->youngest->younger : &f->oldest) = w;
    f->youngest = w;
}

void ft__flows_ask(const struct ft__flows *f, const struct ft__flow *w)
{
    __builtin_prefetch(&f->grave[w->hash & (f->n_buckets - 1)], 1);
    __builtin_prefetch(w->here, 1);
}

void ft__flows_bury(struct ft__flows *f, const struct ft__flow *w)
{
    f->grave[w->hash & (f->n_buckets - 1)] = (struct ft__grave){w->hash, w->first_us, w->last_us};
}

bool ft__flows_buried(const struct ft__flows *f, const struct ft__said *said)
{
    const struct ft__grave *g = &f->grave[said->hash & (f->n_buckets - 1)];

    return g->hash == said->hash && said->first_us <= g->last_us + f->tolerance_us &&
           said->last_us >= g->first_us - f->tolerance_us;
}

void ft__flows_drop(struct ft__flows *f, struct ft__flow *w)
{
    *w->here = w->next;
    if (w->next != NULL) {
        w->next->here = w->here;
    }
    unlist(f, w);
    f->members -= w->n;
    free_members(w);
    w->m = NULL;
    w->n = w->cap = 0;
    f->text -= w->text.cap;
    ft__kept_drop(&w->text, TEXT_KEPT);
    f->text += w->text.cap;
    w->next = f->free;
    f->free = w;
    f->n--;
}

struct ft__flow *ft__flows_new(struct ft__flows *f, uint32_t group, const struct ft__said *said)
{
    struct ft__flow *w = f->free;

    if (w != NULL) {
        f->free = w->next;
    } else {
        w = &f->flow[f->used++];
    }
    f->n++;
    w->hash = said->hash;
    memcpy(w->key, said->key, sizeof w->key);
    w->group = group;
    w->records = 0;
    w->first_us = said->first_us;
    w->last_us = said->last_us;
    w->time_us = said->time_us;
    w->from = said->from;
    w->text_packets = 0;
    w->m = w->few;
    w->n = 0;
    w->cap = FT__FLOW_INLINE;
    struct ft__flow **at = bucket_of(f, w->hash);

    w->next = *at;
    w->here = at;
    if (w->next != NULL) {
        w->next->here = &w->next;
    }
    *at = w;
    list(f, w);
    return w;
}

/* ---- members ---- */

static struct ft__member *member(const struct ft__flow *w, const struct ft__member *m)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->m[i].flow == m->flow && w->m[i].observer == m->observer) {
            return &w->m[i];
        }
    }
    return NULL;
}

static bool has_observer(const struct ft__flow *w, uint32_t observer)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->m[i].observer == observer) {
            return true;
        }
    }
    return false;
}

static void swap(struct ft__member *m)
{
    for (int i = 0; i < FT__COUNT_N; i += 2) {
        uint64_t n = m->n[i];

        m->n[i] = m->n[i + 1];
        m->n[i + 1] = n;
    }
    uint8_t flags = m->flags[0];

    m->flags[0] = m->flags[1];
    m->flags[1] = flags;
}

static int append(struct ft__flows *f, struct ft__flow *w, const struct ft__member *m)
{
    if (w->n == w->cap) {
        struct ft__member *more = ft_mem_alloc((size_t)w->cap * 2, sizeof *more);

        if (more == NULL) {
            return FT_E_NOMEM;
        }
        memcpy(more, w->m, w->n * sizeof *more);
        free_members(w);
        w->m = more;
        w->cap *= 2;
    }
    w->m[w->n++] = *m;
    f->members++;
    return FT_OK;
}

static void add(struct ft__member *to, const struct ft__member *m, bool adds)
{
    for (int i = 0; i < FT__COUNT_N; i++) {
        to->n[i] = m->n[i] + (adds && i < FT__COUNT_IP_BYTES ? to->n[i] : 0);
    }
    to->known &= m->known;
    to->flags[0] |= m->flags[0];
    to->flags[1] |= m->flags[1];
    to->rate = m->rate;
}

static int keep_text(struct ft__flows *f, struct ft__flow *w, const struct ft__record *r)
{
    uint32_t cap = w->text.cap;
    int rc = ft__kept_take(&w->text, r);

    f->text += w->text.cap - cap;
    return rc;
}

static void widen(struct ft__flow *w, int64_t first, int64_t last, int64_t time)
{
    w->first_us = first < w->first_us ? first : w->first_us;
    w->last_us = last > w->last_us ? last : w->last_us;
    w->time_us = time > w->time_us ? time : w->time_us;
}

int ft__flows_add(struct ft__flows *f, struct ft__flow *w, const struct ft__said *said,
                  const struct ft__record *r)
{
    struct ft__member m = said->m;
    bool swapped = said->from != w->from && said->to == w->from;
    struct ft__member *old = member(w, &m);
    uint64_t packets = m.n[0] + m.n[1] + (old != NULL && said->adds ? old->n[0] + old->n[1] : 0);

    if (packets > w->text_packets || w->text.len == 0 ||
        (w->text_flow == m.flow && w->text_observer == m.observer)) {
        if (keep_text(f, w, r) != FT_OK) {
            return FT_E_NOMEM;
        }
        w->text_packets = packets;
        w->text_flow = m.flow;
        w->text_observer = m.observer;
        w->text_swapped = swapped;
    }
    if (swapped) {
        swap(&m);
    }
    if (old != NULL) {
        add(old, &m, said->adds);
    } else if (append(f, w, &m) != FT_OK) {
        return FT_E_NOMEM;
    }
    widen(w, said->first_us, said->last_us, said->time_us);
    w->records++;
    if (f->youngest != w) {
        unlist(f, w);
        list(f, w);
    }
    return FT_OK;
}

/* ---- which flow ---- */

static bool overlaps(const struct ft__flow *w, const struct ft__said *said)
{
    return said->first_us < w->last_us && said->last_us > w->first_us;
}

/* For how long both lasted, negative: how far they are apart; INT64_MIN: they are not of one flow.
 * What an observer itself told apart stays apart, unless it was at the same time. */
static int64_t shared(const struct ft__flows *f, const struct ft__flow *w,
                      const struct ft__said *said)
{
    int64_t begin = said->first_us > w->first_us ? said->first_us : w->first_us;
    int64_t end = said->last_us < w->last_us ? said->last_us : w->last_us;

    if (overlaps(w, said)) {
        return end - begin;
    }
    return begin - end <= f->tolerance_us && !has_observer(w, said->m.observer) ? end - begin
                                                                                : INT64_MIN;
}

/* Everything of b becomes a's, as far as there is memory; b is gone. */
static void unite(struct ft__flows *f, struct ft__flow *a, struct ft__flow *b)
{
    bool turned = a->from != b->from;
    uint32_t i = 0;

    for (; i < b->n; i++) {
        struct ft__member m = b->m[i];

        if (turned) {
            swap(&m);
        }
        if (append(f, a, &m) != FT_OK) {
            break;
        }
    }
    if (i < b->n) { /* out of memory: they stay two */
        f->members -= i;
        a->n -= i;
        return;
    }
    widen(a, b->first_us, b->last_us, b->time_us);
    a->records += b->records;
    if (b->text_packets > a->text_packets) {
        struct ft__kept text = a->text;

        a->text = b->text;
        b->text = text;
        a->text_packets = b->text_packets;
        a->text_flow = b->text_flow;
        a->text_observer = b->text_observer;
        a->text_swapped = b->text_swapped != turned;
    }
    ft__flows_drop(f, b);
}

struct ft__flow *ft__flows_find(struct ft__flows *f, uint32_t group, const struct ft__said *said,
                                struct ft__flow **out_of_key)
{
    uint64_t hash = said->hash;
    struct ft__flow *best = NULL, *next, *oldest = NULL;
    int64_t most = INT64_MIN;
    uint32_t n = 0;

    *out_of_key = NULL;
    for (struct ft__flow *w = *bucket_of(f, hash); w != NULL; w = w->next) {
        if (w->hash != hash || w->group != group || memcmp(w->key, said->key, sizeof w->key) != 0) {
            continue;
        }
        n++;
        oldest = oldest == NULL || w->time_us < oldest->time_us ? w : oldest;
        if (member(w, &said->m) != NULL) {
            best = w;
            break;
        }
        int64_t time = shared(f, w, said);

        if (time > most) {
            best = w;
            most = time;
        }
    }
    *out_of_key = n >= FT__FLOWS_OF_KEY ? oldest : NULL;
    for (struct ft__flow *w = best != NULL ? *bucket_of(f, hash) : NULL; w != NULL; w = next) {
        next = w->next;
        if (w != best && w->hash == hash && w->group == group && overlaps(w, said) &&
            memcmp(w->key, said->key, sizeof w->key) == 0) {
            unite(f, best, w);
        }
    }
    return best;
}
