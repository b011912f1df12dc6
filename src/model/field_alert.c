/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the event `alert`. */
#include "model/field_alert.h"

#include <stdio.h>
#include <string.h>

#include "model/alert.h"
#include "model/observer.h"

void ft_alert_clear(struct ft_alert *a)
{
    memset(a, 0, sizeof *a);
    double *const reals[] = {&a->score,          &a->value,       &a->threshold,
                             &a->packets_rate,   &a->bits_rate,   &a->flows_rate,
                             &a->ratio,          &a->usual,       &a->z,
                             &a->likelihood,     &a->duration_s,  &a->interval_s,
                             &a->interval_mad_s, &a->size_median, &a->beacon[0],
                             &a->beacon[1],      &a->beacon[2],   &a->beacon[3],
                             &a->name_length,    &a->name_entropy};
    uint64_t *const counts[] = {&a->flows,   &a->failed,    &a->hosts,    &a->ports,
                                &a->packets, &a->bytes_out, &a->bytes_in, &a->names};

    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        *reals[i] = ft_window_null();
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = UINT64_MAX;
    }
}

void ft_alert_say_ids(struct ft_alert *a)
{
    size_t at = 0;

    a->ids[0] = '\0';
    for (uint32_t i = 0; i < a->n_flow_ids && i < FT_ALERT_FLOWS; i++) {
        int n = snprintf(a->ids + at, sizeof a->ids - at, "%s%016llx", i > 0 ? ";" : "",
                         (unsigned long long)a->flow_id[i]);

        at += n > 0 ? (size_t)n : 0;
    }
}

const char *ft_severity_name(enum ft_severity s)
{
    static const char *const names[FT_SEVERITY__COUNT] = {"low", "medium", "high", "critical"};

    return s < FT_SEVERITY__COUNT ? names[s] : NULL;
}

#define ALERT(name, stmt)                                                                          \
    static void a_##name(const void *event, struct ft_value *v)                                    \
    {                                                                                              \
        const struct ft_alert *a = event;                                                          \
        stmt;                                                                                      \
    }

ALERT(timestamp, v->i = a->timestamp_ns)
ALERT(first, v->i = a->first_ns)
ALERT(last, v->i = a->last_ns)
ALERT(rule, v->s = a->rule)
ALERT(severity, v->s = ft_severity_name((enum ft_severity)a->severity))
ALERT(entity, v->s = ft_entity_name((enum ft_entity)a->entity))
ALERT(address, v->ip_version = a->ip_version; v->addr = a->address)
ALERT(peer, v->null = !a->has_peer; v->ip_version = a->ip_version; v->addr = a->peer)
ALERT(port, v->null = !a->has_port; v->u = a->port)
ALERT(proto, v->null = !a->has_proto; v->u = a->proto)
ALERT(source, v->s = a->source)
ALERT(used, v->s = a->used)
ALERT(ids, v->null = a->n_flow_ids == 0; v->s = a->ids)
ALERT(name, v->null = a->name_len == 0; v->text = a->name; v->text_len = a->name_len)

#define NONE FT_PRIVACY_NONE
#define U64(key, of, member)                                                                       \
    .name = key, .type = FT_T_U64, .unit = of, .privacy = NONE, FT_AT(struct ft_alert, member),    \
    .source = "flowtap"
#define MAYBE(key, of, member)                                                                     \
    U64(key, of, member), .absent = FT_ABSENT_ONES, .null = "the rule does not count them"
#define F64(key, of, member)                                                                       \
    .name = key, .type = FT_T_F64, .unit = of, .privacy = NONE, FT_AT(struct ft_alert, member),    \
    .absent = FT_ABSENT_ONES
#define OTHER "the rule has no such number"
#define TIME(key, getter)                                                                          \
    .name = key, .type = FT_T_TIME, .unit = "s", .privacy = FT_PRIVACY_TIME, .get = getter,        \
    .source = "flowtap"
#define WORD(key, getter)                                                                          \
    .name = key, .type = FT_T_STRING, .unit = "", .privacy = NONE, .get = getter,                  \
    .source = "flowtap"
#define ADDR(key, getter)                                                                          \
    .name = key, .type = FT_T_ADDR, .unit = "", .privacy = FT_PRIVACY_IDENTITY, .get = getter,     \
    .source = "IPv4/IPv6 header"

static const struct ft_field alert_fields[] = {
    {TIME("timestamp", a_timestamp),
     .meaning = "when it became true, in packet time: the end of the flow that made it so, or of "
                "the second that did"},
    {WORD("rule", a_rule), .meaning = "the detector's name, see docs/detectors.md"},
    {WORD("severity", a_severity), .meaning = "low, medium, high or critical"},
    {WORD("entity", a_entity),
     .meaning = "what it is about: host (address), pair (address and peer), service (address, "
                "port and protocol)"},
    {ADDR("address", a_address),
     .meaning = "who is to blame: who scans, calls home, sends out; of floods and amplification "
                "the victim"},
    {ADDR("peer", a_peer), .null = "there are many, or none", .meaning = "the other one"},
    {.name = "port",
     .type = FT_T_U16,
     .privacy = NONE,
     .tells_host = true,
     .unit = "",
     .get = a_port,
     .source = "transport header",
     .null = "there are many, or none",
     .meaning = "the responder's port"},
    {.name = "protocol",
     .type = FT_T_U8,
     .privacy = NONE,
     .unit = "",
     .get = a_proto,
     .source = "IP header",
     .null = "there are many",
     .meaning = "IP protocol"},
    {TIME("first_seen", a_first), .meaning = "where the evidence begins"},
    {TIME("last_seen", a_last), .meaning = "newest packet of the evidence"},
    {F64("score", "", score), .source = "the rule", .null = "the rule has none",
     .meaning = "how much it is so, 0 to 1"},
    {F64("value", "", value), .source = "the rule", .null = "the rule has no number",
     .meaning = "what crossed the threshold"},
    {F64("threshold", "", threshold), .source = "the rule", .null = "the rule has no number",
     .meaning = "what it was held against"},
    {WORD("source", a_source), .meaning = "the publication or tool that the rule is from"},
    {WORD("thresholds", a_used), .meaning = "all thresholds that held, name=value with semicolons"},
    {MAYBE("flows", "flows", flows), .meaning = "flows of the evidence"},
    {MAYBE("failed_flows", "flows", failed),
     .meaning = "those of them that came to nothing, as flows_failed_out of the event window"},
    {MAYBE("hosts", "", hosts), .meaning = "distinct peers"},
    {MAYBE("ports", "", ports), .meaning = "distinct responders' ports"},
    {MAYBE("packets", "packets", packets), .meaning = "packets of the evidence, both ways"},
    {MAYBE("bytes_out", "bytes", bytes_out), .meaning = "wire bytes that the address sent"},
    {MAYBE("bytes_in", "bytes", bytes_in), .meaning = "wire bytes that it received"},
    {F64("packets_per_second", "packets", packets_rate), .source = "flowtap", .null = OTHER,
     .meaning = "rate of its packets"},
    {F64("bits_per_second", "bits", bits_rate), .source = "flowtap", .null = OTHER,
     .meaning = "rate of its wire bits"},
    {F64("flows_per_second", "flows", flows_rate), .source = "flowtap", .null = OTHER,
     .meaning = "rate of flows begun"},
    {F64("ratio", "", ratio), .source = "the rule", .null = OTHER,
     .meaning = "bytes of answers for each byte of requests"},
    {F64("usual", "", usual), .source = "EWMA, alpha 0.1", .null = OTHER,
     .meaning = "what the value had been: its moving mean"},
    {F64("z", "", z), .source = "EWMA, alpha 0.1", .null = OTHER,
     .meaning = "(value - usual) / moving standard deviation"},
    {F64("likelihood_ratio", "", likelihood), .source = "Jung et al. 2004", .null = OTHER,
     .meaning = "of its first contacts' outcomes, if it scans, to if it does not"},
    {F64("duration_s", "s", duration_s), .source = "flowtap", .null = OTHER,
     .meaning = "how long the flow lasts, or the evidence does"},
    {F64("interval_median_s", "s", interval_s), .source = "RITA v5", .null = OTHER,
     .meaning = "median time between beginnings of flows"},
    {F64("interval_mad_s", "s", interval_mad_s), .source = "RITA v5", .null = OTHER,
     .meaning = "median absolute deviation of these times"},
    {F64("size_median_bytes", "bytes", size_median), .source = "RITA v5", .null = OTHER,
     .meaning = "median of the bytes that a flow sent"},
    {F64("beacon_timestamp_score", "", beacon[0]), .source = "RITA v5", .null = OTHER,
     .meaning = "how regular the times between flows are"},
    {F64("beacon_size_score", "", beacon[1]), .source = "RITA v5", .null = OTHER,
     .meaning = "how alike the bytes that flows sent are"},
    {F64("beacon_duration_score", "", beacon[2]), .source = "RITA v5",
     .null = OTHER ", or fewer than 6 hours were seen",
     .meaning = "how much of the time that was watched it goes on"},
    {F64("beacon_histogram_score", "", beacon[3]), .source = "RITA v5",
     .null = OTHER ", or fewer than 6 hours were seen",
     .meaning = "how alike the numbers of flows in hours are"},
    {MAYBE("names", "", names), .meaning = "distinct names below the domain"},
    {F64("name_length", "", name_length), .source = "flowtap", .null = OTHER,
     .meaning = "mean length of what stands before the domain"},
    {F64("name_entropy", "bits", name_entropy), .source = "Shannon", .null = OTHER,
     .meaning = "of the characters of that, mean"},
    {.name = "name",
     .type = FT_T_TEXT,
     .privacy = FT_PRIVACY_NAME,
     .unit = "",
     .get = a_name,
     .source = "DNS",
     .null = "the rule is not about names",
     .meaning = "the domain, as somebody asked for it"},
    {.name = "flow_ids",
     .type = FT_T_STRING,
     .privacy = FT_PRIVACY_IDENTITY,
     .unit = "",
     .get = a_ids,
     .source = "flowtap",
     .null = "it is not known from flows",
     .meaning = "up to 8 flow_id of the evidence, the newest ones, with semicolons"},
    {U64("suppressed", "", suppressed),
     .meaning = "alerts of this rule and entity that were kept back since its last one"},
    FT_OBSERVER_ROWS,
};

const struct ft_field *ft__fields_alert(uint32_t *out_n)
{
    *out_n = sizeof alert_fields / sizeof alert_fields[0];
    return alert_fields;
}
