/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what http.c, http_keep.c and stream.c share. */
#ifndef FT_SERVE_HTTP_PARTS_H
#define FT_SERVE_HTTP_PARTS_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "serve/http.h"

enum {
    FT_WEB_CONNECTIONS = 64, /* more than these: the one that waited longest is shut */
    FT_WEB_SLOTS = 256,      /* with those that are about to go */
    FT_WEB_REQUEST_S = 30,   /* for a request and its answer, and for silence between two */
    FT_WEB_STREAMS = 24,
    FT_WEB_STREAM_PIECE = 1024,
    FT_WEB_STREAM_COMMENT_S = 15 /* less than FT_WEB_REQUEST_S, and what fronts wait (60 s) */
};

/* A request while its body comes. */
struct ft_request {
    char *body; /* [FT_RPC_MESSAGE]; owned */
    size_t len;
    bool too_long, health;
};

/* A connection; in use from its first to its last call of the library. */
struct ft_slot {
    struct MHD_Connection *connection; /* NULL: free */
    int fd;                            /* the library's */
    int64_t since_ms;                  /* it came, or its last request was done */
    uint64_t turn;                     /* the same, in order */
    bool busy;                         /* what it asked for is being answered, or it is a stream */
    bool shut;
};

struct ft_web {
    struct ft_gate gate;
    struct ft_rpc rpc;
    int listen_fd; /* the daemon's, once there is one */
    char address[64];
    struct MHD_Daemon *daemon;
    pthread_t keeper;
    bool kept; /* the keeper runs */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* versions, n_streams, stopping */
    /* below: under the lock */
    struct ft_slot slots[FT_WEB_SLOTS];
    struct ft_versions versions;
    uint32_t watched[FT_LISTEN_ROWS]; /* streams of each row */
    uint64_t turns;
    uint32_t n_streams;
    bool stopping;
};

/* ---- http_keep.c: connections ---- */

void ft_web_on_connection(void *cookie, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode what);
void ft_web_done(struct ft_web *h, struct MHD_Connection *c); /* a request of it */
void ft_web_busy(struct ft_web *h, struct MHD_Connection *c); /* until it is done */
void *ft_web_keep(void *http);                                /* the keeper's thread */

/* ---- stream.c ---- */

struct ft_web_stream;

/* A stream that begins with first; NULL: there are enough of them, or no memory. */
struct ft_web_stream *ft_web_stream_new(struct ft_web *h, const struct ft_listener *l,
                                        const struct ft_text *first);
ssize_t ft_web_stream_read(void *stream, uint64_t pos, char *out, size_t max);
void ft_web_stream_free(void *stream);

#endif
