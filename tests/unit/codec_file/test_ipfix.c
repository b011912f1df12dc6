/* SPDX-License-Identifier: Apache-2.0 */
/* codec/file/ipfix: messages, every prefix of a file, damage. */
#include "codec/file/ipfix.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "model/peer.h"

/* A message of len bytes, exported at second 100 + len. */
static size_t put(uint8_t *p, uint16_t len)
{
    memset(p, 0x5a, len);
    p[0] = 0;
    p[1] = FT_IPFIX_VERSION;
    p[2] = (uint8_t)(len >> 8);
    p[3] = (uint8_t)len;
    memset(p + 4, 0, 12);
    p[7] = (uint8_t)(100 + len);
    return len;
}

static void test_messages(void)
{
    uint8_t file[200];
    struct ft_view v[4];
    struct ft_walk w;
    uint32_t n = 0;
    size_t len = put(file, 16);

    len += put(file + len, 20);
    len += put(file + len, 40);
    CHECK(ft_ipfix_is_magic(file));
    ft_walk_set(&w, file, len);
    CHECK_EQ(ft_ipfix_walk(7, &w, v, 2, &n), FT_OK);
    CHECK_EQ(n, 2);
    CHECK_EQ(ft_ipfix_walk(7, &w, v, 4, &n), FT_E_AGAIN);
    CHECK_EQ(n, 3);
    CHECK_EQ(ft_walk_left(&w), 0);
    CHECK(v[0].data == file && v[0].caplen == 16 && v[0].len == 16);
    CHECK(v[2].data == file + 36 && v[2].caplen == 40);
    CHECK_EQ(v[2].linktype, FT_LINK_MESSAGE);
    CHECK_EQ(v[2].iface, 7);
    CHECK_EQ(v[2].ts_ns, INT64_C(140) * 1000000000);
}

/* Every prefix, in memory that ends there: so many whole messages, and what the next one takes. */
static void test_prefixes(void)
{
    uint8_t file[100];
    size_t len = put(file, 16);

    len += put(file + len, 24);
    for (size_t have = 0; have <= len; have++) {
        uint8_t *p = malloc(have > 0 ? have : 1);
        struct ft_view v[4];
        struct ft_walk w;
        uint32_t n = 0;

        memcpy(p, file, have);
        ft_walk_set(&w, p, have);
        CHECK_EQ(ft_ipfix_walk(0, &w, v, 4, &n), FT_E_AGAIN);
        CHECK_EQ(n, have >= 40 ? 2 : have >= 16 ? 1 : 0);
        CHECK_EQ(w.need, have >= 32 && have < 40 ? 24 : 16);
        free(p);
    }
}

static void test_damage(void)
{
    uint8_t file[64];
    struct ft_view v[4];
    struct ft_walk w;
    uint32_t n = 0;

    put(file, 16);
    put(file + 16, 16);
    file[17] = 9;
    ft_walk_set(&w, file, 18); /* two bytes are enough to tell */
    CHECK_EQ(ft_ipfix_walk(0, &w, v, 4, &n), FT_E_CORRUPT);
    CHECK_EQ(n, 1);
    CHECK_EQ(w.value, 9);
    CHECK(w.p == file + 16);
    file[17] = FT_IPFIX_VERSION;
    file[19] = 15;
    ft_walk_set(&w, file, 32);
    n = 0;
    CHECK_EQ(ft_ipfix_walk(0, &w, v, 4, &n), FT_E_CORRUPT);
    CHECK_EQ(n, 1);
    CHECK_EQ(w.value, 15);
    CHECK(!ft_ipfix_is_magic(file + 16));
}

int main(void)
{
    RUN(test_messages);
    RUN(test_prefixes);
    RUN(test_damage);
    return test_end();
}
