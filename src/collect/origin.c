/* SPDX-License-Identifier: Apache-2.0 */
/* collect: sources of exporters, ranked by what they hold, see origin.h. */
#include "collect/origin.h"

#include <string.h>

#include "base/mem.h"

enum { BUCKETS_MIN = 256 };

int ft__origins_init(struct ft__origins *o, const struct ft_hash_seed *seed, uint32_t max)
{
    bool good;

    memset(o, 0, sizeof *o);
    o->seed = *seed;
    o->max = max;
    o->n_buckets = BUCKETS_MIN;
    while (o->n_buckets < max && o->n_buckets < 1u << 24) {
        o->n_buckets *= 2;
    }
    o->bucket = ft_mem_alloc(o->n_buckets, sizeof(struct ft__origin *));
    good = o->bucket != NULL;
    for (int i = 0; i < FT__SHARE__COUNT; i++) {
        o->heap[i] = ft_mem_alloc(max, sizeof(struct ft__origin *));
        good = good && o->heap[i] != NULL;
    }
    if (!good) {
        ft__origins_fini(o);
        return FT_E_NOMEM;
    }
    return FT_OK;
}

void ft__origins_fini(struct ft__origins *o)
{
    for (int i = 0; i < FT__SHARE__COUNT; i++) {
        ft_mem_free(o->heap[i]);
    }
    ft_mem_free(o->bucket);
    memset(o, 0, sizeof *o);
}

/* ---- ranks ---- */

static void set_rank(struct ft__origins *o, enum ft__share share, uint32_t at, struct ft__origin *s)
{
    o->heap[share][at] = s;
    s->rank[share] = at;
}

/* Moves s, which is to be put at a place of the heap, to where it belongs. */
static void sift(struct ft__origins *o, enum ft__share share, uint32_t at, struct ft__origin *s)
{
    struct ft__origin **heap = o->heap[share];

    while (at > 0 && heap[(at - 1) / 2]->held[share] < s->held[share]) {
        set_rank(o, share, at, heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < o->n && heap[child + 1]->held[share] > heap[child]->held[share]) {
            child++;
        }
        if (child >= o->n || heap[child]->held[share] <= s->held[share]) {
            break;
        }
        set_rank(o, share, at, heap[child]);
        at = child;
    }
    set_rank(o, share, at, s);
}

void ft__origin_hold(struct ft__origins *o, struct ft__origin *s, enum ft__share share,
                     int64_t change)
{
    s->held[share] += (uint64_t)change;
    sift(o, share, s->rank[share], s);
}

/* ---- the table ---- */

static struct ft__origin **bucket_of(const struct ft__origins *o, uint8_t ip_version,
                                     uint64_t prefix)
{
    return &o->bucket[ft_hash_16(&o->seed, prefix, ip_version) & (o->n_buckets - 1)];
}

static uint64_t prefix_of(uint8_t ip_version, const uint8_t addr[16])
{
    return ip_version == 4 ? ft_load_be32(addr) : ft_load_u64(addr);
}

struct ft__origin *ft__origin_known(const struct ft__origins *o, uint8_t ip_version,
                                    const uint8_t addr[16])
{
    uint64_t prefix = prefix_of(ip_version, addr);
    struct ft__origin *s = *bucket_of(o, ip_version, prefix);

    while (s != NULL && (s->prefix != prefix || s->ip_version != ip_version)) {
        s = s->chain;
    }
    return s;
}

struct ft__origin *ft__origin_find(struct ft__origins *o, uint8_t ip_version,
                                   const uint8_t addr[16])
{
    uint64_t prefix = prefix_of(ip_version, addr);
    struct ft__origin **bucket = bucket_of(o, ip_version, prefix);
    struct ft__origin *s = ft__origin_known(o, ip_version, addr);

    if (s != NULL || o->n == o->max) {
        return s;
    }
    s = ft_mem_alloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->prefix = prefix;
    s->ip_version = ip_version;
    s->chain = *bucket;
    *bucket = s;
    o->n++;
    for (enum ft__share i = 0; i < FT__SHARE__COUNT; i++) {
        set_rank(o, i, o->n - 1, s); /* it holds nothing: the last place is right */
    }
    return s;
}

void ft__origin_drop(struct ft__origins *o, struct ft__origin *s)
{
    struct ft__origin **at = bucket_of(o, s->ip_version, s->prefix);

    while (*at != s) {
        at = &(*at)->chain;
    }
    *at = s->chain;
    o->n--;
    for (enum ft__share i = 0; i < FT__SHARE__COUNT; i++) {
        struct ft__origin *last = o->heap[i][o->n];

        if (last != s) {
            sift(o, i, s->rank[i], last);
        }
    }
    ft_mem_free(s);
}
