/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: a store, which another process keeps (model/store_wire.h).
 *
 * Theory of operation: this process can open no files any more, and what writes a store opens,
 * renames and removes many, and has a database. So a child does that, started before privileges
 * go, which holds nothing but the store's folder. Chunks go there through a socket; an event
 * arrived when the keeper tells that its slice is on disk. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/units.h"
#include "base/wait.h"
#include "model/store_wire.h"
#include "output/sink/store/store_parts.h"

enum { TICK_MS = 500, END_MS = 10000, END_STEP_MS = 10, DEAD_MS = 200 };

struct store_sink {
    struct ft_sink sink;
    struct ft_log log;
    char *name; /* owned */
    int fd;     /* to the keeper */
    int wake_fd;
    pid_t pid;
    struct ft_store_answer answer; /* that is being read: so many bytes */
    size_t have;
    struct ft_tally sent; /* and not told of yet */
    bool flushed, failing, gone;
};

static struct store_sink *store_of(struct ft_sink *s)
{
    return (struct store_sink *)(void *)s;
}

/* Waits that long for the keeper's end: no dead process is left behind. */
static void reap(struct store_sink *s, int64_t ms)
{
    int64_t until_ms = ft_mono_ms() + ms;
    pid_t ended = 0;

    while (s->pid > 0 && (ended = waitpid(s->pid, NULL, WNOHANG)) == 0 && ft_mono_ms() < until_ms) {
        poll(NULL, 0, END_STEP_MS);
    }
    s->pid = ended != 0 ? 0 : s->pid;
}

/* ---- what it says ---- */

/* Everything that was not told of is lost: nobody will. */
static int keeper_gone(struct store_sink *s)
{
    if (!s->gone) {
        ft_log(&s->log, FT_LOG_ERROR, "%s: the process that keeps the store has ended", s->name);
    }
    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        s->sink.lost.n[e] += s->sent.n[e];
    }
    s->sent = (struct ft_tally){{0}, 0};
    if (!s->gone) {
        reap(s, DEAD_MS);
    }
    s->gone = true;
    return FT_E_CLOSED;
}

static int take_answer(struct store_sink *s)
{
    const struct ft_store_answer *a = &s->answer;

    for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
        s->sink.arrived.n[e] += a->arrived[e];
        s->sink.lost.n[e] += a->lost[e];
        s->sent.n[e] -= a->arrived[e] + a->lost[e];
    }
    s->sink.arrived.bytes += a->bytes;
    atomic_fetch_add_explicit(&s->sink.moved, 1, memory_order_relaxed);
    s->flushed |= a->say == FT_STORE_FLUSHED;
    if (a->text[0] != '\0') {
        ft_log(&s->log, a->rc != FT_OK ? FT_LOG_WARN : FT_LOG_INFO, "%s: %s", s->name, a->text);
    }
    s->failing = a->rc != FT_OK;
    return a->rc == FT_OK ? FT_OK : FT_E_IO;
}

/* What is there, without waiting. The first failure that it tells of, or FT_OK. */
static int hear(struct store_sink *s)
{
    int rc = FT_OK;

    while (!s->gone) {
        ssize_t n =
            recv(s->fd, (uint8_t *)&s->answer + s->have, sizeof s->answer - s->have, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n <= 0) {
            return keeper_gone(s);
        }
        s->have += (size_t)n;
        if (s->have == sizeof s->answer) {
            int told = take_answer(s);

            s->have = 0;
            rc = rc == FT_OK ? told : rc;
        }
    }
    return s->gone ? FT_E_CLOSED : rc;
}

/* Waits until the socket is ready for events; hears meanwhile. FT_E_INTERRUPTED: told to give up.
 */
static int wait_for(struct store_sink *s, short events)
{
    struct pollfd p[2] = {{.fd = s->fd, .events = events | POLLIN},
                          {.fd = s->wake_fd, .events = POLLIN}};

    if (poll(p, 2, -1) < 0 && errno != EINTR) {
        return FT_E_IO;
    }
    if (p[1].revents != 0) {
        return FT_E_INTERRUPTED;
    }
    if ((p[0].revents & (POLLHUP | POLLERR)) != 0 && (p[0].revents & POLLIN) == 0) {
        return keeper_gone(s);
    }
    int rc = (p[0].revents & POLLIN) != 0 ? hear(s) : FT_OK;

    return rc == FT_E_CLOSED ? rc : FT_OK; /* failures of slices are told with the next tick */
}

static int put(struct store_sink *s, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = send(s->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
            atomic_fetch_add_explicit(&s->sink.moved, (uint64_t)n, memory_order_relaxed);
        } else if (errno == EAGAIN) {
            int rc = wait_for(s, POLLOUT);

            if (rc != FT_OK) {
                return rc;
            }
        } else if (errno != EINTR) {
            return keeper_gone(s);
        }
    }
    return FT_OK;
}

/* ---- the sink ---- */

static int put_chunk(struct store_sink *s, const struct ft_chunk *c)
{
    struct ft_store_frame head = {.say = FT_STORE_ROWS, .len = c->len};
    int rc = put(s, &head, sizeof head);

    rc = rc == FT_OK ? put(s, c->data, c->len) : rc;
    if (rc == FT_OK) {
        ft_tally_chunk(&s->sent, c, 0, c->len);
    } else {
        ft_tally_chunk(&s->sink.lost, c, 0, c->len);
        ft_ignore(keeper_gone(s)); /* half a frame: it would not be understood any more */
    }
    return rc;
}

static int store_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct store_sink *s = store_of(sink);

    for (uint32_t i = 0; i < *n; i++) {
        int rc = s->gone ? FT_E_CLOSED : put_chunk(s, &chunks[i]);

        if (rc != FT_OK) {
            if (s->gone && rc != FT_E_INTERRUPTED) {
                rc = FT_E_CLOSED;
            }
            *n = i + 1;
            return rc;
        }
    }
    return FT_OK;
}

static int store_flush(struct ft_sink *sink)
{
    struct store_sink *s = store_of(sink);
    struct ft_store_frame head = {.say = FT_STORE_FLUSH};
    int rc = s->gone ? FT_E_CLOSED : put(s, &head, sizeof head);

    s->flushed = false;
    while (rc == FT_OK && !s->flushed && !s->gone) {
        rc = wait_for(s, 0);
    }
    if (rc == FT_E_INTERRUPTED) {
        ft_ignore(keeper_gone(s)); /* what it has may still arrive; nobody waits for the word */
    }
    return rc != FT_OK ? rc : s->failing ? FT_E_IO : FT_OK;
}

static int store_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    struct store_sink *s = store_of(sink);

    *out_next_ms = s->gone ? -1 : TICK_MS;
    return s->gone ? FT_OK : hear(s);
}

static void store_give_up(struct ft_sink *sink)
{
    uint64_t one = 1;

    ft_ignore(write(store_of(sink)->wake_fd, &one, sizeof one) > 0); /* full: it is awake */
}

static int store_close(struct ft_sink *sink)
{
    struct store_sink *s = store_of(sink);

    if (s->fd >= 0) {
        close(s->fd);
    }
    reap(s, END_MS); /* it sees the end of the socket, and sums up */
    if (s->wake_fd >= 0) {
        close(s->wake_fd);
    }
    ft_mem_free(s->name);
    ft_mem_free(s);
    return FT_OK;
}

extern const struct ft_sink_ops ft_sink_store;

static int ask_of(const struct ft_output_url *url, const struct ft_output_env *env,
                  struct ft_store_ask *out)
{
    const char *keep = ft_output_url_get(url, "keep"), *max = ft_output_url_get(url, "max");
    const char *slice = ft_output_url_get(url, "slice");
    int64_t keep_ns = 7 * INT64_C(86400000000000);
    int64_t slice_ns = FT__STORE_SLICE_S * INT64_C(1000000000);

    *out = (struct ft_store_ask){.folder = url->target,
                                 .header = env->header,
                                 .header_len = env->header_len,
                                 .keep.bytes = UINT64_C(20000000000)};
    bool good = (keep == NULL || ft_parse_duration(keep, &keep_ns)) &&
                (slice == NULL || ft_parse_duration(slice, &slice_ns)) &&
                (max == NULL || ft_parse_size(max, &out->keep.bytes));

    out->keep.age_s = keep_ns / 1000000000;
    out->slice_ms = slice_ns / 1000000;
    return good && env->header != NULL ? FT_OK : FT_E_USAGE;
}

static int store_open(const struct ft_output_url *url, const struct ft_output_env *env,
                      struct ft_sink **out, struct ft_err *err)
{
    struct store_sink *s = ft_mem_alloc(1, sizeof *s);
    struct ft_store_ask ask;
    int rc = s != NULL ? ask_of(url, env, &ask) : FT_E_NOMEM;

    if (rc != FT_OK || env->store.start == NULL) {
        ft_mem_free(s);
        return ft_err_set(err, rc != FT_OK ? rc : FT_E_STATE, "output %s: %s", url->text,
                          ft_strerror(rc != FT_OK ? rc : FT_E_STATE));
    }
    s->sink.ops = &ft_sink_store;
    s->fd = s->wake_fd = -1;
    s->name = ft_mem_strdup(url->text);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (env->log != NULL) {
        s->log = *env->log;
    }
    if (s->name == NULL || s->wake_fd < 0) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    } else {
        struct ft_err why = {0};

        rc = env->store.start(env->store.cookie, &ask, &s->fd, &s->pid, &why);
        if (rc != FT_OK) {
            ft_ignore(ft_err_set(err, rc, "output %s: %s", url->text, why.what));
        } else if (why.what[0] != '\0') {
            ft_log(&s->log, FT_LOG_WARN, "%s: %s", s->name, why.what);
        }
    }
    if (rc != FT_OK) {
        ft_ignore(store_close(&s->sink)); /* nothing was sent */
        return rc;
    }
    *out = &s->sink;
    return FT_OK;
}

const struct ft_sink_ops ft_sink_store = {
    .name = "store",
    .help = "a folder that a process of its own keeps: store:DIR",
    .params = {&ft__store_params},
    .open = store_open,
    .write = store_write,
    .flush = store_flush,
    .tick = store_tick,
    .give_up = store_give_up,
    .close = store_close,
};
