/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics/page.h"

#include <string.h>

#include "base/mem.h"
#include "harness.h"

static struct ft_stats stats;

static bool has(const struct ft__page *p, const char *line)
{
    char text[400];

    snprintf(text, sizeof text, "\n%s\n", line);
    return memmem(p->text, p->len, text, strlen(text)) != NULL;
}

/* Every number of the account has a place of its own: what is set to a number is found again. */
static void test_every_number(void)
{
    struct ft__page p;

    memset(&stats, 0, sizeof stats);
    stats.n_workers = 2;
    stats.n_outputs = 1;
    stats.kernel_dropped_known = true;
    stats.received = 1001;
    stats.kernel_dropped = UINT64_MAX;
    stats.flows_ended[FT_REASON_EOF] = 1002;
    stats.worker_dropped[1] = 1003;
    stats.worker_queue[0] = 1004;
    stats.worker_turns[1] = 1005;
    stats.not_ip = (struct ft_not_ip_stats){{0x806, 4}, {1006, 1007}, 2, 1008};
    stats.elapsed_ns = 12345678901;
    stats.output[0].name = "ndjson:a\"b\\c\nd\xff\xc3\xa9";
    stats.output[0].made[FT_EVENT_FLOW] = 1010;
    stats.output[0].written[FT_EVENT_FLOW] = 5;
    stats.output[0].lost[FT_EVENT_FLOW] = 2;
    stats.output[0].dropped[FT_EVENT_FLOW] = 1;
    stats.output[0].spooled[FT_EVENT_FLOW] = 100;
    stats.output[0].replayed[FT_EVENT_FLOW] = 77;
    stats.output[0].earlier_dropped[FT_EVENT_FLOW] = 78;
    stats.output[0].earlier_lost[FT_EVENT_FLOW] = 79;
    stats.output[0].earlier_spooled[FT_EVENT_FLOW] = 80;
    stats.output[0].lag_ns = 1500000000;
    stats.output[0].failed = true;
    CHECK(ft__page_make(&p, &stats, false));
#define LABELS "index=\"0\",output=\"ndjson:a\\\"b\\\\c d\xef\xbf\xbd\xc3\xa9\""
    CHECK(has(&p, "flowtap_packets_received_total 1001"));
    CHECK(has(&p, "flowtap_packets_kernel_dropped_total 18446744073709551615"));
    CHECK(has(&p, "flowtap_flows_ended_total{reason=\"eof\"} 1002"));
    CHECK(has(&p, "flowtap_worker_queue_dropped_total{worker=\"1\"} 1003"));
    CHECK(has(&p, "flowtap_worker_queue_packets{worker=\"0\"} 1004"));
    CHECK(has(&p, "flowtap_worker_turns_total{worker=\"1\"} 1005"));
    CHECK(has(&p, "flowtap_packets_not_ip_total{ethertype=\"0x0806\"} 1006"));
    CHECK(has(&p, "flowtap_packets_not_ip_total{ethertype=\"llc\"} 1007"));
    CHECK(has(&p, "flowtap_packets_not_ip_total{ethertype=\"other\"} 1008"));
    CHECK(has(&p, "flowtap_uptime_seconds 12.345"));
    CHECK(has(&p, "flowtap_output_events_made_total{" LABELS ",event=\"flow\"} 1010"));
    CHECK(has(&p, "flowtap_output_events_waiting{" LABELS "} 902"));
    CHECK(has(&p, "flowtap_output_events_spooled{" LABELS ",event=\"flow\"} 100"));
    CHECK(has(&p, "flowtap_output_events_replayed_total{" LABELS ",event=\"flow\"} 77"));
    CHECK(has(&p, "flowtap_output_events_earlier_dropped_total{" LABELS ",event=\"flow\"} 78"));
    CHECK(has(&p, "flowtap_output_events_earlier_lost_total{" LABELS ",event=\"flow\"} 79"));
    CHECK(has(&p, "flowtap_output_events_earlier_spooled{" LABELS ",event=\"flow\"} 80"));
    CHECK(has(&p, "flowtap_output_lag_seconds{" LABELS "} 1.500"));
    CHECK(has(&p, "flowtap_output_failed{" LABELS "} 1"));
    CHECK(!has(&p, "flowtap_collect_exporters 0"));
    CHECK(has(&p, "# TYPE flowtap_packets_received_total counter"));
    CHECK(memmem(p.text, p.len, "# UNIT", 6) == NULL && memmem(p.text, p.len, "# EOF", 5) == NULL);
    ft__page_fini(&p);
}

static void test_open(void)
{
    struct ft__page p;

    memset(&stats, 0, sizeof stats);
    stats.collecting = true;
    stats.collected[FT_COLLECT_EXPORTERS] = 7;
    CHECK(ft__page_make(&p, &stats, true));
    CHECK(has(&p, "# TYPE flowtap_received_bytes counter\n# UNIT flowtap_received_bytes bytes\n"
                  "flowtap_received_bytes_total 0"));
    CHECK(has(&p, "flowtap_collect_exporters 7"));
    CHECK(!has(&p, "flowtap_flows_created_total 0"));
    CHECK(p.len > 6 && memcmp(p.text + p.len - 6, "# EOF\n", 6) == 0);
    ft__page_fini(&p);
}

/* As many workers and outputs of long names as there may be; each allocation fails once. */
static void test_largest(void)
{
    static char name[4000];
    struct ft__page p;
    uint64_t fails = 0;
    bool made = false;

    memset(&stats, 0, sizeof stats);
    memset(name, '"', sizeof name - 1);
    stats.n_workers = FT_MAX_WORKERS;
    stats.n_outputs = FT_MAX_OUTPUTS;
    for (int i = 0; i < FT_MAX_OUTPUTS; i++) {
        stats.output[i].name = name;
    }
    while (!made && fails < 100) {
        ft_mem_fail_at(++fails);
        made = ft__page_make(&p, &stats, false);
    }
    ft_mem_fail_at(0);
    CHECK(made && fails > 3);
    CHECK(p.len > 500000);
    ft__page_fini(&p);
}

static void test_accept(void)
{
    static const struct {
        const char *accept;
        bool open;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*/*", false},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text;version=1.0.0;charset=utf-8", true},
        {"application/openmetrics-text; version=\"1.0.0\"", true},
        {"application/openmetrics-text;version=0.0.1", false},
        {"application/openmetrics-text;version=0.0.1;q=0.75,application/openmetrics-text;q=0.5",
         true},
        {"application/openmetrics-text;q=0", false},
        {"text/plain,application/openmetrics-text;q=0.9", false},
        {"text/plain;q=0.9,application/openmetrics-text", true},
        {"application/openmetrics-textx", false},
        {";;;,,,=;q=;", false},
        {"application/openmetrics-text;q=-1", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ(ft__page_wants_openmetrics(cases[i].accept), cases[i].open);
    }
}

static void test_ready(void)
{
    char why[256];

    memset(&stats, 0, sizeof stats);
    stats.n_workers = 2;
    stats.n_outputs = 2;
    stats.output[0].name = "a:";
    stats.output[1].name = "b:";
    CHECK(ft__page_ready(&stats, why, sizeof why));
    stats.worker_ended[0] = true;
    stats.output[0].lag_ns = 29900000000;
    CHECK(ft__page_ready(&stats, why, sizeof why));
    stats.output[0].lag_ns = 30000000000;
    stats.output[1].failed = true;
    CHECK(!ft__page_ready(&stats, why, sizeof why));
    CHECK_STR(why, "a: takes nothing for 30 s\nb: is gone\n");
    stats.worker_ended[1] = true;
    stats.interfaces_down = 1;
    CHECK(!ft__page_ready(&stats, why, sizeof why));
    CHECK_STR(why, "the input has ended\nan interface is down or gone\na: takes nothing for 30 s\n"
                   "b: is gone\n");
    char small[20];

    CHECK(!ft__page_ready(&stats, small, sizeof small));
    CHECK(strlen(small) < sizeof small);
}

int main(void)
{
    RUN(test_every_number);
    RUN(test_open);
    RUN(test_largest);
    RUN(test_accept);
    RUN(test_ready);
    return test_end();
}
