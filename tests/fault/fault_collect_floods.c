/* SPDX-License-Identifier: Apache-2.0 */
/* The collector under floods that somebody made up: its memory stays within what is stated here,
 * the account adds up, and routers that were there before keep what they have. */
#include "collect_flood.h"

/* ---- floods ---- */

/* 200,000 invented senders, each with one template of its own; the routers send meanwhile. */
static void test_spoofed_exporters(void)
{
    struct ft_collect_stats st;
    int64_t now_ns;

    begin();
    now_ns = routers_come();
    for (uint32_t i = 0; i < 200000; i++) {
        begin_message(i, 0);
        begin_set(2);
        flow_template(256, 100000 + i);
        end_set();
        end_message();
        CHECK_EQ(give(0x0a000000 + i, now_ns), FT_V_DECODED);
        now_ns += 10000;
        if (i % 10000 == 9999) {
            routers_send(now_ns, false);
        }
    }
    routers_still_there(now_ns);
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.exporters, 16384);
    CHECK_EQ(st.exporters_evicted, 200000 + ROUTERS - 16384);
    end("200,000 invented senders, a template each", 64);
}

/* Only one router is there, and it is silent while they come: it is older than all of them. */
static void test_spoofed_against_one(void)
{
    begin();
    for (int s = 0; s < 10; s++) {
        begin_message(1, (uint32_t)s);
        if (s == 0) {
            begin_set(2);
            flow_template(256, 1);
            end_set();
        }
        begin_set(256);
        flow_data(1);
        end_set();
        end_message();
        CHECK_EQ(give(0xc0000201, start_ns + s * (int64_t)SECOND), FT_V_DECODED);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        begin_message(i, 0);
        end_message();
        CHECK_EQ(give(0x0a000000 + i, start_ns + 10 * (int64_t)SECOND), FT_V_DECODED);
    }
    begin_message(1, 10);
    begin_set(256);
    flow_data(1);
    end_set();
    end_message();
    give(0xc0000201, start_ns + 11 * (int64_t)SECOND);
    CHECK_EQ(seen.router_records, 11);
    end("20,000 invented senders against one router", 32);
}

static void test_template_ids(void)
{
    struct ft_collect_stats st;
    int64_t now_ns;

    begin();
    now_ns = template_flood(8, 65280, true, routers_come());
    routers_still_there(now_ns);
    ft_collector_get_stats(collector, &st);
    CHECK(seen.ended >= 8 * (65280 - 4096));
    end("8 domains x 65,280 template ids, all different", 160);
}

/* As many templates as all exporters together may have, and more, from senders that stay. */
static void test_templates_of_all(void)
{
    int64_t now_ns;

    begin();
    now_ns = template_flood(300, 4096, false, routers_come());
    routers_still_there(now_ns);
    end("300 domains x 4,096 equal templates", 100);

    begin();
    now_ns = template_flood(300, 1, false, routers_come()); /* no longer on probation afterwards */
    now_ns = template_flood(300, 4096, true, now_ns + 2 * (int64_t)SECOND);
    routers_still_there(now_ns);
    end("300 known domains x 4,096 different templates", 200);
}

/* Sets of one byte whose template never comes, from one sender and from many. */
static void test_data_without_templates(void)
{
    int64_t now_ns;

    begin();
    now_ns = routers_come();
    for (uint32_t i = 0; i < 20000; i++) {
        begin_message(i / 100, i);
        for (int k = 0; k < 250; k++) {
            begin_set(300);
            p8(1);
            end_set();
        }
        end_message();
        give(0x0a000000 + i / 100, now_ns);
    }
    for (uint32_t i = 0; i < 2000; i++) {
        begin_message(i, i);
        begin_set(300);
        at += 60000;
        end_set();
        end_message();
        give(0x0b000000 + i, now_ns);
    }
    routers_still_there(now_ns);
    end("5,000,000 sets of one byte without template", 40);
}

static void test_names(void)
{
    int64_t now_ns;

    begin();
    now_ns = routers_come();
    for (uint32_t e = 0; e < 100; e++) {
        begin_message(1, 0);
        begin_set(3);
        p16(300);
        p16(2);
        p16(1);
        p16(10);
        p16(4);
        p16(82);
        p16(40);
        end_set();
        end_message();
        CHECK_EQ(give(0x0a000000 + e, now_ns), FT_V_DECODED);
        for (uint32_t i = 0; i < 20000;) {
            begin_message(1, i);
            begin_set(300);
            for (int k = 0; k < 1000; k++) {
                p32(i++ * 65537);
                memset(at, 'a' + (int)(i % 26), 40);
                at += 40;
            }
            end_set();
            end_message();
            give(0x0a000000 + e, now_ns);
        }
    }
    routers_still_there(now_ns);
    end("2,000,000 interface names", 64);
}

static void test_sflow_sources(void)
{
    begin();
    for (uint32_t e = 0; e < 200; e++) {
        for (uint32_t i = 0; i < 8192;) {
            p32(5);
            p32(1);
            p32(0x0a000000 + e);
            p32(0);
            p32(i);
            p32(1000);
            p32(512);
            for (int k = 0; k < 512; k++) {
                p32(1);
                p32(32);
                p32(1);
                p32(i++);
                p32(100);
                p32(i);
                p32(0);
                p32(1);
                p32(2);
                p32(0);
            }
            CHECK_EQ(give(0x0a000000 + e, start_ns), FT_V_DECODED);
        }
    }
    CHECK_EQ(seen.samples, 200 * 8192);
    end("200 sFlow agents x 8,192 sources", 24);
}

/* What one datagram becomes is bounded by its bytes, however it is cut into messages. */
static void test_amplification(void)
{
    uint64_t len;

    begin();
    begin_message(1, 0);
    begin_set(2);
    p16(256);
    p16(1);
    p16(4);
    p16(1);
    p16(257); /* much text from one byte */
    p16(1001);
    p16(4);
    p16(1);
    for (int i = 0; i < 1000; i++) {
        p16(1000 + (uint32_t)i);
        p16(0);
    }
    end_set();
    end_message();
    CHECK_EQ(give(0x0a000001, start_ns), FT_V_DECODED);
    begin_message(1, 0);
    begin_set(256);
    at += 65000;
    end_set();
    end_message();
    len = (uint64_t)(at - message);
    CHECK_EQ(give(0x0a000001, start_ns), FT_V_EXPORT_COUNT);
    CHECK(seen.records > 100 && seen.records * 900 + seen.text <= len * 200);
    seen.records = seen.text = 0;
    while (at - message < 60000) { /* many messages in the datagram, one record each */
        begin_message(1, 0);
        begin_set(257);
        p8(1);
        end_set();
        end_message();
    }
    len = (uint64_t)(at - message);
    CHECK_EQ(give(0x0a000001, start_ns), FT_V_EXPORT_COUNT);
    CHECK(seen.records > 0 && seen.records * 900 + seen.text <= len * 200);
    end("65,000 records of one byte", 8);
}

static void test_long_strings(void)
{
    begin();
    seen.format = true;
    begin_message(1, 0);
    begin_set(2);
    p16(256);
    p16(1);
    p16(82);
    p16(65535);
    p16(257);
    p16(1000);
    for (int i = 0; i < 1000; i++) {
        p16(i % 2 == 0 ? 82 : 83 + (uint32_t)i);
        p16(65535);
    }
    end_set();
    end_message();
    CHECK_EQ(give(0x0a000001, start_ns), FT_V_DECODED);
    begin_message(1, 0);
    begin_set(256);
    p8(255);
    p16(65000);
    memset(at, 1, 65000); /* six bytes each in JSON */
    at += 65000;
    end_set();
    end_message();
    CHECK_EQ(give(0x0a000001, start_ns), FT_V_DECODED);
    CHECK(seen.records == 1 && seen.longest > 6000 && seen.longest < 8192);
    begin_message(1, 0);
    begin_set(257);
    for (int i = 0; i < 1000; i++) {
        p8(60);
        memset(at, 1, 60);
        at += 60;
    }
    end_set();
    end_message();
    CHECK_EQ(give(0x0a000001, start_ns), FT_V_DECODED);
    CHECK(seen.records == 2 && seen.longest > 40000 && seen.longest <= FT_FORMAT_MAX);
    end("strings of 65,000 bytes, 1,000 strings", 8);
}

/* n datagrams, each a template of 4,000 fields that no table has: the CPU time that they take. */
static double unknown_templates(uint32_t n)
{
    double from = cpu_s();

    for (uint32_t k = 0; k < n; k++) {
        begin_message(2, 0);
        begin_set(2);
        p16(300 + k % 200);
        p16(4000);
        for (uint32_t i = 0; i < 4000; i++) {
            p16(0x8000 | ((i + k) & 0x7fff));
            p16(1);
            p32(88888);
        }
        end_set();
        end_message();
        CHECK_EQ(give(0x0a0000ff, start_ns), FT_V_DECODED);
    }
    return cpu_s() - from;
}

/* Descriptions by many senders cost the templates of others nothing, and one sender does not use up
 * all that may be learnt. */
static void test_learnt_types(void)
{
    struct ft_collect_stats st;
    double without, with;
    int64_t now_ns;

    begin();
    without = unknown_templates(100);
    ft_collector_free(collector);

    begin();
    now_ns = start_ns;
    for (uint32_t e = 0; e < 8; e++) { /* proven: known for two seconds */
        describe(0x0a000000 + e, now_ns, true, e * 4000, 1, 0);
        describe(0x0a000000 + e, now_ns + 2 * (int64_t)SECOND, false, e * 4000, 1, 0);
    }
    now_ns += 3 * (int64_t)SECOND;
    for (uint32_t e = 0; e < 3; e++) { /* fewer sources than could fill the table */
        describe(0x0a000000 + e, now_ns, false, e * 4000, 4000, 0);
    }
    describe(0x0a000007, now_ns, false, 30000, 1, 0);
    begin_message(1, 0);
    begin_set(2);
    p16(400);
    p16(1);
    p16(0x8000 | 30000);
    p16(1);
    p32(99999);
    end_set();
    begin_set(400);
    p8(1);
    end_set();
    end_message();
    seen.format = true;
    CHECK_EQ(give(0x0a000007, now_ns), FT_V_DECODED);
    CHECK(strstr((const char *)line, "\"n0000000\":") != NULL);
    with = unknown_templates(100);
    printf("100 x 4,000 unknown fields: %.3f s, with 3,000 learnt types %.3f s\n", without, with);
    CHECK(with < 4 * without + 0.05); /* a walk over the types took ten times as long */
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.records, 1);
    end("12,000 described elements", 64);
}

/* Not a flood but a big network: 10,000 exporters with 20 templates of 17 fields. */
static void test_big_network(void)
{
    struct ft_collect_stats st;

    begin();
    for (uint32_t e = 0; e < 10000; e++) {
        begin_message(e, 0);
        begin_set(2);
        for (uint32_t t = 0; t < 20; t++) {
            flow_template(256 + t, t);
        }
        end_set();
        for (uint32_t t = 0; t < 20; t++) {
            begin_set(256 + t);
            flow_data(1);
            end_set();
        }
        end_message();
        CHECK_EQ(give(0x0a000000 + e, start_ns + e * INT64_C(100000)), FT_V_DECODED);
    }
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.exporters, 10000);
    CHECK_EQ(st.records, 200000);
    end("10,000 exporters x 20 templates of 17 fields", 200);
}

int main(void)
{
    at = message;
    RUN(test_big_network);
    RUN(test_spoofed_exporters);
    RUN(test_spoofed_against_one);
    RUN(test_template_ids);
    RUN(test_templates_of_all);
    RUN(test_data_without_templates);
    RUN(test_names);
    RUN(test_sflow_sources);
    RUN(test_amplification);
    RUN(test_long_strings);
    RUN(test_learnt_types);
    return test_end();
}
