/* SPDX-License-Identifier: Apache-2.0 */
/* output: URLs; writers, pools and policies against slow, failing and stuck sinks; files. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/url.h"
#include "harness.h"
#include "output/output.h"

enum { WRITERS = 4, EVENTS = 30000 };

/* A sink that keeps, delays, fails or blocks. */
struct memory {
    struct ft_sink sink;
    uint64_t lines[FT_EVENT__COUNT];
    uint64_t torn;
    size_t fail_every; /* every n-th write takes half of its bytes: "no space" */
    size_t writes;
    unsigned nap_us;
    _Atomic bool blocked;
};

static const char *const text[FT_EVENT__COUNT] = {"sample sample sample\n", "flow\n", "stats\n"};

static void nap_us(unsigned us)
{
    struct timespec ts = {0, (long)us * 1000};

    nanosleep(&ts, NULL);
}

static int memory_write(struct ft_sink *s, const uint8_t *data, size_t len, size_t *out_taken)
{
    struct memory *m = (struct memory *)(void *)s;
    size_t take = len;

    while (atomic_load(&m->blocked)) {
        nap_us(1000);
    }
    nap_us(m->nap_us);
    if (m->fail_every > 0 && ++m->writes % m->fail_every == 0) {
        const uint8_t *nl = memrchr(data, '\n', len / 2);

        take = nl != NULL ? (size_t)(nl + 1 - data) : 0;
    }
    for (const char *p = (const char *)data, *end = p + take; p < end;) {
        int e = *p == 'f' ? FT_EVENT_FLOW : p[1] == 'a' ? FT_EVENT_SAMPLE : FT_EVENT_STATS;
        size_t n = strlen(text[e]);

        m->torn += (size_t)(end - p) < n || memcmp(p, text[e], n) != 0;
        m->lines[e]++;
        p += n;
    }
    *out_taken = take;
    return take == len ? FT_OK : FT_E_IO;
}

static void memory_give_up(struct ft_sink *s)
{
    atomic_store(&((struct memory *)(void *)s)->blocked, false);
}

static int memory_close(struct ft_sink *s)
{
    (void)s;
    return FT_OK;
}

static const struct ft_sink_ops memory_ops = {
    .name = "memory", .write = memory_write, .give_up = memory_give_up, .close = memory_close};

struct job {
    struct ft_writer *w;
    unsigned seed;
};

static void *write_events(void *arg)
{
    struct job *j = arg;

    for (unsigned i = 0; i < EVENTS; i++) {
        enum ft_event e = i % 50 == 0    ? FT_EVENT_FLOW
                          : i % 997 == 0 ? FT_EVENT_STATS
                                         : FT_EVENT_SAMPLE;
        uint8_t *p = ft_writer_begin(j->w, e, 4096);

        if (p != NULL) {
            memcpy(p, text[e], strlen(text[e]));
            ft_writer_end(j->w, e, strlen(text[e]));
        }
    }
    ft_writer_flush(j->w);
    return NULL;
}

static struct ft_output *open_memory(struct memory *m, const char *url_text)
{
    struct ft_output_config cfg = {.n_writers = WRITERS, .sink = &memory_ops};
    struct ft_output_env env = {0};
    struct ft_output_url url;
    struct ft_output *o = NULL;
    struct ft_err err;

    m->sink.ops = &memory_ops;
    cfg.sink_instance = &m->sink;
    CHECK_EQ(ft_output_url_parse(url_text, &url, &err), FT_OK);
    CHECK_EQ(ft_output_open(&url, &cfg, &env, &o, &err), FT_OK);
    ft_output_url_fini(&url);
    CHECK_EQ(ft_output_start(o), FT_OK);
    return o;
}

static void drain(struct ft_output *o, int patience_ms)
{
    struct ft_output_drain d = {0};

    while (!ft_output_drain_step(o, &d, patience_ms)) {
    }
}

static struct ft_output_stats run(struct memory *m, const char *url, int patience_ms, int *out_rc)
{
    struct ft_output *o = open_memory(m, url);
    pthread_t thread[WRITERS];
    struct job job[WRITERS];
    struct ft_output_stats s;
    uint64_t allocations = ft_mem_count();

    for (unsigned i = 0; i < WRITERS; i++) {
        job[i] = (struct job){ft_output_writer(o, i), i};
        pthread_create(&thread[i], NULL, write_events, &job[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(thread[i], NULL);
    }
    CHECK_EQ(ft_mem_count(), allocations);
    drain(o, patience_ms);
    *out_rc = ft_output_close(o);
    ft_output_get_stats(o, &s);
    for (int e = 0; e < FT_EVENT__COUNT; e++) {
        CHECK_EQ(s.made[e], s.written[e] + s.dropped[e] + s.lost[e]);
        CHECK_EQ(s.written[e], m->lines[e]);
    }
    CHECK_EQ(s.made[0] + s.made[1] + s.made[2], WRITERS * EVENTS);
    CHECK_EQ(m->torn, 0);
    ft_output_free(o);
    return s;
}

static void test_block_loses_nothing(void)
{
    struct memory m = {.nap_us = 50};
    int rc;
    struct ft_output_stats s = run(&m, "ndjson:x?overflow=block&queue=1", -1, &rc);

    CHECK_EQ(rc, FT_OK);
    CHECK_EQ(s.dropped[0] + s.dropped[1] + s.dropped[2], 0);
}

static void test_drop_gives_samples_up_first(void)
{
    struct memory m = {.blocked = true};
    int rc;
    struct ft_output_stats s = run(&m, "ndjson:x?overflow=drop&queue=1", 200, &rc);

    CHECK(s.dropped[FT_EVENT_SAMPLE] > 0);
    memset(&m, 0, sizeof m);
    m.nap_us = 3000;
    s = run(&m, "ndjson:x?overflow=drop&queue=2MB", 2000, &rc);
    CHECK_EQ(rc, FT_OK);
    CHECK_EQ(s.dropped[FT_EVENT_FLOW], 0);
}

static void test_half_writes_are_counted_exactly(void)
{
    struct memory m = {.fail_every = 3};
    int rc;
    struct ft_output_stats s = run(&m, "ndjson:x?overflow=block&queue=1", -1, &rc);

    CHECK_EQ(rc, FT_E_IO);
    CHECK(s.lost[FT_EVENT_SAMPLE] > 0);
    CHECK_EQ(s.dropped[FT_EVENT_SAMPLE], 0); /* no queue was full: it waits */
}

static void test_stuck_sink_is_given_up(void)
{
    struct memory m = {.blocked = true};
    int rc;

    struct ft_output_stats s = run(&m, "ndjson:x?overflow=drop", 100, &rc);

    CHECK_EQ(rc, FT_E_IO);
    CHECK(s.lost[FT_EVENT_FLOW] > 0);
}

/* A sink that holds what it took, as an open frame does, until it is told to write it out. */
struct holder {
    struct ft_sink sink;
    uint64_t held, arrived;
    bool fail;
};

static int holder_write(struct ft_sink *s, const uint8_t *data, size_t len, size_t *out_taken)
{
    struct holder *h = (struct holder *)(void *)s;

    (void)data;
    h->held += len;
    h->sink.held = true;
    *out_taken = len;
    return FT_OK;
}

static int holder_flush(struct ft_sink *s)
{
    struct holder *h = (struct holder *)(void *)s;

    h->sink.held = false;
    h->arrived += h->fail ? 0 : h->held;
    h->held = 0;
    return h->fail ? FT_E_IO : FT_OK;
}

static int holder_close(struct ft_sink *s)
{
    struct holder *h = (struct holder *)(void *)s;

    return h->sink.failed > 0 ? FT_E_IO : FT_OK;
}

static const struct ft_sink_ops holder_ops = {
    .name = "holder", .write = holder_write, .flush = holder_flush, .close = holder_close};

static struct ft_output *open_holder(struct holder *h)
{
    struct ft_output_config cfg = {.n_writers = 1, .sink = &holder_ops};
    struct ft_output_env env = {0};
    struct ft_output_url url;
    struct ft_output *o = NULL;
    struct ft_err err;

    h->sink.ops = &holder_ops;
    cfg.sink_instance = &h->sink;
    CHECK_EQ(ft_output_url_parse("ndjson:x?overflow=block", &url, &err), FT_OK);
    CHECK_EQ(ft_output_open(&url, &cfg, &env, &o, &err), FT_OK);
    ft_output_url_fini(&url);
    CHECK_EQ(ft_output_start(o), FT_OK);
    for (int i = 0; i < 100; i++) {
        uint8_t *p = ft_writer_begin(ft_output_writer(o, 0), FT_EVENT_FLOW, 64);

        memcpy(p, text[1], 5);
        ft_writer_end(ft_output_writer(o, 0), FT_EVENT_FLOW, 5);
    }
    ft_writer_flush(ft_output_writer(o, 0));
    return o;
}

/* written counts what has arrived; what is held waits, and is written out by the drain. */
static void test_held_is_not_written(void)
{
    struct holder h = {0};
    struct ft_output *o = open_holder(&h);
    struct ft_output_stats s = {0};

    for (int i = 0; i < 2000 && ft_output_progress(o) == 0; i++) {
        nap_us(1000);
    }
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.made[FT_EVENT_FLOW], 100);
    CHECK_EQ(s.written[FT_EVENT_FLOW], 0);
    drain(o, -1);
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.written[FT_EVENT_FLOW], 100);
    CHECK_EQ(h.arrived, 500);
    CHECK_EQ(ft_output_close(o), FT_OK);
    ft_output_free(o);
}

static void test_held_is_lost_as_a_whole(void)
{
    struct holder h = {.fail = true};
    struct ft_output *o = open_holder(&h);
    struct ft_output_stats s;

    drain(o, -1);
    CHECK_EQ(ft_output_close(o), FT_E_IO);
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.lost[FT_EVENT_FLOW], 100);
    CHECK_EQ(s.written[FT_EVENT_FLOW], 0);
    ft_output_free(o);
}

/* What the system takes back at the end (an error of close) was not written after all. */
static void test_error_at_close_is_lost(void)
{
    struct holder h = {0};
    struct ft_output *o = open_holder(&h);
    struct ft_output_stats s;

    drain(o, -1);
    h.sink.failed++; /* nothing is queued: the output's thread does not look at it now */
    CHECK_EQ(ft_output_close(o), FT_E_IO);
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.lost[FT_EVENT_FLOW], 100);
    CHECK_EQ(s.written[FT_EVENT_FLOW], 0);
    ft_output_free(o);
}

static void test_urls(void)
{
    static const struct {
        const char *text, *format, *target, *key, *value;
    } good[] = {
        {"ndjson:-", "ndjson", "-", "", NULL},
        {"null:", "null", "", "", NULL},
        {"csv:/a/b.csv?event=flow", "csv", "/a/b.csv", "event", "flow"},
        {"ndjson:a?b", "ndjson", "a?b", "", NULL},
        {"ndjson:a%20b?rotate=1h&compress=zstd:9", "ndjson", "a b", "compress", "zstd:9"},
        {"ndjson+file:x?queue=64MB", "ndjson", "x", "queue", "64MB"},
        {"ndjson:x?append=true", "ndjson", "x", "append", "true"},
        {"ndjson:x?keep=10", "ndjson", "x", "keep", "10"},
        {"ndjson:x?keep=7d", "ndjson", "x", "keep", "7d"},
        {"ndjson:x?keep=20GB", "ndjson", "x", "keep", "20GB"},
        {"ndjson:x?mode=0660&group=adm", "ndjson", "x", "mode", "0660"},
        {"ndjson:x?fsync=1s", "ndjson", "x", "fsync", "1s"},
        {"ndjson:x?fsync=frame", "ndjson", "x", "fsync", "frame"},
    };
    static const char *const bad[] = {
        "x",
        "json:x",
        "ndjson:",
        "ndjson+tcp:x",
        "ndjson:x?foo=1",
        ":x",
        "ndjson:x?queue=x",
        "ndjson:x?rotate=0s",
        "ndjson:x?overflow=wait",
        "ndjson:x?a&b=1",
        "ndjson:x?compress=zstd:99",
        "csv:x?event=flows",
        "ndjson:x?rotate=10x",
        "ndjson:x?keep=0",
        "ndjson:x?keep=ten",
        "ndjson:x?mode=9",
        "ndjson:x?mode=0440",
        "ndjson:x?mode=4755",
        "ndjson:x?group=",
        "ndjson:x?fsync=yes",
    };
    struct ft_output_url u;
    struct ft_err err;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_EQ(ft_output_url_parse(good[i].text, &u, &err), FT_OK);
        CHECK_STR(u.format, good[i].format);
        CHECK_STR(u.target, good[i].target);
        if (good[i].value != NULL) {
            CHECK_STR(ft_output_url_get(&u, good[i].key), good[i].value);
        }
        ft_output_url_fini(&u);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (strcmp(bad[i], "ndjson:x?a&b=1") == 0) {
            continue; /* a target that holds "?a&b=1": no parameters begin there */
        }
        err.what[0] = '\0';
        if (ft_output_url_parse(bad[i], &u, &err) != FT_E_USAGE) {
            fprintf(stderr, "%s was taken\n", bad[i]);
            CHECK(false);
        }
        CHECK(err.what[0] != '\0');
    }
}

/* A pipe whose reader reads nothing: the thread waits in poll, and is reached there. */
static void test_full_pipe_is_given_up(void)
{
    struct ft_output_config cfg = {.n_writers = 1, .overflow = FT_OVERFLOW_DROP};
    struct ft_output_env env = {0};
    struct ft_output_url url;
    struct ft_output_stats s;
    struct ft_output *o = NULL;
    struct ft_err err;
    char target[64];
    int fd[2];

    CHECK_EQ(pipe(fd), 0);
    snprintf(target, sizeof target, "ndjson:/dev/fd/%d?queue=1MB", fd[1]);
    CHECK_EQ(ft_output_url_parse(target, &url, &err), FT_OK);
    CHECK_EQ(ft_output_open(&url, &cfg, &env, &o, &err), FT_OK);
    CHECK_EQ(ft_output_start(o), FT_OK);
    for (int i = 0; i < 3000000; i++) {
        uint8_t *p = ft_writer_begin(ft_output_writer(o, 0), FT_EVENT_FLOW, 64);

        if (p != NULL) {
            memcpy(p, text[1], 5);
            ft_writer_end(ft_output_writer(o, 0), FT_EVENT_FLOW, 5);
        }
    }
    ft_writer_flush(ft_output_writer(o, 0));
    drain(o, 200);
    CHECK_EQ(ft_output_close(o), FT_E_IO);
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.made[FT_EVENT_FLOW], 3000000);
    CHECK_EQ(s.made[FT_EVENT_FLOW],
             s.written[FT_EVENT_FLOW] + s.dropped[FT_EVENT_FLOW] + s.lost[FT_EVENT_FLOW]);
    CHECK(s.dropped[FT_EVENT_FLOW] > 0 && s.written[FT_EVENT_FLOW] > 0);
    CHECK(s.lost[FT_EVENT_FLOW] > 0); /* what was queued when it was given up */
    ft_output_free(o);
    ft_output_url_fini(&url);
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL);
    RUN(test_urls);
    RUN(test_block_loses_nothing);
    RUN(test_drop_gives_samples_up_first);
    RUN(test_half_writes_are_counted_exactly);
    RUN(test_stuck_sink_is_given_up);
    RUN(test_held_is_not_written);
    RUN(test_held_is_lost_as_a_whole);
    RUN(test_error_at_close_is_lost);
    RUN(test_full_pipe_is_given_up);
    return test_end();
}
