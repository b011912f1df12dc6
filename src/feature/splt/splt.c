/* SPDX-License-Identifier: Apache-2.0 */
/* feature/splt: the first packets of each flow, one by one: sequences of packet lengths and times.
 *
 * Theory of operation: a packet takes 16 bytes, four packets a cache line. The first lines of all
 * flows lie together, so do the second ones, and so on: a flow touches as many lines as its packets
 * need, and of flows of one packet a page holds 64.
 *
 *     line 0   packets 0..3 of entry 0 | of entry 1 | of entry 2 | ...
 *     line 1   packets 4..7 of entry 0 | ...
 *
 * How many there are stands in a flow's first packet; of a flow that has all it may have a bit says
 * so, and its lines are left alone. */
#include "feature/feature.h"

#include <string.h>

enum { PER_LINE = 4, LENGTH_BITS = 24, GAP_BITS = 40 };

struct one {
    uint64_t gap_us : GAP_BITS;
    uint64_t ip_bytes : LENGTH_BITS;
    uint64_t payload_bytes : LENGTH_BITS;
    uint64_t tcp_window : 16;
    uint64_t tcp_flags : 8;
    uint64_t dir : 1;
    uint64_t n : 8; /* of the flow's first packet: how many there are */
};

struct line {
    struct one of[PER_LINE];
} FT_ALIGNED(64);

_Static_assert(sizeof(struct line) == 64, "four packets in a cache line");

/* owner: the table's thread */
struct splt {
    struct line *line; /* [lines][entries], mapped */
    uint64_t *full;    /* bits by entry: it has all that it may have; mapped */
    uint32_t entries, most;
    struct ft_splt_record record;
};

static uint32_t lines_of(uint32_t packets)
{
    return (packets + PER_LINE - 1) / PER_LINE;
}

static uint32_t lines(const struct ft_feature_config *cfg)
{
    return lines_of((uint32_t)cfg->option[0]);
}

static const struct ft_feature_array arrays[] = {
    {offsetof(struct splt, line), sizeof(struct line), FT_ARRAY_LONG, lines},
    FT_FEATURE_BITS(struct splt, full),
};

static int splt_open(void *state, const struct ft_feature_config *cfg)
{
    struct splt *s = state;

    s->entries = cfg->entries;
    s->most = (uint32_t)cfg->option[0];
    return FT_OK;
}

FT_INLINE struct one *at_place(const struct splt *s, uint32_t entry, uint32_t i)
{
    return &s->line[(size_t)(i / PER_LINE) * s->entries + entry].of[i % PER_LINE];
}

FT_INLINE uint64_t gap_of(const struct ft_packet *pkt, const struct ft_counted *at)
{
    uint64_t us = ft_counted_gap(at, pkt->ts_ns) / 1000;

    return us >> GAP_BITS == 0 ? us : ((uint64_t)1 << GAP_BITS) - 1;
}

FT_INLINE uint32_t length_of(uint32_t bytes)
{
    return bytes >> LENGTH_BITS == 0 ? bytes : (1u << LENGTH_BITS) - 1;
}

FT_INLINE void take(struct splt *s, const struct ft_packet *pkt, const struct ft_counted *at)
{
    struct one *first = at_place(s, at->entry, 0);
    uint32_t i = at->bits & FT_AT_NEW ? 0 : first->n;

    *at_place(s, at->entry, i) = (struct one){.gap_us = gap_of(pkt, at),
                                              .ip_bytes = length_of(pkt->ip_len),
                                              .payload_bytes = length_of(pkt->payload_len),
                                              .tcp_window = pkt->tcp_window,
                                              .tcp_flags = pkt->tcp_flags,
                                              .dir = at->dir};
    first->n = (i + 1) & UINT8_MAX;
    if (i + 1 == s->most) {
        ft_bit_set(s->full, at->entry);
    }
}

static void splt_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                         uint32_t n)
{
    struct splt *s = state;

    for (uint32_t k = 0; k < n; k++) {
        if (at[k].bits & FT_AT_NEW) {
            ft_bit_clear(s->full, at[k].entry);
        }
        if (!ft_bit_get(s->full, at[k].entry)) {
            __builtin_prefetch(at_place(s, at[k].entry, 0), 1);
        }
    }
    for (uint32_t k = 0; k < n; k++) {
        if (!ft_bit_get(s->full, at[k].entry)) {
            take(s, &pkts[k], &at[k]);
        }
    }
}

static void splt_ask(const void *state, uint32_t entry)
{
    __builtin_prefetch(at_place(state, entry, 0));
}

static const void *splt_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct splt *s = state;
    struct ft_splt_record *r = &s->record;

    (void)core;
    r->n = (uint32_t)at_place(s, entry, 0)->n;
    for (uint32_t i = PER_LINE; i < r->n; i += PER_LINE) {
        __builtin_prefetch(at_place(s, entry, i));
    }
    for (uint32_t i = 0; i < r->n; i++) {
        const struct one *x = at_place(s, entry, i);

        r->direction[i] = (uint8_t)x->dir;
        r->ip_bytes[i] = (uint32_t)x->ip_bytes;
        r->payload_bytes[i] = (uint32_t)x->payload_bytes;
        r->gap_us[i] = x->gap_us;
        r->tcp_flags[i] = (uint8_t)x->tcp_flags;
        r->tcp_window[i] = (uint16_t)x->tcp_window;
    }
    return r;
}

const struct ft_feature ft_feature_splt = {
    .name = "splt",
    .meaning = "the first packets of a flow, one by one",
    .columns = &ft_columns_splt,
    .state = sizeof(struct splt),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .open = splt_open,
    .packets = splt_packets,
    .ask = splt_ask,
    .record = splt_record,
};
