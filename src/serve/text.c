/* SPDX-License-Identifier: Apache-2.0 */
/* serve: text that grows. */
#include "serve/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec/text/escape.h"

enum { FIRST = 1024, JSON_PIECE = 256 };

void ft_text_fini(struct ft_text *t)
{
    ft_mem_free(t->p);
    *t = (struct ft_text){0};
}

/* There is room for more bytes and a NUL. */
static bool room(struct ft_text *t, size_t more)
{
    if (t->failed || more > FT_TEXT_MOST - t->len) {
        t->failed = true;
        return false;
    }
    if (more < t->cap - t->len) {
        return true;
    }
    size_t cap = t->cap > 0 ? t->cap : FIRST;

    while (cap <= t->len + more) {
        cap *= 2;
    }
    char *p = ft_mem_alloc(1, cap);

    if (p == NULL) {
        t->failed = true;
        return false;
    }
    if (t->len > 0) {
        memcpy(p, t->p, t->len);
    }
    ft_mem_free(t->p);
    t->p = p;
    t->cap = cap;
    return true;
}

void ft_text_add(struct ft_text *t, const char *p, size_t len)
{
    if (room(t, len)) {
        if (len > 0) {
            memcpy(t->p + t->len, p, len);
        }
        t->len += len;
        t->p[t->len] = '\0';
    }
}

void ft_text_put(struct ft_text *t, const char *s)
{
    ft_text_add(t, s, strlen(s));
}

void ft_text_format(struct ft_text *t, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);

    if (n < 0) {
        t->failed = true;
    } else if (room(t, (size_t)n)) {
        vsnprintf(t->p + t->len, (size_t)n + 1, format, again);
        t->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

/* Where the piece that begins at s ends: no character of UTF-8 is cut. */
static size_t piece(const char *s, size_t len)
{
    size_t n = len < JSON_PIECE ? len : JSON_PIECE;

    for (size_t back = 0; n < len && back < 3 && ((uint8_t)s[n] & 0xc0) == 0x80; back++) {
        n--;
    }
    return n;
}

void ft_text_json(struct ft_text *t, const char *s, size_t len)
{
    uint8_t out[6 * JSON_PIECE];

    ft_text_put(t, "\"");
    while (len > 0) {
        size_t n = piece(s, len);
        const uint8_t *end = ft_put_text(out, (const uint8_t *)s, (uint32_t)n, true);

        ft_text_add(t, (const char *)out, (size_t)(end - out));
        s += n;
        len -= n;
    }
    ft_text_put(t, "\"");
}
