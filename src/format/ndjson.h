/* SPDX-License-Identifier: Apache-2.0 */
/* format: the NDJSON walk and what is written beside it; shared with maps and the tests. */
#ifndef FT_FORMAT_NDJSON_H
#define FT_FORMAT_NDJSON_H

#include <stddef.h>
#include <stdint.h>

#include "model/export.h"
#include "model/field.h"

/* One NDJSON line by the field table; event as in struct ft_field. Returns its length. */
size_t ft__ndjson_walk(enum ft_event e, const void *event, uint8_t *out);

/* The same of an event of collect (ft_fields_export). */
size_t ft__ndjson_walk_export(enum ft_event e, const void *event, uint8_t *out);

size_t ft__ndjson_stats(uint8_t *p, const struct ft_stats *s);

/* An exported record by hand, for speed; the same bytes as the walk. */
size_t ft__ndjson_export_flow(uint8_t *p, size_t room, const struct ft_export_record *rec);

#endif
