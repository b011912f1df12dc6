/* SPDX-License-Identifier: Apache-2.0 */
/* collect: names that an exporter's options data gives to numbers: interfaces, VRFs, applications.
 */
#ifndef FT_COLLECT_NAMES_H
#define FT_COLLECT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "flowtap/macros.h"

enum ft__name_kind { FT__NAME_INTERFACE, FT__NAME_VRF, FT__NAME_APPLICATION };

enum { FT__NAME_LEN = 64 }; /* with its NUL; longer names are cut at a character */

struct ft__names;

/* Sets a name; *names is made when it is NULL, with a seed that outlives it. FT_E_FULL,
 * FT_E_NOMEM. */
FT_NODISCARD int ft__names_set(struct ft__names **names, const struct ft_hash_seed *seed,
                               enum ft__name_kind kind, uint64_t id, const uint8_t *text,
                               size_t len);

/* The name, or NULL; names may be NULL. Valid until the next set. */
const char *ft__names_get(const struct ft__names *names, enum ft__name_kind kind, uint64_t id);

/* The same for an applicationId (RFC 6759 §4), which is bytes: the engine, for some engines an
 * enterprise, and a selector, whose leading zeros may be left out: ids with and without them are
 * one. */
FT_NODISCARD int ft__names_set_application(struct ft__names **names,
                                           const struct ft_hash_seed *seed, const uint8_t *id,
                                           size_t id_len, const uint8_t *text, size_t len);
const char *ft__names_application(const struct ft__names *names, const uint8_t *id, size_t id_len);

uint32_t ft__names_count(const struct ft__names *names); /* of NULL: 0 */

void ft__names_free(struct ft__names *names); /* NULL is a no-op */

#endif
