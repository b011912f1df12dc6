/* SPDX-License-Identifier: Apache-2.0 */
/* window: what becomes of windows that are over; for src/window only. */
#ifndef FT_WINDOW_CLOSE_H
#define FT_WINDOW_CLOSE_H

#include "window/fold.h"

/* With the lock: about *budget steps of what is over, more when there are too many windows, which
 * are taken off it, and at most max rows, which are the caller's to show without the lock. True:
 * there is more. */
bool ft__close_slice(struct ft_windows *t, uint32_t *budget, struct ft_window_row *rows,
                     uint32_t max, uint32_t *out_n);

/* One more that is to be put in order. */
void ft__order_add(struct ft_windows *t, uint32_t ref, uint8_t version);

/* All of the kind were. Then again and again, until it is true: all are in order. */
void ft__order_begin(struct ft_windows *t);
bool ft__order_go_on(struct ft_windows *t);

/* The k-th. */
const struct ft__ordered *ft__order_at(const struct ft_windows *t, uint32_t k);

/* Is the k-th, which is before the l-th, of the same entity? */
bool ft__order_same(const struct ft_windows *t, uint32_t k, uint32_t l);

/* Who it is; the hash is not filled in. */
void ft__order_who(const struct ft_windows *t, uint32_t ref, struct ft__who *out);

/* Of the log: the entry, and which of its four is meant. */
FT_INLINE struct ft__entry *ft__order_entry(const struct ft_windows *t, uint32_t ref)
{
    return &t->log[t->closing.kind == FT_ENTITY_HOST ? ref / 2 : ref];
}

FT_INLINE int ft__order_end(const struct ft_windows *t, uint32_t ref)
{
    return t->closing.kind == FT_ENTITY_HOST ? FT__INITIATOR + (int)(ref & 1)
                                             : (int)t->closing.kind;
}

/* The row of an entity whose window is being written; takes note of what is usual. */
void ft__row_make(struct ft_windows *t, const struct ft__coming *it, struct ft_window_row *r);

#endif
