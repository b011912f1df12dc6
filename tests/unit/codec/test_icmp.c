/* SPDX-License-Identifier: Apache-2.0 */
/* codec: ICMP types as ports, against the pairs that the Community ID specification lists. */
#include "codec/net/icmp.h"

#include "harness.h"

enum { ICMP = 1, ICMPV6 = 58 };

static const uint8_t pairs4[][2] = {{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}};
static const uint8_t pairs6[][2] = {{128, 129}, {130, 131}, {133, 134},
                                    {135, 136}, {139, 140}, {144, 145}};

static int counterpart(const uint8_t (*pairs)[2], size_t n, int type)
{
    for (size_t i = 0; i < n; i++) {
        if (pairs[i][0] == type) {
            return pairs[i][1];
        }
        if (pairs[i][1] == type) {
            return pairs[i][0];
        }
    }
    return -1;
}

static void check_all(uint8_t proto, const uint8_t (*pairs)[2], size_t n)
{
    for (int type = 0; type < 256; type++) {
        int want = counterpart(pairs, n, type);

        for (int code = 0; code < 256; code += 51) {
            uint16_t port[2] = {9999, 9999};
            bool two_way = ft_icmp_ports(proto, (uint8_t)type, (uint8_t)code, port);

            CHECK_EQ(two_way, want >= 0);
            CHECK_EQ(port[0], type);
            CHECK_EQ(port[1], want >= 0 ? want : code);
        }
    }
}

static void test_icmp(void)
{
    check_all(ICMP, pairs4, sizeof pairs4 / sizeof *pairs4);
}

static void test_icmp6(void)
{
    check_all(ICMPV6, pairs6, sizeof pairs6 / sizeof *pairs6);
}

int main(void)
{
    RUN(test_icmp);
    RUN(test_icmp6);
    return test_end();
}
