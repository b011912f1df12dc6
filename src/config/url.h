/* SPDX-License-Identifier: Apache-2.0 */
/* config: -o URLs taken apart and checked. */
#ifndef FT_CONFIG_URL_H
#define FT_CONFIG_URL_H

#include "base/hash.h"
#include "flowtap/errors.h"
#include "output/url.h"

/* FT_E_USAGE: what is wrong is said; FT_E_NOMEM. *out is freed with _fini. */
FT_NODISCARD int ft_output_url_parse(const char *text, struct ft_output_url *out,
                                     struct ft_err *err);
void ft_output_url_fini(struct ft_output_url *u);

/* The parameter that is a secret, and stands there as text; NULL: there is none. */
const char *ft_output_url_bare_secret(const struct ft_output_url *u);

/* The file that parameter i names: a secret's @FILE, certificates and keys; NULL: none. */
const char *ft_output_url_file(const struct ft_output_url *u, uint32_t i);

/* Reads all of them, for who looks on (base/whole.h). */
void ft_output_url_read(const struct ft_output_url *u);

/* How many files the parameters of a -l URL name (ca=, cert=, key=); read: for who looks on. */
uint32_t ft_listen_url_files(const char *url, bool read);

/* Tells apart what u->text does not show: secrets that stand in it, and what those files
 * hold; one that cannot be read is like none. */
uint64_t ft_output_url_digest(const struct ft_output_url *u, const struct ft_hash_seed *seed);

/* What its sink asks of the kernel: enum ft_sandbox_needs. */
unsigned ft_output_url_needs(const struct ft_output_url *u);

#endif
