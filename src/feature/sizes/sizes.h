/* SPDX-License-Identifier: Apache-2.0 */
/* feature/sizes: how the packets of each direction are distributed, in size and in time. */
#ifndef FT_FEATURE_SIZES_H
#define FT_FEATURE_SIZES_H

#include "feature/feature.h"

/* Its part of a record is struct ft_sizes_record. */
extern const struct ft_feature ft_feature_sizes;

#endif
