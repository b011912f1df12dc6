/* SPDX-License-Identifier: Apache-2.0 */
/* codec: hashes and ciphers of fingerprints and QUIC, by OpenSSL; false where the build has none.
 */
#ifndef FT_CODEC_APP_DIGEST_H
#define FT_CODEC_APP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FT_SHA256 = 32 };

/* True when the functions below work. */
bool ft_digest_available(void);

/* 32 hex digits and NUL. */
bool ft_md5_text(const void *p, size_t len, char out[33]);

bool ft_sha256(const void *p, size_t len, uint8_t out[FT_SHA256]);

/* RFC 5869 §2.2 */
bool ft_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *key, size_t key_len,
                     uint8_t out[FT_SHA256]);

/* HKDF-Expand-Label of RFC 8446 §7.1 with an empty context, at most 32 bytes. label without
 * "tls13 ". */
bool ft_hkdf_label(const uint8_t secret[FT_SHA256], const char *label, uint8_t *out, size_t len);

/* One block of AES-128. */
bool ft_aes128_block(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);

/* Opens AES-128-GCM: len bytes of text and 16 of tag at in; the text goes to out. False also when
 * the tag is wrong. */
bool ft_aes128_gcm_open(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad,
                        size_t aad_len, const uint8_t *in, size_t len, uint8_t *out);

#endif
