/* SPDX-License-Identifier: Apache-2.0 */
/* base: the keyed hash: every bit of seed and key counts; keys in sequence, as scans and attackers
 * make them, spread over buckets as random numbers would (chi-square), in low and in high bits. */
#include "base/hash.h"

#include "harness.h"

enum { KEYS = 1 << 18, BUCKETS = 1 << 10 };

/* Mean BUCKETS - 1 = 1023, standard deviation 45; the bounds are 7 of them away. A spread that is
 * too even is as little random as one with heaps. */
enum { CHI_MIN = 700, CHI_MAX = 1340 };

typedef uint64_t (*hash_fn)(const struct ft_hash_seed *k, uint64_t i);

/* Two IPv4 addresses, ports, protocol: a port scan. */
static uint64_t hash_ports(const struct ft_hash_seed *k, uint64_t i)
{
    return ft_hash_16(k, UINT64_C(0x0a000001c0000201), i << 16 | 6);
}

/* One host after the other. */
static uint64_t hash_hosts(const struct ft_hash_seed *k, uint64_t i)
{
    return ft_hash_16(k, (UINT64_C(0x0a000000) + i) << 32 | 0xc0000201,
                      UINT64_C(0x01bbc00000000006));
}

static uint64_t hash_low(const struct ft_hash_seed *k, uint64_t i)
{
    return ft_hash_16(k, i, 0);
}

static uint64_t hash_both(const struct ft_hash_seed *k, uint64_t i)
{
    return ft_hash_16(k, i, i);
}

/* The lowest bits of one IPv6 address, the rest equal. */
static uint64_t hash_six(const struct ft_hash_seed *k, uint64_t i)
{
    uint8_t p[32] = {0x20, 0x01, 0x0d, 0xb8, [16] = 0x20, 0x01, 0x0d, 0xb8, [31] = 1};

    for (int b = 0; b < 4; b++) {
        p[15 - b] = (uint8_t)(i >> (8 * b));
    }
    return ft_hash_32(k, p);
}

/* Both addresses change together, in different bytes. */
static uint64_t hash_six_both(const struct ft_hash_seed *k, uint64_t i)
{
    uint8_t p[32] = {0xfe, 0x80, [16] = 0xfe, 0x80};

    memcpy(p + 8, &i, sizeof i);
    memcpy(p + 24, &i, sizeof i);
    return ft_hash_32(k, p);
}

static const struct {
    const char *name;
    hash_fn fn;
} kinds[] = {
    {"ports", hash_ports}, {"hosts", hash_hosts}, {"low", hash_low},
    {"both", hash_both},   {"six", hash_six},     {"six_both", hash_six_both},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static double chi_square(hash_fn fn, const struct ft_hash_seed *k, unsigned shift)
{
    static uint32_t n[BUCKETS];
    double sum = 0, expected = (double)KEYS / BUCKETS;

    memset(n, 0, sizeof n);
    for (uint64_t i = 0; i < KEYS; i++) {
        n[fn(k, i) >> shift & (BUCKETS - 1)]++;
    }
    for (int b = 0; b < BUCKETS; b++) {
        sum += (n[b] - expected) * (n[b] - expected) / expected;
    }
    return sum;
}

static void test_distribution(void)
{
    static const unsigned shifts[] = {0, 8, 32, 54};
    struct ft_hash_seed k;

    for (uint64_t seed = 1; seed <= 3; seed++) {
        ft_hash_seed_fixed(&k, seed);
        for (size_t kind = 0; kind < KINDS; kind++) {
            for (size_t s = 0; s < sizeof shifts / sizeof shifts[0]; s++) {
                double chi = chi_square(kinds[kind].fn, &k, shifts[s]);

                if (chi < CHI_MIN || chi > CHI_MAX) {
                    fprintf(stderr, "%s, seed %d, bits from %u: %.0f\n", kinds[kind].name,
                            (int)seed, shifts[s], chi);
                    CHECK(!"evenly spread");
                }
            }
        }
    }
}

/* 2^18 keys in 64 bits: a collision has a chance of 2^-29. */
static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void test_no_collisions(void)
{
    static uint64_t all[KEYS];
    struct ft_hash_seed k;

    ft_hash_seed_fixed(&k, 7);
    for (size_t kind = 0; kind < KINDS; kind++) {
        uint64_t same = 0;

        for (uint64_t i = 0; i < KEYS; i++) {
            all[i] = kinds[kind].fn(&k, i);
        }
        qsort(all, KEYS, sizeof all[0], compare);
        for (int i = 1; i < KEYS; i++) {
            same += all[i] == all[i - 1];
        }
        CHECK_EQ(same, 0);
    }
}

/* Average of bits that change when one bit of the input does; half of them should. */
static void check_flips(double bits)
{
    if (bits < 28 || bits > 36) {
        fprintf(stderr, "%.1f of 64 bits change\n", bits);
        CHECK(!"half of the bits change");
    }
}

static void test_every_bit_of_the_key(void)
{
    struct ft_hash_seed k;

    for (int bit = 0; bit < 256; bit++) {
        uint64_t flipped16 = 0, flipped32 = 0;

        for (uint64_t seed = 0; seed < 200; seed++) {
            uint8_t p[32];
            uint64_t a = seed * 77, b = seed + 5;

            ft_hash_seed_fixed(&k, seed);
            memset(p, (int)seed, sizeof p);
            uint64_t before = ft_hash_32(&k, p);

            p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            flipped32 += (uint64_t)__builtin_popcountll(before ^ ft_hash_32(&k, p));
            before = ft_hash_16(&k, a, b);
            a ^= bit < 64 ? UINT64_C(1) << bit : 0;
            b ^= bit >= 64 && bit < 128 ? UINT64_C(1) << (bit - 64) : 0;
            flipped16 += (uint64_t)__builtin_popcountll(before ^ ft_hash_16(&k, a, b));
        }
        check_flips((double)flipped32 / 200);
        if (bit < 128) {
            check_flips((double)flipped16 / 200);
        }
    }
}

static void test_every_bit_of_the_seed(void)
{
    for (int bit = 0; bit < 256; bit++) {
        uint64_t flipped16 = 0, flipped32 = 0;

        for (uint64_t i = 0; i < 200; i++) {
            struct ft_hash_seed k, other;
            uint8_t p[32];

            ft_hash_seed_fixed(&k, i);
            other = k;
            other.s[bit / 64] ^= UINT64_C(1) << bit % 64;
            memset(p, (int)i, sizeof p);
            flipped16 +=
                (uint64_t)__builtin_popcountll(ft_hash_16(&k, i, 9) ^ ft_hash_16(&other, i, 9));
            flipped32 += (uint64_t)__builtin_popcountll(ft_hash_32(&k, p) ^ ft_hash_32(&other, p));
        }
        check_flips((double)flipped16 / 200);
        check_flips((double)flipped32 / 200);
    }
}

/* Fixed seeds repeat; random ones do not. */
static void test_seeds(void)
{
    struct ft_hash_seed a, b;

    ft_hash_seed_fixed(&a, 1);
    ft_hash_seed_fixed(&b, 1);
    CHECK_MEM(&a, &b, sizeof a);
    CHECK(ft_hash_16(&a, 1, 2) == ft_hash_16(&b, 1, 2));
    ft_hash_seed_fixed(&b, 2);
    CHECK(memcmp(&a, &b, sizeof a) != 0);
    ft_hash_seed_random(&a);
    ft_hash_seed_random(&b);
    for (int i = 0; i < 4; i++) {
        CHECK(a.s[i] != b.s[i]);
    }
    CHECK(ft_hash_16(&a, 1, 2) != ft_hash_16(&b, 1, 2));
}

/* The two words of a key are not interchangeable, nor are the halves of 32 bytes. */
static void test_order(void)
{
    struct ft_hash_seed k;
    uint8_t p[32], q[32];

    ft_hash_seed_fixed(&k, 3);
    for (uint64_t i = 0; i < 1000; i++) {
        CHECK(ft_hash_16(&k, i, i + 1) != ft_hash_16(&k, i + 1, i));
        memset(p, (int)i, 16);
        memset(p + 16, (int)(i + 1), 16);
        memcpy(q, p + 16, 16);
        memcpy(q + 16, p, 16);
        CHECK(ft_hash_32(&k, p) != ft_hash_32(&k, q));
    }
}

int main(void)
{
    RUN(test_seeds);
    RUN(test_order);
    RUN(test_every_bit_of_the_key);
    RUN(test_every_bit_of_the_seed);
    RUN(test_distribution);
    RUN(test_no_collisions);
    return test_end();
}
