/* SPDX-License-Identifier: Apache-2.0 */
/* codec/net: the IP and UDP headers of a datagram that is sent as somebody's.
 *
 *     IPv4 (RFC 791)   0 version, words  2 length  4 id  6 fragment  8 TTL  9 protocol  10 sum
 *                      12 source  16 destination                                       20 bytes
 *     IPv6 (RFC 8200)  0 version  4 payload  6 next  7 hops  8 source  24 destination  40 bytes
 *     UDP  (RFC 768)   0 port  2 port  4 length  6 checksum                            8 bytes */
#ifndef FT_CODEC_NET_UDP_PUT_H
#define FT_CODEC_NET_UDP_PUT_H

#include <stddef.h>
#include <stdint.h>

enum { FT_UDP_PUT_MOST = 48 }; /* bytes of both headers */

/* From whom to whom. */
struct ft_udp_ends {
    uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4 bytes */
    uint8_t ip_version;       /* 4 or 6 */
    uint16_t src_port, dst_port;
};

/* Writes the headers that go before a payload of len bytes, at most 65507, at out
 * [FT_UDP_PUT_MOST], all checksums filled in; it may be fragmented, and its id is 0: for the kernel
 * to choose. Returns their bytes. */
size_t ft_udp_put(uint8_t *out, const struct ft_udp_ends *ends, const uint8_t *payload, size_t len);

#endif
