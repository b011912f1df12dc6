/* SPDX-License-Identifier: Apache-2.0 */
/* base: sums and divisions of times: a capture may say any, before 1970 too. */
#ifndef FT_BASE_TIME_H
#define FT_BASE_TIME_H

#include <stdint.h>

#include "flowtap/macros.h"

/* a - b, saturating; likewise the next one */
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

/* ns in whole units of so many, rounded down: 1000 for microseconds */
FT_INLINE int64_t ft_time_floor(int64_t ns, int64_t unit)
{
    return ns / unit - (ns % unit < 0);
}

#endif
