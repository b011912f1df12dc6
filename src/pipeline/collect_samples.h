/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the running counts and estimates of sampled packets.
 *
 * Theory of operation: a sample counts for its 5-tuple where it was taken: at one source
 * (interface, VLAN, entity) of one agent. The flow table holds the counts, under a key that the
 * source is part of; beside it, by the table's entry number, lies what the samples stand for. Each
 * one adds what its own rate says, so that a sum never falls, and never takes one agent's rate for
 * another's packets. A flow that has a sample without a rate has no estimate.
 *
 * owner: its worker's thread */
#ifndef FT_PIPELINE_COLLECT_SAMPLES_H
#define FT_PIPELINE_COLLECT_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "model/export.h"
#include "pipeline/meter.h"

struct ft__estimate {
    uint64_t packets, bytes; /* saturating; packets 0: not known */
};

struct ft__estimates {
    struct ft__estimate (*of)[2]; /* [entries] by entry and direction; mapped */
    uint32_t entries;
    struct ft_hash_seed seed;
};

/* FT_E_NOMEM. */
FT_NODISCARD int ft__estimates_init(struct ft__estimates *e, uint32_t max_flows,
                                    const struct ft_hash_seed *seed);
void ft__estimates_fini(struct ft__estimates *e);
size_t ft__estimates_budget(uint32_t max_flows);

/* Counts s, which has a packet, in the table; its counts go to *counts, s points to them, and its
 * estimates are those of all samples so far. */
void ft__estimates_take(struct ft__estimates *e, struct ft_meter *m, struct ft_export_sample *s,
                        struct ft_tuple_counts *counts);

#endif
