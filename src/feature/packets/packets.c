/* SPDX-License-Identifier: Apache-2.0 */
/* feature/packets: what the packets of a flow say besides: payload sizes, gaps whatever their
 * direction, TCP flags one by one, TTL, DSCP, the first sequence number.
 *
 * Theory of operation: a direction takes one line. Its sums are exact, as those of sizes; what a
 * field has no room for, and sums that come near their end, go to a wide part of its own, and the
 * narrow one begins anew: a record is both together. A gap counts for the direction of the packet
 * behind it. The sum of the payloads, and the times, stand in the core. */
#include "feature/feature.h"

#include <string.h>

#include "base/range.h"
#include "feature/flags.h"

enum { SUM_BITS = 48, AHEAD = 12 };

struct side {
    uint64_t gap_squares;                /* of gaps in ns */
    uint64_t payload_squares : SUM_BITS; /* of bytes */
    uint64_t payload_min : 16;
    uint64_t gap_sum : SUM_BITS; /* ns */
    uint64_t payload_max : 16;
    uint32_t gap_min, gap_max; /* ns; min above max: no gap yet, likewise of payloads */
    uint64_t flags[2];         /* packets with each TCP flag, 16 bits each, FIN in the lowest */
    uint32_t isn;
    uint8_t ttl_min, ttl_max;
    uint8_t tos; /* of the first packet */
    bool has_isn;
} FT_ALIGNED(64);

struct wide_side {
    unsigned __int128 gap_squares, payload_squares;
    uint64_t gap_sum, gap_min, gap_max;
    uint64_t flags[FT_FLAGS];
    uint32_t payload_min, payload_max;
};

_Static_assert(sizeof(struct side) == 64, "a cache line a direction");
_Static_assert(sizeof(struct wide_side) == 128, "as docs/architecture.md says");

static const struct wide_side empty = {.gap_min = UINT64_MAX, .payload_min = UINT32_MAX};

/* owner: the table's thread */
struct packets {
    struct side *side[2]; /* [entries] each, like the next; mapped */
    struct wide_side (*wide)[2];
    uint64_t *is_wide; /* bits by entry: wide holds */
    struct ft_packets_record record;
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct packets, side[0], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct packets, side[1], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct packets, wide, FT_ARRAY_FEW),
    FT_FEATURE_BITS(struct packets, is_wide),
};

/* ---- sums ---- */

static void begin_sums(struct side *n)
{
    n->gap_squares = n->payload_squares = n->gap_sum = 0;
    n->payload_min = UINT16_MAX;
    n->payload_max = 0;
    n->gap_min = UINT32_MAX;
    n->gap_max = 0;
    n->flags[0] = n->flags[1] = 0;
}

/* Adds a narrow part to a wide one. */
static void widen(struct wide_side *w, const struct side *n)
{
    w->gap_squares += n->gap_squares;
    w->payload_squares += n->payload_squares;
    w->gap_sum += n->gap_sum;
    if (n->gap_min <= n->gap_max) {
        ft_least(&w->gap_min, n->gap_min);
        ft_most(&w->gap_max, n->gap_max);
    }
    if (n->payload_min <= n->payload_max) {
        w->payload_min =
            n->payload_min < w->payload_min ? (uint32_t)n->payload_min : w->payload_min;
        w->payload_max =
            n->payload_max > w->payload_max ? (uint32_t)n->payload_max : w->payload_max;
    }
    ft_flags_widen(w->flags, n->flags);
}

/* The wide part of a direction with all that its narrow one held, which begins anew. */
FT_COLD static struct wide_side *wide_of(struct packets *s, const struct ft_counted *at)
{
    struct wide_side *w = s->wide[at->entry];
    struct side *n = &s->side[at->dir][at->entry];

    if (!ft_bit_get(s->is_wide, at->entry)) {
        w[0] = w[1] = empty;
        ft_bit_set(s->is_wide, at->entry);
    }
    widen(&w[at->dir], n);
    begin_sums(n);
    return &w[at->dir];
}

/* A packet that the narrow part has no room for. */
FT_COLD static void add_wide(struct packets *s, const struct ft_counted *at, uint32_t payload,
                             uint64_t gap, bool has_gap)
{
    struct wide_side *w = wide_of(s, at);

    w->payload_squares += (uint64_t)payload * payload;
    w->payload_min = payload < w->payload_min ? payload : w->payload_min;
    w->payload_max = payload > w->payload_max ? payload : w->payload_max;
    if (has_gap) {
        w->gap_squares += (unsigned __int128)gap * gap;
        w->gap_sum += gap;
        ft_least(&w->gap_min, gap);
        ft_most(&w->gap_max, gap);
    }
}

FT_INLINE void add(struct packets *s, const struct ft_packet *pkt, const struct ft_counted *at)
{
    struct side *n = &s->side[at->dir][at->entry];
    bool has_gap = (at->bits & FT_AT_NEW) == 0;
    uint64_t gap = has_gap ? ft_counted_gap(at, pkt->ts_ns) : 0;
    uint64_t squares = n->gap_squares + gap * gap, sum = n->gap_sum + gap;
    uint64_t payload = pkt->payload_len, payloads = n->payload_squares + payload * payload;

    if (FT_UNLIKELY(gap >= UINT32_MAX || payload >= UINT16_MAX || squares < n->gap_squares ||
                    (sum | payloads) >> SUM_BITS != 0)) {
        add_wide(s, at, pkt->payload_len, gap, has_gap);
        return;
    }
    n->gap_squares = squares;
    n->gap_sum = sum;
    n->payload_squares = payloads;
    n->payload_min = payload < n->payload_min ? (uint16_t)payload : n->payload_min;
    n->payload_max = payload > n->payload_max ? (uint16_t)payload : n->payload_max;
    if (has_gap) {
        n->gap_min = (uint32_t)gap < n->gap_min ? (uint32_t)gap : n->gap_min;
        n->gap_max = (uint32_t)gap > n->gap_max ? (uint32_t)gap : n->gap_max;
    }
}

/* ---- flags ---- */

FT_INLINE void add_flags(struct packets *s, const struct ft_packet *pkt,
                         const struct ft_counted *at)
{
    struct side *n = &s->side[at->dir][at->entry];

    if (FT_UNLIKELY(ft_flags_add(n->flags, pkt->tcp_flags))) {
        (void)wide_of(s, at);
    }
    if (FT_UNLIKELY((pkt->tcp_flags & FT_TCP_SYN) && !n->has_isn &&
                    (pkt->tcp_opts & FT_TCPO_WHOLE))) {
        n->isn = pkt->tcp_seq;
        n->has_isn = true;
    }
}

/* ---- packets and records ---- */

FT_INLINE void ask_packet(const struct packets *s, const struct ft_counted *at)
{
    __builtin_prefetch(&s->side[at->dir][at->entry], 1);
}

static void packets_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                            uint32_t n)
{
    struct packets *s = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        ask_packet(s, &at[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
        struct side *x = &s->side[at[k].dir][at[k].entry];

        if (k + AHEAD < n) {
            ask_packet(s, &at[k + AHEAD]);
        }
        if (at[k].bits & FT_AT_NEW) {
            ft_bit_clear(s->is_wide, at[k].entry);
        }
        if (at[k].bits & FT_AT_FIRST) {
            begin_sums(x);
            x->ttl_min = x->ttl_max = pkts[k].ttl;
            x->tos = pkts[k].tos;
            x->has_isn = false;
        }
        x->ttl_min = pkts[k].ttl < x->ttl_min ? pkts[k].ttl : x->ttl_min;
        x->ttl_max = pkts[k].ttl > x->ttl_max ? pkts[k].ttl : x->ttl_max;
        add(s, &pkts[k], &at[k]);
        if (pkts[k].tcp_flags != 0) {
            add_flags(s, &pkts[k], &at[k]);
        }
    }
}

static void packets_ask(const void *state, uint32_t entry)
{
    const struct packets *s = state;

    __builtin_prefetch(&s->side[0][entry]);
    __builtin_prefetch(&s->side[1][entry]);
}

static void record_side(const struct packets *s, uint32_t entry, int d,
                        const struct ft_flow_record *core, struct ft_packets_record *r)
{
    const struct side *n = &s->side[d][entry];
    struct wide_side w = ft_bit_get(s->is_wide, entry) ? s->wide[entry][d] : empty;

    widen(&w, n);
    r->payload[d] = (struct ft_distribution){.squares = w.payload_squares,
                                             .sum = core->payload_bytes[d],
                                             .n = core->packets[d],
                                             .min = w.payload_min,
                                             .max = w.payload_max};
    r->gap.squares += w.gap_squares;
    r->gap.sum += w.gap_sum;
    ft_least(&r->gap.min, w.gap_min);
    ft_most(&r->gap.max, w.gap_max);
    memcpy(r->flags[d], w.flags, sizeof w.flags);
    r->first_ns[d] = core->dir_first_ns[d];
    r->last_ns[d] = core->dir_last_ns[d];
    r->ttl_min[d] = n->ttl_min;
    r->ttl_max[d] = n->ttl_max;
    r->tos[d] = n->tos;
    r->has_isn[d] = n->has_isn;
    r->isn[d] = n->isn;
}

static const void *packets_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct packets *s = state;
    struct ft_packets_record *r = &s->record;

    memset(r, 0, sizeof *r);
    r->tcp = core->proto == 6;
    r->gap.n = core->packets[0] + core->packets[1] - 1;
    r->gap.min = UINT64_MAX;
    for (int d = 0; d < 2; d++) {
        if (core->packets[d] > 0) {
            record_side(s, entry, d, core, r);
        }
    }
    return r;
}

const struct ft_feature ft_feature_packets = {
    .name = "packets",
    .meaning = "what the packets say besides: times, TTL, flags, payload sizes, gaps",
    .columns = &ft_columns_packets,
    .state = sizeof(struct packets),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = packets_packets,
    .ask = packets_ask,
    .record = packets_record,
};
