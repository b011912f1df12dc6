/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the protocols that are taken, one row each.
 *
 * Theory of operation: a datagram goes to the row whose first bytes it has. Those of NetFlow and
 * IPFIX are messages: a header, which the row's begin reads, and a body of records or of sets; one
 * that comes with neither has a take of its own (sFlow). What else differs from one protocol to the
 * other is a value in its row. */
#ifndef FT_COLLECT_PROTOCOL_H
#define FT_COLLECT_PROTOCOL_H

#include "codec/export/netflow.h"
#include "model/export.h"

struct ft_collector;
struct ft_peer;

struct ft__protocol {
    /* Takes a datagram of this protocol: c->now_ns and the like are set. */
    enum ft_verdict (*take)(struct ft_collector *c, const struct ft_peer *peer, const uint8_t *data,
                            size_t len);
    /* NetFlow, IPFIX: reads the header, and takes what is behind it */
    ft_nf_begin_fn *begin;
    void (*body)(struct ft_collector *c, struct ft_nf_message *m);
    const struct ft_template_field *fields; /* of its records, when it sends no templates */
    uint32_t version;                       /* the number at its front */
    uint8_t version_len;                    /* bytes of it */
    uint8_t least;                          /* bytes that a datagram has to have to be of it */
    uint8_t n_fields;
    uint8_t unit; /* enum ft_sequence_unit: what its sequence numbers count */
    bool sets;    /* the body is sets, and those with these ids are of templates: */
    uint8_t template_set, options_set;
    bool several; /* another message may stand behind one */
};

/* By enum ft_export_protocol. */
extern const struct ft__protocol ft__protocols[FT_XP__COUNT];

/* Whose datagram it is, by its front; NULL: nobody's. */
const struct ft__protocol *ft__protocol_of(const uint8_t *data, size_t len);

/* The set's id is one of templates or options templates. */
FT_INLINE bool ft__protocol_templates(const struct ft__protocol *p, uint16_t set_id)
{
    return p->sets && (set_id == p->template_set || set_id == p->options_set);
}

#endif
