/* SPDX-License-Identifier: Apache-2.0 */
/* codec/export/sflow: the checklist for sFlow version 5, item by item, without what needs state. */
#include "codec_export/sflow_make.h"

/* The first sample of a datagram, which stays borrowed from m. */
static struct ft_sflow_sample first_sample(const struct made *m)
{
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_datagram d = {.n_seen = 0};

    CHECK_EQ(ft_sflow_begin(m->p, m->len, &d), FT_OK);
    CHECK_EQ(ft_sflow_next(&d, &s), FT_OK);
    return s;
}

static struct ft_sflow_record first_record(struct ft_sflow_sample *s)
{
    struct ft_sflow_record rec = {.tag = 0};

    CHECK_EQ(ft_sflow_record(s, &rec), FT_OK);
    return rec;
}

/* S1: everything is big-endian and in units of four bytes. */
static void test_s1_xdr_alignment(void)
{
    struct made m = made_datagram(2);
    size_t at = begin_flow(&m, 2);
    struct walked w;

    put_header(&m, 1, 1518, 61); /* 61 bytes and 3 of padding */
    put_header(&m, 1, 64, 60);
    end(&m, at);
    at = begin_counters(&m, 0);
    end(&m, at);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 2);
    CHECK_EQ(w.records, 2);
    CHECK_EQ(w.d.sub_agent, 7);
    CHECK_EQ(w.d.sequence, 100);
    CHECK_EQ(w.d.uptime_ms, 5000);
    CHECK_EQ(faults_of(&w), 0);
}

/* S1: a length that is no multiple of four is followed by padding, in records and samples alike. */
static void test_s1_length_without_padding(void)
{
    struct made m = made_datagram(2);
    size_t at = begin_flow(&m, 2), rec;
    struct walked w;

    rec = begin(&m, FT_SFLOW_TAG(9, 9));
    put_bytes(&m, "abcde", 5);
    end(&m, rec); /* says 5 */
    put_bytes(&m, "\0\0\0", 3);
    put_header(&m, 1, 64, 60);
    put_bytes(&m, "xy", 2);
    end(&m, at); /* not a multiple of four either */
    put_bytes(&m, "\0\0", 2);
    at = begin_counters(&m, 0);
    end(&m, at);
    w = walk_made(&m);
    CHECK_EQ(w.samples, 2);
    CHECK_EQ(w.records, 2);
    CHECK_EQ(faults_of(&w), 0);
}

/* S2: agent addresses of type 0 (unknown), 1 (IPv4), 2 (IPv6); any other ends the datagram. */
static void test_s2_agent_address(void)
{
    static const uint8_t ip6[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};
    static const uint8_t lens[] = {0, 4, 16};
    struct ft_sflow_datagram d = {.n_seen = 0};

    for (uint32_t type = 0; type < 4; type++) {
        struct made m = {.len = 0};

        put32(&m, 5);
        put32(&m, type);
        put_bytes(&m, ip6, type < 3 ? lens[type] : 0);
        for (uint32_t i = 1; i <= 4; i++) {
            put32(&m, i < 4 ? i : 0);
        }
        if (type == 3) {
            CHECK_EQ(ft_sflow_begin(m.p, m.len, &d), FT_E_CORRUPT);
            CHECK_EQ(d.fault, FT_SFLOW_F_AGENT_ADDRESS);
            continue;
        }
        CHECK_EQ(ft_sflow_begin(m.p, m.len, &d), FT_OK);
        CHECK_EQ(d.agent_version, type == 0 ? 0 : type == 1 ? 4 : 6);
        CHECK_MEM(d.agent, ip6, lens[type]);
        CHECK_EQ(d.agent[lens[type] % 16 == 0 ? 15 : lens[type]], type == 2 ? 9 : 0);
        CHECK_EQ(d.sub_agent, 1);
        CHECK_EQ(d.sequence, 2);
        CHECK_EQ(d.uptime_ms, 3);
    }
}

/* S5: samples 1 to 5; what is not known is reported with its tag and stepped over by its length. */
static void test_s5_sample_kinds(void)
{
    static const uint32_t tags[] = {1,
                                    2,
                                    3,
                                    4,
                                    5,
                                    FT_SFLOW_TAG(4300, 1002),
                                    FT_SFLOW_TAG(4300, 1003),
                                    6,
                                    FT_SFLOW_TAG(1991, 1)};
    static const uint8_t kinds[] = {FT_SFLOW_FLOW,     FT_SFLOW_COUNTERS, FT_SFLOW_FLOW,
                                    FT_SFLOW_COUNTERS, FT_SFLOW_DISCARD,  FT_SFLOW_RTMETRIC,
                                    FT_SFLOW_RTFLOW,   FT_SFLOW_UNKNOWN,  FT_SFLOW_UNKNOWN};
    struct made m = made_datagram(sizeof kinds);
    struct ft_sflow_datagram d = {.n_seen = 0};
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_record rec = {.tag = 0};

    for (unsigned i = 0; i < sizeof kinds; i++) {
        size_t at = begin(&m, tags[i]);

        for (unsigned k = 0; k < 11; k++) {
            put32(&m, k == 0 ? i : 0);
        }
        end(&m, at);
    }
    CHECK_EQ(ft_sflow_begin(m.p, m.len, &d), FT_OK);
    for (unsigned i = 0; i < sizeof kinds; i++) {
        CHECK_EQ(ft_sflow_next(&d, &s), FT_OK);
        CHECK_EQ(s.kind, kinds[i]);
        CHECK_EQ(s.tag, tags[i]);
        CHECK_EQ(s.len, 44);
        CHECK_EQ(s.data[3], i);
        CHECK_EQ(s.expanded, tags[i] >= 3 && tags[i] <= 5);
        CHECK_EQ(ft_sflow_record(&s, &rec), FT_E_EOF);
    }
    CHECK_EQ(ft_sflow_next(&d, &s), FT_E_EOF);
    CHECK_EQ(ft_sflow_next(&d, &s), FT_E_EOF);
}

/* S6: compact sources and interfaces share a word, expanded ones have two. */
static void test_s6_compact(void)
{
    static const struct {
        uint32_t word, format, value;
    } ports[] = {
        {3, 0, 3},
        {0x3fffffff, FT_SFLOW_PORT_INDEX, FT_SFLOW_PORT_LOCAL},
        {0x40000102, FT_SFLOW_PORT_DROPPED, 258},
        {0x80000007, FT_SFLOW_PORT_MULTIPLE, 7},
        {0x80000000, FT_SFLOW_PORT_MULTIPLE, 0},
        {0, 0, 0},
        {0xffffffff, 3, 0x3fffffff},
    };

    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        struct made m = made_datagram(1);
        size_t at = begin_flow(&m, 0);
        struct ft_sflow_sample s = {.tag = 0};

        end(&m, at);
        set32(&m, at + 4, 0x02abcdef);
        set32(&m, at + 20, ports[i].word);
        set32(&m, at + 24, ports[sizeof ports / sizeof ports[0] - 1 - i].word);
        s = first_sample(&m);
        CHECK_EQ(s.sequence, 41);
        CHECK_EQ(s.source_class, 2);
        CHECK_EQ(s.source_index, 0xabcdef);
        CHECK_EQ(s.sampling_rate, 1000);
        CHECK_EQ(s.sample_pool, 55000);
        CHECK_EQ(s.drops, 2);
        CHECK_EQ(s.input.format, ports[i].format);
        CHECK_EQ(s.input.value, ports[i].value);
        CHECK_EQ(s.output.format, ports[sizeof ports / sizeof ports[0] - 1 - i].format);
    }
}

static void test_s6_expanded(void)
{
    static const uint32_t words[] = {77, 3, 0xfffffffe, 400, 8000, 5, 0, 0x7fffffff, 1, 262, 0};
    struct made m = made_datagram(1);
    size_t at = begin(&m, 3);
    struct ft_sflow_sample s = {.tag = 0};

    for (unsigned i = 0; i < 11; i++) {
        put32(&m, words[i]);
    }
    end(&m, at);
    s = first_sample(&m);
    CHECK_EQ(s.expanded, true);
    CHECK_EQ(s.sequence, 77);
    CHECK_EQ(s.source_class, 3);
    CHECK_EQ(s.source_index, 0xfffffffe);
    CHECK_EQ(s.sampling_rate, 400);
    CHECK_EQ(s.sample_pool, 8000);
    CHECK_EQ(s.drops, 5);
    CHECK_EQ(s.input.format, 0);
    CHECK_EQ(s.input.value, 0x7fffffff); /* beyond 2^30 */
    CHECK_EQ(s.output.format, FT_SFLOW_PORT_DROPPED);
    CHECK_EQ(s.output.value, 262);
}

static void test_s6_counters(void)
{
    struct made m = made_datagram(1);
    size_t at = begin_counters(&m, 0);
    struct ft_sflow_sample s = {.tag = 0};

    end(&m, at);
    s = first_sample(&m);
    CHECK_EQ(s.sequence, 9);
    CHECK_EQ(s.source_class, 1);
    CHECK_EQ(s.source_index, 5);
    m = made_datagram(1);
    at = begin(&m, 4);
    put32(&m, 10);
    put32(&m, 2);
    put32(&m, 0x12345678);
    put32(&m, 0);
    end(&m, at);
    s = first_sample(&m);
    CHECK_EQ(s.sequence, 10);
    CHECK_EQ(s.source_class, 2);
    CHECK_EQ(s.source_index, 0x12345678);
}

/* S9: what an agent without headers tells of a packet. */
static void test_s9_ethernet(void)
{
    for (unsigned pad = 0; pad < 2; pad++) { /* MACs of 6 bytes, as some agents send, and of 8 */
        struct made m = made_datagram(1);
        size_t at = begin_flow(&m, 1), rec = begin(&m, 2);
        struct ft_sflow_ethernet e = {.length = 0};
        struct ft_sflow_sample s = {.tag = 0};
        struct ft_sflow_record r = {.tag = 0};

        put32(&m, 1514);
        put_bytes(&m, "\1\2\3\4\5\6\0\0", 6 + 2 * pad);
        put_bytes(&m, "\7\10\11\12\13\14\0\0", 6 + 2 * pad);
        put32(&m, 0x0800);
        end(&m, rec);
        end(&m, at);
        s = first_sample(&m);
        r = first_record(&s);
        CHECK_EQ(ft_sflow_ethernet(&r, &e), FT_OK);
        CHECK_EQ(e.length, 1514);
        CHECK_EQ(e.type, 0x0800);
        CHECK_MEM(e.src, "\1\2\3\4\5\6", 6);
        CHECK_MEM(e.dst, "\7\10\11\12\13\14", 6);
        r.len -= 1;
        CHECK_EQ(ft_sflow_ethernet(&r, &e), FT_E_TRUNCATED);
    }
}

static void test_s9_ip(void)
{
    for (uint32_t tag = FT_SFLOW_IPV4; tag <= FT_SFLOW_IPV6; tag++) {
        uint32_t addr = tag == FT_SFLOW_IPV4 ? 4 : 16;
        struct made m = made_datagram(1);
        size_t at = begin_flow(&m, 1), rec = begin(&m, tag);
        struct ft_sflow_sample s = {.tag = 0};
        struct ft_sflow_record r = {.tag = 0};
        struct ft_sflow_ip ip = {.version = 0};

        put32(&m, 1500);
        put32(&m, 6);
        for (uint32_t i = 0; i < 2 * addr; i++) {
            m.p[m.len++] = (uint8_t)(i + 1);
        }
        put32(&m, 443);
        put32(&m, 50000);
        put32(&m, 0x12);
        put32(&m, 0xb8);
        end(&m, rec);
        end(&m, at);
        s = first_sample(&m);
        r = first_record(&s);
        CHECK_EQ(ft_sflow_ip(&r, &ip), FT_OK);
        CHECK_EQ(ip.version, tag == FT_SFLOW_IPV4 ? 4 : 6);
        CHECK_EQ(ip.length, 1500);
        CHECK_EQ(ip.protocol, 6);
        CHECK_EQ(ip.src[addr - 1], addr);
        CHECK_EQ(ip.dst[0], addr + 1);
        CHECK_EQ(ip.src_port, 443);
        CHECK_EQ(ip.dst_port, 50000);
        CHECK_EQ(ip.tcp_flags, 0x12);
        CHECK_EQ(ip.tos, 0xb8);
        r.len -= 4;
        CHECK_EQ(ft_sflow_ip(&r, &ip), FT_E_TRUNCATED);
    }
}

/* S10: the link type of each header protocol. */
static void test_s10_header_protocols(void)
{
    static const uint16_t links[] = {
        [0] = FT_SFLOW_LINK_NONE,
        [1] = FT_LINK_ETHERNET,
        [2] = FT_SFLOW_LINK_NONE,
        [3] = 6,
        [4] = 10,
        [5] = 107,
        [6] = FT_SFLOW_LINK_NONE,
        [7] = 9,
        [8] = FT_SFLOW_LINK_NONE,
        [9] = FT_SFLOW_LINK_NONE,
        [10] = FT_SFLOW_LINK_NONE,
        [11] = FT_LINK_IPV4,
        [12] = FT_LINK_IPV6,
        [13] = 219,
        [14] = 50,
        [15] = 105,
        [16] = FT_SFLOW_LINK_NONE,
        [17] = FT_SFLOW_LINK_NONE,
        [18] = 247,
        [19] = FT_SFLOW_LINK_NONE,
    };

    for (uint32_t protocol = 0; protocol < sizeof links / sizeof links[0]; protocol++) {
        struct made m = made_datagram(1);
        size_t at = begin_flow(&m, 1);
        struct ft_sflow_header h = {.data = NULL};
        struct ft_sflow_sample s = {.tag = 0};
        struct ft_sflow_record r = {.tag = 0};

        put_header(&m, protocol, 100, 64);
        end(&m, at);
        s = first_sample(&m);
        r = first_record(&s);
        CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
        CHECK_EQ(h.protocol, protocol);
        CHECK_EQ(h.linktype, links[protocol]);
    }
}

/* S11: the bytes on the wire and those stripped are told apart from the bytes that came. */
static void test_s11_frame_length(void)
{
    struct made m = made_datagram(1);
    size_t at = begin_flow(&m, 1);
    struct ft_sflow_header h = {.data = NULL};
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_record r = {.tag = 0};

    put_header(&m, 1, 9018, 126);
    end(&m, at);
    s = first_sample(&m);
    r = first_record(&s);
    CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
    CHECK_EQ(h.frame_len, 9018);
    CHECK_EQ(h.stripped, 4);
    CHECK_EQ(h.len, 126); /* padding does not count */
    CHECK_EQ(h.header_len, 126);
    CHECK_EQ(h.cut, false);
    CHECK_EQ(h.data[125], 125);
}

/* S12: a header that is longer than its record is what is there of it. */
static void test_s12_truncated_header(void)
{
    struct made m = made_datagram(1);
    size_t at = begin_flow(&m, 1);
    struct ft_sflow_header h = {.data = NULL};
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_record r = {.tag = 0};

    put_header(&m, 1, 1518, 64);
    end(&m, at);
    set32(&m, m.len - 68, 128);
    s = first_sample(&m);
    r = first_record(&s);
    CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
    CHECK_EQ(h.cut, true);
    CHECK_EQ(h.len, 64);
    CHECK_EQ(h.header_len, 128);
    set32(&m, m.len - 68, 0xffffffff);
    CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
    CHECK_EQ(h.len, 64);
    r.len = 15;
    CHECK_EQ(ft_sflow_header(&r, &h), FT_E_TRUNCATED);
    r.len = 16;
    CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
    CHECK_EQ(h.len, 0);
}

/* S12: a datagram that was cut: the samples before, and the last one as far as it goes. */
static void test_s12_truncated_datagram(void)
{
    struct made m = made_datagram(2);
    struct walked w;
    size_t at;

    for (int i = 0; i < 2; i++) {
        at = begin_flow(&m, 1);
        put_header(&m, 1, 1518, 128);
        end(&m, at);
    }
    w = walk(m.p, m.len - 100);
    CHECK_EQ(w.samples, 2);
    CHECK_EQ(w.records, 2);
    CHECK_EQ(w.faults[FT_SFLOW_F_SAMPLE_LENGTH], 1);
    CHECK_EQ(w.faults[FT_SFLOW_F_RECORD_LENGTH], 1);
    CHECK_EQ(w.faults[FT_SFLOW_F_HEADER_LENGTH], 1);
    CHECK_EQ(w.last_record.cut, true);
    CHECK_EQ(w.last_record.len, 16 + 28);
}

/* S14: discarded packets. */
static void test_s14_discard(void)
{
    static const uint32_t words[] = {12, 0, 70000, 4, 21, 0x3fffffff, 290, 1};
    struct made m = made_datagram(1);
    size_t at = begin(&m, 5);
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_record r = {.tag = 0};
    struct ft_sflow_header h = {.data = NULL};

    for (unsigned i = 0; i < 8; i++) {
        put32(&m, words[i]);
    }
    put_header(&m, 11, 60, 40);
    end(&m, at);
    s = first_sample(&m);
    CHECK_EQ(s.kind, FT_SFLOW_DISCARD);
    CHECK_EQ(s.sequence, 12);
    CHECK_EQ(s.source_class, 0);
    CHECK_EQ(s.source_index, 70000);
    CHECK_EQ(s.drops, 4);
    CHECK_EQ(s.input.value, 21);
    CHECK_EQ(s.output.value, FT_SFLOW_PORT_LOCAL);
    CHECK_EQ(s.reason, 290);
    CHECK_EQ(s.sampling_rate, 0);
    CHECK_STR(ft_sflow_drop_reason_name(s.reason), "sip_is_unspecified");
    r = first_record(&s);
    CHECK_EQ(ft_sflow_header(&r, &h), FT_OK);
    CHECK_EQ(h.linktype, FT_LINK_IPV4);
}

static void test_s14_drop_reasons(void)
{
    unsigned names = 0;

    for (uint32_t code = 0; code < 70000; code++) {
        const char *name = ft_sflow_drop_reason_name(code);

        CHECK_EQ(name != NULL,
                 code < 16 || code == 33 || code == 36 || (code >= 256 && code <= 372));
        names += name != NULL;
    }
    CHECK_EQ(names, 16 + 2 + 117);
    CHECK_STR(ft_sflow_drop_reason_name(0), "net_unreachable");
    CHECK_STR(ft_sflow_drop_reason_name(15), "precedence_cutoff");
    CHECK_STR(ft_sflow_drop_reason_name(256), "unknown");
    CHECK_STR(ft_sflow_drop_reason_name(288), "unknown_tunnel");
    CHECK_STR(ft_sflow_drop_reason_name(323), "unknown_parsing");
    CHECK_STR(ft_sflow_drop_reason_name(332), "dev_hdr");
    CHECK_STR(ft_sflow_drop_reason_name(33), "dev_hdr");
    CHECK_STR(ft_sflow_drop_reason_name(366), "tc_egress");
    CHECK_STR(ft_sflow_drop_reason_name(36), "tc_egress");
    CHECK_STR(ft_sflow_drop_reason_name(367), "xdp");
    CHECK_STR(ft_sflow_drop_reason_name(372), "bgp_flowspec");
    CHECK(ft_sflow_drop_reason_name(UINT32_MAX) == NULL);
}

/* S15: custom metrics are told, and what follows them is found. */
static void test_s15_rt_metrics(void)
{
    struct made m = made_datagram(3);
    struct walked w;
    size_t at = begin(&m, FT_SFLOW_TAG(4300, 1002));

    put_string(&m, "source");
    put32(&m, 1);
    put_string(&m, "metric");
    put32(&m, 1);
    put32(&m, 5);
    end(&m, at);
    at = begin(&m, FT_SFLOW_TAG(4300, 1003));
    put_string(&m, "source");
    end(&m, at);
    at = begin_flow(&m, 1);
    put_header(&m, 1, 64, 60);
    end(&m, at);
    w = walk_made(&m);
    CHECK_EQ(w.kinds[FT_SFLOW_RTMETRIC], 1);
    CHECK_EQ(w.kinds[FT_SFLOW_RTFLOW], 1);
    CHECK_EQ(w.kinds[FT_SFLOW_FLOW], 1);
    CHECK_EQ(w.records, 1);
    CHECK_EQ(faults_of(&w), 0);
}

static void test_fault_names(void)
{
    CHECK_STR(ft_sflow_fault_name(FT_SFLOW_F_SAMPLE_LENGTH), "sflow_sample_length");
    CHECK_STR(ft_sflow_fault_name(FT_SFLOW_F__COUNT), "?");
    CHECK_STR(ft_sflow_fault_text(FT_SFLOW_F_VERSION), "is not sFlow version 5");
    CHECK_STR(ft_sflow_fault_text(FT_SFLOW_F__COUNT), "?");
}

int main(void)
{
    RUN(test_s1_xdr_alignment);
    RUN(test_s1_length_without_padding);
    RUN(test_s2_agent_address);
    RUN(test_s5_sample_kinds);
    RUN(test_s6_compact);
    RUN(test_s6_expanded);
    RUN(test_s6_counters);
    RUN(test_s9_ethernet);
    RUN(test_s9_ip);
    RUN(test_s10_header_protocols);
    RUN(test_s11_frame_length);
    RUN(test_s12_truncated_header);
    RUN(test_s12_truncated_datagram);
    RUN(test_s14_discard);
    RUN(test_s14_drop_reasons);
    RUN(test_s15_rt_metrics);
    RUN(test_fault_names);
    return test_end();
}
