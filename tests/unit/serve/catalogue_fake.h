/* SPDX-License-Identifier: Apache-2.0 */
/* A catalogue whose answers are known, for tests of the protocol. */
#ifndef FT_TESTS_SERVE_CATALOGUE_FAKE_H
#define FT_TESTS_SERVE_CATALOGUE_FAKE_H

#include <string.h>

#include "serve/rpc.h"

struct ft_desk {
    uint64_t alerts; /* the version of fake://alerts */
    uint32_t calls;
    bool busy; /* nobody has it now */
    uint32_t taken;
};

static inline int fake_top(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                           struct ft_err *err)
{
    const char *by = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, "by"));

    d->calls++;
    if (by != NULL && strcmp(by, "fail") == 0) {
        return ft_err_set(err, FT_E_CORRUPT, "slice 7 is damaged");
    }
    if (by != NULL && strcmp(by, "long") == 0) {
        for (int i = 0; i < 10000; i++) {
            ft_text_put(out, "[0,0,0],");
        }
        return FT_OK;
    }
    ft_text_put(out, "{\"by\":");
    ft_text_json(out, by != NULL ? by : "bytes", strlen(by != NULL ? by : "bytes"));
    ft_text_put(out, ",\"rows\":[[1,\"a\\\"b\"]]}");
    return FT_OK;
}

static inline int fake_plain(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                             struct ft_err *err)
{
    (void)args;
    (void)err;
    d->calls++;
    ft_text_put(out, "{}");
    return FT_OK;
}

static const struct ft_tool fake_tools[] = {
    {"top", "Top", "The most",
     "{\"type\":\"object\",\"properties\":{\"by\":{\"type\":\"string\",\"enum\":[\"bytes\","
     "\"packets\",\"fail\",\"long\"]},\"limit\":{\"type\":\"integer\",\"minimum\":1,"
     "\"maximum\":100,\"default\":10},\"share\":{\"type\":\"number\"},\"all\":{\"type\":"
     "\"boolean\"},\"where\":{\"type\":\"string\",\"maxLength\":8},\"names\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"},\"maxItems\":2}},\"additionalProperties\":false}",
     "{\"type\":\"object\"}", fake_top},
    {"plain", "Plain", "Needs an id",
     "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}},\"required\":[\"id\"],"
     "\"additionalProperties\":false}",
     "{\"type\":\"object\"}", fake_plain},
};

static inline int fake_read(struct ft_desk *d, const char *uri, struct ft_text *out,
                            struct ft_err *err)
{
    (void)d;
    if (strstr(uri, "nobody") != NULL) {
        return ft_err_set(err, FT_E_NOT_FOUND, "there is none");
    }
    if (strstr(uri, "broken") != NULL) {
        return ft_err_set(err, FT_E_IO, "the disk is gone");
    }
    ft_text_format(out, "line\n\"%s\"", uri);
    return FT_OK;
}

static inline uint64_t fake_version(struct ft_desk *d)
{
    return __atomic_load_n(&d->alerts, __ATOMIC_SEQ_CST);
}

static const struct ft_resource fake_resources[] = {
    {"fake://schema", "schema", "Schema", "Columns", "text/plain", false, fake_read, NULL},
    {"fake://alerts", "alerts", "Alerts", "Alerts", "application/json", true, fake_read,
     fake_version},
    {"fake://baseline/{host}", "baseline", "Baseline", "Usual", "application/json", false,
     fake_read, NULL},
};

static inline int fake_get(struct ft_desk *d, const cJSON *args, struct ft_text *out,
                           struct ft_err *err)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, "id"));

    (void)d;
    if (id != NULL && id[0] == '?') {
        return ft_err_set(err, FT_E_USAGE, "id: it has a question mark");
    }
    ft_text_format(out, "Look at %s.", id);
    return FT_OK;
}

static const struct ft_prompt fake_prompts[] = {
    {"triage",
     "Triage",
     "Look at an alert",
     {{"id", "of the alert", true}, {"why", "?", false}},
     fake_get},
};

static const struct ft_catalogue fake_catalogue = {
    "Begin with top.", fake_tools, 2, fake_resources, 3, fake_prompts, 1,
};

static inline struct ft_desk *fake_take(void *cookie)
{
    struct ft_desk *d = cookie;

    if (d->busy) {
        return NULL;
    }
    d->taken++;
    d->busy = true;
    return d;
}

static inline void fake_give(void *cookie, struct ft_desk *d)
{
    (void)cookie;
    d->busy = false;
}

#endif
