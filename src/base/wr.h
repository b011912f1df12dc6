/* SPDX-License-Identifier: Apache-2.0 */
/* base: numbers written in network byte order; what rd.h reads. */
#ifndef FT_BASE_WR_H
#define FT_BASE_WR_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "flowtap/macros.h"

/* The low bits of v to p, which need not be aligned; returns what is behind them. */
FT_INLINE uint8_t *ft_store_be16(uint8_t *p, uint64_t v)
{
    uint16_t be = htobe16((uint16_t)v);

    memcpy(p, &be, sizeof be);
    return p + sizeof be;
}

FT_INLINE uint8_t *ft_store_be32(uint8_t *p, uint64_t v)
{
    uint32_t be = htobe32((uint32_t)v);

    memcpy(p, &be, sizeof be);
    return p + sizeof be;
}

FT_INLINE uint8_t *ft_store_be64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

#endif
