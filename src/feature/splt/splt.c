/* SPDX-License-Identifier: Apache-2.0 */
/* feature/splt: the first packets of each flow, one by one: sequences of packet lengths and times.
 *
 * Theory of operation: a packet takes 11 bytes, four packets a line. The first lines of all flows
 * lie together, so do the second ones, and so on: a flow touches as many lines as its packets need,
 * and of flows of one packet a page holds 93.
 *
 *     line 0   packets 0..3 of entry 0 | of entry 1 | of entry 2 | ...
 *     line 1   packets 4..7 of entry 0 | ...
 *
 * What a line has no room for (gaps of 71 minutes, IP packets of 64 KiB, headers of 32 KiB, which
 * are the IP packet but for its payload) stands in `more`, which nobody touches otherwise.
 *
 * How many there are stands in a flow's first packet, which has no gap; of a flow that has all it
 * may have a bit says so, and its lines are left alone. */
#include "feature/feature.h"

#include <string.h>

enum { PER_LINE = 4, LENGTH_BITS = 24, GAP_BITS = 40, GAP_LOW = 32, IP_LOW = 16 };
enum { HEADER_BITS = 15, HEADER_ODD = (1 << HEADER_BITS) - 1 }; /* odd: see more */

struct one {
    uint32_t gap_us;   /* low bits; of the flow's first packet: how many there are */
    uint16_t ip_bytes; /* low bits */
    uint16_t tcp_window;
    uint16_t header; /* bytes, or HEADER_ODD; above them the direction */
    uint8_t tcp_flags;
} __attribute__((packed));

struct line {
    struct one of[PER_LINE];
};

_Static_assert(sizeof(struct line) == 44, "as docs/architecture.md says");

/* Of an odd packet. */
struct more {
    uint64_t payload_bytes : LENGTH_BITS;
    uint64_t ip_high : LENGTH_BITS - IP_LOW;
    uint64_t gap_high : GAP_BITS - GAP_LOW;
};

_Static_assert(sizeof(struct more) == 8, "likewise");

/* owner: the table's thread */
struct splt {
    struct line *line; /* [lines][entries], mapped */
    struct more *more; /* [most][entries], mapped */
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

static uint32_t packets(const struct ft_feature_config *cfg)
{
    return (uint32_t)cfg->option[0];
}

static const struct ft_feature_array arrays[] = {
    {offsetof(struct splt, line), sizeof(struct line), FT_ARRAY_LONG, lines},
    {offsetof(struct splt, more), sizeof(struct more), FT_ARRAY_FEW, packets},
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

FT_INLINE struct more *more_of(const struct splt *s, uint32_t entry, uint32_t i)
{
    return &s->more[(size_t)i * s->entries + entry];
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
    uint32_t i = at->bits & FT_AT_NEW ? 0 : first->gap_us;

    uint32_t ip = length_of(pkt->ip_len), payload = length_of(pkt->payload_len);
    uint64_t gap = i > 0 ? gap_of(pkt, at) : 0;
    bool odd =
        gap >> GAP_LOW != 0 || ip >> IP_LOW != 0 || payload > ip || ip - payload >= HEADER_ODD;

    *at_place(s, at->entry, i) = (struct one){
        .gap_us = (uint32_t)gap,
        .ip_bytes = (uint16_t)ip,
        .tcp_window = pkt->tcp_window,
        .header = (uint16_t)((odd ? HEADER_ODD : ip - payload) | (uint32_t)at->dir << HEADER_BITS),
        .tcp_flags = pkt->tcp_flags};
    if (FT_UNLIKELY(odd)) {
        *more_of(s, at->entry, i) = (struct more){
            .payload_bytes = payload, .ip_high = ip >> IP_LOW, .gap_high = gap >> GAP_LOW};
    }
    first->gap_us = i + 1;
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
    r->n = at_place(s, entry, 0)->gap_us;
    for (uint32_t i = PER_LINE; i < r->n; i += PER_LINE) {
        __builtin_prefetch(at_place(s, entry, i));
    }
    for (uint32_t i = 0; i < r->n; i++) {
        const struct one *x = at_place(s, entry, i);

        uint32_t header = x->header & HEADER_ODD;

        r->direction[i] = (uint8_t)(x->header >> HEADER_BITS);
        r->ip_bytes[i] = x->ip_bytes;
        r->payload_bytes[i] = r->ip_bytes[i] - header;
        r->gap_us[i] = i > 0 ? x->gap_us : 0;
        if (FT_UNLIKELY(header == HEADER_ODD)) {
            const struct more *m = more_of(s, entry, i);

            r->ip_bytes[i] |= (uint32_t)m->ip_high << IP_LOW;
            r->payload_bytes[i] = (uint32_t)m->payload_bytes;
            r->gap_us[i] |= (uint64_t)m->gap_high << GAP_LOW;
        }
        r->tcp_flags[i] = x->tcp_flags;
        r->tcp_window[i] = x->tcp_window;
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
