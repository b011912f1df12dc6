/* SPDX-License-Identifier: Apache-2.0 */
/* format: what the columnar formats share, see table.h. */
#include "format/table.h"

#include <stdio.h>
#include <string.h>

#include "flowtap/version.h"
#include "model/field_export.h"

/* ---- events ---- */

static size_t put_event(const struct ft_format *f, uint8_t *p, const void *event)
{
    const void *part[1] = {event};

    return ft__batch_put(((const struct ft__table *)f)->batch, part, p);
}

size_t ft__table_sample(const struct ft_format *f, uint8_t *p, const struct ft_packet *pkt,
                        const struct ft_tuple_counts *counts)
{
    struct ft_sample s = {pkt, counts};

    return put_event(f, p, &s);
}

size_t ft__table_flow(const struct ft_format *f, uint8_t *p, const struct ft_flow_record *rec)
{
    return ft__batch_put(((const struct ft__table *)f)->batch, rec->part, p);
}

size_t ft__table_stats(const struct ft_format *f, uint8_t *p, const struct ft_stats *s)
{
    return put_event(f, p, s);
}

size_t ft__table_export_flow(const struct ft_format *f, uint8_t *p, size_t room,
                             const struct ft_export_record *rec)
{
    (void)room;
    return put_event(f, p, rec);
}

size_t ft__table_export_event(const struct ft_format *f, uint8_t *p, enum ft_event e,
                              const void *event)
{
    (void)e;
    return put_event(f, p, event);
}

/* ---- columns ---- */

/* The columns of the one kind of event that comes. */
static void columns_of(const struct ft_format_config *cfg, enum ft_event e, struct ft_columns *out)
{
    uint32_t n;

    if (e == FT_EVENT_FLOW && cfg->columns != NULL) {
        *out = *cfg->columns;
    } else {
        const struct ft_field *rows = cfg->collect ? ft_fields_export(e, &n) : ft_fields(e, &n);

        ft_columns_rows(rows, n, out);
    }
    ft_columns_flatten(out);
}

/* The profiles that columns come from, as a list. */
static void name_profiles(const struct ft_columns *c, char out[FT__TABLE_PROFILES])
{
    size_t at = 0;

    for (uint32_t i = 0; ft_column_sets[i] != NULL; i++) {
        bool any = false;

        for (uint32_t k = 0; k < c->n && !any; k++) {
            any = c->col[k].set == ft_column_sets[i];
        }
        if (any && at < FT__TABLE_PROFILES) {
            at += (size_t)snprintf(out + at, FT__TABLE_PROFILES - at, "%s%s", at > 0 ? "," : "",
                                   ft_column_sets[i]->profile);
        }
    }
}

int ft__table_init(struct ft__table *t, const struct ft_format_config *cfg)
{
    struct ft__batch_options options = {.binary_addresses = cfg->binary_addresses};
    enum ft_event e = cfg->events != 0 ? (enum ft_event)__builtin_ctz(cfg->events) : FT_EVENT_FLOW;
    struct ft_columns columns;

    columns_of(cfg, e, &columns);
    name_profiles(&columns, t->profiles);
    t->pairs[0] = (struct ft__pair){"flowtap.event", ft_event_type(e)};
    t->pairs[1] = (struct ft__pair){"flowtap.schema", ft_schema_version()};
    t->pairs[2] = (struct ft__pair){"flowtap.profile", t->profiles};
    t->pairs[3] = (struct ft__pair){"flowtap.variant", cfg->aligned ? "aligned" : "own"};
    t->pairs[4] = (struct ft__pair){"flowtap.version", ft_version()};
    t->batch = ft__batch_new(&columns, &options);
    if (t->batch == NULL) {
        return FT_E_NOMEM;
    }
    t->format.flow_max = ft__batch_row_max(t->batch);
    return FT_OK;
}

void ft__table_fini(struct ft__table *t)
{
    ft__batch_free(t->batch);
}
