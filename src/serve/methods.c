/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the methods of the protocol; see rpc.h. MCP 2026-07-28 and 2025-11-25: server/discover,
 * server/tools, server/resources, server/prompts, server/utilities/caching. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "flowtap/version.h"
#include "serve/rpc_parts.h"
#include "serve/schema.h"
#include "serve/veil.h"

enum { LISTS_TTL_MS = 3600 * 1000, QUOTED = 64 };

/* ---- writing ---- */

static void put_string(struct ft_text *t, const char *s)
{
    ft_text_json(t, s, strlen(s));
}

/* The name of the next member of an object. */
static void member(struct ft_text *t, const char *name)
{
    ft_text_format(t, "%s\"%s\":", t->len > 0 && t->p[t->len - 1] == '{' ? "" : ",", name);
}

static void text_member(struct ft_text *t, const char *name, const char *value)
{
    if (value != NULL) {
        member(t, name);
        put_string(t, value);
    }
}

static void put_server(struct ft_text *t)
{
    ft_text_put(t, "{\"name\":\"flowtap\",\"version\":");
    put_string(t, ft_version());
    ft_text_put(t, "}");
}

static struct ft_text *begin(struct ft_rpc_call *c)
{
    struct ft_text *t = &c->out->text;

    ft_text_format(t, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{", c->id);
    if (c->era->modern) {
        ft_text_put(t, "\"resultType\":\"complete\",\"_meta\":{\"" FT_META_SERVER "\":");
        put_server(t);
        ft_text_put(t, "}");
    }
    return t;
}

static void end(struct ft_rpc_call *c)
{
    ft_text_put(&c->out->text, "}}");
}

/* What a client may keep, and who with it. */
static void put_cache(struct ft_rpc_call *c, int ttl_ms, const char *scope)
{
    if (c->era->modern) {
        member(&c->out->text, "ttlMs");
        ft_text_format(&c->out->text, "%d", ttl_ms);
        text_member(&c->out->text, "cacheScope", scope);
    }
}

/* A name of the sender's, for a sentence: short, and one line. */
static const char *quoted(const char *s, char out[QUOTED])
{
    size_t n = 0;

    for (; s[n] != '\0' && n < QUOTED - 1; n++) {
        out[n] = s[n] >= 0x20 && s[n] < 0x7f ? s[n] : '?';
    }
    out[n] = '\0';
    return out;
}

/* ---- the start ---- */

static void put_capabilities(struct ft_rpc_call *c)
{
    const struct ft_catalogue *all = c->rpc->catalogue;
    struct ft_text *t = &c->out->text;
    bool watched = false;

    for (uint32_t i = 0; i < all->n_resources; i++) {
        watched |= all->resources[i].subscribable;
    }
    member(t, "capabilities");
    ft_text_put(t, "{");
    if (all->n_tools > 0) {
        member(t, "tools");
        ft_text_put(t, "{}");
    }
    if (all->n_resources > 0) {
        member(t, "resources");
        ft_text_put(t,
                    watched && (c->era->modern || !c->rpc->shared) ? "{\"subscribe\":true}" : "{}");
    }
    if (all->n_prompts > 0) {
        member(t, "prompts");
        ft_text_put(t, "{}");
    }
    ft_text_put(t, "}");
}

static void run_initialize(struct ft_rpc_call *c)
{
    const char *asked = c->params != NULL ? ft_rpc_string(c->params, "protocolVersion") : NULL;

    if (asked == NULL) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "params.protocolVersion: it is missing");
        return;
    }
    const struct ft_era *era = ft_era_of(asked);

    c->era = era != NULL && !era->modern ? era : ft_era_legacy();
    c->client->legacy = c->era;
    struct ft_text *t = begin(c);

    text_member(t, "protocolVersion", c->era->version);
    put_capabilities(c);
    member(t, "serverInfo");
    put_server(t);
    text_member(t, "instructions", c->rpc->catalogue->instructions);
    end(c);
}

static void run_ping(struct ft_rpc_call *c)
{
    begin(c);
    end(c);
}

static void run_discover(struct ft_rpc_call *c)
{
    struct ft_text *t = begin(c);

    member(t, "supportedVersions");
    for (int i = 0; i < FT_ERAS; i++) {
        ft_text_put(t, i == 0 ? "[" : ",");
        put_string(t, ft_eras[i].version);
    }
    ft_text_put(t, "]");
    put_capabilities(c);
    text_member(t, "instructions", c->rpc->catalogue->instructions);
    put_cache(c, LISTS_TTL_MS, "public");
    end(c);
}

/* ---- lists: whole, in the order of the catalogue ---- */

static bool begin_list(struct ft_rpc_call *c, const char *name)
{
    if (c->params != NULL && ft_rpc_get(c->params, "cursor") != NULL) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "params.cursor: lists have one page");
        return false;
    }
    member(begin(c), name);
    ft_text_put(&c->out->text, "[");
    return true;
}

static void end_list(struct ft_rpc_call *c)
{
    ft_text_put(&c->out->text, "]");
    put_cache(c, LISTS_TTL_MS, "public");
    end(c);
}

static void begin_item(struct ft_rpc_call *c)
{
    struct ft_text *t = &c->out->text;

    ft_text_put(t, t->len > 0 && t->p[t->len - 1] == '[' ? "{" : ",{");
}

static void run_tools(struct ft_rpc_call *c)
{
    const struct ft_catalogue *all = c->rpc->catalogue;
    struct ft_text *t = &c->out->text;

    if (!begin_list(c, "tools")) {
        return;
    }
    for (uint32_t i = 0; i < all->n_tools; i++) {
        const struct ft_tool *tool = &all->tools[i];

        begin_item(c);
        text_member(t, "name", tool->name);
        text_member(t, "title", c->era->structured ? tool->title : NULL);
        text_member(t, "description", tool->description);
        member(t, "inputSchema");
        ft_text_put(t, tool->input_schema);
        if (c->era->structured && tool->output_schema != NULL) {
            member(t, "outputSchema");
            ft_text_put(t, tool->output_schema);
        }
        if (c->era->annotated) {
            member(t, "annotations");
            ft_text_put(t, "{\"readOnlyHint\":true,\"openWorldHint\":false}");
        }
        ft_text_put(t, "}");
    }
    end_list(c);
}

static bool is_template(const struct ft_resource *r)
{
    return strchr(r->uri, '{') != NULL;
}

static void put_resources(struct ft_rpc_call *c, bool templates)
{
    const struct ft_catalogue *all = c->rpc->catalogue;
    struct ft_text *t = &c->out->text;

    for (uint32_t i = 0; i < all->n_resources; i++) {
        const struct ft_resource *r = &all->resources[i];

        if (is_template(r) == templates) {
            begin_item(c);
            text_member(t, templates ? "uriTemplate" : "uri", r->uri);
            text_member(t, "name", r->name);
            text_member(t, "title", c->era->structured ? r->title : NULL);
            text_member(t, "description", r->description);
            text_member(t, "mimeType", r->mime);
            ft_text_put(t, "}");
        }
    }
}

static void run_resources(struct ft_rpc_call *c)
{
    if (begin_list(c, "resources")) {
        put_resources(c, false);
        end_list(c);
    }
}

static void run_templates(struct ft_rpc_call *c)
{
    if (begin_list(c, "resourceTemplates")) {
        put_resources(c, true);
        end_list(c);
    }
}

static void run_prompts(struct ft_rpc_call *c)
{
    const struct ft_catalogue *all = c->rpc->catalogue;
    struct ft_text *t = &c->out->text;

    if (!begin_list(c, "prompts")) {
        return;
    }
    for (uint32_t i = 0; i < all->n_prompts; i++) {
        const struct ft_prompt *p = &all->prompts[i];

        begin_item(c);
        text_member(t, "name", p->name);
        text_member(t, "title", c->era->structured ? p->title : NULL);
        text_member(t, "description", p->description);
        member(t, "arguments");
        ft_text_put(t, "[");
        for (int a = 0; a < FT_PROMPT_ARGUMENTS && p->args[a].name != NULL; a++) {
            begin_item(c);
            text_member(t, "name", p->args[a].name);
            text_member(t, "description", p->args[a].description);
            member(t, "required");
            ft_text_put(t, p->args[a].required ? "true}" : "false}");
        }
        ft_text_put(t, "]}");
    }
    end_list(c);
}

/* ---- tools ---- */

static const struct ft_tool *find_tool(const struct ft_catalogue *all, const char *name)
{
    for (uint32_t i = 0; i < all->n_tools; i++) {
        if (strcmp(all->tools[i].name, name) == 0) {
            return &all->tools[i];
        }
    }
    return NULL;
}

static void put_content(struct ft_text *t, const char *text, size_t len)
{
    member(t, "content");
    ft_text_put(t, "[{\"type\":\"text\",\"text\":");
    ft_text_json(t, text, len);
    ft_text_put(t, "}]");
}

/* What a model is told, to do otherwise. */
static void tool_failed(struct ft_rpc_call *c, const char *why)
{
    struct ft_text said = {0};
    struct ft_text *t = begin(c);

    ft_veil_message(why, &said);
    put_content(t, said.p != NULL ? said.p : "", said.len);
    t->failed |= said.failed;
    ft_text_put(t, ",\"isError\":true");
    end(c);
    ft_text_fini(&said);
}

static struct ft_desk *take_desk(struct ft_rpc_call *c)
{
    struct ft_desk *d = c->rpc->take(c->rpc->cookie);

    if (d == NULL) {
        ft_rpc_error(c, FT_RPC_INTERNAL, NULL, "busy with other questions; ask again");
    }
    return d;
}

static void run_tool(struct ft_rpc_call *c, const struct ft_tool *tool, const cJSON *args)
{
    struct ft_text answer = {0};
    struct ft_err err = {0};
    struct ft_desk *d = take_desk(c);

    if (d == NULL) {
        return;
    }
    int rc = tool->call(d, args, &answer, &err);

    c->rpc->give(c->rpc->cookie, d);
    if (rc != FT_OK) {
        tool_failed(c, err.what[0] != '\0' ? err.what : ft_strerror(rc));
    } else if (answer.failed) {
        tool_failed(c, ft_strerror(FT_E_NOMEM));
    } else if (answer.len > FT_RPC_ANSWER) {
        tool_failed(c, "the answer would be longer than 64 KiB: ask for fewer rows or columns");
    } else {
        struct ft_text *t = begin(c);

        put_content(t, answer.p, answer.len);
        if (c->era->structured) {
            member(t, "structuredContent");
            ft_text_add(t, answer.p, answer.len);
        }
        end(c);
    }
    ft_text_fini(&answer);
}

/* Looks at the arguments, and runs it. */
static void check_tool(struct ft_rpc_call *c, const struct ft_tool *tool, const cJSON *args)
{
    cJSON *schema = cJSON_Parse(tool->input_schema), *none = NULL;
    char why[FT_SCHEMA_WHY];

    if (args == NULL) {
        args = none = cJSON_CreateObject();
    }
    if (schema == NULL || args == NULL) {
        ft_rpc_error(c, FT_RPC_INTERNAL, NULL, "%s", ft_strerror(FT_E_NOMEM));
    } else {
        switch (ft_schema_check(schema, args, why)) {
        case FT_SCHEMA_FITS:
            run_tool(c, tool, args);
            break;
        case FT_SCHEMA_SHAPE:
            ft_rpc_error(c, FT_RPC_PARAMS, NULL, "%s: %s", tool->name, why);
            break;
        case FT_SCHEMA_VALUE:
            tool_failed(c, why);
            break;
        }
    }
    cJSON_Delete(none);
    cJSON_Delete(schema);
}

static void run_call(struct ft_rpc_call *c)
{
    const char *name = c->params != NULL ? ft_rpc_string(c->params, "name") : NULL;
    char short_name[QUOTED];

    if (name == NULL) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "params.name: the name of a tool is missing");
        return;
    }
    const struct ft_tool *tool = find_tool(c->rpc->catalogue, name);

    if (tool == NULL) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "Unknown tool: %s", quoted(name, short_name));
        return;
    }
    check_tool(c, tool, ft_rpc_get(c->params, "arguments"));
}

/* ---- resources ---- */

/* One value of a template (RFC 6570 level 1) is one segment of a path. */
static bool is_of(const struct ft_resource *r, const char *uri)
{
    const char *open = strchr(r->uri, '{');

    if (open == NULL) {
        return strcmp(r->uri, uri) == 0;
    }
    const char *behind = strchr(open, '}');
    size_t head = (size_t)(open - r->uri);

    if (behind == NULL || strncmp(r->uri, uri, head) != 0) {
        return false;
    }
    size_t value = strcspn(uri + head, "/?#");

    return value > 0 && strcmp(uri + head + value, behind + 1) == 0;
}

static const struct ft_resource *find_resource(const struct ft_catalogue *all, const char *uri)
{
    for (uint32_t i = 0; i < all->n_resources; i++) {
        if (is_of(&all->resources[i], uri)) {
            return &all->resources[i];
        }
    }
    return NULL;
}

static const char *uri_of(struct ft_rpc_call *c)
{
    const char *uri = c->params != NULL ? ft_rpc_string(c->params, "uri") : NULL;

    if (uri == NULL) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "params.uri: it is missing");
    }
    return uri;
}

static void no_resource(struct ft_rpc_call *c, const char *uri)
{
    ft_rpc_error(c, c->era->modern ? FT_RPC_PARAMS : FT_RPC_NO_RESOURCE, uri, "Resource not found");
}

static void put_resource(struct ft_rpc_call *c, const struct ft_resource *r, const char *uri,
                         const struct ft_text *text)
{
    struct ft_text *t = begin(c);

    member(t, "contents");
    ft_text_put(t, "[{");
    text_member(t, "uri", uri);
    text_member(t, "mimeType", r->mime);
    member(t, "text");
    ft_text_json(t, text->p, text->len);
    ft_text_put(t, "}]");
    put_cache(c, 0, "private");
    end(c);
}

static void run_read(struct ft_rpc_call *c)
{
    const char *uri = uri_of(c);
    const struct ft_resource *r = uri != NULL ? find_resource(c->rpc->catalogue, uri) : NULL;
    struct ft_text text = {0};
    struct ft_err err = {0};

    if (uri == NULL) {
        return;
    }
    if (r == NULL) {
        no_resource(c, uri);
        return;
    }
    struct ft_desk *d = take_desk(c);

    if (d == NULL) {
        return;
    }
    int rc = r->read(d, uri, &text, &err);

    c->rpc->give(c->rpc->cookie, d);
    if (rc == FT_E_NOT_FOUND) {
        no_resource(c, uri);
    } else if (rc != FT_OK || text.failed) {
        ft_rpc_error(c, rc == FT_E_USAGE ? FT_RPC_PARAMS : FT_RPC_INTERNAL, uri, "%s",
                     rc != FT_OK && err.what[0] != '\0' ? err.what : ft_strerror(FT_E_NOMEM));
    } else {
        put_resource(c, r, uri, &text);
    }
    ft_text_fini(&text);
}

/* ---- prompts ---- */

static const struct ft_prompt *find_prompt(const struct ft_catalogue *all, const char *name)
{
    for (uint32_t i = 0; i < all->n_prompts; i++) {
        if (strcmp(all->prompts[i].name, name) == 0) {
            return &all->prompts[i];
        }
    }
    return NULL;
}

/* Every required one is there, every one there is a text, and known. */
static bool prompt_arguments(struct ft_rpc_call *c, const struct ft_prompt *p, const cJSON *args)
{
    const cJSON *a;
    uint32_t given = 0;

    if (args != NULL && !cJSON_IsObject(args)) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "params.arguments: it wants type object");
        return false;
    }
    for (int i = 0; i < FT_PROMPT_ARGUMENTS && p->args[i].name != NULL; i++) {
        a = args != NULL ? ft_rpc_get(args, p->args[i].name) : NULL;
        if ((a == NULL && p->args[i].required) || (a != NULL && !cJSON_IsString(a))) {
            ft_rpc_error(c, FT_RPC_PARAMS, NULL, "%s: %s", p->args[i].name,
                         a == NULL ? "it is missing" : "it wants type string");
            return false;
        }
        given += a != NULL;
    }
    if (args != NULL && (uint32_t)cJSON_GetArraySize(args) != given) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "%s: there is an argument that it does not take",
                     p->name);
        return false;
    }
    return true;
}

static void run_prompt(struct ft_rpc_call *c)
{
    const char *name = c->params != NULL ? ft_rpc_string(c->params, "name") : NULL;
    const struct ft_prompt *p = name != NULL ? find_prompt(c->rpc->catalogue, name) : NULL;
    const cJSON *args = c->params != NULL ? ft_rpc_get(c->params, "arguments") : NULL;
    struct ft_text text = {0};
    struct ft_err err = {0};
    char short_name[QUOTED];

    if (p == NULL) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "Unknown prompt: %s",
                     quoted(name != NULL ? name : "", short_name));
        return;
    }
    struct ft_desk *d = prompt_arguments(c, p, args) ? take_desk(c) : NULL;

    if (d == NULL) {
        return;
    }
    int rc = p->get(d, args, &text, &err);

    c->rpc->give(c->rpc->cookie, d);
    if (rc != FT_OK || text.failed) {
        ft_rpc_error(c, rc == FT_E_USAGE ? FT_RPC_PARAMS : FT_RPC_INTERNAL, NULL, "%s",
                     err.what[0] != '\0' ? err.what : ft_strerror(rc));
    } else {
        struct ft_text *t = begin(c);

        text_member(t, "description", p->description);
        member(t, "messages");
        ft_text_put(t, "[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":");
        ft_text_json(t, text.p, text.len);
        ft_text_put(t, "}}]");
        end(c);
    }
    ft_text_fini(&text);
}

/* ---- who is told of changes ---- */

/* A listener for rows, told of their versions as they are now; or an error. */
static struct ft_listener *new_listener(struct ft_rpc_call *c, uint32_t rows, const char *id)
{
    struct ft_rpc_client *client = c->client;

    for (uint32_t i = 0; i < client->n_listeners && id[0] != '\0'; i++) {
        if (strcmp(client->listeners[i].id, id) == 0) {
            ft_rpc_error(c, FT_RPC_REQUEST, NULL, "id: a subscription has it");
            return NULL;
        }
    }
    if (client->n_listeners == FT_RPC_LISTENERS) {
        ft_rpc_error(c, FT_RPC_INTERNAL, NULL, "there are %d subscriptions, and no more",
                     FT_RPC_LISTENERS);
        return NULL;
    }
    struct ft_desk *d = take_desk(c);

    if (d == NULL) {
        return NULL;
    }
    struct ft_listener *l = &client->listeners[client->n_listeners++];

    *l = (struct ft_listener){.rows = rows};
    snprintf(l->id, sizeof l->id, "%s", id);
    ft_listen_look(c->rpc->catalogue, d, rows, &l->told);
    c->rpc->give(c->rpc->cookie, d);
    return l;
}

/* The one of resources/subscribe. */
static struct ft_listener *asked_of(struct ft_rpc_client *client)
{
    for (uint32_t i = 0; i < client->n_listeners; i++) {
        if (client->listeners[i].id[0] == '\0') {
            return &client->listeners[i];
        }
    }
    return NULL;
}

static void change_subscription(struct ft_rpc_call *c, bool on)
{
    const char *uri = uri_of(c);
    int row = uri != NULL ? ft_listen_row(c->rpc->catalogue, uri) : -1;
    struct ft_listener *l = asked_of(c->client);

    if (uri == NULL) {
        return;
    }
    if (row < 0) {
        no_resource(c, uri);
        return;
    }
    if (on && (l == NULL || (l->rows >> row & 1) == 0)) {
        struct ft_listener *fresh = new_listener(c, UINT32_C(1) << row, "");

        if (fresh == NULL) {
            return;
        }
        if (l != NULL) { /* one listener has them all */
            l->rows |= fresh->rows;
            l->told.of[row] = fresh->told.of[row];
            c->client->n_listeners--;
        }
    } else if (!on && l != NULL) {
        l->rows &= ~(UINT32_C(1) << row);
    }
    begin(c);
    end(c);
}

static void run_subscribe(struct ft_rpc_call *c)
{
    change_subscription(c, true);
}

static void run_unsubscribe(struct ft_rpc_call *c)
{
    change_subscription(c, false);
}

/* Of what is asked for, what there is: lists never change here. */
static void run_listen(struct ft_rpc_call *c)
{
    const cJSON *filter = c->params != NULL ? ft_rpc_get(c->params, "notifications") : NULL;
    const cJSON *uris = filter != NULL ? ft_rpc_get(filter, "resourceSubscriptions") : NULL, *uri;
    uint32_t rows = 0;

    if (!cJSON_IsObject(filter) || (uris != NULL && !cJSON_IsArray(uris))) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL,
                     "params.notifications: it wants an object, resourceSubscriptions a list");
        return;
    }
    cJSON_ArrayForEach(uri, uris)
    {
        int row = cJSON_IsString(uri) ? ft_listen_row(c->rpc->catalogue, uri->valuestring) : -1;

        if (!cJSON_IsString(uri)) {
            ft_rpc_error(c, FT_RPC_PARAMS, NULL, "resourceSubscriptions: they want type string");
            return;
        }
        rows |= row >= 0 ? UINT32_C(1) << row : 0;
    }
    struct ft_listener *l = new_listener(c, rows, c->id);

    if (l != NULL) {
        c->out->listens = true;
        ft_listen_begin(c->rpc->catalogue, l, &c->out->text);
    }
}

/* ---- the table ---- */

enum { LEGACY = 1, MODERN = 2, OWN = 4 };

static const struct {
    const char *name;
    unsigned eras; /* OWN: legacy, where a transport is one client's */
    void (*run)(struct ft_rpc_call *c);
} methods[] = {
    {"initialize", LEGACY, run_initialize},
    {"ping", LEGACY, run_ping},
    {"server/discover", MODERN, run_discover},
    {"tools/list", LEGACY | MODERN, run_tools},
    {"tools/call", LEGACY | MODERN, run_call},
    {"resources/list", LEGACY | MODERN, run_resources},
    {"resources/templates/list", LEGACY | MODERN, run_templates},
    {"resources/read", LEGACY | MODERN, run_read},
    {"resources/subscribe", OWN, run_subscribe},
    {"resources/unsubscribe", OWN, run_unsubscribe},
    {"prompts/list", LEGACY | MODERN, run_prompts},
    {"prompts/get", LEGACY | MODERN, run_prompt},
    {"subscriptions/listen", MODERN, run_listen},
};

bool ft_rpc_run(struct ft_rpc_call *c)
{
    unsigned wanted = c->era->modern ? MODERN : c->rpc->shared ? LEGACY : LEGACY | OWN;

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if ((methods[i].eras & wanted) != 0 && strcmp(methods[i].name, c->method) == 0) {
            methods[i].run(c);
            return true;
        }
    }
    return false;
}
