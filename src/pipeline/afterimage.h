/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: frames to Kitsune's features (-p afterimage), and their rows to outputs. */
#ifndef FT_PIPELINE_AFTERIMAGE_H
#define FT_PIPELINE_AFTERIMAGE_H

#include "pipeline/internal.h"

/* As the plan wants it: FT_OK with nothing made where it does not. FT_E_NOMEM. */
FT_NODISCARD int ft__afterimage_build(struct ft_pipeline *p, struct ft_err *err);

/* FT_OK: what an output alone asks for (?event=) is made. FT_E_USAGE; FT_E_STATE: it is an output
 * that was added later. */
FT_NODISCARD int ft__build_check_made(const struct ft_pipeline *p, const char *output,
                                      unsigned events, struct ft_err *err);

/* A row of each frame of a batch, or of one in --sample, while its bytes are there. The thread that
 * reads the source. */
void ft__afterimage_frames(struct ft_worker *w, const struct ft_view *views, uint32_t n);

#endif
