/* SPDX-License-Identifier: Apache-2.0 */
/* model: a parameter of an output URL, as its owner declares it: every output (output/params.c), a
 * sink or what several share (its ops), a format (format/params.c). The check of URLs, --help, the
 * man page and the docs are walks over the rows. */
#ifndef FT_MODEL_PARAM_H
#define FT_MODEL_PARAM_H

#include <stdbool.h>

#include "flowtap/config.h"

struct ft_param {
    struct ft_output_parameter row;
    bool (*check)(const char *value); /* NULL: one of row.choices */
    const char *allowed;              /* for messages, with check */
    bool secret; /* on the command line only as @FILE, which its owner reads; never in a message */
};

/* Rows of one owner; static. */
struct ft_params {
    const struct ft_param *rows;
    uint32_t n;
};

#endif
