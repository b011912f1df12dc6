/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: udp from exporters' addresses, see spoof.h. */
#include "output/sink/spoof.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/wait.h"
#include "codec/net/udp_put.h"
#include "output/sink/receiver.h"

enum {
    AT_ONCE = 64, /* datagrams of a call */
    SEND_MS = 200,
    SEND_BUFFER = 2 << 20,
    LOOK_MS = 60000,      /* a name is looked up again; */
    LOOK_AGAIN_MS = 2000, /* one that could not be, or to which there is no way */
    SOURCE = sizeof(struct ft_flow_source)
};

enum family { V4, V6, FAMILIES };

struct spoof_sink {
    struct ft_sink sink;
    struct ft_log log;
    char *name; /* owned */
    struct ft_target to;
    int raw[FAMILIES], own[FAMILIES]; /* -1: this system has no such family */
    uint16_t port[FAMILIES];          /* of own */
    struct sockaddr_storage peer;     /* ss_family 0: not known */
    struct sockaddr_storage raw_peer; /* likewise, without a port: raw(7), IPv6 has none */
    socklen_t peer_len;
    struct ft_udp_ends ends; /* to the peer, from own's port */
    int64_t look_ms;         /* monotonic: the name is looked up then */
    int said;                /* the error that was said last */
    bool said_look, said_own;
};

/* Datagrams of a call: headers, and what goes behind them. */
struct batch {
    struct mmsghdr msg[AT_ONCE];
    struct iovec v[AT_ONCE][2];
    uint8_t head[AT_ONCE][FT_UDP_PUT_MOST];
};

static const struct ft_sink_ops ops;

static struct spoof_sink *spoof_of(struct ft_sink *s)
{
    return (struct spoof_sink *)(void *)s;
}

/* ---- sockets ---- */

static const int domain_of[FAMILIES] = {AF_INET, AF_INET6};

static bool is_missing(int error)
{
    return error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT;
}

static int not_permitted(const char *url, struct ft_err *err)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    return ft_err_set(err, FT_E_PRIVILEGE,
                      "output %.200s: spoof=true needs the capability CAP_NET_RAW at the start: as "
                      "root, or after: sudo setcap cap_net_raw=eip %.200s",
                      url, n > 0 ? self : "flowtap");
}

static int raw_failed(const char *url, int error, struct ft_err *err)
{
    return error == EPERM || error == EACCES || error == ENOSYS /* our own filter's */
               ? not_permitted(url, err)
               : ft_err_set(err, FT_E_IO, "output %.200s: a raw socket: %s", url, strerror(error));
}

int ft_output_permitted(const struct ft_output_url *url, struct ft_err *err)
{
    const char *spoof = ft_output_url_get(url, "spoof");

    if (spoof == NULL || strcmp(spoof, "true") != 0) {
        return FT_OK;
    }
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

    if (fd < 0) {
        return raw_failed(url->text, errno, err);
    }
    close(fd);
    return FT_OK;
}

static void set_up(int fd)
{
    struct timeval most = {.tv_usec = SEND_MS * 1000};
    int room = SEND_BUFFER;

    /* best effort: without room it waits sooner */
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

/* The socket of UDP, with a port of its own. 0 or errno. */
static int open_own(struct spoof_sink *s, enum family f)
{
    struct sockaddr_storage at = {.ss_family = (sa_family_t)domain_of[f]};
    socklen_t len = f == V4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int dont = IP_PMTUDISC_DONT, only = 1;
    int fd = s->own[f] = socket(domain_of[f], SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || (f == V6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) ||
        bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return errno;
    }
    (void)!setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof dont);
    set_up(fd);
    s->port[f] = ntohs(f == V4 ? ((struct sockaddr_in *)(void *)&at)->sin_port
                               : ((struct sockaddr_in6 *)(void *)&at)->sin6_port);
    return 0;
}

/* Those of a family; FT_OK, too, if there is no such. */
static int open_family(struct spoof_sink *s, enum family f, struct ft_err *err)
{
    int error;

    s->raw[f] = socket(domain_of[f], SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (s->raw[f] < 0) {
        return is_missing(errno) ? FT_OK : raw_failed(s->name, errno, err);
    }
    set_up(s->raw[f]);
    error = open_own(s, f);
    if (error != 0 && !(f == V6 && error == EADDRNOTAVAIL)) { /* IPv6 may be turned off */
        return ft_err_set(err, FT_E_IO, "output %.200s: a socket: %s", s->name, strerror(error));
    }
    return FT_OK;
}

/* ---- the receiver ---- */

static enum family family_of(const struct addrinfo *a)
{
    return a->ai_family == AF_INET ? V4 : a->ai_family == AF_INET6 ? V6 : FAMILIES;
}

static bool can_send(const struct spoof_sink *s, enum family f)
{
    return f != FAMILIES && s->raw[f] >= 0 && s->port[f] != 0;
}

static void take_peer(struct spoof_sink *s, const struct addrinfo *a)
{
    enum family f = family_of(a);

    s->peer = (struct sockaddr_storage){0};
    memcpy(&s->peer, a->ai_addr, a->ai_addrlen);
    s->raw_peer = s->peer;
    s->peer_len = a->ai_addrlen;
    s->ends = (struct ft_udp_ends){.ip_version = f == V4 ? 4 : 6, .src_port = s->port[f]};
    if (f == V4) {
        const struct sockaddr_in *in = (const void *)&s->peer;

        memcpy(s->ends.dst, &in->sin_addr, 4);
        s->ends.dst_port = ntohs(in->sin_port);
        ((struct sockaddr_in *)(void *)&s->raw_peer)->sin_port = 0;
        return;
    }
    const struct sockaddr_in6 *in6 = (const void *)&s->peer;

    memcpy(s->ends.dst, &in6->sin6_addr, 16);
    s->ends.dst_port = ntohs(in6->sin6_port);
    ((struct sockaddr_in6 *)(void *)&s->raw_peer)->sin6_port = 0;
}

/* The address that it has, if the name has it still; else the first that can be sent to. */
static bool choose(struct spoof_sink *s, const struct addrinfo *list)
{
    const struct addrinfo *first = NULL;

    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (!can_send(s, family_of(a))) {
            continue;
        }
        if (a->ai_addrlen == s->peer_len && memcmp(&s->peer, a->ai_addr, s->peer_len) == 0) {
            return true;
        }
        first = first == NULL ? a : first;
    }
    if (first != NULL) {
        take_peer(s, first);
    }
    return first != NULL;
}

/* Looks the name up when it is time. False: there is nobody to send to. */
static bool has_peer(struct spoof_sink *s)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *list = NULL;

    if (ft_mono_ms() < s->look_ms) {
        return s->peer_len != 0;
    }
    int error = getaddrinfo(s->to.host, s->to.port, &hints, &list);
    bool found = error == 0 && choose(s, list);

    if (list != NULL) {
        freeaddrinfo(list);
    }
    if (!found && !s->said_look) {
        ft_log(&s->log, FT_LOG_WARN, "%s: %s; %s", s->name,
               error != 0 ? gai_strerror(error) : "it has no address",
               s->peer_len != 0 ? "it is taken for what it was"
                                : "its events are lost and counted until it has one");
    }
    s->said_look = !found;
    s->look_ms = ft_mono_ms() + (found ? LOOK_MS : LOOK_AGAIN_MS);
    return s->peer_len != 0;
}

/* ---- sources ---- */

static bool is_loopback(uint8_t version, const uint8_t *addr)
{
    static const uint8_t loopback[16] = {[15] = 1};

    return version == 4 ? addr[0] == 127 : memcmp(addr, loopback, sizeof loopback) == 0;
}

/* Of one host, and not of a link or of none? */
static bool is_unicast(uint8_t version, const uint8_t *addr)
{
    static const uint8_t none[16];

    if (version == 4) {
        return addr[0] != 0 && addr[0] < 224;
    }
    return addr[0] != 0xff && !(addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80) &&
           memcmp(addr, none, sizeof none) != 0;
}

static bool spoof_sends_as(struct ft_sink *sink, const struct ft_flow_source *from)
{
    struct spoof_sink *s = spoof_of(sink);
    bool can = has_peer(s) && from->ip_version == s->ends.ip_version &&
               is_unicast(from->ip_version, from->addr) &&
               (!is_loopback(from->ip_version, from->addr) ||
                is_loopback(s->ends.ip_version, s->ends.dst));

    if (!can && s->peer_len != 0 && !s->said_own) {
        ft_log(&s->log, FT_LOG_WARN,
               "%s: exporters whose address is none to send from to this receiver (of another "
               "family, loopback) are sent from the own one",
               s->name);
        s->said_own = true;
    }
    return can;
}

/* ---- sending ---- */

static uint32_t begin_of(const struct ft_chunk *c, uint32_t i)
{
    return i > 0 ? ft_chunk_mark(c, i - 1)->end : 0;
}

static uint32_t len_of(const struct ft_chunk *c, uint32_t i)
{
    return ft_chunk_mark(c, i)->end - begin_of(c, i);
}

static void tell(struct ft_tally *t, const struct ft_chunk *c, uint32_t i)
{
    const struct ft_mark *m = ft_chunk_mark(c, i);

    t->n[m->event] += m->count;
    t->bytes += len_of(c, i) - SOURCE;
}

/* Makes datagram k of mark i. Returns the socket that it is for. */
static int make(struct spoof_sink *s, struct batch *b, uint32_t k, const struct ft_chunk *c,
                uint32_t i)
{
    enum family f = s->ends.ip_version == 4 ? V4 : V6;
    uint8_t *p = c->data + begin_of(c, i);
    uint32_t len = len_of(c, i) - SOURCE;
    struct ft_flow_source from;
    size_t head = 0;

    memcpy(&from, p, sizeof from);
    bool raw = from.ip_version == s->ends.ip_version;

    if (raw) {
        memcpy(s->ends.src, from.addr, sizeof from.addr);
        head = ft_udp_put(b->head[k], &s->ends, p + SOURCE, len);
    }
    b->v[k][0] = (struct iovec){b->head[k], head};
    b->v[k][1] = (struct iovec){p + SOURCE, len};
    b->msg[k] = (struct mmsghdr){.msg_hdr = {.msg_name = raw ? &s->raw_peer : &s->peer,
                                             .msg_namelen = s->peer_len,
                                             .msg_iov = b->v[k],
                                             .msg_iovlen = 2}};
    return raw ? s->raw[f] : s->own[f];
}

/* Datagrams of a chunk from i on that are for one socket. Returns how many were sent; 0:
 * *out_errno. */
static uint32_t send_some(struct spoof_sink *s, const struct ft_chunk *c, uint32_t i,
                          int *out_errno)
{
    struct batch b;
    uint32_t n = 0;
    int fd = -1, sent;

    while (n < AT_ONCE && i + n < c->n) {
        int next = make(s, &b, n, c, i + n);

        if (n > 0 && next != fd) {
            break;
        }
        fd = next;
        n++;
    }
    do {
        sent = sendmmsg(fd, b.msg, n, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    *out_errno = sent < 0 ? errno : 0;
    return sent > 0 ? (uint32_t)sent : 0;
}

/* A datagram that was not taken. */
static void refused(struct spoof_sink *s, int error)
{
    if (error != s->said) {
        ft_log(&s->log, FT_LOG_WARN, "%s: a datagram was not sent: %s; such are lost and counted",
               s->name,
               error == EMSGSIZE ? "longer than its device takes: a smaller mtu="
                                 : strerror(error));
    }
    s->said = error;
    if (error == ENETUNREACH || error == EHOSTUNREACH) { /* the name may have another address */
        int64_t soon = ft_mono_ms() + LOOK_AGAIN_MS;

        s->look_ms = s->look_ms < soon ? s->look_ms : soon;
    }
}

static void send_chunk(struct spoof_sink *s, const struct ft_chunk *c)
{
    for (uint32_t i = 0, n; i<c->n; i += n> 0 ? n : 1) {
        int error;

        n = send_some(s, c, i, &error);
        for (uint32_t k = 0; k < n; k++) {
            tell(&s->sink.arrived, c, i + k);
        }
        if (n == 0) {
            tell(&s->sink.lost, c, i);
            refused(s, error);
        }
        atomic_fetch_add_explicit(&s->sink.moved, n, memory_order_relaxed);
    }
}

static int spoof_write(struct ft_sink *sink, const struct ft_chunk *chunks, uint32_t *n)
{
    struct spoof_sink *s = spoof_of(sink);

    for (uint32_t k = 0; k < *n; k++) {
        if (has_peer(s)) {
            send_chunk(s, &chunks[k]);
            continue;
        }
        for (uint32_t i = 0; i < chunks[k].n; i++) {
            tell(&s->sink.lost, &chunks[k], i);
        }
    }
    return FT_OK;
}

/* ---- life ---- */

static int spoof_close(struct ft_sink *sink)
{
    struct spoof_sink *s = spoof_of(sink);

    for (int f = 0; f < FAMILIES; f++) {
        if (s->raw[f] >= 0) {
            close(s->raw[f]);
        }
        if (s->own[f] >= 0) {
            close(s->own[f]);
        }
    }
    ft_mem_free(s->to.host);
    ft_mem_free(s->name);
    ft_mem_free(s);
    return FT_OK;
}

int ft__spoof_open(const struct ft_output_url *url, const struct ft_output_env *env,
                   struct ft_sink **out, struct ft_err *err)
{
    struct spoof_sink *s = ft_mem_alloc(1, sizeof *s);
    int rc;

    if (s == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    s->sink.ops = &ops;
    memset(s->raw, 0xff, sizeof s->raw); /* -1 */
    memset(s->own, 0xff, sizeof s->own);
    s->name = ft_mem_strdup(url->text);
    if (env->log != NULL) {
        s->log = *env->log;
    }
    rc = ft_target_split(url->target, NULL, &s->to);
    if (rc == FT_E_USAGE || s->to.rest != NULL) {
        rc = ft_err_set(err, FT_E_USAGE, "output %s: a target is %s+udp://HOST:PORT", url->text,
                        url->format);
    } else if (rc != FT_OK || s->name == NULL) {
        rc = ft_err_set(err, FT_E_NOMEM, "output %s: out of memory", url->text);
    }
    for (enum family f = V4; f < FAMILIES && rc == FT_OK; f++) {
        rc = open_family(s, f, err);
    }
    if (rc != FT_OK) {
        spoof_close(&s->sink);
        return rc;
    }
    *out = &s->sink;
    return FT_OK;
}

static const struct ft_sink_ops ops = {
    .name = "udp",
    .help = "UDP datagrams from exporters' addresses",
    .needs = FT_SANDBOX_NETWORK,
    .messages = true,
    .datagrams = true,
    .open = ft__spoof_open,
    .write = spoof_write,
    .sends_as = spoof_sends_as,
    .close = spoof_close,
};
