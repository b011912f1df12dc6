/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what a column of the store is, in words. */
#ifndef FT_SERVE_FIELDS_H
#define FT_SERVE_FIELDS_H

#include "serve/desk_parts.h"

/* {"name":...,"of":"flow","type":...,"unit":...,"meaning":...,"null":...,"shown":...} */
void ft__fields_put(const struct ft_desk *d, enum ft__desk_table t, const struct ft__desk_column *c,
                    struct ft_text *out);

#endif
