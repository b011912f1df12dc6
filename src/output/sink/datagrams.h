/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: datagrams of sFlow, made of the rows that the writers have made
 * (model/sflow_rows.h).
 *
 * Theory of operation: an output of sFlow has one of these between its queue and its sink, as one
 * of IPFIX has messages.h. A chunk of rows becomes chunks of datagrams, each with a mark of its
 * own, which says how many events are in it.
 *
 * Numbers begin at 0, or with the first packet (sflow_version_5.txt §5.2): datagrams count up, so
 * do the samples of each source, flow samples and counters apart. The pool of a source is every
 * packet that could have been sampled, also those that the kernel dropped before; drops are samples
 * that were to be taken and are not here: those that found the queue full, and of what the kernel
 * dropped one of as many as are sampled of. What a sink loses is missing in the sequence of
 * datagrams. */
#ifndef FT_OUTPUT_SINK_DATAGRAMS_H
#define FT_OUTPUT_SINK_DATAGRAMS_H

#include "output/output.h"

struct ft__datagrams;

/* Opens a sink of this URL, and what makes its datagrams; the sink goes to *out_sink also when what
 * comes after it fails, and outlives *out. FT_E_USAGE: it takes no datagrams; FT_E_NOMEM; what the
 * sink's open says. */
FT_NODISCARD int ft__datagrams_open(const struct ft_sink_ops *ops, const struct ft_output_url *url,
                                    const struct ft_output_env *env, struct ft_sink **out_sink,
                                    struct ft__datagrams **out, struct ft_err *err);
void ft__datagrams_close(struct ft__datagrams *d); /* NULL is a no-op */

/* The datagrams of a chunk of rows: until _next() says no, each a chunk that is valid until the
 * next call. The output's thread. */
void ft__datagrams_of(struct ft__datagrams *d, const struct ft_chunk *rows);
bool ft__datagrams_next(struct ft__datagrams *d, struct ft_chunk *out);

/* Bytes that it holds. */
size_t ft__datagrams_memory(const struct ft__datagrams *d);

#endif
