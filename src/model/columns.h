/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of flow records, put together from those of several owners.
 *
 * Theory of operation: base and each feature have a set of rows (struct ft_field), which see that
 * owner's part of a record. A composition is one list of rows, each with the number of its part, in
 * ascending order of rank: the order of the columns is the same whoever owns them. */
#ifndef FT_MODEL_COLUMNS_H
#define FT_MODEL_COLUMNS_H

#include "model/field.h"

enum { FT_COLUMNS_MAX = 512 };

/* The columns of one owner. */
struct ft_column_set {
    const char *profile;
    const struct ft_field *rows; /* [n] */
    uint32_t n;
    uint8_t part; /* enum ft_part */
    /* a part at this address says what this one does: its text may be prepared; or NULL */
    const void *nothing;
};

struct ft_column {
    const struct ft_field *field;
    uint8_t part;
};

/* A composition. */
struct ft_columns {
    uint32_t n;
    struct ft_column col[FT_COLUMNS_MAX];
};

extern const struct ft_column_set ft_columns_base, ft_columns_sizes, ft_columns_tcp,
    ft_columns_tunnel, ft_columns_app;

/* All columns of a flow record. */
const struct ft_columns *ft_columns_flow(bool app);

/* What a column says of a record; a part that is NULL says null. */
FT_INLINE void ft_column_get(const struct ft_column *c, const struct ft_flow_record *r,
                             struct ft_value *out)
{
    if (r->part[c->part] == NULL) {
        out->null = true;
        return;
    }
    ft_field_get(c->field, r->part[c->part], out);
}

#endif
