/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: the data commands: configuration, privileges, signals, the wait for the end. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "flowtap/metrics.h"
#include "flowtap/sandbox.h"
#include "notify.h"

/* Signal handlers reach the pipeline through this, once there is one; it is not used any more once
 * release_signals() has run. */
static struct ft_pipeline *_Atomic signalled;
static volatile sig_atomic_t stops, hangups;

static void on_stop(int sig)
{
    stops++;
    if (stops > 1 || signalled == NULL) { /* nothing was captured that could be drained */
        _exit(128 + sig);
    }
    ft_pipeline_stop(signalled);
}

static void on_hangup(int sig)
{
    (void)sig;
    hangups++;
    if (signalled != NULL) {
        ft_pipeline_reopen(signalled);
    }
}

/* Before the start, where a filter that is compiled or a name that is looked up may take minutes, a
 * stop ends the program at once: also as the first process of a container, which no signal ends
 * that it does not handle. */
static void install_signals(void)
{
    struct sigaction sa = {.sa_flags = SA_RESTART};

    sigemptyset(&sa.sa_mask);
    sa.sa_handler = on_stop;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sa.sa_handler = on_hangup;
    sigaction(SIGHUP, &sa, NULL);
}

/* Everything is written and the pipeline is about to go: a late signal has nothing left to do. */
static void release_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};

    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
}

static void ignore_signals(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGXFSZ, &sa, NULL); /* a file at its size limit: an error of write(2), not our end */
}

static int exit_status(int rc)
{
    return rc == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
}

static int fail(struct cli_log *log, int rc, const struct ft_err *err)
{
    cli_log(log, FT_LOG_ERROR, err->what);
    return exit_status(rc);
}

/* How the program was called, to read its configuration again. */
struct call {
    const struct command *command;
    int argc;
    char **argv;
};

/* What is open besides the pipeline, from before the privileges go. */
struct around {
    struct ft_opener *opener;
    struct ft_loader *loader;   /* NULL: there is no configuration to be loaded again */
    struct ft_metrics *metrics; /* --metrics, or NULL */
    struct notify notify;
    const struct call *call;
    struct ft_config
        *loaded; /* the configuration that was loaded last; owned, or NULL: the first */
    int hangups; /* that were answered */
};

/* Gives up what is not needed any more. Everything is open; no thread runs yet. */
static int confine(const struct ft_config *cfg, struct ft_pipeline *p, const struct around *a,
                   bool capture, const struct ft_log *log, struct ft_err *err)
{
    bool sandbox = ft_config_flag(cfg, FT_CONFIG_SANDBOX);
    unsigned uid = (unsigned)geteuid(), gid;
    int rc = uid == 0 ? ft_sandbox_user(ft_config_user(cfg), &uid, &gid, err) : FT_OK;

    if (rc == FT_OK && a->loader != NULL) {
        rc = ft_loader_seal(a->loader, sandbox, err);
    }
    if (rc == FT_OK) {
        rc = ft_opener_seal(a->opener, uid, sandbox, log, err);
    }
    if (rc == FT_OK) {
        rc = ft_sandbox_drop_user(ft_config_user(cfg), capture, err);
    }
    if (rc == FT_OK && sandbox) {
        unsigned besides = (ft_config_metrics(cfg) != NULL ? FT_SANDBOX_METRICS : 0) |
                           (a->loader != NULL ? FT_SANDBOX_RELOAD : 0);

        ft_pipeline_confined(p);
        rc = ft_sandbox_enter_with(ft_pipeline_needs(p) | besides, err);
        if (rc == FT_E_UNSUPPORTED) {
            ft_log(log, FT_LOG_INFO, "no system-call filter: %s", err->what);
            rc = FT_OK;
        }
    }
    return rc;
}

/* Without -o, lines on standard output. */
static int default_output(struct ft_config *cfg, struct ft_err *err)
{
    return ft_config_outputs(cfg) == 0 ? ft_config_set(cfg, "output", "ndjson:-", err) : FT_OK;
}

/* The configuration as the command line and the file say it now. NULL: it is wrong, which is said
 * on stderr. Also the loader's, whose stderr nobody sees. */
static struct ft_config *config_again(void *cookie)
{
    const struct call *call = cookie;
    struct ft_config *cfg = ft_config_new((enum ft_command)call->command->options);
    struct ft_err err;

    if (cfg != NULL && (args_parse(call->command, cfg, call->argc, call->argv) != EXIT_GOOD ||
                        default_output(cfg, &err) != FT_OK)) {
        ft_config_free(cfg);
        cfg = NULL;
    }
    return cfg;
}

static const char *loaded_name(const struct ft_config *cfg)
{
    const char *file = ft_config_file(cfg);

    return file != NULL ? file : "what the command line names";
}

/* A hangup: the configuration is loaded again. What is wrong with it changes nothing. */
static void reload(struct ft_pipeline *p, struct around *a, const struct ft_config *first,
                   struct summary *sum, const struct ft_log *log)
{
    const struct ft_config *now = a->loaded != NULL ? a->loaded : first;
    struct ft_reload done;
    struct ft_err err = {0};

    notify_reloading(&a->notify);
    int rc = ft_loader_load(a->loader, &err);
    struct ft_config *next = rc == FT_OK ? config_again((void *)(uintptr_t)a->call) : NULL;

    rc = rc == FT_OK ? ft_pipeline_reload(p, now, next, &done, &err) : rc;
    ft_loader_done(a->loader);
    if (rc != FT_OK) {
        ft_log(log, FT_LOG_ERROR, "the configuration stays as it was: %s", err.what);
        ft_config_free(next);
    } else {
        ft_log(log, FT_LOG_INFO,
               "%s was loaded again: outputs: %u go on, %u added, %u taken out%s%s%s",
               loaded_name(next), done.outputs_kept, done.outputs_added, done.outputs_removed,
               done.rates ? "; other rates" : "", done.allow ? "; others may send" : "",
               done.certificates ? "; certificates of what it listens on" : "");
        ft_config_free(a->loaded);
        a->loaded = next;
        sum->every_ns = ft_config_stats_ns(next);
    }
    notify_ready(&a->notify, p);
}

static int drive(struct ft_pipeline *p, struct around *a, const struct ft_config *cfg,
                 const struct ft_log *log, bool live, struct ft_err *err)
{
    struct cli_log *cl = log->cookie;
    struct summary sum;

    summary_init(&sum, cl, live, ft_config_verbosity(cfg) < 0, ft_config_stats_ns(cfg));
    signalled = p; /* before the first packet: from here on a stop ends in order */
    int rc = ft_pipeline_start(p, err);

    if (rc == FT_OK && a->metrics != NULL) {
        rc = ft_metrics_start(a->metrics, p, err);
    }
    if (rc != FT_OK) {
        release_signals();
        return fail(cl, rc, err);
    }
    notify_ready(&a->notify, p);
    while (ft_pipeline_wait(p, notify_wait_ms(&a->notify, summary_wait_ms(&sum))) == FT_E_AGAIN) {
        if (a->loader != NULL && hangups != a->hangups) {
            a->hangups = hangups;
            reload(p, a, cfg, &sum, log);
        }
        summary_tick(&sum, p);
        notify_tick(&a->notify, p);
    }
    notify_stopping(&a->notify);
    rc = ft_pipeline_finish(p, err); /* what went wrong has been logged */
    release_signals();
    if (!summary_end(&sum, p)) {
        cli_log(cl, FT_LOG_ERROR, "the account does not add up");
        return EXIT_FAILED;
    }
    return rc == FT_OK ? EXIT_GOOD : EXIT_FAILED;
}

static int run(struct ft_config *cfg, const struct call *call)
{
    bool live = call->command->options != FT_CMD_READ;
    struct cli_log cl = {.json = ft_config_flag(cfg, FT_CONFIG_LOG_JSON)};
    int verbosity = ft_config_verbosity(cfg);
    struct ft_log log = {.fn = cli_log,
                         .cookie = &cl,
                         .level = verbosity < 0   ? FT_LOG_ERROR
                                  : verbosity > 0 ? FT_LOG_DEBUG
                                                  : FT_LOG_INFO};
    struct ft_pipeline *p = NULL;
    struct around a = {.call = call};
    struct ft_err err = {0};
    int rc = ft_opener_start(&a.opener, &err); /* before anything is open: it shall hold nothing */

    if (rc == FT_OK && live &&
        (ft_config_file(cfg) != NULL || ft_config_tables(cfg, NULL, NULL) > 0 ||
         ft_config_certificates(cfg) > 0)) {
        rc = ft_loader_start(a.opener, config_again, (void *)(uintptr_t)call, &a.loader, &err);
    }
    say_as_json(cl.json);
    notify_open(&a.notify);
    ignore_signals();
    if (a.loader != NULL || ft_config_flag(cfg, FT_CONFIG_SECRET)) { /* one may be loaded later */
        ft_sandbox_protect();
    }
    install_signals();
    rc = rc == FT_OK ? default_output(cfg, &err) : rc; /* opened before the seal, too */
    if (rc == FT_OK) {
        rc = ft_pipeline_new(cfg, &log, a.opener, &p, &err);
    }
    if (rc == FT_OK && ft_config_metrics(cfg) != NULL) {
        rc = ft_metrics_open(ft_config_metrics(cfg), &log, &a.metrics, &err);
    }
    if (rc == FT_OK) {
        rc = confine(cfg, p, &a, call->command->options == FT_CMD_LIVE, &log, &err);
    }
    int status = rc == FT_OK ? drive(p, &a, cfg, &log, live, &err) : fail(&cl, rc, &err);

    notify_close(&a.notify);
    ft_metrics_free(a.metrics); /* it looks at the pipeline */
    ft_pipeline_free(p);
    ft_config_free(a.loaded);
    ft_loader_stop(a.loader);
    ft_opener_stop(a.opener);
    return status;
}

static int run_command(const struct command *c, struct ft_config *cfg, int argc, char **argv)
{
    const struct call call = {c, argc, argv};
    int status = args_parse(c, cfg, argc, argv);

    if (status == EXIT_GOOD) {
        status = run(cfg, &call);
    }
    ft_config_free(cfg);
    return status < 0 ? EXIT_GOOD : status;
}

int cmd_data(const struct command *c, int argc, char **argv)
{
    struct ft_config *cfg = ft_config_new((enum ft_command)c->options);

    if (cfg == NULL) {
        say("error: out of memory");
        return EXIT_FAILED;
    }
    return run_command(c, cfg, argc, argv);
}

/* --rules is --labels of label: "--rules=FILE" is taken out of the arguments, "--rules" renamed.
 * False: there is neither, nor is help asked for. */
static bool take_rules(struct ft_config *cfg, int *argc, char **argv)
{
    static char name[] = "--labels";
    static const char with_value[] = "--rules=";
    const size_t len = sizeof with_value - 1;
    bool has = false;
    struct ft_err err;

    for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], with_value, len) == 0) {
            has |= ft_config_set(cfg, "labels", argv[i] + len, &err) == FT_OK;
            memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof argv[0]); /* NULL, too */
            --*argc;
            i--;
        } else if (strcmp(argv[i], "--rules") == 0) {
            argv[i] = name;
            has = true;
        } else {
            has |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        }
    }
    return has;
}

/* read with other defaults. */
int cmd_label(const struct command *c, int argc, char **argv)
{
    struct ft_config *cfg = ft_config_new(FT_CMD_READ);
    struct ft_err err;

    if (cfg == NULL || ft_config_set(cfg, "events", "flow", &err) != FT_OK) {
        say("error: out of memory");
        ft_config_free(cfg);
        return EXIT_FAILED;
    }
    if (!take_rules(cfg, &argc, argv)) {
        say("label: --rules FILE is missing");
        ft_config_free(cfg);
        return EXIT_WRONG;
    }
    return run_command(c, cfg, argc, argv);
}
