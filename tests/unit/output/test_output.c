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
    uint64_t producer, number; /* of the last chunk */
    uint64_t unknown;          /* chunks that are not the next of the same producer */
};

static const char *const text[FT_EVENT__COUNT] = {"sample sample sample\n", "flow\n", "stats\n"};

static void nap_us(unsigned us)
{
    struct timespec ts = {0, (long)us * 1000};

    nanosleep(&ts, NULL);
}

static void memory_take(struct memory *m, const struct ft_chunk *c, uint32_t len)
{
    for (const char *p = (const char *)c->data, *end = p + len; p < end;) {
        int e = *p == 'f' ? FT_EVENT_FLOW : p[1] == 'a' ? FT_EVENT_SAMPLE : FT_EVENT_STATS;
        size_t n = strlen(text[e]);

        m->torn += (size_t)(end - p) < n || memcmp(p, text[e], n) != 0;
        m->lines[e]++;
        p += n;
    }
    ft_tally_chunk(&m->sink.arrived, c, 0, len);
    ft_tally_chunk(&m->sink.lost, c, len, c->len);
}

static int memory_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct memory *m = (struct memory *)(void *)s;

    while (atomic_load(&m->blocked)) {
        nap_us(1000);
    }
    for (uint32_t i = 0; i < *n; i++) {
        m->unknown += chunks[i].producer == 0 || chunks[i].number != m->number + 1 ||
                      (m->producer != 0 && chunks[i].producer != m->producer);
        m->producer = chunks[i].producer;
        m->number = chunks[i].number;
        bool fails = m->fail_every > 0 && ++m->writes % m->fail_every == 0;

        nap_us(m->nap_us);
        memory_take(m, &chunks[i],
                    fails ? ft_chunk_whole(&chunks[i], chunks[i].len / 2) : chunks[i].len);
        if (fails) {
            *n = i + 1;
            return FT_E_IO;
        }
    }
    return FT_OK;
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

/* A receiver can tell the chunks of two outputs, and of two runs, apart. */
static void test_chunks_have_names(void)
{
    struct memory a = {.nap_us = 0}, b = {.nap_us = 0};
    int rc;

    run(&a, "ndjson:x?overflow=block", -1, &rc);
    run(&b, "ndjson:x?overflow=block", -1, &rc);
    CHECK(a.number > 3 && b.number > 3);
    CHECK_EQ(a.unknown, 0);
    CHECK_EQ(b.unknown, 0);
    CHECK(a.producer != b.producer);
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
    struct ft_tally held;
    uint64_t arrived;
    bool fail;
};

static int holder_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct holder *h = (struct holder *)(void *)s;

    for (uint32_t i = 0; i < *n; i++) {
        ft_tally_chunk(&h->held, &chunks[i], 0, chunks[i].len);
    }
    return FT_OK;
}

static int holder_flush(struct ft_sink *s)
{
    struct holder *h = (struct holder *)(void *)s;

    h->arrived += h->fail ? 0 : h->held.bytes;
    ft_tally_move(h->fail ? &s->lost : &s->arrived, &h->held);
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

/* ---- messages with keys, and batches of rows, whose arrival is told later ---- */

enum { MESSAGES = 1000, KEYS = 7, ROWS = 12 };

/* As a broker would: it says of each message by itself, and later, whether it has it; here in
 * another order, with every third one refused, when it is polled. */
struct broker {
    struct ft_sink sink;
    struct ft_mark open[MESSAGES];
    uint32_t n_open, seen[KEYS + 1], wrong;
    bool silent; /* it says nothing until it is flushed */
};

static int broker_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct broker *b = (struct broker *)(void *)s;

    for (uint32_t i = 0; i < *n; i++) {
        uint32_t begin = 0;

        for (uint32_t k = 0; k < chunks[i].n; k++) {
            const struct ft_mark *m = ft_chunk_mark(&chunks[i], k);
            uint8_t want = m->key == FT_NO_KEY ? 'r' : (uint8_t)('0' + m->key);

            b->wrong += m->end - begin != 10 || chunks[i].data[begin] != want ||
                        m->count != (m->key == FT_NO_KEY ? ROWS : 1) || chunks[i].lines;
            b->seen[m->key]++;
            b->open[b->n_open++] = *m;
            begin = m->end;
        }
        b->wrong += begin != chunks[i].len;
    }
    return FT_OK;
}

static void broker_answer(struct broker *b, bool all)
{
    while (b->n_open > (all ? 0 : 10)) { /* the newest first */
        struct ft_mark m = b->open[--b->n_open];

        (m.end % 3 == 0 ? &b->sink.lost : &b->sink.arrived)->n[m.event] += m.count;
    }
}

static int broker_tick(struct ft_sink *s, int64_t *out_next_ms)
{
    struct broker *b = (struct broker *)(void *)s;

    *out_next_ms = -1;
    if (!b->silent) {
        broker_answer(b, false);
    }
    return FT_OK;
}

static int broker_flush(struct ft_sink *s)
{
    broker_answer((struct broker *)(void *)s, true);
    return FT_OK;
}

static const struct ft_sink_ops broker_ops = {.name = "broker",
                                              .write = broker_write,
                                              .flush = broker_flush,
                                              .tick = broker_tick,
                                              .close = memory_close};

/* Every eighth is a batch of rows, the others messages with a key. */
static void write_messages(struct ft_writer *w, uint32_t *lost)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint64_t key = i % (KEYS + 1);
        uint32_t count = key == FT_NO_KEY ? ROWS : 1;
        uint8_t *p = ft_writer_begin(w, FT_EVENT_FLOW, 64);

        CHECK(p != NULL);
        memset(p, key == FT_NO_KEY ? 'r' : '0' + (int)key, 10);
        ft_writer_end_as(w, FT_EVENT_FLOW, count, key, 10);
        end += 10;
        *lost += end % 3 == 0 ? count : 0;
    }
    ft_writer_flush(w);
}

static void check_broker(bool silent)
{
    static struct broker b;
    struct ft_output_config cfg = {.n_writers = 1, .sink = &broker_ops, .binary = true};
    struct ft_output_env env = {0};
    struct ft_output_url url;
    struct ft_output *o = NULL;
    struct ft_output_stats s = {0};
    struct ft_err err;
    uint32_t lost = 0, all = MESSAGES / (KEYS + 1) * (KEYS + ROWS);

    b = (struct broker){.sink.ops = &broker_ops, .silent = silent};
    cfg.sink_instance = &b.sink;
    CHECK_EQ(ft_output_url_parse("ndjson:x?overflow=block", &url, &err), FT_OK);
    CHECK_EQ(ft_output_open(&url, &cfg, &env, &o, &err), FT_OK);
    ft_output_url_fini(&url);
    CHECK_EQ(ft_output_start(o), FT_OK);
    write_messages(ft_output_writer(o, 0), &lost);
    for (int i = 0; i < 2000 && silent && ft_output_progress(o) == 0; i++) {
        nap_us(1000);
    }
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.made[FT_EVENT_FLOW], all);
    if (silent) { /* handed over is not written */
        CHECK_EQ(s.written[FT_EVENT_FLOW] + s.lost[FT_EVENT_FLOW], 0);
    }
    drain(o, -1);
    CHECK_EQ(ft_output_close(o), FT_E_IO);
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.lost[FT_EVENT_FLOW], lost);
    CHECK_EQ(s.written[FT_EVENT_FLOW], all - lost);
    CHECK_EQ(b.wrong, 0);
    for (uint32_t k = 0; k <= KEYS; k++) {
        CHECK_EQ(b.seen[k], MESSAGES / (KEYS + 1));
    }
    ft_output_free(o);
}

static void test_messages_arrive_later(void)
{
    check_broker(true);
    check_broker(false);
}

/* ---- parts of chunks ---- */

/* Wherever a write stops in a chunk, what is whole and how much that is can be told. */
static void test_parts_of_chunks(void)
{
    static const char lines[] = "a\nbb\nccc\ndddd\n"; /* ends: 2 5 9 14 */
    static const uint32_t ends[] = {2, 5, 9, 14};
    struct ft_mark merged[] = {{.end = 14, .count = 1, .event = FT_EVENT_FLOW},
                               {.end = 9, .count = 3, .event = FT_EVENT_SAMPLE}};
    struct ft_mark each[] = {{.end = 14, .count = 1, .event = FT_EVENT_FLOW},
                             {.end = 9, .count = 5, .event = FT_EVENT_SAMPLE},
                             {.end = 5, .count = 1, .event = FT_EVENT_SAMPLE},
                             {.end = 2, .count = 2, .event = FT_EVENT_SAMPLE}};
    static const uint64_t rows[] = {2, 3, 8, 8};
    struct ft_chunk a = {(uint8_t *)(uintptr_t)lines, 14, 2, merged + 2, true, 0, 0, 0};
    struct ft_chunk b = {(uint8_t *)(uintptr_t)lines, 14, 4, each + 4, false, 0, 0, 0};

    for (uint32_t len = 0; len <= 14; len++) {
        struct ft_tally t = {{0}, 0}, u = {{0}, 0};
        uint32_t whole = 0, n = 0;

        for (uint32_t i = 0; i < 4 && ends[i] <= len; i++) {
            whole = ends[i];
            n = i + 1;
        }
        CHECK_EQ(ft_chunk_whole(&a, len), whole);
        CHECK_EQ(ft_chunk_whole(&b, len), whole);
        ft_tally_chunk(&t, &a, 0, whole);
        CHECK_EQ(t.n[FT_EVENT_SAMPLE], n < 3 ? n : 3);
        CHECK_EQ(t.n[FT_EVENT_FLOW], n == 4);
        CHECK_EQ(t.bytes, whole);
        ft_tally_chunk(&t, &a, whole, 14);
        CHECK_EQ(t.n[FT_EVENT_SAMPLE], 3);
        CHECK_EQ(t.n[FT_EVENT_FLOW], 1);
        ft_tally_chunk(&u, &b, 0, whole);
        CHECK_EQ(u.n[FT_EVENT_SAMPLE], n == 0 ? 0 : rows[n - 1]);
        ft_tally_chunk(&u, &b, whole, 14);
        CHECK_EQ(u.n[FT_EVENT_SAMPLE], 8);
        CHECK_EQ(u.n[FT_EVENT_FLOW], 1);
    }
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
        {"csv+s3://b/k?rotate=1h", "csv", "//b/k", "rotate", "1h"},
        {"csv+s3://b/k?credentials=@f&endpoint=http://h:1", "csv", "//b/k", "endpoint",
         "http://h:1"},
    };
    static const char *const bad[] = {
        "x",
        "json:x",
        "ndjson:",
        "ndjson+nowhere:x",
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
        "ndjson:x?endpoint=http://h", /* of another sink */
        "csv+s3://b/k?keep=1",
        "csv+s3://b/k?endpoint=http://u@h",
        "csv+s3://b/k?credentials=",
        "csv+s3://b/k?part=1MB",
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

/* What is secret is not in what is shown, also of a URL that is wrong. */
static void test_secrets(void)
{
    static const struct {
        const char *text, *shown, *secret;
    } rows[] = {
        {"csv+s3://b/k?credentials=ID:KEY&part=5MiB", "csv+s3://b/k?credentials=***&part=5MiB",
         "credentials"},
        {"csv+s3://b/k?part=5MiB&credentials=@f", "csv+s3://b/k?part=5MiB&credentials=@f", NULL},
        {"csv+s3://b/k?part=5MiB&c%72edentials=KEY", "csv+s3://b/k?part=5MiB&c%72edentials=***",
         "credentials"},
        {"csv+s3://me:pw@b/k", "csv+s3://***@b/k", NULL},
    };
    static const char *const bad[] = {"csv+s3://b/k?credentials=KEY&x=1", "csv:x?credentials=KEY",
                                      "csv+nowhere://KEY@b/k?part=1", "csv:x?y=1&credentials=KEY"};
    static const char *const misspelled[] = {"csv:x?pasword=KEY", "ndjson+http://h/?tokn=KEY"};
    struct ft_output_url u;
    struct ft_err err;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(ft_output_url_parse(rows[i].text, &u, &err), FT_OK);
        CHECK_STR(u.text, rows[i].shown);
        if (rows[i].secret != NULL) {
            CHECK_STR(ft_output_url_bare_secret(&u), rows[i].secret);
        } else {
            CHECK(ft_output_url_bare_secret(&u) == NULL);
        }
        ft_output_url_fini(&u);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(ft_output_url_parse(bad[i], &u, &err), FT_E_USAGE);
        CHECK(strstr(err.what, "KEY") == NULL);
    }
    for (size_t i = 0; i < sizeof misspelled / sizeof misspelled[0]; i++) {
        CHECK_EQ(ft_output_url_parse(misspelled[i], &u, &err), FT_E_USAGE);
        CHECK(strstr(err.what, "KEY") == NULL);
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
    RUN(test_messages_arrive_later);
    RUN(test_parts_of_chunks);
    RUN(test_urls);
    RUN(test_secrets);
    RUN(test_block_loses_nothing);
    RUN(test_chunks_have_names);
    RUN(test_drop_gives_samples_up_first);
    RUN(test_half_writes_are_counted_exactly);
    RUN(test_stuck_sink_is_given_up);
    RUN(test_held_is_not_written);
    RUN(test_held_is_lost_as_a_whole);
    RUN(test_error_at_close_is_lost);
    RUN(test_full_pipe_is_given_up);
    return test_end();
}
