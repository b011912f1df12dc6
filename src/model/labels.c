/* SPDX-License-Identifier: Apache-2.0 */
/* model: rules of labels, see labels.h. */
#include "model/labels.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/date.h"
#include "base/mem.h"
#include "base/units.h"
#include "model/field.h"

enum { CELL = 128, COLUMNS = 16 };

struct reader {
    struct ft_csv csv;
    int of[COLUMNS]; /* place in the file -> index of columns[] */
    uint32_t n_of;
    struct ft_err *err;
};

/* ---- times ---- */

/* Is it like this one? A 9 stands for a digit, ? for any character; what follows is not looked at.
 */
static bool is_like(const char *text, const char *form)
{
    for (; *form != '\0'; text++, form++) {
        bool same = *form == '9' ? *text >= '0' && *text <= '9' : *text == *form || *form == '?';

        if (*text == '\0' || !same) {
            return false;
        }
    }
    return true;
}

/* ".25": ns. False: no digits, or something behind them. */
static bool fraction(const char **at, int64_t *ns)
{
    int64_t unit = 100000000;

    *ns = 0;
    if (**at != '.') {
        return true;
    }
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
        *ns += (**at - '0') * unit;
    }
    return (*at)[-1] != '.';
}

/* "Z", "+01:00", "": seconds east. */
static bool zone(const char *at, int64_t *east)
{
    int h, m;

    *east = 0;
    if (*at == '\0' || strcmp(at, "Z") == 0) {
        return true;
    }
    if ((*at != '+' && *at != '-') || !is_like(at + 1, "99:99") || at[6] != '\0' ||
        sscanf(at + 1, "%2d:%2d", &h, &m) != 2 || h > 14 || m > 59) {
        return false;
    }
    *east = (*at == '-' ? -1 : 1) * (h * 3600 + m * 60);
    return true;
}

static bool parse_date(const char *text, int64_t *out)
{
    int y, mo, d, h, mi, s, used = 0;
    int64_t ns, east;
    char t;

    if (!is_like(text, "9999-99-99?99:99:99") ||
        sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &y, &mo, &d, &t, &h, &mi, &s, &used) != 7 ||
        (t != 'T' && t != ' ') || y < 1970 || !ft_date_is(y, mo, d) || h > 23 || mi > 59 ||
        s > 60) {
        return false;
    }
    const char *at = text + used;

    if (!fraction(&at, &ns) || !zone(at, &east)) {
        return false;
    }
    int64_t seconds = ft_date_days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - east;

    if (seconds < INT64_MAX / 1000000000 - 1) {
        *out = seconds * 1000000000 + ns;
    } else {
        *out = INT64_MAX; /* 9999-12-31 says: no end */
    }
    return true;
}

static bool parse_time(const char *text, int64_t *out)
{
    const char *rest;
    uint64_t s;
    int64_t ns;

    if (!ft_parse_number(text, &s, &rest) || s > INT64_MAX / 1000000000 - 1 ||
        !fraction(&rest, &ns) || *rest != '\0') {
        return parse_date(text, out);
    }
    *out = (int64_t)s * 1000000000 + ns;
    return true;
}

/* ---- cells ---- */

static bool set_start(struct ft_label_rule *r, const char *v)
{
    return parse_time(v, &r->from_ns);
}

static bool set_end(struct ft_label_rule *r, const char *v)
{
    return parse_time(v, &r->to_ns);
}

static bool set_src(struct ft_label_rule *r, const char *v)
{
    return ft_prefix_parse(v, &r->src) == FT_OK;
}

static bool set_dst(struct ft_label_rule *r, const char *v)
{
    return ft_prefix_parse(v, &r->dst) == FT_OK;
}

static bool parse_ports(const char *v, uint16_t out[2])
{
    const char *rest;
    uint64_t from, to;

    if (!ft_parse_number(v, &from, &rest) || from > UINT16_MAX) {
        return false;
    }
    to = from;
    if (*rest == '-' && !ft_parse_number(rest + 1, &to, &rest)) {
        return false;
    }
    out[0] = (uint16_t)from;
    out[1] = (uint16_t)to;
    return *rest == '\0' && to <= UINT16_MAX && from <= to;
}

static bool set_src_port(struct ft_label_rule *r, const char *v)
{
    return parse_ports(v, r->src_port);
}

static bool set_dst_port(struct ft_label_rule *r, const char *v)
{
    return parse_ports(v, r->dst_port);
}

static bool set_protocol(struct ft_label_rule *r, const char *v)
{
    static const struct {
        const char *name;
        uint8_t proto;
    } names[] = {{"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}, {"sctp", 132}};
    const char *rest;
    uint64_t n;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(v, names[i].name) == 0) {
            r->proto = names[i].proto;
            return true;
        }
    }
    if (!ft_parse_number(v, &n, &rest) || *rest != '\0' || n > 255) {
        return false;
    }
    r->proto = (int16_t)n;
    return true;
}

static bool set_direction(struct ft_label_rule *r, const char *v)
{
    r->forward = strcmp(v, "forward") == 0;
    return r->forward || strcmp(v, "both") == 0;
}

static bool set_label(struct ft_label_rule *r, const char *v)
{
    r->label = v[0] == '1';
    return (v[0] == '0' || v[0] == '1') && v[1] == '\0';
}

static bool set_attack(struct ft_label_rule *r, const char *v)
{
    size_t len = strlen(v);

    if (len > FT_LABEL_TEXT) {
        return false;
    }
    memcpy(r->attack, v, len);
    r->attack_len = (uint8_t)len;
    return true;
}

static const struct {
    const char *name;
    bool (*set)(struct ft_label_rule *r, const char *value);
    const char *allowed;
} columns[] = {
    {"start", set_start, "seconds since 1970, or 2017-07-05T09:43:00Z"},
    {"end", set_end, "seconds since 1970, or 2017-07-05T09:43:00Z"},
    {"src", set_src, "an address or a prefix"},
    {"dst", set_dst, "an address or a prefix"},
    {"src_port", set_src_port, "a port, or FROM-TO"},
    {"dst_port", set_dst_port, "a port, or FROM-TO"},
    {"protocol", set_protocol, "a number up to 255, tcp, udp, icmp, icmpv6, sctp"},
    {"direction", set_direction, "forward, both"},
    {"label", set_label, "0, 1"},
    {"attack", set_attack, "a text of at most 64 bytes"},
};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

_Static_assert((int)N_COLUMNS <= (int)COLUMNS, "a file may have all");

/* ---- lines ---- */

static int wrong(const struct reader *r, const char *what)
{
    return ft_err_set(r->err, FT_E_FORMAT, "line %u: %s", r->csv.line, what);
}

static int take_cell(struct reader *r, char out[CELL], bool *out_last)
{
    const char *what = ft_csv_cell(&r->csv, out, CELL, out_last);

    return what == NULL ? FT_OK : wrong(r, what);
}

static int read_header(struct reader *r)
{
    char cell[CELL], what[CELL + 64];
    bool last = false, says = false;

    if (!ft_csv_next(&r->csv)) {
        return ft_err_set(r->err, FT_E_FORMAT, "there is no header");
    }
    while (!last) {
        int rc = take_cell(r, cell, &last), k = 0;

        if (rc != FT_OK) {
            return rc;
        }
        while (k < N_COLUMNS && strcmp(columns[k].name, cell) != 0) {
            k++;
        }
        for (uint32_t i = 0; i < r->n_of; i++) {
            k = r->of[i] == k ? N_COLUMNS : k;
        }
        if (k == N_COLUMNS) {
            snprintf(what, sizeof what, "'%s': no column of rules, or twice", cell);
            return wrong(r, what);
        }
        says |= columns[k].set == set_label || columns[k].set == set_attack;
        r->of[r->n_of++] = k;
    }
    return says ? FT_OK : wrong(r, "neither 'label' nor 'attack' is among the columns");
}

static int read_rule(struct reader *r, struct ft_label_rule *rule)
{
    char cell[CELL], what[CELL + 128];
    bool last = false;

    *rule = (struct ft_label_rule){.from_ns = INT64_MIN,
                                   .to_ns = INT64_MAX,
                                   .src_port = {0, UINT16_MAX},
                                   .dst_port = {0, UINT16_MAX},
                                   .proto = -1,
                                   .label = 1,
                                   .line = r->csv.line};
    for (uint32_t i = 0; i < r->n_of; i++) {
        int rc = last ? wrong(r, "there are fewer cells than columns") : take_cell(r, cell, &last);

        if (rc != FT_OK) {
            return rc;
        }
        if (cell[0] != '\0' && !columns[r->of[i]].set(rule, cell)) {
            snprintf(what, sizeof what, "%s: '%s': allowed is %s", columns[r->of[i]].name, cell,
                     columns[r->of[i]].allowed);
            return wrong(r, what);
        }
    }
    if (!last) {
        return wrong(r, "there are more cells than columns");
    }
    return rule->from_ns <= rule->to_ns ? FT_OK : wrong(r, "it ends before it starts");
}

/* ---- which rules a flow satisfies ---- */

static bool is_end(const struct ft_prefix *p, const uint16_t port[2], uint8_t version,
                   const uint8_t *addr, uint16_t number)
{
    return number >= port[0] && number <= port[1] &&
           (p->ip_version == 0 || ft_prefix_holds(p, version, addr));
}

static bool satisfies(const struct ft_label_rule *r, const struct ft_flow_record *f)
{
    if (f->first_ns < r->from_ns || f->first_ns > r->to_ns ||
        (r->proto >= 0 && r->proto != f->proto)) {
        return false;
    }
    bool ports =
        ft_proto_has_ports(f->proto) && !f->no_ports; /* others' are 0, as in their columns */
    uint16_t from = ports ? f->src_port : 0, to = ports ? f->dst_port : 0;

    if (is_end(&r->src, r->src_port, f->ip_version, f->src, from) &&
        is_end(&r->dst, r->dst_port, f->ip_version, f->dst, to)) {
        return true;
    }
    return !r->forward && is_end(&r->src, r->src_port, f->ip_version, f->dst, to) &&
           is_end(&r->dst, r->dst_port, f->ip_version, f->src, from);
}

static bool prefix_in(const struct ft_prefix *in, const struct ft_prefix *of)
{
    return of->ip_version == 0 || (in->ip_version == of->ip_version && in->bits >= of->bits &&
                                   ft_prefix_holds(of, in->ip_version, in->addr));
}

static bool ports_in(const uint16_t in[2], const uint16_t of[2])
{
    return in[0] >= of[0] && in[1] <= of[1];
}

/* Is what satisfies a rule also what satisfies another one? */
static bool is_within(const struct ft_label_rule *r, const struct ft_label_rule *later)
{
    return r->from_ns >= later->from_ns && r->to_ns <= later->to_ns &&
           prefix_in(&r->src, &later->src) && prefix_in(&r->dst, &later->dst) &&
           ports_in(r->src_port, later->src_port) && ports_in(r->dst_port, later->dst_port) &&
           (later->proto < 0 || later->proto == r->proto) && (r->forward || !later->forward);
}

/* Does a later rule ask for less of the same? */
static bool is_for_the_rest(const struct ft_label_rule *later, const struct ft_label_rule *r)
{
    return is_within(r, later) && !is_within(later, r);
}

static bool says_the_same(const struct ft_label_rule *a, const struct ft_label_rule *b)
{
    return a->label == b->label && a->attack_len == b->attack_len &&
           memcmp(a->attack, b->attack, a->attack_len) == 0;
}

const struct ft_label_rule *ft_labels_find(const struct ft_labels *l,
                                           const struct ft_flow_record *rec, bool *out_unclear)
{
    const struct ft_label_rule *found = NULL;

    *out_unclear = false;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct ft_label_rule *r = &l->rules[i];

        if ((found != NULL && (says_the_same(found, r) || is_for_the_rest(r, found))) ||
            !satisfies(r, rec)) {
            continue;
        }
        if (found != NULL) {
            *out_unclear = true;
            break;
        }
        found = r;
    }
    return found;
}

/* ---- life ---- */

void ft_labels_free(struct ft_labels *l)
{
    if (l != NULL) {
        ft_mem_free(l->rules);
        ft_mem_free(l);
    }
}

static uint32_t lines_of(const char *text, size_t len)
{
    uint32_t n = 1;

    for (size_t i = 0; i < len && n < FT_LABELS_MAX; i++) {
        n += text[i] == '\n';
    }
    return n;
}

static int read_all(struct reader *r, struct ft_labels *l, uint32_t room)
{
    int rc = read_header(r);

    while (rc == FT_OK && ft_csv_next(&r->csv)) {
        if (l->n == room) {
            return wrong(r, "there are more than 65536 rules");
        }
        rc = read_rule(r, &l->rules[l->n]);
        l->n += rc == FT_OK;
    }
    return rc;
}

int ft_labels_parse(const char *text, size_t len, struct ft_labels **out, struct ft_err *err)
{
    struct reader r = {.csv = ft_csv_of(text, len), .err = err};
    struct ft_labels *l = ft_mem_alloc(1, sizeof *l);
    uint32_t room = lines_of(text, len);
    int rc;

    if (l == NULL || (l->rules = ft_mem_alloc(room, sizeof *l->rules)) == NULL) {
        ft_labels_free(l);
        return ft_err_set(err, FT_E_NOMEM, "out of memory");
    }
    rc = read_all(&r, l, room);
    if (rc != FT_OK) {
        ft_labels_free(l);
        return rc;
    }
    *out = l;
    return FT_OK;
}
