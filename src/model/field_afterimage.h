/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the event `afterimage`; see field.h. */
#ifndef FT_MODEL_FIELD_AFTERIMAGE_H
#define FT_MODEL_FIELD_AFTERIMAGE_H

#include "model/field.h"

/* Their part is a struct ft_afterimage_row. */
const struct ft_field *ft__fields_afterimage(uint32_t *out_n);

#endif
