/* SPDX-License-Identifier: Apache-2.0 */
/* window: how many different values there were, and how often each: exact up to 32, then estimated.
 *
 * Theory of operation: a set is 8 bytes. Up to FT__EXACT values stand in nodes of one pool, 32
 * bytes each, or, from the eighth on and where they are not counted, in a run of another, 128
 * bytes; beyond, the set is a block of a third one: 1024 registers of a HyperLogLog
 * (Flajolet 2007) and, of sets that count, the counts of 64 classes that values are hashed to. Both
 * are functions of the values alone, not of their order: the block is made from the values as the
 * nodes would have had them. A pool that is empty makes the set lost: it says nothing any more,
 * which is counted.
 *
 * owner: whoever holds the windows' lock */
#ifndef FT_WINDOW_DISTINCT_H
#define FT_WINDOW_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum { FT__EXACT = 32, FT__REGISTERS = 1024, FT__CLASSES = 64, FT__LOGS = 256 };

enum { FT__SET_EXACT, FT__SET_RUN /* exact, too */, FT__SET_ESTIMATED, FT__SET_LOST };

/* All zero: empty. */
struct ft__set {
    uint32_t head; /* node + 1, or with FT__SET_RUN run + 1, with FT__SET_ESTIMATED the block */
    uint16_t n;    /* values, while exact */
    uint8_t state; /* FT__SET_* */
    uint8_t mark;  /* its owner's: stays as it is */
};

struct ft__set_node {
    uint32_t word[7]; /* values; of sets that count: value, count, value, count, ... */
    uint32_t next;    /* node + 1, or 0 */
};

struct ft__set_run {
    uint32_t word[FT__EXACT];
} FT_ALIGNED(64);

struct ft__set_block {
    uint8_t reg[FT__REGISTERS];
    uint32_t count[FT__CLASSES]; /* stays at UINT32_MAX */
};

/* Where nodes and blocks come from. */
struct ft__set_room {
    struct ft__set_node *nodes;   /* [n_nodes], mapped */
    struct ft__set_run *runs;     /* [n_runs], mapped */
    struct ft__set_block *blocks; /* [n_blocks], mapped */
    uint32_t n_nodes, n_runs, n_blocks;
    uint32_t fresh_nodes, fresh_runs, fresh_blocks; /* that were never used: from here on */
    uint32_t free_nodes;                            /* node + 1, by next */
    uint32_t free_runs;                             /* run + 1, by word[0] */
    uint32_t free_blocks;                           /* block + 1, by count[0] */
    uint64_t lost;                                  /* sets that found no room */
    double n_log_n[FT__LOGS];                       /* n log2 n */
};

/* FT_E_NOMEM; to be closed in any case. */
FT_NODISCARD int ft__set_room_open(struct ft__set_room *r, uint32_t nodes, uint32_t runs,
                                   uint32_t blocks);
void ft__set_room_close(struct ft__set_room *r);
size_t ft__set_room_budget(uint32_t nodes, uint32_t runs, uint32_t blocks);

/* A value, in a set that does not count. */
void ft__set_add(struct ft__set_room *r, struct ft__set *s, uint32_t value);

/* A value n times more, in a set that counts. */
void ft__set_count(struct ft__set_room *r, struct ft__set *s, uint32_t value, uint32_t n);

/* All of `from` into `to`; both count, or neither does. from stays. */
void ft__set_merge(struct ft__set_room *r, struct ft__set *to, const struct ft__set *from,
                   bool counts);

/* Gives back what it has. */
void ft__set_clear(struct ft__set_room *r, struct ft__set *s);

/* How many; UINT64_MAX: lost. */
uint64_t ft__set_size(const struct ft__set_room *r, const struct ft__set *s);

/* Entropy in bits of a set that counts; below 0: it is empty, or lost. */
double ft__set_entropy(struct ft__set_room *r, const struct ft__set *s);

/* Entropy in bits of n counts, at most 64; below 0: none is above 0. */
double ft__entropy(const struct ft__set_room *r, const uint32_t *counts, uint32_t n);

/* Likewise of counts that have no order, while sums of doubles do: puts them in one. */
double ft__entropy_sorted(const struct ft__set_room *r, uint32_t *counts, uint32_t n);

/* Asks for the memory that a value will be looked for in. */
void ft__set_ask(const struct ft__set_room *r, const struct ft__set *s);

#endif
