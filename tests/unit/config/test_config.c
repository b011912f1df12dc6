/* SPDX-License-Identifier: Apache-2.0 */
/* config: every row of the option table: defaults, bounds, and what is said to a wrong value. */
#include "harness.h"

#include "base/mem.h"
#include "config/options.h"

static struct ft_err err;

/* The message that one option gives, or "" when it is taken. */
static const char *said(enum ft_command command, const char *name, const char *value)
{
    struct ft_config *cfg = ft_config_new(command);

    memset(&err, 0, sizeof err);
    int rc = ft_config_set(cfg, name, value, &err);

    CHECK_EQ(rc, err.code);
    CHECK(rc == FT_OK || rc == FT_E_USAGE);
    ft_config_free(cfg);
    return err.what;
}

static const char *live(const char *name, const char *value)
{
    return said(FT_CMD_LIVE, name, value);
}

static void test_table_is_whole(void)
{
    const struct ft_option *o, *p;

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        CHECK(o->commands != 0 &&
              (o->commands & ~(FT_CMD_LIVE | FT_CMD_READ | FT_CMD_COLLECT)) == 0);
        CHECK((o->type == FT_OPT_FLAG) == (o->arg == NULL));
        CHECK(strpbrk(o->help, "\n\"\\") == NULL && strlen(o->help) > 10);
        CHECK(o->help[strlen(o->help) - 1] != '.');
        CHECK((o->type == FT_OPT_CHOICE || o->type == FT_OPT_WORDS) == (o->choices != NULL));
        CHECK(o->min <= o->max);
        for (uint32_t k = 0; k < i && (p = ft_option_at(k)) != NULL; k++) {
            CHECK(strcmp(o->name, p->name) != 0);
            CHECK(o->letter == 0 || o->letter != p->letter);
        }
    }
    CHECK(ft_option_at(UINT32_MAX) == NULL);
}

/* The letters and names that are promised. */
static void test_promised_names(void)
{
    static const struct {
        const char *name;
        char letter;
        const char *defval;
        bool repeatable;
    } promised[] = {
        {"interface", 'i', NULL, true},    {"filter", 'f', NULL, false},
        {"output", 'o', "ndjson:-", true}, {"events", 'e', "sample", false},
        {"profile", 'p', "base", true},    {"sample", 's', "1", false},
        {"workers", 'w', NULL, false},     {"queue", 'q', "16384", false},
        {"overflow", 0, NULL, false},      {"max-flows", 0, "1048576", false},
        {"idle-timeout", 0, "30", false},  {"active-timeout", 0, "60", false},
        {"snapshot", 0, NULL, false},      {"keep-tunnels", 0, NULL, false},
        {"anonymize", 0, NULL, false},     {"stats", 0, NULL, false},
        {"config", 'c', NULL, false},      {"user", 0, NULL, false},
        {"no-sandbox", 0, NULL, false},    {"log-format", 0, "text", false},
        {"verbose", 'v', NULL, false},     {"quiet", 0, NULL, false},
        {"tunnel-port", 0, NULL, true},
    };

    for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++) {
        const struct ft_option *o = NULL;

        for (uint32_t k = 0; ft_option_at(k) != NULL; k++) {
            o = strcmp(ft_option_at(k)->name, promised[i].name) == 0 ? ft_option_at(k) : o;
        }
        CHECK(o != NULL);
        if (o == NULL) {
            continue;
        }
        CHECK_EQ(o->letter, promised[i].letter);
        CHECK_EQ(o->repeatable, promised[i].repeatable);
        CHECK_STR(o->defval != NULL ? o->defval : "", promised[i].defval ? promised[i].defval : "");
    }
}

static void test_defaults(void)
{
    struct ft_config *l = ft_config_new(FT_CMD_LIVE), *r = ft_config_new(FT_CMD_READ);

    CHECK_EQ(l->events, 1u << FT_EVENT_SAMPLE);
    CHECK_EQ(l->sample_n, 1);
    CHECK_EQ(l->workers, 0);
    CHECK_EQ(l->queue, 16384);
    CHECK_EQ(l->overflow, FT_OVERFLOW_AUTO);
    CHECK_EQ(l->max_flows, 1048576);
    CHECK_EQ(l->idle_ns, INT64_C(30000000000));
    CHECK_EQ(l->active_ns, INT64_C(60000000000));
    CHECK_EQ(l->n_snapshots, 0);
    CHECK_EQ(l->n_outputs, 0);
    CHECK_EQ(l->n_inputs, 0);
    CHECK(l->filter == NULL && l->anonymize == NULL && l->user == NULL);
    CHECK(!l->keep_tunnels && !l->no_sandbox && !l->log_json && !l->no_promiscuous);
    CHECK(l->tunnel_ports.n == 0 && r->tunnel_ports.n == 0);
    CHECK_EQ(l->verbosity, 0);
    CHECK_EQ(l->stats_ns, INT64_C(10000000000));
    CHECK_EQ(r->stats_ns, 0);
    for (size_t i = 0; i < sizeof l->set; i++) {
        CHECK(!l->set[i]);
    }
    ft_config_free(l);
    ft_config_free(r);
    ft_config_free(NULL);
}

/* Each number at its bounds and one step beyond them. */
static void test_bounds(void)
{
    const struct ft_option *o;
    char value[64];

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        enum ft_command command = o->commands & FT_CMD_READ   ? FT_CMD_READ
                                  : o->commands & FT_CMD_LIVE ? FT_CMD_LIVE
                                                              : FT_CMD_COLLECT;
        uint64_t unit = o->type == FT_OPT_SECONDS ? 1000000000 : 1;

        if (o->type != FT_OPT_UINT && o->type != FT_OPT_SECONDS) {
            continue;
        }
        uint64_t ends[] = {o->min, o->max, o->min - 1, o->max + 1};

        for (int k = 0; k < 4; k++) {
            if (k == 2 && o->min == 0) {
                continue;
            }
            snprintf(value, sizeof value, unit == 1 ? "%llu" : "%llu.%09llu",
                     (unsigned long long)(ends[k] / unit), (unsigned long long)(ends[k] % unit));
            CHECK_EQ(said(command, o->name, value)[0] == '\0', k < 2);
            CHECK(k < 2 || strstr(err.what, value) != NULL);
            CHECK(k < 2 || strstr(err.what, o->name) != NULL);
        }
        static const char *const wrong[] = {"",    "-1",  "+1",    "0x10",
                                            "1e3", " 5",  "5 ",    ".",
                                            "1,",  "nan", "1.2.3", "99999999999999999999"};

        for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
            CHECK(said(command, o->name, wrong[k])[0] != '\0');
        }
    }
}

static void test_messages(void)
{
    CHECK_STR(live("workers", "0"), "--workers: '0': allowed is a whole number from 1 to 128");
    CHECK_STR(live("queue", "16k"),
              "--queue: '16k': allowed is a whole number from 64 to 16777216");
    CHECK_STR(live("max-flows", "0"),
              "--max-flows: '0': allowed is a whole number from 1 to 134217728");
    CHECK_STR(live("idle-timeout", "0"),
              "--idle-timeout: '0': allowed is a number of seconds from 0.001 to 2592000");
    CHECK_STR(live("stats", "86401"),
              "--stats: '86401': allowed is a number of seconds from 0 to 86400");
    CHECK_STR(live("overflow", "wait"), "--overflow: 'wait': allowed is drop|block");
    CHECK_STR(live("log-format", "text,json"), "--log-format: 'text,json': allowed is text|json");
    CHECK_STR(live("events", "flow,template"),
              "--events: 'flow,template': allowed is sample|flow|stats|window|alert|all, several "
              "with commas");
    CHECK_STR(
        live("events", "flow,"),
        "--events: 'flow,': allowed is sample|flow|stats|window|alert|all, several with commas");
    CHECK_STR(live("profile", "tpc"),
              "--profile: 'tpc': there is no such profile; did you mean tcp?");
    CHECK(strstr(live("profile", "tcp,"), "--profile: '': there is no such profile (there are: "
                                          "base, sizes, tcp, ") != NULL);
    CHECK_STR(live("splt", "256"), "--splt: '256': allowed is a whole number from 1 to 255");
    CHECK_STR(live("snapshot", "8,8"),
              "--snapshot: '8,8': allowed is at most 8 ascending packet counts, e.g. 8,32");
    CHECK_STR(live("quiet", "2"), "--quiet: '2': allowed is true or false");
    CHECK_STR(live("user", ""), "--user: '': allowed is NAME");
    CHECK_STR(live("interface", ""), "--interface: '': allowed is NAME|INDEX");
    CHECK_STR(live("output", "flows.json"),
              "--output 'flows.json' has no format: write ndjson:flows.json, csv:flows.json or "
              "null:");
    CHECK_STR(said(FT_CMD_READ, "interface", "eth0"), "--interface: is not an option of 'read'");
    CHECK_STR(said(FT_CMD_READ, "snaplen", "96"), "--snaplen: is not an option of 'read'");
}

static void test_suggestions(void)
{
    CHECK_STR(live("worker", "1"), "--worker: there is no such option; did you mean workers?");
    CHECK_STR(live("idle_timeout", "1"),
              "--idle_timeout: there is no such option; did you mean idle-timeout?");
    CHECK_STR(live("active", "1"),
              "--active: there is no such option; did you mean active-timeout?");
    CHECK_STR(live("ouptut", "1"), "--ouptut: there is no such option; did you mean output?");
    CHECK_STR(live("xyzzyxyzzy", "1"), "--xyzzyxyzzy: there is no such option");
    CHECK_STR(live("", "1"), "--: there is no such option");
    /* what the command does not take is not suggested */
    CHECK_STR(said(FT_CMD_READ, "interfaces", "1"), "--interfaces: there is no such option");
}

/* Whatever the user wrote, the end of the message is there and it is one line of clean text. */
static void test_hostile_text(void)
{
    static char text[5000];

    memset(text, 'x', sizeof text - 1);
    CHECK(strstr(live("workers", text), "...': allowed is a whole number from 1 to 128") != NULL);
    CHECK(strstr(live(text, "1"), "...: there is no such option") != NULL);
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    text[sizeof text - 1] = '\0';
    CHECK(strstr(live("workers", text), "\xc3\xa9...': allowed") != NULL);
    CHECK_STR(live("workers", "1\n\033[2J"),
              "--workers: '1??[2J': allowed is a whole number from 1 to 128");
    CHECK(live("output", text)[0] != '\0');
    CHECK(strpbrk(live("output", "x\n\r\033"), "\n\r\033") == NULL);
}

static void test_values(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);
    static const char *const given[][2] = {
        {"interface", "eth0"}, {"interface", "3"},         {"filter", "tcp port 80"},
        {"filter", ""},        {"output", "null:"},        {"output", "ndjson:a?overflow=block"},
        {"events", "all"},     {"sample", "100"},          {"workers", "4"},
        {"overflow", "block"}, {"idle-timeout", "0.25"},   {"active-timeout", "120."},
        {"stats", "0"},        {"snapshot", "8,32,1000"},  {"anonymize", "key"},
        {"user", "daemon"},    {"keep-tunnels", "TRUE"},   {"no-sandbox", "yes"},
        {"verbose", "true"},   {"verbose", "on"},          {"log-format", "json"},
        {"snaplen", "96"},     {"no-promiscuous", "True"}, {"profile", "base"},
    };

    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        CHECK_EQ(ft_config_set(cfg, given[i][0], given[i][1], &err), FT_OK);
    }
    CHECK_EQ(cfg->n_inputs, 2);
    CHECK_STR(cfg->inputs[1], "3");
    CHECK_STR(cfg->filter, "");
    CHECK_EQ(cfg->n_outputs, 2);
    CHECK_STR(cfg->outputs[1], "ndjson:a?overflow=block");
    CHECK_EQ(cfg->events, 1u << FT_EVENT_SAMPLE | 1u << FT_EVENT_FLOW | 1u << FT_EVENT_STATS |
                              1u << FT_EVENT_WINDOW | 1u << FT_EVENT_ALERT);
    CHECK_EQ(cfg->sample_n, 100);
    CHECK_EQ(cfg->workers, 4);
    CHECK_EQ(cfg->overflow, FT_OVERFLOW_SET_BLOCK);
    CHECK_EQ(cfg->idle_ns, 250000000);
    CHECK_EQ(cfg->active_ns, INT64_C(120000000000));
    CHECK_EQ(cfg->stats_ns, 0);
    CHECK_EQ(cfg->n_snapshots, 3);
    CHECK_EQ(cfg->snapshots[2], 1000);
    CHECK_STR(cfg->anonymize, "key");
    CHECK_STR(ft_config_user(cfg), "daemon");
    CHECK(cfg->keep_tunnels && cfg->no_promiscuous);
    CHECK(!ft_config_flag(cfg, FT_CONFIG_SANDBOX));
    CHECK(ft_config_flag(cfg, FT_CONFIG_LOG_JSON));
    CHECK_EQ(ft_config_verbosity(cfg), 2);
    CHECK_EQ(cfg->snaplen, 96);
    CHECK_EQ(ft_config_set(cfg, "quiet", "true", &err), FT_OK);
    CHECK_EQ(ft_config_verbosity(cfg), -1);
    /* a refused value leaves the old one */
    CHECK_EQ(ft_config_set(cfg, "workers", "129", &err), FT_E_USAGE);
    CHECK_EQ(ft_config_set(cfg, "snapshot", "9,1", &err), FT_E_USAGE);
    CHECK_EQ(cfg->workers, 4);
    CHECK_EQ(cfg->n_snapshots, 3);
    ft_config_free(cfg);
}

static void test_snapshots(void)
{
    CHECK_STR(live("snapshot", "1,2,3,4,5,6,7,8"), "");
    CHECK_STR(live("snapshot", "4294967295"), "");
    static const char *const wrong[] = {
        "",    "0",          "1,2,3,4,5,6,7,8,9",        "1,,2", ",1", "1,", "2,1",
        "1.5", "4294967296", "0000000000000000000000812"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(live("snapshot", wrong[i])[0] != '\0');
    }
}

static void test_repeatable_bounds(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);

    for (int i = 0; i < FT_MAX_OUTPUTS; i++) {
        CHECK_EQ(ft_config_set(cfg, "output", "null:", &err), FT_OK);
    }
    CHECK_EQ(ft_config_set(cfg, "output", "null:", &err), FT_E_USAGE);
    CHECK_STR(err.what, "--output: at most 16 are possible");
    for (int i = 0; i < FT_MAX_INPUTS; i++) {
        CHECK_EQ(ft_config_add_input(cfg, "x", &err), FT_OK);
    }
    CHECK_EQ(ft_config_add_input(cfg, "x", &err), FT_E_USAGE);
    CHECK_STR(err.what, "at most 4096 inputs are possible");
    ft_config_free(cfg);
}

static void test_check(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);

    CHECK_EQ(ft_config_check(cfg, &err), FT_E_USAGE);
    CHECK_STR(err.what, "read: name a capture file, or - for stdin");
    CHECK_EQ(ft_config_add_input(cfg, "", &err), FT_E_USAGE);
    CHECK_EQ(ft_config_inputs(cfg), 0);
    CHECK_EQ(ft_config_add_input(cfg, "-", &err), FT_OK);
    CHECK_EQ(ft_config_check(cfg, &err), FT_OK);
    CHECK_EQ(ft_config_inputs(cfg), 1);
    ft_config_free(cfg);
    cfg = ft_config_new(FT_CMD_LIVE);
    CHECK_EQ(ft_config_check(cfg, &err), FT_OK); /* without -i there is a default */
    ft_config_free(cfg);
}

/* Every allocation fails once: no crash, no leak, and the configuration is as it was. */
/* A value of each option that is not the default's. */
static const char *another_value(const struct ft_option *o)
{
    static char text[64];

    if (strcmp(o->name, "where") == 0) {
        return "dst_port=1";
    }
    if (strcmp(o->name, "tunnel-port") == 0) {
        return "vxlan=9999";
    }
    if (strcmp(o->name, "metrics") == 0) {
        return ":9";
    }
    if (strcmp(o->name, "output") == 0) {
        return "null:";
    }
    if (o->type == FT_OPT_UINT || o->type == FT_OPT_SECONDS || o->type == FT_OPT_UINTS) {
        uint64_t unit = o->type == FT_OPT_SECONDS ? 1000000000 : 1;
        uint64_t v = o->max / unit > 7 && o->min / unit < 7 ? 7 : o->max / unit;

        snprintf(text, sizeof text, "%llu", (unsigned long long)v);
        return text;
    }
    if (o->type == FT_OPT_PROFILES) {
        return "tcp";
    }
    if (o->choices != NULL) { /* the last of them */
        const char *last = strrchr(o->choices, '|');

        snprintf(text, sizeof text, "%s", last != NULL ? last + 1 : o->choices);
        return text;
    }
    return o->type == FT_OPT_FLAG ? "true" : "x";
}

/* Each option that a run does not take up another value of is seen when it changes, no other one.
 */
static void test_fixed_changes(void)
{
    static const enum ft_command commands[] = {FT_CMD_LIVE, FT_CMD_COLLECT};
    const struct ft_option *o;
    uint32_t n = 0;

    for (size_t k = 0; k < 2; k++) {
        for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
            if ((o->commands & commands[k]) == 0 || o->cli_only) {
                continue;
            }
            struct ft_config *a = ft_config_new(commands[k]), *b = ft_config_new(commands[k]);
            const char *value = another_value(o);

            CHECK(ft_config_fixed_change(a, b) == NULL);
            CHECK_EQ(ft_config_set(b, o->name, value, &err), FT_OK);
            const char *found = ft_config_fixed_change(a, b);

            if (o->reloads) {
                CHECK(found == NULL);
            } else {
                CHECK(found != NULL);
                n++;
            }
            CHECK_EQ(ft_config_set(a, o->name, value, &err), FT_OK);
            CHECK(ft_config_fixed_change(a, b) == NULL);
            ft_config_free(a);
            ft_config_free(b);
        }
    }
    CHECK(n > 40);
}

static void test_no_memory(void)
{
    bool done = false;

    for (uint64_t n = 1; !done && n < 100; n++) {
        ft_mem_fail_at(n);
        struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);

        if (cfg == NULL) {
            continue;
        }
        int input = ft_config_set(cfg, "interface", "eth0", &err);
        int output = ft_config_set(cfg, "output", "ndjson:a?queue=1MB&rotate=1h", &err);
        int filter = ft_config_set(cfg, "filter", "ip", &err);

        ft_mem_fail_at(0);
        done = input == FT_OK && output == FT_OK && filter == FT_OK;
        CHECK(done || input == FT_E_NOMEM || output == FT_E_NOMEM || filter == FT_E_NOMEM);
        CHECK_EQ(cfg->n_inputs, input == FT_OK);
        CHECK_EQ(cfg->n_outputs, output == FT_OK);
        CHECK_EQ(cfg->filter != NULL, filter == FT_OK);
        ft_config_free(cfg);
    }
    CHECK(done);
}

int main(void)
{
    RUN(test_table_is_whole);
    RUN(test_promised_names);
    RUN(test_defaults);
    RUN(test_bounds);
    RUN(test_messages);
    RUN(test_suggestions);
    RUN(test_hostile_text);
    RUN(test_values);
    RUN(test_snapshots);
    RUN(test_repeatable_bounds);
    RUN(test_check);
    RUN(test_fixed_changes);
    RUN(test_no_memory);
    return test_end();
}
