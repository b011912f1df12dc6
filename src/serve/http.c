/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the Streamable HTTP transport; see http.h. */
#include "serve/http.h"

#ifdef FT_HAVE_MICROHTTPD

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "serve/eras.h"
#include "serve/http_parts.h"

enum { BACKLOG = 128, CONNECTION_BYTES = 32 * 1024, STACK_BYTES = 1024 * 1024, LAST_MS = 2000 };

/* ---- answers ---- */

static void add_headers(struct MHD_Response *r, unsigned status, const char *type)
{
    MHD_add_response_header(r, "Cache-Control", "no-store");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (type != NULL) {
        MHD_add_response_header(r, "Content-Type", type);
    }
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(r, "Allow", "POST");
    }
    if (status == MHD_HTTP_UNAUTHORIZED) {
        MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"flowtap\"");
    }
}

static enum MHD_Result queue(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
    if (r == NULL) {
        return MHD_NO;
    }
    enum MHD_Result rc = MHD_queue_response(c, status, r);

    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              const char *text, size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

    if (r != NULL) {
        add_headers(r, status, type);
    }
    return queue(c, status, r);
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, const char *text)
{
    return answer(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* What a code of an error is as a status; legacy revisions have none for it. */
static unsigned status_of(const struct ft_rpc_reply *reply)
{
    switch (reply->code) {
    case FT_RPC_PARSE:
    case FT_RPC_REQUEST:
    case FT_RPC_HEADERS:
    case FT_RPC_VERSION:
        return MHD_HTTP_BAD_REQUEST;
    case FT_RPC_PARAMS:
        return reply->modern ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_OK;
    case FT_RPC_METHOD:
        return reply->modern ? MHD_HTTP_NOT_FOUND : MHD_HTTP_OK;
    default:
        return MHD_HTTP_OK;
    }
}

static enum MHD_Result answer_stream(struct ft_web *h, struct MHD_Connection *c,
                                     const struct ft_rpc_client *client, struct ft_rpc_reply *reply)
{
    struct ft_web_stream *stream = ft_web_stream_new(h, &client->listeners[0], &reply->text);

    if (stream == NULL) {
        return answer_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, "there are streams enough\n");
    }
    struct MHD_Response *r = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, FT_WEB_STREAM_PIECE, ft_web_stream_read, stream, ft_web_stream_free);

    if (r == NULL) {
        ft_web_stream_free(stream);
        return MHD_NO;
    }
    add_headers(r, MHD_HTTP_OK, "text/event-stream");
    MHD_add_response_header(r, "X-Accel-Buffering", "no");
    return queue(c, MHD_HTTP_OK, r);
}

/* ---- what comes ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

struct count {
    int version, method, name;
};

static enum MHD_Result count_header(void *cookie, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct count *n = cookie;

    (void)kind;
    (void)value;
    n->version += strcasecmp(key, "MCP-Protocol-Version") == 0;
    n->method += strcasecmp(key, "Mcp-Method") == 0;
    n->name += strcasecmp(key, "Mcp-Name") == 0;
    return MHD_YES;
}

static enum MHD_Result answer_message(struct ft_web *h, struct MHD_Connection *c,
                                      const struct ft_request *q)
{
    struct ft_rpc_headers headers = {.version = header(c, "MCP-Protocol-Version"),
                                     .method = header(c, "Mcp-Method"),
                                     .name = header(c, "Mcp-Name")};
    struct ft_rpc_client *client = ft_mem_alloc(1, sizeof *client);
    struct ft_rpc_reply reply = {0};
    struct count n = {0};
    enum MHD_Result rc;

    if (client == NULL) {
        return MHD_NO;
    }
    ft_web_busy(h, c);
    MHD_get_connection_values(c, MHD_HEADER_KIND, count_header, &n);
    headers.twice = n.version > 1 || n.method > 1 || n.name > 1;
    ft_rpc_answer(&h->rpc, client, q->body, q->len, &headers, &reply);
    if (reply.listens && !ft_gate_names(header(c, "Accept"), "text/event-stream", true)) {
        rc = answer_text(c, MHD_HTTP_NOT_ACCEPTABLE, "Accept: text/event-stream is missing\n");
    } else if (reply.listens) {
        rc = answer_stream(h, c, client, &reply);
    } else if (reply.text.len == 0) {
        rc = answer(c, MHD_HTTP_ACCEPTED, NULL, "", 0);
    } else {
        rc = answer(c, status_of(&reply), "application/json", reply.text.p, reply.text.len);
    }
    ft_text_fini(&reply.text);
    ft_mem_free(client);
    return rc;
}

/* The status that a request is refused with by its head alone, or 0. */
static unsigned refused(const struct ft_web *h, struct MHD_Connection *c, const char *method,
                        const char **why)
{
    const char *accept = header(c, "Accept"), *type = header(c, "Content-Type"),
               *length = header(c, "Content-Length");

    if (!ft_gate_shown(&h->gate, header(c, "Authorization"))) {
        *why = "a token is asked for: Authorization: Bearer ...\n";
        return MHD_HTTP_UNAUTHORIZED;
    }
    if (strcmp(method, "POST") != 0) {
        *why = "only POST: there are no sessions, and a stream is the answer to a request\n";
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    if (type == NULL || !ft_gate_names(type, "application/json", false)) {
        *why = "Content-Type: it wants application/json\n";
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    if (accept == NULL || !ft_gate_names(accept, "application/json", true)) {
        *why = "Accept: it wants application/json, text/event-stream\n";
        return MHD_HTTP_NOT_ACCEPTABLE;
    }
    if (length != NULL && (strlen(length) > 9 || strtol(length, NULL, 10) > FT_RPC_MESSAGE)) {
        *why = "a message of more than 256 KiB\n";
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    return 0;
}

/* The head of a request is there. */
static enum MHD_Result begin(struct ft_web *h, struct MHD_Connection *c, const char *url,
                             const char *method, void **state)
{
    const char *why = "this page may not ask (--origin), or by this name of the host\n";
    unsigned status = 0;
    bool health = strcmp(url, "/health") == 0;

    if (!ft_gate_host(&h->gate, header(c, "Host")) ||
        !ft_gate_page(&h->gate, header(c, "Origin"))) {
        status = MHD_HTTP_FORBIDDEN;
    } else if (!health && strcmp(url, "/mcp") != 0) {
        why = "there are /mcp and /health\n";
        status = MHD_HTTP_NOT_FOUND;
    } else if (!health) {
        status = refused(h, c, method, &why);
    }
    if (status != 0) {
        return answer_text(c, status, why);
    }
    struct ft_request *q = ft_mem_alloc(1, sizeof *q);

    if (q == NULL) {
        return MHD_NO;
    }
    q->health = health;
    *state = q;
    return MHD_YES;
}

/* Adds to the body. False: no memory. */
static bool take_body(struct ft_request *q, const char *p, size_t len)
{
    if (q->health || q->too_long || len > FT_RPC_MESSAGE - q->len) {
        q->too_long = !q->health;
        return true; /* read to its end, which the time of a request bounds */
    }
    if (q->body == NULL) {
        q->body = ft_mem_alloc(FT_RPC_MESSAGE, 1);
    }
    if (q->body == NULL) {
        return false;
    }
    memcpy(q->body + q->len, p, len);
    q->len += len;
    return true;
}

static enum MHD_Result on_request(void *cookie, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **state)
{
    struct ft_web *h = cookie;
    struct ft_request *q = *state;

    (void)version;
    if (q == NULL) {
        return begin(h, c, url, method, state);
    }
    if (*body_len > 0) {
        bool taken = take_body(q, body, *body_len);

        *body_len = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    if (q->health) {
        return answer_text(c, MHD_HTTP_OK, "ok\n");
    }
    if (q->too_long) {
        return answer_text(c, MHD_HTTP_CONTENT_TOO_LARGE, "a message of more than 256 KiB\n");
    }
    return answer_message(h, c, q);
}

static void on_completed(void *cookie, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct ft_request *q = *state;

    (void)how;
    if (q != NULL) {
        ft_mem_free(q->body);
        ft_mem_free(q);
    }
    *state = NULL;
    ft_web_done(cookie, c);
}

/* ---- life ---- */

static void name_address(struct ft_web *h)
{
    struct sockaddr_storage addr = {0};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t len = sizeof addr;
    char host[INET6_ADDRSTRLEN] = "?";

    if (getsockname(h->listen_fd, (struct sockaddr *)(void *)&addr, &len) != 0) {
        return;
    }
    memcpy(&in, &addr, sizeof in);
    memcpy(&in6, &addr, sizeof in6);
    bool v6 = addr.ss_family == AF_INET6;

    inet_ntop(addr.ss_family, v6 ? (const void *)&in6.sin6_addr : (const void *)&in.sin_addr, host,
              sizeof host);
    snprintf(h->address, sizeof h->address, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
             (unsigned)ntohs(v6 ? in6.sin6_port : in.sin_port));
}

static int listen_at(struct ft_web *h, const struct ft_endpoint *at, struct ft_err *err)
{
    int on = 1;

    h->listen_fd = socket(at->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (h->listen_fd < 0 ||
        setsockopt(h->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (at->addr.ss_family == AF_INET6 &&
         setsockopt(h->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(h->listen_fd, (const struct sockaddr *)(const void *)&at->addr, at->len) != 0 ||
        listen(h->listen_fd, BACKLOG) != 0) {
        return ft_err_set(err, FT_E_IO, "--http: the address cannot be bound: %s", strerror(errno));
    }
    name_address(h);
    return FT_OK;
}

int ft_web_open(const struct ft_endpoint *at, struct ft_gate *gate, const struct ft_rpc *rpc,
                struct ft_web **out, struct ft_err *err)
{
    struct ft_web *h = ft_mem_alloc(1, sizeof *h);

    if (h == NULL) {
        ft_gate_fini(gate);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    h->gate = *gate;
    *gate = (struct ft_gate){0};
    h->rpc = *rpc;
    pthread_mutex_init(&h->lock, NULL);
    ft_cond_init(&h->changed);
    int rc = listen_at(h, at, err);

    if (rc != FT_OK) {
        ft_web_free(h);
        return rc;
    }
    *out = h;
    return FT_OK;
}

int ft_web_start(struct ft_web *h, struct ft_err *err)
{
    h->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC,
        0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, h->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)FT_WEB_SLOTS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)FT_WEB_REQUEST_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        ft_web_on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
    if (h->daemon == NULL || pthread_create(&h->keeper, NULL, ft_web_keep, h) != 0) {
        return ft_err_set(err, FT_E_NOMEM, "--http: no threads for it");
    }
    h->kept = true;
    return FT_OK;
}

const char *ft_web_address(const struct ft_web *h)
{
    return h->address;
}

/* Streams say their last word; who does not listen to it is not waited for. */
static void end_streams(struct ft_web *h)
{
    struct timespec until = ft_wait_until(LAST_MS);
    int rc = 0;

    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_broadcast(&h->changed);
    while (h->n_streams > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&h->changed, &h->lock, &until);
    }
    pthread_mutex_unlock(&h->lock);
}

void ft_web_free(struct ft_web *h)
{
    if (h == NULL) {
        return;
    }
    end_streams(h);
    if (h->kept) {
        pthread_join(h->keeper, NULL);
    }
    if (h->daemon != NULL) {
        MHD_stop_daemon(h->daemon); /* and the socket that listens */
    } else if (h->listen_fd >= 0) {
        close(h->listen_fd);
    }
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    ft_gate_fini(&h->gate);
    ft_mem_free(h);
}

#else

int ft_web_open(const struct ft_endpoint *at, struct ft_gate *gate, const struct ft_rpc *rpc,
                struct ft_web **out, struct ft_err *err)
{
    (void)at;
    (void)rpc;
    (void)out;
    ft_gate_fini(gate);
    return ft_err_set(err, FT_E_UNSUPPORTED, "--http: this build was made without libmicrohttpd");
}

int ft_web_start(struct ft_web *h, struct ft_err *err)
{
    (void)h;
    return ft_err_set(err, FT_E_UNSUPPORTED, "--http: this build was made without libmicrohttpd");
}

const char *ft_web_address(const struct ft_web *h)
{
    (void)h;
    return NULL;
}

void ft_web_free(struct ft_web *h)
{
    (void)h;
}

#endif
