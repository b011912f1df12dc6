/* SPDX-License-Identifier: Apache-2.0 */
/* merge: columns of Arrow that are filled with values of JSON, and their messages. */
#ifndef FT_MERGE_ARROW_CELLS_H
#define FT_MERGE_ARROW_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "flowtap/macros.h"

enum { FT__CELLS_MAX = 768, FT__CELL_NAME = 128, FT__CELL_LISTS = 2 };

/* What the values of a column are. */
enum ft__cell_kind {
    FT__CELL_BOOL,
    FT__CELL_UNSIGNED, /* width 1, 2, 4, 8 */
    FT__CELL_SIGNED,   /* width 8 */
    FT__CELL_FLOAT,    /* width 4, 8 */
    FT__CELL_TIME,     /* us since 1970, width 8; text: seconds with a point */
    FT__CELL_TEXT,     /* what is no text is the JSON that it is */
    FT__CELL_BYTES     /* hex digits */
};

/* Bytes that grow. */
struct ft__cell_bytes {
    uint8_t *at; /* [cap], owned */
    size_t len, cap;
};

struct ft__cells {
    char name[FT__CELL_NAME];
    uint8_t kind; /* enum ft__cell_kind */
    uint8_t width;
    uint8_t lists;  /* around the values */
    uint32_t fixed; /* values that each list has, where lists is 1; 0: any number, with ends */
    uint64_t n, nulls;
    uint64_t items;                             /* values in lists */
    uint64_t inner;                             /* lists in lists */
    struct ft__cell_bytes valid;                /* a bit each */
    struct ft__cell_bytes list[FT__CELL_LISTS]; /* ends of lists, 4 bytes each */
    struct ft__cell_bytes ends;                 /* of texts, likewise */
    struct ft__cell_bytes data;
};

/* A value of JSON, or NULL, which is null. FT_E_RANGE: it does not fit, and null is there in its
 * place; FT_E_NOMEM. */
FT_NODISCARD int ft__cells_put(struct ft__cells *c, const char *value, uint32_t len);
/* The values are gone, the memory is not. */
void ft__cells_clear(struct ft__cells *c);
void ft__cells_free(struct ft__cells *c);

FT_NODISCARD int ft__cell_bytes_add(struct ft__cell_bytes *b, const void *from, size_t len);

/* Messages of Arrow IPC, appended. FT_E_NOMEM. */
FT_NODISCARD int ft__cells_schema(const struct ft__cells *c, uint32_t n,
                                  struct ft__cell_bytes *out);
/* *out_meta: bytes of it before its body. */
FT_NODISCARD int ft__cells_batch(const struct ft__cells *c, uint32_t n, uint64_t rows,
                                 struct ft__cell_bytes *out, uint64_t *out_meta);
/* Where a batch is in a file, as the footer has it. */
struct ft__cells_block {
    uint64_t at;
    uint32_t meta, padding;
    uint64_t body;
};
FT_NODISCARD int ft__cells_footer(const struct ft__cells *c, uint32_t n,
                                  const struct ft__cells_block *blocks, uint32_t n_blocks,
                                  struct ft__cell_bytes *out);

#endif
