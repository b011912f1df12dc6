/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of one JSON text (RFC 8259), for fuzz targets: true or false, nothing is kept. */
#ifndef FT_TESTS_FUZZ_JSON_CHECK_H
#define FT_TESTS_FUZZ_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { JSON_DEPTH = 32 };

/* What this reader compares is of no use to the fuzzer, and was a third of a run. */
#ifdef __clang__
#define JSON_PLAIN __attribute__((no_sanitize("coverage")))
#else
#define JSON_PLAIN
#endif

struct json {
    const uint8_t *p, *end;
    int depth;
};

JSON_PLAIN static bool json_value(struct json *j);

JSON_PLAIN static bool json_eat(struct json *j, uint8_t c)
{
    if (j->p == j->end || *j->p != c) {
        return false;
    }
    j->p++;
    return true;
}

JSON_PLAIN static bool json_word(struct json *j, const char *w)
{
    size_t n = strlen(w);

    if ((size_t)(j->end - j->p) < n || memcmp(j->p, w, n) != 0) {
        return false;
    }
    j->p += n;
    return true;
}

JSON_PLAIN static bool json_digits(struct json *j)
{
    const uint8_t *start = j->p;

    while (j->p < j->end && *j->p >= '0' && *j->p <= '9') {
        j->p++;
    }
    return j->p > start;
}

JSON_PLAIN static bool json_number(struct json *j)
{
    (void)json_eat(j, '-');
    if (!json_eat(j, '0') && !json_digits(j)) {
        return false;
    }
    if (json_eat(j, '.') && !json_digits(j)) {
        return false;
    }
    if (json_eat(j, 'e') || json_eat(j, 'E')) {
        if (!json_eat(j, '+')) {
            (void)json_eat(j, '-');
        }
        return json_digits(j);
    }
    return true;
}

/* One UTF-8 character of more than one byte: no overlong forms, no surrogates, up to U+10FFFF. */
JSON_PLAIN static bool json_utf8(struct json *j)
{
    uint8_t c = *j->p++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    uint32_t v = c & (0x3fu >> more);

    if (c < 0xc2 || c > 0xf4) {
        return false;
    }
    for (int i = 0; i < more; i++) {
        if (j->p == j->end || (*j->p & 0xc0) != 0x80) {
            return false;
        }
        v = v << 6 | (*j->p++ & 0x3f);
    }
    return v >= (more == 1   ? 0x80u
                 : more == 2 ? 0x800u
                             : 0x10000u) &&
           (v < 0xd800 || v > 0xdfff) && v <= 0x10ffff;
}

JSON_PLAIN static bool json_escape(struct json *j)
{
    if (j->p == j->end) {
        return false;
    }
    if (*j->p != 'u') {
        return strchr("\"\\/bfnrt", *j->p) != NULL && *j->p++ != 0;
    }
    j->p++;
    for (int i = 0; i < 4; i++) {
        if (j->p == j->end || strchr("0123456789abcdefABCDEF", *j->p) == NULL || *j->p++ == 0) {
            return false;
        }
    }
    return true;
}

JSON_PLAIN static bool json_string(struct json *j)
{
    if (!json_eat(j, '"')) {
        return false;
    }
    while (j->p < j->end && *j->p != '"') {
        if (*j->p < 0x20 || *j->p == 0x7f) {
            return false;
        }
        if (*j->p == '\\') {
            j->p++;
            if (!json_escape(j)) {
                return false;
            }
        } else if (*j->p < 0x80) {
            j->p++;
        } else if (!json_utf8(j)) {
            return false;
        }
    }
    return json_eat(j, '"');
}

JSON_PLAIN static bool json_members(struct json *j, uint8_t close, bool keys)
{
    if (json_eat(j, close)) {
        return true;
    }
    do {
        if (keys && (!json_string(j) || !json_eat(j, ':'))) {
            return false;
        }
        if (!json_value(j)) {
            return false;
        }
    } while (json_eat(j, ','));
    return json_eat(j, close);
}

JSON_PLAIN static bool json_value(struct json *j)
{
    bool good;

    if (j->p == j->end || j->depth == JSON_DEPTH) {
        return false;
    }
    j->depth++;
    switch (*j->p) {
    case '{':
        j->p++;
        good = json_members(j, '}', true);
        break;
    case '[':
        j->p++;
        good = json_members(j, ']', false);
        break;
    case '"':
        good = json_string(j);
        break;
    case 't':
        good = json_word(j, "true");
        break;
    case 'f':
        good = json_word(j, "false");
        break;
    case 'n':
        good = json_word(j, "null");
        break;
    default:
        good = json_number(j);
    }
    j->depth--;
    return good;
}

/* True when len bytes are one object and a newline, without blanks. */
JSON_PLAIN static bool json_line(const uint8_t *text, size_t len)
{
    struct json j = {text, text + len, 0};

    return len > 0 && *text == '{' && json_value(&j) && json_eat(&j, '\n') && j.p == j.end;
}

#endif
