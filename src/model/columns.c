/* SPDX-License-Identifier: Apache-2.0 */
/* model: composition of columns, see columns.h. */
#include "model/columns.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "model/field_export.h"

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

const char *ft_profile_name(uint32_t i, const char **out_meaning)
{
    uint32_t n = 0;

    while (n < i && ft_column_sets[n] != NULL) {
        n++;
    }
    if (ft_column_sets[n] != NULL) {
        *out_meaning = ft_column_sets[n]->meaning;
        return ft_column_sets[n]->profile;
    }
    *out_meaning = "Kitsune's AfterImage: 100 numbers a frame, events of their own; one worker";
    return n == i ? "afterimage" : NULL;
}

static bool add_profile(const char *word, uint32_t *sets, struct ft_nearest *nearest)
{
    uint32_t before = *sets;
    bool all = strcmp(word, "all") == 0, known = all;
    const char *name, *meaning;

    ft_nearest_try(nearest, word, "all");
    for (uint32_t i = 0; (name = ft_profile_name(i, &meaning)) != NULL; i++) {
        const struct ft_column_set *set = ft_column_sets[i];
        bool it = strcmp(word, name) == 0;

        ft_nearest_try(nearest, word, name);
        known |= it;
        *sets |= (uint32_t)(it || (all && set != NULL && set->in_all))
                 << (set != NULL ? i : FT_PROFILE_AFTERIMAGE);
    }
    *sets = known ? *sets : before;
    return known;
}

static int no_profile(const char *word, const struct ft_nearest *nearest, struct ft_err *err)
{
    char names[512];
    const char *name, *meaning;
    size_t at = 0;

    if (nearest->name != NULL) {
        return ft_err_set(err, FT_E_USAGE, "'%s': there is no such profile; did you mean %s?", word,
                          nearest->name);
    }
    for (uint32_t i = 0; at < sizeof names && (name = ft_profile_name(i, &meaning)) != NULL; i++) {
        at += (size_t)snprintf(names + at, sizeof names - at, "%s, ", name);
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
            (struct ft_column){.field = f,
                               .set = set,
                               .fixed = f->of_observer ? &ft_observer_none : NULL,
                               .part = set != NULL ? set->part : (uint8_t)FT_PART_CORE};
    }
}

static void drop(struct ft_columns *c, uint32_t i)
{
    memmove(&c->col[i], &c->col[i + 1], (c->n - i - 1) * sizeof c->col[0]);
    c->n--;
}

/* A tool's column, the last one, replaces that of its name. */
static void replace(struct ft_columns *c)
{
    const struct ft_field *f = c->col[c->n - 1].field;

    for (uint32_t i = 0; i + 1 < c->n; i++) {
        if (strcmp(c->col[i].field->name, f->name) == 0 && c->col[i].field->group == f->group) {
            drop(c, i);
            return;
        }
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

uint32_t ft_column_set_bit(const struct ft_column_set *set)
{
    uint32_t bit = 0;

    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        bit |= (uint32_t)(ft_column_sets[k] == set) << k;
    }
    return bit;
}

uint32_t ft_column_sets_own(void)
{
    uint32_t sets = 0;

    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        sets |= (uint32_t)!ft_column_sets[k]->is_tool << k;
    }
    return sets;
}

void ft_columns_compose(uint32_t sets, struct ft_columns *out)
{
    out->n = 0;
    out->flat = false;
    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        const struct ft_column_set *s = ft_column_sets[k];

        for (uint32_t i = 0; i < s->n && (sets >> k & 1) != 0; i++) {
            append(out, &s->rows[i], s);
            if (s->is_tool) {
                replace(out);
            }
            sink(out);
        }
    }
}

int ft_column_set_tool(const char *profile, const struct ft_column_set **out, struct ft_err *err)
{
    struct ft_nearest nearest = {0};

    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        const struct ft_column_set *set = ft_column_sets[k];

        if (set->is_tool && strcmp(set->profile, profile) == 0) {
            *out = set;
            return FT_OK;
        }
        if (set->is_tool) {
            ft_nearest_try(&nearest, profile, set->profile);
        }
    }
    return nearest.name != NULL
               ? ft_err_set(err, FT_E_USAGE, "'%s': there is no such tool; did you mean %s?",
                            profile, nearest.name)
               : ft_err_set(err, FT_E_USAGE, "'%s' is no profile that is named for a tool",
                            profile);
}

void ft_columns_table(const struct ft_column_set *set, struct ft_columns *out)
{
    out->n = 0;
    out->flat = true;
    for (uint32_t i = 0; i < set->n; i++) {
        append(out, &set->rows[i], set);
    }
}

void ft_columns_flatten(struct ft_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        for (uint32_t k = i + 1; k < c->n; k++) {
            if (strcmp(c->col[i].field->name, c->col[k].field->name) == 0) {
                c->col[i] = c->col[k];
                drop(c, k--);
            }
        }
    }
}

void ft_columns_observe(struct ft_columns *c, const struct ft_observer *observer)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->col[i].field->of_observer) {
            c->col[i].fixed = observer != NULL ? observer : &ft_observer_none;
        }
    }
}

bool ft_column_tells(const struct ft_column *c)
{
    switch ((enum ft_privacy)c->field->privacy) {
    case FT_PRIVACY_IDENTITY:
    case FT_PRIVACY_NAME:
    case FT_PRIVACY_PAYLOAD:
    case FT_PRIVACY_TIME:
    case FT_PRIVACY_BY_VALUE:
        return true;
    case FT_PRIVACY_NONE:
    case FT_PRIVACY_UNSET:
    case FT_PRIVACY__COUNT:
        break;
    }
    return c->field->tells_host;
}

void ft_columns_no_identity(struct ft_columns *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        if (!ft_column_tells(&c->col[i])) {
            c->col[n++] = c->col[i];
        }
    }
    c->n = n;
}

void ft_columns_rows(const struct ft_field *rows, uint32_t n, struct ft_columns *out)
{
    out->n = 0;
    out->flat = false;
    for (uint32_t i = 0; i < n; i++) {
        append(out, &rows[i], NULL);
    }
}

void ft_columns_windows(bool vectors, struct ft_columns *out)
{
    uint32_t n, n_more;
    const struct ft_field *rows = ft_fields(FT_EVENT_WINDOW, &n);
    const struct ft_field *more = ft_fields_window_vector(&n_more);

    ft_columns_rows(rows, n, out);
    for (uint32_t k = 0; vectors && k < n_more; k++) {
        append(out, &more[k], &ft_columns_vector);
        out->col[out->n - 1].part = FT_PART_CORE; /* the row itself */
    }
}

void ft_columns_exported(bool enriched, struct ft_columns *out)
{
    const struct ft_column_set *set = &ft_columns_enrich;
    uint32_t n;
    const struct ft_field *rows = ft_fields_export(FT_EVENT_FLOW, &n);

    out->n = 0;
    out->flat = false;
    for (uint32_t i = 0; i < n; i++) {
        bool first = rows[i].of_observer && (i == 0 || !rows[i - 1].of_observer);

        for (uint32_t k = 0; enriched && first && k < set->n; k++) {
            append(out, &set->rows[k], set);
        }
        append(out, &rows[i], NULL); /* those of the observer end it */
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

/* Likewise of several compositions, one after the other. */
static const struct ft_column *find_any(const struct ft_columns *from, uint32_t n, const char *name,
                                        struct ft_nearest *nearest)
{
    const struct ft_column *c = NULL;

    for (uint32_t k = 0; k < n && c == NULL; k++) {
        c = find(&from[k], name, nearest);
    }
    return c;
}

static int no_column(const char *word, const struct ft_nearest *nearest, struct ft_err *err)
{
    return nearest->name != NULL
               ? ft_err_set(err, FT_E_USAGE, "'%s': there is no such column; did you mean %s?",
                            word, nearest->name)
               : ft_err_set(err, FT_E_USAGE,
                            "'%s': there is no such column (flowtap schema lists them)", word);
}

static int pick(const struct ft_columns *from, uint32_t n, const char *list, struct ft_columns *out,
                struct ft_err *err)
{
    char word[WORD];

    out->n = 0;
    out->flat = true;
    for (;; list++) {
        struct ft_nearest nearest = {0};
        const struct ft_column *c;

        next_word(&list, word);
        c = find_any(from, n, word, &nearest);
        if (c == NULL) {
            return no_column(word, &nearest, err);
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

int ft_columns_pick(const char *list, uint32_t sets, struct ft_columns *out, struct ft_err *err)
{
    enum { OF_SETS, OWN, TOOLS };
    struct ft_columns *from = ft_mem_alloc(TOOLS + FT_COLUMN_SETS_MAX, sizeof *from);
    uint32_t n = TOOLS;
    int rc;

    if (from == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    ft_columns_compose(sets, &from[OF_SETS]);
    ft_columns_flatten(&from[OF_SETS]);
    ft_columns_compose(ft_column_sets_own(), &from[OWN]);
    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        if (ft_column_sets[k]->is_tool) {
            ft_columns_table(ft_column_sets[k], &from[n++]);
        }
    }
    rc = pick(from, n, list, out, err);
    ft_mem_free(from);
    return rc;
}

int ft_columns_pick_rows(const struct ft_field *rows, uint32_t n, const char *list,
                         struct ft_columns *out, struct ft_err *err)
{
    struct ft_columns all;

    ft_columns_rows(rows, n, &all);
    return pick(&all, 1, list, out, err);
}

int ft_columns_pick_windows(const char *list, struct ft_columns *out, struct ft_err *err)
{
    struct ft_columns all;
    int rc;

    ft_columns_windows(true, &all);
    rc = pick(&all, 1, list, out, err);
    for (uint32_t i = 0; rc == FT_OK && i < out->n; i++) {
        out->col[i].part = FT_PART_CORE; /* the row itself */
    }
    return rc;
}

int ft_columns_pick_exported(const char *list, struct ft_columns *out, struct ft_err *err)
{
    struct ft_columns all;

    ft_columns_exported(true, &all);
    return pick(&all, 1, list, out, err);
}

size_t ft_columns_lists_room(const struct ft_columns *c, const struct ft_set_options *options)
{
    static const uint8_t digits[FT_T__COUNT] = {
        [FT_T_BOOL] = 5, [FT_T_U8] = 3,   [FT_T_U16] = 5,  [FT_T_U32] = 10,
        [FT_T_U64] = 20, [FT_T_I64] = 20, [FT_T_F64] = 26, [FT_T_F32] = 17};
    size_t room = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct ft_field *f = c->col[i].field;
        size_t n =
            options != NULL && f->asked != NULL ? f->asked(options->of[c->col[i].part]) : f->most;

        room += f->type == FT_T_BYTES ? 2 * n + 2 : 0; /* as hex, in quotes */
        if (f->type == FT_T_LIST || f->type == FT_T_LISTS || f->type == FT_T_VECTOR) {
            room += n * (digits[f->item] + 1u) + 4 + 3u * f->most_lists;
        }
    }
    return room;
}

uint32_t ft_columns_parts(const struct ft_columns *c)
{
    uint32_t parts = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        parts |= 1u << c->col[i].part;
    }
    return parts;
}
