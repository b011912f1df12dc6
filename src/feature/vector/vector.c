/* SPDX-License-Identifier: Apache-2.0 */
/* feature/vector: a vector of 32 numbers for each flow record, docs/vectors.md.
 *
 * Theory of operation: of a flow are kept its first four packets, eight bytes: lengths of 15 bits
 * and the direction above them, 0 for a packet that has not come. The rest is in the core and in
 * what the sizes profile keeps. */
#include <string.h>

#include "feature/feature.h"
#include "model/vector.h"

enum { PACKETS = 4, LENGTH = 0x7fff, REVERSE = 0x8000, FULL = PACKETS - 1 };
enum { SYN = 0x02, FIN = 0x01, RST = 0x04 };
enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };
enum { WELL_KNOWN = 1023, REGISTERED = 49151 };

struct first {
    uint16_t packet[PACKETS];
};

/* owner: the table's thread */
struct vector {
    struct first *first; /* [entries], mapped */
    const struct ft_vector_fit *fit;
    struct ft_vector_record record;
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct vector, first, FT_ARRAY_EVERY),
};

static int vector_open(void *state, const struct ft_feature_config *cfg)
{
    const struct ft_vector_fits *fits = cfg->vectors != NULL ? cfg->vectors : &ft_vector_builtin;
    struct vector *v = state;

    v->fit = &fits->of[FT_VECTOR_FLOW];
    v->record.id = v->fit->id;
    return FT_OK;
}

FT_INLINE uint16_t packet_of(const struct ft_packet *pkt, const struct ft_counted *at)
{
    uint32_t len = pkt->ip_len > 0 ? pkt->ip_len : 1;

    return (uint16_t)((len < LENGTH ? len : LENGTH) | (at->dir == FT_DIR_REV ? REVERSE : 0));
}

static void vector_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                           uint32_t n)
{
    struct vector *v = state;

    for (uint32_t k = 0; k < n; k++) {
        __builtin_prefetch(&v->first[at[k].entry], 1);
    }
    for (uint32_t k = 0; k < n; k++) {
        struct first *f = &v->first[at[k].entry];

        if (at[k].bits & FT_AT_NEW) {
            *f = (struct first){{packet_of(&pkts[k], &at[k])}};
        } else if (f->packet[FULL] == 0) {
            uint32_t i = f->packet[1] == 0 ? 1 : f->packet[2] == 0 ? 2 : 3;

            f->packet[i] = packet_of(&pkts[k], &at[k]);
        }
    }
}

static void vector_ask(const void *state, uint32_t entry)
{
    __builtin_prefetch(&((const struct vector *)state)->first[entry]);
}

/* (a - b) / (a + b) */
FT_INLINE double ratio(uint64_t a, uint64_t b)
{
    double sum = (double)a + (double)b;

    return sum > 0 ? ((double)a - (double)b) / sum : 0;
}

FT_INLINE double mean(const struct ft_distribution *d)
{
    return d->n > 0 ? ft_distribution_mean(d) : 0;
}

FT_INLINE double deviation(const struct ft_distribution *d)
{
    return d->n > 1 ? ft_distribution_std(d) : 0;
}

FT_INLINE double both(const struct ft_flow_record *core, uint8_t flag)
{
    return core->proto == TCP ? ((core->tcp_flags[0] & flag) != 0 ? 0.5 : 0) +
                                    ((core->tcp_flags[1] & flag) != 0 ? 0.5 : 0)
                              : 0;
}

FT_INLINE double class_of(const struct ft_flow_record *core, uint16_t port)
{
    bool ports = ft_proto_has_ports(core->proto) && !core->no_ports;

    return !ports || port > REGISTERED ? 0 : port > WELL_KNOWN ? 0.5 : 1;
}

FT_INLINE double signed_length(uint16_t packet)
{
    double len = packet & LENGTH;

    return (packet & REVERSE) != 0 ? -len : len;
}

/* In the order of ft_vector_specs. */
static void components(const struct first *first, const struct ft_flow_record *core,
                       double out[FT_VECTOR])
{
    const struct ft_sizes_record *s = core->part[FT_PART_SIZES];
    uint64_t us = ((uint64_t)core->last_ns - (uint64_t)core->first_ns) / 1000;
    double time = ((double)us + 1000) / 1e6;

    for (int d = 0; d < 2; d++) {
        out[d] = (double)core->packets[d];
        out[2 + d] = (double)core->bytes[d];
        out[4 + d] = (double)core->payload_bytes[d];
        out[9 + d] = mean(&s->size[d]);
        out[11 + d] = deviation(&s->size[d]);
        out[13 + d] = mean(&s->gap[d]) / 1000;
        out[15 + d] = deviation(&s->gap[d]) / 1000;
    }
    out[6] = (double)us;
    out[7] = ((double)core->packets[0] + (double)core->packets[1]) / time;
    out[8] = ((double)core->bytes[0] + (double)core->bytes[1]) / time;
    for (uint32_t i = 0; i < PACKETS; i++) {
        out[17 + i] = signed_length(first->packet[i]);
    }
    out[21] = ratio(core->packets[0], core->packets[1]);
    out[22] = ratio(core->payload_bytes[0], core->payload_bytes[1]);
    out[23] = core->proto == TCP;
    out[24] = core->proto == UDP;
    out[25] = core->proto == ICMP || core->proto == ICMPV6;
    out[26] = both(core, SYN);
    out[27] = both(core, FIN);
    out[28] = both(core, RST);
    out[29] = class_of(core, core->dst_port);
    out[30] = class_of(core, core->src_port);
    out[31] = 1;
}

static const void *vector_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct vector *v = state;
    double x[FT_VECTOR];

    components(&v->first[entry], core, x);
    ft_vector_logs(&ft_vector_specs[FT_VECTOR_FLOW], x);
    ft_vector_make(v->fit, x, v->record.vector);
    return &v->record;
}

const struct ft_feature ft_feature_vector = {
    .name = "vector",
    .meaning = "32 numbers of length 1 by which flows can be found that are alike",
    .columns = &ft_columns_vector,
    .needs = 1u << FT_PART_SIZES,
    .state = sizeof(struct vector),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .open = vector_open,
    .packets = vector_packets,
    .ask = vector_ask,
    .record = vector_record,
};
