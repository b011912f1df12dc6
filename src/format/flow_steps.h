/* SPDX-License-Identifier: Apache-2.0 */
/* format: columns as fields of a data record of IPFIX or NetFlow v9.
 *
 * Theory of operation: the columns that an output was asked for become steps, once. Each step knows
 * its information element, how many bytes its field has, and where its value lies. A record is
 * written in one pass: a step whose value is null, or is more than its element holds, writes
 * nothing; a bit a step says which have written, and that is the key of the record's template.
 *
 * A record of IPFIX may have both directions of a flow, the responder's as reverse elements (RFC
 * 5103 §6.1), which are left out of a flow of one direction. NetFlow v9 has no such: there is one
 * program for each direction, and source and destination of the second one are exchanged. */
#ifndef FT_FORMAT_FLOW_STEPS_H
#define FT_FORMAT_FLOW_STEPS_H

#include "model/columns.h"
#include "model/flow_templates.h"

enum ft__flow_times { FT__TIMES_MS, FT__TIMES_US, FT__TIMES_NS };

struct ft__flow_program_config {
    const struct ft_columns *columns;
    enum ft_flow_version version; /* NetFlow v9 or IPFIX */
    bool biflow;                  /* a record is of both directions; not v9 */
    int direction;                /* FT_DIR_*; of biflows FT_DIR_FWD */
    enum ft__flow_times times;
    uint32_t pen;     /* of columns that have no element of IANA's; 0: they are left out */
    uint32_t ingress; /* ingressInterface of all records; 0: not known */
};

struct ft__flow_step {
    const struct ft_field *field; /* NULL: none of its own */
    uint32_t pen;
    uint32_t fixed; /* the value of all records, when that is its kind */
    uint16_t ie;
    uint16_t len; /* bytes of the field; FT__FLOW_VARIABLE */
    uint16_t at;
    uint8_t part;
    uint8_t width; /* bytes at its place */
    uint8_t kind;
    bool reverse; /* of flows of both directions only */
};
enum { FT__FLOW_VARIABLE = 65535, FT__FLOW_STEPS_MOST = FT_COLUMNS_MAX + 16 };
enum { FT__FLOW_KEY_WORDS = (FT__FLOW_STEPS_MOST + 63) / 64 };

struct ft__flow_program {
    uint32_t n, key_words;
    uint32_t left_out; /* columns that have no element */
    struct ft__flow_step step[FT__FLOW_STEPS_MOST];
};

/* FT_E_USAGE: there are no steps, none of the columns has an element. */
FT_NODISCARD int ft__flow_program_make(struct ft__flow_program *p,
                                       const struct ft__flow_program_config *cfg);

/* Bytes of the fields of a template, at most. */
uint32_t ft__flow_program_fields(const struct ft__flow_program *p);

/* Writes a record of these parts (enum ft_part) at out, of at most as many bytes as the columns
 * take as text; key: [key_words]. Returns its bytes. */
FT_HOT size_t ft__flow_program_put(const struct ft__flow_program *p, const void *const *parts,
                                   uint8_t *out, uint64_t *key);

/* ft_flow_fields_fn; cookie is the program. v9 has no variable lengths and no numbers of
 * enterprises. */
size_t ft__flow_program_specify(const void *cookie, const uint64_t *key, uint8_t *out,
                                uint16_t *out_n);

#endif
