/* SPDX-License-Identifier: Apache-2.0 */
/* window: what a flow did in one window, on its way into the table; for src/window only. */
#ifndef FT_WINDOW_FOLD_H
#define FT_WINDOW_FOLD_H

#include "window/table.h"

/* Since it was folded last. */
struct ft__delta {
    struct ft__few few;
    uint32_t listed; /* turn of the list in which the entry is */
    uint8_t list;    /* whose window the packets are of, when there are some */
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__delta) == 64, "one cache line");

/* Whose it is, as the flow began. */
struct ft__flow {
    uint8_t addr[2][16]; /* initiator, responder; zeros behind IPv4 */
    uint16_t port;       /* the responder's */
    uint8_t proto;
    uint8_t version;
};

enum { FT__PAIR, FT__SERVICE, FT__INITIATOR, FT__RESPONDER, FT__ENDS };

struct ft__fold {
    struct ft__flow flow;
    struct ft__few few;
    int64_t index; /* of the window */
    uint32_t epoch;
    struct ft__who who[FT__ENDS];
};

/* Fills in who it is. */
void ft__fold_name(const struct ft_windows *t, struct ft__fold *f);

/* With the lock: n of them go into the table. */
void ft__fold_apply(struct ft_windows *t, const struct ft__fold *folds, uint32_t n);

/* The hash of an entity. */
uint64_t ft__who_hash(const struct ft_windows *t, const struct ft__who *who);

#endif
