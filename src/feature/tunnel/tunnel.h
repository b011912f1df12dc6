/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tunnel: tunnels around a flow, and marks of its packets: fragments, congestion, RoCE. */
#ifndef FT_FEATURE_TUNNEL_H
#define FT_FEATURE_TUNNEL_H

#include "feature/feature.h"

/* Its part of a record is struct ft_tunnel_record. */
extern const struct ft_feature ft_feature_tunnel;

#endif
