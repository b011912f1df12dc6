/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: CICFlowMeter as its corrected form has it, see engine.h. */
#include "feature/cic/engine.h"

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132 };

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct ft__cic, flow, FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, side[0], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, side[1], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, seen, FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, rare, FT_ARRAY_FEW),
};

static int cic_open(void *state, const struct ft_feature_config *cfg)
{
    ((struct ft__cic *)state)->singles = cfg->option[0] != 0;
    return FT_OK;
}

static void cic_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                        uint32_t n)
{
    ft__cic_packets(state, pkts, at, n, false);
}

static bool is_known(uint8_t proto)
{
    return proto == ICMP || proto == IGMP || proto == TCP || proto == UDP || proto == ICMPV6 ||
           proto == SCTP;
}

static const void *cic_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct ft__cic *s = state;
    struct ft_cic_record *r = &s->record;

    if (s->flow[entry].packets < 2 && !s->singles) {
        return FT_RECORD_DROPPED;
    }
    ft__cic_record(s, entry, core, false);
    r->protocol = is_known(core->proto) ? core->proto : 0;
    if (core->proto == TCP || core->proto == UDP) {
        r->connection_us = s->flow[entry].last_us - s->flow[entry].connection_us;
    }
    if (r->duration_us <= 0) { /* the tool says -1 */
        memset(&r->bytes_rate, UINT8_MAX, sizeof r->bytes_rate);
        memset(&r->packets_rate, UINT8_MAX, sizeof r->packets_rate);
    }
    return r;
}

const struct ft_feature ft_feature_cic = {
    .name = "cic",
    .meaning = "what CICFlowMeter says of a flow, as its corrected form has it",
    .columns = &ft_columns_cic,
    .state = sizeof(struct ft__cic),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .drops = true,
    .open = cic_open,
    .packets = cic_packets,
    .ask = ft__cic_ask,
    .record = cic_record,
    .hide = ft__cic_hide,
    .part = sizeof(struct ft_cic_record),
};
