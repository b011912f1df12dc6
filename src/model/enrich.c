/* SPDX-License-Identifier: Apache-2.0 */
/* model: what files say of an address, see enrich.h. */
#include "model/enrich.h"

#include "base/mem.h"

void ft_enrich_free(struct ft_enrich *e)
{
    if (e != NULL) {
        ft_networks_free(e->networks);
        ft_mem_free(e);
    }
}

void ft_enrich_address(const struct ft_enrich *e, uint8_t ip_version, const uint8_t *addr,
                       struct ft_enrich_side *out)
{
    *out = (struct ft_enrich_side){0};
    if (e != NULL) {
        out->network = ft_networks_find(e->networks, ip_version, addr, &out->network_len);
    }
}
