/* SPDX-License-Identifier: Apache-2.0 */
/* feature/link: what the frames of a flow's first packets say: later ones are not looked at. */
#include "feature/feature.h"

#include <string.h>

#include "base/mem.h"

struct flow {
    struct ft_link_record record;
    bool known; /* the first packet had a frame */
} FT_ALIGNED(32);

_Static_assert(sizeof(struct flow) == 32, "two in a cache line");

/* owner: the table's thread */
struct link {
    struct flow *of; /* [entries], mapped */
    uint32_t entries;
};

static size_t link_budget(const struct ft_feature_config *cfg, uint32_t *out_flow)
{
    *out_flow = sizeof(struct flow);
    return (size_t)cfg->entries * sizeof(struct flow) + sizeof(struct link);
}

static void link_close(void *state)
{
    struct link *l = state;

    if (l != NULL) {
        ft_map_free(l->of, l->entries * sizeof *l->of);
        ft_mem_free(l);
    }
}

static int link_open(const struct ft_feature_config *cfg, void **out)
{
    struct link *l = ft_mem_alloc(1, sizeof *l);

    if (l == NULL) {
        return FT_E_NOMEM;
    }
    l->entries = cfg->entries;
    l->of = ft_map_alloc(l->entries * sizeof *l->of);
    if (l->of == NULL) {
        link_close(l);
        return FT_E_NOMEM;
    }
    *out = l;
    return FT_OK;
}

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

const struct ft_feature ft_feature_link = {
    .name = "link",
    .meaning = "what the frames of the first packets say",
    .columns = &ft_columns_link,
    .link = true,
    .budget = link_budget,
    .open = link_open,
    .close = link_close,
    .packets = link_packets,
    .ask = link_ask,
    .record = link_record,
};
