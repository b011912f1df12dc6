/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic_compat: the columns of the cic-compat profile: CICFlowMeter as it is. Names, places
 * and rules are the tool's. */
#include "model/columns.h"
#include "feature/cic/text.h"

/* A flow that lasted no time has no rate: the tool divides by 0. */
static void rate(struct ft_value *v, const struct ft_cic_record *r, double rate, uint8_t nonfinite)
{
    v->null = r->nonfinite != 0;
    v->nonfinite = v->null ? nonfinite : 0;
    v->f = rate;
}

static void f_bytes_rate(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    rate(v, r, r->bytes_rate, r->nonfinite);
}

static void f_packets_rate(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    rate(v, r, r->packets_rate, 'I');
}

static void f_timestamp(const void *part, struct ft_value *v)
{
    const struct ft_cic_record *r = part;

    ft__cic_time_am_pm(r->first_us, v->buf);
    v->s = v->buf;
}

#define ROW(at_rank, field, kind, of, class)                                                       \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = class, .profile = "cic-compat", .source = "CICFlowMeter 98a5eba"

static const struct ft_field rows[] = {
    {ROW(12000, "Flow ID", FT_T_STRING, "", FT_PRIVACY_IDENTITY), .get = ft__cic_flow_id,
     .meaning = "addresses, ports and protocol, the initiator first: source-destination-"
                "port-port-protocol"},
    {ROW(12005, "Src IP", FT_T_ADDR, "", FT_PRIVACY_IDENTITY), .get = ft__cic_src_ip,
     .meaning = "address of the forward side: the sender of the first packet; of a flow "
                "that goes on behind the timeout that of the one before"},
    {ROW(12010, "Src Port", FT_T_U16, "", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, port[0]),
     .meaning = "its port; 0 of others than TCP and UDP"},
    {ROW(12015, "Dst IP", FT_T_ADDR, "", FT_PRIVACY_IDENTITY), .get = ft__cic_dst_ip,
     .meaning = "address of the backward side"},
    {ROW(12020, "Dst Port", FT_T_U16, "", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, port[1]),
     .meaning = "its port; 0 of others than TCP and UDP"},
    {ROW(12025, "Protocol", FT_T_U8, "", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, protocol),
     .meaning = "IP protocol: 6 TCP, 17 UDP; 0: another one"},
    {ROW(12030, "Timestamp", FT_T_STRING, "", FT_PRIVACY_TIME), .get = f_timestamp,
     .meaning = "time of the first packet, UTC: 03/07/2017 11:55:58 AM"},
    {ROW(12035, "Flow Duration", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, duration_us),
     .meaning = "from the first packet to the last one in the order of their coming"},
    {ROW(12040, "Total Fwd Packet", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, packets[0]),
     .meaning = "forward packets; the first packet of a flow is a forward one; not FINs "
                "behind the first"},
    {ROW(12045, "Total Bwd packets", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, packets[1]),
     .meaning = "backward packets; the first packet of a flow is a forward one"},
    {ROW(12050, "Total Length of Fwd Packet", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload_sum[0]),
     .meaning = "payload of the forward packets: what is behind the transport header; 0 "
                "of others than TCP and UDP"},
    {ROW(12055, "Total Length of Bwd Packet", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload_sum[1]),
     .meaning = "payload of the backward packets: what is behind the transport header; 0 "
                "of others than TCP and UDP"},
    {ROW(12060, "Fwd Packet Length Max", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].max),
     .meaning = "largest of the payloads of forward packets; 0 without packets"},
    {ROW(12065, "Fwd Packet Length Min", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].min),
     .meaning = "smallest of the payloads of forward packets; 0 without packets"},
    {ROW(12070, "Fwd Packet Length Mean", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].mean),
     .meaning = "mean of the payloads of forward packets; 0 without packets"},
    {ROW(12075, "Fwd Packet Length Std", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[0].std),
     .meaning = "standard deviation of the payloads of forward packets, of the sample (n "
                "- 1); 0 without packets"},
    {ROW(12080, "Bwd Packet Length Max", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].max),
     .meaning = "largest of the payloads of backward packets; 0 without packets"},
    {ROW(12085, "Bwd Packet Length Min", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].min),
     .meaning = "smallest of the payloads of backward packets; 0 without packets"},
    {ROW(12090, "Bwd Packet Length Mean", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].mean),
     .meaning = "mean of the payloads of backward packets; 0 without packets"},
    {ROW(12095, "Bwd Packet Length Std", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, payload[1].std),
     .meaning = "standard deviation of the payloads of backward packets, of the sample (n"
                " - 1); 0 without packets"},
    {ROW(12100, "Flow Bytes/s", FT_T_F64, "bytes/s", FT_PRIVACY_NONE), .get = f_bytes_rate,
     .null = "the tool writes Infinity or NaN: the flow lasted no time",
     .meaning = "payload of both directions a second"},
    {ROW(12105, "Flow Packets/s", FT_T_F64, "packets/s", FT_PRIVACY_NONE), .get = f_packets_rate,
     .null = "the tool writes Infinity: the flow lasted no time",
     .meaning = "packets of both directions a second"},
    {ROW(12110, "Flow IAT Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.mean),
     .meaning = "mean of the times between packets of the flow, whatever their directions"},
    {ROW(12115, "Flow IAT Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.std),
     .meaning = "standard deviation of the times between packets of the flow, whatever "
                "their directions, of the sample (n - 1)"},
    {ROW(12120, "Flow IAT Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.max),
     .meaning = "largest of the times between packets of the flow, whatever their "
                "directions"},
    {ROW(12125, "Flow IAT Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_gaps.min),
     .meaning = "smallest of the times between packets of the flow, whatever their "
                "directions"},
    {ROW(12130, "Fwd IAT Total", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap_sum[0]),
     .meaning = "sum of the times between forward packets; 0 with fewer than two"},
    {ROW(12135, "Fwd IAT Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].mean),
     .meaning = "mean of the times between forward packets; 0 with fewer than two"},
    {ROW(12140, "Fwd IAT Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].std),
     .meaning = "standard deviation of the times between forward packets, of the sample "
                "(n - 1); 0 with fewer than two"},
    {ROW(12145, "Fwd IAT Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].max),
     .meaning = "largest of the times between forward packets; 0 with fewer than two"},
    {ROW(12150, "Fwd IAT Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[0].min),
     .meaning = "smallest of the times between forward packets; 0 with fewer than two"},
    {ROW(12155, "Bwd IAT Total", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap_sum[1]),
     .meaning = "sum of the times between backward packets; 0 with fewer than two"},
    {ROW(12160, "Bwd IAT Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].mean),
     .meaning = "mean of the times between backward packets; 0 with fewer than two"},
    {ROW(12165, "Bwd IAT Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].std),
     .meaning = "standard deviation of the times between backward packets, of the sample "
                "(n - 1); 0 with fewer than two"},
    {ROW(12170, "Bwd IAT Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].max),
     .meaning = "largest of the times between backward packets; 0 with fewer than two"},
    {ROW(12175, "Bwd IAT Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, gap[1].min),
     .meaning = "smallest of the times between backward packets; 0 with fewer than two"},
    {ROW(12180, "Fwd PSH Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, psh[0]), .meaning = "1: the first packet has PSH"},
    {ROW(12185, "Bwd PSH Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, psh[1]),
     .meaning = "always 0: only the first packet of a flow is looked at, and it is a "
                "forward one"},
    {ROW(12190, "Fwd URG Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, urg[0]), .meaning = "1: the first packet has URG"},
    {ROW(12195, "Bwd URG Flags", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, urg[1]),
     .meaning = "always 0: only the first packet of a flow is looked at, and it is a "
                "forward one"},
    {ROW(12200, "Fwd Header Length", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_sum[0]),
     .meaning = "transport headers of the forward packets: TCP with options, UDP 8, "
                "others 0"},
    {ROW(12205, "Bwd Header Length", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_sum[1]),
     .meaning = "transport headers of the backward packets: TCP with options, UDP 8, "
                "others 0"},
    {ROW(12210, "Fwd Packets/s", FT_T_F64, "packets/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, side_rate[0]),
     .meaning = "forward packets a second; 0 when the flow lasted no time"},
    {ROW(12215, "Bwd Packets/s", FT_T_F64, "packets/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, side_rate[1]),
     .meaning = "backward packets a second; 0 when the flow lasted no time"},
    {ROW(12220, "Packet Length Min", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.min),
     .meaning = "smallest of the payloads of all packets"},
    {ROW(12225, "Packet Length Max", FT_T_I64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.max),
     .meaning = "largest of the payloads of all packets"},
    {ROW(12230, "Packet Length Mean", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.mean),
     .meaning = "mean of the payloads of all packets; that of the first packet counts "
                "twice"},
    {ROW(12235, "Packet Length Std", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_payload.std),
     .meaning = "standard deviation of the payloads of all packets, of the sample (n - "
                "1); that of the first packet counts twice"},
    {ROW(12240, "Packet Length Variance", FT_T_F64, "", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, all_variance),
     .meaning = "variance of the payloads of all packets, of the sample (n - 1); that of "
                "the first packet counts twice"},
    {ROW(12245, "FIN Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[0]), .meaning = "packets with FIN, of both directions"},
    {ROW(12250, "SYN Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[1]), .meaning = "packets with SYN, of both directions"},
    {ROW(12255, "RST Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[2]), .meaning = "packets with RST, of both directions"},
    {ROW(12260, "PSH Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[3]), .meaning = "packets with PSH, of both directions"},
    {ROW(12265, "ACK Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[4]), .meaning = "packets with ACK, of both directions"},
    {ROW(12270, "URG Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[5]), .meaning = "packets with URG, of both directions"},
    {ROW(12275, "CWR Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[7]), .meaning = "packets with CWR, of both directions"},
    {ROW(12280, "ECE Flag Count", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, flags[6]), .meaning = "packets with ECE, of both directions"},
    {ROW(12285, "Down/Up Ratio", FT_T_F64, "", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, down_up),
     .meaning = "backward packets to one forward packet, cut off to a whole number"},
    {ROW(12290, "Average Packet Size", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, average),
     .meaning = "payload of both directions, that of the first packet twice, to one "
                "packet"},
    {ROW(12295, "Fwd Segment Size Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, segment[0]),
     .meaning = "payload of the forward packets to one of them; 0 without packets"},
    {ROW(12300, "Bwd Segment Size Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, segment[1]),
     .meaning = "payload of the backward packets to one of them; 0 without packets"},
    {ROW(12305, "Fwd Bytes/Bulk Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_bytes[0]),
     .meaning = "always 0: every packet lands with the backward ones"},
    {ROW(12310, "Fwd Packet/Bulk Avg", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_packets[0]),
     .meaning = "always 0: every packet lands with the backward ones"},
    {ROW(12315, "Fwd Bulk Rate Avg", FT_T_F64, "bytes/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_rate[0]),
     .meaning = "always 0: every packet lands with the backward ones"},
    {ROW(12320, "Bwd Bytes/Bulk Avg", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_bytes[1]),
     .meaning = "payload of a bulk, cut off to a whole number; a bulk here is of both "
                "directions"},
    {ROW(12325, "Bwd Packet/Bulk Avg", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_packets[1]),
     .meaning = "packets of a bulk, cut off to a whole number; a bulk here is of both "
                "directions"},
    {ROW(12330, "Bwd Bulk Rate Avg", FT_T_F64, "bytes/s", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, bulk_rate[1]),
     .meaning = "payload of bulks a second of them, cut off to a whole number; a bulk "
                "here is of both directions"},
    {ROW(12335, "Subflow Fwd Packets", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_packets[0]),
     .meaning = "forward packets to one gap of more than a second, cut off to a whole "
                "number; 0 without such gaps"},
    {ROW(12340, "Subflow Fwd Bytes", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_bytes[0]),
     .meaning = "payload of the forward packets to one gap of more than a second, cut off"
                " to a whole number; 0 without such gaps"},
    {ROW(12345, "Subflow Bwd Packets", FT_T_F64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_packets[1]),
     .meaning = "backward packets to one gap of more than a second, cut off to a whole "
                "number; 0 without such gaps"},
    {ROW(12350, "Subflow Bwd Bytes", FT_T_F64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, subflow_bytes[1]),
     .meaning = "payload of the backward packets to one gap of more than a second, cut "
                "off to a whole number; 0 without such gaps"},
    {ROW(12355, "FWD Init Win Bytes", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, window[0]),
     .meaning = "TCP window of the first packet as on the wire; 0 of others than TCP"},
    {ROW(12360, "Bwd Init Win Bytes", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, window[1]),
     .meaning = "TCP window of the last backward packet, as on the wire"},
    {ROW(12365, "Fwd Act Data Pkts", FT_T_U64, "packets", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, with_data[0]),
     .meaning = "forward packets with payload; the first packet of the flow does not "
                "count"},
    {ROW(12370, "Fwd Seg Size Min", FT_T_U64, "bytes", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, header_min[0]),
     .meaning = "shortest transport header of the forward packets; 0 without packets"},
    {ROW(12375, "Active Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.mean),
     .meaning = "mean of the times from gap to gap of more than five seconds; what "
                "follows the last gap does not count; 0 without such gaps"},
    {ROW(12380, "Active Std", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.std),
     .meaning = "standard deviation of the times from gap to gap of more than five "
                "seconds, of the sample (n - 1); what follows the last gap does not "
                "count; 0 without such gaps"},
    {ROW(12385, "Active Max", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.max),
     .meaning = "largest of the times from gap to gap of more than five seconds; what "
                "follows the last gap does not count; 0 without such gaps"},
    {ROW(12390, "Active Min", FT_T_I64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, active.min),
     .meaning = "smallest of the times from gap to gap of more than five seconds; what "
                "follows the last gap does not count; 0 without such gaps"},
    {ROW(12395, "Idle Mean", FT_T_F64, "us", FT_PRIVACY_NONE),
     FT_AT(struct ft_cic_record, idle.mean),
     .meaning = "mean of the gaps of more than five seconds; 0 without"},
    {ROW(12400, "Idle Std", FT_T_F64, "us", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, idle.std),
     .meaning = "standard deviation of the gaps of more than five seconds, of the sample "
                "(n - 1); 0 without"},
    {ROW(12405, "Idle Max", FT_T_I64, "us", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, idle.max),
     .meaning = "largest of the gaps of more than five seconds; 0 without"},
    {ROW(12410, "Idle Min", FT_T_I64, "us", FT_PRIVACY_NONE), FT_AT(struct ft_cic_record, idle.min),
     .meaning = "smallest of the gaps of more than five seconds; 0 without"},
    {ROW(12415, "Label", FT_T_TEXT, "", FT_PRIVACY_NONE), .get = ft__cic_label,
     .meaning = "what --labels say of the flow: the attack, BENIGN or ATTACK where it has no "
                "name; NeedManualLabel, as the tool writes it, where no rule knows the flow"},
};

/* 120 s after the first packet a flow is over, which shows when its next packet comes. The tool
 * waits for that as long as it runs; here a flow of TCP that says nothing for ten minutes is over,
 * too; so is one of others. */
static const struct ft_flow_rules rules = {
    .name = "cic-compat",
    .idle_ns = INT64_C(600000000000),
    .active_ns = INT64_C(120000001000), /* more than 120 s, in whole microseconds */
    .active_ends = true,
    .active_at_packet = true,
    .five_tuple = true,
    .few_ports = true,
    .past_tcp_end = true,
    .first_is_fwd = true,
    .tcp_end = FT_TCP_END_AT_ONCE,
    .follows = FT_FOLLOWS_ALL,
};

const struct ft_column_set ft_columns_cic_compat = {
    .profile = "cic-compat",
    .meaning = "CICFlowMeter as it is, with its faults: columns, ends of flows, what it drops",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_CIC_COMPAT,
    .is_tool = true,
    .rules = &rules};
