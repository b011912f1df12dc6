/* SPDX-License-Identifier: Apache-2.0 */
/* feature/netfound: the columns of the netfound profile, in the order in which netFound reads them.
 */
#include "model/columns.h"

#define LIST(member) FT_GET_LIST(f_##member, struct ft_netfound_record, member, n)

LIST(directions)
LIST(bytes)
LIST(iats)
LIST(counts)

static void f_burst_tokens(const void *part, struct ft_value *v)
{
    const struct ft_netfound_record *r = part;

    v->null = r->hidden;
    v->items = r->tokens;
    v->ends = r->ends;
    v->n_items = r->n;
}

static void f_labels(const void *part, struct ft_value *v)
{
    const struct ft_netfound_record *r = part;

    v->null = r->label == NULL;
    v->text = (const uint8_t *)r->label;
    v->text_len = r->label_len;
}

#define ROW(at_rank, field, kind, of)                                                              \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = of,          \
    .privacy = FT_PRIVACY_NONE, .profile = "netfound", .source = "netFound"
#define LIST_ROW(at_rank, field, kind, of)                                                         \
    ROW(at_rank, field, FT_T_LIST, of), .item = kind, .most = FT_NETFOUND_BURSTS

static const struct ft_field rows[] = {
    {ROW(15000, "flow_duration", FT_T_U64, "us"), FT_AT(struct ft_netfound_record, flow_duration),
     .meaning = "from the earliest packet to the newest, of times cut to whole microseconds"},
    {.name = "burst_tokens",
     .rank = 15010,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_LISTS,
     .item = FT_T_U16,
     .most = FT_NETFOUND_MOST,
     .most_lists = FT_NETFOUND_BURSTS,
     .unit = "",
     .privacy = FT_PRIVACY_PAYLOAD,
     .profile = "netfound",
     .get = f_burst_tokens,
     .source = "netFound",
     .null = "--anonymize",
     .meaning = "a list for each of the first 12 bursts: of its first 6 packets each 18 numbers "
                "(TCP), 12 (UDP) or 13 (ICMP), of header fields and 12 bytes of payload"},
    {LIST_ROW(15020, "directions", FT_T_BOOL, ""), .get = f_directions,
     .meaning = "of each burst: true: forward"},
    {LIST_ROW(15030, "bytes", FT_T_U32, "bytes"), .get = f_bytes,
     .meaning = "of each burst: IP total length of its first 6 packets"},
    {LIST_ROW(15040, "iats", FT_T_U64, "us"), .get = f_iats,
     .meaning = "of each burst: from the beginning of the burst before of its direction to its "
                "own; 0: the first"},
    {LIST_ROW(15050, "counts", FT_T_U32, "packets"), .get = f_counts,
     .meaning = "of each burst: its packets, 6 at most"},
    {ROW(15060, "protocol", FT_T_U16, ""), FT_AT(struct ft_netfound_record, protocol),
     .meaning = "6 TCP, 17 UDP, 1 ICMP"},
    {ROW(15070, "labels", FT_T_TEXT, ""), .get = f_labels, .null = "no rule of --labels knows it",
     .meaning = "the name of the attack; without a name 1: an attack, 0: none"},
};

static const struct ft_option options[] = {
    {.name = "netfound-tcp-options",
     .type = FT_OPT_FLAG,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .help = "In the netfound profile 20 numbers more for TCP's options, before the payload's: its "
             "--tcp_options"},
    {.name = "netfound-no-payload",
     .type = FT_OPT_FLAG,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .help = "In it, zeros for payloads: its no_payload_flag"},
};

/* PcapSplitter's -m connection, over a whole capture: no timeouts. */
static const struct ft_flow_rules rules = {.name = "netfound",
                                           .idle_ns = INT64_MAX,
                                           .active_ns = INT64_MAX,
                                           .past_tcp_end = true,
                                           .tcp_end = FT_TCP_END_BEFORE_SYN,
                                           .five_tuple = true,
                                           .first_is_fwd = true,
                                           .few_ports = true};

const struct ft_column_set ft_columns_netfound = {
    .profile = "netfound",
    .meaning = "netFound's input: the first packets as tokens, in bursts (--netfound-*)",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_NETFOUND,
    .is_tool = true,
    .rules = &rules,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
