/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap schema: every column of every event. */
#include <stdbool.h>
#include <string.h>

#include "cli.h"
#include "flowtap/schema.h"

/* The value of an option given as "--name VALUE" or "--name=VALUE"; *i moves to what was taken. */
static const char *value_of(const char *name, char letter, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    size_t len = strlen(name);
    bool is_short = letter != 0 && arg[0] == '-' && arg[1] == letter;

    if (is_short && arg[2] != '\0') {
        return arg + 2;
    }
    if (strncmp(arg, name, len) == 0 && arg[len] == '=') {
        return arg + len + 1;
    }
    return (is_short || strcmp(arg, name) == 0) && *i + 1 < argc ? argv[++*i] : NULL;
}

int cmd_schema(const struct command *c, int argc, char **argv)
{
    const char *form = "markdown", *profiles = NULL, *value;
    bool no_identity = false;
    struct ft_err err;
    size_t len = 0;
    char *text = NULL;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help_command(c, stdout);
            return EXIT_GOOD;
        }
        if ((value = value_of("--format", 0, argc, argv, &i)) != NULL) {
            form = value;
        } else if ((value = value_of("--profile", 'p', argc, argv, &i)) != NULL) {
            profiles = value;
        } else if (strcmp(argv[i], "--no-identity") == 0) {
            no_identity = true;
        } else {
            say("schema: '%s': allowed are --format FORMAT, --profile LIST and --no-identity",
                argv[i]);
            return EXIT_WRONG;
        }
    }
    if (ft_schema_make(form, profiles, no_identity, &text, &len, &err) != FT_OK) {
        say("schema: %s", err.what);
        return err.code == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
    }
    fwrite(text, 1, len, stdout);
    ft_schema_free(text);
    return EXIT_GOOD;
}
