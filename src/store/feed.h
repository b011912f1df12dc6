/* SPDX-License-Identifier: Apache-2.0 */
/* store: what records of flows say to minutes and hours, by the columns that they have. */
#ifndef FT_STORE_FEED_H
#define FT_STORE_FEED_H

#include "store/gather.h"
#include "store/tops.h"
#include "store/usual.h"

enum ft_feed_role {
    FT_FEED_TIME,
    FT_FEED_SRC,
    FT_FEED_DST,
    FT_FEED_PORT,
    FT_FEED_PROTO,
    FT_FEED_SEGMENT,
    FT_FEED_BYTES,
    FT_FEED_BYTES_ELSE, /* where that is null */
    FT_FEED_BYTES_REV,
    FT_FEED_PACKETS,
    FT_FEED_PACKETS_ELSE,
    FT_FEED_PACKETS_REV,
    FT_FEED__COUNT
};

struct ft_feed {
    bool on;                    /* it has a time and bytes */
    int column[FT_FEED__COUNT]; /* -1: there is none */
    struct ft_store_values values[FT_FEED__COUNT];
};

void ft_feed_init(struct ft_feed *f, const struct ft_gather *g);
void ft_feed_fini(struct ft_feed *f);

/* The rows that g holds. FT_E_NOMEM. */
FT_NODISCARD int ft_feed_rows(struct ft_feed *f, struct ft_gather *g, struct ft_tops *tops,
                              struct ft_usual *usual);

#endif
