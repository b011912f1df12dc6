/* SPDX-License-Identifier: Apache-2.0 */
/* flow: the timer wheels of timer.h. */
#include "flow/timer.h"

#include <string.h>

enum { SHIFT_MIN = 16 };

_Static_assert(FT__TICKS / 64 == 64, "a bit per word is a word");

void ft__timers_init(struct ft__timers *w, struct ft__cold *cold, int64_t horizon_ns)
{
    w->cold = cold;
    w->shift = SHIFT_MIN;
    while (horizon_ns >> w->shift > FT__TICKS - 4) {
        w->shift++;
    }
    memset(w->head, 0xff, sizeof w->head);
    memset(w->used, 0, sizeof w->used);
    memset(w->words, 0, sizeof w->words);
    w->started = false;
    w->pos = 0;
}

void ft__timers_insert(struct ft__timers *w, int wheel, uint32_t entry, int64_t deadline_ns)
{
    int64_t tick = deadline_ns >> w->shift;

    if (tick < w->pos) {
        tick = w->pos;
    } else if (tick - w->pos > FT__TICKS - 2) {
        tick = w->pos + FT__TICKS - 2;
    }
    uint32_t slot = (uint32_t)tick & (FT__TICKS - 1);
    uint32_t list = (uint32_t)wheel * FT__TICKS + slot;
    uint32_t first = w->head[list];

    w->cold[entry].prev = FT__HEAD | list;
    w->cold[entry].next = first;
    if (first != FT__NONE) {
        w->cold[first].prev = entry;
    }
    w->head[list] = entry;
    w->used[wheel][slot / 64] |= UINT64_C(1) << (slot & 63);
    w->words[wheel] |= UINT64_C(1) << (slot / 64);
}

void ft__timers_remove(struct ft__timers *w, uint32_t entry)
{
    uint32_t prev = w->cold[entry].prev, next = w->cold[entry].next;

    if (next != FT__NONE) {
        w->cold[next].prev = prev;
    }
    if ((prev & FT__HEAD) == 0) {
        w->cold[prev].next = next;
        return;
    }
    uint32_t list = prev & ~FT__HEAD, slot = list & (FT__TICKS - 1);

    w->head[list] = next;
    if (next == FT__NONE) {
        uint64_t *word = &w->used[list / FT__TICKS][slot / 64];

        *word &= ~(UINT64_C(1) << (slot & 63));
        if (*word == 0) {
            w->words[list / FT__TICKS] &= ~(UINT64_C(1) << (slot / 64));
        }
    }
}

/* Distance (0 .. FT__TICKS-1) from slot `from` to the next slot in use of a wheel, or FT__TICKS. */
static uint32_t distance(const struct ft__timers *w, int wheel, uint32_t from)
{
    uint64_t word = w->used[wheel][from / 64] >> (from & 63);

    if (word != 0) {
        return (uint32_t)__builtin_ctzll(word);
    }
    uint32_t first = (from / 64 + 1) & 63;
    uint64_t words = w->words[wheel] >> first | (w->words[wheel] << (-first & 63));

    if (words == 0) {
        return FT__TICKS;
    }
    uint32_t at = (first + (uint32_t)__builtin_ctzll(words)) & 63; /* at last that of from again */
    uint32_t slot = at * 64 + (uint32_t)__builtin_ctzll(w->used[wheel][at]);

    return (slot - from) & (FT__TICKS - 1);
}

void ft__timers_set_now(struct ft__timers *w, int64_t now_ns)
{
    int64_t tick = now_ns >> w->shift;

    if (!w->started || tick < w->pos) {
        w->pos = tick; /* the first packet, or the clock went back */
        w->started = true;
    } else if (tick - w->pos > FT__TICKS) {
        w->pos = tick - FT__TICKS; /* every list is still looked at, once */
    }
}

uint32_t ft__timers_due(struct ft__timers *w, int64_t now_ns)
{
    int64_t tick = now_ns >> w->shift;

    while (w->pos < tick) {
        uint32_t slot = (uint32_t)w->pos & (FT__TICKS - 1);
        uint32_t d0 = distance(w, 0, slot), d1 = distance(w, 1, slot);
        uint32_t d = d0 < d1 ? d0 : d1;

        if (d >= (uint64_t)(tick - w->pos)) {
            w->pos = tick;
            break;
        }
        w->pos += d;
        slot = (slot + d) & (FT__TICKS - 1);
        return w->head[(d0 <= d1 ? 0 : FT__TICKS) + slot];
    }
    return FT__NONE;
}

uint32_t ft__timers_nearest(const struct ft__timers *w, int wheel)
{
    uint32_t slot = (uint32_t)w->pos & (FT__TICKS - 1);
    uint32_t d = distance(w, wheel, slot);

    return d == FT__TICKS ? FT__NONE
                          : w->head[(uint32_t)wheel * FT__TICKS + ((slot + d) & (FT__TICKS - 1))];
}
