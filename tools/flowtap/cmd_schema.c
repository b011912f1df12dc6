/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap schema: every column of every event. */
#include <string.h>

#include "cli.h"
#include "flowtap/schema.h"

int cmd_schema(const struct command *c, int argc, char **argv)
{
    const char *form = "markdown";
    struct ft_err err;
    size_t len = 0;
    char *text = NULL;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help_command(c, stdout);
            return EXIT_GOOD;
        }
        if (strcmp(argv[i], "--format") == 0 && i + 1 < argc) {
            form = argv[++i];
        } else if (strncmp(argv[i], "--format=", 9) == 0) {
            form = argv[i] + 9;
        } else {
            say("schema: '%s': allowed is --format FORMAT", argv[i]);
            return EXIT_WRONG;
        }
    }
    if (ft_schema_make(form, &text, &len, &err) != FT_OK) {
        say("schema: %s", err.what);
        return err.code == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
    }
    fwrite(text, 1, len, stdout);
    ft_schema_free(text);
    return EXIT_GOOD;
}
