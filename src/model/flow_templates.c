/* SPDX-License-Identifier: Apache-2.0 */
/* model: the templates of an output, see flow_templates.h. */
#include "model/flow_templates.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "base/wr.h"

enum { SLOTS = 4 * FT_FLOW_TEMPLATES_MOST, RECORD_HEADER = 4, HASHED = 9 };

int ft_flow_templates_init(struct ft_flow_template_list *l, enum ft_flow_version version,
                           uint32_t domain, uint32_t key_words, uint32_t fields_room)
{
    l->version = version;
    l->domain = domain;
    l->of = l->at;
    l->key_words = key_words;
    l->keys = ft_mem_alloc((size_t)FT_FLOW_TEMPLATES_MOST * key_words, sizeof *l->keys);
    l->record_room = RECORD_HEADER + fields_room;
    l->records = ft_map_alloc_sparse((size_t)FT_FLOW_TEMPLATES_MOST * l->record_room);
    pthread_mutex_init(&l->lock, NULL);
    return l->keys != NULL && l->records != NULL ? FT_OK : FT_E_NOMEM;
}

void ft_flow_templates_fini(struct ft_flow_template_list *l)
{
    if (l->of == NULL) {
        return;
    }
    if (l->records != NULL) {
        ft_map_free(l->records, (size_t)FT_FLOW_TEMPLATES_MOST * l->record_room);
    }
    ft_mem_free(l->keys);
    ft_flow_options_fini(&l->options);
    pthread_mutex_destroy(&l->lock);
}

/* Who chooses keys at will makes a walk over 1024 places at most. */
static uint32_t slot_of(const struct ft_flow_template_list *l, const uint64_t *key)
{
    uint32_t n = l->key_words <= HASHED ? l->key_words : 1;
    uint64_t h = key[0];

    for (uint32_t i = 1; i < n; i++) {
        h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15) + key[i];
    }
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32) % SLOTS;
}

static bool is_key(const struct ft_flow_template_list *l, uint32_t i, const uint64_t *key,
                   uint32_t words)
{
    const uint64_t *k = l->keys + (size_t)i * l->key_words;
    uint64_t differ = 0;

    for (uint32_t w = 0; w < words; w++) {
        differ |= k[w] ^ key[w];
    }
    return differ == 0;
}

/* The number of a key's template, or FT_FLOW_TEMPLATES_FULL and *out_slot, where it would be. */
static uint32_t find(struct ft_flow_template_list *l, const uint64_t *key, uint32_t words,
                     uint32_t *out_slot)
{
    uint32_t s = slot_of(l, key);

    for (;; s = (s + 1) % SLOTS) { /* three quarters are always empty */
        /* pairs with make() release: its key and record are there */
        uint16_t i = atomic_load_explicit(&l->slot[s], memory_order_acquire);

        if (i == 0) {
            *out_slot = s;
            return FT_FLOW_TEMPLATES_FULL;
        }
        if (is_key(l, i - 1u, key, words)) {
            return i - 1u;
        }
    }
}

/* With the lock. */
static uint32_t make(struct ft_flow_template_list *l, const uint64_t *key, uint32_t words,
                     uint32_t slot, ft_flow_fields_fn *fields, const void *cookie)
{
    uint32_t i = atomic_load_explicit(&l->n, memory_order_relaxed);
    uint8_t *record = l->records + (size_t)i * l->record_room;
    uint16_t n = 0;

    if (i == FT_FLOW_TEMPLATES_MOST) {
        return FT_FLOW_TEMPLATES_FULL;
    }
    size_t len = fields(cookie, key, record + RECORD_HEADER, &n);

    ft_store_be16(record, (uint16_t)(FT_FLOW_TEMPLATE_FIRST + i));
    ft_store_be16(record + 2, n);
    l->at[i] = (struct ft_flow_template){.record = record, .len = RECORD_HEADER + (uint32_t)len};
    memcpy(l->keys + (size_t)i * l->key_words, key, words * sizeof *key);
    atomic_store_explicit(&l->n, i + 1, memory_order_release); /* pairs with a sink's acquire */
    atomic_store_explicit(&l->slot[slot], (uint16_t)(i + 1), memory_order_release);
    return i;
}

uint32_t ft_flow_templates_get(struct ft_flow_template_list *l, const uint64_t *key, uint32_t words,
                               ft_flow_fields_fn *fields, const void *cookie)
{
    uint32_t slot, i = find(l, key, words, &slot);

    if (FT_LIKELY(i != FT_FLOW_TEMPLATES_FULL)) {
        return i;
    }
    if (atomic_load_explicit(&l->n, memory_order_relaxed) == FT_FLOW_TEMPLATES_MOST) {
        return FT_FLOW_TEMPLATES_FULL;
    }
    pthread_mutex_lock(&l->lock);
    i = find(l, key, words, &slot); /* another writer may have made it */
    i = i != FT_FLOW_TEMPLATES_FULL ? i : make(l, key, words, slot, fields, cookie);
    pthread_mutex_unlock(&l->lock);
    return i;
}
