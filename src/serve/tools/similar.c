/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool similar: the flows, or hosts, whose vectors (-p vector) are nearest to one's. */
#include <math.h>
#include <string.h>

#include "serve/grid.h"

enum { K = 10, COLUMNS_MOST = 16 };

static const char *const of_flows[] = {"flow_id",     "timestamp",  "src_ip",     "dst_ip",
                                       "dst_port",    "protocol",   "byte_count", "packet_count",
                                       "duration_us", "conn_state", "app",        NULL};
static const char *const of_hosts[] = {"address",   "timestamp", "packets_out",      "packets_in",
                                       "bytes_out", "bytes_in",  "flows_out",        "flows_in",
                                       "peers_out", "ports",     "flows_failed_out", NULL};

struct question {
    struct ft_store_similar ask;
    struct ft__span span;
    char id[48]; /* as the store has it */
    bool hosts;
    size_t most; /* bytes */
    const char *columns[COLUMNS_MOST];
    struct ft__grid rows;
};

/* ---- the question ---- */

static int read_id(struct ft_desk *d, const cJSON *args, struct question *q, struct ft_err *err)
{
    const char *id = ft__arg_text(args, "id"), *ip = ft__arg_text(args, "ip");

    if ((id == NULL) == (ip == NULL)) {
        return ft_err_set(err, FT_E_USAGE, "write id, a flow_id, or ip, a host: one of them");
    }
    q->hosts = ip != NULL;
    return q->hosts ? ft_veil_read_address(d, ip, q->id, err)
                    : ft_veil_read_flow(d, id, q->id, err);
}

/* Those of the usual ones that the store has, and that may be shown. */
static int choose_columns(struct ft_desk *d, struct question *q, struct ft_err *err)
{
    enum ft__desk_table t = q->hosts ? FT__WINDOW : FT__FLOW;
    const char *const *names = q->hosts ? of_hosts : of_flows;

    if (d->table[t].rows == 0 || ft__desk_find(d, t, "vector") == NULL) {
        return ft_err_set(err, FT_E_NOT_FOUND,
                          "no vectors of %s are stored (-p vector -e %s of who writes the store)",
                          q->hosts ? "hosts" : "flows", q->hosts ? "window" : "flow");
    }
    ft__grid_column(&q->rows, "similarity", FT__GRID_RATE);
    for (; *names != NULL; names++) {
        const struct ft__desk_column *c = ft__desk_find(d, t, *names);
        enum ft_veiled how = c != NULL ? ft_veil_shows(d, c) : FT_VEILED_NOT;

        if (how != FT_VEILED_NOT) {
            q->columns[q->rows.n - 1] = *names;
            ft__grid_column(&q->rows, *names, (uint8_t)how);
        }
    }
    q->ask.columns = q->columns;
    q->ask.n_columns = q->rows.n - 1;
    return FT_OK;
}

static int read_question(struct ft_desk *d, const cJSON *args, struct question *q,
                         struct ft_err *err)
{
    const char *window = ft__arg_text(args, "window");
    bool all = window != NULL && strcmp(window, "all") == 0; /* spans begin before their records */
    double k = ft__arg_number(args, "k", NAN);
    int rc = read_id(d, args, q, err);

    rc = rc == FT_OK ? ft__span_read(d, window, "1h", &q->span, err) : rc;
    q->most = isnan(k) ? FT__DESK_DEFAULT : FT__DESK_MOST;
    q->ask = (struct ft_store_similar){.id = q->id,
                                       .table = q->hosts ? "window" : "flow",
                                       .k = isnan(k) ? K : (uint32_t)k,
                                       .from = all ? 0 : (double)q->span.from_us / 1e6,
                                       .to = (double)q->span.to_us / 1e6,
                                       .shuffle = ft_veil_order_key(d)};
    return rc == FT_OK ? choose_columns(d, q, err) : rc;
}

/* ---- the answer ---- */

static void put_answer(const struct ft_desk *d, const struct question *q,
                       const struct ft_store_origin *of, struct ft_text *out)
{
    double end_s = (double)q->span.to_us / 1e6;

    ft_text_put(out, "{\"of\":{\"");
    if (q->hosts) {
        ft_text_put(out, "host\":");
        ft_veil_address(d, q->id, strlen(q->id), out);
        ft_text_format(out, ",\"span_s\":%u", of->span_s);
    } else {
        ft_text_put(out, "flow_id\":");
        ft_veil_flow(d, q->id, strlen(q->id), out);
    }
    ft_text_put(out, ",\"time\":");
    ft__desk_put_time(out, of->timestamp);
    ft_text_format(
        out,
        "},\"compared\":%llu,\"similarity_is\":\"cosine of 32 numbers of %s: 1 is alike; "
        "of addresses, names and payload nothing\",",
        (unsigned long long)of->vectors,
        q->hosts ? "a window: packets, bytes, flows, fan-out, ports, entropies"
                 : "a flow: sizes, times, directions, flags, port classes");
    size_t shown = ft__grid_put(d, &q->rows, end_s, q->most, out);

    ft_text_format(out, ",\"truncated\":%s", shown < q->rows.rows ? "true" : "false");
}

static int similar(struct ft_desk *d, struct question *q, struct ft_text *out, struct ft_err *err)
{
    struct ft_store_origin of;
    int rc = ft__grid_similar(d, &q->rows, &q->ask, &of, err);

    if (rc == FT_E_NOT_FOUND) { /* err has the address */
        return ft_err_set(err, rc, "there is no %s of it with a vector in the store",
                          q->hosts ? "window" : "record");
    }
    if (rc != FT_OK) {
        return rc;
    }
    put_answer(d, q, &of, out);
    rc = ft__desk_said(d, &q->span, out, err);
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}

int ft__tool_similar(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct question q = {0};
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK ? read_question(d, args, &q, err) : rc;
    rc = rc == FT_OK ? similar(d, &q, out, err) : rc;
    ft__grid_fini(&q.rows);
    return rc;
}
