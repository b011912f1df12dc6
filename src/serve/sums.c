/* SPDX-License-Identifier: Apache-2.0 */
/* serve: sums of traffic, see sums.h. Sums are total()s: records may claim any number, and sum()
 * ends with an error beyond 2^63. */
#include "serve/sums.h"

#include <math.h>

#include "serve/grid.h"

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

int ft__sums_hosts(struct ft_desk *d, const struct ft__span *s, double *out, struct ft_err *err)
{
    struct ft_text sql = {0};

    ft_text_put(&sql, "SELECT count(*) FROM (SELECT DISTINCT src_ip FROM flow WHERE ");
    ft__span_sql(s, &sql);
    ft_text_format(&sql, " AND src_ip IS NOT NULL LIMIT %d)", FT__DESK_K);
    if (d->table[FT__FLOW].rows == 0 || ft__desk_find(d, FT__FLOW, "src_ip") == NULL) {
        ft_text_fini(&sql);
        *out = 0;
        return FT_OK;
    }
    return numbers(d, &sql, 1, out, err);
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

static void select_most(enum ft__top_key key, const struct ft__span *s, uint32_t k,
                        const struct ft__sums *all, struct ft_text *sql)
{
    const char *second = keys[key].column[1];

    ft_text_format(sql,
                   "SELECT %s%s%s, total(bytes), 100.0 * total(bytes) / %.0f, total(packets), "
                   "total(flows), nullif(total(bytes_error), 0) FROM top_minute WHERE kind = "
                   "'%s' AND is_other = 0 AND ",
                   keys[key].column[0], second != NULL ? ", " : "", second != NULL ? second : "",
                   fmax(all->bytes, 1), keys[key].kind);
    ft__span_sql(s, sql);
    ft_text_format(sql, " GROUP BY %s ORDER BY total(bytes) DESC LIMIT %u",
                   second != NULL ? "1, 2" : "1", k);
}

/* What is left of the sums, so that shares are 100 % together. */
static void put_other(const struct ft__grid *g, uint32_t first, const struct ft__sums *all,
                      struct ft_text *out)
{
    struct ft__sums rest = *all;

    for (size_t i = 0; i < g->rows; i++) {
        rest.bytes -= ft__grid_number(g, i, first);
        rest.packets -= ft__grid_number(g, i, first + 2);
        rest.flows -= ft__grid_number(g, i, first + 3);
    }
    ft_text_put(out, ",\"other\":{\"bytes\":");
    ft__desk_put_count(out, rest.bytes);
    ft_text_put(out, ",\"share_pct\":");
    ft__desk_put_rate(out, 100 * rest.bytes / fmax(all->bytes, 1));
    ft_text_put(out, ",\"packets\":");
    ft__desk_put_count(out, rest.packets);
    ft_text_put(out, ",\"flows\":");
    ft__desk_put_count(out, rest.flows);
    ft_text_put(out, "}");
}

int ft__top_minutes(struct ft_desk *d, const struct ft__span *s, enum ft__top_key key, uint32_t k,
                    const struct ft__sums *all, struct ft_text *out, struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__grid_column(&g, keys[key].column[0], keys[key].how);
    if (keys[key].column[1] != NULL) {
        ft__grid_column(&g, keys[key].column[1], keys[key].how);
    }
    uint32_t first = g.n;

    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "share_pct", FT__GRID_RATE);
    ft__grid_column(&g, "packets", FT__GRID_COUNT);
    ft__grid_column(&g, "flows", FT__GRID_COUNT);
    ft__grid_column(&g, "error_bytes", FT__GRID_COUNT);
    select_most(key, s, k, all, &sql);
    int rc = sql.failed ? ft_err_set(err, FT_E_NOMEM, "out of memory")
                        : ft__grid_query(d, &g, sql.p, k, err);

    ft__grid_put(d, &g, (double)s->to_us / 1e6, FT__DESK_MOST, out);
    put_other(&g, first, all, out);
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}
