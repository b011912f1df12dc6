/* SPDX-License-Identifier: Apache-2.0 */
/* decode: who exports: the table of exporters and what is known of each.
 *
 * Theory of operation: an exporter is (protocol, address, domain), with the port when sessions are
 * told apart by it, and for sFlow (agent, sub-agent) as well. The table is bounded. New ones are on
 * probation until they are heard again a second later; when the table is full, the one on probation
 * that was silent longest goes, and only when there is none the silent longest of the others: a
 * flood of invented addresses pushes itself out, not the routers. */
#ifndef FT_DECODE_EXPORTER_H
#define FT_DECODE_EXPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "decode/xplan.h"
#include "model/export.h"

struct ft__template {
    struct ft__xplan *plan; /* one use of it is ours */
    int64_t seen_ns;        /* last sent */
    uint16_t id;
    bool options;
};

enum { FT__SEQ_SEEN = 16, FT__SAMPLERS_MAX = 256 };

/* Number of the sampler that stands for an interface: this, or'ed with the ifIndex. */
#define FT__SAMPLER_INTERFACE (UINT64_C(1) << 63)

/* Sequence numbers of one stream. */
struct ft__sequence {
    uint32_t expected;
    uint32_t seen[FT__SEQ_SEEN]; /* the last ones, for duplicates */
    uint8_t n_seen;
    uint8_t unit;     /* enum ft_sequence_unit */
    uint8_t as_other; /* messages in a row that would fit the other unit */
    uint8_t late_run; /* old messages in a row */
    bool known;       /* expected is */
};

struct ft__sampler {
    uint64_t id;
    uint32_t rate;
};

/* A set that came before its template. */
struct ft__waiting {
    struct ft__waiting *next;
    struct ft_nf_message m; /* its header; the body lies behind this struct */
    uint16_t template_id;
    uint32_t len;
};

struct ft__names;
struct ft__source_pool;

struct ft__exporter {
    struct ft_exporter_info info;
    struct ft__exporter *chain;         /* of the hash bucket */
    struct ft__exporter *newer, *older; /* of its list */
    bool proven;                        /* which list */
    struct ft__template *templates;     /* [n_templates], by id */
    uint32_t n_templates, cap_templates;
    uint32_t last_template; /* index of the one that was used last */
    struct ft__sequence seq;
    uint32_t last_records;        /* of the message before */
    uint64_t lost_before;         /* h.lost before the doubts about the unit began */
    uint32_t sampling_rate;       /* of the whole domain; 0: unknown */
    struct ft__sampler *samplers; /* by sampler or selector id */
    uint32_t n_samplers;
    bool by_interface;           /* some of them stand for interfaces */
    struct ft__names *names;     /* or NULL */
    struct ft__type_share types; /* elements that it described (RFC 5610) */
    struct ft__waiting *waiting; /* oldest first */
    uint32_t waiting_bytes;
    struct ft__source_pool *pools; /* sFlow: sample pools by source */
    uint32_t n_pools;
    int64_t init_ns;    /* systemInitTimeMilliseconds by options data; INT64_MIN: unknown */
    uint32_t uptime_ms; /* of its last message */
    bool stream;        /* its last message came over a connection */
    bool touched;       /* heard since start: what it has is newer than a saved state */
    struct ft_exporter_health h;
};

struct ft__exporters {
    struct ft_hash_seed seed;
    struct ft__exporter **bucket;
    uint32_t n_buckets, n, max;
    struct ft__exporter *newest[2], *oldest[2]; /* [proven] */
    uint32_t count[2];
    struct ft__xplans *plans;
    uint64_t evicted;
    struct { /* what the evicted ones had counted: totals never go back */
        uint64_t no_template, lost, reordered, duplicates, resets;
    } gone;
    uint64_t names, templates, waiting, pools; /* of all exporters; waiting in bytes */
    struct ft__exporter *last;                 /* the one found last */
};

FT_NODISCARD int ft__exporters_init(struct ft__exporters *t, const struct ft_hash_seed *seed,
                                    uint32_t max, struct ft__xplans *plans);
void ft__exporters_fini(struct ft__exporters *t);

/* The exporter of a key (info without texts), made when it is new. NULL: no memory. */
struct ft__exporter *ft__exporter_find(struct ft__exporters *t, const struct ft_exporter_info *key,
                                       int64_t now_ns);

/* Drops the one on probation that was silent longest, other than keep. False: there is none. */
bool ft__exporters_drop_probation(struct ft__exporters *t, const struct ft__exporter *keep);

/* Its template, or NULL. */
struct ft__template *ft__exporter_template(struct ft__exporter *e, uint16_t id);

/* Sets a template (a use of plan is taken over). *out_before: a use of the plan that it had, to be
 * put back, or NULL. FT_E_FULL: it has too many; FT_E_NOMEM. */
FT_NODISCARD int ft__exporter_set(struct ft__exporter *e, uint16_t id, struct ft__xplan *plan,
                                  int64_t now_ns, uint32_t max, struct ft__xplan **out_before);

/* Takes template number i out; the use of its plan goes to the caller. */
struct ft__xplan *ft__exporter_unset(struct ft__exporter *e, uint32_t i);

/* Gives up the sets of e that wait for a template, and counts them. */
void ft__exporter_give_up(struct ft__exporters *t, struct ft__exporter *e);

/* Accounts for a message with this sequence number that covers n units (records; messages are 1).
 */
void ft__sequence_take(struct ft__exporter *e, uint32_t sequence, uint32_t n_records,
                       bool records_known);

/* Rate of a sampler; 0: unknown. */
uint32_t ft__exporter_sampler(const struct ft__exporter *e, uint64_t id);
/* FT_E_FULL, FT_E_NOMEM */
FT_NODISCARD int ft__exporter_set_sampler(struct ft__exporter *e, uint64_t id, uint32_t rate);

#endif
