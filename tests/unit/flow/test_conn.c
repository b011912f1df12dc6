/* SPDX-License-Identifier: Apache-2.0 */
/* flow: when a TCP connection is over, and what Zeek would call it, by the table alone. */
#include "flow/internal.h"
#include "make.h"
#include "model/conn.h"

enum { SYN = FT_TCP_SYN, ACK = FT_TCP_ACK, FIN = FT_TCP_FIN, RST = FT_TCP_RST };

/* side, flags, sequence number, acknowledgment, payload: of numbers that begin at 1000 and 9000 */
struct step {
    int side;
    uint8_t flags;
    uint32_t seq, ack, len;
};

static struct ft_packet segment(const struct step *s, int64_t at_ns)
{
    struct ft_packet p = make_packet(9, s->side, at_ns, 6, s->flags);

    p.tcp_opts = FT_TCPO_WHOLE | FT_TCPO_NO_SCALE;
    p.tcp_seq = s->seq;
    p.tcp_ack = s->ack;
    p.tcp_window = 1000;
    p.payload_len = s->len;
    p.ip_len = p.payload_len + 40;
    return p;
}

/* Which step closed it, or -1. */
static int run(const struct step *steps, int n, const char *want)
{
    struct ft_table *t = make_table(4);
    int closed = -1;

    for (int i = 0; i < n; i++) {
        struct ft_packet p = segment(&steps[i], BASE + i * SEC / 100);
        struct ft_counted at;

        CHECK_EQ(ft_table_update(t, &p, 1, &at, NULL), 1);
        if ((at.bits & FT_AT_CLOSES) && closed < 0) {
            closed = i;
        }
    }
    flush(t, BASE + SEC, FT_REASON_EOF);
    CHECK_EQ(out.n, 1);
    CHECK(closed < 0 || out.rec[0].reason == FT_REASON_END);
    CHECK_STR(ft_conn_state(&out.rec[0]), want);
    ft_table_free(t);
    return closed;
}

#define STEPS(...)                                                                                 \
    (const struct step[]){__VA_ARGS__},                                                            \
        (int)(sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))
#define OPEN                                                                                       \
    {0, SYN, 1000, 0, 0}, {1, SYN | ACK, 9000, 1001, 0},                                           \
    {                                                                                              \
        0, ACK, 1001, 9001, 0                                                                      \
    }

static void test_ends(void)
{
    /* both FINs, and both acknowledged: not before */
    CHECK_EQ(run(STEPS(OPEN, {0, FIN | ACK, 1001, 9001, 0}, {1, FIN | ACK, 9001, 1002, 0},
                       {0, ACK, 1002, 9002, 0}),
                 "SF"),
             5);
    /* the acknowledgment of less than the FIN is none */
    CHECK_EQ(run(STEPS(OPEN, {0, FIN | ACK, 1001, 9001, 10}, {1, FIN | ACK, 9001, 1011, 0},
                       {0, ACK, 1012, 9002, 0}),
                 "SF"),
             -1);
    /* data after the first FIN goes on */
    CHECK_EQ(run(STEPS(OPEN, {0, FIN | ACK, 1001, 9001, 0}, {1, ACK, 9001, 1002, 500},
                       {1, ACK, 9501, 1002, 500}, {0, ACK, 1002, 10001, 0},
                       {1, FIN | ACK, 10001, 1002, 0}, {0, ACK, 1002, 10002, 0}),
                 "SF"),
             8);
    CHECK_EQ(run(STEPS(OPEN, {1, RST, 9001, 0, 0}), "RSTR"), 3);
    CHECK_EQ(run(STEPS(OPEN, {0, ACK, 1001, 9001, 9}, {0, RST | ACK, 1010, 9001, 0}), "RSTO"), 4);
}

static void test_states(void)
{
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}), "S0"), -1);
    CHECK_EQ(run(STEPS(OPEN), "S1"), -1);
    CHECK_EQ(run(STEPS(OPEN, {0, FIN | ACK, 1001, 9001, 0}), "S2"), -1);
    CHECK_EQ(run(STEPS(OPEN, {1, FIN | ACK, 9001, 1001, 0}), "S3"), -1);
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}, {1, RST | ACK, 0, 1001, 0}), "REJ"), 1);
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}, {0, FIN, 1001, 0, 0}), "SH"), -1);
    CHECK_EQ(run(STEPS({0, ACK, 1000, 9000, 5}, {1, ACK, 9000, 1005, 5}), "OTH"), -1);
    /* the SYN after its answer */
    CHECK_EQ(run(STEPS({1, SYN | ACK, 9000, 1001, 0}, {0, SYN, 1000, 0, 0}), "S1"), -1);
}

/* A RST of the initiator behind nothing but its SYN and data. */
static void test_syn_then_reset(void)
{
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}, {0, RST, 1001, 0, 0}), "RSTOS0"), 1);
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}, {0, SYN, 1000, 0, 0}, {0, RST, 1001, 0, 0}), "RSTOS0"),
             2);
    CHECK_EQ(
        run(STEPS({0, SYN, 1000, 0, 0}, {0, ACK, 1001, 1, 20}, {0, RST, 1021, 0, 0}), "RSTOS0"), 2);
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}, {0, ACK, 1001, 1, 0}, {0, RST, 1001, 0, 0}), "OTH"),
             2);
    /* the responder acknowledges what is known, and then what nobody saw */
    CHECK_EQ(
        run(STEPS({0, SYN, 1000, 0, 0}, {1, ACK, 9000, 1001, 0}, {0, RST, 1001, 0, 0}), "RSTOS0"),
        2);
    CHECK_EQ(run(STEPS({0, SYN, 1000, 0, 0}, {1, ACK, 9000, 1101, 0}, {0, RST, 1101, 0, 0}), "OTH"),
             2);
    CHECK_EQ(run(STEPS({0, SYN | RST, 1000, 0, 0}, {0, RST, 1001, 0, 0}), "OTH"), 0);
}

/* What was not captured whole says by its flags alone when it is over. */
static void test_without_numbers(void)
{
    struct ft_table *t = make_table(4);

    feed(t, make_packet(9, 0, BASE, 6, SYN));
    feed(t, make_packet(9, 1, BASE + 1, 6, SYN | ACK));
    flush(t, BASE + 2, FT_REASON_EOF);
    CHECK_STR(ft_conn_state(&out.rec[0]), "OTH");
    ft_table_free(t);
}

/* Whatever comes of an established connection, the second line of its entry is not needed. */
static void test_established_is_plain(void)
{
    static const struct step steps[] = {OPEN};
    struct ft_table *t = make_table(4);
    struct ft_counted at;
    struct step more[] = {{0, ACK, 1001, 9001, 100}, {1, ACK, 9001, 1101, 100}};

    for (int i = 0; i < 3; i++) {
        struct ft_packet p = segment(&steps[i], BASE + i);

        CHECK_EQ(ft_table_update(t, &p, 1, &at, NULL), 1);
    }
    memset(&t->cold[at.entry], 0xee, sizeof t->cold[0]);
    struct ft__cold before = t->cold[at.entry];

    for (int i = 0; i < 200; i++) {
        struct step *s = &more[i & 1];
        struct ft_packet p = segment(s, BASE + 10 + i);

        CHECK_EQ(ft_table_update(t, &p, 1, &at, NULL), 1);
        s->seq += 100;
        more[!(i & 1)].ack += 100;
    }
    CHECK(memcmp(&before, &t->cold[at.entry], sizeof before) == 0);
    CHECK(t->hot[at.entry].last_ns[1] == BASE + 209); /* and read: the times would be others */
    ft_table_free(t);
}

int main(void)
{
    RUN(test_ends);
    RUN(test_states);
    RUN(test_syn_then_reset);
    RUN(test_without_numbers);
    RUN(test_established_is_plain);
    return test_end();
}
