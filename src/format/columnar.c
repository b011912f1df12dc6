/* SPDX-License-Identifier: Apache-2.0 */
/* format: the beginnings of outputs that are tables, see columnar.h. */
#include "format/columnar.h"

#include <stdio.h>
#include <string.h>

#include "model/field_export.h"
#include "model/vector.h"

enum ft_event ft__columnar_event(const struct ft_format_config *cfg)
{
    return cfg->events != 0 ? (enum ft_event)__builtin_ctz(cfg->events) : FT_EVENT_FLOW;
}

void ft__columnar_columns(const struct ft_format_config *cfg, enum ft_event e,
                          struct ft_columns *out)
{
    uint32_t n;

    if (e == FT_EVENT_FLOW && cfg->columns != NULL) {
        *out = *cfg->columns;
    } else if (e == FT_EVENT_SAMPLE && cfg->sample_columns != NULL) {
        *out = *cfg->sample_columns;
    } else if (e == FT_EVENT_WINDOW && cfg->window_columns != NULL) {
        *out = *cfg->window_columns;
    } else {
        const struct ft_field *rows = cfg->collect ? ft_fields_export(e, &n) : ft_fields(e, &n);

        ft_columns_rows(rows, n, out);
    }
    ft_columns_observe(out, cfg->observer);
    ft_columns_flatten(out);
}

void ft__columnar_no_objects(struct ft_columns *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        if (c->col[i].field->type != FT_T_JSON) {
            c->col[n++] = c->col[i];
        }
    }
    c->n = n;
}

void ft__columnar_profiles(const struct ft_columns *c, char out[FT__PROFILES_TEXT])
{
    size_t at = 0;

    for (uint32_t i = 0; ft_column_sets[i] != NULL; i++) {
        bool any = false;

        for (uint32_t k = 0; k < c->n && !any; k++) {
            any = c->col[k].set == ft_column_sets[i];
        }
        if (any && at < FT__PROFILES_TEXT) {
            at += (size_t)snprintf(out + at, FT__PROFILES_TEXT - at, "%s%s", at > 0 ? "," : "",
                                   ft_column_sets[i]->profile);
        }
    }
}

bool ft__columnar_has_vector(const struct ft_columns *c)
{
    bool any = false;

    for (uint32_t i = 0; i < c->n; i++) {
        any |= c->col[i].field->type == FT_T_VECTOR;
    }
    return any;
}

const char *ft__columnar_vector_id(const struct ft_format_config *cfg, enum ft_event e)
{
    const struct ft_vector_fits *fits = &ft_vector_builtin;

    if (cfg->options != NULL && cfg->options->vectors != NULL) {
        fits = cfg->options->vectors;
    }
    return fits->of[e == FT_EVENT_WINDOW ? FT_VECTOR_HOST : FT_VECTOR_FLOW].id;
}
