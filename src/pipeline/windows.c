/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the windows of all workers, see windows.h. */
#include "pipeline/windows.h"

#include "flow/table.h"
#include "pipeline/anonymize.h"
#include "window/window.h"

/* An address as worker 0, who writes windows, shows it. */
static void map_address(void *pipeline, uint8_t ip_version, uint8_t *address)
{
    const struct ft_pipeline *p = pipeline;

    ft_cryptopan_map_ip(ft_anonymizer_map(p->workers[0].emit.anon), ip_version, address);
}

/* Equal packets make equal windows: estimates of files hash alike. Live, whom they count may choose
 * addresses, and does not know how. */
int ft__windows_build(struct ft_pipeline *p, struct ft_err *err)
{
    if (!p->plan.windows) {
        return FT_OK;
    }
    p->plan.window.seed = p->seed;
    if (!p->plan.live) {
        ft_hash_seed_fixed(&p->plan.window.seed, FT_EVENT_WINDOW);
    }
    if (p->plan.anonymize) {
        p->plan.window.map_address = map_address;
        p->plan.window.map_cookie = p;
    }
    int rc = ft_windows_new(&p->plan.window, &p->windows);

    return rc == FT_OK
               ? rc
               : ft_err_set(err, rc, "no memory for --max-hosts %u", p->plan.window.max_hosts);
}

uint64_t ft__windows_budget(const struct ft_plan *plan)
{
    uint32_t host;

    uint32_t entries = plan->collect ? 1 : ft_table_entries(plan->table.max_flows);

    return plan->windows ? ft_windows_budget(&plan->window, &host) +
                               (uint64_t)ft_window_worker_budget(entries) * plan->n_workers
                         : 0;
}
