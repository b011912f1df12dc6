/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the sampling rates that an exporter told, and by which of them a record is scaled
 * (RFC 3954 §8, RFC 5477 §8.2).
 *
 * Theory of operation: a rate holds for what it was told of, and for nothing else. Options data
 * tells it of a sampler (48, 302), of an interface (scope 2, 10, 14) or one direction of it (61),
 * of a sampler at an interface, of the records of a template (scope 5, 145), of a part of the
 * exporter that no record names (any other scope: line card, cache, VRF), or of the whole domain,
 * as does the header of v5. A record is scaled by the first of these that is known:
 *
 *   1. what it says itself
 *   2. its sampler, at its interface or anywhere
 *   3. its interface: the one of its direction (61), else the ingress, else the egress one
 *   4. its template
 *   5. nothing, when it names a sampler and samplers are known: that one is not
 *   6. the domain's, else that of all samplers and parts, when they agree
 *
 * A rate of 0 is one that was told, too: it is not known, or there is none. Where one goes to
 * guess, null is right. */
#ifndef FT_COLLECT_RATES_H
#define FT_COLLECT_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

enum { FT__RATES_MAX = 256 }; /* told ones; as many may be derived */

/* What a rate was told of. */
enum ft__rate_kind {
    FT__RATE_SAMPLER,    /* id: its number */
    FT__RATE_SAMPLER_AT, /* id: its number, at: ifIndex */
    FT__RATE_INTERFACE,  /* id: ifIndex, at: enum ft__way */
    FT__RATE_TEMPLATE,   /* id: that of the template */
    FT__RATE_PART,       /* id: that of the part, at: which kind of part */
    FT__RATE__COUNT
};

/* The packets of an interface that a rate was told of. Exporters that scope by element 10 or 14
 * alone mostly mean the interface: their rate is taken for the other direction, too, when nothing
 * else is told of that. */
enum ft__way {
    FT__WAY_BOTH,
    FT__WAY_IN, /* by 61 */
    FT__WAY_OUT,
    FT__WAY_IN_BY_10,
    FT__WAY_OUT_BY_14,
    FT__WAY__COUNT
};

struct ft__rate {
    uint64_t id;
    uint32_t at;
    uint32_t n;   /* 1 in n; 0: not known */
    uint8_t kind; /* enum ft__rate_kind */
    bool derived; /* nobody told it: of a sampler that of all of its interfaces, of an interface
                   * that of all of its samplers; 0 where they differ */
};

/* owner: its exporter's. All zero: nothing was told. */
struct ft__rates {
    struct ft__rate *told; /* [n_told], sorted; ft_mem memory */
    uint32_t n_told, n_derived;
    uint32_t domain; /* of the whole domain; 0: not known */
    uint32_t usual;  /* of a record that names nothing; 0: not known */
    uint8_t kinds;   /* bits: FT__RATE_* that were told */
    uint8_t dropped; /* likewise: of which some may not have been kept */
};

/* What a record, or options data, says of how packets were selected. */
enum ft__selection {
    FT__SELECT_PROBABILITY, /* 311: bits of a double */
    FT__SELECT_POPULATION,  /* 310 */
    FT__SELECT_SIZE,        /* 309: so many of 310 */
    FT__SELECT_TAKEN,       /* 305: so many are taken, */
    FT__SELECT_SPACE,       /* 306: then so many are not */
    FT__SELECT_RANDOM,      /* 50 */
    FT__SELECT_INTERVAL,    /* 34 */
    FT__SELECT__COUNT
};

struct ft__sampling {
    uint64_t v[FT__SELECT__COUNT];
    uint8_t has; /* bits */
};

/* 1 in how many; 0: it does not say. */
uint32_t ft__sampling_rate(const struct ft__sampling *s);

/* 311 of len bytes, as ft__sampling has it. */
uint64_t ft__sampling_probability(const uint8_t *p, uint32_t len);

/* What a record is told by, or options data tells of. */
struct ft__rate_of {
    uint64_t sampler;
    uint32_t interface, other; /* records: ingress, egress */
    uint64_t part;             /* options; what it is of: */
    uint32_t part_kind;
    uint16_t template_id;
    uint8_t direction; /* records: 0 ingress, 1 egress */
    uint8_t way;       /* options: enum ft__way of the interface */
    bool has_sampler, has_interface, has_other, has_part, has_template, has_direction;
};

/* The rate (0: not known) of what of names; of nothing: of the whole domain. FT_E_FULL: it is not
 * kept; FT_E_NOMEM. */
int ft__rates_tell(struct ft__rates *r, const struct ft__rate_of *of, uint32_t rate);

/* One that was saved: all but derived ones. Likewise. */
FT_NODISCARD int ft__rates_put(struct ft__rates *r, const struct ft__rate *rate);

/* Of the whole domain. */
void ft__rates_tell_domain(struct ft__rates *r, uint32_t rate);

/* The rate of a record that says none itself. */
uint32_t ft__rates_of(const struct ft__rates *r, const struct ft__rate_of *of);

/* Records have to be looked at for their interfaces or templates. */
FT_INLINE bool ft__rates_by_record(const struct ft__rates *r)
{
    return (r->kinds &
            (1 << FT__RATE_INTERFACE | 1 << FT__RATE_SAMPLER_AT | 1 << FT__RATE_TEMPLATE)) != 0;
}

/* "sampler", "interface", ...: as the saved state has it. */
const char *ft__rate_kind_name(enum ft__rate_kind kind);

void ft__rates_fini(struct ft__rates *r);

#endif
