/* SPDX-License-Identifier: Apache-2.0 */
/* feature: a SYN that comes again and again, and what comes after it. */
#include "segments.h"

static void check(uint32_t sent_again, uint32_t captured_again, const char *history)
{
    const struct ft_tcp_record *r = record();

    CHECK_EQ(r->retrans[FT_DIR_FWD], sent_again);
    CHECK_EQ(r->dup_frames[FT_DIR_FWD], captured_again);
    CHECK_EQ(r->retrans[FT_DIR_REV], 0);
    CHECK_EQ(r->dup_frames[FT_DIR_REV], 0);
    CHECK_EQ(r->dup_acks[FT_DIR_FWD] + r->dup_acks[FT_DIR_REV], 0);
    CHECK_EQ(r->fast[FT_DIR_FWD], 0);
    CHECK_STR(r->history, history);
    CHECK(!r->midstream);
}

/* More often than the line of state can count. */
static void test_counts_go_on(void)
{
    begin();
    segment(0, SYN, 100, 0, 0);
    for (uint32_t i = 1; i <= 600; i++) {
        segment(0, SYN, 100, 0, 1000);
        check(i, 0, "S");
    }
    ft_feature_close(&ft_feature_tcp, &cfg, tcp);
}

static void test_copies(void)
{
    begin();
    segment(0, SYN, 100, 0, 0);
    segment(0, SYN, 100, 0, 50); /* captured again */
    check(0, 1, "S");
    segment(0, SYN, 100, 0, 1000); /* sent again */
    check(1, 1, "S");
    segment(0, SYN, 100, 0, 1000);
    check(2, 1, "S");
    segment(0, SYN, 100, 0, 1); /* captured again at once */
    check(2, 2, "S");
    segment(1, SYN | ACK, 900, 101, 10);
    segment(0, ACK, 101, 901, 10);
    check(2, 2, "ShA");
    CHECK_EQ(record()->rtt_us[FT_DIR_REV], UINT32_MAX); /* which of them was answered? */
    CHECK_EQ(record()->rtt_us[FT_DIR_FWD], 10000);
    ft_feature_close(&ft_feature_tcp, &cfg, tcp);
}

/* The counts stand where others will: they are not mistaken for those. */
static void test_what_comes_after(void)
{
    begin();
    segment(0, SYN, 100, 0, 0);
    for (int i = 0; i < 5; i++) {
        segment(0, SYN, 100, 0, 1000);
    }
    segment(1, RST | ACK, 0, 101, 5);
    check(5, 0, "Sr");
    segment(0, SYN, 100, 0, 1000);
    check(6, 0, "Sr");
    ft_feature_close(&ft_feature_tcp, &cfg, tcp);
    begin();
    segment(0, SYN, 100, 0, 0);
    segment(0, SYN, 100, 0, 1000);
    segment(0, SYN, 700, 0, 1000); /* another try */
    check(1, 0, "SS");
    segment(1, SYN | ACK, 900, 701, 10);
    segment(0, ACK, 701, 901, 10);
    check(1, 0, "SShA");
    ft_feature_close(&ft_feature_tcp, &cfg, tcp);
}

/* All of it without the cold part. */
static void test_a_line_is_enough(void)
{
    struct ft__tcp_hot hot;
    struct ft_packet p = {.tcp_flags = SYN,
                          .tcp_seq = 100,
                          .tcp_window = 1000,
                          .tcp_opts = FT_TCPO_WHOLE | FT_TCPO_NO_SCALE};
    struct ft_tcp_record r;
    uint32_t trip[2] = {0, 0};
    int64_t times[2] = {0, INT64_MIN};
    struct ft__tcp t = {.hot = &hot, .rtt_us = {&trip[0], &trip[1]}, .last_ns = times};

    ft__tcp_begin(&hot, false);
    for (int i = 0; i < 200; i++) { /* cold and copies are NULL */
        t.since_ns = i % 3 == 2 ? 20 * MS : (int64_t)1000 * MS;
        times[0] += t.since_ns;
        if (!ft__tcp_plain(&hot, &p, FT_DIR_FWD, t.since_ns)) {
            ft__tcp_slow(&t, &p, FT_DIR_FWD);
        }
    }
    CHECK((hot.side[FT_DIR_FWD].bits & FT__T_COLD) == 0);
    ft__tcp_record(&t, &r);
    CHECK_EQ(r.retrans[0] + r.dup_frames[0], 199);
    CHECK(r.dup_frames[0] > 0 && r.retrans[0] > 100);
}

int main(void)
{
    RUN(test_counts_go_on);
    RUN(test_copies);
    RUN(test_what_comes_after);
    RUN(test_a_line_is_enough);
    return test_end();
}
