/* SPDX-License-Identifier: Apache-2.0 */
/* window: the sets of an entity; for src/window only.
 *
 * Theory of operation: up to five values of all its sets together stand in the entity itself; from
 * then on a struct ft__set of each (distinct.h) has their place. What the sets say is the same. */
#ifndef FT_WINDOW_SETS_H
#define FT_WINDOW_SETS_H

#include "window/distinct.h"

enum ft__which {
    FT__PEERS_OUT,
    FT__PEERS_IN,
    FT__PORTS, /* counts, and its values have 16 bits */
    FT__SETS
};

enum { FT__SLOTS = 5 };

/* All zero: empty. */
struct ft__sets {
    union {
        struct {
            uint32_t slot[FT__SLOTS]; /* a value; of ports its count << 16 */
            uint8_t n;
            uint8_t which[2]; /* of slot i its two bits from 2 i on */
            uint8_t out;      /* not 0: they are sets, and this is the mark of the last one */
        };
        struct ft__set set[FT__SETS];
    };
};

_Static_assert(sizeof(struct ft__sets) == 24, "what is left of two cache lines");
_Static_assert(offsetof(struct ft__sets, out) == offsetof(struct ft__sets, set[FT__SETS - 1].mark),
               "as it says");

/* A value, n times more. */
void ft__sets_add(struct ft__set_room *r, struct ft__sets *s, enum ft__which which, uint32_t value,
                  uint32_t n);

/* All of `from` into `to`; from stays. */
void ft__sets_merge(struct ft__set_room *r, struct ft__sets *to, const struct ft__sets *from);

/* Asks for the memory that values will be looked for in. */
void ft__sets_ask(const struct ft__set_room *r, const struct ft__sets *s);

/* Gives back what they have. */
void ft__sets_clear(struct ft__set_room *r, struct ft__sets *s);

/* How many; UINT64_MAX: lost. */
uint64_t ft__sets_size(const struct ft__set_room *r, const struct ft__sets *s,
                       enum ft__which which);

/* Entropy in bits of FT__PORTS; below 0: it is empty, or lost. */
double ft__sets_entropy(struct ft__set_room *r, const struct ft__sets *s);

#endif
