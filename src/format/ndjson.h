/* SPDX-License-Identifier: Apache-2.0 */
/* format: what is written by hand beside the NDJSON walk. */
#ifndef FT_FORMAT_NDJSON_H
#define FT_FORMAT_NDJSON_H

#include <stddef.h>
#include <stdint.h>

#include "format/format.h"
#include "format/walk.h"
#include "model/export.h"

extern const struct ft_format_ops ft_format_ndjson;

/* An exported record by hand, for speed; the same bytes as the walk, whose tail it ends with. NULL:
 * without the columns of the observer. */
size_t ft__ndjson_export_flow(uint8_t *p, size_t room, const struct ft_export_record *rec,
                              const struct ft__walk *walk);
/* With the columns of the enrich profile, which walk has too. */
size_t ft__ndjson_export_enriched(uint8_t *p, size_t room, const struct ft_export_record *rec,
                                  const struct ft__walk *walk);

#endif
