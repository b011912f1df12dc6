/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tcp: tcp: where the state of a connection lies, and its part of a record.
 *
 * Theory of operation: every segment touches one line of an entry (hot). The round trips of the
 * handshake, 8 bytes, lie apart; what goes wrong, and how it ends, in cold; what was captured twice
 * in copies: see tcp.h. */
#include <string.h>

#include "base/time.h"
#include "feature/tcp/tcp.h"

enum { PROTO_TCP = 6, AHEAD = 12 };

/* owner: the table's thread */
struct tcp {
    struct ft__tcp_hot *hot; /* [entries], mapped, like the next three */
    uint32_t (*trip)[2];     /* struct ft__tcp.rtt_us */
    struct ft__tcp_cold *cold;
    struct ft__tcp_copies (*copies)[2]; /* what was captured twice */
    struct ft_tcp_record record;
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct tcp, hot, FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct tcp, trip, FT_ARRAY_EVERY),
    FT_FEATURE_ARRAY(struct tcp, cold, FT_ARRAY_FEW),
    FT_FEATURE_ARRAY(struct tcp, copies, FT_ARRAY_FEW),
};

static struct ft__tcp at_entry(struct tcp *t, uint32_t entry, const int64_t *last_ns,
                               int64_t since_ns)
{
    return (struct ft__tcp){.hot = &t->hot[entry],
                            .cold = &t->cold[entry],
                            .copies = t->copies[entry],
                            .rtt_us = {&t->trip[entry][0], &t->trip[entry][1]},
                            .last_ns = last_ns,
                            .since_ns = since_ns};
}

/* A segment that is not plain. Not inlined: what it needs is not worked out for every packet. */
__attribute__((noinline)) static void slow_segment(struct tcp *t, const struct ft_packet *pkt,
                                                   const struct ft_counted *at)
{
    bool newest = (at->bits & FT_AT_FIRST) || at->since_ns > 0;
    int64_t last_ns[2];

    last_ns[at->dir] =
        newest ? pkt->ts_ns : (int64_t)((uint64_t)pkt->ts_ns - (uint64_t)at->since_ns);
    last_ns[!at->dir] = at->other_ns;
    struct ft__tcp tcp = at_entry(t, at->entry, last_ns, at->since_ns);

    ft__tcp_slow(&tcp, pkt, at->dir);
}

FT_INLINE void segment(struct tcp *t, const struct ft_packet *pkt, const struct ft_counted *at)
{
    if (at->bits & FT_AT_NEW) {
        bool answer = (pkt->tcp_flags & (FT_TCP_SYN | FT_TCP_ACK)) == (FT_TCP_SYN | FT_TCP_ACK);

        ft__tcp_begin(&t->hot[at->entry], answer && at->dir == FT_DIR_REV);
    }
    if ((at->bits & FT_AT_ISN) && (pkt->tcp_flags & FT_TCP_SYN)) {
        t->hot[at->entry].side[FT_DIR_FWD].begun = true;
    }
    if (FT_UNLIKELY(!ft__tcp_plain(&t->hot[at->entry], pkt, at->dir, at->since_ns))) {
        slow_segment(t, pkt, at);
    }
}

FT_INLINE void ask_packet(const struct tcp *t, const struct ft_packet *pkt,
                          const struct ft_counted *at)
{
    if (pkt->key.proto == PROTO_TCP) {
        __builtin_prefetch(&t->hot[at->entry], 1);
    }
}

static void tcp_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                        uint32_t n)
{
    struct tcp *t = state;

    for (uint32_t k = 0; k < n && k < AHEAD; k++) {
        ask_packet(t, &pkts[k], &at[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
        if (k + AHEAD < n) {
            ask_packet(t, &pkts[k + AHEAD], &at[k + AHEAD]);
        }
        if (pkts[k].key.proto == PROTO_TCP) {
            segment(t, &pkts[k], &at[k]);
        }
    }
}

static void tcp_ask(const void *state, uint32_t entry)
{
    const struct tcp *t = state;

    __builtin_prefetch(&t->hot[entry]);
    __builtin_prefetch(&t->trip[entry]);
}

static const void *tcp_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    static const int64_t none[2];
    struct tcp *t = state;

    if (core->proto != PROTO_TCP) {
        return NULL;
    }
    struct ft__tcp tcp = at_entry(t, entry, none, 0);

    ft__tcp_record(&tcp, &t->record);
    return &t->record;
}

const struct ft_feature ft_feature_tcp = {
    .name = "tcp",
    .meaning = "what the sequence numbers of a connection tell: history, round trips, losses",
    .columns = &ft_columns_tcp,
    .state = sizeof(struct tcp),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = tcp_packets,
    .ask = tcp_ask,
    .record = tcp_record,
};
