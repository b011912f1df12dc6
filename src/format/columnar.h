/* SPDX-License-Identifier: Apache-2.0 */
/* format: what opening an output that is a table begins with: its one kind of event, and the
 * columns. */
#ifndef FT_FORMAT_COLUMNAR_H
#define FT_FORMAT_COLUMNAR_H

#include "format/format.h"

enum { FT__PROFILES_TEXT = 256 };

enum ft_event ft__columnar_event(const struct ft_format_config *cfg);

void ft__columnar_columns(const struct ft_format_config *cfg, enum ft_event e,
                          struct ft_columns *out);

/* Leaves out objects, which have no place in a table of text. */
void ft__columnar_no_objects(struct ft_columns *c);

/* The profiles that columns come from, as a list; "" for other events. out begins as "". */
void ft__columnar_profiles(const struct ft_columns *c, char out[FT__PROFILES_TEXT]);

/* Is one of them a vector? */
bool ft__columnar_has_vector(const struct ft_columns *c);

/* The transform of vectors in events of a kind, and what it was fitted on; as long as cfg->options.
 */
const char *ft__columnar_vector_id(const struct ft_format_config *cfg, enum ft_event e);

#endif
