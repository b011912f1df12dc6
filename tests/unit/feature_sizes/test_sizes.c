/* SPDX-License-Identifier: Apache-2.0 */
/* feature: sums of sizes and gaps beside plain 128-bit sums, narrow and wide. */
#include "feature/feature.h"

#include "harness.h"

enum { ENTRIES = 8, PACKETS = 3000 };

struct sums {
    unsigned __int128 size_squares, gap_squares;
    uint64_t n, bytes, gaps, size_min, size_max, gap_min, gap_max;
};

static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void add(struct sums *s, uint64_t size, uint64_t gap)
{
    s->size_squares += (unsigned __int128)size * size;
    s->bytes += size;
    s->size_min = s->n == 0 || size < s->size_min ? size : s->size_min;
    s->size_max = s->n == 0 || size > s->size_max ? size : s->size_max;
    if (s->n > 0) {
        s->gap_squares += (unsigned __int128)gap * gap;
        s->gaps += gap;
        s->gap_min = s->n == 1 || gap < s->gap_min ? gap : s->gap_min;
        s->gap_max = s->n == 1 || gap > s->gap_max ? gap : s->gap_max;
    }
    s->n++;
}

static void check(void *f, uint32_t entry, const struct sums *want)
{
    struct ft_flow_record core = {.packets = {want[0].n, want[1].n},
                                  .ip_bytes = {want[0].bytes, want[1].bytes}};
    const struct ft_sizes_record *r = ft_feature_sizes.record(f, entry, &core);

    for (int d = 0; d < 2; d++) {
        CHECK_EQ(r->size[d].n, want[d].n);
        CHECK_EQ(r->size[d].sum, want[d].bytes);
        CHECK(r->size[d].squares == want[d].size_squares);
        if (want[d].n > 0) {
            CHECK_EQ(r->size[d].min, want[d].size_min);
            CHECK_EQ(r->size[d].max, want[d].size_max);
        }
        if (want[d].n > 1) {
            CHECK_EQ(r->gap[d].n, want[d].n - 1);
            CHECK_EQ(r->gap[d].sum, want[d].gaps);
            CHECK_EQ(r->gap[d].min, want[d].gap_min);
            CHECK_EQ(r->gap[d].max, want[d].gap_max);
            CHECK(r->gap[d].squares == want[d].gap_squares);
        }
    }
}

/* Flows of a few entries, again and again in the same ones. sizes, gaps: up to. */
static void run(uint64_t seed, uint64_t sizes, uint64_t gaps, uint32_t packets)
{
    const struct ft_feature_config cfg = {.entries = ENTRIES};
    struct sums want[ENTRIES][2];
    uint32_t first[ENTRIES][2];
    void *f;

    state = seed;
    memset(want, 0, sizeof want);
    CHECK_EQ(ft_feature_open(&ft_feature_sizes, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < packets; i++) {
        FT_ALIGNED(64) struct ft_packet p = {.ip_len = (uint32_t)(rng() % (sizes + 1))};
        struct ft_counted at = {.entry = (uint32_t)(rng() % ENTRIES), .dir = rng() & 1};
        struct sums *s = want[at.entry];
        bool late = rng() % 10 == 0;

        if (rng() % 400 == 0 || s[0].n + s[1].n == 0) {
            memset(s, 0, sizeof want[0]);
            at.bits |= FT_AT_NEW;
        }
        at.since_ns = (int64_t)(rng() % (gaps + 1));
        at.since_ns = late ? -at.since_ns : at.since_ns;
        at.bits |= s[at.dir].n == 0 ? FT_AT_FIRST : s[at.dir].n == 1 ? FT_AT_SECOND : 0;
        at.first_len = first[at.entry][at.dir];
        if (s[at.dir].n == 0) {
            first[at.entry][at.dir] = p.ip_len;
        }
        add(&s[at.dir], p.ip_len, late ? 0 : (uint64_t)at.since_ns);
        ft_feature_sizes.packets(f, &p, &at, 1);
        check(f, at.entry, s);
    }
    ft_feature_close(&ft_feature_sizes, &cfg, f);
}

static void test_narrow(void)
{
    run(1, 1500, 1000000, PACKETS);
    run(2, 65534, 4000000000, PACKETS);
}

static void test_wide(void)
{
    run(3, 70000, 5000000000, PACKETS);
    run(4, UINT32_MAX, (uint64_t)86400 * 1000000000, PACKETS);
    run(5, 1500, (uint64_t)1 << 45, PACKETS); /* sums of gaps beyond 48 bits */
}

/* Squares of sizes beyond 48 bits, though no packet is beyond the narrow part. */
static void test_sums_carry(void)
{
    const struct ft_feature_config cfg = {.entries = 1};
    struct sums want[2] = {{0}, {0}};
    void *f;

    CHECK_EQ(ft_feature_open(&ft_feature_sizes, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < 300000; i++) {
        FT_ALIGNED(64) struct ft_packet p = {.ip_len = 65534};
        struct ft_counted at = {.since_ns = 4000000000, .first_len = 65534};

        at.bits = i == 0 ? FT_AT_NEW | FT_AT_FIRST : i == 1 ? FT_AT_SECOND : 0;
        add(&want[0], p.ip_len, (uint64_t)at.since_ns);
        ft_feature_sizes.packets(f, &p, &at, 1);
    }
    CHECK(want[0].size_squares >> 48 != 0 && want[0].gaps >> 48 != 0);
    check(f, 0, want);
    ft_feature_close(&ft_feature_sizes, &cfg, f);
}

/* Lengths that captures may claim: the square of one, and what there was, are beyond 64 bits. */
static void test_largest(void)
{
    const struct ft_feature_config cfg = {.entries = 1};
    struct sums want[2] = {{0}, {0}};
    void *f;

    CHECK_EQ(ft_feature_open(&ft_feature_sizes, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < 102; i++) {
        FT_ALIGNED(64) struct ft_packet p = {.ip_len = i < 100 ? 60000 : UINT32_MAX};
        struct ft_counted at = {.since_ns = 1000, .first_len = 60000};

        at.bits = i == 0 ? FT_AT_NEW | FT_AT_FIRST : i == 1 ? FT_AT_SECOND : 0;
        add(&want[0], p.ip_len, 1000);
        ft_feature_sizes.packets(f, &p, &at, 1);
        check(f, 0, want);
    }
    ft_feature_close(&ft_feature_sizes, &cfg, f);
}

int main(void)
{
    RUN(test_narrow);
    RUN(test_wide);
    RUN(test_sums_carry);
    RUN(test_largest);
    return test_end();
}
