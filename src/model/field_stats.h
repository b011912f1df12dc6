/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of pipeline_stats; part of field.h. */
#ifndef FT_MODEL_FIELD_STATS_H
#define FT_MODEL_FIELD_STATS_H

#include "model/field.h"

const struct ft_field *ft__fields_stats(uint32_t *out_n);

#endif
