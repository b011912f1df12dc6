/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: what vectors are made by (--vector-fit), and those of windows. */
#ifndef FT_PIPELINE_VECTORS_H
#define FT_PIPELINE_VECTORS_H

#include "config/config.h"
#include "model/vector.h"
#include "model/window.h"
#include "pipeline/internal.h"

/* Reads the file. *out is the caller's, freed with ft_mem_free; NULL: none was named. FT_E_USAGE,
 * FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft__vectors_load(const struct ft_config *cfg, struct ft_vector_fits **out,
                                  struct ft_err *err);

/* What was asked for; loaded: the file, or NULL. */
const struct ft_vector_fits *ft__vectors_of(const struct ft_config *cfg,
                                            const struct ft_vector_fits *loaded);

/* A host's row with its vector, in vector. */
void ft__vectors_window(const struct ft_plan *plan, struct ft_window_row *row,
                        float vector[FT_VECTOR]);

#endif
