/* SPDX-License-Identifier: Apache-2.0 */
/* store: the slices of a table, block by block; see read.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/wait.h"
#include "store/catalog.h"
#include "store/read.h"

enum { FILES_MOST = 1 << 22 };

bool ft__store_late(const struct ft_store *s)
{
    return s->until_ms != 0 && ft_mono_ms() >= s->until_ms;
}

/* ---- columns ---- */

static bool add_columns(struct ft_store_column *all, uint32_t *n, const struct ft_store_column *of,
                        uint32_t more)
{
    for (uint32_t i = 0; i < more; i++) {
        uint32_t k = 0;

        while (k < *n && strcmp(all[k].name, of[i].name) != 0) {
            k++;
        }
        if (k == FT_COLUMNS_MAX || !ft_store_column_valid(&of[i])) {
            return false;
        }
        if (k == *n) {
            all[(*n)++] = of[i];
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
    for (uint32_t i = 0; i < s->n_bounds; i++) {
        const struct ft__bound *b = &s->bounds[i];
        double f = b->kind == FT_STORE_INTEGER ? (double)b->i : b->f;
        bool low = b->op == SQLITE_INDEX_CONSTRAINT_LT || b->op == SQLITE_INDEX_CONSTRAINT_LE;

        if (strcmp(s->columns[b->column].name, "timestamp") != 0 || b->kind == FT_STORE_STRING ||
            b->kind == FT_STORE_NULL) {
            continue;
        }
        if ((low || b->op == SQLITE_INDEX_CONSTRAINT_EQ) && (double)min_us / 1e6 > f) {
            return false;
        }
        if (!low && (double)max_us / 1e6 < f) {
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
        if (!time_fits(s, sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2))) {
            continue;
        }
        if (s->n_files == cap) {
            cap = cap > 0 ? cap * 2 : 256;
            char(*more)[FT_STORE_FILE] = ft_mem_alloc(cap, sizeof *more);

            if (more == NULL) {
                return FT_E_NOMEM;
            }
            if (s->n_files > 0) {
                memcpy(more, s->files, s->n_files * sizeof *more);
            }
            ft_mem_free(s->files);
            s->files = more;
        }
        if (is_file(q)) {
            snprintf(s->files[s->n_files++], FT_STORE_FILE, "%s",
                     (const char *)sqlite3_column_text(q, 0));
        } else {
            tell_bad(s, "a slice's name in " FT_CATALOG_FILE " is damaged");
        }
    }
    return FT_OK;
}

int ft__scan_begin(struct ft__scan *s, struct ft_store *store, const char *table)
{
    sqlite3_stmt *q = NULL;

    s->store = store;
    s->map = ft_mem_alloc(s->n + 1, sizeof *s->map);
    s->values = ft_mem_alloc(s->n + 1, sizeof *s->values);
    s->have = ft_mem_alloc(s->n + 1, sizeof *s->have);
    if (s->map == NULL || s->values == NULL || s->have == NULL) {
        return FT_E_NOMEM;
    }
    if (sqlite3_prepare_v2(store->db,
                           "SELECT file, min_us, max_us FROM _slice WHERE tbl = ?1 ORDER BY id", -1,
                           &q, NULL) != SQLITE_OK) {
        return FT_E_IO;
    }
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    int rc = list_files(s, q);

    sqlite3_finalize(q);
    return rc;
}

static void close_slice(struct ft__scan *s)
{
    if (s->open) {
        ft_slice_close(&s->slice);
    }
    s->open = false;
}

void ft__scan_end(struct ft__scan *s)
{
    close_slice(s);
    for (uint32_t i = 0; s->values != NULL && i < s->n; i++) {
        ft_store_values_fini(&s->values[i]);
    }
    ft_mem_free(s->map);
    ft_mem_free(s->values);
    ft_mem_free(s->have);
    ft_mem_free(s->files);
    ft_store_buf_fini(&s->scratch);
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

void ft__scan_set_aside(struct ft__scan *s)
{
    char why[160];

    snprintf(why, sizeof why, "%s: a block is damaged", s->files[s->file - 1]);
    set_aside(s, s->files[s->file - 1], why);
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
        snprintf(r->bad, sizeof r->bad, "%s: it was damaged, and is set aside as %s", file, bad);
    }
}

/* Opens the next file. *out_more: there is one. */
static int next_slice(struct ft__scan *s, bool *out_more)
{
    struct ft_err err;

    while (s->file < s->n_files) {
        const char *file = s->files[s->file++];
        int rc = ft_slice_open(s->store->dir, file, s->store->coder, &s->slice, &err);

        if (rc == FT_OK) {
            for (uint32_t i = 0; i < s->n; i++) {
                s->map[i] = ft_slice_find(&s->slice, s->columns[i].name);
            }
            s->open = true;
            s->block = UINT32_MAX;
            *out_more = true;
            return FT_OK;
        }
        if (rc == FT_E_CORRUPT) {
            set_aside(s, file, err.what);
        } else if (rc == FT_E_NOT_FOUND) {
            is_gone(s, file);
        } else {
            return rc;
        }
    }
    *out_more = false;
    return FT_OK;
}

/* ---- blocks ---- */

const struct ft_store_column *ft__scan_type(const struct ft__scan *s, uint32_t column)
{
    return &s->slice.columns[s->map[column]];
}

const struct ft_store_values *ft__scan_column(struct ft__scan *s, uint32_t column, int *rc)
{
    *rc = FT_OK;
    if (s->map[column] < 0) {
        return NULL;
    }
    if (!s->have[column]) {
        *rc = ft_slice_column(&s->slice, s->store->coder, s->block, (uint32_t)s->map[column],
                              &s->scratch, &s->values[column]);
        s->have[column] = *rc == FT_OK;
    }
    return *rc == FT_OK ? &s->values[column] : NULL;
}

/* Can the block have rows, by what its slice says of it? */
static bool block_fits(const struct ft__scan *s)
{
    for (uint32_t i = 0; i < s->n_bounds; i++) {
        uint32_t c = (uint32_t)s->bounds[i].column;

        if (s->map[c] < 0 ||
            !ft__bound_block(&s->bounds[i], ft__scan_type(s, c),
                             ft_slice_extent(&s->slice, s->block, (uint32_t)s->map[c]))) {
            return false;
        }
    }
    return true;
}

bool ft__scan_keeps(const struct ft__scan *s, uint32_t row)
{
    for (uint32_t i = 0; i < s->n_bounds; i++) {
        uint32_t c = (uint32_t)s->bounds[i].column;

        if (!ft__bound_row(&s->bounds[i], ft__scan_type(s, c), &s->values[c], row)) {
            return false;
        }
    }
    return true;
}

/* The columns of the bounds; then, if any row keeps them, those that will be asked for. */
static int load(struct ft__scan *s, bool *out_any)
{
    int rc = FT_OK;

    memset(s->have, 0, s->n);
    s->rows = ft_slice_rows(&s->slice, s->block);
    for (uint32_t i = 0; i < s->n_bounds && rc == FT_OK; i++) {
        ft__scan_column(s, (uint32_t)s->bounds[i].column, &rc);
    }
    *out_any = s->n_bounds == 0;
    for (uint32_t row = 0; row < s->rows && !*out_any && rc == FT_OK; row++) {
        *out_any = ft__scan_keeps(s, row);
    }
    for (uint32_t i = 0; i < s->n && *out_any && rc == FT_OK; i++) {
        if (i < 63 ? (s->used >> i & 1) != 0 : s->used == UINT64_MAX) { /* 63: it, or later ones */
            ft__scan_column(s, i, &rc);
        }
    }
    return rc;
}

static void count(struct ft__scan *s, bool read)
{
    struct ft_store_result *r = s->store->result;

    if (r != NULL) {
        r->blocks_read += read;
        r->blocks_passed += !read;
    }
}

int ft__scan_next(struct ft__scan *s, bool *out_more)
{
    for (;;) {
        if (ft__store_late(s->store)) {
            return FT_E_INTERRUPTED;
        }
        if (s->open && ++s->block < s->slice.n_blocks) {
            bool any = false, fits = block_fits(s);
            int rc = fits ? load(s, &any) : FT_OK;

            count(s, fits);
            if (rc == FT_E_CORRUPT) {
                ft__scan_set_aside(s);
                close_slice(s);
            } else if (rc != FT_OK || any) {
                *out_more = rc == FT_OK;
                return rc;
            }
            continue;
        }
        close_slice(s);
        int rc = next_slice(s, out_more);

        if (rc != FT_OK || !*out_more) {
            return rc;
        }
    }
}
