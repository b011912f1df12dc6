/* SPDX-License-Identifier: Apache-2.0 */
/* format: a matrix of float32 in NumPy's .npy form (version 1.0), a row for each event: its
 * numbers, in the order of the columns; a vector's are a column each; of afterimage, whose numbers
 * are all float64, of those. Null is NaN. Text, lists, objects and points in time are no numbers of
 * a model and have no place; the names of the columns stand in a file beside it, FILE.json.
 *
 *     magic, version, length | text: <f4, shape (ROWS, COLUMNS) | rows
 *
 * How many rows there are is known at the end, and then written over the place that the header has
 * for it. float32 holds whole numbers up to 2^24 exactly; that a column had larger ones is said. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "flowtap/version.h"
#include "format/columnar.h"
#include "format/format.h"
#include "format/row.h"

extern const struct ft_format_ops ft_format_npy;

enum { HEADER_LEN = 128, PREFIX_LEN = 10, NAME_ROOM = 72, SIDECAR_ROOM = 512, SLACK = 64 };

static const double exact_most = 16777216; /* 2^24 */

struct npy {
    struct ft_format format;
    struct ft_columns columns;
    uint32_t n_numbers;                  /* of a row */
    uint32_t width;                      /* bytes of a number: 4 or 8 */
    _Atomic bool beyond[FT_COLUMNS_MAX]; /* the column had whole numbers above 2^24 */
    char *sidecar;                       /* owned */
};

static const struct npy *self(const struct ft_format *f)
{
    return (const struct npy *)f;
}

/* ---- rows ---- */

static bool is_whole(uint8_t type)
{
    return type >= FT_T_U8 && type <= FT_T_I64;
}

/* Its numbers, or as many NaN. */
static uint8_t *put_vector(uint8_t *p, const struct ft_column *c, const void *const *parts)
{
    static const float none = NAN;
    struct ft_value v;

    ft_column_get(c, parts, &v);
    for (uint32_t i = 0; i < c->field->most; i++, p += sizeof none) {
        memcpy(p, v.null ? &none : &((const float *)v.items)[i], sizeof none);
    }
    return p;
}

static double number(const struct npy *npy, uint32_t i, const void *const *parts)
{
    const struct ft_column *c = &npy->columns.col[i];
    struct ft_value v;
    double d;

    ft_column_get(c, parts, &v);
    if (v.null) {
        return NAN;
    }
    d = c->field->type == FT_T_F64 ? v.f : c->field->type == FT_T_I64 ? (double)v.i : (double)v.u;
    if (FT_UNLIKELY(fabs(d) > exact_most) && is_whole(c->field->type)) {
        /* the one thing of an instance that changes: it is only ever set */
        atomic_store_explicit((_Atomic bool *)(uintptr_t)&npy->beyond[i], true,
                              memory_order_relaxed);
    }
    return d;
}

static size_t put_row(const struct ft_format *f, uint8_t *p, const void *const *parts)
{
    const struct npy *npy = self(f);

    for (uint32_t i = 0; i < npy->columns.n; i++) {
        if (npy->columns.col[i].field->type == FT_T_VECTOR) {
            p = put_vector(p, &npy->columns.col[i], parts);
            continue;
        }
        double v = number(npy, i, parts);
        float rounded = (float)v;

        memcpy(p, npy->width == sizeof v ? (void *)&v : (void *)&rounded, npy->width);
        p += npy->width;
    }
    return (size_t)npy->n_numbers * npy->width;
}

/* Rows are what is in the file. */
static size_t npy_seal(const struct ft_format *f, enum ft_event e, const uint8_t *rows, uint32_t n,
                       const struct ft_loss *lost, uint8_t *out)
{
    size_t len = (size_t)n * self(f)->n_numbers * self(f)->width;

    (void)e;
    (void)lost;
    memcpy(out, rows, len);
    return len;
}

/* ---- files ---- */

static size_t put_header(const struct npy *npy, uint64_t rows, uint8_t *p)
{
    char text[HEADER_LEN];
    uint16_t len = HEADER_LEN - PREFIX_LEN;
    int n = snprintf(text, sizeof text,
                     "{'descr': '<f%u', 'fortran_order': False, 'shape': (%llu, %u), }", npy->width,
                     (unsigned long long)rows, npy->n_numbers);

    memcpy(p, "\x93NUMPY\x01", 7);
    p[7] = 0;
    memcpy(p + 8, &len, sizeof len);
    memset(p + PREFIX_LEN, ' ', len);
    memcpy(p + PREFIX_LEN, text, (size_t)n);
    p[HEADER_LEN - 1] = '\n';
    return HEADER_LEN;
}

static size_t npy_header(const struct ft_format *f, uint8_t *p)
{
    return put_header(self(f), 0, p);
}

/* Which columns had numbers that float32 rounds. */
static void say_beyond(const struct npy *npy, struct ft_trailer *t)
{
    size_t at = 0;

    for (uint32_t i = 0; i < npy->columns.n; i++) {
        if (atomic_load_explicit(&npy->beyond[i], memory_order_relaxed) && at < sizeof t->note) {
            at += (size_t)snprintf(t->note + at, sizeof t->note - at, "%s%s",
                                   at > 0 ? ", " : "whole numbers above 2^24, rounded: ",
                                   npy->columns.col[i].field->name);
        }
    }
}

static size_t npy_trailer(const struct ft_format *f, struct ft_trailer *t, uint8_t *out,
                          size_t room)
{
    const struct npy *npy = self(f);

    (void)room;
    if (t->state++ > 0) {
        return 0;
    }
    t->over = true;
    say_beyond(npy, t);
    return put_header(npy, (t->size - HEADER_LEN) / ((size_t)npy->n_numbers * npy->width), out);
}

static const char *npy_sidecar(const struct ft_format *f)
{
    return self(f)->sidecar;
}

/* ---- life ---- */

static void npy_end(struct ft_format *f)
{
    struct npy *npy = (struct npy *)f;

    if (npy != NULL) {
        ft_mem_free(npy->sidecar);
        ft_mem_free(npy);
    }
}

/* What every row says alike is none that a model could learn from, unless it was asked for. */
static void keep_numbers(struct ft_columns *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        uint8_t type = c->col[i].field->type;

        if ((type <= FT_T_F64 || type == FT_T_VECTOR) && (c->flat || c->col[i].fixed == NULL)) {
            c->col[n++] = c->col[i];
        }
    }
    c->n = n;
}

static size_t put_names(const struct ft_field *f, bool first, char *to, size_t room)
{
    size_t at = 0;

    if (f->type != FT_T_VECTOR) {
        return (size_t)snprintf(to, room, "%s\"%s\"", first ? "" : ",", f->name);
    }
    for (uint32_t k = 0; k < f->most && at < room; k++) {
        at += (size_t)snprintf(to + at, room - at, "%s\"%s_%u\"", first && k == 0 ? "" : ",",
                               f->name, k);
    }
    return at;
}

static uint32_t count_numbers(const struct ft_columns *c)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++) {
        n += c->col[i].field->type == FT_T_VECTOR ? c->col[i].field->most : 1;
    }
    return n;
}

static int make_sidecar(struct npy *npy, enum ft_event e, bool aligned)
{
    size_t room = SIDECAR_ROOM + (size_t)npy->n_numbers * NAME_ROOM, at;

    npy->sidecar = ft_mem_alloc(1, room);
    if (npy->sidecar == NULL) {
        return FT_E_NOMEM;
    }
    char profiles[FT__PROFILES_TEXT] = "";

    ft__columnar_profiles(&npy->columns, profiles);
    at = (size_t)snprintf(npy->sidecar, room,
                          "{\"event\":\"%s\",\"schema\":\"%s\",\"profile\":\"%s\",\"variant\":"
                          "\"%s\",\"version\":\"%s\",\"columns\":[",
                          ft_event_type(e), ft_schema_version(), profiles,
                          aligned ? "aligned" : "own", ft_version());
    for (uint32_t i = 0; i < npy->columns.n && at < room; i++) {
        at += put_names(npy->columns.col[i].field, i == 0, npy->sidecar + at, room - at);
    }
    if (at + 4 > room) {
        return FT_E_RANGE;
    }
    memcpy(npy->sidecar + at, "]}\n", 4);
    return FT_OK;
}

static int npy_open(const struct ft_format_config *cfg, struct ft_format **out, struct ft_err *err)
{
    struct npy *npy = ft_mem_alloc(1, sizeof *npy);
    enum ft_event e = ft__columnar_event(cfg);

    if (npy == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "the columns of an output: out of memory");
    }
    npy->format.ops = &ft_format_npy;
    ft__columnar_columns(cfg, e, &npy->columns);
    keep_numbers(&npy->columns);
    npy->n_numbers = count_numbers(&npy->columns);
    int rc = npy->columns.n > 0 ? make_sidecar(npy, e, cfg->aligned)
                                : ft_err_set(err, FT_E_USAGE, "columns=: none of them is a number");

    if (rc != FT_OK) {
        npy_end(&npy->format);
        return rc == FT_E_USAGE ? rc : ft_err_set(err, rc, "%s", ft_strerror(rc));
    }
    npy->format.needs_file = true;
    npy->width = e == FT_EVENT_AFTERIMAGE ? sizeof(double) : sizeof(float);
    npy->format.flow_max = (size_t)npy->n_numbers * npy->width + SLACK;
    *out = &npy->format;
    return FT_OK;
}

const struct ft_format_ops ft_format_npy = {
    .name = "npy",
    .help = "a float32 matrix for NumPy, its columns' names in FILE.json; one kind of event "
            "(?event=), flow records without --events",
    .suffix = ".npy",
    .events = FT_FORMAT_EVENTS,
    .single_event = true,
    .prefers_flows = true,
    .open = npy_open,
    .end = npy_end,
    .header = npy_header,
    .row = put_row,
    .sample = ft__row_sample,
    .flow = ft__row_flow,
    .stats = ft__row_stats,
    .export_flow = ft__row_export_flow,
    .export_event = ft__row_export_event,
    .seal = npy_seal,
    .trailer = npy_trailer,
    .sidecar = npy_sidecar,
};
