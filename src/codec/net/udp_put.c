/* SPDX-License-Identifier: Apache-2.0 */
/* codec/net: IP and UDP headers, see udp_put.h. */
#include "codec/net/udp_put.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

enum { IP4 = 20, IP6 = 40, UDP = 8, HOPS = 64, PROTO_UDP = 17 };

/* The sum of 16-bit words, RFC 1071; an odd byte is the first of its word. */
static uint64_t add(uint64_t sum, const uint8_t *p, size_t len)
{
    for (; len >= 2; p += 2, len -= 2) {
        sum += ft_load_be16(p);
    }
    return len > 0 ? sum + (uint64_t)*p * 256 : sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static size_t put_ip4(uint8_t *p, const struct ft_udp_ends *e, size_t udp_len)
{
    memset(p, 0, IP4);
    p[0] = 0x45;
    ft_store_be16(p + 2, IP4 + udp_len);
    p[8] = HOPS;
    p[9] = PROTO_UDP;
    memcpy(p + 12, e->src, 4);
    memcpy(p + 16, e->dst, 4);
    ft_store_be16(p + 10, fold(add(0, p, IP4)));
    return IP4;
}

static size_t put_ip6(uint8_t *p, const struct ft_udp_ends *e, size_t udp_len)
{
    memset(p, 0, IP6);
    p[0] = 0x60;
    ft_store_be16(p + 4, udp_len);
    p[6] = PROTO_UDP;
    p[7] = HOPS;
    memcpy(p + 8, e->src, 16);
    memcpy(p + 24, e->dst, 16);
    return IP6;
}

size_t ft_udp_put(uint8_t *out, const struct ft_udp_ends *e, const uint8_t *payload, size_t len)
{
    size_t address = e->ip_version == 4 ? 4 : 16, udp_len = UDP + len;
    size_t ip = e->ip_version == 4 ? put_ip4(out, e, udp_len) : put_ip6(out, e, udp_len);
    uint8_t *p = out + ip;

    ft_store_be16(p, e->src_port);
    ft_store_be16(p + 2, e->dst_port);
    ft_store_be16(p + 4, udp_len);
    ft_store_be16(p + 6, 0);
    /* the pseudo header: both addresses, protocol, length */
    uint64_t sum = add(add(PROTO_UDP + udp_len, e->src, address), e->dst, address);
    uint16_t check = fold(add(add(sum, p, UDP), payload, len));

    ft_store_be16(p + 6, check != 0 ? check : 0xffff); /* 0: there is none */
    return ip + UDP;
}
