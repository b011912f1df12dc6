/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: what a receiver of flow export knows of those who send to it, by address.
 *
 * Theory of operation: a collector keeps sequence numbers and templates by source address. Where
 * messages have the exporters' addresses, each of these has a stream of its own, in a table of
 * FT__STREAMS_MOST; the one that was not used for longest makes room for another one. */
#ifndef FT_OUTPUT_SINK_STREAMS_H
#define FT_OUTPUT_SINK_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/flow_templates.h"

enum { FT__STREAMS_MOST = 1024 };

/* Of one source address. */
struct ft__stream {
    uint64_t sequence; /* of the next message */
    int64_t boot_ms;   /* NetFlow: when its clock was 0; INT64_MIN: not known yet */
    int64_t due_ms;    /* monotonic: templates are to be told again */
    bool told[FT_FLOW_TEMPLATES_MOST];
};

struct ft__streams;

FT_NODISCARD struct ft__streams *ft__streams_new(void); /* NULL: no memory */
void ft__streams_free(struct ft__streams *t);           /* NULL is a no-op */

/* The stream of a source, valid until the next call; one that is new (*out_new) is of zeros. */
struct ft__stream *ft__streams_get(struct ft__streams *t, const struct ft_flow_source *source,
                                   bool *out_new);

uint64_t ft__streams_forgotten(const struct ft__streams *t); /* that made room for others */
size_t ft__streams_memory(void);                             /* bytes of a table */

#endif
