/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: several workers share the work on a file, whatever the sizes of its packets and however
 * they change: nearly nothing is decoded while the others wait, little is decoded twice, and the
 * packets are all there. Counts, not times. */
#include "pipeline/lanes.h"

#include <unistd.h>

#include "config/config.h"
#include "flowtap/pipeline.h"
#include "harness.h"
#include "pipeline/internal.h"

static char path[64];

static void put32(FILE *f, uint32_t v)
{
    fwrite(&v, sizeof v, 1, f);
}

/* The n-th record: UDP in a frame of len bytes; with cap 0 only its header. */
static void put_record(FILE *f, bool ng, uint32_t n, uint32_t len, uint32_t cap)
{
    uint8_t frame[1600] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
    uint32_t padded = (cap + 3) & ~3u;

    memset(frame + 42, 0xee, sizeof frame - 42); /* looks like no record */
    frame[16] = (uint8_t)((len - 14) >> 8);
    frame[17] = (uint8_t)(len - 14);
    frame[22] = 64;
    frame[23] = 17;
    memcpy(frame + 26, (uint8_t[]){192, 0, 2, 1, 198, 51, 100, (uint8_t)(n % 50)}, 8);
    frame[35] = 9;
    frame[37] = 53;
    frame[38] = (uint8_t)((len - 34) >> 8);
    frame[39] = (uint8_t)(len - 34);
    if (ng) {
        put32(f, 6);
        put32(f, 32 + padded);
        put32(f, 0);
    }
    put32(f, ng ? 0x60000 : 1719409371 + n / 1000);
    put32(f, n);
    put32(f, cap);
    put32(f, len);
    fwrite(frame, 1, ng ? padded : cap, f);
    if (ng) {
        put32(f, 32 + padded);
    }
}

static void put_header(FILE *f, bool ng)
{
    static const uint32_t old[] = {0xa1b2c3d4, 0x40002, 0, 0, 65535, 1};
    static const uint32_t blocks[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1,     UINT32_MAX, UINT32_MAX,
                                      28,         1,  20,         65537, 0,          20};

    fwrite(ng ? blocks : old, 1, ng ? sizeof blocks : sizeof old, f);
}

/* n records of `len` bytes, of which cap are there; n 0 ends a list. */
struct part {
    uint32_t n, len, cap;
};

static uint32_t write_file(bool ng, const struct part *parts, uint32_t times)
{
    FILE *f = fopen(path, "wb");
    uint32_t n = 0;

    put_header(f, ng);
    for (uint32_t t = 0; t < times; t++) {
        for (const struct part *p = parts; p->n > 0; p++) {
            for (uint32_t i = 0; i < p->n; i++) {
                put_record(f, ng, n++, p->len, p->cap);
            }
        }
    }
    fclose(f);
    return n;
}

static void set(struct ft_config *cfg, const char *name, const char *value)
{
    struct ft_err err;

    CHECK_EQ(ft_config_set(cfg, name, value, &err), FT_OK);
}

static struct ft_lanes_work read_file(const char *workers, struct ft_stats *out)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);
    struct ft_lanes_work work = {0};
    struct ft_pipeline *p = NULL;
    struct ft_err err = {0};

    set(cfg, "workers", workers);
    set(cfg, "events", "flow");
    set(cfg, "output", "null:");
    CHECK_EQ(ft_config_add_input(cfg, path, &err), FT_OK);
    CHECK_EQ(ft_pipeline_new(cfg, NULL, NULL, &p, &err), FT_OK);
    CHECK_EQ(ft_pipeline_start(p, &err), FT_OK);
    while (ft_pipeline_wait(p, 50) == FT_E_AGAIN) {
    }
    CHECK_EQ(ft_pipeline_finish(p, &err), FT_OK);
    ft_pipeline_get_stats(p, out);
    CHECK(p->lanes != NULL);
    if (p->lanes != NULL) {
        ft_lanes_work(p->lanes, &work);
    }
    ft_pipeline_free(p);
    ft_config_free(cfg);
    return work;
}

/* cuts: at most, as lanes.h promises. */
static void check(bool ng, const struct part *parts, uint32_t times, uint32_t cuts)
{
    static const char *const workers[] = {"2", "5"};
    uint32_t n = write_file(ng, parts, times);

    for (uint32_t i = 0; i < 2; i++) {
        uint32_t slots = 2 * (uint32_t)atoi(workers[i]) + 2;
        struct ft_stats s;
        struct ft_lanes_work work = read_file(workers[i], &s);

        CHECK_EQ(s.captured, n);
        CHECK_EQ(s.packets_final, s.verdict[FT_V_DECODED]);
        CHECK_EQ(work.apart + work.locked, n);
        CHECK(work.locked <= n / 20);
        CHECK(work.cuts <= cuts);
        CHECK(work.thrown <= (uint64_t)work.cuts * (slots - 1) * FT_LANE_PACKETS);
        CHECK_EQ(s.input_bytes, s.input_size);
    }
}

static const struct part large_then_small[] = {{3000, 1442, 1442}, {60000, 46, 46}, {0}};
static const struct part small_then_large[] = {{60000, 46, 46}, {3000, 1442, 1442}, {0}};

static void test_large_then_small(void)
{
    check(false, large_then_small, 1, 1);
}

static void test_small_then_large(void)
{
    check(false, small_then_large, 1, 0);
}

/* Back and forth: what did not fit is not tried again and again. Where a slot ends depends on who
 * comes first, so a change may lie in its last batch. */
static void test_by_turns(void)
{
    check(false, large_then_small, 6, 12);
}

/* Records of which nothing was captured: as many as can be in a stretch. */
static void test_headers_only(void)
{
    static const struct part parts[] = {{3000, 1442, 1442}, {60000, 60, 0}, {0}};

    check(false, parts, 1, 1);
}

/* Records that say less than there is, as some programs write them, are records. */
static void test_len_below_caplen(void)
{
    static const struct part parts[] = {{20000, 60, 64}, {3000, 1442, 1460}, {0}};

    check(false, parts, 1, 0);
}

/* Batches are read one after the other, and decoded side by side. */
static void test_pcapng(void)
{
    check(true, large_then_small, 1, 0);
    check(true, small_then_large, 1, 0);
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/flowtap-lanes-%ld.pcap", (long)getpid());
    RUN(test_large_then_small);
    RUN(test_small_then_large);
    RUN(test_by_turns);
    RUN(test_headers_only);
    RUN(test_len_below_caplen);
    RUN(test_pcapng);
    unlink(path);
    return test_end();
}
