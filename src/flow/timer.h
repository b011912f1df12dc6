/* SPDX-License-Identifier: Apache-2.0 */
/* flow: two timer wheels of entries.
 *
 *     tick = time >> shift;  list = tick mod FT__TICKS;  pos = the next tick to look at
 *
 * Theory of operation: every live entry is in one list, at a tick not later than its earliest
 * deadline, or at the horizon when that is further away. A tick is looked at when it has passed
 * whole; the caller takes each entry out, decides by the exact times, and puts it back or ends it.
 * So a packet never moves its flow: a flow whose deadline moved on is simply put back when looked
 * at. Wheel 0 holds flows on probation, wheel 1 established ones: eviction takes from wheel 0
 * first. */
#ifndef FT_FLOW_TIMER_H
#define FT_FLOW_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/entry.h"

enum { FT__TICKS = 4096, FT__WHEELS = 2 };

struct ft__timers {
    struct ft__cold *cold;                     /* the table's */
    uint32_t head[FT__WHEELS * FT__TICKS];     /* entry or FT__NONE */
    uint64_t used[FT__WHEELS][FT__TICKS / 64]; /* bit per list that is not empty */
    uint64_t words[FT__WHEELS];                /* bit per word of used that is not 0 */
    int64_t pos;                               /* tick */
    bool started;                              /* pos means something */
    uint8_t shift;
};

/* horizon_ns: the longest deadline that has to be exact to a tick. */
void ft__timers_init(struct ft__timers *w, struct ft__cold *cold, int64_t horizon_ns);

void ft__timers_insert(struct ft__timers *w, int wheel, uint32_t entry, int64_t deadline_ns);
void ft__timers_remove(struct ft__timers *w, uint32_t entry);

/* Time is now now_ns: far jumps move pos so that every list is looked at once at most. */
void ft__timers_set_now(struct ft__timers *w, int64_t now_ns);

/* An entry of a tick that has passed by now_ns, or FT__NONE; moves pos over empty ticks. */
uint32_t ft__timers_due(struct ft__timers *w, int64_t now_ns);

/* The entry of a wheel with the nearest tick, or FT__NONE. */
uint32_t ft__timers_nearest(const struct ft__timers *w, int wheel);

#endif
