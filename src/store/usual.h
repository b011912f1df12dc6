/* SPDX-License-Identifier: Apache-2.0 */
/* store: what is usual for a host: bytes an hour, over 7 and 30 days.
 *
 * Theory of operation: the bytes of each host of the hour that is now are counted in bounded memory
 * (heavy.h). When the hour is over, each host's row is brought forward: means, deviations and a
 * histogram of half octaves, in which an hour weighs less by 1/168 (7 days) or 1/720 (30 days) with
 * each hour that follows; hours in which it was not seen are hours of no bytes. So a row is kept
 * without the hours that it is made of. What the hour has so far is saved with each slice. */
#ifndef FT_STORE_USUAL_H
#define FT_STORE_USUAL_H

#include "store/catalog.h"

enum { FT_USUAL_HOSTS = 8192 /* of an hour */, FT_USUAL_ROWS = 16384 };

struct ft_usual;

/* NULL: no memory. What was saved of an hour is taken up again. */
struct ft_usual *ft_usual_new(struct ft_catalog *c);
void ft_usual_free(struct ft_usual *u);

/* Bytes that a host sent or received. An hour that is over is written. Times of an hour before are
 * counted to the one that is now, older ones are left out. */
void ft_usual_add(struct ft_usual *u, const uint8_t host[16], int64_t at_us, uint64_t bytes);

/* Within a transaction: what the hour has so far. */
FT_NODISCARD int ft_usual_save(struct ft_usual *u);
/* What came since is lost: the hour is as it was saved. An hour that ended since stays as it is. */
void ft_usual_undo(struct ft_usual *u);

/* ---- one host ---- */

enum { FT_USUAL_SPANS = 2, FT_USUAL_BINS = 112 };

struct ft_usual_span {
    double weight, mean, dev2; /* of the hours; the mean; sum of squared deviations */
    float bin[FT_USUAL_BINS];  /* weight of the hours with so many bytes */
};

struct ft_usual_host {
    int64_t hour;  /* the last one that it is brought forward to, since 1970 */
    int64_t hours; /* since it was first seen */
    struct ft_usual_span span[FT_USUAL_SPANS];
};

/* Brings a host forward to an hour, in which it had these bytes. One that is zeroed is new. */
void ft_usual_turn(struct ft_usual_host *h, int64_t hour, uint64_t bytes);

double ft_usual_deviation(const struct ft_usual_span *s);
/* The bytes that so large a part of the hours had no more of; within half an octave. */
double ft_usual_quantile(const struct ft_usual_span *s, double part);

#endif
