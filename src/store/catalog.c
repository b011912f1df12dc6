/* SPDX-License-Identifier: Apache-2.0 */
/* store: the database of a store, see catalog.h. */
#include "store/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/range.h"
#include "base/rd.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS _meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS _schema(id INTEGER PRIMARY KEY, tbl TEXT, columns BLOB);"
    "CREATE TABLE IF NOT EXISTS _slice(id INTEGER PRIMARY KEY, tbl TEXT, file TEXT UNIQUE, "
    "rows INTEGER, bytes INTEGER, min_us INTEGER, max_us INTEGER, written_s INTEGER, "
    "schema INTEGER);"
    "CREATE TABLE IF NOT EXISTS _gone(file TEXT PRIMARY KEY, at_s INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS _account(id INTEGER PRIMARY KEY, written_s INTEGER, facts TEXT);"
    "CREATE TABLE IF NOT EXISTS _usual(host TEXT PRIMARY KEY, hour INTEGER, hours INTEGER, "
    "mean7 REAL, dev7 REAL, p7 REAL, mean30 REAL, dev30 REAL, p30 REAL, state BLOB) WITHOUT ROWID;"
    "CREATE VIEW IF NOT EXISTS slices AS SELECT id, tbl AS \"table\", file, rows, bytes, "
    "CASE WHEN min_us <= max_us THEN min_us / 1000000.0 END AS min_timestamp, "
    "CASE WHEN min_us <= max_us THEN max_us / 1000000.0 END AS max_timestamp, "
    "written_s AS written FROM _slice;"
    "CREATE VIEW IF NOT EXISTS baseline AS SELECT host, hour * 3600 AS last_hour, hours, "
    "mean7 AS bytes_mean_7d, dev7 AS bytes_std_7d, p7 AS bytes_p95_7d, "
    "mean30 AS bytes_mean_30d, dev30 AS bytes_std_30d, p30 AS bytes_p95_30d FROM _usual;"
    "CREATE VIEW IF NOT EXISTS account AS SELECT id, written_s AS written, facts FROM _account;";

/* ---- statements ---- */

int ft_catalog_run(struct ft_catalog *c, const char *sql)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ? FT_OK : FT_E_IO;
}

sqlite3_stmt *ft_catalog_prepare(struct ft_catalog *c, const char *sql)
{
    sqlite3_stmt *s = NULL;

    return sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) == SQLITE_OK ? s : NULL;
}

int ft_catalog_step(sqlite3_stmt *s)
{
    int rc = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;

    sqlite3_finalize(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? FT_OK : FT_E_IO;
}

/* The one number that a query has; 0: none. */
static int64_t number(struct ft_catalog *c, const char *sql)
{
    sqlite3_stmt *s = ft_catalog_prepare(c, sql);
    int64_t n = s != NULL && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;

    sqlite3_finalize(s);
    return n;
}

int ft_catalog_begin(struct ft_catalog *c)
{
    return ft_catalog_run(c, "BEGIN IMMEDIATE");
}

int ft_catalog_commit(struct ft_catalog *c)
{
    return ft_catalog_run(c, "COMMIT");
}

void ft_catalog_rollback(struct ft_catalog *c)
{
    ft_ignore(ft_catalog_run(c, "ROLLBACK")); /* there may be none */
}

/* ---- life ---- */

static int make(struct ft_catalog *c, const char *folder, struct ft_err *err)
{
    char text[64];

    snprintf(text, sizeof text, "PRAGMA user_version=%d", FT_CATALOG_VERSION);
    int64_t version = number(c, "PRAGMA user_version");

    if (version > FT_CATALOG_VERSION) {
        return ft_err_set(err, FT_E_UNSUPPORTED,
                          "%s: a store of version %lld, and this flowtap writes %d", folder,
                          (long long)version, FT_CATALOG_VERSION);
    }
    int rc = ft_catalog_run(c, "PRAGMA journal_mode=WAL");

    rc = rc == FT_OK ? ft_catalog_run(c, "PRAGMA synchronous=FULL") : rc;
    rc = rc == FT_OK ? ft_catalog_run(c, "PRAGMA temp_store=MEMORY") : rc; /* no other folder */
    rc = rc == FT_OK ? ft_catalog_begin(c) : rc;
    rc = rc == FT_OK ? ft_catalog_run(c, schema) : rc;
    rc = rc == FT_OK ? ft_catalog_run(c, text) : rc;
    rc = rc == FT_OK ? ft_catalog_commit(c) : rc;
    int error = sqlite3_system_errno(c->db);

    return rc == FT_OK ? rc
                       : ft_err_set(err, FT_E_IO, "%s/" FT_CATALOG_FILE ": %s%s%s", folder,
                                    sqlite3_errmsg(c->db), error != 0 ? ": " : "",
                                    error != 0 ? strerror(error) : "");
}

int ft_catalog_open(const char *folder, int dir, struct ft_catalog *out, struct ft_err *err)
{
    struct ft_catalog c = {.dir = dir};
    char *real = realpath(folder, NULL); /* the folder may be a link, the database may not */
    char *path = real != NULL ? sqlite3_mprintf("%s/" FT_CATALOG_FILE, real) : NULL;
    int rc = path != NULL ? sqlite3_open_v2(path, &c.db,
                                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                                SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX,
                                            NULL)
                          : SQLITE_NOMEM;

    sqlite3_free(path);
    free(real);
    rc = rc == SQLITE_OK ? make(&c, folder, err)
                         : ft_err_set(err, FT_E_IO, "%s/" FT_CATALOG_FILE ": %s", folder,
                                      c.db != NULL ? sqlite3_errmsg(c.db) : "out of memory");
    if (rc != FT_OK) {
        sqlite3_close(c.db);
        return rc;
    }
    sqlite3_busy_timeout(c.db, 5000);
    *out = c;
    return FT_OK;
}

void ft_catalog_close(struct ft_catalog *c)
{
    sqlite3_close(c->db);
    c->db = NULL;
}

/* ---- slices ---- */

bool ft_catalog_parse_name(const char *name, char table[16], uint64_t *out)
{
    const char *dash = strchr(name, '-');
    char *end = NULL;

    if (dash == NULL || dash == name || dash - name >= 16 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz_") != (size_t)(dash - name) ||
        strspn(dash + 1, "0123456789") != 12) {
        return false;
    }
    memcpy(table, name, (size_t)(dash - name));
    table[dash - name] = '\0';
    *out = strtoull(dash + 1, &end, 10);
    return end == dash + 13 && strcmp(end, ".fts") == 0;
}

/* The number of a version of a table's columns. 0: it failed. */
static int64_t schema_of(struct ft_catalog *c, const char *table,
                         const struct ft_store_column *columns, uint32_t n)
{
    sqlite3_stmt *s =
        ft_catalog_prepare(c, "SELECT id FROM _schema WHERE tbl = ?1 AND columns = ?2");
    int64_t id = 0;

    if (s != NULL) {
        sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
        sqlite3_bind_blob(s, 2, columns, (int)(n * sizeof *columns), SQLITE_STATIC);
        id = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    }
    sqlite3_finalize(s);
    if (id != 0) {
        return id;
    }
    s = ft_catalog_prepare(c, "INSERT INTO _schema(tbl, columns) VALUES(?1, ?2)");
    if (s != NULL) {
        sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
        sqlite3_bind_blob(s, 2, columns, (int)(n * sizeof *columns), SQLITE_STATIC);
    }
    return ft_catalog_step(s) == FT_OK ? sqlite3_last_insert_rowid(c->db) : 0;
}

int ft_catalog_add(struct ft_catalog *c, const struct ft_catalog_slice *of,
                   const struct ft_store_column *columns, uint32_t n)
{
    int64_t id = schema_of(c, of->table, columns, n);
    sqlite3_stmt *s = ft_catalog_prepare(
        c, "INSERT INTO _slice(tbl, file, rows, bytes, min_us, max_us, written_s, schema) "
           "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");

    if (s == NULL || id == 0) {
        sqlite3_finalize(s);
        return FT_E_IO;
    }
    sqlite3_bind_text(s, 1, of->table, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, of->file, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, (int64_t)of->rows);
    sqlite3_bind_int64(s, 4, (int64_t)of->bytes);
    sqlite3_bind_int64(s, 5, of->min_us);
    sqlite3_bind_int64(s, 6, of->max_us);
    sqlite3_bind_int64(s, 7, of->written_s);
    sqlite3_bind_int64(s, 8, id);
    return ft_catalog_step(s);
}

int ft_catalog_account(struct ft_catalog *c, int64_t written_s, const char *json)
{
    sqlite3_stmt *s =
        ft_catalog_prepare(c, "INSERT INTO _account(written_s, facts) VALUES(?1, ?2)");

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, written_s);
        sqlite3_bind_text(s, 2, json, -1, SQLITE_STATIC);
    }
    return ft_catalog_step(s);
}

/* ---- retention ---- */

static int drop(struct ft_catalog *c, int64_t id, int64_t now_s)
{
    sqlite3_stmt *s = ft_catalog_prepare(
        c, "INSERT OR REPLACE INTO _gone SELECT file, ?2 FROM _slice WHERE id = ?1");

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, id);
        sqlite3_bind_int64(s, 2, now_s);
    }
    int rc = ft_catalog_step(s);

    s = rc == FT_OK ? ft_catalog_prepare(c, "DELETE FROM _slice WHERE id = ?1") : NULL;
    if (s != NULL) {
        sqlite3_bind_int64(s, 1, id);
    }
    return rc == FT_OK ? ft_catalog_step(s) : rc;
}

/* Accounts are kept as long as slices. */
static int retain_accounts(struct ft_catalog *c)
{
    return ft_catalog_run(c, "DELETE FROM _account WHERE id < (SELECT max(id) FROM _account) AND "
                             "written_s < (SELECT min(written_s) FROM _slice)");
}

/* The first row of the slice that was written last: each of its tables has one, and all one time.
 */
static int64_t newest_slice(struct ft_catalog *c)
{
    int64_t at = number(c, "SELECT min(id) FROM _slice WHERE written_s = (SELECT written_s FROM "
                           "_slice ORDER BY id DESC LIMIT 1)");
    int64_t behind = number(c, "SELECT max(id) + 1 FROM _slice WHERE id NOT IN (SELECT max(id) "
                               "FROM _slice GROUP BY tbl)");

    return at > behind ? at : behind;
}

int ft_catalog_retain(struct ft_catalog *c, const struct ft_file_keep *keep, int64_t now_s,
                      uint32_t *out_n)
{
    int64_t bytes = number(c, "SELECT sum(bytes) FROM _slice");
    int64_t newest = newest_slice(c);
    sqlite3_stmt *s = ft_catalog_prepare(c, "SELECT id, bytes, written_s FROM _slice ORDER BY id");
    int rc = s != NULL ? FT_OK : FT_E_IO;

    *out_n = 0;
    while (rc == FT_OK && sqlite3_step(s) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0);
        bool old = keep->age_s > 0 && sqlite3_column_int64(s, 2) < now_s - keep->age_s;
        bool many = keep->bytes > 0 && bytes > (int64_t)keep->bytes;

        if ((!old && !many) || id >= newest) {
            break;
        }
        bytes -= sqlite3_column_int64(s, 1);
        rc = drop(c, id, now_s);
        ++*out_n;
    }
    sqlite3_finalize(s);
    return rc == FT_OK && *out_n > 0 ? retain_accounts(c) : rc;
}

void ft_catalog_remove(struct ft_catalog *c, int64_t now_s)
{
    sqlite3_stmt *s = ft_catalog_prepare(c, "SELECT file FROM _gone WHERE at_s <= ?1 OR at_s > ?2");
    sqlite3_stmt *forget = ft_catalog_prepare(c, "DELETE FROM _gone WHERE at_s <= ?1 OR at_s > ?2");

    for (int i = 0; s != NULL && forget != NULL && i < 2; i++) {
        sqlite3_stmt *of = i == 0 ? s : forget;

        sqlite3_bind_int64(of, 1, now_s - FT_CATALOG_LINGER_S);
        sqlite3_bind_int64(of, 2, now_s + FT_CATALOG_LINGER_S); /* the clock was set back */
    }
    while (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
        const char *file = (const char *)sqlite3_column_text(s, 0);
        char table[16];
        uint64_t number_of;

        if (file != NULL && ft_catalog_parse_name(file, table, &number_of)) {
            unlinkat(c->dir, file, 0); /* best effort */
        }
    }
    sqlite3_finalize(s);
    ft_ignore(ft_catalog_step(forget)); /* then the next time */
}

/* ---- the start ---- */

void ft_catalog_describe(const struct ft_slice *s, const char *file, int64_t now_s,
                         struct ft_catalog_slice *out)
{
    int time = ft_slice_find(s, "timestamp");
    uint64_t number_of;

    *out = (struct ft_catalog_slice){
        .bytes = s->size, .written_s = now_s, .min_us = INT64_MAX, .max_us = INT64_MIN};
    snprintf(out->file, sizeof out->file, "%s", file);
    if (!ft_catalog_parse_name(file, out->table, &number_of)) {
        out->table[0] = '\0';
    }
    for (uint32_t b = 0; b < s->n_blocks; b++) {
        out->rows += ft_slice_rows(s, b);
        if (time >= 0) {
            const struct ft_store_extent *e = ft_slice_extent(s, b, (uint32_t)time);
            int64_t low = (int64_t)ft_store_unordered(FT_T_TIME, ft_load_be64(e->min));
            int64_t high = (int64_t)ft_store_unordered(FT_T_TIME, ft_load_be64(e->max));

            out->min_us = low < out->min_us ? low : out->min_us;
            out->max_us = high > out->max_us ? high : out->max_us;
        }
    }
}

static bool known(struct ft_catalog *c, const char *file)
{
    sqlite3_stmt *s = ft_catalog_prepare(
        c, "SELECT 1 FROM _slice WHERE file = ?1 UNION SELECT 1 FROM _gone WHERE file = ?1");

    if (s != NULL) {
        sqlite3_bind_text(s, 1, file, -1, SQLITE_STATIC);
    }
    bool is = s == NULL || sqlite3_step(s) == SQLITE_ROW;

    sqlite3_finalize(s);
    return is;
}

/* What was done with files without a row. */
struct rests {
    unsigned adopted, removed, bad, left;
    char why[160]; /* the first one was left */
};

static void set_aside(int dir, const char *file)
{
    char bad[FT_STORE_FILE + 8];

    snprintf(bad, sizeof bad, "%s.bad", file);
    renameat(dir, file, dir, bad); /* best effort: it stays, and is looked at again */
}

/* A whole file without a row; what is none is set aside, what cannot be told is left. */
static int adopt(struct ft_catalog *c, struct ft_store_coder *k, const char *file, int64_t now_s,
                 struct rests *r)
{
    struct ft_catalog_slice row;
    struct ft_slice s;
    struct ft_err err;
    int rc = ft_slice_open(c->dir, file, k, &s, &err);

    if (rc == FT_E_CORRUPT) {
        set_aside(c->dir, file);
        r->bad++;
        return FT_OK;
    }
    if (rc != FT_OK) {
        if (r->left++ == 0) {
            snprintf(r->why, sizeof r->why, "%.*s", (int)sizeof r->why - 1, err.what);
        }
        return rc == FT_E_NOMEM ? rc : FT_OK;
    }
    r->adopted++;
    ft_catalog_describe(&s, file, now_s, &row);
    rc = ft_catalog_add(c, &row, s.columns, s.n);
    ft_slice_close(&s);
    return rc;
}

static bool is_part(const char *name)
{
    size_t len = strlen(name), part = strlen(".fts" FT_FILE_PART);

    return len > part && strcmp(name + len - part, ".fts" FT_FILE_PART) == 0;
}

static void tell(const struct rests *r, char *text, size_t cap)
{
    char left[224] = "";

    text[0] = '\0';
    if (r->left > 0) {
        snprintf(left, sizeof left, ", %u that cannot be read left: %s", r->left, r->why);
    }
    if (r->adopted + r->removed + r->bad + r->left > 0) {
        snprintf(text, cap,
                 "after an end that was none: %u slices without a row adopted, %u that were not "
                 "whole removed, %u damaged ones set aside%s",
                 r->adopted, r->removed, r->bad, left);
    }
}

int ft_catalog_recover(struct ft_catalog *c, struct ft_store_coder *k, int64_t now_s, char *text,
                       size_t cap)
{
    int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct rests rests = {0};
    int rc = d != NULL ? ft_catalog_begin(c) : FT_E_IO;
    uint64_t number_of;
    char table[16];

    for (const struct dirent *e; rc == FT_OK && (e = readdir(d)) != NULL;) {
        bool ours = ft_catalog_parse_name(e->d_name, table, &number_of);

        c->last = ours && number_of > c->last ? number_of : c->last;
        if (is_part(e->d_name)) {
            rests.removed += unlinkat(c->dir, e->d_name, 0) == 0;
        } else if (ours && !known(c, e->d_name)) {
            rc = adopt(c, k, e->d_name, now_s, &rests);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    rc = rc == FT_OK ? ft_catalog_commit(c) : rc;
    tell(&rests, text, cap);
    return rc;
}
