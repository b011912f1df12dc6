/* SPDX-License-Identifier: Apache-2.0 */
/* base: saturating sums of times: a capture may say any. */
#ifndef FT_BASE_TIME_H
#define FT_BASE_TIME_H

#include <stdint.h>

#include "flowtap/macros.h"

/* a - b */
FT_INLINE int64_t ft_time_sub(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_sub_overflow(a, b, &r) ? (a < b ? INT64_MIN : INT64_MAX) : r;
}

/* a + b */
FT_INLINE int64_t ft_time_add(int64_t a, int64_t b)
{
    int64_t r;

    return __builtin_add_overflow(a, b, &r) ? (b < 0 ? INT64_MIN : INT64_MAX) : r;
}

#endif
