/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: DTLS 1.2 associations of one socket (RFC 7011 §11, RFC 6347).
 *
 * Theory of operation: datagrams are told apart by their sender's address and port. Of a sender
 * that is not known nothing is kept: a hello is answered with a cookie (§4.2.1), whoever sends that
 * back has shown that it is there and gets one of DTLS_MOST places, DTLS_SOURCE_MOST at most for a
 * source. When all are taken, the one goes that never sent a message and came first, else the one
 * that is silent longest, when that is more than a few seconds; of a source that has all it may
 * have, one of its own. Who begins anew from the same port replaces its association, but only once
 * the cookie came back (§4.2.8). Associations that are silent for --tcp-idle-timeout end, for
 * nobody tells when the other side is gone; so do handshakes that take too long.
 *
 * What an association decrypts is handed out as any datagram is. What can be none of a session, or
 * be read by none, is handed out marked, to be counted. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "source/udp/udp.h"

enum {
    DTLS_MOST = 256,
    DTLS_SOURCE_MOST = 64,
    DTLS_BUCKETS = 256,
    RAW_LEN = 65536,
    RECORD_HEAD = 13,
    HANDSHAKE = 22, /* content types */
    CLIENT_HELLO = 1,
};

struct association {
    struct association *chain, *next, *before; /* of its bucket; of all */
    struct ft__session *session;
    struct ft_peer peer;
    int64_t heard_ns;  /* of its last message, before the first one: when it came; monotonic */
    uint64_t messages; /* that were taken */
    bool shaking;
};

struct udp_dtls {
    struct ft__secure *secure;
    int fd;
    struct ft__session *listener; /* of those that are not known */
    struct association *bucket[DTLS_BUCKETS];
    struct association *all;
    uint32_t n;
    uint8_t raw[RAW_LEN];
};

/* A datagram as it came. */
struct raw {
    struct sockaddr_storage from;
    struct ft_peer peer;
    const uint8_t *data;
    size_t len;
    int64_t ts_ns;
};

int ft__dtls_new(struct ft__secure *secure, int fd, struct udp_dtls **out)
{
    struct udp_dtls *d = ft_mem_alloc(1, sizeof *d);

    if (d == NULL || ft__session_start_datagrams(secure, fd, &d->listener) != FT_OK) {
        ft_mem_free(d);
        return FT_E_NOMEM;
    }
    d->secure = secure;
    d->fd = fd;
    *out = d;
    return FT_OK;
}

int ft__dtls_renew(struct udp_dtls *d, struct ft__secure *secure)
{
    struct ft__session *listener;
    int rc = ft__session_start_datagrams(secure, d->fd, &listener);

    if (rc == FT_OK) {
        ft__session_end(d->listener);
        d->listener = listener;
        d->secure = secure;
    }
    return rc;
}

/* ---- who is known ---- */

static struct association **bucket_of(struct udp_dtls *d, const struct ft_peer *p)
{
    uint64_t h = ft_load_u64(p->addr) ^ ft_load_u64(p->addr + 8) ^ ((uint64_t)p->port << 32);

    return &d->bucket[(h * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
}

static struct association *find(struct udp_dtls *d, const struct ft_peer *p)
{
    struct association *a = *bucket_of(d, p);

    while (a != NULL &&
           (a->peer.port != p->port || memcmp(a->peer.addr, p->addr, sizeof p->addr) != 0)) {
        a = a->chain;
    }
    return a;
}

static void count_open(struct udp *u)
{
    ft_count_set(&u->open, u->n_open + u->n_associated);
}

static void end(struct udp *u, struct udp_dtls *d, struct association *a)
{
    struct association **at = bucket_of(d, &a->peer);

    while (*at != a) {
        at = &(*at)->chain;
    }
    *at = a->chain;
    *(a->before != NULL ? &a->before->next : &d->all) = a->next;
    if (a->next != NULL) {
        a->next->before = a->before;
    }
    ft__session_end(a->session);
    ft_mem_free(a);
    d->n--;
    u->n_associated--;
    count_open(u);
}

void ft__dtls_free(struct udp_dtls *d)
{
    struct association *next;

    if (d == NULL) {
        return;
    }
    for (struct association *a = d->all; a != NULL; a = next) {
        next = a->next;
        ft__session_end(a->session);
        ft_mem_free(a);
    }
    ft__session_end(d->listener);
    ft_mem_free(d);
}

static bool same_source(const struct ft_peer *a, const struct ft_peer *b)
{
    return a->ip_version == b->ip_version &&
           memcmp(a->addr, b->addr, a->ip_version == 4 ? 4 : 8) == 0;
}

/* a gives way before b. */
static bool idler(const struct association *a, const struct association *b)
{
    if ((a->messages == 0) != (b->messages == 0)) {
        return a->messages == 0;
    }
    return a->heard_ns < b->heard_ns;
}

/* A place for one more of this source. False: there is none to be had. */
static bool make_place(struct udp *u, struct udp_dtls *d, const struct ft_peer *p)
{
    struct association *idlest = NULL;
    uint32_t of_source = 0;

    for (struct association *a = d->all; a != NULL; a = a->next) {
        of_source += same_source(&a->peer, p);
    }
    if (d->n < DTLS_MOST && of_source < DTLS_SOURCE_MOST) {
        return true;
    }
    for (struct association *a = d->all; a != NULL; a = a->next) {
        bool may = (a->messages == 0 || u->now_ns - a->heard_ns >= u->quiet_ns) &&
                   (of_source < DTLS_SOURCE_MOST || same_source(&a->peer, p));

        if (may && (idlest == NULL || idler(a, idlest))) {
            idlest = a;
        }
    }
    if (idlest == NULL) {
        return false;
    }
    end(u, d, idlest);
    ft_count_add(&u->displaced, 1);
    return true;
}

/* The listener has a cookie back: it becomes the association, and another one listens. */
static struct association *join(struct udp *u, struct udp_dtls *d, const struct ft_peer *p)
{
    struct association *a = find(d, p);
    struct ft__session *listener = NULL;

    if (a != NULL) { /* it begins anew */
        end(u, d, a);
    }
    a = make_place(u, d, p) ? ft_mem_alloc(1, sizeof *a) : NULL;
    if (ft__session_start_datagrams(d->secure, d->fd, &listener) != FT_OK || a == NULL) {
        ft__session_end(listener);
        ft_mem_free(a);
        ft_count_add(&u->refused, 1);
        return NULL;
    }
    a->session = d->listener;
    d->listener = listener;
    a->peer = *p;
    a->heard_ns = u->now_ns;
    a->shaking = true;
    a->chain = *bucket_of(d, p);
    *bucket_of(d, p) = a;
    a->next = d->all;
    if (a->next != NULL) {
        a->next->before = a;
    }
    d->all = a;
    d->n++;
    u->n_associated++;
    count_open(u);
    return a;
}

/* ---- datagrams ---- */

/* A record of an unprotected handshake message: content type, version, epoch 0. */
static bool is_hello(const struct raw *r)
{
    return r->len > RECORD_HEAD && r->data[0] == HANDSHAKE && r->data[1] == 0xfe &&
           ft_load_be16(r->data + 3) == 0 && r->data[RECORD_HEAD] == CLIENT_HELLO;
}

static void hand_out(struct udp *u, struct ft_batch *b, const struct raw *r, uint32_t len,
                     uint8_t flags)
{
    struct ft_peer *peer = (struct ft_peer *)(void *)(ft__slot(u, b->n) - sizeof *peer);

    *peer = r->peer;
    peer->flags = flags;
    ft__slot_view(u, b->n, len, r->ts_ns, &b->views[b->n]);
    b->n++;
}

static void shake(struct udp *u, struct udp_dtls *d, struct association *a)
{
    char why[FT__SECURE_WHY];
    int64_t since_ns = ft__udp_mono_ns();
    short events;
    int rc = ft__session_shake(a->session, &events, why);

    ft__shake_took(u, since_ns);
    if (rc == FT_OK) {
        a->shaking = false;
        a->heard_ns = u->now_ns;
    } else if (rc != FT_E_AGAIN) {
        ft__shake_refuse(u, &a->peer, why);
        end(u, d, a);
    }
}

/* A hello of somebody who has no association, or begins anew. */
static void hello(struct udp *u, struct udp_dtls *d, const struct raw *r)
{
    int64_t since_ns = ft__udp_mono_ns();
    int rc;

    if (!ft__shake_may(u)) {
        return; /* it is sent again */
    }
    ft__session_feed(d->listener, &r->from, &r->peer, r->data, r->len);
    rc = ft__session_listen(d->listener, u->now_ns);
    ft__shake_took(u, since_ns);
    if (rc == FT_OK) {
        struct association *a = join(u, d, &r->peer);

        if (a != NULL) {
            shake(u, d, a);
        }
    }
}

/* All that a datagram of an association says: its messages, one behind the other in one slot. */
static void hear(struct udp *u, struct udp_dtls *d, struct association *a, const struct raw *r,
                 struct ft_batch *b)
{
    uint8_t *to = ft__slot(u, b->n);
    uint32_t len = 0;
    long n;

    ft__session_feed(a->session, &r->from, &r->peer, r->data, r->len);
    if (a->shaking) {
        if (ft__shake_may(u)) {
            shake(u, d, a);
        }
        return;
    }
    while (len < RAW_LEN && (n = ft__session_read(a->session, to + len, RAW_LEN - len)) > 0) {
        len += (uint32_t)n;
    }
    if (len > 0) {
        a->heard_ns = u->now_ns;
        a->messages++;
        hand_out(u, b, r, len, 0);
    }
    if (len < RAW_LEN && n < 0) {
        end(u, d, a);
    }
}

static void take(struct udp *u, struct udp_dtls *d, const struct raw *r, struct ft_batch *b)
{
    struct association *a = find(d, &r->peer);

    if (u->cfg.allow != NULL && !ft_prefixes_allow(u->cfg.allow, &r->peer)) {
        ft_count_add(&u->refused, 1);
    } else if (is_hello(r) && (a == NULL || !a->shaking)) {
        hello(u, d, r);
    } else if (a != NULL) {
        hear(u, d, a, r, b);
    } else {
        hand_out(u, b, r, 0, FT_PEER_SEALED);
    }
}

bool ft__dtls_give(struct udp *u, struct udp_party *p, struct ft_batch *b,
                   const struct udp_room *room)
{
    struct udp_socket *s = (struct udp_socket *)(void *)p;
    struct udp_dtls *d = s->dtls;

    while (b->n < room->n && u->bytes < room->bytes && (!u->draining || s->left > 0)) {
        struct raw r = {.data = d->raw};
        struct iovec iov = {d->raw, sizeof d->raw};
        struct msghdr m = {
            .msg_name = &r.from, .msg_namelen = sizeof r.from, .msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);

        if (n < 0) {
            return errno == EINTR;
        }
        r.len = (size_t)n;
        r.ts_ns = ft__udp_wall_ns();
        ft__peer_set(&r.peer, &r.from);
        s->left -= n + UDP_MESSAGE_COST;
        u->bytes += n + UDP_MESSAGE_COST; /* what gives no message, too */
        take(u, d, &r, b);
    }
    return !u->draining || s->left > 0;
}

void ft__dtls_look(struct udp *u, struct udp_dtls *d)
{
    struct association *next;

    for (struct association *a = d->all; a != NULL; a = next) {
        next = a->next;
        if (a->shaking && ft__shake_late(u, a->heard_ns)) {
            ft__shake_refuse(u, &a->peer, "the handshake takes too long");
            end(u, d, a);
        } else if (a->shaking) {
            ft__session_again(a->session);
        } else if (u->cfg.tcp_idle_ns > 0 && u->now_ns - a->heard_ns >= u->cfg.tcp_idle_ns) {
            end(u, d, a);
            ft_count_add(&u->idle, 1);
        }
    }
}
