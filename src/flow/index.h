/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the index from a key's hash to an entry number.
 *
 *     bucket: [tag tag tag tag tag tag tag | over][entry x 7 | -]     one cache line
 *
 * Theory of operation: a tag is the low word of a hash, never 0; scaled to the number of buckets it
 * is the key's home. A key whose home is full goes to the next bucket with room, and every full
 * bucket on the way counts it in `over`; a search ends at the first bucket with over == 0. At most
 * FT__PROBES buckets are looked at, so keys of equal hash cannot make a packet expensive; when all
 * of them are full the table has to evict one. A tag only says where to look: the caller compares
 * keys in full.
 *
 * The index grows with the flows: it begins small, in address space for the largest, and doubles in
 * place, some buckets with every new flow, from the last to the first. Since the home follows from
 * the tag for any size, growing reads no entry; since twice the size keeps the order of homes, keys
 * that are moved come behind all that are not. Homes from `from` on are those of twice the size:
 *
 *     n = 8, top = 16, from = 5
 *     |0|1|2|3|4| | | | | |10|11|12|13|14|15|
 *      homes of 8           homes of 16            b's keys go to 2b and 2b + 1, and a few behind
 *
 * `from` only stands where no key has passed the bucket before it by, so that no home's keys are on
 * both sides of it. */
#ifndef FT_FLOW_INDEX_H
#define FT_FLOW_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "flow/entry.h"

enum {
    FT__PROBES = 15,
    FT__BUCKET_SLOTS = 7,
    FT__FLOWS_PER_BUCKET = 4,   /* at most, for as long as it can grow: 16 bytes a flow */
    FT__BUCKETS_AT_START = 512, /* or a little more */
};

struct ft__bucket {
    uint32_t tag[7]; /* 0: empty */
    uint32_t over;   /* keys that passed this bucket by */
    uint32_t entry[7];
    uint32_t spare;
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__bucket) == 64, "one cache line");

/* owner: the table's thread */
struct ft__index {
    struct ft__bucket *buckets; /* [n_max], mapped; the first `top` are in use */
    uint32_t n, n_max;
    uint32_t from, top; /* n, n; while it grows: homes from `from` on are those of top = 2n */
};

FT_INLINE uint32_t ft__index_tag(uint64_t hash)
{
    uint32_t tag = (uint32_t)hash;

    return tag != 0 ? tag : 1; /* 0 and 1 have one home */
}

FT_INLINE uint32_t ft__index_home(const struct ft__index *x, uint32_t tag)
{
    uint32_t home = (uint32_t)(((uint64_t)tag * x->n) >> 32);

    return FT_LIKELY(home < x->from) ? home : (uint32_t)(((uint64_t)tag * x->top) >> 32);
}

FT_INLINE uint32_t ft__index_next(const struct ft__index *x, uint32_t b)
{
    return b + 1 == x->top ? 0 : b + 1;
}

/* Bit per slot whose tag matches. */
FT_INLINE uint32_t ft__bucket_match(const struct ft__bucket *b, uint32_t tag)
{
#ifdef __SSE2__
    __m128i t = _mm_set1_epi32((int)tag);
    __m128i lo = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)(const void *)b->tag), t);
    __m128i hi = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)(const void *)b->tag + 1), t);
    uint32_t m = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(lo, hi), lo));

    return m & 0x7f;
#else
    uint32_t m = 0;

    for (uint32_t i = 0; i < FT__BUCKET_SLOTS; i++) {
        m |= (uint32_t)(b->tag[i] == tag) << i;
    }
    return m;
#endif
}

/* Bytes of address space of an index for so many flows. */
size_t ft__index_budget(uint32_t max_flows);

/* False: there is no memory. */
bool ft__index_init(struct ft__index *x, uint32_t max_flows);
void ft__index_fini(struct ft__index *x);

/* Puts entry under tag. False when every bucket in reach is full. */
bool ft__index_insert(struct ft__index *x, uint32_t tag, uint32_t entry);

/* An entry in reach of tag, to be evicted when insert finds no place. */
uint32_t ft__index_victim(const struct ft__index *x, uint32_t tag);

/* The entry stands under tag, or nowhere: then nothing happens. */
void ft__index_remove(struct ft__index *x, uint32_t tag, uint32_t entry);

/* Is it time to grow, with so many flows? */
FT_INLINE bool ft__index_is_small(const struct ft__index *x, uint64_t flows)
{
    return flows > (uint64_t)x->n * FT__FLOWS_PER_BUCKET && x->n < x->n_max;
}

/* A step on the way to twice as many buckets, 16 of them and a few. Called before every new flow
 * for as long as it is small, it is over long before it is small again. Keys that were in reach of
 * their old homes, and find no place in that of the new ones, are gone; with a keyed hash that is
 * as good as never. Such a flow takes no more packets, and ends by its timer. */
void ft__index_grow(struct ft__index *x);

#endif
