/* SPDX-License-Identifier: Apache-2.0 */
/* model: composition of columns, see columns.h. */
#include "model/columns.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

enum { WORD = 64 };

const struct ft_column_set *const ft_column_sets[] = {
    &ft_columns_base,
#define X(symbol, name) &ft_columns_##name,
#include "model/parts.def"
#undef X
    NULL,
};

/* Takes the next word of a comma list; a word that is too long is cut. */
static void next_word(const char **at, char out[WORD])
{
    size_t len = strcspn(*at, ","), n = len < WORD ? len : WORD - 1;

    memcpy(out, *at, n);
    out[n] = '\0';
    *at += len;
}

/* ---- profiles ---- */

static bool add_profile(const char *word, uint32_t *sets, struct ft_nearest *nearest)
{
    uint32_t before = *sets;
    bool all = strcmp(word, "all") == 0, known = all;

    ft_nearest_try(nearest, word, "all");
    for (uint32_t i = 0; ft_column_sets[i] != NULL; i++) {
        bool it = strcmp(word, ft_column_sets[i]->profile) == 0;

        ft_nearest_try(nearest, word, ft_column_sets[i]->profile);
        known |= it;
        *sets |= (uint32_t)(it || (all && ft_column_sets[i]->in_all)) << i;
    }
    *sets = known ? *sets : before;
    return known;
}

static int no_profile(const char *word, const struct ft_nearest *nearest, struct ft_err *err)
{
    char names[256];
    size_t at = 0;

    if (nearest->name != NULL) {
        return ft_err_set(err, FT_E_USAGE, "'%s': there is no such profile; did you mean %s?", word,
                          nearest->name);
    }
    for (uint32_t i = 0; ft_column_sets[i] != NULL && at < sizeof names; i++) {
        at += (size_t)snprintf(names + at, sizeof names - at, "%s, ", ft_column_sets[i]->profile);
    }
    return ft_err_set(err, FT_E_USAGE, "'%s': there is no such profile (there are: %sall)", word,
                      names);
}

int ft_profiles_parse(const char *list, uint32_t *out_sets, struct ft_err *err)
{
    uint32_t sets = 1; /* base */
    char word[WORD];

    for (;; list++) {
        struct ft_nearest nearest = {0};

        next_word(&list, word);
        if (!add_profile(word, &sets, &nearest)) {
            return no_profile(word, &nearest, err);
        }
        if (*list == '\0') {
            *out_sets = sets;
            return FT_OK;
        }
    }
}

/* ---- compositions ---- */

static void append(struct ft_columns *to, const struct ft_field *f, const struct ft_column_set *set)
{
    if (to->n < FT_COLUMNS_MAX) { /* a test has all of them in one */
        to->col[to->n++] =
            (struct ft_column){f, set, set != NULL ? set->part : (uint8_t)FT_PART_CORE};
    }
}

/* The last one to its place by rank. */
static void sink(struct ft_columns *c)
{
    for (uint32_t i = c->n - 1; i > 0 && c->col[i - 1].field->rank > c->col[i].field->rank; i--) {
        struct ft_column one = c->col[i];

        c->col[i] = c->col[i - 1];
        c->col[i - 1] = one;
    }
}

void ft_columns_compose(uint32_t sets, struct ft_columns *out)
{
    out->n = 0;
    out->flat = false;
    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        const struct ft_column_set *s = ft_column_sets[k];

        for (uint32_t i = 0; i < s->n && (sets >> k & 1) != 0; i++) {
            append(out, &s->rows[i], s);
            sink(out);
        }
    }
}

void ft_columns_rows(const struct ft_field *rows, uint32_t n, struct ft_columns *out)
{
    out->n = 0;
    out->flat = false;
    for (uint32_t i = 0; i < n; i++) {
        append(out, &rows[i], NULL);
    }
}

/* The column of a name among those of from, or NULL and the nearest. */
static const struct ft_column *find(const struct ft_columns *from, const char *name,
                                    struct ft_nearest *nearest)
{
    for (uint32_t i = 0; i < from->n; i++) {
        if (strcmp(from->col[i].field->name, name) == 0) {
            return &from->col[i];
        }
        ft_nearest_try(nearest, name, from->col[i].field->name);
    }
    return NULL;
}

static int pick(const struct ft_columns *from, const char *list, struct ft_columns *out,
                struct ft_err *err)
{
    char word[WORD];

    out->n = 0;
    out->flat = true;
    for (;; list++) {
        struct ft_nearest nearest = {0};
        const struct ft_column *c;

        next_word(&list, word);
        c = find(from, word, &nearest);
        if (c == NULL) {
            return nearest.name != NULL
                       ? ft_err_set(err, FT_E_USAGE,
                                    "'%s': there is no such column; did you mean %s?", word,
                                    nearest.name)
                       : ft_err_set(err, FT_E_USAGE,
                                    "'%s': there is no such column (flowtap schema lists them)",
                                    word);
        }
        if (find(out, word, &nearest) != NULL) {
            return ft_err_set(err, FT_E_USAGE, "'%s': is named twice", word);
        }
        append(out, c->field, c->set);
        if (*list == '\0') {
            return FT_OK;
        }
    }
}

int ft_columns_pick(const char *list, struct ft_columns *out, struct ft_err *err)
{
    struct ft_columns all;

    ft_columns_compose(UINT32_MAX, &all);
    return pick(&all, list, out, err);
}

int ft_columns_pick_rows(const struct ft_field *rows, uint32_t n, const char *list,
                         struct ft_columns *out, struct ft_err *err)
{
    struct ft_columns all;

    ft_columns_rows(rows, n, &all);
    return pick(&all, list, out, err);
}

uint32_t ft_columns_parts(const struct ft_columns *c)
{
    uint32_t parts = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        parts |= 1u << c->col[i].part;
    }
    return parts;
}
