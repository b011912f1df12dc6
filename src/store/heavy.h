/* SPDX-License-Identifier: Apache-2.0 */
/* store: who had most bytes, in bounded memory: Space-Saving (Metwally 2005), weighted.
 *
 * Theory of operation: a counter for each of the keys, up to a number; a new key takes the place of
 * the one with the fewest bytes, whose bytes it keeps as its error. So the bytes of all counters
 * are exactly those that were added; those of a key are between bytes - error and bytes, and who is
 * not there had no more than the fewest. Packets and flows are those since the key took its place.
 * The fewest is on top of a heap; a hash finds the rest. */
#ifndef FT_STORE_HEAVY_H
#define FT_STORE_HEAVY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "flowtap/errors.h"

enum { FT_HEAVY_KEY = 40 /* bytes; what is shorter ends in zeros */ };

struct ft_heavy_count {
    uint64_t bytes, packets, flows, error;
    uint8_t key[FT_HEAVY_KEY];
    uint32_t place; /* in the heap */
    uint32_t zero;
};

struct ft_heavy {
    struct ft_heavy_count *count; /* [cap] */
    uint32_t *heap;               /* [cap] numbers of counts, the fewest bytes first */
    uint32_t *slot;               /* [slots] number + 1, 0: empty */
    uint32_t n, cap, slots;       /* slots: a power of two */
    struct ft_hash_seed seed;
    uint64_t bytes, packets, flows; /* that were added */
};

FT_NODISCARD int ft_heavy_init(struct ft_heavy *h, uint32_t cap); /* FT_E_NOMEM */
void ft_heavy_fini(struct ft_heavy *h);
void ft_heavy_clear(struct ft_heavy *h);

void ft_heavy_add(struct ft_heavy *h, const uint8_t key[FT_HEAVY_KEY], uint64_t bytes,
                  uint64_t packets, uint64_t flows);

/* Numbers of the n counters with most bytes, most first, into out; how many there are. Changes the
 * heap: the next call is _clear(). */
uint32_t ft_heavy_most(struct ft_heavy *h, uint32_t n, uint32_t *out);

#endif
