/* SPDX-License-Identifier: Apache-2.0 */
/* detect: the rules: their names, sources, thresholds, and what a file (--rules) says of them. */
#ifndef FT_DETECT_RULES_H
#define FT_DETECT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "model/alert.h"
#include "model/prefix.h"

enum ft_rule_id {
    FT_RULE_ADDRESS_SCAN,
    FT_RULE_PORT_SCAN,
    FT_RULE_TRW_SCAN,
    FT_RULE_SYN_FLOOD,
    FT_RULE_VOLUME_FLOOD,
    FT_RULE_AMPLIFICATION,
    FT_RULE_BEACON,
    FT_RULE_LONG_CONNECTION,
    FT_RULE_EXFILTRATION,
    FT_RULE_NEW_HOST,
    FT_RULE_NEW_PEER,
    FT_RULE_NEW_SERVICE,
    FT_RULE_DNS_TUNNEL,
    FT_RULE_DGA,
    FT_RULE_POLICY,
    FT_RULE__COUNT
};

enum {
    FT_RULE_PARAMS = 6,
    FT_RULE_NETWORKS = 64, /* of allow, and of networks */
    FT_DENY_MAX = 256,
    FT_DENY_NAME = 48,
    FT_RULES_BYTES = 1 << 20
};

/* A threshold. */
struct ft_rule_param {
    const char *name, *unit;
    double def, min, max;
    bool whole; /* it is a whole number */
    const char *meaning;
};

/* A row for each rule; static. */
struct ft_rule {
    const char *name, *source, *meaning;
    uint8_t severity; /* enum ft_severity */
    uint8_t entity;   /* enum ft_entity */
    uint8_t again;    /* which threshold, from 1 on, stands for entity_s; 0: none does */
    struct ft_rule_param param[FT_RULE_PARAMS]; /* up to the first without a name */
};

extern const struct ft_rule ft_rules_known[FT_RULE__COUNT];

struct ft_rule_networks {
    struct ft_prefix list[FT_RULE_NETWORKS];
    uint32_t n;
};

/* What holds of a rule now. */
struct ft_rule_set {
    bool on;
    bool severity_given;
    uint8_t severity;
    double value[FT_RULE_PARAMS];
    struct ft_rule_networks allow;    /* no alert about these */
    struct ft_rule_networks networks; /* n > 0: alerts about these only */
};

/* Who must not talk: policy. */
struct ft_deny {
    struct ft_prefix from, to;   /* bits 0 and ip_version 0: anybody */
    uint16_t port_from, port_to; /* of the responder; 0 to 65535: any */
    int16_t proto;               /* -1: any */
    char name[FT_DENY_NAME];     /* NUL-terminated; letters, digits and ._- */
};

struct ft_rules {
    struct ft_rule_set rule[FT_RULE__COUNT];
    struct ft_rule_networks internal; /* one's own; n == 0: nobody knows */
    struct ft_deny deny[FT_DENY_MAX];
    uint32_t n_deny;
    double entity_s;     /* an entity has one alert of a rule in so long */
    uint32_t per_second; /* alerts of all together, in a second of packet time */
};

/* The rules as they are without a file. Caller frees with ft_rules_free(). NULL: no memory. */
FT_NODISCARD struct ft_rules *ft_rules_new(void);
void ft_rules_free(struct ft_rules *r);

/* Reads YAML into r, over what is there. FT_E_USAGE: line, key, value and what is allowed are in
 * err; FT_E_UNSUPPORTED: built without libyaml; FT_E_NOMEM. */
FT_NODISCARD int ft_rules_parse(struct ft_rules *r, const char *text, size_t len,
                                struct ft_err *err);

/* Is an address in one of them? */
bool ft_rule_networks_hold(const struct ft_rule_networks *n, uint8_t ip_version,
                           const uint8_t *addr);

#endif
