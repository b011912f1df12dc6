/* SPDX-License-Identifier: Apache-2.0 */
/* format: what the columnar formats share, see table.h. */
#include "format/table.h"

#include "flowtap/version.h"
#include "format/columnar.h"

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

int ft__table_init(struct ft__table *t, const struct ft_format_config *cfg)
{
    struct ft__batch_options options = {.binary_addresses = cfg->binary_addresses,
                                        .owners = cfg->options};
    enum ft_event e = ft__columnar_event(cfg);
    struct ft_columns columns;

    ft__columnar_columns(cfg, e, &columns);
    ft__columnar_profiles(&columns, t->profiles);
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
