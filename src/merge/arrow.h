/* SPDX-License-Identifier: Apache-2.0 */
/* merge: inputs of Arrow.
 *
 * Theory of operation: each row becomes the line that NDJSON has of the same record: its shape is
 * made of the schema once (shape.h), its values are written behind one another, and where they are
 * is known without looking for it. From there on it is a line like any other. */
#ifndef FT_MERGE_ARROW_H
#define FT_MERGE_ARROW_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/columnar/arrow_read.h"
#include "merge/scan.h"
#include "merge/shape.h"

/* How a column's values are written. */
struct ft__arrow_value {
    uint32_t field; /* its number; its items are behind it */
    bool is_object; /* text that is JSON itself */
    bool is_address;
};

struct ft__arrow_input {
    struct ft_arrow *reader; /* owned */
    struct ft__shape *shape; /* owned; NULL: the schema has not come */
    uint32_t fixed_room;     /* bytes that a row takes at most besides texts and lists */
    uint64_t row, rows;      /* of the batch in hand: the next, and how many there are */
    size_t message;          /* its bytes */
    bool is_file, over;
    uint32_t n_long;                   /* columns whose values have no fixed room: */
    uint16_t of_long[FT_ARROW_FIELDS]; /* their fields */
    char type[64];                     /* of event_type, with its quotes, when no column says it */
    uint32_t type_len;
    struct ft__arrow_value value[FT__SHAPE_STEPS]; /* of each step of the shape */
};

/* The text of a row. */
struct ft__arrow_text {
    char *at; /* [cap], owned */
    size_t cap;
};

/* NULL: out of memory. */
struct ft__arrow_input *ft__arrow_input_new(void);
void ft__arrow_input_free(struct ft__arrow_input *a); /* NULL is a no-op */

/* The schema has come: the shape of its rows. FT_E_NOMEM, FT_E_UNSUPPORTED: too many columns. */
FT_NODISCARD int ft__arrow_layout(struct ft__arrow_input *a, struct ft_err *err);

/* The next row of the batch as a line. FT_E_RANGE: it is longer than lines may be; FT_E_NOMEM. */
FT_NODISCARD FT_HOT int ft__arrow_row(struct ft__arrow_input *a, struct ft__arrow_text *text,
                                      struct ft__record *out);

struct ft_field;
struct ft_columns;

/* The column of flow records of that name, in that object or in any when it is ""; NULL: nobody
 * knows it. exported: those of collect. */
const struct ft_field *ft__arrow_known(const struct ft_columns *exported, const char *object,
                                       const char *name);

/* ---- parts ---- */

/* Most bytes of a value; likewise of one whose length is always the same, 0: it is not. */
uint64_t ft__arrow_value_room(const struct ft_arrow_field *f, const struct ft_arrow_column *c,
                              uint64_t i);
uint32_t ft__arrow_fixed_room(const struct ft_arrow_field *f);
/* Writes a value at p, FT__SHAPE_SLACK bytes more than its room; returns the place behind. */
uint8_t *ft__arrow_put(uint8_t *p, const struct ft__arrow_value *v, const struct ft_arrow_field *f,
                       const struct ft_arrow_column *c, uint64_t i);

#endif
