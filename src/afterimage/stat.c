/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: damped incremental statistics, see stat.h. */
#include "afterimage/stat.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "flowtap/macros.h"

static const double rates[FT__RATES] = {5, 3, 1, .1, .01};
static const double nothing = 1e-20; /* the weight of a stream without values: no division by 0 */

/* The library's own, whatever a compiler knows of squares and powers of two: its last bit may be
 * another one. */
static double (*const volatile power)(double, double) = pow;

/* v * v less what it is rounded to: exact (Dekker 1971), for v from 2^-500 to 2^500. */
static double residue(double v, double product)
{
    static const double split = 134217729; /* 2^27 + 1 */
    double t = split * v, high = t - (t - v), low = v - high;

    return ((high * high - product) + 2 * high * low) + low * low;
}

/* power(v, 2): the product, unless the true one is so near to the middle between two numbers that
 * the library may take the other. Its error is below 0.02 of a last place beyond the half. */
static double squared(double v)
{
    enum { MANTISSA = 52 };
    double product = v * v, unit;
    uint64_t bits;

    memcpy(&bits, &product, sizeof bits);
    bits &= UINT64_C(0x7ff) << MANTISSA; /* the power of two below it */
    memcpy(&unit, &bits, sizeof unit);
    if (FT_LIKELY(fabs(residue(v, product)) < unit * 0x1p-53 * 0.96 || v == 0)) {
        return product;
    }
    return power(v, 2);
}

/* n / 1e9 to the nearest float64, halves to even: one rounding, of whole numbers. */
double ft__image_stat_seconds(int64_t ts_ns)
{
    enum { BITS = 53 };
    static const uint64_t second = 1000000000;
    uint64_t abs = ts_ns < 0 ? (uint64_t)0 - (uint64_t)ts_ns : (uint64_t)ts_ns;
    double v = (double)abs / (double)second;

    if (abs >> BITS != 0) { /* else it is exact, and the division rounds but once */
        int exponent;

        frexp(v, &exponent);

        int shift = BITS - exponent;
        __uint128_t n = (__uint128_t)abs << shift;
        uint64_t q = (uint64_t)(n / second), left = (uint64_t)(n % second);

        q += left * 2 > second || (left * 2 == second && (q & 1) != 0);
        v = ldexp((double)q, -shift);
    }
    return ts_ns < 0 ? -v : v;
}

void ft__image_stat_begin(struct ft__stat *s, double t)
{
    memset(s, 0, sizeof *s);
    s->last = t;
    for (int i = 0; i < FT__RATES; i++) {
        s->w[i] = nothing;
    }
}

void ft__image_joint_begin(struct ft__joint *j, double t)
{
    memset(j, 0, sizeof *j);
    j->last = t;
    for (int i = 0; i < FT__RATES; i++) {
        j->w[i] = nothing;
    }
}

static const double *factors(struct ft__decay *d, double dt)
{
    uint64_t bits;
    uint32_t k;

    memcpy(&bits, &dt, sizeof bits);
    k = (uint32_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 58); /* FT__DECAYS places */
    if (d->of[k].dt != dt) {
        d->of[k].dt = dt;
        for (int i = 0; i < FT__RATES; i++) {
            d->of[k].f[i] = power(2, -rates[i] * dt);
        }
    }
    return d->of[k].f;
}

void ft__image_stat_decay(struct ft__stat *s, double t, struct ft__decay *d)
{
    if (t - s->last > 0) {
        const double *f = factors(d, t - s->last);

        for (int i = 0; i < FT__RATES; i++) {
            s->sum[i] *= f[i];
            s->sq[i] *= f[i];
            s->w[i] *= f[i];
        }
        s->last = t;
    }
}

void ft__image_stat_add(struct ft__stat *s, double v, double t, struct ft__decay *d,
                        struct ft__side *side)
{
    double v2 = squared(v);

    ft__image_stat_decay(s, t, d);
    for (int i = 0; i < FT__RATES; i++) {
        double mean2;

        s->sum[i] += v;
        s->sq[i] += v2;
        s->w[i] += 1;
        s->mean[i] = s->sum[i] / s->w[i];
        mean2 = squared(s->mean[i]);
        s->var[i] = fabs(s->sq[i] / s->w[i] - mean2);
        if (side != NULL) {
            side->mean2[i] = mean2;
            side->residual[i] = v - s->mean[i];
        }
    }
}

void ft__image_joint_add(struct ft__joint *j, double t, struct ft__decay *d,
                         const struct ft__side *mine, const struct ft__side *other)
{
    if (t - j->last > 0) {
        const double *f = factors(d, t - j->last);

        for (int i = 0; i < FT__RATES; i++) {
            j->sum[i] *= f[i];
            j->w[i] *= f[i];
        }
        j->last = t;
    }
    for (int i = 0; i < FT__RATES; i++) {
        j->sum[i] += other != NULL ? mine->residual[i] * other->residual[i] : 0;
        j->w[i] += 1;
    }
}

void ft__image_stat_one(const struct ft__stat *s, double *out, int step)
{
    for (int i = 0; i < FT__RATES; i++, out += step) {
        out[0] = s->w[i];
        out[1] = s->mean[i];
        out[2] = s->var[i];
    }
}

void ft__image_stat_two(const struct ft__stat *const s[2], const struct ft__side *const side[2],
                        const struct ft__joint *j, double *out, int step)
{
    for (int i = 0; i < FT__RATES; i++, out += step) {
        double both = sqrt(s[0]->var[i]) * sqrt(s[1]->var[i]);

        out[0] = sqrt(squared(s[0]->var[i]) + squared(s[1]->var[i]));
        out[1] = sqrt(side[0]->mean2[i] + side[1]->mean2[i]);
        out[2] = j->sum[i] / j->w[i];
        out[3] = both != 0 ? out[2] / both : 0;
    }
}
