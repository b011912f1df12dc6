/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: which columns an output's flow records have, and what has to be known of flows for
 * those of all outputs. */
#ifndef FT_PIPELINE_COLUMNS_H
#define FT_PIPELINE_COLUMNS_H

#include "config/config.h"
#include "config/url.h"
#include "model/columns.h"
#include "model/where.h"
#include "pipeline/internal.h"

/* The columns of an output: those of ?columns= or ?profile=, else of -p. FT_E_USAGE. */
FT_NODISCARD int ft__columns_of(const struct ft_plan *plan, const struct ft_output_url *url,
                                struct ft_columns *out, struct ft_err *err);

/* Likewise ?columns= of an output of samples of packets. False: it is none, or names others. */
bool ft__columns_of_samples(const struct ft_plan *plan, const struct ft_output_url *url,
                            unsigned events, struct ft_columns *out);

/* The columns of its windows: those of ?columns= when it takes nothing else, as ft__columns_of()
 * has them, or with the vector profile its own, too. False: all but those. */
bool ft__columns_of_windows(const struct ft_plan *plan, const struct ft_output_url *url,
                            unsigned events, const struct ft_columns *columns,
                            struct ft_columns *out);

/* The condition of an output (?where=), or NULL. FT_E_USAGE, FT_E_NOMEM. */
FT_NODISCARD int ft__columns_where(const struct ft_plan *plan, const struct ft_output_url *url,
                                   struct ft_where **out, struct ft_err *err);

/* The parts that a condition looks at; 0 for NULL. */
uint32_t ft__columns_parts_asked(const struct ft_where *where);

/* Fills plan->profiles, plan->parts and plan->rules. plan->collect is known. FT_E_USAGE,
 * FT_E_NOMEM. */
FT_NODISCARD int ft__columns_plan(const struct ft_config *cfg, struct ft_plan *plan,
                                  struct ft_err *err);

#endif
