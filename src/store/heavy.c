/* SPDX-License-Identifier: Apache-2.0 */
/* store: who had most, see heavy.h. */
#include "store/heavy.h"

#include <string.h>

#include "base/mem.h"

int ft_heavy_init(struct ft_heavy *h, uint32_t cap)
{
    *h = (struct ft_heavy){.cap = cap, .slots = 64};
    while (h->slots < cap * 2) {
        h->slots *= 2;
    }
    h->count = ft_map_alloc_sparse(cap * sizeof *h->count);
    h->heap = ft_mem_alloc(cap, sizeof *h->heap);
    h->slot = ft_mem_alloc(h->slots, sizeof *h->slot);
    ft_hash_seed_random(&h->seed);
    if (h->count == NULL || h->heap == NULL || h->slot == NULL) {
        ft_heavy_fini(h);
        return FT_E_NOMEM;
    }
    return FT_OK;
}

void ft_heavy_fini(struct ft_heavy *h)
{
    ft_map_free(h->count, h->cap * sizeof *h->count);
    ft_mem_free(h->heap);
    ft_mem_free(h->slot);
    *h = (struct ft_heavy){0};
}

void ft_heavy_clear(struct ft_heavy *h)
{
    h->n = 0;
    h->bytes = h->packets = h->flows = 0;
    memset(h->slot, 0, h->slots * sizeof *h->slot);
}

static uint32_t home(const struct ft_heavy *h, const uint8_t *key)
{
    uint64_t x = ft_hash_32(&h->seed, key) ^ ft_load_u64(key + 32) * h->seed.s[3];

    return (uint32_t)(x ^ x >> 32) & (h->slots - 1);
}

/* The slot of a key, or the empty one where it would be. */
static uint32_t find(const struct ft_heavy *h, const uint8_t *key)
{
    uint32_t s = home(h, key);

    while (h->slot[s] != 0 && memcmp(h->count[h->slot[s] - 1].key, key, FT_HEAVY_KEY) != 0) {
        s = (s + 1) & (h->slots - 1);
    }
    return s;
}

/* Empties a slot; those behind it move up, so that they are found. */
static void forget(struct ft_heavy *h, uint32_t s)
{
    uint32_t mask = h->slots - 1;

    for (uint32_t next = (s + 1) & mask; h->slot[next] != 0; next = (next + 1) & mask) {
        uint32_t want = home(h, h->count[h->slot[next] - 1].key);

        if (((next - want) & mask) >= ((next - s) & mask)) {
            h->slot[s] = h->slot[next];
            s = next;
        }
    }
    h->slot[s] = 0;
}

static void set(struct ft_heavy *h, uint32_t place, uint32_t number)
{
    h->heap[place] = number;
    h->count[number].place = place;
}

static void sink(struct ft_heavy *h, uint32_t place)
{
    uint32_t number = h->heap[place];
    uint64_t bytes = h->count[number].bytes;

    for (uint32_t child; (child = 2 * place + 1) < h->n; place = child) {
        if (child + 1 < h->n &&
            h->count[h->heap[child + 1]].bytes < h->count[h->heap[child]].bytes) {
            child++;
        }
        if (h->count[h->heap[child]].bytes >= bytes) {
            break;
        }
        set(h, place, h->heap[child]);
    }
    set(h, place, number);
}

static void rise(struct ft_heavy *h, uint32_t place)
{
    uint32_t number = h->heap[place];
    uint64_t bytes = h->count[number].bytes;

    while (place > 0 && h->count[h->heap[(place - 1) / 2]].bytes > bytes) {
        set(h, place, h->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set(h, place, number);
}

void ft_heavy_add(struct ft_heavy *h, const uint8_t key[FT_HEAVY_KEY], uint64_t bytes,
                  uint64_t packets, uint64_t flows)
{
    uint32_t s = find(h, key), number = h->slot[s] - 1;
    bool is_new = h->slot[s] == 0;
    struct ft_heavy_count *c;

    h->bytes += bytes;
    h->packets += packets;
    h->flows += flows;
    if (is_new && h->n < h->cap) {
        number = h->n++;
        h->count[number] = (struct ft_heavy_count){.bytes = 0};
        set(h, number, number);
    } else if (is_new) {
        number = h->heap[0];
        c = &h->count[number];
        forget(h, find(h, c->key));
        *c = (struct ft_heavy_count){.bytes = c->bytes, .error = c->bytes};
        s = find(h, key); /* the gap may be it */
    }
    c = &h->count[number];
    if (is_new) {
        memcpy(c->key, key, FT_HEAVY_KEY);
        h->slot[s] = number + 1;
    }
    c->bytes += bytes;
    c->packets += packets;
    c->flows += flows;
    if (is_new && c->error == 0) {
        rise(h, c->place);
    }
    sink(h, c->place);
}

uint32_t ft_heavy_most(struct ft_heavy *h, uint32_t n, uint32_t *out)
{
    n = n < h->n ? n : h->n;
    while (h->n > n) { /* the fewest go */
        set(h, 0, h->heap[h->n - 1]);
        h->n--;
        if (h->n > 0) {
            sink(h, 0);
        }
    }
    for (uint32_t i = n; i-- > 0;) {
        out[i] = h->heap[0];
        set(h, 0, h->heap[h->n - 1]);
        h->n--;
        if (h->n > 0) {
            sink(h, 0);
        }
    }
    return n;
}
