/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nf_v3_compat: nf-v3 with the faults of the published files, so that a model which was
 * trained on them meets what it knows.
 *
 * Theory of operation: it keeps nothing; all is worked out of the part of nf-v3. What nProbe did is
 * not published: the rules are those that reproduce published rows, see docs/nf-v3.md. */
#include "feature/feature.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { V2 = 2 };

struct compat {
    uint64_t version;
    struct ft_nf_v3_record record;
};

static int compat_open(void *state, const struct ft_feature_config *cfg)
{
    ((struct compat *)state)->version = cfg->option[0];
    return FT_OK;
}

/* The number whose decimal digits are known; NaN: it is too large. */
static double number_of(uint64_t digits, uint32_t more)
{
    char text[40];
    double n;

    snprintf(text, sizeof text, "%llue%u", (unsigned long long)digits, more);
    n = strtod(text, NULL);
    return isfinite(n) ? n : NAN;
}

static void as_v2(struct ft_nf_v3_record *r)
{
    for (int d = 0; d < 2; d++) {
        uint64_t ms = r->last_ms[d] > 0 ? r->last_ms[d] : 1;

        r->second[d] = number_of(r->digits[d], r->digits_more[d]);
        r->maybe[FT_NF_THROUGHPUT_IN + d] = r->last_bytes[d] / ms * 8000;
    }
    if (r->duration_ms > 0) { /* the first time less the last, in 32 bits */
        r->duration_ms = (uint32_t)(0 - r->duration_us) / 1000;
    }
}

static void as_v3(struct ft_nf_v3_record *r)
{
    for (int d = 0; d < 2; d++) {
        r->second[d] = r->duration_ms > 0 ? (double)(r->bytes[!d] / r->duration_ms) : NAN;
        r->maybe[FT_NF_THROUGHPUT_IN + d] =
            (uint64_t)((unsigned __int128)r->bytes[d] * 8000 / (r->duration_ms + 1));
    }
}

static const void *compat_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct compat *c = state;
    struct ft_nf_v3_record *r = &c->record;

    (void)entry;
    *r = *(const struct ft_nf_v3_record *)core->part[FT_PART_NF_V3];
    for (int i = 0; i < FT_NF_MAYBE; i++) {
        r->maybe[i] = r->maybe[i] == UINT64_MAX ? 0 : r->maybe[i];
    }
    if (r->packets[0] == 0 || r->packets[1] == 0) {
        r->ip_min = 0;
    }
    if (c->version == V2) {
        as_v2(r);
    } else {
        as_v3(r);
    }
    return r;
}

static void compat_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_nf_v3_record *r = part;

    (void)names;
    ft_cryptopan_map_ip(map, r->ip_version, r->src);
    ft_cryptopan_map_ip(map, r->ip_version, r->dst);
}

const struct ft_feature ft_feature_nf_v3_compat = {
    .name = "nf-v3-compat",
    .meaning = "nf-v3 with the faults of the published files",
    .columns = &ft_columns_nf_v3_compat,
    .needs = 1u << FT_PART_NF_V3,
    .state = sizeof(struct compat),
    .open = compat_open,
    .record = compat_record,
    .hide = compat_hide,
    .part = sizeof(struct ft_nf_v3_record),
};
