/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: numbers, times and addresses as text, without printf.
 *
 * Theory of operation: every ft_put_* writes at p and returns the place after. Up to FT_PUT_SLACK
 * bytes beyond that place may be overwritten (whole words are copied), so the caller keeps that
 * much room at the end of a buffer. Digits come in pairs from a table: 30 times faster than
 * snprintf. */
#ifndef FT_CODEC_TEXT_DIGITS_H
#define FT_CODEC_TEXT_DIGITS_H

#include <stdint.h>
#include <string.h>

#include "base/time.h"
#include "flowtap/macros.h"

enum { FT_PUT_SLACK = 32 };

extern const char ft__digit_pairs[200]; /* "00" "01" ... "99" */

/* A string literal. */
#define FT_PUT_LIT(p, s) ((uint8_t *)memcpy((p), (s), sizeof(s) - 1) + sizeof(s) - 1)

FT_INLINE uint8_t *ft_put_str(uint8_t *p, const char *s)
{
    size_t len = strlen(s);

    memcpy(p, s, len);
    return p + len;
}

/* Eight digits of v < 10^8 as bytes of values 0 to 9, the first one lowest. */
FT_INLINE uint64_t ft__digits8(uint32_t v)
{
    uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (x * 10486 >> 20) & 0x0000007f0000007fu;

    x = hundreds | (x - hundreds * 100) << 16;
    uint64_t tens = (x * 103 >> 10) & 0x000f000f000f000fu;

    return tens | (x - tens * 10) << 8;
}

#define FT__ASCII_ZEROS 0x3030303030303030u

FT_INLINE uint8_t *ft__put_8digits(uint8_t *p, uint32_t v)
{
    uint64_t x = ft__digits8(v) | FT__ASCII_ZEROS;

    memcpy(p, &x, 8);
    return p + 8;
}

FT_INLINE uint8_t *ft_put_u64_small(uint8_t *p, uint32_t v)
{
    uint64_t x = ft__digits8(v);
    int skip = __builtin_ctzll(x | (uint64_t)1 << 56) & ~7;

    x = (x | FT__ASCII_ZEROS) >> skip;
    memcpy(p, &x, 8);
    return p + 8 - skip / 8;
}

uint8_t *ft_put_u64_large(uint8_t *p, uint64_t v);

/* No copy through a buffer: that would wait for its stores (they are narrower than the load). */
FT_INLINE uint8_t *ft_put_u64(uint8_t *p, uint64_t v)
{
    if (v < 10) {
        *p = (uint8_t)('0' + v);
        return p + 1;
    }
    if (FT_UNLIKELY(v >= 100000000)) {
        uint64_t high = v / 100000000;

        if (FT_UNLIKELY(high >= 100000000)) {
            p = ft_put_u64_large(p, high);
        } else {
            p = ft_put_u64_small(p, (uint32_t)high);
        }
        return ft__put_8digits(p, (uint32_t)(v % 100000000));
    }
    return ft_put_u64_small(p, (uint32_t)v);
}

/* A finite double, without trailing zeros: "2", "0.125", "1.5e-07", "1e+300". From 1e-3 to below
 * 9e15 rounded to the 15 or 16 significant digits that are a whole number below 9e15; outside of
 * that to 17, from which reading gives the same value again. */
uint8_t *ft_put_f64(uint8_t *p, double v);

/* A finite number of 32 bits with 9 significant digits, which tell it from all others, without the
 * zeros at their end. */
uint8_t *ft_put_f32(uint8_t *p, float v);

/* Seconds since 1970 with six places, rounded down from ns: "1719409375.420000". */
FT_INLINE uint8_t *ft_put_time(uint8_t *p, int64_t ns)
{
    int64_t us = ft_time_floor(ns, 1000);
    uint64_t abs = us < 0 ? (uint64_t)0 - (uint64_t)us : (uint64_t)us;
    uint32_t frac = (uint32_t)(abs % 1000000);

    if (us < 0) {
        *p++ = '-';
    }
    uint64_t sec = abs / 1000000;

    if (FT_LIKELY(sec < 10000000000u && sec >= 1000000000)) { /* 2001 to 2286: ten digits */
        uint32_t high = (uint32_t)(sec / 100000000);

        memcpy(p, ft__digit_pairs + high * 2, 2);
        p = ft__put_8digits(p + 2, (uint32_t)(sec - (uint64_t)high * 100000000));
    } else {
        p = ft_put_u64(p, sec);
    }
    p[0] = '.';
    uint64_t x = (ft__digits8(frac) | FT__ASCII_ZEROS) >> 16;

    memcpy(p + 1, &x, 8);
    return p + 7;
}

extern const uint8_t ft__octets[256][4]; /* digits of 0 to 255, and how many */

/* No branch: which of three lengths it is nobody can predict. */
FT_INLINE uint8_t *ft_put_octet(uint8_t *p, uint8_t v)
{
    memcpy(p, ft__octets[v], 4);
    return p + ft__octets[v][3];
}

/* 4 bytes, network order. */
FT_INLINE uint8_t *ft_put_ip4(uint8_t *p, const uint8_t *a)
{
    p = ft_put_octet(p, a[0]);
    *p++ = '.';
    p = ft_put_octet(p, a[1]);
    *p++ = '.';
    p = ft_put_octet(p, a[2]);
    *p++ = '.';
    return ft_put_octet(p, a[3]);
}

/* 16 bytes, network order; the same text as inet_ntop(3) (RFC 5952). At most 45 bytes. */
uint8_t *ft_put_ip6(uint8_t *p, const uint8_t *a);

/* 16 lower-case hex digits. */
uint8_t *ft_put_hex64(uint8_t *p, uint64_t v);

#endif
