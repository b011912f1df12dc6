/* SPDX-License-Identifier: Apache-2.0 */
/* What looks like a scan, a tunnel, an upload or a long connection, and is to be told once or
 * never. */
#include "detect/names.h"

#include "notes.h"

static const int64_t hour = 3600 * INT64_C(1000000000);

/* ---- trw_scan ---- */

/* A decision is told once in again_s; first contacts only, whatever came of the others. */
static void test_scanner_once(void)
{
    begin(FT_RULE_TRW_SCAN, "");
    for (uint32_t i = 0; i < 60; i++) {
        try_it(100 * s + i * s, 1, i, 80);
    }
    try_it(100 * s + 25 * hour, 1, 1, 80); /* known */
    for (uint32_t i = 0; i < 4; i++) {
        try_it(100 * s + 25 * hour, 1, 100 + i, 80);
    }
    CHECK_EQ(end(), 2);
    CHECK_EQ(alerts[0].flows, 4);
    CHECK_EQ(alerts[1].flows, 4);
    CHECK_EQ(alerts[1].suppressed, 14);
}

/* Half of a client's peers are gone, each on a port of its own; a scanner's targets are not. */
static uint32_t peers(uint32_t from_port, uint32_t ports)
{
    begin(FT_RULE_TRW_SCAN, "");
    for (uint32_t i = 0; i < 8; i++) { /* who it shares with */
        tell(flow(100 * s + i * s, 1, 1000 + i, (uint16_t)(from_port + 97 * i % ports)));
    }
    for (uint32_t i = 0; i < 200; i++) {
        try_it(200 * s + i * s, 1, i, (uint16_t)(from_port + 97 * i % ports));
    }
    return end();
}

static void test_peers(void)
{
    CHECK_EQ(peers(20000, 40000), 0);
    CHECK_EQ(peers(20000, 7), 1);   /* few ports */
    CHECK_EQ(peers(2000, 7000), 1); /* ports of services */
}

/* It shared files an hour and a half ago. */
static void test_peers_are_forgotten(void)
{
    begin(FT_RULE_TRW_SCAN, "trw_scan: {idle_s: 86400}");
    for (uint32_t i = 0; i < 8; i++) {
        tell(flow(100 * s + i * s, 1, 1000 + i, (uint16_t)(20000 + 97 * i)));
    }
    for (uint32_t i = 0; i < 200; i++) {
        try_it(100 * s + 3 * hour / 2 + i * s, 1, i, (uint16_t)(i < 4 ? 22 : 50000));
    }
    CHECK_EQ(end(), 1);
}

/* ---- long_connection ---- */

static void piece(int64_t from, int64_t until, bool syn, bool back, bool over)
{
    struct ft_note n = flow(from, back ? 2 : 1, back ? 1 : 2, 22), m = n;

    n.last_ns = until;
    n.at_ns = until + (over ? 0 : 10 * s);
    n.port[0] = 40000;
    n.bits = (uint16_t)((syn ? FT_NOTE_SYN : 0) | (over ? 0 : FT_NOTE_OPEN));
    if (back) { /* 10.1.0.2:22 speaks first */
        memcpy(n.addr[0], m.addr[1], 16);
        memcpy(n.addr[1], m.addr[0], 16);
        n.addr[0][3] = 2;
        n.addr[1][3] = 1;
        n.port[0] = 22;
        n.port[1] = 40000;
        n.bytes[0] = 2000;
        n.bytes[1] = 1000;
    }
    tell(n);
}

static void test_pieces_are_one(void)
{
    begin(FT_RULE_LONG_CONNECTION, "");
    piece(hour, hour + 60 * s, true, false, false);
    piece(hour + 1600 * s, hour + 1601 * s, false, true, false);
    piece(hour + 3400 * s, hour + 3590 * s, false, false, false);
    CHECK_EQ(n_alerts, 0);
    piece(hour + 3600 * s, hour + 3601 * s, false, true, true);
    CHECK_EQ(end(), 1);
    CHECK_EQ(alerts[0].address[1], 0);
    CHECK_EQ(alerts[0].address[3], 1);
    CHECK_EQ(alerts[0].peer[1], 1);
    CHECK_EQ(alerts[0].port, 22);
    CHECK_EQ(alerts[0].flows, 4);
    CHECK_EQ(alerts[0].bytes_out, 4000);
    CHECK_EQ(alerts[0].bytes_in, 8000);
    CHECK_EQ(alerts[0].packets, 80);
    CHECK_EQ(alerts[0].first_ns, hour);
    CHECK(alerts[0].duration_s == 3601);
}

/* A SYN, or a silence longer than keep-alives leave, begins another. */
static uint32_t pieces(int64_t gap, bool syn)
{
    begin(FT_RULE_LONG_CONNECTION, "");
    piece(hour, hour + 1800 * s, true, false, false);
    piece(hour + 1800 * s + gap, hour + 3700 * s + gap, syn, false, false);
    return end();
}

static void test_another_connection(void)
{
    CHECK_EQ(pieces(s, false), 1);
    CHECK_EQ(pieces(s, true), 0);
    CHECK_EQ(pieces(7800 * s, false), 1);
    CHECK_EQ(pieces(7801 * s, false), 0);
}

/* ---- exfiltration ---- */

static uint32_t upload(bool inside, uint64_t out, uint64_t in)
{
    struct ft_note n;

    begin(FT_RULE_EXFILTRATION, "");
    for (uint32_t i = 0; i < 12; i++) {
        tell(flow(6000 * s + i * 60 * s, 1, 2, 443));
    }
    n = flow(7000 * s, 1, 3, 443);
    n.bytes[0] = out;
    n.bytes[1] = in;
    n.addr[1][1] = inside ? 0 : 1;
    tell(n);
    return end();
}

static void test_upload(void)
{
    CHECK_EQ(upload(false, 20000000, 1000), 1);
    CHECK_EQ(upload(true, 20000000, 1000), 0);     /* the backup */
    CHECK_EQ(upload(false, 20000000, 9000000), 0); /* a call: 0.38 */
    CHECK_EQ(upload(false, 7000000, 3000000), 1);  /* 0.4 */
}

/* ---- dns_tunnel ---- */

static struct ft_packet answer(const char *name, uint32_t id, uint8_t first_byte, uint8_t *msg)
{
    struct ft_packet p = {.ts_ns = 1000 * s + id * s, .key.proto = 17, .key.port = {53, 40000}};
    uint32_t at = 12;

    memcpy(msg, (const uint8_t[]){(uint8_t)(id >> 8), (uint8_t)id, 0x81, 0x80, 0, 1, 0, 1}, 8);
    memset(msg + 8, 0, 4);
    for (const char *l = name; *l != '\0';) {
        size_t len = strcspn(l, ".");

        msg[at++] = (uint8_t)len;
        memcpy(msg + at, l, len);
        at += (uint32_t)len;
        l += len + (l[len] == '.');
    }
    memcpy(msg + at, (const uint8_t[]){0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4}, 17);
    memcpy(msg + at + 17, (const uint8_t[]){first_byte, 0, 0, 2}, 4);
    p.payload = msg;
    p.payload_len = p.payload_cap = (uint16_t)(at + 21);
    p.key.addr[0] = 0x0200010a;
    p.key.addr[1] = 0x0300010a;
    return p;
}

/* 300 names, a hash each, in a form; answered by an address that begins so. */
static uint32_t asked(const char *form, uint8_t first_byte)
{
    uint8_t msg[512];
    char name[256];

    begin(FT_RULE_DNS_TUNNEL, "");
    for (uint32_t i = 0; i < 300; i++) {
        uint64_t h = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        struct ft_packet p;

        snprintf(name, sizeof name, form, (unsigned)(h >> 32), (unsigned)h, (unsigned)(h >> 16));
        p = answer(name, i, first_byte, msg);
        ft_detect_answers(worker, &p, 1);
    }
    return end();
}

static void test_lists_are_no_tunnels(void)
{
    CHECK_EQ(asked("%08x%08x%08x.t.example.com", 10), 1);
    CHECK_EQ(asked("%08x%08x%08x.t.example.com", 127), 0); /* of files, RFC 5782 */
    CHECK_EQ(asked("%1$08x-%2$08x%3$08x.in-addr.arpa", 10), 0);
}

static bool looked_up(const char *name)
{
    struct ft_hash_seed seed = {{1, 2, 3, 4}};
    struct ft_note_name n;
    uint8_t text[256];

    memcpy(text, name, strlen(name) + 1);
    CHECK(ft__name_read(&seed, text, (uint32_t)strlen(name), &n));
    return n.looked_up;
}

static void test_names_of_addresses(void)
{
    CHECK(looked_up("4.3.2.1.zen.lists.example"));
    CHECK(!looked_up("3.2.1.zen.lists.example"));
    CHECK(!looked_up("1000.3.2.1.lists.example"));
    CHECK(looked_up("b.a.9.8.7.6.5.4.3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.l.example"));
    CHECK(!looked_up("a.9.8.7.6.5.4.3.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.l.example"));
    CHECK(looked_up("x.ip6.arpa"));
    CHECK(!looked_up("www.example.com"));
}

int main(void)
{
    RUN(test_scanner_once);
    RUN(test_peers);
    RUN(test_peers_are_forgotten);
    RUN(test_pieces_are_one);
    RUN(test_another_connection);
    RUN(test_upload);
    RUN(test_lists_are_no_tunnels);
    RUN(test_names_of_addresses);
    return test_end();
}
