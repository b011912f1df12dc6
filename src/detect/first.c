/* SPDX-License-Identifier: Apache-2.0 */
/* detect: new_host, new_peer and new_service: what was not there while it learnt. An exchange
 * counts when both sides sent, and the initiator more than one packet: invented senders do not. A
 * question over UDP that has an answer makes the service known, and both to each other, without a
 * word about who asked. */
#include <string.h>

#include "base/time.h"
#include "detect/state.h"

enum { PROTO_UDP = 17, P_LEARN = 0, P_PORT };

static bool is_exchange(const struct ft_note *note)
{
    bool whole = (note->bits & FT_NOTE_EXPORTED) == 0;

    return (note->bits & (FT_NOTE_FAILED | FT_NOTE_ON | FT_NOTE_GROUP | FT_NOTE_ANSWER)) == 0 &&
           (note->packets[0] > 1 || note->proto == PROTO_UDP) && (!whole || note->packets[1] > 0);
}

bool ft__has_learnt(const struct ft_detect *d, enum ft_rule_id rule, int param,
                    const struct ft_note *note)
{
    return ft_time_sub(note->first_ns, d->begun_ns) >= ft__span_ns(d, rule, param);
}

/* May it be a first one, is it, and did it learn? It is known now. */
static bool is_new(struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note, int first)
{
    const struct ft__coming *c = d->coming;

    return (c->firsts >> first & 1) != 0 && !ft__seen_see(&d->known, c->first[first]) &&
           ft__has_learnt(d, rule, P_LEARN, note);
}

static void raise_new(struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                      int side)
{
    struct ft_alert a;

    ft__alert_begin(d, rule, note, side, &a);
    a.has_port = rule == FT_RULE_NEW_SERVICE;
    a.flows = 1;
    a.packets = note->packets[0] + note->packets[1];
    a.bytes_out = note->bytes[side == 0 ? FT_DIR_FWD : FT_DIR_REV];
    a.bytes_in = note->bytes[side == 0 ? FT_DIR_REV : FT_DIR_FWD];
    a.n_flow_ids = note->flow_id != 0;
    a.flow_id[0] = note->flow_id;
    ft__raise(d, rule, &a);
}

uint8_t ft__first_keys(const struct ft_detect *d, const struct ft_note *note, uint64_t *hash)
{
    double ports = ft__value(d, FT_RULE_NEW_SERVICE, P_PORT);
    struct ft__host_key key[FT__FIRSTS];
    uint8_t bits = 0;

    if (!is_exchange(note)) {
        return 0;
    }
    for (int i = 0; i < FT__FIRSTS; i++) {
        key[i] = ft__key_of(note, i == FT__FIRST_OTHER || i == FT__FIRST_SERVICE);
        key[i].rule = FT_RULE_NEW_HOST + 1;
    }
    for (int side = note->packets[0] > 1 ? 0 : 1; side < 2; side++) {
        bits |= (uint8_t)(ft__is_watched(d, FT_RULE_NEW_HOST, note, side) << side);
    }
    key[FT__FIRST_PEER].rule = FT_RULE_NEW_PEER + 1;
    memcpy(key[FT__FIRST_PEER].peer, note->addr[1], sizeof note->addr[1]);
    bits |= (uint8_t)((ft__is_watched(d, FT_RULE_NEW_PEER, note, 0) &&
                       ft__is_watched(d, FT_RULE_NEW_PEER, note, 1))
                      << FT__FIRST_PEER);
    key[FT__FIRST_SERVICE].rule = FT_RULE_NEW_SERVICE + 1;
    key[FT__FIRST_SERVICE].port = note->port[1];
    key[FT__FIRST_SERVICE].proto = note->proto;
    bits |= (uint8_t)((note->port[1] != 0 && note->port[1] <= ports &&
                       ft__is_watched(d, FT_RULE_NEW_SERVICE, note, 1))
                      << FT__FIRST_SERVICE);
    for (int i = 0; i < FT__FIRSTS; i++) {
        hash[i] = (bits >> i & 1) != 0 ? ft__key_hash(&d->cfg.seed, &key[i]) : 0;
    }
    return bits;
}

void ft__detect_first(struct ft_detect *d, const struct ft_note *note)
{
    for (int side = 0; side < 2; side++) {
        if (is_new(d, FT_RULE_NEW_HOST, note, FT__FIRST_HOST + side)) {
            raise_new(d, FT_RULE_NEW_HOST, note, side);
        }
    }
    if (is_new(d, FT_RULE_NEW_PEER, note, FT__FIRST_PEER) && note->packets[0] > 1) {
        raise_new(d, FT_RULE_NEW_PEER, note, 0);
    }
    if (is_new(d, FT_RULE_NEW_SERVICE, note, FT__FIRST_SERVICE)) {
        raise_new(d, FT_RULE_NEW_SERVICE, note, 1);
    }
}
