/* SPDX-License-Identifier: Apache-2.0 */
/* model: names of networks (--networks): the longest prefix that holds an address says its name.
 *
 * Theory of operation: the file is CSV, a prefix and its name in each line; a first line that says
 * `prefix,name` is a header. It is read once, and what is wrong with a line refuses all of it. The
 * prefixes, which may lie in each other, become ranges that do not:
 *
 *     10.0.0.0/8 a, 10.1.0.0/16 b     10.0.0.0 a | 10.1.0.0 b | 10.2.0.0 a | 11.0.0.0 none
 *
 * at most two for each and one, in arrays by their beginnings; where the first 16 bits of an
 * address lead is known, the rest is halved. Names that are the same stand there once. After it is
 * read nothing of it changes: any number of threads may ask. */
#ifndef FT_MODEL_NETWORKS_H
#define FT_MODEL_NETWORKS_H

#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"

enum {
    FT_NETWORKS_MOST = 1000000,    /* prefixes */
    FT_NETWORKS_BYTES = 128 << 20, /* of a file, less than */
    FT_NETWORK_NAME = 64           /* bytes of a name, at most */
};

struct ft_networks;

/* Reads the text of a file. On success *out is the caller's, freed with ft_networks_free.
 * FT_E_FORMAT: err says in which line and what; FT_E_NOMEM. */
FT_NODISCARD int ft_networks_parse(const char *text, size_t len, struct ft_networks **out,
                                   struct ft_err *err);
void ft_networks_free(struct ft_networks *n); /* NULL is a no-op */

/* The name for an address, in network order: UTF-8 or whatever the file has, no NUL behind it, as
 * long as n; NULL: no prefix holds it. n may be NULL. O(log prefixes). */
FT_HOT const char *ft_networks_find(const struct ft_networks *n, uint8_t ip_version,
                                    const uint8_t *addr, uint32_t *out_len);

/* How many prefixes there are, and bytes of memory. */
uint32_t ft_networks_count(const struct ft_networks *n);
size_t ft_networks_bytes(const struct ft_networks *n);

#endif
