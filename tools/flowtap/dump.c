/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap: the option table for man page, completion and docs, so that they cannot drift. */
#include <string.h>

#include "cli.h"
#include "flowtap/metrics.h"

static void man_text(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '-' || *s == '\\') {
            putchar('\\');
        }
        putchar(*s);
    }
}

static void dump_man(const struct ft_option *o)
{
    char names[CHOICES_MAX];
    const char *choices = option_choices(o, names, sizeof names);

    printf(".TP\n.B ");
    if (o->letter != 0) {
        printf("\\-%c\\fR, \\fB", o->letter);
    }
    man_text("--");
    man_text(o->name);
    if (o->arg != NULL) {
        printf(" \\fI");
        man_text(o->arg);
        printf("\\fR");
    }
    printf("\n");
    man_text(o->help);
    if (choices != NULL) {
        printf(" (");
        man_text(choices);
        printf(")");
    }
    if (o->defval != NULL) {
        printf("; default ");
        man_text(o->defval);
    }
    printf(".\n");
}

/* One cell; a bar in it would begin the next. */
static void md_cell(const char *s)
{
    printf(" | ");
    for (; s != NULL && *s != '\0'; s++) {
        printf("%s%c", *s == '|' ? "\\" : "", *s);
    }
}

static void dump_md(const struct ft_option *o)
{
    char names[CHOICES_MAX];

    printf("| `--%s`", o->name);
    if (o->letter != 0) {
        printf(", `-%c`", o->letter);
    }
    md_cell(o->arg);
    md_cell(option_choices(o, names, sizeof names));
    md_cell(o->defval);
    md_cell(o->help);
    printf(" |\n");
}

/* The parameters of --output, as the man page and docs/outputs.md have them. */
static void dump_parameters_man(void)
{
    const struct ft_output_parameter *p;

    for (uint32_t i = 0; (p = ft_output_parameter_at(i)) != NULL; i++) {
        printf(".TP\n.B ");
        man_text(p->name);
        printf("\\fR=\\fI");
        man_text(p->value != NULL ? p->value : p->choices);
        printf("\\fR\n");
        if (p->of != NULL) {
            man_text(p->of);
            printf(": ");
        }
        man_text(p->help);
        if (p->defval != NULL) {
            printf("; default ");
            man_text(p->defval);
        }
        printf(".\n");
    }
}

static void dump_parameters_md(void)
{
    const struct ft_output_parameter *p;

    printf("| key | value | of | default | meaning |\n|---|---|---|---|---|\n");
    for (uint32_t i = 0; (p = ft_output_parameter_at(i)) != NULL; i++) {
        printf("| `%s`", p->name);
        md_cell(p->value != NULL ? p->value : p->choices);
        md_cell(p->of != NULL ? p->of : "every output");
        md_cell(p->defval);
        md_cell(p->help);
        printf(" |\n");
    }
}

/* The metrics of --metrics, as docs/metrics.md has them. */
static void dump_metrics_md(void)
{
    const struct ft_metric *m;

    printf("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (uint32_t i = 0; (m = ft_metric_at(i)) != NULL; i++) {
        printf("| `%s`", m->name);
        md_cell(m->type);
        md_cell(m->labels);
        md_cell(m->help);
        printf(" |\n");
    }
}

static void dump_json(const struct ft_option *o, bool first)
{
    char names[CHOICES_MAX];
    const char *choices = option_choices(o, names, sizeof names);

    printf("%s{\"name\":\"%s\",\"letter\":\"%.*s\",\"arg\":\"%s\",\"choices\":\"%s\","
           "\"default\":\"%s\",\"repeatable\":%s,\"reloads\":%s,\"live\":%s,\"read\":%s,"
           "\"collect\":%s,"
           "\"help\":\"%s\"}",
           first ? "[" : ",\n ", o->name, o->letter != 0, &o->letter, o->arg != NULL ? o->arg : "",
           choices != NULL ? choices : "", o->defval != NULL ? o->defval : "",
           o->repeatable ? "true" : "false", o->reloads ? "true" : "false",
           o->commands & FT_CMD_LIVE ? "true" : "false",
           o->commands & FT_CMD_READ ? "true" : "false",
           o->commands & FT_CMD_COLLECT ? "true" : "false", o->help);
}

static void bash_words(unsigned command)
{
    const struct ft_option *o;

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        if (o->commands & command) {
            printf("--%s ", o->name);
        }
    }
    printf("--help");
}

static void bash_choices(void)
{
    const struct ft_option *o;

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        char names[CHOICES_MAX];
        const char *choices = option_choices(o, names, sizeof names);

        if (choices != NULL) {
            printf("        --%s%s%.*s) COMPREPLY=($(compgen -W \"", o->name,
                   o->letter != 0 ? "|-" : "", o->letter != 0, &o->letter);
            for (const char *c = choices; *c != '\0'; c++) {
                putchar(*c == '|' ? ' ' : *c);
            }
            printf("\" -- \"$cur\")); return ;;\n");
        }
    }
}

static void dump_bash(void)
{
    printf("# bash completion for flowtap, made from its option table\n_flowtap() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"");
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (!c->hidden) {
            printf("%s ", c->name);
        }
    }
    printf("--help --version\" -- \"$cur\")); return\n    fi\n    case $prev in\n");
    bash_choices();
    printf("        -i|--interface) COMPREPLY=($(compgen -W \"$(ls /sys/class/net) any\" -- "
           "\"$cur\")); return ;;\n    esac\n    case ${COMP_WORDS[1]} in\n        live) words=\"");
    bash_words(FT_CMD_LIVE);
    printf("\" ;;\n        read) words=\"");
    bash_words(FT_CMD_READ);
    printf("\" ;;\n        collect) words=\"");
    bash_words(FT_CMD_COLLECT);
    printf("\" ;;\n        interfaces) words=\"--json\" ;;\n        check) words=\"--config\" ;;\n "
           "       schema) words=\"--format "
           "--profile\" ;;\n"
           "    esac\n    case $cur in\n"
           "        -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
           "        *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n    esac\n}\n"
           "complete -o filenames -F _flowtap flowtap\n");
}

int cmd_dump(const struct command *c, int argc, char **argv)
{
    const char *form = argc > 1 ? argv[1] : "";
    const struct ft_option *o;

    (void)c;
    if (strcmp(form, "bash") == 0) {
        dump_bash();
        return EXIT_GOOD;
    }
    if (strcmp(form, "outputs-man") == 0) {
        dump_parameters_man();
        return EXIT_GOOD;
    }
    if (strcmp(form, "outputs-md") == 0) {
        dump_parameters_md();
        return EXIT_GOOD;
    }
    if (strcmp(form, "metrics-md") == 0) {
        dump_metrics_md();
        return EXIT_GOOD;
    }
    if (strcmp(form, "man") != 0 && strcmp(form, "md") != 0 && strcmp(form, "json") != 0) {
        say("__dump-options: man, bash, md, json, outputs-man, outputs-md or metrics-md");
        return EXIT_WRONG;
    }
    if (form[1] == 'd') {
        printf("| option | value | one of | default | meaning |\n|---|---|---|---|---|\n");
    }
    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {
        if (form[1] == 'a') {
            dump_man(o);
        } else if (form[1] == 'd') {
            dump_md(o);
        } else {
            dump_json(o, i == 0);
        }
    }
    printf("%s", form[0] == 'j' ? "]\n" : "");
    return EXIT_GOOD;
}
