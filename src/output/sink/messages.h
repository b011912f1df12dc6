/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: messages of flow export, made of the rows that the writers have made
 * (model/flow_templates.h).
 *
 * Theory of operation: an output of IPFIX or NetFlow has one of these between its queue and its
 * sink. A chunk of rows becomes chunks of whole messages, each with a mark of its own, which says
 * how many events are in it: what a sink does with marks (a datagram each, sent again from one on,
 * lost as one) it does with messages.
 *
 * A template stands in the message in which it is first used, or in one before it when a message
 * does not hold both. Where a receiver begins anew (a file, a connection, one that was away) the
 * sink asks for a greeting: all templates that there are. Over UDP they are sent again every
 * template_refresh= seconds, too.
 *
 * Sequence numbers begin at 0: IPFIX counts data records before a message (RFC 7011 §3.1), NetFlow
 * v9 messages (RFC 3954 §5.1), NetFlow v5 records. What a sink loses is counted in them: it is
 * missing at the receiver.
 *
 * NetFlow's records count their times from a clock of the message's (sysUptime), in 32 bits of
 * milliseconds: it is set so that they hold those of its records, and stays where it is as long as
 * they do.
 *
 * Where rows have a source (spoof=), a message is of one source, which stands before it in the
 * chunk as a struct ft_flow_source; sequence numbers, templates and the clock are of a source
 * (streams.h). Templates are told with the records that need them, since a source that is silent
 * has nobody to tell. */
#ifndef FT_OUTPUT_SINK_MESSAGES_H
#define FT_OUTPUT_SINK_MESSAGES_H

#include "output/output.h"

struct ft__messages;

/* For a sink of this URL, whose env gets what it is to greet with; ops: of that sink. FT_E_USAGE:
 * it takes no messages; FT_E_NOMEM. */
FT_NODISCARD int ft__messages_open(const struct ft_sink_ops *ops, const struct ft_output_url *url,
                                   struct ft_output_env *env, struct ft__messages **out,
                                   struct ft_err *err);
/* The sink that takes them; where rows have a source, one with sends_as. */
void ft__messages_sink(struct ft__messages *m, struct ft_sink *sink);
void ft__messages_close(struct ft__messages *m); /* NULL is a no-op */

/* The messages of a chunk of rows: until _next() says no, each a chunk that is valid until the
 * next call. */
void ft__messages_of(struct ft__messages *m, const struct ft_chunk *rows);
bool ft__messages_next(struct ft__messages *m, struct ft_chunk *out);

/* What is due by time, between two chunks of rows: the same. *out_next_ms: when to ask again, or as
 * it was, when that is sooner. */
void ft__messages_due(struct ft__messages *m, int64_t *out_next_ms);

/* Bytes that it holds. */
size_t ft__messages_memory(const struct ft__messages *m);

#endif
