/* SPDX-License-Identifier: Apache-2.0 */
/* window: from flows to their four entities, see fold.h. */
#include "window/fold.h"

#include "base/rd.h"

enum { FOLDS_AHEAD = 8 };

uint64_t ft__who_hash(const struct ft_windows *t, const struct ft__who *who)
{
    const struct ft_hash_seed *k = &t->cfg.seed;
    uint64_t a = ft_load_u64(who->addr), b = ft_load_u64(who->addr + 8);
    uint64_t h = ft_hash_16(k, a ^ (uint64_t)who->kind << 56,
                            b ^ (uint64_t)who->port << 16 ^ (uint64_t)who->proto << 8);

    if (who->peer != NULL) {
        a = ft_load_u64(who->peer);
        b = ft_load_u64(who->peer + 8);
        h = ft_hash_fold(h ^ k->s[1], ft_hash_16(k, a, b) ^ k->s[2]);
    }
    return h;
}

void ft__fold_name(const struct ft_windows *t, struct ft__fold *f)
{
    const struct ft__flow *w = &f->flow;
    uint8_t version = (uint8_t)(w->version << 4);

    f->pair =
        (struct ft__who){.kind = FT_ENTITY_PAIR | version, .addr = w->addr[0], .peer = w->addr[1]};
    f->service = (struct ft__who){.kind = FT_ENTITY_SERVICE | version,
                                  .addr = w->addr[1],
                                  .port = w->port,
                                  .proto = w->proto};
    f->pair.hash = ft__who_hash(t, &f->pair);
    f->service.hash = ft__who_hash(t, &f->service);
    for (int i = 0; i < 2; i++) {
        f->host[i] = (struct ft__who){.kind = FT_ENTITY_HOST | version, .addr = w->addr[i]};
        f->host[i].hash = ft__who_hash(t, &f->host[i]);
    }
}

/* ---- one entity ---- */

/* A host, a client, a server, as a value of a set. */
static uint32_t as_value(const struct ft__who *host)
{
    return (uint32_t)(host->hash >> 32);
}

static void add_sizes(struct ft__acc *a, const struct ft__delta *d)
{
    unsigned __int128 gaps = (unsigned __int128)a->gap_squares[1] << 64 | a->gap_squares[0];

    gaps += d->gap_squares;
    a->gap_squares[0] = (uint64_t)gaps;
    a->gap_squares[1] = (uint64_t)(gaps >> 64);
    if (__builtin_add_overflow(a->squares, d->squares, &a->squares)) {
        a->squares = UINT64_MAX;
    }
    a->gaps += d->gaps;
    a->gap_us += d->gap_us;
    for (int i = 0; i < FT_WINDOW_SIZES; i++) {
        a->sizes[i] = ft__add32(a->sizes[i], d->sizes[i]);
    }
}

/* Adds a flow to an entity, whose FT_WINDOW_OUT is this direction of the flow. */
static void add(struct ft__acc *a, const struct ft__fold *f, int out)
{
    const struct ft__delta *d = &f->delta;

    for (int i = 0; i < 2; i++) {
        int from = i == FT_WINDOW_OUT ? out : 1 - out;

        a->packets[i] += d->packets[from];
        a->bytes[i] += d->bytes[from];
        a->syn[i] = ft__add32(a->syn[i], d->syn[from]);
        a->syn_ack[i] = ft__add32(a->syn_ack[i], d->syn_ack[from]);
        a->rst[i] = ft__add32(a->rst[i], d->rst[from]);
    }
    a->flows[out] = ft__add32(a->flows[out], d->begun); /* begun by it, to it */
    a->ended = ft__add32(a->ended, (f->over & FT__OVER) != 0);
    a->failed[out] = ft__add32(a->failed[out], (f->over & FT__FAILED) != 0);
    add_sizes(a, d);
}

static void add_ports(struct ft_windows *t, struct ft__acc *a, const struct ft__fold *f)
{
    uint32_t packets = (uint32_t)f->delta.packets[0] + f->delta.packets[1];

    if (packets > 0) {
        ft__set_count(&t->room, &a->ports, f->flow.port, packets);
    }
}

static void add_peer(struct ft_windows *t, struct ft__acc *a, const struct ft__fold *f, int way)
{
    if (f->delta.packets[0] > 0 || f->delta.packets[1] > 0) {
        ft__set_add(&t->room, &a->peers[way], as_value(&f->host[1 - way]));
    }
}

static void apply(struct ft_windows *t, const struct ft__fold *f, uint32_t window)
{
    uint64_t weight = (uint64_t)f->delta.packets[0] + f->delta.packets[1];
    struct ft__acc *a = ft__acc_get(t, &f->pair, window, weight);
    uint64_t missed = 0;

    if (a != NULL) {
        add(a, f, FT_DIR_FWD);
        add_ports(t, a, f);
        ft__acc_grew(t, a);
    }
    a = ft__acc_get(t, &f->service, window, weight);
    if (a != NULL) {
        add(a, f, FT_DIR_REV);
        add_peer(t, a, f, FT_WINDOW_IN);
        ft__acc_grew(t, a);
    }
    for (int i = 0; i < 2; i++) {
        a = ft__acc_get(t, &f->host[i], window, weight);
        if (a == NULL) {
            missed++;
            ft_count_add(&t->untracked, f->delta.packets[i == 0 ? FT_DIR_FWD : FT_DIR_REV]);
            continue;
        }
        add(a, f, i == 0 ? FT_DIR_FWD : FT_DIR_REV);
        add_peer(t, a, f, i == 0 ? FT_WINDOW_OUT : FT_WINDOW_IN);
        if (i == 0) {
            add_ports(t, a, f);
        }
        ft__acc_grew(t, a);
    }
    if (missed > 0 && f->over != 0) {
        t->no_room_ends++;
    }
}

/* ---- some dozens ---- */

/* Places in the index first, then what lies there: each waits for memory while others do. */
static void ask(const struct ft_windows *t, const struct ft__fold *f, uint32_t window, bool far)
{
    const struct ft__who *who[] = {&f->pair, &f->service, &f->host[0], &f->host[1]};

    for (int i = 0; i < 4; i++) {
        uint32_t *at = ft__acc_place(t, who[i], window);

        if (far) {
            __builtin_prefetch(at, 1);
        } else if (*at != 0) {
            const struct ft__acc *a = &t->accs[*at - 1];

            __builtin_prefetch(a, 1);
            __builtin_prefetch((const uint8_t *)a + 64, 1);
            __builtin_prefetch((const uint8_t *)a + 128, 1);
            __builtin_prefetch((const uint8_t *)a + 192, 1);
        }
    }
}

void ft__fold_apply(struct ft_windows *t, const struct ft__fold *folds, uint32_t n)
{
    uint32_t window[FT__FOLDS];

    for (uint32_t i = 0; i < n; i++) {
        bool same = i > 0 && folds[i].delta.index == folds[i - 1].delta.index &&
                    folds[i].epoch == folds[i - 1].epoch;

        window[i] = same ? window[i - 1] : ft__window_get(t, folds[i].epoch, folds[i].delta.index);
        if (window[i] != FT__NO_WINDOW) {
            ask(t, &folds[i], window[i], true);
        }
    }
    for (uint32_t i = 0; i < n + FOLDS_AHEAD; i++) {
        if (i < n && window[i] != FT__NO_WINDOW) {
            ask(t, &folds[i], window[i], false);
        }
        if (i < FOLDS_AHEAD) {
            continue;
        }
        const struct ft__fold *f = &folds[i - FOLDS_AHEAD];

        if (window[i - FOLDS_AHEAD] != FT__NO_WINDOW) {
            apply(t, f, window[i - FOLDS_AHEAD]);
        } else {
            ft_count_add(&t->untracked, (uint64_t)f->delta.packets[0] + f->delta.packets[1]);
        }
    }
}
