/* SPDX-License-Identifier: Apache-2.0 */
/* Seals Initials of QUIC as a client or server does, independently of the code under test but for
 * the hashes. Tests only. */
#ifndef FT_TEST_QUIC_SEAL_H
#define FT_TEST_QUIC_SEAL_H

#include <string.h>

#include <openssl/evp.h>

#include "codec/app/digest.h"
#include "harness.h"

struct seal {
    uint32_t version, pn;
    bool server, v2, google;
    bool grease;                      /* the fixed bit is 0 */
    const char *salt;                 /* 40 hex digits */
    uint8_t key_cid[20], key_cid_len; /* that keys follow from: the client's first destination */
    uint8_t dcid[20], dcid_len;
    uint8_t token[60], token_len;
    size_t len; /* of the whole packet */
};

static const char salt_v1[] = "38762cf7f55934b34d179ae6a4c80cadccbb7f0a";
static const char salt_v2[] = "0dede3def700a6db819381be6e269dcbf9bd2ed9";
static const char salt_22[] = "7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a";
static const char salt_23[] = "c3eef712c72ebb5a11a7d2432bb46365bef9f502";
static const char salt_29[] = "afbfec289993d24c9e9786f19c6111e04390a899";

static inline size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;

        CHECK(sscanf(hex + 2 * i, "%2x", &v) == 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

struct seal_keys {
    uint8_t key[16], iv[12], hp[16];
};

static inline struct seal_keys seal_keys(const struct seal *s)
{
    struct seal_keys k;
    uint8_t salt[20], initial[32], side[32];

    CHECK_EQ(from_hex(s->salt, salt), 20);
    CHECK(ft_hkdf_extract(salt, 20, s->key_cid, s->key_cid_len, initial));
    CHECK(ft_hkdf_label(initial, s->server ? "server in" : "client in", side, 32));
    CHECK(ft_hkdf_label(side, s->v2 ? "quicv2 key" : "quic key", k.key, 16));
    CHECK(ft_hkdf_label(side, s->v2 ? "quicv2 iv" : "quic iv", k.iv, 12));
    CHECK(ft_hkdf_label(side, s->v2 ? "quicv2 hp" : "quic hp", k.hp, 16));
    return k;
}

/* The header up to and with a packet number of four bytes. */
static inline size_t seal_header(const struct seal *s, uint8_t *h)
{
    size_t at = 0, rest;

    h[at++] = (s->v2 ? 0xd3 : 0xc3) & (s->grease ? 0xbf : 0xff);
    for (int i = 24; i >= 0; i -= 8) {
        h[at++] = (uint8_t)(s->version >> i);
    }
    h[at++] = s->dcid_len;
    memcpy(h + at, s->dcid, s->dcid_len);
    at += s->dcid_len;
    h[at++] = 0; /* no source ID */
    h[at++] = s->token_len;
    memcpy(h + at, s->token, s->token_len);
    at += s->token_len;
    rest = s->len - at - 2;
    h[at++] = (uint8_t)(0x40 | rest >> 8);
    h[at++] = (uint8_t)rest;
    for (int i = 24; i >= 0; i -= 8) {
        h[at++] = (uint8_t)(s->pn >> i);
    }
    return at;
}

/* A packet of these frames, filled up with padding. */
static inline void seal_frames(const struct seal *s, const uint8_t *frames, size_t n, uint8_t *out)
{
    struct seal_keys k = seal_keys(s);
    size_t at = seal_header(s, out), text_len = s->len - at - 16;
    uint8_t text[16384] = {0}, mask[16];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int m = 0;

    CHECK(n <= text_len && text_len <= sizeof text);
    memcpy(text, frames, n);
    for (int i = 0; i < 4; i++) {
        k.iv[8 + i] ^= (uint8_t)(s->pn >> (24 - 8 * i));
    }
    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, k.key, k.iv) == 1);
    CHECK(EVP_EncryptUpdate(c, NULL, &m, out, (int)at) == 1);
    CHECK(EVP_EncryptUpdate(c, out + at, &m, text, (int)text_len) == 1);
    CHECK(EVP_EncryptFinal_ex(c, out + at + m, &m) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, out + s->len - 16) == 1);
    EVP_CIPHER_CTX_free(c);
    CHECK(ft_aes128_block(k.hp, out + at, mask));
    out[0] ^= mask[0] & 0x0f;
    for (int i = 0; i < 4; i++) {
        out[at - 4 + (size_t)i] ^= mask[1 + i];
    }
}

/* One CRYPTO frame of n bytes at offset. ack: an ACK frame before it, as servers send. */
static inline void seal(const struct seal *s, bool ack, uint32_t offset, const uint8_t *data,
                        uint32_t n, uint8_t *out)
{
    uint8_t text[16384];
    size_t t = 0;

    CHECK(n + 16 < sizeof text);
    if (ack) {
        memcpy(text, "\x02\x00\x00\x00\x00", 5);
        t = 5;
    }
    text[t++] = s->google ? 8 : 6;
    if (offset < 64) {
        text[t++] = (uint8_t)offset;
    } else {
        text[t++] = (uint8_t)(0x40 | offset >> 8);
        text[t++] = (uint8_t)offset;
    }
    text[t++] = (uint8_t)(0x40 | n >> 8);
    text[t++] = (uint8_t)n;
    memcpy(text + t, data, n);
    seal_frames(s, text, t + n, out);
}

#endif
