/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: udp, a datagram for each event.
 *
 * Theory of operation: a datagram that the network loses is lost, and nobody tells. One that finds
 * nobody at the other end is answered by ICMP, which the kernel tells with a later call: the
 * datagram before it counts as lost. From then on the receiver is away: what comes is lost and
 * counted, and nothing of it is sent, but for a greeting now and then, until one is not answered
 * so:
 *
 *     THERE --refused--> AWAY --pause, greeting sent--> ASKED --nothing for ASKED_MS--> THERE
 *                          ^------------refused-----------'
 *
 * So a receiver that is back has the greeting (templates) before the first record; without a
 * greeting it is asked with the first datagram that comes when it is time. A name that cannot be
 * looked up, and a network without a route, are the same. The name is looked up for each greeting,
 * which goes to the address that took datagrams before, if the name has it still: one that says
 * nothing need not be anybody's; else to the next of its addresses. Nothing waits for a receiver:
 * sending waits for room in the socket at most SEND_MS; but the first datagram to a name of several
 * addresses waits SURE_MS for a refusal, and goes to the next one then. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "output/sink/receiver.h"
#include "output/sink/spoof.h"

enum {
    AT_ONCE = 64,         /* datagrams of a call */
    SEND_MS = 200,        /* until the socket has room */
    PAUSE_FIRST_MS = 100, /* between two greetings; */
    PAUSE_MOST_MS = 2000, /* it grows */
    ASKED_MS = 250,       /* an answer comes within that, or it is there */
    SURE_MS = 100,        /* a datagram that was not answered by then has arrived */
    SEND_BUFFER = 2 << 20
};

enum state { THERE, AWAY, ASKED };

struct udp_sink {
    struct ft_sink sink;
    struct ft_log log;
    char *name; /* owned */
    struct ft_target to;
    void (*greet)(void *cookie, const uint8_t *next, struct ft_chunk *out);
    void *greet_cookie;
    int fd;         /* -1: not looked up yet */
    uint32_t turn;  /* the name's address that fd has, or the next one; */
    uint32_t names; /* of so many */
    bool found;     /* one of them has taken a datagram */
    enum state state;
    int64_t due_ms; /* AWAY: of the next greeting, ASKED: then it is there */
    int64_t pause_ms;
    int64_t since_ms;    /* it is away */
    struct ft_mark last; /* the datagram before, which may be answered yet; count: its events */
    uint32_t last_len;
    int64_t last_ms;
    bool has_last;
    bool said, too_long;       /* it was said */
    struct ft_tally lost_away; /* events since it is away */
};

static struct udp_sink *udp_of(struct ft_sink *s)
{
    return (struct udp_sink *)(void *)s;
}

/* ---- what became of a datagram ---- */

static void tell(struct ft_tally *t, const struct ft_mark *m, uint32_t len)
{
    t->n[m->event] += m->count;
    t->bytes += len;
}

static void lose(struct udp_sink *s, const struct ft_mark *m, uint32_t len)
{
    tell(&s->sink.lost, m, len);
    tell(&s->lost_away, m, len);
}

static void last_arrived(struct udp_sink *s)
{
    if (s->has_last) {
        tell(&s->sink.arrived, &s->last, s->last_len);
        s->found = true;
    }
    s->has_last = false;
}

static void last_lost(struct udp_sink *s)
{
    if (s->has_last) {
        lose(s, &s->last, s->last_len);
    }
    s->has_last = false;
}

static uint32_t begin_of(const struct ft_chunk *c, uint32_t i)
{
    return i > 0 ? ft_chunk_mark(c, i - 1)->end : 0;
}

static uint32_t len_of(const struct ft_chunk *c, uint32_t i)
{
    return ft_chunk_mark(c, i)->end - begin_of(c, i);
}

/* ---- states ---- */

static void is_away(struct udp_sink *s, const char *why)
{
    if (s->state == THERE) {
        s->pause_ms = PAUSE_FIRST_MS;
        s->since_ms = ft_mono_ms();
    }
    if (!s->said) {
        ft_log(&s->log, FT_LOG_WARN,
               "%s: %s; its events are lost and counted until somebody is there", s->name, why);
    }
    s->said = true;
    s->state = AWAY;
    s->due_ms = ft_mono_ms() + s->pause_ms;
    s->pause_ms = 2 * s->pause_ms < PAUSE_MOST_MS ? 2 * s->pause_ms : PAUSE_MOST_MS;
}

static void is_there(struct udp_sink *s)
{
    if (s->said) {
        ft_log(&s->log, FT_LOG_WARN, "%s: somebody is there after %.1f s; %llu events were lost",
               s->name, (double)(ft_mono_ms() - s->since_ms) / 1000,
               (unsigned long long)ft_tally_events(&s->lost_away));
    }
    s->said = false;
    s->state = THERE;
    s->lost_away = (struct ft_tally){{0}, 0};
}

/* What the kernel has heard of datagrams that were sent; true: somebody said no. */
static bool refused(struct udp_sink *s)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (s->fd < 0 || getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error == 0) {
        return false;
    }
    last_lost(s);
    is_away(s, strerror(error));
    return true;
}

/* ---- the socket ---- */

static void set_up_socket(int fd)
{
    struct timeval most = {.tv_usec = SEND_MS * 1000};
    int room = SEND_BUFFER, dont = IP_PMTUDISC_DONT;

    /* best effort: without room it waits sooner; who asks for a large mtu= gets fragments */
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    (void)!setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof dont);
}

/* Is the socket connected to this address? */
static bool has_peer(const struct udp_sink *s, const struct addrinfo *a)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;

    return s->fd >= 0 && getpeername(s->fd, (struct sockaddr *)&peer, &len) == 0 &&
           len == a->ai_addrlen && memcmp(&peer, a->ai_addr, len) == 0;
}

/* A socket for an address, in place of the one that is there; the same when it has that address, so
 * that its port stays. False: errno says why. */
static bool take_address(struct udp_sink *s, const struct addrinfo *a)
{
    int fd;

    if (has_peer(s, a)) {
        return true;
    }
    fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
        set_up_socket(fd);
        if (s->fd >= 0) {
            close(s->fd);
        }
        s->fd = fd;
        return true;
    }
    int why = errno;

    if (fd >= 0) {
        close(fd);
    }
    errno = why;
    return false;
}

/* Is the address that took datagrams one of these? */
static bool keeps_address(const struct udp_sink *s, const struct addrinfo *list)
{
    bool keeps = false;

    for (const struct addrinfo *a = list; a != NULL && s->found; a = a->ai_next) {
        keeps |= has_peer(s, a);
    }
    return keeps;
}

/* Looks the name up, and takes the address that it had, or whose turn it is, or the next one that
 * there is a way to. FT_OK, or FT_E_IO: *out_why. */
static int look_up(struct udp_sink *s, const char **out_why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list = NULL;
    int error = getaddrinfo(s->to.host, s->to.port, &hints, &list);
    bool taken = false;

    if (error != 0) {
        *out_why = gai_strerror(error);
        return FT_E_IO;
    }
    s->names = 0;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        s->names++;
    }
    *out_why = "it has no address";
    taken = keeps_address(s, list);
    for (uint32_t k = 0; k < s->names && !taken; k++) {
        const struct addrinfo *a = list;

        for (uint32_t i = s->turn % s->names; i > 0; i--) {
            a = a->ai_next;
        }
        taken = take_address(s, a);
        if (!taken) {
            *out_why = strerror(errno);
            s->turn++;
        }
    }
    freeaddrinfo(list);
    return taken ? FT_OK : FT_E_IO;
}

/* FT_OK: there is a socket; FT_E_IO: it is away. */
static int dial(struct udp_sink *s)
{
    const char *why;

    if (s->fd < 0 && look_up(s, &why) != FT_OK) {
        is_away(s, why);
        return FT_E_IO;
    }
    return FT_OK;
}

/* ---- sending ---- */

/* Datagrams from mark i on. Returns how many were sent; 0: *out_errno says why. */
static uint32_t send_some(struct udp_sink *s, const struct ft_chunk *c, uint32_t i, uint32_t most,
                          int *out_errno)
{
    struct mmsghdr msg[AT_ONCE] = {0};
    struct iovec v[AT_ONCE];
    uint32_t n = c->n - i < most ? c->n - i : most;
    int sent;

    for (uint32_t k = 0; k < n; k++) {
        v[k] = (struct iovec){c->data + begin_of(c, i + k), len_of(c, i + k)};
        msg[k].msg_hdr = (struct msghdr){.msg_iov = &v[k], .msg_iovlen = 1};
    }
    do {
        sent = sendmmsg(s->fd, msg, n, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    *out_errno = sent < 0 ? errno : 0;
    return sent > 0 ? (uint32_t)sent : 0;
}

static void were_sent(struct udp_sink *s, const struct ft_chunk *c, uint32_t i, uint32_t n)
{
    for (uint32_t k = i; k < i + n; k++) {
        last_arrived(s);
        s->last = *ft_chunk_mark(c, k);
        s->last_len = len_of(c, k);
        s->has_last = true;
    }
    s->last_ms = ft_mono_ms();
    atomic_fetch_add_explicit(&s->sink.moved, n, memory_order_relaxed);
}

/* A datagram that cannot be sent as it is, whoever is there. */
static bool is_its_own_fault(int error)
{
    return error == EMSGSIZE || error == ENOBUFS || error == ENOMEM || error == EAGAIN;
}

static void say_too_long(struct udp_sink *s)
{
    if (!s->too_long) {
        ft_log(&s->log, FT_LOG_WARN,
               "%s: a datagram is longer than the network takes, and is lost: a smaller mtu=",
               s->name);
    }
    s->too_long = true;
}

/* Has a refusal come within SURE_MS? */
static bool refuses(struct udp_sink *s)
{
    struct pollfd p = {.fd = s->fd}; /* errors come in any case */
    int error = 0;
    socklen_t len = sizeof error;

    return poll(&p, 1, SURE_MS) > 0 && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
           error != 0;
}

/* The first datagram to a name of several addresses: to each of them, until one does not refuse it.
 * Returns how many were sent. */
static uint32_t send_first(struct udp_sink *s, const struct ft_chunk *c)
{
    const char *why = strerror(ECONNREFUSED);
    int error = 0;

    for (uint32_t k = s->names; k > 0; k--) {
        uint32_t n = send_some(s, c, 0, 1, &error);

        if (n == 0 ? is_its_own_fault(error) : !refuses(s)) {
            s->found = true;
            were_sent(s, c, 0, n);
            return n;
        }
        s->turn++;
        if (look_up(s, &why) != FT_OK) {
            break;
        }
    }
    is_away(s, why);
    return 0;
}

/* The datagrams of a chunk from i on, as long as somebody is there; what is left then is lost. */
static uint32_t send_chunk(struct udp_sink *s, const struct ft_chunk *c, uint32_t i)
{
    uint32_t most = AT_ONCE;
    bool short_of = false;

    while (i < c->n && s->state == THERE) {
        int error = 0;
        uint32_t n = send_some(s, c, i, most, &error);

        if (n > 0 && short_of) { /* the one that came before it was refused: it ended the call */
            last_lost(s);
            is_away(s, strerror(ECONNREFUSED));
            were_sent(s, c, i, n);
            last_lost(s);
        } else if (n > 0) {
            were_sent(s, c, i, n);
        } else if (is_its_own_fault(error)) {
            if (error == EMSGSIZE) {
                say_too_long(s);
            }
            tell(&s->sink.lost, ft_chunk_mark(c, i), len_of(c, i));
            n = 1;
        } else {
            last_lost(s);
            is_away(s, strerror(error));
        }
        short_of = n > 0 && n < most && i + n < c->n && error == 0;
        most = short_of ? 1 : AT_ONCE; /* the error was told to nobody: what does the next get? */
        i += n;
    }
    return i;
}

static const uint8_t *first_of(const struct ft_chunk *c)
{
    return c->len > 0 ? c->data : NULL;
}

/* The greeting; without one the next datagram itself, when there is one. Returns how many of those
 * were sent. */
static uint32_t ask(struct udp_sink *s, const struct ft_chunk *next)
{
    struct ft_chunk hello = {0};
    int error = 0;
    uint32_t n = 0, i = 0;

    if (s->greet != NULL) {
        s->greet(s->greet_cookie, first_of(next), &hello);
    }
    if (hello.n + next->n == 0) {
        return 0; /* what comes next is what it is asked with */
    }
    for (; i < hello.n; i += n) {
        n = send_some(s, &hello, i, AT_ONCE, &error);
        if (n == 0) {
            is_away(s, strerror(error));
            return 0;
        }
    }
    n = hello.n == 0 && next->n > 0 ? send_some(s, next, 0, 1, &error) : 0;
    if (error != 0) {
        is_away(s, strerror(error));
        return 0;
    }
    were_sent(s, next, 0, n);
    s->state = ASKED;
    s->due_ms = ft_mono_ms() + ASKED_MS;
    return n;
}

/* One step of a receiver that is away. Returns how many datagrams of what comes next were sent. */
static uint32_t look(struct udp_sink *s, const struct ft_chunk *next)
{
    if (s->fd >= 0 && refused(s)) {
        return 0;
    }
    if (s->state == ASKED && ft_mono_ms() >= s->due_ms) {
        last_arrived(s);
        is_there(s);
    } else if (s->state == AWAY && ft_mono_ms() >= s->due_ms) {
        const char *why;

        s->turn++;
        if (look_up(s, &why) == FT_OK || s->fd >= 0) {
            return ask(s, next);
        }
        is_away(s, why);
    }
    return 0;
}

/* ---- the sink ---- */

static int udp_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct udp_sink *s = udp_of(sink);

    for (uint32_t k = 0; k < *n; k++) {
        uint32_t sent = 0;

        if (s->state != THERE) {
            sent = look(s, &chunks[k]);
        }
        if (s->state == THERE && dial(s) == FT_OK) {
            if (FT_UNLIKELY(s->names > 1 && !s->found && sent == 0 && chunks[k].n > 0)) {
                sent = send_first(s, &chunks[k]);
            }
            sent = send_chunk(s, &chunks[k], sent);
        }
        for (uint32_t i = sent; i < chunks[k].n; i++) {
            lose(s, ft_chunk_mark(&chunks[k], i), len_of(&chunks[k], i));
        }
    }
    return FT_OK;
}

/* The last datagram has arrived, or is answered. */
static int udp_flush(struct ft_sink *sink)
{
    struct udp_sink *s = udp_of(sink);

    while (s->has_last && !refused(s)) {
        if (ft_mono_ms() - s->last_ms >= SURE_MS) {
            last_arrived(s);
        } else {
            usleep(1000);
        }
    }
    return FT_OK;
}

static int udp_tick(struct ft_sink *sink, int64_t *out_next_ms)
{
    static const struct ft_chunk none;
    struct udp_sink *s = udp_of(sink);

    *out_next_ms = -1;
    if (s->state != THERE) {
        ft_ignore((int)look(s, &none)); /* it has none */
    } else if (s->has_last && !refused(s) && ft_mono_ms() - s->last_ms >= SURE_MS) {
        last_arrived(s);
    }
    if (s->state != THERE) {
        int64_t left = s->due_ms - ft_mono_ms();

        *out_next_ms = left > 0 ? left : s->state == AWAY ? -1 : 1;
    } else if (s->has_last) {
        *out_next_ms = SURE_MS;
    }
    return FT_OK;
}

/* That of the socket, which it has since it knows whom to send to. */
static uint8_t udp_local(struct ft_sink *sink, uint8_t out[16])
{
    struct udp_sink *s = udp_of(sink);
    struct sockaddr_storage at = {0};
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&at;
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&at;
    socklen_t len = sizeof at;

    if ((s->fd < 0 && (s->state != THERE || dial(s) != FT_OK)) ||
        getsockname(s->fd, (struct sockaddr *)(void *)&at, &len) != 0) {
        return 0;
    }
    if (at.ss_family == AF_INET) {
        memcpy(out, &in4->sin_addr, 4);
        return 4;
    }
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        memcpy(out, in6->sin6_addr.s6_addr + 12, 4);
        return 4;
    }
    memcpy(out, &in6->sin6_addr, 16);
    return 6;
}

static int udp_close(struct ft_sink *sink)
{
    struct udp_sink *s = udp_of(sink);

    if (s->fd >= 0) {
        close(s->fd);
    }
    ft_mem_free(s->to.host);
    ft_mem_free(s->name);
    ft_mem_free(s);
    return FT_OK;
}

static int udp_open(const struct ft_output_url *url, const struct ft_output_env *env,
                    struct ft_sink **out, struct ft_err *err)
{
    if (env->templates != NULL && env->templates->sources) {
        return ft__spoof_open(url, env, out, err);
    }
    struct udp_sink *s = ft_mem_alloc(1, sizeof *s);
    int rc;

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = &ft_sink_udp;
    s->fd = -1;
    s->name = ft_mem_strdup(url->text);
    s->greet = env->greet;
    s->greet_cookie = env->greet_cookie;
    if (env->log != NULL) {
        s->log = *env->log;
    }
    rc = ft_target_split(url->target, NULL, &s->to);
    if (rc == FT_E_USAGE || s->to.rest != NULL) {
        ft_err_set(err, FT_E_USAGE, "output %s: a target is %s+udp://HOST:PORT", url->text,
                   url->format);
        rc = FT_E_USAGE;
    } else if (rc != FT_OK || s->name == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    if (rc != FT_OK) {
        udp_close(&s->sink);
        return rc;
    }
    *out = &s->sink;
    return FT_OK;
}

const struct ft_sink_ops ft_sink_udp = {
    .name = "udp",
    .help = "UDP datagrams, a message each",
    .needs = FT_SANDBOX_NETWORK,
    .messages = true,
    .datagrams = true,
    .open = udp_open,
    .write = udp_write,
    .flush = udp_flush,
    .tick = udp_tick,
    .local = udp_local,
    .close = udp_close,
};
