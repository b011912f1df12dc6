/* SPDX-License-Identifier: Apache-2.0 */
/* codec: hashes and ciphers, see digest.h. */
#include "codec/app/digest.h"

#include <string.h>

#ifdef FT_HAVE_OPENSSL

#include <openssl/evp.h>
#include <openssl/hmac.h>

bool ft_digest_available(void)
{
    return true;
}

bool ft_md5_text(const void *p, size_t len, char out[33])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(p, len, md, &n, EVP_md5(), NULL) != 1 || n != 16) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        out[2 * i] = hex[md[i] >> 4];
        out[2 * i + 1] = hex[md[i] & 15];
    }
    out[32] = '\0';
    return true;
}

bool ft_sha256(const void *p, size_t len, uint8_t out[FT_SHA256])
{
    return EVP_Digest(p, len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool ft_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *key, size_t key_len,
                     uint8_t out[FT_SHA256])
{
    return HMAC(EVP_sha256(), salt, (int)salt_len, key, key_len, out, NULL) != NULL;
}

bool ft_hkdf_label(const uint8_t secret[FT_SHA256], const char *label, uint8_t *out, size_t len)
{
    uint8_t info[64], block[FT_SHA256];
    size_t n = strlen(label), at = 0;

    if (len > FT_SHA256 || n + 6 + 5 > sizeof info) {
        return false;
    }
    info[at++] = 0;
    info[at++] = (uint8_t)len;
    info[at++] = (uint8_t)(n + 6);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, n);
    at += 6 + n;
    info[at++] = 0; /* no context */
    info[at++] = 1; /* the first block, which is enough */
    if (HMAC(EVP_sha256(), secret, FT_SHA256, info, at, block, NULL) == NULL) {
        return false;
    }
    memcpy(out, block, len);
    return true;
}

bool ft_aes128_block(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_EncryptUpdate(c, out, &n, in, 16) == 1 &&
              n == 16;

    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool ft_aes128_gcm_open(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad,
                        size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t tag[16];
    int n = 0;

    memcpy(tag, in + len, sizeof tag);
    bool ok = c != NULL && EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, aad, (int)aad_len) == 1 &&
              EVP_DecryptUpdate(c, out, &n, in, (int)len) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, sizeof tag, tag) == 1 &&
              EVP_DecryptFinal_ex(c, out + n, &n) == 1;

    EVP_CIPHER_CTX_free(c);
    return ok;
}

#else

bool ft_digest_available(void)
{
    return false;
}

bool ft_md5_text(const void *p, size_t len, char out[33])
{
    (void)p;
    (void)len;
    out[0] = '\0';
    return false;
}

bool ft_sha256(const void *p, size_t len, uint8_t out[FT_SHA256])
{
    (void)p;
    (void)len;
    (void)out;
    return false;
}

bool ft_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *key, size_t key_len,
                     uint8_t out[FT_SHA256])
{
    (void)salt;
    (void)salt_len;
    (void)key;
    (void)key_len;
    (void)out;
    return false;
}

bool ft_hkdf_label(const uint8_t secret[FT_SHA256], const char *label, uint8_t *out, size_t len)
{
    (void)secret;
    (void)label;
    (void)out;
    (void)len;
    return false;
}

bool ft_aes128_block(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
    (void)key;
    (void)in;
    (void)out;
    return false;
}

bool ft_aes128_gcm_open(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad,
                        size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    (void)key;
    (void)iv;
    (void)aad;
    (void)aad_len;
    (void)in;
    (void)len;
    (void)out;
    return false;
}

#endif
