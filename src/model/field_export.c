/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the events of collect, see field_export.h. */
#include "model/field_export.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "codec/text/exported.h"
#include "model/afterimage.h"
#include "model/alert.h"
#include "model/observer.h"
#include "model/window.h"

enum { JSON_ROOM = 40000 }; /* of a JSON column: events are bounded by FT_EVENT_ROOM */

uint64_t ft_export_flow_id(const struct ft_export_record *r)
{
    static const struct ft_hash_seed seed = {
        {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d}};
    const struct ft_exporter_info *e = r->exporter;
    uint64_t h = ft_hash_16(&seed, ft_load_u64(e->addr), ft_load_u64(e->addr + 8));

    h = ft_hash_16(&seed, h ^ e->domain_id, (uint64_t)r->first_ns);
    h = ft_hash_16(&seed, h ^ ft_load_u64(r->src), ft_load_u64(r->src + 8));
    h = ft_hash_16(&seed, h ^ ft_load_u64(r->dst), ft_load_u64(r->dst + 8));
    return ft_hash_16(&seed, h,
                      (uint64_t)r->src_port << 32 | (uint64_t)r->dst_port << 16 | r->proto);
}

enum ft_reason ft_export_reason(const struct ft_export_record *r)
{
    static const uint8_t reasons[] = {FT_REASON__COUNT, FT_REASON_IDLE,     FT_REASON_ACTIVE,
                                      FT_REASON_END,    FT_REASON_SHUTDOWN, FT_REASON_EVICTED};

    return (enum ft_reason)reasons[r->end_reason <= 5 ? r->end_reason : 0];
}

bool ft_export_is_final(const struct ft_export_record *r)
{
    switch (r->firewall_event) {
    case FT_FIREWALL_CREATED:
    case FT_FIREWALL_ALERT:
    case FT_FIREWALL_UPDATE:
        return false;
    case FT_FIREWALL_DELETED:
    case FT_FIREWALL_DENIED:
        return true;
    default:
        return ft_export_reason(r) != FT_REASON_ACTIVE;
    }
}

uint64_t ft_export_estimate(uint64_t a, uint32_t rate)
{
    uint64_t out;

    return __builtin_mul_overflow(a, (uint64_t)rate, &out) ? UINT64_MAX : out;
}

/* ---- flow records ---- */

#define RECORD(name, stmt)                                                                         \
    static void r_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_export_record *r = event;                                                  \
        stmt;                                                                                      \
    }

static void time_or_null(int64_t ns, struct ft_value *v)
{
    v->i = ns;
    v->null = ns == INT64_MIN;
}

static void record_reason(const struct ft_export_record *r, struct ft_value *v)
{
    enum ft_reason reason = ft_export_reason(r);

    v->null = reason == FT_REASON__COUNT;
    v->s = v->null ? "" : ft_reason_name(reason);
}

static void record_addr(const struct ft_export_record *r, uint16_t which, const uint8_t *a,
                        struct ft_value *v)
{
    v->null = !(r->has & which);
    v->ip_version = r->ip_version;
    v->addr = a;
}

static void sender(const struct ft_exporter_info *e, struct ft_value *v)
{
    v->ip_version = e->ip_version;
    v->addr = e->addr;
}

static void agent(const struct ft_exporter_info *e, struct ft_value *v)
{
    v->null = e->agent_version == 0;
    v->ip_version = e->agent_version;
    v->addr = e->agent;
}

static void record_port(const struct ft_export_record *r, uint16_t which, uint16_t port,
                        struct ft_value *v)
{
    v->u = !(r->has & FT_XR_PROTO) || ft_proto_has_ports(r->proto) ? port : 0;
    v->null = !(r->has & which);
}

RECORD(timestamp, v->i = r->timestamp_ns)
RECORD(flow_id, v->u = ft_export_flow_id(r))
RECORD(reason, record_reason(r, v))
RECORD(is_final, v->u = ft_export_is_final(r))
RECORD(segment, v->u = 0 * r->sequence)
RECORD(src_ip, record_addr(r, FT_XR_SRC_ADDR, r->src, v))
RECORD(dst_ip, record_addr(r, FT_XR_DST_ADDR, r->dst, v))
RECORD(src_port, record_port(r, FT_XR_SRC_PORT, r->src_port, v))
RECORD(dst_port, record_port(r, FT_XR_DST_PORT, r->dst_port, v))
RECORD(protocol, v->u = r->proto; v->null = !(r->has & FT_XR_PROTO))
RECORD(packets, v->u = r->packets + r->rev_packets; v->null = !(r->has & FT_XR_PACKETS))
RECORD(bytes, v->u = r->bytes + r->rev_bytes; v->null = !(r->has & FT_XR_BYTES))
RECORD(first_seen, time_or_null(r->first_ns, v))
RECORD(last_seen, time_or_null(r->last_ns, v))
RECORD(address, sender(r->exporter, v))
RECORD(domain, v->u = r->exporter->domain_id)
RECORD(exporter_protocol,
       v->s = ft_export_protocol_name((enum ft_export_protocol)r->exporter->protocol))
RECORD(rate, v->u = r->sampling_rate; v->null = r->sampling_rate == 0)
RECORD(sequence, v->u = r->sequence)
RECORD(est_packets, v->u = ft_export_estimate(r->packets + r->rev_packets, r->sampling_rate);
       v->null = r->sampling_rate == 0 || !(r->has & FT_XR_PACKETS))
RECORD(est_bytes, v->u = ft_export_estimate(r->bytes + r->rev_bytes, r->sampling_rate);
       v->null = r->sampling_rate == 0 || !(r->has & FT_XR_BYTES))

/* "name":"text" of a name from options data, with a comma before it when *p is not at start. */
static uint8_t *put_name(uint8_t *p, const uint8_t *start, const char *key, const char *text)
{
    if (text == NULL) {
        return p;
    }
    if (p != start) {
        *p++ = ',';
    }
    *p++ = '"';
    p = ft_put_str(p, key);
    p = FT_PUT_LIT(p, "\":");
    return ft_put_json_string(p, text, 64);
}

uint8_t *ft_export_features(const struct ft_export_record *r, uint8_t *p, const uint8_t *end)
{
    uint8_t *start;

    *p++ = '{';
    start = p;
    p = ft_xrecord_put(p, end, r);
    if (FT_UNLIKELY(r->names != NULL)) {
        p = put_name(p, start, "ingress_interface_name", r->names->if_in);
        p = put_name(p, start, "egress_interface_name", r->names->if_out);
        p = put_name(p, start, "ingress_vrf_name", r->names->vrf_in);
        p = put_name(p, start, "egress_vrf_name", r->names->vrf_out);
        p = put_name(p, start, "application_name_by_options", r->names->application);
    }
    *p++ = '}';
    return p;
}

static uint8_t *record_features(const void *event, uint8_t *p)
{
    return ft_export_features(event, p, p + JSON_ROOM);
}

#define TEXT  .unit = ""
#define KEY   .group = FT_GROUP_FLOW_KEY, .unit = ""
#define WHO   .group = FT_GROUP_EXPORTER, .unit = ""
#define COUNT .group = FT_GROUP_AGGREGATE
#define OPEN_OBJECT                                                                                \
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"integer\",\"number\",\"string\","  \
    "\"boolean\",\"array\",\"object\",\"null\"]}}"
#define NOT_SENT "the exporter does not send it"

static const struct ft_field record_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = r_timestamp,
     .ie = 325,
     .source = "message header",
     .meaning = "export time of the message"},
    {.name = "flow_id",
     .type = FT_T_ID,
     .privacy = FT_PRIVACY_IDENTITY,
     TEXT,
     .get = r_flow_id,
     .ie = 148,
     .source = "flowtap",
     .meaning = "of exporter, domain, key and start: the same in every run"},
    {.name = "reason",
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     TEXT,
     .get = r_reason,
     .ie = 136,
     .null = NOT_SENT,
     .source = "RFC 5102 §5.11.3",
     .meaning = "idle, active, end, shutdown or evicted"},
    {.name = "is_final",
     .type = FT_T_BOOL,
     .privacy = FT_PRIVACY_NONE,
     TEXT,
     .get = r_is_final,
     .source = "flowtap",
     .meaning =
         "false when the exporter says that the flow goes on: reason active; of a firewall's "
         "record that it is created or updated"},
    {.name = "segment",
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     TEXT,
     .get = r_segment,
     .source = "flowtap",
     .meaning = "0: exporters do not number their records of a flow"},
    {.name = "src_ip",
     KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .get = r_src_ip,
     .ie = 8,
     .null = NOT_SENT,
     .source = "RFC 5102",
     .meaning = "source address (IPv6: element 27)"},
    {.name = "dst_ip",
     KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .get = r_dst_ip,
     .ie = 12,
     .null = NOT_SENT,
     .source = "RFC 5102",
     .meaning = "destination address (IPv6: element 28)"},
    {.name = "src_port",
     KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .get = r_src_port,
     .ie = 7,
     .null = NOT_SENT,
     .source = "RFC 5102",
     .meaning = "source port; 0 for protocols without ports"},
    {.name = "dst_port",
     KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .get = r_dst_port,
     .ie = 11,
     .null = NOT_SENT,
     .source = "RFC 5102",
     .meaning = "destination port; 0 for protocols without ports"},
    {.name = "protocol",
     KEY,
     .type = FT_T_U8,
     .privacy = FT_PRIVACY_NONE,
     .get = r_protocol,
     .ie = 4,
     .null = NOT_SENT,
     .source = "RFC 5102",
     .meaning = "IP protocol"},
    {.name = "packet_count",
     COUNT,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "packets",
     .get = r_packets,
     .ie = 2,
     .null = NOT_SENT,
     .source = "exporter",
     .meaning = "as exported (delta, else total); of a biflow both directions together"},
    {.name = "byte_count",
     COUNT,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "bytes",
     .get = r_bytes,
     .ie = 1,
     .null = NOT_SENT,
     .source = "exporter",
     .meaning = "as exported, likewise"},
    {.name = "first_seen",
     COUNT,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = r_first_seen,
     .ie = 156,
     .null = NOT_SENT,
     .source = "exporter",
     .meaning = "start of the flow"},
    {.name = "last_seen",
     COUNT,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = r_last_seen,
     .ie = 157,
     .null = NOT_SENT,
     .source = "exporter",
     .meaning = "end of the flow"},
    {.name = "address",
     WHO,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .get = r_address,
     .ie = 130,
     .source = "IP header",
     .meaning = "sender of the datagram"},
    {.name = "domain_id",
     WHO,
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .get = r_domain,
     .ie = 149,
     .source = "message header",
     .meaning = "observation domain; v9: source id; v5: engine type * 256 + engine id"},
    {.name = "export_protocol",
     WHO,
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     .get = r_exporter_protocol,
     .ie = 214,
     .source = "message header",
     .meaning = "netflow_v1, _v5, _v7, _v9 or ipfix"},
    {.name = "sampling_rate",
     WHO,
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .get = r_rate,
     .ie = 305,
     .null = "neither record, options nor header say it",
     .source = "RFC 5476",
     .meaning = "1 packet in this many was seen"},
    {.name = "sequence",
     WHO,
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .get = r_sequence,
     .source = "message header",
     .meaning = "of the message that the record came in"},
    {.name = "estimated_packets",
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "packets",
     .get = r_est_packets,
     .null = "the sampling rate is not known",
     .source = "flowtap",
     .meaning = "packet_count * sampling_rate"},
    {.name = "estimated_bytes",
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "bytes",
     .get = r_est_bytes,
     .null = "the sampling rate is not known",
     .source = "flowtap",
     .meaning = "byte_count * sampling_rate"},
    {.name = "features",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_BY_VALUE,
     TEXT,
     .json = record_features,
     .json_schema = OPEN_OBJECT,
     .source = "IANA",
     .meaning = "everything that the exporter sent, by the elements' names in snake_case"},
    FT_OBSERVER_ROWS,
};

/* ---- sampled and discarded packets ---- */

#define SAMPLE(name, stmt)                                                                         \
    static void s_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_export_sample *s = event;                                                  \
        stmt;                                                                                      \
    }

static void packet_addr(const struct ft_export_sample *s, bool dst, struct ft_value *v)
{
    static const uint8_t none[16];

    v->null = s->pkt == NULL;
    v->addr = none;
    v->ip_version = 4;
    if (s->pkt != NULL) {
        int side = s->pkt->swap ? !dst : dst;
        bool v6 = (s->pkt->key.bits & FT_KEY_V6) != 0;

        v->ip_version = v6 ? 6 : 4;
        v->addr = v6 ? s->pkt->addr6 + 16 * side : (const uint8_t *)&s->pkt->key.addr[side];
    }
}

static void packet_port(const struct ft_export_sample *s, bool dst, struct ft_value *v)
{
    v->null = s->pkt == NULL;
    v->u = 0;
    if (s->pkt != NULL && ft_proto_has_ports(s->pkt->key.proto)) {
        v->u = s->pkt->key.port[s->pkt->swap ? !dst : dst];
    }
}

static uint64_t counted_packets(const struct ft_export_sample *s)
{
    return s->counts != NULL ? s->counts->packets : 1;
}

static uint64_t counted_bytes(const struct ft_export_sample *s)
{
    return s->counts != NULL ? s->counts->bytes : s->frame_len;
}

static void port_index(uint32_t format, uint32_t value, struct ft_value *v)
{
    v->u = value;
    v->null = !ft_export_interface_known(format, value);
}

static void mac(const struct ft_export_sample *s, const uint8_t *a, struct ft_value *v)
{
    static const char hex[] = "0123456789abcdef";

    v->null = (s->seen & FT_XS_MACS) == 0;
    for (int i = 0; i < 6; i++) {
        v->buf[3 * i] = hex[a[i] >> 4];
        v->buf[3 * i + 1] = hex[a[i] & 15];
        v->buf[3 * i + 2] = i < 5 ? ':' : '\0';
    }
    v->s = v->buf;
}

/* A number of the packet's headers, when it was there. */
static void of_packet(const struct ft_export_sample *s, uint8_t what, uint8_t number,
                      struct ft_value *v)
{
    v->null = (s->seen & what) == 0;
    v->u = number;
}

SAMPLE(src_ip, packet_addr(s, false, v))
SAMPLE(dst_ip, packet_addr(s, true, v))
SAMPLE(src_port, packet_port(s, false, v))
SAMPLE(dst_port, packet_port(s, true, v))
SAMPLE(protocol, v->null = s->pkt == NULL; v->u = s->pkt != NULL ? s->pkt->key.proto : 0)
SAMPLE(packets, v->u = counted_packets(s))
SAMPLE(bytes, v->u = counted_bytes(s))
SAMPLE(first_seen, v->i = s->counts != NULL ? s->counts->first_ns : s->timestamp_ns)
SAMPLE(address, sender(s->exporter, v))
SAMPLE(domain, v->u = s->exporter->domain_id)
SAMPLE(exporter_protocol,
       v->s = ft_export_protocol_name((enum ft_export_protocol)s->exporter->protocol))
SAMPLE(rate, v->u = s->sampling_rate; v->null = s->sampling_rate == 0)
SAMPLE(agent, agent(s->exporter, v))
SAMPLE(input, port_index(s->input_format, s->input, v))
SAMPLE(output, port_index(s->output_format, s->output, v))
SAMPLE(output_count, v->u = s->output; v->null = s->output_format != 2)
SAMPLE(output_reason, v->u = s->output; v->null = s->output_format != 1)
SAMPLE(effective, v->u = (uint64_t)(s->effective_rate + 0.5); v->null = s->effective_rate <= 0)
SAMPLE(src_mac, mac(s, s->src_mac, v))
SAMPLE(dst_mac, mac(s, s->dst_mac, v))
SAMPLE(tos, of_packet(s, FT_XS_TOS, s->pkt != NULL ? s->pkt->tos : 0, v))
SAMPLE(ttl, of_packet(s, FT_XS_TTL, s->pkt != NULL ? s->pkt->ttl : 0, v))
SAMPLE(tcp_flags, of_packet(s, FT_XS_TCP_FLAGS, s->pkt != NULL ? s->pkt->tcp_flags : 0, v))
SAMPLE(icmp_type, of_packet(s, FT_XS_ICMP, s->icmp_type, v))
SAMPLE(icmp_code, of_packet(s, FT_XS_ICMP, s->icmp_code, v))
SAMPLE(est_packets, v->u = s->est_packets; v->null = s->est_packets == 0)
SAMPLE(est_bytes, v->u = s->est_bytes; v->null = s->est_packets == 0)
SAMPLE(reason_name, v->s = s->reason_name != NULL ? s->reason_name : "";
       v->null = s->reason_name == NULL)

static uint8_t *sample_features(const void *event, uint8_t *p)
{
    const struct ft_export_sample *s = event;

    *p++ = '{';
    p = ft_xvalues_put(p, p + JSON_ROOM, s->base, s->values, s->n_values, NULL);
    *p++ = '}';
    return p;
}

#define NOT_IP "the sampled packet is not IP, or its header ends too soon"
#define FIELD(key, kind, of, fn, text)                                                             \
    {                                                                                              \
        .name = key, .type = kind, .unit = of, .get = fn, .source = "sFlow v5", .meaning = text,   \
        .privacy = FT_PRIVACY_OF(kind)                                                             \
    }
#define FIELD_NULL(key, kind, of, fn, none, text)                                                  \
    {                                                                                              \
        .name = key, .type = kind, .unit = of, .get = fn, .null = none, .source = "sFlow v5",      \
        .meaning = text, .privacy = FT_PRIVACY_OF(kind)                                            \
    }
/* The same at a place of struct ft_export_sample. */
#define FIELD_AT(key, kind, of, member, text)                                                      \
    {                                                                                              \
        .name = key, .type = kind, .unit = of, FT_AT(struct ft_export_sample, member),             \
        .source = "sFlow v5", .meaning = text, .privacy = FT_PRIVACY_OF(kind)                      \
    }
#define IN_AT(where, key, kind, member, text)                                                      \
    {                                                                                              \
        .name = key, .group = where, .type = kind, .unit = "",                                     \
        FT_AT(struct ft_export_sample, member), .source = "sFlow v5", .meaning = text,             \
        .privacy = FT_PRIVACY_OF(kind)                                                             \
    }
#define IN(where, key, kind, fn, text)                                                             \
    {                                                                                              \
        .name = key, .group = where, .type = kind, .unit = "", .get = fn, .source = "sFlow v5",    \
        .meaning = text, .privacy = FT_PRIVACY_OF(kind)                                            \
    }
#define IN_NULL(where, key, kind, fn, none, text)                                                  \
    {                                                                                              \
        .name = key, .group = where, .type = kind, .unit = "", .get = fn, .null = none,            \
        .source = "sFlow v5", .meaning = text, .privacy = FT_PRIVACY_OF(kind)                      \
    }
#define G_KEY FT_GROUP_FLOW_KEY
#define G_AGG FT_GROUP_AGGREGATE
#define G_WHO FT_GROUP_EXPORTER

#define PACKET_ROWS                                                                                \
    FIELD_AT("timestamp", FT_T_TIME, "s", timestamp_ns, "when the datagram came"),                 \
        IN_NULL(G_KEY, "src_ip", FT_T_ADDR, s_src_ip, NOT_IP, "source address"),                   \
        IN_NULL(G_KEY, "dst_ip", FT_T_ADDR, s_dst_ip, NOT_IP, "destination address"),              \
        IN_NULL(G_KEY, "src_port", FT_T_U16, s_src_port, NOT_IP, "source port"),                   \
        IN_NULL(G_KEY, "dst_port", FT_T_U16, s_dst_port, NOT_IP, "destination port"),              \
        IN_NULL(G_KEY, "protocol", FT_T_U8, s_protocol, NOT_IP, "IP protocol"),                    \
        FIELD_AT("packet_size_bytes", FT_T_U32, "bytes", frame_len, "the frame on the wire")

#define NO_INTERFACE "it is no single interface, or the agent says 1073741823 or 4294967295"

#define AGENT_ROWS                                                                                 \
    IN(G_WHO, "address", FT_T_ADDR, s_address, "sender of the datagram"),                          \
        IN(G_WHO, "domain_id", FT_T_U32, s_domain, "sub-agent"),                                   \
        IN(G_WHO, "export_protocol", FT_T_STRING, s_exporter_protocol, "sflow_v5"),                \
        IN_NULL(G_WHO, "sampling_rate", FT_T_U32, s_rate, "the agent says 0",                      \
                "1 packet in this many is sampled"),                                               \
        IN_AT(G_WHO, "sequence", FT_T_U32, sequence, "of the datagram"),                           \
        IN_NULL(G_WHO, "agent", FT_T_ADDR, s_agent, "the agent does not say",                      \
                "the agent's own address"),                                                        \
        IN_AT(G_WHO, "sample_sequence", FT_T_U32, sample_sequence, "of the sample at its source"), \
        IN_AT(G_WHO, "source_class", FT_T_U32, source_class, "0 ifIndex, 1 VLAN, 2 entity"),       \
        IN_AT(G_WHO, "source_index", FT_T_U32, source_index, "ifIndex or number of the source"),   \
        IN_NULL(G_WHO, "input_interface", FT_T_U32, s_input, NO_INTERFACE,                         \
                "ifIndex that the packet came in by; 0: not known"),                               \
        IN_NULL(G_WHO, "output_interface", FT_T_U32, s_output, NO_INTERFACE,                       \
                "ifIndex that the packet went out by, likewise")

#define NOT_SAMPLED "it is not in the sampled header, nor in what the agent read there"

/* A MAC address is text here, but identifies as an address does. */
#define MAC_ROW(key, fn, text)                                                                     \
    {                                                                                              \
        .name = key, .type = FT_T_STRING, .unit = "", .get = fn, .null = NOT_SAMPLED,              \
        .source = "sFlow v5", .meaning = text, .privacy = FT_PRIVACY_IDENTITY                      \
    }

#define HEADER_ROWS                                                                                \
    MAC_ROW("src_mac", s_src_mac, "source MAC address of the frame"),                              \
        MAC_ROW("dst_mac", s_dst_mac, "destination MAC address of the frame"),                     \
        FIELD_NULL("tos", FT_T_U8, "", s_tos, NOT_SAMPLED,                                         \
                   "type of service of IPv4, traffic class of IPv6: DSCP and ECN"),                \
        FIELD_NULL("ttl", FT_T_U8, "", s_ttl, NOT_SAMPLED, "time to live, or hop limit"),          \
        FIELD_NULL("tcp_flags", FT_T_U8, "", s_tcp_flags, "it is not TCP, or likewise",            \
                   "flags byte of the TCP header"),                                                \
        FIELD_NULL("icmp_type", FT_T_U8, "", s_icmp_type, "it is not ICMP, or likewise",           \
                   "type of ICMP or ICMPv6"),                                                      \
        FIELD_NULL("icmp_code", FT_T_U8, "", s_icmp_code, "it is not ICMP, or likewise",           \
                   "its code")

static const struct ft_field sample_fields[] = {
    PACKET_ROWS,
    IN(G_AGG, "packet_count", FT_T_U64, s_packets,
       "sampled packets of this 5-tuple in this direction at this source so far, this one "
       "included"),
    IN(G_AGG, "byte_count", FT_T_U64, s_bytes, "their bytes on the wire"),
    IN(G_AGG, "first_seen", FT_T_TIME, s_first_seen, "the first of them"),
    IN_AT(G_AGG, "last_seen", FT_T_TIME, timestamp_ns, "this one"),
    AGENT_ROWS,
    IN_NULL(G_WHO, "output_interfaces", FT_T_U32, s_output_count, "one interface or none",
            "number of interfaces that the packet went out by; 0: more than one"),
    IN_NULL(G_WHO, "output_discard_reason", FT_T_U32, s_output_reason,
            "the packet was not discarded", "sFlow drop reason"),
    IN_AT(G_WHO, "sample_pool", FT_T_U32, sample_pool,
          "packets that could have been sampled, modulo 2^32"),
    IN_AT(G_WHO, "drops", FT_T_U32, drops, "samples that the agent lost since it started"),
    IN_NULL(G_WHO, "effective_sampling_rate", FT_T_U64, s_effective,
            "the first sample of its source",
            "packets of the pool for each sample that came: more than the nominal rate where "
            "samples are lost"),
    FIELD_AT("truncated", FT_T_BOOL, "", truncated, "the sampled header ends before the ports"),
    HEADER_ROWS,
    FIELD_NULL("estimated_packets", FT_T_U64, "packets", s_est_packets,
               "the rate of one of them is not known",
               "what these packets stand for: the sum of each one's own sampling rate"),
    FIELD_NULL("estimated_bytes", FT_T_U64, "bytes", s_est_bytes, "likewise",
               "the sum of each one's bytes times its own sampling rate"),
    {.name = "features",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_BY_VALUE,
     TEXT,
     .json = sample_features,
     .json_schema = OPEN_OBJECT,
     .source = "sFlow v5",
     .meaning = "what the agent tells besides the header, by the structures' field names"},
    FT_OBSERVER_ROWS,
};

static const struct ft_field discard_fields[] = {
    PACKET_ROWS,
    AGENT_ROWS,
    HEADER_ROWS,
    FIELD_AT("drops", FT_T_U32, "", drops, "notifications that the agent lost since it started"),
    FIELD_AT("reason_code", FT_T_U32, "", reason, "sFlow drop reason"),
    FIELD_NULL("reason", FT_T_STRING, "", s_reason_name, "the code is not known", "its name"),
    {.name = "features",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_BY_VALUE,
     TEXT,
     .json = sample_features,
     .json_schema = OPEN_OBJECT,
     .source = "sFlow v5",
     .meaning = "what the agent tells besides the header"},
    FT_OBSERVER_ROWS,
};

/* ---- counters ---- */

#define COUNTERS(name, stmt)                                                                       \
    static void c_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_export_counters *c = event;                                                \
        stmt;                                                                                      \
    }

COUNTERS(timestamp, v->i = c->timestamp_ns)
COUNTERS(address, sender(c->exporter, v))
COUNTERS(domain, v->u = c->exporter->domain_id)
COUNTERS(protocol, v->s = ft_export_protocol_name((enum ft_export_protocol)c->exporter->protocol))
COUNTERS(sequence, v->u = c->sequence)
COUNTERS(agent, agent(c->exporter, v))
COUNTERS(sample_sequence, v->u = c->sample_sequence)
COUNTERS(source_class, v->u = c->source_class)
COUNTERS(source_index, v->u = c->source_index)

static uint8_t *counter_groups(const void *event, uint8_t *p)
{
    const struct ft_export_counters *c = event;
    const uint8_t *end = p + JSON_ROOM;

    *p++ = '{';
    for (uint32_t i = 0; i < c->n_groups; i++) {
        if (i > 0) {
            *p++ = ',';
        }
        *p++ = '"';
        p = ft_put_str(p, c->groups[i].name);
        p = FT_PUT_LIT(p, "\":{");
        p = ft_xvalues_put(p, end, c->base, c->values + c->groups[i].first, c->groups[i].n, NULL);
        *p++ = '}';
    }
    *p++ = '}';
    return p;
}

static const struct ft_field counter_fields[] = {
    FIELD("timestamp", FT_T_TIME, "s", c_timestamp, "when the datagram came"),
    IN(G_WHO, "address", FT_T_ADDR, c_address, "sender of the datagram"),
    IN(G_WHO, "domain_id", FT_T_U32, c_domain, "sub-agent"),
    IN(G_WHO, "export_protocol", FT_T_STRING, c_protocol, "sflow_v5"),
    IN(G_WHO, "sequence", FT_T_U32, c_sequence, "of the datagram"),
    IN_NULL(G_WHO, "agent", FT_T_ADDR, c_agent, "the agent does not say",
            "the agent's own address"),
    FIELD("sample_sequence", FT_T_U32, "", c_sample_sequence, "of the sample at its source"),
    FIELD("source_class", FT_T_U32, "", c_source_class, "0 ifIndex, 1 VLAN, 2 entity"),
    FIELD("source_index", FT_T_U32, "", c_source_index, "ifIndex or number of the source"),
    {.name = "counters",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_BY_VALUE,
     TEXT,
     .json = counter_groups,
     .json_schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\"}}",
     .source = "sFlow v5",
     .meaning = "an object for each structure, with its fields by name"},
    FT_OBSERVER_ROWS,
};

/* ---- templates ---- */

#define TEMPLATE(name, stmt)                                                                       \
    static void t_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_template_change *t = event;                                                \
        stmt;                                                                                      \
    }

TEMPLATE(timestamp, v->i = t->timestamp_ns)
TEMPLATE(address, sender(t->exporter, v))
TEMPLATE(domain, v->u = t->exporter->domain_id)
TEMPLATE(protocol, v->s = ft_export_protocol_name((enum ft_export_protocol)t->exporter->protocol))
TEMPLATE(id, v->u = t->template_id)
TEMPLATE(change, v->s = ft_template_change_name((enum ft_template_change_kind)t->kind))
TEMPLATE(options, v->u = t->options)
TEMPLATE(n_scope, v->u = t->n_scope)
TEMPLATE(n_fields, v->u = t->n_fields)

static uint8_t *put_specifier(uint8_t *p, const struct ft_template_field *f)
{
    const struct ft_element *e = f->scope ? NULL : ft_element_find(f->pen, f->id);
    bool reverse = f->pen == 29305;

    p = FT_PUT_LIT(p, "{\"name\":");
    if (e == NULL) {
        p = FT_PUT_LIT(p, "null");
    } else {
        p = reverse ? FT_PUT_LIT(p, "\"reverse_") : FT_PUT_LIT(p, "\"");
        p = ft_put_str(p, e->name);
        *p++ = '"';
    }
    p = FT_PUT_LIT(p, ",\"id\":");
    p = ft_put_u64(p, f->id);
    p = FT_PUT_LIT(p, ",\"pen\":");
    p = ft_put_u64(p, f->pen);
    p = FT_PUT_LIT(p, ",\"length\":");
    p = f->len == UINT16_MAX ? FT_PUT_LIT(p, "null") : ft_put_u64(p, f->len);
    *p++ = '}';
    return p;
}

static bool holds(const struct ft_template_field *fields, uint32_t n,
                  const struct ft_template_field *f)
{
    for (uint32_t i = 0; i < n; i++) {
        if (fields[i].pen == f->pen && fields[i].id == f->id && fields[i].scope == f->scope) {
            return true;
        }
    }
    return false;
}

enum { SPECIFIERS_SHOWN = 256 }; /* of the three lists together less than FT_EVENT_ROOM */

/* The first fields, or those that `without` does not hold. */
static uint8_t *put_specifiers(uint8_t *p, const struct ft_template_field *f, uint32_t n,
                               const struct ft_template_field *without, uint32_t n_without,
                               uint32_t most)
{
    uint32_t shown = 0;

    *p++ = '[';
    for (uint32_t i = 0; i < n && i < 4 * SPECIFIERS_SHOWN && shown < most; i++) {
        if (without != NULL && holds(without, n_without, &f[i])) {
            continue;
        }
        if (shown++ > 0) {
            *p++ = ',';
        }
        p = put_specifier(p, &f[i]);
    }
    *p++ = ']';
    return p;
}

static uint8_t *template_list(const void *event, uint8_t *p)
{
    const struct ft_template_change *t = event;

    return put_specifiers(p, t->fields, t->n_fields, NULL, 0, SPECIFIERS_SHOWN);
}

static uint8_t *template_added(const void *event, uint8_t *p)
{
    const struct ft_template_change *t = event;

    if (t->before == NULL) {
        return FT_PUT_LIT(p, "[]");
    }
    return put_specifiers(p, t->fields, t->n_fields, t->before, t->n_before, SPECIFIERS_SHOWN / 4);
}

static uint8_t *template_removed(const void *event, uint8_t *p)
{
    const struct ft_template_change *t = event;

    if (t->before == NULL) {
        return FT_PUT_LIT(p, "[]");
    }
    return put_specifiers(p, t->before, t->n_before, t->fields, t->n_fields, SPECIFIERS_SHOWN / 4);
}

#define SPECIFIERS                                                                                 \
    "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"id\",\"pen\","    \
    "\"length\"]}}"

static const struct ft_field template_fields[] = {
    FIELD("timestamp", FT_T_TIME, "s", t_timestamp, "when the message came"),
    IN(G_WHO, "address", FT_T_ADDR, t_address, "sender of the message"),
    IN(G_WHO, "domain_id", FT_T_U32, t_domain, "observation domain or source id"),
    IN(G_WHO, "export_protocol", FT_T_STRING, t_protocol, "netflow_v9 or ipfix"),
    FIELD("template_id", FT_T_U16, "", t_id, "its number in the domain"),
    FIELD("change", FT_T_STRING, "", t_change, "learnt, changed, withdrawn or expired"),
    FIELD("options", FT_T_BOOL, "", t_options, "an options template"),
    FIELD("scope_fields", FT_T_U16, "", t_n_scope, "how many of the fields are scopes"),
    FIELD("field_count", FT_T_U16, "", t_n_fields, "fields of the template"),
    {.name = "fields",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_NONE, /* names out of flowtap's own tables */
     TEXT,
     .json = template_list,
     .json_schema = SPECIFIERS,
     .source = "RFC 7011 §3.4",
     .meaning = "the first 256 fields: name (null: not known, or a v9 scope), id, pen, length "
                "(null: variable)"},
    {.name = "added",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_NONE, /* names out of flowtap's own tables */
     TEXT,
     .json = template_added,
     .json_schema = SPECIFIERS,
     .source = "flowtap",
     .meaning = "of a changed template: fields that it had not"},
    {.name = "removed",
     .type = FT_T_JSON,
     .privacy = FT_PRIVACY_NONE, /* names out of flowtap's own tables */
     TEXT,
     .json = template_removed,
     .json_schema = SPECIFIERS,
     .source = "flowtap",
     .meaning = "of a changed template: fields that it has no more"},
    FT_OBSERVER_ROWS,
};

/* ---- health ---- */

#define HEALTH(name, stmt)                                                                         \
    static void h_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_exporter_health *h = event;                                                \
        stmt;                                                                                      \
    }

HEALTH(timestamp, v->i = h->timestamp_ns)
HEALTH(address, sender(h->exporter, v))
HEALTH(domain, v->u = h->exporter->domain_id)
HEALTH(protocol, v->s = ft_export_protocol_name((enum ft_export_protocol)h->exporter->protocol))
HEALTH(agent, agent(h->exporter, v))
HEALTH(rate, v->u = h->sampling_rate; v->null = h->sampling_rate == 0)
HEALTH(first, v->i = h->first_ns)
HEALTH(last, v->i = h->last_ns)
HEALTH(messages, v->u = h->messages)
HEALTH(bytes, v->u = h->bytes)
HEALTH(records, v->u = h->records)
HEALTH(options, v->u = h->options_records)
HEALTH(samples, v->u = h->samples)
HEALTH(counters, v->u = h->counters)
HEALTH(discards, v->u = h->discards)
HEALTH(unit, v->s = ft_sequence_unit_name((enum ft_sequence_unit)h->unit))
HEALTH(lost, v->u = h->lost)
HEALTH(reordered, v->u = h->reordered)
HEALTH(duplicates, v->u = h->duplicates)
HEALTH(resets, v->u = h->resets)
HEALTH(no_template, v->u = h->no_template)
HEALTH(waiting, v->u = h->waiting)
HEALTH(malformed, v->u = h->malformed)
HEALTH(wrong, v->u = h->wrong_values)
HEALTH(templates, v->u = h->templates)
HEALTH(skew, v->i = h->export_ns == INT64_MIN ? 0 : (h->last_ns - h->export_ns) / 1000000;
       v->null = h->export_ns == INT64_MIN)

#define H(key, of, fn, text) FIELD(key, FT_T_U64, of, fn, text)

static const struct ft_field health_fields[] = {
    FIELD("timestamp", FT_T_TIME, "s", h_timestamp, "when the account was taken"),
    IN(G_WHO, "address", FT_T_ADDR, h_address, "sender of the datagrams"),
    IN(G_WHO, "domain_id", FT_T_U32, h_domain, "observation domain, source id or sub-agent"),
    IN(G_WHO, "export_protocol", FT_T_STRING, h_protocol, "what it speaks"),
    IN_NULL(G_WHO, "agent", FT_T_ADDR, h_agent, "not sFlow, or the agent does not say",
            "sFlow: the agent's own address"),
    IN_NULL(G_WHO, "sampling_rate", FT_T_U32, h_rate, "it is not known",
            "1 in this many, of the whole domain"),
    FIELD("first_heard", FT_T_TIME, "s", h_first, "its first datagram"),
    FIELD("last_heard", FT_T_TIME, "s", h_last, "its latest datagram"),
    H("messages", "", h_messages, "datagrams or messages"),
    H("bytes", "bytes", h_bytes, "of the messages"),
    H("records", "", h_records, "flow records"),
    H("options_records", "", h_options, "options data records"),
    H("samples", "", h_samples, "sFlow flow samples"),
    H("counter_samples", "", h_counters, "sFlow counter samples"),
    H("discards", "", h_discards, "sFlow discard notifications"),
    FIELD("sequence_unit", FT_T_STRING, "", h_unit,
          "what its sequence numbers count: messages, records, none, or what else it was found to "
          "be"),
    H("lost", "", h_lost, "by sequence numbers, in that unit; what came late is taken off"),
    H("reordered", "", h_reordered, "messages that came late"),
    H("duplicates", "", h_duplicates, "messages that came twice"),
    H("resets", "", h_resets, "times its numbers or its uptime started again"),
    H("no_template", "", h_no_template, "data sets given up for want of a template"),
    H("waiting_bytes", "bytes", h_waiting, "of data sets that wait for their template"),
    H("malformed", "", h_malformed, "faults in its messages"),
    H("wrong_values", "", h_wrong, "values whose length does not fit their type"),
    H("templates", "", h_templates, "templates known now"),
    FIELD_NULL("clock_skew_ms", FT_T_I64, "ms", h_skew, "sFlow carries no clock",
               "arrival less export time of its latest message"),
    FT_OBSERVER_ROWS,
};

#define FIELDS(table) *out_n = sizeof(table) / sizeof(table)[0], table

const struct ft_field *ft_fields_export(enum ft_event e, uint32_t *out_n)
{
    switch (e) {
    case FT_EVENT_SAMPLE:
        return FIELDS(sample_fields);
    case FT_EVENT_FLOW:
        return FIELDS(record_fields);
    case FT_EVENT_TEMPLATE:
        return FIELDS(template_fields);
    case FT_EVENT_COUNTER:
        return FIELDS(counter_fields);
    case FT_EVENT_DISCARD:
        return FIELDS(discard_fields);
    case FT_EVENT_EXPORTER:
        return FIELDS(health_fields);
    case FT_EVENT_PACKET: /* is no event of columns */
        *out_n = 0;
        return NULL;
    default:
        return ft_fields(e, out_n);
    }
}

#define HEAD(type)                                                                                 \
    (struct ft_export_head)                                                                        \
    {                                                                                              \
        ((const type *)event)->exporter, ((const type *)event)->timestamp_ns                       \
    }

struct ft_export_head ft_export_head(enum ft_event e, const void *event)
{
    switch (e) {
    case FT_EVENT_WINDOW:
        return (struct ft_export_head){NULL, ((const struct ft_window_row *)event)->start_ns};
    case FT_EVENT_ALERT:
        return (struct ft_export_head){NULL, ((const struct ft_alert *)event)->timestamp_ns};
    case FT_EVENT_AFTERIMAGE:
        return (struct ft_export_head){NULL,
                                       ((const struct ft_afterimage_row *)event)->timestamp_ns};
    case FT_EVENT_COUNTER:
        return HEAD(struct ft_export_counters);
    case FT_EVENT_TEMPLATE:
        return HEAD(struct ft_template_change);
    case FT_EVENT_EXPORTER:
        return HEAD(struct ft_exporter_health);
    default: /* samples and discards */
        return HEAD(struct ft_export_sample);
    }
}
