/* SPDX-License-Identifier: Apache-2.0 */
/* Scans by other means than SYNs; and what looks like one and is none. */
#include "model/field.h"

#include "notes.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };

/* A flow of 10.0.0.1 to one host that nobody answers. */
static struct ft_flow_record flow_of(uint8_t proto, uint8_t flags, uint32_t i)
{
    struct ft_flow_record f = {.timestamp_ns = 1000 * s + i * (s / 10) + s,
                               .first_ns = 1000 * s + i * (s / 10),
                               .last_ns = 1000 * s + i * (s / 10),
                               .flow_id = i + 1,
                               .proto = proto,
                               .ip_version = 4,
                               .is_final = true,
                               .packets = {1, 0},
                               .bytes = {60, 0},
                               .tcp_flags = {flags, 0},
                               .src = {10, 0, 0, 1},
                               .dst = {10, 1, 0, 1},
                               .src_port = 50000};

    return f;
}

static void tell_record(const struct ft_flow_record *f)
{
    struct ft_note n;

    ft_note_of(f, &n);
    tell(n);
}

/* Alerts of 40 flows to one host, each to another port from `port` on. */
static uint32_t ports_from(uint16_t from, uint8_t proto, uint8_t flags, uint16_t port,
                           uint64_t answers)
{
    begin(FT_RULE_PORT_SCAN, "");
    for (uint32_t i = 0; i < 40; i++) {
        struct ft_flow_record f = flow_of(proto, flags, i);

        f.src_port = from;
        f.dst_port = (uint16_t)(port + i);
        f.packets[1] = answers;
        tell_record(&f);
    }
    return end();
}

static uint32_t ports_of(uint8_t proto, uint8_t flags, uint16_t port, uint64_t answers)
{
    return ports_from(50000, proto, flags, port, answers);
}

/* Likewise to 40 hosts, one port. */
static uint32_t hosts_of(uint8_t proto, uint8_t flags, uint16_t from, uint16_t to, uint64_t answers)
{
    begin(FT_RULE_ADDRESS_SCAN, "");
    for (uint32_t i = 0; i < 40; i++) {
        struct ft_flow_record f = flow_of(proto, flags, i);

        f.dst[3] = (uint8_t)(1 + i);
        f.src_port = from;
        f.dst_port = to;
        f.packets[1] = answers;
        tell_record(&f);
    }
    return end();
}

/* FIN, NULL, Xmas: no connection has a segment without SYN, ACK and RST (RFC 9293 section 3.10). */
static void test_segments_of_no_connection(void)
{
    static const uint8_t kinds[] = {FT_TCP_FIN, 0, FT_TCP_FIN | FT_TCP_PSH | FT_TCP_URG};

    for (size_t i = 0; i < sizeof kinds; i++) {
        CHECK_EQ(ports_of(TCP, kinds[i], 1, 0), 1); /* open or filtered */
        CHECK_EQ(ports_of(TCP, kinds[i], 1, 1), 1); /* closed: a RST */
        CHECK_EQ(hosts_of(TCP, kinds[i], 50000, 80, 0), 1);
        CHECK_EQ(alerts[0].failed, 25);
        CHECK(alerts[0].has_port && alerts[0].port == 80 && alerts[0].proto == TCP);
    }
    CHECK_EQ(ports_of(TCP, FT_TCP_ACK, 1, 0), 0); /* one direction of what began before */
    CHECK_EQ(ports_of(TCP, FT_TCP_RST, 1, 0), 0);
    CHECK_EQ(ports_of(TCP, FT_TCP_FIN | FT_TCP_ACK, 1, 1), 0);
}

/* Fragments without a header have no flags, and no ports. */
static void test_no_header(void)
{
    begin(FT_RULE_ADDRESS_SCAN, "");
    for (uint32_t i = 0; i < 40; i++) {
        struct ft_flow_record f = flow_of(TCP, 0, i);

        f.dst[3] = (uint8_t)(1 + i);
        f.no_ports = true;
        tell_record(&f);
    }
    CHECK_EQ(end(), 0);
}

static void test_udp(void)
{
    CHECK_EQ(ports_of(UDP, 0, 100, 0), 1);
    CHECK(alerts[0].proto == UDP && alerts[0].ports == 15);
    CHECK_EQ(ports_of(UDP, 0, 100, 1), 0);
    CHECK_EQ(ports_of(UDP, 0, 33434, 0), 0);       /* traceroute */
    CHECK_EQ(ports_from(53, UDP, 0, 20000, 0), 0); /* answers of an amplifier */
    CHECK_EQ(ports_from(11211, UDP, 0, 4000, 0), 0);
    CHECK_EQ(hosts_of(UDP, 0, 50000, 53, 0), 0); /* lame name servers, peers that are gone */
}

/* Echo requests: an entity of no port. */
static void test_echo(void)
{
    CHECK_EQ(hosts_of(ICMP, 0, 8, 0, 0), 1);
    CHECK(!alerts[0].has_port && alerts[0].proto == ICMP && alerts[0].hosts == 25);
    CHECK_EQ(hosts_of(ICMP, 0, 8, 0, 1), 0);
    CHECK_EQ(hosts_of(ICMP, 0, 3, 3, 0), 0); /* errors */
    CHECK_EQ(hosts_of(ICMP6, 0, 128, 129, 0), 1);
    CHECK_EQ(hosts_of(ICMP6, 0, 135, 136, 0), 0); /* neighbours */
}

/* Ports by TCP and by UDP are not added up. */
static void test_protocols_apart(void)
{
    begin(FT_RULE_PORT_SCAN, "");
    for (uint32_t i = 0; i < 28; i++) {
        struct ft_flow_record f = flow_of(i % 2 ? TCP : UDP, FT_TCP_SYN, i);

        f.dst_port = (uint16_t)(1 + i);
        tell_record(&f);
    }
    CHECK_EQ(end(), 0);
}

int main(void)
{
    RUN(test_segments_of_no_connection);
    RUN(test_no_header);
    RUN(test_udp);
    RUN(test_echo);
    RUN(test_protocols_apart);
    return test_end();
}
