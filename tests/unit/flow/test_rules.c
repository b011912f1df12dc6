/* SPDX-License-Identifier: Apache-2.0 */
/* flow: each rule of a flow's life, one packet at a time. */
#include "base/mem.h"
#include "make.h"

enum { SYN = FT_TCP_SYN, ACK = FT_TCP_ACK, FIN = FT_TCP_FIN, RST = FT_TCP_RST };

static void test_idle_boundary(void)
{
    struct ft_table *t = make_table(16);

    feed(t, make_packet(1, 0, BASE, 17, 0));
    feed(t, make_packet(1, 0, BASE + 30 * SEC - 1, 17, 0)); /* just in time */
    CHECK_EQ(out.n, 0);
    feed(t, make_packet(1, 0, BASE + 60 * SEC - 1, 17, 0)); /* exactly the timeout */
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_IDLE);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 60 * SEC - 1);
    CHECK_EQ(out.rec[0].packets[0], 2);
    CHECK(out.rec[0].is_final);
    CHECK_EQ(stats_of(t).created, 2);
    ft_table_free(t);
}

static void test_idle_on_a_silent_link(void)
{
    struct ft_table *t = make_table(16);

    feed(t, make_packet(1, 0, BASE, 17, 0));
    advance(t, BASE + 29 * SEC);
    CHECK_EQ(out.n, 0);
    advance(t, BASE + 31 * SEC);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 30 * SEC);
    CHECK_EQ(stats_of(t).active, 0);
    ft_table_free(t);
}

static void test_active_records(void)
{
    struct ft_table *t = make_table(16);

    for (int i = 0; i <= 130; i += 10) {
        feed(t, make_packet(1, i / 10 & 1, BASE + i * SEC, 17, 0));
    }
    CHECK_EQ(out.n, 2); /* at 60 and 120, each before that second's packet is counted */
    CHECK_EQ(out.rec[0].reason, FT_REASON_ACTIVE);
    CHECK(!out.rec[0].is_final);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 60 * SEC);
    CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 6);
    CHECK_EQ(out.rec[1].packets[0] + out.rec[1].packets[1], 12);
    CHECK_EQ(out.rec[1].segment, 1);
    CHECK_EQ(out.rec[0].since_ns, BASE);
    CHECK_EQ(out.rec[1].since_ns, BASE + 60 * SEC); /* side 0's; the other's is 10 s later */
    CHECK_EQ(out.rec[1].dir_since_ns[FT_DIR_FWD], BASE + 60 * SEC);
    CHECK_EQ(out.rec[1].first_ns, BASE);
    flush(t, BASE + 131 * SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 3);
    CHECK_EQ(out.rec[2].reason, FT_REASON_EOF);
    CHECK_EQ(out.rec[2].segment, 2);
    CHECK_EQ(out.rec[2].packets[0] + out.rec[2].packets[1], 14);
    CHECK(out.rec[0].flow_id == out.rec[2].flow_id && out.rec[0].flow_id != 0);
    CHECK_EQ(out.rec[2].src_port, 1); /* the direction does not flip */
    ft_table_free(t);
}

static void test_active_needs_packets(void)
{
    struct ft_table_config cfg = {.max_flows = 4,
                                  .rules.idle_ns = 1000 * SEC,
                                  .rules.active_ns = 60 * SEC,
                                  .linger_ns = 5 * SEC};
    struct ft_table *t = NULL;

    memset(&out, 0, sizeof out);
    CHECK_EQ(ft_table_new(&cfg, &t), FT_OK);
    feed(t, make_packet(1, 0, BASE, 17, 0));
    feed(t, make_packet(1, 0, BASE + 300 * SEC, 17, 0)); /* deadlines 60..300 passed: one record */
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 60 * SEC);
    feed(t, make_packet(1, 0, BASE + 359 * SEC, 17, 0));
    CHECK_EQ(out.n, 1);
    feed(t, make_packet(1, 0, BASE + 360 * SEC, 17, 0));
    CHECK_EQ(out.n, 2);
    CHECK_EQ(out.rec[1].timestamp_ns, BASE + 360 * SEC);
    ft_table_free(t);
}

static void test_snapshots(void)
{
    struct ft_table_config cfg = {.max_flows = 4,
                                  .rules.idle_ns = 30 * SEC,
                                  .rules.active_ns = 60 * SEC,
                                  .linger_ns = 5 * SEC,
                                  .snapshots = {2, 5},
                                  .n_snapshots = 2};
    struct ft_table *t = NULL;

    memset(&out, 0, sizeof out);
    CHECK_EQ(ft_table_new(&cfg, &t), FT_OK);
    for (int i = 0; i < 7; i++) {
        feed(t, make_packet(1, i & 1, BASE + i, 17, 0));
    }
    CHECK_EQ(out.n, 2);
    CHECK_EQ(out.rec[0].reason, FT_REASON_SNAPSHOT);
    CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 2);
    CHECK_EQ(out.rec[1].packets[0] + out.rec[1].packets[1], 5);
    CHECK_EQ(out.rec[1].timestamp_ns, BASE + 4);
    ft_table_free(t);
}

static void test_direction(void)
{
    static const struct {
        int side;
        uint8_t flags;
        int fwd_port;
    } cases[] = {
        {0, SYN, 7},       {1, SYN, 80}, {0, SYN | ACK, 80}, /* a SYN-ACK first: the other began */
        {1, SYN | ACK, 7}, {1, ACK, 80}, {0, 0, 7},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_table *t = make_table(4);

        feed(t, make_packet(7, cases[i].side, BASE, 6, cases[i].flags));
        feed(t, make_packet(7, !cases[i].side, BASE + 1, 6, ACK));
        flush(t, BASE + 2, FT_REASON_EOF);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.rec[0].src_port, cases[i].fwd_port);
        CHECK_EQ(out.rec[0].packets[0], 1);
        CHECK_EQ(out.rec[0].packets[1], 1);
        ft_table_free(t);
    }
}

static void test_same_address_both_ends(void)
{
    struct ft_table *t = make_table(4);
    struct ft_packet p = make_packet(5, 0, BASE, 6, SYN | ACK);

    p.key.addr[1] = p.key.addr[0];
    p.key.port[1] = p.key.port[0];
    make_hash(&p);
    feed(t, p);
    flush(t, BASE, FT_REASON_EOF);
    CHECK_EQ(out.rec[0].packets[0], 1); /* both ends are one: all of it is forward */
    ft_table_free(t);
}

static void handshake(struct ft_table *t, int64_t at, uint32_t isn)
{
    struct ft_packet p = make_packet(9, 0, at, 6, SYN);

    p.tcp_seq = isn;
    feed(t, p);
    feed(t, make_packet(9, 1, at + 1, 6, SYN | ACK));
    feed(t, make_packet(9, 0, at + 2, 6, ACK));
}

static void test_fin_both_ways_then_linger(void)
{
    struct ft_table *t = make_table(4);

    handshake(t, BASE, 100);
    feed(t, make_packet(9, 0, BASE + 3, 6, FIN | ACK));
    feed(t, make_packet(9, 1, BASE + 4, 6, ACK));
    advance(t, BASE + 6 * SEC);
    CHECK_EQ(out.n, 0); /* one FIN is no end */
    feed(t, make_packet(9, 1, BASE + 6 * SEC, 6, FIN | ACK));
    feed(t, make_packet(9, 0, BASE + 6 * SEC + 1, 6, ACK)); /* the last ACK makes no new flow */
    CHECK_EQ(out.n, 0);
    advance(t, BASE + 12 * SEC);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_END);
    CHECK_EQ(out.rec[0].packets[0], 4);
    CHECK_EQ(out.rec[0].packets[1], 3);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 11 * SEC + 1);
    CHECK_EQ(stats_of(t).created, 1);
    ft_table_free(t);
}

static void test_rst_ends(void)
{
    struct ft_table *t = make_table(4);

    handshake(t, BASE, 100);
    feed(t, make_packet(9, 1, BASE + 3, 6, RST));
    feed(t, make_packet(9, 0, BASE + 5 * SEC + 3, 6, ACK)); /* after the linger: something else */
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_END);
    CHECK_EQ(stats_of(t).created, 2);
    ft_table_free(t);
}

static void test_closed_at_eof_is_an_end(void)
{
    struct ft_table *t = make_table(4);

    handshake(t, BASE, 100);
    feed(t, make_packet(9, 1, BASE + 3, 6, RST));
    flush(t, BASE + 4, FT_REASON_EOF);
    CHECK_EQ(out.rec[0].reason, FT_REASON_END);
    ft_table_free(t);
}

static void test_new_syn_on_a_closed_flow(void)
{
    struct ft_table *t = make_table(4);

    handshake(t, BASE, 100);
    feed(t, make_packet(9, 1, BASE + 3, 6, RST));
    handshake(t, BASE + 4, 200);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_END);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 4);
    flush(t, BASE + 9, FT_REASON_EOF);
    CHECK_EQ(out.n, 2);
    CHECK_EQ(out.rec[1].packets[0] + out.rec[1].packets[1], 3);
    CHECK(out.rec[0].flow_id != out.rec[1].flow_id);
    ft_table_free(t);
}

static void test_reuse(void)
{
    struct ft_table *t = make_table(4);

    handshake(t, BASE, 100);
    handshake(t, BASE, 100); /* the same SYN again is no new connection */
    CHECK_EQ(out.n, 0);
    handshake(t, BASE, 200); /* another number, at the same instant even */
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_REUSE);
    CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 6);
    flush(t, BASE + 9, FT_REASON_EOF);
    CHECK(out.rec[0].flow_id != out.rec[1].flow_id);
    ft_table_free(t);
}

static void test_syn_retries_and_simultaneous_open(void)
{
    struct ft_table *t = make_table(4);
    struct ft_packet a = make_packet(9, 0, BASE, 6, SYN), b = make_packet(9, 1, BASE + 1, 6, SYN);

    a.tcp_seq = 1;
    b.tcp_seq = 2;
    feed(t, a);
    feed(t, b); /* both open at once: one connection */
    a.tcp_seq = 3;
    b.tcp_flags = SYN | ACK;
    feed(t, b);
    CHECK_EQ(out.n, 0);
    CHECK_EQ(stats_of(t).created, 1);
    ft_table_free(t);
    t = make_table(4);
    a.tcp_seq = 1;
    feed(t, a);
    a.tcp_seq = 2; /* nobody answered: another number is another try of the same */
    feed(t, a);
    CHECK_EQ(stats_of(t).created, 1);
    ft_table_free(t);
}

static void test_syn_after_its_answer(void)
{
    struct ft_table *t = make_table(4);
    struct ft_packet syn = make_packet(9, 0, BASE + 5, 6, SYN);

    syn.tcp_seq = 77;
    feed(t, make_packet(9, 1, BASE, 6, SYN | ACK));
    feed(t, make_packet(9, 0, BASE + 1, 6, ACK));
    feed(t, syn); /* reordered: the same connection */
    feed(t, syn); /* and now known */
    CHECK_EQ(stats_of(t).created, 1);
    syn.ts_ns = BASE + 3 * SEC;
    syn.tcp_seq = 78;
    feed(t, syn); /* another one */
    CHECK_EQ(stats_of(t).created, 2);
    CHECK_EQ(out.rec[0].reason, FT_REASON_REUSE);
    ft_table_free(t);
}

static void test_keys_stay_apart(void)
{
    struct ft_table *t = make_table(64);
    struct ft_packet p = make_packet(1, 0, BASE, 17, 0), v6 = p;

    feed(t, p);
    p.key.scope = FT_SCOPE_VLAN | 5; /* another VLAN */
    make_hash(&p);
    feed(t, p);
    p.key.scope = 0;
    p.key.proto = 6;
    make_hash(&p);
    feed(t, p);
    v6.key.bits = FT_KEY_V6; /* IPv6: same words of the hash, other addresses */
    make_hash(&v6);
    for (int i = 0; i < 3; i++) {
        v6.addr6[31] = (uint8_t)i;
        feed(t, v6);
        feed(t, v6);
    }
    CHECK_EQ(stats_of(t).created, 6);
    CHECK_EQ(stats_of(t).packets, 9);
    flush(t, BASE, FT_REASON_EOF);
    CHECK_EQ(out.rec[1].scope, FT_SCOPE_VLAN | 5);
    CHECK_EQ(out.rec[5].ip_version, 6);
    CHECK_EQ(out.rec[5].dst[15], 2);
    ft_table_free(t);
}

static void test_equal_hashes(void)
{
    struct ft_table *t = make_table(4096);

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) { /* all in reach of one bucket: 15 buckets of 7 */
            struct ft_packet p = make_packet((uint16_t)i, 0, BASE + i, 17, 0);

            p.hash = 12345;
            feed(t, p);
        }
    }
    CHECK_EQ(stats_of(t).created, 100);
    CHECK_EQ(out.n, 0);
    for (int i = 100; i < 3000; i++) { /* more than that: bounded work, evictions, nothing lost */
        struct ft_packet p = make_packet((uint16_t)i, 0, BASE + i, 17, 0);

        p.hash = 12345;
        feed(t, p);
    }
    CHECK(stats_of(t).ended[FT_REASON_EVICTED] > 2800);
    flush(t, BASE + SEC, FT_REASON_EOF);
    CHECK_EQ(stats_of(t).packets_final, 3100);
    CHECK_EQ(stats_of(t).active, 0);
    ft_table_free(t);
}

static void test_counters_carry(void)
{
    struct ft_table *t = make_table(4);
    struct ft_tuple_counts c;
    uint64_t bytes = 0, ip = 0, payload = 0;
    const uint64_t n = 200000;

    for (uint64_t i = 0; i < n; i++) {
        struct ft_packet p = make_packet(1, 0, BASE, 17, 0);

        p.frame_len = 512 * 1024 - (uint32_t)(i % 7); /* BIG TCP */
        p.ip_len = p.frame_len - 14 - (uint32_t)(i % 3);
        p.payload_len = p.ip_len - 40 - (uint32_t)(i % 40000);
        bytes += p.frame_len;
        ip += p.ip_len;
        payload += p.payload_len;
        take_packets(t, &out, &p, 1, &c);
    }
    CHECK_EQ(c.packets, n);
    CHECK_EQ(c.bytes, bytes);
    flush(t, BASE, FT_REASON_EOF);
    CHECK_EQ(out.rec[0].packets[0], n);
    CHECK_EQ(out.rec[0].bytes[0], bytes); /* 100 GB */
    CHECK_EQ(out.rec[0].ip_bytes[0], ip);
    CHECK_EQ(out.rec[0].payload_bytes[0], payload);
    CHECK_EQ(stats_of(t).bytes_final, bytes);
    ft_table_free(t);
}

/* A scan beyond max_flows: the whole batch is counted at once, and no entry serves two flows before
 * the record of the first was taken. */
static void test_full_table_counts_batches(void)
{
    struct ft_table *t = make_table(16);
    struct ft_packet pkts[64];
    struct ft_counted at[64];

    for (int i = 0; i < 16; i++) {
        feed(t, make_packet((uint16_t)i, 0, BASE, 17, 0));
    }
    for (int i = 0; i < 64; i++) {
        pkts[i] = make_packet((uint16_t)(100 + i), 0, BASE + 1 + i, 17, 0);
    }
    CHECK_EQ(ft_table_update(t, pkts, 64, at, NULL), 64);
    CHECK_EQ(stats_of(t).active, 16);
    for (int i = 0; i < 64; i++) {
        const struct ft_due *due = ft_table_due(t, (uint32_t)i);

        CHECK(at[i].bits == (FT_AT_NEW | FT_AT_FIRST));
        CHECK(due != NULL && due->is_final && due->reason == FT_REASON_EVICTED);
        CHECK(at[i].entry < ft_table_entries(16));
        for (int k = 0; k < i; k++) {
            CHECK(at[k].entry != at[i].entry);
        }
    }
    CHECK(ft_table_due(t, 64) == NULL);
    CHECK_EQ(stats_of(t).packets_final, 0);
    take_dues(t, &out);
    CHECK_EQ(stats_of(t).packets_final, 64);
    ft_table_free(t);
}

/* More records than the list holds: the batch is cut, and goes on when they are taken. */
static void test_list_of_dues_is_bounded(void)
{
    struct ft_table *t = make_table(500);
    struct ft_packet pkts[64];
    struct ft_counted at[64];
    uint32_t n = 0, cut = 0, timers = 10000;

    for (int i = 0; i < 500; i++) {
        feed(t, make_packet((uint16_t)i, 0, BASE, 17, 0));
    }
    for (int round = 0; round < 3; round++) { /* nobody takes anything */
        for (int i = 0; i < 64; i++) {
            pkts[i] = make_packet((uint16_t)(1000 + 64 * round + i), 0, BASE + 1, 17, 0);
        }
        n += ft_table_update(t, pkts, 64, at, NULL);
    }
    CHECK(n >= 64 && n < 192);
    CHECK_EQ(ft_table_update(t, pkts, 64, at, NULL), 0);
    take_dues(t, &out);
    CHECK_EQ(out.n, n);
    while (ft_table_tick(t, BASE + 40 * SEC, &timers)) { /* all others are idle */
        take_dues(t, &out);
        cut++;
    }
    take_dues(t, &out);
    CHECK(cut >= 3);
    CHECK_EQ(out.n, 500 + n);
    CHECK_EQ(stats_of(t).active, 0);
    ft_table_free(t);
}

/* An interim record stands between the packets before it and those behind. */
static void test_interim_cuts_the_batch(void)
{
    struct ft_table *t = make_table(16);
    struct ft_packet pkts[4];
    struct ft_counted at[4];

    feed(t, make_packet(1, 0, BASE, 17, 0));
    feed(t, make_packet(1, 0, BASE + 20 * SEC, 17, 0));
    feed(t, make_packet(1, 0, BASE + 40 * SEC, 17, 0));
    for (int i = 0; i < 4; i++) { /* the third of them is the first after 60 s */
        pkts[i] = make_packet(i == 1 ? 2 : 1, 0, BASE + (58 + i) * SEC, 17, 0);
    }
    CHECK_EQ(ft_table_update(t, pkts, 4, at, NULL), 2);
    CHECK_EQ(ft_table_update(t, pkts + 2, 2, at, NULL), 0);
    take_dues(t, &out);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_ACTIVE);
    CHECK_EQ(out.rec[0].packets[0], 4);
    CHECK_EQ(ft_table_update(t, pkts + 2, 2, at, NULL), 2);
    CHECK_EQ(at[0].since_ns, 2 * SEC);
    flush(t, BASE + 62 * SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 3);
    CHECK_EQ(out.rec[1].packets[0], 6);
    CHECK_EQ(out.rec[1].packets_delta[0], 2);
    ft_table_free(t);
}

/* What features are told of each packet. */
static void test_where_packets_were_counted(void)
{
    struct ft_table *t = make_table(16);
    struct ft_packet p = make_packet(1, 1, BASE, 6, SYN);
    struct ft_counted at[5];

    p.tcp_seq = 77;
    p.ip_len = 60;
    CHECK_EQ(ft_table_update(t, &p, 1, &at[0], NULL), 1);
    p.swap = 0;
    p.tcp_flags = SYN | ACK;
    p.ts_ns = BASE + 5;
    CHECK_EQ(ft_table_update(t, &p, 1, &at[1], NULL), 1);
    p.swap = 1;
    p.tcp_flags = ACK;
    p.ts_ns = BASE + 8;
    CHECK_EQ(ft_table_update(t, &p, 1, &at[2], NULL), 1);
    p.ts_ns = BASE + 6; /* late */
    CHECK_EQ(ft_table_update(t, &p, 1, &at[3], NULL), 1);
    p.swap = 0;
    p.tcp_flags = RST;
    p.tcp_opts = FT_TCPO_WHOLE;
    p.ts_ns = BASE + 9;
    CHECK_EQ(ft_table_update(t, &p, 1, &at[4], NULL), 1);
    CHECK_EQ(at[0].bits, FT_AT_NEW | FT_AT_FIRST | FT_AT_ISN);
    CHECK_EQ(at[1].bits, FT_AT_FIRST | FT_AT_ISN);
    CHECK_EQ(at[2].bits, FT_AT_SECOND | FT_AT_ISN);
    CHECK_EQ(at[3].bits, FT_AT_ISN);
    CHECK_EQ(at[4].bits, FT_AT_SECOND | FT_AT_ISN | FT_AT_CLOSES);
    CHECK(at[0].dir == FT_DIR_FWD && at[1].dir == FT_DIR_REV && at[2].dir == FT_DIR_FWD);
    CHECK(at[0].other_ns == INT64_MIN && at[1].other_ns == BASE && at[2].other_ns == BASE + 5);
    CHECK_EQ(at[2].since_ns, 8);
    CHECK_EQ(at[3].since_ns, -2);
    CHECK_EQ(at[2].first_len, 60);
    CHECK(at[4].isn == 77 && at[4].entry == at[0].entry);
    ft_table_free(t);
}

static void test_late_packets(void)
{
    struct ft_table *t = make_table(4);

    feed(t, make_packet(1, 0, BASE + 10 * SEC, 17, 0));
    feed(t, make_packet(1, 0, BASE + 9 * SEC, 17, 0));
    feed(t, make_packet(1, 1, BASE + 8 * SEC, 17, 0));
    flush(t, BASE + 10 * SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].first_ns, BASE + 8 * SEC);
    CHECK_EQ(out.rec[0].last_ns, BASE + 10 * SEC);
    CHECK_EQ(stats_of(t).late_packets, 2);
    ft_table_free(t);
}

static void test_flood_leaves_established_flows(void)
{
    const uint32_t max = 10000, kept = 6000;
    struct ft_table *t = make_table(max);
    uint64_t before;

    for (uint32_t i = 0; i < kept; i++) { /* two-way flows */
        struct ft_packet p = make_packet((uint16_t)i, 0, BASE + i, 17, 0);

        feed(t, p);
        p.swap = 1;
        feed(t, p);
    }
    for (uint32_t i = 0; i < 10 * max; i++) { /* a SYN each, never the same */
        struct ft_packet p = make_packet(1, 0, BASE + SEC + i * 1000, 6, SYN);

        p.key.addr[0] = i << 8;
        make_hash(&p);
        feed(t, p);
    }
    CHECK(stats_of(t).active <= max);
    CHECK_EQ(stats_of(t).ended[FT_REASON_EVICTED], 10 * max - (max - kept));
    before = stats_of(t).created;
    for (uint32_t i = 0; i < kept; i++) {
        feed(t, make_packet((uint16_t)i, 0, BASE + 2 * SEC, 17, 0));
    }
    uint64_t survived = kept - (stats_of(t).created - before);

    printf("     %llu of %u established flows survived a flood of %u times the table\n",
           (unsigned long long)survived, kept, 10);
    CHECK_EQ(survived, kept);
    ft_table_free(t);
}

static void test_full_of_established_flows(void)
{
    struct ft_table *t = make_table(100);

    for (uint32_t i = 0; i < 300; i++) {
        feed(t, make_packet((uint16_t)i, 0, BASE + i * SEC / 100, 17, 0));
        feed(t, make_packet((uint16_t)i, 1, BASE + i * SEC / 100, 17, 0));
    }
    CHECK_EQ(stats_of(t).active, 100);
    CHECK_EQ(stats_of(t).ended[FT_REASON_EVICTED], 200);
    CHECK(out.rec[0].packets[0] + out.rec[0].packets[1] == 2);
    flush(t, BASE + 3 * SEC, FT_REASON_EOF);
    CHECK_EQ(stats_of(t).packets_final, 600);
    ft_table_free(t);
}

static void test_clock_steps_and_extreme_times(void)
{
    static const int64_t times[] = {
        BASE, BASE - 3600 * SEC, BASE + 86400 * SEC, INT64_MAX, -INT64_MAX, 0, -1, INT64_MAX - 1,
        BASE, 1 - INT64_MAX};
    struct ft_table *t = make_table(64);
    uint64_t n = 0;

    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
            feed(t, make_packet((uint16_t)(n % 50), 0, times[i], 17, 0));
            n++;
        }
    }
    for (int i = 0; i < 20000; i++) { /* one hour back and forth with each packet */
        feed(t, make_packet((uint16_t)(i % 64), 0, BASE + (i & 1) * 3600 * SEC, 17, 0));
        n++;
    }
    CHECK(stats_of(t).clock_steps > 1000);
    flush(t, INT64_MAX, FT_REASON_EOF);
    CHECK_EQ(stats_of(t).packets_final, n);
    CHECK_EQ(stats_of(t).active, 0);
    for (uint32_t i = 0; i < out.n && i < 4096; i++) {
        if (out.rec[i].last_ns < out.rec[i].first_ns) {
            CHECK_EQ(out.rec[i].last_ns, out.rec[i].first_ns);
            break;
        }
    }
    ft_table_free(t);
}

static void test_clock_back_then_steady(void)
{
    struct ft_table *t = make_table(64);

    feed(t, make_packet(1, 0, BASE, 17, 0)); /* from before the step: never seen again */
    for (int i = 0; i < 100; i++) {
        feed(t, make_packet(2, 0, BASE - 3600 * SEC + i * SEC, 17, 0));
    }
    CHECK_EQ(stats_of(t).clock_steps, 1);
    CHECK_EQ(stats_of(t).ended[FT_REASON_IDLE], 1); /* not an hour later */
    ft_table_free(t);
}

static void test_budget_and_no_allocation(void)
{
    struct ft_table_config cfg = {
        .max_flows = 1 << 20, .rules.idle_ns = SEC, .rules.active_ns = SEC, .linger_ns = SEC};
    struct ft_table *t = make_table(1000);
    uint64_t before = ft_mem_count();

    CHECK(ft_table_budget(&cfg) / cfg.max_flows <= 280);
    for (int i = 0; i < 100000; i++) {
        feed(t, make_packet((uint16_t)i, i & 1, BASE + i * SEC / 100, 6, (uint8_t)(i & 31)));
    }
    flush(t, BASE + 2000 * SEC, FT_REASON_EOF);
    CHECK_EQ(ft_mem_count(), before);
    ft_table_free(t);
    cfg.max_flows = 0;
    CHECK_EQ(ft_table_new(&cfg, &t), FT_E_RANGE);
}

static void test_allocation_failures(void)
{
    struct ft_table_config cfg = {
        .max_flows = 100, .rules.idle_ns = SEC, .rules.active_ns = SEC, .linger_ns = SEC};
    struct ft_table *t = NULL;

    for (uint64_t n = 1; n <= 6; n++) {
        ft_mem_fail_at(n);
        CHECK_EQ(ft_table_new(&cfg, &t), FT_E_NOMEM);
    }
    ft_mem_fail_at(0);
}

int main(void)
{
    RUN(test_idle_boundary);
    RUN(test_idle_on_a_silent_link);
    RUN(test_active_records);
    RUN(test_active_needs_packets);
    RUN(test_snapshots);
    RUN(test_direction);
    RUN(test_same_address_both_ends);
    RUN(test_fin_both_ways_then_linger);
    RUN(test_rst_ends);
    RUN(test_closed_at_eof_is_an_end);
    RUN(test_new_syn_on_a_closed_flow);
    RUN(test_reuse);
    RUN(test_syn_retries_and_simultaneous_open);
    RUN(test_syn_after_its_answer);
    RUN(test_keys_stay_apart);
    RUN(test_equal_hashes);
    RUN(test_counters_carry);
    RUN(test_full_table_counts_batches);
    RUN(test_list_of_dues_is_bounded);
    RUN(test_interim_cuts_the_batch);
    RUN(test_where_packets_were_counted);
    RUN(test_late_packets);
    RUN(test_flood_leaves_established_flows);
    RUN(test_full_of_established_flows);
    RUN(test_clock_steps_and_extreme_times);
    RUN(test_clock_back_then_steady);
    RUN(test_budget_and_no_allocation);
    RUN(test_allocation_failures);
    return test_end();
}
