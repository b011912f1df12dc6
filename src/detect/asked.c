/* SPDX-License-Identifier: Apache-2.0 */
/* detect: dns_tunnel and dga, from answers of DNS over UDP (-p app): see names.h. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/time.h"
#include "codec/app/dns.h"
#include "detect/recent.h"
#include "detect/state.h"

enum { PROTO_UDP = 17, PORT_DNS = 53, MAP_BITS = 4096, LABEL_LEAST = 8 };
enum { P_LENGTH = 4, P_ENTROPY };       /* dns_tunnel: behind the bands */
enum { P_NAMES, P_WINDOW, P_SURPRISE }; /* dga */

/* A client and a domain: names below it, by linear counting (Whang et al. 1990). */
struct tunnel {
    struct ft__entity head;
    int64_t first_ns, last_ns;
    uint32_t n, set;        /* answers; bits of the map */
    uint32_t bands;         /* that were told */
    double length, entropy; /* sums */
    uint64_t map[MAP_BITS / 64];
};

/* A client that asked for names that look generated, and are none. */
struct asker {
    struct ft__entity head;
    int64_t first_ns, last_ns;
    uint32_t n;
    struct ft__recent names;
};

size_t ft__tunnel_entity(size_t *out_clear)
{
    *out_clear = sizeof(struct tunnel);
    return sizeof(struct tunnel);
}

size_t ft__asker_entity(size_t *out_clear)
{
    *out_clear = offsetof(struct asker, names.of);
    return sizeof(struct asker);
}

/* ---- a worker reads answers ---- */

static bool is_answer(const struct ft_packet *p)
{
    return p->payload_cap > 0 && p->key.proto == PROTO_UDP && p->frag == FT_FRAG_NONE &&
           p->key.port[p->swap] == PORT_DNS;
}

static void read_answer(struct ft_detect_worker *w, const struct ft_packet *p)
{
    const struct ft_hash_seed *seed = &w->d->cfg.seed;
    struct ft_note n = {.at_ns = p->ts_ns, .proto = PROTO_UDP, .bits = FT_NOTE_NAME};
    struct ft_note_name name;
    struct ft_dns dns;
    bool v6 = (p->key.bits & FT_KEY_V6) != 0;

    if (!ft_dns_read(p->payload, p->payload_cap, p->payload_cap < p->payload_len, FT_DNS_PLAIN,
                     &dns) ||
        !dns.response || !dns.has_question || !ft__name_read(seed, dns.name, dns.name_len, &name)) {
        return;
    }
    name.rcode = dns.rcode;
    name.looked_up = name.looked_up || dns.a_listed;
    n.ip_version = v6 ? 6 : 4;
    for (int i = 0; i < 2; i++) { /* who asked, who answered */
        int side = i == 0 ? !p->swap : p->swap;

        if (v6) {
            memcpy(n.addr[i], p->addr6 + 16 * side, 16);
        } else {
            memcpy(n.addr[i], &p->key.addr[side], 4);
        }
        n.port[i] = p->key.port[side];
    }
    n.flow_id = ft_hash_16(seed, name.domain ^ ft_load_u64(n.addr[0]),
                           name.sub ^ (uint64_t)dns.id << 16 ^ n.port[0]);
    ft__note_name(w, &n, &name);
}

void ft_detect_answers(struct ft_detect_worker *w, const struct ft_packet *pkts, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (is_answer(&pkts[i])) {
            read_answer(w, &pkts[i]);
        }
    }
}

/* ---- what is found ---- */

static void name_it(const struct ft_note_name *name, struct ft_alert *a)
{
    a->name_len = name->text_len < FT_ALERT_NAME ? name->text_len : FT_ALERT_NAME;
    memcpy(a->name, name->text, a->name_len);
    a->has_port = true;
}

static double names_of(const struct tunnel *t)
{
    uint32_t clear = t->set < MAP_BITS ? MAP_BITS - t->set : 1;

    return round(-MAP_BITS * log((double)clear / MAP_BITS));
}

static void count_name(struct tunnel *t, const struct ft_note *note,
                       const struct ft_note_name *name)
{
    uint64_t *word = &t->map[name->sub % MAP_BITS / 64];
    uint64_t bit = UINT64_C(1) << name->sub % 64;

    t->set += (*word & bit) == 0;
    *word |= bit;
    t->last_ns = note->at_ns;
    t->n++;
    t->length += name->sub_len;
    t->entropy += name->sub_entropy;
    t->head.weight = t->set;
}

static void look_tunnel(struct ft_detect *d, const struct ft_note *note,
                        const struct ft_note_name *name)
{
    const enum ft_rule_id rule = FT_RULE_DNS_TUNNEL;
    struct ft__host_key key = ft__key_of(note, 0);
    struct tunnel *t;
    struct ft_alert a;
    uint32_t bands = 0;
    bool fresh;

    memcpy(key.peer, &name->domain, sizeof name->domain);
    t = ft__entity_get(d, FT__TUNNELS, &key, note->at_ns, &fresh);
    t->first_ns = fresh ? note->at_ns : t->first_ns;
    count_name(t, note, name);
    double names = names_of(t);

    while (bands < FT_SEVERITY__COUNT && names >= ft__value(d, rule, (int)bands)) {
        bands++;
    }
    if (bands <= t->bands || t->length / t->n < ft__value(d, rule, P_LENGTH) ||
        t->entropy / t->n < ft__value(d, rule, P_ENTROPY)) {
        return;
    }
    t->bands = bands;
    ft__alert_begin(d, rule, note, 0, &a);
    ft__alert_band(d, rule, bands - 1, &a);
    name_it(name, &a);
    memcpy(a.peer, key.peer, sizeof a.peer); /* not shown; a limit of its own for each domain */
    a.first_ns = t->first_ns;
    a.last_ns = t->last_ns;
    a.value = names;
    a.threshold = ft__value(d, rule, (int)bands - 1);
    a.names = (uint64_t)names;
    a.name_length = t->length / t->n;
    a.name_entropy = t->entropy / t->n;
    ft__raise(d, rule, &a);
}

static void look_generated(struct ft_detect *d, const struct ft_note *note,
                           const struct ft_note_name *name)
{
    const enum ft_rule_id rule = FT_RULE_DGA;
    struct ft__host_key key = ft__key_of(note, 0);
    struct ft_alert a;
    struct asker *s;
    bool fresh;

    if (name->rcode != FT__NXDOMAIN || name->label_len < LABEL_LEAST ||
        name->surprise < ft__value(d, rule, P_SURPRISE)) {
        return;
    }
    s = ft__entity_get(d, FT__ASKERS, &key, note->at_ns, &fresh);
    s->first_ns = fresh ? note->at_ns : s->first_ns;
    s->last_ns = note->at_ns;
    s->n++;
    ft__recent_add(&s->names, (uint32_t)(name->domain >> 32), note->at_ns,
                   d->tables[FT__ASKERS].span_ns);
    s->head.weight = s->names.n;
    if (s->names.n < ft__value(d, rule, P_NAMES)) {
        return;
    }
    ft__alert_begin(d, rule, note, 0, &a);
    name_it(name, &a);
    a.first_ns = s->first_ns;
    a.last_ns = s->last_ns;
    a.value = s->names.n;
    a.threshold = ft__value(d, rule, P_NAMES);
    a.names = s->names.n;
    ft__raise(d, rule, &a);
}

void ft__detect_asked(struct ft_detect *d, const struct ft_note *note)
{
    const struct ft_note_name *name = note->name;

    if (name->sub_len > 0 && !name->looked_up && ft__is_watched(d, FT_RULE_DNS_TUNNEL, note, 0)) {
        look_tunnel(d, note, name);
    }
    if (ft__is_watched(d, FT_RULE_DGA, note, 0)) {
        look_generated(d, note, name);
    }
}
