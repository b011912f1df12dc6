/* SPDX-License-Identifier: Apache-2.0 */
/* merge: a flow becomes a line: the text of who saw most of it, with merged values in place of his
 * own, and behind them who saw it. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "codec/text/digits.h"
#include "merge/internal.h"

enum { BLOCK = 16 };

/* What a group's members say together. */
struct together {
    uint64_t n[FT__COUNT_N];
    uint8_t known, flags[2];
    bool sampled;
    double packets, bytes, variance; /* estimates */
    uint32_t observers;
};

/* What stands in place of a value. */
enum kind { AS_IT_IS, NUMBER, NOTHING, TIME, REAL, NAME };

struct change {
    uint8_t kind; /* enum kind */
    union {
        uint64_t u;
        int64_t us;
        double f;
        const char *name;
    };
};

/* A line that is written: what stands in place of its values, and which of them it has. */
struct line {
    struct change change[FT__MERGE_SLOTS_N + 1];
    uint64_t there;
    uint8_t *p;
};

static_assert(FT__MERGE_SLOTS_N < 64, "a bit for each");

void ft__write_flush(struct ft_merge *m)
{
    if (m->out_len > 0 && !m->refused) {
        int rc = m->arrow != NULL
                     ? ft__arrow_out_lines(m->arrow, m->out, m->out_len, m->out_len >= FT__OUT)
                     : m->write(m->cookie, m->out, m->out_len);

        m->refused = rc != 0;
    }
    m->out_len = 0;
}

static void written(struct ft_merge *m, const uint8_t *end)
{
    m->out_len = (size_t)((const char *)end - m->out);
    if (m->out_len >= FT__OUT) {
        ft__write_flush(m);
    }
}

void ft__write_line(struct ft_merge *m, const char *line, size_t len)
{
    uint8_t *p = (uint8_t *)m->out + m->out_len;

    memcpy(p, line, len);
    p[len] = '\n';
    written(m, p + len + 1);
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
        if (m->observers.of[i].group == group && m->observers.of[i].seen) {
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

static void put_number(struct line *l, enum ft__merge_slot slot, bool known, uint64_t v)
{
    l->change[slot] = (struct change){.kind = known ? NUMBER : NOTHING, .u = v};
}

static void put_us(struct line *l, enum ft__merge_slot slot, int64_t us)
{
    l->change[slot] = (struct change){.kind = TIME, .us = us};
}

/* An estimate, null of what was seen whole. It is not rounded: sums of many would be off. */
static void put_estimate(struct line *l, enum ft__merge_slot slot, const struct together *t,
                         double v)
{
    l->change[slot] = (struct change){.kind = t->sampled ? REAL : NOTHING, .f = v};
}

static void change_counts(const struct together *t, bool swapped, struct line *l)
{
    static const uint8_t slots[FT__COUNT_N] = {FT__MERGE_FWD_PACKETS,  FT__MERGE_REV_PACKETS,
                                               FT__MERGE_FWD_BYTES,    FT__MERGE_REV_BYTES,
                                               FT__MERGE_FWD_IP_BYTES, FT__MERGE_REV_IP_BYTES,
                                               FT__MERGE_FWD_PAYLOAD,  FT__MERGE_REV_PAYLOAD};
    static const uint8_t deltas[] = {FT__MERGE_FWD_PACKETS_DELTA, FT__MERGE_REV_PACKETS_DELTA,
                                     FT__MERGE_FWD_BYTES_DELTA, FT__MERGE_REV_BYTES_DELTA};

    for (int k = 0; k < FT__COUNT_N; k++) {
        uint64_t v = t->n[swapped ? k ^ 1 : k];

        put_number(l, slots[k], (t->known >> k / 2 & 1) != 0, v);
        if (k < FT__COUNT_IP_BYTES) {
            put_number(l, deltas[k], true, v);
        }
    }
    put_number(l, FT__MERGE_PACKETS, true, t->n[0] + t->n[1]);
    put_number(l, FT__MERGE_BYTES, true, t->n[FT__COUNT_BYTES] + t->n[FT__COUNT_BYTES + 1]);
    put_number(l, FT__MERGE_FWD_FLAGS, true, t->flags[swapped]);
    put_number(l, FT__MERGE_REV_FLAGS, true, t->flags[!swapped]);
    put_estimate(l, FT__MERGE_EST_PACKETS, t, t->packets);
    put_estimate(l, FT__MERGE_EST_BYTES, t, t->bytes);
}

static void change_all(const struct ft_merge *m, const struct ft__flow *w, const struct together *t,
                       struct line *l)
{
    for (uint32_t i = 0; i <= FT__MERGE_SLOTS_N; i++) {
        l->change[i].kind = AS_IT_IS;
    }
    change_counts(t, w->text_swapped, l);
    put_us(l, FT__MERGE_TIMESTAMP, w->time_us);
    put_us(l, FT__MERGE_FIRST, w->first_us);
    put_us(l, FT__MERGE_LAST, w->last_us);
    put_number(l, FT__MERGE_DURATION, true, (uint64_t)(w->last_us - w->first_us));
    put_number(l, FT__MERGE_DOMAIN, true, 0);
    l->change[FT__MERGE_OBSERVER] =
        (struct change){.kind = NAME, .name = m->observers.group[w->group].name};
}

/* Bytes behind either place may be read and written; most texts have no more than usual. */
FT_INLINE uint8_t *put(uint8_t *p, const void *from, uint32_t len, uint32_t usual)
{
    for (uint32_t i = 0; i < usual; i += BLOCK) {
        memcpy(p + i, (const uint8_t *)from + i, BLOCK);
    }
    for (uint32_t i = usual; FT_UNLIKELY(i < len); i += BLOCK) {
        memcpy(p + i, (const uint8_t *)from + i, BLOCK);
    }
    return p + len;
}

FT_INLINE uint8_t *put_change(uint8_t *p, const struct change *c)
{
    switch ((enum kind)c->kind) {
    case NUMBER: /* no branch that nobody can tell */
        return FT_LIKELY(c->u < 100000000) ? ft_put_u64_small(p, (uint32_t)c->u)
                                           : ft_put_u64(p, c->u);
    case TIME:
        return ft_put_time(p, c->us * 1000);
    case REAL:
        return ft_put_f64(p, c->f);
    case NAME:
        return ft_put_str(p, c->name);
    default:
        return FT_PUT_LIT(p, "null");
    }
}

/* A value, quotes included: as it was, or what stands in its place, in quotes if it was; a name in
 * any case. */
FT_INLINE void put_value(struct line *l, uint8_t slot, const void *was, uint32_t len)
{
    const struct change *c = &l->change[slot];
    bool quoted = c->kind == NAME || *(const char *)was == '"';

    l->there |= UINT64_C(1) << slot;
    if (c->kind == AS_IT_IS) {
        l->p = put(l->p, was, len, BLOCK);
        return;
    }
    *l->p = '"';
    l->p = put_change(l->p + quoted, c);
    *l->p = '"';
    l->p += quoted;
}

static void put_values(struct line *l, const struct ft__kept *k)
{
    const struct ft__shape *s = k->shape;
    const uint8_t *value = k->data + s->own_n;
    uint32_t tail = s->own_n < s->n ? s->step[s->own_n].at : s->end_at;

    for (uint32_t i = 0; i < s->own_n; i++) {
        const struct ft__step *t = &s->step[i];
        uint32_t len = k->data[i];

        if (len == FT__KEPT_LONG) {
            memcpy(&len, value, sizeof len);
            value += sizeof len;
        }
        l->p = put(l->p, s->text + t->at, t->len, 2 * BLOCK);
        put_value(l, t->slot, value, len);
        value += len;
    }
    l->p = put(l->p, s->text + tail, s->own_end, BLOCK);
}

static void put_text(struct line *l, const struct ft__kept *k)
{
    const uint8_t *text = k->data + k->len - k->text_len, *at = text, *end = k->data + k->len;
    struct ft__kept_place place;

    for (const uint8_t *p = k->data; p < text; p += sizeof place) {
        memcpy(&place, p, sizeof place);
        l->p = put(l->p, at, (uint32_t)(text + place.at - at), BLOCK);
        put_value(l, (uint8_t)place.slot, text + place.at, place.len);
        at = text + place.at + place.len;
    }
    l->p = put(l->p, at, (uint32_t)(end - at), BLOCK);
}

static void put_observers(const struct ft_merge *m, const struct ft__flow *w, struct line *l)
{
    struct ft__member one;
    bool first = true;

    l->p = FT_PUT_LIT(l->p, ",\"observers\":[");
    for (uint32_t i = 0; i < w->n; i++) {
        if (observer_at(w, i, &one)) {
            const struct ft__observer *who = &m->observers.of[one.observer];

            l->p = first ? FT_PUT_LIT(l->p, "\"") : FT_PUT_LIT(l->p, ",\"");
            l->p = put(l->p, who->name, who->len, BLOCK);
            *l->p++ = '"';
            first = false;
        }
    }
    *l->p++ = ']';
}

static void put_account(const struct ft__flow *w, const struct together *t, struct line *l)
{
    uint8_t *p = FT_PUT_LIT(l->p, ",\"merged\":");

    p = ft_put_u64(p, w->records);
    if (t->sampled && (l->there >> FT__MERGE_EST_PACKETS & 1) == 0) {
        p = FT_PUT_LIT(p, ",\"estimated_packets\":");
        p = ft_put_f64(p, t->packets);
        p = FT_PUT_LIT(p, ",\"estimated_bytes\":");
        p = ft_put_f64(p, t->bytes);
    }
    if (t->sampled) {
        p = FT_PUT_LIT(p, ",\"estimated_packets_sigma\":");
        p = ft_put_f64(p, sqrt(t->variance));
    }
    l->p = FT_PUT_LIT(p, "}\n");
}

void ft__write_flow(struct ft_merge *m, const struct ft__flow *w)
{
    struct together t;
    struct line l;

    l.there = 0;
    put_together(m, w, &t);
    change_all(m, w, &t, &l);
    l.p = (uint8_t *)m->out + m->out_len;
    if (w->text.shape != NULL) {
        put_values(&l, &w->text);
    } else {
        put_text(&l, &w->text);
    }
    put_observers(m, w, &l);
    put_account(w, &t, &l);
    m->stats.merged += w->records;
    m->stats.written++;
    written(m, l.p);
}
