/* SPDX-License-Identifier: Apache-2.0 */
/* format: the sample event byte for byte, by hand and by its columns; bounds of the longest
 * events. */
#include <arpa/inet.h>

#include "format/format.h"
#include "format/ndjson.h"
#include "format/walk.h"
#include "harness.h"
#include "lines.h"
#include "model/app.h"
#include "model/field_export.h"

static uint8_t buf[FT_FORMAT_MAX + 4096];

static struct ft_packet packet(void)
{
    struct ft_packet p = {0};

    inet_pton(AF_INET, "142.250.180.142", &p.key.addr[1]);
    inet_pton(AF_INET, "10.17.245.72", &p.key.addr[0]);
    p.key.port[0] = 54211;
    p.key.port[1] = 443;
    p.key.proto = 6;
    p.ts_ns = INT64_C(1719409375420000000);
    p.frame_len = 1420;
    return p;
}

static void test_sample_of_the_docs(void)
{
    struct ft_format *f = lines_open("ndjson", 1u << FT_EVENT_SAMPLE, "base", NULL);
    struct ft_packet p = packet();
    struct ft_tuple_counts c = {42, 59640, INT64_C(1719409371110000000)};

    buf[f->ops->sample(f, buf, &p, &c)] = 0;
    lines_end(f);
    CHECK_STR((char *)buf,
              "{\"event_type\":\"network_flow_sample\",\"timestamp\":1719409375.420000,"
              "\"flow_key\":{\"src_ip\":\"10.17.245.72\",\"dst_ip\":\"142.250.180.142\","
              "\"src_port\":54211,\"dst_port\":443,\"protocol\":6},\"packet_size_bytes\":1420,"
              "\"aggregate_metrics\":{\"packet_count\":42,\"byte_count\":59640,"
              "\"first_seen\":1719409371.110000,\"last_seen\":1719409375.420000}}\n");
}

static void test_by_hand_and_by_table(void)
{
    static const uint8_t protos[] = {1, 6, 17, 47, 58, 132};
    struct ft_format *f = lines_open("ndjson", 1u << FT_EVENT_SAMPLE, "base", NULL);
    uint32_t n_rows;
    const struct ft_field *rows = ft_fields(FT_EVENT_SAMPLE, &n_rows);

    for (int i = 0; i < 24; i++) {
        struct ft_packet p = packet();
        struct ft_tuple_counts c = {UINT64_MAX, UINT64_MAX, -1};
        struct ft_sample s = {&p, &c};
        uint8_t other[FT_FORMAT_SAMPLE_MAX];

        p.swap = i & 1;
        p.key.proto = protos[i / 4];
        p.key.bits = i & 2 ? FT_KEY_V6 : 0;
        memset(p.addr6, 0xab, sizeof p.addr6);
        p.ts_ns = i & 1 ? INT64_MAX : -INT64_MAX;
        p.frame_len = UINT32_MAX;
        size_t n = f->ops->sample(f, buf, &p, &c);
        size_t m = lines_walk_rows(FT_EVENT_SAMPLE, rows, n_rows, &s, other);

        CHECK_EQ(n, m);
        CHECK_MEM(buf, other, n);
        CHECK(n <= FT_FORMAT_SAMPLE_MAX);
    }
    lines_end(f);
}

/* Every text as long as it may be, of bytes that take six in JSON. */
static void fill_app(struct ft_app_info *a, enum ft_app_part part)
{
    struct ft_app_text most = {.len = FT_APP_SHORT};

    memset(a, 1, sizeof *a);
    a->part = (uint8_t)part;
    a->app = FT_APP_POSTGRESQL;
    a->name.len = FT_APP_NAME;
    a->tls.alpn = most; /* what is in TLS has a part of its own */
    a->tls.ja3[32] = a->tls.ja3s[32] = a->tls.ja4[36] = '\0';
    if (part == FT_APP_PART_HTTP) {
        a->http.method.len = sizeof a->http.method_text;
        a->http.target.len = a->http.agent.len = FT_APP_LONG;
    } else if (part == FT_APP_PART_SSH) {
        a->ssh.banner[0] = a->ssh.banner[1] = most;
        a->ssh.hassh[0][32] = a->ssh.hassh[1][32] = '\0';
    }
}

static void test_bounds(void)
{
    static struct ft_app_info longest;
    static struct ft_stats s;
    static char name[1000];
    static struct ft_sizes_record sizes;
    static struct ft_tunnel_record tunnel;
    static struct ft_tcp_record tcp;
    static struct ft_packets_record packets;
    static struct ft_splt_record splt;
    static struct ft_zeek_record zeek;
    static struct ft_nf_v3_record nf;
    static struct ft_bytes_record bytes = {.n = FT_BYTES_MAX};
    static struct ft_netfound_record netfound;
    struct ft_flow_record r;

    memset(&r, 0xff, sizeof r);
    memset(&sizes, 0xff, sizeof sizes);
    memset(&tunnel, 0xff, sizeof tunnel);
    memset(&packets, 0xff, sizeof packets);
    packets.tcp = packets.has_isn[0] = packets.has_isn[1] = true;
    memset(&splt, 0xff, sizeof splt);
    splt.n = FT_SPLT_MAX;
    memset(&zeek, 0x7f, sizeof zeek);
    zeek.conn_state = "RSTOS0";
    zeek.proto = "unknown_transport";
    zeek.local[0] = zeek.local[1] = true;
    zeek.ip_version = 6;
    zeek.history[sizeof zeek.history - 1] = zeek.service[sizeof zeek.service - 1] = '\0';
    memset(&netfound, 0xff, sizeof netfound);
    netfound.n = FT_NETFOUND_BURSTS;
    netfound.hidden = false;
    for (uint32_t i = 0; i < netfound.n; i++) {
        netfound.ends[i] = FT_NETFOUND_MOST / FT_NETFOUND_BURSTS * (i + 1);
        netfound.directions[i] = 0;
    }
    netfound.label = name;
    netfound.label_len = UINT8_MAX;
    memset(&nf, 0x7f, sizeof nf);
    nf.ip_version = 6;
    nf.second[0] = nf.second[1] = -1.2345678901234567e-300;
    memset(&tcp, 0x7f, sizeof tcp); /* all bits set is null */
    r.is_final = r.one_way = r.has_icmp_code = true;
    r.no_ports = false;
    r.proto = 58; /* ICMP's columns are written too */
    r.ip_version = 6;
    r.reason = FT_REASON_SNAPSHOT;
    memset(tcp.history, 'S', sizeof tcp.history - 1);
    tcp.history[sizeof tcp.history - 1] = '\0';
    r.truncated = tcp.midstream = r.syn_then_reset = true;
    r.has_tunnel_id = tunnel.has_rev_id = tunnel.has_roce = true;
    r.tunnel = FT_TUNNEL_ETHERIP;
    tunnel.version = 6;
    memset(r.part, 0, sizeof r.part);
    r.part[FT_PART_CORE] = &r;
    r.part[FT_PART_SIZES] = &sizes;
    r.part[FT_PART_TCP] = &tcp;
    r.part[FT_PART_TUNNEL] = &tunnel;
    r.part[FT_PART_APP] = &longest;
    r.part[FT_PART_PACKETS] = &packets;
    r.part[FT_PART_SPLT] = &splt;
    r.part[FT_PART_ZEEK] = &zeek;
    r.part[FT_PART_BYTES] = &bytes;
    r.part[FT_PART_NETFOUND] = &netfound;
    r.part[FT_PART_NF_V3] = r.part[FT_PART_NF_V3_COMPAT] = &nf;
    for (int i = 0; ft_formats[i] != NULL; i++) {
        if (ft_formats[i]->open == NULL) {
            continue; /* packets */
        }
        struct ft_format *f =
            lines_open(ft_formats[i]->name, 1u << FT_EVENT_FLOW,
                       "all,app,splt,zeek,bytes,nf-v3,nf-v3-compat,netfound", NULL);

        for (int part = 0; ft_formats[i]->flow != NULL && part <= FT_APP_PART_SSH; part++) {
            fill_app(&longest, (enum ft_app_part)part);
            CHECK(f->ops->flow(f, buf, &r) + FT_PUT_SLACK <= f->flow_max);
        }
        lines_end(f);
    }
    memset(name, 1, sizeof name - 1); /* every byte is escaped */
    memset(&s, 0xff, sizeof s);
    s.n_workers = FT_MAX_WORKERS;
    s.n_outputs = FT_MAX_OUTPUTS;
    s.not_ip.n = FT_NOT_IP_TYPES;
    s.is_final = s.kernel_dropped_known = s.clock_known = s.collecting = true;
    s.clock_offset_ns = INT64_MIN;
    for (int i = 0; i < FT_MAX_OUTPUTS; i++) {
        s.output[i].name = name;
        s.output[i].failed = true;
        s.output[i].made[FT_EVENT_AFTERIMAGE] = 0; /* never of collect, which has more kinds */
    }
    struct ft_format *f = lines_open("ndjson", 1u << FT_EVENT_STATS, "base", NULL);
    size_t n = f->ops->stats(f, buf, &s);

    lines_end(f);

    CHECK(n <= FT_FORMAT_MAX);
    printf("     the longest stats event: %zu bytes of %d\n", n, FT_FORMAT_MAX);
}

/* Exported records by hand and by the table: the same bytes, whatever they have. */
static void test_export_by_hand_and_by_table(void)
{
    static uint8_t one[FT_FORMAT_MAX + 64], two[FT_FORMAT_MAX + 64];
    static const uint8_t base[] = {10, 0, 0, 1, 0, 0, 4, 0, 'e', 't', 'h', '"'};
    struct ft_xvalue values[] = {
        {.key = "source_ipv4_address", .key_len = 19, .type = FT_X_IPV4, .len = 4},
        {.key = "octet_delta_count", .key_len = 17, .type = FT_X_UINT, .offset = 4, .len = 4},
        {.key = "interface_name", .key_len = 14, .type = FT_X_STRING, .offset = 8, .len = 4},
    };
    static const struct ft_xkey keys[2][3] = {
        {{",\"source_ipv4_address\":", 23}, {",\"octet_delta_count\":", 21}, {"", 0}},
        {{",\"source_ipv4_address\":", 23}, {"", 0}, {",\"interface_name\":", 18}},
    };
    struct ft_exporter_info who = {.addr = {192, 0, 2, 1},
                                   .ip_version = 4,
                                   .text = "192.0.2.1",
                                   .domain_id = 7,
                                   .protocol = FT_XP_IPFIX};
    struct ft_export_names names = {.if_in = "ge-0/0/1", .application = "x\"y"};
    uint64_t random = 42;
    struct ft__walk *walk = NULL;
    struct ft_columns columns;
    uint32_t n_rows;
    const struct ft_field *rows = ft_fields_export(FT_EVENT_FLOW, &n_rows);

    ft_columns_rows(rows, n_rows, &columns);
    CHECK_EQ(ft__walk_new(FT_EVENT_FLOW, &columns, false, &walk), FT_OK);
    for (int i = 0; i < 2000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        struct ft_export_record r = {
            .exporter = &who,
            .base = base,
            .values = values,
            .n_values = (uint32_t)(i % 4),
            .names = i % 3 == 0 ? &names : NULL,
            .sequence = (uint32_t)random,
            .has = (uint16_t)(random >> 13 & 0x1ff),
            .sampling_rate = i % 5 == 0 ? 0 : (uint32_t)(random >> 20),
            .timestamp_ns = 1700000000000000000 + (int64_t)(random >> 8),
            .first_ns = i % 7 == 0 ? INT64_MIN : (int64_t)(random >> 3),
            .last_ns = i % 11 == 0 ? INT64_MIN : (int64_t)(random >> 2),
            .packets = random >> 1,
            .bytes = random,
            .rev_packets = random >> 40,
            .src_port = (uint16_t)random,
            .dst_port = (uint16_t)(random >> 16),
            .ip_version = i % 2 ? 4 : 6,
            .proto = (uint8_t)(random >> 24),
            .end_reason = (uint8_t)(i % 6),
            .firewall_event = (uint8_t)(i % 13 < 7 ? i % 13 : 0),
        };

        memset(r.src, (int)(random & 0xff), sizeof r.src);
        r.text_max = ft_xvalues_room(values, r.n_values);
        r.keys = keys[i / 4 % 2];
        size_t n = ft__ndjson_export_flow(one, FT_FORMAT_MAX, &r, walk);
        r.keys = NULL; /* not prepared */
        size_t m = lines_walk_export(FT_EVENT_FLOW, &r, two);

        CHECK_EQ(n, m);
        CHECK_MEM(one, two, n);
        if (n != m || memcmp(one, two, n) != 0) {
            fprintf(stderr, "%.*s%.*s", (int)n, (char *)one, (int)m, (char *)two);
            break;
        }
    }
    ft__walk_free(walk);
}

/* With what files say of its hosts behind it: the same as the walk over those columns. */
static void test_enriched_by_hand_and_by_table(void)
{
    static const char name[] = "a \"b\"\n\xff", other[] = "Example, Inc.";
    struct ft_exporter_info who = {.ip_version = 4, .text = "0.0.0.0"};
    struct ft_export_record r = {.exporter = &who, .ip_version = 4};
    static uint8_t one[FT_FORMAT_MAX + 64], two[FT_FORMAT_MAX + 64];
    struct ft_enrich_record extra = {.if_in = "ge-0/0/1"};
    struct ft_columns columns;
    const void *parts[FT_PARTS_MAX];

    struct ft__walk *walk = NULL;

    ft_columns_exported(true, &columns);
    CHECK_EQ(ft__walk_new(FT_EVENT_FLOW, &columns, false, &walk), FT_OK);
    for (int i = 0; i < 32; i++) {
        for (int s = 0; s < 2; s++) {
            extra.side[s] = (struct ft_enrich_side){
                .as = i & 1 ? 64500u + (uint32_t)s : 0,
                .country = {i & 2 ? 'D' : '\0', i & 2 ? 'E' : '\0'},
                .as_name = i & 4 ? other : NULL,
                .as_name_len = sizeof other - 1,
                .network = i & 8 ? name : NULL,
                .network_len = sizeof name - 1,
            };
        }
        extra.if_out = i & 16 ? "eth1" : NULL;
        r.enrich = i == 0 ? NULL : &extra;
        ft_export_parts(&r, parts);
        size_t n = ft__ndjson_export_enriched(one, FT_FORMAT_MAX, &r, walk);
        size_t m = lines_walk(FT_EVENT_FLOW, &columns, parts, false, two);

        CHECK_EQ(n, m);
        CHECK_MEM(one, two, n);
    }
    ft__walk_free(walk);
}

int main(void)
{
    RUN(test_sample_of_the_docs);
    RUN(test_by_hand_and_by_table);
    RUN(test_bounds);
    RUN(test_export_by_hand_and_by_table);
    RUN(test_enriched_by_hand_and_by_table);
    return test_end();
}
