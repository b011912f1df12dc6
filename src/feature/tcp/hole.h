/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: the sequence numbers of one side of a TCP connection that were not captured, so far.
 *
 * Theory of operation: a segment that begins beyond next leaves a hole before it; a later one may
 * fill it, and an acknowledgment of it says that the peer has what nobody captured. There is room
 * for two holes. When a third opens, the older two become one, of which it is known how much was
 * captured but no longer where:
 *
 *     --|   hole[1], got of it captured   |--- seen ---|  hole[0]  |--- seen ---|next
 *
 * so the number of missing bytes stays right, as long as what fills it is what was missing. All
 * places are taken as distances behind next: holes may be larger than half of the numbers. */
#ifndef FT_FEATURE_TCP_HOLE_H
#define FT_FEATURE_TCP_HOLE_H

#include <stdbool.h>
#include <stdint.h>

enum { FT__HOLES = 2 };

/* All zero: none. owner: the table's thread */
struct ft__holes {
    uint32_t hole[FT__HOLES][2]; /* [start, end), the newer first; start == end: none */
    uint32_t got;                /* bytes of the older one that were captured */
};

/* Is anything missing? */
bool ft__holes_any(const struct ft__holes *h);

/* [start, end) was left out; start is where next was. */
void ft__holes_open(struct ft__holes *h, uint32_t start, uint32_t end);

/* [start, end) was captured late; start lies below next. True when some of it lay in a hole. */
bool ft__holes_fill(struct ft__holes *h, uint32_t next, uint32_t start, uint32_t end);

/* Everything was acknowledged that lies more than `behind` bytes below next. How many bytes of hole
 * i that were; they are missing no more. */
uint32_t ft__hole_miss(struct ft__holes *h, int i, uint32_t next, uint32_t behind);

#endif
