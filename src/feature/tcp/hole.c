/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: what was not captured, see hole.h. */
#include "feature/tcp/hole.h"

#include <string.h>

enum { NEWER = 0, OLDER = 1 };

static uint32_t span(const uint32_t *hole)
{
    return hole[1] - hole[0];
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

bool ft__holes_any(const struct ft__holes *h)
{
    return span(h->hole[NEWER]) != 0 || span(h->hole[OLDER]) != 0;
}

/* Makes the newer hole the older one, or part of it. */
static void shift(struct ft__holes *h)
{
    uint32_t *newer = h->hole[NEWER], *older = h->hole[OLDER];

    if (span(newer) == 0) {
        return;
    }
    if (span(older) == 0) {
        memcpy(older, newer, sizeof h->hole[OLDER]);
        h->got = 0;
    } else {
        h->got += newer[0] - older[1];
        older[1] = newer[1];
    }
    newer[0] = newer[1];
}

void ft__holes_open(struct ft__holes *h, uint32_t start, uint32_t end)
{
    shift(h);
    h->hole[NEWER][0] = start;
    h->hole[NEWER][1] = end;
}

/* n bytes of the older hole were captured, somewhere in it. */
static void fill_somewhere(struct ft__holes *h, uint32_t n)
{
    uint32_t *hole = h->hole[OLDER];

    h->got += least(n, span(hole) - h->got);
    if (h->got == span(hole)) {
        hole[0] = hole[1];
        h->got = 0;
    }
}

/* [start, end) lies in the middle of hole i. */
static void fill_middle(struct ft__holes *h, int i, uint32_t start, uint32_t end)
{
    uint32_t rest = h->hole[i][1];

    if (i == OLDER && span(h->hole[NEWER]) != 0) {
        fill_somewhere(h, end - start);
        return;
    }
    h->hole[i][1] = start;
    if (i == NEWER) {
        shift(h);
    }
    h->hole[NEWER][0] = end;
    h->hole[NEWER][1] = rest;
}

bool ft__holes_fill(struct ft__holes *h, uint32_t next, uint32_t start, uint32_t end)
{
    uint32_t first = next - start, last = (int32_t)(end - next) < 0 ? next - end : 0;
    bool found = false;

    for (int i = 0; i < FT__HOLES; i++) {
        uint32_t *hole = h->hole[i], from = next - hole[0], to = next - hole[1];

        if (from == to || first <= to || last >= from) {
            continue;
        }
        found = true;
        if (i == OLDER && h->got > 0) {
            fill_somewhere(h, least(first, from) - (last > to ? last : to));
        } else if (first >= from) {
            hole[0] = next - (last > to ? last : to);
        } else if (last <= to) {
            hole[1] = start;
        } else {
            fill_middle(h, i, start, end);
            break; /* it lies in no other */
        }
    }
    return found;
}

uint32_t ft__hole_miss(struct ft__holes *h, int i, uint32_t next, uint32_t behind)
{
    uint32_t *hole = h->hole[i], from = next - hole[0], to = next - hole[1], missing, n;

    to = to > behind ? to : behind;
    if (span(hole) == 0 || from <= to) {
        return 0;
    }
    missing = span(hole) - (i == OLDER ? h->got : 0);
    n = least(missing, from - to);
    hole[0] = next - to;
    if (i == OLDER) {
        h->got = span(hole) - least(missing - n, span(hole));
        fill_somewhere(h, 0); /* nothing is missing of it: it is gone */
    }
    return n;
}
