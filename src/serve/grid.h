/* SPDX-License-Identifier: Apache-2.0 */
/* serve: rows of a query, kept until they are printed: names of columns once, then values.
 *
 *     "columns":["src_ip","bytes"],"rows":[["10.0.0.1",1200],["10.0.0.2",900]]
 *
 * A column without a value in the rows that are printed is left out; times are seconds before the
 * window's end; text of others stands in a column whose name begins with untrusted_. */
#ifndef FT_SERVE_GRID_H
#define FT_SERVE_GRID_H

#include "serve/veil.h"

enum { FT__GRID_COLUMNS = 512, FT__GRID_LIST_MOST = 160 };

/* Beside enum ft_veiled. */
enum {
    FT__GRID_COUNT = 16, /* a counter: whole */
    FT__GRID_RATE,       /* three digits */
    FT__GRID_LIST,       /* JSON: lists of numbers or truths; the beginning, then "…" */
    FT__GRID_HIDDEN      /* for the tool alone */
};

struct ft__grid_column {
    const char *name; /* borrowed */
    uint8_t how;
};

struct ft__grid_cell {
    enum ft_store_kind kind;
    double f;
    int64_t i;
    size_t at, len; /* of its text, in the pool */
};

/* Begins zeroed but for columns. */
struct ft__grid {
    struct ft__grid_column column[FT__GRID_COLUMNS];
    uint32_t n;
    struct ft__grid_cell *cells; /* [rows * n] owned */
    size_t rows, cap;
    struct ft_text pool;
    size_t list_most; /* bytes of a list; 0: FT__GRID_LIST_MOST */
    bool cut;         /* there were more rows than were taken */
};

void ft__grid_fini(struct ft__grid *g);
void ft__grid_column(struct ft__grid *g, const char *name, uint8_t how);
/* How a column of the store is printed: ft_veil_shows(), or FT__GRID_LIST. */
uint8_t ft__grid_how(const struct ft_desk *d, const struct ft__desk_column *c);

/* Adds the rows of a SELECT, whose columns are these: up to so many. */
FT_NODISCARD int ft__grid_query(struct ft_desk *d, struct ft__grid *g, const char *sql,
                                uint64_t rows, struct ft_err *err);

/* Likewise the nearest vectors: similarity, and the columns that are asked for. */
FT_NODISCARD int ft__grid_similar(struct ft_desk *d, struct ft__grid *g,
                                  const struct ft_store_similar *ask,
                                  struct ft_store_origin *out_origin, struct ft_err *err);

/* The cells of a row that is added, zeroed. NULL: no memory. */
struct ft__grid_cell *ft__grid_add(struct ft__grid *g);

const struct ft__grid_cell *ft__grid_at(const struct ft__grid *g, size_t row, uint32_t column);
/* NAN: it is no number. */
double ft__grid_number(const struct ft__grid *g, size_t row, uint32_t column);
const char *ft__grid_text(const struct ft__grid *g, size_t row, uint32_t column, size_t *out_len);

/* Prints "columns" and "rows" until there are `most` bytes in out; the first row is printed in any
 * case. end_s: the window's end. Returns how many rows there are. */
size_t ft__grid_put(const struct ft_desk *d, const struct ft__grid *g, double end_s, size_t most,
                    struct ft_text *out);

/* One value as JSON. */
void ft__grid_put_cell(const struct ft_desk *d, const struct ft__grid *g, size_t row,
                       uint32_t column, double end_s, struct ft_text *out);

#endif
