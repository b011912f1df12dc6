/* SPDX-License-Identifier: Apache-2.0 */
/* model: the one table of every column of every event.
 *
 * Theory of operation: a column stands here once, with its place in the event's JSON object, type,
 * unit, where its value lies in the event's struct, IANA element, null rule and meaning. NDJSON
 * flow records, CSV, `flowtap schema` in all its forms and the docs are walks over this table. */
#ifndef FT_MODEL_FIELD_H
#define FT_MODEL_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/event.h"

enum ft_type {
    FT_T_BOOL,
    FT_T_U8,
    FT_T_U16,
    FT_T_U32,
    FT_T_U64,
    FT_T_I64,
    FT_T_TIME,   /* int64 ns since 1970; text: seconds with six decimals */
    FT_T_STRING, /* made by a getter */
    FT_T_ADDR,   /* IPv4 or IPv6 address as text */
    FT_T__COUNT
};

/* Object inside the event that the key stands in. */
enum ft_group { FT_GROUP_TOP, FT_GROUP_FLOW_KEY, FT_GROUP_AGGREGATE, FT_GROUP_FEATURES };

enum ft_null {
    FT_NULL_NEVER,
    FT_NULL_NO_VLAN, /* null when the packet carried no VLAN tag, or only VID 0 */
};

struct ft_field {
    const char *name;    /* key, snake_case */
    const char *profile; /* "base": always there */
    const char *unit;    /* "packets", "bytes", "us", "s", "" */
    const char *meaning; /* one sentence */
    const char *source;  /* where the definition comes from */
    size_t offset;       /* in struct ft_flow_record; FT_NO_OFFSET: by its getter */
    uint32_t pen;        /* private enterprise number, 0 = IANA */
    uint16_t ie;         /* information element, 0 = none */
    uint8_t events;      /* bit per enum ft_event */
    uint8_t group;       /* enum ft_group */
    uint8_t type;        /* enum ft_type */
    uint8_t null_rule;   /* enum ft_null */
};

enum { FT_NO_OFFSET = 0xffff };

extern const struct ft_field ft_fields[];
extern const uint32_t ft_fields_n;

#endif
