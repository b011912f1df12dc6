/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool changes: what is new since a handle, and a new handle.
 *
 * A handle holds where the store was: nothing is kept of who asks. */
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "serve/alerts.h"
#include "serve/cursor.h"
#include "serve/sums.h"

enum { ALERTS = 10, NEW = 5, DAY_S = 86400, MINUTE_US = 60000000 };

/* What is new is what was written since, in whatever order of time it came: flow records come up to
 * minutes late, and of several workers as they please. Slices have numbers that only grow. */
enum field { WRITTEN_S, SLICE, RECEIVED, KERNEL, QUEUE, LOST, FIELDS };

/* The rows of a table in slices that are new. */
struct fresh {
    struct ft__span span;       /* of their times */
    int64_t first_row, end_row; /* their rowids: those from, and those that are too new */
    bool any;
};

/* ---- handles ---- */

static void now_is(const struct ft_desk *d, uint64_t out[FIELDS])
{
    out[WRITTEN_S] = (uint64_t)d->newest_s;
    out[SLICE] = d->last_slice;
    out[RECEIVED] = d->said.received;
    out[KERNEL] = d->said.kernel_dropped;
    out[QUEUE] = d->said.queue_dropped;
    out[LOST] = d->said.events_lost;
}

static int read_handle(const char *text, const uint64_t now[FIELDS], uint64_t out[FIELDS],
                       struct ft_err *err)
{
    if (!ft__numbers_read(text, 'h', out, FIELDS)) {
        return ft_err_set(err, FT_E_USAGE, "since: it is no handle: call without it for one");
    }
    if (out[WRITTEN_S] > now[WRITTEN_S] || out[SLICE] > now[SLICE]) {
        return ft_err_set(err, FT_E_USAGE,
                          "since: this handle is of another store: call without it for a new one");
    }
    return FT_OK;
}

/* Which rows of a table are new. */
static int read_fresh(struct ft_desk *d, const char *table, const uint64_t then[FIELDS],
                      const uint64_t now[FIELDS], struct fresh *out, struct ft_err *err)
{
    struct ft_text sql = {0};
    double v[2];

    ft_text_format(&sql,
                   "SELECT min(min_timestamp), max(max_timestamp) FROM slices WHERE \"table\" = "
                   "'%s' AND id > %llu AND id <= %llu",
                   table, (unsigned long long)then[SLICE], (unsigned long long)now[SLICE]);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__desk_numbers(d, sql.p, 2, v, err) : rc;
    ft_text_fini(&sql);
    *out = (struct fresh){.first_row = (int64_t)(then[SLICE] + 1) << FT__DESK_ROW_BITS,
                          .end_row = (int64_t)(now[SLICE] + 1) << FT__DESK_ROW_BITS};
    out->any = rc == FT_OK && v[0] <= v[1]; /* not NAN */
    if (out->any) {
        out->span = (struct ft__span){llround(v[0] * 1e6), llround(v[1] * 1e6) + 1};
    }
    return rc;
}

static void put_fresh(const struct fresh *f, struct ft_text *sql)
{
    ft__span_sql(&f->span, sql);
    ft_text_format(sql, " AND rowid >= %lld AND rowid < %lld", (long long)f->first_row,
                   (long long)f->end_row);
}

/* ---- what was received and lost meanwhile ---- */

static void put_counters(const uint64_t then[FIELDS], const uint64_t now[FIELDS],
                         struct ft_text *out)
{
    static const char *const names[] = {"received", "kernel_dropped", "queue_dropped",
                                        "events_lost"};
    const char *sep = "";
    bool anew = false;

    for (int i = RECEIVED; i < FIELDS; i++) {
        anew |= now[i] < then[i];
    }
    if (anew) { /* another run: its counters are its own */
        ft_text_put(out, ",\"counters\":null,\"restarted\":true");
        return;
    }
    ft_text_put(out, ",\"counters\":{");
    for (int i = RECEIVED; i < FIELDS; i++) {
        ft_text_format(out, "%s\"%s\":%llu", sep, names[i - RECEIVED],
                       (unsigned long long)(now[i] - then[i]));
        sep = ",";
    }
    ft_text_put(out, "},\"restarted\":false");
}

/* ---- alerts ---- */

static int list_alerts(struct ft_desk *d, const struct fresh *f, double all, struct ft_text *out,
                       struct ft_err *err)
{
    double end_s = floor(d->last_s) + 1;
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__alerts_columns(d, &g, &sql);
    put_fresh(f, &sql);
    ft_text_format(&sql, " ORDER BY timestamp DESC, rowid DESC LIMIT %d", ALERTS);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__grid_query(d, &g, sql.p, ALERTS, err) : rc;
    if (rc == FT_OK) {
        ft_text_put(out, ",\"ago_from\":");
        ft__desk_put_time(out, end_s);
        ft_text_put(out, ",");
        size_t shown = ft__alerts_put(d, &g, end_s, FT__DESK_DEFAULT / 2, out);

        ft_text_format(out, ",\"truncated\":%s", (double)shown < all ? "true" : "false");
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

static int put_alerts(struct ft_desk *d, const struct fresh *f, struct ft_text *out,
                      struct ft_err *err)
{
    struct ft_text sql = {0};
    double all = 0;
    int rc = FT_OK;

    if (f->any) {
        ft_text_put(&sql, "SELECT count(*) FROM alert WHERE ");
        put_fresh(f, &sql);
        rc = ft__desk_done(&sql, err);
        rc = rc == FT_OK ? ft__desk_numbers(d, sql.p, 1, &all, err) : rc;
        ft_text_fini(&sql);
    }
    ft_text_put(out, ",\"new_alerts\":");
    ft__desk_put_count(out, all);
    return rc == FT_OK && all > 0 && d->privacy < FT_PRIVACY_AGGREGATES
               ? list_alerts(d, f, all, out, err)
               : rc;
}

/* ---- traffic ---- */

/* Those that were there before: in the minutes of a day, and in records since. */
static void put_known(const struct fresh *f, const char *columns, const char *kind,
                      const char *there, struct ft_text *sql)
{
    struct ft__span rest = f->span, day;

    rest.from_us = ft_time_floor(rest.from_us, MINUTE_US) * MINUTE_US;
    day = (struct ft__span){rest.from_us - (int64_t)DAY_S * 1000000, rest.from_us};
    ft_text_format(sql,
                   " AND %s AND (%s) NOT IN (SELECT %s FROM top_minute WHERE kind = '%s' AND "
                   "is_other = 0 AND ",
                   there, columns, columns, kind);
    ft__span_sql(&day, sql);
    ft_text_format(sql, " UNION SELECT %s FROM flow WHERE %s AND ", columns, there);
    ft__span_sql(&rest, sql);
    ft_text_format(sql, " AND rowid < %lld)", (long long)f->first_row);
}

/* Who has most since then of those that were not there before. */
static int put_new(struct ft_desk *d, const struct fresh *f, bool hosts, struct ft_text *out,
                   struct ft_err *err)
{
    const char *there =
        hosts ? "src_ip IS NOT NULL" : "dst_port IS NOT NULL AND protocol IS NOT NULL";
    const char *columns = hosts ? "src_ip" : "dst_port, protocol";
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__grid_column(&g, hosts ? "src_ip" : "dst_port", hosts ? FT_VEILED_ADDRESS : FT_VEILED_PLAIN);
    if (!hosts) {
        ft__grid_column(&g, "protocol", FT_VEILED_PLAIN);
    }
    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "packets", FT__GRID_COUNT);
    ft__grid_column(&g, "flows", FT__GRID_COUNT);
    ft_text_format(&sql, "SELECT %s, ", columns);
    ft__sums_columns(d, &sql);
    ft_text_put(&sql, " FROM flow WHERE ");
    put_fresh(f, &sql);
    put_known(f, columns, hosts ? "src" : "port", there, &sql);
    ft_text_format(&sql, " GROUP BY %s ORDER BY %d DESC", columns, hosts ? 2 : 3);
    if (hosts) {
        ft_veil_order(d, columns, NULL, &sql);
    }
    ft_text_format(&sql, " LIMIT %d", NEW);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__grid_query(d, &g, sql.p, NEW, err) : rc;
    ft_text_format(out, ",\"new_%s\":", hosts ? "sources" : "services");
    if (rc == FT_E_RANGE) { /* it would take too long: unknown */
        ft_text_put(out, "null");
        rc = FT_OK;
    } else {
        ft_text_put(out, "{");
        ft__grid_put(d, &g, (double)f->span.to_us / 1e6, FT__DESK_MOST, out);
        ft_text_put(out, "}");
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

static bool has_hosts(const struct ft_desk *d)
{
    static const char *const names[] = {"src_ip", "dst_port", "protocol"};
    bool all = d->privacy < FT_PRIVACY_AGGREGATES && ft__sums_minutes_there(d);

    for (int i = 0; i < 3; i++) {
        all &= ft__desk_find(d, FT__FLOW, names[i]) != NULL;
    }
    return all;
}

/* The sums, unless they are of too few, or would take too long. */
static int sum_fresh(struct ft_desk *d, const struct fresh *f, struct ft__sums *out,
                     bool *out_known, struct ft_err *err)
{
    struct ft_text where = {0};

    *out_known = d->table[FT__FLOW].rows > 0 && ft__sums_minutes_there(d);
    if (!f->any || !*out_known) {
        return FT_OK;
    }
    put_fresh(f, &where);
    int rc = ft__desk_done(&where, err);

    rc = rc == FT_OK ? ft__sums_flows(d, where.p, out, err) : rc;
    rc = rc == FT_OK ? ft__sums_enough(d, where.p, out_known, err) : rc;
    ft_text_fini(&where);
    *out_known &= rc == FT_OK;
    return rc == FT_E_RANGE ? FT_OK : rc;
}

static int put_traffic(struct ft_desk *d, const struct fresh *f, struct ft_text *out,
                       struct ft_err *err)
{
    struct ft__sums sums = {0};
    bool known;
    int rc = sum_fresh(d, f, &sums, &known, err);

    if (rc != FT_OK) {
        return rc;
    }
    if (!known) { /* overview says it of minutes */
        ft_text_put(out, ",\"traffic\":null");
        return FT_OK;
    }
    ft_text_put(out, ",\"traffic\":");
    ft__sums_put(&sums, out);
    ft_text_put(out, "}");
    if (!f->any || !has_hosts(d)) {
        return FT_OK;
    }
    rc = put_new(d, f, true, out, err);
    return rc == FT_OK ? put_new(d, f, false, out, err) : rc;
}

/* ---- all of it ---- */

static int put_changes(struct ft_desk *d, const uint64_t then[FIELDS], const uint64_t now[FIELDS],
                       struct ft_text *out, struct ft_err *err)
{
    struct fresh alerts, flows;
    bool changed = memcmp(then, now, FIELDS * sizeof then[0]) != 0;
    int rc;

    ft_text_format(out, ",\"changed\":%s,\"since\":", changed ? "true" : "false");
    ft__desk_put_time(out, (double)then[WRITTEN_S]);
    if (!changed) {
        return FT_OK;
    }
    put_counters(then, now, out);
    rc = read_fresh(d, "alert", then, now, &alerts, err);
    rc = rc == FT_OK ? read_fresh(d, "flow", then, now, &flows, err) : rc;
    rc = rc == FT_OK ? put_alerts(d, &alerts, out, err) : rc;
    return rc == FT_OK ? put_traffic(d, &flows, out, err) : rc;
}

int ft__tool_changes(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    const char *since = ft__arg_text(args, "since");
    uint64_t then[FIELDS], now[FIELDS];
    char handle[FT__CURSOR];
    int rc = ft__desk_begin(d, err);

    now_is(d, now);
    rc = rc == FT_OK && since != NULL ? read_handle(since, now, then, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    ft__numbers_put('h', now, FIELDS, handle);
    ft_text_format(out, "{\"handle\":\"%s\"", handle);
    if (since == NULL) {
        ft_text_put(out, ",\"since\":null");
    } else if (rc == FT_OK) {
        rc = put_changes(d, then, now, out, err);
    }
    rc = rc == FT_OK ? ft__desk_said(d, NULL, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
