/* SPDX-License-Identifier: Apache-2.0 */
/* detect: amplification: answers of UDP services that are known for it (CISA, TA14-017A) to one
 * host, which never asked, or asked for far less. */
#include "base/time.h"
#include "detect/state.h"

enum { PROTO_UDP = 17, P_RATIO = 0, P_BYTES, P_SPAN, SOURCES = 32 };

/* A victim and a port. */
struct amplified {
    struct ft__entity head;
    int64_t first_ns, last_ns;
    uint64_t asked, answered; /* bytes */
    uint64_t packets;         /* of answers */
    uint32_t flows;
    uint32_t n_sources; /* distinct, up to SOURCES */
    uint32_t source[SOURCES];
    struct ft__ids ids;
};

size_t ft__amplified_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct amplified);
    return sizeof(struct amplified);
}

bool ft__amplifies(uint16_t port)
{
    static const uint16_t ports[] = {17,   19,   53,    69,    111,   123,   137,   161,
                                     389,  427,  520,   1434,  1900,  3283,  3389,  3702,
                                     5093, 5683, 10001, 11211, 27015, 30718, 32414, 37810};

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        if (port == ports[i]) {
            return true;
        }
    }
    return false;
}

static void add_source(struct amplified *v, uint32_t hash)
{
    for (uint32_t i = 0; i < v->n_sources; i++) {
        if (v->source[i] == hash) {
            return;
        }
    }
    if (v->n_sources < SOURCES) {
        v->source[v->n_sources++] = hash;
    }
}

/* server: which side of the note answers. */
static struct amplified *count(struct ft_detect *d, const struct ft_note *note, int server)
{
    struct ft__host_key key = ft__key_of(note, !server);
    struct amplified *v;
    bool fresh;

    key.port = note->port[server];
    v = ft__entity_get(d, FT__AMPLIFIED, &key, note->at_ns, &fresh);
    if (fresh || ft_time_sub(note->at_ns, v->first_ns) > d->tables[FT__AMPLIFIED].span_ns) {
        struct ft__entity head = v->head;

        *v = (struct amplified){.head = head, .first_ns = note->at_ns, .last_ns = note->last_ns};
    }
    v->last_ns = note->last_ns > v->last_ns ? note->last_ns : v->last_ns;
    v->answered += note->bytes[server == 0 ? FT_DIR_FWD : FT_DIR_REV];
    v->asked += note->bytes[server == 0 ? FT_DIR_REV : FT_DIR_FWD];
    v->packets += note->packets[server == 0 ? FT_DIR_FWD : FT_DIR_REV];
    v->flows++;
    v->head.weight = v->answered < UINT32_MAX ? (uint32_t)v->answered : UINT32_MAX;
    add_source(v, ft__host_hash(d, note->addr[server]));
    ft__ids_add(&v->ids, note->flow_id);
    return v;
}

void ft__detect_amplified(struct ft_detect *d, const struct ft_note *note)
{
    bool udp = note->proto == PROTO_UDP;
    int server = udp && ft__amplifies(note->port[1])   ? 1
                 : udp && ft__amplifies(note->port[0]) ? 0
                                                       : -1;
    struct amplified *v;
    struct ft_alert a;

    if (server < 0 || (note->bits & FT_NOTE_GROUP) != 0 ||
        ((note->bits & FT_NOTE_ON) != 0 && (note->bits & FT_NOTE_EXPORTED) == 0) ||
        !ft__is_watched(d, FT_RULE_AMPLIFICATION, note, !server)) {
        return;
    }
    v = count(d, note, server);
    double ratio = v->asked > 0 ? (double)v->answered / (double)v->asked : ft_window_null();

    if ((double)v->answered < ft__value(d, FT_RULE_AMPLIFICATION, P_BYTES) ||
        ratio < ft__value(d, FT_RULE_AMPLIFICATION, P_RATIO)) {
        return; /* null is less than nothing */
    }
    ft__alert_begin(d, FT_RULE_AMPLIFICATION, note, !server, &a);
    a.first_ns = v->first_ns < note->first_ns ? v->first_ns : note->first_ns;
    a.last_ns = v->last_ns;
    a.has_port = true;
    a.port = note->port[server];
    a.value = (double)v->answered;
    a.threshold = ft__value(d, FT_RULE_AMPLIFICATION, P_BYTES);
    a.ratio = ratio;
    a.flows = v->flows;
    a.hosts = v->n_sources;
    a.packets = v->packets;
    a.bytes_in = v->answered;
    a.bytes_out = v->asked;
    ft__ids_say(&v->ids, &a);
    ft__raise(d, FT_RULE_AMPLIFICATION, &a);
}
