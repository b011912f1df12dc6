/* SPDX-License-Identifier: Apache-2.0 */
/* feature/link: what the frames of a flow's first packets say: later ones are not looked at. */
#include "feature/feature.h"

#include <string.h>

struct flow {
    struct ft_link_record record;
    bool known; /* the first packet had a frame */
} FT_ALIGNED(32);

_Static_assert(sizeof(struct flow) == 32, "two in a cache line");

/* owner: the table's thread */
struct link {
    struct flow *of; /* [entries], mapped */
};

static const struct ft_feature_array arrays[] = {
    FT_FEATURE_ARRAY(struct link, of, FT_ARRAY_EVERY),
};

static void take(struct flow *x, const struct ft_packet *pkt, const struct ft_counted *at)
{
    bool has = (pkt->mark & FT_MARK_LINK) != 0;
    int d = at->dir;

    if (at->bits & FT_AT_NEW) {
        x->record.flow_label[0] = x->record.flow_label[1] = UINT32_MAX;
        x->known = has;
        if (has) {
            memcpy(x->record.mac[d], pkt->mac[0], sizeof x->record.mac[0]);
            memcpy(x->record.mac[!d], pkt->mac[1], sizeof x->record.mac[0]);
        }
    }
    x->record.flow_label[d] = has ? pkt->flow_label : UINT32_MAX;
}

static void link_packets(void *state, const struct ft_packet *pkts, const struct ft_counted *at,
                         uint32_t n)
{
    struct link *l = state;

    for (uint32_t k = 0; k < n; k++) {
        if (at[k].bits & FT_AT_FIRST) {
            __builtin_prefetch(&l->of[at[k].entry], 1);
        }
    }
    for (uint32_t k = 0; k < n; k++) {
        if (at[k].bits & FT_AT_FIRST) {
            take(&l->of[at[k].entry], &pkts[k], &at[k]);
        }
    }
}

static void link_ask(const void *state, uint32_t entry)
{
    __builtin_prefetch(&((const struct link *)state)->of[entry]);
}

static const void *link_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    const struct link *l = state;

    (void)core;
    return l->of[entry].known ? &l->of[entry].record : NULL;
}

static void link_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_link_record *r = part;

    (void)names;
    ft_cryptopan_mac(map, r->mac[0]);
    ft_cryptopan_mac(map, r->mac[1]);
}

const struct ft_feature ft_feature_link = {
    .name = "link",
    .meaning = "what the frames of the first packets say",
    .columns = &ft_columns_link,
    .link = true,
    .state = sizeof(struct link),
    .arrays = arrays,
    .n_arrays = sizeof arrays / sizeof *arrays,
    .packets = link_packets,
    .ask = link_ask,
    .record = link_record,
    .hide = link_hide,
    .part = sizeof(struct ft_link_record),
};
