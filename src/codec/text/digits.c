/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: tables and the longer conversions of digits.h. */
#include "codec/text/digits.h"

#include <stdio.h>

#include <stdbool.h>

#define P2(t)  #t "0" #t "1" #t "2" #t "3" #t "4" #t "5" #t "6" #t "7" #t "8" #t "9"
#define P2_ALL P2(0) P2(1) P2(2) P2(3) P2(4) P2(5) P2(6) P2(7) P2(8) P2(9)

/* clang-format off */
#define TEN(row) row('0'), row('1'), row('2'), row('3'), row('4'), row('5'), row('6'), row('7'), row('8'), row('9')
#define ONE(u) {u, 0, 0, 1}
#define TWO(t) {t, '0', 0, 2}, {t, '1', 0, 2}, {t, '2', 0, 2}, {t, '3', 0, 2}, {t, '4', 0, 2}, \
               {t, '5', 0, 2}, {t, '6', 0, 2}, {t, '7', 0, 2}, {t, '8', 0, 2}, {t, '9', 0, 2}
#define THREE(h, t) {h, t, '0', 3}, {h, t, '1', 3}, {h, t, '2', 3}, {h, t, '3', 3}, {h, t, '4', 3}, \
                    {h, t, '5', 3}, {h, t, '6', 3}, {h, t, '7', 3}, {h, t, '8', 3}, {h, t, '9', 3}
#define HUNDRED1(t) THREE('1', t)

const uint8_t ft__octets[256][4] = {
    TEN(ONE),
    TWO('1'), TWO('2'), TWO('3'), TWO('4'), TWO('5'), TWO('6'), TWO('7'), TWO('8'), TWO('9'),
    TEN(HUNDRED1),
    THREE('2', '0'), THREE('2', '1'), THREE('2', '2'), THREE('2', '3'), THREE('2', '4'),
    {'2', '5', '0', 3}, {'2', '5', '1', 3}, {'2', '5', '2', 3},
    {'2', '5', '3', 3}, {'2', '5', '4', 3}, {'2', '5', '5', 3},
};
/* clang-format on */

const char ft__digit_pairs[200] FT_ALIGNED(64) = P2_ALL;

static const char hex[] = "0123456789abcdef";

static uint8_t *put_group(uint8_t *p, uint32_t v)
{
    if (v >= 0x1000) {
        *p++ = (uint8_t)hex[v >> 12];
    }
    if (v >= 0x100) {
        *p++ = (uint8_t)hex[v >> 8 & 15];
    }
    if (v >= 0x10) {
        *p++ = (uint8_t)hex[v >> 4 & 15];
    }
    *p++ = (uint8_t)hex[v & 15];
    return p;
}

/* The first longest run of two or more zero groups: start and length, 0 when there is none. */
static int longest_zeros(const uint16_t g[8], int *out_len)
{
    int best = 0, best_len = 0;

    for (int i = 0; i < 8; i++) {
        int n = 0;

        while (i + n < 8 && g[i + n] == 0) {
            n++;
        }
        if (n > best_len) {
            best = i;
            best_len = n;
        }
        i += n;
    }
    *out_len = best_len >= 2 ? best_len : 0;
    return best;
}

uint8_t *ft_put_ip6(uint8_t *p, const uint8_t *a)
{
    uint16_t g[8];
    int len;

    for (int i = 0; i < 8; i++) {
        g[i] = (uint16_t)(a[2 * i] << 8 | a[2 * i + 1]);
    }
    int at = longest_zeros(g, &len);
    /* as inet_ntop has it: ::a.b.c.d and ::ffff:a.b.c.d end in IPv4 text */
    bool v4 = at == 0 && (len == 6 || (len == 5 && g[5] == 0xffff) || (len == 7 && g[7] != 1));

    for (int i = 0; i < 8; i++) {
        if (len > 0 && i == at) {
            *p++ = ':';
            i += len - 1;
            if (i == 7) {
                *p++ = ':';
            }
            continue;
        }
        if (i > 0) {
            *p++ = ':';
        }
        if (i == 6 && v4) {
            return ft_put_ip4(p, a + 12);
        }
        p = put_group(p, g[i]);
    }
    return p;
}

uint8_t *ft_put_hex64(uint8_t *p, uint64_t v)
{
    for (int i = 15; i >= 0; i--) {
        p[i] = (uint8_t)hex[v & 15];
        v >>= 4;
    }
    return p + 16;
}

/* By the C library: what is very large or very small. */
static uint8_t *put_f64_slowly(uint8_t *p, double v)
{
    char text[32];

    snprintf(text, sizeof text, "%.17g", v);
    return ft_put_str(p, text);
}

uint8_t *ft_put_u64_large(uint8_t *p, uint64_t v)
{
    p = ft_put_u64(p, v / 100000000);
    return ft__put_8digits(p, (uint32_t)(v % 100000000));
}

enum { SINGLE_DIGITS = 9, SINGLE_TEXT = 24 };

/* 10^0 to 10^18. */
static const uint64_t powers[] = {1,
                                  10,
                                  100,
                                  1000,
                                  10000,
                                  100000,
                                  1000000,
                                  10000000,
                                  100000000,
                                  1000000000,
                                  10000000000,
                                  100000000000,
                                  1000000000000,
                                  10000000000000,
                                  100000000000000,
                                  1000000000000000,
                                  10000000000000000,
                                  100000000000000000,
                                  1000000000000000000};

/* The most places, at most 18, so that abs * 10^places is below 9e15 (below 2^53: what a double
 * counts exactly). The exponent tells it but for one or two. */
static uint32_t places_of(double abs)
{
    uint64_t bits;

    memcpy(&bits, &abs, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;   /* 2^exponent <= abs; -10 to 52 */
    int places = 15 - (exponent * 1233 >> 12); /* 1233 / 4096 is a little less than log10(2) */

    places = places < 18 ? places : 18;
    while (abs * (double)powers[places] >= 9e15) {
        places--;
    }
    return (uint32_t)places;
}

/* Places digits of a fraction that is not 0, without the zeros at its end. */
static uint8_t *put_fraction(uint8_t *p, uint64_t frac, uint32_t places)
{
    uint8_t digits[24 + FT_PUT_SLACK];

    for (uint32_t n = 8; n > 0; n /= 2) {
        if (frac % powers[n] == 0) {
            frac /= powers[n];
            places -= n;
        }
    }
    ft__put_8digits(digits, (uint32_t)(frac / powers[16]));
    ft__put_8digits(digits + 8, (uint32_t)(frac / powers[8] % powers[8]));
    ft__put_8digits(digits + 16, (uint32_t)(frac % powers[8]));
    memcpy(p, digits + 24 - places, 24);
    return p + places;
}

uint8_t *ft_put_f64(uint8_t *p, double v)
{
    double abs = v < 0 ? -v : v;
    uint64_t digits, frac;
    uint32_t places;

    if (abs == 0) {
        *p++ = '0';
        return p;
    }
    if (abs >= 9e15 || abs < 1e-3) {
        return put_f64_slowly(p, v);
    }
    places = places_of(abs);
    digits = (uint64_t)(abs * (double)powers[places] + 0.5);
    frac = digits % powers[places];
    if (v < 0) {
        *p++ = '-';
    }
    p = ft_put_u64(p, digits / powers[places]);
    if (frac == 0) {
        return p;
    }
    *p++ = '.';
    return put_fraction(p, frac, places);
}

uint8_t *ft_put_f32(uint8_t *p, float v)
{
    double abs = v < 0 ? -(double)v : (double)v;
    uint32_t places = SINGLE_DIGITS - 1;

    if (abs >= 1e8 || (abs < 1e-6 && abs != 0)) {
        return p + snprintf((char *)p, SINGLE_TEXT, "%.9g", (double)v);
    }
    while (places > 0 && abs >= (double)powers[SINGLE_DIGITS - places]) {
        places--;
    }
    while (abs < 1 && abs != 0 &&
           abs * (double)powers[places] < (double)powers[SINGLE_DIGITS - 1]) {
        places++;
    }
    uint64_t digits = (uint64_t)(abs * (double)powers[places] + 0.5);
    uint64_t frac = digits % powers[places];

    if (v < 0) {
        *p++ = '-';
    }
    p = ft_put_u64(p, digits / powers[places]);
    if (frac == 0) {
        return p;
    }
    *p++ = '.';
    return put_fraction(p, frac, places);
}
