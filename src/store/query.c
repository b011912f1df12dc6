/* SPDX-License-Identifier: Apache-2.0 */
/* store: reading, see flowtap/store.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/wait.h"
#include "store/catalog.h"
#include "store/cells.h"
#include "store/read.h"

enum {
    HEAP_MOST = 256 << 20, /* bytes of SQLite's */
    LENGTH_MOST = 1 << 20, /* of a value or a statement; nothing ends one call of a function */
    PATTERN_MOST = 1000,   /* of LIKE and GLOB, likewise */
    STEPS = 1000,          /* between two looks at the clock */
    BUSY_MS = 2000,
    OPEN_MS = 10000 /* of what opening reads */
};

/* ---- opening ---- */

/* The URI of the database of a folder that nobody writes. NULL: no memory. sqlite3_free() */
static char *immutable_uri(const char *folder)
{
    sqlite3_str *s = sqlite3_str_new(NULL);

    sqlite3_str_appendall(s, "file:");
    for (const char *p = folder; *p != '\0'; p++) {
        bool plain = strchr("%?#", *p) == NULL && !(*p == '/' && p > folder && p[-1] == '/');

        sqlite3_str_appendf(s, plain ? "%c" : "%%%02X", (unsigned char)*p);
    }
    sqlite3_str_appendall(s, "/" FT_CATALOG_FILE "?immutable=1");
    return sqlite3_str_finish(s);
}

/* A folder that cannot be written has no place for what WAL shares; nobody writes the store then,
 * if there is no log of it. */
static int connect(struct ft_store *s, const char *folder)
{
    char *path = sqlite3_mprintf("%s/" FT_CATALOG_FILE, folder);
    char *still = immutable_uri(folder);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_FULLMUTEX;
    int rc = SQLITE_NOMEM;

    if (path != NULL && still != NULL) {
        rc = sqlite3_open_v2(path, &s->db, flags, NULL);
        if (rc == SQLITE_OK) {
            rc = sqlite3_exec(s->db, "SELECT 1 FROM sqlite_master", NULL, NULL, NULL);
        }
        if (rc == SQLITE_CANTOPEN && faccessat(s->dir, FT_CATALOG_FILE "-wal", F_OK, 0) != 0) {
            sqlite3_close(s->db);
            rc = sqlite3_open_v2(still, &s->db, flags | SQLITE_OPEN_URI, NULL);
        }
    }
    sqlite3_free(path);
    sqlite3_free(still);
    return rc;
}

/* The one number that a statement has; -1: it failed. */
static int64_t number(struct ft_store *s, const char *sql)
{
    sqlite3_stmt *q = NULL;
    bool good =
        sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    int64_t n = good ? sqlite3_column_int64(q, 0) : -1;

    sqlite3_finalize(q);
    return n;
}

static int check_version(struct ft_store *s, const char *folder, struct ft_err *err)
{
    int version = (int)number(s, "PRAGMA user_version");

    if (version > FT_CATALOG_VERSION) {
        return ft_err_set(err, FT_E_UNSUPPORTED,
                          "%s: a store of version %d, and this flowtap reads %d", folder, version,
                          FT_CATALOG_VERSION);
    }
    return version > 0 ? FT_OK : ft_err_set(err, FT_E_CORRUPT, "%s: it is no store", folder);
}

static int progress(void *cookie)
{
    return ft__store_late(cookie);
}

/* What runs from now on has a time, 0: any. The schema is not ours to trust, either. */
static void start_clock(struct ft_store *s, const struct ft_store_limits *limits)
{
    s->limits = *limits;
    s->until_ms = limits->timeout_ms > 0 ? ft_mono_ms() + limits->timeout_ms : 0;
    s->asked_ms = 0;
    s->stopped = false;
    sqlite3_progress_handler(s->db, STEPS, progress, s);
}

static void stop_clock(struct ft_store *s)
{
    s->until_ms = 0;
    s->limits.stop = NULL;
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
}

int ft__store_too_late(const struct ft_store *s, struct ft_err *err)
{
    if (s->stopped) {
        return ft_err_set(err, FT_E_INTERRUPTED, "it was told to end");
    }
    return ft_err_set(err, FT_E_RANGE, "it takes longer than the %lld ms that it may",
                      (long long)s->limits.timeout_ms);
}

/* Which versions of columns the slices have, as one number, never 0. False: it failed. */
static bool columns_now(struct ft_store *s, uint64_t *out)
{
    static const char sql[] =
        "SELECT id FROM _schema WHERE id IN (SELECT schema FROM _slice) ORDER BY id";
    static const uint64_t basis = UINT64_C(0xcbf29ce484222325), prime = UINT64_C(0x100000001b3);
    uint64_t h = basis; /* FNV-1a, of numbers */
    sqlite3_stmt *q = NULL;
    int step = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

    for (step = step == SQLITE_OK ? sqlite3_step(q) : step; step == SQLITE_ROW;
         step = sqlite3_step(q)) {
        h = (h ^ (uint64_t)sqlite3_column_int64(q, 0)) * prime;
    }
    sqlite3_finalize(q);
    *out = h != 0 ? h : basis;
    return step == SQLITE_DONE;
}

/* The tables have the columns of all slices that there are now. */
static int refresh(struct ft_store *s, struct ft_err *err)
{
    uint64_t now = 0;

    if (!columns_now(s, &now) || (now != s->columns_of && ft__store_tables_make(s) != FT_OK)) {
        return ft__store_late(s)
                   ? ft__store_too_late(s, err)
                   : ft_err_set(err, FT_E_IO, "%s: %s", s->folder, sqlite3_errmsg(s->db));
    }
    s->columns_of = now;
    return FT_OK;
}

static int set_up(struct ft_store *s, const char *folder, struct ft_err *err)
{
    static const struct ft_store_limits opening = {.timeout_ms = OPEN_MS};
    int rc = connect(s, folder);

    if (rc != SQLITE_OK) {
        return ft_err_set(err, FT_E_IO, "%s/" FT_CATALOG_FILE ": %s", folder,
                          s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory");
    }
    sqlite3_hard_heap_limit64(HEAP_MOST);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, LENGTH_MOST);
    sqlite3_limit(s->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_MOST);
    ft_ignore(sqlite3_exec(s->db, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL) == SQLITE_OK);
    start_clock(s, &opening);
    rc = check_version(s, folder, err);
    if (rc == FT_OK && ft__store_functions_make(s) != FT_OK) {
        rc = ft_err_set(err, FT_E_IO, "%s: %s", folder, sqlite3_errmsg(s->db));
    }
    rc = rc == FT_OK ? refresh(s, err) : rc;
    stop_clock(s);
    return rc;
}

int ft_store_open(const char *folder, struct ft_store **out, struct ft_err *err)
{
    struct ft_store *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", folder);
    }
    s->version = -1;
    s->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->folder = ft_mem_strdup(folder);
    s->coder = ft_store_coder_new();
    int rc = FT_OK;

    if (s->dir < 0 || fstatat(s->dir, FT_CATALOG_FILE, &s->file, 0) != 0 ||
        faccessat(s->dir, FT_CATALOG_FILE, R_OK, 0) != 0) {
        rc = ft_err_set(err, errno == ENOENT ? FT_E_NOT_FOUND : FT_E_IO, "%s: %s", folder,
                        errno == ENOENT ? "there is no store" : strerror(errno));
    } else if (s->folder == NULL || s->coder == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "%s: out of memory", folder);
    }
    rc = rc == FT_OK ? set_up(s, folder, err) : rc;
    if (rc != FT_OK) {
        ft_store_close(s);
        return rc;
    }
    *out = s;
    return FT_OK;
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool ft_store_is_there(const struct ft_store *s)
{
    struct stat folder, named, file;

    return fstat(s->dir, &folder) == 0 && stat(s->folder, &named) == 0 && same(&folder, &named) &&
           fstatat(s->dir, FT_CATALOG_FILE, &file, 0) == 0 && same(&file, &s->file);
}

void ft_store_close(struct ft_store *s)
{
    if (s == NULL) {
        return;
    }
    sqlite3_close(s->db);
    ft_store_coder_free(s->coder);
    if (s->dir >= 0) {
        close(s->dir);
    }
    ft_mem_free(s->told);
    ft_mem_free(s->folder);
    ft_mem_free(s);
}

/* ---- what is allowed ---- */

static int refuse(struct ft_store *s, const char *what)
{
    snprintf(s->refused, sizeof s->refused, "%s: a store is read with SELECT, and nothing else",
             what);
    return SQLITE_DENY;
}

static int authorize(void *cookie, int action, const char *a, const char *b, const char *database,
                     const char *by)
{
    static const char *const functions[] = {"load_extension", "fts3_tokenizer", "readfile",
                                            "writefile", "edit"};
    struct ft_store *s = cookie;

    (void)a;
    (void)database;
    (void)by;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
            if (b != NULL && sqlite3_stricmp(b, functions[i]) == 0) {
                return refuse(s, functions[i]);
            }
        }
        return SQLITE_OK;
    case SQLITE_ATTACH:
        return refuse(s, "ATTACH");
    case SQLITE_PRAGMA:
        return refuse(s, "PRAGMA");
    default:
        return refuse(s, "a statement that changes something");
    }
}

/* ---- results ---- */

static enum ft_store_form form_of(const char *declared)
{
    if (declared == NULL) {
        return FT_STORE_PLAIN;
    }
    return strcmp(declared, "BOOLEAN") == 0     ? FT_STORE_BOOL
           : strcmp(declared, "SECONDS") == 0   ? FT_STORE_TIME
           : strcmp(declared, "JSON TEXT") == 0 ? FT_STORE_JSON
                                                : FT_STORE_PLAIN;
}

static int failed(struct ft_store *s, int rc, struct ft_err *err)
{
    if (s->refused[0] != '\0') {
        return ft_err_set(err, FT_E_USAGE, "%s", s->refused);
    }
    if (rc == SQLITE_INTERRUPT) {
        return ft__store_too_late(s, err);
    }
    if (rc == SQLITE_TOOBIG) {
        return ft_err_set(err, FT_E_RANGE, "a value is longer than the %d MiB that it may",
                          LENGTH_MOST >> 20);
    }
    if (rc == SQLITE_NOMEM) {
        return ft_err_set(err, FT_E_RANGE, "it takes more memory than the %d MiB that it may",
                          HEAP_MOST >> 20);
    }
    return ft_err_set(err,
                      s->failure != FT_OK             ? s->failure
                      : rc == SQLITE_ERROR            ? FT_E_USAGE
                      : (rc & 0xff) == SQLITE_CORRUPT ? FT_E_CORRUPT
                                                      : FT_E_IO,
                      "%s", sqlite3_errmsg(s->db));
}

static int say_columns(sqlite3_stmt *q, const struct ft_store_take *take)
{
    uint32_t n = (uint32_t)sqlite3_column_count(q);
    struct ft_store_heading *h = ft_mem_alloc(n + 1, sizeof *h);

    if (h == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        h[i].name = sqlite3_column_name(q, (int)i);
        h[i].form = form_of(sqlite3_column_decltype(q, (int)i));
    }
    int rc = take->columns(take->cookie, h, n) == 0 ? FT_OK : FT_E_INTERRUPTED;

    ft_mem_free(h);
    return rc;
}

static int run(struct ft_store *s, sqlite3_stmt *q, const struct ft_store_limits *limits,
               const struct ft_store_take *take, struct ft_store_result *out, struct ft_err *err)
{
    struct ft_store_cells cells = {0};
    int rc = ft_store_cells_init(&cells, q), step = SQLITE_DONE;

    rc = rc == FT_OK ? say_columns(q, take) : rc;

    while (rc == FT_OK && (step = sqlite3_step(q)) == SQLITE_ROW) {
        if (limits->rows > 0 && out->rows == limits->rows) {
            out->cut = true;
            step = SQLITE_DONE;
            break;
        }
        rc = ft_store_cells_take(&cells, q);
        if (rc == FT_OK && take->row(take->cookie, cells.cell, cells.n) != 0) {
            rc = FT_E_INTERRUPTED;
        }
        out->rows += rc == FT_OK;
    }
    ft_store_cells_fini(&cells);
    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s", ft_strerror(rc));
    }
    return step == SQLITE_DONE ? FT_OK : failed(s, step, err);
}

/* ---- what goes with an answer ---- */

static bool next(sqlite3_stmt *q)
{
    return q != NULL && sqlite3_step(q) == SQLITE_ROW;
}

static void tell_slices(struct ft_store *s, struct ft_store_result *out)
{
    sqlite3_stmt *q = NULL;

    sqlite3_prepare_v2(s->db,
                       "SELECT max(written_s), min(min_us) FILTER (WHERE min_us <= max_us), "
                       "max(max_us) FILTER (WHERE min_us <= max_us) FROM _slice",
                       -1, &q, NULL);
    if (next(q)) {
        out->newest_s = sqlite3_column_int64(q, 0);
        out->min_timestamp = (double)sqlite3_column_int64(q, 1) / 1e6;
        out->max_timestamp = (double)sqlite3_column_int64(q, 2) / 1e6;
    }
    sqlite3_finalize(q);
}

static void tell_account(struct ft_store *s, struct ft_store_result *out)
{
    static const char sql[] =
        "SELECT facts ->> 'received', facts ->> 'kernel_dropped', facts ->> 'queue_dropped', "
        "(SELECT sum((o.value ->> 'events_dropped') + (o.value ->> 'events_lost')) FROM "
        "json_each(facts, '$.outputs') o WHERE (o.value ->> 'output') LIKE 'store:%') "
        "FROM _account ORDER BY id DESC LIMIT 1";
    sqlite3_stmt *q = NULL;

    sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (next(q)) {
        out->has_account = true;
        out->received = (uint64_t)sqlite3_column_int64(q, 0);
        out->has_kernel_dropped = sqlite3_column_type(q, 1) != SQLITE_NULL;
        out->kernel_dropped = (uint64_t)sqlite3_column_int64(q, 1);
        out->queue_dropped = (uint64_t)sqlite3_column_int64(q, 2);
        out->events_lost = (uint64_t)sqlite3_column_int64(q, 3);
    }
    sqlite3_finalize(q);
}

int ft__store_begin(struct ft_store *s, const struct ft_store_limits *limits,
                    struct ft_store_result *out, struct ft_err *err)
{
    *out = (struct ft_store_result){0};
    start_clock(s, limits);
    if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        stop_clock(s);
        return ft_err_set(err, FT_E_IO, "%s: %s", s->folder, sqlite3_errmsg(s->db));
    }
    int64_t version = number(s, "PRAGMA data_version"); /* another when anybody wrote */
    int rc = version < 0 || version != s->version ? refresh(s, err) : FT_OK;

    if (rc != FT_OK) {
        ft__store_end(s);
        return rc;
    }
    if (version < 0 || version != s->version) {
        s->facts = (struct ft_store_result){0};
        tell_slices(s, &s->facts);
        tell_account(s, &s->facts);
        s->version = ft__store_late(s) ? -1 : version;
    }
    *out = s->facts;
    s->result = out;
    s->n_told = 0;
    return FT_OK;
}

void ft__store_end(struct ft_store *s)
{
    s->result = NULL;
    stop_clock(s);
    ft_ignore(sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK); /* it has read only */
}

/* ---- a query ---- */

/* Is what stands behind the statement another one? */
static bool has_more(struct ft_store *s, const char *tail)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, tail, -1, &q, NULL);
    bool more = rc != SQLITE_OK || q != NULL;

    sqlite3_finalize(q);
    return more;
}

static int prepare(struct ft_store *s, const char *sql, sqlite3_stmt **out, struct ft_err *err)
{
    const char *tail = "";
    int rc = sqlite3_prepare_v2(s->db, sql, -1, out, &tail);

    if (rc != SQLITE_OK) {
        return failed(s, rc, err);
    }
    if (*out == NULL || has_more(s, tail)) {
        return ft_err_set(err, FT_E_USAGE, "%s",
                          *out == NULL ? "there is no statement" : "one statement at a time");
    }
    if (!sqlite3_stmt_readonly(*out) || sqlite3_column_count(*out) == 0) {
        return ft_err_set(err, FT_E_USAGE, "a store is read with SELECT, and nothing else");
    }
    return FT_OK;
}

int ft_store_query(struct ft_store *s, const char *sql, const struct ft_store_limits *limits,
                   const struct ft_store_take *take, struct ft_store_result *out,
                   struct ft_err *err)
{
    sqlite3_stmt *q = NULL;

    int rc = ft__store_begin(s, limits, out, err);

    if (rc != FT_OK) {
        return rc;
    }
    s->refused[0] = '\0';
    s->failure = FT_OK;
    sqlite3_set_authorizer(s->db, authorize, s);
    rc = prepare(s, sql, &q, err);
    rc = rc == FT_OK ? run(s, q, limits, take, out, err) : rc;
    sqlite3_finalize(q);
    sqlite3_set_authorizer(s->db, NULL, NULL);
    ft__store_end(s);
    return rc;
}
