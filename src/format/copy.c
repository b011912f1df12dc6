/* SPDX-License-Identifier: Apache-2.0 */
/* format: rows as PostgreSQL's COPY takes them in its text form: tabs, \N for null, arrays in
 * braces, lists of lists as JSON (an array of arrays has all of one length there), times with their
 * zone, bytes in hex. The header names the columns (COPY ... HEADER).
 *
 * With ?vector= there is one more column, `vector`, of pgvector's type: the numbers of the columns
 * that were named, those of lists one by one; null is 0. Where that is `vector` itself, which is
 * one of numbers already, it is of that type instead of an array. */
#include "format/copy.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "codec/text/column.h"
#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "format/columnar.h"
#include "format/format.h"
#include "format/row.h"

extern const struct ft_format_ops ft_format_copy;

enum { DEFINITION_MOST = 160, VECTOR_MOST = 128, TIME_TEXT = 40 };

struct copy {
    struct ft_format format;
    struct ft_columns columns;
    char *table;                  /* owned: names and types */
    uint16_t vector[VECTOR_MOST]; /* places in columns */
    uint32_t n_vector;
    bool is_own;         /* the column `vector` is of pgvector's type */
    uint32_t dimensions; /* of the vector; 0: it has a list, whose length is any */
};

static const struct copy *self(const struct ft_format *f)
{
    return (const struct copy *)f;
}

const char *ft__postgres_type(enum ft_type type)
{
    static const char *const types[FT_T__COUNT] = {
        [FT_T_BOOL] = "boolean",
        [FT_T_U8] = "smallint",
        [FT_T_U16] = "integer",
        [FT_T_U32] = "bigint",
        [FT_T_U64] = "numeric(20)",
        [FT_T_I64] = "bigint",
        [FT_T_F64] = "double precision",
        [FT_T_TIME] = "timestamptz",
        [FT_T_STRING] = "text",
        [FT_T_TEXT] = "text",
        [FT_T_BYTES] = "bytea",
        [FT_T_ID] = "text",
        [FT_T_ADDR] = "inet",
        [FT_T_JSON] = "jsonb",
        [FT_T_LISTS] = "jsonb",
        [FT_T_F32] = "real",
    };

    return types[type];
}

/* ---- cells ---- */

static uint8_t *put_timestamp(uint8_t *p, int64_t ns)
{
    int64_t s = ft_time_floor(ns, 1000000000);
    time_t t = (time_t)s;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL) { /* of no year: a time of 64 bits of ns always has one */
        return FT_PUT_LIT(p, "\\N");
    }
    int n = snprintf((char *)p, TIME_TEXT, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00",
                     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                     (int)((ns - s * 1000000000) / 1000));

    return p + n;
}

/* At most 6 bytes for one: UTF-8 behind the place, then down to it with what COPY escapes. */
static uint8_t *put_copy_text(uint8_t *p, const uint8_t *text, uint32_t len)
{
    uint8_t *from = p + len, *end = ft_put_utf8(from, text, len);

    for (; from < end; from++) {
        static const char special[] = "\\\n\r\t";
        static const char letter[] = "\\nrt";
        const char *at = *from != '\0' ? memchr(special, *from, sizeof special - 1) : NULL;

        if (at != NULL) {
            *p++ = '\\';
            *p++ = (uint8_t)letter[at - special];
        } else {
            *p++ = *from != '\0' ? *from : ' '; /* no text of PostgreSQL's has it */
        }
    }
    return p;
}

/* Items with commas between them; *any: there were some before. */
static uint8_t *put_items(uint8_t *p, const struct ft_value *v, bool *any)
{
    if (v->n_items == 0) {
        return p;
    }
    if (*any) {
        *p++ = ',';
    }
    *any = true;
    uint8_t *end = ft_put_value(p, FT_T_LIST, v, true); /* [1,2,3] */

    memmove(p, p + 1, (size_t)(end - p) - 2);
    return end - 2;
}

static uint8_t *put_cell(uint8_t *p, const struct copy *g, enum ft_type type,
                         const struct ft_value *v)
{
    bool any = false;

    if (v->null) {
        return v->nonfinite == 'I'   ? FT_PUT_LIT(p, "Infinity")
               : v->nonfinite == 'N' ? FT_PUT_LIT(p, "NaN")
                                     : FT_PUT_LIT(p, "\\N");
    }
    switch (type) {
    case FT_T_TIME:
        return put_timestamp(p, v->i);
    case FT_T_TEXT:
        return put_copy_text(p, v->text, v->text_len);
    case FT_T_STRING:
        return put_copy_text(p, (const uint8_t *)v->s, (uint32_t)strlen(v->s));
    case FT_T_BYTES:
        p = FT_PUT_LIT(p, "\\\\x");
        return ft_put_value(p, type, v, false);
    case FT_T_VECTOR:
    case FT_T_LIST:
        if (type == FT_T_VECTOR && g->is_own) {
            return ft_put_value(p, FT_T_LIST, v, true);
        }
        *p++ = '{';
        p = put_items(p, v, &any);
        *p++ = '}';
        return p;
    case FT_T_LISTS:
        return ft_put_value(p, type, v, true);
    default:
        return ft_put_value(p, type, v, false);
    }
}

static uint8_t *put_vector(uint8_t *p, const struct copy *g, const void *const *parts)
{
    uint8_t *begin = p;
    bool any = false;

    *p++ = '[';
    for (uint32_t i = 0; i < g->n_vector; i++) {
        const struct ft_column *c = &g->columns.col[g->vector[i]];
        struct ft_value v;

        ft_column_get(c, parts, &v);
        if (c->field->type == FT_T_LIST) {
            p = v.null ? p : put_items(p, &v, &any);
            continue;
        }
        if (any) {
            *p++ = ',';
        }
        any = true;
        if (v.null || c->field->type == FT_T_BOOL) {
            *p++ = !v.null && v.u != 0 ? '1' : '0';
        } else {
            p = ft_put_value(p, (enum ft_type)c->field->type, &v, false);
        }
    }
    *p++ = ']';
    return any ? p : FT_PUT_LIT(begin, "\\N"); /* none has no numbers */
}

/* ---- events ---- */

static size_t put_row(const struct ft_format *f, uint8_t *out, const void *const *parts)
{
    const struct copy *g = self(f);
    uint8_t *p = out;

    for (uint32_t i = 0; i < g->columns.n; i++) {
        const struct ft_column *c = &g->columns.col[i];
        struct ft_value v;

        ft_column_get(c, parts, &v);
        p = put_cell(p, g, (enum ft_type)c->field->type, &v);
        *p++ = '\t';
    }
    if (g->n_vector > 0) {
        p = put_vector(p, g, parts);
        *p++ = '\t';
    }
    p[-1] = '\n';
    return (size_t)(p - out);
}

static size_t copy_header(const struct ft_format *f, uint8_t *out)
{
    const struct copy *g = self(f);
    uint8_t *p = out;

    for (uint32_t i = 0; i < g->columns.n; i++) {
        p = ft_put_str(p, g->columns.col[i].field->name);
        *p++ = '\t';
    }
    if (g->n_vector > 0) {
        p = FT_PUT_LIT(p, "vector\t");
    }
    p[-1] = '\n';
    return (size_t)(p - out);
}

static const char *copy_table(const struct ft_format *f)
{
    return self(f)->table;
}

/* ---- life ---- */

static void copy_end(struct ft_format *f)
{
    struct copy *g = (struct copy *)f;

    if (g != NULL) {
        ft_mem_free(g->table);
        ft_mem_free(g);
    }
}

static bool is_number(const struct ft_field *f)
{
    return f->type == FT_T_LIST || f->type == FT_T_BOOL || f->type == FT_T_U8 ||
           f->type == FT_T_U16 || f->type == FT_T_U32 || f->type == FT_T_U64 ||
           f->type == FT_T_I64 || f->type == FT_T_F64;
}

/* Is it the vector of flows or hosts? */
static bool is_vector(const struct copy *g, const char *list)
{
    for (uint32_t i = 0; i < g->columns.n; i++) {
        const struct ft_field *f = g->columns.col[i].field;

        if (f->type == FT_T_VECTOR && strcmp(f->name, list) == 0) {
            return true;
        }
    }
    return false;
}

/* One name of vector=. */
static int add_to_vector(struct copy *g, const char *name, size_t len, struct ft_err *err)
{
    for (uint32_t i = 0; i < g->columns.n; i++) {
        const struct ft_field *f = g->columns.col[i].field;

        if (strlen(f->name) == len && memcmp(f->name, name, len) == 0) {
            if (!is_number(f) || g->n_vector == VECTOR_MOST) {
                break;
            }
            g->vector[g->n_vector++] = (uint16_t)i;
            return FT_OK;
        }
    }
    return ft_err_set(err, FT_E_USAGE,
                      "vector=: '%.*s' is no column of numbers of this output (%d at most)",
                      (int)len, name, VECTOR_MOST);
}

static int make_vector(struct copy *g, const char *list, struct ft_err *err)
{
    bool any = false;
    int rc = FT_OK;

    if (is_vector(g, list)) {
        g->is_own = true;
        return FT_OK;
    }
    for (const char *s = list; s != NULL && rc == FT_OK; s = strchr(s, ',')) {
        s += *s == ',';
        rc = add_to_vector(g, s, strcspn(s, ","), err);
    }
    if (rc == FT_OK && is_vector(g, "vector")) {
        return ft_err_set(err, FT_E_USAGE,
                          "vector=%s: there is a column 'vector' already; vector=vector makes it "
                          "one of pgvector's type",
                          list);
    }
    for (uint32_t i = 0; i < g->n_vector; i++) {
        any = any || g->columns.col[g->vector[i]].field->type == FT_T_LIST;
    }
    g->dimensions = any ? 0 : g->n_vector;
    return rc;
}

/* "name" type, ... */
static int make_table(struct copy *g)
{
    size_t room = ((size_t)g->columns.n + 1) * DEFINITION_MOST, at = 0;

    g->table = ft_mem_alloc(1, room);
    if (g->table == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < g->columns.n; i++) {
        const struct ft_field *f = g->columns.col[i].field;
        bool list = f->type == FT_T_LIST || f->type == FT_T_VECTOR;

        if (f->type == FT_T_VECTOR && g->is_own) {
            at += (size_t)snprintf(g->table + at, room - at, "%s\"%s\" vector(%u)",
                                   i > 0 ? ", " : "", f->name, f->most);
            continue;
        }
        at += (size_t)snprintf(g->table + at, room - at, "%s\"%s\" %s%s", i > 0 ? ", " : "",
                               f->name, ft__postgres_type((enum ft_type)(list ? f->item : f->type)),
                               list ? "[]" : "");
    }
    if (g->dimensions > 0) {
        snprintf(g->table + at, room - at, ", \"vector\" vector(%u)", g->dimensions);
    } else if (g->n_vector > 0) {
        snprintf(g->table + at, room - at, ", \"vector\" vector");
    }
    return FT_OK;
}

static int copy_open(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err)
{
    struct copy *g = ft_mem_alloc(1, sizeof *g);
    int rc;

    if (g == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    g->format.ops = &ft_format_copy;
    ft__columnar_columns(cfg, ft__columnar_event(cfg), &g->columns);
    ft__columnar_no_objects(&g->columns);
    rc = g->columns.n > 0
             ? ft_format_flow_max(cfg, &g->format.flow_max, err)
             : ft_err_set(err, FT_E_USAGE, "columns=: objects have no place in a table");
    if (rc == FT_OK && cfg->vector != NULL) {
        rc = make_vector(g, cfg->vector, err);
        g->format.flow_max *= 2; /* lists are there twice */
        if (rc == FT_OK && g->format.flow_max > FT_FORMAT_MAX) {
            rc = ft_err_set(err, FT_E_USAGE, "vector=: these lists are too long to be there twice");
        }
    }
    if (rc == FT_OK && make_table(g) != FT_OK) {
        rc = ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    if (rc != FT_OK) {
        copy_end(&g->format);
        return rc;
    }
    *out = &g->format;
    return FT_OK;
}

const struct ft_format_ops ft_format_copy = {
    .name = "copy",
    .help = "rows for PostgreSQL's COPY (text, with a header); one kind of event (?event=)",
    .suffix = ".copy",
    .events = FT_FORMAT_EVENTS,
    .single_event = true,
    .prefers_flows = true,
    .open = copy_open,
    .end = copy_end,
    .header = copy_header,
    .table = copy_table,
    .row = put_row,
    .sample = ft__row_sample,
    .flow = ft__row_flow,
    .stats = ft__row_stats,
    .export_flow = ft__row_export_flow,
    .export_event = ft__row_export_event,
};
