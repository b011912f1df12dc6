/* SPDX-License-Identifier: Apache-2.0 */
/* detect: a bounded table of entities, see hosts.h. */
#include "detect/hosts.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "base/time.h"

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
    return (size_t)sets_for(n) * FT__WAYS * ((each + 7) / 8 * 8);
}

bool ft__hosts_init(struct ft__hosts *t, uint32_t n, size_t each, const struct ft_hash_seed *seed)
{
    t->each = (each + 7) / 8 * 8;
    t->n_sets = sets_for(n);
    t->seed = seed;
    t->mem = ft_map_alloc_sparse(t->each * t->n_sets * FT__WAYS);
    return t->mem != NULL;
}

void ft__hosts_fini(struct ft__hosts *t)
{
    if (t->mem != NULL) {
        ft_map_free(t->mem, t->each * t->n_sets * FT__WAYS);
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

static struct ft__entity *at(const struct ft__hosts *t, uint64_t set, int way)
{
    return (struct ft__entity *)(void *)(t->mem + (set * FT__WAYS + (unsigned)way) * t->each);
}

static struct ft__entity *look(const struct ft__hosts *t, uint64_t set,
                               const struct ft__host_key *key)
{
    for (int i = 0; i < FT__WAYS; i++) {
        struct ft__entity *e = at(t, set, i);

        if (e->used && memcmp(&e->key, key, sizeof *key) == 0) {
            return e;
        }
    }
    return NULL;
}

/* Whose place a new one takes. */
static struct ft__entity *place(struct ft__hosts *t, uint64_t set, int64_t now_ns)
{
    struct ft__entity *least = NULL;

    for (int i = 0; i < FT__WAYS; i++) {
        struct ft__entity *e = at(t, set, i);

        if (!e->used || is_over(t, e, now_ns)) {
            return e;
        }
        if (least == NULL || e->weight < least->weight ||
            (e->weight == least->weight && e->last_ns < least->last_ns)) {
            least = e;
        }
    }
    t->evicted++;
    return least;
}

void *ft__hosts_find(const struct ft__hosts *t, const struct ft__host_key *key, int64_t now_ns)
{
    struct ft__entity *e = look(t, ft__key_hash(t->seed, key) & (t->n_sets - 1), key);

    return e != NULL && !is_over(t, e, now_ns) ? e : NULL;
}

void *ft__hosts_get(struct ft__hosts *t, const struct ft__host_key *key, int64_t now_ns,
                    bool *fresh)
{
    uint64_t set = ft__key_hash(t->seed, key) & (t->n_sets - 1);
    struct ft__entity *e = look(t, set, key);

    *fresh = e == NULL || is_over(t, e, now_ns);
    if (*fresh) {
        e = e == NULL ? place(t, set, now_ns) : e;
        memset(e, 0, t->each);
        e->key = *key;
        e->used = true;
        e->last_ns = now_ns;
    }
    e->last_ns = now_ns > e->last_ns ? now_ns : e->last_ns;
    return e;
}
