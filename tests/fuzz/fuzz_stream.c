/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the TCP streams of collect (source/udp/stream.c): messages cut out of connections that
 * deliver their bytes in any portions. The system's calls are this file's (see CMakeLists.txt), so
 * that no network and no scheduler decides where a portion ends. The input is a byte, the views of
 * a batch, then segments:
 *
 *     [control 1][length 1][bytes ...]
 *     control: bits 0-1 connection, 2 the reader reads after it, 3 it was the last, and the other
 *              side closes, 4 or resets; 5 reads are short from now on, 6-7 the bytes come 1, 1, 16
 *              or 300 times
 *
 * Properties: the messages that are handed out are those of a cut by the length fields alone, for
 * any portions, and for all bytes at once; each has its sender; the end of a connection is told
 * once, behind them; a reader that is asked goes on. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/rd.h"
#include "model/peer.h"
#include "must.h"
#include "source/source.h"

enum { CONNECTIONS = 4, BYTES = 160 << 10, HEAD = 2, VIEWS = 64, FAKE_FD = 1 << 20 };
enum { MESSAGE_MIN = 16, IPFIX = 10, TURNS_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What stands for the kernel. */
struct connection {
    uint8_t bytes[BYTES];
    size_t len, read;      /* that came, that were read */
    size_t taken;          /* of the messages that were handed out */
    bool joined, accepted; /* connect(2), accept(2) */
    bool closed, reset;    /* by the other side, behind the bytes */
    bool short_reads;
    bool ended; /* told */
    bool open;  /* its descriptor */
};

static struct connection conn[CONNECTIONS];

/* ---- the system's calls ---- */

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
ssize_t __wrap_read(int fd, void *to, size_t n);
ssize_t __wrap_recv(int fd, void *to, size_t n, int flags);
int __wrap_close(int fd);
int __wrap_bind(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_listen(int fd, int n);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
ssize_t __real_read(int fd, void *to, size_t n);
int __real_close(int fd);

static struct connection *of_fd(int fd)
{
    return fd >= FAKE_FD && fd < FAKE_FD + CONNECTIONS ? &conn[fd - FAKE_FD] : NULL;
}

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    (void)fd;
    (void)flags;
    for (int i = 0; i < CONNECTIONS; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(1000 + i))};

        if (conn[i].joined && !conn[i].accepted) {
            in.sin_addr.s_addr = htonl(0xc0000201u + (uint32_t)i);
            memcpy(from, &in, sizeof in);
            *len = sizeof in;
            conn[i].accepted = conn[i].open = true;
            return FAKE_FD + i;
        }
    }
    errno = EAGAIN;
    return -1;
}

ssize_t __wrap_read(int fd, void *to, size_t n)
{
    struct connection *c = of_fd(fd);

    if (c == NULL) {
        return __real_read(fd, to, n);
    }
    MUST(c->open && n > 0);
    n = n < c->len - c->read ? n : c->len - c->read;
    n = c->short_reads && n > 3 ? 3 : n;
    if (n == 0 && (!c->closed || c->reset)) {
        errno = c->closed ? ECONNRESET : EAGAIN;
        return -1;
    }
    memcpy(to, c->bytes + c->read, n);
    c->read += n;
    return (ssize_t)n;
}

ssize_t __wrap_recv(int fd, void *to, size_t n, int flags)
{
    (void)flags;
    return __wrap_read(fd, to, n);
}

int __wrap_close(int fd)
{
    struct connection *c = of_fd(fd);

    if (c == NULL) {
        return __real_close(fd);
    }
    MUST(c->open); /* once */
    c->open = false;
    return 0;
}

int __wrap_bind(int fd, const struct sockaddr *to, socklen_t len)
{
    (void)fd;
    (void)to;
    (void)len;
    return 0;
}

int __wrap_listen(int fd, int n)
{
    (void)fd;
    (void)n;
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    (void)fd;
    (void)level;
    (void)name;
    (void)value;
    (void)len;
    return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    (void)timeout_ms;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = fds[i].events & POLLIN;
    }
    return (int)n;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
    (void)t;
    (void)left;
    return 0;
}

/* ---- what is right ---- */

/* Bytes of the message that begins here, of what will have come when the connection is closed. */
static size_t cut(const uint8_t *p, size_t left)
{
    size_t len;

    if (left < 4) {
        return left;
    }
    len = ft_load_be16(p + 2);
    if (ft_load_be16(p) != IPFIX || len < MESSAGE_MIN) {
        return left < MESSAGE_MIN ? left : MESSAGE_MIN;
    }
    return len < left ? len : left;
}

static bool is_message(const uint8_t *p, size_t len)
{
    return len >= 4 && ft_load_be16(p) == IPFIX && ft_load_be16(p + 2) >= MESSAGE_MIN;
}

/* The rest counts for nothing when the last message was none. */
static bool all_taken(const struct connection *c)
{
    for (size_t at = 0; at < c->taken; at += cut(c->bytes + at, c->len - at)) {
        if (!is_message(c->bytes + at, c->len - at)) {
            return c->taken == at + cut(c->bytes + at, c->len - at);
        }
    }
    return c->taken == c->len;
}

static void check_view(const struct ft_view *v)
{
    const struct ft_peer *peer = (const void *)(v->data - sizeof *peer);
    struct connection *c = &conn[(peer->port - 1000u) % CONNECTIONS];

    MUST(v->linktype == FT_LINK_DATAGRAM && v->caplen == v->len);
    MUST(peer->port >= 1000 && peer->port < 1000 + CONNECTIONS && peer->ip_version == 4);
    MUST(peer->addr[0] == 192 && peer->addr[3] == peer->port - 999);
    MUST((peer->flags & FT_PEER_STREAM) && c->accepted && !c->ended);
    if (peer->flags & FT_PEER_ENDED) {
        c->ended = true;
        MUST(v->len == 0);
        return;
    }
    MUST(v->len > 0 && v->len == cut(c->bytes + c->taken, c->len - c->taken));
    MUST(memcmp(v->data, c->bytes + c->taken, v->len) == 0);
    c->taken += v->len;
}

/* ---- the reader ---- */

static uint32_t turn(struct ft_source *s, uint32_t cap)
{
    struct ft_view views[VIEWS];
    struct ft_batch b = {.views = views, .cap = cap};
    struct ft_err err;

    MUST(s->ops->read(s, &b, 0, &err) == FT_OK && b.n <= cap);
    for (uint32_t i = 0; i < b.n; i++) {
        check_view(&views[i]);
    }
    s->ops->release(s, b.token);
    return b.n;
}

static bool waiting(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        if (conn[i].joined && !conn[i].ended) {
            return true;
        }
    }
    return false;
}

/* All connections end; everything is read. */
static void finish(struct ft_source *s, uint32_t cap)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        conn[i].closed = true;
    }
    for (int turns = 0; waiting(); turns++) {
        MUST(turns < TURNS_MAX);
        turn(s, cap);
    }
    MUST(turn(s, cap) == 0);
    for (int i = 0; i < CONNECTIONS; i++) {
        MUST(!conn[i].joined || (all_taken(&conn[i]) && !conn[i].open));
    }
}

static struct ft_source *open_source(void)
{
    static const char *const target[] = {"ipfix+tcp://192.0.2.9:4739"};
    struct ft_source_config cfg = {.targets = target, .n_targets = 1, .fanout_n = 1};
    struct ft_source *s = NULL;
    struct ft_err err;

    MUST(ft_source_udp.open(&cfg, &s, &err) == FT_OK);
    return s;
}

/* One segment comes; returns the bytes of the input that it took. */
static size_t segment(const uint8_t *data, size_t size)
{
    static const uint32_t times[] = {1, 1, 16, 300};
    struct connection *c = &conn[data[0] & 3];
    size_t len = data[1] < size - HEAD ? data[1] : size - HEAD;

    c->joined = true;
    for (uint32_t i = 0; i < times[data[0] >> 6] && !c->closed && BYTES - c->len >= len; i++) {
        memcpy(c->bytes + c->len, data + HEAD, len);
        c->len += len;
    }
    c->reset |= (data[0] & 16) != 0 && !c->closed;
    c->closed |= (data[0] & (8 | 16)) != 0;
    c->short_reads |= (data[0] & 32) != 0;
    return HEAD + len;
}

static void play(const uint8_t *data, size_t size, bool at_once)
{
    struct ft_source *s = open_source();
    uint32_t cap = 1 + data[0] % VIEWS;

    for (int i = 0; i < CONNECTIONS; i++) {
        memset(&conn[i].len, 0, sizeof conn[i] - offsetof(struct connection, len));
    }
    for (size_t at = 1; size - at >= HEAD;) {
        uint8_t control = data[at];

        at += segment(data + at, size - at);
        if (!at_once && (control & 4)) {
            turn(s, cap);
        }
    }
    for (int i = 0; i < CONNECTIONS && at_once; i++) {
        conn[i].short_reads = false;
    }
    finish(s, at_once ? VIEWS : cap);
    s->ops->close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        play(data, size, false);
        play(data, size, true);
    }
    return 0;
}
