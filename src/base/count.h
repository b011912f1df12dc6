/* SPDX-License-Identifier: Apache-2.0 */
/* base: a counter with one writer and any number of readers.
 *
 * Theory of operation: the owner thread adds with a relaxed load and store (a plain add in machine
 * code, no locked instruction); the statistics thread reads relaxed. Readers may be late, never
 * torn. */
#ifndef FT_BASE_COUNT_H
#define FT_BASE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "flowtap/macros.h"

struct ft_count {
    _Atomic uint64_t v;
};

/* owner thread only */
FT_INLINE void ft_count_add(struct ft_count *c, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&c->v, memory_order_relaxed);

    atomic_store_explicit(&c->v, v + n, memory_order_relaxed);
}

/* owner thread only; who sees it with ft_count_see() sees what was counted before, too */
FT_INLINE void ft_count_tell(struct ft_count *c, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&c->v, memory_order_relaxed);

    atomic_store_explicit(&c->v, v + n, memory_order_release); /* pairs with ft_count_see() */
}

/* any thread */
FT_INLINE uint64_t ft_count_see(const struct ft_count *c)
{
    return atomic_load_explicit(&c->v, memory_order_acquire); /* pairs with ft_count_tell() */
}

/* owner thread only */
FT_INLINE void ft_count_set(struct ft_count *c, uint64_t n)
{
    atomic_store_explicit(&c->v, n, memory_order_relaxed);
}

/* any thread */
FT_INLINE uint64_t ft_count_get(const struct ft_count *c)
{
    return atomic_load_explicit(&c->v, memory_order_relaxed);
}

#endif
