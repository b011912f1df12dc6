/* SPDX-License-Identifier: Apache-2.0 */
/* flow: rules that a profile may have: each alone, beside flowtap's own. */
#include "make.h"

enum { SYN = FT_TCP_SYN, ACK = FT_TCP_ACK, FIN = FT_TCP_FIN, RST = FT_TCP_RST, UDP = 17 };

static struct ft_table *table(struct ft_flow_rules rules)
{
    struct ft_table_config cfg = {.max_flows = 8, .rules = rules, .linger_ns = 5 * SEC};
    struct ft_table *t = NULL;

    memset(&out, 0, sizeof out);
    CHECK_EQ(ft_table_new(&cfg, &t), FT_OK);
    return t;
}

/* The next packet, and no earlier one, is another flow's; its id is another, too. */
static void test_active_ends(void)
{
    struct ft_table *t = table(
        (struct ft_flow_rules){.idle_ns = 30 * SEC, .active_ns = 60 * SEC, .active_ends = true});

    for (int i = 0; i <= 6; i++) { /* the last one at the deadline */
        feed(t, make_packet(1, 1, BASE + i * 10 * SEC, UDP, 0));
    }
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_ACTIVE);
    CHECK(out.rec[0].is_final);
    CHECK_EQ(out.rec[0].packets[0], 6);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 60 * SEC);
    flush(t, BASE + 61 * SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 2);
    CHECK_EQ(out.rec[1].packets[0], 1);
    CHECK(out.rec[1].flow_id != out.rec[0].flow_id);
    ft_table_free(t);
}

/* On a silent link, too, and before the idle timeout of its last packet. */
static void test_active_ends_by_timer(void)
{
    struct ft_table *t = table(
        (struct ft_flow_rules){.idle_ns = 30 * SEC, .active_ns = 60 * SEC, .active_ends = true});

    for (int i = 0; i < 3; i++) {
        feed(t, make_packet(1, 0, BASE + i * 25 * SEC, UDP, 0));
    }
    advance(t, BASE + 70 * SEC);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_ACTIVE);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 60 * SEC);
    ft_table_free(t);
}

/* Where a packet has to come after it, a flow that has had its last is idle. */
static void test_active_at_packet(void)
{
    struct ft_flow_rules rules = {
        .idle_ns = 30 * SEC, .active_ns = 60 * SEC, .active_ends = true, .active_at_packet = true};
    static const struct {
        int64_t next; /* seconds */
        uint8_t reason;
    } cases[] = {{60, FT_REASON_ACTIVE}, {79, FT_REASON_ACTIVE}, {80, FT_REASON_IDLE}};

    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct ft_table *t = table(rules);

        for (int i = 0; i < 3; i++) {
            feed(t, make_packet(1, 0, BASE + i * 25 * SEC, UDP, 0));
        }
        feed(t, make_packet(1, 1, BASE + cases[k].next * SEC, UDP, 0));
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.rec[0].reason, cases[k].reason);
        CHECK_EQ(out.rec[0].packets[0], 3);
        CHECK(out.rec[0].is_final);
        flush(t, BASE + (cases[k].next + 1) * SEC, FT_REASON_EOF);
        CHECK_EQ(out.n, 2);
        CHECK_EQ(out.rec[1].packets[0] + out.rec[1].packets[1], 1);
        CHECK(out.rec[1].flow_id != out.rec[0].flow_id);
        ft_table_free(t);
    }
}

static void test_active_at_packet_by_timer(void)
{
    struct ft_table *t = table((struct ft_flow_rules){
        .idle_ns = 30 * SEC, .active_ns = 60 * SEC, .active_ends = true, .active_at_packet = true});

    for (int i = 0; i < 3; i++) {
        feed(t, make_packet(1, 0, BASE + i * 25 * SEC, UDP, 0));
    }
    advance(t, BASE + 79 * SEC);
    CHECK_EQ(out.n, 0);
    advance(t, BASE + 83 * SEC);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_IDLE);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 80 * SEC);
    ft_table_free(t);
}

/* Times cut to whole milliseconds: the gap is what is between the cut ones. */
static void test_tick(void)
{
    static const struct {
        int64_t first, next; /* ns behind BASE, which is whole */
        uint32_t flows;
    } cases[] = {{0, 30 * SEC - 1, 1},
                 {999999, 30 * SEC, 2},
                 {999999, 30 * SEC - 1, 1},
                 {-1, 30 * SEC - 1000000, 2},
                 {-1, 30 * SEC - 1000001, 1}};

    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct ft_table *t = table((struct ft_flow_rules){
            .idle_ns = 30 * SEC, .active_ns = INT64_MAX, .tick_ns = 1000000});

        feed(t, make_packet(1, 0, BASE + cases[k].first, UDP, 0));
        feed(t, make_packet(1, 0, BASE + cases[k].next, UDP, 0));
        flush(t, BASE + 40 * SEC, FT_REASON_EOF);
        CHECK_EQ(out.n, cases[k].flows);
        ft_table_free(t);
    }
}

static void test_idle_by_protocol(void)
{
    static const struct {
        uint8_t proto;
        int64_t gap;
        uint32_t flows;
    } cases[] = {{6, 299, 1}, {6, 300, 2}, {UDP, 59, 1}, {UDP, 60, 2}, {1, 60, 2}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_table *t = table((struct ft_flow_rules){
            .idle_ns = 300 * SEC, .idle_else_ns = 60 * SEC, .active_ns = INT64_MAX});

        feed(t, make_packet(1, 0, BASE, cases[i].proto, 0));
        feed(t, make_packet(1, 0, BASE + cases[i].gap * SEC, cases[i].proto, 0));
        flush(t, BASE + 400 * SEC, FT_REASON_EOF);
        CHECK_EQ(out.n, cases[i].flows);
        ft_table_free(t);
    }
}

/* A day of one flow: no interim record without an active timeout. */
static void test_never_active(void)
{
    struct ft_table *t = table((struct ft_flow_rules){.idle_ns = 60 * SEC, .active_ns = INT64_MAX});

    for (int64_t i = 0; i < 86400; i += 50) {
        feed(t, make_packet(1, 0, BASE + i * SEC, UDP, 0));
    }
    CHECK_EQ(out.n, 0);
    flush(t, BASE + 86400 * SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].packets[0], 1728);
    ft_table_free(t);
}

static void connection(struct ft_table *t, int64_t at, uint8_t last)
{
    feed(t, make_packet(1, 0, at, 6, SYN));
    feed(t, make_packet(1, 1, at + 1, 6, SYN | ACK));
    feed(t, make_packet(1, 0, at + 2, 6, last | ACK));
    feed(t, make_packet(1, 1, at + 3, 6, last | ACK));
    feed(t, make_packet(1, 0, at + 4, 6, ACK));
}

static void test_past_tcp_end(void)
{
    static const uint8_t ends[] = {0, FIN, RST};

    for (size_t i = 0; i < sizeof ends; i++) {
        struct ft_table *t = table((struct ft_flow_rules){
            .idle_ns = 120 * SEC, .active_ns = 1800 * SEC, .past_tcp_end = true});

        connection(t, BASE, ends[i]);
        connection(t, BASE + 100 * SEC, ends[i]);
        advance(t, BASE + 110 * SEC);
        CHECK_EQ(out.n, 0);
        advance(t, BASE + 221 * SEC);
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.rec[0].reason, FT_REASON_IDLE);
        CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 10);
        ft_table_free(t);
    }
}

static void test_first_is_fwd(void)
{
    struct ft_table *t = table(
        (struct ft_flow_rules){.idle_ns = 30 * SEC, .active_ns = 60 * SEC, .first_is_fwd = true});

    feed(t, make_packet(7, 1, BASE, 6, SYN | ACK));
    feed(t, make_packet(7, 0, BASE + 1, 6, ACK));
    flush(t, BASE + 2, FT_REASON_EOF);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].src_port, 80);
    CHECK_EQ(out.rec[0].packets[0], 1);
    CHECK_EQ(out.rec[0].packets[1], 1);
    ft_table_free(t);
}

/* What ends a flow at once: the responder's FIN or a RST, and neither the first packet nor the
 * initiator's FIN. A host that talks to itself has no responder. */
static void test_ends_at_once(void)
{
    static const struct {
        uint8_t first, side, flags;
        bool itself;
        uint32_t flows;
    } cases[] = {{ACK, 1, FIN | ACK, false, 2}, {ACK, 0, FIN | ACK, false, 1},
                 {ACK, 0, RST, false, 2},       {ACK, 0, RST | FIN, false, 1},
                 {RST, 1, ACK, false, 1},       {FIN, 0, ACK, false, 1},
                 {ACK, 1, FIN, true, 1},        {ACK, 1, RST, true, 2}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_table *t = table((struct ft_flow_rules){.idle_ns = 600 * SEC,
                                                          .active_ns = 120 * SEC,
                                                          .active_ends = true,
                                                          .past_tcp_end = true,
                                                          .first_is_fwd = true,
                                                          .tcp_end = FT_TCP_END_AT_ONCE});
        struct ft_packet p[3] = {make_packet(2000, 0, BASE, 6, cases[i].first),
                                 make_packet(2000, cases[i].side, BASE + 1, 6, cases[i].flags),
                                 make_packet(2000, 0, BASE + 2, 6, ACK)};

        for (int k = 0; k < 3; k++) {
            p[k].key.addr[1] = cases[i].itself ? p[k].key.addr[0] : p[k].key.addr[1];
            make_hash(&p[k]);
            feed(t, p[k]);
        }
        CHECK_EQ(out.n, cases[i].flows - 1);
        if (out.n == 1) {
            CHECK_EQ(out.rec[0].reason, FT_REASON_END);
            CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 2);
            CHECK_EQ(out.rec[0].timestamp_ns, BASE + 1);
        }
        flush(t, BASE + 3, FT_REASON_EOF);
        CHECK_EQ(out.n, cases[i].flows);
        ft_table_free(t);
    }
}

/* What makes the next SYN another flow's, and that nothing else does. */
static void test_ends_at_syn(void)
{
    static const struct {
        uint8_t flags[4]; /* 128: of the responder */
        uint8_t last;
        uint32_t flows;
    } cases[] = {
        {{FIN, 128 | FIN, ACK, ACK}, SYN, 2}, {{FIN, 128 | FIN, ACK, ACK}, ACK, 1},
        {{FIN, 128 | FIN, FIN, FIN}, SYN, 1}, {{FIN, FIN, ACK, ACK}, SYN, 1},
        {{ACK, 128 | RST, ACK, ACK}, SYN, 2}, {{ACK, RST, FIN, 128 | FIN}, 128 | SYN | ACK, 2},
        {{ACK, ACK, ACK, ACK}, SYN, 1},       {{FIN, FIN, 128 | FIN, 128 | ACK}, SYN, 2},
        {{ACK, ACK, FIN, 128 | FIN}, SYN, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_table *t = table((struct ft_flow_rules){.idle_ns = 600 * SEC,
                                                          .active_ns = 120 * SEC,
                                                          .active_ends = true,
                                                          .past_tcp_end = true,
                                                          .tcp_end = FT_TCP_END_AT_SYN});

        feed(t, make_packet(2, 0, BASE, 6, RST)); /* the first packet's flags end nothing */
        for (int k = 0; k < 4; k++) {
            uint8_t f = cases[i].flags[k];

            feed(t, make_packet(2, f >> 7, BASE + k + 1, 6, f & 127));
        }
        feed(t, make_packet(2, cases[i].last >> 7, BASE + 50 * SEC, 6, cases[i].last & 127));
        CHECK_EQ(out.n, cases[i].flows - 1);
        if (out.n == 1) {
            CHECK_EQ(out.rec[0].reason, FT_REASON_END);
            CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 5);
        }
        flush(t, BASE + 51 * SEC, FT_REASON_EOF);
        CHECK_EQ(out.n, cases[i].flows);
        CHECK_EQ(out.rec[out.n - 1].src_port, 2);
        ft_table_free(t);
    }
}

/* A SYN without ACK begins another flow, but where nothing else came since one did. */
static void test_ends_before_syn(void)
{
    static const struct {
        uint8_t flags[5]; /* 128: of the responder; 0: none */
        uint32_t flows;
    } cases[] = {
        {{SYN, SYN, SYN}, 1},
        {{SYN, 128 | SYN, SYN}, 1},
        {{SYN, 128 | SYN | ACK, SYN}, 2},
        {{SYN, 128 | SYN | ACK, SYN, SYN, ACK}, 2},
        {{SYN, RST, SYN}, 2},
        {{SYN, 64, SYN}, 2}, /* neither SYN nor ACK */
        {{SYN, 128 | SYN, 64, 128 | SYN}, 2},
        {{ACK, SYN}, 2},
        {{ACK, FIN | ACK, 128 | FIN | ACK, ACK, 128 | RST}, 1},
        {{FIN | ACK, 128 | FIN | ACK, ACK, ACK, 128 | SYN | ACK}, 1},
        {{128 | RST, 128 | SYN, SYN, ACK, 128 | SYN}, 3},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_table *t = table((struct ft_flow_rules){.idle_ns = INT64_MAX,
                                                          .active_ns = INT64_MAX,
                                                          .past_tcp_end = true,
                                                          .first_is_fwd = true,
                                                          .tcp_end = FT_TCP_END_BEFORE_SYN});

        for (int k = 0; k < 5 && cases[i].flags[k] != 0; k++) {
            uint8_t f = cases[i].flags[k];

            feed(t, make_packet(2, f >> 7, BASE + k * 5000 * SEC, 6, f & 127));
        }
        CHECK_EQ(out.n, cases[i].flows - 1);
        for (uint32_t k = 0; k < out.n; k++) {
            CHECK_EQ(out.rec[k].reason, FT_REASON_REUSE);
        }
        advance(t, BASE + 1000000 * SEC); /* nothing else ends a flow */
        CHECK_EQ(out.n, cases[i].flows - 1);
        flush(t, BASE + 1000001 * SEC, FT_REASON_EOF);
        CHECK_EQ(out.n, cases[i].flows);
        ft_table_free(t);
    }
}

/* The responder's packet behind the active timeout: its flow faces the way of the one before, when
 * the rules say so, and no timer was faster. */
static void test_follows(void)
{
    static const struct {
        uint8_t proto, follows;
        int gap;
        bool same;
    } cases[] = {{6, FT_FOLLOWS_TCP_UDP, 300, true},    {UDP, FT_FOLLOWS_TCP_UDP, 119, true},
                 {UDP, FT_FOLLOWS_TCP_UDP, 121, false}, {1, FT_FOLLOWS_TCP_UDP, 119, false},
                 {1, FT_FOLLOWS_ALL, 119, true},        {6, FT_FOLLOWS_ALL, 600, false},
                 {6, FT_FOLLOWS_NONE, 119, false}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_table *t = table((struct ft_flow_rules){.idle_ns = 600 * SEC,
                                                          .idle_else_ns = 120 * SEC,
                                                          .active_ns = 120 * SEC,
                                                          .active_ends = true,
                                                          .active_at_packet = true,
                                                          .past_tcp_end = true,
                                                          .follows = cases[i].follows});

        feed(t, make_packet(2, 0, BASE, cases[i].proto, 0));
        feed(t, make_packet(2, 0, BASE + 2 * SEC, cases[i].proto, 0));
        if (cases[i].same) {
            advance(t, BASE + (cases[i].gap + 1) * SEC); /* the timers wait */
            CHECK_EQ(out.n, 0);
        }
        feed(t, make_packet(2, 1, BASE + (cases[i].gap + 2) * SEC, cases[i].proto, 0));
        CHECK_EQ(out.n, 1);
        CHECK_EQ(out.rec[0].reason,
                 cases[i].gap < 120 || cases[i].same ? FT_REASON_ACTIVE : FT_REASON_IDLE);
        flush(t, BASE + 700 * SEC, FT_REASON_EOF);
        CHECK_EQ(out.n, 2);
        CHECK_EQ(out.rec[1].src_port == 2, cases[i].same);
        CHECK_EQ(out.rec[1].packets[cases[i].same], 1);
        ft_table_free(t);
    }
}

static struct ft_packet segment(int side, int64_t at_ns, uint8_t flags, uint32_t seq)
{
    struct ft_packet p = make_packet(1, side, BASE + at_ns, 6, flags);

    p.tcp_seq = seq;
    p.tcp_opts = FT_TCPO_WHOLE | FT_TCPO_NO_SCALE;
    p.payload_len = 0;
    return p;
}

/* A SYN that nobody answers is given up, on a silent link and by the next one; what is answered in
 * time is not. */
static void test_attempts(void)
{
    struct ft_flow_rules rules = {
        .idle_ns = 300 * SEC, .active_ns = INT64_MAX, .attempt_ns = 5 * SEC};
    struct ft_table *t = table(rules);

    feed(t, segment(0, 0, SYN, 7));
    feed(t, segment(0, 4 * SEC, SYN, 7));
    advance(t, BASE + 6 * SEC);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 5 * SEC);
    CHECK_EQ(out.rec[0].packets[0], 2);
    feed(t, segment(0, 8 * SEC, SYN, 7));
    feed(t, segment(0, 13 * SEC, SYN, 7));
    CHECK_EQ(out.n, 2);
    feed(t, segment(1, 18 * SEC - 1, SYN | ACK, 9));
    for (int i = 0; i < 3; i++) {
        feed(t, segment(0, (100 + i) * SEC, ACK, 8));
    }
    CHECK_EQ(out.n, 2);
    flush(t, BASE + 200 * SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 3);
    CHECK_EQ(out.rec[2].packets[0] + out.rec[2].packets[1], 5);
    ft_table_free(t);
}

/* FINs are enough, and the linger begins with the second. */
static void test_fins_and_fixed_linger(void)
{
    struct ft_flow_rules rules = {
        .idle_ns = 300 * SEC, .active_ns = INT64_MAX, .fins_end = true, .linger_fixed = true};
    struct ft_table *t = table(rules);

    feed(t, segment(0, 0, SYN, 7));
    feed(t, segment(1, SEC, SYN | ACK, 9));
    feed(t, segment(0, 2 * SEC, FIN | ACK, 8));
    feed(t, segment(1, 3 * SEC, FIN | ACK, 10));
    feed(t, segment(0, 7 * SEC, ACK, 9));
    feed(t, segment(0, 8 * SEC + 1, ACK, 9));
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].reason, FT_REASON_END);
    CHECK_EQ(out.rec[0].packets[0] + out.rec[0].packets[1], 5);
    ft_table_free(t);
}

/* A flow of names is looked at ten seconds after its first packet, then every ten. */
static void test_names(void)
{
    struct ft_flow_rules rules = {.idle_ns = 60 * SEC,
                                  .active_ns = INT64_MAX,
                                  .names_every_ns = 10 * SEC,
                                  .names_quiet_ns = 9 * SEC};
    struct ft_table *t = table(rules);

    for (int i = 0; i < 3; i++) {
        struct ft_packet p = make_packet(53, 0, BASE + i * SEC, UDP, 0);

        feed(t, p);
    }
    advance(t, BASE + 19 * SEC);
    CHECK_EQ(out.n, 0);
    advance(t, BASE + 21 * SEC);
    CHECK_EQ(out.n, 1);
    CHECK_EQ(out.rec[0].timestamp_ns, BASE + 20 * SEC);
    ft_table_free(t);
}

static void test_rules_that_are_none(void)
{
    struct ft_table_config cfg = {.max_flows = 8, .linger_ns = 5 * SEC};
    const struct ft_flow_rules good = {.idle_ns = SEC, .active_ns = INT64_MAX},
                               bad[] = {
                                   {.idle_ns = SEC, .active_ns = SEC, .linger_fixed = true},
                                   {.idle_ns = SEC, .active_ns = SEC, .attempt_ns = -1},
                                   {.idle_ns = SEC, .active_ns = SEC, .login_idle_ns = -1},
                                   {.idle_ns = SEC, .active_ns = SEC, .names_every_ns = -1},
                                   {.idle_ns = SEC,
                                    .active_ns = SEC,
                                    .names_every_ns = 1,
                                    .names_quiet_ns = -1},
                               };
    struct ft_table *t = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cfg.rules = bad[i];
        CHECK_EQ(ft_table_new(&cfg, &t), FT_E_RANGE);
    }
    cfg.rules = good;
    CHECK_EQ(ft_table_new(&cfg, &t), FT_OK);
    ft_table_free(t);
}

int main(void)
{
    RUN(test_active_ends);
    RUN(test_active_ends_by_timer);
    RUN(test_active_at_packet);
    RUN(test_active_at_packet_by_timer);
    RUN(test_tick);
    RUN(test_idle_by_protocol);
    RUN(test_never_active);
    RUN(test_past_tcp_end);
    RUN(test_first_is_fwd);
    RUN(test_ends_at_once);
    RUN(test_ends_at_syn);
    RUN(test_ends_before_syn);
    RUN(test_follows);
    RUN(test_attempts);
    RUN(test_fins_and_fixed_linger);
    RUN(test_names);
    RUN(test_rules_that_are_none);
    return test_end();
}
