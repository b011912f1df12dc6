/* SPDX-License-Identifier: Apache-2.0 */
/* serve: arguments against a schema of the catalogue.
 *
 * Theory of operation: JSON Schema 2020-12 is large and the catalogue's schemas are not: type,
 * properties, required, additionalProperties, items, maxItems, enum, minimum, maximum, maxLength
 * are looked at; title, description, default say something to people. A schema with another word is
 * a mistake of ours, which ft_schema_strange() finds in a test. */
#ifndef FT_SERVE_SCHEMA_H
#define FT_SERVE_SCHEMA_H

#include <cjson/cJSON.h>
#include <stddef.h>

enum ft_schema_verdict {
    FT_SCHEMA_FITS,
    FT_SCHEMA_SHAPE, /* another type, a member that is missing or is not known */
    FT_SCHEMA_VALUE  /* of its type, but not one that is allowed */
};

enum { FT_SCHEMA_WHY = 320 };

/* Other than FITS: why has one sentence, which names the argument and what is allowed; text of the
 * sender's in it is short and ASCII. Numbers are whole up to 2^53. */
enum ft_schema_verdict ft_schema_check(const cJSON *schema, const cJSON *value,
                                       char why[FT_SCHEMA_WHY]);

/* A word in a schema that the above does not look at, or NULL; borrowed. */
const char *ft_schema_strange(const cJSON *schema);

#endif
