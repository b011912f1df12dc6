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

struct sink {
    struct ft_flow_record rec[4096];
    uint32_t n;
};

static inline void sink_emit(void *cookie, const struct ft_flow_record *rec)
{
    struct sink *s = cookie;

    if (s->n < sizeof s->rec / sizeof s->rec[0]) {
        s->rec[s->n] = *rec;
    }
    s->n++;
}

static inline struct ft_table *make_table(struct sink *s, uint32_t max_flows)
{
    struct ft_table_config cfg = {
        .max_flows = max_flows, .idle_ns = 30 * SEC, .active_ns = 60 * SEC, .linger_ns = 5 * SEC};
    struct ft_table *t = NULL;

    memset(s, 0, sizeof *s);
    if (ft_table_new(&cfg, sink_emit, s, &t) != FT_OK) {
        abort();
    }
    return t;
}

static inline void feed(struct ft_table *t, struct ft_packet p)
{
    ft_table_update(t, &p, 1, NULL);
}

static inline struct ft_table_stats stats_of(const struct ft_table *t)
{
    struct ft_table_stats s;

    ft_table_get_stats(t, &s);
    return s;
}

#endif
