/* SPDX-License-Identifier: Apache-2.0 */
/* model: mean and standard deviation from exact sums, see record.h. */
#include <math.h>

#include "model/record.h"

double ft_distribution_mean(const struct ft_distribution *d)
{
    return (double)d->sum / (double)d->n;
}

double ft_distribution_std(const struct ft_distribution *d)
{
    unsigned __int128 whole, part = (unsigned __int128)d->sum * d->sum;
    double pairs = (double)d->n * (double)(d->n - 1);

    if (!__builtin_mul_overflow(d->squares, (unsigned __int128)d->n, &whole)) {
        return whole > part ? sqrt((double)(whole - part) / pairs) : 0;
    }
    /* flows of weeks: 64 bits of mantissa have to do */
    long double mean = (long double)d->sum / (long double)d->n;
    long double rest = (long double)d->squares - (long double)d->sum * mean;

    return rest > 0 ? (double)sqrtl(rest / (long double)(d->n - 1)) : 0;
}
