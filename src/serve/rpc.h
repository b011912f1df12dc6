/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the Model Context Protocol, without a transport: one message in, at most one out.
 *
 * Theory of operation: JSON-RPC 2.0 of two eras (eras.h). A modern request stands for itself; on
 * a transport that is one client's (stdio), initialize selects a legacy revision for those that say
 * none. Where many clients share a transport (HTTP) headers say the revision and nothing is
 * remembered. Of what a message asks for, a method (methods.c) is one row of a table.
 *
 * Bad input has the protocols' own codes: no JSON -32700, no request -32600, an unknown method
 * -32601, an unknown tool or arguments of a wrong shape -32602, headers that say other than the
 * body -32020, a revision that is not spoken -32022. What a tool cannot do, or a value that is not
 * allowed, is a result with isError, which a model reads and does otherwise. */
#ifndef FT_SERVE_RPC_H
#define FT_SERVE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "serve/catalogue.h"
#include "serve/listen.h"
#include "serve/text.h"

enum {
    FT_RPC_MESSAGE = 256 * 1024, /* bytes of a message, at most */
    FT_RPC_ANSWER = 64 * 1024,   /* bytes of what a tool answers, at most */
    FT_RPC_LISTENERS = 16        /* of one client */
};

struct ft_era;

/* Who answers. A desk is one thread's at a time: it is taken only for what looks into the store. */
struct ft_rpc {
    const struct ft_catalogue *catalogue;
    struct ft_desk *(*take)(void *cookie); /* NULL: all are busy */
    void (*give)(void *cookie, struct ft_desk *d);
    void *cookie;
    bool shared; /* many clients: no handshake is remembered, nobody is told unasked */
};

/* One client of a transport that is not shared; of one that is, one request. Begins zeroed. */
struct ft_rpc_client {
    const struct ft_era *legacy; /* that initialize selected; NULL: none */
    struct ft_listener listeners[FT_RPC_LISTENERS];
    uint32_t n_listeners;
};

/* What came beside a message over HTTP; NULL: it was not there. */
struct ft_rpc_headers {
    const char *version, *method, *name;
    bool twice; /* one of them */
};

struct ft_rpc_reply {
    struct ft_text text; /* [len > 0]: one message, without a line's end in it */
    int code;            /* of the error that it is, or 0 */
    bool modern;         /* by the rules of 2026-07-28 */
    bool listens;        /* it begins a stream: the client's last listener */
};

/* Answers one message. headers: NULL where there are none. *out begins zeroed and is freed by
 * ft_text_fini(&out->text), which may be empty: nothing is to be said. */
void ft_rpc_answer(const struct ft_rpc *rpc, struct ft_rpc_client *client, const char *message,
                   size_t len, const struct ft_rpc_headers *headers, struct ft_rpc_reply *out);

/* The answer to what is no message: a code and a sentence. */
void ft_rpc_refuse(struct ft_rpc_reply *out, int code, const char *why);

#endif
