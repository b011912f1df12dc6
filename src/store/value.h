/* SPDX-License-Identifier: Apache-2.0 */
/* store: one value of a column, as the rest of the house has values. */
#ifndef FT_STORE_VALUE_H
#define FT_STORE_VALUE_H

#include "store/column.h"

enum { FT_STORE_ADDRESS = 48 /* bytes of an address as text, with its NUL */ };

/* The type that such a value is written by: texts are FT_T_TEXT, whatever they were made of. */
enum ft_type ft_store_value_type(const struct ft_store_column *c);

/* The value of a row; scratch: room for items, which with texts is valid until it or the column
 * changes. False: no memory. */
FT_NODISCARD bool ft_store_value(const struct ft_store_column *c, const struct ft_store_values *v,
                                 uint32_t row, struct ft_store_buf *scratch, struct ft_value *out);

/* 16 bytes, IPv4 mapped into IPv6, as text. */
void ft_store_put_address(const uint8_t address[16], char out[FT_STORE_ADDRESS]);
/* And back. False: it is none. */
bool ft_store_parse_address(const char *text, uint8_t out[16]);

/* Adds a value as JSON. False: no memory. */
FT_NODISCARD bool ft_store_put_json(const struct ft_store_column *c,
                                    const struct ft_store_values *v, uint32_t row,
                                    struct ft_store_buf *scratch, struct ft_store_buf *out);

#endif
