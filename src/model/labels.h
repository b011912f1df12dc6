/* SPDX-License-Identifier: Apache-2.0 */
/* model: rules that say what flows were: the ground truth of a data set, as its authors publish it
 * (who attacked whom, from when to when).
 *
 * Theory of operation: a rules file is CSV with a header; the columns that it has, in any order:
 *
 *     start,end           the first packet of the flow is in [start, end]: seconds since 1970, or
 *                         2017-07-05T09:43:00Z, 2017-07-05 06:43:00-03:00 (no zone: UTC)
 *     src,dst             address or prefix
 *     src_port,dst_port   80 or 1024-65535
 *     protocol            number, tcp, udp, icmp, icmpv6, sctp
 *     direction           forward: src is the initiator; empty or both: either way round
 *     label               0 or 1; nothing said: 1
 *     attack              name
 *
 * What is empty asks for nothing. A flow gets what the first rule says that it satisfies. That
 * another one says something else is told, unless that one asks for less of the same: then it is
 * for the rest. What no rule knows has no label: a last rule that asks for nothing labels what is
 * left. */
#ifndef FT_MODEL_LABELS_H
#define FT_MODEL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/prefix.h"
#include "model/record.h"

enum { FT_LABELS_MAX = 65536, FT_LABEL_TEXT = 64 };

struct ft_label_rule {
    int64_t from_ns, to_ns;            /* of the first packet */
    struct ft_prefix src, dst;         /* ip_version 0: any */
    uint16_t src_port[2], dst_port[2]; /* from, to */
    int16_t proto;                     /* -1: any */
    bool forward;                      /* src is the initiator */
    uint8_t label;                     /* 0 or 1 */
    uint8_t attack_len;                /* 0: no name */
    char attack[FT_LABEL_TEXT];        /* UTF-8, no NUL behind it */
    uint32_t line;                     /* in the file */
};

struct ft_labels {
    struct ft_label_rule *rules; /* [n] */
    uint32_t n;
};

/* Reads the text of a rules file. On success *out is the caller's, freed with ft_labels_free.
 * FT_E_FORMAT: err says where and what; FT_E_NOMEM. */
FT_NODISCARD int ft_labels_parse(const char *text, size_t len, struct ft_labels **out,
                                 struct ft_err *err);
void ft_labels_free(struct ft_labels *l); /* NULL is a no-op */

/* The first rule that a flow satisfies, or NULL. *out_unclear: another one that it satisfies says
 * something else. O(n). */
const struct ft_label_rule *ft_labels_find(const struct ft_labels *l,
                                           const struct ft_flow_record *rec, bool *out_unclear);

#endif
