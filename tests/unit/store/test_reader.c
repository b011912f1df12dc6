/* SPDX-License-Identifier: Apache-2.0 */
/* store: a store that is open while slices come and go: each query sees those of its time, columns
 * and tables that are new among them; handles in several threads; nothing is kept. */
#include "harness.h"

#ifdef FT_HAVE_STORE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "flowtap/store.h"
#include "store/catalog.h"

enum { ROWS = 500, READERS = 3, SLICES = 120 };

static const struct ft_store_column columns[] = {
    {.name = "timestamp", .type = FT_T_TIME, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "number", .type = FT_T_U32, .cell = FT__CELL_FIXED, .width = 4},
    {.name = "later", .type = FT_T_U16, .cell = FT__CELL_FIXED, .width = 2},
    {.name = "name", .type = FT_T_TEXT, .cell = FT__CELL_TEXT},
};

/* The same name, and it is another thing. */
static const struct ft_store_column lists[] = {
    {.name = "timestamp", .type = FT_T_TIME, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "number", .type = FT_T_LIST, .item = FT_T_U32, .cell = FT__CELL_LIST, .width = 4},
    {.name = "later", .type = FT_T_LIST, .item = FT_T_U32, .cell = FT__CELL_LIST, .width = 4},
};
static const struct ft_store_column others[] = {
    {.name = "timestamp", .type = FT_T_TIME, .cell = FT__CELL_FIXED, .width = 8},
    {.name = "number", .type = FT_T_LISTS, .item = FT_T_U32, .cell = FT__CELL_LISTS, .width = 4},
    {.name = "later", .type = FT_T_I64, .cell = FT__CELL_FIXED, .width = 8},
};

/* ---- a writer ---- */

struct store {
    char folder[64];
    int dir;
    struct ft_catalog catalog;
    struct ft_store_coder *coder;
    uint64_t number;
    bool mixed;                            /* each slice has rows of all times */
    const struct ft_store_column *columns; /* of the next slice */
};

static void begin(struct store *s)
{
    struct ft_err err;

    *s = (struct store){.folder = "/tmp/flowtap-reader-XXXXXX", .columns = columns};
    CHECK(mkdtemp(s->folder) != NULL);
    s->dir = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    s->coder = ft_store_coder_new();
    CHECK_EQ(ft_catalog_open(s->folder, s->dir, &s->catalog, &err), FT_OK);
}

static void end(struct store *s)
{
    DIR *d = opendir(s->folder);

    ft_catalog_close(&s->catalog);
    ft_store_coder_free(s->coder);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        unlinkat(s->dir, e->d_name, 0);
    }
    closedir(d);
    close(s->dir);
    CHECK_EQ(rmdir(s->folder), 0);
}

/* One after the other: none, an empty one, another: "x", or empty, too. */
static int fill_names(struct ft_store_values *out, bool x)
{
    uint32_t end = 0;

    out->bytes.len = out->end.len = 0;
    bool good =
        ft_store_buf_set(&out->valid, ROWS) && ft_store_buf_add(&out->end, &end, sizeof end);

    for (uint32_t i = 0; i < ROWS && good; i++) {
        out->valid.p[i] = i % 3 != 0;
        out->nulls += i % 3 == 0;
        good = ft_store_buf_add(&out->bytes, "x", x && i % 3 == 2);
        end += x && i % 3 == 2;
        good = good && ft_store_buf_add(&out->end, &end, sizeof end);
    }
    return good ? FT_OK : FT_E_NOMEM;
}

/* A list of one number each, or of one list of one. */
static int fill_lists(struct ft_store_values *out)
{
    bool good = true;

    out->num.len = out->end.len = out->inner.len = 0;
    for (uint32_t i = 0; i <= ROWS && good; i++) {
        uint64_t number = i;

        good = ft_store_buf_add(&out->end, &i, sizeof i) &&
               ft_store_buf_add(&out->inner, &i, sizeof i) &&
               (i == ROWS || ft_store_buf_add(&out->num, &number, sizeof number));
    }
    return good ? FT_OK : FT_E_NOMEM;
}

static int fill(void *cookie, uint32_t column, struct ft_store_values *out)
{
    const struct store *s = cookie;

    out->n = ROWS;
    out->nulls = 0;
    if (s->columns[column].cell != FT__CELL_FIXED) {
        return s->columns[column].cell == FT__CELL_TEXT ? fill_names(out, s->number == 1)
                                                        : fill_lists(out);
    }
    if (!ft_store_buf_set(&out->num, ROWS * sizeof(uint64_t))) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        uint64_t at = s->mixed ? i * UINT64_C(1000000) + s->number : s->number * 1000000 + i;

        ft_store_buf_u64(&out->num)[i] = column == 0 ? at : s->number;
    }
    return FT_OK;
}

/* A slice of n columns; the oldest go so that `keep` bytes are left. */
static int add(struct store *s, const char *table, uint32_t n, uint64_t keep)
{
    struct ft_slice_writer w = {.coder = s->coder, .dir = s->dir};
    struct ft_file_keep limit = {.bytes = keep};
    struct ft_catalog_slice row;
    struct ft_slice slice;
    struct ft_err err;
    char name[FT_STORE_FILE];
    uint32_t dropped;

    snprintf(name, sizeof name, "%s-%012llu.fts", table, (unsigned long long)++s->number);
    int rc = ft_slice_begin(&w, name, s->columns, n);

    rc = rc == FT_OK ? ft_slice_add(&w, ROWS, fill, s) : rc;
    rc = rc == FT_OK ? ft_slice_end(&w) : rc;
    rc = rc == FT_OK ? ft_slice_open(s->dir, name, s->coder, &slice, &err) : rc;
    ft_slice_writer_fini(&w);
    if (rc != FT_OK) {
        return rc;
    }
    ft_catalog_describe(&slice, name, (int64_t)s->number, &row);
    ft_slice_close(&slice);
    rc = ft_catalog_begin(&s->catalog);
    rc = rc == FT_OK ? ft_catalog_add(&s->catalog, &row, s->columns, n) : rc;
    rc = rc == FT_OK ? ft_catalog_retain(&s->catalog, &limit, (int64_t)s->number, &dropped) : rc;
    rc = rc == FT_OK ? ft_catalog_commit(&s->catalog) : rc;
    ft_catalog_remove(&s->catalog, (int64_t)s->number);
    return rc;
}

/* ---- a reader ---- */

static int no_columns(void *cookie, const struct ft_store_heading *c, uint32_t n)
{
    (void)cookie;
    (void)c;
    (void)n;
    return 0;
}

static int take_numbers(void *cookie, const struct ft_store_cell *cells, uint32_t n)
{
    int64_t *out = cookie;

    for (uint32_t i = 0; i < n; i++) {
        out[i] = cells[i].i;
    }
    return 0;
}

static int ask(struct ft_store *s, const char *sql, int64_t *out, struct ft_store_result *result)
{
    struct ft_store_take take = {no_columns, take_numbers, out};
    struct ft_store_limits limits = {.timeout_ms = 60000};
    struct ft_err err;

    return ft_store_query(s, sql, &limits, &take, result, &err);
}

static void test_what_is_new(void)
{
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;
    struct store w;
    int64_t got[2] = {-1, -1};

    begin(&w);
    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK);
    CHECK_EQ(ask(s, "SELECT count(*) FROM flow", got, &r), FT_OK);
    CHECK_EQ(got[0], 0);
    CHECK_EQ(r.newest_s, 0);
    CHECK_EQ(add(&w, "flow", 2, 0), FT_OK);
    CHECK_EQ(ask(s, "SELECT count(*), sum(number) FROM flow", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS);
    CHECK_EQ(got[1], ROWS);
    CHECK_EQ(r.newest_s, 1);
    CHECK_EQ(ask(s, "SELECT sum(later) FROM flow", got, &r), FT_E_USAGE);
    CHECK_EQ(add(&w, "flow", 3, 0), FT_OK); /* a column */
    CHECK_EQ(ask(s, "SELECT count(later), sum(later) FROM flow", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS);
    CHECK_EQ(got[1], 2 * ROWS);
    CHECK_EQ(ask(s, "SELECT count(*) FROM alert WHERE timestamp > 0", got, &r), FT_OK);
    CHECK_EQ(got[0], 0);
    CHECK_EQ(add(&w, "alert", 2, 0), FT_OK); /* a table */
    CHECK_EQ(ask(s, "SELECT count(*), max(number) FROM alert", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS);
    CHECK_EQ(got[1], 3);
    CHECK(r.max_timestamp >= 3 && r.max_timestamp < 4);
    CHECK_EQ(r.newest_s, 3);
    ft_store_close(s);
    end(&w);
}

/* A name of other things has a column for each; numbers are one. */
static void test_other_types(void)
{
    struct ft_store_limits limits = {.timeout_ms = 60000};
    struct ft_store_range range = {.to = 1e12};
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;
    struct store w;
    char path[96];
    int64_t got[3];

    begin(&w);
    CHECK_EQ(add(&w, "flow", 3, 0), FT_OK);
    w.columns = lists;
    CHECK_EQ(add(&w, "flow", 3, 0), FT_OK);
    w.columns = others;
    CHECK_EQ(add(&w, "flow", 3, 0), FT_OK);
    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK);
    CHECK_EQ(ask(s, "SELECT count(number), count(number_2), count(number_3) FROM flow", got, &r),
             FT_OK);
    CHECK(got[0] == ROWS && got[1] == ROWS && got[2] == ROWS);
    CHECK_EQ(ask(s, "SELECT count(later), sum(later), count(later_2) FROM flow", got, &r), FT_OK);
    CHECK(got[0] == 2 * ROWS && got[1] == 4 * ROWS && got[2] == ROWS);
    CHECK_EQ(
        ask(s, "SELECT count(*) FROM flow WHERE number = '[[7]]' OR number_2 = '[8]'", got, &r),
        FT_OK);
    CHECK_EQ(got[0], 2);
    snprintf(path, sizeof path, "%s/x.parquet", w.folder);
    CHECK_EQ(ft_store_export(s, &range, &limits, path, &r, &err), FT_OK);
    CHECK_EQ(r.rows, 3 * ROWS);
    CHECK_EQ(r.slices_bad, 0);
    ft_store_close(s);
    end(&w);
}

/* Columns that are of slices again come back, and those of none go. */
static void test_old_columns(void)
{
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;
    struct store w;
    int64_t got[2];

    begin(&w);
    CHECK_EQ(add(&w, "flow", 3, 0), FT_OK);
    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK);
    CHECK_EQ(ask(s, "SELECT count(later) FROM flow", got, &r), FT_OK);
    CHECK_EQ(add(&w, "flow", 2, 1), FT_OK); /* it alone is left */
    CHECK_EQ(ask(s, "SELECT count(number) FROM flow", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS);
    CHECK_EQ(add(&w, "flow", 2, 0), FT_OK);
    CHECK_EQ(ask(s, "SELECT count(later) FROM flow", got, &r), FT_E_USAGE);
    CHECK_EQ(add(&w, "flow", 3, 0), FT_OK); /* as the first one */
    CHECK_EQ(ask(s, "SELECT count(later), sum(later) FROM flow", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS);
    CHECK_EQ(got[1], 4 * ROWS);
    ft_store_close(s);
    end(&w);
}

/* Rows that several conditions find are told apart, and one that two find is one. */
static void test_either(void)
{
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;
    struct store w;
    int64_t got[2];

    begin(&w);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(add(&w, "flow", 2, 0), FT_OK);
    }
    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK);
    CHECK_EQ(ask(s,
                 "SELECT count(*), sum(number) FROM flow WHERE (timestamp < 2 AND number = 1) OR "
                 "(timestamp >= 4 AND number = 4)",
                 got, &r),
             FT_OK);
    CHECK_EQ(got[0], 2 * ROWS);
    CHECK_EQ(got[1], 5 * ROWS);
    CHECK_EQ(ask(s,
                 "SELECT count(*), sum(number) FROM flow WHERE (timestamp >= 2 AND number = 2) OR "
                 "(timestamp < 4 AND number <= 2)",
                 got, &r),
             FT_OK);
    CHECK_EQ(got[0], 2 * ROWS);
    CHECK_EQ(got[1], 3 * ROWS);
    CHECK_EQ(ask(s,
                 "SELECT count(*), sum(number) FROM flow WHERE rowid IN (SELECT rowid FROM flow "
                 "WHERE timestamp >= 3 ORDER BY timestamp DESC)",
                 got, &r),
             FT_OK);
    CHECK_EQ(got[0], 2 * ROWS);
    CHECK_EQ(got[1], 7 * ROWS);
    ft_store_close(s);
    end(&w);
}

/* An empty text is a value, beside others that are none. */
static void test_empty_text(void)
{
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;
    struct store w;
    int64_t got[2];

    begin(&w);
    CHECK_EQ(add(&w, "flow", 4, 0), FT_OK);
    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK);
    CHECK_EQ(ask(s, "SELECT count(*), count(name) FROM flow WHERE name = ''", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS / 3 + 1);
    CHECK_EQ(got[1], ROWS / 3 + 1);
    CHECK_EQ(ask(s, "SELECT count(*), count(name) FROM flow WHERE name IN ('', 'y')", got, &r),
             FT_OK);
    CHECK_EQ(got[0], ROWS / 3 + 1);
    CHECK_EQ(ask(s, "SELECT count(*), count(name) FROM flow WHERE name IS NULL", got, &r), FT_OK);
    CHECK_EQ(got[0], ROWS / 3 + 1);
    CHECK_EQ(add(&w, "flow", 4, 0), FT_OK); /* no other texts */
    CHECK_EQ(
        ask(s, "SELECT count(*), count(name) FROM flow WHERE name = '' AND number = 2", got, &r),
        FT_OK);
    CHECK_EQ(got[0], ROWS - ROWS / 3 - 1);
    ft_store_close(s);
    end(&w);
}

/* ---- many at a time ---- */

enum { MIXED = 150, FILES = 120 };

/* Rows from the oldest on; cookie: the time of the one before. */
static int take_ordered(void *cookie, const struct ft_store_cell *cells, uint32_t n)
{
    double *last = cookie;
    bool good = n == 2 && cells[0].f >= *last && cells[1].i >= 1 && cells[1].i <= MIXED;

    *last = cells[0].f;
    return !good;
}

/* Slices of the same times are merged, with less files open than there are. */
static void test_many_slices(void)
{
    double last = 0;
    struct ft_store_take take = {no_columns, take_ordered, &last};
    struct ft_store_limits limits = {.timeout_ms = 60000};
    struct rlimit before, few;
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;
    struct store w;

    begin(&w);
    w.mixed = true;
    for (int i = 0; i < MIXED; i++) {
        CHECK_EQ(add(&w, "flow", 2, 0), FT_OK);
    }
    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){FILES, before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    CHECK_EQ(ft_store_query(s, "SELECT timestamp, number FROM flow ORDER BY timestamp", &limits,
                            &take, &r, &err),
             FT_OK);
    CHECK_EQ(r.rows, MIXED * ROWS);
    CHECK_EQ(r.slices_bad + r.slices_gone, 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    ft_store_close(s);
    end(&w);
}

/* ---- several of them, for long ---- */

static atomic_bool done;
static atomic_uint failures, answers;

struct reader {
    const char *folder;
    pthread_t thread;
};

/* Whole slices in each answer, never older than the one before. */
static void *read_on(void *cookie)
{
    static const char sql[] =
        "SELECT count(*), max(number) FROM flow WHERE number >= 0 AND timestamp > 0";
    static const char newest[] = "SELECT number FROM flow ORDER BY timestamp DESC LIMIT 1";
    const struct reader *r = cookie;
    int64_t got[2] = {0, 0}, first[2] = {0, 0}, before = 0;
    struct ft_store_result result;
    struct ft_store *s;
    struct ft_err err;

    if (ft_store_open(r->folder, &s, &err) != FT_OK) {
        atomic_fetch_add(&failures, 1);
        return NULL;
    }
    while (!atomic_load(&done)) {
        bool good = ask(s, sql, got, &result) == FT_OK && result.slices_bad == 0 &&
                    got[0] % ROWS == 0 && got[0] > 0 && got[1] >= before &&
                    result.newest_s == got[1];

        before = got[1];
        good = good && ask(s, newest, first, &result) == FT_OK && first[0] >= before &&
               first[0] == result.newest_s;
        before = first[0];
        atomic_fetch_add(&failures, !good);
        atomic_fetch_add(&answers, 2);
    }
    ft_store_close(s);
    return NULL;
}

static unsigned descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (d != NULL && readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n;
}

static long resident_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long all = 0, resident = 0;

    CHECK(f != NULL && fscanf(f, "%ld %ld", &all, &resident) == 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_beside_a_writer(void)
{
    struct reader reader[READERS];
    struct store w;
    unsigned before = descriptors();
    int64_t got[2];
    struct ft_store_result r;
    struct ft_store *s;
    struct ft_err err;

    begin(&w);
    CHECK_EQ(add(&w, "flow", 2, 0), FT_OK);
    atomic_store(&done, false);
    for (int i = 0; i < READERS; i++) {
        reader[i].folder = w.folder;
        CHECK_EQ(pthread_create(&reader[i].thread, NULL, read_on, &reader[i]), 0);
    }
    for (int i = 0; i < SLICES; i++) { /* ten slices or so */
        CHECK_EQ(add(&w, "flow", i % 2 != 0 ? 2 : 3, 8192), FT_OK);
        usleep(2000);
    }
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(reader[i].thread, NULL);
    }
    CHECK_EQ(atomic_load(&failures), 0);
    CHECK(atomic_load(&answers) > 2 * READERS);

    CHECK_EQ(ft_store_open(w.folder, &s, &err), FT_OK); /* one that asks often keeps nothing */
    unsigned open_now = 0;
    long kib = 0;

    for (int i = 0; i < 600; i++) {
        CHECK_EQ(ask(s, "SELECT count(*), sum(later) FROM flow WHERE number > 3", got, &r), FT_OK);
        CHECK_EQ(ask(s, "SELECT number, later FROM flow ORDER BY timestamp LIMIT 3", got, &r),
                 FT_OK);
        if (i == 100) {
            open_now = descriptors();
            kib = resident_kib();
        }
    }
    CHECK_EQ(descriptors(), open_now);
    CHECK(resident_kib() < kib + 8192);
    ft_store_close(s);
    end(&w);
    CHECK_EQ(descriptors(), before);
}

int main(void)
{
    RUN(test_what_is_new);
    RUN(test_other_types);
    RUN(test_old_columns);
    RUN(test_either);
    RUN(test_empty_text);
    RUN(test_many_slices);
    RUN(test_beside_a_writer);
    return test_end();
}

#else

int main(void)
{
    return test_skip("a build without SQLite or zstd");
}

#endif
