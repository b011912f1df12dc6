/* SPDX-License-Identifier: Apache-2.0 */
/* model: the templates of an output that exports flow records, and how its events lie in chunks.
 *
 * Theory of operation: a format writes an event as one or two rows: a head, then a data record as
 * it is on the wire. What a record has is said by a template, which is made when the first record
 * of its kind comes: any writer may make one, under a lock; a sink, on its own thread, reads what
 * is there without. Templates stay as long as the output: a list only grows.
 *
 *     chunk    [head | record] [head | record] ...          an event: one row, or two
 *     message  [header][templates that are new or due][set header | record record ...] ... */
#ifndef FT_MODEL_FLOW_TEMPLATES_H
#define FT_MODEL_FLOW_TEMPLATES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"
#include "model/flow_options.h"

enum {
    FT_FLOW_TEMPLATES_MOST = 1024, /* of a list */
    FT_FLOW_TEMPLATE_FIRST = 256,  /* id of the first one, RFC 7011 §3.4.1 */
    FT_FLOW_OPTIONS_FIRST = FT_FLOW_TEMPLATE_FIRST + FT_FLOW_TEMPLATES_MOST, /* of options data */
    FT_FLOW_TEMPLATES_FULL = FT_FLOW_TEMPLATES_MOST
};

enum { FT_FLOW_V5_RATE = 0x3fff }; /* a header has 14 bits for it */

enum ft_flow_version { FT_FLOW_NETFLOW_5 = 5, FT_FLOW_NETFLOW_9 = 9, FT_FLOW_IPFIX = 10 };

/* Before each record, in host order, not aligned. */
struct ft_flow_head {
    uint16_t len; /* of the row, bytes: this head and the record */
    /* its number in the list; id is FT_FLOW_TEMPLATE_FIRST more. v5: 1 in so many packets were
     * taken, at most FT_FLOW_V5_RATE; 0: not known */
    uint16_t template;
    uint32_t time_s; /* when the event was, s since 1970 */
    /* NetFlow: when it began and ended, ms since 1970: what a record has of that counts from a
     * message's clock, and is filled in with the message. v9: its first 8 bytes, or none when both
     * are INT64_MIN; v5: bytes 24 to 31. */
    int64_t first_ms, last_ms;
};

/* Who sent what is in a row, in network order, IPv4 in the first 4 bytes; version 0: nobody whose
 * address is to be shown. Of bytes only: it has no alignment. */
struct ft_flow_source {
    uint8_t ip_version; /* 4, 6 or 0 */
    uint8_t addr[16];   /* what is not used is 0 */
};

/* A template as a set of templates has it. */
struct ft_flow_template {
    const uint8_t *record; /* owned by the list: id, number of fields, fields */
    uint32_t len;          /* bytes of it */
};

struct ft_flow_template_list {
    enum ft_flow_version version;
    uint32_t domain;                   /* observation domain; v9: source id */
    bool relayed;                      /* its records are by the clocks of many exporters */
    bool sources;                      /* each row ends with a struct ft_flow_source */
    const struct ft_flow_template *of; /* [n], in the order of their numbers */
    _Atomic uint32_t n;                /* what is below it does not change any more */
    struct ft_flow_options options;    /* what is said besides; does not change since open */
    /* ---- who makes them ---- */
    struct ft_flow_template at[FT_FLOW_TEMPLATES_MOST];
    uint64_t *keys;     /* [FT_FLOW_TEMPLATES_MOST][key_words], owned */
    uint32_t key_words; /* at least 1 */
    uint8_t *records;   /* [FT_FLOW_TEMPLATES_MOST][record_room], mapped */
    uint32_t record_room;
    _Atomic uint16_t slot[4 * FT_FLOW_TEMPLATES_MOST]; /* number + 1 by the key's hash; 0: none */
    pthread_mutex_t lock;                              /* guards: making one */
};

/* An empty list, whose templates are told apart by keys of so many words, and have fields of at
 * most so many bytes. FT_E_NOMEM. */
FT_NODISCARD int ft_flow_templates_init(struct ft_flow_template_list *l,
                                        enum ft_flow_version version, uint32_t domain,
                                        uint32_t key_words, uint32_t fields_room);
void ft_flow_templates_fini(struct ft_flow_template_list *l); /* also of zeros */

/* Writes the fields of the template of a key; returns how many bytes these are, at most the list's
 * fields_room, and how many fields. */
typedef size_t ft_flow_fields_fn(const void *cookie, const uint64_t *key, uint8_t *out,
                                 uint16_t *out_n);

/* The number of the template of a key, of so many words (the others are 0; one of more than nine
 * has a digest of all and their number in front), which is made now if there is none.
 * FT_FLOW_TEMPLATES_FULL: there is no place for another one. Any thread. */
FT_HOT uint32_t ft_flow_templates_get(struct ft_flow_template_list *l, const uint64_t *key,
                                      uint32_t words, ft_flow_fields_fn *fields,
                                      const void *cookie);

#endif
