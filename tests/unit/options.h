/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of features: their options as they are when nobody says anything. */
#ifndef TESTS_UNIT_OPTIONS_H
#define TESTS_UNIT_OPTIONS_H

#include <stdlib.h>

#include "config/config.h"

static inline const struct ft_set_options *default_options(void)
{
    static struct ft_set_options options;
    static bool made;

    if (!made) {
        struct ft_config *cfg = ft_config_new(FT_CMD_READ);

        if (cfg == NULL) {
            abort();
        }
        options = cfg->options;
        made = true;
        ft_config_free(cfg);
    }
    return &options;
}

#endif
