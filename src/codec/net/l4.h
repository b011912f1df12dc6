/* SPDX-License-Identifier: Apache-2.0 */
/* codec: what a flow needs of the transport header.
 *
 * Theory of operation: only the ports (or the ICMP type and code) must have been captured; what
 * else is in the header is read when it is there. Lengths are counted on the wire. A later fragment
 * has no transport header: all of it is payload and its ports are 0. A first fragment has a header
 * whose lengths speak of the whole datagram, so they are not held against the fragment. */
#ifndef FT_CODEC_NET_L4_H
#define FT_CODEC_NET_L4_H

#include "codec/net/net.h"

/* Reads the transport header at n, which stands as ft_ip_decode() left it; sets the fields "l4".
 * payload_len counts what the IP packet holds after the header: TCP by its data offset (20 when
 * that was not captured), UDP-Lite 8, SCTP 12, ICMP and ICMPv6 8, DCCP by its data offset (12 when
 * not captured); other protocols: all. UDP: what its length counts after the header, and the walk
 * ends there; all where that is 0 and of a fragment. (What stands in the place of the length in
 * UDP-Lite is how much the checksum covers.) Else: L4_SHORT, TCP_OFFSET or UDP_LENGTH. */
enum ft_verdict ft_l4_decode(struct ft_net *n);

#endif
