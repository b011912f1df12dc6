/* SPDX-License-Identifier: Apache-2.0 */
/* feature: all that there are. */
#include "feature/feature.h"

static const struct ft_feature *const features[FT_PARTS_MAX] = {
#define X(symbol, name) [FT_PART_##symbol] = &ft_feature_##name,
#include "model/parts.def"
#undef X
};

const struct ft_feature *ft_feature_at(uint32_t part)
{
    return part < FT_PARTS_MAX ? features[part] : NULL;
}

uint32_t ft_features_needed(uint32_t set)
{
    for (uint32_t p = FT_PARTS_MAX; p-- > 0;) { /* who needs comes behind what is needed */
        set |= (set >> p & 1) && features[p] != NULL ? features[p]->needs : 0;
    }
    return set;
}

bool ft_features_drop(uint32_t set)
{
    bool any = false;

    for (uint32_t p = 0; p < FT_PARTS_MAX; p++) {
        any |= (set >> p & 1) && features[p] != NULL && features[p]->drops;
    }
    return any;
}
