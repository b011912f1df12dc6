/* SPDX-License-Identifier: Apache-2.0 */
/* serve: alerts by their rules: what a rule means once, then who it spoke of and why.
 *
 *     "rules":[{"rule":"beacon","meaning":"...","source":"RITA v5","columns":[...],"rows":[...]}]
 */
#ifndef FT_SERVE_ALERTS_H
#define FT_SERVE_ALERTS_H

#include "serve/grid.h"

/* The columns that alerts have in this store and may be shown, with "SELECT ... FROM alert WHERE ".
 */
void ft__alerts_columns(const struct ft_desk *d, struct ft__grid *g, struct ft_text *sql);

/* "rules": of the first rows, as many as have room in `most` bytes of out. Returns how many. */
size_t ft__alerts_put(const struct ft_desk *d, const struct ft__grid *g, double end_s, size_t most,
                      struct ft_text *out);

#endif
