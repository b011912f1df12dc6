/* SPDX-License-Identifier: Apache-2.0 */
/* source/kafka: senders and times as messages tell them. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "source/kafka/kafka_parts.h"

/* In memory that ends with it. */
static bool sender(const char *text, struct ft_peer *out)
{
    size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1);
    bool good;

    memcpy(copy, text, len);
    good = ft__kafka_sender(copy, len, out);
    free(copy);
    return good;
}

static void test_senders(void)
{
    static const struct {
        const char *text;
        uint8_t version, first, last;
        uint16_t port;
    } good[] = {
        {"10.0.0.7", 4, 10, 7, 0},
        {"10.0.0.7:65535", 4, 10, 7, 65535},
        {"[10.0.0.7]:1", 4, 10, 7, 1},
        {"[2001:db8::9]:4739", 6, 0x20, 9, 4739},
        {"[2001:db8::9]", 6, 0x20, 9, 0},
        {"2001:db8::9", 6, 0x20, 9, 0},
        {"[::ffff:10.0.0.7]:9", 4, 10, 7, 9},
        {"::", 6, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ft_peer p = {.flags = 77};

        CHECK(sender(good[i].text, &p));
        CHECK_EQ(p.ip_version, good[i].version);
        CHECK_EQ(p.addr[0], good[i].first);
        CHECK_EQ(p.addr[good[i].version == 4 ? 3 : 15], good[i].last);
        CHECK_EQ(p.port, good[i].port);
        CHECK_EQ(p.flags, 0);
    }
}

static void test_no_senders(void)
{
    static const char *const bad[] = {"",
                                      "r1.example",
                                      "10.0.0.7:",
                                      "10.0.0.7:65536",
                                      "10.0.0.7:1x",
                                      "10.0.0.7:-1",
                                      "[::1",
                                      "[]:1",
                                      "[::1]x",
                                      "[::1]:",
                                      ":1",
                                      "10.0.0.256",
                                      "10.0.0",
                                      "[::1]:1:1",
                                      "1.2.3.4 :1",
                                      "10.0.0.7:99999999999999999999"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ft_peer p = {.port = 7};

        CHECK(!sender(bad[i], &p));
        CHECK_EQ(p.port, 7);
    }
}

static void test_times(void)
{
    int64_t ns = 5;

    CHECK(ft__kafka_time("1700000000123456789", 19, &ns));
    CHECK_EQ(ns, INT64_C(1700000000123456789));
    CHECK(ft__kafka_time("9223372036854775807", 19, &ns));
    CHECK_EQ(ns, INT64_MAX);
    CHECK(!ft__kafka_time("9223372036854775808", 19, &ns));
    CHECK(!ft__kafka_time("", 0, &ns));
    CHECK(!ft__kafka_time("-1", 2, &ns));
    CHECK(!ft__kafka_time("1 ", 2, &ns));
    CHECK_EQ(ns, INT64_MAX);
}

int main(void)
{
    RUN(test_senders);
    RUN(test_no_senders);
    RUN(test_times);
    return test_end();
}
