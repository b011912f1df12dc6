/* SPDX-License-Identifier: Apache-2.0 */
/* feature/splt: the columns of the splt profile: lists, one item for each of the first packets. */
#include "model/columns.h"

#define LIST(member) FT_GET_LIST(f_##member, struct ft_splt_record, member, n)

LIST(direction)
LIST(ip_bytes)
LIST(payload_bytes)
LIST(gap_us)
LIST(tcp_flags)
LIST(tcp_window)

static uint32_t asked(const uint64_t *option)
{
    return (uint32_t)option[0];
}

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = FT_T_LIST, .item = kind,   \
    .most = FT_SPLT_MAX, .asked = asked, .unit = of, .privacy = FT_PRIVACY_NONE, .profile = "splt"

static const struct ft_field rows[] = {
    {ROW(3000, "splt_direction", FT_T_U8, ""), .get = f_direction, .source = "flowtap",
     .meaning = "of each of the first packets: 0 from the initiator, 1 from the responder"},
    {ROW(3010, "splt_ip_bytes", FT_T_U32, "bytes"), .get = f_ip_bytes, .source = "IP total length",
     .meaning = "of each of the first packets: the IP packet; 16777215: that, or more"},
    {ROW(3020, "splt_payload_bytes", FT_T_U32, "bytes"), .get = f_payload_bytes,
     .source = "flowtap",
     .meaning = "of each of the first packets: bytes after the transport header; 16777215: that, "
                "or more"},
    {ROW(3030, "splt_gap_us", FT_T_U64, "us"), .get = f_gap_us, .source = "flowtap",
     .meaning = "of each of the first packets: whole microseconds since the newest packet of the "
                "flow before it; 0 for the first, and for one that came late"},
    {ROW(3040, "splt_tcp_flags", FT_T_U8, ""), .get = f_tcp_flags, .source = "RFC 9293 §3.1",
     .meaning = "of each of the first packets: the TCP flags; 0: not TCP"},
    {ROW(3050, "splt_tcp_window", FT_T_U16, ""), .get = f_tcp_window, .source = "RFC 9293 §3.1",
     .meaning = "of each of the first packets: the TCP window as on the wire; 0 for others than "
                "TCP"},
};

static const struct ft_option options[] = {
    {.name = "splt",
     .type = FT_OPT_UINT,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .arg = "N",
     .defval = "32",
     .min = 1,
     .max = FT_SPLT_MAX,
     .help = "How many packets of a flow the splt profile tells of: its first N"},
};

const struct ft_column_set ft_columns_splt = {
    .profile = "splt",
    .meaning = "the first packets of a flow (--splt): direction, sizes, gaps, flags, windows",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_SPLT,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
