/* SPDX-License-Identifier: Apache-2.0 */
/* detect: a bounded table of entities; for src/detect only.
 *
 * Theory of operation: sets of 8 places; an entity has its set by its hash, and 32 more bits of it
 * lie beside those of the others, so that one cache line tells who is not there. Where a set is
 * full a new entity takes the place of one that was not heard of for a span, else of the one with
 * the least weight, the oldest of those: hosts that appear once push each other out, and not those
 * that the detector has counted something of. */
#ifndef FT_DETECT_HOSTS_H
#define FT_DETECT_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum { FT__WAYS = 8 };

/* Zeros where it says nothing. */
struct ft__host_key {
    uint8_t addr[16], peer[16];
    uint16_t port;
    uint8_t proto;
    uint8_t version;
    uint32_t rule;
};

/* What each entry begins with. */
struct ft__entity {
    struct ft__host_key key;
    int64_t last_ns; /* last heard of */
    uint32_t weight; /* the detector's */
};

struct ft__hosts {
    uint8_t *mem;       /* [n_sets * FT__WAYS] of `each` bytes, mapped; likewise: */
    uint32_t *tags;     /* of their hashes; 0: nobody */
    size_t each, clear; /* clear: bytes of it that begin as zeros */
    uint32_t n_sets;
    int64_t span_ns;  /* one not heard of for so long is nobody any more */
    uint64_t evicted; /* entities that were somebody */
};

/* Room for at least n of so many bytes, struct ft__entity at their beginning; as many of a new one
 * are cleared. False: no memory. */
bool ft__hosts_init(struct ft__hosts *t, uint32_t n, size_t each, size_t clear);
void ft__hosts_fini(struct ft__hosts *t);
size_t ft__hosts_budget(uint32_t n, size_t each);

/* A keyed hash of a key. */
uint64_t ft__key_hash(const struct ft_hash_seed *seed, const struct ft__host_key *k);

/* hash: ft__key_hash() of the key, in all that follows. Asks for the memory that tells whether it
 * is there. */
void ft__hosts_ask(const struct ft__hosts *t, uint64_t hash);
/* Behind that: for where it is. */
void ft__hosts_ask_entity(const struct ft__hosts *t, uint64_t hash);

/* The entry of an entity, which is heard of now. *fresh: it is new, all zero but for its head. */
void *ft__hosts_get(struct ft__hosts *t, const struct ft__host_key *key, uint64_t hash,
                    int64_t now_ns, bool *fresh);

/* Likewise, NULL when it is not there or has not been heard of for a span; changes nothing. */
void *ft__hosts_find(const struct ft__hosts *t, const struct ft__host_key *key, uint64_t hash,
                     int64_t now_ns);

#endif
