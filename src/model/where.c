/* SPDX-License-Identifier: Apache-2.0 */
/* model: a record is asked, see where.h. */
#include "model/where.h"

#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "model/where_parts.h"

static ft__i128 whole_of(enum ft_type type, const struct ft_value *v)
{
    switch (type) {
    case FT_T_TIME:
        return ft_time_floor(v->i, 1000);
    case FT_T_I64:
        return v->i;
    default:
        return v->u;
    }
}

static unsigned compare_whole(ft__i128 x, const struct ft__where_operand *o)
{
    if (x != o->whole) {
        return x < o->whole ? FT__BELOW : FT__ABOVE;
    }
    return o->more ? FT__BELOW : FT__EQUAL;
}

/* The text of a value. */
static const char *text_of(enum ft_type type, const struct ft_value *v, size_t *out_len)
{
    if (type == FT_T_TEXT) {
        *out_len = v->text_len;
        return (const char *)v->text;
    }
    *out_len = strlen(v->s);
    return v->s;
}

static uint8_t lower(char c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool begins(const char *s, size_t len, const char *word, size_t n)
{
    size_t i = 0;

    while (i < n && i < len && lower(s[i]) == lower(word[i])) {
        i++;
    }
    return i == n;
}

static bool holds(const char *s, size_t len, const struct ft__where_operand *o)
{
    for (size_t at = 0; at + o->len <= len; at++) {
        if (begins(s + at, len - at, o->text, o->len)) {
            return true;
        }
    }
    return false;
}

/* The last * takes one more byte each time that what follows it does not fit: len * o->len steps at
 * most. */
static bool is_like(const char *s, size_t len, const struct ft__where_operand *o)
{
    size_t at = 0, p = 0, star = SIZE_MAX, from = 0;

    while (at < len) {
        if (p < o->len && o->text[p] == '*') {
            star = p++;
            from = at;
        } else if (p < o->len && lower(o->text[p]) == lower(s[at])) {
            p++;
            at++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            at = ++from;
        } else {
            return false;
        }
    }
    while (p < o->len && o->text[p] == '*') {
        p++;
    }
    return p == o->len;
}

static bool compare_text(const struct ft__where_test *t, const struct ft_value *v,
                         const struct ft__where_operand *o)
{
    size_t len;
    const char *s = text_of((enum ft_type)t->column.field->type, v, &len);

    switch (t->kind) {
    case FT__WHERE_HOLDS:
        return holds(s, len, o);
    case FT__WHERE_GLOB:
        return is_like(s, len, o);
    default:
        return len == o->len && memcmp(s, o->text, len) == 0;
    }
}

/* Equal, or what is not: above. */
static unsigned same(bool equal)
{
    return equal ? FT__EQUAL : FT__ABOVE;
}

/* Text of a real has 15 digits at least (ft_put_f64): what was written is to be found again. */
static unsigned compare_real(double v, const struct ft__where_operand *o)
{
    double near = 1e-15 * (v < 0 ? -v : v);

    return v < o->real - near ? FT__BELOW : v > o->real + near ? FT__ABOVE : FT__EQUAL;
}

static unsigned compare(const struct ft__where_test *t, const struct ft_value *v,
                        const struct ft__where_operand *o)
{
    switch (t->kind) {
    case FT__WHERE_WHOLE:
        return compare_whole(whole_of((enum ft_type)t->column.field->type, v), o);
    case FT__WHERE_REAL:
        return compare_real(v->f, o);
    case FT__WHERE_ADDR:
        return same(ft_prefix_holds(&o->prefix, v->ip_version, v->addr));
    default:
        return same(compare_text(t, v, o));
    }
}

static bool test_holds(const struct ft_where *w, const struct ft__where_test *t,
                       const void *const *parts)
{
    struct ft_value v;

    ft_column_get(&t->column, parts, &v);
    if (t->kind == FT__WHERE_NULL) {
        return (same(v.null) & t->wanted) != 0;
    }
    for (uint32_t i = 0; !v.null && i < t->n; i++) {
        if (compare(t, &v, &w->operands[t->first + i]) & t->wanted) {
            return true;
        }
    }
    return false;
}

bool ft_where_holds(const struct ft_where *w, const void *const *parts)
{
    uint16_t at = w->start;

    while (at < w->n_tests) {
        const struct ft__where_test *t = &w->tests[at];

        at = test_holds(w, t, parts) ? t->yes : t->no;
    }
    return at == FT__WHERE_YES;
}

int ft_where_flow(const char *text, bool exported, struct ft_where **out, struct ft_err *err)
{
    struct ft_columns all;

    if (exported) {
        ft_columns_exported(true, &all);
    } else {
        ft_columns_compose(ft_column_sets_own(), &all);
    }
    return ft_where_new(text, all.col, all.n, out, err);
}

void ft_where_observe(struct ft_where *w, const struct ft_observer *observer)
{
    for (uint32_t i = 0; w != NULL && i < w->n_tests; i++) {
        if (w->tests[i].column.field->of_observer) {
            w->tests[i].column.fixed = observer;
        }
    }
}

const struct ft_column *ft_where_uses(const struct ft_where *w, uint32_t i)
{
    return i < w->n_tests ? &w->tests[i].column : NULL;
}

void ft_where_free(struct ft_where *w)
{
    if (w != NULL) {
        ft_mem_free(w->operands);
        ft_mem_free(w->words);
        ft_mem_free(w);
    }
}
