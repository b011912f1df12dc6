/* SPDX-License-Identifier: Apache-2.0 */
/* store: a number for a text, see mixed.h. */
#include "store/mixed.h"

#include <string.h>

#include "base/hash.h"

uint64_t ft_store_mixed(const uint8_t *p, size_t len, uint64_t key)
{
    struct ft_hash_seed seed;
    uint64_t h = len;

    ft_hash_seed_fixed(&seed, key);
    while (len > 0) {
        uint8_t block[16] = {0};
        size_t n = len < sizeof block ? len : sizeof block;

        memcpy(block, p, n);
        h = ft_hash_16(&seed, ft_load_u64(block) ^ h, ft_load_u64(block + 8));
        p += n;
        len -= n;
    }
    return h >> 1;
}
