/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool flow: all of one flow record, the newest one of its flow. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "serve/grid.h"

/* ---- exported fields: only where nothing is hidden ---- */

static bool is_key(const char *s)
{
    return s != NULL && s[0] != '\0' && strlen(s) < FT__DESK_NAME &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

static void put_exported(const cJSON *object, struct ft_text *out)
{
    const cJSON *v;
    const char *sep = "";

    ft_text_put(out, "{");
    cJSON_ArrayForEach(v, object)
    {
        bool text = cJSON_IsString(v);

        if (!is_key(v->string) || (!text && !cJSON_IsNumber(v) && !cJSON_IsBool(v)) ||
            out->len > FT__DESK_DEFAULT) {
            continue;
        }
        ft_text_format(out, "%s\"%s%s\":", sep, text ? "untrusted_" : "", v->string);
        if (text) {
            ft_veil_text(v->valuestring, strlen(v->valuestring), out);
        } else if (cJSON_IsBool(v)) {
            ft_text_put(out, cJSON_IsTrue(v) ? "true" : "false");
        } else {
            ft_text_format(out, "%.15g", v->valuedouble);
        }
        sep = ",";
    }
    ft_text_put(out, "}");
}

/* ---- values ---- */

struct record {
    struct ft_desk *d;
    const struct ft__desk_column *columns[FT__GRID_COLUMNS];
    const char *sep;
    bool truncated;
};

static void put_value(struct record *r, const struct ft__grid *g, uint32_t i, struct ft_text *out)
{
    const struct ft__desk_column *c = r->columns[i];
    const struct ft__grid_cell *cell = ft__grid_at(g, 0, i);
    size_t len;
    const char *text = ft__grid_text(g, 0, i, &len);

    if (c->form == FT_STORE_TIME && r->d->privacy < FT_PRIVACY_MAPPED) {
        ft_text_format(out, "%.6f", cell->f);
    } else if (c->form == FT_STORE_TIME) {
        ft__desk_put_time(out, cell->f);
    } else if (c->form == FT_STORE_BOOL) {
        ft_text_put(out, cell->i != 0 ? "true" : "false");
    } else if (c->privacy == FT_PRIVACY_BY_VALUE) {
        cJSON *object = cJSON_ParseWithLength(text, len);

        put_exported(object, out);
        cJSON_Delete(object);
    } else {
        ft__grid_put_cell(r->d, g, 0, i, 0, out);
    }
}

/* Null and zero ones are left out: of a flow most columns are. */
static bool is_said(const struct ft__grid *g, uint32_t i)
{
    const struct ft__grid_cell *c = ft__grid_at(g, 0, i);
    bool number = c->kind == FT_STORE_INTEGER || c->kind == FT_STORE_REAL;

    return c->kind != FT_STORE_NULL && !(number && c->f == 0);
}

/* Those that are lists, or those that are none: what has no room is one of the former. */
static void put_columns(struct record *r, const struct ft__grid *g, bool lists, struct ft_text *out)
{
    for (uint32_t i = 0; i < g->n && !r->truncated; i++) {
        bool text =
            g->column[i].how == FT_VEILED_TEXT && r->columns[i]->privacy != FT_PRIVACY_BY_VALUE;
        size_t before = out->len;

        if (!is_said(g, i) || (g->column[i].how == FT__GRID_LIST) != lists) {
            continue;
        }
        ft_text_format(out, "%s\"%s%s\":", r->sep, text ? "untrusted_" : "", g->column[i].name);
        put_value(r, g, i, out);
        r->sep = ",";
        if (out->len > FT__DESK_DEFAULT && !out->failed) {
            out->len = before;
            out->p[before] = '\0';
            r->truncated = true;
        }
    }
}

/* ---- the record ---- */

static void choose_columns(struct record *r, struct ft__grid *g, struct ft_text *sql)
{
    const struct ft__desk_columns *t = &r->d->table[FT__FLOW];

    ft_text_put(sql, "SELECT ");
    for (uint32_t i = 0; i < t->n && g->n < FT__GRID_COLUMNS; i++) {
        uint8_t how = ft__grid_how(r->d, &t->column[i]);

        if (how != FT_VEILED_NOT) {
            ft_text_format(sql, "%s\"%s\"", g->n > 0 ? ", " : "", t->column[i].name);
            r->columns[g->n] = &t->column[i];
            ft__grid_column(g, t->column[i].name, how);
        }
    }
    ft_text_put(sql, " FROM flow WHERE ");
}

/* The newest record of the flow in a window: *out_found. */
static int find(struct record *r, const char *id, const struct ft__span *s, struct ft_text *out,
                bool *out_found, struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    choose_columns(r, &g, &sql);
    ft__span_sql(s, &sql);
    ft_text_format(&sql, " AND flow_id = '%s' ORDER BY timestamp DESC LIMIT 1", id);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__grid_query(r->d, &g, sql.p, 1, err) : rc;
    *out_found = rc == FT_OK && g.rows > 0;
    if (*out_found) {
        ft_text_put(out, "\"flow\":{");
        put_columns(r, &g, false, out);
        put_columns(r, &g, true, out);
        ft_text_format(out, "},\"truncated\":%s", r->truncated ? "true" : "false");
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

/* Without a window the last hour is looked at first, then the last day, then all. */
static int look(struct record *r, const char *id, const char *window, struct ft__span *s,
                struct ft_text *out, struct ft_err *err)
{
    static const char *const windows[] = {"1h", "1d", "all"};
    bool found = false;
    int rc = FT_OK;

    for (int i = 0; i < 3 && rc == FT_OK && !found; i++) {
        rc = ft__span_read(r->d, window, windows[i], s, err);
        rc = rc == FT_OK ? find(r, id, s, out, &found, err) : rc;
        if (window != NULL) {
            break;
        }
    }
    if (rc == FT_OK && !found) {
        return ft_err_set(err, FT_E_NOT_FOUND, "there is no record of this flow in %s",
                          window != NULL ? "the window" : "the store");
    }
    return rc;
}

int ft__tool_flow(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct ft__span s = {0};
    struct record r = {.d = d, .sep = ""};
    char id[17];
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK ? ft_veil_read_flow(d, ft__arg_text(args, "id"), id, err) : rc;
    if (rc == FT_OK && ft__desk_find(d, FT__FLOW, "flow_id") == NULL) {
        rc = ft_err_set(err, FT_E_NOT_FOUND, "there are no flow records with ids in this store");
    }
    ft_text_put(out, "{");
    rc = rc == FT_OK ? look(&r, id, ft__arg_text(args, "window"), &s, out, err) : rc;
    rc = rc == FT_OK ? ft__desk_said(d, NULL, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
