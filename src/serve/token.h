/* SPDX-License-Identifier: Apache-2.0 */
/* serve: tokens that stand for addresses and flows.
 *
 * Theory of operation: a token holds what it stands for, encrypted, so that there is no table:
 * whoever has the key can turn it back, any process, after any time. A Feistel network of ten
 * rounds over as many bits as the value has (its rounds are digests under the key, AES in CBC-MAC)
 * gives each value one token of its own; what is left of the last letters is a check under the
 * same key, so that a token of another key, or one that was made up, is known (all but one in 4096
 * or 2048).
 *
 *     int-host-k3f9x2mda    IPv4: 32 bits and 13 of check
 *     ext-host-...          IPv6: 28 letters, 128 bits and 12 of check
 *     flow-...              15 letters, 64 bits and 11 of check
 *
 * The word says what kind of address it is: int (private), ext, link (of one link), loop, multi
 * (multicast, broadcast); the check is of the word, too. */
#ifndef FT_SERVE_TOKEN_H
#define FT_SERVE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/net/cryptopan.h"

enum { FT_TOKEN = 48 /* bytes of one with its NUL */ };

/* 16 bytes, IPv4 mapped into IPv6. */
void ft_token_address(struct ft_cryptopan *c, const uint8_t address[16], char out[FT_TOKEN]);
void ft_token_flow(struct ft_cryptopan *c, uint64_t id, char out[FT_TOKEN]);

enum ft_token_kind { FT_TOKEN_NONE, FT_TOKEN_OTHER /* of another key */, FT_TOKEN_GOOD };

/* What a token of an address stands for, or of a flow. */
enum ft_token_kind ft_token_read_address(struct ft_cryptopan *c, const char *token,
                                         uint8_t out[16]);
enum ft_token_kind ft_token_read_flow(struct ft_cryptopan *c, const char *token, uint64_t *out);

#endif
