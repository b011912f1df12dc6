/* SPDX-License-Identifier: Apache-2.0 */
/* codec: sFlow that is written, byte for byte, and as sflow.h reads it again. */
#include "codec/export/sflow_put.h"

#include "base/mem.h"
#include "sflow_make.h"

static struct ft_sflow_put_flow flow_of(uint32_t index)
{
    return (struct ft_sflow_put_flow){.source = index,
                                      .rate = 400,
                                      .input = index,
                                      .protocol = 1,
                                      .frame_len = 68,
                                      .stripped = 4,
                                      .header_len = 5};
}

static void test_datagram(void)
{
    static const uint8_t want[] = {
        0, 0, 0, 5,                     /* version */
        0, 0, 0, 1, 192, 0, 2,    1,    /* agent: IPv4 */
        0, 0, 0, 7,                     /* sub-agent */
        0, 0, 1, 0, 0,   0, 0x13, 0x88, /* sequence, uptime */
        0, 0, 0, 3,                     /* samples */
    };
    struct ft_sflow_put_datagram d = {.agent_version = 4,
                                      .agent = {192, 0, 2, 1},
                                      .sub_agent = 7,
                                      .sequence = 256,
                                      .uptime_ms = 5000,
                                      .n_samples = 3};
    static const uint8_t versions[] = {0, 4, 6};

    for (int i = 0; i < 3; i++) {
        uint32_t len = ft_sflow_put_datagram_len(versions[i]);
        uint8_t *out = ft_mem_alloc(1, len);
        struct ft_sflow_datagram in;

        CHECK(len <= FT_SFLOW_PUT_DATAGRAM_MOST);
        d.agent_version = versions[i];
        ft_sflow_put_datagram(out, &d);
        CHECK_EQ(ft_sflow_begin(out, len, &in), FT_OK);
        CHECK_EQ(in.agent_version, versions[i]);
        CHECK_MEM(in.agent, d.agent, versions[i] == 0 ? 0 : 4);
        CHECK_EQ(in.sub_agent, 7);
        CHECK_EQ(in.sequence, 256);
        CHECK_EQ(in.uptime_ms, 5000);
        CHECK_EQ(in.n_samples, 3);
        CHECK_EQ(ft_rd_left(&in.rd), 0);
        if (versions[i] == 4) {
            CHECK_EQ(len, sizeof want);
            CHECK_MEM(out, want, sizeof want);
        }
        ft_mem_free(out);
    }
}

static void test_flow_bytes(void)
{
    static const uint8_t want[] = {
        0, 0, 0, 1,    0, 0, 0,    88,   /* flow sample, its length */
        0, 0, 0, 9,    0, 0, 0,    3,    /* sequence, source ifIndex 3 */
        0, 0, 1, 0x90, 0, 0, 0x0e, 0x10, /* rate 400, pool 3600 */
        0, 0, 0, 2,    0, 0, 0,    3,    /* drops, input */
        0, 0, 0, 0,    0, 0, 0,    2,    /* output: not known; records */
        0, 0, 0, 1,    0, 0, 0,    24,   /* sampled header, its length */
        0, 0, 0, 1,    0, 0, 0,    68,   /* Ethernet, bytes of the frame */
        0, 0, 0, 4,    0, 0, 0,    5,    /* stripped, bytes that follow */
        1, 2, 3, 4,    5, 0, 0,    0,    /* padded */
        0, 0, 3, 0xe9, 0, 0, 0,    16,   /* extended switch */
        0, 0, 0, 7,    0, 0, 0,    5,    /* VLAN 7, priority 5, in */
        0, 0, 0, 7,    0, 0, 0,    5,    /* and out */
    };
    struct ft_sflow_put_flow f = flow_of(3);
    uint8_t *out = ft_mem_alloc(1, sizeof want), *to;

    memset(out, 0xee, sizeof want);
    f.tagged = true;
    f.vlan_tci = 0xa007;
    CHECK_EQ(ft_sflow_put_flow(out, &f, &to), sizeof want);
    memcpy(to, "\1\2\3\4\5", 5);
    ft_sflow_put_numbers(out, 9, 3600, 2);
    CHECK_MEM(out, want, sizeof want);
    ft_mem_free(out);
}

/* Interfaces that 24 bits have no room for take the expanded form. */
static void test_flow_is_read(void)
{
    static const uint32_t indexes[] = {0, 1, 0xffffff, 0x1000000, 0xfffffffe};

    for (int i = 0; i < 5; i++) {
        struct ft_sflow_put_flow f = flow_of(indexes[i]);
        uint32_t most = FT_SFLOW_PUT_DATAGRAM_MOST + FT_SFLOW_PUT_FLOW_MOST + 8;
        uint8_t *out = ft_mem_alloc(1, most), *to;
        struct ft_sflow_put_datagram head = {.n_samples = 1};
        uint32_t at = ft_sflow_put_datagram_len(0);
        struct ft_sflow_datagram d;
        struct ft_sflow_sample s;
        struct ft_sflow_record r;
        struct ft_sflow_header h = {.data = out};

        f.tagged = i % 2 == 1;
        ft_sflow_put_datagram(out, &head);
        size_t len = ft_sflow_put_flow(out + at, &f, &to);

        memcpy(to, "abcde", 5);
        CHECK(len <= FT_SFLOW_PUT_FLOW_MOST + f.header_len);
        ft_sflow_put_numbers(out + at, 1, 2, 3);
        CHECK_EQ(ft_sflow_begin(out, at + len, &d), FT_OK);
        CHECK_EQ(ft_sflow_next(&d, &s), FT_OK);
        CHECK_EQ(s.kind, FT_SFLOW_FLOW);
        CHECK_EQ(s.expanded, indexes[i] > 0xffffff);
        CHECK_EQ(s.sequence, 1);
        CHECK_EQ(s.sample_pool, 2);
        CHECK_EQ(s.drops, 3);
        CHECK_EQ(s.sampling_rate, 400);
        CHECK_EQ(s.source_class, 0);
        CHECK_EQ(s.source_index, indexes[i]);
        CHECK_EQ(s.input.value, indexes[i]);
        CHECK_EQ(s.output.value, 0);
        CHECK_EQ(s.n_records, 1 + f.tagged);
        CHECK_EQ(ft_sflow_record(&s, &r), FT_OK);
        CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
        CHECK_EQ(h.len, 5);
        CHECK_MEM(h.data, "abcde", 5);
        CHECK_EQ(h.frame_len, 68);
        CHECK_EQ(h.stripped, 4);
        CHECK_EQ(ft_sflow_record(&s, &r), f.tagged ? FT_OK : FT_E_EOF);
        CHECK_EQ(ft_sflow_next(&d, &s), FT_E_EOF);
        ft_mem_free(out);
    }
}

static const struct ft_xvalue *value(const struct ft_xvalue *v, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strlen(name) == v[i].key_len && memcmp(v[i].key, name, v[i].key_len) == 0) {
            return &v[i];
        }
    }
    return NULL;
}

static uint64_t number(const uint8_t *base, const struct ft_xvalue *v)
{
    return v->len == 8 ? ft_load_be64(base + v->offset) : ft_load_be32(base + v->offset);
}

static void check_counters(const uint8_t *base, struct ft_sflow_record *r)
{
    static const struct {
        const char *name;
        uint64_t value; /* UINT64_MAX: absent */
    } want[] = {
        {"if_index", 2},
        {"if_type", 6},
        {"if_speed", 10000000000},
        {"if_direction", 1},
        {"if_status", 3},
        {"if_in_octets", 5000000000},
        {"if_in_ucast_pkts", 90},
        {"if_in_multicast_pkts", 10},
        {"if_in_broadcast_pkts", UINT64_MAX},
        {"if_in_discards", 3},
        {"if_in_errors", 4},
        {"if_in_unknown_protos", UINT64_MAX},
        {"if_out_octets", 600},
        {"if_out_ucast_pkts", 50},
        {"if_out_multicast_pkts", UINT64_MAX},
        {"if_out_broadcast_pkts", UINT64_MAX},
        {"if_out_discards", UINT64_MAX},
        {"if_out_errors", 6},
        {"if_promiscuous_mode", 1},
    };
    struct ft_xvalue v[FT_SFLOW_VALUES_USUAL];
    uint32_t n = 0;

    CHECK_EQ(ft_sflow_values(FT_SFLOW_COUNTERS, r, base, v, FT_SFLOW_VALUES_USUAL, &n), FT_OK);
    CHECK_EQ(n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const struct ft_xvalue *x = value(v, n, want[i].name);
        bool absent = want[i].value == UINT64_MAX;

        if (x == NULL || (x->flags & FT_XV_ABSENT) != (absent ? FT_XV_ABSENT : 0) ||
            (!absent && number(base, x) != want[i].value)) {
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, want[i].name);
            test_case_failed++;
        }
    }
}

static void test_counters(void)
{
    struct ft_if_counters c = {.index = 2,
                               .type = 6,
                               .speed = 10000000000,
                               .duplex = 1,
                               .up = true,
                               .running = true,
                               .promiscuous = true,
                               .in_bytes = 5000000000,
                               .in_packets = 100,
                               .in_multicast = 10,
                               .in_discards = 3,
                               .in_errors = 4,
                               .out_bytes = 600,
                               .out_packets = 50,
                               .out_discards = UINT64_MAX,
                               .out_errors = 6};
    uint8_t *out = ft_mem_alloc(1, FT_SFLOW_PUT_DATAGRAM_MOST + FT_SFLOW_PUT_COUNTERS_MOST);
    struct ft_sflow_put_datagram head = {.n_samples = 1};
    uint32_t at = ft_sflow_put_datagram_len(0);
    struct ft_sflow_datagram d;
    struct ft_sflow_sample s;
    struct ft_sflow_record r;

    ft_sflow_put_datagram(out, &head);
    size_t len = ft_sflow_put_counters(out + at, &c);

    ft_sflow_put_numbers(out + at, 77, 1, 1);
    CHECK(len <= FT_SFLOW_PUT_COUNTERS_MOST);
    CHECK_EQ(ft_sflow_begin(out, at + len, &d), FT_OK);
    CHECK_EQ(ft_sflow_next(&d, &s), FT_OK);
    CHECK_EQ(s.kind, FT_SFLOW_COUNTERS);
    CHECK_EQ(s.sequence, 77);
    CHECK_EQ(s.source_index, 2);
    CHECK_EQ(ft_sflow_record(&s, &r), FT_OK);
    CHECK_EQ(r.tag, 1);
    check_counters(out, &r);
    CHECK_EQ(ft_sflow_record(&s, &r), FT_E_EOF);
    ft_mem_free(out);
}

int main(void)
{
    RUN(test_datagram);
    RUN(test_flow_bytes);
    RUN(test_flow_is_read);
    RUN(test_counters);
    return test_end();
}
