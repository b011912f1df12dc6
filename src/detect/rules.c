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

const struct ft_rule ft_rules_known[FT_RULE__COUNT] = {
    [FT_RULE_ADDRESS_SCAN] = {.name = "address_scan",
                              .source = "Zeek scan.zeek",
                              .severity = FT_SEVERITY_MEDIUM,
                              .entity = FT_ENTITY_HOST,
                              .on = true,
                              .meaning = "failed TCP connections of a host to many hosts on one "
                                         "port",
                              .param = {WHOLE("hosts", "", 25, 2, 128, "distinct hosts"),
                                        SPAN(300)}},
    [FT_RULE_PORT_SCAN] = {.name = "port_scan",
                           .source = "Zeek scan.zeek",
                           .severity = FT_SEVERITY_MEDIUM,
                           .entity = FT_ENTITY_PAIR,
                           .on = true,
                           .meaning = "failed TCP connections of a host to many ports of another",
                           .param = {WHOLE("ports", "", 15, 2, 128, "distinct ports"), SPAN(300)}},
    [FT_RULE_BEACON] =
        {.name = "beacon",
         .source = "RITA v5",
         .severity = FT_SEVERITY_HIGH,
         .entity = FT_ENTITY_PAIR,
         .on = true,
         .meaning = "flows of a host to another at regular times, of like sizes",
         .param = {REAL("score", "", 0.9, 0, 1, "mean of the parts that there are"),
                   WHOLE("flows", "flows", 10, 4, 64, "flows that began in distinct seconds"),
                   REAL("span_s", "s", 60, 0, DAY, "from the first of these to the last"),
                   REAL("interval_s", "s", 1, 1, DAY, "median interval, at least")}},
    [FT_RULE_POLICY] = {.name = "policy",
                        .source = "deny list of the rules",
                        .severity = FT_SEVERITY_HIGH,
                        .entity = FT_ENTITY_PAIR,
                        .on = true,
                        .meaning = "flows that the list says must not be"},
};

struct ft_rules *ft_rules_new(void)
{
    struct ft_rules *r = ft_mem_alloc(1, sizeof *r);

    if (r == NULL) {
        return NULL;
    }
    for (int i = 0; i < FT_RULE__COUNT; i++) {
        const struct ft_rule *known = &ft_rules_known[i];

        r->rule[i].on = known->on;
        r->rule[i].severity = known->severity;
        for (int k = 0; k < FT_RULE_PARAMS && known->param[k].name != NULL; k++) {
            r->rule[i].value[k] = known->param[k].def;
        }
    }
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
