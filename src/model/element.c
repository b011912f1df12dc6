/* SPDX-License-Identifier: Apache-2.0 */
/* model: finding information elements, see element.h. */
#include "model/element.h"

#include <stddef.h>

#include "model/element_tables.h"

enum {
    REVERSE_PEN = 29305, /* RFC 5103 */
    CISCO_PEN = 9,
    NTOP_PEN = 35632,
    PALO_ALTO_PEN = 25461,
    VENDOR_MIN = 32768, /* v9 types from here on are vendors' */
    NTOP_MIN = 57472,
    PALO_ALTO_APP = 56701,
    PALO_ALTO_USER = 56702
};

static const struct {
    uint32_t pen;
    const struct ft_element *table;
    const uint32_t *n;
} tables[] = {
#define ROW(pen_, table_) {pen_, ft__element_##table_, &ft__element_##table_##_n},
    FT__ELEMENT_TABLES(ROW)
#undef ROW
};

enum { N_TABLES = sizeof tables / sizeof tables[0] };

static const struct ft_element *search(const struct ft_element *t, uint32_t n, uint16_t id)
{
    uint32_t lo = 0, hi = n;

    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;

        if (t[mid].id == id) {
            return &t[mid];
        }
        if (t[mid].id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

const struct ft_element *ft_element_find(uint32_t pen, uint16_t id)
{
    if (pen == 0 || pen == REVERSE_PEN) {
        return id <= FT__IANA_MAX && ft__element_iana[id].name != NULL ? &ft__element_iana[id]
                                                                       : NULL;
    }
    for (uint32_t i = 0; i < N_TABLES; i++) {
        if (tables[i].pen == pen) {
            return search(tables[i].table, *tables[i].n, id);
        }
    }
    return NULL;
}

const struct ft_element *ft_element_v9(uint16_t type)
{
    if (type < VENDOR_MIN) {
        return ft_element_find(0, type);
    }
    if (type == PALO_ALTO_APP || type == PALO_ALTO_USER) {
        return ft_element_find(PALO_ALTO_PEN, type);
    }
    if (type >= NTOP_MIN) {
        return ft_element_find(NTOP_PEN, (uint16_t)(type - NTOP_MIN));
    }
    return ft_element_find(CISCO_PEN, (uint16_t)(type - VENDOR_MIN));
}

const struct ft_element *ft_element_at(uint32_t i)
{
    for (uint32_t id = 0; id <= FT__IANA_MAX; id++) {
        if (ft__element_iana[id].name != NULL && i-- == 0) {
            return &ft__element_iana[id];
        }
    }
    for (uint32_t k = 0; k < N_TABLES; k++) {
        if (i < *tables[k].n) {
            return &tables[k].table[i];
        }
        i -= *tables[k].n;
    }
    return NULL;
}
