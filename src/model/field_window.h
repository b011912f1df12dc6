/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the event `window`; see field.h. */
#ifndef FT_MODEL_FIELD_WINDOW_H
#define FT_MODEL_FIELD_WINDOW_H

#include "model/field.h"

/* Their part is a struct ft_window_row. */
const struct ft_field *ft__fields_window(uint32_t *out_n);

#endif
