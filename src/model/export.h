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
#include <stddef.h>
#include <stdint.h>

#include "model/elements/element.h"
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
    FT_XV_FIRST = 1,   /* the first of several values with this key: they are one array */
    FT_XV_MORE = 2,    /* another value of the array that began before */
    FT_XV_WRONG = 4,   /* its length does not fit its type: null in JSON, kept in the datagram */
    FT_XV_ABSENT = 8,  /* the exporter says that it does not know the value: null */
    FT_XV_TELLING = 16 /* its element is of FT_PRIVACY_PAYLOAD, though its type is not */
};

/* One value. 24 bytes; key is static or lives as long as the template. */
struct ft_xvalue {
    const char *key;  /* snake_case name; unknown elements: "ie_<id>", "pen_<pen>_ie_<id>" */
    uint32_t offset;  /* of its bytes, from the base of the record */
    uint16_t len;     /* bytes */
    uint16_t key_len; /* strlen(key) */
    uint8_t type;     /* enum ft_xtype */
    uint8_t flags;    /* FT_XV_* */
    uint16_t ie;      /* NetFlow, IPFIX: number of its element; 0: none */
    uint32_t pen;     /* and whose it is, 0: IANA's */
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct ft_xvalue) == 24, "as said above");

/* The key of a value as NDJSON has it, prepared once for a template. */
struct ft_xkey {
    char text[63]; /* ,"key": */
    uint8_t len;   /* 0: it is longer, or its values are parts of an array */
};

/* Who sent it. Lives as long as the pipeline. */
struct ft_exporter_info {
    uint8_t addr[16];      /* network order, IPv4 in the first 4 bytes: the datagram's sender */
    uint8_t ip_version;    /* 4 or 6 */
    uint8_t protocol;      /* enum ft_export_protocol */
    bool stream;           /* its messages come over a connection */
    uint16_t port;         /* UDP or TCP source port */
    uint32_t domain_id;    /* observation domain, source id, engine (type << 8 | id), sub-agent */
    char text[48];         /* addr as text */
    uint8_t agent[16];     /* sFlow: the agent address in the datagram; network order */
    uint8_t agent_version; /* 4, 6; 0: none */
    char agent_text[48];
};

/* The templates that lists in a record (RFC 6313) may name. */
enum { FT_LIST_VALUES = 64 }; /* records of templates with more values are shown as bytes */

struct ft_list_template {
    const void *plan; /* for measure */
    uint32_t n_values;
    uint32_t record_len; /* bytes of the shortest record, at least 1 */
};

struct ft_export_lists {
    void *cookie;
    /* The data template with this id in the record's domain; false: not known. */
    bool (*find)(void *cookie, uint16_t id, struct ft_list_template *out);
    /* Fills values[n_values] with the record's; its bytes, 0 when it is longer than left. */
    uint32_t (*measure)(const void *plan, const uint8_t *record, size_t left,
                        struct ft_xvalue *values);
};

/* Names that options data gave to numbers of a record; NULL: none. Untrusted text, capped. */
struct ft_export_names {
    const char *if_in, *if_out;   /* interfaceName of ingressInterface, egressInterface */
    const char *vrf_in, *vrf_out; /* VRFname of ingressVRFID, egressVRFID */
    const char *application;      /* applicationName of applicationId */
};

/* firewallEvent (233, ASA's 40005): what a firewall's record tells of its flow. */
enum ft_firewall_event {
    FT_FIREWALL_CREATED = 1,
    FT_FIREWALL_DELETED,
    FT_FIREWALL_DENIED,
    FT_FIREWALL_ALERT,
    FT_FIREWALL_UPDATE
};

/* One flow record of NetFlow or IPFIX. */
struct ft_export_record {
    const struct ft_exporter_info *exporter;
    const struct ft_export_lists *lists;   /* NULL: it has no lists */
    const struct ft_export_names *names;   /* NULL: none at all */
    const struct ft_enrich_record *enrich; /* NULL: nobody asked for it */
    const uint8_t *base;                   /* what the values' offsets count from */
    const struct ft_xvalue *values;        /* in the order of the template */
    const struct ft_xkey *keys;            /* of the values, or NULL: not prepared */
    uint32_t n_values;
    uint32_t text_max;               /* bytes that the values need as text, see ft_xvalues_room() */
    uint32_t sequence;               /* of the message, as in its header */
    uint32_t ordinal;                /* number of this record in its message, from 0 */
    uint16_t template_id;            /* 0: none (v1, v5, v7) */
    uint16_t has;                    /* FT_XR_* */
    uint32_t sampling_rate;          /* 1 in N, rounded; 0: unknown */
    int64_t timestamp_ns;            /* export time of the message */
    int64_t first_ns;                /* INT64_MIN: the record has none */
    int64_t last_ns;                 /* likewise */
    uint64_t packets, bytes;         /* as exported, forward; valid by FT_XR_PACKETS, FT_XR_BYTES */
    uint64_t rev_packets, rev_bytes; /* biflows: the other direction; else 0 */
    uint16_t src_port, dst_port;
    uint8_t ip_version; /* 4, 6; 0: no addresses */
    uint8_t proto;
    uint16_t tcp_flags;
    uint8_t end_reason;       /* flowEndReason 1..5, 0: not told (RFC 5102 §5.11.3) */
    uint8_t firewall_event;   /* enum ft_firewall_event, 0: not told */
    uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4 bytes */
};

enum {
    FT_XR_PACKETS = 1,
    FT_XR_BYTES = 2,
    FT_XR_SRC_PORT = 4,
    FT_XR_PROTO = 8,
    FT_XR_SRC_ADDR = 16,
    FT_XR_BIFLOW = 32,
    FT_XR_TCP_FLAGS = 64,
    FT_XR_DST_ADDR = 128,
    FT_XR_DST_PORT = 256,
    FT_XR_TOTALS = 512, /* counters since the flow began: those of its records are no sum */
    /* both; of a record either may be there alone */
    FT_XR_PORTS = FT_XR_SRC_PORT | FT_XR_DST_PORT,
    FT_XR_ADDRESSES = FT_XR_SRC_ADDR | FT_XR_DST_ADDR
};

/* One sampled or discarded packet of sFlow. */
struct ft_export_sample {
    const struct ft_exporter_info *exporter;
    const struct ft_packet *pkt;          /* decoded from its header; NULL: it is not IP */
    const struct ft_tuple_counts *counts; /* of the samples of its 5-tuple at its source; or NULL */
    const uint8_t *base;
    const struct ft_xvalue *values; /* what the agent tells besides the header */
    uint32_t n_values;
    uint32_t text_max;
    int64_t timestamp_ns; /* when the datagram came: sFlow carries no clock */
    uint32_t sequence;    /* of the datagram */
    uint32_t sample_sequence;
    uint32_t source_class, source_index;
    uint32_t sampling_rate; /* 1 in N; 0: unknown; 1 for discards */
    uint32_t sample_pool, drops;
    uint64_t source;                 /* keyed hash of agent, sub-agent, class and index */
    uint64_t est_packets, est_bytes; /* what it, or all that counts tell of, stand for; 0: null */
    double effective_rate; /* packets of the pool for each sample that came; 0: not known yet */
    uint32_t input_format, input, output_format, output; /* enum ft_sflow_port_format, value */
    uint32_t frame_len;                                  /* bytes on the wire */
    uint32_t reason;                                     /* discards: sFlow drop reason code */
    const char *reason_name;                             /* or NULL */
    bool truncated; /* the header ended before the transport ports */
    bool keys_stay; /* the values' keys are static: else they are gone with the sample */
    uint8_t seen;   /* FT_XS_*: what is known of the packet besides its key */
    uint8_t icmp_type, icmp_code;
    uint8_t src_mac[6], dst_mac[6]; /* of the frame, outside of all tunnels */
};

enum { FT_XS_MACS = 1, FT_XS_TOS = 2, FT_XS_TTL = 4, FT_XS_TCP_FLAGS = 8, FT_XS_ICMP = 16 };

/* sFlow: an interface that a format and value name. What agents say when they do not know which
 * (all ones), or mean the device itself (0x3fffffff), is no interface's number. */
FT_INLINE bool ft_export_interface_known(uint32_t format, uint32_t value)
{
    return format == 0 && value != 0x3fffffff && value != UINT32_MAX;
}

/* The counters of one sFlow source. */
struct ft_export_counters {
    const struct ft_exporter_info *exporter;
    int64_t timestamp_ns;
    uint32_t sequence, sample_sequence;
    uint32_t source_class, source_index;
    const uint8_t *base;
    const struct ft_xvalue *values;
    uint32_t n_values;
    uint32_t text_max;
    uint32_t n_groups;
    struct ft_export_group { /* the structures, in order */
        const char *name;    /* "generic", "ethernet", ... */
        uint32_t first, n;   /* its values */
    } groups[32];
};

/* One field specifier of a template. */
struct ft_template_field {
    uint32_t pen; /* 0: IANA; of v9 types above 32767 the vendor's */
    uint16_t id;
    uint16_t len; /* bytes, or 65535: variable */
    bool scope;   /* v9: id is a scope type (RFC 3954 §6.1), not an element */
};

enum ft_template_change_kind {
    FT_TEMPLATE_LEARNT,
    FT_TEMPLATE_CHANGED,
    FT_TEMPLATE_WITHDRAWN,
    FT_TEMPLATE_EXPIRED, /* not sent again within its lifetime, or the least used of too many */
    FT_TEMPLATE__COUNT
};

struct ft_template_change {
    const struct ft_exporter_info *exporter;
    int64_t timestamp_ns;
    uint16_t template_id;
    uint8_t kind; /* enum ft_template_change_kind */
    bool options;
    uint16_t n_scope, n_fields, n_before;
    const struct ft_template_field *fields; /* [n_fields] */
    const struct ft_template_field *before; /* CHANGED: [n_before] */
};

/* The unit in which an exporter counts its sequence numbers: the first two are those of the
 * protocols, the others what exporters do instead. */
enum ft_sequence_unit {
    FT_SEQUENCE_MESSAGES,
    FT_SEQUENCE_RECORDS,                /* of data and options data */
    FT_SEQUENCE_RECORDS_TEMPLATES,      /* and of templates */
    FT_SEQUENCE_RECORDS_TEMPLATE_SETS,  /* and sets of templates */
    FT_SEQUENCE_DATA_RECORDS,           /* without those of options data */
    FT_SEQUENCE_DATA_RECORDS_TEMPLATES, /* likewise, and of templates */
    FT_SEQUENCE_SETS,
    FT_SEQUENCE_DATA_SETS, /* without sets of templates */
    FT_SEQUENCE__UNITS,
    FT_SEQUENCE_NONE = FT_SEQUENCE__UNITS
};

/* The account of one exporter and domain, totals since it was first heard. */
struct ft_exporter_health {
    const struct ft_exporter_info *exporter;
    int64_t timestamp_ns, first_ns, last_ns; /* now, first and last datagram */
    int64_t export_ns; /* clock of its last message; INT64_MIN: none (sFlow) */
    uint64_t messages, bytes, records, options_records, samples, counters, discards;
    uint64_t lost; /* by sequence number, in its unit; what came late is taken off */
    uint64_t reordered, duplicates, resets;
    uint64_t no_template;   /* sets that were given up for want of a template */
    uint64_t waiting;       /* bytes held until their template comes */
    uint64_t malformed;     /* faults found in its messages */
    uint64_t wrong_values;  /* values whose length does not fit their type */
    uint32_t templates;     /* known now */
    uint32_t sampling_rate; /* 1 in N; 0: unknown */
    uint8_t unit;           /* enum ft_sequence_unit */
};

/* The parts that columns of a record look at. */
FT_INLINE void ft_export_parts(const struct ft_export_record *r, const void *out[FT_PARTS_MAX])
{
    out[FT_PART_CORE] = r;
    out[FT_PART_ENRICH] = r->enrich;
}

/* Most bytes of a value that text formats show; longer ones are cut. */
enum { FT_XTEXT_STRING = 1024, FT_XTEXT_OCTETS = 4096, FT_XTEXT_LIST = 8192 };

/* True when a value of this type (enum ft_xtype) can have this many bytes. */
bool ft_xvalue_fits(uint8_t type, uint16_t len);

/* Most bytes of one value, or of n, as text with its key. */
uint32_t ft_xvalue_room(const struct ft_xvalue *v);
uint32_t ft_xvalues_room(const struct ft_xvalue *v, uint32_t n);

/* "netflow_v9", "ipfix", "sflow_v5", ...: never NULL. */
const char *ft_export_protocol_name(enum ft_export_protocol p);

/* "learnt", "changed", ...; "messages", "records", "none": never NULL. */
const char *ft_template_change_name(enum ft_template_change_kind k);
const char *ft_sequence_unit_name(enum ft_sequence_unit u);

/* Unix time in the unit of an NTP timestamp's element: us or ns since 1970 (RFC 7011 §6.1.9). */
int64_t ft_ntp_to_ns(uint64_t ntp, bool micro);

#endif
