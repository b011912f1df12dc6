/* SPDX-License-Identifier: Apache-2.0 */
/* codec/net: Crypto-PAn, see cryptopan.h. AES comes from OpenSSL. */
#include "codec/net/cryptopan.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "codec/text/digits.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ft_cryptopan_key(const uint8_t *data, size_t len, uint8_t out[FT_CRYPTOPAN_KEY])
{
    if (len == FT_CRYPTOPAN_KEY) {
        memcpy(out, data, len);
        return FT_OK;
    }
    while (len > 0 && isspace(data[len - 1])) {
        len--;
    }
    while (len > 0 && isspace(data[0])) {
        data++;
        len--;
    }
    if (len != 2 * FT_CRYPTOPAN_KEY) {
        return FT_E_FORMAT;
    }
    for (size_t i = 0; i < FT_CRYPTOPAN_KEY; i++) {
        int hi = hex_digit(data[2 * i]), lo = hex_digit(data[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return FT_E_FORMAT;
        }
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return FT_OK;
}

#ifdef FT_HAVE_OPENSSL

#include <openssl/evp.h>

enum { BLOCK = 16, CACHE = 4096 };

struct ft_cryptopan {
    EVP_CIPHER_CTX *aes;
    uint8_t pad[BLOCK];
    struct cached {
        uint8_t from[BLOCK], to[BLOCK];
        uint8_t len; /* 0: empty */
    } cache[CACHE];
};

/* Encrypts n blocks in place. */
static void encrypt(struct ft_cryptopan *c, uint8_t *blocks, int n)
{
    int len = 0;

    if (EVP_EncryptUpdate(c->aes, blocks, &len, blocks, n * BLOCK) != 1) {
        memset(blocks, 0, (size_t)n * BLOCK); /* cannot happen with whole blocks of ECB */
    }
}

int ft_cryptopan_new(const uint8_t key[FT_CRYPTOPAN_KEY], struct ft_cryptopan **out)
{
    struct ft_cryptopan *c = ft_mem_alloc(1, sizeof *c);

    if (c == NULL) {
        return FT_E_NOMEM;
    }
    c->aes = EVP_CIPHER_CTX_new();
    if (c->aes == NULL || EVP_EncryptInit_ex(c->aes, EVP_aes_128_ecb(), NULL, key, NULL) != 1) {
        ft_cryptopan_free(c);
        return FT_E_NOMEM;
    }
    EVP_CIPHER_CTX_set_padding(c->aes, 0);
    memcpy(c->pad, key + BLOCK, BLOCK);
    encrypt(c, c->pad, 1);
    *out = c;
    return FT_OK;
}

void ft_cryptopan_free(struct ft_cryptopan *c)
{
    if (c != NULL) {
        EVP_CIPHER_CTX_free(c->aes);
        ft_mem_free(c);
    }
}

/* Block i: the first i bits of the address, then the pad. */
static void make_block(const struct ft_cryptopan *c, const uint8_t *addr, size_t i, uint8_t *b)
{
    uint8_t mask = (uint8_t)(0xff00 >> (i & 7));

    memcpy(b, c->pad, BLOCK);
    memcpy(b, addr, i >> 3);
    b[i >> 3] = (uint8_t)((addr[i >> 3] & mask) | (c->pad[i >> 3] & ~mask));
}

static void make_blocks(const struct ft_cryptopan *c, const uint8_t *addr, size_t bits,
                        uint8_t *blocks)
{
    for (size_t i = 0; i < bits; i++) {
        make_block(c, addr, i, blocks + i * BLOCK);
    }
}

static void map_slow(struct ft_cryptopan *c, uint8_t *addr, size_t len)
{
    uint8_t blocks[BLOCK * 8 * BLOCK] = {0}, flip[BLOCK] = {0};
    size_t bits = len * 8;

    make_blocks(c, addr, bits, blocks);
    encrypt(c, blocks, (int)bits);
    for (size_t i = 0; i < bits; i++) {
        flip[i >> 3] |= (uint8_t)((blocks[i * BLOCK] >> 7) << (7 - (i & 7)));
    }
    for (size_t i = 0; i < len; i++) {
        addr[i] ^= flip[i];
    }
}

void ft_cryptopan_map(struct ft_cryptopan *c, uint8_t *addr, size_t len)
{
    uint32_t h = (uint32_t)len;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ addr[i]) * 0x01000193u;
    }
    struct cached *e = &c->cache[(h ^ h >> 15) % CACHE];

    if (e->len != len || memcmp(e->from, addr, len) != 0) {
        memcpy(e->from, addr, len);
        map_slow(c, addr, len);
        memcpy(e->to, addr, len);
        e->len = (uint8_t)len;
        return;
    }
    memcpy(addr, e->to, len);
}

void ft_cryptopan_unmap(struct ft_cryptopan *c, uint8_t *addr, size_t len)
{
    for (size_t i = 0; i < len * 8; i++) { /* the bits before this one are true again */
        uint8_t block[BLOCK];

        make_block(c, addr, i, block);
        encrypt(c, block, 1);
        addr[i >> 3] ^= (uint8_t)((block[0] >> 7) << (7 - (i & 7)));
    }
}

static uint64_t load_u64(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

/* What a digest is of. Odd: the last bit tells its first block from those of the mapping. */
enum { KIND_MAC = 1, KIND_TEXT = 3 };

static uint64_t digest(struct ft_cryptopan *c, uint8_t kind, const uint8_t *data, size_t len)
{
    uint8_t block[BLOCK];

    memcpy(block, c->pad, BLOCK);
    block[BLOCK - 1] ^= kind;
    block[BLOCK - 2] ^= (uint8_t)len;
    block[BLOCK - 3] ^= (uint8_t)(len >> 8);
    encrypt(c, block, 1);
    for (size_t i = 0; i < len; i += BLOCK) {
        for (size_t k = 0; k < BLOCK && i + k < len; k++) {
            block[k] ^= data[i + k];
        }
        encrypt(c, block, 1);
    }
    return load_u64(block);
}

void ft_cryptopan_mac(struct ft_cryptopan *c, uint8_t mac[6])
{
    uint64_t d = digest(c, KIND_MAC, mac, 6);
    uint8_t group = mac[0] & 1;

    for (int i = 0; i < 6; i++) {
        mac[i] = (uint8_t)(d >> (8 * i));
    }
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 2 | group);
}

uint64_t ft_cryptopan_digest(struct ft_cryptopan *c, const uint8_t *text, size_t len)
{
    return digest(c, KIND_TEXT, text, len < UINT16_MAX ? len : UINT16_MAX);
}

uint64_t ft_cryptopan_id(struct ft_cryptopan *c, uint64_t id)
{
    uint8_t block[BLOCK];

    memcpy(block, c->pad, BLOCK);
    for (int i = 0; i < 8; i++) {
        block[i] = (uint8_t)(block[i] ^ id >> (56 - 8 * i));
    }
    encrypt(c, block, 1);
    return load_u64(block);
}

#else

int ft_cryptopan_new(const uint8_t key[FT_CRYPTOPAN_KEY], struct ft_cryptopan **out)
{
    (void)key;
    (void)out;
    return FT_E_UNSUPPORTED;
}

void ft_cryptopan_free(struct ft_cryptopan *c)
{
    (void)c;
}

void ft_cryptopan_map(struct ft_cryptopan *c, uint8_t *addr, size_t len)
{
    (void)c;
    (void)addr;
    (void)len;
}

void ft_cryptopan_unmap(struct ft_cryptopan *c, uint8_t *addr, size_t len)
{
    ft_cryptopan_map(c, addr, len);
}

uint64_t ft_cryptopan_id(struct ft_cryptopan *c, uint64_t id)
{
    (void)c;
    return id;
}

void ft_cryptopan_mac(struct ft_cryptopan *c, uint8_t mac[6])
{
    (void)c;
    (void)mac;
}

uint64_t ft_cryptopan_digest(struct ft_cryptopan *c, const uint8_t *text, size_t len)
{
    (void)c;
    (void)text;
    (void)len;
    return 0;
}

#endif

void ft_cryptopan_name(struct ft_cryptopan *c, const uint8_t *text, size_t len, uint8_t *out,
                       size_t chars)
{
    uint8_t hex[FT_CRYPTOPAN_NAME + FT_PUT_SLACK];

    for (size_t at = 0; at < chars; at += FT_CRYPTOPAN_NAME) {
        size_t n = chars - at < FT_CRYPTOPAN_NAME ? chars - at : FT_CRYPTOPAN_NAME;

        if (at == 0) {
            ft_put_hex64(hex, ft_cryptopan_digest(c, text, len));
        } else { /* more than one digest's digits: the next is of the one before */
            ft_put_hex64(hex, ft_cryptopan_digest(c, hex, FT_CRYPTOPAN_NAME));
        }
        memcpy(out + at, hex, n);
    }
}
