/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the layouts of sFlow's structures, as data for ft_sflow_values().
 *
 * Theory of operation: a structure is a row of fields, a field a name and a kind; the reader steps
 * through both. Rows are as in the documents of sflow.org (structures.php lists them all). Names
 * are theirs in snake_case, with a unit at the end where the document tells one and the name does
 * not; the next hops of BGP and MPLS say whose they are, since samples have them beside the
 * router's.
 * "_percent_x100" is a percentage in hundredths. */
#ifndef FT_CODEC_EXPORT_SFLOW_STRUCTS_H
#define FT_CODEC_EXPORT_SFLOW_STRUCTS_H

#include <stdint.h>

#include "codec/export/sflow.h"

enum ft__sflow_field_kind {
    FT__SFLOW_U8,  /* one byte of an opaque[n] */
    FT__SFLOW_U32, /* unsigned int, enum */
    FT__SFLOW_U64, /* unsigned hyper */
    FT__SFLOW_C32, /* all ones: the agent has no such counter, does not know the number */
    FT__SFLOW_C64,
    FT__SFLOW_I32,
    FT__SFLOW_PCT,    /* percentage: -1 is unknown */
    FT__SFLOW_LOAD,   /* float: -1 is unknown */
    FT__SFLOW_MAC,    /* opaque[6]: 8 bytes */
    FT__SFLOW_IP4,    /* opaque[4] */
    FT__SFLOW_IP6,    /* opaque[16] */
    FT__SFLOW_ID16,   /* opaque[16] that is no address: UUID, GID */
    FT__SFLOW__FIXED, /* --- those above have a fixed length --- */
    FT__SFLOW_ADDR,   /* type, then 0, 4 or 16 bytes */
    FT__SFLOW_STR,    /* string<> */
    FT__SFLOW_OPQ,    /* opaque<> */
    FT__SFLOW_REST,   /* everything to the end of the record */
    FT__SFLOW_LIST,   /* unsigned int<> */
    FT__SFLOW_PCTS,   /* percentage<> */
    FT__SFLOW_PATH,   /* as_path_type<> */
    FT__SFLOW_LANES,  /* lane<>, of the SFP structure */
    FT__SFLOW_MACS    /* adapter<>, of the host's adapters */
};

struct ft__sflow_field {
    const char *name;
    uint8_t name_len;
    uint8_t kind; /* enum ft__sflow_field_kind */
};

struct ft__sflow_struct {
    uint32_t tag;
    uint8_t n_fields;
    uint8_t n_optional; /* the last fields that older versions do not have */
    const char *name;
    const struct ft__sflow_field *fields;
};

#define FT__SFLOW_F(kind, name)                                                                    \
    {                                                                                              \
        (name), (uint8_t)(sizeof(name) - 1), FT__SFLOW_##kind                                      \
    }
#define FT__SFLOW_N(fields) ((uint8_t)(sizeof(fields) / sizeof *(fields)))
#define FT__SFLOW_S(e, f, name, fields, optional)                                                  \
    {                                                                                              \
        FT_SFLOW_TAG(e, f), FT__SFLOW_N(fields), (optional), (name), (fields)                      \
    }

/* In the order of their tags. */
const struct ft__sflow_struct *ft__sflow_flow_structs(uint32_t *out_n);
const struct ft__sflow_struct *ft__sflow_counter_structs(uint32_t *out_n);

#endif
