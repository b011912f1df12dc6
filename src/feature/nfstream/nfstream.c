/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nfstream: what NFStream says of a flow, worked out without its floating point.
 *
 * Theory of operation: a direction takes one line. NFStream has times in whole milliseconds and
 * sizes in bytes, so their sums and sums of squares are whole numbers, kept exactly; its running
 * means and deviations are worked out of them when a record is written, and rounded once. What a
 * field has no room for, and sums that come near their end, go to a wide part of its own, and the
 * narrow one begins anew: a record is both together. Gaps whatever the direction count for the
 * direction of the packet behind them. Packets, bytes and times stand in the core.
 *
 * The first packets of --nfstream-splt take 8 bytes each, eight a line; the lines lie as those of
 * feature/splt do. */
#include "feature/feature.h"

#include <string.h>

#include "base/range.h"
#include "feature/flags.h"

enum { SUM_BITS = 48, AHEAD = 12, PER_LINE = 8, MS = 1000000 };
enum { TUNNEL_NONE = 0, TUNNEL_GTP = 1, TUNNEL_CAPWAP = 2, TUNNEL_TZSP = 3 }; /* nDPI's numbers */

struct side {
    uint64_t size_squares : SUM_BITS; /* of bytes */
    uint64_t size_min : 16;
    uint64_t gap_squares : SUM_BITS; /* of ms; of this direction */
    uint64_t size_max : 16;
    uint64_t any_squares : SUM_BITS; /* likewise, whatever the direction */
    uint64_t : 16;
    uint32_t gap_sum, any_sum;
    uint32_t gap_min, gap_max; /* min above max: none yet; likewise all others */
    uint32_t any_min, any_max;
    uint64_t flags[2]; /* feature/flags.h */
} FT_ALIGNED(64);

struct wide_side {
    unsigned __int128 size_squares, gap_squares, any_squares;
    uint64_t gap_sum, any_sum;
    uint64_t gap_min, gap_max, any_min, any_max;
    uint64_t flags[FT_FLAGS];
    uint32_t size_min, size_max;
};

_Static_assert(sizeof(struct side) == 64, "a cache line a direction");
_Static_assert(sizeof(struct wide_side) == 176, "as docs/architecture.md says");

static const struct wide_side empty = {
    .gap_min = UINT64_MAX, .any_min = UINT64_MAX, .size_min = UINT32_MAX};

/* One of the first packets. */
struct one {
    uint32_t gap_ms; /* of the flow's first packet, which has none: how many there are */
    uint32_t size : 31;
    uint32_t dir : 1;
};

struct line {
    struct one of[PER_LINE];
} FT_ALIGNED(64);

_Static_assert(sizeof(struct line) == 64, "eight packets in a cache line");

/* owner: the table's thread */
struct nfstream {
    struct side *side[2]; /* [entries] each, like the next; mapped */
    struct wide_side (*wide)[2];
    uint64_t *is_wide; /* bits by entry: wide holds */
    struct line *line; /* [lines][entries], mapped */
    uint64_t *full;    /* bits by entry: it has all that it may have; mapped */
    uint32_t entries, most;
    struct ft_nfstream_record record;
};

/* One where none is asked for: it is not touched. */
static uint32_t lines(const struct ft_feature_config *cfg)
{
    uint32_t n = ((uint32_t)cfg->option[0] + PER_LINE - 1) / PER_LINE;

    return n > 0 ? n : 1;
}

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct nfstream, side[0], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct nfstream, side[1], FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct nfstream, wide, FT_ARRAY_FEW),
    FT_FEATURE_BITS(struct nfstream, is_wide),
    {offsetof(struct nfstream, line), sizeof(struct line), FT_ARRAY_LONG, lines},
    FT_FEATURE_BITS(struct nfstream, full),
};

static int nfstream_open(void *state, const struct ft_feature_config *cfg)
{
    struct nfstream *s = state;

    s->entries = cfg->entries;
    s->most = (uint32_t)cfg->option[0];
    return FT_OK;
}

/* ---- sums ---- */

static void begin_sums(struct side *n)
{
    *n = (struct side){.size_min = UINT16_MAX, .gap_min = UINT32_MAX, .any_min = UINT32_MAX};
}

static void add_size(struct wide_side *w, uint32_t min, uint32_t max)
{
    w->size_min = min < w->size_min ? min : w->size_min;
    w->size_max = max > w->size_max ? max : w->size_max;
}

/* Adds a narrow part to a wide one. */
static void widen(struct wide_side *w, const struct side *n)
{
    w->size_squares += n->size_squares;
    w->gap_squares += n->gap_squares;
    w->any_squares += n->any_squares;
    w->gap_sum += n->gap_sum;
    w->any_sum += n->any_sum;
    if (n->size_min <= n->size_max) {
        add_size(w, (uint32_t)n->size_min, (uint32_t)n->size_max);
    }
    if (n->gap_min <= n->gap_max) {
        ft_least(&w->gap_min, n->gap_min);
        ft_most(&w->gap_max, n->gap_max);
    }
    if (n->any_min <= n->any_max) {
        ft_least(&w->any_min, n->any_min);
        ft_most(&w->any_max, n->any_max);
    }
    ft_flags_widen(w->flags, n->flags);
}

/* The wide part of a direction with all that its narrow one held, which begins anew. */
FT_COLD static struct wide_side *wide_of(struct nfstream *s, const struct ft_counted *at)
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

/* What a packet adds. */
struct step {
    uint64_t size, gap_ms, any_ms;
    bool has_gap, has_any;
};

/* A packet that the narrow part has no room for. */
FT_COLD static void add_wide(struct nfstream *s, const struct ft_counted *at, const struct step *x)
{
    struct wide_side *w = wide_of(s, at);

    w->size_squares += (unsigned __int128)x->size * x->size;
    add_size(w, (uint32_t)x->size, (uint32_t)x->size);
    if (x->has_gap) {
        w->gap_squares += (unsigned __int128)x->gap_ms * x->gap_ms;
        w->gap_sum += x->gap_ms;
        ft_least(&w->gap_min, x->gap_ms);
        ft_most(&w->gap_max, x->gap_ms);
    }
    if (x->has_any) {
        w->any_squares += (unsigned __int128)x->any_ms * x->any_ms;
        w->any_sum += x->any_ms;
        ft_least(&w->any_min, x->any_ms);
        ft_most(&w->any_max, x->any_ms);
    }
}

FT_INLINE bool fits(const struct step *x, uint64_t sums, uint64_t squares)
{
    return x->size < UINT16_MAX && ((x->gap_ms | x->any_ms | sums) >> 32) == 0 &&
           squares >> SUM_BITS == 0;
}

FT_INLINE void add(struct nfstream *s, const struct ft_counted *at, const struct step *x)
{
    struct side *n = &s->side[at->dir][at->entry];
    uint32_t gap = (uint32_t)x->gap_ms, any = (uint32_t)x->any_ms;
    uint64_t gap_sum = n->gap_sum + x->gap_ms, any_sum = n->any_sum + x->any_ms;
    uint64_t sizes = n->size_squares + x->size * x->size;
    uint64_t gaps = n->gap_squares + (uint64_t)gap * gap;
    uint64_t anys = n->any_squares + (uint64_t)any * any;

    if (FT_UNLIKELY(!fits(x, gap_sum | any_sum, sizes | gaps | anys))) {
        add_wide(s, at, x);
        return;
    }
    n->size_squares = sizes;
    n->gap_squares = gaps;
    n->any_squares = anys;
    n->gap_sum = (uint32_t)gap_sum;
    n->any_sum = (uint32_t)any_sum;
    n->size_min = x->size < n->size_min ? (uint16_t)x->size : n->size_min;
    n->size_max = x->size > n->size_max ? (uint16_t)x->size : n->size_max;
    if (x->has_gap) {
        n->gap_min = gap < n->gap_min ? gap : n->gap_min;
        n->gap_max = gap > n->gap_max ? gap : n->gap_max;
    }
    if (x->has_any) {
        n->any_min = any < n->any_min ? any : n->any_min;
        n->any_max = any > n->any_max ? any : n->any_max;
    }
}

/* ---- times ---- */

/* Whole milliseconds, as NFStream cuts them. */
FT_INLINE int64_t ms_of(int64_t ns)
{
    return ns / MS - (ns % MS < 0);
}

/* Milliseconds from a packet ns earlier to this one, both cut; 0: it came late. */
FT_INLINE uint64_t gap_of(int64_t ts_ns, uint64_t ns)
{
    return (uint64_t)(ms_of(ts_ns) - ms_of((int64_t)((uint64_t)ts_ns - ns)));
}

FT_INLINE struct step step_of(const struct ft_packet *pkt, const struct ft_counted *at)
{
    bool has_gap = (at->bits & FT_AT_FIRST) == 0;
    uint64_t since = has_gap && at->since_ns > 0 ? (uint64_t)at->since_ns : 0;

    return (struct step){.size = pkt->frame_len,
                         .has_gap = has_gap,
                         .has_any = (at->bits & FT_AT_NEW) == 0,
                         .gap_ms = gap_of(pkt->ts_ns, since),
                         .any_ms = gap_of(pkt->ts_ns, ft_counted_gap(at, pkt->ts_ns))};
}

/* ---- the first packets ---- */

FT_INLINE struct one *at_place(const struct nfstream *s, uint32_t entry, uint32_t i)
{
    return &s->line[(size_t)(i / PER_LINE) * s->entries + entry].of[i % PER_LINE];
}

FT_INLINE void take(struct nfstream *s, const struct ft_counted *at, const struct step *x)
{
    struct one *first = at_place(s, at->entry, 0);
    uint32_t i = at->bits & FT_AT_NEW ? 0 : first->gap_ms;

    *at_place(s, at->entry, i) =
        (struct one){.gap_ms = x->any_ms < UINT32_MAX ? (uint32_t)x->any_ms : UINT32_MAX,
                     .size = x->size < INT32_MAX ? (uint32_t)x->size & INT32_MAX : INT32_MAX,
                     .dir = at->dir & 1};
    first->gap_ms = i + 1;
    if (i + 1 == s->most) {
        ft_bit_set(s->full, at->entry);
    }
}

/* ---- packets ---- */

FT_INLINE void ask_packet(const struct nfstream *s, const struct ft_counted *at)
{
    __builtin_prefetch(&s->side[at->dir][at->entry], 1);
    if (!ft_bit_get(s->full, at->entry)) {
        __builtin_prefetch(at_place(s, at->entry, 0), 1);
    }
}

static void begin_flow(struct nfstream *s, uint32_t entry)
{
    ft_bit_clear(s->is_wide, entry);
    if (s->most > 0) {
        ft_bit_clear(s->full, entry);
    } else {
        ft_bit_set(s->full, entry);
    }
}

static void nfstream_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                             uint32_t n)
{
    struct nfstream *s = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        ask_packet(s, &at[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
        struct step x = step_of(&pkts[k], &at[k]);
        struct side *side = &s->side[at[k].dir][at[k].entry];

        if (k + AHEAD < n) {
            ask_packet(s, &at[k + AHEAD]);
        }
        if (at[k].bits & FT_AT_NEW) {
            begin_flow(s, at[k].entry);
        }
        if (at[k].bits & FT_AT_FIRST) {
            begin_sums(side);
        }
        add(s, &at[k], &x);
        if (pkts[k].tcp_flags != 0 && FT_UNLIKELY(ft_flags_add(side->flags, pkts[k].tcp_flags))) {
            (void)wide_of(s, &at[k]);
        }
        if (!ft_bit_get(s->full, at[k].entry)) {
            take(s, &at[k], &x);
        }
    }
}

/* ---- records ---- */

static void nfstream_ask(const void *state, uint32_t entry)
{
    const struct nfstream *s = state;

    __builtin_prefetch(&s->side[0][entry]);
    __builtin_prefetch(&s->side[1][entry]);
    if (s->most > 0) {
        __builtin_prefetch(at_place(s, entry, 0));
    }
}

static void set_times(struct ft_nfstream_side *x, int64_t first_ns, int64_t last_ns)
{
    x->first_ms = (uint64_t)ms_of(first_ns);
    x->last_ms = (uint64_t)ms_of(last_ns);
    x->duration_ms = x->last_ms - x->first_ms;
}

/* Of the directions' wide parts: [0] forward. */
static void record_side(const struct wide_side *w, const struct ft_flow_record *core, int d,
                        struct ft_nfstream_side *x)
{
    bool gaps = core->packets[d] > 1;

    *x = (struct ft_nfstream_side){.size = {.squares = w->size_squares,
                                            .sum = core->bytes[d],
                                            .n = core->packets[d],
                                            .min = w->size_min,
                                            .max = w->size_max},
                                   .gap = {.squares = w->gap_squares,
                                           .sum = w->gap_sum,
                                           .n = core->packets[d] - 1,
                                           .min = gaps ? w->gap_min : 0,
                                           .max = gaps ? w->gap_max : 0}};
    memcpy(x->flags, w->flags, sizeof w->flags);
    set_times(x, core->dir_first_ns[d], core->dir_last_ns[d]);
}

static void record_both(const struct wide_side w[2], const struct ft_flow_record *core,
                        struct ft_nfstream_side *x)
{
    uint64_t n = core->packets[0] + core->packets[1];
    uint64_t least_ms = w[0].any_min < w[1].any_min ? w[0].any_min : w[1].any_min;
    uint64_t most_ms = w[0].any_max > w[1].any_max ? w[0].any_max : w[1].any_max;

    *x = (struct ft_nfstream_side){
        .size = {.squares = w[0].size_squares + w[1].size_squares,
                 .sum = core->bytes[0] + core->bytes[1],
                 .n = n,
                 .min = w[0].size_min < w[1].size_min ? w[0].size_min : w[1].size_min,
                 .max = w[0].size_max > w[1].size_max ? w[0].size_max : w[1].size_max},
        .gap = {.squares = w[0].any_squares + w[1].any_squares,
                .sum = w[0].any_sum + w[1].any_sum,
                .n = n - 1,
                .min = n > 1 ? least_ms : 0,
                .max = n > 1 ? most_ms : 0}};
    for (int i = 0; i < FT_FLAGS; i++) {
        x->flags[i] = w[0].flags[i] + w[1].flags[i];
    }
    set_times(x, core->first_ns, core->last_ns);
}

static int64_t expiration_of(uint8_t reason)
{
    switch (reason) {
    case FT_REASON_ACTIVE:
        return 1;
    case FT_REASON_EVICTED:
    case FT_REASON_REUSE:
    case FT_REASON_END:
        return -1;
    default:
        return 0;
    }
}

static uint8_t tunnel_of(uint8_t type)
{
    return type == FT_TUNNEL_GTPU     ? TUNNEL_GTP
           : type == FT_TUNNEL_CAPWAP ? TUNNEL_CAPWAP
           : type == FT_TUNNEL_TZSP   ? TUNNEL_TZSP
                                      : TUNNEL_NONE;
}

static void record_core(const struct ft_flow_record *core, struct ft_nfstream_record *r)
{
    const struct ft_link_record *link = core->part[FT_PART_LINK];
    bool ports = ft_proto_has_ports(core->proto);

    r->id = core->flow_id;
    r->expiration_id = expiration_of(core->reason);
    memcpy(r->src, core->src, sizeof r->src);
    memcpy(r->dst, core->dst, sizeof r->dst);
    memset(r->mac, 0, sizeof r->mac);
    if (link != NULL) {
        memcpy(r->mac, link->mac, sizeof r->mac);
    }
    r->src_port = ports ? core->src_port : 0;
    r->dst_port = ports ? core->dst_port : 0;
    r->vlan_id = core->scope & 0xfff;
    r->proto = core->proto;
    r->ip_version = core->ip_version;
    r->tunnel_id = tunnel_of(core->tunnel);
}

static void record_splt(const struct nfstream *s, uint32_t entry, struct ft_nfstream_record *r)
{
    uint32_t n = s->most > 0 ? at_place(s, entry, 0)->gap_ms : 0;

    r->n_splt = s->most;
    for (uint32_t i = PER_LINE; i < n; i += PER_LINE) {
        __builtin_prefetch(at_place(s, entry, i));
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct one *x = at_place(s, entry, i);

        r->splt_direction[i] = x->dir;
        r->splt_ps[i] = x->size;
        r->splt_piat_ms[i] = i > 0 ? x->gap_ms : 0;
    }
    for (uint32_t i = n; i < s->most; i++) {
        r->splt_direction[i] = r->splt_ps[i] = r->splt_piat_ms[i] = -1;
    }
}

static const void *nfstream_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct nfstream *s = state;
    struct ft_nfstream_record *r = &s->record;
    struct wide_side w[2] = {empty, empty};

    for (int d = 0; d < 2; d++) {
        struct ft_nfstream_side *x = &r->side[d == 0 ? FT_NFSTREAM_FWD : FT_NFSTREAM_REV];

        if (core->packets[d] == 0) {
            *x = (struct ft_nfstream_side){0};
            continue;
        }
        if (ft_bit_get(s->is_wide, entry)) {
            w[d] = s->wide[entry][d];
        }
        widen(&w[d], &s->side[d][entry]);
        record_side(&w[d], core, d, x);
    }
    record_both(w, core, &r->side[FT_NFSTREAM_BOTH]);
    record_core(core, r);
    record_splt(s, entry, r);
    return r;
}

static void nfstream_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    static const uint8_t none[6];
    struct ft_nfstream_record *r = part;

    (void)names;
    r->id = ft_cryptopan_id(map, r->id);
    ft_cryptopan_map_ip(map, r->ip_version, r->src);
    ft_cryptopan_map_ip(map, r->ip_version, r->dst);
    for (int side = 0; side < 2; side++) {
        if (memcmp(r->mac[side], none, sizeof none) != 0) {
            ft_cryptopan_mac(map, r->mac[side]);
        }
    }
}

const struct ft_feature ft_feature_nfstream = {
    .name = "nfstream",
    .meaning = "what NFStream says of flows",
    .columns = &ft_columns_nfstream,
    .needs = 1u << FT_PART_LINK,
    .state = sizeof(struct nfstream),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .open = nfstream_open,
    .packets = nfstream_packets,
    .ask = nfstream_ask,
    .record = nfstream_record,
    .hide = nfstream_hide,
    .part = sizeof(struct ft_nfstream_record),
};
