/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: more connections than there are places: the ones that are there go on, the thread
 * sleeps, and a place that becomes free is taken. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "model/peer.h"
#include "source/udp.h"

extern const struct ft_source_ops ft_source_udp;

enum { CONNECTIONS = UDP_STREAMS_MAX + 4 };

static int conn[CONNECTIONS];
static uint16_t port;

/* A port that nobody has at the moment. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static struct ft_source *listener(void)
{
    char url[64];
    const char *target = url;
    struct ft_source_config cfg = {.targets = &target, .n_targets = 1, .fanout_n = 1};
    struct ft_source *s = NULL;
    struct ft_err err = {0};

    port = free_port();
    snprintf(url, sizeof url, "ipfix+tcp://127.0.0.1:%u", port);
    CHECK_EQ(ft_source_udp.open(&cfg, &s, &err), FT_OK);
    return s;
}

static int join(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

/* Reads once; the messages that came, ends of connections not counted. */
static uint32_t messages(struct ft_source *s, int timeout_ms)
{
    struct ft_view v[64];
    struct ft_batch b = {.views = v, .cap = 64};
    struct ft_err err;
    uint32_t n = 0;

    CHECK_EQ(s->ops->read(s, &b, timeout_ms, &err), FT_OK);
    for (uint32_t i = 0; i < b.n; i++) {
        n += v[i].len > 0;
    }
    s->ops->release(s, b.token);
    return n;
}

static int64_t cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_THREAD, &u);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static void say(int fd)
{
    static const uint8_t empty[16] = {0, 10, 0, 16};

    CHECK_EQ(write(fd, empty, sizeof empty), sizeof empty);
}

static void test_more_than_places(void)
{
    struct ft_source *s = listener();
    uint32_t n = 0;
    int64_t cpu;
    int reads = 0;

    for (int i = 0; i < CONNECTIONS; i++) {
        conn[i] = join();
        messages(s, 0);
    }
    cpu = cpu_us();
    for (; reads < 10; reads++) { /* each waits its 30 ms */
        CHECK_EQ(messages(s, 30), 0);
    }
    CHECK(cpu_us() - cpu < 100000);
    int64_t waited;
    struct timespec from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    CHECK_EQ(messages(s, 50), 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    waited = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    CHECK(waited >= 40); /* a connection without a place does not keep it awake */

    say(conn[0]);
    say(conn[CONNECTIONS - 1]); /* has no place yet */
    for (int i = 0; i < 20 && n < 1; i++) {
        n += messages(s, 20);
    }
    CHECK_EQ(n, 1);
    for (int i = 1; i < 8; i++) {
        close(conn[i]);
    }
    for (int i = 0; i < 50 && n < 2; i++) {
        n += messages(s, 20);
    }
    CHECK_EQ(n, 2);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (i == 0 || i >= 8) {
            close(conn[i]);
        }
    }
    s->ops->close(s);
}

int main(void)
{
    struct rlimit r = {4096, 4096};

    if (setrlimit(RLIMIT_NOFILE, &r) != 0) {
        getrlimit(RLIMIT_NOFILE, &r);
        if (r.rlim_cur < 2 * CONNECTIONS + 16) {
            return test_skip("too few file descriptors");
        }
    }
    RUN(test_more_than_places);
    return test_end();
}
