/* SPDX-License-Identifier: Apache-2.0 */
/* collect: what the files of the collector share. */
#ifndef FT_COLLECT_INTERNAL_H
#define FT_COLLECT_INTERNAL_H

#include "collect/collect.h"
#include "collect/exporter.h"
#include "collect/names.h"
#include "decode/decode.h"

enum {
    FT__NAMES_ALL = 1 << 18,     /* names of all exporters */
    FT__TEMPLATES_ALL = 1 << 20, /* templates of all exporters */
    FT__WAITING_ALL = 16 << 20,  /* bytes waiting, of all exporters */
    FT__POOLS_ALL = 1 << 18,     /* sFlow sources of all agents */
    FT__PLAN_BYTES = 128 << 20,
    FT__SHARE_PARTS = 4, /* a source may have a quarter of names, waiting bytes, sFlow sources */
    /* bytes of templates and plans: a source that has more gives way first */
    FT__TEMPLATES_SHARE = FT__PLAN_BYTES / 16,
    FT__VALUES_MAX = FT__PLAN_FIELDS_MAX
};

struct ft_collector {
    struct ft_collect_limits limits;
    struct ft_collect_ops ops;
    void *cookie;
    struct ft__template_plans plans;
    struct ft__exporters exporters;
    struct ft_collect_stats stats;
    struct ft_decoder packets; /* of sampled headers */
    struct ft_export_lists lists;
    struct ft_xvalue *values; /* [FT__VALUES_MAX] of a record with variable lengths */
    /* of the message that is being taken: */
    struct ft__exporter *exporter;
    int64_t now_ns;
    bool stream;
    enum ft_verdict fault;         /* the first one */
    uint32_t ordinal;              /* records so far, */
    uint32_t options;              /* of them, of options data */
    uint64_t given;                /* bytes of text that the datagram's may become */
    uint64_t may_give;             /* most of them */
    bool records_known;            /* no data set was given up, held back or cut */
    bool cut;                      /* it ends before it says to, which is counted: once */
    bool set_cut;                  /* its last set does: what misses there is no other fault */
    struct ft__exporter *agent;    /* sFlow: who keeps its numbers and pools */
    struct ft_collect_clash clash; /* the newest one */
    bool has_clash;
};

/* How lists in records find their templates. */
void ft__lists_init(struct ft_collector *c);

/* The message's number fits, or not: notes whether its exporter is two. */
void ft__collect_fits(struct ft_collector *c, struct ft__exporter *e, uint16_t port, bool fits);

/* Notes a fault of the message: counted for its exporter, the first one is the verdict. */
void ft__collect_fault(struct ft_collector *c, enum ft_verdict v);
/* The same for a record that its set does not hold whole. */
void ft__collect_record_fault(struct ft_collector *c);

/* What all exporters have together, and the part of the exporter's source. */
struct ft__common {
    enum ft__listed what; /* FT__IN_HOLDS_... */
    const uint64_t *all;
    uint64_t most, own, share;
};

/* Room for n more of it. */
bool ft__collect_room(struct ft_collector *c, const struct ft__common *of, uint64_t n);

/* A template set (templates.c): its definitions and withdrawals. */
void ft__templates_take(struct ft_collector *c, struct ft_nf_message *m, struct ft_nf_set *set);

/* Takes a template of the message's exporter out, and tells. Another one may take its place. */
void ft__template_remove(struct ft_collector *c, struct ft__template *t,
                         enum ft_template_change_kind kind);

/* What a message says of its exporter's restarts (restart.c); before its sets are taken. */
void ft__restart_note(struct ft_collector *c, const struct ft_nf_message *m);

/* The uptime is below the one before, by more than a message may be late: it began again. */
bool ft__restart_stepped_back(const struct ft__exporter *e, uint32_t uptime_ms, int64_t now_ns,
                              uint32_t late_ms);

/* IPFIX: the sequence number that the exporter is to send next, when it counts and that is known;
 * else 0. */
uint32_t ft__restart_sequence(const struct ft__exporter *e);

/* The template is of before a restart: data waits until it comes again. */
bool ft__restart_stale(const struct ft__exporter *e, const struct ft__template *t);

/* What waited for this template, in the order in which it came (collect.c). */
void ft__waiting_take(struct ft_collector *c, uint16_t id);

/* One options record: sampling, names, times. values as ft__template_plan_measure() gives them, or
 * the plan's.
 */
void ft__options_take(struct ft_collector *c, const struct ft__template_plan *plan,
                      const struct ft_xvalue *values, const uint8_t *record);

/* Decodes a packet section into the canonical part of a record that has no addresses. */
void ft__section_take(struct ft_collector *c, const uint8_t *data, size_t len, uint16_t linktype,
                      struct ft_export_record *r);

/* sFlow (sflow.c). */
enum ft_verdict ft__sflow_take(struct ft_collector *c, const struct ft_peer *peer,
                               const uint8_t *data, size_t len);

/* systemInitTimeMilliseconds in ns; INT64_MIN: not known (0), or so late that no uptime (at
 * most 49.7 days) can be added. */
FT_INLINE int64_t ft__init_time(uint64_t ms)
{
    return ms != 0 && ms < INT64_MAX / 1000000 - UINT32_MAX ? (int64_t)ms * 1000000 : INT64_MIN;
}

/* An unsigned value of 1 to 8 bytes; others give 0. */
FT_INLINE uint64_t ft__load_uint(const uint8_t *p, uint32_t len)
{
    uint64_t v = 0;

    switch (len) {
    case 1:
        return *p;
    case 2:
        return ft_load_be16(p);
    case 4:
        return ft_load_be32(p);
    case 8:
        return ft_load_be64(p);
    default:
        for (uint32_t i = 0; i < len && len < 8; i++) {
            v = v << 8 | p[i];
        }
        return v;
    }
}

#endif
