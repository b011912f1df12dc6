/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: what CICFlowMeter knows of a flow, see engine.h: what is rare, and the record. */
#include "feature/cic/engine.h"

#include <math.h>

/* ---- packets ---- */

void ft__cic_gap(struct ft__cic *s, uint32_t entry, int64_t t)
{
    struct ft__cic_flow *f = &s->flow[entry];
    struct ft__cic_rare *r = &s->rare[entry];
    int64_t idle = t - f->last_us, active;

    f->subflows++;
    if (idle <= FT__CIC_ACTIVE_US) {
        return;
    }
    if ((f->bits & FT__CIC_PERIODS) == 0) {
        f->bits |= FT__CIC_PERIODS;
        *r = (struct ft__cic_rare){.active_min = INT64_MAX,
                                   .active_max = INT64_MIN,
                                   .idle_min = INT64_MAX,
                                   .idle_max = INT64_MIN,
                                   .since_us = f->first_us};
    }
    active = f->last_us - r->since_us;
    if (active > 0) {
        ft__cic_add(&r->active, ++r->n_active, (double)active);
        r->active_min = active < r->active_min ? active : r->active_min;
        r->active_max = active > r->active_max ? active : r->active_max;
    }
    ft__cic_add(&r->idle, ++r->n_idle, (double)idle);
    r->idle_min = idle < r->idle_min ? idle : r->idle_min;
    r->idle_max = idle > r->idle_max ? idle : r->idle_max;
    r->since_us = t;
}

static uint32_t print_of(const struct ft_packet *pkt, int d)
{
    uint64_t a = (uint64_t)pkt->tcp_seq << 32 | pkt->tcp_ack;
    uint64_t b = (uint64_t)pkt->payload_len << 32 | (uint64_t)pkt->tcp_window << 1 | (uint64_t)d;
    uint64_t x = (a ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

    x = (x ^ x >> 32 ^ b) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(x >> 32 ^ x);
}

static bool is_print(const struct ft__cic_seen *seen, uint32_t print)
{
    uint32_t n = seen->n < FT__CIC_PRINTS ? seen->n : FT__CIC_PRINTS, any = 0;

    for (uint32_t i = 0; i < n; i++) {
        any |= seen->print[i] == print;
    }
    return any != 0;
}

/* What is beyond all that its side has sent or acknowledged before is new; only of the others does
 * somebody have to look. */
bool ft__cic_again(struct ft__cic_seen *seen, const struct ft_packet *pkt, int d)
{
    uint32_t end = pkt->tcp_seq + pkt->payload_len, print = print_of(pkt, d);
    bool begins = (seen->known >> d & 1) == 0;
    bool sends = begins || (int32_t)(end - seen->end[d]) > 0;
    bool acks = begins || (int32_t)(pkt->tcp_ack - seen->ack[d]) > 0;

    seen->known |= 1u << d;
    seen->end[d] = sends ? end : seen->end[d];
    seen->ack[d] = acks ? pkt->tcp_ack : seen->ack[d];
    if (!sends && !acks && is_print(seen, print)) {
        return true;
    }
    seen->print[seen->n % FT__CIC_PRINTS] = print;
    seen->n++;
    return false;
}

/* ---- records ---- */

static double std_of(const struct ft__cic_mean *m, uint64_t n)
{
    return n > 1 ? sqrt(m->m2 / ((double)n - 1)) : 0;
}

static struct ft_cic_stats stats_of(const struct ft__cic_mean *m, uint64_t n, int64_t min,
                                    int64_t max)
{
    if (n == 0) {
        return (struct ft_cic_stats){0};
    }
    return (struct ft_cic_stats){.mean = m->mean, .std = std_of(m, n), .min = min, .max = max};
}

static double quotient(double a, double b)
{
    return b != 0 ? a / b : 0;
}

static void record_side(const struct ft__cic_side *x, int d, const struct ft__cic_flow *f,
                        struct ft_cic_record *r)
{
    double seconds = (double)r->duration_us / 1000000;

    r->packets[d] = x->packets;
    r->payload_sum[d] = x->payload_sum;
    r->header_sum[d] = x->header_sum;
    r->with_data[d] = x->with_data;
    r->header_min[d] = x->header_min < UINT8_MAX ? x->header_min : 0;
    r->window[d] = x->window;
    for (int i = 0; i < 8; i++) {
        r->flags[i] += x->flags[i];
    }
    r->rst[d] = x->flags[2];
    r->psh[d] = x->flags[3];
    r->urg[d] = x->flags[5];
    r->gap_sum[d] = x->gap_sum;
    r->payload[d] = stats_of(&x->payload, x->packets, x->payload_min, x->payload_max);
    r->gap[d] = stats_of(&x->gap, x->packets - 1, x->gap_min, x->gap_max);
    r->segment[d] = (double)x->payload_sum / (double)x->packets;
    r->side_rate[d] = r->duration_us > 0 ? (double)x->packets / seconds : 0;
    r->retrans[d] = f->retrans[d];
}

static void record_identity(const struct ft_flow_record *core, struct ft_cic_record *r)
{
    r->version = core->ip_version;
    memcpy(r->src, core->src, sizeof r->src);
    memcpy(r->dst, core->dst, sizeof r->dst);
    if (ft_proto_has_ports(core->proto)) {
        r->port[0] = core->src_port;
        r->port[1] = core->dst_port;
    }
    if (core->has_icmp_code) {
        r->has_icmp = true;
        r->icmp_type = (uint8_t)core->src_port;
        r->icmp_code = core->icmp_code;
    }
}

static void record_flow(const struct ft__cic *s, uint32_t entry, struct ft_cic_record *r)
{
    const struct ft__cic_flow *f = &s->flow[entry];
    const struct ft__cic_rare *x = &s->rare[entry];
    double seconds = (double)r->duration_us / 1000000;

    r->all_gaps = stats_of(&f->gap, f->packets - 1, f->gap_min, f->gap_max);
    r->bytes_rate = (double)(r->payload_sum[0] + r->payload_sum[1]) / seconds;
    r->packets_rate = (double)f->packets / seconds;
    r->down_up = quotient((double)r->packets[1], (double)r->packets[0]);
    for (int d = 0; d < 2 && f->subflows > 0; d++) {
        r->subflow_packets[d] = (double)r->packets[d] / f->subflows;
        r->subflow_bytes[d] = (double)r->payload_sum[d] / f->subflows;
    }
    r->retrans[2] = r->retrans[0] + r->retrans[1];
    if (f->bits & FT__CIC_PERIODS) {
        r->active = stats_of(&x->active, x->n_active, x->active_min, x->active_max);
        r->idle = stats_of(&x->idle, x->n_idle, x->idle_min, x->idle_max);
    }
}

/* What the tool leaves to do by hand. */
static void record_label(const struct ft_label_record *label, struct ft_cic_record *r)
{
    static const char by_hand[] = "NeedManualLabel", attack[] = "ATTACK", benign[] = "BENIGN";

    if (label != NULL && label->attack != NULL) {
        r->label = label->attack;
        r->label_len = label->attack_len;
        return;
    }
    r->label = label == NULL ? by_hand : label->label != 0 ? attack : benign;
    r->label_len = (uint8_t)strlen(r->label);
}

/* n: payloads that the tool counted, and their sum. */
static void record_payload(const struct ft__cic_flow *f, uint64_t n, uint64_t sum,
                           struct ft_cic_record *r)
{
    int64_t min = INT64_MAX, max = 0;

    for (int d = 0; d < 2; d++) {
        if (f->bits & FT__CIC_HAS << d) {
            min = r->payload[d].min < min ? r->payload[d].min : min;
            max = r->payload[d].max > max ? r->payload[d].max : max;
        }
    }
    r->all_payload = stats_of(&f->payload, n, min, max);
    r->all_variance = n > 1 ? f->payload.m2 / ((double)n - 1) : 0;
    r->average = (double)sum / (double)f->packets;
}

static void record_bulk(const struct ft__cic_bulk *b, int d, struct ft_cic_record *r)
{
    r->bulk_bytes[d] = quotient((double)b->bytes, b->bulks);
    r->bulk_packets[d] = quotient((double)b->packets, b->bulks);
    r->bulk_rate[d] = quotient((double)b->bytes, (double)b->us / 1000000);
}

void ft__cic_record(struct ft__cic *s, uint32_t entry, const struct ft_flow_record *core,
                    bool compat)
{
    const struct ft__cic_flow *f = &s->flow[entry];
    struct ft_cic_record *r = &s->record;
    uint64_t twice = compat ? f->first_len : 0;

    memset(r, 0, sizeof *r);
    r->first_us = f->first_us;
    r->duration_us = f->last_us - f->first_us;
    for (int d = 0; d < 2; d++) {
        if (f->bits & FT__CIC_HAS << d) {
            record_side(&s->side[d][entry], d, f, r);
        }
        if (!compat && (f->bits & FT__CIC_HAS << d)) {
            record_bulk(&s->side[d][entry].bulk, d, r);
        }
    }
    if (compat) {
        record_bulk(&s->side[FT_DIR_FWD][entry].bulk, FT_DIR_REV, r);
    }
    record_identity(core, r);
    record_label(core->part[FT_PART_LABEL], r);
    record_flow(s, entry, r);
    record_payload(f, f->packets + compat, r->payload_sum[0] + r->payload_sum[1] + twice, r);
}

void ft__cic_ask(const void *state, uint32_t entry)
{
    const struct ft__cic *s = state;

    __builtin_prefetch(&s->flow[entry]);
    __builtin_prefetch((const uint8_t *)&s->flow[entry] + 64);
    for (int d = 0; d < 2; d++) {
        __builtin_prefetch(&s->side[d][entry]);
        __builtin_prefetch((const uint8_t *)&s->side[d][entry] + 64);
        __builtin_prefetch((const uint8_t *)&s->side[d][entry] + 128);
    }
}

void ft__cic_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_cic_record *r = part;

    (void)names;
    ft_cryptopan_map_ip(map, r->version, r->src);
    ft_cryptopan_map_ip(map, r->version, r->dst);
}
