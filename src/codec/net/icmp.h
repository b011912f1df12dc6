/* SPDX-License-Identifier: Apache-2.0 */
/* codec: ICMP types as ports, so that a request and its reply are one flow.
 *
 * Theory of operation: the Community ID flow hashing specification (v1) gives an ICMP packet two
 * numbers in place of ports: its own type and the type that answers it. Seen from the answer the
 * two are swapped, as ports are, and both directions have one key. A type that nothing answers
 * keeps its type and code, and its key has one direction. */
#ifndef FT_CODEC_NET_ICMP_H
#define FT_CODEC_NET_ICMP_H

#include <stdbool.h>
#include <stdint.h>

/* Ports of an ICMP (proto 1) or ICMPv6 (proto 58) packet as seen by its sender. true: out_port is
 * {type, type of the counterpart}; false: the type has no counterpart and out_port is {type, code}.
 * Any thread. */
bool ft_icmp_ports(uint8_t proto, uint8_t type, uint8_t code, uint16_t out_port[2]);

#endif
