/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool top: who had most of something.
 *
 * Bytes of sources, destinations, pairs and services come from the minutes that the store keeps, as
 * long as nothing is filtered: quick for any window, with a bound of error. All else is counted
 * over flow records, exactly. */
#include <math.h>
#include <string.h>

#include "serve/filter.h"
#include "serve/grid.h"
#include "serve/sums.h"

enum { K = 10 };

static const struct {
    const char *name;
    const char *columns; /* of flow */
    const char *shown[2];
    bool who; /* it tells of one host */
} keys[FT__TOP_KEYS] = {
    [FT__TOP_SRC] = {"src", "src_ip", {"src_ip"}, true},
    [FT__TOP_DST] = {"dst", "dst_ip", {"dst_ip"}, true},
    [FT__TOP_PAIR] = {"pair", "src_ip, dst_ip", {"src_ip", "dst_ip"}, true},
    [FT__TOP_PORT] = {"port", "dst_port, protocol", {"dst_port", "protocol"}, false},
    [FT__TOP_APP] = {"app", "app", {"app"}, false},
    [FT__TOP_PROTOCOL] = {"protocol", "protocol", {"protocol"}, false},
    [FT__TOP_ASN] = {"asn", "dst_as", {"dst_as"}, false},
    [FT__TOP_COUNTRY] = {"country", "dst_country", {"dst_country"}, false},
};

enum by { BY_BYTES, BY_PACKETS, BY_FLOWS, BY_PEERS, BY_COUNT };

static const char *const bys[BY_COUNT] = {"bytes", "packets", "flows", "peers"};

struct question {
    struct ft__span span;
    enum ft__top_key key;
    enum by by;
    uint32_t k;
    const char *filter;
    bool minutes, aggregates;
    size_t most;
};

static int find_word(const char *word, const char *fallback, int n, const char *(*name)(int))
{
    for (int i = 0; i < n; i++) {
        if (strcmp(word != NULL ? word : fallback, name(i)) == 0) {
            return i;
        }
    }
    return 0; /* the schema has none but these */
}

static const char *key_name(int i)
{
    return keys[i].name;
}

static const char *by_name(int i)
{
    return bys[i];
}

static int read_question(struct ft_desk *d, const cJSON *args, struct question *q,
                         struct ft_err *err)
{
    double k = ft__arg_number(args, "k", NAN);

    q->key = (enum ft__top_key)find_word(ft__arg_text(args, "key"), "src", FT__TOP_KEYS, key_name);
    q->by = (enum by)find_word(ft__arg_text(args, "by"), "bytes", BY_COUNT, by_name);
    q->k = isnan(k) ? K : (uint32_t)k;
    q->most = isnan(k) ? FT__DESK_DEFAULT : FT__DESK_MOST;
    q->filter = ft__arg_text(args, "filter");
    q->aggregates = d->privacy >= FT_PRIVACY_AGGREGATES;
    if (keys[q->key].who && q->aggregates) {
        return ft_err_set(err, FT_E_USAGE,
                          "at privacy level %d nothing is said of one host: key port, protocol or "
                          "app",
                          d->privacy);
    }
    q->minutes = q->by == BY_BYTES && q->key < FT__TOP_MINUTES && !q->aggregates &&
                 (q->filter == NULL || q->filter[0] == '\0');
    return ft__span_read(d, ft__arg_text(args, "window"), "1h", &q->span, err);
}

/* ---- from flow records ---- */

/* What a key is among records; hosts: distinct ones that are behind a row. */
static void put_groups(const struct ft_desk *d, const struct question *q, struct ft_text *sql)
{
    ft_text_format(sql, "SELECT %s, ", keys[q->key].columns);
    ft__sums_columns(d, sql);
    if (q->by == BY_PEERS) {
        ft_text_format(sql, ", count(DISTINCT %s)", q->key == FT__TOP_SRC ? "dst_ip" : "src_ip");
    } else {
        ft_text_put(sql, ", null");
    }
    ft_text_put(sql, q->aggregates ? ", count(DISTINCT src_ip)" : ", null");
    ft_text_put(sql, " FROM flow WHERE ");
    ft__span_sql(&q->span, sql);
}

static int select_groups(struct ft_desk *d, const struct question *q, struct ft_text *sql,
                         struct ft_err *err)
{
    static const int place[BY_COUNT] = {1, 2, 3, 4};
    int first = keys[q->key].shown[1] != NULL ? 2 : 1;

    put_groups(d, q, sql);
    int rc = ft__filter_sql(d, FT__FLOW, q->filter, sql, err);

    ft_text_format(sql, " GROUP BY %s", keys[q->key].columns);
    if (q->aggregates) {
        ft_text_format(sql, " HAVING count(DISTINCT src_ip) >= %d", FT__DESK_K);
    }
    ft_text_format(sql, " ORDER BY %d DESC, %d DESC", first + place[q->by], first + 1);
    if (keys[q->key].who) {
        ft_veil_order(d, keys[q->key].shown[0], keys[q->key].shown[1], sql);
    }
    ft_text_format(sql, " LIMIT %u", q->k);
    return rc == FT_OK ? ft__desk_done(sql, err) : rc;
}

static int sum_all(struct ft_desk *d, const struct question *q, struct ft__sums *out,
                   struct ft_err *err)
{
    struct ft_text sql = {0};
    double v[3] = {0};

    ft_text_put(&sql, "SELECT ");
    ft__sums_columns(d, &sql);
    ft_text_put(&sql, " FROM flow WHERE ");
    ft__span_sql(&q->span, &sql);
    int rc = ft__filter_sql(d, FT__FLOW, q->filter, &sql, err);

    rc = rc == FT_OK ? ft__desk_done(&sql, err) : rc;
    rc = rc == FT_OK ? ft__desk_numbers(d, sql.p, 3, v, err) : rc;
    ft_text_fini(&sql);
    *out = (struct ft__sums){v[0], v[1], v[2]};
    return rc;
}

static int from_flows(struct ft_desk *d, const struct question *q, struct ft_text *out,
                      struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft__sums all = {0};
    struct ft_text sql = {0};
    uint8_t how = keys[q->key].who ? FT_VEILED_ADDRESS : FT_VEILED_PLAIN;

    for (int i = 0; i < 2 && keys[q->key].shown[i] != NULL; i++) {
        ft__grid_column(&g, keys[q->key].shown[i], how);
    }
    uint32_t first = g.n;

    ft__grid_column(&g, "bytes", FT__GRID_COUNT);
    ft__grid_column(&g, "packets", FT__GRID_COUNT);
    ft__grid_column(&g, "flows", FT__GRID_COUNT);
    ft__grid_column(&g, "peers", FT__GRID_COUNT);
    ft__grid_column(&g, "", FT__GRID_HIDDEN);
    int rc = sum_all(d, q, &all, err);

    rc = rc == FT_OK ? select_groups(d, q, &sql, err) : rc;
    rc = rc == FT_OK ? ft__grid_query(d, &g, sql.p, q->k, err) : rc;
    if (rc == FT_OK) {
        ft__top_put(d, &g, first, q->by == BY_PEERS ? (int)BY_BYTES : (int)q->by, &all,
                    (double)q->span.to_us / 1e6, q->most, out);
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

/* ---- the answer ---- */

static int from_minutes(struct ft_desk *d, struct question *q, struct ft_text *out,
                        struct ft_err *err)
{
    struct ft__sums all = {0};

    ft__span_minutes(d, &q->span);
    int rc = ft__sums_minutes(d, &q->span, &all, err);

    return rc == FT_OK ? ft__top_minutes(d, &q->span, q->key, q->k, &all, q->most, out, err) : rc;
}

static int has_columns(const struct ft_desk *d, const struct question *q, struct ft_err *err)
{
    for (int i = 0; i < 2 && keys[q->key].shown[i] != NULL; i++) {
        const struct ft__desk_column *c = ft__desk_find(d, FT__FLOW, keys[q->key].shown[i]);

        if (c == NULL) {
            return ft_err_set(err, FT_E_USAGE, "%s is not in this store%s", keys[q->key].shown[i],
                              q->key == FT__TOP_APP   ? " (-p app)"
                              : q->key >= FT__TOP_ASN ? " (-p enrich --geo)"
                                                      : "");
        }
        if (ft_veil_shows(d, c) == FT_VEILED_NOT) {
            return ft_err_set(err, FT_E_USAGE, "%s is not shown at privacy level %d",
                              keys[q->key].shown[i], d->privacy);
        }
    }
    if ((q->by == BY_PEERS || q->aggregates) && ft__desk_find(d, FT__FLOW, "src_ip") == NULL) {
        return ft_err_set(err, FT_E_USAGE, "addresses are not in this store");
    }
    return ft__sums_there(d, err);
}

static int answer(struct ft_desk *d, struct question *q, struct ft_text *out, struct ft_err *err)
{
    if (d->table[FT__FLOW].rows == 0) {
        ft_text_put(out, "\"columns\":[],\"rows\":[],\"other\":null,\"total\":null");
        return FT_OK;
    }
    bool enough = true;
    int rc = has_columns(d, q, err);

    rc = rc == FT_OK ? ft__sums_enough(d, &q->span, &enough, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    if (!enough) {
        ft_text_format(out,
                       "\"columns\":[],\"rows\":[],\"other\":null,\"total\":null,"
                       "\"withheld\":\"fewer than %d hosts\"",
                       FT__DESK_K);
        return FT_OK;
    }
    ft_text_format(out, "\"counted\":\"%s\",", q->minutes ? "minutes" : "flow records");
    return q->minutes ? from_minutes(d, q, out, err) : from_flows(d, q, out, err);
}

int ft__tool_top(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct question q = {0};
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK ? read_question(d, args, &q, err) : rc;
    ft_text_put(out, "{");
    rc = rc == FT_OK ? answer(d, &q, out, err) : rc;
    rc = rc == FT_OK ? ft__desk_said(d, &q.span, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
