/* SPDX-License-Identifier: Apache-2.0 */
/* flow: insertion, removal and growth of the index, see index.h. */
#include "flow/index.h"

#include <string.h>

#include "base/mem.h"

/* Buckets whose keys may go to a bucket that was not read yet: those are copied first. A key of
 * bucket b has its home at b - 14 or later, so it goes to 2b - 28 or later. */
enum { GROW_HEAD = 2 * FT__PROBES, GROW_STEP = 16 /* buckets */ };

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
    x->from = x->top = x->n;
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

    for (uint32_t probes = 0; probes < FT__PROBES && probes < x->top; probes++) {
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

    for (uint32_t probes = 0; probes < FT__PROBES && probes < x->top; probes++) {
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

/* Keys out of their buckets. */
struct aside {
    uint32_t tag[FT__PROBES * FT__BUCKET_SLOTS], entry[FT__PROBES * FT__BUCKET_SLOTS];
    uint32_t n;
};

/* Takes out the keys that went on at the beginning since the end was full. */
static void take_wrapped(struct ft__index *x, struct aside *a)
{
    for (uint32_t b = 0; b < FT__PROBES; b++) {
        const struct ft__bucket *from = &x->buckets[b];

        for (uint32_t i = 0; i < FT__BUCKET_SLOTS; i++) {
            if (from->tag[i] != 0 && ft__index_home(x, from->tag[i]) > b) {
                a->tag[a->n] = from->tag[i];
                a->entry[a->n++] = from->entry[i];
            }
        }
    }
    for (uint32_t i = 0; i < a->n; i++) {
        ft__index_remove(x, a->tag[i], a->entry[i]);
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

/* Moves the keys of buckets end - 1 down to begin, whose homes are those of twice the size now. */
static void move_buckets(struct ft__index *x, uint32_t begin, uint32_t end)
{
    struct ft__bucket b;

    while (end-- > begin) {
        b = x->buckets[end];
        memset(&x->buckets[end], 0, sizeof b);
        move_keys(x, &b);
    }
}

/* The last step: the buckets whose keys may go to each other. */
static void move_head(struct ft__index *x, uint32_t end)
{
    struct ft__bucket head[GROW_HEAD];

    memcpy(head, x->buckets, sizeof head);
    memset(x->buckets, 0, sizeof head);
    x->from = 0;
    move_buckets(x, GROW_HEAD, end);
    for (uint32_t i = 0; i < GROW_HEAD; i++) {
        move_keys(x, &head[i]);
    }
    x->n = x->from = x->top;
}

void ft__index_grow(struct ft__index *x)
{
    uint32_t to = x->from > GROW_HEAD + GROW_STEP ? x->from - GROW_STEP : 0, end = x->from;
    bool is_first = x->from == x->n;
    struct aside wrapped = {.n = 0};

    while (to > GROW_HEAD && x->buckets[to - 1].over != 0) {
        to--; /* no key of a home before it is behind it */
    }
    if (is_first || to <= GROW_HEAD) {
        take_wrapped(x, &wrapped);
    }
    if (is_first) {
        x->top = x->n * 2;
    } else {
        end += FT__PROBES; /* where keys of the buckets before it may be */
    }
    if (to <= GROW_HEAD) {
        move_head(x, end);
    } else {
        x->from = to;
        move_buckets(x, to, end);
    }
    for (uint32_t i = 0; i < wrapped.n; i++) {
        ft_ignore(ft__index_insert(x, wrapped.tag[i], wrapped.entry[i]));
    }
}
