/* SPDX-License-Identifier: Apache-2.0 */
/* window: what is usual, and whom a host knows; for src/window only.
 *
 * Theory of operation: both are asked once for each entity of a window, when it is written, in the
 * order of the rows, so that their answers depend on nothing else.
 *
 * Usual: moving mean and variance (EWMA, alpha 0.1) of bytes and flows begun, by entity and span,
 * over the windows in which it was seen. The table has lines of four places; of a full line the
 * one that was not seen longest gives way.
 *
 * Known: two Bloom filters of pairs, four hashes each. Pairs are put into the current one; when it
 * is an hour old, or half full, it becomes the one before, and that is cleared. A pair that is in
 * one of them is known; so a new one is one that was not there for an hour or two, and one in some
 * is missed: ft__known_false() is that probability. */
#ifndef FT_WINDOW_USUAL_H
#define FT_WINDOW_USUAL_H

#include "window/table.h"

struct ft__usual_says {
    double mean[2], z[2]; /* bytes, flows; ft_window_null() for null */
};

size_t ft__usual_budget(uint64_t entities);
FT_NODISCARD int ft__usual_open(struct ft__usual *u, uint64_t entities);
void ft__usual_close(struct ft__usual *u);

/* Asks for the memory that this key is in. */
void ft__usual_ask(const struct ft__usual *u, uint64_t key);

/* What was usual for this key, and takes note of what is now. */
void ft__usual_see(struct ft__usual *u, uint64_t key, const uint64_t now[2],
                   struct ft__usual_says *out);

size_t ft__known_budget(uint32_t pairs);
FT_NODISCARD int ft__known_open(struct ft__bloom *b, uint32_t pairs);
void ft__known_close(struct ft__bloom *b);

/* It is now_ns: the filters turn when it is time. */
void ft__known_turn(struct ft__bloom *b, int64_t now_ns);

/* Was it known? It is now. */
bool ft__known_see(struct ft__bloom *b, uint64_t hash);

/* Probability that a pair that was never seen is known. */
double ft__known_false(const struct ft__bloom *b);

#endif
