/* SPDX-License-Identifier: Apache-2.0 */
/* store: rows of a time as a file of Parquet.
 *
 * Theory of operation: the project's writer of Parquet takes events by rows of columns
 * (format/format.h). Here a column looks at a cell, which is set for each row of the store; the
 * rest is what an output does: rows, batches, row groups, an end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "format/format.h"
#include "store/read.h"
#include "store/value.h"

extern const struct ft_format_ops ft_format_parquet;

enum { ROWS_LEN = 512 * 1024, HELD_LEN = FT_PACK_MOST, ROW_LEAST = 4096 };

/* What a column looks at. */
struct cell {
    const struct ft_store_column *type;   /* of its slice */
    const struct ft_store_values *values; /* NULL: its slice has it not */
    uint32_t row;
    bool as_real; /* the table has real numbers, its slice whole ones */
    bool no_memory;
    struct ft_store_buf scratch;
};

struct export
{
    struct ft__scan scan;
    struct ft__bound bound[2];
    struct ft_field *fields; /* [n] */
    char(*names)[FT__STORE_SHOWN];
    struct cell *cells; /* [n] */
    struct ft_columns *columns;
    struct ft_format *format;
    uint8_t *rows, *held; /* a batch's rows; batches of a group */
    size_t rows_len, held_len;
    uint32_t n_rows;
    int fd;
    uint64_t at; /* bytes of the file */
};

/* ---- columns ---- */

static void cell_get(const void *part, struct ft_value *out)
{
    struct cell *c = (struct cell *)(uintptr_t)part;

    *out = (struct ft_value){.null = true};
    if (c->values != NULL && !ft_store_value(c->type, c->values, c->row, &c->scratch, out)) {
        c->no_memory = true;
        out->null = true;
    }
    if (c->as_real && !out->null) {
        out->f = c->type->type == FT_T_I64 ? (double)out->i : (double)out->u;
    }
}

static void make_field(const struct ft_store_column *c, const char *name, struct ft_field *f)
{
    enum ft_type type = ft_store_value_type(c);

    *f = (struct ft_field){.name = name,
                           .unit = "",
                           .meaning = "",
                           .source = "",
                           .get = cell_get,
                           .profile = "",
                           .null = "",
                           .type = (uint8_t)(type == FT_T_JSON ? FT_T_TEXT : type),
                           .item = c->item,
                           .privacy = FT_PRIVACY_NONE};
    if (type == FT_T_LIST || type == FT_T_LISTS) {
        f->most = UINT16_MAX;
        f->most_lists = type == FT_T_LISTS ? UINT8_MAX : 0;
    }
    if (type == FT_T_VECTOR) {
        f->item = FT_T_F32;
        f->most = (uint16_t)(c->width / sizeof(float));
    }
    f->most = type == FT_T_BYTES ? (uint16_t)(c->width > 1 ? c->width : UINT16_MAX) : f->most;
}

static int make_columns(struct export *e)
{
    uint32_t n = e->scan.n;
    struct ft_err err;

    e->fields = ft_mem_alloc(n, sizeof *e->fields);
    e->names = ft_mem_alloc(n, sizeof *e->names);
    e->cells = ft_mem_alloc(n, sizeof *e->cells);
    e->columns = ft_mem_alloc(1, sizeof *e->columns);
    if (e->fields == NULL || e->names == NULL || e->cells == NULL || e->columns == NULL) {
        return FT_E_NOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        ft__store_name(e->scan.columns, i, e->names[i]);
        make_field(&e->scan.columns[i], e->names[i], &e->fields[i]);
        e->columns->col[i] = (struct ft_column){.field = &e->fields[i], .fixed = &e->cells[i]};
    }
    e->columns->n = n;
    e->columns->flat = true;
    struct ft_format_config cfg = {.columns = e->columns, .events = 1u << FT_EVENT_FLOW};

    return ft_format_parquet.open(&cfg, &e->format, &err);
}

/* ---- the file ---- */

static int put(struct export *e, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(e->fd, p, len);

        if (n < 0 && errno != EINTR) {
            return FT_E_IO;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        e->at += n > 0 ? (uint64_t)n : 0;
    }
    return FT_OK;
}

static int put_group(struct export *e)
{
    const uint8_t *out;
    size_t len;

    if (e->held_len == 0) {
        return FT_OK;
    }
    int rc = e->format->ops->pack(e->format, e->held, e->held_len, e->at, &out, &len);

    e->held_len = 0;
    return rc == FT_OK ? put(e, out, len) : rc;
}

/* The rows become a batch, and with others a group. */
static int put_rows(struct export *e)
{
    struct ft_loss lost = {0};
    int rc = FT_OK;

    if (e->n_rows == 0) {
        return FT_OK;
    }
    if (e->held_len + e->rows_len + e->format->seal_room > HELD_LEN) {
        rc = put_group(e);
    }
    if (rc == FT_OK) {
        e->held_len += e->format->ops->seal(e->format, FT_EVENT_FLOW, e->rows, e->n_rows, &lost,
                                            e->held + e->held_len);
    }
    e->rows_len = 0;
    e->n_rows = 0;
    return rc;
}

static int put_end(struct export *e)
{
    struct ft_trailer t = {.fd = e->fd, .size = e->at};
    uint8_t *out = ft_mem_alloc(1, FT_FORMAT_TRAILER_ROOM);
    int rc = out != NULL ? FT_OK : FT_E_NOMEM;

    for (size_t n = 1; rc == FT_OK && n > 0;) {
        n = e->format->ops->trailer(e->format, &t, out, FT_FORMAT_TRAILER_ROOM);
        rc = put(e, out, n);
    }
    ft_mem_free(out);
    return rc == FT_OK && fsync(e->fd) != 0 ? FT_E_IO : rc;
}

/* ---- rows ---- */

/* Bytes of text, bytes and items that a row has, at most as a row of a batch. */
static size_t row_len(const struct export *e, uint32_t row)
{
    size_t len = e->columns->n * 24u + ROW_LEAST;

    for (uint32_t i = 0; i < e->columns->n; i++) {
        const struct cell *c = &e->cells[i];

        if (c->values != NULL && c->values->end.len > 0 && !ft_store_value_null(c->values, row)) {
            const uint32_t *end = ft_store_buf_u32(&c->values->end) + row;
            const uint32_t *inner = ft_store_buf_u32(&c->values->inner);
            size_t items = end[1] - end[0];

            if (c->type->cell == FT__CELL_LISTS) {
                items += inner[end[1]] - inner[end[0]];
            }
            len += items * 8;
        } else if (c->type != NULL) {
            len += c->type->width;
        }
    }
    return len;
}

static int export_row(struct export *e, uint32_t row)
{
    const void *parts[FT_PARTS_MAX] = {NULL};
    size_t len = row_len(e, row);

    if (len > ROWS_LEN) {
        return FT_E_RANGE;
    }
    int rc = e->rows_len + len > ROWS_LEN ? put_rows(e) : FT_OK;

    for (uint32_t i = 0; i < e->columns->n; i++) {
        e->cells[i].row = row;
    }
    e->rows_len += e->format->ops->row(e->format, e->rows + e->rows_len, parts);
    e->n_rows++;
    for (uint32_t i = 0; i < e->columns->n && rc == FT_OK; i++) {
        rc = e->cells[i].no_memory ? FT_E_NOMEM : FT_OK;
    }
    return rc;
}

/* most: rows of all; 0: any number. */
static int export_block(struct export *e, uint64_t most, struct ft_store_result *out)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < e->columns->n && rc == FT_OK; i++) {
        e->cells[i].values = ft__scan_column(&e->scan, i, &rc);
        e->cells[i].type = ft__scan_type(&e->scan, i);
        e->cells[i].as_real = e->fields[i].type == FT_T_F64 && e->cells[i].type != NULL &&
                              e->cells[i].type->type != FT_T_F64;
    }
    for (uint32_t k = 0; k < e->scan.view->n_row && rc == FT_OK && !out->cut; k++) {
        out->cut = most > 0 && out->rows == most;
        rc = out->cut ? FT_OK : export_row(e, e->scan.view->row[k]);
        out->rows += rc == FT_OK && !out->cut;
    }
    return rc;
}

static int export_all(struct export *e, uint64_t most, struct ft_store_result *out)
{
    uint8_t *header = ft_mem_alloc(1, FT_FORMAT_HEADER_MAX);
    int rc =
        header != NULL ? put(e, header, e->format->ops->header(e->format, header)) : FT_E_NOMEM;
    bool more = rc == FT_OK;

    ft_mem_free(header);
    while (more) {
        rc = ft__scan_next(&e->scan, &more);
        more = more && rc == FT_OK;
        if (more) {
            rc = export_block(e, most, out);
            more = rc == FT_OK && !out->cut;
        }
    }
    rc = rc == FT_OK ? put_rows(e) : rc;
    rc = rc == FT_OK ? put_group(e) : rc;
    return rc == FT_OK ? put_end(e) : rc;
}

/* ---- all of it ---- */

static void free_export(struct export *e, struct ft_store_column *columns)
{
    for (uint32_t i = 0; e->cells != NULL && i < e->scan.n; i++) {
        ft_store_buf_fini(&e->cells[i].scratch);
    }
    if (e->format != NULL) {
        e->format->ops->end(e->format);
    }
    ft_map_free(e->rows, ROWS_LEN);
    ft_map_free(e->held, HELD_LEN);
    ft_mem_free(e->fields);
    ft_mem_free(e->names);
    ft_mem_free(e->cells);
    ft_mem_free(e->columns);
    ft__scan_end(&e->scan);
    for (size_t i = 0; i < sizeof e->bound / sizeof e->bound[0]; i++) {
        ft__bound_fini(&e->bound[i]);
    }
    ft_mem_free(columns);
    if (e->fd >= 0) {
        close(e->fd);
    }
}

/* A time that rows have to keep. */
static int bound(struct export *e, int op, double at)
{
    struct ft__want w = {.kind = FT__WANT_REAL, .f = at};
    struct ft__bound *b = &e->bound[e->scan.n_bounds];

    b->column = ft__store_time(e->scan.columns, e->scan.n);
    b->op = op;
    if (b->column < 0) {
        return FT_OK;
    }
    e->scan.n_bounds++;
    return ft__bound_add(b, &w);
}

static int begin(struct export *e, struct ft_store *s, const char *table,
                 const struct ft_store_range *range)
{
    e->scan.bounds = e->bound;
    e->scan.used = UINT64_MAX;
    if (bound(e, SQLITE_INDEX_CONSTRAINT_GE, range->from) != FT_OK ||
        bound(e, SQLITE_INDEX_CONSTRAINT_LT, range->to) != FT_OK) {
        return FT_E_NOMEM;
    }
    e->rows = ft_map_alloc_sparse(ROWS_LEN);
    e->held = ft_map_alloc_sparse(HELD_LEN);
    int rc = e->rows != NULL && e->held != NULL ? FT_OK : FT_E_NOMEM;

    rc = rc == FT_OK ? ft__scan_begin(&e->scan, s, table) : rc;
    return rc == FT_OK ? make_columns(e) : rc;
}

/* The file that a path is of, whether by a link or not yet there. FT_E_USAGE, FT_E_NOMEM. */
static int find_file(const char *path, char **out, struct ft_err *err)
{
    struct stat st;
    bool there = stat(path, &st) == 0;

    *out = NULL;
    if (there && !S_ISREG(st.st_mode)) {
        return ft_err_set(err, FT_E_USAGE, "%s: it is there, and no file", path);
    }
    *out = there ? realpath(path, NULL) : strdup(path);
    return *out != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "%s: out of memory", path);
}

/* Makes the file as another, which takes its name when it is whole. */
static int export_file(struct export *e, const char *path, uint64_t most,
                       struct ft_store_result *out)
{
    size_t len = strlen(path) + sizeof FT_FILE_PART;
    char *part = ft_mem_alloc(len, 1);

    if (part == NULL) {
        return FT_E_NOMEM;
    }
    snprintf(part, len, "%s" FT_FILE_PART, path);
    e->fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FT_FILE_MODE_DEFAULT);
    int rc = e->fd >= 0 ? export_all(e, most, out) : FT_E_IO;

    rc = rc == FT_OK && rename(part, path) != 0 ? FT_E_IO : rc;
    if (rc != FT_OK && e->fd >= 0) {
        int why = errno;

        unlink(part); /* best effort */
        errno = why;
    }
    ft_mem_free(part);
    return rc;
}

static int run(struct export *e, struct ft_store *s, const struct ft_store_range *range,
               const struct ft_store_limits *limits, const char *path, struct ft_store_result *out,
               struct ft_err *err)
{
    const char *table = range->table != NULL ? range->table : "flow";
    struct ft_store_column *columns = NULL;
    int rc = ft__store_columns(s, table, &columns, &e->scan.n);

    e->scan.columns = columns;
    if (rc == FT_OK && e->scan.n == 0) {
        rc = ft_err_set(err, FT_E_USAGE, "%s: there are no rows of it", table);
    } else {
        rc = rc == FT_OK ? begin(e, s, table, range) : rc;
        rc = rc == FT_OK ? export_file(e, path, limits->rows, out) : rc;
        if (rc == FT_E_INTERRUPTED) {
            rc = ft__store_too_late(limits->timeout_ms, err);
        } else if (rc != FT_OK) {
            rc = ft_err_set(err, rc, "%s: %s", path,
                            rc == FT_E_IO ? strerror(errno) : ft_strerror(rc));
        }
    }
    free_export(e, columns);
    return rc;
}

int ft_store_export(struct ft_store *s, const struct ft_store_range *range,
                    const struct ft_store_limits *limits, const char *path,
                    struct ft_store_result *out, struct ft_err *err)
{
    struct export e = {.fd = -1};
    char *file;
    int rc = ft__store_begin(s, limits->timeout_ms, out, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = find_file(path, &file, err);
    rc = rc == FT_OK ? run(&e, s, range, limits, file, out, err) : rc;
    free(file);
    ft__store_end(s);
    return rc;
}
