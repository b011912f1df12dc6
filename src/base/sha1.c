/* SPDX-License-Identifier: Apache-2.0 */
/* base: SHA-1 of one block, RFC 3174 §6.1. */
#include "base/sha1.h"

#include <endian.h>
#include <string.h>

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

void ft_sha1_short(const uint8_t *data, size_t len, uint8_t out[20])
{
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t block[64] = {0};
    uint32_t w[80], h[5];

    memcpy(block, data, len);
    block[len] = 0x80;
    block[62] = (uint8_t)(len * 8 >> 8);
    block[63] = (uint8_t)(len * 8);
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
