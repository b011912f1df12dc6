/* SPDX-License-Identifier: Apache-2.0 */
/* base: %XX in URLs, see percent.h. */
#include "base/percent.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t ft_percent_decode(const char *s, size_t len, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        int hi = s[i] == '%' && i + 2 < len ? hex_digit(s[i + 1]) : -1;
        int lo = hi >= 0 ? hex_digit(s[i + 2]) : -1;

        if (lo >= 0 && (hi | lo) != 0) {
            out[at++] = (char)(hi << 4 | lo);
            i += 2;
        } else {
            out[at++] = s[i];
        }
    }
    out[at] = '\0';
    return at;
}
