/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the index from a key's hash to an entry number.
 *
 *     bucket: [tag tag tag tag tag tag tag | over][entry x 7 | -]     one cache line
 *
 * Theory of operation: a hash has a home bucket (its low word scaled to the number of buckets) and
 * a tag (other bits, never 0). A key whose home is full goes to the next bucket with room, and
 * every full bucket on the way counts it in `over`; a search ends at the first bucket with over ==
 * 0. At most FT__PROBES buckets are looked at, so keys of equal hash cannot make a packet
 * expensive; when all of them are full the table has to evict one. A tag only says where to look:
 * the caller compares keys in full. The entry remembers its place, so removal needs no search. */
#ifndef FT_FLOW_INDEX_H
#define FT_FLOW_INDEX_H

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "flow/entry.h"

enum { FT__PROBES = 15, FT__BUCKET_SLOTS = 7 };

struct ft__bucket {
    uint32_t tag[7]; /* 0: empty */
    uint32_t over;   /* keys that passed this bucket by */
    uint32_t entry[7];
    uint32_t spare;
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__bucket) == 64, "one cache line");

struct ft__index {
    struct ft__bucket *buckets; /* [n], mapped */
    uint32_t n;
};

FT_INLINE uint32_t ft__index_home(const struct ft__index *x, uint64_t hash)
{
    return (uint32_t)(((hash & UINT32_MAX) * x->n) >> 32);
}

FT_INLINE uint32_t ft__index_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 20) | 1;
}

FT_INLINE uint32_t ft__index_next(const struct ft__index *x, uint32_t b)
{
    return b + 1 == x->n ? 0 : b + 1;
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

/* Puts entry under hash. Returns its place, or FT__NONE when every bucket in reach is full. */
uint32_t ft__index_insert(struct ft__index *x, uint64_t hash, uint32_t entry);

/* An entry in reach of hash, to be evicted when insert says FT__NONE. */
uint32_t ft__index_victim(const struct ft__index *x, uint64_t hash);

void ft__index_remove(struct ft__index *x, uint32_t place);

#endif
