/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: what its files share: sockets (udp.c), streams (stream.c), DTLS associations
 * (dtls.c), handshakes (shake.c) and turns (turns.c) of one worker. */
#ifndef FT_SOURCE_UDP_UDP_H
#define FT_SOURCE_UDP_UDP_H

#include <stdatomic.h>

#include "base/count.h"
#include "model/peer.h"
#include "model/prefix.h"
#include "source/source.h"
#include "source/udp/listen.h"
#include "source/udp/secure.h"

enum {
    UDP_SOCKETS_MAX = 32,
    UDP_STREAMS_MAX = 256, /* connections at a time */
    UDP_SOURCE_MAX = 64,   /* of them, of one source: an IPv4 address, a /64 of IPv6 */
    UDP_SOURCE_FAIR = UDP_STREAMS_MAX / 16, /* a source that has more gives way first */
    UDP_PLACES = UDP_STREAMS_MAX + 16,      /* with those that are about to be closed */
    UDP_MESSAGE_COST = 256                  /* of a message, besides its bytes */
};

struct udp;
struct udp_dtls;
struct udp_stream;

/* How far a batch may be filled. */
struct udp_room {
    uint32_t n;
    int64_t bytes; /* with UDP_MESSAGE_COST for each */
};

/* Who takes turns (turns.c): a socket, a connection, or a group of such. */
struct udp_party {
    struct udp_party *group;        /* where it takes its turns; NULL: of all */
    struct udp_party *next;         /* behind it in the queue of its group */
    struct udp_party *first, *last; /* group: those that have something, in the order of turns */
    uint32_t n;                     /* of them */
    uint32_t rounds;                /* group: in which each of it has a quantum */
    uint32_t round;                 /* of its group, for which it has had its quantum */
    uint32_t left;                  /* messages that it may still give in its turn; 0: none began */
    int64_t credit;                 /* bytes that it may still give in the round; negative: debt */
    bool waits;                     /* it is in the queue */
    /* Gives messages until the batch has room->n of them or u->bytes reached room->bytes, at least
     * one. False: it has no more for now. NULL: a group. */
    bool (*give)(struct udp *u, struct udp_party *p, struct ft_batch *b,
                 const struct udp_room *room);
    void (*left_queue)(struct udp *u, struct udp_party *p); /* or NULL; may free it */
};

struct udp_socket {
    struct udp_party party;
    int fd;
    uint32_t cost;             /* of one datagram, by the last ones */
    bool stream;               /* a listening socket: TCP, SCTP */
    struct ft__secure *secure; /* TLS, DTLS; or NULL */
    struct udp_dtls *dtls;     /* its associations; or NULL */
    int64_t left;              /* after a stop: bytes (connections) that it may still give */
};

/* Where connections come from: an IPv4 address, a /64 of IPv6. */
struct udp_origin {
    struct udp_party party; /* its connections are its group */
    struct ft_peer peer;
    uint32_t n;      /* its connections; 0: the place is free */
    uint32_t n_open; /* of them, not about to be closed */
};

/* owner: its thread, except stopped and wake_fd (any thread), and what is marked (A) */
struct udp {
    struct ft_source source;
    struct ft_source_config cfg;
    struct udp_socket socket[UDP_SOCKETS_MAX];
    uint32_t n_sockets, n_targets;
    struct udp_party all, datagrams, streams; /* of all; UDP sockets; sources of connections */
    int64_t bytes;                            /* in the batch, with UDP_MESSAGE_COST for each */
    struct udp_stream *stream[UDP_PLACES];
    struct udp_origin origin[UDP_PLACES]; /* of connections */
    uint32_t n_open;                      /* connections that are not about to be closed */
    uint32_t n_associated;                /* DTLS associations */
    uint32_t n_shaking;                   /* connections whose handshake is under way */
    uint32_t sessions;                    /* connections so far */
    int64_t now_ns;                       /* monotonic, of this read */
    int64_t look_ns;                      /* idle connections are looked for then; monotonic */
    int64_t deaf_ns;       /* none is accepted before: descriptors had run out; monotonic */
    int64_t shake_ns;      /* time that handshakes may still take (shake.c) */
    int64_t shake_seen_ns; /* when that was worked out; monotonic */
    int64_t say_ns;        /* the next refused handshake is said then; monotonic */
    uint64_t unsaid;       /* those that were not */
    int64_t quiet_ns, quiet_own_ns; /* silent for less: busy, seen from another, its own source */
    bool said_full, said_source, said_deaf;
    struct ft_count open, idle, displaced, refused; /* (A) connections and associations */
    uint8_t *slots; /* one datagram each, its peer before it; mapped */
    bool nap;       /* the last batch did not fill up: wait a moment for more */
    bool draining;  /* stop was seen: what is there is read, and no more */
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

int64_t ft__udp_wall_ns(void);
/* Bytes that wait in a socket; best effort. */
int64_t ft__udp_waiting(int fd);

/* CLOCK_MONOTONIC. */
int64_t ft__udp_mono_ns(void);

/* ---- handshakes (shake.c) ---- */

/* Handshakes may have some more of the thread's time. */
bool ft__shake_may(struct udp *u);
/* One took as long as from since_ns (ft__udp_mono_ns()) to now. */
void ft__shake_took(struct udp *u, int64_t since_ns);
/* One has been under way, since then, for too long. */
bool ft__shake_late(const struct udp *u, int64_t since_ns);
/* One failed: counted, and said, but not more often than once a second. */
void ft__shake_refuse(struct udp *u, const struct ft_peer *peer, const char *why);

/* ---- associations (dtls.c) ---- */

/* FT_E_NOMEM. */
FT_NODISCARD int ft__dtls_new(struct ft__secure *secure, int fd, struct udp_dtls **out);
void ft__dtls_free(struct udp_dtls *d); /* NULL is a no-op */
/* Associations that begin from now on are of this one. FT_E_NOMEM: nothing has changed. */
FT_NODISCARD int ft__dtls_renew(struct udp_dtls *d, struct ft__secure *secure);
/* As udp_party.give, of a socket with DTLS. */
bool ft__dtls_give(struct udp *u, struct udp_party *p, struct ft_batch *b,
                   const struct udp_room *room);
/* Ends those that are idle, or whose handshake takes too long; sends again what was lost. */
void ft__dtls_look(struct udp *u, struct udp_dtls *d);

/* ---- streams (stream.c) ---- */

void ft__streams_init(struct udp *u);

/* True when one more connection can be taken, be it by giving up an idle one. */
bool ft__streams_room(const struct udp *u);
/* Takes connections that wait at a listening socket; at most most of them. Their number. */
uint32_t ft__streams_accept(struct udp *u, const struct udp_socket *at, uint32_t most);
/* Ends connections that were silent for too long. */
void ft__streams_look(struct udp *u);
/* From now on, only what has come already is read. */
void ft__streams_drain(struct udp *u);
void ft__streams_close(struct udp *u);

/* It has something to give without being read. */
bool ft__stream_pending(struct udp *u, struct udp_stream *s);
/* The socket to be waited for, or -1; for what, in *out_events. */
int ft__stream_fd(struct udp *u, const struct udp_stream *s, short *out_events);
/* Its handshake is under way: its socket is for ft__stream_shake(), it takes no turns. */
bool ft__stream_shaking(const struct udp_stream *s);
void ft__stream_shake(struct udp *u, struct udp_stream *s);
struct udp_party *ft__stream_party(struct udp_stream *s);

/* ---- turns (turns.c) ---- */

/* p has something: it gets a turn, and so do its groups. */
void ft__party_wait(struct udp_party *p);
/* Fills b by turns, up to cap messages. */
void ft__turns_take(struct udp *u, struct ft_batch *b, uint32_t cap);

#endif
