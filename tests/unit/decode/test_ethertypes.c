/* SPDX-License-Identifier: Apache-2.0 */
/* decode: counts by EtherType, beside an array of all of them. */
#include <string.h>

#include "decode/ethertypes.h"
#include "harness.h"

static uint64_t all[65536];

/* Of those that have a place, and of all others together. */
static void check_counts(const struct ft_ethertypes *t)
{
    uint64_t rest = 0, placed = 0;

    for (uint32_t i = 0; i < 65536; i++) {
        rest += all[i];
    }
    for (uint32_t i = 0; i < t->used; i++) {
        CHECK_EQ(t->n[i], all[t->type[i]]);
        placed += t->n[i];
    }
    CHECK_EQ(t->other, rest - placed);
}

/* Strides that meet in few hashes, and types that come again in any order. */
static void test_add(void)
{
    static const uint32_t strides[] = {1, 2, 7, 256, 257, 1024, 4096, 40503};

    for (size_t s = 0; s < sizeof strides / sizeof strides[0]; s++) {
        struct ft_ethertypes t = {0};
        uint32_t x = 1;

        memset(all, 0, sizeof all);
        for (uint32_t i = 0; i < 20000; i++) {
            x = x * 1664525 + 1013904223;

            uint16_t type = (uint16_t)((x >> 24) % (i < 5000 ? 60 : 200) * strides[s]);

            ft_ethertypes_add(&t, type, i % 3);
            all[type] += i % 3;
        }
        CHECK(t.used <= FT_ETHERTYPES_MAX);
        check_counts(&t);
    }
}

static void test_merge_and_top(void)
{
    struct ft_ethertypes a = {0}, b = {0}, sum = {0};
    struct ft_not_ip_stats top;

    for (uint16_t i = 0; i < 40; i++) {
        ft_ethertypes_add(&a, 0x0806, 1);
        ft_ethertypes_add(&a, (uint16_t)(0x9000 + i), i);
        ft_ethertypes_add(&b, (uint16_t)(0x9020 + i), 100);
        ft_ethertypes_add(&b, 0, 1);
    }
    ft_ethertypes_merge(&sum, &a);
    ft_ethertypes_merge(&sum, &b);
    ft_ethertypes_top(&sum, &top);
    CHECK_EQ(top.n, FT_NOT_IP_TYPES);
    CHECK_EQ(top.type[0], 0x9027);
    CHECK_EQ(top.packets[0], 139);

    uint64_t n = top.other;

    for (uint32_t i = 0; i < top.n; i++) {
        n += top.packets[i];
        CHECK(i == 0 || top.packets[i] <= top.packets[i - 1]);
    }
    CHECK_EQ(n, 40 + 780 + 4000 + 40);
}

int main(void)
{
    RUN(test_add);
    RUN(test_merge_and_top);
    return test_end();
}
