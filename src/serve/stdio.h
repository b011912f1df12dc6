/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the stdio transport: one client, a message a line. MCP 2026-07-28, transports, stdio.
 *
 * Theory of operation: one thread reads, answers and writes, in turn: while a client does not read
 * what it asked for, nothing more is read of it, so that no memory grows. What it wants to be told
 * of is looked at once a second, while there is nothing to answer. */
#ifndef FT_SERVE_STDIO_H
#define FT_SERVE_STDIO_H

#include "serve/rpc.h"

struct ft_stdio {
    int in, out; /* borrowed */
    int stop;    /* that can be read when it shall end; -1: none */
};

/* Until the end of in, or until nobody reads out, or stop: FT_OK. FT_E_IO: in cannot be read;
 * FT_E_NOMEM. */
FT_NODISCARD int ft_stdio_run(const struct ft_rpc *rpc, const struct ft_stdio *io,
                              struct ft_err *err);

#endif
