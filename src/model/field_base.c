/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the base profile: what the core of a flow record holds. */
#include "base/time.h"
#include "model/columns.h"
#include "model/community.h"
#include "model/conn.h"
#include "model/observer.h"

enum { PROTO_ICMP = 1, PROTO_ICMPV6 = 58 };
enum { OBSERVER_RANK = 65000 }; /* behind all others */

#define AT(member) FT_AT(struct ft_flow_record, member)

#define FLOW(name, stmt)                                                                           \
    static void f_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_flow_record *r = part;                                                     \
        stmt;                                                                                      \
    }

static void flow_addr(const struct ft_flow_record *r, const uint8_t *addr, struct ft_value *v)
{
    v->ip_version = r->ip_version;
    v->addr = addr;
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

static bool is_icmp(const struct ft_flow_record *r)
{
    return r->proto == PROTO_ICMP || r->proto == PROTO_ICMPV6;
}

FLOW(reason, v->s = ft_reason_name((enum ft_reason)r->reason))
FLOW(src_ip, flow_addr(r, r->src, v))
FLOW(dst_ip, flow_addr(r, r->dst, v))
FLOW(src_port, v->u = ft_proto_has_ports(r->proto) ? r->src_port : 0)
FLOW(dst_port, v->u = ft_proto_has_ports(r->proto) ? r->dst_port : 0)
FLOW(packets, v->u = r->packets[0] + r->packets[1])
FLOW(bytes, v->u = r->bytes[0] + r->bytes[1])
FLOW(duration,
     v->u = (uint64_t)ft_time_floor(r->last_ns, 1000) - (uint64_t)ft_time_floor(r->first_ns, 1000))
FLOW(vlan, v->u = r->scope & 0xfff; v->null = r->scope == 0)
FLOW(community, flow_community(r, v);
     v->null = r->no_ports && (is_icmp(r) || ft_proto_has_ports(r->proto)))
FLOW(tunnel_type, v->s = ft_tunnel_name((enum ft_tunnel_type)r->tunnel);
     v->null = r->tunnel == FT_TUNNEL_NONE)
FLOW(tunnel_id, v->u = r->tunnel_id; v->null = !r->has_tunnel_id)
FLOW(icmp_type, v->u = r->src_port; v->null = !is_icmp(r) || r->no_ports)
FLOW(icmp_code, v->u = r->icmp_code; v->null = !r->has_icmp_code)
FLOW(conn_state, v->s = ft_conn_state(r))

#define NO_TUNNEL "the packets were in no tunnel"
#define NO_ICMP   "neither ICMP nor ICMPv6"
#define NO_PORTS                                                                                   \
    "by the rules of a profile this flow is all that two hosts say to each other in a protocol "   \
    "that has ports or ICMP types"

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_OF(kind), .profile = "base"

static const struct ft_field rows[] = {
    {.name = "timestamp",
     .rank = 0,
     .profile = "base",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     AT(timestamp_ns),
     .ie = 325,
     .source = "flowtap",
     .meaning = "packet time at which the reason came true"},
    {.name = "flow_id",
     .rank = 10,
     .profile = "base",
     .type = FT_T_ID,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     AT(flow_id),
     .ie = 148,
     .source = "flowtap",
     .meaning = "the same in every record of a flow, and in every run"},
    {.name = "reason",
     .rank = 20,
     .profile = "base",
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_reason,
     .ie = 136,
     .source = "flowtap",
     .meaning = "end, idle, active, snapshot, evicted, shutdown, eof or reuse"},
    {.name = "is_final",
     .rank = 30,
     .profile = "base",
     .type = FT_T_BOOL,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     AT(is_final),
     .source = "flowtap",
     .meaning = "the last record of this flow_id"},
    {.name = "segment",
     .rank = 40,
     .profile = "base",
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     AT(segment),
     .source = "flowtap",
     .meaning = "number of this record among those of its flow_id, from 0"},
    {.name = "src_ip",
     .rank = 50,
     .profile = "base",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_src_ip,
     .ie = 8,
     .source = "IPv4/IPv6 header",
     .meaning = "initiator's address (IPv6: element 27)"},
    {.name = "dst_ip",
     .rank = 60,
     .profile = "base",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_dst_ip,
     .ie = 12,
     .source = "IPv4/IPv6 header",
     .meaning = "responder's address (IPv6: element 28)"},
    {.name = "src_port",
     .tells_host = true,
     .rank = 70,
     .profile = "base",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_src_port,
     .ie = 7,
     .source = "transport header",
     .meaning = "initiator's port; 0 for protocols without ports"},
    {.name = "dst_port",
     .tells_host = true,
     .rank = 80,
     .profile = "base",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_dst_port,
     .ie = 11,
     .source = "transport header",
     .meaning = "responder's port; 0 for protocols without ports"},
    {.name = "protocol",
     .rank = 90,
     .profile = "base",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U8,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     AT(proto),
     .ie = 4,
     .source = "IP header",
     .meaning = "IP protocol; of IPv6, the one after the extension headers"},
    {.name = "packet_count",
     .rank = 100,
     .profile = "base",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "packets",
     .get = f_packets,
     .ie = 86,
     .source = "flowtap",
     .meaning = "packets of both directions, cumulative over the flow_id"},
    {.name = "byte_count",
     .rank = 110,
     .profile = "base",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "bytes",
     .get = f_bytes,
     .ie = 353,
     .source = "flowtap",
     .meaning = "wire bytes of both directions, cumulative over the flow_id"},
    {.name = "first_seen",
     .rank = 120,
     .profile = "base",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     AT(first_ns),
     .ie = 156,
     .source = "flowtap",
     .meaning = "earliest packet of the flow"},
    {.name = "last_seen",
     .rank = 130,
     .profile = "base",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     AT(last_ns),
     .ie = 157,
     .source = "flowtap",
     .meaning = "latest packet of the flow so far"},
    {ROW(140, "duration_us", FT_T_U64, "us"), .get = f_duration, .ie = 162,
     .source = "RFC 5102 §5.9", .meaning = "last_seen - first_seen"},
    {ROW(150, "ip_version", FT_T_U8, ""), AT(ip_version), .ie = 60, .source = "IP header",
     .meaning = "4 or 6"},
    {ROW(160, "vlan_id", FT_T_U16, ""), .tells_host = true, .get = f_vlan, .ie = 243,
     .source = "IEEE 802.1Q",
     .null = "the packets carried no VLAN tag, or only the priority tag (VID 0)",
     .meaning = "innermost VLAN id; part of the flow key"},
    {ROW(170, "fwd_packets", FT_T_U64, "packets"), AT(packets[FT_DIR_FWD]), .ie = 86,
     .source = "flowtap", .meaning = "packets from the initiator"},
    {ROW(180, "rev_packets", FT_T_U64, "packets"), AT(packets[FT_DIR_REV]), .ie = 86,
     .pen = FT_PEN_REVERSE, .source = "RFC 5103", .meaning = "packets from the responder"},
    {ROW(190, "fwd_bytes", FT_T_U64, "bytes"), AT(bytes[FT_DIR_FWD]), .ie = 353,
     .source = "flowtap", .meaning = "wire bytes from the initiator"},
    {ROW(200, "rev_bytes", FT_T_U64, "bytes"), AT(bytes[FT_DIR_REV]), .ie = 353,
     .pen = FT_PEN_REVERSE, .source = "RFC 5103", .meaning = "wire bytes from the responder"},
    {ROW(210, "fwd_ip_bytes", FT_T_U64, "bytes"), AT(ip_bytes[FT_DIR_FWD]), .ie = 85,
     .source = "IP total length", .meaning = "IP bytes from the initiator"},
    {ROW(220, "rev_ip_bytes", FT_T_U64, "bytes"), AT(ip_bytes[FT_DIR_REV]), .ie = 85,
     .pen = FT_PEN_REVERSE, .source = "IP total length", .meaning = "IP bytes from the responder"},
    {ROW(230, "fwd_payload_bytes", FT_T_U64, "bytes"), AT(payload_bytes[FT_DIR_FWD]),
     .source = "transport header",
     .meaning = "bytes after the transport header, from the initiator"},
    {ROW(240, "rev_payload_bytes", FT_T_U64, "bytes"), AT(payload_bytes[FT_DIR_REV]),
     .source = "transport header",
     .meaning = "bytes after the transport header, from the responder"},
    {ROW(250, "fwd_tcp_flags", FT_T_U8, ""), AT(tcp_flags[FT_DIR_FWD]), .ie = 6,
     .source = "RFC 9293 §3.1",
     .meaning = "OR of the TCP flags from the initiator; 0 for other protocols"},
    {ROW(260, "rev_tcp_flags", FT_T_U8, ""), AT(tcp_flags[FT_DIR_REV]), .ie = 6,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1",
     .meaning = "OR of the TCP flags from the responder; 0 for other protocols"},
    {.name = "community_id",
     .rank = 270,
     .profile = "base",
     .group = FT_GROUP_FEATURES,
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_community,
     .source = "Community ID v1, seed 0",
     .null = NO_PORTS,
     .meaning = "the flow's name in Zeek, Suricata, Wireshark and others"},
    {ROW(280, "fwd_packets_delta", FT_T_U64, "packets"), AT(packets_delta[FT_DIR_FWD]), .ie = 2,
     .source = "flowtap",
     .meaning = "packets from the initiator since the record before of this flow_id"},
    {ROW(290, "rev_packets_delta", FT_T_U64, "packets"), AT(packets_delta[FT_DIR_REV]), .ie = 2,
     .pen = FT_PEN_REVERSE, .source = "flowtap",
     .meaning = "packets from the responder since the record before of this flow_id"},
    {ROW(300, "fwd_bytes_delta", FT_T_U64, "bytes"), AT(bytes_delta[FT_DIR_FWD]), .ie = 352,
     .source = "flowtap",
     .meaning = "wire bytes from the initiator since the record before of this flow_id"},
    {ROW(310, "rev_bytes_delta", FT_T_U64, "bytes"), AT(bytes_delta[FT_DIR_REV]), .ie = 352,
     .pen = FT_PEN_REVERSE, .source = "flowtap",
     .meaning = "wire bytes from the responder since the record before of this flow_id"},
    {ROW(480, "tunnel_type", FT_T_STRING, ""), .get = f_tunnel_type, .source = "RFC of the tunnel",
     .null = NO_TUNNEL,
     .meaning = "what the innermost packet came in: gre, vxlan, geneve, gtpu, mpls, ..."},
    {ROW(490, "tunnel_id", FT_T_U32, ""), .tells_host = true, .get = f_tunnel_id,
     .source = "RFC of the tunnel", .null = "no tunnel, or one without an id",
     .meaning = "its id from the initiator: VNI, VSID, key, TEID, label, session"},
    {ROW(600, "icmp_type", FT_T_U8, ""), .get = f_icmp_type, .ie = 176,
     .source = "RFC 792, RFC 4443", .null = NO_ICMP "; or " NO_PORTS,
     .meaning = "ICMP or ICMPv6 type of the first packet (ICMPv6: element 178)"},
    {ROW(610, "icmp_code", FT_T_U8, ""), .get = f_icmp_code, .ie = 177,
     .source = "RFC 792, RFC 4443", .null = NO_ICMP ", or it was a later fragment; or " NO_PORTS,
     .meaning = "its code (ICMPv6: element 179)"},
    {ROW(620, "truncated", FT_T_BOOL, ""), AT(truncated), .source = "capture",
     .meaning = "some frames were captured shorter than they were (snap length); no counter "
                "depends on it"},
    {ROW(640, "conn_state", FT_T_STRING, ""), .get = f_conn_state, .source = "Zeek conn.log",
     .meaning = "S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH"},
    {FT_OBSERVER_ID, .rank = OBSERVER_RANK, .profile = "base"},
    {FT_OBSERVER_DOMAIN, .rank = OBSERVER_RANK + 1, .profile = "base"},
};

const struct ft_column_set ft_columns_base = {
    .profile = "base",
    .meaning =
        "identity, key, counters by direction, flags, duration, reason, conn_state, community_id",
    .in_all = true,
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_CORE};
