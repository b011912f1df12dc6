/* SPDX-License-Identifier: Apache-2.0 */
/* source/afpacket: which worker gets a captured packet.
 *
 * Theory of operation: a flow's packets must all reach one worker, or it becomes two records. The
 * kernel's own hash takes ports where it sees them, so a fragment goes another way than the rest of
 * its flow, and the two directions of a tunnel (VXLAN, GENEVE, GTP-U choose outer ports freely) go
 * two ways. This program takes the sum of the two IP addresses, of the outermost packet, behind
 * VLAN and other tags (of which there may be some one way and none the other), MPLS labels and
 * PPPoE: the same both ways, with or without ports. The price: two hosts that only talk to each
 * other keep one worker busy. What is not IP goes to the first, frames behind MPLS labels too. As
 * many tags and labels are read as the decoder reads. */
#ifndef FT_SOURCE_AFPACKET_FANOUT_H
#define FT_SOURCE_AFPACKET_FANOUT_H

#include <linux/filter.h>
#include <stdint.h>

enum { FT_FANOUT_MAX = 1536 };

/* The classic BPF program for n sockets; returns its length, at most FT_FANOUT_MAX. */
uint16_t ft_fanout_program(struct sock_filter out[FT_FANOUT_MAX], uint32_t n);

#endif
