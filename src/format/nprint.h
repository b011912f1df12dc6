/* SPDX-License-Identifier: Apache-2.0 */
/* format: the table that nPrint writes: a line for each of a flow's first packets, with a column
 * for each bit of its headers: 1, 0, and -1 where there is none. */
#ifndef FT_FORMAT_NPRINT_H
#define FT_FORMAT_NPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "format/format.h"

/* How many bytes of payload the lines have, and the bytes of a flow's lines, at most. FT_E_USAGE:
 * they do not fit into an event, or are to be hidden: err tells. */
FT_NODISCARD int ft__nprint_open(const struct ft_format_config *cfg, uint32_t *out_payload,
                                 size_t *out_max, struct ft_err *err);

size_t ft__nprint_header(uint32_t payload, uint8_t *out);

/* The lines of a flow that has some. Returns their bytes. */
FT_HOT size_t ft__nprint_rows(const struct ft_flow_record *rec, uint8_t *out);

#endif
