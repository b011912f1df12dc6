/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: making detectors and reading their rules, see build.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/whole.h"
#include "feature/app/app.h"
#include "pipeline/build.h"

static_assert((int)FT_DETECT_WORKERS >= (int)FT_MAX_WORKERS, "each worker has a place");

int ft__build_rules(const char *path, struct ft_rules **out, struct ft_err *err)
{
    struct ft_err why = {0};
    size_t len;

    *out = ft_rules_new();
    if (*out == NULL || path == NULL) {
        return *out != NULL ? FT_OK : ft_err_set(err, FT_E_NOMEM, "no memory for the rules");
    }
    char *text = ft_whole_read(path, FT_RULES_BYTES, &len);
    int rc = FT_OK;

    if (text == NULL) {
        rc = ft_err_set(err, errno == ENOMEM ? FT_E_NOMEM : FT_E_USAGE, "rules: %.200s: %s", path,
                        errno == EFBIG ? "is larger than 1 MiB" : strerror(errno));
    } else {
        rc = ft_rules_parse(*out, text, len, &why);
        rc = rc == FT_OK ? rc : ft_err_set(err, rc, "rules: %.200s: %s", path, why.what);
        ft_whole_forget(text, len);
    }
    if (rc != FT_OK) {
        ft_rules_free(*out);
        *out = NULL;
    }
    return rc;
}

/* Equal flows make equal alerts: hashes of files are alike, as those of windows. */
int ft__build_detect(struct ft_pipeline *p, const struct ft_config *cfg, struct ft_err *err)
{
    struct ft_rules *rules;
    int rc;

    if (!p->plan.alerts) {
        return FT_OK;
    }
    rc = ft__build_rules(cfg->rules, &rules, err);
    if (rc != FT_OK) {
        return rc;
    }
    p->plan.detect.seed = p->seed;
    if (!p->plan.live) {
        ft_hash_seed_fixed(&p->plan.detect.seed, FT_EVENT_ALERT);
    }
    rc = ft_detect_new(&p->plan.detect, rules, &p->detect);
    return rc == FT_OK
               ? rc
               : ft_err_set(err, rc, "no memory for --max-hosts %u", p->plan.detect.max_hosts);
}

int ft__build_timed(struct ft_pipeline *p, struct ft_worker *w)
{
    int rc = FT_OK;

    if (p->windows != NULL) {
        /* what collect counts goes through no flow table */
        rc = p->plan.collect ? ft_window_worker_new(p->windows, w->index, 1, &w->told)
                             : ft_window_worker_new(p->windows, w->index,
                                                    ft_table_entries(p->plan.table.max_flows),
                                                    &w->meter.window);
    }
    if (rc == FT_OK && w->meter.window != NULL && (p->plan.parts >> FT_PART_APP & 1) != 0) {
        ft_window_apps(w->meter.window, ft_app_so_far, ft_meter_state(&w->meter, FT_PART_APP));
    }
    if (rc == FT_OK && p->detect != NULL) {
        rc = ft_detect_worker_new(p->detect, w->index, &w->meter.detect);
        w->meter.reads_names = (p->plan.parts >> FT_PART_APP & 1) != 0;
    }
    w->looked_ns = w->meter.clock.now_ns = INT64_MIN;
    w->meter.step_ns = p->plan.window.step_ns;
    if (rc == FT_OK && p->plan.mode == FT_MODE_LANES) {
        w->clocks = ft_map_alloc(sizeof *w->clocks * FT_BATCH);
        w->lane_clock.now_ns = INT64_MIN;
        rc = w->clocks != NULL ? FT_OK : FT_E_NOMEM;
    }
    return rc;
}
