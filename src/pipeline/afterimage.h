/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: frames to Kitsune's features (-p afterimage), and their rows to outputs. */
#ifndef FT_PIPELINE_AFTERIMAGE_H
#define FT_PIPELINE_AFTERIMAGE_H

#include "pipeline/internal.h"

/* A row of each frame of a batch, or of one in --sample, while its bytes are there. The thread that
 * reads the source. */
void ft__afterimage_frames(struct ft_worker *w, const struct ft_view *views, uint32_t n);

#endif
