/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: frames, see frames.h. */
#include "pipeline/frames.h"

#include "pipeline/packets.h"

int ft__frames_build(struct ft_pipeline *p, struct ft_err *err)
{
    if (!p->plan.afterimage) {
        return FT_OK;
    }
    p->plan.image.seed = p->seed;
    ft_log(&p->log, FT_LOG_INFO,
           "--profile afterimage: one worker sees all packets in their order");
    int rc = ft_afterimage_new(&p->plan.image, &p->afterimage);

    return rc == FT_OK
               ? rc
               : ft_err_set(err, rc, "no memory for --profile afterimage with --max-hosts %u",
                            p->plan.image.max_hosts);
}

/* A row of each frame, or of one in --sample. */
static void image_frames(struct ft_worker *w, const struct ft_view *views, uint32_t n)
{
    struct ft_pipeline *p = w->p;
    struct ft_afterimage_row row;

    for (uint32_t i = 0; i < n; i++) {
        if ((views[i].flags & FT_VIEW_LEFT_OUT) != 0) {
            continue;
        }
        ft_afterimage_see(p->afterimage, &views[i], &row);
        if (p->afterimage_left > 0 && p->afterimage_left < w->rates.sample_n) {
            p->afterimage_left--;
            continue;
        }
        p->afterimage_left = w->rates.sample_n - 1;
        ft_emit_export_event(&w->emit, FT_EVENT_AFTERIMAGE, &row);
    }
    ft_count_set(&p->afterimage_evicted, ft_afterimage_evicted(p->afterimage));
}

void ft__frames_see(struct ft_worker *w, const struct ft_view *views, uint32_t n)
{
    if (FT_UNLIKELY(w->emit.makes_packets)) {
        ft_emit_packets(&w->emit, views, n, w->rates.sample_n);
    }
    if (FT_UNLIKELY(w->p->afterimage != NULL)) {
        image_frames(w, views, n);
    }
}
