/* SPDX-License-Identifier: Apache-2.0 */
/* serve: the key that tokens and mapped addresses of a store are made with. */
#ifndef FT_SERVE_VEIL_KEY_H
#define FT_SERVE_VEIL_KEY_H

#include "serve/veil.h"

/* Reads the key of a folder; makes it, for its owner alone, when there is none. Any number of
 * processes at a time. FT_E_IO: why not. */
FT_NODISCARD int ft_veil_key(const char *folder, uint8_t out[FT_VEIL_KEY], struct ft_err *err);

#endif
