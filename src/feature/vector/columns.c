/* SPDX-License-Identifier: Apache-2.0 */
/* feature/vector: the columns of the vector profile. */
#include "model/columns.h"
#include "model/vector.h"

static void f_vector(const void *part, struct ft_value *v)
{
    v->items = ((const struct ft_vector_record *)part)->vector;
    v->n_items = FT_VECTOR;
}

static void f_id(const void *part, struct ft_value *v)
{
    v->s = ((const struct ft_vector_record *)part)->id;
}

static const struct ft_field rows[] = {
    {.name = "vector",
     .rank = 17000,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_VECTOR,
     .item = FT_T_F32,
     .most = FT_VECTOR,
     .unit = "",
     .privacy = FT_PRIVACY_NONE,
     .profile = "vector",
     .get = f_vector,
     .source = "flowtap",
     .meaning =
         "what kind of flow it is, as 32 numbers of Euclidean length 1: flows that are alike "
         "are near each other (docs/vectors.md)"},
    {.name = "vector_id",
     .rank = 17010,
     .group = FT_GROUP_FEATURES,
     .type = FT_T_STRING,
     .unit = "",
     .privacy = FT_PRIVACY_NONE,
     .profile = "vector",
     .get = f_id,
     .source = "flowtap",
     .meaning = "the transform's version and what it was fitted on (--vector-fit): only vectors "
                "of the same one can be compared"},
};

const struct ft_column_set ft_columns_vector = {
    .profile = "vector",
    .meaning = "32 numbers of length 1 for vector databases (--vector-fit)",
    .rows = rows,
    .n = sizeof rows / sizeof rows[0],
    .part = FT_PART_VECTOR};
