/* SPDX-License-Identifier: Apache-2.0 */
/* merge: a flow becomes a line: the text of who saw most of it, with merged values in place of his
 * own, and behind them who saw it. */
#include <math.h>
#include <string.h>

#include "codec/text/digits.h"
#include "merge/internal.h"

enum { VALUE_ROOM = 160, CHANGES = 40, LIST_ROOM = 32 };

/* What a group's members say together. */
struct together {
    uint64_t n[FT__COUNT_N];
    uint8_t known, flags[2];
    bool sampled;
    double packets, bytes, variance; /* estimates */
    uint32_t observers;
};

/* Text in place of a value. */
struct change {
    const struct ft__span *of;
    uint8_t text[VALUE_ROOM];
    uint32_t len;
};

void ft__write_flush(struct ft_merge *m)
{
    if (m->out_len > 0 && !m->refused) {
        m->refused = m->write(m->cookie, m->out, m->out_len) != 0;
    }
    m->out_len = 0;
}

void ft__write(struct ft_merge *m, const char *data, size_t len)
{
    if (m->out_len + len > FT__OUT) {
        ft__write_flush(m);
    }
    if (len > FT__OUT) {
        m->refused |= m->write(m->cookie, data, len) != 0;
        return;
    }
    memcpy(m->out + m->out_len, data, len);
    m->out_len += len;
}

/* ---- counts ---- */

/* Is it the first member of its observer? Then all of him. */
static bool observer_at(const struct ft__flow *w, uint32_t at, struct ft__member *out)
{
    for (uint32_t i = 0; i < at; i++) {
        if (w->m[i].observer == w->m[at].observer) {
            return false;
        }
    }
    *out = w->m[at];
    for (uint32_t i = at + 1; i < w->n; i++) {
        for (int k = 0; k < FT__COUNT_N && w->m[i].observer == out->observer; k++) {
            out->n[k] += w->m[i].n[k];
        }
        if (w->m[i].observer == out->observer) {
            out->known &= w->m[i].known;
            out->rate = w->m[i].rate > out->rate ? w->m[i].rate : out->rate;
        }
    }
    return true;
}

/* Each packet is drawn by each member of its own accord: of what all drew together, the sum of
 * their shares is what was to be expected of each packet. */
static void pool(const struct ft_merge *m, uint32_t group, uint64_t packets, uint64_t bytes,
                 struct together *t)
{
    double share = 0, spread = 0;

    for (uint32_t i = 0; i < m->observers.n; i++) {
        if (m->observers.of[i].group == group) {
            double p = 1.0 / m->observers.of[i].seen_rate;

            share += p;
            spread += p * (1 - p);
        }
    }
    t->packets = (double)packets / share;
    t->bytes = (double)bytes / share;
    t->variance = t->packets * spread / (share * share);
}

static void put_together(const struct ft_merge *m, const struct ft__flow *w, struct together *t)
{
    bool copies = m->observers.group[w->group].how == FT_MERGE_COPIES;
    uint64_t packets = 0, bytes = 0;
    struct ft__member one;

    *t = (struct together){.known = UINT8_MAX};
    for (uint32_t i = 0; i < w->n; i++) {
        t->flags[0] |= w->m[i].flags[0];
        t->flags[1] |= w->m[i].flags[1];
        if (!observer_at(w, i, &one)) {
            continue;
        }
        double rate = one.rate, seen = (double)(one.n[0] + one.n[1]);

        t->observers++;
        t->known &= one.known;
        for (int k = 0; k < FT__COUNT_N; k++) {
            t->n[k] = copies ? (one.n[k] > t->n[k] ? one.n[k] : t->n[k]) : t->n[k] + one.n[k];
        }
        packets += one.n[0] + one.n[1];
        bytes += one.n[FT__COUNT_BYTES] + one.n[FT__COUNT_BYTES + 1];
        t->sampled |= one.rate > 1;
        t->packets += rate * seen;
        t->bytes += rate * (double)(one.n[FT__COUNT_BYTES] + one.n[FT__COUNT_BYTES + 1]);
        t->variance += rate * (rate - 1) * seen;
    }
    if (copies && t->sampled) {
        pool(m, w->group, packets, bytes, t);
    }
}

/* ---- text ---- */

/* Changes are kept in the order of their places. */
static struct change *change(struct change *all, uint32_t *n, const struct ft__span *of)
{
    uint32_t i = *n;

    if (of->at == NULL || *n == CHANGES) {
        return NULL;
    }
    for (; i > 0 && all[i - 1].of->at > of->at; i--) {
        all[i] = all[i - 1];
    }
    (*n)++;
    all[i].of = of;
    return &all[i];
}

static void put_number(struct change *all, uint32_t *n, const struct ft__span *of, bool known,
                       uint64_t v)
{
    struct change *c = change(all, n, of);

    if (c != NULL) {
        uint8_t *end = known ? ft_put_u64(c->text, v) : FT_PUT_LIT(c->text, "null");

        c->len = (uint32_t)(end - c->text);
    }
}

static void put_us(struct change *all, uint32_t *n, const struct ft__span *of, int64_t us)
{
    struct change *c = change(all, n, of);

    if (c != NULL) {
        c->len = (uint32_t)(ft_put_time(c->text, us * 1000) - c->text);
    }
}

/* An estimate, null of what was seen whole. It is not rounded: sums of many would be off. */
static void put_estimate(struct change *all, uint32_t *n, const struct ft__span *of,
                         const struct together *t, double v)
{
    struct change *c = change(all, n, of);

    if (c != NULL) {
        uint8_t *end = t->sampled ? ft_put_f64(c->text, v) : FT_PUT_LIT(c->text, "null");

        c->len = (uint32_t)(end - c->text);
    }
}

static void change_counts(const struct ft__record *r, const struct together *t, bool swapped,
                          struct change *all, uint32_t *n)
{
    static const uint8_t slots[FT__COUNT_N] = {FT__MERGE_FWD_PACKETS,  FT__MERGE_REV_PACKETS,
                                               FT__MERGE_FWD_BYTES,    FT__MERGE_REV_BYTES,
                                               FT__MERGE_FWD_IP_BYTES, FT__MERGE_REV_IP_BYTES,
                                               FT__MERGE_FWD_PAYLOAD,  FT__MERGE_REV_PAYLOAD};
    static const uint8_t deltas[] = {FT__MERGE_FWD_PACKETS_DELTA, FT__MERGE_REV_PACKETS_DELTA,
                                     FT__MERGE_FWD_BYTES_DELTA, FT__MERGE_REV_BYTES_DELTA};

    for (int k = 0; k < FT__COUNT_N; k++) {
        uint64_t v = t->n[swapped ? k ^ 1 : k];

        put_number(all, n, &r->of[slots[k]], (t->known >> k / 2 & 1) != 0, v);
        if (k < FT__COUNT_IP_BYTES) {
            put_number(all, n, &r->of[deltas[k]], true, v);
        }
    }
    put_number(all, n, &r->of[FT__MERGE_PACKETS], true, t->n[0] + t->n[1]);
    put_number(all, n, &r->of[FT__MERGE_BYTES], true,
               t->n[FT__COUNT_BYTES] + t->n[FT__COUNT_BYTES + 1]);
    put_number(all, n, &r->of[FT__MERGE_FWD_FLAGS], true, t->flags[swapped]);
    put_number(all, n, &r->of[FT__MERGE_REV_FLAGS], true, t->flags[!swapped]);
    put_estimate(all, n, &r->of[FT__MERGE_EST_PACKETS], t, t->packets);
    put_estimate(all, n, &r->of[FT__MERGE_EST_BYTES], t, t->bytes);
}

/* The group's name in place of the observer's, which should be text. */
static void change_name(const char *name, const struct ft__span *of, struct change *all,
                        uint32_t *n)
{
    struct change *c = change(all, n, of);

    if (c != NULL) {
        const char *quote = of->at[-1] == '"' ? "" : "\"";
        uint8_t *p = ft_put_str(ft_put_str(ft_put_str(c->text, quote), name), quote);

        c->len = (uint32_t)(p - c->text);
    }
}

/* Where the text ends that is kept: before the brace, and before what merge itself wrote earlier.
 */
static const char *text_ends(const struct ft__flow *w, const char *from)
{
    static const char mark[] = ",\"observers\":[";
    const char *end = w->text + w->text_len;
    const char *ours = memmem(from, (size_t)(end - from), mark, sizeof mark - 1);

    while (ours == NULL && end > from && end[-1] != '}') {
        end--;
    }
    return ours != NULL ? ours : end - 1;
}

static void write_observers(struct ft_merge *m, const struct ft__flow *w, const struct together *t,
                            bool estimates)
{
    uint8_t text[VALUE_ROOM], *p = text;
    struct ft__member one;
    bool first = true;

    ft__write(m, ",\"observers\":[", 14);
    for (uint32_t i = 0; i < w->n; i++) {
        if (observer_at(w, i, &one)) {
            const struct ft__observer *who = &m->observers.of[one.observer];

            ft__write(m, first ? "\"" : ",\"", first ? 1 : 2);
            ft__write(m, who->name, who->len);
            ft__write(m, "\"", 1);
            first = false;
        }
    }
    p = FT_PUT_LIT(p, "],\"merged\":");
    p = ft_put_u64(p, w->records);
    if (t->sampled && estimates) {
        p = FT_PUT_LIT(p, ",\"estimated_packets\":");
        p = ft_put_f64(p, t->packets);
        p = FT_PUT_LIT(p, ",\"estimated_bytes\":");
        p = ft_put_f64(p, t->bytes);
    }
    if (t->sampled) {
        p = FT_PUT_LIT(p, ",\"estimated_packets_sigma\":");
        p = ft_put_f64(p, sqrt(t->variance));
    }
    p = FT_PUT_LIT(p, "}\n");
    ft__write(m, (const char *)text, (size_t)(p - text));
}

void ft__write_flow(struct ft_merge *m, const struct ft__flow *w)
{
    struct change all[CHANGES];
    struct ft__record r;
    struct together t;
    uint32_t n = 0;
    const char *at = w->text;

    for (uint32_t i = 0; i < FT__MERGE_SLOTS_N; i++) {
        bool there = w->place[i].len != UINT32_MAX;

        r.of[i] =
            (struct ft__span){there ? w->text + w->place[i].at : NULL, w->place[i].len, false};
    }
    put_together(m, w, &t);
    change_counts(&r, &t, w->text_swapped, all, &n);
    put_us(all, &n, &r.of[FT__MERGE_TIMESTAMP], w->time_us);
    put_us(all, &n, &r.of[FT__MERGE_FIRST], w->first_us);
    put_us(all, &n, &r.of[FT__MERGE_LAST], w->last_us);
    put_number(all, &n, &r.of[FT__MERGE_DURATION], true, (uint64_t)(w->last_us - w->first_us));
    put_number(all, &n, &r.of[FT__MERGE_DOMAIN], true, 0);
    change_name(m->observers.group[w->group].name, &r.of[FT__MERGE_OBSERVER], all, &n);
    for (uint32_t i = 0; i < n; i++) {
        ft__write(m, at, (size_t)(all[i].of->at - at));
        ft__write(m, (const char *)all[i].text, all[i].len);
        at = all[i].of->at + all[i].of->len;
    }
    ft__write(m, at, (size_t)(text_ends(w, at) - at));
    write_observers(m, w, &t, r.of[FT__MERGE_EST_PACKETS].at == NULL);
    m->stats.merged += w->records;
    m->stats.written++;
}
