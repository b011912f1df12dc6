/* SPDX-License-Identifier: Apache-2.0 */
/* codec/export/sflow: structures as values. */
#include "codec_export/sflow_make.h"

#include <inttypes.h>
#include <stdarg.h>

enum { VALUES = 256, TEXT = 8192 };

static struct ft_xvalue values[VALUES];
static uint32_t n_values;
static char text[TEXT];

static void add(const char *fmt, ...)
{
    size_t at = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + at, sizeof text - at, fmt, ap);
    va_end(ap);
}

static void add_value(const struct ft_xvalue *v, const uint8_t *p)
{
    static const char *const marks[] = {"", "[", "+", "?"};
    uint64_t u = 0;
    float f;

    CHECK_EQ(strlen(v->key), v->key_len);
    add("%s%s%s=", text[0] != '\0' ? " " : "", v->key, marks[v->flags & 3]);
    for (unsigned i = 0; i < v->len && i < 8; i++) {
        u = u << 8 | p[i];
    }
    if ((v->flags & FT_XV_ABSENT) != 0) {
        add("null");
    } else if (v->type == FT_X_UINT) {
        add("%" PRIu64, u);
    } else if (v->type == FT_X_INT) {
        add("%d", (int32_t)u);
    } else if (v->type == FT_X_FLOAT) {
        uint32_t bits = (uint32_t)u;

        memcpy(&f, &bits, sizeof f);
        add("%g", (double)f);
    } else if (v->type == FT_X_STRING) {
        add("'%.*s'", v->len, (const char *)p);
    } else if (v->type == FT_X_UINT32_LIST) {
        for (unsigned i = 0; i < v->len; i += 4) {
            add("%s%u", i > 0 ? "," : "", ft_load_be32(p + i));
        }
    } else {
        for (unsigned i = 0; i < v->len; i++) {
            add("%s%02x", i > 0 && v->type != FT_X_OCTETS ? ":" : "", p[i]);
        }
    }
}

/* The values of a record as one text. Reads from a heap block of exactly its size. */
static int read_record(enum ft_sflow_kind kind, uint32_t tag, const void *p, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    struct ft_sflow_record rec = {.tag = tag, .len = (uint32_t)len};
    int rc;

    if (copy == NULL) {
        abort();
    }
    memcpy(copy + 1, p, len);
    rec.data = copy + 1;
    n_values = 0;
    rc = ft_sflow_values(kind, &rec, copy, values, VALUES, &n_values);
    text[0] = '\0';
    for (uint32_t i = 0; i < n_values; i++) {
        add_value(&values[i], copy + values[i].offset);
    }
    free(copy);
    return rc;
}

static int read_made(enum ft_sflow_kind kind, uint32_t tag, const struct made *m)
{
    return read_record(kind, tag, m->p, m->len);
}

static void test_s9_switch(void)
{
    struct made m = {.len = 0};

    for (uint32_t i = 1; i <= 4; i++) {
        put32(&m, i * 100);
    }
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1001, &m), FT_OK);
    CHECK_STR(text, "src_vlan=100 src_priority=200 dst_vlan=300 dst_priority=400");
    CHECK_EQ(values[0].type, FT_X_UINT);
    CHECK_EQ(values[0].len, 4);
    CHECK_EQ(values[0].offset, 1);
    CHECK_EQ(values[3].offset, 13);
    CHECK_STR(ft_sflow_struct_name(FT_SFLOW_FLOW, 1001), "extended_switch");
    CHECK_STR(ft_sflow_struct_name(FT_SFLOW_DISCARD, 1001), "extended_switch");
    CHECK(ft_sflow_struct_name(FT_SFLOW_COUNTERS, 1) != NULL);
    CHECK(ft_sflow_struct_name(FT_SFLOW_COUNTERS, 1012) == NULL);
}

static void test_s9_router_addresses(void)
{
    static const char *const want[] = {
        "nexthop=null src_mask_len=24 dst_mask_len=16",
        "nexthop=01:02:03:04 src_mask_len=24 dst_mask_len=16",
        "nexthop=01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10 src_mask_len=24 dst_mask_len=16",
        "",
    };
    static const uint8_t addr[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t lens[] = {0, 4, 16, 4};

    for (uint32_t type = 0; type < 4; type++) {
        struct made m = {.len = 0};

        put32(&m, type);
        put_bytes(&m, addr, lens[type]);
        put32(&m, 24);
        put32(&m, 16);
        CHECK_EQ(read_made(FT_SFLOW_FLOW, 1002, &m), type < 3 ? FT_OK : FT_E_CORRUPT);
        CHECK_STR(text, want[type]);
    }
    CHECK_EQ(values[0].type, FT_X_IPV6);
}

static struct made gateway(uint32_t segments)
{
    struct made m = {.len = 0};

    put32(&m, 1);
    put32(&m, 0x0a000001);
    for (uint32_t i = 0; i < 3; i++) {
        put32(&m, 64500 + i);
    }
    put32(&m, segments);
    for (uint32_t i = 0; i < segments; i++) {
        put32(&m, 2 - i % 2);
        put32(&m, i + 1);
        for (uint32_t k = 0; k <= i; k++) {
            put32(&m, 100 * (i + 1) + k);
        }
    }
    put32(&m, 2);
    put32(&m, 65536001);
    put32(&m, 65536002);
    put32(&m, 150);
    return m;
}

static void test_s9_gateway(void)
{
    struct made m = gateway(0);
#define HEAD "bgp_nexthop=0a:00:00:01 as=64500 src_as=64501 src_peer_as=64502 "
#define TAIL " communities=65536001,65536002 localpref=150"

    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1003, &m), FT_OK);
    CHECK_STR(text, HEAD "dst_as_path=" TAIL);
    m = gateway(1);
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1003, &m), FT_OK);
    CHECK_STR(text, HEAD "dst_as_path=100 dst_as_path_segment_type=2" TAIL);
    m = gateway(3);
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1003, &m), FT_OK);
    CHECK_STR(text, HEAD "dst_as_path[=100 dst_as_path+=200,201 dst_as_path+=300,301,302 "
                         "dst_as_path_segment_type[=2 dst_as_path_segment_type+=1 "
                         "dst_as_path_segment_type+=2" TAIL);
}

/* An AS path of an empty segment, which crashed sflowtool before 4b51fce. */
static void test_as_path_empty_segment(void)
{
    struct made m = gateway(1);

    set32(&m, 28, 0);
    m.len -= 4;
    memmove(m.p + 32, m.p + 36, m.len - 32);
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1003, &m), FT_OK);
    CHECK_STR(text, HEAD "dst_as_path= dst_as_path_segment_type=2" TAIL);
}

/* Counts that do not fit: segments, segment lengths, communities, labels, VLANs, strings. */
static void test_counts_beyond_record(void)
{
    static const struct {
        uint32_t tag, at; /* the word that lies */
    } lies[] = {{1003, 20}, {1003, 28}, {1003, 36}, {1006, 8}, {1006, 16}, {1012, 0}, {1004, 4},
                {1004, 16}, {1005, 4},  {1038, 0},  {1013, 4}, {2001, 0},  {1, 12},   {1037, 4}};
    static const uint32_t counts[] = {0xffffffff, 0x80000000, 0x40000000, 0x3fffffff, 0x10000, 900};
    struct made gate = gateway(1);

    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        for (unsigned k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            struct made m = {.len = 0};

            put32(&m, lies[i].tag == 1006 ? 1 : 1);
            put32(&m, lies[i].tag == 1006 ? 7 : 4);
            for (int w = 0; w < 12; w++) {
                put32(&m, lies[i].tag == 1006 ? 1 : 4);
            }
            m = lies[i].tag == 1003 ? gate : m;
            set32(&m, lies[i].at, counts[k]);
            CHECK_EQ(read_made(FT_SFLOW_FLOW, lies[i].tag, &m), FT_E_TRUNCATED);
        }
    }
}

static void test_s9_strings_and_lists(void)
{
    struct made m = {.len = 0};

    put32(&m, 106);
    put_string(&m, "alice");
    put32(&m, 0);
    put_string(&m, "");
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1004, &m), FT_OK);
    CHECK_STR(text, "src_charset=106 src_user='alice' dst_charset=0 dst_user=''");
    m.len = 0;
    put32(&m, 0);
    put32(&m, 2);
    put32(&m, 0x12345fff);
    put32(&m, 7);
    put32(&m, 0);
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1006, &m), FT_OK);
    CHECK_STR(text, "mpls_nexthop=null in_stack=305422335,7 out_stack=");
    m.len = 0;
    put_string(&m, "l2_drops");
    put_string(&m, "smac");
    CHECK_EQ(read_made(FT_SFLOW_DISCARD, 1041, &m), FT_OK);
    CHECK_STR(text, "group='l2_drops' trap='smac'");
    m.len = 0;
    put32(&m, 5);
    put_bytes(&m, "abcde", 5); /* the last string lacks its padding */
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1038, &m), FT_OK);
    CHECK_STR(text, "symbol='abcde'");
    m.len = 0;
    put64(&m, UINT64_C(1700000000123456789));
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1043, &m), FT_OK);
    CHECK_STR(text, "timestamp_ns=1700000000123456789");
    CHECK_EQ(values[0].len, 8);
}

/* MACs are padded to 8 bytes; some agents do not do it, and the last one may lack it. */
static void test_s9_mac_padding(void)
{
    struct made m = {.len = 0};

    put32(&m, 1514);
    put_bytes(&m, "\1\2\3\4\5\6\0\0\7\10\11\12\13\14\0\0", 16);
    put32(&m, 0x86dd);
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 2, &m), FT_OK);
    CHECK_STR(text, "length=1514 src_mac=01:02:03:04:05:06 dst_mac=07:08:09:0a:0b:0c type=34525");
    m.len = 4;
    put_bytes(&m, "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    put32(&m, 0x86dd);
    for (uint32_t tag = 1020; tag <= 1022; tag++) {
        CHECK_EQ(read_made(FT_SFLOW_FLOW, tag == 1020 ? 2 : tag, &m), FT_OK);
        CHECK_STR(text,
                  "length=1514 src_mac=01:02:03:04:05:06 dst_mac=07:08:09:0a:0b:0c type=34525");
    }
    m.len = 0;
    put_string(&m, "net");
    put_bytes(&m, "\1\2\3\4\5\6", 6);
    for (uint32_t i = 1; i < 8; i++) {
        put32(&m, i);
    }
    CHECK_EQ(read_made(FT_SFLOW_FLOW, 1014, &m), FT_OK);
    CHECK_STR(text, "ssid='net' bssid=01:02:03:04:05:06 version=1 channel=2 speed=12884901892 "
                    "rsni=5 rcpi=6 packet_duration_us=7");
}

/* S13: the counters of an interface, with those that the agent does not have. */
static void test_s13_generic(void)
{
    struct made m = {.len = 0};

    put32(&m, 3);
    put32(&m, 6);
    put64(&m, UINT64_C(10000000000));
    put32(&m, 1);
    put32(&m, 3);
    put64(&m, UINT64_C(5000000000000));
    for (uint32_t i = 1; i <= 6; i++) {
        put32(&m, i == 6 ? UINT32_MAX : i);
    }
    put64(&m, UINT64_MAX);
    for (uint32_t i = 1; i <= 5; i++) {
        put32(&m, i * 11);
    }
    put32(&m, 0);
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 1, &m), FT_OK);
    CHECK_STR(text, "if_index=3 if_type=6 if_speed=10000000000 if_direction=1 if_status=3 "
                    "if_in_octets=5000000000000 if_in_ucast_pkts=1 if_in_multicast_pkts=2 "
                    "if_in_broadcast_pkts=3 if_in_discards=4 if_in_errors=5 "
                    "if_in_unknown_protos=null if_out_octets=null if_out_ucast_pkts=11 "
                    "if_out_multicast_pkts=22 if_out_broadcast_pkts=33 if_out_discards=44 "
                    "if_out_errors=55 if_promiscuous_mode=0");
    put32(&m, 99); /* a newer version with one more field */
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 1, &m), FT_OK);
    CHECK_EQ(n_values, 19);
    CHECK_EQ(read_record(FT_SFLOW_COUNTERS, 1, m.p, 87), FT_E_TRUNCATED);
    CHECK_EQ(n_values, 18);
}

static void test_s13_lag(void)
{
    struct made m = {.len = 0};

    put_bytes(&m, "\1\2\3\4\5\6\0\0\7\10\11\12\13\14\0\0", 16);
    put32(&m, 17);
    put_bytes(&m, "\5\75\6\77", 4);
    for (uint32_t i = 1; i <= 8; i++) {
        put32(&m, i);
    }
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 7, &m), FT_OK);
    CHECK(strstr(text, "dot3ad_agg_port_partner_oper_system_id=07:08:09:0a:0b:0c "
                       "dot3ad_agg_port_attached_agg_id=17 dot3ad_agg_port_actor_admin_state=5 "
                       "dot3ad_agg_port_actor_oper_state=61 dot3ad_agg_port_partner_admin_state=6 "
                       "dot3ad_agg_port_partner_oper_state=63 "
                       "dot3ad_agg_port_stats_lacpdus_rx=1") != NULL);
    CHECK_EQ(n_values, 15);
}

static void test_s13_sfp_lanes(void)
{
    struct made m = {.len = 0};

    put32(&m, 8);
    put32(&m, 2);
    put32(&m, 3300);
    put32(&m, (uint32_t)-1500);
    put32(&m, 2);
    for (uint32_t i = 0; i < 20; i++) {
        put32(&m, 100 * (i / 10 + 1) + i % 10);
    }
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 10, &m), FT_OK);
    CHECK(strncmp(text,
                  "module_id=8 module_num_lanes=2 module_supply_voltage_mv=3300 "
                  "module_temperature_mc=-1500 lane_index[=100 lane_index+=200 "
                  "lane_tx_bias_current_ua[=101 lane_tx_bias_current_ua+=201",
                  strlen("module_id=8 module_num_lanes=2 module_supply_voltage_mv=3300 "
                         "module_temperature_mc=-1500 lane_index[=100 lane_index+=200 "
                         "lane_tx_bias_current_ua[=101 lane_tx_bias_current_ua+=201")) == 0);
    CHECK_EQ(n_values, 24);
    set32(&m, 16, 0x06666667); /* times 40 is 24 in 32 bits */
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 10, &m), FT_E_TRUNCATED);
    CHECK_EQ(n_values, 24);
}

static void test_s13_host(void)
{
    struct made m = {.len = 0};

    put_string(&m, "web1");
    for (uint32_t i = 0; i < 4; i++) {
        put32(&m, 0x01020304);
    }
    put32(&m, 3);
    put32(&m, 2);
    put_string(&m, "6.1.0");
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 2000, &m), FT_OK);
    CHECK_STR(text, "hostname='web1' uuid=01020304010203040102030401020304 machine_type=3 "
                    "os_name=2 os_release='6.1.0'");
    m.len = 0;
    put32(&m, 2);
    put32(&m, 1);
    put32(&m, 2);
    put_bytes(&m, "\1\2\3\4\5\6\0\0\1\2\3\4\5\7\0\0", 16);
    put32(&m, 9);
    put32(&m, 1);
    put_bytes(&m, "\1\2\3\4\5\10", 6); /* lacks its padding */
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 2001, &m), FT_OK);
    CHECK_STR(text, "adapter_if_index[=1 adapter_if_index+=9 adapter_mac_count[=2 "
                    "adapter_mac_count+=1 adapter_mac_address[=01:02:03:04:05:06 "
                    "adapter_mac_address+=01:02:03:04:05:07 "
                    "adapter_mac_address+=01:02:03:04:05:08");
    set32(&m, 0, UINT32_MAX);
    set32(&m, 32, UINT32_MAX);
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 2001, &m), FT_E_TRUNCATED);
    CHECK_EQ(n_values, 7);
}

/* host_cpu had three fields less before 2014; both are whole, anything between is not. */
static void test_s13_host_cpu_versions(void)
{
    struct made m = {.len = 0};

    put32(&m, 0x3fc00000); /* 1.5 */
    put32(&m, 0xbf800000); /* -1: unknown */
    for (uint32_t i = 2; i < 20; i++) {
        put32(&m, i);
    }
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, 2003, &m), FT_OK);
    CHECK_EQ(n_values, 20);
    CHECK(strncmp(text, "load_one=1.5 load_five=null ", 28) == 0);
    CHECK_EQ(read_record(FT_SFLOW_COUNTERS, 2003, m.p, 68), FT_OK);
    CHECK_EQ(n_values, 17);
    CHECK_EQ(read_record(FT_SFLOW_COUNTERS, 2003, m.p, 70), FT_E_TRUNCATED);
    CHECK_EQ(n_values, 17);
    CHECK_EQ(read_record(FT_SFLOW_COUNTERS, 2003, m.p, 64), FT_E_TRUNCATED);
    CHECK_EQ(n_values, 16);
}

static void test_s13_vendors(void)
{
    struct made m = {.len = 0};

    for (uint32_t i = 0; i < 12; i++) {
        put32(&m, i);
    }
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, FT_SFLOW_TAG(5703, 1), &m), FT_OK);
    CHECK_STR(text, "device_count=0 processes=1 gpu_time_ms=2 mem_time_ms=3 "
                    "mem_total_bytes=17179869189 mem_free_bytes=25769803783 ecc_errors=8 "
                    "energy_mj=9 temperature_c=10 fan_speed_percent=11");
    m.len = 0;
    for (uint32_t i = 0; i < 36; i++) {
        put32(&m, i);
    }
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, FT_SFLOW_TAG(4413, 3), &m), FT_OK);
    CHECK_EQ(n_values, 36);
    m.len = 0;
    for (uint32_t i = 0; i < 4; i++) {
        put32(&m, i);
    }
    put32(&m, 2);
    put32(&m, 50);
    put32(&m, UINT32_MAX);
    put32(&m, 0);
    CHECK_EQ(read_made(FT_SFLOW_COUNTERS, FT_SFLOW_TAG(4413, 2), &m), FT_OK);
    CHECK(strstr(text, "egress_queue_uc_percent_x100[=50 egress_queue_uc_percent_x100+=null") !=
          NULL);
    CHECK_EQ(n_values, 6);
}

/* Enterprise formats that nobody knows are bytes under a name that says which. */
static void test_unknown_structure(void)
{
    uint8_t bytes[] = {0xde, 0xad, 0xbe, 0xef};
    struct ft_sflow_record rec = {.data = bytes, .len = 4, .tag = UINT32_MAX};
    struct ft_xvalue v;
    uint32_t n = 0;

    CHECK_EQ(ft_sflow_values(FT_SFLOW_FLOW, &rec, bytes, &v, 1, &n), FT_OK);
    CHECK_EQ(n, 1);
    CHECK_STR(v.key, "struct_1048575_4095");
    CHECK_EQ(v.key_len, 19);
    CHECK_EQ(v.type, FT_X_OCTETS);
    CHECK_EQ(v.len, 4);
    rec.tag = 1999;
    n = 0;
    CHECK_EQ(ft_sflow_values(FT_SFLOW_COUNTERS, &rec, bytes, &v, 1, &n), FT_OK);
    CHECK_STR(v.key, "struct_0_1999");
    CHECK_EQ(ft_sflow_values(FT_SFLOW_COUNTERS, &rec, bytes, &v, 1, &n), FT_E_FULL);
    CHECK_EQ(n, 1);
}

static bool has_mac(void)
{
    for (uint32_t i = 0; i < n_values; i++) {
        if (values[i].type == FT_X_MAC) {
            return true;
        }
    }
    return false;
}

/* Every structure, from nothing but zeros: a longer prefix gives no fewer fields (but one that is
 * as long as the structure with MACs of 6 bytes is whole, one byte more is not). */
static void test_every_structure(void)
{
    static const uint32_t enterprises[] = {0, 4413, 5703};
    static const uint8_t zeros[512];
    unsigned known = 0;

    for (unsigned e = 0; e < 3; e++) {
        for (uint32_t i = 0; i < 2 * 4096; i++) {
            enum ft_sflow_kind kind = i % 2 == 0 ? FT_SFLOW_FLOW : FT_SFLOW_COUNTERS;
            uint32_t tag = FT_SFLOW_TAG(enterprises[e], i / 2), before = 0;

            if (ft_sflow_struct_name(kind, tag) == NULL) {
                continue;
            }
            known++;
            for (size_t len = 0; len <= 256; len++) {
                int rc = read_record(kind, tag, zeros, len);

                CHECK(rc == FT_OK || rc == FT_E_TRUNCATED);
                CHECK(n_values >= before || has_mac());
                CHECK(n_values <= FT_SFLOW_VALUES_USUAL);
                CHECK(rc == FT_OK || len < 256);
                before = n_values;
            }
            CHECK(n_values > 0 || tag == 2001);
        }
    }
    CHECK_EQ(known, 67 + 50);
}

int main(void)
{
    RUN(test_s9_switch);
    RUN(test_s9_router_addresses);
    RUN(test_s9_gateway);
    RUN(test_as_path_empty_segment);
    RUN(test_counts_beyond_record);
    RUN(test_s9_strings_and_lists);
    RUN(test_s9_mac_padding);
    RUN(test_s13_generic);
    RUN(test_s13_lag);
    RUN(test_s13_sfp_lanes);
    RUN(test_s13_host);
    RUN(test_s13_host_cpu_versions);
    RUN(test_s13_vendors);
    RUN(test_unknown_structure);
    RUN(test_every_structure);
    return test_end();
}
