/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap mcp, flowtap serve: a store for agents. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"
#include "flowtap/sandbox.h"
#include "flowtap/serve.h"

enum { ORIGINS = 16 };

struct arguments {
    struct ft_serve_config config;
    const char *origins[ORIGINS];
    bool http; /* the command takes what HTTP takes */
    bool help;
};

static int take_privacy(struct arguments *a, const char *command, const char *value)
{
    if (value[0] < '0' || value[0] > '4' || value[1] != '\0') {
        say("%s: --privacy '%s': allowed is 0 (all), 1 (no names), 2 (mapped addresses), 3 "
            "(tokens) or 4 (aggregates)",
            command, value);
        return EXIT_WRONG;
    }
    a->config.privacy = value[0] - '0';
    return EXIT_GOOD;
}

static int take_value(struct arguments *a, const char *command, const char *name, const char *value)
{
    if (strcmp(name, "--privacy") == 0) {
        return take_privacy(a, command, value);
    }
    if (strcmp(name, "--origin") == 0) {
        if (a->config.n_origins == ORIGINS) {
            say("%s: --origin: %d at most", command, ORIGINS);
            return EXIT_WRONG;
        }
        a->origins[a->config.n_origins++] = value;
        return EXIT_GOOD;
    }
    *(strcmp(name, "--store") == 0  ? &a->config.store
      : strcmp(name, "--http") == 0 ? &a->config.http
                                    : &a->config.token_file) = value;
    return EXIT_GOOD;
}

static bool is_option(const struct arguments *a, const char *name)
{
    static const char *const names[] = {"--store", "--privacy", "--http", "--token-file",
                                        "--origin"};
    size_t n = a->http ? sizeof names / sizeof names[0] : 2;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int take_arguments(struct arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            a->help = true;
            return EXIT_GOOD;
        }
        if (!is_option(a, argv[i])) {
            say("%s: '%s': allowed are --store, --privacy%s", argv[0], argv[i],
                a->http ? ", --http, --token-file, --origin" : "");
            return EXIT_WRONG;
        }
        if (i + 1 >= argc) {
            say("%s: %s: wants a value", argv[0], argv[i]);
            return EXIT_WRONG;
        }
        const char *name = argv[i++];
        int rc = take_value(a, argv[0], name, argv[i]);

        if (rc != EXIT_GOOD) {
            return rc;
        }
    }
    if (a->config.store == NULL || (a->http && a->config.http == NULL)) {
        say("%s: wants --store DIR%s", argv[0], a->http ? " and --http ADDR:PORT" : "");
        return EXIT_WRONG;
    }
    return EXIT_GOOD;
}

/* A handle that can be read when it shall end. Before any thread is started. */
static int stop_handle(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};
    sigset_t set;

    sigaction(SIGPIPE, &sa, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int wait_for_stop(int stop)
{
    struct pollfd fd = {.fd = stop, .events = POLLIN};

    while (poll(&fd, 1, -1) < 0 && errno == EINTR) {
    }
    return FT_OK;
}

static int answer(const struct arguments *a, struct ft_serve *s, int stop, struct ft_err *err)
{
    if (a->config.token_file != NULL) {
        ft_sandbox_protect();
    }
    int rc = ft_sandbox_enter_serve(a->config.store, err);

    if (rc == FT_E_UNSUPPORTED) {
        say("no system-call filter: %s", err->what);
        rc = FT_OK;
    }
    if (rc == FT_OK && !a->http) {
        return ft_serve_stdio(s, STDIN_FILENO, STDOUT_FILENO, stop, err);
    }
    if (rc == FT_OK) {
        rc = ft_serve_http(s, err);
    }
    if (rc == FT_OK) {
        say("agents: http://%s/mcp", ft_serve_address(s));
        rc = wait_for_stop(stop);
    }
    return rc;
}

static int run(const struct command *c, struct arguments *a, int argc, char **argv)
{
    struct ft_serve *s = NULL;
    struct ft_err err = {0};
    int status = take_arguments(a, argc, argv);

    if (status != EXIT_GOOD) {
        return status;
    }
    if (a->help) {
        help_command(c, stdout);
        return EXIT_GOOD;
    }
    int stop = stop_handle();
    int rc = ft_serve_open(&a->config, &s, &err);

    if (rc == FT_OK) {
        rc = answer(a, s, stop, &err);
    }
    ft_serve_close(s);
    close(stop);
    if (rc != FT_OK) {
        say("error: %s", err.what);
    }
    return rc == FT_OK ? EXIT_GOOD : rc == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
}

int cmd_mcp(const struct command *c, int argc, char **argv)
{
    struct arguments a = {.config = {.privacy = -1}};

    return run(c, &a, argc, argv);
}

int cmd_serve(const struct command *c, int argc, char **argv)
{
    struct arguments a = {.config = {.privacy = -1}, .http = true};

    a.config.origins = a.origins;
    return run(c, &a, argc, argv);
}
