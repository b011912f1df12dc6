/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap check: is a configuration right? Nothing is opened or written. */
#include <string.h>

#include "cli.h"

static const enum ft_command kinds[] = {FT_CMD_LIVE, FT_CMD_COLLECT, FT_CMD_READ};
static const char *const kind_names[] = {"live", "collect", "read"};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* The value of -c, or NULL. */
static const char *config_of(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0) {
            return argv[i] + 9;
        }
        if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) {
            return i + 1 < argc ? argv[i + 1] : NULL;
        }
        if (strncmp(argv[i], "-c", 2) == 0) {
            return argv[i] + 2;
        }
    }
    return NULL;
}

/* The command that a file is for: the first that takes it, or that which takes most of it. */
static int kind_of(const char *path)
{
    uint64_t most = 0;
    int best = 0;

    for (int k = 0; k < KINDS; k++) {
        struct ft_config *cfg = ft_config_new(kinds[k]);
        struct ft_err err = {0};
        int rc = cfg != NULL ? ft_config_load(cfg, path, &err) : FT_E_NOMEM;

        ft_config_free(cfg);
        if (rc == FT_OK) {
            return k;
        }
        if (err.off > most) {
            most = err.off;
            best = k;
        }
    }
    return best;
}

static int check(const struct command *c, struct ft_config *cfg, int argc, char **argv,
                 const char *path)
{
    struct cli_log cl = {.json = false};
    struct ft_log log = {.fn = cli_log, .cookie = &cl, .level = FT_LOG_ERROR};
    uint32_t wrong = 0;
    struct ft_err err;

    ft_config_tell(cfg, &log);
    int status = args_parse(c, cfg, argc, argv);

    if (status != EXIT_GOOD) {
        return status < 0 ? EXIT_GOOD : status;
    }
    if (c->options == FT_CMD_READ && ft_config_inputs(cfg) == 0 &&
        ft_config_add_input(cfg, "-", &err) !=
            FT_OK) { /* they stand on the command line of a run */
        say("%s", err.what);
        return EXIT_FAILED;
    }
    int rc = ft_pipeline_check(cfg, &log, &wrong);

    if (rc == FT_E_USAGE) {
        say("%s: %u thing%s wrong, for '%s'", path, wrong, wrong == 1 ? " is" : "s are", c->name);
        return EXIT_WRONG;
    }
    if (rc != FT_OK) {
        say("error: out of memory");
        return EXIT_FAILED;
    }
    printf("%s: right, for '%s'\n", path, c->name);
    return EXIT_GOOD;
}

int cmd_check(const struct command *c, int argc, char **argv)
{
    int kind = -1;

    for (int k = 0; k < KINDS && argc > 1; k++) {
        kind = strcmp(argv[1], kind_names[k]) == 0 ? k : kind;
    }
    if (kind >= 0) {
        argc--;
        argv++;
    }
    const char *path = config_of(argc, argv);

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help_command(c, stdout);
        return EXIT_GOOD;
    }
    if (path == NULL) {
        say("check: -c FILE is missing");
        return EXIT_WRONG;
    }
    kind = kind >= 0 ? kind : kind_of(path);

    struct ft_config *cfg = ft_config_new(kinds[kind]);

    if (cfg == NULL) {
        say("error: out of memory");
        return EXIT_FAILED;
    }
    int status = check(command_find(kind_names[kind]), cfg, argc, argv, path);

    ft_config_free(cfg);
    return status;
}
