/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tunnel: tunnels around a flow, and marks of its packets: fragments, congestion, RoCE. */
#ifndef FT_FEATURE_TUNNEL_H
#define FT_FEATURE_TUNNEL_H

#include "feature/feature.h"

/* Its part of a record; also what is kept of a flow that has any of it. */
struct ft_tunnel_record {
    uint8_t outer[2][16]; /* source and destination as the forward direction has them */
    uint32_t fragments[2];
    uint32_t ecn_ce[2]; /* packets marked "congestion experienced", RFC 3168 */
    uint32_t roce_bth;  /* of the first packet: opcode << 24 | destination QP */
    uint8_t version;    /* of outer, 4 or 6; 0: outer holds nothing */
    uint8_t depth;      /* 0: no tunnel was seen */
    bool has_roce;      /* roce_bth holds */
};

extern const struct ft_feature ft_feature_tunnel;

#endif
