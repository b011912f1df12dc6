/* SPDX-License-Identifier: Apache-2.0 */
/* feature/splt: sequences beside plain arrays, of every length; what is touched of the memory. */
#include "feature/feature.h"

#include <string.h>
#include <unistd.h>

#include "harness.h"

enum { ENTRIES = 8, PACKETS = 6000 };

struct plain {
    struct ft_splt_record r;
    int64_t newest[2]; /* INT64_MIN: none */
};

static uint64_t state;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t at_most(uint32_t v, uint32_t most)
{
    return v < most ? v : most;
}

/* What is known of the packet, told again. */
static void add(struct plain *w, const struct ft_packet *p, int d, uint32_t most)
{
    int64_t newest = w->newest[0] > w->newest[1] ? w->newest[0] : w->newest[1];
    uint32_t n = w->r.n;

    if (n < most) {
        w->r.direction[n] = (uint8_t)d;
        w->r.ip_bytes[n] = at_most(p->ip_len, 0xffffff);
        w->r.payload_bytes[n] = at_most(p->payload_len, 0xffffff);
        w->r.tcp_flags[n] = p->tcp_flags;
        w->r.tcp_window[n] = p->tcp_window;
        w->r.gap_us[n] =
            newest != INT64_MIN && p->ts_ns > newest ? (uint64_t)(p->ts_ns - newest) / 1000 : 0;
        w->r.n++;
    }
    w->newest[d] = p->ts_ns > w->newest[d] ? p->ts_ns : w->newest[d];
}

static void check(void *f, uint32_t entry, const struct ft_splt_record *want)
{
    const struct ft_splt_record *r = ft_feature_splt.record(f, entry, NULL);

    CHECK_EQ(r->n, want->n);
    CHECK_MEM(r->direction, want->direction, want->n);
    CHECK_MEM(r->tcp_flags, want->tcp_flags, want->n);
    CHECK_MEM(r->tcp_window, want->tcp_window, want->n * sizeof want->tcp_window[0]);
    CHECK_MEM(r->ip_bytes, want->ip_bytes, want->n * sizeof want->ip_bytes[0]);
    CHECK_MEM(r->payload_bytes, want->payload_bytes, want->n * sizeof want->payload_bytes[0]);
    CHECK_MEM(r->gap_us, want->gap_us, want->n * sizeof want->gap_us[0]);
}

static struct ft_packet a_packet(int64_t now)
{
    return (struct ft_packet){.ts_ns = now - (rng() % 10 == 0 ? 5000 : 0), /* some come late */
                              .ip_len = (uint32_t)rng() >> rng() % 32,
                              .payload_len = (uint32_t)rng() >> rng() % 32,
                              .tcp_window = (uint16_t)rng(),
                              .tcp_flags = (uint8_t)rng()};
}

static void run(uint32_t most, uint32_t new_in)
{
    const struct ft_feature_config cfg = {.entries = ENTRIES, .option = {most}};
    static struct plain want[ENTRIES];
    int64_t now = 1700000000000000000;
    void *f;

    memset(want, 0, sizeof want);
    CHECK_EQ(ft_feature_open(&ft_feature_splt, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < PACKETS; i++) {
        now += (int64_t)(rng() >> 30 >> rng() % 34);
        FT_ALIGNED(64) struct ft_packet p = a_packet(now);
        struct ft_counted at = {.entry = (uint32_t)(rng() % ENTRIES), .dir = rng() & 1};
        struct plain *w = &want[at.entry];

        if (w->r.n == 0 || rng() % new_in == 0) {
            *w = (struct plain){.newest = {INT64_MIN, INT64_MIN}};
            at.bits |= FT_AT_NEW;
        }
        at.bits |= w->newest[at.dir] == INT64_MIN ? FT_AT_FIRST : 0;
        at.since_ns = (int64_t)((uint64_t)p.ts_ns - (uint64_t)w->newest[at.dir]);
        at.other_ns = w->newest[!at.dir];
        add(w, &p, at.dir, most);
        ft_feature_splt.packets(f, &p, &at, 1);
        check(f, at.entry, &w->r);
    }
    ft_feature_close(&ft_feature_splt, &cfg, f);
}

static void test_sequences(void)
{
    run(1, 20);
    run(3, 20);
    run(4, 20);
    run(32, 100);
    run(FT_SPLT_MAX, 3000);
}

/* At and around the places where a line has no more room, alone and together. */
static void test_odd(void)
{
    static const uint32_t ip[] = {0, 40, 1500, 65535, 65536, 0xfffffe, 0xffffff, 0x1000000};
    static const uint32_t payload[] = {0, 1, 1460, 32768, 32769, 65535, 65536, 0xffffff, 0x1000000};
    static const int64_t gap_us[] = {0, 1, UINT32_MAX, INT64_C(1) << 32, (INT64_C(1) << 40) - 1};
    const struct ft_feature_config cfg = {.entries = 2, .option = {2}};
    void *f;

    CHECK_EQ(ft_feature_open(&ft_feature_splt, &cfg, &f), FT_OK);
    for (uint32_t i = 0; i < 8 * 9 * 5; i++) { /* an entry is used again, odd or not before */
        int64_t gap = gap_us[i % 5] * 1000;
        FT_ALIGNED(64)
        struct ft_packet p[2] = {
            {.ip_len = ip[i / 5 % 8], .payload_len = payload[i / 40]},
            {.ts_ns = gap, .ip_len = ip[i / 5 % 8], .payload_len = payload[i / 40]}};
        struct ft_counted at[2] = {
            {.entry = 1, .other_ns = INT64_MIN, .bits = FT_AT_NEW | FT_AT_FIRST},
            {.entry = 1, .since_ns = gap, .other_ns = INT64_MIN}};
        struct plain w = {.newest = {INT64_MIN, INT64_MIN}};

        add(&w, &p[0], 0, 2);
        add(&w, &p[1], 0, 2);
        ft_feature_splt.packets(f, p, at, 2);
        check(f, 1, &w.r);
    }
    ft_feature_close(&ft_feature_splt, &cfg, f);
}

/* Of a gap that 40 bits do not hold, what they hold. */
static void test_long_gap(void)
{
    const struct ft_feature_config cfg = {.entries = 1, .option = {2}};
    FT_ALIGNED(64) struct ft_packet p[2] = {{.ts_ns = 0}, {.ts_ns = INT64_MAX}};
    struct ft_counted at[2] = {{.other_ns = INT64_MIN, .bits = FT_AT_NEW | FT_AT_FIRST},
                               {.since_ns = INT64_MAX, .other_ns = INT64_MIN}};
    const struct ft_splt_record *r;
    void *f;

    CHECK_EQ(ft_feature_open(&ft_feature_splt, &cfg, &f), FT_OK);
    ft_feature_splt.packets(f, p, at, 2);
    r = ft_feature_splt.record(f, 0, NULL);
    CHECK_EQ(r->n, 2);
    CHECK_EQ(r->gap_us[1], (INT64_C(1) << 40) - 1);
    ft_feature_close(&ft_feature_splt, &cfg, f);
}

/* Pages of this process. */
static long resident(void)
{
    long size, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f != NULL && fscanf(f, "%ld %ld", &size, &pages) == 2);
    if (f != NULL) {
        fclose(f);
    }
    return pages;
}

/* Flows of one packet touch one line each, however many packets are asked for; what is only opened
 * touches nothing. */
static void test_memory(void)
{
    enum { FLOWS = 64 * 1024, LINE = 44 };
    const struct ft_feature_config cfg = {.entries = FLOWS, .option = {FT_SPLT_MAX}};
    long page = sysconf(_SC_PAGESIZE), before, opened, touched;
    FT_ALIGNED(64) struct ft_packet p = {.ip_len = 40};
    uint32_t flow;
    void *f;

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
    return; /* they keep books of what is touched */
#endif
    CHECK(ft_feature_budget(&ft_feature_splt, &cfg, &flow) > (size_t)FLOWS * LINE * 64);
    CHECK_EQ(flow, LINE * 64);
    before = resident();
    CHECK_EQ(ft_feature_open(&ft_feature_splt, &cfg, &f), FT_OK);
    opened = resident() - before;
    CHECK(opened * page < 256 * 1024);
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct ft_counted at = {.entry = i, .other_ns = INT64_MIN, .bits = FT_AT_NEW | FT_AT_FIRST};

        ft_feature_splt.packets(f, &p, &at, 1);
    }
    touched = resident() - before;
    CHECK(touched * page >= (long)FLOWS * LINE &&
          touched * page < (long)FLOWS * LINE + 1024 * 1024);
    ft_feature_close(&ft_feature_splt, &cfg, f);
}

int main(void)
{
    RUN(test_sequences);
    RUN(test_odd);
    RUN(test_long_gap);
    RUN(test_memory);
    return test_end();
}
