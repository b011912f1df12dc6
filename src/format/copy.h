/* SPDX-License-Identifier: Apache-2.0 */
/* format: columns as PostgreSQL has them. */
#ifndef FT_FORMAT_COPY_H
#define FT_FORMAT_COPY_H

#include "model/field.h"

/* The type of a column that is no list, or of a list's items. */
const char *ft__postgres_type(enum ft_type type);

#endif
