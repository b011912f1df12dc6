/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: frames to Kitsune's features, see afterimage.h. */
#include "pipeline/afterimage.h"

#include "pipeline/build.h"

int ft__build_afterimage(struct ft_pipeline *p, struct ft_err *err)
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

void ft__afterimage_frames(struct ft_worker *w, const struct ft_view *views, uint32_t n)
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

int ft__build_check_made(const struct ft_pipeline *p, const char *output, unsigned events,
                         struct ft_err *err)
{
    if (events == 1u << FT_EVENT_AFTERIMAGE && !p->plan.afterimage) {
        return ft_err_set(err, FT_E_USAGE,
                          "%s: event=afterimage is what --profile afterimage makes", output);
    }
    if ((events == 1u << FT_EVENT_WINDOW && !p->plan.windows) ||
        (events == 1u << FT_EVENT_ALERT && !p->plan.alerts)) { /* added behind the plan */
        return ft_err_set(err, FT_E_STATE, "%s: no -o output had %ss at the start", output,
                          events == 1u << FT_EVENT_ALERT ? "alert" : "window");
    }
    return FT_OK;
}
