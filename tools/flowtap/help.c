/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: help, from the command and option tables. */
#include <string.h>

#include "cli.h"

enum { COLUMN = 28, WIDTH = 96 };

/* Bytes of the next word, or of as much of a list of words as fits into a line. */
static int word_len(const char *text)
{
    int len = (int)strcspn(text, " "), fits = len;

    while (fits > WIDTH - COLUMN && memrchr(text, '|', (size_t)fits - 1) != NULL) {
        fits = (int)((const char *)memrchr(text, '|', (size_t)fits - 1) - text) + 1;
    }
    return fits > 0 ? fits : len;
}

static void wrap(FILE *to, const char *text, int at)
{
    int column = at;

    while (*text != '\0') {
        int len = word_len(text);

        if (column > at && (column + 1 + len > WIDTH || text[-1] == '|')) {
            fprintf(to, "\n%*s", COLUMN, "");
            column = at = COLUMN;
        }
        fprintf(to, "%s%.*s", column > at ? " " : "", len, text);
        column += len + (column > at);
        text += len + (text[len] == ' ');
    }
    fputc('\n', to);
}

void help_general(FILE *to)
{
    fprintf(to, "flowtap turns network traffic into a live, machine-readable stream.\n\n"
                "usage: flowtap COMMAND ...\n\n");
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (!c->hidden) {
            fprintf(to, "  %-12s %s\n", c->name, c->help);
        }
    }
    fprintf(to,
            "\n  flowtap live                        one JSON line a packet, from the default "
            "interface\n"
            "  flowtap read -e flow capture.pcap   one JSON line a flow\n"
            "\nflowtap help COMMAND explains a command; flowtap --version tells what was built.\n");
}

const char *option_choices(const struct ft_option *o, char *buf, size_t cap)
{
    const char *name, *meaning;
    size_t at = 0;

    if (o->type != FT_OPT_PROFILES) {
        return o->choices;
    }
    for (uint32_t i = 0; (name = ft_profile_at(i, &meaning)) != NULL && at < cap; i++) {
        at += (size_t)snprintf(buf + at, cap - at, "%s|", name);
    }
    if (at < cap) {
        snprintf(buf + at, cap - at, "all");
    }
    return buf;
}

/* What the profiles are, below the options. */
static void help_profiles(FILE *to)
{
    const char *name, *meaning;

    fprintf(to, "\nProfiles of -p (all is base, sizes, tcp and tunnel):\n\n");
    for (uint32_t i = 0; (name = ft_profile_at(i, &meaning)) != NULL; i++) {
        int n = fprintf(to, "  %s", name);

        fprintf(to, "%*s", n < COLUMN ? COLUMN - n : 1, "");
        wrap(to, meaning, COLUMN);
    }
}

static void help_option(const struct ft_option *o, FILE *to)
{
    char left[64];
    int n = snprintf(left, sizeof left, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ',
                     o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                     o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");

    fputs(left, to);
    if (n >= COLUMN - 1) {
        fputc('\n', to);
        n = 0;
    }
    fprintf(to, "%*s", COLUMN - n, "");
    char text[1024], names[CHOICES_MAX];
    const char *choices = o->type != FT_OPT_PROFILES ? option_choices(o, names, sizeof names)
                                                     : NULL; /* they stand below, one by one */

    snprintf(text, sizeof text, "%s%s%s%s%s%s", o->help, choices != NULL ? " (" : "",
             choices != NULL ? choices : "", choices != NULL ? ")" : "",
             o->defval != NULL ? "; default " : "", o->defval != NULL ? o->defval : "");
    wrap(to, text, COLUMN);
}

static void help_parameters(FILE *to)
{
    const struct ft_output_parameter *p;

    fprintf(to, "\nParameters of --output, FORMAT:TARGET?NAME=VALUE&...:\n\n");
    for (uint32_t i = 0; (p = ft_output_parameter_at(i)) != NULL; i++) {
        char text[512];
        int n = fprintf(to, "  %s=%s", p->name, p->value != NULL ? p->value : p->choices);

        if (n >= COLUMN - 1) {
            fputc('\n', to);
            n = 0;
        }
        fprintf(to, "%*s", COLUMN - n, "");
        snprintf(text, sizeof text, "%s%s%s%s%s", p->of != NULL ? p->of : "",
                 p->of != NULL ? ": " : "", p->help, p->defval != NULL ? "; default " : "",
                 p->defval != NULL ? p->defval : "");
        wrap(to, text, COLUMN);
    }
}

void help_command(const struct command *c, FILE *to)
{
    const struct ft_option *o;

    fprintf(to, "usage: flowtap %s %s\n\n%s.\n", c->name, c->usage, c->help);
    if (c->options == 0) {
        return;
    }
    fprintf(to, "\n");
    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        if (o->commands & c->options) {
            help_option(o, to);
        }
    }
    help_profiles(to);
    help_parameters(to);
    fprintf(to,
            "\nSIGINT and SIGTERM end it in order, SIGHUP reopens files. Exit status: 0 all went "
            "well,\n1 it could not run or lost an output, 2 the command line is wrong.\n");
}

int cmd_help(const struct command *c, int argc, char **argv)
{
    if (argc < 2) {
        help_general(stdout);
        return EXIT_GOOD;
    }
    if (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0) {
        c = command_find(argv[1]);
    }
    if (c == NULL) {
        say("there is no command '%s'", argv[1]);
        return EXIT_WRONG;
    }
    help_command(c, stdout);
    return EXIT_GOOD;
}
