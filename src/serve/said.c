/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what goes with every answer. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "serve/desk_parts.h"

/* ---- numbers ---- */

void ft__desk_put_time(struct ft_text *out, double seconds)
{
    time_t t = (time_t)floor(seconds);
    struct tm tm;
    char text[32];

    if (!isfinite(seconds) || fabs(seconds) > 2e11 || gmtime_r(&t, &tm) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        ft_text_put(out, "null");
        return;
    }
    ft_text_format(out, "\"%s\"", text);
}

void ft__desk_put_rate(struct ft_text *out, double v)
{
    if (!isfinite(v)) {
        ft_text_put(out, "null");
    } else if (fabs(v) >= 1000) { /* whole numbers of three digits, and no exponent */
        double unit = pow(10, floor(log10(fabs(v))) - 2);

        ft_text_format(out, "%.0f", round(v / unit) * unit);
    } else {
        ft_text_format(out, "%.3g", v);
    }
}

void ft__desk_put_count(struct ft_text *out, double v)
{
    if (!isfinite(v)) {
        ft_text_put(out, "null");
    } else {
        ft_text_format(out, "%.0f", v);
    }
}

/* ---- sampling ---- */

static int put_sampling(struct ft_desk *d, const struct ft__span *s, struct ft_text *out,
                        struct ft_err *err)
{
    double v[3];
    struct ft_text sql = {0};
    bool exported = ft__desk_find(d, FT__FLOW, "estimated_bytes") != NULL;
    int rc;

    if (!exported) {
        ft_text_put(out, ",\"sampling\":\"none\"");
        return FT_OK;
    }
    ft_text_put(&sql, "SELECT min(sampling_rate), max(sampling_rate), "
                      "count(*) - count(sampling_rate) FROM flow");
    if (s != NULL) {
        ft_text_put(&sql, " WHERE ");
        ft__span_sql(s, &sql);
    }
    rc = sql.failed ? ft_err_set(err, FT_E_NOMEM, "out of memory")
                    : ft__desk_numbers(d, sql.p, 3, v, err);
    ft_text_fini(&sql);
    if (rc == FT_E_RANGE) { /* no time was left to look */
        ft_text_put(out, ",\"sampling\":\"perhaps; it was not looked at\"");
        return FT_OK;
    }
    if (rc != FT_OK) {
        return rc;
    }
    if (isnan(v[0])) {
        ft_text_put(out, ",\"sampling\":\"unknown\"");
    } else if (v[1] <= 1 && v[2] == 0) {
        ft_text_put(out, ",\"sampling\":\"none\"");
    } else {
        ft_text_format(out, ",\"sampling\":\"1 in %.0f%s", v[0], v[0] < v[1] ? " to " : "");
        if (v[0] < v[1]) {
            ft_text_format(out, "%.0f", v[1]);
        }
        ft_text_format(out, "%s; bytes and packets are estimates\"",
                       v[2] > 0 ? ", of some unknown" : "");
    }
    return FT_OK;
}

/* ---- all of it ---- */

static void put_loss(const struct ft_desk *d, struct ft_text *out)
{
    const struct ft_store_result *r = &d->said;
    double lost = (double)r->queue_dropped + (double)r->kernel_dropped;
    double all = (double)r->received; /* what was dropped is among them */

    if (!r->has_account) {
        ft_text_put(out, ",\"loss_pct\":null");
        return;
    }
    ft_text_format(out, ",\"received\":%llu,\"kernel_dropped\":", (unsigned long long)r->received);
    ft__desk_put_count(out, r->has_kernel_dropped ? (double)r->kernel_dropped : (double)NAN);
    ft_text_format(out, ",\"queue_dropped\":%llu,\"events_lost\":%llu,\"loss_pct\":",
                   (unsigned long long)r->queue_dropped, (unsigned long long)r->events_lost);
    ft__desk_put_rate(out, all > 0 ? 100 * lost / all : 0);
}

static void put_note(struct ft_text *out, bool *first, const char *note)
{
    ft_text_format(out, "%s\"%s\"", *first ? ",\"notes\":[" : ",", note);
    *first = false;
}

/* What an agent could take for something else. */
static void put_notes(const struct ft_desk *d, const struct ft__span *s, struct ft_text *out)
{
    static const char *const missing[FT__TABLES] = {
        [FT__FLOW] = "no flow records are stored (-e flow): traffic is unknown, not zero",
        [FT__WINDOW] = "no windows are stored (-e window)",
        [FT__ALERT] = "no alerts are stored: none were raised, or nobody looked (-e alert)"};
    bool first = true;

    for (int t = 0; t < FT__TABLES; t++) {
        if (d->table[t].rows == 0) {
            put_note(out, &first, missing[t]);
        }
    }
    if (s != NULL && (double)s->to_us / 1e6 <= d->first_s) {
        put_note(out, &first, "the window is before all that is stored");
    } else if (s != NULL && (double)s->from_us / 1e6 < floor(d->first_s / 60) * 60) {
        put_note(out, &first, "the window begins before what is stored");
    }
    if (s != NULL && (double)s->from_us / 1e6 > d->last_s) {
        put_note(out, &first, "the window is after all that is stored");
    }
    if (d->of_future) {
        put_note(out, &first,
                 "records claim to be of the future: they are in no window but FROM/TO");
    }
    if (d->left_out > 0) {
        put_note(out, &first, "a condition (--where) left records out");
    }
    if (d->exports_lost > 0) {
        put_note(out, &first, "messages of exporters did not come: their records are missing");
    }
    if (d->alerts_unseen > 0) {
        put_note(out, &first, "detectors had no room for all: alerts may be missing");
    }
    ft_text_put(out, first ? "" : "]");
}

static void put_window(const struct ft__span *s, struct ft_text *out)
{
    ft_text_put(out, ",\"window\":{\"from\":");
    ft__desk_put_time(out, (double)s->from_us / 1e6);
    ft_text_put(out, ",\"to\":");
    ft__desk_put_time(out, (double)s->to_us / 1e6);
    ft_text_put(out, ",\"length_s\":");
    ft__desk_put_count(out, round(ft__span_s(s)));
    ft_text_put(out, "}");
}

int ft__desk_said(struct ft_desk *d, const struct ft__span *s, struct ft_text *out,
                  struct ft_err *err)
{
    if (s != NULL) {
        put_window(s, out);
    }
    ft_text_put(out, ",\"data\":{\"generated_at\":");
    ft__desk_put_time(out, d->now);
    ft_text_put(out, ",\"oldest_record\":");
    ft__desk_put_time(out, d->first_s);
    ft_text_put(out, ",\"newest_record\":");
    ft__desk_put_time(out, d->last_s);
    ft_text_put(out, ",\"age_s\":");
    ft__desk_put_count(out, floor(d->now) - floor(d->last_s));
    put_loss(d, out);
    int rc = put_sampling(d, s, out, err);
    uint32_t bad = d->said.slices_bad, gone = d->said.slices_gone;

    ft_text_format(out, ",\"partial\":%s", bad + gone > 0 ? "true" : "false");
    if (bad + gone > 0) {
        ft_text_format(out, ",\"slices_damaged\":%u,\"slices_gone\":%u", bad, gone);
    }
    put_notes(d, s, out);
    ft_text_put(out, "}");
    return rc;
}
