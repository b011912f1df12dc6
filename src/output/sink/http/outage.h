/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/http: what a sink does while the other side cannot be had.
 *
 * Theory of operation: requests are tried again by the client, for a while. When that was in vain
 * the events that were held are lost, and an outage begins: for a pause that grows, 1 s to 60 s,
 * what comes is lost at once, so that nobody waits; then the next request is made. */
#ifndef FT_OUTPUT_SINK_HTTP_OUTAGE_H
#define FT_OUTPUT_SINK_HTTP_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"

/* owner: the output's thread; begins as zeros */
struct ft_http_outage {
    int64_t until_ms; /* monotonic: the pause ends */
    uint32_t failures;
    uint64_t lost; /* events, since it began */
};

/* True: there is a pause, and the chunk was lost from offset at. */
bool ft_http_pauses(struct ft_http_outage *o, struct ft_sink *s, const struct ft_chunk *c,
                    uint32_t at);

void ft_http_lose_chunk(struct ft_http_outage *o, struct ft_sink *s, const struct ft_chunk *c,
                        uint32_t at);

/* What is held is lost. */
void ft_http_lose(struct ft_http_outage *o, struct ft_sink *s, struct ft_tally *held);

/* A pause begins; what: what could not be done, said once in an outage. */
void ft_http_begin_pause(struct ft_http_outage *o, const struct ft_log *log, const char *name,
                         const char *what);

/* Something arrived: the outage is over, if there was one. */
void ft_http_works(struct ft_http_outage *o, const struct ft_log *log, const char *name);

#endif
