/* SPDX-License-Identifier: Apache-2.0 */
/* base: the least and the most of what was seen. */
#ifndef FT_BASE_RANGE_H
#define FT_BASE_RANGE_H

#include <stdint.h>

#include "flowtap/macros.h"

FT_INLINE void ft_least(uint64_t *v, uint64_t other)
{
    *v = other < *v ? other : *v;
}

FT_INLINE void ft_most(uint64_t *v, uint64_t other)
{
    *v = other > *v ? other : *v;
}

#endif
