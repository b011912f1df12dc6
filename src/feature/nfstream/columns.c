/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nfstream: the columns of NFStream 6.5.4, with its names, in its order. Those of its
 * application library (nDPI) are not among them. */
#include "model/columns.h"

#include <stdio.h>

#define NFSTREAM(name, stmt)                                                                       \
    static void f_##name(const void *part, struct ft_value *v)                                     \
    {                                                                                              \
        const struct ft_nfstream_record *r = part;                                                 \
        stmt;                                                                                      \
    }

static void addr_of(const struct ft_nfstream_record *r, const uint8_t *addr, struct ft_value *v)
{
    v->ip_version = r->ip_version;
    v->addr = addr;
}

static void mac_of(const uint8_t *m, struct ft_value *v)
{
    snprintf(v->buf, sizeof v->buf, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
             m[5]);
    v->s = v->buf;
}

static void oui_of(const uint8_t *m, struct ft_value *v)
{
    snprintf(v->buf, sizeof v->buf, "%02x:%02x:%02x", m[0], m[1], m[2]);
    v->s = v->buf;
}

static double mean_of(const struct ft_distribution *d)
{
    return d->n > 0 ? ft_distribution_mean(d) : 0;
}

static double stddev_of(const struct ft_distribution *d)
{
    return d->n > 1 ? ft_distribution_std(d) : 0;
}

NFSTREAM(src_ip, addr_of(r, r->src, v))
NFSTREAM(dst_ip, addr_of(r, r->dst, v))
NFSTREAM(src_mac, mac_of(r->mac[0], v))
NFSTREAM(dst_mac, mac_of(r->mac[1], v))
NFSTREAM(src_oui, oui_of(r->mac[0], v))
NFSTREAM(dst_oui, oui_of(r->mac[1], v))
FT_GET_LIST(f_splt_direction, struct ft_nfstream_record, splt_direction, n_splt)
FT_GET_LIST(f_splt_ps, struct ft_nfstream_record, splt_ps, n_splt)
FT_GET_LIST(f_splt_piat_ms, struct ft_nfstream_record, splt_piat_ms, n_splt)

#define MEANS(name, side_of)                                                                       \
    NFSTREAM(name##_mean_ps, v->f = mean_of(&r->side[side_of].size))                               \
    NFSTREAM(name##_stddev_ps, v->f = stddev_of(&r->side[side_of].size))                           \
    NFSTREAM(name##_mean_piat_ms, v->f = mean_of(&r->side[side_of].gap))                           \
    NFSTREAM(name##_stddev_piat_ms, v->f = stddev_of(&r->side[side_of].gap))

MEANS(bidirectional, FT_NFSTREAM_BOTH)
MEANS(src2dst, FT_NFSTREAM_FWD)
MEANS(dst2src, FT_NFSTREAM_REV)

#define AT(member) FT_AT(struct ft_nfstream_record, member)

#define ROW(at_rank, field, kind, of, class)                                                       \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = class, .profile = "nfstream"

static uint32_t asked(const uint64_t *option)
{
    return (uint32_t)option[0];
}

#define LIST(at_rank, field, of)                                                                   \
    ROW(at_rank, field, FT_T_LIST, of, FT_PRIVACY_NONE),                                           \
        .item = FT_T_I64, .most = FT_NFSTREAM_SPLT_MAX, .asked = asked

#define NONE     FT_PRIVACY_NONE
#define IDENTITY FT_PRIVACY_IDENTITY
#define TIME     FT_PRIVACY_TIME
#define BOTH     FT_NFSTREAM_BOTH
#define FWD      FT_NFSTREAM_FWD
#define REV      FT_NFSTREAM_REV

static const struct ft_field rows[] = {
    {ROW(10000, "id", FT_T_ID, "", IDENTITY), AT(id), .source = "flowtap",
     .meaning = "number of the flow: that of flow_id; NFStream counts from 0"},
    {ROW(10010, "expiration_id", FT_T_I64, "", NONE), AT(expiration_id), .source = "NFStream",
     .meaning = "0: ended by the idle timeout or with the packets, or it has not; 1: by the active "
                "timeout; -1: cut by flowtap, whose table was full"},
    {ROW(10020, "src_ip", FT_T_ADDR, "", IDENTITY), .get = f_src_ip, .source = "IP header",
     .meaning = "source of the first packet"},
    {ROW(10030, "src_mac", FT_T_STRING, "", IDENTITY), .get = f_src_mac, .source = "IEEE 802.3",
     .meaning = "MAC address, likewise; 00:00:00:00:00:00: no Ethernet, or a tunnel"},
    {ROW(10040, "src_oui", FT_T_STRING, "", IDENTITY), .get = f_src_oui, .source = "IEEE 802.3",
     .meaning = "its first three bytes"},
    {ROW(10050, "src_port", FT_T_U16, "", NONE), .tells_host = true, AT(src_port),
     .source = "transport header",
     .meaning = "source port of the first packet; 0 for protocols other than TCP and UDP"},
    {ROW(10060, "dst_ip", FT_T_ADDR, "", IDENTITY), .get = f_dst_ip, .source = "IP header",
     .meaning = "destination of the first packet"},
    {ROW(10070, "dst_mac", FT_T_STRING, "", IDENTITY), .get = f_dst_mac, .source = "IEEE 802.3",
     .meaning = "MAC address, likewise; 00:00:00:00:00:00: no Ethernet, or a tunnel"},
    {ROW(10080, "dst_oui", FT_T_STRING, "", IDENTITY), .get = f_dst_oui, .source = "IEEE 802.3",
     .meaning = "its first three bytes"},
    {ROW(10090, "dst_port", FT_T_U16, "", NONE), .tells_host = true, AT(dst_port),
     .source = "transport header",
     .meaning = "destination port of the first packet; 0 for protocols other than TCP and UDP"},
    {ROW(10100, "protocol", FT_T_U8, "", NONE), AT(proto), .source = "IP header",
     .meaning = "IP protocol; of IPv6, the one after the extension headers"},
    {ROW(10110, "ip_version", FT_T_U8, "", NONE), AT(ip_version), .source = "IP header",
     .meaning = "4 or 6"},
    {ROW(10120, "vlan_id", FT_T_U16, "", NONE), .tells_host = true, AT(vlan_id),
     .source = "IEEE 802.1Q", .meaning = "innermost VLAN; 0: none"},
    {ROW(10130, "tunnel_id", FT_T_U8, "", NONE), AT(tunnel_id), .source = "NFStream",
     .meaning = "0: no tunnel that NFStream knows, 1: GTP-U, 2: CAPWAP, 3: TZSP"},
    {ROW(10140, "bidirectional_first_seen_ms", FT_T_U64, "ms", TIME), AT(side[BOTH].first_ms),
     .source = "NFStream",
     .meaning = "first packet of both directions, since 1970, cut to whole ms; 0: none"},
    {ROW(10150, "bidirectional_last_seen_ms", FT_T_U64, "ms", TIME), AT(side[BOTH].last_ms),
     .source = "NFStream", .meaning = "last packet of both directions, likewise"},
    {ROW(10160, "bidirectional_duration_ms", FT_T_U64, "ms", NONE), AT(side[BOTH].duration_ms),
     .source = "NFStream", .meaning = "last seen - first seen"},
    {ROW(10170, "bidirectional_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].size.n),
     .source = "NFStream", .meaning = "packets of both directions"},
    {ROW(10180, "bidirectional_bytes", FT_T_U64, "bytes", NONE), AT(side[BOTH].size.sum),
     .source = "NFStream", .meaning = "frames on the wire of both directions"},
    {ROW(10190, "src2dst_first_seen_ms", FT_T_U64, "ms", TIME), AT(side[FWD].first_ms),
     .source = "NFStream",
     .meaning =
         "first packet from the first packet's source, since 1970, cut to whole ms; 0: none"},
    {ROW(10200, "src2dst_last_seen_ms", FT_T_U64, "ms", TIME), AT(side[FWD].last_ms),
     .source = "NFStream", .meaning = "last packet from the first packet's source, likewise"},
    {ROW(10210, "src2dst_duration_ms", FT_T_U64, "ms", NONE), AT(side[FWD].duration_ms),
     .source = "NFStream", .meaning = "last seen - first seen"},
    {ROW(10220, "src2dst_packets", FT_T_U64, "packets", NONE), AT(side[FWD].size.n),
     .source = "NFStream", .meaning = "packets from the first packet's source"},
    {ROW(10230, "src2dst_bytes", FT_T_U64, "bytes", NONE), AT(side[FWD].size.sum),
     .source = "NFStream", .meaning = "frames on the wire from the first packet's source"},
    {ROW(10240, "dst2src_first_seen_ms", FT_T_U64, "ms", TIME), AT(side[REV].first_ms),
     .source = "NFStream",
     .meaning = "first packet from its destination, since 1970, cut to whole ms; 0: none"},
    {ROW(10250, "dst2src_last_seen_ms", FT_T_U64, "ms", TIME), AT(side[REV].last_ms),
     .source = "NFStream", .meaning = "last packet from its destination, likewise"},
    {ROW(10260, "dst2src_duration_ms", FT_T_U64, "ms", NONE), AT(side[REV].duration_ms),
     .source = "NFStream", .meaning = "last seen - first seen"},
    {ROW(10270, "dst2src_packets", FT_T_U64, "packets", NONE), AT(side[REV].size.n),
     .source = "NFStream", .meaning = "packets from its destination"},
    {ROW(10280, "dst2src_bytes", FT_T_U64, "bytes", NONE), AT(side[REV].size.sum),
     .source = "NFStream", .meaning = "frames on the wire from its destination"},
    {ROW(10290, "bidirectional_min_ps", FT_T_U64, "bytes", NONE), AT(side[BOTH].size.min),
     .source = "NFStream", .meaning = "smallest frame of both directions; 0: none"},
    {ROW(10300, "bidirectional_mean_ps", FT_T_F64, "bytes", NONE), .get = f_bidirectional_mean_ps,
     .source = "NFStream", .meaning = "mean frame of both directions; 0: none"},
    {ROW(10310, "bidirectional_stddev_ps", FT_T_F64, "bytes", NONE),
     .get = f_bidirectional_stddev_ps, .source = "NFStream",
     .meaning = "standard deviation of the frames of both directions, of the sample (packets - 1); "
                "0: fewer than two"},
    {ROW(10320, "bidirectional_max_ps", FT_T_U64, "bytes", NONE), AT(side[BOTH].size.max),
     .source = "NFStream", .meaning = "largest frame of both directions; 0: none"},
    {ROW(10330, "src2dst_min_ps", FT_T_U64, "bytes", NONE), AT(side[FWD].size.min),
     .source = "NFStream", .meaning = "smallest frame from the first packet's source; 0: none"},
    {ROW(10340, "src2dst_mean_ps", FT_T_F64, "bytes", NONE), .get = f_src2dst_mean_ps,
     .source = "NFStream", .meaning = "mean frame from the first packet's source; 0: none"},
    {ROW(10350, "src2dst_stddev_ps", FT_T_F64, "bytes", NONE), .get = f_src2dst_stddev_ps,
     .source = "NFStream",
     .meaning = "standard deviation of the frames from the first packet's source, of the sample "
                "(packets - 1); 0: fewer than two"},
    {ROW(10360, "src2dst_max_ps", FT_T_U64, "bytes", NONE), AT(side[FWD].size.max),
     .source = "NFStream", .meaning = "largest frame from the first packet's source; 0: none"},
    {ROW(10370, "dst2src_min_ps", FT_T_U64, "bytes", NONE), AT(side[REV].size.min),
     .source = "NFStream", .meaning = "smallest frame from its destination; 0: none"},
    {ROW(10380, "dst2src_mean_ps", FT_T_F64, "bytes", NONE), .get = f_dst2src_mean_ps,
     .source = "NFStream", .meaning = "mean frame from its destination; 0: none"},
    {ROW(10390, "dst2src_stddev_ps", FT_T_F64, "bytes", NONE), .get = f_dst2src_stddev_ps,
     .source = "NFStream",
     .meaning = "standard deviation of the frames from its destination, of the sample (packets - "
                "1); 0: fewer than two"},
    {ROW(10400, "dst2src_max_ps", FT_T_U64, "bytes", NONE), AT(side[REV].size.max),
     .source = "NFStream", .meaning = "largest frame from its destination; 0: none"},
    {ROW(10410, "bidirectional_min_piat_ms", FT_T_U64, "ms", NONE), AT(side[BOTH].gap.min),
     .source = "NFStream",
     .meaning = "shortest time between two packets of both directions, of times cut to whole ms; "
                "0: fewer than two"},
    {ROW(10420, "bidirectional_mean_piat_ms", FT_T_F64, "ms", NONE),
     .get = f_bidirectional_mean_piat_ms, .source = "NFStream",
     .meaning = "mean of those times; 0: fewer than two packets"},
    {ROW(10430, "bidirectional_stddev_piat_ms", FT_T_F64, "ms", NONE),
     .get = f_bidirectional_stddev_piat_ms, .source = "NFStream",
     .meaning = "standard deviation of those times, of the sample (packets - 2); 0: fewer than "
                "three packets"},
    {ROW(10440, "bidirectional_max_piat_ms", FT_T_U64, "ms", NONE), AT(side[BOTH].gap.max),
     .source = "NFStream", .meaning = "longest of those times; 0: fewer than two packets"},
    {ROW(10450, "src2dst_min_piat_ms", FT_T_U64, "ms", NONE), AT(side[FWD].gap.min),
     .source = "NFStream",
     .meaning = "shortest time between two packets from the first packet's source, of times cut to "
                "whole ms; 0: fewer than two"},
    {ROW(10460, "src2dst_mean_piat_ms", FT_T_F64, "ms", NONE), .get = f_src2dst_mean_piat_ms,
     .source = "NFStream", .meaning = "mean of those times; 0: fewer than two packets"},
    {ROW(10470, "src2dst_stddev_piat_ms", FT_T_F64, "ms", NONE), .get = f_src2dst_stddev_piat_ms,
     .source = "NFStream",
     .meaning = "standard deviation of those times, of the sample (packets - 2); 0: fewer than "
                "three packets"},
    {ROW(10480, "src2dst_max_piat_ms", FT_T_U64, "ms", NONE), AT(side[FWD].gap.max),
     .source = "NFStream", .meaning = "longest of those times; 0: fewer than two packets"},
    {ROW(10490, "dst2src_min_piat_ms", FT_T_U64, "ms", NONE), AT(side[REV].gap.min),
     .source = "NFStream",
     .meaning = "shortest time between two packets from its destination, of times cut to whole ms; "
                "0: fewer than two"},
    {ROW(10500, "dst2src_mean_piat_ms", FT_T_F64, "ms", NONE), .get = f_dst2src_mean_piat_ms,
     .source = "NFStream", .meaning = "mean of those times; 0: fewer than two packets"},
    {ROW(10510, "dst2src_stddev_piat_ms", FT_T_F64, "ms", NONE), .get = f_dst2src_stddev_piat_ms,
     .source = "NFStream",
     .meaning = "standard deviation of those times, of the sample (packets - 2); 0: fewer than "
                "three packets"},
    {ROW(10520, "dst2src_max_piat_ms", FT_T_U64, "ms", NONE), AT(side[REV].gap.max),
     .source = "NFStream", .meaning = "longest of those times; 0: fewer than two packets"},
    {ROW(10530, "bidirectional_syn_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[1]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with SYN of both directions; 0 for others than TCP"},
    {ROW(10540, "bidirectional_cwr_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[7]),
     .source = "RFC 3168 §6.1",
     .meaning = "packets with CWR of both directions; 0 for others than TCP"},
    {ROW(10550, "bidirectional_ece_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[6]),
     .source = "RFC 3168 §6.1",
     .meaning = "packets with ECE of both directions; 0 for others than TCP"},
    {ROW(10560, "bidirectional_urg_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[5]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with URG of both directions; 0 for others than TCP"},
    {ROW(10570, "bidirectional_ack_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[4]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with ACK of both directions; 0 for others than TCP"},
    {ROW(10580, "bidirectional_psh_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[3]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with PSH of both directions; 0 for others than TCP"},
    {ROW(10590, "bidirectional_rst_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[2]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with RST of both directions; 0 for others than TCP"},
    {ROW(10600, "bidirectional_fin_packets", FT_T_U64, "packets", NONE), AT(side[BOTH].flags[0]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with FIN of both directions; 0 for others than TCP"},
    {ROW(10610, "src2dst_syn_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[1]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with SYN from the first packet's source; 0 for others than TCP"},
    {ROW(10620, "src2dst_cwr_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[7]),
     .source = "RFC 3168 §6.1",
     .meaning = "packets with CWR from the first packet's source; 0 for others than TCP"},
    {ROW(10630, "src2dst_ece_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[6]),
     .source = "RFC 3168 §6.1",
     .meaning = "packets with ECE from the first packet's source; 0 for others than TCP"},
    {ROW(10640, "src2dst_urg_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[5]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with URG from the first packet's source; 0 for others than TCP"},
    {ROW(10650, "src2dst_ack_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[4]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with ACK from the first packet's source; 0 for others than TCP"},
    {ROW(10660, "src2dst_psh_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[3]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with PSH from the first packet's source; 0 for others than TCP"},
    {ROW(10670, "src2dst_rst_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[2]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with RST from the first packet's source; 0 for others than TCP"},
    {ROW(10680, "src2dst_fin_packets", FT_T_U64, "packets", NONE), AT(side[FWD].flags[0]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with FIN from the first packet's source; 0 for others than TCP"},
    {ROW(10690, "dst2src_syn_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[1]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with SYN from its destination; 0 for others than TCP"},
    {ROW(10700, "dst2src_cwr_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[7]),
     .source = "RFC 3168 §6.1",
     .meaning = "packets with CWR from its destination; 0 for others than TCP"},
    {ROW(10710, "dst2src_ece_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[6]),
     .source = "RFC 3168 §6.1",
     .meaning = "packets with ECE from its destination; 0 for others than TCP"},
    {ROW(10720, "dst2src_urg_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[5]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with URG from its destination; 0 for others than TCP"},
    {ROW(10730, "dst2src_ack_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[4]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with ACK from its destination; 0 for others than TCP"},
    {ROW(10740, "dst2src_psh_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[3]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with PSH from its destination; 0 for others than TCP"},
    {ROW(10750, "dst2src_rst_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[2]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with RST from its destination; 0 for others than TCP"},
    {ROW(10760, "dst2src_fin_packets", FT_T_U64, "packets", NONE), AT(side[REV].flags[0]),
     .source = "RFC 9293 §3.1",
     .meaning = "packets with FIN from its destination; 0 for others than TCP"},
    {LIST(10770, "splt_direction", ""), .get = f_splt_direction, .source = "NFStream",
     .meaning = "of each of the first packets: 0 from the first packet's source, 1 from its "
                "destination; -1: there is no such packet"},
    {LIST(10780, "splt_ps", "bytes"), .get = f_splt_ps, .source = "NFStream",
     .meaning = "of each of the first packets: the frame; -1, likewise"},
    {LIST(10790, "splt_piat_ms", "ms"), .get = f_splt_piat_ms, .source = "NFStream",
     .meaning = "of each of the first packets: time since the packet of the flow before, of times "
                "cut to whole ms; 0: the first; -1, likewise"},
};

static const struct ft_option options[] = {
    {.name = "nfstream-splt",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "10",
     .min = 0,
     .max = FT_NFSTREAM_SPLT_MAX,
     .help =
         "How many packets the nfstream profile's splt_* columns have: NFStream's splt_analysis"},
};

/* Its idle_timeout and active_timeout; times are compared as it has them, in whole ms. */
static const struct ft_flow_rules rules = {.name = "nfstream",
                                           .idle_ns = INT64_C(120) * 1000000000,
                                           .active_ns = INT64_C(1800) * 1000000000,
                                           .active_ends = true,
                                           .past_tcp_end = true,
                                           .active_at_packet = true,
                                           .first_is_fwd = true,
                                           .few_ports = true,
                                           .tick_ns = 1000000};

const struct ft_column_set ft_columns_nfstream = {
    .profile = "nfstream",
    .meaning = "NFStream 6.5.4: its core, statistical and SPLT columns (--nfstream-splt)",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_NFSTREAM,
    .is_tool = true,
    .rules = &rules,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
