/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: tcp, tls and unix, see stream_parts.h. */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/mem.h"
#include "base/wait.h"
#include "output/sink/stream/connect.h"
#include "output/sink/stream/stream_parts.h"
#include "output/sink/stream/window.h"
#include "output/sink/tls.h"

enum {
    PIECE = 256 * 1024,    /* handed to the socket at once */
    TLS_PIECE = 16 * 1024, /* a record */
    CONNECT_MS = 5000,
    LOOK_MS = 20, /* how often it is looked whether more was acknowledged: nothing tells it */
    IDLE_MS = 1000,
    HEAR_MOST = 16,
    END_ROOM = 64, /* bytes of the end of a stream */
    POINTS = 1024
};

/* When that many bytes of a connection were acknowledged, the stream was up to offset. */
struct point {
    uint64_t bytes, offset;
};

struct connection {
    int fd; /* -1: there is none */
    struct ft_tls *tls;
    uint64_t bytes; /* that went into the socket */
    size_t header;  /* bytes of the header that went, as the receiver reads them */
    uint64_t sent;  /* offset of the stream */
    struct point point[POINTS];
    uint32_t head, n;
};

struct stream_sink {
    struct ft_sink sink;
    struct ft_receiver receiver;
    struct ft_target to; /* tcp and tls */
    char *path;          /* unix */
    enum ft__stream_kind kind;
    struct ft_tls_config *tls;
    uint8_t *header; /* owned */
    size_t header_len;
    const uint8_t *hello; /* with greet: what this connection begins with */
    size_t hello_len;
    void (*greet)(void *cookie, const uint8_t *next, struct ft_chunk *out);
    void *greet_cookie;
    size_t (*late_header)(void *cookie, uint8_t *out);
    void *header_cookie;
    size_t (*trailer)(const void *cookie, struct ft_trailer *t, uint8_t *out, size_t room);
    const void *trailer_cookie;
    struct ft__window window;
    uint64_t done; /* offset of the first event that was not acknowledged */
    struct connection at;
    int64_t next_try_ms;
};

static struct stream_sink *stream_of(struct ft_sink *s)
{
    return (struct stream_sink *)(void *)s;
}

/* ---- connecting ---- */

static void hang_up(struct stream_sink *s)
{
    if (s->at.fd >= 0) {
        ft_tls_end(s->at.tls);
        close(s->at.fd);
    }
    s->at.fd = -1;
    s->at.tls = NULL;
}

/* The connection is over, or there was none: the next attempt is later. */
static void is_away(struct stream_sink *s, const char *why, bool broke)
{
    hang_up(s);
    s->next_try_ms = ft_mono_ms() + ft_receiver_pause(&s->receiver, why, broke);
}

static void say_hello(struct stream_sink *s)
{
    struct ft_chunk c;
    size_t len;

    if (s->greet != NULL) {
        s->greet(s->greet_cookie, ft__window_from(&s->window, s->done, &len), &c);
        s->hello = c.data;
        s->hello_len = c.len;
    }
}

static void is_there(struct stream_sink *s)
{
    ft_receiver_is_there(&s->receiver);
    s->at.bytes = s->at.tls != NULL ? ft_tls_sent(s->at.tls) : 0;
    s->at.header = 0;
    s->at.sent = s->done; /* again, from the first event that did not arrive */
    s->at.head = s->at.n = 0;
    say_hello(s);
}

/* FT_OK: there is a connection. FT_E_AGAIN: not yet, or it failed and was told; FT_E_INTERRUPTED.
 */
static int dial(struct stream_sink *s)
{
    const char *why = "";
    int rc;

    if (s->at.fd >= 0) {
        return FT_OK;
    }
    if (ft_mono_ms() < s->next_try_ms) {
        return FT_E_AGAIN;
    }
    rc = s->kind == FT__STREAM_UNIX
             ? ft__connect_unix(s->path, &s->receiver, CONNECT_MS, &s->at.fd, &why)
             : ft__connect_inet(s->to.host, s->to.port, &s->receiver, CONNECT_MS, &s->at.fd, &why);
    if (rc == FT_OK && s->kind == FT__STREAM_TLS) {
        rc = ft_tls_begin(s->tls, s->at.fd, &s->receiver, CONNECT_MS, &s->at.tls);
        why = s->receiver.why;
    }
    if (rc == FT_OK) {
        is_there(s);
        return FT_OK;
    }
    if (rc == FT_E_INTERRUPTED) {
        hang_up(s);
        return rc;
    }
    is_away(s, why, false);
    return FT_E_AGAIN;
}

/* ---- sending ---- */

/* Bytes taken, FT_E_AGAIN with *out_events, or FT_E_CLOSED. */
static long put_bytes(struct stream_sink *s, const uint8_t *data, size_t len, short *out_events)
{
    ssize_t got;

    if (s->at.tls != NULL) {
        got = ft_tls_write(s->at.tls, data, len < TLS_PIECE ? len : TLS_PIECE, out_events);
        s->at.bytes = ft_tls_sent(s->at.tls);
        return got;
    }
    do {
        got = send(s->at.fd, data, len < PIECE ? len : PIECE, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        *out_events = POLLOUT;
        return errno == EAGAIN || errno == EWOULDBLOCK ? FT_E_AGAIN : FT_E_CLOSED;
    }
    s->at.bytes += (uint64_t)got;
    return got;
}

/* What a connection begins with. */
static const uint8_t *header_of(const struct stream_sink *s, size_t *out_len)
{
    *out_len = s->greet != NULL ? s->hello_len : s->header_len;
    return s->greet != NULL ? s->hello : s->header;
}

static int send_header(struct stream_sink *s, short *out_events)
{
    size_t len;
    const uint8_t *header = header_of(s, &len);

    while (s->at.header < len) {
        long got = put_bytes(s, header + s->at.header, len - s->at.header, out_events);

        if (got < 0) {
            return (int)got;
        }
        s->at.header += (size_t)got;
    }
    return FT_OK;
}

/* Sends as much as the socket takes. FT_OK: all; FT_E_AGAIN: *out_events; FT_E_CLOSED. */
static int send_some(struct stream_sink *s, short *out_events)
{
    struct connection *c = &s->at;
    int rc = send_header(s, out_events);

    while (rc == FT_OK && c->sent < s->window.end) {
        size_t len = 0;
        const uint8_t *data = ft__window_from(&s->window, c->sent, &len);

        if (data == NULL || c->n == POINTS) { /* until more was acknowledged */
            *out_events = 0;
            return FT_E_AGAIN;
        }
        long got = put_bytes(s, data, len, out_events);

        if (got < 0) {
            return (int)got;
        }
        c->sent += (uint64_t)got;
        c->point[(c->head + c->n++) % POINTS] = (struct point){c->bytes, c->sent};
        atomic_fetch_add_explicit(&s->sink.moved, (uint64_t)got, memory_order_relaxed);
    }
    return rc;
}

/* What the other side says is not for us; left unread, it would make our end of the connection a
 * reset, which may cost it what it has not read yet. */
static void hear(int fd)
{
    char told[4096];

    for (int i = 0; i < HEAR_MOST && recv(fd, told, sizeof told, MSG_DONTWAIT) > 0; i++) {
    }
}

/* What the other side has acknowledged has arrived. FT_OK; FT_E_CLOSED: the connection is over. */
static int take_acks(struct stream_sink *s)
{
    struct connection *c = &s->at;
    struct pollfd p = {.fd = c->fd, .events = 0};
    int queued = 0;
    uint64_t offset = 0;

    /* of a connection that broke the kernel may say that nothing is left to be sent */
    if (ioctl(c->fd, SIOCOUTQ, &queued) != 0 || queued < 0 || poll(&p, 1, 0) < 0 ||
        (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 ||
        (c->tls != NULL && ft_tls_listen(c->tls) != FT_OK)) {
        return FT_E_CLOSED;
    }
    if (c->tls == NULL) {
        hear(c->fd);
    }
    while (c->n > 0 && c->point[c->head].bytes + (uint64_t)queued <= c->bytes) {
        offset = c->point[c->head].offset;
        c->head = (c->head + 1) % POINTS;
        c->n--;
    }
    if (offset > 0) {
        s->done = ft__window_done(&s->window, s->done, offset, &s->sink.arrived);
        ft_receiver_works(&s->receiver);
    }
    return FT_OK;
}

/* One step without waiting. FT_OK: nothing is left to be sent; FT_E_AGAIN: *out_events of the
 * socket (0: none of them), or time; FT_E_INTERRUPTED. */
static int step(struct stream_sink *s, short *out_events)
{
    int rc = dial(s);

    *out_events = 0;
    if (rc != FT_OK) {
        return rc;
    }
    rc = send_some(s, out_events);
    if (rc == FT_OK || rc == FT_E_AGAIN) {
        int acks = take_acks(s);

        rc = acks != FT_OK ? acks : rc;
    }
    if (rc == FT_OK || rc == FT_E_AGAIN) {
        return rc;
    }
    const char *why = s->at.tls != NULL ? ft_tls_why(s->at.tls) : NULL;

    ft_receiver_why(&s->receiver, why != NULL ? why : "the connection broke",
                    why != NULL ? ft_tls_advice(why) : NULL);
    is_away(s, s->receiver.why, true);
    return FT_E_AGAIN;
}

/* Waits for the socket, an acknowledgement, or the time of the next attempt. */
static int wait_step(struct stream_sink *s, short events)
{
    int64_t ms = s->at.fd >= 0 ? LOOK_MS : s->next_try_ms - ft_mono_ms();
    int rc = ft_receiver_wait(&s->receiver, s->at.fd, events, ms);

    return rc == FT_E_INTERRUPTED ? rc : FT_OK;
}

/* ---- the sink ---- */

static int give_all_up(struct stream_sink *s, const struct ft_chunk *rest, uint32_t n)
{
    ft__window_lose(&s->window, s->done, &s->sink.lost);
    s->done = s->window.end;
    for (uint32_t i = 0; i < n; i++) {
        ft_tally_chunk(&s->sink.lost, &rest[i], 0, rest[i].len);
    }
    hang_up(s);
    return FT_E_INTERRUPTED;
}

static int need_header(struct stream_sink *s)
{
    if (s->late_header == NULL) {
        return FT_OK;
    }
    s->header = ft_mem_alloc(1, FT_LATE_HEADER);
    if (s->header == NULL) {
        return FT_E_NOMEM;
    }
    s->header_len = s->late_header(s->header_cookie, s->header);
    s->late_header = NULL;
    return FT_OK;
}

static int stream_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct stream_sink *s = stream_of(sink);
    short events = 0;
    int rc = need_header(s);

    for (uint32_t i = 0; i < *n; i++) {
        while (rc == FT_OK && !ft__window_fits(&s->window, &chunks[i])) {
            rc = step(s, &events);
            if (rc != FT_E_INTERRUPTED && !ft__window_fits(&s->window, &chunks[i])) {
                rc = wait_step(s, events);
            } else if (rc == FT_E_AGAIN) {
                rc = FT_OK;
            }
        }
        if (rc != FT_OK) {
            return give_all_up(s, chunks + i, *n - i);
        }
        ft__window_put(&s->window, &chunks[i]);
    }
    return step(s, &events) == FT_E_INTERRUPTED ? give_all_up(s, NULL, 0) : FT_OK;
}

static int stream_flush(struct ft_sink *sink)
{
    struct stream_sink *s = stream_of(sink);
    short events = 0;

    while (s->window.n > 0) {
        int rc = step(s, &events);

        if (rc != FT_E_INTERRUPTED && s->window.n > 0) {
            rc = wait_step(s, events);
        }
        if (rc == FT_E_INTERRUPTED) {
            return give_all_up(s, NULL, 0);
        }
    }
    return FT_OK;
}

static int stream_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct stream_sink *s = stream_of(sink);
    short events = 0;

    *out_next_ms = -1;
    if (ft_receiver_gave_up(&s->receiver)) {
        return s->window.n > 0 ? give_all_up(s, NULL, 0) : FT_OK;
    }
    int rc = step(s, &events);
    int64_t left = s->next_try_ms - ft_mono_ms();

    *out_next_ms = s->at.fd < 0 ? (left > 0 ? left : 1) : s->window.n > 0 ? LOOK_MS : IDLE_MS;
    return rc == FT_E_INTERRUPTED ? give_all_up(s, NULL, 0) : FT_OK;
}

static void stream_give_up(struct ft_sink *sink)
{
    ft_receiver_give_up(&stream_of(sink)->receiver);
}

/* The end of the form, to who has all that is before it; he is not waited for. */
static void send_end(struct stream_sink *s)
{
    uint8_t end[END_ROOM];
    struct ft_trailer t = {.fd = -1, .size = s->window.end};
    short events;
    size_t len = s->trailer != NULL ? s->trailer(s->trailer_cookie, &t, end, sizeof end) : 0;
    size_t header;

    header_of(s, &header);
    if (len > 0 && s->at.header == header && s->window.n == 0) {
        ft_ignore((int)put_bytes(s, end, len, &events)); /* no event is in it */
    }
}

static int stream_close(struct ft_sink *sink)
{
    struct stream_sink *s = stream_of(sink);

    if (s->at.fd >= 0) {
        send_end(s);
        hang_up(s);
    }
    ft_receiver_fini(&s->receiver);
    ft__window_close(&s->window);
    ft_tls_config_free(s->tls);
    ft_mem_free(s->to.host);
    ft_mem_free(s->path);
    ft_mem_free(s->header);
    ft_mem_free(s);
    return FT_OK;
}

/* ---- opening ---- */

static int parse_target(struct stream_sink *s, const struct ft_output_url *url, struct ft_err *err)
{
    int rc = FT_OK;

    if (s->kind == FT__STREAM_UNIX) {
        s->path = ft_mem_strdup(strncmp(url->target, "//", 2) == 0 ? url->target + 2 : url->target);
        rc = s->path != NULL ? FT_OK : FT_E_NOMEM;
    } else {
        rc = ft_target_split(url->target, NULL, &s->to);
    }
    if (rc == FT_E_USAGE || s->to.rest != NULL) {
        return ft_err_set(err, FT_E_USAGE, "output %s: a target is %s+%s://HOST:PORT", url->text,
                          url->format, url->transport);
    }
    return rc;
}

static int set_up(struct stream_sink *s, const struct ft_output_url *url,
                  const struct ft_output_env *env, struct ft_err *err)
{
    int rc = parse_target(s, url, err);

    if (rc == FT_OK) {
        rc = ft_receiver_init(&s->receiver, &s->sink, url, env, err);
    }
    if (rc != FT_OK) {
        return rc;
    }
    s->header = ft_mem_alloc(1, env->header_len + 1);
    if (s->header == NULL || ft__window_open(&s->window, env->chunk_most) != FT_OK) {
        return FT_E_NOMEM;
    }
    if (env->header != NULL) {
        memcpy(s->header, env->header, env->header_len);
        s->header_len = env->header_len;
    }
    return s->kind == FT__STREAM_TLS ? ft_tls_config_open(url, s->to.host, &s->tls, err) : FT_OK;
}

static int open_kind(enum ft__stream_kind kind, const struct ft_sink_ops *ops,
                     const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    if (env->pack != NULL || env->sidecar != NULL || env->needs_file) {
        return ft_err_set(err, FT_E_USAGE, "output %s: %s has to be a file", url->text,
                          url->format);
    }
    struct stream_sink *s = ft_mem_alloc(1, sizeof *s);

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    s->sink.ops = ops;
    s->kind = kind;
    s->at.fd = -1;
    s->late_header = env->late_header;
    s->header_cookie = env->header_cookie;
    s->trailer = env->trailer;
    s->trailer_cookie = env->trailer_cookie;
    s->greet = env->greet;
    s->greet_cookie = env->greet_cookie;
    int rc = set_up(s, url, env, err);

    if (rc != FT_OK) {
        stream_close(&s->sink);
        return rc;
    }
    s->sink.memory = sizeof *s + s->window.room;
    *out = &s->sink;
    return FT_OK;
}

static int open_tcp(const struct ft_output_url *url, const struct ft_output_env *env,
                    struct ft_sink **out, struct ft_err *err)
{
    return open_kind(FT__STREAM_TCP, &ft_sink_tcp, url, env, out, err);
}

static int open_tls(const struct ft_output_url *url, const struct ft_output_env *env,
                    struct ft_sink **out, struct ft_err *err)
{
    return open_kind(FT__STREAM_TLS, &ft_sink_tls, url, env, out, err);
}

static int open_unix(const struct ft_output_url *url, const struct ft_output_env *env,
                     struct ft_sink **out, struct ft_err *err)
{
    return open_kind(FT__STREAM_UNIX, &ft_sink_unix, url, env, out, err);
}

#define STREAM(text)                                                                               \
    .help = text, .waits = true, .messages = true, .write = stream_write, .flush = stream_flush,   \
    .tick = stream_tick, .give_up = stream_give_up, .close = stream_close

const struct ft_sink_ops ft_sink_tcp = {
    .name = "tcp", .needs = FT_SANDBOX_NETWORK, .open = open_tcp, STREAM("a TCP connection")};

const struct ft_sink_ops ft_sink_tls = {.name = "tls",
                                        .needs = FT_SANDBOX_NETWORK,
                                        .params = {&ft_tls_params},
                                        .open = open_tls,
                                        STREAM("TLS over a TCP connection")};

const struct ft_sink_ops ft_sink_unix = {
    .name = "unix", .needs = FT_SANDBOX_NETWORK, .open = open_unix, STREAM("a UNIX socket")};
