/* SPDX-License-Identifier: Apache-2.0 */
/* A store (-o store:DIR) for agents: the Model Context Protocol over stdio and over HTTP.
 *
 *     open (the store, the address) -> [ ft_sandbox_enter_serve() ] -> stdio, or http -> close
 *
 * Theory of operation: a client asks with messages of JSON-RPC 2.0, of revisions 2024-11-05 to
 * 2026-07-28. Over stdio there is one client, which is answered by the calling thread, a message at
 * a time. Over HTTP (libmicrohttpd) each of a bounded number of connections has a thread, and a few
 * desks answer, so that a slow question keeps only its own client waiting. Nothing of a client is
 * remembered but what it wants to be told of. It reads the store, and writes nothing but what a
 * reader of a store does (a damaged slice is set aside; a key where addresses are mapped). */
#ifndef FLOWTAP_SERVE_H
#define FLOWTAP_SERVE_H

#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ft_serve;

struct ft_serve_config {
    const char *store; /* folder */
    int privacy;       /* 0 (all) to 4 (aggregates); -1: 0, and 3 where http is not loopback */
    /* HTTP; http NULL: stdio, and the rest is not looked at */
    const char *http;           /* ADDR:PORT, PORT: 127.0.0.1; port 0: one that is free */
    const char *token_file;     /* whose text a client has to show (RFC 6750); NULL: nothing */
    const char *const *origins; /* [n_origins] of pages that may ask, "https://host[:port]" */
    uint32_t n_origins;
};

/* Opens all that will be needed; what config points to may go afterwards.
 * FT_E_USAGE: a level, an address or an origin that is none, a token that is too short, or an
 * address that others reach without one; FT_E_NOT_FOUND: there is no store; FT_E_UNSUPPORTED: the
 * store is of a newer version, or this build lacks SQLite, zstd, cJSON or (http) libmicrohttpd;
 * FT_E_CORRUPT, FT_E_IO, FT_E_NOMEM. Freed with ft_serve_close. */
FT_API FT_NODISCARD int ft_serve_open(const struct ft_serve_config *config, struct ft_serve **out,
                                      struct ft_err *err);

/* Answers lines of in_fd on out_fd, a message each, until in_fd is at its end, the reader of out_fd
 * is gone, or stop_fd (-1: none) can be read, which ends a question, too. The handles are the
 * caller's. FT_OK then; FT_E_IO,
 * FT_E_NOMEM. SIGPIPE is ignored or blocked by the caller. */
FT_API FT_NODISCARD int ft_serve_stdio(struct ft_serve *s, int in_fd, int out_fd, int stop_fd,
                                       struct ft_err *err);

/* Answers at config.http from now on, by threads of its own: POST /mcp, GET /health. FT_E_NOMEM:
 * they could not be started. */
FT_API FT_NODISCARD int ft_serve_http(struct ft_serve *s, struct ft_err *err);

/* Where it listens, "127.0.0.1:8600"; borrowed. NULL: stdio. */
FT_API const char *ft_serve_address(const struct ft_serve *s);

/* Ends streams in order and questions that are being answered without an answer, within 2 s and
 * what the store takes to be read to its next block, and frees it; NULL is a no-op. */
FT_API void ft_serve_close(struct ft_serve *s);

#ifdef __cplusplus
}
#endif

#endif
