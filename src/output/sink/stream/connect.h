/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: connecting without being stuck in it. */
#ifndef FT_OUTPUT_SINK_STREAM_CONNECT_H
#define FT_OUTPUT_SINK_STREAM_CONNECT_H

#include "output/sink/receiver.h"

/* A stream socket, not blocking, connected to host and port. FT_E_IO: *out_why says it (static or
 * errno's); FT_E_INTERRUPTED. */
FT_NODISCARD int ft__connect_inet(const char *host, const char *port, struct ft_receiver *r,
                                  int timeout_ms, int *out_fd, const char **out_why);
FT_NODISCARD int ft__connect_unix(const char *path, struct ft_receiver *r, int timeout_ms,
                                  int *out_fd, const char **out_why);

#endif
