/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: a configuration is checked as a whole, and nothing opened.
 *
 * Theory of operation: the plan and the outputs are made as for a run, but that an output counts
 * only: its format, columns and conditions are composed, its target is not touched. What a run
 * would open is looked at: files that are read, folders that are written to. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/url.h"
#include "model/prefix.h"
#include "pipeline/build.h"
#include "pipeline/collect.h"
#include "pipeline/enrich.h"
#include "pipeline/vectors.h"
#include "source/filter.h"
#include "source/udp/listen.h"

struct checker {
    const struct ft_config *cfg;
    const struct ft_log *log;
    struct ft_pipeline *p;
    uint32_t wrong;
};

/* Something is wrong with an option; output: its number, of --output. */
static void tell(struct checker *c, const char *option, uint32_t output, const char *what)
{
    char place[FT_PLACE_LEN];

    ft_config_place(c->cfg, option, output, place);
    ft_log(c->log, FT_LOG_ERROR, "%s%s", place, what);
    c->wrong++;
}

static void tell_file(struct checker *c, const char *option, uint32_t output, const char *path)
{
    struct ft_err err;

    ft_err_set(&err, FT_E_USAGE, "%.200s: %s", path, strerror(errno));
    tell(c, option, output, err.what);
}

/* ---- inputs ---- */

static void check_certificates(struct checker *c, const struct ft__listen *at)
{
    const char *const files[] = {at->cert, at->key, at->ca};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i][0] != '\0' && access(files[i], R_OK) != 0) {
            tell_file(c, "listen", 0, files[i]);
        }
    }
}

static void check_topics(struct checker *c, const char *url)
{
    struct ft_source_config cfg = {.targets = &url, .n_targets = 1};
    struct ft_source *s;
    struct ft_err err;

    if (ft_source_kafka.open(&cfg, &s, &err) != FT_OK) {
        tell(c, "listen", 0, err.what);
    } else {
        s->ops->close(s);
    }
}

static void check_listen(struct checker *c, const char *url)
{
    const char *file = ft__collect_file(url);
    struct ft__listen at;
    struct ft_err err;

    if (file != NULL) {
        if (access(file, R_OK) != 0) {
            tell_file(c, "listen", 0, file);
        }
    } else if (ft__collect_topics(url)) {
        check_topics(c, url);
    } else if (ft__listen_parse(url, &at, &err) != FT_OK) {
        tell(c, "listen", 0, err.what);
    } else {
        check_certificates(c, &at);
    }
}

static void check_inputs(struct checker *c)
{
    for (uint32_t i = 0; i < c->cfg->n_inputs; i++) {
        const char *name = c->cfg->inputs[i];

        if (c->cfg->command == FT_CMD_COLLECT) {
            check_listen(c, name);
        } else if (c->cfg->command == FT_CMD_READ && strcmp(name, "-") != 0 &&
                   access(name, R_OK) != 0) {
            ft_log(c->log, FT_LOG_ERROR, "%s: %s", name, strerror(errno));
            c->wrong++;
        }
    }
}

/* As far as an expression is wrong for every link type. */
static void check_filter(struct checker *c)
{
    const struct ft_filter_wait wait = {0};
    struct ft_filter *f = NULL;
    struct ft_err err;

    if (c->cfg->filter == NULL || c->cfg->filter[0] == '\0') {
        return;
    }
    int rc = ft_filter_new(c->cfg->filter, &wait, &f, &err);

    rc = rc == FT_OK ? ft_filter_add(f, FT_LINK_ETHERNET, &err) : rc;
    if (rc != FT_OK) {
        tell(c, "filter", 0, err.what);
    }
    ft_filter_free(f);
}

static void check_senders(struct checker *c)
{
    struct ft_prefixes allow;
    struct ft_err err;

    if (c->cfg->allow != NULL && ft_prefixes_parse(c->cfg->allow, &allow, &err) != FT_OK) {
        tell(c, "allow", 0, err.what);
    }
}

/* ---- files that are read, and their kin ---- */

static void check_files(struct checker *c)
{
    const struct ft_config *cfg = c->cfg;
    uint8_t key[FT_CRYPTOPAN_KEY];
    struct ft_err err;

    if (cfg->anonymize != NULL && ft__build_key(cfg->anonymize, key, &err) != FT_OK) {
        tell(c, "anonymize", 0, err.what);
    }
    explicit_bzero(key, sizeof key);
    struct ft_rules *rules = NULL;

    if (cfg->rules != NULL && ft__build_rules(cfg->rules, &rules, &err) != FT_OK) {
        tell(c, "rules", 0, err.what);
    }
    ft_rules_free(rules);
    if (cfg->labels != NULL && ft__build_labels(c->p, cfg->labels, &err) != FT_OK) {
        tell(c, "labels", 0, err.what);
    }
    if (ft__vectors_load(cfg, &c->p->vectors, &err) != FT_OK) {
        tell(c, "vector-fit", 0, err.what);
    }
    if (ft__enrich_load(cfg, &c->p->enrich, &err) != FT_OK) {
        tell(c, err.what[0] == 'g' ? "geo" : "networks", 0, err.what);
    }
}

/* Is there the folder of a file? False: errno. */
static bool has_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = ft_mem_strdup(slash != NULL ? path : ".");
    struct stat st;

    if (folder == NULL) {
        return true;
    }
    if (slash != NULL) {
        folder[slash == path ? 1 : slash - path] = '\0';
    }
    bool there = stat(folder, &st) == 0;

    if (there && !S_ISDIR(st.st_mode)) {
        there = false;
        errno = ENOTDIR;
    }
    ft_mem_free(folder);
    return there;
}

static void check_state(struct checker *c)
{
    if (c->cfg->state != NULL && !has_folder(c->cfg->state)) {
        tell_file(c, "state", 0, c->cfg->state);
    }
}

/* ---- outputs ---- */

/* What its URL names of the file system; @FILE holds a secret, ca= and others certificates. */
static void check_target(struct checker *c, uint32_t i)
{
    struct ft_output_url url;

    if (ft_output_url_parse(c->cfg->outputs[i], &url, NULL) != FT_OK) {
        return; /* it was told when it was set */
    }
    if (strcmp(url.transport, "file") == 0 && strcmp(url.format, "null") != 0 &&
        strcmp(url.target, "-") != 0 && !has_folder(url.target)) {
        tell_file(c, "output", i, url.target);
    }
    const struct ft_format *f = c->p->routes[c->p->n_routes - 1].format;

    if (strcmp(url.transport, "file") == 0 && strcmp(url.target, "-") == 0 && f != NULL &&
        f->needs_file) {
        struct ft_err err;

        ft_err_set(&err, FT_E_USAGE, "output %.200s: %s needs a file", url.text, url.format);
        tell(c, "output", i, err.what);
    }
    for (uint32_t k = 0; k < url.n_params; k++) {
        const char *path = ft_output_url_file(&url, k);

        if (path != NULL && access(path, R_OK) != 0) {
            tell_file(c, "output", i, path);
        }
    }
    ft_output_url_fini(&url);
}

static void check_outputs(struct checker *c)
{
    for (uint32_t i = 0; i < c->cfg->n_outputs; i++) {
        struct ft_err err;

        if (ft__build_output(c->p, c->cfg->outputs[i], &err) != FT_OK) {
            tell(c, "output", i, err.what);
        } else {
            check_target(c, i);
        }
    }
}

/* ---- all ---- */

/* What keeps the plan from being made is one output's, when it names that. */
static void tell_plan(struct checker *c, const char *what)
{
    const char *file = c->cfg->file;

    for (uint32_t i = 0; i < c->cfg->n_outputs; i++) {
        struct ft_output_url url;

        if (ft_output_url_parse(c->cfg->outputs[i], &url, NULL) == FT_OK) {
            bool its = strstr(what, url.text) != NULL;

            ft_output_url_fini(&url);
            if (its) {
                tell(c, "output", i, what);
                return;
            }
        }
    }
    ft_log(c->log, FT_LOG_ERROR, "%s%s%s", file != NULL ? file : "", file != NULL ? ": " : "",
           what);
    c->wrong++;
}

/* The plan, and what stands on it. */
static void check_plan(struct checker *c)
{
    struct ft_err err = {0};

    if (ft__build_plan(c->p, c->cfg, &err) != FT_OK) {
        tell_plan(c, err.what);
        return;
    }
    check_outputs(c);
}

int ft_pipeline_check(const struct ft_config *cfg, const struct ft_log *log, uint32_t *out_wrong)
{
    struct checker c = {.cfg = cfg, .log = log, .p = ft__build_empty(cfg, NULL)};
    struct ft_err err;

    if (c.p == NULL) {
        return FT_E_NOMEM;
    }
    c.p->dry = true;
    if (ft_config_check(cfg, &err) != FT_OK) {
        ft_log(log, FT_LOG_ERROR, "%s", err.what);
        c.wrong++;
    }
    check_inputs(&c);
    check_filter(&c);
    check_senders(&c);
    check_files(&c);
    check_state(&c);
    check_plan(&c);
    ft__build_free(c.p);
    *out_wrong = c.wrong;
    return c.wrong == 0 ? FT_OK : FT_E_USAGE;
}
