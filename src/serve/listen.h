/* SPDX-License-Identifier: Apache-2.0 */
/* serve: who wants to be told when a resource becomes another.
 *
 * Theory of operation: a resource that can be watched has a version (catalogue.h), which somebody
 * looks at now and then. A listener remembers which versions it has told of: there is no queue that
 * could grow, and a listener that is slow is told once of many changes. */
#ifndef FT_SERVE_LISTEN_H
#define FT_SERVE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "serve/catalogue.h"
#include "serve/text.h"

enum {
    FT_LISTEN_ROWS = 32, /* of the catalogue's resources that can be watched: the first so many */
    FT_LISTEN_ID = 132   /* bytes of a request's id as JSON, with its NUL */
};

/* Versions of the catalogue's resources, by their rows. */
struct ft_versions {
    uint64_t of[FT_LISTEN_ROWS];
};

struct ft_listener {
    uint32_t rows; /* bits: the resources it asked for */
    struct ft_versions told;
    char id[FT_LISTEN_ID]; /* of subscriptions/listen, as JSON; "": resources/subscribe */
};

/* The row of a resource that can be watched, or -1. */
int ft_listen_row(const struct ft_catalogue *c, const char *uri);

/* Looks at the versions of rows; others stay. */
void ft_listen_look(const struct ft_catalogue *c, struct ft_desk *d, uint32_t rows,
                    struct ft_versions *out);

/* Adds the message on one resource that is not as l was told, and counts it as told. False: there
 * is none. */
bool ft_listen_next(const struct ft_catalogue *c, struct ft_listener *l,
                    const struct ft_versions *now, struct ft_text *out);

/* What l is told first, and last: subscriptions/listen only. */
void ft_listen_begin(const struct ft_catalogue *c, const struct ft_listener *l,
                     struct ft_text *out);
void ft_listen_end(const struct ft_listener *l, struct ft_text *out);

#endif
