/* SPDX-License-Identifier: Apache-2.0 */
/* feature/sizes: sizes and gaps.
 *
 * Theory of operation: sizes and gaps are whole numbers, so their sums and sums of squares are kept
 * exactly, without a division and without an order; mean and standard deviation are worked out when
 * a record is written, and rounded once. A direction takes 32 bytes, from its second packet on: the
 * first one's size comes with the second. What does not fit the narrow fields (gaps above 4.2 s,
 * packets above 65534 bytes, sums beyond 48 bits) goes to a part of its own, which few flows have.
 * The sum of the sizes stands in the core's counters. */
#include "feature/feature.h"

#include <string.h>

enum { SUM_BITS = 48, AHEAD = 12 };

struct side {
    uint64_t gap_squares;             /* of gaps in ns, low 64 bits */
    uint64_t size_squares : SUM_BITS; /* of IP bytes, low 48 bits */
    uint64_t size_min : 16;           /* IP bytes; UINT16_MAX: in the wide part; so is the next */
    uint64_t gap_sum : SUM_BITS;      /* ns, low 48 bits */
    uint64_t size_max : 16;
    uint32_t gap_min, gap_max; /* ns; UINT32_MAX: in the wide part */
} FT_ALIGNED(32);

struct wide_side {
    uint64_t gap_squares;  /* units of 2^64 */
    uint64_t size_squares; /* units of 2^48; likewise the next */
    uint64_t gap_sum;
    uint64_t gap_min, gap_max;
    uint32_t size_min, size_max;
};

_Static_assert(sizeof(struct side) == 32, "half a cache line a direction");
_Static_assert(sizeof(struct wide_side) == 48, "as docs/architecture.md says");

/* owner: the table's thread */
struct sizes {
    struct side *side[2]; /* [entries] each, like the next; mapped */
    struct wide_side (*wide)[2];
    uint64_t *is_wide; /* bits by entry: wide holds */
    struct ft_sizes_record record;
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct sizes, side[0], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct sizes, side[1], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct sizes, wide, FT_ARRAY_FEW),
    FT_FEATURE_BITS(struct sizes, is_wide),
};

/* The wide part of an entry, made when it is first needed. */
FT_COLD static struct wide_side *wide_of(struct sizes *s, uint32_t entry, int d)
{
    if (!ft_bit_get(s->is_wide, entry)) {
        for (int k = 0; k < 2; k++) {
            s->wide[entry][k] = (struct wide_side){.gap_min = UINT64_MAX, .size_min = UINT32_MAX};
        }
        ft_bit_set(s->is_wide, entry);
    }
    return &s->wide[entry][d];
}

/* A packet of size IP bytes, gap ns after the one before (of the first: no gap), whose sums or
 * itself are beyond the narrow fields. */
FT_COLD static void add_wide(struct sizes *s, const struct ft_counted *at, uint32_t size,
                             uint64_t gap, bool has_gap)
{
    struct side *n = &s->side[at->dir][at->entry];
    struct wide_side *w = wide_of(s, at->entry, at->dir);
    unsigned __int128 gap_squares = (unsigned __int128)gap * gap + n->gap_squares;
    unsigned __int128 sum = (unsigned __int128)n->gap_sum + gap;
    unsigned __int128 size_squares = (unsigned __int128)size * size + n->size_squares;
    uint32_t narrow_gap = gap < UINT32_MAX ? (uint32_t)gap : UINT32_MAX;
    uint16_t narrow_size = size < UINT16_MAX ? (uint16_t)size : UINT16_MAX;

    if (has_gap) {
        w->gap_min = gap < w->gap_min ? gap : w->gap_min;
        w->gap_max = gap > w->gap_max ? gap : w->gap_max;
        n->gap_min = narrow_gap < n->gap_min ? narrow_gap : n->gap_min;
        n->gap_max = narrow_gap > n->gap_max ? narrow_gap : n->gap_max;
    }
    n->gap_squares = (uint64_t)gap_squares;
    w->gap_squares += (uint64_t)(gap_squares >> 64);
    n->gap_sum = (uint64_t)sum;
    w->gap_sum += (uint64_t)(sum >> SUM_BITS);
    n->size_squares = (uint64_t)size_squares & (((uint64_t)1 << SUM_BITS) - 1);
    w->size_squares += (uint64_t)(size_squares >> SUM_BITS);
    w->size_min = size < w->size_min ? size : w->size_min;
    w->size_max = size > w->size_max ? size : w->size_max;
    n->size_min = narrow_size < n->size_min ? narrow_size : n->size_min;
    n->size_max = narrow_size > n->size_max ? narrow_size : n->size_max;
}

/* The second packet of a direction brings the first one's size. */
FT_COLD static void begin(struct sizes *s, const struct ft_counted *at)
{
    uint32_t len = at->first_len;

    s->side[at->dir][at->entry] =
        (struct side){.size_min = UINT16_MAX, .gap_min = UINT32_MAX}; /* all others 0 */
    if (len >= UINT16_MAX) {
        add_wide(s, at, len, 0, false);
        return;
    }
    s->side[at->dir][at->entry].size_squares = (uint64_t)len * len;
    s->side[at->dir][at->entry].size_min = s->side[at->dir][at->entry].size_max = (uint16_t)len;
}

FT_INLINE void add(struct sizes *s, const struct ft_counted *at, uint32_t size)
{
    struct side *n = &s->side[at->dir][at->entry];
    uint64_t gap = at->since_ns > 0 ? (uint64_t)at->since_ns : 0; /* 0: it came late */
    uint64_t squares = n->gap_squares + gap * gap, sum = n->gap_sum + gap;
    uint64_t sizes = n->size_squares + (uint64_t)size * size;

    if (FT_UNLIKELY(gap >= UINT32_MAX || size >= UINT16_MAX || squares < n->gap_squares ||
                    (sum | sizes) >> SUM_BITS != 0)) {
        add_wide(s, at, size, gap, true);
        return;
    }
    n->gap_squares = squares;
    n->gap_sum = sum;
    n->size_squares = sizes;
    n->gap_min = (uint32_t)gap < n->gap_min ? (uint32_t)gap : n->gap_min;
    n->gap_max = (uint32_t)gap > n->gap_max ? (uint32_t)gap : n->gap_max;
    n->size_min = size < n->size_min ? (uint16_t)size : n->size_min;
    n->size_max = size > n->size_max ? (uint16_t)size : n->size_max;
}

FT_INLINE void ask_packet(const struct sizes *s, const struct ft_counted *at)
{
    if ((at->bits & FT_AT_FIRST) == 0) {
        __builtin_prefetch(&s->side[at->dir][at->entry], 1);
    }
}

static void sizes_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                          uint32_t n)
{
    struct sizes *s = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        ask_packet(s, &at[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
        if (k + AHEAD < n) {
            ask_packet(s, &at[k + AHEAD]);
        }
        if (at[k].bits & FT_AT_NEW) {
            ft_bit_clear(s->is_wide, at[k].entry);
        }
        if (at[k].bits & FT_AT_FIRST) {
            continue;
        }
        if (at[k].bits & FT_AT_SECOND) {
            begin(s, &at[k]);
        }
        add(s, &at[k], pkts[k].ip_len);
    }
}

static void sizes_ask(const void *state, uint32_t entry)
{
    const struct sizes *s = state;

    __builtin_prefetch(&s->side[0][entry]);
    __builtin_prefetch(&s->side[1][entry]);
}

/* A direction of one packet, or none: what the core knows of it. */
static void record_few(uint64_t n, uint64_t ip_bytes, struct ft_distribution *size,
                       struct ft_distribution *gap)
{
    *size = (struct ft_distribution){.squares = (unsigned __int128)ip_bytes * ip_bytes,
                                     .sum = ip_bytes,
                                     .n = n,
                                     .min = ip_bytes,
                                     .max = ip_bytes};
    *gap = (struct ft_distribution){0};
}

static void record_side(const struct side *s, const struct wide_side *w, uint64_t n,
                        uint64_t ip_bytes, struct ft_distribution *size,
                        struct ft_distribution *gap)
{
    *size = (struct ft_distribution){.squares = ((unsigned __int128)w->size_squares << SUM_BITS) +
                                                s->size_squares,
                                     .sum = ip_bytes,
                                     .n = n,
                                     .min = s->size_min == UINT16_MAX ? w->size_min : s->size_min,
                                     .max = s->size_max == UINT16_MAX ? w->size_max : s->size_max};
    *gap = (struct ft_distribution){.squares =
                                        ((unsigned __int128)w->gap_squares << 64) + s->gap_squares,
                                    .sum = (w->gap_sum << SUM_BITS) + s->gap_sum,
                                    .n = n - 1,
                                    .min = s->gap_min == UINT32_MAX ? w->gap_min : s->gap_min,
                                    .max = s->gap_max == UINT32_MAX ? w->gap_max : s->gap_max};
}

static const void *sizes_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    static const struct wide_side none;
    struct sizes *s = state;
    struct ft_sizes_record *r = &s->record;
    bool wide = ft_bit_get(s->is_wide, entry);

    for (int d = 0; d < 2; d++) {
        if (core->packets[d] < 2) {
            record_few(core->packets[d], core->ip_bytes[d], &r->size[d], &r->gap[d]);
        } else {
            record_side(&s->side[d][entry], wide ? &s->wide[entry][d] : &none, core->packets[d],
                        core->ip_bytes[d], &r->size[d], &r->gap[d]);
        }
    }
    return r;
}

const struct ft_feature ft_feature_sizes = {
    .name = "sizes",
    .meaning = "how sizes and gaps of the packets are distributed, by direction",
    .columns = &ft_columns_sizes,
    .state = sizeof(struct sizes),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = sizes_packets,
    .ask = sizes_ask,
    .record = sizes_record,
};
