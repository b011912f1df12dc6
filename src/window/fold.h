/* SPDX-License-Identifier: Apache-2.0 */
/* window: what a flow did in one window, on its way into the table; for src/window only. */
#ifndef FT_WINDOW_FOLD_H
#define FT_WINDOW_FOLD_H

#include "window/table.h"

enum { FT__DELTA_PACKETS = 255 /* most of one: then it is folded, and another begins */ };

/* Since it was folded last. By direction where it is an array of two: FT_DIR_*. */
struct ft__delta {
    int64_t index; /* of the window, when there are packets */
    uint64_t squares, gap_us, gap_squares;
    uint32_t bytes[2];
    uint8_t packets[2];
    uint8_t begun; /* the flow did */
    uint8_t gaps;
    uint8_t syn[2], syn_ack[2], rst[2];
    uint8_t sizes[FT_WINDOW_SIZES];
    uint32_t listed; /* turn of the list in which the entry is */
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__delta) == 64, "one cache line");

/* Whose it is, as the flow began. */
struct ft__flow {
    uint8_t addr[2][16]; /* initiator, responder; zeros behind IPv4 */
    uint16_t port;       /* the responder's */
    uint8_t proto;
    uint8_t version;
};

/* Bits of ft__fold.over. */
enum { FT__OVER = 1, FT__FAILED = 2 };

struct ft__fold {
    struct ft__flow flow;
    struct ft__delta delta;
    uint32_t epoch;
    uint8_t over; /* FT__OVER: the flow ended in this window */
    struct ft__who pair, service, host[2];
};

/* Fills in who it is. */
void ft__fold_name(const struct ft_windows *t, struct ft__fold *f);

/* With the lock: n of them go into the table. */
void ft__fold_apply(struct ft_windows *t, const struct ft__fold *folds, uint32_t n);

/* The hash of an entity. */
uint64_t ft__who_hash(const struct ft_windows *t, const struct ft__who *who);

#endif
