/* SPDX-License-Identifier: Apache-2.0 */
/* codec: ICMP types as ports, see icmp.h. */
#include "codec/net/icmp.h"

#include "codec/net/net.h"

/* Counterpart of a type, plus one; 0: it has none. */
static const uint16_t icmp4[256] = {
    [8] = 0 + 1,   [0] = 8 + 1,   /* echo, reply */
    [10] = 9 + 1,  [9] = 10 + 1,  /* router solicitation, advertisement */
    [13] = 14 + 1, [14] = 13 + 1, /* timestamp, reply */
    [15] = 16 + 1, [16] = 15 + 1, /* information, reply */
    [17] = 18 + 1, [18] = 17 + 1, /* address mask, reply */
};
static const uint16_t icmp6[256] = {
    [128] = 129 + 1, [129] = 128 + 1, /* echo, reply */
    [130] = 131 + 1, [131] = 130 + 1, /* multicast listener query, report */
    [133] = 134 + 1, [134] = 133 + 1, /* router solicitation, advertisement */
    [135] = 136 + 1, [136] = 135 + 1, /* neighbour solicitation, advertisement */
    [139] = 140 + 1, [140] = 139 + 1, /* node information query, response */
    [144] = 145 + 1, [145] = 144 + 1, /* home agent address discovery, reply */
};

bool ft_icmp_ports(uint8_t proto, uint8_t type, uint8_t code, uint16_t out_port[2])
{
    uint16_t other = proto == FT_IP_ICMPV6 ? icmp6[type] : icmp4[type];

    out_port[0] = type;
    out_port[1] = other != 0 ? (uint16_t)(other - 1) : code;
    return other != 0;
}
