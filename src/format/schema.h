/* SPDX-License-Identifier: Apache-2.0 */
/* format: the schema of flow records of any columns; flowtap/schema.h is that of all events. */
#ifndef FT_FORMAT_SCHEMA_H
#define FT_FORMAT_SCHEMA_H

/* Of all columns: the major grows when one changes its meaning or place, the minor when there are
 * more. */
#define FT_SCHEMA_VERSION "1.0"

#include "flowtap/schema.h"
#include "model/columns.h"

/* As ft_schema_make(), of one event with these columns. */
FT_NODISCARD int ft__schema_of(const char *form, const struct ft_columns *columns, char **out,
                               size_t *out_len, struct ft_err *err);

#endif
