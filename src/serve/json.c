/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the strict reader; see json.h. */
#include "serve/json.h"

#include <stdbool.h>
#include <string.h>

struct name {
    const uint8_t *p;
    size_t len;
};

struct reader {
    const uint8_t *p, *end;
    const char *why; /* the first reason, or NULL */
    int depth;
    uint32_t values;
};

static bool wrong(struct reader *r, const char *why)
{
    r->why = r->why != NULL ? r->why : why;
    return false;
}

static bool eat(struct reader *r, uint8_t c)
{
    if (r->p == r->end || *r->p != c) {
        return false;
    }
    r->p++;
    return true;
}

static void blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) {
        r->p++;
    }
}

static bool word(struct reader *r, const char *w)
{
    size_t len = strlen(w);

    if ((size_t)(r->end - r->p) < len || memcmp(r->p, w, len) != 0) {
        return wrong(r, "it is no JSON");
    }
    r->p += len;
    return true;
}

static bool digits(struct reader *r)
{
    const uint8_t *start = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        r->p++;
    }
    return r->p > start;
}

static bool number(struct reader *r)
{
    const uint8_t *start = r->p;

    eat(r, '-');
    if (!eat(r, '0') && !digits(r)) {
        return wrong(r, "it is no JSON");
    }
    if (eat(r, '.') && !digits(r)) {
        return wrong(r, "a number ends at its point");
    }
    if (eat(r, 'e') || eat(r, 'E')) {
        if (!eat(r, '+')) {
            eat(r, '-');
        }
        if (!digits(r)) {
            return wrong(r, "a number has an exponent without digits");
        }
    }
    return r->p - start <= FT_JSON_NUMBER || wrong(r, "a number is too long");
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool character(struct reader *r)
{
    uint8_t c = *r->p++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t v = c & (0x3fu >> more), least = more == 1 ? 0x80u : more == 2 ? 0x800u : 0x10000u;

    if (c < 0xc2 || c > 0xf4) {
        return wrong(r, "it is no UTF-8");
    }
    for (int i = 0; i < more; i++) {
        if (r->p == r->end || (*r->p & 0xc0) != 0x80) {
            return wrong(r, "it is no UTF-8");
        }
        v = v << 6 | (*r->p++ & 0x3fu);
    }
    return (v >= least && (v < 0xd800 || v > 0xdfff) && v <= 0x10ffff) ||
           wrong(r, "it is no UTF-8");
}

static bool hex4(struct reader *r, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = r->p < r->end ? *r->p++ : 0;

        if (c >= '0' && c <= '9') {
            *out = *out << 4 | (uint32_t)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            *out = *out << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            return wrong(r, "a \\u without four digits");
        }
    }
    return true;
}

static bool escape(struct reader *r)
{
    uint32_t v, low;

    if (r->p == r->end || (*r->p != 'u' && strchr("\"\\/bfnrt", *r->p) == NULL) || *r->p == 0) {
        return wrong(r, "an escape that JSON has not");
    }
    if (*r->p++ != 'u') {
        return true;
    }
    if (!hex4(r, &v)) {
        return false;
    }
    if (v >= 0xd800 && v <= 0xdbff) {
        return (eat(r, '\\') && eat(r, 'u') && hex4(r, &low) && low >= 0xdc00 && low <= 0xdfff) ||
               wrong(r, "half of a surrogate pair");
    }
    return v == 0                       ? wrong(r, "a NUL in a string")
           : v >= 0xdc00 && v <= 0xdfff ? wrong(r, "half of a surrogate pair")
                                        : true;
}

static bool string(struct reader *r)
{
    if (!eat(r, '"')) {
        return wrong(r, "it is no JSON");
    }
    while (r->p < r->end && *r->p != '"') {
        uint8_t c = *r->p;

        if (c < 0x20) {
            return wrong(r, "a control character in a string");
        }
        if (c >= 0x80) {
            if (!character(r)) {
                return false;
            }
            continue;
        }
        r->p++;
        if (c == '\\' && !escape(r)) {
            return false;
        }
    }
    return eat(r, '"') || wrong(r, "a string without an end");
}

static bool value(struct reader *r);

/* A member's name: new in its object, and the same whoever reads it. */
static bool member_name(struct reader *r, struct name *names, uint32_t n)
{
    const uint8_t *start = r->p;

    if (!string(r)) {
        return false;
    }
    struct name own = {start, (size_t)(r->p - start)};

    if (own.len > FT_JSON_NAME || memchr(own.p, '\\', own.len) != NULL) {
        return wrong(r, "a member's name is too long, or has an escape");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (names[i].len == own.len && memcmp(names[i].p, own.p, own.len) == 0) {
            return wrong(r, "an object has a member twice");
        }
    }
    names[n] = own;
    return true;
}

static bool object(struct reader *r)
{
    struct name names[FT_JSON_MEMBERS];
    uint32_t n = 0;

    blanks(r);
    if (eat(r, '}')) {
        return true;
    }
    do {
        blanks(r);
        if (n == FT_JSON_MEMBERS) {
            return wrong(r, "an object has too many members");
        }
        if (!member_name(r, names, n++)) {
            return false;
        }
        blanks(r);
        if (!eat(r, ':')) {
            return wrong(r, "it is no JSON");
        }
        if (!value(r)) {
            return false;
        }
    } while (eat(r, ','));
    return eat(r, '}') || wrong(r, "an object without an end");
}

static bool list(struct reader *r)
{
    blanks(r);
    if (eat(r, ']')) {
        return true;
    }
    do {
        if (!value(r)) {
            return false;
        }
    } while (eat(r, ','));
    return eat(r, ']') || wrong(r, "a list without an end");
}

static bool nested(struct reader *r, bool (*read)(struct reader *))
{
    if (r->depth == FT_JSON_DEPTH) {
        return wrong(r, "it is nested too deeply");
    }
    r->p++;
    r->depth++;
    bool good = read(r);

    r->depth--;
    return good;
}

/* With the blanks around it. */
static bool value(struct reader *r)
{
    bool good;

    blanks(r);
    if (++r->values > FT_JSON_VALUES) {
        return wrong(r, "it has too many values");
    }
    switch (r->p < r->end ? *r->p : 0) {
    case '{':
        good = nested(r, object);
        break;
    case '[':
        good = nested(r, list);
        break;
    case '"':
        good = string(r);
        break;
    case 't':
        good = word(r, "true");
        break;
    case 'f':
        good = word(r, "false");
        break;
    case 'n':
        good = word(r, "null");
        break;
    default:
        good = number(r);
    }
    blanks(r);
    return good;
}

const char *ft_json_wrong(const char *text, size_t len)
{
    struct reader r = {.p = (const uint8_t *)text, .end = (const uint8_t *)text + len};

    if (value(&r) && r.p != r.end) {
        wrong(&r, "there is more behind it");
    }
    return r.why;
}
