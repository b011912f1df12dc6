/* SPDX-License-Identifier: Apache-2.0 */
/* flow: insertion and removal in the index, see index.h. */
#include "flow/index.h"

uint32_t ft__index_insert(struct ft__index *x, uint64_t hash, uint32_t entry)
{
    uint32_t home = ft__index_home(x, hash), b = home;
    uint32_t tag = ft__index_tag(hash);
    uint32_t probes, slot = 0;

    for (probes = 0; probes < FT__PROBES && probes < x->n; probes++) {
        uint32_t free = ft__bucket_match(&x->buckets[b], 0);

        if (free != 0) {
            slot = (uint32_t)__builtin_ctz(free);
            break;
        }
        b = ft__index_next(x, b);
    }
    if (probes == FT__PROBES || probes == x->n) {
        return FT__NONE;
    }
    for (uint32_t i = home; i != b; i = ft__index_next(x, i)) {
        x->buckets[i].over++;
    }
    x->buckets[b].tag[slot] = tag;
    x->buckets[b].entry[slot] = entry;
    return b << 7 | probes << 3 | slot;
}

uint32_t ft__index_victim(const struct ft__index *x, uint64_t hash)
{
    uint32_t b = ft__index_home(x, hash);

    return x->buckets[b].entry[ft__index_tag(hash) % FT__BUCKET_SLOTS];
}

void ft__index_remove(struct ft__index *x, uint32_t place)
{
    uint32_t b = place >> 7;

    x->buckets[b].tag[place & 7] = 0;
    for (uint32_t probes = place >> 3 & 15; probes > 0; probes--) {
        b = b == 0 ? x->n - 1 : b - 1;
        x->buckets[b].over--;
    }
}
