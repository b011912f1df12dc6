/* SPDX-License-Identifier: Apache-2.0 */
/* model: the one table of every column of every event.
 *
 * Theory of operation: a column stands here once per event that has it, with its place in the
 * event's JSON object, type, unit, IANA element, null rule, meaning, and a getter that takes its
 * value out of the event's struct. NDJSON, CSV and `flowtap schema` in all its forms are walks over
 * it: a new column is one row and one getter in field_*.c. (NDJSON of samples and of exported
 * records is written by hand, for speed; tests hold it to the walk.) Rows of one group stand
 * together, in the order of the keys. */
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
    FT_T_F64,    /* finite; text: 17 significant digits at most, as many as it takes */
    FT_T_TIME,   /* int64 ns since 1970; text: seconds with six decimals */
    FT_T_STRING, /* static text that needs no escaping */
    FT_T_TEXT,   /* untrusted bytes with a length, from packets: escaped */
    FT_T_ID,     /* u64 as 16 hex digits */
    FT_T_ADDR,   /* IPv4 or IPv6 address as text */
    FT_T_JSON, /* an object or array inside the event; text formats other than JSON leave it out */
    FT_T__COUNT
};

/* Object inside the event that the key stands in. */
enum ft_group {
    FT_GROUP_TOP,
    FT_GROUP_FLOW_KEY,
    FT_GROUP_AGGREGATE,
    FT_GROUP_FEATURES,
    FT_GROUP_EXPORTER
};

/* What a getter says. */
struct ft_value {
    bool null;
    uint8_t ip_version; /* FT_T_ADDR: 4 or 6 */
    uint32_t text_len;  /* FT_T_TEXT: bytes at text */
    union {
        uint64_t u;          /* FT_T_BOOL (0 or 1), U*, ID */
        int64_t i;           /* FT_T_I64, TIME: ns */
        double f;            /* FT_T_F64 */
        const char *s;       /* FT_T_STRING; in buf or static */
        const uint8_t *text; /* FT_T_TEXT, in the event */
        const uint8_t *addr; /* FT_T_ADDR, network order, in the event */
    };
    char buf[48];
};

/* The event struct of a sample. */
struct ft_sample {
    const struct ft_packet *pkt;
    const struct ft_tuple_counts *counts;
};

struct ft_field {
    const char *name;    /* key, snake_case */
    const char *unit;    /* "packets", "bytes", "us", "s", "" */
    const char *meaning; /* one sentence */
    const char *source;  /* where the definition comes from */
    const char *null;    /* when it is null; NULL: never */
    /* event: struct ft_sample, ft_flow_record, ft_stats, or one of field_export.h; NULL for
     * FT_T_JSON */
    void (*get)(const void *event, struct ft_value *out);
    /* FT_T_JSON: writes the value at p, returns the place after */
    uint8_t *(*json)(const void *event, uint8_t *p);
    const char *json_schema; /* FT_T_JSON: the JSON Schema of the value */
    const char *profile;     /* "base": always there */
    uint32_t pen;            /* private enterprise number, 0 = IANA */
    uint16_t ie;             /* information element, 0 = none */
    uint8_t group;           /* enum ft_group */
    uint8_t type;            /* enum ft_type */
    uint8_t privacy;         /* enum ft_privacy, never FT_PRIVACY_UNSET */
};

/* The class that a type has by itself, for macros of rows. Objects have none: their rows say it. So
 * does a FT_T_STRING that is made from addresses. */
#define FT_PRIVACY_OF(type_)                                                                       \
    ((type_) == FT_T_ADDR || (type_) == FT_T_ID ? FT_PRIVACY_IDENTITY                              \
     : (type_) == FT_T_TEXT                     ? FT_PRIVACY_NAME                                  \
     : (type_) == FT_T_TIME                     ? FT_PRIVACY_TIME                                  \
     : (type_) == FT_T_JSON                     ? FT_PRIVACY_UNSET                                 \
                                                : FT_PRIVACY_NONE)

/* The columns of an event, in order; *out_n is their number. */
const struct ft_field *ft_fields(enum ft_event e, uint32_t *out_n);

/* Columns of flow records behind those, in features, that are there when names on flows were asked
 * for (--app): struct ft_flow_record.app_on. */
const struct ft_field *ft_fields_app(uint32_t *out_n);

/* True for protocols whose header begins with two ports: TCP, UDP, SCTP, DCCP, UDP-Lite. */
FT_INLINE bool ft_proto_has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 33 || proto == 136;
}

#endif
