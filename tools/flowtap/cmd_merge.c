/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap merge: flow records of many observers as one stream. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "flowtap/merge.h"

enum { INPUTS = 1024, GROUPS = 320 };

struct arguments {
    struct ft_merge_config cfg;
    const char *output;
    const char *input[INPUTS];
    uint32_t n_inputs;
    struct {
        const char *option, *value;
    } group[GROUPS];
    uint32_t n_groups;
    bool quiet, help, arrow;
};

struct target {
    int fd;
    int error;
};

static int put(void *cookie, const char *data, size_t len)
{
    struct target *t = cookie;

    while (len > 0) {
        ssize_t n = write(t->fd, data, len);

        if (n < 0 && errno != EINTR) {
            t->error = errno;
            return 1;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static bool number(const char *text, double most, double *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && errno == 0 && *out >= 0 && *out <= most;
}

/* An option that takes a value; EXIT_GOOD: it was taken. */
static int take_option(struct arguments *a, const char *name, const char *value)
{
    static const double days = 366 * 86400.0;
    double v;

    if (strcmp(name, "--output") == 0 || strcmp(name, "-o") == 0) {
        a->arrow = strncmp(value, "arrow:", 6) == 0;
        a->output = a->arrow ? value + 6 : strncmp(value, "ndjson:", 7) == 0 ? value + 7 : value;
        return EXIT_GOOD;
    }
    if (strcmp(name, "--window") == 0 || strcmp(name, "--tolerance") == 0) {
        if (!number(value, days, &v)) {
            say("merge: %s '%s': allowed is a number of seconds from 0 to %.0f", name, value, days);
            return EXIT_WRONG;
        }
        *(name[2] == 'w' ? &a->cfg.window_ns : &a->cfg.tolerance_ns) = (int64_t)(v * 1e9);
        return EXIT_GOOD;
    }
    if (strcmp(name, "--max-flows") == 0) {
        if (!number(value, 1 << 27, &v) || v < 1 || v != (double)(uint32_t)v) {
            say("merge: --max-flows '%s': allowed is a whole number from 1 to %d", value, 1 << 27);
            return EXIT_WRONG;
        }
        a->cfg.max_flows = (uint32_t)v;
        return EXIT_GOOD;
    }
    if (a->n_groups == GROUPS) {
        say("merge: %s: there are too many", name);
        return EXIT_WRONG;
    }
    a->group[a->n_groups].option = name;
    a->group[a->n_groups++].value = value;
    return EXIT_GOOD;
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {"--output",    "-o",       "--window", "--tolerance",
                                        "--max-flows", "--copies", "--parts",  "--sampled"};

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
            say("merge: %s: wants a value", arg);
            return EXIT_WRONG;
        }
        return take_option(a, arg, argv[++*i]);
    }
    if ((arg[0] == '-' && arg[1] != '\0') || a->n_inputs == INPUTS) {
        say("merge: '%s': allowed are INPUT, --output, --copies, --parts, --sampled, --window, "
            "--tolerance, --max-flows, --quiet",
            arg);
        return EXIT_WRONG;
    }
    a->input[a->n_inputs++] = arg;
    return EXIT_GOOD;
}

static int set_up(const struct arguments *a, struct ft_merge *m, struct ft_err *err)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < a->n_groups && rc == FT_OK; i++) {
        const char *option = a->group[i].option, *value = a->group[i].value;

        if (strcmp(option, "--sampled") == 0) {
            rc = ft_merge_sampled(m, value, err);
        } else {
            rc = ft_merge_group(
                m, strcmp(option, "--copies") == 0 ? FT_MERGE_COPIES : FT_MERGE_PARTS, value, err);
        }
    }
    for (uint32_t i = 0; i < a->n_inputs && rc == FT_OK; i++) {
        rc = ft_merge_input(m, a->input[i], err);
    }
    return rc == FT_OK && a->n_inputs == 0 ? ft_merge_input(m, "-", err) : rc;
}

static void print_account(const struct ft_merge *m)
{
    struct ft_merge_stats s;

    ft_merge_get_stats(m, &s);
    say("lines %llu = %llu merged + %llu passed + %llu left out as late + %llu malformed",
        (unsigned long long)s.lines, (unsigned long long)s.merged, (unsigned long long)s.passed,
        (unsigned long long)s.late_left_out, (unsigned long long)s.malformed);
    say("flow records %llu of %u observers; merged flows %llu, early %llu; late records %llu; "
        "without a key %llu",
        (unsigned long long)s.records, s.observers, (unsigned long long)s.written,
        (unsigned long long)s.early, (unsigned long long)s.late, (unsigned long long)s.without_key);
    if (s.events_left_out + s.values_left_out > 0) {
        say("not in Arrow: %llu events that are no flow records, %llu values of other columns or "
            "types",
            (unsigned long long)s.events_left_out, (unsigned long long)s.values_left_out);
    }
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), len = strlen(end);

    return n >= len && strcmp(text + n - len, end) == 0;
}

static int run(const struct arguments *a, struct ft_merge *m)
{
    struct target t = {.fd = STDOUT_FILENO};
    bool to_file = a->output != NULL && strcmp(a->output, "-") != 0;
    struct ft_err err;
    int rc = set_up(a, m, &err);

    if (a->arrow) {
        ft_merge_arrow(m, ends_in(a->output, ".arrow"));
    }
    if (rc == FT_OK && to_file) {
        t.fd = open(a->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        if (t.fd < 0) {
            rc = FT_E_IO;
            snprintf(err.what, sizeof err.what, "%s: %s", a->output, strerror(errno));
        }
    }
    if (rc != FT_OK) {
        say("error: %s", err.what);
        return rc == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
    }
    rc = ft_merge_run(m, put, &t, &err);
    if (to_file && close(t.fd) != 0 && t.error == 0) {
        t.error = errno;
    }
    if (t.error != 0) {
        say("error: %s: %s", to_file ? a->output : "stdout", strerror(t.error));
    } else if (rc != FT_OK) {
        say("error: %s", err.what);
    }
    if (!a->quiet) {
        print_account(m);
    }
    return rc == FT_OK && t.error == 0 ? EXIT_GOOD : EXIT_FAILED;
}

int cmd_merge(const struct command *c, int argc, char **argv)
{
    static struct arguments a = {.cfg = {.window_ns = INT64_C(120000000000),
                                         .tolerance_ns = INT64_C(1000000000),
                                         .max_flows = 262144}};
    struct ft_merge *m;
    struct ft_err err;

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
    if (ft_merge_new(&a.cfg, &m, &err) != FT_OK) {
        say("error: %s", err.what);
        return EXIT_FAILED;
    }
    int rc = run(&a, m);

    ft_merge_free(m);
    return rc;
}
