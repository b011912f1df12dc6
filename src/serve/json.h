/* SPDX-License-Identifier: Apache-2.0 */
/* serve: is a text JSON, and within bounds? Looked at before a parser makes anything of it.
 *
 * Theory of operation: a parser that is kind (cJSON takes numbers such as 01, bytes that are no
 * UTF-8, a NUL that ends a string early, a name twice) makes of one text what another makes
 * something else of: whoever checks headers against a body and whoever runs it must read the same.
 * One pass, no memory but a number for each member of an object that is open. */
#ifndef FT_SERVE_JSON_H
#define FT_SERVE_JSON_H

#include <stddef.h>
#include <stdint.h>

enum {
    FT_JSON_DEPTH = 32,    /* objects and lists within each other */
    FT_JSON_MEMBERS = 64,  /* of an object */
    FT_JSON_VALUES = 8192, /* altogether: a parsed one is some 64 bytes */
    FT_JSON_NAME = 256,    /* bytes of a member's name as it is written */
    FT_JSON_NUMBER = 48    /* of a number */
};

/* NULL: text is one value of JSON (RFC 8259) in UTF-8, whose names are unique and written without
 * escapes, with no NUL and no half of a surrogate pair in its strings, and within the bounds above.
 * Otherwise why not. */
const char *ft_json_wrong(const char *text, size_t len);

#endif
