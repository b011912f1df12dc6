/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: what its two files share: sockets and streams of one worker. */
#ifndef FT_SOURCE_UDP_H
#define FT_SOURCE_UDP_H

#include <stdatomic.h>

#include "model/peer.h"
#include "source/listen.h"
#include "source/source.h"

enum { UDP_SOCKETS_MAX = 32, UDP_STREAMS_MAX = 256 };

struct udp_stream;

struct udp_socket {
    int fd;
    bool stream; /* a listening TCP socket */
};

/* owner: its thread, except stopped and wake_fd (any thread) */
struct udp {
    struct ft_source source;
    struct ft_source_config cfg;
    struct udp_socket socket[UDP_SOCKETS_MAX];
    uint32_t n_sockets, n_targets;
    uint32_t turn; /* the socket that is looked at first */
    struct udp_stream *stream[UDP_STREAMS_MAX];
    uint32_t sessions; /* connections so far */
    uint8_t *slots;    /* one datagram each, its peer before it; mapped */
    bool nap;          /* the last batch did not fill up: wait a moment for more */
    int wake_fd;
    _Atomic bool stopped;
};

FT_INLINE struct udp *udp_of(struct ft_source *s)
{
    return (struct udp *)(void *)s;
}

/* The payload of slot i: 65536 bytes, its peer right before them. */
uint8_t *ft__slot(struct udp *u, uint32_t i);
void ft__slot_view(struct udp *u, uint32_t i, uint32_t len, int64_t ts_ns, struct ft_view *out);
void ft__peer_set(struct ft_peer *peer, const struct sockaddr_storage *from);

/* ---- streams (udp_stream.c) ---- */
void ft__streams_accept(struct udp *u, int fd);
/* Messages of all connections into b, up to cap views; clock: asked once when there are any. */
void ft__streams_read(struct udp *u, struct ft_batch *b, uint32_t cap, int64_t (*clock)(void));
void ft__streams_close(struct udp *u);
int ft__stream_fd(const struct udp_stream *s);

#endif
