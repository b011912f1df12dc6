/* SPDX-License-Identifier: Apache-2.0 */
/* decode: fragments of IP datagrams get the ports of their datagram; tunnels' are put together.
 *
 * Theory of operation: only the first fragment of a datagram has the transport header. A bounded
 * table remembers for 60 s, by addresses, identification, VLAN and tunnel, which ports a datagram
 * has; a later fragment takes them from there. One that comes before the first is held back and
 * follows it; if the first does not come within 30 s of packet time (RFC 8200 §4.5 has 60, Linux
 * 30), or its room is needed, it is an orphan: it is counted as ignored, and never makes a flow of
 * its own.
 *
 * A datagram whose protocol and ports may be a tunnel's waits until it is whole, since its flow is
 * that of the packet that it carries: its beginning is put together and decoded. If it carries one,
 * one packet comes out, of the length of all frames, when the last fragment comes; the others leave
 * FT_V_DECODED for FT_V_REASSEMBLED. If not, or if it is not whole within 2 s after its newest
 * fragment, the fragments come out as they are and count for the carrier.
 *
 *     packet -> not a fragment --------------------------------------> out
 *               first: ports that a tunnel may have: hold
 *                      else: enter ports, release what was held -----> out
 *               later: datagram known ------------------------------> out
 *                      of a tunnel, or unknown: hold (64 a datagram, 1024 in all)
 *               whole, of a tunnel: what it carries; or all of them -> out
 *
 * Numbers are used again. A fragment of the same range and bytes as one that came is a copy, until
 * 50 ms after its datagram was whole, and shares its lot. Another first fragment, and another later
 * one of a range that came, begin another datagram.
 *
 * One table sees the packets in the order of the capture. Owner thread. */
#ifndef FT_DECODE_FRAGMENT_H
#define FT_DECODE_FRAGMENT_H

#include "decode/decode.h"

enum {
    FT_FRAGMENTS_HELD = 1024,
    FT_FRAGMENTS_KEPT = 2048 /* bytes of a datagram: headers, and names behind them */
};

struct ft_fragments;

/* Bytes of a table. */
size_t ft_fragments_budget(void);

/* seed: as the decoders'. On success *out is the caller's, freed with ft_fragments_free.
 * FT_E_NOMEM.
 */
FT_NODISCARD int ft_fragments_new(const struct ft_hash_seed *seed, struct ft_fragments **out);
void ft_fragments_free(struct ft_fragments *f);

/* True when packets have to go through the table although none of them is a fragment: their time
 * ends what waits. */
bool ft_fragments_waiting(const struct ft_fragments *f);

/* Goes through n decoded packets and returns how many there are now: those that must wait are taken
 * out, those that waited are put in. pkts has room for n + FT_FRAGMENTS_HELD. Payloads of fragments
 * are read. d is told what they were like; each orphan leaves FT_V_DECODED for
 * FT_V_FRAGMENT_ORPHAN. room: NULL, or n places of FT_FRAGMENTS_KEPT bytes for payloads of what was
 * put together; place i is written after the payload of packet i was read, and may be its. Without
 * room such packets have no payload. */
uint32_t ft_fragments_run(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts,
                          uint32_t n, uint8_t *room);

/* Time has come to now_ns without a packet. What waited too long is put into pkts, which has room
 * for FT_FRAGMENTS_HELD; returns how many. */
uint32_t ft_fragments_idle(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts,
                           int64_t now_ns);

/* The input has ended: likewise what waited for the rest of its datagram; what waited for a first
 * fragment are orphans. */
uint32_t ft_fragments_end(struct ft_fragments *f, struct ft_decoder *d, struct ft_packet *pkts);

#endif
