/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink: udp with spoof=true: datagrams whose source address is an exporter's.
 *
 * Theory of operation: two sockets of each family, opened while there is CAP_NET_RAW: a raw one
 * (raw(7), IPPROTO_RAW), for datagrams with headers of ours (codec/net/udp_put.h), and one of UDP,
 * whose port all of them have as their source, and which sends what is nobody's: of exporters whose
 * address the receiver cannot see as a source, since it is of the other family, or a loopback or
 * multicast address. A sink that has them needs no privilege any more.
 *
 * What the network says of a datagram, it says to its source: nobody tells this one. So written
 * means sent, and nothing is held back from a receiver that is away. The name is looked up again
 * every LOOK_MS, and its address kept as long as the name has it. The kernel does not cut what has
 * a header of ours: a datagram that is longer than its device takes is lost, and counted. */
#ifndef FT_OUTPUT_SINK_SPOOF_H
#define FT_OUTPUT_SINK_SPOOF_H

#include "output/output.h"

/* The udp sink's open, of a URL with spoof=true. FT_E_PRIVILEGE: there is no CAP_NET_RAW. */
FT_NODISCARD int ft__spoof_open(const struct ft_output_url *url, const struct ft_output_env *env,
                                struct ft_sink **out, struct ft_err *err);

#endif
