/* SPDX-License-Identifier: Apache-2.0 */
/* detect: distinct things in a span of time, see recent.h. */
#include "detect/recent.h"

#include "base/time.h"

enum { MS = 1000000 };

static uint32_t as_ms(int64_t ns)
{
    return (uint32_t)(uint64_t)ft_time_floor(ns, MS);
}

void ft__recent_add(struct ft__recent *r, uint32_t what, int64_t at_ns, int64_t span_ns)
{
    uint32_t at = as_ms(at_ns), kept = 0, oldest = 0, now;
    int32_t span = (int32_t)(span_ns / MS);

    r->newest_ns = r->n == 0 || at_ns > r->newest_ns ? at_ns : r->newest_ns;
    now = as_ms(r->newest_ns);
    for (uint32_t i = 0; i < r->n; i++) {
        if (r->of[i].what == what) {
            at = (int32_t)(r->of[i].at_ms - at) > 0 ? r->of[i].at_ms : at;
            continue;
        }
        if ((int32_t)(now - r->of[i].at_ms) > span) {
            continue;
        }
        r->of[kept] = r->of[i];
        oldest = (int32_t)(r->of[kept].at_ms - r->of[oldest].at_ms) < 0 ? kept : oldest;
        kept++;
    }
    if ((int32_t)(now - at) <= span) {
        oldest = kept < FT__PEERS ? kept++ : oldest;
        r->of[oldest].what = what;
        r->of[oldest].at_ms = at;
    }
    r->n = kept;
}
