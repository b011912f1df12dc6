/* SPDX-License-Identifier: Apache-2.0 */
/* model: what files say of an address, see enrich.h. */
#include "model/enrich.h"

#include "base/mem.h"

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
