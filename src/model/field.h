/* SPDX-License-Identifier: Apache-2.0 */
/* model: what a column is; the rows of every event.
 *
 * Theory of operation: a column stands once, in the rows of its owner, with its place in the
 * event's JSON object, type, unit, IANA element, null rule, meaning, and where its value lies in
 * the owner's struct, or a getter that works it out. NDJSON, CSV and `flowtap schema` in all its
 * forms are walks over rows. Those of flow records are put together from several owners, see
 * columns.h. (NDJSON of samples and of exported records is written by hand, for speed; tests hold
 * it to the walk.) Rows of one group stand together, in the order of the keys. */
#ifndef FT_MODEL_FIELD_H
#define FT_MODEL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/event.h"
#include "flowtap/stats.h"
#include "model/packet.h"
#include "model/privacy.h"
#include "model/record.h"

enum ft_type {
    FT_T_BOOL,
    FT_T_U8,
    FT_T_U16,
    FT_T_U32,
    FT_T_U64,
    FT_T_I64,
    FT_T_F64,    /* finite; of a member of 8 bytes all bits set may stand for null; text: 15
                    significant digits at least, no trailing zeros */
    FT_T_TIME,   /* int64 ns since 1970; text: seconds with six decimals */
    FT_T_STRING, /* static text that needs no escaping */
    FT_T_TEXT,   /* untrusted bytes with a length, from packets: escaped */
    FT_T_BYTES,  /* bytes with a length, at most `most` of the row: hex */
    FT_T_ID,     /* u64 as 16 hex digits */
    FT_T_ADDR,   /* IPv4 or IPv6 address as text */
    FT_T_JSON,  /* an object or array inside the event; text formats other than JSON leave it out */
    FT_T_LIST,  /* numbers or truths of one type; JSON: [1,2,3], CSV: 1;2;3 */
    FT_T_LISTS, /* lists of such; JSON: [[1,2],[3]], CSV: 1;2|3 */
    FT_T_VECTOR, /* always `most` numbers of FT_T_F32; JSON: [1,2,3], CSV: "[1,2,3]" */
    FT_T_F32,    /* an item of one: finite; text: 9 significant digits, no trailing zeros */
    FT_T__COUNT
};

/* Object inside the event that the key stands in. */
enum ft_group {
    FT_GROUP_TOP,
    FT_GROUP_FLOW_KEY,
    FT_GROUP_AGGREGATE,
    FT_GROUP_FEATURES,
    FT_GROUP_EXPORTER,
    FT_GROUP_ENRICHMENT
};

/* What a getter says. */
struct ft_value {
    bool null;
    uint8_t ip_version; /* FT_T_ADDR: 4 or 6 */
    uint8_t item;       /* FT_T_LIST, LISTS: as in the row */
    uint8_t
        nonfinite; /* FT_T_F64, null: what a tool writes there, 'I' for Infinity, 'N' for NaN; 0 */
    union {
        uint32_t text_len; /* FT_T_TEXT, BYTES: bytes at text */
        uint32_t n_items;  /* FT_T_LIST, VECTOR; LISTS: how many there are */
    };
    union {
        uint64_t u;          /* FT_T_BOOL (0 or 1), U*, ID */
        int64_t i;           /* FT_T_I64, TIME: ns */
        double f;            /* FT_T_F64 */
        const char *s;       /* FT_T_STRING; in buf or static */
        const uint8_t *text; /* FT_T_TEXT, BYTES, in the event */
        const uint8_t *addr; /* FT_T_ADDR, network order, in the event */
        const void *items;   /* FT_T_LIST, VECTOR: [n_items], each as wide as its type; LISTS:
                                those of the first one, then of the next, and so on; in the event */
    };
    union {
        const uint32_t *ends; /* FT_T_LISTS: [n_items], how many items there are up to the end of
                                 each; in the event */
        char buf[112];
    };
};

/* The event struct of a sample. */
struct ft_sample {
    const struct ft_packet *pkt;
    const struct ft_tuple_counts *counts;
};

/* The value at a place that means null. */
enum ft_absent {
    FT_ABSENT_NEVER,
    FT_ABSENT_ZERO,
    FT_ABSENT_ONES /* all bits set */
};

struct ft_field {
    const char *name;    /* key, snake_case */
    const char *unit;    /* "packets", "bytes", "us", "s", "" */
    const char *meaning; /* one sentence */
    const char *source;  /* where the definition comes from */
    const char *null;    /* when it is null; NULL: never */
    /* part: struct ft_sample, ft_stats, one of field_export.h, or of the parts of a flow record
     * (enum ft_part); NULL: the value lies at `at`, or FT_T_JSON */
    void (*get)(const void *part, struct ft_value *out);
    /* FT_T_JSON: writes the value at p, returns the place after */
    uint8_t *(*json)(const void *event, uint8_t *p);
    const char *json_schema; /* FT_T_JSON: the JSON Schema of the value */
    /* what the options of its owner say; FT_T_BYTES: bytes of each value, FT_T_LIST, LISTS: items
     * of it at most; NULL: it has `most` or less */
    uint32_t (*asked)(const uint64_t *option);
    const char *profile; /* "base": always there */
    uint32_t pen;        /* private enterprise number, 0 = IANA */
    uint16_t ie;         /* information element, 0 = none */
    uint16_t rank;       /* flow records: columns stand in ascending order of it */
    uint16_t at;         /* width > 0: where the value lies in the part, bytes */
    uint8_t width;       /* 1, 2, 4 or 8 bytes, host order; 0: get() or json() says it */
    uint8_t absent;      /* width > 0: enum ft_absent */
    uint8_t group;       /* enum ft_group */
    uint8_t type;        /* enum ft_type */
    uint8_t item;        /* FT_T_LIST, LISTS: FT_T_BOOL to FT_T_F64; VECTOR: FT_T_F32 */
    uint8_t most_lists;  /* FT_T_LISTS: lists */
    uint16_t most;       /* FT_T_LIST, VECTOR: items, LISTS: of all together; FT_T_BYTES: bytes */
    uint8_t privacy;     /* enum ft_privacy, never FT_PRIVACY_UNSET */
    /* no address, but a model could learn the host or the network from it: ports, TTLs, VLANs,
     * tunnels, numbers drawn at random */
    bool tells_host;
    bool of_observer; /* part: struct ft_observer (observer.h), whatever the event */
};

/* A row's value is a member of its part: bool, unsigned, or int64_t. */
#define FT_AT(part, member) .at = offsetof(part, member), .width = sizeof(((part *)0)->member)

/* get() of a list: a member of its part that is an array, and one that says how many there are. */
#define FT_GET_LIST(get, part_type, array, n_there)                                                \
    static void get(const void *part, struct ft_value *v)                                          \
    {                                                                                              \
        const part_type *r = part;                                                                 \
                                                                                                   \
        v->items = r->array;                                                                       \
        v->n_items = r->n_there;                                                                   \
    }

#define FT_PEN_REVERSE 29305 /* reverse information elements, RFC 5103 §6.1 */

/* What a group (enum ft_group) is called in an event; "": its columns are on top. */
const char *ft_group_name(uint8_t group);

/* What a column is called in formats that have no objects. */
const char *ft_field_flat_name(const struct ft_field *f);

/* What a row says of its part, which is not NULL. Not for FT_T_JSON. */
void ft_field_get(const struct ft_field *f, const void *part, struct ft_value *out);

/* The class that a type has by itself, for macros of rows. Objects have none: their rows say it. So
 * does a FT_T_STRING that is made from addresses. */
#define FT_PRIVACY_OF(type_)                                                                       \
    ((type_) == FT_T_ADDR || (type_) == FT_T_ID ? FT_PRIVACY_IDENTITY                              \
     : (type_) == FT_T_TEXT                     ? FT_PRIVACY_NAME                                  \
     : (type_) == FT_T_BYTES                    ? FT_PRIVACY_PAYLOAD                               \
     : (type_) == FT_T_TIME                     ? FT_PRIVACY_TIME                                  \
     : (type_) == FT_T_JSON                     ? FT_PRIVACY_UNSET                                 \
                                                : FT_PRIVACY_NONE)

/* The columns of an event that is no flow record, in order; *out_n is their number. */
const struct ft_field *ft_fields(enum ft_event e, uint32_t *out_n);

/* Those of windows with the vector profile, besides. */
const struct ft_field *ft_fields_window_vector(uint32_t *out_n);

/* Those of samples that may be chosen: the observer's too, which are not in their object. */
const struct ft_field *ft_fields_sample(uint32_t *out_n);

/* True for protocols whose header begins with two ports: TCP, UDP, SCTP, DCCP, UDP-Lite. */
FT_INLINE bool ft_proto_has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 33 || proto == 136;
}

#endif
