/* SPDX-License-Identifier: Apache-2.0 */
/* detect: from what a detector found to an alert, or to none: see state.h. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "detect/state.h"
#include "model/field.h"

/* An entity that had an alert of a rule. */
struct limit {
    struct ft__entity head;
    int64_t at_ns;    /* its last one */
    bool said;        /* there was one */
    uint8_t severity; /* of it */
    uint64_t kept;    /* alerts kept back since */
};

size_t ft__limit_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct limit);
    return sizeof(struct limit);
}

void ft__ids_say(const struct ft__ids *ids, struct ft_alert *a)
{
    uint32_t n = ids->n < FT_ALERT_FLOWS ? ids->n : FT_ALERT_FLOWS;

    for (uint32_t i = 0; i < n; i++) {
        a->flow_id[i] = ids->id[(ids->n - n + i) % FT_ALERT_FLOWS];
    }
    a->n_flow_ids = n;
}

/* The thresholds that hold, as text. */
static void say_used(const struct ft_detect *d, enum ft_rule_id rule, struct ft_alert *a)
{
    const struct ft_rule_param *p = ft_rules_known[rule].param;
    size_t at = 0;

    for (int i = 0; i < FT_RULE_PARAMS && p[i].name != NULL; i++) {
        int n = snprintf(a->used + at, sizeof a->used - at, "%s%s=%.10g", i > 0 ? ";" : "",
                         p[i].name, ft__value(d, rule, i));

        at += n > 0 ? (size_t)n : 0;
    }
    if (a->deny != NULL) {
        snprintf(a->used, sizeof a->used, "deny=%s", a->deny);
    }
}

void ft__alert_begin(const struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                     int blame, struct ft_alert *a)
{
    ft_alert_clear(a);
    a->timestamp_ns = note->at_ns;
    a->first_ns = note->first_ns;
    a->last_ns = note->last_ns;
    a->rule = ft_rules_known[rule].name;
    a->source = ft_rules_known[rule].source;
    a->severity = d->rules->rule[rule].severity;
    a->entity = ft_rules_known[rule].entity;
    a->ip_version = note->ip_version;
    memcpy(a->address, note->addr[blame], sizeof a->address);
    memcpy(a->peer, note->addr[!blame], sizeof a->peer);
    a->has_peer = a->entity == FT_ENTITY_PAIR;
    a->has_proto = true;
    a->proto = note->proto;
    a->port = note->port[1];
}

bool ft__is_watched(const struct ft_detect *d, enum ft_rule_id rule, const struct ft_note *note,
                    int blame)
{
    const struct ft_rule_set *r = &d->rules->rule[rule];

    if (!r->on) {
        return false;
    }
    if (r->allow.n > 0 && (ft_rule_networks_hold(&r->allow, note->ip_version, note->addr[0]) ||
                           ft_rule_networks_hold(&r->allow, note->ip_version, note->addr[1]))) {
        return false;
    }
    return r->networks.n == 0 ||
           ft_rule_networks_hold(&r->networks, note->ip_version, note->addr[blame]);
}

bool ft__goes_out(const struct ft_detect *d, const struct ft_note *note)
{
    const struct ft_rule_networks *own = &d->rules->internal;
    const uint8_t *to = note->addr[1];
    bool link = note->ip_version == 6 ? to[0] == 0xfe && (to[1] & 0xc0) == 0x80
                                      : to[0] == 169 && to[1] == 254;

    return own->n == 0 || (ft_rule_networks_hold(own, note->ip_version, note->addr[0]) &&
                           !ft_rule_networks_hold(own, note->ip_version, to) && !link);
}

void ft__alert_band(const struct ft_detect *d, enum ft_rule_id rule, uint32_t band,
                    struct ft_alert *a)
{
    if (!d->rules->rule[rule].severity_given) {
        a->severity = (uint8_t)(band < FT_SEVERITY__COUNT ? band : FT_SEVERITY_CRITICAL);
    }
}

uint32_t ft__host_hash(const struct ft_detect *d, const uint8_t *addr)
{
    return (uint32_t)(ft_hash_16(&d->cfg.seed, ft_load_u64(addr), ft_load_u64(addr + 8)) >> 32);
}

/* False: so many were said in this second already. */
static bool is_within_bound(struct ft_detect *d, int64_t at_ns)
{
    int64_t second = ft_time_floor(at_ns, 1000000000);

    if (second != d->second) {
        d->second = second;
        d->in_second = 0;
    }
    return d->in_second++ < d->rules->per_second;
}

/* An entity has one alert of a rule in so long. */
static int64_t again_ns(const struct ft_detect *d, enum ft_rule_id rule)
{
    uint8_t again = ft_rules_known[rule].again;

    return again > 0 ? ft__span_ns(d, rule, again - 1) : d->entity_ns;
}

void ft__raise(struct ft_detect *d, enum ft_rule_id rule, struct ft_alert *a)
{
    struct ft__host_key key = {.version = a->ip_version, .rule = (uint32_t)rule + 1};
    struct limit *l;
    bool fresh;

    memcpy(key.addr, a->address, sizeof key.addr);
    if (a->entity == FT_ENTITY_PAIR) {
        memcpy(key.peer, a->peer, sizeof key.peer);
    } else if (a->entity == FT_ENTITY_SERVICE) {
        key.port = a->port;
        key.proto = a->proto;
    }
    if (rule == FT_RULE_DNS_TUNNEL) { /* each domain by itself: its hash, see asked.c */
        memcpy(key.peer, a->peer, sizeof key.peer);
    }
    l = ft__entity_get(d, FT__LIMITS, &key, a->timestamp_ns, &fresh);
    int64_t ago = ft_time_sub(a->timestamp_ns, l->at_ns);

    if (!fresh && l->said && ago >= 0 && ago < again_ns(d, rule) && a->severity <= l->severity) {
        l->kept++;
        ft_count_add(&d->suppressed, 1);
        return;
    }
    if (!is_within_bound(d, a->timestamp_ns)) {
        l->kept++;
        ft_count_add(&d->suppressed, 1);
        return;
    }
    a->has_port = a->has_port && ft_proto_has_ports(a->proto);
    a->suppressed = l->kept;
    l->kept = 0;
    l->said = true;
    l->at_ns = a->timestamp_ns;
    l->severity = a->severity;
    l->head.weight++;
    say_used(d, rule, a);
    ft_alert_say_ids(a);
    ft_count_add(&d->alerts, 1);
    if (d->emit != NULL) {
        d->emit(d->cookie, a);
    }
}
