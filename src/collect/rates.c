/* SPDX-License-Identifier: Apache-2.0 */
/* collect: sampling rates, see rates.h. */
#include "collect/rates.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"

const char *ft__rate_kind_name(enum ft__rate_kind kind)
{
    static const char *const names[] = {
        [FT__RATE_SAMPLER] = "sampler",     [FT__RATE_SAMPLER_AT] = "sampler-at",
        [FT__RATE_INTERFACE] = "interface", [FT__RATE_TEMPLATE] = "template-rate",
        [FT__RATE_PART] = "part",
    };

    _Static_assert(sizeof names / sizeof names[0] == FT__RATE__COUNT, "one for each");
    return names[kind];
}

void ft__rates_fini(struct ft__rates *r)
{
    ft_mem_free(r->told);
    memset(r, 0, sizeof *r);
}

/* ---- what is said ---- */

uint64_t ft__sampling_probability(const uint8_t *p, uint32_t len)
{
    uint64_t bits = len == 8 ? ft_load_be64(p) : 0;

    if (len == 4) {
        uint32_t u = ft_load_be32(p);
        float f;
        double d;

        memcpy(&f, &u, sizeof f);
        d = (double)f;
        memcpy(&bits, &d, sizeof bits);
    }
    return bits;
}

static uint32_t rounded(double rate)
{
    return rate >= 1 && rate < (double)UINT32_MAX + 0.5 ? (uint32_t)(rate + 0.5) : 0;
}

/* n of every m; without n: one. */
static uint32_t one_in(uint64_t m, bool has_n, uint64_t n)
{
    double rate = has_n ? (n > 0 ? (double)m / (double)n : 0) : (double)m;

    return rate > (double)UINT32_MAX ? UINT32_MAX : rounded(rate);
}

uint32_t ft__sampling_rate(const struct ft__sampling *s)
{
    bool has_size = (s->has >> FT__SELECT_SIZE & 1) != 0;
    uint64_t taken = s->v[FT__SELECT_TAKEN];
    uint32_t rate = 0;
    double p;

    memcpy(&p, &s->v[FT__SELECT_PROBABILITY], sizeof p);
    if (p > 0 && p <= 1) {
        rate = rounded(1 / p);
    }
    if (rate == 0) {
        rate = one_in(s->v[FT__SELECT_POPULATION], has_size, s->v[FT__SELECT_SIZE]);
    }
    if (rate == 0 && (s->has >> FT__SELECT_SPACE & 1) && taken > 0) {
        rate = rounded(((double)taken + (double)s->v[FT__SELECT_SPACE]) / (double)taken);
    } else if (rate == 0) {
        rate = one_in(taken, false, 0); /* 305 alone is what others call the interval */
    }
    if (rate == 0) {
        rate = one_in(s->v[FT__SELECT_RANDOM], false, 0);
    }
    return rate != 0 ? rate : one_in(s->v[FT__SELECT_INTERVAL], false, 0);
}

/* ---- what was told ---- */

static int compare(const struct ft__rate *a, const struct ft__rate *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->id != b->id) {
        return a->id < b->id ? -1 : 1;
    }
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Index of the first one that is not below. */
static uint32_t lower(const struct ft__rates *r, const struct ft__rate *key)
{
    uint32_t lo = 0, hi = r->n_told;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (compare(&r->told[mid], key) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static const struct ft__rate *find(const struct ft__rates *r, enum ft__rate_kind kind, uint64_t id,
                                   uint32_t at)
{
    const struct ft__rate key = {.id = id, .at = at, .kind = (uint8_t)kind};
    uint32_t i;

    if ((r->kinds >> kind & 1) == 0) {
        return NULL;
    }
    i = lower(r, &key);
    return i < r->n_told && compare(&r->told[i], &key) == 0 ? &r->told[i] : NULL;
}

static int put(struct ft__rates *r, const struct ft__rate *rate)
{
    uint32_t i = lower(r, rate);

    bool known = i < r->n_told && compare(&r->told[i], rate) == 0;
    bool more_told = !rate->derived && !(known && !r->told[i].derived);
    bool more_derived = rate->derived && !known;

    if ((more_told && r->n_told - r->n_derived == FT__RATES_MAX) ||
        (more_derived && r->n_derived == FT__RATES_MAX)) {
        r->dropped |= (uint8_t)(1 << rate->kind);
        return FT_E_FULL;
    }
    if (known) {
        r->n_derived -= r->told[i].derived && !rate->derived;
        r->told[i] = *rate;
        return FT_OK;
    }
    if ((r->n_told & (r->n_told - 1)) == 0) { /* 0, 1, 2, 4, ...: it is full */
        struct ft__rate *more = ft_mem_alloc(r->n_told == 0 ? 1 : r->n_told * 2, sizeof *more);

        if (more == NULL) {
            r->dropped |= (uint8_t)(1 << rate->kind);
            return FT_E_NOMEM;
        }
        if (r->n_told > 0) {
            memcpy(more, r->told, r->n_told * sizeof *more);
        }
        ft_mem_free(r->told);
        r->told = more;
    }
    memmove(&r->told[i + 1], &r->told[i], (r->n_told - i) * sizeof *r->told);
    r->told[i] = *rate;
    r->n_told++;
    r->n_derived += rate->derived;
    r->kinds |= (uint8_t)(1 << rate->kind);
    if (r->n_told - r->n_derived == FT__RATES_MAX) { /* a saved state does not say whether there */
        r->dropped |= r->kinds;                      /* were more */
    }
    return FT_OK;
}

/* What a record is scaled by that names nothing: a guess between several rates would be a wrong
 * number, and so would one that is told of an interface. */
static void settle(struct ft__rates *r)
{
    const struct ft__rate *first = NULL;
    bool agree = r->dropped == 0;

    for (uint32_t i = 0; i < r->n_told; i++) {
        const struct ft__rate *t = &r->told[i];

        if (t->derived || (t->kind != FT__RATE_SAMPLER && t->kind != FT__RATE_PART)) {
            continue;
        }
        first = first == NULL ? t : first;
        agree &= t->n == first->n;
    }
    r->usual = r->domain != 0 ? r->domain : first != NULL && agree ? first->n : 0;
}

/* A rate that was not told of something itself: that of all samplers at interfaces which are of it,
 * when they agree. */
static int derive(struct ft__rates *r, enum ft__rate_kind kind, uint64_t id)
{
    const struct ft__rate *known = find(r, kind, id, 0);
    struct ft__rate all = {.id = id, .kind = (uint8_t)kind, .derived = true};
    bool some = false;

    if (known != NULL && !known->derived) {
        return FT_OK;
    }
    for (uint32_t i = 0; i < r->n_told; i++) {
        const struct ft__rate *t = &r->told[i];

        if (t->kind == FT__RATE_SAMPLER_AT && (kind == FT__RATE_SAMPLER ? t->id : t->at) == id) {
            all.n = !some || t->n == all.n ? t->n : 0;
            some = true;
        }
    }
    return put(r, &all);
}

/* Where a sampler that is told of with interfaces stands at another one, or at none, it has the
 * rate that it has at all of them; a record that names the interface alone is scaled by the rate
 * that all samplers have there. */
static int put_sampler_at(struct ft__rates *r, const struct ft__rate *rate)
{
    int rc = put(r, rate);

    if (rc == FT_OK) {
        int of_sampler = derive(r, FT__RATE_SAMPLER, rate->id);

        rc = derive(r, FT__RATE_INTERFACE, rate->at);
        rc = of_sampler != FT_OK ? of_sampler : rc;
    }
    return rc;
}

int ft__rates_put(struct ft__rates *r, const struct ft__rate *rate)
{
    int rc = rate->kind == FT__RATE_SAMPLER_AT ? put_sampler_at(r, rate) : put(r, rate);

    settle(r);
    return rc;
}

void ft__rates_tell_domain(struct ft__rates *r, uint32_t rate)
{
    if (r->domain != rate) {
        r->domain = rate;
        settle(r);
    }
}

int ft__rates_tell(struct ft__rates *r, const struct ft__rate_of *of, uint32_t rate)
{
    struct ft__rate told = {.n = rate};

    if (of->has_sampler && of->has_interface) {
        told.kind = FT__RATE_SAMPLER_AT;
        told.id = of->sampler;
        told.at = of->interface;
    } else if (of->has_interface) {
        told.kind = FT__RATE_INTERFACE;
        told.id = of->interface;
        told.at = of->way;
    } else if (of->has_sampler) {
        told.kind = FT__RATE_SAMPLER;
        told.id = of->sampler;
    } else if (of->has_template) {
        told.kind = FT__RATE_TEMPLATE;
        told.id = of->template_id;
    } else if (of->has_part) {
        told.kind = FT__RATE_PART;
        told.id = of->part;
        told.at = of->part_kind;
    } else {
        ft__rates_tell_domain(r, rate);
        return FT_OK;
    }
    return ft__rates_put(r, &told);
}

/* ---- whose it is ---- */

/* Of packets that came in by an interface, or went out by it: what is told of an interface stands
 * one behind the other. */
static const struct ft__rate *of_interface(const struct ft__rates *r, uint32_t interface, bool out)
{
    static const uint8_t rank[2][FT__WAY__COUNT] = {
        {[FT__WAY_IN] = 4, [FT__WAY_IN_BY_10] = 3, [FT__WAY_BOTH] = 2, [FT__WAY_OUT_BY_14] = 1},
        {[FT__WAY_OUT] = 4, [FT__WAY_OUT_BY_14] = 3, [FT__WAY_BOTH] = 2, [FT__WAY_IN_BY_10] = 1},
    };
    const struct ft__rate key = {.id = interface, .kind = FT__RATE_INTERFACE};
    const struct ft__rate *best = NULL;
    uint8_t most = 0;

    for (uint32_t i = lower(r, &key); i < r->n_told; i++) {
        const struct ft__rate *t = &r->told[i];

        if (t->kind != FT__RATE_INTERFACE || t->id != interface || t->at >= FT__WAY__COUNT) {
            break;
        }
        if (rank[out][t->at] > most) {
            most = rank[out][t->at];
            best = t;
        }
    }
    return best;
}

/* Of a sampler at one of a record's interfaces (by_sampler), or of the interface itself. */
static const struct ft__rate *at_interface(const struct ft__rates *r, const struct ft__rate_of *of,
                                           bool by_sampler)
{
    enum ft__rate_kind kind = by_sampler ? FT__RATE_SAMPLER_AT : FT__RATE_INTERFACE;
    bool in = of->has_interface && !(of->has_direction && of->direction == 1);
    bool out = of->has_other && !(of->has_direction && of->direction == 0);
    const struct ft__rate *t = NULL;

    if ((r->kinds >> kind & 1) == 0) {
        return NULL;
    }
    if (in) {
        t = by_sampler ? find(r, kind, of->sampler, of->interface)
                       : of_interface(r, of->interface, false);
    }
    if (t == NULL && out) {
        t = by_sampler ? find(r, kind, of->sampler, of->other) : of_interface(r, of->other, true);
    }
    return t;
}

/* Whether one that was told of what the record names may not have been kept. */
static bool may_be_dropped(const struct ft__rates *r, const struct ft__rate_of *of)
{
    uint32_t named = 1 << FT__RATE_TEMPLATE;

    named |= of->has_interface || of->has_other ? 1 << FT__RATE_INTERFACE : 0;
    named |= named != 1 << FT__RATE_TEMPLATE ? 1 << FT__RATE_SAMPLER_AT : 0;
    return (r->dropped & named) != 0;
}

uint32_t ft__rates_of(const struct ft__rates *r, const struct ft__rate_of *of)
{
    const struct ft__rate *t = of->has_sampler ? at_interface(r, of, true) : NULL;

    if (t == NULL && of->has_sampler) {
        t = find(r, FT__RATE_SAMPLER, of->sampler, 0);
    }
    if (t == NULL) {
        t = at_interface(r, of, false);
        t = t != NULL && t->derived && of->has_sampler ? NULL : t; /* that of other samplers */
    }
    if (t == NULL) {
        t = find(r, FT__RATE_TEMPLATE, of->template_id, 0);
    }
    if (t != NULL) {
        return t->n;
    }
    if (of->has_sampler && (r->kinds & (1 << FT__RATE_SAMPLER | 1 << FT__RATE_SAMPLER_AT)) != 0) {
        return 0;
    }
    return may_be_dropped(r, of) ? 0 : r->usual;
}
