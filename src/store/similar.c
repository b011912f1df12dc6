/* SPDX-License-Identifier: Apache-2.0 */
/* store: the nearest vectors, see flowtap/store.h.
 *
 * Theory of operation: of each block the vectors are multiplied with the one that is asked of; only
 * rows that are as near as the last of the nearest so far are looked at further: is it of the same
 * transform, span and time, and whose is it? So little but vectors is read. Blocks without a row of
 * the time, transform or span are passed over. When a slice turns out damaged the nearest are those
 * of before it. */
#include <stdio.h>

#include "base/time.h"
#include "store/mixed.h"
#include "store/similar.h"
#include "store/value.h"

enum { CHUNK = 2048 /* rows whose scores are on the stack */, BOUNDS = 4, SECOND_US = 1000000 };

/* What a scan does. */
struct search {
    struct ft__similar *f;
    ft_store_dot_fn dot;
    struct ft__bound bounds[BOUNDS]; /* from, to, transform, span: what a row has to keep */
    uint32_t n_bounds;
    struct ft_store_near *before; /* [k]: the nearest before the slice, */
    uint32_t n_before;
    uint64_t vectors_before;
};

/* Does a row keep a bound? Its column is read when it is asked for. */
static bool row_keeps(struct search *s, struct ft__bound *b, uint32_t row, int *rc)
{
    const struct ft_store_column *c = ft__similar_type(s->f, b->column, rc);
    const struct ft_store_values *v = c != NULL ? ft__similar_column(s->f, b->column, rc) : NULL;

    *rc = v != NULL ? ft__bound_ready(b, c) : *rc;
    return v != NULL && *rc == FT_OK && ft__bound_select(b, c, v, &row, 1) == 1;
}

/* A row that is near enough. */
static int candidate(struct search *s, float score, uint32_t row)
{
    struct ft__similar *f = s->f;
    struct ft_store_near c = {.score = score, .row = row};
    int rc = FT_OK;

    for (uint32_t i = 0; i < s->n_bounds; i++) {
        if (!row_keeps(s, &s->bounds[i], row, &rc)) {
            return rc;
        }
    }
    if (!(score >= -1.001F && score <= 1.001F)) { /* vectors of length 1 have none such */
        return FT_E_CORRUPT;
    }
    c.score = score > 1.0F ? 1.0F : score; /* by rounding */
    const struct ft_store_values *ids = ft__similar_column(f, f->id, &rc);

    if (rc != FT_OK || !ft__similar_id(f, ids, row, c.id, &c.id_len) ||
        (c.id_len == f->own_len && memcmp(c.id, f->own, f->own_len) == 0)) {
        return rc;
    }
    c.at_us = (int64_t)ft_store_buf_u64(&ft__similar_column(f, f->at, &rc)->num)[row];
    if (f->ask->shuffle != 0) {
        c.at_us = ft_time_floor(c.at_us, SECOND_US) * SECOND_US;
        c.place = ft_store_mixed(c.id, c.id_len, f->ask->shuffle);
    }
    c.file = f->scan.view->part->file;
    c.block = f->scan.view->block;
    ft_store_nearest_add(&f->nearest, &c);
    return FT_OK;
}

/* Can the block have rows, by what its slice says of it? */
static bool block_fits(struct search *s, int *rc)
{
    const struct ft__view *v = s->f->scan.view;

    *rc = FT_OK;
    for (uint32_t i = 0; i < s->n_bounds; i++) {
        struct ft__bound *b = &s->bounds[i];
        const struct ft_store_column *c = ft__similar_type(s->f, b->column, rc);

        *rc = c != NULL ? ft__bound_ready(b, c) : *rc;
        if (c == NULL || *rc != FT_OK ||
            !ft__bound_block(
                b, c, v->rows,
                ft_slice_extent(&v->part->slice, v->block, (uint32_t)v->part->map[b->column]))) {
            return false;
        }
    }
    return true;
}

static int search_block(struct search *s)
{
    struct ft__similar *f = s->f;
    float score[CHUNK];
    int rc;
    const struct ft_store_values *v =
        block_fits(s, &rc) ? ft__similar_column(f, f->vector, &rc) : NULL;

    if (v == NULL || v->nulls == v->n) {
        return rc;
    }
    const float *rows = (const float *)(const void *)v->bytes.p;
    float floor = ft_store_nearest_floor(&f->nearest);

    for (uint32_t at = 0; at < v->n && rc == FT_OK; at += CHUNK) {
        uint32_t n = v->n - at < CHUNK ? v->n - at : CHUNK;

        s->dot(f->q, rows + (size_t)at * FT_STORE_VECTOR, n, score);
        for (uint32_t i = 0; i < n && rc == FT_OK; i++) {
            bool far = score[i] < floor; /* what is no number is not */

            if (FT_UNLIKELY(!far) && !ft_store_value_null(v, at + i)) {
                rc = candidate(s, score[i], at + i);
                floor = ft_store_nearest_floor(&f->nearest);
            }
        }
    }
    f->origin->vectors += v->n - v->nulls;
    return rc;
}

/* What there was before this slice. */
static void remember(struct search *s)
{
    s->n_before = s->f->nearest.n;
    s->vectors_before = s->f->origin->vectors;
    memcpy(s->before, s->f->nearest.v, s->n_before * sizeof s->before[0]);
}

static void forget_slice(struct search *s)
{
    struct ft__similar *f = s->f;

    f->nearest.n = s->n_before;
    f->origin->vectors = s->vectors_before;
    memcpy(f->nearest.v, s->before, s->n_before * sizeof s->before[0]);
}

static int search_all(struct search *s)
{
    struct ft__scan *scan = &s->f->scan;
    uint32_t file = UINT32_MAX;
    bool more;
    int rc = ft__similar_newest_first(s->f);

    scan->n_bounds = 0; /* slices are chosen by them, and rows here */
    while (rc == FT_OK && (rc = ft__scan_next(scan, &more)) == FT_OK && more) {
        if (scan->view->part->file != file) {
            file = scan->view->part->file;
            remember(s);
        }
        rc = search_block(s);
        if (ft__similar_leave(s->f, rc)) {
            forget_slice(s);
            rc = FT_OK;
        }
    }
    return rc;
}

static int bound(struct search *s, int column, int op, struct ft__want w)
{
    struct ft__bound *b = &s->bounds[s->n_bounds++];

    b->column = column;
    b->op = op;
    return ft__bound_add(b, &w);
}

static int set_bounds(struct search *s)
{
    const struct ft__similar *f = s->f;
    struct ft_store_origin *o = f->origin;
    struct ft__want from = {.kind = FT__WANT_REAL, .f = f->ask->from};
    struct ft__want to = {.kind = FT__WANT_REAL, .f = f->ask->to};
    struct ft__want transform = {
        .kind = FT__WANT_TEXT, .text = o->vector_id, .len = strlen(o->vector_id)};
    struct ft__want span = {.kind = FT__WANT_INTEGER, .i = o->span_s};
    int rc = bound(s, f->at, SQLITE_INDEX_CONSTRAINT_GE, from);

    rc = rc == FT_OK ? bound(s, f->at, SQLITE_INDEX_CONSTRAINT_LT, to) : rc;
    rc = rc == FT_OK ? bound(s, f->vector_id, SQLITE_INDEX_CONSTRAINT_EQ, transform) : rc;
    return rc == FT_OK && f->hosts ? bound(s, f->span, SQLITE_INDEX_CONSTRAINT_EQ, span) : rc;
}

static int search(struct ft__similar *f, struct ft_err *err)
{
    struct search s = {.f = f, .dot = ft_store_dot()};
    int rc = set_bounds(&s);

    f->scan = (struct ft__scan){
        .columns = f->columns, .n = f->n, .bounds = s.bounds, .n_bounds = s.n_bounds};
    f->nearest = (struct ft_store_nearest){.k = f->ask->k};
    f->nearest.v = ft_mem_alloc(f->ask->k, sizeof *f->nearest.v);
    s.before = ft_mem_alloc(f->ask->k, sizeof *s.before);
    if (f->nearest.v == NULL || s.before == NULL) {
        rc = FT_E_NOMEM;
    }
    rc = rc == FT_OK ? search_all(&s) : rc;
    f->scan.bounds = NULL;
    for (uint32_t i = 0; i < s.n_bounds; i++) {
        ft__bound_fini(&s.bounds[i]);
    }
    ft_mem_free(s.before);
    return rc == FT_OK ? FT_OK : ft__similar_failed(f, rc, err);
}

/* ---- all of it ---- */

static int column_of(const struct ft__similar *f, const char *name)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (strcmp(f->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int begin(struct ft__similar *f, struct ft_err *err)
{
    int rc = ft__store_columns(f->store, f->table, &f->columns, &f->n);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s: %s", f->table, ft_strerror(rc));
    }
    f->at = ft__store_time(f->columns, f->n);
    f->id = column_of(f, f->hosts ? "address" : "flow_id");
    f->vector = column_of(f, "vector");
    f->vector_id = column_of(f, "vector_id");
    f->span = f->hosts ? column_of(f, "span_s") : -1;
    f->entity = f->hosts ? column_of(f, "entity") : -1;
    f->packets = f->hosts ? column_of(f, "packets_at_most") : -1;
    if (f->at < 0 || f->id < 0 || (f->hosts && (f->span < 0 || f->entity < 0))) {
        return ft_err_set(err, FT_E_NOT_FOUND, "there are no %s in the store (-e %s)",
                          f->hosts ? "windows" : "flow records", f->table);
    }
    if (f->vector < 0 || f->vector_id < 0) {
        return ft_err_set(err, FT_E_NOT_FOUND,
                          "no %s of the store has a vector: -p vector of who writes it gives them",
                          f->hosts ? "window" : "flow record");
    }
    return FT_OK;
}

/* What is asked, and of what. */
static int check(struct ft__similar *f, struct ft_err *err)
{
    const struct ft_store_similar *ask = f->ask;
    uint8_t address[16];
    bool is_address = ft_store_parse_address(ask->id, address);

    f->hosts = ask->table != NULL ? strcmp(ask->table, "window") == 0 : is_address;
    f->table = f->hosts ? "window" : "flow";
    if (ask->table != NULL && strcmp(ask->table, f->table) != 0) {
        return ft_err_set(err, FT_E_USAGE, "%s: allowed is flow or window", ask->table);
    }
    if (f->hosts && !is_address) {
        return ft_err_set(err, FT_E_USAGE, "%s: a host is told by its address", ask->id);
    }
    if (strlen(ask->id) > FT_STORE_NEAR_ID || ask->id[0] == '\0') {
        return ft_err_set(err, FT_E_USAGE, "it is no flow_id and no address");
    }
    return ask->k >= 1 && ask->k <= FT_STORE_SIMILAR_MOST
               ? FT_OK
               : ft_err_set(err, FT_E_USAGE, "k is 1 to %d", FT_STORE_SIMILAR_MOST);
}

int ft_store_similar(struct ft_store *s, const struct ft_store_similar *ask,
                     const struct ft_store_limits *limits, const struct ft_store_take *take,
                     struct ft_store_origin *out_origin, struct ft_store_result *out,
                     struct ft_err *err)
{
    struct ft__similar f = {
        .store = s, .ask = ask, .origin = out_origin, .timeout_ms = limits->timeout_ms};

    *out_origin = (struct ft_store_origin){0};
    int rc = ft__store_begin(s, limits->timeout_ms, out, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = check(&f, err);
    rc = rc == FT_OK ? begin(&f, err) : rc;
    rc = rc == FT_OK ? ft__similar_find(&f, err) : rc;
    rc = rc == FT_OK ? search(&f, err) : rc;
    rc = rc == FT_OK ? ft__similar_show(&f, take, &out->rows, err) : rc;
    ft__scan_end(&f.scan);
    ft_mem_free(f.nearest.v);
    ft_mem_free(f.columns);
    ft__store_end(s);
    return rc;
}
