/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: each class of columns in each event's struct, see anonymize.h. */
#include "pipeline/anonymize.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "codec/text/digits.h"
#include "model/app.h"

enum {
    VALUES_MAX = 4096, /* of one record: as many as a template has fields */
    VALUE_ROOM = 16,   /* bytes of one that stays: numbers, times, addresses, digests */
    DIGEST = 16,       /* hex digits of a name's digest */
    LABEL = DIGEST + 1
};

struct ft_anonymizer {
    struct ft_cryptopan *map;
    enum ft_names names;
    /* what was asked about last, and what was given for it */
    struct ft_exporter_info exporter_in, exporter_out;
    /* scratch of the event in hand */
    FT_ALIGNED(32) struct ft_packet packet;
    struct ft_flow_record flow;
    struct ft_tunnel_record tunnel;
    struct ft_link_record link;
    struct ft_app_info app;
    struct ft_export_record record;
    struct ft_export_sample sample;
    struct ft_export_counters counters;
    struct ft_template_change change;
    struct ft_exporter_health health;
    struct ft_export_names labels;
    char label_text[5][LABEL];
    struct ft_xvalue values[VALUES_MAX];
    uint8_t bytes[VALUES_MAX * VALUE_ROOM];
};

int ft_anonymizer_new(const uint8_t key[FT_CRYPTOPAN_KEY], enum ft_names names,
                      struct ft_anonymizer **out)
{
    struct ft_anonymizer *a = ft_map_alloc(sizeof *a);
    int rc;

    if (a == NULL) {
        return FT_E_NOMEM;
    }
    a->names = names;
    rc = ft_cryptopan_new(key, &a->map);
    if (rc != FT_OK) {
        ft_anonymizer_free(a);
        return rc;
    }
    *out = a;
    return FT_OK;
}

void ft_anonymizer_free(struct ft_anonymizer *a)
{
    if (a != NULL) {
        ft_cryptopan_free(a->map);
        ft_map_free(a, sizeof *a);
    }
}

struct ft_cryptopan *ft_anonymizer_map(struct ft_anonymizer *a)
{
    return a->map;
}

static void map_ip(struct ft_anonymizer *a, uint8_t version, uint8_t *addr)
{
    if (version != 0) {
        ft_cryptopan_map(a->map, addr, version == 4 ? 4 : 16);
    }
}

/* Writes chars hex digits that stand for a text. */
static void put_digest(struct ft_anonymizer *a, const uint8_t *text, size_t len, uint8_t *out,
                       size_t chars)
{
    uint8_t hex[DIGEST + FT_PUT_SLACK];

    for (size_t at = 0; at < chars; at += DIGEST) {
        size_t n = chars - at < DIGEST ? chars - at : DIGEST;

        if (at == 0) {
            ft_put_hex64(hex, ft_cryptopan_digest(a->map, text, len));
        } else { /* more than one digest's digits: the next is of the one before */
            ft_put_hex64(hex, ft_cryptopan_digest(a->map, hex, DIGEST));
        }
        memcpy(out + at, hex, n);
    }
}

/* ---- packets and flows ---- */

static void map_packet(struct ft_anonymizer *a, struct ft_packet *p)
{
    if (p->key.bits & FT_KEY_V6) {
        map_ip(a, 6, p->addr6);
        map_ip(a, 6, p->addr6 + 16);
    } else {
        map_ip(a, 4, (uint8_t *)&p->key.addr[0]);
        map_ip(a, 4, (uint8_t *)&p->key.addr[1]);
    }
    if (p->tunnel != FT_TUNNEL_NONE) {
        map_ip(a, p->tunnel_version, p->outer[0]);
        map_ip(a, p->tunnel_version, p->outer[1]);
    }
    p->payload = NULL;
    p->payload_cap = 0;
}

const struct ft_packet *ft_anonymize_packet(struct ft_anonymizer *a, const struct ft_packet *pkt)
{
    a->packet = *pkt;
    map_packet(a, &a->packet);
    return &a->packet;
}

static void hide_text(struct ft_anonymizer *a, struct ft_app_text *t, uint8_t *text)
{
    if (t->len > 0 && a->names == FT_NAMES_HASH) {
        put_digest(a, text, t->len, text, DIGEST);
        t->len = DIGEST;
    } else {
        t->len = 0;
    }
    t->cut = 0;
}

_Static_assert(sizeof((struct ft_app_http *)0)->method_text >= DIGEST,
               "the shortest text has room");

/* JA4 ends in hex of the client's choices but has two bytes of its text inside. */
static void hide_ja4(struct ft_anonymizer *a, char ja4[37])
{
    if (ja4[0] != '\0' && a->names == FT_NAMES_HASH) {
        put_digest(a, (const uint8_t *)ja4, 36, (uint8_t *)ja4, 36);
    } else {
        ja4[0] = '\0';
    }
}

static void hide_app(struct ft_anonymizer *a, struct ft_app_info *i)
{
    hide_text(a, &i->name, i->name_text);
    hide_text(a, &i->tls.alpn, i->tls.alpn_text);
    hide_ja4(a, i->tls.ja4);
    switch ((enum ft_app_part)i->part) {
    case FT_APP_PART_HTTP:
        hide_text(a, &i->http.method, i->http.method_text);
        hide_text(a, &i->http.target, i->http.target_text);
        hide_text(a, &i->http.agent, i->http.agent_text);
        break;
    case FT_APP_PART_SSH:
        hide_text(a, &i->ssh.banner[0], i->ssh.banner_text[0]);
        hide_text(a, &i->ssh.banner[1], i->ssh.banner_text[1]);
        break;
    case FT_APP_PART_TLS:
    case FT_APP_PART_DNS:
    case FT_APP_PART_NONE:
        break;
    }
}

const struct ft_flow_record *ft_anonymize_flow(struct ft_anonymizer *a,
                                               const struct ft_flow_record *rec)
{
    struct ft_flow_record *r = &a->flow;

    *r = *rec;
    r->part[FT_PART_CORE] = r;
    map_ip(a, r->ip_version, r->src);
    map_ip(a, r->ip_version, r->dst);
    r->flow_id = ft_cryptopan_id(a->map, r->flow_id);
    if (r->part[FT_PART_TUNNEL] != NULL && r->part[FT_PART_TUNNEL] != &ft_tunnel_nothing) {
        memcpy(&a->tunnel, r->part[FT_PART_TUNNEL], sizeof a->tunnel);
        map_ip(a, a->tunnel.version, a->tunnel.src);
        map_ip(a, a->tunnel.version, a->tunnel.dst);
        r->part[FT_PART_TUNNEL] = &a->tunnel;
    }
    if (r->part[FT_PART_LINK] != NULL) {
        memcpy(&a->link, r->part[FT_PART_LINK], sizeof a->link);
        ft_cryptopan_mac(a->map, a->link.mac[0]);
        ft_cryptopan_mac(a->map, a->link.mac[1]);
        r->part[FT_PART_LINK] = &a->link;
    }
    if (r->part[FT_PART_APP] != NULL) {
        memcpy(&a->app, r->part[FT_PART_APP], sizeof a->app);
        hide_app(a, &a->app);
        r->part[FT_PART_APP] = &a->app;
    }
    return r;
}

/* ---- what exporters tell ---- */

static void write_address(uint8_t version, const uint8_t *addr, char out[48])
{
    if (version == 0 || inet_ntop(version == 4 ? AF_INET : AF_INET6, addr, out, 48) == NULL) {
        out[0] = '\0';
    }
}

/* By what it holds, not by its place: exporters come and go. */
static const struct ft_exporter_info *map_exporter(struct ft_anonymizer *a,
                                                   const struct ft_exporter_info *in)
{
    struct ft_exporter_info *e = &a->exporter_out;

    if (e->ip_version == 0 || memcmp(&a->exporter_in, in, sizeof *in) != 0) {
        memcpy(&a->exporter_in, in, sizeof *in);
        *e = *in;
        map_ip(a, e->ip_version, e->addr);
        map_ip(a, e->agent_version, e->agent);
        write_address(e->ip_version, e->addr, e->text);
        write_address(e->agent_version, e->agent, e->agent_text);
    }
    return e;
}

/* One value, whose bytes go to `to` when it keeps any; returns how many. */
static uint16_t map_value(struct ft_anonymizer *a, const uint8_t *at, struct ft_xvalue *v,
                          uint8_t *to)
{
    enum ft_privacy class = ft_xtype_privacy((enum ft_xtype)v->type);
    uint16_t len = v->len;

    if (v->flags & FT_XV_TELLING) {
        class = FT_PRIVACY_PAYLOAD;
    }
    if (class == FT_PRIVACY_NAME && a->names == FT_NAMES_HASH) {
        while (len > 0 && at[len - 1] == 0) { /* fixed fields are padded */
            len--;
        }
        if (len > 0) {
            put_digest(a, at, len, to, DIGEST);
        }
        return len > 0 ? DIGEST : 0;
    }
    if (class == FT_PRIVACY_NAME || class == FT_PRIVACY_PAYLOAD || len > VALUE_ROOM) {
        v->flags |= FT_XV_ABSENT;
        return 0;
    }
    memcpy(to, at, len);
    if (v->type == FT_X_MAC) {
        ft_cryptopan_mac(a->map, to);
    } else if (v->type == FT_X_IPV4 || v->type == FT_X_IPV6) {
        ft_cryptopan_map(a->map, to, len);
    }
    return len;
}

/* Fills a->values and a->bytes; returns the number of values. */
static uint32_t map_values(struct ft_anonymizer *a, const uint8_t *base, const struct ft_xvalue *in,
                           uint32_t n)
{
    uint32_t at = 0;

    n = n < VALUES_MAX ? n : VALUES_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct ft_xvalue *v = &a->values[i];

        *v = in[i];
        v->offset = at;
        if (v->flags & (FT_XV_WRONG | FT_XV_ABSENT)) {
            v->len = 0; /* null already */
        } else {
            v->len = map_value(a, base + in[i].offset, v, a->bytes + at);
        }
        at += v->len;
    }
    return n;
}

static const char *map_label(struct ft_anonymizer *a, const char *text, int i)
{
    if (text == NULL || a->names != FT_NAMES_HASH) {
        return NULL;
    }
    put_digest(a, (const uint8_t *)text, strlen(text), (uint8_t *)a->label_text[i], DIGEST);
    return a->label_text[i];
}

static const struct ft_export_names *map_labels(struct ft_anonymizer *a,
                                                const struct ft_export_names *in)
{
    if (in == NULL || a->names != FT_NAMES_HASH) {
        return NULL;
    }
    a->labels.if_in = map_label(a, in->if_in, 0);
    a->labels.if_out = map_label(a, in->if_out, 1);
    a->labels.vrf_in = map_label(a, in->vrf_in, 2);
    a->labels.vrf_out = map_label(a, in->vrf_out, 3);
    a->labels.application = map_label(a, in->application, 4);
    return &a->labels;
}

static const void *map_record(struct ft_anonymizer *a, const struct ft_export_record *in)
{
    struct ft_export_record *r = &a->record;

    *r = *in;
    r->exporter = map_exporter(a, in->exporter);
    r->names = map_labels(a, in->names);
    r->lists = NULL;
    r->n_values = map_values(a, in->base, in->values, in->n_values);
    r->values = a->values;
    r->base = a->bytes;
    r->text_max = ft_xvalues_room(r->values, r->n_values);
    if (r->has & FT_XR_SRC_ADDR) {
        map_ip(a, r->ip_version, r->src);
    }
    if (r->has & FT_XR_DST_ADDR) {
        map_ip(a, r->ip_version, r->dst);
    }
    return r;
}

static const void *map_sample(struct ft_anonymizer *a, const struct ft_export_sample *in)
{
    struct ft_export_sample *s = &a->sample;

    *s = *in;
    s->exporter = map_exporter(a, in->exporter);
    s->pkt = in->pkt != NULL ? ft_anonymize_packet(a, in->pkt) : NULL;
    ft_cryptopan_mac(a->map, s->src_mac);
    ft_cryptopan_mac(a->map, s->dst_mac);
    s->n_values = map_values(a, in->base, in->values, in->n_values);
    s->values = a->values;
    s->base = a->bytes;
    s->text_max = ft_xvalues_room(s->values, s->n_values);
    return s;
}

static const void *map_counters(struct ft_anonymizer *a, const struct ft_export_counters *in)
{
    struct ft_export_counters *c = &a->counters;

    *c = *in;
    c->exporter = map_exporter(a, in->exporter);
    c->n_values = map_values(a, in->base, in->values, in->n_values);
    c->values = a->values;
    c->base = a->bytes;
    c->text_max = ft_xvalues_room(c->values, c->n_values);
    return c;
}

const void *ft_anonymize_export(struct ft_anonymizer *a, enum ft_event event, const void *what)
{
    switch (event) { /* no default: the compiler asks about a new event */
    case FT_EVENT_FLOW:
        return map_record(a, what);
    case FT_EVENT_SAMPLE:
    case FT_EVENT_DISCARD:
        return map_sample(a, what);
    case FT_EVENT_COUNTER:
        return map_counters(a, what);
    case FT_EVENT_TEMPLATE:
        a->change = *(const struct ft_template_change *)what;
        a->change.exporter = map_exporter(a, a->change.exporter);
        return &a->change;
    case FT_EVENT_EXPORTER:
        a->health = *(const struct ft_exporter_health *)what;
        a->health.exporter = map_exporter(a, a->health.exporter);
        return &a->health;
    case FT_EVENT_STATS:  /* flowtap's own account: numbers, and outputs as they were named */
    case FT_EVENT_PACKET: /* none: an output that holds packets is refused */
    case FT_EVENT__COUNT:
        break;
    }
    return what;
}
