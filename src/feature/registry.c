/* SPDX-License-Identifier: Apache-2.0 */
/* feature: all that there are. */
#include "feature/app/app.h"
#include "feature/feature.h"
#include "feature/sizes/sizes.h"
#include "feature/tcp/tcp.h"
#include "feature/tunnel/tunnel.h"

static const struct ft_feature *const features[FT_PARTS_MAX] = {
    [FT_PART_SIZES] = &ft_feature_sizes,
    [FT_PART_TCP] = &ft_feature_tcp,
    [FT_PART_TUNNEL] = &ft_feature_tunnel,
    [FT_PART_APP] = &ft_feature_app,
};

const struct ft_feature *ft_feature_at(uint32_t part)
{
    return part < FT_PARTS_MAX ? features[part] : NULL;
}
