/* SPDX-License-Identifier: Apache-2.0 */
/* format: the sample event byte for byte, by hand and by the field table; bounds of the longest
 * events. */
#include <arpa/inet.h>

#include "format/format.h"
#include "format/value.h"
#include "harness.h"

static uint8_t buf[FT_FORMAT_MAX + 4096];

static struct ft_packet packet(void)
{
    struct ft_packet p = {0};

    inet_pton(AF_INET, "142.250.180.142", &p.key.addr[1]);
    inet_pton(AF_INET, "10.17.245.72", &p.key.addr[0]);
    p.key.port[0] = 54211;
    p.key.port[1] = 443;
    p.key.proto = 6;
    p.ts_ns = INT64_C(1719409375420000000);
    p.frame_len = 1420;
    return p;
}

static void test_sample_of_the_docs(void)
{
    const struct ft_format_ops *f = ft_format_find("ndjson");
    struct ft_packet p = packet();
    struct ft_tuple_counts c = {42, 59640, INT64_C(1719409371110000000)};

    buf[f->sample(buf, &p, &c)] = 0;
    CHECK_STR((char *)buf,
              "{\"event_type\":\"network_flow_sample\",\"timestamp\":1719409375.420000,"
              "\"flow_key\":{\"src_ip\":\"10.17.245.72\",\"dst_ip\":\"142.250.180.142\","
              "\"src_port\":54211,\"dst_port\":443,\"protocol\":6},\"packet_size_bytes\":1420,"
              "\"aggregate_metrics\":{\"packet_count\":42,\"byte_count\":59640,"
              "\"first_seen\":1719409371.110000,\"last_seen\":1719409375.420000}}\n");
}

static void test_by_hand_and_by_table(void)
{
    static const uint8_t protos[] = {1, 6, 17, 47, 58, 132};
    const struct ft_format_ops *f = ft_format_find("ndjson");

    for (int i = 0; i < 24; i++) {
        struct ft_packet p = packet();
        struct ft_tuple_counts c = {UINT64_MAX, UINT64_MAX, -1};
        struct ft_sample s = {&p, &c};
        uint8_t other[FT_FORMAT_SAMPLE_MAX];

        p.swap = i & 1;
        p.key.proto = protos[i / 4];
        p.key.bits = i & 2 ? FT_KEY_V6 : 0;
        memset(p.addr6, 0xab, sizeof p.addr6);
        p.ts_ns = i & 1 ? INT64_MAX : -INT64_MAX;
        p.frame_len = UINT32_MAX;
        size_t n = f->sample(buf, &p, &c), m = ft__ndjson_walk(FT_EVENT_SAMPLE, &s, other);

        CHECK_EQ(n, m);
        CHECK_MEM(buf, other, n);
        CHECK(n <= FT_FORMAT_SAMPLE_MAX);
    }
}

static void test_bounds(void)
{
    static struct ft_stats s;
    static char name[1000];
    struct ft_flow_record r;

    memset(&r, 0xff, sizeof r);
    r.is_final = r.one_way = true;
    r.ip_version = 6;
    r.reason = FT_REASON_SNAPSHOT;
    for (int i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->flow != NULL) {
            CHECK(ft_formats[i]->flow(buf, &r) <= FT_FORMAT_FLOW_MAX);
        }
    }
    memset(name, 1, sizeof name - 1); /* every byte is escaped */
    memset(&s, 0xff, sizeof s);
    s.n_workers = FT_MAX_WORKERS;
    s.n_outputs = FT_MAX_OUTPUTS;
    s.is_final = s.kernel_dropped_known = true;
    for (int i = 0; i < FT_MAX_OUTPUTS; i++) {
        s.output[i].name = name;
        s.output[i].failed = true;
    }
    size_t n = ft_format_find("ndjson")->stats(buf, &s);

    CHECK(n <= FT_FORMAT_MAX);
    printf("     the longest stats event: %zu bytes of %d\n", n, FT_FORMAT_MAX);
}

int main(void)
{
    RUN(test_sample_of_the_docs);
    RUN(test_by_hand_and_by_table);
    RUN(test_bounds);
    return test_end();
}
