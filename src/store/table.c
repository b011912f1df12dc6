/* SPDX-License-Identifier: Apache-2.0 */
/* store: slices as virtual tables of SQLite; see read.h.
 *
 * Theory of operation: a table's columns are those of all its slices. SQLite says which columns a
 * statement looks at and which bounds it has on them; blocks that cannot keep the bounds are passed
 * over, rows that do not are not handed out. SQLite looks at every bound again. */
#include <stdio.h>
#include <stdlib.h>

#include "store/read.h"
#include "store/value.h"

enum { BOUNDS_MOST = 16 };

const char *const ft__store_tables[FT__STORE_TABLES] = {"flow", "window", "alert", "top_minute"};

struct table {
    sqlite3_vtab base;
    const struct ft__store_module *module;
    struct ft_store_column *columns; /* [n], owned */
    uint32_t n;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct ft__scan scan;
    struct ft__bound bound[BOUNDS_MOST];
    bool more;
    uint32_t row;
    struct ft_store_buf scratch, text;
};

static struct table *table_of(sqlite3_vtab *v)
{
    return (struct table *)(void *)v;
}

static struct cursor *cursor_of(sqlite3_vtab_cursor *c)
{
    return (struct cursor *)(void *)c;
}

/* ---- tables ---- */

static const char *declared(const struct ft_store_column *c)
{
    if (c->cell >= FT__CELL_LIST || c->type == FT_T_JSON) {
        return "JSON TEXT";
    }
    if (!ft_store_is_number(c)) {
        return "TEXT";
    }
    return c->type == FT_T_BOOL   ? "BOOLEAN"
           : c->type == FT_T_TIME ? "SECONDS"
           : c->type == FT_T_F64  ? "REAL"
                                  : "INTEGER";
}

/* Names are the same to SQLite whatever their case: the how many-th column of this name it is. */
static int turn(const struct table *t, uint32_t i)
{
    int n = 1;

    for (uint32_t k = 0; k < i; k++) {
        n += sqlite3_stricmp(t->columns[k].name, t->columns[i].name) == 0;
    }
    return n;
}

/* CREATE TABLE of its columns. NULL: no memory. sqlite3_free() */
static char *declaration(const struct table *t)
{
    sqlite3_str *s = sqlite3_str_new(NULL);

    sqlite3_str_appendall(s, "CREATE TABLE x(");
    for (uint32_t i = 0; i < t->n; i++) {
        int n = turn(t, i);

        sqlite3_str_appendf(s, "%s\"%w", i > 0 ? "," : "", t->columns[i].name);
        if (n > 1) {
            sqlite3_str_appendf(s, "_%d", n);
        }
        sqlite3_str_appendf(s, "\" %s", declared(&t->columns[i]));
    }
    if (t->n == 0) { /* there are no slices yet */
        sqlite3_str_appendall(s, "timestamp SECONDS");
    }
    sqlite3_str_appendall(s, ")");
    return sqlite3_str_finish(s);
}

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **error)
{
    struct table *t = ft_mem_alloc(1, sizeof *t);

    (void)argc;
    (void)argv;
    if (t == NULL) {
        return SQLITE_NOMEM;
    }
    t->module = aux;
    int rc = ft__store_columns(t->module->store, t->module->table, &t->columns, &t->n);
    char *sql = rc == FT_OK ? declaration(t) : NULL;
    int declared_rc = sql != NULL ? sqlite3_declare_vtab(db, sql) : SQLITE_ERROR;

    if (rc != FT_OK || declared_rc != SQLITE_OK) {
        *error = sqlite3_mprintf("%s: %s", t->module->table,
                                 rc != FT_OK ? ft_strerror(rc) : sqlite3_errmsg(db));
    }
    sqlite3_free(sql);
    if (declared_rc != SQLITE_OK) {
        ft_mem_free(t->columns);
        ft_mem_free(t);
        return declared_rc;
    }
    *out = &t->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *v)
{
    struct table *t = table_of(v);

    ft_mem_free(t->columns);
    ft_mem_free(t);
    return SQLITE_OK;
}

/* Is it one that blocks can be passed over by? */
static bool helps(const struct table *t, sqlite3_index_info *info, int i)
{
    int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
    bool range = op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE ||
                 op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE;

    if (!info->aConstraint[i].usable || column < 0 || (uint32_t)column >= t->n ||
        (!range && op != SQLITE_INDEX_CONSTRAINT_EQ)) {
        return false;
    }
    const struct ft_store_column *c = &t->columns[column];

    if (ft_store_is_number(c)) {
        return true;
    }
    return !range && (ft_store_is_address(c) || c->cell == FT__CELL_TEXT) &&
           sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") == 0;
}

/* idxStr: "column,op;" of each argument, behind the columns that are looked at. */
static int table_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
    const struct table *t = table_of(v);
    sqlite3_str *s = sqlite3_str_new(NULL);
    int n = 0;

    info->estimatedCost = 1e8;
    info->estimatedRows = 10000000;
    sqlite3_str_appendf(s, "%llu;", (unsigned long long)info->colUsed);
    for (int i = 0; i < info->nConstraint && n < BOUNDS_MOST; i++) {
        if (helps(t, info, i)) {
            bool equal = info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ;

            info->aConstraintUsage[i].argvIndex = ++n;
            sqlite3_str_appendf(s, "%d,%d;", info->aConstraint[i].iColumn,
                                (int)info->aConstraint[i].op);
            info->estimatedCost /= equal ? 100 : 4;
            info->estimatedRows = info->estimatedRows / (equal ? 100 : 4) + 1;
        }
    }
    info->idxStr = sqlite3_str_finish(s);
    info->needToFreeIdxStr = 1;
    return info->idxStr != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- cursors ---- */

static int cursor_open(sqlite3_vtab *v, sqlite3_vtab_cursor **out)
{
    struct cursor *c = ft_mem_alloc(1, sizeof *c);

    (void)v;
    if (c == NULL) {
        return SQLITE_NOMEM;
    }
    *out = &c->base;
    return SQLITE_OK;
}

static void forget_bounds(struct cursor *c)
{
    for (int i = 0; i < BOUNDS_MOST; i++) {
        sqlite3_free(c->bound[i].text);
        c->bound[i] = (struct ft__bound){0};
    }
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
    struct cursor *c = cursor_of(base);

    ft__scan_end(&c->scan);
    forget_bounds(c);
    ft_store_buf_fini(&c->scratch);
    ft_store_buf_fini(&c->text);
    ft_mem_free(c);
    return SQLITE_OK;
}

static int take_bound(struct ft__bound *b, sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        b->kind = FT_STORE_INTEGER;
        b->i = sqlite3_value_int64(v);
        return SQLITE_OK;
    case SQLITE_FLOAT:
        b->kind = FT_STORE_REAL;
        b->f = sqlite3_value_double(v);
        return SQLITE_OK;
    case SQLITE_TEXT:
        b->kind = FT_STORE_STRING;
        b->text = sqlite3_mprintf("%s", (const char *)sqlite3_value_text(v));
        b->len = b->text != NULL ? (size_t)sqlite3_value_bytes(v) : 0;
        if (b->text == NULL || strlen(b->text) != b->len) { /* a NUL inside: SQLite decides */
            b->kind = FT_STORE_NULL;
            return b->text != NULL ? SQLITE_OK : SQLITE_NOMEM;
        }
        b->is_address = ft_store_parse_address(b->text, b->address);
        return SQLITE_OK;
    default:
        b->kind = FT_STORE_NULL;
        return SQLITE_OK;
    }
}

static int as_sqlite(struct cursor *c, int rc)
{
    if (rc == FT_OK) {
        return SQLITE_OK;
    }
    table_of(c->base.pVtab)->module->store->failure = rc;
    if (rc == FT_E_UNSUPPORTED) {
        sqlite3_free(c->base.pVtab->zErrMsg);
        c->base.pVtab->zErrMsg = sqlite3_mprintf("a slice is of a newer version of flowtap");
    }
    return rc == FT_E_NOMEM         ? SQLITE_NOMEM
           : rc == FT_E_INTERRUPTED ? SQLITE_INTERRUPT
           : rc == FT_E_CORRUPT     ? SQLITE_CORRUPT_VTAB
                                    : SQLITE_ERROR;
}

/* Goes on to the next row that keeps the bounds, beginning with this one. */
static int settle(struct cursor *c)
{
    while (c->more) {
        while (c->row < c->scan.rows && !ft__scan_keeps(&c->scan, c->row)) {
            c->row++;
        }
        if (c->row < c->scan.rows) {
            return SQLITE_OK;
        }
        int rc = ft__scan_next(&c->scan, &c->more);

        c->row = 0;
        if (rc != FT_OK) {
            return as_sqlite(c, rc);
        }
    }
    return SQLITE_OK;
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                         sqlite3_value **argv)
{
    struct cursor *c = cursor_of(base);
    const struct table *t = table_of(base->pVtab);
    char *p;
    int rc = SQLITE_OK;

    (void)number;
    ft__scan_end(&c->scan);
    forget_bounds(c);
    c->scan = (struct ft__scan){.columns = t->columns,
                                .n = t->n,
                                .bounds = c->bound,
                                .n_bounds = (uint32_t)argc,
                                .used = strtoull(text, &p, 10)};
    for (int i = 0; i < argc && rc == SQLITE_OK; i++) {
        c->bound[i].column = (int)strtol(p + 1, &p, 10);
        c->bound[i].op = (int)strtol(p + 1, &p, 10);
        rc = take_bound(&c->bound[i], argv[i]);
    }
    if (rc == SQLITE_OK) {
        rc = as_sqlite(c, ft__scan_begin(&c->scan, t->module->store, t->module->table));
    }
    c->more = false;
    c->row = 0;
    if (rc == SQLITE_OK) {
        rc = as_sqlite(c, ft__scan_next(&c->scan, &c->more));
    }
    return rc == SQLITE_OK ? settle(c) : rc;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = cursor_of(base);

    c->row++;
    return settle(c);
}

static int cursor_eof(sqlite3_vtab_cursor *base)
{
    return !cursor_of(base)->more;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    const struct ft__scan *s = &cursor_of(base)->scan;

    *out = (int64_t)s->file << 40 | (int64_t)s->block << 16 | cursor_of(base)->row;
    return SQLITE_OK;
}

/* ---- values ---- */

static void put_number(sqlite3_context *ctx, const struct ft_store_column *c, uint64_t v)
{
    double f;

    if (c->type == FT_T_TIME) {
        sqlite3_result_double(ctx, (double)(int64_t)v / 1e6);
    } else if (c->type == FT_T_F64) {
        memcpy(&f, &v, sizeof f);
        sqlite3_result_double(ctx, f);
    } else if (c->type != FT_T_I64 && v > INT64_MAX) {
        sqlite3_result_double(ctx, (double)v);
    } else {
        sqlite3_result_int64(ctx, (int64_t)v);
    }
}

/* Lists, and bytes, which are shown as hex. */
static void put_text(struct cursor *c, sqlite3_context *ctx, const struct ft_store_column *of,
                     const struct ft_store_values *v)
{
    bool hex = of->type == FT_T_BYTES;

    c->text.len = 0;
    if (!ft_store_put_json(of, v, c->row, &c->scratch, &c->text)) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    sqlite3_result_text(ctx, (const char *)c->text.p + hex, (int)c->text.len - 2 * hex,
                        SQLITE_TRANSIENT);
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int number)
{
    struct cursor *c = cursor_of(base);
    int rc = FT_OK;
    const struct ft_store_values *v = NULL;

    if (number >= 0 && (uint32_t)number < c->scan.n) {
        v = ft__scan_column(&c->scan, (uint32_t)number, &rc);
    }
    if (rc == FT_E_CORRUPT) { /* rows of the block were handed out already */
        ft__scan_set_aside(&c->scan);
        sqlite3_free(base->pVtab->zErrMsg);
        base->pVtab->zErrMsg = sqlite3_mprintf("a slice is damaged and set aside: ask again");
    }
    if (rc != FT_OK) {
        return as_sqlite(c, rc);
    }
    if (v == NULL || ft_store_value_null(v, c->row)) {
        return SQLITE_OK;
    }
    const struct ft_store_column *of = ft__scan_type(&c->scan, (uint32_t)number);

    if (ft_store_is_number(of)) {
        put_number(ctx, of, ft_store_buf_u64(&v->num)[c->row]);
    } else if (ft_store_is_address(of)) {
        char text[FT_STORE_ADDRESS];

        ft_store_put_address(v->bytes.p + (size_t)c->row * 16, text);
        sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
    } else if (of->cell == FT__CELL_TEXT && of->type != FT_T_BYTES) {
        const uint32_t *end = ft_store_buf_u32(&v->end) + c->row;

        sqlite3_result_text(ctx, (const char *)v->bytes.p + end[0], (int)(end[1] - end[0]),
                            SQLITE_TRANSIENT);
    } else {
        put_text(c, ctx, of, v);
    }
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = table_connect,
    .xBestIndex = table_best_index,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_filter,
    .xNext = cursor_next,
    .xEof = cursor_eof,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

int ft__store_tables_make(struct ft_store *s)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < FT__STORE_TABLES && rc == SQLITE_OK; i++) {
        s->module[i] = (struct ft__store_module){s, ft__store_tables[i]};
        rc = sqlite3_create_module(s->db, ft__store_tables[i], &module, &s->module[i]);
        if (rc == SQLITE_OK) { /* now: later somebody else's statements are looked at */
            char *sql = sqlite3_mprintf("SELECT 1 FROM %s LIMIT 0", ft__store_tables[i]);

            rc = sql != NULL ? sqlite3_exec(s->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
            sqlite3_free(sql);
        }
    }
    return rc == SQLITE_OK ? FT_OK : FT_E_IO;
}
