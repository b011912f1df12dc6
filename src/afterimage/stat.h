/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: damped incremental statistics, as Kitsune's AfterImage.py reckons them.
 *
 * Theory of operation: a stream of values is three sums, of 1, v and v * v, each for five rates of
 * decay; before a value is added at time t, what is there is multiplied by 2 ^ (-rate * (t -
 * last)). Mean and variance are those as of the last value. All of it is float64, in the order of
 * the operations there, with the powers of the same C library that Python has, so that numbers are
 * equal bit for bit: variances of streams whose values are all alike are what rounding leaves, and
 * a correlation is made of two of those.
 *
 * What two streams have together, of a pair of them, is the damped sum of the products of residuals
 * (v less the mean of its stream, that value included): at each value of either stream, of its
 * residual with the other's last one. */
#ifndef FT_AFTERIMAGE_STAT_H
#define FT_AFTERIMAGE_STAT_H

#include <stdbool.h>

#include "model/afterimage.h"

enum { FT__RATES = FT_AFTERIMAGE_RATES };

/* What has become of 1 after a time, at each rate. They are kept: a frame asks for the same ones
 * again and again, since who talks to each other was brought up to date together. */
enum { FT__DECAYS = 64 };

struct ft__decay {
    struct {
        double dt; /* seconds, > 0; 0: of none yet */
        double f[FT__RATES];
    } of[FT__DECAYS]; /* by what dt hashes to */
};

struct ft__stat {
    double last; /* seconds since 1970 */
    double w[FT__RATES], sum[FT__RATES], sq[FT__RATES];
    double mean[FT__RATES], var[FT__RATES]; /* as of the last value */
};

/* Of a stream that has pairs, besides; as of its last value. */
struct ft__side {
    double mean2[FT__RATES]; /* squares */
    double residual[FT__RATES];
};

struct ft__joint {
    double last;
    double sum[FT__RATES], w[FT__RATES];
};

/* Seconds since 1970 as the float64 that is nearest, as Python reads the decimal number. */
double ft__image_stat_seconds(int64_t ts_ns);

/* A stream without values at time t. */
void ft__image_stat_begin(struct ft__stat *s, double t);
void ft__image_joint_begin(struct ft__joint *j, double t);

/* Time goes on to t, if it does. */
void ft__image_stat_decay(struct ft__stat *s, double t, struct ft__decay *d);

/* Value v at time t; side: NULL, or what follows of it. */
void ft__image_stat_add(struct ft__stat *s, double v, double t, struct ft__decay *d,
                        struct ft__side *side);

/* A value of stream `mine` came at t; other: of the other one, NULL when it has had none since they
 * are a pair. */
void ft__image_joint_add(struct ft__joint *j, double t, struct ft__decay *d,
                         const struct ft__side *mine, const struct ft__side *other);

/* weight, mean and variance, rate by rate, each `step` apart. */
void ft__image_stat_one(const struct ft__stat *s, double *out, int step);

/* radius, magnitude, covariance and correlation likewise. */
void ft__image_stat_two(const struct ft__stat *const s[2], const struct ft__side *const side[2],
                        const struct ft__joint *j, double *out, int step);

#endif
