/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: a configuration from YAML: one mapping of long option names to scalars, or to lists for
 * what may be given several times. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pipeline/options.h"

enum { FILE_MAX = 1 << 20, WHERE_LEN = 160 };

#ifdef FT_HAVE_YAML

#include <yaml.h>

/* The state of one load. */
struct loader {
    struct ft_config *cfg;
    const char *name;
    yaml_parser_t parser;
    struct ft_err *err;
    bool seen[128]; /* keys of this file */
};

static void where_of(const struct loader *l, const yaml_mark_t *mark, char out[WHERE_LEN])
{
    snprintf(out, WHERE_LEN, "%.120s:%zu: ", l->name, mark->line + 1);
}

static int fail(struct loader *l, const yaml_mark_t *mark, const char *what)
{
    char where[WHERE_LEN];
    size_t line = mark->line + 1;

    where_of(l, mark, where);
    ft_err_set(l->err, FT_E_USAGE, "%s%s", where, what);
    if (l->err != NULL) {
        l->err->off = line;
    }
    return FT_E_USAGE;
}

/* The next event; on failure *out is not to be deleted. */
static int next(struct loader *l, yaml_event_t *out)
{
    if (yaml_parser_parse(&l->parser, out)) {
        return FT_OK;
    }
    return fail(l, &l->parser.problem_mark,
                l->parser.problem != NULL ? l->parser.problem : "it is not YAML");
}

static int apply(struct loader *l, uint32_t row, const yaml_event_t *e)
{
    const char *value = (const char *)e->data.scalar.value;
    char where[WHERE_LEN];

    where_of(l, &e->start_mark, where);
    if (strlen(value) != e->data.scalar.length) {
        return fail(l, &e->start_mark, "a value holds a NUL byte");
    }
    if (l->cfg->set[row]) {
        return FT_OK; /* the command line has said it */
    }
    int rc = ft__option_apply(l->cfg, row, where, value, l->err);

    if (rc != FT_OK && l->err != NULL) {
        l->err->off = e->start_mark.line + 1;
    }
    return rc;
}

/* The items of a list up to its end. */
static int load_list(struct loader *l, uint32_t row)
{
    for (;;) {
        yaml_event_t e;
        int rc = next(l, &e);

        if (rc != FT_OK) {
            return rc;
        }
        yaml_event_type_t type = e.type;

        if (type == YAML_SCALAR_EVENT) {
            rc = apply(l, row, &e);
        } else if (type != YAML_SEQUENCE_END_EVENT) {
            rc = fail(l, &e.start_mark, "a list holds something else than plain values");
        }
        yaml_event_delete(&e);
        if (rc != FT_OK || type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
    }
}

static int load_value(struct loader *l, uint32_t row)
{
    const struct ft_option *o = &ft__option_rows[row].option;
    yaml_event_t e;
    int rc = next(l, &e);

    if (rc != FT_OK) {
        return rc;
    }
    if (e.type == YAML_SCALAR_EVENT) {
        rc = apply(l, row, &e);
    } else if (e.type == YAML_SEQUENCE_START_EVENT && o->repeatable) {
        rc = load_list(l, row);
    } else {
        char what[160];

        snprintf(what, sizeof what, "%s: allowed is one plain value%s", o->name,
                 o->repeatable ? " or a list of them" : "");
        rc = fail(l, &e.start_mark, what);
    }
    yaml_event_delete(&e);
    return rc;
}

static int load_key(struct loader *l, const yaml_event_t *e)
{
    char where[WHERE_LEN], what[160];
    const char *key = (const char *)e->data.scalar.value;
    uint32_t row = 0;

    where_of(l, &e->start_mark, where);
    int rc = ft__option_find(l->cfg, where, key, &row, l->err);

    if (rc == FT_OK && ft__option_rows[row].option.cli_only) {
        snprintf(what, sizeof what, "%s: belongs on the command line", key);
        return fail(l, &e->start_mark, what);
    }
    if (rc == FT_OK && l->seen[row]) {
        snprintf(what, sizeof what, "%s: stands here twice", key);
        return fail(l, &e->start_mark, what);
    }
    if (rc != FT_OK) {
        if (l->err != NULL) {
            l->err->off = e->start_mark.line + 1;
        }
        return rc;
    }
    l->seen[row] = true;
    return load_value(l, row);
}

/* The document: one mapping, or nothing. */
static int load_document(struct loader *l)
{
    int depth = 0;

    for (;;) {
        yaml_event_t e;
        int rc = next(l, &e);

        if (rc != FT_OK) {
            return rc;
        }
        bool end = e.type == YAML_STREAM_END_EVENT;

        if (e.type == YAML_SCALAR_EVENT && depth == 1) {
            rc = load_key(l, &e);
        } else if (e.type == YAML_MAPPING_START_EVENT && depth == 0) {
            depth = 1;
        } else if (e.type == YAML_MAPPING_END_EVENT) {
            depth = 0;
        } else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_SEQUENCE_START_EVENT ||
                   e.type == YAML_MAPPING_START_EVENT || e.type == YAML_ALIAS_EVENT) {
            bool nothing = e.type == YAML_SCALAR_EVENT && e.data.scalar.length == 0;

            rc = nothing ? FT_OK
                         : fail(l, &e.start_mark, "expected one mapping of option names to values");
        }
        yaml_event_delete(&e);
        if (rc != FT_OK || end) {
            return rc;
        }
    }
}

int ft_config_load_text(struct ft_config *cfg, const char *name, const char *text, size_t len,
                        struct ft_err *err)
{
    struct loader l = {.cfg = cfg, .name = name, .err = err};

    if (len > FILE_MAX) {
        return ft_err_set(err, FT_E_USAGE, "%s: longer than 1 MiB", name);
    }
    if (!yaml_parser_initialize(&l.parser)) {
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", name);
    }
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
    int rc = load_document(&l);

    yaml_parser_delete(&l.parser);
    return rc;
}

#else

int ft_config_load_text(struct ft_config *cfg, const char *name, const char *text, size_t len,
                        struct ft_err *err)
{
    (void)cfg;
    (void)text;
    (void)len;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "%s: this build reads no configuration files: it was made without libyaml",
                      name);
}

#endif

int ft_config_load(struct ft_config *cfg, const char *path, struct ft_err *err)
{
    FILE *f = fopen(path, "re");
    char *text = f != NULL ? ft_mem_alloc(1, FILE_MAX + 1) : NULL;

    if (f == NULL) {
        return ft_err_set(err, FT_E_USAGE, "config: %s: %s", path, strerror(errno));
    }
    size_t n = text != NULL ? fread(text, 1, FILE_MAX + 1, f) : 0;
    int rc = text == NULL ? ft_err_set(err, FT_E_NOMEM, "config: out of memory")
             : ferror(f)  ? ft_err_set(err, FT_E_USAGE, "config: %s: cannot be read", path)
                          : ft_config_load_text(cfg, path, text, n, err);

    fclose(f);
    ft_mem_free(text);
    return rc;
}
