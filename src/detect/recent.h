/* SPDX-License-Identifier: Apache-2.0 */
/* detect: distinct things in a span of time, up to 128; for src/detect only. */
#ifndef FT_DETECT_RECENT_H
#define FT_DETECT_RECENT_H

#include <stdint.h>

enum { FT__PEERS = 128 };

struct ft__recent {
    int64_t newest_ns;
    uint32_t n; /* distinct ones within a span of newest_ns */
    struct {
        uint32_t at_ms; /* newest time of it */
        uint32_t what;
    } of[FT__PEERS]; /* [n] */
};

/* One at this time. Those that are over leave; of a full list, the oldest. */
void ft__recent_add(struct ft__recent *r, uint32_t what, int64_t at_ns, int64_t span_ns);

#endif
