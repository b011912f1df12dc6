/* SPDX-License-Identifier: Apache-2.0 */
/* serve: text of an answer that grows, up to a bound; and JSON in it. */
#ifndef FT_SERVE_TEXT_H
#define FT_SERVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum { FT_TEXT_MOST = 16 << 20 };

/* Begins zeroed. failed: no memory, or more than FT_TEXT_MOST: what is there is not whole, and
 * what follows is not added. */
struct ft_text {
    char *p; /* owned; [len], and a NUL behind it when len > 0 */
    size_t len, cap;
    bool failed;
};

void ft_text_fini(struct ft_text *t);
void ft_text_add(struct ft_text *t, const char *p, size_t len);
void ft_text_put(struct ft_text *t, const char *s);
void ft_text_format(struct ft_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes: what JSON must have escaped is, bytes that are no UTF-8 become
 * U+FFFD. */
void ft_text_json(struct ft_text *t, const char *s, size_t len);

#endif
