/* SPDX-License-Identifier: Apache-2.0 */
/* decode: see ethertypes.h. */
#include "decode/ethertypes.h"

#include <stdbool.h>
#include <string.h>

void ft_ethertypes_add(struct ft_ethertypes *t, uint16_t type, uint64_t n)
{
    for (uint32_t i = 0; i < t->used && type != 0; i++) {
        if (t->type[i] == type) {
            t->n[i] += n;
            return;
        }
    }
    if (type == 0 || t->used == FT_ETHERTYPES_MAX) {
        t->other += n;
        return;
    }
    t->type[t->used] = type;
    t->n[t->used++] = n;
}

void ft_ethertypes_merge(struct ft_ethertypes *t, const struct ft_ethertypes *more)
{
    for (uint32_t i = 0; i < more->used; i++) {
        ft_ethertypes_add(t, more->type[i], more->n[i]);
    }
    t->other += more->other;
}

static bool before(const struct ft_ethertypes *t, uint32_t a, uint32_t b)
{
    return t->n[a] != t->n[b] ? t->n[a] > t->n[b] : t->type[a] < t->type[b];
}

void ft_ethertypes_top(const struct ft_ethertypes *t, struct ft_not_ip_stats *out)
{
    uint32_t order[FT_ETHERTYPES_MAX];

    memset(out, 0, sizeof *out);
    out->other = t->other;
    for (uint32_t i = 0; i < t->used; i++) {
        uint32_t at = i;

        for (; at > 0 && before(t, i, order[at - 1]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (uint32_t i = 0; i < t->used; i++) {
        if (i >= FT_NOT_IP_TYPES) {
            out->other += t->n[order[i]];
            continue;
        }
        out->type[i] = t->type[order[i]];
        out->packets[i] = t->n[order[i]];
        out->n = i + 1;
    }
}
