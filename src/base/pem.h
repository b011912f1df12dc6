/* SPDX-License-Identifier: Apache-2.0 */
/* base: certificates and keys that were read (whole.h), into OpenSSL. Nobody is asked for the
 * password of a key that is enciphered.
 *
 * What cannot be used is false, and OpenSSL's last error tells why; nothing is left out silently: a
 * certificate that is damaged is no end of a file. */
#ifndef FT_BASE_PEM_H
#define FT_BASE_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "flowtap/errors.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* All of a file of PEM, *out_len bytes and a NUL, for ft_whole_forget(). FT_E_USAGE, FT_E_NOMEM:
 * *out_why says it, valid until the next call. */
FT_NODISCARD int ft_pem_read(const char *path, char **out, size_t *out_len, const char **out_why);

/* Every certificate of a text is one of who may have signed the other side's; there is one at
 * least.
 */
bool ft_pem_authorities(struct ssl_ctx_st *ctx, const char *text, size_t len);
/* Their names are told to who has to choose among certificates. */
bool ft_pem_names(struct ssl_ctx_st *ctx, const char *text, size_t len);
/* Ours, and those between it and its authority. */
bool ft_pem_chain(struct ssl_ctx_st *ctx, const char *text, size_t len);
/* The key of ours, which is there: of another kind, too, it does not fit. */
bool ft_pem_key(struct ssl_ctx_st *ctx, const char *text, size_t len);

/* For what other libraries are handed: is it known that a key is not that of a certificate? Not of
 * one that is enciphered, nor in a build without OpenSSL. *out_why: static. */
bool ft_pem_unfit(const char *cert, size_t cert_len, const char *key, size_t key_len,
                  const char **out_why);

#endif
