/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: from flow records, packets and accounts to every output that asked for them.
 *
 * Theory of operation: the pipeline has one ft_route per output: its instance of a format and the
 * events that it takes. Each worker has one ft_emitter, which holds its writer of every output;
 * only that worker uses it. An output that only counts (null:) gets no bytes made. */
#ifndef FT_PIPELINE_EMIT_H
#define FT_PIPELINE_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/stats.h"
#include "format/format.h"
#include "model/enrich.h"
#include "model/packet.h"
#include "model/record.h"
#include "model/where.h"
#include "output/output.h"
#include "pipeline/anonymize.h"
#include "pipeline/keys.h"

struct ft_packet_file;
struct ft_sampler;

struct ft_route {
    struct ft_output *output;       /* owned by the pipeline; likewise the next two */
    struct ft_format *format;       /* or NULL, when it holds packets, or samples of them */
    struct ft_packet_file *packets; /* it holds packets; or NULL */
    struct ft_sampler *sampler;     /* it gets samples of packets (samples.h); or NULL */
    unsigned events;                /* bit per enum ft_event */
    uint32_t parts;                 /* that its columns look at: a bit per enum ft_part */
    bool split;                     /* it wants its events by their time: ft_writer_at() */
    struct ft_where *where;         /* flow records that satisfy it only; owned, or NULL */
    uint32_t number;                /* from 0; one that was taken out is not given again */
    uint64_t named;                 /* digest of the files that its URL names, as they were */
    bool leaving;                   /* nothing new goes there: it is written out and closed */
    struct ft_output_drain drain;   /* with leaving; owner: the control thread */
};

/* An exported record, and what files say of its hosts. */
struct ft_enriched {
    struct ft_export_record record;
    struct ft_enrich_record extra;
};

struct ft_emitter {
    struct {
        struct ft_writer *writer;
        const struct ft_format *format;
        unsigned events;
        uint32_t parts;
        bool count_only;
        bool split; /* it wants its events by their time */
        enum ft_keys keys;
        uint32_t key_room; /* before an event, for its key */
        struct ft_packet_file *packets;
        struct ft_sampler *sampler;
        struct ft_sampler_lane *lane; /* of the sampler: this emitter's */
        const struct ft_where *where; /* its own, besides --where; or NULL */
    } to[FT_MAX_OUTPUTS];
    uint32_t n;
    unsigned events;                /* union of all outputs */
    bool makes_samples;             /* some output wants the bytes of samples */
    bool makes_flows;               /* some output, or a condition, has to see flow records */
    bool makes_packets;             /* some output looks at frames (packets.h, samples.h) */
    const struct ft_where *where;   /* --where: flow records that satisfy it only; NULL: all */
    uint64_t left_out;              /* that did not */
    uint64_t profile_skipped;       /* that the tools of some output's columns drop */
    struct ft_key_cache *keys;      /* of samples, when some output asks for keys; owned, or NULL */
    bool enriches;                  /* collect: records get what files say of their hosts */
    const struct ft_enrich *enrich; /* those files, or NULL; borrowed */
    struct ft_enrich_cache *answers; /* of them; mapped, owned, or NULL */
    struct ft_enriched enriched;     /* the record in hand */
    struct ft_anonymizer *anon;      /* --anonymize: every event goes through it; owned, or NULL */
};

/* The emitter of writer slot i over n routes. FT_E_NOMEM. */
FT_NODISCARD int ft_emitter_init(struct ft_emitter *e, const struct ft_route *routes, uint32_t n,
                                 uint32_t i);
/* The same between two events of its life, over other routes; those that leave are left out. What
 * it holds open has been flushed. True: events get keys, and keys is to be there before the next.
 */
bool ft_emitter_turn(struct ft_emitter *e, const struct ft_route *routes, uint32_t n, uint32_t i);
void ft_emitter_fini(struct ft_emitter *e);

/* n samples at once for outputs that only count; formats the others one by one. */
FT_HOT void ft_emit_samples(struct ft_emitter *e, const struct ft_packet *pkts,
                            const struct ft_tuple_counts *counts, uint32_t n);

/* Is a flow record to be written? It is asked as it is, with true addresses. What is left out is
 * counted. */
FT_INLINE bool ft_emit_wanted(struct ft_emitter *e, const void *const *parts)
{
    if (FT_LIKELY(e->where == NULL) || ft_where_holds(e->where, parts)) {
        return true;
    }
    e->left_out += (e->events >> FT_EVENT_FLOW) & 1;
    return false;
}

/* Likewise for output k alone, whose own account has what it leaves out. */
FT_INLINE bool ft_emit_wanted_by(struct ft_emitter *e, uint32_t k, const void *const *parts)
{
    if (FT_LIKELY(e->to[k].where == NULL) || ft_where_holds(e->to[k].where, parts)) {
        return true;
    }
    ft_writer_leave_out(e->to[k].writer);
    return false;
}

/* Room for an event of that time, of at most so many bytes behind its key, for output k. NULL: it
 * was dropped and counted. */
FT_INLINE uint8_t *ft_emit_begin(struct ft_emitter *e, uint32_t k, enum ft_event event,
                                 int64_t ts_ns, size_t room)
{
    if (FT_UNLIKELY(e->to[k].split)) {
        ft_writer_at(e->to[k].writer, ts_ns);
    }
    return ft_writer_begin(e->to[k].writer, event, room + e->to[k].key_room);
}

/* An event was written behind its key, of so many bytes. */
FT_INLINE void ft_emit_end(struct ft_writer *w, enum ft_event e, size_t key, size_t len)
{
    if (FT_UNLIKELY(len > SIZE_MAX - FT_UNFIT__COUNT)) {
        ft_writer_unfit(w, (enum ft_unfit)(SIZE_MAX - len));
        return;
    }
    if (FT_LIKELY(key == 0)) {
        ft_writer_end(w, e, len);
    } else {
        ft_writer_end_as(w, e, 1, key, len > 0 ? key + len : 0);
    }
}

/* ft_meter_emit_fn; cookie is the emitter. rec: NULL when no output wants the bytes. */
void ft_emit_flow(void *cookie, const struct ft_flow_record *rec);

void ft_emit_stats(struct ft_emitter *e, const struct ft_stats *s);

/* ---- events of collect (emit_export.c) ---- */
FT_HOT void ft_emit_export_flow(struct ft_emitter *e, const struct ft_export_record *rec);
/* n records, when no output wants their bytes */
void ft_emit_export_count(struct ft_emitter *e, uint32_t n);
/* SAMPLE or DISCARD */
void ft_emit_export_sample(struct ft_emitter *e, enum ft_event event,
                           const struct ft_export_sample *s);
/* COUNTER, TEMPLATE, EXPORTER by their structs; of packets: WINDOW, AFTERIMAGE */
void ft_emit_export_event(struct ft_emitter *e, enum ft_event event, const void *what);

/* Hands on what is in the open chunks. */
void ft_emitter_flush(struct ft_emitter *e);
/* Likewise, and waits until all outputs have written, or spooled, or lost, all that they were
 * given; at most so long. False: they have not. Its thread, on which no other writer waits. */
bool ft_emitter_settle(struct ft_emitter *e, int64_t patience_ms);
/* Ten times a second: likewise, but rows of tables wait for more of them, up to a second. */
void ft_emitter_breathe(struct ft_emitter *e, int64_t now_ns);

#endif
