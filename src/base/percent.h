/* SPDX-License-Identifier: Apache-2.0 */
/* base: %XX in URLs. */
#ifndef FT_BASE_PERCENT_H
#define FT_BASE_PERCENT_H

#include <stddef.h>

/* len bytes with %XX decoded, but for %00 and what is no number, and a NUL, into out, which has
 * room for len + 1. Returns how many, without the NUL. RFC 3986 §2.1 */
size_t ft_percent_decode(const char *s, size_t len, char *out);

#endif
