/* SPDX-License-Identifier: Apache-2.0 */
/* format: what the columnar formats share, see table.h. */
#include "format/table.h"

#include "flowtap/version.h"
#include "format/columnar.h"

size_t ft__table_row(const struct ft_format *f, uint8_t *p, const void *const *parts)
{
    return ft__batch_put(((const struct ft__table *)f)->batch, parts, p);
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
    t->n_pairs = 5;
    if (ft__columnar_has_vector(&columns)) {
        t->pairs[t->n_pairs++] =
            (struct ft__pair){"flowtap.vector", ft__columnar_vector_id(cfg, e)};
    }
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
