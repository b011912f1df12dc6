/* SPDX-License-Identifier: Apache-2.0 */
/* serve: a message and what is said to it; see rpc.h. JSON-RPC 2.0 §4, §5; MCP 2026-07-28, basic,
 * basic/versioning, basic/transports/streamable-http. */
#include "serve/rpc.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "serve/json.h"
#include "serve/mirror.h"
#include "serve/rpc_parts.h"

enum { REASON = 400 };

static const double whole_most = 9007199254740992.0; /* 2^53: an id beyond would come back other */

/* ---- errors ---- */

static void begin_error(struct ft_rpc_reply *out, const char *id, int code, const char *why)
{
    struct ft_text *t = &out->text;

    ft_text_fini(t);
    out->code = code;
    out->listens = false;
    ft_text_format(t, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":", id,
                   code);
    ft_text_json(t, why, strlen(why));
}

static void end_error(struct ft_rpc_reply *out)
{
    ft_text_put(&out->text, "}}");
}

void ft_rpc_refuse(struct ft_rpc_reply *out, int code, const char *why)
{
    begin_error(out, "null", code, why);
    end_error(out);
}

void ft_rpc_error(struct ft_rpc_call *c, int code, const char *uri, const char *format, ...)
{
    char why[REASON];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    begin_error(c->out, c->id, code, why);
    if (uri != NULL) {
        ft_text_put(&c->out->text, ",\"data\":{\"uri\":");
        ft_text_json(&c->out->text, uri, strlen(uri));
        ft_text_put(&c->out->text, "}");
    }
    end_error(c->out);
}

/* A revision that is asked for and not spoken: those that are. A legacy one is spoken, but not
 * without its handshake. */
static void wrong_version(struct ft_rpc_call *c, const char *requested)
{
    struct ft_text *t = &c->out->text;
    int n = ft_era_of(requested) != NULL ? 1 : FT_ERAS;

    begin_error(c->out, c->id, FT_RPC_VERSION, "Unsupported protocol version");
    ft_text_put(t, ",\"data\":{\"supported\":[");
    for (int i = 0; i < n; i++) {
        ft_text_format(t, "%s\"%s\"", i == 0 ? "" : ",", ft_eras[i].version);
    }
    ft_text_put(t, "],\"requested\":");
    ft_text_json(t, requested, strlen(requested));
    ft_text_put(t, "}");
    end_error(c->out);
}

/* ---- which era ---- */

static const cJSON *meta_of(const struct ft_rpc_call *c)
{
    const cJSON *meta = c->params != NULL ? ft_rpc_get(c->params, "_meta") : NULL;

    return cJSON_IsObject(meta) ? meta : NULL;
}

/* What a client that says nothing means. NULL: a modern request that lacks it. */
static const struct ft_era *era_unsaid(const struct ft_rpc_call *c,
                                       const struct ft_rpc_headers *headers)
{
    if (c->rpc->shared) { /* without a header: before there was one */
        return ft_era_of(headers != NULL && headers->version != NULL ? headers->version
                                                                     : "2025-03-26");
    }
    if (strcmp(c->method, "initialize") == 0 || strcmp(c->method, "ping") == 0) {
        return ft_era_legacy();
    }
    return c->client->legacy;
}

/* The headers that came say what the body says. */
static bool mirrored(struct ft_rpc_call *c, const char *version, const struct ft_rpc_headers *h)
{
    bool by_uri = strcmp(c->method, "resources/read") == 0;
    bool named =
        by_uri || strcmp(c->method, "tools/call") == 0 || strcmp(c->method, "prompts/get") == 0;
    const char *name = named ? ft_rpc_string(c->params, by_uri ? "uri" : "name") : NULL;
    const char *wrong = NULL;

    if (h->twice) {
        wrong = "a header is there twice";
    } else if (h->version == NULL || version == NULL || strcmp(h->version, version) != 0) {
        wrong = "MCP-Protocol-Version is not the version of params._meta";
    } else if (h->method == NULL || strcmp(h->method, c->method) != 0) {
        wrong = "Mcp-Method is not the method of the body";
    } else if (name != NULL && (h->name == NULL || !ft_mirror_equals(h->name, name))) {
        wrong = by_uri ? "Mcp-Name is not params.uri" : "Mcp-Name is not params.name";
    }
    if (wrong != NULL) {
        ft_rpc_error(c, FT_RPC_HEADERS, NULL, "Header mismatch: %s", wrong);
    }
    return wrong == NULL;
}

/* A modern request has all that it must have. */
static bool modern_whole(struct ft_rpc_call *c, const struct ft_rpc_headers *headers)
{
    const cJSON *meta = meta_of(c);
    const cJSON *version = meta != NULL ? ft_rpc_get(meta, FT_META_VERSION) : NULL;
    const cJSON *able = meta != NULL ? ft_rpc_get(meta, FT_META_CAPABILITIES) : NULL;

    if (version == NULL || !cJSON_IsObject(able)) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL,
                     "params._meta: " FT_META_VERSION " and " FT_META_CAPABILITIES
                     " are missing (until 2025-11-25: begin with initialize)");
        return false;
    }
    if (headers != NULL && !mirrored(c, cJSON_GetStringValue(version), headers)) {
        return false;
    }
    if (!cJSON_IsString(version)) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, FT_META_VERSION ": it wants type string");
        return false;
    }
    c->era = ft_era_of(version->valuestring);
    if (c->era == NULL || !c->era->modern) {
        wrong_version(c, version->valuestring);
        return false;
    }
    return true;
}

/* Sets the era. False: an error was written. */
static bool choose_era(struct ft_rpc_call *c, const struct ft_rpc_headers *headers)
{
    const cJSON *meta = meta_of(c);
    const struct ft_era *unsaid = era_unsaid(c, headers);
    bool said = meta != NULL && ft_rpc_get(meta, FT_META_VERSION) != NULL;

    if (!said && unsaid != NULL && !unsaid->modern) {
        c->era = unsaid;
        return true;
    }
    c->out->modern = true;
    if (!said && unsaid == NULL && headers != NULL && headers->version != NULL) {
        wrong_version(c, headers->version);
        return false;
    }
    return modern_whole(c, headers);
}

/* ---- the envelope ---- */

/* The id as JSON. False: it is none. */
static bool take_id(const cJSON *id, char out[FT_LISTEN_ID])
{
    struct ft_text t = {0};
    bool good = false;

    if (cJSON_IsNumber(id) && fabs(id->valuedouble) <= whole_most &&
        id->valuedouble == floor(id->valuedouble)) {
        snprintf(out, FT_LISTEN_ID, "%.0f", id->valuedouble + 0.0); /* no -0 */
        return true;
    }
    if (cJSON_IsString(id)) {
        ft_text_json(&t, id->valuestring, strlen(id->valuestring));
        good = !t.failed && t.len < FT_LISTEN_ID;
        if (good) {
            memcpy(out, t.p, t.len + 1);
        }
        ft_text_fini(&t);
    }
    return good;
}

/* MCP 2026-07-28, basic/patterns/cancellation. What is asked on one channel is answered before the
 * next is read: only a subscription can still be on. */
static void take_notification(struct ft_rpc_client *client, const char *method, const cJSON *params)
{
    char id[FT_LISTEN_ID];

    if (strcmp(method, "notifications/cancelled") != 0 || !cJSON_IsObject(params) ||
        !take_id(ft_rpc_get(params, "requestId"), id)) {
        return;
    }
    for (uint32_t i = 0; i < client->n_listeners; i++) {
        if (strcmp(client->listeners[i].id, id) == 0) {
            client->listeners[i] = client->listeners[--client->n_listeners];
            return;
        }
    }
}

static void answer_request(struct ft_rpc_call *c, const cJSON *params,
                           const struct ft_rpc_headers *headers)
{
    if (params != NULL && !cJSON_IsObject(params)) {
        ft_rpc_error(c, FT_RPC_PARAMS, NULL, "params: it wants type object");
        return;
    }
    c->params = params;
    if (choose_era(c, headers) && !ft_rpc_run(c)) {
        ft_rpc_error(c, FT_RPC_METHOD, NULL, "Method not found");
    }
    if (c->out->text.failed) {
        ft_rpc_error(c, FT_RPC_INTERNAL, NULL, "%s", ft_strerror(FT_E_NOMEM));
    }
}

static void answer_object(const struct ft_rpc *rpc, struct ft_rpc_client *client, const cJSON *m,
                          const struct ft_rpc_headers *headers, struct ft_rpc_reply *out)
{
    const cJSON *id = ft_rpc_get(m, "id");
    const char *method = ft_rpc_string(m, "method"), *version = ft_rpc_string(m, "jsonrpc");
    char id_text[FT_LISTEN_ID] = "null";
    struct ft_rpc_call c = {
        .rpc = rpc, .client = client, .method = method, .id = id_text, .out = out};

    if (ft_rpc_get(m, "method") == NULL &&
        (ft_rpc_get(m, "result") != NULL || ft_rpc_get(m, "error") != NULL)) {
        return; /* an answer: nothing was asked */
    }
    if (id != NULL && !take_id(id, id_text)) {
        ft_rpc_error(&c, FT_RPC_REQUEST, NULL,
                     "id: it wants a string of up to %d bytes, or a whole number",
                     FT_LISTEN_ID - 3);
        return;
    }
    if (version == NULL || strcmp(version, "2.0") != 0 || method == NULL) {
        ft_rpc_error(&c, FT_RPC_REQUEST, NULL,
                     "it wants jsonrpc \"2.0\", a method, and for a request an id");
        return;
    }
    if (id == NULL) {
        take_notification(client, method, ft_rpc_get(m, "params"));
        return;
    }
    answer_request(&c, ft_rpc_get(m, "params"), headers);
}

void ft_rpc_answer(const struct ft_rpc *rpc, struct ft_rpc_client *client, const char *message,
                   size_t len, const struct ft_rpc_headers *headers, struct ft_rpc_reply *out)
{
    const char *wrong = len <= FT_RPC_MESSAGE ? ft_json_wrong(message, len) : "it is too long";
    char why[REASON];

    if (wrong != NULL) {
        snprintf(why, sizeof why, "Parse error: %s", wrong);
        ft_rpc_refuse(out, FT_RPC_PARSE, why);
        return;
    }
    cJSON *m = cJSON_ParseWithLength(message, len);

    if (m == NULL) {
        ft_rpc_refuse(out, FT_RPC_INTERNAL, ft_strerror(FT_E_NOMEM));
    } else if (!cJSON_IsObject(m)) {
        ft_rpc_refuse(out, FT_RPC_REQUEST,
                      cJSON_IsArray(m) ? "one message at a time: batches are not taken"
                                       : "a message is an object");
    } else {
        answer_object(rpc, client, m, headers, out);
    }
    cJSON_Delete(m);
}
