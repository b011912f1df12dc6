/* SPDX-License-Identifier: Apache-2.0 */
/* source: an end before the input's: after so many packets, or so much capture time.
 *
 * Theory of operation: ft_limit_wrap() puts a source in front of another one, which hands on its
 * batches, cut where the bound is reached, and says FT_E_EOF from then on. What counts are the
 * views that a filter left in; those that it left out before the last one that counts are handed on
 * with it, those behind it are not: what is handed on does not depend on how batches fall. The
 * sources of one pipeline (sockets that share an interface) draw from one struct ft_limit, so that
 * exactly so many packets come out of all of them. What is cut off, and what the sources hold
 * beyond it, nobody sees and nothing counts. */
#ifndef FT_SOURCE_LIMIT_H
#define FT_SOURCE_LIMIT_H

#include <stdatomic.h>
#include <stdint.h>

#include "source/source.h"

/* The bounds, and what was taken; outlives the sources. */
struct ft_limit {
    uint64_t packets; /* views that count; 0: no bound */
    int64_t span_ns;  /* the first view so much later than the source's first one is the end; 0: no
                         bound */
    _Atomic uint64_t taken;
    void (*on_end)(void *cookie); /* the bound is reached; called by each source's reader, once */
    void *cookie;
};

/* Puts the bounds around *source, which is owned by what takes its place. On failure *source stays
 * as it is. A no-op without bounds. FT_E_NOMEM. */
FT_NODISCARD int ft_limit_wrap(struct ft_limit *limit, struct ft_source **source);

#endif
