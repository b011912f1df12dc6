/* SPDX-License-Identifier: Apache-2.0 */
/* detect: how regular numbers are, as RITA v5 scores them; for src/detect only. */
#ifndef FT_DETECT_REGULAR_H
#define FT_DETECT_REGULAR_H

#include <stdbool.h>
#include <stdint.h>

enum { FT__HOURS = 24, FT__HOURS_LEAST = 6 /* seen, for the scores of hours */ };

/* Of numbers, all finite and not negative. */
struct ft__regular {
    double median, mad; /* and the median of the distances from it */
    double score;       /* mean of 1 - |Bowley's skew| and (median - mad) / median */
};

/* Sorts v[n], n at least 1. default_mad: the second half of the score where the median is below 1.
 */
void ft__regular(double *v, uint32_t n, double default_mad, struct ft__regular *out);

/* bars[n]: flows that began in each hour, n from FT__HOURS_LEAST to FT__HOURS, one at least not 0.
 * covered: the part of the time watched that lies between the first and the last. */
double ft__regular_histogram(const uint32_t *bars, uint32_t n);
double ft__regular_duration(const uint32_t *bars, uint32_t n, double covered);

#endif
