/* SPDX-License-Identifier: Apache-2.0 */
#ifdef FT_HAVE_SERVE

#include "serve/rpc.h"

#include "harness.h"
#include "serve/catalogue_fake.h"
#include "serve/eras.h"

#define META(v)                                                                                    \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" v                                  \
    "\",\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define NOW META("2026-07-28")

static struct ft_desk desk;
static struct ft_rpc rpc;
static struct ft_rpc_client client;
static struct ft_rpc_reply reply;
static cJSON *said; /* the reply, read */

static void fresh(bool shared)
{
    desk = (struct ft_desk){0};
    client = (struct ft_rpc_client){0};
    rpc = (struct ft_rpc){&fake_catalogue, fake_take, fake_give, &desk, shared};
}

static void ask_with(const char *message, const struct ft_rpc_headers *headers)
{
    ft_text_fini(&reply.text);
    cJSON_Delete(said);
    reply = (struct ft_rpc_reply){0};
    ft_rpc_answer(&rpc, &client, message, strlen(message), headers, &reply);
    said = reply.text.len > 0 ? cJSON_ParseWithLength(reply.text.p, reply.text.len) : NULL;
    CHECK((said != NULL) == (reply.text.len > 0));
    CHECK(reply.text.len == 0 || memchr(reply.text.p, '\n', reply.text.len) == NULL);
    CHECK(!desk.busy || desk.taken == 0);
}

static void ask(const char *message)
{
    ask_with(message, NULL);
}

/* A member of the reply, by its path: "result/tools/0/name". */
static const cJSON *at(const char *path)
{
    const cJSON *o = said;
    char part[64];

    while (o != NULL && *path != '\0') {
        size_t n = strcspn(path, "/");

        snprintf(part, sizeof part, "%.*s", (int)n, path);
        o = cJSON_IsArray(o) ? cJSON_GetArrayItem(o, part[0] - '0')
                             : cJSON_GetObjectItemCaseSensitive(o, part);
        path += n + (path[n] == '/');
    }
    return o;
}

static const char *text_at(const char *path)
{
    const char *s = cJSON_GetStringValue(at(path));

    return s != NULL ? s : "(none)";
}

static int code(void)
{
    const cJSON *c = at("error/code");

    CHECK_EQ(reply.code, c != NULL ? c->valueint : 0);
    return reply.code;
}

static void handshake(const char *version)
{
    char m[200];

    snprintf(m, sizeof m,
             "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
             "\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":{}}}",
             version);
    ask(m);
}

#define REQUEST(method, params)                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"

static void test_envelope(void)
{
    static const struct {
        const char *message;
        int code;
    } cases[] = {
        {"", FT_RPC_PARSE},
        {"{", FT_RPC_PARSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", FT_RPC_PARSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"\\u0000\",\"method\":\"ping\"}", FT_RPC_PARSE},
        {"\"\xff\"", FT_RPC_PARSE},
        {"[]", FT_RPC_REQUEST},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", FT_RPC_REQUEST},
        {"1", FT_RPC_REQUEST},
        {"null", FT_RPC_REQUEST},
        {"{}", FT_RPC_REQUEST},
        {"{\"id\":1,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1e300,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}", FT_RPC_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", FT_RPC_PARAMS},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":1}", FT_RPC_PARAMS},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 0},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"more\":[1]}", 0},
    };

    fresh(false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(cases[i].message);
        CHECK_EQ(code(), cases[i].code);
        CHECK_STR(text_at("jsonrpc"), "2.0");
    }
}

static void test_no_reply(void)
{
    static const char *const messages[] = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":9}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\",\"params\":7}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"no/such\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":1,\"message\":\"\"}}",
    };

    fresh(false);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        ask(messages[i]);
        CHECK_EQ(reply.text.len, 0);
    }
}

static void test_ids(void)
{
    static const char *const ids[] = {
        "1", "-7", "0", "9007199254740992", "\"a\"", "\"\"", "\"\xc3\xa9\\\"\\\\\""};
    char m[300], want[200];

    fresh(false);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        snprintf(m, sizeof m, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}", ids[i]);
        ask(m);
        snprintf(want, sizeof want, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", ids[i]);
        CHECK_STR(reply.text.p, want);
        snprintf(m, sizeof m, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"pong\"}", ids[i]);
        ask(m);
        CHECK(code() != 0 && strstr(reply.text.p, ids[i]) != NULL);
    }
    snprintf(m, sizeof m, "{\"jsonrpc\":\"2.0\",\"id\":\"%0*d\",\"method\":\"ping\"}",
             FT_LISTEN_ID - 3, 0);
    ask(m);
    CHECK_EQ(code(), 0);
    snprintf(m, sizeof m, "{\"jsonrpc\":\"2.0\",\"id\":\"%0*d\",\"method\":\"ping\"}",
             FT_LISTEN_ID - 2, 0);
    ask(m);
    CHECK_EQ(code(), FT_RPC_REQUEST);
    CHECK(cJSON_IsNull(at("id")));
}

static void test_too_long(void)
{
    static char m[FT_RPC_MESSAGE + 2];

    fresh(false);
    memset(m, ' ', FT_RPC_MESSAGE + 1);
    memcpy(m, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 40);
    ask(m);
    CHECK_EQ(code(), FT_RPC_PARSE);
    m[FT_RPC_MESSAGE] = '\0';
    ask(m);
    CHECK_EQ(code(), 0);
}

static void test_handshake(void)
{
    static const struct {
        const char *asked, *given;
    } cases[] = {
        {"2024-11-05", "2024-11-05"}, {"2025-03-26", "2025-03-26"}, {"2025-06-18", "2025-06-18"},
        {"2025-11-25", "2025-11-25"}, {"2026-07-28", "2025-11-25"}, {"1900-01-01", "2025-11-25"},
        {"", "2025-11-25"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fresh(false);
        handshake(cases[i].asked);
        CHECK_STR(text_at("result/protocolVersion"), cases[i].given);
        CHECK_STR(text_at("result/serverInfo/name"), "flowtap");
        CHECK_STR(text_at("result/instructions"), "Begin with top.");
        CHECK(cJSON_IsTrue(at("result/capabilities/resources/subscribe")));
        CHECK(at("result/capabilities/tools") != NULL);
        CHECK(at("result/capabilities/prompts") != NULL);
        CHECK(at("result/capabilities/logging") == NULL);
        CHECK(at("result/resultType") == NULL && !reply.modern);
        ask(REQUEST("tools/list", ""));
        bool structured = strcmp(cases[i].given, "2025-06-18") >= 0;

        CHECK_EQ(at("result/tools/0/outputSchema") != NULL, structured);
        CHECK_EQ(at("result/tools/0/title") != NULL, structured);
        CHECK_EQ(at("result/tools/0/annotations") != NULL, strcmp(cases[i].given, "2025") > 0);
        CHECK(at("result/ttlMs") == NULL);
        ask(REQUEST("tools/call", "\"name\":\"top\""));
        CHECK_EQ(at("result/structuredContent") != NULL, structured);
    }
    fresh(false);
    ask(REQUEST("initialize", ""));
    CHECK_EQ(code(), FT_RPC_PARAMS);
}

/* Without a handshake, and without saying so, a request is of no era. */
static void test_no_era(void)
{
    fresh(false);
    ask(REQUEST("tools/list", ""));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("server/discover", ""));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    handshake("2025-11-25");
    ask(REQUEST("server/discover", ""));
    CHECK_EQ(code(), FT_RPC_METHOD);
    ask(REQUEST("subscriptions/listen", ""));
    CHECK_EQ(code(), FT_RPC_METHOD);
    ask(REQUEST("logging/setLevel", "\"level\":\"info\""));
    CHECK_EQ(code(), FT_RPC_METHOD);
    ask(REQUEST("completion/complete", ""));
    CHECK_EQ(code(), FT_RPC_METHOD);
    /* both eras on one channel */
    ask(REQUEST("server/discover", NOW));
    CHECK_EQ(code(), 0);
    ask(REQUEST("initialize", NOW));
    CHECK_EQ(code(), FT_RPC_METHOD);
    ask(REQUEST("ping", NOW));
    CHECK_EQ(code(), FT_RPC_METHOD);
    ask(REQUEST("resources/subscribe", "\"uri\":\"fake://alerts\"," NOW));
    CHECK_EQ(code(), FT_RPC_METHOD);
}

static void test_discover(void)
{
    fresh(false);
    ask(REQUEST("server/discover", NOW));
    CHECK_EQ(code(), 0);
    CHECK(reply.modern);
    CHECK_STR(text_at("result/resultType"), "complete");
    CHECK_STR(text_at("result/supportedVersions/0"), "2026-07-28");
    CHECK_EQ(cJSON_GetArraySize(at("result/supportedVersions")), FT_ERAS);
    CHECK_STR(text_at("result/instructions"), "Begin with top.");
    CHECK_STR(text_at("result/cacheScope"), "public");
    CHECK(at("result/ttlMs") != NULL && at("result/ttlMs")->valuedouble >= 0);
    CHECK(cJSON_IsTrue(at("result/capabilities/resources/subscribe")));
    const cJSON *info =
        cJSON_GetObjectItemCaseSensitive(at("result/_meta"), "io.modelcontextprotocol/serverInfo");

    CHECK(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(info, "version")));
}

static void test_modern_meta(void)
{
    fresh(false);
    ask(REQUEST("tools/list",
                "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("tools/list", "\"_meta\":{\"io.modelcontextprotocol/clientCapabilities\":{}}"));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                              "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":1}"));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                              "20260728,\"io.modelcontextprotocol/clientCapabilities\":{}}"));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("tools/list", "\"_meta\":7"));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("tools/list", META("1900-01-01")));
    CHECK_EQ(code(), FT_RPC_VERSION);
    CHECK_STR(text_at("error/data/requested"), "1900-01-01");
    CHECK_STR(text_at("error/data/supported/0"), "2026-07-28");
    CHECK_EQ(cJSON_GetArraySize(at("error/data/supported")), FT_ERAS);
    ask(REQUEST("tools/list", META("2025-11-25")));
    CHECK_EQ(code(), FT_RPC_VERSION);
    CHECK_EQ(cJSON_GetArraySize(at("error/data/supported")), 1);
    ask(REQUEST("no/such", NOW));
    CHECK_EQ(code(), FT_RPC_METHOD);
}

static void test_tools(void)
{
    static const char *const wrong[] = {
        "",
        "\"name\":7,",
        "\"name\":\"nothing\",",
        "\"name\":\"Top\",",
        "\"name\":\"plain\",",
        "\"name\":\"top\",\"arguments\":[],",
        "\"name\":\"top\",\"arguments\":null,",
        "\"name\":\"top\",\"arguments\":{\"limit\":\"7\"},",
        "\"name\":\"top\",\"arguments\":{\"limits\":7},",
    };
    char m[400];

    fresh(false);
    ask(REQUEST("tools/list", NOW));
    CHECK_STR(text_at("result/resultType"), "complete");
    CHECK_STR(text_at("result/cacheScope"), "public");
    CHECK_STR(text_at("result/tools/0/name"), "top");
    CHECK_STR(text_at("result/tools/1/name"), "plain");
    CHECK_STR(text_at("result/tools/1/inputSchema/required/0"), "id");
    CHECK(cJSON_IsTrue(at("result/tools/0/annotations/readOnlyHint")));
    CHECK(cJSON_IsFalse(at("result/tools/0/annotations/openWorldHint")));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(m, sizeof m, REQUEST("tools/call", "%s" NOW), wrong[i]);
        ask(m);
        CHECK_EQ(code(), FT_RPC_PARAMS);
    }
    CHECK_EQ(desk.calls, 0);
    ask(REQUEST("tools/call", "\"name\":\"top\",\"arguments\":{\"by\":\"packets\"}," NOW));
    CHECK_EQ(code(), 0);
    CHECK_STR(text_at("result/content/0/text"), "{\"by\":\"packets\",\"rows\":[[1,\"a\\\"b\"]]}");
    CHECK_STR(text_at("result/structuredContent/rows/0/1"), "a\"b");
    CHECK(at("result/isError") == NULL && at("result/ttlMs") == NULL);
    CHECK_EQ(desk.calls, 1);
}

/* What a tool cannot do is told to the model. */
static void test_tool_fails(void)
{
    fresh(false);
    ask(REQUEST("tools/call", "\"name\":\"top\",\"arguments\":{\"by\":\"fail\"}," NOW));
    CHECK_EQ(code(), 0);
    CHECK(cJSON_IsTrue(at("result/isError")));
    CHECK_STR(text_at("result/content/0/text"), "slice 7 is damaged");
    CHECK(at("result/structuredContent") == NULL);
    ask(REQUEST("tools/call", "\"name\":\"top\",\"arguments\":{\"limit\":1000}," NOW));
    CHECK(cJSON_IsTrue(at("result/isError")));
    CHECK_STR(text_at("result/content/0/text"), "limit: at most 100");
    CHECK_EQ(desk.calls, 1);
    ask(REQUEST("tools/call", "\"name\":\"top\",\"arguments\":{\"by\":\"long\"}," NOW));
    CHECK(cJSON_IsTrue(at("result/isError")));
    desk.busy = true;
    desk.taken = 0;
    ask(REQUEST("tools/call", "\"name\":\"top\"," NOW));
    CHECK_EQ(code(), FT_RPC_INTERNAL);
}

static void test_resources(void)
{
    fresh(false);
    ask(REQUEST("resources/list", NOW));
    CHECK_EQ(cJSON_GetArraySize(at("result/resources")), 2);
    CHECK_STR(text_at("result/resources/1/uri"), "fake://alerts");
    CHECK_STR(text_at("result/resources/1/mimeType"), "application/json");
    ask(REQUEST("resources/list", "\"cursor\":\"\"," NOW));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("resources/templates/list", NOW));
    CHECK_EQ(cJSON_GetArraySize(at("result/resourceTemplates")), 1);
    CHECK_STR(text_at("result/resourceTemplates/0/uriTemplate"), "fake://baseline/{host}");
    ask(REQUEST("resources/read", "\"uri\":\"fake://schema\"," NOW));
    CHECK_STR(text_at("result/contents/0/text"), "line\n\"fake://schema\"");
    CHECK_STR(text_at("result/contents/0/uri"), "fake://schema");
    CHECK_STR(text_at("result/cacheScope"), "private");
    ask(REQUEST("resources/read", "\"uri\":\"fake://baseline/10.0.0.1\"," NOW));
    CHECK_EQ(code(), 0);
    ask(REQUEST("resources/read", "\"uri\":\"fake://broken\"," NOW));
    CHECK_EQ(code(), FT_RPC_PARAMS); /* no row has it */
    ask(REQUEST("resources/read", "\"uri\":\"fake://baseline/broken\"," NOW));
    CHECK_EQ(code(), FT_RPC_INTERNAL);
    ask(REQUEST("resources/read", NOW));
    CHECK_EQ(code(), FT_RPC_PARAMS);
}

static void test_resource_not_found(void)
{
    static const char *const uris[] = {
        "",
        "fake://",
        "fake://schema/",
        "fake://baseline/",
        "fake://baseline/a/b",
        "fake://baseline/a?b",
        "fake://baseline/nobody",
        "FAKE://schema",
    };
    char m[400];

    for (int legacy = 0; legacy < 2; legacy++) {
        fresh(false);
        if (legacy) {
            handshake("2025-11-25");
        }
        for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
            snprintf(m, sizeof m, REQUEST("resources/read", "\"uri\":\"%s\"%s"), uris[i],
                     legacy ? "" : "," NOW);
            ask(m);
            CHECK_EQ(code(), legacy ? FT_RPC_NO_RESOURCE : FT_RPC_PARAMS);
            CHECK_STR(text_at("error/data/uri"), uris[i]);
        }
    }
}

static void test_prompts(void)
{
    static const char *const wrong[] = {
        "",
        "\"name\":\"none\",",
        "\"name\":\"triage\",",
        "\"name\":\"triage\",\"arguments\":7,",
        "\"name\":\"triage\",\"arguments\":{\"id\":7},",
        "\"name\":\"triage\",\"arguments\":{\"id\":\"a\",\"what\":\"b\"},",
        "\"name\":\"triage\",\"arguments\":{\"id\":\"?\"},",
    };
    char m[400];

    fresh(false);
    ask(REQUEST("prompts/list", NOW));
    CHECK_STR(text_at("result/prompts/0/arguments/0/name"), "id");
    CHECK(cJSON_IsTrue(at("result/prompts/0/arguments/0/required")));
    CHECK(cJSON_IsFalse(at("result/prompts/0/arguments/1/required")));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(m, sizeof m, REQUEST("prompts/get", "%s" NOW), wrong[i]);
        ask(m);
        CHECK_EQ(code(), FT_RPC_PARAMS);
    }
    ask(REQUEST("prompts/get", "\"name\":\"triage\",\"arguments\":{\"id\":\"a7\"}," NOW));
    CHECK_STR(text_at("result/messages/0/content/text"), "Look at a7.");
    CHECK_STR(text_at("result/messages/0/role"), "user");
}

/* What the first listener is told now; "": nothing. */
static const char *told(void)
{
    static struct ft_text t;
    struct ft_versions now = {{0}};

    ft_text_fini(&t);
    ft_listen_look(&fake_catalogue, &desk, UINT32_MAX & 2, &now);
    return client.n_listeners > 0 && ft_listen_next(&fake_catalogue, &client.listeners[0], &now, &t)
               ? t.p
               : "";
}

static void test_listen(void)
{
    fresh(false);
    ask(REQUEST("subscriptions/listen", NOW));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    ask(REQUEST("subscriptions/listen", "\"notifications\":{\"resourceSubscriptions\":[1]}," NOW));
    CHECK_EQ(code(), FT_RPC_PARAMS);
    CHECK_EQ(client.n_listeners, 0);
    ask(REQUEST("subscriptions/listen",
                "\"notifications\":{\"toolsListChanged\":true,\"resourceSubscriptions\":["
                "\"fake://alerts\",\"fake://schema\",\"fake://none\"]}," NOW));
    CHECK(reply.listens);
    CHECK_STR(reply.text.p,
              "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
              "\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1},"
              "\"notifications\":{\"resourceSubscriptions\":[\"fake://alerts\"]}}}");
    CHECK_STR(told(), "");
    desk.alerts = 7;
    CHECK_STR(told(), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
                      "\"params\":{\"uri\":\"fake://alerts\",\"_meta\":{\"io."
                      "modelcontextprotocol/subscriptionId\":1}}}");
    CHECK_STR(told(), "");
    ask(REQUEST("subscriptions/listen", "\"notifications\":{}," NOW)); /* the id again */
    CHECK_EQ(code(), FT_RPC_REQUEST);
    CHECK_EQ(client.n_listeners, 1);
    ask("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":"
        "\"1\"}}");
    CHECK_EQ(client.n_listeners, 1);
    ask("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}"
        "}");
    CHECK_EQ(client.n_listeners, 0);
    ask(REQUEST("subscriptions/listen", "\"notifications\":{}," NOW));
    CHECK_STR(text_at("method"), "notifications/subscriptions/acknowledged");
    CHECK_EQ(cJSON_GetArraySize(at("params/notifications")), 0);
    ft_text_fini(&reply.text);
    ft_listen_end(&client.listeners[0], &reply.text);
    CHECK_STR(reply.text.p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\","
                            "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":1}}}");
}

static void test_subscribe(void)
{
    fresh(false);
    handshake("2025-11-25");
    ask(REQUEST("resources/subscribe", "\"uri\":\"fake://schema\""));
    CHECK_EQ(code(), FT_RPC_NO_RESOURCE);
    ask(REQUEST("resources/unsubscribe", "\"uri\":\"fake://alerts\""));
    CHECK_EQ(code(), 0);
    for (int i = 0; i < 3 * FT_RPC_LISTENERS; i++) {
        ask(REQUEST("resources/subscribe", "\"uri\":\"fake://alerts\""));
        CHECK_EQ(code(), 0);
    }
    CHECK_EQ(client.n_listeners, 1);
    CHECK_STR(told(), "");
    desk.alerts = 1;
    CHECK_STR(told(), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
                      "\"params\":{\"uri\":\"fake://alerts\"}}");
    ask(REQUEST("resources/unsubscribe", "\"uri\":\"fake://alerts\""));
    desk.alerts = 2;
    CHECK_STR(told(), "");
}

static void test_many_listeners(void)
{
    char m[300];

    fresh(false);
    for (int i = 0; i <= FT_RPC_LISTENERS; i++) {
        snprintf(
            m, sizeof m,
            "{\"jsonrpc\":\"2.0\",\"id\":\"s%d\",\"method\":\"subscriptions/listen\","
            "\"params\":{\"notifications\":{\"resourceSubscriptions\":[\"fake://alerts\"]}," NOW
            "}}",
            i);
        ask(m);
        CHECK_EQ(code(), i < FT_RPC_LISTENERS ? 0 : FT_RPC_INTERNAL);
    }
    CHECK_EQ(client.n_listeners, FT_RPC_LISTENERS);
}

static void test_headers(void)
{
    static const char list[] = REQUEST("tools/list", NOW),
                      call[] = REQUEST("tools/call", "\"name\":\"top\"," NOW),
                      read[] = REQUEST("resources/read", "\"uri\":\"fake://schema\"," NOW),
                      old[] = REQUEST("tools/list", ""),
                      future[] = REQUEST("tools/list", META("3000-01-01"));
    static const struct {
        const char *message;
        struct ft_rpc_headers headers;
        int code;
    } cases[] = {
        {list, {"2026-07-28", "tools/list", NULL, false}, 0},
        {list, {"2026-07-28", "tools/list", "any", false}, 0},
        {list, {"2026-07-28", "tools/list", NULL, true}, FT_RPC_HEADERS},
        {list, {NULL, "tools/list", NULL, false}, FT_RPC_HEADERS},
        {list, {"2025-11-25", "tools/list", NULL, false}, FT_RPC_HEADERS},
        {list, {"2026-07-28", NULL, NULL, false}, FT_RPC_HEADERS},
        {list, {"2026-07-28", "Tools/list", NULL, false}, FT_RPC_HEADERS},
        {call, {"2026-07-28", "tools/call", "top", false}, 0},
        {call, {"2026-07-28", "tools/call", "=?base64?dG9w?=", false}, 0},
        {call, {"2026-07-28", "tools/call", NULL, false}, FT_RPC_HEADERS},
        {call, {"2026-07-28", "tools/call", "plain", false}, FT_RPC_HEADERS},
        {read, {"2026-07-28", "resources/read", "fake://schema", false}, 0},
        {read, {"2026-07-28", "resources/read", "fake://alerts", false}, FT_RPC_HEADERS},
        {old, {NULL, NULL, NULL, false}, 0},
        {old, {"2025-11-25", NULL, NULL, false}, 0},
        {old, {"2024-11-05", NULL, NULL, false}, 0},
        {old, {"2026-07-28", "tools/list", NULL, false}, FT_RPC_PARAMS},
        {old, {"3000-01-01", NULL, NULL, false}, FT_RPC_VERSION},
        {future, {"3000-01-01", "tools/list", NULL, false}, FT_RPC_VERSION},
        {future, {"2026-07-28", "tools/list", NULL, false}, FT_RPC_HEADERS},
    };

    fresh(true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask_with(cases[i].message, &cases[i].headers);
        CHECK_EQ(code(), cases[i].code);
    }
}

/* Many clients: a handshake is answered and not remembered; nobody is told unasked. */
static void test_shared(void)
{
    struct ft_rpc_headers none = {0};

    fresh(true);
    ask_with("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
             "\"protocolVersion\":\"2025-11-25\"}}",
             &none);
    CHECK_EQ(code(), 0);
    CHECK(at("result/capabilities/resources") != NULL);
    CHECK(at("result/capabilities/resources/subscribe") == NULL);
    ask_with(REQUEST("resources/subscribe", "\"uri\":\"fake://alerts\""), &none);
    CHECK_EQ(code(), FT_RPC_METHOD);
    CHECK(!reply.modern);
}

int main(void)
{
    RUN(test_envelope);
    RUN(test_no_reply);
    RUN(test_ids);
    RUN(test_too_long);
    RUN(test_handshake);
    RUN(test_no_era);
    RUN(test_discover);
    RUN(test_modern_meta);
    RUN(test_tools);
    RUN(test_tool_fails);
    RUN(test_resources);
    RUN(test_resource_not_found);
    RUN(test_prompts);
    RUN(test_listen);
    RUN(test_subscribe);
    RUN(test_many_listeners);
    RUN(test_headers);
    RUN(test_shared);
    ft_text_fini(&reply.text);
    cJSON_Delete(said);
    return test_end();
}

#else

int main(void)
{
    return 77; /* skipped: a build without what it takes */
}

#endif
