/* SPDX-License-Identifier: Apache-2.0 */
/* feature: all that there are. */
#include "feature/app/app.h"
#include "feature/feature.h"
#include "feature/sizes/sizes.h"
#include "feature/tcp/tcp.h"
#include "feature/tunnel/tunnel.h"
#include "model/columns.h"

/* X(PART, name): one row for each, in the order of help. */
#define FEATURES(X)                                                                                \
    X(SIZES, sizes)                                                                                \
    X(TCP, tcp)                                                                                    \
    X(TUNNEL, tunnel)                                                                              \
    X(APP, app)

static const struct ft_feature *const features[FT_PARTS_MAX] = {
#define X(part, name) [FT_PART_##part] = &ft_feature_##name,
    FEATURES(X)
#undef X
};

/* The model knows profiles by name, and no feature. */
const struct ft_column_set *const ft_column_sets[] = {&ft_columns_base,
#define X(part, name) &ft_columns_##name,
                                                      FEATURES(X)
#undef X
                                                          NULL};

const struct ft_feature *ft_feature_at(uint32_t part)
{
    return part < FT_PARTS_MAX ? features[part] : NULL;
}
