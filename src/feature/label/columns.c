/* SPDX-License-Identifier: Apache-2.0 */
/* feature/label: the columns of the label profile: the ground truth of a data set. */
#include "model/columns.h"

static void f_attack(const void *part, struct ft_value *v)
{
    const struct ft_label_record *r = part;

    v->null = r->attack == NULL;
    v->text = (const uint8_t *)r->attack;
    v->text_len = r->attack_len;
}

#define ROW(at_rank, field, kind)                                                                  \
    .name = field, .rank = at_rank, .group = FT_GROUP_FEATURES, .type = kind, .unit = "",          \
    .privacy = FT_PRIVACY_NONE, .profile = "label", .source = "the rules of --labels"

static const struct ft_field rows[] = {
    {ROW(9900, "label", FT_T_U8), FT_AT(struct ft_label_record, label), .null = "no rule knows it",
     .meaning = "1: an attack, 0: none"},
    {ROW(9910, "attack", FT_T_TEXT), .get = f_attack,
     .null = "no rule knows it, or the rule has no name", .meaning = "the name of the attack"},
};

const struct ft_column_set ft_columns_label = {.profile = "label",
                                               .meaning =
                                                   "attack or none, and its name, as rules say it",
                                               .rows = rows,
                                               .n = sizeof rows / sizeof rows[0],
                                               .part = FT_PART_LABEL};
