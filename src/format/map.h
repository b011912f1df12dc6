/* SPDX-License-Identifier: Apache-2.0 */
/* format: records and samples of collect in the shapes of other collectors (?schema=NAME on
 * ndjson:).
 *
 * Theory of operation: a schema is a table of rows, walked for each record: a key, what its value
 * is, and what stands there when the record has none. Rows that open and close nest objects. The
 * other events keep flowtap's own form. */
#ifndef FT_FORMAT_MAP_H
#define FT_FORMAT_MAP_H

#include "format/format.h"

/* What a row writes. */
enum ft__map_kind {
    FT__MAP_OPEN,  /* "key":{ */
    FT__MAP_CLOSE, /* } */
    FT__MAP_TEXT,  /* a constant, in text */
    FT__MAP_VALUE, /* the first of the elements ie[] that the record has, as it is */
    FT__MAP_SRC,
    FT__MAP_DST,
    FT__MAP_SRC4, /* IPv4 only */
    FT__MAP_DST4,
    FT__MAP_SRC6,
    FT__MAP_DST6,
    FT__MAP_SRC_MAPPED, /* IPv4 as ::ffff:a.b.c.d */
    FT__MAP_DST_MAPPED,
    FT__MAP_SPORT,
    FT__MAP_DPORT,
    FT__MAP_PROTO,
    FT__MAP_PROTO_NAME,  /* "TCP" */
    FT__MAP_PROTO_LOWER, /* "tcp" */
    FT__MAP_ETYPE,       /* 2048, 34525 */
    FT__MAP_ETYPE_NAME,  /* "IPv4", "IPv6" */
    FT__MAP_IP_VERSION,  /* 4, 6 */
    FT__MAP_IP_LOWER,    /* "ipv4", "ipv6" */
    FT__MAP_BYTES,
    FT__MAP_PACKETS,
    FT__MAP_BYTES_BACK, /* of a biflow */
    FT__MAP_PACKETS_BACK,
    FT__MAP_FLAGS,      /* number */
    FT__MAP_FLAGS_TEXT, /* the number as text */
    FT__MAP_FLAGS_DOTS, /* "...AP.S." */
    FT__MAP_RATE,
    FT__MAP_SEQUENCE,
    FT__MAP_DOMAIN,
    FT__MAP_EXPORTER,
    FT__MAP_EXPORTER_MAPPED,
    FT__MAP_VERSION,     /* 5, 9, 10 */
    FT__MAP_GOFLOW_TYPE, /* "NETFLOW_V9", "SFLOW_5" */
    FT__MAP_OTEL_TYPE,   /* "netflow_v9", "sflow_5" */
    FT__MAP_IN_IF,
    FT__MAP_OUT_IF,
    FT__MAP_TIME_NS, /* when it was exported or came */
    FT__MAP_TIME_S,
    FT__MAP_TIME_MS,
    FT__MAP_TIME_ISO, /* "2023-11-14T22:13:20.123Z" */
    FT__MAP_FIRST_NS,
    FT__MAP_LAST_NS,
    FT__MAP_FIRST_MS,
    FT__MAP_LAST_MS,
    FT__MAP_FIRST_ISO,
    FT__MAP_LAST_ISO,
    FT__MAP_FIRST_SQL, /* "2023-11-14 22:13:20.123456" */
    FT__MAP_LAST_SQL,
    FT__MAP_DURATION_NS,
    FT__MAP_DURATION_MS,
    FT__MAP_DIRECTION,    /* flowDirection as "ingress", "egress" */
    FT__MAP_DIRECTION_ID, /* OCSF: 1 inbound, 2 outbound, 0 unknown */
    FT__MAP_ONE,          /* 1 */
    FT__MAP_FEATURES      /* everything, under IANA names */
};

/* What stands there when the record has no value. */
enum ft__map_none { FT__MAP_OMIT, FT__MAP_ZERO, FT__MAP_EMPTY };

struct ft__map_row {
    const char *key;
    uint8_t kind, none;
    uint16_t ie[4];
    const char *text;
};

struct ft__map {
    const char *name;
    const struct ft__map_row *rows;
    uint32_t n;
};

/* The schema of a name, or NULL. */
const struct ft__map *ft__map_find(const char *schema);

extern const struct ft__map ft__maps[];
extern const uint32_t ft__maps_n;

/* One record, or sample, as one line. Returns its length. */
size_t ft__map_flow(const struct ft__map *map, uint8_t *p, size_t room,
                    const struct ft_export_record *r);
size_t ft__map_sample(const struct ft__map *map, uint8_t *p, const struct ft_export_sample *s);

#endif
