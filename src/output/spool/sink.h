/* SPDX-License-Identifier: Apache-2.0 */
/* output/spool: a sink in front of another one, that keeps on disk what the other has not taken.
 *
 *     output thread --write--> spool (frames) --deliver thread--> the other sink
 *
 * Theory of operation: writing appends to the spool and never waits for the receiver; a thread of
 * its own reads frames back, mostly out of the page cache, and hands them to the other sink, whose
 * calls are all on that thread. Frames are told to be done at a barrier: the other sink was
 * flushed, and each of its events arrived or was refused. What it gives up when it is told to is
 * not done, and comes again after the next start.
 *
 * When the spool is nearly full, samples are left out; when it is full, records are. Both are
 * counted as dropped. Events of this run that the receiver took are written, those that are still
 * on disk at the end are spooled; those of an earlier run that it took are replayed. */
#ifndef FT_OUTPUT_SPOOL_SINK_H
#define FT_OUTPUT_SPOOL_SINK_H

#include "output/output.h"

/* Puts a spool before inner, which is taken, also on failure. The URL says where and how much:
 * spool=, spool_max=, spool_age=. */
FT_NODISCARD int ft_spool_sink_open(const struct ft_output_url *url,
                                    const struct ft_output_env *env, struct ft_sink *inner,
                                    struct ft_sink **out, struct ft_err *err);

#endif
