/* SPDX-License-Identifier: Apache-2.0 */
/* Builds captures in memory, in either byte order, for the tests of the file codecs and sources. */
#ifndef FT_TEST_CAPTURES_H
#define FT_TEST_CAPTURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct cap {
    uint8_t *p;
    size_t len, room;
    bool be; /* write big-endian */
};

static inline void cap_bytes(struct cap *c, const void *p, size_t n)
{
    if (c->len + n > c->room) {
        c->room = (c->len + n) * 2;
        c->p = realloc(c->p, c->room);
        if (c->p == NULL) {
            abort();
        }
    }
    if (n > 0) {
        memcpy(c->p + c->len, p, n);
    }
    c->len += n;
}

static inline void cap_uint(struct cap *c, uint64_t v, unsigned n)
{
    uint8_t b[8];

    for (unsigned i = 0; i < n; i++) {
        b[c->be ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
    }
    cap_bytes(c, b, n);
}

static inline void cap_u16(struct cap *c, uint16_t v)
{
    cap_uint(c, v, 2);
}

static inline void cap_u32(struct cap *c, uint32_t v)
{
    cap_uint(c, v, 4);
}

static inline void cap_fini(struct cap *c)
{
    free(c->p);
    *c = (struct cap){0};
}

/* --- pcap --- */

static inline void cap_pcap(struct cap *c, uint32_t magic, uint16_t minor, uint32_t snaplen,
                            uint32_t link)
{
    cap_u32(c, magic);
    cap_u16(c, 2);
    cap_u16(c, minor);
    cap_u32(c, 0);
    cap_u32(c, 0);
    cap_u32(c, snaplen);
    cap_u32(c, link);
}

/* A payload whose bytes tell which packet it is. */
static inline uint8_t cap_fill(uint32_t seed, size_t i)
{
    return (uint8_t)(seed * 31 + i);
}

static inline void cap_payload(struct cap *c, uint32_t seed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t b = cap_fill(seed, i);

        cap_bytes(c, &b, 1);
    }
}

static inline void cap_record(struct cap *c, uint32_t sec, uint32_t frac, uint32_t caplen,
                              uint32_t len, uint32_t seed)
{
    cap_u32(c, sec);
    cap_u32(c, frac);
    cap_u32(c, caplen);
    cap_u32(c, len);
    cap_payload(c, seed, caplen);
}

/* --- pcapng --- */

/* Starts a block; its lengths are set by cap_block_end(). */
static inline size_t cap_block(struct cap *c, uint32_t type)
{
    size_t at = c->len;

    cap_u32(c, type);
    cap_u32(c, 0);
    return at;
}

static inline void cap_block_end(struct cap *c, size_t at)
{
    struct cap head = {.be = c->be};

    while (c->len % 4 != at % 4) {
        cap_bytes(c, "", 1);
    }
    cap_u32(&head, (uint32_t)(c->len - at + 4));
    cap_u32(c, (uint32_t)(c->len - at + 4));
    memcpy(c->p + at + 4, head.p, 4);
    cap_fini(&head);
}

static inline void cap_option(struct cap *c, uint16_t code, const void *p, uint16_t n)
{
    static const uint8_t zero[4];

    cap_u16(c, code);
    cap_u16(c, n);
    cap_bytes(c, p, n);
    cap_bytes(c, zero, (4 - n % 4) % 4);
}

static inline void cap_shb(struct cap *c)
{
    size_t at = cap_block(c, 0x0a0d0d0a);

    cap_u32(c, 0x1a2b3c4d);
    cap_u16(c, 1);
    cap_u16(c, 0);
    cap_uint(c, UINT64_MAX, 8);
    cap_option(c, 4, "flowtap test", 12);
    cap_option(c, 0, NULL, 0);
    cap_block_end(c, at);
}

/* resol < 0: no if_tsresol; offset 0: no if_tsoffset. */
static inline void cap_idb(struct cap *c, uint16_t link, uint32_t snaplen, int resol,
                           int64_t offset)
{
    size_t at = cap_block(c, 1);

    cap_u16(c, link);
    cap_u16(c, 0);
    cap_u32(c, snaplen);
    cap_option(c, 2, "eth7", 4);
    if (resol >= 0) {
        uint8_t v = (uint8_t)resol;

        cap_option(c, 9, &v, 1);
    }
    if (offset != 0) {
        cap_u16(c, 14);
        cap_u16(c, 8);
        cap_uint(c, (uint64_t)offset, 8);
    }
    if (resol >= 0 || offset != 0) {
        cap_option(c, 0, NULL, 0);
    }
    cap_block_end(c, at);
}

static inline void cap_epb(struct cap *c, uint32_t iface, uint64_t ts, uint32_t caplen,
                           uint32_t len, uint32_t seed)
{
    size_t at = cap_block(c, 6);

    cap_u32(c, iface);
    cap_u32(c, (uint32_t)(ts >> 32));
    cap_u32(c, (uint32_t)ts);
    cap_u32(c, caplen);
    cap_u32(c, len);
    cap_payload(c, seed, caplen);
    cap_bytes(c, "\0\0\0", (4 - caplen % 4) % 4);
    cap_option(c, 2, "\1\0\0\0", 4); /* epb_flags: inbound */
    cap_option(c, 0, NULL, 0);
    cap_block_end(c, at);
}

static inline void cap_pb(struct cap *c, uint16_t iface, uint64_t ts, uint32_t caplen, uint32_t len,
                          uint32_t seed)
{
    size_t at = cap_block(c, 2);

    cap_u16(c, iface);
    cap_u16(c, 0xffff);
    cap_u32(c, (uint32_t)(ts >> 32));
    cap_u32(c, (uint32_t)ts);
    cap_u32(c, caplen);
    cap_u32(c, len);
    cap_payload(c, seed, caplen);
    cap_block_end(c, at);
}

static inline void cap_spb(struct cap *c, uint32_t len, uint32_t caplen, uint32_t seed)
{
    size_t at = cap_block(c, 3);

    cap_u32(c, len);
    cap_payload(c, seed, caplen);
    cap_block_end(c, at);
}

/* Any other block with n bytes of body. */
static inline void cap_other(struct cap *c, uint32_t type, size_t n)
{
    size_t at = cap_block(c, type);

    cap_payload(c, type, n);
    cap_block_end(c, at);
}

#endif
