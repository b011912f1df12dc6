/* SPDX-License-Identifier: Apache-2.0 */
/* codec: IPv4 (RFC 791) and IPv6 (RFC 8200) headers up to the transport header.
 *
 * Theory of operation: the length fields are checked against the wire, not against what was
 * captured, and the frame is narrowed to them. A length of 0 is what segmentation offload and
 * BIG TCP leave behind for packets above 65535 bytes: the packet then is the rest of the frame, or
 * what a jumbo payload option (RFC 2675) says. */
#ifndef FT_CODEC_NET_IP_H
#define FT_CODEC_NET_IP_H

#include "codec/net/net.h"

/* Takes the IP header of n->version and its options or extension headers off. After FT_V_DECODED
 * the fields "ip" of n are set, n stands at the transport header (at the fragment's data in a later
 * fragment) and ends where the IP packet ends. proto of a later IPv6 fragment is what its fragment
 * header says, which may be an extension header that only the first fragment carries. AH is an
 * extension header in IPv6; in IPv4 it is the protocol. Else: IP_VERSION, IP4_* or IP6_*. */
enum ft_verdict ft_ip_decode(struct ft_net *n);

#endif
