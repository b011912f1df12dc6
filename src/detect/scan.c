/* SPDX-License-Identifier: Apache-2.0 */
/* detect: address_scan and port_scan, as Zeek's scan.zeek (up to v6) defines them: failed TCP
 * connections to so many hosts on one port, or ports of one host, within a time. Which flows
 * count: those whose beginnings lie within the time of the newest beginning. */
#include <string.h>

#include "base/time.h"
#include "detect/state.h"

enum { PROTO_TCP = 6, MS = 1000000 };

/* A source and a port; or a source and a host. */
struct scan {
    struct ft__entity head;
    uint32_t n;       /* distinct ones, of which some may be over */
    uint32_t flows;   /* since first_ns */
    int64_t first_ns; /* of the flows, all of which a gap of a span parts from those before */
    int64_t last_ns, newest_ns;
    struct ft__ids ids;
    uint32_t at_ms[FT__PEERS]; /* [n]: when it was tried last; likewise: */
    uint32_t what[FT__PEERS];  /* hash of the host, or port */
};

size_t ft__scan_entity(void)
{
    return sizeof(struct scan);
}

static uint32_t as_ms(int64_t ns)
{
    return (uint32_t)(uint64_t)ft_time_floor(ns, MS);
}

/* It tried this one. Those that are over leave. */
static void try_one(struct scan *s, uint32_t what, int64_t first_ns, int64_t span_ns)
{
    uint32_t now = as_ms(s->newest_ns), at = as_ms(first_ns), kept = 0, oldest = 0;
    int32_t span = (int32_t)(span_ns / MS);

    for (uint32_t i = 0; i < s->n; i++) {
        if (s->what[i] == what || (int32_t)(now - s->at_ms[i]) > span) {
            at = s->what[i] == what && (int32_t)(s->at_ms[i] - at) > 0 ? s->at_ms[i] : at;
            continue;
        }
        s->what[kept] = s->what[i];
        s->at_ms[kept] = s->at_ms[i];
        oldest = (int32_t)(s->at_ms[kept] - s->at_ms[oldest]) < 0 ? kept : oldest;
        kept++;
    }
    if (kept < FT__PEERS) {
        oldest = kept++;
    }
    s->what[oldest] = what;
    s->at_ms[oldest] = at;
    s->n = kept;
}

static struct scan *count(struct ft__hosts *t, const struct ft__host_key *key,
                          const struct ft_note *note, uint32_t what)
{
    bool fresh;
    struct scan *s = ft__hosts_get(t, key, note->at_ns, &fresh);

    if (fresh) {
        s->first_ns = s->last_ns = s->newest_ns = note->first_ns;
    }
    if (note->first_ns < s->first_ns) {
        s->first_ns = note->first_ns;
    }
    s->last_ns = note->last_ns > s->last_ns ? note->last_ns : s->last_ns;
    s->newest_ns = note->first_ns > s->newest_ns ? note->first_ns : s->newest_ns;
    s->flows++;
    ft__ids_add(&s->ids, note->flow_id);
    try_one(s, what, note->first_ns, t->span_ns);
    s->head.weight = s->n;
    return s;
}

static void say(struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                const struct scan *s)
{
    double most = ft__value(d, rule, 0);
    struct ft_alert a;

    if (s->n < most) {
        return;
    }
    ft__alert_begin(d, rule, note, 0, &a);
    a.first_ns = s->first_ns;
    a.last_ns = s->last_ns;
    a.value = s->n;
    a.threshold = most;
    a.has_port = rule == FT_RULE_ADDRESS_SCAN;
    a.flows = a.failed = s->flows;
    a.hosts = rule == FT_RULE_ADDRESS_SCAN ? s->n : 1;
    a.ports = rule == FT_RULE_ADDRESS_SCAN ? 1 : s->n;
    ft__ids_say(&s->ids, &a);
    ft__raise(d, rule, &a);
}

static uint32_t host_hash(const struct ft_detect *d, const uint8_t *addr)
{
    return (uint32_t)(ft_hash_16(&d->cfg.seed, ft_load_u64(addr), ft_load_u64(addr + 8)) >> 32);
}

void ft__detect_scan(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key;

    if ((note->bits & (FT_NOTE_FAILED | FT_NOTE_ON | FT_NOTE_GROUP | FT_NOTE_ANSWER)) !=
            FT_NOTE_FAILED ||
        note->proto != PROTO_TCP) {
        return;
    }
    key = ft__key_of(note, 0);
    if (ft__is_watched(d, FT_RULE_ADDRESS_SCAN, note, 0)) {
        key.port = note->port[1];
        key.proto = note->proto;
        say(d, FT_RULE_ADDRESS_SCAN, note,
            count(&d->address_scans, &key, note, host_hash(d, note->addr[1])));
    }
    if (ft__is_watched(d, FT_RULE_PORT_SCAN, note, 0)) {
        key.port = 0;
        memcpy(key.peer, note->addr[1], sizeof key.peer);
        say(d, FT_RULE_PORT_SCAN, note, count(&d->port_scans, &key, note, note->port[1]));
    }
}
