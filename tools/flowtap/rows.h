/* SPDX-License-Identifier: Apache-2.0 */
/* flowtap query: rows of an answer as lines of JSON, as CSV, or as a table to look at. */
#ifndef FLOWTAP_ROWS_H
#define FLOWTAP_ROWS_H

#include <stdio.h>

#include "flowtap/store.h"

enum rows_form { ROWS_NDJSON, ROWS_CSV, ROWS_TABLE };

struct rows;

struct rows *rows_new(enum rows_form form, FILE *to); /* NULL: no memory */
/* As struct ft_store_take asks for; cookie: struct rows. */
int rows_columns(void *cookie, const struct ft_store_heading *columns, uint32_t n);
int rows_row(void *cookie, const struct ft_store_cell *cells, uint32_t n);
/* Writes what a table has held, and frees it; NULL is a no-op. */
void rows_end(struct rows *r);

#endif
