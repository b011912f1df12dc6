/* SPDX-License-Identifier: Apache-2.0 */
/* detect: the one table of rules, see rules.h. */
#include "detect/rules.h"

#include "base/mem.h"

#define WHOLE(n, of, d, lo, hi, what)                                                              \
    {                                                                                              \
        .name = n, .unit = of, .def = d, .min = lo, .max = hi, .whole = true, .meaning = what      \
    }
#define REAL(n, of, d, lo, hi, what)                                                               \
    {                                                                                              \
        .name = n, .unit = of, .def = d, .min = lo, .max = hi, .meaning = what                     \
    }
#define SPAN(d) REAL("window_s", "s", d, 1, 86400, "flows that began within this time count")
#define DAY     86400

#define AGAIN(d)                                                                                   \
    REAL("again_s", "s", d, 0, DAY, "an entity again after that, or with a higher severity")
#define LEARN(d)                                                                                   \
    REAL("learn_s", "s", d, 0, 30 * DAY, "of packet time from the beginning: nothing is said")

const struct ft_rule ft_rules_known[FT_RULE__COUNT] = {
    [FT_RULE_ADDRESS_SCAN] =
        {.name = "address_scan",
         .source = "Zeek scan.zeek",
         .severity = FT_SEVERITY_MEDIUM,
         .entity = FT_ENTITY_HOST,
         .meaning = "failed connections or probes of a host to many hosts on one port",
         .param = {WHOLE("hosts", "", 25, 2, 128, "distinct hosts"), SPAN(300)}},
    [FT_RULE_PORT_SCAN] = {.name = "port_scan",
                           .source = "Zeek scan.zeek",
                           .severity = FT_SEVERITY_MEDIUM,
                           .entity = FT_ENTITY_PAIR,
                           .meaning =
                               "failed connections or probes of a host to many ports of another",
                           .param = {WHOLE("ports", "", 15, 2, 128, "distinct ports"), SPAN(300)}},
    [FT_RULE_TRW_SCAN] =
        {.name = "trw_scan",
         .source = "Jung et al. 2004 (threshold random walk)",
         .severity = FT_SEVERITY_MEDIUM,
         .entity = FT_ENTITY_HOST,
         .meaning = "first TCP contacts of a host that come to nothing",
         .param = {REAL("theta0", "", 0.8, 0.01, 0.99, "of a benign host's, that succeed"),
                   REAL("theta1", "", 0.2, 0.01, 0.99, "of a scanner's, that succeed"),
                   REAL("alpha", "", 0.01, 1e-9, 0.5, "false alarms"),
                   REAL("beta", "", 0.99, 0.5, 0.999999999, "scanners that are found"),
                   REAL("idle_s", "s", 3600, 1, DAY, "a host that does nothing is forgotten"),
                   AGAIN(DAY)},
         .again = 6},
    [FT_RULE_SYN_FLOOD] =
        {.name = "syn_flood",
         .source = "FastNetMon (rate of SYNs to an address)",
         .severity = FT_SEVERITY_HIGH,
         .entity = FT_ENTITY_HOST,
         .meaning = "SYNs to a host, of which most come to nothing",
         .param = {REAL("syns_per_second", "packets", 1000, 1, 1e9, "in a span of 5 s"),
                   REAL("share", "", 0.5, 0, 1, "of its TCP packets, that are SYNs")}},
    [FT_RULE_VOLUME_FLOOD] =
        {.name = "volume_flood",
         .source = "FastNetMon",
         .severity = FT_SEVERITY_HIGH,
         .entity = FT_ENTITY_HOST,
         .meaning = "packets, bits or new flows to a host",
         .param = {REAL("packets_per_second", "packets", 20000, 1, 1e9, "in a span of 5 s"),
                   REAL("megabits_per_second", "Mb", 1000, 0.001, 1e9, "likewise"),
                   REAL("flows_per_second", "flows", 3500, 1, 1e9, "likewise")}},
    [FT_RULE_AMPLIFICATION] =
        {.name = "amplification",
         .source = "CISA TA14-017A",
         .severity = FT_SEVERITY_HIGH,
         .entity = FT_ENTITY_HOST,
         .meaning = "answers of UDP services to a host that asked for less, or never",
         .param = {REAL("ratio", "", 10, 1, 1e9, "bytes of answers for each of requests"),
                   REAL("bytes", "bytes", 1e6, 1, 1e15, "of answers"), SPAN(60)}},
    [FT_RULE_BEACON] =
        {.name = "beacon",
         .source = "RITA v5",
         .severity = FT_SEVERITY_HIGH,
         .entity = FT_ENTITY_PAIR,
         .meaning = "flows of a host to another at regular times, of like sizes",
         .param = {REAL("score", "", 0.9, 0, 1, "mean of the parts that there are"),
                   WHOLE("flows", "flows", 10, 4, 64, "flows that began in distinct seconds"),
                   REAL("span_s", "s", 60, 0, DAY, "from the first of these to the last"),
                   REAL("interval_s", "s", 1, 1, DAY, "median interval, at least"), AGAIN(DAY),
                   REAL("prevalent", "", 0.5, 0, 1, "of internal hosts talk to it: score - 0.15")},
         .again = 5},
    [FT_RULE_LONG_CONNECTION] =
        {.name = "long_connection",
         .source = "RITA v5",
         .severity = FT_SEVERITY_LOW,
         .entity = FT_ENTITY_PAIR,
         .meaning = "a flow that lasts for hours",
         .param = {REAL("low_s", "s", 3600, 1, 365.0 * DAY, "severity low from here"),
                   REAL("medium_s", "s", 4 * 3600, 1, 365.0 * DAY, "medium"),
                   REAL("high_s", "s", 8 * 3600, 1, 365.0 * DAY, "high"),
                   REAL("critical_s", "s", 12 * 3600, 1, 365.0 * DAY, "critical")}},
    [FT_RULE_EXFILTRATION] =
        {.name = "exfiltration",
         .source = "netflow-mcp (baseline and first contact)",
         .severity = FT_SEVERITY_HIGH,
         .entity = FT_ENTITY_PAIR,
         .meaning = "a host sends far more than it used to, to one that it never had to do with",
         .param = {REAL("z", "", 4, 0, 1e6, "deviations from the usual bytes a minute, more than"),
                   REAL("bytes", "bytes", 1e6, 1, 1e15, "sent to it since the first contact"),
                   LEARN(600), REAL("pcr", "", 0.4, -1, 1, "(sent - received) / both, at least"),
                   REAL("new_s", "s", 3600, 1, DAY, "so long after the first contact it is new")}},
    [FT_RULE_NEW_HOST] = {.name = "new_host",
                          .source = "first seen",
                          .severity = FT_SEVERITY_LOW,
                          .entity = FT_ENTITY_HOST,
                          .meaning = "an address that was not there before",
                          .param = {LEARN(3600)}},
    [FT_RULE_NEW_PEER] = {.name = "new_peer",
                          .source = "first seen",
                          .severity = FT_SEVERITY_LOW,
                          .entity = FT_ENTITY_PAIR,
                          .meaning = "two that had nothing to do with each other before",
                          .param = {LEARN(3600)}},
    [FT_RULE_NEW_SERVICE] = {.name = "new_service",
                             .source = "first seen",
                             .severity = FT_SEVERITY_MEDIUM,
                             .entity = FT_ENTITY_SERVICE,
                             .meaning = "a port that answers and did not before",
                             .param = {LEARN(3600),
                                       WHOLE("port_max", "", 32767, 1, 65535, "ports up to this")}},
    [FT_RULE_DNS_TUNNEL] =
        {.name = "dns_tunnel",
         .source = "RITA v5",
         .severity = FT_SEVERITY_LOW,
         .entity = FT_ENTITY_HOST,
         .meaning = "many long names below one domain (-p app)",
         .param = {WHOLE("low_names", "", 100, 2, 4000, "distinct names; severity low from here"),
                   WHOLE("medium_names", "", 500, 2, 4000, "medium"),
                   WHOLE("high_names", "", 800, 2, 4000, "high"),
                   WHOLE("critical_names", "", 1000, 2, 4000, "critical"),
                   REAL("length", "", 20, 0, 255, "mean, of what stands before the domain"),
                   REAL("entropy", "bits", 3, 0, 8, "mean, of its characters")}},
    [FT_RULE_DGA] = {.name = "dga",
                     .source =
                         "Antonakakis et al. 2012 (NXDOMAIN by host), English pairs of letters",
                     .severity = FT_SEVERITY_MEDIUM,
                     .entity = FT_ENTITY_HOST,
                     .meaning = "a host asks for domains that look generated and are none (-p app)",
                     .param = {WHOLE("names", "", 10, 2, 128, "distinct domains"), SPAN(300),
                               REAL("surprise", "bits", 5, 0, 9, "of the pairs of letters, mean")}},
    [FT_RULE_POLICY] = {.name = "policy",
                        .source = "deny list of the rules",
                        .severity = FT_SEVERITY_HIGH,
                        .entity = FT_ENTITY_PAIR,
                        .meaning = "flows that the list says must not be"},
};

/* RITA's internal networks; what is first seen of the whole world is new each minute. */
static void add_private(struct ft_rule_networks *n)
{
    static const char *const own[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        n->n += ft_prefix_parse(own[i], &n->list[n->n]) == FT_OK;
    }
}

struct ft_rules *ft_rules_new(void)
{
    struct ft_rules *r = ft_mem_alloc(1, sizeof *r);

    if (r == NULL) {
        return NULL;
    }
    for (int i = 0; i < FT_RULE__COUNT; i++) {
        const struct ft_rule *known = &ft_rules_known[i];

        r->rule[i].on = true;
        r->rule[i].severity = known->severity;
        for (int k = 0; k < FT_RULE_PARAMS && known->param[k].name != NULL; k++) {
            r->rule[i].value[k] = known->param[k].def;
        }
    }
    add_private(&r->rule[FT_RULE_NEW_HOST].networks);
    add_private(&r->rule[FT_RULE_NEW_PEER].networks);
    add_private(&r->rule[FT_RULE_NEW_SERVICE].networks);
    add_private(&r->internal);
    r->entity_s = 300;
    r->per_second = 100;
    return r;
}

void ft_rules_free(struct ft_rules *r)
{
    ft_mem_free(r);
}

bool ft_rule_networks_hold(const struct ft_rule_networks *n, uint8_t ip_version,
                           const uint8_t *addr)
{
    for (uint32_t i = 0; i < n->n; i++) {
        if (ft_prefix_holds(&n->list[i], ip_version, addr)) {
            return true;
        }
    }
    return false;
}
