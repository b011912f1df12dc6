/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: the files of --geo and --networks. */
#ifndef FT_PIPELINE_ENRICH_H
#define FT_PIPELINE_ENRICH_H

#include "config/config.h"
#include "model/enrich.h"

/* Reads the files that a configuration names; *out is NULL when it names none. On success it is the
 * caller's. FT_E_IO, FT_E_USAGE: err says which file, where and what; FT_E_NOMEM. */
FT_NODISCARD int ft__enrich_load(const struct ft_config *cfg, struct ft_enrich **out,
                                 struct ft_err *err);

/* Frees these and all behind them; NULL is a no-op. */
void ft__enrich_free_retired(struct ft_enrich *e);

/* Takes those out of a list that left with generation `now` or before. */
FT_NODISCARD struct ft_enrich *ft__enrich_take_retired(struct ft_enrich **list, uint32_t now);

#endif
