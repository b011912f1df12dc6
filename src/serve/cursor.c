/* SPDX-License-Identifier: Apache-2.0 */
/* serve: where an answer goes on, see cursor.h. */
#include "serve/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint32_t ft__cursor_question(const char *const *words, size_t n)
{
    uint32_t h = 0x811c9dc5u; /* FNV-1a */

    for (size_t i = 0; i < n; i++) {
        for (const char *p = words[i]; p != NULL && *p != '\0'; p++) {
            h = (h ^ (uint8_t)*p) * 0x01000193u;
        }
        h = (h ^ 0xff) * 0x01000193u;
    }
    return h;
}

/* ---- numbers ---- */

void ft__numbers_put(char letter, const uint64_t *v, size_t n, char out[FT__CURSOR])
{
    size_t at = 1;

    out[0] = letter;
    out[1] = '\0';
    for (size_t i = 0; i < n && at < FT__CURSOR; i++) {
        at += (size_t)snprintf(out + at, FT__CURSOR - at, "%s%" PRIx64, i > 0 ? "." : "", v[i]);
    }
}

/* A hexadecimal number at *p and the sign behind it. */
static bool number(const char **p, char behind, uint64_t *out)
{
    uint64_t v = 0;
    int digits = 0;

    for (; **p != '\0' && strchr("0123456789abcdef", **p) != NULL; (*p)++, digits++) {
        v = v << 4 | (uint64_t)(**p <= '9' ? **p - '0' : **p - 'a' + 10);
    }
    *out = v;
    return digits > 0 && digits <= 16 && *(*p)++ == behind;
}

bool ft__numbers_read(const char *text, char letter, uint64_t *out, size_t n)
{
    const char *p = text + 1;
    bool good = text[0] == letter;

    for (size_t i = 0; i < n && good; i++) {
        good = number(&p, i + 1 < n ? '.' : '\0', &out[i]);
    }
    return good;
}

/* ---- cursors ---- */

void ft__cursor_put(const struct ft__cursor *c, char out[FT__CURSOR])
{
    const uint64_t v[] = {(uint64_t)c->span.from_us, (uint64_t)(c->span.to_us - c->span.from_us),
                          (uint64_t)c->value, c->skip, c->question};

    ft__numbers_put(!c->has_value ? 'a' : c->null ? 'n' : 'v', v, 5, out);
}

void ft__cursor_put_known(const struct ft__cursor *c, struct ft_text *sql)
{
    if (c->value >= 0 && c->value < INT32_MAX) { /* others nobody gave */
        ft_text_format(sql, " AND rowid < %lld", (long long)((c->value + 1) << FT__DESK_ROW_BITS));
    }
}

int ft__cursor_read(const char *text, uint32_t question, struct ft__cursor *out, struct ft_err *err)
{
    uint64_t v[5] = {0};
    bool known = text[0] == 'a' || text[0] == 'n' || text[0] == 'v';
    int64_t from, to;

    if (!known || !ft__numbers_read(text, text[0], v, 5) || v[1] > INT64_MAX || v[3] > UINT32_MAX ||
        v[4] > UINT32_MAX || __builtin_add_overflow((int64_t)v[0], (int64_t)v[1], &to)) {
        return ft_err_set(err, FT_E_USAGE, "cursor: it is none: take next_cursor of an answer");
    }
    from = (int64_t)v[0];
    if (v[4] != question) {
        return ft_err_set(err, FT_E_USAGE,
                          "cursor: it is of another question: give the same arguments with it");
    }
    *out = (struct ft__cursor){.span = {from, to},
                               .has_value = text[0] != 'a',
                               .null = text[0] == 'n',
                               .value = (int64_t)v[2],
                               .skip = v[3],
                               .question = question};
    return FT_OK;
}
