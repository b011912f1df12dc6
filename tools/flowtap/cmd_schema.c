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

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help_command(c, stdout);
        return EXIT_GOOD;
    }
    if (argc == 3 && strcmp(argv[1], "--format") == 0) {
        form = argv[2];
    } else if (argc == 2 && strncmp(argv[1], "--format=", 9) == 0) {
        form = argv[1] + 9;
    } else if (argc != 1) {
        fprintf(stderr, "flowtap: schema: '%s': allowed is --format FORMAT\n", argv[1]);
        return EXIT_WRONG;
    }
    if (ft_schema_make(form, &text, &len, &err) != FT_OK) {
        fprintf(stderr, "flowtap: schema: %s\n", err.what);
        return err.code == FT_E_USAGE ? EXIT_WRONG : EXIT_FAILED;
    }
    fwrite(text, 1, len, stdout);
    ft_schema_free(text);
    return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
}
