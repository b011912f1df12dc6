/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the stdio transport; see stdio.h. */
#include "serve/stdio.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "serve/eras.h"

enum {
    LOOK_MS = 1000,
    LAST_MS = 1000, /* for what is said at the end */
    PIECE = 4096    /* what a pipe that can be written takes without blocking: pipe(7), PIPE_BUF */
};

struct session {
    const struct ft_rpc *rpc;
    struct ft_stdio io;
    struct ft_rpc_client client;
    struct ft_versions now;
    int64_t look_ms; /* when versions are looked at again */
    char *line;      /* [FT_RPC_MESSAGE + 1]; owned */
    size_t have;     /* bytes of it that were read */
    bool skip;       /* until the end of a line that is too long */
    bool ended;
};

/* ---- writing ---- */

static ssize_t write_piece(int fd, const char *p, size_t len)
{
    ssize_t n = send(fd, p, len < PIECE ? len : PIECE, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n < 0 && errno == ENOTSOCK ? write(fd, p, len < PIECE ? len : PIECE) : n;
}

/* Waits until out can be written. False: it is to end, or ms (-1: any time) are over. */
static bool out_ready(const struct session *s, int stop, int ms)
{
    struct pollfd fds[] = {{.fd = s->io.out, .events = POLLOUT}, {.fd = stop, .events = POLLIN}};
    int n;

    do {
        n = poll(fds, 2, ms);
    } while (n < 0 && errno == EINTR);
    return n > 0 && fds[1].revents == 0;
}

static bool write_all(struct session *s, const char *p, size_t len, int stop, int ms)
{
    while (len > 0) {
        if (!out_ready(s, stop, ms)) {
            return false;
        }
        ssize_t n = write_piece(s->io.out, p, len);

        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* A message and its line's end. */
static void say(struct session *s, struct ft_text *t)
{
    if (t->len > 0 && !s->ended) {
        ft_text_put(t, "\n");
        s->ended = !write_all(s, t->p, t->len, s->io.stop, -1);
    }
    ft_text_fini(t);
}

/* ---- reading ---- */

static void take_line(struct session *s, const char *line, size_t len)
{
    struct ft_rpc_reply reply = {0};

    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ')) {
        len--;
    }
    if (len > 0 && !s->ended) {
        ft_rpc_answer(s->rpc, &s->client, line, len, NULL, &reply);
        say(s, &reply.text);
    }
}

static void too_long(struct session *s)
{
    struct ft_rpc_reply reply = {0};

    ft_rpc_refuse(&reply, FT_RPC_PARSE, "Parse error: a line of more than 256 KiB");
    say(s, &reply.text);
    s->skip = true;
}

/* All lines that are whole. */
static void take_lines(struct session *s)
{
    char *start = s->line, *end;
    size_t left = s->have;

    while (left > 0 && (end = memchr(start, '\n', left)) != NULL) {
        size_t len = (size_t)(end - start);

        if (!s->skip) {
            take_line(s, start, len);
        }
        s->skip = false;
        start += len + 1;
        left -= len + 1;
    }
    memmove(s->line, start, left);
    s->have = s->skip ? 0 : left;
    if (s->have > FT_RPC_MESSAGE) {
        too_long(s);
        s->have = 0;
    }
}

static int take_input(struct session *s, struct ft_err *err)
{
    ssize_t n = read(s->io.in, s->line + s->have, FT_RPC_MESSAGE + 1 - s->have);

    if (n > 0) {
        s->have += (size_t)n;
        take_lines(s);
    } else if (n == 0) {
        if (!s->skip) {
            take_line(s, s->line, s->have); /* the last line may lack its end */
        }
        s->ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        return ft_err_set(err, FT_E_IO, "standard input: %s", strerror(errno));
    }
    return FT_OK;
}

/* ---- telling ---- */

static uint32_t watched(const struct session *s)
{
    uint32_t rows = 0;

    for (uint32_t i = 0; i < s->client.n_listeners; i++) {
        rows |= s->client.listeners[i].rows;
    }
    return rows;
}

static void tell(struct session *s)
{
    struct ft_desk *d = s->rpc->take(s->rpc->cookie);
    const struct ft_catalogue *c = s->rpc->catalogue;
    struct ft_text t = {0};

    s->look_ms = ft_mono_ms() + LOOK_MS;
    if (d == NULL) {
        return;
    }
    ft_listen_look(c, d, watched(s), &s->now);
    s->rpc->give(s->rpc->cookie, d);
    for (uint32_t i = 0; i < s->client.n_listeners; i++) {
        while (!s->ended && ft_listen_next(c, &s->client.listeners[i], &s->now, &t)) {
            say(s, &t);
        }
    }
}

/* Subscriptions end in order. */
static void tell_end(struct session *s)
{
    for (uint32_t i = 0; i < s->client.n_listeners; i++) {
        struct ft_text t = {0};

        if (s->client.listeners[i].id[0] != '\0') {
            ft_listen_end(&s->client.listeners[i], &t);
            ft_text_put(&t, "\n");
            bool whole = write_all(s, t.p, t.len, -1, LAST_MS);

            ft_text_fini(&t);
            if (!whole) {
                return;
            }
        }
    }
}

/* ---- the loop ---- */

static int wait_ms(const struct session *s)
{
    int64_t left = s->look_ms - ft_mono_ms();

    return watched(s) == 0 ? -1 : left < 0 ? 0 : left < LOOK_MS ? (int)left : LOOK_MS;
}

static int step(struct session *s, struct ft_err *err)
{
    struct pollfd fds[] = {{.fd = s->io.in, .events = POLLIN},
                           {.fd = s->io.stop, .events = POLLIN}};
    int n = poll(fds, 2, wait_ms(s));

    if (n < 0 && errno != EINTR) {
        return ft_err_set(err, FT_E_IO, "poll: %s", strerror(errno));
    }
    if (n > 0 && fds[1].revents != 0) {
        s->ended = true;
        return FT_OK;
    }
    int rc = n > 0 && fds[0].revents != 0 ? take_input(s, err) : FT_OK;

    if (rc == FT_OK && !s->ended && watched(s) != 0 && ft_mono_ms() >= s->look_ms) {
        tell(s);
    }
    return rc;
}

int ft_stdio_run(const struct ft_rpc *rpc, const struct ft_stdio *io, struct ft_err *err)
{
    struct session *s = ft_mem_alloc(1, sizeof *s);
    int rc = FT_OK;

    if (s != NULL) {
        s->line = ft_mem_alloc(FT_RPC_MESSAGE + 1, 1);
    }
    if (s == NULL || s->line == NULL) {
        ft_mem_free(s);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    s->rpc = rpc;
    s->io = *io;
    while (rc == FT_OK && !s->ended) {
        rc = step(s, err);
    }
    tell_end(s);
    ft_mem_free(s->line);
    ft_mem_free(s);
    return rc;
}
