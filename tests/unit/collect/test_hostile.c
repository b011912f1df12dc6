/* SPDX-License-Identifier: Apache-2.0 */
/* collect: values that exporters send to break a collector: clocks at the end of time, names that
 * are nothing but control characters, time stamps of captures that jump. */
#include "base/rd.h"
#include "collect/collect.h"
#include "decode/datagram.h"
#include "format/format.h"
#include "format/ndjson.h"
#include "harness.h"

static uint8_t message[4096], *at, *set_start;
static uint8_t line[FT_FORMAT_MAX + 64];
static size_t line_len, line_room;
static int lines;
static int64_t first_ns;

static void p8(unsigned v)
{
    *at++ = (uint8_t)v;
}
static void p16(unsigned v)
{
    p8(v >> 8);
    p8(v & 255);
}
static void p32(uint32_t v)
{
    p16(v >> 16);
    p16(v & 65535);
}
static void p64(uint64_t v)
{
    p32((uint32_t)(v >> 32));
    p32((uint32_t)v);
}

static void begin(void)
{
    at = message;
    p16(10);
    p16(0); /* length: give() */
    p32(1700000000);
    p32(UINT32_MAX);
    p32(UINT32_MAX);
}
static void begin_set(unsigned id)
{
    set_start = at;
    p16(id);
    p16(0);
}
static void end_set(void)
{
    uint32_t len = (uint32_t)(at - set_start);

    set_start[2] = (uint8_t)(len >> 8);
    set_start[3] = (uint8_t)len;
}

static void on_record(void *cookie, const struct ft_export_record *r)
{
    (void)cookie;
    line_room = FT_FORMAT_EXPORT_MIN + (size_t)r->text_max;
    line_len = ft__ndjson_export_flow(line, line_room, r, NULL);
    line[line_len] = '\0';
    first_ns = r->first_ns;
    lines++;
}
static void on_sample(void *cookie, const struct ft_export_sample *s)
{
    (void)cookie;
    (void)s;
}
static void on_counters(void *cookie, const struct ft_export_counters *c)
{
    (void)cookie;
    (void)c;
}
static int expired, withdrawn;

static void on_template(void *cookie, const struct ft_template_change *t)
{
    (void)cookie;
    expired += t->kind == FT_TEMPLATE_EXPIRED;
    withdrawn += t->kind == FT_TEMPLATE_WITHDRAWN;
}
static void on_health(void *cookie, const struct ft_exporter_health *h)
{
    (void)cookie;
    (void)h;
}

static bool by_port;

static struct ft_collector *make(void)
{
    static const struct ft_collect_ops ops = {on_record,   on_sample, on_sample, on_counters,
                                              on_template, on_health, NULL};
    struct ft_collect_limits limits = {.exporters = 16,
                                       .templates = 64,
                                       .amplification = 1000,
                                       .waiting = 65536,
                                       .template_life_ns = 1000};
    struct ft_hash_seed seed;
    struct ft_collector *c = NULL;

    limits.by_port = by_port;
    expired = withdrawn = 0;
    ft_hash_seed_fixed(&seed, 1);
    CHECK_EQ(ft_collector_new(&limits, &seed, &ops, NULL, &c), FT_OK);
    lines = 0;
    return c;
}

static int64_t now_ns = 1700000000000000000;

static enum ft_verdict give(struct ft_collector *c)
{
    struct ft_peer peer = {.ip_version = 6, .port = 4739};
    size_t len = (size_t)(at - message);
    uint8_t *copy = malloc(len);
    enum ft_verdict v;

    memset(peer.addr, 0xfe, sizeof peer.addr);
    message[2] = (uint8_t)(len >> 8);
    message[3] = (uint8_t)len;
    memcpy(copy, message, len);
    v = ft_collector_take(c, &peer, copy, len, now_ns);
    free(copy);
    return v;
}

static void fields(unsigned n, const uint16_t (*f)[2])
{
    for (unsigned i = 0; i < n; i++) {
        p16(f[i][0]);
        p16(f[i][1]);
    }
}

/* flowStartSysUpTime counts from systemInitTimeMilliseconds, which may be anything. */
static void test_init_time_at_the_end(void)
{
    static const uint16_t f[][2] = {{160, 8}, {22, 4}};
    static const uint64_t init[] = {INT64_MAX / 1000000 - 1, INT64_MAX / 1000000, INT64_MAX,
                                    UINT64_MAX, 1700000000000};
    struct ft_collector *c = make();

    for (unsigned i = 0; i < 5; i++) {
        begin();
        begin_set(2);
        p16(256);
        p16(2);
        fields(2, f);
        end_set();
        begin_set(256);
        p64(init[i]);
        p32(UINT32_MAX);
        end_set();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK(i == 4 ? first_ns == 1704294967295000000 : first_ns == INT64_MIN);
    }
    CHECK_EQ(lines, 5);
    ft_collector_free(c);
}

/* The same when options data says it. */
static void test_init_time_by_options(void)
{
    struct ft_collector *c = make();

    begin();
    begin_set(3);
    p16(300);
    p16(2);
    p16(1);
    p16(149);
    p16(4);
    p16(160);
    p16(8);
    end_set();
    begin_set(300);
    p32(1);
    p64(INT64_MAX / 1000000 - 1);
    end_set();
    begin_set(2);
    p16(256);
    p16(1);
    p16(22);
    p16(4);
    end_set();
    begin_set(256);
    p32(UINT32_MAX);
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(lines, 1);
    CHECK_EQ(first_ns, INT64_MIN);
    ft_collector_free(c);
}

/* Templates and probation, when the clock of the capture jumps as far as it can. */
static void test_capture_clock(void)
{
    static const int64_t times[] = {INT64_MIN, INT64_MAX, INT64_MIN, -1, INT64_MAX};
    struct ft_collector *c = make();

    for (unsigned i = 0; i < 5; i++) {
        now_ns = times[i];
        begin();
        begin_set(2);
        p16(256 + i);
        p16(1);
        p16(22);
        p16(4);
        end_set();
        CHECK_EQ(give(c), FT_V_DECODED);
        ft_collector_report(c, times[(i + 3) % 5]);
        ft_collector_report(c, times[i]);
    }
    now_ns = 1700000000000000000;
    ft_collector_free(c);
}

/* Over UDP templates end after their life, with --session-port, too; a connection from the same
 * port, which is another one, does not end them when it does. */
static void test_lives_by_port(void)
{
    struct ft_peer peer = {.ip_version = 6, .port = 4739};
    struct ft_collector *c;

    by_port = true;
    c = make();
    by_port = false;
    memset(peer.addr, 0xfe, sizeof peer.addr);
    begin();
    begin_set(2);
    p16(256);
    p16(1);
    p16(22);
    p16(4);
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    ft_collector_end_stream(c, &peer);
    CHECK_EQ(withdrawn, 0);
    ft_collector_report(c, now_ns + 1001);
    CHECK_EQ(expired, 1);
    ft_collector_free(c);
}

static void name(unsigned len)
{
    memset(at, 1, len); /* six bytes each as JSON */
    at += len;
}

/* All names, all of control characters, all numbers as long as they can be: within the room. */
static void test_names_of_control_characters(void)
{
    static const uint16_t told[][2] = {{10, 4}, {82, 63}, {234, 4}, {236, 63}, {95, 4}, {96, 63}};
    static const uint16_t f[][2] = {{27, 16}, {28, 16}, {7, 2},  {11, 2},  {4, 1},     {2, 8},
                                    {1, 8},   {10, 4},  {14, 4}, {234, 4}, {235, 4},   {95, 4},
                                    {152, 8}, {153, 8}, {34, 4}, {136, 1}, {82, 65535}};
    struct ft_collector *c = make();

    begin();
    begin_set(3);
    p16(300);
    p16(6);
    p16(1);
    fields(6, told);
    end_set();
    begin_set(300);
    for (int i = 0; i < 3; i++) {
        p32(UINT32_MAX);
        name(63);
    }
    end_set();
    begin_set(2);
    p16(256);
    p16(5);
    fields(5, f + 7);
    p16(257);
    p16(17);
    fields(17, f);
    end_set();
    begin_set(256);
    memset(at, 0xff, 20);
    at += 20;
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(lines, 1);
    CHECK(strstr((char *)line, "application_name_by_options") != NULL);
    CHECK(line_len <= line_room);

    begin();
    begin_set(257);
    memset(at, 0xff, 94);
    at += 94; /* but for the end reason and the string */
    at[-1] = 2;
    p8(255);
    p16(1000);
    name(1000);
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(lines, 2);
    CHECK(strstr((char *)line, "application_name_by_options") != NULL);
    CHECK(line_len <= line_room && line_len > 7000);
    ft_collector_free(c);
}

/* Fragments whose clocks are centuries apart: the held one is given up, nothing overflows. */
static void test_fragments_of_all_times(void)
{
    static const int64_t times[] = {0, INT64_MAX, INT64_MIN, -1, INT64_MAX, 1};
    uint8_t packet[28] = {0x45, 0, 0,   28, 0, 1, 0x20, 0,    64,   17,   0, 0,  192, 0,
                          2,    1, 192, 0,  2, 2, 0x13, 0x88, 0x08, 0x07, 0, 16, 0,   0};
    struct ft_datagrams *d = NULL;

    CHECK_EQ(ft_datagrams_new(&d), FT_OK);
    for (unsigned i = 0; i < 6; i++) {
        struct ft_view v = {.data = packet,
                            .caplen = sizeof packet,
                            .len = sizeof packet,
                            .linktype = 101,
                            .ts_ns = times[i]};
        struct ft_peer peer;
        const uint8_t *data;
        uint32_t len;

        CHECK_EQ(ft_datagram_take(d, &v, &peer, &data, &len), FT_V_FRAGMENT);
    }
    ft_datagrams_free(d);
}

int main(void)
{
    RUN(test_init_time_at_the_end);
    RUN(test_init_time_by_options);
    RUN(test_capture_clock);
    RUN(test_lives_by_port);
    RUN(test_names_of_control_characters);
    RUN(test_fragments_of_all_times);
    return test_end();
}
