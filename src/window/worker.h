/* SPDX-License-Identifier: Apache-2.0 */
/* window: what a worker keeps of its flows; for src/window only. */
#ifndef FT_WINDOW_WORKER_H
#define FT_WINDOW_WORKER_H

#include "window/close.h"

enum {
    FT__LISTS = 8, /* windows at a time, a power of two */
    FT__ROWS = 64,
};

/* Entries with packets in a window. What one holds may be another window's by the time that the
 * list is gone through. */
struct ft__list {
    int64_t index;
    uint32_t n, done;
    uint32_t turn;     /* changes when it is emptied: entries know by it whether they are in it */
    uint32_t *entries; /* [cap], mapped */
};

/* owner: its worker's thread */
struct ft_window_worker {
    struct ft_windows *t;
    uint32_t number, entries;
    uint8_t (*app_of)(const void *state, uint32_t entry); /* or NULL */
    const void *app_state;
    struct ft__delta *deltas; /* [entries], mapped; likewise: */
    struct ft__flow *flows;
    struct ft_window_clock clock;
    const struct ft_window_clock *given; /* of the packets that come next, or NULL */
    int64_t from_ns, until_ns;           /* of the window `index`: the last packet's */
    int64_t index;
    int64_t late_before_ns; /* windows that end by here take no more packets */
    uint64_t late;          /* packets, not yet in the account */
    struct ft__passed said;
    uint32_t turn;
    struct ft__list lists[FT__LISTS];
    struct ft__fold folds[FT__FOLDS];
    uint32_t n_folds;
    struct ft_window_told told[FT__FOLDS];
    int64_t told_index[FT__FOLDS];
    uint32_t n_told;
    struct ft_window_row rows[FT__ROWS]; /* number 0's: made with the lock, shown without */
};

#endif
