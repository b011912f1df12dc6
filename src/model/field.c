/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of samples and flow records. Those of pipeline_stats stand in field_stats.c.
 */
#include "model/field.h"

#include <string.h>

#include "model/community.h"
#include "model/field_export.h"
#include "model/field_stats.h"

#define RFC5103_PEN 29305 /* reverse information elements, RFC 5103 §6.1 */

/* ---- getters of a sample ---- */

#define SAMPLE(name, stmt)                                                                         \
    static void s_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_sample *s = event;                                                         \
        stmt;                                                                                      \
    }

static void sample_addr(const struct ft_packet *p, int side, struct ft_value *v)
{
    v->ip_version = (p->key.bits & FT_KEY_V6) ? 6 : 4;
    v->addr = v->ip_version == 6 ? p->addr6 + 16 * side : (const uint8_t *)&p->key.addr[side];
}

static uint64_t sample_port(const struct ft_packet *p, int side)
{
    return ft_proto_has_ports(p->key.proto) ? p->key.port[side] : 0;
}

SAMPLE(timestamp, v->i = s->pkt->ts_ns)
SAMPLE(src_ip, sample_addr(s->pkt, s->pkt->swap, v))
SAMPLE(dst_ip, sample_addr(s->pkt, !s->pkt->swap, v))
SAMPLE(src_port, v->u = sample_port(s->pkt, s->pkt->swap))
SAMPLE(dst_port, v->u = sample_port(s->pkt, !s->pkt->swap))
SAMPLE(protocol, v->u = s->pkt->key.proto)
SAMPLE(size, v->u = s->pkt->frame_len)
SAMPLE(packets, v->u = s->counts->packets)
SAMPLE(bytes, v->u = s->counts->bytes)
SAMPLE(first_seen, v->i = s->counts->first_ns)

static const struct ft_field sample_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .unit = "s",
     .get = s_timestamp,
     .ie = 325,
     .source = "capture",
     .meaning = "time of the packet"},
    {.name = "src_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .unit = "",
     .get = s_src_ip,
     .ie = 8,
     .source = "IPv4/IPv6 header",
     .meaning = "source address (IPv6: element 27)"},
    {.name = "dst_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .unit = "",
     .get = s_dst_ip,
     .ie = 12,
     .source = "IPv4/IPv6 header",
     .meaning = "destination address (IPv6: element 28)"},
    {.name = "src_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .unit = "",
     .get = s_src_port,
     .ie = 7,
     .source = "transport header",
     .meaning = "source port; 0 for protocols without ports and later fragments"},
    {.name = "dst_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .unit = "",
     .get = s_dst_port,
     .ie = 11,
     .source = "transport header",
     .meaning = "destination port; 0 for protocols without ports and later fragments"},
    {.name = "protocol",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U8,
     .unit = "",
     .get = s_protocol,
     .ie = 4,
     .source = "IP header",
     .meaning = "IP protocol; of IPv6, the one after the extension headers"},
    {.name = "packet_size_bytes",
     .type = FT_T_U32,
     .unit = "bytes",
     .get = s_size,
     .ie = 312,
     .source = "capture",
     .meaning = "the frame on the wire, never what a snap length left of it"},
    {.name = "packet_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .unit = "packets",
     .get = s_packets,
     .ie = 86,
     .source = "flowtap",
     .meaning = "packets of this 5-tuple in this direction so far, this one included"},
    {.name = "byte_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .unit = "bytes",
     .get = s_bytes,
     .ie = 353,
     .source = "flowtap",
     .meaning = "wire bytes of this 5-tuple in this direction so far, this packet included"},
    {.name = "first_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .unit = "s",
     .get = s_first_seen,
     .ie = 156,
     .source = "flowtap",
     .meaning = "earliest packet of this 5-tuple in this direction"},
    {.name = "last_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .unit = "s",
     .get = s_timestamp,
     .ie = 157,
     .source = "flowtap",
     .meaning = "time of this packet"},
};

/* ---- getters of a flow record ---- */

#define FLOW(name, stmt)                                                                           \
    static void f_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_flow_record *r = event;                                                    \
        stmt;                                                                                      \
    }

static void flow_addr(const struct ft_flow_record *r, const uint8_t *addr, struct ft_value *v)
{
    v->ip_version = r->ip_version;
    v->addr = addr;
}

static int64_t floor_us(int64_t ns)
{
    return ns / 1000 - (ns % 1000 < 0);
}

static void flow_community(const struct ft_flow_record *r, struct ft_value *v)
{
    struct ft_community c = {.src = r->src,
                             .dst = r->dst,
                             .ip_version = r->ip_version,
                             .proto = r->proto,
                             .src_port = r->src_port,
                             .dst_port = r->dst_port,
                             .one_way = r->one_way};

    ft_community_id(&c, v->buf);
    v->buf[FT_COMMUNITY_LEN] = '\0';
    v->s = v->buf;
}

FLOW(timestamp, v->i = r->timestamp_ns)
FLOW(flow_id, v->u = r->flow_id)
FLOW(reason, v->s = ft_reason_name((enum ft_reason)r->reason))
FLOW(is_final, v->u = r->is_final)
FLOW(segment, v->u = r->segment)
FLOW(src_ip, flow_addr(r, r->src, v))
FLOW(dst_ip, flow_addr(r, r->dst, v))
FLOW(src_port, v->u = ft_proto_has_ports(r->proto) ? r->src_port : 0)
FLOW(dst_port, v->u = ft_proto_has_ports(r->proto) ? r->dst_port : 0)
FLOW(protocol, v->u = r->proto)
FLOW(packets, v->u = r->packets[0] + r->packets[1])
FLOW(bytes, v->u = r->bytes[0] + r->bytes[1])
FLOW(first_seen, v->i = r->first_ns)
FLOW(last_seen, v->i = r->last_ns)
FLOW(duration, v->u = (uint64_t)floor_us(r->last_ns) - (uint64_t)floor_us(r->first_ns))
FLOW(ip_version, v->u = r->ip_version)
FLOW(vlan, v->u = r->scope & 0xfff; v->null = r->scope == 0)
FLOW(fwd_packets, v->u = r->packets[0])
FLOW(rev_packets, v->u = r->packets[1])
FLOW(fwd_bytes, v->u = r->bytes[0])
FLOW(rev_bytes, v->u = r->bytes[1])
FLOW(fwd_ip_bytes, v->u = r->ip_bytes[0])
FLOW(rev_ip_bytes, v->u = r->ip_bytes[1])
FLOW(fwd_payload, v->u = r->payload_bytes[0])
FLOW(rev_payload, v->u = r->payload_bytes[1])
FLOW(fwd_flags, v->u = r->tcp_flags[0])
FLOW(rev_flags, v->u = r->tcp_flags[1])
FLOW(community, flow_community(r, v))

#define FEATURE(field, kind, of, getter)                                                           \
    .name = field, .group = FT_GROUP_FEATURES, .type = kind, .unit = of, .get = getter

static const struct ft_field flow_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .unit = "s",
     .get = f_timestamp,
     .ie = 325,
     .source = "flowtap",
     .meaning = "packet time at which the reason came true"},
    {.name = "flow_id",
     .type = FT_T_ID,
     .unit = "",
     .get = f_flow_id,
     .ie = 148,
     .source = "flowtap",
     .meaning = "the same in every record of a flow, and in every run"},
    {.name = "reason",
     .type = FT_T_STRING,
     .unit = "",
     .get = f_reason,
     .ie = 136,
     .source = "flowtap",
     .meaning = "end, idle, active, snapshot, evicted, shutdown, eof or reuse"},
    {.name = "is_final",
     .type = FT_T_BOOL,
     .unit = "",
     .get = f_is_final,
     .source = "flowtap",
     .meaning = "the last record of this flow_id"},
    {.name = "segment",
     .type = FT_T_U32,
     .unit = "",
     .get = f_segment,
     .source = "flowtap",
     .meaning = "number of this record among those of its flow_id, from 0"},
    {.name = "src_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .unit = "",
     .get = f_src_ip,
     .ie = 8,
     .source = "IPv4/IPv6 header",
     .meaning = "initiator's address (IPv6: element 27)"},
    {.name = "dst_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .unit = "",
     .get = f_dst_ip,
     .ie = 12,
     .source = "IPv4/IPv6 header",
     .meaning = "responder's address (IPv6: element 28)"},
    {.name = "src_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .unit = "",
     .get = f_src_port,
     .ie = 7,
     .source = "transport header",
     .meaning = "initiator's port; 0 for protocols without ports"},
    {.name = "dst_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .unit = "",
     .get = f_dst_port,
     .ie = 11,
     .source = "transport header",
     .meaning = "responder's port; 0 for protocols without ports"},
    {.name = "protocol",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U8,
     .unit = "",
     .get = f_protocol,
     .ie = 4,
     .source = "IP header",
     .meaning = "IP protocol; of IPv6, the one after the extension headers"},
    {.name = "packet_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .unit = "packets",
     .get = f_packets,
     .ie = 86,
     .source = "flowtap",
     .meaning = "packets of both directions, cumulative over the flow_id"},
    {.name = "byte_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .unit = "bytes",
     .get = f_bytes,
     .ie = 353,
     .source = "flowtap",
     .meaning = "wire bytes of both directions, cumulative over the flow_id"},
    {.name = "first_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .unit = "s",
     .get = f_first_seen,
     .ie = 156,
     .source = "flowtap",
     .meaning = "earliest packet of the flow"},
    {.name = "last_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .unit = "s",
     .get = f_last_seen,
     .ie = 157,
     .source = "flowtap",
     .meaning = "latest packet of the flow so far"},
    {FEATURE("duration_us", FT_T_U64, "us", f_duration), .ie = 162, .source = "RFC 5102 §5.9",
     .meaning = "last_seen - first_seen"},
    {FEATURE("ip_version", FT_T_U8, "", f_ip_version), .ie = 60, .source = "IP header",
     .meaning = "4 or 6"},
    {FEATURE("vlan_id", FT_T_U16, "", f_vlan), .ie = 243, .source = "IEEE 802.1Q",
     .null = "the packets carried no VLAN tag, or only the priority tag (VID 0)",
     .meaning = "innermost VLAN id; part of the flow key"},
    {FEATURE("fwd_packets", FT_T_U64, "packets", f_fwd_packets), .ie = 86, .source = "flowtap",
     .meaning = "packets from the initiator"},
    {FEATURE("rev_packets", FT_T_U64, "packets", f_rev_packets), .ie = 86, .pen = RFC5103_PEN,
     .source = "RFC 5103", .meaning = "packets from the responder"},
    {FEATURE("fwd_bytes", FT_T_U64, "bytes", f_fwd_bytes), .ie = 353, .source = "flowtap",
     .meaning = "wire bytes from the initiator"},
    {FEATURE("rev_bytes", FT_T_U64, "bytes", f_rev_bytes), .ie = 353, .pen = RFC5103_PEN,
     .source = "RFC 5103", .meaning = "wire bytes from the responder"},
    {FEATURE("fwd_ip_bytes", FT_T_U64, "bytes", f_fwd_ip_bytes), .ie = 85,
     .source = "IP total length", .meaning = "IP bytes from the initiator"},
    {FEATURE("rev_ip_bytes", FT_T_U64, "bytes", f_rev_ip_bytes), .ie = 85, .pen = RFC5103_PEN,
     .source = "IP total length", .meaning = "IP bytes from the responder"},
    {FEATURE("fwd_payload_bytes", FT_T_U64, "bytes", f_fwd_payload), .source = "transport header",
     .meaning = "bytes after the transport header, from the initiator"},
    {FEATURE("rev_payload_bytes", FT_T_U64, "bytes", f_rev_payload), .source = "transport header",
     .meaning = "bytes after the transport header, from the responder"},
    {FEATURE("fwd_tcp_flags", FT_T_U8, "", f_fwd_flags), .ie = 6, .source = "RFC 9293 §3.1",
     .meaning = "OR of the TCP flags from the initiator; 0 for other protocols"},
    {FEATURE("rev_tcp_flags", FT_T_U8, "", f_rev_flags), .ie = 6, .pen = RFC5103_PEN,
     .source = "RFC 9293 §3.1",
     .meaning = "OR of the TCP flags from the responder; 0 for other protocols"},
    {FEATURE("community_id", FT_T_STRING, "", f_community), .source = "Community ID v1, seed 0",
     .meaning = "the flow's name in Zeek, Suricata, Wireshark and others"},
};

const struct ft_field *ft_fields(enum ft_event e, uint32_t *out_n)
{
    switch (e) {
    case FT_EVENT_SAMPLE:
        *out_n = sizeof sample_fields / sizeof sample_fields[0];
        return sample_fields;
    case FT_EVENT_FLOW:
        *out_n = sizeof flow_fields / sizeof flow_fields[0];
        return flow_fields;
    case FT_EVENT_STATS:
        return ft__fields_stats(out_n);
    default:
        return ft_fields_export(e, out_n);
    }
}
