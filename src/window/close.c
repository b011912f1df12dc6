/* SPDX-License-Identifier: Apache-2.0 */
/* window: windows that are over: rows, the next longer span.
 *
 * Theory of operation: the oldest window of the shortest span is over when every worker has passed
 * it; one of a longer span when all that is in it was written. One is written at a time, by kinds:
 *
 *     GATHER  its entities into an array    SORT  which is put in order (order.c)
 *     WRITE   the first of it: a row; it is added to the longer span; its place is free
 *
 * each of which can be interrupted, so that no batch of packets waits for a whole window. What an
 * entity needs is asked for while those before it are written: its own lines, then by its name the
 * places in tables, then what lies in the longer span. */
#include "window/close.h"

#include <string.h>

#include "base/time.h"
#include "window/usual.h"

enum step { GATHER, SORT, WRITE };

enum { NAMED = FT__AHEAD / 2, PLACED = FT__AHEAD / 4 /* ahead of the one that is written */ };

static int64_t span_ns(const struct ft_windows *t, uint8_t span)
{
    return (int64_t)t->cfg.span_s[span] * 1000000000;
}

/* ---- which one ---- */

/* All before this is known. */
static struct ft__passed all_passed(const struct ft_windows *t)
{
    struct ft__passed least = t->passed[0];

    for (uint32_t i = 1; i < t->cfg.n_workers; i++) {
        struct ft__passed p = t->passed[i];

        if (p.epoch < least.epoch || (p.epoch == least.epoch && p.index < least.index)) {
            least = p;
        }
    }
    return least;
}

/* A window that is to be written now, or FT__NO_WINDOW: the shortest span of those that are over
 * first, since it goes into the longer ones. */
static uint32_t next_over(struct ft_windows *t)
{
    struct ft__passed p = all_passed(t);
    bool some = t->oldest != FT__NO_WINDOW;
    const struct ft__window *oldest = some ? &t->windows[t->oldest] : NULL;
    bool over =
        some && (oldest->epoch < p.epoch || (oldest->epoch == p.epoch && oldest->index < p.index));

    if (over) {
        p = (struct ft__passed){oldest->epoch, oldest->index};
    }
    for (uint8_t s = 1; s < t->cfg.n_spans; s++) {
        const struct ft__window *w = &t->windows[t->longer[s]];
        int64_t ratio = t->cfg.span_s[s] / t->cfg.span_s[0];

        if (t->longer[s] != FT__NO_WINDOW &&
            (w->epoch < p.epoch || (w->epoch == p.epoch && (w->index + 1) * ratio <= p.index))) {
            return t->longer[s];
        }
    }
    return over ? t->oldest : FT__NO_WINDOW;
}

/* ---- one entity ---- */

/* Of a pair of the shortest span: is it new? Its initiator has one new peer more then. */
static void meet(struct ft_windows *t, struct ft__acc *pair, const struct ft__who *who)
{
    static const struct ft__few one = {.new_peers = 1};
    struct ft__who host = {.kind = FT_ENTITY_HOST | (pair->kind & 0xf0)};
    struct ft__acc *a;

    if (ft__acc_packets(t, pair) == 0 || ft__known_see(&t->bloom, who->hash)) {
        return;
    }
    ft__acc_add(t, pair, &one);
    memcpy(host.name[0], pair->name[0], sizeof host.name[0]);
    host.hash = ft__who_hash(t, &host);
    a = ft__acc_find(t, &host, pair->window);
    if (a != NULL) {
        ft__acc_add(t, a, &one);
    }
}

/* The window of the next longer span in which this one is; FT__NO_WINDOW: there is none, or no room
 * for it. */
static uint32_t longer_of(struct ft_windows *t, const struct ft__window *w)
{
    uint8_t s = w->span + 1;

    if (s >= t->cfg.n_spans) {
        return FT__NO_WINDOW;
    }
    if (t->longer[s] == FT__NO_WINDOW) {
        int64_t index = ft_time_floor(w->index, t->cfg.span_s[s] / t->cfg.span_s[w->span]);

        t->longer[s] = ft__window_new(t, s, w->epoch, index);
    }
    return t->longer[s];
}

static void write_one(struct ft_windows *t, struct ft__coming *next, struct ft_window_row *row)
{
    const struct ft__closing *c = &t->closing;
    struct ft__acc *a = next->acc;

    if (ft__acc_kind(a) == FT_ENTITY_PAIR && t->windows[a->window].span == 0) {
        meet(t, a, &next->who);
    }
    ft__row_make(t, next, row);
    if (c->longer != FT__NO_WINDOW) {
        struct ft__acc *to =
            ft__acc_get(t, &next->who, c->longer, row->packets[0] + row->packets[1]);

        if (to != NULL) {
            ft__acc_merge(t, to, a, row->error, c->owed[row->entity]);
        }
    }
    ft__acc_free(t, a);
}

/* ---- those that come next ---- */

static void take(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__acc *a = &t->accs[ft__order_at(t, c->taken)];

    c->ahead[c->taken++ % FT__AHEAD].acc = a;
    __builtin_prefetch(a, 1);
    __builtin_prefetch((const uint8_t *)a + 64, 1);
}

static void name(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__coming *next = &c->ahead[c->named++ % FT__AHEAD];
    const struct ft__acc *a = next->acc;

    next->who = (struct ft__who){.kind = a->kind, .proto = a->proto};
    memcpy(next->who.name, a->name, sizeof a->name);
    next->who.hash = ft__who_hash(t, &next->who);
    next->usual =
        ft_hash_fold(next->who.hash ^ t->cfg.seed.s[3], t->windows[a->window].span + 1u);
    ft__usual_ask(&t->usual, next->usual);
    __builtin_prefetch(&t->index[a->hash & t->index_mask], 1);
    ft__sets_ask(&t->room, &a->sets);
    if (a->many != 0) {
        ft__many_ask(&t->manys[a->many - 1]);
    }
    if (c->longer != FT__NO_WINDOW) {
        __builtin_prefetch(ft__acc_place(t, &next->who, c->longer), 1);
    }
}

static void place(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    const struct ft__coming *next = &c->ahead[c->placed++ % FT__AHEAD];
    uint32_t at = c->longer != FT__NO_WINDOW ? *ft__acc_place(t, &next->who, c->longer) : 0;

    if (at != 0) {
        __builtin_prefetch(&t->accs[at - 1], 1);
        __builtin_prefetch((const uint8_t *)&t->accs[at - 1] + 64, 1);
    }
}

static void write_next(struct ft_windows *t, struct ft_window_row *row)
{
    struct ft__closing *c = &t->closing;
    uint32_t n = c->n[0] + c->n[1];

    while (c->taken < n && c->taken - c->written < FT__AHEAD) {
        take(t);
    }
    while (c->named < c->taken && c->named - c->written < NAMED) {
        name(t);
    }
    while (c->placed < c->named && c->placed - c->written < PLACED) {
        place(t);
    }
    write_one(t, &c->ahead[c->written++ % FT__AHEAD], row);
    ft_count_add(&t->rows, 1);
}

/* ---- slices ---- */

/* Who is in a longer span but was not in this window may have had what its last one had. */
static void owe(struct ft_windows *t, const uint64_t owed[])
{
    uint32_t longer = t->closing.longer;

    for (int k = 0; longer != FT__NO_WINDOW && k < FT_ENTITY__COUNT; k++) {
        t->windows[longer].owed[k] += owed[k];
    }
}

static void begin_kind(struct ft_windows *t, uint8_t kind)
{
    struct ft__closing *c = &t->closing;

    c->kind = kind;
    c->step = GATHER;
    c->n[0] = c->n[1] = 0;
    c->taken = c->named = c->placed = c->written = 0;
}

static void begin(struct ft_windows *t, uint32_t window)
{
    const struct ft__window *w = &t->windows[window];

    if (w->span == 0) {
        ft__known_turn(&t->bloom, w->index * span_ns(t, 0));
    }
    t->closing.window = window;
    t->closing.longer = longer_of(t, w);
    t->closing.known_false = ft__known_false(&t->bloom);
    begin_kind(t, 0);
}

/* A kind of the window is written: the next one, or none. */
static void next_kind(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__window *w = &t->windows[c->window];

    if (c->kind + 1 < FT_ENTITY__COUNT) {
        begin_kind(t, c->kind + 1);
        return;
    }
    owe(t, c->owed);
    if (w->span > 0) {
        t->longer[w->span] = FT__NO_WINDOW;
    }
    ft__window_free(t, c->window);
    c->window = FT__NO_WINDOW;
}

/* The next members of the window; then it takes no more of this kind. */
static void gather(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__window *w = &t->windows[c->window];
    uint32_t head = w->head[c->kind], done = c->n[0] + c->n[1];

    if (head == 0) {
        c->owed[c->kind] = ft__window_owed(t, w, c->kind);
        c->step = SORT;
        ft__order_begin(t);
        return;
    }
    const struct ft__members *m = &t->members[head - 1];

    if (m->next != 0) {
        const struct ft__members *next = &t->members[m->next - 1];

        __builtin_prefetch(next->next != 0 ? &t->members[next->next - 1] : next);
        for (uint32_t k = 0; k < FT__MEMBERS; k++) {
            __builtin_prefetch(&t->accs[next->acc[k]]);
        }
    }
    for (uint32_t k = ft__members_in(w->n[c->kind] - done); k-- > 0;) {
        ft__order_add(t, m->acc[k]);
    }
    w->head[c->kind] = ft__members_free(t, head);
}

/* One step of the window that is being written. True: a row was made. */
static bool go_on(struct ft_windows *t, struct ft_window_row *row)
{
    struct ft__closing *c = &t->closing;

    if (c->step == GATHER) {
        gather(t);
    } else if (c->step == SORT) {
        c->step = ft__order_go_on(t) ? WRITE : SORT;
    } else if (c->written < c->n[0] + c->n[1]) {
        write_next(t, row);
        return true;
    } else {
        next_kind(t);
    }
    return false;
}

bool ft__close_slice(struct ft_windows *t, uint32_t *budget, struct ft_window_row *rows,
                     uint32_t max, uint32_t *out_n)
{
    *out_n = 0;
    ft_count_set(&t->no_room, t->no_room_ends + t->room.lost);
    for (; *budget > 0 && *out_n < max; --*budget) {
        if (t->closing.window == FT__NO_WINDOW) {
            uint32_t window = next_over(t);

            if (window == FT__NO_WINDOW) {
                return false;
            }
            begin(t, window);
        }
        *out_n += go_on(t, &rows[*out_n]);
    }
    return true;
}
