/* SPDX-License-Identifier: Apache-2.0 */
/* store: the record whose like is looked for: of a flow the newest, of a host the newest window
 * that has packets, of the longest span.
 *
 * Theory of operation: slices are read from the newest back until one has it: records of a flow,
 * and windows of a host, are written in their order. */
#include <stdio.h>

#include "store/similar.h"
#include "store/value.h"

/* The best so far. */
struct found {
    bool any, with_vector, busy;
    double at; /* seconds */
    uint64_t span;
    uint32_t file;
};

static bool of_type(const struct ft__similar *f, int column, const struct ft_store_column *c)
{
    if (column == f->vector) {
        return c->cell == FT__CELL_VECTOR && c->width == FT_STORE_VECTOR * sizeof(float);
    }
    if (column == f->at) {
        return c->type == FT_T_TIME && ft_store_is_number(c);
    }
    if (column == f->span || column == f->packets) {
        return c->type != FT_T_F64 && ft_store_is_number(c);
    }
    return column == f->id && f->hosts ? ft_store_is_address(c) : c->cell == FT__CELL_TEXT;
}

const struct ft_store_column *ft__similar_type(const struct ft__similar *f, int column, int *rc)
{
    const struct ft_store_column *c =
        column >= 0 ? ft__scan_type(&f->scan, (uint32_t)column) : NULL;

    *rc = c == NULL || of_type(f, column, c) ? FT_OK : FT_E_CORRUPT;
    return *rc == FT_OK ? c : NULL;
}

const struct ft_store_values *ft__similar_column(struct ft__similar *f, int column, int *rc)
{
    return ft__similar_type(f, column, rc) != NULL ? ft__scan_column(&f->scan, (uint32_t)column, rc)
                                                   : NULL;
}

bool ft__similar_id(const struct ft__similar *f, const struct ft_store_values *ids, uint32_t row,
                    uint8_t out[FT_STORE_NEAR_ID], uint32_t *out_len)
{
    if (ids == NULL || ft_store_value_null(ids, row)) {
        return false;
    }
    uint32_t at = row * 16, end = at + 16;

    if (!f->hosts) {
        at = ft_store_buf_u32(&ids->end)[row];
        end = ft_store_buf_u32(&ids->end)[row + 1];
    }
    *out_len = end - at;
    if (*out_len > FT_STORE_NEAR_ID) {
        return false;
    }
    memcpy(out, ids->bytes.p + at, *out_len);
    return true;
}

/* Takes a row, which is newer than what there was. */
static void keep(struct ft__similar *f, const struct ft_store_values *vector,
                 const struct ft_store_values *name, uint32_t row)
{
    const uint32_t *end = ft_store_buf_u32(&name->end) + row;

    memcpy(f->q, vector->bytes.p + (size_t)row * sizeof f->q, sizeof f->q);
    snprintf(f->origin->vector_id, sizeof f->origin->vector_id, "%.*s", (int)(end[1] - end[0]),
             (const char *)name->bytes.p + end[0]);
}

/* Is it better than the best? It has a vector, and packets; of windows it is the longest; the
 * newest. */
static bool better(const struct found *b, const struct found *c)
{
    if (!b->any || c->with_vector != b->with_vector) {
        return !b->any || c->with_vector;
    }
    if (c->busy != b->busy) {
        return c->busy;
    }
    return c->span > b->span || (c->span == b->span && c->at >= b->at);
}

static bool there(const struct ft_store_values *v, uint32_t row)
{
    return v != NULL && !ft_store_value_null(v, row);
}

static uint64_t number(const struct ft_store_values *v, uint32_t row)
{
    return ft_store_buf_u64(&v->num)[row];
}

/* Its rows keep the bounds. */
static int find_in_block(struct ft__similar *f, struct found *b)
{
    enum { AT, VECTOR, VECTOR_ID, SPAN, PACKETS, N };
    const int columns[N] = {f->at, f->vector, f->vector_id, f->span, f->packets};
    const struct ft_store_values *v[N];
    const struct ft__view *view = f->scan.view;
    int rc;

    if (ft__similar_type(f, f->id, &rc) == NULL ||
        (f->hosts && ft__similar_type(f, f->entity, &rc) == NULL)) {
        return rc;
    }
    for (int i = 0; i < N; i++) {
        v[i] = ft__similar_column(f, columns[i], &rc);
        if (rc != FT_OK) {
            return rc;
        }
    }
    for (uint32_t k = 0; k < view->n_row; k++) {
        uint32_t row = view->row[k];
        struct found c = {.any = true, .file = view->part->file};

        if (!there(v[AT], row)) {
            continue;
        }
        c.with_vector = there(v[VECTOR], row) && there(v[VECTOR_ID], row);
        c.busy = !f->hosts || (there(v[PACKETS], row) && number(v[PACKETS], row) > 0);
        c.at = (double)(int64_t)number(v[AT], row) / 1e6;
        c.span = there(v[SPAN], row) ? number(v[SPAN], row) : 0;
        if (better(b, &c)) {
            *b = c;
            if (c.with_vector) {
                keep(f, v[VECTOR], v[VECTOR_ID], row);
            }
        }
    }
    return FT_OK;
}

int ft__similar_newest_first(struct ft__similar *f)
{
    struct ft__scan *s = &f->scan;
    int rc = ft__scan_begin(s, f->store, f->table);

    for (uint32_t i = 0; i < s->n_files / 2; i++) {
        struct ft__file one = s->files[i];

        s->files[i] = s->files[s->n_files - 1 - i];
        s->files[s->n_files - 1 - i] = one;
    }
    return rc;
}

bool ft__similar_leave(struct ft__similar *f, int rc)
{
    if (!ft__scan_leave_out(&f->scan, rc)) {
        return false;
    }
    f->scan.block = f->scan.part->slice.n_blocks;
    return true;
}

int ft__similar_failed(const struct ft__similar *f, int rc, struct ft_err *err)
{
    switch (rc) {
    case FT_E_INTERRUPTED:
        return ft__store_too_late(f->store, err);
    case FT_E_UNSUPPORTED:
        return ft_err_set(err, rc, "%s", f->store->newer);
    default:
        return ft_err_set(err, rc, "%s", ft_strerror(rc));
    }
}

/* From the newest slice back. */
static int find(struct ft__similar *f, struct found *b)
{
    bool more;
    int rc = ft__similar_newest_first(f);

    while (rc == FT_OK && (rc = ft__scan_next(&f->scan, &more)) == FT_OK && more) {
        if (b->with_vector && b->busy && b->file != f->scan.view->part->file) {
            break;
        }
        rc = find_in_block(f, b);
        if (ft__similar_leave(f, rc)) { /* what it had was not found */
            *b = (struct found){0};
            rc = FT_OK;
        }
    }
    return rc;
}

static int not_found(const struct ft__similar *f, const struct found *b, struct ft_err *err)
{
    const char *what = f->hosts ? "host" : "flow";

    if (b->any) {
        return ft_err_set(err, FT_E_NOT_FOUND, "%s %s: no record of it has a vector", what,
                          f->ask->id);
    }
    if (f->hosts && f->ask->span_s > 0) {
        return ft_err_set(err, FT_E_NOT_FOUND, "host %s: the store has no window of %u s of it",
                          f->ask->id, f->ask->span_s);
    }
    return ft_err_set(err, FT_E_NOT_FOUND, "%s %s: the store has no %s of it", what, f->ask->id,
                      f->hosts ? "window" : "record");
}

/* A value that a column has to have. */
static int bound(struct ft__similar *f, struct ft__bound *to, int column, const char *text,
                 int64_t i)
{
    char copy[FT_STORE_NEAR_ID + 1];
    struct ft__want w = {.kind = FT__WANT_INTEGER, .i = i};

    if (text != NULL) {
        snprintf(copy, sizeof copy, "%s", text);
        w = (struct ft__want){.kind = FT__WANT_TEXT, .text = copy, .len = strlen(copy)};
    }
    to->column = column;
    to->op = SQLITE_INDEX_CONSTRAINT_EQ;
    f->scan.n_bounds++;
    return ft__bound_add(to, &w);
}

/* What is asked of is what the rows have to be of. */
static int find_all(struct ft__similar *f, struct found *b)
{
    struct ft__bound bounds[3] = {0};

    f->scan = (struct ft__scan){.columns = f->columns, .n = f->n, .bounds = bounds};
    int rc = bound(f, &bounds[0], f->id, f->ask->id, 0);

    rc = rc == FT_OK && f->hosts ? bound(f, &bounds[1], f->entity, "host", 0) : rc;
    rc = rc == FT_OK && f->hosts && f->ask->span_s > 0
             ? bound(f, &bounds[2], f->span, NULL, f->ask->span_s)
             : rc;
    rc = rc == FT_OK ? find(f, b) : rc;
    ft__scan_end(&f->scan);
    for (int i = 0; i < 3; i++) {
        ft__bound_fini(&bounds[i]);
    }
    return rc;
}

int ft__similar_find(struct ft__similar *f, struct ft_err *err)
{
    struct found b = {0};
    float length;
    int rc = find_all(f, &b);

    if (rc != FT_OK) {
        return ft__similar_failed(f, rc, err);
    }
    if (!b.with_vector) {
        return not_found(f, &b, err);
    }
    f->origin->timestamp = b.at;
    f->origin->span_s = (uint32_t)b.span;
    f->own_len = f->hosts ? 16 : (uint32_t)strlen(f->ask->id);
    if (f->hosts) {
        ft_ignore(ft_store_parse_address(f->ask->id, f->own)); /* it is one, see check() */
    } else {
        memcpy(f->own, f->ask->id, f->own_len);
    }
    ft_store_dot_plain(f->q, f->q, 1, &length);
    return length > 0.999F && length < 1.001F
               ? FT_OK
               : ft_err_set(err, FT_E_UNSUPPORTED, "%s: its vector (%s) is not of length 1",
                            f->ask->id, f->origin->vector_id);
}
