/* SPDX-License-Identifier: Apache-2.0 */
/* source/file, streamed: packed files, pipes with partial writes, held batches, long records, a
 * live standard input, stop. */
#include <pthread.h>
#include <time.h>

#include "base/rd.h"
#include "codec/file/walk.h"
#include "source/file_run.h"

/* --- packed files --- */

static void check_packed(const struct cap *plain, const struct cap *packed)
{
    struct result want = run_file(tmp_write("plain", plain->p, plain->len));

    for (unsigned lag = 0; lag < 32; lag += 31) {
        const char *name = tmp_write("packed.bin", packed->p, packed->len);
        struct result r = run_files(&name, 1, 64, lag);

        CHECK_EQ(r.open_code, FT_OK);
        CHECK_EQ(r.n_told, 0);
        CHECK_EQ(r.flags, 0);
        CHECK(same_seen(&want, &r));
        CHECK_EQ(r.stats.input_pos, packed->len);
        CHECK_EQ(r.stats.input_size, packed->len);
        result_fini(&r);
    }
    CHECK(want.n > 0);
    result_fini(&want);
}

/* Big enough for many buffers; in one member and in three. */
static void test_packed(void)
{
    for (unsigned ng = 0; ng < 2; ng++) {
        struct cap c = make_capture(ng, false, 4000, 1500);

#ifdef FT_HAVE_ZLIB
        struct cap gz = pack_gzip(c.p, c.len), one = pack_gzip(c.p, 1001);
        struct cap two = pack_gzip(c.p + 1001, 0), three = pack_gzip(c.p + 1001, c.len - 1001);

        check_packed(&c, &gz);
        cap_bytes(&one, two.p, two.len);
        cap_bytes(&one, three.p, three.len);
        check_packed(&c, &one);
        cap_bytes(&one, "\0\0\0\0\0", 5); /* padding is no damage */
        check_packed(&c, &one);
        cap_fini(&gz);
        cap_fini(&one);
        cap_fini(&two);
        cap_fini(&three);
#endif
#ifdef FT_HAVE_ZSTD
        struct cap zst = pack_zstd(c.p, c.len), skip = {0},
                   rest = pack_zstd(c.p + 70000, c.len - 70000);
        struct cap first = pack_zstd(c.p, 70000);

        check_packed(&c, &zst);
        cap_u32(&skip, 0x184d2a53); /* a skippable frame in front */
        cap_u32(&skip, 6);
        cap_bytes(&skip, "hello!", 6);
        cap_bytes(&skip, first.p, first.len);
        cap_bytes(&skip, rest.p, rest.len);
        check_packed(&c, &skip);
        cap_fini(&zst);
        cap_fini(&skip);
        cap_fini(&rest);
        cap_fini(&first);
#endif
        cap_fini(&c);
    }
}

#ifdef FT_HAVE_ZLIB
static void test_packed_refusals(void)
{
    struct cap c = {0}, gz;
    struct result r;

    gz = pack_gzip((const uint8_t *)"a,b,c\n1,2,3\n", 12);
    r = run_file(tmp_write("p", gz.p, gz.len));
    CHECK_EQ(r.open_code, FT_E_FORMAT);
    CHECK(strstr(r.open_what, "/p: not a pcap or pcapng capture but text") != NULL);
    cap_fini(&gz);
    gz = pack_gzip((const uint8_t *)"", 0);
    r = run_file(tmp_write("p", gz.p, gz.len));
    CHECK_EQ(r.open_code, FT_E_FORMAT);
    CHECK(strstr(r.open_what, "/p: too short for a capture (0 bytes)") != NULL);
    cap_fini(&gz);
    c = make_capture(false, false, 3, 50);
    gz = pack_gzip(c.p, c.len);
    cap_bytes(&gz, "junk", 4);
    r = run_file(tmp_write("p", gz.p, gz.len));
    CHECK_EQ(r.n, 3);
    CHECK_EQ(r.n_told, 1);
    CHECK_EQ(r.told[0].code, FT_E_CORRUPT);
    CHECK(strstr(r.told[0].what, "bytes behind the end of the stream") != NULL);
    result_fini(&r);
    cap_fini(&gz);
    cap_fini(&c);
}
#endif

/* --- pipes --- */

struct writer {
    const uint8_t *p;
    size_t len, step;
    int fd;
    pthread_t thread;
};

static void *write_steps(void *arg)
{
    struct writer *w = arg;

    for (size_t at = 0; at < w->len;) {
        size_t n = w->step < w->len - at ? w->step : w->len - at;
        ssize_t got = write(w->fd, w->p + at, n);

        if (got <= 0) {
            break;
        }
        at += (size_t)got;
    }
    close(w->fd);
    return NULL;
}

/* Makes a pipe standard input; gives the end to write to. */
static int pipe_stdin(void)
{
    int fds[2];

    if (pipe(fds) != 0 || dup2(fds[0], STDIN_FILENO) < 0) {
        perror("pipe");
        exit(1);
    }
    close(fds[0]);
    return fds[1];
}

static struct result run_pipe(const uint8_t *p, size_t len, size_t step)
{
    struct writer w = {.p = p, .len = len, .step = step, .fd = pipe_stdin()};
    const char *name = "-";
    struct result r;

    pthread_create(&w.thread, NULL, write_steps, &w);
    r = run_files(&name, 1, 64, 3);
    pthread_join(w.thread, NULL);
    return r;
}

static void test_pipe(void)
{
    static const size_t steps[] = {1, 7, 100, 4096, 1 << 20};

    for (unsigned ng = 0; ng < 2; ng++) {
        struct cap c = make_capture(ng, ng, 200, 400);
        struct result want = run_file(tmp_write("plain", c.p, c.len));

        for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            struct result r = run_pipe(c.p, c.len, steps[i]);

            CHECK_EQ(r.n_told, 0);
            CHECK(same_seen(&want, &r));
            CHECK_EQ(r.stats.input_pos, c.len);
            CHECK_EQ(r.stats.input_size, 0);
            result_fini(&r);
#ifdef FT_HAVE_ZLIB
            struct cap gz = pack_gzip(c.p, c.len);

            r = run_pipe(gz.p, gz.len, steps[i]);
            CHECK(same_seen(&want, &r));
            result_fini(&r);
            cap_fini(&gz);
#endif
        }
        result_fini(&want);
        cap_fini(&c);
    }
}

static void test_pipe_ends(void)
{
    struct cap c = make_capture(false, false, 2, 10);
    struct result r = run_pipe(c.p, 0, 1);

    CHECK_EQ(r.n_told, 1);
    CHECK_EQ(r.told[0].code, FT_E_TRUNCATED);
    CHECK_STR(r.told[0].what, "standard input: empty input");
    r = run_pipe(c.p, 3, 1);
    CHECK_STR(r.told[0].what, "standard input: file header is truncated: needs 4 bytes, 3 left");
    r = run_pipe(c.p, 23, 5);
    CHECK_STR(r.told[0].what, "standard input: file header is truncated: needs 24 bytes, 23 left");
    r = run_pipe(c.p, c.len - 1, 5);
    CHECK_EQ(r.n, 1);
    CHECK_EQ(r.told[0].code, FT_E_TRUNCATED);
    result_fini(&r);
    r = run_pipe((const uint8_t *)"hello, world\n", 13, 13);
    CHECK_EQ(r.n_told, 1);
    CHECK_EQ(r.told[0].code, FT_E_FORMAT);
    CHECK_STR(r.told[0].what, "standard input: not a pcap or pcapng capture but text");
    cap_fini(&c);
}

static bool only_ethernet(uint16_t linktype)
{
    return linktype == 1;
}

static void test_pipe_link_type(void)
{
    const char *name = "-";
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1, .linktype_ok = only_ethernet};
    struct cap c = {0};

    cap_shb(&c);
    cap_idb(&c, 105, 0, -1, 0);
    cap_epb(&c, 0, 1, 1, 1, 1);
    for (unsigned ng = 0; ng < 2; ng++) {
        struct writer w = {.p = c.p, .len = c.len, .step = 1, .fd = pipe_stdin()};
        struct result r;

        pthread_create(&w.thread, NULL, write_steps, &w);
        r = run_config(&cfg, 64, 0);
        pthread_join(w.thread, NULL);
        CHECK_EQ(r.n, 0);
        CHECK_EQ(r.n_told, 1);
        CHECK_EQ(r.told[0].code, FT_E_UNSUPPORTED);
        CHECK_STR(r.told[0].what, "standard input: link type 105 is not supported");
        c.len = 0;
        cap_pcap(&c, 0xa1b2c3d4, 4, 0, 105);
    }
    cap_fini(&c);
}

/* --- live --- */

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void send_bytes(int fd, const uint8_t *p, size_t n)
{
    CHECK_EQ(write(fd, p, n), n);
}

/* Each packet is there as soon as its last byte was written, and not before. */
static void test_live(void)
{
    struct cap c = make_capture(false, false, 3, 50);
    const char *name = "-";
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1};
    struct ft_view views[8];
    struct ft_batch b = {.views = views, .cap = 8};
    struct ft_source *s;
    struct ft_err err;
    size_t end_of_first;
    int64_t t;
    int fd = pipe_stdin();

    CHECK_EQ(ft_source_file.open(&cfg, &s, &err), FT_OK);
    CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_OK);
    CHECK_EQ(b.n, 0);
    t = now_ms();
    CHECK_EQ(s->ops->read(s, &b, 30, &err), FT_OK);
    CHECK(now_ms() - t >= 29);
    end_of_first = 24 + 16 + ft_load_u32(c.p + 24 + 8);
    send_bytes(fd, c.p, end_of_first - 1);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(s->ops->read(s, &b, 5, &err), FT_OK);
        CHECK_EQ(b.n, 0);
    }
    send_bytes(fd, c.p + end_of_first - 1, 1);
    CHECK_EQ(s->ops->read(s, &b, 1000, &err), FT_OK);
    CHECK_EQ(b.n, 1);
    s->ops->release(s, b.token);
    send_bytes(fd, c.p + end_of_first, c.len - end_of_first);
    CHECK_EQ(s->ops->read(s, &b, 1000, &err), FT_OK);
    CHECK_EQ(b.n, 2);
    s->ops->release(s, b.token);
    close(fd);
    CHECK_EQ(s->ops->read(s, &b, 1000, &err), FT_E_EOF);
    s->ops->close(s);
    cap_fini(&c);
}

static void *stop_soon(void *arg)
{
    struct ft_source *s = arg;

    usleep(30000);
    s->ops->stop(s);
    return NULL;
}

static void test_stop_wakes(void)
{
    const char *name = "-";
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1};
    struct ft_view views[8];
    struct ft_batch b = {.views = views, .cap = 8};
    struct ft_source *s;
    struct ft_err err;
    pthread_t thread;
    int fd = pipe_stdin();
    int64_t t = now_ms();

    CHECK_EQ(ft_source_file.open(&cfg, &s, &err), FT_OK);
    pthread_create(&thread, NULL, stop_soon, s);
    CHECK_EQ(s->ops->read(s, &b, 10000, &err), FT_OK);
    CHECK_EQ(b.n, 0);
    CHECK_EQ(s->ops->read(s, &b, 10000, &err), FT_E_EOF);
    CHECK(now_ms() - t < 5000);
    pthread_join(thread, NULL);
    s->ops->close(s);
    close(fd);
}

/* --- held batches --- */

/* One packet a batch, none given back: 64 come, then FT_E_AGAIN; what they show does not change. */
static void test_held(void)
{
    struct cap c = make_capture(false, false, 300, 8000);
    const char *name = "-";
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1};
    struct ft_view views[FT_SOURCE_MAX_HELD + 1];
    uint64_t tokens[FT_SOURCE_MAX_HELD];
    struct writer w = {.p = c.p, .len = c.len, .step = 5000, .fd = pipe_stdin()};
    struct ft_source *s;
    struct ft_err err;
    uint32_t n = 0;
    int rc = FT_OK;

    pthread_create(&w.thread, NULL, write_steps, &w);
    CHECK_EQ(ft_source_file.open(&cfg, &s, &err), FT_OK);
    for (;;) {
        struct ft_batch b = {.views = &views[n], .cap = 1};

        rc = s->ops->read(s, &b, 1000, &err);
        if (rc != FT_OK || n == FT_SOURCE_MAX_HELD) {
            break;
        }
        tokens[n] = b.token;
        n += b.n;
    }
    CHECK_EQ(rc, FT_E_AGAIN);
    CHECK_EQ(n, FT_SOURCE_MAX_HELD);
    for (uint32_t i = 0; i < n; i++) {
        CHECK(views[i].caplen == 0 ||
              views[i].data[views[i].caplen - 1] == cap_fill(i, views[i].caplen - 1));
    }
    for (uint32_t i = n; i > 0; i--) {
        s->ops->release(s, tokens[i - 1]);
    }
    struct result r = {0};

    drain(s, 64, 0, &r);
    CHECK_EQ(r.n, 300 - n);
    CHECK_EQ(r.n_told, 0);
    pthread_join(w.thread, NULL);
    s->ops->close(s);
    result_fini(&r);
    cap_fini(&c);
}

/* Records around and far beyond a buffer's length, up to the limit, one after the other. */
static void test_long_records(void)
{
    static const uint32_t sizes[] = {100,     262128, 262129,        262144, 10, 1 << 20,
                                     1 << 20, 300000, FT_CAPLEN_MAX, 0,      77, 262000};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };

    for (unsigned ng = 0; ng < 2; ng++) {
        struct cap c = make_capture(ng, false, 0, 0);

        for (uint32_t i = 0; i < COUNT; i++) {
            if (ng) {
                cap_other(&c, 4, sizes[i]);
                cap_epb(&c, 0, i, sizes[i], sizes[i], i);
            } else {
                cap_record(&c, i, 0, sizes[i], sizes[i], i);
            }
        }
        struct result want = run_file(tmp_write("long", c.p, c.len));
        struct result r = run_pipe(c.p, c.len, 50000);

        CHECK_EQ(want.n, COUNT);
        CHECK_EQ(r.n_told, 0);
        CHECK(same_seen(&want, &r));
        result_fini(&r);
        result_fini(&want);
        cap_fini(&c);
    }
}

/* A mapped file and a stream together: not all is stable, all is read. */
static void test_mixed(void)
{
    struct cap c = make_capture(true, true, 50, 100);
    const char *names[3] = {tmp_write("a", c.p, c.len), "-", NULL};
    struct writer w = {.p = c.p, .len = c.len, .step = 999, .fd = pipe_stdin()};
    struct result r;

    names[2] = names[0];
    pthread_create(&w.thread, NULL, write_steps, &w);
    r = run_files(names, 3, 64, 5);
    pthread_join(w.thread, NULL);
    CHECK_EQ(r.n, 150);
    CHECK_EQ(r.n_told, 0);
    CHECK_EQ(r.flags, 0);
    CHECK_EQ(r.stats.input_pos, 3 * c.len);
    CHECK_EQ(r.stats.input_size, 0);
    CHECK(memcmp(r.seen, r.seen + 50, 50 * sizeof *r.seen) == 0);
    CHECK(memcmp(r.seen, r.seen + 100, 50 * sizeof *r.seen) == 0);
    result_fini(&r);
    cap_fini(&c);
}

int main(void)
{
    tmp_make();
    RUN(test_packed);
#ifdef FT_HAVE_ZLIB
    RUN(test_packed_refusals);
#endif
    RUN(test_pipe);
    RUN(test_pipe_ends);
    RUN(test_pipe_link_type);
    RUN(test_live);
    RUN(test_stop_wakes);
    RUN(test_held);
    RUN(test_long_records);
    RUN(test_mixed);
    tmp_remove();
    return test_end();
}
