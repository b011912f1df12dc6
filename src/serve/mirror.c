/* SPDX-License-Identifier: Apache-2.0 */
/* serve: headers that mirror a message; see mirror.h. */
#include "serve/mirror.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static const char open_mark[] = "=?base64?", close_mark[] = "?=";

static int sextet(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* The bytes of four characters are the next of text; *text moves on. */
static bool four_equal(const char *four, bool last, const char **text)
{
    int pads = last ? (four[3] == '=') + (four[3] == '=' && four[2] == '=') : 0;
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        int s = i >= 4 - pads ? 0 : sextet(four[i]);

        if (s < 0) {
            return false;
        }
        v = v << 6 | (uint32_t)s;
    }
    for (int i = 0; i < 3 - pads; i++) {
        char c = (char)(v >> (16 - 8 * i) & 0xff);

        if (c == '\0' || **text != c) {
            return false;
        }
        ++*text;
    }
    return true;
}

bool ft_mirror_equals(const char *header, const char *text)
{
    size_t len = strlen(header), marks = sizeof open_mark - 1 + sizeof close_mark - 1;

    if (len < marks || strncmp(header, open_mark, sizeof open_mark - 1) != 0 ||
        strcmp(header + len - (sizeof close_mark - 1), close_mark) != 0) {
        return strcmp(header, text) == 0;
    }
    const char *p = header + sizeof open_mark - 1;
    size_t left = len - marks;

    for (; left >= 4; left -= 4, p += 4) {
        if (!four_equal(p, left == 4, &text)) {
            return false;
        }
    }
    return left == 0 && *text == '\0';
}
