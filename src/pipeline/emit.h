/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: from flow records, packets and accounts to every output that asked for them.
 *
 * Theory of operation: the pipeline has one ft_route per output: its format and the events that it
 * takes. Each worker has one ft_emitter, which holds its writer of every output; only that worker
 * uses it. An output that only counts (null:) gets no bytes made. */
#ifndef FT_PIPELINE_EMIT_H
#define FT_PIPELINE_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/stats.h"
#include "format/format.h"
#include "model/packet.h"
#include "model/record.h"
#include "output/output.h"
#include "pipeline/anonymize.h"

struct ft_packet_file;

struct ft_route {
    struct ft_output *output;           /* owned by the pipeline */
    struct ft_packet_file *packets;     /* it holds packets: owned by the pipeline; or NULL */
    const struct ft_format_ops *format; /* static */
    unsigned events;                    /* bit per enum ft_event */
};

struct ft_emitter {
    struct {
        struct ft_writer *writer;
        const struct ft_format_ops *format;
        unsigned events;
        bool count_only;
        struct ft_packet_file *packets;
    } to[FT_MAX_OUTPUTS];
    uint32_t n;
    unsigned events;            /* union of all outputs */
    bool makes_samples;         /* some output wants the bytes of samples */
    bool makes_flows;           /* some output wants the bytes of flow records */
    bool makes_packets;         /* some output holds packets (packets.h) */
    struct ft_anonymizer *anon; /* --anonymize: every event goes through it; owned, or NULL */
};

/* The emitter of writer slot i over n routes. */
void ft_emitter_init(struct ft_emitter *e, const struct ft_route *routes, uint32_t n, uint32_t i);
void ft_emitter_fini(struct ft_emitter *e);

/* n samples at once for outputs that only count; formats the others one by one. */
FT_HOT void ft_emit_samples(struct ft_emitter *e, const struct ft_packet *pkts,
                            const struct ft_tuple_counts *counts, uint32_t n);

/* ft_meter_emit_fn; cookie is the emitter. rec: NULL when no output wants the bytes. */
void ft_emit_flow(void *cookie, const struct ft_flow_record *rec);

void ft_emit_stats(struct ft_emitter *e, const struct ft_stats *s);

/* ---- events of collect (emit_export.c) ---- */
FT_HOT void ft_emit_export_flow(struct ft_emitter *e, const struct ft_export_record *rec);
/* SAMPLE or DISCARD */
void ft_emit_export_sample(struct ft_emitter *e, enum ft_event event,
                           const struct ft_export_sample *s);
/* COUNTER, TEMPLATE, EXPORTER by their structs */
void ft_emit_export_event(struct ft_emitter *e, enum ft_event event, const void *what);

/* Hands on what is in the open chunks. */
void ft_emitter_flush(struct ft_emitter *e);

#endif
