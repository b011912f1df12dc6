/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: the columns of the cic profile: CICFlowMeter as its corrected form has it. Names,
 * places and rules are the tool's. */
#include "feature/cic/rows.h"

#define PROFILE             "cic"
#define FIRST_RANK          11000
#define COMMIT              "4dd5319"
#define SAYS(meant, faulty) meant
#define FAULT(text)
#define MEANT(...) __VA_ARGS__
#define RATE(member)                                                                               \
    AT(member), .absent = FT_ABSENT_ONES, .null = "the flow lasted no time, or its clock went back"

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

static const struct ft_field rows[] = {
#include "feature/cic/rows.def"
};

/* 120 s after the first packet a flow is over, which shows when its next packet comes. The tool
 * waits for that as long as it runs; here a flow of TCP that says nothing for ten minutes is over,
 * too, and one of others after the 120 s, behind which it would not go on anyway. */
static const struct ft_flow_rules rules = {
    .name = PROFILE,
    .idle_ns = INT64_C(600000000000),
    .idle_else_ns = INT64_C(120000001000),
    .active_ns = INT64_C(120000001000), /* more than 120 s, in whole microseconds */
    .active_ends = true,
    .active_at_packet = true,
    .five_tuple = true,
    .past_tcp_end = true,
    .tcp_end = FT_TCP_END_AT_SYN,
    .follows = FT_FOLLOWS_TCP_UDP,
    .tick_ns = 1000,
};

static const struct ft_option options[] = {
    {.name = "cic-singles",
     .type = FT_OPT_FLAG,
     .commands = FT_CMD_LIVE | FT_CMD_READ,
     .help = "The cic profile has flows of one packet, too, as the corrected CICFlowMeter has; the "
             "original drops them"},
};

const struct ft_column_set ft_columns_cic = {
    .profile = PROFILE,
    .meaning = "CICFlowMeter as it was meant: the columns and ends of flows of its corrected form",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_CIC,
    .is_tool = true,
    .rules = &rules,
    .options = options,
    .n_options = sizeof options / sizeof options[0]};
