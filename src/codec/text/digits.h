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

FT_INLINE uint8_t *ft_put_u64(uint8_t *p, uint64_t v)
{
    char tmp[24 + FT_PUT_SLACK];
    uint32_t at = 22;

    while (v >= 100) {
        memcpy(tmp + (at -= 2), ft__digit_pairs + v % 100 * 2, 2);
        v /= 100;
    }
    memcpy(tmp + (at -= 2), ft__digit_pairs + v * 2, 2);
    at += v < 10;
    memcpy(p, tmp + at, 24);
    return p + (22 - at);
}

/* A finite double, so that reading it gives the same value again or its neighbour: at most 17
 * significant digits, no trailing zeros; "2", "0.125", "1.5e-07", "1e+300". */
uint8_t *ft_put_f64(uint8_t *p, double v);

/* Seconds since 1970 with six places, rounded down from ns: "1719409375.420000". */
FT_INLINE uint8_t *ft_put_time(uint8_t *p, int64_t ns)
{
    int64_t us = ns / 1000 - (ns % 1000 < 0);
    uint64_t abs = us < 0 ? (uint64_t)0 - (uint64_t)us : (uint64_t)us;
    uint32_t frac = (uint32_t)(abs % 1000000);

    if (us < 0) {
        *p++ = '-';
    }
    p = ft_put_u64(p, abs / 1000000);
    p[0] = '.';
    memcpy(p + 1, ft__digit_pairs + frac / 10000 * 2, 2);
    memcpy(p + 3, ft__digit_pairs + frac / 100 % 100 * 2, 2);
    memcpy(p + 5, ft__digit_pairs + frac % 100 * 2, 2);
    return p + 7;
}

FT_INLINE uint8_t *ft_put_octet(uint8_t *p, uint32_t v)
{
    if (v >= 100) {
        p[0] = (uint8_t)('0' + v / 100);
        memcpy(p + 1, ft__digit_pairs + v % 100 * 2, 2);
        return p + 3;
    }
    if (v >= 10) {
        memcpy(p, ft__digit_pairs + v * 2, 2);
        return p + 2;
    }
    p[0] = (uint8_t)('0' + v);
    return p + 1;
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
