/* SPDX-License-Identifier: Apache-2.0 */
/* base: single-producer single-consumer ring of fixed-size items, moved in batches.
 *
 *      tail (consumer)             head (producer)
 *        v                           v
 *   ...  [item][item][item][item]...[free][free]
 *
 * Theory of operation: head and tail only grow; a slot is index & mask. Each side caches the
 * other's position and reads the shared one only when the cache says empty or full, so that a batch
 * of 64 costs one cache line of traffic each way. push copies in, pop copies out; nothing is
 * allocated after init. */
#ifndef FT_BASE_RING_H
#define FT_BASE_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

struct ft_ring {
    uint8_t *slots;                       /* cap * size bytes, owned */
    uint32_t size;                        /* bytes of one item */
    uint32_t mask;                        /* cap of the slots - 1 */
    uint32_t limit;                       /* most items held; at most mask + 1 */
    FT_ALIGNED(64) _Atomic uint64_t head; /* items pushed; written by the producer */
    uint64_t tail_seen;                   /* producer's copy of tail */
    FT_ALIGNED(64) _Atomic uint64_t tail; /* items popped; written by the consumer */
    uint64_t head_seen;                   /* consumer's copy of head */
};

/* A ring that holds at most limit items of size bytes. 0 or FT_E_NOMEM. */
FT_NODISCARD int ft_ring_init(struct ft_ring *r, uint32_t limit, uint32_t size);
void ft_ring_fini(struct ft_ring *r);

/* Copies up to n items in; returns how many fitted (0..n). Producer thread only. */
uint32_t ft_ring_push(struct ft_ring *r, const void *items, uint32_t n);

/* How many items a push would take now; *out_at is the number of the first one since init. Producer
 * thread only. */
uint32_t ft_ring_room(struct ft_ring *r, uint64_t *out_at);

/* Copies up to n items out; returns how many there were. Consumer thread only. */
uint32_t ft_ring_pop(struct ft_ring *r, void *out_items, uint32_t n);

/* Items held now, to be shown to people. Any thread. */
uint32_t ft_ring_fill(const struct ft_ring *r);

#endif
