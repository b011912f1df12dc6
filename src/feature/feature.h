/* SPDX-License-Identifier: Apache-2.0 */
/* feature: what is kept of flows beside the base meter, one folder each.
 *
 * Theory of operation: the flow table counts the packets of a batch and says where
 * (model/counted.h). The pipeline shows the batch to every feature that is on, then takes the
 * records that are due: each feature adds its part, and hears of the end of a flow.
 *
 *     ft_table_update -> at[] -> packets() of each feature -> record() -> end()
 *
 * A feature keeps its state by entry number, in address space that costs memory when it is first
 * touched; what is not asked for is never opened. It looks at values of the model only: it never
 * calls the table or the pipeline. A row in registry.c is all that others know of it. */
#ifndef FT_FEATURE_FEATURE_H
#define FT_FEATURE_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/columns.h"
#include "model/counted.h"
#include "model/packet.h"
#include "model/record.h"

/* What a feature has to know when it is opened. */
struct ft_feature_config {
    uint32_t entries; /* entry numbers are below */
};

/* All of it is called on the thread of the table. */
struct ft_feature {
    const char *name;    /* of its profile */
    const char *meaning; /* one line, for --help and docs */
    const struct ft_column_set *columns;
    uint32_t flow_bytes; /* of memory that a plain flow touches, at most */
    bool payload;        /* it looks into payloads: the decoder has to keep them */

    /* bytes of address space */
    size_t (*budget)(const struct ft_feature_config *cfg);

    /* Maps the state of cfg->entries flows, and touches none of it. On success *out is the
     * caller's, given back by close(); NULL is closed, too. FT_E_NOMEM. */
    int (*open)(const struct ft_feature_config *cfg, void **out);
    void (*close)(void *state);

    /* n packets (at most 64) in the order in which they were counted. FT_AT_NEW: what the entry
     * holds is another flow's. */
    void (*packets)(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                    uint32_t n);

    /* Asks for the memory that record() and end() will touch; or NULL. */
    void (*ask)(const void *state, uint32_t entry);

    /* Its part of a record, valid until the next call for this feature; NULL: its columns are null.
     */
    const void *(*record)(void *state, uint32_t entry, const struct ft_flow_record *core);

    /* The flow is over; or NULL. */
    void (*end)(void *state, uint32_t entry);
};

/* The feature that makes a part of records (enum ft_part, from 1), or NULL. A set of features has
 * a bit for each. */
const struct ft_feature *ft_feature_at(uint32_t part);

/* Bits by entry. */
FT_INLINE bool ft_bit_get(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i & 63) & 1) != 0;
}

FT_INLINE void ft_bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i & 63);
}

FT_INLINE void ft_bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i & 63));
}

#endif
