/* SPDX-License-Identifier: Apache-2.0 */
/* window: records of collect, into the table: they are no packets, so there is nothing of a flow to
 * be kept until its window is over. */
#include <string.h>

#include "base/wr.h"
#include "codec/app/known.h"
#include "window/worker.h"

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* By its port. */
static uint8_t app_of(const struct ft_window_told *o)
{
    bool some = o->ip_version != 0 && (o->packets[0] | o->packets[1]) != 0;

    return some ? (uint8_t)(FT__APP_FIRST + ft_known_port(o->proto, o->port)) : FT__APP_NONE;
}

/* What is counted of it, seen from one end. */
static struct ft__many counts_of(const struct ft_window_told *o, int out)
{
    struct ft__many m = {.gaps = 1, .ended = o->flow, .app = app_of(o)};

    for (int i = 0; i < 2; i++) {
        int from = i == FT_WINDOW_OUT ? out : 1 - out;

        m.packets[i] = ft__at_most(o->packets[from]);
        m.bytes[i] = ft__at_most(o->bytes[from]);
    }
    m.flows[out] = o->flow;
    m.failed[out] = o->failed;
    return m;
}

/* The same, if it fits. */
static bool few_of(const struct ft__many *m, struct ft__few *out)
{
    if (m->packets[0] > FT__FEW || m->packets[1] > FT__FEW ||
        m->packets[0] + m->packets[1] > FT__FEW || m->bytes[0] > UINT32_MAX ||
        m->bytes[1] > UINT32_MAX) {
        return false;
    }
    *out = (struct ft__few){.gaps = (uint8_t)m->gaps, .ended = (uint8_t)m->ended, .app = m->app};
    for (int i = 0; i < 2; i++) {
        out->packets[i] = (uint8_t)m->packets[i];
        out->bytes[i] = (uint32_t)m->bytes[i];
        out->flows[i] = (uint8_t)m->flows[i];
        out->failed[i] = (uint8_t)m->failed[i];
    }
    return true;
}

/* One entity; NULL: there is no room. */
static struct ft__acc *tell(struct ft_windows *t, uint32_t window, struct ft__who *who,
                            const struct ft__many *m)
{
    struct ft__few few;

    who->hash = ft__who_hash(t, who);
    struct ft__acc *a = ft__acc_get(t, who, window, m->packets[0] + m->packets[1]);

    if (a == NULL) {
        return NULL;
    }
    if (few_of(m, &few)) {
        ft__acc_add(t, a, &few);
    } else {
        ft__acc_add_many(t, a, m);
    }
    ft__acc_grew(t, a);
    return a;
}

/* The pair, the service and both hosts. */
static void tell_ends(struct ft_windows *t, uint32_t window, const struct ft_window_told *o)
{
    uint64_t packets = add(o->packets[0], o->packets[1]);
    uint32_t n = packets < UINT32_MAX ? (uint32_t)packets : UINT32_MAX;
    struct ft__entry e = {.flow = {.port = o->port, .proto = o->proto, .version = o->ip_version}};

    memcpy(e.flow.addr, o->addr, sizeof e.flow.addr);
    ft__entry_name(t, &e);
    for (int end = 0; end < FT__ENDS; end++) {
        bool forth = end == FT__PAIR || end == FT__INITIATOR;
        struct ft__many m = counts_of(o, forth ? FT_DIR_FWD : FT_DIR_REV);
        struct ft__who who;

        ft__entry_who(&e, end, &who);
        struct ft__acc *a = tell(t, window, &who, &m);

        if (a != NULL && n > 0) {
            ft__entry_sets(t, &e, end, a, n);
        } else if (a == NULL && end >= FT__INITIATOR) {
            ft_count_add(&t->untracked, m.packets[FT_WINDOW_OUT]);
        }
    }
}

static void tell_exporter(struct ft_windows *t, uint32_t window, const struct ft_window_told *o)
{
    struct ft__who who = {.kind = (uint8_t)(FT_ENTITY_EXPORTER | o->exporter_version << 4)};
    struct ft__many m = {.gaps = 1, .ended = o->flow, .flows = {o->flow}, .failed = {o->failed}};

    memcpy(who.name[0], o->exporter, sizeof who.name[0]);
    ft_store_be32(who.name[1], o->domain_id);
    m.packets[FT_WINDOW_OUT] = ft__at_most(add(o->packets[0], o->packets[1]));
    m.bytes[FT_WINDOW_OUT] = ft__at_most(add(o->bytes[0], o->bytes[1]));
    ft_ignore(tell(t, window, &who, &m) != NULL);
}

void ft__told_apply(struct ft_windows *t, const struct ft_window_told *told, const int64_t *index,
                    uint32_t n, uint32_t epoch)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t window = ft__window_get(t, epoch, index[i]);

        if (window == FT__NO_WINDOW) {
            ft_count_add(&t->untracked, add(told[i].packets[0], told[i].packets[1]));
            continue;
        }
        if (told[i].ip_version != 0) {
            tell_ends(t, window, &told[i]);
        }
        tell_exporter(t, window, &told[i]);
    }
}
