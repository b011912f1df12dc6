/* SPDX-License-Identifier: Apache-2.0 */
/* config: values from text, checked by the option table. */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/endpoint.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/whole.h"
#include "config/options.h"
#include "config/url.h"
#include "model/columns.h"
#include "model/networks.h"
#include "model/where.h"

enum { SHOWN_LEN = 80, AUTHORITIES_MOST = 8 << 20 };

const struct ft_option *ft_option_at(uint32_t i)
{
    struct ft__option_ref row;

    return ft__option_row(i, &row) ? row.option : NULL;
}

const char *ft_profile_at(uint32_t i, const char **out_meaning)
{
    return ft_profile_name(i, out_meaning);
}

/* ---- names ---- */

/* What the user wrote, short enough that the rest of the message has room; never cut inside a
 * character. */
static const char *shown(const char *value, char out[SHOWN_LEN])
{
    size_t len = strlen(value), n = SHOWN_LEN - 4;

    if (len < SHOWN_LEN) {
        memcpy(out, value, len + 1);
        return out;
    }
    while (n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80) {
        n--;
    }
    memcpy(out, value, n);
    memcpy(out + n, "...", 4);
    return out;
}

static const char *command_name(enum ft_command c)
{
    return c == FT_CMD_LIVE ? "live" : c == FT_CMD_READ ? "read" : "collect";
}

int ft__option_find(const struct ft_config *cfg, const char *where, const char *name,
                    uint32_t *out_i, struct ft_err *err)
{
    struct ft_nearest nearest = {0};
    const struct ft_option *o;
    char text[SHOWN_LEN];

    for (uint32_t i = 0; (o = ft_option_at(i)) != NULL; i++) {

        if (strcmp(o->name, name) == 0) {
            if ((o->commands & cfg->command) == 0) {
                return ft_err_set(err, FT_E_USAGE, "%s%s: is not an option of '%s'", where, name,
                                  command_name(cfg->command));
            }
            *out_i = i;
            return FT_OK;
        }
        if ((o->commands & cfg->command) != 0) {
            ft_nearest_try(&nearest, name, o->name);
        }
    }
    if (nearest.name != NULL) {
        return ft_err_set(err, FT_E_USAGE, "%s%s: there is no such option; did you mean %s?", where,
                          shown(name, text), nearest.name);
    }
    return ft_err_set(err, FT_E_USAGE, "%s%s: there is no such option", where, shown(name, text));
}

/* ---- values ---- */

static int bad(struct ft_err *err, const char *where, const struct ft_option *o, const char *value,
               const char *allowed)
{
    char text[SHOWN_LEN];

    return ft_err_set(err, FT_E_USAGE, "%s%s: '%s': allowed is %s", where, o->name,
                      shown(value, text), allowed);
}

/* Decimal digits with at most nine places, as value * 10^9 or plain. */
static bool parse_decimal(const char *s, bool places, uint64_t *out)
{
    uint64_t v = 0;
    int digits = 0, after = places ? 9 : 0;
    bool point = false;

    for (; *s != '\0'; s++) {
        if (*s == '.' && places && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)*s) || (point && after == 0)) {
            return false;
        }
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v)) {
            return false;
        }
        digits++;
        after -= point;
    }
    for (; after > 0; after--) {
        if (__builtin_mul_overflow(v, 10u, &v)) {
            return false;
        }
    }
    *out = v;
    return digits > 0;
}

static int parse_number(const struct ft_option *o, const char *where, const char *value,
                        uint64_t *out, struct ft_err *err)
{
    char allowed[96];
    bool seconds = o->type == FT_OPT_SECONDS;

    if (parse_decimal(value, seconds, out) && *out >= o->min && *out <= o->max) {
        return FT_OK;
    }
    if (seconds) {
        snprintf(allowed, sizeof allowed, "a number of seconds from %.10g to %.10g",
                 (double)o->min / 1e9, (double)o->max / 1e9);
    } else {
        snprintf(allowed, sizeof allowed, "a whole number from %llu to %llu",
                 (unsigned long long)o->min, (unsigned long long)o->max);
    }
    return bad(err, where, o, value, allowed);
}

/* True when word (len bytes) is one of "a|b|c". */
static bool in_choices(const char *choices, const char *word, size_t len)
{
    for (const char *c = choices;; c++) {
        size_t n = strcspn(c, "|");

        if (n == len && strncmp(c, word, n) == 0) {
            return true;
        }
        c += n;
        if (*c == '\0') {
            return false;
        }
    }
}

static int check_words(const struct ft_config *cfg, const struct ft__option_ref *row,
                       const char *where, const char *value, struct ft_err *err)
{
    const struct ft_option *o = row->option;
    bool events = row->setter == FT__SET_EVENTS, packets = events && cfg->command != FT_CMD_COLLECT;
    const char *choices = packets ? "sample|flow|stats|window|alert|all" : o->choices;
    char allowed[160];

    snprintf(allowed, sizeof allowed, "%s%s", choices,
             o->type == FT_OPT_WORDS ? ", several with commas" : "");
    for (const char *p = value;; p++) {
        size_t n = o->type == FT_OPT_WORDS ? strcspn(p, ",") : strlen(p);

        if (!in_choices(choices, p, n)) {
            return bad(err, where, o, value, allowed);
        }
        p += n;
        if (*p == '\0') {
            return FT_OK;
        }
    }
}

/* Events that a command can make. */
static unsigned events_made(enum ft_command c)
{
    unsigned packets = 1u << FT_EVENT_SAMPLE | 1u << FT_EVENT_FLOW | 1u << FT_EVENT_STATS |
                       1u << FT_EVENT_WINDOW | 1u << FT_EVENT_ALERT;

    return c == FT_CMD_COLLECT ? ((1u << FT_EVENT__COUNT) - 1) & ~(1u << FT_EVENT_PACKET) : packets;
}

static unsigned events_of(const char *value)
{
    unsigned events = 0;

    for (const char *p = value;; p++) {
        size_t n = strcspn(p, ",");

        for (enum ft_event e = 0; e < FT_EVENT__COUNT; e++) {
            const char *word = ft_event_word(e);

            if ((strlen(word) == n && strncmp(p, word, n) == 0) ||
                (n == 3 && strncmp(p, "all", 3) == 0)) {
                events |= 1u << e;
            }
        }
        p += n;
        if (*p == '\0') {
            return events;
        }
    }
}

static bool asks_for_afterimage(const struct ft_config *cfg)
{
    return (cfg->profiles >> FT_PROFILE_AFTERIMAGE & 1) != 0;
}

static int add_profiles(struct ft_config *cfg, const char *where, const char *value,
                        struct ft_err *err)
{
    struct ft_err why = {0};
    uint32_t sets = 0;
    int rc = ft_profiles_parse(value, &sets, &why);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%sprofile: %s", where, why.what);
    }
    cfg->profiles |= sets;
    if (asks_for_afterimage(cfg) && cfg->command == FT_CMD_COLLECT) {
        return ft_err_set(err, FT_E_USAGE, "%sprofile: afterimage is of packets: of live and read",
                          where);
    }
    if (asks_for_afterimage(cfg)) { /* alone, unless --events names others */
        cfg->events = (cfg->events_given ? cfg->events : 0) | 1u << FT_EVENT_AFTERIMAGE;
        cfg->events_given = true;
    }
    return FT_OK;
}

static int set_windows(struct ft_config *cfg, const struct ft_option *o, const char *where,
                       const char *value, struct ft_err *err)
{
    uint32_t list[FT_WINDOW_SPANS] = {0}, n = 0;
    uint64_t v;

    for (const char *p = value;; p++) {
        char word[24];
        size_t len = strcspn(p, ",");

        snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : 0), p);
        if (n == FT_WINDOW_SPANS || !parse_decimal(word, false, &v) || v < o->min || v > o->max ||
            (n > 0 && (v <= list[n - 1] || v % list[n - 1] != 0))) {
            return bad(err, where, o, value,
                       "at most 4 spans of 1 to 3600 seconds, each a multiple of the one before, "
                       "e.g. 1,10,60");
        }
        list[n++] = (uint32_t)v;
        p += len;
        if (*p == '\0') {
            break;
        }
    }
    memcpy(cfg->window_s, list, sizeof list);
    cfg->n_windows = n;
    return FT_OK;
}

static int set_snapshots(struct ft_config *cfg, const struct ft_option *o, const char *where,
                         const char *value, struct ft_err *err)
{
    uint64_t list[FT_CONFIG_SNAPSHOTS] = {0}, v;
    uint32_t n = 0;

    for (const char *p = value;; p++) {
        char word[24];
        size_t len = strcspn(p, ",");

        snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : 0), p);
        if (n == FT_CONFIG_SNAPSHOTS || !parse_decimal(word, false, &v) || v < o->min ||
            v > o->max || (n > 0 && v <= list[n - 1])) {
            return bad(err, where, o, value, "at most 8 ascending packet counts, e.g. 8,32");
        }
        list[n++] = v;
        p += len;
        if (*p == '\0') {
            break;
        }
    }
    memcpy(cfg->snapshots, list, sizeof list);
    cfg->n_snapshots = n;
    return FT_OK;
}

/* The kind of tunnel that a word names, or the nearest to it; *out_exact: it is the word itself. */
static enum ft_tunnel_udp find_tunnel(const char *word, bool *out_exact)
{
    enum ft_tunnel_udp best = FT_TUNNEL_UDP__COUNT;
    struct ft_nearest nearest = {0};

    for (enum ft_tunnel_udp k = 0; k < FT_TUNNEL_UDP__COUNT; k++) {
        const char *name = ft_tunnel_udp_name(k);

        ft_nearest_try(&nearest, word, name);
        best = nearest.name == name ? k : best;
    }
    *out_exact = nearest.name != NULL && nearest.distance == 0;
    return best;
}

/* One TYPE=PORT. */
static int add_tunnel_port(struct ft_config *cfg, const struct ft_option *o, const char *where,
                           char *word, struct ft_err *err)
{
    char *equals = strchr(word, '=');
    enum ft_tunnel_udp how, other;
    uint64_t port = 0;
    char text[SHOWN_LEN];
    bool exact;

    if (equals == NULL) {
        return bad(err, where, o, word, "TYPE=PORT, e.g. vxlan=8472, several with commas");
    }
    *equals = '\0';
    how = find_tunnel(word, &exact);
    if (!exact) {
        return how == FT_TUNNEL_UDP__COUNT
                   ? bad(err, where, o, word,
                         "one of vxlan, vxlan-gpe, geneve, gtpu, gue, fou, gre, mpls, l2tp, "
                         "teredo, ayiya, capwap, lisp, tzsp")
                   : ft_err_set(err, FT_E_USAGE,
                                "%s%s: '%s': there is no such tunnel; did you mean %s?", where,
                                o->name, shown(word, text), ft_tunnel_udp_name(how));
    }
    if (!parse_decimal(equals + 1, false, &port) || port < 1 || port > UINT16_MAX) {
        return bad(err, where, o, equals + 1, "a UDP port, a whole number from 1 to 65535");
    }
    if (ft_tunnel_ports_add(&cfg->tunnel_ports, how, (uint16_t)port, &other) != FT_OK) {
        const char *taken = ft_tunnel_udp_name(other);

        return taken != NULL ? ft_err_set(err, FT_E_USAGE, "%s%s: port %u is %s's already", where,
                                          o->name, (unsigned)port, taken)
                             : ft_err_set(err, FT_E_USAGE, "%s%s: at most %d ports are possible",
                                          where, o->name, FT_TUNNEL_PORTS_MAX);
    }
    return FT_OK;
}

static int set_tunnel_ports(struct ft_config *cfg, const struct ft_option *o, const char *where,
                            const char *value, struct ft_err *err)
{
    for (const char *p = value;; p++) {
        size_t len = strcspn(p, ",");
        char word[SHOWN_LEN];
        int rc;

        if (len >= sizeof word) {
            return bad(err, where, o, p, "TYPE=PORT, e.g. vxlan=8472, several with commas");
        }
        memcpy(word, p, len);
        word[len] = '\0';
        rc = add_tunnel_port(cfg, o, where, word, err);
        if (rc != FT_OK) {
            return rc;
        }
        p += len;
        if (*p == '\0') {
            return FT_OK;
        }
    }
}

static int set_text(char **at, const char *value, struct ft_err *err)
{
    char *copy = ft_mem_strdup(value);

    if (copy == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    ft_mem_free(*at);
    *at = copy;
    return FT_OK;
}

static int set_endpoint(struct ft_config *cfg, const struct ft__option_ref *row, const char *where,
                        const char *value, struct ft_err *err)
{
    struct ft_endpoint e;

    return ft_endpoint_parse(value, &e)
               ? set_text((char **)(void *)((char *)cfg + row->offset), value, err)
               : bad(err, where, row->option, value,
                     "ADDR:PORT with a numeric address, or :PORT for 127.0.0.1");
}

static int set_observer(struct ft_config *cfg, const struct ft_option *o, const char *where,
                        const char *value, struct ft_err *err)
{
    return ft_observer_valid(value)
               ? set_text(&cfg->observer, value, err)
               : bad(err, where, o, value,
                     "1 to 64 letters, digits and . _ : -, the first a letter or digit");
}

/* Only what is right is kept. Without --events, who asks flow records wants flow records. */
static int set_where(struct ft_config *cfg, const struct ft_option *o, const char *where,
                     const char *value, struct ft_err *err)
{
    struct ft_where *w;
    struct ft_err why;
    int rc = ft_where_flow(value, cfg->command == FT_CMD_COLLECT, &w, &why);

    if (rc != FT_OK) {
        return ft_err_set(err, rc, "%s%s: %s", where, o->name, why.what);
    }
    ft_where_free(w);
    if (!cfg->events_given) {
        cfg->events = 1u << FT_EVENT_FLOW;
    }
    return set_text(&cfg->where, value, err);
}

int ft_config_add_input(struct ft_config *cfg, const char *target, struct ft_err *err)
{
    if (cfg->n_inputs == FT_MAX_INPUTS) {
        return ft_err_set(err, FT_E_USAGE, "at most %d inputs are possible", FT_MAX_INPUTS);
    }
    if (target[0] == '\0') {
        return ft_err_set(err, FT_E_USAGE, "an input has no name");
    }
    int rc = set_text(&cfg->inputs[cfg->n_inputs], target, err);

    cfg->n_inputs += rc == FT_OK;
    cfg->has_secret |= cfg->command == FT_CMD_COLLECT &&
                       (strstr(target, "tls://") != NULL || strstr(target, "kafka://") != NULL);
    return rc;
}

/* The condition of an output: wrong ones are said with their place. */
static int check_condition(const struct ft_config *cfg, const struct ft_output_url *url,
                           const char *where, struct ft_err *err)
{
    const char *text = ft_output_url_get(url, "where");
    struct ft_where *w = NULL;
    struct ft_err why;
    int rc = text != NULL ? ft_where_flow(text, cfg->command == FT_CMD_COLLECT, &w, &why) : FT_OK;

    ft_where_free(w);
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc, "%soutput %s: where=: %s", where, url->text, why.what);
}

static int add_output(struct ft_config *cfg, const char *where, const char *value,
                      struct ft_err *err)
{
    struct ft_output_url url;
    struct ft_err why;

    if (cfg->n_outputs == FT_MAX_OUTPUTS) {
        return ft_err_set(err, FT_E_USAGE, "%soutput: at most %d are possible", where,
                          FT_MAX_OUTPUTS);
    }
    int rc = ft_output_url_parse(value, &url, &why);

    if (rc != FT_OK) { /* the message begins with "output" */
        return ft_err_set(err, rc, "%s%s", where, why.what);
    }
    const char *secret = ft_output_url_bare_secret(&url);

    rc = check_condition(cfg, &url, where, err);
    if (rc == FT_OK && secret != NULL && strcmp(where, "--") == 0) {
        rc = ft_err_set(err, FT_E_USAGE,
                        "%soutput %s: %s=: a secret that everybody could read in the list of "
                        "processes; write %s=@FILE, or set it in the configuration file",
                        where, url.text, secret, secret);
    }
    cfg->has_secret |= strcmp(url.transport, "file") != 0;
    ft_output_url_fini(&url);
    if (rc != FT_OK) {
        return rc;
    }
    rc = set_text(&cfg->outputs[cfg->n_outputs], value, err);
    cfg->n_outputs += rc == FT_OK;
    return rc;
}

static int apply_number(struct ft_config *cfg, const struct ft__option_ref *row, const char *where,
                        const char *value, struct ft_err *err)
{
    char *at = (char *)cfg + row->offset;
    uint64_t v = 0;
    int rc = parse_number(row->option, where, value, &v, err);

    if (rc != FT_OK) {
        return rc;
    }
    if (row->setter == FT__SET_U64) {
        memcpy(at, &v, sizeof v);
    } else if (row->setter == FT__SET_NS) {
        int64_t ns = (int64_t)v;

        memcpy(at, &ns, sizeof ns);
    } else {
        uint32_t n = (uint32_t)v;

        memcpy(at, &n, sizeof n);
    }
    return FT_OK;
}

static int apply_flag(struct ft_config *cfg, const struct ft__option_ref *row, const char *where,
                      const char *value, struct ft_err *err)
{
    bool on = strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0 ||
              strcasecmp(value, "on") == 0;

    if (!on && strcasecmp(value, "false") != 0 && strcasecmp(value, "no") != 0 &&
        strcasecmp(value, "off") != 0) {
        return bad(err, where, row->option, value, "true or false");
    }
    if (row->setter == FT__SET_BOOL) {
        memcpy((char *)cfg + row->offset, &on, sizeof on);
    } else if (row->setter == FT__SET_U64) { /* of the owners of profiles */
        uint64_t n = on;

        memcpy((char *)cfg + row->offset, &n, sizeof n);
    } else if (on && row->setter == FT__SET_APP) {
        return add_profiles(cfg, where, "app", err);
    } else if (on) {
        cfg->verbosity = row->setter == FT__SET_QUIET ? -1 : cfg->verbosity + 1;
    }
    return FT_OK;
}

/* Words that there are; text that says something. */
static int check_text(const struct ft_config *cfg, const struct ft__option_ref *row,
                      const char *where, const char *value, struct ft_err *err)
{
    const struct ft_option *o = row->option;

    if (o->choices != NULL) {
        return check_words(cfg, row, where, value, err);
    }
    if (o->type == FT_OPT_STRING && value[0] == '\0' && row->setter != FT__SET_ANY_TEXT &&
        row->setter != FT__SET_OUTPUT) {
        return bad(err, where, o, value, o->arg);
    }
    return FT_OK;
}

static int add_geo(struct ft_config *cfg, const char *where, const char *value, struct ft_err *err)
{
    if (cfg->n_geo == FT_GEO_MOST) {
        return ft_err_set(err, FT_E_USAGE, "%sgeo: at most %d databases", where, FT_GEO_MOST);
    }
    cfg->geo[cfg->n_geo] = ft_mem_strdup(value);
    if (cfg->geo[cfg->n_geo] == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    cfg->n_geo++;
    return FT_OK;
}

/* One of few words, which has been looked at. */
static void apply_word(struct ft_config *cfg, enum ft__setter setter, const char *value)
{
    switch (setter) {
    case FT__SET_OVERFLOW:
        cfg->overflow = value[0] == 'd' ? FT_OVERFLOW_SET_DROP : FT_OVERFLOW_SET_BLOCK;
        break;
    case FT__SET_DIRECTION:
        cfg->direction = value[0] == 'i' ? FT_DIRECTION_IN : FT_DIRECTION_OUT;
        break;
    case FT__SET_NAMES:
        cfg->hash_names = value[0] == 'h';
        break;
    case FT__SET_LOG_FORMAT:
        cfg->log_json = value[0] == 'j';
        break;
    default:
        break;
    }
}

int ft__option_apply(struct ft_config *cfg, uint32_t i, const char *where, const char *value,
                     struct ft_err *err)
{
    struct ft__option_ref row;

    if (!ft__option_row(i, &row)) {
        return FT_E_USAGE;
    }
    const struct ft_option *o = row.option;
    int rc = check_text(cfg, &row, where, value, err);

    if (rc != FT_OK) {
        return rc;
    }
    if (o->type == FT_OPT_FLAG) {
        return apply_flag(cfg, &row, where, value, err);
    }
    switch (row.setter) {
    case FT__SET_U32:
    case FT__SET_U64:
    case FT__SET_NS:
        return apply_number(cfg, &row, where, value, err);
    case FT__SET_TEXT:
    case FT__SET_ANY_TEXT:
        return set_text((char **)(void *)((char *)cfg + row.offset), value, err);
    case FT__SET_ENDPOINT:
        return set_endpoint(cfg, &row, where, value, err);
    case FT__SET_OBSERVER:
        return set_observer(cfg, o, where, value, err);
    case FT__SET_INPUT:
        return ft_config_add_input(cfg, value, err);
    case FT__SET_OUTPUT:
        return add_output(cfg, where, value, err);
    case FT__SET_GEO:
        return add_geo(cfg, where, value, err);
    case FT__SET_EVENTS:
        cfg->events = (events_of(value) & events_made(cfg->command)) |
                      (unsigned)asks_for_afterimage(cfg) << FT_EVENT_AFTERIMAGE;
        cfg->events_given = true;
        return FT_OK;
    case FT__SET_PROFILES:
        return add_profiles(cfg, where, value, err);
    case FT__SET_WHERE:
        return set_where(cfg, o, where, value, err);
    case FT__SET_SNAPSHOTS:
        return set_snapshots(cfg, o, where, value, err);
    case FT__SET_WINDOWS:
        return set_windows(cfg, o, where, value, err);
    case FT__SET_TUNNEL_PORTS:
        return set_tunnel_ports(cfg, o, where, value, err);
    case FT__SET_FILE:
        return ft_config_load(cfg, value, err);
    default:
        apply_word(cfg, row.setter, value);
        return FT_OK;
    }
}

/* ---- life ---- */

struct ft_config *ft_config_new(enum ft_command command)
{
    struct ft_config *cfg = ft_mem_alloc(1, sizeof *cfg);
    struct ft_err err;
    struct ft__option_ref row;

    if (cfg == NULL || (cfg->inputs = ft_mem_alloc(FT_MAX_INPUTS, sizeof *cfg->inputs)) == NULL) {
        ft_mem_free(cfg);
        return NULL;
    }
    cfg->command = command;
    cfg->tunnel_ports = ft_tunnel_ports_known;
    for (uint32_t i = 0; ft__option_row(i, &row); i++) {
        if (row.option->defval != NULL && row.setter != FT__SET_OUTPUT &&
            ft__option_apply(cfg, i, "", row.option->defval, &err) != FT_OK) {
            ft_config_free(cfg);
            return NULL;
        }
    }
    cfg->events_given = false;
    cfg->stats_ns = command == FT_CMD_READ ? 0 : INT64_C(10000000000);
    if (command == FT_CMD_COLLECT) {
        cfg->events = 1u << FT_EVENT_FLOW;
    }
    return cfg;
}

void ft_config_free(struct ft_config *cfg)
{
    if (cfg == NULL) {
        return;
    }
    for (uint32_t i = 0; i < cfg->n_inputs; i++) {
        ft_mem_free(cfg->inputs[i]);
    }
    for (uint32_t i = 0; i < cfg->n_outputs; i++) {
        ft_mem_free(cfg->outputs[i]);
    }
    ft_mem_free(cfg->inputs);
    ft_mem_free(cfg->filter);
    ft_mem_free(cfg->where);
    ft_mem_free(cfg->labels);
    ft_mem_free(cfg->vector_fit);
    ft_mem_free(cfg->networks);
    ft_mem_free(cfg->rules);
    for (uint32_t i = 0; i < cfg->n_geo; i++) {
        ft_mem_free(cfg->geo[i]);
    }
    ft_mem_free(cfg->anonymize);
    ft_mem_free(cfg->allow);
    ft_mem_free(cfg->state);
    ft_mem_free(cfg->user);
    ft_mem_free(cfg->metrics);
    ft_mem_free(cfg->observer);
    ft_mem_free(cfg->file);
    ft_mem_free(cfg);
}

int ft_config_set(struct ft_config *cfg, const char *name, const char *value, struct ft_err *err)
{
    uint32_t i = 0;
    int rc = ft__option_find(cfg, "--", name, &i, err);

    if (rc == FT_OK) {
        rc = ft__option_apply(cfg, i, "--", value, err);
    }
    if (rc == FT_OK) {
        cfg->set[i] = cfg->given[i] = true;
    }
    return rc;
}

bool ft_config_enriches(const struct ft_config *cfg)
{
    return cfg->networks != NULL || cfg->n_geo > 0;
}

uint32_t ft_config_tables(const struct ft_config *cfg,
                          void (*reads)(void *cookie, const char *path, uint64_t most),
                          void *cookie)
{
    for (uint32_t i = 0; reads != NULL && i < cfg->n_geo; i++) {
        reads(cookie, cfg->geo[i], FT_GEO_BYTES);
    }
    if (reads != NULL && cfg->networks != NULL) {
        reads(cookie, cfg->networks, FT_NETWORKS_BYTES);
    }
    return cfg->n_geo + (cfg->networks != NULL);
}

/* cert=, key= and ca= of -l; which are read. */
static uint32_t listen_files(const struct ft_config *cfg, bool read)
{
    uint32_t n = 0;

    for (uint32_t i = 0; cfg->command == FT_CMD_COLLECT && i < cfg->n_inputs; i++) {
        n += ft_listen_url_files(cfg->inputs[i], read);
    }
    return n;
}

/* What is read here is what a run without rights gets when it reads it again. */
static void read_rules(const struct ft_config *cfg)
{
    size_t len = 0;

    if (cfg->rules != NULL) {
        ft_whole_forget(ft_whole_read(cfg->rules, 1 << 20, &len), len);
    }
}

uint32_t ft_config_certificates(const struct ft_config *cfg)
{
    return listen_files(cfg, false) + (cfg->rules != NULL);
}

bool ft_config_given(const struct ft_config *cfg, const char *name)
{
    uint32_t i = 0;

    return ft__option_find(cfg, "--", name, &i, NULL) == FT_OK && cfg->given[i];
}

void ft_config_files(const struct ft_config *cfg, void (*writes)(void *cookie, const char *path),
                     void *cookie)
{
    bool hosts = false;

    listen_files(cfg, true);
    read_rules(cfg);
    for (uint32_t i = 0; i < cfg->n_outputs; i++) {
        struct ft_output_url url;
        struct ft_err err;

        if (ft_output_url_parse(cfg->outputs[i], &url, &err) != FT_OK) {
            continue; /* it was told when it was set */
        }
        bool file = strcmp(url.transport, "file") == 0;

        ft_output_url_read(&url);
        hosts |= !file;
        if (file && strcmp(url.format, "null") != 0 && strcmp(url.target, "-") != 0) {
            writes(cookie, url.target);
        }
        ft_output_url_fini(&url);
    }
    if (hosts) {
        const char *path = ft_whole_authorities();
        size_t len = 0;
        char *text = path != NULL ? ft_whole_read(path, AUTHORITIES_MOST, &len) : NULL;

        ft_whole_forget(text, len);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_inputs(const struct ft_config *a, const struct ft_config *b)
{
    bool same = a->n_inputs == b->n_inputs;

    for (uint32_t i = 0; same && i < a->n_inputs; i++) {
        same = strcmp(a->inputs[i], b->inputs[i]) == 0;
    }
    return same;
}

/* Values of bytes at the row's place. */
static bool same_bytes(const struct ft_config *a, const struct ft_config *b, size_t at, size_t len)
{
    return memcmp((const char *)a + at, (const char *)b + at, len) == 0;
}

static bool same_at(const struct ft_config *a, const struct ft_config *b, size_t at)
{
    const char *const *x = (const void *)((const char *)a + at);
    const char *const *y = (const void *)((const char *)b + at);

    return same_text(*x, *y);
}

#define SAME(member) same_bytes(a, b, offsetof(struct ft_config, member), sizeof a->member)

static bool same_value(const struct ft_config *a, const struct ft_config *b,
                       const struct ft__option_ref *row)
{
    switch (row->setter) {
    case FT__SET_U32:
        return same_bytes(a, b, row->offset, sizeof(uint32_t));
    case FT__SET_U64:
    case FT__SET_NS:
        return same_bytes(a, b, row->offset, sizeof(uint64_t));
    case FT__SET_BOOL:
        return same_bytes(a, b, row->offset, sizeof(bool));
    case FT__SET_TEXT:
    case FT__SET_ANY_TEXT:
    case FT__SET_ENDPOINT:
    case FT__SET_OBSERVER:
        return same_at(a, b, row->offset);
    case FT__SET_INPUT:
        return same_inputs(a, b);
    case FT__SET_EVENTS:
        return SAME(events) && SAME(events_given);
    case FT__SET_PROFILES:
    case FT__SET_APP:
        return SAME(profiles);
    case FT__SET_WHERE:
        return same_text(a->where, b->where);
    case FT__SET_OVERFLOW:
        return SAME(overflow);
    case FT__SET_DIRECTION:
        return SAME(direction);
    case FT__SET_WINDOWS:
        return SAME(window_s) && SAME(n_windows);
    case FT__SET_SNAPSHOTS:
        return SAME(snapshots) && SAME(n_snapshots);
    case FT__SET_TUNNEL_PORTS:
        return SAME(tunnel_ports);
    case FT__SET_LOG_FORMAT:
        return SAME(log_json);
    case FT__SET_NAMES:
        return SAME(hash_names);
    case FT__SET_VERBOSE:
    case FT__SET_QUIET:
        return SAME(verbosity);
    default:
        return true;
    }
}

const char *ft_config_fixed_change(const struct ft_config *a, const struct ft_config *b)
{
    struct ft__option_ref row;

    for (uint32_t i = 0; ft__option_row(i, &row); i++) {
        if ((row.option->commands & a->command) != 0 && !row.option->reloads &&
            !same_value(a, b, &row)) {
            return row.option->name;
        }
    }
    return NULL;
}

void ft_config_tell(struct ft_config *cfg, const struct ft_log *log)
{
    cfg->tell = *log;
}

void ft_config_place(const struct ft_config *cfg, const char *name, uint32_t output,
                     char out[FT_PLACE_LEN])
{
    uint32_t i = 0, line = 0;

    if (ft__option_find(cfg, "--", name, &i, NULL) == FT_OK) {
        line = strcmp(name, "output") == 0 ? cfg->output_line[output] : cfg->line[i];
    }
    if (line > 0) {
        snprintf(out, FT_PLACE_LEN, "%.120s:%u: ", cfg->file, line);
    } else {
        snprintf(out, FT_PLACE_LEN, "--%s: ", name);
    }
}

int ft_config_check(const struct ft_config *cfg, struct ft_err *err)
{
    if (cfg->command == FT_CMD_READ && cfg->n_inputs == 0) {
        return ft_err_set(err, FT_E_USAGE, "read: name a capture file, or - for stdin");
    }
    if (cfg->hash_names && cfg->anonymize == NULL) {
        return ft_err_set(err, FT_E_USAGE,
                          "--anonymize-names: 'hash' needs the key of --anonymize");
    }
    if (cfg->where != NULL && (cfg->events >> FT_EVENT_FLOW & 1) == 0) {
        return ft_err_set(err, FT_E_USAGE,
                          "--where: is asked of flow records, of which --events names none");
    }
    return FT_OK;
}

const char *ft_config_user(const struct ft_config *cfg)
{
    return cfg->user;
}

const char *ft_config_file(const struct ft_config *cfg)
{
    return cfg->file;
}

const char *ft_config_metrics(const struct ft_config *cfg)
{
    return cfg->metrics;
}

bool ft_config_flag(const struct ft_config *cfg, enum ft_config_flag flag)
{
    switch (flag) {
    case FT_CONFIG_SANDBOX:
        return !cfg->no_sandbox;
    case FT_CONFIG_LOG_JSON:
        return cfg->log_json;
    case FT_CONFIG_SECRET:
        return cfg->anonymize != NULL || cfg->has_secret;
    default:
        return false;
    }
}

int ft_config_verbosity(const struct ft_config *cfg)
{
    return cfg->verbosity;
}

int64_t ft_config_stats_ns(const struct ft_config *cfg)
{
    return cfg->stats_ns;
}

uint32_t ft_config_inputs(const struct ft_config *cfg)
{
    return cfg->n_inputs;
}

uint32_t ft_config_outputs(const struct ft_config *cfg)
{
    return cfg->n_outputs;
}
