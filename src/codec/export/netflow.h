/* SPDX-License-Identifier: Apache-2.0 */
/* codec: the frames of NetFlow v1, v5, v7 (Cisco), v9 (RFC 3954) and IPFIX (RFC 7011): messages,
 * sets, templates.
 *
 * Theory of operation: pure and without state. ft_nf_begin() reads a message header; v9 and IPFIX
 * bodies are then walked set by set, template sets template by template, through child cursors, so
 * that no length from the wire reaches past its parent. What records look like is known from
 * templates, which the decode stage keeps.
 *
 *     [header][set: id, length, ......padding][set ...]
 *                   |<------- body ------->| */
#ifndef FT_CODEC_EXPORT_NETFLOW_H
#define FT_CODEC_EXPORT_NETFLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rd.h"
#include "flowtap/errors.h"
#include "model/export.h"

enum {
    FT_NF_V9_TEMPLATES = 0,
    FT_NF_V9_OPTIONS = 1,
    FT_NF_IPFIX_TEMPLATES = 2,
    FT_NF_IPFIX_OPTIONS = 3,
    FT_NF_DATA_MIN = 256,   /* set ids from here on are template ids (RFC 7011 §3.3.2) */
    FT_NF_VARIABLE = 65535, /* length of a variable-length field (RFC 7011 §7) */
    FT_NF_SET_HEADER = 4,
    FT_NF_IPFIX_HEADER = 16,
    FT_NF_REVERSE_PEN = 29305, /* RFC 5103 */
};

/* A message. Borrows the datagram. */
struct ft_nf_message {
    const uint8_t *base;    /* its first byte */
    const uint8_t *limit;   /* end of the datagram that it came in */
    uint32_t len;           /* its bytes: of IPFIX as its header says, else all */
    struct ft_rd body;      /* v9, IPFIX: sets; v1, v5, v7: records */
    int64_t export_ns;      /* header's clock, ns since 1970 */
    uint32_t sequence;      /* 0 in v1 */
    uint32_t domain_id;     /* v5: engine type << 8 | engine id; v9: source id */
    uint32_t uptime_ms;     /* v1 to v9: time since the exporter started */
    uint16_t count;         /* v1 to v9: as the header says */
    uint16_t sampling_rate; /* v5: 1 in N by the header's 14 bits; 0: unknown */
    uint8_t protocol;       /* enum ft_export_protocol */
    bool grown;             /* its sets went on behind its length: that was wrong */
};

/* One set of v9 or IPFIX: flow set, template set, options template set. */
struct ft_nf_set {
    uint16_t id;
    bool cut; /* it says to be longer than what is there: body is what is there, and the last */
    struct ft_rd body;
};

/* One template record, fields still as on the wire. */
struct ft_nf_template {
    uint16_t id;
    uint16_t n_fields; /* scope fields included; 0: a withdrawal (IPFIX) */
    uint16_t n_scope;  /* options: the first n_scope fields are scopes */
    bool options;
    bool invalid;        /* EXPORT_TEMPLATE: it is all there, but its counts cannot be */
    struct ft_rd fields; /* n_fields specifiers */
};

/* Reads a header behind its version. */
typedef enum ft_verdict ft_nf_begin_fn(struct ft_rd rd, struct ft_nf_message *out);
ft_nf_begin_fn ft_nf_begin_v1, ft_nf_begin_v5, ft_nf_begin_v7, ft_nf_begin_v9, ft_nf_begin_ipfix;

/* Reads the header of a message of this protocol. FT_V_DECODED; EXPORT_SHORT: nothing can be used.
 * With the others the message holds what can: EXPORT_COUNT: v1, v5 or v7 announce more records than
 * the format allows (24, 30, 28) or the datagram holds, count is what it holds; EXPORT_LENGTH: an
 * IPFIX message that says to be shorter than its header or longer than the datagram: the sets that
 * are there are used. A datagram longer than an IPFIX message says may hold another one behind it:
 * out->len says where. */
enum ft_verdict ft_nf_begin(ft_nf_begin_fn *begin, const uint8_t *data, size_t len,
                            struct ft_nf_message *out);

/* The next set. FT_V_DECODED; FT_V__COUNT: there is no more; EXPORT_SET: a length below 4 (padding
 * of less than 4 bytes and zeros up to the end are no set). A set that reaches beyond its message
 * is cut there; but when it ends inside the datagram and no other message begins where this one
 * says to end, it is the message that says a wrong length: it goes on to the datagram's end
 * (m->grown). */
enum ft_verdict ft_nf_next_set(struct ft_nf_message *m, struct ft_nf_set *out);

/* The next template of a template or options template set. FT_V_DECODED; FT_V__COUNT: no more (what
 * is left is padding); EXPORT_TEMPLATE: id below 256, fields beyond the set, scope count 0 or above
 * the field count, v9 scope or option length that is not a multiple of 4. Then out->id is its id,
 * 0 when that could not be read, and either out->invalid, or out->fields are the specifiers that
 * its set has of it. */
enum ft_verdict ft_nf_next_template(const struct ft_nf_message *m, struct ft_nf_set *set,
                                    struct ft_nf_template *out);

/* The next field of a template, n_fields times. Cannot fail: ft_nf_next_template() has checked. */
void ft_nf_next_field(const struct ft_nf_message *m, struct ft_nf_template *t, uint32_t i,
                      struct ft_template_field *out);

#endif
