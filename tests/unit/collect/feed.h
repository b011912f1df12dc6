/* SPDX-License-Identifier: Apache-2.0 */
/* For the collector's tests: messages built byte by byte, given from exact-size blocks (so that a
 * sanitizer sees a read beyond them), and everything that comes back kept. */
#ifndef FT_TEST_COLLECT_FEED_H
#define FT_TEST_COLLECT_FEED_H

#include "base/mem.h"
#include "collect/collect.h"
#include "format/format.h"
#include "format/ndjson.h"
#include "harness.h"

enum { KEPT = 256, LINE = 2000 };

static struct kept {
    struct ft_export_record r[KEPT];
    char line[KEPT][LINE]; /* of each record, as JSON */
    uint32_t n;
    struct ft_template_change t[KEPT];
    uint32_t n_t;
    struct ft_exporter_health h[KEPT];
    char h_addr[KEPT][48];
    uint32_t n_h;
    struct ft_export_sample s[KEPT];
    struct ft_packet pkt[KEPT];
    uint32_t n_s, n_d, n_c;
    uint32_t counted; /* records of which nobody reads more */
} got;

static void on_record(void *cookie, const struct ft_export_record *r)
{
    static uint8_t text[FT_FORMAT_MAX + 64];
    size_t room = FT_FORMAT_EXPORT_MIN + (size_t)r->text_max, len;

    (void)cookie;
    room = room < FT_FORMAT_MAX ? room : FT_FORMAT_MAX;
    len = ft__ndjson_export_flow(text, room, r, NULL);
    CHECK(len <= room);
    if (got.n < KEPT) {
        got.r[got.n] = *r;
        snprintf(got.line[got.n], LINE, "%.*s", (int)len, (char *)text);
    }
    got.n++;
}

static void on_sample(void *cookie, const struct ft_export_sample *s)
{
    (void)cookie;
    if (got.n_s < KEPT) {
        got.s[got.n_s] = *s;
        if (s->pkt != NULL) {
            got.pkt[got.n_s] = *s->pkt;
            got.s[got.n_s].pkt = &got.pkt[got.n_s];
        }
    }
    got.n_s++;
}

static void on_discard(void *cookie, const struct ft_export_sample *s)
{
    (void)cookie;
    (void)s;
    got.n_d++;
}

static void on_counters(void *cookie, const struct ft_export_counters *c)
{
    (void)cookie;
    (void)c;
    got.n_c++;
}

static void on_template(void *cookie, const struct ft_template_change *t)
{
    (void)cookie;
    if (got.n_t < KEPT) {
        got.t[got.n_t] = *t;
    }
    got.n_t++;
}

static void on_health(void *cookie, const struct ft_exporter_health *h)
{
    (void)cookie;
    if (got.n_h < KEPT) {
        got.h[got.n_h] = *h;
        snprintf(got.h_addr[got.n_h], 48, "%s", h->exporter->text);
    }
    got.n_h++;
}

static void on_count(void *cookie, uint32_t n)
{
    (void)cookie;
    got.counted += n;
}

static struct ft_collector *make_limited(struct ft_collect_limits limits)
{
    static const struct ft_collect_ops ops = {on_record,   on_sample, on_discard, on_counters,
                                              on_template, on_health, on_count};
    struct ft_hash_seed seed;
    struct ft_collector *c = NULL;

    ft_hash_seed_fixed(&seed, 7);
    memset(&got, 0, sizeof got);
    CHECK_EQ(ft_collector_new(&limits, &seed, &ops, NULL, &c), FT_OK);
    return c;
}

static inline struct ft_collector *make(void)
{
    return make_limited((struct ft_collect_limits){
        .exporters = 64, .templates = 64, .amplification = 1000, .waiting = 65536});
}

/* ---- building ---- */

static uint8_t msg[70000], *at, *set_at;
static int64_t now_ns = INT64_C(1700000000) * 1000000000;

static inline void p8(unsigned v)
{
    *at++ = (uint8_t)v;
}
static inline void p16(unsigned v)
{
    p8(v >> 8 & 255);
    p8(v & 255);
}
static inline void p32(uint32_t v)
{
    p16(v >> 16);
    p16(v & 65535);
}
static inline void p64(uint64_t v)
{
    p32((uint32_t)(v >> 32));
    p32((uint32_t)v);
}
static inline void pz(unsigned n)
{
    memset(at, 0, n);
    at += n;
}

static inline void ipfix(uint32_t sequence, uint32_t domain)
{
    at = msg;
    p16(10);
    p16(0);
    p32(1700000000);
    p32(sequence);
    p32(domain);
}

static inline void v9(uint32_t sequence, uint32_t source, uint32_t uptime_ms)
{
    at = msg;
    p16(9);
    p16(1);
    p32(uptime_ms);
    p32(1700000000);
    p32(sequence);
    p32(source);
}

static inline void v5(uint32_t sequence, unsigned count, uint32_t uptime_ms, unsigned sampling)
{
    at = msg;
    p16(5);
    p16(count);
    p32(uptime_ms);
    p32(1700000000);
    p32(250000000);
    p32(sequence);
    p8(3);
    p8(4);
    p16(sampling);
}

static inline void v5_record(uint32_t first, uint32_t last)
{
    p32(0x0a000001);
    p32(0x0a000002);
    p32(0x0a0000fe);
    p16(3);
    p16(7);
    p32(17);
    p32(9044);
    p32(first);
    p32(last);
    p16(55107);
    p16(443);
    p8(0);
    p8(0x1b);
    p8(6);
    p8(0);
    p16(64512);
    p16(64513);
    p8(24);
    p8(16);
    p16(0);
}

static inline void set(unsigned id)
{
    set_at = at;
    p16(id);
    p16(0);
}

static inline void set_end(void)
{
    unsigned len = (unsigned)(at - set_at);

    set_at[2] = (uint8_t)(len >> 8);
    set_at[3] = (uint8_t)len;
}

/* A template set with one template; fields as id, length pairs ended by -1. id | 0x8000 takes the
 * next number as its enterprise. */
static inline void template_of(unsigned set_id, unsigned id, const long *fields)
{
    unsigned n = 0;
    uint8_t *count;

    set(set_id);
    p16(id);
    count = at;
    p16(0);
    for (const long *f = fields; *f >= 0; n++) {
        long number = *f++;

        p16((unsigned)number);
        p16((unsigned)*f++);
        if (number & 0x8000 && msg[1] == 10) {
            p32((uint32_t)*f++);
        }
    }
    count[0] = (uint8_t)(n >> 8);
    count[1] = (uint8_t)n;
    set_end();
}

#define TEMPLATE(set_id, id, ...) template_of(set_id, id, (const long[]){__VA_ARGS__, -1})

/* An IPFIX options template: the first n_scope fields are scopes. */
static inline void options_of(unsigned id, unsigned n_scope, const long *fields)
{
    unsigned n = 0;

    for (const long *f = fields; *f >= 0; f += 2) {
        n++;
    }
    set(3);
    p16(id);
    p16(n);
    p16(n_scope);
    for (const long *f = fields; *f >= 0; f++) {
        p16((unsigned)*f);
    }
    set_end();
}

#define OPTIONS(id, n_scope, ...) options_of(id, n_scope, (const long[]){__VA_ARGS__, -1})

/* ---- giving ---- */

static struct ft_peer peer = {.addr = {192, 0, 2, 1}, .ip_version = 4, .port = 4739};

static inline enum ft_verdict give_len(struct ft_collector *c, size_t len, bool stream)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    enum ft_verdict v;

    memcpy(copy, msg, len);
    v = stream ? ft_collector_take_stream(c, &peer, copy, len, now_ns)
               : ft_collector_take(c, &peer, copy, len, now_ns);
    free(copy);
    return v;
}

/* The message, with its IPFIX length filled in. */
static inline enum ft_verdict give(struct ft_collector *c)
{
    size_t len = (size_t)(at - msg);

    if (msg[1] == 10) {
        msg[2] = (uint8_t)(len >> 8);
        msg[3] = (uint8_t)len;
    }
    return give_len(c, len, false);
}

static inline enum ft_verdict give_stream(struct ft_collector *c)
{
    size_t len = (size_t)(at - msg);

    msg[2] = (uint8_t)(len >> 8);
    msg[3] = (uint8_t)len;
    return give_len(c, len, true);
}

/* The health of the only exporter, or of number i. */
static inline const struct ft_exporter_health *health(struct ft_collector *c, uint32_t i)
{
    got.n_h = 0;
    ft_collector_report(c, now_ns);
    CHECK(got.n_h > i);
    return &got.h[i];
}

/* The last record's line holds a text. */
#define HAS(text)                                                                                  \
    do {                                                                                           \
        const char *l_ = got.n > 0 ? got.line[(got.n - 1) % KEPT] : "(no record)";                 \
        if (strstr(l_, (text)) == NULL) {                                                          \
            fprintf(stderr, "%s:%d: no %s in %s\n", __FILE__, __LINE__, (text), l_);               \
            test_case_failed++;                                                                    \
        }                                                                                          \
    } while (0)

#define LAST got.r[(got.n - 1) % KEPT]

#endif
