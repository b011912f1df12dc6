/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: lanes, the way several workers share one input without a reader thread.
 *
 *     chunk k of the input --claimed by one worker--> decoded into slot k % n_slots
 *     slot: [packet values in order][list of worker 0 | list of worker 1 | ...]
 *     every worker takes its own list out of slot 0, 1, 2, ... in order
 *
 * Theory of operation: a worker alternates between decoding (claim a chunk, decode it, sort the
 * packet numbers by owner, publish) and consuming (its list of the next published slot). A slot is
 * used again when every worker has consumed it; so the window of slots is the bounded buffer
 * between them.
 *
 * Claiming is one of two kinds. Any source: under a lock, read() the next batch of views. A mapped
 * pcap (lanes_split.c): chunk k is the records that begin in the k-th stretch of the file; its
 * first record is guessed by ft_file_split, and the guess is checked when the chunk before it is
 * done, in order: a wrong guess is walked again from the true place before anybody sees it. So the
 * result is that of one walk from the start, whatever bytes the packets hold. */
#ifndef FT_PIPELINE_LANES_H
#define FT_PIPELINE_LANES_H

#include <stdint.h>

#include "pipeline/internal.h"

enum { FT_LANE_PACKETS = 2048 }; /* most packets of a slot */

/* Slots for n_workers over the pipeline's only source. FT_E_NOMEM. */
FT_NODISCARD int ft_lanes_new(struct ft_pipeline *p, uint32_t n_workers, struct ft_lanes **out);
void ft_lanes_free(struct ft_lanes *l);
size_t ft_lanes_budget(uint32_t n_workers);
/* Bytes besides, for payloads. */
size_t ft_lanes_payloads(const struct ft_lanes *l);

/* Claims and decodes one chunk with w's decoder. FT_OK: one was published; FT_E_AGAIN: none can be
 * claimed now; FT_E_EOF: the input has no more. */
int ft_lanes_decode(struct ft_lanes *l, struct ft_worker *w);

/* Copies the next packets of worker w, at most FT_BATCH of one slot, in order. FT_OK with *out_n
 * (0: the slot held none for w); FT_E_AGAIN: the next slot is not there yet; FT_E_EOF: all slots of
 * the input are consumed. Packets to be sampled carry FT_MARK_SAMPLE. */
int ft_lanes_take(struct ft_lanes *l, struct ft_worker *w, struct ft_packet *out, uint32_t *out_n);

/* Where the decoding was done, in packets of the input. */
struct ft_lanes_work {
    uint64_t apart;  /* by workers side by side */
    uint64_t locked; /* by one, while the others could not claim: wrong guesses */
    uint64_t thrown; /* decoded and thrown away, besides: at a cut at most a slot of each of the
                        others, FT_LANE_PACKETS, and at a wrong guess that one */
    uint32_t cuts;   /* how often what was claimed beyond a stretch was thrown away: where records
                        become smaller once, or twice if they do so in a slot's last batch */
};

/* When nothing runs any more. */
void ft_lanes_work(const struct ft_lanes *l, struct ft_lanes_work *out);

/* No more chunks are claimed. Any thread. */
void ft_lanes_stop(struct ft_lanes *l);

#endif
