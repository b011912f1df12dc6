/* SPDX-License-Identifier: Apache-2.0 */
/* base: the keyed hash of flow keys.
 *
 * Theory of operation: attackers choose keys, so the hash takes 256 secret bits drawn at start.
 * Each step folds a 64x64 to 128 bit multiply of two secret-masked words; two steps give a 16-byte
 * key all its bits in about 9 cycles. A flow key equal in both directions hashes equal because it
 * is put in canonical order before. The hash only chooses a place; keys are always compared in
 * full. */
#ifndef FT_BASE_HASH_H
#define FT_BASE_HASH_H

#include <stdint.h>

#include "base/rd.h"

struct ft_hash_seed {
    uint64_t s[4]; /* secret */
};

/* Seed from the system's random source. Never fails (falls back to clock and address bits). */
void ft_hash_seed_random(struct ft_hash_seed *out);

/* 64 bits that nobody else has, never 0. Never fails, as above. */
uint64_t ft_random_id(void);

/* A fixed seed from one number, for tests and reproducible benchmarks. */
void ft_hash_seed_fixed(struct ft_hash_seed *out, uint64_t n);

FT_INLINE uint64_t ft_hash_fold(uint64_t a, uint64_t b)
{
    __uint128_t r = (__uint128_t)a * b;

    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* 16 bytes as two words */
FT_INLINE uint64_t ft_hash_16(const struct ft_hash_seed *k, uint64_t a, uint64_t b)
{
    return ft_hash_fold(ft_hash_fold(a ^ k->s[0], b ^ k->s[1]) ^ k->s[2], a ^ k->s[3]);
}

/* 32 bytes: two IPv6 addresses */
FT_INLINE uint64_t ft_hash_32(const struct ft_hash_seed *k, const uint8_t p[32])
{
    uint64_t a = ft_hash_16(k, ft_load_u64(p), ft_load_u64(p + 8));
    uint64_t b = ft_hash_16(k, ft_load_u64(p + 16), ft_load_u64(p + 24));

    return ft_hash_fold(a ^ k->s[1], b ^ k->s[2]);
}

#endif
