/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: the columns of the tcp profile: what sequence numbers, windows and options tell. No
 * part: not TCP. */
#include "model/columns.h"

#define AT(member) FT_AT(struct ft_tcp_record, member)

static void f_history(const void *part, struct ft_value *v)
{
    const struct ft_tcp_record *r = part;

    v->s = r->history;
    v->null = r->history[0] == '\0';
}

#define NO_TCP    "not TCP"
#define NO_SYN    "not TCP, or no SYN seen in this direction"
#define AMBIGUOUS "not TCP, not seen whole, or ambiguous: one of the two was sent more than once"

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_OF(kind), .profile = "tcp"

static const struct ft_field rows[] = {
    {ROW(630, "midstream", FT_T_BOOL, ""), AT(midstream), .source = "RFC 9293", .null = NO_TCP,
     .meaning = "the flow did not begin with a SYN: forward is the sender of its first packet"},
    {ROW(650, "history", FT_T_STRING, ""), .get = f_history, .source = "Zeek conn.log",
     .null = NO_TCP,
     .meaning =
         "what was seen, in order; upper case from the initiator: S SYN, H SYN-ACK, A ACK, D data, "
         "F FIN, R RST, T retransmission, W zero window, G gap, I and Q odd flags, ^ turned round"},
    {ROW(660, "tcp_rtt_client_us", FT_T_U32, "us"), AT(rtt_us[0]), .absent = FT_ABSENT_ONES,
     .source = "RFC 9293, RFC 6298 §3", .null = AMBIGUOUS,
     .meaning = "round trip between here and the initiator: SYN-ACK to ACK"},
    {ROW(670, "tcp_rtt_server_us", FT_T_U32, "us"), AT(rtt_us[1]), .absent = FT_ABSENT_ONES,
     .source = "RFC 9293, RFC 6298 §3", .null = AMBIGUOUS,
     .meaning = "round trip between here and the responder: SYN to SYN-ACK"},
    {ROW(680, "fwd_retransmitted_packets", FT_T_U32, "packets"), AT(retrans[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the initiator that were sent again, SYNs and FINs too"},
    {ROW(690, "rev_retransmitted_packets", FT_T_U32, "packets"), AT(retrans[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the responder that were sent again, SYNs and FINs too"},
    {ROW(700, "fwd_retransmitted_bytes", FT_T_U64, "bytes"), AT(retrans_bytes[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "payload bytes from the initiator that were sent again"},
    {ROW(710, "rev_retransmitted_bytes", FT_T_U64, "bytes"), AT(retrans_bytes[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "payload bytes from the responder that were sent again"},
    {ROW(720, "fwd_fast_retransmissions", FT_T_U32, "packets"), AT(fast[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "of them, those that two duplicate ACKs or more had asked for"},
    {ROW(730, "rev_fast_retransmissions", FT_T_U32, "packets"), AT(fast[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "of them, those that two duplicate ACKs or more had asked for"},
    {ROW(740, "fwd_out_of_order_packets", FT_T_U32, "packets"), AT(out_of_order[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the initiator that changed places on the way"},
    {ROW(750, "rev_out_of_order_packets", FT_T_U32, "packets"), AT(out_of_order[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the responder that changed places on the way"},
    {ROW(760, "fwd_duplicate_acks", FT_T_U32, "packets"), AT(dup_acks[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "duplicate ACKs from the initiator (RFC 5681 §2)"},
    {ROW(770, "rev_duplicate_acks", FT_T_U32, "packets"), AT(dup_acks[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "duplicate ACKs from the responder (RFC 5681 §2)"},
    {ROW(780, "fwd_duplicate_frames", FT_T_U32, "packets"), AT(dup_frames[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "frames from the initiator that were captured again, equal in all, within 3 ms"},
    {ROW(790, "rev_duplicate_frames", FT_T_U32, "packets"), AT(dup_frames[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "frames from the responder that were captured again, equal in all, within 3 ms"},
    {ROW(800, "fwd_zero_windows", FT_T_U32, "packets"), AT(zero_windows[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the initiator that close the window"},
    {ROW(810, "rev_zero_windows", FT_T_U32, "packets"), AT(zero_windows[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "segments from the responder that close the window"},
    {ROW(820, "fwd_zero_window_probes", FT_T_U32, "packets"), AT(probes[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "probes from the initiator of a closed window"},
    {ROW(830, "rev_zero_window_probes", FT_T_U32, "packets"), AT(probes[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "probes from the responder of a closed window"},
    {ROW(840, "fwd_keep_alives", FT_T_U32, "packets"), AT(keep_alives[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "keep-alive segments from the initiator (RFC 9293 §3.8.4)"},
    {ROW(850, "rev_keep_alives", FT_T_U32, "packets"), AT(keep_alives[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "keep-alive segments from the responder (RFC 9293 §3.8.4)"},
    {ROW(860, "fwd_missed_bytes", FT_T_U64, "bytes"), AT(missed_bytes[FT_DIR_FWD]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "bytes from the initiator that were acknowledged and never captured"},
    {ROW(870, "rev_missed_bytes", FT_T_U64, "bytes"), AT(missed_bytes[FT_DIR_REV]),
     .source = "TCP sequence numbers", .null = NO_TCP,
     .meaning = "bytes from the responder that were acknowledged and never captured"},
    {ROW(880, "fwd_window_init", FT_T_U16, "bytes"), AT(init_window[FT_DIR_FWD]),
     .absent = FT_ABSENT_ONES, .source = "RFC 9293 §3.1", .null = NO_SYN,
     .meaning = "window of the SYN from the initiator, as on the wire"},
    {ROW(890, "rev_window_init", FT_T_U16, "bytes"), AT(init_window[FT_DIR_REV]),
     .absent = FT_ABSENT_ONES, .source = "RFC 9293 §3.1", .null = NO_SYN,
     .meaning = "window of the SYN from the responder, as on the wire"},
    {ROW(900, "fwd_window_max", FT_T_U32, "bytes"), AT(window_max[FT_DIR_FWD]),
     .source = "RFC 7323 §2", .null = NO_TCP,
     .meaning = "largest window from the initiator, scaled where the scale is known"},
    {ROW(910, "rev_window_max", FT_T_U32, "bytes"), AT(window_max[FT_DIR_REV]),
     .source = "RFC 7323 §2", .null = NO_TCP,
     .meaning = "largest window from the responder, scaled where the scale is known"},
    {ROW(920, "fwd_window_scale", FT_T_U8, ""), AT(scale[FT_DIR_FWD]), .absent = FT_ABSENT_ONES,
     .source = "RFC 7323 §2", .null = "not TCP, no handshake seen, or not agreed on",
     .meaning = "shift of the windows from the initiator"},
    {ROW(930, "rev_window_scale", FT_T_U8, ""), AT(scale[FT_DIR_REV]), .absent = FT_ABSENT_ONES,
     .source = "RFC 7323 §2", .null = "not TCP, no handshake seen, or not agreed on",
     .meaning = "shift of the windows from the responder"},
    {ROW(940, "fwd_mss", FT_T_U16, "bytes"), AT(mss[FT_DIR_FWD]), .absent = FT_ABSENT_ZERO,
     .source = "RFC 9293 §3.7.1", .null = NO_SYN,
     .meaning = "maximum segment size from the initiator of its SYN"},
    {ROW(950, "rev_mss", FT_T_U16, "bytes"), AT(mss[FT_DIR_REV]), .absent = FT_ABSENT_ZERO,
     .source = "RFC 9293 §3.7.1", .null = NO_SYN,
     .meaning = "maximum segment size from the responder of its SYN"},
};

const struct ft_column_set ft_columns_tcp = {
    .profile = "tcp", .rows = rows, .n = sizeof rows / sizeof rows[0], .part = FT_PART_TCP};
