/* SPDX-License-Identifier: Apache-2.0 */
/* serve: sums of traffic, and who had most of it: of minutes, or of flow records. */
#ifndef FT_SERVE_SUMS_H
#define FT_SERVE_SUMS_H

#include "serve/grid.h"

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
    FT__TOP_ASN,
    FT__TOP_COUNTRY,
    FT__TOP_KEYS
};

/* All of a window in whole minutes. */
FT_NODISCARD int ft__sums_minutes(struct ft_desk *d, const struct ft__span *s, struct ft__sums *out,
                                  struct ft_err *err);

/* Likewise of flow records: exact, for any window. */
FT_NODISCARD int ft__sums_flows(struct ft_desk *d, const struct ft__span *s, struct ft__sums *out,
                                struct ft_err *err);

/* {"bytes":...,"packets":...,"flows":... without the end of the object. */
void ft__sums_put(const struct ft__sums *s, struct ft_text *out);

/* May sums of a window be shown? At FT_PRIVACY_AGGREGATES those of FT__DESK_K hosts and more that
 * began flows in it. */
FT_NODISCARD int ft__sums_enough(struct ft_desk *d, const struct ft__span *s, bool *out,
                                 struct ft_err *err);

/* What a flow record adds to bytes and packets: as the minutes count it, see store/feed.c. */
void ft__sums_bytes(const struct ft_desk *d, struct ft_text *sql);
/* "total(bytes), total(packets), total(flows)" of flow records. */
void ft__sums_columns(const struct ft_desk *d, struct ft_text *sql);
/* Are these columns there? FT_E_USAGE. */
FT_NODISCARD int ft__sums_there(const struct ft_desk *d, struct ft_err *err);

/* The k with most bytes of a window in whole minutes, with their bounds of error. all: of this
 * window. */
FT_NODISCARD int ft__top_minutes(struct ft_desk *d, const struct ft__span *s, enum ft__top_key key,
                                 uint32_t k, const struct ft__sums *all, size_t most,
                                 struct ft_text *out, struct ft_err *err);

/* "columns", "rows", "other", "total" of rows whose columns from first on are bytes, packets and
 * flows; behind `by` of these (0 to 2) stands its share. What is left of all is other. */
void ft__top_put(const struct ft_desk *d, const struct ft__grid *g, uint32_t first, int by,
                 const struct ft__sums *all, double end_s, size_t most, struct ft_text *out);

#endif
