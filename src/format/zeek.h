/* SPDX-License-Identifier: Apache-2.0 */
/* format: tables as Zeek's ASCII writer makes them: tabs, a header that names and types the
 * columns, "-" for what is not there, a line #close at the end. */
#ifndef FT_FORMAT_ZEEK_H
#define FT_FORMAT_ZEEK_H

#include <stddef.h>
#include <stdint.h>

#include "model/columns.h"

/* Writes the header of the log `path`, "conn"; its #open is now, in local time. */
size_t ft__zeek_header(const struct ft_columns *c, const char *path, uint8_t *out);

/* Writes the last line, of at most FT__ZEEK_CLOSE bytes; it is closed now. */
enum { FT__ZEEK_CLOSE = 64 };
size_t ft__zeek_close(uint8_t *out);

/* Writes a value; no separator. */
uint8_t *ft__zeek_cell(uint8_t *p, const struct ft_field *f, const struct ft_value *v);

#endif
