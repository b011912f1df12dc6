/* SPDX-License-Identifier: Apache-2.0 */
/* store: rows of what was found.
 *
 * Theory of operation: the rows of one block are read together, whatever their order; the values of
 * all stay until all are there, and then they are handed out in the order of the nearest. */
#include <stdio.h>

#include "store/similar.h"
#include "store/value.h"

static const char *const of_flows[] = {"timestamp",  "flow_id",     "src_ip",     "src_port",
                                       "dst_ip",     "dst_port",    "protocol",   "packet_count",
                                       "byte_count", "duration_us", "conn_state", "reason"};
static const char *const of_hosts[] = {"timestamp",  "span_s",    "address",          "packets_out",
                                       "packets_in", "bytes_out", "bytes_in",         "flows_out",
                                       "flows_in",   "peers_out", "flows_failed_out", "ports"};

enum state { NOT_READ, READ, GONE };

struct show {
    struct ft__similar *f;
    uint32_t *columns; /* [n], of the table */
    uint32_t n;
    struct ft_store_cell *cells; /* [rows][n + 1] */
    enum state *state;           /* [rows] */
    struct ft_store_buf text;    /* of all cells; their `text` is where, until all are there */
    struct ft_store_buf scratch;
    struct ft_store_values values;
};

/* ---- columns ---- */

static enum ft_store_form form_of(const struct ft_store_column *c)
{
    return c->cell >= FT__CELL_LIST || c->type == FT_T_JSON ? FT_STORE_JSON
           : c->type == FT_T_BOOL                           ? FT_STORE_BOOL
           : c->type == FT_T_TIME                           ? FT_STORE_TIME
                                                            : FT_STORE_PLAIN;
}

/* Those that are asked for, which have to be there; or the usual ones that are. */
static int choose(struct show *s, struct ft_err *err)
{
    const struct ft__similar *f = s->f;
    const char *const *names = f->ask->columns;
    uint32_t n = f->ask->n_columns;

    if (names == NULL) {
        names = f->hosts ? of_hosts : of_flows;
        n = (uint32_t)(f->hosts ? sizeof of_hosts : sizeof of_flows) / sizeof names[0];
    }
    s->columns = ft_mem_alloc(n + 1, sizeof *s->columns);
    if (s->columns == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = 0;

        while (k < f->n && strcmp(f->columns[k].name, names[i]) != 0) {
            k++;
        }
        if (k < f->n) {
            s->columns[s->n++] = k;
        } else if (f->ask->columns != NULL) {
            return ft_err_set(err, FT_E_USAGE, "%s: %s has no such column", names[i], f->table);
        }
    }
    return FT_OK;
}

static int say_columns(const struct show *s, const struct ft_store_take *take)
{
    struct ft_store_heading *h = ft_mem_alloc(s->n + 1, sizeof *h);

    if (h == NULL) {
        return FT_E_NOMEM;
    }
    h[0] = (struct ft_store_heading){"similarity", FT_STORE_PLAIN};
    for (uint32_t i = 0; i < s->n; i++) {
        const struct ft_store_column *c = &s->f->columns[s->columns[i]];

        h[i + 1] = (struct ft_store_heading){c->name, form_of(c)};
    }
    int rc = take->columns(take->cookie, h, s->n + 1) == 0 ? FT_OK : FT_E_INTERRUPTED;

    ft_mem_free(h);
    return rc;
}

/* ---- values ---- */

static void number(const struct ft_store_column *c, uint64_t v, struct ft_store_cell *out)
{
    out->kind = FT_STORE_REAL;
    if (c->type == FT_T_TIME) {
        out->f = (double)(int64_t)v / 1e6;
    } else if (c->type == FT_T_F64) {
        memcpy(&out->f, &v, sizeof v);
    } else if (c->type != FT_T_I64 && v > INT64_MAX) {
        out->f = (double)v;
    } else {
        out->kind = FT_STORE_INTEGER;
        out->i = (int64_t)v;
        out->f = (double)out->i;
    }
}

/* Its text is behind the others': from out->i, out->len bytes. */
static bool text(struct show *s, const struct ft_store_column *c, uint32_t row,
                 struct ft_store_cell *out)
{
    const struct ft_store_values *v = &s->values;
    size_t before = s->text.len, skip = 0;
    bool good;

    out->kind = FT_STORE_STRING;
    if (ft_store_is_address(c)) {
        char address[FT_STORE_ADDRESS];

        ft_store_put_address(v->bytes.p + (size_t)row * 16, address);
        good = ft_store_buf_add(&s->text, address, strlen(address));
    } else if (c->cell == FT__CELL_TEXT && c->type != FT_T_BYTES) {
        const uint32_t *end = ft_store_buf_u32(&v->end) + row;

        good = ft_store_buf_add(&s->text, v->bytes.p + end[0], end[1] - end[0]);
    } else {
        skip = c->type == FT_T_BYTES; /* hex, without its quotes */
        good = ft_store_put_json(c, v, row, &s->scratch, &s->text);
    }
    out->i = (int64_t)(before + skip);
    out->len = s->text.len - before - 2 * skip;
    return good;
}

/* A column of the rows from `first` on that are of its block. */
static int read_column(struct show *s, const struct ft__part *p, uint32_t first, uint32_t i)
{
    const struct ft_store_nearest *t = &s->f->nearest;
    int32_t column = p->map[s->columns[i]];

    if (column < 0) {
        return FT_OK;
    }
    const struct ft_store_column *c = &p->slice.columns[column];
    int rc = ft_slice_column(&p->slice, s->f->store->coder, t->v[first].block, (uint32_t)column,
                             &s->f->scan.scratch, &s->values);

    for (uint32_t k = first; k < t->n && rc == FT_OK; k++) {
        struct ft_store_cell *cell = &s->cells[(size_t)k * (s->n + 1) + i + 1];

        if (t->v[k].file != t->v[first].file || t->v[k].block != t->v[first].block ||
            ft_store_value_null(&s->values, t->v[k].row)) {
            continue;
        }
        if (ft_store_is_number(c)) {
            number(c, ft_store_buf_u64(&s->values.num)[t->v[k].row], cell);
        } else if (!text(s, c, t->v[k].row, cell)) {
            rc = FT_E_NOMEM;
        }
    }
    return rc;
}

/* The rows of the block of one. */
static int read_block(struct show *s, uint32_t first, struct ft_err *err)
{
    struct ft__similar *f = s->f;
    const struct ft_store_near *of = &f->nearest.v[first];
    struct ft__part *p;
    int rc = ft__part_open(&f->scan, of->file, &p);
    enum state state = rc == FT_OK && p == NULL ? GONE : READ; /* since it was searched */

    for (uint32_t i = 0; i < s->n && rc == FT_OK && p != NULL; i++) {
        rc = read_column(s, p, first, i);
    }
    bool damaged = p != NULL && ft__part_leave_out(&f->scan, p, rc);

    ft__part_release(p);
    for (uint32_t k = first; k < f->nearest.n; k++) {
        if (f->nearest.v[k].file == of->file && f->nearest.v[k].block == of->block) {
            s->state[k] = state;
        }
    }
    return damaged       ? ft_err_set(err, rc, "a slice is damaged and left out: ask again")
           : rc == FT_OK ? FT_OK
                         : ft__similar_failed(f, rc, err);
}

static int hand_out(struct show *s, const struct ft_store_take *take, uint64_t *rows)
{
    int rc = say_columns(s, take);

    for (uint32_t k = 0; k < s->f->nearest.n && rc == FT_OK; k++) {
        struct ft_store_cell *row = &s->cells[(size_t)k * (s->n + 1)];

        if (s->state[k] != READ) {
            continue;
        }
        row[0].kind = FT_STORE_REAL;
        row[0].f = (double)s->f->nearest.v[k].score;
        for (uint32_t i = 1; i <= s->n; i++) {
            if (row[i].kind == FT_STORE_STRING) {
                row[i].text = (const char *)s->text.p + row[i].i;
            }
        }
        rc = take->row(take->cookie, row, s->n + 1) == 0 ? FT_OK : FT_E_INTERRUPTED;
        *rows += rc == FT_OK;
    }
    return rc;
}

int ft__similar_show(struct ft__similar *f, const struct ft_store_take *take, uint64_t *rows,
                     struct ft_err *err)
{
    struct show s = {.f = f};
    uint32_t n = f->nearest.n;
    int rc = choose(&s, err);

    if (rc == FT_OK) {
        s.cells = ft_mem_alloc((size_t)n * (s.n + 1) + 1, sizeof *s.cells);
        s.state = ft_mem_alloc(n + 1, sizeof *s.state);
        rc = s.cells != NULL && s.state != NULL ? FT_OK
                                                : ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    for (uint32_t k = 0; k < n && rc == FT_OK; k++) {
        if (s.state[k] == NOT_READ) {
            rc = read_block(&s, k, err);
        }
    }
    if (rc == FT_OK) {
        rc = hand_out(&s, take, rows);
        rc = rc == FT_OK ? FT_OK : ft_err_set(err, rc, "%s", ft_strerror(rc));
    }
    ft_store_buf_fini(&s.text);
    ft_store_buf_fini(&s.scratch);
    ft_store_values_fini(&s.values);
    ft_mem_free(s.columns);
    ft_mem_free(s.cells);
    ft_mem_free(s.state);
    return rc;
}
