/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: what the rows of both profiles of CICFlowMeter are made with, see rows.def. */
#ifndef FT_FEATURE_CIC_ROWS_H
#define FT_FEATURE_CIC_ROWS_H

#include "feature/cic/text.h"
#include "model/columns.h"

#define AT(member) FT_AT(struct ft_cic_record, member)

#define ROW(i, k, field, kind, of, class)                                                          \
    .name = field, .rank = FIRST_RANK + 5 * SAYS(i, k), .group = FT_GROUP_FEATURES, .type = kind,  \
    .unit = of, .privacy = FT_PRIVACY_##class, .profile = PROFILE,                                 \
    .source = "CICFlowMeter " COMMIT

#endif
