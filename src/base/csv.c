/* SPDX-License-Identifier: Apache-2.0 */
/* base: lines and cells of CSV, see csv.h. */
#include "base/csv.h"

#include <string.h>

struct ft_csv ft_csv_of(const char *text, size_t len)
{
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    return (struct ft_csv){.at = text + mark, .end = text + len};
}

/* Takes a quoted cell's text up to its closing quote. */
static bool take_quoted(struct ft_csv *c, char *out, size_t cap, size_t *len)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"' && (c->at + 1 == c->end || c->at[1] != '"')) {
            c->at++;
            return true;
        }
        c->at += *c->at == '"';
        if (*len + 1 >= cap || *c->at == '\n' || *c->at == '\0') {
            return false;
        }
        out[(*len)++] = *c->at;
    }
    return false;
}

const char *ft_csv_cell(struct ft_csv *c, char *out, size_t cap, bool *out_last)
{
    size_t len = 0;

    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) {
        c->at++;
    }
    if (c->at < c->end && *c->at == '"' && !take_quoted(c, out, cap, &len)) {
        return "a quoted cell has no end, or is too long";
    }
    for (; c->at < c->end && *c->at != ',' && *c->at != '\n'; c->at++) {
        if (len + 1 >= cap || *c->at == '\0') {
            return "a cell is too long, or no text";
        }
        out[len++] = *c->at;
    }
    while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '\r' || out[len - 1] == '\t')) {
        len--;
    }
    out[len] = '\0';
    *out_last = c->at == c->end || *c->at == '\n';
    c->at += c->at < c->end;
    return NULL;
}

bool ft_csv_next(struct ft_csv *c)
{
    while (c->at < c->end) {
        const char *p = c->at;

        c->line++;
        while (p < c->end && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
        }
        if (p < c->end && *p != '\n' && *p != '#') {
            return true;
        }
        p = memchr(p, '\n', (size_t)(c->end - p));
        c->at = p != NULL ? p + 1 : c->end;
    }
    return false;
}
