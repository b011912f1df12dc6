/* SPDX-License-Identifier: Apache-2.0 */
/* serve: a store that is open for an agent, see desk.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "base/wait.h"
#include "model/columns.h"
#include "model/field_export.h"
#include "serve/desk_parts.h"
#include "serve/veil.h"

static const char *const names[FT__TABLES] = {"flow", "window", "alert"};

/* ---- queries ---- */

/* What a query said of slices stands beside what those before did; err says what to do. */
static int said(struct ft_desk *d, struct ft_store_result *r, int rc, struct ft_err *err)
{
    r->slices_bad = r->slices_bad > d->said.slices_bad ? r->slices_bad : d->said.slices_bad;
    r->slices_gone = r->slices_gone > d->said.slices_gone ? r->slices_gone : d->said.slices_gone;
    if (r->bad[0] == '\0') {
        memcpy(r->bad, d->said.bad, sizeof r->bad);
    }
    d->said = *r;
    if (rc == FT_E_RANGE) {
        return ft_err_set(err, rc,
                          "it takes longer than %d s, or too much memory: ask for a "
                          "shorter window, or a filter on dst_port or an address",
                          FT__DESK_TIMEOUT_MS / 1000);
    }
    return rc;
}

static struct ft_store_limits limits_of(const struct ft_desk *d, uint64_t rows)
{
    int64_t left = d->until_ms - ft_mono_ms();

    return (struct ft_store_limits){
        .rows = rows, .timeout_ms = left > 0 ? left : 1, .stop = d->stop, .cookie = d->cookie};
}

int ft__desk_query(struct ft_desk *d, const char *sql, uint64_t rows,
                   const struct ft_store_take *take, bool *out_cut, struct ft_err *err)
{
    struct ft_store_limits limits = limits_of(d, rows);
    struct ft_store_result r = {0};
    int rc = ft_store_query(d->store, sql, &limits, take, &r, err);

    if (out_cut != NULL) {
        *out_cut = r.cut;
    }
    return said(d, &r, rc, err);
}

int ft__desk_similar(struct ft_desk *d, const struct ft_store_similar *ask,
                     const struct ft_store_take *take, struct ft_store_origin *out_origin,
                     struct ft_err *err)
{
    struct ft_store_limits limits = limits_of(d, 0);
    struct ft_store_result r = {0};
    int rc = ft_store_similar(d->store, ask, &limits, take, out_origin, &r, err);

    return said(d, &r, rc, err);
}

struct numbers {
    double *out;
    uint32_t n;
    bool taken;
};

static int no_columns(void *cookie, const struct ft_store_heading *h, uint32_t n)
{
    (void)cookie;
    (void)h;
    (void)n;
    return 0;
}

static int take_numbers(void *cookie, const struct ft_store_cell *cells, uint32_t n)
{
    struct numbers *to = cookie;

    for (uint32_t i = 0; i < n && i < to->n; i++) {
        bool number = cells[i].kind == FT_STORE_INTEGER || cells[i].kind == FT_STORE_REAL;

        to->out[i] = number ? cells[i].f : (double)NAN;
    }
    return 0;
}

int ft__desk_numbers(struct ft_desk *d, const char *sql, uint32_t n, double *out,
                     struct ft_err *err)
{
    struct numbers to = {out, n, false};
    struct ft_store_take take = {no_columns, take_numbers, &to};

    int rc = FT_E_CORRUPT;

    for (int i = 0; i < FT__DESK_TRIES && rc == FT_E_CORRUPT; i++) {
        for (uint32_t k = 0; k < n; k++) {
            out[k] = (double)NAN;
        }
        rc = ft__desk_query(d, sql, 1, &take, NULL, err);
    }
    return rc;
}

/* ---- columns ---- */

/* Is a column of the store the one of a row? Names that differ in case only have _2 behind them. */
static bool is_called(const char *name, const char *field)
{
    size_t len = strlen(field);

    return strcasecmp(name, field) == 0 ||
           (strncasecmp(name, field, len) == 0 && strcmp(name + len, "_2") == 0);
}

/* What a row says of a column. Where several rows that have its name are of different classes,
 * nobody knows which one wrote it. */
static void describe(struct ft__desk_column *c, const struct ft_field *f)
{
    if (!is_called(c->name, ft_field_flat_name(f))) {
        return;
    }
    if (c->field == NULL) {
        c->field = f;
        c->privacy = f->privacy;
    } else if (c->privacy != f->privacy) {
        c->privacy = FT_PRIVACY_PAYLOAD;
    }
}

static void describe_exported(struct ft__desk_column *c)
{
    uint32_t n;
    const struct ft_field *rows = ft_fields_export(FT_EVENT_FLOW, &n);

    for (uint32_t i = 0; i < n; i++) {
        describe(c, &rows[i]);
    }
}

/* exported: the records are those of collect; the words of their rows come first then. */
static void describe_flow(struct ft__desk_column *c, bool exported)
{
    if (exported) {
        describe_exported(c);
    }
    for (uint32_t k = 0; ft_column_sets[k] != NULL; k++) {
        for (uint32_t i = 0; i < ft_column_sets[k]->n; i++) {
            describe(c, &ft_column_sets[k]->rows[i]);
        }
    }
    describe_exported(c);
}

static void describe_event(struct ft__desk_column *c, enum ft_event e)
{
    uint32_t n;
    const struct ft_field *rows = ft_fields(e, &n);

    for (uint32_t i = 0; i < n; i++) {
        describe(c, &rows[i]);
    }
    rows = ft_fields_window_vector(&n);
    for (uint32_t i = 0; i < n && e == FT_EVENT_WINDOW; i++) {
        describe(c, &rows[i]);
    }
}

/* Can a name stand in SQL and JSON, in quotes? A store's files may say any. */
static bool is_plain(const char *name)
{
    size_t n = 0;

    for (; name[n] != '\0'; n++) {
        if (name[n] < ' ' || name[n] > '~' || name[n] == '"' || name[n] == '\\') {
            return false;
        }
    }
    return n > 0 && n < FT__DESK_NAME;
}

struct columns {
    struct ft__desk_columns *to;
    enum ft__desk_table table;
    bool failed; /* no memory */
};

static int take_columns(void *cookie, const struct ft_store_heading *h, uint32_t n)
{
    struct columns *c = cookie;
    bool exported = false;

    c->to->column = ft_mem_alloc(n + 1, sizeof *c->to->column);
    if (c->to->column == NULL) {
        c->failed = true;
        return 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        exported |= strcmp(h[i].name, "estimated_bytes") == 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct ft__desk_column *to = &c->to->column[c->to->n];

        if (!is_plain(h[i].name)) {
            continue;
        }
        snprintf(to->name, sizeof to->name, "%s", h[i].name);
        to->form = (uint8_t)h[i].form;
        if (c->table == FT__FLOW) {
            describe_flow(to, exported);
        } else {
            describe_event(to, c->table == FT__ALERT ? FT_EVENT_ALERT : FT_EVENT_WINDOW);
        }
        c->to->n++;
    }
    return 0;
}

static int take_nothing(void *cookie, const struct ft_store_cell *cells, uint32_t n)
{
    (void)cookie;
    (void)cells;
    (void)n;
    return 0;
}

/* The newest time that is none of the future: a clock that is wrong moves nobody's window. */
static int read_newest(struct ft_desk *d, enum ft__desk_table t, struct ft_err *err)
{
    char sql[120];
    int rc;

    if (!(d->table[t].max_s > d->now)) {
        return FT_OK;
    }
    snprintf(sql, sizeof sql, "SELECT max(timestamp) FROM %s WHERE timestamp <= %.6f", names[t],
             d->now);
    rc = ft__desk_numbers(d, sql, 1, &d->table[t].max_s, err);
    if (isnan(d->table[t].max_s)) {
        d->table[t].max_s = d->now;
    }
    d->of_future = true;
    return rc;
}

static int read_table(struct ft_desk *d, enum ft__desk_table t, struct ft_err *err)
{
    char sql[320];
    double v[3];
    struct columns c = {&d->table[t], t, false};
    struct ft_store_take take = {take_columns, take_nothing, &c};

    snprintf(
        sql, sizeof sql,
        "SELECT sum(rows), max(min(min_timestamp) FILTER (WHERE min_timestamp <= max_timestamp), "
        "-4e11), min(max(max_timestamp) FILTER (WHERE min_timestamp <= max_timestamp), 4e11) "
        "FROM slices WHERE \"table\" = '%s'", /* times of which two can be added */
        names[t]);
    int rc = ft__desk_numbers(d, sql, 3, v, err);

    d->table[t].rows = v[0] > 0 ? (uint64_t)v[0] : 0;
    d->table[t].min_s = v[1];
    d->table[t].max_s = v[2];
    if (rc == FT_OK && d->table[t].rows > 0) {
        snprintf(sql, sizeof sql, "SELECT * FROM %s LIMIT 0", names[t]);
        rc = ft__desk_query(d, sql, 0, &take, NULL, err);
        rc = rc == FT_OK ? read_newest(d, t, err) : rc;
    }
    return rc == FT_E_INTERRUPTED && c.failed ? ft_err_set(err, FT_E_NOMEM, "out of memory") : rc;
}

const struct ft__desk_column *ft__desk_find(const struct ft_desk *d, enum ft__desk_table t,
                                            const char *name)
{
    for (uint32_t i = 0; i < d->table[t].n; i++) {
        if (strcmp(d->table[t].column[i].name, name) == 0) {
            return &d->table[t].column[i];
        }
    }
    return NULL;
}

/* ---- opening ---- */

static void forget_store(struct ft_desk *d)
{
    for (int t = 0; t < FT__TABLES; t++) {
        ft_mem_free(d->table[t].column);
        d->table[t] = (struct ft__desk_columns){0};
    }
    ft_store_close(d->store);
    d->store = NULL;
    d->opened = d->of_future = false;
}

/* What there is: from when, up to when. Flow records come when flows end, alerts before: both
 * count. Windows are of a time beyond the newest record: only where there are no flow records. */
static void read_times(struct ft_desk *d)
{
    const struct ft__desk_columns *alerts = &d->table[FT__ALERT];
    const struct ft__desk_columns *t =
        &d->table[d->table[FT__FLOW].rows > 0 ? FT__FLOW : FT__WINDOW];

    d->first_s = t->rows > 0 ? t->min_s : (double)NAN;
    d->last_s = t->rows > 0 ? t->max_s : (double)NAN;
    if (alerts->rows > 0) {
        d->first_s = fmin(d->first_s, alerts->min_s);
        d->last_s = fmax(d->last_s, alerts->max_s);
    }
}

/* What the newest account of the pipeline says beside d->said. */
static int read_account(struct ft_desk *d, struct ft_err *err)
{
    double v[3];
    int rc = ft__desk_numbers(d,
                              "SELECT facts ->> 'where_left_out', facts ->> '$.collect.lost', "
                              "facts ->> 'alerts_no_room' FROM account ORDER BY id DESC LIMIT 1",
                              3, v, err);

    d->left_out = v[0];
    d->exports_lost = v[1];
    d->alerts_unseen = v[2];
    return rc;
}

/* The number of the newest slice: they only grow. 0: there is none. */
static int read_last_slice(struct ft_desk *d, uint64_t *out, struct ft_err *err)
{
    double id;
    int rc = ft__desk_numbers(d, "SELECT max(id) FROM slices", 1, &id, err);

    *out = id > 0 ? (uint64_t)id : 0; /* not NAN */
    return rc;
}

static int open_store(struct ft_desk *d, struct ft_err *err)
{
    static const char gone[] =
        "the store is not in the folder that was opened: start this flowtap anew";
    int rc = ft_store_open(d->folder, &d->store, err);

    rc = rc == FT_OK ? read_last_slice(d, &d->last_slice, err) : rc;
    for (int t = 0; t < FT__TABLES && rc == FT_OK; t++) {
        rc = read_table(d, (enum ft__desk_table)t, err);
    }
    read_times(d);
    rc = rc == FT_OK ? read_account(d, err) : rc;
    if (rc != FT_OK) {
        forget_store(d);
        return rc == FT_E_IO && d->lost ? ft_err_set(err, rc, "%s", gone) : rc;
    }
    d->newest_s = d->said.newest_s;
    d->opened = true;
    d->lost = false;
    return FT_OK;
}

static void begin(struct ft_desk *d)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    d->now = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    d->until_ms = ft_mono_ms() + FT__DESK_TIMEOUT_MS;
    d->said = (struct ft_store_result){0};
}

int ft__desk_begin(struct ft_desk *d, struct ft_err *err)
{
    uint64_t last;

    begin(d);
    if (d->opened && !ft_store_is_there(d->store)) {
        forget_store(d);
        d->lost = true;
    }
    if (d->opened) {
        int rc = read_last_slice(d, &last, err);

        if (rc != FT_OK || last == d->last_slice) {
            return rc;
        }
        forget_store(d); /* columns that are new are seen by a new connection */
    }
    return open_store(d, err);
}

int ft_desk_open(const struct ft_desk_config *config, struct ft_desk **out, struct ft_err *err)
{
    struct ft_desk *d;
    int rc;

    if (config->privacy < 0 || config->privacy >= FT_PRIVACY_LEVELS) {
        return ft_err_set(err, FT_E_USAGE, "privacy %d: allowed are 0 to %d", config->privacy,
                          FT_PRIVACY_LEVELS - 1);
    }
    d = ft_mem_alloc(1, sizeof *d);
    if (d == NULL || (d->folder = ft_mem_strdup(config->folder)) == NULL) {
        ft_mem_free(d);
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", config->folder);
    }
    d->privacy = config->privacy;
    d->stop = config->stop;
    d->cookie = config->cookie;
    rc = ft__desk_begin(d, err);
    if (rc == FT_OK && d->privacy >= FT_PRIVACY_MAPPED) {
        rc = ft_veil_open(d->folder, &d->veil, err);
    }
    if (rc != FT_OK) {
        ft_desk_close(d);
        return rc;
    }
    *out = d;
    return FT_OK;
}

void ft_desk_close(struct ft_desk *d)
{
    if (d == NULL) {
        return;
    }
    forget_store(d);
    ft_veil_close(d->veil);
    ft_mem_free(d->folder);
    ft_mem_free(d);
}

int ft__desk_done(const struct ft_text *out, struct ft_err *err)
{
    return out->failed ? ft_err_set(err, FT_E_NOMEM, "out of memory") : FT_OK;
}

/* ---- arguments ---- */

const char *ft__arg_text(const cJSON *args, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, name));
}

double ft__arg_number(const cJSON *args, const char *name, double fallback)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(args, name);

    return cJSON_IsNumber(v) ? v->valuedouble : fallback;
}
