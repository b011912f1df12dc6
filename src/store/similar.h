/* SPDX-License-Identifier: Apache-2.0 */
/* store: what finding the similar is made of. */
#ifndef FT_STORE_SIMILAR_H
#define FT_STORE_SIMILAR_H

#include "store/dot.h"
#include "store/nearest.h"
#include "store/read.h"

/* What the slices of a table have that it takes; numbers of columns, -1: none of them has it. */
struct ft__similar {
    struct ft_store *store;
    const struct ft_store_similar *ask;
    bool hosts;
    const char *table;
    struct ft_store_column *columns; /* [n] owned */
    uint32_t n;
    int at, id, vector, vector_id, span, entity, packets;
    float q[FT_STORE_VECTOR]; /* of what is asked of, once it is found */
    uint8_t own[FT_STORE_NEAR_ID];
    uint32_t own_len; /* its id, as struct ft_store_near has them */
    struct ft_store_origin *origin;
    struct ft_store_nearest nearest;
    struct ft__scan scan; /* has the names of the files */
};

/* Begins f->scan; slices come from the newest back. */
FT_NODISCARD int ft__similar_newest_first(struct ft__similar *f);

/* Whether rc says that the slice cannot be read: it is left out, and the next one comes. */
bool ft__similar_leave(struct ft__similar *f, int rc);

/* Says why a scan ended: err, and its code. */
int ft__similar_failed(const struct ft__similar *f, int rc, struct ft_err *err);

/* What a column is in the slice that is read. NULL: the slice has it not, or it is of another type:
 * *rc FT_E_CORRUPT. */
const struct ft_store_column *ft__similar_type(const struct ft__similar *f, int column, int *rc);

/* A column of the block that is read, of the type that it has to be of. NULL: the slice has it not,
 * or *rc. */
const struct ft_store_values *ft__similar_column(struct ft__similar *f, int column, int *rc);

/* The record that is asked of: into q, own and origin. FT_E_NOT_FOUND, FT_E_USAGE, as
 * ft_store_similar(). */
FT_NODISCARD int ft__similar_find(struct ft__similar *f, struct ft_err *err);

/* The id of a row. False: it has none that could be asked for. */
bool ft__similar_id(const struct ft__similar *f, const struct ft_store_values *ids, uint32_t row,
                    uint8_t out[FT_STORE_NEAR_ID], uint32_t *out_len);

/* Hands out the rows of what was found. */
FT_NODISCARD int ft__similar_show(struct ft__similar *f, const struct ft_store_take *take,
                                  uint64_t *rows, struct ft_err *err);

#endif
