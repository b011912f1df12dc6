/* SPDX-License-Identifier: Apache-2.0 */
/* decode: fragments of IP datagrams get the ports of their datagram.
 *
 * Theory of operation: only the first fragment of a datagram has the transport header. A bounded
 * table remembers, by addresses, protocol, identification, VLAN and tunnel, which ports a datagram
 * has; a later fragment takes them from there. One that comes before the first is held back and
 * follows it; if the first does not come within 30 s of packet time (RFC 8200 §4.5 has 60, Linux
 * 30), or its room is needed, it is an orphan: it is counted as ignored, and never makes a flow of
 * its own. Nothing is put together: packets stay packets, and are counted once each.
 *
 *     packet -> not a fragment -------------------------------> out
 *               first: enter ports, release what was held ----> out
 *               later: datagram known ------------------------> out
 *                      unknown: hold (64 a datagram, 1024 in all)
 *
 * One table sees the packets in the order of the capture. Owner thread. */
#ifndef FT_DECODE_FRAGMENT_H
#define FT_DECODE_FRAGMENT_H

#include "decode/decode.h"

enum { FT_FRAGMENTS_HELD = 1024 };

struct ft_fragments;

/* Bytes of a table. */
size_t ft_fragments_budget(void);

/* seed: as the decoders'. On success *out is the caller's, freed with ft_fragments_free.
 * FT_E_NOMEM.
 */
FT_NODISCARD int ft_fragments_new(const struct ft_hash_seed *seed, struct ft_fragments **out);
void ft_fragments_free(struct ft_fragments *f);

/* Goes through n decoded packets and returns how many there are now: those that must wait are taken
 * out, those that waited are put in behind the fragment that released them. pkts has room for n +
 * FT_FRAGMENTS_HELD. d is told what they
 * were like, and of orphans: each leaves FT_V_DECODED for FT_V_FRAGMENT_ORPHAN. */
uint32_t ft_fragments_run(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts,
                          uint32_t n);

/* The input has ended: what is still held are orphans. */
void ft_fragments_end(struct ft_fragments *f, struct ft_decoder *d);

#endif
