/* SPDX-License-Identifier: Apache-2.0 */
/* merge: numbers of any form, see span.h. */
#include "merge/span.h"

bool ft__span_u64_long(const struct ft__span *s, uint64_t *out)
{
    uint64_t v = 0;

    if (s->at == NULL || s->len == 0 || s->len > 20) {
        return false;
    }
    for (uint32_t i = 0; i < s->len; i++) {
        uint32_t digit = (uint32_t)(s->at[i] - '0');

        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, digit, &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

bool ft__span_us_any(const struct ft__span *s, int64_t *out)
{
    enum { PLACES = 6, DIGITS = 12 };
    uint32_t i = 0, point = UINT32_MAX;
    int64_t v = 0;
    bool minus = s->len > 0 && s->at[0] == '-';

    for (i = minus; i < s->len; i++) {
        char c = s->at[i];

        if (c == '.' && point == UINT32_MAX && i > minus) {
            point = i;
        } else if (c < '0' || c > '9' || (point == UINT32_MAX && i - minus >= DIGITS)) {
            return false;
        } else if (point == UINT32_MAX || i - point <= PLACES) {
            v = v * 10 + (c - '0');
        }
    }
    for (uint32_t n = point == UINT32_MAX ? 0 : s->len - point - 1; n < PLACES; n++) {
        v *= 10;
    }
    *out = minus ? -v : v;
    return s->len > minus && point != s->len - 1 && v <= INT64_MAX / 1000; /* ns fit, too */
}
