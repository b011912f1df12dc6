/* SPDX-License-Identifier: Apache-2.0 */
/* model: options data of an output that exports flow records: what is said besides them, with the
 * templates (RFC 7011 §3.4.2.2, RFC 3954 §6.1).
 *
 * Theory of operation: a format makes it while it opens, and a sink only reads it: wherever a
 * receiver begins, and as often as templates are sent again, it is all said again. Records of a
 * kind share a template. */
#ifndef FT_MODEL_FLOW_OPTIONS_H
#define FT_MODEL_FLOW_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

enum ft_flow_option_kind {
    FT_FLOW_OPTION_SAMPLING,
    FT_FLOW_OPTION_INTERFACE,
    FT_FLOW_OPTION_TYPE, /* of an enterprise's element, RFC 5610 */
    FT_FLOW_OPTION__KINDS
};

/* An interface that packets are taken from. */
struct ft_flow_interface {
    uint32_t number;         /* ingressInterface of its records, not 0 */
    const char *name;        /* UTF-8 */
    const char *description; /* or NULL */
};

struct ft_flow_option {
    uint32_t at;  /* of its data record in bytes */
    uint16_t len; /* bytes of it */
    uint8_t kind; /* enum ft_flow_option_kind */
};

/* All zero: nothing is said. */
struct ft_flow_options {
    struct ft_flow_option *of; /* [n], by kind; owned */
    uint8_t *bytes;            /* [len], mapped */
    uint32_t n, len, cap;
    struct {
        uint8_t record[64]; /* as a set of options templates has it */
        uint16_t len;       /* bytes of it; 0: there are none of this kind */
        uint16_t id;        /* of the template */
    } template[FT_FLOW_OPTION__KINDS];
};

enum { FT_FLOW_OPTION_MOST = 512 }; /* bytes of a record; with its template it fits any message */

/* For at most so many records. FT_E_NOMEM. */
FT_NODISCARD int ft_flow_options_init(struct ft_flow_options *o, uint32_t most);
void ft_flow_options_fini(struct ft_flow_options *o); /* also of zeros */

/* The template of a kind, before its records: at most 64 bytes, which begin with its id. */
void ft_flow_options_template(struct ft_flow_options *o, enum ft_flow_option_kind kind,
                              const uint8_t *record, size_t len);

/* Adds a data record of at most FT_FLOW_OPTION_MOST bytes, for which there is room. */
void ft_flow_options_add(struct ft_flow_options *o, enum ft_flow_option_kind kind,
                         const uint8_t *record, size_t len);

#endif
