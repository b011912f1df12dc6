/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline: each class of columns in each event's struct, see anonymize.h. */
#include "pipeline/anonymize.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "feature/feature.h"
#include "model/alert.h"
#include "model/window.h"

enum {
    VALUES_MAX = 4096, /* of one record: as many as a template has fields */
    VALUE_ROOM = 16,   /* bytes of one that stays: numbers, times, addresses, digests */
    DIGEST = FT_CRYPTOPAN_NAME,
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
    void *part[FT_PARTS_MAX]; /* of the features that hide something, owned */
    struct ft_export_record record;
    struct ft_export_sample sample;
    struct ft_export_counters counters;
    struct ft_template_change change;
    struct ft_exporter_health health;
    struct ft_window_row window;
    struct ft_alert alert;
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
    for (uint32_t p = 0; rc == FT_OK && p < FT_PARTS_MAX; p++) {
        const struct ft_feature *f = ft_feature_at(p);

        if (f != NULL && f->hide != NULL) {
            a->part[p] = ft_mem_alloc(1, f->part);
            rc = a->part[p] != NULL ? FT_OK : FT_E_NOMEM;
        }
    }
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
        for (uint32_t p = 0; p < FT_PARTS_MAX; p++) {
            ft_mem_free(a->part[p]);
        }
        ft_cryptopan_free(a->map);
        ft_map_free(a, sizeof *a);
    }
}

struct ft_cryptopan *ft_anonymizer_map(struct ft_anonymizer *a)
{
    return a->map;
}

/* ---- packets and flows ---- */

static void map_packet(struct ft_anonymizer *a, struct ft_packet *p)
{
    if (p->key.bits & FT_KEY_V6) {
        ft_cryptopan_map_ip(a->map, 6, p->addr6);
        ft_cryptopan_map_ip(a->map, 6, p->addr6 + 16);
    } else {
        ft_cryptopan_map_ip(a->map, 4, (uint8_t *)&p->key.addr[0]);
        ft_cryptopan_map_ip(a->map, 4, (uint8_t *)&p->key.addr[1]);
    }
    if (p->tunnel != FT_TUNNEL_NONE) {
        ft_cryptopan_map_ip(a->map, p->tunnel_version, p->outer[0]);
        ft_cryptopan_map_ip(a->map, p->tunnel_version, p->outer[1]);
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

/* A copy of a part in which its feature has hidden what it has to. */
static const void *hide_part(struct ft_anonymizer *a, uint32_t part, const void *what)
{
    const struct ft_feature *f = ft_feature_at(part);

    if (f->hide == NULL || what == NULL || what == f->columns->nothing) {
        return what;
    }
    memcpy(a->part[part], what, f->part);
    f->hide(a->map, a->names, a->part[part]);
    return a->part[part];
}

const struct ft_flow_record *ft_anonymize_flow(struct ft_anonymizer *a,
                                               const struct ft_flow_record *rec)
{
    struct ft_flow_record *r = &a->flow;

    *r = *rec;
    r->part[FT_PART_CORE] = r;
    ft_cryptopan_map_ip(a->map, r->ip_version, r->src);
    ft_cryptopan_map_ip(a->map, r->ip_version, r->dst);
    r->flow_id = ft_cryptopan_id(a->map, r->flow_id);
    for (uint32_t p = 0; p < FT_PARTS_MAX; p++) {
        if (ft_feature_at(p) != NULL) {
            r->part[p] = hide_part(a, p, r->part[p]);
        }
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
        ft_cryptopan_map_ip(a->map, e->ip_version, e->addr);
        ft_cryptopan_map_ip(a->map, e->agent_version, e->agent);
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
            ft_cryptopan_name(a->map, at, len, to, DIGEST);
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
    ft_cryptopan_name(a->map, (const uint8_t *)text, strlen(text), (uint8_t *)a->label_text[i],
                      DIGEST);
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
    r->enrich = hide_part(a, FT_PART_ENRICH, in->enrich);
    r->lists = NULL;
    r->n_values = map_values(a, in->base, in->values, in->n_values);
    r->values = a->values;
    r->base = a->bytes;
    r->text_max = ft_xvalues_room(r->values, r->n_values);
    if (r->has & FT_XR_SRC_ADDR) {
        ft_cryptopan_map_ip(a->map, r->ip_version, r->src);
    }
    if (r->has & FT_XR_DST_ADDR) {
        ft_cryptopan_map_ip(a->map, r->ip_version, r->dst);
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

static const struct ft_window_row *map_window(struct ft_anonymizer *a,
                                              const struct ft_window_row *row)
{
    a->window = *row;
    ft_cryptopan_map_ip(a->map, row->ip_version, a->window.address);
    if (row->entity == FT_ENTITY_PAIR) {
        ft_cryptopan_map_ip(a->map, row->ip_version, a->window.peer);
    }
    return &a->window;
}

static const struct ft_alert *map_alert(struct ft_anonymizer *a, const struct ft_alert *in)
{
    struct ft_alert *r = &a->alert;

    *r = *in;
    ft_cryptopan_map_ip(a->map, r->ip_version, r->address);
    if (r->has_peer) {
        ft_cryptopan_map_ip(a->map, r->ip_version, r->peer);
    }
    for (uint32_t i = 0; i < r->n_flow_ids; i++) {
        r->flow_id[i] = ft_cryptopan_id(a->map, r->flow_id[i]);
    }
    ft_alert_say_ids(r);
    r->name_len = 0;
    if (in->name_len > 0 && a->names == FT_NAMES_HASH) {
        ft_cryptopan_name(a->map, in->name, in->name_len, r->name, DIGEST);
        r->name_len = DIGEST;
    }
    return r;
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
    case FT_EVENT_WINDOW:
        return map_window(a, what);
    case FT_EVENT_ALERT:
        return map_alert(a, what);
    case FT_EVENT_AFTERIMAGE: /* numbers */
    case FT_EVENT_STATS:      /* flowtap's own account: numbers, and outputs as they were named */
    case FT_EVENT_PACKET:     /* none: an output that holds packets is refused */
    case FT_EVENT__COUNT:
        break;
    }
    return what;
}
