/* SPDX-License-Identifier: Apache-2.0 */
/* codec/net/udp_put: headers byte by byte, checksums that a receiver finds right. */
#include "codec/net/udp_put.h"

#include <arpa/inet.h>

#include "harness.h"

static struct ft_udp_ends ends_of(int family, const char *src, const char *dst)
{
    struct ft_udp_ends e = {
        .ip_version = family == AF_INET ? 4 : 6, .src_port = 40000, .dst_port = 4739};

    CHECK_EQ(inet_pton(family, src, e.src), 1);
    CHECK_EQ(inet_pton(family, dst, e.dst), 1);
    return e;
}

/* What a receiver makes of it, word by word in a padded copy: 0 is right. */
static uint16_t sum_of(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    static uint8_t all[70000];
    uint32_t sum = 0;

    memset(all, 0, sizeof all);
    memcpy(all, a, a_len);
    memcpy(all + a_len, b, b_len);
    for (size_t i = 0; i < a_len + b_len; i += 2) {
        sum += (uint32_t)all[i] << 8 | all[i + 1];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* The sum over pseudo header, UDP header and payload. */
static uint16_t udp_sum(const struct ft_udp_ends *e, const uint8_t *udp, const uint8_t *payload,
                        size_t len)
{
    size_t n = e->ip_version == 4 ? 4 : 16;
    uint8_t front[44] = {0}, *p = front;

    memcpy(p, e->src, n);
    memcpy(p + n, e->dst, n);
    p += 2 * n;
    p[1] = 17;
    p[2] = (uint8_t)((8 + len) >> 8);
    p[3] = (uint8_t)(8 + len);
    memcpy(p + 4, udp, 8);
    return sum_of(front, 2 * n + 12, payload, len);
}

static void test_ip4(void)
{
    static const uint8_t wanted[28] = {
        0x45, 0,    0,    33,   0,   0,  0, 0, /* words, length, id, fragment */
        64,   17,   0,    0,    192, 0,  2, 1, /* TTL, UDP, sum, source */
        10,   9,    0,    2,                   /* destination */
        0x9c, 0x40, 0x12, 0x83, 0,   13, 0, 0, /* ports, length, sum */
    };
    struct ft_udp_ends e = ends_of(AF_INET, "192.0.2.1", "10.9.0.2");
    uint8_t out[FT_UDP_PUT_MOST];
    const uint8_t *text = (const uint8_t *)"abcde";

    CHECK_EQ(ft_udp_put(out, &e, text, 5), 28);
    CHECK_EQ(sum_of(out, 20, out, 0), 0);
    CHECK_EQ(udp_sum(&e, out + 20, text, 5), 0);
    CHECK(out[26] != 0 || out[27] != 0);
    out[10] = out[11] = out[26] = out[27] = 0;
    CHECK_MEM(out, wanted, sizeof wanted);
}

static void test_ip6(void)
{
    struct ft_udp_ends e = ends_of(AF_INET6, "2001:db8::1", "fd09::2");
    uint8_t out[FT_UDP_PUT_MOST];
    const uint8_t *text = (const uint8_t *)"abcd";
    static const uint8_t head[8] = {0x60, 0, 0, 0, 0, 12, 17, 64};

    CHECK_EQ(ft_udp_put(out, &e, text, 4), 48);
    CHECK_MEM(out, head, sizeof head);
    CHECK_MEM(out + 8, e.src, 16);
    CHECK_MEM(out + 24, e.dst, 16);
    CHECK_EQ(udp_sum(&e, out + 40, text, 4), 0);
}

/* A sum of 0 is sent as ffff: 0 says that there is none. Of any length, also the longest. */
static void test_sums(void)
{
    static uint8_t payload[65507];
    struct ft_udp_ends e[] = {ends_of(AF_INET, "255.254.253.252", "255.255.255.255"),
                              ends_of(AF_INET6, "ffff::ffff", "ffff:ffff::")};
    uint8_t out[FT_UDP_PUT_MOST];

    memset(payload, 0xff, sizeof payload);
    for (int k = 0; k < 2; k++) {
        size_t ip = e[k].ip_version == 4 ? 20 : 40;

        for (size_t len = 0; len <= sizeof payload; len += len < 70 ? 1 : 9349) {
            CHECK_EQ(ft_udp_put(out, &e[k], payload, len), ip + 8);
            CHECK_EQ(udp_sum(&e[k], out + ip, payload, len), 0);
        }
        /* the two bytes that make the sum 0 */
        memset(payload, 0, 2);
        ft_udp_put(out, &e[k], payload, 2);
        memcpy(payload, out + ip + 6, 2);
        ft_udp_put(out, &e[k], payload, 2);
        CHECK_EQ(out[ip + 6] << 8 | out[ip + 7], 0xffff);
        memset(payload, 0xff, 2);
    }
}

int main(void)
{
    RUN(test_ip4);
    RUN(test_ip6);
    RUN(test_sums);
    return test_end();
}
