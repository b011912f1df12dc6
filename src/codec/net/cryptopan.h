/* SPDX-License-Identifier: Apache-2.0 */
/* codec/net: Crypto-PAn, prefix-preserving anonymisation of IP addresses.
 *
 * Theory of operation (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization, 2002): bit
 * i of the result is bit i of the address xor the first bit of AES-128 over a block that holds the
 * first i bits of the address and, after them, bits of a secret pad. So two addresses that share a
 * prefix of n bits share one of n bits afterwards, and nothing else is kept. IPv6 addresses go the
 * same way over 128 bits. The key is 32 bytes: 16 of AES key, 16 that are encrypted into the pad.
 *
 * Pseudonyms of what is no IP address are CBC-MACs under the same key. Their first block differs
 * from the pad in its last bit, which no block of the mapping does, and carries kind and length, so
 * that no two of these uses ever encrypt the same first block.
 *
 * An instance belongs to one thread; it keeps the last addresses it mapped. */
#ifndef FT_CODEC_NET_CRYPTOPAN_H
#define FT_CODEC_NET_CRYPTOPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

enum { FT_CRYPTOPAN_KEY = 32, FT_CRYPTOPAN_NAME = 16 /* digits that stand for a name */ };

/* What becomes of names: none, or digits that stand for them. */
enum ft_names { FT_NAMES_DROP, FT_NAMES_HASH };

struct ft_cryptopan;

/* Reads a key from the bytes of a key file: 32 raw bytes, or 64 hex digits (white space around them
 * is ignored). FT_E_FORMAT otherwise. */
FT_NODISCARD int ft_cryptopan_key(const uint8_t *data, size_t len, uint8_t out[FT_CRYPTOPAN_KEY]);

/* FT_E_NOMEM; FT_E_UNSUPPORTED in a build without OpenSSL. Freed with _free. */
FT_NODISCARD int ft_cryptopan_new(const uint8_t key[FT_CRYPTOPAN_KEY], struct ft_cryptopan **out);
void ft_cryptopan_free(struct ft_cryptopan *c);

/* Maps an address of len 4 or 16 bytes, network order, in place. */
void ft_cryptopan_map(struct ft_cryptopan *c, uint8_t *addr, size_t len);

/* The same by IP version; 0: there is none. */
FT_INLINE void ft_cryptopan_map_ip(struct ft_cryptopan *c, uint8_t version, uint8_t *addr)
{
    if (version != 0) {
        ft_cryptopan_map(c, addr, version == 4 ? 4 : 16);
    }
}

/* Takes the mapping of an address back, in place. */
void ft_cryptopan_unmap(struct ft_cryptopan *c, uint8_t *addr, size_t len);

/* A 64-bit id under the same key, for ids that were derived from the addresses. */
uint64_t ft_cryptopan_id(struct ft_cryptopan *c, uint64_t id);

/* Maps a MAC address in place: a pseudonym of 46 bits under the same key. The group bit stays (a
 * multicast address is one afterwards); the local bit is set, so that no maker is named. */
void ft_cryptopan_mac(struct ft_cryptopan *c, uint8_t mac[6]);

/* A keyed digest of a text; equal texts have equal ones. len: at most 65535. */
uint64_t ft_cryptopan_digest(struct ft_cryptopan *c, const uint8_t *text, size_t len);

/* Writes chars hex digits that stand for a text, which may be where they are written. */
void ft_cryptopan_name(struct ft_cryptopan *c, const uint8_t *text, size_t len, uint8_t *out,
                       size_t chars);

#endif
