/* SPDX-License-Identifier: Apache-2.0 */
/* feature: what is kept of flows beside the base meter, one folder each.
 *
 * Theory of operation: the flow table counts the packets of a batch and says where
 * (model/counted.h). The pipeline shows the batch to every feature that is on, then takes the
 * records that are due: each feature adds its part, and hears of the end of a flow.
 *
 *     ft_table_update -> at[] -> packets() of each feature -> record() -> end()
 *
 * A feature keeps its state by entry number, in arrays that it declares: address space, which costs
 * memory when it is first touched; what is not asked for is never opened. It looks at values of the
 * model only: it never calls the table or the pipeline. One may be worked out of others' parts, and
 * keep nothing itself. A row in model/parts.def is all that others know of it. */
#ifndef FT_FEATURE_FEATURE_H
#define FT_FEATURE_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/net/cryptopan.h"
#include "flowtap/errors.h"
#include "model/columns.h"
#include "model/counted.h"
#include "model/packet.h"
#include "model/record.h"

/* What a feature has to know when it is opened. */
struct ft_feature_config {
    uint32_t entries;                     /* entry numbers are below */
    uint64_t option[FT_SET_OPTIONS_MAX];  /* what the options of its columns say, in their order */
    const struct ft_labels *labels;       /* --labels, or NULL */
    const struct ft_enrich *enrich;       /* --geo and --networks, or NULL */
    const struct ft_vector_fits *vectors; /* --vector-fit; NULL: that of the program */
    const char *interface;                /* live, of one interface: its name; or NULL */
};

/* An array of a feature's state, by entry. */
struct ft_feature_array {
    uint32_t at;   /* where the state has its pointer */
    uint32_t item; /* bytes for an entry; 0: a bit */
    uint8_t use;   /* enum ft_array_use */
    /* it is one for each entry as often as this says: [times][entries]; NULL: once */
    uint32_t (*times)(const struct ft_feature_config *cfg);
};

enum ft_array_use {
    FT_ARRAY_EVERY, /* every flow touches its item */
    FT_ARRAY_LONG,  /* long flows touch more of it than short ones */
    FT_ARRAY_FEW    /* few flows have an item */
};

/* A row of ft_feature.arrays: a pointer that is a member of the state, and bits. */
#define FT_FEATURE_ARRAY(type, member, how)                                                        \
    {                                                                                              \
        .at = offsetof(type, member), .item = sizeof *((type *)0)->member, .use = (how)            \
    }
#define FT_FEATURE_BITS(type, member)                                                              \
    {                                                                                              \
        .at = offsetof(type, member)                                                               \
    }

/* What record() may say besides: see there. */
extern const char ft__record_dropped;
#define FT_RECORD_DROPPED ((const void *)&ft__record_dropped)

/* All of it is called on the thread of the table. */
struct ft_feature {
    const char *name;    /* of its profile */
    const char *meaning; /* one line, for --help and docs */
    const struct ft_column_set *columns;
    /* The features whose parts record() reads: a bit for each; they come before. None for label:
     * its part is there when --labels are. */
    uint32_t needs;
    bool payload; /* it looks into payloads: the decoder has to keep them */
    bool heads;   /* it looks into headers, too: likewise, with payload */
    bool link;    /* it looks at what frames say: the decoder has to keep it */
    bool drops;   /* record() may say FT_RECORD_DROPPED */

    /* Its state: a struct, zeroed, and arrays that it points to, which nobody has touched. */
    size_t state;                          /* bytes */
    const struct ft_feature_array *arrays; /* [n_arrays] */
    uint32_t n_arrays;

    /* What its state needs besides, or NULL. FT_E_NOMEM: close() follows. */
    int (*open)(void *state, const struct ft_feature_config *cfg);
    void (*close)(void *state); /* NULL: nothing to give back but the arrays */
    /* Bytes of address space besides the arrays, and of memory that a flow takes; or NULL. */
    size_t (*budget)(const struct ft_feature_config *cfg, uint32_t *out_flow);

    /* n packets (at most 64) in the order in which they were counted; or NULL. FT_AT_NEW: what the
     * entry holds is another flow's. */
    void (*packets)(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                    uint32_t n);

    /* Asks for the memory that record() and end() will touch; or NULL. */
    void (*ask)(const void *state, uint32_t entry);

    /* Its part of a record, valid until the next call for this feature; NULL: its columns are null;
     * FT_RECORD_DROPPED: the tool that it is named for would not write this record, so no output
     * that has its columns does.
     * The parts that it needs are in the core already. */
    const void *(*record)(void *state, uint32_t entry, const struct ft_flow_record *core);

    /* The flow is over; or NULL. */
    void (*end)(void *state, uint32_t entry);

    /* --anonymize: deals with every class of its columns (model/privacy.h), in a copy of its part,
     * `part` bytes; NULL: none of them tells anything. */
    void (*hide)(struct ft_cryptopan *map, enum ft_names names, void *part);
    size_t part;
};

/* Bytes of address space, and of memory that a plain flow touches, at most. */
size_t ft_feature_budget(const struct ft_feature *f, const struct ft_feature_config *cfg,
                         uint32_t *out_flow);

/* Maps the state of cfg->entries flows, and touches none of it. On success *out is the caller's,
 * given back with the same cfg. FT_E_NOMEM. */
FT_NODISCARD int ft_feature_open(const struct ft_feature *f, const struct ft_feature_config *cfg,
                                 void **out);
void ft_feature_close(const struct ft_feature *f, const struct ft_feature_config *cfg, void *state);

#define X(symbol, name) extern const struct ft_feature ft_feature_##name;
#include "model/parts.def"
#undef X

/* The feature that makes a part of records (enum ft_part, from 1), or NULL. A set of features has
 * a bit for each. */
const struct ft_feature *ft_feature_at(uint32_t part);

/* A set of features, and those that they need. */
uint32_t ft_features_needed(uint32_t features);

/* Does one of them drop records? */
bool ft_features_drop(uint32_t features);

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
