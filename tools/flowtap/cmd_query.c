/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap query: SQL over a store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "flowtap/store.h"
#include "rows.h"

enum { LIMIT = 1000, TIMEOUT_S = 10, K = 10 /* similar ones */ }; /* unless told */

struct arguments {
    const char *folder, *sql, *parquet, *similar, *from, *to, *table;
    uint32_t k, span_s;
    enum rows_form form;
    double timeout_s, limit; /* < 0: not told */
    bool quiet, help;
};

static bool number(const char *text, double most, double *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && *out >= 0 && *out <= most;
}

/* Seconds since 1970, or a time of UTC as 2026-11-29T13:15:00Z. */
static bool moment(const char *text, double *out)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (rest == NULL) {
        memset(&tm, 0, sizeof tm);
        rest = strptime(text, "%Y-%m-%d", &tm);
    }
    if (rest != NULL && (*rest == '\0' || strcmp(rest, "Z") == 0)) {
        *out = (double)timegm(&tm);
        return true;
    }
    return number(text, 1e12, out);
}

static int take_form(struct arguments *a, const char *value)
{
    static const char *const names[] = {"ndjson", "csv", "table"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(value, names[i]) == 0) {
            a->form = (enum rows_form)i;
            return EXIT_GOOD;
        }
    }
    say("query: --format '%s': allowed is ndjson, csv or table", value);
    return EXIT_WRONG;
}

/* An option that takes a value. */
static int take_option(struct arguments *a, const char *name, const char *value)
{
    double v;

    if (strcmp(name, "--format") == 0) {
        return take_form(a, value);
    }
    if (strcmp(name, "--timeout") == 0 || strcmp(name, "--limit") == 0) {
        double most = name[2] == 't' ? 3600 : 1e15;

        if (!number(value, most, &v) || (name[2] == 'l' && v != (double)(uint64_t)v)) {
            say("query: %s '%s': allowed is a %s from 0 (none) to %.0f", name, value,
                name[2] == 't' ? "number of seconds" : "whole number", most);
            return EXIT_WRONG;
        }
        a->timeout_s = name[2] == 't' ? v : a->timeout_s;
        a->limit = name[2] == 'l' ? v : a->limit;
        return EXIT_GOOD;
    }
    if (strcmp(name, "--k") == 0 || strcmp(name, "--span") == 0) {
        double least = name[2] == 'k' ? 1 : 0, most = name[2] == 'k' ? FT_STORE_SIMILAR_MOST : 1e6;

        if (!number(value, most, &v) || v < least || v != (double)(uint32_t)v) {
            say("query: %s '%s': allowed is a whole number from %.0f to %.0f", name, value, least,
                most);
            return EXIT_WRONG;
        }
        *(name[2] == 'k' ? &a->k : &a->span_s) = (uint32_t)v;
        return EXIT_GOOD;
    }
    if ((strcmp(name, "--from") == 0 || strcmp(name, "--to") == 0) && !moment(value, &v)) {
        say("query: %s '%s': allowed is a number of seconds since 1970, or a time of UTC such as "
            "2026-11-29T13:15:00Z",
            name, value);
        return EXIT_WRONG;
    }
    *(strcmp(name, "--from") == 0      ? &a->from
      : strcmp(name, "--to") == 0      ? &a->to
      : strcmp(name, "--table") == 0   ? &a->table
      : strcmp(name, "--similar") == 0 ? &a->similar
                                       : &a->parquet) = value;
    return EXIT_GOOD;
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {"--format", "--timeout", "--limit",   "--from", "--to",
                                        "--table",  "--parquet", "--similar", "--k",    "--span"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int take_argument(struct arguments *a, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];

    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        a->help = true;
        return EXIT_GOOD;
    }
    if (strcmp(arg, "--quiet") == 0) {
        a->quiet = true;
        return EXIT_GOOD;
    }
    if (takes_value(arg)) {
        if (*i + 1 >= argc) {
            say("query: %s: wants a value", arg);
            return EXIT_WRONG;
        }
        return take_option(a, arg, argv[++*i]);
    }
    if ((arg[0] == '-' && arg[1] == '-') || a->sql != NULL) {
        say("query: '%s': allowed are DIR, a SELECT, --format, --timeout, --limit, --parquet, "
            "--similar, --k, --span, --table, --from, --to, --quiet",
            arg);
        return EXIT_WRONG;
    }
    *(a->folder == NULL ? &a->folder : &a->sql) = arg;
    return EXIT_GOOD;
}

/* How old, how complete: one line. */
static void tell(const struct ft_store_result *r)
{
    char lost[128] = "", age[64] = "the store is empty";

    if (r->newest_s != 0) {
        snprintf(age, sizeof age, "newest slice %lld s old", (long long)(time(NULL) - r->newest_s));
    }
    if (r->has_account) {
        char kernel[32] = "unknown";

        if (r->has_kernel_dropped) {
            snprintf(kernel, sizeof kernel, "%llu", (unsigned long long)r->kernel_dropped);
        }
        snprintf(lost, sizeof lost,
                 "; received %llu, dropped by the kernel %s, by queues %llu, events lost %llu",
                 (unsigned long long)r->received, kernel, (unsigned long long)r->queue_dropped,
                 (unsigned long long)r->events_lost);
    }
    say("%llu rows%s; %s%s", (unsigned long long)r->rows,
        r->cut ? " (there are more: --limit)" : "", age, lost);
}

static void tell_bad(const struct ft_store_result *r)
{
    if (r->slices_bad > 0) {
        say("%u damaged slices were left out; %s", r->slices_bad, r->bad);
    }
    if (r->slices_gone > 0) {
        say("%u slices were dropped meanwhile, and left out", r->slices_gone);
    }
}

/* What the like of was looked for, and among how many. */
static void tell_origin(const struct ft_store_origin *o)
{
    if (o->span_s > 0) {
        say("like its window of %u s at %.6f; %llu vectors, %s", o->span_s, o->timestamp,
            (unsigned long long)o->vectors, o->vector_id);
    } else {
        say("like its record of %.6f; %llu vectors, %s", o->timestamp,
            (unsigned long long)o->vectors, o->vector_id);
    }
}

/* Rows of a SELECT, or of what is similar. */
static int answer(const struct arguments *a, const struct ft_store_range *range,
                  const struct ft_store_limits *limits, struct ft_store *s,
                  struct ft_store_result *r, struct ft_err *err)
{
    struct rows *rows = rows_new(a->form, stdout);
    struct ft_store_take take = {rows_columns, rows_row, rows};
    struct ft_store_origin origin;
    int rc;

    if (rows == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    if (a->similar != NULL) {
        struct ft_store_similar ask = {.id = a->similar,
                                       .table = a->table,
                                       .k = a->k,
                                       .from = range->from,
                                       .to = range->to,
                                       .span_s = a->span_s};

        rc = ft_store_similar(s, &ask, limits, &take, &origin, r, err);
    } else {
        rc = ft_store_query(s, a->sql, limits, &take, r, err);
    }
    rows_end(rows);
    if (rc == FT_OK && a->similar != NULL && !a->quiet) {
        tell_origin(&origin);
    }
    return rc;
}

static int run(const struct arguments *a, struct ft_store *s)
{
    bool file = a->parquet != NULL; /* all of it, as long as it takes */
    double rows = a->limit >= 0 ? a->limit : file ? 0 : LIMIT;
    double timeout_s = a->timeout_s >= 0 ? a->timeout_s : file ? 0 : TIMEOUT_S;
    struct ft_store_limits limits = {.rows = (uint64_t)rows,
                                     .timeout_ms = (int64_t)(timeout_s * 1000)};
    struct ft_store_range range = {.table = a->table, .from = -1e12, .to = 1e12};
    struct ft_store_result r = {0};
    struct ft_err err = {0};

    if (a->from != NULL) {
        moment(a->from, &range.from);
    }
    if (a->to != NULL) {
        moment(a->to, &range.to);
    }
    int rc = file ? ft_store_export(s, &range, &limits, a->parquet, &r, &err)
                  : answer(a, &range, &limits, s, &r, &err);

    if (rc != FT_OK) {
        say("error: %s", err.what);
    } else if (!a->quiet) {
        tell(&r);
    }
    tell_bad(&r);
    return rc == FT_OK && r.slices_bad == 0 ? EXIT_GOOD
           : rc == FT_E_USAGE               ? EXIT_WRONG
                                            : EXIT_FAILED;
}

/* Is what is asked one thing? */
static int check(const struct arguments *a)
{
    int n = (a->sql != NULL) + (a->parquet != NULL) + (a->similar != NULL);

    if (a->folder == NULL || n != 1) {
        say("query: wants the folder of a store, and one of a SELECT, --similar ID, --parquet "
            "FILE");
        return EXIT_WRONG;
    }
    if (a->sql != NULL && (a->from != NULL || a->to != NULL || a->table != NULL)) {
        say("query: --from, --to and --table are for --similar and --parquet; a SELECT has WHERE "
            "timestamp >= ...");
        return EXIT_WRONG;
    }
    if (a->similar == NULL && (a->k != K || a->span_s != 0)) {
        say("query: --k and --span are for --similar");
        return EXIT_WRONG;
    }
    return EXIT_GOOD;
}

int cmd_query(const struct command *c, int argc, char **argv)
{
    struct arguments a = {.timeout_s = -1, .limit = -1, .k = K};
    struct ft_store *s;
    struct ft_err err = {0};

    for (int i = 1; i < argc; i++) {
        int rc = take_argument(&a, argc, argv, &i);

        if (rc != EXIT_GOOD) {
            return rc;
        }
    }
    if (a.help) {
        help_command(c, stdout);
        return EXIT_GOOD;
    }
    int wrong = check(&a);

    if (wrong != EXIT_GOOD) {
        return wrong;
    }
    if (ft_store_open(a.folder, &s, &err) != FT_OK) {
        say("error: %s", err.what);
        return EXIT_FAILED;
    }
    int rc = run(&a, s);

    ft_store_close(s);
    return rc;
}
