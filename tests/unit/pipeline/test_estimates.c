/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: what the samples of a flow stand for; docs/rfc/sflow.md S24. */
#include <arpa/inet.h>
#include <string.h>

#include "harness.h"
#include "pipeline/collect_samples.h"

static struct ft__estimates est;
static struct ft_meter meter;
static struct ft_tuple_counts counts;

static void begin(uint32_t max_flows)
{
    const struct ft_table_config cfg = {.max_flows = max_flows,
                                        .rules.idle_ns = 30000000000,
                                        .rules.active_ns = 60000000000,
                                        .linger_ns = 1000000000};
    struct ft_hash_seed seed;

    ft_hash_seed_fixed(&seed, 3);
    CHECK_EQ(ft_meter_open(&meter, &cfg, 0, NULL), FT_OK);
    CHECK_EQ(ft__estimates_init(&est, max_flows, &seed), FT_OK);
}

static void end(void)
{
    ft_meter_close(&meter);
    ft__estimates_fini(&est);
}

/* One sample of bytes at ts_s, at a source with a rate; of flow number n, v6 or not, either way. */
static struct ft_export_sample take(uint64_t source, uint32_t rate, uint32_t bytes, double ts_s,
                                    bool v6, uint32_t n, bool back)
{
    static FT_ALIGNED(32) struct ft_packet p;
    struct ft_export_sample s = {.pkt = &p,
                                 .source = source,
                                 .sampling_rate = rate,
                                 .frame_len = bytes,
                                 .est_packets = rate,
                                 .est_bytes = (uint64_t)rate * bytes};

    memset(&p, 0, sizeof p);
    p.key.proto = 17;
    p.key.port[0] = 1000;
    p.key.port[1] = 80;
    p.key.addr[0] = v6 ? 0 : htonl(0x0a000000 + n);
    p.key.addr[1] = v6 ? n : htonl(0x0b000000);
    p.key.bits = v6 ? FT_KEY_V6 : 0;
    memset(p.addr6, v6 ? (int)n : 0xa5, sizeof p.addr6); /* IPv4: nobody wrote it */
    p.hash = n * UINT64_C(0x9e3779b97f4a7c15) + v6;
    p.swap = back;
    p.frame_len = bytes;
    p.ip_len = bytes + 100; /* an agent may say less than the packet does */
    p.ts_ns = INT64_C(1700000000000000000) + (int64_t)(ts_s * 1e9);
    ft__estimates_take(&est, &meter, &s, 1, &counts);
    CHECK(s.counts == &counts);
    return s;
}

/* Two agents see the same packets at different rates: each has its own sums */
static void test_s24_agents_apart(void)
{
    for (int v6 = 0; v6 < 2; v6++) {
        struct ft_export_sample a, b;

        begin(64);
        a = take(1, 10000, 500, 0, v6, 7, false);
        for (int i = 0; i < 12; i++) {
            b = take(2, 1000, 500, 0.1 * i, v6, 7, false);
            CHECK_EQ(counts.packets, i + 1);
            CHECK_EQ(b.est_packets, 1000u * (unsigned)(i + 1));
        }
        a = take(1, 10000, 500, 2, v6, 7, false);
        CHECK_EQ(counts.packets, 2);
        CHECK_EQ(counts.bytes, 1000);
        CHECK_EQ(a.est_packets, 20000);
        CHECK_EQ(a.est_bytes, 10000000);
        CHECK_EQ(b.est_bytes, 6000000);
        end();
    }
}

/* A rate that changes scales what comes after it: sums never fall; directions are apart */
static void test_s24_rate_changes(void)
{
    static const uint32_t rates[] = {10000, 10000, 1000, 10, 5000};
    uint64_t packets = 0, bytes = 0;

    begin(64);
    for (uint32_t i = 0; i < 5; i++) {
        struct ft_export_sample s = take(1, rates[i], 100 + i, i, false, 1, false), r;

        packets += rates[i];
        bytes += (uint64_t)rates[i] * (100 + i);
        CHECK_EQ(s.est_packets, packets);
        CHECK_EQ(s.est_bytes, bytes);
        r = take(1, 2, 10, i, false, 1, true);
        CHECK_EQ(r.est_packets, 2 * (i + 1));
    }
    end();
}

/* A sample without a rate: the flow's estimate is not known from then on. It begins anew with the
 * flow, after the idle timeout. */
static void test_s24_unknown_rate(void)
{
    begin(64);
    CHECK_EQ(take(1, 100, 50, 0, false, 1, false).est_packets, 100);
    CHECK_EQ(take(1, 0, 50, 1, false, 1, false).est_packets, 0);
    CHECK_EQ(take(1, 100, 50, 2, false, 1, false).est_packets, 0);
    CHECK_EQ(take(1, 100, 50, 40, false, 1, false).est_packets, 100);
    CHECK_EQ(counts.packets, 1);
    CHECK_EQ(take(1, 0, 50, 80, false, 1, false).est_packets, 0);
    CHECK_EQ(take(1, 7, 50, 81, false, 1, false).est_packets, 0);
    end();
}

/* The end of numbers, not beyond it */
static void test_s24_saturates(void)
{
    struct ft_export_sample s;

    begin(64);
    for (int i = 0; i < 3; i++) {
        s = take(1, UINT32_MAX, UINT32_MAX, i, false, 1, false);
    }
    CHECK_EQ(s.est_packets, 3 * (uint64_t)UINT32_MAX);
    CHECK_EQ(s.est_bytes, UINT64_MAX);
    end();
}

/* Flows of both families with the same bytes in their addresses are two; a full table forgets, and
 * what comes back begins anew. */
static void test_s24_many_flows(void)
{
    begin(16);
    for (uint32_t n = 0; n < 200; n++) {
        CHECK_EQ(take(1, 10, 50, n * 0.001, n & 1, n, false).est_packets, 10);
    }
    CHECK_EQ(take(1, 10, 50, 1, false, 0, false).est_packets, 10);
    CHECK_EQ(take(1, 10, 50, 1, true, 0, false).est_packets, 10);
    CHECK_EQ(take(1, 10, 50, 1, true, 0, false).est_packets, 20);
    end();
}

/* ---- samples together ---- */

static FT_ALIGNED(32) struct ft__samples batch;

/* A sample of one of 40 flows, either way; some without a packet or a rate. */
static struct ft_export_sample some(uint32_t i, struct ft_packet *p)
{
    uint32_t n = i * UINT32_C(2654435761) >> 20;
    struct ft_export_sample s = {.source = n & 1,
                                 .est_packets = n % 7,
                                 .est_bytes = n % 7 * 100,
                                 .frame_len = 100,
                                 .keys_stay = true};

    memset(p, 0, sizeof *p);
    p->key.proto = 17;
    p->key.addr[0] = n / 2 % 20;
    p->hash = (n / 2 % 20 + 1) * UINT64_C(0x9e3779b97f4a7c15);
    p->swap = n >> 11 & 1;
    p->frame_len = p->ip_len = 100;
    p->ts_ns = INT64_C(1700000000000000000) + (int64_t)i * 300000000;
    s.pkt = n % 11 == 0 ? NULL : p;
    return s;
}

/* Counted together they come to what they come to one by one. */
static void test_batches(void)
{
    enum { ALL = 20 * FT__SAMPLES };
    static struct ft_export_sample one[ALL];
    static struct ft_tuple_counts of[ALL];
    static FT_ALIGNED(32) struct ft_packet p;
    struct ft_exporter_info who = {.port = 1};

    begin(64);
    for (uint32_t i = 0; i < ALL; i++) {
        one[i] = some(i, &p);
        ft__estimates_take(&est, &meter, &one[i], 1, &of[i]);
    }
    end();
    begin(64);
    for (uint32_t i = 0; i < ALL; i++) {
        struct ft_export_sample s = some(i, &p);

        s.exporter = &who;
        CHECK(ft__samples_fit(&batch, &s));
        CHECK(ft__samples_add(&batch, &s, true));
        if (ft__samples_fit(&batch, &s)) {
            continue;
        }
        CHECK_EQ(batch.n, FT__SAMPLES);
        ft__estimates_take(&est, &meter, batch.s, batch.n, batch.counts);
        for (uint32_t k = 0; k < batch.n; k++) {
            const struct ft_export_sample *a = &one[i + 1 - batch.n + k], *b = &batch.s[k];

            CHECK_EQ(a->est_packets, b->est_packets);
            CHECK_EQ(a->est_bytes, b->est_bytes);
            CHECK_EQ(a->counts == NULL, b->counts == NULL);
            CHECK(a->counts == NULL ||
                  memcmp(&of[i + 1 - batch.n + k], b->counts, sizeof of[0]) == 0);
        }
        batch.n = batch.n_values = 0;
    }
    CHECK_EQ(batch.n, 0);
    end();
}

/* What a sample that waits points to is the batch's own, or it must not wait. */
static void test_waiting(void)
{
    static struct ft_xvalue values[FT__SAMPLE_VALUES + 1];
    static FT_ALIGNED(32) struct ft_packet p;
    struct ft_exporter_info who = {.port = 7};
    struct ft_export_sample s = {.exporter = &who,
                                 .pkt = &p,
                                 .values = values,
                                 .n_values = FT__SAMPLE_VALUES - 1,
                                 .keys_stay = true};

    values[0].len = 5;
    batch.n = batch.n_values = 0;
    CHECK(ft__samples_add(&batch, &s, true));
    who.port = 8;
    s.n_values = 1;
    CHECK(ft__samples_fit(&batch, &s));
    CHECK(ft__samples_add(&batch, &s, true));
    memset(values, 0, sizeof values);
    CHECK_EQ(batch.s[0].exporter->port, 7);
    CHECK_EQ(batch.s[1].exporter->port, 8);
    CHECK_EQ(batch.s[0].values[0].len, 5);
    CHECK_EQ(batch.s[1].values[0].len, 5);
    CHECK(batch.s[1].pkt == &batch.pkt[1]);
    CHECK(!ft__samples_fit(&batch, &s)); /* no room for its value */
    s.n_values = 0;
    s.keys_stay = false;
    CHECK(!ft__samples_add(&batch, &s, false));
    CHECK_EQ(batch.s[2].exporter->port, 8);
    batch.n = batch.n_values = 0;
    s.n_values = FT__SAMPLE_VALUES + 1; /* more than fit at all */
    s.keys_stay = true;
    CHECK(!ft__samples_fit(&batch, &s));
    CHECK(!ft__samples_add(&batch, &s, false));
    CHECK(batch.s[0].values == values);
    batch.n = 0;
}

int main(void)
{
    RUN(test_s24_agents_apart);
    RUN(test_s24_rate_changes);
    RUN(test_s24_unknown_rate);
    RUN(test_s24_saturates);
    RUN(test_s24_many_flows);
    RUN(test_batches);
    RUN(test_waiting);
    return test_end();
}
