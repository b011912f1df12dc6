/* SPDX-License-Identifier: Apache-2.0 */
/* merge: values of JSON as cells of Arrow, see arrow_cells.h. */
#include "merge/arrow_cells.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "merge/span.h"

enum { FIRST = 4096, NUMBER_MOST = 64, ENDS_MOST = INT32_MAX };

int ft__cell_bytes_add(struct ft__cell_bytes *b, const void *from, size_t len)
{
    if (len > b->cap - b->len) {
        size_t cap = b->cap < FIRST ? FIRST : 2 * b->cap;

        while (cap < b->len + len) {
            cap *= 2;
        }
        uint8_t *at = ft_mem_alloc(1, cap);

        if (at == NULL) {
            return FT_E_NOMEM;
        }
        if (b->len > 0) {
            memcpy(at, b->at, b->len);
        }
        ft_mem_free(b->at);
        b->at = at;
        b->cap = cap;
    }
    if (len > 0) {
        memcpy(b->at + b->len, from, len);
    }
    b->len += len;
    return FT_OK;
}

void ft__cells_clear(struct ft__cells *c)
{
    c->n = c->nulls = c->items = c->inner = 0;
    c->valid.len = c->ends.len = c->data.len = c->list[0].len = c->list[1].len = 0;
}

void ft__cells_free(struct ft__cells *c)
{
    ft_mem_free(c->valid.at);
    ft_mem_free(c->ends.at);
    ft_mem_free(c->data.at);
    ft_mem_free(c->list[0].at);
    ft_mem_free(c->list[1].at);
}

static int add_bit(struct ft__cell_bytes *b, uint64_t i, bool bit)
{
    static const uint8_t zero = 0;
    int rc = i % 8 == 0 ? ft__cell_bytes_add(b, &zero, 1) : FT_OK;

    if (rc == FT_OK) {
        b->at[i / 8] |= (uint8_t)(bit << (i % 8));
    }
    return rc;
}

static int add_end(struct ft__cell_bytes *b, uint64_t end)
{
    uint32_t v = (uint32_t)end;

    return end > ENDS_MOST ? FT_E_NOMEM : ft__cell_bytes_add(b, &v, sizeof v);
}

/* ---- values ---- */

/* The text is in line, where FT__SPAN_SLACK bytes are behind it. */
static bool to_integer(const struct ft__cells *c, const struct ft__span *s, uint64_t *out)
{
    bool minus = s->len > 0 && s->at[0] == '-';
    struct ft__span digits = {s->at + minus, s->len - minus, false};

    if (!ft__span_u64(&digits, out)) {
        return false;
    }
    if (c->kind == FT__CELL_SIGNED) {
        bool fits = *out <= (uint64_t)INT64_MAX + minus;

        *out = minus ? (uint64_t)0 - *out : *out;
        return fits;
    }
    return !minus && (c->width == 8 || *out >> 8 * c->width == 0);
}

/* As it is in memory, of width bytes. */
static bool to_float(const struct ft__span *s, uint8_t width, uint64_t *out)
{
    char text[NUMBER_MOST];
    char *end;

    if (s->len == 0 || s->len >= sizeof text) {
        return false;
    }
    memcpy(text, s->at, s->len);
    text[s->len] = '\0';
    double v = strtod(text, &end);
    bool fits = *end == '\0' && text[0] != 'n' && text[0] != 'i';

    if (width == sizeof(float)) {
        fits = fits && fabs(v) <= (double)FLT_MAX;
        float narrow = fits ? (float)v : 0;

        memcpy(out, &narrow, sizeof narrow);
        return fits;
    }
    memcpy(out, &v, sizeof v);
    return fits;
}

static bool to_number(const struct ft__cells *c, const struct ft__span *s, uint64_t *out)
{
    int64_t us;

    switch ((enum ft__cell_kind)c->kind) {
    case FT__CELL_FLOAT:
        return to_float(s, c->width, out);
    case FT__CELL_TIME:
        if (!ft__span_us(s, &us)) {
            return false;
        }
        memcpy(out, &us, sizeof us);
        return true;
    default:
        return to_integer(c, s, out);
    }
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int add_hex(struct ft__cells *c, const struct ft__span *s)
{
    size_t before = c->data.len;

    for (uint32_t i = 0; i < s->len; i += 2) {
        int high = hex_of(s->at[i]), low = i + 1 < s->len ? hex_of(s->at[i + 1]) : -1;
        uint8_t v = (uint8_t)(high << 4 | low);

        if (high < 0 || low < 0) {
            c->data.len = before;
            return FT_E_RANGE;
        }
        if (ft__cell_bytes_add(&c->data, &v, 1) != FT_OK) {
            return FT_E_NOMEM;
        }
    }
    return FT_OK;
}

static uint8_t *put_utf8(uint8_t *p, uint32_t v)
{
    if (v < 0x80) {
        *p++ = (uint8_t)v;
    } else if (v < 0x800) {
        *p++ = (uint8_t)(0xc0 | v >> 6);
        *p++ = (uint8_t)(0x80 | (v & 0x3f));
    } else if (v < 0x10000) {
        *p++ = (uint8_t)(0xe0 | v >> 12);
        *p++ = (uint8_t)(0x80 | (v >> 6 & 0x3f));
        *p++ = (uint8_t)(0x80 | (v & 0x3f));
    } else {
        *p++ = (uint8_t)(0xf0 | v >> 18);
        *p++ = (uint8_t)(0x80 | (v >> 12 & 0x3f));
        *p++ = (uint8_t)(0x80 | (v >> 6 & 0x3f));
        *p++ = (uint8_t)(0x80 | (v & 0x3f));
    }
    return p;
}

/* Four hex digits; -1: they are none. */
static int32_t four_hex(const char *at, const char *end)
{
    int32_t v = 0;

    for (int i = 0; i < 4; i++) {
        int digit = end - at > i ? hex_of((char)(at[i] | (at[i] >= 'A' ? 0x20 : 0))) : -1;

        if (digit < 0) {
            return -1;
        }
        v = v << 4 | digit;
    }
    return v;
}

/* What is behind a backslash, at *at; the place behind it. */
static uint8_t *put_escape(uint8_t *p, const char **at, const char *end)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *(*at)++;
    const char *known = strchr(from, c);
    int32_t v, low;

    if (c != 'u' || (v = four_hex(*at, end)) < 0) {
        *p++ = (uint8_t)(known != NULL && c != '\0' ? to[known - from] : c);
        return p;
    }
    *at += 4;
    if (v >= 0xd800 && v < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
        (low = four_hex(*at + 2, end)) >= 0xdc00 && low < 0xe000) {
        *at += 6;
        return put_utf8(p, 0x10000 + ((uint32_t)(v - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
    }
    return put_utf8(p, v >= 0xd800 && v < 0xe000 ? 0xfffd : (uint32_t)v);
}

/* Text without its escapes. */
static int add_text(struct ft__cells *c, const struct ft__span *s)
{
    const char *at = s->at, *end = s->at + s->len;

    if (!s->text) {
        return ft__cell_bytes_add(&c->data, s->at, s->len);
    }
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        uint8_t text[4];

        if (ft__cell_bytes_add(&c->data, at, (size_t)((escape != NULL ? escape : end) - at)) !=
            FT_OK) {
            return FT_E_NOMEM;
        }
        if (escape == NULL || escape + 1 == end) {
            break;
        }
        at = escape + 1;
        if (ft__cell_bytes_add(&c->data, text, (size_t)(put_escape(text, &at, end) - text)) !=
            FT_OK) {
            return FT_E_NOMEM;
        }
    }
    return FT_OK;
}

/* A value that is there. i: how many are before it. FT_E_RANGE: nothing was added. */
static int add_value(struct ft__cells *c, const struct ft__span *s, uint64_t i)
{
    uint64_t v;
    int rc;

    switch ((enum ft__cell_kind)c->kind) {
    case FT__CELL_BOOL:
        return s->len == 0 || (s->at[0] != 't' && s->at[0] != 'f')
                   ? FT_E_RANGE
                   : add_bit(&c->data, i, s->at[0] == 't');
    case FT__CELL_TEXT:
        rc = add_text(c, s);
        return rc == FT_OK ? add_end(&c->ends, c->data.len) : rc;
    case FT__CELL_BYTES:
        rc = add_hex(c, s);
        return rc == FT_OK ? add_end(&c->ends, c->data.len) : rc;
    default:
        return to_number(c, s, &v) ? ft__cell_bytes_add(&c->data, &v, c->width) : FT_E_RANGE;
    }
}

/* In the place of a value that is null. */
static int add_nothing(struct ft__cells *c)
{
    static const uint8_t zeros[8] = {0};

    switch ((enum ft__cell_kind)c->kind) {
    case FT__CELL_BOOL:
        return add_bit(&c->data, c->n, false);
    case FT__CELL_TEXT:
    case FT__CELL_BYTES:
        return add_end(&c->ends, c->data.len);
    default:
        return ft__cell_bytes_add(&c->data, zeros, c->width);
    }
}

/* ---- lists ---- */

/* The end of the item of a list at p. */
static const char *item_end(const char *p, const char *end)
{
    uint32_t depth = 0;
    bool text = false;

    for (; p < end; p++) {
        if (text) {
            text = *p != '"';
            p += *p == '\\';
        } else if (*p == '"') {
            text = true;
        } else if (*p == '[' || *p == '{') {
            depth++;
        } else if (*p == ']' || *p == '}') {
            if (depth-- == 0) {
                return p;
            }
        } else if (*p == ',' && depth == 0) {
            return p;
        }
    }
    return p < end ? p : end;
}

static struct ft__span span_of(const char *at, const char *end)
{
    bool text = end - at >= 2 && *at == '"';

    return (struct ft__span){at + text, (uint32_t)(end - at) - 2u * text, text};
}

/* The items of a list whose items are values. */
static int add_items(struct ft__cells *c, const char *at, const char *end)
{
    int rc = end - at < 2 || *at != '[' ? FT_E_RANGE : FT_OK;

    for (at++, end--; rc == FT_OK && at < end;) {
        const char *behind = item_end(at, end);
        struct ft__span item = span_of(at, behind);

        rc = add_value(c, &item, c->items);
        c->items += rc == FT_OK;
        at = behind + 1;
    }
    return rc;
}

static int add_list(struct ft__cells *c, const char *at, const char *end)
{
    int rc = end - at < 2 || *at != '[' ? FT_E_RANGE : FT_OK;

    if (c->lists == 1) {
        return add_items(c, at, end);
    }
    for (at++, end--; rc == FT_OK && at < end;) {
        const char *behind = item_end(at, end);

        rc = add_items(c, at, behind);
        rc = rc == FT_OK ? add_end(&c->list[1], c->items) : rc;
        c->inner += rc == FT_OK;
        at = behind + 1;
    }
    return rc;
}

/* How much there was before a list, when it does not fit. */
static void take_back(struct ft__cells *c, const struct ft__cells *was)
{
    uint64_t bits = was->items % 8;

    c->items = was->items;
    c->inner = was->inner;
    c->ends.len = was->ends.len;
    c->data.len = was->data.len;
    c->list[1].len = was->list[1].len;
    if (c->kind == FT__CELL_BOOL && bits > 0) {
        c->data.at[was->items / 8] &= (uint8_t)((1u << bits) - 1);
    }
}

/* In the place of a list that is null: as many numbers as any has. */
static int add_fixed(struct ft__cells *c)
{
    int rc = FT_OK;

    for (uint32_t i = 0; i < c->fixed && rc == FT_OK; i++) {
        rc = add_nothing(c);
    }
    c->items += c->fixed;
    return rc;
}

static int put_list(struct ft__cells *c, const char *value, uint32_t len, bool there)
{
    struct ft__cells was = *c;
    int rc = there ? add_list(c, value, value + len) : FT_E_RANGE;

    if (rc == FT_OK && c->fixed > 0 && c->items - was.items != c->fixed) {
        rc = FT_E_RANGE;
    }
    if (rc == FT_E_RANGE) {
        take_back(c, &was);
    }
    if (c->fixed > 0) {
        return rc == FT_E_RANGE && add_fixed(c) != FT_OK ? FT_E_NOMEM : rc;
    }
    int end = add_end(&c->list[0], c->lists > 1 ? c->inner : c->items);

    return end != FT_OK ? end : rc;
}

int ft__cells_put(struct ft__cells *c, const char *value, uint32_t len)
{
    bool there = value != NULL && !(len == 4 && memcmp(value, "null", 4) == 0);
    int rc = FT_E_RANGE;

    if (c->lists > 0) {
        rc = put_list(c, value, len, there);
    } else if (there) {
        struct ft__span s = span_of(value, value + len);

        rc = add_value(c, &s, c->n);
    }
    if (rc == FT_E_NOMEM) {
        return rc;
    }
    bool valid = rc == FT_OK;

    if ((!valid && c->lists == 0 && add_nothing(c) != FT_OK) ||
        add_bit(&c->valid, c->n, valid) != FT_OK) {
        return FT_E_NOMEM;
    }
    c->n++;
    c->nulls += !valid;
    return valid || !there ? FT_OK : FT_E_RANGE;
}
