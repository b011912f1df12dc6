/* SPDX-License-Identifier: Apache-2.0 */
/* source: an end before the input's, whatever the batches; several sources together. */
#include "source/limit.h"

#include "harness.h"

static int ended;

static void on_end(void *cookie)
{
    (void)cookie;
    ended++;
}

static struct ft_source *open_mock(const char *spec, struct ft_limit *limit)
{
    const char *targets[] = {spec};
    const struct ft_source_config cfg = {.targets = targets, .n_targets = 1};
    struct ft_source *s = NULL;
    struct ft_err err;

    CHECK_EQ(ft_source_mock.open(&cfg, &s, &err), FT_OK);
    CHECK_EQ(ft_limit_wrap(limit, &s), FT_OK);
    return s;
}

/* All packets of a source; *out_last is the time of the last. */
static uint64_t read_all(struct ft_source *s, uint32_t cap, int64_t *out_last)
{
    struct ft_view views[64];
    struct ft_batch b = {.views = views, .cap = cap};
    struct ft_err err;
    uint64_t n = 0;
    int rc;

    while ((rc = s->ops->read(s, &b, 100, &err)) == FT_OK) {
        n += b.n;
        if (b.n > 0) {
            *out_last = views[b.n - 1].ts_ns;
            s->ops->release(s, b.token);
        }
    }
    CHECK_EQ(rc, FT_E_EOF);
    CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_E_EOF); /* and stays so */
    CHECK_EQ(b.n, 0);
    return n;
}

static uint64_t run(const char *spec, uint64_t packets, int64_t span_ns, uint32_t cap)
{
    struct ft_limit limit = {.packets = packets, .span_ns = span_ns, .on_end = on_end};
    struct ft_source *s = open_mock(spec, &limit);
    int64_t last = 0;
    uint64_t n = read_all(s, cap, &last);

    s->ops->close(s);
    return n;
}

static void test_counts(void)
{
    static const uint32_t caps[] = {1, 2, 3, 7, 63, 64};

    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        for (uint64_t n = 1; n < 140; n += 3) {
            CHECK_EQ(run("packets=130", n, 0, caps[i]), n < 130 ? n : 130);
        }
    }
    ended = 0;
    CHECK_EQ(run("packets=100", 100, 0, 64), 100); /* the last one is the end */
    CHECK_EQ(ended, 1);
    CHECK_EQ(run("packets=100", 101, 0, 64), 100); /* the input was shorter */
    CHECK_EQ(ended, 1);
    CHECK_EQ(run("packets=100,live=1", 60, 0, 64), 60); /* does not wait for more */
    CHECK_EQ(ended, 2);
}

static void test_span(void)
{
    /* a packet a microsecond */
    CHECK_EQ(run("packets=1000", 0, 1, 64), 1);
    CHECK_EQ(run("packets=1000", 0, 1000, 64), 1);
    CHECK_EQ(run("packets=1000", 0, 1001, 64), 2);
    CHECK_EQ(run("packets=1000", 0, 64000, 64), 64); /* the next batch holds none */
    CHECK_EQ(run("packets=1000", 0, 500000, 7), 500);
    CHECK_EQ(run("packets=1000", 0, INT64_MAX, 64), 1000);
    CHECK_EQ(run("packets=1000", 100, 500000, 64), 100); /* whichever comes first */
    CHECK_EQ(run("packets=1000", 600, 500000, 64), 500);
}

/* Two sources draw from one account, in turns. */
static void test_shared(void)
{
    struct ft_limit limit = {.packets = 150, .on_end = on_end};
    struct ft_source *a = open_mock("packets=100,live=1", &limit);
    struct ft_source *b = open_mock("packets=100,live=1", &limit);
    struct ft_view views[64];
    struct ft_batch batch = {.views = views, .cap = 64};
    struct ft_err err;
    uint64_t n = 0;

    ended = 0;
    for (int over = 0, i = 0; over < 2 && i < 100; i++) {
        struct ft_source *s = i % 2 == 0 ? a : b;
        int rc = s->ops->read(s, &batch, 0, &err);

        n += rc == FT_OK ? batch.n : 0;
        over += rc == FT_E_EOF && i > 3;
        if (rc == FT_OK && batch.n > 0) {
            s->ops->release(s, batch.token);
        }
    }
    CHECK_EQ(n, 150);
    CHECK_EQ(ended, 2);
    a->ops->close(a);
    b->ops->close(b);
}

/* A batch that is cut away whole goes back, and does not count as out. */
static void test_release(void)
{
    struct ft_limit limit = {.span_ns = 64000};

    for (int i = 0; i < FT_SOURCE_MAX_HELD + 2; i++) {
        struct ft_source *s = open_mock("packets=1000", &limit);
        int64_t last = 0;

        CHECK_EQ(read_all(s, 64, &last), 64);
        s->ops->close(s);
    }
}

/* What does not count is handed on as far as the last that does. */
struct other {
    struct ft_source base;
    uint64_t made, released;
};

static int other_read(struct ft_source *source, struct ft_batch *b, int timeout_ms,
                      struct ft_err *err)
{
    struct other *s = (struct other *)(void *)source;
    static const uint8_t frame[64];

    (void)timeout_ms;
    (void)err;
    for (b->n = 0; b->n < b->cap; b->n++) { /* every third one matches: 2, 5, 8, ... */
        bool matches = s->made++ % 3 == 2;

        b->views[b->n] = (struct ft_view){.data = frame,
                                          .caplen = 64,
                                          .len = 64,
                                          .linktype = FT_LINK_ETHERNET,
                                          .flags = matches ? 0 : FT_VIEW_FILTERED};
    }
    return FT_OK;
}

static void other_release(struct ft_source *source, uint64_t token)
{
    struct other *s = (struct other *)(void *)source;

    (void)token;
    s->released++;
}

static void other_stop(struct ft_source *source)
{
    (void)source;
}

static void other_close(struct ft_source *source)
{
    (void)source;
}

static void test_filtered(void)
{
    static const struct ft_source_ops ops = {.name = "other",
                                             .read = other_read,
                                             .release = other_release,
                                             .stop = other_stop,
                                             .close = other_close};

    for (uint32_t cap = 1; cap <= 64; cap++) {
        struct ft_limit limit = {.packets = 30};
        struct other inside = {.base.ops = &ops};
        struct ft_source *s = &inside.base;
        int64_t last;

        CHECK_EQ(ft_limit_wrap(&limit, &s), FT_OK);
        CHECK_EQ(read_all(s, cap, &last), 90); /* 30 that match and the 60 before them */
        s->ops->close(s);
    }
}

static void test_none(void)
{
    struct ft_limit limit = {0};
    struct other inside = {0};
    struct ft_source *s = &inside.base;

    CHECK_EQ(ft_limit_wrap(&limit, &s), FT_OK);
    CHECK(s == &inside.base); /* what was not asked for costs nothing */
}

int main(void)
{
    RUN(test_counts);
    RUN(test_span);
    RUN(test_shared);
    RUN(test_release);
    RUN(test_filtered);
    RUN(test_none);
    return test_end();
}
