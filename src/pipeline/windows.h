/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the windows of all workers (-e window). */
#ifndef FT_PIPELINE_WINDOWS_H
#define FT_PIPELINE_WINDOWS_H

#include "pipeline/internal.h"

/* Makes p->windows when they are asked for. FT_E_NOMEM. */
FT_NODISCARD int ft__windows_build(struct ft_pipeline *p, struct ft_err *err);

/* Bytes of address space, workers' included; 0: they are not asked for. */
uint64_t ft__windows_budget(const struct ft_plan *plan);

#endif
