/* SPDX-License-Identifier: Apache-2.0 */
#include "afterimage/afterimage.h"

#include <math.h>
#include <stdlib.h>

#include "afterimage/stat.h"
#include "base/mem.h"
#include "harness.h"

/* As Python reads the decimal number: strtod() rounds once. */
static void test_seconds(void)
{
    uint64_t x = 88172645463325252u;

    for (int i = 0; i < 300000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int64_t ns = (int64_t)(x >> (1 + i % 60));
        char text[40];

        snprintf(text, sizeof text, "%lld.%09lld", (long long)(ns / 1000000000),
                 (long long)(ns % 1000000000));
        CHECK(ft__image_stat_seconds(ns) == strtod(text, NULL));
        CHECK(ft__image_stat_seconds(-ns) == -ft__image_stat_seconds(ns));
    }
    CHECK(ft__image_stat_seconds(INT64_MAX) == strtod("9223372036.854775807", NULL));
    CHECK(ft__image_stat_seconds(INT64_MIN) == strtod("-9223372036.854775808", NULL));
}

/* What is taken for pow(v, 2) is that, to the last bit. */
static void test_squares(void)
{
    double (*volatile power)(double, double) = pow;
    uint64_t x = 1;

    for (int i = 0; i < 1000000; i++) {
        struct ft__stat s;
        struct ft__side side;
        static struct ft__decay d;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        double v = ldexp((double)(x >> 11), -53 + i % 12);

        ft__image_stat_begin(&s, 0);
        ft__image_stat_add(&s, v, 0, &d, &side);
        CHECK(side.mean2[0] == power(v, 2) && s.sq[4] == power(v, 2));
    }
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Frames of any bytes, mostly nearly IP and ARP, of any link type, from blocks of just their
 * length. */
static void frames_of(struct ft_afterimage *a, uint32_t seed, uint32_t n)
{
    static const uint16_t links[] = {1, 1, 1, 101, 113, 228, 9, 65000};
    static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8100, 0x8847, 0x1234};
    struct ft_view v = {.ts_ns = 1700000000000000000};

    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = next(&seed) % 100;
        uint8_t *frame = malloc(len + 1);
        struct ft_afterimage_row row;

        for (uint32_t k = 0; k < len; k++) {
            frame[k] = (uint8_t)(next(&seed) % 3);
        }
        if (len > 20) {
            uint16_t type = types[next(&seed) % 6];

            frame[12] = (uint8_t)(type >> 8);
            frame[13] = (uint8_t)type;
            frame[14] = type == 0x86dd ? 0x60 : type == 0x0806 ? 0 : 0x45;
            frame[17] = (uint8_t)(len - 14);
            frame[23 % len] = next(&seed) % 2 ? 6 : 17;
        }
        v.data = frame;
        v.caplen = len;
        v.len = len + next(&seed) % 2 * 1400;
        v.linktype = links[next(&seed) % 8];
        v.flags = next(&seed) % 4 == 0 ? FT_VIEW_VLAN : 0;
        v.ts_ns += (int64_t)next(&seed) * (int64_t)(next(&seed) % 1000) - 1000000000;
        ft_afterimage_see(a, &v, &row);
        CHECK_EQ(row.timestamp_ns, v.ts_ns);
        for (int k = 0; k < FT_AFTERIMAGE_COLUMNS; k++) {
            CHECK(isfinite(row.v[k]));
        }
        CHECK(row.v[FT_AFTERIMAGE_MI] >= 1 && row.v[FT_AFTERIMAGE_HPHP] >= 1);
        free(frame);
    }
}

static void test_any_frames(void)
{
    struct ft_afterimage_config small = {.max_hosts = 2, .max_flows = 2};
    struct ft_afterimage_config middle = {.max_hosts = 30, .max_flows = 7};
    struct ft_afterimage_config large = {.max_hosts = 100000, .max_flows = 100000};
    struct ft_afterimage_config *cfgs[] = {&small, &middle, &large};

    for (uint32_t i = 0; i < 3; i++) {
        struct ft_afterimage *a = NULL;

        ft_hash_seed_fixed(&cfgs[i]->seed, i);
        CHECK_EQ(ft_afterimage_new(cfgs[i], &a), FT_OK);
        frames_of(a, i, 30000);
        CHECK((ft_afterimage_evicted(a) > 0) == (i < 2));
        ft_afterimage_free(a);
    }
}

static void test_no_memory(void)
{
    struct ft_afterimage_config cfg = {.max_hosts = 64, .max_flows = 64};
    struct ft_afterimage *a = NULL;
    int rc = FT_E_NOMEM;

    for (uint64_t n = 1; n < 50 && rc != FT_OK; n++) {
        ft_mem_fail_at(n);
        rc = ft_afterimage_new(&cfg, &a);
        ft_mem_fail_at(0);
        CHECK(rc == FT_OK || (rc == FT_E_NOMEM && a == NULL));
        CHECK(n > 5 || rc == FT_E_NOMEM);
    }
    CHECK_EQ(rc, FT_OK);
    ft_afterimage_free(a);
    ft_afterimage_free(NULL);
}

int main(void)
{
    RUN(test_seconds);
    RUN(test_squares);
    RUN(test_any_frames);
    RUN(test_no_memory);
    return test_end();
}
