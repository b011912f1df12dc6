/* SPDX-License-Identifier: Apache-2.0 */
/* model: what an exporter told: values, flow records, samples, counters, as views into the
 * datagram.
 *
 * Theory of operation: a value is (key, type, place): nothing is converted until a format writes
 * it. A record carries the canonical part (key, counters, times), which every consumer needs,
 * decoded, and everything that the exporter sent as values in the order of its template. */
#ifndef FT_MODEL_EXPORT_H
#define FT_MODEL_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/element.h"
#include "model/packet.h"
#include "model/record.h"

enum ft_export_protocol {
    FT_XP_NETFLOW_V1,
    FT_XP_NETFLOW_V5,
    FT_XP_NETFLOW_V7,
    FT_XP_NETFLOW_V9,
    FT_XP_IPFIX,
    FT_XP_SFLOW_V5,
    FT_XP__COUNT
};

enum {
    FT_XV_FIRST = 1, /* the first of several values with this key: they are one array */
    FT_XV_MORE = 2,  /* another value of the array that began before */
    FT_XV_WRONG = 4, /* its length does not fit its type: null in JSON, kept in the datagram */
    FT_XV_ABSENT = 8 /* the exporter says that it does not know the value: null */
};

/* One value. 24 bytes; key is static or lives as long as the template. */
struct ft_xvalue {
    const char *key;  /* snake_case name; unknown elements: "ie_<id>", "pen_<pen>_ie_<id>" */
    uint32_t offset;  /* of its bytes, from the base of the record */
    uint16_t len;     /* bytes */
    uint16_t key_len; /* strlen(key) */
    uint8_t type;     /* enum ft_xtype */
    uint8_t flags;    /* FT_XV_* */
};

/* Who sent it. Lives as long as the pipeline. */
struct ft_exporter_info {
    uint8_t addr[16];      /* network order, IPv4 in the first 4 bytes: the datagram's sender */
    uint8_t ip_version;    /* 4 or 6 */
    uint8_t protocol;      /* enum ft_export_protocol */
    uint16_t port;         /* UDP or TCP source port */
    uint32_t domain_id;    /* observation domain, source id, engine (type << 8 | id), sub-agent */
    char text[48];         /* addr as text */
    uint8_t agent[16];     /* sFlow: the agent address in the datagram; network order */
    uint8_t agent_version; /* 4, 6; 0: none */
    char agent_text[48];
};

/* One flow record of an exporter, or the flow information of an sFlow sample. */
struct ft_export_record {
    const struct ft_exporter_info *exporter;
    const uint8_t *base;            /* what the values' offsets count from */
    const struct ft_xvalue *values; /* in the order of the template */
    uint32_t n_values;
    uint32_t sequence;               /* of the message, as in its header */
    uint32_t ordinal;                /* number of this record in its message, from 0 */
    uint32_t template_id;            /* 0: none (v1, v5, v7) */
    uint32_t sampling_rate;          /* 1 in N; 0: unknown */
    int64_t timestamp_ns;            /* export time of the message */
    int64_t first_ns;                /* INT64_MIN: the record has none */
    int64_t last_ns;                 /* likewise */
    uint64_t packets, bytes;         /* as exported, forward; valid by FT_XR_PACKETS, FT_XR_BYTES */
    uint64_t rev_packets, rev_bytes; /* biflows: the other direction; else 0 */
    uint16_t has;                    /* FT_XR_* */
    uint16_t src_port, dst_port;
    uint8_t ip_version; /* 4, 6; 0: no addresses */
    uint8_t proto;
    uint8_t tcp_flags;
    uint8_t end_reason;       /* flowEndReason 1..5, 0: not told (RFC 5102 §5.11.3) */
    uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4 bytes */
};

enum {
    FT_XR_PACKETS = 1,
    FT_XR_BYTES = 2,
    FT_XR_PORTS = 4,
    FT_XR_PROTO = 8,
    FT_XR_ADDRESSES = 16,
    FT_XR_BIFLOW = 32,
    FT_XR_TCP_FLAGS = 64
};

#endif
