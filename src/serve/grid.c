/* SPDX-License-Identifier: Apache-2.0 */
/* serve: rows of a query, see grid.h. */
#include "serve/grid.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "serve/json.h"

enum { FIRST = 64 };

void ft__grid_fini(struct ft__grid *g)
{
    ft_mem_free(g->cells);
    ft_text_fini(&g->pool);
    *g = (struct ft__grid){0};
}

void ft__grid_column(struct ft__grid *g, const char *name, uint8_t how)
{
    if (g->n < FT__GRID_COLUMNS) {
        g->column[g->n++] = (struct ft__grid_column){name, how};
    }
}

uint8_t ft__grid_how(const struct ft_desk *d, const struct ft__desk_column *c)
{
    enum ft_veiled how = ft_veil_shows(d, c);
    bool list = c->form == FT_STORE_JSON && c->field != NULL &&
                (c->field->type == FT_T_LIST || c->field->type == FT_T_LISTS ||
                 c->field->type == FT_T_VECTOR);

    return list && how == FT_VEILED_PLAIN ? FT__GRID_LIST : (uint8_t)how;
}

/* ---- taking ---- */

static int take_columns(void *cookie, const struct ft_store_heading *h, uint32_t n)
{
    const struct ft__grid *g = cookie;

    (void)h;
    return n == g->n ? 0 : 1;
}

static bool room(struct ft__grid *g)
{
    if (g->rows < g->cap) {
        return true;
    }
    size_t cap = g->cap > 0 ? 2 * g->cap : FIRST;
    struct ft__grid_cell *cells = ft_mem_alloc(cap * g->n, sizeof *cells);

    if (cells == NULL) {
        return false;
    }
    if (g->rows > 0) {
        memcpy(cells, g->cells, g->rows * g->n * sizeof *cells);
    }
    ft_mem_free(g->cells);
    g->cells = cells;
    g->cap = cap;
    return true;
}

struct ft__grid_cell *ft__grid_add(struct ft__grid *g)
{
    return room(g) ? &g->cells[g->rows++ * g->n] : NULL;
}

static int take_row(void *cookie, const struct ft_store_cell *cells, uint32_t n)
{
    struct ft__grid *g = cookie;

    if (!room(g)) {
        return 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct ft__grid_cell *to = &g->cells[g->rows * g->n + i];

        *to = (struct ft__grid_cell){.kind = cells[i].kind, .i = cells[i].i, .f = cells[i].f};
        if (to->kind == FT_STORE_STRING) {
            to->at = g->pool.len;
            to->len = cells[i].len;
            ft_text_add(&g->pool, cells[i].text, cells[i].len);
        }
    }
    g->rows++;
    return g->pool.failed;
}

int ft__grid_query(struct ft_desk *d, struct ft__grid *g, const char *sql, uint64_t rows,
                   struct ft_err *err)
{
    struct ft_store_take take = {take_columns, take_row, g};
    size_t before = g->rows;
    int rc = FT_E_CORRUPT;

    for (int i = 0; i < FT__DESK_TRIES && rc == FT_E_CORRUPT; i++) {
        g->rows = before;
        rc = ft__desk_query(d, sql, rows, &take, &g->cut, err);
    }
    return rc == FT_E_INTERRUPTED ? ft_err_set(err, FT_E_NOMEM, "out of memory") : rc;
}

int ft__grid_similar(struct ft_desk *d, struct ft__grid *g, const struct ft_store_similar *ask,
                     struct ft_store_origin *out_origin, struct ft_err *err)
{
    struct ft_store_take take = {take_columns, take_row, g};
    int rc = ft__desk_similar(d, ask, &take, out_origin, err);

    return rc == FT_E_INTERRUPTED ? ft_err_set(err, FT_E_NOMEM, "out of memory") : rc;
}

/* ---- values ---- */

const struct ft__grid_cell *ft__grid_at(const struct ft__grid *g, size_t row, uint32_t column)
{
    return &g->cells[row * g->n + column];
}

double ft__grid_number(const struct ft__grid *g, size_t row, uint32_t column)
{
    const struct ft__grid_cell *c = ft__grid_at(g, row, column);

    return c->kind == FT_STORE_INTEGER || c->kind == FT_STORE_REAL ? c->f : (double)NAN;
}

const char *ft__grid_text(const struct ft__grid *g, size_t row, uint32_t column, size_t *out_len)
{
    const struct ft__grid_cell *c = ft__grid_at(g, row, column);

    *out_len = c->kind == FT_STORE_STRING ? c->len : 0;
    return *out_len > 0 ? g->pool.p + c->at : "";
}

/* How long before the end; where times are shown to a second, of whole ones. */
static void put_ago(const struct ft_desk *d, double t, double end_s, struct ft_text *out)
{
    if (d->privacy >= FT_PRIVACY_MAPPED) {
        ft_text_format(out, "%.0f", end_s - floor(t));
    } else {
        ft_text_format(out, "%.1f", end_s - t);
    }
}

static void put_plain(const struct ft__grid *g, const struct ft__grid_cell *c, struct ft_text *out)
{
    if (c->kind == FT_STORE_INTEGER) {
        ft_text_format(out, "%lld", (long long)c->i);
    } else if (c->kind == FT_STORE_REAL) {
        ft__desk_put_rate(out, c->f);
    } else {
        ft_text_json(out, g->pool.p + c->at, c->len);
    }
}

/* Lists of numbers and truths, and no more: a file of the store may say anything. */
static bool is_list(const char *text, size_t len)
{
    return len > 1 && text[0] == '[' && memchr(text, '"', len) == NULL &&
           memchr(text, '{', len) == NULL && ft_json_wrong(text, len) == NULL;
}

/* As many of the list's own items as there is room for. */
static void put_list(const char *text, size_t len, size_t most, struct ft_text *out)
{
    size_t end = 1, depth = 0;

    if (!is_list(text, len)) {
        ft_text_put(out, "null");
        return;
    }
    if (len <= most) {
        ft_text_add(out, text, len);
        return;
    }
    for (size_t i = 0; i < most; i++) {
        depth += text[i] == '[';
        depth -= text[i] == ']';
        end = depth == 1 && text[i] == ',' ? i + 1 : end;
    }
    ft_text_add(out, text, end);
    ft_text_put(out, "\"\xe2\x80\xa6\"]");
}

void ft__grid_put_cell(const struct ft_desk *d, const struct ft__grid *g, size_t row,
                       uint32_t column, double end_s, struct ft_text *out)
{
    const struct ft__grid_cell *c = ft__grid_at(g, row, column);
    bool string = c->kind == FT_STORE_STRING;
    uint8_t how = g->column[column].how;

    if (c->kind == FT_STORE_NULL || (how == FT_VEILED_NOT)) {
        ft_text_put(out, "null");
    } else if (string && how == FT__GRID_LIST) {
        put_list(g->pool.p + c->at, c->len, g->list_most > 0 ? g->list_most : FT__GRID_LIST_MOST,
                 out);
    } else if (string && how == FT_VEILED_ADDRESS) {
        ft_veil_address(d, g->pool.p + c->at, c->len, out);
    } else if (string && how == FT_VEILED_FLOW) {
        ft_veil_flow(d, g->pool.p + c->at, c->len, out);
    } else if (string && how != FT_VEILED_PLAIN) {
        ft_veil_text(g->pool.p + c->at, c->len, out);
    } else if (how == FT_VEILED_TIME) {
        put_ago(d, c->f, end_s, out);
    } else if (how == FT__GRID_COUNT && c->kind == FT_STORE_REAL) {
        ft__desk_put_count(out, c->f);
    } else if (how == FT__GRID_RATE) {
        ft__desk_put_rate(out, c->f);
    } else {
        put_plain(g, c, out);
    }
}

/* ---- rows ---- */

static bool is_shown(const struct ft__grid *g, uint32_t column)
{
    if (g->column[column].how == FT__GRID_HIDDEN || g->column[column].how == FT_VEILED_NOT) {
        return false;
    }
    for (size_t i = 0; i < g->rows; i++) {
        if (ft__grid_at(g, i, column)->kind != FT_STORE_NULL) {
            return true;
        }
    }
    return false;
}

static void put_row(const struct ft_desk *d, const struct ft__grid *g, const bool *shown,
                    size_t row, double end_s, struct ft_text *out)
{
    bool first = true;

    ft_text_put(out, "[");
    for (uint32_t i = 0; i < g->n; i++) {
        if (shown[i]) {
            ft_text_put(out, first ? "" : ",");
            ft__grid_put_cell(d, g, row, i, end_s, out);
            first = false;
        }
    }
    ft_text_put(out, "]");
}

size_t ft__grid_put(const struct ft_desk *d, const struct ft__grid *g, double end_s, size_t most,
                    struct ft_text *out)
{
    bool shown[FT__GRID_COLUMNS] = {false};
    size_t row = 0;
    bool first = true;

    ft_text_put(out, "\"columns\":[");
    for (uint32_t i = 0; i < g->n; i++) {
        uint8_t how = g->column[i].how;

        shown[i] = is_shown(g, i);
        if (shown[i]) {
            ft_text_format(out, "%s\"%s%s%s\"", first ? "" : ",",
                           how == FT_VEILED_TEXT ? "untrusted_" : "", g->column[i].name,
                           how == FT_VEILED_TIME ? "_ago_s" : "");
            first = false;
        }
    }
    ft_text_put(out, "],\"rows\":[");
    for (; row < g->rows; row++) {
        size_t before = out->len;

        ft_text_put(out, row > 0 ? "," : "");
        put_row(d, g, shown, row, end_s, out);
        if (row > 0 && out->len > most && !out->failed) {
            out->len = before;
            out->p[before] = '\0';
            break;
        }
    }
    ft_text_put(out, "]");
    return row;
}
