/* SPDX-License-Identifier: Apache-2.0 */
/* format: the compiled NDJSON walk over a composition of columns.
 *
 * Theory of operation: all that is known before an event comes is made into text when an output
 * opens: the head of the line, and for each column what stands between the value before and its own
 * (comma, braces of objects, key, colon). A column becomes one step: that text, and how its value
 * is read and written: straight from its place in the part for most, by its getter for the others.
 *
 *     head  {"event_type":"network_flow_record"
 *     step  ,"timestamp":                    time at 8
 *     step  ,"flow_id":                      id at 0
 *     ...
 *     step  ,"features":{"duration_us":      number of a getter
 *     run   ,"midstream":null                the part is NULL: one copy for all its columns
 *     tail  },"observer_id":"a","observation_domain":0}
 *
 * Columns that stand together and say nothing together are a run, whose text is ready: those of one
 * part that is NULL or `nothing`, and counters beside each other that are all 0. Columns that say
 * always the same (columns.h: fixed) and come last are part of the tail. A unit test holds
 * the walk to a plain one, for all columns and all values. */
#ifndef FT_FORMAT_WALK_H
#define FT_FORMAT_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/event.h"
#include "model/columns.h"

struct ft__walk;

/* The walk over an event of these columns, which must live as long (rows are static). omit_null:
 * columns that are null are left out, and objects that stay empty. On success *out is the caller's.
 * FT_E_NOMEM. */
FT_NODISCARD int ft__walk_new(enum ft_event e, const struct ft_columns *columns, bool omit_null,
                              struct ft__walk **out);
void ft__walk_free(struct ft__walk *w); /* NULL is a no-op */

/* One line of an event of these parts. Returns its length; writes up to FT__WALK_SLACK bytes more.
 */
enum { FT__WALK_SLACK = 160 };
/* What a line ends with behind the last column that an event itself has: columns that say always
 * the same, braces, newline. It lives as long as the walk. */
const uint8_t *ft__walk_tail(const struct ft__walk *w, uint32_t *out_len);

FT_HOT size_t ft__walk_put(const struct ft__walk *w, const void *const *parts, uint8_t *out);

#endif
