/* SPDX-License-Identifier: Apache-2.0 */
/* output: an -o URL as outputs and sinks see it; config/url.h takes it apart. */
#ifndef FT_OUTPUT_URL_H
#define FT_OUTPUT_URL_H

#include <stdint.h>
#include <string.h>

#include "flowtap/macros.h"

/* A parsed -o URL: FORMAT[+TRANSPORT]:TARGET[?key=value&...]. Owned strings. */
struct ft_output_url {
    char *text;      /* as given, but for secrets */
    char *format;    /* "ndjson", "csv", "null" */
    char *transport; /* "file", or the word after "+" */
    char *target;    /* "-" or a path; "" for null */
    struct {
        char *key, *value;
    } param[32];
    uint32_t n_params;
};

/* value of a key or NULL */
FT_INLINE const char *ft_output_url_get(const struct ft_output_url *u, const char *key)
{
    for (uint32_t i = 0; i < u->n_params; i++) {
        if (strcmp(u->param[i].key, key) == 0) {
            return u->param[i].value;
        }
    }
    return NULL;
}

#endif
