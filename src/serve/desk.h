/* SPDX-License-Identifier: Apache-2.0 */
/* serve: a desk: what an agent's questions are answered from, a store that is read.
 *
 * Theory of operation: the rows of ft_desk_catalogue are asked with a desk. Each answer says what
 * it is of (window), and of what data: how old, what was lost, whether it was sampled. Everything
 * that comes out of the store goes through one place (veil.h), which knows the class of each
 * column and the level of privacy; a column that no row describes is not shown beyond level 0. */
#ifndef FT_SERVE_DESK_H
#define FT_SERVE_DESK_H

#include <stdbool.h>

#include "serve/catalogue.h"

enum {
    FT_PRIVACY_RAW,        /* all of it; what others wrote in fields named untrusted_ */
    FT_PRIVACY_NO_NAMES,   /* no names, no payload */
    FT_PRIVACY_MAPPED,     /* and addresses mapped, prefixes kept; times to a second */
    FT_PRIVACY_TOKENS,     /* and tokens that say a class in the place of addresses */
    FT_PRIVACY_AGGREGATES, /* sums over five hosts and more, and nothing of any one */
    FT_PRIVACY_LEVELS
};

struct ft_desk_config {
    const char *folder; /* of the store */
    int privacy;        /* FT_PRIVACY_RAW to FT_PRIVACY_AGGREGATES */
    /* Asked now and then while a question is answered: true ends it with an error. May be NULL. */
    bool (*stop)(void *cookie);
    void *cookie; /* stop's */
};

/* Opens the store of a folder. With FT_PRIVACY_MAPPED and beyond there is a key in the folder,
 * which is made when there is none. FT_E_NOT_FOUND: there is no store; FT_E_USAGE: there is no
 * such level; FT_E_UNSUPPORTED, FT_E_CORRUPT, FT_E_IO, FT_E_NOMEM. One thread at a time; any
 * number of desks on one folder. */
FT_NODISCARD int ft_desk_open(const struct ft_desk_config *config, struct ft_desk **out,
                              struct ft_err *err);
void ft_desk_close(struct ft_desk *d); /* NULL is a no-op */

extern const struct ft_catalogue ft_desk_catalogue;

#endif
