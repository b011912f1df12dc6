/* SPDX-License-Identifier: Apache-2.0 */
/* serve: alerts by their rules, see alerts.h. */
#include "serve/alerts.h"

#include <string.h>

#include "detect/rules.h"

enum { RULE, FIXED };

/* Words of the rule, which stand with it; and what is of flowtap, not of what was seen. */
static bool is_of_rule(const char *name)
{
    static const char *const names[] = {"rule",       "source",      "threshold",
                                        "thresholds", "observer_id", "observation_domain",
                                        "entity",     "last_seen"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

void ft__alerts_columns(const struct ft_desk *d, struct ft__grid *g, struct ft_text *sql)
{
    const struct ft__desk_columns *t = &d->table[FT__ALERT];

    ft_text_put(sql, "SELECT rule");
    ft__grid_column(g, "rule", FT__GRID_HIDDEN);
    ft_text_put(sql, ", thresholds");
    ft__grid_column(g, "thresholds", FT__GRID_HIDDEN);
    for (uint32_t i = 0; i < t->n; i++) {
        enum ft_veiled how = ft_veil_shows(d, &t->column[i]);

        if (how != FT_VEILED_NOT && !is_of_rule(t->column[i].name)) {
            ft_text_format(sql, ", \"%s\"", t->column[i].name);
            ft__grid_column(g, t->column[i].name, (uint8_t)how);
        }
    }
    ft_text_put(sql, " FROM alert WHERE ");
}

static const struct ft_rule *known(const char *name, size_t len)
{
    for (uint32_t i = 0; i < FT_RULE__COUNT; i++) {
        if (strlen(ft_rules_known[i].name) == len &&
            memcmp(ft_rules_known[i].name, name, len) == 0) {
            return &ft_rules_known[i];
        }
    }
    return NULL;
}

static bool same_rule(const struct ft__grid *g, size_t a, size_t b)
{
    size_t x, y;
    const char *p = ft__grid_text(g, a, RULE, &x), *q = ft__grid_text(g, b, RULE, &y);

    return x == y && memcmp(p, q, x) == 0;
}

/* The first row of a rule: nobody said it before. */
static bool is_first(const struct ft__grid *g, size_t row)
{
    for (size_t i = 0; i < row; i++) {
        if (same_rule(g, i, row)) {
            return false;
        }
    }
    return true;
}

static void put_rule(const struct ft_desk *d, const struct ft__grid *g, size_t row,
                     struct ft_text *out)
{
    size_t len;
    const char *name = ft__grid_text(g, row, RULE, &len);
    const struct ft_rule *r = known(name, len);

    ft_text_put(out, "{\"rule\":");
    ft_veil_text(name, len, out);
    if (r != NULL) {
        ft_text_format(out, ",\"meaning\":\"%s\",\"source\":\"%s\"", r->meaning, r->source);
    }
    (void)d;
    ft_text_put(out, ",\"thresholds\":");
    name = ft__grid_text(g, row, FIXED, &len);
    ft_text_json(out, name, len < 200 ? len : 200);
    ft_text_put(out, ",");
}

static void put_all(const struct ft_desk *d, const struct ft__grid *g, size_t rows, double end_s,
                    struct ft_text *out)
{
    bool any = false;

    ft_text_put(out, "\"rules\":[");
    for (size_t i = 0; i < rows; i++) {
        if (!is_first(g, i)) {
            continue;
        }
        struct ft__grid of = {.n = g->n, .pool = g->pool};

        memcpy(of.column, g->column, sizeof of.column);
        for (size_t k = i; k < rows; k++) {
            struct ft__grid_cell *row = same_rule(g, i, k) ? ft__grid_add(&of) : NULL;

            if (row != NULL) {
                memcpy(row, ft__grid_at(g, k, 0), g->n * sizeof *row);
            } else {
                out->failed |= same_rule(g, i, k);
            }
        }
        ft_text_put(out, any ? "," : "");
        put_rule(d, g, i, out);
        ft__grid_put(d, &of, end_s, SIZE_MAX, out);
        ft_text_put(out, "}");
        any = true;
        of.pool = (struct ft_text){0}; /* it was borrowed */
        ft__grid_fini(&of);
    }
    ft_text_put(out, "]");
}

size_t ft__alerts_put(const struct ft_desk *d, const struct ft__grid *g, double end_s, size_t most,
                      struct ft_text *out)
{
    size_t before = out->len, rows = g->rows;

    for (;;) {
        put_all(d, g, rows, end_s, out);
        if (out->len <= most || rows <= 1 || out->failed) {
            return rows;
        }
        out->len = before;
        out->p[before] = '\0';
        rows = rows * 4 / 5;
    }
}
