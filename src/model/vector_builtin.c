/* SPDX-License-Identifier: Apache-2.0 */
/* model: the fits of the program, see vector.h. What vectors are centred by was fitted once, on
 * made traffic (docs/vectors.md, "The built-in fit"); a change of it is another id. */
#include "model/vector.h"

/* As in the file: median, interquartile range. */
#define C(center, iqr) center
#define S(center, iqr) ((iqr) > 0.5f ? (iqr) : 0.5f)
#define I(center, iqr) (1.0 / (double)((iqr) > 0.5f ? (iqr) : 0.5f))

#define BUILTIN(id_, ROWS)                                                                         \
    {                                                                                              \
        .id = id_, .center = {ROWS(C)}, .spread = {ROWS(S)}, .inverse = {ROWS(I)},                 \
    }

#include "model/vector_builtin.def"

const struct ft_vector_fits ft_vector_builtin = {
    .of = {[FT_VECTOR_FLOW] = BUILTIN("flowtap-flow-1:builtin", FLOW),
           [FT_VECTOR_HOST] = BUILTIN("flowtap-host-1:builtin", HOST)}};

const struct ft_vector_fits ft_vector_raw = {
    .of = {[FT_VECTOR_FLOW] = {.id = "flowtap-flow-1:raw", .raw = true},
           [FT_VECTOR_HOST] = {.id = "flowtap-host-1:raw", .raw = true}}};
