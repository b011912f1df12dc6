/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: sinks at the end of a connection: tcp, tls, unix.
 *
 *     chunk --copied--> window (frames) --write--> socket ... acknowledged --> arrived
 *
 * Theory of operation: what goes into a socket has not arrived: it is in this machine's buffer,
 * under way, or, on a UNIX socket, not read yet. So chunks are copied into a window, which is a
 * ring of bytes, and count as arrived when the kernel says that the other side has them (SIOCOUTQ).
 * When a connection breaks, the window is sent again from the first event that was not
 * acknowledged: an event may come twice, at the joint, and none is missing. What the program at the
 * other side had not read when it died is its loss; nobody else can know of it.
 *
 * A receiver that is away (receiver.h) is waited for in write() and flush(). */
#ifndef FT_OUTPUT_SINK_STREAM_STREAM_PARTS_H
#define FT_OUTPUT_SINK_STREAM_STREAM_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"

enum ft__stream_kind { FT__STREAM_TCP, FT__STREAM_TLS, FT__STREAM_UNIX };

struct ft__tls; /* a connection's cipher; NULL where there is none */

/* Settings of a TLS output, and whatever all its connections share. */
struct ft__tls_config;

/* From the URL: ca=, cert=, key=, verify=. host: whose certificate it must be. */
FT_NODISCARD int ft__tls_config_open(const struct ft_output_url *url, const char *host,
                                     struct ft__tls_config **out, struct ft_err *err);
void ft__tls_config_free(struct ft__tls_config *c);

/* What a step of TLS wants: FT_OK; FT_E_AGAIN: the socket, *out_events of poll; FT_E_IO: it failed,
 * *out_why says it. */
FT_NODISCARD int ft__tls_start(struct ft__tls_config *c, int fd, struct ft__tls **out);
FT_NODISCARD int ft__tls_shake(struct ft__tls *t, short *out_events, const char **out_why);
/* Bytes taken (> 0), or as above, negative. */
long ft__tls_write(struct ft__tls *t, const void *data, size_t len, short *out_events);
/* Reads what the other side says besides; FT_OK, or FT_E_CLOSED: it has ended the connection. */
FT_NODISCARD int ft__tls_listen(struct ft__tls *t);
/* Bytes that went into the socket so far. */
uint64_t ft__tls_sent(struct ft__tls *t);
void ft__tls_end(struct ft__tls *t);

#endif
