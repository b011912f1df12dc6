/* SPDX-License-Identifier: Apache-2.0 */
/* base: the bounded read cursor that every decoder goes through.
 *
 * Theory of operation: a cursor is a view of bytes that ends where its message ends. Reading past
 * the end yields 0 or NULL and makes the cursor bad, for good; nothing beyond the end is touched.
 * Long runs are read first and checked once with ft_rd_ok(). A handler of one TLV gets a child
 * cursor (ft_rd_sub) and so cannot read its neighbour. */
#ifndef FT_BASE_RD_H
#define FT_BASE_RD_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "flowtap/macros.h"

struct ft_rd {
    const uint8_t *p;   /* next byte; borrowed */
    const uint8_t *end; /* one past the last byte */
    bool bad;           /* sticky: a read went past the end */
};

FT_INLINE struct ft_rd ft_rd_make(const void *data, size_t len)
{
    return (struct ft_rd){.p = data, .end = (const uint8_t *)data + len};
}

FT_INLINE size_t ft_rd_left(const struct ft_rd *rd)
{
    return (size_t)(rd->end - rd->p);
}

FT_INLINE bool ft_rd_ok(const struct ft_rd *rd)
{
    return !rd->bad;
}

/* n bytes, or NULL and bad. Valid as long as the memory behind the cursor. */
FT_INLINE const uint8_t *ft_rd_view(struct ft_rd *rd, size_t n)
{
    const uint8_t *p = rd->p;

    if (FT_UNLIKELY(rd->bad || n > ft_rd_left(rd))) {
        rd->bad = true;
        return NULL;
    }
    rd->p += n;
    return p;
}

/* A child cursor over the next n bytes, which the parent skips. false and bad when they are not
 * there. */
FT_INLINE bool ft_rd_sub(struct ft_rd *rd, size_t n, struct ft_rd *out)
{
    const uint8_t *p = ft_rd_view(rd, n);

    if (p == NULL) {
        return false;
    }
    *out = ft_rd_make(p, n);
    return true;
}

/* Loads from memory that is known to be there; no alignment needed. */
FT_INLINE uint16_t ft_load_be16(const void *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return be16toh(v);
}

FT_INLINE uint32_t ft_load_be32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

FT_INLINE uint64_t ft_load_be64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

FT_INLINE uint16_t ft_load_u16(const void *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

FT_INLINE uint32_t ft_load_u32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

FT_INLINE uint64_t ft_load_u64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* Big-endian reads through the cursor: the value, or 0 and bad. */
FT_INLINE uint8_t ft_rd_u8(struct ft_rd *rd)
{
    const uint8_t *p = ft_rd_view(rd, 1);

    return p != NULL ? *p : 0;
}

FT_INLINE uint16_t ft_rd_u16(struct ft_rd *rd)
{
    const uint8_t *p = ft_rd_view(rd, 2);

    return p != NULL ? ft_load_be16(p) : 0;
}

FT_INLINE uint32_t ft_rd_u32(struct ft_rd *rd)
{
    const uint8_t *p = ft_rd_view(rd, 4);

    return p != NULL ? ft_load_be32(p) : 0;
}

FT_INLINE uint64_t ft_rd_u64(struct ft_rd *rd)
{
    const uint8_t *p = ft_rd_view(rd, 8);

    return p != NULL ? ft_load_be64(p) : 0;
}

#endif
