/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations that keep inputs plausible: the parts of an input, see mutate.h. What they hold is
 * repaired in mutate_repair.c. */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "mutate_parts.h"

enum { PARTS_MAX = 4096, PCAP_HEADER = 24, PCAP_RECORD = 16, BLOCK_HEAD = 8, BLOCK_MIN = 12 };
enum { SECTION = 0x0a0d0d0a, PACKET_BLOCK = 2, SIMPLE_BLOCK = 3, ENHANCED_BLOCK = 6 };

uint32_t mutate_random(struct mutate *m)
{
    m->random = m->random * 1103515245u + 12345u;
    return m->random >> 12;
}

/* ---- captures ---- */

static uint32_t load32(const struct mutate *m, const uint8_t *p)
{
    uint32_t v = ft_load_be32(p);

    return m->big ? v : __builtin_bswap32(v);
}

static void put32(const struct mutate *m, uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[m->big ? 3 - i : i] = (uint8_t)(v >> (8 * i));
    }
}

static size_t capture_first(struct mutate *m, const uint8_t *data, size_t size)
{
    m->pcapng = size >= 2 + 12 && ft_load_be32(data + 2) == SECTION;
    if (m->pcapng) {
        m->big = data[2 + 8] == 0x1a; /* the byte order magic */
        return 2;
    }
    m->big = size > 2 && data[2] == 0xa1;
    return 2 + PCAP_HEADER;
}

static bool capture_part(const struct mutate *m, const uint8_t *data, size_t size, size_t at,
                         struct mutate_part *out)
{
    size_t head = m->pcapng ? BLOCK_HEAD : PCAP_RECORD, tail = m->pcapng ? 4 : 0, len;

    if (at > size || size - at < head + tail) {
        return false;
    }
    len = load32(m, data + at + (m->pcapng ? 4 : 8));
    len = !m->pcapng ? len : len >= BLOCK_MIN ? (len - BLOCK_MIN) & ~(size_t)3 : 0;
    if (len > size - at - head - tail) {
        len = size - at - head - tail;
        len -= m->pcapng ? len % 4 : 0;
    }
    *out = (struct mutate_part){at, at + head, len, at + head + len + tail};
    return true;
}

/* The lengths of the packet in a block are those of the block, mostly. */
static void set_packet_len(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    uint8_t *body = data + p->body;
    uint32_t type = load32(m, data + p->head);
    bool simple = type == SIMPLE_BLOCK;
    size_t fixed = simple ? 4 : 20, room = p->len - fixed;

    if ((!simple && type != ENHANCED_BLOCK && type != PACKET_BLOCK) || p->len < fixed) {
        return;
    }
    if (!simple && (load32(m, body + 12) > room || room - load32(m, body + 12) > 3)) {
        put32(m, body + 12, (uint32_t)room);
    }
    if (load32(m, body + fixed - 4) < room || mutate_random(m) % 16 == 0) {
        put32(m, body + fixed - 4, (uint32_t)room);
    }
}

static void capture_set_len(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    if (m->pcapng) {
        put32(m, data + p->head + 4, (uint32_t)p->len + BLOCK_MIN);
        put32(m, data + p->body + p->len, (uint32_t)p->len + BLOCK_MIN);
        set_packet_len(m, data, p);
        return;
    }
    put32(m, data + p->head + 8, (uint32_t)p->len);
    if (load32(m, data + p->head + 12) < p->len || mutate_random(m) % 16 == 0) {
        put32(m, data + p->head + 12, (uint32_t)p->len); /* else: it was longer on the wire */
    }
}

static void capture_repair(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    uint32_t type = m->pcapng ? load32(m, data + p->head) : 0;
    size_t fixed = !m->pcapng ? 0 : type == SIMPLE_BLOCK ? 4 : 20;

    if (!m->pcapng || type == ENHANCED_BLOCK || type == PACKET_BLOCK || type == SIMPLE_BLOCK) {
        if (p->len > fixed) {
            mutate_repair_frame(m, data + p->body + fixed, p->len - fixed);
        }
    }
}

const struct mutate_layout mutate_capture = {
    .first = capture_first,
    .part = capture_part,
    .set_len = capture_set_len,
    .repair = capture_repair,
    .align = 1, /* of blocks: shuffled and cut to 4 where their length is set */
};

/* ---- one frame ---- */

static size_t frame_first(struct mutate *m, const uint8_t *data, size_t size)
{
    (void)m;
    (void)data;
    (void)size;
    return 2;
}

static bool frame_part(const struct mutate *m, const uint8_t *data, size_t size, size_t at,
                       struct mutate_part *out)
{
    (void)m;
    (void)data;
    *out = (struct mutate_part){at, at, at < size ? size - at : 0, size};
    return at < size;
}

static void no_len(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    (void)m;
    (void)data;
    (void)p;
}

static void frame_repair(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    mutate_repair_frame(m, data + p->body, p->len);
}

const struct mutate_layout mutate_frame = {.first = frame_first,
                                           .part = frame_part,
                                           .set_len = no_len,
                                           .repair = frame_repair,
                                           .align = 1};

/* ---- datagrams, each behind its length ---- */

static bool framed(const uint8_t *data, size_t size, size_t at, size_t head,
                   struct mutate_part *out)
{
    size_t len;

    if (at > size || size - at < head) {
        return false;
    }
    len = ft_load_be16(data + at + head - 2);
    len = len < size - at - head ? len : size - at - head;
    *out = (struct mutate_part){at, at + head, len, at + head + len};
    return true;
}

static void framed_set_len(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    (void)m;
    mutate_put16(data + p->body - 2, (uint32_t)(p->len < 65535 ? p->len : 65535));
}

static size_t exports_first(struct mutate *m, const uint8_t *data, size_t size)
{
    (void)m;
    (void)data;
    (void)size;
    return 1;
}

static bool exports_part(const struct mutate *m, const uint8_t *data, size_t size, size_t at,
                         struct mutate_part *out)
{
    (void)m;
    return framed(data, size, at, 3, out);
}

static void exports_repair(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    mutate_repair_export(m, data + p->body, p->len);
}

const struct mutate_layout mutate_exports = {.first = exports_first,
                                             .part = exports_part,
                                             .set_len = framed_set_len,
                                             .repair = exports_repair,
                                             .align = 1};

static size_t datagrams_first(struct mutate *m, const uint8_t *data, size_t size)
{
    (void)m;
    (void)data;
    (void)size;
    return 0;
}

static bool datagrams_part(const struct mutate *m, const uint8_t *data, size_t size, size_t at,
                           struct mutate_part *out)
{
    (void)m;
    return framed(data, size, at, 4, out);
}

const struct mutate_layout mutate_datagrams = {.first = datagrams_first,
                                               .part = datagrams_part,
                                               .set_len = framed_set_len,
                                               .repair = frame_repair,
                                               .align = 1};

/* ---- samples of one datagram of sFlow ---- */

static size_t sflow_first(struct mutate *m, const uint8_t *data, size_t size)
{
    (void)m;
    return mutate_sflow_head(data, size);
}

static bool sflow_part(const struct mutate *m, const uint8_t *data, size_t size, size_t at,
                       struct mutate_part *out)
{
    size_t len;

    (void)m;
    if (at > size || size - at < 8) {
        return false;
    }
    len = ft_load_be32(data + at + 4);
    len = len < size - at - 8 ? len : size - at - 8;
    *out = (struct mutate_part){at, at + 8, len, at + 8 + len};
    return true;
}

static void sflow_set_len(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    (void)m;
    mutate_put16(data + p->body - 4, (uint32_t)(p->len >> 16));
    mutate_put16(data + p->body - 2, (uint32_t)(p->len & 0xffff));
}

static void sflow_repair(struct mutate *m, uint8_t *data, const struct mutate_part *p)
{
    mutate_repair_sample(m, ft_load_be32(data + p->head), data + p->body, p->len);
}

const struct mutate_layout mutate_sflow = {.first = sflow_first,
                                           .part = sflow_part,
                                           .set_len = sflow_set_len,
                                           .repair = sflow_repair,
                                           .align = 4};

/* ---- all parts ---- */

void mutate_repair(const struct mutate_layout *layout, struct mutate *m, uint8_t *data, size_t size)
{
    size_t at = layout->first(m, data, size);
    struct mutate_part p;

    for (int i = 0; i < PARTS_MAX && layout->part(m, data, size, at, &p); i++) {
        layout->set_len(m, data, &p);
        layout->repair(m, data, &p);
        at = p.end;
    }
}

/* Part number `which` modulo how many there are; false: there are none. */
static bool pick(const struct mutate_layout *layout, struct mutate *m, const uint8_t *data,
                 size_t size, struct mutate_part *out)
{
    size_t first = layout->first(m, data, size), at = first;
    uint32_t n = 0, which;

    while (n < PARTS_MAX && layout->part(m, data, size, at, out)) {
        at = out->end;
        n++;
    }
    if (n == 0) {
        return false;
    }
    which = mutate_random(m) % n;
    at = first;
    for (uint32_t i = 0; i <= which; i++) {
        if (!layout->part(m, data, size, at, out)) {
            return false;
        }
        at = out->end;
    }
    return true;
}

/* Two parts that stand one behind the other change places. */
static void exchange(uint8_t *data, const struct mutate_part *a, const struct mutate_part *b)
{
    size_t len_a = a->end - a->head, len_b = b->end - b->head;
    uint8_t *copy = malloc(len_a + len_b);

    if (copy == NULL) {
        return;
    }
    memcpy(copy, data + b->head, len_b);
    memcpy(copy + len_b, data + a->head, len_a);
    memcpy(data + a->head, copy, len_a + len_b);
    free(copy);
}

size_t mutate_shuffle(const struct mutate_layout *layout, struct mutate *m, uint8_t *data,
                      size_t size, size_t max_size)
{
    struct mutate_part p, next;
    size_t len;

    if (!pick(layout, m, data, size, &p)) {
        return size;
    }
    len = p.end - p.head;
    switch (mutate_random(m) % 3) {
    case 0:
        if (len <= max_size - size) {
            memmove(data + p.end + len, data + p.end, size - p.end);
            memcpy(data + p.end, data + p.head, len);
            size += len;
        }
        return size;
    case 1:
        if (size - len > 0) {
            memmove(data + p.head, data + p.end, size - p.end);
            size -= len;
        }
        return size;
    default:
        if (layout->part(m, data, size, p.end, &next)) {
            exchange(data, &p, &next);
        }
        return size;
    }
}

#ifdef FT_FUZZER

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* libFuzzer changes the body of one part. */
static size_t mutate_body(const struct mutate_layout *layout, struct mutate *m, uint8_t *data,
                          size_t size, size_t max_size)
{
    struct mutate_part p;
    uint8_t *body;
    size_t room, len;

    if (!pick(layout, m, data, size, &p) || max_size == size - p.len) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    room = max_size - (size - p.len);
    body = malloc(room);
    if (body == NULL) {
        return size;
    }
    memcpy(body, data + p.body, p.len);
    len = LLVMFuzzerMutate(body, p.len, room);
    len -= len % (m->pcapng ? 4 : layout->align);
    memmove(data + p.body + len, data + p.body + p.len, size - p.body - p.len);
    memcpy(data + p.body, body, len);
    free(body);
    size = size - p.len + len;
    p.end = p.end - p.len + len;
    p.len = len;
    layout->set_len(m, data, &p);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutate m = {.random = seed, .ids = {256, 256, 257, 258}};
    uint32_t what = mutate_random(&m) % 16;

    if (what < 2) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (what < 5) {
        size = LLVMFuzzerMutate(data, size, max_size);
    } else if (what < 7) {
        size = mutate_shuffle(mutate_as, &m, data, size, max_size);
    } else {
        size = mutate_body(mutate_as, &m, data, size, max_size);
    }
    mutate_repair(mutate_as, &m, data, size);
    return size;
}

#endif
