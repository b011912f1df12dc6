/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: frames, to those that look at their bytes: outputs of packets, -p afterimage. */
#ifndef FT_PIPELINE_FRAMES_H
#define FT_PIPELINE_FRAMES_H

#include "pipeline/internal.h"

/* What -p afterimage keeps; FT_OK also without. FT_E_NOMEM. */
FT_NODISCARD int ft__frames_build(struct ft_pipeline *p, struct ft_err *err);

/* Frames of a batch, while their bytes are there. */
void ft__frames_see(struct ft_worker *w, const struct ft_view *views, uint32_t n);

#endif
