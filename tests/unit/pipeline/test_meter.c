/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: features that are on see every packet, those that are off cost nothing. */
#include <string.h>

#include "base/mem.h"
#include "harness.h"
#include "pipeline/meter.h"

enum { FLOWS = 100000, SEC = 1000000000 };

static const struct ft_table_config cfg = {
    .max_flows = FLOWS, .idle_ns = 30ll * SEC, .active_ns = 60ll * SEC, .linger_ns = SEC};

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
    CHECK_EQ(ft_meter_open(m, &cfg, features), FT_OK);
    m->emit = on_record;
    m->cookie = &n_records;
    n_records = n_counts = parts = 0;
}

/* A segment of 2000 flows each, both ways, two of each. */
static void run(struct ft_meter *m)
{
    static FT_ALIGNED(64) struct ft_packet pkts[64];
    struct ft_counted at[64];

    for (uint32_t i = 0; i < 8000; i++) {
        struct ft_packet *p = &pkts[i % 64];

        memset(p, 0, sizeof *p);
        p->key = (struct ft_key){.addr = {i % 2000, ~0u}, .port = {1, 2}, .proto = 6};
        p->hash = (i % 2000) * UINT64_C(0x9e3779b97f4a7c15);
        p->ts_ns = (int64_t)i * 1000 + 1;
        p->swap = i / 2000 & 1;
        p->ip_len = p->frame_len = 100;
        p->tcp_flags = FT_TCP_ACK;
        p->tcp_opts = FT_TCPO_WHOLE | FT_TCPO_NO_SCALE;
        p->frag = i == 5 ? FT_FRAG_FIRST : FT_FRAG_NONE;
        if (i % 64 == 63 || i == 7999) {
            ft_meter_count(m, pkts, i % 64 + 1, at, NULL);
        }
    }
    ft_meter_flush(m, 8000000, FT_REASON_EOF);
    CHECK_EQ(n_records + n_counts, 2000);
}

static void test_off_is_nothing(void)
{
    struct ft_meter m;
    uint64_t before = ft_mem_count(), base, more;
    size_t budget = ft_meter_budget(&cfg, 0);

    open_meter(&m, 0);
    base = ft_mem_count() - before;
    CHECK_EQ(m.n_on, 0);
    run(&m);
    CHECK_EQ(parts, 1u << FT_PART_CORE);
    for (int p = FT_PART_SIZES; p <= FT_PART_APP; p++) {
        CHECK(ft_meter_state(&m, (enum ft_part)p) == NULL);
    }
    ft_meter_close(&m);
    CHECK_EQ(ft_table_budget(&cfg), budget);
    for (uint32_t p = FT_PART_SIZES; p <= FT_PART_APP; p++) {
        before = ft_mem_count();
        open_meter(&m, 1u << p);
        more = ft_mem_count() - before;
        CHECK(more > base);
        CHECK_EQ(m.n_on, 1);
        CHECK(m.on[0].feature == ft_feature_at(p) && m.on[0].part == p);
        CHECK(ft_meter_budget(&cfg, 1u << p) > budget);
        run(&m);
        CHECK(p == FT_PART_APP || parts == (1u << FT_PART_CORE | 1u << p));
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

static void test_what_a_flow_takes(void)
{
    CHECK_EQ(ft_meter_flow_bytes(0), 144);
    CHECK_EQ(ft_meter_flow_bytes(1u << FT_PART_SIZES), 144 + 64);
    CHECK_EQ(ft_meter_flow_bytes(1u << FT_PART_TCP), 144 + 72);
    CHECK_EQ(ft_meter_flow_bytes(1u << FT_PART_TUNNEL), 144);
    CHECK_EQ(ft_meter_flow_bytes(UINT32_MAX) - ft_meter_flow_bytes(1u << FT_PART_APP), 64 + 72);
}

static void test_no_memory(void)
{
    for (uint64_t n = 1; n < 40; n++) {
        struct ft_meter m;

        memset(&m, 0, sizeof m);
        ft_mem_fail_at(n);
        int rc = ft_meter_open(&m, &cfg, UINT32_MAX);

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
    RUN(test_no_memory);
    return test_end();
}
