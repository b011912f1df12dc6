/* SPDX-License-Identifier: Apache-2.0 */
/* output: the events of a chunk by its marks, see output.h. */
#include <string.h>

#include "output/output.h"

static uint32_t count_lines(const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    uint32_t n = 0;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        n++;
        p++;
    }
    return n;
}

/* The mark in which offset at lies, or n. Usually all marks are before it. */
static uint32_t mark_at(const struct ft_chunk *c, size_t at)
{
    uint32_t lo = 0, hi = c->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (ft_chunk_mark(c, mid)->end > at) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return lo;
}

uint32_t ft_chunk_whole(const struct ft_chunk *c, size_t len)
{
    uint32_t i = mark_at(c, len);
    uint32_t begin = i > 0 ? ft_chunk_mark(c, i - 1)->end : 0;
    const uint8_t *last = i < c->n && c->lines ? memrchr(c->data + begin, '\n', len - begin) : NULL;

    return last != NULL ? (uint32_t)(last + 1 - c->data) : begin;
}

void ft_tally_chunk(struct ft_tally *t, const struct ft_chunk *c, uint32_t from, uint32_t to)
{
    uint32_t begin = 0;

    for (uint32_t i = 0; i < c->n && begin < to; i++) {
        const struct ft_mark *m = ft_chunk_mark(c, i);
        uint32_t first = begin > from ? begin : from, end = m->end < to ? m->end : to;

        if (first == begin && end == m->end) {
            t->n[m->event] += m->count;
        } else if (c->lines && end > first) {
            t->n[m->event] += count_lines(c->data + first, end - first);
        } else if (!c->lines && m->end > from && m->end <= to) {
            t->n[m->event] += m->count;
        }
        begin = m->end;
    }
    t->bytes += to - from;
}

uint64_t ft_tally_events(const struct ft_tally *t)
{
    uint64_t n = 0;

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        n += t->n[e];
    }
    return n;
}

void ft_tally_move(struct ft_tally *t, struct ft_tally *from)
{
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        t->n[e] += from->n[e];
    }
    t->bytes += from->bytes;
    *from = (struct ft_tally){{0}, 0};
}
