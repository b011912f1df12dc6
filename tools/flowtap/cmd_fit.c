/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap fit: what vectors are centred, scaled and whitened by, out of captures or records. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "flowtap/fit.h"
#include "flowtap/merge.h"

enum { INPUTS = 1024, HEAD = 4 };

struct arguments {
    struct ft_fit_config cfg;
    const char *output, *window, *workers;
    const char *input[INPUTS];
    uint32_t n_inputs;
    bool quiet, help;
};

/* ---- arguments ---- */

static int take_rows(struct arguments *a, const char *value)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || n < 1 || n > FT_FIT_ROWS_MOST) {
        say("fit: --rows '%s': allowed is a whole number from 1 to %d", value, FT_FIT_ROWS_MOST);
        return EXIT_WRONG;
    }
    a->cfg.max_rows = (uint32_t)n;
    return EXIT_GOOD;
}

static int take_value(struct arguments *a, const char *name, const char *value)
{
    if (value == NULL) {
        say("fit: %s: wants a value", name);
        return EXIT_WRONG;
    }
    if (strcmp(name, "--rows") == 0) {
        return take_rows(a, value);
    }
    *(strcmp(name, "--window") == 0    ? &a->window
      : strcmp(name, "--workers") == 0 ? &a->workers
                                       : &a->output) = value;
    return EXIT_GOOD;
}

static bool takes_value(const char *name)
{
    static const char *const names[] = {"--output", "-o", "--rows", "--window", "--workers"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int take_argument(struct arguments *a, char **argv, int *i)
{
    const char *arg = argv[*i];

    if (takes_value(arg)) {
        *i += argv[*i + 1] != NULL;
        return take_value(a, arg, argv[*i] != arg ? argv[*i] : NULL);
    }
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        a->help = true;
    } else if (strcmp(arg, "--quiet") == 0) {
        a->quiet = true;
    } else if (strcmp(arg, "--whiten") == 0) {
        a->cfg.whiten = true;
    } else if ((arg[0] == '-' && arg[1] != '\0') || a->n_inputs == INPUTS) {
        say("fit: '%s': allowed are INPUT, --output, --whiten, --rows, --window, --workers, "
            "--quiet",
            arg);
        return EXIT_WRONG;
    } else {
        a->input[a->n_inputs++] = arg;
    }
    return EXIT_GOOD;
}

/* ---- inputs ---- */

/* Its first bytes say that it is a capture, or packed as one may be; records are the rest. */
static bool is_capture(const char *path)
{
    static const unsigned char begins[][HEAD] = {
        {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0xc3, 0xd4}, {0x4d, 0x3c, 0xb2, 0xa1},
        {0xa1, 0xb2, 0x3c, 0x4d}, {0x0a, 0x0d, 0x0d, 0x0a}, {0x28, 0xb5, 0x2f, 0xfd}};
    unsigned char head[HEAD] = {0};
    int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    bool is = false;

    if (fd < 0) {
        return false;
    }
    if (read(fd, head, sizeof head) == HEAD) {
        is = head[0] == 0x1f && head[1] == 0x8b;
        for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
            is = is || memcmp(head, begins[i], HEAD) == 0;
        }
    }
    close(fd);
    return is;
}

static int configure(const struct arguments *a, struct ft_config *cfg, struct ft_err *err)
{
    int rc = ft_config_set(cfg, "events", "flow,window", err);

    rc = rc == FT_OK ? ft_config_set(cfg, "profile", "vector", err) : rc;
    rc = rc == FT_OK ? ft_config_set(cfg, "vector-fit", "raw", err) : rc;
    if (rc == FT_OK && a->window != NULL) {
        rc = ft_config_set(cfg, "window", a->window, err);
    }
    if (rc == FT_OK && a->workers != NULL) {
        rc = ft_config_set(cfg, "workers", a->workers, err);
    }
    return rc;
}

/* All captures, by a pipeline whose only output is the fit. */
static int run_captures(const struct arguments *a, struct ft_fit *fit, struct ft_err *err)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);
    struct ft_pipeline *p = NULL;
    uint32_t n = 0;
    int rc = cfg != NULL ? configure(a, cfg, err) : FT_E_NOMEM;

    for (uint32_t i = 0; i < a->n_inputs && rc == FT_OK; i++) {
        if (is_capture(a->input[i])) {
            rc = ft_config_add_input(cfg, a->input[i], err);
            n++;
        }
    }
    if (rc == FT_OK && n > 0) {
        rc = ft_pipeline_new(cfg, NULL, NULL, &p, err);
        rc = rc == FT_OK ? ft_pipeline_add_callback(p, "fit", ft_fit_lines, fit, err) : rc;
        rc = rc == FT_OK ? ft_pipeline_start(p, err) : rc;
        while (rc == FT_OK && ft_pipeline_wait(p, 1000) == FT_E_AGAIN) {
        }
        rc = rc == FT_OK ? ft_pipeline_finish(p, err) : rc;
    }
    ft_pipeline_free(p);
    ft_config_free(cfg);
    return rc;
}

static int put(void *fit, const char *data, size_t len)
{
    return ft_fit_lines(fit, data, len);
}

/* All records: NDJSON and Arrow. */
static int run_records(const struct arguments *a, struct ft_fit *fit, struct ft_err *err)
{
    struct ft_merge_config cfg = {.max_flows = 1};
    struct ft_merge *m;
    uint32_t n = 0;
    int rc = ft_merge_new(&cfg, &m, err);

    if (rc != FT_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < a->n_inputs && rc == FT_OK; i++) {
        if (!is_capture(a->input[i])) {
            rc = ft_merge_input(m, a->input[i], err);
            n++;
        }
    }
    rc = rc == FT_OK && n > 0 ? ft_merge_run(m, put, fit, err) : rc;
    ft_merge_free(m);
    return rc;
}

/* ---- the file ---- */

static int write_all(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    int error = fd < 0 ? errno : 0;

    while (error == 0 && len > 0) {
        ssize_t n = write(fd, text, len);

        error = n < 0 && errno != EINTR ? errno : 0;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && close(fd) != 0 && error == 0) {
        error = errno;
    }
    if (error != 0) {
        say("error: %s: %s", path, strerror(error));
        return EXIT_FAILED;
    }
    return EXIT_GOOD;
}

static void print_account(const struct ft_fit *fit)
{
    struct ft_fit_stats s;

    ft_fit_get_stats(fit, &s);
    say("fitted on %llu of %llu flows, %llu of %llu windows of hosts; left out: %llu interim "
        "records, %llu of another transform, %llu without a vector",
        (unsigned long long)s.kept[0], (unsigned long long)s.rows[0], (unsigned long long)s.kept[1],
        (unsigned long long)s.rows[1], (unsigned long long)s.interim, (unsigned long long)s.cooked,
        (unsigned long long)s.without);
}

static int run(const struct arguments *a, struct ft_fit *fit)
{
    struct ft_err err = {0};
    char *text = NULL;
    size_t len = 0;
    int rc = run_captures(a, fit, &err);

    rc = rc == FT_OK ? run_records(a, fit, &err) : rc;
    rc = rc == FT_OK ? ft_fit_finish(fit, &text, &len, &err) : rc;
    if (!a->quiet) {
        print_account(fit);
    }
    if (rc != FT_OK) {
        say("error: %s", err.what);
        return rc == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
    }
    int status = EXIT_GOOD;

    if (strcmp(a->output, "-") == 0) {
        fwrite(text, 1, len, stdout);
    } else {
        status = write_all(a->output, text, len);
    }
    ft_fit_free_text(text);
    return status;
}

int cmd_fit(const struct command *c, int argc, char **argv)
{
    static struct arguments a = {.cfg = {.max_rows = FT_FIT_ROWS}};
    struct ft_fit *fit;
    struct ft_err err;

    for (int i = 1; i < argc; i++) {
        int rc = take_argument(&a, argv, &i);

        if (rc != EXIT_GOOD) {
            return rc;
        }
    }
    if (a.help) {
        help_command(c, stdout);
        return EXIT_GOOD;
    }
    if (a.n_inputs == 0 || a.output == NULL) {
        say("fit: %s is missing", a.n_inputs == 0 ? "INPUT" : "-o FILE");
        return EXIT_WRONG;
    }
    if (ft_fit_new(&a.cfg, &fit, &err) != FT_OK) {
        say("error: %s", err.what);
        return EXIT_FAILED;
    }
    int status = run(&a, fit);

    ft_fit_free(fit);
    return status;
}
