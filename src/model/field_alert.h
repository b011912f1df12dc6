/* SPDX-License-Identifier: Apache-2.0 */
/* model: the columns of the event `alert`; see field.h. */
#ifndef FT_MODEL_FIELD_ALERT_H
#define FT_MODEL_FIELD_ALERT_H

#include "model/field.h"

/* Their part is a struct ft_alert. */
const struct ft_field *ft__fields_alert(uint32_t *out_n);

#endif
