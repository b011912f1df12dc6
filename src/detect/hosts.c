/* SPDX-License-Identifier: Apache-2.0 */
/* detect: a bounded table of entities, see hosts.h. */
#include "detect/hosts.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "base/time.h"

enum { LINE = 64 };

static uint32_t sets_for(uint32_t n)
{
    uint32_t sets = 1;

    while (sets < (n + FT__WAYS - 1) / FT__WAYS) {
        sets *= 2;
    }
    return sets;
}

size_t ft__hosts_budget(uint32_t n, size_t each)
{
    return (size_t)sets_for(n) * FT__WAYS * ((each + 7) / 8 * 8 + sizeof(uint32_t));
}

bool ft__hosts_init(struct ft__hosts *t, uint32_t n, size_t each, size_t clear)
{
    t->clear = clear;
    t->each = (each + 7) / 8 * 8;
    t->n_sets = sets_for(n);
    t->mem = ft_map_alloc_sparse(t->each * t->n_sets * FT__WAYS);
    t->tags = ft_map_alloc(sizeof *t->tags * t->n_sets * FT__WAYS);
    return t->mem != NULL && t->tags != NULL;
}

void ft__hosts_fini(struct ft__hosts *t)
{
    if (t->mem != NULL) {
        ft_map_free(t->mem, t->each * t->n_sets * FT__WAYS);
    }
    if (t->tags != NULL) {
        ft_map_free(t->tags, sizeof *t->tags * t->n_sets * FT__WAYS);
    }
}

uint64_t ft__key_hash(const struct ft_hash_seed *seed, const struct ft__host_key *k)
{
    uint64_t a = ft_hash_16(seed, ft_load_u64(k->addr), ft_load_u64(k->addr + 8));
    uint64_t b = ft_hash_16(seed, ft_load_u64(k->peer) ^ k->rule, ft_load_u64(k->peer + 8));
    uint64_t c = (uint64_t)k->port << 16 | (uint64_t)k->proto << 8 | k->version;

    return ft_hash_fold(a ^ seed->s[1] ^ c, b ^ seed->s[2]);
}

/* Not heard of for a span, or in a future that the clock has stepped back from. */
static bool is_over(const struct ft__hosts *t, const struct ft__entity *e, int64_t now_ns)
{
    int64_t ago = ft_time_sub(now_ns, e->last_ns);

    return ago > t->span_ns || ago < -t->span_ns;
}

/* Where an entity is, or is to be. */
struct place {
    uint32_t *tags; /* [FT__WAYS] of its set */
    uint8_t *mem;
    uint32_t tag;
};

static struct place place_of(const struct ft__hosts *t, uint64_t hash)
{
    size_t set = hash & (t->n_sets - 1);

    return (struct place){t->tags + set * FT__WAYS, t->mem + set * FT__WAYS * t->each,
                          (uint32_t)(hash >> 32) | 1};
}

void ft__hosts_ask(const struct ft__hosts *t, uint64_t hash)
{
    __builtin_prefetch(place_of(t, hash).tags, 1);
}

static struct ft__entity *at(const struct ft__hosts *t, const struct place *p, int way)
{
    return (struct ft__entity *)(void *)(p->mem + (size_t)way * t->each);
}

/* Asks for what is cleared, or read, of an entity. */
static void ask(const struct ft__hosts *t, const struct place *p, int way)
{
    const uint8_t *e = (const uint8_t *)at(t, p, way);

    for (size_t from = 0; from < t->clear; from += LINE) {
        __builtin_prefetch(e + from, 1);
    }
    __builtin_prefetch(e + t->clear - 1, 1);
}

void ft__hosts_ask_entity(const struct ft__hosts *t, uint64_t hash)
{
    struct place p = place_of(t, hash);
    int free = -1;

    for (int i = 0; i < FT__WAYS; i++) {
        if (p.tags[i] == p.tag) {
            ask(t, &p, i);
            return;
        }
        free = p.tags[i] == 0 && free < 0 ? i : free;
    }
    if (free >= 0) {
        ask(t, &p, free);
        return;
    }
    for (int i = 0; i < FT__WAYS; i++) { /* one of them has to go */
        __builtin_prefetch(&at(t, &p, i)->last_ns);
    }
}

/* By words: a call for forty bytes takes longer than to compare them. */
static bool is_same(const struct ft__host_key *a, const struct ft__host_key *b)
{
    const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
    uint64_t off = 0;

    for (size_t at = 0; at < sizeof *a; at += sizeof off) {
        off |= ft_load_u64(x + at) ^ ft_load_u64(y + at);
    }
    return off == 0;
}

_Static_assert(sizeof(struct ft__host_key) % sizeof(uint64_t) == 0, "words");

static struct ft__entity *look(const struct ft__hosts *t, const struct place *p,
                               const struct ft__host_key *key)
{
    for (int i = 0; i < FT__WAYS; i++) {
        if (p->tags[i] == p->tag && is_same(&at(t, p, i)->key, key)) {
            return at(t, p, i);
        }
    }
    return NULL;
}

/* Whose place a new one takes. */
static int choose(struct ft__hosts *t, const struct place *p, int64_t now_ns)
{
    const struct ft__entity *least = NULL;
    int way = 0;

    for (int i = 0; i < FT__WAYS; i++) {
        if (p->tags[i] == 0) {
            return i;
        }
    }
    for (int i = 0; i < FT__WAYS; i++) {
        const struct ft__entity *e = at(t, p, i);

        if (is_over(t, e, now_ns)) {
            return i;
        }
        if (least == NULL || e->weight < least->weight ||
            (e->weight == least->weight && e->last_ns < least->last_ns)) {
            least = e;
            way = i;
        }
    }
    t->evicted++;
    return way;
}

void *ft__hosts_find(const struct ft__hosts *t, const struct ft__host_key *key, uint64_t hash,
                     int64_t now_ns)
{
    struct place p = place_of(t, hash);
    struct ft__entity *e = look(t, &p, key);

    return e != NULL && !is_over(t, e, now_ns) ? e : NULL;
}

void *ft__hosts_get(struct ft__hosts *t, const struct ft__host_key *key, uint64_t hash,
                    int64_t now_ns, bool *fresh)
{
    struct place p = place_of(t, hash);
    struct ft__entity *e = look(t, &p, key);

    *fresh = e == NULL || is_over(t, e, now_ns);
    if (e == NULL) {
        int way = choose(t, &p, now_ns);

        e = at(t, &p, way);
        p.tags[way] = p.tag;
    }
    if (*fresh) {
        memset(e, 0, t->clear);
        e->key = *key;
        e->last_ns = now_ns;
    }
    e->last_ns = now_ns > e->last_ns ? now_ns : e->last_ns;
    return e;
}
