/* SPDX-License-Identifier: Apache-2.0 */
/* window: the sets of an entity, see sets.h. */
#include "window/sets.h"

#include <string.h>

enum { COUNT_AT = 16, VALUE_MASK = 0xffff };

static enum ft__which which_of(const struct ft__sets *s, uint32_t i)
{
    return (enum ft__which)(s->which[i / 4] >> i % 4 * 2 & 3);
}

static void set_add(struct ft__set_room *r, struct ft__set *s, enum ft__which which, uint32_t value,
                    uint32_t n)
{
    if (which == FT__PORTS) {
        ft__set_count(r, s, value, n);
    } else {
        ft__set_add(r, s, value);
    }
}

/* What a slot holds. */
struct held {
    enum ft__which which;
    uint32_t value, n;
};

static struct held held(const struct ft__sets *s, uint32_t i)
{
    struct held h = {.which = which_of(s, i), .value = s->slot[i], .n = 1};

    if (h.which == FT__PORTS) {
        h.n = h.value >> COUNT_AT;
        h.value &= VALUE_MASK;
    }
    return h;
}

static void move_out(struct ft__set_room *r, struct ft__sets *s)
{
    struct ft__sets in = *s;

    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < in.n; i++) {
        struct held h = held(&in, i);

        set_add(r, &s->set[h.which], h.which, h.value, h.n);
    }
    s->out = 1;
}

/* True: it is there, or was put there. */
static bool add_in(struct ft__sets *s, enum ft__which which, uint32_t value, uint32_t n)
{
    uint32_t i = 0, mask = which == FT__PORTS ? VALUE_MASK : UINT32_MAX;

    while (i < s->n && ((s->slot[i] & mask) != value || which_of(s, i) != which)) {
        i++;
    }
    if (i == FT__SLOTS || n > VALUE_MASK) {
        return false;
    }
    if (i == s->n) {
        s->slot[i] = value;
        s->which[i / 4] |= (uint8_t)(which << i % 4 * 2);
        s->n++;
    }
    if (which == FT__PORTS) {
        if ((s->slot[i] >> COUNT_AT) + n > VALUE_MASK) {
            return false;
        }
        s->slot[i] += n << COUNT_AT;
    }
    return true;
}

void ft__sets_add(struct ft__set_room *r, struct ft__sets *s, enum ft__which which, uint32_t value,
                  uint32_t n)
{
    if (s->out == 0) {
        if (FT_LIKELY(add_in(s, which, value, n))) {
            return;
        }
        move_out(r, s);
    }
    set_add(r, &s->set[which], which, value, n);
}

void ft__sets_merge(struct ft__set_room *r, struct ft__sets *to, const struct ft__sets *from)
{
    if (from->out == 0) {
        for (uint32_t i = 0; i < from->n; i++) {
            struct held h = held(from, i);

            ft__sets_add(r, to, h.which, h.value, h.n);
        }
        return;
    }
    if (to->out == 0) {
        move_out(r, to);
    }
    for (uint32_t which = 0; which < FT__SETS; which++) {
        ft__set_merge(r, &to->set[which], &from->set[which], which == FT__PORTS);
    }
}

void ft__sets_ask(const struct ft__set_room *r, const struct ft__sets *s)
{
    for (int which = 0; s->out != 0 && which < FT__SETS; which++) {
        ft__set_ask(r, &s->set[which]);
    }
}

void ft__sets_clear(struct ft__set_room *r, struct ft__sets *s)
{
    for (int which = 0; s->out != 0 && which < FT__SETS; which++) {
        ft__set_clear(r, &s->set[which]);
    }
    memset(s, 0, sizeof *s);
}

uint64_t ft__sets_size(const struct ft__set_room *r, const struct ft__sets *s, enum ft__which which)
{
    uint64_t n = 0;

    if (s->out != 0) {
        return ft__set_size(r, &s->set[which]);
    }
    for (uint32_t i = 0; i < s->n; i++) {
        n += which_of(s, i) == which;
    }
    return n;
}

double ft__sets_entropy(struct ft__set_room *r, const struct ft__sets *s)
{
    uint32_t counts[FT__SLOTS], n = 0;

    if (s->out != 0) {
        return ft__set_entropy(r, &s->set[FT__PORTS]);
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (which_of(s, i) == FT__PORTS) {
            counts[n++] = s->slot[i] >> COUNT_AT;
        }
    }
    return ft__entropy_sorted(r, counts, n);
}
