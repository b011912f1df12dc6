/* SPDX-License-Identifier: Apache-2.0 */
/* feature/label: what the rules of --labels say of a flow. Nothing is kept of flows: a record has
 * all that is asked. */
#include "feature/label/label.h"

#include "feature/feature.h"
#include "model/labels.h"

/* owner: the table's thread */
struct label {
    const struct ft_labels *rules; /* borrowed; NULL: there are none */
    struct ft_label_record record;
    struct ft_label_stats stats;
};

static int label_open(void *state, const struct ft_feature_config *cfg)
{
    ((struct label *)state)->rules = cfg->labels;
    return FT_OK;
}

static const void *label_record(void *state, uint32_t entry, const struct ft_flow_record *core)
{
    struct label *l = state;
    bool unclear = false;
    const struct ft_label_rule *r =
        l->rules != NULL ? ft_labels_find(l->rules, core, &unclear) : NULL;

    (void)entry;
    if (core->is_final) {
        l->stats.labelled += r != NULL;
        l->stats.unlabelled += r == NULL;
        l->stats.unclear += unclear;
    }
    if (r == NULL) {
        return NULL;
    }
    l->record = (struct ft_label_record){.attack = r->attack_len > 0 ? r->attack : NULL,
                                         .attack_len = r->attack_len,
                                         .label = r->label};
    return &l->record;
}

void ft_label_stats(const void *state, struct ft_label_stats *out)
{
    *out = ((const struct label *)state)->stats;
}

const struct ft_feature ft_feature_label = {
    .name = "label",
    .meaning = "attack or none, and its name, as rules say it",
    .columns = &ft_columns_label,
    .state = sizeof(struct label),
    .open = label_open,
    .record = label_record,
};
