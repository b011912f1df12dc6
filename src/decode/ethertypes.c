/* SPDX-License-Identifier: Apache-2.0 */
/* decode: see ethertypes.h. */
#include "decode/ethertypes.h"

#include <stdbool.h>
#include <string.h>

/* The slot of a type, or the empty one where it belongs: three of four are empty. */
static uint8_t *slot(struct ft_ethertypes *t, uint16_t type)
{
    uint32_t i = type * 0x9e3779b1u >> 24;

    while (t->at[i] != 0 && t->type[t->at[i] - 1] != type) {
        i = (i + 1) % FT_ETHERTYPES_HASHED;
    }
    return &t->at[i];
}

void ft_ethertypes_add(struct ft_ethertypes *t, uint16_t type, uint64_t n)
{
    uint8_t *at = slot(t, type);

    if (*at == 0) {
        if (type == 0 || t->used == FT_ETHERTYPES_MAX) {
            t->other += n;
            return;
        }
        t->type[t->used] = type;
        *at = (uint8_t)++t->used;
    }
    t->n[*at - 1] += n;
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
