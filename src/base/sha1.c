/* SPDX-License-Identifier: Apache-2.0 */
/* base: SHA-1 of one block, RFC 3174 §6.1: by the processor where it can, which takes a fifth of
 * the time. */
#include "base/sha1.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "flowtap/macros.h"

static uint32_t rol(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}

static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d)
{
    if (t < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999;
    }
    if (t < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1;
    }
    if (t < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    }
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void pad(const uint8_t *data, size_t len, uint8_t block[64])
{
    memset(block, 0, 64);
    memcpy(block, data, len);
    block[len] = 0x80;
    block[62] = (uint8_t)(len * 8 >> 8);
    block[63] = (uint8_t)(len * 8);
}

static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

void ft__sha1_portable(const uint8_t *data, size_t len, uint8_t out[20])
{
    uint8_t block[64];
    uint32_t w[80], h[5];

    pad(data, len, block);
    for (int t = 0; t < 16; t++) {
        uint32_t v;

        memcpy(&v, block + 4 * t, 4);
        w[t] = be32toh(v);
    }
    for (int t = 16; t < 80; t++) {
        w[t] = rol(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    }
    memcpy(h, start, sizeof h);
    for (int t = 0; t < 80; t++) {
        uint32_t v = rol(h[0], 5) + mix(t, h[1], h[2], h[3]) + h[4] + w[t];

        h[4] = h[3];
        h[3] = h[2];
        h[2] = rol(h[1], 30);
        h[1] = h[0];
        h[0] = v;
    }
    for (int i = 0; i < 5; i++) {
        uint32_t v = htobe32(h[i] + start[i]);

        memcpy(out + 4 * i, &v, 4);
    }
}

#if defined(__x86_64__)

/* Four rounds; e0 and e1 change places. */
#define ROUNDS(i, f)                                                                               \
    do {                                                                                           \
        e1 = (i) == 0 ? _mm_add_epi32(e0, m[0]) : _mm_sha1nexte_epu32(e0, m[(i)&3]);               \
        e0 = abcd;                                                                                 \
        if ((i) >= 3 && (i) < 19) {                                                                \
            __m128i x = _mm_sha1msg1_epu32(m[((i) + 1) & 3], m[((i) + 2) & 3]);                    \
                                                                                                   \
            m[((i) + 1) & 3] = _mm_sha1msg2_epu32(_mm_xor_si128(x, m[((i) + 3) & 3]), m[(i)&3]);   \
        }                                                                                          \
        abcd = _mm_sha1rnds4_epu32(abcd, e1, f);                                                   \
    } while (0)

#define ROUNDS5(i, f)                                                                              \
    ROUNDS(i, f);                                                                                  \
    ROUNDS((i) + 1, f);                                                                            \
    ROUNDS((i) + 2, f);                                                                            \
    ROUNDS((i) + 3, f);                                                                            \
    ROUNDS((i) + 4, f)

__attribute__((target("sha,sse4.1,ssse3"))) static void by_processor(const uint8_t block[64],
                                                                     uint8_t out[20])
{
    const __m128i order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    const __m128i abcd_start =
        _mm_set_epi32((int)start[0], (int)start[1], (int)start[2], (int)start[3]);
    const __m128i e_start = _mm_set_epi32((int)start[4], 0, 0, 0);
    __m128i abcd = abcd_start, e0 = e_start, e1, m[4];
    uint32_t e;

    for (int i = 0; i < 4; i++) {
        m[i] = _mm_loadu_si128((const __m128i *)(const void *)(block + 16 * i));
        m[i] = _mm_shuffle_epi8(m[i], order);
    }
    ROUNDS5(0, 0);
    ROUNDS5(5, 1);
    ROUNDS5(10, 2);
    ROUNDS5(15, 3);
    e0 = _mm_sha1nexte_epu32(e0, e_start);
    abcd = _mm_shuffle_epi8(_mm_add_epi32(abcd, abcd_start), order);
    _mm_storeu_si128((__m128i *)(void *)out, abcd);
    e = htobe32((uint32_t)_mm_extract_epi32(e0, 3));
    memcpy(out + 16, &e, sizeof e);
}

/* Asked once: under a hypervisor the question takes microseconds. */
static bool has_sha(void)
{
    enum { NOT_ASKED, NO, YES };
    static _Atomic int known; /* threads that ask at once write the same */
    int k = atomic_load_explicit(&known, memory_order_relaxed);

    if (FT_UNLIKELY(k == NOT_ASKED)) {
        unsigned a, b = 0, c = 0, d, leaf1_c = 0;

        __get_cpuid(1, &a, &b, &leaf1_c, &d);
        b = 0;
        __get_cpuid_count(7, 0, &a, &b, &c, &d);
        k = (b & bit_SHA) != 0 && (leaf1_c & bit_SSSE3) != 0 && (leaf1_c & bit_SSE4_1) != 0 ? YES
                                                                                            : NO;
        atomic_store_explicit(&known, k, memory_order_relaxed);
    }
    return k == YES;
}

#endif

void ft_sha1_short(const uint8_t *data, size_t len, uint8_t out[20])
{
#if defined(__x86_64__)
    if (FT_LIKELY(has_sha())) {
        uint8_t block[64];

        pad(data, len, block);
        by_processor(block, out);
        return;
    }
#endif
    ft__sha1_portable(data, len, out);
}
