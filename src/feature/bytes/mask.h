/* SPDX-License-Identifier: Apache-2.0 */
/* feature/bytes: zeros for addresses and ports in headers.
 *
 * Theory of operation: the headers are walked from the IP header on, as far as they were captured:
 *
 *     IPv4     both addresses; those in its options (routes, times)
 *     IPv6     both addresses; those in routing headers
 *     ports    of protocols that have them
 *     ICMP     of an error the packet that it quotes, likewise; who is a gateway, a neighbour, a
 *              member of a group
 *     IP       in IP, likewise
 *
 * Checksums stay. */
#ifndef FT_FEATURE_BYTES_MASK_H
#define FT_FEATURE_BYTES_MASK_H

#include <stdint.h>

/* p: a copy of the first len bytes of headers, of which whole_len were captured. */
void ft__bytes_mask(uint8_t *p, uint32_t len, const uint8_t *whole, uint32_t whole_len);

#endif
