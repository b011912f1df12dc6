/* SPDX-License-Identifier: Apache-2.0 */
/* codec/net/cryptopan: the published sample trace, prefixes kept, IPv6, keys. */
#include "codec/net/cryptopan.h"

#include <arpa/inet.h>

#include "harness.h"

/* Key and pairs of the sample that comes with the authors' implementation (Crypto-PAn 1.0). */
static const uint8_t sample_key[32] = {21,  34, 23,  141, 51, 164, 207, 128, 19,  10,  91,
                                       22,  73, 144, 125, 16, 216, 152, 143, 131, 121, 121,
                                       101, 39, 98,  87,  76, 45,  42,  132, 34,  2};
static const char *const sample[][2] = {
    {"128.11.68.132", "135.242.180.132"},   {"129.118.74.4", "134.136.186.123"},
    {"130.132.252.244", "133.68.164.234"},  {"141.223.7.43", "141.167.8.160"},
    {"141.233.145.108", "141.129.237.235"}, {"152.163.225.39", "151.140.114.167"},
    {"156.29.3.236", "147.225.12.42"},      {"165.247.96.84", "162.9.99.234"},
    {"166.107.77.190", "160.132.178.185"},  {"192.102.249.13", "252.138.62.131"},
};

static void test_published_sample(void)
{
    struct ft_cryptopan *c = NULL;

    CHECK_EQ(ft_cryptopan_new(sample_key, &c), FT_OK);
    for (int round = 0; round < 2; round++) { /* the second time from the cache */
        for (size_t i = 0; i < sizeof sample / sizeof sample[0]; i++) {
            uint8_t a[4];
            char text[INET_ADDRSTRLEN];

            inet_pton(AF_INET, sample[i][0], a);
            ft_cryptopan_map(c, a, 4);
            CHECK_STR(inet_ntop(AF_INET, a, text, sizeof text), sample[i][1]);
        }
    }
    ft_cryptopan_free(c);
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned n = 0;

    while (n < bits && ((a[n / 8] ^ b[n / 8]) >> (7 - n % 8) & 1) == 0) {
        n++;
    }
    return n;
}

static void check_prefixes(struct ft_cryptopan *c, unsigned len)
{
    for (unsigned bit = 0; bit < len * 8; bit++) {
        uint8_t a[16], b[16];

        for (unsigned i = 0; i < len; i++) {
            a[i] = b[i] = (uint8_t)(i * 37 + bit * 11);
        }
        b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        ft_cryptopan_map(c, a, len);
        ft_cryptopan_map(c, b, len);
        CHECK_EQ(common_bits(a, b, len * 8), bit);
    }
}

static void test_prefixes_are_kept(void)
{
    struct ft_cryptopan *c = NULL;

    CHECK_EQ(ft_cryptopan_new(sample_key, &c), FT_OK);
    check_prefixes(c, 4);
    check_prefixes(c, 16);
    CHECK(ft_cryptopan_id(c, 1) != ft_cryptopan_id(c, 2));
    CHECK(ft_cryptopan_id(c, 1) == ft_cryptopan_id(c, 1));
    ft_cryptopan_free(c);
}

static void test_key_files(void)
{
    uint8_t key[32];
    char hex[68];

    for (int i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02X", sample_key[i]);
    }
    hex[64] = '\n';
    CHECK_EQ(ft_cryptopan_key((const uint8_t *)hex, 65, key), FT_OK);
    CHECK_MEM(key, sample_key, 32);
    CHECK_EQ(ft_cryptopan_key(sample_key, 32, key), FT_OK);
    CHECK_EQ(ft_cryptopan_key((const uint8_t *)hex, 63, key), FT_E_FORMAT);
    hex[10] = 'x';
    CHECK_EQ(ft_cryptopan_key((const uint8_t *)hex, 64, key), FT_E_FORMAT);
    CHECK_EQ(ft_cryptopan_key(sample_key, 0, key), FT_E_FORMAT);
}

static void test_back_again(void)
{
    struct ft_cryptopan *c = NULL;

    CHECK_EQ(ft_cryptopan_new(sample_key, &c), FT_OK);
    for (size_t i = 0; i < sizeof sample / sizeof sample[0]; i++) {
        uint8_t a[4];
        char text[INET_ADDRSTRLEN];

        inet_pton(AF_INET, sample[i][1], a);
        ft_cryptopan_unmap(c, a, 4);
        CHECK_STR(inet_ntop(AF_INET, a, text, sizeof text), sample[i][0]);
    }
    for (unsigned k = 0; k < 64; k++) {
        uint8_t a[16], b[16];

        for (unsigned i = 0; i < 16; i++) {
            a[i] = b[i] = (uint8_t)(i * k * 29 + k);
        }
        ft_cryptopan_map(c, a, 16);
        ft_cryptopan_unmap(c, a, 16);
        CHECK_MEM(a, b, 16);
    }
    ft_cryptopan_free(c);
}

static void test_pseudonyms(void)
{
    struct ft_cryptopan *c = NULL, *other = NULL;
    uint8_t key[32], seen[256][6], text[300];

    memcpy(key, sample_key, sizeof key);
    key[31] ^= 1;
    CHECK_EQ(ft_cryptopan_new(sample_key, &c), FT_OK);
    CHECK_EQ(ft_cryptopan_new(key, &other), FT_OK);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t mac[6] = {(uint8_t)i, 0x1b, 0x21, 1, 2, 3}, again[6], elsewhere[6];

        memcpy(again, mac, 6);
        memcpy(elsewhere, mac, 6);
        memcpy(seen[i], mac, 6);
        ft_cryptopan_mac(c, seen[i]);
        ft_cryptopan_mac(c, again);
        ft_cryptopan_mac(other, elsewhere);
        CHECK_MEM(seen[i], again, 6);
        CHECK(memcmp(seen[i], elsewhere, 6) != 0);
        CHECK_EQ(seen[i][0] & 1, mac[0] & 1); /* the group bit stays */
        CHECK_EQ(seen[i][0] & 2, 2);          /* local: no maker's */
        for (unsigned k = 0; k < i; k++) {
            CHECK(memcmp(seen[i], seen[k], 6) != 0);
        }
    }
    memset(text, 'a', sizeof text);
    for (unsigned len = 0; len < sizeof text; len++) { /* each length is another text */
        uint64_t d = ft_cryptopan_digest(c, text, len);

        CHECK(d == ft_cryptopan_digest(c, text, len));
        CHECK(d != ft_cryptopan_digest(c, text, len + 1 < sizeof text ? len + 1 : 0));
        CHECK(d != ft_cryptopan_digest(other, text, len));
    }
    ft_cryptopan_free(c);
    ft_cryptopan_free(other);
}

int main(void)
{
#ifndef FT_HAVE_OPENSSL
    return test_skip("this build has no OpenSSL");
#endif
    RUN(test_published_sample);
    RUN(test_prefixes_are_kept);
    RUN(test_key_files);
    RUN(test_back_again);
    RUN(test_pseudonyms);
    return test_end();
}
