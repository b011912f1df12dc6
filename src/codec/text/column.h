/* SPDX-License-Identifier: Apache-2.0 */
/* codec/text: the value of a column as text. */
#ifndef FT_CODEC_TEXT_COLUMN_H
#define FT_CODEC_TEXT_COLUMN_H

#include <stdbool.h>
#include <stdint.h>

#include "model/field.h"

/* Writes a value that is not null; quoted: as JSON: text and addresses get double quotes, lists
 * brackets. Else items have semicolons between them, and a list without items is "[]". */
uint8_t *ft_put_value(uint8_t *p, enum ft_type type, const struct ft_value *v, bool quoted);

#endif
