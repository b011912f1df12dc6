/* SPDX-License-Identifier: Apache-2.0 */
/* config: rows of the option table with the way each value is kept. */
#ifndef FT_CONFIG_OPTIONS_H
#define FT_CONFIG_OPTIONS_H

#include <stddef.h>

#include "config/config.h"

enum ft__setter {
    FT__SET_NOTHING, /* checked only */
    FT__SET_U32,
    FT__SET_U64,
    FT__SET_NS,
    FT__SET_BOOL,
    FT__SET_TEXT,     /* not empty */
    FT__SET_ANY_TEXT, /* "" means something */
    FT__SET_ENDPOINT, /* a text, too */
    FT__SET_OBSERVER, /* likewise */
    FT__SET_INPUT,
    FT__SET_OUTPUT,
    FT__SET_GEO, /* adds one */
    FT__SET_EVENTS,
    FT__SET_PROFILES, /* adds them */
    FT__SET_APP,
    FT__SET_WHERE,
    FT__SET_OVERFLOW,
    FT__SET_DIRECTION,
    FT__SET_SNAPSHOTS,
    FT__SET_WINDOWS,
    FT__SET_TUNNEL_PORTS,
    FT__SET_LOG_FORMAT,
    FT__SET_NAMES,
    FT__SET_VERBOSE,
    FT__SET_QUIET,
    FT__SET_FILE, /* reads a configuration file at once */
};

struct ft_option_row {
    struct ft_option option;
    enum ft__setter setter;
    size_t offset; /* in struct ft_config, for the first setters */
};

/* A row as it is used, wherever it stands. */
struct ft__option_ref {
    const struct ft_option *option;
    enum ft__setter setter;
    size_t offset;
};

/* Row number i in the order of the help: the table's and, behind --app, those of the owners of
 * profiles (model/columns.h). False after the last. */
bool ft__option_row(uint32_t i, struct ft__option_ref *out);

/* Sets row i of a configuration from text. where: what stands before messages ("--", "FILE:LINE:
 * "). */
FT_NODISCARD int ft__option_apply(struct ft_config *cfg, uint32_t i, const char *where,
                                  const char *value, struct ft_err *err);

/* The row of a name, or -1 with err, which suggests the nearest. */
FT_NODISCARD int ft__option_find(const struct ft_config *cfg, const char *where, const char *name,
                                 uint32_t *out_i, struct ft_err *err);

#endif
