/* SPDX-License-Identifier: Apache-2.0 */
/* feature/nf_v3: what the rows of both profiles of the NF data sets are made with, see rows.def. */
#ifndef FT_FEATURE_NF_V3_ROWS_H
#define FT_FEATURE_NF_V3_ROWS_H

#include "model/columns.h"

/* Ends of flows as nProbe was told for the data sets. */
extern const struct ft_flow_rules ft__nf_v3_rules;

static void f_src(const void *part, struct ft_value *v)
{
    const struct ft_nf_v3_record *r = part;

    v->ip_version = r->ip_version;
    v->addr = r->src;
}

static void f_dst(const void *part, struct ft_value *v)
{
    const struct ft_nf_v3_record *r = part;

    v->ip_version = r->ip_version;
    v->addr = r->dst;
}

#define AT(member)   FT_AT(struct ft_nf_v3_record, member)
#define MAYBE(which) AT(maybe[which]), .absent = FT_ABSENT_ONES

/* Whole numbers with a sign are times. */
#define PRIVACY(kind) ((kind) == FT_T_I64 ? FT_PRIVACY_TIME : FT_PRIVACY_OF(kind))

#define ROW(i, field, kind, of, id)                                                                \
    .name = field, .rank = FIRST_RANK + 5 * (i), .group = FT_GROUP_FEATURES, .type = kind,         \
    .unit = of, .privacy = PRIVACY(kind), .profile = PROFILE, .source = "nProbe, field " id

#define IAT(i, field, id, which, packets, who, what)                                               \
    {                                                                                              \
        ROW(i, field, FT_T_U64, "ms", id), MAYBE(which),                                           \
            NONE("fewer than " #packets " packets of the " who),                                   \
            .meaning = what " gap between packets of the " who ", whole milliseconds"              \
    }

#endif
