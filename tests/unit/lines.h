/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of events for tests: instances of formats, and a plain NDJSON walk that the compiled one is
 * held to: column by column, each value by its getter and its type. */
#ifndef FT_TEST_LINES_H
#define FT_TEST_LINES_H

#include <stdlib.h>
#include <string.h>

#include "codec/text/column.h"
#include "codec/text/digits.h"
#include "format/format.h"
#include "model/field_export.h"

/* An instance of a format for these profiles, or of collect (NULL); ended with lines_end(). options
 * NULL: records may hold as much as any could be asked for. */
static inline struct ft_format *lines_open_asked(const char *format, unsigned events,
                                                 const char *profiles, const char *schema,
                                                 const struct ft_set_options *options)
{
    struct ft_columns columns;
    struct ft_format_config cfg = {.columns = &columns,
                                   .events = events,
                                   .collect = profiles == NULL,
                                   .schema = schema,
                                   .options = options};
    struct ft_format *f = NULL;
    struct ft_err err;
    uint32_t sets = 0;

    if (profiles == NULL) {
        cfg.columns = NULL;
    } else if (ft_profiles_parse(profiles, &sets, &err) == FT_OK) {
        ft_columns_compose(sets, &columns);
    }
    if (ft_format_find(format)->open(&cfg, &f, &err) != FT_OK) {
        abort();
    }
    return f;
}

static inline struct ft_format *lines_open(const char *format, unsigned events,
                                           const char *profiles, const char *schema)
{
    return lines_open_asked(format, events, profiles, schema, NULL);
}

static inline void lines_end(struct ft_format *f)
{
    f->ops->end(f);
}

/* Whether an instance writes lines, which are told apart by their ends. */
static inline bool lines_are(const struct ft_format *f)
{
    return f->ops->seal == NULL && f->templates == NULL && !f->ops->binary;
}

/* Whether what flow() or export_flow() returned says that the format cannot hold the record. */
static inline bool lines_unfit(size_t n)
{
    return n > FT_FORMAT_UNFIT(FT_UNFIT__COUNT);
}

static inline uint8_t *lines_group(uint8_t *p, uint8_t before, uint8_t group)
{
    static const char *const names[] = {"",         "flow_key", "aggregate_metrics",
                                        "features", "exporter", "enrichment"};

    if (before == group) {
        return FT_PUT_LIT(p, ",");
    }
    p = before != FT_GROUP_TOP ? FT_PUT_LIT(p, "},") : FT_PUT_LIT(p, ",");
    if (group != FT_GROUP_TOP) {
        p = FT_PUT_LIT(p, "\"");
        p = ft_put_str(p, names[group]);
        p = FT_PUT_LIT(p, "\":{");
    }
    return p;
}

/* A closed object and a comma say the same as a comma and an opened one. */
static inline size_t lines_walk(enum ft_event e, const struct ft_columns *c,
                                const void *const *parts, bool omit_null, uint8_t *out)
{
    uint8_t group = FT_GROUP_TOP, *p = out;

    p = FT_PUT_LIT(p, "{\"event_type\":\"");
    p = ft_put_str(p, ft_event_type(e));
    p = FT_PUT_LIT(p, "\"");
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_field *f = c->col[i].field;
        const void *part = c->col[i].fixed != NULL ? c->col[i].fixed : parts[c->col[i].part];
        struct ft_value v = {.null = true};

        if (part != NULL && f->type != FT_T_JSON) {
            ft_field_get(f, part, &v);
        }
        if (omit_null && v.null && f->type != FT_T_JSON) {
            continue;
        }
        p = lines_group(p, group, c->flat ? (uint8_t)FT_GROUP_TOP : f->group);
        group = c->flat ? (uint8_t)FT_GROUP_TOP : f->group;
        p = FT_PUT_LIT(p, "\"");
        p = ft_put_str(p, f->name);
        p = FT_PUT_LIT(p, "\":");
        if (f->type == FT_T_JSON) {
            p = f->json(part, p);
        } else {
            p = v.null ? FT_PUT_LIT(p, "null") : ft_put_value(p, (enum ft_type)f->type, &v, true);
        }
    }
    p = group != FT_GROUP_TOP ? FT_PUT_LIT(p, "}}\n") : FT_PUT_LIT(p, "}\n");
    return (size_t)(p - out);
}

/* An event that is one struct. */
static inline size_t lines_walk_rows(enum ft_event e, const struct ft_field *rows, uint32_t n,
                                     const void *event, uint8_t *out)
{
    const void *part[1] = {event};
    struct ft_columns c;

    ft_columns_rows(rows, n, &c);
    return lines_walk(e, &c, part, false, out);
}

static inline size_t lines_walk_export(enum ft_event e, const void *event, uint8_t *out)
{
    uint32_t n;
    const struct ft_field *rows = ft_fields_export(e, &n);

    return lines_walk_rows(e, rows, n, event, out);
}

#endif
