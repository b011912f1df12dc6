/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: IPFIX over TCP, TLS and SCTP: messages cut out of connections, see udp.c.
 *
 * Theory of operation: a connection counts as heard when a whole message with a set in it came;
 * bytes that never become one are silence, and so is a message without contents. There are
 * UDP_STREAMS_MAX places. When all are taken, a source that has more than its part of them gives
 * one up to who comes, its idlest. When none has: the one goes that never sent a message and came
 * first, else the one that is silent longest, when that is more than a few seconds; busy ones keep
 * their places then, and who comes waits in the kernel. A source that has its part already, or as
 * many as one may have at all, gets no place but one of its own.
 *
 * With TLS, a connection has its place while the handshake is under way, and is one that never sent
 * a message: the first to give way. Handshakes of all have a part of the thread's time (shake.c).
 * Those of SCTP (RFC 7011 §10.2) are read like those of TCP: with one association for each socket
 * the kernel hands out one message after the other. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rd.h"
#include "source/udp/udp.h"

enum {
    STREAM_LEN = 128 << 10,
    TLS_RECORD = 20 << 10,
    MESSAGE_MIN = 16,
    MESSAGE_SET = 20,
    IPFIX = 10
};

enum { QUIET_S = 5, QUIET_OWN_S = 1 };

/* How long nothing is accepted after descriptors ran out. */
static const int64_t second_ns = 1000000000, deaf_for_ns = 1000000000;

struct udp_stream {
    struct udp_party party; /* of the group of its source */
    struct udp_origin *origin;
    int fd;
    struct ft__session *session; /* TLS; or NULL */
    bool shaking;                /* its handshake is under way, */
    short wants;                 /* and waits for this of its socket */
    bool more;                   /* TLS: it may have bytes that came from the socket already */
    struct ft_peer peer;
    int64_t heard_ns;  /* its last such message, before the first one: when it came; monotonic */
    int64_t left;      /* draining: bytes that may still be read */
    uint64_t messages; /* whole ones with a set that were taken */
    uint32_t place;    /* its number */
    uint32_t len, at;  /* bytes in buf, bytes of it that were taken */
    bool told;         /* that it is over */
    bool over;         /* the other side closed, it sent what cannot be, or we give it up */
    uint8_t buf[STREAM_LEN];
};

void ft__streams_init(struct udp *u)
{
    u->quiet_ns = QUIET_S * second_ns;
    u->quiet_own_ns = QUIET_OWN_S * second_ns;
}

/* ---- who may stay ---- */

static void end_stream(struct udp *u, struct udp_stream *s)
{
    if (!s->over) {
        s->over = true;
        u->n_open--;
        u->n_shaking -= s->shaking;
        s->shaking = false;
        s->origin->n_open--;
        ft_count_set(&u->open, u->n_open + u->n_associated);
    }
}

static bool same_source(const struct ft_peer *a, const struct ft_peer *b)
{
    return a->ip_version == b->ip_version &&
           memcmp(a->addr, b->addr, a->ip_version == 4 ? 4 : 8) == 0;
}

/* True when a gives way before b. */
static bool idler(const struct udp_stream *a, const struct udp_stream *b)
{
    if ((a->messages == 0) != (b->messages == 0)) {
        return a->messages == 0;
    }
    return a->heard_ns < b->heard_ns;
}

/* The connection that is to give way, of one source or (NULL) of all; NULL: all are busy. */
static struct udp_stream *idlest(const struct udp *u, const struct udp_origin *of, int64_t quiet)
{
    struct udp_stream *most = NULL;

    for (uint32_t i = 0; i < UDP_PLACES; i++) {
        struct udp_stream *s = u->stream[i];

        if (s != NULL && !s->over && (of == NULL || s->origin == of) &&
            (s->messages == 0 || u->now_ns - s->heard_ns >= quiet) &&
            (most == NULL || idler(s, most))) {
            most = s;
        }
    }
    return most;
}

/* The source that has most places, when that is more than its part; or NULL. */
static const struct udp_origin *greedy(const struct udp *u)
{
    const struct udp_origin *most = &u->origin[0];

    for (uint32_t i = 1; i < UDP_PLACES; i++) {
        most = u->origin[i].n_open > most->n_open ? &u->origin[i] : most;
    }
    return most->n_open > UDP_SOURCE_FAIR ? most : NULL;
}

/* Who gives way when all places are taken; NULL: nobody. */
static struct udp_stream *victim(const struct udp *u)
{
    const struct udp_origin *most = greedy(u);

    return most != NULL ? idlest(u, most, 0) : idlest(u, NULL, u->quiet_ns);
}

/* The source of a connection that comes; it may have none yet. */
static struct udp_origin *find_origin(struct udp *u, const struct ft_peer *of)
{
    struct udp_origin *free_one = NULL;

    for (uint32_t i = 0; i < UDP_PLACES; i++) {
        struct udp_origin *o = &u->origin[i];

        if (o->n > 0 && same_source(&o->peer, of)) {
            return o;
        }
        free_one = o->n == 0 ? o : free_one;
    }
    *free_one = (struct udp_origin){.party.group = &u->streams, .peer = *of}; /* a place is free */
    return free_one;
}

static uint32_t free_place(const struct udp *u)
{
    uint32_t i = 0;

    while (i < UDP_PLACES && u->stream[i] != NULL) {
        i++;
    }
    return i;
}

bool ft__streams_room(const struct udp *u)
{
    return u->now_ns >= u->deaf_ns && free_place(u) < UDP_PLACES &&
           (u->n_open < UDP_STREAMS_MAX || victim(u) != NULL);
}

void ft__streams_look(struct udp *u)
{
    for (uint32_t i = 0; i < UDP_PLACES; i++) {
        struct udp_stream *s = u->stream[i];

        if (s != NULL && s->shaking && ft__shake_late(u, s->heard_ns)) {
            ft__shake_refuse(u, &s->peer, "the handshake takes too long");
            end_stream(u, s);
        }
        if (s != NULL && !s->over && u->cfg.tcp_idle_ns > 0 &&
            u->now_ns - s->heard_ns >= u->cfg.tcp_idle_ns) {
            end_stream(u, s);
            ft_count_add(&u->idle, 1);
        }
    }
}

/* ---- accepting ---- */

static void say_once(struct udp *u, bool *said, const char *what, int n)
{
    if (!*said) {
        *said = true;
        ft_log(u->cfg.log, FT_LOG_WARN, "all %d places for %s are taken: idle ones give way", n,
               what);
    }
}

/* A place among those of its source, or among all. False: there is none to be had. */
static bool make_place(struct udp *u, const struct udp_origin *o)
{
    bool full = u->n_open >= UDP_STREAMS_MAX, most = o->n_open >= UDP_SOURCE_MAX;
    struct udp_stream *s;

    if (!full && !most) {
        return true;
    }
    if (most) {
        say_once(u, &u->said_source, "TCP connections of one source", UDP_SOURCE_MAX);
    } else {
        say_once(u, &u->said_full, "TCP connections", UDP_STREAMS_MAX);
    }
    s = most || o->n_open >= UDP_SOURCE_FAIR ? idlest(u, o, u->quiet_own_ns) : victim(u);
    if (s == NULL) {
        return false;
    }
    end_stream(u, s);
    ft_count_add(&u->displaced, 1);
    return true;
}

static bool give_messages(struct udp *u, struct udp_party *p, struct ft_batch *b,
                          const struct udp_room *room);
static void forget(struct udp *u, struct udp_party *p);

/* A connection that gets no place. */
static void refuse(struct udp *u, int conn, struct udp_stream *s)
{
    ft_count_add(&u->refused, 1);
    if (s != NULL) {
        ft__session_end(s->session);
    }
    close(conn);
    ft_mem_free(s);
}

static void add(struct udp *u, const struct udp_socket *at, int conn,
                const struct sockaddr_storage *from)
{
    uint32_t i = free_place(u);
    struct udp_stream *s = ft_mem_alloc(1, sizeof *s);
    struct udp_origin *o = NULL;

    if (s != NULL) {
        ft__peer_set(&s->peer, from);
        o = u->cfg.allow == NULL || ft_prefixes_allow(u->cfg.allow, &s->peer)
                ? find_origin(u, &s->peer)
                : NULL;
    }
    if (o == NULL ||
        (at->secure != NULL &&
         ft__session_start(at->secure, conn, &s->peer, &s->session) != FT_OK) ||
        !make_place(u, o)) {
        refuse(u, conn, s);
        return;
    }
    s->shaking = s->session != NULL;
    s->wants = POLLIN;
    s->party = (struct udp_party){.group = &o->party, .give = give_messages, .left_queue = forget};
    s->origin = o;
    s->place = i;
    s->fd = conn;
    s->heard_ns = u->now_ns;
    s->left = u->draining ? ft__udp_waiting(conn) : 0;
    u->n_shaking += s->shaking;
    s->peer.flags = FT_PEER_STREAM;
    s->peer.session = ++u->sessions;
    u->stream[i] = s;
    o->n++;
    o->n_open++;
    u->n_open++;
    ft_count_set(&u->open, u->n_open + u->n_associated);
}

uint32_t ft__streams_accept(struct udp *u, const struct udp_socket *at, uint32_t most)
{
    uint32_t n = 0;

    for (; n < most && ft__streams_room(u); n++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int conn = accept4(at->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (conn >= 0) {
            add(u, at, conn, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            u->deaf_ns = u->now_ns + deaf_for_ns; /* it stays readable: do not spin */
            if (!u->said_deaf) {
                u->said_deaf = true;
                ft_log(u->cfg.log, FT_LOG_WARN, "no TCP connection can be accepted: %s",
                       strerror(errno));
            }
        }
        break; /* nobody waits, or not now */
    }
    return n;
}

/* ---- handshakes ---- */

bool ft__stream_shaking(const struct udp_stream *s)
{
    return s->shaking;
}

void ft__stream_shake(struct udp *u, struct udp_stream *s)
{
    char why[FT__SECURE_WHY];
    int64_t since_ns = ft__udp_mono_ns();
    int rc = ft__session_shake(s->session, &s->wants, why);

    ft__shake_took(u, since_ns);
    if (rc == FT_OK) {
        s->shaking = false;
        s->more = true; /* what came right behind it */
        u->n_shaking--;
        s->heard_ns = u->now_ns;
    } else if (rc != FT_E_AGAIN) {
        ft__shake_refuse(u, &s->peer, why);
        end_stream(u, s);
    }
}

/* ---- reading ---- */

void ft__streams_drain(struct udp *u)
{
    for (uint32_t i = 0; i < UDP_PLACES; i++) {
        struct udp_stream *s = u->stream[i];

        if (s != NULL && s->shaking) {
            end_stream(u, s);
        } else if (s != NULL) { /* TLS: and what it has read of a record */
            s->left = ft__udp_waiting(s->fd) + (s->session != NULL ? TLS_RECORD : 0);
        }
    }
}

/* Bytes of the connection: > 0; 0: none now; < 0: it is over. */
static ssize_t pull(struct udp_stream *s, uint8_t *to, size_t room)
{
    ssize_t n;

    if (s->session != NULL) {
        n = ft__session_read(s->session, to, room);
        s->more = n == (ssize_t)room;
        return n;
    }
    n = read(s->fd, to, room);
    if (n > 0) {
        return n;
    }
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

/* Reads what is there; moves the rest of the last message to the front before. */
static void fill(struct udp *u, struct udp_stream *s)
{
    ssize_t n;

    if (s->at > 0) {
        memmove(s->buf, s->buf + s->at, s->len - s->at);
        s->len -= s->at;
        s->at = 0;
    }
    n = pull(s, s->buf + s->len, sizeof s->buf - s->len);
    if (n > 0) {
        s->len += (uint32_t)n;
        s->left -= n;
    } else if (n < 0) {
        end_stream(u, s);
    }
}

/* Bytes of the message at the front; 0: not whole yet. What is no IPFIX message is handed out for
 * the length of a header, so that it is counted, and ends the connection: how much of it that is
 * must not depend on how the bytes came. */
static uint32_t next_message(struct udp *u, struct udp_stream *s)
{
    uint32_t left = s->len - s->at;
    uint32_t len;

    if (left < 4) {
        return s->over ? left : 0;
    }
    len = ft_load_be16(s->buf + s->at + 2);
    if (ft_load_be16(s->buf + s->at) != IPFIX || len < MESSAGE_MIN) {
        if (left < MESSAGE_MIN && !s->over) {
            return 0;
        }
        end_stream(u, s);
        s->len = s->at + (left < MESSAGE_MIN ? left : MESSAGE_MIN);
        return s->len - s->at;
    }
    return len <= left ? len : s->over ? left : 0;
}

static bool readable(const struct udp *u, const struct udp_stream *s)
{
    return !u->draining || s->left > 0;
}

bool ft__stream_pending(struct udp *u, struct udp_stream *s)
{
    return (!s->shaking && (next_message(u, s) > 0 || (s->more && readable(u, s)))) || s->over;
}

int ft__stream_fd(struct udp *u, const struct udp_stream *s, short *out_events)
{
    *out_events = s->shaking ? s->wants : POLLIN;
    return !readable(u, s) || (s->shaking && !ft__shake_may(u)) ? -1 : s->fd;
}

struct udp_party *ft__stream_party(struct udp_stream *s)
{
    return &s->party;
}

static void put(struct udp *u, struct ft_batch *b, const struct udp_stream *s, uint32_t len,
                uint8_t flags, int64_t now_ns)
{
    uint8_t *to = ft__slot(u, b->n);
    struct ft_peer *peer = (struct ft_peer *)(void *)(to - sizeof *peer);

    if (len > 0) {
        memcpy(to, s->buf + s->at, len);
    }
    *peer = s->peer;
    peer->flags |= flags;
    ft__slot_view(u, b->n, len, now_ns, &b->views[b->n]);
    b->n++;
    u->bytes += len + UDP_MESSAGE_COST;
}

/* It is no longer queued; when it is over it is gone. */
static void forget(struct udp *u, struct udp_party *p)
{
    struct udp_stream *s = (struct udp_stream *)(void *)p;

    if (s->told) {
        ft__session_end(s->session);
        close(s->fd);
        u->stream[s->place] = NULL;
        s->origin->n--;
        ft_mem_free(s);
    }
}

static bool give_messages(struct udp *u, struct udp_party *p, struct ft_batch *b,
                          const struct udp_room *room)
{
    struct udp_stream *s = (struct udp_stream *)(void *)p;
    int64_t wall_ns = ft__udp_wall_ns();
    bool filled = s->over || !readable(u, s); /* once a turn: a buffer is most it gives */

    while (b->n < room->n && u->bytes < room->bytes) {
        uint32_t len = next_message(u, s);

        if (len == 0 && (filled || s->over)) { /* nothing is read behind what ended it */
            break;
        }
        if (len == 0) {
            fill(u, s);
            filled = true;
            continue;
        }
        put(u, b, s, len, 0, wall_ns);
        s->at += len;
        if (len >= MESSAGE_SET) {
            s->heard_ns = u->now_ns;
            s->messages++;
        }
    }
    if (s->over && next_message(u, s) == 0 && b->n < room->n) {
        put(u, b, s, 0, FT_PEER_ENDED, wall_ns);
        s->told = true;
    }
    return !s->told && ft__stream_pending(u, s);
}

void ft__streams_close(struct udp *u)
{
    for (uint32_t i = 0; i < UDP_PLACES; i++) {
        if (u->stream[i] != NULL) {
            ft__session_end(u->stream[i]->session);
            close(u->stream[i]->fd);
            ft_mem_free(u->stream[i]);
        }
    }
}
