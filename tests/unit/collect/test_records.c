/* SPDX-License-Identifier: Apache-2.0 */
/* collect: what a record's key, counters, times and finality are taken from (docs/collect.md). */
#include "feed.h"

#define SECOND INT64_C(1000000000)
#define EXPORT (INT64_C(1700000000) * SECOND)
#define DAY_MS (UINT32_C(86400) * 1000)

/* One IPFIX or v9 message of a template of these fields and a set of n bytes: its record. */
static void one(struct ft_collector *c, bool v9_, uint32_t uptime_ms, const long *fields,
                const uint8_t *record, size_t n)
{
    if (v9_) {
        v9(1, 1, uptime_ms);
    } else {
        ipfix(0, 1);
    }
    template_of(v9_ ? 0 : 2, 256, fields);
    set(256);
    memcpy(at, record, n);
    at += n;
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
}

static const uint8_t *be(uint64_t v, int bytes)
{
    static uint8_t out[8];

    for (int i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
    }
    return out;
}

/* ---- times ---- */

static void check_uptime(uint32_t uptime_ms, uint32_t first, uint32_t last, int64_t first_ms,
                         int64_t last_ms)
{
    struct ft_collector *c = make();
    uint8_t record[8];

    memcpy(record, be(first, 4), 4);
    memcpy(record + 4, be(last, 4), 4);
    one(c, true, uptime_ms, (const long[]){22, 4, 21, 4, -1}, record, 8);
    CHECK_EQ((LAST.first_ns - EXPORT) / 1000000, first_ms);
    CHECK_EQ((LAST.last_ns - EXPORT) / 1000000, last_ms);
    v5(0, 1, uptime_ms, 0);
    v5_record(first, last);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ((LAST.first_ns - EXPORT - 250000000) / 1000000, first_ms);
    CHECK_EQ((LAST.last_ns - EXPORT - 250000000) / 1000000, last_ms);
    ft_collector_free(c);
}

/* Flows that last for more than half of what an uptime can count; ends and records ahead of their
 * header; RFC 3954 §8, Cisco's v5 alike */
static void test_long_flows(void)
{
    int64_t day = DAY_MS;

    check_uptime(30 * DAY_MS, 4 * DAY_MS, 30 * DAY_MS - 1000, -26 * day, -1000);
    check_uptime(49 * DAY_MS, 1, 49 * DAY_MS, -49 * day + 1, 0);
    check_uptime(6 * DAY_MS, 6 * DAY_MS - 26 * DAY_MS, 6 * DAY_MS, -26 * day, 0); /* wrapped */
    check_uptime(6 * DAY_MS, 6 * DAY_MS - 49 * DAY_MS, 5 * DAY_MS, -49 * day, -day);
    check_uptime(1000, 3000, 5000, 2000, 4000); /* both after the export */
    check_uptime(1000, 1000 + 2 * DAY_MS, 6000 + 2 * DAY_MS, 2 * day, 2 * day + 5000);
    check_uptime(UINT32_MAX - 1000, UINT32_MAX - 9000, 2000, -8000, 3001);
    check_uptime(8000, 6000, 5000, -2000, -3000); /* an end before its start */
    check_uptime(8000, 12000, 11000, 4000, 3000); /* and both late */
    check_uptime(2000, UINT32_MAX - 999, 1500, -3000, -500);
    check_uptime(0, 0, 0, 0, 0);
}

/* A start alone is before the export, but for an hour */
static void test_lone_start(void)
{
    struct ft_collector *c = make();

    one(c, true, 1000, (const long[]){22, 4, -1}, be(61000, 4), 4);
    CHECK_EQ(LAST.first_ns, EXPORT + 60 * SECOND);
    CHECK_EQ(LAST.last_ns, INT64_MIN);
    one(c, true, 1000, (const long[]){22, 4, -1}, be(UINT32_C(1) << 31, 4), 4);
    CHECK_EQ(LAST.first_ns, EXPORT - SECOND - (INT64_C(1) << 31) * 1000000);
    one(c, true, 1000, (const long[]){21, 4, -1}, be(DAY_MS, 4), 4);
    CHECK_EQ(LAST.last_ns, EXPORT - SECOND + INT64_C(86400) * SECOND);
    ft_collector_free(c);
}

/* flowStartSysUpTime and flowEndSysUpTime count modulo 2^32 from systemInitTimeMilliseconds, in the
 * record or in options data */
static void test_uptime_of_ipfix(void)
{
    static const int64_t up_days[] = {0, 1, 49, 50, 60, 99, 100, 1000};

    for (size_t i = 0; i < sizeof up_days / sizeof up_days[0]; i++) {
        struct ft_collector *c = make();
        uint64_t up_ms = (uint64_t)up_days[i] * DAY_MS + 7000;
        uint64_t init_ms = 1700000000000 - up_ms;
        uint8_t record[16];

        memcpy(record, be((uint32_t)(up_ms - 5000), 4), 4);
        memcpy(record + 4, be((uint32_t)(up_ms - 1000), 4), 4);
        memcpy(record + 8, be(init_ms, 8), 8);
        one(c, false, 0, (const long[]){22, 4, 21, 4, 160, 8, -1}, record, 16);
        CHECK_EQ(LAST.first_ns, EXPORT - 5 * SECOND);
        CHECK_EQ(LAST.last_ns, EXPORT - SECOND);

        ipfix(1, 1);
        OPTIONS(300, 1, 149, 4, 160, 8);
        set(300);
        p32(1);
        p64(init_ms);
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        ipfix(2, 1);
        TEMPLATE(2, 257, 21, 4, 22, 4);
        set(257);
        p32((uint32_t)(up_ms - 1000));
        p32((uint32_t)(up_ms - 5000));
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(LAST.first_ns, EXPORT - 5 * SECOND);
        CHECK_EQ(LAST.last_ns, EXPORT - SECOND);
        memset(record + 8, 0, 8); /* not known here: what the options say */
        one(c, false, 0, (const long[]){22, 4, 21, 4, 160, 8, -1}, record, 16);
        CHECK_EQ(LAST.first_ns, EXPORT - 5 * SECOND);
        ft_collector_free(c);
    }
}

/* 0 is no time: of the start of the system, and of every kind of absolute time */
static void test_zero_times(void)
{
    static const long pairs[][2] = {{150, 151}, {152, 153}, {154, 155}, {156, 157},
                                    {322, 322}, {323, 323}, {324, 324}, {325, 325}};
    uint8_t zero[16] = {0};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (int v9_ = 0; v9_ < 2; v9_++) {
            struct ft_collector *c = make();
            long len = i == 0 || i == 4 ? 4 : 8;
            bool both = pairs[i][0] != pairs[i][1];

            one(c, v9_ != 0, 1000,
                (const long[]){pairs[i][0], len, both ? pairs[i][1] : 10, len, -1}, zero,
                (size_t)len * 2);
            CHECK_EQ(LAST.first_ns, INT64_MIN);
            CHECK_EQ(LAST.last_ns, INT64_MIN);
            HAS("\"first_seen\":null,\"last_seen\":null");
            ft_collector_free(c);
        }
    }
    struct ft_collector *c = make();
    uint8_t record[12] = {0, 0, 0, 9};

    one(c, false, 0, (const long[]){22, 4, 160, 8, -1}, record, 12);
    CHECK_EQ(LAST.first_ns, INT64_MIN);
    one(c, false, 0, (const long[]){154, 8, -1}, be(UINT64_C(2208988800) << 32, 8), 8); /* 1970 */
    CHECK_EQ(LAST.first_ns, INT64_MIN);
    ft_collector_free(c);
}

/* A duration gives the end, or the start, that is not told */
static void test_durations(void)
{
    static const struct {
        long fields[8];
        uint64_t v[3];
        int64_t first_ms, last_ms;
    } cases[] = {
        {{152, 8, 161, 4, -1}, {1700000000000, 1500}, 0, 1500},
        {{162, 4, 152, 8, -1}, {2500000, 1700000000000}, 0, 2500},
        {{153, 8, 161, 4, -1}, {1700000000000, 1500}, -1500, 0},
        {{162, 4, 151, 4, -1}, {1000, 1700000000}, -1, 0},
        {{152, 8, 153, 8, 161, 4, -1}, {1700000000000, 1700000000777, 1500}, 0, 777},
        {{152, 8, 153, 8, 161, 4, -1}, {1700000000000, 0, 1500}, 0, 1500},
        {{152, 8, 153, 8, 161, 4, -1}, {0, 1700000000000, 1500}, -1500, 0},
        {{152, 8, 323, 8, 161, 4, -1}, {1700000000000, 1700000009000, 1500}, 0, 1500},
        {{153, 8, 323, 8, 161, 4, -1}, {1700000000000, 1700000009000, 1500}, -1500, 0},
        {{323, 8, 161, 4, -1}, {1700000000000, 1500}, -1500, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int v9_ = 0; v9_ < 2; v9_++) {
            struct ft_collector *c = make();
            uint8_t record[24];
            size_t n = 0;

            for (int k = 0; cases[i].fields[2 * k] >= 0; k++) {
                int len = (int)cases[i].fields[2 * k + 1];

                memcpy(record + n, be(cases[i].v[k], len), (size_t)len);
                n += (size_t)len;
            }
            one(c, v9_ != 0, 1000, cases[i].fields, record, n);
            CHECK_EQ((LAST.first_ns - EXPORT) / 1000000, cases[i].first_ms);
            CHECK_EQ((LAST.last_ns - EXPORT) / 1000000, cases[i].last_ms);
            ft_collector_free(c);
        }
    }
    struct ft_collector *c = make();
    uint8_t record[16];

    one(c, false, 0, (const long[]){161, 4, -1}, be(1500, 4), 4);
    CHECK_EQ(LAST.first_ns, INT64_MIN);
    CHECK_EQ(LAST.last_ns, INT64_MIN);
    memset(record, 0xff, sizeof record); /* a duration of ages */
    memcpy(record, be(1700000000000, 8), 8);
    one(c, false, 0, (const long[]){152, 8, 161, 8, -1}, record, 16);
    CHECK_EQ(LAST.first_ns, EXPORT);
    CHECK_EQ(LAST.last_ns, INT64_MIN);
    ft_collector_free(c);
}

/* ---- finality, counters ---- */

static void firewall(struct ft_collector *c, long element, unsigned event, uint32_t there,
                     uint32_t back)
{
    uint8_t record[9];

    record[0] = (uint8_t)event;
    memcpy(record + 1, be(there, 4), 4);
    memcpy(record + 5, be(back, 4), 4);
    one(c, true, 1000, (const long[]){element, 1, 231, 4, 232, 4, -1}, record, 9);
}

static bool is_final(void)
{
    return strstr(got.line[got.n - 1], "\"is_final\":true") != NULL;
}

/* Updates of ASA and FTD are deltas and the teardown is the total: what is final adds up to the
 * flow, once. */
static void test_firewall_events(void)
{
    static const long elements[] = {233, 40005};
    static const bool final[] = {true, false, true, true, false, false, true};

    for (size_t i = 0; i < 2; i++) {
        struct ft_collector *c = make();
        uint64_t sum = 0;
        static const struct {
            unsigned event;
            uint32_t there, back;
        } flow[] = {{1, 0, 0}, {5, 2557, 1117}, {5, 31, 0}, {2, 2588, 1117}};

        for (size_t k = 0; k < 4; k++) {
            firewall(c, elements[i], flow[k].event, flow[k].there, flow[k].back);
            sum += is_final() ? LAST.bytes + LAST.rev_bytes : 0;
        }
        CHECK_EQ(sum, 3705);
        for (unsigned event = 0; event < 7; event++) {
            firewall(c, elements[i], event, 1, 2);
            CHECK_EQ(is_final(), final[event]);
            HAS("\"byte_count\":3");
        }
        ft_collector_free(c);
    }
    struct ft_collector *c = make(); /* the event is the better word */
    uint8_t record[2] = {2, 2};

    one(c, false, 0, (const long[]){233, 1, 136, 1, -1}, record, 2);
    HAS("\"reason\":\"active\",\"is_final\":true");
    record[1] = 0;
    one(c, false, 0, (const long[]){136, 1, 233, 1, -1}, record, 2);
    HAS("\"reason\":\"active\",\"is_final\":false");
    ft_collector_free(c);
}

/* Both directions of a counter come from one pair. Fields hold 1, 2, 4, 8 … in their order. */
static void test_pairs(void)
{
    enum { R = 0x8000 };
    static const struct {
        long fields[16];
        int64_t packets, bytes; /* -1: none */
    } cases[] = {
        {{2, 4, 1, 4, 231, 4, 232, 4, 298, 4, 299, 4, -1}, 1, 2},
        {{1, 4, 232, 4, 2, 4, 299, 4, -1}, 4, 1},
        {{231, 4, 232, 4, 298, 4, 299, 4, -1}, 12, 3},
        {{231, 4, 298, 4, -1}, 2, 1},
        {{232, 4, 299, 4, -1}, -1, -1},
        {{1, 4, R | 1, 4, 29305, 2, 4, R | 2, 4, 29305, -1}, 12, 3},
        {{1, 4, 85, 4, R | 85, 4, 29305, -1}, -1, 6},
        {{85, 4, R | 1, 4, 29305, 86, 4, R | 2, 4, 29305, -1}, 4, 1},
        {{85, 4, R | 85, 4, 29305, 231, 4, 232, 4, -1}, -1, 3},
        {{23, 4, 24, 4, 232, 4, 299, 4, -1}, 2, 1},
        {{352, 4, 232, 4, -1}, -1, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_collector *c = make();
        uint8_t record[64];
        char text[60], count[24];
        size_t n = 0;

        for (const long *f = cases[i].fields; *f >= 0; f += *f & R ? 3 : 2, n++) {
            memcpy(record + 4 * n, be(UINT64_C(1) << n, 4), 4);
        }
        one(c, false, 0, cases[i].fields, record, 4 * n);
        snprintf(count, sizeof count, "%lld", (long long)cases[i].packets);
        snprintf(text, sizeof text, "\"packet_count\":%s,", cases[i].packets < 0 ? "null" : count);
        HAS(text);
        snprintf(count, sizeof count, "%lld", (long long)cases[i].bytes);
        snprintf(text, sizeof text, "\"byte_count\":%s,", cases[i].bytes < 0 ? "null" : count);
        HAS(text);
        ft_collector_free(c);
    }
}

/* ---- the key ---- */

/* A record whose addresses are 10.0.0.N or fd00::N, ports 1024 + N, N counting the fields from 1,
 * and protocols 17, then 6: its key. */
static void check_key(bool keep, bool v9_, const long *fields, const char *key)
{
    struct ft_collector *c = make_limited((struct ft_collect_limits){.exporters = 64,
                                                                     .templates = 64,
                                                                     .amplification = 1000,
                                                                     .waiting = 65536,
                                                                     .keep_tunnels = keep});
    uint8_t record[400] = {0};
    size_t n = 0;
    int protocols = 0;
    char text[200];

    for (int i = 0; fields[2 * i] >= 0; i++) {
        long len = fields[2 * i + 1];

        memset(record + n, 0, (size_t)len);
        record[n] = len == 4 ? 10 : len == 16 ? 0xfd : len == 2 ? 4 : 0;
        record[n + (size_t)len - 1] = (uint8_t)(len > 1 ? i + 1 : protocols++ == 0 ? 17 : 6);
        n += (size_t)len;
    }
    one(c, v9_, 1000, fields, record, n);
    snprintf(text, sizeof text, "\"flow_key\":{%s}", key);
    HAS(text);
    ft_collector_free(c);
}

#define KEY(src, dst, sport, dport, proto)                                                         \
    "\"src_ip\":" src ",\"dst_ip\":" dst ",\"src_port\":" sport ",\"dst_port\":" dport             \
    ",\"protocol\":" proto

/* Templates with one of the two addresses or ports: what is there is filled (aggregation, NAT
 * events) */
static void test_parts_of_keys(void)
{
    static const struct {
        long fields[14];
        const char *key;
    } cases[] = {
        {{8, 4, 2, 4, -1}, KEY("\"10.0.0.1\"", "null", "null", "null", "null")},
        {{12, 4, 11, 2, -1}, KEY("null", "\"10.0.0.1\"", "null", "1026", "null")},
        {{27, 16, 7, 2, -1}, KEY("\"fd00::1\"", "null", "1026", "null", "null")},
        {{28, 16, -1}, KEY("null", "\"fd00::1\"", "null", "null", "null")},
        {{44, 4, 45, 4, -1}, KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "null", "null", "null")},
        {{170, 16, -1}, KEY("\"fd00::1\"", "null", "null", "null", "null")},
        {{169, 16, -1}, KEY("null", "\"fd00::1\"", "null", "null", "null")},
        {{8, 4, 225, 4, 7, 2, 227, 2, 230, 1, -1},
         KEY("\"10.0.0.1\"", "null", "1027", "null", "null")},
        {{180, 2, -1}, KEY("null", "null", "1025", "null", "null")},
        {{183, 2, -1}, KEY("null", "null", "null", "1025", "null")},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_key(false, true, cases[i].fields, cases[i].key);
        check_key(false, false, cases[i].fields, cases[i].key);
    }
}

/* One template of both families, of IPv4 the source only: each record its own, nothing of the one
 * before. */
static void test_parts_of_families(void)
{
    struct ft_collector *c = make();

    ipfix(0, 1);
    TEMPLATE(2, 256, 8, 4, 27, 16, 28, 16);
    set(256);
    for (unsigned i = 0; i < 3; i++) {
        p32(i == 1 ? 0 : 0x0a000001);
        for (int k = 0; k < 2; k++) {
            p64(0);
            p64(i == 1 ? 7 : 0);
        }
    }
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK(strstr(got.line[0], "{\"src_ip\":\"10.0.0.1\",\"dst_ip\":null,") != NULL);
    CHECK(strstr(got.line[1], "{\"src_ip\":\"::7\",\"dst_ip\":\"::7\",") != NULL);
    CHECK(strstr(got.line[2], "{\"src_ip\":\"10.0.0.1\",\"dst_ip\":null,") != NULL);
    ft_collector_free(c);
}

/* Two headers in a record: the key is all of one, the innermost, or the outermost with
 * --keep-tunnels (RFC 7011 §8: in order) */
static void test_two_headers(void)
{
    static const struct {
        long fields[32];
        const char *inner, *outer;
    } cases[] = {
        /* outer without ports: GRE, IP in IP */
        {{8, 4, 12, 4, 4, 1, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, -1},
         KEY("\"10.0.0.4\"", "\"10.0.0.5\"", "1030", "1031", "6"),
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "null", "null", "17")},
        /* both with ports: VXLAN */
        {{8, 4, 12, 4, 7, 2, 11, 2, 8, 4, 12, 4, 7, 2, 11, 2, -1},
         KEY("\"10.0.0.5\"", "\"10.0.0.6\"", "1031", "1032", "null"),
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "1027", "1028", "null")},
        /* inner without ports */
        {{8, 4, 12, 4, 7, 2, 11, 2, 8, 4, 12, 4, -1},
         KEY("\"10.0.0.5\"", "\"10.0.0.6\"", "null", "null", "null"),
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "1027", "1028", "null")},
        /* element by element */
        {{8, 4, 8, 4, 12, 4, 12, 4, 7, 2, 11, 2, -1},
         KEY("\"10.0.0.2\"", "\"10.0.0.4\"", "1029", "1030", "null"),
         KEY("\"10.0.0.1\"", "\"10.0.0.3\"", "null", "null", "null")},
        /* IPv6 in IPv4, the protocol twice */
        {{8, 4, 12, 4, 4, 1, 27, 16, 28, 16, 4, 1, 7, 2, 11, 2, -1},
         KEY("\"fd00::4\"", "\"fd00::5\"", "1031", "1032", "6"),
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "null", "null", "17")},
        /* IPv4 in IPv6 */
        {{27, 16, 28, 16, 4, 1, 8, 4, 12, 4, 4, 1, 7, 2, 11, 2, -1},
         KEY("\"10.0.0.4\"", "\"10.0.0.5\"", "1031", "1032", "6"),
         KEY("\"fd00::1\"", "\"fd00::2\"", "null", "null", "17")},
        /* three */
        {{8, 4, 12, 4, 8, 4, 12, 4, 8, 4, 12, 4, 7, 2, -1},
         KEY("\"10.0.0.5\"", "\"10.0.0.6\"", "1031", "null", "null"),
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "null", "null", "null")},
        /* the protocol again, of no other header */
        {{8, 4, 12, 4, 4, 1, 7, 2, 11, 2, 4, 1, -1},
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "1028", "1029", "6"),
         KEY("\"10.0.0.1\"", "\"10.0.0.2\"", "1028", "1029", "6")},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_key(false, false, cases[i].fields, cases[i].inner);
        check_key(false, true, cases[i].fields, cases[i].inner);
        check_key(true, false, cases[i].fields, cases[i].outer);
    }
    check_key(false, false, cases[0].fields, cases[0].inner);
    HAS("\"source_ipv4_address\":[\"10.0.0.1\",\"10.0.0.4\"]"); /* the other one is a column */
}

/* ---- names ---- */

/* Application ids are bytes of any length; leading zeros of the selector do not tell two apart (RFC
 * 6759 §4) */
static void test_application_ids(void)
{
    static const struct {
        const char *told, *sent;
        bool same;
    } cases[] = {
        {"\x14\x00\x00\x30\x44\x00\x00\x3e\x31", "\x14\x00\x00\x30\x44\x00\x00\x3e\x31", true},
        {"\x14\x00\x00\x30\x44\x00\x00\x3e\x31", "\x14\x00\x00\x30\x44\x00\x00\x3e\x32", false},
        {"\x14\x00\x00\x30\x44\x00\x00\x3e\x31", "\x14\x00\x00\x30\x45\x00\x00\x3e\x31", false},
        {"\x14\x00\x00\x30\x44\x00\x00\x3e\x31", "\x14\x00\x00\x30\x44\x3e\x31", true},
        {"\x03\x00\x00\x50", "\x03\x50", true},
        {"\x03\x00\x00\x50", "\x0d\x00\x00\x50", false},
        {"\x03\x00\x00\x50", "\x03\x00\x50\x00", false},
        {"\x0c"
         "abcdefghijklmnopqrstuvwxyz0123456789",
         "\x0c"
         "abcdefghijklmnopqrstuvwxyz0123456789",
         true},
        {"\x0c"
         "abcdefghijklmnopqrstuvwxyz0123456789",
         "\x0c"
         "abcdefghijklmnopqrstuvwxyz0123456780",
         false},
    };
    static const size_t told[] = {9, 9, 9, 9, 4, 4, 4, 37, 37},
                        sent[] = {9, 9, 9, 7, 2, 4, 4, 37, 37};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ft_collector *c = make();

        ipfix(0, 1);
        OPTIONS(300, 1, 95, 65535, 96, 65535);
        TEMPLATE(2, 256, 95, 65535, 2, 4);
        set(300);
        p8((unsigned)told[i]);
        memcpy(at, cases[i].told, told[i]);
        at += told[i];
        p8(4);
        memcpy(at, "face", 4);
        at += 4;
        set_end();
        set(256);
        p8((unsigned)sent[i]);
        memcpy(at, cases[i].sent, sent[i]);
        at += sent[i];
        p32(1);
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(strstr(got.line[0], "\"application_name_by_options\":\"face\"") != NULL,
                 cases[i].same);
        ft_collector_free(c);
    }
}

/* The same of NetFlow v9, with names as long as the template says; many of them, told again */
static void test_application_ids_v9(void)
{
    struct ft_collector *c = make();

    v9(0, 1, 1000);
    set(1);
    p16(300);
    p16(4);
    p16(8);
    p16(1);
    p16(2);
    p16(95);
    p16(9);
    p16(96);
    p16(8);
    set_end();
    TEMPLATE(0, 256, 95, 9, 2, 4);
    CHECK_EQ(give(c), FT_V_DECODED);
    for (int again = 0; again < 2; again++) {
        v9(1, 1, 1000);
        set(300);
        for (unsigned i = 0; i < 200; i++) {
            p16(0);
            p8(20);
            p32(12356);
            p32(i);
            memcpy(at, again ? "new\0\0\0\0\0" : "old\0\0\0\0\0", 8);
            at[3] = (uint8_t)('a' + i % 26);
            at += 8;
        }
        set_end();
        CHECK_EQ(give(c), FT_V_DECODED);
    }
    v9(2, 1, 1000);
    set(256);
    for (unsigned i = 0; i < 200; i++) {
        p8(20);
        p32(12356);
        p32(i);
        p32(1);
    }
    set_end();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n, 200);
    for (unsigned i = 0; i < 200; i++) {
        char text[60];

        snprintf(text, sizeof text, "\"application_name_by_options\":\"new%c\"", 'a' + (int)i % 26);
        CHECK(strstr(got.line[i], text) != NULL);
    }
    CHECK_EQ(health(c, 0)->malformed, 0);
    ft_collector_free(c);
}

/* ---- records that nobody reads ---- */

/* A set of fixed records, and one of variable ones, of which the last does not fit. */
static void fill_sets(void)
{
    ipfix(0, 1);
    TEMPLATE(2, 256, 8, 4, 1, 3, 22, 4);
    TEMPLATE(2, 257, 8, 4, 82, 65535);
    set(256);
    for (uint32_t i = 0; i < 60; i++) {
        p32(i), pz(7);
    }
    set_end();
    set(257);
    for (uint32_t i = 0; i < 3; i++) {
        p32(i), p8(2), p16(0x6162);
    }
    p32(9), p8(200), p16(0);
    set_end();
}

/* Read or only counted, it comes to the same. */
static void check_counted(uint32_t amplification, enum ft_verdict verdict, uint32_t records)
{
    struct ft_collect_limits limits = {
        .exporters = 4, .templates = 4, .amplification = amplification, .waiting = 1000};
    struct ft_exporter_health of[2];

    for (int counts = 0; counts < 2; counts++) {
        struct ft_collector *c = make_limited(limits);

        ft_collector_read(c, !counts);
        fill_sets();
        CHECK_EQ(give(c), verdict);
        CHECK_EQ(got.n, counts ? 0 : records);
        CHECK_EQ(got.counted, counts ? records : 0);
        of[counts] = *health(c, 0);
        ft_collector_free(c);
    }
    CHECK_EQ(of[0].records, records);
    CHECK_EQ(of[1].records, records);
    CHECK_EQ(of[0].malformed, of[1].malformed);
    CHECK_EQ(of[0].wrong_values, of[1].wrong_values);
}

static void test_counted(void)
{
    check_counted(1000, FT_V_EXPORT_RECORD, 63);
    check_counted(60, FT_V_EXPORT_COUNT, 40);
    check_counted(0, FT_V_EXPORT_COUNT, 1);
}

int main(void)
{
    RUN(test_long_flows);
    RUN(test_lone_start);
    RUN(test_uptime_of_ipfix);
    RUN(test_zero_times);
    RUN(test_durations);
    RUN(test_firewall_events);
    RUN(test_pairs);
    RUN(test_parts_of_keys);
    RUN(test_parts_of_families);
    RUN(test_two_headers);
    RUN(test_application_ids);
    RUN(test_application_ids_v9);
    RUN(test_counted);
    return test_end();
}
