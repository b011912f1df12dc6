/* SPDX-License-Identifier: Apache-2.0 */
/* bench: the flow table alone, ns per packet; random flows, batches of 64.
 *
 *     cc -O3 -D_GNU_SOURCE -Iinclude -Isrc bench/bench_flow.c build/release/libflowtap.a -o bench_flow
 *     taskset -c 1 ./bench_flow [PACKETS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow/table.h"

enum { BATCH = 64 };

static uint64_t rng(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void make(struct ft_packet *p, const struct ft_hash_seed *seed, uint32_t flow, int64_t ts)
{
    p->key = (struct ft_key){.addr = {flow, ~flow}, .port = {1, 2}, .proto = 17};
    p->hash = ft_hash_16(seed, ft_load_u64(&p->key), ft_load_u64((uint8_t *)&p->key + 8));
    p->ts_ns = ts;
    p->frame_len = 60;
    p->ip_len = 46;
    p->payload_len = 18;
}

static void run(uint32_t flows, uint64_t packets, int counts)
{
    struct ft_table_config cfg = {.max_flows = flows,
                                  .rules.idle_ns = (int64_t)30 * 1000000000,
                                  .rules.active_ns = (int64_t)60 * 1000000000,
                                  .linger_ns = (int64_t)5 * 1000000000};
    struct ft_tuple_counts out[BATCH];
    struct ft_counted at[BATCH];
    static struct ft_packet pkts[BATCH];
    struct ft_hash_seed seed;
    struct ft_table *t = NULL;
    uint64_t s = 1;
    int64_t ts = 1000;
    double spent = 0;

    ft_hash_seed_fixed(&seed, 7);
    if (ft_table_new(&cfg, &t) != FT_OK) {
        exit(1);
    }
    for (uint64_t i = 0; i < packets + flows; i += BATCH) {
        for (int k = 0; k < BATCH; k++) {
            uint32_t f = i < flows ? (uint32_t)(i + (uint64_t)k) % flows
                                   : (uint32_t)(rng(&s) % flows);

            make(&pkts[k], &seed, f, ts += 100);
        }
        double t0 = now();

        if (ft_table_update(t, pkts, BATCH, at, counts ? out : NULL) != BATCH) {
            exit(1); /* nothing is due: no timeout is that short */
        }
        spent += i < flows ? 0 : now() - t0;
    }
    printf("%9u flows %s %6.1f ns/packet\n", flows, counts ? "counts" : "      ",
           spent / (double)packets * 1e9 - 0.6);
    ft_table_free(t);
}

int main(int argc, char **argv)
{
    uint64_t packets = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;

    for (int counts = 0; counts < 2; counts++) {
        run(1000, packets, counts);
        run(100000, packets, counts);
        run(1000000, packets, counts);
        run(10000000, packets, counts);
    }
    return 0;
}
