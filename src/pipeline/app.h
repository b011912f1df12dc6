/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: payloads that cross to another thread, when a feature looks into them.
 *
 * Theory of operation: payloads are the source's memory: where packets cross to another thread they
 * are copied, up to FT_PAYLOAD_MAX bytes each, one behind the other into memory that lies beside
 * the slot or ring they cross in. Beside a ring that is a ring of bytes, a limit of its own:
 * packets that find no room in it wait, or are dropped and counted, as those that find the ring
 * itself full.
 *
 *     payload_at   [n]      [n+1]   [n+2]          of packet n, by its place in the ring
 *                   v        v       v
 *     payloads  ...[bytes...][bytes.][bytes...|free...]
 *                                             ^ payload_end */
#ifndef FT_PIPELINE_APP_H
#define FT_PIPELINE_APP_H

#include "pipeline/internal.h"

/* Hand-off: makes w->payloads. FT_E_NOMEM. */
FT_NODISCARD int ft__app_new(struct ft_worker *w);
void ft__app_free(struct ft_worker *w);
/* Bytes of address space of one worker. */
size_t ft__app_budget(const struct ft_pipeline *p);

/* Copies n packets to out with their payloads in room, of FT_PAYLOAD_MAX + FT_HEAD_MAX bytes for
 * each at most. */
void ft__app_copy(const struct ft_packet *pkts, uint32_t n, struct ft_packet *out, uint8_t *room);

/* ft_ring_push() of packets whose payloads are copied beside the ring. Reader thread. */
uint32_t ft__app_push(struct ft_worker *to, const struct ft_packet *pkts, uint32_t n);

#endif
