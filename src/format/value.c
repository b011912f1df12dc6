/* SPDX-License-Identifier: Apache-2.0 */
/* format: values as text, see value.h. */
#include "format/value.h"

#include "codec/text/digits.h"

static uint8_t *put_quoted_body(uint8_t *p, enum ft_type type, const struct ft_value *v)
{
    if (type == FT_T_STRING) {
        return ft_put_str(p, v->s);
    }
    if (type == FT_T_ID) {
        return ft_put_hex64(p, v->u);
    }
    return v->ip_version == 4 ? ft_put_ip4(p, v->addr) : ft_put_ip6(p, v->addr);
}

/* Bytes of the UTF-8 sequence that begins at p, or 0 when it is none (RFC 3629 §4). */
static uint32_t utf8_len(const uint8_t *p, uint32_t left)
{
    uint32_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (len == 0 || len > left || p[0] > 0xf4) {
        return 0;
    }
    for (uint32_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0; /* too long for its value, a surrogate, or beyond U+10FFFF */
    }
    return len;
}

/* What is no UTF-8 becomes U+FFFD, a byte each. */
static uint8_t *put_text(uint8_t *p, const uint8_t *text, uint32_t len, bool json)
{
    static const char hex[] = "0123456789abcdef";

    for (uint32_t i = 0; i < len;) {
        uint32_t n = utf8_len(text + i, len - i);
        uint8_t c = text[i];

        if (n == 0) {
            p = FT_PUT_LIT(p, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (c < 0x20 || c == 0x7f) {
            if (json) {
                p = FT_PUT_LIT(p, "\\u00");
                *p++ = (uint8_t)hex[c >> 4];
                *p++ = (uint8_t)hex[c & 15];
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

uint8_t *ft_put_value(uint8_t *p, enum ft_type type, const struct ft_value *v, bool quoted)
{
    switch (type) {
    case FT_T_BOOL:
        return ft_put_str(p, v->u != 0 ? "true" : "false");
    case FT_T_TIME:
        return ft_put_time(p, v->i);
    case FT_T_I64:
        if (v->i < 0) {
            *p++ = '-';
        }
        return ft_put_u64(p, v->i < 0 ? (uint64_t)0 - (uint64_t)v->i : (uint64_t)v->i);
    case FT_T_TEXT: /* quoted in CSV as well: it may hold anything */
        *p++ = '"';
        p = put_text(p, v->text, v->text_len, quoted);
        *p++ = '"';
        return p;
    case FT_T_F64:
        return ft_put_f64(p, v->f);
    case FT_T_STRING:
    case FT_T_ID:
    case FT_T_ADDR:
        if (quoted) {
            *p++ = '"';
        }
        p = put_quoted_body(p, type, v);
        if (quoted) {
            *p++ = '"';
        }
        return p;
    default:
        return ft_put_u64(p, v->u);
    }
}
