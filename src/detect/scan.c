/* SPDX-License-Identifier: Apache-2.0 */
/* detect: address_scan and port_scan, as Zeek's scan.zeek (up to v6) defines them: failed TCP
 * connections to so many hosts on one port, or ports of one host, within a time. Beyond Zeek, what
 * nobody but a scanner does: TCP of no connection (FIN, NULL, Xmas); echo requests to hosts that do
 * not answer; UDP to ports of one host that do not, but for those of traceroute. UDP to many hosts
 * is none: name servers are lame, and peers of file sharing gone, as a matter of course. Which
 * flows count: those whose beginnings lie within the time of the newest beginning. */
#include <stddef.h>
#include <string.h>

#include "detect/state.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { TRACEROUTE = 33434, TRACEROUTE_END = 33690 };

/* A source and a port; or a source and a host. */
struct scan {
    struct ft__entity head;
    uint32_t flows;   /* since first_ns */
    int64_t first_ns; /* of the flows, all of which a gap of a span parts from those before */
    int64_t last_ns;
    struct ft__ids ids;
    struct ft__recent tried; /* hashes of hosts, or ports */
};

size_t ft__scan_entity(size_t *out_clear)
{
    *out_clear = offsetof(struct scan, tried.of);
    return sizeof(struct scan);
}

static struct scan *count(struct ft_detect *d, enum ft__table_id id, const struct ft__host_key *key,
                          const struct ft_note *note, uint32_t what)
{
    bool fresh;
    struct scan *s = ft__entity_get(d, id, key, note->at_ns, &fresh);

    if (fresh) {
        s->first_ns = s->last_ns = note->first_ns;
    }
    if (note->first_ns < s->first_ns) {
        s->first_ns = note->first_ns;
    }
    s->last_ns = note->last_ns > s->last_ns ? note->last_ns : s->last_ns;
    s->flows++;
    ft__ids_add(&s->ids, note->flow_id);
    ft__recent_add(&s->tried, what, note->first_ns, d->tables[id].span_ns);
    s->head.weight = s->tried.n;
    return s;
}

static void say(struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                const struct scan *s)
{
    double most = ft__value(d, rule, 0);
    struct ft_alert a;

    if (s->tried.n < most) {
        return;
    }
    ft__alert_begin(d, rule, note, 0, &a);
    a.first_ns = s->first_ns;
    a.last_ns = s->last_ns;
    a.value = s->tried.n;
    a.threshold = most;
    a.has_port = rule == FT_RULE_ADDRESS_SCAN;
    a.flows = a.failed = s->flows;
    a.hosts = rule == FT_RULE_ADDRESS_SCAN ? s->tried.n : 1;
    a.ports = rule == FT_RULE_ADDRESS_SCAN ? 1 : s->tried.n;
    ft__ids_say(&s->ids, &a);
    ft__raise(d, rule, &a);
}

/* Of flows that count: by which rules? */
static bool counts_hosts(const struct ft_note *note)
{
    return note->proto != PROTO_UDP;
}

static bool counts_ports(const struct ft_note *note)
{
    return note->proto == PROTO_TCP || note->proto == PROTO_UDP;
}

/* UDP that nobody answers, to what may be a service; from a lower port, or that of a service, it is
 * an answer itself: of an amplifier, to a question that was forged. */
static bool is_udp_probe(const struct ft_note *note)
{
    uint16_t from = note->port[0], to = note->port[1];

    return (note->bits & FT_NOTE_FAILED) != 0 && from > to && !ft__amplifies(from) &&
           (to < TRACEROUTE || to >= TRACEROUTE_END);
}

bool ft__is_scan(const struct ft_note *note)
{
    bool failed = (note->bits & FT_NOTE_FAILED) != 0;

    if ((note->bits & (FT_NOTE_ON | FT_NOTE_GROUP | FT_NOTE_ANSWER)) != 0) {
        return false;
    }
    if (note->proto == PROTO_UDP) {
        return is_udp_probe(note);
    }
    return (failed && note->proto == PROTO_TCP) || (note->bits & FT_NOTE_PROBE) != 0;
}

void ft__detect_scan(struct ft_detect *d, const struct ft_note *note)
{
    struct ft__host_key key;

    if (!ft__is_scan(note)) {
        return;
    }
    key = ft__key_of(note, 0);
    key.proto = note->proto;
    if (counts_hosts(note) && ft__is_watched(d, FT_RULE_ADDRESS_SCAN, note, 0)) {
        key.port = note->port[1];
        say(d, FT_RULE_ADDRESS_SCAN, note,
            count(d, FT__ADDRESS_SCANS, &key, note, ft__host_hash(d, note->addr[1])));
    }
    if (counts_ports(note) && ft__is_watched(d, FT_RULE_PORT_SCAN, note, 0)) {
        key.port = 0;
        memcpy(key.peer, note->addr[1], sizeof key.peer);
        say(d, FT_RULE_PORT_SCAN, note, count(d, FT__PORT_SCANS, &key, note, note->port[1]));
    }
}
