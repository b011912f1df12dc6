/* SPDX-License-Identifier: Apache-2.0 */
/* model: Community ID v1 (corelight/community-id-spec): a flow's name that other tools compute
 * too.
 *
 * "1:" + base64(SHA-1(seed, addr, addr, protocol, 0, port, port)), seed 0, the smaller (address,
 * port) first; ICMP types with a counterpart take that for the ports, other ICMP keeps source first
 * with type and code; protocols other than TCP, UDP, SCTP, ICMP and ICMPv6 go without ports. */
#ifndef FT_MODEL_COMMUNITY_H
#define FT_MODEL_COMMUNITY_H

#include <stdbool.h>
#include <stdint.h>

enum { FT_COMMUNITY_LEN = 30 }; /* "1:" and 28 characters */

struct ft_community {
    const uint8_t *src, *dst; /* 4 or 16 bytes, network order */
    uint8_t ip_version;       /* 4 or 6 */
    uint8_t proto;
    uint16_t src_port, dst_port; /* of ICMP: the mapping of type and code */
    bool one_way;                /* ICMP type without a counterpart: never turned round */
};

/* Writes FT_COMMUNITY_LEN characters, no NUL. */
void ft_community_id(const struct ft_community *c, char out[FT_COMMUNITY_LEN]);

#endif
