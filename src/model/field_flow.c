/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of flow records, see field.h. */
#include "model/field_flow.h"

#include "model/community.h"
#include "model/conn.h"

#define RFC5103_PEN 29305 /* reverse information elements, RFC 5103 §6.1 */

enum { PROTO_ICMP = 1, PROTO_ICMPV6 = 58 };

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

static void real(struct ft_value *v, bool known, double value)
{
    v->null = !known;
    v->f = value;
}

static void size_of(const struct ft_flow_record *r, int d, uint64_t value, struct ft_value *v)
{
    v->u = value;
    v->null = r->size[d].n == 0;
}

static void gap_of(const struct ft_flow_record *r, int d, uint64_t ns, struct ft_value *v)
{
    real(v, r->gap[d].n > 0, (double)ns / 1000);
}

static void tunnel_addr(const struct ft_flow_record *r, const uint8_t *addr, struct ft_value *v)
{
    v->null = r->tunnel == FT_TUNNEL_NONE || r->tunnel_version == 0;
    v->ip_version = r->tunnel_version;
    v->addr = addr;
}

static bool is_icmp(const struct ft_flow_record *r)
{
    return r->proto == PROTO_ICMP || r->proto == PROTO_ICMPV6;
}

static void tcp_count(const struct ft_flow_record *r, uint64_t n, struct ft_value *v)
{
    v->u = n;
    v->null = !r->has_tcp;
}

static void tcp_known(const struct ft_flow_record *r, bool known, uint64_t n, struct ft_value *v)
{
    v->u = n;
    v->null = !r->has_tcp || !known;
}

FLOW(fwd_packets_delta, v->u = r->packets_delta[0])
FLOW(rev_packets_delta, v->u = r->packets_delta[1])
FLOW(fwd_bytes_delta, v->u = r->bytes_delta[0])
FLOW(rev_bytes_delta, v->u = r->bytes_delta[1])
FLOW(fwd_ip_bytes_min, size_of(r, 0, r->size[0].min, v))
FLOW(rev_ip_bytes_min, size_of(r, 1, r->size[1].min, v))
FLOW(fwd_ip_bytes_max, size_of(r, 0, r->size[0].max, v))
FLOW(rev_ip_bytes_max, size_of(r, 1, r->size[1].max, v))
FLOW(fwd_ip_bytes_mean, real(v, r->size[0].n > 0, ft_distribution_mean(&r->size[0])))
FLOW(rev_ip_bytes_mean, real(v, r->size[1].n > 0, ft_distribution_mean(&r->size[1])))
FLOW(fwd_ip_bytes_std, real(v, r->size[0].n > 1, ft_distribution_std(&r->size[0])))
FLOW(rev_ip_bytes_std, real(v, r->size[1].n > 1, ft_distribution_std(&r->size[1])))
FLOW(fwd_iat_min_us, gap_of(r, 0, r->gap[0].min, v))
FLOW(rev_iat_min_us, gap_of(r, 1, r->gap[1].min, v))
FLOW(fwd_iat_max_us, gap_of(r, 0, r->gap[0].max, v))
FLOW(rev_iat_max_us, gap_of(r, 1, r->gap[1].max, v))
FLOW(fwd_iat_mean_us, real(v, r->gap[0].n > 0, ft_distribution_mean(&r->gap[0]) / 1000))
FLOW(rev_iat_mean_us, real(v, r->gap[1].n > 0, ft_distribution_mean(&r->gap[1]) / 1000))
FLOW(fwd_iat_std_us, real(v, r->gap[0].n > 1, ft_distribution_std(&r->gap[0]) / 1000))
FLOW(rev_iat_std_us, real(v, r->gap[1].n > 1, ft_distribution_std(&r->gap[1]) / 1000))
FLOW(tunnel_type, v->s = ft_tunnel_name((enum ft_tunnel_type)r->tunnel);
     v->null = r->tunnel == FT_TUNNEL_NONE)
FLOW(tunnel_id, v->u = r->tunnel_id[0]; v->null = !r->has_tunnel_id[0])
FLOW(tunnel_rev_id, v->u = r->tunnel_id[1]; v->null = !r->has_tunnel_id[1])
FLOW(tunnel_src, tunnel_addr(r, r->tunnel_src, v))
FLOW(tunnel_dst, tunnel_addr(r, r->tunnel_dst, v))
FLOW(tunnel_depth, v->u = r->tunnel_depth)
FLOW(fwd_fragments, v->u = r->fragments[0])
FLOW(rev_fragments, v->u = r->fragments[1])
FLOW(fwd_ecn_ce_packets, v->u = r->ecn_ce[0])
FLOW(rev_ecn_ce_packets, v->u = r->ecn_ce[1])
FLOW(roce_opcode, v->u = r->roce_bth >> 24; v->null = !r->has_roce)
FLOW(roce_dest_qp, v->u = r->roce_bth & 0xffffff; v->null = !r->has_roce)
FLOW(icmp_type, v->u = r->src_port; v->null = !is_icmp(r))
FLOW(icmp_code, v->u = r->icmp_code; v->null = !r->has_icmp_code)
FLOW(truncated, v->u = r->truncated)
FLOW(midstream, v->u = r->midstream; v->null = !r->has_tcp)
FLOW(conn_state, v->s = ft_conn_state(r))
FLOW(history, v->s = r->tcp.history; v->null = !r->has_tcp || r->tcp.history[0] == 0)
FLOW(rtt_client, tcp_known(r, r->tcp.rtt_us[0] != UINT32_MAX, r->tcp.rtt_us[0], v))
FLOW(rtt_server, tcp_known(r, r->tcp.rtt_us[1] != UINT32_MAX, r->tcp.rtt_us[1], v))
FLOW(fwd_retransmitted_packets, tcp_count(r, r->tcp.retrans[0], v))
FLOW(rev_retransmitted_packets, tcp_count(r, r->tcp.retrans[1], v))
FLOW(fwd_retransmitted_bytes, tcp_count(r, r->tcp.retrans_bytes[0], v))
FLOW(rev_retransmitted_bytes, tcp_count(r, r->tcp.retrans_bytes[1], v))
FLOW(fwd_fast_retransmissions, tcp_count(r, r->tcp.fast[0], v))
FLOW(rev_fast_retransmissions, tcp_count(r, r->tcp.fast[1], v))
FLOW(fwd_out_of_order_packets, tcp_count(r, r->tcp.out_of_order[0], v))
FLOW(rev_out_of_order_packets, tcp_count(r, r->tcp.out_of_order[1], v))
FLOW(fwd_duplicate_acks, tcp_count(r, r->tcp.dup_acks[0], v))
FLOW(rev_duplicate_acks, tcp_count(r, r->tcp.dup_acks[1], v))
FLOW(fwd_duplicate_frames, tcp_count(r, r->tcp.dup_frames[0], v))
FLOW(rev_duplicate_frames, tcp_count(r, r->tcp.dup_frames[1], v))
FLOW(fwd_zero_windows, tcp_count(r, r->tcp.zero_windows[0], v))
FLOW(rev_zero_windows, tcp_count(r, r->tcp.zero_windows[1], v))
FLOW(fwd_zero_window_probes, tcp_count(r, r->tcp.probes[0], v))
FLOW(rev_zero_window_probes, tcp_count(r, r->tcp.probes[1], v))
FLOW(fwd_keep_alives, tcp_count(r, r->tcp.keep_alives[0], v))
FLOW(rev_keep_alives, tcp_count(r, r->tcp.keep_alives[1], v))
FLOW(fwd_missed_bytes, tcp_count(r, r->tcp.missed_bytes[0], v))
FLOW(rev_missed_bytes, tcp_count(r, r->tcp.missed_bytes[1], v))
FLOW(fwd_window_init, tcp_known(r, r->tcp.init_window[0] >= 0, (uint64_t)r->tcp.init_window[0], v))
FLOW(rev_window_init, tcp_known(r, r->tcp.init_window[1] >= 0, (uint64_t)r->tcp.init_window[1], v))
FLOW(fwd_window_max, tcp_count(r, r->tcp.window_max[0], v))
FLOW(rev_window_max, tcp_count(r, r->tcp.window_max[1], v))
FLOW(fwd_window_scale, tcp_known(r, r->tcp.scale[0] != FT_TCPO_NO_SCALE, r->tcp.scale[0], v))
FLOW(rev_window_scale, tcp_known(r, r->tcp.scale[1] != FT_TCPO_NO_SCALE, r->tcp.scale[1], v))
FLOW(fwd_mss, tcp_known(r, r->tcp.mss[0] != 0, r->tcp.mss[0], v))
FLOW(rev_mss, tcp_known(r, r->tcp.mss[1] != 0, r->tcp.mss[1], v))

#define NO_PACKETS  "no packet in this direction"
#define TWO_PACKETS "fewer than two packets in this direction"
#define NO_TUNNEL   "the packets were in no tunnel"
#define NO_ROCE     "not RoCEv2"
#define NO_ICMP     "neither ICMP nor ICMPv6"
#define NO_TCP      "not TCP"
#define NO_SYN      "not TCP, or no SYN seen in this direction"
#define AMBIGUOUS   "not TCP, not seen whole, or ambiguous: one of the two was sent more than once"

#define FEATURE(field, kind, of, getter)                                                           \
    .name = field, .group = FT_GROUP_FEATURES, .type = kind, .unit = of, .get = getter,            \
    .privacy = FT_PRIVACY_OF(kind)

static const struct ft_field flow_fields[] = {
    {.name = "timestamp",
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = f_timestamp,
     .ie = 325,
     .source = "flowtap",
     .meaning = "packet time at which the reason came true"},
    {.name = "flow_id",
     .type = FT_T_ID,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_flow_id,
     .ie = 148,
     .source = "flowtap",
     .meaning = "the same in every record of a flow, and in every run"},
    {.name = "reason",
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_reason,
     .ie = 136,
     .source = "flowtap",
     .meaning = "end, idle, active, snapshot, evicted, shutdown, eof or reuse"},
    {.name = "is_final",
     .type = FT_T_BOOL,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_is_final,
     .source = "flowtap",
     .meaning = "the last record of this flow_id"},
    {.name = "segment",
     .type = FT_T_U32,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_segment,
     .source = "flowtap",
     .meaning = "number of this record among those of its flow_id, from 0"},
    {.name = "src_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_src_ip,
     .ie = 8,
     .source = "IPv4/IPv6 header",
     .meaning = "initiator's address (IPv6: element 27)"},
    {.name = "dst_ip",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_ADDR,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_dst_ip,
     .ie = 12,
     .source = "IPv4/IPv6 header",
     .meaning = "responder's address (IPv6: element 28)"},
    {.name = "src_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_src_port,
     .ie = 7,
     .source = "transport header",
     .meaning = "initiator's port; 0 for protocols without ports"},
    {.name = "dst_port",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U16,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_dst_port,
     .ie = 11,
     .source = "transport header",
     .meaning = "responder's port; 0 for protocols without ports"},
    {.name = "protocol",
     .group = FT_GROUP_FLOW_KEY,
     .type = FT_T_U8,
     .privacy = FT_PRIVACY_NONE,
     .unit = "",
     .get = f_protocol,
     .ie = 4,
     .source = "IP header",
     .meaning = "IP protocol; of IPv6, the one after the extension headers"},
    {.name = "packet_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "packets",
     .get = f_packets,
     .ie = 86,
     .source = "flowtap",
     .meaning = "packets of both directions, cumulative over the flow_id"},
    {.name = "byte_count",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_U64,
     .privacy = FT_PRIVACY_NONE,
     .unit = "bytes",
     .get = f_bytes,
     .ie = 353,
     .source = "flowtap",
     .meaning = "wire bytes of both directions, cumulative over the flow_id"},
    {.name = "first_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
     .unit = "s",
     .get = f_first_seen,
     .ie = 156,
     .source = "flowtap",
     .meaning = "earliest packet of the flow"},
    {.name = "last_seen",
     .group = FT_GROUP_AGGREGATE,
     .type = FT_T_TIME,
     .privacy = FT_PRIVACY_TIME,
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
    {.name = "community_id",
     .group = FT_GROUP_FEATURES,
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = f_community,
     .source = "Community ID v1, seed 0",
     .meaning = "the flow's name in Zeek, Suricata, Wireshark and others"},
    {FEATURE("fwd_packets_delta", FT_T_U64, "packets", f_fwd_packets_delta), .ie = 2,
     .source = "flowtap",
     .meaning = "packets from the initiator since the record before of this flow_id"},
    {FEATURE("rev_packets_delta", FT_T_U64, "packets", f_rev_packets_delta), .ie = 2,
     .pen = RFC5103_PEN, .source = "flowtap",
     .meaning = "packets from the responder since the record before of this flow_id"},
    {FEATURE("fwd_bytes_delta", FT_T_U64, "bytes", f_fwd_bytes_delta), .ie = 352,
     .source = "flowtap",
     .meaning = "wire bytes from the initiator since the record before of this flow_id"},
    {FEATURE("rev_bytes_delta", FT_T_U64, "bytes", f_rev_bytes_delta), .ie = 352,
     .pen = RFC5103_PEN, .source = "flowtap",
     .meaning = "wire bytes from the responder since the record before of this flow_id"},
    {FEATURE("fwd_ip_bytes_min", FT_T_U64, "bytes", f_fwd_ip_bytes_min), .ie = 25,
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "smallest IP packet from the initiator"},
    {FEATURE("rev_ip_bytes_min", FT_T_U64, "bytes", f_rev_ip_bytes_min), .ie = 25,
     .pen = RFC5103_PEN, .source = "IP total length", .null = NO_PACKETS,
     .meaning = "smallest IP packet from the responder"},
    {FEATURE("fwd_ip_bytes_max", FT_T_U64, "bytes", f_fwd_ip_bytes_max), .ie = 26,
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "largest IP packet from the initiator"},
    {FEATURE("rev_ip_bytes_max", FT_T_U64, "bytes", f_rev_ip_bytes_max), .ie = 26,
     .pen = RFC5103_PEN, .source = "IP total length", .null = NO_PACKETS,
     .meaning = "largest IP packet from the responder"},
    {FEATURE("fwd_ip_bytes_mean", FT_T_F64, "bytes", f_fwd_ip_bytes_mean),
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "mean IP packet from the initiator"},
    {FEATURE("rev_ip_bytes_mean", FT_T_F64, "bytes", f_rev_ip_bytes_mean),
     .source = "IP total length", .null = NO_PACKETS,
     .meaning = "mean IP packet from the responder"},
    {FEATURE("fwd_ip_bytes_std", FT_T_F64, "bytes", f_fwd_ip_bytes_std),
     .source = "IP total length", .null = TWO_PACKETS,
     .meaning = "standard deviation of the IP packets from the initiator, of the sample (n - 1)"},
    {FEATURE("rev_ip_bytes_std", FT_T_F64, "bytes", f_rev_ip_bytes_std),
     .source = "IP total length", .null = TWO_PACKETS,
     .meaning = "standard deviation of the IP packets from the responder, of the sample (n - 1)"},
    {FEATURE("fwd_iat_min_us", FT_T_F64, "us", f_fwd_iat_min_us), .source = "flowtap",
     .null = TWO_PACKETS,
     .meaning = "shortest time between two packets from the initiator; 0 for one that came late"},
    {FEATURE("rev_iat_min_us", FT_T_F64, "us", f_rev_iat_min_us), .source = "flowtap",
     .null = TWO_PACKETS,
     .meaning = "shortest time between two packets from the responder; 0 for one that came late"},
    {FEATURE("fwd_iat_max_us", FT_T_F64, "us", f_fwd_iat_max_us), .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "longest time between two packets from the initiator"},
    {FEATURE("rev_iat_max_us", FT_T_F64, "us", f_rev_iat_max_us), .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "longest time between two packets from the responder"},
    {FEATURE("fwd_iat_mean_us", FT_T_F64, "us", f_fwd_iat_mean_us), .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "mean time between two packets from the initiator"},
    {FEATURE("rev_iat_mean_us", FT_T_F64, "us", f_rev_iat_mean_us), .source = "flowtap",
     .null = TWO_PACKETS, .meaning = "mean time between two packets from the responder"},
    {FEATURE("fwd_iat_std_us", FT_T_F64, "us", f_fwd_iat_std_us), .source = "flowtap",
     .null = "fewer than three packets in this direction",
     .meaning = "standard deviation of those times, of the sample (n - 1), from the initiator"},
    {FEATURE("rev_iat_std_us", FT_T_F64, "us", f_rev_iat_std_us), .source = "flowtap",
     .null = "fewer than three packets in this direction",
     .meaning = "standard deviation of those times, of the sample (n - 1), from the responder"},
    {FEATURE("tunnel_type", FT_T_STRING, "", f_tunnel_type), .source = "RFC of the tunnel",
     .null = NO_TUNNEL,
     .meaning = "what the innermost packet came in: gre, vxlan, geneve, gtpu, mpls, ..."},
    {FEATURE("tunnel_id", FT_T_U32, "", f_tunnel_id), .source = "RFC of the tunnel",
     .null = "no tunnel, or one without an id",
     .meaning = "its id from the initiator: VNI, VSID, key, TEID, label, session"},
    {FEATURE("tunnel_rev_id", FT_T_U32, "", f_tunnel_rev_id), .source = "RFC of the tunnel",
     .null = "no tunnel, or one without an id, or no packet came back",
     .meaning = "its id from the responder"},
    {FEATURE("tunnel_src_ip", FT_T_ADDR, "", f_tunnel_src), .source = "IP header of the tunnel",
     .null = "no tunnel, or one below IP", .meaning = "outer address on the initiator's side"},
    {FEATURE("tunnel_dst_ip", FT_T_ADDR, "", f_tunnel_dst), .source = "IP header of the tunnel",
     .null = "no tunnel, or one below IP", .meaning = "outer address on the responder's side"},
    {FEATURE("tunnel_depth", FT_T_U8, "", f_tunnel_depth), .source = "flowtap",
     .meaning = "tunnels around the packets; 0: none"},
    {FEATURE("fwd_fragments", FT_T_U32, "packets", f_fwd_fragments),
     .source = "RFC 791, RFC 8200 §4.5",
     .meaning = "packets from the initiator that were fragments of IP datagrams"},
    {FEATURE("rev_fragments", FT_T_U32, "packets", f_rev_fragments),
     .source = "RFC 791, RFC 8200 §4.5",
     .meaning = "packets from the responder that were fragments of IP datagrams"},
    {FEATURE("fwd_ecn_ce_packets", FT_T_U32, "packets", f_fwd_ecn_ce_packets),
     .source = "RFC 3168 §5",
     .meaning = "packets from the initiator marked: congestion experienced"},
    {FEATURE("rev_ecn_ce_packets", FT_T_U32, "packets", f_rev_ecn_ce_packets),
     .source = "RFC 3168 §5",
     .meaning = "packets from the responder marked: congestion experienced"},
    {FEATURE("roce_opcode", FT_T_U8, "", f_roce_opcode), .source = "IBTA annex A17",
     .null = NO_ROCE, .meaning = "BTH opcode of the first RoCEv2 packet"},
    {FEATURE("roce_dest_qp", FT_T_U32, "", f_roce_dest_qp), .source = "IBTA annex A17",
     .null = NO_ROCE, .meaning = "destination queue pair of the first RoCEv2 packet"},
    {FEATURE("icmp_type", FT_T_U8, "", f_icmp_type), .ie = 176, .source = "RFC 792, RFC 4443",
     .null = NO_ICMP, .meaning = "ICMP or ICMPv6 type of the first packet (ICMPv6: element 178)"},
    {FEATURE("icmp_code", FT_T_U8, "", f_icmp_code), .ie = 177, .source = "RFC 792, RFC 4443",
     .null = NO_ICMP ", or it was a later fragment", .meaning = "its code (ICMPv6: element 179)"},
    {FEATURE("truncated", FT_T_BOOL, "", f_truncated), .source = "capture",
     .meaning = "some frames were captured shorter than they were (snap length); no counter "
                "depends on it"},
    {FEATURE("midstream", FT_T_BOOL, "", f_midstream), .source = "RFC 9293", .null = NO_TCP,
     .meaning = "the flow did not begin with a SYN: forward is the sender of its first packet"},
    {FEATURE("conn_state", FT_T_STRING, "", f_conn_state), .source = "Zeek conn.log",
     .meaning = "S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR or OTH"},
    {FEATURE("history", FT_T_STRING, "", f_history), .source = "Zeek conn.log", .null = NO_TCP,
     .meaning =
         "what was seen, in order; upper case from the initiator: S SYN, H SYN-ACK, A ACK, D data, "
         "F FIN, R RST, T retransmission, W zero window, G gap, I and Q odd flags, ^ turned round"},
    {FEATURE("tcp_rtt_client_us", FT_T_U32, "us", f_rtt_client), .source = "RFC 9293, RFC 6298 §3",
     .null = AMBIGUOUS, .meaning = "round trip between here and the initiator: SYN-ACK to ACK"},
    {FEATURE("tcp_rtt_server_us", FT_T_U32, "us", f_rtt_server), .source = "RFC 9293, RFC 6298 §3",
     .null = AMBIGUOUS, .meaning = "round trip between here and the responder: SYN to SYN-ACK"},
    {FEATURE("fwd_retransmitted_packets", FT_T_U32, "packets", f_fwd_retransmitted_packets),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the initiator that were sent again, SYNs and FINs too"},
    {FEATURE("rev_retransmitted_packets", FT_T_U32, "packets", f_rev_retransmitted_packets),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the responder that were sent again, SYNs and FINs too"},
    {FEATURE("fwd_retransmitted_bytes", FT_T_U64, "bytes", f_fwd_retransmitted_bytes),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "payload bytes from the initiator that were sent again"},
    {FEATURE("rev_retransmitted_bytes", FT_T_U64, "bytes", f_rev_retransmitted_bytes),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "payload bytes from the responder that were sent again"},
    {FEATURE("fwd_fast_retransmissions", FT_T_U32, "packets", f_fwd_fast_retransmissions),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "of them, those that two duplicate ACKs or more had asked for"},
    {FEATURE("rev_fast_retransmissions", FT_T_U32, "packets", f_rev_fast_retransmissions),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "of them, those that two duplicate ACKs or more had asked for"},
    {FEATURE("fwd_out_of_order_packets", FT_T_U32, "packets", f_fwd_out_of_order_packets),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the initiator that changed places on the way"},
    {FEATURE("rev_out_of_order_packets", FT_T_U32, "packets", f_rev_out_of_order_packets),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the responder that changed places on the way"},
    {FEATURE("fwd_duplicate_acks", FT_T_U32, "packets", f_fwd_duplicate_acks),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "duplicate ACKs from the initiator (RFC 5681 §2)"},
    {FEATURE("rev_duplicate_acks", FT_T_U32, "packets", f_rev_duplicate_acks),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "duplicate ACKs from the responder (RFC 5681 §2)"},
    {FEATURE("fwd_duplicate_frames", FT_T_U32, "packets", f_fwd_duplicate_frames),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "frames from the initiator that were captured again, equal in all, within 3 ms"},
    {FEATURE("rev_duplicate_frames", FT_T_U32, "packets", f_rev_duplicate_frames),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "frames from the responder that were captured again, equal in all, within 3 ms"},
    {FEATURE("fwd_zero_windows", FT_T_U32, "packets", f_fwd_zero_windows),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the initiator that close the window"},
    {FEATURE("rev_zero_windows", FT_T_U32, "packets", f_rev_zero_windows),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the responder that close the window"},
    {FEATURE("fwd_zero_window_probes", FT_T_U32, "packets", f_fwd_zero_window_probes),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "probes from the initiator of a closed window"},
    {FEATURE("rev_zero_window_probes", FT_T_U32, "packets", f_rev_zero_window_probes),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "probes from the responder of a closed window"},
    {FEATURE("fwd_keep_alives", FT_T_U32, "packets", f_fwd_keep_alives),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "keep-alive segments from the initiator (RFC 9293 §3.8.4)"},
    {FEATURE("rev_keep_alives", FT_T_U32, "packets", f_rev_keep_alives),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "keep-alive segments from the responder (RFC 9293 §3.8.4)"},
    {FEATURE("fwd_missed_bytes", FT_T_U64, "bytes", f_fwd_missed_bytes),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "bytes from the initiator that were acknowledged and never captured"},
    {FEATURE("rev_missed_bytes", FT_T_U64, "bytes", f_rev_missed_bytes),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "bytes from the responder that were acknowledged and never captured"},
    {FEATURE("fwd_window_init", FT_T_U16, "bytes", f_fwd_window_init), .source = "RFC 9293 §3.1",
     .null = NO_SYN, .meaning = "window of the SYN from the initiator, as on the wire"},
    {FEATURE("rev_window_init", FT_T_U16, "bytes", f_rev_window_init), .source = "RFC 9293 §3.1",
     .null = NO_SYN, .meaning = "window of the SYN from the responder, as on the wire"},
    {FEATURE("fwd_window_max", FT_T_U32, "bytes", f_fwd_window_max), .source = "RFC 7323 §2",
     .null = NO_TCP,
     .meaning = "largest window from the initiator, scaled where the scale is known"},
    {FEATURE("rev_window_max", FT_T_U32, "bytes", f_rev_window_max), .source = "RFC 7323 §2",
     .null = NO_TCP,
     .meaning = "largest window from the responder, scaled where the scale is known"},
    {FEATURE("fwd_window_scale", FT_T_U8, "", f_fwd_window_scale), .source = "RFC 7323 §2",
     .null = "not TCP, no handshake seen, or not agreed on",
     .meaning = "shift of the windows from the initiator"},
    {FEATURE("rev_window_scale", FT_T_U8, "", f_rev_window_scale), .source = "RFC 7323 §2",
     .null = "not TCP, no handshake seen, or not agreed on",
     .meaning = "shift of the windows from the responder"},
    {FEATURE("fwd_mss", FT_T_U16, "bytes", f_fwd_mss), .source = "RFC 9293 §3.7.1", .null = NO_SYN,
     .meaning = "maximum segment size from the initiator of its SYN"},
    {FEATURE("rev_mss", FT_T_U16, "bytes", f_rev_mss), .source = "RFC 9293 §3.7.1", .null = NO_SYN,
     .meaning = "maximum segment size from the responder of its SYN"},
};

const struct ft_field *ft__fields_flow(uint32_t *out_n)
{
    *out_n = sizeof flow_fields / sizeof flow_fields[0];
    return flow_fields;
}
