/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes requests of agents. The first byte says how they come: odd: over HTTP, where the next
 * three lines are headers (version, method, name; an empty one is not there) and the rest is a
 * body; even: over stdio, a message a line.
 *
 * Properties: what is said is one line of JSON, of a bounded length; it is of JSON-RPC 2.0, has the
 * id of what was asked, and a result or an error and never both; nothing is said to notifications;
 * what the strict reader takes, the parser takes; a desk that is taken is given back; who listens
 * is told what changed, once. */
#include "must.h"

#ifdef FT_HAVE_SERVE

#include "json_check.h"
#include "serve/catalogue_fake.h"
#include "serve/eras.h"
#include "serve/json.h"

enum { HEADER = 256, MORE = 300 * 1024 };

static struct ft_desk desk;

static const cJSON *get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

/* A request without an id: nothing is owed to it. */
static bool is_notification(const cJSON *m)
{
    const char *version = cJSON_GetStringValue(get(m, "jsonrpc"));

    return cJSON_IsObject(m) && version != NULL && strcmp(version, "2.0") == 0 &&
           cJSON_IsString(get(m, "method")) && get(m, "id") == NULL;
}

static void check_line(struct ft_text *t)
{
    size_t len = t->len;

    MUST(!t->failed && memchr(t->p, '\n', len) == NULL);
    ft_text_put(t, "\n");
    MUST(json_line((const uint8_t *)t->p, t->len));
    t->p[t->len = len] = '\0';
}

static void check_reply(const cJSON *asked, struct ft_rpc_reply *reply, size_t asked_len)
{
    MUST(reply->text.len <= 8 * asked_len + MORE);
    check_line(&reply->text);
    cJSON *said = cJSON_ParseWithLength(reply->text.p, reply->text.len);
    const cJSON *error = get(said, "error"), *id = get(said, "id");

    MUST(said != NULL && strcmp(cJSON_GetStringValue(get(said, "jsonrpc")), "2.0") == 0);
    if (reply->listens) {
        MUST(id == NULL && error == NULL && get(said, "result") == NULL);
        MUST(cJSON_IsString(get(said, "method")));
    } else {
        MUST(id != NULL && (error == NULL) == (get(said, "result") != NULL));
        MUST(cJSON_IsNull(id) ? error != NULL : cJSON_Compare(id, get(asked, "id"), true));
        MUST((error != NULL) == (reply->code != 0));
    }
    if (error != NULL) {
        MUST(get(error, "code")->valueint == reply->code);
        MUST(cJSON_IsString(get(error, "message")));
    }
    cJSON_Delete(said);
}

static void take(const struct ft_rpc *rpc, struct ft_rpc_client *client, const char *p, size_t len,
                 const struct ft_rpc_headers *headers)
{
    struct ft_rpc_reply reply = {0};
    bool strict = len <= FT_RPC_MESSAGE && ft_json_wrong(p, len) == NULL;
    cJSON *asked = strict ? cJSON_ParseWithLength(p, len) : NULL;

    MUST(!strict || asked != NULL);
    ft_rpc_answer(rpc, client, p, len, headers, &reply);
    MUST(!desk.busy);
    if (is_notification(asked)) {
        MUST(reply.text.len == 0);
    }
    MUST(strict || reply.code == FT_RPC_PARSE);
    if (reply.text.len > 0) {
        check_reply(asked, &reply, len);
    }
    MUST(client->n_listeners <= FT_RPC_LISTENERS);
    ft_text_fini(&reply.text);
    cJSON_Delete(asked);
}

/* One change is told once to each. */
static void tell(struct ft_rpc_client *client)
{
    struct ft_versions now = {{0}};

    desk.alerts++;
    ft_listen_look(&fake_catalogue, &desk, UINT32_MAX & 2, &now);
    for (uint32_t i = 0; i < client->n_listeners; i++) {
        struct ft_listener *l = &client->listeners[i];
        struct ft_text t = {0};

        MUST((l->rows & ~2u) == 0);
        MUST(ft_listen_next(&fake_catalogue, l, &now, &t) == (l->rows != 0));
        if (t.len > 0) {
            check_line(&t);
        }
        MUST(!ft_listen_next(&fake_catalogue, l, &now, &t));
        ft_text_fini(&t);
        if (l->id[0] != '\0') {
            ft_listen_end(l, &t);
            check_line(&t);
            ft_text_fini(&t);
        }
    }
}

/* The next line, without its end. */
static size_t line_len(const char *p, size_t len)
{
    const char *end = memchr(p, '\n', len);

    return end != NULL ? (size_t)(end - p) : len;
}

static const char *take_header(const char **p, size_t *len, char out[HEADER])
{
    size_t n = line_len(*p, *len), kept = n < HEADER ? n : HEADER - 1;

    memcpy(out, *p, kept);
    out[kept] = '\0';
    *p += n < *len ? n + 1 : n;
    *len -= n < *len ? n + 1 : n;
    return out[0] != '\0' ? out : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data + 1;
    struct ft_rpc_client client = {0};
    size_t len = size - 1;

    if (size == 0) {
        return 0;
    }
    desk = (struct ft_desk){0};
    struct ft_rpc rpc = {&fake_catalogue, fake_take, fake_give, &desk, data[0] % 2 != 0};

    if (rpc.shared) {
        char text[3][HEADER];
        struct ft_rpc_headers h = {.version = take_header(&p, &len, text[0])};

        h.method = take_header(&p, &len, text[1]);
        h.name = take_header(&p, &len, text[2]);
        take(&rpc, &client, p, len, &h);
    }
    while (!rpc.shared && len > 0) {
        size_t n = line_len(p, len);

        take(&rpc, &client, p, n, NULL);
        p += n < len ? n + 1 : n;
        len -= n < len ? n + 1 : n;
    }
    tell(&client);
    return 0;
}

#else

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}

#endif
