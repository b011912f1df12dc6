/* SPDX-License-Identifier: Apache-2.0 */
/* afterimage: streams by name, and what pairs of them have together, in bounded tables.
 *
 * Theory of operation: a stream is found by its name, the text that Kitsune puts together, so that
 * names which are the same text by chance are one stream here, too. A table that is full gives up
 * the stream that was used least recently, with its pairs. A pair hangs in the lists of both its
 * streams, in the order in which pairs were made; a value of a stream is told to all its pairs, so
 * their number is bounded: beyond PEERS, and when all places are taken, the pair goes that was
 * asked for least recently.
 *
 *     names -> bucket -> stream: [sums] pairs -> node -> node -> ...
 *                                               node = pair * 2 + side
 */
#ifndef FT_AFTERIMAGE_STREAMS_H
#define FT_AFTERIMAGE_STREAMS_H

#include <stddef.h>

#include "afterimage/stat.h"
#include "base/hash.h"
#include "flowtap/errors.h"

enum {
    FT__NAME_MOST = 80, /* two IPv6 addresses */
    FT__PEERS = 256,    /* pairs of a stream */
};

struct ft__name {
    uint64_t hash; /* of one that was asked for */
    uint32_t len;
    uint8_t text[FT__NAME_MOST + 32]; /* and what writing addresses needs besides */
};

/* What is used most recently comes first; numbers + 1, 0: none. */
struct ft__recent {
    uint32_t newest, oldest;
};

struct ft__link {
    uint32_t newer, older;
};

struct ft__stream {
    struct ft__link recent;
    uint32_t next;                 /* in its bucket: number + 1, or 0 */
    uint32_t first, last, n_pairs; /* nodes + 1, or 0 */
    uint8_t len;
    uint8_t text[FT__NAME_MOST];
    struct ft__stat stat;
};

struct ft__pair {
    struct ft__link recent; /* of those in use; free ones: older is the next */
    uint64_t asked;         /* when, counted */
    uint32_t stream[2];
    uint32_t next[2], prev[2]; /* nodes + 1, or 0 */
    bool told[2];              /* the stream had a value since they are a pair */
    struct ft__joint joint;
};

/* owner: the thread that sees the frames */
struct ft__streams {
    struct ft_hash_seed seed;
    uint32_t most, used; /* streams */
    uint32_t mask;       /* of buckets */
    uint32_t *buckets;   /* [mask + 1] */
    struct ft__stream *stream;
    struct ft__recent recent;
    struct ft__side *side; /* with pairs: [most]; likewise below */
    struct ft__pair *pair; /* [most_pairs] */
    uint32_t most_pairs, used_pairs, free_pair;
    struct ft__recent recent_pairs;
    uint64_t asked;
    struct ft__decay decay;
    uint64_t evicted, evicted_pairs;
    void *map[4]; /* all of the above, owned */
    size_t map_len[4];
};

/* A table of at most so many streams, 2 and more, and pairs of them, or 0: none. FT_E_NOMEM:
 * nothing is kept. */
FT_NODISCARD int ft__image_open(struct ft__streams *t, uint32_t most, uint32_t most_pairs,
                                const struct ft_hash_seed *seed);
void ft__image_close(struct ft__streams *t);
/* Bytes of address space. */
size_t ft__image_budget(uint32_t most, uint32_t most_pairs);

/* Asks for the memory that a name will need: all names of a frame, then all of them again, then the
 * values. The first is needed. */
void ft__image_ask(const struct ft__streams *t, struct ft__name *name);
void ft__image_ask_again(const struct ft__streams *t, const struct ft__name *name);

/* A value of the stream of that name; out: 3 numbers for each rate. gap: the value is the time
 * since the one before. */
void ft__image_one(struct ft__streams *t, const struct ft__name *name, double t_s, double v,
                   bool gap, double *out);

/* A value of stream `from`, which goes to `to`; out: 7 numbers for each rate. */
void ft__image_two(struct ft__streams *t, const struct ft__name *from, const struct ft__name *to,
                   double t_s, double v, double *out);

#endif
