/* SPDX-License-Identifier: Apache-2.0 */
/* flow: insertion, removal and growth of the index, see index.h. */
#include "flow/index.h"

#include <string.h>

#include "base/mem.h"

/* Buckets whose keys may go to a bucket that was not read yet: those are copied first. A key of
 * bucket b has its home at b - 14 or later, so it goes to 2b - 28 or later. */
enum { GROW_HEAD = 2 * FT__PROBES };

_Static_assert((int)GROW_HEAD < (int)FT__BUCKETS_AT_START, "there is always more than the head");

/* The sizes are some 512 to 1024 buckets, doubled again and again until all flows have room. */
static void sizes(uint32_t max_flows, uint32_t *out_first, uint32_t *out_max)
{
    uint32_t n = (max_flows + FT__FLOWS_PER_BUCKET - 1) / FT__FLOWS_PER_BUCKET;
    int doublings = 0;

    while (n >> doublings >= 2 * FT__BUCKETS_AT_START) {
        doublings++;
    }
    *out_first = (n + (1u << doublings) - 1) >> doublings;
    *out_max = *out_first << doublings;
}

size_t ft__index_budget(uint32_t max_flows)
{
    uint32_t first, max;

    sizes(max_flows, &first, &max);
    return (size_t)max * sizeof(struct ft__bucket);
}

bool ft__index_init(struct ft__index *x, uint32_t max_flows)
{
    sizes(max_flows, &x->n, &x->n_max);
    x->buckets = ft_map_alloc((size_t)x->n_max * sizeof *x->buckets);
    return x->buckets != NULL;
}

void ft__index_fini(struct ft__index *x)
{
    ft_map_free(x->buckets, (size_t)x->n_max * sizeof *x->buckets);
}

bool ft__index_insert(struct ft__index *x, uint32_t tag, uint32_t entry)
{
    uint32_t home = ft__index_home(x, tag), b = home, free = 0;

    for (uint32_t probes = 0; probes < FT__PROBES && probes < x->n; probes++) {
        free = ft__bucket_match(&x->buckets[b], 0);
        if (free != 0) {
            break;
        }
        b = ft__index_next(x, b);
    }
    if (free == 0) {
        return false;
    }
    for (uint32_t i = home; i != b; i = ft__index_next(x, i)) {
        x->buckets[i].over++;
    }
    x->buckets[b].tag[__builtin_ctz(free)] = tag;
    x->buckets[b].entry[__builtin_ctz(free)] = entry;
    return true;
}

uint32_t ft__index_victim(const struct ft__index *x, uint32_t tag)
{
    return x->buckets[ft__index_home(x, tag)].entry[tag % FT__BUCKET_SLOTS];
}

/* The slot of an entry in a bucket, or FT__BUCKET_SLOTS. */
static uint32_t slot_of(const struct ft__bucket *b, uint32_t tag, uint32_t entry)
{
    for (uint32_t m = ft__bucket_match(b, tag); m != 0; m &= m - 1) {
        uint32_t slot = (uint32_t)__builtin_ctz(m);

        if (b->entry[slot] == entry) {
            return slot;
        }
    }
    return FT__BUCKET_SLOTS;
}

void ft__index_remove(struct ft__index *x, uint32_t tag, uint32_t entry)
{
    uint32_t home = ft__index_home(x, tag), b = home, slot = FT__BUCKET_SLOTS;

    for (uint32_t probes = 0; probes < FT__PROBES && probes < x->n; probes++) {
        slot = slot_of(&x->buckets[b], tag, entry);
        if (slot != FT__BUCKET_SLOTS) {
            break;
        }
        b = ft__index_next(x, b);
    }
    if (slot == FT__BUCKET_SLOTS) {
        return;
    }
    x->buckets[b].tag[slot] = 0;
    for (uint32_t i = home; i != b; i = ft__index_next(x, i)) {
        x->buckets[i].over--;
    }
}

static void move_keys(struct ft__index *x, const struct ft__bucket *b)
{
    for (uint32_t i = 0; i < FT__BUCKET_SLOTS; i++) {
        if (b->tag[i] != 0) {
            ft_ignore(ft__index_insert(x, b->tag[i], b->entry[i])); /* as good as never fails */
        }
    }
}

void ft__index_grow(struct ft__index *x)
{
    struct ft__bucket head[GROW_HEAD], b;
    uint32_t old = x->n;

    memcpy(head, x->buckets, sizeof head);
    memset(x->buckets, 0, sizeof head);
    x->n = old * 2;
    for (uint32_t i = old - 1; i >= GROW_HEAD; i--) {
        b = x->buckets[i];
        memset(&x->buckets[i], 0, sizeof b);
        move_keys(x, &b);
    }
    for (uint32_t i = 0; i < GROW_HEAD; i++) {
        move_keys(x, &head[i]);
    }
}
