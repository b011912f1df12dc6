/* SPDX-License-Identifier: Apache-2.0 */
/* source/udp: connections and datagrams side by side: each has its turn, however much the others
 * send and however small the batch is; more connections than there are places; idle ones. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "model/peer.h"
#include "source/udp/udp.h"

extern const struct ft_source_ops ft_source_udp;

enum { BUSY = UDP_STREAMS_MAX, CONNECTIONS = BUSY + 4, MESSAGE = 20, BIG = 65000 };

static const int64_t long_ns = (int64_t)3600 * 1000000000;

static int conn[CONNECTIONS];
static uint16_t port, udp_port;

/* A port that nobody has at the moment. */
static uint16_t free_port(int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, type, 0);

    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static struct ft_source *listener(int64_t idle_ns)
{
    char url[2][64];
    const char *targets[2] = {url[0], url[1]};
    struct ft_source_config cfg = {
        .targets = targets, .n_targets = 2, .fanout_n = 1, .queue = 1024, .tcp_idle_ns = idle_ns};
    struct ft_source *s = NULL;
    struct ft_err err = {0};

    for (int tries = 0; tries < 50 && s == NULL; tries++) { /* another may be faster */
        port = free_port(SOCK_STREAM);
        udp_port = free_port(SOCK_DGRAM);
        snprintf(url[0], sizeof url[0], "udp://0.0.0.0:%u", udp_port);
        snprintf(url[1], sizeof url[1], "ipfix+tcp://0.0.0.0:%u", port);
        if (ft_source_udp.open(&cfg, &s, &err) != FT_OK) {
            s = NULL;
        }
    }
    CHECK(s != NULL);
    udp_of(s)->quiet_ns = udp_of(s)->quiet_own_ns = long_ns; /* as if no time passed */
    return s;
}

/* A connection from 127.0.<net>.1. */
static int join(unsigned net)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in own = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(0x7f000001 | net << 8);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&own, sizeof own) == 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

static struct {
    uint32_t messages, ends, datagrams, bytes;
    uint32_t of[256]; /* messages by third byte of the sender's address */
} got;

/* Reads once, up to cap; FT_OK or FT_E_EOF. */
static int read_once(struct ft_source *s, uint32_t cap, int timeout_ms)
{
    struct ft_view v[64];
    struct ft_batch b = {.views = v, .cap = cap};
    struct ft_err err;
    int rc = s->ops->read(s, &b, timeout_ms, &err);

    CHECK(b.n <= cap);
    for (uint32_t i = 0; i < b.n; i++) {
        struct ft_peer peer;

        memcpy(&peer, v[i].data - sizeof peer, sizeof peer);
        got.ends += (peer.flags & FT_PEER_ENDED) != 0;
        if ((peer.flags & FT_PEER_STREAM) == 0) {
            got.datagrams++;
        } else if (v[i].len > 0) {
            got.messages++;
            got.of[peer.addr[2]]++;
            got.bytes += v[i].len;
        }
    }
    s->ops->release(s, b.token);
    return rc;
}

static void read_some(struct ft_source *s, int times, int timeout_ms)
{
    for (int i = 0; i < times; i++) {
        CHECK_EQ(read_once(s, 64, timeout_ms), FT_OK);
    }
}

static int64_t ms_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* n messages with an empty set, of which the socket takes what it can. */
static void say(int fd, uint32_t n)
{
    static uint8_t many[MESSAGE * 4096];

    for (uint32_t i = 0; i < 4096; i++) {
        uint8_t *m = many + (size_t)i * MESSAGE;

        m[1] = 10;
        m[3] = MESSAGE;
        m[17] = 2; /* the set */
        m[19] = 4;
    }
    CHECK(send(fd, many, (size_t)n * MESSAGE, MSG_DONTWAIT) > 0 || errno == EAGAIN);
}

static void say_half(int fd)
{
    CHECK_EQ(write(fd, (const uint8_t[8]){0, 10, 0, MESSAGE}, 8), 8);
}

static bool is_closed(int fd)
{
    uint8_t byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static struct ft_source_stats stats(struct ft_source *s)
{
    struct ft_source_stats st;

    s->ops->stats(s, &st);
    return st;
}

static void end(struct ft_source *s, int n)
{
    for (int i = 0; i < n; i++) {
        close(conn[i]);
    }
    s->ops->close(s);
    memset(&got, 0, sizeof got);
}

/* All places, so many connections a source; every one has sent a message. */
static struct ft_source *all_busy(unsigned each)
{
    struct ft_source *s = listener(0);

    for (int i = 0; i < BUSY; i++) {
        conn[i] = join(100 + (unsigned)i / each);
        say(conn[i], 1);
        read_some(s, 1, 0);
    }
    for (int i = 0; i < 100 && got.messages < BUSY; i++) {
        read_some(s, 1, 20);
    }
    CHECK_EQ(got.messages, BUSY);
    CHECK_EQ(stats(s).connections, BUSY);
    return s;
}

/* Who comes when all are busy waits, and wakes nobody; a place that becomes free is taken. */
static void test_more_than_places(void)
{
    struct ft_source *s = all_busy(UDP_SOURCE_FAIR);
    int64_t cpu, waited;

    for (int i = BUSY; i < CONNECTIONS; i++) {
        conn[i] = join(9);
    }
    cpu = ms_of(CLOCK_THREAD_CPUTIME_ID);
    read_some(s, 10, 30); /* each waits its 30 ms */
    CHECK(ms_of(CLOCK_THREAD_CPUTIME_ID) - cpu < 100);
    waited = ms_of(CLOCK_MONOTONIC);
    read_some(s, 1, 50);
    CHECK(ms_of(CLOCK_MONOTONIC) - waited >= 40);
    say(conn[0], 1);
    say(conn[CONNECTIONS - 1], 1); /* has no place yet */
    for (int i = 0; i < 20 && got.of[100] < UDP_SOURCE_FAIR + 1; i++) {
        read_some(s, 1, 20);
    }
    CHECK_EQ(got.of[100], UDP_SOURCE_FAIR + 1);
    CHECK_EQ(got.of[9], 0);
    for (int i = 1; i < 8; i++) {
        close(conn[i]);
        conn[i] = -1;
    }
    for (int i = 0; i < 50 && got.of[9] < 1; i++) {
        read_some(s, 1, 20);
    }
    CHECK_EQ(got.of[9], 1);
    CHECK_EQ(stats(s).connections_displaced + stats(s).connections_refused, 0);
    end(s, CONNECTIONS);
}

/* Silent connections do not lock anybody out: those go first that never sent a whole message, then
 * the one that is silent longest; the busy ones stay. */
static void test_idle_give_way(void)
{
    struct ft_source *s = all_busy(UDP_SOURCE_FAIR);

    for (int i = 3; i < 5; i++) { /* two places, taken by half a message */
        close(conn[i]);
        read_some(s, 3, 5);
        conn[i] = join(7);
        say_half(conn[i]);
        read_some(s, 3, 5);
    }
    CHECK_EQ(stats(s).connections, BUSY);
    for (int i = BUSY; i < BUSY + 2; i++) {
        conn[i] = join(8);
        read_some(s, 5, 5);
        say(conn[i], 1);
        read_some(s, 5, 5);
        CHECK(is_closed(conn[3 + i - BUSY])); /* the oldest first */
    }
    CHECK_EQ(got.of[8], 2);
    CHECK_EQ(got.of[7], 2); /* the halves: handed on, so that they are counted */
    CHECK_EQ(stats(s).connections_displaced, 2);

    conn[BUSY + 2] = join(8); /* now all have sent something: it waits */
    read_some(s, 5, 5);
    CHECK_EQ(stats(s).connections_displaced, 2);
    for (int i = 0; i < BUSY; i++) {
        if (i != 10 && i != 3 && i != 4) {
            say(conn[i], 1);
        }
        read_some(s, 1, 0);
    }
    read_some(s, 10, 5);
    udp_of(s)->quiet_ns = 0;
    read_some(s, 5, 5);
    CHECK(is_closed(conn[10]));
    CHECK_EQ(stats(s).connections_displaced, 3);
    CHECK_EQ(stats(s).connections, BUSY);
    end(s, BUSY + 3);
}

/* One source has a share of the places, among which its own give way. */
static void test_share_of_a_source(void)
{
    struct ft_source *s = listener(0);

    for (int i = 0; i < UDP_SOURCE_MAX; i++) {
        conn[i] = join(1);
        say(conn[i], 1);
        read_some(s, 2, 0);
    }
    conn[UDP_SOURCE_MAX] = join(2); /* of another */
    say(conn[UDP_SOURCE_MAX], 1);
    read_some(s, 10, 5);
    CHECK_EQ(got.of[1], UDP_SOURCE_MAX);
    CHECK_EQ(stats(s).connections, UDP_SOURCE_MAX + 1);
    conn[UDP_SOURCE_MAX + 1] = join(1);
    read_some(s, 5, 5);
    CHECK(is_closed(conn[UDP_SOURCE_MAX + 1])); /* all of its source are busy */
    CHECK_EQ(stats(s).connections_refused, 1);
    udp_of(s)->quiet_own_ns = 0;
    conn[UDP_SOURCE_MAX + 2] = join(1);
    read_some(s, 5, 5);
    say(conn[UDP_SOURCE_MAX + 2], 1);
    read_some(s, 5, 5);
    CHECK(is_closed(conn[0]) && !is_closed(conn[1]) && !is_closed(conn[UDP_SOURCE_MAX]));
    CHECK_EQ(got.of[1], UDP_SOURCE_MAX + 1);
    CHECK_EQ(stats(s).connections_displaced, 1);
    CHECK_EQ(got.ends, 1);
    end(s, UDP_SOURCE_MAX + 3);
}

/* A connection that sends no whole message for too long is closed, one that does is not. */
static void test_idle_timeout(void)
{
    struct ft_source *s = listener(300 * 1000000);
    int64_t from = ms_of(CLOCK_MONOTONIC);

    conn[0] = join(1);
    conn[1] = join(2);
    say_half(conn[1]);
    while (got.ends == 0 && ms_of(CLOCK_MONOTONIC) - from < 20000) {
        say(conn[0], 1);
        udp_of(s)->look_ns = 0;
        read_some(s, 1, 10);
    }
    CHECK_EQ(got.ends, 1);
    CHECK(ms_of(CLOCK_MONOTONIC) - from >= 250);
    CHECK(is_closed(conn[1]));
    CHECK_EQ(got.of[2], 1); /* the half is counted */
    CHECK_EQ(stats(s).connections_idle, 1);
    end(s, 2);
}

static void send_datagrams(int fd, int n)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(udp_port)};

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < n; i++) {
        CHECK_EQ(sendto(fd, "0123456789abcdef", 16, 0, (struct sockaddr *)&a, sizeof a), 16);
    }
}

/* Two busy sources and a busy socket: the socket has half of each batch, the sources the rest; one
 * message of a third comes through within a few rounds. */
static void equal_turns(uint32_t cap)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ft_source *s = listener(0);
    uint32_t rounds = 0, total;

    conn[0] = join(1);
    conn[1] = join(2);
    conn[2] = join(3);
    read_some(s, 3, 5);
    say(conn[0], 4096);
    say(conn[1], 4096);
    send_datagrams(fd, 1500);
    for (uint32_t i = 0; i < 30; i++) {
        CHECK_EQ(read_once(s, cap, 0), FT_OK);
    }
    total = got.messages + got.datagrams;
    CHECK_EQ(total, 30 * cap);
    CHECK(got.of[1] + cap >= total / 4 && got.of[2] + cap >= total / 4);
    CHECK(got.datagrams + cap >= total / 2);
    say(conn[2], 1);
    for (; got.of[3] == 0 && rounds < 100; rounds++) {
        CHECK_EQ(read_once(s, cap, 0), FT_OK);
    }
    CHECK(rounds <= 6); /* of one message: datagrams, a source, and so on */
    close(fd);
    end(s, 3);
}

static void say_big(int fd)
{
    static uint8_t big[BIG] = {
        0, 10, BIG >> 8, BIG & 255, [17] = 2, [18] = (BIG - 16) >> 8, [19] = (BIG - 16) & 255};

    CHECK(send(fd, big, sizeof big, MSG_NOSIGNAL) == sizeof big);
}

/* One source with as many connections as it may have, all with messages as long as they may be: it
 * gets no more bytes than another source with one connection and short ones, and both together no
 * more than the socket. */
static void test_turns_of_a_big_source(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ft_source *s = listener(0);
    uint32_t big_bytes, reads = 0;

    for (int i = 0; i < UDP_SOURCE_MAX; i++) {
        conn[i] = join(1);
        say_big(conn[i]);
        read_some(s, i % 16 == 0, 5);
    }
    conn[UDP_SOURCE_MAX] = join(2);
    for (int i = 0; i < 10 && stats(s).connections <= UDP_SOURCE_MAX; i++) {
        read_some(s, 1, 5);
    }
    CHECK_EQ(stats(s).connections, UDP_SOURCE_MAX + 1);
    for (int i = 0; i < UDP_SOURCE_MAX; i++) {
        say_big(conn[i]);
    }
    say(conn[UDP_SOURCE_MAX], 1500);
    send_datagrams(fd, 1500);
    memset(&got, 0, sizeof got);
    while ((got.of[2] < 1500 || got.datagrams < 1500) && reads < 1000) {
        CHECK_EQ(read_once(s, 64, 0), FT_OK);
        reads++;
        if (got.of[2] < 1500) { /* bytes, and 256 a message as the socket's */
            big_bytes = got.of[1] * (BIG + 256u);
            CHECK(big_bytes <= got.of[2] * (MESSAGE + 256u) + 4 * BIG);
        }
    }
    CHECK(reads <= 80);
    CHECK(got.of[1] > 0); /* it has its turns, too */
    for (int i = 0; i < 1000 && got.of[1] < UDP_SOURCE_MAX; i++) {
        read_some(s, 1, 5);
    }
    CHECK(got.of[1] >= UDP_SOURCE_MAX); /* and what the others do not need */
    close(fd);
    end(s, UDP_SOURCE_MAX + 1);
}

static void test_turns(void)
{
    static const uint32_t caps[] = {1, 2, 3, 7, 64};

    for (size_t k = 0; k < sizeof caps / sizeof caps[0]; k++) {
        equal_turns(caps[k]);
    }
}

/* Four sources with all places they may have, busy or with messages without contents: another one
 * gets a place of theirs, and a quiet connection of one that has few stays. */
static void test_greedy_sources(void)
{
    for (int k = 0; k < 2; k++) {
        struct ft_source *s = listener(0);

        udp_of(s)->quiet_ns = 0; /* all are quiet: as if time passed */
        conn[0] = join(1);
        say(conn[0], 1);
        read_some(s, 5, 5);
        for (int i = 1; i < BUSY; i++) {
            conn[i] = join(100 + (unsigned)i / UDP_SOURCE_MAX);
            CHECK(k == 0 || write(conn[i], (const uint8_t[16]){0, 10, 0, 16}, 16) == 16);
            if (k == 0) {
                say(conn[i], 1);
            }
            read_some(s, 1, 0);
        }
        for (int i = 0; i < 100 && got.messages < BUSY; i++) {
            read_some(s, 1, 20);
        }
        CHECK_EQ(got.messages, BUSY);
        for (int i = BUSY; i < CONNECTIONS; i++) {
            conn[i] = join(9);
            say(conn[i], 1);
            read_some(s, 5, 5);
        }
        CHECK_EQ(got.of[9], CONNECTIONS - BUSY);
        CHECK_EQ(stats(s).connections_displaced, CONNECTIONS - BUSY);
        CHECK(!is_closed(conn[0]));
        CHECK_EQ(stats(s).connections, BUSY);
        end(s, CONNECTIONS);
    }
}

/* After a stop what came before is read, and what goes on coming does not hold up the end. */
static void test_stop_in_a_flood(void)
{
    struct ft_source *s = listener(0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), reads = 0;

    conn[0] = join(1);
    read_some(s, 3, 5);
    send_datagrams(fd, 200);
    say(conn[0], 4096);
    s->ops->stop(s);
    while (reads < 5000 && read_once(s, 64, 20) == FT_OK) {
        send_datagrams(fd, 64);
        say(conn[0], 4096);
        reads++;
    }
    CHECK(reads < 5000);
    CHECK(got.datagrams >= 200 && got.messages >= 4096);
    close(fd);
    end(s, 1);
}

/* No descriptors: it is said to nobody's cost, and who waits comes in when there are some. */
static void test_out_of_descriptors(void)
{
    struct ft_source *s = listener(0);
    struct rlimit r, none;
    int64_t cpu;

    conn[0] = join(1);
    getrlimit(RLIMIT_NOFILE, &r);
    none = (struct rlimit){(rlim_t)conn[0] + 1, r.rlim_max}; /* the lowest free ones are taken */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    cpu = ms_of(CLOCK_THREAD_CPUTIME_ID);
    read_some(s, 10, 30);
    CHECK(ms_of(CLOCK_THREAD_CPUTIME_ID) - cpu < 100);
    CHECK_EQ(stats(s).connections, 0);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &r), 0);
    say(conn[0], 1);
    for (int i = 0; i < 500 && got.messages == 0; i++) {
        read_some(s, 1, 20);
    }
    CHECK_EQ(got.messages, 1);
    end(s, 1);
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
    RUN(test_idle_give_way);
    RUN(test_share_of_a_source);
    RUN(test_idle_timeout);
    RUN(test_greedy_sources);
    RUN(test_turns);
    RUN(test_turns_of_a_big_source);
    RUN(test_stop_in_a_flood);
    RUN(test_out_of_descriptors);
    return test_end();
}
