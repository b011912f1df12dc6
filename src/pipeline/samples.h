/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: packets and counters of interfaces to outputs of sFlow (-o sflow+udp://...).
 *
 * Theory of operation: who decodes a batch sees its frames while their bytes are there (packets.h),
 * and of each interface writes every Nth (--sample) as a row (model/sflow_rows.h): of whatever
 * protocol it is, if the filter matched it. Each writer counts for itself what it saw and what
 * found the queue full, since the row before; the output's thread adds up. Counters are read and
 * written by the control thread, as often as counters= says, of `live`.
 *
 * A source is an interface of --interface. Where nobody says what the interface was (files, `any`),
 * there is one source, of the unknown interface 0. */
#ifndef FT_PIPELINE_SAMPLES_H
#define FT_PIPELINE_SAMPLES_H

#include "model/sflow_rows.h"
#include "pipeline/emit.h"

struct ft_if_watch;
struct ft_pipeline;

/* What a writer has seen of a source since its last row there. */
struct ft_sampled_source {
    uint32_t left; /* packets until the next one that is taken */
    uint32_t pool, drops;
};

/* owner: the writer's thread. */
struct ft_sampler_lane {
    FT_ALIGNED(64) struct ft_sampled_source source[FT_SFLOW_SOURCES];
};

struct ft_sampler {
    struct ft_sflow_agent agent;
    const struct ft_if_watch *watch; /* the interfaces; NULL: they are not known; borrowed */
    uint32_t n_sources;              /* 1: whatever interface a packet is of */
    uint32_t header;                 /* bytes of a packet at most */
    int64_t every_ns, due_ns;        /* of counters; 0: none. owner: control thread */
    _Atomic bool said;               /* that frames of a link type cannot be sent */
    const char *name;                /* of the output, borrowed */
    const struct ft_log *log;
    uint32_t n_lanes;
    struct ft_sampler_lane lane[]; /* by writer */
};

/* The sampler of an output with this URL. FT_E_USAGE: what is wrong is said; FT_E_NOMEM. */
FT_NODISCARD int ft_sampler_new(struct ft_pipeline *p, const struct ft_output_url *url,
                                uint32_t n_writers, struct ft_sampler **out, struct ft_err *err);
void ft_sampler_free(struct ft_sampler *s); /* NULL is a no-op */

/* Most bytes of a row. */
uint32_t ft_sampler_row_most(const struct ft_sampler *s);

/* n packets of a batch to writer w, whose lane it is; one of every so many is taken. */
FT_HOT void ft_sampler_packets(struct ft_sampler *s, struct ft_sampler_lane *lane,
                               struct ft_writer *w, const struct ft_view *views, uint32_t n,
                               uint32_t every);

/* The control thread: counters that are due, to the outputs of e. Returns when the next ones are,
 * monotonic; INT64_MAX: none ever. */
int64_t ft_emit_counters(struct ft_emitter *e, struct ft_if_watch *watch, int64_t now_ns);

#endif
