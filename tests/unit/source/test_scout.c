/* SPDX-License-Identifier: Apache-2.0 */
/* source/file/scout: follows what a pcap holds, in the bytes that it was given and no others,
 * whatever they are (blocks are of exact size, for the address sanitizer). */
#include "source/file/scout.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { PLACES_MOST = 16, NOW_S = 1700000000 };

static uint32_t rng(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Records of up to `most` bytes, of payload that is no record; returns the bytes, at most cap. */
static size_t make(uint8_t *p, size_t cap, uint32_t most, uint32_t *out_records)
{
    uint32_t seed = 7, head[4] = {NOW_S, 0, 0, 0};
    size_t at = 0;

    for (*out_records = 0;; ++*out_records) {
        head[2] = head[3] = 40 + rng(&seed) % (most - 39);
        head[1] = *out_records % 1000000;
        if (cap - at < sizeof head + head[2]) {
            return at;
        }
        memcpy(p + at, head, sizeof head);
        for (uint32_t i = 0; i < head[2]; i++) {
            p[at + sizeof head + i] = (uint8_t)(rng(&seed) | 0x80);
        }
        at += sizeof head + head[2];
    }
}

static void follows_all(uint32_t most)
{
    uint8_t *all = malloc(3 << 20);
    uint32_t records, followed;
    size_t len = make(all, 3 << 20, most, &records);
    uint8_t *block = malloc(len);

    memcpy(block, all, len);
    followed = ft__scout_follow(block, block + len);
    CHECK(followed <= records && followed + PLACES_MOST >= records); /* not the last of a place */
    free(block);
    free(all);
}

static void follows_long(void)
{
    follows_all(1500);
}

static void follows_short(void)
{
    follows_all(300);
}

static void keeps_to_its_bytes(void)
{
    static uint8_t all[200000];
    uint32_t records, seed = 3;
    size_t len = make(all, sizeof all, 1500, &records);

    for (size_t cut = 0; cut < len; cut += cut < 100 ? 1 : 977) { /* ends anywhere */
        uint8_t *block = malloc(cut + 1);

        memcpy(block, all, cut);
        CHECK(ft__scout_follow(block, block + cut) <= records);
        free(block);
    }
    for (int n = 0; n < 300; n++) { /* damaged anywhere */
        uint8_t *block = malloc(len);

        memcpy(block, all, len);
        for (int k = 0; k < 200; k++) {
            uint32_t bad = n % 3 == 0 ? UINT32_MAX : n % 3 == 1 ? 0 : rng(&seed);

            memcpy(block + rng(&seed) % (len - 4), &bad, sizeof bad);
        }
        CHECK(ft__scout_follow(block, block + len) <= len / 16);
        free(block);
    }
}

static void goes_on_by_stretches(void)
{
    static uint8_t all[4 << 20];
    uint32_t records;
    size_t len = make(all, sizeof all, 1500, &records);
    struct ft__scout s = {NULL, 0};
    const uint8_t *end = all + len, *to = ft__scout_next(&s, all, end);

    CHECK_EQ(to - all, 65536);
    CHECK(s.until == to);
    CHECK(s.mean > 700 && s.mean < 900);
    CHECK_EQ(ft__scout_next(&s, all, end) - all, s.until - all); /* from any record on */
    CHECK(s.until > all + (1 << 20) && s.until < all + (2 << 20));
    CHECK(ft__scout_next(&s, end - 100, end) == end - 100); /* too little is left */
    CHECK(s.until == end);
}

static void leaves_short_records(void)
{
    static uint8_t all[1 << 20];
    uint32_t records;
    size_t len = make(all, sizeof all, 60, &records);
    struct ft__scout s = {NULL, 0};
    const uint8_t *end = all + len;

    CHECK(ft__scout_next(&s, all, end) > all);
    CHECK(ft__scout_next(&s, all, end) == all);
    CHECK(s.until == end);
    CHECK(ft__scout_next(&s, all, end) > all); /* looks again, in the next piece of a file */
}

static void only_one_kind(void)
{
    struct ft_pcap plain = {.record_len = FT_PCAP_RECORD_LEN}, other = {.record_len = 24};

    CHECK(ft__scout_can(&plain));
    CHECK(!ft__scout_can(&other));
}

int main(void)
{
    RUN(only_one_kind);
    RUN(follows_long);
    RUN(follows_short);
    RUN(keeps_to_its_bytes);
    RUN(goes_on_by_stretches);
    RUN(leaves_short_records);
    return test_end();
}
