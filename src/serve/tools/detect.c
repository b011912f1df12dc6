/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the tool detect: alerts, newest first, each rule with its definition and evidence. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "detect/rules.h"
#include "serve/alerts.h"
#include "serve/cursor.h"
#include "serve/grid.h"

enum { LIMIT = 20 };

static const char severities[] =
    "CASE severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END";

struct question {
    struct ft__cursor cursor;
    bool is_next;
    uint32_t limit;
    size_t most;
    uint32_t rules; /* a bit for each; 0: all */
    int severity;   /* at least */
    double score;   /* at least; NAN: any, and none */
};

/* ---- kinds ---- */

/* Rules by what they are about; the rules' own names are kinds, too. */
static const struct {
    const char *name;
    uint32_t rules;
} kinds[] = {
    {"scan", 1u << FT_RULE_ADDRESS_SCAN | 1u << FT_RULE_PORT_SCAN | 1u << FT_RULE_TRW_SCAN},
    {"ddos", 1u << FT_RULE_SYN_FLOOD | 1u << FT_RULE_VOLUME_FLOOD | 1u << FT_RULE_AMPLIFICATION},
    {"exfil", 1u << FT_RULE_EXFILTRATION | 1u << FT_RULE_DNS_TUNNEL},
    {"new", 1u << FT_RULE_NEW_HOST | 1u << FT_RULE_NEW_PEER | 1u << FT_RULE_NEW_SERVICE},
    {"dns", 1u << FT_RULE_DNS_TUNNEL | 1u << FT_RULE_DGA},
};

static int read_kind(const char *text, uint32_t *out, struct ft_err *err)
{
    struct ft_nearest nearest = {0};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(text, kinds[i].name) == 0) {
            *out = kinds[i].rules;
            return FT_OK;
        }
    }
    for (uint32_t i = 0; i < FT_RULE__COUNT; i++) {
        if (strcmp(text, ft_rules_known[i].name) == 0) {
            *out = 1u << i;
            return FT_OK;
        }
        ft_nearest_try(&nearest, text, ft_rules_known[i].name);
    }
    return ft_err_set(err, FT_E_USAGE,
                      "kind: scan, ddos, exfil, new, dns, or a rule like beacon, dga, policy%s%s",
                      nearest.name != NULL ? "; did you mean " : "",
                      nearest.name != NULL ? nearest.name : "");
}

static int read_severity(const char *text)
{
    for (int i = 0; i < FT_SEVERITY__COUNT; i++) {
        if (text != NULL && strcmp(text, ft_severity_name((enum ft_severity)i)) == 0) {
            return i;
        }
    }
    return 0;
}

static int read_question(struct ft_desk *d, const cJSON *args, struct question *q,
                         struct ft_err *err)
{
    char score[32];
    const char *cursor = ft__arg_text(args, "cursor");
    const char *words[] = {ft__arg_text(args, "kind"), ft__arg_text(args, "min_severity"),
                           ft__arg_text(args, "window"), score};
    double limit = ft__arg_number(args, "limit", NAN);
    int rc = words[0] != NULL ? read_kind(words[0], &q->rules, err) : FT_OK;

    q->severity = read_severity(words[1]);
    q->score = ft__arg_number(args, "min_score", NAN);
    snprintf(score, sizeof score, "%.17g", q->score);
    q->limit = isnan(limit) ? LIMIT : (uint32_t)limit;
    q->most = isnan(limit) ? FT__DESK_DEFAULT : FT__DESK_MOST;
    q->cursor.question = ft__cursor_question(words, 4);
    q->is_next = cursor != NULL;
    if (rc != FT_OK) {
        return rc;
    }
    q->cursor.value = (int64_t)d->last_slice;
    return cursor != NULL ? ft__cursor_read(cursor, q->cursor.question, &q->cursor, err)
                          : ft__span_read(d, words[2], "1d", &q->cursor.span, err);
}

/* ---- SQL ---- */

static void put_conditions(const struct question *q, struct ft_text *sql)
{
    const char *sep = " AND rule IN (";

    ft__span_sql(&q->cursor.span, sql);
    for (uint32_t i = 0; i < FT_RULE__COUNT; i++) {
        if ((q->rules >> i & 1) != 0) {
            ft_text_format(sql, "%s'%s'", sep, ft_rules_known[i].name);
            sep = ", ";
        }
    }
    ft_text_put(sql, q->rules != 0 ? ")" : "");
    if (q->severity > 0) {
        ft_text_format(sql, " AND %s >= %d", severities, q->severity);
    }
    if (!isnan(q->score)) {
        ft_text_format(sql, " AND score >= %.17e", q->score);
    }
}

/* At FT_PRIVACY_AGGREGATES: how many alerts of how many hosts, rule by rule. */
static int count_rules(struct ft_desk *d, const struct question *q, struct ft_text *out,
                       struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__grid_column(&g, "rule", FT_VEILED_PLAIN);
    ft__grid_column(&g, "severity", FT_VEILED_PLAIN);
    ft__grid_column(&g, "alerts", FT__GRID_COUNT);
    ft__grid_column(&g, "hosts", FT__GRID_COUNT);
    ft_text_put(&sql, "SELECT rule, severity, count(*), count(DISTINCT address) FROM alert WHERE ");
    put_conditions(q, &sql);
    ft_text_format(&sql, " GROUP BY 1, 2 HAVING count(DISTINCT address) >= %d ORDER BY 3 DESC, 1",
                   FT__DESK_K);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__grid_query(d, &g, sql.p, 0, err) : rc;
    ft__grid_put(d, &g, (double)q->cursor.span.to_us / 1e6, FT__DESK_MOST, out);
    ft_text_format(out, ",\"withheld\":\"rules with fewer than %d hosts\"", FT__DESK_K);
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

static void put_more(const struct question *q, size_t shown, bool more, struct ft_text *out)
{
    ft_text_format(out, ",\"truncated\":%s", more ? "true" : "false");
    if (more && shown > 0) {
        char text[FT__CURSOR];
        struct ft__cursor next = q->cursor;

        next.skip += shown;
        ft__cursor_put(&next, text);
        ft_text_format(out, ",\"next_cursor\":\"%s\"", text);
    }
}

static int list(struct ft_desk *d, const struct question *q, struct ft_text *out,
                struct ft_err *err)
{
    struct ft__grid g = {0};
    struct ft_text sql = {0};

    ft__alerts_columns(d, &g, &sql);
    put_conditions(q, &sql);
    ft__cursor_put_known(&q->cursor, &sql);
    ft_text_format(&sql, " ORDER BY timestamp DESC, rowid LIMIT %u OFFSET %llu", q->limit + 1,
                   (unsigned long long)q->cursor.skip);
    int rc = ft__desk_done(&sql, err);

    rc = rc == FT_OK ? ft__grid_query(d, &g, sql.p, q->limit + 1, err) : rc;
    if (rc == FT_OK) {
        bool more = g.rows > q->limit;
        size_t shown;

        g.rows -= more;
        shown = ft__alerts_put(d, &g, (double)q->cursor.span.to_us / 1e6, q->most, out);
        put_more(q, shown, more || shown < g.rows, out);
    }
    ft_text_fini(&sql);
    ft__grid_fini(&g);
    return rc;
}

int ft__tool_detect(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err)
{
    struct question q = {0};
    int rc = ft__desk_begin(d, err);

    rc = rc == FT_OK ? read_question(d, args, &q, err) : rc;
    if (rc != FT_OK) {
        return rc;
    }
    ft_text_put(out, "{");
    if (d->table[FT__ALERT].rows == 0) {
        ft_text_put(out, "\"rules\":[],\"truncated\":false");
    } else if (d->privacy >= FT_PRIVACY_AGGREGATES) {
        rc = count_rules(d, &q, out, err);
    } else {
        rc = list(d, &q, out, err);
    }
    rc = rc == FT_OK ? ft__desk_said(d, &q.cursor.span, out, err) : rc;
    ft_text_put(out, "}");
    return rc == FT_OK ? ft__desk_done(out, err) : rc;
}
