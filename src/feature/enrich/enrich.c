/* SPDX-License-Identifier: Apache-2.0 */
/* feature/enrich: AS, country and network of a flow's hosts. Nothing is kept of flows: files are
 * asked when a record is written. */
#include "feature/enrich/enrich.h"

#include <string.h>

#include "base/mem.h"
#include "feature/feature.h"

/* owner: the table's thread */
struct enrich {
    const struct ft_enrich *tables; /* borrowed, or NULL */
    struct ft_enrich_cache *cache;  /* owned */
    struct ft_enrich_record record;
};

static int enrich_open(void *state, const struct ft_feature_config *cfg)
{
    struct enrich *e = state;

    e->tables = cfg->enrich;
    e->record.if_in = cfg->interface;
    e->cache = ft_map_alloc_sparse(sizeof *e->cache);
    return e->cache != NULL ? FT_OK : FT_E_NOMEM;
}

static void enrich_close(void *state)
{
    ft_map_free(((struct enrich *)state)->cache, sizeof(struct ft_enrich_cache));
}

static size_t enrich_budget(const struct ft_feature_config *cfg, uint32_t *out_flow)
{
    (void)cfg;
    (void)out_flow;
    return sizeof(struct ft_enrich_cache);
}

void ft_enrich_use(void *state, const struct ft_enrich *tables)
{
    struct enrich *e = state;

    e->tables = tables;
    e->cache->of = NULL; /* other tables may lie where those did */
}

static const void *enrich_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct enrich *e = state;

    (void)entry;
    ft_enrich_ask(e->cache, e->tables, core->ip_version, core->src, &e->record.side[0]);
    ft_enrich_ask(e->cache, e->tables, core->ip_version, core->dst, &e->record.side[1]);
    return &e->record;
}

/* --anonymize. AS and country of a host tell its network, and what is known of one address of a
 * mapped prefix is known of all: they go. Names of networks are somebody's own words, like others.
 */
static void hide_side(struct ft_cryptopan *map, enum ft_names names, struct ft_enrich_record *r,
                      int side)
{
    struct ft_enrich_side *s = &r->side[side];
    uint8_t *text = (uint8_t *)r->hidden[side];

    s->as = 0;
    s->as_name = NULL;
    s->country[0] = '\0';
    if (s->network != NULL && names == FT_NAMES_HASH) {
        ft_cryptopan_name(map, (const uint8_t *)s->network, s->network_len, text,
                          FT_CRYPTOPAN_NAME);
        s->network = r->hidden[side];
        s->network_len = FT_CRYPTOPAN_NAME;
    } else {
        s->network = NULL;
    }
}

static const char *hide_interface(struct ft_cryptopan *map, enum ft_names names, const char *name,
                                  char out[FT_ENRICH_HIDDEN])
{
    if (name == NULL || names != FT_NAMES_HASH) {
        return NULL;
    }
    ft_cryptopan_name(map, (const uint8_t *)name, strlen(name), (uint8_t *)out, FT_CRYPTOPAN_NAME);
    out[FT_CRYPTOPAN_NAME] = '\0';
    return out;
}

static void enrich_hide(struct ft_cryptopan *map, enum ft_names names, void *part)
{
    struct ft_enrich_record *r = part;

    hide_side(map, names, r, 0);
    hide_side(map, names, r, 1);
    r->if_in = hide_interface(map, names, r->if_in, r->hidden[2]);
    r->if_out = hide_interface(map, names, r->if_out, r->hidden[3]);
}

const struct ft_feature ft_feature_enrich = {
    .name = "enrich",
    .meaning = "AS, country and network of the hosts, as files say, and names of interfaces",
    .columns = &ft_columns_enrich,
    .state = sizeof(struct enrich),
    .open = enrich_open,
    .close = enrich_close,
    .budget = enrich_budget,
    .record = enrich_record,
    .hide = enrich_hide,
    .part = sizeof(struct ft_enrich_record),
};
