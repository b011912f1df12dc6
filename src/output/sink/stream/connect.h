/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: connecting without being stuck in it. */
#ifndef FT_OUTPUT_SINK_STREAM_CONNECT_H
#define FT_OUTPUT_SINK_STREAM_CONNECT_H

#include "flowtap/errors.h"

/* host (a name, an IPv4 or a bare IPv6 address) and port of "//HOST:PORT" or "HOST:PORT", with
 * [..] around an IPv6 address; a path behind it is not allowed. Caller frees *out_host and
 * *out_port with ft_mem_free. FT_E_USAGE: it is not that; FT_E_NOMEM. */
FT_NODISCARD int ft__target_split(const char *target, char **out_host, char **out_port);

/* A stream socket, not blocking, connected to host and port. wake_fd: readable when it is to be
 * given up. FT_E_IO: *out_why says it (static or errno's); FT_E_INTERRUPTED. */
FT_NODISCARD int ft__connect_inet(const char *host, const char *port, int wake_fd, int timeout_ms,
                                  int *out_fd, const char **out_why);
FT_NODISCARD int ft__connect_unix(const char *path, int wake_fd, int timeout_ms, int *out_fd,
                                  const char **out_why);

/* Waits for events (of poll) of fd (-1: none) for at most ms. FT_OK: they are there; FT_E_AGAIN:
 * the time is over; FT_E_INTERRUPTED: wake_fd is readable. */
FT_NODISCARD int ft__wait_for(int fd, short events, int wake_fd, int ms);

#endif
