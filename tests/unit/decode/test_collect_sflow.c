/* SPDX-License-Identifier: Apache-2.0 */
/* decode: what a collector keeps of sFlow agents (sFlow v5); docs/rfc/sflow.md. */
#include "collect_feed.h"

static const uint8_t frame[] = {2,    0,  0,   0,  0,   1,  2,    0,    0,  0,  0, 2,  0x08, 0x00,
                                0x45, 0,  0,   60, 0,   1,  0,    0,    64, 17, 0, 0,  192,  0,
                                2,    10, 198, 51, 100, 20, 0xc0, 0x01, 0,  53, 0, 40, 0,    0};

static void datagram(uint32_t sub_agent, uint32_t sequence, uint32_t uptime_ms, uint32_t samples)
{
    at = msg;
    p32(5);
    p32(1);
    p32(0x0a0000fe);
    p32(sub_agent);
    p32(sequence);
    p32(uptime_ms);
    p32(samples);
}

/* A flow sample with one raw header of len captured bytes. */
static void sample(uint32_t sequence, uint32_t rate, uint32_t pool, uint32_t drops, uint32_t len)
{
    uint32_t padded = (len + 3) & ~3u;

    p32(1);
    p32(32 + 8 + 16 + padded);
    p32(sequence);
    p32(3); /* ifIndex 3 */
    p32(rate);
    p32(pool);
    p32(drops);
    p32(3);
    p32(7);
    p32(1);
    p32(1);
    p32(16 + padded);
    p32(1);
    p32(78); /* with the FCS */
    p32(4);
    p32(len);
    memset(at, 0, padded);
    memcpy(at, frame, len);
    at += padded;
}

/* Datagram sequences per agent and sub-agent */
static void test_s3_datagram_sequence(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 8; i++) {
        if (i == 3) {
            continue;
        }
        datagram(0, i, 1000 + i, 0);
        give(c);
        datagram(1, 100 + i, 1000 + i, 0);
        give(c);
    }
    CHECK_EQ(health(c, 0)->lost, 1);
    CHECK_EQ(got.h[1].lost, 1);
    CHECK_EQ(got.n_h, 2);
    ft_collector_free(c);
}

/* The estimate is nominal; the pool says how often it really was */
static void test_s4_s7_effective_rate(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 10; i++) {
        datagram(0, i, 1000 + i, 1);
        sample(2 * i, 1000, 2000 * i, 0, sizeof frame); /* every second sample is lost */
        CHECK_EQ(give(c), FT_V_DECODED);
    }
    CHECK_EQ(got.n_s, 10);
    CHECK_EQ(got.s[9].sampling_rate, 1000);
    CHECK(got.s[0].effective_rate <= 0);
    CHECK(got.s[9].effective_rate > 1999 && got.s[9].effective_rate < 2001);
    CHECK_EQ(got.s[9].sample_sequence, 18);
    ft_collector_free(c);
}

/* The pool counts modulo 2^32, and starts again with the agent */
static void test_s8_s18_wrap_and_restart(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 5; i++) {
        datagram(0, i, 100000 + i, 1);
        sample(i, 1000, 0xfffff000 + 1000 * i, 0, sizeof frame);
        give(c);
    }
    CHECK(got.s[4].effective_rate > 999 && got.s[4].effective_rate < 1001);
    datagram(0, 0, 50, 1); /* restarted: uptime and sequences step back */
    sample(0, 1000, 0, 0, sizeof frame);
    give(c);
    CHECK(got.s[5].effective_rate <= 0);
    CHECK_EQ(health(c, 0)->resets, 1);
    CHECK_EQ(got.h[0].lost, 0);
    ft_collector_free(c);
}

/* Sampled headers: addresses, ports, and the frame's length on the wire, not what was sampled */
static void test_s11_packet(void)
{
    struct ft_collector *c = make();

    datagram(2, 9, 1000, 1);
    sample(4, 512, 512, 3, sizeof frame);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n_s, 1);
    CHECK(got.s[0].pkt != NULL);
    CHECK_EQ(got.s[0].pkt->key.proto, 17);
    CHECK_EQ(got.s[0].frame_len, 78);
    CHECK_EQ(got.s[0].pkt->frame_len, 78);
    CHECK_EQ(got.s[0].input, 3);
    CHECK_EQ(got.s[0].output, 7);
    CHECK_EQ(got.s[0].drops, 3);
    CHECK_STR(got.s[0].exporter->agent_text, "10.0.0.254"); /* S17: both addresses are kept */
    CHECK_STR(got.s[0].exporter->text, "192.0.2.1");
    CHECK_EQ(got.s[0].exporter->domain_id, 2);
    ft_collector_free(c);
}

/* A header that ends too soon gives a sample that says so, never a fault */
static void test_s12_truncated_header(void)
{
    struct ft_collector *c = make();

    for (uint32_t len = 0; len <= sizeof frame; len++) {
        datagram(0, len, 1000, 1);
        sample(len, 512, 512 * len, 0, len);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n_s, len + 1);
        CHECK_EQ(got.s[len].pkt != NULL, len >= 14 + 20 + 4);
        CHECK_EQ(got.s[len].truncated, len < 14 + 20 + 4);
    }
    ft_collector_free(c);
}

/* Sampling rates of 0: unknown; the estimate is null then, and saturates at the other end */
static void test_sampling_rate_bounds(void)
{
    struct ft_collector *c = make();
    char line[4096];
    size_t n;

    datagram(0, 0, 1000, 2);
    sample(0, 0, 0, 0, sizeof frame);
    sample(1, 0xffffffff, 0, 0, sizeof frame);
    give(c);
    CHECK_EQ(got.n_s, 2);
    got.s[0].n_values = got.s[1].n_values = 0;
    n = ft__ndjson_walk_export(FT_EVENT_SAMPLE, &got.s[0], (uint8_t *)line);
    line[n] = '\0';
    CHECK(strstr(line, "\"estimated_packets\":null") != NULL);
    n = ft__ndjson_walk_export(FT_EVENT_SAMPLE, &got.s[1], (uint8_t *)line);
    line[n] = '\0';
    CHECK(strstr(line, "\"estimated_packets\":4294967295") != NULL);
    ft_collector_free(c);
}

/* Every prefix and every changed byte, from exact-size blocks */
static void test_prefixes_and_corruption(void)
{
    static uint8_t whole[600];
    size_t len;

    datagram(0, 0, 1000, 2);
    sample(0, 10, 0, 0, sizeof frame);
    sample(1, 10, 10, 0, 20);
    len = (size_t)(at - msg);
    memcpy(whole, msg, len);
    for (size_t n = 0; n < len; n++) {
        struct ft_collector *c = make();

        memcpy(msg, whole, len);
        give_len(c, n, false);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(msg, whole, len);
            msg[n] ^= (uint8_t)(1 << bit);
            give_len(c, len, false);
        }
        CHECK(got.n_s <= 64);
        ft_collector_free(c);
    }
}

int main(void)
{
    RUN(test_s3_datagram_sequence);
    RUN(test_s4_s7_effective_rate);
    RUN(test_s8_s18_wrap_and_restart);
    RUN(test_s11_packet);
    RUN(test_s12_truncated_header);
    RUN(test_sampling_rate_bounds);
    RUN(test_prefixes_and_corruption);
    return test_end();
}
