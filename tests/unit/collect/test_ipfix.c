/* SPDX-License-Identifier: Apache-2.0 */
/* collect: IPFIX rule by rule (RFC 7011, 7012, 5103, 5610); docs/rfc/ipfix.md is the list. */
#include "feed.h"

/* src, dst, packets, bytes */
static void flow_template(unsigned id)
{
    TEMPLATE(2, id, 8, 4, 12, 4, 2, 4, 1, 4);
}

static void flow(unsigned n)
{
    p32(0x0a000000 + n);
    p32(0x0a000100 + n);
    p32(n);
    p32(1000 * n);
}

/* RFC 7011 §3.1: the version is 10 */
static void test_c1_version(void)
{
    static const unsigned versions[] = {0, 2, 6, 8, 11, 0xffff};
    struct ft_collector *c = make();

    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        ipfix(0, 1);
        msg[0] = (uint8_t)(versions[i] >> 8);
        msg[1] = (uint8_t)versions[i];
        CHECK_EQ(give_len(c, (size_t)(at - msg), false), FT_V_EXPORT_VERSION);
    }
    CHECK_EQ(got.n, 0);
    ft_collector_free(c);
}

/* RFC 7011 §3.1: length is that of the message; what is there is used, the rest is a fault */
static void test_c2_c3_length(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(256);
    set(256);
    flow(1);
    set_end();
    size_t len = (size_t)(at - msg);

    msg[2] = (uint8_t)((len + 20) >> 8);
    msg[3] = (uint8_t)(len + 20);
    CHECK_EQ(give_len(c, len, false), FT_V_EXPORT_LENGTH);
    CHECK_EQ(got.n, 1); /* the valid part */
    msg[2] = 0;
    msg[3] = 15;
    CHECK_EQ(give_len(c, len, false), FT_V_EXPORT_LENGTH);
    CHECK_EQ(got.n, 2); /* its sets say how long they are */
    for (size_t n = 0; n < 16; n++) {
        CHECK_EQ(give_len(c, n, false), FT_V_EXPORT_SHORT);
    }
    ipfix(1, 1); /* bytes behind the message that are no message */
    p32(0xdeadbeef);
    msg[2] = 0;
    msg[3] = 16;
    CHECK_EQ(give_len(c, 20, false), FT_V_EXPORT_LENGTH);
    CHECK(health(c, 0)->malformed >= 3);
    ft_collector_free(c);
}

/* Several messages in a datagram: not allowed, but sent; each is taken */
static void test_c2_glued_messages(void)
{
    struct ft_collector *c = make();
    uint8_t copy[200];
    size_t len;

    ipfix(0, 1);
    flow_template(256);
    set(256);
    flow(1);
    set_end();
    len = (size_t)(at - msg);
    msg[2] = 0;
    msg[3] = (uint8_t)len;
    memcpy(copy, msg, len);
    memcpy(msg + len, copy, len);
    CHECK_EQ(give_len(c, 2 * len, false), FT_V_DECODED);
    CHECK_EQ(got.n, 2);
    ft_collector_free(c);
}

/* RFC 7011 §3.1: seconds until 2106 */
static void test_c4_export_time(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    msg[4] = 0xff;
    flow_template(256);
    set(256);
    flow(1);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK(LAST.timestamp_ns > INT64_C(4000000000) * 1000000000);
    ft_collector_free(c);
}

/* RFC 7011 §3.1: the sequence counts data records per domain, modulo 2^32 */
static void test_c5_sequence(void)
{
    struct ft_collector *c = make();
    uint32_t sequence = 0xfffffffe; /* wraps */

    for (int i = 0; i < 4; i++) {
        ipfix(sequence, 1);
        if (i == 0) {
            flow_template(256);
        }
        set(256);
        flow(1);
        flow(2);
        flow(3);
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        sequence += 3;
    }
    CHECK_EQ(health(c, 0)->lost, 0);
    ipfix(sequence + 5, 1); /* 5 records are missing */
    set(256);
    flow(1);
    set_end();
    give(c);
    CHECK_EQ(health(c, 0)->lost, 5);
    ipfix(sequence, 1); /* and come late */
    set(256);
    for (unsigned i = 0; i < 5; i++) {
        flow(i);
    }
    set_end();
    give(c);
    CHECK_EQ(health(c, 0)->lost, 0);
    CHECK_EQ(got.h[0].reordered, 1);
    give(c); /* the same again */
    CHECK_EQ(health(c, 0)->duplicates, 1);
    ipfix(0, 1); /* started again */
    set(256);
    flow(1);
    set_end();
    give(c);
    CHECK(health(c, 0)->lost == 0);
    ft_collector_free(c);
}

/* Templates do not count, options data does */
static void test_c6_sequence_of_templates(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(256);
    OPTIONS(257, 1, 149, 4, 41, 8);
    give(c);
    ipfix(0, 1);
    set(257);
    p32(1);
    p64(5);
    set_end();
    give(c);
    ipfix(1, 1);
    set(256);
    flow(1);
    set_end();
    give(c);
    ipfix(2, 1);
    give(c);
    CHECK_EQ(health(c, 0)->lost, 0);
    CHECK_EQ(got.h[0].reordered, 0);
    CHECK_EQ(got.h[0].options_records, 1);
    CHECK_EQ(got.h[0].records, 1);
    ft_collector_free(c);
}

/* RFC 7011 §3.3.2: 4 to 255 are reserved, 0 and 1 are not used */
static void test_c7_set_ids(void)
{
    struct ft_collector *c = make();

    for (unsigned id = 0; id < 256; id++) {
        if (id == 2 || id == 3) {
            continue;
        }
        ipfix(0, 1);
        set(id);
        p32(0x01020304);
        set_end();
        CHECK_EQ(give(c), id < 2 ? FT_V_EXPORT_SET : FT_V_DECODED);
    }
    CHECK_EQ(got.n_t, 0);
    ft_collector_free(c);
}

/* RFC 7011 §3.3.2: the length covers the header and stays in the message */
static void test_c8_set_lengths(void)
{
    for (unsigned len = 0; len < 4; len++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        flow_template(256);
        set(256);
        flow(1);
        set_end();
        p16(256);
        p16(len);
        p32(1);
        CHECK_EQ(give(c), FT_V_EXPORT_SET);
        CHECK_EQ(got.n, 1); /* what came before is used */
        ft_collector_free(c);
    }
    struct ft_collector *c = make();

    ipfix(0, 1);
    set(256);
    p32(0);
    set_end();
    set_at[3] += 1;
    CHECK_EQ(give(c), FT_V_EXPORT_SET);
    ipfix(0, 1); /* empty sets are nothing */
    set(256);
    set_end();
    set(2);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    ft_collector_free(c);
}

/* RFC 7011 §3.3.1: padding is shorter than a record, whatever is in it */
static void test_c9_padding(void)
{
    for (unsigned n = 0; n < 16; n++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        flow_template(256);
        set(256);
        flow(1);
        for (unsigned i = 0; i < n; i++) {
            p8(n % 2 ? 0xaa : 0);
        }
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n, 1);
        ft_collector_free(c);
    }
}

/* RFC 7011 §3.4.1: template ids from 256 */
static void test_c10_template_ids(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(255);
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    ipfix(0, 1);
    flow_template(65535);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n_t, 1);
    ft_collector_free(c);
}

/* RFC 7011 §8: templates belong to session and domain; over UDP the port may be part of it */
static void test_c11_template_key(void)
{
    for (int by_port = 0; by_port < 2; by_port++) {
        struct ft_collector *c = make_limited((struct ft_collect_limits){
            .exporters = 64, .templates = 64, .amplification = 1000, .by_port = by_port});

        ipfix(0, 1);
        flow_template(256);
        give(c);
        peer.port++;
        ipfix(0, 1);
        set(256);
        flow(1);
        set_end();
        give(c);
        peer.port--;
        CHECK_EQ(got.n, by_port ? 0 : 1);
        peer.addr[3]++;
        give(c);
        peer.addr[3]--;
        CHECK_EQ(got.n, by_port ? 0 : 1); /* another address has other templates */
        ft_collector_free(c);
    }
}

/* RFC 7011 §8.4: over UDP, the same again refreshes, another definition replaces */
static void test_c12_redefinition(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(256);
    flow_template(256);
    give(c);
    CHECK_EQ(got.n_t, 1);
    CHECK_EQ(got.t[0].kind, FT_TEMPLATE_LEARNT);
    ipfix(0, 1);
    set(256);
    flow(1);
    set_end();
    TEMPLATE(2, 256, 2, 8, 1, 8);
    set(256);
    p64(77);
    p64(88);
    set_end();
    give(c);
    CHECK_EQ(got.n_t, 2);
    CHECK_EQ(got.t[1].kind, FT_TEMPLATE_CHANGED);
    CHECK_EQ(got.t[1].n_before, 4);
    CHECK_EQ(got.n, 2);
    CHECK_EQ(LAST.packets, 77);
    CHECK_EQ(LAST.has & FT_XR_ADDRESSES, 0);
    HAS("\"src_ip\":null");
    ft_collector_free(c);
}

/* RFC 7011 §8.1: a withdrawal is followed over TCP, not over UDP; id 2 and 3 mean all */
static void test_c13_withdrawal(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(256);
    flow_template(257);
    OPTIONS(258, 1, 149, 4, 41, 8);
    give_stream(c);
    CHECK_EQ(got.n_t, 3);
    ipfix(0, 1);
    set(2);
    p16(256);
    p16(0);
    set_end();
    CHECK_EQ(give_stream(c), FT_V_DECODED);
    CHECK_EQ(got.t[3].kind, FT_TEMPLATE_WITHDRAWN);
    CHECK_EQ(got.t[3].template_id, 256);
    ipfix(0, 1);
    set(2);
    p16(2);
    p16(0);
    set_end();
    give_stream(c);
    CHECK_EQ(got.n_t, 5); /* 257, not the options template */
    CHECK_EQ(health(c, 0)->templates, 1);
    got.n_h = 0;
    ft_collector_end_stream(c, &peer);
    CHECK_EQ(got.n_t, 6);
    CHECK_EQ(got.n_h, 1); /* the last word on it, after which it is forgotten */
    CHECK_EQ(got.h[0].templates, 0);
    CHECK_EQ(got.h[0].messages, 3);
    ft_collector_report(c, now_ns);
    CHECK_EQ(got.n_h, 1);
    ft_collector_free(c);

    c = make();
    ipfix(0, 1);
    flow_template(256);
    set(2);
    p16(256);
    p16(0);
    set_end();
    set(256);
    flow(1);
    set_end();
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    CHECK_EQ(got.n, 1); /* it still is */
    ft_collector_free(c);
}

/* RFC 7011 §8.4: a template that is not sent again ends */
static void test_c14_lifetime(void)
{
    int64_t start = now_ns;
    struct ft_collector *c =
        make_limited((struct ft_collect_limits){.exporters = 64,
                                                .templates = 64,
                                                .amplification = 1000,
                                                .template_life_ns = INT64_C(1800000000000)});

    ipfix(0, 1);
    flow_template(256);
    give(c);
    now_ns += INT64_C(1799000000000);
    CHECK_EQ(health(c, 0)->templates, 1);
    give(c); /* refreshed */
    now_ns += INT64_C(1799000000000);
    CHECK_EQ(health(c, 0)->templates, 1);
    now_ns += INT64_C(2000000000);
    CHECK_EQ(health(c, 0)->templates, 0);
    CHECK_EQ(got.t[got.n_t - 1].kind, FT_TEMPLATE_EXPIRED);
    now_ns = start;
    ft_collector_free(c);
}

/* RFC 7011 §3.4.2.2: 1 <= scope count <= field count */
static void test_c15_scope_count(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    OPTIONS(256, 0, 149, 4, 41, 8);
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    ipfix(0, 1);
    OPTIONS(256, 3, 149, 4, 41, 8);
    CHECK_EQ(give(c), FT_V_EXPORT_TEMPLATE);
    ipfix(0, 1);
    OPTIONS(256, 2, 149, 4, 41, 8);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.t[0].n_scope, 2);
    ft_collector_free(c);
}

/* RFC 7011 §9: unknown elements are stepped over, and kept; §3.2: enterprise numbers */
static void test_c16_c17_unknown_elements(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 20000, 3, 0x8000 | 77, 2, 54321, 2, 4);
    set(256);
    p8(1);
    p8(2);
    p8(3);
    p16(0xabcd);
    p32(9);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    HAS("\"ie_20000\":\"010203\",\"pen_54321_ie_77\":\"abcd\",\"packet_delta_count\":9");
    ft_collector_free(c);
}

/* RFC 7011 §7: lengths of one or three bytes, 255 also for short ones */
static void test_c18_variable_length(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 82, 65535, 2, 4);
    set(256);
    p8(3);
    memcpy(at, "abc", 3);
    at += 3;
    p32(1);
    p8(255);
    p16(2);
    memcpy(at, "de", 2);
    at += 2;
    p32(2);
    p8(0);
    p32(3);
    p8(255);
    p16(300);
    memset(at, 'x', 300);
    at += 300;
    p32(4);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 4);
    CHECK(strstr(got.line[0], "\"interface_name\":\"abc\"") != NULL);
    CHECK(strstr(got.line[1], "\"interface_name\":\"de\"") != NULL);
    CHECK(strstr(got.line[2], "\"interface_name\":\"\"") != NULL);
    CHECK_EQ(LAST.packets, 4);
    ipfix(4, 1); /* beyond the set */
    set(256);
    p8(255);
    p16(60000);
    p32(0);
    set_end();
    CHECK_EQ(give(c), FT_V_EXPORT_RECORD);
    CHECK_EQ(got.n, 4);
    ft_collector_free(c);
}

/* RFC 7011 §6.2: integers of every size, floats of four bytes */
static void test_c19_reduced_size(void)
{
    for (unsigned len = 1; len <= 8; len++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        TEMPLATE(2, 256, 2, (long)len, 1, (long)len);
        set(256);
        for (unsigned i = 0; i < len; i++) {
            p8(i == len - 1 ? 5 : 0);
        }
        for (unsigned i = 0; i < len; i++) {
            p8(1);
        }
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(LAST.packets, 5);
        CHECK_EQ(LAST.bytes & 255, 1);
        CHECK_EQ(LAST.bytes >> (8 * (len - 1)), 1);
        ft_collector_free(c);
    }
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 311, 4, 320, 8);
    set(256);
    p32(0x3e800000); /* 0.25 */
    p64(0x3ff8000000000000);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    HAS("\"sampling_probability\":0.25");
    HAS(":1.5");
    ft_collector_free(c);
}

/* RFC 7011 §6: a length that its type cannot have: null, the record is kept; no bytes are legal */
static void test_c20_wrong_lengths(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 8, 3, 27, 15, 56, 5, 2, 9, 82, 0, 1, 4);
    set(256);
    pz(3 + 15 + 5 + 9);
    p32(42);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(LAST.bytes, 42);
    HAS("\"source_ipv4_address\":null,\"source_ipv6_address\":null,\"source_mac_address\":null,"
        "\"packet_delta_count\":null,\"interface_name\":\"\",\"octet_delta_count\":42");
    CHECK_EQ(health(c, 0)->wrong_values, 4);
    ft_collector_free(c);
}

/* RFC 7011 §8: several fields of one element, in their order */
static void test_c21_duplicates(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 10, 4, 2, 4, 10, 4, 10, 2);
    set(256);
    p32(1);
    p32(7);
    p32(2);
    p16(3);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    HAS("\"features\":{\"ingress_interface\":[1,2,3],\"packet_delta_count\":7}");
    ft_collector_free(c);
}

/* RFC 7011 §6.1.5: 1 is true, 2 is false */
static void test_c22_boolean(void)
{
    static const char *const want[] = {"null", "true", "false", "null"};

    for (unsigned v = 0; v < 4; v++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        TEMPLATE(2, 256, 276, 1, 2, 4);
        set(256);
        p8(v);
        p32(1);
        set_end();
        give(c);
        char text[80];

        snprintf(text, sizeof text, "\"data_records_reliability\":%s", want[v]);
        HAS(text);
        ft_collector_free(c);
    }
}

/* RFC 7011 §6.1.7 to §6.1.10: seconds, milliseconds, NTP fractions, era 1 */
static void test_c23_times(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 150, 4, 151, 4);
    TEMPLATE(2, 257, 152, 8, 153, 8);
    TEMPLATE(2, 258, 154, 8, 155, 8);
    TEMPLATE(2, 259, 156, 8, 157, 8);
    TEMPLATE(2, 260, 158, 4, 159, 4);
    TEMPLATE(2, 261, 22, 4, 21, 4, 160, 8);
    set(256);
    p32(1700000000);
    p32(1700000001);
    set_end();
    set(257);
    p64(1700000000123);
    p64(1700000000456);
    set_end();
    set(258);
    p64((UINT64_C(3908988800) << 32) | 0x800007ff); /* the low 11 bits do not count */
    p64((UINT64_C(3908988801) << 32));
    set_end();
    set(259);
    p64((UINT64_C(3908988800) << 32) | 0x40000000);
    p64((UINT64_C(4294967301) << 32)); /* 2036 and 5 s: era 1 */
    set_end();
    set(260);
    p32(2500000);
    p32(500000);
    set_end();
    set(261);
    p32(1000);
    p32(2000);
    p64(1699999000000);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 6);
    CHECK_EQ(got.r[0].first_ns, INT64_C(1700000000000000000));
    CHECK_EQ(got.r[0].last_ns, INT64_C(1700000001000000000));
    CHECK_EQ(got.r[1].first_ns, INT64_C(1700000000123000000));
    CHECK_EQ(got.r[2].first_ns, INT64_C(1700000000500000000));
    CHECK_EQ(got.r[3].first_ns, INT64_C(1700000000250000000));
    CHECK_EQ(got.r[3].last_ns, INT64_C(2085978501000000000));
    CHECK_EQ(got.r[4].first_ns, INT64_C(1699999997500000000)); /* before the export */
    CHECK_EQ(got.r[5].first_ns, INT64_C(1699999001000000000)); /* after the start of the system */
    CHECK(strstr(got.line[2], "\"flow_start_microseconds\":1700000000500000") != NULL);
    ft_collector_free(c);
}

/* RFC 7011 §6.1.6: text is UTF-8; what is not is escaped, as are control characters */
static void test_c24_strings(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 371, 8, 2, 4);
    set(256);
    memcpy(at, "a\"\\\n\x1b\xff\xc3\xa9", 8);
    at += 8;
    p32(1);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    HAS("\"user_name\":\"a\\\"\\\\\\u000a\\u001b\\u00ff\xc3\xa9\"");
    ft_collector_free(c);
}

static void early_data(struct ft_collector *c, unsigned i)
{
    ipfix(i - 1, 1);
    set(256);
    flow(i);
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
}

/* What one set costs while it waits: more than its bytes. */
static uint32_t waiting_cost(void)
{
    struct ft_collector *c = make();

    early_data(c, 1);
    uint32_t cost = (uint32_t)health(c, 0)->waiting;

    CHECK(cost >= 16);
    ft_collector_free(c);
    return cost;
}

/* Data before its template waits, bounded, in order */
static void test_c25_data_before_template(void)
{
    uint32_t cost = waiting_cost();
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 64, .templates = 64, .amplification = 1000, .waiting = 4 * cost});

    for (unsigned i = 1; i <= 6; i++) { /* four fit */
        early_data(c, i);
    }
    CHECK_EQ(got.n, 0);
    CHECK_EQ(health(c, 0)->waiting, 4 * cost);
    CHECK_EQ(got.h[0].no_template, 2);
    ipfix(6, 1);
    flow_template(256);
    give(c);
    CHECK_EQ(got.n, 4);
    for (unsigned i = 0; i < got.n; i++) {
        CHECK_EQ(got.r[i].packets, i + 1);
    }
    CHECK_EQ(health(c, 0)->waiting, 0);
    CHECK_EQ(got.h[0].lost, 0);
    ft_collector_free(c);
}

/* RFC 7011 §3.1: up to 65535 bytes */
static void test_c26_large_message(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(256);
    set(256);
    while (at - msg < 65535 - 16) {
        flow(1);
    }
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK(got.n > 4000);
    ft_collector_free(c);
}

/* Options data applied: sampling in all its forms and scopes */
static void test_c30_sampling(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 302, 8, 2, 4, 10, 4);
    TEMPLATE(2, 257, 2, 4);
    OPTIONS(300, 1, 149, 4, 305, 4, 306, 4); /* domain: 1 of 1 + 99 */
    OPTIONS(301, 1, 302, 8, 310, 4, 309, 4); /* selector: 10 of 5000 */
    OPTIONS(302, 1, 302, 8, 311, 8);         /* selector: probability */
    set(300);
    p32(1);
    p32(1);
    p32(99);
    set_end();
    set(257);
    p32(3);
    set_end();
    give(c);
    CHECK_EQ(LAST.sampling_rate, 100);
    HAS("\"estimated_packets\":300");
    ipfix(2, 1);
    set(301);
    p64(5);
    p32(5000);
    p32(10);
    set_end();
    set(302);
    p64(6);
    p64(0x3f50624dd2f1a9fc); /* 0.001 */
    set_end();
    set(256);
    p64(5);
    p32(1);
    p32(9);
    p64(6);
    p32(1);
    p32(9);
    p64(7);
    p32(1);
    p32(9);
    set_end();
    give(c);
    CHECK_EQ(got.n, 4);
    CHECK_EQ(got.r[1].sampling_rate, 500);
    CHECK_EQ(got.r[2].sampling_rate, 1000);
    CHECK_EQ(got.r[3].sampling_rate, 0); /* an unknown selector among several: no guess */
    HAS("\"sampling_rate\":null");
    HAS("\"estimated_packets\":null");
    ft_collector_free(c);
}

/* By interface; in the record itself; the old elements 34 and 50 */
static void test_c30_sampling_scopes(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 2, 4, 10, 4, 14, 4);
    TEMPLATE(2, 257, 2, 4, 34, 4);
    OPTIONS(300, 1, 10, 4, 34, 4);
    set(300);
    p32(1);
    p32(64);
    p32(2);
    p32(128);
    set_end();
    set(256);
    p32(1);
    p32(1);
    p32(9);
    p32(1);
    p32(9);
    p32(2);
    p32(1);
    p32(9);
    p32(9);
    set_end();
    set(257);
    p32(1);
    p32(4096);
    set_end();
    give(c);
    CHECK_EQ(got.n, 4);
    CHECK_EQ(got.r[0].sampling_rate, 64);
    CHECK_EQ(got.r[1].sampling_rate, 128); /* by the egress interface */
    CHECK_EQ(got.r[2].sampling_rate, 0);
    CHECK_EQ(got.r[3].sampling_rate, 4096);
    ft_collector_free(c);
}

/* Names of interfaces, VRFs and applications */
static void test_c30_names(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 10, 4, 14, 4, 234, 4, 95, 4);
    OPTIONS(300, 1, 10, 4, 82, 6);
    OPTIONS(301, 1, 234, 4, 236, 4);
    OPTIONS(302, 1, 95, 4, 96, 4);
    set(300);
    p32(7);
    memcpy(at, "ge-0/7", 6);
    at += 6;
    set_end();
    set(301);
    p32(3);
    memcpy(at, "red\0", 4);
    at += 4;
    set_end();
    set(302);
    p32(0x0d000050);
    memcpy(at, "http", 4);
    at += 4;
    set_end();
    set(256);
    p32(7);
    p32(8);
    p32(3);
    p32(0x0d000050);
    set_end();
    give(c);
    HAS("\"ingress_interface_name\":\"ge-0/7\",\"ingress_vrf_name\":\"red\","
        "\"application_name_by_options\":\"http\"}");
    ft_collector_free(c);
}

/* RFC 7011 §3.1: domains are apart */
static void test_c31_domains(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    flow_template(256);
    give(c);
    ipfix(0, 2);
    TEMPLATE(2, 256, 2, 8);
    set(256);
    p64(5);
    set_end();
    give(c);
    CHECK_EQ(LAST.packets, 5);
    ipfix(0, 1);
    set(256);
    flow(6);
    set_end();
    give(c);
    CHECK_EQ(LAST.packets, 6);
    CHECK(LAST.has & FT_XR_ADDRESSES);
    ft_collector_free(c);
}

/* Two exporters behind one address are apart when ports count */
static void test_c32_ports(void)
{
    struct ft_collector *c = make_limited((struct ft_collect_limits){
        .exporters = 64, .templates = 64, .amplification = 1000, .by_port = true});

    ipfix(0, 1);
    flow_template(256);
    give(c);
    peer.port = 5000;
    ipfix(0, 1);
    TEMPLATE(2, 256, 2, 8);
    give(c);
    peer.port = 4739;
    ipfix(0, 1);
    set(256);
    flow(6);
    set_end();
    give(c);
    CHECK_EQ(LAST.packets, 6);
    ft_collector_free(c);
}

/* RFC 5103 §6: reverse elements; both directions together in the totals */
static void test_b1_b3_biflow(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 2, 4, 0x8000 | 2, 4, 29305, 1, 4, 0x8000 | 1, 4, 29305, 239, 1);
    set(256);
    p32(10);
    p32(20);
    p32(1000);
    p32(2000);
    p8(1);
    set_end();
    give(c);
    CHECK_EQ(LAST.packets, 10);
    CHECK_EQ(LAST.rev_packets, 20);
    CHECK_EQ(LAST.rev_bytes, 2000);
    CHECK(LAST.has & FT_XR_BIFLOW);
    HAS("\"packet_count\":30,\"byte_count\":3000");
    HAS("\"reverse_packet_delta_count\":20");
    HAS("\"biflow_direction\":1");
    ft_collector_free(c);
}

/* RFC 5610 §3: an exporter describes its own elements; IANA's cannot be changed */
static void test_t1_t2_learnt_types(void)
{
    struct ft_collector *c = make();
    static const char name[12] = "myLatencyMs";

    ipfix(0, 1);
    OPTIONS(300, 2, 346, 4, 303, 2, 339, 1, 341, 12);
    set(300);
    p32(54321);
    p16(77);
    p8(3); /* unsigned32 */
    memcpy(at, name, 12);
    at += 12;
    p32(0);
    p16(2);
    p8(13);
    memcpy(at, "evilName\0\0\0\0", 12);
    at += 12;
    set_end();
    TEMPLATE(2, 256, 0x8000 | 77, 4, 54321, 2, 4);
    set(256);
    p32(123);
    p32(1);
    set_end();
    give(c);
    HAS("\"my_latency_ms\":123,\"packet_delta_count\":1");
    ft_collector_free(c);
}

/* A bounded registry */
static void test_t3_bounded_types(void)
{
    struct ft_collector *c = make();

    for (unsigned block = 0; block < 20; block++) {
        ipfix(block * 500, 1);
        OPTIONS(300, 2, 346, 4, 303, 2, 341, 4);
        set(300);
        for (unsigned i = 0; i < 500; i++) {
            p32(60000 + block);
            p16(i + 1);
            memcpy(at, "abcd", 4);
            at += 4;
        }
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
    }
    CHECK_EQ(health(c, 0)->options_records, 10000);
    ft_collector_free(c);
}

/* Sections of packets (RFC 5477 §8.5): decoded when the exporter names no addresses */
static void test_packet_sections(void)
{
    static const uint8_t frame[] = {
        2,    0,    0, 0, 0,  1, 2, 0, 0,   0, 0,    2,    0x08, 0x00, 0x45, 0,  0,    40,
        0,    1,    0, 0, 64, 6, 0, 0, 192, 0, 2,    10,   198,  51,   100,  20, 0xc0, 0x01,
        0x01, 0xbb, 0, 0, 0,  1, 0, 0, 0,   0, 0x50, 0x12, 0xff, 0xff, 0,    0,  0,    0};

    for (int ip = 0; ip < 2; ip++) {
        struct ft_collector *c = make();
        unsigned from = ip ? 14 : 0, len = sizeof frame - from;

        ipfix(0, 1);
        TEMPLATE(2, 256, ip ? 313 : 315, 65535, 10, 4);
        set(256);
        p8(len);
        memcpy(at, frame + from, len);
        at += len;
        p32(3);
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        HAS("\"flow_key\":{\"src_ip\":\"192.0.2.10\",\"dst_ip\":\"198.51.100.20\","
            "\"src_port\":49153,\"dst_port\":443,\"protocol\":6}");
        CHECK_EQ(LAST.packets, 1);
        CHECK_EQ(LAST.bytes, 40);
        CHECK_EQ(LAST.tcp_flags, 0x12);
        ft_collector_free(c);
    }
}

int main(void)
{
    RUN(test_c1_version);
    RUN(test_c2_c3_length);
    RUN(test_c2_glued_messages);
    RUN(test_c4_export_time);
    RUN(test_c5_sequence);
    RUN(test_c6_sequence_of_templates);
    RUN(test_c7_set_ids);
    RUN(test_c8_set_lengths);
    RUN(test_c9_padding);
    RUN(test_c10_template_ids);
    RUN(test_c11_template_key);
    RUN(test_c12_redefinition);
    RUN(test_c13_withdrawal);
    RUN(test_c14_lifetime);
    RUN(test_c15_scope_count);
    RUN(test_c16_c17_unknown_elements);
    RUN(test_c18_variable_length);
    RUN(test_c19_reduced_size);
    RUN(test_c20_wrong_lengths);
    RUN(test_c21_duplicates);
    RUN(test_c22_boolean);
    RUN(test_c23_times);
    RUN(test_c24_strings);
    RUN(test_c25_data_before_template);
    RUN(test_c26_large_message);
    RUN(test_c30_sampling);
    RUN(test_c30_sampling_scopes);
    RUN(test_c30_names);
    RUN(test_c31_domains);
    RUN(test_c32_ports);
    RUN(test_b1_b3_biflow);
    RUN(test_t1_t2_learnt_types);
    RUN(test_t3_bounded_types);
    RUN(test_packet_sections);
    return test_end();
}
