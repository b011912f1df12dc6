/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/stream: the events that a receiver has not acknowledged yet.
 *
 *     [acknowledged | sent | not sent]
 *      done           sent   end       offsets into the stream of all events, ever
 *
 * Bytes lie in a ring; frames keep where the events of a chunk end. */
#ifndef FT_OUTPUT_SINK_STREAM_WINDOW_H
#define FT_OUTPUT_SINK_STREAM_WINDOW_H

#include "output/output.h"

enum { FT_WINDOW_FRAMES = 256 };

struct ft__window_frame {
    uint64_t begin; /* offset of its first byte */
    struct ft_chunk chunk;
};

struct ft__window {
    uint8_t *data; /* [room], frames one after the other; none lies over the end */
    uint32_t room, chunk_most;
    uint32_t at; /* where the next is put */
    struct ft__window_frame frame[FT_WINDOW_FRAMES];
    uint32_t head, n;
    uint64_t end;
};

FT_NODISCARD int ft__window_open(struct ft__window *w, uint32_t chunk_most);
void ft__window_close(struct ft__window *w);

/* Whether a chunk can be put in now. */
bool ft__window_fits(const struct ft__window *w, const struct ft_chunk *c);
void ft__window_put(struct ft__window *w, const struct ft_chunk *c);

/* Bytes from an offset on that lie together; NULL: there are none. */
const uint8_t *ft__window_from(const struct ft__window *w, uint64_t offset, size_t *out_len);

/* Everything before offset is acknowledged: adds the events that end there or before to t, and
 * returns the offset of the first event that is not. *before is what the last call returned. */
uint64_t ft__window_done(struct ft__window *w, uint64_t before, uint64_t offset,
                         struct ft_tally *t);

/* All that is in it is lost. */
void ft__window_lose(struct ft__window *w, uint64_t before, struct ft_tally *t);

#endif
