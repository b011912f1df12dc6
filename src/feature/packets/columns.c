/* SPDX-License-Identifier: Apache-2.0 */
/* feature/packets: the columns of the packets profile: what the packets of a flow say besides. */
#include "model/columns.h"

#define PACKETS(name, stmt)                                                                        \
    static void f_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_packets_record *r = part;                                                  \
        stmt;                                                                                      \
    }

static void uint_of(struct ft_value *v, bool known, uint64_t value)
{
    v->null = !known;
    v->u = value;
}

static void real(struct ft_value *v, bool known, double value)
{
    v->null = !known;
    v->f = value;
}

static void time_of(struct ft_value *v, bool known, int64_t ns)
{
    v->null = !known;
    v->i = ns;
}

PACKETS(fwd_first_seen, time_of(v, r->payload[0].n > 0, r->first_ns[0]))
PACKETS(rev_first_seen, time_of(v, r->payload[1].n > 0, r->first_ns[1]))
PACKETS(fwd_last_seen, time_of(v, r->payload[0].n > 0, r->last_ns[0]))
PACKETS(rev_last_seen, time_of(v, r->payload[1].n > 0, r->last_ns[1]))
PACKETS(fwd_ttl_min, uint_of(v, r->payload[0].n > 0, r->ttl_min[0]))
PACKETS(rev_ttl_min, uint_of(v, r->payload[1].n > 0, r->ttl_min[1]))
PACKETS(fwd_ttl_max, uint_of(v, r->payload[0].n > 0, r->ttl_max[0]))
PACKETS(rev_ttl_max, uint_of(v, r->payload[1].n > 0, r->ttl_max[1]))
PACKETS(fwd_dscp, uint_of(v, r->payload[0].n > 0, r->tos[0] >> 2))
PACKETS(rev_dscp, uint_of(v, r->payload[1].n > 0, r->tos[1] >> 2))
PACKETS(fwd_fin_packets, uint_of(v, r->tcp, r->flags[0][0]))
PACKETS(rev_fin_packets, uint_of(v, r->tcp, r->flags[1][0]))
PACKETS(fwd_syn_packets, uint_of(v, r->tcp, r->flags[0][1]))
PACKETS(rev_syn_packets, uint_of(v, r->tcp, r->flags[1][1]))
PACKETS(fwd_rst_packets, uint_of(v, r->tcp, r->flags[0][2]))
PACKETS(rev_rst_packets, uint_of(v, r->tcp, r->flags[1][2]))
PACKETS(fwd_psh_packets, uint_of(v, r->tcp, r->flags[0][3]))
PACKETS(rev_psh_packets, uint_of(v, r->tcp, r->flags[1][3]))
PACKETS(fwd_ack_packets, uint_of(v, r->tcp, r->flags[0][4]))
PACKETS(rev_ack_packets, uint_of(v, r->tcp, r->flags[1][4]))
PACKETS(fwd_urg_packets, uint_of(v, r->tcp, r->flags[0][5]))
PACKETS(rev_urg_packets, uint_of(v, r->tcp, r->flags[1][5]))
PACKETS(fwd_ece_packets, uint_of(v, r->tcp, r->flags[0][6]))
PACKETS(rev_ece_packets, uint_of(v, r->tcp, r->flags[1][6]))
PACKETS(fwd_cwr_packets, uint_of(v, r->tcp, r->flags[0][7]))
PACKETS(rev_cwr_packets, uint_of(v, r->tcp, r->flags[1][7]))
PACKETS(fwd_tcp_isn, uint_of(v, r->has_isn[0], r->isn[0]))
PACKETS(rev_tcp_isn, uint_of(v, r->has_isn[1], r->isn[1]))
PACKETS(fwd_payload_bytes_min, uint_of(v, r->payload[0].n > 0, r->payload[0].min))
PACKETS(rev_payload_bytes_min, uint_of(v, r->payload[1].n > 0, r->payload[1].min))
PACKETS(fwd_payload_bytes_max, uint_of(v, r->payload[0].n > 0, r->payload[0].max))
PACKETS(rev_payload_bytes_max, uint_of(v, r->payload[1].n > 0, r->payload[1].max))
PACKETS(fwd_payload_bytes_mean, real(v, r->payload[0].n > 0, ft_distribution_mean(&r->payload[0])))
PACKETS(rev_payload_bytes_mean, real(v, r->payload[1].n > 0, ft_distribution_mean(&r->payload[1])))
PACKETS(fwd_payload_bytes_std, real(v, r->payload[0].n > 1, ft_distribution_std(&r->payload[0])))
PACKETS(rev_payload_bytes_std, real(v, r->payload[1].n > 1, ft_distribution_std(&r->payload[1])))
PACKETS(iat_min_us, real(v, r->gap.n > 0, (double)r->gap.min / 1000))
PACKETS(iat_max_us, real(v, r->gap.n > 0, (double)r->gap.max / 1000))
PACKETS(iat_mean_us, real(v, r->gap.n > 0, ft_distribution_mean(&r->gap) / 1000))
PACKETS(iat_std_us, real(v, r->gap.n > 1, ft_distribution_std(&r->gap) / 1000))

#define NO_PACKETS  "no packet in this direction"
#define TWO_PACKETS "fewer than two packets in this direction"
#define TWO_OF_FLOW "the flow has one packet"
#define NOT_TCP     "not TCP"
#define NO_SYN      "no SYN was seen"

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_OF(kind), .profile = "packets"

static const struct ft_field rows[] = {
    {ROW(2000, "fwd_first_seen", FT_T_TIME, "s"), .get = f_fwd_first_seen, .source = "flowtap",
     .null = NO_PACKETS, .meaning = "earliest packet from the initiator"},
    {ROW(2010, "rev_first_seen", FT_T_TIME, "s"), .get = f_rev_first_seen, .source = "flowtap",
     .null = NO_PACKETS, .meaning = "earliest packet from the responder"},
    {ROW(2020, "fwd_last_seen", FT_T_TIME, "s"), .get = f_fwd_last_seen, .source = "flowtap",
     .null = NO_PACKETS, .meaning = "latest packet from the initiator"},
    {ROW(2030, "rev_last_seen", FT_T_TIME, "s"), .get = f_rev_last_seen, .source = "flowtap",
     .null = NO_PACKETS, .meaning = "latest packet from the responder"},
    {ROW(2040, "fwd_ttl_min", FT_T_U8, ""), .tells_host = true, .get = f_fwd_ttl_min, .ie = 52,
     .source = "IP header", .null = NO_PACKETS,
     .meaning = "smallest TTL or hop limit of the packets from the initiator"},
    {ROW(2050, "rev_ttl_min", FT_T_U8, ""), .tells_host = true, .get = f_rev_ttl_min, .ie = 52,
     .pen = FT_PEN_REVERSE, .source = "IP header", .null = NO_PACKETS,
     .meaning = "smallest TTL or hop limit of the packets from the responder"},
    {ROW(2060, "fwd_ttl_max", FT_T_U8, ""), .tells_host = true, .get = f_fwd_ttl_max, .ie = 53,
     .source = "IP header", .null = NO_PACKETS,
     .meaning = "largest TTL or hop limit of the packets from the initiator"},
    {ROW(2070, "rev_ttl_max", FT_T_U8, ""), .tells_host = true, .get = f_rev_ttl_max, .ie = 53,
     .pen = FT_PEN_REVERSE, .source = "IP header", .null = NO_PACKETS,
     .meaning = "largest TTL or hop limit of the packets from the responder"},
    {ROW(2080, "fwd_dscp", FT_T_U8, ""), .get = f_fwd_dscp, .ie = 195, .source = "RFC 2474 §3",
     .null = NO_PACKETS,
     .meaning = "differentiated services code point of the first packet from the initiator"},
    {ROW(2090, "rev_dscp", FT_T_U8, ""), .get = f_rev_dscp, .ie = 195, .pen = FT_PEN_REVERSE,
     .source = "RFC 2474 §3", .null = NO_PACKETS,
     .meaning = "differentiated services code point of the first packet from the responder"},
    {ROW(2100, "fwd_fin_packets", FT_T_U64, "packets"), .get = f_fwd_fin_packets, .ie = 219,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with FIN from the initiator"},
    {ROW(2110, "rev_fin_packets", FT_T_U64, "packets"), .get = f_rev_fin_packets, .ie = 219,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NOT_TCP,
     .meaning = "packets with FIN from the responder"},
    {ROW(2120, "fwd_syn_packets", FT_T_U64, "packets"), .get = f_fwd_syn_packets, .ie = 218,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with SYN from the initiator"},
    {ROW(2130, "rev_syn_packets", FT_T_U64, "packets"), .get = f_rev_syn_packets, .ie = 218,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NOT_TCP,
     .meaning = "packets with SYN from the responder"},
    {ROW(2140, "fwd_rst_packets", FT_T_U64, "packets"), .get = f_fwd_rst_packets, .ie = 220,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with RST from the initiator"},
    {ROW(2150, "rev_rst_packets", FT_T_U64, "packets"), .get = f_rev_rst_packets, .ie = 220,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NOT_TCP,
     .meaning = "packets with RST from the responder"},
    {ROW(2160, "fwd_psh_packets", FT_T_U64, "packets"), .get = f_fwd_psh_packets, .ie = 221,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with PSH from the initiator"},
    {ROW(2170, "rev_psh_packets", FT_T_U64, "packets"), .get = f_rev_psh_packets, .ie = 221,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NOT_TCP,
     .meaning = "packets with PSH from the responder"},
    {ROW(2180, "fwd_ack_packets", FT_T_U64, "packets"), .get = f_fwd_ack_packets, .ie = 222,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with ACK from the initiator"},
    {ROW(2190, "rev_ack_packets", FT_T_U64, "packets"), .get = f_rev_ack_packets, .ie = 222,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NOT_TCP,
     .meaning = "packets with ACK from the responder"},
    {ROW(2200, "fwd_urg_packets", FT_T_U64, "packets"), .get = f_fwd_urg_packets, .ie = 223,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with URG from the initiator"},
    {ROW(2210, "rev_urg_packets", FT_T_U64, "packets"), .get = f_rev_urg_packets, .ie = 223,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NOT_TCP,
     .meaning = "packets with URG from the responder"},
    {ROW(2220, "fwd_ece_packets", FT_T_U64, "packets"), .get = f_fwd_ece_packets,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with ECE from the initiator"},
    {ROW(2230, "rev_ece_packets", FT_T_U64, "packets"), .get = f_rev_ece_packets,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with ECE from the responder"},
    {ROW(2240, "fwd_cwr_packets", FT_T_U64, "packets"), .get = f_fwd_cwr_packets,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with CWR from the initiator"},
    {ROW(2250, "rev_cwr_packets", FT_T_U64, "packets"), .get = f_rev_cwr_packets,
     .source = "RFC 9293 §3.1", .null = NOT_TCP, .meaning = "packets with CWR from the responder"},
    {ROW(2260, "fwd_tcp_isn", FT_T_U32, ""), .tells_host = true, .get = f_fwd_tcp_isn, .ie = 184,
     .source = "RFC 9293 §3.1", .null = NO_SYN,
     .meaning = "sequence number of the first SYN from the initiator"},
    {ROW(2270, "rev_tcp_isn", FT_T_U32, ""), .tells_host = true, .get = f_rev_tcp_isn, .ie = 184,
     .pen = FT_PEN_REVERSE, .source = "RFC 9293 §3.1", .null = NO_SYN,
     .meaning = "sequence number of the first SYN from the responder"},
    {ROW(2280, "fwd_payload_bytes_min", FT_T_U64, "bytes"), .get = f_fwd_payload_bytes_min,
     .source = "flowtap", .null = NO_PACKETS,
     .meaning = "smallest payload of a packet from the initiator"},
    {ROW(2290, "rev_payload_bytes_min", FT_T_U64, "bytes"), .get = f_rev_payload_bytes_min,
     .source = "flowtap", .null = NO_PACKETS,
     .meaning = "smallest payload of a packet from the responder"},
    {ROW(2300, "fwd_payload_bytes_max", FT_T_U64, "bytes"), .get = f_fwd_payload_bytes_max,
     .source = "flowtap", .null = NO_PACKETS,
     .meaning = "largest payload of a packet from the initiator"},
    {ROW(2310, "rev_payload_bytes_max", FT_T_U64, "bytes"), .get = f_rev_payload_bytes_max,
     .source = "flowtap", .null = NO_PACKETS,
     .meaning = "largest payload of a packet from the responder"},
    {ROW(2320, "fwd_payload_bytes_mean", FT_T_F64, "bytes"), .get = f_fwd_payload_bytes_mean,
     .source = "flowtap", .null = NO_PACKETS,
     .meaning = "mean payload of the packets from the initiator"},
    {ROW(2330, "rev_payload_bytes_mean", FT_T_F64, "bytes"), .get = f_rev_payload_bytes_mean,
     .source = "flowtap", .null = NO_PACKETS,
     .meaning = "mean payload of the packets from the responder"},
    {ROW(2340, "fwd_payload_bytes_std", FT_T_F64, "bytes"), .get = f_fwd_payload_bytes_std,
     .source = "flowtap", .null = TWO_PACKETS,
     .meaning = "standard deviation of the payloads from the initiator, of the sample (n - 1)"},
    {ROW(2350, "rev_payload_bytes_std", FT_T_F64, "bytes"), .get = f_rev_payload_bytes_std,
     .source = "flowtap", .null = TWO_PACKETS,
     .meaning = "standard deviation of the payloads from the responder, of the sample (n - 1)"},
    {ROW(2360, "iat_min_us", FT_T_F64, "us"), .get = f_iat_min_us, .source = "flowtap",
     .null = TWO_OF_FLOW,
     .meaning = "shortest time between two packets of the flow, whatever their directions; 0 for "
                "one that came late"},
    {ROW(2370, "iat_max_us", FT_T_F64, "us"), .get = f_iat_max_us, .source = "flowtap",
     .null = TWO_OF_FLOW, .meaning = "longest time between two packets of the flow"},
    {ROW(2380, "iat_mean_us", FT_T_F64, "us"), .get = f_iat_mean_us, .source = "flowtap",
     .null = TWO_OF_FLOW, .meaning = "mean time between two packets of the flow"},
    {ROW(2390, "iat_std_us", FT_T_F64, "us"), .get = f_iat_std_us, .source = "flowtap",
     .null = "the flow has fewer than three packets",
     .meaning = "standard deviation of those times, of the sample (n - 1)"},
};

const struct ft_column_set ft_columns_packets = {
    .profile = "packets",
    .meaning = "what packets say besides: times, TTL, DSCP, TCP flags, payload sizes by direction, "
               "all gaps",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_PACKETS};
