/* SPDX-License-Identifier: Apache-2.0 */
/* base: SHA-1 (RFC 3174) of short messages, for Community ID; not for security. */
#ifndef FT_BASE_SHA1_H
#define FT_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { FT_SHA1_SHORT = 55 }; /* longest message of one block */

/* The digest of len <= FT_SHA1_SHORT bytes. */
void ft_sha1_short(const uint8_t *data, size_t len, uint8_t out[20]);

/* The same, by no means of a processor's own. */
void ft__sha1_portable(const uint8_t *data, size_t len, uint8_t out[20]);

#endif
