/* SPDX-License-Identifier: Apache-2.0 */
/* collect: data records by their plan. */
#ifndef FT_COLLECT_RECORDS_H
#define FT_COLLECT_RECORDS_H

#include "collect/internal.h"

/* Every record of a data set, one callback each. */
FT_HOT void ft__records_take(struct ft_collector *c, const struct ft_nf_message *m,
                             const struct ft__template_plan *plan, uint16_t template_id,
                             struct ft_rd *body);

#endif
