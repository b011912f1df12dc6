/* SPDX-License-Identifier: Apache-2.0 */
/* model: a row of the event `afterimage`: what Kitsune's AfterImage says at a frame. */
#ifndef FT_MODEL_AFTERIMAGE_H
#define FT_MODEL_AFTERIMAGE_H

#include <stdint.h>

enum {
    FT_AFTERIMAGE_RATES = 5, /* of decay: 5, 3, 1, 0.1 and 0.01 a second */
    FT_AFTERIMAGE_ONE = 3,   /* numbers of a stream: weight, mean, variance */
    FT_AFTERIMAGE_TWO = 7,   /* and with its counterpart: radius, magnitude, covariance, pcc */
    /* where each group of columns begins, a rate behind the other in it */
    FT_AFTERIMAGE_MI = 0,
    FT_AFTERIMAGE_HH = FT_AFTERIMAGE_MI + FT_AFTERIMAGE_ONE * FT_AFTERIMAGE_RATES,
    FT_AFTERIMAGE_JIT = FT_AFTERIMAGE_HH + FT_AFTERIMAGE_TWO * FT_AFTERIMAGE_RATES,
    FT_AFTERIMAGE_HPHP = FT_AFTERIMAGE_JIT + FT_AFTERIMAGE_ONE * FT_AFTERIMAGE_RATES,
    FT_AFTERIMAGE_COLUMNS = FT_AFTERIMAGE_HPHP + FT_AFTERIMAGE_TWO * FT_AFTERIMAGE_RATES
};

struct ft_afterimage_row {
    int64_t timestamp_ns;            /* of the frame */
    double v[FT_AFTERIMAGE_COLUMNS]; /* finite */
};

_Static_assert(FT_AFTERIMAGE_COLUMNS == 100, "as many as Kitsune has");

#endif
