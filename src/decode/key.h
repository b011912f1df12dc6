/* SPDX-License-Identifier: Apache-2.0 */
/* decode: the canonical key of a packet and its hash, shared by both paths (internal).
 *
 * Theory of operation: (address, port) of both ends are compared as numbers and put in order
 * without a branch. The key is made as two words in registers: from there it is stored, and from
 * there it is hashed, so that no load waits for narrower stores. */
#ifndef FT_DECODE_KEY_H
#define FT_DECODE_KEY_H

#include <stdbool.h>

#include "base/hash.h"
#include "model/packet.h"

/* Ports, scope, protocol and bits of a key, ports as the sender sees them. */
struct ft__ends {
    uint16_t sport, dport;
    uint16_t scope;
    uint8_t proto;
    uint8_t bits; /* FT_KEY_ONE_WAY, FT_KEY_TUNNEL; FT_KEY_V6 comes by itself */
};

/* Values as they lie in memory one after the other, as one word. */
FT_INLINE uint64_t ft__lay32(uint32_t a, uint32_t b)
{
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        return a | (uint64_t)b << 32;
    }
    return (uint64_t)a << 32 | b;
}

FT_INLINE uint32_t ft__lay16(uint16_t a, uint16_t b)
{
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        return a | (uint32_t)b << 16;
    }
    return (uint32_t)a << 16 | b;
}

FT_INLINE uint16_t ft__lay8(uint8_t a, uint8_t b)
{
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        return (uint16_t)(a | b << 8);
    }
    return (uint16_t)(a << 8 | b);
}

FT_INLINE void ft__store_u64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

FT_INLINE void ft__key_put(struct ft_packet *pkt, const struct ft_hash_seed *seed, uint64_t addrs,
                           uint64_t rest)
{
    uint8_t *key = (uint8_t *)&pkt->key;

    ft__store_u64(key, addrs);
    ft__store_u64(key + 8, rest);
    pkt->hash = ft_hash_16(seed, addrs, rest);
}

/* Sets key and hash; src and dst point at 4 bytes. Returns swap. */
FT_INLINE bool ft__key_ip4(struct ft_packet *pkt, const struct ft_hash_seed *seed,
                           const uint8_t *src, const uint8_t *dst, struct ft__ends e)
{
    uint64_t s = (uint64_t)ft_load_be32(src) << 16 | e.sport;
    uint64_t d = (uint64_t)ft_load_be32(dst) << 16 | e.dport;
    bool swap = s > d && (e.bits & FT_KEY_ONE_WAY) == 0;
    uint64_t lo = swap ? d : s;
    uint64_t hi = swap ? s : d;

    ft__key_put(pkt, seed, ft__lay32(htobe32((uint32_t)(lo >> 16)), htobe32((uint32_t)(hi >> 16))),
                ft__lay32(ft__lay16((uint16_t)lo, (uint16_t)hi),
                          ft__lay16(e.scope, ft__lay8(e.proto, e.bits))));
    return swap;
}

/* Sets key, hash and addr6; src and dst point at 16 bytes. Returns swap. */
FT_INLINE bool ft__key_ip6(struct ft_packet *pkt, const struct ft_hash_seed *seed,
                           const uint8_t *src, const uint8_t *dst, struct ft__ends e)
{
    uint64_t s0 = ft_load_u64(src), s1 = ft_load_u64(src + 8);
    uint64_t d0 = ft_load_u64(dst), d1 = ft_load_u64(dst + 8);
    bool swap = false;

    if (s0 != d0) {
        swap = be64toh(s0) > be64toh(d0);
    } else if (s1 != d1) {
        swap = be64toh(s1) > be64toh(d1);
    } else {
        swap = e.sport > e.dport;
    }
    swap = swap && (e.bits & FT_KEY_ONE_WAY) == 0;

    ft__store_u64(pkt->addr6, swap ? d0 : s0);
    ft__store_u64(pkt->addr6 + 8, swap ? d1 : s1);
    ft__store_u64(pkt->addr6 + 16, swap ? s0 : d0);
    ft__store_u64(pkt->addr6 + 24, swap ? s1 : d1);
    ft__key_put(pkt, seed, ft_hash_32(seed, pkt->addr6),
                ft__lay32(ft__lay16(swap ? e.dport : e.sport, swap ? e.sport : e.dport),
                          ft__lay16(e.scope, ft__lay8(e.proto, e.bits | FT_KEY_V6))));
    return swap;
}

/* Bytes of the frame on the wire: a tag that the kernel took off was there. */
FT_INLINE uint32_t ft__frame_len(const struct ft_view *v)
{
    return v->len + (v->flags & FT_VIEW_VLAN) * 4u;
}

_Static_assert(FT_VIEW_VLAN == 1, "the flag is used as a number");

#endif
