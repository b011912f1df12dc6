/* SPDX-License-Identifier: Apache-2.0 */
/* flow: from exact sums to mean and standard deviation, see stat.h. */
#include "flow/stat.h"

#include <math.h>

/* n values with this sum and these squares. */
static void moments(struct ft_distribution *d, uint64_t n, uint64_t sum, unsigned __int128 squares)
{
    unsigned __int128 whole, part = (unsigned __int128)sum * sum;

    d->n = n;
    d->mean = n > 0 ? (double)sum / (double)n : 0;
    d->std = 0;
    if (n < 2) {
        return;
    }
    if (!__builtin_mul_overflow(squares, (unsigned __int128)n, &whole) && whole >= part) {
        d->std = sqrt((double)(whole - part) / ((double)n * (double)(n - 1)));
    } else { /* flows of weeks: 64 bits of mantissa have to do */
        long double mean = (long double)sum / (long double)n;
        long double rest = (long double)squares - (long double)sum * mean;

        d->std = rest > 0 ? (double)sqrtl(rest / (long double)(n - 1)) : 0;
    }
}

void ft__stat_record(const struct ft__stat_side *s, uint64_t n, uint64_t ip_bytes,
                     struct ft_distribution *size, struct ft_distribution *gap)
{
    if (n < 2) {
        *size = (struct ft_distribution){
            .n = n, .min = ip_bytes, .max = ip_bytes, .mean = (double)ip_bytes};
        *gap = (struct ft_distribution){0};
        return;
    }
    moments(size, n, ip_bytes, s->size_squares);
    size->min = s->size_min;
    size->max = s->size_max;
    moments(gap, n - 1, s->gap_sum, s->gap_squares);
    gap->min = s->gap_min;
    gap->max = s->gap_max;
}
