/* SPDX-License-Identifier: Apache-2.0 */
/* collect: where exporters come from: a source is an IPv4 address, or a /64 of IPv6.
 *
 * Theory of operation: who owns one address can invent as many domains, templates and names as it
 * likes, but not addresses. So what is bounded for all is accounted for by source, and when there
 * is no more, the source that holds most gives way (exporter.c, collect.c). Sources are ranked by
 * what they hold in binary heaps: the greatest is known at once, a change costs a few steps.
 *
 * Lists of exporters are linked through the exporters, newest first. */
#ifndef FT_COLLECT_ORIGIN_H
#define FT_COLLECT_ORIGIN_H

#include <stdint.h>

#include "base/hash.h"
#include "collect/plan.h"
#include "flowtap/errors.h"
#include "flowtap/macros.h"

struct ft__exporter;

/* The lists that an exporter may be in. */
enum ft__listed {
    FT__IN_ALL,       /* all on probation, or all proven: by when they were heard */
    FT__IN_ORIGIN,    /* the same of its source */
    FT__IN_PROOF,     /* proven ones, by when they were proven */
    FT__IN_TEMPLATES, /* of its source, with templates: by when it sent one */
    FT__IN_SESSION,   /* of its connection */
    FT__IN_AGENT,     /* sFlow: of the same hash of agent and sub-agent, by when they came */
    /* on probation, with some of what all have together: by when they got the first of it */
    FT__IN_HOLDS,
    FT__IN_HOLDS_NAMES = FT__IN_HOLDS,
    FT__IN_HOLDS_WAITING,
    FT__IN_HOLDS_POOLS,
    FT__IN_HOLDS_TEMPLATES,
    FT__IN__COUNT
};

struct ft__link {
    struct ft__exporter *newer, *older;
};

struct ft__list {
    struct ft__exporter *newest, *oldest;
    uint32_t n;
};

/* What sources are ranked by. */
enum ft__share {
    FT__SHARE_EXPORTERS, /* number */
    FT__SHARE_TEMPLATES, /* bytes of templates and of the plans that they use, by users */
    FT__SHARE__COUNT
};

struct ft__origin {
    struct ft__origin *chain; /* of the hash bucket */
    uint64_t prefix;          /* as it lies in the address */
    uint8_t ip_version;
    uint64_t held[FT__SHARE__COUNT];
    uint32_t rank[FT__SHARE__COUNT]; /* place in the heap */
    struct ft__list exporters[2];    /* [proven] */
    struct ft__list with_templates;
    uint64_t waiting; /* bytes that wait for templates */
    uint32_t names, pools;
    struct ft__type_share types; /* elements that it described (RFC 5610) */
};

struct ft__origins {
    struct ft_hash_seed seed;
    struct ft__origin **bucket;
    uint32_t n_buckets, n, max;
    struct ft__origin **heap[FT__SHARE__COUNT]; /* [n]; [0] holds most */
};

/* max: most that there may be. FT_E_NOMEM. */
FT_NODISCARD int ft__origins_init(struct ft__origins *o, const struct ft_hash_seed *seed,
                                  uint32_t max);
void ft__origins_fini(struct ft__origins *o); /* all are gone */

/* The source of an address, made when it is new. NULL: no memory, or max are there. */
struct ft__origin *ft__origin_find(struct ft__origins *o, uint8_t ip_version,
                                   const uint8_t addr[16]);

/* The same when it is there already, else NULL. */
struct ft__origin *ft__origin_known(const struct ft__origins *o, uint8_t ip_version,
                                    const uint8_t addr[16]);

/* Forgets a source that holds nothing. */
void ft__origin_drop(struct ft__origins *o, struct ft__origin *s);

/* It holds more, or less. O(log n), mostly O(1). */
void ft__origin_hold(struct ft__origins *o, struct ft__origin *s, enum ft__share share,
                     int64_t change);

/* The one that holds most, or NULL when there is none. */
FT_INLINE struct ft__origin *ft__origins_most(const struct ft__origins *o, enum ft__share share)
{
    return o->n > 0 ? o->heap[share][0] : NULL;
}

#endif
