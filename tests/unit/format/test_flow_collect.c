/* SPDX-License-Identifier: Apache-2.0 */
/* format/flow_collect: records of exporters as NetFlow v9 and v5, field by field, both directions,
 * and what these cannot hold, each by its reason. */
#include "format/flow_collect.h"

#include <string.h>

#include "base/rd.h"
#include "format/flow_relay.h"
#include "format/format.h"
#include "harness.h"
#include "model/field.h"

static const int64_t now_ns = INT64_C(1719409374) * 1000000000;

static uint8_t row[2 * FT_FORMAT_EXPORT_MIN];
static struct ft_flow_template_list list;
static struct ft_exporter_info exporter = {
    .addr = {192, 0, 2, 9}, .ip_version = 4, .domain_id = 0x01020304};

/* Values of a record, one behind the other. */
static uint8_t base[1024];
static struct ft_xvalue values[32];
static struct ft_export_record r;
static uint32_t base_len;

static void value(uint32_t pen, uint16_t ie, uint8_t type, const void *bytes, uint16_t len)
{
    values[r.n_values++] =
        (struct ft_xvalue){.ie = ie, .pen = pen, .type = type, .offset = base_len, .len = len};
    memcpy(base + base_len, bytes, len);
    base_len += len;
}

static void number(uint32_t pen, uint16_t ie, uint64_t v, uint16_t len)
{
    v = htobe64(v);
    value(pen, ie, FT_X_UINT, (const uint8_t *)&v + 8 - len, len);
}

static void begin(enum ft_flow_version version)
{
    ft_flow_templates_fini(&list);
    memset(&list, 0, sizeof list);
    CHECK_EQ(ft_flow_templates_init(&list, version, 0, FT__RELAY_KEY_WORDS, FT__RELAY_FIELDS_ROOM),
             FT_OK);
    base_len = 0;
    r = (struct ft_export_record){.exporter = &exporter,
                                  .base = base,
                                  .values = values,
                                  .timestamp_ns = now_ns,
                                  .first_ns = now_ns - INT64_C(5000000000),
                                  .last_ns = now_ns - INT64_C(1500000),
                                  .packets = 8,
                                  .bytes = 832,
                                  .src_port = 50000,
                                  .dst_port = 443,
                                  .ip_version = 4,
                                  .proto = 6,
                                  .tcp_flags = 27,
                                  .sampling_rate = 100,
                                  .src = {192, 0, 2, 1},
                                  .dst = {198, 51, 100, 80},
                                  .has = FT_XR_PACKETS | FT_XR_BYTES | FT_XR_ADDRESSES |
                                         FT_XR_PORTS | FT_XR_PROTO | FT_XR_TCP_FLAGS};
    number(0, 8, 0xc0000201, 4);
    number(0, 12, 0xc6336450, 4);
    number(0, 22, 1000, 4);
    number(0, 21, 2000, 4);
    number(0, 2, 8, 4);
    number(0, 10, 3, 4);
    number(0, 16, 64512, 4);
}

static size_t put(void)
{
    return ft__flow_collect_record(&list, &r, row, sizeof row);
}

static void test_v9(void)
{
    /* clang-format off */
    static const uint8_t fields[] = {
        0, 22, 0, 4, 0, 21, 0, 4,             /* FIRST_SWITCHED, LAST_SWITCHED before all others */
        0, 8, 0, 4, 0, 12, 0, 4, 0, 2, 0, 4, 0, 10, 0, 4, 0, 16, 0, 4,
        0x9c, 0x41, 0, 4,                     /* Cisco's 40001 */
        0xe0, 0x80, 0, 2,                     /* ntop's 57472 */
        0, 82, 0, 32,                         /* text of 17 bytes */
        0, 34, 0, 4, 0, 130, 0, 4, 1, 0x95, 0, 4,
    };
    static const uint8_t record[] = {
        0, 0, 0, 0, 0, 0, 0, 0,
        192, 0, 2, 1, 198, 51, 100, 80, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0xfc, 0,
        0, 0, 0, 42,
        0, 7,
        'G', 'i', 'g', 'a', 'b', 'i', 't', 'E', 't', 'h', 'e', 'r', 'n', 'e', 't', '0', '/',
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 100, 192, 0, 2, 9, 1, 2, 3, 4,
    };
    /* clang-format on */
    struct ft_flow_head h;

    begin(FT_FLOW_NETFLOW_9);
    number(9, 40001 - 0x8000, 42, 4);
    number(35632, 0, 7, 2);
    number(4711, 5, 1, 4);     /* v9 has no place for it */
    number(0, 153, now_ns, 8); /* the times are said already */
    value(0, 82, FT_X_STRING, "GigabitEthernet0/", 17);
    CHECK_EQ(put(), sizeof h + sizeof record);
    memcpy(&h, row, sizeof h);
    CHECK_EQ(h.first_ms, (now_ns - INT64_C(5000000000)) / 1000000);
    CHECK_EQ(h.last_ms, now_ns / 1000000 - 2);
    CHECK(memcmp(row + sizeof h, record, sizeof record) == 0);
    CHECK_EQ(list.at[0].len, 4 + sizeof fields);
    CHECK(memcmp(list.at[0].record + 4, fields, sizeof fields) == 0);

    r.first_ns = INT64_MIN; /* none: 153 is what there is */
    CHECK_EQ(put(), sizeof h + sizeof record);
    memcpy(&h, row, sizeof h);
    CHECK_EQ(h.first_ms, INT64_MIN);
    CHECK_EQ(ft_load_be16(list.at[1].record + 4), 8);
}

/* However long bytes are, there are few templates of them; the last one is filled in the room that
 * there is. */
static void test_v9_bytes(void)
{
    static uint8_t bytes[900];
    size_t before = 0, len;

    memset(bytes, 0xee, sizeof bytes);
    begin(FT_FLOW_NETFLOW_9);
    value(0, 4000, FT_X_OCTETS, bytes, 8); /* may be a number */
    value(0, 4001, FT_X_OCTETS, bytes, 9);
    CHECK(put() < sizeof row);
    CHECK_EQ(list.n, 1);
    CHECK_EQ(ft_load_be16(list.at[0].record + 4 + 4 * 7 + 2), 8);
    CHECK_EQ(ft_load_be16(list.at[0].record + 4 + 4 * 8 + 2), 16);
    for (uint16_t i = 9; i <= sizeof bytes; i++) {
        begin(FT_FLOW_NETFLOW_9);
        value(0, 4000, FT_X_OCTETS, bytes, i);
        len = put();
        CHECK(len >= before && len < sizeof row);
        CHECK_EQ(row[len - 12 - 1], i >= 16 && (i & (i - 1)) == 0 ? 0xee : 0);
        before = len;
    }
    begin(FT_FLOW_NETFLOW_9);
    value(0, 4000, FT_X_OCTETS, bytes, 9);
    for (uint16_t i = 9; i <= sizeof base - base_len; i++) {
        values[r.n_values - 1].len = i;
        CHECK(put() < sizeof row);
    }
    CHECK_EQ(list.n, 7);
}

static void test_v9_clock(void)
{
    begin(FT_FLOW_NETFLOW_9);
    r.first_ns = now_ns - INT64_C(46) * 86400 * 1000000000;
    CHECK(put() < sizeof row);
    r.first_ns -= INT64_C(86400) * 1000000000;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_TIME));
    r.first_ns = r.last_ns = now_ns + INT64_C(86400) * 1000000000; /* its clock is another one */
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_TIME));
    r.first_ns = now_ns;
    r.last_ns = now_ns - 1;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_TIME));
}

static void test_v9_both(void)
{
    /* clang-format off */
    static const uint8_t reverse[] = {
        0, 0, 0, 0, 0, 0, 0, 0,
        198, 51, 100, 80, 192, 0, 2, 1, 1, 0xbb, 0xc3, 0x50, 6,
        0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 9,
        18,
        0, 0, 0, 100, 192, 0, 2, 9, 1, 2, 3, 4,
    };
    /* clang-format on */
    struct ft_flow_head h;

    begin(FT_FLOW_NETFLOW_9);
    number(FT_PEN_REVERSE, 2, 5, 8);
    number(FT_PEN_REVERSE, 6, 18, 1);
    number(0, 239, 1, 1);
    r.rev_packets = 5;
    r.rev_bytes = 0x100000009;
    r.has |= FT_XR_BIFLOW;
    size_t len = put();

    memcpy(&h, row, sizeof h);
    CHECK_EQ(len, h.len + sizeof h + sizeof reverse);
    CHECK(memcmp(row + h.len + sizeof h, reverse, sizeof reverse) == 0);
    CHECK_EQ(list.n, 2);
}

static void test_v5(void)
{
    /* clang-format off */
    static const uint8_t record[] = {
        192, 0, 2, 1, 198, 51, 100, 80, 203, 0, 113, 1, /* addresses, next hop */
        0, 3, 0, 4, 0, 0, 0, 8, 0, 0, 3, 64,            /* interfaces, packets, octets */
        0, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x50, 1, 0xbb,    /* times, ports */
        0, 27, 6, 0x20, 0xfc, 0, 0, 0, 24, 16, 0, 0,    /* flags, protocol, TOS, AS, masks */
    };
    static const uint8_t reverse[] = {
        198, 51, 100, 80, 192, 0, 2, 1, 0, 0, 0, 0,
        0, 4, 0, 3, 0, 0, 0, 5, 0, 0, 0, 9,
        0, 0, 0, 0, 0, 0, 0, 0, 1, 0xbb, 0xc3, 0x50,
        0, 18, 6, 0x20, 0, 0, 0xfc, 0, 16, 24, 0, 0,
    };
    /* clang-format on */
    struct ft_flow_head h;

    begin(FT_FLOW_NETFLOW_5);
    number(0, 14, 4, 2);
    number(0, 15, 0xcb007101, 4);
    number(0, 5, 0x20, 1);
    number(0, 9, 24, 1);
    number(0, 13, 16, 1);
    CHECK_EQ(put(), sizeof h + sizeof record);
    memcpy(&h, row, sizeof h);
    CHECK_EQ(h.template, 100);
    CHECK_EQ(h.first_ms, (now_ns - INT64_C(5000000000)) / 1000000);
    CHECK(memcmp(row + sizeof h, record, sizeof record) == 0);

    number(FT_PEN_REVERSE, 6, 18, 1);
    r.rev_packets = 5;
    r.rev_bytes = 9;
    CHECK_EQ(put(), 2 * (sizeof h + sizeof record));
    CHECK(memcmp(row + 2 * sizeof h + sizeof record, reverse, sizeof reverse) == 0);
}

/* Any rate that a header holds: it stands where other versions have a template's number. */
static void test_v5_rates(void)
{
    const size_t one = sizeof(struct ft_flow_head) + FT__RELAY_V5_RECORD;
    static const uint32_t rates[] = {0, 1, 512, FT_FLOW_TEMPLATES_FULL, 2048, FT_FLOW_V5_RATE};

    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct ft_flow_head h = {0};

        begin(FT_FLOW_NETFLOW_5);
        r.sampling_rate = rates[i];
        CHECK_EQ(put(), one);
        memcpy(&h, row, sizeof h);
        CHECK_EQ(h.template, rates[i]);
        r.rev_packets = r.rev_bytes = 1;
        CHECK_EQ(put(), 2 * one);
        memcpy(&h, row + one, sizeof h);
        CHECK_EQ(h.template, rates[i]);
    }
}

static void test_v5_cannot(void)
{
    begin(FT_FLOW_NETFLOW_5);
    r.ip_version = 6;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_IPV6));
    begin(FT_FLOW_NETFLOW_5);
    r.packets = UINT32_MAX;
    CHECK(put() < sizeof row);
    r.packets++;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_COUNTER));
    begin(FT_FLOW_NETFLOW_5);
    r.rev_packets = 1;
    r.rev_bytes = (uint64_t)UINT32_MAX + 1;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_COUNTER));
    for (int i = 0; i < 4; i++) {
        static const uint16_t missing[] = {FT_XR_PACKETS, FT_XR_BYTES, FT_XR_SRC_ADDR};

        begin(FT_FLOW_NETFLOW_5);
        if (i < 3) {
            r.has &= (uint16_t)~missing[i];
        } else {
            r.last_ns = INT64_MIN;
        }
        CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_MISSING));
    }
    begin(FT_FLOW_NETFLOW_5);
    number(0, 17, 65535, 4);
    CHECK(put() < sizeof row);
    number(0, 17, 65536, 4);
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_NUMBER));
    begin(FT_FLOW_NETFLOW_5);
    r.sampling_rate = 16383;
    CHECK(put() < sizeof row);
    r.sampling_rate = 16384;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_SAMPLING));
    begin(FT_FLOW_NETFLOW_5);
    r.first_ns = 1000000;
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_TIME));
}

/* A record that is longer than what it may have is none. */
static void test_room(void)
{
    static uint8_t large[600];

    begin(FT_FLOW_NETFLOW_9);
    value(0, 4000, FT_X_OCTETS, large, sizeof large);
    CHECK(put() < sizeof row);
    CHECK_EQ(ft__flow_collect_record(&list, &r, row, 600), FT_FORMAT_UNFIT(FT_UNFIT_LENGTH));
    begin(FT_FLOW_NETFLOW_9);
    for (uint16_t i = 0; i < 20; i++) {
        number(0, (uint16_t)(1000 + i), i, 2);
    }
    r.n_values = 0;
    static struct ft_xvalue many[FT__RELAY_FIELDS];

    for (uint32_t i = 0; i < FT__RELAY_FIELDS; i++) {
        many[i] = (struct ft_xvalue){.ie = (uint16_t)(1000 + i), .type = FT_X_UINT, .len = 1};
    }
    r.values = many;
    r.n_values = FT__RELAY_FIELDS - 5;
    CHECK(put() < sizeof row);
    r.n_values = FT__RELAY_FIELDS - 4; /* with two times, the rate and two of the exporter */
    CHECK_EQ(put(), FT_FORMAT_UNFIT(FT_UNFIT_LENGTH));
}

int main(void)
{
    RUN(test_v9);
    RUN(test_v9_bytes);
    RUN(test_v9_clock);
    RUN(test_v9_both);
    RUN(test_v5);
    RUN(test_v5_rates);
    RUN(test_v5_cannot);
    RUN(test_room);
    ft_flow_templates_fini(&list);
    return test_end();
}
