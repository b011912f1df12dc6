/* SPDX-License-Identifier: Apache-2.0 */
/* collect: NetFlow v1, v5, v7 and v9 rule by rule (RFC 3954; Cisco's formats); docs/rfc/netflow.md.
 */
#include "feed.h"

static void flow_template(unsigned id)
{
    TEMPLATE(0, id, 8, 4, 12, 4, 2, 4, 1, 4, 22, 4, 21, 4);
}

static void flow(unsigned n, uint32_t first, uint32_t last)
{
    p32(0x0a000000 + n);
    p32(0x0a000100 + n);
    p32(n);
    p32(1000 * n);
    p32(first);
    p32(last);
}

/* A v9 options template: lengths in bytes (RFC 3954 §6.1) */
static void v9_options(unsigned id, unsigned scope_len, unsigned option_len, const long *numbers)
{
    set(1);
    p16(id);
    p16(scope_len);
    p16(option_len);
    for (const long *f = numbers; *f >= 0; f++) {
        p16((unsigned)*f);
    }
    set_end();
}

#define V9_OPTIONS(id, scope, option, ...)                                                         \
    v9_options(id, scope, option, (const long[]){__VA_ARGS__, -1})

/* RFC 3954 §5.1 */
static void test_n1_header(void)
{
    struct ft_collector *c = make();

    v9(5, 77, 100000);
    flow_template(256);
    set(256);
    flow(1, 40000, 70000);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(LAST.sequence, 5);
    CHECK_EQ(LAST.exporter->domain_id, 77);
    CHECK_EQ(LAST.timestamp_ns, INT64_C(1700000000000000000));
    CHECK_EQ(LAST.first_ns, INT64_C(1699999940000000000));
    CHECK_EQ(LAST.last_ns, INT64_C(1699999970000000000));
    for (size_t n = 0; n < 20; n++) {
        CHECK_EQ(give_len(c, n, false), FT_V_EXPORT_SHORT);
    }
    ft_collector_free(c);
}

/* RFC 3954 §5.1: templates belong to exporter and source id */
static void test_n2_template_key(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    flow_template(256);
    give(c);
    v9(0, 2, 1000);
    set(256);
    flow(1, 0, 0);
    set_end();
    give(c);
    CHECK_EQ(got.n, 0);
    v9(1, 1, 1000);
    set(256);
    flow(1, 0, 0);
    set_end();
    give(c);
    CHECK_EQ(got.n, 1);
    ft_collector_free(c);
}

/* RFC 3954 §5.2: flow set ids */
static void test_n3_set_ids(void)
{
    struct ft_collector *c = make();

    for (unsigned id = 2; id < 256; id++) {
        v9(id, 1, 1000);
        set(id);
        p32(1);
        set_end();
        CHECK_EQ(give(c), id < 4 ? FT_V_EXPORT_SET : FT_V_DECODED);
    }
    CHECK_EQ(got.n_t, 0);
    ft_collector_free(c);
}

/* RFC 3954 §5.1: count is what it is */
static void test_n4_count_is_advisory(void)
{
    static const unsigned counts[] = {0, 1, 30, 65535};

    for (size_t i = 0; i < 4; i++) {
        struct ft_collector *c = make();

        v9(0, 1, 1000);
        msg[2] = (uint8_t)(counts[i] >> 8);
        msg[3] = (uint8_t)counts[i];
        flow_template(256);
        set(256);
        flow(1, 0, 0);
        flow(2, 0, 0);
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n, 2);
        ft_collector_free(c);
    }
}

/* RFC 3954 §5.3: padding; zeros up to the end (Palo Alto) */
static void test_n5_padding(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    flow_template(256);
    set(256);
    flow(1, 0, 0);
    pz(3);
    set_end();
    pz(64);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 1);
    ft_collector_free(c);
}

/* RFC 3954 §6.1: lengths of scope and option specifiers in bytes */
static void test_n6_options_template(void)
{
    static const unsigned wrong[][2] = {{3, 4}, {4, 6}, {0, 0}, {4000, 4}, {4, 65532}};
    struct ft_collector *c = make();

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        v9((uint32_t)i, 1, 1000);
        V9_OPTIONS(256, wrong[i][0], wrong[i][1], 1, 4, 34, 4);
        CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    }
    v9(5, 1, 1000);
    V9_OPTIONS(256, 4, 8, 1, 4, 34, 4, 35, 1);
    set(256);
    p32(0x0a000001);
    p32(512);
    p8(2);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.t[got.n_t - 1].options, true);
    CHECK_EQ(got.t[got.n_t - 1].n_scope, 1);
    CHECK_EQ(health(c, 0)->sampling_rate, 512);
    ft_collector_free(c);
}

/* First and Last are modulo 2^32 of the uptime, which wraps after 49.7 days */
static void test_n7_uptime_wrap(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000); /* wrapped a second ago */
    flow_template(256);
    set(256);
    flow(1, 0xffffffff - 8999, 500); /* 10 s before, 0.5 s before */
    flow(2, 2000, 3000);             /* after the export: kept near it */
    set_end();
    give(c);
    CHECK_EQ(got.r[0].first_ns, INT64_C(1699999990000000000));
    CHECK_EQ(got.r[0].last_ns, INT64_C(1699999999500000000));
    CHECK_EQ(got.r[1].first_ns, INT64_C(1700000001000000000));
    ft_collector_free(c);
}

/* Vendors' types above 32767: ASA, Palo Alto, ntop; no enterprise bit in v9 */
static void test_n8_vendor_types(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    TEMPLATE(0, 256, 33000, 12, 33002, 2, 40005, 1, 56701, 4, 57590, 2, 8, 4, 12, 4);
    set(256);
    pz(11);
    p8(9);
    p16(1001);
    p8(2);
    memcpy(at, "ssl\0", 4);
    at += 4;
    p16(91);
    p32(0x0a000001);
    p32(0x0a000002);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    HAS("\"000000000000000000000009\"");
    HAS(":1001,");
    HAS(":\"ssl\"");
    HAS("\"source_ipv4_address\":\"10.0.0.1\"");
    CHECK(strstr(got.line[0], "ie_33000") == NULL);
    ft_collector_free(c);
}

/* RFC 3954 §9: a template that changes in the stream */
static void test_n9_template_change(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    flow_template(256);
    set(256);
    flow(1, 0, 0);
    set_end();
    TEMPLATE(0, 256, 2, 2, 1, 2);
    set(256);
    p16(5);
    p16(6);
    set_end();
    give(c);
    CHECK_EQ(got.n, 2);
    CHECK_EQ(LAST.packets, 5);
    CHECK_EQ(got.t[1].kind, FT_TEMPLATE_CHANGED);
    ft_collector_free(c);
}

/* H3C sends 65535 as a variable length in v9 */
static void test_n10_variable_length(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    TEMPLATE(0, 256, 82, 65535, 2, 4);
    set(256);
    p8(2);
    memcpy(at, "xe", 2);
    at += 2;
    p32(3);
    set_end();
    give(c);
    CHECK_EQ(LAST.packets, 3);
    HAS("\"interface_name\":\"xe\"");
    ft_collector_free(c);
}

/* Samplers by id: 48, 49, 50 */
static void test_n11_samplers(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    V9_OPTIONS(256, 4, 12, 1, 4, 48, 1, 49, 1, 50, 4);
    TEMPLATE(0, 257, 48, 1, 2, 4);
    set(256);
    p32(0);
    p8(1);
    p8(2);
    p32(100);
    p32(0);
    p8(2);
    p8(2);
    p32(1000);
    set_end();
    set(257);
    p8(1);
    p32(5);
    p8(2);
    p32(5);
    p8(3);
    p32(5);
    set_end();
    give(c);
    CHECK_EQ(got.n, 3);
    CHECK_EQ(got.r[0].sampling_rate, 100);
    CHECK_EQ(got.r[1].sampling_rate, 1000);
    CHECK_EQ(got.r[2].sampling_rate, 0);
    ft_collector_free(c);
}

/* Both families in one template: the one that is not zero */
static void test_n12_mixed_families(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    TEMPLATE(0, 256, 8, 4, 12, 4, 27, 16, 28, 16);
    set(256);
    p32(0x0a000001);
    p32(0x0a000002);
    pz(32);
    pz(8);
    p32(0x20010db8);
    pz(11);
    p8(1);
    p32(0x20010db8);
    pz(11);
    p8(2);
    set_end();
    give(c);
    CHECK_EQ(got.n, 2);
    CHECK_EQ(got.r[0].ip_version, 4);
    CHECK_EQ(got.r[1].ip_version, 6);
    CHECK_EQ(got.r[1].dst[15], 2);
    ft_collector_free(c);
}

/* An exporter that counts records instead of messages is found out; loss is not taken for it */
static void test_n13_sequence_unit(void)
{
    struct ft_collector *c = make();
    uint32_t sequence = 0;

    for (int i = 0; i < 20; i++) {
        v9(sequence, 1, 1000);
        if (i == 0) {
            flow_template(256);
        }
        set(256);
        for (unsigned k = 0; k < 5; k++) {
            flow(k, 0, 0);
        }
        set_end();
        give(c);
        sequence += 5;
    }
    CHECK_EQ(health(c, 0)->unit, FT_SEQUENCE_RECORDS);
    CHECK_EQ(got.h[0].lost, 0);
    ft_collector_free(c);

    c = make();
    for (int i = 0; i < 40; i++) {
        v9((uint32_t)(i * 3), 1, 1000); /* two of three messages are lost */
        if (i == 0) {
            flow_template(256);
        }
        set(256);
        for (unsigned k = 0; k < 5; k++) {
            flow(k, 0, 0);
        }
        set_end();
        give(c);
    }
    CHECK_EQ(health(c, 0)->unit, FT_SEQUENCE_MESSAGES);
    CHECK_EQ(got.h[0].lost, 78);
    ft_collector_free(c);
}

/* v9 counts messages */
static void test_n13_sequence_of_messages(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 10; i++) {
        if (i == 4 || i == 5) {
            continue;
        }
        v9(0xfffffffa + i, 1, 1000);
        flow_template(256);
        give(c);
    }
    CHECK_EQ(health(c, 0)->lost, 2);
    ft_collector_free(c);
}

/* v5: 24 bytes and 48 a record, 0 to 30 of them */
static void test_v1_v5_lengths(void)
{
    struct ft_collector *c = make();

    v5(0, 0, 1000, 0);
    CHECK_EQ(give(c), FT_V_DECODED);
    v5(0, 30, 1000, 0);
    for (int i = 0; i < 30; i++) {
        v5_record(0, 0);
    }
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 30);
    v5(30, 3, 1000, 0); /* one is missing, one is cut: what is whole is used */
    v5_record(0, 0);
    pz(47);
    CHECK_EQ(give(c), FT_V_EXPORT_COUNT);
    CHECK_EQ(got.n, 31);
    v5(33, 31, 1000, 0);
    for (int i = 0; i < 31; i++) {
        v5_record(0, 0);
    }
    CHECK_EQ(give(c), FT_V_EXPORT_COUNT);
    CHECK_EQ(got.n, 61);
    for (size_t n = 0; n < 24; n++) {
        CHECK_EQ(give_len(c, n, false), FT_V_EXPORT_SHORT);
    }
    ft_collector_free(c);
}

/* v5: two bits of mode, 14 of interval; 0: unknown */
static void test_v2_sampling(void)
{
    static const struct {
        unsigned field;
        uint32_t rate;
    } rows[] = {{0, 0}, {0x4000 | 100, 100}, {0x8000 | 1000, 1000}, {16383, 16383}, {1, 1}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();

        v5(0, 1, 1000, rows[i].field);
        v5_record(0, 0);
        give(c);
        CHECK_EQ(LAST.sampling_rate, rows[i].rate);
        ft_collector_free(c);
    }
}

/* v5 counts flows; engines are streams of their own */
static void test_v3_sequence(void)
{
    struct ft_collector *c = make();

    v5(0, 2, 1000, 0);
    v5_record(0, 0);
    v5_record(0, 0);
    give(c);
    v5(2, 1, 1000, 0);
    v5_record(0, 0);
    give(c);
    v5(10, 1, 1000, 0);
    v5_record(0, 0);
    give(c);
    CHECK_EQ(health(c, 0)->lost, 7);
    v5(0, 1, 1000, 0);
    msg[21] = 9; /* another engine */
    v5_record(0, 0);
    give(c);
    CHECK_EQ(LAST.exporter->domain_id, 3 << 8 | 9);
    CHECK_EQ(health(c, 0)->messages + got.h[1].messages, 4);
    ft_collector_free(c);
}

/* v5: every field, AS numbers of 16 bits, times with the header's nanoseconds */
static void test_v4_v5_fields(void)
{
    struct ft_collector *c = make();

    v5(0, 1, 100000, 0);
    v5_record(40000, 70000);
    give(c);
    CHECK_EQ(LAST.first_ns, INT64_C(1699999940250000000));
    CHECK_EQ(LAST.last_ns, INT64_C(1699999970250000000));
    HAS("\"features\":{\"source_ipv4_address\":\"10.0.0.1\",\"destination_ipv4_address\":"
        "\"10.0.0.2\",\"ip_next_hop_ipv4_address\":\"10.0.0.254\",\"ingress_interface\":3,"
        "\"egress_interface\":7,\"packet_delta_count\":17,\"octet_delta_count\":9044,"
        "\"flow_start_sys_up_time\":40000,\"flow_end_sys_up_time\":70000,"
        "\"source_transport_port\":55107,\"destination_transport_port\":443,"
        "\"tcp_control_bits\":27,\"protocol_identifier\":6,\"ip_class_of_service\":0,"
        "\"bgp_source_as_number\":64512,\"bgp_destination_as_number\":64513,"
        "\"source_ipv4_prefix_length\":24,\"destination_ipv4_prefix_length\":16}");
    ft_collector_free(c);
}

/* v1 and v7 are v5 with other tails */
static void test_v1_and_v7(void)
{
    struct ft_collector *c = make();

    at = msg;
    p16(1);
    p16(1);
    p32(100000);
    p32(1700000000);
    p32(0);
    p32(0x0a000001);
    p32(0x0a000002);
    p32(0);
    p16(1);
    p16(2);
    p32(5);
    p32(600);
    p32(40000);
    p32(70000);
    p16(1000);
    p16(53);
    p16(0);
    p8(17);
    p8(0);
    p8(0);
    pz(11);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(LAST.packets, 5);
    CHECK_EQ(LAST.proto, 17);
    CHECK_EQ(LAST.dst_port, 53);
    at = msg;
    p16(7);
    p16(1);
    p32(100000);
    p32(1700000000);
    p32(0);
    p32(0);
    p32(0);
    p32(0x0a000001);
    p32(0x0a000002);
    p32(0);
    p16(1);
    p16(2);
    p32(6);
    p32(700);
    p32(40000);
    p32(70000);
    p16(1000);
    p16(443);
    p8(0);
    p8(0x12);
    p8(6);
    p8(0);
    p16(1);
    p16(2);
    p8(24);
    p8(24);
    p16(0);
    p32(0xc0000201);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(LAST.packets, 6);
    CHECK_EQ(LAST.tcp_flags, 0x12);
    HAS("\"exporter_ipv4_address\":\"192.0.2.1\"");
    ft_collector_free(c);
}

/* What broke others: templates of no bytes, too long ones, floods of fields */
static void test_hostile_templates(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    TEMPLATE(0, 256, 8, 0); /* length 0: data could never end */
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    v9(1, 1, 1000);
    set(0);
    p16(256);
    p16(0); /* no fields */
    set_end();
    set(256);
    p32(0);
    set_end();
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    v9(2, 1, 1000);
    TEMPLATE(0, 256, 82, 40000, 83, 40000); /* more than 65535 bytes together */
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    v9(3, 1, 1000);
    set(0);
    p16(256);
    p16(65535); /* more fields than the set holds */
    p16(8);
    p16(4);
    set_end();
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    v9(4, 1, 1000);
    TEMPLATE(0, 256, 8, 4, 82, 0, 2, 4); /* one of no bytes among others is fine (Mikrotik) */
    set(256);
    p32(0x0a000001);
    p32(7);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(LAST.packets, 7);
    ft_collector_free(c);
}

/* A record of one byte, 1,400 times: what comes out is bounded by what came in */
static void test_o10_amplification(void)
{
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 64, .templates = 64, .amplification = 100, .waiting = 65536});

    v9(0, 1, 1000);
    TEMPLATE(0, 256, 4, 1);
    give(c);
    v9(1, 1, 1000);
    set(256);
    pz(1400);
    set_end();
    CHECK_EQ(give(c), FT_V_EXPORT_COUNT);
    CHECK(got.n > 0 && got.n < 200);
    CHECK_EQ(health(c, 0)->malformed, 1);
    ft_collector_free(c);
}

/* A flood of invented senders pushes itself out, not the routers */
static void test_o4_spoofed_senders(void)
{
    int64_t start = now_ns;
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 100, .templates = 8, .amplification = 1000, .waiting = 65536});
    struct ft_peer router = peer;
    struct ft_collect_stats stats;

    for (uint32_t i = 0; i < 3; i++) { /* known for two seconds */
        v9(i, 1, 1000);
        flow_template(256);
        give(c);
        peer.addr[0] = 1; /* another one, so that the router is looked up again */
        give(c);
        peer = router;
        now_ns += 1000000000;
    }
    for (uint32_t i = 0; i < 5000; i++) {
        peer.addr[0] = 10;
        peer.addr[1] = (uint8_t)(i >> 16);
        peer.addr[2] = (uint8_t)(i >> 8);
        peer.addr[3] = (uint8_t)i;
        v9(i, 1, 1000);
        flow_template(256);
        give(c);
    }
    peer = router;
    v9(3, 1, 1000);
    set(256);
    flow(1, 0, 0);
    set_end();
    give(c);
    CHECK_EQ(got.n, 1);
    ft_collector_get_stats(c, &stats);
    CHECK_EQ(stats.exporters, 100);
    CHECK(stats.exporters_evicted > 4800);
    now_ns = start;
    ft_collector_free(c);
}

/* More templates than one may have: the one not sent longest gives way */
static void test_o3_template_flood(void)
{
    int64_t start = now_ns;
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 8, .templates = 16, .amplification = 1000, .waiting = 65536});

    for (unsigned i = 0; i < 2000; i++) {
        v9(i, 1, 1000);
        TEMPLATE(0, 256 + i, 2, 4, 1, (long)(1 + i % 8));
        CHECK_EQ(give(c), FT_V_DECODED);
        now_ns += 1000;
    }
    CHECK_EQ(health(c, 0)->templates, 16);
    v9(2000, 1, 1000);
    set(256 + 1999);
    p32(3);
    for (unsigned i = 0; i < 1 + 1999 % 8; i++) {
        p8(1);
    }
    set_end();
    give(c);
    CHECK_EQ(got.n, 1);
    now_ns = start;
    ft_collector_free(c);
}

/* Saved state gives the same records; cut or changed, nothing of it is used */
static void test_o1_state(void)
{
    struct ft_collector *c = make();
    char *buf = NULL, *copy;
    size_t len = 0, cap = 0;
    uint32_t bad = 0;

    v9(0, 1, 1000);
    flow_template(256);
    V9_OPTIONS(300, 4, 8, 1, 4, 34, 4, 35, 1);
    set(300);
    p32(0);
    p32(64);
    p8(1);
    set_end();
    give(c);
    ipfix(0, 9);
    TEMPLATE(2, 400, 0x8000 | 77, 65535, 54321, 2, 4);
    give(c);
    CHECK_EQ(ft_collector_save(c, false, &buf, &len, &cap), FT_OK);
    ft_collector_free(c);

    c = make();
    CHECK_EQ(ft_collector_load(c, buf, len, now_ns, &bad), FT_OK);
    CHECK_EQ(bad, 0);
    v9(1, 1, 1000);
    set(256);
    flow(5, 0, 0);
    set_end();
    give(c);
    ipfix(0, 9);
    set(400);
    p8(2);
    p16(0xabcd);
    p32(8);
    set_end();
    give(c);
    CHECK_EQ(got.n, 2);
    CHECK_EQ(got.r[0].sampling_rate, 64);
    HAS("\"pen_54321_ie_77\":\"abcd\",\"packet_delta_count\":8");
    ft_collector_free(c);

    copy = malloc(len);
    for (size_t n = 0; n < len; n += 3) { /* cut anywhere, or one byte wrong */
        struct ft_collector *d = make();

        memcpy(copy, buf, len);
        CHECK(ft_collector_load(d, copy, n, now_ns, &bad) == FT_E_FORMAT);
        copy[n] ^= 0x55;
        CHECK(ft_collector_load(d, copy, len, now_ns, &bad) == FT_E_FORMAT);
        ft_collector_free(d);
    }
    free(copy);
    ft_mem_free(buf);
}

/* Every prefix and every changed byte of a message with everything in it: no read beyond it */
static void test_prefixes_and_corruption(void)
{
    static uint8_t whole[600];
    size_t len;

    v9(0, 1, 1000);
    flow_template(256);
    V9_OPTIONS(300, 4, 8, 1, 4, 34, 4, 82, 6);
    set(256);
    flow(1, 0, 0);
    flow(2, 0, 0);
    set_end();
    set(300);
    pz(14);
    set_end();
    len = (size_t)(at - msg);
    memcpy(whole, msg, len);
    for (int protocol = 9; protocol <= 10; protocol++) {
        for (size_t n = 0; n < len; n++) {
            struct ft_collector *c = make();

            memcpy(msg, whole, len);
            msg[1] = (uint8_t)protocol;
            give_len(c, n, false);
            for (int bit = 0; bit < 8; bit += 3) {
                memcpy(msg, whole, len);
                msg[1] = (uint8_t)protocol;
                msg[n] ^= (uint8_t)(1 << bit);
                give_len(c, len, false);
            }
            ft_collector_free(c);
        }
    }
    CHECK(true);
}

int main(void)
{
    RUN(test_n1_header);
    RUN(test_n2_template_key);
    RUN(test_n3_set_ids);
    RUN(test_n4_count_is_advisory);
    RUN(test_n5_padding);
    RUN(test_n6_options_template);
    RUN(test_n7_uptime_wrap);
    RUN(test_n8_vendor_types);
    RUN(test_n9_template_change);
    RUN(test_n10_variable_length);
    RUN(test_n11_samplers);
    RUN(test_n12_mixed_families);
    RUN(test_n13_sequence_unit);
    RUN(test_n13_sequence_of_messages);
    RUN(test_v1_v5_lengths);
    RUN(test_v2_sampling);
    RUN(test_v3_sequence);
    RUN(test_v4_v5_fields);
    RUN(test_v1_and_v7);
    RUN(test_hostile_templates);
    RUN(test_o10_amplification);
    RUN(test_o4_spoofed_senders);
    RUN(test_o3_template_flood);
    RUN(test_o1_state);
    RUN(test_prefixes_and_corruption);
    return test_end();
}
