/* SPDX-License-Identifier: Apache-2.0 */
/* merge: the text of a flow that is held.
 *
 * Theory of operation: of a line whose shape many have, the shape and the texts of its values are
 * kept, which is a third of it: what is held does not fit into caches, so less of it is faster. Of
 * any other line all of it is kept, and where values are.
 *
 *     with a shape   a length a value, 255: it stands in four bytes before the value | values
 *     without        places of values that may be replaced, in their order | the line */
#ifndef FT_MERGE_KEPT_H
#define FT_MERGE_KEPT_H

#include <stdint.h>

#include "flowtap/errors.h"
#include "merge/scan.h"

/* Begins zeroed. */
struct ft__kept {
    struct ft__shape *shape; /* held; NULL: it has none that is known */
    uint8_t *data;           /* [cap], owned */
    uint32_t len, cap;       /* len 0: nothing is kept */
    uint32_t text_len;       /* without a shape: of the line; the places are before it */
};

/* A value of a line that is kept without a shape, quotes included. */
struct ft__kept_place {
    uint32_t at, len; /* in the line */
    uint32_t slot;
};

enum { FT__KEPT_LONG = 255, FT__KEPT_SLACK = 16 };

/* In place of what is kept. FT_E_NOMEM: that stays. */
FT_NODISCARD int ft__kept_take(struct ft__kept *k, const struct ft__record *r);
/* Nothing is kept; its memory is given back when it is more than `most`. */
void ft__kept_drop(struct ft__kept *k, uint32_t most);

#endif
