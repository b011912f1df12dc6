/* SPDX-License-Identifier: Apache-2.0 */
/* model: sums over the account, see flowtap/stats.h. */
#include "flowtap/stats.h"

uint64_t ft_stats_class(const struct ft_stats *s, enum ft_verdict_class c)
{
    uint64_t n = 0;

    for (enum ft_verdict v = 0; v < FT_V__COUNT; v++) {
        if (ft_verdict_class(v) == c) {
            n += s->verdict[v];
        }
    }
    return n;
}
