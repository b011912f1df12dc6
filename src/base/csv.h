/* SPDX-License-Identifier: Apache-2.0 */
/* base: files of ours that are CSV: rules of labels, networks.
 *
 *     struct ft_csv c = ft_csv_of(text, len);
 *
 *     while (ft_csv_next(&c)) {
 *         do { ft_csv_cell(&c, cell, sizeof cell, &last) ... } while (!last);
 *     }
 *
 * Theory of operation: a cursor over the text. Lines that are empty, or begin with #, say nothing.
 * Cells lose the blanks around them; a cell in double quotes may hold commas, and a double quote as
 * two. Nothing goes over a line's end. A byte order mark in front is left out. */
#ifndef FT_BASE_CSV_H
#define FT_BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

struct ft_csv {
    const char *at, *end; /* of the text, which is borrowed */
    uint32_t line;        /* from 1; 0: none yet */
};

struct ft_csv ft_csv_of(const char *text, size_t len);

/* Goes to the next line that says something; cells are taken up to its end before. False: there is
 * none. */
bool ft_csv_next(struct ft_csv *c);

/* The next cell of the line, with a NUL behind it, in cap bytes; *out_last: the line ends behind
 * it. NULL, or what is wrong. */
FT_NODISCARD const char *ft_csv_cell(struct ft_csv *c, char *out, size_t cap, bool *out_last);

#endif
