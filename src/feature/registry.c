/* SPDX-License-Identifier: Apache-2.0 */
/* feature: all that there are. */
#include "feature/app/app.h"
#include "feature/feature.h"
#include "feature/sizes/sizes.h"
#include "feature/tcp/tcp.h"
#include "feature/tunnel/tunnel.h"

static const struct ft_feature *const features[FT_FEATURE__COUNT] = {
    [FT_FEATURE_SIZES] = &ft_feature_sizes,
    [FT_FEATURE_TCP] = &ft_feature_tcp,
    [FT_FEATURE_TUNNEL] = &ft_feature_tunnel,
    [FT_FEATURE_APP] = &ft_feature_app,
};

_Static_assert((int)FT_FEATURE__COUNT <= (int)FT_FEATURES_MAX, "a set of them is a word");

const struct ft_feature *ft_feature_at(uint32_t place)
{
    return place > 0 && place < FT_FEATURE__COUNT ? features[place] : NULL;
}
