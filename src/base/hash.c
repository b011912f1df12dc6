/* SPDX-License-Identifier: Apache-2.0 */
/* base: seeds of the keyed hash, see hash.h. */
#include "base/hash.h"

#include <sys/random.h>
#include <time.h>

void ft_hash_seed_fixed(struct ft_hash_seed *out, uint64_t n)
{
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = (n += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        out->s[i] = z ^ (z >> 31);
    }
}

void ft_hash_seed_random(struct ft_hash_seed *out)
{
    if (getrandom(out->s, sizeof out->s, 0) == (ssize_t)sizeof out->s) {
        return;
    }
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    ft_hash_seed_fixed(out, (uint64_t)ts.tv_nsec ^ (uint64_t)ts.tv_sec << 30 ^ (uintptr_t)out);
}

uint64_t ft_random_id(void)
{
    struct ft_hash_seed seed;

    ft_hash_seed_random(&seed);
    return seed.s[0] != 0 ? seed.s[0] : 1;
}
