/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: strings that may hold anything, see escape.h. */
#include "codec/text/escape.h"

#include <string.h>

#include "codec/text/digits.h"

/* Length of the UTF-8 sequence at s with n bytes left (RFC 3629), or 0 when it is none. */
static size_t utf8_len(const uint8_t *s, size_t n)
{
    static const uint8_t lo[] = {0x80, 0xa0, 0x80, 0x90, 0x80};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (len == 0 || len > n || s[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((s[0] == 0xe0 && s[1] < lo[1]) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < lo[3]) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0; /* over-long, surrogate or beyond U+10FFFF */
    }
    return len;
}

static uint8_t *put_escape(uint8_t *p, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";

    p = FT_PUT_LIT(p, "\\u00");
    *p++ = (uint8_t)hex[c >> 4];
    *p++ = (uint8_t)hex[c & 15];
    return p;
}

uint8_t *ft_put_json_string(uint8_t *p, const char *text, size_t max)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t n = strnlen(text, max);

    *p++ = '"';
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len(s + i, n - i);

        if (len == 0 || s[i] < 0x20 || s[i] == 0x7f) {
            p = put_escape(p, s[i++]);
            continue;
        }
        if (s[i] == '"' || s[i] == '\\') {
            *p++ = '\\';
        }
        memcpy(p, s + i, len);
        p += len;
        i += len;
    }
    *p++ = '"';
    return p;
}

uint8_t *ft_put_text(uint8_t *p, const uint8_t *text, uint32_t len, bool json)
{
    for (uint32_t i = 0; i < len;) {
        uint32_t n = (uint32_t)utf8_len(text + i, len - i);
        uint8_t c = text[i];

        if (n == 0) {
            p = FT_PUT_LIT(p, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (c < 0x20 || c == 0x7f) {
            if (json) {
                p = put_escape(p, c);
            } else {
                *p++ = ' '; /* a table's row is one line */
            }
        } else {
            if (c == '"') {
                *p++ = json ? '\\' : '"';
            } else if (c == '\\' && json) {
                *p++ = '\\';
            }
            memcpy(p, text + i, n);
            p += n;
        }
        i += n;
    }
    return p;
}

uint8_t *ft_put_utf8(uint8_t *p, const uint8_t *text, uint32_t len)
{
    for (uint32_t i = 0; i < len;) {
        uint32_t n = (uint32_t)utf8_len(text + i, len - i);

        if (n == 0) {
            p = FT_PUT_LIT(p, "\xef\xbf\xbd");
            i++;
            continue;
        }
        memcpy(p, text + i, n);
        p += n;
        i += n;
    }
    return p;
}
