/* SPDX-License-Identifier: Apache-2.0 */
/* store: a file of column blocks: the rows of one table in a slice of time.
 *
 * Theory of operation: blocks of up to FT_STORE_BLOCK rows stand one behind the other, in each its
 * columns (column.h); what they are and where stands behind them, so a file says all of itself:
 *
 *     head | block: columns ... | block ... | footer, a frame | tail
 *
 * head and tail have the format's version: a file of a newer one is refused by that. Numbers are
 * little-endian; order tells. A file is written under another name, and has its own when it is
 * whole and on disk. */
#ifndef FT_STORE_SLICE_H
#define FT_STORE_SLICE_H

#include "store/column.h"

/* Version 2 has vectors row by row; slices without vectors are of version 1. */
enum { FT_STORE_VERSION = 2, FT_STORE_BLOCK = 65536 };
enum { FT_STORE_FILE = 64 /* bytes of a file's name with its NUL */ };

struct ft_slice_block {
    uint32_t rows, zero;
};

/* ---- writing ---- */

/* Fills the values of a column of the rows that a block is made of. FT_E_NOMEM. */
typedef int (*ft_slice_fill_fn)(void *cookie, uint32_t column, struct ft_store_values *out);

/* One at a time; begins zeroed but for coder and dir. */
struct ft_slice_writer {
    struct ft_store_coder *coder; /* borrowed */
    int dir;                      /* handle of the folder, borrowed */
    int fd;                       /* of the file, while it is open */
    bool open;
    uint64_t at; /* bytes of it */
    uint64_t rows;
    uint32_t version;
    const struct ft_store_column *columns; /* [n], borrowed while it is open */
    uint32_t n;
    char name[FT_STORE_FILE];
    struct ft_store_buf meta;  /* the blocks' part of the footer */
    struct ft_store_buf block; /* that is being written */
    struct ft_store_values values;
    uint32_t n_blocks;
};

void ft_slice_writer_fini(struct ft_slice_writer *w);

/* Begins the file NAME.part. FT_E_IO, errno. */
FT_NODISCARD int ft_slice_begin(struct ft_slice_writer *w, const char *name,
                                const struct ft_store_column *columns, uint32_t n);
/* Adds a block of 1 to FT_STORE_BLOCK rows. FT_E_IO, FT_E_NOMEM: the file is to be given up. */
FT_NODISCARD int ft_slice_add(struct ft_slice_writer *w, uint32_t rows, ft_slice_fill_fn fill,
                              void *cookie);
/* Writes the end, waits until the file is on disk, gives it its name. The folder is not synced. */
FT_NODISCARD int ft_slice_end(struct ft_slice_writer *w);
void ft_slice_give_up(struct ft_slice_writer *w);

/* ---- reading ---- */

struct ft_slice {
    int fd; /* -1: it is paused */
    uint64_t size, footer_at;
    uint32_t n, n_blocks;
    struct ft_store_buf footer;
    const struct ft_store_column *columns; /* [n], in footer */
};

/* Opens a file. FT_E_NOT_FOUND; FT_E_UNSUPPORTED: of a newer version, err has both; FT_E_CORRUPT;
 * FT_E_IO; FT_E_NOMEM. */
FT_NODISCARD int ft_slice_open(int dir, const char *name, struct ft_store_coder *k,
                               struct ft_slice *out, struct ft_err *err);
/* The same of a file that is open, which is the slice's, or closed when it fails. */
FT_NODISCARD int ft_slice_take(int fd, const char *name, struct ft_store_coder *k,
                               struct ft_slice *out, struct ft_err *err);
void ft_slice_close(struct ft_slice *s);
/* Closes its file, whose name is that which it was opened by, and opens it again. What it says of
 * itself stays, columns cannot be read meanwhile. As ft_slice_open(); it stays closed then. */
void ft_slice_pause(struct ft_slice *s);
FT_NODISCARD int ft_slice_resume(struct ft_slice *s, int dir, const char *name);

uint32_t ft_slice_rows(const struct ft_slice *s, uint32_t block);
const struct ft_store_extent *ft_slice_extent(const struct ft_slice *s, uint32_t block,
                                              uint32_t column);
/* A column of a block; scratch: room for its bytes. FT_E_CORRUPT, FT_E_IO, FT_E_NOMEM. */
FT_NODISCARD int ft_slice_column(const struct ft_slice *s, struct ft_store_coder *k, uint32_t block,
                                 uint32_t column, struct ft_store_buf *scratch,
                                 struct ft_store_values *out);

/* Of some rows, see ft_store_column_get_rows(). Likewise. */
FT_NODISCARD int ft_slice_column_rows(const struct ft_slice *s, struct ft_store_coder *k,
                                      uint32_t block, uint32_t column, const uint32_t *rows,
                                      uint32_t n_rows, struct ft_store_buf *scratch,
                                      struct ft_store_values *out);
/* The rows of a block that have a value, see ft_store_column_find(). Likewise. */
FT_NODISCARD int ft_slice_find_rows(const struct ft_slice *s, struct ft_store_coder *k,
                                    uint32_t block, uint32_t column, const struct ft_store_key *key,
                                    struct ft_store_buf *scratch, struct ft_store_values *nulls,
                                    uint32_t *rows, uint32_t *out_n);

/* The number of a column, or -1. */
int ft_slice_find(const struct ft_slice *s, const char *name);

#endif
