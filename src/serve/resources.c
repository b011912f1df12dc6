/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what an agent can read by a URI, see resources.h. */
#include "serve/resources.h"

#include <math.h>
#include <string.h>

#include "base/percent.h"
#include "flowtap/version.h"
#include "serve/fields.h"
#include "serve/grid.h"

#define BASELINE "telemetry://baseline/"

/* ---- schema ---- */

int ft__read_schema(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err)
{
    const char *sep = "";
    bool cut = false;
    int rc = ft__desk_begin(d, err);

    (void)uri;
    if (rc != FT_OK) {
        return rc;
    }
    ft_text_put(out, "{\"fields\":[");
    for (int t = 0; t < FT__TABLES; t++) {
        for (uint32_t i = 0; i < d->table[t].n; i++) {
            const struct ft__desk_column *c = &d->table[t].column[i];

            if (ft_veil_shows(d, c) == FT_VEILED_NOT || cut) {
                continue;
            }
            ft_text_put(out, sep);
            ft__fields_put(d, (enum ft__desk_table)t, c, out);
            sep = ",";
            cut = out->len > FT__DESK_MOST - 1024;
        }
    }
    ft_text_format(out, "],\"truncated\":%s}", cut ? "true" : "false");
    return ft__desk_done(out, err);
}

/* ---- health ---- */

static int put_tables(struct ft_desk *d, struct ft_text *out, struct ft_err *err)
{
    struct ft__grid g = {0};
    double end_s = d->now;

    ft__grid_column(&g, "table", FT_VEILED_PLAIN);
    ft__grid_column(&g, "slices", FT__GRID_COUNT);
    ft__grid_column(&g, "rows", FT__GRID_COUNT);
    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "oldest", FT_VEILED_TIME);
    ft__grid_column(&g, "newest", FT_VEILED_TIME);
    ft__grid_column(&g, "written", FT_VEILED_TIME);
    int rc = ft__grid_query(d, &g,
                            "SELECT \"table\", count(*), total(rows), total(bytes), "
                            "min(min_timestamp), max(max_timestamp), max(written) FROM slices "
                            "WHERE \"table\" IN ('flow', 'window', 'alert', 'top_minute') "
                            "GROUP BY 1 ORDER BY 1",
                            16, err);

    ft_text_put(out, "\"tables\":{");
    ft__grid_put(d, &g, end_s, FT__DESK_MOST, out);
    ft_text_put(out, "}");
    ft__grid_fini(&g);
    return rc;
}

int ft__read_health(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err)
{
    int rc = ft__desk_begin(d, err);

    (void)uri;
    if (rc != FT_OK) {
        return rc;
    }
    ft_text_format(out, "{\"flowtap_version\":\"%s\",\"privacy_level\":%d,", ft_version(),
                   d->privacy);
    rc = put_tables(d, out, err);
    rc = rc == FT_OK ? ft__desk_said(d, NULL, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}

/* ---- alerts ---- */

int ft__read_alerts(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err)
{
    cJSON *args = cJSON_CreateObject();
    int rc = FT_E_NOMEM;

    (void)uri;
    if (args != NULL && cJSON_AddStringToObject(args, "window", "7d") != NULL) {
        rc = ft__tool_detect(d, args, out, err);
    } else {
        ft_err_set(err, rc, "out of memory");
    }
    cJSON_Delete(args);
    return rc;
}

uint64_t ft__alerts_version(struct ft_desk *d)
{
    struct ft_err err;
    double last = 0;

    if (ft__desk_begin(d, &err) != FT_OK ||
        ft__desk_numbers(d, "SELECT max(id) FROM slices WHERE \"table\" = 'alert'", 1, &last,
                         &err) != FT_OK) {
        return 0;
    }
    return last > 0 ? (uint64_t)last : 0;
}

/* ---- baselines ---- */

int ft__read_baseline(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err)
{
    enum { HOST = 96 };
    char host[HOST], address[48];
    size_t len = strlen(uri), before = strlen(BASELINE);
    int rc = ft__desk_begin(d, err);

    if (rc != FT_OK) {
        return rc;
    }
    if (strncmp(uri, BASELINE, before) != 0 || len - before >= sizeof host) {
        return ft_err_set(err, FT_E_NOT_FOUND, "there is no such resource");
    }
    ft_percent_decode(uri + before, len - before, host);
    rc = ft_veil_read_address(d, host, address, err);
    if (rc != FT_OK) {
        return rc;
    }
    ft_text_put(out, "{\"host\":");
    ft_veil_address(d, address, strlen(address), out);
    ft_text_put(out, ",\"baseline\":");
    rc = ft__host_baseline(d, address, (double)NAN, out, err);
    rc = rc == FT_OK ? ft__desk_said(d, NULL, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
