/* SPDX-License-Identifier: Apache-2.0 */
/* store: bytes that grow, up to a bound. */
#ifndef FT_STORE_BUF_H
#define FT_STORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

enum { FT_STORE_BUF_MOST = 256 << 20 };

/* Begins zeroed; page aligned. */
struct ft_store_buf {
    uint8_t *p;
    size_t len, cap;
};

FT_INLINE void ft_store_buf_fini(struct ft_store_buf *b)
{
    ft_map_free(b->p, b->cap);
    *b = (struct ft_store_buf){0};
}

/* There is room for more bytes behind len. False: no memory, or too many. */
FT_INLINE bool ft_store_buf_room(struct ft_store_buf *b, size_t more)
{
    if (FT_LIKELY(more <= b->cap - b->len)) {
        return true;
    }
    if (more > FT_STORE_BUF_MOST - b->len) {
        return false;
    }
    size_t cap = b->cap > 0 ? b->cap : 65536;

    while (cap < b->len + more) {
        cap *= 2;
    }
    uint8_t *p = ft_map_alloc_sparse(cap);

    if (p == NULL) {
        return false;
    }
    if (b->len > 0) {
        memcpy(p, b->p, b->len);
    }
    ft_map_free(b->p, b->cap);
    b->p = p;
    b->cap = cap;
    return true;
}

/* Adds bytes. False: as above. */
FT_INLINE bool ft_store_buf_add(struct ft_store_buf *b, const void *p, size_t len)
{
    if (!ft_store_buf_room(b, len)) {
        return false;
    }
    if (len > 0) {
        memcpy(b->p + b->len, p, len);
    }
    b->len += len;
    return true;
}

/* It holds that many bytes, of whatever. */
FT_INLINE bool ft_store_buf_set(struct ft_store_buf *b, size_t len)
{
    b->len = 0;
    if (!ft_store_buf_room(b, len)) {
        return false;
    }
    b->len = len;
    return true;
}

FT_INLINE uint64_t *ft_store_buf_u64(const struct ft_store_buf *b)
{
    return (uint64_t *)(void *)b->p;
}

FT_INLINE uint32_t *ft_store_buf_u32(const struct ft_store_buf *b)
{
    return (uint32_t *)(void *)b->p;
}

#endif
