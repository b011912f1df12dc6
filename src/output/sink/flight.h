/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: messages that were sent and not answered yet.
 *
 *     chunks -> | head ... settled or not ... next | not looked at yet
 *
 * Theory of operation: the lines of the chunks of one write() become messages, one or several
 * lines of one kind of event each, at most FT_FLIGHT_MOST at a time. An answer settles a message:
 * its events arrived. What is not settled is sent again after ft_flight_rewind(). */
#ifndef FT_OUTPUT_SINK_FLIGHT_H
#define FT_OUTPUT_SINK_FLIGHT_H

#include "output/output.h"

enum { FT_FLIGHT_MOST = 4096 };

struct ft_message {
    uint32_t chunk, begin, end; /* where it lies */
    uint32_t count : 24, event : 8;
    bool settled;
};

/* owner: the output's thread; begins as zeros */
struct ft_flight {
    struct ft_sink *sink;
    const struct ft_chunk *chunks;
    uint32_t n;               /* chunks */
    uint32_t chunk, mark;     /* where the next message begins */
    uint32_t at;              /* in the chunk */
    size_t most;              /* bytes of several lines; 0: one each */
    uint64_t head, next, end; /* numbers of messages, ever: not settled, to be sent, looked at */
    uint64_t waiting;         /* messages that were sent and are not settled */
    struct ft_message message[FT_FLIGHT_MOST]; /* number i is message[i % FT_FLIGHT_MOST] */
};

/* A write() begins; nothing is in flight. */
void ft_flight_begin(struct ft_flight *f, const struct ft_chunk *chunks, uint32_t n);

/* The next message to be sent; NULL: there is none now. */
const struct ft_message *ft_flight_next(struct ft_flight *f, uint64_t *out_number);

/* An answer: the events of a message arrived, or are lost. False: no such message waits. */
bool ft_flight_settle(struct ft_flight *f, uint64_t number, bool arrived);

/* An answer: it did not arrive, and is to be sent again. */
void ft_flight_refused(struct ft_flight *f);

/* For answers that come in order: the first message at number from or behind it that waits. */
uint64_t ft_flight_oldest(const struct ft_flight *f, uint64_t from);

/* What was not settled is to be sent again. */
void ft_flight_rewind(struct ft_flight *f);

/* Everything that was handed over is settled. */
bool ft_flight_is_over(const struct ft_flight *f);

/* What is not settled is lost. */
void ft_flight_lose(struct ft_flight *f);

#endif
