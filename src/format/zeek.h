/* SPDX-License-Identifier: Apache-2.0 */
/* format: tables as Zeek's ASCII writer makes them: tabs, a header that names and types the
 * columns, "-" for what is not there. The line #close at the end of a file, which Zeek itself
 * leaves out when it is killed, is not written. */
#ifndef FT_FORMAT_ZEEK_H
#define FT_FORMAT_ZEEK_H

#include <stddef.h>
#include <stdint.h>

#include "model/columns.h"

/* Writes the header of the log `path`, "conn"; its #open is now, in local time. */
size_t ft__zeek_header(const struct ft_columns *c, const char *path, uint8_t *out);

/* Writes a value; no separator. */
uint8_t *ft__zeek_cell(uint8_t *p, const struct ft_field *f, const struct ft_value *v);

#endif
