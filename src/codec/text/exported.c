/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: exported values as JSON, see exported.h. */
#include "codec/text/exported.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rd.h"
#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "codec/text/lists.h"

enum { SHORT_KEY = 32 }; /* bytes of a prepared key that are always copied */

static uint64_t load_uint(const uint8_t *p, uint32_t len)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i < len; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static uint8_t *put_i64(uint8_t *p, int64_t v)
{
    if (v < 0) {
        *p++ = '-';
        return ft_put_u64(p, (uint64_t)0 - (uint64_t)v);
    }
    return ft_put_u64(p, (uint64_t)v);
}

static uint8_t *put_int(uint8_t *p, const uint8_t *at, uint32_t len)
{
    uint64_t v = load_uint(at, len);

    if (len < 8 && (at[0] & 0x80) != 0) { /* reduced size: the sign goes on (RFC 7011 §6.2) */
        v |= UINT64_MAX << (8 * len);
    }
    return put_i64(p, (int64_t)v);
}

static uint8_t *put_float(uint8_t *p, const uint8_t *at, uint32_t len)
{
    char text[40];
    double d;

    if (len == 4) {
        uint32_t u = ft_load_be32(at);
        float f;

        memcpy(&f, &u, sizeof f);
        d = (double)f;
    } else {
        uint64_t u = ft_load_be64(at);

        memcpy(&d, &u, sizeof d);
    }
    if (!isfinite(d)) {
        return FT_PUT_LIT(p, "null"); /* JSON has no such numbers */
    }
    snprintf(text, sizeof text, len == 4 ? "%.9g" : "%.17g", d);
    return ft_put_str(p, text);
}

static const char hex[] = "0123456789abcdef";

static uint8_t *put_octets(uint8_t *p, const uint8_t *at, uint32_t len)
{
    uint32_t n = len < FT_XTEXT_OCTETS ? len : FT_XTEXT_OCTETS;

    *p++ = '"';
    for (uint32_t i = 0; i < n; i++) {
        *p++ = (uint8_t)hex[at[i] >> 4];
        *p++ = (uint8_t)hex[at[i] & 15];
    }
    *p++ = '"';
    return p;
}

static uint8_t *put_mac(uint8_t *p, const uint8_t *at)
{
    *p++ = '"';
    for (uint32_t i = 0; i < 6; i++) {
        *p++ = (uint8_t)hex[at[i] >> 4];
        *p++ = (uint8_t)hex[at[i] & 15];
        *p++ = i < 5 ? ':' : '"';
    }
    return p;
}

/* RFC 5905 §6: a timestamp of 0 says that the time is not known. */
static uint8_t *put_ntp(uint8_t *p, uint64_t ntp, bool micro)
{
    int64_t ns = ft_ntp_to_ns(ntp, micro);

    return ntp == 0 ? FT_PUT_LIT(p, "null") : put_i64(p, micro ? ns / 1000 : ns);
}

static uint8_t *put_list(uint8_t *p, const uint8_t *at, uint32_t len)
{
    *p++ = '[';
    for (uint32_t i = 0; i + 4 <= len; i += 4) {
        if (i > 0) {
            *p++ = ',';
        }
        p = ft_put_u64(p, ft_load_be32(at + i));
    }
    *p++ = ']';
    return p;
}

/* The rarer types. */
static uint8_t *put_other(uint8_t *p, const uint8_t *at, const struct ft_xvalue *v,
                          const struct ft_export_lists *lists)
{
    uint32_t len = v->len;

    switch ((enum ft_xtype)v->type) {
    case FT_X_INT:
        return put_int(p, at, len);
    case FT_X_FLOAT:
        return put_float(p, at, len);
    case FT_X_BOOL:
        return at[0] == 1   ? FT_PUT_LIT(p, "true")
               : at[0] == 2 ? FT_PUT_LIT(p, "false")
                            : FT_PUT_LIT(p, "null");
    case FT_X_MAC:
        return put_mac(p, at);
    case FT_X_STRING:
        return ft_put_json_string(p, (const char *)at,
                                  len < FT_XTEXT_STRING ? len : FT_XTEXT_STRING);
    case FT_X_MICROSECONDS:
    case FT_X_NANOSECONDS:
        return put_ntp(p, ft_load_be64(at), v->type == FT_X_MICROSECONDS);
    case FT_X_UINT32_LIST:
        return put_list(p, at, len);
    case FT_X_BASIC_LIST:
    case FT_X_SUBTEMPLATE_LIST:
    case FT_X_SUBTEMPLATE_MULTI_LIST:
        return ft_lists_put(p, p + FT_XTEXT_LIST - FT_LISTS_TAIL, at, len, v->type, lists, 0);
    default:
        return put_octets(p, at, len);
    }
}

FT_INLINE uint8_t *put_value(uint8_t *p, const uint8_t *base, const struct ft_xvalue *v,
                             const struct ft_export_lists *lists)
{
    const uint8_t *at = base + v->offset;

    if (FT_UNLIKELY(v->flags & (FT_XV_WRONG | FT_XV_ABSENT))) {
        return FT_PUT_LIT(p, "null");
    }
    switch ((enum ft_xtype)v->type) {
    case FT_X_UINT:
        switch (v->len) {
        case 1:
            return ft_put_u64(p, at[0]);
        case 2:
            return ft_put_u64(p, ft_load_be16(at));
        case 4:
            return ft_put_u64(p, ft_load_be32(at));
        case 8:
            return ft_put_u64(p, ft_load_be64(at));
        default:
            return ft_put_u64(p, load_uint(at, v->len));
        }
    case FT_X_IPV4:
        *p++ = '"';
        p = ft_put_ip4(p, at);
        *p++ = '"';
        return p;
    case FT_X_IPV6:
        *p++ = '"';
        p = ft_put_ip6(p, at);
        *p++ = '"';
        return p;
    case FT_X_SECONDS:
        return ft_put_u64(p, ft_load_be32(at));
    case FT_X_MILLISECONDS:
        return ft_put_u64(p, ft_load_be64(at));
    default:
        return put_other(p, at, v, lists);
    }
}

uint8_t *ft_xvalue_put(uint8_t *p, const uint8_t *base, const struct ft_xvalue *v,
                       const struct ft_export_lists *lists)
{
    return put_value(p, base, v, lists);
}

FT_INLINE uint8_t *put_key(uint8_t *p, const struct ft_xvalue *v)
{
    *p++ = '"';
    memcpy(p, v->key, v->key_len);
    p += v->key_len;
    *p++ = '"';
    *p++ = ':';
    return p;
}

/* One key with its value, or with the array of its values. *at: the number of the first; afterwards
 * of the last. NULL: it does not fit before end. */
static uint8_t *put_pair(uint8_t *p, const uint8_t *end, const uint8_t *base,
                         const struct ft_xvalue *v, uint32_t n, const struct ft_export_lists *lists,
                         uint32_t *at)
{
    uint32_t i = *at, last = i;
    size_t room = 8 + (size_t)ft_xvalue_room(&v[i]);

    if (FT_UNLIKELY(v[i].flags & FT_XV_FIRST)) {
        while (last + 1 < n && (v[last + 1].flags & FT_XV_MORE)) {
            last++;
            room += ft_xvalue_room(&v[last]);
        }
    }
    *at = last;
    if ((size_t)(end - p) < room) {
        return NULL;
    }
    p = put_key(p, &v[i]);
    if (FT_LIKELY((v[i].flags & FT_XV_FIRST) == 0)) {
        return ft_xvalue_put(p, base, &v[i], lists);
    }
    *p++ = '[';
    for (; i <= last; i++) {
        p = ft_xvalue_put(p, base, &v[i], lists);
        *p++ = i < last ? ',' : ']';
    }
    return p;
}

uint8_t *ft_xvalues_put(uint8_t *p, const uint8_t *end, const uint8_t *base,
                        const struct ft_xvalue *v, uint32_t n, const struct ft_export_lists *lists)
{
    const uint8_t *start = p;
    uint32_t cut = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint8_t *comma = p, *next;
        uint32_t first = i;

        if (p != start) {
            *comma = ',';
            next = put_pair(p + 1, end, base, v, n, lists, &i);
        } else {
            next = put_pair(p, end, base, v, n, lists, &i);
        }
        if (FT_UNLIKELY(next == NULL)) {
            cut += i - first + 1;
            continue;
        }
        p = next;
    }
    if (cut > 0) {
        p = p != start ? FT_PUT_LIT(p, ",\"values_cut\":") : FT_PUT_LIT(p, "\"values_cut\":");
        p = ft_put_u64(p, cut);
    }
    return p;
}

uint8_t *ft_xrecord_put(uint8_t *p, const uint8_t *end, const struct ft_export_record *r)
{
    const uint8_t *start = p;
    uint32_t i = 0, n = r->n_values, skip = 1; /* no comma before the first */

    if (r->keys != NULL && (size_t)(end - p) >= r->text_max) { /* all of it fits */
        for (; i < n && FT_LIKELY(r->keys[i].len != 0); i++) {
            const struct ft_xkey *k = &r->keys[i];

            memcpy(p, k->text + skip, SHORT_KEY);
            if (FT_UNLIKELY(k->len > SHORT_KEY)) {
                memcpy(p + SHORT_KEY, k->text + skip + SHORT_KEY, sizeof k->text - 1 - SHORT_KEY);
            }
            p = put_value(p + k->len - skip, r->base, &r->values[i], r->lists);
            skip = 0;
        }
        if (i < n && p != start) {
            *p++ = ',';
        }
    }
    return i == n ? p : ft_xvalues_put(p, end, r->base, r->values + i, n - i, r->lists);
}
