/* SPDX-License-Identifier: Apache-2.0 */
/* serve: sums of traffic, see sums.h. Sums are total()s: records may claim any number, and sum()
 * ends with an error beyond 2^63. */
#include "serve/sums.h"

#include <math.h>

#include "store/tops.h"

/* Runs text as SQL, and frees it. */
static int numbers(struct ft_desk *d, struct ft_text *sql, uint32_t n, double *out,
                   struct ft_err *err)
{
    int rc = sql->failed ? ft_err_set(err, FT_E_NOMEM, "out of memory")
                         : ft__desk_numbers(d, sql->p, n, out, err);

    ft_text_fini(sql);
    return rc;
}

int ft__sums_minutes(struct ft_desk *d, const struct ft__span *s, struct ft__sums *out,
                     struct ft_err *err)
{
    struct ft_text sql = {0};
    double v[3];

    ft_text_put(&sql, "SELECT total(bytes), total(packets), total(flows) FROM top_minute WHERE "
                      "kind = 'port' AND ");
    ft__span_sql(s, &sql);
    int rc = numbers(d, &sql, 3, v, err);

    *out = (struct ft__sums){v[0], v[1], v[2]};
    return rc;
}

int ft__sums_flows(struct ft_desk *d, const struct ft__span *s, struct ft__sums *out,
                   struct ft_err *err)
{
    struct ft_text sql = {0};
    double v[3];

    ft_text_put(&sql, "SELECT ");
    ft__sums_columns(d, &sql);
    ft_text_put(&sql, " FROM flow WHERE ");
    ft__span_sql(s, &sql);
    int rc = numbers(d, &sql, 3, v, err);

    *out = (struct ft__sums){v[0], v[1], v[2]};
    return rc;
}

int ft__sums_enough(struct ft_desk *d, const struct ft__span *s, bool *out, struct ft_err *err)
{
    struct ft_text sql = {0};
    double n = 0;
    bool addresses = ft__desk_find(d, FT__FLOW, "src_ip") != NULL;

    *out = d->privacy < FT_PRIVACY_AGGREGATES;
    if (*out || !addresses) {
        return FT_OK;
    }
    ft_text_put(&sql, "SELECT count(*) FROM (SELECT DISTINCT src_ip FROM flow WHERE ");
    ft__span_sql(s, &sql);
    ft_text_format(&sql, " AND src_ip IS NOT NULL LIMIT %d)", FT__DESK_K);
    int rc = numbers(d, &sql, 1, &n, err);

    *out = n >= FT__DESK_K;
    return rc;
}

/* ---- who had most ---- */

static const struct {
    const char *kind;
    const char *column[2];
    uint8_t how;
} keys[FT__TOP_MINUTES] = {
    [FT__TOP_SRC] = {"src", {"src_ip"}, FT_VEILED_ADDRESS},
    [FT__TOP_DST] = {"dst", {"dst_ip"}, FT_VEILED_ADDRESS},
    [FT__TOP_PAIR] = {"pair", {"src_ip", "dst_ip"}, FT_VEILED_ADDRESS},
    [FT__TOP_PORT] = {"port", {"dst_port", "protocol"}, FT_VEILED_PLAIN},
};

/* Rows of the minutes (m), and what somebody who is in none of a minute's rows may have had in it
 * (most): no more than the fewest of them, as long as they are of one slice; else what the others
 * had, and what the rows may have too much. */
static void put_minutes(enum ft__top_key key, const struct ft__span *s, struct ft_text *sql)
{
    const char *second = keys[key].column[1];

    ft_text_format(sql,
                   "WITH r AS (SELECT %s AS k1, %s AS k2, bytes, packets, flows, bytes_error AS e, "
                   "is_other AS o, total(is_other) OVER w AS n, count(*) OVER w AS c, "
                   "min(bytes) FILTER (WHERE NOT is_other) OVER w AS least, "
                   "total(bytes) FILTER (WHERE is_other) OVER w + total(bytes_error) OVER w AS "
                   "others FROM top_minute WHERE kind = '%s' AND ",
                   keys[key].column[0], second != NULL ? second : "0", keys[key].kind);
    ft__span_sql(s, sql);
    ft_text_format(sql,
                   " WINDOW w AS (PARTITION BY timestamp)), m AS (SELECT *, n = 1 AND c = %d AS "
                   "one, CASE WHEN n = 1 AND c = %d THEN min(least, others) ELSE others END AS "
                   "most FROM r) ",
                   FT_TOPS_ROWS + 1, FT_TOPS_ROWS + 1);
}

static void select_most(const struct ft_desk *d, enum ft__top_key key, const struct ft__span *s,
                        uint32_t k, struct ft_text *sql)
{
    const char *second = keys[key].column[1];

    put_minutes(key, s, sql);
    ft_text_format(sql,
                   "SELECT k1, %stotal(bytes), total(packets), total(flows), nullif(total(e), 0), "
                   "nullif((SELECT round(total(most / n)) FROM m WHERE o) - "
                   "total(CASE WHEN one THEN most END), 0) FROM m WHERE NOT o GROUP BY k1, k2 "
                   "ORDER BY total(bytes) DESC",
                   second != NULL ? "k2, " : "");
    ft_veil_order(d, "k1", second != NULL ? "k2" : NULL, sql);
    ft_text_format(sql, " LIMIT %u", k);
}

int ft__top_minutes(struct ft_desk *d, const struct ft__span *s, enum ft__top_key key, uint32_t k,
                    const struct ft__sums *all, size_t most, struct ft_text *out,
                    struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__grid_column(&g, keys[key].column[0], keys[key].how);
    if (keys[key].column[1] != NULL) {
        ft__grid_column(&g, keys[key].column[1], keys[key].how);
    }
    uint32_t first = g.n;

    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "packets", FT__GRID_COUNT);
    ft__grid_column(&g, "flows", FT__GRID_COUNT);
    ft__grid_column(&g, "error_bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "missing_bytes", FT__GRID_COUNT);
    select_most(d, key, s, k, &sql);
    int rc = sql.failed ? ft_err_set(err, FT_E_NOMEM, "out of memory")
                        : ft__grid_query(d, &g, sql.p, k, err);

    if (rc == FT_OK) {
        ft__top_put(d, &g, first, 0, all, (double)s->to_us / 1e6, most, out);
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

/* ---- shares ---- */

void ft__sums_put(const struct ft__sums *s, struct ft_text *out)
{
    ft_text_put(out, "{\"bytes\":");
    ft__desk_put_count(out, s->bytes);
    ft_text_put(out, ",\"packets\":");
    ft__desk_put_count(out, s->packets);
    ft_text_put(out, ",\"flows\":");
    ft__desk_put_count(out, s->flows);
}

/* Adds a column of shares behind the others. FT_E_NOMEM is the rows' own. */
static bool add_shares(struct ft__grid *g, const struct ft__grid *from, uint32_t column, double all)
{
    g->cells = NULL;
    g->cap = 0;
    for (uint32_t i = 0; i < from->n; i++) {
        g->column[i] = from->column[i];
    }
    g->n = from->n;
    ft__grid_column(g, "share_pct", FT__GRID_RATE);
    g->pool = from->pool; /* borrowed */
    for (size_t r = 0; r < from->rows; r++) {
        struct ft__grid_cell *row = ft__grid_add(g);

        if (row == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < from->n; i++) {
            row[i] = *ft__grid_at(from, r, i);
        }
        row[from->n] = (struct ft__grid_cell){
            .kind = FT_STORE_REAL, .f = 100 * ft__grid_number(from, r, column) / fmax(all, 1)};
    }
    return true;
}

/* What is left of all behind the rows that are printed, so that shares are 100 % together. */
static void put_other(const struct ft__grid *g, size_t rows, uint32_t first, int by,
                      const struct ft__sums *all, struct ft_text *out)
{
    struct ft__sums rest = *all;

    for (size_t i = 0; i < rows; i++) {
        rest.bytes -= ft__grid_number(g, i, first);
        rest.packets -= ft__grid_number(g, i, first + 1);
        rest.flows -= ft__grid_number(g, i, first + 2);
    }
    const double left[] = {rest.bytes, rest.packets, rest.flows};
    const double of[] = {all->bytes, all->packets, all->flows};

    ft_text_put(out, ",\"other\":");
    ft__sums_put(&rest, out);
    ft_text_put(out, ",\"share_pct\":");
    ft__desk_put_rate(out, 100 * left[by] / fmax(of[by], 1));
    ft_text_put(out, "},\"total\":");
    ft__sums_put(all, out);
    ft_text_put(out, "}");
}

void ft__top_put(const struct ft_desk *d, const struct ft__grid *from, uint32_t first, int by,
                 const struct ft__sums *all, double end_s, size_t most, struct ft_text *out)
{
    const double of[] = {all->bytes, all->packets, all->flows};
    struct ft__grid g = {0};

    if (!add_shares(&g, from, first + (uint32_t)by, of[by])) {
        out->failed = true;
    } else {
        size_t rows = ft__grid_put(d, &g, end_s, most, out);

        put_other(&g, rows, first, by, all, out);
        if (rows < g.rows) {
            ft_text_put(out, ",\"truncated\":true");
        }
    }
    g.pool = (struct ft_text){0};
    ft__grid_fini(&g);
}

/* ---- flow records ---- */

static bool has(const struct ft_desk *d, const char *name)
{
    return ft__desk_find(d, FT__FLOW, name) != NULL;
}

/* The first that is not null: both deltas, an estimate, what was counted. */
static void put_first(const struct ft_desk *d, const char *const names[4], struct ft_text *sql)
{
    const char *sep = "";

    ft_text_put(sql, "coalesce(");
    if (has(d, names[0]) && has(d, names[1])) {
        ft_text_format(sql, "%s + %s", names[0], names[1]);
        sep = ", ";
    }
    for (int i = 2; i < 4; i++) {
        if (has(d, names[i])) {
            ft_text_format(sql, "%s%s", sep, names[i]);
            sep = ", ";
        }
    }
    ft_text_format(sql, "%s0%s)", sep, sep[0] == '\0' ? ", 0" : "");
}

static const char *const byte_names[4] = {"fwd_bytes_delta", "rev_bytes_delta", "estimated_bytes",
                                          "byte_count"};
static const char *const packet_names[4] = {"fwd_packets_delta", "rev_packets_delta",
                                            "estimated_packets", "packet_count"};

void ft__sums_bytes(const struct ft_desk *d, struct ft_text *sql)
{
    put_first(d, byte_names, sql);
}

void ft__sums_columns(const struct ft_desk *d, struct ft_text *sql)
{
    ft_text_put(sql, "total(");
    put_first(d, byte_names, sql);
    ft_text_put(sql, "), total(");
    put_first(d, packet_names, sql);
    ft_text_put(sql, has(d, "segment") ? "), total(segment = 0)" : "), count(*)");
}

int ft__sums_there(const struct ft_desk *d, struct ft_err *err)
{
    bool bytes = (has(d, byte_names[0]) && has(d, byte_names[1])) || has(d, byte_names[2]) ||
                 has(d, byte_names[3]);

    return bytes ? FT_OK : ft_err_set(err, FT_E_USAGE, "bytes are not in this store (?columns=)");
}
