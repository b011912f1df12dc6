/* SPDX-License-Identifier: Apache-2.0 */
/* What is no beacon though it comes by the clock, and what is told again. */
#include "notes.h"

enum { PERIOD_S = 20, UDP = 17 };

/* So many connections of 10.0.0.1 to 10.1.0.2, which is outside, each changed by the caller. */
static uint32_t calls(uint32_t n, void (*change)(struct ft_note *n, uint32_t i), const char *yaml)
{
    begin(FT_RULE_BEACON, yaml);
    for (uint32_t i = 0; i < n; i++) {
        struct ft_note note = flow(1000 * s + i * PERIOD_S * s, 1, 2, 443);

        change(&note, i);
        tell(note);
    }
    return end();
}

static void as_it_is(struct ft_note *n, uint32_t i)
{
    (void)n;
    (void)i;
}

static void in_pieces(struct ft_note *n, uint32_t i)
{
    n->port[0] = 40000;
    n->bits = i == 0 ? FT_NOTE_SYN : 0;
}

static void that_fail(struct ft_note *n, uint32_t i)
{
    (void)i;
    n->bits |= FT_NOTE_FAILED;
}

static void empty(struct ft_note *n, uint32_t i)
{
    (void)i;
    n->bytes[0] = n->bytes[1] = 0;
}

static void to_all(struct ft_note *n, uint32_t i)
{
    (void)i;
    n->bits |= FT_NOTE_GROUP;
}

static void inside(struct ft_note *n, uint32_t i)
{
    (void)i;
    n->addr[1][1] = 0; /* 10.0.0.2 */
}

static void from_outside(struct ft_note *n, uint32_t i)
{
    (void)i;
    n->addr[0][1] = 2;
}

static void to_the_link(struct ft_note *n, uint32_t i)
{
    static const uint8_t link[4] = {169, 254, 1, 1};

    (void)i;
    memcpy(n->addr[1], link, sizeof link);
}

static void udp_of_one_port(struct ft_note *n, uint32_t i)
{
    (void)i;
    n->proto = UDP;
    n->bits = 0;
    n->port[0] = 123;
}

static void udp_of_new_ports(struct ft_note *n, uint32_t i)
{
    n->proto = UDP;
    n->bits = 0;
    n->port[0] = (uint16_t)(2000 + i);
}

static void test_what_is_no_beacon(void)
{
    CHECK_EQ(calls(20, as_it_is, ""), 1);
    CHECK_EQ(calls(20, in_pieces, ""), 0);
    CHECK_EQ(calls(20, that_fail, ""), 0);
    CHECK_EQ(calls(20, empty, ""), 0);
    CHECK_EQ(calls(20, to_all, ""), 0);
    CHECK_EQ(calls(20, udp_of_one_port, ""), 0);
    CHECK_EQ(calls(20, udp_of_new_ports, ""), 1);
}

/* internal: whose they are; an empty list: nobody knows. */
static void test_who_is_internal(void)
{
    CHECK_EQ(calls(20, inside, ""), 0);
    CHECK_EQ(calls(20, from_outside, ""), 0);
    CHECK_EQ(calls(20, to_the_link, ""), 0);
    CHECK_EQ(calls(20, inside, "internal: []"), 1);
    CHECK_EQ(calls(20, from_outside, "internal: []"), 1);
    CHECK_EQ(calls(20, from_outside, "internal: [10.2.0.0/16, 10.7.0.0/16]"), 1);
    CHECK_EQ(calls(20, as_it_is, "internal: 10.0.0.0/8"), 0);
}

/* A pair once in again_s; the file's severity holds. */
static void test_once_a_day(void)
{
    CHECK_EQ(calls(4320, as_it_is, ""), 1); /* 24 h */
    CHECK_EQ(calls(4400, as_it_is, ""), 2);
    CHECK(alerts[1].suppressed > 60);
    CHECK_EQ(calls(440, as_it_is, "beacon: {again_s: 3600}"), 3);
}

/* Sizes that differ at first, and then no more. */
static void test_again_when_it_is_worse(void)
{
    begin(FT_RULE_BEACON, "");
    for (uint32_t i = 0; i < 200; i++) {
        struct ft_note n = flow(1000 * s + i * 60 * s, 1, 2, 443);

        n.bytes[0] += i < 80 ? i * i * 7 % 101 * 4 : 0;
        tell(n);
    }
    CHECK_EQ(end(), 2);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_HIGH);
    CHECK(alerts[0].score >= 0.9 && alerts[0].score < 1);
    CHECK_EQ(alerts[1].severity, FT_SEVERITY_CRITICAL);
    CHECK(alerts[1].score == 1);
}

/* So many of 100 hosts talk to it by the clock; all of them talk to something else. */
static uint32_t prevalent(uint32_t hosts, uint32_t of, const char *yaml)
{
    begin(FT_RULE_BEACON, yaml);
    for (uint32_t h = 0; h < of; h++) {
        tell(flow(900 * s, h, 9, 80));
        tell(flow(901 * s, h, 9, 80));
    }
    for (uint32_t i = 0; i < 12; i++) {
        for (uint32_t h = 0; h < hosts; h++) {
            tell(flow(1000 * s + i * PERIOD_S * s, h, 2, 443));
        }
    }
    return end();
}

static void test_what_most_talk_to(void)
{
    CHECK_EQ(prevalent(50, 100, ""), 0); /* 1 - 0.15 */
    CHECK_EQ(prevalent(49, 100, ""), 49);
    CHECK_EQ(prevalent(50, 100, "beacon: {score: 0.85}"), 50);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_MEDIUM);
    CHECK(alerts[0].score == 1 && alerts[0].value > 0.849 && alerts[0].value < 0.851);
    CHECK_EQ(prevalent(9, 9, ""), 9); /* too few to say */
    CHECK_EQ(prevalent(10, 10, ""), 0);
}

int main(void)
{
    RUN(test_what_is_no_beacon);
    RUN(test_who_is_internal);
    RUN(test_once_a_day);
    RUN(test_again_when_it_is_worse);
    RUN(test_what_most_talk_to);
    return test_end();
}
