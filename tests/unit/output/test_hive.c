/* SPDX-License-Identifier: Apache-2.0 */
/* output: events by their time: chunks of one hour each, and folders of hours, whose number has a
 * bound. */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/url.h"
#include "harness.h"
#include "output/output.h"
#include "output/sink/hive.h"

enum { EVENTS = 20000, HOURS = 5, LINE = 19 };

static const char line[] = "{\"event_type\":\"x\"}\n";
static const int64_t hour_ns = INT64_C(3600) * 1000000000;

/* Each event is the number of its hour and a newline. */
struct reader {
    struct ft_sink sink;
    uint32_t seen[HOURS], wrong, chunks;
};

static int reader_write(struct ft_sink *s, const struct ft_chunk *chunks, uint32_t *n)
{
    struct reader *r = (struct reader *)(void *)s;

    for (uint32_t i = 0; i < *n; i++, r->chunks++) {
        for (uint32_t at = 0; at < chunks[i].len; at += 2) {
            int hour = chunks[i].data[at] - '0';

            r->wrong += chunks[i].from_ns != (hour - 1) * hour_ns;
            r->seen[hour]++;
        }
        ft_tally_chunk(&s->arrived, &chunks[i], 0, chunks[i].len);
    }
    return FT_OK;
}

static int reader_close(struct ft_sink *s)
{
    (void)s;
    return FT_OK;
}

static const struct ft_sink_ops reader_ops = {
    .name = "reader", .write = reader_write, .close = reader_close};

static void put(struct ft_writer *w, int hour)
{
    ft_writer_at(w, (hour - 1) * hour_ns + 1234567); /* hour 0 lies before 1970 */
    uint8_t *p = ft_writer_begin(w, FT_EVENT_FLOW, 64);

    CHECK(p != NULL);
    if (p != NULL) {
        p[0] = (uint8_t)('0' + hour);
        p[1] = '\n';
        ft_writer_end(w, FT_EVENT_FLOW, 2);
    }
}

static void drain(struct ft_output *o)
{
    struct ft_output_drain d = {0};

    while (!ft_output_drain_step(o, &d, -1)) {
    }
}

static struct ft_output *open_with(const char *text, struct ft_output_config *cfg,
                                   const struct ft_output_env *env)
{
    struct ft_output_url url;
    struct ft_output *o = NULL;
    struct ft_err err;

    cfg->n_writers = 1;
    cfg->split_ns = hour_ns;
    CHECK_EQ(ft_output_url_parse(text, &url, &err), FT_OK);
    CHECK_EQ(ft_output_open(&url, cfg, env, &o, &err), FT_OK);
    ft_output_url_fini(&url);
    CHECK_EQ(ft_output_start(o), FT_OK);
    return o;
}

/* hours: that come in turn. */
static void turns(const char *url, int hours, uint32_t most)
{
    struct reader r = {.sink.ops = &reader_ops};
    struct ft_output_config cfg = {.sink = &reader_ops, .sink_instance = &r.sink};
    struct ft_output *o = open_with(url, &cfg, &(struct ft_output_env){0});
    struct ft_writer *w = ft_output_writer(o, 0);
    uint64_t allocations = ft_mem_count();

    for (int i = 0; i < EVENTS; i++) {
        put(w, i % hours);
    }
    CHECK_EQ(ft_mem_count(), allocations);
    ft_writer_flush(w);
    drain(o);
    for (int i = 0; i < hours; i++) {
        CHECK_EQ(r.seen[i], EVENTS / hours);
    }
    CHECK_EQ(r.wrong, 0);
    CHECK(r.chunks <= most);
    CHECK_EQ(ft_output_close(o), FT_OK);
    ft_output_free(o);
}

static void test_chunks_are_of_one_time(void)
{
    turns("ndjson:x?overflow=block", 1, 1);
    turns("ndjson:x?overflow=block", 4, 4);      /* so many are open at once */
    turns("ndjson:x?overflow=block", 5, EVENTS); /* each makes another one go */
    turns("ndjson:x?overflow=block&queue=64KB", 5, EVENTS);
}

/* Ten times a second what is open is handed on, whichever time it is of. */
static void test_breathing(void)
{
    struct reader r = {.sink.ops = &reader_ops};
    struct ft_output_config cfg = {.sink = &reader_ops, .sink_instance = &r.sink};
    struct ft_output *o = open_with("ndjson:x?overflow=block", &cfg, &(struct ft_output_env){0});
    struct ft_writer *w = ft_output_writer(o, 0);

    for (int i = 0; i < 4; i++) {
        put(w, i);
    }
    ft_writer_breathe(w, 1);
    drain(o);
    CHECK_EQ(r.seen[0] + r.seen[1] + r.seen[2] + r.seen[3], 4);
    put(w, 3);
    put(w, 1);
    ft_writer_flush(w);
    drain(o);
    CHECK_EQ(r.seen[1], 2);
    CHECK_EQ(r.seen[3], 2);
    CHECK_EQ(r.wrong, 0);
    CHECK_EQ(ft_output_close(o), FT_OK);
    ft_output_free(o);
}

/* Thousands of folders: in memory, if there is such a file system. */
static void make_folder(char out[32])
{
    snprintf(out, 32, "%s/ft-hive-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(out) != NULL);
}

static long size_of(const char *folder, const char *name)
{
    char path[256];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s/x", folder, name);
    return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* Times that never come again: so many folders and no more, and nothing is lost. */
static void test_folders_have_a_bound(void)
{
    char dir[32], text[96], command[64];
    struct ft_places *places = ft_places_new();
    struct ft_output_env env = {.files = {.call = ft_places_call, .cookie = places},
                                .plain_events = true};
    struct ft_output_config cfg = {0};
    struct ft_output_stats s;

    make_folder(dir);
    CHECK(places != NULL);
    snprintf(text, sizeof text, "ndjson:%s/x?overflow=block&hive=hour", dir);
    struct ft_output *o = open_with(text, &cfg, &env);
    struct ft_writer *w = ft_output_writer(o, 0);

    for (int i = 0; i < FT__HIVE_FOLDERS + 100; i++) {
        ft_writer_at(w, i * hour_ns);
        memcpy(ft_writer_begin(w, FT_EVENT_FLOW, 64), line, LINE);
        ft_writer_end(w, FT_EVENT_FLOW, LINE);
    }
    ft_writer_flush(w);
    drain(o);
    ft_output_get_stats(o, &s);
    CHECK_EQ(s.written[FT_EVENT_FLOW], FT__HIVE_FOLDERS + 100);
    CHECK_EQ(size_of(dir, "date=1970-01-01/hour=00"), LINE);
    CHECK_EQ(size_of(dir, "date=1970-12-08/hour=07"), LINE);
    CHECK_EQ(size_of(dir, "date=1970-12-08/hour=08"), -1);
    CHECK_EQ(size_of(dir, "date=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__"),
             100 * LINE);
    CHECK_EQ(ft_output_close(o), FT_OK);
    ft_output_free(o);
    ft_places_free(places);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_EQ(system(command), 0);
}

/* Five in turn, of which four can be open: the first that was opened so often that it is not opened
 * any more gives the others peace. */
static void test_opened_again_too_often(void)
{
    char dir[32], text[96], command[64];
    struct ft_places *places = ft_places_new();
    struct ft_output_env env = {.files = {.call = ft_places_call, .cookie = places},
                                .plain_events = true};
    struct ft_output_config cfg = {0};

    make_folder(dir);
    CHECK(places != NULL);
    snprintf(text, sizeof text, "ndjson:%s/x?overflow=block&hive=hour", dir);
    struct ft_output *o = open_with(text, &cfg, &env);
    struct ft_writer *w = ft_output_writer(o, 0);

    for (int i = 0; i < 100 * HOURS; i++) {
        ft_writer_at(w, i % HOURS * hour_ns);
        memcpy(ft_writer_begin(w, FT_EVENT_FLOW, 64), line, LINE);
        ft_writer_end(w, FT_EVENT_FLOW, LINE);
        ft_writer_flush(w);
    }
    drain(o);
    for (int i = 0; i < HOURS; i++) {
        char name[64];

        snprintf(name, sizeof name, "date=1970-01-01/hour=%02d", i);
        CHECK_EQ(size_of(dir, name), LINE * (i == 0 ? FT__HIVE_AGAIN : 100));
    }
    CHECK_EQ(size_of(dir, "date=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__"),
             LINE * (100 - FT__HIVE_AGAIN));
    CHECK_EQ(ft_output_close(o), FT_OK);
    ft_output_free(o);
    ft_places_free(places);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_EQ(system(command), 0);
}

/* Nobody writes it: an output holds a lock of the file that it has open. */
static bool is_closed(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s/x", folder, name);
    int fd = open(path, O_RDONLY);
    bool closed = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return closed;
}

static bool becomes_closed(const char *folder, const char *name)
{
    for (int i = 0; i < 1000 && !is_closed(folder, name); i++) {
        usleep(10000);
    }
    return is_closed(folder, name);
}

/* A file whose time is over is closed; the one that was written to last is not, but live when the
 * clock has gone past it; who comes late opens it again. */
static void files_are_closed(bool by_clock)
{
    char dir[32], text[96], command[64], name[2][64];
    struct ft_places *places = ft_places_new();
    struct ft_output_env env = {.files = {.call = ft_places_call, .cookie = places},
                                .plain_events = true,
                                .by_clock = by_clock,
                                .idle_ms = 50};
    struct ft_output_config cfg = {0};
    int64_t now = (int64_t)time(NULL) / 3600 * hour_ns;
    int64_t at[2] = {now - 2 * hour_ns, now + 2 * hour_ns};

    make_folder(dir);
    CHECK(places != NULL);
    for (int i = 0; i < 2; i++) {
        time_t t = (time_t)(at[i] / 1000000000);

        strftime(name[i], sizeof name[i], "date=%Y-%m-%d/hour=%H", gmtime(&t));
    }
    snprintf(text, sizeof text, "ndjson:%s/x?overflow=block&hive=hour", dir);
    struct ft_output *o = open_with(text, &cfg, &env);
    struct ft_writer *w = ft_output_writer(o, 0);

    for (int i = 0; i < 6; i++) {
        ft_writer_at(w, at[i % 2]);
        memcpy(ft_writer_begin(w, FT_EVENT_FLOW, 64), line, LINE);
        ft_writer_end(w, FT_EVENT_FLOW, LINE);
        ft_writer_flush(w);
        drain(o);
        if (by_clock || i % 2 != 0) {
            CHECK(becomes_closed(dir, name[0]));
        }
        CHECK(i % 2 == 0 || !is_closed(dir, name[1]));
    }
    CHECK_EQ(ft_output_close(o), FT_OK);
    CHECK_EQ(size_of(dir, name[0]), 3 * LINE);
    CHECK_EQ(size_of(dir, name[1]), 3 * LINE);
    ft_output_free(o);
    ft_places_free(places);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_EQ(system(command), 0);
}

static void test_files_are_closed(void)
{
    files_are_closed(false);
    files_are_closed(true);
}

int main(void)
{
    RUN(test_chunks_are_of_one_time);
    RUN(test_breathing);
    RUN(test_folders_have_a_bound);
    RUN(test_opened_again_too_often);
    RUN(test_files_are_closed);
    return test_end();
}
