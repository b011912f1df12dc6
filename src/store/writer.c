/* SPDX-License-Identifier: Apache-2.0 */
/* store: a store that is written, see writer.h. */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/wait.h"
#include "store/feed.h"
#include "store/value.h"

enum {
    HELD_MOST = 16 << 20, /* bytes of a table's rows that wait for their block */
    SLICE_ROWS_MOST = 1 << 20,
    FOLDER_MODE = 0750,
    TOP_TABLE = FT_EVENT__COUNT, /* its number among the tables */
    TABLES
};

/* owner: the keeper */
struct table {
    bool there;
    const char *name;
    struct ft_gather gather;
    struct ft_feed feed;
    struct ft_slice_writer file;
    uint64_t events; /* of the slice that is open */
    uint64_t lost;   /* of them, in blocks that could not be written */
};

struct ft_store_writer {
    int dir, lock;
    struct ft_catalog catalog;
    bool has_catalog;
    struct ft_store_coder *coder;
    struct ft_tops *tops;
    struct ft_usual *usual;
    struct table table[TABLES];
    struct ft_file_keep keep;
    int64_t slice_ms;
    int64_t since_ms; /* of the slice's first row; 0: it has none */
    uint64_t rows;    /* of the slice */
    struct ft_store_buf chunk;
    struct ft_store_buf accounts; /* JSON of each, with a NUL */
    uint64_t n_accounts;
    struct ft_store_buf scratch;
    struct ft_store_values values;
};

static int64_t wall_s(void)
{
    return (int64_t)time(NULL);
}

int ft_store_writer_folder(const struct ft_store_writer *w)
{
    return w->dir;
}

/* ---- opening ---- */

static int open_folder(const char *folder, struct ft_store_writer *w, struct ft_err *err)
{
    if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST) {
        return ft_err_set(err, FT_E_IO, "%s: %s", folder, strerror(errno));
    }
    w->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir < 0) {
        return ft_err_set(err, FT_E_IO, "%s: %s", folder, strerror(errno));
    }
    w->lock =
        openat(w->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FT_FILE_MODE_DEFAULT);
    if (w->lock < 0) {
        return ft_err_set(err, FT_E_IO, "%s/lock: %s", folder, strerror(errno));
    }
    char text[32] = "";

    if (flock(w->lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(w->lock, text, sizeof text - 1, 0);

        text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
        return ft_err_set(err, FT_E_STATE, "%s: process %s writes this store already", folder,
                          text[0] != '\0' ? text : "unknown");
    }
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(w->lock, 0) != 0 || pwrite(w->lock, text, (size_t)n, 0) != n) {
        return ft_err_set(err, FT_E_IO, "%s/lock: %s", folder, strerror(errno));
    }
    return FT_OK;
}

static int add_table(struct ft_store_writer *w, uint32_t number, const char *name,
                     const struct ft_store_column *columns, uint32_t n)
{
    struct table *t = &w->table[number];

    t->there = true;
    t->name = name;
    t->file.coder = w->coder;
    t->file.dir = w->dir;
    int rc = ft_gather_init(&t->gather, columns, n);

    if (rc == FT_OK && number == FT_EVENT_FLOW) {
        ft_feed_init(&t->feed, &t->gather);
    }
    return rc;
}

/* The tables of a header. */
static int add_tables(struct ft_store_writer *w, const struct ft_store_ask *ask)
{
    struct ft_rd rd = ft_rd_make(ask->header, ask->header_len);
    const uint8_t *p = ft_rd_view(&rd, sizeof(struct ft_store_head));
    struct ft_store_head head = {0};
    int rc = p != NULL ? FT_OK : FT_E_CORRUPT;

    if (p != NULL) {
        memcpy(&head, p, sizeof head);
    }
    for (uint32_t i = 0; i < head.n_tables && rc == FT_OK; i++) {
        struct ft_store_table t = {0};
        const uint8_t *columns = NULL;

        p = ft_rd_view(&rd, sizeof t);
        if (p != NULL) {
            memcpy(&t, p, sizeof t);
            columns = ft_rd_view(&rd, t.n * sizeof(struct ft_store_column));
        }
        rc = columns != NULL && t.event < FT_EVENT__COUNT && !w->table[t.event].there
                 ? add_table(w, t.event, ft_event_word((enum ft_event)t.event),
                             (const void *)columns, t.n)
                 : FT_E_CORRUPT;
    }
    uint32_t n;
    const struct ft_store_column *tops = ft_tops_columns(&n);

    return rc == FT_OK ? add_table(w, TOP_TABLE, "top_minute", tops, n) : rc;
}

static int open_parts(struct ft_store_writer *w, const struct ft_store_ask *ask,
                      char text[FT_STORE_TEXT], struct ft_err *err)
{
    int rc = open_folder(ask->folder, w, err);

    if (rc != FT_OK) {
        return rc;
    }
    w->coder = ft_store_coder_new();
    w->tops = ft_tops_new();
    if (w->coder == NULL || w->tops == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", ask->folder);
    }
    rc = ft_catalog_open(ask->folder, w->dir, &w->catalog, err);
    if (rc != FT_OK) {
        return rc;
    }
    w->has_catalog = true;
    rc = ft_catalog_recover(&w->catalog, w->coder, wall_s(), text, FT_STORE_TEXT);
    if (rc == FT_OK) {
        w->usual = ft_usual_new(&w->catalog);
        rc = w->usual != NULL ? add_tables(w, ask) : FT_E_NOMEM;
    }
    return rc == FT_OK ? rc : ft_err_set(err, rc, "%s: %s", ask->folder, ft_strerror(rc));
}

static void free_writer(struct ft_store_writer *w)
{
    for (uint32_t i = 0; i < TABLES; i++) {
        if (w->table[i].there) {
            ft_slice_writer_fini(&w->table[i].file);
            ft_gather_fini(&w->table[i].gather);
            ft_feed_fini(&w->table[i].feed);
        }
    }
    ft_usual_free(w->usual);
    ft_tops_free(w->tops);
    if (w->has_catalog) {
        ft_catalog_close(&w->catalog);
    }
    ft_store_coder_free(w->coder);
    ft_store_buf_fini(&w->chunk);
    ft_store_buf_fini(&w->accounts);
    ft_store_buf_fini(&w->scratch);
    ft_store_values_fini(&w->values);
    if (w->lock >= 0) {
        close(w->lock);
    }
    if (w->dir >= 0) {
        close(w->dir);
    }
    ft_mem_free(w);
}

int ft_store_writer_open(const struct ft_store_ask *ask, char text[FT_STORE_TEXT],
                         struct ft_store_writer **out, struct ft_err *err)
{
    struct ft_store_writer *w = ft_mem_alloc(1, sizeof *w);

    text[0] = '\0';
    if (w == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", ask->folder);
    }
    w->dir = w->lock = -1;
    w->keep = ask->keep;
    w->slice_ms = ask->slice_ms;
    int rc = open_parts(w, ask, text, err);

    if (rc != FT_OK) {
        free_writer(w);
        return rc;
    }
    *out = w;
    return FT_OK;
}

/* ---- blocks ---- */

static int begin_file(struct ft_store_writer *w, struct table *t)
{
    char name[FT_STORE_FILE];

    snprintf(name, sizeof name, "%s-%012" PRIu64 ".fts", t->name, w->catalog.last + 1);
    int rc = ft_slice_begin(&t->file, name, t->gather.column, t->gather.n);

    w->catalog.last += rc == FT_OK;
    return rc;
}

/* What is held of a table becomes a block. What cannot be written is lost, with what was written of
 * the slice before. */
static void put_block(struct ft_store_writer *w, struct table *t, struct ft_store_answer *told)
{
    int rc = FT_OK;

    if (t->gather.rows == 0) {
        return;
    }
    if (t->feed.on) {
        rc = ft_feed_rows(&t->feed, &t->gather, w->tops, w->usual);
    }
    rc = rc == FT_OK && !t->file.open ? begin_file(w, t) : rc;
    if (rc == FT_OK) {
        rc = ft_slice_add(&t->file, t->gather.rows, ft_gather_fill, &t->gather);
    }
    if (rc != FT_OK) {
        told->rc = rc;
        snprintf(told->text, sizeof told->text, "a slice could not be written: %s",
                 rc == FT_E_IO ? strerror(errno) : ft_strerror(rc));
        t->lost += t->file.open ? t->events : t->gather.rows;
        t->events = 0;
        ft_slice_give_up(&t->file);
        if (t->feed.on) { /* nor do minutes and baselines have them */
            ft_tops_clear(w->tops);
            ft_usual_undo(w->usual);
        }
    }
    ft_gather_clear(&t->gather);
}

/* ---- accounts ---- */

static int keep_account(struct ft_store_writer *w, struct table *t, const uint8_t *chunk,
                        size_t len)
{
    struct ft_store_rows head;

    memcpy(&head, chunk, sizeof head);
    t->gather.held.len = 0;
    if (!ft_store_buf_add(&t->gather.held, chunk, len)) {
        return FT_E_NOMEM;
    }
    t->gather.rows = head.n;
    bool good = true;

    for (uint32_t row = 0; row < head.n && good; row++) {
        for (uint32_t i = 0; i < t->gather.n && good; i++) {
            const struct ft_store_column *c = &t->gather.column[i];

            good = ft_gather_fill(&t->gather, i, &w->values) == FT_OK &&
                   ft_store_buf_add(&w->accounts, i == 0 ? "{\"" : ",\"", 2) &&
                   ft_store_buf_add(&w->accounts, c->name, strlen(c->name)) &&
                   ft_store_buf_add(&w->accounts, "\":", 2) &&
                   ft_store_put_json(c, &w->values, row, &w->scratch, &w->accounts);
        }
        good = good && ft_store_buf_add(&w->accounts, "}", 2);
        w->n_accounts += good;
    }
    t->events += head.n;
    ft_gather_clear(&t->gather);
    return good ? FT_OK : FT_E_NOMEM;
}

/* ---- chunks ---- */

uint8_t *ft_store_writer_room(struct ft_store_writer *w, size_t len)
{
    return ft_store_buf_set(&w->chunk, len) ? w->chunk.p : NULL;
}

int ft_store_writer_take(struct ft_store_writer *w, size_t len, struct ft_store_answer *told)
{
    struct ft_store_rows head;

    if (len < sizeof head) {
        return FT_E_CORRUPT;
    }
    memcpy(&head, w->chunk.p, sizeof head);
    struct table *t = head.event < FT_EVENT__COUNT ? &w->table[head.event] : NULL;

    if (t == NULL || !t->there || !ft_gather_valid(&t->gather, w->chunk.p, len)) {
        return FT_E_CORRUPT;
    }
    if (w->since_ms == 0) {
        w->since_ms = ft_mono_ms();
    }
    if (head.event == FT_EVENT_STATS) {
        return keep_account(w, t, w->chunk.p, len);
    }
    if (t->gather.rows + head.n > FT_STORE_BLOCK || t->gather.held.len + len > HELD_MOST) {
        put_block(w, t, told);
    }
    if (!ft_store_buf_add(&t->gather.held, w->chunk.p, len)) {
        return FT_E_NOMEM;
    }
    t->gather.rows += head.n;
    t->events += head.n;
    w->rows += head.n;
    if (w->rows >= SLICE_ROWS_MOST || ft_tops_full(w->tops) || ft_store_writer_due_ms(w) == 0) {
        ft_store_writer_commit(w, told);
    }
    return FT_OK;
}

int ft_store_writer_due_ms(const struct ft_store_writer *w)
{
    int64_t left = w->since_ms + w->slice_ms - ft_mono_ms();

    return w->since_ms == 0 ? -1 : left > 0 ? (int)left : 0;
}

/* ---- slices ---- */

/* The rows of the minutes. */
static int put_tops(struct ft_store_writer *w)
{
    struct table *t = &w->table[TOP_TABLE];
    uint32_t n = ft_tops_close(w->tops);
    int rc = n > 0 ? begin_file(w, t) : FT_OK;

    if (n > 0 && rc == FT_OK) {
        rc = ft_slice_add(&t->file, n, ft_tops_fill, w->tops);
    }
    ft_tops_clear(w->tops);
    return rc;
}

/* All files end; each table's row, or an empty one. */
static int end_files(struct ft_store_writer *w, struct ft_catalog_slice row[TABLES])
{
    int64_t now_s = wall_s(); /* of all: it tells which rows are one slice's */
    int rc = FT_OK;

    for (uint32_t i = 0; i < TABLES && rc == FT_OK; i++) {
        struct table *t = &w->table[i];
        struct ft_slice s;
        struct ft_err err;

        row[i].rows = 0;
        if (!t->there || !t->file.open) {
            continue;
        }
        rc = ft_slice_end(&t->file);
        if (rc == FT_OK) { /* what it says of itself is what its row says */
            rc = ft_slice_open(w->dir, t->file.name, w->coder, &s, &err);
        }
        if (rc == FT_OK) {
            ft_catalog_describe(&s, t->file.name, now_s, &row[i]);
            ft_slice_close(&s);
        } else if (!t->file.open) { /* it has its name, and its events are lost */
            unlinkat(w->dir, t->file.name, 0);
        }
    }
    return rc == FT_OK && fsync(w->dir) != 0 ? FT_E_IO : rc;
}

static int put_accounts(struct ft_store_writer *w)
{
    const char *p = (const char *)w->accounts.p;
    int rc = FT_OK;

    for (uint64_t i = 0; i < w->n_accounts && rc == FT_OK; i++) {
        rc = ft_catalog_account(&w->catalog, wall_s(), p);
        p += strlen(p) + 1;
    }
    return rc;
}

/* why: room for a reason. */
static int transact(struct ft_store_writer *w, const struct ft_catalog_slice row[TABLES],
                    char why[128])
{
    uint32_t dropped;
    int rc = ft_catalog_begin(&w->catalog);

    for (uint32_t i = 0; i < TABLES && rc == FT_OK; i++) {
        if (row[i].rows > 0) {
            rc = ft_catalog_add(&w->catalog, &row[i], w->table[i].gather.column,
                                w->table[i].gather.n);
        }
    }
    rc = rc == FT_OK ? put_accounts(w) : rc;
    rc = rc == FT_OK ? ft_usual_save(w->usual) : rc;
    rc = rc == FT_OK ? ft_catalog_retain(&w->catalog, &w->keep, wall_s(), &dropped) : rc;
    rc = rc == FT_OK ? ft_catalog_commit(&w->catalog) : rc;
    if (rc != FT_OK) {
        snprintf(why, 128, "%s: %s", FT_CATALOG_FILE,
                 rc == FT_E_IO ? sqlite3_errmsg(w->catalog.db) : ft_strerror(rc));
        ft_catalog_rollback(&w->catalog);
    }
    return rc;
}

static void undo(struct ft_store_writer *w, const struct ft_catalog_slice row[TABLES])
{
    for (uint32_t i = 0; i < TABLES; i++) {
        if (w->table[i].there) {
            ft_slice_give_up(&w->table[i].file);
        }
        if (row[i].rows > 0) {
            unlinkat(w->dir, row[i].file, 0); /* best effort: the next start would adopt it */
        }
    }
}

static void tell(struct ft_store_writer *w, bool good, struct ft_store_answer *told)
{
    for (uint32_t e = 0; e < FT_EVENT__COUNT; e++) {
        struct table *t = &w->table[e];

        *(good ? &told->arrived[e] : &told->lost[e]) += t->events;
        told->lost[e] += t->lost;
        t->events = t->lost = 0;
    }
}

void ft_store_writer_commit(struct ft_store_writer *w, struct ft_store_answer *told)
{
    struct ft_catalog_slice row[TABLES] = {{0}};
    char why[128] = "";

    if (w->since_ms == 0) {
        return;
    }
    for (uint32_t e = 0; e < FT_EVENT__COUNT; e++) {
        put_block(w, &w->table[e], told);
    }
    int rc = put_tops(w);

    rc = rc == FT_OK ? end_files(w, row) : rc;
    if (rc != FT_OK) {
        snprintf(why, sizeof why, "%s", rc == FT_E_IO ? strerror(errno) : ft_strerror(rc));
    } else {
        rc = transact(w, row, why);
    }
    if (rc != FT_OK) {
        told->rc = rc;
        snprintf(told->text, sizeof told->text, "a slice could not be written: %s", why);
        undo(w, row);
        ft_usual_undo(w->usual);
    }
    for (uint32_t i = 0; i < TABLES && rc == FT_OK; i++) {
        told->bytes += row[i].bytes;
    }
    tell(w, rc == FT_OK, told);
    w->accounts.len = 0;
    w->n_accounts = 0;
    w->since_ms = 0;
    w->rows = 0;
    ft_catalog_remove(&w->catalog, wall_s());
}

void ft_store_writer_close(struct ft_store_writer *w, struct ft_store_answer *told)
{
    ft_store_writer_commit(w, told);
    free_writer(w);
}
