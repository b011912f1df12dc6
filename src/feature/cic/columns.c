/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: the columns of the cic profile: CICFlowMeter as its corrected form has it. Names,
 * places and rules are the tool's. */
#include "model/columns.h"
#include "feature/cic/text.h"

static void f_timestamp(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    ft__cic_time_iso(r->first_us, v->buf);
    v->s = v->buf;
}

static void f_icmp_code(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    v->null = !r->has_icmp;
    v->u = r->icmp_code;
}

static void f_icmp_type(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    v->null = !r->has_icmp;
    v->u = r->icmp_type;
}

#define ROW(at_rank, field, kind, of, class)                                                       \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = class, .profile = "cic", .source = "CICFlowMeter 4dd5319"

static const struct ft_field rows[] = {
    {ROW(11000, "Flow ID", FT_T_STRING, "", FT_PRIVACY_IDENTITY), .get = ft__cic_flow_id,
     .meaning = "addresses, ports and protocol, the initiator first: source-destination-"
                "port-port-protocol"},
    {ROW(11005, "Src IP", FT_T_ADDR, "", FT_PRIVACY_IDENTITY), .get = ft__cic_src_ip,
     .meaning = "address of the forward side: the sender of the first packet; of a SYN-"
                "ACK that comes first its receiver; of a flow that goes on behind the "
                "timeout that of the one before"},
    {ROW(11010, "Src Port", FT_T_U16, "", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, port[0]),
     .meaning = "its port; 0 of protocols without"},
    {ROW(11015, "Dst IP", FT_T_ADDR, "", FT_PRIVACY_IDENTITY), .get = ft__cic_dst_ip,
     .meaning = "address of the backward side"},
    {ROW(11020, "Dst Port", FT_T_U16, "", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, port[1]),
     .meaning = "its port; 0 of protocols without"},
    {ROW(11025, "Protocol", FT_T_U8, "", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, protocol),
     .meaning = "IP protocol: ICMP, IGMP, TCP, UDP, SCTP, ICMPv6; 0: another one"},
    {ROW(11030, "Timestamp", FT_T_STRING, "", FT_PRIVACY_TIME), .get = f_timestamp,
     .meaning = "time of the first packet, UTC: 2017-07-03 11:55:58.598308, with no more "
                "of the fraction than it has in groups of three"},
    {ROW(11035, "Flow Duration", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, duration_us),
     .meaning = "from the first packet to the last one in the order of their coming"},
    {ROW(11040, "Total Fwd Packet", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, packets[0]), .meaning = "forward packets"},
    {ROW(11045, "Total Bwd packets", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, packets[1]), .meaning = "backward packets"},
    {ROW(11050, "Total Length of Fwd Packet", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload_sum[0]),
     .meaning = "payload of the forward packets: what is behind the transport header; 0 "
                "of others than TCP, UDP, SCTP"},
    {ROW(11055, "Total Length of Bwd Packet", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload_sum[1]),
     .meaning = "payload of the backward packets: what is behind the transport header; 0 "
                "of others than TCP, UDP, SCTP"},
    {ROW(11060, "Fwd Packet Length Max", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].max),
     .meaning = "largest of the payloads of forward packets; 0 without packets"},
    {ROW(11065, "Fwd Packet Length Min", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].min),
     .meaning = "smallest of the payloads of forward packets; 0 without packets"},
    {ROW(11070, "Fwd Packet Length Mean", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].mean),
     .meaning = "mean of the payloads of forward packets; 0 without packets"},
    {ROW(11075, "Fwd Packet Length Std", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].std),
     .meaning = "standard deviation of the payloads of forward packets, of the sample (n "
                "- 1); 0 without packets"},
    {ROW(11080, "Bwd Packet Length Max", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].max),
     .meaning = "largest of the payloads of backward packets; 0 without packets"},
    {ROW(11085, "Bwd Packet Length Min", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].min),
     .meaning = "smallest of the payloads of backward packets; 0 without packets"},
    {ROW(11090, "Bwd Packet Length Mean", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].mean),
     .meaning = "mean of the payloads of backward packets; 0 without packets"},
    {ROW(11095, "Bwd Packet Length Std", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].std),
     .meaning = "standard deviation of the payloads of backward packets, of the sample (n"
                " - 1); 0 without packets"},
    {ROW(11100, "Flow Bytes/s", FT_T_F64, "bytes/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bytes_rate), .absent = FT_ABSENT_ONES,
     .null = "the flow lasted no time, or its clock went back",
     .meaning = "payload of both directions a second"},
    {ROW(11105, "Flow Packets/s", FT_T_F64, "packets/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, packets_rate), .absent = FT_ABSENT_ONES,
     .null = "the flow lasted no time, or its clock went back",
     .meaning = "packets of both directions a second"},
    {ROW(11110, "Flow IAT Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.mean),
     .meaning = "mean of the times between packets of the flow, whatever their directions"},
    {ROW(11115, "Flow IAT Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.std),
     .meaning = "standard deviation of the times between packets of the flow, whatever "
                "their directions, of the sample (n - 1)"},
    {ROW(11120, "Flow IAT Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.max),
     .meaning = "largest of the times between packets of the flow, whatever their "
                "directions"},
    {ROW(11125, "Flow IAT Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.min),
     .meaning = "smallest of the times between packets of the flow, whatever their "
                "directions"},
    {ROW(11130, "Fwd IAT Total", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap_sum[0]),
     .meaning = "sum of the times between forward packets; 0 with fewer than two"},
    {ROW(11135, "Fwd IAT Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].mean),
     .meaning = "mean of the times between forward packets; 0 with fewer than two"},
    {ROW(11140, "Fwd IAT Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].std),
     .meaning = "standard deviation of the times between forward packets, of the sample "
                "(n - 1); 0 with fewer than two"},
    {ROW(11145, "Fwd IAT Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].max),
     .meaning = "largest of the times between forward packets; 0 with fewer than two"},
    {ROW(11150, "Fwd IAT Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].min),
     .meaning = "smallest of the times between forward packets; 0 with fewer than two"},
    {ROW(11155, "Bwd IAT Total", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap_sum[1]),
     .meaning = "sum of the times between backward packets; 0 with fewer than two"},
    {ROW(11160, "Bwd IAT Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].mean),
     .meaning = "mean of the times between backward packets; 0 with fewer than two"},
    {ROW(11165, "Bwd IAT Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].std),
     .meaning = "standard deviation of the times between backward packets, of the sample "
                "(n - 1); 0 with fewer than two"},
    {ROW(11170, "Bwd IAT Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].max),
     .meaning = "largest of the times between backward packets; 0 with fewer than two"},
    {ROW(11175, "Bwd IAT Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].min),
     .meaning = "smallest of the times between backward packets; 0 with fewer than two"},
    {ROW(11180, "Fwd PSH Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, psh[0]), .meaning = "forward packets with PSH"},
    {ROW(11185, "Bwd PSH Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, psh[1]), .meaning = "backward packets with PSH"},
    {ROW(11190, "Fwd URG Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, urg[0]), .meaning = "forward packets with URG"},
    {ROW(11195, "Bwd URG Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, urg[1]), .meaning = "backward packets with URG"},
    {ROW(11200, "Fwd RST Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, rst[0]), .meaning = "forward packets with RST"},
    {ROW(11205, "Bwd RST Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, rst[1]), .meaning = "backward packets with RST"},
    {ROW(11210, "Fwd Header Length", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_sum[0]),
     .meaning = "transport headers of the forward packets: TCP with options, UDP 8, SCTP "
                "12, others 0"},
    {ROW(11215, "Bwd Header Length", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_sum[1]),
     .meaning = "transport headers of the backward packets: TCP with options, UDP 8, SCTP"
                " 12, others 0"},
    {ROW(11220, "Fwd Packets/s", FT_T_F64, "packets/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, side_rate[0]),
     .meaning = "forward packets a second; 0 when the flow lasted no time"},
    {ROW(11225, "Bwd Packets/s", FT_T_F64, "packets/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, side_rate[1]),
     .meaning = "backward packets a second; 0 when the flow lasted no time"},
    {ROW(11230, "Packet Length Min", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.min),
     .meaning = "smallest of the payloads of all packets"},
    {ROW(11235, "Packet Length Max", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.max),
     .meaning = "largest of the payloads of all packets"},
    {ROW(11240, "Packet Length Mean", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.mean),
     .meaning = "mean of the payloads of all packets"},
    {ROW(11245, "Packet Length Std", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.std),
     .meaning = "standard deviation of the payloads of all packets, of the sample (n - 1)"},
    {ROW(11250, "Packet Length Variance", FT_T_F64, "", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_variance),
     .meaning = "variance of the payloads of all packets, of the sample (n - 1)"},
    {ROW(11255, "FIN Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[0]), .meaning = "packets with FIN, of both directions"},
    {ROW(11260, "SYN Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[1]), .meaning = "packets with SYN, of both directions"},
    {ROW(11265, "RST Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[2]), .meaning = "packets with RST, of both directions"},
    {ROW(11270, "PSH Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[3]), .meaning = "packets with PSH, of both directions"},
    {ROW(11275, "ACK Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[4]), .meaning = "packets with ACK, of both directions"},
    {ROW(11280, "URG Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[5]), .meaning = "packets with URG, of both directions"},
    {ROW(11285, "CWR Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[7]), .meaning = "packets with CWR, of both directions"},
    {ROW(11290, "ECE Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[6]), .meaning = "packets with ECE, of both directions"},
    {ROW(11295, "Down/Up Ratio", FT_T_F64, "", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, down_up),
     .meaning = "backward packets to one forward packet; 0 without forward packets"},
    {ROW(11300, "Average Packet Size", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, average), .meaning = "payload of both directions to one packet"},
    {ROW(11305, "Fwd Segment Size Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, segment[0]),
     .meaning = "payload of the forward packets to one of them; 0 without packets"},
    {ROW(11310, "Bwd Segment Size Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, segment[1]),
     .meaning = "payload of the backward packets to one of them; 0 without packets"},
    {ROW(11315, "Fwd Bytes/Bulk Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_bytes[0]),
     .meaning = "payload of a forward bulk: four packets of one direction with payload or"
                " more, no second between two, and none from the other side; 0 without"},
    {ROW(11320, "Fwd Packet/Bulk Avg", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_packets[0]),
     .meaning = "packets of a forward bulk; 0 without"},
    {ROW(11325, "Fwd Bulk Rate Avg", FT_T_F64, "bytes/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_rate[0]),
     .meaning = "payload of forward bulks a second of them; 0 without"},
    {ROW(11330, "Bwd Bytes/Bulk Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_bytes[1]),
     .meaning = "payload of a backward bulk: four packets of one direction with payload "
                "or more, no second between two, and none from the other side; 0 without"},
    {ROW(11335, "Bwd Packet/Bulk Avg", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_packets[1]),
     .meaning = "packets of a backward bulk; 0 without"},
    {ROW(11340, "Bwd Bulk Rate Avg", FT_T_F64, "bytes/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_rate[1]),
     .meaning = "payload of backward bulks a second of them; 0 without"},
    {ROW(11345, "Subflow Fwd Packets", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_packets[0]),
     .meaning = "forward packets to one gap of more than a second; 0 without such gaps"},
    {ROW(11350, "Subflow Fwd Bytes", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_bytes[0]),
     .meaning = "payload of the forward packets to one gap of more than a second; 0 "
                "without such gaps"},
    {ROW(11355, "Subflow Bwd Packets", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_packets[1]),
     .meaning = "backward packets to one gap of more than a second; 0 without such gaps"},
    {ROW(11360, "Subflow Bwd Bytes", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_bytes[1]),
     .meaning = "payload of the backward packets to one gap of more than a second; 0 "
                "without such gaps"},
    {ROW(11365, "FWD Init Win Bytes", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, window[0]),
     .meaning = "TCP window of the first packet as on the wire; 0 when that is a backward"
                " one, and of others than TCP"},
    {ROW(11370, "Bwd Init Win Bytes", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, window[1]),
     .meaning = "first TCP window of the backward packets that is not 0, as on the wire"},
    {ROW(11375, "Fwd Act Data Pkts", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, with_data[0]), .meaning = "forward packets with payload"},
    {ROW(11380, "Bwd Act Data Pkts", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, with_data[1]), .meaning = "backward packets with payload"},
    {ROW(11385, "Fwd Seg Size Min", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_min[0]),
     .meaning = "shortest transport header of the forward packets; 0 without packets"},
    {ROW(11390, "Bwd Seg Size Min", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_min[1]),
     .meaning = "shortest transport header of the backward packets; 0 without packets"},
    {ROW(11395, "Active Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.mean),
     .meaning = "mean of the times from gap to gap of more than five seconds; what "
                "follows the last gap does not count; 0 without such gaps"},
    {ROW(11400, "Active Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.std),
     .meaning = "standard deviation of the times from gap to gap of more than five "
                "seconds, of the sample (n - 1); what follows the last gap does not "
                "count; 0 without such gaps"},
    {ROW(11405, "Active Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.max),
     .meaning = "largest of the times from gap to gap of more than five seconds; what "
                "follows the last gap does not count; 0 without such gaps"},
    {ROW(11410, "Active Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.min),
     .meaning = "smallest of the times from gap to gap of more than five seconds; what "
                "follows the last gap does not count; 0 without such gaps"},
    {ROW(11415, "Idle Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, idle.mean),
     .meaning = "mean of the gaps of more than five seconds; 0 without"},
    {ROW(11420, "Idle Std", FT_T_F64, "us", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, idle.std),
     .meaning = "standard deviation of the gaps of more than five seconds, of the sample "
                "(n - 1); 0 without"},
    {ROW(11425, "Idle Max", FT_T_I64, "us", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, idle.max),
     .meaning = "largest of the gaps of more than five seconds; 0 without"},
    {ROW(11430, "Idle Min", FT_T_I64, "us", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, idle.min),
     .meaning = "smallest of the gaps of more than five seconds; 0 without"},
    {ROW(11435, "ICMP Code", FT_T_U8, "", FT_PRIVACY_NONE), .get = f_icmp_code,
     .null = "neither ICMP nor ICMPv6", .meaning = "ICMP code of the first packet"},
    {ROW(11440, "ICMP Type", FT_T_U8, "", FT_PRIVACY_NONE), .get = f_icmp_type,
     .null = "neither ICMP nor ICMPv6", .meaning = "ICMP type of the first packet"},
    {ROW(11445, "Fwd TCP Retrans. Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, retrans[0]),
     .meaning = "forward segments that are like one of the 26 newest different segments "
                "of the flow: direction, sequence and acknowledgment number, payload "
                "length and window"},
    {ROW(11450, "Bwd TCP Retrans. Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, retrans[1]),
     .meaning = "backward segments that are like one of the 26 newest different segments "
                "of the flow: direction, sequence and acknowledgment number, payload "
                "length and window"},
    {ROW(11455, "Total TCP Retrans. Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, retrans[2]), .meaning = "both counts together"},
    {ROW(11460, "Total Connection Flow Time", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, connection_us),
     .meaning = "from the first packet of the flows that this one goes on from to its "
                "last one; 0 of others than TCP and UDP"},
    {ROW(11465, "Label", FT_T_TEXT, "", FT_PRIVACY_NONE), .get = ft__cic_label,
     .meaning = "what --labels say of the flow: the attack, BENIGN or ATTACK where it has no "
                "name; NeedManualLabel, as the tool writes it, where no rule knows the flow"},
};

/* 120 s after the first packet a flow is over, which shows when its next packet comes. The tool
 * waits for that as long as it runs; here a flow of TCP that says nothing for ten minutes is over,
 * too, and one of others after the 120 s, behind which it would not go on anyway. */
static const struct ft_flow_rules rules = {
    .name = "cic",
    .idle_ns = INT64_C(600000000000),
    .idle_else_ns = INT64_C(120000001000),
    .active_ns = INT64_C(120000001000), /* more than 120 s, in whole microseconds */
    .active_ends = true,
    .active_at_packet = true,
    .five_tuple = true,
    .past_tcp_end = true,
    .tcp_end = FT_TCP_END_AT_SYN,
    .follows = FT_FOLLOWS_TCP_UDP,
};

const struct ft_column_set ft_columns_cic = {
    .profile = "cic",
    .meaning = "CICFlowMeter as it was meant: the columns and ends of flows of its corrected form",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_CIC,
    .is_tool = true,
    .rules = &rules};
