/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool flows: flow records, filtered, in an order, page by page. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/time.h"
#include "serve/cursor.h"
#include "serve/filter.h"
#include "serve/grid.h"

enum { LIMIT = 20, COLUMNS_MOST = 40, COUNT_MOST = 100000, LIST_MOST = 2000 };

#define DEFAULT_COLUMNS                                                                            \
    "flow_id,timestamp,src_ip,dst_ip,dst_port,protocol,byte_count,packet_count,estimated_bytes,"   \
    "duration_us,conn_state,app,tls_sni,dns_query,http_host"

struct question {
    struct ft__cursor cursor;
    const char *filter;
    const struct ft__desk_column *columns[COLUMNS_MOST];
    uint32_t n;
    const struct ft__desk_column *order;
    bool descending, by_place; /* the order has no values that a cursor can hold */
    bool is_next;              /* it goes on */
    uint32_t limit;
    size_t most; /* bytes */
};

/* ---- columns ---- */

static int no_column(const struct ft_desk *d, const char *name, struct ft_err *err)
{
    struct ft_nearest nearest = {0};

    for (uint32_t i = 0; i < d->table[FT__FLOW].n; i++) {
        ft_nearest_try(&nearest, name, d->table[FT__FLOW].column[i].name);
    }
    return nearest.name != NULL
               ? ft_err_set(err, FT_E_USAGE, "'%s': there is no such column; did you mean %s?",
                            name, nearest.name)
               : ft_err_set(err, FT_E_USAGE, "'%s': there is no such column in this store", name);
}

static int add_column(struct ft_desk *d, struct question *q, const char *name, bool asked,
                      struct ft_err *err)
{
    const char *plain = strncmp(name, "untrusted_", 10) == 0 ? name + 10 : name;
    const struct ft__desk_column *c = ft__desk_find(d, FT__FLOW, plain);

    if (c == NULL) {
        return asked ? no_column(d, plain, err) : FT_OK;
    }
    if (ft_veil_shows(d, c) == FT_VEILED_NOT) {
        return asked ? ft_err_set(err, FT_E_USAGE, "%s is not shown at privacy level %d", plain,
                                  d->privacy)
                     : FT_OK;
    }
    for (uint32_t i = 0; i < q->n; i++) {
        if (q->columns[i] == c) {
            return ft_err_set(err, FT_E_USAGE, "columns: %s is there twice", plain);
        }
    }
    if (q->n == COLUMNS_MOST) {
        return ft_err_set(err, FT_E_USAGE, "columns: at most %d are possible", COLUMNS_MOST);
    }
    q->columns[q->n++] = c;
    return FT_OK;
}

static int read_columns(struct ft_desk *d, const char *list, struct question *q, struct ft_err *err)
{
    const char *at = list != NULL ? list : DEFAULT_COLUMNS;
    int rc = FT_OK;

    while (*at != '\0' && rc == FT_OK) {
        char word[FT__DESK_NAME];
        size_t len, n;

        at += strspn(at, " ");
        len = strcspn(at, ",");
        n = len < sizeof word ? len : sizeof word - 1;
        memcpy(word, at, n);
        while (n > 0 && word[n - 1] == ' ') {
            n--;
        }
        word[n] = '\0';
        rc = n > 0 ? add_column(d, q, word, list != NULL, err) : FT_OK;
        at += len + (at[len] != '\0');
    }
    return rc == FT_OK && q->n == 0 ? ft_err_set(err, FT_E_USAGE, "columns: there is none") : rc;
}

/* ---- order ---- */

static int read_order(struct ft_desk *d, const char *text, struct question *q, struct ft_err *err)
{
    const char *name = text != NULL ? text : "-timestamp";

    q->descending = name[0] == '-';
    name += q->descending;
    q->order = ft__desk_find(d, FT__FLOW, name);
    if (q->order == NULL) {
        return no_column(d, name, err);
    }
    enum ft_veiled how = ft_veil_shows(d, q->order);
    const struct ft_field *f = q->order->field;
    bool who = q->order->privacy == FT_PRIVACY_IDENTITY && d->privacy >= FT_PRIVACY_MAPPED;

    if (how == FT_VEILED_NOT || who) {
        return ft_err_set(err, FT_E_USAGE,
                          "order: at privacy level %d rows are not put in the order of %s",
                          d->privacy, name);
    }
    q->by_place = f == NULL || f->type > FT_T_I64;
    q->by_place &= how != FT_VEILED_TIME;
    return FT_OK;
}

/* Times in microseconds, or where they are shown to a second in seconds; what is beyond 63 bits is
 * a real number to SQLite. */
static void put_order(const struct ft_desk *d, const struct question *q, struct ft_text *sql)
{
    const char *name = q->order->name;

    if (q->order->form == FT_STORE_TIME) {
        ft_text_format(sql,
                       d->privacy >= FT_PRIVACY_MAPPED ? "CAST(\"%s\" AS INTEGER)"
                                                       : "CAST(round(\"%s\" * 1e6) AS INTEGER)",
                       name);
    } else if (q->order->field != NULL && q->order->field->type == FT_T_U64) {
        ft_text_format(sql, "min(\"%s\", 9223372036854775807)", name);
    } else {
        ft_text_format(sql, "\"%s\"", name);
    }
}

/* ---- SQL ---- */

static void put_from_here(const struct ft_desk *d, const struct question *q, struct ft_text *sql)
{
    const struct ft__cursor *c = &q->cursor;

    if (!q->is_next || !c->has_value) {
        return;
    }
    ft_text_put(sql, " AND (");
    if (!c->null) {
        put_order(d, q, sql);
        ft_text_format(sql, " %s %lld OR ", q->descending ? "<=" : ">=", (long long)c->value);
    }
    put_order(d, q, sql);
    ft_text_put(sql, " IS NULL)");
}

/* Of the newest first, those of a part of the window come before all others: this is where the part
 * is that ends where the answer begins. False: the order is another one. */
static bool newest_part(const struct ft_desk *d, const struct question *q, int64_t part,
                        struct ft__span *out)
{
    const struct ft__cursor *c = &q->cursor;
    int64_t unit = d->privacy >= FT_PRIVACY_MAPPED ? 1000000 : 1;

    *out = c->span;
    if (!q->descending || strcmp(q->order->name, "timestamp") != 0 || (q->is_next && c->null)) {
        return false;
    }
    if (q->is_next && c->value < c->span.from_us / unit) {
        return false; /* no answer has such a cursor */
    }
    if (q->is_next && c->value < c->span.to_us / unit) {
        out->to_us = (c->value + 1) * unit;
    }
    if (out->to_us - out->from_us > part) { /* of the first unit all, or none */
        out->from_us = ft_time_floor(out->to_us - (out->to_us - out->from_us) / part, unit) * unit;
    }
    return true;
}

static int select_rows(struct ft_desk *d, const struct question *q, const struct ft__span *span,
                       struct ft_text *sql, struct ft_err *err)
{
    ft_text_put(sql, "SELECT ");
    for (uint32_t i = 0; i < q->n; i++) {
        ft_text_format(sql, "\"%s\", ", q->columns[i]->name);
    }
    put_order(d, q, sql);
    ft_text_put(sql, " FROM flow WHERE ");
    ft__span_sql(span, sql);
    int rc = ft__filter_sql(d, FT__FLOW, q->filter, sql, err);

    put_from_here(d, q, sql);
    ft_text_put(sql, " ORDER BY ");
    put_order(d, q, sql);
    ft_text_format(sql, " %s NULLS LAST, rowid LIMIT %u OFFSET %llu",
                   q->descending ? "DESC" : "ASC", q->limit + 1,
                   (unsigned long long)(q->is_next ? q->cursor.skip : 0));
    return rc == FT_OK ? ft__desk_done(sql, err) : rc;
}

/* How many there are in all; null: more than so many, or that takes too long. */
static int put_matching(struct ft_desk *d, const struct question *q, struct ft_text *out,
                        struct ft_err *err)
{
    struct ft_text sql = {0};
    double n = (double)NAN;

    ft_text_put(&sql, "SELECT count(*) FROM (SELECT 1 FROM flow WHERE ");
    ft__span_sql(&q->cursor.span, &sql);
    int rc = ft__filter_sql(d, FT__FLOW, q->filter, &sql, err);

    ft_text_format(&sql, " LIMIT %d)", COUNT_MOST + 1);
    rc = rc == FT_OK ? ft__desk_done(&sql, err) : rc;
    rc = rc == FT_OK ? ft__desk_numbers(d, sql.p, 1, &n, err) : rc;
    ft_text_fini(&sql);
    if (rc == FT_OK || rc == FT_E_RANGE) {
        ft_text_put(out, ",\"matching\":");
        ft__desk_put_count(out, n > COUNT_MOST ? (double)NAN : n);
        if (!(n <= COUNT_MOST)) {
            ft_text_format(out, ",\"matching_over\":%d", n > COUNT_MOST ? COUNT_MOST : 0);
        }
        return FT_OK;
    }
    return rc;
}

/* ---- the answer ---- */

static bool same_place(const struct ft__grid *g, size_t a, size_t b)
{
    const struct ft__grid_cell *x = ft__grid_at(g, a, g->n - 1), *y = ft__grid_at(g, b, g->n - 1);

    return x->kind == y->kind && x->i == y->i;
}

/* The cursor behind n rows. */
static void go_on(const struct question *q, const struct ft__grid *g, size_t n,
                  struct ft__cursor *out)
{
    const struct ft__grid_cell *last = ft__grid_at(g, n - 1, g->n - 1);
    uint64_t skip = 0;

    *out = q->cursor;
    if (q->by_place) {
        out->has_value = false;
        out->skip = (q->is_next ? q->cursor.skip : 0) + n;
        return;
    }
    while (skip < n && same_place(g, n - 1 - skip, n - 1)) {
        skip++;
    }
    bool same = q->is_next && q->cursor.has_value && skip == n &&
                (last->kind == FT_STORE_NULL ? q->cursor.null
                                             : !q->cursor.null && last->i == q->cursor.value);

    out->has_value = true;
    out->null = last->kind == FT_STORE_NULL;
    out->value = last->kind == FT_STORE_NULL ? 0 : last->i;
    out->skip = skip + (same ? q->cursor.skip : 0);
}

static void put_rows(const struct ft_desk *d, const struct question *q, struct ft__grid *g,
                     struct ft_text *out)
{
    double end_s = (double)q->cursor.span.to_us / 1e6;
    bool more = g->rows > q->limit;
    size_t shown;

    g->rows -= more;
    shown = ft__grid_put(d, g, end_s, q->most, out);
    more |= shown < g->rows;
    ft_text_format(out, ",\"truncated\":%s", more ? "true" : "false");
    if (more && shown > 0) {
        char text[FT__CURSOR];
        struct ft__cursor next;

        go_on(q, g, shown, &next);
        ft__cursor_put(&next, text);
        ft_text_format(out, ",\"next_cursor\":\"%s\"", text);
    }
}

/* Rows of a part of the window; it is wider until there are enough of them. */
static int take_rows(struct ft_desk *d, const struct question *q, struct ft__grid *g,
                     struct ft_err *err)
{
    static const int64_t parts[] = {256, 16, 1};
    int rc = FT_OK;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && rc == FT_OK; i++) {
        struct ft_text sql = {0};
        struct ft__span span;

        if (!newest_part(d, q, parts[i], &span) && parts[i] > 1) {
            continue;
        }
        g->rows = 0;
        g->pool.len = 0;
        rc = select_rows(d, q, &span, &sql, err);
        rc = rc == FT_OK ? ft__grid_query(d, g, sql.p, q->limit + 1, err) : rc;
        ft_text_fini(&sql);
        if (g->rows > q->limit) {
            break;
        }
    }
    return rc;
}

static int answer(struct ft_desk *d, struct question *q, struct ft_text *out, struct ft_err *err)
{
    struct ft__grid g = {0};

    for (uint32_t i = 0; i < q->n; i++) {
        ft__grid_column(&g, q->columns[i]->name, ft__grid_how(d, q->columns[i]));
    }
    g.list_most = q->most == FT__DESK_MOST ? LIST_MOST : 0;
    ft__grid_column(&g, "", FT__GRID_HIDDEN);
    int rc = take_rows(d, q, &g, err);

    if (rc == FT_OK) {
        put_rows(d, q, &g, out);
        rc = q->is_next ? FT_OK : put_matching(d, q, out, err);
    }
    ft__grid_fini(&g);
    return rc;
}

static int read_question(struct ft_desk *d, const cJSON *args, struct question *q,
                         struct ft_err *err)
{
    const char *cursor = ft__arg_text(args, "cursor");
    const char *words[] = {ft__arg_text(args, "filter"), ft__arg_text(args, "columns"),
                           ft__arg_text(args, "order"), ft__arg_text(args, "window")};
    double limit = ft__arg_number(args, "limit", NAN);
    int rc;

    q->filter = words[0];
    q->limit = isnan(limit) ? LIMIT : (uint32_t)limit;
    q->most = isnan(limit) ? FT__DESK_DEFAULT : FT__DESK_MOST;
    q->cursor.question = ft__cursor_question(words, 4);
    q->is_next = cursor != NULL;
    if (cursor != NULL) {
        rc = ft__cursor_read(cursor, q->cursor.question, &q->cursor, err);
    } else {
        rc = ft__span_read(d, words[3], "1h", &q->cursor.span, err);
    }
    rc = rc == FT_OK ? read_columns(d, words[1], q, err) : rc;
    return rc == FT_OK ? read_order(d, words[2], q, err) : rc;
}

int ft__tool_flows(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct question q = {0};
    int rc = ft__desk_begin(d, err);

    if (rc == FT_OK && d->privacy >= FT_PRIVACY_AGGREGATES) {
        return ft_err_set(err, FT_E_USAGE, "at privacy level %d there are no single flows: ask top",
                          d->privacy);
    }
    ft_text_put(out, "{");
    if (rc == FT_OK && d->table[FT__FLOW].rows == 0) {
        rc = ft__span_read(d, NULL, "1h", &q.cursor.span, err);
        ft_text_put(out, "\"columns\":[],\"rows\":[],\"truncated\":false");
    } else {
        rc = rc == FT_OK ? read_question(d, args, &q, err) : rc;
        rc = rc == FT_OK ? answer(d, &q, out, err) : rc;
    }
    rc = rc == FT_OK ? ft__desk_said(d, &q.cursor.span, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
