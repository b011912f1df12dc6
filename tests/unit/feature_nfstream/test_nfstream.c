/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nfstream: its sums beside plain ones, narrow and wide; its lists. */
#include "feature/feature.h"

#include "harness.h"

enum { ENTRIES = 8, PACKETS = 4000, MS = 1000000 };

struct sums {
    unsigned __int128 size_squares, gap_squares;
    uint64_t n, bytes, gaps, size_min, size_max, gap_min, gap_max, flags[8];
    int64_t newest_ns;
};

/* A flow: each direction, and both. */
struct flow {
    struct sums side[3];
    int64_t now_ns;
    int64_t dir[3], size[3], gap[3]; /* of the first three packets */
};

static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t add(struct sums *s, uint64_t size, int64_t ts_ns, uint8_t flags)
{
    uint64_t gap = 0;

    if (s->n > 0 && ts_ns > s->newest_ns) {
        gap = (uint64_t)(ts_ns / MS - s->newest_ns / MS);
    }
    s->size_squares += (unsigned __int128)size * size;
    s->bytes += size;
    s->size_min = s->n == 0 || size < s->size_min ? size : s->size_min;
    s->size_max = size > s->size_max ? size : s->size_max;
    if (s->n > 0) {
        s->gap_squares += (unsigned __int128)gap * gap;
        s->gaps += gap;
        s->gap_min = s->n == 1 || gap < s->gap_min ? gap : s->gap_min;
        s->gap_max = gap > s->gap_max ? gap : s->gap_max;
    }
    for (int i = 0; i < 8; i++) {
        s->flags[i] += flags >> i & 1;
    }
    s->newest_ns = s->n == 0 || ts_ns > s->newest_ns ? ts_ns : s->newest_ns;
    s->n++;
    return gap;
}

static void check_side(const struct ft_nfstream_side *x, const struct sums *want)
{
    CHECK_EQ(x->size.n, want->n);
    CHECK_EQ(x->size.sum, want->bytes);
    CHECK(x->size.squares == want->size_squares);
    CHECK_EQ(x->size.min, want->size_min);
    CHECK_EQ(x->size.max, want->size_max);
    CHECK_EQ(x->gap.sum, want->gaps);
    CHECK_EQ(x->gap.min, want->gap_min);
    CHECK_EQ(x->gap.max, want->gap_max);
    CHECK(x->gap.squares == want->gap_squares);
    CHECK_MEM(x->flags, want->flags, sizeof want->flags);
}

static void check(void *f, uint32_t entry, const struct flow *w, uint32_t splt)
{
    const struct sums *d = w->side;
    struct ft_flow_record core = {.packets = {d[0].n, d[1].n},
                                  .bytes = {d[0].bytes, d[1].bytes},
                                  .dir_last_ns = {d[0].newest_ns, d[1].newest_ns},
                                  .last_ns = d[2].newest_ns};
    const struct ft_nfstream_record *r = ft_feature_nfstream.record(f, entry, &core);

    check_side(&r->side[FT_NFSTREAM_FWD], &d[0]);
    check_side(&r->side[FT_NFSTREAM_REV], &d[1]);
    check_side(&r->side[FT_NFSTREAM_BOTH], &d[2]);
    CHECK_EQ(r->n_splt, splt);
    for (uint32_t i = 0; i < splt; i++) {
        bool there = i < d[2].n;

        CHECK_EQ(r->splt_direction[i], there ? w->dir[i] : -1);
        CHECK_EQ(r->splt_ps[i], there ? w->size[i] : -1);
        CHECK_EQ(r->splt_piat_ms[i], there ? w->gap[i] : -1);
    }
}

static void feed(void *f, struct flow *w, uint32_t entry, uint32_t size, int64_t step_ns)
{
    uint8_t d = rng() & 1;
    FT_ALIGNED(64) struct ft_packet p = {.frame_len = size, .tcp_flags = (uint8_t)rng()};
    struct ft_counted at = {.entry = entry, .dir = d, .other_ns = INT64_MIN};
    uint64_t i = w->side[2].n, gap;

    w->now_ns += step_ns;
    p.ts_ns = w->now_ns - (rng() % 10 == 0 ? (int64_t)(rng() % 5000000) : 0); /* some are late */
    at.bits = (i == 0 ? FT_AT_NEW : 0) | (w->side[d].n == 0 ? FT_AT_FIRST : 0);
    at.since_ns = p.ts_ns - w->side[d].newest_ns;
    if (w->side[!d].n > 0) {
        at.other_ns = w->side[!d].newest_ns;
    }
    ft_ignore((int)add(&w->side[d], size, p.ts_ns, p.tcp_flags));
    gap = add(&w->side[2], size, p.ts_ns, p.tcp_flags);
    if (i < 3) {
        w->dir[i] = d;
        w->size[i] = size;
        w->gap[i] = (int64_t)gap;
    }
    ft_feature_nfstream.packets(f, &p, &at, 1);
}

/* Flows of a few entries, again and again in the same ones. sizes, steps: up to. */
static void run(uint64_t seed, uint64_t sizes, uint64_t step_ns, uint32_t splt)
{
    struct ft_feature_config cfg = {.entries = ENTRIES, .option = {splt}};
    static struct flow want[ENTRIES];
    void *f;

    state = seed;
    memset(want, 0, sizeof want);
    CHECK_EQ(ft_feature_open(&ft_feature_nfstream, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < PACKETS; i++) {
        uint32_t e = (uint32_t)(rng() % ENTRIES);

        if (rng() % 400 == 0 || want[e].side[2].n == 0) {
            memset(&want[e], 0, sizeof want[e]);
            want[e].now_ns = (int64_t)1700000000 * 1000000000;
        }
        feed(f, &want[e], e, (uint32_t)(rng() % (sizes + 1)), (int64_t)(rng() % (step_ns + 1)));
        check(f, e, &want[e], splt);
    }
    ft_feature_close(&ft_feature_nfstream, &cfg, f);
}

static void test_narrow(void)
{
    run(1, 1514, 1500000, 3);
    run(2, 65534, (uint64_t)120 * 1000000000, 1);
    run(3, 1514, 40000000, 0);
}

static void test_wide(void)
{
    run(4, 70000, (uint64_t)600 * 1000000000, 3);       /* some frames above 64 KiB */
    run(5, INT32_MAX, (uint64_t)86400 * 1000000000, 3); /* sums of squares */
    run(6, 1514, (uint64_t)40 * 86400 * 1000000000, 3); /* sums of times, and times, of 2^32 ms */
}

/* More packets of a flag than its narrow counter holds. */
static void test_flags_carry(void)
{
    struct ft_feature_config cfg = {.entries = 1, .option = {0}};
    static struct flow want;
    void *f;

    memset(&want, 0, sizeof want);
    CHECK_EQ(ft_feature_open(&ft_feature_nfstream, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < 300000; i++) {
        feed(f, &want, 0, 60, 1000);
    }
    CHECK(want.side[0].flags[0] > 65536);
    check(f, 0, &want, 0);
    ft_feature_close(&ft_feature_nfstream, &cfg, f);
}

int main(void)
{
    RUN(test_narrow);
    RUN(test_wide);
    RUN(test_flags_carry);
    return test_end();
}
