/* SPDX-License-Identifier: Apache-2.0 */
/* window: what each entity did in each window that is not written yet; for src/window only.
 *
 * Theory of operation: one table for all workers, behind one lock that is taken once for some
 * dozens of flows. An entity of a window is 256 bytes of a pool, found by a hash of both; those of
 * a window and kind are a list.
 *
 *     index: hash(entity, window) -> acc -> acc ...       window: [pairs] -> acc -> acc ...
 *
 * All that is kept are sums of integers and sets that do not depend on order (distinct.h), so it
 * does not matter who counts what first.
 *
 * A window has at most max_hosts entities of a kind. When it is full, a new one takes the place of
 * that with the fewest packets, and takes over its count as an error (Space-Saving, Metwally 2005).
 * A heap is built for such a window, when that first happens; where there is none left, nobody
 * gives way, and all of the window are owed what could not be counted. `credit` is this error less
 * what everybody of the window is owed, so that windows can be added up (Agarwal 2012): one that
 * was not in a full window may have had as many packets there as the last of that one:
 *
 *     packets + credit + owed = at most     credit + owed = error */
#ifndef FT_WINDOW_TABLE_H
#define FT_WINDOW_TABLE_H

#include <pthread.h>

#include "base/count.h"
#include "model/window.h"
#include "window/distinct.h"
#include "window/window.h"

#define FT__NO_WINDOW UINT32_MAX

enum {
    FT__FOLDS = 64,
    FT__AHEAD = 16,      /* entities, a power of two */
    FT__WINDOWS = 32768, /* more than lanes may be apart, in packets */
    FT__HEAPS = 32,      /* windows and kinds that are full at a time */
    FT__POOLS = 8,       /* windows of max_hosts that the pool has room for */
};

/* An entity in a window. */
struct ft__acc {
    uint32_t next;    /* in the index, or of the free ones: + 1 */
    uint32_t link;    /* of its window and kind: + 1 */
    uint32_t window;  /* number */
    uint32_t hash;    /* of entity and window */
    uint32_t heap_at; /* when its window has a heap */
    uint16_t port;
    uint8_t proto;
    uint8_t kind; /* enum ft_entity | ip_version << 4 */
    uint8_t addr[2][16];
    uint64_t packets[2], bytes[2];
    int64_t credit;
    uint64_t squares; /* of sizes; UINT64_MAX: they are more */
    uint64_t gaps, gap_us;
    uint64_t gap_squares[2]; /* 128 bits, low half first */
    /* from here on counters stay at UINT32_MAX */
    uint32_t flows[2], ended, failed[2], new_peers;
    uint32_t syn[2], syn_ack[2], rst[2];
    uint32_t sizes[FT_WINDOW_SIZES];
    struct ft__set peers[2], ports;
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__acc) == 256, "as docs/windows.md says");

/* A span of time of an epoch. */
struct ft__window {
    int64_t index; /* start / span */
    uint32_t epoch;
    uint32_t next;                   /* the newer one: number, or FT__NO_WINDOW; or the next free */
    uint32_t prev;                   /* of the shortest span: the older one */
    uint8_t span;                    /* number */
    uint32_t head[FT_ENTITY__COUNT]; /* of its entities: + 1 */
    uint32_t n[FT_ENTITY__COUNT];
    uint8_t heap[FT_ENTITY__COUNT]; /* number + 1, or 0 */
    uint64_t owed[FT_ENTITY__COUNT];
};

/* What a worker says of itself: it will count nothing more before this. */
struct ft__passed {
    uint32_t epoch;
    int64_t index; /* of the shortest span */
};

struct ft__bloom {
    uint64_t *bits[2]; /* the current one and the one before; mapped */
    uint32_t words;    /* of each, a power of two */
    uint64_t ones[2];
    int64_t since_ns; /* when the current one was begun */
    bool started;
};

struct ft__usual_line;

/* What entities do usually, of all spans. */
struct ft__usual {
    struct ft__usual_line *lines; /* [mask + 1], mapped */
    uint32_t mask;
    uint32_t turn; /* grows with each look */
};

/* An entity, and its hash without a window. */
struct ft__who {
    uint64_t hash;
    uint8_t kind; /* as in struct ft__acc */
    uint8_t proto;
    uint16_t port;
    const uint8_t *addr, *peer; /* 16 bytes each; peer: NULL unless a pair */
};

/* An entity, and the beginning of what it is put in order by: most need nothing else. */
struct ft__ordered {
    uint64_t first;
    uint32_t acc;
};

struct ft__coming {
    struct ft__acc *acc;
    struct ft__who who;
    uint64_t usual; /* key */
};

/* The window that is being written. */
struct ft__closing {
    uint32_t window; /* or FT__NO_WINDOW */
    uint8_t kind;
    uint8_t step;
    uint32_t at; /* + 1: the next one to be put in order */
    uint32_t n;  /* in order */
    uint32_t sift;
    uint64_t owed[FT_ENTITY__COUNT]; /* as it was when all of the kind were there */
    /* Of those in order, the next ones, whose memory was asked for: three numbers that grow. */
    struct ft__coming ahead[FT__AHEAD];
    uint32_t taken, named, written;
    double known_false; /* of the Bloom filters, when it was begun */
};

struct ft_windows {
    struct ft_windows_config cfg;
    pthread_mutex_t lock; /* guards all that follows but counts, which are read without */
    struct ft__acc *accs; /* [n_accs], mapped */
    uint32_t n_accs, fresh_acc, free_acc;
    uint32_t *index; /* [index_mask + 1]: acc + 1; mapped */
    uint32_t index_mask;
    struct ft__window *windows; /* [FT__WINDOWS], mapped */
    uint32_t fresh_window, free_window;
    uint32_t oldest, newest; /* of the shortest span: a list in order */
    uint32_t longer[FT_WINDOW_SPANS];
    uint32_t *heaps; /* [FT__HEAPS][max_hosts], mapped */
    bool heap_taken[FT__HEAPS];
    struct ft__ordered *order; /* [max_hosts], mapped: a heap of those that are to be written */
    struct ft__set_room room;
    struct ft__bloom bloom;
    struct ft__usual usual;
    struct ft__closing closing;
    struct ft__passed passed[FT_WINDOW_WORKERS];
    pthread_cond_t ended;  /* n_ended grew */
    uint64_t no_room_ends; /* of flows */
    uint32_t n_ended;      /* workers that count nothing more */
    _Atomic uint32_t epoch;
    struct ft_count late, untracked, no_room, rows, to_write; /* (A) */
};

/* The window of the shortest span, made when there is none. FT__NO_WINDOW: there are too many. */
uint32_t ft__window_get(struct ft_windows *t, uint32_t epoch, int64_t index);

/* A window of a longer span. Likewise. */
uint32_t ft__window_new(struct ft_windows *t, uint8_t span, uint32_t epoch, int64_t index);

/* It was written: it is out of the list, and its heaps are free. Its entities have been given back.
 */
void ft__window_free(struct ft_windows *t, uint32_t window);

/* Where the entity of a window may be: for prefetching. */
uint32_t *ft__acc_place(const struct ft_windows *t, const struct ft__who *who, uint32_t window);

/* The entity in a window, or NULL. */
struct ft__acc *ft__acc_find(struct ft_windows *t, const struct ft__who *who, uint32_t window);

/* Likewise; made when there is none: in place of another one when the window is full, and weight,
 * the packets that are to be added, is not 0. NULL: there is no room. */
struct ft__acc *ft__acc_get(struct ft_windows *t, const struct ft__who *who, uint32_t window,
                            uint64_t weight);

/* Packets were added. */
void ft__acc_grew(struct ft_windows *t, struct ft__acc *a);

/* All of an entity of a shorter span, which is owed m packets where it was not. */
void ft__acc_merge(struct ft_windows *t, struct ft__acc *to, const struct ft__acc *from,
                   uint64_t error, uint64_t m);

void ft__acc_free(struct ft_windows *t, struct ft__acc *a);

/* The fewest packets that one of a window may have had that is not in it. */
uint64_t ft__window_owed(const struct ft_windows *t, const struct ft__window *w, uint8_t kind);

FT_INLINE uint8_t ft__acc_kind(const struct ft__acc *a)
{
    return a->kind & 15;
}

FT_INLINE uint32_t ft__add32(uint32_t a, uint64_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

#endif
