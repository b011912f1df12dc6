/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic_compat: CICFlowMeter with its faults, see feature/cic/engine.h. Its whole numbers are
 * cut off, not rounded. */
#include <math.h>

#include "feature/cic/engine.h"

enum { TCP = 6, UDP = 17, PSH = 8, URG = 32 };

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct ft__cic, flow, FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, side[0], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, side[1], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct ft__cic, rare, FT_ARRAY_FEW),
};

static void compat_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                           uint32_t n)
{
    ft__cic_packets(state, pkts, at, n, true);
}

/* Numbers that JSON has not: null, with what the tool writes. */
static void put_aside(double *v)
{
    memset(v, UINT8_MAX, sizeof *v);
}

static void cut_off(double v[2])
{
    v[0] = trunc(v[0]);
    v[1] = trunc(v[1]);
}

/* What only the first packet counts for. */
static void first_only(const struct ft__cic_flow *f, struct ft_cic_record *r)
{
    r->psh[0] = (f->first_flags & PSH) != 0;
    r->urg[0] = (f->first_flags & URG) != 0;
    r->psh[1] = r->urg[1] = 0;
}

static const void *compat_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct ft__cic *s = state;
    struct ft_cic_record *r = &s->record;

    if (s->flow[entry].packets < 2 || core->ip_version != 4) {
        return FT_RECORD_DROPPED;
    }
    ft__cic_record(s, entry, core, true);
    first_only(&s->flow[entry], r);
    r->protocol = core->proto == TCP || core->proto == UDP ? core->proto : 0;
    if (r->protocol == 0) {
        r->port[0] = r->port[1] = 0;
    }
    r->down_up = trunc(r->down_up);
    cut_off(r->bulk_bytes);
    cut_off(r->bulk_packets);
    cut_off(r->bulk_rate);
    cut_off(r->subflow_bytes);
    cut_off(r->subflow_packets);
    if (r->duration_us == 0) {
        r->nonfinite = isnan(r->bytes_rate) ? 'N' : 'I';
        put_aside(&r->bytes_rate);
        put_aside(&r->packets_rate);
    }
    return r;
}

const struct ft_feature ft_feature_cic_compat = {
    .name = "cic-compat",
    .meaning = "what CICFlowMeter says of a flow, faults included",
    .columns = &ft_columns_cic_compat,
    .state = sizeof(struct ft__cic),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .drops = true,
    .packets = compat_packets,
    .ask = ft__cic_ask,
    .record = compat_record,
    .hide = ft__cic_hide,
    .part = sizeof(struct ft_cic_record),
};
