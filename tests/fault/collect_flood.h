/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the collector under floods share: a collector with the default limits, routers
 * that are there before, messages. */
#ifndef COLLECT_FLOOD_H
#define COLLECT_FLOOD_H

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/rd.h"
#include "collect/collect.h"
#include "format/ndjson.h"
#include "harness.h"

enum { ROUTERS = 64, SECOND = 1000000000 };

static const int64_t start_ns = INT64_C(1700000000000000000);

/* ---- what is counted ---- */

static struct {
    uint64_t records, router_records, samples, text, ended, changed, health;
    size_t longest; /* line */
    bool format;
} seen;

static uint8_t line[FT_FORMAT_MAX + 64]; /* of the last record */

static inline void on_record(void *cookie, const struct ft_export_record *r)
{
    (void)cookie;
    seen.records++;
    seen.router_records += r->exporter->addr[0] == 192;
    seen.text += r->text_max;
    if (seen.format) {
        size_t room = FT_FORMAT_EXPORT_MIN + (size_t)r->text_max;
        size_t n;

        room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
        n = ft__ndjson_export_flow(line, room, r, NULL);
        line[n] = '\0';
        CHECK(n <= room);
        seen.longest = n > seen.longest ? n : seen.longest;
    }
}
static inline void on_sample(void *cookie, const struct ft_export_sample *s)
{
    (void)cookie;
    (void)s;
    seen.samples++;
}
static inline void on_counters(void *cookie, const struct ft_export_counters *c)
{
    (void)cookie;
    (void)c;
}
static inline void on_template(void *cookie, const struct ft_template_change *t)
{
    (void)cookie;
    seen.ended += t->kind == FT_TEMPLATE_EXPIRED;
    seen.changed += t->kind == FT_TEMPLATE_CHANGED;
}
static inline void on_health(void *cookie, const struct ft_exporter_health *h)
{
    (void)cookie;
    (void)h;
    seen.health++;
}

static inline long rss_kib(void)
{
    long pages = 0, all;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f == NULL || fscanf(f, "%ld %ld", &all, &pages) != 2) {
        pages = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct ft_collect_limits limits;
static struct ft_collector *collector;
static long before_kib;
static struct timespec began;

/* The limits of the options' defaults, but for the number of exporters. */
static inline void begin_with(uint32_t exporters)
{
    static const struct ft_collect_ops ops = {on_record,   on_sample, on_sample, on_counters,
                                              on_template, on_health, NULL};
    struct ft_hash_seed seed;

    limits = (struct ft_collect_limits){.exporters = exporters,
                                        .templates = 4096,
                                        .amplification = 200,
                                        .waiting = 65536,
                                        .template_life_ns = 1800 * (int64_t)SECOND};
    ft_hash_seed_fixed(&seed, 7);
    memset(&seen, 0, sizeof seen);
    before_kib = rss_kib();
    clock_gettime(CLOCK_MONOTONIC, &began);
    CHECK_EQ(ft_collector_new(&limits, &seed, &ops, NULL, &collector), FT_OK);
}

static inline void begin(void)
{
    begin_with(16384);
}

/* Sanitizers keep freed memory: there the bound is not looked at. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEASURED = 0 };
#else
enum { MEASURED = 1 };
#endif

static inline void end(const char *what, long most_mib)
{
    long used = (rss_kib() - before_kib) / 1024;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%-44s %4ld MiB, %.2f s\n", what, used,
           (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / SECOND);
    CHECK(!MEASURED || used <= most_mib);
    ft_collector_free(collector);
}

/* ---- messages ---- */

static uint8_t message[65536], *at, *set_start;

static inline void p8(uint32_t v)
{
    *at++ = (uint8_t)v;
}
static inline void p16(uint32_t v)
{
    p8(v >> 8);
    p8(v & 255);
}
static inline void p32(uint32_t v)
{
    p16(v >> 16);
    p16(v & 65535);
}

static uint8_t *message_start;

/* An IPFIX message; end_message() sets its length. Several may follow each other. */
static inline void begin_message(uint32_t domain, uint32_t sequence)
{
    message_start = at;
    p16(10);
    p16(0);
    p32(1700000000);
    p32(sequence);
    p32(domain);
}
static inline void end_message(void)
{
    uint32_t len = (uint32_t)(at - message_start);

    message_start[2] = (uint8_t)(len >> 8);
    message_start[3] = (uint8_t)len;
}
static inline void begin_set(uint32_t id)
{
    set_start = at;
    p16(id);
    p16(0);
}
static inline void end_set(void)
{
    uint32_t len = (uint32_t)(at - set_start);

    set_start[2] = (uint8_t)(len >> 8);
    set_start[3] = (uint8_t)len;
}

static inline enum ft_verdict give(uint32_t address, int64_t now_ns)
{
    struct ft_peer peer = {.port = 4739, .ip_version = 4};
    enum ft_verdict v;

    for (int i = 0; i < 4; i++) {
        peer.addr[i] = (uint8_t)(address >> (24 - 8 * i));
    }
    v = ft_collector_take(collector, &peer, message, (size_t)(at - message), now_ns);
    at = message;
    return v;
}

/* The same over a connection. */
static inline enum ft_verdict give_stream(uint32_t address, uint32_t session, int64_t now_ns)
{
    struct ft_peer peer = {.port = (uint16_t)(1024 + session % 60000),
                           .ip_version = 4,
                           .flags = FT_PEER_STREAM,
                           .session = session};
    enum ft_verdict v;

    for (int i = 0; i < 4; i++) {
        peer.addr[i] = (uint8_t)(address >> (24 - 8 * i));
    }
    v = ft_collector_take_stream(collector, &peer, message, (size_t)(at - message), now_ns);
    at = message;
    return v;
}

static inline void end_stream(uint32_t address, uint32_t session)
{
    struct ft_peer peer = {.port = (uint16_t)(1024 + session % 60000),
                           .ip_version = 4,
                           .flags = FT_PEER_STREAM | FT_PEER_ENDED,
                           .session = session};

    for (int i = 0; i < 4; i++) {
        peer.addr[i] = (uint8_t)(address >> (24 - 8 * i));
    }
    ft_collector_end_stream(collector, &peer);
}

/* 17 fields of 52 bytes; the last one is another element by variant. */
static inline void flow_template(uint32_t id, uint32_t variant)
{
    static const uint16_t fields[16][2] = {{8, 4}, {12, 4}, {15, 4}, {10, 4}, {14, 4}, {2, 4},
                                           {1, 4}, {22, 4}, {21, 4}, {7, 2},  {11, 2}, {6, 1},
                                           {4, 1}, {5, 1},  {9, 1},  {13, 4}};

    p16(id);
    p16(17);
    for (int i = 0; i < 16; i++) {
        p16(fields[i][0]);
        p16(fields[i][1]);
    }
    p16(0x8000 | (variant & 0x7fff));
    p16(4);
    p32(50000 + (variant >> 15));
}

enum { FLOW_LEN = 52 };

static inline void flow_data(uint32_t n)
{
    for (uint32_t i = 0; i < n * FLOW_LEN; i++) {
        p8(i & 255);
    }
}

/* ---- routers that are there, with two templates each ---- */

static uint32_t router_sequence;

static inline void routers_send(int64_t now_ns, bool templates)
{
    for (uint32_t i = 0; i < ROUTERS; i++) {
        begin_message(1, router_sequence);
        if (templates) {
            begin_set(2);
            flow_template(256, i);
            flow_template(257, 1000 + i);
            end_set();
        }
        begin_set(256);
        flow_data(1);
        end_set();
        begin_set(257);
        flow_data(1);
        end_set();
        end_message();
        CHECK_EQ(give(0xc0000200 + i, now_ns), FT_V_DECODED);
    }
    router_sequence += 2;
}

/* Heard for ten seconds: no longer on probation. */
static inline int64_t routers_come(void)
{
    router_sequence = 0;
    for (int s = 0; s < 10; s++) {
        routers_send(start_ns + s * (int64_t)SECOND, s % 5 == 0);
    }
    CHECK_EQ(seen.router_records, 10 * ROUTERS * 2);
    return start_ns + 10 * (int64_t)SECOND;
}

/* They send once more, nothing is missing, and a template that they change is taken. */
static inline void routers_still_there(int64_t now_ns)
{
    uint64_t before = seen.router_records;
    struct ft_collect_stats st;

    routers_send(now_ns, false);
    CHECK_EQ(seen.router_records - before, ROUTERS * 2);
    routers_send(now_ns, true);
    for (uint32_t i = 0; i < ROUTERS; i++) {
        begin_message(1, router_sequence);
        begin_set(2);
        flow_template(258, 5000000 + i); /* one that nobody has sent */
        end_set();
        begin_set(258);
        flow_data(1);
        end_set();
        end_message();
        CHECK_EQ(give(0xc0000200 + i, now_ns), FT_V_DECODED);
    }
    router_sequence++;
    CHECK_EQ(seen.router_records - before, ROUTERS * 5);
    ft_collector_get_stats(collector, &st);
    CHECK_EQ(st.records, seen.records);
    CHECK_EQ(st.lost, 0);
    CHECK(st.exporters <= limits.exporters);
}

static inline double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / SECOND;
}

/* Describes n elements (RFC 5610) from first on, with names by their number and another one; the
 * template of it first when wanted. */
static inline void describe(uint32_t address, int64_t now_ns, bool options, uint32_t first,
                            uint32_t n, uint32_t name)
{
    static const uint16_t fields[4][2] = {{346, 4}, {303, 2}, {339, 1}, {341, 8}};

    begin_message(1, first);
    if (options) {
        begin_set(3);
        p16(256);
        p16(4);
        p16(2);
        for (int i = 0; i < 4; i++) {
            p16(fields[i][0]);
            p16(fields[i][1]);
        }
        end_set();
    }
    begin_set(256);
    for (uint32_t i = first; i < first + n; i++) {
        p32(99999);
        p16(i);
        p8(1);
        memcpy(at, "n0000000", 8);
        at[7] = (uint8_t)('0' + (i + name) % 10);
        at += 8;
    }
    end_set();
    end_message();
    CHECK_EQ(give(address, now_ns), FT_V_DECODED);
}

/* All template ids of n domains of one sender; different: no two templates are equal. */
static inline int64_t template_flood(uint32_t domains, uint32_t ids, bool different, int64_t now_ns)
{
    uint32_t variant = 1000000;

    for (uint32_t d = 0; d < domains; d++) {
        for (uint32_t id = 256; id < 256 + ids;) {
            begin_message(d, 0);
            begin_set(2);
            for (int k = 0; k < 16 && id < 256 + ids; k++) {
                flow_template(id++, different ? variant++ : 1000000);
            }
            end_set();
            end_message();
            give(0x0a000001, now_ns);
        }
        now_ns += 1000000;
    }
    return now_ns;
}

#endif
