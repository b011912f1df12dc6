/* SPDX-License-Identifier: Apache-2.0 */
/* codec: QUIC Initials. The packets are sealed here, which gives the published ones (RFC 9001 A.2,
 * RFC 9369 A.2), and opened by the code under test. */
#include <string.h>

#include "codec/app/digest.h"
#include "codec/app/quic.h"
#include "codec/app/tls.h"
#include "harness.h"

#ifdef FT_HAVE_OPENSSL

#include <openssl/evp.h>

enum { HELLO_LEN = 241, PACKET_LEN = 1200, HEADER_LEN = 22 };

static const char hello_hex[] =
    "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201"
    "0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f"
    "1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "02400100390032"
    "0408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e5157080604"
    "8000ffff";

static const uint8_t cid[8] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned v = 0;

        CHECK(sscanf(hex + 2 * i, "%2x", &v) == 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

/* A client's Initial of PACKET_LEN bytes with one CRYPTO frame: bytes [from, to) of the hello. */
static void seal(uint32_t version, uint32_t pn, uint32_t from, uint32_t to, uint8_t *out)
{
    static const uint8_t salt1[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    static const uint8_t salt2[] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                    0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
    bool v2 = version != 1;
    uint8_t initial[32], client[32], key[16], iv[12], hp[16], mask[16], hello[HELLO_LEN];
    uint8_t text[PACKET_LEN] = {0};
    size_t text_len = PACKET_LEN - HEADER_LEN - 16, at = 0;
    uint8_t *h = out;
    int n = 0;

    CHECK_EQ(from_hex(hello_hex, hello), HELLO_LEN);
    CHECK(ft_hkdf_extract(v2 ? salt2 : salt1, 20, cid, sizeof cid, initial));
    CHECK(ft_hkdf_label(initial, "client in", client, 32));
    CHECK(ft_hkdf_label(client, v2 ? "quicv2 key" : "quic key", key, 16));
    CHECK(ft_hkdf_label(client, v2 ? "quicv2 iv" : "quic iv", iv, 12));
    CHECK(ft_hkdf_label(client, v2 ? "quicv2 hp" : "quic hp", hp, 16));

    h[0] = v2 ? 0xd3 : 0xc3; /* packet number of four bytes */
    for (int i = 0; i < 4; i++) {
        h[1 + i] = (uint8_t)(version >> (24 - 8 * i));
        h[18 + i] = (uint8_t)(pn >> (24 - 8 * i));
        iv[8 + i] ^= (uint8_t)(pn >> (24 - 8 * i));
    }
    h[5] = 8;
    memcpy(h + 6, cid, 8);
    h[14] = h[15] = 0; /* no source ID, no token */
    h[16] = (uint8_t)(0x40 | (PACKET_LEN - 18) >> 8);
    h[17] = (uint8_t)(PACKET_LEN - 18);

    text[at++] = 6;
    if (from < 64) {
        text[at++] = (uint8_t)from;
    } else {
        text[at++] = (uint8_t)(0x40 | from >> 8);
        text[at++] = (uint8_t)from;
    }
    text[at++] = (uint8_t)(0x40 | (to - from) >> 8);
    text[at++] = (uint8_t)(to - from);
    memcpy(text + at, hello + from, to - from);

    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, iv) == 1);
    CHECK(EVP_EncryptUpdate(c, NULL, &n, h, HEADER_LEN) == 1);
    CHECK(EVP_EncryptUpdate(c, out + HEADER_LEN, &n, text, (int)text_len) == 1);
    CHECK(EVP_EncryptFinal_ex(c, out + HEADER_LEN + n, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, out + PACKET_LEN - 16) == 1);
    EVP_CIPHER_CTX_free(c);
    CHECK(ft_aes128_block(hp, out + 22, mask));
    h[0] ^= mask[0] & 0x0f;
    for (int i = 0; i < 4; i++) {
        h[18 + i] ^= mask[1 + i];
    }
}

struct got {
    uint8_t data[4096];
    uint32_t n;
};

static bool take(void *cookie, uint64_t offset, const uint8_t *data, size_t len)
{
    struct got *g = cookie;

    CHECK(offset + len <= sizeof g->data);
    memcpy(g->data + offset, data, len);
    g->n += (uint32_t)len;
    return true;
}

static void check_hello(const struct got *g)
{
    static struct ft_tls_hello h;
    char ja4[FT_JA4_TEXT];

    CHECK_EQ(g->n, HELLO_LEN);
    CHECK_EQ(ft_tls_hello(g->data, g->n, &h), FT_PARSE_DONE);
    CHECK_EQ(h.sni.len, 11);
    CHECK_MEM(h.sni.p, "example.com", 11);
    CHECK_MEM(h.alpn.p, "alpn", 4);
    CHECK(ft_tls_ja4(&h, 'q', ja4));
    CHECK_MEM(ja4, "q13d0211an_", 11);
}

static void test_published(void)
{
    static const struct {
        uint32_t version;
        const char *begin;
    } rows[] = {
        {1, "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b4"
            "7d92ec356c0bab7df5976d27cd449f63300099f399"},
        {0x6b3343cf,
         "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf"
         "03dceebfa162e75d6c96058bdbfb127cdfcbf903388e99ad049f9a3dd4425ae4"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t packet[PACKET_LEN], want[128];
        struct ft_quic q = {0};
        struct got g = {.n = 0};
        size_t n = from_hex(rows[i].begin, want);

        seal(rows[i].version, 2, 0, HELLO_LEN, packet);
        CHECK_MEM(packet, want, n);
        CHECK(ft_quic_is(packet, sizeof packet));
        CHECK_EQ(ft_quic_open(&q, packet, sizeof packet, take, &g), 1);
        CHECK_EQ(q.version, rows[i].version);
        check_hello(&g);
    }
}

/* The hello in three packets, the last one first, two of them in one datagram. */
static void test_in_parts(void)
{
    uint8_t packet[2 * PACKET_LEN];
    struct ft_quic q = {0};
    struct got g = {.n = 0};

    seal(1, 5, 150, HELLO_LEN, packet);
    CHECK_EQ(ft_quic_open(&q, packet, PACKET_LEN, take, &g), 1);
    seal(1, 3, 0, 60, packet);
    CHECK_EQ(ft_quic_open(&q, packet, PACKET_LEN, take, &g), 1);
    seal(1, 4, 60, 150, packet);
    CHECK_EQ(ft_quic_open(&q, packet, PACKET_LEN, take, &g), 1);
    check_hello(&g);
}

/* Cut or damaged anywhere, it is not opened, and nothing beyond its end is read. */
static void test_damaged(void)
{
    uint8_t packet[PACKET_LEN];
    struct got g = {.n = 0};

    seal(1, 2, 0, HELLO_LEN, packet);
    for (size_t n = 0; n < PACKET_LEN; n++) {
        struct ft_quic q = {0};
        uint8_t *copy = malloc(n + 1);

        CHECK(copy != NULL);
        memcpy(copy, packet, n);
        CHECK_EQ(ft_quic_open(&q, copy, n, take, &g), 0);
        free(copy);
    }
    for (size_t n = 0; n < PACKET_LEN; n += 7) {
        struct ft_quic q = {0};

        packet[n] ^= 0x10;
        CHECK_EQ(ft_quic_open(&q, packet, sizeof packet, take, &g), 0);
        packet[n] ^= 0x10;
    }
    CHECK_EQ(g.n, 0);
}

int main(void)
{
    RUN(test_published);
    RUN(test_in_parts);
    RUN(test_damaged);
    return test_end();
}

#else

int main(void)
{
    return test_skip("this build has no OpenSSL");
}

#endif
