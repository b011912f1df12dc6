/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what may be shown of a value, and how, by the class of its column and the level of
 * privacy; and what may be asked. */
#ifndef FT_SERVE_VEIL_H
#define FT_SERVE_VEIL_H

#include "serve/desk_parts.h"

/* How a column is shown. */
enum ft_veiled {
    FT_VEILED_NOT,     /* not at all */
    FT_VEILED_PLAIN,   /* numbers, and words that are flowtap's own */
    FT_VEILED_TIME,    /* how long ago */
    FT_VEILED_ADDRESS, /* as it is, mapped, or as a token */
    FT_VEILED_FLOW,    /* an id of a flow; or several, with semicolons */
    FT_VEILED_TEXT     /* what somebody else wrote: escaped, cut, its field's name says so */
};

enum { FT_VEIL_KEY = 32 };

/* Opens the key of a folder, or makes it. FT_E_IO, FT_E_UNSUPPORTED, FT_E_NOMEM. */
FT_NODISCARD int ft_veil_open(const char *folder, struct ft_veil **out, struct ft_err *err);
void ft_veil_close(struct ft_veil *v); /* NULL is a no-op */

enum ft_veiled ft_veil_shows(const struct ft_desk *d, const struct ft__desk_column *c);
/* May a condition be asked of it? What is not shown could be guessed by asking. */
bool ft_veil_asks(const struct ft_desk *d, const struct ft__desk_column *c);

/* ---- out: as JSON ---- */

void ft_veil_address(const struct ft_desk *d, const char *text, size_t len, struct ft_text *out);
/* Of several ids the first three. */
void ft_veil_flow(const struct ft_desk *d, const char *text, size_t len, struct ft_text *out);
/* At most FT__DESK_TEXT characters; those that steer a terminal, or the direction of text, or that
 * nobody sees, are shown as U+FFFD. */
void ft_veil_text(const char *text, size_t len, struct ft_text *out);

/* Where rows that are otherwise equal stand: ", mixed(column, key)" behind an ORDER BY, from
 * FT_PRIVACY_MAPPED on; their order would be that of the addresses. second: NULL: there is none. */
void ft_veil_order(const struct ft_desk *d, const char *column, const char *second,
                   struct ft_text *sql);
/* The key of that order; 0: addresses are shown as they are. */
uint64_t ft_veil_order_key(const struct ft_desk *d);

/* ---- in ---- */

/* An address of a question, as it is shown, to one as the store has it. FT_E_USAGE: why not. */
FT_NODISCARD int ft_veil_read_address(const struct ft_desk *d, const char *text, char out[48],
                                      struct ft_err *err);
/* Likewise an id of a flow: 16 hex digits. */
FT_NODISCARD int ft_veil_read_flow(const struct ft_desk *d, const char *text, char out[17],
                                   struct ft_err *err);
/* Maps a prefix back, in place. FT_E_USAGE: tokens have none. */
FT_NODISCARD int ft_veil_read_prefix(const struct ft_desk *d, struct ft_prefix *p,
                                     struct ft_err *err);

#endif
