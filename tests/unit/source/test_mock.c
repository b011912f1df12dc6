/* SPDX-License-Identifier: Apache-2.0 */
/* source/mock: what it makes is as its rule says; failing, damage, silence and holding on purpose.
 */
#include "base/rd.h"
#include "harness.h"
#include "source/source.h"

extern const struct ft_source_ops ft_source_mock;

static struct ft_source *mock(const char *spec)
{
    struct ft_source_config cfg = {.targets = &spec, .n_targets = 1};
    struct ft_source *s = NULL;
    struct ft_err err = {0};

    CHECK_EQ(ft_source_mock.open(&cfg, &s, &err), FT_OK);
    CHECK_STR(err.what, "");
    return s;
}

static int next(struct ft_source *s, struct ft_batch *b, struct ft_err *err)
{
    int rc = s->ops->read(s, b, 10, err);

    if (rc == FT_OK) {
        s->ops->release(s, b->token);
    }
    return rc;
}

static void test_packets(void)
{
    struct ft_source *s = mock("packets=1000,flows=6,size=80,gap=5");
    struct ft_view v[64];
    struct ft_batch b = {.views = v, .cap = 64};
    struct ft_source_stats st;
    struct ft_err err;
    uint64_t n = 0;

    while (next(s, &b, &err) == FT_OK) {
        for (uint32_t k = 0; k < b.n; k++, n++) {
            uint64_t c = n % 6;
            bool back = n / 6 % 2 != 0;
            const uint8_t *ip = v[k].data + 14;
            uint32_t sum = 0;

            for (unsigned i = 0; i < 20; i += 2) {
                sum += ft_load_be16(ip + i);
            }
            CHECK_EQ((sum & 0xffff) + (sum >> 16), 0xffff);
            CHECK_EQ(v[k].len, 80);
            CHECK_EQ(v[k].ts_ns, 1700000000000000000 + (int64_t)n * 5);
            CHECK_EQ(ip[9], c % 2 ? 17 : 6);
            CHECK_EQ(ft_load_be32(ip + (back ? 16 : 12)), 0x0a000000 + c);
            CHECK_EQ(ft_load_be16(ip + 20 + (back ? 2 : 0)), 1024 + c);
            CHECK(c % 2 || ip[33] == (n < 6 ? 0x02 : n < 12 ? 0x12 : 0x18));
        }
    }
    CHECK_EQ(n, 1000);
    s->ops->stats(s, &st);
    CHECK(!st.dropped_known);
    CHECK_EQ(s->ops->flags, 0);
    s->ops->close(s);
}

static void test_events(void)
{
    struct ft_source *s = mock("packets=100,fail=70,corrupt=200,drop=9");
    struct ft_view v[64];
    struct ft_batch b = {.views = v, .cap = 64};
    struct ft_source_stats st;
    struct ft_err err;

    CHECK_EQ(next(s, &b, &err), FT_OK);
    CHECK_EQ(next(s, &b, &err), FT_OK);
    CHECK_EQ(b.n, 6);
    CHECK_EQ(next(s, &b, &err), FT_E_IO);
    CHECK_EQ(next(s, &b, &err), FT_E_IO);
    s->ops->stats(s, &st);
    CHECK(st.dropped_known);
    CHECK_EQ(st.dropped, 9);
    s->ops->close(s);
    s = mock("packets=100,corrupt=10");
    CHECK_EQ(next(s, &b, &err), FT_OK);
    CHECK_EQ(b.n, 10);
    CHECK_EQ(next(s, &b, &err), FT_E_CORRUPT);
    CHECK_EQ(err.off, 10);
    CHECK_EQ(next(s, &b, &err), FT_E_EOF);
    s->ops->close(s);
    s = mock("packets=0");
    CHECK_EQ(next(s, &b, &err), FT_E_EOF);
    s->ops->close(s);
    s = mock("");
    CHECK_EQ(next(s, &b, &err), FT_OK);
    s->ops->close(s);
}

static void test_live(void)
{
    struct ft_source *s = mock("packets=5,live=1,rate=1000");
    struct ft_view v[64];
    struct ft_batch b = {.views = v, .cap = 64};
    struct ft_err err;
    uint32_t n = 0;

    CHECK_EQ(s->ops->flags, FT_SOURCE_LIVE);
    for (int i = 0; i < 1000 && n < 5; i++) {
        CHECK_EQ(next(s, &b, &err), FT_OK);
        n += b.n;
    }
    CHECK_EQ(n, 5);
    CHECK_EQ(next(s, &b, &err), FT_OK);
    CHECK_EQ(b.n, 0);
    s->ops->stop(s);
    CHECK_EQ(next(s, &b, &err), FT_E_EOF);
    s->ops->close(s);
}

static void test_held(void)
{
    struct ft_source *s = mock("packets=100000");
    struct ft_view v[2];
    struct ft_batch b = {.views = v, .cap = 2};
    struct ft_err err;

    for (int i = 0; i < FT_SOURCE_MAX_HELD; i++) {
        CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_OK);
        CHECK_EQ(b.n, 2);
    }
    CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_E_AGAIN);
    s->ops->release(s, 7);
    CHECK_EQ(s->ops->read(s, &b, 0, &err), FT_OK);
    CHECK_EQ(b.token, 7);
    s->ops->close(s);
}

static void test_bad_specs(void)
{
    static const char *const bad[] = {"x=1",       "packets", "packets=", "packets=1x", "size=59",
                                      "size=9001", "flows=0", "live=2",   "packets=1,,"};

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ft_source_config cfg = {.targets = &bad[i], .n_targets = 1};
        struct ft_source *s = NULL;
        struct ft_err err = {0};

        CHECK_EQ(ft_source_mock.open(&cfg, &s, &err), FT_E_USAGE);
        CHECK(s == NULL && strncmp(err.what, "mock: ", 6) == 0);
    }
}

int main(void)
{
    RUN(test_packets);
    RUN(test_events);
    RUN(test_live);
    RUN(test_held);
    RUN(test_bad_specs);
    return test_end();
}
