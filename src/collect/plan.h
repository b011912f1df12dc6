/* SPDX-License-Identifier: Apache-2.0 */
/* collect: templates compiled into plans.
 *
 * Theory of operation: a template is compiled once, when it is learnt, into a plan: the values in
 * the order in which they are written, with their places when all lengths are fixed, and a short
 * list of steps that fill the canonical part of a record. A plan is immutable. Exporters send the
 * same few templates, so plans are shared: one for each distinct (protocol, kind, fields), counted
 * by its users. A source that describes elements (RFC 5610) shares those that hold elements which
 * no table has with nobody: what it says holds for what it sends. NetFlow v1, v5 and v7 are plans
 * that exist from the start. */
#ifndef FT_COLLECT_PLAN_H
#define FT_COLLECT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "codec/export/netflow.h"
#include "model/export.h"

enum {
    FT__PLAN_FIELDS_MAX = 4096,
    FT__PLAN_RECORD_MAX = 65535,
};

/* The slots of the canonical part that a step can fill. */
enum ft__slot {
    FT__SLOT_INIT, /* system init time: before FIRST and LAST, which may count from it */
    FT__SLOT_SRC4,
    FT__SLOT_DST4,
    FT__SLOT_SRC6,
    FT__SLOT_DST6,
    FT__SLOT_SPORT,
    FT__SLOT_DPORT,
    FT__SLOT_PROTO,
    FT__SLOT_FLAGS,
    FT__SLOT_PACKETS,
    FT__SLOT_BYTES,
    FT__SLOT_REV_PACKETS,
    FT__SLOT_REV_BYTES,
    FT__SLOT_LAST, /* before FIRST, which may count from it */
    FT__SLOT_FIRST,
    FT__SLOT_IF_IN,
    FT__SLOT_IF_OUT,
    FT__SLOT_DIRECTION,
    FT__SLOT_END,      /* from here on: few templates have them */
    FT__SLOT_FIREWALL, /* 233, Cisco's 40005 */
    FT__SLOT_DURATION, /* 161, 162: fills the end, or the start, that is not there */
    FT__SLOT_SAMPLER,  /* sampler or selector id */
    FT__SLOT_SELECT,   /* 311, 310, 309, 305, 306, 50, 34: in the order of ft__selection */
    FT__SLOT_SELECT_LAST = FT__SLOT_SELECT + 6,
    FT__SLOT_VRF_IN,
    FT__SLOT_VRF_OUT,
    FT__SLOT_APP,
    FT__SLOT_FRAME, /* 315: a packet section that begins with the link layer */
    FT__SLOT_IP,    /* 313: one that begins with the IP header */
    FT__SLOT__COUNT
};

/* Units of FT__SLOT_FIRST, FT__SLOT_LAST and FT__SLOT_DURATION. */
enum ft__clock {
    FT__CLOCK_UPTIME_MS, /* since the exporter started */
    FT__CLOCK_SPAN_MS,   /* FIRST: the same, of a record whose LAST is one, too */
    FT__CLOCK_S,
    FT__CLOCK_MS,
    FT__CLOCK_NTP_US,    /* RFC 7011 §6.1.9 */
    FT__CLOCK_NTP_NS,    /* RFC 7011 §6.1.10 */
    FT__CLOCK_BEFORE_US, /* us before the export time (IE 158, 159) */
    FT__CLOCK_US         /* DURATION */
};

/* Fills one slot from one field. */
struct ft__step {
    uint8_t slot;
    uint8_t clock;   /* FIRST, LAST, DURATION: enum ft__clock */
    uint16_t len;    /* bytes of the field; variable: 0 */
    uint32_t offset; /* in the record, when the plan is fixed; else the number of the value */
};

struct ft__template_plan {
    struct ft__template_plan *next; /* of the same bucket */
    bool listed;                    /* it is in its bucket: may be found */
    uint64_t hash;
    size_t bytes;
    uint32_t users;
    uint8_t protocol; /* FT_XP_NETFLOW_V9 or FT_XP_IPFIX; the built-in ones theirs */
    bool options;
    bool fixed; /* no variable-length field: every record is record_len bytes */
    uint16_t n_fields, n_scope;
    uint16_t n_values; /* fields without padding */
    uint16_t n_steps;
    uint16_t has;        /* FT_XR_* of every record */
    uint16_t n_wrong;    /* values whose fixed length does not fit their type */
    bool lists;          /* RFC 6313 values are among them */
    uint8_t v4, v6;      /* FT_XR_..._ADDR: which addresses of the family it has */
    bool rare;           /* it has steps that few have */
    uint64_t owner;      /* number of the source whose learnt types may be in it, 0: nobody's */
    uint32_t types;      /* generation of these when it was compiled */
    uint32_t record_len; /* fixed: of a record; else of the shortest one */
    uint32_t text_max;   /* most bytes that a text format needs for the values, 0: too many */
    struct ft_template_field *fields; /* [n_fields] as sent */
    struct ft_xvalue *values;         /* [n_values] in the order of writing */
    struct ft_xkey *keys;             /* [n_values] of them */
    uint16_t *value_of;               /* [n_fields] its value, 0xffff: padding */
    struct ft__step *steps;           /* [n_steps] */
};

enum {
    FT__TYPES_MAX = 4096,                /* learnt, of all sources */
    FT__TYPES_SHARE = FT__TYPES_MAX / 4, /* of one source */
    FT__TYPES_NEW = FT__TYPES_MAX / 2,   /* above these, sources on probation teach no more */
    FT__TYPE_NAME = 48
};

/* An element that an exporter described itself (RFC 5610). Numbers are places + 1, 0: none. */
struct ft__type {
    struct ft_element element; /* its name lies in text */
    char text[FT__TYPE_NAME];
    uint64_t owner; /* number of the source that described it */
    uint16_t chain; /* next of the hash bucket, or of the free ones */
    uint16_t mate;  /* next of the same source */
};

/* What one source has described. All zero: nothing. */
struct ft__type_share {
    uint64_t owner;      /* its number, 0: it has described nothing yet */
    uint32_t generation; /* counts the changes */
    uint16_t first, n;
};

struct ft__template_plans {
    bool outermost;         /* the key is of the first of several headers, else of the last */
    bool no_names;          /* learnt types keep their numbers: their names are exporters' text */
    struct ft__type *types; /* [cap_types], grown by doubling; at most FT__TYPES_MAX */
    uint16_t *type_bucket;  /* [FT__TYPES_MAX] */
    uint16_t free_type;     /* the first of those that were forgotten */
    uint32_t n_types;       /* learnt now */
    uint32_t used_types;    /* places used ever */
    uint32_t cap_types;
    uint64_t owners; /* sources that described something so far */
    struct ft_hash_seed seed;
    struct ft__template_plan **bucket;
    uint32_t n_buckets, n;
    size_t bytes;                                    /* that all plans take */
    size_t max_bytes;                                /* bound */
    struct ft__template_plan *builtin[FT_XP__COUNT]; /* v1, v5, v7 */
};

/* FT_E_NOMEM. */
FT_NODISCARD int ft__template_plans_init(struct ft__template_plans *p,
                                         const struct ft_hash_seed *seed, size_t max_bytes);
void ft__template_plans_fini(struct ft__template_plans *p);

/* The plan of a template: an equal one that exists, or a new one, with the types of its source (or
 * NULL); its user count goes up by one.
 * FT_E_FORMAT: no record of it could be read (all lengths 0, or more than 65535 bytes);
 * FT_E_RANGE: too many fields; FT_E_FULL: no room for more plans; FT_E_NOMEM. */
FT_NODISCARD int ft__template_plan_get(struct ft__template_plans *p,
                                       const struct ft__type_share *types,
                                       const struct ft_nf_message *m, struct ft_nf_template *t,
                                       struct ft__template_plan **out);

/* The same from fields (saved state, RFC 6313 lists). */
FT_NODISCARD int ft__template_plan_make(struct ft__template_plans *p,
                                        const struct ft__type_share *types, uint8_t protocol,
                                        bool options, uint16_t n_scope,
                                        const struct ft_template_field *fields, uint32_t n_fields,
                                        struct ft__template_plan **out);

/* The same template: their fields are equal. */
bool ft__template_plan_equal(const struct ft__template_plan *a, const struct ft__template_plan *b);

/* Learns, for one source, an enterprise element that no table has (RFC 5610); IANA's cannot be
 * changed. The name is made snake_case and cut. A new one counts for share, a source's, which is on
 * probation or proven. FT_E_FULL, FT_E_NOMEM; FT_E_RANGE: not to be learnt. */
FT_NODISCARD int ft__types_learn(struct ft__template_plans *p, struct ft__type_share *share,
                                 bool proven, const struct ft_element *element, const uint8_t *name,
                                 size_t len);

/* Forgets what a source has described; plans that use it keep what they have. */
void ft__types_forget(struct ft__template_plans *p, struct ft__type_share *share);

/* One user less; the last one frees it. NULL is a no-op. */
void ft__template_plan_put(struct ft__template_plans *p, struct ft__template_plan *plan);

/* Reads the lengths of a record with variable-length fields: fills values[plan->n_values] (a copy
 * of the plan's with places and lengths). Returns the record's bytes, 0 when it is longer than
 * left. */
uint32_t ft__template_plan_measure(const struct ft__template_plan *plan, const uint8_t *record,
                                   size_t left, struct ft_xvalue *values);

#endif
