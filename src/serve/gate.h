/* SPDX-License-Identifier: Apache-2.0 */
/* serve: who may ask over HTTP.
 *
 * Theory of operation: a browser on this host reaches loopback, too, and a page from anywhere can
 * make it ask (DNS rebinding: the page's own name is made to mean 127.0.0.1). So Host has to be a
 * name of loopback, or of a page that may ask; Origin, which a browser sends, has to be one of
 * those pages. Beyond loopback a token is asked for, which a browser does not have, and Host may be
 * any name. */
#ifndef FT_SERVE_GATE_H
#define FT_SERVE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"

enum { FT_GATE_TOKEN_LEAST = 16, FT_GATE_ORIGINS = 16 };

struct ft_gate {
    bool loopback;                  /* only programs of this host reach it */
    char *token;                    /* owned; NULL: none is asked for */
    char *origins[FT_GATE_ORIGINS]; /* [n]: owned */
    uint32_t n;
};

/* Adds a page, "http[s]://host[:port]". FT_E_USAGE, FT_E_NOMEM. */
FT_NODISCARD int ft_gate_origin(struct ft_gate *g, const char *origin, struct ft_err *err);

/* Reads the token: one word of at least FT_GATE_TOKEN_LEAST visible characters of ASCII.
 * FT_E_USAGE, FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft_gate_token(struct ft_gate *g, const char *file, struct ft_err *err);

void ft_gate_fini(struct ft_gate *g);

/* Values of headers, NULL: it is not there. */
bool ft_gate_host(const struct ft_gate *g, const char *host);
bool ft_gate_page(const struct ft_gate *g, const char *origin);
/* RFC 6750 §2.1; compared in a time that does not tell where it differs. */
bool ft_gate_shown(const struct ft_gate *g, const char *authorization);

/* A media type that Accept or Content-Type names, without regard to parameters and case; in
 * ranges, as Accept has them, asterisks count. */
bool ft_gate_names(const char *value, const char *type, bool ranges);

#endif
