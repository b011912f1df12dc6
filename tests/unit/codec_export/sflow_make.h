/* SPDX-License-Identifier: Apache-2.0 */
/* Builds sFlow datagrams word by word, and reads them back, for the tests. */
#ifndef FT_TEST_SFLOW_MAKE_H
#define FT_TEST_SFLOW_MAKE_H

#include "codec/export/sflow.h"
#include "harness.h"

struct made {
    uint8_t p[4096];
    size_t len;
};

static inline void put32(struct made *m, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        m->p[m->len++] = (uint8_t)(v >> shift);
    }
}

static inline void put64(struct made *m, uint64_t v)
{
    put32(m, (uint32_t)(v >> 32));
    put32(m, (uint32_t)v);
}

static inline void put_bytes(struct made *m, const void *p, size_t n)
{
    memcpy(m->p + m->len, p, n);
    m->len += n;
}

/* n bytes and their padding. */
static inline void put_padded(struct made *m, const void *p, size_t n)
{
    put_bytes(m, p, n);
    put_bytes(m, "\0\0\0", -n & 3);
}

static inline void put_string(struct made *m, const char *s)
{
    put32(m, (uint32_t)strlen(s));
    put_padded(m, s, strlen(s));
}

static inline void set32(struct made *m, size_t at, uint32_t v)
{
    struct made word = {.len = 0};

    put32(&word, v);
    memcpy(m->p + at, word.p, 4);
}

/* Datagram of agent 192.0.2.1, sub-agent 7, sequence 100, uptime 5000 ms. 28 bytes. */
static inline struct made made_datagram(uint32_t n_samples)
{
    struct made m = {.len = 0};

    put32(&m, 5);
    put32(&m, 1);
    put32(&m, 0xc0000201);
    put32(&m, 7);
    put32(&m, 100);
    put32(&m, 5000);
    put32(&m, n_samples);
    return m;
}

/* A tag and a length that end() sets. */
static inline size_t begin(struct made *m, uint32_t tag)
{
    put32(m, tag);
    put32(m, 0);
    return m->len;
}

static inline void end(struct made *m, size_t at)
{
    set32(m, at - 4, (uint32_t)(m->len - at));
}

/* The fields of a compact flow sample: source 0:3, 1 in 1000, pool 55000, drops 2, in 3, out 7. */
static inline size_t begin_flow(struct made *m, uint32_t n_records)
{
    static const uint32_t words[] = {41, 3, 1000, 55000, 2, 3, 7};
    size_t at = begin(m, 1);

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        put32(m, words[i]);
    }
    put32(m, n_records);
    return at;
}

static inline size_t begin_counters(struct made *m, uint32_t n_records)
{
    size_t at = begin(m, 2);

    put32(m, 9);
    put32(m, 0x01000005);
    put32(m, n_records);
    return at;
}

/* A raw header record of n bytes 0, 1, 2, ... */
static inline void put_header(struct made *m, uint32_t protocol, uint32_t frame_len, uint32_t n)
{
    size_t at = begin(m, 1);

    put32(m, protocol);
    put32(m, frame_len);
    put32(m, 4);
    put32(m, n);
    for (uint32_t i = 0; i < n; i++) {
        m->p[m->len++] = (uint8_t)i;
    }
    put_bytes(m, "\0\0\0", -n & 3);
    end(m, at);
}

/* What a walk over a datagram came to. */
struct walked {
    int begin_rc;
    uint32_t samples, records, values;
    uint32_t kinds[FT_SFLOW_KIND__COUNT];
    uint32_t faults[FT_SFLOW_F__COUNT];
    struct ft_sflow_datagram d;
    struct ft_sflow_sample last;        /* the last sample */
    struct ft_sflow_record last_record; /* and record */
};

static inline void walk_records(struct walked *w, const uint8_t *base)
{
    static struct ft_xvalue values[1024];
    struct ft_sflow_header h = {.data = NULL};
    uint32_t n = 0;
    int rc;

    while ((rc = ft_sflow_record(&w->last, &w->last_record)) != FT_E_EOF) {
        if (rc != FT_OK) {
            w->faults[w->last.fault]++;
            continue;
        }
        w->records++;
        n = 0;
        rc = ft_sflow_values(w->last.kind, &w->last_record, base, values, 1024, &n);
        w->faults[FT_SFLOW_F_STRUCT_SHORT] += rc == FT_E_TRUNCATED;
        w->faults[FT_SFLOW_F_STRUCT_ADDRESS] += rc == FT_E_CORRUPT;
        w->values += n;
        if (w->last.kind != FT_SFLOW_COUNTERS && w->last_record.tag == FT_SFLOW_HEADER &&
            ft_sflow_header(&w->last_record, &h) == FT_OK) {
            w->faults[FT_SFLOW_F_HEADER_LENGTH] += h.cut;
        }
    }
}

/* Everything, from a heap block of exactly len bytes; the pointers in the result are gone. */
static inline struct walked walk(const uint8_t *p, size_t len)
{
    struct walked w = {.begin_rc = 0};
    uint8_t *copy = malloc(len > 0 ? len : 1), *data;
    int rc;

    if (copy == NULL) {
        abort();
    }
    data = len > 0 ? copy : copy + 1;
    memcpy(data, p, len);
    w.begin_rc = ft_sflow_begin(data, len, &w.d);
    if (w.begin_rc != FT_OK) {
        w.faults[w.d.fault]++;
        free(copy);
        return w;
    }
    while ((rc = ft_sflow_next(&w.d, &w.last)) != FT_E_EOF) {
        if (rc != FT_OK) {
            w.faults[w.d.fault]++;
            continue;
        }
        w.samples++;
        w.kinds[w.last.kind]++;
        walk_records(&w, data);
    }
    free(copy);
    return w;
}

static inline struct walked walk_made(const struct made *m)
{
    return walk(m->p, m->len);
}

static inline uint32_t faults_of(const struct walked *w)
{
    uint32_t sum = 0;

    for (unsigned i = 1; i < FT_SFLOW_F__COUNT; i++) {
        sum += w->faults[i];
    }
    return sum;
}

#endif
