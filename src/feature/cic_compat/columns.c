/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic_compat: the columns of the cic-compat profile: CICFlowMeter as it is. Names, places
 * and rules are the tool's. */
#include "feature/cic/rows.h"

#define PROFILE             "cic-compat"
#define FIRST_RANK          12000
#define COMMIT              "98a5eba"
#define SAYS(meant, faulty) faulty
#define FAULT(text)         text
#define MEANT(...)
#define RATE(member)                                                                               \
    .get = f_##member, .null = "the tool writes " NONFINITE_##member ": the flow lasted no time"
#define NONFINITE_bytes_rate   "Infinity or NaN"
#define NONFINITE_packets_rate "Infinity"

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

static const struct ft_field rows[] = {
#include "feature/cic/rows.def"
};

/* 120 s after the first packet a flow is over, which shows when its next packet comes. The tool
 * waits for that as long as it runs; here a flow of TCP that says nothing for ten minutes is over,
 * too; so is one of others. */
static const struct ft_flow_rules rules = {
    .name = PROFILE,
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
    .tick_ns = 1000,
};

const struct ft_column_set ft_columns_cic_compat = {
    .profile = PROFILE,
    .meaning = "CICFlowMeter as it is, with its faults: columns, ends of flows, what it drops",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_CIC_COMPAT,
    .is_tool = true,
    .rules = &rules};
