/* SPDX-License-Identifier: Apache-2.0 */
/* collect: which fields of a template fill which slots of a record's canonical part. */
#ifndef FT_COLLECT_SLOTS_H
#define FT_COLLECT_SLOTS_H

#include "collect/plan.h"

/* Chooses the best field for each slot (delta counters before totals, absolute times before uptime,
 * and so on) and writes plan->steps, has, v4, v6 and rare. outermost: of several headers the key is
 * the first one's (record_key.h). */
void ft__template_plan_steps(struct ft__template_plan *plan, bool outermost);

/* Makes the plans of NetFlow v1, v5 and v7. FT_E_NOMEM. */
FT_NODISCARD int ft__builtin_plans(struct ft__template_plans *p);

#endif
