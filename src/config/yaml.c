/* SPDX-License-Identifier: Apache-2.0 */
/* config: a configuration from YAML: one mapping of long option names to scalars, or to lists for
 * what may be given several times.
 *
 * Theory of operation: the parser's events are taken one by one and the first that has no place in
 * such a file ends the load, so neither depth nor aliases can make it large. Anchors, aliases,
 * tags, null values and second documents are refused: each would say something that is not done. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"
#include "config/options.h"

enum { FILE_MAX = 1 << 20, WHERE_LEN = 160 };

#ifdef FT_HAVE_YAML

#include <yaml.h>

/* The state of one load. */
struct loader {
    struct ft_config *cfg;
    const char *name;
    const char *text;
    size_t len;
    yaml_parser_t parser;
    struct ft_err *err;
    bool seen[128]; /* keys of this file */
    uint32_t wrong; /* things that were told, and gone on behind */
    bool broken;    /* it is not YAML: there is no going on */
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
    yaml_mark_t at;

    if (yaml_parser_parse(&l->parser, out)) {
        return FT_OK;
    }
    l->broken = true;
    at = l->parser.problem_mark;
    if (l->parser.error == YAML_READER_ERROR) { /* it knows the byte, not the line */
        at.line = 0;
        for (size_t i = 0; i < l->len && i < l->parser.problem_offset; i++) {
            at.line += l->text[i] == '\n';
        }
    }
    return fail(l, &at, l->parser.problem != NULL ? l->parser.problem : "it is not YAML");
}

/* What is wrong is told, and FT_OK returned, when the rest is to be looked at, too. */
static int go_on(struct loader *l, int rc)
{
    if (rc != FT_E_USAGE || l->cfg->tell.fn == NULL || l->broken) {
        return rc;
    }
    ft_log(&l->cfg->tell, FT_LOG_ERROR, "%s", l->err->what);
    l->wrong++;
    return FT_OK;
}

/* The rest of a node whose first event was of this type. */
static int skip_rest(struct loader *l, yaml_event_type_t type)
{
    int depth = type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;

    while (depth > 0) {
        yaml_event_t e;
        int rc = next(l, &e);

        if (rc != FT_OK) {
            return rc;
        }
        depth += e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT;
        depth -= e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT;
        yaml_event_delete(&e);
    }
    return FT_OK;
}

static int skip_value(struct loader *l)
{
    yaml_event_t e;
    int rc = next(l, &e);

    if (rc != FT_OK) {
        return rc;
    }
    yaml_event_type_t type = e.type;

    yaml_event_delete(&e);
    return skip_rest(l, type);
}

/* What a scalar carries besides its text, or NULL. */
static const char *extras(const yaml_event_t *e)
{
    if (e->data.scalar.anchor != NULL) {
        return "anchors are not used here";
    }
    if (e->data.scalar.tag != NULL) {
        return "tags are not used here";
    }
    if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length) {
        return "a name or value holds a NUL byte";
    }
    return NULL;
}

/* Unquoted nothing: "key:", "key: ~", "key: null". */
static bool is_null(const yaml_event_t *e)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
            strcmp((const char *)e->data.scalar.value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* True when the command line has said it, or the opposite: quiet and verbose are one thing. */
static bool overruled(const struct ft_config *cfg, uint32_t row)
{
    struct ft__option_ref it, other;

    for (uint32_t i = 0; ft__option_row(row, &it) && ft__option_row(i, &other); i++) {
        bool pair = (it.setter == FT__SET_QUIET && other.setter == FT__SET_VERBOSE) ||
                    (it.setter == FT__SET_VERBOSE && other.setter == FT__SET_QUIET);

        if (cfg->set[i] && (i == row || pair)) {
            return true;
        }
    }
    return false;
}

static int apply(struct loader *l, uint32_t row, const yaml_event_t *e)
{
    const struct ft_option *o = ft_option_at(row);
    char where[WHERE_LEN], what[160];
    const char *extra = extras(e);

    if (extra != NULL) {
        return fail(l, &e->start_mark, extra);
    }
    if (is_null(e)) {
        snprintf(what, sizeof what, "%s: a value is missing (%s)", o->name,
                 o->arg != NULL ? o->arg : "true or false");
        return fail(l, &e->start_mark, what);
    }
    if (overruled(l->cfg, row)) {
        return FT_OK;
    }
    const char *value = (const char *)e->data.scalar.value;
    uint32_t outputs = l->cfg->n_outputs;

    where_of(l, &e->start_mark, where);
    int rc = ft__option_apply(l->cfg, row, where, value, l->err);

    l->cfg->given[row] = rc == FT_OK;
    l->cfg->line[row] = (uint32_t)e->start_mark.line + 1;
    if (l->cfg->n_outputs > outputs) {
        l->cfg->output_line[outputs] = l->cfg->line[row];
    }
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
            rc = go_on(l, apply(l, row, &e));
        } else if (type != YAML_SEQUENCE_END_EVENT) {
            rc = go_on(l, fail(l, &e.start_mark, "a list holds something else than plain values"));
            rc = rc == FT_OK ? skip_rest(l, type) : rc;
        }
        yaml_event_delete(&e);
        if (rc != FT_OK || type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
    }
}

static int load_value(struct loader *l, uint32_t row)
{
    const struct ft_option *o = ft_option_at(row);
    yaml_event_t e;
    int rc = next(l, &e);

    if (rc != FT_OK) {
        return rc;
    }
    if (e.type == YAML_SCALAR_EVENT) {
        rc = go_on(l, apply(l, row, &e));
    } else if (e.type == YAML_SEQUENCE_START_EVENT && o->repeatable &&
               e.data.sequence_start.anchor == NULL && e.data.sequence_start.tag == NULL) {
        rc = load_list(l, row);
    } else {
        char what[160];

        snprintf(what, sizeof what, "%s: allowed is one plain value%s", o->name,
                 o->repeatable ? " or a list of them" : "");
        rc = go_on(l, fail(l, &e.start_mark, what));
        rc = rc == FT_OK ? skip_rest(l, e.type) : rc;
    }
    yaml_event_delete(&e);
    return rc;
}

/* The row that a key names, which is in its place here. */
static int check_key(struct loader *l, const yaml_event_t *e, uint32_t *out_row)
{
    char where[WHERE_LEN], what[160];
    const char *key = (const char *)e->data.scalar.value, *extra = extras(e);
    uint32_t row = 0;

    if (extra != NULL) {
        return fail(l, &e->start_mark, extra);
    }
    where_of(l, &e->start_mark, where);
    int rc = ft__option_find(l->cfg, where, key, &row, l->err);

    if (rc == FT_OK && ft_option_at(row)->cli_only) {
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
    *out_row = row;
    return FT_OK;
}

static int load_key(struct loader *l, const yaml_event_t *e)
{
    uint32_t row = 0;
    int rc = check_key(l, e, &row);

    if (rc == FT_OK) {
        return load_value(l, row);
    }
    rc = go_on(l, rc);
    return rc == FT_OK ? skip_value(l) : rc;
}

/* One event outside of values; *in: inside the mapping; *documents: begun so far. */
static int load_event(struct loader *l, const yaml_event_t *e, bool *in, int *documents)
{
    switch (e->type) {
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return FT_OK;
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents == 1 ? FT_OK : fail(l, &e->start_mark, "a second document begins here");
    case YAML_MAPPING_START_EVENT:
        if (!*in && e->data.mapping_start.anchor == NULL && e->data.mapping_start.tag == NULL) {
            *in = true;
            return FT_OK;
        }
        break;
    case YAML_MAPPING_END_EVENT:
        *in = false;
        return FT_OK;
    case YAML_SCALAR_EVENT:
        if (*in) {
            return load_key(l, e);
        }
        if (is_null(e) && extras(e) == NULL) {
            return FT_OK; /* an empty file */
        }
        break;
    default:
        break;
    }
    return fail(l, &e->start_mark, "expected one mapping of option names to values");
}

/* The document: one mapping, or nothing. */
static int load_document(struct loader *l)
{
    bool in = false;
    int documents = 0;

    for (;;) {
        yaml_event_t e;
        int rc = next(l, &e);

        if (rc != FT_OK) {
            return rc;
        }
        bool end = e.type == YAML_STREAM_END_EVENT;

        rc = load_event(l, &e, &in, &documents);
        yaml_event_delete(&e);
        if (rc != FT_OK || end) {
            return rc;
        }
    }
}

int ft_config_load_text(struct ft_config *cfg, const char *name, const char *text, size_t len,
                        struct ft_err *err)
{
    struct ft_err why;
    struct loader l = {
        .cfg = cfg, .name = name, .text = text, .len = len, .err = err != NULL ? err : &why};

    if (len > FILE_MAX) {
        return ft_err_set(err, FT_E_USAGE, "%s: longer than 1 MiB", name);
    }
    if (!yaml_parser_initialize(&l.parser)) {
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", name);
    }
    ft_mem_free(cfg->file);
    cfg->file = ft_mem_strdup(name);
    if (cfg->file == NULL) {
        yaml_parser_delete(&l.parser);
        return ft_err_set(err, FT_E_NOMEM, "%s: out of memory", name);
    }
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
    int rc = load_document(&l);

    yaml_parser_delete(&l.parser);
    if (rc == FT_OK && l.wrong > 0) {
        rc = ft_err_set(err, FT_E_USAGE, "%.200s: %u thing%s wrong", name, l.wrong,
                        l.wrong == 1 ? " is" : "s are");
    }
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
    size_t len;
    char *text = ft_whole_read(path, FILE_MAX + 1, &len);

    if (text == NULL && errno == EFBIG) {
        return ft_err_set(err, FT_E_USAGE, "%s: longer than 1 MiB", path);
    }
    if (text == NULL) {
        return ft_err_set(err, errno == ENOMEM ? FT_E_NOMEM : FT_E_USAGE, "config: %s: %s", path,
                          strerror(errno));
    }
    int rc = ft_config_load_text(cfg, path, text, len, err);

    ft_whole_forget(text, len);
    return rc;
}
