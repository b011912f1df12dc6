/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: counts and estimates of sampled packets, see collect_samples.h. */
#include "pipeline/collect_samples.h"

#include <string.h>

#include "base/mem.h"

size_t ft__estimates_budget(uint32_t max_flows)
{
    return (size_t)ft_table_entries(max_flows) * sizeof(struct ft__estimate[2]);
}

int ft__estimates_init(struct ft__estimates *e, uint32_t max_flows, const struct ft_hash_seed *seed)
{
    e->entries = ft_table_entries(max_flows);
    e->seed = *seed;
    e->of = ft_map_alloc(ft__estimates_budget(max_flows));
    return e->of != NULL ? FT_OK : FT_E_NOMEM;
}

void ft__estimates_fini(struct ft__estimates *e)
{
    ft_map_free(e->of, e->entries * sizeof *e->of);
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a + b >= a ? a + b : UINT64_MAX;
}

/* The packet as the table is to know it: its key says where it was sampled, too. The addresses
 * stand in addr6, where they are compared in full, so that their word is free for a keyed hash of
 * them with the source (and the IP version, since both have the same places now). */
static void at_source(const struct ft__estimates *e, const struct ft_export_sample *s,
                      struct ft_packet *pkt)
{
    bool v6 = (s->pkt->key.bits & FT_KEY_V6) != 0;
    uint64_t word;

    *pkt = *s->pkt;
    if (!v6) {
        memset(pkt->addr6, 0, sizeof pkt->addr6);
        memcpy(pkt->addr6, &s->pkt->key.addr[0], 4);
        memcpy(pkt->addr6 + 16, &s->pkt->key.addr[1], 4);
        pkt->key.bits |= FT_KEY_V6;
    }
    word = ft_hash_16(&e->seed, ft_load_u64(pkt->key.addr) ^ (v6 ? 0 : 1), s->source);
    memcpy(pkt->key.addr, &word, sizeof word);
    pkt->hash = ft_hash_16(&e->seed, pkt->hash, s->source);
    pkt->ip_len = pkt->ip_len < pkt->frame_len ? pkt->ip_len : pkt->frame_len;
}

void ft__estimates_take(struct ft__estimates *e, struct ft_meter *m, struct ft_export_sample *s,
                        struct ft_tuple_counts *counts)
{
    FT_ALIGNED(32) struct ft_packet pkt;
    struct ft__estimate *est;
    struct ft_counted where;

    at_source(e, s, &pkt);
    ft_meter_count(m, &pkt, 1, &where, counts);
    est = &e->of[where.entry][where.dir];
    if (counts->packets == 1) {
        *est = (struct ft__estimate){s->est_packets, s->est_bytes};
    } else if (est->packets != 0 && s->est_packets != 0) {
        est->packets = add(est->packets, s->est_packets);
        est->bytes = add(est->bytes, s->est_bytes);
    } else {
        *est = (struct ft__estimate){0, 0};
    }
    s->counts = counts;
    s->est_packets = est->packets;
    s->est_bytes = est->bytes;
}
