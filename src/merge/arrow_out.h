/* SPDX-License-Identifier: Apache-2.0 */
/* merge: flow records as Arrow.
 *
 * Theory of operation: what comes out as lines is read again by its shape, and each value goes to
 * the column of its name. A file has one schema: the columns of the first lines that come, of the
 * types that flowtap's columns of these names have (what it does not know is text), and those that
 * merge adds. Values of other columns that come later, and such as do not fit the type, are left
 * out and counted; so are events that are no flow records. */
#ifndef FT_MERGE_ARROW_OUT_H
#define FT_MERGE_ARROW_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/merge.h"

struct ft__arrow_out;

/* What comes of it goes to write; is_file: with a footer. NULL: out of memory. */
struct ft__arrow_out *ft__arrow_out_new(bool is_file,
                                        int (*write)(void *cookie, const char *data, size_t len),
                                        void *cookie);
void ft__arrow_out_free(struct ft__arrow_out *o); /* NULL is a no-op */

/* Whole lines, with FT__SCAN_SLACK readable bytes behind them; a batch of what is there when it is
 * enough, or more is not soon to come. Other than 0: out of memory, or what write said. */
FT_NODISCARD int ft__arrow_out_lines(struct ft__arrow_out *o, const char *text, size_t len,
                                     bool soon);
/* The rest, and the end. */
FT_NODISCARD int ft__arrow_out_end(struct ft__arrow_out *o);
/* Events and values that were left out. */
void ft__arrow_out_counts(const struct ft__arrow_out *o, uint64_t *events, uint64_t *values);

#endif
