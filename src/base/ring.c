/* SPDX-License-Identifier: Apache-2.0 */
/* base: the ring of ring.h. */
#include "base/ring.h"

#include <string.h>

#include "base/mem.h"
#include "flowtap/errors.h"

int ft_ring_init(struct ft_ring *r, uint32_t limit, uint32_t size)
{
    uint32_t cap = 1;

    while (cap < limit) {
        cap <<= 1;
    }
    memset(r, 0, sizeof *r);
    r->slots = ft_map_alloc((size_t)cap * size);
    if (r->slots == NULL) {
        return FT_E_NOMEM;
    }
    r->size = size;
    r->mask = cap - 1;
    r->limit = limit;
    return FT_OK;
}

void ft_ring_fini(struct ft_ring *r)
{
    ft_map_free(r->slots, ((size_t)r->mask + 1) * r->size);
    r->slots = NULL;
}

/* Copies n items between a flat array and the slots from position pos, around the end. */
static void ring_copy(struct ft_ring *r, uint64_t pos, uint8_t *flat, uint32_t n, int in)
{
    uint32_t at = (uint32_t)pos & r->mask;
    uint32_t first = r->mask + 1 - at < n ? r->mask + 1 - at : n;
    size_t len = (size_t)first * r->size, rest = (size_t)(n - first) * r->size;
    uint8_t *slot = r->slots + (size_t)at * r->size;

    if (in) {
        memcpy(slot, flat, len);
        memcpy(r->slots, flat + len, rest);
    } else {
        memcpy(flat, slot, len);
        memcpy(flat + len, r->slots, rest);
    }
}

uint32_t ft_ring_push(struct ft_ring *r, const void *items, uint32_t n)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    if (head - r->tail_seen + n > r->limit) { /* pairs with ring_pop() release */
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    }
    uint64_t room = r->limit - (head - r->tail_seen);

    n = n < room ? n : (uint32_t)room;
    ring_copy(r, head, (uint8_t *)(uintptr_t)items, n, 1);
    atomic_store_explicit(&r->head, head + n, memory_order_release); /* pairs with pop() acquire */
    return n;
}

uint32_t ft_ring_room(struct ft_ring *r, uint64_t *out_at)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire); /* pairs with pop() */
    *out_at = head;
    return r->limit - (uint32_t)(head - r->tail_seen);
}

uint32_t ft_ring_pop(struct ft_ring *r, void *out_items, uint32_t n)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (r->head_seen - tail < n) { /* pairs with push() release */
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
    }
    uint64_t held = r->head_seen - tail;

    n = n < held ? n : (uint32_t)held;
    ring_copy(r, tail, out_items, n, 0);
    atomic_store_explicit(&r->tail, tail + n, memory_order_release); /* pairs with push() acquire */
    return n;
}

uint32_t ft_ring_fill(const struct ft_ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    return head > tail ? (uint32_t)(head - tail) : 0;
}
