/* SPDX-License-Identifier: Apache-2.0 */
/* Packets for the flow tests, made without a decoder, and a place where records end up. */
#ifndef FT_TEST_FLOW_MAKE_H
#define FT_TEST_FLOW_MAKE_H

#include "flow/table.h"
#include "harness.h"

#define SEC  INT64_C(1000000000)
#define BASE (1700000000 * SEC)

static struct ft_hash_seed make_seed = {{11, 22, 33, 44}};

static inline void make_hash(struct ft_packet *p)
{
    p->hash = ft_hash_16(&make_seed, ft_load_u64(&p->key), ft_load_u64((uint8_t *)&p->key + 8));
}

/* side 0: sent by the lower end. Addresses 10.0.0.1 (lo) and 10.0.0.2 (hi), ports flow and 80. */
static inline struct ft_packet make_packet(uint16_t flow, int side, int64_t ts, uint8_t proto,
                                           uint8_t flags)
{
    struct ft_packet p = {0};

    p.key = (struct ft_key){.addr = {0x0100000a, 0x0200000a}, .port = {flow, 80}, .proto = proto};
    p.ts_ns = ts;
    p.frame_len = 100;
    p.ip_len = 86;
    p.payload_len = 46;
    p.swap = (uint8_t)side;
    p.tcp_flags = flags;
    make_hash(&p);
    return p;
}

#ifndef SINK_RECORDS
#define SINK_RECORDS 4096
#endif

struct sink {
    struct ft_flow_record rec[SINK_RECORDS];
    uint32_t n;
};

/* Takes what is due into a sink, or nowhere. */
static inline void take_dues(struct ft_table *t, struct sink *s)
{
    struct ft_flow_record rec;

    for (const struct ft_due *due; (due = ft_table_due(t, 0)) != NULL; ft_table_release(t)) {
        memset(&rec, 0, sizeof rec);
        ft_table_record(t, &rec);
        if (s != NULL && s->n < sizeof s->rec / sizeof s->rec[0]) {
            s->rec[s->n] = rec;
        }
        if (s != NULL) {
            s->n++;
        }
    }
}

/* As the pipeline does it: packets, then timers, records in between. */
static inline void take_packets(struct ft_table *t, struct sink *s, const struct ft_packet *pkts,
                                uint32_t n, struct ft_tuple_counts *counts)
{
    struct ft_counted at[64];
    uint32_t timers = 2 * n;

    for (uint32_t done = 0; done < n;) {
        uint32_t k = ft_table_update(t, pkts + done, n - done, at, counts ? counts + done : NULL);

        if (k == 0 && ft_table_due(t, 0) == NULL) {
            abort(); /* it promised to count one */
        }
        take_dues(t, s);
        done += k;
    }
    while (ft_table_tick(t, FT_PACKET_TIME, &timers)) {
        take_dues(t, s);
    }
    take_dues(t, s);
}

static inline void take_flush(struct ft_table *t, struct sink *s, int64_t end_ns,
                              enum ft_reason reason)
{
    while (ft_table_flush(t, end_ns, reason)) {
        take_dues(t, s);
    }
    take_dues(t, s);
}

/* ---- the tests of one packet at a time have one sink ---- */

static struct sink out;

static inline struct ft_table *make_table(uint32_t max_flows)
{
    struct ft_table_config cfg = {.max_flows = max_flows,
                                  .rules.idle_ns = 30 * SEC,
                                  .rules.active_ns = 60 * SEC,
                                  .linger_ns = 5 * SEC};
    struct ft_table *t = NULL;

    memset(&out, 0, sizeof out);
    if (ft_table_new(&cfg, &t) != FT_OK) {
        abort();
    }
    return t;
}

static inline void feed(struct ft_table *t, struct ft_packet p)
{
    take_packets(t, &out, &p, 1, NULL);
}

static inline void advance(struct ft_table *t, int64_t now_ns)
{
    uint32_t timers = 1000;

    while (ft_table_tick(t, now_ns, &timers)) {
        take_dues(t, &out);
    }
    take_dues(t, &out);
}

static inline void flush(struct ft_table *t, int64_t end_ns, enum ft_reason reason)
{
    take_flush(t, &out, end_ns, reason);
}

static inline struct ft_table_stats stats_of(const struct ft_table *t)
{
    struct ft_table_stats s;

    ft_table_get_stats(t, &s);
    return s;
}

#endif
