/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool host: what one host did, and whether it is usual. */
#include <math.h>
#include <string.h>

#include "serve/grid.h"
#include "serve/sums.h"

enum { PEERS = 5, SERVICES = 5, ALERTS = 5, HOUR_S = 3600 };

struct host {
    struct ft_desk *d;
    struct ft__span span;
    char address[48]; /* as the store has it */
    double bytes;     /* both ways */
    bool seen;
};

static bool has(const struct host *h, const char *name)
{
    return ft__desk_find(h->d, FT__FLOW, name) != NULL;
}

/* " FROM flow WHERE window AND column = address" */
static void put_where(const struct host *h, const char *column, struct ft_text *sql)
{
    ft_text_put(sql, " FROM flow WHERE ");
    ft__span_sql(&h->span, sql);
    ft_text_format(sql, " AND %s = '%s'", column, h->address);
}

/* ---- one side ---- */

/* Flows whose SYN had no answer, or a RST. */
static void put_refused(const struct host *h, struct ft_text *sql)
{
    ft_text_put(sql, has(h, "conn_state") ? ", total(conn_state IN ('S0', 'REJ'))" : ", null");
}

/* As the one who began flows, or the one that was asked. */
static int put_side(struct host *h, const char *name, const char *column, const char *other,
                    struct ft_text *out, struct ft_err *err)
{
    enum { BYTES, PACKETS, FLOWS, OTHERS, PORTS, REFUSED, FIRST, LAST, N };
    struct ft_text sql = {0};
    double v[N];

    ft_text_put(&sql, "SELECT ");
    ft__sums_columns(h->d, &sql);
    ft_text_format(&sql, ", count(DISTINCT %s), count(DISTINCT dst_port)", other);
    put_refused(h, &sql);
    ft_text_put(&sql, ", min(timestamp), max(timestamp)");
    put_where(h, column, &sql);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__desk_numbers(h->d, sql.p, N, v, err) : rc;
    ft_text_fini(&sql);
    if (rc != FT_OK || isnan(v[LAST])) {
        ft_text_format(out, "\"%s\":null", name);
        return rc;
    }
    h->seen = true;
    h->bytes += v[BYTES];
    ft_text_format(out, "\"%s\":{\"flows\":", name);
    ft__desk_put_count(out, v[FLOWS]);
    ft_text_put(out, ",\"packets\":");
    ft__desk_put_count(out, v[PACKETS]);
    ft_text_put(out, ",\"bytes\":");
    ft__desk_put_count(out, v[BYTES]);
    ft_text_put(out, ",\"peers\":");
    ft__desk_put_count(out, v[OTHERS]);
    ft_text_put(out, ",\"dst_ports\":");
    ft__desk_put_count(out, v[PORTS]);
    ft_text_put(out, ",\"unanswered_flows\":");
    ft__desk_put_count(out, v[REFUSED]);
    ft_text_put(out, ",\"first_record\":");
    ft__desk_put_time(out, v[FIRST]);
    ft_text_put(out, ",\"last_record\":");
    ft__desk_put_time(out, v[LAST]);
    ft_text_put(out, "}");
    return FT_OK;
}

/* ---- with whom, on what ---- */

static int put_grid(struct host *h, const char *name, struct ft__grid *g, struct ft_text *sql,
                    uint32_t rows, struct ft_text *out, struct ft_err *err)
{
    int rc = ft__desk_done(sql, err);

    rc = rc == FT_OK ? ft__grid_query(h->d, g, sql->p, rows, err) : rc;
    ft_text_format(out, ",\"%s\":{", name);
    ft__grid_put(h->d, g, (double)h->span.to_us / 1e6, FT__DESK_MOST, out);
    ft_text_put(out, "}");
    ft_text_fini(sql);
    ft__grid_fini(g);
    return rc;
}

static int put_peers(struct host *h, struct ft_text *out, struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__grid_column(&g, "peer", FT_VEILED_ADDRESS);
    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "flows", FT__GRID_COUNT);
    ft__grid_column(&g, "asked_by_host", FT__GRID_COUNT);
    ft_text_put(&sql, "SELECT peer, total(b), total(f), total(o) FROM (SELECT dst_ip AS peer, ");
    ft__sums_bytes(h->d, &sql);
    ft_text_format(&sql, " AS b, %s AS f, %s AS o", has(h, "segment") ? "segment = 0" : "1",
                   has(h, "segment") ? "segment = 0" : "1");
    put_where(h, "src_ip", &sql);
    ft_text_put(&sql, " UNION ALL SELECT src_ip, ");
    ft__sums_bytes(h->d, &sql);
    ft_text_format(&sql, ", %s, 0", has(h, "segment") ? "segment = 0" : "1");
    put_where(h, "dst_ip", &sql);
    ft_text_put(&sql, ") GROUP BY 1 ORDER BY 2 DESC, 3 DESC");
    ft_veil_order(h->d, "peer", NULL, &sql);
    ft_text_format(&sql, " LIMIT %d", PEERS);
    return put_grid(h, "top_peers", &g, &sql, PEERS, out, err);
}

static int put_services(struct host *h, const char *name, const char *column, struct ft_text *out,
                        struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__grid_column(&g, "dst_port", FT_VEILED_PLAIN);
    ft__grid_column(&g, "protocol", FT_VEILED_PLAIN);
    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "packets", FT__GRID_COUNT);
    ft__grid_column(&g, "flows", FT__GRID_COUNT);
    ft_text_put(&sql, "SELECT dst_port, protocol, ");
    ft__sums_columns(h->d, &sql);
    put_where(h, column, &sql);
    ft_text_format(&sql, " GROUP BY 1, 2 ORDER BY 3 DESC, 5 DESC LIMIT %d", SERVICES);
    return put_grid(h, name, &g, &sql, SERVICES, out, err);
}

/* ---- alerts, windows, what is usual ---- */

static int put_alerts(struct host *h, struct ft_text *out, struct ft_err *err)
{
    static const char *const words[] = {"rule", "severity", "entity"};
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    if (h->d->table[FT__ALERT].rows == 0) {
        ft_text_put(out, ",\"alerts\":null");
        return FT_OK;
    }
    ft__grid_column(&g, "timestamp", FT_VEILED_TIME);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        ft__grid_column(&g, words[i], FT_VEILED_PLAIN);
    }
    ft__grid_column(&g, "address", FT_VEILED_ADDRESS);
    ft__grid_column(&g, "peer", FT_VEILED_ADDRESS);
    ft__grid_column(&g, "port", FT_VEILED_PLAIN);
    ft_text_put(&sql, "SELECT timestamp, rule, severity, entity, address, peer, port FROM alert "
                      "WHERE ");
    ft__span_sql(&h->span, &sql);
    ft_text_format(&sql, " AND (address = '%s' OR peer = '%s') ORDER BY timestamp DESC LIMIT %d",
                   h->address, h->address, ALERTS);
    return put_grid(h, "alerts", &g, &sql, ALERTS, out, err);
}

/* What windows of the shortest span say: sums and most. */
static int put_windows(struct host *h, struct ft_text *out, struct ft_err *err)
{
    enum { SPAN, WINDOWS, NEW, FAN, PORTS, ENTROPY, Z, N };
    struct ft_text sql = {0};
    double v[N];

    if (h->d->table[FT__WINDOW].rows == 0) {
        ft_text_put(out, ",\"windows\":null");
        return FT_OK;
    }
    ft_text_put(&sql, "SELECT span_s, count(*), total(new_peers), max(peers_out), max(ports), "
                      "max(port_entropy), max(bytes_z) FROM window WHERE entity = 'host' AND ");
    ft__span_sql(&h->span, &sql);
    ft_text_format(&sql, " AND address = '%s' GROUP BY span_s ORDER BY span_s LIMIT 1", h->address);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__desk_numbers(h->d, sql.p, N, v, err) : rc;
    ft_text_fini(&sql);
    if (rc != FT_OK || isnan(v[SPAN])) {
        ft_text_put(out, ",\"windows\":null");
        return rc;
    }
    ft_text_put(out, ",\"windows\":{\"span_s\":");
    ft__desk_put_count(out, v[SPAN]);
    ft_text_put(out, ",\"with_traffic\":");
    ft__desk_put_count(out, v[WINDOWS]);
    ft_text_put(out, ",\"new_peers\":");
    ft__desk_put_count(out, v[NEW]);
    ft_text_put(out, ",\"most_peers\":");
    ft__desk_put_count(out, v[FAN]);
    ft_text_put(out, ",\"most_ports\":");
    ft__desk_put_count(out, v[PORTS]);
    ft_text_put(out, ",\"most_port_entropy_bits\":");
    ft__desk_put_rate(out, v[ENTROPY]);
    ft_text_put(out, ",\"most_bytes_z\":");
    ft__desk_put_rate(out, v[Z]);
    ft_text_put(out, "}");
    return FT_OK;
}

int ft__host_baseline(struct ft_desk *d, const char *address, double bytes_per_hour,
                      struct ft_text *out, struct ft_err *err)
{
    enum { LAST, HOURS, MEAN7, STD7, P7, MEAN30, STD30, P30, N };
    static const char *const names[] = {"bytes_mean_7d",  "bytes_std_7d",  "bytes_p95_7d",
                                        "bytes_mean_30d", "bytes_std_30d", "bytes_p95_30d"};
    struct ft_text sql = {0};
    double v[N];

    ft_text_format(&sql,
                   "SELECT last_hour, hours, bytes_mean_7d, bytes_std_7d, bytes_p95_7d, "
                   "bytes_mean_30d, bytes_std_30d, bytes_p95_30d FROM baseline WHERE "
                   "host = '%s'",
                   address);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__desk_numbers(d, sql.p, N, v, err) : rc;
    ft_text_fini(&sql);
    if (rc != FT_OK || isnan(v[LAST])) {
        ft_text_put(out, "null");
        return rc;
    }
    ft_text_put(out, "{\"per\":\"hour\",\"hours\":");
    ft__desk_put_count(out, v[HOURS]);
    for (int i = 0; i < 6; i++) {
        ft_text_format(out, ",\"%s\":", names[i]);
        ft__desk_put_rate(out, v[MEAN7 + i]);
    }
    ft_text_put(out, ",\"last_hour\":");
    ft__desk_put_time(out, v[LAST]);
    if (!isnan(bytes_per_hour)) {
        ft_text_put(out, ",\"bytes_per_hour\":");
        ft__desk_put_rate(out, bytes_per_hour);
        ft_text_put(out, ",\"z_7d\":");
        ft__desk_put_rate(out, v[HOURS] >= 24 && v[STD7] > 0 ? (bytes_per_hour - v[MEAN7]) / v[STD7]
                                                             : (double)NAN);
    }
    ft_text_put(out, "}");
    return FT_OK;
}

/* Only a window of an hour or more that is stored can be held against hours. */
static int put_baseline(struct host *h, struct ft_text *out, struct ft_err *err)
{
    double s = ft__span_stored_s(h->d, &h->span, 1000000);

    ft_text_put(out, ",\"baseline\":");
    return ft__host_baseline(h->d, h->address, s >= HOUR_S ? h->bytes * HOUR_S / s : (double)NAN,
                             out, err);
}

/* ---- all of it ---- */

static int put_traffic(struct host *h, struct ft_text *out, struct ft_err *err)
{
    if (h->d->table[FT__FLOW].rows == 0) {
        ft_text_put(out, "\"seen\":null");
        return FT_OK;
    }
    if (!has(h, "src_ip") || !has(h, "dst_ip")) {
        return ft_err_set(err, FT_E_USAGE, "addresses are not in this store (?columns=)");
    }
    int rc = put_side(h, "as_initiator", "src_ip", "dst_ip", out, err);

    ft_text_put(out, ",");
    rc = rc == FT_OK ? put_side(h, "as_responder", "dst_ip", "src_ip", out, err) : rc;
    ft_text_format(out, ",\"seen\":%s", h->seen ? "true" : "false");
    if (rc != FT_OK || !h->seen) {
        return rc;
    }
    rc = put_peers(h, out, err);
    rc = rc == FT_OK ? put_services(h, "asks", "src_ip", out, err) : rc;
    return rc == FT_OK ? put_services(h, "serves", "dst_ip", out, err) : rc;
}

int ft__tool_host(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct host h = {.d = d};
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK ? ft_veil_read_address(d, ft__arg_text(args, "ip"), h.address, err) : rc;
    rc = rc == FT_OK ? ft__span_read(d, ft__arg_text(args, "window"), "1h", &h.span, err) : rc;
    rc = rc == FT_OK && d->table[FT__FLOW].rows > 0 ? ft__sums_there(d, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    ft_text_put(out, "{\"host\":");
    ft_veil_address(d, h.address, strlen(h.address), out);
    ft_text_put(out, ",");
    rc = put_traffic(&h, out, err);
    rc = rc == FT_OK ? put_alerts(&h, out, err) : rc;
    rc = rc == FT_OK ? put_windows(&h, out, err) : rc;
    rc = rc == FT_OK ? put_baseline(&h, out, err) : rc;
    rc = rc == FT_OK ? ft__desk_said(d, &h.span, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
