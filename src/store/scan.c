/* SPDX-License-Identifier: Apache-2.0 */
/* store: the slices of a table, block by block; see read.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/wait.h"
#include "store/catalog.h"
#include "store/read.h"
#include "store/value.h"

enum {
    FILES_MOST = 1 << 22,
    BLOCK_MOST = 512 << 20, /* bytes of a block's columns in memory */
    FEW = 8                 /* of more rows only one is wanted: the others are not taken apart */
};

bool ft__store_late(const struct ft_store *s)
{
    return s->until_ms != 0 && ft_mono_ms() >= s->until_ms;
}

/* ---- columns ---- */

static bool counts(const struct ft_store_column *c)
{
    return ft_store_is_number(c) && c->type != FT_T_TIME && c->type != FT_T_BOOL;
}

/* Is it the same column? Numbers are, whatever their width, and texts; a name of numbers and the
 * same of texts, times, or lists of other items are two. */
static bool same_column(const struct ft_store_column *a, const struct ft_store_column *b)
{
    if (strcmp(a->name, b->name) != 0 || counts(a) || counts(b)) {
        return strcmp(a->name, b->name) == 0 && counts(a) && counts(b);
    }
    if (a->cell != b->cell || ft_store_value_type(a) != ft_store_value_type(b)) {
        return false;
    }
    return a->cell == FT__CELL_TEXT ||
           (a->width == b->width && (a->cell == FT__CELL_FIXED || a->item == b->item));
}

/* A column of numbers holds those of another, too: U8 to U64, I64, F64. */
static void widen(struct ft_store_column *c, const struct ft_store_column *of)
{
    uint8_t low = c->type < of->type ? c->type : of->type;
    uint8_t high = c->type < of->type ? of->type : c->type;

    if (counts(c)) {
        c->type = high == FT_T_I64 && low == FT_T_U64 ? FT_T_F64 : high;
        c->width = c->width > of->width ? c->width : of->width;
    }
}

int ft__store_time(const struct ft_store_column *columns, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(columns[i].name, "timestamp") == 0 && columns[i].type == FT_T_TIME) {
            return (int)i;
        }
    }
    return -1;
}

void ft__store_name(const struct ft_store_column *columns, uint32_t i, char out[FT__STORE_SHOWN])
{
    unsigned n = 1;

    for (uint32_t k = 0; k < i; k++) {
        n += sqlite3_stricmp(columns[k].name, columns[i].name) == 0;
    }
    snprintf(out, FT__STORE_SHOWN, n > 1 ? "%s_%u" : "%s", columns[i].name, n);
}

static bool add_columns(struct ft_store_column *all, uint32_t *n, const struct ft_store_column *of,
                        uint32_t more)
{
    for (uint32_t i = 0; i < more; i++) {
        uint32_t k = 0;

        while (k < *n && !same_column(&all[k], &of[i])) {
            k++;
        }
        if (k == FT_COLUMNS_MAX || !ft_store_column_valid(&of[i])) {
            return false;
        }
        if (k == *n) {
            all[(*n)++] = of[i];
        } else {
            widen(&all[k], &of[i]);
        }
    }
    return true;
}

int ft__store_columns(struct ft_store *s, const char *table, struct ft_store_column **out,
                      uint32_t *out_n)
{
    struct ft_store_column *all = ft_mem_alloc(FT_COLUMNS_MAX, sizeof *all);
    sqlite3_stmt *q = NULL;
    uint32_t n = 0;
    int rc = all != NULL ? FT_OK : FT_E_NOMEM;

    if (rc == FT_OK &&
        sqlite3_prepare_v2(s->db,
                           "SELECT columns FROM _schema WHERE tbl = ?1 AND id IN (SELECT schema "
                           "FROM _slice) ORDER BY id DESC",
                           -1, &q, NULL) != SQLITE_OK) {
        rc = FT_E_IO;
    }
    if (rc == FT_OK) {
        sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    }
    while (rc == FT_OK && sqlite3_step(q) == SQLITE_ROW) {
        const void *p = sqlite3_column_blob(q, 0);
        size_t len = (size_t)sqlite3_column_bytes(q, 0);

        if (!add_columns(all, &n, p, (uint32_t)(len / sizeof *all))) {
            rc = FT_E_CORRUPT;
        }
    }
    sqlite3_finalize(q);
    if (rc != FT_OK) {
        ft_mem_free(all);
        return rc;
    }
    *out = all;
    *out_n = n;
    return FT_OK;
}

/* ---- slices ---- */

/* Whether a slice of these times can have rows. */
static bool time_fits(const struct ft__scan *s, int64_t min_us, int64_t max_us)
{
    int time = ft__store_time(s->columns, s->n);
    uint64_t least = ft_store_ordered(FT_T_TIME, (uint64_t)min_us);
    uint64_t most = ft_store_ordered(FT_T_TIME, (uint64_t)max_us);

    for (uint32_t i = 0; i < s->n_bounds; i++) {
        const struct ft__bound *b = &s->bounds[i];

        if (b->column == time && b->op != SQLITE_INDEX_CONSTRAINT_ISNULL &&
            b->op != SQLITE_INDEX_CONSTRAINT_ISNOTNULL && !ft__bound_between(b, least, most)) {
            return false;
        }
    }
    return true;
}

static void tell_bad(struct ft__scan *s, const char *why)
{
    struct ft_store_result *r = s->store->result;

    if (r != NULL && r->slices_bad++ == 0) {
        snprintf(r->bad, sizeof r->bad, "%.*s", (int)sizeof r->bad - 1, why);
    }
}

/* Is it the name of a slice, which no other folder is in? */
static bool is_file(sqlite3_stmt *q)
{
    const char *name = (const char *)sqlite3_column_text(q, 0);
    char table[16];
    uint64_t number;

    return name != NULL && ft_catalog_parse_name(name, table, &number);
}

static int list_files(struct ft__scan *s, sqlite3_stmt *q)
{
    uint32_t cap = 0;

    while (sqlite3_step(q) == SQLITE_ROW && s->n_files < FILES_MOST) {
        struct ft__file f = {.min_us = sqlite3_column_int64(q, 1),
                             .max_us = sqlite3_column_int64(q, 2),
                             .id = sqlite3_column_int64(q, 3)};

        if (!is_file(q)) {
            tell_bad(s, "a slice's name in " FT_CATALOG_FILE " is damaged");
            continue;
        }
        if (!time_fits(s, f.min_us, f.max_us)) {
            continue;
        }
        if (s->n_files == cap) {
            cap = cap > 0 ? cap * 2 : 256;
            struct ft__file *more = ft_mem_alloc(cap, sizeof *more);

            if (more == NULL) {
                return FT_E_NOMEM;
            }
            if (s->n_files > 0) {
                memcpy(more, s->files, s->n_files * sizeof *more);
            }
            ft_mem_free(s->files);
            s->files = more;
        }
        snprintf(f.name, sizeof f.name, "%s", (const char *)sqlite3_column_text(q, 0));
        s->files[s->n_files++] = f;
    }
    return FT_OK;
}

bool ft__view_init(struct ft__view *v, uint32_t n)
{
    v->values = ft_mem_alloc(n + 1, sizeof *v->values);
    v->have = ft_mem_alloc(n + 1, sizeof *v->have);
    v->row = ft_mem_alloc(FT_STORE_BLOCK, sizeof *v->row);
    return v->values != NULL && v->have != NULL && v->row != NULL;
}

void ft__view_fini(struct ft__view *v, uint32_t n)
{
    for (uint32_t i = 0; v->values != NULL && i < n; i++) {
        ft_store_values_fini(&v->values[i]);
    }
    ft_mem_free(v->values);
    ft_mem_free(v->have);
    ft_mem_free(v->row);
    *v = (struct ft__view){0};
}

int ft__scan_begin(struct ft__scan *s, struct ft_store *store, const char *table)
{
    int time = ft__store_time(s->columns, s->n);
    sqlite3_stmt *q = NULL;

    s->store = store;
    s->view = &s->own;
    if (!ft__view_init(&s->own, s->n)) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < s->n_bounds; i++) {
        if (s->bounds[i].column == time &&
            ft__bound_ready(&s->bounds[i], &s->columns[time]) != FT_OK) {
            return FT_E_NOMEM;
        }
    }
    if (sqlite3_prepare_v2(store->db,
                           "SELECT file, min_us, max_us, id FROM _slice WHERE tbl = ?1 ORDER BY id",
                           -1, &q, NULL) != SQLITE_OK) {
        return FT_E_IO;
    }
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    int rc = list_files(s, q);

    sqlite3_finalize(q);
    return rc == FT_OK && s->sort != FT__SORT_NONE ? ft__sorted_begin(s) : rc;
}

void ft__scan_end(struct ft__scan *s)
{
    ft__sorted_end(s);
    ft__part_release(s->part);
    ft__part_release(s->own.part);
    ft__view_fini(&s->own, s->n);
    ft_mem_free(s->files);
    ft_store_buf_fini(&s->scratch);
    ft_store_values_fini(&s->nulls);
    *s = (struct ft__scan){0};
}

/* It is damaged: nobody reads it again. */
static void set_aside(struct ft__scan *s, const char *file, const char *why)
{
    char bad[FT_STORE_FILE + 8];

    snprintf(bad, sizeof bad, "%s.bad", file);
    renameat(s->store->dir, file, s->store->dir, bad); /* best effort: it may be another's */
    tell_bad(s, why);
}

/* There is no such file any more. */
static void is_gone(struct ft__scan *s, const char *file)
{
    struct ft_store_result *r = s->store->result;
    char bad[FT_STORE_FILE + 8];

    snprintf(bad, sizeof bad, "%s.bad", file);
    if (r == NULL) {
        return;
    }
    if (faccessat(s->store->dir, bad, F_OK, 0) != 0) {
        r->slices_gone++;
    } else if (r->slices_bad++ == 0) {
        snprintf(r->bad, sizeof r->bad, "it was damaged, and is set aside as %s", bad);
    }
}

bool ft__part_leave_out(struct ft__scan *s, const struct ft__part *p, int rc)
{
    const char *file = s->files[p->file].name;
    char why[160];

    if (rc == FT_E_CORRUPT) {
        snprintf(why, sizeof why, "%s: a block is damaged", file);
        set_aside(s, file, why);
    } else if (rc == FT_E_IO) {
        snprintf(why, sizeof why, "%s: a block cannot be read", file);
        tell_bad(s, why);
    } else if (rc == FT_E_NOT_FOUND) {
        is_gone(s, file);
    }
    return rc == FT_E_CORRUPT || rc == FT_E_IO || rc == FT_E_NOT_FOUND;
}

bool ft__scan_leave_out(struct ft__scan *s, int rc)
{
    return ft__part_leave_out(s, s->view->part, rc);
}

static int map_columns(const struct ft__scan *s, struct ft__part *p)
{
    p->map = ft_mem_alloc(s->n + 1, sizeof *p->map);
    if (p->map == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        int k = ft_slice_find(&p->slice, s->columns[i].name);

        p->map[i] = k >= 0 && same_column(&p->slice.columns[k], &s->columns[i]) ? k : -1;
    }
    return FT_OK;
}

int ft__part_open(struct ft__scan *s, uint32_t file, struct ft__part **out)
{
    struct ft__part *p = ft_mem_alloc(1, sizeof *p);
    const char *name = s->files[file].name;
    struct ft_err err;

    *out = NULL;
    if (p == NULL) {
        return FT_E_NOMEM;
    }
    int rc = ft_slice_open(s->store->dir, name, s->store->coder, &p->slice, &err);

    if (rc != FT_OK) {
        ft_mem_free(p);
        if (rc == FT_E_CORRUPT) {
            set_aside(s, name, err.what);
        } else if (rc == FT_E_NOT_FOUND) {
            is_gone(s, name);
        } else if (rc == FT_E_IO) { /* not ours to read, or a link */
            tell_bad(s, err.what);
        } else {
            return rc;
        }
        return FT_OK;
    }
    p->file = file;
    p->uses = 1;
    rc = map_columns(s, p);
    if (rc != FT_OK) {
        ft__part_release(p);
        return rc;
    }
    *out = p;
    return FT_OK;
}

void ft__part_release(struct ft__part *p)
{
    if (p != NULL && --p->uses == 0) {
        ft_slice_close(&p->slice);
        ft_mem_free(p->map);
        ft_mem_free(p);
    }
}

void ft__part_pause(struct ft__part *p)
{
    if (p->slice.fd >= 0) {
        ft_slice_pause(&p->slice);
    }
}

int ft__part_resume(struct ft__scan *s, struct ft__part *p)
{
    return p->slice.fd >= 0 ? FT_OK
                            : ft_slice_resume(&p->slice, s->store->dir, s->files[p->file].name);
}

/* ---- blocks ---- */

/* What a column of the table is in a slice. NULL: it has none. */
static const struct ft_store_column *type_in(const struct ft__part *p, uint32_t column)
{
    return p->map[column] >= 0 ? &p->slice.columns[p->map[column]] : NULL;
}

int64_t ft__scan_rowid(const struct ft__scan *s)
{
    const struct ft__view *v = s->view;

    return (int64_t)((uint64_t)s->files[v->part->file].id << 32 | (uint64_t)v->block << 16 |
                     s->row);
}

const struct ft_store_column *ft__scan_type(const struct ft__scan *s, uint32_t column)
{
    return type_in(s->view->part, column);
}

static size_t len_of(const struct ft_store_values *v)
{
    return v->valid.len + v->num.len + v->bytes.len + v->end.len + v->inner.len;
}

const struct ft_store_values *ft__view_column(struct ft__scan *s, struct ft__view *v,
                                              uint32_t column, int *rc)
{
    struct ft__part *p = v->part;
    bool paused = p->slice.fd < 0;

    *rc = FT_OK;
    if (p->map[column] < 0) {
        return NULL;
    }
    if (!v->have[column]) {
        bool few = v->n_row > 0 && v->n_row < v->rows / FEW; /* nobody looks at others */

        *rc = ft__part_resume(s, p);
        if (*rc == FT_OK) {
            *rc = ft_slice_column_rows(&p->slice, s->store->coder, v->block,
                                       (uint32_t)p->map[column], few ? v->row : NULL, v->n_row,
                                       &s->scratch, &v->values[column]);
        }
        if (paused) {
            ft__part_pause(p);
        }
        v->len += *rc == FT_OK ? len_of(&v->values[column]) : 0;
        if (v->len > BLOCK_MOST) { /* nobody wrote that */
            ft_store_values_fini(&v->values[column]);
            *rc = FT_E_CORRUPT;
        }
        v->have[column] = *rc == FT_OK;
    }
    return *rc == FT_OK ? &v->values[column] : NULL;
}

const struct ft_store_values *ft__scan_column(struct ft__scan *s, uint32_t column, int *rc)
{
    return ft__view_column(s, s->view, column, rc);
}

static void count(struct ft__scan *s, bool read)
{
    struct ft_store_result *r = s->store->result;

    if (r != NULL) {
        r->blocks_read += read;
        r->blocks_passed += !read;
    }
}

int ft__part_fits(struct ft__scan *s, const struct ft__part *p, uint32_t block, bool *out_fits)
{
    bool fits = true;

    for (uint32_t i = 0; i < s->n_bounds && fits; i++) {
        uint32_t column = (uint32_t)s->bounds[i].column;
        const struct ft_store_column *c = type_in(p, column);

        if (ft__bound_ready(&s->bounds[i], c) != FT_OK) {
            return FT_E_NOMEM;
        }
        fits = ft__bound_block(
            &s->bounds[i], c, ft_slice_rows(&p->slice, block),
            c != NULL ? ft_slice_extent(&p->slice, block, (uint32_t)p->map[column]) : NULL);
    }
    count(s, fits);
    *out_fits = fits;
    return FT_OK;
}

void ft__view_set(struct ft__scan *s, struct ft__view *v, struct ft__part *p, uint32_t block)
{
    p->uses++;
    ft__part_release(v->part);
    v->part = p;
    v->block = block;
    v->rows = ft_slice_rows(&p->slice, block);
    v->n_row = 0;
    v->len = 0;
    memset(v->have, 0, s->n);
}

/* Will SQLite ask for it? */
static bool is_used(const struct ft__scan *s, uint32_t column)
{
    /* bit 63: it, or later ones */
    return column < 63 ? (s->used >> column & 1) != 0 : s->used == UINT64_MAX;
}

/* Chooses the rows by a bound, of those that are left or, if it is the first, of all. */
static int choose(struct ft__scan *s, struct ft__view *v, struct ft__bound *b, bool first)
{
    uint32_t column = (uint32_t)b->column;
    const struct ft_store_column *c = type_in(v->part, column);
    struct ft_store_key key;
    int rc = ft__bound_ready(b, c);

    if (rc != FT_OK) {
        return rc;
    }
    if (first && ft__bound_key(b, c, &key)) {
        return ft_slice_find_rows(&v->part->slice, s->store->coder, v->block,
                                  (uint32_t)v->part->map[column], &key, &s->scratch, &s->nulls,
                                  v->row, &v->n_row);
    }
    const struct ft_store_values *values = ft__view_column(s, v, column, &rc);

    if (rc == FT_OK) {
        v->n_row = ft__bound_select(b, c, values, v->row, v->n_row);
    }
    return rc;
}

/* The bound that leaves least and costs least. */
static uint32_t first_bound(const struct ft__scan *s, const struct ft__view *v)
{
    struct ft_store_key key;

    for (uint32_t i = 0; i < s->n_bounds; i++) {
        if (ft__bound_key(&s->bounds[i], type_in(v->part, (uint32_t)s->bounds[i].column), &key)) {
            return i;
        }
    }
    return 0;
}

int ft__view_load(struct ft__scan *s, struct ft__view *v, struct ft__part *p, uint32_t block)
{
    int rc = FT_OK;

    ft__view_set(s, v, p, block);
    v->n_row = v->rows;
    for (uint32_t i = 0; i < v->rows; i++) {
        v->row[i] = i;
    }
    uint32_t first = first_bound(s, v);

    for (uint32_t k = 0; k < s->n_bounds && v->n_row > 0 && rc == FT_OK; k++) {
        uint32_t i = k == 0 ? first : k <= first ? k - 1 : k;

        rc = choose(s, v, &s->bounds[i], k == 0);
    }
    for (uint32_t i = 0; i < s->n && v->n_row > 0 && rc == FT_OK; i++) {
        if (is_used(s, i)) {
            ft__view_column(s, v, i, &rc);
        }
    }
    return rc;
}

/* ---- in no order ---- */

/* Opens the next file, or there is none: s->part. */
static int next_part(struct ft__scan *s)
{
    int rc = FT_OK;

    while (rc == FT_OK && s->part == NULL && s->file < s->n_files) {
        rc = ft__part_open(s, s->file++, &s->part);
        s->block = 0;
    }
    return rc;
}

int ft__scan_next(struct ft__scan *s, bool *out_more)
{
    bool fits;

    *out_more = false;
    for (;;) {
        int rc = ft__store_late(s->store) ? FT_E_INTERRUPTED : next_part(s);

        if (rc != FT_OK || s->part == NULL) {
            return rc;
        }
        if (s->block == s->part->slice.n_blocks) {
            ft__part_release(s->part);
            s->part = NULL;
            continue;
        }
        uint32_t block = s->block++;

        rc = ft__part_fits(s, s->part, block, &fits);
        if (rc == FT_OK && fits) {
            rc = ft__view_load(s, &s->own, s->part, block);
        }
        if (ft__part_leave_out(s, s->part, rc)) {
            s->block = s->part->slice.n_blocks;
        } else if (rc != FT_OK || (fits && s->own.n_row > 0)) {
            *out_more = rc == FT_OK;
            s->at = 0;
            return rc;
        }
    }
}

int ft__scan_step(struct ft__scan *s, bool *out_more)
{
    if (s->order != NULL) {
        return ft__sorted_step(s, out_more);
    }
    *out_more = true;
    if (++s->at >= s->own.n_row) {
        int rc = ft__scan_next(s, out_more);

        if (rc != FT_OK || !*out_more) {
            return rc;
        }
    }
    s->row = s->own.row[s->at];
    return FT_OK;
}
