/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: what a connection hands out of bytes that are no IPFIX message does not depend on how
 * they came. Any portions: tests/fuzz/fuzz_stream.c. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "model/peer.h"
#include "source/source.h"

static uint16_t port;

static struct ft_source *listener(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];
    const char *target = url;
    struct ft_source_config cfg = {.targets = &target, .n_targets = 1, .fanout_n = 1};
    struct ft_source *s = NULL;
    struct ft_err err = {0};

    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    close(fd);
    port = ntohs(a.sin_port);
    snprintf(url, sizeof url, "ipfix+tcp://127.0.0.1:%u", port);
    CHECK_EQ(ft_source_udp.open(&cfg, &s, &err), FT_OK);
    return s;
}

/* Reads until the connection has ended; bytes of what it handed out, 0: nothing came in 5 s. */
static size_t handed_out(struct ft_source *s)
{
    struct ft_view v[8];
    size_t n = 0;

    for (int i = 0; i < 50; i++) {
        struct ft_batch b = {.views = v, .cap = 8};
        struct ft_err err;

        CHECK_EQ(s->ops->read(s, &b, 100, &err), FT_OK);
        for (uint32_t k = 0; k < b.n; k++) {
            const struct ft_peer *peer = (const void *)(v[k].data - sizeof *peer);

            n += v[k].len;
            if (peer->flags & FT_PEER_ENDED) {
                s->ops->release(s, b.token);
                return n;
            }
        }
        s->ops->release(s, b.token);
    }
    return 0;
}

/* Sends a request of another protocol in two portions, the reader looks in between. */
static size_t send_cut(struct ft_source *s, size_t first)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct ft_view v[8];
    struct ft_batch b = {.views = v, .cap = 8};
    struct ft_err err;
    uint32_t early = 0;
    size_t n;

    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    CHECK_EQ(write(fd, text, first), first);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(s->ops->read(s, &b, 30, &err), FT_OK);
        early += b.n;
        s->ops->release(s, b.token);
    }
    CHECK_EQ(early, 0); /* a header is 16 bytes */
    CHECK_EQ(write(fd, text + first, sizeof text - 1 - first), sizeof text - 1 - first);
    n = handed_out(s);
    close(fd);
    return n;
}

static void test_no_message(void)
{
    struct ft_source *s = listener();

    CHECK_EQ(send_cut(s, 4), 16);
    CHECK_EQ(send_cut(s, 1), 16);
    CHECK_EQ(send_cut(s, 15), 16);
    s->ops->close(s);
}

/* What comes behind bytes that are no message is not read, however late they are looked at: a whole
 * message there would be decoded or not as it happens. */
static void test_behind_no_message(void)
{
    static const uint8_t message[20] = {0, 10, 0, 20, [16] = 1, 0, 0, 4};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct ft_source *s = listener();
    struct ft_view v[3];
    struct ft_err err;
    uint8_t bytes[4 * sizeof message + 16];
    uint32_t n = 0;

    a.sin_port = htons(port);
    for (size_t i = 0; i < 4; i++) {
        memcpy(bytes + i * sizeof message, message, sizeof message);
    }
    memcpy(bytes + 4 * sizeof message, "GET / HTTP/1.1\r\n", 16);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK_EQ(write(fd, bytes, sizeof bytes), sizeof bytes);
    for (int i = 0; i < 50 && n < 3; i++) {
        struct ft_batch b = {.views = v, .cap = 3};

        CHECK_EQ(s->ops->read(s, &b, 100, &err), FT_OK);
        n += b.n;
        s->ops->release(s, b.token);
    }
    CHECK_EQ(n, 3); /* the fourth is in the buffer, with what is none behind */
    CHECK_EQ(write(fd, message, sizeof message), sizeof message);
    CHECK_EQ(handed_out(s), sizeof message + 16);
    close(fd);
    s->ops->close(s);
}

int main(void)
{
    RUN(test_no_message);
    RUN(test_behind_no_message);
    return test_end();
}
