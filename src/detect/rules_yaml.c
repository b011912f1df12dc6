/* SPDX-License-Identifier: Apache-2.0 */
/* detect: rules from YAML: a mapping of rules' names to mappings of what holds of them. See rules.h
 * and docs/detectors.md. The parser's events are taken one by one, and the first that has no place
 * ends the load. */
#include "detect/rules.h"

#ifdef FT_HAVE_YAML

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { ALLOWED = 200, KEYS = 16, KEY_BYTES = 24 };

struct loader {
    struct ft_rules *to;
    yaml_parser_t parser;
    yaml_event_t event; /* in hand */
    bool has;           /* it is to be deleted */
    uint32_t seen;      /* rules, a bit each */
    struct ft_err *err;
};

/* ---- events ---- */

static int fail(struct loader *l, const char *key, const char *value, const char *allowed)
{
    return ft_err_set(l->err, FT_E_USAGE, "line %zu: %.40s: %.40s: allowed: %.160s",
                      l->event.start_mark.line + 1, key, value, allowed);
}

static int next(struct loader *l)
{
    if (l->has) {
        yaml_event_delete(&l->event);
    }
    l->has = yaml_parser_parse(&l->parser, &l->event) != 0;
    if (!l->has) {
        return ft_err_set(l->err, l->parser.error == YAML_MEMORY_ERROR ? FT_E_NOMEM : FT_E_USAGE,
                          "line %zu: %s", l->parser.problem_mark.line + 1,
                          l->parser.problem != NULL ? l->parser.problem : "it is not YAML");
    }
    return FT_OK;
}

static bool is_scalar(const struct loader *l)
{
    return l->event.type == YAML_SCALAR_EVENT && l->event.data.scalar.anchor == NULL &&
           l->event.data.scalar.tag == NULL &&
           strlen((const char *)l->event.data.scalar.value) == l->event.data.scalar.length;
}

static const char *text(const struct loader *l)
{
    return (const char *)l->event.data.scalar.value;
}

/* What is in hand, for a message. */
static const char *shown(const struct loader *l)
{
    switch (l->event.type) {
    case YAML_SCALAR_EVENT:
        return is_scalar(l) ? text(l) : "a value with an anchor, a tag or a NUL";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "a mapping";
    case YAML_ALIAS_EVENT:
        return "an alias";
    default:
        return "nothing";
    }
}

/* The next event is one plain value. */
static int scalar(struct loader *l, const char *key, const char *allowed)
{
    int rc = next(l);

    return rc == FT_OK && !is_scalar(l) ? fail(l, key, shown(l), allowed) : rc;
}

/* Keys of a mapping so far; what is longer or more is none of ours, and told as that. */
struct keys {
    char name[KEYS][KEY_BYTES];
    uint32_t n;
};

/* The key in hand, for the first time in its mapping. */
static int once(struct loader *l, struct keys *keys)
{
    size_t len = is_scalar(l) ? strlen(text(l)) : KEY_BYTES;

    for (uint32_t i = 0; i < keys->n && len < KEY_BYTES; i++) {
        if (strcmp(keys->name[i], text(l)) == 0) {
            return fail(l, text(l), "stands here twice", "once");
        }
    }
    if (len < KEY_BYTES && keys->n < KEYS) {
        memcpy(keys->name[keys->n++], text(l), len + 1);
    }
    return FT_OK;
}

/* Each item of a list, or the one plain value that stands for it. */
static int each(struct loader *l, const char *key, const char *allowed,
                int (*item)(struct loader *l, const char *key, void *to), void *to)
{
    int rc = next(l);

    if (rc != FT_OK || is_scalar(l)) {
        return rc != FT_OK ? rc : item(l, key, to);
    }
    if (l->event.type != YAML_SEQUENCE_START_EVENT) {
        return fail(l, key, shown(l), allowed);
    }
    for (;;) {
        rc = next(l);
        if (rc != FT_OK || l->event.type == YAML_SEQUENCE_END_EVENT) {
            return rc;
        }
        rc = is_scalar(l) ? item(l, key, to) : fail(l, key, shown(l), allowed);
        if (rc != FT_OK) {
            return rc;
        }
    }
}

/* ---- values ---- */

static int flag(struct loader *l, const char *key, bool *out)
{
    static const char allowed[] = "true or false";
    int rc = scalar(l, key, allowed);

    if (rc != FT_OK) {
        return rc;
    }
    *out = strcmp(text(l), "true") == 0;
    return *out || strcmp(text(l), "false") == 0 ? FT_OK : fail(l, key, text(l), allowed);
}

static int number(struct loader *l, const char *key, double min, double max, bool whole,
                  double *out)
{
    char allowed[ALLOWED], *end;
    double v;

    snprintf(allowed, sizeof allowed, "a %snumber from %.10g to %.10g", whole ? "whole " : "", min,
             max);
    int rc = scalar(l, key, allowed);

    if (rc != FT_OK) {
        return rc;
    }
    errno = 0;
    v = strtod(text(l), &end);
    if (end == text(l) || *end != '\0' || errno != 0 || !(v >= min && v <= max) ||
        (whole && v != (double)(int64_t)v)) {
        return fail(l, key, text(l), allowed);
    }
    *out = v;
    return FT_OK;
}

static int severity(struct loader *l, const char *key, struct ft_rule_set *to)
{
    static const char allowed[] = "low, medium, high or critical";
    int rc = scalar(l, key, allowed);

    for (enum ft_severity s = 0; rc == FT_OK && s < FT_SEVERITY__COUNT; s++) {
        if (strcmp(text(l), ft_severity_name(s)) == 0) {
            to->severity = (uint8_t)s;
            to->severity_given = true;
            return FT_OK;
        }
    }
    return rc == FT_OK ? fail(l, key, text(l), allowed) : rc;
}

static const char networks_allowed[] =
    "at most 64 networks or addresses, e.g. [10.0.0.0/8, 2001:db8::1]";

static int network(struct loader *l, const char *key, void *to)
{
    struct ft_rule_networks *n = to;

    if (n->n == FT_RULE_NETWORKS || ft_prefix_parse(text(l), &n->list[n->n]) != FT_OK) {
        return fail(l, key, text(l), networks_allowed);
    }
    n->n++;
    return FT_OK;
}

/* ---- who must not talk ---- */

static int deny_ports(struct loader *l, const char *key, struct ft_deny *to)
{
    static const char allowed[] = "a port, or two with a dash: 0 to 65535";
    unsigned from, until;
    char rest;
    int rc = scalar(l, key, allowed);

    if (rc != FT_OK) {
        return rc;
    }
    int n = sscanf(text(l), "%5u-%5u%c", &from, &until, &rest);

    if (n == 1) {
        until = from;
        n = sscanf(text(l), "%5u%c", &from, &rest) == 1 ? 2 : 0;
    }
    if (n != 2 || until > 65535 || from > until || text(l)[0] < '0' || text(l)[0] > '9') {
        return fail(l, key, text(l), allowed);
    }
    to->port_from = (uint16_t)from;
    to->port_to = (uint16_t)until;
    return FT_OK;
}

static int deny_protocol(struct loader *l, const char *key, struct ft_deny *to)
{
    static const struct {
        const char *name;
        int16_t proto;
    } known[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"sctp", 132}};
    static const char allowed[] = "tcp, udp, icmp, icmpv6, sctp or a number from 0 to 255";
    int rc = scalar(l, key, allowed);
    char *end;

    if (rc != FT_OK) {
        return rc;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(text(l), known[i].name) == 0) {
            to->proto = known[i].proto;
            return FT_OK;
        }
    }
    unsigned long v = strtoul(text(l), &end, 10);

    if (text(l)[0] < '0' || text(l)[0] > '9' || *end != '\0' || v > 255) {
        return fail(l, key, text(l), allowed);
    }
    to->proto = (int16_t)v;
    return FT_OK;
}

static int deny_name(struct loader *l, const char *key, struct ft_deny *to)
{
    static const char allowed[] = "at most 47 letters, digits, dots, dashes and underscores";
    static const char these[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    int rc = scalar(l, key, allowed);

    if (rc != FT_OK) {
        return rc;
    }
    size_t len = strlen(text(l));

    if (len == 0 || len >= sizeof to->name || strspn(text(l), these) != len) {
        return fail(l, key, text(l), allowed);
    }
    memcpy(to->name, text(l), len + 1);
    return FT_OK;
}

static int deny_network(struct loader *l, const char *key, struct ft_prefix *to)
{
    static const char allowed[] = "a network or an address, e.g. 10.0.0.0/8";
    int rc = scalar(l, key, allowed);

    return rc == FT_OK && ft_prefix_parse(text(l), to) != FT_OK ? fail(l, key, text(l), allowed)
                                                                : rc;
}

/* One item of deny. */
static int deny_item(struct loader *l)
{
    struct ft_deny *to = &l->to->deny[l->to->n_deny];
    struct keys keys = {.n = 0};
    int rc = FT_OK;

    if (l->to->n_deny == FT_DENY_MAX || l->event.type != YAML_MAPPING_START_EVENT) {
        return fail(l, "deny", shown(l),
                    "at most 256 mappings of from, to, port, protocol and name");
    }
    *to = (struct ft_deny){.port_to = UINT16_MAX, .proto = -1};
    while ((rc = next(l)) == FT_OK && l->event.type != YAML_MAPPING_END_EVENT) {
        const char *key = is_scalar(l) ? text(l) : "";

        rc = once(l, &keys);
        if (rc != FT_OK) {
            return rc;
        }
        rc = strcmp(key, "from") == 0       ? deny_network(l, "from", &to->from)
             : strcmp(key, "to") == 0       ? deny_network(l, "to", &to->to)
             : strcmp(key, "port") == 0     ? deny_ports(l, "port", to)
             : strcmp(key, "protocol") == 0 ? deny_protocol(l, "protocol", to)
             : strcmp(key, "name") == 0
                 ? deny_name(l, "name", to)
                 : fail(l, "deny", shown(l), "from, to, port, protocol, name");
        if (rc != FT_OK) {
            return rc;
        }
    }
    l->to->n_deny++;
    return rc;
}

static int deny_list(struct loader *l)
{
    int rc = next(l);

    if (rc == FT_OK && l->event.type != YAML_SEQUENCE_START_EVENT) {
        return fail(l, "deny", shown(l), "a list of mappings");
    }
    while (rc == FT_OK && (rc = next(l)) == FT_OK && l->event.type != YAML_SEQUENCE_END_EVENT) {
        rc = deny_item(l);
    }
    return rc;
}

/* ---- rules ---- */

/* What a rule's mapping may hold. */
static int unknown_key(struct loader *l, enum ft_rule_id rule)
{
    const struct ft_rule_param *p = ft_rules_known[rule].param;
    char allowed[ALLOWED];
    int n = snprintf(allowed, sizeof allowed, "enabled, severity, allow, networks%s",
                     rule == FT_RULE_POLICY ? ", deny" : "");

    for (int i = 0; i < FT_RULE_PARAMS && p[i].name != NULL && n > 0 && n < ALLOWED; i++) {
        n += snprintf(allowed + n, sizeof allowed - (size_t)n, ", %s", p[i].name);
    }
    return fail(l, ft_rules_known[rule].name, shown(l), allowed);
}

static int rule_key(struct loader *l, enum ft_rule_id rule)
{
    const struct ft_rule_param *p = ft_rules_known[rule].param;
    struct ft_rule_set *to = &l->to->rule[rule];
    const char *key = is_scalar(l) ? text(l) : "";

    if (strcmp(key, "enabled") == 0) {
        return flag(l, "enabled", &to->on);
    }
    if (strcmp(key, "severity") == 0) {
        return severity(l, "severity", to);
    }
    if (strcmp(key, "allow") == 0) {
        to->allow.n = 0;
        return each(l, "allow", networks_allowed, network, &to->allow);
    }
    if (strcmp(key, "networks") == 0) {
        to->networks.n = 0;
        return each(l, "networks", networks_allowed, network, &to->networks);
    }
    if (rule == FT_RULE_POLICY && strcmp(key, "deny") == 0) {
        return deny_list(l);
    }
    for (int i = 0; i < FT_RULE_PARAMS && p[i].name != NULL; i++) {
        if (strcmp(key, p[i].name) == 0) {
            return number(l, p[i].name, p[i].min, p[i].max, p[i].whole, &to->value[i]);
        }
    }
    return unknown_key(l, rule);
}

static int limits_key(struct loader *l)
{
    const char *key = is_scalar(l) ? text(l) : "";
    double v = 0;
    int rc;

    if (strcmp(key, "entity_s") == 0) {
        return number(l, "entity_s", 0, 86400, false, &l->to->entity_s);
    }
    if (strcmp(key, "per_second") == 0) {
        rc = number(l, "per_second", 1, 1000000, true, &v);
        l->to->per_second = rc == FT_OK ? (uint32_t)v : l->to->per_second;
        return rc;
    }
    return fail(l, "limits", shown(l), "entity_s, per_second");
}

/* Thresholds that must have an order have it. */
static int in_order(struct loader *l, enum ft_rule_id rule)
{
    const struct ft_rule_param *p = ft_rules_known[rule].param;
    const double *v = l->to->rule[rule].value;
    bool bands = rule == FT_RULE_LONG_CONNECTION || rule == FT_RULE_DNS_TUNNEL;
    char value[ALLOWED], allowed[ALLOWED];

    for (int i = 1; i < FT_SEVERITY__COUNT && (bands || rule == FT_RULE_TRW_SCAN); i++) {
        if (bands ? v[i] < v[i - 1] : i == 1 && v[i] >= v[i - 1]) {
            snprintf(value, sizeof value, "%.10g", v[i]);
            snprintf(allowed, sizeof allowed, "%s %s, which is %.10g",
                     bands ? "no less than" : "less than", p[i - 1].name, v[i - 1]);
            return fail(l, p[i].name, value, allowed);
        }
    }
    return FT_OK;
}

/* The mapping of a rule; rule FT_RULE__COUNT: of limits. */
static int mapping(struct loader *l, enum ft_rule_id rule)
{
    const char *name = rule < FT_RULE__COUNT ? ft_rules_known[rule].name : "limits";
    struct keys keys = {.n = 0};
    int rc = next(l);

    if (rc == FT_OK && l->event.type != YAML_MAPPING_START_EVENT) {
        return fail(l, name, shown(l), "a mapping");
    }
    while (rc == FT_OK && (rc = next(l)) == FT_OK && l->event.type != YAML_MAPPING_END_EVENT) {
        rc = once(l, &keys);
        if (rc == FT_OK) {
            rc = rule < FT_RULE__COUNT ? rule_key(l, rule) : limits_key(l);
        }
    }
    return rc == FT_OK && rule < FT_RULE__COUNT ? in_order(l, rule) : rc;
}

static int unknown_rule(struct loader *l)
{
    char allowed[ALLOWED * 2];
    int n = snprintf(allowed, sizeof allowed, "limits");

    for (int i = 0; i < FT_RULE__COUNT && n > 0 && n < (int)sizeof allowed; i++) {
        n += snprintf(allowed + n, sizeof allowed - (size_t)n, ", %s", ft_rules_known[i].name);
    }
    return ft_err_set(l->err, FT_E_USAGE, "line %zu: %.40s: no such rule; there are %s, internal",
                      l->event.start_mark.line + 1, shown(l), allowed);
}

static int rule(struct loader *l)
{
    const char *key = is_scalar(l) ? text(l) : "";
    int i = 0;

    while (i < FT_RULE__COUNT && strcmp(key, ft_rules_known[i].name) != 0) {
        i++;
    }
    i += strcmp(key, "internal") == 0;
    if (i == FT_RULE__COUNT && strcmp(key, "limits") != 0) {
        return unknown_rule(l);
    }
    if ((l->seen >> i & 1) != 0) {
        return fail(l, key, "stands here twice", "once");
    }
    l->seen |= 1u << i;
    if (i > FT_RULE__COUNT) {
        l->to->internal.n = 0;
        return each(l, "internal", networks_allowed, network, &l->to->internal);
    }
    return mapping(l, (enum ft_rule_id)i);
}

/* Unquoted nothing: an empty file. */
static bool is_nothing(const struct loader *l)
{
    return l->event.type == YAML_SCALAR_EVENT && l->event.data.scalar.length == 0;
}

static int document(struct loader *l)
{
    int rc;
    bool in = false;

    while ((rc = next(l)) == FT_OK && l->event.type != YAML_STREAM_END_EVENT) {
        if (l->event.type == YAML_MAPPING_START_EVENT && !in) {
            in = true;
        } else if (l->event.type == YAML_SCALAR_EVENT && in) {
            rc = rule(l);
        } else if (in && l->event.type == YAML_MAPPING_END_EVENT) {
            continue;
        } else if (l->event.type != YAML_STREAM_START_EVENT &&
                   l->event.type != YAML_DOCUMENT_START_EVENT &&
                   l->event.type != YAML_DOCUMENT_END_EVENT && !is_nothing(l)) {
            rc = fail(l, "rules", shown(l), "one mapping of rules");
        }
        if (rc != FT_OK) {
            return rc;
        }
    }
    return rc;
}

int ft_rules_parse(struct ft_rules *r, const char *text, size_t len, struct ft_err *err)
{
    struct loader l = {.to = r, .err = err};
    int rc;

    if (!yaml_parser_initialize(&l.parser)) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)text, len);
    rc = document(&l);
    if (l.has) {
        yaml_event_delete(&l.event);
    }
    yaml_parser_delete(&l.parser);
    return rc;
}

#else

int ft_rules_parse(struct ft_rules *r, const char *text, size_t len, struct ft_err *err)
{
    (void)r;
    (void)text;
    (void)len;
    return ft_err_set(err, FT_E_UNSUPPORTED,
                      "this build reads no rules: it was made without "
                      "libyaml");
}

#endif
