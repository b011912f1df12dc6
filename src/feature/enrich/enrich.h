/* SPDX-License-Identifier: Apache-2.0 */
/* feature/enrich: what files say of the hosts of a flow. */
#ifndef FT_FEATURE_ENRICH_ENRICH_H
#define FT_FEATURE_ENRICH_ENRICH_H

#include "model/enrich.h"

/* The tables that a state of that feature asks from now on; borrowed, or NULL. */
void ft_enrich_use(void *state, const struct ft_enrich *tables);

#endif
