/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: words of the command line into a configuration, by the option table. */
#include <string.h>

#include "cli.h"

/* A word taken apart: option, its value if it came with it. */
struct word {
    const char *name; /* long name */
    const char *value;
    char buf[64];
};

static const struct ft_option *option_named(const char *name)
{
    const struct ft_option *o;

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

static const struct ft_option *option_lettered(char letter)
{
    const struct ft_option *o;

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        if (o->letter == letter) {
            return o;
        }
    }
    return NULL;
}

static int wrong(const char *text)
{
    say("%s", text);
    return EXIT_WRONG;
}

/* "--name=value", "--name", "-x", "-xvalue". */
static int take_apart(const char *arg, struct word *w)
{
    const char *eq = strchr(arg, '=');
    size_t len = eq != NULL ? (size_t)(eq - arg - 2) : strlen(arg) - 2;

    w->value = NULL;
    if (arg[1] == '-') {
        snprintf(w->buf, sizeof w->buf, "%.*s", (int)(len < 63 ? len : 63), arg + 2);
        w->name = w->buf;
        w->value = eq != NULL ? eq + 1 : NULL;
        return EXIT_GOOD;
    }
    const struct ft_option *o = option_lettered(arg[1]);

    if (o == NULL) {
        say("-%c: there is no such option", arg[1]);
        return EXIT_WRONG;
    }
    w->name = o->name;
    w->value = arg[2] != '\0' ? arg + 2 : NULL;
    return EXIT_GOOD;
}

static int set(struct ft_config *cfg, const char *name, const char *value)
{
    struct ft_err err;

    return ft_config_set(cfg, name, value, &err) == FT_OK ? EXIT_GOOD : wrong(err.what);
}

/* One option at argv[*at]; moves *at over the words it took. *config keeps -c for the end. */
static int take_option(struct ft_config *cfg, int argc, char **argv, int *at, const char **config)
{
    struct word w;
    int rc = take_apart(argv[*at], &w);

    if (rc != EXIT_GOOD) {
        return rc;
    }
    const struct ft_option *o = option_named(w.name);

    if (o == NULL) {
        return set(cfg, w.name, ""); /* says so, and what is near */
    }
    if (o->type == FT_OPT_FLAG) {
        if (w.value != NULL && argv[*at][1] != '-') { /* -vv */
            for (const char *p = argv[*at] + 1; *p != '\0'; p++) {
                if (*p != o->letter) {
                    return wrong("flags cannot be put together with other options");
                }
                if (p > argv[*at] + 1 && set(cfg, w.name, "true") != EXIT_GOOD) {
                    return EXIT_WRONG;
                }
            }
            w.value = NULL;
        }
        return set(cfg, w.name, w.value != NULL ? w.value : "true");
    }
    if (w.value == NULL) {
        if (*at + 1 >= argc) {
            say("--%s: a value is missing (%s)", o->name, o->arg);
            return EXIT_WRONG;
        }
        w.value = argv[++*at];
    }
    if (o->cli_only) { /* the file, read when the command line is known */
        if (*config != NULL) {
            return wrong("--config: may be given once");
        }
        *config = w.value;
        return EXIT_GOOD;
    }
    return set(cfg, w.name, w.value);
}

static int take_input(const struct command *c, struct ft_config *cfg, const char *word)
{
    struct ft_err err;

    if (c->options == FT_CMD_COLLECT) {
        say("collect: '%s' is not expected; say where to listen with -l", word);
        return EXIT_WRONG;
    }
    if (c->options == FT_CMD_LIVE) {
        say("live: '%s' is not expected; an interface is named with -i", word);
        return EXIT_WRONG;
    }
    return ft_config_add_input(cfg, word, &err) == FT_OK ? EXIT_GOOD : wrong(err.what);
}

int args_parse(const struct command *c, struct ft_config *cfg, int argc, char **argv)
{
    const char *config = NULL;
    bool words_only = false;
    int rc = EXIT_GOOD;

    for (int i = 1; i < argc && rc == EXIT_GOOD; i++) {
        const char *arg = argv[i];

        if (!words_only && strcmp(arg, "--") == 0) {
            words_only = true;
        } else if (!words_only && (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)) {
            help_command(c, stdout);
            return -1;
        } else if (!words_only && arg[0] == '-' && arg[1] != '\0') {
            rc = take_option(cfg, argc, argv, &i, &config);
        } else {
            rc = take_input(c, cfg, arg);
        }
    }
    if (rc == EXIT_GOOD && config != NULL) { /* last, so that the command line wins */
        rc = set(cfg, "config", config);
    }
    return rc;
}
