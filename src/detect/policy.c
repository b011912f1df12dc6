/* SPDX-License-Identifier: Apache-2.0 */
/* detect: policy: flows that a list of networks and ports says must not be. */
#include <string.h>

#include "detect/state.h"

static bool holds(const struct ft_prefix *p, const struct ft_note *note, int side)
{
    return p->ip_version == 0 || ft_prefix_holds(p, note->ip_version, note->addr[side]);
}

static const struct ft_deny *denied(const struct ft_rules *r, const struct ft_note *note)
{
    for (uint32_t i = 0; i < r->n_deny; i++) {
        const struct ft_deny *deny = &r->deny[i];

        if (note->port[1] >= deny->port_from && note->port[1] <= deny->port_to &&
            (deny->proto < 0 || deny->proto == note->proto) && holds(&deny->from, note, 0) &&
            holds(&deny->to, note, 1)) {
            return deny;
        }
    }
    return NULL;
}

void ft__detect_policy(struct ft_detect *d, const struct ft_note *note)
{
    const struct ft_deny *deny = (note->bits & FT_NOTE_ANSWER) == 0 ? denied(d->rules, note) : NULL;
    struct ft_alert a;

    if (deny == NULL || !ft__is_watched(d, FT_RULE_POLICY, note, 0)) {
        return;
    }
    ft__alert_begin(d, FT_RULE_POLICY, note, 0, &a);
    a.has_port = true;
    a.flows = 1;
    a.failed = (note->bits & FT_NOTE_FAILED) != 0;
    a.packets = note->packets[0] + note->packets[1];
    a.bytes_out = note->bytes[0];
    a.bytes_in = note->bytes[1];
    a.deny = deny->name[0] != '\0' ? deny->name : NULL;
    a.n_flow_ids = note->flow_id != 0;
    a.flow_id[0] = note->flow_id;
    ft__raise(d, FT_RULE_POLICY, &a);
}
