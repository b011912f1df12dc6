/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits, full tables, the order of notes, names, rules. */
#include "detect/names.h"
#include "detect/regular.h"
#include "detect/state.h"

#include "notes.h"

/* ---- limits ---- */

static void test_one_alert_of_an_entity(void)
{
    begin(FT_RULE_POLICY, "policy: {deny: [{port: 23}]}\nlimits: {entity_s: 100}");
    for (int i = 0; i < 300; i++) {
        tell(flow(1000 * s + i * s, 1, 2, 23));
        tell(flow(1000 * s + i * s, 1, 3, 23));
        tell(flow(1000 * s + i * s, 1, 2, 24));
    }
    CHECK_EQ(end(), 6); /* two pairs, three times */
    CHECK_EQ(alerts[0].suppressed, 0);
    CHECK_EQ(alerts[2].suppressed, 99);
    CHECK_EQ(alerts[3].suppressed, 99);
    CHECK_EQ(alerts[2].timestamp_ns, 1105 * s);
}

/* What has no ports has none in its alert. */
static void test_no_port(void)
{
    struct ft_note n;

    begin(FT_RULE_POLICY, "policy: {deny: [{to: 10.1.0.0/16}]}");
    n = flow(1000 * s, 1, 2, 0);
    n.proto = 1;
    n.port[0] = 0;
    tell(n);
    tell(flow(1001 * s, 1, 3, 22));
    CHECK_EQ(end(), 2);
    CHECK(!alerts[0].has_port);
    CHECK(alerts[1].has_port && alerts[1].port == 22);
}

/* Tunnels of one client below two domains that begin alike are two. */
static void test_two_tunnels(void)
{
    static const char *const domains[] = {"averylongdomain-one.com", "averylongdomain-two.com"};
    struct ft_note n = {.proto = 17, .ip_version = 4, .bits = FT_NOTE_NAME, .port = {4000, 53}};
    struct ft_note_name name;
    struct ft_hash_seed seed;
    uint8_t text[128];

    ft_hash_seed_fixed(&seed, 1);
    begin(FT_RULE_DNS_TUNNEL, "");
    for (uint32_t i = 0; i < 300; i++) {
        int len = snprintf((char *)text, sizeof text, "%08xabcdefghijklmnopqrstuvw.%s",
                           i * 2654435761u, domains[i % 2]);

        CHECK(ft__name_read(&seed, text, (uint32_t)len, &name));
        n.at_ns = 1000 * s + i;
        n.flow_id = i;
        ft__note_name(worker, &n, &name);
    }
    CHECK_EQ(end(), 2);
    CHECK(memcmp(alerts[0].name, alerts[1].name, alerts[0].name_len) != 0);
}

static void test_so_many_in_a_second(void)
{
    struct ft_detect_stats st;

    begin(FT_RULE_POLICY, "policy: {deny: [{port: 23}]}\nlimits: {per_second: 7}");
    for (uint32_t i = 0; i < 500; i++) {
        tell(flow(1000 * s + i, i, 2, 23));
    }
    tell(flow(1001 * s, 600, 2, 23));
    ft_detect_finish(worker, keep, NULL);
    ft_detect_get_stats(detect, &st);
    CHECK_EQ(n_alerts, 8);
    CHECK_EQ(st.alerts, 8);
    CHECK_EQ(st.suppressed, 493);
    ft_detect_worker_free(worker);
    ft_detect_free(detect);
}

/* Invented senders by the hundred thousand: no storm, and who scans is found among them. */
static void test_invented_senders(void)
{
    struct ft_detect_stats st;
    struct ft_detect_config cfg = {.max_hosts = 4096, .max_flows = 1000, .n_workers = 1};

    n_alerts = 0;
    ft_hash_seed_fixed(&cfg.seed, 1);
    CHECK_EQ(ft_detect_new(&cfg, ft_rules_new(), &detect), FT_OK);
    CHECK_EQ(ft_detect_worker_new(detect, 0, &worker), FT_OK);
    for (uint32_t i = 0; i < 200000; i++) {
        int64_t ts = 1000 * s + i * (s / 10000);
        struct ft_note n = flow(ts, 0, 9, 80);

        n.bits |= FT_NOTE_FAILED;
        n.packets[0] = 1;
        n.packets[1] = 0;
        memcpy(n.addr[0], &i, 4);
        n.addr[0][3] = 99;
        tell(n);
        if (i % 500 == 0) {
            try_it(ts, 1, i / 500, 22);
        }
        if (i % 64 == 0) {
            ft_detect_turn(worker, 0, ts, keep, NULL);
        }
    }
    ft_detect_finish(worker, keep, NULL);
    ft_detect_get_stats(detect, &st);
    CHECK(n_alerts >= 1 && n_alerts < 10);
    bool found = false;

    for (uint32_t i = 0; i < n_alerts; i++) {
        found |= strcmp(alerts[i].rule, "address_scan") == 0 && alerts[i].address[3] == 1;
    }
    CHECK(found);
    CHECK(st.no_room > 100000);
    ft_detect_worker_free(worker);
    ft_detect_free(detect);
}

/* More notes wait than there is room for: counted. */
static void test_no_room_for_notes(void)
{
    struct ft_detect_stats st;

    begin(FT_RULE_POLICY, "");
    for (uint32_t i = 0; i < 65536 + 65536 + 640; i++) {
        tell(flow(1000 * s, i, 2, 23));
    }
    ft_detect_finish(worker, keep, NULL);
    ft_detect_get_stats(detect, &st);
    CHECK_EQ(st.no_room, 640);
    ft_detect_worker_free(worker);
    ft_detect_free(detect);
}

/* A question that found no room leaves the room of names as it was. */
static void test_no_room_for_names(void)
{
    struct ft_note n = {.at_ns = 1000 * s, .proto = 17, .ip_version = 4, .bits = FT_NOTE_NAME};
    struct ft_note_name name = {.text_len = 1};
    struct ft_detect_stats st;

    begin(FT_RULE_DGA, "");
    for (uint32_t i = 0; i < 65536 + 65536; i++) {
        tell(flow(1000 * s, i, 2, 23));
    }
    for (uint32_t i = 0; i < FT__NAMES; i++) {
        ft__note_name(worker, &n, &name);
    }
    for (int i = 0; i < 500; i++) {
        ft_detect_turn(worker, 0, 1010 * s, keep, NULL);
    }
    ft_detect_get_stats(detect, &st);
    CHECK_EQ(st.no_room, FT__NAMES);
    n.at_ns = 1020 * s;
    for (uint32_t i = 0; i < FT__NAMES; i++) {
        ft__note_name(worker, &n, &name);
    }
    ft_detect_finish(worker, keep, NULL);
    ft_detect_get_stats(detect, &st);
    CHECK_EQ(st.no_room, FT__NAMES);
    ft_detect_worker_free(worker);
    ft_detect_free(detect);
}

/* ---- order ---- */

/* However notes come, and of whichever worker, they are shown in one order. */
static void test_one_order(void)
{
    struct ft_detect_worker *w[3];
    uint64_t seen[3][8];

    for (uint32_t workers = 1; workers <= 3; workers++) {
        struct ft_detect_config cfg = {.max_hosts = 64, .max_flows = 1000, .n_workers = workers};
        uint32_t r = workers;

        ft_hash_seed_fixed(&cfg.seed, 1);
        CHECK_EQ(ft_detect_new(&cfg, ft_rules_new(), &detect), FT_OK);
        for (uint32_t i = 0; i < workers; i++) {
            CHECK_EQ(ft_detect_worker_new(detect, i, &w[i]), FT_OK);
        }
        n_alerts = 0;
        for (uint32_t i = 0; i < 25; i++) {
            struct ft_note n = flow(1000 * s, 1, i * 7 % 25, 22);

            n.flow_id = i * 7 % 25 + 1;
            n.bits |= FT_NOTE_FAILED;
            r = r * 1103515245 + 12345;
            ft_detect_note(w[(r >> 16) % workers], &n);
        }
        for (uint32_t i = workers; i-- > 0;) {
            ft_detect_finish(w[i], keep, NULL);
        }
        CHECK_EQ(n_alerts, 2); /* the walk is over with the fourth */
        CHECK_EQ(alerts[0].flow_id[3], 4);
        memcpy(seen[workers - 1], alerts[1].flow_id, sizeof seen[0]);
        CHECK_EQ(alerts[1].flow_id[7], 25);
        CHECK_EQ(alerts[1].flow_id[0], 18);
        for (uint32_t i = 0; i < workers; i++) {
            ft_detect_worker_free(w[i]);
        }
        ft_detect_free(detect);
    }
    CHECK_MEM(seen[0], seen[1], sizeof seen[0]);
    CHECK_MEM(seen[0], seen[2], sizeof seen[0]);
}

/* A clock that steps back: what is there is shown, and what comes counts. */
static void test_epochs(void)
{
    begin(FT_RULE_PORT_SCAN, "");
    for (uint32_t i = 0; i < 14; i++) {
        try_it(1000000 * s + i * s, 1, 2, (uint16_t)(i + 1));
    }
    ft_detect_turn(worker, 1, INT64_MIN, keep, NULL);
    ft_detect_turn(worker, 1, INT64_MIN, keep, NULL);
    for (uint32_t i = 0; i < 15; i++) {
        try_it(1000 * s + i * s, 1, 2, (uint16_t)(i + 1));
    }
    CHECK_EQ(end(), 1);
    CHECK_EQ(alerts[0].first_ns, 1000 * s);
}

/* ---- what it is made of ---- */

static void check_regular(const double *v, uint32_t n, double default_mad, double median,
                          double mad, double score)
{
    struct ft__regular r;
    double copy[64];

    memcpy(copy, v, sizeof *v * n);
    ft__regular(copy, n, default_mad, &r);
    CHECK(r.median == median);
    CHECK(r.mad == mad);
    CHECK(r.score == score);
}

static void test_regular(void)
{
    check_regular((const double[]){60, 60, 60, 60}, 4, 1, 60, 0, 1);
    check_regular((const double[]){10, 1, 9, 2, 8, 3, 7, 4, 6, 5}, 10, 1, 5.5, 2.5, 0.773);
    /* quartiles 10, 20, 100: the skew is 7/9; MAD 10 of 20 */
    check_regular((const double[]){10, 10, 20, 100, 100}, 5, 1, 20, 10, 0.361);
    check_regular((const double[]){0, 0, 0}, 3, 1, 0, 0, 1);
    check_regular((const double[]){0, 0, 0}, 3, 0, 0, 0, 0.5);
    uint32_t flat[24], half[24];

    for (uint32_t i = 0; i < 24; i++) {
        flat[i] = 7;
        half[i] = i < 12 ? 10 : 0;
    }
    CHECK(ft__regular_histogram(flat, 24) == 1);
    CHECK(ft__regular_duration(flat, 24, 0.5) == 1);
    CHECK(ft__regular_histogram(half, 24) == 1); /* one height in 12 hours */
    CHECK(ft__regular_duration(half, 24, 0.5) == 1);
    for (uint32_t i = 0; i < 12; i++) {
        half[i] = i < 5 ? 10 : 0;
    }
    CHECK(ft__regular_duration(half, 24, 0.9) == 0);
    half[5] = 10;
    CHECK(ft__regular_duration(half, 24, 0.9) == 0.9);
    CHECK(ft__regular_histogram(half, 24) == 0); /* the deviation is more than the mean */
}

static void check_name(const char *text, const char *domain, uint32_t sub_len)
{
    struct ft_hash_seed seed;
    struct ft_note_name n;
    uint8_t name[512];

    ft_hash_seed_fixed(&seed, 1);
    memcpy(name, text, strlen(text));
    if (domain == NULL) {
        CHECK(!ft__name_read(&seed, name, (uint32_t)strlen(text), &n));
        return;
    }
    CHECK(ft__name_read(&seed, name, (uint32_t)strlen(text), &n));
    CHECK_EQ(n.text_len, strlen(domain));
    CHECK_MEM(n.text, domain, n.text_len);
    CHECK_EQ(n.sub_len, sub_len);
}

static void test_names(void)
{
    check_name("www.Example.COM", "example.com", 3);
    check_name("example.com", "example.com", 0);
    check_name("a.b.example.co.uk", "example.co.uk", 3);
    check_name("x.gov.au", "x.gov.au", 0);
    check_name("a.firm.de", "firm.de", 1);
    check_name("a\\.b.firm.de.", "firm.de", 4);
    check_name("x.firm.d\\.", "firm.d\\.", 1); /* this dot is the label's */
    check_name("localhost", NULL, 0);
    check_name(".", NULL, 0);
}

/* ---- rules ---- */

static void wrong(const char *yaml, const char *message)
{
    struct ft_rules *r = ft_rules_new();
    struct ft_err err = {0};

    CHECK_EQ(ft_rules_parse(r, yaml, strlen(yaml), &err), FT_E_USAGE);
    CHECK_STR(err.what, message);
    ft_rules_free(r);
}

static void test_wrong_rules(void)
{
    wrong("beacon: {score: 2}", "line 1: score: 2: allowed: a number from 0 to 1");
    wrong("beacon:\n  flows: 9.5", "line 2: flows: 9.5: allowed: a whole number from 4 to 64");
    wrong("beacon:\n  flows: nan", "line 2: flows: nan: allowed: a whole number from 4 to 64");
    wrong("beacon:\n  flow: 9",
          "line 2: beacon: flow: allowed: enabled, severity, allow, networks, "
          "score, flows, span_s, interval_s, again_s, prevalent");
    wrong("beacon: 3", "line 1: beacon: 3: allowed: a mapping");
    wrong("beacon: {enabled: maybe}", "line 1: enabled: maybe: allowed: true or false");
    wrong("beacon: {severity: loud}",
          "line 1: severity: loud: allowed: low, medium, high or critical");
    wrong("beacon: {allow: [10.0.0.0/8, 10.0.0.0/33]}",
          "line 1: allow: 10.0.0.0/33: allowed: at most 64 networks or addresses, e.g. "
          "[10.0.0.0/8, 2001:db8::1]");
    wrong("policy:\n  deny:\n    - {port: 99999}",
          "line 3: port: 99999: allowed: a port, or two with a dash: 0 to 65535");
    wrong("policy: {deny: [{protocol: gre}]}", "line 1: protocol: gre: allowed: tcp, udp, icmp, "
                                               "icmpv6, sctp or a number from 0 to 255");
    wrong("policy: {deny: [{name: 'a b'}]}", "line 1: name: a b: allowed: at most 47 letters, "
                                             "digits, dots, dashes and underscores");
    wrong("policy: {deny: [5]}",
          "line 1: deny: 5: allowed: at most 256 mappings of from, to, port, protocol and name");
    wrong("limits: {per_second: 0}",
          "line 1: per_second: 0: allowed: a whole number from 1 to 1000000");
    wrong("beacon: {}\nbeacon: {}", "line 2: beacon: stands here twice: allowed: once");
    wrong("beacon: {flows: 9, flows: 10}", "line 1: flows: stands here twice: allowed: once");
    wrong("limits:\n  entity_s: 1\n  per_second: 1\n  entity_s: 1",
          "line 4: entity_s: stands here twice: allowed: once");
    wrong("policy: {deny: [{port: 1, port: 2}]}", "line 1: port: stands here twice: allowed: once");
    wrong("policy: {deny: [], deny: []}", "line 1: deny: stands here twice: allowed: once");
    wrong("long_connection: {low_s: 20000}", "line 1: medium_s: 14400: allowed: no less than "
                                             "low_s, which is 20000");
    wrong("trw_scan:\n  theta1: 0.8\n",
          "line 3: theta1: 0.8: allowed: less than theta0, which is 0.8");
    wrong("- a", "line 1: rules: a list: allowed: one mapping of rules");
    wrong("beacon: {score: &a 1}",
          "line 1: score: a value with an anchor, a tag or a NUL: allowed: a number from 0 to 1");
    wrong("policy: {deny: [{&a port: 1}]}", "line 1: deny: a value with an anchor, a tag or a NUL: "
                                            "allowed: from, to, port, protocol, name");
}

static void test_rules(void)
{
    struct ft_rules *r = ft_rules_new();
    static const char yaml[] = "beacon: {enabled: false, severity: low, flows: 20}\n"
                               "dga:\n  allow: 10.0.0.1\n"
                               "new_host: {networks: [192.0.2.0/24]}\n"
                               "policy: {deny: [{port: 6000-6063}, {from: 10.0.0.0/8}]}\n"
                               "limits: {entity_s: 1.5, per_second: 3}\n";
    const uint8_t in[4] = {192, 0, 2, 7}, out[4] = {10, 0, 0, 1};

    CHECK_EQ(ft_rules_parse(r, yaml, sizeof yaml - 1, NULL), FT_OK);
    CHECK(!r->rule[FT_RULE_BEACON].on && r->rule[FT_RULE_DGA].on);
    CHECK_EQ(r->rule[FT_RULE_BEACON].severity, FT_SEVERITY_LOW);
    CHECK(r->rule[FT_RULE_BEACON].value[1] == 20 && r->rule[FT_RULE_BEACON].value[0] == 0.9);
    CHECK(ft_rule_networks_hold(&r->rule[FT_RULE_DGA].allow, 4, out));
    CHECK(ft_rule_networks_hold(&r->rule[FT_RULE_NEW_HOST].networks, 4, in));
    CHECK(!ft_rule_networks_hold(&r->rule[FT_RULE_NEW_HOST].networks, 4, out));
    CHECK_EQ(r->n_deny, 2);
    CHECK(r->deny[0].port_from == 6000 && r->deny[0].port_to == 6063 && r->deny[0].proto == -1);
    CHECK(r->entity_s == 1.5 && r->per_second == 3);
    CHECK_EQ(ft_rules_parse(r, "", 0, NULL), FT_OK);
    CHECK_EQ(ft_rules_parse(r, "# nothing\n", 10, NULL), FT_OK);
    ft_rules_free(r);
}

/* Others hold from the next notes on. */
static void test_rules_change(void)
{
    struct ft_rules *r = ft_rules_new();

    begin(FT_RULE_POLICY, "policy: {deny: [{port: 23}]}");
    tell(flow(1000 * s, 1, 2, 23));
    tell(flow(1000 * s, 1, 2, 24));
    ft_detect_turn(worker, 0, 1010 * s, keep, NULL);
    ft_detect_turn(worker, 0, 1010 * s, keep, NULL);
    CHECK_EQ(n_alerts, 1);
    CHECK_EQ(ft_rules_parse(r, "policy: {deny: [{port: 24}]}", 28, NULL), FT_OK);
    ft_detect_use(detect, r);
    tell(flow(1020 * s, 1, 3, 23));
    tell(flow(1020 * s, 1, 3, 24));
    CHECK_EQ(end(), 2);
    CHECK_EQ(alerts[1].port, 24);
}

int main(void)
{
    RUN(test_one_alert_of_an_entity);
    RUN(test_no_port);
    RUN(test_two_tunnels);
    RUN(test_so_many_in_a_second);
    RUN(test_invented_senders);
    RUN(test_no_room_for_notes);
    RUN(test_no_room_for_names);
    RUN(test_one_order);
    RUN(test_epochs);
    RUN(test_regular);
    RUN(test_names);
    RUN(test_wrong_rules);
    RUN(test_rules);
    RUN(test_rules_change);
    return test_end();
}
