/* SPDX-License-Identifier: Apache-2.0 */
/* serve: where an answer goes on.
 *
 * Theory of operation: a cursor holds all that is needed, so that any desk on the store can go on:
 * the window as it was, the place in the order (the last value that was shown, and how many rows
 * with it), and a digest of the question. Rows that come later are outside of its window, or, where
 * all are counted, of slices that it does not know; what is dropped meanwhile moves nothing but
 * rows of the same value. It holds no address, and no time that is finer than what is shown.
 * Whoever writes one himself gets rows that he could have asked for.
 */
#ifndef FT_SERVE_CURSOR_H
#define FT_SERVE_CURSOR_H

#include "serve/desk_parts.h"

enum { FT__CURSOR = 128 };

struct ft__cursor {
    struct ft__span span;
    bool has_value; /* rows from this value of the order on; else all, and skip counts all */
    bool null;      /* the value is null */
    int64_t value;  /* without one: the number of the newest slice that the first page knew */
    uint64_t skip;
    uint32_t question;
};

/* A digest of a question's words; NULL is one, too. */
uint32_t ft__cursor_question(const char *const *words, size_t n);

void ft__cursor_put(const struct ft__cursor *c, char out[FT__CURSOR]);

/* FT_E_USAGE: it is none, or one of another question. */
FT_NODISCARD int ft__cursor_read(const char *text, uint32_t question, struct ft__cursor *out,
                                 struct ft_err *err);

/* " AND rowid < ...": the rows of slices that the first page knew, of one that has no value. */
void ft__cursor_put_known(const struct ft__cursor *c, struct ft_text *sql);

/* Numbers as text: a letter, and hexadecimal digits with points between them. */
void ft__numbers_put(char letter, const uint64_t *v, size_t n, char out[FT__CURSOR]);
bool ft__numbers_read(const char *text, char letter, uint64_t *out, size_t n);

#endif
