/* SPDX-License-Identifier: Apache-2.0 */
/* merge: observers and groups, see observers.h. */
#include "merge/observers.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/observer.h"

void ft__observers_fini(struct ft__observers *o)
{
    for (uint32_t i = 0; i < o->n_groups; i++) {
        ft_mem_free(o->group[i].name);
        ft_mem_free(o->group[i].patterns);
    }
    for (uint32_t i = 0; i < o->n_sampled; i++) {
        ft_mem_free(o->sampled[i].pattern);
    }
}

int ft__observers_group(struct ft__observers *o, enum ft_merge_how how, const char *text,
                        struct ft_err *err)
{
    const char *word = how == FT_MERGE_COPIES ? "--copies" : "--parts";
    const char *equals = strchr(text, '=');
    struct ft__group *g = &o->group[o->n_groups];
    char name[FT_OBSERVER_MAX + 1] = "merged";
    size_t len = equals != NULL ? (size_t)(equals - text) : 0;

    if (o->n_groups == FT__GROUPS) {
        return ft_err_set(err, FT_E_USAGE, "%s: at most %d groups are possible", word, FT__GROUPS);
    }
    snprintf(name, sizeof name, "%.*s", equals != NULL ? (int)len : 6,
             equals != NULL ? text : "merged");
    if (len > FT_OBSERVER_MAX || !ft_observer_valid(name)) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: '%s': a name is 1 to 64 letters, digits and . _ : -", word, text);
    }
    text = equals != NULL ? equals + 1 : text;
    if (text[0] == '\0') {
        return ft_err_set(err, FT_E_USAGE, "%s: [NAME=]OBSERVER,OBSERVER,...: no observer is named",
                          word);
    }
    g->how = how;
    g->name = ft_mem_strdup(name);
    g->patterns = ft_mem_strdup(text);
    o->n_groups++;
    return g->name != NULL && g->patterns != NULL ? FT_OK
                                                  : ft_err_set(err, FT_E_NOMEM, "out of memory");
}

int ft__observers_sampled(struct ft__observers *o, const char *text, struct ft_err *err)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL;
    unsigned long rate = equals != NULL ? strtoul(equals + 1, &end, 10) : 0;

    if (equals == NULL || equals == text || equals[1] < '0' || equals[1] > '9' || *end != '\0' ||
        rate == 0 || rate > UINT32_MAX) {
        return ft_err_set(err, FT_E_USAGE, "--sampled: '%s': allowed is OBSERVER=N, 1 packet in N",
                          text);
    }
    if (o->n_sampled == FT__SAMPLED) {
        return ft_err_set(err, FT_E_USAGE, "--sampled: at most %d are possible", FT__SAMPLED);
    }
    o->sampled[o->n_sampled].pattern = ft_mem_strdup(text);
    if (o->sampled[o->n_sampled].pattern == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    o->sampled[o->n_sampled].pattern[equals - text] = '\0';
    o->sampled[o->n_sampled++].rate = (uint32_t)rate;
    return FT_OK;
}

/* Is a name like one of a list of patterns? */
static bool listed(const char *patterns, const char *name)
{
    for (const char *p = patterns;; p++) {
        size_t len = strcspn(p, ",");
        char one[FT__OBSERVER_TEXT];

        if (len < sizeof one) {
            memcpy(one, p, len);
            one[len] = '\0';
            if (fnmatch(one, name, 0) == 0) {
                return true;
            }
        }
        p += len;
        if (*p == '\0') {
            return false;
        }
    }
}

static void place_in_group(struct ft__observers *o, struct ft__observer *who)
{
    who->group = FT__GROUPS;
    for (uint32_t i = 0; i < o->n_groups && who->group == FT__GROUPS; i++) {
        who->group = listed(o->group[i].patterns, who->name) ? i : (uint32_t)FT__GROUPS;
    }
    for (uint32_t i = 0; i < o->n_sampled && who->rate == 0; i++) {
        who->rate = fnmatch(o->sampled[i].pattern, who->name, 0) == 0 ? o->sampled[i].rate : 0;
    }
    who->seen_rate = who->rate != 0 ? who->rate : 1;
}

static uint32_t name_of(const struct ft__record *r, const char *input, char out[FT__OBSERVER_TEXT])
{
    const struct ft__span *who = &r->of[FT__MERGE_ADDRESS], *domain = &r->of[FT__MERGE_DOMAIN];
    int n;

    if (who->at != NULL && who->text) {
        n = snprintf(out, FT__OBSERVER_TEXT, "%.*s", (int)who->len, who->at);
    } else if (r->of[FT__MERGE_OBSERVER].at == NULL || r->of[FT__MERGE_OBSERVER].len > 64) {
        n = snprintf(out, FT__OBSERVER_TEXT, "%s", input);
    } else {
        who = &r->of[FT__MERGE_OBSERVER];
        memcpy(out, who->at, who->len);
        n = (int)who->len;
        out[n] = '\0';
        if (domain->at != NULL && domain->len <= 10 && !(domain->len == 1 && *domain->at == '0')) {
            n = snprintf(out, FT__OBSERVER_TEXT, "%.*s/%.*s", (int)who->len, who->at,
                         (int)domain->len, domain->at);
        }
    }
    n = n < FT__OBSERVER_TEXT ? n : FT__OBSERVER_TEXT - 1;
    for (int i = 0; i < n; i++) { /* what it is written as must be a text of JSON */
        out[i] = out[i] >= ' ' && out[i] < 0x7f && out[i] != '"' && out[i] != '\\' ? out[i] : '_';
    }
    return (uint32_t)n;
}

struct ft__observer *ft__observers_of(struct ft__observers *o, const struct ft__record *r,
                                      const char *input)
{
    char name[FT__OBSERVER_TEXT];
    uint32_t len = name_of(r, input, name), hash = 2166136261u;

    if (o->last < o->n && o->of[o->last].len == len &&
        memcmp(o->of[o->last].name, name, len) == 0) {
        return &o->of[o->last];
    }
    for (uint32_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    }
    for (uint32_t at = hash % (4 * FT__OBSERVERS);; at = (at + 1) % (4 * FT__OBSERVERS)) {
        uint32_t k = o->place[at];

        if (k == 0 && o->n == FT__OBSERVERS) {
            return NULL;
        }
        if (k == 0) {
            struct ft__observer *who = &o->of[o->n];

            o->place[at] = (uint16_t)++o->n;
            memcpy(who->name, name, len);
            who->len = len;
            place_in_group(o, who);
            o->last = o->n - 1;
            return who;
        }
        if (o->of[k - 1].len == len && memcmp(o->of[k - 1].name, name, len) == 0) {
            o->last = k - 1;
            return &o->of[k - 1];
        }
    }
}
