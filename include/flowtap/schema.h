/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of the events, from the same table that they are written from. */
#ifndef FLOWTAP_SCHEMA_H
#define FLOWTAP_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "flowtap/errors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the schema as "markdown", "json-schema", "arrow", "clickhouse", "postgres", "avro",
 * "protobuf" or "csv". profiles: those of flow records ("base,tcp"); NULL: every column, those that
 * base has not as may be missing. no_identity: of records that --no-identity writes, and the
 * account. On success *out is a NUL-terminated heap text of *out_len bytes that the caller frees
 * with ft_schema_free. FT_E_USAGE: no such form or profile; FT_E_NOMEM. Any thread. */
FT_API FT_NODISCARD int ft_schema_make(const char *form, const char *profiles, bool no_identity,
                                       char **out, size_t *out_len, struct ft_err *err);
FT_API void ft_schema_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
