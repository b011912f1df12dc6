/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline/columns: what has to be known of flows is what the outputs together write, and no more.
 */
#include "pipeline/columns.h"

#include "harness.h"

enum {
    CORE = 1 << FT_PART_CORE,
    SIZES = 1 << FT_PART_SIZES,
    TCP = 1 << FT_PART_TCP,
    TUNNEL = 1 << FT_PART_TUNNEL,
    APP = 1 << FT_PART_APP,
    WRONG = 1 << 30
};

/* The parts for these options: "name", "value", ..., NULL. */
static uint32_t parts_of(enum ft_command command, const char *const *options)
{
    struct ft_config *cfg = ft_config_new(command);
    struct ft_plan plan = {.collect = command == FT_CMD_COLLECT};
    struct ft_err err;

    for (; options[0] != NULL; options += 2) {
        CHECK_EQ(ft_config_set(cfg, options[0], options[1], &err), FT_OK);
    }
    int rc = ft__columns_plan(cfg, &plan, &err);

    ft_config_free(cfg);
    CHECK(rc == FT_OK || rc == FT_E_USAGE);
    return rc == FT_OK ? plan.parts : WRONG;
}

#define READ(...) parts_of(FT_CMD_READ, (const char *const[]){__VA_ARGS__, NULL})

static void test_what_outputs_ask_for(void)
{
    CHECK_EQ(READ("events", "flow", "output", "ndjson:-"), CORE);
    CHECK_EQ(READ("events", "flow", "output", "ndjson:-", "profile", "tcp"), CORE | TCP);
    CHECK_EQ(READ("events", "flow", "output", "ndjson:-", "profile", "all"),
             CORE | SIZES | TCP | TUNNEL);
    CHECK_EQ(READ("events", "flow", "output", "ndjson:-", "app", "true"), CORE | APP);
    /* an output's own are in place of -p */
    CHECK_EQ(READ("events", "flow", "profile", "all", "output", "ndjson:-?profile=sizes"),
             CORE | SIZES);
    CHECK_EQ(READ("events", "flow", "profile", "all", "output", "csv:-?columns=src_ip,fwd_bytes"),
             CORE);
    CHECK_EQ(READ("events", "flow", "output", "ndjson:-?columns=tls_sni,roce_opcode"),
             APP | TUNNEL | CORE);
    /* of several, the union */
    CHECK_EQ(READ("events", "flow", "output", "ndjson:a?profile=tcp", "output", "csv:b", "output",
                  "ndjson:c?columns=fwd_iat_min_us"),
             CORE | TCP | SIZES);
}

static void test_who_writes_no_flows(void)
{
    CHECK_EQ(READ("profile", "all", "output", "ndjson:-"), CORE); /* samples */
    CHECK_EQ(READ("events", "stats", "profile", "all,app", "output", "ndjson:-"), CORE);
    CHECK_EQ(READ("events", "all", "profile", "tcp", "output", "csv:-?event=sample"), CORE);
    CHECK_EQ(READ("events", "sample", "profile", "tcp", "output", "csv:-?event=flow"), CORE | TCP);
    CHECK_EQ(READ("profile", "tcp", "output", "null:"), CORE | TCP); /* for measuring */
    CHECK_EQ(READ("profile", "tcp"), CORE | TCP);                    /* callbacks */
    CHECK_EQ(parts_of(FT_CMD_COLLECT,
                      (const char *const[]){"profile", "all", "output", "ndjson:-", NULL}),
             CORE);
}

static void test_wrong(void)
{
    CHECK_EQ(READ("output", "ndjson:-?columns=src_ip,nope"), WRONG);
    CHECK_EQ(READ("output", "ndjson:-?profile=nope"), WRONG);
    CHECK_EQ(READ("output", "ndjson:-?columns=src_ip&profile=tcp"), WRONG);
}

int main(void)
{
    RUN(test_what_outputs_ask_for);
    RUN(test_who_writes_no_flows);
    RUN(test_wrong);
    return test_end();
}
