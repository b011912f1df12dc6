/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: requests over HTTP(S), one at a time, for the sinks that make them.
 *
 * Theory of operation: a client is one libcurl handle that keeps its connection, used by one thread
 * at a time: the output's. ft_http_send() makes a request, and makes it again, later and later,
 * while the other side cannot be reached, is overloaded (429) or failed (5xx), as long as retry=
 * allows; what the other side refuses is not asked again. Nothing connects before the first
 * request. All files that TLS needs are read by ft_http_new(), since there is no file system later.
 *
 *     ft_http_new -> [ ft_http_send ]* -> ft_http_free;   ft_http_give_up: any thread, any time */
#ifndef FT_OUTPUT_SINK_HTTP_CLIENT_H
#define FT_OUTPUT_SINK_HTTP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/log.h"
#include "model/param.h"
#include "output/url.h"

struct ft_http;

enum {
    FT_HTTP_REPLY_MOST = 4 << 20, /* bytes of a reply that are kept */
    FT_HTTP_HEADERS_MOST = 16,
};

/* How to reach the other side; texts are borrowed by ft_http_new() only. */
struct ft_http_config {
    const struct ft_output_url *url; /* its parameters ca, cert, key, verify, proxy, timeout, retry
                                        are read here */
    const struct ft_log *log;        /* outlives the client; NULL ok */
    _Atomic uint64_t *moved;         /* grows with the bytes that get through; outlives it */
    const char *user;                /* "USER:PASSWORD" or NULL */
    const char *bearer;              /* a token or NULL */
    /* signs requests for Amazon's services: "aws:amz:REGION:SERVICE", "ID:SECRET"; NULL: not */
    const char *sign, *sign_key;
    /* it is tried again without end, also what the next request would meet too (a wrong token):
     * what is held is safe meanwhile */
    bool endless;
    /* says in a few words what may be done about a refusal, or NULL */
    const char *(*advice)(int status, const char *body);
};

/* A request; borrowed until ft_http_send() returns. */
struct ft_http_request {
    const char *method; /* "POST", "PUT", "GET", "HEAD", "DELETE" */
    const char *url;
    const char *header[FT_HTTP_HEADERS_MOST]; /* "Name: value"; up to the first NULL */
    const uint8_t *body;                      /* bytes of it, or */
    int fd;             /* with body NULL and len > 0: the file that holds it, read by pread(2) */
    uint64_t offset;    /* of the body in it */
    uint64_t len;       /* bytes of the body */
    bool takes_404;     /* a status of 404 is an answer like others, */
    bool takes_refusal; /* and so are all of 4xx that do not pass by themselves */
    bool last;          /* once, for two seconds at most, also when told to give up */
};

/* Valid until the next call. */
struct ft_http_reply {
    int status;       /* 0: there was none */
    const char *body; /* NUL at its end */
    size_t len;
    char etag[128]; /* with its quotes, or "" */
};

/* FT_E_USAGE, FT_E_IO: a file cannot be read; FT_E_UNSUPPORTED: this build lacks libcurl;
 * FT_E_NOMEM. */
FT_NODISCARD int ft_http_new(const struct ft_http_config *cfg, struct ft_http **out,
                             struct ft_err *err);
void ft_http_free(struct ft_http *h); /* NULL is a no-op */

/* FT_OK: a status of 2xx, or one that is taken. FT_E_IO: it could not be done, for as long
 * as was allowed. FT_E_FORMAT: it was refused; *out tells. FT_E_INTERRUPTED: told to give up. What
 * went wrong is logged, once until something goes well. */
FT_NODISCARD int ft_http_send(struct ft_http *h, const struct ft_http_request *r,
                              struct ft_http_reply *out);

/* Waits before something is tried again that has failed so often, as long as ft_http_send() would.
 * FT_OK, FT_E_INTERRUPTED; FT_E_IO: it has been tried for long enough since that time. */
FT_NODISCARD int ft_http_wait(struct ft_http *h, uint32_t failures, int64_t since_ms);

/* A refusal that is not about what was sent: who sends, or where. */
bool ft_http_refuses_all(int status);

/* Any thread: what is being done ends now, and nothing is tried again. */
void ft_http_give_up(struct ft_http *h);

/* The parameters of every sink that has a client. */
extern const struct ft_params ft_http_params;

#endif
