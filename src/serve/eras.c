/* SPDX-License-Identifier: Apache-2.0 */
/* serve: revisions of the protocol; see eras.h. */
#include "serve/eras.h"

#include <stddef.h>
#include <string.h>

const struct ft_era ft_eras[FT_ERAS] = {
    {"2026-07-28", true, true, true},    {"2025-11-25", false, true, true},
    {"2025-06-18", false, true, true},   {"2025-03-26", false, true, false},
    {"2024-11-05", false, false, false},
};

const struct ft_era *ft_era_of(const char *version)
{
    for (int i = 0; i < FT_ERAS; i++) {
        if (strcmp(ft_eras[i].version, version) == 0) {
            return &ft_eras[i];
        }
    }
    return NULL;
}

const struct ft_era *ft_era_modern(void)
{
    return &ft_eras[0];
}

const struct ft_era *ft_era_legacy(void)
{
    return &ft_eras[1];
}
