/* SPDX-License-Identifier: Apache-2.0 */
/* codec/export/sflow: captured datagrams (FT_CORPUS) against what other decoders made of them. A
 * golden is read as pairs of key and value; each pair whose key is in the table must be among what
 * was decoded from the same datagram, once for each time that the golden has it. */
#include "codec_export/sflow_goldens.h"
#include "codec_export/sflow_make.h"

#include <unistd.h>

enum { FACTS = 8192, NAME = 96, FILE_MAX = 1 << 20 };

/* Something decoded: "sample.sequence", "generic.if_index". */
struct fact {
    char name[NAME];
    uint64_t number;
    const uint8_t *bytes;
    uint32_t len;
    bool used;
};

static struct fact facts[FACTS];
static uint32_t n_facts;

static void fact(const char *group, const char *name, uint64_t number, const uint8_t *p, uint32_t n)
{
    if (n_facts < FACTS) {
        struct fact *f = &facts[n_facts++];

        *f = (struct fact){.number = number, .bytes = p, .len = n};
        snprintf(f->name, sizeof f->name, "%s.%s", group, name);
    }
}

static void facts_of_record(enum ft_sflow_kind kind, struct ft_sflow_record *rec,
                            const uint8_t *base)
{
    static struct ft_xvalue v[256];
    const char *group = ft_sflow_struct_name(kind, rec->tag);
    uint32_t n = 0;
    int rc = ft_sflow_values(kind, rec, base, v, 256, &n);

    CHECK(rc == FT_OK || rec->cut || rc == FT_E_TRUNCATED);
    fact("record", "format", rec->tag & 0xfff, NULL, 0);
    fact("record", "len", rec->len, NULL, 0);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = base + v[i].offset;
        uint64_t u = 0;

        for (unsigned k = 0; k < v[i].len && k < 8; k++) {
            u = u << 8 | p[k];
        }
        fact(group != NULL ? group : "other", v[i].key, u, p, v[i].len);
        if (strcmp(v[i].key, "if_status") == 0) {
            fact("generic", "if_admin_status", u & 1, NULL, 0);
            fact("generic", "if_oper_status", u >> 1 & 1, NULL, 0);
        }
    }
}

static void facts_of_sample(const struct ft_sflow_sample *s)
{
    fact("sample", "format", s->tag & 0xfff, NULL, 0);
    fact("sample", "len", s->len, NULL, 0);
    fact("sample", "sequence", s->sequence, NULL, 0);
    fact("sample", "class", s->source_class, NULL, 0);
    fact("sample", "index", s->source_index, NULL, 0);
    fact("sample", "records", s->n_records, NULL, 0);
    if (s->kind == FT_SFLOW_COUNTERS) {
        return;
    }
    fact("sample", "rate", s->sampling_rate, NULL, 0);
    fact("sample", "pool", s->sample_pool, NULL, 0);
    fact("sample", "drops", s->drops, NULL, 0);
    fact("sample", "reason", s->reason, NULL, 0);
    fact("sample", "input", s->input.value, NULL, 0);
    fact("sample", "output", s->output.value, NULL, 0);
    fact("sample", "input_format", s->input.format, NULL, 0);
    fact("sample", "output_format", s->output.format, NULL, 0);
    fact("sample", "output_word", s->output.format << 30 | s->output.value, NULL, 0);
}

static uint32_t total_samples, total_records, total_faults;
static uint32_t refused[FT_SFLOW_F__COUNT];

/* The facts of a datagram, which stays there as long as they are used. false: not begun. */
static bool decode(const uint8_t *p, size_t len)
{
    struct ft_sflow_datagram d = {.n_seen = 0};
    struct ft_sflow_sample s = {.tag = 0};
    struct ft_sflow_record rec = {.tag = 0};
    int rc;

    n_facts = 0;
    if (ft_sflow_begin(p, len, &d) != FT_OK) {
        refused[d.fault]++;
        return false;
    }
    fact("datagram", "version", 5, NULL, 0);
    fact("datagram", "agent_type", d.agent_version / 2 - 1u, NULL, 0);
    fact("datagram", "sub_agent", d.sub_agent, NULL, 0);
    fact("datagram", "sequence", d.sequence, NULL, 0);
    fact("datagram", "uptime", d.uptime_ms, NULL, 0);
    fact("datagram", "samples", d.n_samples, NULL, 0);
    while ((rc = ft_sflow_next(&d, &s)) != FT_E_EOF) {
        total_faults += rc != FT_OK;
        if (rc != FT_OK) {
            continue;
        }
        total_samples++;
        facts_of_sample(&s);
        while ((rc = ft_sflow_record(&s, &rec)) != FT_E_EOF) {
            total_faults += rc != FT_OK;
            total_records += rc == FT_OK;
            if (rc == FT_OK) {
                facts_of_record(s.kind, &rec, p);
            }
        }
    }
    return true;
}

/* --- goldens --- */

struct pair {
    const char *key, *value;
    size_t key_len, value_len;
    bool quoted;
};

/* The next "key": value whose value is a number or a string. */
static bool next_pair(const char **at, struct pair *out)
{
    const char *p = *at;

    while ((p = strchr(p, '"')) != NULL) {
        const char *end = strchr(p + 1, '"');

        if (end == NULL) {
            return false;
        }
        *out = (struct pair){.key = p + 1, .key_len = (size_t)(end - p - 1)};
        p = end + 1;
        if (*p != ':') {
            continue;
        }
        p += 1 + strspn(p + 1, " \n");
        out->quoted = *p == '"';
        p += out->quoted;
        out->value = p;
        out->value_len = strcspn(p, out->quoted ? "\"" : ",\n} ");
        if (*p == '{' || *p == '[') {
            continue;
        }
        *at = p + out->value_len + out->quoted;
        return true;
    }
    return false;
}

static bool is_fact(const struct fact *f, const char *name, size_t name_len, const struct pair *p)
{
    char text[1024], *end;
    uint64_t u;

    if (f->used || strlen(f->name) != name_len || memcmp(f->name, name, name_len) != 0) {
        return false;
    }
    snprintf(text, sizeof text, "%.*s", (int)p->value_len, p->value);
    u = strtoull(text, &end, 0);
    if (*end == '\0' && end != text) {
        return f->number == u;
    }
    if (strchr(text, ':') != NULL && text[2] == ':' && text[0] != 'h') { /* bytes in hex */
        size_t n = (p->value_len + 1) / 3;
        bool same = n >= f->len && n - f->len < 4; /* tshark counts the padding too */

        for (size_t i = 0; i < f->len && same; i++) {
            same = strtoul(text + 3 * i, NULL, 16) == f->bytes[i];
        }
        return same;
    }
    return f->len == p->value_len && memcmp(f->bytes, p->value, f->len) == 0;
}

static bool take_fact(const struct row *row, const struct pair *p)
{
    for (const char *name = row->ours; *name != '\0'; name += *name == '|') {
        size_t len = strcspn(name, "|");

        for (uint32_t i = 0; i < n_facts; i++) {
            if (is_fact(&facts[i], name, len, p)) {
                facts[i].used = true;
                return true;
            }
        }
        name += len;
    }
    return false;
}

static uint32_t compared, excused, skipped;

/* tshark 4.0 does not step over counter records that it does not know, and what it says of the rest
 * of the datagram is made of the wrong bytes. */
static bool is_lost_on_tshark(void)
{
    for (uint32_t i = 0; i < n_facts; i++) {
        if (strncmp(facts[i].name, "host_", 5) == 0 ||
            strncmp(facts[i].name, "port_name.", 10) == 0 ||
            strncmp(facts[i].name, "of_port.", 8) == 0 ||
            strncmp(facts[i].name, "other.", 6) == 0) {
            skipped++;
            return true;
        }
    }
    return false;
}

static bool is_excused(const char *file, const struct pair *p)
{
    for (unsigned i = 0; i < sizeof differs / sizeof differs[0]; i++) {
        if (strstr(file, differs[i].file) != NULL && strlen(differs[i].key) == p->key_len &&
            memcmp(differs[i].key, p->key, p->key_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Compares one datagram's part of a golden; *at ends at its end. */
static void compare(const char *file, const struct row *rows, const char **at)
{
    struct pair p;
    const char *before = *at;

    while (next_pair(at, &p)) {
        if (p.key_len == 8 && memcmp(p.key, "datagram", 8) == 0) {
            *at = before;
            return;
        }
        before = *at;
        for (const struct row *r = rows; r->golden != NULL; r++) {
            if (strlen(r->golden) != p.key_len || memcmp(r->golden, p.key, p.key_len) != 0) {
                continue;
            }
            compared++;
            if (!take_fact(r, &p)) {
                if (is_excused(file, &p)) {
                    excused++;
                    continue;
                }
                fprintf(stderr, "%s: %.*s is %.*s there\n", file, (int)p.key_len, p.key,
                        (int)p.value_len, p.value);
                CHECK(!"not decoded so");
            }
        }
    }
}

/* --- files --- */

static const char *root;

/* A whole file with a 0 behind it; NULL when it is not there. Freed by the caller. */
static uint8_t *slurp(const char *name, size_t *len)
{
    char path[1024];
    uint8_t *p = malloc(FILE_MAX + 1);
    FILE *f;

    snprintf(path, sizeof path, "%s/sflow/%s", root, name);
    f = fopen(path, "rb");
    *len = f != NULL && p != NULL ? fread(p, 1, FILE_MAX, f) : 0;
    if (f == NULL || p == NULL) {
        CHECK(!"file is there");
        free(p);
        return NULL;
    }
    fclose(f);
    p[*len] = '\0';
    return p;
}

/* The UDP payload of an Ethernet frame, cut where the capture was. */
static const uint8_t *payload(const uint8_t *frame, size_t *len)
{
    size_t at = 12;

    while (at + 4 <= *len && ft_load_be16(frame + at) == 0x8100) {
        at += 4;
    }
    at += 2;
    at += ft_load_be16(frame + at - 2) == 0x86dd ? 40u : (frame[at] & 15u) * 4u;
    at += 8;
    *len -= at;
    if (ft_load_be16(frame + at - 4) - 8u < *len) {
        *len = ft_load_be16(frame + at - 4) - 8u;
    }
    return frame + at;
}

static void check_bin(const char *bin, const char *golden, const struct row *rows)
{
    size_t len, golden_len;
    uint8_t *p = slurp(bin, &len);
    char *g = (char *)slurp(golden, &golden_len);
    const char *at = g;
    const uint8_t *dgram = p;

    if (p != NULL && g != NULL) {
        if (strstr(bin, ".ethframe.") != NULL) {
            dgram = payload(p, &len);
        }
        CHECK(decode(dgram, len));
        if (rows == tshark) {
            at = strstr(g, "\"sflow\":");
        }
        if (rows != tshark || !is_lost_on_tshark()) {
            compare(golden, rows, &at);
        }
    }
    free(p);
    free(g);
}

static void check_pcap(const char *pcap, const char *golden)
{
    size_t len, golden_len, off = 24;
    uint8_t *p = slurp(pcap, &len);
    char *g = (char *)slurp(golden, &golden_len);
    const char *at = g;

    while (p != NULL && g != NULL && off + 16 <= len) {
        uint32_t raw = ft_load_u32(p + off + 8);
        size_t caplen = ft_load_u32(p) == 0xa1b2c3d4 ? raw : __builtin_bswap32(raw), n = caplen;
        const uint8_t *dgram = payload(p + off + 16, &n);

        off += 16 + caplen;
        CHECK(off <= len);
        if (!decode(dgram, n)) {
            continue; /* tshark has nothing of it either */
        }
        at = strstr(at, "\"sflow\":");
        CHECK(at != NULL);
        if (at == NULL) {
            break;
        }
        if (is_lost_on_tshark()) {
            at++; /* the next one's is behind it */
        } else {
            compare(golden, tshark, &at);
        }
    }
    free(p);
    free(g);
}

static void test_tshark_datagrams(void)
{
    static const char *const cases[] = {
        "gopacket/SFlowEthernetFramePacket", "gopacket/SFlowTestPacket3",
        "gopacket/SFlowTestPacket4",         "gopacket/SFlowTestPacket5",
        "gopacket/SFlowTestPacket6",         "gopacket/SFlowTestPacket7",
        "gopacket/SFlowTestPacket8",         "gopacket/SFlowTestPacket9",
        "gopacket/SFlowTestPacket10",        "gopacket/SFlowTestPacket11",
        "gopacket/SFlowTestPacket12",        "gopacket/SFlowTestPacket13",
        "vflow/TestsFlowRawPacket",          "vflow/TestsFlowRawPacketWithPaddingAfterSample",
    };
    char bin[256], golden[256];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(bin, sizeof bin, "%s.bin", cases[i]);
        snprintf(golden, sizeof golden, "%s.tshark-4.0.17.json", cases[i]);
        check_bin(bin, golden, tshark);
    }
    check_bin("telegraf/sflow_v5_example__sflow_v5.bin",
              "telegraf/sflow_v5_example.tshark-4.0.17.json", tshark);
    check_bin("telegraf/sflow_issue_15375__sflow_drop_1036.bin",
              "telegraf/sflow_issue_15375.tshark-4.0.17.json", tshark);
}

static void test_tshark_captures(void)
{
    check_pcap("tcpdump/sflow-print-v6.pcap", "tcpdump/sflow-print-v6.pcap.tshark-4.0.17.json");
    check_pcap("tcpdump/sflow_multiple_counter_30_pdus.pcap",
               "tcpdump/sflow_multiple_counter_30_pdus.pcap.tshark-4.0.17.json");
    check_pcap("tcpdump/sflow_print-segv.pcap", "tcpdump/sflow_print-segv.pcap.tshark-4.0.17.json");
    CHECK_EQ(refused[FT_SFLOW_F_VERSION], 5); /* NetFlow v5 to the port of sFlow */
    CHECK_EQ(refused[FT_SFLOW_F_DATAGRAM_SHORT], 1);
}

static void test_gopacket(void)
{
    static const char *const cases[][2] = {
        {"SFlowTestPacket13.bin", "AppResourcesOvsdbCounter"},
        {"SFlowEthernetFramePacket.bin", "EthernetFrameFlow"},
        {"SFlowTestPacket7.bin", "ExtendedIpv4TunnelEgressFlow"},
        {"SFlowTestPacket6.bin", "ExtendedIpv4TunnelIngressFlow"},
        {"SFlowTestPacket5.bin", "ExtendedRouterFlow"},
        {"SFlowTestPacket8.bin", "ExtendedRouterFlowIPv6"},
        {"SFlowTestPacket4.bin", "ExtendedSwitchFlow"},
        {"SFlowTestPacket11.bin", "LACPCounter"},
        {"SFlowTestPacket12.bin", "OpenflowCounter"},
        {"SFlowTestPacket9.bin", "PortnameCounter"},
        {"SFlowTestPacket3.bin", "ProcessorCounter"},
        {"SFlowTestPacket1.ethframe.bin", "SFlowDatagram"},
        {"SFlowTestPacket10.bin", "VLANCounter"},
        {"SFlowTestPacket2.ethframe.bin", "PacketPacket0"},
    };
    char bin[256], golden[256];

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(bin, sizeof bin, "gopacket/%s", cases[i][0]);
        snprintf(golden, sizeof golden, "gopacket/%s%s.expected.json",
                 i == 13 ? "Test" : "TestDecode", cases[i][1]);
        check_bin(bin, golden, gopacket);
    }
}

/* Telegraf: interface counters by value, a discarded packet; vFlow: five samples in both. */
static void test_other_goldens(void)
{
    static const char *const want[] = {"generic.if_in_octets", "generic.if_speed"};
    static const uint64_t numbers[] = {3910, 1000000000};
    static const struct {
        const char *name;
        uint64_t number;
    } dropped[] = {{"sample.drops", 256},
                   {"sample.input", 1},
                   {"sample.output", 2},
                   {"sample.reason", 1},
                   {"extended_egress_queue.queue", 42}};
    size_t len;
    uint8_t *p = slurp("telegraf/sflow_v5_example__sflow_v5.bin", &len);
    unsigned found = 0;

    if (p != NULL) {
        CHECK(decode(p, len));
        for (uint32_t i = 0; i < n_facts; i++) {
            for (unsigned k = 0; k < 2; k++) {
                found += strcmp(facts[i].name, want[k]) == 0 && facts[i].number == numbers[k];
            }
            found += strcmp(facts[i].name, "port_name.name") == 0 && facts[i].len == 4 &&
                     memcmp(facts[i].bytes, "eno1", 4) == 0;
        }
        CHECK_EQ(found, 3);
    }
    free(p);
    p = slurp("telegraf/sflow_issue_15375__sflow_drop_1036.bin", &len);
    found = 0;
    if (p != NULL) {
        CHECK(decode(p, len));
        for (uint32_t i = 0; i < n_facts; i++) {
            for (unsigned k = 0; k < 5; k++) {
                found += strcmp(facts[i].name, dropped[k].name) == 0 &&
                         facts[i].number == dropped[k].number;
            }
        }
        CHECK_EQ(found, 5);
    }
    free(p);
    p = slurp("vflow/TestsFlowRawPacketWithPaddingAfterSample.bin", &len);
    if (p != NULL) {
        struct walked w = walk(p, len);

        CHECK_EQ(w.samples, 5);
        CHECK_EQ(faults_of(&w), 0);
    }
    free(p);
}

/* Three segments: a sequence, a set, a sequence. */
static void test_as_path(void)
{
    static const uint32_t path[] = {123, 456, 789, 11111, 22222, 33333, 777, 888, 999};
    size_t len;
    uint8_t *p = slurp("gopacket/SFlowTestPacket2.ethframe.bin", &len);
    const uint8_t *dgram;
    unsigned lists = 0;

    if (p == NULL) {
        return;
    }
    dgram = payload(p, &len);
    CHECK(decode(dgram, len));
    for (uint32_t i = 0; i < n_facts; i++) {
        if (strcmp(facts[i].name, "extended_gateway.dst_as_path") == 0 && lists++ < 3) {
            CHECK_EQ(facts[i].len, 12);
            for (unsigned k = 0; k < 3; k++) {
                CHECK_EQ(ft_load_be32(facts[i].bytes + 4 * k), path[3 * (lists - 1) + k]);
            }
        }
    }
    CHECK(lists >= 3);
    free(p);
}

/* Every prefix of a real datagram. */
static void test_prefixes(void)
{
    static const char *const bins[] = {"gopacket/SFlowTestPacket9.bin",
                                       "vflow/TestsFlowRawPacket.bin",
                                       "gopacket/SFlowEthernetFramePacket.bin"};

    for (unsigned i = 0; i < 3; i++) {
        size_t len;
        uint8_t *p = slurp(bins[i], &len);
        struct walked whole = walk(p, len);

        for (size_t n = 0; p != NULL && n < len; n++) {
            struct walked w = walk(p, n);

            CHECK(w.samples <= whole.samples && w.values <= whole.values);
        }
        free(p);
    }
}

int main(void)
{
    static char near[1024];
    char probe[1100];
    const char *here = strstr(__FILE__, "/tests/unit/");

    root = getenv("FT_CORPUS");
    if (root == NULL && here != NULL) { /* beside the source tree */
        snprintf(near, sizeof near, "%.*s/../shared/corpus/public", (int)(here - __FILE__),
                 __FILE__);
        root = near;
    }
    root = root != NULL ? root : "";
    snprintf(probe, sizeof probe, "%s/sflow/gopacket/SFlowTestPacket3.bin", root);
    if (access(probe, R_OK) != 0) {
        return test_skip("no corpus: set FT_CORPUS");
    }
    RUN(test_tshark_datagrams);
    RUN(test_tshark_captures);
    RUN(test_gopacket);
    RUN(test_other_goldens);
    RUN(test_as_path);
    RUN(test_prefixes);
    printf(
        "%u values compared, %u excused, %u datagrams skipped; %u samples, %u records, %u faults\n",
        compared, excused, skipped, total_samples, total_records, total_faults);
    CHECK(compared > 5000 && excused < 40 && skipped < 8);
    test_failed += test_case_failed != 0;
    return test_end();
}
