/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: TLS, of every sink that has it.
 *
 * ca=, cert=, key= and verify= mean the same everywhere (ft_tls_params, ft_tls_files_of()). Sinks
 * whose protocol is spoken here (tls, rediss) have their connections by this; those of libraries
 * hand the files to the library. */
#ifndef FT_OUTPUT_SINK_TLS_H
#define FT_OUTPUT_SINK_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"
#include "output/sink/receiver.h"

/* What the URL says, borrowed from it. */
struct ft_tls_files {
    const char *ca;         /* NULL: the system's */
    const char *cert, *key; /* both NULL: none; the same file when key= is not given */
    bool any;               /* the other side's certificate is not checked */
    bool given;             /* one of the parameters is there */
};

/* keyed: key= is ours; otherwise the sink has another parameter of that name, and the key is in the
 * file of cert=. FT_E_USAGE: key= without cert=, ca= with verify=false. */
FT_NODISCARD int ft_tls_files_of(const struct ft_output_url *url, bool keyed,
                                 struct ft_tls_files *out, struct ft_err *err);

/* All of a file of PEM, *out_len bytes and a NUL, for ft_whole_forget(). FT_E_USAGE,
 * FT_E_NOMEM: err names it. */
FT_NODISCARD int ft_tls_read(const struct ft_output_url *url, const char *path, char **out,
                             size_t *out_len, struct ft_err *err);

/* For sinks whose library takes what it is handed: the key is that of the certificate, as far as
 * that can be told. FT_E_USAGE, FT_E_NOMEM. */
FT_NODISCARD int ft_tls_fits(const struct ft_output_url *url, const struct ft_tls_files *f,
                             struct ft_err *err);

/* What to do about a reason why TLS did not begin, static; NULL: nothing is known. */
const char *ft_tls_advice(const char *why);

struct ft_tls; /* a connection's cipher; NULL where there is none */

/* Settings of a TLS output, and whatever all its connections share. */
struct ft_tls_config;

/* From the URL; files are read. host: whose certificate it must be. FT_E_USAGE, FT_E_NOMEM;
 * FT_E_UNSUPPORTED: built without OpenSSL. */
FT_NODISCARD int ft_tls_config_open(const struct ft_output_url *url, const char *host,
                                    struct ft_tls_config **out, struct ft_err *err);
void ft_tls_config_free(struct ft_tls_config *c); /* NULL is a no-op */

/* TLS begins on a connected socket, within timeout_ms; a server that asks for our certificate is
 * waited for half a second to say that it does not take it, since TLS 1.3 begins without. FT_OK;
 * FT_E_INTERRUPTED; FT_E_IO: r->why says it. */
FT_NODISCARD int ft_tls_begin(struct ft_tls_config *c, int fd, struct ft_receiver *r,
                              int timeout_ms, struct ft_tls **out);
/* Bytes taken (> 0); FT_E_AGAIN: the socket wants *out_events of poll; FT_E_CLOSED: it is over. */
long ft_tls_write(struct ft_tls *t, const void *data, size_t len, short *out_events);
/* Bytes that came (> 0), or likewise. What came may be more than fits: it is there at once. */
long ft_tls_hear(struct ft_tls *t, void *out, size_t len, short *out_events);
/* Reads what the other side says besides; FT_OK, or FT_E_CLOSED: it has ended the connection. */
FT_NODISCARD int ft_tls_listen(struct ft_tls *t);
/* What the other side said when it ended the connection, static; NULL: nothing. */
const char *ft_tls_why(struct ft_tls *t);
/* Bytes that went into the socket so far. */
uint64_t ft_tls_sent(struct ft_tls *t);
void ft_tls_end(struct ft_tls *t);

#endif
