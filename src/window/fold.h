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

enum { FT__PAIR, FT__SERVICE, FT__INITIATOR, FT__RESPONDER, FT__ENDS };
enum { FT__ALL_ENDS = (1 << FT__ENDS) - 1 };

struct ft__fold {
    struct ft__entry entry;
    int64_t index; /* of the window */
    uint32_t epoch;
};

/* With the lock: n of them go into logs, or into the table. */
void ft__fold_apply(struct ft_windows *t, const struct ft__fold *folds, uint32_t n);

/* One of the four of an entry; the hash is not filled in. */
void ft__entry_who(const struct ft__entry *e, int end, struct ft__who *out);

/* Fills in its values. */
void ft__entry_name(const struct ft_windows *t, struct ft__entry *e);

/* What an entry of so many packets says besides of one of its four. */
void ft__entry_sets(struct ft_windows *t, const struct ft__entry *e, int end, struct ft__acc *a,
                    uint32_t packets);

/* Records of collect, with the windows that they are of. With the lock. */
void ft__told_apply(struct ft_windows *t, const struct ft_window_told *told, const int64_t *index,
                    uint32_t n, uint32_t epoch);

/* Adds an entry to one of its four. */
void ft__entry_add(struct ft_windows *t, const struct ft__entry *e, int end, struct ft__acc *a);

enum { FT__APPLIED = 8 };

/* Into the table: n of them, at most FT__APPLIED, the last one first, to some of the four of each,
 * bits by number. */
void ft__entry_apply(struct ft_windows *t, const struct ft__entry *e, uint32_t n, uint32_t window,
                     uint32_t ends);

/* The hash of an entity. */
uint64_t ft__who_hash(const struct ft_windows *t, const struct ft__who *who);

#endif
