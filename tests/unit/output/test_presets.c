/* SPDX-License-Identifier: Apache-2.0 */
/* output: what presets read: answers of receivers, whole, cut and damaged, and lines of ours. */
#include <stdlib.h>

#include "harness.h"
#include "output/sink/http/presets/json.h"
#include "output/sink/http/presets/presets.h"

static void check_items(const struct ft_preset *p, const char *reply, const char *want)
{
    uint8_t out[16];
    uint32_t n = (uint32_t)strlen(want);

    memset(out, 0xff, sizeof out);
    p->items(reply, n, out);
    for (uint32_t i = 0; i < n; i++) {
        static const char letters[] = "tal"; /* taken, again, lost */

        if (out[i] > FT_ITEM_LOST || letters[out[i]] != want[i]) {
            fprintf(stderr, "%s: event %u: %u\n", reply, i, out[i]);
            CHECK(false);
        }
    }
    CHECK_EQ(out[n], 0xff);
}

static const char bulk[] =
    "{\"took\": 30, \"errors\": true, \"items\": [ {\"create\": {\"_id\":\"a\\\"}]{\", \"status\" "
    ": "
    "201}}, {\"create\":{\"error\":{\"status\":200,\"type\":\"status\"},\"status\":400}},\n"
    "{\"create\":{\"status\":429}}, {\"index\":{\"status\":409,\"x\":[{\"status\":1}]}}] }";

static void test_items(void)
{
    const struct ft_preset *e = &ft_preset_elastic, *o = &ft_preset_otlp;

    check_items(e, bulk, "tlat");
    check_items(e, "{\"errors\":false,\"items\":[]}", "ttt");
    check_items(e, "{\"errors\":true}", "lll");
    check_items(e, "{\"errors\":true,\"items\":[{\"create\":{\"status\":201}}]}", "ll");
    check_items(e, "", "tt");
    check_items(e, "<html>", "t");
    check_items(o, "{}", "ttt");
    check_items(o, "{\"partialSuccess\":{}}", "ttt");
    check_items(o, "{\"partialSuccess\": {\"rejectedLogRecords\" : \"2\"}}", "llt");
    check_items(o, "{\"partialSuccess\":{\"rejectedLogRecords\":9}}", "lll");
}

/* Every beginning and every damage of an answer: each event is dealt with, nothing else is touched.
 */
static void test_damage(void)
{
    for (size_t len = 0; len < sizeof bulk; len++) {
        char *cut = malloc(len + 1);
        uint8_t *out = malloc(4);

        memcpy(cut, bulk, len);
        cut[len] = '\0';
        memset(out, 0xff, 4);
        ft_preset_elastic.items(cut, 4, out);
        for (int i = 0; i < 4; i++) {
            CHECK(out[i] <= FT_ITEM_LOST);
        }
        free(cut);
        free(out);
    }
    for (size_t at = 0; at + 1 < sizeof bulk; at++) {
        for (int c = 1; c < 256; c += 3) {
            char text[sizeof bulk];
            uint8_t out[4] = {0xff, 0xff, 0xff, 0xff};

            memcpy(text, bulk, sizeof bulk);
            text[at] = (char)c;
            ft_preset_elastic.items(text, 4, out);
            CHECK((out[0] | out[1] | out[2] | out[3]) != 0xff);
        }
    }
}

static void test_pairs(void)
{
    static const char line[] =
        "{\"a\":1,\"b\\\"c\":\"x,}\",\"d\":{\"e\":[1,{}]},\"f\":null,\"g\":-2.5}";
    static const char *const want[] = {"a", "1",    "b\\\"c", "\"x,}\"", "d", "{\"e\":[1,{}]}",
                                       "f", "null", "g",      "-2.5"};
    struct ft_json_pair p;
    size_t at = 0, n = 0;

    for (; ft_json_next((const uint8_t *)line, sizeof line - 1, &at, &p); n += 2) {
        CHECK(n < sizeof want / sizeof want[0]);
        CHECK_EQ(p.key_len, strlen(want[n]));
        CHECK(memcmp(p.key, want[n], p.key_len) == 0);
        CHECK_EQ(p.value_len, strlen(want[n + 1]));
        CHECK(memcmp(p.value, want[n + 1], p.value_len) == 0);
    }
    CHECK_EQ(n, sizeof want / sizeof want[0]);
    for (size_t len = 0; len < sizeof line; len++) { /* from a block of exactly that size */
        uint8_t *cut = malloc(len > 0 ? len : 1);

        memcpy(cut, line, len);
        for (at = 0, n = 0; ft_json_next(cut, len, &at, &p); n++) {
            CHECK(at <= len && p.value + p.value_len <= cut + len);
        }
        CHECK(n <= 5);
        free(cut);
    }
}

static void test_times(void)
{
    static const struct {
        const char *line;
        int64_t ns;
    } rows[] = {
        {"{\"event_type\":\"x\",\"timestamp\":1719409371.005000,\"a\":1}", 1719409371005000000},
        {"{\"timestamp\":5}", 5000000000},
        {"{\"timestamp\":5.000000001}", 5000000001},
        {"{\"timestamp\":5.0000000019}", 5000000001},
        {"{\"timestamp\":99999999999999999999}", 77},
        {"{\"timestamp\":99999999999.5}", 77},
        {"{\"a\":1}", 77},
        {"", 77},
    };
    struct ft_body b = {.now_ns = 77};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(ft_line_ns(&b, (const uint8_t *)rows[i].line, strlen(rows[i].line)), rows[i].ns);
    }
}

static void check_point(const char *line, const char *want)
{
    struct ft_body b = {.data = calloc(1, 1024), .cap = 1023, .producer = 1, .sequence = 2};

    ft_preset_qdrant.begin(&b);
    ft_preset_qdrant.line(&b, (const uint8_t *)line, strlen(line));
    ft_preset_qdrant.end(&b);
    CHECK(!b.full);
    CHECK_STR((const char *)b.data +
                  strlen("{\"points\":[{\"id\":\"00000000-0000-0001-0000-000002000000\","),
              want);
    free(b.data);
}

/* The vector of a point, wherever it stands, and what is left of the event. */
static void test_points(void)
{
    check_point("{\"a\":1,\"vector\":[1,-2.5],\"b\":\"c\"}",
                "\"vector\":[1,-2.5],\"payload\":{\"a\":1,\"b\":\"c\"}}]}");
    check_point("{\"vector\":[1,2],\"b\":1}", "\"vector\":[1,2],\"payload\":{\"b\":1}}]}");
    check_point("{\"vector\":[1,2]}", "\"vector\":[1,2],\"payload\":{}}]}");
    check_point(
        "{\"a\":1,\"features\":{\"x\":[3],\"vector\":[1,2],\"y\":{}},\"b\":2}",
        "\"vector\":[1,2],\"payload\":{\"a\":1,\"features\":{\"x\":[3],\"y\":{}},\"b\":2}}]}");
    check_point("{\"a\":\"x\",\"vector\":null}", "\"vector\":{},\"payload\":{\"a\":\"x\"}}]}");
    check_point("{\"a\":\"vector\",\"timestamp\":1.5,\"b\":null,\"c\":-7}",
                "\"vector\":[0,-7],\"payload\":{\"a\":\"vector\",\"timestamp\":1.5,\"b\":null,"
                "\"c\":-7}}]}");
}

/* What has no room is told, and nothing is written behind the end. */
static void test_full(void)
{
    for (size_t cap = 0; cap < 64; cap++) {
        struct ft_body b = {.data = malloc(cap + 1), .cap = cap, .into = "x"};

        b.data[cap] = 0xa5;
        ft_body_text(&b, "0123456789");
        ft_body_escaped(&b, (const uint8_t *)"a\"b\\c", 5);
        ft_body_number(&b, 1234567890123);
        CHECK_EQ(b.full, cap < 30);
        CHECK(b.len <= cap && b.data[cap] == 0xa5);
        if (!b.full) {
            CHECK(memcmp(b.data, "0123456789a\\\"b\\\\c1234567890123", 30) == 0);
        }
        free(b.data);
    }
}

int main(void)
{
    RUN(test_items);
    RUN(test_damage);
    RUN(test_pairs);
    RUN(test_points);
    RUN(test_times);
    RUN(test_full);
    return test_end();
}
