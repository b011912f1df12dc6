/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: what CICFlowMeter knows of a flow, packet by packet.
 *
 * Theory of operation: two forms of the tool are wanted. `compat` is the original (98a5eba, 2022)
 * with its faults, the other one is what was meant: the corrected form (4dd5319, 2024). What both
 * know of a flow is the same, so there is one engine, and each feature compiles its form of it.
 *
 *     flow   two lines, every packet: gaps and payloads whatever the direction
 *     side   three lines a direction
 *     rare   periods of activity, of flows with a gap of more than five seconds
 *     seen   prints of the newest segments, to know one that is sent again (not in compat)
 *
 * The order of the packets is that of their coming, as in the tool: a gap is below 0 when the clock
 * went back. Times are whole microseconds. Means and squares are updated one by one, in the tool's
 * order, so that the values are its own to the last digit. */
#ifndef FT_FEATURE_CIC_ENGINE_H
#define FT_FEATURE_CIC_ENGINE_H

#include <string.h>

#include "base/time.h"
#include "feature/feature.h"

enum {
    FT__CIC_SUBFLOW_US = 1000000, /* a longer gap begins a subflow, and no bulk goes on over it */
    FT__CIC_ACTIVE_US = 5000000,  /* a longer gap ends a period of activity */
    FT__CIC_BULK = 4,             /* packets that make one */
    FT__CIC_PRINTS = 26,
    FT__CIC_AHEAD = 8
};

/* Mean and sum of the squares of the distances from it. */
struct ft__cic_mean {
    double mean, m2;
};

struct ft__cic_bulk {
    int64_t start_us; /* of the one that may become a bulk; 0: none */
    uint64_t now_bytes;
    uint64_t bytes, packets; /* of all bulks, likewise: */
    int64_t us;
    uint32_t bulks;
    uint32_t now; /* packets */
};

/* A direction. */
struct ft__cic_side {
    struct ft__cic_mean payload, gap;
    int64_t last_us, gap_sum, gap_min, gap_max;
    uint64_t packets, payload_sum, header_sum;
    uint32_t with_data;
    uint16_t window;
    uint8_t header_min; /* UINT8_MAX: only later fragments yet, which have none */
    uint32_t flags[8];
    uint32_t payload_min, payload_max;
    struct ft__cic_bulk bulk;
} FT_ALIGNED(64);

struct ft__cic_flow {
    int64_t first_us, last_us;
    uint64_t packets;
    struct ft__cic_mean gap, payload;
    int64_t gap_min, gap_max;
    int64_t bulk_last_us[2]; /* newest packet with payload; 0: none */
    int64_t connection_us;   /* first packet of the flows that this one goes on from */
    uint32_t subflows;       /* gaps that begin one */
    uint32_t retrans[2];
    uint32_t first_len; /* payload of the first packet */
    uint8_t first_flags;
    uint8_t bits; /* FT__CIC_* */
} FT_ALIGNED(64);

enum {
    FT__CIC_HAS = 1,     /* direction 0 has packets, 2: direction 1 */
    FT__CIC_PERIODS = 4, /* rare holds */
    FT__CIC_FIN = 8,     /* compat: the initiator sent a FIN that was not the first packet */
    FT__CIC_SEEN = 16    /* seen holds */
};

struct ft__cic_rare {
    struct ft__cic_mean active, idle;
    int64_t active_min, active_max, idle_min, idle_max;
    int64_t since_us; /* the period of activity that goes on began */
    uint32_t n_active, n_idle;
};

struct ft__cic_seen {
    uint32_t end[2], ack[2]; /* by direction: beyond all its data; the newest acknowledged */
    uint32_t known;          /* directions whose end and ack hold, a bit each */
    uint32_t n;              /* prints made */
    uint32_t print[FT__CIC_PRINTS];
} FT_ALIGNED(64);

_Static_assert(sizeof(struct ft__cic_flow) == 128, "two lines");
_Static_assert(sizeof(struct ft__cic_side) == 192, "three lines a direction");
_Static_assert(sizeof(struct ft__cic_seen) == 128, "two lines");

/* owner: the table's thread */
struct ft__cic {
    struct ft__cic_flow *flow;    /* [entries] each, like the next; mapped */
    struct ft__cic_side *side[2]; /* by direction */
    struct ft__cic_rare *rare;
    struct ft__cic_seen *seen; /* not in compat */
    bool singles;              /* flows of one packet have records; not in compat */
    struct ft_cic_record record;
};

/* A gap of more than a subflow's, from the flow's newest packet at last_us to t. */
void ft__cic_gap(struct ft__cic *s, uint32_t entry, int64_t t);

/* Is the segment one of those that were seen? It is, from now on. */
bool ft__cic_again(struct ft__cic_seen *seen, const struct ft_packet *pkt, int d);

/* Fills s->record, as exact numbers: what the tool rounds is not rounded yet. */
void ft__cic_record(struct ft__cic *s, uint32_t entry, const struct ft_flow_record *core,
                    bool compat);

/* Asks for what record() reads. */
void ft__cic_ask(const void *state, uint32_t entry);

void ft__cic_hide(struct ft_cryptopan *map, enum ft_names names, void *part);

/* v is the n-th value. */
FT_INLINE void ft__cic_add(struct ft__cic_mean *m, uint64_t n, double v)
{
    double dev = v - m->mean, part = dev / (double)n;

    m->mean += part;
    m->m2 += ((double)n - 1) * dev * part;
}

/* Bytes of the transport header; 0: of none that the tool knows, and its payload is 0, too. */
FT_INLINE uint32_t ft__cic_header(const struct ft_packet *pkt, bool compat)
{
    switch (pkt->key.proto) {
    case 6:
        return pkt->mark & FT_MARK_OFFSET ? (pkt->mark & FT_MARK_OFFSET) >> 2 : 20;
    case 17:
        return 8;
    case 132:
        return compat ? 0 : 12;
    default:
        return 0;
    }
}

FT_INLINE void ft__cic_bulk(struct ft__cic_bulk *b, int64_t *last_us, int64_t other_last_us,
                            int64_t t, uint32_t payload)
{
    if (other_last_us > b->start_us) {
        b->start_us = 0;
    }
    if (payload == 0) {
        return;
    }
    if (b->start_us == 0 || t - *last_us > FT__CIC_SUBFLOW_US) {
        b->start_us = t;
        b->now = 1;
        b->now_bytes = payload;
    } else {
        b->now++;
        b->now_bytes += payload;
        if (b->now == FT__CIC_BULK) {
            b->bulks++;
            b->packets += FT__CIC_BULK;
            b->bytes += b->now_bytes;
            b->us += t - b->start_us;
        } else if (b->now > FT__CIC_BULK) {
            b->packets++;
            b->bytes += payload;
            b->us += t - *last_us;
        }
    }
    *last_us = t;
}

FT_INLINE void ft__cic_side_begin(struct ft__cic_side *x, const struct ft_packet *pkt,
                                  uint32_t payload)
{
    memset(x, 0, sizeof *x);
    x->gap_min = INT64_MAX;
    x->gap_max = INT64_MIN;
    x->payload_min = payload;
    x->header_min = UINT8_MAX;
    x->window = pkt->tcp_window;
}

/* A packet of a direction. */
FT_INLINE void ft__cic_side_add(struct ft__cic_side *x, const struct ft_packet *pkt, int64_t t,
                                uint32_t header, uint32_t payload)
{
    if (x->packets++ > 0) {
        int64_t gap = t - x->last_us;

        ft__cic_add(&x->gap, x->packets - 1, (double)gap);
        x->gap_sum += gap;
        x->gap_min = gap < x->gap_min ? gap : x->gap_min;
        x->gap_max = gap > x->gap_max ? gap : x->gap_max;
    }
    x->last_us = t;
    ft__cic_add(&x->payload, x->packets, payload);
    x->payload_sum += payload;
    x->payload_min = payload < x->payload_min ? payload : x->payload_min;
    x->payload_max = payload > x->payload_max ? payload : x->payload_max;
    x->header_sum += header;
    if (header < x->header_min && pkt->frag != FT_FRAG_LATER) {
        x->header_min = (uint8_t)header;
    }
    for (uint32_t m = pkt->tcp_flags; m != 0; m &= m - 1) {
        x->flags[__builtin_ctz(m)]++;
    }
}

FT_INLINE void ft__cic_begin(struct ft__cic *s, const struct ft_packet *pkt,
                             const struct ft_counted *at, int64_t t, uint32_t payload, bool compat)
{
    struct ft__cic_flow *f = &s->flow[at->entry];

    *f = (struct ft__cic_flow){.first_us = t,
                               .connection_us = t,
                               .gap_min = INT64_MAX,
                               .gap_max = INT64_MIN,
                               .first_len = payload,
                               .first_flags = pkt->tcp_flags};
    if (compat) {
        ft__cic_add(&f->payload, 1, payload); /* the first packet counts twice */
    } else if (FT_UNLIKELY(at->bits & FT_AT_FOLLOWS)) {
        f->connection_us = s->flow[at->before].connection_us;
        f->bits = s->flow[at->before].bits & FT__CIC_SEEN;
        if (f->bits & FT__CIC_SEEN) {
            s->seen[at->entry] = s->seen[at->before];
        }
    }
}

/* The window that stands for a direction: of its first packet when that is the initiator's and the
 * flow's; of the responder's the first that is not 0, in compat the newest. */
FT_INLINE void ft__cic_window(struct ft__cic_side *x, const struct ft_packet *pkt, int d,
                              bool is_new, bool compat)
{
    if (d == FT_DIR_REV && (compat || x->window == 0)) {
        x->window = pkt->tcp_window;
    } else if (d == FT_DIR_FWD && !is_new && x->packets == 0) {
        x->window = 0;
    }
}

FT_INLINE void ft__cic_take(struct ft__cic *s, const struct ft_packet *pkt,
                            const struct ft_counted *at, bool compat)
{
    struct ft__cic_flow *f = &s->flow[at->entry];
    bool is_new = (at->bits & FT_AT_NEW) != 0;
    int d = compat && (is_new || ft_packet_to_itself(pkt)) ? FT_DIR_FWD : at->dir;
    struct ft__cic_side *x = &s->side[d][at->entry];
    int64_t t = ft_time_floor(pkt->ts_ns, 1000);
    uint32_t header = ft__cic_header(pkt, compat), payload = header > 0 ? pkt->payload_len : 0;

    if (pkt->frag == FT_FRAG_LATER) {
        header = 0;
    }
    if (is_new) {
        ft__cic_begin(s, pkt, at, t, payload, compat);
    } else {
        int64_t gap = t - f->last_us;

        if (compat && (pkt->tcp_flags & FT_TCP_FIN) && d == FT_DIR_FWD) {
            if (f->bits & FT__CIC_FIN) {
                return; /* the tool leaves it out */
            }
            f->bits |= FT__CIC_FIN;
        }
        if (FT_UNLIKELY(gap > FT__CIC_SUBFLOW_US)) {
            ft__cic_gap(s, at->entry, t);
        }
        ft__cic_add(&f->gap, f->packets, (double)gap);
        f->gap_min = gap < f->gap_min ? gap : f->gap_min;
        f->gap_max = gap > f->gap_max ? gap : f->gap_max;
    }
    f->packets++;
    f->last_us = t;
    ft__cic_add(&f->payload, f->packets + compat, payload);
    if (FT_UNLIKELY((f->bits & FT__CIC_HAS << d) == 0)) {
        f->bits |= (uint8_t)(FT__CIC_HAS << d);
        ft__cic_side_begin(x, pkt, payload);
    }
    ft__cic_window(x, pkt, d, is_new, compat);
    ft__cic_side_add(x, pkt, t, header, payload);
    x->with_data += payload > 0 && !(compat && is_new);
    if (compat) { /* one for all packets, whose other side never sends */
        ft__cic_bulk(&s->side[FT_DIR_FWD][at->entry].bulk, &f->bulk_last_us[FT_DIR_FWD], 0, t,
                     payload);
    } else {
        ft__cic_bulk(&x->bulk, &f->bulk_last_us[d], f->bulk_last_us[!d], t, payload);
    }
    if (!compat && (pkt->tcp_opts & FT_TCPO_WHOLE)) {
        if ((f->bits & FT__CIC_SEEN) == 0) {
            f->bits |= FT__CIC_SEEN;
            memset(&s->seen[at->entry], 0, sizeof s->seen[at->entry]);
        }
        f->retrans[d] += ft__cic_again(&s->seen[at->entry], pkt, d);
    }
}

FT_INLINE void ft__cic_prefetch(const struct ft__cic *s, const struct ft_packet *pkt,
                                const struct ft_counted *at, bool compat)
{
    const uint8_t *flow = (const uint8_t *)&s->flow[at->entry];
    const uint8_t *side = (const uint8_t *)&s->side[at->dir][at->entry];

    __builtin_prefetch(flow, 1);
    __builtin_prefetch(flow + 64, 1);
    __builtin_prefetch(side, 1);
    __builtin_prefetch(side + 64, 1);
    __builtin_prefetch(side + 128, 1);
    if (!compat && pkt->key.proto == 6) {
        __builtin_prefetch(&s->seen[at->entry], 1);
        __builtin_prefetch((const uint8_t *)&s->seen[at->entry] + 64, 1);
    }
}

FT_INLINE void ft__cic_packets(struct ft__cic *s, const struct ft_packet *pkts,
                               const struct ft_counted *at, uint32_t n, bool compat)
{
    for (uint32_t k = 0; k < n && k < FT__CIC_AHEAD; k++) {
        ft__cic_prefetch(s, &pkts[k], &at[k], compat);
    }
    for (uint32_t k = 0; k < n; k++) {
        if (k + FT__CIC_AHEAD < n) {
            ft__cic_prefetch(s, &pkts[k + FT__CIC_AHEAD], &at[k + FT__CIC_AHEAD], compat);
        }
        ft__cic_take(s, &pkts[k], &at[k], compat);
    }
}

#endif
