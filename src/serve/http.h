/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the Streamable HTTP transport, by libmicrohttpd. MCP 2026-07-28, transports, Streamable
 * HTTP; of 2025-03-26 to 2025-11-25 what is stateless: POST, JSON, no session.
 *
 * Theory of operation: each connection has a thread of the library's, so that a question that
 * takes long keeps nobody else waiting; connections, bodies, streams and times are bounded. One
 * thread of ours, the keeper, shuts connections that do not get a request done in time, and looks
 * once a second at what streams wait for. A stream (subscriptions/listen) waits for the keeper's
 * word and says a comment now and then, which is also how a client that went away is noticed. */
#ifndef FT_SERVE_HTTP_H
#define FT_SERVE_HTTP_H

#include "base/endpoint.h"
#include "serve/gate.h"
#include "serve/rpc.h"

struct ft_web;

/* Binds. Takes *gate, also on failure; rpc is copied, its desks are any thread's. FT_E_IO: it
 * cannot be bound; FT_E_UNSUPPORTED: this build lacks libmicrohttpd; FT_E_NOMEM. */
FT_NODISCARD int ft_web_open(const struct ft_endpoint *at, struct ft_gate *gate,
                             const struct ft_rpc *rpc, struct ft_web **out, struct ft_err *err);

/* Answers from now on. FT_E_NOMEM: no threads. */
FT_NODISCARD int ft_web_start(struct ft_web *h, struct ft_err *err);

/* "127.0.0.1:8600", "[::1]:8600"; borrowed. */
const char *ft_web_address(const struct ft_web *h);

/* Ends streams in order, then all connections; NULL is a no-op. */
void ft_web_free(struct ft_web *h);

#endif
