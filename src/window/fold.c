/* SPDX-License-Identifier: Apache-2.0 */
/* window: from flows to the log, and to their four entities, see fold.h. */
#include "window/fold.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

uint64_t ft__who_hash(const struct ft_windows *t, const struct ft__who *who)
{
    const struct ft_hash_seed *k = &t->cfg.seed;
    uint64_t a = ft_load_u64(who->name[0]), b = ft_load_u64(who->name[0] + 8);
    uint64_t c = ft_load_u64(who->name[1]), d = ft_load_u64(who->name[1] + 8);
    uint64_t what = (uint64_t)who->kind << 8 | who->proto;
    uint64_t h = ft_hash_16(k, a, b);

    return ft_hash_fold(h ^ k->s[1] ^ what, ft_hash_fold(c ^ k->s[0], d ^ k->s[3]) ^ k->s[2]);
}

void ft__entry_who(const struct ft__entry *e, int end, struct ft__who *out)
{
    static const uint8_t kinds[FT__ENDS] = {FT_ENTITY_PAIR, FT_ENTITY_SERVICE, FT_ENTITY_HOST,
                                            FT_ENTITY_HOST};
    const struct ft__flow *f = &e->flow;
    int of = end == FT__SERVICE || end == FT__RESPONDER;

    *out = (struct ft__who){.kind = (uint8_t)(kinds[end] | f->version << 4)};
    memcpy(out->name[0], f->addr[of], sizeof out->name[0]);
    if (end == FT__PAIR) {
        memcpy(out->name[1], f->addr[1], sizeof out->name[1]);
    } else if (end == FT__SERVICE) {
        out->proto = f->proto;
        ft_store_be16(out->name[1], f->port);
    }
}

void ft__entry_name(const struct ft_windows *t, struct ft__entry *e)
{
    struct ft__who host = {.kind = (uint8_t)(FT_ENTITY_HOST | e->flow.version << 4)};

    for (int i = 0; i < 2; i++) {
        memcpy(host.name[0], e->flow.addr[i], sizeof host.name[0]);
        e->value[i] = (uint32_t)(ft__who_hash(t, &host) >> 32);
    }
}

/* ---- one entry ---- */

static uint32_t packets_of(const struct ft__entry *e)
{
    return (uint32_t)e->few.packets[0] + e->few.packets[1];
}

void ft__entry_sets(struct ft_windows *t, const struct ft__entry *e, int end, struct ft__acc *a,
                    uint32_t packets)
{
    if (end == FT__PAIR || end == FT__INITIATOR) {
        ft__sets_add(&t->room, &a->sets, FT__PORTS, e->flow.port, packets);
    }
    if (end == FT__INITIATOR) {
        ft__sets_add(&t->room, &a->sets, FT__PEERS_OUT, e->value[1], 1);
    } else if (end != FT__PAIR) {
        ft__sets_add(&t->room, &a->sets, FT__PEERS_IN, e->value[0], 1);
    }
}

void ft__entry_add(struct ft_windows *t, const struct ft__entry *e, int end, struct ft__acc *a)
{
    uint32_t packets = packets_of(e);

    if (end == FT__PAIR || end == FT__INITIATOR) {
        ft__acc_add(t, a, &e->few);
    } else {
        const struct ft__few back = ft__few_turned(&e->few);

        ft__acc_add(t, a, &back);
    }
    if (packets > 0) {
        ft__entry_sets(t, e, end, a, packets);
    }
}

/* To those of its four that who[] names. */
static void apply(struct ft_windows *t, const struct ft__entry *e, uint32_t window, uint32_t ends,
                  const struct ft__who who[FT__ENDS])
{
    bool missed = false;

    for (int end = 0; end < FT__ENDS; end++) {
        if ((ends >> end & 1) == 0) {
            continue;
        }
        struct ft__acc *a = ft__acc_get(t, &who[end], window, packets_of(e));

        if (a != NULL) {
            ft__entry_add(t, e, end, a);
            ft__acc_grew(t, a);
        } else if (end == FT__INITIATOR || end == FT__RESPONDER) {
            missed = true;
            ft_count_add(&t->untracked, e->few.packets[end == FT__INITIATOR ? 0 : 1]);
        }
    }
    t->no_room_ends += missed && e->few.ended > 0;
}

static void name_all(const struct ft_windows *t, const struct ft__entry *e, uint32_t window,
                     uint32_t ends, struct ft__who who[FT__ENDS])
{
    for (int end = 0; end < FT__ENDS; end++) {
        if ((ends >> end & 1) != 0) {
            ft__entry_who(e, end, &who[end]);
            who[end].hash = ft__who_hash(t, &who[end]);
            __builtin_prefetch(ft__acc_place(t, &who[end], window));
        }
    }
}

static void ask(const struct ft_windows *t, uint32_t window, uint32_t ends,
                const struct ft__who who[FT__ENDS])
{
    for (int end = 0; end < FT__ENDS; end++) {
        uint32_t at = (ends >> end & 1) != 0 ? *ft__acc_place(t, &who[end], window) : 0;

        if (at != 0) {
            __builtin_prefetch(&t->accs[at - 1], 1);
            __builtin_prefetch((const uint8_t *)&t->accs[at - 1] + 64, 1);
        }
    }
}

void ft__entry_apply(struct ft_windows *t, const struct ft__entry *e, uint32_t n, uint32_t window,
                     uint32_t ends)
{
    struct ft__who who[FT__APPLIED][FT__ENDS];

    for (uint32_t i = 0; i < n; i++) {
        name_all(t, &e[i], window, ends, who[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        ask(t, window, ends, who[i]);
    }
    for (uint32_t i = n; i-- > 0;) {
        apply(t, &e[i], window, ends, who[i]);
    }
}

void ft__fold_apply(struct ft_windows *t, const struct ft__fold *folds, uint32_t n)
{
    uint32_t window = FT__NO_WINDOW;

    for (uint32_t i = 0; i < n; i++) {
        const struct ft__fold *f = &folds[i];
        struct ft__entry *e;

        if (i == 0 || f->index != f[-1].index || f->epoch != f[-1].epoch) {
            window = ft__window_get(t, f->epoch, f->index);
        }
        if (window == FT__NO_WINDOW) {
            ft_count_add(&t->untracked, packets_of(&f->entry));
            continue;
        }
        e = ft__log_new(t, &t->windows[window], packets_of(&f->entry));
        if (FT_LIKELY(e != NULL)) {
            *e = f->entry;
        } else {
            ft__entry_apply(t, &f->entry, 1, window, FT__ALL_ENDS);
        }
    }
}
