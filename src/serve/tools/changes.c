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

static const uint64_t SECONDS_MOST = (uint64_t)1 << 40;

/* Times are whole seconds; of alerts also how many there were from that second on. The newest
 * record is as fine as times are shown, and the first one behind it. */
enum field { WRITTEN_S, RECORD_US, ALERT_S, ALERTS_SEEN, RECEIVED, KERNEL, QUEUE, LOST, FIELDS };

static uint64_t second(double s)
{
    return s > 0 ? (uint64_t)s : 0; /* not NAN */
}

static int count_alerts(struct ft_desk *d, uint64_t from_s, double *out, struct ft_err *err)
{
    struct ft_text sql = {0};

    *out = 0;
    if (d->table[FT__ALERT].rows == 0) {
        return FT_OK;
    }
    ft_text_format(&sql, "SELECT count(*) FROM alert WHERE timestamp >= %llu",
                   (unsigned long long)from_s);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__desk_numbers(d, sql.p, 1, out, err) : rc;
    ft_text_fini(&sql);
    return rc;
}

static int now_is(struct ft_desk *d, uint64_t out[FIELDS], struct ft_err *err)
{
    double seen, last_s = d->table[FT__FLOW].rows > 0 ? d->table[FT__FLOW].max_s : 0;

    out[WRITTEN_S] = (uint64_t)d->newest_s;
    out[RECORD_US] = d->privacy >= FT_PRIVACY_MAPPED ? (second(last_s) + 1) * 1000000
                     : last_s > 0                    ? (uint64_t)llround(last_s * 1e6) + 1
                                                     : 0;
    out[ALERT_S] = d->table[FT__ALERT].rows > 0 ? second(d->table[FT__ALERT].max_s) : 0;
    out[RECEIVED] = d->said.received;
    out[KERNEL] = d->said.kernel_dropped;
    out[QUEUE] = d->said.queue_dropped;
    out[LOST] = d->said.events_lost;
    int rc = count_alerts(d, out[ALERT_S], &seen, err);

    out[ALERTS_SEEN] = second(seen);
    return rc;
}

static int read_handle(const struct ft_desk *d, const char *text, uint64_t out[FIELDS],
                       struct ft_err *err)
{
    if (!ft__numbers_read(text, 'h', out, FIELDS) || out[WRITTEN_S] > SECONDS_MOST ||
        out[RECORD_US] > SECONDS_MOST * 1000000 || out[ALERT_S] > SECONDS_MOST) {
        return ft_err_set(err, FT_E_USAGE, "since: it is no handle: call without it for one");
    }
    if ((int64_t)out[WRITTEN_S] > d->newest_s) {
        return ft_err_set(err, FT_E_USAGE,
                          "since: this handle is of another store: call without it for a new one");
    }
    return FT_OK;
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

/* How many there are that the handle did not see; they come in the order of their times. */
static int count_new(struct ft_desk *d, const uint64_t then[FIELDS], uint64_t *out,
                     struct ft_err *err)
{
    double all;
    int rc = count_alerts(d, then[ALERT_S], &all, err);

    *out = rc == FT_OK && all > (double)then[ALERTS_SEEN] ? (uint64_t)all - then[ALERTS_SEEN] : 0;
    return rc;
}

static int put_alerts(struct ft_desk *d, const uint64_t then[FIELDS], struct ft_text *out,
                      struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};
    uint64_t fresh;
    int rc = count_new(d, then, &fresh, err);

    ft_text_format(out, ",\"new_alerts\":%llu", (unsigned long long)fresh);
    if (rc != FT_OK || fresh == 0 || d->privacy >= FT_PRIVACY_AGGREGATES) {
        return rc;
    }
    fresh = fresh < ALERTS ? fresh : ALERTS;
    ft__alerts_columns(d, &g, &sql);
    ft_text_format(&sql, "timestamp >= %llu ORDER BY timestamp DESC, rowid DESC LIMIT %llu",
                   (unsigned long long)then[ALERT_S], (unsigned long long)fresh);
    rc = ft__desk_done(&sql, err);
    rc = rc == FT_OK ? ft__grid_query(d, &g, sql.p, fresh, err) : rc;
    if (rc == FT_OK) {
        ft_text_put(out, ",");
        ft_ignore(ft__alerts_put(d, &g, floor(d->last_s) + 1, FT__DESK_DEFAULT / 2, out) > 0);
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

/* ---- traffic ---- */

/* Those that were there before: in the minutes of a day, and in the rest of the last one. */
static void put_known(const struct ft__span *s, const char *columns, const char *kind,
                      struct ft_text *sql)
{
    struct ft__span rest = *s, day;

    rest.to_us = s->from_us;
    rest.from_us = ft_time_floor(s->from_us, MINUTE_US) * MINUTE_US;
    day = (struct ft__span){rest.from_us - (int64_t)DAY_S * 1000000, rest.from_us};
    ft_text_format(sql,
                   " AND (%s) NOT IN (SELECT %s FROM top_minute WHERE kind = '%s' AND is_other = 0 "
                   "AND ",
                   columns, columns, kind);
    ft__span_sql(&day, sql);
    ft_text_format(sql, " UNION SELECT %s FROM flow WHERE ", columns);
    ft__span_sql(&rest, sql);
    ft_text_put(sql, ")");
}

/* Who has most since then of those that were not there before. */
static int put_new(struct ft_desk *d, const struct ft__span *s, bool hosts, struct ft_text *out,
                   struct ft_err *err)
{
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
    ft__span_sql(s, &sql);
    put_known(s, columns, hosts ? "src" : "port", &sql);
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
        ft__grid_put(d, &g, (double)s->to_us / 1e6, FT__DESK_MOST, out);
        ft_text_put(out, "}");
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

static bool has_hosts(const struct ft_desk *d)
{
    static const char *const names[] = {"src_ip", "dst_port", "protocol"};
    bool all = d->privacy < FT_PRIVACY_AGGREGATES;

    for (int i = 0; i < 3; i++) {
        all &= ft__desk_find(d, FT__FLOW, names[i]) != NULL;
    }
    return all;
}

static int put_traffic(struct ft_desk *d, const struct ft__span *s, struct ft_text *out,
                       struct ft_err *err)
{
    struct ft__sums sums = {0};
    bool any = d->table[FT__FLOW].rows > 0 && s->from_us < s->to_us, enough = true;
    int rc = any ? ft__sums_flows(d, s, &sums, err) : FT_OK;

    rc = rc == FT_OK && any ? ft__sums_enough(d, s, &enough, err) : rc;
    if (rc == FT_E_RANGE || (rc == FT_OK && !enough)) { /* overview says it of minutes */
        ft_text_put(out, ",\"traffic\":null");
        return FT_OK;
    }
    if (rc != FT_OK) {
        return rc;
    }
    ft_text_put(out, ",\"traffic\":");
    ft__sums_put(&sums, out);
    ft_text_put(out, "}");
    if (!any || !has_hosts(d)) {
        return FT_OK;
    }
    rc = put_new(d, s, true, out, err);
    return rc == FT_OK ? put_new(d, s, false, out, err) : rc;
}

/* ---- all of it ---- */

static int put_changes(struct ft_desk *d, const uint64_t then[FIELDS], const uint64_t now[FIELDS],
                       struct ft_text *out, struct ft_err *err)
{
    struct ft__span s = {(int64_t)then[RECORD_US], (int64_t)now[RECORD_US]};
    int rc;

    ft_text_format(
        out, ",\"changed\":%s,\"since\":", then[WRITTEN_S] != now[WRITTEN_S] ? "true" : "false");
    ft__desk_put_time(out, (double)then[WRITTEN_S]);
    if (then[WRITTEN_S] == now[WRITTEN_S]) {
        return FT_OK;
    }
    put_counters(then, now, out);
    rc = put_alerts(d, then, out, err);
    return rc == FT_OK ? put_traffic(d, &s, out, err) : rc;
}

int ft__tool_changes(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    const char *since = ft__arg_text(args, "since");
    uint64_t then[FIELDS], now[FIELDS];
    char handle[FT__CURSOR];
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK && since != NULL ? read_handle(d, since, then, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    rc = now_is(d, now, err);
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
