/* SPDX-License-Identifier: Apache-2.0 */
/* format: the schema of flow records of any columns; flowtap/schema.h is that of all events. */
#ifndef FT_FORMAT_SCHEMA_H
#define FT_FORMAT_SCHEMA_H

#include "flowtap/schema.h"
#include "model/columns.h"

/* As ft_schema_make(), of one event with these columns. */
FT_NODISCARD int ft__schema_of(const char *form, const struct ft_columns *columns, char **out,
                               size_t *out_len, struct ft_err *err);

/* The Avro schema of one kind of event with these columns, which are flat: one record, as
 * `flowtap schema --format avro` has it. *out is the caller's, given back by ft_schema_free().
 * FT_E_NOMEM. Source: Apache Avro 1.12 specification. */
FT_NODISCARD int ft__schema_avro(enum ft_event e, bool collect, const struct ft_columns *columns,
                                 char **out, size_t *out_len, struct ft_err *err);

#endif
