/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: IPFIX over TCP: messages cut out of connections, see udp.c. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rd.h"
#include "source/udp.h"

enum { STREAM_LEN = 128 << 10, MESSAGE_MIN = 16, IPFIX = 10 };

struct udp_stream {
    int fd;
    struct ft_peer peer;
    uint32_t len, at; /* bytes in buf, bytes of it that were taken */
    bool over;        /* the other side closed, or it sent what cannot be */
    uint8_t buf[STREAM_LEN];
};

int ft__stream_fd(const struct udp_stream *s)
{
    return s->fd;
}

void ft__streams_accept(struct udp *u, int fd)
{
    for (uint32_t i = 0; i < UDP_STREAMS_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        struct udp_stream *s;
        int conn;

        if (u->stream[i] != NULL) {
            continue;
        }
        conn = accept4(fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (conn < 0) {
            return; /* nobody waits */
        }
        s = ft_mem_alloc(1, sizeof *s);
        if (s == NULL) {
            close(conn);
            return;
        }
        s->fd = conn;
        ft__peer_set(&s->peer, &from);
        s->peer.flags = FT_PEER_STREAM;
        s->peer.session = ++u->sessions;
        u->stream[i] = s;
    }
}

/* Reads what is there; moves the rest of the last message to the front before. */
static void fill(struct udp_stream *s)
{
    ssize_t n;

    if (s->at > 0) {
        memmove(s->buf, s->buf + s->at, s->len - s->at);
        s->len -= s->at;
        s->at = 0;
    }
    n = read(s->fd, s->buf + s->len, sizeof s->buf - s->len);
    if (n > 0) {
        s->len += (uint32_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        s->over = true;
    }
}

/* Bytes of the message at the front; 0: not whole yet. What is no IPFIX message is handed out for
 * the length of a header, so that it is counted, and ends the connection: how much of it that is
 * must not depend on how the bytes came. */
static uint32_t next_message(struct udp_stream *s)
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
        s->over = true;
        s->len = s->at + (left < MESSAGE_MIN ? left : MESSAGE_MIN);
        return s->len - s->at;
    }
    return len <= left ? len : s->over ? left : 0;
}

static void put(struct udp *u, struct ft_batch *b, const struct udp_stream *s, const uint8_t *data,
                uint32_t len, uint8_t flags, int64_t now_ns)
{
    uint8_t *to = ft__slot(u, b->n);
    struct ft_peer *peer = (struct ft_peer *)(void *)(to - sizeof *peer);

    if (len > 0) {
        memcpy(to, data, len);
    }
    *peer = s->peer;
    peer->flags |= flags;
    ft__slot_view(u, b->n, len, now_ns, &b->views[b->n]);
    b->n++;
}

static void take(struct udp *u, uint32_t i, struct ft_batch *b, uint32_t cap,
                 int64_t (*clock)(void))
{
    struct udp_stream *s = u->stream[i];
    uint32_t len;

    if (!s->over) {
        fill(s);
    }
    while (b->n < cap && (len = next_message(s)) > 0) {
        put(u, b, s, s->buf + s->at, len, 0, clock());
        s->at += len;
    }
    if (s->over && b->n < cap && next_message(s) == 0) {
        put(u, b, s, NULL, 0, FT_PEER_ENDED, clock());
        close(s->fd);
        ft_mem_free(s);
        u->stream[i] = NULL;
    }
}

void ft__streams_read(struct udp *u, struct ft_batch *b, uint32_t cap, int64_t (*clock)(void))
{
    for (uint32_t i = 0; i < UDP_STREAMS_MAX && u->sessions > 0 && b->n < cap; i++) {
        if (u->stream[i] != NULL) {
            take(u, i, b, cap, clock);
        }
    }
}

void ft__streams_close(struct udp *u)
{
    for (uint32_t i = 0; i < UDP_STREAMS_MAX; i++) {
        if (u->stream[i] != NULL) {
            close(u->stream[i]->fd);
            ft_mem_free(u->stream[i]);
        }
    }
}
