/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: frames in order and whole across ends, kills, cuts at every byte, full disks. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "output/spool/store_parts.h"

static char folder[64];

static const struct ft_spool_config usual = {
    .folder = folder, .max_bytes = 16000000, .frame_most = 4096, .shape = 7};

static void fresh(void)
{
    snprintf(folder, sizeof folder, "/tmp/ft-spool-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static void clean(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_EQ(system(command), 0);
}

static struct ft_spool *open_spool(const struct ft_spool_config *cfg)
{
    struct ft_spool *s = NULL;
    struct ft_err err = {0};

    if (ft_spool_open(cfg, &s, &err) != FT_OK) {
        fprintf(stderr, "%s\n", err.what);
        CHECK(s != NULL);
        exit(1);
    }
    return s;
}

/* Frame n: two samples and a record whose bytes tell n; its length changes with n. */
static int append(struct ft_spool *s, uint32_t n)
{
    static uint8_t data[4096];
    struct ft_mark marks[2];
    uint32_t len = 20 + n % 3000;

    memset(data, 'a' + (int)(n % 26), len);
    memcpy(data, &n, sizeof n);
    marks[1] = (struct ft_mark){.end = 9, .count = 2, .event = FT_EVENT_SAMPLE};
    marks[0] = (struct ft_mark){.end = len, .count = 1, .event = FT_EVENT_FLOW};
    struct ft_chunk c = {.data = data, .len = len, .n = 2, .behind = marks + 2};

    return ft_spool_append(s, &c);
}

/* The next frame's n, or -1: there is none, -2: it is not what it was. */
static int64_t next(struct ft_spool *s, struct ft_spool_frame *f)
{
    uint32_t n;

    if (ft_spool_next(s, f) != FT_OK) {
        return -1;
    }
    if (f->state != FT_SPOOL_WHOLE || f->chunk.len < sizeof n) {
        return -2;
    }
    memcpy(&n, f->chunk.data, sizeof n);
    bool whole = f->chunk.len == 20 + n % 3000 && f->chunk.n == 2 &&
                 ft_chunk_mark(&f->chunk, 0)->end == 9 && f->tally.n[FT_EVENT_SAMPLE] == 2 &&
                 f->tally.n[FT_EVENT_FLOW] == 1;

    for (uint32_t i = sizeof n; i < f->chunk.len; i++) {
        whole = whole && f->chunk.data[i] == 'a' + (int)(n % 26);
    }
    return whole ? (int64_t)n : -2;
}

static void test_order(void)
{
    struct ft_spool_frame f;
    struct ft_spool_content found;
    uint64_t producer = 0;

    fresh();
    struct ft_spool *s = open_spool(&usual);

    CHECK_EQ(next(s, &f), -1);
    for (uint32_t i = 0; i < 1000; i++) {
        CHECK_EQ(append(s, i), FT_OK);
    }
    for (uint32_t i = 0; i < 400; i++) {
        CHECK_EQ(next(s, &f), i);
        CHECK_EQ(f.chunk.number, i + 1);
        CHECK_EQ(f.run, ft_spool_run(s));
        producer = f.chunk.producer;
    }
    ft_spool_done(s);
    for (uint32_t i = 400; i < 500; i++) {
        CHECK_EQ(next(s, &f), i);
    }
    ft_spool_close(s, true);
    s = open_spool(&usual); /* what was read and not done comes again */
    ft_spool_content(s, &found);
    CHECK_EQ(found.frames, 600);
    CHECK_EQ(found.tally.n[FT_EVENT_SAMPLE], 1200);
    CHECK_EQ(found.tally.n[FT_EVENT_FLOW], 600);
    CHECK_EQ(found.first, 401);
    CHECK(found.orderly);
    CHECK_EQ(append(s, 1000), FT_OK);
    for (uint32_t i = 400; i <= 1000; i++) {
        CHECK_EQ(next(s, &f), i);
        CHECK_EQ(f.chunk.number, i + 1);
        CHECK(f.chunk.producer == producer);
        CHECK((f.run == ft_spool_run(s)) == (i == 1000));
    }
    CHECK_EQ(next(s, &f), -1);
    ft_spool_done(s);
    ft_spool_close(s, true);
    clean();
}

/* Many times max_bytes go through it; it is never more, and full when nobody reads. */
static void test_bound(void)
{
    struct ft_spool_config cfg = usual;
    struct ft_spool_frame f;
    uint32_t in = 0, out = 0;

    cfg.max_bytes = 1000000;
    fresh();
    struct ft_spool *s = open_spool(&cfg);

    for (int turn = 0; turn < 20; turn++) {
        while (append(s, in) == FT_OK) {
            in++;
            CHECK(ft_spool_bytes(s) <= cfg.max_bytes);
        }
        CHECK(ft_spool_fill(s) >= 90);
        while (next(s, &f) == out) {
            out++;
        }
        ft_spool_done(s);
        CHECK_EQ(in, out);
        CHECK(ft_spool_fill(s) <= 5);
    }
    CHECK(in > 10000);
    ft_spool_close(s, true);
    clean();
}

static off_t size_of(const char *name, uint8_t **out)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY);

    CHECK(fd >= 0 && fstat(fd, &st) == 0);
    *out = malloc((size_t)st.st_size + 1);
    CHECK_EQ(read(fd, *out, (size_t)st.st_size), st.st_size);
    close(fd);
    return st.st_size;
}

static void put(const char *name, const uint8_t *data, size_t len)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_TRUNC);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, data, len), (ssize_t)len);
    close(fd);
}

enum { HEADER = 8 }; /* bytes of a segment before its frames */

/* After one byte at an offset of a segment with five frames is another one: all other frames are
 * there, in order, and what was lost is told to the event. */
static void check_one_hurt(off_t at, const off_t *ends)
{
    struct ft_spool *s = open_spool(&usual);
    struct ft_spool_frame f;
    int64_t last = -1, hurt = 0, seen = 0, lost = 0;

    while (at >= ends[hurt + 1]) {
        hurt++;
    }
    for (int64_t got; (got = next(s, &f)) != -1;) {
        if (got == -2) {
            CHECK(f.state == FT_SPOOL_DAMAGED || f.state == FT_SPOOL_MISSING);
            CHECK_EQ(f.tally.n[FT_EVENT_SAMPLE], 2);
            CHECK_EQ(f.tally.n[FT_EVENT_FLOW], 1);
            CHECK_EQ(f.chunk.number, hurt + 1);
            lost++;
            continue;
        }
        CHECK(got > last);
        last = got;
        seen++;
    }
    CHECK_EQ(seen + lost, 5);
    CHECK(lost <= 1); /* what fills the data up is nobody's */
    ft_spool_close(s, true);
}

/* The segment cut at every byte: the frames before the cut are there, and nothing else; then a
 * byte that is another one: that frame and nothing else is missing.
 */
static void test_torn(void)
{
    struct ft_spool_frame f;
    struct ft_err err = {0};
    uint8_t *bytes = NULL, *cursor = NULL;
    off_t ends[6] = {HEADER};

    fresh();
    struct ft_spool *s = open_spool(&usual);

    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(append(s, i), FT_OK);
        ends[i + 1] = (off_t)ft_spool_bytes(s);
    }
    ft_spool_close(s, true);
    off_t size = size_of("000.seg", &bytes), cursor_size = size_of("cursor", &cursor);

    CHECK_EQ(size, ends[5]);
    for (off_t cut = 0; cut < size; cut++) {
        put("000.seg", bytes, (size_t)cut);
        s = open_spool(&usual);
        int64_t whole = 0;

        while (next(s, &f) == whole) {
            whole++;
        }
        CHECK(whole == 5 || cut < ends[whole + 1]);
        CHECK(whole == 0 || cut >= ends[whole]);
        if (whole < 5) {
            CHECK_EQ(f.state, FT_SPOOL_MISSING); /* all the others, at once */
            CHECK_EQ(f.tally.n[FT_EVENT_SAMPLE], 2 * (5 - (uint64_t)whole));
            CHECK_EQ(f.run, 0);
        }
        CHECK_EQ(next(s, &f), -1);
        CHECK_EQ(append(s, 77), FT_OK); /* and it goes on */
        CHECK_EQ(next(s, &f), 77);
        ft_spool_close(s, true);
        put("cursor", cursor, (size_t)cursor_size);
    }
    for (off_t at = 0; at < size; at++) {
        uint8_t was = bytes[at];

        bytes[at] ^= 0x41;
        put("000.seg", bytes, (size_t)size);
        bytes[at] = was;
        if (at < 8) { /* it may be of another version */
            CHECK_EQ(ft_spool_open(&usual, &s, &err), FT_E_FORMAT);
            continue;
        }
        check_one_hurt(at, ends);
        put("cursor", cursor, (size_t)cursor_size);
    }
    free(bytes);
    free(cursor);
    clean();
}

/* Whole frames turned over in the middle of several segments: the next good one tells what was
 * lost, also over the ends of segments and for a file that is gone; another start does not count
 * it again. */
static void test_missing(void)
{
    struct ft_spool_config cfg = usual;
    struct ft_spool_content found;
    struct ft_spool_frame f;
    uint8_t *bytes = NULL, zeros[64] = {0};
    char path[128];
    uint64_t seen = 0, missing = 0;
    int turns = 0;

    cfg.max_bytes = 320000; /* about eight frames a segment */
    fresh();
    struct ft_spool *s = open_spool(&cfg);

    for (uint32_t i = 0; i < 60; i++) {
        CHECK_EQ(append(s, 1000 + i), FT_OK);
    }
    ft_spool_close(s, true);
    snprintf(path, sizeof path, "%s/001.seg", folder);
    CHECK_EQ(unlink(path), 0);
    off_t size = size_of("003.seg", &bytes);

    memset(bytes + HEADER, 0xee, (size_t)size - HEADER);
    put("003.seg", bytes, (size_t)size);
    free(bytes);
    put("000.seg", zeros, sizeof zeros);
    s = open_spool(&cfg);
    ft_spool_content(s, &found);
    CHECK_EQ(found.frames + found.missing.n[FT_EVENT_FLOW], 60);
    CHECK_EQ(append(s, 1060), FT_OK);
    while (ft_spool_next(s, &f) == FT_OK) {
        CHECK(f.run == ft_spool_run(s) || seen + missing < 60);
        seen += f.state == FT_SPOOL_WHOLE;
        missing += f.state == FT_SPOOL_MISSING ? f.tally.n[FT_EVENT_FLOW] : 0;
        turns += f.state == FT_SPOOL_MISSING;
    }
    CHECK_EQ(seen + missing, 61);
    CHECK_EQ(missing, found.missing.n[FT_EVENT_FLOW]);
    CHECK(missing >= 20 && turns == 2);
    ft_spool_done(s);
    ft_spool_close(s, true);
    s = open_spool(&cfg);
    ft_spool_content(s, &found);
    CHECK_EQ(found.frames + found.missing.n[FT_EVENT_FLOW], 0);
    CHECK_EQ(ft_spool_next(s, &f), FT_E_AGAIN);
    ft_spool_close(s, true);
    clean();
}

/* Damage under a running program, at the end of what it has appended: its own loss. */
static void test_missing_own(void)
{
    struct ft_spool_frame f;
    uint8_t *bytes = NULL;

    fresh();
    ft_spool_close(open_spool(&usual), true);
    struct ft_spool *s = open_spool(&usual);

    CHECK_EQ(append(s, 1), FT_OK);
    CHECK_EQ(append(s, 2), FT_OK);
    CHECK_EQ(append(s, 3), FT_OK);
    off_t size = size_of("000.seg", &bytes);

    memset(bytes + size / 3, 0, (size_t)(size - size / 3));
    put("000.seg", bytes, (size_t)size);
    free(bytes);
    CHECK_EQ(ft_spool_next(s, &f), FT_OK);
    CHECK_EQ(ft_spool_next(s, &f), FT_OK);
    CHECK_EQ(f.state, FT_SPOOL_MISSING);
    CHECK(f.run == ft_spool_run(s));
    CHECK_EQ(f.tally.n[FT_EVENT_FLOW], 2);
    CHECK_EQ(ft_spool_next(s, &f), FT_E_AGAIN);
    CHECK_EQ(append(s, 4), FT_OK);
    CHECK_EQ(next(s, &f), 4);
    ft_spool_close(s, true);
    clean();
}

/* The files are removed while it runs: what was not delivered is told, by whose it is. */
static void test_gone(void)
{
    struct ft_spool_frame f;
    struct ft_tally own, earlier;

    fresh();
    struct ft_spool *s = open_spool(&usual);

    CHECK_EQ(append(s, 1), FT_OK);
    CHECK_EQ(append(s, 2), FT_OK);
    ft_spool_close(s, true);
    s = open_spool(&usual);
    CHECK_EQ(append(s, 3), FT_OK);
    CHECK_EQ(next(s, &f), 1);
    ft_spool_done(s);
    CHECK(!ft_spool_gone(s, &own, &earlier));
    clean();
    CHECK(ft_spool_gone(s, &own, &earlier));
    CHECK_EQ(own.n[FT_EVENT_FLOW], 1);
    CHECK_EQ(earlier.n[FT_EVENT_FLOW], 1);
    CHECK_EQ(next(s, &f), 2); /* it can still be read */
    CHECK_EQ(next(s, &f), 3);
    ft_spool_done(s);
    CHECK(!ft_spool_gone(s, &own, &earlier));
    ft_spool_close(s, true);
}

/* A process that is killed while it appends: all that append() said is there, in order; the number
 * after it leaves one out. */
static void test_killed(void)
{
    fresh();
    for (int turn = 0; turn < 50; turn++) {
        struct ft_spool_content found;
        struct ft_spool_frame f;
        int fds[2];
        uint32_t said = 0, got;
        int64_t n = 0;

        CHECK_EQ(pipe(fds), 0);
        pid_t child = fork();

        if (child == 0) {
            struct ft_spool *s = open_spool(&usual);

            for (uint32_t i = 0; i < 100000; i++) {
                if (append(s, i) == FT_OK && write(fds[1], &i, sizeof i) != (ssize_t)sizeof i) {
                    break;
                }
            }
            _exit(0);
        }
        close(fds[1]);
        while (said < 20 + (uint32_t)turn * 7 && read(fds[0], &got, sizeof got) == sizeof got) {
            said++;
        }
        kill(child, SIGKILL);
        CHECK_EQ(waitpid(child, NULL, 0), child);
        while (read(fds[0], &got, sizeof got) == (ssize_t)sizeof got) {
            said++;
        }
        close(fds[0]);
        struct ft_spool *s = open_spool(&usual);

        ft_spool_content(s, &found);
        CHECK(!found.orderly);
        CHECK(found.frames >= said);
        CHECK_EQ(found.next, found.first + found.frames + 1); /* one is left out */
        while (next(s, &f) == n) {
            n++;
        }
        CHECK_EQ(n, found.frames);
        ft_spool_done(s);
        ft_spool_close(s, true);
    }
    clean();
}

/* No room on the disk: the frame is not there at all, and later ones are when there is room. */
static void test_no_space(void)
{
    struct ft_spool_frame f;
    struct rlimit limit, all;

    fresh();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &all);
    struct ft_spool *s = open_spool(&usual);

    limit = all;
    limit.rlim_cur = 10000;
    CHECK_EQ(append(s, 2000), FT_OK);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (uint32_t n = 2001; n < 2010; n++) {
        CHECK_EQ(append(s, n), n < 2004 ? FT_OK : FT_E_AGAIN);
    }
    setrlimit(RLIMIT_FSIZE, &all);
    CHECK_EQ(append(s, 2050), FT_OK);
    for (uint32_t n = 2000; n < 2004; n++) {
        CHECK_EQ(next(s, &f), n);
    }
    CHECK_EQ(next(s, &f), 2050);
    CHECK_EQ(next(s, &f), -1);
    ft_spool_close(s, true);
    clean();
}

/* The same at every byte: what append() took is there, also for a later start, what it did not take
 * is not, and when there is room again it goes on. */
static void test_no_space_each_byte(void)
{
    struct rlimit limit, all;
    rlim_t most = 2000; /* the first frames of a segment */

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &all);
    limit = all;
    fresh();
    for (rlim_t room = 0; room < most; room++) {
        struct ft_spool *s = open_spool(&usual);
        struct ft_spool_frame f;
        uint32_t taken = 0;

        limit.rlim_cur = room;
        setrlimit(RLIMIT_FSIZE, &limit);
        while (append(s, taken) == FT_OK) {
            taken++;
        }
        CHECK_EQ(append(s, taken), FT_E_AGAIN);
        CHECK(ft_spool_bytes(s) <= room);
        setrlimit(RLIMIT_FSIZE, &all);
        if (room % 2 == 0) { /* as a kill would leave it, or a next start finds it */
            ft_spool_close(s, room % 4 == 0);
            s = open_spool(&usual);
        }
        CHECK_EQ(append(s, taken), FT_OK);
        for (uint32_t n = 0; n <= taken; n++) {
            CHECK_EQ(next(s, &f), n);
        }
        CHECK_EQ(ft_spool_next(s, &f), FT_E_AGAIN);
        ft_spool_done(s);
        ft_spool_close(s, true);
    }
    clean();
}

/* A disk that fails: said as such; nothing of the frame is there, and later ones are when it works
 * again. */
static void test_disk_fails(void)
{
    struct ft_spool_frame f;
    char path[128];

    fresh();
    struct ft_spool *s = open_spool(&usual);

    CHECK_EQ(append(s, 1), FT_OK);
    int fd = s->segment[0].fd;

    snprintf(path, sizeof path, "%s/000.seg", folder);
    s->segment[0].fd = open(path, O_RDONLY); /* as after an error of the disk: no more writing */
    CHECK_EQ(append(s, 2), FT_E_IO);
    CHECK_EQ(next(s, &f), 1);
    CHECK_EQ(ft_spool_next(s, &f), FT_E_AGAIN);
    close(s->segment[0].fd);
    s->segment[0].fd = fd;
    CHECK_EQ(append(s, 3), FT_OK);
    CHECK_EQ(next(s, &f), 3);
    ft_spool_close(s, true);
    clean();
}

static void test_refused(void)
{
    struct ft_spool_config other = usual, look = usual;
    struct ft_spool *s, *t = NULL;
    struct ft_spool_content found;
    struct ft_spool_frame f;
    struct ft_err err = {0};

    fresh();
    s = open_spool(&usual);
    CHECK_EQ(ft_spool_open(&usual, &t, &err), FT_E_USAGE); /* in use */
    CHECK_EQ(append(s, 1), FT_OK);
    look.look = true; /* beside it */
    CHECK_EQ(ft_spool_open(&look, &t, &err), FT_OK);
    ft_spool_content(t, &found);
    CHECK_EQ(found.frames, 1);
    CHECK_EQ(next(t, &f), 1);
    ft_spool_close(t, true);
    ft_spool_close(s, true);
    other.shape = 8;
    CHECK_EQ(ft_spool_open(&other, &t, &err), FT_E_FORMAT);
    s = open_spool(&usual);
    CHECK_EQ(next(s, &f), 1);
    ft_spool_done(s);
    ft_spool_close(s, true);
    s = open_spool(&other); /* nothing of the other shape is left */
    CHECK_EQ(append(s, 5), FT_OK);
    ft_spool_close(s, true);
    CHECK_EQ(ft_spool_open(&usual, &t, &err), FT_E_FORMAT);
    other.folder = "/proc/nowhere/else";
    CHECK_EQ(ft_spool_open(&other, &t, &err), FT_E_IO);
    clean();
}

static void test_age(void)
{
    struct ft_spool_config cfg = usual;
    struct ft_spool_frame f;
    struct timespec nap = {0, 30000000};

    cfg.max_age_ns = 20000000;
    fresh();
    struct ft_spool *s = open_spool(&cfg);

    CHECK_EQ(append(s, 1), FT_OK);
    nanosleep(&nap, NULL);
    CHECK_EQ(append(s, 2), FT_OK);
    CHECK_EQ(ft_spool_next(s, &f), FT_OK);
    CHECK_EQ(f.state, FT_SPOOL_EXPIRED);
    CHECK_EQ(f.tally.n[FT_EVENT_SAMPLE], 2);
    CHECK_EQ(next(s, &f), 2);
    ft_spool_close(s, true);
    clean();
}

/* More room than when it was begun: all of it is used, though every file may be in use. */
static void test_grown(void)
{
    struct ft_spool_config cfg = usual;
    struct ft_spool_frame f;
    uint32_t n = 0, out = 0;

    cfg.max_bytes = 200000;
    fresh();
    struct ft_spool *s = open_spool(&cfg);

    while (append(s, n) == FT_OK) {
        n++;
    }
    ft_spool_close(s, true);
    cfg.max_bytes = 2000000;
    s = open_spool(&cfg);
    while (append(s, n) == FT_OK) {
        n++;
    }
    CHECK(ft_spool_fill(s) >= 95);
    CHECK(ft_spool_bytes(s) <= cfg.max_bytes);
    ft_spool_close(s, true);
    cfg.max_bytes = 200000; /* and less: nothing is taken until there is room, nothing is gone */
    s = open_spool(&cfg);
    CHECK_EQ(append(s, n), FT_E_AGAIN);
    while (next(s, &f) == out) {
        out++;
    }
    CHECK_EQ(out, n);
    ft_spool_done(s);
    ft_spool_close(s, true);
    clean();
}

/* A disk that does not take the cursor: the one before counts, in whichever place it lies. */
static void test_cursor_not_written(void)
{
    struct ft_spool_frame f;
    struct ft_spool_content found;
    struct rlimit limit, all;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &all);
    limit = all;
    limit.rlim_cur = 0;
    for (int more = 0; more < 2; more++) {
        fresh();
        struct ft_spool *s = open_spool(&usual);
        uint64_t producer;

        CHECK_EQ(append(s, 0), FT_OK);
        CHECK_EQ(append(s, 1), FT_OK);
        CHECK_EQ(append(s, 2), FT_OK);
        CHECK_EQ(next(s, &f), 0);
        producer = f.chunk.producer;
        ft_spool_done(s);
        if (more > 0) {
            CHECK_EQ(next(s, &f), 1);
            ft_spool_done(s);
        }
        setrlimit(RLIMIT_FSIZE, &limit);
        CHECK_EQ(next(s, &f), 1 + more);
        ft_spool_done(s);
        setrlimit(RLIMIT_FSIZE, &all);
        struct ft_spool_config look = usual;

        look.look = true; /* as a kill would leave it */
        struct ft_spool *t = open_spool(&look);

        ft_spool_content(t, &found);
        CHECK_EQ(found.first, 2 + (uint64_t)more);
        CHECK(found.producer == producer);
        ft_spool_close(t, true);
        ft_spool_close(s, true);
        clean();
    }
}

/* A power cut: the newest frames, which were delivered, never reached the disk. Their numbers are
 * not used again. */
static void test_power_cut(void)
{
    struct ft_spool_content found;
    struct ft_spool_frame f;

    for (int cut = 0; cut < 2; cut++) {
        fresh();
        struct ft_spool *s = open_spool(&usual);

        CHECK_EQ(append(s, 1), FT_OK);
        uint64_t size = ft_spool_bytes(s);

        CHECK_EQ(append(s, 2), FT_OK);
        CHECK_EQ(next(s, &f), 1);
        CHECK_EQ(next(s, &f), 2);
        CHECK_EQ(f.chunk.number, 2);
        s->cursor.boot ^= (uint64_t)cut;
        s->cursor.next = 2; /* as it was written before the second frame */
        memset(&s->cursor.next_before, 0, sizeof s->cursor.next_before);
        CHECK_EQ(ftruncate(s->segment[0].fd, (off_t)size), 0);
        ft_spool_close(s, false);
        s = open_spool(&usual);
        ft_spool_content(s, &found);
        CHECK_EQ(found.next, 2 + (cut ? FT__NUMBERS_LEFT_OUT : 1));
        CHECK_EQ(append(s, 3), FT_OK);
        CHECK_EQ(next(s, &f), 1);
        CHECK_EQ(next(s, &f), 3);
        CHECK(f.chunk.number > 2);
        ft_spool_close(s, true);
        s = open_spool(&usual); /* and only once */
        ft_spool_content(s, &found);
        CHECK_EQ(found.next, 3 + (cut ? FT__NUMBERS_LEFT_OUT : 1));
        ft_spool_close(s, true);
        clean();
    }
}

/* No cursor, or none that is whole: all comes again, as the same producer's, and numbers are left
 * out. */
static void test_cursor_lost(void)
{
    struct ft_spool_frame f;
    struct ft_spool_content found;
    uint8_t junk[5000];
    uint64_t producer;

    fresh();
    struct ft_spool *s = open_spool(&usual);

    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(append(s, i), FT_OK);
    }
    CHECK_EQ(next(s, &f), 0);
    producer = f.chunk.producer;
    ft_spool_done(s);
    ft_spool_close(s, true);
    memset(junk, 0, sizeof junk);
    put("cursor", junk, sizeof junk);
    s = open_spool(&usual);
    ft_spool_content(s, &found);
    CHECK(found.producer == producer);
    CHECK(!found.orderly);
    CHECK_EQ(found.next, 6 + FT__NUMBERS_LEFT_OUT); /* a power cut may have taken it */
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(next(s, &f), i);
        CHECK(f.chunk.producer == producer);
        CHECK_EQ(f.chunk.number, i + 1);
    }
    ft_spool_close(s, true);
    clean();
}

/* Files that are something else, or another version's, are left as they are. */
static void test_not_ours(void)
{
    static const char *const names[] = {"000.seg", "031.seg", "cursor"};
    static const char text[] = "FTSPOOL9: what a later version has written, or somebody's notes: "
                               "they are longer than any header of a segment is";
    struct ft_spool *t = NULL;
    struct ft_err err = {0};

    for (int i = 0; i < 3; i++) {
        uint8_t *bytes = NULL;

        fresh();
        struct ft_spool *s = open_spool(&usual);

        CHECK_EQ(append(s, 1), FT_OK);
        ft_spool_close(s, true);
        put(names[i], (const uint8_t *)text, sizeof text);
        CHECK_EQ(ft_spool_open(&usual, &t, &err), FT_E_FORMAT);
        CHECK_EQ(size_of(names[i], &bytes), sizeof text);
        CHECK(memcmp(bytes, text, sizeof text) == 0);
        free(bytes);
        clean();
    }
}

/* What is no file, or has another name somewhere, is not written; nobody waits for a FIFO. */
static void test_planted(void)
{
    struct ft_spool_config look = usual;
    struct ft_spool *t = NULL;
    struct ft_err err = {0};
    char path[128], other[128];

    look.look = true;
    for (int i = 0; i < 3; i++) {
        fresh();
        ft_spool_close(open_spool(&usual), true);
        snprintf(path, sizeof path, "%s/004.seg", folder);
        snprintf(other, sizeof other, "%s/other", folder);
        CHECK_EQ(unlink(path), 0);
        close(open(other, O_CREAT | O_WRONLY, 0600));
        CHECK_EQ(i == 0   ? mkfifo(path, 0600)
                 : i == 1 ? link(other, path)
                          : symlink(other, path),
                 0);
        CHECK_EQ(ft_spool_open(&usual, &t, &err), FT_E_IO);
        CHECK_EQ(ft_spool_open(&look, &t, &err), FT_E_IO);
        clean();
    }
}

int main(void)
{
#ifndef FT_HAVE_XXHASH
    return test_skip("built without xxHash");
#endif
    RUN(test_order);
    RUN(test_bound);
    RUN(test_torn);
    RUN(test_missing);
    RUN(test_missing_own);
    RUN(test_gone);
    RUN(test_killed);
    RUN(test_no_space);
    RUN(test_no_space_each_byte);
    RUN(test_disk_fails);
    RUN(test_refused);
    RUN(test_age);
    RUN(test_grown);
    RUN(test_cursor_not_written);
    RUN(test_power_cut);
    RUN(test_cursor_lost);
    RUN(test_not_ours);
    RUN(test_planted);
    return test_end();
}
