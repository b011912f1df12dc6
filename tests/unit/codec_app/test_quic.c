/* SPDX-License-Identifier: Apache-2.0 */
/* codec: QUIC Initials. The packets are sealed here, which gives the published ones (RFC 9001 A.2,
 * RFC 9369 A.2), and opened by the code under test. */
#include <string.h>

#include "codec/app/quic.h"
#include "codec/app/tls.h"
#include "harness.h"

#ifdef FT_HAVE_OPENSSL

#include "quic_seal.h"

enum { HELLO_LEN = 241, PACKET_LEN = 1200 };

static const char hello_hex[] =
    "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201"
    "0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f"
    "1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "02400100390032"
    "0408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e5157080604"
    "8000ffff";

static struct seal client(uint32_t version, const char *salt, bool v2, uint32_t pn)
{
    static const uint8_t cid[8] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
    struct seal s = {.version = version,
                     .pn = pn,
                     .v2 = v2,
                     .salt = salt,
                     .key_cid_len = 8,
                     .dcid_len = 8,
                     .len = PACKET_LEN};

    memcpy(s.key_cid, cid, 8);
    memcpy(s.dcid, cid, 8);
    return s;
}

static struct seal server(struct seal s)
{
    s.server = true;
    s.dcid_len = 0;
    return s;
}

static void seal_hello(const struct seal *s, uint32_t from, uint32_t to, uint8_t *out)
{
    uint8_t hello[HELLO_LEN];

    CHECK_EQ(from_hex(hello_hex, hello), HELLO_LEN);
    seal(s, false, from, hello + from, to - from, out);
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

/* With a work area whose end the sanitizer knows. */
static uint32_t open_packet(struct ft_quic *q, bool from_server, const uint8_t *p, size_t len,
                            struct got *g)
{
    uint8_t *work = malloc(len > 0 ? len : 1);
    uint32_t n = ft_quic_open(q, from_server, p, len, work, take, g);

    free(work);
    return n;
}

static void check_hello(const struct got *g)
{
    static struct ft_tls_hello h;
    static struct ft_tls_work work;
    char ja4[FT_JA4_TEXT];

    CHECK_EQ(g->n, HELLO_LEN);
    CHECK_EQ(ft_tls_hello(g->data, g->n, &h), FT_PARSE_DONE);
    CHECK_EQ(h.sni.len, 11);
    CHECK_MEM(h.sni.p, "example.com", 11);
    CHECK_MEM(h.alpn.p, "alpn", 4);
    CHECK(ft_tls_ja4(&h, 'q', &work, ja4));
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
        struct seal s = client(rows[i].version, i == 0 ? salt_v1 : salt_v2, i != 0, 2);
        uint8_t packet[PACKET_LEN], want[128];
        struct ft_quic q = {0};
        struct got g = {.n = 0};
        size_t n = from_hex(rows[i].begin, want);

        seal_hello(&s, 0, HELLO_LEN, packet);
        CHECK_MEM(packet, want, n);
        CHECK(ft_quic_is(packet, sizeof packet, sizeof packet, false));
        CHECK_EQ(open_packet(&q, false, packet, sizeof packet, &g), 1);
        CHECK_EQ(q.version, rows[i].version);
        check_hello(&g);
    }
}

/* The server's Initial of RFC 9001 A.3, as it is printed there. */
static void test_published_server(void)
{
    static const char hex[] =
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554"
        "780"
        "bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562"
        "bfb1"
        "9fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee";
    struct seal s = client(1, salt_v1, false, 2);
    struct ft_quic q = {0};
    struct got first = {.n = 0}, g = {.n = 0};
    uint8_t packet[PACKET_LEN];
    static struct ft_tls_hello h;
    size_t n;

    seal_hello(&s, 0, HELLO_LEN, packet);
    CHECK_EQ(open_packet(&q, false, packet, PACKET_LEN, &first), 1);
    n = from_hex(hex, packet);
    CHECK_EQ(n, 135);
    CHECK_EQ(open_packet(&q, true, packet, n, &g), 1);
    CHECK_EQ(ft_tls_hello(g.data, g.n, &h), FT_PARSE_DONE);
    CHECK(!h.client);
    CHECK_EQ(h.cipher, 0x1301);
    CHECK_EQ(h.version, 0x0304);
}

/* Every version with its salt, the client's and the server's Initial. */
static void test_versions(void)
{
    static const struct {
        uint32_t first, last;
        const char *salt;
        bool v2;
    } rows[] = {
        {1, 1, salt_v1, false},
        {0x6b3343cf, 0x6b3343cf, salt_v2, true},
        {0xff000016, 0xff000016, salt_22, false},
        {0xff000017, 0xff00001c, salt_23, false},
        {0xff00001d, 0xff000020, salt_29, false},
        {0xff000021, 0xff000022, salt_v1, false},
        {0xfaceb001, 0xfaceb001, salt_22, false},
        {0xfaceb002, 0xfaceb002, salt_23, false},
        {0xfaceb003, 0xfaceb004, salt_v1, false},
        {0xfaceb00e, 0xfaceb013, salt_23, false},
        {0x1a2a3a4a, 0x1a2a3a4a, salt_v1, false}, /* reserved */
        {0xdadadada, 0xdadadada, salt_29, false},
        {0x709a50c4, 0x709a50c4, "a707c203a59b47184a1d62ca570406ea7ae3e5d3", true},
        {0x54303530, 0x54303530, "7ff579e5acd072915580304c43a2367c60488310", false},
        {0x54303531, 0x54303531, "7a4edef4e7ccee5fa4506c19124fc8ccda6e033d", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (uint32_t v = rows[i].first; v <= rows[i].last; v++) {
            struct seal c = client(v, rows[i].salt, rows[i].v2, 0), s = server(c);

            c.google = s.google = v >> 8 == 0x543035; /* "T05" */
            struct ft_quic q = {0};
            struct got g = {.n = 0}, back = {.n = 0};
            uint8_t packet[PACKET_LEN];

            seal_hello(&c, 0, HELLO_LEN, packet);
            CHECK(ft_quic_is(packet, sizeof packet, sizeof packet, false));
            CHECK_EQ(open_packet(&q, false, packet, PACKET_LEN, &g), 1);
            CHECK_EQ(q.version, v);
            check_hello(&g);
            seal(&s, !s.google, 0, (const uint8_t *)"\2\0\0\1x", 5, packet);
            CHECK_EQ(open_packet(&q, true, packet, PACKET_LEN, &back), 1);
            CHECK_EQ(back.n, 5);
            CHECK_MEM(back.data, "\2\0\0\1x", 5);
        }
    }
    CHECK(!ft_quic_is((const uint8_t *)"\xc0\xff\x00\x00\x15\x00\x00", 7, 1200,
                      false)); /* draft 21 */
    CHECK(!ft_quic_is((const uint8_t *)"\x80\x00\x00\x00\x01\x00\x00", 7, 1200, false));
}

/* After a Retry the client starts again with another ID, from which the server's keys follow. */
static void test_retry(void)
{
    struct seal c = client(1, salt_v1, false, 0), s;
    struct ft_quic q = {0};
    struct got g = {.n = 0}, again = {.n = 0}, back = {.n = 0};
    uint8_t packet[PACKET_LEN];

    seal_hello(&c, 0, HELLO_LEN, packet);
    CHECK_EQ(open_packet(&q, false, packet, PACKET_LEN, &g), 1);
    c.pn = 1;
    c.key_cid_len = c.dcid_len = 5;
    memcpy(c.key_cid, "retry", 5);
    memcpy(c.dcid, "retry", 5);
    c.token_len = 50;
    seal_hello(&c, 0, HELLO_LEN, packet);
    CHECK_EQ(open_packet(&q, false, packet, PACKET_LEN, &again), 1);
    check_hello(&again);
    s = server(c);
    s.token_len = 0;
    seal(&s, true, 0, (const uint8_t *)"\2\0\0\1x", 5, packet);
    CHECK_EQ(open_packet(&q, true, packet, PACKET_LEN, &back), 1);
    CHECK_EQ(back.n, 5);
}

/* The server answers in another version that the client knows too (RFC 9368 §2.3). */
static void test_other_version(void)
{
    struct seal c = client(1, salt_v1, false, 0), s = server(c);
    struct ft_quic q = {0};
    struct got g = {.n = 0}, back = {.n = 0};
    uint8_t packet[PACKET_LEN];

    seal_hello(&c, 0, HELLO_LEN, packet);
    CHECK_EQ(open_packet(&q, false, packet, PACKET_LEN, &g), 1);
    s.version = 0x6b3343cf;
    s.salt = salt_v2;
    s.v2 = true;
    seal(&s, true, 0, (const uint8_t *)"\2\0\0\1x", 5, packet);
    CHECK_EQ(open_packet(&q, true, packet, PACKET_LEN, &back), 1);
    CHECK_EQ(q.version, 0x6b3343cf);
}

static void test_negotiation(void)
{
    static const uint8_t packet[] = "\x80\0\0\0\0\1c\2ss\x2a\x3a\x4a\x5a\0\0\0\1";

    CHECK(ft_quic_is(packet, sizeof packet - 1, sizeof packet - 1, false));
    CHECK(!ft_quic_is(packet, sizeof packet - 2, sizeof packet - 2, false)); /* no whole versions */
    CHECK(!ft_quic_is(packet, 10, 10, false));                               /* none at all */
}

/* Any binary protocol may have a 1 behind a byte of high bits: the packet has to fit its datagram.
 */
static void test_shape(void)
{
    static const struct {
        const char *bytes;
        size_t len, wire;
        bool is;
    } rows[] = {
        {"\xc0\0\0\0\1\0\0\0", 8, 40, true}, /* cut before its length */
        {"\xc0\0\0\0\1\0\0\0\x14"
         "12345678901234567890",
         29, 29, true}, /* the least */
        {"\xc0\0\0\0\1\0\0\0\x13"
         "12345678901234567890",
         29, 29, false},
        {"\xc0\0\0\0\1\0\0\0\x15"
         "12345678901234567890",
         29, 29, false},
        {"\xc0\0\0\0\1\0\0\0\x15"
         "12345678901234567890",
         29, 30, true},
        {"\xc0\0\0\0\1\0\0\0", 8, 8, false},
        {"\xc0\0\0\0\1\x14"
         "12345678",
         14, 14, false},
        {"\xc0\0\0\0\1\x14"
         "12345678",
         14, 1200, true},
        {"\xc0\0\0\0\1\0\x15"
         "1",
         8, 1200, false},                             /* an ID of 21 bytes */
        {"\xc0\0\0\0\1\0\0\x7f\xff", 9, 1200, false}, /* a token longer than all */
        {"\xe0\0\0\0\1\0\0\x14"
         "12345678901234567890",
         28, 28, true},
        {"\xf0\0\0\0\1\0\0"
         "1234567890123456",
         23, 23, true}, /* Retry: a tag */
        {"\xf0\0\0\0\1\0\0"
         "123456789012345",
         22, 22, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_EQ(ft_quic_is((const uint8_t *)rows[i].bytes, rows[i].len, rows[i].wire, false),
                 rows[i].is);
        CHECK(ft_quic_is((const uint8_t *)rows[i].bytes, rows[i].len, rows[i].wire, true));
    }
}

/* The hello in three packets, the last one first; and two of them in one datagram behind a packet
 * of 0-RTT. */
static void test_in_parts(void)
{
    static const uint8_t early[] = "\xd0\0\0\0\1\0\0\2xx";
    uint8_t packet[16 + 2 * PACKET_LEN];
    struct ft_quic q = {0};
    struct got g = {.n = 0};
    struct seal s = client(1, salt_v1, false, 5);
    size_t n = sizeof early - 1;

    seal_hello(&s, 150, HELLO_LEN, packet);
    CHECK_EQ(open_packet(&q, false, packet, PACKET_LEN, &g), 1);
    s.pn = 3;
    memcpy(packet, early, n);
    seal_hello(&s, 0, 60, packet + n);
    s.pn = 4;
    seal_hello(&s, 60, 150, packet + n + PACKET_LEN);
    CHECK_EQ(open_packet(&q, false, packet, n + 2 * PACKET_LEN, &g), 2);
    check_hello(&g);
}

/* Cut or damaged anywhere, it is not opened, and nothing beyond its end is read. */
static void test_damaged(void)
{
    uint8_t packet[PACKET_LEN];
    struct got g = {.n = 0};
    struct seal s = client(1, salt_v1, false, 2);

    seal_hello(&s, 0, HELLO_LEN, packet);
    for (size_t n = 0; n < PACKET_LEN; n++) {
        struct ft_quic q = {0};
        uint8_t *copy = malloc(n + 1);

        CHECK(copy != NULL);
        memcpy(copy, packet, n);
        CHECK_EQ(open_packet(&q, false, copy, n, &g), 0);
        free(copy);
    }
    for (size_t n = 0; n < PACKET_LEN; n += 7) {
        struct ft_quic q = {0};

        packet[n] ^= 0x10;
        CHECK_EQ(open_packet(&q, false, packet, sizeof packet, &g), 0);
        packet[n] ^= 0x10;
    }
    CHECK_EQ(g.n, 0);
}

int main(void)
{
    RUN(test_published);
    RUN(test_published_server);
    RUN(test_versions);
    RUN(test_retry);
    RUN(test_other_version);
    RUN(test_negotiation);
    RUN(test_shape);
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
