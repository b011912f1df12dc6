/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool overview: how much there is, of whom, what was told, against the time before.
 *
 * Sums are those of the minutes that the store keeps: exact, cheap, and in whole minutes. */
#include <math.h>

#include "serve/grid.h"
#include "serve/sums.h"

enum { FIRST = 5, MINUTE_US = 60000000 };

static void put_totals(const struct ft__sums *s, double length_s, struct ft_text *out)
{
    ft_text_put(out, "{\"flows\":");
    ft__desk_put_count(out, s->flows);
    ft_text_put(out, ",\"packets\":");
    ft__desk_put_count(out, s->packets);
    ft_text_put(out, ",\"bytes\":");
    ft__desk_put_count(out, s->bytes);
    ft_text_put(out, ",\"traffic_bps\":");
    ft__desk_put_rate(out, s->bytes * 8 / length_s);
    ft_text_put(out, "}");
}

static double change_pct(double now, double now_s, double before, double before_s)
{
    return before > 0 ? 100 * (now / now_s * before_s / before - 1) : (double)NAN;
}

/* The same before, as changes of rates; nothing of what was not recorded. */
static int put_before(struct ft_desk *d, const struct ft__span *s, const struct ft__sums *now,
                      struct ft_text *out, struct ft_err *err)
{
    struct ft__span before = {s->from_us - (s->to_us - s->from_us), s->from_us};
    struct ft__sums then = {0};

    ft__span_minutes(d, &before);
    bool stored = (double)before.from_us / 1e6 >= floor(d->first_s / 60) * 60, enough = false;
    int rc = stored ? ft__sums_enough(d, &before, &enough, err) : FT_OK;

    if (rc != FT_OK || !enough) {
        ft_text_put(out, ",\"change_pct\":null");
        return rc;
    }
    rc = ft__sums_minutes(d, &before, &then, err);
    double now_s = ft__span_s(s), before_s = ft__span_s(&before);

    if (rc != FT_OK) {
        ft_text_put(out, ",\"change_pct\":null");
        return rc == FT_E_RANGE ? FT_OK : rc;
    }

    ft_text_put(out, ",\"change_pct\":{\"flows\":");
    ft__desk_put_rate(out, change_pct(now->flows, now_s, then.flows, before_s));
    ft_text_put(out, ",\"packets\":");
    ft__desk_put_rate(out, change_pct(now->packets, now_s, then.packets, before_s));
    ft_text_put(out, ",\"bytes\":");
    ft__desk_put_rate(out, change_pct(now->bytes, now_s, then.bytes, before_s));
    ft_text_put(out, "}");
    return rc;
}

static int put_alerts(struct ft_desk *d, const struct ft__span *s, struct ft_text *out,
                      struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};
    int rc;

    if (d->table[FT__ALERT].rows == 0) {
        ft_text_put(out, ",\"alerts\":null");
        return FT_OK;
    }
    ft__grid_column(&g, "rule", FT_VEILED_PLAIN);
    ft__grid_column(&g, "severity", FT_VEILED_PLAIN);
    ft__grid_column(&g, "alerts", FT__GRID_COUNT);
    ft__grid_column(&g, "newest", FT_VEILED_TIME);
    ft_text_put(&sql, "SELECT rule, severity, count(*), max(timestamp) FROM alert WHERE ");
    ft__span_sql(s, &sql);
    ft_text_put(&sql, " GROUP BY 1, 2 ");
    if (d->privacy >= FT_PRIVACY_AGGREGATES) {
        ft_text_format(&sql, "HAVING count(DISTINCT address) >= %d ", FT__DESK_K);
    }
    ft_text_put(&sql, "ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN "
                      "'medium' THEN 2 ELSE 3 END, 3 DESC, 1");
    rc = sql.failed ? FT_E_NOMEM : ft__grid_query(d, &g, sql.p, 20, err);
    ft_text_put(out, ",\"alerts\":{");
    ft__grid_put(d, &g, (double)s->to_us / 1e6, FT__DESK_MOST, out);
    ft_text_put(out, "}");
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

static int put_tops(struct ft_desk *d, const struct ft__span *s, const struct ft__sums *all,
                    struct ft_text *out, struct ft_err *err)
{
    static const struct {
        const char *name;
        enum ft__top_key key;
    } tops[] = {
        {"sources", FT__TOP_SRC}, {"destinations", FT__TOP_DST}, {"services", FT__TOP_PORT}};
    int rc = FT_OK;

    for (size_t i = 0; i < sizeof tops / sizeof tops[0] && rc == FT_OK; i++) {
        if (d->privacy >= FT_PRIVACY_AGGREGATES) {
            break; /* top says services that enough hosts have */
        }
        size_t before;

        ft_text_format(out, ",\"top_%s\":", tops[i].name);
        before = out->len;
        ft_text_put(out, "{");
        rc = ft__top_minutes(d, s, tops[i].key, FIRST, all, FT__DESK_MOST, out, err);
        ft_text_put(out, "}");
        if (rc == FT_E_RANGE && !out->failed) { /* the rest is known all the same */
            out->len = before;
            ft_text_put(out, "null");
            rc = FT_OK;
        }
    }
    return rc;
}

static int put_traffic(struct ft_desk *d, const struct ft__span *s, struct ft_text *out,
                       struct ft_err *err)
{
    struct ft__sums all = {0};
    bool enough = false;

    if (d->table[FT__FLOW].rows == 0) {
        ft_text_put(out, "\"traffic\":null");
        return put_alerts(d, s, out, err);
    }
    int rc = ft__sums_minutes(d, s, &all, err);

    rc = rc == FT_OK ? ft__sums_enough(d, s, &enough, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (!enough) {
        ft_text_format(out, "\"traffic\":null,\"withheld\":\"fewer than %d hosts\"", FT__DESK_K);
        return put_alerts(d, s, out, err);
    }
    ft_text_put(out, "\"traffic\":");
    put_totals(&all, ft__span_stored_s(d, s, MINUTE_US), out);
    rc = put_before(d, s, &all, out, err);
    rc = rc == FT_OK ? put_alerts(d, s, out, err) : rc;
    return rc == FT_OK ? put_tops(d, s, &all, out, err) : rc;
}

int ft__tool_overview(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct ft__span s;
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK ? ft__span_read(d, ft__arg_text(args, "window"), "10m", &s, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    ft__span_minutes(d, &s);
    ft_text_put(out, "{");
    rc = put_traffic(d, &s, out, err);
    rc = rc == FT_OK ? ft__desk_said(d, &s, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
