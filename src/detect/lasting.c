/* SPDX-License-Identifier: Apache-2.0 */
/* detect: long_connection, by RITA's bands: a flow is told when it reaches each. */
#include <string.h>

#include "base/time.h"
#include "detect/state.h"

/* A flow. */
struct lasting {
    struct ft__entity head;
    uint32_t bands; /* that were told */
};

size_t ft__lasting_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct lasting);
    return sizeof(struct lasting);
}

/* Bands that a duration has reached: up to FT_SEVERITY__COUNT. */
static uint32_t bands_of(const struct ft_detect *d, double duration_s)
{
    uint32_t n = 0;

    while (n < FT_SEVERITY__COUNT && duration_s >= ft__value(d, FT_RULE_LONG_CONNECTION, (int)n)) {
        n++;
    }
    return n;
}

static bool is_told(struct ft_detect *d, const struct ft_note *note, uint32_t bands)
{
    struct ft__host_key key = ft__key_of(note, 0);
    struct lasting *l;
    bool fresh;

    memcpy(key.peer, note->addr[1], sizeof key.peer);
    key.port = note->port[1];
    key.proto = note->proto;
    key.rule = note->port[0];
    l = ft__hosts_get(&d->tables[FT__LASTING], &key, note->at_ns, &fresh);
    if (bands <= l->bands) {
        return true;
    }
    l->bands = l->head.weight = bands;
    return false;
}

void ft__detect_lasting(struct ft_detect *d, const struct ft_note *note)
{
    double duration_s = (double)ft_time_sub(note->last_ns, note->first_ns) / 1e9;
    uint32_t bands = bands_of(d, duration_s);
    struct ft_alert a;

    if (bands == 0 || (note->bits & (FT_NOTE_GROUP | FT_NOTE_ANSWER)) != 0 ||
        !ft__is_watched(d, FT_RULE_LONG_CONNECTION, note, 0) || is_told(d, note, bands)) {
        return;
    }
    ft__alert_begin(d, FT_RULE_LONG_CONNECTION, note, 0, &a);
    ft__alert_band(d, FT_RULE_LONG_CONNECTION, bands - 1, &a);
    a.has_port = true;
    a.value = a.duration_s = duration_s;
    a.threshold = ft__value(d, FT_RULE_LONG_CONNECTION, (int)bands - 1);
    a.flows = 1;
    a.packets = note->packets[0] + note->packets[1];
    a.bytes_out = note->bytes[0];
    a.bytes_in = note->bytes[1];
    a.n_flow_ids = note->flow_id != 0;
    a.flow_id[0] = note->flow_id;
    ft__raise(d, FT_RULE_LONG_CONNECTION, &a);
}
