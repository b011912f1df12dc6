/* SPDX-License-Identifier: Apache-2.0 */
/* Export datagrams out of fragments: copies, overlaps and numbers that are used again. */
#include "decode/datagram.h"

#include "harness.h"

enum { UDP_LEN = 3000, PAYLOAD = UDP_LEN - 8, MS = 1000000 };

static uint8_t udp[UDP_LEN];
static struct ft_datagrams *d;

/* A UDP datagram whose bytes depend on variant. */
static void make_udp(uint8_t variant)
{
    for (unsigned i = 0; i < UDP_LEN; i++) {
        udp[i] = (uint8_t)(i * 7 + i / 256 + variant);
    }
    memcpy(udp, (uint8_t[8]){0x13, 0x88, 0x08, 0x07, UDP_LEN >> 8, UDP_LEN & 0xff, 0, variant}, 8);
}

/* Gives the bytes from start to end as a fragment; the verdict. A whole one is compared. */
static enum ft_verdict give(int version, unsigned start, unsigned end, int64_t ts_ns)
{
    uint8_t packet[48 + UDP_LEN] = {0};
    unsigned len = end - start, head = version == 4 ? 20 : 48;
    bool more = end < UDP_LEN;
    struct ft_peer peer;
    const uint8_t *data = NULL;
    uint32_t n = 0;

    if (version == 4) {
        unsigned field = start / 8 | (more ? 0x2000u : 0);

        memcpy(packet,
               (uint8_t[20]){0x45,
                             0,
                             (uint8_t)((len + 20) >> 8),
                             (uint8_t)(len + 20),
                             0,
                             9,
                             (uint8_t)(field >> 8),
                             (uint8_t)field,
                             64,
                             17,
                             0,
                             0,
                             192,
                             0,
                             2,
                             1,
                             192,
                             0,
                             2,
                             2},
               20);
    } else {
        memcpy(packet,
               (uint8_t[8]){0x60, 0, 0, 0, (uint8_t)((len + 8) >> 8), (uint8_t)(len + 8), 44, 64},
               8);
        packet[8] = packet[24] = 0xfd;
        packet[23] = 1;
        packet[39] = 2;
        memcpy(packet + 40,
               (uint8_t[8]){17, 0, (uint8_t)(start >> 8), (uint8_t)(start | more), 0, 0, 0, 9}, 8);
    }
    memcpy(packet + head, udp + start, len);

    struct ft_view v = {.data = packet,
                        .caplen = head + len,
                        .len = head + len,
                        .linktype = FT_LINK_RAW,
                        .ts_ns = ts_ns};
    enum ft_verdict verdict = ft_datagram_take(d, &v, &peer, &data, &n);

    if (verdict == FT_V_DECODED) {
        CHECK_EQ(n, PAYLOAD);
        CHECK(n == PAYLOAD && memcmp(data, udp + 8, PAYLOAD) == 0);
    }
    return verdict;
}

/* Every order of three fragments and copies of two of them (two copies, or one that overlaps) makes
 * one datagram, when all bytes are there, and nothing else. */
static void test_copies_in_every_order(void)
{
    static const unsigned pieces[][5][2] = {
        {{0, 1480}, {1480, 2960}, {2960, UDP_LEN}, {0, 1480}, {2960, UDP_LEN}},
        {{0, 1480}, {1480, 2960}, {2960, UDP_LEN}, {1480, 2960}, {1480, 2960}},
        {{0, 1480}, {1480, 2960}, {2960, UDP_LEN}, {1000, 2000}, {2000, UDP_LEN}},
        {{0, 1480}, {1480, 2960}, {2960, UDP_LEN}, {0, 2960}, {8, 16}},
    };

    make_udp(0);
    for (unsigned k = 0; k < 2 * sizeof pieces / sizeof *pieces; k++) {
        for (unsigned order = 0; order < 5 * 5 * 5 * 5 * 5; order++) {
            unsigned at[5] = {order % 5, order / 5 % 5, order / 25 % 5, order / 125 % 5,
                              order / 625};
            unsigned seen = 0, whole = 0, bad = 0;

            for (unsigned i = 0; i < 5; i++) {
                seen |= 1u << at[i];
            }
            if (seen != 31) {
                continue; /* not a permutation */
            }
            CHECK_EQ(ft_datagrams_new(&d), FT_OK);
            for (unsigned i = 0; i < 5; i++) {
                const unsigned *p = pieces[k / 2][at[i]];
                enum ft_verdict v = give(k % 2 ? 6 : 4, p[0], p[1], i * MS);

                whole += v == FT_V_DECODED;
                bad += v != FT_V_DECODED && v != FT_V_FRAGMENT;
            }
            CHECK_EQ(whole, 1);
            CHECK_EQ(bad, 0);
            ft_datagrams_free(d);
        }
    }
}

/* Other bytes under the same number are another datagram, whichever of its fragments comes first,
 * and whether the one before was whole or not. */
static void test_numbers_used_again(void)
{
    for (unsigned k = 0; k < 8; k++) {
        bool backwards = k & 1, lost = k & 2;
        int version = k & 4 ? 6 : 4;

        CHECK_EQ(ft_datagrams_new(&d), FT_OK);
        make_udp(0);
        CHECK_EQ(give(version, 0, 1480, 0), FT_V_FRAGMENT);
        if (lost) {
            CHECK_EQ(give(version, 2960, UDP_LEN, MS), FT_V_FRAGMENT);
        } else {
            CHECK_EQ(give(version, 1480, UDP_LEN, MS), FT_V_DECODED);
        }
        make_udp(1);
        CHECK_EQ(give(version, backwards ? 1480 : 0, backwards ? UDP_LEN : 1480, 2 * MS),
                 FT_V_FRAGMENT);
        CHECK_EQ(give(version, backwards ? 0 : 1480, backwards ? 1480 : UDP_LEN, 3 * MS),
                 FT_V_DECODED);
        ft_datagrams_free(d);
    }
}

/* What was whole is remembered for 50 ms: after that the same bytes are the next datagram. */
static void test_copies_end_after_50_ms(void)
{
    make_udp(0);
    CHECK_EQ(ft_datagrams_new(&d), FT_OK);
    CHECK_EQ(give(4, 0, 1480, 0), FT_V_FRAGMENT);
    CHECK_EQ(give(4, 1480, UDP_LEN, MS), FT_V_DECODED);
    CHECK_EQ(give(4, 0, 1480, 51 * MS), FT_V_FRAGMENT);
    CHECK_EQ(give(4, 1480, UDP_LEN, 51 * MS), FT_V_FRAGMENT); /* a copy still */
    CHECK_EQ(give(4, 0, 1480, 60 * MS), FT_V_FRAGMENT);
    CHECK_EQ(give(4, 1480, UDP_LEN, 60 * MS), FT_V_DECODED);
    ft_datagrams_free(d);
}

/* As many numbers as there is room for, and more; what is done gives way before what is not. */
static void test_done_gives_way_first(void)
{
    CHECK_EQ(ft_datagrams_new(&d), FT_OK);
    make_udp(0);
    CHECK_EQ(give(6, 0, 1480, 0), FT_V_FRAGMENT);
    for (unsigned i = 0; i < 2 * FT_DATAGRAM_HELD; i++) { /* under the number of IPv4 */
        make_udp((uint8_t)(i + 1));
        CHECK_EQ(give(4, 0, 1480, i * MS), FT_V_FRAGMENT);
        CHECK_EQ(give(4, 1480, UDP_LEN, i * MS), FT_V_DECODED);
    }
    make_udp(0);
    CHECK_EQ(give(6, 1480, UDP_LEN, 200 * MS), FT_V_DECODED);
    ft_datagrams_free(d);
}

int main(void)
{
    RUN(test_copies_in_every_order);
    RUN(test_numbers_used_again);
    RUN(test_copies_end_after_50_ms);
    RUN(test_done_gives_way_first);
    return test_end();
}
