/* SPDX-License-Identifier: Apache-2.0 */
/* base/sha1: vectors, and the processor's rounds against the portable ones for every length. */
#include "base/sha1.h"

#include "harness.h"

static void test_vectors(void)
{
    static const struct {
        const char *text;
        uint8_t want[20];
    } known[] = {
        {"", {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
              0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09}},
        {"abc", {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d}},
        {"The quick brown fox jumps over the lazy dog",
         {0x2f, 0xd4, 0xe1, 0xc6, 0x7a, 0x2d, 0x28, 0xfc, 0xed, 0x84,
          0x9e, 0xe1, 0xbb, 0x76, 0xe7, 0x39, 0x1b, 0x93, 0xeb, 0x12}},
    };
    uint8_t out[20];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ft_sha1_short((const uint8_t *)known[i].text, strlen(known[i].text), out);
        CHECK_MEM(out, known[i].want, 20);
        ft__sha1_portable((const uint8_t *)known[i].text, strlen(known[i].text), out);
        CHECK_MEM(out, known[i].want, 20);
    }
}

static void test_every_length(void)
{
    uint8_t data[FT_SHA1_SHORT], one[20], two[20];
    uint64_t random = 1;

    for (int round = 0; round < 100; round++) {
        for (size_t len = 0; len <= FT_SHA1_SHORT; len++) {
            for (size_t i = 0; i < len; i++) {
                random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
                data[i] = (uint8_t)(random >> 56);
            }
            ft_sha1_short(data, len, one);
            ft__sha1_portable(data, len, two);
            CHECK_MEM(one, two, 20);
        }
    }
}

int main(void)
{
    RUN(test_vectors);
    RUN(test_every_length);
    return test_end();
}
