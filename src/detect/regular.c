/* SPDX-License-Identifier: Apache-2.0 */
/* detect: how regular numbers are, see regular.h. Scores have three decimals, as RITA's. */
#include "detect/regular.h"

#include <math.h>
#include <stdlib.h>

enum { MODES_HOURS = 11, IDEAL_RUN = 12 };

static const double mode_width = 0.05, least_range = 10;

static double thousandths(double v)
{
    return round(v * 1000) / 1000;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median_of(const double *v, uint32_t n)
{
    return n == 0 ? 0 : n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Quartiles are the medians of the halves, which the middle one of an odd number is in none of. */
static double skew_score(const double *v, uint32_t n)
{
    double q1 = median_of(v, n / 2), q2 = median_of(v, n);
    double q3 = median_of(v + (n + 1) / 2, n / 2);

    if (n < 2 || q3 - q1 < least_range || q2 == q1 || q2 == q3) {
        return 1;
    }
    return 1 - fabs((q1 + q3 - 2 * q2) / (q3 - q1));
}

/* Of sorted numbers: their distances from the middle grow outwards both ways. */
static double mad_of(const double *v, uint32_t n, double median)
{
    uint32_t up = 0, need = n / 2 + 1, got;
    double last = 0, before = 0;

    while (up < n && v[up] < median) {
        up++;
    }
    for (uint32_t down = up, i = got = 0; i < need; i++, got++) {
        before = last;
        if (up == n || (down > 0 && median - v[down - 1] < v[up] - median)) {
            last = median - v[--down];
        } else {
            last = v[up++] - median;
        }
    }
    return n % 2 != 0 ? last : (before + last) / 2;
}

void ft__regular(double *v, uint32_t n, double default_mad, struct ft__regular *out)
{
    double mad_score = default_mad;

    qsort(v, n, sizeof *v, compare);
    out->median = median_of(v, n);
    out->mad = mad_of(v, n, out->median);
    if (out->median >= 1) {
        mad_score = (out->median - out->mad) / out->median;
        mad_score = mad_score < 0 ? 0 : mad_score;
    }
    out->score = thousandths((skew_score(v, n) + mad_score) / 2);
}

/* ---- hours ---- */

static uint32_t hours_with(const uint32_t *bars, uint32_t n, uint32_t *out_highest)
{
    uint32_t with = 0;

    *out_highest = 0;
    for (uint32_t i = 0; i < n; i++) {
        with += bars[i] > 0;
        *out_highest = bars[i] > *out_highest ? bars[i] : *out_highest;
    }
    return with;
}

static double even_score(const uint32_t *bars, uint32_t n)
{
    double sum = 0, squares = 0, mean;

    for (uint32_t i = 0; i < n; i++) {
        sum += bars[i];
    }
    mean = sum / n;
    for (uint32_t i = 0; i < n; i++) {
        squares += (bars[i] - mean) * (bars[i] - mean);
    }
    double cv = sqrt(squares / n) / mean;

    return cv > 1 ? 0 : thousandths(1 - cv);
}

/* Hours that fall into the two most frequent heights, of all but one that have any. */
static double modes_score(const uint32_t *bars, uint32_t n)
{
    uint32_t highest, with = hours_with(bars, n, &highest), first = 0, second = 0;
    uint32_t width = (uint32_t)ceil(highest * mode_width);

    if (with < MODES_HOURS) {
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t like = 0, before = 0;

        for (uint32_t k = 0; k < n && bars[i] > 0; k++) {
            bool same = bars[k] > 0 && bars[k] / width == bars[i] / width;

            like += same;
            before += same && k < i;
        }
        if (before > 0 || like == 0) {
            continue; /* it was counted */
        }
        second = like > first ? first : like > second ? like : second;
        first = like > first ? like : first;
    }
    return fmin(thousandths((double)(first + second) / (with - 1)), 1);
}

double ft__regular_histogram(const uint32_t *bars, uint32_t n)
{
    return fmax(even_score(bars, n), modes_score(bars, n));
}

double ft__regular_duration(const uint32_t *bars, uint32_t n, double covered)
{
    uint32_t highest, run = 0, longest = 0;

    if (hours_with(bars, n, &highest) < FT__HOURS_LEAST) {
        return 0;
    }
    for (uint32_t i = 0; i < 2 * n; i++) { /* over the end, too */
        run = bars[i % n] > 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    longest = longest < n ? longest : n;
    double steady = fmin((double)longest / IDEAL_RUN, 1);

    return ceil(fmax(fmin(covered, 1), steady) * 1000) / 1000;
}
