/* SPDX-License-Identifier: Apache-2.0 */
/* collect: the key of a template with several headers, see record_key.h. */
#include "collect/record_key.h"

#include <string.h>

/* What a field says of a header. */
enum role { ROLE_SRC, ROLE_DST, ROLE_SPORT, ROLE_DPORT, ROLE_PROTO, ROLE_FLAGS };

enum { NOT_KEY = 0xff, HEADERS_MAX = 255, OF_ADDRESS = 1 << ROLE_SRC | 1 << ROLE_DST };

static const struct {
    uint16_t id;
    uint8_t role;
} elements[] = {
    {8, ROLE_SRC},     {27, ROLE_SRC},    {44, ROLE_SRC},    {170, ROLE_SRC},
    {12, ROLE_DST},    {28, ROLE_DST},    {45, ROLE_DST},    {169, ROLE_DST},
    {7, ROLE_SPORT},   {180, ROLE_SPORT}, {182, ROLE_SPORT}, {11, ROLE_DPORT},
    {181, ROLE_DPORT}, {183, ROLE_DPORT}, {4, ROLE_PROTO},   {6, ROLE_FLAGS},
};

enum { ELEMENTS = sizeof elements / sizeof elements[0] };

static uint8_t element_of(const struct ft__template_plan *plan, uint32_t field)
{
    const struct ft_template_field *f = &plan->fields[field];

    for (uint8_t i = 0; field >= plan->n_scope && f->pen == 0 && !f->scope && i < ELEMENTS; i++) {
        if (elements[i].id == f->id) {
            return i;
        }
    }
    return NOT_KEY;
}

/* The field's part: of its element, or of its role. */
static uint32_t bit_of(uint8_t element, bool by_role)
{
    return UINT32_C(1) << (by_role ? elements[element].role : element);
}

/* Parts the fields where something comes again. False: some part has not the addresses (roles of
 * OF_ADDRESS) that a header has here. */
static bool part_by_place(const struct ft__template_plan *plan, bool by_role, uint32_t addresses,
                          uint8_t *header)
{
    uint32_t seen = 0, roles = 0;
    uint8_t n = 0;

    for (uint32_t i = 0; i < plan->n_fields; i++) {
        uint8_t element = element_of(plan, i);

        if (element == NOT_KEY) {
            continue;
        }
        if ((seen & bit_of(element, by_role)) != 0) {
            if ((roles & OF_ADDRESS) != addresses || n == HEADERS_MAX - 1) {
                return false;
            }
            seen = roles = 0;
            n++;
        }
        seen |= bit_of(element, by_role);
        roles |= UINT32_C(1) << elements[element].role;
        header[i] = n;
    }
    return (roles & OF_ADDRESS) == addresses;
}

/* The n-th of an element is of the n-th header, those that come less often of the inner ones. */
static void part_by_count(const struct ft__template_plan *plan, const uint16_t *count,
                          uint16_t most, uint8_t *header)
{
    uint16_t seen[ELEMENTS] = {0};

    for (uint32_t i = 0; i < plan->n_fields; i++) {
        uint8_t element = element_of(plan, i);

        if (element != NOT_KEY) {
            uint32_t at = (uint32_t)most - count[element] + seen[element]++;

            header[i] = (uint8_t)(at < HEADERS_MAX ? at : HEADERS_MAX);
        }
    }
}

/* The header that gives the key: the first or last one with an address. */
static uint8_t choose(const struct ft__template_plan *plan, const uint8_t *header, bool outermost)
{
    int best = -1;

    for (uint32_t i = 0; i < plan->n_fields; i++) {
        uint8_t element = element_of(plan, i);

        if (element == NOT_KEY || (UINT32_C(1) << elements[element].role & OF_ADDRESS) == 0) {
            continue;
        }
        if (best < 0 || (outermost ? header[i] < best : header[i] > best)) {
            best = header[i];
        }
    }
    return (uint8_t)(best < 0 ? 0 : best);
}

bool ft__key_of_others(const struct ft__template_plan *plan, bool outermost,
                       struct ft__field_set *out)
{
    uint8_t header[FT__PLAN_FIELDS_MAX];
    uint16_t count[ELEMENTS] = {0}, most = 0;
    uint32_t addresses = 0;

    for (uint32_t i = 0; i < plan->n_fields; i++) {
        uint8_t element = element_of(plan, i);

        if (element != NOT_KEY) {
            addresses |= UINT32_C(1) << elements[element].role & OF_ADDRESS;
            most = ++count[element] > most ? count[element] : most;
        }
    }
    if (most < 2) {
        return false;
    }
    if (!part_by_place(plan, false, addresses, header) &&
        !part_by_place(plan, true, addresses, header)) {
        part_by_count(plan, count, most, header);
    }
    uint8_t key = choose(plan, header, outermost);

    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < plan->n_fields; i++) {
        if (element_of(plan, i) != NOT_KEY && header[i] != key) {
            out->bits[i / 64] |= UINT64_C(1) << i % 64;
        }
    }
    return true;
}
