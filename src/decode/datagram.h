/* SPDX-License-Identifier: Apache-2.0 */
/* decode: UDP datagrams out of captured packets, fragments put together.
 *
 * Theory of operation: a datagram in one packet is handed out in place. Fragments are copied into a
 * buffer of their datagram, found by (addresses, protocol, id); at most FT_DATAGRAM_HELD datagrams
 * are incomplete at a time, for at most 30 seconds of packet time; the oldest gives way.
 *
 * A fragment that says again what came before, whole or in part, is harmless: captures hold frames
 * twice. One that says otherwise belongs to another datagram under the same number, which begins
 * with it; so overlaps that differ never make a datagram (RFC 5722). What was handed out is
 * remembered for 50 ms, so that copies of its fragments do not begin another. */
#ifndef FT_DECODE_DATAGRAM_H
#define FT_DECODE_DATAGRAM_H

#include "flowtap/errors.h"
#include "model/packet.h"
#include "model/peer.h"

enum { FT_DATAGRAM_HELD = 64 };

struct ft_datagrams;

FT_NODISCARD int ft_datagrams_new(struct ft_datagrams **out); /* FT_E_NOMEM */
void ft_datagrams_free(struct ft_datagrams *d);               /* NULL is a no-op */

/* FT_V_DECODED: *out_data, *out_len are a UDP payload, valid until the next call, and *peer its
 * sender. FT_V_FRAGMENT: kept, the datagram is not whole yet. Else why there is none. */
enum ft_verdict ft_datagram_take(struct ft_datagrams *d, const struct ft_view *v,
                                 struct ft_peer *peer, const uint8_t **out_data, uint32_t *out_len);

/* What the last view was whose verdict was NOT_IP: an EtherType as ft_ethertypes_add() takes it. */
uint16_t ft_datagram_ethertype(const struct ft_datagrams *d);

#endif
