/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: features that are on see every packet, those that are off cost nothing. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/mem.h"
#include "harness.h"
#include "options.h"
#include "pipeline/meter.h"

enum { FLOWS = 100000, SEC = 1000000000 };

static const struct ft_table_config cfg = {.max_flows = FLOWS,
                                           .rules.idle_ns = 30ll * SEC,
                                           .rules.active_ns = 60ll * SEC,
                                           .linger_ns = SEC};

static uint32_t n_records, n_counts;
static uint32_t parts; /* a bit for each that some record had */

static void on_record(void *cookie, const struct ft_flow_record *rec)
{
    CHECK(cookie == &n_records);
    n_counts += rec == NULL;
    n_records += rec != NULL;
    for (uint32_t p = 0; rec != NULL && p < FT_PARTS_MAX; p++) {
        parts |= rec->part[p] != NULL ? 1u << p : 0;
    }
}

static void open_meter(struct ft_meter *m, uint32_t features)
{
    memset(m, 0, sizeof *m);
    CHECK_EQ(ft_meter_open(m, &cfg, features, default_options()), FT_OK);
    m->emit = on_record;
    m->cookie = &n_records;
    n_records = n_counts = parts = 0;
}

/* Two segments of each of n flows, both ways, in order: plain ones. */
static void count(struct ft_meter *m, uint32_t n)
{
    static FT_ALIGNED(64) struct ft_packet pkts[64];
    struct ft_counted at[64];

    for (uint32_t i = 0; i < 4 * n; i++) {
        struct ft_packet *p = &pkts[i % 64];

        memset(p, 0, sizeof *p);
        p->key = (struct ft_key){.addr = {i % n, ~0u}, .port = {1, 2}, .proto = 6};
        p->hash = (i % n) * UINT64_C(0x9e3779b97f4a7c15);
        p->ts_ns = (int64_t)i * 1000 + 1;
        p->swap = i / n & 1;
        p->ip_len = p->frame_len = 100;
        p->payload_len = 60;
        p->ip_id = (uint16_t)(i / n + 1);
        p->tcp_window = 1000;
        p->tcp_seq = 1000 + i / n / 2 * 60;
        p->tcp_ack = 1000 + (i / n + 1) / 2 * 60;
        p->tcp_flags = FT_TCP_ACK;
        p->tcp_opts = FT_TCPO_WHOLE | FT_TCPO_NO_SCALE;
        p->mark = FT_MARK_LINK;
        p->frag = i == 5 ? FT_FRAG_FIRST : FT_FRAG_NONE;
        if (i % 64 == 63 || i == 4 * n - 1) {
            ft_meter_count(m, pkts, i % 64 + 1, at, NULL);
        }
    }
}

static void run(struct ft_meter *m)
{
    count(m, 2000);
    ft_meter_flush(m, 8000000, FT_REASON_EOF);
    CHECK_EQ(n_records + n_counts, 2000);
}

static void test_off_is_nothing(void)
{
    struct ft_meter m;
    uint64_t before, base, more;
    uint32_t flow;
    size_t budget = ft_meter_budget(&cfg, 0, default_options(), &flow);

    before = ft_mem_count();
    open_meter(&m, 0);
    base = ft_mem_count() - before;
    CHECK_EQ(m.n_on, 0);
    run(&m);
    CHECK_EQ(parts, 1u << FT_PART_CORE);
    for (uint32_t p = FT_PART_CORE + 1; p < FT_PARTS_MAX; p++) {
        CHECK(ft_meter_state(&m, (enum ft_part)p) == NULL);
    }
    ft_meter_close(&m);
    CHECK_EQ(ft_table_budget(&cfg), budget);
    for (uint32_t p = FT_PART_CORE + 1; ft_feature_at(p) != NULL; p++) {
        uint32_t features = ft_features_needed(1u << p);

        before = ft_mem_count();
        open_meter(&m, features);
        more = ft_mem_count() - before;
        CHECK(more > base);
        CHECK_EQ(m.n_on, __builtin_popcount(features));
        CHECK(m.on[m.n_on - 1].feature == ft_feature_at(p) && m.on[m.n_on - 1].part == p);
        CHECK(ft_meter_budget(&cfg, features, default_options(), &flow) > budget);
        run(&m);
        /* names and labels are not known of these flows, and they have no headers */
        CHECK_EQ((parts ^ (1u << FT_PART_CORE | features)) &
                     ~(1u << FT_PART_APP | 1u << FT_PART_LABEL | 1u << FT_PART_NPRINT |
                       1u << FT_PART_NETFOUND),
                 0);
        ft_meter_close(&m);
    }
}

static void test_nobody_reads_records(void)
{
    struct ft_meter m;

    open_meter(&m, 0);
    m.counts_only = true;
    run(&m);
    CHECK_EQ(n_counts, 2000);
    ft_meter_close(&m);
}

static uint32_t flow_bytes(uint32_t features, const struct ft_set_options *options)
{
    uint32_t flow = 0;

    CHECK(ft_meter_budget(&cfg, features, options, &flow) > 0);
    return flow;
}

static void test_what_a_flow_takes(void)
{
    struct ft_set_options few = *default_options();

    few.of[FT_PART_SPLT][0] = 4;
    few.of[FT_PART_NFSTREAM][0] = 8;
    CHECK_EQ(flow_bytes(0, &few), 144);
    CHECK_EQ(flow_bytes(1u << FT_PART_SIZES, &few), 144 + 64);
    CHECK_EQ(flow_bytes(1u << FT_PART_TCP, &few), 144 + 72);
    CHECK_EQ(flow_bytes(1u << FT_PART_TUNNEL, &few), 144);
    CHECK_EQ(flow_bytes(1u << FT_PART_PACKETS, &few), 144 + 128);
    CHECK_EQ(flow_bytes(1u << FT_PART_LINK, &few), 144 + 32);
    CHECK_EQ(flow_bytes(1u << FT_PART_SPLT, &few), 144 + 44);
    CHECK_EQ(flow_bytes(1u << FT_PART_ZEEK, &few), 144 + 64);
    CHECK_EQ(flow_bytes(1u << FT_PART_SPLT, default_options()), 144 + 8 * 44);
    CHECK_EQ(flow_bytes(1u << FT_PART_CIC, &few), 144 + 128 + 2 * 192 + 128);
    CHECK_EQ(flow_bytes(1u << FT_PART_CIC_COMPAT, &few), 144 + 128 + 2 * 192);
    CHECK_EQ(flow_bytes(1u << FT_PART_BYTES, &few), 144 + 5 * 320 + 1);
    CHECK_EQ(flow_bytes(1u << FT_PART_NPRINT, &few), 144 + 10 * 128 + 1);
    CHECK_EQ(flow_bytes(1u << FT_PART_NETFOUND, &few), 144 + 64 + 12 * 8 + 78 * 32);
    CHECK_EQ(flow_bytes(1u << FT_PART_NF_V3, &few), 144 + 64);
    CHECK_EQ(flow_bytes(1u << FT_PART_NF_V3_COMPAT, &few), 144);
    CHECK_EQ(flow_bytes(1u << FT_PART_NFSTREAM, &few), 144 + 128 + 64);
    CHECK_EQ(flow_bytes(1u << FT_PART_NFSTREAM, default_options()), 144 + 128 + 2 * 64);
    CHECK_EQ(flow_bytes(1u << FT_PART_VECTOR, &few), 144 + 8);
    CHECK_EQ(flow_bytes(UINT32_MAX, &few) - flow_bytes(1u << FT_PART_APP, &few),
             64 + 72 + 128 + 32 + 44 + 64 + 192 + 5 * 320 + 1 + 10 * 128 + 1 + 64 + 640 + 512 + 64 +
                 12 * 8 + 78 * 32 + 8);
}

/* Bytes of this process that are in memory, counted page by page. */
static int64_t resident(void)
{
    unsigned long long kib = 0;
    char line[256];
    FILE *f = fopen("/proc/self/smaps_rollup", "r");

    CHECK(f != NULL);
    while (f != NULL && fgets(line, sizeof line, f) != NULL &&
           sscanf(line, "Rss: %llu", &kib) != 1) {
    }
    CHECK(f != NULL && fclose(f) == 0 && kib > 0);
    return (int64_t)kib * 1024;
}

/* What FLOWS flows come to touch with these features; *out_open: what opening them did. */
static int64_t touched(uint32_t features, int64_t *out_open)
{
    struct ft_meter m;
    int64_t before = resident(), now;

    open_meter(&m, features);
    *out_open = resident() - before;
    count(&m, FLOWS);
    CHECK_EQ(n_records, 0);
    now = resident();
    ft_meter_close(&m);
    return now - before;
}

/* The figures that the budget line gives are those of the memory: no more is touched, of what was
 * not asked for nothing, and nothing before there are flows. */
static void test_what_is_touched(void)
{
    const int64_t some = 64 * 1024; /* heap, stack, the ends of arrays */
    int64_t open_base, base, opened, all;
    uint32_t bytes;

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
    return; /* they keep books of what is touched */
#endif
    CHECK_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0); /* huge pages are touched whole */
    ft_ignore(touched(UINT32_MAX, &opened));            /* what the process needs itself */
    base = touched(0, &open_base);
    CHECK(open_base < some);
    CHECK(base > (int64_t)FLOWS * 128);
    CHECK(base < (int64_t)FLOWS * 144 + open_base + some);
    for (uint32_t p = FT_PART_CORE + 1; ft_feature_at(p) != NULL; p++) {
        bytes = flow_bytes(1u << p, default_options()) - 144;
        all = touched(1u << p, &opened);
        CHECK(opened < open_base + some);
        CHECK(all < base + (int64_t)FLOWS * (bytes + 1) + some);
    }
}

/* What a feature needs comes before it, so that its record can read it. */
static void test_needs_come_before(void)
{
    for (uint32_t p = 0; p < FT_PARTS_MAX; p++) {
        if (ft_feature_at(p) != NULL) {
            CHECK(ft_feature_at(p)->needs < 1u << p);
            CHECK_EQ(ft_features_needed(1u << p) & (ft_feature_at(p)->needs | 1u << p),
                     ft_feature_at(p)->needs | 1u << p);
        }
    }
    CHECK_EQ(ft_features_needed(0), 0);
}

static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 100; n++) {
        struct ft_meter m;

        memset(&m, 0, sizeof m);
        ft_mem_fail_at(n);
        int rc = ft_meter_open(&m, &cfg, UINT32_MAX, default_options());

        ft_mem_fail_at(0);
        ft_meter_close(&m);
        if (rc == FT_OK) {
            CHECK(n > 15);
            return;
        }
        CHECK_EQ(rc, FT_E_NOMEM);
    }
    CHECK(false);
}

int main(void)
{
    RUN(test_off_is_nothing);
    RUN(test_nobody_reads_records);
    RUN(test_what_a_flow_takes);
    RUN(test_needs_come_before);
    RUN(test_no_memory);
    RUN(test_what_is_touched);
    return test_end();
}
