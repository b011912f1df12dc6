/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the running counts and estimates of sampled packets.
 *
 * Theory of operation: a sample counts for its 5-tuple where it was taken: at one source
 * (interface, VLAN, entity) of one agent. The flow table holds the counts, under a key that the
 * source is part of; beside it, by the table's entry number, lies what the samples stand for. Each
 * one adds what its own rate says, so that a sum never falls, and never takes one agent's rate for
 * another's packets. A flow that has a sample without a rate has no estimate.
 *
 * The table's lines are misses, so samples are counted some together, while it asks for the next
 * ones: they wait, with what they point to, until the batch is full, another event comes, or the
 * datagrams are to be given back.
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

/* Counts n (at most FT__SAMPLES) samples, in order; those without a packet stay as they are. The
 * counts of each go to counts[], it points to them, and its estimates are those of all samples so
 * far. */
void ft__estimates_take(struct ft__estimates *e, struct ft_meter *m, struct ft_export_sample *s,
                        uint32_t n, struct ft_tuple_counts *counts);

/* ---- samples that wait ---- */

enum { FT__SAMPLES = 32, FT__SAMPLE_VALUES = 512 };

/* All zero: none. Mapped, for the alignment of packets. */
struct ft__samples {
    struct ft_packet pkt[FT__SAMPLES];
    struct ft_export_sample s[FT__SAMPLES];
    struct ft_exporter_info who[FT__SAMPLES];
    struct ft_xvalue values[FT__SAMPLE_VALUES];
    struct ft_tuple_counts counts[FT__SAMPLES];
    uint32_t n, n_who, n_values;
};

/* There is room for s. */
bool ft__samples_fit(const struct ft__samples *b, const struct ft_export_sample *s);

/* Adds a copy of s, for which there is room, or which is the first. fresh: it is the first one of
 * its datagram. False: b has to be emptied before the caller gives s back. */
bool ft__samples_add(struct ft__samples *b, const struct ft_export_sample *s, bool fresh);

#endif
