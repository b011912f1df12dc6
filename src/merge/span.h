/* SPDX-License-Identifier: Apache-2.0 */
/* merge: a value in a line, and what number it is. */
#ifndef FT_MERGE_SPAN_H
#define FT_MERGE_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "flowtap/macros.h"

enum { FT__SPAN_SLACK = 64 }; /* bytes that can be read behind a line */

/* Text without its quotes; len 0 and at NULL: it is not there. */
struct ft__span {
    const char *at;
    uint32_t len;
    bool text; /* it was in quotes */
};

/* The number of up to eight digits, n of them; false: there is something else. */
FT_INLINE bool ft__span_digits(const char *at, uint32_t n, uint64_t *out)
{
    uint64_t v, x;

    memcpy(&v, at, sizeof v);
    v = (v ^ UINT64_C(0x3030303030303030)) << (64 - 8 * n); /* zeros before them */
    x = (v + UINT64_C(0x7676767676767676)) | v;             /* beyond 9 */
    v = v * 10 + (v >> 8);                                  /* twos, fours, eight */
    v = ((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
         (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
        32;
    *out = v;
    return (x & UINT64_C(0x8080808080808080)) == 0;
}

/* More digits, or other forms. */
bool ft__span_u64_long(const struct ft__span *s, uint64_t *out);
bool ft__span_us_any(const struct ft__span *s, int64_t *out);

/* Whole numbers, and seconds with a point as us. False: it is not there or none. */
FT_INLINE bool ft__span_u64(const struct ft__span *s, uint64_t *out)
{
    return s->len - 1 < 8 ? ft__span_digits(s->at, s->len, out) : ft__span_u64_long(s, out);
}

FT_INLINE bool ft__span_us(const struct ft__span *s, int64_t *out)
{
    enum { SECONDS = 10, PLACES = 6 }; /* of 2001 to 2286, as flowtap writes them */
    uint64_t a, b, c;

    if (s->len == SECONDS + 1 + PLACES && s->at[SECONDS] == '.' && ft__span_digits(s->at, 2, &a) &&
        ft__span_digits(s->at + 2, SECONDS - 2, &b) &&
        ft__span_digits(s->at + SECONDS + 1, PLACES, &c)) {
        *out = (int64_t)((a * 100000000 + b) * 1000000 + c);
        return *out <= INT64_MAX / 1000;
    }
    return ft__span_us_any(s, out);
}

#endif
