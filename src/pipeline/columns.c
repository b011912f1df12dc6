/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: columns of outputs, see columns.h. */
#include "pipeline/columns.h"

#include <string.h>

#include "feature/feature.h"

static int refuse(const struct ft_output_url *url, const char *key, int rc,
                  const struct ft_err *why, struct ft_err *err)
{
    return rc == FT_OK ? rc : ft_err_set(err, rc, "output %s: %s=: %s", url->text, key, why->what);
}

/* Does it take windows, and nothing else? */
static bool only_windows(const struct ft_plan *plan, const struct ft_output_url *url)
{
    const char *word = ft_output_url_get(url, "event");

    return word != NULL ? strcmp(word, ft_event_word(FT_EVENT_WINDOW)) == 0
                        : plan->events_given && plan->events == 1u << FT_EVENT_WINDOW;
}

static int pick(const struct ft_plan *plan, const struct ft_output_url *url, const char *list,
                struct ft_columns *out, struct ft_err *err)
{
    struct ft_err why = {0};
    int rc = only_windows(plan, url) ? ft_columns_pick_windows(list, out, &why)
             : plan->collect         ? ft_columns_pick_exported(list, out, &why)
                                     : ft_columns_pick(list, plan->profiles, out, &why);

    return refuse(url, "columns", rc, &why, err);
}

static int compose(const struct ft_plan *plan, const struct ft_output_url *url, const char *list,
                   struct ft_columns *out, struct ft_err *err)
{
    struct ft_err why = {0};
    uint32_t sets = 0;
    int rc = ft_profiles_parse(list, &sets, &why);

    if (rc == FT_OK && (sets >> FT_PROFILE_AFTERIMAGE & 1) != 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: profile=: afterimage is no columns of flow records: "
                          "--profile afterimage, and event=afterimage here",
                          url->text);
    }
    if (plan->collect) {
        return ft_err_set(err, FT_E_USAGE,
                          "output %s: profile= is for flow records of packets; exporters decide "
                          "what theirs hold",
                          url->text);
    }
    if (rc == FT_OK) {
        ft_columns_compose(sets, out);
    }
    return refuse(url, "profile", rc, &why, err);
}

static int table(const struct ft_output_url *url, const char *tool, struct ft_columns *out,
                 struct ft_err *err)
{
    const struct ft_column_set *set;
    struct ft_err why = {0};
    int rc = ft_column_set_tool(tool, &set, &why);

    if (rc == FT_OK) {
        ft_columns_table(set, out);
    }
    return refuse(url, "dialect", rc, &why, err);
}

static int columns_asked(const struct ft_plan *plan, const struct ft_output_url *url,
                         struct ft_columns *out, struct ft_err *err)
{
    const char *columns = ft_output_url_get(url, "columns");
    const char *profile = ft_output_url_get(url, "profile");
    const char *dialect = ft_output_url_get(url, "dialect");

    if ((columns != NULL) + (profile != NULL) + (dialect != NULL) > 1) {
        return ft_err_set(err, FT_E_USAGE, "output %s: columns=, profile= or dialect=, one of them",
                          url->text);
    }
    if (dialect != NULL && plan->collect) {
        return ft_err_set(err, FT_E_USAGE, "output %s: dialect= is for flow records of packets",
                          url->text);
    }
    if (dialect != NULL) {
        return table(url, dialect, out, err);
    }
    if (columns != NULL) {
        return pick(plan, url, columns, out, err);
    }
    if (profile != NULL) {
        return compose(plan, url, profile, out, err);
    }
    if (plan->collect) {
        ft_columns_exported((plan->profiles & ft_column_set_bit(&ft_columns_enrich)) != 0, out);
    } else {
        ft_columns_compose(plan->profiles, out);
    }
    return FT_OK;
}

/* --no-identity: what was asked for by name is not left out without a word. */
static int no_identity(const struct ft_output_url *url, struct ft_columns *out, struct ft_err *err)
{
    for (uint32_t i = 0; i < out->n && ft_output_url_get(url, "columns") != NULL; i++) {
        if (ft_column_tells(&out->col[i])) {
            return ft_err_set(
                err, FT_E_USAGE,
                "output %s: columns=: '%s' tells of hosts, networks or times: not with "
                "--no-identity",
                url->text, out->col[i].field->name);
        }
    }
    ft_columns_no_identity(out);
    return FT_OK;
}

int ft__columns_of(const struct ft_plan *plan, const struct ft_output_url *url,
                   struct ft_columns *out, struct ft_err *err)
{
    int rc = columns_asked(plan, url, out, err);

    if (rc == FT_OK) {
        ft_columns_observe(out, &plan->observer);
    }
    return rc == FT_OK && plan->no_identity ? no_identity(url, out, err) : rc;
}

bool ft__columns_of_samples(const struct ft_plan *plan, const struct ft_output_url *url,
                            unsigned events, struct ft_columns *out)
{
    const char *list = ft_output_url_get(url, "columns");
    struct ft_err why;
    uint32_t n;
    const struct ft_field *rows = ft_fields_sample(&n);

    if (plan->collect || list == NULL || (events >> FT_EVENT_SAMPLE & 1) == 0 ||
        (events >> FT_EVENT_FLOW & 1) != 0 ||
        ft_columns_pick_rows(rows, n, list, out, &why) != FT_OK) {
        return false;
    }
    ft_columns_observe(out, &plan->observer);
    return true;
}

/* Does it have the vector profile, or -p that; or does it choose such a column of windows? */
static bool has_vectors(const struct ft_plan *plan, const struct ft_output_url *url,
                        const struct ft_columns *columns)
{
    bool any = false;

    const char *profile = ft_output_url_get(url, "profile");
    uint32_t sets = plan->profiles;
    struct ft_err why;

    for (uint32_t i = 0; only_windows(plan, url) && i < columns->n; i++) {
        any |= columns->col[i].set == &ft_columns_vector;
    }
    return any || ((profile == NULL || ft_profiles_parse(profile, &sets, &why) == FT_OK) &&
                   (sets & ft_column_set_bit(&ft_columns_vector)) != 0);
}

bool ft__columns_of_windows(const struct ft_plan *plan, const struct ft_output_url *url,
                            unsigned events, const struct ft_columns *columns,
                            struct ft_columns *out)
{
    bool chosen = only_windows(plan, url) && ft_output_url_get(url, "columns") != NULL;

    if ((events >> FT_EVENT_WINDOW & 1) == 0 ||
        (!chosen && (!plan->window_vectors || !has_vectors(plan, url, columns)))) {
        return false;
    }
    if (chosen) {
        *out = *columns;
    } else {
        ft_columns_windows(true, out);
    }
    ft_columns_observe(out, &plan->observer);
    return true;
}

int ft__columns_where(const struct ft_plan *plan, const struct ft_output_url *url,
                      struct ft_where **out, struct ft_err *err)
{
    const char *text = ft_output_url_get(url, "where");
    struct ft_err why = {0};

    *out = NULL;
    if (text == NULL) {
        return FT_OK;
    }
    int rc = ft_where_flow(text, plan->collect, out, &why);

    ft_where_observe(*out, &plan->observer);
    return refuse(url, "where", rc, &why, err);
}

uint32_t ft__columns_parts_asked(const struct ft_where *where)
{
    const struct ft_column *c;
    uint32_t parts = 0;

    for (uint32_t i = 0; where != NULL && (c = ft_where_uses(where, i)) != NULL; i++) {
        parts |= UINT32_C(1) << c->part;
    }
    return parts;
}

/* Does an output write flow records? One that only counts is for measuring: as if it did. */
static bool takes_flows(const struct ft_config *cfg, const struct ft_output_url *url)
{
    const char *word = ft_output_url_get(url, "event");

    if (strcmp(url->format, "null") == 0) {
        return true;
    }
    if (!cfg->events_given && word == NULL &&
        (ft_format_find(url->format)->prefers_flows || ft_output_url_get(url, "where") != NULL)) {
        return true;
    }
    return word != NULL ? strcmp(word, ft_event_word(FT_EVENT_FLOW)) == 0
                        : (cfg->events >> FT_EVENT_FLOW & 1) != 0;
}

static bool both_timeouts(const struct ft_config *cfg)
{
    return ft_config_given(cfg, "idle-timeout") && ft_config_given(cfg, "active-timeout");
}

/* The rules by which flows end: those of the profiles that the columns are of. */
static int add_rules(const struct ft_config *cfg, struct ft_plan *plan,
                     const struct ft_columns *columns, struct ft_err *err)
{
    for (uint32_t i = 0; i < columns->n; i++) {
        const struct ft_column_set *set = columns->col[i].set;

        if (set == NULL || set->rules == NULL || set->rules == plan->profile_rules) {
            continue;
        }
        if (plan->profile_rules != NULL && !both_timeouts(cfg)) {
            return ft_err_set(err, FT_E_USAGE,
                              "profiles %s and %s end flows by different rules; both of "
                              "--idle-timeout and --active-timeout would make them one",
                              plan->profile_rules->name, set->rules->name);
        }
        plan->profile_rules = set->rules;
    }
    return FT_OK;
}

static void plan_rules(const struct ft_config *cfg, struct ft_plan *plan)
{
    plan->rules = (struct ft_flow_rules){.idle_ns = cfg->idle_ns, .active_ns = cfg->active_ns};
    plan->aligned = plan->profile_rules != NULL && both_timeouts(cfg);
    if (plan->profile_rules == NULL || plan->aligned) {
        return;
    }
    plan->rules = *plan->profile_rules;
    if (ft_config_given(cfg, "idle-timeout")) {
        plan->rules.idle_ns = cfg->idle_ns;
        plan->rules.idle_else_ns = plan->rules.login_idle_ns = 0;
        plan->rules.names_every_ns = 0;
    }
    if (ft_config_given(cfg, "active-timeout")) {
        plan->rules.active_ns = cfg->active_ns;
        plan->rules.linger_fixed = false;
    }
}

static int plan_output(const struct ft_config *cfg, const char *text, struct ft_plan *plan,
                       struct ft_err *err)
{
    struct ft_output_url url;
    struct ft_columns columns;
    struct ft_where *where = NULL;
    int rc = ft_output_url_parse(text, &url, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = ft__columns_of(plan, &url, &columns, err);
    plan->window_vectors |= rc == FT_OK && has_vectors(plan, &url, &columns);
    if (rc == FT_OK && takes_flows(cfg, &url)) {
        plan->parts |= ft_columns_parts(&columns);
        rc = add_rules(cfg, plan, &columns, err);
    }
    rc = rc == FT_OK ? ft__columns_where(plan, &url, &where, err) : rc;
    plan->parts |= rc == FT_OK ? ft__columns_parts_asked(where) : 0;
    ft_where_free(where);
    ft_output_url_fini(&url);
    return rc;
}

int ft__columns_plan(const struct ft_config *cfg, struct ft_plan *plan, struct ft_err *err)
{
    struct ft_columns columns;
    int rc = FT_OK;

    plan->profiles = cfg->profiles;
    plan->no_identity = cfg->no_identity;
    plan->profiles |= cfg->labels != NULL ? ft_column_set_bit(&ft_columns_label) : 0;
    plan->profiles |= ft_config_enriches(cfg) ? ft_column_set_bit(&ft_columns_enrich) : 0;
    plan->events_given = cfg->events_given;
    plan->events = cfg->events;
    plan->parts = 1u << FT_PART_CORE;
    plan->parts |= cfg->labels != NULL ? 1u << FT_PART_LABEL : 0; /* counted whoever writes them */
    for (uint32_t i = 0; i < cfg->n_outputs && rc == FT_OK; i++) {
        rc = plan_output(cfg, cfg->outputs[i], plan, err);
    }
    if (cfg->n_outputs == 0) { /* callbacks will come */
        plan->window_vectors |= (plan->profiles & ft_column_set_bit(&ft_columns_vector)) != 0;
        ft_columns_compose(plan->profiles, &columns);
        if (plan->no_identity) {
            ft_columns_no_identity(&columns);
        }
        plan->parts |= ft_columns_parts(&columns);
        rc = add_rules(cfg, plan, &columns, err);
    }
    if ((plan->windows || (cfg->events >> FT_EVENT_WINDOW & 1) != 0) &&
        (plan->profiles & ft_column_set_bit(&ft_columns_app)) != 0) {
        plan->parts |= 1u << FT_PART_APP; /* for their top_app */
    }
    plan_rules(cfg, plan);
    if (plan->collect) { /* exporters' records have no others */
        plan->parts &= 1u << FT_PART_CORE | 1u << FT_PART_ENRICH;
    }
    return rc;
}
