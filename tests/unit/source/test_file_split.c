/* SPDX-License-Identifier: Apache-2.0 */
/* source/file_split: chunks that are guessed in any order, verified in order and walked again where
 * the guess was wrong give exactly what one walk gives; also with payloads that look like records.
 */
#include <pthread.h>

#include "source/file_run.h"

enum { CHUNK = 64 << 10, VIEWS = 300 };

static const struct ft_source_ops *const ops = &ft_source_file;

/* Chunks of CHUNK bytes: how many, and where the i-th begins. */
static uint64_t chunks(const struct ft_file_split *sp)
{
    return (ft_file_split_end(sp) - ft_file_split_begin(sp) + CHUNK - 1) / CHUNK;
}

static uint64_t edge(const struct ft_file_split *sp, uint64_t i)
{
    return i < chunks(sp) ? ft_file_split_begin(sp) + i * CHUNK : ft_file_split_end(sp);
}

/* What one chunk gave from one start. */
struct part {
    struct result r;
    uint64_t start, next;
    int code; /* FT_OK: to the limit; else damage at next */
    struct ft_err err;
};

static void walk_part(struct ft_file_split *sp, uint64_t i, uint64_t start, struct part *p)
{
    struct ft_view views[VIEWS];
    uint64_t joined = 0;
    uint32_t n;
    int rc;

    result_fini(&p->r);
    p->start = start;
    p->next = start;
    while ((rc = ft_file_split_walk(sp, p->next, edge(sp, i + 1), views, VIEWS, &n, &p->next,
                                    &joined, &p->err)) == FT_OK) {
        CHECK(n > 0);
        for (uint32_t k = 0; k < n; k++) {
            keep(&p->r, &views[k]);
        }
    }
    p->code = rc == FT_E_EOF ? FT_OK : rc;
}

struct job {
    struct ft_file_split *sp;
    struct part *parts;
    uint64_t first, step;
    pthread_t thread;
};

/* Speculates on every step-th chunk. */
static void *speculate(void *arg)
{
    struct job *j = arg;

    for (uint64_t i = j->first; i < chunks(j->sp); i += j->step) {
        uint64_t start = UINT64_MAX;

        if (ft_file_split_guess(j->sp, edge(j->sp, i), edge(j->sp, i + 1), &start) == FT_OK) {
            walk_part(j->sp, i, start, &j->parts[i]);
        } else {
            j->parts[i].start = UINT64_MAX;
        }
    }
    return NULL;
}

static unsigned guesses_wrong;

/* The whole file through chunks, as a pipeline would do it. */
static struct result run_split(const char *name, const char *filter)
{
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1, .filter = filter};
    struct ft_file_split *sp;
    struct ft_source_stats st;
    struct job jobs[4];
    struct result all = {0};
    struct ft_source *s;
    struct ft_err err;
    struct part *parts;
    uint64_t at = 24, count;

    CHECK_EQ(ops->open(&cfg, &s, &err), FT_OK);
    CHECK_EQ(ft_file_split_open(s, &sp), FT_OK);
    count = chunks(sp);
    parts = calloc(count + 1, sizeof *parts);
    for (unsigned t = 0; t < 4; t++) {
        jobs[t] = (struct job){.sp = sp, .parts = parts, .first = t, .step = 4};
        pthread_create(&jobs[t].thread, NULL, speculate, &jobs[t]);
    }
    for (unsigned t = 0; t < 4; t++) {
        pthread_join(jobs[t].thread, NULL);
    }
    for (uint64_t i = 0; i < count && all.n_told == 0; i++) {
        if (parts[i].start != at && at < edge(sp, i + 1)) {
            guesses_wrong++;
            walk_part(sp, i, at, &parts[i]);
        } else if (parts[i].start != at) { /* one record covers the chunk: nothing starts in it */
            result_fini(&parts[i].r);
            parts[i].next = at;
            parts[i].code = FT_OK;
        }
        for (size_t k = 0; k < parts[i].r.n; k++) {
            struct seen seen = parts[i].r.seen[k];

            if (all.n == all.room) {
                all.room = all.room * 2 + 64;
                all.seen = realloc(all.seen, all.room * sizeof *all.seen);
            }
            all.seen[all.n++] = seen;
        }
        at = parts[i].next;
        if (parts[i].code != FT_OK) {
            all.told[all.n_told++] =
                (struct told){.code = parts[i].code, .off = parts[i].err.off, .after = all.n};
            memcpy(all.told[0].what, parts[i].err.what, sizeof all.told[0].what);
        }
        ft_file_split_done(sp, at);
    }
    s->ops->stats(s, &st);
    CHECK(all.n_told > 0 || count == 0 || st.input_pos == st.input_size);
    for (uint64_t i = 0; i < count; i++) {
        result_fini(&parts[i].r);
    }
    free(parts);
    ft_file_split_close(sp);
    s->ops->close(s);
    return all;
}

/* Split and sequential say the same; returns how many guesses were wrong. */
static unsigned check_split(const struct cap *c, const char *filter)
{
    const char *name = tmp_write("s.pcap", c->p, c->len);
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1, .filter = filter};
    struct result want = run_config(&cfg, 256, 0), r;

    guesses_wrong = 0;
    r = run_split(name, filter);
    CHECK(same_seen(&want, &r));
    CHECK_EQ(r.n_told, want.n_told);
    if (want.n_told > 0 && r.n_told > 0) {
        CHECK_EQ(r.told[0].code, want.told[0].code);
        CHECK_EQ(r.told[0].off, want.told[0].off);
        CHECK_EQ(r.told[0].after, want.told[0].after);
        CHECK_STR(r.told[0].what, want.told[0].what);
    }
    result_fini(&want);
    result_fini(&r);
    return guesses_wrong;
}

static void test_sizes(void)
{
    static const uint32_t sizes[] = {0, 40, 1500, 9000};

    for (unsigned i = 0; i < 8; i++) {
        struct cap c = make_capture(false, i & 1, sizes[i / 2] > 1500 ? 400 : 3000, sizes[i / 2]);

        CHECK_EQ(check_split(&c, NULL), 0);
        cap_fini(&c);
    }
}

static void test_modified_and_old(void)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct cap c = {0};

        cap_pcap(&c, kind ? 0xa1b2cd34 : 0xa1b2c3d4, kind ? 4 : 3, 65535, 1);
        for (uint32_t i = 0; i < 2000; i++) {
            cap_u32(&c, 1000000000 + i);
            cap_u32(&c, i);
            cap_u32(&c, 100);
            cap_u32(&c, kind ? 1500 : 60);
            cap_payload(&c, i, kind ? 108 : 60);
        }
        CHECK_EQ(check_split(&c, NULL), 0);
        cap_fini(&c);
    }
}

static void test_small_files(void)
{
    for (uint32_t n = 0; n < 40; n++) {
        struct cap c = make_capture(false, false, n, 60);

        CHECK_EQ(check_split(&c, NULL), 0);
        cap_fini(&c);
    }
}

/* Packets that carry a capture of their own: chains of records that are none. */
static void test_fake_records(void)
{
    struct cap inner = make_capture(false, false, 300, 200), c = {0};
    unsigned wrong;

    cap_pcap(&c, 0xa1b23c4d, 4, 262144, 1);
    for (uint32_t i = 0; i < 60; i++) {
        cap_u32(&c, 1700000000 + i);
        cap_u32(&c, i);
        cap_u32(&c, (uint32_t)inner.len - 24);
        cap_u32(&c, (uint32_t)inner.len - 24);
        cap_bytes(&c, inner.p + 24, inner.len - 24);
    }
    wrong = check_split(&c, NULL);
    CHECK(wrong > 10); /* the test is worth something only when the guesses are fooled */
    cap_fini(&inner);
    cap_fini(&c);
}

/* Payloads of zeros in a file whose times are near 0: zeros are records, too. */
static void test_zeros(void)
{
    static const uint8_t zero[30000];
    struct cap c = {0};

    cap_pcap(&c, 0xa1b2c3d4, 4, 262144, 1);
    for (uint32_t i = 0; i < 40; i++) {
        cap_u32(&c, 0);
        cap_u32(&c, i);
        cap_u32(&c, 30000);
        cap_u32(&c, 30000);
        cap_bytes(&c, zero, sizeof zero);
    }
    check_split(&c, NULL);
    cap_fini(&c);
}

/* One record over several chunks, between small ones. */
static void test_long_record(void)
{
    struct cap c = make_capture(false, false, 500, 300);

    cap_record(&c, 1700000000, 0, 5 * CHUNK + 77, 5 * CHUNK + 77, 1);
    for (uint32_t i = 0; i < 500; i++) {
        cap_record(&c, 1700000000, i, 100, 100, i);
    }
    check_split(&c, NULL);
    cap_fini(&c);
}

static void test_damage(void)
{
    for (size_t cut = 1; cut < 200; cut += 13) {
        struct cap c = make_capture(false, false, 1000, 300);

        c.len -= cut;
        check_split(&c, NULL);
        cap_fini(&c);
    }
    for (unsigned i = 0; i < 10;
         i++) { /* an impossible length somewhere; guesses go on behind it */
        struct cap c = make_capture(false, false, 1000, 0);

        c.p[24 + 16 * 97 * (i + 1) + 11] = 0x7f;
        cap_payload(&c, 0, 5);
        check_split(&c, NULL);
        cap_fini(&c);
    }
}

static void test_filter(void)
{
    struct cap c = make_capture(false, false, 3000, 200);
    const char *name = tmp_write("s.pcap", c.p, c.len);
    struct ft_source_config cfg = {.targets = &name, .n_targets = 1, .filter = "greater 100"};
    struct result r = run_config(&cfg, 64, 0);
    size_t filtered = 0;

    if (r.open_code != FT_E_UNSUPPORTED) {
        for (size_t i = 0; i < r.n; i++) {
            filtered += r.seen[i].flags == FT_VIEW_FILTERED;
        }
        CHECK(filtered > 1000 && filtered < 2000);
        CHECK_EQ(check_split(&c, "greater 100"), 0);
    }
    result_fini(&r);
    cap_fini(&c);
}

static int try_split(const char *const *names, uint32_t n, bool read_first)
{
    struct ft_source_config cfg = {.targets = names, .n_targets = n};
    struct ft_file_split *sp = NULL;
    struct ft_source *s;
    struct ft_view views[4];
    struct ft_batch b = {.views = views, .cap = 4};
    struct ft_err err;
    int rc;

    CHECK_EQ(ops->open(&cfg, &s, &err), FT_OK);
    if (read_first) {
        CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_OK);
    }
    rc = ft_file_split_open(s, &sp);
    if (rc == FT_OK) {
        CHECK_EQ(ft_file_split_open(s, &sp), FT_E_STATE);
        CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_E_STATE);
    }
    ft_file_split_close(sp);
    s->ops->close(s);
    return rc;
}

static void test_what_can_be_split(void)
{
    struct cap c = make_capture(false, false, 9, 50), ng = make_capture(true, false, 9, 50);
    const char *two[2] = {tmp_write("a", c.p, c.len), tmp_write("b", ng.p, ng.len)};
    const char *cut = tmp_write("c", c.p, 20);

    CHECK_EQ(try_split(two, 1, false), FT_OK);
    CHECK_EQ(try_split(two, 1, true), FT_E_STATE);
    CHECK_EQ(try_split(two, 2, false), FT_E_UNSUPPORTED);
    CHECK_EQ(try_split(two + 1, 1, false), FT_E_UNSUPPORTED);
    CHECK_EQ(try_split(&cut, 1, false), FT_E_UNSUPPORTED);
#ifdef FT_HAVE_ZLIB
    struct cap gz = pack_gzip(c.p, c.len);
    const char *packed = tmp_write("d", gz.p, gz.len);

    CHECK_EQ(try_split(&packed, 1, false), FT_E_UNSUPPORTED);
    cap_fini(&gz);
#endif
    cap_fini(&c);
    cap_fini(&ng);
}

int main(void)
{
    tmp_make();
    RUN(test_sizes);
    RUN(test_modified_and_old);
    RUN(test_small_files);
    RUN(test_fake_records);
    RUN(test_zeros);
    RUN(test_long_record);
    RUN(test_damage);
    RUN(test_filter);
    RUN(test_what_can_be_split);
    tmp_remove();
    return test_end();
}
