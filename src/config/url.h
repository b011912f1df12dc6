/* SPDX-License-Identifier: Apache-2.0 */
/* config: -o URLs taken apart and checked. */
#ifndef FT_CONFIG_URL_H
#define FT_CONFIG_URL_H

#include "flowtap/errors.h"
#include "output/url.h"

/* FT_E_USAGE: what is wrong is said; FT_E_NOMEM. *out is freed with _fini. */
FT_NODISCARD int ft_output_url_parse(const char *text, struct ft_output_url *out,
                                     struct ft_err *err);
void ft_output_url_fini(struct ft_output_url *u);

/* The parameter that is a secret, and stands there as text; NULL: there is none. */
const char *ft_output_url_bare_secret(const struct ft_output_url *u);

#endif
