/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule at its threshold, and one below. */
#include "detect/names.h"

#include "notes.h"

/* ---- scans ---- */

static uint32_t address_scan(uint32_t hosts, int64_t gap, uint32_t port_step)
{
    begin(FT_RULE_ADDRESS_SCAN, "");
    for (uint32_t i = 0; i < hosts; i++) {
        try_it(100 * s + i * gap, 1, i, (uint16_t)(22 + i * port_step));
    }
    return end();
}

static void test_address_scan(void)
{
    CHECK_EQ(address_scan(24, s, 0), 0);
    CHECK_EQ(address_scan(25, s, 0), 1);
    CHECK(alerts[0].value == 25 && alerts[0].threshold == 25);
    CHECK_EQ(alerts[0].hosts, 25);
    CHECK_EQ(alerts[0].flows, 25);
    CHECK_EQ(alerts[0].port, 22);
    CHECK_EQ(alerts[0].timestamp_ns, 100 * s + 24 * s + 5 * s);
    CHECK_EQ(alerts[0].first_ns, 100 * s);
    CHECK(!alerts[0].has_peer && alerts[0].has_port);
    CHECK_EQ(alerts[0].n_flow_ids, 8);
    CHECK_EQ(alerts[0].flow_id[7], 25);
    CHECK_STR(alerts[0].used, "hosts=25;window_s=300");
    CHECK_EQ(address_scan(40, s, 1), 0);                       /* on as many ports */
    CHECK_EQ(address_scan(60, 300 * s / 24 + s / 1000, 0), 0); /* 24 of them in 300 s */
    CHECK_EQ(address_scan(25, 300 * s / 24, 0), 1);
}

/* The same host again and again is one; answers, groups and UDP are none. */
static void test_what_is_no_scan(void)
{
    begin(FT_RULE_ADDRESS_SCAN, "");
    for (uint32_t i = 0; i < 100; i++) {
        struct ft_note n = flow(100 * s + i * s / 10, 3, i, 80);

        try_it(100 * s + i * s / 10, 1, i % 24, 22);
        tell(n); /* answered */
        n.bits |= FT_NOTE_FAILED | FT_NOTE_GROUP;
        tell(n);
        n.bits = FT_NOTE_FAILED;
        n.proto = 17;
        tell(n);
    }
    CHECK_EQ(end(), 0);
}

static uint32_t port_scan(uint32_t ports)
{
    begin(FT_RULE_PORT_SCAN, "");
    for (uint32_t i = 0; i < ports; i++) {
        try_it(100 * s + i * s, 1, 2, (uint16_t)(i + 1));
    }
    return end();
}

static void test_port_scan(void)
{
    CHECK_EQ(port_scan(14), 0);
    CHECK_EQ(port_scan(15), 1);
    CHECK_EQ(alerts[0].ports, 15);
    CHECK(alerts[0].has_peer && !alerts[0].has_port);
    CHECK_EQ(alerts[0].peer[3], 2);
}

/* 0.8, 0.2, 0.01, 0.99: four failures more than successes. */
static uint32_t walk(uint32_t good, uint32_t bad)
{
    begin(FT_RULE_TRW_SCAN, "");
    for (uint32_t i = 0; i < good; i++) {
        tell(flow(10 * s + i * s, 1, 100 + i, 80));
    }
    for (uint32_t i = 0; i < bad; i++) {
        try_it(100 * s + i * s, 1, i, 80);
    }
    return end();
}

static void test_trw_scan(void)
{
    CHECK_EQ(walk(0, 3), 0);
    CHECK_EQ(walk(0, 4), 1);
    CHECK(alerts[0].likelihood > 255.9 && alerts[0].likelihood < 256.1);
    CHECK(alerts[0].threshold > 98.9 && alerts[0].threshold < 99.1);
    CHECK_EQ(walk(1, 4), 0);
    CHECK_EQ(walk(1, 5), 1);
    CHECK_EQ(walk(4, 3), 0); /* four make it benign: it begins anew */
    CHECK_EQ(walk(4, 4), 1);
    begin(FT_RULE_TRW_SCAN, "");
    for (uint32_t i = 0; i < 20; i++) { /* first contacts only */
        try_it(100 * s + i * s, 1, i % 3, (uint16_t)i);
    }
    CHECK_EQ(end(), 0);
}

/* ---- floods ---- */

/* So many packets to a host in a span of 5 s, each of a flow of its own if it is a SYN. */
static void burst(uint32_t n, uint8_t flags, uint32_t frame_len, bool news)
{
    for (uint32_t i = 0; i < n; i++) {
        struct ft_packet p = {.ts_ns = 1000 * s + (int64_t)i * (5 * s / (int64_t)n),
                              .frame_len = frame_len,
                              .key.proto = 6,
                              .key.port = {80, (uint16_t)(1024 + i)},
                              .tcp_flags = flags,
                              .swap = 1};
        struct ft_counted at = {.bits = news ? FT_AT_NEW : 0};

        p.key.addr[0] = 0x0100000a;
        p.key.addr[1] = 0x0b000000 + i;
        ft_detect_packets(worker, &p, &at, 1);
    }
}

static uint32_t syns(uint32_t n, uint32_t others)
{
    begin(FT_RULE_SYN_FLOOD, "");
    burst(n, FT_TCP_SYN, 60, true);
    burst(others, FT_TCP_ACK, 60, false);
    return end();
}

static void test_syn_flood(void)
{
    CHECK_EQ(syns(4999, 0), 0);
    CHECK_EQ(syns(5000, 0), 1);
    CHECK(alerts[0].value == 1000 && alerts[0].threshold == 1000 && alerts[0].ratio == 1);
    CHECK_EQ(alerts[0].port, 80);
    CHECK_EQ(alerts[0].timestamp_ns, 1005 * s);
    CHECK_EQ(alerts[0].address[0], 10);
    CHECK_EQ(syns(5000, 5000), 1);
    CHECK_EQ(syns(5000, 5001), 0);
}

static uint32_t voted(uint32_t votes, uint32_t packets)
{
    struct ft_note n = flow(1000 * s, 1, 2, 80);

    n.bits = FT_NOTE_BURST;
    memset(&n.burst, 0, sizeof n.burst);
    n.burst.packets = packets;
    n.burst.votes = votes;
    begin(FT_RULE_VOLUME_FLOOD, "volume_flood: {packets_per_second: 1}");
    tell(n);
    return end();
}

/* Half of a class's votes, not less. */
static void test_half_of_the_votes(void)
{
    CHECK_EQ(voted(3, 6), 1);
    CHECK_EQ(voted(3, 7), 0);
}

/* Packets of a span that every worker has passed are in none. */
static void test_late_for_their_span(void)
{
    begin(FT_RULE_SYN_FLOOD, "");
    burst(1000, FT_TCP_SYN, 60, true);
    ft_detect_turn(worker, 0, 1010 * s, keep, NULL);
    burst(5000, FT_TCP_SYN, 60, true);
    CHECK_EQ(end(), 0);
}

static uint32_t volume(uint32_t n, uint32_t frame_len, bool news)
{
    begin(FT_RULE_VOLUME_FLOOD, "");
    burst(n, FT_TCP_ACK, frame_len, news);
    return end();
}

static void test_volume_flood(void)
{
    CHECK_EQ(volume(99999, 60, false), 0);
    CHECK_EQ(volume(100000, 60, false), 1);
    CHECK(alerts[0].value == 20000 && alerts[0].packets_rate == 20000);
    CHECK_EQ(volume(62499, 10000, false), 0);
    CHECK_EQ(volume(62500, 10000, false), 1); /* 1000 Mb/s */
    CHECK(alerts[0].value == 1000 && alerts[0].bits_rate == 1e9);
    CHECK_EQ(volume(17499, 60, true), 0);
    CHECK_EQ(volume(17500, 60, true), 1); /* 3500 flows/s */
}

/* ---- others ---- */

static uint32_t amplified(uint64_t asked, uint64_t answered, uint16_t port, bool seen)
{
    begin(FT_RULE_AMPLIFICATION, "");
    for (uint32_t i = 0; i < 10; i++) {
        struct ft_note n = flow(100 * s + i * s, 1, i, port);

        n.proto = 17;
        n.bytes[0] = asked / 10;
        n.bytes[1] = answered / 10;
        if (!seen) { /* the server is who began */
            n.bytes[0] = answered / 10;
            n.bytes[1] = 0;
            n.port[0] = port;
            n.port[1] = 4444;
        }
        tell(n);
    }
    return end();
}

static void test_amplification(void)
{
    CHECK_EQ(amplified(100000, 999990, 123, true), 0);
    CHECK_EQ(amplified(100000, 1000000, 123, true), 1);
    CHECK(alerts[0].ratio == 10);
    CHECK_EQ(alerts[0].bytes_in, 1000000);
    CHECK_EQ(alerts[0].hosts, 10);
    CHECK_EQ(amplified(100010, 1000000, 123, true), 0);
    CHECK_EQ(amplified(0, 10000000, 4444, true), 0); /* a port like others */
    CHECK(amplified(0, 10000000, 11211, false) > 0);
    CHECK(alerts[0].ratio != alerts[0].ratio); /* null: it never asked */
    CHECK_EQ(alerts[0].address[1], 1);
}

static uint32_t lasting(double hours, bool on)
{
    struct ft_note n = flow(100 * s, 1, 2, 22);

    begin(FT_RULE_LONG_CONNECTION, "");
    n.flow_id = 7;
    n.last_ns = n.first_ns + (int64_t)(hours * 3600e9);
    n.at_ns = n.last_ns;
    n.bits |= on ? FT_NOTE_ON : 0;
    tell(n);
    n.at_ns += 400 * s; /* it ends: the band was told */
    n.bits &= (uint8_t)~FT_NOTE_ON;
    tell(n);
    return end();
}

static void test_long_connection(void)
{
    CHECK_EQ(lasting(0.9999, true), 0);
    CHECK_EQ(lasting(1, true), 1);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_LOW);
    CHECK_EQ(lasting(3.9999, false), 1);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_LOW);
    CHECK_EQ(lasting(4, true), 1);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_MEDIUM);
    CHECK_EQ(lasting(12, true), 1);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_CRITICAL);
    CHECK(alerts[0].threshold == 43200);
}

static uint32_t upload(uint64_t usual, uint64_t bytes, uint32_t to, uint32_t minutes)
{
    struct ft_note n;

    begin(FT_RULE_EXFILTRATION, "exfiltration: {new_s: 300}");
    for (uint32_t i = 0; i < minutes; i++) {
        n = flow(6000 * s + i * 60 * s, 1, 2, 443);
        n.bytes[0] = usual;
        tell(n);
    }
    n = flow(6000 * s + minutes * 60 * s, 1, to, 443);
    n.bytes[0] = bytes;
    tell(n);
    return end();
}

/* All minutes alike: the deviation is a tenth of the mean. */
static void test_exfiltration(void)
{
    CHECK_EQ(upload(1000000, 1400000, 3, 12), 0); /* z is 4 */
    CHECK_EQ(upload(1000000, 1400001, 3, 12), 1);
    CHECK(alerts[0].z > 4 && alerts[0].z < 4.001 && alerts[0].usual == 1000000);
    CHECK_EQ(upload(1000000, 9000000, 2, 12), 0); /* known */
    CHECK_EQ(upload(1000000, 9000000, 3, 9), 0);  /* it learns for 10 minutes */
    CHECK_EQ(upload(10000, 999999, 3, 12), 0);
    CHECK_EQ(upload(10000, 1000000, 3, 12), 1);
}

static uint32_t first(enum ft_rule_id rule, int64_t after)
{
    begin(rule, "");
    tell(flow(100 * s, 1, 2, 80));
    tell(flow(100 * s + after, 1, 2, 80));
    tell(flow(100 * s + after, 3, 4, 81));
    return end();
}

static void test_first_seen(void)
{
    CHECK_EQ(first(FT_RULE_NEW_HOST, 3600 * s - 1), 0);
    CHECK_EQ(first(FT_RULE_NEW_HOST, 3600 * s), 2);
    CHECK_EQ(first(FT_RULE_NEW_PEER, 3600 * s - 1), 0);
    CHECK_EQ(first(FT_RULE_NEW_PEER, 3600 * s), 1);
    CHECK_EQ(first(FT_RULE_NEW_SERVICE, 3600 * s - 1), 0);
    CHECK_EQ(first(FT_RULE_NEW_SERVICE, 3600 * s), 1);
    CHECK_EQ(alerts[0].address[3], 4);
    CHECK_EQ(alerts[0].port, 81);
}

/* A clock that was wrong, and steps on to what is right: what is there then is not new. A flow that
 * began before that does not make the time before it one that was watched. */
static void test_learns_anew(void)
{
    struct ft_note old;

    begin(FT_RULE_NEW_HOST, "");
    old = flow(3 * s, 1, 3, 80);
    tell(flow(2 * s, 1, 2, 80));
    for (uint32_t i = 0; i < 100; i++) {
        tell(flow(1700000000 * s + i * s, 10 + i, 500 + i, 80));
    }
    old.at_ns = 1700000200 * s;
    tell(old);
    tell(flow(1700000300 * s, 200, 600, 80));
    CHECK_EQ(n_alerts, 0);
    tell(flow(1700003700 * s, 300, 600, 80));
    CHECK_EQ(end(), 1);
    CHECK_EQ(alerts[0].address[2], 1);
    CHECK_EQ(alerts[0].address[3], 300 - 256);
}

/* What collect is told of began before it listened. */
static void test_learns_from_when_it_listens(void)
{
    struct ft_note n;

    begin(FT_RULE_NEW_HOST, "");
    n = flow(10000 * s, 1, 2, 80);
    n.bits |= FT_NOTE_EXPORTED;
    n.first_ns = 1000 * s;
    tell(n);
    n = flow(10100 * s, 3, 4, 80);
    n.bits |= FT_NOTE_EXPORTED;
    tell(n);
    CHECK_EQ(end(), 0);
}

/* ---- beacons ---- */

static uint32_t beacon(uint32_t flows, int64_t square, const char *yaml)
{
    begin(FT_RULE_BEACON, yaml);
    tell(flow(1000 * s, 1, 2, 443)); /* makes the pair known */
    for (uint32_t i = 1; i <= flows; i++) {
        tell(flow(1000 * s + (square > 0 ? i * i * square : i * 20 * s), 1, 2, 443));
    }
    return end();
}

static void test_beacon(void)
{
    CHECK_EQ(beacon(9, 0, ""), 0);
    CHECK_EQ(beacon(10, 0, ""), 1);
    CHECK(alerts[0].score == 1 && alerts[0].interval_s == 20 && alerts[0].interval_mad_s == 0);
    CHECK(alerts[0].beacon[0] == 1 && alerts[0].beacon[1] == 1);
    CHECK(alerts[0].beacon[2] != alerts[0].beacon[2]); /* null: it is not watched for 6 hours */
    CHECK_EQ(alerts[0].flows, 10);
    /* 15, 25 ... 95 s: the median 55, MAD 20, no skew: 0.818; sizes are all alike */
    CHECK_EQ(beacon(10, 5 * s, "beacon: {score: 0.909}"), 1);
    CHECK(alerts[0].beacon[0] == 0.818 && alerts[0].score == 0.909);
    CHECK_EQ(beacon(10, 5 * s, "beacon: {score: 0.9091}"), 0);
    begin(FT_RULE_BEACON, "");
    for (uint32_t i = 0; i < 50; i++) { /* a period of 0 */
        tell(flow(1000 * s + i * (s / 100), 1, 2, 443));
    }
    CHECK_EQ(end(), 0);
}

/* One that comes back after days is one host that talks to the other, not many. */
static void test_beacon_after_days(void)
{
    begin(FT_RULE_BEACON, "");
    for (uint32_t i = 0; i < 24; i++) { /* 12 internal hosts */
        tell(flow(1000 * s + i * s, 1 + i / 2, 3, 443));
    }
    for (uint32_t i = 0; i < 8; i++) {
        tell(flow(2000 * s + i * 90000 * s, 1, 2, 443));
    }
    for (uint32_t i = 0; i < 11; i++) {
        tell(flow(2000 * s + 8 * 90000 * s + i * 20 * s, 1, 2, 443));
    }
    CHECK_EQ(end(), 1);
    CHECK(alerts[0].value == alerts[0].score);
}

/* How many talk to one that found no room in the table is not known: it is not rare. */
static void test_beacon_to_one_forgotten(void)
{
    begin(FT_RULE_BEACON, "");
    for (uint32_t i = 0; i < 24; i++) { /* 12 internal hosts, then 3000 that are talked to */
        tell(flow(1000 * s + i * s, 1 + i / 2, 3, 443));
    }
    for (uint32_t i = 0; i < 24; i++) { /* with each: 1 of 60 is few */
        tell(flow(1100 * s + i * s, 20 + i / 2, 4, 443));
        tell(flow(1100 * s + i * s, 40 + i / 2, 5, 443));
        tell(flow(1100 * s + i * s, 60 + i / 2, 6, 443));
        tell(flow(1100 * s + i * s, 80 + i / 2, 7, 443));
    }
    for (uint32_t i = 0; i < 2; i++) {
        tell(flow(1200 * s, 1, 2, 443));
    }
    for (uint32_t i = 0; i < 6000; i++) {
        tell(flow(1201 * s + i, 1, 100 + i / 2, 443));
    }
    for (uint32_t i = 1; i <= 11; i++) {
        tell(flow(2000 * s + i * i * 5 * s, 1, 2, 443));
    }
    CHECK_EQ(end(), 1);
    CHECK(alerts[0].score > 0.9 && alerts[0].score < 1);
    CHECK_EQ(alerts[0].severity, FT_SEVERITY_HIGH);
}

int main(void)
{
    RUN(test_address_scan);
    RUN(test_what_is_no_scan);
    RUN(test_port_scan);
    RUN(test_trw_scan);
    RUN(test_syn_flood);
    RUN(test_half_of_the_votes);
    RUN(test_late_for_their_span);
    RUN(test_volume_flood);
    RUN(test_amplification);
    RUN(test_long_connection);
    RUN(test_exfiltration);
    RUN(test_first_seen);
    RUN(test_learns_anew);
    RUN(test_learns_from_when_it_listens);
    RUN(test_beacon);
    RUN(test_beacon_after_days);
    RUN(test_beacon_to_one_forgotten);
    return test_end();
}
