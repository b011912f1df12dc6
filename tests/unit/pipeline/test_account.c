/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the identities of the account, in every mode and in bad times: overload, a stuck
 * reader, a dead one, damage, failure, a stop in mid-burst, eviction. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "flowtap/pipeline.h"
#include "harness.h"

struct reader {
    _Atomic uint64_t lines, samples, finals, packets_in_finals;
    _Atomic bool stuck; /* while set, the callback does not return */
    uint64_t die_after; /* lines, 0: never */
    unsigned nap_us;    /* for each call */
};

static void nap_us(unsigned us)
{
    struct timespec ts = {us / 1000000, (long)(us % 1000000) * 1000};

    nanosleep(&ts, NULL);
}

/* Counts lines and what final records say. */
static int on_events(void *cookie, const void *data, size_t len)
{
    struct reader *r = cookie;
    const char *p = data, *end = p + len, *nl;

    while (atomic_load(&r->stuck)) {
        nap_us(1000);
    }
    nap_us(r->nap_us);
    for (; (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
        const char *count = memmem(p, (size_t)(nl - p), "\"packet_count\":", 15);

        r->lines++;
        r->samples += memmem(p, (size_t)(nl - p), "network_flow_sample", 19) != NULL;
        if (memmem(p, (size_t)(nl - p), "\"is_final\":true,\"segment\"", 25) != NULL) {
            r->finals++;
            r->packets_in_finals += strtoull(count + 15, NULL, 10);
        }
    }
    CHECK(p == end); /* whole lines only */
    return r->die_after > 0 && r->lines >= r->die_after;
}

static void set(struct ft_config *cfg, const char *name, const char *value)
{
    struct ft_err err;

    if (ft_config_set(cfg, name, value, &err) != FT_OK) {
        fprintf(stderr, "%s\n", err.what);
        abort();
    }
}

static struct ft_config *config(const char *spec, const char *workers)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);
    struct ft_err err;

    cfg->source = "mock";
    set(cfg, "workers", workers);
    set(cfg, "events", "all");
    CHECK_EQ(ft_config_add_input(cfg, spec, &err), FT_OK);
    return cfg;
}

static void check_account(const struct ft_stats *s)
{
    uint64_t ended = 0;

    for (int r = 0; r < FT_REASON__COUNT; r++) {
        ended += s->flows_ended[r];
    }
    CHECK(s->is_final);
    CHECK_EQ(s->received, s->captured + s->kernel_dropped);
    CHECK_EQ(s->captured, s->queue_dropped + s->verdict[FT_V_DECODED] +
                              ft_stats_class(s, FT_CLASS_IGNORED) +
                              ft_stats_class(s, FT_CLASS_MALFORMED));
    CHECK_EQ(s->verdict[FT_V_DECODED], s->packets_final + s->packets_active);
    CHECK_EQ(s->decoded_bytes, s->bytes_final + s->bytes_active);
    CHECK_EQ(s->flows_created, ended + s->flows_active);
    CHECK_EQ(s->flows_active, 0);
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        for (int e = 0; e < FT_EVENT__COUNT; e++) {
            CHECK_EQ(s->output[i].made[e],
                     s->output[i].written[e] + s->output[i].dropped[e] + s->output[i].lost[e]);
        }
    }
}

/* Runs to the end; stop_after_ms < 0: until the input ends. Returns what finish() says. */
static int run(struct ft_config *cfg, struct reader *r, int stop_after_ms, struct ft_stats *out)
{
    struct ft_pipeline *p = NULL;
    struct ft_err err = {0};
    int rc = ft_pipeline_new(cfg, NULL, NULL, &p, &err);

    if (rc != FT_OK) {
        ft_config_free(cfg);
        return rc;
    }
    if (r != NULL) {
        CHECK_EQ(ft_pipeline_add_callback(p, "reader", on_events, r, &err), FT_OK);
    }
    CHECK_EQ(ft_pipeline_start(p, &err), FT_OK);
    if (stop_after_ms >= 0) {
        nap_us((unsigned)stop_after_ms * 1000);
        ft_pipeline_stop(p);
    }
    if (r != NULL && atomic_load(&r->stuck)) {
        for (int i = 0; i < 300; i++) { /* until it has cost something, however slow the machine */
            struct ft_stats s;

            nap_us(100000);
            ft_pipeline_get_stats(p, &s);
            if (s.output[0].dropped[FT_EVENT_SAMPLE] > 0 && i >= 2) {
                break;
            }
        }
        atomic_store(&r->stuck, false);
    }
    while (ft_pipeline_wait(p, 50) == FT_E_AGAIN) {
    }
    rc = ft_pipeline_finish(p, &err);
    ft_pipeline_get_stats(p, out);
    check_account(out);
    ft_pipeline_free(p);
    ft_config_free(cfg);
    return rc;
}

static void test_every_mode(void)
{
    static const char *const workers[] = {"1", "2", "4", "7"};

    for (size_t i = 0; i < 4; i++) {
        for (int drop = 0; drop < 2; drop++) {
            struct ft_config *cfg = config("packets=200000,flows=3000", workers[i]);
            struct reader r = {0};
            struct ft_stats s;

            set(cfg, "overflow", drop ? "drop" : "block");
            set(cfg, "output", "null:");
            CHECK_EQ(run(cfg, &r, -1, &s), FT_OK);
            CHECK_EQ(s.captured, 200000);
            CHECK_EQ(s.output[1].dropped[FT_EVENT_FLOW], 0);
            CHECK_EQ(r.packets_in_finals, s.verdict[FT_V_DECODED]);
            CHECK_EQ(r.finals, s.flows_created);
            if (!drop) {
                CHECK_EQ(s.queue_dropped, 0);
                CHECK_EQ(s.flows_created, 3000);
                CHECK_EQ(r.samples, 200000);
            }
        }
    }
}

static void test_queue_overrun(void)
{
    struct ft_config *cfg = config("packets=1000000,flows=50", "2");
    struct reader r = {.nap_us = 2000};
    struct ft_stats s;

    set(cfg, "overflow", "drop");
    set(cfg, "queue", "64");
    set(cfg, "output", "ndjson:/dev/null?overflow=block&queue=64KB"); /* slows the workers down */
    CHECK_EQ(run(cfg, &r, -1, &s), FT_OK);
    CHECK_EQ(s.captured, 1000000);
    CHECK(s.queue_dropped > 0);
    CHECK_EQ(s.queue_dropped, s.worker_dropped[0] + s.worker_dropped[1]);
    CHECK_EQ(r.packets_in_finals, s.verdict[FT_V_DECODED]); /* what was lost is in no counter */
}

static void test_stuck_reader_costs_samples_first(void)
{
    struct ft_config *cfg = config("packets=400000,flows=1000", "2");
    struct reader r = {.stuck = true};
    struct ft_stats s;

    set(cfg, "overflow", "drop"); /* outputs drop too */
    set(cfg, "queue", "16777216");
    CHECK_EQ(run(cfg, &r, -1, &s), FT_OK);
    CHECK_EQ(s.queue_dropped, 0);
    CHECK_EQ(s.verdict[FT_V_DECODED], 400000);
    CHECK(s.output[0].dropped[FT_EVENT_SAMPLE] > 0);
    CHECK_EQ(s.output[0].dropped[FT_EVENT_FLOW], 0); /* records had their room */
    CHECK_EQ(r.packets_in_finals, 400000);
}

static void test_reader_that_dies(void)
{
    for (int w = 1; w <= 3; w++) {
        char workers[4];
        struct ft_stats s;
        struct reader r = {.die_after = 5000};

        snprintf(workers, sizeof workers, "%d", w);
        struct ft_config *cfg = config("packets=50000000,flows=100", workers);

        CHECK_EQ(run(cfg, &r, -1, &s), FT_E_CLOSED); /* the last output: the input is left */
        CHECK(s.captured < 50000000);
        CHECK(s.output[0].failed);
        CHECK(s.output[0].lost[FT_EVENT_SAMPLE] > 0);
    }
}

static void test_one_of_two_readers_dies(void)
{
    struct ft_config *cfg = config("packets=300000,flows=100", "2");
    struct reader r = {.die_after = 100};
    struct ft_stats s;

    set(cfg, "output", "null:");
    CHECK_EQ(run(cfg, &r, -1, &s), FT_E_CLOSED); /* the other goes on to the end */
    CHECK_EQ(s.captured, 300000);
    CHECK_EQ(s.output[0].written[FT_EVENT_SAMPLE], 300000);
}

static void test_stop_in_mid_burst(void)
{
    for (int w = 1; w <= 4; w++) {
        for (int drop = 0; drop < 2; drop++) {
            char workers[4];
            struct reader r = {0};
            struct ft_stats s;

            snprintf(workers, sizeof workers, "%d", w);
            struct ft_config *cfg = config("packets=2000000000,flows=2000", workers);

            set(cfg, "overflow", drop ? "drop" : "block");
            CHECK_EQ(run(cfg, &r, 40, &s), FT_OK);
            CHECK(s.captured > 0);
            CHECK(s.flows_ended[FT_REASON_SHUTDOWN] > 0);
            CHECK_EQ(r.packets_in_finals, s.verdict[FT_V_DECODED]);
        }
    }
}

static void test_damage_and_failure(void)
{
    static const char *const workers[] = {"1", "2", "3"};

    for (int i = 0; i < 3; i++) {
        struct reader r = {0};
        struct ft_stats s;

        CHECK_EQ(run(config("packets=100000,corrupt=50000", workers[i]), &r, -1, &s), FT_E_CORRUPT);
        CHECK_EQ(s.verdict[FT_V_DECODED], 50000); /* everything before it */
        CHECK_EQ(run(config("packets=10000000,fail=30000", workers[i]), &r, -1, &s), FT_E_IO);
        CHECK_EQ(s.captured, 30000);
    }
}

static void test_eviction_loses_nothing(void)
{
    for (int w = 1; w <= 2; w++) {
        char workers[4];
        struct reader r = {0};
        struct ft_stats s;

        snprintf(workers, sizeof workers, "%d", w);
        struct ft_config *cfg = config("packets=300000,flows=50000", workers);

        set(cfg, "max-flows", "1000");
        CHECK_EQ(run(cfg, &r, -1, &s), FT_OK);
        CHECK(s.flows_ended[FT_REASON_EVICTED] > 0);
        CHECK_EQ(r.packets_in_finals, 300000);
    }
}

static void test_kernel_drops_and_live(void)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_LIVE);
    struct reader r = {0};
    struct ft_stats s;
    struct ft_err err;

    cfg->source = "mock";
    set(cfg, "events", "all");
    set(cfg, "stats", "0.02");
    CHECK_EQ(ft_config_add_input(cfg, "packets=5000,flows=7,drop=33,live=1", &err), FT_OK);
    CHECK_EQ(run(cfg, &r, 200, &s), FT_OK);
    CHECK(s.kernel_dropped_known);
    CHECK_EQ(s.received, 5000 + 33);
    CHECK(s.output[0].made[FT_EVENT_STATS] >= 4);
    CHECK_EQ(r.packets_in_finals, 5000);
}

static void test_sampling_is_the_same_for_any_workers(void)
{
    static const char *const workers[] = {"1", "2", "5"};

    for (int i = 0; i < 3; i++) {
        struct ft_config *cfg = config("packets=100001,flows=99", workers[i]);
        struct reader r = {0};
        struct ft_stats s;

        set(cfg, "sample", "10");
        CHECK_EQ(run(cfg, &r, -1, &s), FT_OK);
        CHECK_EQ(r.samples, 10001);
    }
}

static void test_packet_path_allocates_nothing(void)
{
    struct ft_config *cfg = config("packets=500000,flows=20000", "2");
    struct ft_pipeline *p = NULL;
    struct ft_err err;

    set(cfg, "output", "ndjson:/dev/null");
    CHECK_EQ(ft_pipeline_new(cfg, NULL, NULL, &p, &err), FT_OK);
    CHECK_EQ(ft_pipeline_start(p, &err), FT_OK);
    uint64_t before = ft_mem_count();

    while (ft_pipeline_wait(p, 50) == FT_E_AGAIN) {
    }
    CHECK_EQ(ft_mem_count(), before);
    CHECK_EQ(ft_pipeline_finish(p, &err), FT_OK);
    ft_pipeline_free(p);
    ft_config_free(cfg);
}

static void fail_at_start(const char *output)
{
    struct ft_config *cfg = config("packets=1000", "3");
    struct ft_pipeline *p;
    struct ft_err err;
    int failures = 0;

    set(cfg, "output", output);
    for (uint64_t n = 1; n < 500; n++) {
        p = NULL;
        ft_mem_fail_at(n);
        int rc = ft_pipeline_new(cfg, NULL, NULL, &p, &err);

        ft_mem_fail_at(0);
        if (rc == FT_OK) {
            ft_pipeline_free(p);
            break;
        }
        CHECK(rc == FT_E_NOMEM || rc == FT_E_IO);
        CHECK(err.what[0] != '\0');
        failures++;
    }
    CHECK(failures > 20);
    ft_config_free(cfg);
}

static void test_allocation_failures_at_start(void)
{
    fail_at_start("ndjson:/dev/null?compress=zstd");
#ifdef FT_HAVE_CURL
    setenv("AWS_ACCESS_KEY_ID", "id", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "key", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    fail_at_start("ndjson+http://127.0.0.1:1/?event=flow&preset=elastic&compress=gzip&into=x");
    fail_at_start("ndjson+http://127.0.0.1:1/?event=flow&preset=feast&into=x");
    fail_at_start("parquet+http://127.0.0.1:1/?event=flow");
    fail_at_start("parquet+s3://bucket/key?event=flow");
#endif
}

static void test_two_pipelines_at_once(void)
{
    struct ft_config *a = config("packets=200000,flows=10", "2");
    struct ft_config *b = config("packets=100000,flows=20", "2");
    struct ft_pipeline *pa = NULL, *pb = NULL;
    struct ft_stats s;
    struct ft_err err;

    set(a, "output", "null:");
    set(b, "output", "null:");
    CHECK_EQ(ft_pipeline_new(a, NULL, NULL, &pa, &err), FT_OK);
    CHECK_EQ(ft_pipeline_new(b, NULL, NULL, &pb, &err), FT_OK);
    CHECK_EQ(ft_pipeline_start(pa, &err), FT_OK);
    CHECK_EQ(ft_pipeline_start(pb, &err), FT_OK);
    while (ft_pipeline_wait(pa, 50) == FT_E_AGAIN || ft_pipeline_wait(pb, 50) == FT_E_AGAIN) {
    }
    CHECK_EQ(ft_pipeline_finish(pa, &err), FT_OK);
    CHECK_EQ(ft_pipeline_finish(pb, &err), FT_OK);
    ft_pipeline_get_stats(pa, &s);
    CHECK_EQ(s.captured, 200000);
    ft_pipeline_get_stats(pb, &s);
    CHECK_EQ(s.captured, 100000);
    ft_pipeline_free(pa);
    ft_pipeline_free(pb);
    ft_config_free(a);
    ft_config_free(b);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN(test_every_mode);
    RUN(test_queue_overrun);
    RUN(test_stuck_reader_costs_samples_first);
    RUN(test_reader_that_dies);
    RUN(test_one_of_two_readers_dies);
    RUN(test_stop_in_mid_burst);
    RUN(test_damage_and_failure);
    RUN(test_eviction_loses_nothing);
    RUN(test_kernel_drops_and_live);
    RUN(test_sampling_is_the_same_for_any_workers);
    RUN(test_packet_path_allocates_nothing);
    RUN(test_allocation_failures_at_start);
    RUN(test_two_pipelines_at_once);
    return test_end();
}
