/* SPDX-License-Identifier: Apache-2.0 */
/* serve: conditions (--where, model/where.h) as SQL of the store.
 *
 * Theory of operation: the condition is read as everywhere, over the columns that the store has,
 * and its tree is written as SQL: tests as plain comparisons of a column, by which the store passes
 * over blocks; "not" as IS NOT TRUE, since a test of what is null does not hold. Nothing of its
 * text reaches SQL but numbers, addresses that were read, and quoted text.
 *
 * With tokens for addresses, those of the text are exchanged for addresses that nobody can guess
 * before it is read, and these for the true ones afterwards: any other address is refused, since
 * who asks could learn which one a token stands for. A column that is not shown cannot be asked. */
#ifndef FT_SERVE_FILTER_H
#define FT_SERVE_FILTER_H

#include "serve/desk_parts.h"

/* Adds " AND (...)" to sql; text: NULL or "": nothing. FT_E_USAGE: it is wrong, or may not be
 * asked: err has the place; FT_E_NOMEM. */
FT_NODISCARD int ft__filter_sql(struct ft_desk *d, enum ft__desk_table t, const char *text,
                                struct ft_text *sql, struct ft_err *err);

#endif
