/* SPDX-License-Identifier: Apache-2.0 */
/* collect: structured lists (RFC 6313) in IPFIX records, from the message to the JSON line. */
#include "collect/collect.h"
#include "format/format.h"
#include "format/ndjson.h"
#include "harness.h"

static uint8_t message[4096], *at, *set_start;
static char line[FT_FORMAT_MAX + 64];
static int lines;

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

static void begin(void)
{
    at = message;
    p16(10);
    p16(0); /* length: end() */
    p32(1700000000);
    p32(0);
    p32(7);
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
    size_t n = ft__ndjson_export_flow((uint8_t *)line, FT_FORMAT_MAX, r, NULL);

    (void)cookie;
    CHECK(n <= FT_FORMAT_MAX);
    line[n] = '\0';
    lines++;
}
static void ignore_sample(void *cookie, const struct ft_export_sample *s)
{
    (void)cookie;
    (void)s;
}
static void ignore_counters(void *cookie, const struct ft_export_counters *c)
{
    (void)cookie;
    (void)c;
}
static void ignore_template(void *cookie, const struct ft_template_change *t)
{
    (void)cookie;
    (void)t;
}
static void ignore_health(void *cookie, const struct ft_exporter_health *h)
{
    (void)cookie;
    (void)h;
}

static struct ft_collector *make(void)
{
    static const struct ft_collect_ops ops = {
        on_record,       ignore_sample, ignore_sample, ignore_counters,
        ignore_template, ignore_health, NULL};
    struct ft_collect_limits limits = {
        .exporters = 16, .templates = 64, .amplification = 1000, .waiting = 65536};
    struct ft_hash_seed seed;
    struct ft_collector *c = NULL;

    ft_hash_seed_fixed(&seed, 1);
    CHECK_EQ(ft_collector_new(&limits, &seed, &ops, NULL, &c), FT_OK);
    lines = 0;
    return c;
}

/* From an exact-size block, so that a sanitizer sees a read beyond it. */
static enum ft_verdict give(struct ft_collector *c)
{
    struct ft_peer peer = {.addr = {192, 0, 2, 1}, .ip_version = 4, .port = 4739};
    size_t len = (size_t)(at - message);
    uint8_t *copy = malloc(len);
    enum ft_verdict v;

    message[2] = (uint8_t)(len >> 8);
    message[3] = (uint8_t)len;
    memcpy(copy, message, len);
    v = ft_collector_take(c, &peer, copy, len, 1700000000000000000);
    free(copy);
    return v;
}

/* Template 256: octetDeltaCount, and one list element of variable length. */
static void list_template(unsigned element)
{
    begin_set(2);
    p16(256);
    p16(2);
    p16(1);
    p16(4);
    p16(element);
    p16(65535);
    end_set();
}

static void has(const char *text)
{
    if (strstr(line, text) == NULL) {
        fprintf(stderr, "no %s in %s\n", text, line);
    }
    CHECK(strstr(line, text) != NULL);
}

/* C28, RFC 6313 §4.5.1: basicList of interfaceName, variable length */
static void test_c28_basic_list(void)
{
    struct ft_collector *c = make();

    begin();
    list_template(291);
    begin_set(256);
    p32(1000);
    p8(5 + 4 + 5);
    p8(3); /* allOf */
    p16(82);
    p16(65535);
    p8(3);
    memcpy(at, "ge0", 3);
    at += 3;
    p8(4);
    memcpy(at, "ge\"1", 4);
    at += 4;
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    CHECK_EQ(lines, 1);
    has("\"basic_list\":{\"semantic\":\"all_of\",\"element\":\"interface_name\",\"values\":["
        "\"ge0\","
        "\"ge\\\"1\"]}");
    ft_collector_free(c);
}

/* C28, RFC 6313 §4.5.2 and §4.5.3: records of another template, in one list and in several */
static void test_c28_sub_template_lists(void)
{
    struct ft_collector *c = make();

    begin();
    begin_set(2);
    p16(257);
    p16(2);
    p16(8);
    p16(4);
    p16(2);
    p16(2);
    end_set();
    list_template(292);
    begin_set(256);
    p32(1000);
    p8(3 + 12);
    p8(4); /* ordered */
    p16(257);
    p32(0xc0000201);
    p16(7);
    p32(0xc0000202);
    p16(8);
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    has("\"sub_template_list\":{\"semantic\":\"ordered\",\"template_id\":257,\"records\":["
        "{\"source_ipv4_address\":\"192.0.2.1\",\"packet_delta_count\":7},"
        "{\"source_ipv4_address\":\"192.0.2.2\",\"packet_delta_count\":8}]}");

    begin();
    list_template(293);
    begin_set(256);
    p32(1000);
    p8(1 + 10 + 7);
    p8(255); /* undefined */
    p16(257);
    p16(10);
    p32(0xc0000203);
    p16(9);
    p16(300); /* C29: a template that nobody sent: its bytes */
    p16(7);
    p8(1);
    p8(2);
    p8(3);
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    has("\"sub_template_multi_list\":{\"semantic\":\"undefined\",\"lists\":[{\"template_id\":257,"
        "\"records\":[{\"source_ipv4_address\":\"192.0.2.3\",\"packet_delta_count\":9}]},"
        "{\"template_id\":300,\"data\":\"010203\"}]}");
    ft_collector_free(c);
}

/* Depth bombs, elements and sub-lists of no bytes, lengths beyond their container. */
static void test_c28_hostile_lists(void)
{
    static const uint8_t lists[][24] = {
        {7, 3, 0, 82, 0, 0, 1, 2},              /* element length 0 */
        {8, 3, 0, 82, 255, 255, 255, 255, 255}, /* element beyond the list */
        {5, 3, 0, 82, 255, 255},                /* no element */
        {3, 3, 0, 82},                          /* cut in its header */
        {0},                                    /* empty value */
        {1, 3},                                 /* semantic only */
        {17, 3, 1, 35, 255, 255, 11, 3, 1, 35, 255, 255, 5, 3, 1, 35, 255, 255}, /* in lists */
    };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct ft_collector *c = make();

        begin();
        list_template(291);
        begin_set(256);
        p32(1000);
        memcpy(at, lists[i], lists[i][0] + 1u);
        at += lists[i][0] + 1u;
        end_set();
        CHECK_EQ(give(c), FT_V_DECODED);
        CHECK_EQ(lines, 1);
        has("\"basic_list\":");
        CHECK_STR(line + strlen(line) - 3, "}}\n");
        ft_collector_free(c);
    }
}

/* A list of many values is cut where its room ends, and says so. */
static void test_long_list(void)
{
    struct ft_collector *c = make();

    begin();
    list_template(291);
    begin_set(256);
    p32(1000);
    p8(255);
    p16(5 + 3000);
    p8(3);
    p16(4);
    p16(1);
    for (int i = 0; i < 3000; i++) {
        p8(17);
    }
    end_set();
    CHECK_EQ(give(c), FT_V_DECODED);
    has("],\"cut\":true}");
    CHECK(strlen(line) < 10000);
    ft_collector_free(c);
}

int main(void)
{
    RUN(test_c28_basic_list);
    RUN(test_c28_sub_template_lists);
    RUN(test_c28_hostile_lists);
    RUN(test_long_list);
    return test_end();
}
