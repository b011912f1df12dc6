/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of flow records (internal; ft_fields() hands them out). */
#ifndef FT_MODEL_FIELD_FLOW_H
#define FT_MODEL_FIELD_FLOW_H

#include "model/field.h"

const struct ft_field *ft__fields_flow(uint32_t *out_n);

#endif
