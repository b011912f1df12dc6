/* SPDX-License-Identifier: Apache-2.0 */
/* feature: names of flows of QUIC: both hellos, over several datagrams, after a Retry, behind
 * 0-RTT, after version negotiation, in one large frame. */
#include <string.h>

#include "feature/app/app.h"
#include "harness.h"
#include "model/record.h"

#ifdef FT_HAVE_OPENSSL

#include "../codec_app/quic_seal.h"

enum { MOST = 16000, SERVER_LEN = 54 };

static struct ft_apps *apps;
static uint8_t packet[MOST];

static bool see(int dir, const uint8_t *data, uint32_t len)
{
    struct ft_app_packet p = {.data = data,
                              .cap = len,
                              .len = len,
                              .src_port = 50000,
                              .dst_port = 443,
                              .dir = (uint8_t)dir,
                              .proto = 17};

    return ft_apps_see(apps, 0, &p);
}

static void put16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* A ClientHello of len bytes for example.com, with one cipher; its key share makes up the length.
 */
static void make_client(uint8_t *out, size_t len)
{
    size_t at = 0, share = len - 78;

    memset(out, 'k', len);
    put16(out, 0x0100);
    put16(out + 2, len - 4);
    put16(out + 4, 0x0303);
    at = 6 + 32;
    out[at++] = 0;
    memcpy(out + at, "\0\2\x13\1\1\0", 6);
    at += 6;
    put16(out + at, len - at - 2);
    memcpy(out + at + 2,
           "\0\0\0\x10\0\x0e\0\0\x0b"
           "www.site.de",
           20);
    at += 22;
    memcpy(out + at, "\0\x2b\0\3\2\3\4", 7);
    at += 7;
    put16(out + at, 51);
    put16(out + at + 2, share);
    CHECK_EQ(at + 4 + share, len);
}

static void make_server(uint8_t out[SERVER_LEN])
{
    memset(out, 'r', SERVER_LEN);
    memcpy(out, "\2\0\0\x32\3\3", 6);
    memcpy(out + 38, "\0\x13\2\0\0\x0a\0\x2b\0\2\3\4", 12); /* and an empty extension */
    memcpy(out + 50, "\0\x33\0\0", 4);
}

static struct seal client_seal(void)
{
    struct seal s = {.version = 1, .salt = salt_v1, .key_cid_len = 8, .dcid_len = 8, .len = 1200};

    memcpy(s.key_cid, "original", 8);
    memcpy(s.dcid, "original", 8);
    return s;
}

static struct seal server_seal(struct seal s)
{
    s.server = true;
    s.dcid_len = s.token_len = 0;
    return s;
}

static void send_client(struct seal *s, const uint8_t *hello, uint32_t from, uint32_t to)
{
    seal(s, false, from, hello + from, to - from, packet);
    s->pn++;
    see(FT_DIR_FWD, packet, (uint32_t)s->len);
}

static void send_server(struct seal s)
{
    uint8_t hello[SERVER_LEN];

    make_server(hello);
    seal(&s, true, 0, hello, SERVER_LEN, packet);
    see(FT_DIR_REV, packet, (uint32_t)s.len);
}

/* both: the server's hello was read too. */
static void check(bool both, uint32_t version)
{
    const struct ft_app_info *i = ft_apps_get(apps, 0);

    CHECK(i != NULL);
    if (i == NULL) {
        return;
    }
    CHECK_EQ(i->app, FT_APP_QUIC);
    CHECK_EQ(i->confidence, both ? FT_APP_BY_EXCHANGE : FT_APP_BY_MESSAGE);
    CHECK_EQ(i->name.len, 11);
    CHECK_MEM(i->name_text, "www.site.de", 11);
    CHECK_EQ(i->tls.quic_version, version);
    CHECK_EQ(i->tls.has_server, both);
    CHECK_EQ(i->tls.cipher, both ? 0x1302 : 0);
    CHECK_EQ(i->tls.version, 0x0304);
    CHECK_MEM(i->tls.ja4, "q13d010300_", 11);
    CHECK_EQ(i->tls.ja3s[0] != '\0', both);
    ft_apps_end(apps, 0);
}

static void test_both_hellos(void)
{
    struct seal c = client_seal();
    uint8_t hello[300];

    make_client(hello, sizeof hello);
    send_client(&c, hello, 0, sizeof hello);
    send_server(server_seal(c));
    check(true, 1);
    send_client(&c, hello, 0, sizeof hello);
    c.grease = true; /* RFC 9287 */
    send_server(server_seal(c));
    check(true, 1);
    c.grease = false;
    send_client(&c, hello, 0, sizeof hello);
    check(false, 1); /* of one side nothing is known: that it answers says nothing */
    send_client(&c, hello, 0, sizeof hello);
    see(FT_DIR_REV, (const uint8_t *)"\xc0\0\0\0\1\0\0\0\4\0\0\0\0", 13);
    check(false, 1);
}

/* 3000 bytes over datagrams, the last one first; 12000 bytes in one frame. */
static void test_long_hellos(void)
{
    struct seal c = client_seal();
    uint8_t hello[12000];

    make_client(hello, 3000);
    send_client(&c, hello, 2000, 3000);
    send_client(&c, hello, 0, 1000);
    send_client(&c, hello, 1000, 2000);
    send_server(server_seal(c));
    check(true, 1);
    make_client(hello, 12000);
    c.len = 12400;
    send_client(&c, hello, 0, 12000);
    check(false, 1);
}

/* A hello of 600 bytes in 60 frames, every second one first, in one datagram and over three: as
 * browsers send it so that nobody learns to read it (chaos protection). */
static void test_many_frames(void)
{
    enum { FRAME = 10, FRAMES = 60 };
    uint8_t hello[FRAME * FRAMES];

    make_client(hello, sizeof hello);
    for (int datagrams = 1; datagrams <= 3; datagrams += 2) {
        struct seal c = client_seal();
        uint8_t frames[1100];
        size_t len = 0;

        for (int i = 0; i < FRAMES; i++) {
            uint32_t n = (uint32_t)(2 * i % FRAMES + 2 * i / FRAMES);

            frames[len++] = 6;
            put16(frames + len, 0x4000 | n * FRAME);
            frames[len + 2] = FRAME;
            memcpy(frames + len + 3, hello + n * FRAME, FRAME);
            len += 3 + FRAME;
            if ((i + 1) % (FRAMES / datagrams) == 0) {
                seal_frames(&c, frames, len, packet);
                c.pn++;
                see(FT_DIR_FWD, packet, (uint32_t)c.len);
                len = 0;
            }
        }
        send_server(server_seal(c));
        check(true, 1);
    }
}

/* Half a hello, and then a connection of its own between the same ports: what was kept belongs to
 * the first, and the server's hello to the last. */
static void test_another_connection(void)
{
    struct seal c = client_seal(), other = client_seal();
    uint8_t hello[1500], last[1500];

    make_client(last, sizeof last);
    memcpy(hello, last, sizeof hello);
    memcpy(hello + 56, "xxx", 3);
    CHECK_MEM(hello + 56, "xxx.site.de", 11);
    memcpy(other.key_cid, "another1", 8);
    memcpy(other.dcid, "another1", 8);
    for (int whole = 0; whole < 2; whole++) {
        send_client(&c, hello, 0, whole ? 750 : 900);
        if (whole) {
            send_client(&c, hello, 750, sizeof hello);
        }
        send_client(&other, last, 900, sizeof last);
        send_client(&other, last, 0, 900);
        send_server(server_seal(other));
        check(true, 1);
    }
}

/* Two datagrams that were put together on the way (GRO). */
static void test_joined_datagrams(void)
{
    struct seal c = client_seal();
    uint8_t hello[1500];

    make_client(hello, sizeof hello);
    seal(&c, false, 0, hello, 1000, packet);
    c.pn++;
    seal(&c, false, 1000, hello + 1000, 500, packet + 1200);
    see(FT_DIR_FWD, packet, 2400);
    check(false, 1);
}

/* The client's hello was read before the Retry; the server's follows from the new ID. */
static void test_retry(void)
{
    static const uint8_t retry[] = "\xf0\0\0\0\1\0\5retrytoken0123456789abcdef";
    struct seal c = client_seal();
    uint8_t hello[300];

    make_client(hello, sizeof hello);
    send_client(&c, hello, 0, sizeof hello);
    see(FT_DIR_REV, retry, sizeof retry - 1);
    c.key_cid_len = c.dcid_len = 5;
    memcpy(c.key_cid, "retry", 5);
    memcpy(c.dcid, "retry", 5);
    c.token_len = 5;
    memcpy(c.token, "token", 5);
    send_client(&c, hello, 0, sizeof hello);
    send_server(server_seal(c));
    check(true, 1);
}

/* More 0-RTT than a flow without hello would be looked at for. */
static void test_early_data(void)
{
    static const uint8_t early[] = "\xd0\0\0\0\1\x08original\0\x10xxxxxxxxxxxxxxxx";
    struct seal c = client_seal();
    uint8_t hello[300];

    make_client(hello, sizeof hello);
    send_client(&c, hello, 0, sizeof hello);
    for (int i = 0; i < 20; i++) {
        CHECK(see(FT_DIR_FWD, early, sizeof early - 1));
    }
    send_server(server_seal(c));
    check(true, 1);
}

/* A version that nobody has, the server's list, and again in one that both have. */
static void test_negotiation(void)
{
    static const uint8_t list[] = "\x80\0\0\0\0\0\x08original\0\0\0\1\x6b\x33\x43\xcf";
    struct seal c = client_seal();
    uint8_t hello[300], unknown[1200] = "\xc0\x1a\x2a\x3a\x4a\x08original\0";

    make_client(hello, sizeof hello);
    CHECK(see(FT_DIR_FWD, unknown, sizeof unknown));
    CHECK(see(FT_DIR_REV, list, sizeof list - 1));
    c.version = 0x6b3343cf;
    c.salt = salt_v2;
    c.v2 = true;
    send_client(&c, hello, 0, sizeof hello);
    send_server(server_seal(c));
    check(true, 0x6b3343cf);
}

int main(void)
{
    CHECK_EQ(ft_apps_new(1, &apps), FT_OK);
    RUN(test_both_hellos);
    RUN(test_long_hellos);
    RUN(test_many_frames);
    RUN(test_another_connection);
    RUN(test_joined_datagrams);
    RUN(test_retry);
    RUN(test_early_data);
    RUN(test_negotiation);
    ft_apps_free(apps);
    return test_end();
}

#else

int main(void)
{
    return test_skip("this build has no OpenSSL");
}

#endif
