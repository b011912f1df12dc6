/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: numbers against snprintf, addresses against inet_ntop, JSON strings, Community ID. */
#include <arpa/inet.h>

#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "harness.h"
#include "model/community.h"

static uint64_t state = 1;

static uint64_t rng(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void test_u64(void)
{
    uint8_t got[64];
    char want[32];

    for (int i = 0; i < 200000; i++) {
        uint64_t v = i < 2000 ? (uint64_t)i : rng() >> (rng() & 63);

        if (i == 2000) {
            v = UINT64_MAX;
        }
        *ft_put_u64(got, v) = 0;
        snprintf(want, sizeof want, "%" PRIu64, v);
        if (strcmp((char *)got, want) != 0) {
            CHECK_STR((char *)got, want);
        }
    }
}

static void test_time(void)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0.000000"},
        {999, "0.000000"},
        {1000, "0.000001"},
        {INT64_C(1719409375420000000), "1719409375.420000"},
        {INT64_C(1719409375420000999), "1719409375.420000"},
        {-1, "-0.000001"},
        {-500000000, "-0.500000"},
        {INT64_MAX, "9223372036.854775"},
        {INT64_MIN, "-9223372036.854776"},
    };
    uint8_t got[64];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        *ft_put_time(got, cases[i].ns) = 0;
        CHECK_STR((char *)got, cases[i].text);
    }
}

static void check_ip6(const uint8_t *a)
{
    uint8_t got[96];
    char want[INET6_ADDRSTRLEN];

    *ft_put_ip6(got, a) = 0;
    inet_ntop(AF_INET6, a, want, sizeof want);
    if (strcmp((char *)got, want) != 0) {
        CHECK_STR((char *)got, want);
    }
}

/* Around every power of ten and of two, and every octet. */
static void test_numbers(void)
{
    char want[32];
    uint8_t got[64];

    for (uint64_t ten = 1, two = 1; two != 0;
         ten = ten < UINT64_MAX / 10 ? ten * 10 : 1, two *= 2) {
        for (uint64_t d = 0; d < 5; d++) {
            const uint64_t v[] = {ten + d - 2, two + d - 2, ten * d};

            for (size_t i = 0; i < 3; i++) {
                snprintf(want, sizeof want, "%" PRIu64, v[i]);
                *ft_put_u64(got, v[i]) = 0;
                CHECK_STR((char *)got, want);
            }
        }
    }
    for (unsigned v = 0; v < 256; v++) {
        snprintf(want, sizeof want, "%u", v);
        *ft_put_octet(got, (uint8_t)v) = 0;
        CHECK_STR((char *)got, want);
    }
}

static void test_addresses(void)
{
    for (int i = 0; i < 300000; i++) {
        uint8_t a[16], got[64];
        char want[INET_ADDRSTRLEN];
        uint64_t zeros = rng() & rng(), small = rng();

        for (int k = 0; k < 16; k++) { /* many zero groups and small bytes */
            a[k] = zeros >> (k / 2) & 1 ? 0 : (uint8_t)(small >> k & 1 ? rng() & 15 : rng());
        }
        check_ip6(a);
        *ft_put_ip4(got, a) = 0;
        inet_ntop(AF_INET, a, want, sizeof want);
        if (strcmp((char *)got, want) != 0) {
            CHECK_STR((char *)got, want);
        }
    }
    for (uint32_t mask = 0; mask < 256; mask++) { /* every pattern of zero groups */
        static const uint16_t values[] = {1, 0xffff, 0x0102, 0x10};

        for (size_t v = 0; v < 4; v++) {
            uint8_t a[16];

            for (int g = 0; g < 8; g++) {
                uint16_t x = mask >> g & 1 ? values[v] : 0;

                a[2 * g] = (uint8_t)(x >> 8);
                a[2 * g + 1] = (uint8_t)x;
            }
            check_ip6(a);
        }
    }
}

static void test_json_strings(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"tab\there\n", "\"tab\\u0009here\\u000a\""},
        {"\xc3\xa9", "\"\xc3\xa9\""},
        {"\xc3", "\"\\u00c3\""},                       /* cut sequence */
        {"\xc0\xaf", "\"\\u00c0\\u00af\""},            /* over-long */
        {"\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""}, /* surrogate */
        {"\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\""},
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
    };
    uint8_t got[256];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        *ft_put_json_string(got, cases[i].in, 100) = 0;
        CHECK_STR((char *)got, cases[i].out);
    }
    *ft_put_json_string(got, "abcdef", 3) = 0;
    CHECK_STR((char *)got, "\"abc\"");
}

/* The specification's baseline (community-id-spec, baseline/baseline_deflt.json). */
static void test_community_id(void)
{
    static const struct {
        const char *src, *dst;
        uint16_t sport, dport;
        uint8_t proto;
        bool one_way;
        const char *id;
    } cases[] = {
        {"128.232.110.120", "66.35.250.204", 34855, 80, 6, false, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {"66.35.250.204", "128.232.110.120", 80, 34855, 6, false, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
        {"192.168.1.52", "8.8.8.8", 54585, 53, 17, false, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
        {"8.8.8.8", "192.168.1.52", 53, 54585, 17, false, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
        {"192.168.170.8", "192.168.170.56", 7, 80, 132, false, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
        {"192.168.0.89", "192.168.0.1", 8, 0, 1, false, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t src[4], dst[4];
        char id[FT_COMMUNITY_LEN + 1] = "";
        struct ft_community c = {
            src, dst, 4, cases[i].proto, cases[i].sport, cases[i].dport, cases[i].one_way};

        inet_pton(AF_INET, cases[i].src, src);
        inet_pton(AF_INET, cases[i].dst, dst);
        ft_community_id(&c, id);
        CHECK_STR(id, cases[i].id);
    }
}

int main(void)
{
    RUN(test_u64);
    RUN(test_time);
    RUN(test_numbers);
    RUN(test_addresses);
    RUN(test_json_strings);
    RUN(test_community_id);
    return test_end();
}
