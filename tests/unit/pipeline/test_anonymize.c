/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline/anonymize: what every column of every event gives before and after, by its class; values
 * of every type; messages; formats that carry bytes of packets. */
#include "pipeline/anonymize.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/text/column.h"
#include "codec/text/exported.h"
#include "harness.h"
#include "model/afterimage.h"
#include "model/alert.h"
#include "model/app.h"
#include "model/columns.h"
#include "model/community.h"
#include "model/field_export.h"
#include "model/window.h"
#include "pipeline/build.h"
#include "pipeline/scrub.h"

static const uint8_t key[FT_CRYPTOPAN_KEY] = "0123456789abcdef0123456789ABCDEF";
static struct ft_cryptopan *map; /* the same key, for what is expected */

static struct ft_anonymizer *make(enum ft_names names)
{
    struct ft_anonymizer *a = NULL;

    CHECK_EQ(ft_anonymizer_new(key, names, &a), FT_OK);
    return a;
}

/* ---- columns ---- */

/* What was seen of a table of columns: that each which gives something away was tried. */
struct tried {
    const struct ft_field *f;                   /* [n], or */
    const struct ft_field *col[FT_COLUMNS_MAX]; /* f NULL: [n] */
    uint32_t n;
    bool value[FT_COLUMNS_MAX];
};

static size_t render(const struct ft_field *f, const void *event, uint8_t *out, bool *null)
{
    struct ft_value v = {.null = false};

    *null = false;
    if (f->type == FT_T_JSON) {
        return (size_t)(f->json(event, out) - out);
    }
    if (event == NULL) { /* a part that says nothing */
        *null = true;
        return 0;
    }
    ft_field_get(f, event, &v);
    *null = v.null;
    return v.null ? 0 : (size_t)(ft_put_value(out, (enum ft_type)f->type, &v, false) - out);
}

static void check_address(const struct ft_field *f, const void *before, const void *after)
{
    struct ft_value b = {.null = false}, a = {.null = false};
    uint8_t want[16];

    CHECK_EQ(before == NULL, after == NULL);
    if (before == NULL || after == NULL) {
        return;
    }
    ft_field_get(f, before, &b);
    ft_field_get(f, after, &a);
    CHECK_EQ(b.null, a.null);
    if (b.null || a.null) {
        return;
    }
    size_t len = b.ip_version == 4 ? 4 : 16;

    memcpy(want, b.addr, len);
    ft_cryptopan_map(map, want, len);
    CHECK_EQ(a.ip_version, b.ip_version);
    CHECK_MEM(a.addr, want, len);
    CHECK(memcmp(a.addr, b.addr, len) != 0);
}

/* One column; says its name when it is wrong. */
static void check_column(const struct ft_field *f, const void *before, const void *after,
                         enum ft_names names, bool *value)
{
    static uint8_t one[FT_FORMAT_MAX], two[FT_FORMAT_MAX];
    bool null_before, null_after;
    size_t n = render(f, before, one, &null_before), m = render(f, after, two, &null_after);
    int failed = test_case_failed;

    *value |= !null_before;
    switch ((enum ft_privacy)f->privacy) {
    case FT_PRIVACY_IDENTITY:
        if (f->type == FT_T_ADDR) {
            check_address(f, before, after);
        } else {
            CHECK(n == m || strcmp(f->name, "Flow ID") == 0); /* addresses as text */
            CHECK(n != m || memcmp(one, two, n) != 0);
        }
        break;
    case FT_PRIVACY_NAME:
        if (names == FT_NAMES_DROP) {
            CHECK(null_after);
        } else {
            CHECK_EQ(null_before, null_after);
            CHECK(null_after || m == 18 || m == 38); /* quotes and digits */
            CHECK(null_after || strspn((char *)two + 1, "0123456789abcdef") == m - 2);
        }
        break;
    case FT_PRIVACY_PAYLOAD:
        CHECK(null_after);
        break;
    case FT_PRIVACY_BY_VALUE: /* test_values */
        break;
    default:
        CHECK_EQ(null_before, null_after);
        CHECK_EQ(n, m);
        CHECK(n != m || memcmp(one, two, n) == 0);
        break;
    }
    if (test_case_failed != failed) {
        fprintf(stderr, "  column %s: %.*s became %.*s\n", f->name, (int)n, (char *)one, (int)m,
                (char *)two);
    }
}

/* A flow's columns, each of its part. */
static void check_flow(struct tried *t, const struct ft_flow_record *before,
                       const struct ft_flow_record *after, enum ft_names names)
{
    struct ft_columns c;

    ft_columns_compose(UINT32_MAX, &c);
    t->n = c.n;
    for (uint32_t i = 0; i < c.n; i++) {
        const struct ft_column *col = &c.col[i];

        t->col[i] = col->field;
        if (col->fixed != NULL) { /* hidden once, where the run begins: correct/observers */
            t->value[i] = true;
            continue;
        }
        check_column(col->field, before->part[col->part], after->part[col->part], names,
                     &t->value[i]);
    }
}

static void check_event(struct tried *t, const void *before, const void *after, enum ft_names names)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->f[i].of_observer) {
            t->value[i] = true;
            continue;
        }
        check_column(&t->f[i], before, after, names, &t->value[i]);
    }
}

/* A column that gives something away must have been there in one of the events: a new one whose
 * place this test does not fill is not tested. */
static void check_tried(const struct tried *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        const struct ft_field *f = t->f != NULL ? &t->f[i] : t->col[i];
        bool gives = f->privacy == FT_PRIVACY_IDENTITY || f->privacy == FT_PRIVACY_NAME ||
                     f->privacy == FT_PRIVACY_PAYLOAD;

        if (gives && !t->value[i]) {
            fprintf(stderr, "  column %s: no event of this test has it\n", f->name);
        }
        CHECK(!gives || t->value[i]);
    }
}

/* ---- flows ---- */

static struct ft_app_text put_text(uint8_t *to, const char *text)
{
    memcpy(to, text, strlen(text));
    return (struct ft_app_text){(uint8_t)strlen(text), 0};
}

static struct ft_app_info app_of(enum ft_app_part part)
{
    struct ft_app_info i = {.app = FT_APP_TLS, .confidence = 90, .part = (uint8_t)part};

    i.name = put_text(i.name_text, "4.3.2.10.in-addr.arpa");
    if (part == FT_APP_PART_TLS) {
        i.tls = (struct ft_app_tls){.version = 772,
                                    .cipher = 4865,
                                    .has_client = true,
                                    .has_server = true,
                                    .quic_version = 1};
        i.tls.alpn = put_text(i.tls.alpn_text, "h2");
        snprintf(i.tls.ja3, sizeof i.tls.ja3, "%032d", 3);
        snprintf(i.tls.ja3s, sizeof i.tls.ja3s, "%032d", 4);
        snprintf(i.tls.ja4, sizeof i.tls.ja4, "t13d1516h2_8daaf6152771_b186095e22b6");
    } else if (part == FT_APP_PART_DNS) {
        i.dns = (struct ft_app_dns){.qtype = 12,
                                    .has_question = true,
                                    .has_answer = true,
                                    .has_ttl = true,
                                    .answers = 1,
                                    .ttl = 300};
    } else if (part == FT_APP_PART_HTTP) {
        i.http = (struct ft_app_http){.status = 200};
        i.http.method = put_text(i.http.method_text, "GET");
        i.http.target = put_text(i.http.target_text, "/?from=10.2.3.4");
        i.http.agent = put_text(i.http.agent_text, "curl/8");
    } else if (part == FT_APP_PART_SSH) {
        i.ssh = (struct ft_app_ssh){.hassh = {"a", "b"}};
        i.ssh.banner[0] = put_text(i.ssh.banner_text[0], "SSH-2.0-a");
        i.ssh.banner[1] = put_text(i.ssh.banner_text[1], "SSH-2.0-host-10.2.3.4");
    }
    return i;
}

/* A record and its parts. */
struct flow {
    struct ft_flow_record r;
    struct ft_sizes_record sizes;
    struct ft_tcp_record tcp;
    struct ft_tunnel_record tunnel;
    struct ft_link_record link;
    struct ft_zeek_record zeek;
    struct ft_nf_v3_record nf[2];
    struct ft_bytes_record bytes;
    struct ft_nprint_record nprint;
    struct ft_app_info app;
    struct ft_cic_record cic;
    struct ft_nfstream_record nfstream;
    struct ft_netfound_record netfound;
    struct ft_enrich_record enrich;
};

static void flow_of(uint8_t version, enum ft_app_part part, struct flow *f)
{
    f->app = app_of(part);
    f->sizes = (struct ft_sizes_record){0};
    f->tcp = (struct ft_tcp_record){.history = "Sh"};
    f->link = (struct ft_link_record){.mac = {{2, 1, 2, 3, 4, 5}, {6, 5, 4, 3, 2, 1}}};
    f->zeek = (struct ft_zeek_record){.flow_id = 0x1234567890abcdef,
                                      .conn_state = "SF",
                                      .proto = "tcp",
                                      .ip_version = version,
                                      .ip_proto = 6,
                                      .addr = {{1, 2, 3, 4}, {5, 6, 7, 8}},
                                      .history = "Sh",
                                      .service = "ssl"};
    f->bytes = (struct ft_bytes_record){.n = 320, .packets = 1, .bytes = {0x45}};
    f->nprint = (struct ft_nprint_record){
        .n = 176, .packets = 1, .most = 1, .bytes = {0x45}, .lengths = {{20}}};
    f->nf[0] = f->nf[1] = (struct ft_nf_v3_record){
        .ip_version = version, .src = {1, 2, 3, 4}, .dst = {5, 6, 7, 8}, .port = {40000, 443}};
    f->tunnel =
        (struct ft_tunnel_record){.version = (uint8_t)(10 - version), .depth = 1, .fragments = {1}};
    f->r = (struct ft_flow_record){.flow_id = 0x1234567890abcdef,
                                   .first_ns = 1,
                                   .last_ns = 5000,
                                   .packets = {7, 8},
                                   .src_port = 40000,
                                   .dst_port = 443,
                                   .proto = 6,
                                   .ip_version = version,
                                   .tunnel = FT_TUNNEL_GRE,
                                   .part = {[FT_PART_CORE] = &f->r,
                                            [FT_PART_SIZES] = &f->sizes,
                                            [FT_PART_TCP] = &f->tcp,
                                            [FT_PART_TUNNEL] = &f->tunnel,
                                            [FT_PART_LINK] = &f->link,
                                            [FT_PART_BYTES] = &f->bytes,
                                            [FT_PART_NPRINT] = &f->nprint,
                                            [FT_PART_NF_V3] = &f->nf[0],
                                            [FT_PART_NF_V3_COMPAT] = &f->nf[1],
                                            [FT_PART_ZEEK] = &f->zeek,
                                            [FT_PART_APP] = &f->app,
                                            [FT_PART_NFSTREAM] = &f->nfstream,
                                            [FT_PART_NETFOUND] = &f->netfound,
                                            [FT_PART_ENRICH] = &f->enrich,

                                            [FT_PART_CIC] = &f->cic,
                                            [FT_PART_CIC_COMPAT] = &f->cic}};
    f->enrich = (struct ft_enrich_record){
        .side = {{64500, "DE", 4, 3, "Mine", "lan"}, {64501, "FR", 6, 3, "Theirs", "wan"}},
        .if_in = "eth0",
        .if_out = "eth1"};
    for (int i = 0; i < (version == 4 ? 4 : 16); i++) {
        f->r.src[i] = (uint8_t)(i + 10);
        f->r.dst[i] = (uint8_t)(i + 100);
    }
    f->cic = (struct ft_cic_record){.version = version, .port = {40000, 443}, .protocol = 6};
    memcpy(f->cic.src, f->r.src, sizeof f->cic.src);
    memcpy(f->cic.dst, f->r.dst, sizeof f->cic.dst);
    f->nfstream = (struct ft_nfstream_record){
        .id = f->r.flow_id, .ip_version = version, .mac = {{2, 1, 2, 3, 4, 5}, {6, 5, 4, 3, 2, 1}}};
    memcpy(f->nfstream.src, f->r.src, sizeof f->r.src);
    memcpy(f->nfstream.dst, f->r.dst, sizeof f->r.dst);
    for (int i = 0; i < (version == 4 ? 16 : 4); i++) {
        f->tunnel.src[i] = (uint8_t)(i + 50);
        f->tunnel.dst[i] = (uint8_t)(i + 150);
    }
}

static void check_community(const struct ft_flow_record *r)
{
    uint8_t src[16], dst[16];
    char id[FT_COMMUNITY_LEN + 1] = "", *at = id;
    size_t len = r->ip_version == 4 ? 4 : 16;
    struct ft_value v = {.null = false};
    struct ft_columns column;
    struct ft_err err;
    struct ft_anonymizer *a = make(FT_NAMES_DROP);

    memcpy(src, r->src, sizeof src);
    memcpy(dst, r->dst, sizeof dst);
    ft_cryptopan_map(map, src, len);
    ft_cryptopan_map(map, dst, len);
    struct ft_community c = {.src = src,
                             .dst = dst,
                             .ip_version = r->ip_version,
                             .proto = r->proto,
                             .src_port = r->src_port,
                             .dst_port = r->dst_port};

    ft_community_id(&c, at);
    CHECK_EQ(ft_columns_pick("community_id", 1, &column, &err), FT_OK);
    ft_column_get(&column.col[0], ft_anonymize_flow(a, r)->part, &v);
    CHECK_STR(v.s, id); /* of the mapped addresses */
    ft_anonymizer_free(a);
}

static void try_flows(enum ft_names names)
{
    struct tried flows = {0};
    struct ft_anonymizer *a = make(names);
    static struct flow f;

    for (int part = FT_APP_PART_NONE; part <= FT_APP_PART_SSH; part++) {
        for (uint8_t version = 4; version <= 6; version += 2) {
            flow_of(version, (enum ft_app_part)part, &f);
            check_flow(&flows, &f.r, ft_anonymize_flow(a, &f.r), names);
            check_community(&f.r);
        }
    }
    check_tried(&flows);
    ft_anonymizer_free(a);
}

static void test_flows(void)
{
    try_flows(FT_NAMES_DROP);
    try_flows(FT_NAMES_HASH);
}

static struct ft_packet packet_of(bool v6)
{
    static const uint8_t bytes[] = "payload";
    struct ft_packet p = {.payload = bytes, .payload_cap = 7, .tunnel = FT_TUNNEL_GRE};

    p.key.bits = v6 ? FT_KEY_V6 : 0;
    p.key.proto = 17;
    p.key.addr[0] = htonl(0x0a010203);
    p.key.addr[1] = htonl(0xc0a80909);
    for (int i = 0; i < 32; i++) {
        p.addr6[i] = (uint8_t)(i + 32);
    }
    p.swap = v6;
    p.tunnel_version = 4;
    memset(p.outer, 9, sizeof p.outer);
    return p;
}

static void test_samples(void)
{
    struct tried t = {0};
    struct ft_anonymizer *a = make(FT_NAMES_DROP);
    struct ft_tuple_counts counts = {3, 4, 5};

    t.f = ft_fields(FT_EVENT_SAMPLE, &t.n);
    for (int v6 = 0; v6 < 2; v6++) {
        FT_ALIGNED(32) struct ft_packet p = packet_of(v6);
        struct ft_sample before = {&p, &counts}, after = {ft_anonymize_packet(a, &p), &counts};

        check_event(&t, &before, &after, FT_NAMES_DROP);
        CHECK(after.pkt->payload == NULL && after.pkt->payload_cap == 0);
        CHECK(memcmp(after.pkt->outer[0], p.outer[0], 4) != 0);
    }
    check_tried(&t);
    ft_anonymizer_free(a);
}

/* ---- events of collect ---- */

static struct ft_exporter_info exporter_of(uint8_t version, uint8_t agent_version)
{
    struct ft_exporter_info e = {.ip_version = version,
                                 .protocol = FT_XP_SFLOW_V5,
                                 .domain_id = 77,
                                 .agent_version = agent_version};

    memset(e.addr, 0x21, version == 4 ? 4 : 16);
    memset(e.agent, 0x31, agent_version == 4 ? 4 : agent_version == 6 ? 16 : 0);
    inet_ntop(version == 4 ? AF_INET : AF_INET6, e.addr, e.text, sizeof e.text);
    if (agent_version != 0) {
        inet_ntop(agent_version == 4 ? AF_INET : AF_INET6, e.agent, e.agent_text,
                  sizeof e.agent_text);
    }
    return e;
}

/* The text of the exporter, which hand-written formats use, is that of its address. */
static void check_texts(const struct ft_exporter_info *e)
{
    char text[48] = "";

    inet_ntop(e->ip_version == 4 ? AF_INET : AF_INET6, e->addr, text, sizeof text);
    CHECK_STR(e->text, text);
    text[0] = '\0';
    if (e->agent_version != 0) {
        inet_ntop(e->agent_version == 4 ? AF_INET : AF_INET6, e->agent, text, sizeof text);
    }
    CHECK_STR(e->agent_text, text);
}

static void try_export(struct ft_anonymizer *a, enum ft_event event, struct tried *t,
                       const struct ft_exporter_info *who, bool v6)
{
    FT_ALIGNED(32) struct ft_packet p = packet_of(v6);
    struct ft_export_record record = {.exporter = who,
                                      .has = FT_XR_ADDRESSES | FT_XR_PORTS | FT_XR_PROTO,
                                      .ip_version = v6 ? 6 : 4,
                                      .first_ns = 1,
                                      .last_ns = 2};
    struct ft_export_sample sample = {.exporter = who,
                                      .pkt = &p,
                                      .seen = FT_XS_MACS,
                                      .src_mac = {2, 0, 0, 0, 0, 1},
                                      .dst_mac = {2, 0, 0, 0, 0, 2}};
    struct ft_export_counters counters = {.exporter = who, .source_index = 9};
    struct ft_template_change change = {.exporter = who, .template_id = 300};
    struct ft_exporter_health health = {.exporter = who, .messages = 4};
    struct ft_window_row window = {.entity = FT_ENTITY_PAIR, .ip_version = v6 ? 6 : 4};
    struct ft_alert alert;
    struct ft_afterimage_row image = {.timestamp_ns = 7};
    const void *what[FT_EVENT__COUNT] = {
        [FT_EVENT_FLOW] = &record,     [FT_EVENT_SAMPLE] = &sample,
        [FT_EVENT_DISCARD] = &sample,  [FT_EVENT_COUNTER] = &counters,
        [FT_EVENT_TEMPLATE] = &change, [FT_EVENT_EXPORTER] = &health,
        [FT_EVENT_WINDOW] = &window,   [FT_EVENT_ALERT] = &alert,
        [FT_EVENT_AFTERIMAGE] = &image};
    const void *after;

    memset(record.src, 0x41, v6 ? 16 : 4);
    memset(record.dst, 0x42, v6 ? 16 : 4);
    memset(window.address, 0x43, v6 ? 16 : 4);
    memset(window.peer, 0x44, v6 ? 16 : 4);
    ft_alert_clear(&alert);
    alert.rule = alert.source = "x";
    alert.ip_version = window.ip_version;
    alert.has_peer = true;
    memcpy(alert.address, window.address, 16);
    memcpy(alert.peer, window.peer, 16);
    alert.n_flow_ids = 1;
    alert.flow_id[0] = 7;
    alert.name_len = 3;
    memcpy(alert.name, "a.b", 3);
    ft_alert_say_ids(&alert);
    after = ft_anonymize_export(a, event, what[event]);
    check_event(t, what[event], after, FT_NAMES_DROP);
    if (event != FT_EVENT_WINDOW && event != FT_EVENT_ALERT &&
        event != FT_EVENT_AFTERIMAGE) { /* the others begin with it */
        check_texts(((const struct ft_export_record *)after)->exporter);
    }
}

/* What files say of the hosts of an exported record. */
static void test_enriched_exports(void)
{
    static struct flow f;
    struct ft_exporter_info who = exporter_of(4, 0);
    struct ft_export_record record = {.exporter = &who, .ip_version = 4, .enrich = &f.enrich};

    flow_of(4, FT_APP_PART_NONE, &f);
    for (enum ft_names names = FT_NAMES_DROP; names <= FT_NAMES_HASH; names++) {
        struct ft_anonymizer *a = make(names);
        struct tried t = {.f = ft_columns_enrich.rows, .n = ft_columns_enrich.n};
        const struct ft_export_record *after = ft_anonymize_export(a, FT_EVENT_FLOW, &record);

        check_event(&t, record.enrich, after->enrich, names);
        check_tried(&t);
        record.enrich = NULL;
        after = ft_anonymize_export(a, FT_EVENT_FLOW, &record);
        CHECK(after->enrich == NULL);
        record.enrich = &f.enrich;
        ft_anonymizer_free(a);
    }
}

static void test_exports(void)
{
    struct ft_anonymizer *a = make(FT_NAMES_DROP);

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        struct tried t = {0};

        if (e == FT_EVENT_STATS || e == FT_EVENT_PACKET) {
            continue;
        }
        t.f = ft_fields_export(e, &t.n);
        for (int i = 0; i < 8; i++) {
            struct ft_exporter_info who = exporter_of(i & 1 ? 4 : 6, (uint8_t)(i < 3   ? 4
                                                                               : i < 6 ? 6
                                                                                       : 0));

            try_export(a, e, &t, &who, (i & 2) != 0);
        }
        check_tried(&t);
    }
    ft_anonymizer_free(a);
}

/* ---- exported values ---- */

static const uint8_t value_bytes[64] = "abcdefghijklmnopqrstuvwxyz0123456789 10.2.3.4";

static uint16_t len_of(uint8_t type)
{
    for (uint16_t len = 16; len > 0; len--) {
        if (ft_xvalue_fits(type, len)) {
            return len;
        }
    }
    return 0;
}

static void check_value(const struct ft_xvalue *v, const uint8_t *at, const uint8_t *base,
                        enum ft_names names)
{
    uint8_t want[16];
    bool null = (v->flags & FT_XV_ABSENT) != 0;

    memcpy(want, at, sizeof want);
    switch (ft_xtype_privacy((enum ft_xtype)v->type)) {
    case FT_PRIVACY_IDENTITY:
        if (v->type == FT_X_MAC) {
            ft_cryptopan_mac(map, want);
        } else {
            ft_cryptopan_map(map, want, v->len);
        }
        CHECK(!null);
        CHECK_MEM(base + v->offset, want, v->len);
        CHECK(memcmp(base + v->offset, at, v->len) != 0);
        break;
    case FT_PRIVACY_NAME:
        CHECK_EQ(null, names == FT_NAMES_DROP);
        CHECK(null || v->len == 16);
        CHECK(null || memcmp(base + v->offset, at, 16) != 0);
        break;
    case FT_PRIVACY_PAYLOAD:
        CHECK(null);
        CHECK_EQ(v->len, 0);
        break;
    default:
        CHECK(!null);
        CHECK_MEM(base + v->offset, at, v->len);
        break;
    }
}

static void try_values(enum ft_names names)
{
    enum { N = FT_X_UINT32_LIST + 1 };
    struct ft_exporter_info who = exporter_of(4, 0);
    struct ft_export_names labels = {"eth0", "eth1", "red", "blue", "web"};
    struct ft_xvalue values[N + 3] = {{.key = "x"}};
    struct ft_export_record r = {.exporter = &who,
                                 .names = &labels,
                                 .base = value_bytes,
                                 .values = values,
                                 .n_values = N + 3};
    struct ft_anonymizer *a = make(names);

    for (uint32_t i = 0; i < N + 3; i++) {
        uint8_t type = (uint8_t)(i < N ? i : i == N ? FT_X_UINT : FT_X_STRING);

        values[i] = (struct ft_xvalue){"x", i % 8, len_of(type), 1, type, 0, 0, 0};
    }
    values[N].flags = FT_XV_TELLING; /* a number that names a person */
    values[N + 1].flags = FT_XV_WRONG;
    values[N + 2].flags = FT_XV_ABSENT;
    const struct ft_export_record *m = ft_anonymize_export(a, FT_EVENT_FLOW, &r);

    CHECK_EQ(m->n_values, N + 3);
    for (uint32_t i = 0; i < N; i++) {
        check_value(&m->values[i], value_bytes + i % 8, m->base, names);
    }
    CHECK(m->values[N].flags & FT_XV_ABSENT);
    CHECK(m->values[N + 1].flags & FT_XV_WRONG);
    CHECK(m->values[N + 2].flags & FT_XV_ABSENT);
    CHECK_EQ(m->names == NULL, names == FT_NAMES_DROP);
    if (m->names != NULL) {
        CHECK_EQ(strlen(m->names->if_in), 16);
        CHECK(strcmp(m->names->if_in, m->names->if_out) != 0);
        CHECK_EQ(strlen(m->names->application), 16);
    }
    CHECK_EQ(m->text_max, ft_xvalues_room(m->values, m->n_values));
    ft_anonymizer_free(a);
}

static void test_values(void)
{
    try_values(FT_NAMES_DROP);
    try_values(FT_NAMES_HASH);
}

/* As many values as there can be, each as long as it can be. */
static void test_most_values(void)
{
    static struct ft_xvalue values[4096];
    static uint8_t bytes[65536];
    struct ft_exporter_info who = exporter_of(4, 4);
    struct ft_export_sample s = {
        .exporter = &who, .base = bytes, .values = values, .n_values = 4096};
    struct ft_anonymizer *a = make(FT_NAMES_HASH);

    for (uint32_t i = 0; i < 4096; i++) {
        values[i] =
            (struct ft_xvalue){"x", i * 16, 16, 1, i & 1 ? FT_X_IPV6 : FT_X_STRING, 0, 0, 0};
        memset(bytes + i * 16, (int)(i % 251 + 1), 16);
    }
    const struct ft_export_sample *m = ft_anonymize_export(a, FT_EVENT_SAMPLE, &s);
    const struct ft_xvalue *last = &m->values[4095];

    CHECK_EQ(m->n_values, 4096);
    check_value(last, bytes + 4095 * 16, m->base, FT_NAMES_HASH);
    ft_anonymizer_free(a);
}

/* Equal names stay equal, however they are padded and wherever they stand. */
static void test_equal_names(void)
{
    static const uint8_t padded[16] = "eth0";
    struct ft_exporter_info who = exporter_of(4, 0);
    struct ft_export_names labels = {.if_in = "eth0"};
    struct ft_xvalue values[] = {{"a", 0, 16, 1, FT_X_STRING, 0, 0, 0},
                                 {"b", 0, 4, 1, FT_X_STRING, 0, 0, 0},
                                 {"c", 0, 3, 1, FT_X_STRING, 0, 0, 0},
                                 {"d", 8, 8, 1, FT_X_STRING, 0, 0, 0}};
    struct ft_export_record r = {
        .exporter = &who, .names = &labels, .base = padded, .values = values, .n_values = 4};
    struct ft_anonymizer *a = make(FT_NAMES_HASH);
    const struct ft_export_record *m = ft_anonymize_export(a, FT_EVENT_FLOW, &r);

    CHECK_MEM(m->base + m->values[0].offset, m->base + m->values[1].offset, 16);
    CHECK(memcmp(m->base + m->values[0].offset, m->base + m->values[2].offset, 16) != 0);
    CHECK_MEM(m->names->if_in, m->base + m->values[0].offset, 16);
    CHECK_EQ(m->values[3].len, 0); /* an empty one stays empty */
    ft_anonymizer_free(a);
}

/* ---- messages ---- */

static char said[4096];

static void hear(void *cookie, enum ft_log_level level, const char *message)
{
    (void)cookie;
    (void)level;
    snprintf(said, sizeof said, "%s", message);
}

static void test_messages(void)
{
    static const char *const same[] = {
        "",
        "listening on netflow://[::]:2055, ipfix://0.0.0.0:4739",
        "at 12:30:05, version 1.2.3, 3 of 4",
        "/var/log/x.pcap: std::string, cafe, 1.2.3.4.5.6",
        "memory budget 707.9 MiB: flow table 688.9 (1048576 flows)",
    };
    static const char *const gone[] = {"10.2.3.4", "2001:db8::7", "02:00:5e:10:00:01",
                                       "192.0.2.255", "fe80::1"};
    struct ft_log to = {hear, NULL, FT_LOG_DEBUG}, log;
    struct ft_scrub *s = NULL;
    char text[32];
    uint8_t a[4] = {10, 2, 3, 4};

    CHECK_EQ(ft_scrub_new(key, &to, &s), FT_OK);
    log = ft_scrub_log(s);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        ft_log(&log, FT_LOG_INFO, "%s", same[i]);
        if (i != 3) {
            CHECK_STR(said, same[i]);
        }
    }
    ft_cryptopan_map(map, a, 4);
    inet_ntop(AF_INET, a, text, sizeof text);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        static const char *const around[][2] = {
            {"", ""},   {"exporter ", ": lost"}, {"netflow://", ":2055"}, {"a [", "]:4739, b"},
            {"(", ")"}, {"from ", "."},          {"/tmp/", ".pcap: x"},   {"x=", "/24"}};

        for (size_t k = 0; k < sizeof around / sizeof around[0]; k++) {
            ft_log(&log, FT_LOG_INFO, "%s%s%s", around[k][0], gone[i], around[k][1]);
            if (strstr(said, gone[i]) != NULL) {
                fprintf(stderr, "  said: %s\n", said);
            }
            CHECK(strstr(said, gone[i]) == NULL);
            CHECK(strncmp(said, around[k][0], strlen(around[k][0])) == 0);
            CHECK(i != 0 || strstr(said, text) != NULL);
        }
    }
    ft_scrub_free(s);
}

/* An IPv4 address glued to letters or in a name of a file is one all the same; letters that are hex
 * digits by chance begin no other one. */
static void test_glued_messages(void)
{
    static const struct {
        const char *before, *address, *after;
    } glued[] = {{"cap", "10.2.3.4", ".pcap"},     {"host", "10.2.3.4", ""},
                 {"", "10.2.3.4", "pcap"},         {"", "10.2.3.4", "abc"},
                 {"eth0x", "10.2.3.4", "fe80"},    {"", "10.2.3.4", "-nope.pcap: No such file"},
                 {"dump_a", "10.2.3.4", "_b.gz"},  {"2024-", "10.2.3.4", "-x"},
                 {"300.", "10.2.3.4", ":53"},      {"x", "010.002.003.004", ".pcap"},
                 {"dead", "010.002.003.004", "ff"}};
    static const char *const same[] = {"beef:cafe",   "decade::ly",  "x1.2.3",
                                       "v10.2.3.400", "10.2.3.4567", "y256.1.1.1"};
    struct ft_scrub *s = NULL;
    struct ft_log none = {0};
    uint8_t a[4] = {10, 2, 3, 4};
    char text[32], in[128], want[128], out[128];

    CHECK_EQ(ft_scrub_new(key, &none, &s), FT_OK);
    ft_cryptopan_map(map, a, 4);
    inet_ntop(AF_INET, a, text, sizeof text);
    for (size_t i = 0; i < sizeof glued / sizeof glued[0]; i++) {
        snprintf(in, sizeof in, "%s%s%s", glued[i].before, glued[i].address, glued[i].after);
        snprintf(want, sizeof want, "%s%s%s", glued[i].before, text, glued[i].after);
        ft_scrub_text(s, in, out, sizeof out);
        CHECK_STR(out, want);
    }
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        ft_scrub_text(s, same[i], out, sizeof out);
        CHECK_STR(out, same[i]);
    }
    ft_scrub_free(s);
}

static void check_error(const char *inputs, const char *key_path, const char *shown)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);
    struct ft_pipeline *p = NULL;
    struct ft_err err = {0};

    CHECK_EQ(ft_config_add_input(cfg, inputs, &err), FT_OK);
    CHECK_EQ(ft_config_set(cfg, "output", "null:", &err), FT_OK);
    CHECK(key_path == NULL || ft_config_set(cfg, "anonymize", key_path, &err) == FT_OK);
    CHECK(ft_pipeline_new(cfg, NULL, NULL, &p, &err) != FT_OK);
    CHECK(strncmp(err.what, shown, strlen(shown)) == 0);
    if (strncmp(err.what, shown, strlen(shown)) != 0) {
        fprintf(stderr, "  the error: %s\n", err.what);
    }
    ft_config_free(cfg);
}

/* What ends a run is told by its error, not by the log. */
static void test_errors(void)
{
    char path[] = "/tmp/flowtap-key-XXXXXX", text[64];
    int fd = mkstemp(path);
    uint8_t a[4] = {10, 2, 3, 4};

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, key, sizeof key), (ssize_t)sizeof key);
    close(fd);
    ft_cryptopan_map(map, a, 4);
    inet_ntop(AF_INET, a, text, sizeof text);
    strcat(text, "-nope.pcap: ");
    check_error("10.2.3.4-nope.pcap", NULL, "10.2.3.4-nope.pcap: ");
    check_error("10.2.3.4-nope.pcap", path, text);
    unlink(path);
}

static void test_cut_messages(void)
{
    struct ft_scrub *s = NULL;
    struct ft_log none = {0};
    char out[16];

    CHECK_EQ(ft_scrub_new(key, &none, &s), FT_OK);
    CHECK(ft_scrub_log(s).fn == NULL);
    for (size_t cap = 1; cap <= sizeof out; cap++) {
        memset(out, 'z', sizeof out);
        ft_scrub_text(s, "ab 10.2.3.4 and more text", out, cap);
        CHECK(strlen(out) < cap);
        CHECK(strstr(out, "10.2") == NULL);
    }
    ft_scrub_free(s);
}

/* ---- bytes of packets ---- */

static void test_raw_formats(void)
{
    struct ft_format_ops raw = {.name = "raw", .carries_raw = true}, text = {.name = "text"};
    struct ft_err err = {0};

    CHECK_EQ(ft__build_check_raw(false, "raw:x", &raw, &err), FT_OK);
    CHECK_EQ(ft__build_check_raw(true, "text:x", &text, &err), FT_OK);
    CHECK_EQ(ft__build_check_raw(true, "raw:x", &raw, &err), FT_E_USAGE);
    CHECK(strncmp(err.what, "raw:x: carries bytes of packets", 31) == 0);
    for (int i = 0; ft_formats[i] != NULL; i++) { /* all but three: text and numbers */
        CHECK_EQ(ft_formats[i]->carries_raw, strcmp(ft_formats[i]->name, "pcap") == 0 ||
                                                 strcmp(ft_formats[i]->name, "datagram") == 0 ||
                                                 strcmp(ft_formats[i]->name, "sflow") == 0);
    }
}

int main(void)
{
    if (ft_cryptopan_new(key, &map) != FT_OK) {
        return test_skip("no OpenSSL");
    }
    RUN(test_flows);
    RUN(test_samples);
    RUN(test_exports);
    RUN(test_enriched_exports);
    RUN(test_values);
    RUN(test_most_values);
    RUN(test_equal_names);
    RUN(test_messages);
    RUN(test_glued_messages);
    RUN(test_errors);
    RUN(test_cut_messages);
    RUN(test_raw_formats);
    ft_cryptopan_free(map);
    return test_end();
}
