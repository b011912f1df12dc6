/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: the thread that answers, by libmicrohttpd; see flowtap/metrics.h.
 *
 * Theory of operation: the library runs without threads of its own: ours waits for its epoll
 * descriptor and calls it. So nothing is made after open but connections. They are kept in slots:
 * one that has not got a whole request done within CONNECTION_S is shut down, and so is the one
 * that has waited longest when few are free, which the library then sees as a client that went
 * away. A page is read by the library in pieces through a callback, so that it asks for nothing
 * else of the kernel than send(2) on a connection. */
#include <stdio.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/mem.h"
#include "base/wait.h"
#include "flowtap/metrics.h"
#include "flowtap/pipeline.h"
#include "metrics/page.h"

#ifdef FT_HAVE_MICROHTTPD

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    CONNECTIONS = 64,
    CONNECTIONS_FREE = 4, /* that many are always made free */
    CONNECTION_S = 10,    /* for a request and its answer, and for silence between two */
    CONNECTION_BYTES = 32 * 1024,
    BACKLOG = 1024,
    TICK_MS = 1000,
    PIECE = 16 * 1024,
    SMALL_MAX = 4096
};

/* A connection; in use from its first to its last call of the library. */
struct slot {
    struct MHD_Connection *connection; /* NULL: free */
    int fd;
    int64_t since_ms; /* it came, or its last request was done */
    uint64_t turn;    /* the same, in order */
    bool shut;        /* we have shut it down: it is about to go */
};

struct ft_metrics {
    struct ft_log log;
    int listen_fd, wake_fd; /* owned; -1: none, or the library's */
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    struct ft_pipeline *pipeline; /* borrowed */
    /* owner: the thread */
    struct slot slots[CONNECTIONS];
    uint32_t n_slots;                /* in use */
    uint64_t changes;                /* connections that came and went, requests that were done */
    uint64_t decoded, decoded_bytes; /* the most that was shown: see steady() */
    struct ft_stats stats;
};

/* ---- answers ---- */

/* What is decoded is known before what of it is dropped at a queue: the difference may seem to
 * shrink, and a counter does not. */
static void steady(struct ft_metrics *m)
{
    uint64_t *decoded = &m->stats.verdict[FT_V_DECODED];

    m->decoded = *decoded = *decoded > m->decoded ? *decoded : m->decoded;
    m->decoded_bytes = m->stats.decoded_bytes =
        m->stats.decoded_bytes > m->decoded_bytes ? m->stats.decoded_bytes : m->decoded_bytes;
}

static ssize_t page_piece(void *cookie, uint64_t pos, char *out, size_t max)
{
    const struct ft__page *p = cookie;
    size_t left = pos < p->len ? p->len - (size_t)pos : 0, n = left < max ? left : max;

    memcpy(out, p->text + pos, n);
    return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void page_done(void *cookie)
{
    struct ft__page *p = cookie;

    ft__page_fini(p);
    ft_mem_free(p);
}

/* Takes *page. */
static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              struct ft__page *page)
{
    struct ft__page *kept = ft_mem_alloc(1, sizeof *kept);
    struct MHD_Response *r = NULL;

    if (kept == NULL) {
        ft__page_fini(page);
        return MHD_NO;
    }
    *kept = *page;
    r = MHD_create_response_from_callback(kept->len, PIECE, page_piece, kept, page_done);
    if (r == NULL) {
        page_done(kept);
        return MHD_NO;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result rc = MHD_queue_response(c, status, r);

    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct ft__page page = {.text = ft_mem_strdup(text), .len = strlen(text)};

    return page.text != NULL ? answer(c, status, "text/plain; charset=utf-8", &page) : MHD_NO;
}

static enum MHD_Result answer_metrics(struct ft_metrics *m, struct MHD_Connection *c)
{
    static const char *const types[] = {
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    bool open = ft__page_wants_openmetrics(
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    struct ft__page page;

    ft_pipeline_get_stats(m->pipeline, &m->stats);
    steady(m);
    return ft__page_make(&page, &m->stats, open) ? answer(c, MHD_HTTP_OK, types[open], &page)
                                                 : MHD_NO;
}

static enum MHD_Result answer_ready(struct ft_metrics *m, struct MHD_Connection *c)
{
    char why[SMALL_MAX];

    ft_pipeline_get_stats(m->pipeline, &m->stats);
    return ft__page_ready(&m->stats, why, sizeof why)
               ? answer_text(c, MHD_HTTP_OK, "ready\n")
               : answer_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, why);
}

static enum MHD_Result on_request(void *cookie, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **request)
{
    struct ft_metrics *m = cookie;

    (void)version;
    (void)body;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) { /* before its body comes */
        return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    *body_len = 0;
    if (*request == NULL) { /* only its head is there; answered now, the connection would end */
        *request = m;
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") == 0) {
        return answer_metrics(m, c);
    }
    if (strcmp(url, "/healthz") == 0) {
        return answer_text(c, MHD_HTTP_OK, "ok\n");
    }
    if (strcmp(url, "/readyz") == 0) {
        return answer_ready(m, c);
    }
    return answer_text(c, MHD_HTTP_NOT_FOUND, "there are /metrics, /healthz and /readyz\n");
}

/* ---- connections ---- */

static void shut(struct slot *s)
{
    shutdown(s->fd, SHUT_RDWR);
    s->shut = true;
}

/* The one that has waited longest, of those that are not about to go. */
static void make_room(struct ft_metrics *m)
{
    struct slot *oldest = NULL;
    uint32_t going = 0;

    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct slot *s = &m->slots[i];

        going += s->connection != NULL && s->shut;
        if (s->connection != NULL && !s->shut && (oldest == NULL || s->turn < oldest->turn)) {
            oldest = s;
        }
    }
    if (m->n_slots - going > CONNECTIONS - CONNECTIONS_FREE && oldest != NULL) {
        shut(oldest);
    }
}

static void on_connection(void *cookie, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct ft_metrics *m = cookie;
    struct slot *s = *socket_context;

    m->changes++;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (s != NULL) {
            *s = (struct slot){.connection = NULL};
            m->n_slots--;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        if (m->slots[i].connection == NULL && info != NULL) {
            m->slots[i] = (struct slot){c, info->connect_fd, ft_mono_ms(), m->changes, false};
            *socket_context = &m->slots[i];
            m->n_slots++;
            break;
        }
    }
    make_room(m);
}

static void on_completed(void *cookie, struct MHD_Connection *c, void **request,
                         enum MHD_RequestTerminationCode how)
{
    struct ft_metrics *m = cookie;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct slot *s = info != NULL ? info->socket_context : NULL;

    (void)request;
    (void)how;
    if (s != NULL) {
        s->since_ms = ft_mono_ms();
        s->turn = ++m->changes;
    }
}

static void shut_late(struct ft_metrics *m)
{
    int64_t now = ft_mono_ms();

    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        struct slot *s = &m->slots[i];

        if (s->connection != NULL && !s->shut && now - s->since_ms > CONNECTION_S * 1000) {
            shut(s);
        }
    }
}

/* ---- the thread ---- */

static int wait_ms(const struct ft_metrics *m)
{
    MHD_UNSIGNED_LONG_LONG due;

    if (m->n_slots == 0) {
        return -1; /* until somebody comes */
    }
    return MHD_get_timeout(m->daemon, &due) == MHD_YES && due < TICK_MS ? (int)due : TICK_MS;
}

/* The library looks for new connections again only in the call after the one in which others went:
 * it is called as long as some come or go. */
static void run_on(struct ft_metrics *m)
{
    uint64_t before;
    int rounds = 0;

    do {
        before = m->changes;
        MHD_run(m->daemon);
    } while (m->changes != before && ++rounds < CONNECTIONS);
}

static void *metrics_run(void *arg)
{
    struct ft_metrics *m = arg;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = {{.fd = info->epoll_fd, .events = POLLIN},
                           {.fd = m->wake_fd, .events = POLLIN}};

    while (!atomic_load_explicit(&m->stop, memory_order_acquire)) { /* pairs with free() */
        poll(fds, 2, wait_ms(m));
        shut_late(m);
        run_on(m);
    }
    return NULL;
}

/* ---- life ---- */

static int listen_at(struct ft_metrics *m, const char *address, const struct ft_endpoint *e,
                     struct ft_err *err)
{
    int on = 1;

    m->listen_fd = socket(e->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m->listen_fd < 0 ||
        setsockopt(m->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (e->addr.ss_family == AF_INET6 &&
         setsockopt(m->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(m->listen_fd, (const struct sockaddr *)(const void *)&e->addr, e->len) != 0 ||
        listen(m->listen_fd, BACKLOG) != 0) {
        return ft_err_set(err, FT_E_IO, "--metrics %.100s: %s", address, strerror(errno));
    }
    return FT_OK;
}

static int make_daemon(struct ft_metrics *m, struct ft_err *err)
{
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->daemon = m->wake_fd < 0
                    ? NULL
                    : MHD_start_daemon(
                          MHD_USE_EPOLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL, on_request,
                          m, MHD_OPTION_LISTEN_SOCKET, m->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                          (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                          (unsigned)CONNECTION_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                          (size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, m,
                          MHD_OPTION_NOTIFY_COMPLETED, on_completed, m, MHD_OPTION_END);
    if (m->daemon == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "--metrics: libmicrohttpd could not be started");
    }
    m->listen_fd = -1; /* the library's now */
    return FT_OK;
}

/* Where it is, for people. */
static void say_where(struct ft_metrics *m, bool loopback)
{
    struct sockaddr_storage addr = {0};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t len = sizeof addr;
    char host[INET6_ADDRSTRLEN] = "?";
    bool v6;

    if (getsockname(m->listen_fd, (struct sockaddr *)(void *)&addr, &len) != 0) {
        return;
    }
    memcpy(&in, &addr, sizeof in);
    memcpy(&in6, &addr, sizeof in6);
    v6 = addr.ss_family == AF_INET6;
    inet_ntop(addr.ss_family, v6 ? (const void *)&in6.sin6_addr : (const void *)&in.sin_addr, host,
              sizeof host);
    ft_log(&m->log, FT_LOG_INFO, "metrics: http://%s%s%s:%u/metrics%s", v6 ? "[" : "", host,
           v6 ? "]" : "", (unsigned)ntohs(v6 ? in6.sin6_port : in.sin_port),
           loopback ? "" : ", for everybody who reaches that address");
}

int ft_metrics_open(const char *address, const struct ft_log *log, struct ft_metrics **out,
                    struct ft_err *err)
{
    struct ft_endpoint e;

    if (!ft_endpoint_parse(address, &e)) {
        return ft_err_set(err, FT_E_USAGE, "--metrics: '%.100s' is no ADDR:PORT", address);
    }
    struct ft_metrics *m = ft_mem_alloc(1, sizeof *m);

    if (m == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "--metrics: out of memory");
    }
    m->listen_fd = m->wake_fd = -1;
    m->log = log != NULL ? *log : m->log;
    int rc = listen_at(m, address, &e, err);

    if (rc == FT_OK) {
        say_where(m, e.loopback);
        rc = make_daemon(m, err);
    }
    if (rc != FT_OK) {
        ft_metrics_free(m);
        return rc;
    }
    *out = m;
    return FT_OK;
}

int ft_metrics_start(struct ft_metrics *m, struct ft_pipeline *p, struct ft_err *err)
{
    sigset_t all, before;

    m->pipeline = p;
    sigfillset(&all); /* signals belong to the embedder's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&m->thread, NULL, metrics_run, m);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return ft_err_set(err, FT_E_NOMEM, "--metrics: a thread could not be started: %s",
                          strerror(rc));
    }
    m->started = true;
    return FT_OK;
}

void ft_metrics_free(struct ft_metrics *m)
{
    uint64_t one = 1;

    if (m == NULL) {
        return;
    }
    if (m->started) {
        atomic_store_explicit(&m->stop, true, memory_order_release);
        if (write(m->wake_fd, &one, sizeof one) < 0) {
            /* the counter is full: it is awake */
        }
        pthread_join(m->thread, NULL);
    }
    if (m->daemon != NULL) {
        MHD_stop_daemon(m->daemon);
    }
    if (m->listen_fd >= 0) {
        close(m->listen_fd);
    }
    if (m->wake_fd >= 0) {
        close(m->wake_fd);
    }
    ft_mem_free(m);
}

#else

int ft_metrics_open(const char *address, const struct ft_log *log, struct ft_metrics **out,
                    struct ft_err *err)
{
    (void)log;
    (void)out;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "--metrics %.100s: this build lacks libmicrohttpd (libmicrohttpd-dev)",
                      address);
}

int ft_metrics_start(struct ft_metrics *m, struct ft_pipeline *p, struct ft_err *err)
{
    (void)m;
    (void)p;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "--metrics: this build lacks libmicrohttpd (libmicrohttpd-dev)");
}

void ft_metrics_free(struct ft_metrics *m)
{
    (void)m;
}

#endif
