/* SPDX-License-Identifier: Apache-2.0 */
/* source: datagrams from exporters: UDP sockets of one worker, and IPFIX over TCP, TLS, DTLS, SCTP.
 *
 * Theory of operation: every worker binds every address with SO_REUSEPORT, and a classic BPF
 * program of the group picks the worker by a hash of the sender's address (sFlow: the agent's): all
 * datagrams of a router come to one worker, whatever its source ports, so templates and sequence
 * numbers need no locks. The kernel's socket buffer is the bounded buffer; what it drops is read
 * from SO_MEMINFO.
 *
 * Waking up is the cost, not the calls: after a batch that did not fill up, the next one is waited
 * for half a millisecond before the sockets are looked at again, and only when they are empty then
 * does the thread wait in poll(2).
 *
 * TCP connections (RFC 7011 §10.4) belong to the first worker: messages are cut out of the stream
 * by the length in their header. A connection that sends anything else is closed. So do those of
 * TLS and SCTP; DTLS (dtls.c) is on sockets of every worker, as datagrams are.
 *
 * Sockets and connections take turns (turns.c).
 *
 * After a stop, each party gives what it held then, not what comes meanwhile. */
#include "source/udp/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rd.h"
#include "model/peer.h"

enum {
    SLOTS = 64,
    SLOT_HEAD = 64, /* the peer lies at its end */
    SLOT_LEN = SLOT_HEAD + 65536,
    NAP_NS = 500000,
    BUFFER_MIN = 4 << 20,
    BACKLOG = 128,
    DATAGRAM_TYPICAL = 1500 + UDP_MESSAGE_COST,
    KEEP_IDLE_S = 60, /* a connection whose other side vanished is found after two minutes */
    KEEP_EVERY_S = 15,
    KEEP_TRIES = 4,
    SHAKE_WAIT_MS = 5
};

static const int64_t look_every_ns = 1000000000;

_Static_assert(sizeof(struct ft_peer) <= SLOT_HEAD, "a peer fits in the head of a slot");

static int system_error(const char *url, const char *what, struct ft_err *err)
{
    return ft_err_set(err, errno == EACCES || errno == EPERM ? FT_E_PRIVILEGE : FT_E_IO,
                      "%s: %s: %s", url, what, strerror(errno));
}

/* ---- opening ---- */

/* The worker by the sender's address: of IPv6 the exclusive or of its four words. Of sFlow (version
 * 5 in 32 bits, 28 bytes or more) by the agent's address, which is one where the senders may be
 * several, unless it is zero. The kernel shows the program the datagram from its payload on. */
static int steer(int fd, uint32_t n)
{
    const uint32_t net = (uint32_t)SKF_NET_OFF;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 28, 0, 18),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 16),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 12, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 13),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8), /* an agent of IPv6 */
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 8), /* an agent of IPv4 */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 15),
        /* the sender */
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, net),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 2, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12),
        BPF_JUMP(BPF_JMP | BPF_JA, 10, 0, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 8),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 12),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 16),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, net + 20),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog prog = {.len = sizeof code / sizeof code[0], .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof prog);
}

static void size_buffer(const struct udp *u, int fd)
{
    uint64_t want = (uint64_t)u->cfg.queue * FT_RING_BYTES / (u->n_targets > 0 ? u->n_targets : 1);
    int bytes = want > INT32_MAX / 2 ? INT32_MAX / 2 : (int)want;

    bytes = bytes < BUFFER_MIN ? BUFFER_MIN : bytes;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0) {
        ft_log(u->cfg.log, FT_LOG_WARN, "the socket buffer stays small: %s", strerror(errno));
    }
}

/* Of the listening socket: connections have it from there, set before the system-call filter is. */
static void keep_alive(int fd)
{
    static const struct {
        int level, name, value;
    } rows[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEP_TRIES},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ft_ignore(setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value,
                             sizeof rows[i].value)); /* best effort */
    }
}

static bool give_datagrams(struct udp *u, struct udp_party *p, struct ft_batch *b,
                           const struct udp_room *room);

static int make_socket(struct udp_socket *s, const char *url, const struct ft__listen *l,
                       struct ft_err *err)
{
    bool sctp = l->transport == FT__LISTEN_SCTP;

    s->stream = l->stream;
    s->fd = socket(l->addr.ss_family,
                   (l->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   sctp ? IPPROTO_SCTP : 0);
    if (s->fd < 0 && sctp && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT)) {
        return ft_err_set(err, FT_E_UNSUPPORTED,
                          "%.150s: this kernel has no SCTP (it is in the module sctp, if at all)",
                          url);
    }
    return s->fd < 0 ? system_error(url, "no socket", err) : FT_OK;
}

/* What TLS and DTLS need is read now: later there is no file system. */
static bool is_secure(const struct ft__listen *l)
{
    return l->transport == FT__LISTEN_TLS || l->transport == FT__LISTEN_DTLS;
}

static int secure(struct udp_socket *s, const char *url, const struct ft__listen *l,
                  struct ft_err *err)
{
    int rc = ft__secure_open(url, l, &s->secure, err);

    if (rc == FT_OK && l->transport == FT__LISTEN_DTLS) {
        s->party.give = ft__dtls_give;
        rc = ft__dtls_new(s->secure, s->fd, &s->dtls);
        if (rc != FT_OK) {
            return ft_err_set(err, rc, "out of memory");
        }
    }
    return rc;
}

static int open_socket(void *cookie, const char *url, const struct ft__listen *l,
                       struct ft_err *err)
{
    struct udp *u = cookie;
    int one = 1, zero = 0;
    struct udp_socket *s = &u->socket[u->n_sockets];

    int rc = make_socket(s, url, l, err);

    if (rc != FT_OK) {
        return rc;
    }
    u->n_sockets++;
    s->cost = DATAGRAM_TYPICAL;
    if (!l->stream) {
        s->party.group = &u->datagrams;
        s->party.give = give_datagrams;
    }
    if (is_secure(l)) {
        rc = secure(s, url, l, err);
    }
    if (rc != FT_OK) {
        return rc;
    }
    if (l->addr.ss_family == AF_INET6) {
        ft_ignore(
            setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero)); /* best effort */
    }
    if (setsockopt(s->fd, SOL_SOCKET, l->stream ? SO_REUSEADDR : SO_REUSEPORT, &one, sizeof one) !=
        0) {
        return system_error(url, "SO_REUSEPORT", err);
    }
    if (!l->stream) {
        size_buffer(u, s->fd);
        ft_ignore(
            setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one)); /* or our clock */
    }
    if (bind(s->fd, (const struct sockaddr *)&l->addr, l->addr_len) != 0) {
        return system_error(url, "it cannot be bound", err);
    }
    if (l->stream) {
        keep_alive(s->fd);
    }
    if (l->stream && listen(s->fd, BACKLOG) != 0) {
        return system_error(url, "it cannot be listened on", err);
    }
    if (!l->stream && u->cfg.fanout_n > 1 && steer(s->fd, u->cfg.fanout_n) != 0) {
        return system_error(url, "exporters cannot be steered to workers", err);
    }
    return FT_OK;
}

static void udp_close(struct ft_source *s)
{
    struct udp *u = udp_of(s);

    if (u == NULL) {
        return;
    }
    ft__streams_close(u);
    for (uint32_t i = 0; i < u->n_sockets; i++) {
        ft__dtls_free(u->socket[i].dtls);
        ft__secure_free(u->socket[i].secure);
        close(u->socket[i].fd);
    }
    if (u->wake_fd >= 0) {
        close(u->wake_fd);
    }
    ft_map_free(u->slots, (size_t)SLOTS * SLOT_LEN);
    ft_mem_free(u);
}

/* Each address that this instance listens on: streams are the first worker's. */
static int each_address(const struct ft_source_config *cfg, void *cookie,
                        int (*what)(void *cookie, const char *url, const struct ft__listen *l,
                                    struct ft_err *err),
                        struct ft_err *err)
{
    int rc = FT_OK;

    if (cfg->n_targets > UDP_SOCKETS_MAX) {
        return ft_err_set(err, FT_E_USAGE, "listen: at most %d are possible", UDP_SOCKETS_MAX);
    }
    for (uint32_t i = 0; i < cfg->n_targets && rc == FT_OK; i++) {
        struct ft__listen l;

        rc = ft__listen_parse(cfg->targets[i], &l, err);
        if (rc == FT_OK && (!l.stream || cfg->fanout_i == 0)) {
            rc = what(cookie, cfg->targets[i], &l, err);
        }
    }
    return rc;
}

static int udp_open(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err)
{
    struct udp *u = ft_mem_alloc(1, sizeof *u);
    int rc;

    if (u == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    u->source.ops = &ft_source_udp;
    u->cfg = *cfg;
    u->n_targets = cfg->n_targets;
    u->cfg.targets = NULL; /* borrowed until here */
    u->datagrams.group = u->streams.group = &u->all;
    ft__streams_init(u);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    u->slots = ft_map_alloc((size_t)SLOTS * SLOT_LEN);
    rc = u->wake_fd < 0 || u->slots == NULL
             ? ft_err_set(err, FT_E_NOMEM, "out of memory or file descriptors")
             : each_address(cfg, u, open_socket, err);
    if (rc != FT_OK) {
        udp_close(&u->source);
        return rc;
    }
    *out = &u->source;
    return FT_OK;
}

/* ---- certificates, again ---- */

/* Of each socket, in the order in which they are opened. */
struct ft_source_files {
    struct ft__secure *secure[UDP_SOCKETS_MAX]; /* owned; NULL: it has none */
    uint32_t n, n_secure;
};

static void udp_free_files(struct ft_source_files *files)
{
    for (uint32_t i = 0; files != NULL && i < files->n; i++) {
        ft__secure_free(files->secure[i]);
    }
    ft_mem_free(files);
}

static int read_secure(void *cookie, const char *url, const struct ft__listen *l,
                       struct ft_err *err)
{
    struct ft_source_files *files = cookie;
    int rc = is_secure(l) ? ft__secure_open(url, l, &files->secure[files->n], err) : FT_OK;

    files->n_secure += is_secure(l);
    files->n += rc == FT_OK;
    return rc;
}

static int udp_read_files(const struct ft_source_config *cfg, struct ft_source_files **out,
                          struct ft_err *err)
{
    struct ft_source_files *files = ft_mem_alloc(1, sizeof *files);
    int rc = files != NULL ? each_address(cfg, files, read_secure, err)
                           : ft_err_set(err, FT_E_NOMEM, "out of memory");

    if (rc != FT_OK || files->n_secure == 0) {
        udp_free_files(files);
        files = NULL;
    }
    *out = files;
    return rc;
}

static void udp_take_files(struct ft_source *source, struct ft_source_files *files)
{
    struct udp *u = udp_of(source);

    for (uint32_t i = 0; i < files->n && i < u->n_sockets; i++) {
        struct udp_socket *s = &u->socket[i];
        struct ft__secure *before = s->secure;

        if (files->secure[i] == NULL ||
            (s->dtls != NULL && ft__dtls_renew(s->dtls, files->secure[i]) != FT_OK)) {
            continue; /* no memory: it goes on with what it has */
        }
        s->secure = files->secure[i];
        files->secure[i] = before;
    }
    udp_free_files(files);
}

/* ---- reading ---- */

void ft__peer_set(struct ft_peer *peer, const struct sockaddr_storage *from)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;

    memset(peer, 0, sizeof *peer);
    if (from->ss_family == AF_INET) {
        memcpy(peer->addr, &in->sin_addr, 4);
        peer->port = ntohs(in->sin_port);
        peer->ip_version = 4;
    } else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        memcpy(peer->addr, &in6->sin6_addr.s6_addr[12], 4);
        peer->port = ntohs(in6->sin6_port);
        peer->ip_version = 4;
    } else {
        memcpy(peer->addr, &in6->sin6_addr, 16);
        peer->port = ntohs(in6->sin6_port);
        peer->ip_version = 6;
    }
}

uint8_t *ft__slot(struct udp *u, uint32_t i)
{
    return u->slots + (size_t)i * SLOT_LEN + SLOT_HEAD;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t ft__udp_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t ft__udp_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t ft__udp_waiting(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_RMEM_ALLOC]
                                                                   : INT32_MAX;
}

static int64_t stamp(struct msghdr *h, int64_t now_ns)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec ts;

            memcpy(&ts, CMSG_DATA(c), sizeof ts);
            return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
        }
    }
    return now_ns;
}

void ft__slot_view(struct udp *u, uint32_t i, uint32_t len, int64_t ts_ns, struct ft_view *out)
{
    *out = (struct ft_view){.data = ft__slot(u, i),
                            .ts_ns = ts_ns,
                            .caplen = len,
                            .len = len,
                            .linktype = FT_LINK_DATAGRAM};
}

static struct ft_peer *slot_peer(struct udp *u, uint32_t i)
{
    return (struct ft_peer *)(void *)(ft__slot(u, i) - sizeof(struct ft_peer));
}

/* At most ask datagrams of a socket; their number. */
static uint32_t read_socket(struct udp *u, struct udp_socket *s, struct ft_batch *b, uint32_t ask)
{
    struct mmsghdr msg[SLOTS];
    struct iovec iov[SLOTS];
    struct sockaddr_storage from[SLOTS];
    union {
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
        struct cmsghdr align;
    } control[SLOTS];
    uint32_t first = b->n;
    int64_t now_ns;
    int n;

    for (uint32_t i = 0; i < ask; i++) {
        iov[i] = (struct iovec){ft__slot(u, first + i), 65536};
        msg[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                         .msg_namelen = sizeof from[i],
                                         .msg_iov = &iov[i],
                                         .msg_iovlen = 1,
                                         .msg_control = &control[i],
                                         .msg_controllen = sizeof control[i]};
    }
    n = recvmmsg(s->fd, msg, ask, MSG_DONTWAIT, NULL);
    now_ns = n > 0 ? ft__udp_wall_ns() : 0;
    for (int i = 0; i < n; i++) {
        uint32_t slot = first + (uint32_t)i;

        ft__peer_set(slot_peer(u, slot), &from[i]);
        ft__slot_view(u, slot, msg[i].msg_len, stamp(&msg[i].msg_hdr, now_ns), &b->views[b->n++]);
        s->left -= (int64_t)msg[i].msg_len + UDP_MESSAGE_COST;
        u->bytes += (int64_t)msg[i].msg_len + UDP_MESSAGE_COST;
    }
    return n > 0 ? (uint32_t)n : 0;
}

/* ---- turns ---- */

static bool give_datagrams(struct udp *u, struct udp_party *p, struct ft_batch *b,
                           const struct udp_room *room)
{
    struct udp_socket *s = (struct udp_socket *)(void *)p;
    int64_t bytes = u->bytes, fit = (room->bytes - bytes + s->cost - 1) / s->cost;
    uint32_t most = room->n - b->n, ask = fit < most ? (uint32_t)fit : most, n;

    n = read_socket(u, s, b, ask);
    if (n > 0) {
        s->cost = (uint32_t)((u->bytes - bytes) / n);
    }
    return n == ask && (!u->draining || s->left > 0);
}

/* Connections are no messages: who listens takes no turn. */
static uint32_t accept_from(struct udp *u, struct udp_socket *s)
{
    uint32_t n = ft__streams_accept(u, s, BACKLOG);

    s->left -= n;
    return n;
}

static int socket_fd(const struct udp *u, const struct udp_socket *s, bool room)
{
    return s->party.waits || (s->stream && !room) || (u->draining && s->left <= 0) ? -1 : s->fd;
}

/* Waits up to timeout_ms for anything; who has something is queued then. True: somebody has, or
 * was accepted. */
static bool look(struct udp *u, int timeout_ms)
{
    struct pollfd fds[UDP_SOCKETS_MAX + UDP_PLACES + 1];
    struct udp_party *who[UDP_SOCKETS_MAX + UDP_PLACES];
    bool room = ft__streams_room(u); /* who waits for a place in vain is not to wake us */
    uint32_t accepted = 0;
    nfds_t n = 0;

    for (uint32_t i = 0; i < u->n_sockets; i++) {
        who[n] = &u->socket[i].party;
        fds[n++] = (struct pollfd){.fd = socket_fd(u, &u->socket[i], room), .events = POLLIN};
    }
    for (uint32_t i = 0; i < UDP_PLACES; i++) {
        struct udp_stream *s = u->stream[i];
        struct udp_party *p = s != NULL ? ft__stream_party(s) : NULL;

        if (p == NULL || p->waits) {
            continue;
        }
        if (ft__stream_pending(u, s)) {
            ft__party_wait(p);
            continue;
        }
        who[n] = p;
        fds[n].fd = ft__stream_fd(u, s, &fds[n].events);
        fds[n++].revents = 0;
    }
    fds[n] = (struct pollfd){.fd = u->wake_fd, .events = POLLIN};
    if (u->n_shaking > 0 && timeout_ms > SHAKE_WAIT_MS) {
        timeout_ms = SHAKE_WAIT_MS; /* they may have to wait for time, not for their socket */
    }
    if (poll(fds, n + 1, u->all.n > 0 ? 0 : timeout_ms) <= 0) {
        return u->all.n > 0; /* a signal: the caller comes again */
    }
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].revents != 0 && i >= u->n_sockets &&
            ft__stream_shaking((struct udp_stream *)(void *)who[i])) {
            if (ft__shake_may(u)) {
                ft__stream_shake(u, (struct udp_stream *)(void *)who[i]);
                accepted++;
            }
        } else if (fds[i].revents != 0 && who[i]->group != NULL) {
            ft__party_wait(who[i]);
        } else if (fds[i].revents != 0) {
            accepted += accept_from(u, (struct udp_socket *)(void *)who[i]);
        }
    }
    return u->all.n > 0 || accepted > 0;
}

/* What the sockets hold now is what is still to be read. */
static void start_draining(struct udp *u)
{
    u->draining = true;
    for (uint32_t i = 0; i < u->n_sockets; i++) {
        u->socket[i].left = u->socket[i].stream ? BACKLOG : ft__udp_waiting(u->socket[i].fd);
    }
    ft__streams_drain(u);
}

static int udp_read(struct ft_source *s, struct ft_batch *b, int timeout_ms, struct ft_err *err)
{
    struct udp *u = udp_of(s);
    struct timespec nap = {.tv_nsec = NAP_NS};
    uint32_t cap = b->cap < SLOTS ? b->cap : SLOTS;
    bool stopped = atomic_load_explicit(&u->stopped, memory_order_relaxed), some;

    (void)err;
    b->n = 0;
    b->token = 0;
    if (u->nap && !stopped) {
        nanosleep(&nap, NULL);
        u->nap = false;
    }
    if (stopped && !u->draining) {
        start_draining(u);
    }
    u->now_ns = clock_ns(CLOCK_MONOTONIC);
    if (u->now_ns >= u->look_ns) {
        u->look_ns = u->now_ns + look_every_ns;
        ft__streams_look(u);
        for (uint32_t i = 0; i < u->n_sockets; i++) {
            if (u->socket[i].dtls != NULL) {
                ft__dtls_look(u, u->socket[i].dtls);
            }
        }
    }
    some = look(u, stopped ? 0 : timeout_ms);
    ft__turns_take(u, b, cap);
    if (!some && stopped) {
        return FT_E_EOF; /* what the sockets held when stop came has been read */
    }
    u->nap = b->n > 0 && b->n < cap / 2 && u->all.n == 0;
    return FT_OK;
}

static void udp_release(struct ft_source *s, uint64_t token)
{
    (void)s;
    (void)token; /* the slots are used again by the next read of the same thread */
}

static void udp_stop(struct ft_source *s)
{
    struct udp *u = udp_of(s);
    uint64_t one = 1;

    atomic_store_explicit(&u->stopped, true, memory_order_relaxed);
    if (write(u->wake_fd, &one, sizeof one) < 0) {
        return; /* the counter is full: it is awake */
    }
}

static void udp_stats(struct ft_source *s, struct ft_source_stats *out)
{
    struct udp *u = udp_of(s);

    *out = (struct ft_source_stats){.dropped_known = true};
    for (uint32_t i = 0; i < u->n_sockets; i++) {
        uint32_t info[SK_MEMINFO_VARS] = {0};
        socklen_t len = sizeof info;

        if (!u->socket[i].stream &&
            getsockopt(u->socket[i].fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0) {
            out->dropped += info[SK_MEMINFO_DROPS];
        }
    }
    out->connections = ft_count_get(&u->open);
    out->connections_idle = ft_count_get(&u->idle);
    out->connections_displaced = ft_count_get(&u->displaced);
    out->connections_refused = ft_count_get(&u->refused);
}

const struct ft_source_ops ft_source_udp = {
    .name = "udp",
    .help = "NetFlow, IPFIX and sFlow datagrams from UDP sockets, IPFIX from TCP, TLS, DTLS, SCTP",
    .flags = FT_SOURCE_LIVE | FT_SOURCE_FANOUT,
    .open = udp_open,
    .read = udp_read,
    .release = udp_release,
    .stop = udp_stop,
    .stats = udp_stats,
    .read_files = udp_read_files,
    .take_files = udp_take_files,
    .free_files = udp_free_files,
    .close = udp_close,
};
