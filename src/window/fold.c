/* SPDX-License-Identifier: Apache-2.0 */
/* window: from flows to their four entities, see fold.h. */
#include "window/fold.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

enum { ACCS_AHEAD = 8, SETS_AHEAD = 4 /* behind those */ };

uint64_t ft__who_hash(const struct ft_windows *t, const struct ft__who *who)
{
    const struct ft_hash_seed *k = &t->cfg.seed;
    uint64_t a = ft_load_u64(who->name[0]), b = ft_load_u64(who->name[0] + 8);
    uint64_t c = ft_load_u64(who->name[1]), d = ft_load_u64(who->name[1] + 8);
    uint64_t what = (uint64_t)who->kind << 8 | who->proto;
    uint64_t h = ft_hash_16(k, a, b);

    return ft_hash_fold(h ^ k->s[1] ^ what, ft_hash_fold(c ^ k->s[0], d ^ k->s[3]) ^ k->s[2]);
}

static void name(const struct ft_windows *t, struct ft__who *who, uint8_t kind,
                 const struct ft__flow *w, int end)
{
    *who = (struct ft__who){.kind = (uint8_t)(kind | w->version << 4)};
    memcpy(who->name[0], w->addr[end], sizeof who->name[0]);
    if (kind == FT_ENTITY_PAIR) {
        memcpy(who->name[1], w->addr[1 - end], sizeof who->name[1]);
    } else if (kind == FT_ENTITY_SERVICE) {
        who->proto = w->proto;
        ft_store_be16(who->name[1], w->port);
    }
    who->hash = ft__who_hash(t, who);
}

void ft__fold_name(const struct ft_windows *t, struct ft__fold *f)
{
    name(t, &f->who[FT__PAIR], FT_ENTITY_PAIR, &f->flow, 0);
    name(t, &f->who[FT__SERVICE], FT_ENTITY_SERVICE, &f->flow, 1);
    name(t, &f->who[FT__INITIATOR], FT_ENTITY_HOST, &f->flow, 0);
    name(t, &f->who[FT__RESPONDER], FT_ENTITY_HOST, &f->flow, 1);
}

/* ---- one flow ---- */

/* A host, a client, a server, as a value of a set. */
static uint32_t as_value(const struct ft__who *host)
{
    return (uint32_t)(host->hash >> 32);
}

/* What a flow with packets says besides of one of its four. */
static void add_sets(struct ft_windows *t, const struct ft__fold *f, int end, struct ft__acc *a,
                     uint32_t packets)
{
    if (end == FT__PAIR || end == FT__INITIATOR) {
        ft__sets_add(&t->room, &a->sets, FT__PORTS, f->flow.port, packets);
    }
    if (end == FT__INITIATOR) {
        ft__sets_add(&t->room, &a->sets, FT__PEERS_OUT, as_value(&f->who[FT__RESPONDER]), 1);
    } else if (end != FT__PAIR) {
        ft__sets_add(&t->room, &a->sets, FT__PEERS_IN, as_value(&f->who[FT__INITIATOR]), 1);
    }
}

static void apply(struct ft_windows *t, const struct ft__fold *f, uint32_t window)
{
    const struct ft__few back = ft__few_turned(&f->few);
    uint32_t packets = (uint32_t)f->few.packets[0] + f->few.packets[1];
    bool missed = false;

    for (int end = 0; end < FT__ENDS; end++) {
        const struct ft__few *few =
            end == FT__PAIR || end == FT__INITIATOR ? &f->few : &back;
        struct ft__acc *a = ft__acc_get(t, &f->who[end], window, packets);

        if (a != NULL) {
            ft__acc_add(t, a, few);
            if (packets > 0) {
                add_sets(t, f, end, a, packets);
                ft__acc_grew(t, a);
            }
        } else if (end == FT__INITIATOR || end == FT__RESPONDER) {
            missed = true;
            ft_count_add(&t->untracked, few->packets[FT_WINDOW_OUT]);
        }
    }
    t->no_room_ends += missed && f->few.ended > 0;
}

/* ---- some dozens ---- */

/* What memory is asked for, from far to near: places in the index, what lies there, and what that
 * one has elsewhere; each waits while others do. */
enum stage { PLACE, ACC, SETS };

static void ask(const struct ft_windows *t, const struct ft__fold *f, uint32_t window,
                enum stage stage)
{
    for (int i = 0; window != FT__NO_WINDOW && i < FT__ENDS; i++) {
        uint32_t *at = ft__acc_place(t, &f->who[i], window);
        const struct ft__acc *a;

        if (stage == PLACE) {
            __builtin_prefetch(at, 1);
            continue;
        }
        if (*at == 0) {
            continue;
        }
        a = &t->accs[*at - 1];
        if (stage == ACC) {
            __builtin_prefetch(a, 1);
            __builtin_prefetch((const uint8_t *)a + 64, 1);
            continue;
        }
        ft__sets_ask(&t->room, &a->sets);
        if (a->many != 0) {
            ft__many_ask(&t->manys[a->many - 1]);
        }
    }
}

/* The window of each; places are asked for. */
static void find_windows(struct ft_windows *t, const struct ft__fold *folds, uint32_t n,
                         uint32_t window[])
{
    for (uint32_t i = 0; i < n; i++) {
        bool same = i > 0 && folds[i].index == folds[i - 1].index &&
                    folds[i].epoch == folds[i - 1].epoch;

        window[i] = same ? window[i - 1] : ft__window_get(t, folds[i].epoch, folds[i].index);
        ask(t, &folds[i], window[i], PLACE);
    }
}

void ft__fold_apply(struct ft_windows *t, const struct ft__fold *folds, uint32_t n)
{
    uint32_t window[FT__FOLDS];

    find_windows(t, folds, n, window);
    for (uint32_t i = 0; i < n + ACCS_AHEAD; i++) {
        if (i < n) {
            ask(t, &folds[i], window[i], ACC);
        }
        if (i >= SETS_AHEAD && i - SETS_AHEAD < n) {
            ask(t, &folds[i - SETS_AHEAD], window[i - SETS_AHEAD], SETS);
        }
        if (i < ACCS_AHEAD) {
            continue;
        }
        const struct ft__fold *f = &folds[i - ACCS_AHEAD];

        if (window[i - ACCS_AHEAD] != FT__NO_WINDOW) {
            apply(t, f, window[i - ACCS_AHEAD]);
        } else {
            ft_count_add(&t->untracked, (uint64_t)f->few.packets[0] + f->few.packets[1]);
        }
    }
}
