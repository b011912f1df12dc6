/* SPDX-License-Identifier: Apache-2.0 */
/* window: windows that are over: rows, the next longer span.
 *
 * Theory of operation: the oldest window of the shortest span is over when every worker has passed
 * it; one of a longer span when all that is in it was written. One is written at a time, by kinds:
 *
 *     LOAD    what its log has of it        SORT  which is put in order (order.c)
 *     COUNT   entities, where that may be too many
 *     WRITE   what is of the first one, added up: a row; it is added to the longer span
 *
 * Where there are too many, or some are in the table since the log had no room:
 *
 *     REPLAY  the log into the table        GATHER, SORT, WRITE  what is in the table
 *
 * each of which can be interrupted, so that no batch of packets waits for a whole window. What an
 * entity needs is asked for while those before it are written: its own lines, then by its name the
 * places in tables, then what lies in the longer span. */
#include "window/close.h"

#include <string.h>

#include "base/time.h"
#include "window/usual.h"

enum step { LOAD, REPLAY, GATHER, SORT, COUNT, WRITE };

enum {
    ADDED_A_STEP = 32, /* entries of the log */
    TAKEN_A_STEP = 4,
    STEPS_OF_A_FEW = 128, /* more than a window of a packet and an end takes */
};

_Static_assert((int)FT__PAIR == FT_ENTITY_PAIR && (int)FT__SERVICE == FT_ENTITY_SERVICE,
               "ends of an entry are kinds");

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

/* A pair of the table is new: its initiator has one new peer more, if that can be said. */
static void meet_host(struct ft_windows *t, const struct ft__acc *pair, const struct ft__few *one)
{
    const struct ft__window *w = &t->windows[pair->window];
    struct ft__who host = {.kind = FT_ENTITY_HOST | (pair->kind & 0xf0)};
    struct ft__acc *a;

    if (!ft__window_knows_pairs(w)) {
        return;
    }
    memcpy(host.name[0], pair->name[0], sizeof host.name[0]);
    host.hash = ft__who_hash(t, &host);
    a = ft__acc_get(t, &host, pair->window, 0);
    if (a != NULL) {
        ft__acc_add(t, a, one);
    }
}

/* A pair of the shortest span: is it new? */
static void meet(struct ft_windows *t, const struct ft__coming *next)
{
    static const struct ft__few one = {.new_peers = 1};

    if (ft__acc_packets(t, next->acc) == 0 || ft__known_see(&t->bloom, next->who.hash)) {
        return;
    }
    ft__acc_add(t, next->acc, &one);
    if (t->closing.from_log) { /* the host will see it there */
        ft__order_entry(t, next->first)->few.new_peers = 1;
    } else {
        meet_host(t, next->acc, &one);
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
        meet(t, next);
    }
    ft__row_make(t, next, row);
    if (c->longer != FT__NO_WINDOW) {
        struct ft__acc *to =
            ft__acc_get(t, &next->who, c->longer, row->packets[0] + row->packets[1]);

        if (to != NULL) {
            ft__acc_merge(t, to, a, row->error, c->owed[row->entity]);
        }
    }
    if (c->from_log) {
        ft__acc_give_back(t, a);
    } else {
        ft__acc_free(t, a);
    }
}

/* ---- those that come next ---- */

static bool all_taken(const struct ft__closing *c)
{
    return c->at == c->n[0] + c->n[1] && !c->open;
}

/* One of the table. */
static void take_acc(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__acc *a = &t->accs[ft__order_at(t, c->at++)->ref];

    c->ahead[c->taken++ % FT__AHEAD].acc = a;
    __builtin_prefetch(a, 1);
    __builtin_prefetch((const uint8_t *)a + 64, 1);
}

static void begin_added(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__coming *next = &c->ahead[c->taken % FT__AHEAD];
    uint32_t ref = ft__order_at(t, c->at)->ref;

    next->acc = &t->ring[c->taken % FT__AHEAD];
    next->first = ref;
    ft__order_who(t, ref, &next->who);
    memset(next->acc, 0, sizeof *next->acc);
    next->acc->window = (uint16_t)c->window;
    next->acc->kind = next->who.kind;
    next->acc->proto = next->who.proto;
    memcpy(next->acc->name, next->who.name, sizeof next->acc->name);
    c->open = true;
}

/* Some of the log, into one entity; it may be whole then. */
static void take_entries(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    uint32_t n = c->n[0] + c->n[1];

    if (!c->open) {
        begin_added(t);
    }
    for (int i = 0; i < ADDED_A_STEP; i++) {
        uint32_t ref = ft__order_at(t, c->at)->ref;

        if (c->at + FT__AHEAD < n) {
            const uint8_t *then =
                (const uint8_t *)ft__order_entry(t, ft__order_at(t, c->at + FT__AHEAD)->ref);

            __builtin_prefetch(then);
            __builtin_prefetch(then + 64);
        }
        ft__entry_add(t, ft__order_entry(t, ref), ft__order_end(t, ref),
                      c->ahead[c->taken % FT__AHEAD].acc);
        c->at++;
        if (c->at == n || !ft__order_same(t, c->at - 1, c->at)) {
            c->taken++;
            c->open = false;
            return;
        }
    }
}

static void name(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__coming *next = &c->ahead[c->named++ % FT__AHEAD];
    const struct ft__acc *a = next->acc;

    if (!c->from_log) {
        next->who = (struct ft__who){.kind = a->kind, .proto = a->proto};
        memcpy(next->who.name, a->name, sizeof a->name);
        __builtin_prefetch(&t->index[a->hash & t->index_mask], 1);
        ft__sets_ask(&t->room, &a->sets);
        if (a->many != 0) {
            ft__many_ask(&t->manys[a->many - 1]);
        }
    }
    next->who.hash = ft__who_hash(t, &next->who);
    next->usual = ft_hash_fold(next->who.hash ^ t->cfg.seed.s[3], t->windows[a->window].span + 1u);
    ft__usual_ask(&t->usual, next->usual);
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

/* False: the next one is not whole yet. */
static bool write_next(struct ft_windows *t, struct ft_window_row *row)
{
    struct ft__closing *c = &t->closing;

    for (int i = 0; i < TAKEN_A_STEP && !all_taken(c) && c->taken - c->written < FT__AHEAD; i++) {
        if (c->from_log) {
            take_entries(t);
        } else {
            take_acc(t);
        }
    }
    if (!all_taken(c) && c->taken - c->written < FT__AHEAD) {
        return false;
    }
    while (c->named < c->taken && c->named - c->written < NAMED) {
        name(t);
    }
    while (c->placed < c->named && c->placed - c->written < PLACED) {
        place(t);
    }
    write_one(t, &c->ahead[c->written++ % FT__AHEAD], row);
    ft_count_add(&t->rows, 1);
    return true;
}

/* ---- slices ---- */

/* Who is in a longer span but was not in this window may have had what its last one had. */
static void owe(struct ft_windows *t, const uint64_t owed[])
{
    uint32_t longer = t->closing.longer;

    for (int k = 0; longer != FT__NO_WINDOW && k < FT_ENTITY__COUNT; k++) {
        ft__window_owe(&t->windows[longer], (uint8_t)k, owed[k]);
    }
    if (longer != FT__NO_WINDOW && !ft__window_knows_pairs(&t->windows[t->closing.window])) {
        t->windows[longer].unmet = true;
    }
}

/* The log is gone through, into the array or into the table. */
static void begin_log(struct ft_windows *t, enum step step)
{
    struct ft__closing *c = &t->closing;
    const struct ft__window *w = &t->windows[c->window];

    c->step = (uint8_t)step;
    c->from_log = step == LOAD;
    c->n[0] = c->n[1] = 0;
    c->chunk = w->log;
    c->left = c->kind == FT_ENTITY_EXPORTER ? 0 : w->n_log; /* of packets there are none */
}

static void begin_kind(struct ft_windows *t, uint8_t kind)
{
    struct ft__closing *c = &t->closing;
    bool table = t->windows[c->window].n[kind] > 0;

    c->kind = kind;
    c->at = c->taken = c->named = c->placed = c->written = 0;
    begin_log(t, table ? REPLAY : LOAD);
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
    ft__log_free(t, w);
    if (w->span > 0) {
        t->longer[w->span] = FT__NO_WINDOW;
    }
    ft__window_free(t, c->window);
    c->window = FT__NO_WINDOW;
}

static void sort(struct ft_windows *t)
{
    t->closing.step = SORT;
    ft__order_begin(t);
}

/* A chunk of the log, which is the kind's; true: that was the last one. */
static bool load(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    bool host = c->kind == FT_ENTITY_HOST;
    uint32_t first, n;

    if (c->left == 0) {
        return true;
    }
    first = (c->chunk - 1) * FT__CHUNK;
    n = ft__chunk_in(c->left);
    for (uint32_t i = first; i < first + n; i++) {
        uint8_t version = t->log[i].flow.version;

        ft__order_add(t, host ? 2 * i : i, version);
        if (host) {
            ft__order_add(t, 2 * i + 1, version);
        }
    }
    c->left -= n;
    c->chunk = t->chunk_next[c->chunk - 1];
    return false;
}

/* Some of the log into the table; true: that was all. */
static bool replay(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    uint32_t ends =
        c->kind == FT_ENTITY_HOST ? 1u << FT__INITIATOR | 1u << FT__RESPONDER : 1u << c->kind;

    if (c->left == 0) {
        return true;
    }
    uint32_t in = ft__chunk_in(c->left), n = (in - 1) % FT__APPLIED + 1;

    ft__entry_apply(t, &t->log[(size_t)(c->chunk - 1) * FT__CHUNK + in - n], n, c->window, ends);
    c->left -= n;
    if (in == n) {
        c->chunk = t->chunk_next[c->chunk - 1];
    }
    return c->left == 0;
}

/* The next members of the window; true: there are no more. */
static bool gather(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    struct ft__window *w = &t->windows[c->window];
    uint32_t head = w->head[c->kind], done = c->n[0] + c->n[1];

    if (head == 0) {
        return true;
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
        ft__order_add(t, m->acc[k], t->accs[m->acc[k]].kind >> 4);
    }
    w->head[c->kind] = ft__members_free(t, head);
    return false;
}

static void begin_write(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;

    c->owed[c->kind] = ft__window_owed(t, &t->windows[c->window], c->kind);
    c->step = WRITE;
    c->at = 0;
}

/* Of the log: are there more entities than may be? */
static void count(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;
    uint32_t n = c->n[0] + c->n[1];

    for (int i = 0; i < ADDED_A_STEP && c->at < n; i++, c->at++) {
        c->distinct += c->at == 0 || !ft__order_same(t, c->at - 1, c->at);
    }
    if (c->distinct > t->cfg.max_hosts) {
        begin_log(t, REPLAY);
    } else if (c->at == n) {
        begin_write(t);
    }
}

/* They are in order. */
static void sorted(struct ft_windows *t)
{
    struct ft__closing *c = &t->closing;

    if (c->from_log && c->n[0] + c->n[1] > t->cfg.max_hosts) {
        c->step = COUNT;
        c->distinct = 0;
    } else {
        begin_write(t);
    }
}

/* One step of the window that is being written. True: a row was made. */
static bool go_on(struct ft_windows *t, struct ft_window_row *row)
{
    struct ft__closing *c = &t->closing;

    switch ((enum step)c->step) {
    case LOAD:
        if (load(t)) {
            sort(t);
        }
        break;
    case REPLAY:
        if (replay(t)) {
            c->step = GATHER;
        }
        break;
    case GATHER:
        if (gather(t)) {
            sort(t);
        }
        break;
    case SORT:
        if (ft__order_go_on(t)) {
            sorted(t);
        }
        break;
    case COUNT:
        count(t);
        break;
    case WRITE:
        if (!all_taken(c) || c->written < c->taken) {
            return write_next(t, row);
        }
        next_kind(t);
        break;
    }
    return false;
}

/* Packets in windows of their own: each takes a chunk of the log, and they would run out. */
static bool is_behind(const struct ft_windows *t)
{
    return t->n_windows > FT__BEHIND;
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
            if (FT_UNLIKELY(is_behind(t)) && *budget < STEPS_OF_A_FEW) {
                *budget = STEPS_OF_A_FEW;
            }
        }
        *out_n += go_on(t, &rows[*out_n]);
    }
    return true;
}
