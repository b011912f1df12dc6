/* SPDX-License-Identifier: Apache-2.0 */
/* codec/columnar: what the parts of the Arrow reader share.
 *
 *     arrow_read.c     messages, dictionaries
 *     arrow_schema.c   fields
 *     arrow_batch.c    columns */
#ifndef FT_CODEC_COLUMNAR_ARROW_PARTS_H
#define FT_CODEC_COLUMNAR_ARROW_PARTS_H

#include "codec/columnar/arrow_read.h"
#include "codec/columnar/flatread.h"

enum { FT__ARROW_DICTIONARIES = 256, FT__ARROW_PAIRS_MAX = 64 };

/* A part of a dictionary: its first message, or one that goes on behind it. */
struct ft__arrow_part {
    struct ft__arrow_part *next; /* owned */
    uint64_t first;              /* number of its first value */
    struct ft_arrow_column column;
    uint64_t len;
    uint8_t body[]; /* [len] */
};

struct ft_arrow_dictionary {
    int64_t id;
    struct ft__arrow_part *part; /* owned */
    uint64_t n;                  /* values of all parts */
};

struct ft_arrow {
    uint64_t at; /* bytes taken: where the message in hand begins */
    bool begun, has_schema;
    struct ft_arrow_field *field;   /* [n], owned */
    struct ft_arrow_column *column; /* [n], owned */
    uint32_t n;
    uint64_t rows;
    struct {
        char *key, *value; /* owned */
    } pair[FT__ARROW_PAIRS_MAX];
    uint32_t n_pairs;
    struct ft_arrow_dictionary dictionary[FT__ARROW_DICTIONARIES];
    uint32_t n_dictionaries;
    uint64_t dictionary_len; /* bytes of all of them */
};

/* Fields of a schema. FT_E_CORRUPT, FT_E_UNSUPPORTED, FT_E_NOMEM, without a place. */
FT_NODISCARD int ft__arrow_schema(struct ft_arrow *a, struct ft_flat_in *in,
                                  const struct ft_flat_tab *schema, struct ft_err *err);

/* A record batch: of n fields (of a dictionary: one, without its index) the columns. */
struct ft__arrow_batch_in {
    struct ft_flat_in *in;
    struct ft_flat_tab table;
    const uint8_t *body;
    uint64_t body_len;
};
FT_NODISCARD int ft__arrow_columns(struct ft_arrow *a, const struct ft__arrow_batch_in *b,
                                   const struct ft_arrow_field *fields, uint32_t n, bool indexed,
                                   struct ft_arrow_column *out, uint64_t *out_rows,
                                   struct ft_err *err);

struct ft_arrow_dictionary *ft__arrow_dictionary(struct ft_arrow *a, int64_t id);

#endif
