/* SPDX-License-Identifier: Apache-2.0 */
/* model: address prefixes, as --allow and --where have them. */
#ifndef FT_MODEL_PREFIX_H
#define FT_MODEL_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/peer.h"

enum { FT_PREFIXES_MAX = 256 };

struct ft_prefix {
    uint8_t addr[16]; /* network order, IPv4 in the first 4 bytes */
    uint8_t ip_version, bits;
};

struct ft_prefixes {
    struct ft_prefix list[FT_PREFIXES_MAX];
    uint32_t n; /* 0: everybody */
};

/* Reads "10.0.0.0/8", "2001:db8::1". FT_E_RANGE: it is none; *out is undefined then. */
FT_NODISCARD int ft_prefix_parse(const char *text, struct ft_prefix *out);

/* Whether an address, in network order, lies in a prefix. */
bool ft_prefix_holds(const struct ft_prefix *p, uint8_t ip_version, const uint8_t *addr);

/* Reads "10.0.0.0/8,2001:db8::/32"; NULL or "": everybody. FT_E_USAGE. */
FT_NODISCARD int ft_prefixes_parse(const char *text, struct ft_prefixes *out, struct ft_err *err);

/* Whether a peer may speak. O(n), of what was configured. */
bool ft_prefixes_allow(const struct ft_prefixes *p, const struct ft_peer *peer);

#endif
