/* SPDX-License-Identifier: Apache-2.0 */
/* merge: values of Arrow as JSON, see arrow.h. Whole numbers, decimals and times are exact. */
#include <math.h>
#include <string.h>

#include "codec/text/digits.h"
#include "codec/text/escape.h"
#include "merge/arrow.h"

enum { ROOM_NUMBER = 96, PLACES = 6, DEPTH = 64 };

/* ---- room ---- */

uint32_t ft__arrow_fixed_room(const struct ft_arrow_field *f)
{
    if (f->is_indexed || f->kind == FT_ARROW_TEXT || f->kind == FT_ARROW_BYTES ||
        f->kind == FT_ARROW_LIST) {
        return 0;
    }
    return ROOM_NUMBER + (f->kind == FT_ARROW_FIXED ? 2 * f->width : 0);
}

static uint64_t list_room(const struct ft_arrow_field *f, const struct ft_arrow_column *c,
                          uint64_t i)
{
    uint64_t begin, end, room = ROOM_NUMBER;
    uint32_t each = ft__arrow_fixed_room(f + 1);

    ft_arrow_range(f, c, i, &begin, &end);
    if (each > 0) {
        return room + (end - begin) * each;
    }
    for (uint64_t k = begin; k < end && room <= FT__SCAN_LINE * 8; k++) {
        room += 1 + ft__arrow_value_room(f + 1, c + 1, k);
    }
    return room;
}

uint64_t ft__arrow_value_room(const struct ft_arrow_field *f, const struct ft_arrow_column *c,
                              uint64_t i)
{
    uint64_t begin, end;

    if (!ft_arrow_valid(c, i)) {
        return ROOM_NUMBER;
    }
    if (c->index != NULL) {
        c = ft_arrow_look_up(f, c, i, &i);
    }
    if (f->kind == FT_ARROW_LIST) {
        return list_room(f, c, i);
    }
    if (f->kind != FT_ARROW_TEXT && f->kind != FT_ARROW_BYTES) {
        return ROOM_NUMBER + 2u * f->width;
    }
    ft_arrow_range(f, c, i, &begin, &end);
    return ROOM_NUMBER + (end - begin) * 6;
}

/* ---- numbers ---- */

static uint64_t bits_at(const uint8_t *p, uint32_t width)
{
    uint64_t v = 0;

    switch (width) {
    case 1:
        return *p;
    case 2:
        memcpy(&v, p, 2);
        return v;
    case 4:
        memcpy(&v, p, 4);
        return v;
    default:
        memcpy(&v, p, 8);
        return v;
    }
}

static int64_t signed_at(const uint8_t *p, uint32_t width)
{
    uint32_t shift = 64 - 8 * width;

    return (int64_t)(bits_at(p, width) << shift) >> shift;
}

/* No branch that nobody can tell: most numbers are small, and of any length. */
FT_INLINE uint8_t *put_unsigned(uint8_t *p, uint64_t v)
{
    return FT_LIKELY(v < 100000000) ? ft_put_u64_small(p, (uint32_t)v) : ft_put_u64(p, v);
}

static uint8_t *put_signed(uint8_t *p, int64_t v)
{
    if (v < 0) {
        *p++ = '-';
    }
    return ft_put_u64(p, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
}

static uint8_t *put_float(uint8_t *p, const uint8_t *at, uint32_t width)
{
    float narrow;
    double v;

    if (width == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return isfinite(narrow) ? ft_put_f32(p, narrow) : FT_PUT_LIT(p, "null");
    }
    memcpy(&v, at, sizeof v);
    return isfinite(v) ? ft_put_f64(p, v) : FT_PUT_LIT(p, "null");
}

/* Seconds with six places, or more where there are. */
static uint8_t *put_time(uint8_t *p, int64_t v, int scale)
{
    static const uint64_t powers[] = {1,      10,      100,      1000,      10000,
                                      100000, 1000000, 10000000, 100000000, 1000000000};
    uint64_t abs = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v, rest;
    int places = scale > PLACES ? scale : PLACES;

    if (FT_LIKELY(scale == PLACES && abs <= INT64_MAX / 1000)) {
        return ft_put_time(p, v * 1000);
    }
    if (v < 0) {
        *p++ = '-';
    }
    if (scale < 0) { /* days of four bytes */
        abs *= 86400;
        scale = 0;
    }
    rest = abs % powers[scale] * powers[places - scale];
    p = ft_put_u64(p, abs / powers[scale]);
    *p++ = '.';
    for (int i = places; i-- > 0; rest /= 10) {
        p[i] = (uint8_t)('0' + rest % 10);
    }
    return p + places;
}

static uint8_t *put_decimal(uint8_t *p, const uint8_t *at, int scale)
{
    uint8_t digits[80];
    __int128 v;
    int n = 0;

    memcpy(&v, at, sizeof v);
    unsigned __int128 abs =
        v < 0 ? (unsigned __int128)0 - (unsigned __int128)v : (unsigned __int128)v;

    for (; abs > 0 || n <= scale; abs /= 10) { /* a digit before the point at least */
        digits[n++] = (uint8_t)('0' + (int)(abs % 10));
    }
    if (n == 0) {
        digits[n++] = '0';
    }
    if (v < 0) {
        *p++ = '-';
    }
    while (n > 0) {
        *p++ = digits[--n];
        if (n == scale && n > 0) {
            *p++ = '.';
        }
    }
    for (; scale < 0 && v != 0; scale++) {
        *p++ = '0';
    }
    return p;
}

/* ---- text ---- */

static uint8_t *put_hex(uint8_t *p, const uint8_t *at, uint64_t len)
{
    static const char digits[] = "0123456789abcdef";

    *p++ = '"';
    for (uint64_t i = 0; i < len; i++) {
        *p++ = (uint8_t)digits[at[i] >> 4];
        *p++ = (uint8_t)digits[at[i] & 15];
    }
    *p++ = '"';
    return p;
}

static uint8_t *put_address(uint8_t *p, const uint8_t *at)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    *p++ = '"';
    p = memcmp(at, mapped, sizeof mapped) == 0 ? ft_put_ip4(p, at + sizeof mapped)
                                               : ft_put_ip6(p, at);
    *p++ = '"';
    return p;
}

/* Is it one object or array, whose brackets and quotes close? Then it goes into a line as it is. */
static bool is_object(const uint8_t *at, uint64_t len)
{
    uint8_t open[DEPTH];
    uint32_t depth = 0;
    bool text = false;

    for (uint64_t i = 0; i < len; i++) {
        uint8_t c = at[i];

        if (c < ' ') {
            return false;
        }
        if (text) {
            i += c == '\\';
            text = c != '"';
            if (c == '\\' && i < len && at[i] < ' ') {
                return false;
            }
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            if (depth == DEPTH) {
                return false;
            }
            open[depth++] = c;
        } else if (c == '}' || c == ']') {
            if (depth == 0 || open[--depth] != c - 2) {
                return false;
            }
            if (depth == 0) {
                return i + 1 == len;
            }
        }
        if (depth == 0) {
            return false;
        }
    }
    return false;
}

/* Are these eight bytes to be written as they are? */
FT_INLINE bool is_plain(const uint8_t *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t v, quote, escape;

    memcpy(&v, at, sizeof v);
    quote = v ^ ones * '"';
    escape = v ^ ones * '\\';
    return (((v - ones * ' ') | v | ((quote - ones) & ~quote) | ((escape - ones) & ~escape)) &
            high) == 0;
}

/* Text that is written as it is; false: some of it is not, or it is short. */
FT_INLINE bool put_plain(uint8_t *p, const uint8_t *at, uint64_t len)
{
    if (len < 8) {
        return false;
    }
    for (uint64_t i = 0; i + 8 <= len; i += 8) {
        memcpy(p + i, at + i, 8);
        if (!is_plain(at + i)) {
            return false;
        }
    }
    memcpy(p + len - 8, at + len - 8, 8);
    return is_plain(at + len - 8);
}

static uint8_t *put_text(uint8_t *p, const struct ft__arrow_value *v,
                         const struct ft_arrow_field *f, const struct ft_arrow_column *c,
                         uint64_t i)
{
    uint64_t begin, end;

    ft_arrow_range(f, c, i, &begin, &end);
    const uint8_t *at = c->data + begin;
    uint64_t len = end - begin;

    if (f->kind == FT_ARROW_BYTES) {
        return put_hex(p, at, len);
    }
    if (v->is_object && is_object(at, len)) {
        memcpy(p, at, len);
        return p + len;
    }
    *p++ = '"';
    p = put_plain(p, at, len) ? p + len : ft_put_text(p, at, (uint32_t)len, true);
    *p++ = '"';
    return p;
}

static uint8_t *put_list(uint8_t *p, const struct ft__arrow_value *v,
                         const struct ft_arrow_field *f, const struct ft_arrow_column *c,
                         uint64_t i)
{
    uint64_t begin, end;

    ft_arrow_range(f, c, i, &begin, &end);
    *p++ = '[';
    for (uint64_t k = begin; k < end; k++) {
        if (k > begin) {
            *p++ = ',';
        }
        p = ft__arrow_put(p, v, f + 1, c + 1, k);
    }
    *p++ = ']';
    return p;
}

static uint8_t *put_bool(uint8_t *p, const struct ft_arrow_column *c, uint64_t i)
{
    return (c->data[i / 8] >> (i % 8) & 1) != 0 ? FT_PUT_LIT(p, "true") : FT_PUT_LIT(p, "false");
}

uint8_t *ft__arrow_put(uint8_t *p, const struct ft__arrow_value *v, const struct ft_arrow_field *f,
                       const struct ft_arrow_column *c, uint64_t i)
{
    if (!ft_arrow_valid(c, i) || f->kind == FT_ARROW_NULL) {
        return FT_PUT_LIT(p, "null");
    }
    if (c->index != NULL) {
        c = ft_arrow_look_up(f, c, i, &i);
        if (!ft_arrow_valid(c, i)) {
            return FT_PUT_LIT(p, "null");
        }
    }
    /* of values of one width, which lists have not */
    const uint8_t *at = c->data != NULL ? c->data + i * f->width : NULL;

    switch ((enum ft_arrow_kind)f->kind) {
    case FT_ARROW_BOOL:
        return put_bool(p, c, i);
    case FT_ARROW_SIGNED:
        return put_signed(p, signed_at(at, f->width));
    case FT_ARROW_UNSIGNED:
        return put_unsigned(p, bits_at(at, f->width));
    case FT_ARROW_FLOAT:
        return put_float(p, at, f->width);
    case FT_ARROW_DECIMAL:
        return put_decimal(p, at, f->scale);
    case FT_ARROW_TIME:
        return put_time(p, signed_at(at, f->width), f->scale);
    case FT_ARROW_FIXED:
        return v->is_address && f->width == 16 ? put_address(p, at) : put_hex(p, at, f->width);
    case FT_ARROW_LIST:
        return put_list(p, v, f, c, i);
    default:
        return put_text(p, v, f, c, i);
    }
}
