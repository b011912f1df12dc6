/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a pipeline: one table of options, set by name from a command line, a YAML
 * file or code.
 *
 * Theory of operation: ft_option_at() lists every option once, with type, bounds, default and help;
 * the CLI, the YAML reader, --help, the man page and the shell completion are walks over it. A
 * value remembers where it came from: the command line wins over the file, the file over the
 * default. */
#ifndef FLOWTAP_CONFIG_H
#define FLOWTAP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ft_command { FT_CMD_LIVE = 1, FT_CMD_READ = 2, FT_CMD_COLLECT = 4 };

enum ft_option_type {
    FT_OPT_FLAG,    /* on or off; YAML true/false */
    FT_OPT_UINT,    /* whole number within min..max */
    FT_OPT_SECONDS, /* decimal seconds within min..max; kept in ns */
    FT_OPT_STRING,
    FT_OPT_CHOICE,   /* one word of choices */
    FT_OPT_WORDS,    /* comma-separated words of choices */
    FT_OPT_UINTS,    /* comma-separated ascending whole numbers */
    FT_OPT_PROFILES, /* comma-separated names of ft_profile_at(), or all */
};

struct ft_option {
    const char *name;    /* long option and YAML key: "idle-timeout" */
    char letter;         /* short option, or 0 */
    uint8_t type;        /* enum ft_option_type */
    uint8_t commands;    /* bits of enum ft_command that take it */
    bool repeatable;     /* may be given several times; YAML: a list */
    bool cli_only;       /* not a key of the YAML file (config) */
    bool reloads;        /* a run takes up another value: ft_pipeline_reload() */
    const char *arg;     /* "SECONDS"; NULL for flags */
    const char *choices; /* "drop|block"; NULL when free */
    const char *defval;  /* as text, for people and as the initial value; NULL: none */
    uint64_t min, max;   /* of numbers; seconds in ns */
    const char *help;    /* one sentence */
};

/* Option number i in the order of the help, NULL after the last. Any thread. */
FT_API const struct ft_option *ft_option_at(uint32_t i);

/* The name of profile number i, base first; NULL after the last. *out_meaning: one line, static.
 * Any thread. */
FT_API const char *ft_profile_at(uint32_t i, const char **out_meaning);

/* A parameter of the URLs of --output, ?name=value. */
struct ft_output_parameter {
    const char *name;
    const char *of;      /* what has it: formats, "csv, arrow", or "files"; NULL: every output */
    const char *value;   /* "SIZE"; NULL: one of choices */
    const char *choices; /* "drop|block"; NULL: by value */
    const char *defval;  /* as text, for people; NULL: none, or as help tells */
    const char *help;    /* one sentence */
};

/* Parameter number i, NULL after the last. Any thread. */
FT_API const struct ft_output_parameter *ft_output_parameter_at(uint32_t i);

struct ft_config;

/* A configuration with every default, for one command. NULL when out of memory. Freed with _free.
 */
FT_API struct ft_config *ft_config_new(enum ft_command command);
FT_API void ft_config_free(struct ft_config *cfg);

/* Sets an option by long name from text; repeatable ones append. FT_E_USAGE: err->what names the
 * option, the value, what is allowed and, for an unknown name, the nearest one. */
FT_API FT_NODISCARD int ft_config_set(struct ft_config *cfg, const char *name, const char *value,
                                      struct ft_err *err);

/* Adds an input: a file for read ("-" is stdin), an interface for live, an address to listen on or
 * pcap:FILE or ipfix:FILE for collect. */
FT_API FT_NODISCARD int ft_config_add_input(struct ft_config *cfg, const char *target,
                                            struct ft_err *err);

/* Reads a YAML file of option names; options that were already set by ft_config_set() keep their
 * value. Errors carry the line in err->off and "FILE:LINE: " at the start of err->what. */
FT_API FT_NODISCARD int ft_config_load(struct ft_config *cfg, const char *path, struct ft_err *err);
/* From now on the log hears all that is wrong in a file, not only the first of it; a load then
 * fails with how much that is. log is copied. */
FT_API void ft_config_tell(struct ft_config *cfg, const struct ft_log *log);
/* The same from memory; name stands for the file in messages. */
FT_API FT_NODISCARD int ft_config_load_text(struct ft_config *cfg, const char *name,
                                            const char *text, size_t len, struct ft_err *err);

/* Reads, for a loader (flowtap/sandbox.h), the files that outputs and listening addresses name:
 * secrets, certificates, keys, and those of the system's authorities; and calls writes with each
 * file that an output writes to. */
FT_API void ft_config_files(const struct ft_config *cfg,
                            void (*writes)(void *cookie, const char *path), void *cookie);

/* What the program around a pipeline needs to know. user: NULL when not given. */
/* Calls `reads` for each file that holds a table of addresses (--geo, --networks), of less than
 * `most` bytes; NULL: for none. Returns how many there are. */
FT_API uint32_t ft_config_tables(const struct ft_config *cfg,
                                 void (*reads)(void *cookie, const char *path, uint64_t most),
                                 void *cookie);

/* How many files are read again with the configuration: of listening addresses (collect)
 * certificates and keys, and the rules of detectors. */
FT_API uint32_t ft_config_certificates(const struct ft_config *cfg);

enum ft_config_flag {
    FT_CONFIG_SANDBOX,
    FT_CONFIG_LOG_JSON,
    FT_CONFIG_SECRET /* a key will be in memory */
};
FT_API const char *ft_config_user(const struct ft_config *cfg);
FT_API const char *ft_config_file(const struct ft_config *cfg);    /* that was read, or NULL */
FT_API const char *ft_config_metrics(const struct ft_config *cfg); /* ADDR:PORT, or NULL */
FT_API bool ft_config_flag(const struct ft_config *cfg, enum ft_config_flag flag);
FT_API int ft_config_verbosity(const struct ft_config *cfg); /* -1 quiet, 0, 1 and more */
FT_API int64_t ft_config_stats_ns(const struct ft_config *cfg);
FT_API uint32_t ft_config_inputs(const struct ft_config *cfg); /* their number */
FT_API uint32_t ft_config_outputs(const struct ft_config *cfg);

/* Checks what only the whole can tell (outputs parse, a filter is known, inputs are there). Called
 * by ft_pipeline_new() too. */
FT_API FT_NODISCARD int ft_config_check(const struct ft_config *cfg, struct ft_err *err);

#ifdef __cplusplus
}
#endif

#endif
