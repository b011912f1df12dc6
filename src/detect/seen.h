/* SPDX-License-Identifier: Apache-2.0 */
/* detect: what was seen before; for src/detect only.
 *
 * Theory of operation: two Bloom filters of lines of 512 bits, four bits of a line a key. Keys go
 * into the newer one; when that has as many as there is room for, it becomes the older one. What is
 * in either was seen. One in some hundreds that was not seen is taken for one that was; what was
 * seen is forgotten when the room was filled twice since. */
#ifndef FT_DETECT_SEEN_H
#define FT_DETECT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ft__seen {
    uint64_t *bits[2]; /* [n_lines * 8]: the newer one, the older one; mapped */
    uint32_t n_lines;
    uint32_t room, n; /* keys of the newer one */
};

size_t ft__seen_budget(uint32_t keys);
/* False: no memory. */
bool ft__seen_init(struct ft__seen *s, uint32_t keys);
void ft__seen_fini(struct ft__seen *s);

/* Asks for the memory that a key is in. */
void ft__seen_ask(const struct ft__seen *s, uint64_t hash);

/* Was it seen? */
bool ft__seen_has(const struct ft__seen *s, uint64_t hash);

/* The newer one becomes the older one. */
void ft__seen_turn(struct ft__seen *s);

/* Was it seen? It is now. */
bool ft__seen_see(struct ft__seen *s, uint64_t hash);

#endif
