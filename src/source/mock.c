/* SPDX-License-Identifier: Apache-2.0 */
/* source/mock: packets made up by rule, for tests and for measuring what lies behind the source.
 *
 * Theory of operation: targets[0] is a list of settings, "packets=1000,flows=10,size=100":
 *
 *     packets  how many are made (default 1000); 0: an empty input, the "null" source
 *     flows    connections that they go round (10)
 *     size     bytes of each frame (100; 60 to 9000)
 *     rate     packets a second of real time (0: as fast as they are read)
 *     gap      nanoseconds between two packets' times (1000; with rate: 1 s / rate)
 *     fail     after so many packets read() fails for good with FT_E_IO
 *     corrupt  after so many packets read() reports damage (FT_E_CORRUPT, err->off is that number),
 *              then the end
 *     drop     packets that the account says the kernel dropped, known from the start on
 *     live     1: has FT_SOURCE_LIVE, and after the last packet it stays silent until stop()
 *
 * Packet i belongs to connection c = i % flows, its number within it is k = i / flows. Even
 * connections are TCP to port 443, odd ones UDP to port 53, from 10.x.y.z (x.y.z = c) port
 * 1024 + c % 60000 to 192.0.2.1. Even k go from the client, odd k come back; TCP opens with SYN and
 * SYN-ACK, all else is ACK with PSH. Times start at 1700000000 s and grow by gap. Checksums of the
 * IP header are right, those of TCP and UDP are 0. Nothing is random: the same settings give the
 * same bytes.
 *
 * A batch is one slot of 256 KiB until it is released; with all FT_SOURCE_MAX_HELD out, read()
 * gives FT_E_AGAIN. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/count.h"
#include "base/mem.h"
#include "source/source.h"

enum { SLOT_LEN = 256 << 10, SIZE_MIN = 60, SIZE_MAX_FRAME = 9000 };
enum { ETH_LEN = 14, IP_LEN = 20, TCP_LEN = 20, UDP_LEN = 8 };

#define START_NS  INT64_C(1700000000000000000)
#define SECOND_NS INT64_C(1000000000)

enum setting { PACKETS, FLOWS, SIZE, RATE, GAP, FAIL, CORRUPT, DROP, LIVE, SETTINGS };

static const struct {
    const char *name;
    uint64_t min, max, defval;
} settings[SETTINGS] = {
    [PACKETS] = {"packets", 0, UINT64_MAX, 1000},
    [FLOWS] = {"flows", 1, 1 << 24, 10},
    [SIZE] = {"size", SIZE_MIN, SIZE_MAX_FRAME, 100},
    [RATE] = {"rate", 0, 1000000000, 0},
    [GAP] = {"gap", 0, 1000000000000, 1000},
    [FAIL] = {"fail", 0, UINT64_MAX, UINT64_MAX},
    [CORRUPT] = {"corrupt", 0, UINT64_MAX, UINT64_MAX},
    [DROP] = {"drop", 0, UINT64_MAX, 0},
    [LIVE] = {"live", 0, 1, 0},
};

/* owner: the reading thread; held, stop, stop_fd and made: any thread */
struct mock {
    struct ft_source base;
    uint64_t v[SETTINGS];
    bool drops_known;
    bool damage_told;
    uint8_t *slots; /* FT_SOURCE_MAX_HELD of SLOT_LEN */
    atomic_bool held[FT_SOURCE_MAX_HELD];
    struct ft_count made;
    int64_t begun_ns; /* monotonic, 0: not yet */
    atomic_bool stop;
    int stop_fd;
};

extern const struct ft_source_ops ft_source_mock;
static const struct ft_source_ops live_ops;

static int64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

/* --- settings --- */

static int set_one(struct mock *m, const char *p, size_t len, struct ft_err *err)
{
    for (unsigned i = 0; i < SETTINGS; i++) {
        size_t name = strlen(settings[i].name);
        char *end;

        if (len <= name + 1 || strncmp(p, settings[i].name, name) != 0 || p[name] != '=') {
            continue;
        }
        m->v[i] = strtoull(p + name + 1, &end, 10);
        if (end != p + len || m->v[i] < settings[i].min || m->v[i] > settings[i].max) {
            return ft_err_set(err, FT_E_USAGE, "mock: %.*s: a number from %" PRIu64 " to %" PRIu64,
                              (int)len, p, settings[i].min, settings[i].max);
        }
        m->drops_known = m->drops_known || i == DROP || (i == LIVE && m->v[i] != 0);
        return FT_OK;
    }
    return ft_err_set(err, FT_E_USAGE, "mock: %.*s: not a setting", (int)len, p);
}

static int set_all(struct mock *m, const char *spec, struct ft_err *err)
{
    bool gap_given = strstr(spec, "gap=") != NULL;

    for (unsigned i = 0; i < SETTINGS; i++) {
        m->v[i] = settings[i].defval;
    }
    while (*spec != '\0') {
        size_t len = strcspn(spec, ",");
        int rc = set_one(m, spec, len, err);

        if (rc != FT_OK) {
            return rc;
        }
        spec += len + (spec[len] == ',');
    }
    if (m->v[RATE] != 0 && !gap_given) {
        m->v[GAP] = (uint64_t)SECOND_NS / m->v[RATE];
    }
    return FT_OK;
}

/* --- packets --- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t ip_checksum(const uint8_t *p)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < IP_LEN; i += 2) {
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16)) & 0xffff;
}

static void make_tcp(uint8_t *p, uint64_t k, uint32_t payload)
{
    uint8_t flags = k == 0 ? 0x02 : k == 1 ? 0x12 : 0x18;

    put32(p + 4, (uint32_t)(k / 2 * payload + (k & 1) * 1000000));
    put32(p + 8, k == 0 ? 0 : (uint32_t)k);
    p[12] = TCP_LEN / 4 << 4;
    p[13] = flags;
    put16(p + 14, 65535);
}

/* Packet i into size bytes at p, which are overwritten whole. */
static void make_packet(const struct mock *m, uint64_t i, uint8_t *p, uint32_t size)
{
    uint32_t c = (uint32_t)(i % m->v[FLOWS]);
    uint64_t k = i / m->v[FLOWS];
    bool udp = c % 2 != 0, back = k % 2 != 0;
    uint32_t client = 10u << 24 | c, server = 0xc0000201;
    uint32_t client_port = 1024 + c % 60000, server_port = udp ? 53 : 443;
    uint8_t *ip = p + ETH_LEN, *l4 = ip + IP_LEN;

    memset(p, 0, size);
    p[back ? 11 : 5] = 1; /* locally made up addresses 00:..:01 and 00:..:00 */
    p[12] = 0x08;
    ip[0] = 0x45;
    put16(ip + 2, size - ETH_LEN);
    put16(ip + 4, (uint32_t)i);
    ip[8] = 64;
    ip[9] = udp ? 17 : 6;
    put32(ip + 12, back ? server : client);
    put32(ip + 16, back ? client : server);
    put16(ip + 10, ip_checksum(ip));
    put16(l4, back ? server_port : client_port);
    put16(l4 + 2, back ? client_port : server_port);
    if (udp) {
        put16(l4 + 4, size - ETH_LEN - IP_LEN);
    } else {
        make_tcp(l4, k, size - ETH_LEN - IP_LEN - TCP_LEN);
    }
}

/* --- ops --- */

static void mock_close(struct ft_source *source)
{
    struct mock *m = (struct mock *)source;

    if (m == NULL) {
        return;
    }
    ft_map_free(m->slots, (size_t)FT_SOURCE_MAX_HELD * SLOT_LEN);
    if (m->stop_fd >= 0) {
        close(m->stop_fd);
    }
    ft_mem_free(m);
}

static int mock_open(const struct ft_source_config *cfg, struct ft_source **out, struct ft_err *err)
{
    struct mock *m = ft_mem_alloc(1, sizeof *m);
    int rc;

    if (m == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "mock: out of memory");
    }
    m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->slots = ft_map_alloc((size_t)FT_SOURCE_MAX_HELD * SLOT_LEN);
    if (m->stop_fd < 0 || m->slots == NULL) {
        mock_close(&m->base);
        return ft_err_set(err, FT_E_NOMEM, "mock: out of memory");
    }
    rc = set_all(m, cfg->n_targets > 0 ? cfg->targets[0] : "", err);
    if (rc != FT_OK) {
        mock_close(&m->base);
        return rc;
    }
    m->base.ops = m->v[LIVE] != 0 ? &live_ops : &ft_source_mock;
    *out = &m->base;
    return FT_OK;
}

/* Sleeps until stop() or until the time is over; wait_ns < 0: for ever. */
static void pause_for(struct mock *m, int64_t wait_ns)
{
    struct pollfd fd = {.fd = m->stop_fd, .events = POLLIN};
    struct timespec ts = {.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};

    if (ppoll(&fd, 1, wait_ns < 0 ? NULL : &ts, NULL) < 0) {
        return; /* a signal: the caller looks again */
    }
}

/* How many packets may be handed out now; waits for the first one if need be. */
static uint64_t due(struct mock *m, uint64_t made, int timeout_ms)
{
    int64_t timeout_ns = timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000;
    uint64_t left = m->v[PACKETS] - made, n = left;

    if (left > 0 && m->v[RATE] != 0) {
        int64_t now = clock_ns(), next;

        m->begun_ns = m->begun_ns != 0 ? m->begun_ns : now;
        next = m->begun_ns + (int64_t)((double)made / (double)m->v[RATE] * 1e9);
        if (next > now) {
            pause_for(m, timeout_ns < 0 || next - now < timeout_ns ? next - now : timeout_ns);
            now = clock_ns();
        }
        n = now < next ? 0 : 1 + (uint64_t)((double)(now - next) * 1e-9 * (double)m->v[RATE]);
    } else if (left == 0) {
        pause_for(m, timeout_ns); /* live only: the end is silence */
    }
    return n < left ? n : left;
}

/* The packet at which something happens on purpose. */
static uint64_t next_event(const struct mock *m)
{
    uint64_t at = m->v[FAIL];

    if (!m->damage_told && m->v[CORRUPT] < at) {
        at = m->v[CORRUPT];
    }
    return at;
}

static int happen(struct mock *m, uint64_t made, struct ft_err *err)
{
    if (made == m->v[FAIL]) {
        return ft_err_set(err, FT_E_IO, "mock: failed on purpose at packet %" PRIu64, made);
    }
    m->damage_told = true;
    m->v[PACKETS] = made; /* nothing comes behind it */
    ft_err_set(err, FT_E_CORRUPT, "mock: damaged on purpose at packet %" PRIu64, made);
    if (err != NULL) {
        err->off = made;
    }
    return FT_E_CORRUPT;
}

static uint32_t take_slot(struct mock *m)
{
    for (uint32_t i = 0; i < FT_SOURCE_MAX_HELD; i++) {
        /* pairs with the release in mock_release() */
        if (!atomic_load_explicit(&m->held[i], memory_order_acquire)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void fill_batch(struct mock *m, struct ft_batch *b, uint32_t slot, uint64_t made, uint64_t n)
{
    uint32_t size = (uint32_t)m->v[SIZE];

    for (uint32_t i = 0; i < n; i++) {
        uint8_t *p = m->slots + (size_t)slot * SLOT_LEN + (size_t)i * size;

        make_packet(m, made + i, p, size);
        b->views[i] = (struct ft_view){.data = p,
                                       .ts_ns = START_NS + (int64_t)((made + i) * m->v[GAP]),
                                       .caplen = size,
                                       .len = size,
                                       .linktype = FT_LINK_ETHERNET};
    }
    b->n = (uint32_t)n;
    b->token = slot + 1;
    atomic_store_explicit(&m->held[slot], true, memory_order_relaxed);
    ft_count_add(&m->made, n);
}

static int mock_read(struct ft_source *source, struct ft_batch *b, int timeout_ms,
                     struct ft_err *err)
{
    struct mock *m = (struct mock *)source;
    uint64_t made = ft_count_get(&m->made), n, most = SLOT_LEN / m->v[SIZE];
    uint32_t slot;

    b->n = 0;
    b->token = 0;
    if (atomic_load_explicit(&m->stop, memory_order_relaxed)) {
        return FT_E_EOF;
    }
    if (made == next_event(m)) {
        return happen(m, made, err);
    }
    if (made == m->v[PACKETS] && m->v[LIVE] == 0) {
        return FT_E_EOF;
    }
    slot = take_slot(m);
    if (slot == UINT32_MAX) {
        return FT_E_AGAIN;
    }
    n = due(m, made, timeout_ms);
    most = most < b->cap ? most : b->cap;
    most = most < next_event(m) - made ? most : next_event(m) - made;
    n = n < most ? n : most;
    if (n > 0) {
        fill_batch(m, b, slot, made, n);
    }
    return FT_OK;
}

static void mock_release(struct ft_source *source, uint64_t token)
{
    struct mock *m = (struct mock *)source;

    if (token != 0) { /* pairs with the acquire in take_slot() */
        atomic_store_explicit(&m->held[token - 1], false, memory_order_release);
    }
}

static void mock_stop(struct ft_source *source)
{
    struct mock *m = (struct mock *)source;
    uint64_t one = 1;
    int saved = errno; /* a signal handler may be the caller */

    atomic_store_explicit(&m->stop, true, memory_order_relaxed);
    if (write(m->stop_fd, &one, sizeof one) < 0) {
        errno = saved; /* full: it was stopped before */
    }
}

static void mock_stats(struct ft_source *source, struct ft_source_stats *out)
{
    struct mock *m = (struct mock *)source;

    *out = (struct ft_source_stats){
        .dropped_known = m->drops_known,
        .dropped = m->v[DROP],
        .input_pos = ft_count_get(&m->made) * m->v[SIZE],
        .input_size = 0,
    };
}

#define MOCK_OPS                                                                                   \
    .name = "mock", .help = "packets made up by rule, for tests", .open = mock_open,               \
    .read = mock_read, .release = mock_release, .stop = mock_stop, .stats = mock_stats,            \
    .close = mock_close

const struct ft_source_ops ft_source_mock = {MOCK_OPS};

/* Of instances with live=1. */
static const struct ft_source_ops live_ops = {MOCK_OPS, .flags = FT_SOURCE_LIVE};
