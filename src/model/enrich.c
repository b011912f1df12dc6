/* SPDX-License-Identifier: Apache-2.0 */
/* model: what files say of an address, see enrich.h. */
#include "model/enrich.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"

void ft_enrich_free(struct ft_enrich *e)
{
    if (e != NULL) {
        ft_networks_free(e->networks);
        for (uint32_t i = 0; i < e->n_geo; i++) {
            ft_mmdb_close(&e->geo[i].db);
            ft_big_free(&e->geo[i].file);
        }
        ft_mem_free(e);
    }
}

void ft_enrich_address(const struct ft_enrich *e, uint8_t ip_version, const uint8_t *addr,
                       struct ft_enrich_side *out)
{
    *out = (struct ft_enrich_side){0};
    for (uint32_t i = 0; e != NULL && i < e->n_geo; i++) {
        ft_mmdb_find(&e->geo[i].db, ip_version, addr, out);
    }
    if (e != NULL) {
        out->network = ft_networks_find(e->networks, ip_version, addr, &out->network_len);
    }
}

void ft_enrich_ask(struct ft_enrich_cache *c, const struct ft_enrich *e, uint8_t ip_version,
                   const uint8_t *addr, struct ft_enrich_side *out)
{
    uint8_t key[16] = {0};

    if (c == NULL || e == NULL) {
        ft_enrich_address(e, ip_version, addr, out);
        return;
    }
    if (FT_UNLIKELY(c->of != e)) {
        memset(c->answer, 0, sizeof c->answer);
        c->of = e;
    }
    memcpy(key, addr, ip_version == 6 ? 16 : 4);
    uint64_t h = (ft_load_u64(key) ^ ft_load_u64(key + 8) * UINT64_C(0xbf58476d1ce4e5b9)) *
                 UINT64_C(0x9e3779b97f4a7c15);
    struct ft_enrich_answer *a = &c->answer[h >> 51];

    if (a->ip_version != ip_version || memcmp(a->addr, key, sizeof key) != 0) {
        memcpy(a->addr, key, sizeof key);
        a->ip_version = ip_version;
        ft_enrich_address(e, ip_version, addr, &a->side);
    }
    *out = a->side;
}

_Static_assert((UINT64_MAX >> 51) + 1 == FT_ENRICH_CACHED, "the hash has a place for each");
