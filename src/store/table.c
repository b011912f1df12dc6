/* SPDX-License-Identifier: Apache-2.0 */
/* store: slices as virtual tables of SQLite; see read.h.
 *
 * Theory of operation: a table's columns are those of all its slices. SQLite says which columns a
 * statement looks at and which conditions it has on them; blocks that cannot keep them are passed
 * over, rows that do not are not handed out. */
#include <stdio.h>
#include <stdlib.h>

#include "model/columns.h"
#include "store/read.h"
#include "store/tops.h"
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

/* A table without slices has the columns of its event, so that what is asked of one that will have
 * rows is right before there are any. */
static void declare_empty(const char *table, sqlite3_str *s)
{
    const struct ft_store_column *minutes = NULL;
    const struct ft_field *rows = NULL;
    uint32_t n = ft_columns_base.n;

    if (strcmp(table, "flow") == 0) {
        rows = ft_columns_base.rows;
    } else if (strcmp(table, "top_minute") == 0) {
        minutes = ft_tops_columns(&n);
    } else {
        rows = ft_fields(strcmp(table, "alert") == 0 ? FT_EVENT_ALERT : FT_EVENT_WINDOW, &n);
    }
    for (uint32_t i = 0; i < n; i++) {
        sqlite3_str_appendf(s, "%s\"%w\"", i > 0 ? "," : "",
                            minutes != NULL ? minutes[i].name : ft_field_flat_name(&rows[i]));
    }
}

/* CREATE TABLE of its columns. NULL: no memory. sqlite3_free() */
static char *declaration(const struct table *t)
{
    sqlite3_str *s = sqlite3_str_new(NULL);

    sqlite3_str_appendall(s, "CREATE TABLE x(");
    for (uint32_t i = 0; i < t->n; i++) {
        char name[FT__STORE_SHOWN];

        ft__store_name(t->columns, i, name);
        sqlite3_str_appendf(s, "%s\"%w\" %s", i > 0 ? "," : "", name, declared(&t->columns[i]));
    }
    if (t->n == 0) {
        declare_empty(t->module->table, s);
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

/* Is it a condition that is looked at here? */
static bool helps(const struct table *t, sqlite3_index_info *info, int i)
{
    int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
    bool range = op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE ||
                 op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE;

    if (!info->aConstraint[i].usable || column < 0 || (uint32_t)column >= t->n) {
        return false;
    }
    const struct ft_store_column *c = &t->columns[column];

    if (op == SQLITE_INDEX_CONSTRAINT_ISNULL || op == SQLITE_INDEX_CONSTRAINT_ISNOTNULL) {
        return true;
    }
    if (ft_store_is_number(c)) {
        return range || op == SQLITE_INDEX_CONSTRAINT_EQ;
    }
    if (op == FT__BOUND_PREFIX) {
        return ft_store_is_address(c);
    }
    return op == SQLITE_INDEX_CONSTRAINT_EQ &&
           (ft_store_is_address(c) || c->cell == FT__CELL_TEXT) &&
           sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") == 0;
}

/* Takes IN as a whole, not a value after the other. */
static bool take_in(sqlite3_index_info *info, int i)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    return sqlite3_vtab_in(info, i, -1) != 0 && sqlite3_vtab_in(info, i, 1) != 0;
#else
    (void)info;
    (void)i;
    return false;
#endif
}

/* An order by timestamp, or by it and the rowid, is one that rows come in. */
static unsigned sort_of(const struct table *t, const sqlite3_index_info *info)
{
    const struct sqlite3_index_orderby *by = info->aOrderBy;
    int time = ft__store_time(t->columns, t->n);

    if (time < 0 || info->nOrderBy < 1 || info->nOrderBy > 2 || by[0].iColumn != time ||
        (info->nOrderBy == 2 && by[1].iColumn != -1)) {
        return FT__SORT_NONE;
    }
    return (by[0].desc ? FT__SORT_NEWEST : FT__SORT_OLDEST) |
           (by[info->nOrderBy - 1].desc ? FT__SORT_LAST_ROW : 0);
}

/* idxStr: "column,op,in;" of each argument, behind the columns that are looked at; idxNum: the
 * order. Conditions on numbers are not looked at again: bound.c is exact. */
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
            int column = info->aConstraint[i].iColumn, op = info->aConstraint[i].op;
            bool equal = op == SQLITE_INDEX_CONSTRAINT_EQ;

            info->aConstraintUsage[i].argvIndex = ++n;
            info->aConstraintUsage[i].omit = ft_store_is_number(&t->columns[column]);
            sqlite3_str_appendf(s, "%d,%d,%d;", column, op, equal && take_in(info, i));
            info->estimatedCost /= equal ? 100 : 4; /* a prefix may be any part */
            info->estimatedRows = info->estimatedRows / (equal ? 100 : 4) + 1;
        }
    }
    info->idxNum = (int)sort_of(t, info);
    info->orderByConsumed = info->idxNum != FT__SORT_NONE;
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
        ft__bound_fini(&c->bound[i]);
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

/* A column of numbers makes numbers of texts that look like them. */
static int take_want(struct ft__bound *b, sqlite3_value *v, bool number)
{
    struct ft__want w = {.kind = FT__WANT_NULL};

    switch (number ? sqlite3_value_numeric_type(v) : sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        w.kind = FT__WANT_INTEGER;
        w.i = sqlite3_value_int64(v);
        break;
    case SQLITE_FLOAT:
        w.kind = FT__WANT_REAL;
        w.f = sqlite3_value_double(v);
        break;
    case SQLITE_TEXT:
        w.kind = FT__WANT_TEXT;
        w.text = (char *)(uintptr_t)sqlite3_value_text(v); /* borrowed */
        w.len = w.text != NULL ? (size_t)sqlite3_value_bytes(v) : 0;
        break;
    case SQLITE_BLOB:
        w.kind = FT__WANT_BLOB;
        break;
    default:
        break;
    }
    return w.kind == FT__WANT_TEXT && w.text == NULL ? FT_E_NOMEM : ft__bound_add(b, &w);
}

static int take_all(struct ft__bound *b, sqlite3_value *list, bool number)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    sqlite3_value *v = NULL;
    int rc = FT_OK, step = sqlite3_vtab_in_first(list, &v);

    for (; step == SQLITE_OK && v != NULL && rc == FT_OK; step = sqlite3_vtab_in_next(list, &v)) {
        rc = take_want(b, v, number);
    }
    return rc != FT_OK ? rc : step == SQLITE_NOMEM ? FT_E_NOMEM : FT_OK;
#else
    return take_want(b, list, number);
#endif
}

static int as_sqlite(struct cursor *c, int rc)
{
    if (rc == FT_OK) {
        return SQLITE_OK;
    }
    struct ft_store *s = table_of(c->base.pVtab)->module->store;

    s->failure = rc;
    if (rc == FT_E_UNSUPPORTED) {
        sqlite3_free(c->base.pVtab->zErrMsg);
        c->base.pVtab->zErrMsg = sqlite3_mprintf("%s", s->newer);
    }
    return rc == FT_E_NOMEM         ? SQLITE_NOMEM
           : rc == FT_E_INTERRUPTED ? SQLITE_INTERRUPT
           : rc == FT_E_CORRUPT     ? SQLITE_CORRUPT_VTAB
                                    : SQLITE_ERROR;
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                         sqlite3_value **argv)
{
    struct cursor *c = cursor_of(base);
    const struct table *t = table_of(base->pVtab);
    char *p;
    int rc = FT_OK;

    ft__scan_end(&c->scan);
    forget_bounds(c);
    c->more = false;
    c->scan = (struct ft__scan){.columns = t->columns,
                                .n = t->n,
                                .bounds = c->bound,
                                .n_bounds = (uint32_t)argc,
                                .used = strtoull(text, &p, 10),
                                .sort = (unsigned)number};
    for (int i = 0; i < argc && rc == FT_OK; i++) {
        struct ft__bound *b = &c->bound[i];

        b->column = (int)strtol(p + 1, &p, 10);
        b->op = (int)strtol(p + 1, &p, 10);
        bool is_in = strtol(p + 1, &p, 10) != 0;
        bool of_numbers = ft_store_is_number(&t->columns[b->column]);

        rc = is_in ? take_all(b, argv[i], of_numbers) : take_want(b, argv[i], of_numbers);
    }
    rc = rc == FT_OK ? ft__scan_begin(&c->scan, t->module->store, t->module->table) : rc;
    rc = rc == FT_OK ? ft__scan_step(&c->scan, &c->more) : rc;
    c->more = c->more && rc == FT_OK;
    return as_sqlite(c, rc);
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = cursor_of(base);
    int rc = ft__scan_step(&c->scan, &c->more);

    return rc == FT_OK ? SQLITE_OK : as_sqlite(c, rc);
}

static int cursor_eof(sqlite3_vtab_cursor *base)
{
    return !cursor_of(base)->more;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ft__scan_rowid(&cursor_of(base)->scan);
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
    if (!ft_store_put_json(of, v, c->scan.row, &c->scratch, &c->text)) {
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
    if (rc == FT_E_CORRUPT || rc == FT_E_NOT_FOUND) { /* rows of the block were handed out */
        ft__scan_leave_out(&c->scan, rc);
        sqlite3_free(base->pVtab->zErrMsg);
        base->pVtab->zErrMsg =
            sqlite3_mprintf("a slice is %s: ask again",
                            rc == FT_E_CORRUPT ? "damaged and set aside" : "dropped meanwhile");
    }
    if (rc != FT_OK) {
        return as_sqlite(c, rc);
    }
    if (v == NULL || ft_store_value_null(v, c->scan.row)) {
        return SQLITE_OK;
    }
    const struct ft_store_column *of = ft__scan_type(&c->scan, (uint32_t)number);

    if (ft_store_is_number(of)) {
        put_number(ctx, of, ft_store_buf_u64(&v->num)[c->scan.row]);
    } else if (ft_store_is_address(of)) {
        char text[FT_STORE_ADDRESS];

        ft_store_put_address(v->bytes.p + (size_t)c->scan.row * 16, text);
        sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
    } else if (of->cell == FT__CELL_TEXT && of->type != FT_T_BYTES) {
        const uint32_t *end = ft_store_buf_u32(&v->end) + c->scan.row;
        bool empty = end[0] == end[1]; /* which may be nowhere */

        sqlite3_result_text(ctx, empty ? "" : (const char *)v->bytes.p + end[0],
                            (int)(end[1] - end[0]), SQLITE_TRANSIENT);
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
    .xFindFunction = ft__store_find_function,
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
