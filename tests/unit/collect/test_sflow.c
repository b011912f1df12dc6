/* SPDX-License-Identifier: Apache-2.0 */
/* collect: what a collector keeps of sFlow agents (sFlow v5); docs/rfc/sflow.md. */
#include "feed.h"

static const uint8_t frame[] = {2,    0,  0,   0,  0,   1,  2,    0,    0,  0,  0, 2,  0x08, 0x00,
                                0x45, 0,  0,   60, 0,   1,  0,    0,    64, 17, 0, 0,  192,  0,
                                2,    10, 198, 51, 100, 20, 0xc0, 0x01, 0,  53, 0, 40, 0,    0};

static void datagram(uint32_t sub_agent, uint32_t sequence, uint32_t uptime_ms, uint32_t samples)
{
    at = msg;
    p32(5);
    p32(1);
    p32(0x0a0000fe);
    p32(sub_agent);
    p32(sequence);
    p32(uptime_ms);
    p32(samples);
}

/* A flow sample with one raw header of len captured bytes. */
static void sample(uint32_t sequence, uint32_t rate, uint32_t pool, uint32_t drops, uint32_t len)
{
    uint32_t padded = (len + 3) & ~3u;

    p32(1);
    p32(32 + 8 + 16 + padded);
    p32(sequence);
    p32(3); /* ifIndex 3 */
    p32(rate);
    p32(pool);
    p32(drops);
    p32(3);
    p32(7);
    p32(1);
    p32(1);
    p32(16 + padded);
    p32(1);
    p32(78); /* with the FCS */
    p32(4);
    p32(len);
    memset(at, 0, padded);
    memcpy(at, frame, len);
    at += padded;
}

/* Datagram sequences per agent and sub-agent */
static void test_s3_datagram_sequence(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 8; i++) {
        if (i == 3) {
            continue;
        }
        datagram(0, i, 1000 + i, 0);
        give(c);
        datagram(1, 100 + i, 1000 + i, 0);
        give(c);
    }
    CHECK_EQ(health(c, 0)->lost, 1);
    CHECK_EQ(got.h[1].lost, 1);
    CHECK_EQ(got.n_h, 2);
    ft_collector_free(c);
}

/* The estimate is nominal; the pool says how often it really was */
static void test_s4_s7_effective_rate(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 10; i++) {
        datagram(0, i, 1000 + i, 1);
        sample(2 * i, 1000, 2000 * i, 0, sizeof frame); /* every second sample is lost */
        CHECK_EQ(give(c), FT_V_DECODED);
    }
    CHECK_EQ(got.n_s, 10);
    CHECK_EQ(got.s[9].sampling_rate, 1000);
    CHECK(got.s[0].effective_rate <= 0);
    CHECK(got.s[9].effective_rate > 1999 && got.s[9].effective_rate < 2001);
    CHECK_EQ(got.s[9].sample_sequence, 18);
    ft_collector_free(c);
}

/* The pool counts modulo 2^32, and starts again with the agent */
static void test_s8_s18_wrap_and_restart(void)
{
    struct ft_collector *c = make();

    for (uint32_t i = 0; i < 5; i++) {
        datagram(0, i, 100000 + i, 1);
        sample(i, 1000, 0xfffff000 + 1000 * i, 0, sizeof frame);
        give(c);
    }
    CHECK(got.s[4].effective_rate > 999 && got.s[4].effective_rate < 1001);
    datagram(0, 0, 50, 1); /* restarted: uptime and sequences step back */
    sample(0, 1000, 0, 0, sizeof frame);
    give(c);
    CHECK(got.s[5].effective_rate <= 0);
    CHECK_EQ(health(c, 0)->resets, 1);
    CHECK_EQ(got.h[0].lost, 0);
    ft_collector_free(c);
}

/* An agent that was up for longer than half of what its uptime can count restarts, too; one whose
 * uptime wraps, or that was silent for as long, does not. */
static void test_s18_restart_after_long(void)
{
    static const struct {
        uint32_t before_ms, after_ms;
        int64_t silence_ms;
        bool restart;
    } rows[] = {
        {UINT32_C(30) * 86400000, 5000, 60000, true},
        {UINT32_C(40) * 86400000, 5000, 60000, true},
        {UINT32_MAX - 4999, 5000, 10000, false},
        {1000, UINT32_C(26) * 86400000 + 1000, INT64_C(26) * 86400000, false},
    };
    const int64_t start_ns = now_ns;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();
        const uint32_t first = UINT32_C(3000000000); /* so that the step of the pool is small */

        now_ns = start_ns;
        for (uint32_t k = 0; k < 4; k++) {
            bool late = k >= 2;

            now_ns += k == 2 ? rows[i].silence_ms * 1000000 : 0;
            datagram(0, late && rows[i].restart ? k : 100 + k,
                     late ? rows[i].after_ms + k : rows[i].before_ms + k, 1);
            sample(k, 1000, (late && rows[i].restart ? 0 : first) + 1000 * k, 0, sizeof frame);
            CHECK_EQ(give(c), FT_V_DECODED);
        }
        CHECK_EQ(health(c, 0)->resets, rows[i].restart);
        CHECK(got.s[3].effective_rate > 999 && got.s[3].effective_rate < 1001);
        ft_collector_free(c);
    }
    now_ns = start_ns;
}

/* Sampled headers: addresses, ports, and the frame's length on the wire, not what was sampled */
static void test_s11_packet(void)
{
    struct ft_collector *c = make();

    datagram(2, 9, 1000, 1);
    sample(4, 512, 512, 3, sizeof frame);
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(got.n_s, 1);
    CHECK(got.s[0].pkt != NULL);
    CHECK_EQ(got.s[0].pkt->key.proto, 17);
    CHECK_EQ(got.s[0].frame_len, 78);
    CHECK_EQ(got.s[0].pkt->frame_len, 78);
    CHECK_EQ(got.s[0].input, 3);
    CHECK_EQ(got.s[0].output, 7);
    CHECK_EQ(got.s[0].drops, 3);
    CHECK_STR(got.s[0].exporter->agent_text, "10.0.0.254"); /* S17: both addresses are kept */
    CHECK_STR(got.s[0].exporter->text, "192.0.2.1");
    CHECK_EQ(got.s[0].exporter->domain_id, 2);
    ft_collector_free(c);
}

/* A header that ends too soon gives a sample that says so, never a fault */
static void test_s12_truncated_header(void)
{
    struct ft_collector *c = make();

    for (uint32_t len = 0; len <= sizeof frame; len++) {
        datagram(0, len, 1000, 1);
        sample(len, 512, 512 * len, 0, len);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(got.n_s, len + 1);
        CHECK_EQ(got.s[len].pkt != NULL, len >= 14 + 20 + 4);
        CHECK_EQ(got.s[len].truncated, len < 14 + 20 + 4);
    }
    ft_collector_free(c);
}

/* Sampling rates of 0: unknown; the estimate is null then, and saturates at the other end */
static void test_sampling_rate_bounds(void)
{
    struct ft_collector *c = make();
    char line[4096];
    size_t n;

    datagram(0, 0, 1000, 2);
    sample(0, 0, 0, 0, sizeof frame);
    sample(1, 0xffffffff, 0, 0, sizeof frame);
    give(c);
    CHECK_EQ(got.n_s, 2);
    got.s[0].n_values = got.s[1].n_values = 0;
    n = ft__ndjson_walk_export(FT_EVENT_SAMPLE, &got.s[0], (uint8_t *)line);
    line[n] = '\0';
    CHECK(strstr(line, "\"estimated_packets\":null") != NULL);
    n = ft__ndjson_walk_export(FT_EVENT_SAMPLE, &got.s[1], (uint8_t *)line);
    line[n] = '\0';
    CHECK(strstr(line, "\"estimated_packets\":4294967295") != NULL);
    ft_collector_free(c);
}

/* ---- samples of several records ---- */

static uint8_t *sample_len, *sample_records;
static uint32_t n_samples;

static void begin(uint32_t source, uint32_t rate, uint32_t input, uint32_t output)
{
    p32(1);
    sample_len = at;
    p32(0);
    p32(n_samples++);
    p32(source);
    p32(rate);
    p32(0);
    p32(0);
    p32(input);
    p32(output);
    sample_records = at;
    p32(0);
}

static void patch(uint8_t *where, uint32_t v)
{
    uint8_t *keep = at;

    at = where;
    p32(v);
    at = keep;
}

static void count_record(void)
{
    sample_records[3]++;
    patch(sample_len, (uint32_t)(at - sample_len - 4));
}

static void header_record(uint32_t protocol, uint32_t frame_len, uint32_t stripped,
                          const void *data, uint32_t len)
{
    p32(1);
    p32(16 + ((len + 3) & ~3u));
    p32(protocol);
    p32(frame_len);
    p32(stripped);
    p32(len);
    memcpy(at, data, len);
    memset(at + len, 0, 3);
    at += (len + 3) & ~3u;
    count_record();
}

/* sampled_ipv4: 10.0.0.1:1000 to 10.0.0.2:80 */
static void ip_record(uint32_t proto)
{
    p32(3);
    p32(32);
    p32(528);
    p32(proto);
    p32(0x0a000001);
    p32(0x0a000002);
    p32(1000);
    p32(80);
    p32(0x12);
    p32(0x20);
    count_record();
}

/* A frame of so many tags with an IP packet of ip_len bytes; returns the bytes that are there. */
static uint32_t frame_of(uint8_t *out, int version, uint32_t tags, uint32_t ip_len, uint8_t proto)
{
    static const uint8_t ports[] = {0x03, 0xe8, 0, 80};
    uint8_t *p = out;

    memcpy(p, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
    for (p += 12; tags > 0; tags--, p += 4) {
        memcpy(p, "\x81\0\0\7", 4);
    }
    memcpy(p, version == 4 ? "\x08\0" : "\x86\xdd", 2);
    p += 2;
    memset(p, 0, 80);
    if (version == 4) {
        p[0] = 0x45;
        p[1] = 0xb8;
        p[2] = (uint8_t)(ip_len >> 8);
        p[3] = (uint8_t)ip_len;
        p[8] = 61;
        p[9] = proto;
        memcpy(p + 12, "\12\0\0\1\12\0\0\2", 8);
        p += 20;
    } else {
        p[0] = 0x6b;
        p[1] = 0x80;
        p[4] = (uint8_t)((ip_len - 40) >> 8);
        p[5] = (uint8_t)(ip_len - 40);
        p[6] = proto;
        p[7] = 61;
        p[8] = p[24] = 0x20;
        p[23] = 1;
        p[39] = 2;
        p += 40;
    }
    memcpy(p, ports, sizeof ports);
    if (proto == 6) {
        p[12] = 0x50;
        p[13] = 0x18;
    } else if (proto != 17) {
        p[0] = 3;
        p[1] = 13;
    }
    return (uint32_t)(p - out) + 40;
}

/* Frame lengths below the packet's: the sample stays, has the packet's length, and is counted as a
 * fault; the FCS or what else the agent says was taken off is no fault. */
static void test_s19_frame_length_below_packet(void)
{
    static const struct {
        int version;
        uint32_t tags, ip_len, frame_len, stripped, size, faults;
    } rows[] = {
        {4, 0, 1500, 132, 4, 1518, 1},  {4, 0, 1500, 60, 4, 1518, 1},
        {4, 2, 1500, 0, 4, 1526, 1},    {6, 0, 1500, 132, 4, 1518, 1},
        {6, 1, 9000, 128, 0, 9018, 1},  {4, 0, 1500, 1514, 4, 1514, 0},
        {4, 0, 1500, 1518, 4, 1518, 0}, {6, 1, 1280, 1298, 4, 1298, 0},
        {4, 0, 1500, 1513, 0, 1514, 1}, {4, 0, 60, 0, 4, 78, 1},
        {4, 0, 60, 60, 4, 78, 1},       {6, 0, 80, 0, 4, 98, 1},
        {4, 0, 46, 64, 4, 64, 0},       {4, 0, 46, 60, 4, 60, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();
        uint8_t bytes[200];
        uint32_t len = frame_of(bytes, rows[i].version, rows[i].tags, rows[i].ip_len, 6);

        datagram(0, 0, 1000, 1);
        begin(1, 1000, 1, 2);
        header_record(1, rows[i].frame_len, rows[i].stripped, bytes, len);
        CHECK_EQ(give(c), rows[i].faults ? FT_V_EXPORT_SAMPLE : FT_V_DECODED);
        CHECK_EQ(got.n_s, 1);
        CHECK(got.s[0].pkt != NULL);
        CHECK(!got.s[0].truncated);
        CHECK_EQ(got.s[0].frame_len, rows[i].size);
        CHECK_EQ(got.pkt[0].frame_len, rows[i].size);
        CHECK_EQ(got.pkt[0].ip_len, rows[i].ip_len);
        CHECK_EQ(got.s[0].est_bytes, 1000 * rows[i].size);
        CHECK_EQ(health(c, 0)->malformed, rows[i].faults);
        ft_collector_free(c);
    }
}

/* A damaged or cut header beside sampled_ipv4, in either order: the key is the record's, and the
 * fault is counted; a good header tells more than the record. */
static void test_s20_header_and_fields(void)
{
    static const struct {
        uint32_t len;  /* of the header */
        uint8_t first; /* byte of its IP header */
        bool faulty, truncated;
    } rows[] = {{36, 0x45, true, true},
                {20, 0x45, true, true},
                {54, 0x42, true, false},
                {54, 0x95, true, false},
                {54, 0x45, false, false}};

    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();
        bool header_first = i % 2 != 0, faulty = rows[i / 2].faulty;
        uint8_t bytes[200];

        frame_of(bytes, 4, 0, 528, 17);
        bytes[14] = rows[i / 2].first;
        bytes[14 + 20 + 4] = 508 >> 8;
        bytes[14 + 20 + 5] = 508 & 255;
        datagram(0, 0, 1000, 1);
        begin(1, 1000, 1, 2);
        if (!header_first) {
            ip_record(6);
        }
        header_record(1, 546, 4, bytes, rows[i / 2].len);
        if (header_first) {
            ip_record(6);
        }
        CHECK_EQ(give(c), faulty ? FT_V_EXPORT_SAMPLE : FT_V_DECODED);
        CHECK(got.n_s == 1 && got.s[0].pkt != NULL);
        CHECK_EQ(got.pkt[0].key.proto, faulty ? 6 : 17);
        CHECK_EQ(got.pkt[0].key.port[got.pkt[0].swap], 1000);
        CHECK_EQ(got.s[0].frame_len, 546);
        CHECK_EQ(got.s[0].truncated, rows[i / 2].truncated);
        CHECK_EQ((got.s[0].seen & FT_XS_TTL) != 0, !faulty);
        CHECK_EQ(health(c, 0)->malformed, faulty);
        ft_collector_free(c);
    }
}

static void ethernet_record(uint32_t length)
{
    p32(2);
    p32(24);
    p32(length);
    p32(0x02000000);
    p32(0x00010000);
    p32(0x02000000);
    p32(0x00020000);
    p32(0x0800);
    count_record();
}

/* The size is the sampled header's frame length, else the Ethernet record's, in any order; when
 * that is below the length of the IP packet, it is the packet's, and counted. */
static void test_s20_sizes(void)
{
    static const uint8_t damaged[14] = {0};
    static const struct {
        uint32_t header, ethernet, size, faulty; /* 0: there is no such record, 1: it says 0 */
    } rows[] = {{546, 540, 546, 1}, {1, 540, 540, 1}, {0, 540, 540, 0}, {132, 0, 528, 1},
                {132, 540, 528, 1}, {1, 0, 528, 1},   {0, 100, 528, 1}, {0, 0, 528, 0}};
    static const char orders[][4] = {"hei", "hie", "ehi", "eih", "ihe", "ieh"};

    for (size_t i = 0; i < 6 * sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();
        const char *order = orders[i % 6];
        uint32_t header = rows[i / 6].header, ethernet = rows[i / 6].ethernet;

        datagram(0, 0, 1000, 1);
        begin(1, 1000, 1, 2);
        for (int k = 0; k < 3; k++) {
            if (order[k] == 'h' && header != 0) {
                header_record(1, header & ~1u, 4, damaged, sizeof damaged - 2);
            } else if (order[k] == 'e' && ethernet != 0) {
                ethernet_record(ethernet);
            } else if (order[k] == 'i') {
                ip_record(6);
            }
        }
        give(c);
        CHECK(got.n_s == 1 && got.s[0].pkt != NULL);
        CHECK_EQ(got.s[0].frame_len, rows[i / 6].size);
        CHECK_EQ(got.pkt[0].frame_len, rows[i / 6].size);
        CHECK_EQ(health(c, 0)->malformed != 0, rows[i / 6].faulty);
        ft_collector_free(c);
    }
}

/* A header of a kind that nobody decodes, or that is not IP, is no fault: the fields stand alone */
static void test_s20_other_headers(void)
{
    static const uint8_t arp[60] = "\2\0\0\0\0\1\2\0\0\0\0\2\x08\x06";

    for (uint32_t protocol = 1; protocol <= 2; protocol++) { /* 2: token bus */
        struct ft_collector *c = make();

        datagram(0, 0, 1000, 2);
        begin(1, 1000, 1, 2);
        header_record(protocol, 546, 4, arp, sizeof arp);
        begin(1, 1000, 1, 2);
        header_record(protocol, 546, 4, arp, sizeof arp);
        ip_record(17);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK(got.n_s == 2 && got.s[0].pkt == NULL && got.s[1].pkt != NULL);
        CHECK_EQ(health(c, 0)->malformed, 0);
        ft_collector_free(c);
    }
}

/* The sample as JSON holds a text. */
static void sample_has(const struct ft_export_sample *s, const char *text)
{
    static char line[70000];
    size_t n = ft__ndjson_walk_export(FT_EVENT_SAMPLE, s, (uint8_t *)line);

    line[n] = '\0';
    if (strstr(line, text) == NULL) {
        fprintf(stderr, "no %s in %s\n", text, line);
        test_case_failed++;
    }
}

static struct ft_export_sample without_values(uint32_t i)
{
    struct ft_export_sample s = got.s[i];

    s.n_values = 0; /* they lay in the datagram */
    return s;
}

/* MACs, TOS, TTL, TCP flags, ICMP type and code of the header, or of what the agent read in it; a
 * header that ends before them leaves them null. */
static void test_s21_header_columns(void)
{
    static const struct {
        int version;
        uint8_t proto;
        uint32_t len; /* 0: whole */
        const char *want;
    } rows[] = {
        {4, 6, 0, "\"tos\":184,\"ttl\":61,\"tcp_flags\":24,\"icmp_type\":null,\"icmp_code\":null"},
        {6, 6, 0, "\"tos\":184,\"ttl\":61,\"tcp_flags\":24,\"icmp_type\":null,\"icmp_code\":null"},
        {4, 6, 14 + 20 + 13, "\"ttl\":61,\"tcp_flags\":null,"},
        {4, 6, 14 + 20 + 14, "\"ttl\":61,\"tcp_flags\":24,"},
        {4, 1, 0, "\"ttl\":61,\"tcp_flags\":null,\"icmp_type\":3,\"icmp_code\":13"},
        {6, 58, 0, "\"ttl\":61,\"tcp_flags\":null,\"icmp_type\":3,\"icmp_code\":13"},
        {4, 47, 0, "\"ttl\":61,\"tcp_flags\":null,\"icmp_type\":null,\"icmp_code\":null"},
        {4, 6, 14 + 20, "\"tos\":null,\"ttl\":null,\"tcp_flags\":null,"},
    };
    struct ft_export_sample s;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ft_collector *c = make();
        uint8_t bytes[200];
        uint32_t tags = rows[i].len == 0 ? i & 1 : 0;
        uint32_t len = frame_of(bytes, rows[i].version, tags, 100, rows[i].proto);

        datagram(0, 0, 1000, 1);
        begin(1, 1000, 1, 2);
        header_record(1, 140, 4, bytes, rows[i].len != 0 ? rows[i].len : len);
        give(c);
        CHECK_EQ(got.n_s, 1);
        s = without_values(0);
        sample_has(&s, rows[i].want);
        sample_has(&s, "\"src_mac\":\"02:00:00:00:00:02\",\"dst_mac\":\"02:00:00:00:00:01\"");
        ft_collector_free(c);
    }
    struct ft_collector *c = make();

    datagram(0, 0, 1000, 1);
    begin(1, 1000, 1, 2);
    ip_record(6);
    give(c);
    s = without_values(0);
    sample_has(&s, "\"src_mac\":null,\"dst_mac\":null,\"tos\":32,\"ttl\":null,\"tcp_flags\":18,"
                   "\"icmp_type\":null");
    ft_collector_free(c);
}

static char features[4000];

static void keep_features(void *cookie, const struct ft_export_sample *s)
{
    static char line[70000];
    size_t n = ft__ndjson_walk_export(FT_EVENT_SAMPLE, s, (uint8_t *)line);
    const char *from;

    (void)cookie;
    line[n] = '\0';
    from = strstr(line, "\"features\":");
    snprintf(features, sizeof features, "%s", from != NULL ? from : "");
}

static void addr_record(uint32_t tag, uint32_t address, uint32_t more)
{
    p32(tag);
    p32(8 + 4 * more);
    p32(1);
    p32(address);
    pz(4 * more);
    count_record();
}

static void words_record(uint32_t tag, const uint32_t *words, uint32_t n)
{
    p32(tag);
    p32(4 * n);
    for (uint32_t i = 0; i < n; i++) {
        p32(words[i]);
    }
    count_record();
}

/* The next hops of router, gateway and MPLS stand beside each other, in any order; of other
 * structures with the same names the second is told by its structure. VLANs and priorities of all
 * ones are not known. */
static void test_s22_names_of_two_structures(void)
{
    static const struct ft_collect_ops ops = {on_record,   keep_features, on_discard,
                                              on_counters, on_template,   on_health};
    static const uint32_t vlans[] = {0xffffffff, 0xffffffff, 100, 3};
    struct ft_hash_seed seed;
    struct ft_collector *c = NULL;

    ft_hash_seed_fixed(&seed, 7);
    memset(&got, 0, sizeof got);
    CHECK_EQ(ft_collector_new(
                 &(struct ft_collect_limits){
                     .exporters = 4, .templates = 4, .amplification = 1000, .waiting = 4096},
                 &seed, &ops, NULL, &c),
             FT_OK);
    for (int router_first = 0; router_first < 2; router_first++) {
        datagram(0, (uint32_t)router_first, 1000, 1);
        begin(1, 1000, 1, 2);
        if (router_first) {
            addr_record(1002, 0x0a000001, 2);
        }
        addr_record(1003, 0x0a000002, 6);
        addr_record(1006, 0x0a000003, 2);
        if (!router_first) {
            addr_record(1002, 0x0a000001, 2);
        }
        words_record(1001, vlans, 4);
        words_record(1029, (const uint32_t[]){77}, 1); /* vni_egress, vni_ingress */
        words_record(1030, (const uint32_t[]){88}, 1);
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK(strstr(features, "\"nexthop\":\"10.0.0.1\"") != NULL);
        CHECK(strstr(features, "\"bgp_nexthop\":\"10.0.0.2\"") != NULL);
        CHECK(strstr(features, "\"mpls_nexthop\":\"10.0.0.3\"") != NULL);
        CHECK(strstr(features, "\"vni\":77,\"vni_ingress_vni\":88") != NULL);
        CHECK(strstr(features, "\"src_vlan\":null,\"src_priority\":null,\"dst_vlan\":100,"
                               "\"dst_priority\":3") != NULL);
    }
    ft_collector_free(c);
}

/* Interfaces that agents do not know, or that are the device itself, are null */
static void test_s23_unknown_interfaces(void)
{
    struct ft_collector *c = make();
    uint8_t bytes[200];
    uint32_t len = frame_of(bytes, 4, 0, 100, 6);
    struct ft_export_sample s;

    datagram(0, 0, 1000, 2);
    begin(1, 1000, 0x3fffffff, 5);
    header_record(1, 118, 4, bytes, len);
    begin(1, 1000, 5, 0x3fffffff);
    header_record(1, 118, 4, bytes, len);
    give(c);
    CHECK_EQ(got.n_s, 2);
    s = without_values(0);
    sample_has(&s, "\"input_interface\":null,\"output_interface\":5,");
    s = without_values(1);
    sample_has(&s, "\"input_interface\":5,\"output_interface\":null,");
    s.output = UINT32_MAX; /* as expanded samples have it */
    sample_has(&s, "\"output_interface\":null,");
    ft_collector_free(c);
}

/* Every prefix and every changed byte, from exact-size blocks */
static void test_prefixes_and_corruption(void)
{
    static uint8_t whole[600];
    size_t len;

    datagram(0, 0, 1000, 2);
    sample(0, 10, 0, 0, sizeof frame);
    sample(1, 10, 10, 0, 20);
    len = (size_t)(at - msg);
    memcpy(whole, msg, len);
    for (size_t n = 0; n < len; n++) {
        struct ft_collector *c = make();

        memcpy(msg, whole, len);
        give_len(c, n, false);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(msg, whole, len);
            msg[n] ^= (uint8_t)(1 << bit);
            give_len(c, len, false);
        }
        CHECK(got.n_s <= 64);
        ft_collector_free(c);
    }
}

int main(void)
{
    RUN(test_s3_datagram_sequence);
    RUN(test_s4_s7_effective_rate);
    RUN(test_s8_s18_wrap_and_restart);
    RUN(test_s18_restart_after_long);
    RUN(test_s11_packet);
    RUN(test_s12_truncated_header);
    RUN(test_sampling_rate_bounds);
    RUN(test_s19_frame_length_below_packet);
    RUN(test_s20_header_and_fields);
    RUN(test_s20_sizes);
    RUN(test_s20_other_headers);
    RUN(test_s21_header_columns);
    RUN(test_s22_names_of_two_structures);
    RUN(test_s23_unknown_interfaces);
    RUN(test_prefixes_and_corruption);
    return test_end();
}
