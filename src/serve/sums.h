/* SPDX-License-Identifier: Apache-2.0 */
/* serve: sums of traffic, and who had most of it: of minutes, or of flow records. */
#ifndef FT_SERVE_SUMS_H
#define FT_SERVE_SUMS_H

#include "serve/desk_parts.h"

struct ft__sums {
    double bytes, packets, flows;
};

enum ft__top_key {
    FT__TOP_SRC,
    FT__TOP_DST,
    FT__TOP_PAIR,
    FT__TOP_PORT,
    FT__TOP_MINUTES, /* the ones above have minutes */
    FT__TOP_APP = FT__TOP_MINUTES,
    FT__TOP_PROTOCOL,
    FT__TOP_KEYS
};

/* All of a window in whole minutes. */
FT_NODISCARD int ft__sums_minutes(struct ft_desk *d, const struct ft__span *s, struct ft__sums *out,
                                  struct ft_err *err);

/* How many hosts began flows in a window, FT__DESK_K at most. */
FT_NODISCARD int ft__sums_hosts(struct ft_desk *d, const struct ft__span *s, double *out,
                                struct ft_err *err);

/* "columns", "rows" and "other" of the k with most bytes of a window in whole minutes, with their
 * bounds of error. all: of this window. */
FT_NODISCARD int ft__top_minutes(struct ft_desk *d, const struct ft__span *s, enum ft__top_key key,
                                 uint32_t k, const struct ft__sums *all, struct ft_text *out,
                                 struct ft_err *err);

#endif
