/* SPDX-License-Identifier: Apache-2.0 */
/* feature/tunnel: tunnel. Few flows have any of it: of the others a bit says so. */
#include "feature/feature.h"

#include <string.h>

enum { ECN_CE = 3 /* RFC 3168 §5 */ };

/* What is kept of a flow that has any of it. */
struct flow {
    struct ft_tunnel_record record;
    uint8_t type; /* enum ft_tunnel_type, of the first packet out of one */
};

_Static_assert(sizeof(struct flow) == 64, "one cache line");

/* owner: the table's thread */
struct tunnel {
    struct flow *of; /* [entries], mapped */
    uint64_t *has;   /* bits by entry: of holds; mapped */
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct tunnel, of, FT_ARRAY_FEW),
    FT_FEATURE_BITS(struct tunnel, has),
};

/* A packet out of a tunnel. Of one whose id is part of the key, both directions have it. */
static void take_tunnel(struct flow *x, const struct ft_packet *pkt, int d)
{
    struct ft_tunnel_record *r = &x->record;
    bool keyed = (pkt->key.bits & FT_KEY_TUNNEL) != 0;

    if (x->type == FT_TUNNEL_NONE) {
        x->type = pkt->tunnel;
        r->version = pkt->tunnel_version;
        r->depth = pkt->tunnel_depth;
        memcpy(d == FT_DIR_FWD ? r->src : r->dst, pkt->outer[0], sizeof r->src);
        memcpy(d == FT_DIR_FWD ? r->dst : r->src, pkt->outer[1], sizeof r->dst);
    }
    if (pkt->tunnel == x->type && (pkt->tunnel_flags & FT_TUNNEL_ID) && !r->has_rev_id &&
        (d == FT_DIR_REV || keyed)) {
        r->rev_id = pkt->tunnel_id;
        r->has_rev_id = true;
    }
}

FT_COLD static void take(struct tunnel *t, const struct ft_packet *pkt, const struct ft_counted *at)
{
    struct flow *x = &t->of[at->entry];
    struct ft_tunnel_record *r = &x->record;
    int d = at->dir;

    if (!ft_bit_get(t->has, at->entry)) {
        memset(x, 0, sizeof *x);
        ft_bit_set(t->has, at->entry);
    }
    r->fragments[d] += pkt->frag != FT_FRAG_NONE;
    r->ecn_ce[d] += (pkt->tos & ECN_CE) == ECN_CE;
    if ((pkt->mark & FT_MARK_ROCE) && !r->has_roce) {
        r->roce_bth = pkt->roce_bth;
        r->has_roce = true;
    }
    if (pkt->tunnel != FT_TUNNEL_NONE) {
        take_tunnel(x, pkt, d);
    }
}

static void tunnel_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                           uint32_t n)
{
    struct tunnel *t = state;

    for (uint32_t k = 0; k < n; k++) {
        const struct ft_packet *pkt = &pkts[k];

        if (at[k].bits & FT_AT_NEW) {
            ft_bit_clear(t->has, at[k].entry);
        }
        if ((pkt->tunnel | pkt->frag | (pkt->mark & FT_MARK_ROCE)) != 0 ||
            (pkt->tos & ECN_CE) == ECN_CE) {
            take(t, pkt, &at[k]);
        }
    }
}

static const void *tunnel_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    const struct tunnel *t = state;

    (void)core;
    return ft_bit_get(t->has, entry) ? &t->of[entry].record : &ft_tunnel_nothing;
}

static void tunnel_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_tunnel_record *r = part;

    (void)names;
    ft_cryptopan_map_ip(map, r->version, r->src);
    ft_cryptopan_map_ip(map, r->version, r->dst);
}

const struct ft_feature ft_feature_tunnel = {
    .name = "tunnel",
    .meaning = "outer addresses and depth of tunnels; fragments, congestion marks, RoCE",
    .columns = &ft_columns_tunnel,
    .state = sizeof(struct tunnel),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = tunnel_packets,
    .record = tunnel_record,
    .hide = tunnel_hide,
    .part = sizeof(struct ft_tunnel_record),
};
