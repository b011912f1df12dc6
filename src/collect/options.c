/* SPDX-License-Identifier: Apache-2.0 */
/* collect: options data: what an exporter says of itself, applied to its records. */
#include <string.h>

#include "collect/internal.h"
#include "decode/general.h"

/* IANA elements, and scope types of v9 (RFC 3954 §6.1), that options records are read for. */
enum {
    IE_INTERFACE = 10,
    IE_EGRESS_INTERFACE = 14,
    IE_SAMPLING_INTERVAL = 34,
    IE_SAMPLER_ID = 48,
    IE_SAMPLER_RANDOM_INTERVAL = 50,
    IE_FLOW_DIRECTION = 61,
    IE_INTERFACE_NAME = 82,
    IE_INTERFACE_DESCRIPTION = 83,
    IE_APPLICATION_ID = 95,
    IE_APPLICATION_NAME = 96,
    IE_EXPORTER4 = 130,
    IE_EXPORTER6 = 131,
    IE_METERING_PROCESS = 143,
    IE_EXPORTING_PROCESS = 144,
    IE_TEMPLATE_ID = 145,
    IE_DOMAIN = 149,
    IE_SYSTEM_INIT_MS = 160,
    IE_INGRESS_VRFID = 234,
    IE_VRF_NAME = 236,
    IE_SELECTOR_ID = 302,
    IE_ELEMENT_ID = 303,
    IE_PACKET_INTERVAL = 305,
    IE_PACKET_SPACE = 306,
    IE_SIZE = 309,
    IE_POPULATION = 310,
    IE_PROBABILITY = 311,
    IE_ELEMENT_TYPE = 339,
    IE_ELEMENT_NAME = 341,
    IE_ELEMENT_PEN = 346,
    SCOPE_SYSTEM = 1,
    SCOPE_INTERFACE = 2,
    SCOPE_TEMPLATE = 5
};

struct told {
    const uint8_t *p; /* NULL: not told */
    uint32_t len;
};

/* What one options record tells, by element. */
struct options {
    struct told interface, direction, sampler, template_id;
    struct told sampling[FT__SELECT__COUNT];
    uint64_t part;      /* of the scopes that no record names */
    uint32_t part_kind; /* their elements */
    bool has_part;
    uint16_t interface_by; /* 10 or 14, when the interface is told by that */
    struct told if_name, if_description, vrf, vrf_name, app, app_name, init;
    struct told ie_id, ie_pen, ie_type, ie_name;
};

/* Of a scope that has a meaning of its own as one; NULL: it is as an element, or another scope. */
static struct told *scope_of(struct options *o, const struct ft_template_field *f)
{
    if (f->scope) {
        return f->id == SCOPE_INTERFACE  ? &o->interface
               : f->id == SCOPE_TEMPLATE ? &o->template_id
                                         : NULL;
    }
    return f->pen == 0 && f->id == IE_TEMPLATE_ID ? &o->template_id : NULL;
}

/* A scope that is the exporter, or all of the domain. */
static bool is_whole(const struct ft_template_field *f)
{
    if (f->scope) {
        return f->id == SCOPE_SYSTEM;
    }
    return f->pen == 0 &&
           (f->id == IE_EXPORTER4 || f->id == IE_EXPORTER6 || f->id == IE_METERING_PROCESS ||
            f->id == IE_EXPORTING_PROCESS || f->id == IE_DOMAIN);
}

/* Any other scope: a part that no record is told by; of several, what they are together. */
static void add_part(struct options *o, const struct ft_template_field *f, const struct told *value)
{
    uint64_t id = 0;

    for (uint32_t i = 0; i < value->len; i++) {
        id = value->len <= 8 ? id << 8 | value->p[i]
                             : (id ^ value->p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    }
    o->part = o->has_part ? (o->part ^ id) * UINT64_C(0x100000001b3) : id;
    o->part_kind = o->has_part ? o->part_kind * 65599 + f->id : f->id;
    o->has_part = true;
}

static struct told *place_of(struct options *o, const struct ft_template_field *f, bool scope)
{
    struct told *t = scope ? scope_of(o, f) : NULL;

    if (t != NULL || f->scope || f->pen != 0) {
        return t;
    }
    switch (f->id) {
    case IE_INTERFACE:
    case IE_EGRESS_INTERFACE:
        o->interface_by = o->interface.p == NULL ? f->id : o->interface_by;
        return &o->interface;
    case IE_FLOW_DIRECTION:
        return &o->direction;
    case IE_SAMPLING_INTERVAL:
        return &o->sampling[FT__SELECT_INTERVAL];
    case IE_SAMPLER_RANDOM_INTERVAL:
        return &o->sampling[FT__SELECT_RANDOM];
    case IE_PACKET_INTERVAL:
        return &o->sampling[FT__SELECT_TAKEN];
    case IE_SAMPLER_ID:
    case IE_SELECTOR_ID:
        return &o->sampler;
    case IE_PACKET_SPACE:
        return &o->sampling[FT__SELECT_SPACE];
    case IE_SIZE:
        return &o->sampling[FT__SELECT_SIZE];
    case IE_POPULATION:
        return &o->sampling[FT__SELECT_POPULATION];
    case IE_PROBABILITY:
        return &o->sampling[FT__SELECT_PROBABILITY];
    case IE_INTERFACE_NAME:
        return &o->if_name;
    case IE_INTERFACE_DESCRIPTION:
        return &o->if_description;
    case IE_INGRESS_VRFID:
        return &o->vrf;
    case IE_VRF_NAME:
        return &o->vrf_name;
    case IE_APPLICATION_ID:
        return &o->app;
    case IE_APPLICATION_NAME:
        return &o->app_name;
    case IE_SYSTEM_INIT_MS:
        return &o->init;
    case IE_ELEMENT_ID:
        return &o->ie_id;
    case IE_ELEMENT_PEN:
        return &o->ie_pen;
    case IE_ELEMENT_TYPE:
        return &o->ie_type;
    case IE_ELEMENT_NAME:
        return &o->ie_name;
    default:
        return NULL;
    }
}

static uint64_t number(const struct told *t)
{
    return t->p != NULL && t->len <= 8 ? ft__load_uint(t->p, t->len) : 0;
}

/* What was said of the selection of packets. */
static struct ft__sampling sampling_of(const struct options *o)
{
    struct ft__sampling s = {.has = 0};

    for (int i = 0; i < FT__SELECT__COUNT; i++) {
        const struct told *t = &o->sampling[i];

        if (t->p != NULL) {
            s.v[i] =
                i == FT__SELECT_PROBABILITY ? ft__sampling_probability(t->p, t->len) : number(t);
            s.has |= (uint8_t)(1 << i);
        }
    }
    return s;
}

static uint8_t way_of(const struct options *o)
{
    uint64_t direction = o->direction.p != NULL ? number(&o->direction) : UINT64_MAX;

    if (direction <= 1) {
        return direction == 0 ? FT__WAY_IN : FT__WAY_OUT;
    }
    return o->interface_by == IE_INTERFACE          ? FT__WAY_IN_BY_10
           : o->interface_by == IE_EGRESS_INTERFACE ? FT__WAY_OUT_BY_14
                                                    : FT__WAY_BOTH;
}

/* A rate belongs to what the record names: an interface, a sampler, both, a template, a part of the
 * exporter; else to the domain. One of 0 takes back what was told before. */
static void take_sampling(struct ft__exporter *e, const struct options *o)
{
    const struct ft__sampling s = sampling_of(o);
    const struct ft__rate_of of = {
        .sampler = number(&o->sampler),
        .has_sampler = o->sampler.p != NULL,
        .interface = (uint32_t)number(&o->interface),
        .has_interface = o->interface.p != NULL,
        .way = way_of(o),
        .template_id = (uint16_t)number(&o->template_id),
        .has_template = o->template_id.p != NULL,
        .part = o->part,
        .part_kind = o->part_kind,
        .has_part = o->has_part,
    };

    if (s.has != 0) {
        ft_ignore(ft__rates_tell(&e->rates, &of, ft__sampling_rate(&s))); /* unknown, if it fails */
    }
}

static bool is_named(const struct ft__names *names, enum ft__name_kind kind, const struct told *id)
{
    return kind == FT__NAME_APPLICATION ? ft__names_application(names, id->p, id->len) != NULL
                                        : ft__names_get(names, kind, number(id)) != NULL;
}

static int set_name(struct ft_collector *c, enum ft__name_kind kind, const struct told *id,
                    const struct told *name)
{
    struct ft__names **names = &c->exporter->names;

    if (kind == FT__NAME_APPLICATION) {
        return ft__names_set_application(names, &c->exporters.seed, id->p, id->len, name->p,
                                         name->len);
    }
    return ft__names_set(names, &c->exporters.seed, kind, number(id), name->p, name->len);
}

static void take_name(struct ft_collector *c, enum ft__name_kind kind, const struct told *id,
                      const struct told *name)
{
    struct ft__exporter *e = c->exporter;
    uint32_t before = ft__names_count(e->names);
    const struct ft__common of = {FT__IN_HOLDS_NAMES, &c->exporters.names, FT__NAMES_ALL,
                                  e->origin->names, FT__NAMES_ALL / FT__SHARE_PARTS};

    if (id->p == NULL || name->p == NULL || (id->len > 8 && kind != FT__NAME_APPLICATION)) {
        return;
    }
    bool room = is_named(e->names, kind, id) || ft__collect_room(c, &of, 1); /* may change */

    if (!room || set_name(c, kind, id, name) != FT_OK) {
        e->h.malformed++; /* more names than may be kept */
    }
    before = ft__names_count(e->names) - before;
    c->exporters.names += before;
    e->origin->names += before;
    ft__exporter_holds(&c->exporters, e);
}

/* RFC 5610 §3.1: data types by number. */
static uint8_t type_of(uint64_t n)
{
    static const uint8_t types[] = {FT_X_OCTETS,
                                    FT_X_UINT,
                                    FT_X_UINT,
                                    FT_X_UINT,
                                    FT_X_UINT,
                                    FT_X_INT,
                                    FT_X_INT,
                                    FT_X_INT,
                                    FT_X_INT,
                                    FT_X_FLOAT,
                                    FT_X_FLOAT,
                                    FT_X_BOOL,
                                    FT_X_MAC,
                                    FT_X_STRING,
                                    FT_X_SECONDS,
                                    FT_X_MILLISECONDS,
                                    FT_X_MICROSECONDS,
                                    FT_X_NANOSECONDS,
                                    FT_X_IPV4,
                                    FT_X_IPV6,
                                    FT_X_BASIC_LIST,
                                    FT_X_SUBTEMPLATE_LIST,
                                    FT_X_SUBTEMPLATE_MULTI_LIST,
                                    FT_X_UINT256};

    return n < sizeof types ? types[n] : FT_X_OCTETS;
}

static void learn_type(struct ft_collector *c, const struct options *o)
{
    struct ft_element e = {
        .pen = (uint32_t)number(&o->ie_pen),
        .id = (uint16_t)(number(&o->ie_id) & 0x7fff),
        .type = type_of(o->ie_type.p != NULL ? number(&o->ie_type) : 0),
    };

    ft_ignore(ft__types_learn(&c->plans, &c->exporter->origin->types, c->exporter->proven, &e,
                              o->ie_name.p, o->ie_name.len)); /* unknown ones stay bytes */
}

static void take_field(struct options *o, const struct ft_template_field *f, bool scope,
                       struct told value)
{
    struct told *t = place_of(o, f, scope);

    if (scope && t != &o->interface && t != &o->sampler && t != &o->template_id && !is_whole(f)) {
        add_part(o, f, &value);
    }
    if (t != NULL && t->p == NULL) {
        *t = value;
    }
}

void ft__options_take(struct ft_collector *c, const struct ft__template_plan *plan,
                      const struct ft_xvalue *values, const uint8_t *record)
{
    struct options o;

    memset(&o, 0, sizeof o);
    for (uint32_t i = 0; i < plan->n_fields; i++) {
        if (plan->value_of[i] != UINT16_MAX) {
            const struct ft_xvalue *v = &values[plan->value_of[i]];

            take_field(&o, &plan->fields[i], i < plan->n_scope,
                       (struct told){record + v->offset, v->len});
        }
    }
    take_sampling(c->exporter, &o);
    take_name(c, FT__NAME_INTERFACE, &o.interface,
              o.if_name.p != NULL ? &o.if_name : &o.if_description);
    take_name(c, FT__NAME_VRF, &o.vrf, &o.vrf_name);
    take_name(c, FT__NAME_APPLICATION, &o.app, &o.app_name);
    if (o.init.len == 8) {
        c->exporter->init_ns = ft__init_time(number(&o.init));
    }
    if (o.ie_id.p != NULL && o.ie_pen.p != NULL && o.ie_name.p != NULL) {
        learn_type(c, &o);
    }
}

void ft__section_take(struct ft_collector *c, const uint8_t *data, size_t len, uint16_t linktype,
                      struct ft_export_record *r)
{
    struct ft_packet pkt;
    uint32_t wire = len < 65536 ? 65536 : (uint32_t)len; /* the section is the packet's front */
    struct ft_view v = {
        .data = data, .caplen = (uint32_t)len, .len = wire, .linktype = linktype, .ts_ns = 0};

    if (r->has & FT_XR_ADDRESSES) {
        return; /* the exporter's own word counts */
    }
    if (ft__decode_general(&c->packets, &v, &pkt) != FT_V_DECODED) {
        return;
    }
    bool v6 = (pkt.key.bits & FT_KEY_V6) != 0;
    int from = pkt.swap, to = !pkt.swap;

    r->ip_version = v6 ? 6 : 4;
    memcpy(r->src, v6 ? pkt.addr6 + 16 * from : (const uint8_t *)&pkt.key.addr[from], v6 ? 16 : 4);
    memcpy(r->dst, v6 ? pkt.addr6 + 16 * to : (const uint8_t *)&pkt.key.addr[to], v6 ? 16 : 4);
    r->src_port = pkt.key.port[from];
    r->dst_port = pkt.key.port[to];
    r->proto = pkt.key.proto;
    r->tcp_flags = pkt.tcp_flags;
    r->has |= FT_XR_ADDRESSES | FT_XR_PORTS | FT_XR_PROTO;
    if (pkt.key.proto == 6) {
        r->has |= FT_XR_TCP_FLAGS;
    }
    if ((r->has & FT_XR_PACKETS) == 0) { /* one sampled packet */
        r->packets = 1;
        r->bytes = (r->has & FT_XR_BYTES) ? r->bytes : pkt.ip_len;
        r->has |= FT_XR_PACKETS | FT_XR_BYTES;
    }
}
