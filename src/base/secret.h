/* SPDX-License-Identifier: Apache-2.0 */
/* base: passwords, tokens and keys that an output or a listener is given. */
#ifndef FT_BASE_SECRET_H
#define FT_BASE_SECRET_H

#include <stddef.h>

#include "flowtap/errors.h"

/* The text of a secret, without white space at its end, heap, to be given back to
 * ft_secret_forget(). name: "@FILE" or the text itself. FT_E_USAGE: it has a
 * NUL; FT_E_IO, FT_E_NOMEM; err names the file. */
FT_NODISCARD int ft_secret_read(const char *name, char **out, struct ft_err *err);

void ft_secret_forget(char *secret); /* wiped and freed; NULL is a no-op */

#endif
