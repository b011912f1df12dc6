/* SPDX-License-Identifier: Apache-2.0 */
/* window: what was counted of a flow or of an entity in one window; for src/window only.
 *
 * Theory of operation: most entities of a window have few packets, so theirs are counted in 56
 * bytes (few) as long as all of it fits, and in 176 (many) from then on. Which of the two it is
 * depends on the sums alone, not on their order. Arrays of two are by direction: of a flow
 * FT_DIR_*, of an entity FT_WINDOW_*. */
#ifndef FT_WINDOW_COUNTS_H
#define FT_WINDOW_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/macros.h"
#include "model/window.h"

enum { FT__FEW = 255 /* packets at most */ };

struct ft__few {
    uint64_t squares; /* of sizes */
    uint64_t gap_us, gap_squares;
    uint32_t bytes[2];
    uint8_t sizes[FT_WINDOW_SIZES];
    uint8_t packets[2];
    uint8_t flows[2]; /* of a flow: [0] */
    uint8_t failed[2];
    uint8_t syn[2], syn_ack[2], rst[2];
    uint8_t gaps; /* of collect: records */
    uint8_t ended, new_peers;
    uint8_t app; /* FT__APP_* */
};

/* What is known of the applications of all bytes: of none, of one (which), of several. */
enum { FT__APP_NONE = 0, FT__APP_FIRST = 1 /* + enum ft_app */, FT__APP_SEVERAL = 255 };

_Static_assert(sizeof(struct ft__few) == 56, "with eight bytes a delta, a cache line");

/* Records may claim any number. So much is added at most, and counters stay there; bounds of
 * packets stay at four times that, so that none of their sums is too large. */
#define FT__MOST (UINT64_C(1) << 59)

struct ft__many {
    uint64_t packets[2], bytes[2]; /* stay at FT__MOST */
    int64_t credit;                /* see table.h */
    uint64_t squares;              /* UINT64_MAX: they are more */
    uint64_t gaps;                 /* of collect: records */
    uint64_t gap_us;
    unsigned __int128 gap_squares;
    /* from here on counters stay at UINT32_MAX */
    uint32_t flows[2], failed[2], syn[2], syn_ack[2], rst[2];
    uint32_t ended, new_peers;
    uint32_t sizes[FT_WINDOW_SIZES];
    uint32_t apps; /* of several: place of their bytes + 1, see apps.h; 0: they are not kept */
    uint8_t app;   /* FT__APP_* */
};

_Static_assert(sizeof(struct ft__many) == 176, "as docs/windows.md says");

/* Seen from the other end, which has no new peers by this. */
FT_INLINE struct ft__few ft__few_turned(const struct ft__few *f)
{
    struct ft__few t = *f;

    for (int i = 0; i < 2; i++) {
        t.bytes[i] = f->bytes[1 - i];
        t.packets[i] = f->packets[1 - i];
        t.flows[i] = f->flows[1 - i];
        t.failed[i] = f->failed[1 - i];
        t.syn[i] = f->syn[1 - i];
        t.syn_ack[i] = f->syn_ack[1 - i];
        t.rst[i] = f->rst[1 - i];
    }
    t.new_peers = 0;
    return t;
}

FT_INLINE void ft__many_ask(const struct ft__many *m)
{
    for (uint32_t at = 0; at < sizeof *m; at += 64) {
        __builtin_prefetch((const uint8_t *)m + at, 1);
    }
}

FT_INLINE uint8_t ft__app_both(uint8_t a, uint8_t b)
{
    return a == b || b == FT__APP_NONE ? a : a == FT__APP_NONE ? b : FT__APP_SEVERAL;
}

FT_INLINE uint64_t ft__at_most(uint64_t n)
{
    return n < FT__MOST ? n : FT__MOST;
}

/* A bound, or what it is owed. */
FT_INLINE int64_t ft__bound(int64_t n)
{
    const int64_t most = 4 * (int64_t)FT__MOST;

    return n > most ? most : n < -most ? -most : n;
}

/* Adds; false: it does not fit, and nothing was added. */
bool ft__few_add(struct ft__few *to, const struct ft__few *from);

/* The same, without a credit. */
void ft__many_of(const struct ft__few *few, struct ft__many *out);

/* All but the credit and applications. */
void ft__many_add(struct ft__many *to, const struct ft__many *from);

FT_INLINE uint32_t ft__add32(uint32_t a, uint64_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

#endif
