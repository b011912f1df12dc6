/* SPDX-License-Identifier: Apache-2.0 */
/* feature/vector: the first packets of flows, whose entries are others' later; by all the ways that
 * a flow can be short. The numbers themselves: tests/correct/vector.py. */
#include "model/vector.h"

#include <math.h>

#include "codec/text/column.h"
#include "feature/feature.h"
#include "harness.h"
#include "model/columns.h"

static const struct ft_feature_config cfg = {.entries = 4, .vectors = &ft_vector_raw};

static void add(void *f, uint32_t entry, uint32_t len, uint8_t dir, uint8_t bits)
{
    FT_ALIGNED(64) struct ft_packet p = {.ip_len = len};
    struct ft_counted at = {.entry = entry, .dir = dir, .bits = bits};

    ft_feature_vector.packets(f, &p, &at, 1);
}

static const float *record(void *f, uint32_t entry, struct ft_flow_record *r)
{
    static struct ft_sizes_record sizes;
    const struct ft_vector_record *v;

    r->part[FT_PART_SIZES] = &sizes;
    v = ft_feature_vector.record(f, entry, r);
    CHECK_STR(v->id, "flowtap-flow-1:raw");
    return v->vector;
}

static float logarithm(double x)
{
    return (float)copysign(ft_vector_log(fabs(x)), x);
}

static void test_first_packets(void)
{
    struct ft_flow_record r = {.packets = {4, 3}, .proto = 6};
    const float *v;
    void *f;

    CHECK_EQ(ft_feature_open(&ft_feature_vector, &cfg, &f), FT_OK);
    add(f, 1, 60, 0, FT_AT_NEW);
    v = record(f, 1, &r);
    CHECK(v[17] == logarithm(60) && v[18] == 0 && v[19] == 0 && v[20] == 0);
    add(f, 1, 70, 1, FT_AT_FIRST);
    add(f, 2, 99, 0, FT_AT_NEW);
    add(f, 1, 0, 0, 0);      /* no length: it has come all the same */
    add(f, 1, 100000, 1, 0); /* more than its place holds */
    add(f, 1, 55, 0, 0);     /* one too many */
    v = record(f, 1, &r);
    CHECK(v[17] == logarithm(60) && v[18] == logarithm(-70));
    CHECK(v[19] == logarithm(1) && v[20] == logarithm(-32767));
    add(f, 1, 33, 0, FT_AT_NEW); /* the entry is another flow's */
    v = record(f, 1, &r);
    CHECK(v[17] == logarithm(33) && v[18] == 0 && v[20] == 0);
    v = record(f, 2, &r);
    CHECK(v[17] == logarithm(99) && v[18] == 0);
    ft_feature_close(&ft_feature_vector, &cfg, f);
}

static void test_what_is_there_once(void)
{
    struct ft_flow_record r = {.packets = {1, 0}, .proto = 17, .src_port = 1023, .dst_port = 49151};
    const float *v;
    void *f;

    CHECK_EQ(ft_feature_open(&ft_feature_vector, &cfg, &f), FT_OK);
    add(f, 0, 28, 0, FT_AT_NEW);
    v = record(f, 0, &r);
    CHECK(v[0] == 1 && v[1] == 0 && v[21] == 1 && v[22] == 0);
    CHECK(v[23] == 0 && v[24] == 1 && v[25] == 0 && v[31] == 1);
    CHECK(v[29] == 0.5f && v[30] == 1);
    r.src_port = 49152;
    r.proto = 58; /* ports of ICMP are types */
    v = record(f, 0, &r);
    CHECK(v[24] == 0 && v[25] == 1 && v[29] == 0 && v[30] == 0);
    r.proto = 6;
    r.tcp_flags[0] = 0x06;
    r.tcp_flags[1] = 0x05;
    v = record(f, 0, &r);
    CHECK(v[26] == 0.5f && v[27] == 0.5f && v[28] == 1 && v[29] == 0.5f && v[30] == 0);
    r.proto = 47;
    r.no_ports = true;
    v = record(f, 0, &r);
    CHECK(v[26] == 0 && v[28] == 0 && v[23] == 0);
    ft_feature_close(&ft_feature_vector, &cfg, f);
}

static void test_all_bits(void)
{
    struct ft_flow_record r = {.packets = {UINT64_MAX, UINT64_MAX},
                               .bytes = {UINT64_MAX, UINT64_MAX},
                               .payload_bytes = {UINT64_MAX, UINT64_MAX},
                               .last_ns = INT64_MAX};
    struct ft_feature_config fitted = {.entries = 1};
    const struct ft_vector_record *v;
    static struct ft_sizes_record sizes;
    double sum = 0;
    void *f;

    for (int d = 0; d < 2; d++) {
        sizes.size[d] = sizes.gap[d] = (struct ft_distribution){
            .squares = ~(unsigned __int128)0 >> 1, .sum = UINT64_MAX, .n = 2, .max = UINT64_MAX};
    }
    CHECK_EQ(ft_feature_open(&ft_feature_vector, &fitted, &f), FT_OK);
    add(f, 0, UINT32_MAX, 0, FT_AT_NEW);
    r.part[FT_PART_SIZES] = &sizes;
    v = ft_feature_vector.record(f, 0, &r);
    CHECK_STR(v->id, "flowtap-flow-1:builtin");
    for (int i = 0; i < FT_VECTOR; i++) {
        CHECK(isfinite(v->vector[i]));
        sum += (double)v->vector[i] * (double)v->vector[i];
    }
    CHECK(fabs(sqrt(sum) - 1) < 1e-6);
    ft_feature_close(&ft_feature_vector, &fitted, f);
}

/* The longest text that numbers of 32 bits have: the room for it is enough. */
static void test_text(void)
{
    static const float longest[] = {-1.23456789e-6f, -1.17549435e-38f, -3.40282347e38f};
    struct ft_columns columns;
    float items[FT_VECTOR];
    uint8_t text[4096];
    struct ft_err err;

    CHECK_EQ(ft_columns_pick("vector", 0, &columns, &err), FT_OK);
    for (size_t k = 0; k < sizeof longest / sizeof *longest; k++) {
        struct ft_value v = {.items = items, .n_items = FT_VECTOR, .item = FT_T_F32};

        for (int i = 0; i < FT_VECTOR; i++) {
            items[i] = longest[k];
        }
        size_t len = (size_t)(ft_put_value(text, FT_T_VECTOR, &v, false) - text);

        CHECK(len <= ft_columns_lists_room(&columns, NULL));
    }
}

int main(void)
{
    RUN(test_text);
    RUN(test_first_packets);
    RUN(test_what_is_there_once);
    RUN(test_all_bits);
    return test_end();
}
