/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap, the program: what its files share. It uses the public library and nothing else. */
#ifndef FLOWTAP_CLI_H
#define FLOWTAP_CLI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "flowtap/config.h"
#include "flowtap/log.h"
#include "flowtap/pipeline.h"

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_WRONG = 2 };

struct command {
    const char *name;
    const char *usage; /* after "flowtap NAME" */
    const char *help;  /* one sentence */
    unsigned options;  /* enum ft_command whose options it takes, 0: none */
    int (*run)(const struct command *c, int argc, char **argv); /* argv[0] is the command's name */
    bool hidden;
};

/* NULL-name-terminated. */
extern const struct command commands[];

const struct command *command_find(const char *name);

/* Words of a data command into cfg. 0, or EXIT_WRONG with the reason on stderr; -1: help was asked
 * for and printed. */
int args_parse(const struct command *c, struct ft_config *cfg, int argc, char **argv);

void help_general(FILE *to);
void help_command(const struct command *c, FILE *to);

/* The log callback: cookie is a struct cli_log. Any thread. */
struct cli_log {
    bool json;
    atomic_bool status_line; /* a refreshed line stands on the terminal: clear it first */
};
void cli_log(void *cookie, enum ft_log_level level, const char *message);

/* Text from outside: '?' for control characters, what turns a line around, and broken UTF-8.
 * Returns the characters shown. */
int text_print(FILE *to, const char *text);
/* "flowtap: ", the text through text_print(), and a newline on stderr: before there is a log. */
void say(const char *fmt, ...) FT_PRINTF(1, 2);
void say_as_json(bool json); /* from now on, one line of JSON each, as the log has */
/* The same as a JSON string with its quotes. */
void json_print(FILE *to, const char *text);
/* The first members of a JSON log line, without the closing brace. */
void json_log_begin(FILE *to, enum ft_log_level level, const char *message);

/* The account on stderr. What does not add up is said so in its row. */
void account_table(const struct ft_stats *s);
void account_json(const struct ft_stats *s, const char *input);
bool account_holds(const struct ft_stats *s); /* of a final account: everything adds up */

/* The line while it runs, and the account at its end. */
struct summary {
    struct cli_log *log;
    bool tty; /* stderr is a terminal */
    bool live;
    bool quiet;
    int64_t every_ns; /* between lines; 0: none */
    struct ft_stats last;
    int64_t next_ns;
};
void summary_init(struct summary *s, struct cli_log *log, bool live, bool quiet, int64_t every_ns);
/* How long nothing is to be shown. */
int summary_wait_ms(const struct summary *s);
/* Called after that, while the pipeline runs. */
void summary_tick(struct summary *s, struct ft_pipeline *p);
/* The account at the end, unless quiet. Returns false when a number does not add up. */
bool summary_end(struct summary *s, struct ft_pipeline *p);

int cmd_data(const struct command *c, int argc, char **argv);
int cmd_label(const struct command *c, int argc, char **argv);
int cmd_check(const struct command *c, int argc, char **argv);
int cmd_interfaces(const struct command *c, int argc, char **argv);
/* The words that an option takes, as "a|b|c", in buf when they have to be put together; or NULL. */
enum { CHOICES_MAX = 256 };
const char *option_choices(const struct ft_option *o, char *buf, size_t cap);

int cmd_schema(const struct command *c, int argc, char **argv);
int cmd_merge(const struct command *c, int argc, char **argv);
int cmd_query(const struct command *c, int argc, char **argv);
int cmd_mcp(const struct command *c, int argc, char **argv);
int cmd_serve(const struct command *c, int argc, char **argv);
int cmd_fit(const struct command *c, int argc, char **argv);
int cmd_spool(const struct command *c, int argc, char **argv);
int cmd_help(const struct command *c, int argc, char **argv);
int cmd_dump(const struct command *c, int argc, char **argv);

#endif
