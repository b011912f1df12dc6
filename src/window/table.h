/* SPDX-License-Identifier: Apache-2.0 */
/* window: what each entity did in each window that is not written yet; for src/window only.
 *
 * Theory of operation: one table for all workers, behind one lock that is taken once for some
 * dozens of flows. An entity of a window is two cache lines of a pool, found by a hash of both,
 * and what does not fit there, of few of them, is in pools of its own (counts.h, sets.h); those of
 * a window and kind are a list of arrays.
 *
 *     index: hash(entity, window) -> acc -> acc ...       window: [pairs] -> members -> members ...
 *
 * What flows did in a window of the shortest span is a log first, and is added up when the window
 * is over (close.c): the table takes only what the log has no room for, windows of more entities
 * than may be, and longer spans.
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
#include "window/apps.h"
#include "window/counts.h"
#include "window/sets.h"
#include "window/window.h"

#define FT__NO_WINDOW UINT32_MAX

enum {
    FT__FOLDS = 64,
    FT__AHEAD = 32,      /* entities, a power of two */
    FT__WINDOWS = 32768, /* more than lanes may be apart, in packets */
    FT__BEHIND = 1024,   /* windows in use, more of which do not wait when they are over */
    FT__HEAPS = 32,      /* windows and kinds that are full at a time */
    FT__POOLS = 8,       /* windows of max_hosts that the pool has room for */
    FT__MEMBERS = 15,
    FT__CHUNK = 16, /* entries of the log that a window takes at a time */
};

/* Whose it is, as the flow began. */
struct ft__flow {
    uint8_t addr[2][16]; /* initiator, responder; zeros behind IPv4 */
    uint16_t port;       /* the responder's */
    uint8_t proto;
    uint8_t version;
    uint8_t app; /* enum ft_app, by the port */
};

/* What a flow did in a window. */
struct ft__entry {
    struct ft__few few;
    struct ft__flow flow;
    uint32_t value[2]; /* the initiator, the responder, as values of a set */
};

_Static_assert(sizeof(struct ft__entry) == 104, "as docs/windows.md says");

/* An entity in a window. */
struct ft__acc {
    uint32_t next; /* in the index: + 1 */
    uint32_t hash; /* of entity and window */
    uint32_t many; /* + 1: then few says nothing */
    uint16_t window;
    uint8_t proto;
    uint8_t kind; /* as in struct ft__who */
    uint8_t name[2][16];
    struct ft__few few;
    struct ft__sets sets;
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__acc) == 128, "as docs/windows.md says");
_Static_assert(FT__WINDOWS - 1 <= UINT16_MAX, "numbers of windows");

/* Some of a window and kind; all are full but the first. */
struct ft__members {
    uint32_t acc[FT__MEMBERS];
    uint32_t next; /* + 1 */
};

/* A span of time of an epoch. */
struct ft__window {
    int64_t index; /* start / span */
    uint32_t epoch;
    uint32_t next;                   /* the newer one: number, or FT__NO_WINDOW; or the next free */
    uint32_t prev;                   /* of the shortest span: the older one */
    uint8_t span;                    /* number */
    uint32_t log, n_log;             /* its newest chunk + 1; entries: all chunks but it are full */
    uint32_t head[FT_ENTITY__COUNT]; /* of its entities: members + 1 */
    uint32_t n[FT_ENTITY__COUNT];
    uint8_t heap[FT_ENTITY__COUNT]; /* number + 1, or 0 */
    uint64_t owed[FT_ENTITY__COUNT];
    bool unmet; /* of a longer span: pairs had to go in one that it is added up of */
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
    uint8_t kind; /* enum ft_entity | ip_version << 4 */
    uint8_t proto;
    uint8_t name[2][16]; /* the address; that of a pair's peer, or the port, in network order */
};

/* One that is put in order, and by what. */
struct ft__ordered {
    uint64_t key;
    uint32_t ref; /* entry of the log (of hosts: twice, + which end), or acc */
};

enum { FT__DIGITS = 8, FT__DIGIT = 256 };

/* Some that are being put in order, one digit after the other: a word of what they are put in order
 * by at a time, the last one first. */
struct ft__sort {
    uint8_t word, digit;
    bool loaded, counted, flipped; /* flipped: they are in the other array */
    uint32_t at, first, n;         /* in the array: from first on */
    uint32_t count[FT__DIGITS][FT__DIGIT];
};

/* One of a full window, and how many packets it may have had: beside it, since each comparison
 * would else be a line of memory that nobody asked for. */
struct ft__ranked {
    int64_t rank;
    uint32_t acc;
};

struct ft__coming {
    struct ft__acc *acc;
    uint32_t first; /* of the log: ref */
    struct ft__who who;
    uint64_t usual; /* key */
};

/* The window that is being written. */
struct ft__closing {
    uint32_t window; /* or FT__NO_WINDOW */
    uint32_t longer; /* of the next longer span, or FT__NO_WINDOW */
    uint8_t kind;
    uint8_t step;
    uint8_t part;                    /* IPv4, IPv6 */
    bool from_log;                   /* entries of the log are put in order; else accs */
    bool open;                       /* the one that comes is not whole yet */
    uint32_t chunk, left;            /* of the log: + 1, entries from there on */
    uint32_t at, distinct;           /* in order */
    uint32_t n[2];                   /* gathered: IPv4 from the front, IPv6 from the end */
    uint64_t owed[FT_ENTITY__COUNT]; /* as it was when all of the kind were there */
    struct ft__sort sort;
    /* Of those in order, the next ones, whose memory was asked for: numbers that grow. */
    struct ft__coming ahead[FT__AHEAD];
    uint32_t taken, named, placed, written;
    double known_false; /* of the Bloom filters, when it was begun */
};

struct ft_windows {
    struct ft_windows_config cfg;
    pthread_mutex_t lock; /* guards all that follows but counts, which are read without */
    struct ft__acc *accs; /* [n_accs], mapped */
    uint32_t *free_accs;  /* [n_accs], mapped: a stack, so that the next ones are known */
    uint32_t n_accs, fresh_acc, n_free_accs;
    struct ft__many *manys;                                    /* [n_accs], mapped */
    uint32_t fresh_many, free_many;                            /* free ones: + 1, by flows[0] */
    struct ft__entry *log;                                     /* [n_chunks * FT__CHUNK], mapped */
    uint32_t *chunk_next;                                      /* [n_chunks], mapped: + 1 */
    uint32_t n_chunks, fresh_chunk, free_chunk, n_free_chunks; /* free: + 1 */
    uint32_t log_most;           /* entries of one window; those beyond go into the table */
    struct ft__acc *ring;        /* [FT__AHEAD], mapped: of the log, added up */
    struct ft__members *members; /* [n_members], mapped */
    uint32_t n_members, fresh_members, free_members;
    uint32_t *index; /* [index_mask + 1]: acc + 1; mapped */
    uint32_t index_mask;
    struct ft__window *windows;                    /* [FT__WINDOWS], mapped */
    uint32_t fresh_window, free_window, n_windows; /* n_windows: in use */
    uint32_t oldest, newest;                       /* of the shortest span: a list in order */
    uint32_t longer[FT_WINDOW_SPANS];
    struct ft__ranked *heaps; /* [FT__HEAPS][max_hosts], mapped */
    uint32_t *heap_at;        /* [n_accs], mapped: of those whose window has a heap */
    bool heap_taken[FT__HEAPS];
    struct ft__ordered *order[2]; /* [n_order] each, mapped: those that are to be written */
    uint32_t n_order;
    struct ft__set_room room;
    struct ft__apps apps;
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

/* What it counted, as many. */
struct ft__many *ft__acc_many(struct ft_windows *t, struct ft__acc *a);

/* Adds what was counted: more than few. */
void ft__acc_add_many(struct ft_windows *t, struct ft__acc *a, const struct ft__many *many);

/* Adds what was counted. */
void ft__acc_add(struct ft_windows *t, struct ft__acc *a, const struct ft__few *few);

/* Packets were added. */
void ft__acc_grew(struct ft_windows *t, const struct ft__acc *a);

/* All of an entity of a shorter span, which is owed m packets where it was not. */
void ft__acc_merge(struct ft_windows *t, struct ft__acc *to, const struct ft__acc *from,
                   uint64_t error, uint64_t m);

void ft__acc_free(struct ft_windows *t, struct ft__acc *a);

/* What it has in other pools. */
void ft__acc_give_back(struct ft_windows *t, struct ft__acc *a);

/* The place of an entry of so many packets; NULL: there is no room. */
struct ft__entry *ft__log_new(struct ft_windows *t, struct ft__window *w, uint64_t weight);

void ft__log_free(struct ft_windows *t, struct ft__window *w);

/* The first of a window's members is given back; what comes next: + 1. */
uint32_t ft__members_free(struct ft_windows *t, uint32_t members);

/* The fewest packets that one of a window may have had that is not in it. */
uint64_t ft__window_owed(const struct ft_windows *t, const struct ft__window *w, uint8_t kind);

/* So many packets, of whomever, were not counted; not more than a bound. */
FT_INLINE void ft__window_owe(struct ft__window *w, uint8_t kind, uint64_t packets)
{
    w->owed[kind] = (uint64_t)ft__bound((int64_t)(w->owed[kind] + packets));
}

/* Are all its pairs known, and so hosts' new peers? */
FT_INLINE bool ft__window_knows_pairs(const struct ft__window *w)
{
    return w->heap[FT_ENTITY_PAIR] == 0 && w->owed[FT_ENTITY_PAIR] == 0 && !w->unmet;
}

FT_INLINE uint8_t ft__acc_kind(const struct ft__acc *a)
{
    return a->kind & 15;
}

/* Of the n members of a window, those that are in this one. */
FT_INLINE uint32_t ft__members_in(uint32_t n)
{
    return (n - 1) % FT__MEMBERS + 1;
}

/* Likewise of a chunk. */
FT_INLINE uint32_t ft__chunk_in(uint32_t n)
{
    return (n - 1) % FT__CHUNK + 1;
}

FT_INLINE uint64_t ft__acc_packets(const struct ft_windows *t, const struct ft__acc *a)
{
    const uint64_t *many = a->many != 0 ? t->manys[a->many - 1].packets : NULL;

    return many != NULL ? many[0] + many[1] : (uint64_t)a->few.packets[0] + a->few.packets[1];
}

#endif
