/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: streams by source address, see streams.h. */
#include "output/sink/streams.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rd.h"

enum { SLOTS = 2 * FT__STREAMS_MOST, NONE = UINT16_MAX };

struct entry {
    struct ft_flow_source source;
    uint16_t next;         /* of the same slot */
    uint16_t older, newer; /* by use */
    struct ft__stream stream;
};

struct ft__streams {
    struct ft_hash_seed seed; /* exporters choose addresses */
    uint16_t slot[SLOTS];     /* the first of each; NONE */
    uint16_t oldest, newest;
    uint32_t n;
    uint64_t forgotten;
    struct entry of[FT__STREAMS_MOST]; /* [n] */
};

struct ft__streams *ft__streams_new(void)
{
    struct ft__streams *t = ft_map_alloc_sparse(sizeof *t);

    if (t != NULL) {
        ft_hash_seed_random(&t->seed);
        memset(t->slot, 0xff, sizeof t->slot);
        t->oldest = t->newest = NONE;
    }
    return t;
}

void ft__streams_free(struct ft__streams *t)
{
    if (t != NULL) {
        ft_map_free(t, sizeof *t);
    }
}

static uint16_t *slot_of(struct ft__streams *t, const struct ft_flow_source *s)
{
    uint64_t low = ft_load_u64(s->addr), high = ft_load_u64(s->addr + 8);

    return &t->slot[ft_hash_16(&t->seed, low ^ s->ip_version, high) % SLOTS];
}

/* Takes an entry out of the order of use. */
static void unlink_entry(struct ft__streams *t, uint16_t i)
{
    struct entry *e = &t->of[i];

    *(e->older != NONE ? &t->of[e->older].newer : &t->oldest) = e->newer;
    *(e->newer != NONE ? &t->of[e->newer].older : &t->newest) = e->older;
}

static void link_newest(struct ft__streams *t, uint16_t i)
{
    t->of[i].older = t->newest;
    t->of[i].newer = NONE;
    *(t->newest != NONE ? &t->of[t->newest].newer : &t->oldest) = i;
    t->newest = i;
}

/* The place of the one that was not used for longest. */
static uint16_t forget_oldest(struct ft__streams *t)
{
    uint16_t i = t->oldest, *at = slot_of(t, &t->of[i].source);

    while (*at != i) {
        at = &t->of[*at].next;
    }
    *at = t->of[i].next;
    unlink_entry(t, i);
    t->forgotten++;
    return i;
}

struct ft__stream *ft__streams_get(struct ft__streams *t, const struct ft_flow_source *source,
                                   bool *out_new)
{
    uint16_t *slot = slot_of(t, source), i = *slot;

    while (i != NONE && memcmp(&t->of[i].source, source, sizeof *source) != 0) {
        i = t->of[i].next;
    }
    *out_new = i == NONE;
    if (i != NONE) {
        unlink_entry(t, i);
        link_newest(t, i);
        return &t->of[i].stream;
    }
    i = t->n < FT__STREAMS_MOST ? (uint16_t)t->n++ : forget_oldest(t);
    t->of[i] = (struct entry){.source = *source, .next = *slot};
    *slot = i;
    link_newest(t, i);
    return &t->of[i].stream;
}

uint64_t ft__streams_forgotten(const struct ft__streams *t)
{
    return t->forgotten;
}

size_t ft__streams_memory(void)
{
    return sizeof(struct ft__streams);
}
